package proof_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/storetest"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// faulty is a store of which a call fails when that was told: a call of a transaction, its commit, or
// the answer that the commit took place. All later ones fail too, until it is healed.
type faulty struct {
	store.Store

	left atomic.Int64 // calls that are good
}

var (
	errBroken = errors.New("the disk is gone")
	errLost   = errors.New("the answer is lost")
)

// failAfter lets so many calls succeed.
func (f *faulty) failAfter(calls int) { f.left.Store(int64(calls)) }

func (f *faulty) heal() { f.left.Store(math.MaxInt64) }

// call is a call that may fail.
func (f *faulty) call(fault error) error {
	if f.left.Add(-1) < 0 {
		return fault
	}
	return nil
}

func (f *faulty) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return f.Store.View(ctx, s, func(tx store.Tx) error { return fn(&faultyTx{tx, f}) })
}

func (f *faulty) Rehearse(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return f.Store.Rehearse(ctx, s, func(tx store.Tx) error { return fn(&faultyTx{tx, f}) })
}

func (f *faulty) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	err := f.Store.Update(ctx, s, func(tx store.Tx) error {
		if err := fn(&faultyTx{tx, f}); err != nil {
			return err
		}
		return f.call(errBroken)
	})
	if err != nil {
		return err
	}
	return f.call(errLost)
}

// faultyTx asks before each call. It embeds no Tx, so that a new method cannot be forgotten.
type faultyTx struct {
	tx store.Tx
	f  *faulty
}

var _ store.Tx = (*faultyTx)(nil)

func (x *faultyTx) Scope() store.Scope { return x.tx.Scope() }

func (x *faultyTx) In(s store.Scope) store.Tx { return &faultyTx{x.tx.In(s), x.f} }

func (x *faultyTx) Get(ctx context.Context, t *store.Schema, keys ...string) ([]store.Row, error) {
	if err := x.f.call(errBroken); err != nil {
		return nil, err
	}
	return x.tx.Get(ctx, t, keys...)
}

func (x *faultyTx) List(ctx context.Context, t *store.Schema, q store.Query) ([]store.Row, error) {
	if err := x.f.call(errBroken); err != nil {
		return nil, err
	}
	return x.tx.List(ctx, t, q)
}

func (x *faultyTx) Count(ctx context.Context, t *store.Schema, q store.Query) (int, error) {
	if err := x.f.call(errBroken); err != nil {
		return 0, err
	}
	return x.tx.Count(ctx, t, q)
}

func (x *faultyTx) Insert(ctx context.Context, t *store.Schema, rows ...store.Row) error {
	if err := x.f.call(errBroken); err != nil {
		return err
	}
	return x.tx.Insert(ctx, t, rows...)
}

func (x *faultyTx) Put(ctx context.Context, t *store.Schema, rows ...store.Row) error {
	if err := x.f.call(errBroken); err != nil {
		return err
	}
	return x.tx.Put(ctx, t, rows...)
}

func (x *faultyTx) Delete(ctx context.Context, t *store.Schema, keys ...string) error {
	if err := x.f.call(errBroken); err != nil {
		return err
	}
	return x.tx.Delete(ctx, t, keys...)
}

func (x *faultyTx) Prefetch(ctx context.Context, reads ...store.Read) error {
	if err := x.f.call(errBroken); err != nil {
		return err
	}
	return x.tx.Prefetch(ctx, reads...)
}

// requireWhole records an event that completes a mission, pays and ranks, while attempt makes the n-th
// thing go wrong, for every n until there is none. All of the event is there then, or nothing, and
// recording it again gives all. attempt tells whether something went wrong, and what Record returned.
func requireWhole(t *testing.T, w *world, attempt func(n int, record func(context.Context) error) (bool, error)) {
	t.Helper()
	for n := 0; ; n++ {
		user := fmt.Sprint("user-", n)
		_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: user})
		require.NoError(t, err)
		_, err = w.RecordBatch(t.Context(), []event.Event{run(user+"-1", user, start), run(user+"-2", user, start)})
		require.NoError(t, err)
		before, third := w.standing(t, user), run(user+"-3", user, start)

		failed, err := attempt(n, func(ctx context.Context) error { _, err := w.Record(ctx, third); return err })
		after := w.standing(t, user)
		out, again := w.Record(t.Context(), third)
		require.NoError(t, again)
		require.Len(t, out.Transactions, 2)
		whole := w.standing(t, user)
		require.NotEqual(t, before, whole)
		if err == nil {
			require.Equal(t, whole, after, "attempt %d", n)
		} else {
			require.Contains(t, []string{before, whole}, after, "attempt %d: %v", n, err)
		}
		if errors.Is(err, errBroken) {
			require.Equal(t, before, after, "attempt %d", n)
		}
		if !failed {
			require.NoError(t, err)
			require.GreaterOrEqual(t, n, 3)
			break
		}
	}
	w.requireBooks(t)
}

// standing is what a user sees of themselves, as JSON.
func (w *world) standing(t *testing.T, userID string) string {
	t.Helper()
	balance, err := w.Economy.Balance(t.Context(), userID, "points")
	require.NoError(t, err)
	missions, _, err := w.Missions.List(t.Context(), userID, missions.Query{}, store.Page{})
	require.NoError(t, err)
	days, _, err := w.Streaks.Streaks(t.Context(), userID, streaks.Query{PeriodType: streaks.ByDay}, store.Page{})
	require.NoError(t, err)
	rank, err := w.Leaderboards.Rank(t.Context(), "all-time", userID, nil)
	require.NoError(t, err)
	return jsonOf(t, []any{balance, missions, days, rank.Score})
}

// Whatever call of a transaction fails, or its commit, nothing of the event remains. If only the answer
// is lost, all of it is there.
func TestFaultAtAnyCallLeavesNothing(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &faulty{Store: open(t)}
			f.heal()
			requireWhole(t, newWorld(t, f), func(n int, record func(context.Context) error) (bool, error) {
				f.failAfter(n)
				defer f.heal()
				err := record(t.Context())
				return err != nil, err
			})
		})
	}
}

// Whatever call of a read fails, who reads is told.
func TestFaultAtAnyCallOfAReadIsTold(t *testing.T) {
	t.Parallel()
	f := &faulty{Store: memory.New()}
	f.heal()
	w := newWorld(t, f)
	ctx := t.Context()
	w.academy(t)
	path := w.paths(t, "ada")["rome"].Assignment.ID
	w.rome(t, "ada", "kings")
	w.record(t, "e1", "run", 1)
	for name, read := range map[string]func() error{
		"Missions.List":    func() error { _, _, err := w.Missions.List(ctx, "ada", missions.Query{}, store.Page{}); return err },
		"Missions.Mission": func() error { _, err := w.Missions.Mission(ctx, "ada:weekly:three:2025-W40"); return err },
		"Streaks.Current":  func() error { _, err := w.Streaks.Current(ctx, "ada", "daily"); return err },
		"Streaks.Streaks": func() error {
			_, _, err := w.Streaks.Streaks(ctx, "ada", streaks.Query{PeriodType: streaks.ByDay}, store.Page{})
			return err
		},
		"Economy.Balance":     func() error { _, err := w.Economy.Balance(ctx, "ada", "points"); return err },
		"Economy.Balances":    func() error { _, err := w.Economy.Balances(ctx, "ada"); return err },
		"Economy.System":      func() error { _, err := w.Economy.System(ctx, "points"); return err },
		"Economy.History":     func() error { _, _, err := w.Economy.History(ctx, "ada", store.Page{}); return err },
		"Economy.Verify":      func() error { _, err := w.Economy.Verify(ctx); return err },
		"Leaderboards.Rank":   func() error { _, err := w.Leaderboards.Rank(ctx, "all-time", "ada", nil); return err },
		"Leaderboards.Top":    func() error { _, err := w.Leaderboards.Top(ctx, "all-time", 3, nil); return err },
		"Leaderboards.Around": func() error { _, err := w.Leaderboards.Around(ctx, "all-time", "ada", 1, nil); return err },
		"Leaderboards.Periods": func() error {
			_, err := w.Leaderboards.Periods(ctx, "all-time", 1, time.Time{})
			return err
		},
		"Learning.Assignments": func() error {
			_, _, err := w.Learning.Assignments(ctx, "ada", learning.Query{Items: true}, store.Page{})
			return err
		},
		"Learning.Assignment": func() error { _, err := w.Learning.Assignment(ctx, path, ""); return err },
		"Learning.Versions":   func() error { _, err := w.Learning.Versions(ctx, path); return err },
		"Learning.Locks":      func() error { _, err := w.Learning.Locks(ctx, path, ""); return err },
		"Learning.Learners": func() error {
			_, _, err := w.Learning.Learners(ctx, "rome", learning.LearnerFilter{}, store.Page{})
			return err
		},
		"Learning.Stats":     func() error { _, err := w.Learning.Stats(ctx, "ada"); return err },
		"Learning.Quiz":      func() error { _, err := w.Learning.Quiz(ctx, "ada", "kings", "", ""); return err },
		"Learning.Group":     func() error { _, err := w.Learning.Group(ctx, "ada", "test", "", ""); return err },
		"Learning.QuizLog":   func() error { _, err := w.Learning.QuizLog(ctx, "ada", "hills", ""); return err },
		"Learning.GroupLogs": func() error { _, _, err := w.Learning.GroupLogs(ctx, "ada", "", store.Page{}); return err },
		"Learning.PathLog":   func() error { _, err := w.Learning.PathLog(ctx, "ada", "rome", ""); return err },
		"Explain":            func() error { _, err := w.Explain(ctx, "e1", "MissionConfiguration", "three"); return err },
	} {
		f.heal()
		require.NoError(t, read(), name) // what a process keeps is there
		f.heal()
		require.NoError(t, read(), name)
		for n := range math.MaxInt64 - f.left.Load() {
			f.failAfter(int(n))
			require.ErrorIs(t, read(), errBroken, "%s, call %d", name, n)
		}
	}
	f.heal()
}

// Whenever the context ends, the event is there as a whole or not at all.
func TestCancelledAtAnyMomentLeavesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		requireWhole(t, w, func(n int, record func(context.Context) error) (bool, error) {
			ctx := storetest.Fading(t.Context(), n)
			err := record(ctx)
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
			}
			return ctx.Err() != nil, err
		})
	})
}

// Whichever statement PostgreSQL does not get, because the caller has left or the connection is lost:
// the event is there as a whole or not at all.
func TestStatementThatFailsLeavesNothing(t *testing.T) {
	for name, strike := range map[string]func(context.Context, *testing.T, *pgx.Conn) context.Context{
		"cancelled": func(ctx context.Context, _ *testing.T, _ *pgx.Conn) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx
		},
		"connection lost": func(ctx context.Context, t *testing.T, on *pgx.Conn) context.Context {
			admin, err := pgx.Connect(ctx, databases.DSN(t))
			require.NoError(t, err)
			_, err = admin.Exec(ctx, "select pg_terminate_backend($1, 5000)", on.PgConn().PID())
			require.NoError(t, err)
			require.NoError(t, admin.Close(ctx))
			return ctx
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := newTripsWorld(t)
			requireWhole(t, w, func(n int, record func(context.Context) error) (struck bool, err error) {
				c.StrikeAfter(n, func(ctx context.Context, on *pgx.Conn) context.Context {
					struck = true
					return strike(ctx, t, on)
				})
				err = record(t.Context())
				c.StrikeAfter(0, nil)
				return struck, err
			})
		})
	}
}
