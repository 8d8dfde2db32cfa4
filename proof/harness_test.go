package proof_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/everystore"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// databases are those of PostgreSQL. The tests hand them on, because making all tables anew takes longer than most of them.
var databases pgtest.Pool

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" { // what is measured runs as in a host
		debug.SetGCPercent(800) // the worlds of the tests are small, and each is garbage soon
	}
	code := m.Run()
	if err := databases.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// openers are the stores that must answer alike.
var openers = everystore.Openers(&databases)

// eachStore runs a test on every backend.
func eachStore(t *testing.T, test func(*testing.T, *world)) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, open(t)))
		})
	}
}

// checkStores checks a property on every backend, [sparsely]. The worlds of a backend share it, each in an
// account of its own.
func checkStores(t *testing.T, property func(*rapid.T, *backend)) {
	t.Parallel()
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{faulty: &faulty{Store: open(t)}}
			t.Cleanup(func() { require.NoError(t, b.Close()) })
			sparsely(t, name, func(rt *rapid.T) {
				b.heal()
				property(rt, b)
			})
		})
	}
}

// sparsely checks a property on a backend: in memory as often as rapid is told to (-rapid.checks, RAPID_CHECKS, or in CI), else the first of
// every eight times; on a database, which is slow, a twentieth of that. After a failure it runs all checks: rapid is looking
// for the simplest.
func sparsely(t *testing.T, backend string, property func(*rapid.T)) {
	every := 8
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "rapid.checks" {
			every = 1
		}
	})
	if os.Getenv("CI")+os.Getenv("RAPID_CHECKS") != "" {
		every = 1
	}
	if backend != "memory" {
		every *= 20
	}
	checks, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if checks++; checks%every != 1%every && !failed {
			return
		}
		passed := false
		defer func() { failed = failed || !passed }()
		property(rt)
		passed = true
	})
}

// backend is a store for many worlds.
type backend struct {
	*faulty

	worlds int
}

// world returns a new world on the backend.
func (b *backend) world(t tester) *world { return b.worldIn(t, 0) }

// worldIn returns a new world whose engine works in portions of a size.
func (b *backend) worldIn(t tester, portion int) *world {
	return b.emptyIn(t, start, portion).enter(t)
}

// empty returns a new world on the backend that has no game, at a moment.
func (b *backend) empty(t tester, now time.Time) *world { return b.emptyIn(t, now, 0) }

// emptyIn returns an empty world whose engine works in portions of a size.
func (b *backend) emptyIn(t tester, now time.Time, portion int) *world {
	b.worlds++
	return foundedIn(t, b.faulty, fmt.Sprint("acme-", b.worlds), now, portion)
}

// world is an engine with a clock that moves when told and ids that count, and one workspace that
// plays the game.
type world struct {
	*guerdon.Workspace
	engine *guerdon.Engine
	store  store.Store
	blobs  *eagerBlobs
	tables []*store.Schema
	first  int64 // the journal's head when the world was made
	now    atomic.Pointer[time.Time]
	newID  func() string

	horizon time.Time         // before which what users see is not compared
	known   map[string]string // by which id a user is known, where it is another than that of others' worlds
}

// as returns by which id the world knows a user.
func (w *world) as(userID string) string { return cmp.Or(w.known[userID], userID) }

var start = time.Date(2025, 9, 29, 9, 0, 0, 0, time.UTC) // a Monday

// newWorld returns a world on a store of its own, which is closed when the test ends.
func newWorld(t testing.TB, st store.Store) *world {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return found(t, st, "acme")
}

// found returns a world in a new account of a store.
func found(t tester, st store.Store, account string) *world {
	t.Helper()
	return founded(t, st, account, start).enter(t)
}

// enter gives a world its game and users.
func (w *world) enter(t tester) *world {
	t.Helper()
	_, err := w.Import(t.Context(), fullGame(t))
	require.NoError(t, err)
	for _, u := range []tenancy.NewUser{{ID: "ada", Timezone: "America/New_York"}, {ID: "bob", Timezone: "Asia/Tokyo"}, {ID: "eve"}} {
		_, err = w.Users.Create(t.Context(), u)
		require.NoError(t, err)
	}
	w.first = w.head(t)
	return w
}

// founded returns a world without a game and users, at a moment.
func founded(t tester, st store.Store, account string, now time.Time) *world {
	t.Helper()
	return foundedIn(t, st, account, now, 0)
}

// foundedIn returns a world whose engine works in portions of a size, with tables of the host's.
func foundedIn(t tester, st store.Store, account string, now time.Time, portion int, tables ...*store.Schema) *world {
	t.Helper()
	known := &prepared{Store: st}
	w := &world{store: st, blobs: &eagerBlobs{}, newID: counting("id")}
	w.set(now)
	var err error
	w.engine, err = guerdon.New(t.Context(), known, &guerdon.Options{
		Now: func() time.Time { return *w.now.Load() }, NewID: func() string { return w.newID() },
		Blobs: w.blobs, Portion: portion, Tables: tables,
	})
	require.NoError(t, err)
	w.tables = known.tables
	_, err = w.engine.Platform.CreateAccount(t.Context(), tenancy.Account{ID: account})
	require.NoError(t, err)
	w.Workspace, err = w.engine.Workspace(t.Context(), store.Scope{Account: account, Workspace: "default"})
	require.NoError(t, err)
	return w
}

// eagerBlobs have every file as soon as it is announced, until it is deleted.
type eagerBlobs struct {
	mu    sync.Mutex
	blobs map[string]content.Blob
}

func (e *eagerBlobs) UploadURL(_ context.Context, b content.Blob, _ time.Duration) (string, map[string]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.blobs == nil {
		e.blobs = map[string]content.Blob{}
	}
	e.blobs[b.Key] = b
	return "https://example.org/" + b.Key, nil, nil
}

func (e *eagerBlobs) DownloadURL(_ context.Context, b content.Blob, _ time.Duration) (string, error) {
	return "https://example.org/" + b.Key, nil
}

func (e *eagerBlobs) Stat(_ context.Context, key string) (content.Blob, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if b, ok := e.blobs[key]; ok {
		return b, nil
	}
	return content.Blob{}, fault.NotFound("key", key)
}

func (e *eagerBlobs) Delete(_ context.Context, key string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.blobs, key)
	return nil
}

// counting returns ids that count, behind a word.
func counting(word string) func() string {
	var ids atomic.Int64
	return func() string { return fmt.Sprintf("%s-%06d", word, ids.Add(1)) }
}

// prepared remembers the tables of a store.
type prepared struct {
	store.Store

	tables []*store.Schema
}

func (p *prepared) UpdateAhead(ctx context.Context, s store.Scope, look, fn func(store.Tx) error) error {
	return store.UpdateAhead(ctx, p.Store, s, look, fn)
}

func (p *prepared) Survey(ctx context.Context, t *store.Schema, since store.Mark) ([]store.Surveyed, store.Mark, error) {
	return p.Store.(store.Surveyor).Survey(ctx, t, since)
}

func (p *prepared) Prepare(ctx context.Context, tables ...*store.Schema) error {
	p.tables = tables
	return p.Store.Prepare(ctx, tables...)
}

// dump returns every row that the scopes have, as text.
func (w *world) dump(t tester, scopes ...store.Scope) []string {
	t.Helper()
	return w.texts(t, (*store.Schema).Encode, scopes...)
}

// texts returns every row that the scopes have, as a text that holds what of says of it.
func (w *world) texts(t tester, of func(*store.Schema, store.Row) ([]byte, error), scopes ...store.Scope) []string {
	t.Helper()
	var all []string
	for _, s := range scopes {
		require.NoError(t, w.store.View(t.Context(), s, func(tx store.Tx) error {
			for _, table := range w.tables {
				rows, err := tx.List(t.Context(), table, store.Query{})
				if err != nil {
					return err
				}
				for _, row := range rows {
					record, err := of(table, row)
					if err != nil {
						return err
					}
					all = append(all, fmt.Sprintf("%s %s %s %v %s", s, table.Name, row.Key, row.Values, record))
				}
			}
			return nil
		}))
	}
	return all
}

// requireSameRows says just which rows differ.
func requireSameRows(t tester, want, got []string) {
	t.Helper()
	if slices.Equal(want, got) {
		return
	}
	only := func(some, others []string) []string {
		return slices.DeleteFunc(slices.Clone(some), func(row string) bool { return slices.Contains(others, row) })
	}
	require.Equal(t, only(want, got), only(got, want))
}

// head returns the number of the journal's newest entry.
func (w *world) head(t tester) int64 {
	t.Helper()
	var head int64
	for {
		entries, err := w.Journal(t.Context(), head)
		require.NoError(t, err)
		if len(entries) == 0 {
			return head
		}
		head = entries[len(entries)-1].Outcome.Seq
	}
}

func (w *world) set(now time.Time) { w.now.Store(&now) }

// fullGame is the game of the example with a streak and two boards.
func fullGame(t tester) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "game.json"))
	require.NoError(t, err)
	return b
}

// run is an event of the game.
func run(id, userID string, at time.Time) event.Event {
	return event.Event{ID: id, UserID: userID, EntityID: "run", At: at}
}

// picture is all that users can see of the workspace, as JSON.
func (w *world) picture(t tester) string {
	t.Helper()
	ctx := t.Context()
	out := map[string]any{}
	put := func(name string, v any, err error) {
		require.NoError(t, err, name)
		out[name] = v
	}
	for _, id := range []string{"ada", "bob", "eve"} {
		balances, err := w.Economy.Balances(ctx, id)
		put(id+" balances", balances, err)
		missions, _, err := w.Missions.List(ctx, id, missions.Query{}, store.Page{Limit: 100})
		put(id+" missions", missions, err)
		current, err := w.Streaks.Current(ctx, id, "daily")
		put(id+" streak", current, err)
		days, _, err := w.Streaks.Streaks(ctx, id, streaks.Query{PeriodType: streaks.ByDay}, store.Page{})
		put(id+" days", days, err)
	}
	periods, err := w.Leaderboards.Periods(ctx, "monthly", 10, time.Time{})
	require.NoError(t, err)
	for _, p := range periods {
		top, err := w.Leaderboards.Top(ctx, "monthly", 10, &leaderboard.At{Period: p.ID})
		put("monthly "+p.ID, top, err)
	}
	top, err := w.Leaderboards.Top(ctx, "all-time", 10, nil)
	put("all-time", top, err)
	report, err := w.Economy.Verify(ctx)
	put("verify", report, err)
	b, err := json.MarshalIndent(out, "", " ")
	require.NoError(t, err)
	return string(b)
}

// jsonOf returns v as JSON, for comparing what went through a store with what did not.
func jsonOf(t tester, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}
