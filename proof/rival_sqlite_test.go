package proof_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// BenchmarkRatioRival compares the engine with a program that an engineer would write for one game alone, that of the
// quickstart: tables of its own, prepared statements, the same durability; no rules as data, no why, no late events. Both
// must come to the same answers.
func BenchmarkRatioRival(b *testing.B) {
	for _, size := range []struct {
		events, batch int
		wanted        float64
	}{{2_000, 250, 1}, {200, 1, 0.9}} {
		b.Run(fmt.Sprintf("quickstart's game, SQLite FULL, %d in a transaction : by hand", size.batch), func(b *testing.B) {
			ws, r := quickstart(b), newRival(b)
			commits := gameCommits(ratio.Rounds * size.events)
			events := func(n int) []event.Event { return commits[n*size.events : (n+1)*size.events] }
			ratio.Compare(b, size.wanted,
				func(n int) {
					for some := range slices.Chunk(events(n), size.batch) {
						_, err := ws.RecordBatch(b.Context(), some)
						require.NoError(b, err)
					}
				},
				func(n int) {
					for some := range slices.Chunk(events(n), size.batch) {
						r.record(b, some)
					}
				})
			require.Equal(b, standings(b, ws), r.standings(b))
		})
	}
}

const committers = 150

func committer(i int) string { return "dev-" + strconv.Itoa(i) }

// gameCommits returns commits in their order: some people commit more often than others, and most on some days.
func gameCommits(n int) []event.Event {
	draw := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	events := make([]event.Event, n)
	for i := range events {
		at = at.Add(time.Duration(draw.IntN(40*60)) * time.Second)
		who := min(draw.IntN(committers), draw.IntN(committers))
		events[i] = event.Event{ID: fmt.Sprintf("%016x", draw.Uint64()), UserID: committer(who), EntityID: "commit", At: at}
	}
	return events
}

// quickstart returns the quickstart's game in a file, with all who will commit.
func quickstart(b *testing.B) *guerdon.Workspace {
	b.Helper()
	ctx := b.Context()
	rules, err := os.ReadFile(filepath.Join("..", "examples", "quickstart", "game.json"))
	require.NoError(b, err)
	st, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "ours.db"), nil)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, st.Close()) })
	engine, err := guerdon.New(ctx, st, nil)
	require.NoError(b, err)
	_, err = engine.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	require.NoError(b, err)
	ws, err := engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	require.NoError(b, err)
	_, err = ws.Import(ctx, bytes.ReplaceAll(rules, []byte("$ZONE"), []byte("UTC")))
	require.NoError(b, err)
	for i := range committers {
		_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: committer(i)})
		require.NoError(b, err)
	}
	return ws
}

// A standing is what both programs must agree on.
type standing struct {
	user          string
	points        int64
	streak        int
	ranks, scores [2]int64 // of all times, and of the last month
}

func standings(b *testing.B, ws *guerdon.Workspace) (all []standing) {
	b.Helper()
	ctx := b.Context()
	commits := lastCommit(b, ws)
	for i := range committers {
		s := standing{user: committer(i)}
		balance, err := ws.Economy.Balance(ctx, s.user, "points")
		require.NoError(b, err)
		s.points = balance.Amount.IntPart()
		for j, at := range []*leaderboard.At{nil, {Time: commits}} {
			ranked, err := ws.Leaderboards.Rank(ctx, []string{"all-time", "monthly"}[j], s.user, at)
			if err == nil {
				s.ranks[j], s.scores[j] = int64(ranked.Rank), ranked.Score.IntPart()
			}
		}
		calendar, err := ws.Streaks.Current(ctx, s.user, "every-day")
		require.NoError(b, err)
		s.streak = calendar.Longest
		all = append(all, s)
	}
	return all
}

// lastCommit returns when the last commit was.
func lastCommit(b *testing.B, ws *guerdon.Workspace) (at time.Time) {
	b.Helper()
	for after := int64(0); ; {
		entries, err := ws.Journal(b.Context(), after)
		require.NoError(b, err)
		if len(entries) == 0 {
			return at
		}
		for i := range entries {
			after = entries[i].Outcome.Seq
			if e := &entries[i].Event; e.Type == event.Activity && e.At.After(at) {
				at = e.At
			}
		}
	}
}

// A rival plays the quickstart's game on tables of its own. What comes must come in its order.
type rival struct {
	db   *sql.DB
	conn *sql.Conn

	seen, user, move, pay, day, mission, done, score *sql.Stmt
}

func newRival(b *testing.B) *rival {
	b.Helper()
	ctx := b.Context()
	db, err := sql.Open("sqlite", "file://"+filepath.Join(b.TempDir(), "theirs.db"))
	require.NoError(b, err)
	conn, err := db.Conn(ctx)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, conn.Close()); require.NoError(b, db.Close()) })
	r := &rival{db: db, conn: conn}
	for _, text := range []string{
		"pragma journal_mode = wal", "pragma synchronous = full", "pragma cache_size = -16384", "pragma wal_autocheckpoint = 10000",
		"create table events (id text primary key, user integer not null, at integer not null) strict, without rowid",
		"create table users (id integer primary key, name text not null unique, points integer not null default 0, day integer not null default 0, streak integer not null default 0, longest integer not null default 0) strict",
		"create table transactions (id integer primary key, user integer not null, at integer not null, event text not null, amount integer not null) strict",
		"create table missions (user integer not null, week integer not null, commits integer not null, completed_at integer, primary key (user, week)) strict, without rowid",
		"create table days (user integer not null, day integer not null, primary key (user, day)) strict, without rowid",
		"create table scores (period integer not null, user integer not null, score integer not null, reached_at integer not null, primary key (period, user)) strict, without rowid",
		"create index ranks on scores (period, score desc, reached_at, user)",
	} {
		_, err := conn.ExecContext(ctx, text)
		require.NoError(b, err)
	}
	for i := range committers {
		_, err := conn.ExecContext(ctx, "insert into users (name) values (?)", committer(i))
		require.NoError(b, err)
	}
	for into, text := range map[**sql.Stmt]string{
		&r.seen:    "insert into events (id, user, at) values (?, (select id from users where name = ?), ?) on conflict do nothing returning user",
		&r.user:    "select points, day, streak, longest from users where id = ?",
		&r.move:    "update users set points = ?, day = ?, streak = ?, longest = ? where id = ?",
		&r.pay:     "insert into transactions (user, at, event, amount) values (?, ?, ?, ?)",
		&r.day:     "insert into days (user, day) values (?, ?)",
		&r.mission: "insert into missions (user, week, commits) values (?, ?, 1) on conflict do update set commits = commits + 1 returning commits",
		&r.done:    "update missions set completed_at = ? where user = ? and week = ?",
		&r.score:   "insert into scores (period, user, score, reached_at) values (?, ?, ?, ?) on conflict do update set score = score + excluded.score, reached_at = excluded.reached_at",
	} {
		prepared, err := conn.PrepareContext(ctx, text)
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, prepared.Close()) })
		*into = prepared
	}
	return r
}

const dayLength = 24 * 60 * 60

// record plays commits in one transaction.
func (r *rival) record(b *testing.B, commits []event.Event) {
	b.Helper()
	ctx := b.Context()
	_, err := r.conn.ExecContext(ctx, "begin immediate")
	require.NoError(b, err)
	for i := range commits {
		require.NoError(b, r.play(ctx, &commits[i]))
	}
	_, err = r.conn.ExecContext(ctx, "commit")
	require.NoError(b, err)
}

func (r *rival) play(ctx context.Context, e *event.Event) error {
	var user int64
	if err := r.seen.QueryRowContext(ctx, e.ID, e.UserID, e.At.UnixMicro()).Scan(&user); err != nil {
		return err // a commit that was there is none of the benchmark's
	}
	var points, last, streak, longest int64
	if err := r.user.QueryRowContext(ctx, user).Scan(&points, &last, &streak, &longest); err != nil {
		return err
	}
	day := e.At.Unix() / dayLength
	if day != last {
		if streak++; day != last+1 {
			streak = 1
		}
		if _, err := r.day.ExecContext(ctx, user, day); err != nil {
			return err
		}
	}
	week := (day + 3) / 7 // 1970 began on a Thursday
	var commits int64
	if err := r.mission.QueryRowContext(ctx, user, week).Scan(&commits); err != nil {
		return err
	}
	earned := []int64{1}
	if commits == 5 {
		earned = append(earned, 10)
		if _, err := r.done.ExecContext(ctx, e.At.UnixMicro(), user, week); err != nil {
			return err
		}
	}
	month := e.At.Year()*12 + int(e.At.Month())
	for _, n := range earned {
		points += n
		if _, err := r.pay.ExecContext(ctx, user, e.At.UnixMicro(), e.ID, n); err != nil {
			return err
		}
		for _, period := range []int{0, month} {
			if _, err := r.score.ExecContext(ctx, period, user, n, e.At.UnixMicro()); err != nil {
				return err
			}
		}
	}
	_, err := r.move.ExecContext(ctx, points, day, streak, max(longest, streak), user)
	return err
}

func (r *rival) standings(b *testing.B) (all []standing) {
	b.Helper()
	ctx := b.Context()
	for i := range committers {
		s := standing{user: committer(i)}
		var user int64
		row := r.conn.QueryRowContext(ctx, "select id, points, longest from users where name = ?", s.user)
		require.NoError(b, row.Scan(&user, &s.points, &s.streak))
		for j, period := range []string{"0", "(select max(period) from scores)"} {
			row := r.conn.QueryRowContext(ctx, "select score, 1 + (select count(*) from scores o where o.period = s.period and o.score > s.score)"+
				" from scores s where period = "+period+" and user = ?", user)
			if err := row.Scan(&s.scores[j], &s.ranks[j]); err != nil {
				require.ErrorIs(b, err, sql.ErrNoRows)
			}
		}
		all = append(all, s)
	}
	return all
}
