package proof_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A cost is what was asked of a store.
type cost struct{ calls, read, written int }

// A meter is a store that adds up what is asked of it.
type meter struct {
	store.Store

	cost cost
}

func (m *meter) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return m.Store.View(ctx, s, func(tx store.Tx) error { return fn(&metered{tx, m}) })
}

func (m *meter) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return m.Store.Update(ctx, s, func(tx store.Tx) error { return fn(&metered{tx, m}) })
}

func (m *meter) Rehearse(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return m.Store.Rehearse(ctx, s, func(tx store.Tx) error { return fn(&metered{tx, m}) })
}

// of returns what a call costs.
func (m *meter) of(call func()) cost {
	before := m.cost
	call()
	return cost{m.cost.calls - before.calls, m.cost.read - before.read, m.cost.written - before.written}
}

type metered struct {
	store.Tx

	meter *meter
}

func (t *metered) In(s store.Scope) store.Tx { return &metered{t.Tx.In(s), t.meter} }

func (t *metered) Get(ctx context.Context, s *store.Schema, keys ...string) ([]store.Row, error) {
	rows, err := t.Tx.Get(ctx, s, keys...)
	return t.counted(rows), err
}

func (t *metered) List(ctx context.Context, s *store.Schema, q store.Query) ([]store.Row, error) {
	rows, err := t.Tx.List(ctx, s, q)
	return t.counted(rows), err
}

func (t *metered) Count(ctx context.Context, s *store.Schema, q store.Query) (int, error) {
	n, err := t.Tx.Count(ctx, s, q)
	t.meter.cost.calls++
	t.meter.cost.read += n // a backend may have to walk through them
	return n, err
}

func (t *metered) counted(rows []store.Row) []store.Row {
	t.meter.cost.calls++
	t.meter.cost.read += len(rows)
	return rows
}

func (t *metered) Insert(ctx context.Context, s *store.Schema, rows ...store.Row) error {
	t.write(len(rows))
	return t.Tx.Insert(ctx, s, rows...)
}

func (t *metered) Put(ctx context.Context, s *store.Schema, rows ...store.Row) error {
	t.write(len(rows))
	return t.Tx.Put(ctx, s, rows...)
}

func (t *metered) Delete(ctx context.Context, s *store.Schema, keys ...string) error {
	t.write(len(keys))
	return t.Tx.Delete(ctx, s, keys...)
}

func (t *metered) write(n int) {
	t.meter.cost.calls++
	t.meter.cost.written += n
}

// newMeteredWorld returns a world in which a number of events happened, until a fortnight before start.
func newMeteredWorld(t testing.TB, st store.Store, events int) (*world, *meter) {
	t.Helper()
	m := &meter{Store: st}
	w := newWorld(t, m)
	year, end := start.AddDate(-1, 0, 0), start.AddDate(0, 0, -14)
	step := end.Sub(year) / time.Duration(events)
	const batch = 1000
	for from := 0; from < events; from += batch {
		some := make([]event.Event, min(batch, events-from))
		for i := range some {
			n := from + i
			some[i] = run(fmt.Sprint("past", n), "ada", year.Add(step*time.Duration(n)))
		}
		_, err := w.RecordBatch(t.Context(), some)
		require.NoError(t, err)
	}
	return w, m
}

// week returns what the events of a week and a day cost.
func (m *meter) week(t testing.TB, w *world) []cost {
	t.Helper()
	var costs []cost
	for i := range 8 {
		at := start.AddDate(0, 0, i).Add(time.Hour)
		w.set(at)
		costs = append(costs, m.of(func() {
			_, err := w.Record(t.Context(), run(fmt.Sprint("e", i), "ada", at))
			require.NoError(t, err)
		}))
	}
	return costs
}

// BenchmarkHistory requires that an event costs the same after b.N others as after a thousand: run it with
// -benchtime 1000000x.
func BenchmarkHistory(b *testing.B) {
	w, m := newMeteredWorld(b, openers["sqlite"](b), max(b.N, 1000))
	few, fewer := newMeteredWorld(b, memory.New(), 1000)
	require.Equal(b, fewer.week(b, few), m.week(b, w))
}

// BenchmarkHeld measures the memory that is held for what there may be many of.
func BenchmarkHeld(b *testing.B) {
	held := func(name string, n int, fill func()) {
		before := ratio.Heap()
		fill()
		bytes := float64(ratio.Heap()-before) / float64(n)
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(bytes, "B")
			b.ReportMetric(0, "ns/op")
		})
	}
	st := openers["sqlite"](b)
	b.Cleanup(func() { require.NoError(b, st.Close()) })
	publishClub(b, st, clubDocs(1))
	var kept [2]*guerdon.Workspace
	held("a workspace of 50 rules", 1, func() {
		kept[0] = openClub(b, st)
		_, err := kept[0].DryRun(b.Context(), clubEvent(0)) // compiles the program, and finds no user
		require.ErrorIs(b, err, fault.ErrNotFound)
	})
	held("a user with one event, in the memory store", clubUsers, func() { kept[1] = memoryClub(b) })
	held("an event more, in the memory store", clubUsers, func() { recordBatches(b, kept[1], clubEvents(clubUsers, clubUsers)) })
	runtime.KeepAlive(kept)
}

// An event, and what users ask for all day, cost the same whatever has happened before.
func TestCostDoesNotGrowWithHistory(t *testing.T) {
	t.Parallel()
	var before []cost
	for _, events := range []int{100, 1000, 10_000} {
		w, m := newMeteredWorld(t, memory.New(), events)
		ctx := t.Context()
		costs := m.week(t, w)
		for name, read := range map[string]func() error{
			"missions": func() error {
				_, _, err := w.Missions.List(ctx, "ada", missions.Query{}, store.Page{Limit: 10})
				return err
			},
			"balances": func() error { _, err := w.Economy.Balances(ctx, "ada"); return err },
			"streak":   func() error { _, err := w.Streaks.Current(ctx, "ada", "daily"); return err },
			"rank":     func() error { _, err := w.Leaderboards.Rank(ctx, "all-time", "ada", nil); return err },
			"top ten":  func() error { _, err := w.Leaderboards.Top(ctx, "all-time", 10, nil); return err },
		} {
			require.NoError(t, read()) // the first time compiles and fills indexes
			c := m.of(func() { require.NoError(t, read()) })
			require.LessOrEqual(t, c.calls, 8, name)
			require.LessOrEqual(t, c.read, 16, name)
			require.Zero(t, c.written, name)
		}
		if before != nil {
			require.Equal(t, before, costs, "%d events", events)
		}
		before = costs
	}
}

// An event that comes an hour late, behind another one of its user, costs at most four and a half times as much as one on time, whatever
// has happened before: the other is taken back, and both are made.
func TestCostOfALateEvent(t *testing.T) {
	t.Parallel()
	var before []cost
	for _, events := range []int{100, 1000, 10_000} {
		w, m := newMeteredWorld(t, memory.New(), events)
		m.week(t, w)
		now := *w.now.Load()
		record := func(id string, at time.Time) cost {
			return m.of(func() {
				_, err := w.Record(t.Context(), run(id, "ada", at))
				require.NoError(t, err)
			})
		}
		costs := []cost{record("on-time", now), record("late", now.Add(-time.Hour))}
		onTime, late := costs[0], costs[1]
		require.LessOrEqual(t, 2*late.calls, 9*onTime.calls, costs)
		require.LessOrEqual(t, 2*late.read, 9*onTime.read, costs)
		require.LessOrEqual(t, 2*late.written, 9*onTime.written, costs)
		if before != nil {
			require.Equal(t, before, costs, "%d events", events)
		}
		before = costs
	}
}

// What an event of two games costs, in rows and in allocations of a store in memory: what makes it more is to be seen here. It is not
// parallel to others, whose allocations would be counted.
func TestWhatAnEventCosts(t *testing.T) {
	for name, game := range map[string]struct {
		open   func(st store.Store) (*guerdon.Workspace, func() event.Event)
		most   cost
		allocs float64
	}{
		"quickstart": {func(st store.Store) (*guerdon.Workspace, func() event.Event) {
			return quickstart(t, st), commits()
		}, cost{47, 30, 13}, 810},
		"club": {func(st store.Store) (*guerdon.Workspace, func() event.Event) {
			n := clubBatch
			ws := joinClub(t, st, clubDocs(1))
			_, err := ws.RecordBatch(t.Context(), clubEvents(0, clubBatch))
			require.NoError(t, err)
			return ws, func() event.Event {
				e := clubEvent(n)
				e.UserID = clubEvent(n % clubBatch).UserID
				n++
				return e
			}
		}, cost{64, 46, 21}, 1280},
	} {
		t.Run(name, func(t *testing.T) {
			const events = 200
			m := &meter{Store: memory.New()}
			ws, next := game.open(m)
			record := func() {
				_, err := ws.Record(t.Context(), next())
				require.NoError(t, err)
			}
			for range events {
				record() // users begin
			}
			all := m.of(func() {
				for range events {
					record()
				}
			})
			require.LessOrEqual(t, all.calls, events*game.most.calls)
			require.LessOrEqual(t, all.read, events*game.most.read)
			require.LessOrEqual(t, all.written, events*game.most.written)
			require.LessOrEqual(t, testing.AllocsPerRun(events, record), game.allocs)
		})
	}
}

// A rank costs the same however many are on the board, also in a transaction that has changed it.
func TestCostOfARankDoesNotGrowWithTheBoard(t *testing.T) {
	t.Parallel()
	var before []cost
	for _, others := range []int{1, 100} {
		m := &meter{Store: memory.New()}
		w := newWorld(t, m)
		ctx := t.Context()
		for i := range others {
			id := fmt.Sprint("user-", i)
			_, err := w.Users.Create(ctx, tenancy.NewUser{ID: id})
			require.NoError(t, err)
			_, err = w.Record(ctx, run(id, id, start))
			require.NoError(t, err)
		}
		var costs []cost
		for i := range 3 {
			require.NoError(t, w.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
				if _, err := ws.Record(ctx, run(fmt.Sprint("e", i), "ada", start)); err != nil {
					return err
				}
				costs = append(costs, m.of(func() {
					rank, err := ws.Leaderboards.Rank(ctx, "all-time", "ada", nil)
					require.NoError(t, err)
					require.Equal(t, others+1, rank.Total)
				}))
				return nil
			}))
		}
		costs = costs[1:] // the first fills indexes, afterwards
		for _, c := range costs {
			require.LessOrEqual(t, c.calls, 8)
			require.LessOrEqual(t, c.read, 16)
			require.Zero(t, c.written)
		}
		if before != nil {
			require.Equal(t, before, costs, "%d others", others)
		}
		before = costs
	}
}

// A schedule that is made up for costs the same however often it fired: what was evaluated in a period is not asked
// for again. When it fires while everybody is evaluated, that costs one question a user, and writes how far it came.
func TestCostOfAScheduleDoesNotGrowWithItsFires(t *testing.T) {
	t.Parallel()
	const users = 40 // with three others, a portion
	var before []cost
	for _, cron := range []string{"0 * * * *", "*/10 * * * *", "* * * * *"} {
		m := &meter{Store: memory.New()}
		w := newWorld(t, m)
		ctx := t.Context()
		for i := range users {
			_, err := w.Users.Create(ctx, tenancy.NewUser{ID: fmt.Sprint("user-", i)})
			require.NoError(t, err)
		}
		goal := guerdontest.MissionConfiguration("goal", guerdontest.Doing("run"), "3")
		b, err := guerdon.Bundle(goal, pushed(guerdontest.MissionRule("rule", goal, timeframe.Daily), cron))
		require.NoError(t, err)
		_, err = w.Import(ctx, b)
		require.NoError(t, err)
		advance := func(to time.Time) cost {
			w.set(to)
			return m.of(func() { require.NoError(t, w.Advance(ctx)) })
		}
		advance(start) // compiles the program
		costs := []cost{advance(start.AddDate(0, 0, 2)), advance(start.AddDate(0, 0, 2).Add(time.Hour))}
		require.Len(t, w.told(t), 3*(users+3), "three days")
		require.LessOrEqual(t, costs[0].calls, 100*users)
		require.LessOrEqual(t, costs[1].calls, 2*users)
		require.Equal(t, 1, costs[1].written)
		if before != nil {
			require.Equal(t, before, costs, cron)
		}
		before = costs
	}
}

// An event costs the same whatever else is published.
func TestCostDoesNotGrowWithProgram(t *testing.T) {
	t.Parallel()
	var before []cost
	for _, others := range []int{1, 5} {
		m := &meter{Store: memory.New()}
		w := publishClub(t, m, clubDocs(others))
		_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: clubEvent(0).UserID})
		require.NoError(t, err)
		var costs []cost
		for i := range 3 {
			costs = append(costs, m.of(func() {
				_, err := w.Record(t.Context(), clubEvent(i*clubUsers))
				require.NoError(t, err)
			}))
		}
		if before != nil {
			require.Equal(t, before, costs, "%d times as many documents", others)
		}
		before = costs
	}
}

// coursePaths is how many paths courses returns.
const coursePaths = 20

// courses returns paths, each of a number of quizzes and as many slides of its own, a rule that gives them to
// everybody, and all that they hold, in words of an edition.
func courses(items int, edition string) []content.Document {
	var docs []content.Document
	var paths []*learning.Path
	for i := range coursePaths {
		var parts []content.Document
		for j := range items {
			id := fmt.Sprintf("part-%d-%d", i, j)
			quiz, slide := guerdontest.Quiz(id), guerdontest.Slide(id)
			quiz.Translations[0].Question, slide.Translations[0].Title = edition, edition
			parts = append(parts, quiz, slide)
		}
		path := guerdontest.Path(fmt.Sprint("path-", i), parts...)
		path.Title = edition
		paths = append(paths, path)
		docs = append(append(docs, parts...), path)
	}
	return append(docs, guerdontest.PathRule("everybody", paths...))
}

// teach puts courses in force.
func (w *world) teach(t testing.TB, docs []content.Document) {
	t.Helper()
	bundle, err := guerdontest.New(t, docs...).Export(t.Context())
	require.NoError(t, err)
	_, err = w.Import(t.Context(), bundle)
	require.NoError(t, err)
}

// retire archives courses and all that they hold.
func (w *world) retire(t testing.TB, items int) {
	t.Helper()
	ctx := t.Context()
	_, err := w.Learning.Rules.Archive(ctx, "everybody")
	require.NoError(t, err)
	for i := range coursePaths {
		_, err := w.Learning.Paths.Archive(ctx, fmt.Sprint("path-", i))
		require.NoError(t, err)
		for j := range items {
			id := fmt.Sprintf("part-%d-%d", i, j)
			_, err := w.Quizzes.Archive(ctx, id)
			require.NoError(t, err)
			_, err = w.Slides.Archive(ctx, id)
			require.NoError(t, err)
		}
	}
}

// A page of assignments with all that is in them costs as many calls of the store however much that is, also to
// who is in the middle of versions that are no longer in force, or of what is archived since. So does an answer
// that moves a path.
func TestCostOfLearningDoesNotGrowWithItems(t *testing.T) {
	t.Parallel()
	var before []int
	for _, items := range []int{1, 10} {
		m := &meter{Store: memory.New()}
		w := newWorld(t, m)
		w.teach(t, courses(items, "first"))
		ctx := t.Context()
		_, err := w.Learning.Evaluate(ctx, "ada")
		require.NoError(t, err)
		list := func(edition string) {
			page, _, err := w.Learning.Assignments(ctx, "ada", learning.Query{Items: true}, store.Page{})
			require.NoError(t, err)
			require.Len(t, page, coursePaths)
			for _, a := range page {
				require.Equal(t, 2*items, a.Progress.Total)
				require.Len(t, a.Items, 2*items)
				require.Equal(t, edition, a.Items[0].Quiz.Translations[0].Question)
			}
		}
		costs := []int{m.of(func() { list("first") }).calls}
		for i := range coursePaths {
			costs = append(costs, m.of(func() { w.answer(t, "ada", fmt.Sprintf("part-%d-0", i), content.Option1) }).calls)
		}
		w.set(start.Add(time.Hour))
		w.teach(t, courses(items, "second"))
		list("first") // the first after that compiles what is in force
		costs = append(costs, m.of(func() { list("first") }).calls)
		w.retire(t, items)
		costs = append(costs, m.of(func() { list("first") }).calls, m.of(func() { list("first") }).calls)
		if before != nil {
			require.Equal(t, before, costs, "%d items", 2*items)
		}
		before = costs
	}
}
