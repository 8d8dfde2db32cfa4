package guerdon_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A streak of days with a run, on the user's own clock.
const daily = `{"documents": [
  {"kind": "StreakConfiguration", "id": "runs", "name": "Runs", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
   "defaultLang": "en", "translations": [{"lang": "en", "label": "Days with a run"}]},
  {"kind": "StreakRule", "id": "daily", "name": "Every day", "streakConfigurationId": "runs", "cadence": "DAY", "metric": "DAYS",
   "freezeEnabled": false, "goalTargets": [2, 4],
   "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
   "defaultLang": "en", "translations": [{"lang": "en", "name": "Every day"}]}
]}`

// When does a day end? At midnight where the user lives, also where no midnight exists: in Cairo the
// clock leaps over that of 24 April 2026.
func Example_streakAcrossTimeZones() {
	ctx, now := context.Background(), time.Date(2026, time.April, 26, 0, 0, 0, 0, time.UTC)
	ws := play(ctx, &now)
	_, err := ws.Import(ctx, []byte(daily))
	check(err)
	for id, zone := range map[string]string{"ada": "Africa/Cairo", "bob": "America/Los_Angeles"} {
		_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: id, Timezone: zone})
		check(err)
		for _, at := range []string{"2026-04-23T07:30:00Z", "2026-04-23T23:30:00Z", "2026-04-25T06:30:00Z"} {
			at, err := time.Parse(time.RFC3339, at)
			check(err)
			_, err = ws.Record(ctx, event.Event{UserID: id, EntityID: "run", At: at})
			check(err)
		}
	}
	for _, id := range []string{"ada", "bob"} {
		standing, err := ws.Streaks.Current(ctx, id, "daily")
		check(err)
		fmt.Println(id, "longest streak", standing.Longest)
	}
	// Output:
	// ada longest streak 3
	// bob longest streak 2
}

// What if a user misses a day? If the rule allows, a freeze is paid for it when the host calls Advance,
// or when the user is back.
func Example_freezes() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(daily))
	check(err)
	rule, err := ws.Streaks.Rules.Get(ctx, "daily")
	check(err)
	rule.FreezeEnabled, rule.FreezeVirtualCurrencyID, rule.FreezeCostExpression = nil, "points", []byte("2")
	_, err = ws.Streaks.Rules.Update(ctx, rule)
	check(err)
	_, err = ws.Streaks.Rules.Publish(ctx, "daily")
	check(err)
	_, err = ws.Economy.Grant(ctx, []economy.Grant{{DestinationUserID: "ada", CurrencyID: "points", Amount: decimal.NewFromInt(3)}})
	check(err)
	_, err = ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"}) // and a point for it
	check(err)
	for _, days := range []int{0, 2, 3, 4} {
		now = monday.AddDate(0, 0, days)
		check(ws.Advance(ctx))
		standing, err := ws.Streaks.Current(ctx, "ada", "daily")
		check(err)
		balance, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println(now.Weekday(), standing.Status, standing.Count, "points:", balance.Amount)
	}
	// Output:
	// Monday ACTIVE 1 points: 4
	// Wednesday ACTIVE 1 points: 2
	// Thursday ACTIVE 1 points: 0
	// Friday BROKEN 0 points: 4
}

// How do I keep freezes from costing more than users want? A rule bounds how many days in a row and of a month are
// frozen, and may ask for consent: what a user says goes for days that are over later. What a gap that is too long
// would have cost is given back, and Explain names what kept it from being frozen.
func Example_freezePolicy() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(daily))
	check(err)
	rule, err := ws.Streaks.Rules.Get(ctx, "daily")
	check(err)
	rule.FreezeEnabled, rule.FreezeVirtualCurrencyID = nil, "points"
	rule.FreezeMaxInARow, rule.FreezeMaxPerMonth, rule.FreezeConsent = 1, 4, streaks.ByUser
	_, err = ws.Streaks.Rules.Update(ctx, rule)
	check(err)
	_, err = ws.Streaks.Rules.Publish(ctx, "daily")
	check(err)
	_, err = ws.Streaks.SetFreezeConsent(ctx, "ada", "daily", true)
	check(err)
	for _, days := range []int{0, 2, 5} { // one day is missed, then two
		now = monday.AddDate(0, 0, days)
		_, err = ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"}) // and a point for it, and ten for three
		check(err)
		standing, err := ws.Streaks.Current(ctx, "ada", "daily")
		check(err)
		balance, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println(now.Weekday(), "streak", standing.Count, "points", balance.Amount)
	}
	entries, err := ws.Journal(ctx, 0)
	check(err)
	for _, e := range entries {
		if len(e.Outcome.Streaks) > 0 && e.Outcome.Streaks[0].Kind == streaks.Missed {
			why, err := ws.Explain(ctx, e.Event.ID, "StreakRule", "daily")
			check(err)
			fmt.Println(why.Checks[1])
		}
	}
	// Output:
	// Monday streak 1 points 1
	// Wednesday streak 2 points 1
	// Saturday streak 1 points 12
	// yes  freezeMaxInARow: 2025-10-02 was not frozen: at most 1 in a row may be
}

// How far is it to the next goal? Goals are lengths that a streak reaches; a break begins them anew.
func Example_goals() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(daily))
	check(err)
	for range 3 {
		out, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
		check(err)
		for _, goal := range out.Streaks[0].Goals {
			fmt.Println("reached", goal.Target, "on", now.Weekday())
		}
		now = now.AddDate(0, 0, 1)
	}
	goals, _, err := ws.Streaks.Streaks(ctx, "ada", streaks.Query{PeriodType: streaks.ByGoal, RuleID: "daily"}, store.Page{})
	check(err)
	for _, g := range goals {
		fmt.Println(g.Count, "of", g.Target, g.Status)
	}
	// Output:
	// reached 2 on Tuesday
	// 3 of 4 ACTIVE
	// 2 of 2 COMPLETED
}
