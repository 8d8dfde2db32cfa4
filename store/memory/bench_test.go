package memory_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// A progress is a record like those that an event changes.
type progress struct {
	ID      string `json:"id"`
	User    string `json:"user"`
	Status  string `json:"status"`
	Value   int64  `json:"value"`
	Updated int64  `json:"updated"`
}

var progresses = store.Define("progresses", func(p *progress) string { return p.ID },
	[]store.Field[progress]{
		{Name: "user", Kind: store.KindText, Of: func(p *progress) store.Value { return store.Text(p.User) }},
		{Name: "status", Kind: store.KindText, Of: func(p *progress) store.Value { return store.Text(p.Status) }},
		{Name: "updated", Kind: store.KindInt, Of: func(p *progress) store.Value { return store.Int(p.Updated) }},
	},
	store.Index{Name: "user", Columns: []string{"user", "status"}},
	store.Index{Name: "updated", Columns: []string{"updated"}},
)

// An entry is a record like those that are only added.
type entry struct {
	ID   string `json:"id"`
	User string `json:"user"`
	At   int64  `json:"at"`
}

var entries = store.Define("entries", func(e *entry) string { return e.ID },
	[]store.Field[entry]{
		{Name: "user", Kind: store.KindText, Of: func(e *entry) store.Value { return store.Text(e.User) }},
		{Name: "at", Kind: store.KindInt, Of: func(e *entry) store.Value { return store.Int(e.At) }},
	},
	store.Index{Name: "user", Columns: []string{"user", "at"}},
)

const (
	users = 10_000
	each  = 10 // progresses of a user
)

var scope = store.Scope{Account: "acme", Workspace: "default"}

func progressID(user, i int) string { return fmt.Sprintf("user-%06d/mission-%d", user, i) }

// filled returns a store that holds the progresses of all users.
func filled(b *testing.B) store.Store {
	b.Helper()
	s := memory.New()
	require.NoError(b, s.Prepare(b.Context(), progresses.Schema(), entries.Schema()))
	require.NoError(b, s.Update(b.Context(), scope, func(tx store.Tx) error {
		recs := make([]progress, 0, users*each)
		for u := range users {
			for i := range each {
				recs = append(recs, progress{progressID(u, i), fmt.Sprintf("user-%06d", u), "ACTIVE", 0, int64(u*each + i)})
			}
		}
		return progresses.Insert(b.Context(), tx, recs...)
	}))
	return s
}

// record does what an event does: 10 gets, 3 lists, 5 changed records and 5 new ones.
func record(ctx context.Context, s store.Store, n int) error {
	u := n * 7919 % users
	user := fmt.Sprintf("user-%06d", u)
	return s.Update(ctx, scope, func(tx store.Tx) error {
		for i := range each {
			p, _, err := progresses.Get(ctx, tx, progressID(u, i))
			if err != nil {
				return err
			}
			if i >= 5 {
				continue
			}
			p.Value++
			p.Updated = int64(users*each + n)
			if err := progresses.Put(ctx, tx, p); err != nil {
				return err
			}
			if err := entries.Insert(ctx, tx, entry{fmt.Sprintf("%09d/%d", n, i), user, int64(n)}); err != nil {
				return err
			}
		}
		for range 2 {
			if _, err := progresses.List(ctx, tx, store.By("user", store.Text(user), store.Text("ACTIVE"))); err != nil {
				return err
			}
		}
		_, err := entries.List(ctx, tx, store.By("user", store.Text(user)).Reverse().First(10))
		return err
	})
}

func BenchmarkUpdate(b *testing.B) {
	b.Run("memory/event", func(b *testing.B) {
		s := filled(b)
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			require.NoError(b, record(b.Context(), s, n))
			n++
		}
	})
	b.Run("memory/empty", func(b *testing.B) {
		s := filled(b)
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, s.Update(b.Context(), scope, func(store.Tx) error { return nil }))
		}
	})
}

func BenchmarkView(b *testing.B) {
	s := filled(b)
	ctx := b.Context()
	for name, read := range map[string]func(store.Tx) error{
		"get": func(tx store.Tx) error {
			_, _, err := progresses.Get(ctx, tx, "user-004711/mission-3")
			return err
		},
		"list": func(tx store.Tx) error {
			_, err := progresses.List(ctx, tx, store.By("user", store.Text("user-004711"), store.Text("ACTIVE")))
			return err
		},
		"count": func(tx store.Tx) error {
			_, err := progresses.Count(ctx, tx, store.By("updated").Between(store.Int(10), store.Int(users*each-10)))
			return err
		},
	} {
		b.Run("memory/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, s.View(ctx, scope, read))
			}
		})
	}
}
