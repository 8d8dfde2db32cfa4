package proof_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

const committers = 150

func committer(i int) string { return "dev-" + strconv.Itoa(i) }

// quickstartContest is the quickstart's game.
func quickstartContest() *contest {
	c := &contest{
		name: "quickstart's game", streaks: []string{"every-day"}, boards: []string{"all-time", "monthly"},
		open: quickstart, events: commits,
		tables: []string{
			"create table events (id text primary key, player bigint not null, at bigint not null) {by key}",
			"create table users (id {id}, name text not null unique, points bigint not null default 0, day bigint not null default 0, streak bigint not null default 0, longest bigint not null default 0, week bigint not null default 0, commits bigint not null default 0) {by id}",
			"create table transactions (id {id}, player bigint not null, at bigint not null, event text not null, amount bigint not null) {by id}",
			"create table missions (player bigint not null, ends_at bigint not null, commits bigint not null, completed_at bigint not null, primary key (player, ends_at)) {by key}",
			"create table days (player bigint not null, day bigint not null, primary key (player, day)) {by key}",
			"create table scores (period bigint not null, player bigint not null, score bigint not null, reached_at bigint not null, primary key (period, player)) {by key}",
			"create index ranks on scores (period, score desc, reached_at, player)",
		},
		joins:  request{words: inserting("users", "name text", "")},
		record: recordCommits,
		answers: []string{
			"select name || ' points: ' || points from users where points > 0",
			"select name || ' every-day: ' || longest || ' days, last ' || day from users where longest > 0",
			"select name || ' five-a-week until ' || ends_at || ': ' || m.commits || ', completed ' || completed_at from missions as m join users as u on u.id = player",
			fmt.Sprintf("select name || case period when %d then ' all-time' else ' monthly' end || ' of ' || period || ': ' || score ||"+
				" ', rank ' || rank() over (partition by period order by score desc) from scores join users on id = player", quickstartEra),
		},
	}
	for i := range committers {
		c.users = append(c.users, committer(i))
		c.joins.rows = append(c.joins.rows, []any{committer(i)})
	}
	return c
}

// quickstartEra is when the board of all times began, in microseconds.
var quickstartEra = time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// commits tells commits in their order: some people commit more often than others, and most on some days.
func commits() func() event.Event {
	draw := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	return func() event.Event {
		at = at.Add(time.Duration(draw.IntN(40*60)) * time.Second)
		who := min(draw.IntN(committers), draw.IntN(committers))
		return event.Event{ID: fmt.Sprintf("%016x", draw.Uint64()), UserID: committer(who), EntityID: "commit", At: at}
	}
}

// quickstart returns the quickstart's game on an empty store, with all who will commit.
func quickstart(tb testing.TB, st store.Store) *guerdon.Workspace {
	tb.Helper()
	ctx := tb.Context()
	rules, err := os.ReadFile(filepath.Join("..", "examples", "quickstart", "game.json"))
	require.NoError(tb, err)
	engine, err := guerdon.New(ctx, st, nil)
	require.NoError(tb, err)
	_, err = engine.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	require.NoError(tb, err)
	ws, err := engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	require.NoError(tb, err)
	_, err = ws.Import(ctx, bytes.ReplaceAll(rules, []byte("$ZONE"), []byte("UTC")))
	require.NoError(tb, err)
	for i := range committers {
		_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: committer(i)})
		require.NoError(tb, err)
	}
	return ws
}

// What the quickstart's program says to its tables.
var (
	commitPlayers = words{
		one:   "select name, id, points, day, streak, longest, week, commits from users where name = $1",
		all:   "select name, id, points, day, streak, longest, week, commits from users where name = any($1) order by id",
		locks: true,
	}
	commitMove = words{
		one: "update users set points = $2, day = $3, streak = $4, longest = $5, week = $6, commits = $7 where id = $1",
		all: "update users as u set points = n.points, day = n.day, streak = n.streak, longest = n.longest, week = n.week, commits = n.commits" +
			" from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])" +
			" as n (id, points, day, streak, longest, week, commits) where u.id = n.id",
	}
	commitDay     = inserting("days", "player bigint, day bigint", "")
	commitMission = inserting("missions", "player bigint, ends_at bigint, commits bigint, completed_at bigint",
		"on conflict (player, ends_at) do update set commits = excluded.commits, completed_at = excluded.completed_at")
	commitPay   = inserting("transactions", "player bigint, at bigint, event text, amount bigint", "")
	commitScore = inserting("scores", "period bigint, player bigint, score bigint, reached_at bigint",
		"on conflict (period, player) do update set score = scores.score + excluded.score, reached_at = excluded.reached_at")
)

// recordCommits plays commits in one transaction.
func recordCommits(ctx context.Context, d desk, commits []event.Event) error {
	type (
		player struct {
			habit

			id, points, week, commits int64
		}
		period  struct{ player, of int64 } // of a mission or a board
		mission struct{ commits, completedAt int64 }
		score   struct{ score, reachedAt int64 }
	)
	players := map[string]*player{}
	arrived, isNew := arrivals(commits)
	asked := []request{{commitPlayers, playing(commits), func(scan func(...any) error) error {
		var name string
		p := &player{}
		err := scan(&name, &p.id, &p.points, &p.day, &p.length, &p.longest, &p.week, &p.commits)
		players[name] = p
		return err
	}}, arrived}
	return d.transact(ctx, asked, func() []request {
		var days, paid [][]any
		missions, scores := map[period]*mission{}, map[period]*score{}
		for i := range commits {
			e := &commits[i]
			if !isNew(e) {
				continue
			}
			p, now, today := players[e.UserID], e.At.UnixMicro(), e.At.Unix()/dayLength
			if p.on(today) {
				days = append(days, []any{p.id, today})
			}
			if week := (today + 3) / 7; week != p.week { // 1970 began on a Thursday
				p.week, p.commits = week, 0
			}
			earned := []int64{1}
			if p.commits < 5 {
				p.commits++
				m := slot(missions, period{p.id, (7*p.week + 4) * dayLength * 1e6})
				if m.commits = p.commits; p.commits == 5 {
					earned, m.completedAt = append(earned, 10), now
				}
			}
			month := time.Date(e.At.Year(), e.At.Month(), 1, 0, 0, 0, 0, time.UTC).UnixMicro()
			for _, points := range earned {
				p.points += points
				paid = append(paid, []any{p.id, now, e.ID, points})
				for _, board := range []int64{quickstartEra, month} {
					s := slot(scores, period{p.id, board})
					s.score, s.reachedAt = s.score+points, now
				}
			}
		}
		return []request{
			{words: commitMove, rows: rowsOf(players, func(_ string, p *player) []any {
				return []any{p.id, p.points, p.day, p.length, p.longest, p.week, p.commits}
			})},
			{words: commitDay, rows: days},
			{words: commitMission, rows: rowsOf(missions, func(of period, m *mission) []any { return []any{of.player, of.of, m.commits, m.completedAt} })},
			{words: commitPay, rows: paid},
			{words: commitScore, rows: rowsOf(scores, func(of period, s *score) []any { return []any{of.of, of.player, s.score, s.reachedAt} })},
		}
	})
}
