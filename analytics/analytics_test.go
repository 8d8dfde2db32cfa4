package analytics_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// game returns a world with documents and a user "ada".
func game(t *testing.T, st store.Store, docs ...content.Document) *world {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	w := found(t, st, "acme", analytics.Options{Batch: 3}, docs...)
	_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: "ada"})
	require.NoError(t, err)
	return w
}

// runs records that ada ran on days before now, and returns the number of the last entry.
func (w *world) runs(t *testing.T, daysAgo ...int) (seq int64) {
	t.Helper()
	for _, n := range daysAgo {
		out, err := w.Record(t.Context(), event.Event{UserID: "ada", EntityID: "run", At: w.clock().AddDate(0, 0, -n)})
		require.NoError(t, err)
		seq = out.Seq
	}
	return seq
}

// until waits until an entry is counted.
func (w *world) until(t *testing.T, seq int64) {
	t.Helper()
	in, err := w.count.Of(w.Workspace).Last("1d")
	require.NoError(t, err)
	for {
		got, err := w.count.Of(w.Workspace).Activity(t.Context(), in)
		require.NoError(t, err)
		if got.Seq >= seq {
			return
		}
	}
}

// What is recorded is counted while the process runs, beside who catches up, and also when it is counted anew meanwhile.
func TestRunFollows(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := game(t, open(t), school()...)
			_, err := w.Activities.AssignTags(t.Context(), "run", tenancy.Tagging{TagID: "sport"}) // so that a path is assigned
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- w.count.Run(ctx) }()
			stop := sync.OnceFunc(func() {
				cancel()
				require.NoError(t, <-done)
			})
			t.Cleanup(stop)
			w.until(t, w.runs(t, 1, 40, 3, 9, 9, 2, 0))
			w.compare(t, w.count, time.UTC, 2)
			require.NoError(t, w.count.Rebuild(t.Context(), w.Workspace))
			last := w.runs(t, 80, 8, 0)
			require.NoError(t, w.count.CatchUp(t.Context(), w.Workspace))
			w.until(t, w.runs(t, 81))
			w.compare(t, w.count, time.UTC, 2)
			require.NoError(t, w.MoveConsumer(t.Context(), "analytics", 1)) // what is counted is not counted again
			w.until(t, w.runs(t, 5))
			w.compare(t, w.count, time.UTC, 2)
			stop()
			states, err := w.Consumers(t.Context())
			require.NoError(t, err)
			require.GreaterOrEqual(t, states[0].Seq, last)
		})
	}
}

// A rebuild that is interrupted is gone on with by whoever counts next.
func TestRebuildIsGoneOnWith(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := game(t, memory.New())
	var runs []event.Event
	for i := range 1500 {
		runs = append(runs, event.Event{UserID: "ada", EntityID: "run", At: w.clock().AddDate(0, 0, i-1499)})
	}
	_, err := w.RecordBatch(ctx, runs)
	require.NoError(t, err)
	a := w.counting(t, analytics.Options{})
	require.NoError(t, a.CatchUp(ctx, w.Workspace))
	before, err := a.Of(w.Workspace).Activity(ctx, analytics.Range{From: on("01-01"), To: on("03-18")})
	require.NoError(t, err)
	require.Equal(t, int64(1), before.Days[0].Active30)
	broken, cancel := context.WithCancel(ctx)
	updates := 0
	eng, err := guerdon.New(ctx, &counting{w.store, func() {
		if updates++; updates == 2 {
			cancel()
		}
	}}, &guerdon.Options{Now: w.clock, Tables: analytics.Tables()})
	require.NoError(t, err)
	stopping, err := analytics.New(eng, nil)
	require.NoError(t, err)
	require.ErrorIs(t, stopping.Rebuild(broken, w.Workspace), context.Canceled)
	require.NoError(t, a.CatchUp(ctx, w.Workspace))
	w.compare(t, a, time.UTC, 3)
}

// Whoever follows a journal that was to be counted anew, and is not yet, begins at its beginning.
func TestRebuildIsFollowed(t *testing.T) {
	t.Parallel()
	w := game(t, memory.New())
	w.runs(t, 3, 2, 1)
	require.NoError(t, w.count.CatchUp(t.Context(), w.Workspace))
	broken, cancel := context.WithCancel(t.Context())
	updates := 0
	eng, err := guerdon.New(t.Context(), &counting{w.store, func() {
		if updates++; updates == 2 { // the first has removed what was counted
			cancel()
		}
	}}, &guerdon.Options{Now: w.clock, Tables: analytics.Tables()})
	require.NoError(t, err)
	stopping, err := analytics.New(eng, nil)
	require.NoError(t, err)
	require.ErrorIs(t, stopping.Rebuild(broken, w.Workspace), context.Canceled)
	states, err := w.Consumers(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.MoveConsumer(t.Context(), "analytics", states[0].Head)) // as one that is in the middle of something
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.count.Run(ctx) }()
	w.until(t, w.runs(t, 0))
	stop()
	require.NoError(t, <-done)
	w.compare(t, w.count, time.UTC, 2)
}

// counting calls a function before each update.
type counting struct {
	store.Store

	before func()
}

func (c *counting) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	c.before()
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Store.Update(ctx, s, fn)
}

// metered counts the rows that updates read and write.
type metered struct {
	store.Store

	read, written int
}

func (m *metered) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	var c store.Cost
	err := m.Store.Update(ctx, s, func(tx store.Tx) error {
		tx.(store.Metered).Meter(&c)
		return fn(tx)
	})
	m.read += c.RowsRead
	m.written += c.RowsWritten
	return err
}

// cost returns how many rows are read and written to count what has happened.
func (m *metered) cost(t *testing.T, w *world) [2]int {
	t.Helper()
	m.read, m.written = 0, 0
	require.NoError(t, w.count.CatchUp(t.Context(), w.Workspace))
	return [2]int{m.read, m.written}
}

// To count an entry touches few rows, and no more after a year than after a month, also if it comes late.
func TestCountingCostsTheSameAlways(t *testing.T) {
	t.Parallel()
	costs := func(days int) (all [][2]int) {
		m := &metered{Store: memory.New()}
		docs := append(threeRuns(), guerdontest.Currency("points"), guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "1"))
		w := found(t, m, "acme", analytics.Options{}, docs...)
		t.Cleanup(func() { require.NoError(t, m.Close()) })
		events := w.crowd(t, 10, days)
		w.record(t, events)
		of := m.cost(t, w)
		require.Less(t, of[0], 3*len(events), "rows that are read")
		require.Less(t, of[1], 4*len(events), "rows that are written")
		for _, at := range []time.Time{start, events[0].At.AddDate(0, 0, 3), events[0].At.AddDate(0, 0, -3)} {
			w.record(t, []event.Event{{UserID: "user-00007", EntityID: "run", At: at}})
			all = append(all, m.cost(t, w))
		}
		return all
	}
	short, long := costs(40), costs(400)
	for i, of := range long {
		require.LessOrEqual(t, of[0], short[i][0])
		require.LessOrEqual(t, of[1], short[i][1])
		require.Less(t, max(of[0], of[1]), 30)
	}
}

// Something may have happened long ago, also before the days have numbers.
func TestDaysLongAgo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := game(t, memory.New(), guerdontest.Currency("points"), guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "1"))
	for _, text := range []string{"2026-03-18", "1970-01-02", "1756-01-27", "1969-12-31", "1964-05-26", "0001-01-02", "1970-01-01"} {
		day, err := timeframe.ParseDay(text)
		require.NoError(t, err)
		w.record(t, []event.Event{{UserID: "ada", EntityID: "run", At: time.Unix(86400*int64(day), 0)}})
	}
	require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
	r := w.count.Of(w.Workspace)
	for _, of := range []struct {
		from, to            timeframe.Day
		transactions, users int64
	}{{-10, 10, 3, 1}, {-1, -1, 1, 1}, {0, 0, 1, 1}, {2, 100, 0, 0}, {-2050, -2, 1, 1}} {
		got, err := r.Economy(ctx, "points", analytics.Range{From: of.from, To: of.to})
		require.NoError(t, err)
		require.Equal(t, []int64{of.transactions, of.users}, []int64{got.Summary.TotalTransactions, got.Summary.Users}, "%s to %s", of.from, of.to)
		u, err := r.User(ctx, "ada", analytics.Range{From: of.from, To: of.to})
		require.NoError(t, err)
		require.Equal(t, int(of.transactions), u.ActiveDays)
		require.Equal(t, 3, u.LongestRun)
	}
	_, err := w.Users.Anonymise(ctx, "ada")
	require.NoError(t, err)
	require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
	require.NoError(t, w.store.View(ctx, w.Scope(), func(tx store.Tx) error {
		for _, table := range analytics.Tables() {
			rows, err := tx.List(ctx, table, store.Query{})
			require.NoError(t, err)
			for _, row := range rows {
				require.NotContains(t, row.Key, "ada", table.Name)
			}
		}
		return nil
	}))
}

// Days are those of one zone; in another, nothing is mixed: it is refused until it is counted anew.
func TestZoneIsOne(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := game(t, memory.New())
	_, err := w.Record(ctx, event.Event{UserID: "ada", EntityID: "run", At: w.clock().Add(-13 * time.Hour)}) // the 17th in UTC
	require.NoError(t, err)
	require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
	tokyo := time.FixedZone("Asia/Tokyo", 9*3600)
	elsewhere := w.counting(t, analytics.Options{Zone: tokyo})
	_, err = w.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	require.NoError(t, err)
	require.ErrorIs(t, elsewhere.CatchUp(ctx, w.Workspace), fault.ErrConflict)
	r, in := elsewhere.Of(w.Workspace), analytics.Range{From: on("03-17"), To: on("03-18")}
	_, err = r.Activity(ctx, in)
	require.ErrorContains(t, err, "zone")
	require.NoError(t, elsewhere.Rebuild(ctx, w.Workspace))
	w.compare(t, elsewhere, tokyo, 1)
	got, err := r.Activity(ctx, in)
	require.NoError(t, err)
	require.Equal(t, int64(2), got.Days[1].Activities)
	require.Equal(t, int64(0), got.Days[0].ActiveUsers)
}

// A workspace may have a zone of its own: its days, and its today, are there, whatever those of others are.
func TestZoneOfAWorkspace(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := game(t, memory.New())
	tokyo := time.FixedZone("Asia/Tokyo", 9*3600)
	a := w.counting(t, analytics.Options{ZoneOf: func(s store.Scope) *time.Location {
		if s == w.Scope() {
			return tokyo
		}
		return nil
	}})
	w.runs(t, 0, 1)
	_, err := w.Record(ctx, event.Event{UserID: "ada", EntityID: "run", At: w.clock().Add(-13 * time.Hour)})
	require.NoError(t, err)
	require.NoError(t, a.CatchUp(ctx, w.Workspace))
	w.compare(t, a, tokyo, 1)
	last, err := a.Of(w.Workspace).Last("1d")
	require.NoError(t, err)
	require.Equal(t, timeframe.DayOf(w.clock(), tokyo), last.To)
	_, err = w.count.Of(w.Workspace).Activity(ctx, last)
	require.ErrorIs(t, err, fault.ErrConflict, "who counts in another zone is refused")
	nowhere := w.counting(t, analytics.Options{ZoneOf: func(store.Scope) *time.Location { return time.Local }})
	_, err = nowhere.Of(w.Workspace).Activity(ctx, last)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

// A badge that is kept is had by whoever turns out to be the one who had it, and by nobody who is deleted.
func TestRarityOfWhatIsKept(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := game(t, open(t), school()...)
			ctx := t.Context()
			rarity := func(want float64) {
				t.Helper()
				require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
				w.compare(t, w.count, time.UTC, 2)
				in, err := w.count.Of(w.Workspace).Last("7d")
				require.NoError(t, err)
				got, err := w.count.Of(w.Workspace).Badges(ctx, in)
				require.NoError(t, err)
				require.Len(t, got.Badges, 1)
				require.InDelta(t, want, got.Badges[0].Rarity, 0)
			}
			swims := func(id, eventID string) {
				_, err := w.Record(ctx, event.Event{ID: eventID, UserID: id, EntityID: "swim"})
				require.NoError(t, err)
			}
			for _, id := range []string{"bob", "eve", "joe"} {
				_, err := w.Users.Create(ctx, tenancy.NewUser{ID: id})
				require.NoError(t, err)
			}
			why := guerdon.Correction{Reason: "it was not so"}
			swims("bob", "s1")
			_, err := w.Retract(ctx, "s1", why)
			require.NoError(t, err)
			rarity(25)
			_, err = w.Merge(ctx, "bob", "ada", why)
			require.NoError(t, err)
			rarity(33.33)
			swims("eve", "s2")
			rarity(66.67)
			_, err = w.Users.Suspend(ctx, "eve")
			require.NoError(t, err)
			rarity(66.67)
			_, err = w.Users.Anonymise(ctx, "eve")
			require.NoError(t, err)
			rarity(50)
			require.NoError(t, w.count.Rebuild(ctx, w.Workspace))
			rarity(50)
		})
	}
}

// Where the journal's beginning is archived, what was counted of it stays.
func TestArchivedIsNotCountedAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := game(t, memory.New())
	w.runs(t, 0, 1)
	require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
	w.set(start.AddDate(1, 0, 0))
	last := w.runs(t, 0)
	archive := func() {
		var sink strings.Builder
		_, err := w.Archive(ctx, start.AddDate(0, 6, 0), &sink)
		require.NoError(t, err)
	}
	archive()
	require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
	got, err := w.count.Of(w.Workspace).Activity(ctx, analytics.Range{From: on("03-18"), To: on("03-18")})
	require.NoError(t, err)
	require.Equal(t, last, got.Seq)
	require.Equal(t, int64(1), got.Days[0].ActiveUsers)
	require.ErrorIs(t, w.count.Rebuild(ctx, w.Workspace), fault.ErrConflict)

	late := game(t, memory.New())
	late.runs(t, 0)
	late.set(start.AddDate(1, 0, 0))
	_, err = late.Archive(ctx, start.AddDate(0, 6, 0), &strings.Builder{})
	require.NoError(t, err)
	last = late.runs(t, 0)
	require.NoError(t, late.count.CatchUp(ctx, late.Workspace))
	got, err = late.count.Of(late.Workspace).Activity(ctx, analytics.Range{From: on("03-18"), To: on("03-18")})
	require.NoError(t, err)
	require.Equal(t, last, got.From, "it says that those before are not counted")
}

// What is dumped and restored goes on where it was.
func TestCountsMoveWithTheWorkspace(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := game(t, memory.New(), school()...)
	w.runs(t, 0, 1, 30)
	require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
	var dump strings.Builder
	require.NoError(t, w.Dump(ctx, &dump))
	other := game(t, memory.New())
	s := store.Scope{Account: "acme", Workspace: "copy"}
	require.NoError(t, other.engine.Restore(ctx, s, strings.NewReader(dump.String())))
	ws, err := other.engine.Workspace(ctx, s)
	require.NoError(t, err)
	copied := &world{Workspace: ws, engine: other.engine, store: other.store}
	copied.set(start)
	copied.compare(t, other.count, time.UTC, 2)
}

// Stickiness is in percent, and nobody of nobody is 0.
func TestStickiness(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := game(t, memory.New())
	r := w.count.Of(w.Workspace)
	in, err := r.Last("")
	require.NoError(t, err)
	got, err := r.Engagement(ctx, in)
	require.NoError(t, err)
	require.Equal(t, analytics.Stickiness{}, got.Stickiness)
	require.Len(t, got.ActivityOverTime, 30)
	for i, daysAgo := range []int{0, 3, 20} {
		id := strings.Repeat("b", i+1)
		_, err := w.Users.Create(ctx, tenancy.NewUser{ID: id})
		require.NoError(t, err)
		_, err = w.Record(ctx, event.Event{UserID: id, EntityID: "run", At: w.clock().AddDate(0, 0, -daysAgo)})
		require.NoError(t, err)
	}
	require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
	got, err = r.Engagement(ctx, in)
	require.NoError(t, err)
	require.Equal(t, analytics.Stickiness{DAUWAU: 50, DAUMAU: 33.33, WAUMAU: 66.67}, got.Stickiness)
	_, err = r.Engagement(ctx, analytics.Range{From: 1})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

// A late event may move a path that has been completed since: what it moves then is not how far the path is.
func TestWhatIsCompleteStaysSo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	slide, run := guerdontest.Slide("s"), guerdontest.Activity("run")
	path := guerdontest.Path("course", slide, run)
	w := found(t, memory.New(), "acme", analytics.Options{}, slide, path, guerdontest.PathRule("all", path))
	_, err := w.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
	require.NoError(t, err)
	_, err = w.Learning.Evaluate(ctx, "ada")
	require.NoError(t, err)
	submit := func(to learning.Progress) {
		w.set(w.clock().AddDate(0, 0, 3))
		_, err := w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: learning.Submission{UserID: "ada"}, SlideID: "s", Progress: to})
		require.NoError(t, err)
	}
	submit(learning.Start)
	w.set(w.clock().AddDate(0, 0, 3))
	w.runs(t, 0)
	submit(learning.Complete)
	w.runs(t, 5)
	last := w.journal(t)
	moved := last[len(last)-1].Outcome.Learning
	require.Equal(t, learning.InProgress, moved[len(moved)-1].Progress, "of the path, by what came late")
	require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
	w.compare(t, w.count, time.UTC, 2)
	got, err := w.count.Of(w.Workspace).Community(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(1), got.PathsCompleted)
}

func TestAnalyticsRefuses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := game(t, memory.New())
	r, page := w.count.Of(w.Workspace), store.Page{}
	made := func(eng *guerdon.Engine, opts *analytics.Options) error {
		_, err := analytics.New(eng, opts)
		return err
	}
	people := func(_ analytics.People, err error) error { return err }
	list := func(_ analytics.PointUsers, err error) error { return err }
	learners := func(_ analytics.Learners, err error) error { return err }
	day := on("03-18")
	in := analytics.Range{From: day, To: day}
	for field, err := range map[string]error{
		"engine":            made(nil, nil),
		"zone":              made(w.engine, &analytics.Options{Zone: time.Local}),
		"batch":             made(w.engine, &analytics.Options{Batch: 1001}),
		"to":                analytics.Range{From: day, To: day - 1}.Validate(),
		"length":            people(r.ActiveUsers(ctx, day, 2, page)),
		"limit":             people(r.ActiveUsers(ctx, day, 1, store.Page{Limit: 101})),
		"token":             people(r.ActiveUsers(ctx, day, 1, store.Page{Token: "?"})),
		"days":              people(r.InactiveUsers(ctx, 0, page)),
		"week":              people(r.RetainedUsers(ctx, day, 0, page)),
		"later":             people(r.RetainedUsers(ctx, day.Week(), analytics.CohortWeeks, page)),
		"virtualCurrencyId": list(r.Earners(ctx, "", "ADMIN", page)),
		"progress":          learners(r.Learners(ctx, "course", "DONE", in, page)),
		"learningPathId":    learners(r.Learners(ctx, "", "", in, page)),
		"itemId":            learners(r.Stopped(ctx, "course", analytics.Item{ItemType: learning.ItemQuiz}, in, page)),
	} {
		require.ErrorIs(t, err, fault.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
	require.ErrorIs(t, analytics.Range{From: 0, To: analytics.MaxRange}.Validate(), fault.ErrInvalid)
	_, err := r.Activity(ctx, analytics.Range{From: 1})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = r.Retention(ctx, analytics.Range{From: 1})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = r.User(ctx, "nobody", in)
	require.ErrorIs(t, err, fault.ErrNotFound)
	nothing := analytics.Range{From: 1}
	for _, err := range []error{
		second(r.Overview(ctx, nothing)), second(r.Learning(ctx, nothing)), second(r.Content(ctx, nothing)), second(r.Quiz(ctx, nothing)),
		second(r.Economy(ctx, "", nothing)), second(r.Path(ctx, "course", nothing)), second(r.User(ctx, "ada", nothing)),
	} {
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	_, err = r.Inactive(ctx, 4000)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorIs(t, people(r.InactiveUsers(ctx, 7, store.Page{Token: "?"})), fault.ErrInvalid)
	for _, text := range []string{"d", "0d", "-1d", "7", "3661d", "+7d", "7 d", "7h", strings.Repeat("9", 30) + "d"} {
		_, err := r.Last(text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
		require.ErrorContains(t, err, "timeRange")
	}
	for text, days := range map[string]int{"": 30, "7d": 7, "90d": 90, "1d": 1} {
		in, err := r.Last(text)
		require.NoError(t, err)
		require.Equal(t, analytics.Range{From: day.Add(1 - days), To: day}, in, "%q", text)
	}
}

func second[T any](_ T, err error) error { return err }
