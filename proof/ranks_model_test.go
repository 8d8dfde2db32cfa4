package proof_test

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A host has a store and begins transactions of its own on the same database: what joins one, and what
// ends it. In memory there are none.
type host struct {
	store.Store

	begin func(testing.TB) (joined store.Store, end func(commit bool))
}

var hosts = map[string]func(testing.TB) host{
	"memory": func(testing.TB) host { return host{Store: memory.New()} },
	"sqlite": func(t testing.TB) host {
		path := filepath.Join(t.TempDir(), "guerdon.db")
		st, err := sqlite.Open(t.Context(), path, nil)
		require.NoError(t, err)
		db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return host{st, func(t testing.TB) (store.Store, func(bool)) {
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			return st.Join(tx), func(commit bool) {
				if commit {
					require.NoError(t, tx.Commit())
				}
				_ = tx.Rollback()
			}
		}}
	},
	"postgres": func(t testing.TB) host {
		dsn := databases.DSN(t)
		st, err := postgres.Open(t.Context(), dsn, nil)
		require.NoError(t, err)
		conn, err := pgx.Connect(t.Context(), dsn)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
		return host{st, func(t testing.TB) (store.Store, func(bool)) {
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			return st.Join(tx), func(commit bool) {
				if commit {
					require.NoError(t, tx.Commit(t.Context()))
				}
				_ = tx.Rollback(t.Context())
			}
		}}
	},
}

// A seen store lets whoever put a place for it into the context see the rows of a transaction.
type seen struct{ store.Store }

type seenKey struct{}

func (s seen) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, scope, func(tx store.Tx) error {
		if at, ok := ctx.Value(seenKey{}).(*store.Tx); ok {
			*at = tx
		}
		return fn(tx)
	})
}

// runners are the users of the tests of ranks.
var runners = []string{"ada", "bob", "eve", "joe", "kim", "lea", "max", "zoe"}

func foundRunners(t tester, st store.Store, account string) *world {
	t.Helper()
	w := found(t, seen{st}, account)
	for _, id := range runners[3:] {
		_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: id})
		require.NoError(t, err)
	}
	return w
}

// counted returns the rows of the board of all times, by counting all scores that a transaction sees of who takes part.
func (w *world) counted(ctx context.Context, tx store.Tx) ([]string, error) {
	away, err := tenancy.Away(ctx, tx, runners...)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(w.tables, func(s *store.Schema) bool { return s.Name == "leaderboard_scores" })
	rows, err := tx.List(ctx, w.tables[at], store.Query{})
	if err != nil {
		return nil, err
	}
	type score struct {
		BoardID   string    `json:"runtimeLeaderboardId"`
		EntityID  string    `json:"entityId"`
		Micros    int64     `json:"micros"`
		ReachedAt time.Time `json:"reachedAt"`
	}
	var scores []score
	for _, row := range rows {
		record, err := w.tables[at].Encode(row)
		if err != nil {
			return nil, err
		}
		var s score
		if err := json.Unmarshal(record, &s); err != nil {
			return nil, err
		}
		if s.BoardID == "all-time" && away[s.EntityID] == "" {
			scores = append(scores, s)
		}
	}
	slices.SortFunc(scores, func(a, b score) int {
		return cmp.Or(cmp.Compare(b.Micros, a.Micros), a.ReachedAt.Compare(b.ReachedAt), cmp.Compare(a.EntityID, b.EntityID))
	})
	lines := make([]string, len(scores))
	for i, s := range scores {
		better := slices.IndexFunc(scores, func(o score) bool { return o.Micros == s.Micros })
		lines[i] = fmt.Sprintf("%d %s %d %s", better+1, s.EntityID, s.Micros/1e6, s.ReachedAt.UTC())
	}
	return lines, nil
}

// checkRanks tells how what a workspace answers differs from rows.
func checkRanks(ctx context.Context, ws *guerdon.Workspace, want []string) error {
	show := func(r leaderboard.Row) string {
		return fmt.Sprintf("%d %s %s %s", r.Rank, r.EntityID, r.Score, r.ReachedAt.UTC())
	}
	var got []string
	top, err := ws.Leaderboards.Top(ctx, "all-time", leaderboard.MaxRows, nil)
	for _, r := range top.Rows {
		got = append(got, show(r))
	}
	if err != nil || top.Total != len(want) || !slices.Equal(got, want) {
		return errors.Join(err, fmt.Errorf("the top is %q of %d and not %q", got, top.Total, want))
	}
	for _, id := range runners {
		rank, err := ws.Leaderboards.Rank(ctx, "all-time", id, nil)
		at := slices.IndexFunc(want, func(row string) bool { return strings.Contains(row, " "+id+" ") })
		switch {
		case err != nil:
			return err
		case at < 0 && rank.Rank != 0, at >= 0 && show(rank.Row) != want[at], rank.Total != len(want):
			return fmt.Errorf("the rank of %s is %q of %d in %q", id, show(rank.Row), rank.Total, want)
		}
	}
	return nil
}

// requireOutside requires of an engine that it answers as what is committed.
func (w *world) requireOutside(t tester, ws *guerdon.Workspace) {
	t.Helper()
	require.NoError(t, w.store.View(t.Context(), w.Scope(), func(tx store.Tx) error {
		want, err := w.counted(t.Context(), tx)
		if err != nil {
			return err
		}
		return checkRanks(t.Context(), ws, want)
	}))
}

// eachHost runs a test on every kind of host.
func eachHost(t *testing.T, test func(t *testing.T, name string, h host)) {
	for name, open := range hosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			t.Cleanup(func() { require.NoError(t, h.Close()) })
			test(t, name, h)
		})
	}
}

var errRolledBack = errors.New("rolled back")

// Ranks are what counting all scores gives, whoever asks: two engines on one store, a transaction of
// several calls, one of the host's, and those outside of it, and whether it is committed or not.
func TestRanksAreACountOfAllScores(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, name string, h host) {
		worlds := 0
		sparsely(t, name, func(rt *rapid.T) {
			worlds++
			w := foundRunners(rt, h, fmt.Sprint("acme-", worlds))
			m := rankModel{T: rt, world: w, engines: []*guerdon.Workspace{w.Workspace, w.restarted(rt).Workspace}}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				m.step(t, h)
			}
			for _, ws := range m.engines {
				w.requireOutside(rt, ws)
			}
		})
	})
}

// rankModel makes random moves.
type rankModel struct {
	*rapid.T
	*world

	engines []*guerdon.Workspace
	events  int
}

func (m *rankModel) step(t testing.TB, h host) {
	ws := rapid.SampledFrom(m.engines).Draw(m.T, "engine")
	commit := rapid.Bool().Draw(m.T, "commit")
	switch rapid.SampledFrom([]string{"record", "status", "look", "dry run", "update", "host"}).Draw(m.T, "step") {
	case "record":
		m.record(ws)
	case "status":
		m.suspend(ws)
	case "look":
		m.requireOutside(m.T, ws)
	case "dry run":
		_, err := ws.DryRun(m.Context(), run("dry", "ada", start))
		m.allowed(err)
	case "update":
		var tx store.Tx
		err := ws.Update(context.WithValue(m.Context(), seenKey{}, &tx), func(_ context.Context, ws *guerdon.Workspace) error {
			m.calls(ws, func(fn func(store.Tx) error) error { return fn(tx) })
			if !commit {
				return errRolledBack
			}
			return nil
		})
		require.True(m.T, err == nil || errors.Is(err, errRolledBack), "%v", err)
	case "host":
		if h.begin == nil {
			return
		}
		joined, end := h.begin(t)
		m.calls(ws.On(joined), func(fn func(store.Tx) error) error { return joined.View(m.Context(), m.Scope(), fn) })
		m.requireOutside(m.T, rapid.SampledFrom(m.engines).Draw(m.T, "meanwhile"))
		end(commit)
	}
}

// calls makes calls of one transaction, of which some are refused.
func (m *rankModel) calls(ws *guerdon.Workspace, view func(func(store.Tx) error) error) {
	for range rapid.IntRange(1, 5).Draw(m.T, "calls") {
		switch rapid.IntRange(0, 4).Draw(m.T, "call") {
		case 0:
			_, err := ws.Record(m.Context(), run("refused", "nobody", start))
			require.ErrorIs(m.T, err, fault.ErrNotFound)
		case 1:
			m.record(ws)
		case 2:
			m.suspend(ws)
		default:
			var want []string
			require.NoError(m.T, view(func(tx store.Tx) (err error) {
				want, err = m.counted(m.Context(), tx)
				return err
			}))
			require.NoError(m.T, checkRanks(m.Context(), ws, want))
		}
	}
}

// record records an event, which may come late, so that others move.
func (m *rankModel) record(ws *guerdon.Workspace) {
	m.events++
	user := rapid.SampledFrom(runners).Draw(m.T, "user")
	at := start.Add(-time.Duration(rapid.IntRange(0, 10).Draw(m.T, "days")) * 24 * time.Hour)
	_, err := ws.Record(m.Context(), run(fmt.Sprint("e", m.events), user, at))
	m.allowed(err)
}

// allowed fails the test for an error other than that somebody is suspended.
func (m *rankModel) allowed(err error) {
	require.True(m.T, err == nil || errors.Is(err, fault.ErrForbidden), "%v", err)
}

// suspend suspends or resumes somebody.
func (m *rankModel) suspend(ws *guerdon.Workspace) {
	change := ws.Users.Suspend
	if rapid.Bool().Draw(m.T, "resumed") {
		change = ws.Users.Resume
	}
	_, err := change(m.Context(), rapid.SampledFrom(runners).Draw(m.T, "whom"))
	require.NoError(m.T, err)
}

// Transactions that are committed together see one another's scores, and not those of one that failed.
func TestRanksInTransactionsThatCommitTogether(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, _ string, h host) {
		w := foundRunners(t, h, "acme")
		const callers, each = 8, 10
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for n := range each {
					errs[i] = errors.Join(errs[i], w.raceOnce(t.Context(), i, n))
				}
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		w.requireOutside(t, w.Workspace)
	})
}

// raceOnce records two events in a transaction and asks for ranks after each. Every fourth one fails.
func (w *world) raceOnce(ctx context.Context, caller, n int) error {
	var tx store.Tx
	err := w.Update(context.WithValue(ctx, seenKey{}, &tx), func(ctx context.Context, ws *guerdon.Workspace) error {
		for i := range 2 {
			e := run(fmt.Sprintf("e-%d-%d-%d", caller, n, i), runners[(caller+n*i)%len(runners)], start.Add(-time.Duration(n)*time.Hour))
			if _, err := ws.Record(ctx, e); err != nil {
				return err
			}
			want, err := w.counted(ctx, tx)
			if err != nil {
				return err
			}
			if err := checkRanks(ctx, ws, want); err != nil {
				return err
			}
		}
		if (caller+n)%4 == 0 {
			return errRolledBack
		}
		return nil
	})
	if errors.Is(err, errRolledBack) {
		return nil
	}
	return err
}
