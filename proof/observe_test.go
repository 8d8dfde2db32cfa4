package proof_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// sightings are all that an observer was told.
type sightings struct {
	mu        sync.Mutex
	recorded  []guerdon.Recorded
	committed []guerdon.Committed
	rebuilt   []guerdon.Rebuilt
	published []guerdon.Published
	problems  []guerdon.Problem
	failed    []guerdon.Failed
	contexts  []any // what the contexts say of whose call it was
}

type callKey struct{}

func note[T any](s *sightings, list *[]T) func(context.Context, T) {
	return func(ctx context.Context, what T) {
		s.mu.Lock()
		defer s.mu.Unlock()
		*list = append(*list, what)
		s.contexts = append(s.contexts, ctx.Value(callKey{}))
	}
}

func (s *sightings) observer() guerdon.Observer {
	return guerdon.Observer{
		Recorded: note(s, &s.recorded), Committed: note(s, &s.committed), Rebuilt: note(s, &s.rebuilt),
		Published: note(s, &s.published), Problem: note(s, &s.problems), Failed: note(s, &s.failed),
	}
}

func (s *sightings) forget() {
	s.recorded, s.committed, s.rebuilt, s.published, s.problems, s.failed, s.contexts = nil, nil, nil, nil, nil, nil, nil
}

// An observatory is a workspace whose engine is observed, with a clock that goes on by a millisecond whenever it is read.
type observatory struct {
	*guerdon.Workspace
	*sightings

	engine *guerdon.Engine
	store  store.Store
	reads  atomic.Int64 // of the clock
	log    bytes.Buffer
	blobs  failingBlobs
}

// failingBlobs delete nothing while they are told not to.
type failingBlobs struct {
	eagerBlobs

	err error
}

func (f *failingBlobs) Delete(ctx context.Context, key string) error {
	return errors.Join(f.err, f.eagerBlobs.Delete(ctx, key))
}

// gymDocs pay a point for each run and swim, and a third of an event's value as gems, which may have too many digits.
func gymDocs() []content.Document {
	points := guerdontest.BoardConfiguration("points", "points")
	runs := guerdontest.Doing("run")
	return []content.Document{
		guerdontest.Activity("run"), guerdontest.Activity("swim"), guerdontest.Currency("points"), guerdontest.Currency("gems"),
		guerdontest.RewardRule("each", runs, "points", "1"),
		guerdontest.RewardRule("third", guerdontest.Doing("swim"), "gems", `{"/": [{"var": "value"}, 3]}`),
		points, guerdontest.Board("points", points, ""),
	}
}

// newObservatory returns one on a store, which is closed when the test ends, with two users.
func newObservatory(t testing.TB, st store.Store, observed bool) *observatory {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	o := &observatory{sightings: &sightings{}, store: st}
	opts := &guerdon.Options{
		Now:   func() time.Time { return start.Add(time.Duration(o.reads.Add(1)) * time.Millisecond) },
		NewID: counting("id"), Blobs: &o.blobs, Log: slog.New(slog.NewJSONHandler(&o.log, nil)),
	}
	if observed {
		opts.Observe = o.observer()
	}
	var err error
	o.engine, err = guerdon.New(t.Context(), st, opts)
	require.NoError(t, err)
	_, err = o.engine.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "acme"})
	require.NoError(t, err)
	o.Workspace, err = o.engine.Workspace(t.Context(), store.Scope{Account: "acme", Workspace: "default"})
	require.NoError(t, err)
	bundle, err := guerdon.Bundle(gymDocs()...)
	require.NoError(t, err)
	_, err = o.Import(t.Context(), bundle)
	require.NoError(t, err)
	for _, id := range []string{"ada", "bob"} {
		_, err = o.Users.Create(t.Context(), tenancy.NewUser{ID: id})
		require.NoError(t, err)
	}
	if observed {
		kinds := map[string]int{}
		for _, p := range o.published {
			require.Equal(t, 1, p.Version)
			kinds[p.Kind]++
		}
		require.Equal(t, map[string]int{
			"Activity": 2, "VirtualCurrency": 2, "RewardRule": 2, "RuntimeLeaderboardConfiguration": 1, "RuntimeLeaderboard": 1,
		}, kinds)
	}
	o.forget()
	return o
}

func eachObservatory(t *testing.T, test func(*testing.T, *observatory)) {
	t.Helper()
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newObservatory(t, open(t), true))
		})
	}
}

func TestObserverIsToldOfEvents(t *testing.T) {
	eachObservatory(t, func(t *testing.T, o *observatory) {
		ctx := context.WithValue(t.Context(), callKey{}, "mine")
		out, err := o.Record(ctx, event.Event{ID: "a", UserID: "ada", EntityID: "run"})
		require.NoError(t, err)
		require.Len(t, o.recorded, 1)
		r := o.recorded[0]
		require.Equal(t, o.Scope(), r.Scope)
		require.True(t, r.Start.After(start))
		require.Positive(t, r.Waited)
		require.Positive(t, r.Committing)
		require.Greater(t, r.Duration, r.Waited+r.Committing)
		require.Zero(t, r.Retries+r.Repeated)
		require.Positive(t, r.Cost.RowsRead)
		require.Positive(t, r.Cost.RowsWritten)
		changes := len(out.Missions) + len(out.Transactions) + len(out.Streaks) + len(out.Scores) + len(out.Learning)
		require.Equal(t, []guerdon.RecordedEntry{{
			Seq: out.Seq, EventID: "a", Type: event.Activity, EntityID: "run", Caused: 1, Changes: changes,
		}}, r.Entries)
		require.Equal(t, []guerdon.Committed{{Scope: o.Scope(), Commit: r.Cost.Commit}}, o.committed)
		require.Equal(t, 1, r.Cost.Commit.Callers)
		require.Positive(t, r.Cost.Commit.Rows)
		require.Equal(t, []any{"mine", "mine"}, o.contexts)

		// The same once more, and what is refused, tried or only read, is no entry.
		o.forget()
		_, err = o.Record(ctx, event.Event{ID: "a", UserID: "ada", EntityID: "run"})
		require.NoError(t, err)
		require.Len(t, o.recorded, 1)
		require.Equal(t, 1, o.recorded[0].Repeated)
		require.Empty(t, o.recorded[0].Entries)
		o.forget()
		_, err = o.Record(ctx, event.Event{ID: "b", UserID: "nobody", EntityID: "run"})
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = o.DryRun(ctx, event.Event{ID: "b", UserID: "ada", EntityID: "run"})
		require.NoError(t, err)
		require.ErrorIs(t, o.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Record(ctx, event.Event{ID: "b", UserID: "ada", EntityID: "run"})
			return errors.Join(err, errBroken)
		}), errBroken)
		_, err = o.Journal(ctx, 0)
		require.NoError(t, err)
		require.Empty(t, o.contexts)

		// What several calls do in one transaction is one, and a late event says so.
		require.NoError(t, o.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			for _, e := range []event.Event{
				{ID: "b", UserID: "bob", EntityID: "run"}, {ID: "c", UserID: "ada", EntityID: "run", At: start.AddDate(0, 0, -1)},
			} {
				if _, err := ws.Record(ctx, e); err != nil {
					return err
				}
			}
			_, err := ws.Explain(ctx, "b", "RewardRule", "each") // makes the step again and takes it back
			return err
		}))
		require.Len(t, o.recorded, 1)
		entries := o.recorded[0].Entries
		require.Len(t, entries, 2)
		require.Equal(t, []string{"b", "c"}, []string{entries[0].EventID, entries[1].EventID})
		require.Equal(t, []bool{false, true}, []bool{entries[0].Late, entries[1].Late})

		// So is a portion of a batch.
		o.forget()
		events := make([]event.Event, 120)
		for i := range events {
			events[i] = event.Event{ID: fmt.Sprint("many", i), UserID: "bob", EntityID: "run"}
		}
		_, err = o.RecordBatch(ctx, events)
		require.NoError(t, err)
		require.Greater(t, len(o.recorded), 1)
		sum := 0
		for _, r := range o.recorded {
			sum += len(r.Entries)
		}
		require.Equal(t, len(events), sum)
	})
}

func TestObserverIsToldOfProblemsDocumentsAndRankings(t *testing.T) {
	eachObservatory(t, func(t *testing.T, o *observatory) {
		ctx := t.Context()
		_, err := o.Record(ctx, event.Event{ID: "a", UserID: "ada", EntityID: "swim", Value: new(decimal.NewFromInt(10))})
		require.NoError(t, err)
		require.Len(t, o.problems, 1)
		p := o.problems[0]
		require.Equal(t, []string{"acme/default", "RewardRule/third", "a"}, []string{p.Scope.String(), p.Source, p.EventID})
		require.Equal(t, 1, o.recorded[0].Entries[0].Problems)

		a, err := o.Activities.Get(ctx, "run")
		require.NoError(t, err)
		a.Name = "Jog"
		_, err = o.Activities.Update(ctx, a)
		require.NoError(t, err)
		require.Empty(t, o.published)
		_, err = o.Activities.Publish(ctx, "run")
		require.NoError(t, err)
		require.Equal(t, []guerdon.Published{{Scope: o.Scope(), Kind: "Activity", ID: "run", Version: 2}}, o.published)

		_, err = o.Record(ctx, event.Event{ID: "b", UserID: "ada", EntityID: "run"})
		require.NoError(t, err)
		require.Empty(t, o.rebuilt)
		for range 2 {
			_, err = o.Leaderboards.Rank(ctx, "points", "ada", nil)
			require.NoError(t, err)
		}
		require.Len(t, o.rebuilt, 1)
		r := o.rebuilt[0]
		require.Equal(t, []any{o.Scope(), "points", 1}, []any{r.Scope, r.Board, r.Scores})
		require.NotEmpty(t, r.Period)
		require.Positive(t, r.Duration)
		require.Empty(t, o.failed)
		require.Empty(t, o.log.String())
	})
}

// An observer is called while nothing is locked, so it may call the engine.
func TestObserverMayCallTheEngine(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := open(t)
			o := newObservatory(t, st, false)
			var ws *guerdon.Workspace
			var told []string
			eng, err := guerdon.New(t.Context(), st, &guerdon.Options{Observe: guerdon.Observer{
				Recorded: func(ctx context.Context, r guerdon.Recorded) {
					id := r.Entries[0].EventID
					if told = append(told, id); id != "a" {
						return
					}
					_, err := ws.Record(ctx, event.Event{ID: "b", UserID: "ada", EntityID: "run"})
					require.NoError(t, err)
				},
				Rebuilt: func(ctx context.Context, r guerdon.Rebuilt) {
					_, err := ws.Leaderboards.Rank(ctx, r.Board, "ada", nil)
					require.NoError(t, err)
					_, err = ws.Record(ctx, event.Event{ID: "c", UserID: "ada", EntityID: "run"})
					require.NoError(t, err)
				},
			}})
			require.NoError(t, err)
			ws, err = eng.Workspace(t.Context(), o.Scope())
			require.NoError(t, err)
			_, err = ws.Record(t.Context(), event.Event{ID: "a", UserID: "ada", EntityID: "run"})
			require.NoError(t, err)
			_, err = ws.Leaderboards.Rank(t.Context(), "points", "ada", nil)
			require.NoError(t, err)
			require.Equal(t, []string{"a", "b", "c"}, told)
		})
	}
}

// Those who meet share commits, and each commit is told once.
func TestObserverIsToldOfSharedCommits(t *testing.T) {
	eachObservatory(t, func(t *testing.T, o *observatory) {
		const callers = 32
		var all sync.WaitGroup
		errs := make([]error, callers)
		for i := range callers {
			all.Go(func() {
				_, errs[i] = o.Record(t.Context(), event.Event{ID: strconv.Itoa(i), UserID: []string{"ada", "bob"}[i%2], EntityID: "run"})
			})
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		committed := 0
		for _, c := range o.committed {
			committed += c.Commit.Callers
		}
		require.Equal(t, callers, committed)
		require.Len(t, o.recorded, callers)
	})
}

// Nobody knows whether what joins a transaction of the host's will be committed.
func TestObserverIsNotToldOfTheHostsTransactions(t *testing.T) {
	t.Parallel()
	h := hosts["sqlite"](t)
	o := newObservatory(t, h.Store, true)
	joined, end := h.begin(t)
	_, err := o.On(joined).Record(t.Context(), event.Event{ID: "a", UserID: "ada", EntityID: "run"})
	require.NoError(t, err)
	end(true)
	require.Empty(t, o.contexts)
	_, err = o.Entry(t.Context(), "a")
	require.NoError(t, err)
}

// A stubborn store runs each Update twice.
type stubborn struct{ store.Store }

func (s stubborn) Update(ctx context.Context, of store.Scope, fn func(store.Tx) error) error {
	if err := s.Rehearse(ctx, of, fn); err != nil {
		return err
	}
	return s.Store.Update(ctx, of, fn)
}

func TestObserverIsToldOfRetries(t *testing.T) {
	t.Parallel()
	o := newObservatory(t, stubborn{memory.New()}, true)
	_, err := o.Record(t.Context(), event.Event{ID: "a", UserID: "ada", EntityID: "run"})
	require.NoError(t, err)
	require.Len(t, o.recorded, 1)
	require.Equal(t, 1, o.recorded[0].Retries)
	require.Len(t, o.recorded[0].Entries, 1)
}

// brittle is a store whose views fail when they are told to.
type brittle struct {
	store.Store

	err error
}

func (f *brittle) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.View(ctx, s, fn)
}

func TestNothingThatFailsInTheBackgroundIsDropped(t *testing.T) {
	t.Parallel()
	st := &brittle{Store: memory.New()}
	o := newObservatory(t, st, true)
	ctx := t.Context()
	scope := o.Scope()
	told := func(during string, scopes ...store.Scope) {
		t.Helper()
		var of []store.Scope
		lines := bytes.Split(bytes.TrimSpace(o.log.Bytes()), []byte("\n"))
		require.Len(t, lines, len(o.failed))
		for i, f := range o.failed {
			require.Equal(t, during, f.During)
			require.ErrorIs(t, f.Err, errBroken)
			of = append(of, f.Scope)
			var line struct{ Level, Msg, Scope, Error string }
			require.NoError(t, json.Unmarshal(lines[i], &line))
			require.Equal(t, []string{"ERROR", "guerdon: " + during, f.Scope.String(), f.Err.Error()}, []string{line.Level, line.Msg, line.Scope, line.Error})
		}
		require.Equal(t, scopes, of)
		o.log.Reset()
		o.forget()
	}

	// A file that is to be deleted with its medium.
	medium := func() string {
		u, err := o.Media.Upload(ctx, content.NewUpload{FileName: "a.png", ContentType: "image/png", FileSize: 1})
		require.NoError(t, err)
		_, err = o.Media.Confirm(ctx, u.MediaID)
		require.NoError(t, err)
		return u.MediaID
	}
	first, second := medium(), medium()
	o.forget()
	o.blobs.err = errBroken
	require.NoError(t, o.Media.Delete(ctx, first))
	told("media", scope)
	require.NoError(t, o.As(content.Actor{Type: content.ByUser, ID: "ada"}).Media.Delete(ctx, second))
	told("media", scope)
	o.blobs.err = nil

	// A ranking that was asked for in a transaction, and is to follow it.
	asking := func(ctx context.Context) {
		require.NoError(t, o.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			if _, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"}); err != nil {
				return err
			}
			_, err := ws.Leaderboards.Rank(ctx, "points", "ada", nil)
			return err
		}))
	}
	st.err = errBroken
	asking(ctx)
	told("afterwards", scope)
	st.err = nil

	// What the clock causes.
	_, err := o.engine.Platform.CreateAccount(ctx, tenancy.Account{ID: "other"})
	require.NoError(t, err)
	o.forget()
	running, stop := context.WithCancel(ctx)
	broken := &brittle{Store: advancing{st, stop}}
	o.engine, err = guerdon.New(ctx, broken, &guerdon.Options{Log: slog.New(slog.NewJSONHandler(&o.log, nil)), Observe: o.observer()})
	require.NoError(t, err)
	require.NoError(t, o.engine.Run(running, time.Hour))
	told("advance", store.Scope{Account: "other", Workspace: "default"}, scope)
	require.ErrorIs(t, o.engine.Advance(ctx), errBroken) // is told by who is called
	require.Empty(t, o.failed)
	stopped, stop := context.WithCancel(ctx)
	broken.err = context.Canceled
	stop()
	require.NoError(t, o.engine.Run(stopped, time.Hour))
	require.Empty(t, o.failed) // that somebody has stopped it is no failure
	broken.err = errors.Join(context.Canceled, errBroken)
	require.NoError(t, o.engine.Run(stopped, time.Hour))
	told("advance", store.Scope{}) // but whatever else fails meanwhile is
}

// advancing is a store on which nothing can be written, and which ends a context when it has said so of a second workspace.
type advancing struct {
	store.Store

	stop func()
}

func (a advancing) Update(_ context.Context, s store.Scope, _ func(store.Tx) error) error {
	if s.Account == "acme" { // the one that was made last comes first
		a.stop()
	}
	return errBroken
}

// Who observes nothing pays nothing: the clock is read as ever, and the store is not asked what it costs.
func TestNobodyWhoObservesCostsNothing(t *testing.T) {
	t.Parallel()
	for _, observed := range []bool{false, true} {
		st := &asked{Store: memory.New()}
		o := newObservatory(t, st, observed)
		before, metered := o.reads.Load(), st.meters.Load()
		_, err := o.Record(t.Context(), event.Event{ID: "a", UserID: "ada", EntityID: "run"})
		require.NoError(t, err)
		_, err = o.Leaderboards.Rank(t.Context(), "points", "ada", nil)
		require.NoError(t, err)
		reads, meters := o.reads.Load()-before, st.meters.Load()-metered
		if observed {
			require.EqualValues(t, 2+4+2, reads) // around and in the update, and around a ranking that is read
			require.EqualValues(t, 1, meters)
		} else {
			require.EqualValues(t, 2, reads) // once for each transaction
			require.Zero(t, meters)
		}
	}
}

// To be told of everything takes an allocation for what is noted and one for what is gathered, and of an entry one more. It is not
// parallel to others, whose allocations would be counted.
func TestObservingTakesFewAllocations(t *testing.T) {
	var allocations [2]float64
	for i, observed := range []bool{false, true} {
		o := newObservatory(t, memory.New(), false)
		if observed {
			eng, err := guerdon.New(t.Context(), o.store, &guerdon.Options{Now: func() time.Time { return start }, Observe: ignoring()})
			require.NoError(t, err)
			o.Workspace, err = eng.Workspace(t.Context(), o.Scope())
			require.NoError(t, err)
		}
		record := func() {
			_, err := o.Record(t.Context(), event.Event{ID: "a", UserID: "ada", EntityID: "run"})
			require.NoError(t, err)
		}
		record()
		allocations[i] = testing.AllocsPerRun(100, record)
	}
	require.LessOrEqual(t, allocations[1]-allocations[0], 4.0, allocations) // 2, or 3 under the race detector
}

// asked counts how often a store is asked what a transaction costs.
type asked struct {
	store.Store

	meters atomic.Int64
}

func (a *asked) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return a.Store.Update(ctx, s, func(tx store.Tx) error { return fn(askedTx{tx, a}) })
}

type askedTx struct {
	store.Tx

	of *asked
}

func (x askedTx) In(s store.Scope) store.Tx { return askedTx{x.Tx.In(s), x.of} }

func (x askedTx) Meter(cost *store.Cost) {
	x.of.meters.Add(1)
	x.Tx.(store.Metered).Meter(cost)
}

// ignoring returns an observer that asks for everything and does nothing with it.
func ignoring() guerdon.Observer {
	return guerdon.Observer{
		Recorded: func(context.Context, guerdon.Recorded) {}, Committed: func(context.Context, guerdon.Committed) {},
		Rebuilt: func(context.Context, guerdon.Rebuilt) {}, Published: func(context.Context, guerdon.Published) {},
		Problem: func(context.Context, guerdon.Problem) {},
	}
}

// BenchmarkRatioObserved compares an engine that nobody observes with one of which an observer is told everything.
func BenchmarkRatioObserved(b *testing.B) {
	b.Run("Record, memory, everything observed : nothing", func(b *testing.B) {
		none, st := memoryClub(b), memory.New()
		foundClub(b, st, clubDocs(1))
		all := openClub(b, st, ignoring())
		ratio.Compare(b, 0.95,
			func(n int) { recordAll(b, all, round(n), 1) },
			func(n int) { recordAll(b, none, round(n), 1) })
	})
}
