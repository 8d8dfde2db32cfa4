package proof_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
)

// clubContest is the club with a number of users, each of whom has done something.
func clubContest(tb testing.TB, users int) *contest {
	tb.Helper()
	zones := clubByHand{}
	c := &contest{
		name: "the club", streaks: []string{"run", "swim", "land"}, boards: append([]string{"points"}, sports...), before: users,
		open: func(tb testing.TB, st store.Store) *guerdon.Workspace {
			tb.Helper()
			return joinSome(tb, st, clubDocs(1), users)
		},
		events: func() func() event.Event {
			n := 0
			return func() event.Event { n++; return clubEvent(n - 1) }
		},
		tables: []string{
			"create table events (id text primary key, player bigint not null, at bigint not null) {by key}",
			"create table users (id {id}, name text not null unique, zone text not null, points bigint not null default 0, gems bigint not null default 0) {by id}",
			"create table transactions (id {id}, player bigint not null, at bigint not null, event text not null, reward bigint not null, amount bigint not null) {by id}",
			"create table missions (player bigint not null, sport text not null, ends_at bigint not null, number bigint not null, amount bigint not null, completed_at bigint not null, primary key (player, sport, ends_at, number)) {by key}",
			"create table streaks (player bigint not null, streak text not null, day bigint not null, length bigint not null, longest bigint not null, primary key (player, streak)) {by key}",
			"create table days (player bigint not null, streak text not null, day bigint not null, primary key (player, streak, day)) {by key}",
			"create table scores (board text not null, period bigint not null, player bigint not null, score bigint not null, reached_at bigint not null, primary key (board, period, player)) {by key}",
			"create index ranks on scores (board, period, score desc, reached_at, player)",
		},
		joins:  request{words: inserting("users", "name text, zone text", "")},
		record: zones.record,
		answers: []string{
			"select name || ' points: ' || points from users where points > 0",
			"select name || ' gems: ' || gems from users where gems > 0",
			"select name || ' ' || streak || ': ' || longest || ' days, last ' || day from streaks join users on id = player",
			"select name || ' ' || sport || '-' || number || ' until ' || ends_at || ': ' || amount || ', completed ' || completed_at from missions join users on id = player",
			"select name || ' ' || board || ' of ' || period || ': ' || score || ', rank ' || rank() over (partition by board, period order by score desc) from scores join users on id = player",
		},
	}
	for i := range users {
		c.users = append(c.users, clubUser(i))
		c.joins.rows = append(c.joins.rows, []any{clubUser(i), clubZone(i)})
		if name := clubZone(i); zones[name] == nil {
			var err error
			zones[name], err = time.LoadLocation(name)
			require.NoError(tb, err)
		}
	}
	return c
}

// clubMonths tells events of six users who do now this and now that.
func clubMonths() func() event.Event {
	draw, at := rand.New(rand.NewPCG(1, 2)), 0
	return func() event.Event {
		at += draw.IntN(4 * 60 * 60 * 10)
		e := clubEvent(at)
		e.UserID, e.EntityID = clubUser(draw.IntN(6)), sports[draw.IntN(len(sports))]
		return e
	}
}

// clubEra is when the board of all times began, in microseconds.
var clubEra = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// What the club's program says to its tables.
var (
	clubPlayers = words{
		one:   "select name, id, zone, points, gems from users where name = $1",
		all:   "select name, id, zone, points, gems from users where name = any($1) order by id",
		locks: true,
	}
	clubStreaks = words{
		one: "select s.player, s.streak, s.day, s.length, s.longest from streaks as s join users as u on u.id = s.player where u.name = $1 and s.streak = $2",
		all: "select s.player, s.streak, s.day, s.length, s.longest from unnest($1::text[], $2::text[]) as e (name, streak)" +
			" join users as u on u.name = e.name join streaks as s on s.player = u.id and s.streak = e.streak",
	}
	clubMissions = words{
		one: "select m.player, m.sport, m.number, m.ends_at, m.amount, m.completed_at from missions as m join users as u on u.id = m.player where u.name = $1 and m.sport = $2 and m.ends_at > $3",
		all: "select m.player, m.sport, m.number, m.ends_at, m.amount, m.completed_at from unnest($1::text[], $2::text[], $3::bigint[]) as e (name, sport, at)" +
			" join users as u on u.name = e.name join missions as m on m.player = u.id and m.sport = e.sport and m.ends_at > e.at",
	}
	clubMove = words{
		one: "update users set points = $2, gems = $3 where id = $1",
		all: "update users as u set points = n.points, gems = n.gems from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as n (id, points, gems) where u.id = n.id",
	}
	clubDay    = inserting("days", "player bigint, streak text, day bigint", "")
	clubStreak = inserting("streaks", "player bigint, streak text, day bigint, length bigint, longest bigint",
		"on conflict (player, streak) do update set day = excluded.day, length = excluded.length, longest = excluded.longest")
	clubMission = inserting("missions", "player bigint, sport text, number bigint, ends_at bigint, amount bigint, completed_at bigint",
		"on conflict (player, sport, ends_at, number) do update set amount = excluded.amount, completed_at = excluded.completed_at")
	clubPay   = inserting("transactions", "player bigint, at bigint, event text, reward bigint, amount bigint", "")
	clubScore = inserting("scores", "board text, period bigint, player bigint, score bigint, reached_at bigint",
		"on conflict (board, period, player) do update set score = scores.score + excluded.score, reached_at = excluded.reached_at")
)

// clubByHand has the zones of the club's users.
type clubByHand map[string]*time.Location

// record plays events in one transaction.
func (c clubByHand) record(ctx context.Context, d desk, events []event.Event) error {
	type (
		player struct {
			id, points, gems int64
			zone             *time.Location
		}
		part struct { // a streak or a sport of a player
			player int64
			of     string
		}
		mission struct{ endsAt, amount, completedAt int64 }
		period  struct {
			part
			number, at int64
		}
		score struct{ score, reachedAt int64 }
	)
	players, habits, missions := map[string]*player{}, map[part]*habit{}, map[part]*[5]mission{}
	arrived, isNew := arrivals(events)
	streaks := request{words: clubStreaks, hear: func(scan func(...any) error) error {
		var p part
		h := &habit{}
		err := scan(&p.player, &p.of, &h.day, &h.length, &h.longest)
		habits[p] = h
		return err
	}}
	running := request{words: clubMissions, hear: func(scan func(...any) error) error {
		var p part
		var n int
		var m mission
		err := scan(&p.player, &p.of, &n, &m.endsAt, &m.amount, &m.completedAt)
		if last := &slot(missions, p)[n]; m.endsAt > last.endsAt {
			*last = m
		}
		return err
	}}
	for i := range events {
		e := &events[i]
		streaks.rows = append(streaks.rows, []any{e.UserID, clubHabit(e.EntityID)})
		running.rows = append(running.rows, []any{e.UserID, e.EntityID, e.At.UnixMicro()})
	}
	asked := []request{{clubPlayers, playing(events), func(scan func(...any) error) error {
		var name, zone string
		p := &player{}
		err := scan(&name, &p.id, &zone, &p.points, &p.gems)
		p.zone, players[name] = c[zone], p
		return err
	}}, arrived, streaks, running}
	return d.transact(ctx, asked, func() []request {
		var days, paid [][]any
		counted, moved, scores := map[period]*mission{}, map[part]*habit{}, map[period]*score{}
		for i := range events {
			e := &events[i]
			if !isNew(e) {
				continue
			}
			p, now, value, local := players[e.UserID], e.At.UnixMicro(), e.Value.IntPart(), e.At.In(players[e.UserID].zone)
			year, month, day := local.Date()
			today := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / dayLength
			streak := part{p.id, clubHabit(e.EntityID)}
			if h := slot(habits, streak); h.on(today) {
				days = append(days, []any{p.id, streak.of, today})
				moved[streak] = h
			}
			ends := [2]int64{
				time.Date(year, month, day+7-(int(local.Weekday())+6)%7, 0, 0, 0, 0, p.zone).UnixMicro(),
				time.Date(year, month+1, 1, 0, 0, 0, 0, p.zone).UnixMicro(),
			}
			sport := part{p.id, e.EntityID}
			running := slot(missions, sport)
			for n, target := range []int64{3, 10, 50, 200, 1000} {
				m := &running[n]
				if m.endsAt != ends[n%2] {
					*m = mission{endsAt: ends[n%2]}
				}
				if m.completedAt > 0 || value >= 1000 {
					continue
				}
				if n < 2 {
					m.amount++
				} else {
					m.amount += value
				}
				if m.amount >= target {
					m.completedAt = now
				}
				*slot(counted, period{sport, int64(n), m.endsAt}) = *m
			}
			for n := range 5 {
				paid = append(paid, []any{p.id, now, e.ID, n, 2 * value})
			}
			p.points += 4 * 2 * value
			p.gems += 2 * value
			monthUTC := time.Date(e.At.Year(), e.At.Month(), 1, 0, 0, 0, 0, time.UTC).UnixMicro()
			for board, points := range map[period]int64{{part{p.id, "points"}, 0, clubEra}: 8 * value, {sport, 0, monthUTC}: value} {
				s := slot(scores, board)
				s.score, s.reachedAt = s.score+points, now
			}
		}
		return []request{
			{words: clubMove, rows: rowsOf(players, func(_ string, p *player) []any { return []any{p.id, p.points, p.gems} })},
			{words: clubDay, rows: days},
			{words: clubStreak, rows: rowsOf(moved, func(of part, h *habit) []any { return []any{of.player, of.of, h.day, h.length, h.longest} })},
			{words: clubMission, rows: rowsOf(counted, func(of period, m *mission) []any {
				return []any{of.player, of.of, of.number, of.at, m.amount, m.completedAt}
			})},
			{words: clubPay, rows: paid},
			{words: clubScore, rows: rowsOf(scores, func(of period, s *score) []any { return []any{of.of, of.at, of.player, s.score, s.reachedAt} })},
		}
	})
}

// clubHabit returns the streak that a sport counts for.
func clubHabit(sport string) string {
	if sport == "bike" || sport == "row" {
		return "land"
	}
	return sport
}
