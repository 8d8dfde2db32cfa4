package storetest

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

var recordTests = []test{
	{"RoundTrip", testRoundTrip},
	{"PackedRoundTrip", testPackedRoundTrip},
	{"Large", testLarge},
	{"LongestText", testLongestText},
	{"RefusedText", testRefusedText},
}

// An oddity has a field of every kind that encoders and databases are known to change.
type oddity struct {
	ID      string            `json:"id"`
	Text    string            `json:"text"`
	Texts   []string          `json:"texts"`
	Map     map[string]string `json:"map"`
	Bytes   []byte            `json:"bytes"`
	Pointer *int64            `json:"pointer"`
	Int     int64             `json:"int"`
	Uint    uint64            `json:"uint"`
	Float   float64           `json:"float"`
	Number  json.Number       `json:"number,omitempty"`
	Raw     json.RawMessage   `json:"raw,omitempty"`
	At      time.Time         `json:"at"`
	Deep    *oddity           `json:"deep"`
}

func defineOddities(name string) *store.Table[oddity] {
	return store.Define(name, func(o *oddity) string { return o.ID }, nil)
}

var (
	oddities       = defineOddities("oddities")
	packedOddities = defineOddities("packed_oddities").Packed()
)

func testRoundTrip(t *testing.T, s store.Store) { roundTrip(t, s, oddities) }

func testPackedRoundTrip(t *testing.T, s store.Store) { roundTrip(t, s, packedOddities) }

func roundTrip(t *testing.T, s store.Store, oddities *store.Table[oddity]) {
	zero := int64(0)
	all := []oddity{
		{ID: "01 zero"},
		{ID: "02 empty", Texts: []string{}, Map: map[string]string{}, Bytes: []byte{}, Pointer: &zero, Deep: &oddity{}},
		{ID: "03 texts", Text: strings.Join(awkward, "|"), Texts: awkward},
		{ID: "04 zero character", Text: "a\x00b\\u0000", Texts: []string{"\x00"}, Map: map[string]string{"\x00": "\x00"}},
		{ID: "05 markup", Text: `<a href="x">&amp;</a>'; drop table guerdon_notes; --`},
		{ID: "06 least", Int: math.MinInt64, Float: math.SmallestNonzeroFloat64},
		{ID: "07 greatest", Int: math.MaxInt64, Uint: math.MaxUint64, Float: math.MaxFloat64},
		{ID: "08 beyond 2^53", Int: 1<<53 + 1, Float: 0.1 + 0.2},
		{ID: "09 huge number", Number: "123456789012345678901234567890.123456789012345678901234567890"},
		{ID: "10 raw", Raw: json.RawMessage(`{"z":1,"a":[1.0,1e400,-0,{"z":null}],"a":"twice"}`)},
		{ID: "11 time", At: time.Date(2026, 3, 8, 2, 30, 0, 123_456_000, time.UTC)},
		{ID: "12 deep", Deep: &oddity{Deep: &oddity{Map: map[string]string{"é": "😀"}}}},
	}
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, oddities.Insert(ctx, tx, all...))
		got, err := oddities.List(ctx, tx, store.Query{})
		require.NoError(t, err)
		require.Equal(t, all, got)
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		got, err := oddities.List(ctx, tx, store.Query{})
		require.NoError(t, err)
		require.Equal(t, all, got)
		for _, want := range all {
			got, ok, err := oddities.Get(ctx, tx, want.ID)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, want, got)
		}
	})
}

func testLarge(t *testing.T, s store.Store) {
	large := note{"a", strings.Repeat("a long text ", 1<<17)}
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, notes.Insert(ctx, tx, large)) })
	view(t, s, func(ctx context.Context, tx store.Tx) {
		got, ok, err := notes.Get(ctx, tx, "a")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, large, got)
	})
}

// noise returns a text of n bytes that does not compress.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(n)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = '0' + byte(x>>24)%64
	}
	return string(b)
}

func testLongestText(t *testing.T, s store.Store) {
	long, wide := noise(store.MaxText), strings.Repeat("é", store.MaxText/2)
	want := []item{thing(long).owner(noise(store.MaxText)), thing(wide).code(wide)}
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, want...)) })
	view(t, s, func(ctx context.Context, tx store.Tx) {
		requireItems(ctx, t, tx, want...)
		page, token, err := items.Page(ctx, tx, store.Query{Limit: 1}, "")
		require.NoError(t, err)
		require.Equal(t, want[:1], page)
		page, _, err = items.Page(ctx, tx, store.Query{Limit: 1}, token)
		require.NoError(t, err)
		require.Equal(t, want[1:], page)
	})
}

// A text that some backend could not keep is refused by all, before it reaches any.
func testRefusedText(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		for reason, bad := range map[string]string{
			"NUL": "a\x00b", "not UTF-8": "a\xffb", "half a character": "\xe2\x82", "a surrogate": "\xed\xa0\x80",
		} {
			require.ErrorIs(t, items.Insert(ctx, tx, thing("good"), thing(bad)), fault.ErrInvalid, reason)
			require.ErrorIs(t, items.Put(ctx, tx, thing("good"), thing("a").owner(bad)), fault.ErrInvalid, reason)
			require.ErrorIs(t, items.Delete(ctx, tx, bad), fault.ErrInvalid, reason)
			_, _, err := items.Get(ctx, tx, bad)
			require.ErrorIs(t, err, fault.ErrInvalid, reason)
			_, err = items.GetMany(ctx, tx, "good", bad)
			require.ErrorIs(t, err, fault.ErrInvalid, reason)
			_, err = items.List(ctx, tx, store.By("user", store.Text(bad)))
			require.ErrorIs(t, err, fault.ErrInvalid, reason)
			_, err = items.Count(ctx, tx, store.Query{From: store.Text(bad)})
			require.ErrorIs(t, err, fault.ErrInvalid, reason)
			_, _, err = items.Page(ctx, tx, store.Query{Until: store.Text(bad)}, "")
			require.ErrorIs(t, err, fault.ErrInvalid, reason)
		}
		long := strings.Repeat("x", store.MaxText+1)
		require.ErrorIs(t, items.Insert(ctx, tx, thing(long)), fault.ErrInvalid)
		require.ErrorIs(t, items.Put(ctx, tx, thing("a").code(long)), fault.ErrInvalid)
		_, ok, err := items.Get(ctx, tx, long) // is merely not there
		require.NoError(t, err)
		require.False(t, ok)
		requireItems(ctx, t, tx)
		require.NoError(t, items.Insert(ctx, tx, thing("a").note(long+"\x00"))) // outside columns anything goes
	})
	require.Equal(t, 1, count(t, s, here))
}
