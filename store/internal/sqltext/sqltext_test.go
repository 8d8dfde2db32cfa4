package sqltext_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/sqltext"
)

type thing struct{ ID string }

var things = store.Define("things", func(t *thing) string { return t.ID }, []store.Field[thing]{
	{Name: "user", Kind: store.KindText, Of: func(*thing) store.Value { return store.Text("ann") }},
	{Name: "at", Kind: store.KindInt, Of: func(*thing) store.Value { return store.Int(1) }},
}, store.Index{Name: "user", Columns: []string{"user", "at"}})

var dialect = &sqltext.Dialect{Param: sqltext.Dollar, Hint: " indexed by %s"}

func TestSelect(t *testing.T) {
	t.Parallel()
	const (
		byKey  = `select "key", record from "guerdon_things" where scope = $1`
		byUser = `select "key", record from "guerdon_things" indexed by "guerdon_things_by_user" where scope = $1`
		there  = ` and "user" is not null and "at" is not null`
		up     = ` order by "user", "at", "key"`
		down   = ` order by "user" desc, "at" desc, "key" desc`
	)
	ann, one, two := store.Text("ann"), store.Int(1), store.Int(2)
	after := func(values ...store.Value) *store.Position { return &store.Position{Values: values, Key: "k"} }
	for name, tt := range map[string]struct {
		query store.Query
		text  string
		args  []any
	}{
		"all":    {store.Query{}, byKey + ` order by "key"`, nil},
		"down":   {store.Query{Descending: true, Limit: 9}, byKey + ` order by "key" desc limit cast($2 as bigint)`, []any{int64(9)}},
		"prefix": {store.Prefix("a"), byKey + ` and "key" >= $2 and "key" < $3 order by "key"`, []any{"a", "b"}},
		"index":  {store.By("user", ann), byUser + ` and "user" = $2` + there + up, []any{"ann"}},
		"bounds": {
			store.By("user", ann).Between(one, two), byUser + ` and "user" = $2 and "at" >= $3 and "at" < $4` + there + up,
			[]any{"ann", int64(1), int64(2)},
		},
		"after": {
			store.Query{Index: "user", After: after(ann, one)},
			byUser + ` and ("user", "at", "key") > ($2, $3, $4)` + there + up,
			[]any{"ann", int64(1), "k"},
		},
		"after one entry": {
			store.Query{Index: "user", Equal: []store.Value{ann, one}, After: after(ann, one)},
			byUser + ` and "user" = $2 and "at" = $3 and "key" > $4` + there + up,
			[]any{"ann", int64(1), "k"},
		},
		"after the lower bound": {
			store.Query{Index: "user", Equal: []store.Value{ann}, From: one, After: after(ann, two)},
			byUser + ` and "user" = $2 and ("at", "key") > ($3, $4)` + there + up,
			[]any{"ann", int64(2), "k"},
		},
		"after, before the lower bound": {
			store.Query{Index: "user", Equal: []store.Value{ann}, From: two, After: after(ann, one)},
			byUser + ` and "user" = $2 and "at" >= $3` + there + up,
			[]any{"ann", int64(2)},
		},
		"down, after the upper bound": {
			store.Query{Index: "user", Equal: []store.Value{ann}, Until: two, After: after(ann, one), Descending: true},
			byUser + ` and "user" = $2 and ("at", "key") < ($3, $4)` + there + down,
			[]any{"ann", int64(1), "k"},
		},
		"after another entry": {
			store.Query{Index: "user", Equal: []store.Value{ann}, After: after(store.Text("aaa"), one)},
			byUser + ` and "user" = $2` + there + up,
			[]any{"ann"},
		},
		"after all": {store.Query{Index: "user", Equal: []store.Value{ann}, After: after(store.Text("bob"), one)}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, args := sqltext.NewTable(dialect, things.Schema()).Select(7, tt.query)
			require.Equal(t, tt.text, text)
			if text != "" {
				require.Equal(t, append([]any{int64(7)}, tt.args...), args)
			}
		})
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	text, args := sqltext.NewTable(dialect, things.Schema()).Count(7, store.Query{Limit: 3})
	require.Equal(t, `select count(*) from "guerdon_things" where scope = $1`, text)
	require.Equal(t, []any{int64(7)}, args)
}

func TestCache(t *testing.T) {
	t.Parallel()
	built := 0
	c := sqltext.NewCache(func(s *store.Schema) string { built++; return s.Name })
	require.Equal(t, "things", c.Of(things.Schema()))
	require.Equal(t, "things", c.Of(things.Schema()))
	require.Equal(t, 1, built)
}
