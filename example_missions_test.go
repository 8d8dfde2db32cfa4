package guerdon_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// How does a user get a mission before doing anything? A LAZY rule assigns it when the user's missions
// are asked for.
func Example_lazyMission() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "MissionConfiguration", "id": "long", "name": "Ten kilometres", "missionType": "INDIVIDUAL",
	   "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
	   "incrementExpression": {"var": "event.value"}, "targetAmountExpression": 10,
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Run ten kilometres"}]},
	  {"kind": "MissionRule", "id": "monthly", "name": "Every month", "missionType": "INDIVIDUAL", "missionConfigurationsPool": ["long"],
	   "timeframeType": "RECURRING", "recurrence": "MONTHLY", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
	   "assignmentMode": "LAZY", "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	for _, km := range []string{"0", "4.2", "5.8"} {
		if km != "0" {
			_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run", Value: new(decimal.RequireFromString(km))})
			check(err)
		}
		list, err := ws.Missions.Evaluate(ctx, "ada")
		check(err)
		for _, m := range list {
			if m.RuleID == "monthly" {
				fmt.Println(m.PeriodID, m.CurrentAmount, "of", m.TargetAmount, m.IsCompleted)
			}
		}
	}
	// Output:
	// 2025-09 0 of 10 false
	// 2025-09 4.2 of 10 false
	// 2025-09 10 of 10 true
}

// How does a team have a goal together? A GROUP mission belongs to all who carry a tag.
func Example_groupMission() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob", "eve")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "Tag", "id": "red", "namespace": "team", "variant": "red", "defaultLang": "en", "translations": [{"lang": "en", "label": "Red"}]},
	  {"kind": "MissionConfiguration", "id": "together", "name": "Together", "missionType": "GROUP",
	   "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "targetAmountExpression": 2,
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Two runs of the team"}]},
	  {"kind": "MissionRule", "id": "red-week", "name": "Red, every week", "missionType": "GROUP", "groupTagId": "red",
	   "timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "Europe/Rome",
	   "timeframeStartsAt": "2020-01-01T00:00:00Z", "assignmentMode": "EVENT",
	   "eventMatchType": "INSTANCE", "eventMatchEntity": "Activity", "eventMatchEntityId": "run",
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	for _, id := range []string{"ada", "bob"} {
		_, err := ws.Users.AssignTags(ctx, id, tenancy.Tagging{TagID: "red"})
		check(err)
	}
	for _, id := range []string{"ada", "eve", "bob"} { // eve is in another team
		_, err := ws.Record(ctx, event.Event{UserID: id, EntityID: "run"})
		check(err)
	}
	list, _, err := ws.Missions.GroupList(ctx, "red", missions.Query{}, store.Page{})
	check(err)
	for _, m := range list {
		fmt.Println(m.PeriodID, m.CurrentAmount, "of", m.TargetAmount, "completed:", m.IsCompleted)
		contributions, _, err := ws.Missions.Contributions(ctx, m.ID, store.Page{Ascending: true})
		check(err)
		for _, c := range contributions {
			fmt.Println("-", c.UserID, c.Amount)
		}
	}
	// Output:
	// 2025-W40 2 of 2 completed: true
	// - ada 1
	// - bob 1
}

// How does a mission count points, such as those that somebody earns in a week? It matches the currency; its condition says which
// direction counts, and that what is taken back does not.
func Example_missionOverMoney() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "MissionConfiguration", "id": "earner", "name": "Earner", "missionType": "INDIVIDUAL",
	   "matchType": "INSTANCE", "matchEntity": "VirtualTransaction", "matchEntityId": "points",
	   "matchCondition": {"and": [{"==": [{"var": "direction"}, "CREDIT"]}, {"!": {"var": "reversalOf"}}]},
	   "incrementExpression": {"var": "amount"}, "targetAmountExpression": 50,
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Earn 50 points"}]},
	  {"kind": "MissionRule", "id": "earners", "name": "Earners", "missionType": "INDIVIDUAL", "missionConfigurationsPool": ["earner"],
	   "timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
	   "assignmentMode": "EVENT", "eventMatchType": "INSTANCE", "eventMatchEntity": "VirtualTransaction", "eventMatchEntityId": "points",
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	show := func() {
		m, err := ws.Missions.Mission(ctx, "ada:earners:earner:2025-W40")
		check(err)
		fmt.Println(m.CurrentAmount, "of", m.TargetAmount, m.IsCompleted)
	}
	_, err = ws.Economy.Grant(ctx, grant("ada", 20))
	check(err)
	show()
	_, err = ws.Economy.Transfer(ctx, "ada", grant("bob", 5)) // what is given away is not earned
	check(err)
	show()
	_, err = ws.Economy.Grant(ctx, grant("ada", 30))
	check(err)
	show()
	// Output:
	// 20 of 50 false
	// 20 of 50 false
	// 50 of 50 true
}

// How does a mission count friends, or places, and not how often? It counts each value of an expression once.
func Example_distinctMission() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob", "eve")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "MissionConfiguration", "id": "generous", "name": "Generous", "missionType": "INDIVIDUAL",
	   "matchType": "INSTANCE", "matchEntity": "VirtualTransaction", "matchEntityId": "points",
	   "matchCondition": {"and": [{"==": [{"var": "direction"}, "DEBIT"]}, {"==": [{"var": "counterpartType"}, "USER"]}, {"!": {"var": "reversalOf"}}]},
	   "distinctExpression": {"var": "counterpart"}, "targetAmountExpression": 2,
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Give something to two friends"}]}
	]}`))
	check(err)
	mission, err := ws.Missions.Create(ctx, missions.NewMission{ConfigurationID: "generous", UserID: "ada"})
	check(err)
	_, err = ws.Economy.Grant(ctx, grant("ada", 20))
	check(err)
	for _, friend := range []string{"bob", "bob", "eve"} {
		_, err := ws.Economy.Transfer(ctx, "ada", grant(friend, 1))
		check(err)
		m, err := ws.Missions.Mission(ctx, mission.ID)
		check(err)
		fmt.Println(friend, m.CurrentAmount, "of", m.TargetAmount, m.IsCompleted)
	}
	// Output:
	// bob 1 of 2 false
	// bob 1 of 2 false
	// eve 2 of 2 true
}

// How does a user see one's progress on several goals, and open a chapter with the one before? A mission has goals of its own, of which as many are needed as the
// author says; one that requires another waits until that is completed, and one that is hidden shows when it is begun.
func Example_missionOfSeveralGoals() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "MissionConfiguration", "id": "duathlon", "name": "Duathlon", "missionType": "INDIVIDUAL", "goalsNeeded": 2, "image": "https://example.org/duathlon.png",
	   "goals": [
	    {"id": "distance", "name": "Twelve kilometres", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
	     "incrementExpression": {"var": "event.value"}, "targetAmountExpression": 12},
	    {"id": "often", "name": "Two runs", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "targetAmountExpression": 2},
	    {"id": "rich", "name": "A hundred points", "matchType": "INSTANCE", "matchEntity": "VirtualTransaction", "matchEntityId": "points",
	     "matchCondition": {"==": [{"var": "direction"}, "CREDIT"]}, "incrementExpression": {"var": "amount"}, "targetAmountExpression": 100}
	   ], "defaultLang": "en", "translations": [{"lang": "en", "label": "Two of three"}]},
	  {"kind": "MissionConfiguration", "id": "secret", "name": "The secret run", "missionType": "INDIVIDUAL", "requires": ["duathlon"], "hidden": true,
	   "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "targetAmountExpression": 2,
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Two more runs"}]},
	  {"kind": "MissionRule", "id": "chapters", "name": "Chapters", "missionType": "INDIVIDUAL", "missionConfigurationsPool": ["duathlon", "secret"],
	   "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z", "assignmentMode": "LAZY",
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	_, err = ws.Missions.Evaluate(ctx, "ada")
	check(err)
	shown := missions.Query{State: timeframe.Active, Concealed: new(false)} // what ada is to see
	for _, km := range []string{"5", "8", "3"} {
		now = now.Add(time.Hour)
		_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run", Value: new(decimal.RequireFromString(km))})
		check(err)
		list, _, err := ws.Missions.List(ctx, "ada", shown, store.Page{})
		check(err)
		for _, m := range list {
			if m.RuleID != "chapters" {
				continue
			}
			fmt.Print(m.ConfigurationID, " ", m.CurrentAmount, " of ", m.TargetAmount)
			for _, g := range m.Goals {
				fmt.Print(", ", g.ID, " ", g.CurrentAmount, " of ", g.TargetAmount)
			}
			fmt.Println()
		}
	}
	// Output:
	// duathlon 0 of 2, distance 5 of 12, often 1 of 2, rich 1 of 100
	// duathlon 2 of 2, distance 13 of 12, often 2 of 2, rich 1 of 100
	// secret 1 of 2
	// duathlon 2 of 2, distance 13 of 12, often 2 of 2, rich 1 of 100
}

// How does everybody get a mission at a time of the day? A rule with a schedule assigns it when the
// clock has reached that time and the host calls Advance.
func Example_scheduledMission() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "MissionRule", "id": "lunch", "name": "At noon", "missionType": "INDIVIDUAL", "missionConfigurationsPool": ["three"],
	   "timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "Europe/Rome",
	   "timeframeStartsAt": "2020-01-01T00:00:00Z", "assignmentMode": "SCHEDULED_PUSH", "scheduleCron": "0 12 * * MON-FRI",
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	for range 2 {
		check(ws.Advance(ctx))
		list, _, err := ws.Missions.List(ctx, "bob", missions.Query{}, store.Page{})
		check(err)
		fmt.Println(now.Format("15:04"), len(list), "missions")
		now = now.Add(time.Hour) // 12:00 in Rome
	}
	// Output:
	// 09:00 0 missions
	// 10:00 1 missions
}

// Do amounts add up? In decimals, yes: ten times 0.1 completes a target of 1.
func Example_exactNumbers() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "MissionConfiguration", "id": "one", "name": "One", "missionType": "INDIVIDUAL",
	   "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
	   "incrementExpression": 0.1, "targetAmountExpression": 1,
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "One"}]}
	]}`))
	check(err)
	mission, err := ws.Missions.Create(ctx, missions.NewMission{ConfigurationID: "one", UserID: "ada"}) // by hand, without a rule
	check(err)
	for range 10 {
		_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
		check(err)
	}
	mission, err = ws.Missions.Mission(ctx, mission.ID)
	check(err)
	fmt.Println(mission.CurrentAmount, mission.IsCompleted)
	// Output: 1 true
}
