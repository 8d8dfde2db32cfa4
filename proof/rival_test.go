package proof_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

// A contest is a game that the engine plays, and a program that an engineer would write for that game alone: tables of its
// own, prepared statements, locks, one transaction for an event or for a batch, each event once; no rules as data, no why, no
// late events. Both must come to the same answers.
type contest struct {
	name            string
	users           []string
	streaks, boards []string
	// open returns the engine's game on an empty store, with users to whom nothing has happened.
	open func(testing.TB, store.Store) *guerdon.Workspace
	// events returns what tells the events of all, one after another.
	events func() func() event.Event
	before int // how many events there are before anything is measured

	// By hand: the tables, what adds the users, what plays events in their order, and queries for what engineSays.
	tables  []string
	joins   request
	record  func(context.Context, desk, []event.Event) error
	answers []string
}

// A venue is a database to play on.
type venue struct {
	name  string
	place func(testing.TB) string
	store func(testing.TB, string) store.Store
	desk  func(testing.TB, string) desk
	ways  []way
}

// A way to record the events of a round: by a number of callers at once, with so many in a transaction.
type way struct {
	name                   string
	events, callers, batch int
	wanted                 float64
}

const importBatch = 250

func inSQLite() venue {
	return venue{
		"SQLite FULL",
		func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "game.db") },
		func(tb testing.TB, path string) store.Store {
			st, err := sqlite.Open(tb.Context(), path, nil)
			require.NoError(tb, err)
			return st
		},
		newSQLiteDesk,
		[]way{{"250 in a transaction", 2_000, 1, importBatch, 1}, {"1 in a transaction", 200, 1, 1, 0.9}},
	}
}

func inPostgres() venue {
	return venue{
		"PostgreSQL",
		pgtest.DSN,
		func(tb testing.TB, dsn string) store.Store { return postgres.New(newPool(tb, dsn, nil)) },
		newPostgresDesk,
		[]way{{"1 caller", 200, 1, 1, 0.9}, {"16 callers", 800, 16, 1, 1}, {"250 in a transaction", 2_000, 1, importBatch, 1}},
	}
}

// The benchmarks compare the engine with what is written for one game, and end with the same answers of both.

func BenchmarkRatioQuickstartSQLite(b *testing.B)   { quickstartContest().compare(b, inSQLite()) }
func BenchmarkRatioQuickstartPostgres(b *testing.B) { quickstartContest().compare(b, inPostgres()) }
func BenchmarkRatioClubSQLite(b *testing.B)         { clubContest(b, clubUsers).compare(b, inSQLite()) }

func BenchmarkRatioClubPostgres(b *testing.B) { clubContest(b, clubUsers).compare(b, inPostgres()) }

// compare compares the engine with the program by hand, in the ways of a venue one after another, and reports by how many bytes
// an event makes each of them grow, and how many are written for that, a part of them more than once.
func (c *contest) compare(b *testing.B, v venue) {
	b.Helper()
	ours, theirs := v.place(b), v.place(b)
	m := c.begin(b, v.store(b, ours), v.desk(b, theirs))
	scales := [2]desk{v.desk(b, ours), m.desk}
	for _, w := range v.ways {
		b.Run(fmt.Sprintf("%s, %s, %s : by hand", c.name, v.name, w.name), func(b *testing.B) {
			events := m.draw(ratio.Rounds * w.events)
			of := func(n int) []event.Event { return events[n*w.events : (n+1)*w.events] }
			var grown, written [2]int64
			play := func(side, n int, record func(context.Context, []event.Event) error) {
				before := scales[side].written(b)
				w.play(b, of(n), record)
				written[side] += scales[side].written(b) - before
			}
			for i, s := range scales {
				grown[i] = -s.size(b)
			}
			ratio.Compare(b, w.wanted,
				func(n int) { play(0, n, m.engine) },
				func(n int) { play(1, n, m.hand) })
			for i, s := range scales {
				grown[i] += s.size(b)
				by := []string{"", "-by-hand"}[i]
				b.ReportMetric(float64(grown[i])/float64(len(events)), "B/event"+by)
				b.ReportMetric(float64(written[i])/float64(len(events)), "B/event-written"+by)
			}
		})
	}
	m.requireSame(b)
}

// A match is a contest under way.
type match struct {
	*contest

	ws   *guerdon.Workspace
	desk desk
	next func() event.Event
	last time.Time // when the last event was
}

func (c *contest) begin(tb testing.TB, st store.Store, d desk) *match {
	tb.Helper()
	tb.Cleanup(func() { require.NoError(tb, st.Close()) })
	m := &match{contest: c, ws: c.open(tb, st), desk: d, next: c.events()}
	d.create(tb, c.tables)
	require.NoError(tb, d.transact(tb.Context(), nil, func() []request { return []request{c.joins} }))
	before, w := m.draw(c.before), way{callers: 1, batch: importBatch}
	w.play(tb, before, m.engine)
	w.play(tb, before, m.hand)
	return m
}

// draw returns the next events.
func (m *match) draw(n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = m.next()
		m.last = events[i].At
	}
	return events
}

func (m *match) engine(ctx context.Context, events []event.Event) (err error) {
	if len(events) == 1 {
		_, err = m.ws.Record(ctx, events[0])
	} else {
		_, err = m.ws.RecordBatch(ctx, events)
	}
	return err
}

func (m *match) hand(ctx context.Context, events []event.Event) error {
	return m.record(ctx, m.desk, events)
}

// play records events. What one user does comes in its order, by one of the callers.
func (w way) play(tb testing.TB, events []event.Event, record func(context.Context, []event.Event) error) {
	tb.Helper()
	caller := map[string]int{}
	parts := make([][]event.Event, w.callers)
	for _, e := range events {
		if _, ok := caller[e.UserID]; !ok {
			caller[e.UserID] = len(caller) % w.callers
		}
		parts[caller[e.UserID]] = append(parts[caller[e.UserID]], e)
	}
	var wg sync.WaitGroup
	for _, part := range parts {
		wg.Go(func() {
			for some := range slices.Chunk(part, w.batch) {
				if err := record(context.WithoutCancel(tb.Context()), some); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// requireSame requires that both have come to the same answers.
func (m *match) requireSame(tb testing.TB) {
	tb.Helper()
	requireSameRows(tb, m.engineSays(tb), m.handSays(tb))
}

// engineSays returns what everybody has, in lines.
func (m *match) engineSays(tb testing.TB) (lines []string) {
	tb.Helper()
	ctx := tb.Context()
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, user := range m.users {
		balances, err := m.ws.Economy.Balances(ctx, user)
		require.NoError(tb, err)
		for _, b := range balances {
			if !b.Amount.IsZero() {
				say("%s %s: %s", user, b.CurrencyID, b.Amount)
			}
		}
		for _, id := range m.streaks {
			s, err := m.ws.Streaks.Current(ctx, user, id)
			require.NoError(tb, err)
			if s.Longest > 0 {
				say("%s %s: %d days, last %d", user, id, s.Longest, int(*s.LastContributingDay))
			}
		}
		for page, more := (store.Page{Limit: store.MaxPage}), true; more; more = page.Token != "" {
			missions, next, err := m.ws.Missions.List(ctx, user, missions.Query{}, page)
			require.NoError(tb, err)
			for _, m := range missions {
				var completed int64
				if m.IsCompleted {
					completed = m.CompletedAt.UnixMicro()
				}
				say("%s %s until %d: %s, completed %d", user, m.ConfigurationID, m.EndsAt.UnixMicro(), m.CurrentAmount, completed)
			}
			page.Token = next
		}
	}
	for _, id := range m.boards {
		periods, err := m.ws.Leaderboards.Periods(ctx, id, 0, m.last.Add(time.Microsecond))
		require.NoError(tb, err)
		for _, p := range periods {
			for from, total := 0, 1; from < total; from += leaderboard.MaxRows {
				page, err := m.ws.Leaderboards.Page(ctx, id, from, leaderboard.MaxRows, &leaderboard.At{Period: p.ID})
				require.NoError(tb, err)
				for _, row := range page.Rows {
					say("%s %s of %d: %s, rank %d", row.EntityID, id, p.StartsAt.UnixMicro(), row.Score, row.Rank)
				}
				total = page.Total
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func (m *match) handSays(tb testing.TB) (lines []string) {
	tb.Helper()
	var asked []request
	for _, text := range m.answers {
		asked = append(asked, request{words{one: text}, [][]any{{}}, func(scan func(...any) error) error {
			lines = append(lines, "")
			return scan(&lines[len(lines)-1])
		}})
	}
	require.NoError(tb, m.desk.transact(tb.Context(), asked, func() []request { return nil }))
	slices.Sort(lines)
	return lines
}

// arrivals are what both games begin with: they ask which events are new, and note that they have come. The function tells so
// once of each that is.
func arrivals(events []event.Event) (asked request, isNew func(e *event.Event) bool) {
	fresh := map[string]bool{}
	asked = request{
		words{
			one: "insert into events (id, player, at) values ($1, (select id from users where name = $2), $3) on conflict do nothing returning id",
			all: "insert into events (id, player, at) select e.id, u.id, e.at from unnest($1::text[], $2::text[], $3::bigint[]) as e (id, name, at)" +
				" left join users as u on u.name = e.name on conflict do nothing returning id",
		},
		nil, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			fresh[id] = true
			return err
		},
	}
	for i := range events {
		asked.rows = append(asked.rows, []any{events[i].ID, events[i].UserID, events[i].At.UnixMicro()})
	}
	return asked, func(e *event.Event) bool {
		defer delete(fresh, e.ID)
		return fresh[e.ID]
	}
}

// playing returns the users of events, each once.
func playing(events []event.Event) (rows [][]any) {
	known := map[string]bool{}
	for i := range events {
		if name := events[i].UserID; !known[name] {
			known[name] = true
			rows = append(rows, []any{name})
		}
	}
	return rows
}

// slot returns what a map has for a key, which is something new if it has nothing.
func slot[K comparable, V any](all map[K]*V, of K) *V {
	if all[of] == nil {
		all[of] = new(V)
	}
	return all[of]
}

// rowsOf makes a row of each.
func rowsOf[K comparable, V any](all map[K]*V, row func(K, *V) []any) (rows [][]any) {
	for of, one := range all {
		rows = append(rows, row(of, one))
	}
	return rows
}

// A habit is how long somebody has done something every day.
type habit struct{ day, length, longest int64 }

// on counts a day, and tells whether it is a new one.
func (h *habit) on(day int64) bool {
	if day == h.day {
		return false
	}
	if h.length++; day != h.day+1 {
		h.length = 1
	}
	h.day, h.longest = day, max(h.longest, h.length)
	return true
}

const dayLength = 24 * 60 * 60

// TestByHandComesToTheSame plays what the benchmarks compare, with callers at once who come with the same events. It runs alone,
// because all clubs have one clock.
func TestByHandComesToTheSame(t *testing.T) {
	games := map[string]func() *contest{"quickstart": quickstartContest, "club": func() *contest {
		c := clubContest(t, 6)
		c.events, c.before = clubMonths, 0
		return c
	}}
	for name, game := range games {
		for _, v := range []venue{inSQLite(), inPostgres()} {
			t.Run(name+", "+v.name, func(t *testing.T) {
				m := game().begin(t, memory.New(), v.desk(t, v.place(t)))
				events := m.draw(500)
				way{callers: 1, batch: importBatch}.play(t, events, m.engine)
				callers := v.ways[1].callers
				var wg sync.WaitGroup
				for range min(callers, 2) {
					wg.Go(func() { way{callers: callers, batch: 3}.play(t, events[:400], m.hand) })
				}
				wg.Wait()
				way{callers: 1, batch: len(events)}.play(t, events, m.hand)
				m.requireSame(t)
				last, nobody := m.next(), m.next()
				nobody.UserID = "nobody"
				require.Error(t, m.hand(t.Context(), []event.Event{last, nobody}))
				for _, record := range []func(context.Context, []event.Event) error{m.engine, m.hand} {
					require.NoError(t, record(t.Context(), []event.Event{last}))
				}
				m.requireSame(t)
			})
		}
	}
}
