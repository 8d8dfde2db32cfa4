package unit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

var errNo = errors.New("no")

// Of many callers at once some succeed, some fail, some panic, some are cancelled. What remains is
// what the first have written, in fewer commits than there are callers.
func TestGroupOfGoodAndBad(t *testing.T) {
	t.Parallel()
	const callers = 64
	db := &rows{}
	g := unit.NewGroup(db)
	results := together(t, g, callers, func(ctx context.Context, cancel func(), i int, tx store.Tx) error {
		count, _, err := things.Get(ctx, tx, "count")
		if err != nil {
			return err
		}
		count.ID, count.N = "count", count.N+1
		if err := things.Put(ctx, tx, count, thing{ID: fmt.Sprint("by ", i)}); err != nil {
			return err
		}
		switch i % 8 {
		case 1:
			return errNo
		case 2:
			panic(errNo)
		case 3:
			cancel()
		case 4:
			runtime.Goexit()
		}
		return nil
	})
	good := 0
	for i, r := range results {
		want := map[int]string{1: "no", 2: "panic: no", 3: context.Canceled.Error(), 4: "exit"}[i%8]
		require.Equal(t, want, r, i)
		if want == "" {
			good++
			require.Contains(t, db.held, place{scope, "things", fmt.Sprint("by ", i)})
		}
	}
	require.Len(t, db.held, good+1)
	require.EqualValues(t, good, db.held[place{scope, "things", "count"}].Record.(thing).N)
	require.Less(t, db.commits, good)
	require.Zero(t, db.open)
}

// together runs fn in n Updates that meet in one queue, and says how each ended.
func together(t *testing.T, g *unit.Group, n int, fn func(ctx context.Context, cancel func(), i int, tx store.Tx) error) []string {
	t.Helper()
	results := make([]string, n)
	var all sync.WaitGroup
	var come atomic.Int64
	// The first one holds the baton until all the others are on their way.
	err := g.Update(t.Context(), scope, nil, func(store.Tx) error {
		for i := range n {
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				results[i] = "exit"
				defer func() {
					if p := recover(); p != nil {
						results[i] = fmt.Sprint("panic: ", p)
					}
				}()
				come.Add(1)
				err := g.Update(ctx, scope, nil, func(tx store.Tx) error { return fn(ctx, cancel, i, tx) })
				results[i] = ""
				if err != nil {
					results[i] = err.Error()
				}
			})
		}
		for come.Load() < int64(n) {
			runtime.Gosched()
		}
		return errNo // is no member of their transaction
	})
	require.ErrorIs(t, err, errNo)
	all.Wait()
	return results
}

// increment adds one to a row.
func increment(ctx context.Context, tx store.Tx) error {
	count, _, err := things.Get(ctx, tx, "count")
	if err != nil {
		return err
	}
	count.ID, count.N = "count", count.N+1
	return things.Put(ctx, tx, count)
}

// A transaction that is given up is run again for all of its members.
func TestGroupRunsAgain(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*rows, func() error){
		"begin":  func(db *rows, f func() error) { db.failBegin = f },
		"read":   func(db *rows, f func() error) { db.failRead = f },
		"commit": func(db *rows, f func() error) { db.failCommit = f },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, calls := &rows{}, 0
			fail(db, func() error {
				if calls++; calls%4 > 0 && calls < 12 {
					return errAgain
				}
				return nil
			})
			g := unit.NewGroup(db)
			require.NoError(t, g.Update(t.Context(), scope, nil, func(tx store.Tx) error { return increment(t.Context(), tx) }))
			for _, r := range together(t, g, 16, func(ctx context.Context, _ func(), _ int, tx store.Tx) error { return increment(ctx, tx) }) {
				require.Empty(t, r)
			}
			require.EqualValues(t, 17, db.held[place{scope, "things", "count"}].Record.(thing).N)
			require.Zero(t, db.open)
		})
	}
}

func TestGroupGivesUp(t *testing.T) {
	t.Parallel()
	calls := 0
	db := &rows{failCommit: func() error { calls++; return errAgain }}
	err := unit.NewGroup(db).Update(t.Context(), scope, nil, func(tx store.Tx) error { return increment(t.Context(), tx) })
	require.ErrorIs(t, err, errAgain)
	require.Equal(t, 10, calls)
	require.Zero(t, db.open)
}

// What one member has written makes the commit fail; the others do not suffer from it.
func TestGroupIsolatesWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	db := &rows{}
	broken := store.Define("broken", func(*chan int) string { return "a" }, nil) // a channel has no JSON
	results := together(t, unit.NewGroup(db), 16, func(ctx context.Context, _ func(), i int, tx store.Tx) error {
		if i == 5 {
			return broken.Put(ctx, tx, make(chan int))
		}
		return increment(ctx, tx)
	})
	for i, r := range results {
		require.Equal(t, i == 5, r != "", r)
	}
	require.EqualValues(t, 15, db.held[place{scope, "things", "count"}].Record.(thing).N)
}

// An outcome that nobody knows is reported to all, and nothing is run twice.
func TestGroupReportsUnknownOutcome(t *testing.T) {
	t.Parallel()
	db := &rows{failCommit: func() error { return fault.ErrUnknown }}
	var runs atomic.Int64
	for _, r := range together(t, unit.NewGroup(db), 8, func(ctx context.Context, _ func(), _ int, tx store.Tx) error {
		runs.Add(1)
		return increment(ctx, tx)
	}) {
		require.Equal(t, fault.ErrUnknown.Error(), r)
	}
	require.EqualValues(t, 8, runs.Load())
}

// A function that hides the database's error cannot commit.
func TestGroupDoesNotCommitAfterHiddenError(t *testing.T) {
	t.Parallel()
	db := &rows{failRead: func() error { return errNo }}
	err := unit.NewGroup(db).Update(t.Context(), scope, nil, func(tx store.Tx) error {
		_, _, _ = things.Get(t.Context(), tx, "a")
		return nil
	})
	require.ErrorIs(t, err, errNo)
	require.Zero(t, db.commits)
}

func TestGate(t *testing.T) {
	t.Parallel()
	var g unit.Gate
	require.NoError(t, g.Enter())
	closed := make(chan bool)
	go func() { closed <- g.Close() }()
	for g.Enter() == nil {
		g.Leave()
		runtime.Gosched()
	}
	select {
	case <-closed:
		require.Fail(t, "closed while somebody is inside")
	default:
	}
	g.Leave()
	require.True(t, <-closed)
	require.False(t, g.Close())
	require.ErrorIs(t, g.Enter(), store.ErrClosed)
}

// However many come whose functions fail, those that succeed wait for no more of them than one transaction takes.
func TestGroupOfManyWhoFailCommits(t *testing.T) {
	t.Parallel()
	const callers = 8
	var over atomic.Bool
	var come, ran, committed atomic.Int64
	db := &rows{failCommit: func() error { committed.Store(ran.Load()); return nil }}
	g := unit.NewGroup(db)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for !over.Load() {
				come.Add(1)
				_ = g.Update(t.Context(), scope, nil, func(store.Tx) error {
					for n := ran.Add(1); come.Load()-n < callers/2 && !over.Load(); { // others are in the queue
						runtime.Gosched()
					}
					return errNo
				})
			}
		})
	}
	for ran.Load() < callers {
		runtime.Gosched()
	}
	for range 5 {
		var before int64
		require.NoError(t, g.Update(t.Context(), scope, nil, func(tx store.Tx) error {
			before = ran.Load()
			return increment(t.Context(), tx)
		}))
		require.LessOrEqual(t, committed.Load()-before, int64(256))
	}
	over.Store(true)
	all.Wait()
	require.EqualValues(t, 5, db.held[place{scope, "things", "count"}].Record.(thing).N)
}
