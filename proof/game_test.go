package proof_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A game is a world of January 2024, whose first day is a Monday. Its clock moves on to what happens and causes
// nothing by itself; what happens earlier than it shows is late.
type game struct {
	*world

	t      *testing.T
	events int
}

// january is noon of a day, or another hour, in UTC.
func january(day int, hour ...int) time.Time {
	at := time.Date(2024, time.January, day, 12, 0, 0, 0, time.UTC)
	if len(hour) > 0 {
		at = at.Add(time.Duration(hour[0]-12) * time.Hour)
	}
	return at
}

// days are the noons of several days.
func days(days ...int) (all []time.Time) {
	for _, day := range days {
		all = append(all, january(day))
	}
	return all
}

// play returns a game with documents beside two activities, a currency and two tags, and two users who are red.
func play(t *testing.T, docs ...content.Document) *game {
	t.Helper()
	return playOn(t, memory.New(), docs...)
}

func playOn(t *testing.T, st store.Store, docs ...content.Document) *game {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return playWith(t, founded(t, st, "acme", january(0)), docs...)
}

// playWith returns a game in a world that is empty.
func playWith(t *testing.T, w *world, docs ...content.Document) *game {
	t.Helper()
	g := &game{world: w, t: t}
	g.publish(guerdontest.Activity("run"), guerdontest.Activity("swim"), guerdontest.Currency("points"), guerdontest.Tag("team", "red"), guerdontest.Tag("kind", "goal"))
	g.publish(docs...)
	for _, id := range []string{"ada", "bob"} {
		_, err := g.Users.Create(t.Context(), tenancy.NewUser{ID: id, Tags: []tenancy.Tagging{{TagID: "red"}}})
		require.NoError(t, err)
	}
	return g
}

// publish puts documents in force.
func (g *game) publish(docs ...content.Document) {
	g.t.Helper()
	b, err := guerdon.Bundle(docs...)
	require.NoError(g.t, err)
	_, err = g.Import(g.t.Context(), b)
	require.NoError(g.t, err)
}

// event returns that a user runs.
func (g *game) event(userID string, at time.Time) event.Event {
	g.events++
	return run(fmt.Sprintf("%s-%s-%d", userID, at.Format("02T15"), g.events), userID, at)
}

// runs records that a user runs at each of the moments, one after the other, and returns the last outcome.
func (g *game) runs(userID string, at ...time.Time) (out guerdon.Outcome) {
	g.t.Helper()
	for _, at := range at {
		if at.After(*g.now.Load()) {
			g.set(at)
		}
		var err error
		out, err = g.Record(g.t.Context(), g.event(userID, at))
		require.NoError(g.t, err)
	}
	return out
}

// daily lets the clock cause what it does at the end of each day, up to a day.
func (g *game) daily(until int) {
	g.t.Helper()
	for at := january(0, 23); !at.After(january(until, 23)); at = at.AddDate(0, 0, 1) {
		if at.After(*g.now.Load()) {
			g.set(at)
			require.NoError(g.t, g.Advance(g.t.Context()))
		}
	}
}

// balance returns how many points a user has. The books must be in order.
func (g *game) balance(userID string) string {
	g.t.Helper()
	g.requireBooks(g.t)
	b, err := g.Economy.Balance(g.t.Context(), userID, "points")
	require.NoError(g.t, err)
	return b.Amount.String()
}

// count returns how long ada's streak is.
func (g *game) count(ruleID string) int {
	g.t.Helper()
	standing, err := g.Streaks.Current(g.t.Context(), "ada", ruleID)
	require.NoError(g.t, err)
	return standing.Count
}

// score returns what ada has on a board in the period of a moment, "" if nothing.
func (g *game) score(boardID string, at time.Time) string {
	g.t.Helper()
	top, err := g.Leaderboards.Top(g.t.Context(), boardID, 10, &leaderboard.At{Time: at})
	require.NoError(g.t, err)
	for _, row := range top.Rows {
		if row.EntityID == "ada" {
			return row.Score.String()
		}
	}
	return ""
}

// tagged picks the events of what carries a tag.
func tagged(id string) event.Matcher {
	return event.Matcher{Type: event.MatchTag, Entity: event.Tag, EntityID: id}
}

// every picks the events of a type.
func every(of event.Type) event.Matcher {
	return event.Matcher{Type: event.MatchEntity, Entity: string(of)}
}

// weekend is the condition that something happened on a Saturday or Sunday.
const weekend = `{">": [{"date_part": ["weekday", {"var": "completedAt"}, "UTC"]}, 5]}`

// team returns a goal for all who carry the tag red, and what assigns it.
func team(target string, mode missions.AssignmentMode) (*missions.Configuration, *missions.Rule) {
	goal := guerdontest.MissionConfiguration("crew", guerdontest.Doing("run"), target)
	goal.MissionType = missions.Group
	rule := guerdontest.MissionRule("crew", goal, "")
	rule.GroupTagID, rule.TimezoneType, rule.Timezone = "red", timeframe.Fixed, "UTC"
	if rule.AssignmentMode = mode; mode != missions.OnEvent {
		rule.EventMatchType, rule.EventMatchEntity, rule.EventMatchEntityID = "", "", ""
	}
	return goal, rule
}
