package proof_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// gunzip returns what a compressed file of testdata holds.
func gunzip(t testing.TB, name string) []byte {
	t.Helper()
	b, err := unzip(name)
	require.NoError(t, err)
	return b
}

func unzip(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, f.Close())
}

// The file before_folds.db was written by the last version in which users were no folds, and before_folds.json is what that
// version read of it (the function was, but for the journal, which is in the file). In a club of three workspaces, of two
// accounts, six users in three zones run and swim on 28 days, one day in some off, every eleventh event coming up to six days
// late. The game and the academy of testdata are played, and beside them: missions that are assigned lazily, by a schedule
// every Monday, once (two of them, one that nobody completes), and to a group by its members; missions made by hand, of a user and of the group; a streak that may be
// frozen for 2 points, with goals; rewards with a limit a week and a bound, 20 times a user, and such as are to be redeemed; boards by week, of
// distinct values, and of teams. Users are paid, pay one another, spend, redeem, take back, let expire; learn a path; join and
// leave the group; one moves to another zone; one is suspended, one anonymised. Rules are published while all that goes on. A
// fourth workspace was deleted. Times are those of a clock that was set; the last event is of 2025-09-28.
var takenOver = time.Date(2025, 9, 29, 9, 0, 0, 0, time.UTC)

// formerClub are the workspaces of the file.
var formerClub = []store.Scope{{Account: "acme", Workspace: "default"}, {Account: "acme", Workspace: "second"}, {Account: "zeta", Workspace: "default"}}

// settled is what two versions must say alike of what users have seen: nothing of how it is kept, nothing of what the earlier version
// did not say, as when there was first a balance, and of boards nobody who takes no part any more, whom it showed.
func settled(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(text, &v))
	var tidy func(any)
	tidy = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, each := range v {
				tidy(each)
			}
		case map[string]any:
			if by, there := v["completer"].(map[string]any); there {
				v["completedBy"] = by["userId"]
			}
			for _, name := range []string{"completer", "last", "unlockedBy", "place", "order", "seq", "rank", "totalCount", "provisional"} {
				delete(v, name)
			}
			if _, balance := v["availableAmount"]; balance {
				delete(v, "createdAt")
				delete(v, "updatedAt")
			}
			if items, there := v["items"].([]any); there {
				v["items"] = slices.DeleteFunc(items, func(item any) bool {
					entity := item.(map[string]any)["entityId"]
					return entity == "eve" || entity == "fay"
				})
			}
			for _, each := range v {
				tidy(each)
			}
		}
	}
	tidy(v)
	return jsonOf(t, v)
}

// unzipped returns the file, which is unzipped once.
var unzipped = sync.OnceValues(func() ([]byte, error) { return unzip("before_folds.db.gz") })

// formerFile returns the path of a copy of the file.
func formerFile(t testing.TB) string {
	t.Helper()
	file, err := unzipped()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "guerdon.db")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	return path
}

// formerTable is a table of the file.
type formerTable struct {
	version int64
	rows    []formerRow
}

// formerRow is a row of the file.
type formerRow struct{ scope, key, record string }

// formerTables returns the tables of the file by their names. They are read once.
var formerTables = sync.OnceValues(func() (map[string]formerTable, error) {
	file, err := unzipped()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "guerdon-former")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is of no use any more
	path := filepath.Join(dir, "guerdon.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return nil, err
	}
	tables, err := readTables(db)
	return tables, errors.Join(err, db.Close())
})

func readTables(db *sql.DB) (map[string]formerTable, error) {
	tables := map[string]formerTable{}
	err := eachOf(db, "select name, version, '' from guerdon_tables", func(name, version, _ string) (err error) {
		var t formerTable
		t.version, err = strconv.ParseInt(version, 10, 64)
		tables[name] = t
		return err
	})
	for name, t := range tables {
		err = errors.Join(err, eachOf(db, `select scope, "key", record from guerdon_`+name, func(scope, key, record string) error {
			t.rows = append(t.rows, formerRow{scope, key, record})
			return nil
		}))
		tables[name] = t
	}
	return tables, err
}

// eachOf calls fn with what a query finds.
func eachOf(db *sql.DB, query string, fn func(a, b, c string) error) (err error) {
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var a, b, c string
	for rows.Next() {
		if err := rows.Scan(&a, &b, &c); err != nil {
			return err
		}
		if err := fn(a, b, c); err != nil {
			return err
		}
	}
	return rows.Err()
}

// formerStores are stores that hold what the file does.
var formerStores = map[string]func(testing.TB) store.Heir{
	"sqlite": func(t testing.TB) store.Heir {
		st, err := sqlite.Open(t.Context(), formerFile(t), nil)
		require.NoError(t, err)
		return st
	},
	"postgres": func(t testing.TB) store.Heir {
		ctx, dsn := t.Context(), pgtest.DSN(t)
		conn, err := pgx.Connect(ctx, dsn)
		require.NoError(t, err)
		tables, err := formerTables()
		require.NoError(t, err)
		_, err = conn.Exec(ctx, `create table guerdon_tables (name text collate "C" primary key, version bigint not null)`)
		require.NoError(t, err)
		for name, table := range tables {
			_, err = conn.Exec(ctx, "insert into guerdon_tables values ($1, $2)", name, table.version)
			require.NoError(t, err)
			name = "guerdon_" + name
			_, err = conn.Exec(ctx, "create table "+name+` (scope text collate "C", "key" text collate "C", record json not null, primary key (scope, "key"))`)
			require.NoError(t, err)
			_, err = conn.CopyFrom(ctx, pgx.Identifier{name}, []string{"scope", "key", "record"},
				pgx.CopyFromSlice(len(table.rows), func(i int) ([]any, error) {
					r := &table.rows[i]
					return []any{r.scope, r.key, r.record}, nil
				}))
			require.NoError(t, err)
		}
		require.NoError(t, conn.Close(ctx))
		st, err := postgres.Open(ctx, dsn, nil)
		require.NoError(t, err)
		return st
	},
}

// eachHeir runs a test on each store that holds what the file does.
func eachHeir(t *testing.T, test func(*testing.T, store.Heir)) {
	for name, open := range formerStores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := open(t)
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			test(t, st)
		})
	}
}

// takeOver returns an engine on a store, whose clock stands at a moment.
func takeOver(t testing.TB, st store.Store, now *time.Time, log *slog.Logger) *guerdon.Engine {
	t.Helper()
	eng, err := guerdon.New(t.Context(), st, &guerdon.Options{Now: func() time.Time { return *now }, NewID: counting("new"), Log: log})
	require.NoError(t, err)
	return eng
}

func clubOf(t testing.TB, eng *guerdon.Engine) *guerdon.Workspace {
	t.Helper()
	ws, err := eng.Workspace(t.Context(), formerClub[0])
	require.NoError(t, err)
	return ws
}

// ofWhoTakesPart returns what was contributed without what is listed no more: that of eve, who is suspended, and of fay, who has been deleted.
func ofWhoTakesPart(t *testing.T, text json.RawMessage) json.RawMessage {
	t.Helper()
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(text, &rows))
	rows = slices.DeleteFunc(rows, func(row map[string]any) bool { return row["userId"] == "eve" || row["userId"] == "fay" })
	b, err := json.Marshal(rows)
	require.NoError(t, err)
	return b
}

// requireAsBefore checks that all that could be read of the file can be read of a workspace.
func requireAsBefore(t *testing.T, ws *guerdon.Workspace) {
	t.Helper()
	var before map[string]map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(gunzip(t, "before_folds.json.gz"), &before))
	now := was(t.Context(), t, ws)
	for name, text := range before[ws.Scope().String()] {
		if strings.HasPrefix(name, "tag:") && strings.HasSuffix(name, " contributions") { // of a group
			text = ofWhoTakesPart(t, text)
		}
		require.Equal(t, settled(t, text), settled(t, now[name]), name)
		require.NotRegexp(t, `"entityId":"(eve|fay)"`, string(now[name]), name) // on no board
	}
	report, err := ws.Economy.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report)
}

// What was kept before users were folds is taken over as it was, and the host is told how far that is.
func TestInherit(t *testing.T) {
	eachHeir(t, func(t *testing.T, st store.Heir) {
		ctx, now := t.Context(), takenOver
		var told bytes.Buffer
		eng := takeOver(t, st, &now, slog.New(slog.NewJSONHandler(&told, nil)))
		rows := map[string]int{}
		for dec := json.NewDecoder(&told); dec.More(); {
			var line struct {
				Table string
				Rows  int
			}
			require.NoError(t, dec.Decode(&line))
			rows[line.Table] += line.Rows
		}
		tables, err := formerTables()
		require.NoError(t, err)
		for name, table := range tables {
			require.Len(t, table.rows, rows[name], name)
		}
		for _, s := range formerClub {
			ws, err := eng.Workspace(ctx, s)
			require.NoError(t, err)
			requireAsBefore(t, ws)
			requireJournalAsBefore(t, ws)
		}
		_, err = eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "gone"})
		require.ErrorIs(t, err, fault.ErrNotFound)
		again := takeOver(t, st, &now, slog.New(slog.NewJSONHandler(&told, nil)))
		require.Empty(t, told.String()) // there was nothing more
		requireAsBefore(t, clubOf(t, again))
	})
}

// requireJournalAsBefore checks that the journal is the one of the file, and knows its events.
func requireJournalAsBefore(t *testing.T, ws *guerdon.Workspace) {
	t.Helper()
	ctx := t.Context()
	entries, err := ws.Journal(ctx, 0)
	require.NoError(t, err)
	tables, err := formerTables()
	require.NoError(t, err)
	kept := map[string]string{} // records by the id of the event
	for _, r := range tables["journal"].rows {
		if r.scope == ws.Scope().String() {
			kept[r.key] = r.record
		}
	}
	require.Len(t, entries, len(kept))
	for i, e := range entries {
		require.EqualValues(t, i+1, e.Outcome.Seq)
		var before map[string]any
		require.NoError(t, json.Unmarshal([]byte(kept[e.Event.ID]), &before))
		delete(before, "fingerprint")
		if caused, ok := before["caused"].([]any); ok {
			for _, ev := range caused {
				delete(ev.(map[string]any), "movedFrom")
			}
		}
		require.JSONEq(t, jsonOf(t, before), jsonOf(t, e))
		if e.Event.Type != event.Activity || e.Event.UserID == "eve" || e.Event.UserID == "fay" {
			continue
		}
		out, err := ws.Record(ctx, e.Event)
		require.NoError(t, err)
		require.Equal(t, jsonOf(t, e.Outcome), jsonOf(t, out))
		e.Event.Value = new(decimal.NewFromInt(77))
		_, err = ws.Record(ctx, e.Event)
		require.ErrorIs(t, err, fault.ErrConflict)
	}
	head, err := ws.Journal(ctx, int64(len(kept)))
	require.NoError(t, err)
	require.Empty(t, head)
}

// Taking over goes on where it was interrupted, whatever by.
func TestInheritInterrupted(t *testing.T) {
	eachHeir(t, func(t *testing.T, st store.Heir) {
		now, times := takenOver, 0
		for ; ; times++ {
			_, err := guerdon.New(t.Context(), &frail{st, 3 + times%4}, &guerdon.Options{Now: func() time.Time { return now }, NewID: counting("new")})
			if err == nil {
				break
			}
			require.ErrorIs(t, err, errFrail)
		}
		require.Greater(t, times, 9)
		requireAsBefore(t, clubOf(t, takeOver(t, st, &now, nil)))
		// A store that cannot take over what it holds refuses it.
		_, err := guerdon.New(t.Context(), &prepared{Store: formerStores["sqlite"](t)}, nil)
		require.ErrorIs(t, err, fault.ErrConflict)
	})
}

var errFrail = errors.New("frail")

// A frail store takes over a number of portions, and fails at the end of the next.
type frail struct {
	store.Heir

	left int
}

func (f *frail) Inherit(
	ctx context.Context, tables []*store.Schema, former []string, move func(context.Context, store.Tx, string, []store.Former) error,
) error {
	return f.Heir.Inherit(ctx, tables, former, func(ctx context.Context, tx store.Tx, table string, rows []store.Former) error {
		err := move(ctx, tx, table, rows)
		if f.left--; err == nil && f.left < 0 {
			err = errFrail
		}
		return err
	})
}

// laterInTheClub are events of ten days, some of them from before the club was taken over, in their order.
func laterInTheClub() []event.Event {
	var events []event.Event
	for i := range 50 {
		events = append(events, event.Event{
			ID: fmt.Sprintf("later-%02d", i), UserID: []string{"ada", "bob", "cyd", "dan", "eve"}[i%5], EntityID: []string{"run", "run", "swim"}[i%3],
			At: takenOver.Add(time.Duration(i-25) * 6 * time.Hour), Value: new(decimal.NewFromInt(int64(4 + i%5))),
		})
	}
	return events
}

// resume lets the user go on whose streak had been frozen, and gives the group one mission more, which counts what was.
func resume(t *testing.T, ws *guerdon.Workspace) {
	t.Helper()
	_, err := ws.Users.Resume(t.Context(), "eve")
	require.NoError(t, err)
	goal := guerdontest.MissionConfiguration("more", guerdontest.Doing("run"), "5")
	goal.MissionType = missions.Group
	rule := guerdontest.MissionRule("more", goal, "")
	rule.GroupTagID, rule.TimezoneType, rule.Timezone = "red", timeframe.Fixed, "UTC"
	bundle, err := guerdon.Bundle(goal, rule)
	require.NoError(t, err)
	_, err = ws.Import(t.Context(), bundle)
	require.NoError(t, err)
}

// What happens after the club was taken over is folded in its order, and what had happened before and comes only now is
// counted behind all that was settled: so it makes no difference how late it comes.
func TestInheritedLate(t *testing.T) {
	t.Parallel()
	then := takenOver
	other := formerStores["sqlite"](t)
	late := clubOf(t, takeOver(t, other, &then, nil))
	resume(t, late)
	then = takenOver.AddDate(0, 0, 12)
	events := laterInTheClub()
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for _, ev := range events {
		_, err := late.Record(t.Context(), ev)
		require.NoError(t, err)
	}
	require.NoError(t, late.Advance(t.Context()))
	requireCountedOnce(t, late)
	got := was(t.Context(), t, late)
	require.NoError(t, other.Close())
	eachHeir(t, func(t *testing.T, st store.Heir) {
		ctx, now := t.Context(), takenOver
		inTime := clubOf(t, takeOver(t, st, &now, nil))
		resume(t, inTime)
		now = then
		_, err := inTime.RecordBatch(ctx, laterInTheClub())
		require.NoError(t, err)
		require.NoError(t, inTime.Advance(ctx))
		requireCountedOnce(t, inTime)
		want := was(ctx, t, inTime)
		delete(want, "problems") // which say what came last
		for name, text := range want {
			require.Equal(t, settled(t, text), settled(t, got[name]), name)
		}
	})
}

// requireCountedOnce checks that what happened before and after the club was taken over is counted once, and that what was
// paid for the frozen days of a streak which broke since is given back.
func requireCountedOnce(t *testing.T, ws *guerdon.Workspace) {
	t.Helper()
	ctx := t.Context()
	entries, err := ws.Journal(ctx, 0)
	require.NoError(t, err)
	runs, sums := map[string]int{}, map[string]decimal.Decimal{}
	for _, e := range entries {
		if e.Event.EntityID == "run" {
			runs[e.Event.UserID]++
			sums[e.Event.UserID] = sums[e.Event.UserID].Add(*e.Event.Value)
		}
	}
	byHand := 0
	for _, id := range []string{"ada", "bob", "cyd", "dan", "eve"} {
		m, err := ws.Missions.Mission(ctx, id+":thousand:thousand:PERMANENT")
		require.NoError(t, err)
		require.Equal(t, sums[id].String(), m.CurrentAmount.String(), id)
		all, err := everything(func(p store.Page) ([]economy.Transaction, string, error) { return ws.Economy.History(ctx, id, p) })
		require.NoError(t, err)
		capped, back := 0, 0
		for _, tr := range all {
			switch {
			case tr.Initiator == "rewardRuleId#capped":
				capped++
			case tr.Initiator == "rewardRuleId#by-hand":
				byHand++
			case tr.Initiator == "streakRuleId#cold" && tr.ReversedTransactionID != "":
				back++
			}
		}
		require.Equal(t, min(20, runs[id]), capped, id)
		if id == "eve" {
			require.GreaterOrEqual(t, back, 2)
		}
	}
	require.Equal(t, 1, byHand) // the mission of the group, which had 48 of 60, was completed once
	m, err := ws.Missions.Mission(ctx, "tag:red::team-hand:PERMANENT")
	require.NoError(t, err)
	for sum, i := 48, 0; ; i++ {
		if ev := laterInTheClub()[i]; ev.EntityID == "run" && slices.Contains([]string{"ada", "bob", "dan"}, ev.UserID) {
			if sum++; sum == 60 {
				require.Equal(t, ev.ID, m.Completer.EventID)
				require.Equal(t, ev.At, m.CompletedAt)
				break
			}
		}
	}
	report, err := ws.Economy.Verify(ctx)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report)
}

// What was taken over is the past of what comes: boards that are published now count it, Explain says that it is no more to be
// explained, and a dump says that it is settled.
func TestInheritedIsThePast(t *testing.T) {
	eachHeir(t, func(t *testing.T, st store.Heir) {
		ctx, now := t.Context(), takenOver
		ws := clubOf(t, takeOver(t, st, &now, nil))
		_, err := ws.Explain(ctx, "e005", "RewardRule", "per-run")
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "e005")
		runs := guerdontest.BoardConfiguration("again", "points")
		runs.Query = leaderboard.Query{Source: leaderboard.ActivityLogs, Score: leaderboard.Score{Function: leaderboard.Sum, Of: json.RawMessage(`{"var": "value"}`)}}
		bundle, err := guerdon.Bundle(runs, guerdontest.Board("again", runs, ""))
		require.NoError(t, err)
		now = takenOver.Add(time.Hour)
		_, err = ws.Import(ctx, bundle)
		require.NoError(t, err)
		require.NoError(t, ws.Advance(ctx))
		want := map[string]decimal.Decimal{}
		entries, err := ws.Journal(ctx, 0)
		require.NoError(t, err)
		for _, e := range entries {
			if e.Event.Type == event.Activity {
				want[e.Event.UserID] = want[e.Event.UserID].Add(*e.Event.Value)
			}
		}
		top, err := ws.Leaderboards.Top(ctx, "again", 10, nil)
		require.NoError(t, err)
		require.Len(t, top.Rows, 4) // without who takes no part any more
		for _, row := range top.Rows {
			require.Equal(t, want[row.EntityID].String(), row.Score.String(), row.EntityID)
		}
		var dumped bytes.Buffer
		require.NoError(t, ws.Dump(ctx, &dumped))
		other := memory.New()
		t.Cleanup(func() { require.NoError(t, other.Close()) })
		eng := takeOver(t, other, &now, nil)
		_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
		require.NoError(t, err)
		require.NoError(t, eng.Restore(ctx, formerClub[0], &dumped))
		restored := clubOf(t, eng)
		for _, at := range []time.Time{takenOver.Add(-50 * time.Hour), takenOver.Add(time.Minute), takenOver.Add(-49 * time.Hour)} {
			ev := event.Event{ID: fmt.Sprint("late-", at.Hour()), UserID: "ada", EntityID: "run", At: at, Value: new(decimal.NewFromInt(1))}
			out, err := ws.Record(ctx, ev)
			require.NoError(t, err)
			same, err := restored.Record(ctx, ev)
			require.NoError(t, err)
			require.Equal(t, jsonOf(t, out), jsonOf(t, same))
			paid, err := ws.Explain(ctx, ev.ID, "RewardRule", "per-run")
			require.NoError(t, err)
			require.True(t, paid.Moved, "%s", paid)
		}
		all, same := was(ctx, t, ws), was(ctx, t, restored)
		for _, name := range []string{"ada balances", "ada cold"} {
			require.Equal(t, string(all[name]), string(same[name]), name)
		}
		elsewhere, err := takeOver(t, st, &now, nil).Workspace(ctx, formerClub[2])
		require.NoError(t, err)
		_, err = elsewhere.Record(ctx, event.Event{ID: "late", UserID: "ada", EntityID: "run", At: takenOver.Add(-48 * time.Hour)})
		require.NoError(t, err)
		m, err := elsewhere.Missions.Mission(ctx, "ada:weekly:three:2025-W39") // which was over, and not complete
		require.NoError(t, err)
		logs, _, err := elsewhere.Missions.Contributions(ctx, m.ID, store.Page{})
		require.NoError(t, err)
		require.Equal(t, m.CurrentAmount.String(), decimal.NewFromInt(int64(len(logs))).String())
		require.Equal(t, "late", logs[0].EventID)
	})
}

// was is what hosts read of a workspace.
func was(ctx context.Context, t testing.TB, ws *guerdon.Workspace) map[string]json.RawMessage {
	t.Helper()
	out := map[string]json.RawMessage{}
	put := func(name string, v any, err error) {
		t.Helper()
		if err != nil {
			v = "error: " + err.Error()
		}
		out[name], err = json.Marshal(v)
		require.NoError(t, err)
	}
	missions := func(owner string, list func(context.Context, string, missions.Query, store.Page) ([]missions.Mission, string, error)) {
		all, err := everything(func(p store.Page) ([]missions.Mission, string, error) { return list(ctx, owner, missions.Query{}, p) })
		put(owner+" missions", all, err)
		for _, m := range all {
			logs, err := everything(func(p store.Page) ([]missions.Log, string, error) { return ws.Missions.Contributions(ctx, m.ID, p) })
			put(m.ID+" contributions", logs, err)
		}
	}
	var users []tenancy.User
	for _, status := range []tenancy.Status{tenancy.Active, tenancy.Suspended} {
		some, err := everything(func(p store.Page) ([]tenancy.User, string, error) {
			return ws.Users.List(ctx, tenancy.UserFilter{Status: status}, p)
		})
		require.NoError(t, err)
		users = append(users, some...)
	}
	slices.SortStableFunc(users, func(a, b tenancy.User) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	put("users", users, nil)
	for _, id := range []string{"ada", "bob", "cyd", "dan", "eve", "fay"} {
		balances, err := ws.Economy.Balances(ctx, id)
		put(id+" balances", balances, err)
		transactions, err := everything(func(p store.Page) ([]economy.Transaction, string, error) { return ws.Economy.History(ctx, id, p) })
		put(id+" transactions", transactions, err)
		missions(id, ws.Missions.List)
		for _, rule := range []string{"daily", "cold"} {
			current, err := ws.Streaks.Current(ctx, id, rule)
			put(id+" "+rule, current, err)
		}
		days, err := everything(func(p store.Page) ([]streaks.Streak, string, error) {
			return ws.Streaks.Streaks(ctx, id, streaks.Query{PeriodType: streaks.ByDay}, p)
		})
		put(id+" days", days, err)
		stats, err := ws.Learning.Stats(ctx, id)
		put(id+" stats", stats, err)
		paths, err := everything(func(p store.Page) ([]learning.AssignedPath, string, error) {
			return ws.Learning.Assignments(ctx, id, learning.Query{}, p)
		})
		put(id+" paths", paths, err)
		groups, err := everything(func(p store.Page) ([]learning.GroupLog, string, error) { return ws.Learning.GroupLogs(ctx, id, "", p) })
		put(id+" groups", groups, err)
	}
	missions("red", ws.Missions.GroupList)
	for _, board := range []string{"all-time", "monthly", "runs-weekly", "days", "teams"} {
		periods, err := ws.Leaderboards.Periods(ctx, board, 10, time.Time{})
		put(board+" periods", periods, err)
		for _, p := range periods {
			top, err := ws.Leaderboards.Top(ctx, board, 10, &leaderboard.At{Period: p.ID})
			put(board+" "+p.ID, top, err)
		}
	}
	system, err := ws.Economy.System(ctx, "points")
	put("system", system, err)
	report, err := ws.Economy.Verify(ctx)
	put("verify", report, err)
	problems, err := everything(func(p store.Page) ([]guerdon.DocumentProblems, string, error) {
		return ws.Problems(ctx, guerdon.ProblemFilter{}, p)
	})
	put("problems", problems, err)
	return out
}

// everything returns all pages of a list.
func everything[T any](list func(store.Page) ([]T, string, error)) (all []T, err error) {
	for page := (store.Page{Limit: 100}); ; {
		some, next, err := list(page)
		if all = append(all, some...); err != nil || next == "" {
			return all, err
		}
		page.Token = next
	}
}
