// The benchmarks of the SQL backends: three rows are read and five are written, as a small event does,
// by a store and, for comparison, by hand.
package bench_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

// users is how many users take part.
const users = 1000

// scope is where the work is done.
var scope = store.Scope{Account: "bench", Workspace: "default"}

// A state is what a user has in one place.
type state struct {
	User string `json:"user"`
	N    int64  `json:"n"`
	Note string `json:"note"`
}

// An entry is something that happened to a user.
type entry struct {
	ID   string `json:"id"`
	User string `json:"user"`
	At   int64  `json:"at"`
	Note string `json:"note"`
}

// states are the tables that are read and written, one row for each user.
var states = []*store.Table[state]{one("missions"), one("streaks"), one("balances")}

// logs are the tables that grow.
var logs = []*store.Table[entry]{many("events"), many("postings")}

func one(name string) *store.Table[state] {
	return store.Define(name, func(s *state) string { return s.User }, nil)
}

func many(name string) *store.Table[entry] {
	return store.Define(name, func(e *entry) string { return e.ID }, []store.Field[entry]{
		{Name: "user", Kind: store.KindText, Of: func(e *entry) store.Value { return store.Text(e.User) }},
		{Name: "at", Kind: store.KindInt, Of: func(e *entry) store.Value { return store.Int(e.At) }},
	}, store.Index{Name: "user_at", Columns: []string{"user", "at"}})
}

// note fills a record up to the size of a usual one, and record is one that costs nothing to encode.
var (
	note   = strings.Repeat("0123456789", 14)
	record = `{"user":"user-0000","n":1,"note":"` + note + `"}`
)

// pieces numbers the pieces of work.
var pieces atomic.Int64

// piece returns a new piece's number, event and user.
func piece() (n int64, id, user string) {
	n = pieces.Add(1)
	return n, fmt.Sprintf("event-%012d", n), userOf(n * 7919)
}

func userOf(n int64) string { return fmt.Sprintf("user-%04d", n%users) }

// fill prepares a store and gives every user a row in each of states.
func fill(b *testing.B, s store.Store) {
	b.Helper()
	var schemas []*store.Schema
	for _, t := range states {
		schemas = append(schemas, t.Schema())
	}
	for _, t := range logs {
		schemas = append(schemas, t.Schema())
	}
	require.NoError(b, s.Prepare(b.Context(), schemas...))
	require.NoError(b, s.Update(b.Context(), scope, func(tx store.Tx) error {
		for i := range int64(users) {
			for _, t := range states {
				if err := t.Put(b.Context(), tx, state{User: userOf(i), Note: note}); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// work does a piece of work.
func work(ctx context.Context, s store.Store) error {
	n, id, user := piece()
	return s.Update(ctx, scope, func(tx store.Tx) error {
		var reads []store.Read
		for _, t := range states {
			reads = append(reads, t.Keys(user))
		}
		if err := tx.Prefetch(ctx, reads...); err != nil {
			return err
		}
		for _, t := range states {
			x, _, err := t.Get(ctx, tx, user)
			if err != nil {
				return err
			}
			x.N++
			if err := t.Put(ctx, tx, x); err != nil {
				return err
			}
		}
		for _, t := range logs {
			if err := t.Put(ctx, tx, entry{ID: id, User: user, At: n, Note: note}); err != nil {
				return err
			}
		}
		return nil
	})
}

// together measures work done by a number of callers at once.
func together(b *testing.B, s store.Store, callers int) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := work(b.Context(), s); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	report(b)
}

// report adds how many pieces of work were done in a second.
func report(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}
