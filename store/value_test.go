package store_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/store"
)

// texts are those that a table accepts: any but with a NUL.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 })),
		rapid.StringOfN(rapid.SampledFrom([]rune{1, 2, 'a', 'b', 0x7f, 0x80, 0xff, 0x7ff, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff}), 0, 4, -1),
	)
}

func numbers() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, -256, -1, 0, 1, 255, 256, math.MaxInt64}))
}

func values() *rapid.Generator[store.Value] {
	return rapid.OneOf(
		rapid.Just(store.Value{}),
		rapid.Map(numbers(), store.Int),
		rapid.Map(texts(), store.Text),
	)
}

func TestValue(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 8, 2, 30, 0, 123_456_789, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		value  store.Value
		kind   store.Kind
		text   string
		num    int64
		any    any
		string string
	}{
		"absent":        {store.Value{}, 0, "", 0, nil, "absent"},
		"text":          {store.Text("a\"b"), store.KindText, "a\"b", 0, "a\"b", `"a\"b"`},
		"empty text":    {store.Text(""), store.KindText, "", 0, "", `""`},
		"number":        {store.Int(-5), store.KindInt, "", -5, int64(-5), "-5"},
		"zero":          {store.Int(0), store.KindInt, "", 0, int64(0), "0"},
		"time":          {store.Time(at), store.KindInt, "", at.UnixMicro(), at.UnixMicro(), "1772933400123456"},
		"no time":       {store.Time(time.Time{}), 0, "", 0, nil, "absent"},
		"just after":    {store.After(at), store.KindInt, "", at.UnixMicro() + 1, at.UnixMicro() + 1, "1772933400123457"},
		"end":           {store.End(at), store.KindInt, "", at.UnixMicro(), at.UnixMicro(), "1772933400123456"},
		"never":         {store.End(time.Time{}), store.KindInt, "", math.MaxInt64, int64(math.MaxInt64), "9223372036854775807"},
		"time in 1969":  {store.Time(time.UnixMicro(-1)), store.KindInt, "", -1, int64(-1), "-1"},
		"time in 1 UTC": {store.Time(time.Time{}.Add(time.Microsecond)), store.KindInt, "", -62135596799999999, int64(-62135596799999999), "-62135596799999999"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.kind, c.value.Kind())
			require.Equal(t, c.kind == 0, c.value.Absent())
			require.Equal(t, c.text, c.value.Text())
			require.Equal(t, c.num, c.value.Int())
			require.Equal(t, c.any, c.value.Any())
			require.Equal(t, c.string, c.value.String())
		})
	}
}

func TestValueCompare(t *testing.T) {
	t.Parallel()
	ordered := []store.Value{
		{},
		store.Int(math.MinInt64), store.Int(-1), store.Int(0), store.Int(1), store.Int(math.MaxInt64),
		store.Text(""), store.Text("A"), store.Text("Z"), store.Text("a"), store.Text("aa"), store.Text("é"), store.Text("\uffff"), store.Text("😀"),
	}
	for i, v := range ordered {
		for j, w := range ordered {
			require.Equal(t, i < j, v.Compare(w) < 0, "%v %v", v, w)
			require.Equal(t, i == j, v.Compare(w) == 0, "%v %v", v, w)
			require.Equal(t, i == j, v == w, "%v %v", v, w)
		}
	}
}

// Encodings compare as the lists of values do, also where one text begins with another.
func TestAppendOrderedCompares(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(rt, "n")
		a := rapid.SliceOfN(values(), n, n).Draw(rt, "a")
		b := rapid.SliceOfN(values(), n, n).Draw(rt, "b")
		for i := range n {
			if rapid.Bool().Draw(rt, "same") {
				b[i] = a[i]
			}
		}
		require.Equal(rt, slices.CompareFunc(a, b, store.Value.Compare), strings.Compare(encode(a), encode(b)))
	})
}

// No encoding is the beginning of another, so a range of them is a range of values.
func TestAppendOrderedHasNoPrefixes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		a, b := values().Draw(rt, "a"), values().Draw(rt, "b")
		require.Equal(rt, a == b, strings.HasPrefix(encode([]store.Value{a}), encode([]store.Value{b})))
	})
}

func TestPositionOrdered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 2).Draw(rt, "n")
		draw := func(name string) store.Position {
			return store.Position{Values: rapid.SliceOfN(values(), n, n).Draw(rt, name), Key: texts().Draw(rt, name)}
		}
		a, b := draw("a"), draw("b")
		if rapid.Bool().Draw(rt, "equal values") {
			b.Values = a.Values
		}
		want := slices.CompareFunc(a.Values, b.Values, store.Value.Compare)
		if want == 0 {
			want = strings.Compare(a.Key, b.Key)
		}
		require.Equal(rt, want, strings.Compare(string(a.Ordered()), string(b.Ordered())))
	})
}

func encode(list []store.Value) string {
	b := []byte("before")
	for _, v := range list {
		b = store.AppendOrdered(b, v)
	}
	return string(b)
}

// Times as parts of keys are in the order of the instants, and are read back.
func TestKeyTime(t *testing.T) {
	instants := rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.Int64Range(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix())
		micros := rapid.Int64Range(0, 999_999).Draw(t, "micros")
		zone := time.FixedZone("", rapid.IntRange(-50_000, 50_000).Draw(t, "zone"))
		return time.Unix(seconds.Draw(t, "seconds"), micros*1000).In(zone)
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := instants.Draw(t, "a"), instants.Draw(t, "b")
		require.Equal(t, a.UTC().Format("2006-01-02T15:04:05.000000"), store.KeyTime(a))
		require.Equal(t, a.Compare(b), strings.Compare(store.KeyTime(a), store.KeyTime(b)))
		back, err := store.ParseKeyTime(store.KeyTime(a))
		require.NoError(t, err)
		require.True(t, a.Equal(back))
	})
}
