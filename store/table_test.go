package store_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

type city struct {
	Name    string `json:"name"`
	Country string `json:"country"`
	Size    int64  `json:"size"`
}

var cities = store.Define("cities", func(c *city) string { return c.Name },
	[]store.Field[city]{
		{Name: "country", Kind: store.KindText, Of: func(c *city) store.Value {
			if c.Country == "" {
				return store.Value{}
			}
			return store.Text(c.Country)
		}},
		{Name: "size", Kind: store.KindInt, Of: func(c *city) store.Value { return store.Int(c.Size) }},
	},
	store.Index{Name: "country_size", Columns: []string{"country", "size"}},
	store.Index{Name: "size", Columns: []string{"size"}},
)

var scope = store.Scope{Account: "acme", Workspace: "default"}

// in runs fn in a transaction on a new store that holds the given cities.
func in(tb testing.TB, recs []city, fn func(context.Context, store.Tx)) {
	tb.Helper()
	s := memory.New()
	require.NoError(tb, s.Prepare(tb.Context(), cities.Schema()))
	require.NoError(tb, s.Update(tb.Context(), scope, func(tx store.Tx) error {
		require.NoError(tb, cities.Insert(tb.Context(), tx, recs...))
		fn(tb.Context(), tx)
		return nil
	}))
}

func TestScopeString(t *testing.T) {
	t.Parallel()
	require.Equal(t, "acme/default", scope.String())
	require.Equal(t, "acme/", store.Scope{Account: "acme"}.String())
	require.Equal(t, "/", store.Scope{}.String())
}

func TestDefineRefusesMistakes(t *testing.T) {
	t.Parallel()
	define := func(indexes ...store.Index) func() {
		return func() {
			store.Define("cities", func(c *city) string { return c.Name }, []store.Field[city]{
				{Name: "size", Kind: store.KindInt, Of: func(c *city) store.Value { return store.Int(c.Size) }},
			}, indexes...)
		}
	}
	require.NotPanics(t, define())
	require.NotPanics(t, define(store.Index{Name: "size", Columns: []string{"size"}}))
	require.Panics(t, define(store.Index{Name: "size"}))
	require.Panics(t, define(store.Index{Name: "size", Columns: []string{"weight"}}))
	require.Panics(t, define(store.Index{Name: "size", Columns: []string{"size", "weight"}}))
}

func TestSchema(t *testing.T) {
	t.Parallel()
	s := cities.Schema()
	require.Equal(t, "cities", s.Name)
	require.Equal(t, 1, s.Version)
	require.Equal(t, []store.Column{{Name: "country", Kind: store.KindText}, {Name: "size", Kind: store.KindInt}}, s.Columns)

	x, at := s.Find("country_size")
	require.Equal(t, "country_size", x.Name)
	require.Equal(t, []int{0, 1}, at)
	x, at = s.Find("")
	require.True(t, x.Unique)
	require.Empty(t, at)
	require.Panics(t, func() { s.Find("weight") })

	row := store.Row{Key: "Oslo", Values: []store.Value{store.Text("no"), store.Int(700)}, Record: city{"Oslo", "no", 700}}
	record, err := s.Encode(row)
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"Oslo","country":"no","size":700}`, string(record))
	got, err := s.Decode(row.Key, record)
	require.NoError(t, err)
	require.Equal(t, row, got)
	_, err = s.Decode(row.Key, []byte(`{"name":5}`))
	require.ErrorContains(t, err, `table "cities"`)
	_, err = s.Decode(row.Key, nil)
	require.Error(t, err)
	_, err = s.Decode("Bergen", record)
	require.ErrorContains(t, err, `the record is of "Oslo"`)
	require.Equal(t, []string{"country string", "name string", "size int64"}, s.Shape())
	raised := store.Define("cities", func(c *city) string { return c.Name }, nil).Packed().Version(7)
	require.Equal(t, 7, raised.Schema().Version)
}

func TestRow(t *testing.T) {
	t.Parallel()
	_, at := cities.Schema().Find("country_size")
	row := store.Row{Key: "Oslo", Values: []store.Value{store.Text("no"), store.Int(700)}}
	require.True(t, row.Indexed(at))
	require.Equal(t, store.Position{Values: row.Values, Key: "Oslo"}, row.Position(at))
	require.Equal(t, store.Position{Key: "Oslo"}, row.Position(nil))
	row.Values[0] = store.Value{}
	require.False(t, row.Indexed(at))
	require.True(t, row.Indexed(nil))
}

func TestQuery(t *testing.T) {
	t.Parallel()
	q := store.By("country_size", store.Text("no")).Between(store.Int(1), store.Int(9)).First(5).Reverse()
	require.Equal(t, store.Query{
		Index: "country_size", Equal: []store.Value{store.Text("no")},
		From: store.Int(1), Until: store.Int(9), Limit: 5, Descending: true,
	}, q)
	require.False(t, q.Reverse().Descending)
}

// Exactly the texts that begin with the prefix are within its bounds.
func TestPrefix(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		prefix := texts().Draw(rt, "prefix")
		text := texts().Draw(rt, "text")
		if rapid.Bool().Draw(rt, "begins") {
			text = prefix + text
		}
		q := store.Prefix(prefix)
		within := q.From.Compare(store.Text(text)) <= 0 && (q.Until.Absent() || store.Text(text).Compare(q.Until) < 0)
		require.Equal(rt, strings.HasPrefix(text, prefix), within, "%q %q", prefix, text)
	})
}

func TestPrefixEnds(t *testing.T) {
	t.Parallel()
	for prefix, until := range map[string]store.Value{
		"":                     {},
		"a":                    store.Text("b"),
		"az":                   store.Text("a{"),
		"\u007f":               store.Text("\u0080"),
		"\ud7ff":               store.Text("\ue000"), // beyond the surrogates
		"a\U0010ffff":          store.Text("b"),
		"\U0010ffff\U0010ffff": {},
	} {
		require.Equal(t, store.Query{From: store.Text(prefix), Until: until}, store.Prefix(prefix), "%q", prefix)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	oslo, bergen, rome := city{"Oslo", "no", 700}, city{"Bergen", "no", 290}, city{"Rome", "it", 2700}
	in(t, []city{oslo, bergen, rome}, func(ctx context.Context, tx store.Tx) {
		got, ok, err := cities.Get(ctx, tx, "Oslo")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, oslo, got)
		got, ok, err = cities.Get(ctx, tx, "Paris")
		require.NoError(t, err)
		require.False(t, ok)
		require.Zero(t, got)

		list, err := cities.GetMany(ctx, tx, "Rome", "Paris", "Oslo")
		require.NoError(t, err)
		require.Equal(t, []city{rome, oslo}, list)
		list, err = cities.GetMany(ctx, tx)
		require.NoError(t, err)
		require.Nil(t, list)
		list, err = cities.List(ctx, tx, store.By("country_size", store.Text("no")))
		require.NoError(t, err)
		require.Equal(t, []city{bergen, oslo}, list)
		n, err := cities.Count(ctx, tx, store.By("size").First(1))
		require.NoError(t, err)
		require.Equal(t, 3, n)

		err = cities.Insert(ctx, tx, oslo)
		require.ErrorIs(t, err, fault.ErrExists)
		require.EqualError(t, err, `cities: "Oslo" exists already`)
		require.NoError(t, cities.Put(ctx, tx, city{"Oslo", "", 1}))
		require.NoError(t, cities.Delete(ctx, tx, "Rome", "Paris"))
		require.NoError(t, cities.Insert(ctx, tx))
		require.NoError(t, cities.Put(ctx, tx))
		require.NoError(t, cities.Delete(ctx, tx))
		list, err = cities.List(ctx, tx, store.By("size"))
		require.NoError(t, err)
		require.Equal(t, []city{{"Oslo", "", 1}, bergen}, list)

		require.Equal(t, store.Read{Table: cities.Schema(), Keys: []string{"a", "b"}}, cities.Keys("a", "b"))
		q := store.By("size")
		require.Equal(t, store.Read{Table: cities.Schema(), Query: &q}, cities.Rows(q))
	})
}

func TestTableRefusesText(t *testing.T) {
	t.Parallel()
	in(t, nil, func(ctx context.Context, tx store.Tx) {
		for _, c := range []struct {
			rec    city
			field  string
			reason string
		}{
			{city{Name: "a\x00"}, "cities", "holds a NUL character"},
			{city{Name: "a\xff"}, "cities", "is not valid UTF-8"},
			{city{Name: strings.Repeat("é", 513)}, "cities", "longer than 1024 bytes"},
			{city{Name: "a", Country: "\x00"}, "country", "holds a NUL character"},
			{city{Name: "a", Country: "\xed\xa0\x80"}, "country", "is not valid UTF-8"},
			{city{Name: "a", Country: strings.Repeat("x", 1025)}, "country", "longer than 1024 bytes"},
		} {
			for _, write := range []func(context.Context, store.Tx, ...city) error{cities.Insert, cities.Put} {
				err := write(ctx, tx, city{Name: "good"}, c.rec)
				refused, ok := errors.AsType[*fault.Error](err)
				require.True(t, ok)
				require.Equal(t, fault.Error{Kind: fault.ErrInvalid, Field: c.field, Reason: c.reason}, *refused)
			}
		}
		n, err := cities.Count(ctx, tx, store.Query{})
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestPageTokens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		byName := make(map[string]city)
		for range rapid.IntRange(0, 12).Draw(rt, "n") {
			name := texts().Draw(rt, "name")
			byName[name] = city{name, texts().Draw(rt, "country"), numbers().Draw(rt, "size")}
		}
		var recs []city
		for _, c := range byName {
			recs = append(recs, c)
		}
		q := store.By(rapid.SampledFrom([]string{"", "size", "country_size"}).Draw(rt, "index"))
		q.Descending = rapid.Bool().Draw(rt, "descending")
		limit := rapid.IntRange(1, 4).Draw(rt, "limit")
		in(t, recs, func(ctx context.Context, tx store.Tx) {
			want, err := cities.List(ctx, tx, q)
			require.NoError(rt, err)
			var got []city
			token := ""
			for {
				page, next, err := cities.Page(ctx, tx, q.First(limit), token)
				require.NoError(rt, err)
				got = append(got, page...)
				if next == "" {
					break
				}
				require.Len(rt, page, limit)
				require.NotEqual(rt, token, next)
				token = next
			}
			require.Equal(rt, want, got)
		})
	})
}

func TestPageToken(t *testing.T) {
	t.Parallel()
	in(t, []city{{"a", "x", 1}, {"b", "y", 2}}, func(ctx context.Context, tx store.Tx) {
		_, bySize, err := cities.Page(ctx, tx, store.By("size").First(1), "")
		require.NoError(t, err)
		require.NotEmpty(t, bySize)
		for index, want := range map[string]bool{"size": true, "": false, "country_size": false} {
			_, _, err := cities.Page(ctx, tx, store.By(index).First(1), bySize)
			require.Equal(t, want, err == nil, index)
			if !want {
				refused, ok := errors.AsType[*fault.Error](err)
				require.True(t, ok)
				require.Equal(t, "nextToken", refused.Field)
			}
		}
	})
}

func FuzzPageToken(f *testing.F) {
	for _, p := range []store.Position{
		{Key: ""},
		{Key: "a"},
		{Values: []store.Value{store.Int(5)}, Key: "a"},
		{Values: []store.Value{store.Text("é"), store.Int(-1)}, Key: "b"},
		{Values: []store.Value{{}}, Key: "a\x00b"},
		{Key: strings.Repeat("x", store.MaxText+1)},
		{Key: "\xff"},
	} {
		f.Add(base64.RawURLEncoding.EncodeToString(p.Ordered()))
	}
	f.Add("!")
	f.Add("AgAC")
	f.Add("AQAAAAAAAA")
	f.Fuzz(func(t *testing.T, token string) {
		in(t, []city{{"a", "x", 1}, {"b", "y", 2}, {"c", "", 3}}, func(ctx context.Context, tx store.Tx) {
			for _, index := range []string{"", "size", "country_size"} {
				page, _, err := cities.Page(ctx, tx, store.By(index).First(2), token)
				if err != nil {
					require.ErrorIs(t, err, fault.ErrInvalid)
					require.Empty(t, page)
				}
				require.LessOrEqual(t, len(page), 2)
			}
		})
	})
}

// What comes from elsewhere as JSON is a row, packed or not, or refused.
func TestParseJSON(t *testing.T) {
	t.Parallel()
	packed := store.Define("packed_cities", func(c *city) string { return c.Name }, nil).Packed()
	for _, s := range []*store.Schema{cities.Schema(), packed.Schema()} {
		want := store.Row{Record: city{"a", "x", 1}}
		text, err := s.JSON(want)
		require.NoError(t, err)
		row, err := s.ParseJSON(text)
		require.NoError(t, err)
		require.Equal(t, "a", row.Key)
		require.Equal(t, want.Record, row.Record)
		require.Len(t, row.Values, len(s.Columns))
		for _, damaged := range []string{"", "{", `{"size": "many"}`, `[]`, `{"name": "\u0000"}`, `5`} {
			_, err := s.ParseJSON([]byte(damaged))
			require.ErrorIs(t, err, fault.ErrInvalid, damaged)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s := cities.Schema()
	require.EqualError(t, store.Taken(s, "", store.Row{Key: "a"}), `cities: "a" exists already`)
	require.EqualError(t, store.Taken(s, "size", store.Row{Key: "a"}), `cities.size: another row than "a" has this value`)
	require.ErrorIs(t, store.Taken(s, "size", store.Row{}), fault.ErrExists)
	require.ErrorIs(t, store.ErrReadOnly, fault.ErrForbidden)
	err := fmt.Errorf("opening: %w", &store.NewerError{Table: "cities", Have: 3, Want: 2})
	require.ErrorIs(t, err, fault.ErrConflict)
	require.EqualError(t, err, `opening: store: table "cities" has version 3, this program knows 2: a newer version wrote it`)
}
