package pack_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/internal/pack"
	"github.com/guerdonhq/guerdon/timeframe"
)

type inner struct {
	Name string           `json:"name"`
	Sum  *decimal.Decimal `json:"sum,omitempty"`
}

type embedded struct {
	Version int `json:"version"`
}

type named string

// A thing has a field of every kind that is kept.
type thing struct {
	embedded
	inner

	ID     string            `json:"id"`
	Kind   named             `json:"kind,omitempty"`
	Yes    bool              `json:"yes,omitempty"`
	N      int64             `json:"n,omitempty"`
	Small  int8              `json:"small,omitempty"`
	U      uint64            `json:"u,omitempty"`
	F      float64           `json:"f,omitempty"`
	At     time.Time         `json:"at,omitzero"`
	Until  time.Time         `json:"until,omitzero"`
	Day    timeframe.Day     `json:"day,omitzero"`
	Amount decimal.Decimal   `json:"amount,omitzero"`
	Texts  []string          `json:"texts,omitempty"`
	Inners []inner           `json:"inners,omitempty"`
	Inside inner             `json:"inside,omitzero"`
	Any    any               `json:"any,omitempty"`
	Next   *thing            `json:"next,omitempty"`
	Data   map[string]any    `json:"data,omitempty"`
	Names  map[string]string `json:"names,omitempty"`
	Raw    json.RawMessage   `json:"raw,omitempty"`
	Number json.Number       `json:"number,omitempty"`
	Bytes  []byte            `json:"bytes,omitempty"`
	NoName float64
	Hidden int `json:"-"`
}

var codec = pack.For[thing]()

func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"", "ada", "ada:weekly:three", "ada:weekly:three:completed", "ada:weekly:four", "userId", "COMPLETE", "bob"}),
	)
}

// keys draws keys, of which some name what things hold.
func keys() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"", "bob", "ada:weekly:three", "ada/2025-03-01T09:00:00.000000/0/ada:weekly", "//::##", "2025-99-01T09:00:00.000000"}),
	)
}

func instants() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		at := time.UnixMicro(rapid.Int64Range(-62135596800000000, 253370764799000000).Draw(t, "micros")).UTC()
		switch rapid.IntRange(0, 4).Draw(t, "odd") {
		case 0:
			return at.Add(time.Nanosecond)
		case 1:
			return at.In(time.FixedZone("", 3600))
		case 2:
			return time.Time{}
		}
		return at
	})
}

func decimals() *rapid.Generator[decimal.Decimal] {
	return rapid.Custom(func(t *rapid.T) decimal.Decimal {
		if rapid.IntRange(0, 5).Draw(t, "long") == 0 {
			return decimal.RequireFromString("-123456789012345678901234567890.5")
		}
		return decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-20, 20).Draw(t, "exponent"))
	})
}

func values() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), texts().AsAny(),
		rapid.SampledFrom([]any{0.0, 1.0, -7.0, 0.1, 1e300, math.Copysign(0, -1), 9007199254740993.0, json.Number("9007199254740993")}),
		rapid.SliceOfN(rapid.Deferred(values), 0, 3).AsAny(),
		rapid.MapOfN(texts(), rapid.Deferred(values), 0, 3).AsAny(),
	)
}

func things(depth int) *rapid.Generator[thing] {
	return rapid.Custom(func(t *rapid.T) thing {
		maybe := func(fn func()) {
			if rapid.Bool().Draw(t, "there") {
				fn()
			}
		}
		var x thing
		maybe(func() {
			x.ID, x.Kind, x.Name = texts().Draw(t, "id"), named(texts().Draw(t, "kind")), texts().Draw(t, "name")
		})
		maybe(func() { x.Yes, x.N, x.Small = true, rapid.Int64().Draw(t, "n"), rapid.Int8().Draw(t, "small") })
		maybe(func() {
			x.U, x.F, x.Version = rapid.Uint64().Draw(t, "u"), rapid.Float64().Draw(t, "f"), rapid.IntRange(-1, 40).Draw(t, "version")
		})
		maybe(func() { x.At, x.Until = instants().Draw(t, "at"), instants().Draw(t, "until") })
		maybe(func() { x.Day = timeframe.Date(2025, 3, rapid.IntRange(1, 31).Draw(t, "day")) })
		maybe(func() { x.Amount, x.Sum = decimals().Draw(t, "amount"), new(decimals().Draw(t, "sum")) })
		maybe(func() { x.Texts = rapid.SliceOfN(texts(), 0, 4).Draw(t, "texts") })
		maybe(func() { x.Inners = []inner{{}, {Name: texts().Draw(t, "inner")}} })
		maybe(func() { x.Inside.Name = texts().Draw(t, "inside") })
		maybe(func() { x.Inside.Sum = new(decimals().Draw(t, "inside")) })
		maybe(func() { x.Any = values().Draw(t, "any") })
		maybe(func() { x.Data = rapid.MapOfN(texts(), values(), 0, 3).Draw(t, "data") })
		maybe(func() { x.Names = rapid.MapOfN(texts(), texts(), 0, 3).Draw(t, "names") })
		maybe(func() { x.Raw, x.Number, x.Bytes = json.RawMessage(`{"b": 1, "a":[1.0]}`), "1.50", []byte{0, 255} })
		if depth > 0 {
			maybe(func() { x.Next = new(things(depth-1).Draw(t, "next")) })
		}
		return x
	})
}

// asJSON is what says whether two things are the same to those who read them.
func asJSON(t require.TestingT, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// A shape names what is kept at any depth, and nothing else.
func TestShape(t *testing.T) {
	type part struct {
		At    time.Time `json:"at"`
		hides int
		Skips int `json:"-"`
		Next  *part
	}
	type whole struct {
		part
		Parts  []part          `json:"parts,omitempty"`
		Sums   map[string]uint `json:"sums"`
		Data   map[string]any  `json:"data"`
		Day    timeframe.Day   `json:"day"`
		Amount decimal.Decimal
	}
	require.Equal(t, []string{
		"Amount Decimal", "Next.Next again part", "Next.at Time", "at Time", "data{} interface", "day kept by itself",
		"parts[].Next again part", "parts[].at Time", "sums{} uint",
	}, pack.For[whole]().Shape())
	require.Zero(t, part{}.hides)
}

// What is packed and read again is what it was, to the last digit, and so it is in JSON.
func TestPackIsUndoneByUnpack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, key := things(2).Draw(t, "thing"), keys().Draw(t, "key")
		b, err := codec.Pack(key, x)
		require.NoError(t, err)
		var y thing
		require.NoError(t, codec.Unpack(key, b, &y))
		require.Equal(t, asJSON(t, x), asJSON(t, y))
		again, err := codec.Pack(key, y)
		require.NoError(t, err)
		require.Equal(t, b, again)
		text, err := pack.JSON(key, b)
		require.NoError(t, err)

		small := pack.Squeeze(b)
		require.LessOrEqual(t, len(small), len(b))
		wide, err := pack.Expand(small)
		require.NoError(t, err)
		require.Equal(t, b, wide)
		var z thing
		require.NoError(t, codec.Unpack(key, small, &z))
		require.Equal(t, asJSON(t, x), asJSON(t, z))
		same, err := pack.JSON(key, small)
		require.NoError(t, err)
		require.Equal(t, text, same)
	})
}

// What makes one thing of another makes it so, and is small when they are alike.
func TestDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y, key := things(1).Draw(t, "to"), things(1).Draw(t, "from"), keys().Draw(t, "key")
		diff, err := codec.Diff(key, x, y)
		require.NoError(t, err)
		require.NoError(t, codec.Apply(key, diff, &y))
		require.Equal(t, asJSON(t, x), asJSON(t, y))
		diff, err = codec.Diff(key, x, y)
		require.NoError(t, err)
		require.Equal(t, []byte{0x13, 0}, bytes.TrimPrefix(diff, []byte{0x14}))
	})
}

func TestNilIsNotEmpty(t *testing.T) {
	for _, x := range []thing{{Texts: []string{}}, {Data: map[string]any{}}, {Names: map[string]string{}}, {Inners: []inner{}}, {Next: &thing{}}, {}} {
		b, err := codec.Pack("", x)
		require.NoError(t, err)
		var y thing
		require.NoError(t, codec.Unpack("", b, &y))
		require.Equal(t, x, y)
	}
}

// Records are kept: what was written once must be read for ever. Whoever changes these bytes changes the format.
func TestFormat(t *testing.T) {
	x := thing{
		ID: "ada:weekly:three", Kind: "COMPLETE", N: 300, At: time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC),
		Until: time.Date(2025, 3, 1, 9, 0, 0, 7000, time.UTC), Amount: decimal.RequireFromString("12.50"),
		Texts: []string{"ada:weekly:three", "ada:weekly:four"}, Data: map[string]any{"n": 5.0, "deep": []any{nil, true}},
	}
	x.Version = 1
	b, err := codec.Pack("", x)
	require.NoError(t, err)
	require.Equal(t, "1309da21ca506164613a7765656b6c793a7468726565d0fc416e03d804c20b809082de84d197060ac2010b0ec80dc4130345746578747"+
		"312028009000b04666f757244646174611302446465657012020002416e060a", hex.EncodeToString(b))
	var y thing
	require.NoError(t, codec.Unpack("", b, &y))
	require.Equal(t, x.Data, y.Data)
	text, err := pack.JSON("", b)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"version": 1, "id": "ada:weekly:three", "kind": "COMPLETE", "n": 300, "at": "2025-03-01T09:00:00Z", "until": "2025-03-01T09:00:00.000007Z",
		"amount": "12.5", "texts": ["ada:weekly:three", "ada:weekly:four"], "data": {"n": 5, "deep": [null, true]}
	}`, string(text))
}

// A record does not repeat what its key says, and is nothing without it.
func TestKeyedFormat(t *testing.T) {
	const key = "ada/2025-03-01T09:00:00.000000/0/run:7-of-ada"
	x := thing{
		ID: "ada", Texts: []string{key, "0/run:7-of-ada", "run:7-of-ada", "7-of-ada", "run:7-of-ada:paid"},
		At: time.Date(2025, 3, 1, 9, 0, 0, 1000, time.UTC),
	}
	b, err := codec.Pack(key, x)
	require.NoError(t, err)
	require.Equal(t, "141303ca43616461c20b0245746578747312058086878809070c053a70616964", hex.EncodeToString(b))
	var y thing
	require.NoError(t, codec.Unpack(key, b, &y))
	require.Equal(t, x, y)
	require.Error(t, codec.Unpack("", b, &thing{}))
	text, err := pack.JSON(key, b)
	require.NoError(t, err)
	require.Contains(t, string(text), `"7-of-ada","run:7-of-ada:paid"]`)
}

// Records are squeezed with the phrasebook that they name: whoever changes one can read none of them any more.
func TestSqueezedFormat(t *testing.T) {
	b, err := codec.Pack("", thing{ID: "ada", Texts: []string{strings.Repeat("dev-", 30)}, Data: map[string]any{"currentAmount": 5.0}})
	require.NoError(t, err)
	const kept = "15009301501303ca43616461457465787473120107786465762d11041500642444646174611301eb060a"
	require.Equal(t, kept, hex.EncodeToString(pack.Squeeze(b)))
	record, err := hex.DecodeString(kept)
	require.NoError(t, err)
	wide, err := pack.Expand(record)
	require.NoError(t, err)
	require.Equal(t, b, wide)

	for n := range record {
		require.Error(t, codec.Unpack("", record[:n], &thing{}), "cut off at %d", n)
	}
	record[1] = 99
	require.ErrorContains(t, codec.Unpack("", record, &thing{}), "phrasebook 99 is not known")
	require.ErrorContains(t, codec.Unpack("", []byte("\x15\x00\xff\xff\xff\xff\x0f"), &thing{}), "damaged or longer")
	book, err := os.ReadFile("phrases0")
	require.NoError(t, err)
	sum := sha256.Sum256(book)
	require.Equal(t, "4f8b157233307306b6e4b0248b213d7711809589e2c3964a85502b7c54264a8a", hex.EncodeToString(sum[:]))
}

// A field that a program does not know is passed over, and one of another type is an error.
func TestUnpackReadsOtherTypes(t *testing.T) {
	b, err := codec.Pack("", thing{ID: "one", N: 7, Texts: []string{"two"}, Data: map[string]any{"a": []any{1.5}}})
	require.NoError(t, err)
	var less struct {
		Texts []string `json:"texts"`
	}
	require.NoError(t, pack.For[struct {
		Texts []string `json:"texts"`
	}]().Unpack("", b, &less))
	require.Equal(t, []string{"two"}, less.Texts)
	var other struct {
		ID int `json:"id"`
	}
	require.ErrorContains(t, pack.For[struct {
		ID int `json:"id"`
	}]().Unpack("", b, &other), "is not an integer")
	require.ErrorContains(t, codec.Unpack("", append(b, 0), &thing{}), "something follows")
	for i := range b {
		require.Error(t, codec.Unpack("", b[:i], &thing{}))
	}
}

// No bytes make reading panic, and what can be read can be shown.
func FuzzUnpack(f *testing.F) {
	b, err := codec.Pack("", thing{ID: "one", N: 7, Texts: []string{"one:two"}, Data: map[string]any{"a": []any{1.5}}, At: time.Unix(1, 0).UTC()})
	require.NoError(f, err)
	f.Add("", b)
	b, err = codec.Pack("one/2025-03-01T09:00:00.000000/two", thing{ID: "one", At: time.Unix(1, 0).UTC(), Texts: []string{"2025-03-01T09:00:00.000000"}})
	require.NoError(f, err)
	f.Add("one/2025-03-01T09:00:00.000000/two", b)
	f.Add("one/2025-03-01T09:00:00.000000/two", pack.Squeeze(b))
	f.Fuzz(func(t *testing.T, key string, b []byte) {
		var x thing
		if codec.Unpack(key, b, &x) == nil {
			_, err := codec.Pack(key, x)
			require.NoError(t, err)
		}
		if text, err := pack.JSON(key, b); err == nil {
			require.True(t, json.Valid(text))
		}
	})
}
