package unit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// A caller is somebody who calls Update.
type caller struct {
	ctx      context.Context
	look, fn func(store.Tx) error
	then     func() // what the caller goes on with, or nil
}

// waits is a context that tells when somebody has begun to wait for it to end: a caller who is in the queue.
type waits struct {
	context.Context

	once sync.Once
	in   func()
}

func (w *waits) Done() <-chan struct{} {
	w.once.Do(w.in)
	return w.Context.Done()
}

// inTurn queues callers in their order while nobody is served, and returns how each ended.
func inTurn(ctx context.Context, g *unit.Group, callers ...caller) []string {
	results := make([]string, len(callers))
	var all sync.WaitGroup
	_ = g.Update(ctx, scope, nil, func(store.Tx) error {
		for i, c := range callers {
			in := make(chan struct{})
			all.Go(func() {
				defer func() {
					if p := recover(); p != nil {
						results[i] = fmt.Sprint("panic: ", p)
					}
				}()
				if err := g.Update(&waits{Context: c.ctx, in: func() { close(in) }}, scope, c.look, c.fn); err != nil {
					results[i] = err.Error()
				}
				if c.then != nil {
					c.then()
				}
			})
			<-in
		}
		return errNo // is no member of their transaction
	})
	all.Wait()
	return results
}

// What callers read one after another is read for all of them together, also where what one reads depends on what it has
// read before. Who comes later has a trip of its own.
func TestLooksAheadTogether(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	const callers = 100
	db := &rows{}
	g := unit.NewGroup(db)
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error {
		for i := range callers {
			if err := things.Put(ctx, tx, thing{ID: fmt.Sprint("of ", i), Kind: fmt.Sprint("kind ", i%7)}); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Zero(t, db.trips)
	db.commits = 0
	var all []caller
	for i := range callers {
		read := func(tx store.Tx) error {
			if err := tx.Prefetch(ctx, things.Keys("count", fmt.Sprint("of ", i))); err != nil {
				return err
			}
			own, _, err := things.Get(ctx, tx, fmt.Sprint("of ", i))
			if err != nil {
				return err
			}
			return tx.Prefetch(ctx, things.Rows(store.By("kind", store.Text(own.Kind))))
		}
		all = append(all, caller{ctx: ctx, look: read, fn: func(tx store.Tx) error {
			if err := read(tx); err != nil {
				return err
			}
			list, err := things.List(ctx, tx, store.By("kind", store.Text(fmt.Sprint("kind ", i%7))))
			if err != nil || len(list) != callers/7+max(0, min(1, callers%7-i%7)) {
				return errors.Join(err, fmt.Errorf("%d of a kind", len(list)))
			}
			return increment(ctx, tx)
		}})
	}
	for _, r := range inTurn(ctx, g, all...) {
		require.Empty(t, r)
	}
	// They share one transaction, unless it takes too long.
	require.Equal(t, 2*db.commits, db.trips)
	require.LessOrEqual(t, db.asked, (callers+1+7)*db.commits) // what is named twice is read once
	require.EqualValues(t, callers, db.held[place{scope, "things", "count"}].Record.(thing).N)

	db.trips = 0
	require.Equal(t, []string{""}, inTurn(ctx, g, all[0])) // one alone looks nowhere
	require.Equal(t, 2, db.trips)
}

// What a function has written in part is for nobody to see, not even for those for whom it could read.
func TestLooksSeeNothingHalfDone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := &rows{}
	looks := 0
	half := caller{ctx: ctx, fn: func(tx store.Tx) error {
		err := things.Put(ctx, tx, thing{ID: "half"})
		_, _, other := things.Get(ctx, tx, "other")
		return errors.Join(err, other)
	}}
	looking := caller{ctx: ctx, fn: func(tx store.Tx) error { return increment(ctx, tx) }, look: func(tx store.Tx) error {
		looks++
		return tx.Prefetch(ctx, things.Keys("count"))
	}}
	require.Equal(t, []string{"", ""}, inTurn(ctx, unit.NewGroup(db), half, looking))
	require.Zero(t, looks)
	require.Equal(t, 2, db.trips)
}

// Whether a caller has been looked for makes no difference but in trips: not to what it reads, whatever those before it in the
// transaction have written, nor to what remains, whether it succeeds, fails or panics, and whatever its look does.
func TestLooksMakeNoDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.WithoutCancel(t.Context())
		plans := rapid.SliceOfN(rapid.Custom(drawPlan), 1, 8).Draw(rt, "plans")
		play := func(looking bool) ([]string, *rows) {
			db, said := &rows{}, make([][]string, len(plans))
			var callers []caller
			for i, p := range plans {
				c := caller{ctx: ctx, fn: func(tx store.Tx) error {
					said[i] = nil
					return p.run(ctx, tx, p.calls, &said[i])
				}}
				if looking {
					c.look = p.looking(ctx, c.fn)
				}
				callers = append(callers, c)
			}
			g := unit.NewGroup(db)
			ends := inTurn(ctx, g, callers...)
			for i := range ends {
				ends[i] = fmt.Sprint(said[i], ends[i])
			}
			return ends, db
		}
		want, before := play(false)
		got, after := play(true)
		require.Equal(rt, want, got)
		require.Equal(rt, before.held, after.held)
		require.Zero(rt, after.open)
	})
}

// A plan is what a function does, and what its look does.
type plan struct {
	calls, others []step
	end, look     string
}

type step struct{ do, id, kind string }

func drawPlan(rt *rapid.T) plan {
	steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
		return step{
			do:   rapid.SampledFrom([]string{"get", "list", "first", "count", "prefetch", "put", "insert", "delete", "move"}).Draw(rt, "do"),
			id:   rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "id"),
			kind: rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "kind"),
		}
	}), 0, 5)
	return plan{
		calls: steps.Draw(rt, "calls"), others: steps.Draw(rt, "others"),
		end:  rapid.SampledFrom([]string{"", "", "", "fail", "panic"}).Draw(rt, "end"),
		look: rapid.SampledFrom([]string{"none", "same", "same", "same", "other", "panic", "fail"}).Draw(rt, "look"),
	}
}

// looking returns the look of a plan whose function is fn.
func (p plan) looking(ctx context.Context, fn func(store.Tx) error) func(store.Tx) error {
	switch p.look {
	case "none":
		return nil
	case "same":
		return fn
	}
	return func(tx store.Tx) error {
		var unheard []string
		other := p
		other.end = p.look
		return other.run(ctx, tx, p.others, &unheard)
	}
}

// run makes calls, notes their answers, and ends as planned.
func (p plan) run(ctx context.Context, tx store.Tx, calls []step, said *[]string) error {
	for _, c := range calls {
		answer, err := c.run(ctx, tx)
		if err != nil && !errors.Is(err, fault.ErrExists) {
			return err
		}
		*said = append(*said, fmt.Sprint(c, answer, err))
	}
	switch p.end {
	case "fail":
		return errNo
	case "panic":
		panic(errNo)
	}
	return nil
}

func (c step) run(ctx context.Context, tx store.Tx) (any, error) {
	of := store.By("kind", store.Text(c.kind))
	switch c.do {
	case "get":
		x, _, err := things.Get(ctx, tx, c.id)
		return x, err
	case "list":
		return things.List(ctx, tx, of)
	case "first":
		return things.List(ctx, tx, store.By("kind").Reverse().First(2))
	case "count":
		return things.Count(ctx, tx, of)
	case "prefetch":
		return nil, tx.Prefetch(ctx, things.Keys(c.id), things.Rows(of), things.Rows(store.By("kind").First(1)))
	case "put":
		x, _, err := things.Get(ctx, tx, c.id)
		if err != nil {
			return nil, err
		}
		x.ID, x.Kind, x.N = c.id, c.kind, x.N+1
		return x, things.Put(ctx, tx, x)
	case "insert":
		return nil, things.Insert(ctx, tx, thing{ID: c.id, Kind: c.kind, Code: c.id})
	case "delete":
		return nil, things.Delete(ctx, tx, c.id)
	}
	list, err := things.List(ctx, tx, of)
	for i := range list {
		list[i].Kind, list[i].Code = "z", c.kind+list[i].ID
	}
	return list, errors.Join(err, things.Put(ctx, tx, list...))
}

// A look cannot write, nor can what it leaves behind; and where it needs what is not known, it gets no answer.
func TestLookIsHarmless(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := &rows{}
	var errs []error
	var leaked store.Tx
	look := func(tx store.Tx) error {
		leaked = tx
		_, _, err := things.Get(ctx, tx, "a")
		errs = append(errs, err, things.Put(ctx, tx, thing{ID: "a"}), things.Insert(ctx, tx.In(store.Scope{}), thing{ID: "a"}),
			tx.Delete(ctx, things.Schema(), "a"))
		return nil
	}
	g := unit.NewGroup(db)
	first := caller{ctx: ctx, fn: func(tx store.Tx) error {
		_, _, err := things.Get(ctx, tx, "b")
		return errors.Join(err, increment(ctx, tx))
	}}
	second := caller{ctx: ctx, look: look, fn: func(tx store.Tx) error { return increment(ctx, tx) }}
	require.Equal(t, []string{"", ""}, inTurn(ctx, g, first, second))
	require.Len(t, db.held, 1)
	require.Len(t, errs, 2*4)
	require.Error(t, errs[0])
	require.NoError(t, errs[4]) // it is known by then
	for i, err := range errs {
		if i%4 > 0 {
			require.ErrorIs(t, err, store.ErrReadOnly)
		}
	}
	_, err := leaked.Get(ctx, things.Schema(), "a")
	require.ErrorIs(t, err, store.ErrOver)
}

// Nobody looks ahead for a caller who has left, so what its look uses is the caller's own again.
func TestWhoLeavesIsNotLookedFor(t *testing.T) {
	t.Parallel()
	db := &rows{}
	var callers []caller
	looks := make([]int, 16)
	for i := range looks {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		callers = append(callers, caller{
			ctx: ctx,
			look: func(tx store.Tx) error {
				if i%2 == 1 {
					cancel()
				}
				for range 100 {
					runtime.Gosched()
				}
				looks[i]++
				return tx.Prefetch(ctx, things.Keys(strconv.Itoa(i)))
			},
			fn:   func(tx store.Tx) error { return increment(ctx, tx) },
			then: func() { looks[i]++ },
		})
	}
	for i, r := range inTurn(t.Context(), unit.NewGroup(db), callers...) {
		require.Equal(t, []string{"", context.Canceled.Error()}[i%2], r)
		require.GreaterOrEqual(t, looks[i], min(2, 1+i)) // the first one reads for the others
	}
	require.EqualValues(t, 8, db.held[place{scope, "things", "count"}].Record.(thing).N)
	require.Zero(t, db.open)
}

// What cannot be asked for is the error of who asks for it; the others, for whom it was asked in the same trip, go on.
func TestLookThatFailsIsNobodyElses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := &rows{poison: "poison"}
	var runs, poisoned int
	var callers []caller
	for i := range 20 {
		look := func(tx store.Tx) error { return tx.Prefetch(ctx, things.Keys("count")) }
		fn := func(tx store.Tx) error {
			runs++
			_ = tx.Prefetch(ctx, things.Keys("beside")) // hides what it is told
			return increment(ctx, tx)
		}
		if i%10 == 5 {
			look = func(tx store.Tx) error { return tx.Prefetch(ctx, things.Keys("poison")) }
			fn = func(tx store.Tx) error { poisoned++; return look(tx) }
		}
		callers = append(callers, caller{ctx: ctx, look: look, fn: fn})
	}
	for i, r := range inTurn(ctx, unit.NewGroup(db), callers...) {
		require.Equal(t, i%10 == 5, r != "", "%d: %s", i, r)
	}
	require.EqualValues(t, 18, db.held[place{scope, "things", "count"}].Record.(thing).N)
	require.Equal(t, 2, poisoned)
	require.LessOrEqual(t, runs, 18+5+9) // those before them in the queue, again
	require.Zero(t, db.open)
}

// Who runs again, alone or with others, does so as if it had not been looked for.
func TestLooksAgainAfterConflicts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	broken := store.Define("broken", func(*chan int) string { return "a" }, nil) // a channel has no JSON
	fails := 0
	db := &rows{failCommit: func() error {
		if fails++; fails <= 3 {
			return errAgain
		}
		return nil
	}}
	seen := make([][]int64, 16)
	var callers []caller
	for i := range seen {
		fn := func(tx store.Tx) error {
			count, _, err := things.Get(ctx, tx, "count")
			if err != nil {
				return err
			}
			seen[i] = append(seen[i], count.N)
			if i == 5 {
				return broken.Put(ctx, tx, make(chan int))
			}
			return increment(ctx, tx)
		}
		look := func(tx store.Tx) error { return tx.Prefetch(ctx, things.Keys("count")) }
		callers = append(callers, caller{ctx: ctx, look: look, fn: fn})
	}
	for i, r := range inTurn(ctx, unit.NewGroup(db), callers...) {
		require.Equal(t, i == 5, r != "", r)
	}
	require.EqualValues(t, 15, db.held[place{scope, "things", "count"}].Record.(thing).N)
	var last []int64
	for i, counts := range seen {
		if i != 5 {
			last = append(last, counts[len(counts)-1])
		}
	}
	slices.Sort(last)
	for i, n := range last {
		require.EqualValues(t, i, n, "no count is read by two")
	}
}
