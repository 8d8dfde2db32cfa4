package proof_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// verdict is the line of the last check, or "moved".
func (w *world) verdict(t testing.TB, eventID, kind, id string) string {
	t.Helper()
	x, err := w.Explain(t.Context(), eventID, kind, id)
	require.NoError(t, err)
	if x.Moved {
		return "moved by " + x.EventID
	}
	return x.Checks[len(x.Checks)-1].String()
}

// record records an event of ada's, a minute after the last.
func (w *world) record(t testing.TB, id, entityID string, value int64) guerdon.Outcome {
	t.Helper()
	w.set(w.now.Load().Add(time.Minute))
	out, err := w.Record(t.Context(), event.Event{ID: id, UserID: "ada", EntityID: entityID, Value: new(decimal.NewFromInt(value))})
	require.NoError(t, err)
	return out
}

// tester is a test, or a check of a property.
type tester interface {
	require.TestingT
	Helper()
	Context() context.Context
}

// publish makes documents the ones in force, a minute after what was last.
func (w *world) publish(t tester, docs ...object) {
	t.Helper()
	w.set(w.now.Load().Add(time.Minute))
	_, err := w.Import(t.Context(), bundle(t, docs...))
	require.NoError(t, err)
}

func TestExplainTheGame(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		for _, id := range []string{"e0", "e1", "e2", "e3"} {
			w.record(t, id, "run", 1)
		}
		for _, c := range []struct{ event, kind, id, want string }{
			{"e0", "MissionRule", "weekly", "moved by e0"},
			{"e1", "MissionRule", "weekly", "no   periodId: the rule was evaluated for 2025-W40 before, at 2025-09-29T09:01:00Z because of event e0, and assigned ada:weekly:three:2025-W40"},
			{"e0", "MissionConfiguration", "three", "moved by e0"},
			{"e2", "MissionConfiguration", "three", "moved by e2"},
			{"e3", "MissionConfiguration", "three", "no   isCompleted: it had been completed at 2025-09-29T09:03:00Z by event e2"},
			{"e1", "RewardRule", "per-week", "no   matchEntity: the event is about Activity run, not about a Mission"},
			{"e2", "RewardRule", "per-week", "moved by ada:weekly:three:2025-W40:completed"},
			{"e0", "StreakRule", "daily", "moved by e0"},
			{"e3", "StreakRule", "daily", "no   day: 2025-09-29 in America/New_York had been counted already, since 2025-09-29T09:01:00Z"},
			{"e3", "RuntimeLeaderboard", "monthly", "moved by e3:per-run:0:completed"},
		} {
			require.Equal(t, c.want, w.verdict(t, c.event, c.kind, c.id), "%s %s %s", c.event, c.kind, c.id)
		}
	})
}

func TestExplainRefuses(t *testing.T) {
	w := newWorld(t, memory.New())
	w.record(t, "e0", "run", 1)
	for _, c := range []struct {
		event, kind, id string
		of              error
		field, says     string
	}{
		{"e0", "Activity", "run", fault.ErrInvalid, "kind", "StreakRule"},
		{"e1", "RewardRule", "per-run", fault.ErrNotFound, "event", `"e1"`},
		{"e0", "RewardRule", "nope", fault.ErrNotFound, "RewardRule", `"nope"`},
	} {
		_, err := w.Explain(t.Context(), c.event, c.kind, c.id)
		require.ErrorIs(t, err, c.of)
		require.ErrorContains(t, err, c.says)
		e, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, c.field, e.Field)
	}
	_, err := (&guerdon.Workspace{}).Explain(t.Context(), "e0", "RewardRule", "per-run")
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestExplainByTheVersionsThatDecided(t *testing.T) {
	w := newWorld(t, memory.New())
	w.record(t, "before", "run", 1)
	rule := func(least int) object {
		return document("RewardRule", "big", object{
			"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": object{">=": []any{variable("event.value"), least}},
			"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
		})
	}
	w.publish(t, rule(5))
	w.record(t, "first", "run", 3)
	w.publish(t, rule(2))
	w.record(t, "second", "run", 3)
	w.set(w.now.Load().Add(time.Minute))
	_, err := w.Economy.RewardRules.Archive(t.Context(), "big")
	require.NoError(t, err)
	w.record(t, "third", "run", 3)
	w.set(w.now.Load().Add(time.Minute))
	_, err = w.Economy.RewardRules.Unarchive(t.Context(), "big")
	require.NoError(t, err)
	w.record(t, "fourth", "run", 3)
	w.publish(t, rule(1))
	w.record(t, "fifth", "run", 3)
	for id, want := range map[string]string{
		"before": "event before did not move RewardRule big\n  no   published: it was not published when the event was recorded",
		"first":  "event first did not move RewardRule big (version 1)\n  yes  matchEntity: the event is about Activity run, and any Activity counts\n  yes  applicationMode: it is ALWAYS\n  no   matchCondition: event.value >= 5 is false: event.value is 3",
		"second": "event second moved RewardRule big (version 2)",
		"third":  "event third did not move RewardRule big\n  no   published: it was not published when the event was recorded",
		"fourth": "event fourth did not move RewardRule big\n  no   published: it was not published when the event was recorded",
		"fifth":  "event fifth moved RewardRule big (version 3)",
	} {
		x, err := w.Explain(t.Context(), id, "RewardRule", "big")
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(x.String(), want), "%s", x)
	}
}

// A mission that is running goes on by the version that it copied, whatever becomes of its configuration.
func TestExplainMissionsThatGoOn(t *testing.T) {
	w := newWorld(t, memory.New())
	w.record(t, "e0", "run", 1)
	_, err := w.Missions.Configurations.Archive(t.Context(), "three")
	require.ErrorIs(t, err, fault.ErrConflict, "a rule needs it")
	_, err = w.Missions.Rules.Archive(t.Context(), "weekly")
	require.NoError(t, err)
	_, err = w.Missions.Configurations.Archive(t.Context(), "three")
	require.NoError(t, err)
	w.record(t, "e1", "run", 1)
	x, err := w.Explain(t.Context(), "e1", "MissionConfiguration", "three")
	require.NoError(t, err)
	require.True(t, x.Moved)
	require.Equal(t, 1, x.Version)
	w.record(t, "e2", "swim", 1)
	require.Equal(t, "no   published: it was not published, and no mission of it was running", w.verdict(t, "e2", "MissionConfiguration", "three"))
}

func TestExplainByTheUserOfThen(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	_, err := w.Users.Create(ctx, tenancy.NewUser{ID: "kim", Nickname: "Kimmy", ExternalID: "kim@example.org", Timezone: "Asia/Tokyo"})
	require.NoError(t, err)
	w.publish(t,
		document("RewardRule", "east", object{
			"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": object{"==": []any{variable("user.timezone"), "Asia/Tokyo"}},
			"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
		}),
		document("RewardRule", "named", object{
			"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": object{"!!": variable("user.nickname")},
			"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
		}))
	_, err = w.Record(ctx, run("e0", "kim", w.now.Load().UTC()))
	require.NoError(t, err)
	_, err = w.Users.Anonymise(ctx, "kim")
	require.NoError(t, err)

	require.Equal(t, "moved by e0", w.verdict(t, "e0", "RewardRule", "east"))
	x, err := w.Explain(ctx, "e0", "RewardRule", "named")
	require.NoError(t, err)
	require.True(t, x.Moved, "that is what the outcome says")
	require.Equal(t, "no   matchCondition: user.nickname is absent; user.nickname is not kept with the event", x.Checks[len(x.Checks)-1].String())
	entries, err := w.Journal(ctx, 0)
	require.NoError(t, err)
	require.NotContains(t, jsonOf(t, entries), "Kimmy")
	require.NotContains(t, jsonOf(t, entries), "kim@example.org")
}

func TestExplainIsPartOfATransaction(t *testing.T) {
	w := newWorld(t, memory.New())
	require.NoError(t, w.Update(t.Context(), func(_ context.Context, ws *guerdon.Workspace) error {
		if _, err := ws.Record(t.Context(), run("e0", "ada", start)); err != nil {
			return err
		}
		x, err := ws.Explain(t.Context(), "e0", "RewardRule", "per-run")
		require.True(t, x.Moved)
		return err
	}))
}

// Each case publishes documents, records two events, and says why the second did not move the last
// document.
func TestExplainNamesWhatStopped(t *testing.T) {
	always := object{"timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z"}
	mission := func(id string, more object) object {
		return document("MissionConfiguration", id, merge(object{
			"missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity", "targetAmountExpression": 10,
		}, more))
	}
	assigns := func(id string, more object) object {
		return document("MissionRule", id, merge(object{
			"missionType": "INDIVIDUAL", "assignmentMode": "EVENT", "missionConfigurationsPool": []string{"goal"},
			"eventMatchType": "ENTITY", "eventMatchEntity": "Activity",
		}, always, more))
	}
	pays := func(id string, more object) object {
		return document("RewardRule", id, merge(object{
			"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "Activity",
			"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
		}, more))
	}
	reward := func(currency string, expression any) object {
		return object{"rewards": []object{{"virtualCurrencyId": currency, "redemptionMode": "AUTO", "expression": expression}}}
	}
	streak := func(more object) []object {
		return []object{
			document("StreakConfiguration", "some", object{"matchType": "ENTITY", "matchEntity": "Activity"}),
			document("StreakRule", "x", merge(object{"streakConfigurationId": "some", "cadence": "DAY", "metric": "DAYS", "freezeEnabled": false}, always, more)),
		}
	}
	board := func(query, more object) []object {
		return []object{
			document("RuntimeLeaderboardConfiguration", "some", object{"query": merge(object{
				"source": "activity_logs", "entityId": "userId", "score": object{"sum": variable("value")},
			}, query)}),
			document("RuntimeLeaderboard", "x", merge(object{"runtimeLeaderboardConfigurationId": "some"}, always, more)),
		}
	}
	big := object{">": []any{variable("event.value"), 5}}
	past := object{"timeframeType": "RANGE", "timeframeEndsAt": "2025-01-01T00:00:00Z"}
	coming := object{"timeframeStartsAt": "2026-01-01T00:00:00Z"}
	for name, c := range map[string]struct {
		docs []object
		want string
	}{
		"lazy rule":     {[]object{mission("goal", nil), assigns("x", object{"assignmentMode": "LAZY", "eventMatchType": nil, "eventMatchEntity": nil})}, "assignmentMode: it is LAZY: the rule is evaluated when a user's missions are asked for, not because of events"},
		"other entity":  {[]object{mission("goal", nil), assigns("x", object{"eventMatchType": "INSTANCE", "eventMatchEntityId": "swim"})}, "eventMatchEntityId: the event is about Activity run, not about swim"},
		"tag":           {[]object{mission("goal", nil), assigns("x", object{"eventMatchType": "TAG", "eventMatchEntity": "Tag", "eventMatchEntityId": "outdoor"})}, "eventMatchEntityId: Activity run does not carry the tag outdoor"},
		"group":         {[]object{mission("goal", object{"missionType": "GROUP"}), assigns("x", object{"missionType": "GROUP", "groupTagId": "outdoor", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC"})}, "groupTagId: user ada is not in the group of the tag outdoor"},
		"past rule":     {[]object{mission("goal", nil), assigns("x", past)}, "timeframeEndsAt: it ended at 2025-01-01T00:00:00Z, and the event happened at 2025-09-29T09:03:00Z"},
		"coming rule":   {[]object{mission("goal", nil), assigns("x", coming)}, "timeframeStartsAt: it begins at 2026-01-01T00:00:00Z, and the event happened at 2025-09-29T09:03:00Z"},
		"event":         {[]object{mission("goal", nil), assigns("x", object{"eventMatchCondition": big})}, "eventMatchCondition: event.value > 5 is false: event.value is 3"},
		"user":          {[]object{mission("goal", nil), assigns("x", object{"usersMatchCondition": object{"in": []any{"vip", variable("user.tags")}}})}, `usersMatchCondition: "vip" in user.tags is false: user.tags is []`},
		"candidates":    {[]object{mission("goal", nil), assigns("x", object{"missionsMatchCondition": object{"==": []any{variable("mission.name"), "other"}}, "eventMatchCondition": object{"==": []any{variable("event.value"), 3}}})}, `missionConfigurationsPool: goal is not picked (missionsMatchCondition: mission.name == "other" is false: mission.name is "goal")`},
		"target":        {[]object{mission("goal", object{"targetAmountExpression": object{"-": []any{variable("mission.currentAmount"), 1}}}), assigns("x", object{"eventMatchCondition": object{"==": []any{variable("event.value"), 3}}})}, "missionConfigurationsPool: goal is not picked (targetAmountExpression: mission.currentAmount - 1 is -1: mission.currentAmount is 0; it must be more than 0)"},
		"no mission":    {[]object{mission("x", nil)}, "startsAt: no mission of it had been assigned to user ada"},
		"mission's own": {[]object{assigns("r", object{"missionConfigurationsPool": []string{"x"}}), mission("x", object{"matchCondition": object{"<": []any{variable("mission.currentAmount"), 1}}})}, "matchCondition: mission.currentAmount < 1 is false: mission.currentAmount is 1"},
		"increment":     {[]object{assigns("r", object{"missionConfigurationsPool": []string{"x"}}), mission("x", object{"incrementExpression": variable("event.additionalData.km")})}, "incrementExpression: event.additionalData.km is absent; it gave null, which is not a number"},
		"disabled":      {[]object{pays("x", object{"applicationMode": "DISABLED"})}, "applicationMode: it is DISABLED"},
		"fallback":      {[]object{pays("x", object{"applicationMode": "FALLBACK"})}, "applicationMode: it is FALLBACK, and the event meets per-run, which is ALWAYS"},
		"limit":         {[]object{pays("x", object{"maxPerUser": 1, "per": "WEEK"})}, "maxPerUser: it had paid user ada as often as it may: 1 in 2025-W40"},
		"cap": {
			[]object{pays("x", object{"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 2, "maxAmountPerUser": 3, "per": "WEEK"}}})},
			"maxAmountPerUser: rejected: 2 points, as it had paid user ada 2 of at most 3 in 2025-W40",
		},
		"nothing to pay": {[]object{pays("x", reward("points", object{"-": []any{3, variable("event.value")}}))}, "rewards[0].expression: 3 - event.value is 0: event.value is 3; it must be more than 0"},
		"no amount":      {[]object{pays("x", object{"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": variable("event.outcome")}, {"virtualCurrencyId": "gems", "redemptionMode": "AUTO", "expression": 0}}})}, "rewards: rewards[0].expression: event.outcome is absent; it gave null, which is not a number; rewards[1].expression: it is 0; it must be more than 0"},
		"bound":          {[]object{pays("x", reward("gems", 2))}, `maxAllowedBalance: rejected: economy: user "ada" has 2 of "gems", a change by 2 would cross the bound of 3`},
		"past streak":    {streak(past), "timeframeEndsAt: it ended at 2025-01-01T00:00:00Z, and the event happened at 2025-09-29T09:03:00Z"},
		"streak's user":  {streak(object{"usersMatchCondition": object{"==": []any{variable("user.timezone"), "UTC"}}}), `usersMatchCondition: user.timezone == "UTC" is false: user.timezone is "America/New_York"`},
		"day":            {streak(nil), "day: 2025-09-29 in America/New_York had been counted already, since 2025-09-29T09:02:00Z"},
		"source":         {board(object{"source": "quiz_logs"}, nil), "query.source: it counts quiz_logs, and the event is of type Activity"},
		"where":          {board(object{"where": big}, nil), "query.where: event.value > 5 is false: event.value is 3"},
		"score":          {board(object{"score": object{"sum": variable("additionalData.km")}}, nil), "query.score.sum: additionalData.km is absent; it gave null, which is not a number"},
		"null":           {board(object{"score": object{"count": variable("outcome")}}, nil), "query.score.count: outcome is absent; null does not count"},
		"entity":         {board(object{"entityId": object{"tagNamespace": "place"}}, nil), "query.entityId: user ada carried no tag of the namespace place"},
		"coming board":   {board(nil, coming), "timeframeType: the event happened at 2025-09-29T09:03:00Z, outside of the timeframe"},
		"not the best":   {board(object{"score": object{"min": variable("value")}}, nil), "score: the score was 3 or less already"},
		"known value":    {board(object{"score": object{"count_distinct": variable("entityId")}}, nil), "score: the value had been counted already"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, memory.New())
			w.publish(t, c.docs...)
			w.record(t, "e1", "run", 1)
			w.record(t, "e2", "run", 3)
			last := c.docs[len(c.docs)-1]
			require.Equal(t, "no   "+c.want, w.verdict(t, "e2", last["kind"].(string), "x"))
		})
	}
}

func TestExplainPeriodThatIsClosed(t *testing.T) {
	w := newWorld(t, memory.New())
	w.publish(t,
		document("RuntimeLeaderboardConfiguration", "some", object{"query": object{"source": "activity_logs", "entityId": "userId", "score": object{"sum": variable("value")}}}),
		document("RuntimeLeaderboard", "x", object{
			"runtimeLeaderboardConfigurationId": "some", "timeframeType": "RECURRING", "recurrence": "DAILY",
			"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-09-01T00:00:00Z",
		}))
	w.record(t, "e1", "run", 1)
	w.set(start.AddDate(0, 0, 1))
	require.NoError(t, w.Advance(t.Context()))
	_, err := w.Record(t.Context(), run("late", "ada", start))
	require.NoError(t, err)
	require.Equal(t, "moved by e1", w.verdict(t, "e1", "RuntimeLeaderboard", "x"))
	require.Equal(t, "no   periodId: DAILY-2025-09-29T00:00:00.000Z-2025-09-30T00:00:00.000Z had ended and was closed for good",
		w.verdict(t, "late", "RuntimeLeaderboard", "x"))
}

// A mission that has no target when an event comes may be given one by a later event.
func TestExplainTargetThatWasFixedLater(t *testing.T) {
	w := newWorld(t, memory.New())
	w.publish(t, document("MissionConfiguration", "x", object{
		"missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity",
		"targetAmountExpression": object{"if": []any{object{"in": []any{"outdoor", variable("user.tags")}}, 5, 0}},
	}))
	_, err := w.Missions.Create(t.Context(), missions.NewMission{ConfigurationID: "x", UserID: "ada", StartsAt: start.Add(time.Hour)})
	require.NoError(t, err)
	w.record(t, "early", "run", 1)
	w.set(start.Add(2 * time.Hour))
	w.record(t, "e1", "run", 1)
	_, err = w.Users.AssignTags(t.Context(), "ada", tenancy.Tagging{TagID: "outdoor"})
	require.NoError(t, err)
	w.record(t, "e2", "run", 1)
	require.Equal(t, "no   startsAt: mission ada::x:PERMANENT begins at 2025-09-29T10:00:00Z, after the event", w.verdict(t, "early", "MissionConfiguration", "x"))
	require.Contains(t, w.verdict(t, "e1", "MissionConfiguration", "x"), "no   targetAmountExpression: if(")
	require.Equal(t, "moved by e2", w.verdict(t, "e2", "MissionConfiguration", "x"))
}

func TestExplainGroupMission(t *testing.T) {
	w := newWorld(t, memory.New())
	w.publish(t,
		document("MissionConfiguration", "goal", object{"missionType": "GROUP", "matchType": "ENTITY", "matchEntity": "Activity", "targetAmountExpression": 2}),
		document("MissionRule", "x", object{
			"missionType": "GROUP", "groupTagId": "outdoor", "assignmentMode": "EVENT", "missionConfigurationsPool": []string{"goal"},
			"eventMatchType": "ENTITY", "eventMatchEntity": "Activity",
			"timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2020-01-01T00:00:00Z",
		}))
	for _, user := range []string{"ada", "bob"} {
		_, err := w.Users.AssignTags(t.Context(), user, tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
	}
	now := *w.now.Load()
	later := now.Add(time.Minute)
	outcomes, err := w.RecordBatch(t.Context(), []event.Event{
		run("e1", "bob", now), run("e2", "ada", later), run("e3", "bob", later), run("e4", "eve", later),
	})
	require.NoError(t, err)
	require.Len(t, outcomes, 4)
	require.Equal(t, "moved by e1", w.verdict(t, "e1", "MissionRule", "x"))
	require.Contains(t, w.verdict(t, "e2", "MissionRule", "x"), "because of event e1")
	require.Equal(t, "moved by e3", w.verdict(t, "e3", "MissionConfiguration", "goal"), "a group goes on counting")
	require.Equal(t, "no   startsAt: no mission of it had been assigned to user eve", w.verdict(t, "e4", "MissionConfiguration", "goal"))
}

// A group's mission that was assigned afterwards, and then counts what had happened before, explains nothing that happened
// without it: neither of what it counts nor of what its completion pays.
func TestExplainKnowsNothingOfAGroupMissionThatCameLater(t *testing.T) {
	w := newWorld(t, memory.New())
	w.publish(t,
		document("MissionConfiguration", "goal", object{"missionType": "GROUP", "matchType": "ENTITY", "matchEntity": "Activity"}),
		document("MissionRule", "x", object{
			"missionType": "GROUP", "groupTagId": "outdoor", "assignmentMode": "LAZY", "missionConfigurationsPool": []string{"goal"},
			"timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2020-01-01T00:00:00Z",
		}),
		document("RewardRule", "paid", object{
			"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "Mission",
			"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 1}},
		}))
	for _, user := range []string{"ada", "bob"} {
		_, err := w.Users.AssignTags(t.Context(), user, tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
	}
	w.record(t, "e1", "run", 1)
	const (
		counted = "no   startsAt: no mission of it had been assigned to user ada"
		paid    = "no   matchEntity: the event is about Activity run, not about a Mission"
	)
	require.Equal(t, counted, w.verdict(t, "e1", "MissionConfiguration", "goal"))
	require.Equal(t, paid, w.verdict(t, "e1", "RewardRule", "paid"))
	_, err := w.Missions.Evaluate(t.Context(), "bob")
	require.NoError(t, err)
	w.record(t, "e2", "run", 1)
	require.Equal(t, counted, w.verdict(t, "e1", "MissionConfiguration", "goal"))
	require.Equal(t, paid, w.verdict(t, "e1", "RewardRule", "paid"))
	require.Equal(t, "moved by e2", w.verdict(t, "e2", "MissionConfiguration", "goal"))
}

// What an event moves of others, who turn out to have done something before that counts since, is not because it came late.
func TestExplainWhatItMovedOfOthers(t *testing.T) {
	goal, rule := team("1", missions.Lazy)
	g := play(t, goal, rule, guerdontest.RewardRule("ten", guerdontest.Completing("crew"), "points", "10"))
	g.runs("bob", january(1))
	g.runs("ada", january(2))
	_, err := g.Missions.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	entries, err := g.Journal(t.Context(), 0)
	require.NoError(t, err)
	last := entries[len(entries)-1]
	require.Equal(t, "10", g.balance("bob"))
	x, err := g.Explain(t.Context(), last.Event.ID, "RewardRule", "ten")
	require.NoError(t, err)
	require.True(t, x.Moved)
	require.Len(t, x.Checks, 1)
	require.Equal(t, "yes  userId: what had happened to others counts otherwise since", x.Checks[0].String())
}

// That a user's fold was folded again since, because another turned out to have completed the mission of their group, changes
// no explanation of what came after it and before that was known.
func TestExplainKnowsWhoHadCompletedAGroupMission(t *testing.T) {
	goal, rule := team("1", missions.OnEvent)
	rule.Type, rule.Recurrence = timeframe.Recurring, timeframe.Weekly
	done := guerdontest.StreakConfiguration("done", guerdontest.Completing("crew"))
	g := play(t, goal, rule, done, guerdontest.StreakRule("weeks", done))
	g.runs("ada", january(4), january(9))
	last := "ada-09T12-2"
	explained := func() string {
		x, err := g.Explain(t.Context(), last, "StreakRule", "weeks")
		require.NoError(t, err)
		require.True(t, x.Moved)
		return x.String()
	}
	before := explained()
	require.Contains(t, before, "iteration 2")
	g.runs("bob", january(2))
	require.Equal(t, before, explained())
}

// What an earlier event contributed since to the mission that an event had assigned to the group does not change why.
func TestExplainKnowsNothingOfEarlierContributionsThatCameLater(t *testing.T) {
	goal, rule := team("1", missions.OnEvent)
	rule.EventMatchCondition = json.RawMessage(`{"==": [{"var": "event.userId"}, "ada"]}`)
	g := play(t, goal, rule, guerdontest.RewardRule("ten", guerdontest.Completing("crew"), "points", "10"))
	g.runs("bob", january(9))
	g.runs("ada", january(6))
	entries, err := g.Journal(t.Context(), 0)
	require.NoError(t, err)
	last := entries[len(entries)-1].Event.ID
	explained := func() string {
		x, err := g.Explain(t.Context(), last, "RewardRule", "ten")
		require.NoError(t, err)
		return x.String()
	}
	before := explained()
	require.Contains(t, before, "completed:ada moved RewardRule ten")
	g.runs("ada", january(4))
	require.Equal(t, before, explained())
}

// Of an activity in a path, Explain says what is missing when it is done, not before.
func TestExplainActivityInAPath(t *testing.T) {
	w := newWorld(t, memory.New())
	items := []object{{"itemId": "quiz", "itemType": "quiz"}}
	for _, id := range []string{"walk", "run", "swim"} {
		items = slices.Insert(items, 0, object{"itemId": id, "itemType": "activity"})
	}
	w.publish(t, document("Activity", "walk", nil), document("Quiz", "quiz", object{
		"difficulty": "EASY", "correctAnswer": "opt1", "placement": "STANDALONE",
		"translations": []object{{"lang": "en", "question": "What?", "opt1": "This", "opt2": "That"}},
	}),
		document("LearningPath", "p", object{"estimatedDuration": 1, "items": items}),
		document("LearningPathRule", "all", object{
			"ruleType": "ASSIGN", "assignmentMode": "LAZY", "learningPathsPool": []string{"p"},
			"timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
		}))
	_, err := w.Learning.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	w.record(t, "e1", "run", 1)
	w.record(t, "e2", "swim", 1)
	w.record(t, "e3", "walk", 1)
	require.Contains(t, w.verdict(t, "e3", "LearningPath", "p"), "quiz is not begun")
}

// An assignment that does not follow after all is no step on its path.
func TestExplainPathThatIsNoLongerAssigned(t *testing.T) {
	w := newWorld(t, memory.New())
	always := object{"timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z"}
	w.publish(t,
		document("LearningPath", "first", object{"estimatedDuration": 1, "items": []object{{"itemId": "run", "itemType": "activity"}}}),
		document("LearningPath", "next", object{"estimatedDuration": 1, "items": []object{{"itemId": "swim", "itemType": "activity"}}}),
		document("LearningPathRule", "goOn", merge(always, object{
			"ruleType": "ASSIGN", "assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "LearningPathLog",
			"learningPathsPool": []string{"next"},
		})))
	_, err := w.Learning.Assign(t.Context(), learning.NewAssignment{PathID: "first", UserID: "ada"})
	require.NoError(t, err)
	w.set(start.AddDate(0, 0, 3))
	for _, e := range []event.Event{run("second", "ada", start.AddDate(0, 0, 2)), run("before", "ada", start.AddDate(0, 0, 1))} {
		_, err := w.Record(t.Context(), e)
		require.NoError(t, err)
	}
	entry, err := w.Entry(t.Context(), "before")
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(entry.Outcome.Learning, func(c learning.Change) bool { return c.Undone && c.AssignmentID != "" }))
	x, err := w.Explain(t.Context(), "before", "LearningPath", "next")
	require.NoError(t, err)
	require.False(t, x.Moved, "%s", x)
}

// Who turns out to have begun before a path was published anew stays on the versions that judged it.
func TestExplainPathThatWasBegunBeforeItWasPublishedAnew(t *testing.T) {
	w := newWorld(t, memory.New())
	path := func(item string) object {
		return document("LearningPath", "p", object{"estimatedDuration": 1, "items": []object{{"itemId": item, "itemType": "activity"}}})
	}
	w.publish(t, path("swim"))
	made, err := w.Learning.Assign(t.Context(), learning.NewAssignment{PathID: "p", UserID: "ada"})
	require.NoError(t, err)
	w.set(start.AddDate(0, 0, 2))
	w.publish(t, path("run"))
	w.set(start.AddDate(0, 0, 3))
	_, err = w.Record(t.Context(), run("late", "ada", start.AddDate(0, 0, 1)))
	require.NoError(t, err)
	a, err := w.Learning.Assignment(t.Context(), made.ID, "")
	require.NoError(t, err)
	require.Equal(t, learning.Complete, a.Assignment.Progress)
	require.Equal(t, learning.Beginning{BeganAt: start.AddDate(0, 0, 1), VersionsOf: *w.now.Load()}, a.Assignment.Beginning)
	pins, err := w.Learning.Versions(t.Context(), made.ID)
	require.NoError(t, err)
	require.Contains(t, pins, content.Pin{Kind: "LearningPath", ID: "p", Version: 2})
	x, err := w.Explain(t.Context(), "late", "LearningPath", "p")
	require.NoError(t, err)
	require.True(t, x.Moved)
	require.Equal(t, 2, x.Version)
	for _, c := range x.Checks {
		require.True(t, c.Holds, "%s", x)
	}
}

// That a streak broke moves the boards that show how it is, or ask for its status, and no other.
func TestExplainBreakOfAStreak(t *testing.T) {
	w := newWorld(t, memory.New())
	board := func(id string, query object) []object {
		return []object{
			document("RuntimeLeaderboardConfiguration", id, object{"query": merge(object{"source": "streaks", "entityId": "userId"}, query)}),
			document("RuntimeLeaderboard", id, object{
				"runtimeLeaderboardConfigurationId": id, "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC",
				"timeframeStartsAt": "2020-01-01T00:00:00Z",
			}),
		}
	}
	broken := object{"==": []any{variable("status"), "BROKEN"}}
	w.publish(t, slices.Concat(
		board("now", object{"score": object{"last": variable("count")}}),
		board("breaks", object{"score": object{"count": variable("count")}, "where": broken}),
		board("days", object{"score": object{"sum": 1}}))...)
	w.record(t, "e1", "run", 1)
	w.set(w.now.Load().AddDate(0, 0, 3))
	head := w.head(t)
	require.NoError(t, w.Advance(t.Context()))
	told := w.users(t, head)
	require.Len(t, told, 1)
	for id, want := range map[string]string{
		"now": "moved by streak:daily:ada:broken:2025-09-30", "breaks": "moved by streak:daily:ada:broken:2025-09-30",
		"days": "no   query.score: what is over counts for who asks for the status, the state or the direction, or for the last count of a streak",
	} {
		require.Equal(t, want, w.verdict(t, told[0].Event.ID, "RuntimeLeaderboard", id), id)
	}
}

// Of several payments for one event, the one that gave a board its score moved it.
func TestExplainNamesThePaymentThatGaveAScore(t *testing.T) {
	w := newWorld(t, memory.New())
	w.publish(t, slices.Concat(
		weekly("best", object{"source": "virtual_transactions", "score": object{"max": variable("amount")}}),
		weekly("extra", object{"source": "virtual_transactions", "score": object{"sum": object{"-": []any{variable("amount"), 3}}}}),
		[]object{payingRule("base", 3, nil), payingRule("bonus", variable("value"), nil)})...)
	w.record(t, "e1", "swim", 5)
	w.record(t, "e2", "swim", 7)
	for _, board := range []string{"best", "extra"} { // the base is less than before, and nothing
		require.Equal(t, "moved by e2:bonus:0:completed", w.verdict(t, "e2", "RuntimeLeaderboard", board), board)
	}
}

// A rule sees of the missions that the same event has assigned before what they have counted by then.
func TestRulesOfOneEventSeeWhatOthersCaughtUp(t *testing.T) {
	w := newWorld(t, memory.New())
	rule := func(id, configuration string, more object) object {
		return document("MissionRule", id, merge(object{
			"missionType": "INDIVIDUAL", "missionConfigurationsPool": []string{configuration}, "assignmentMode": "EVENT",
			"eventMatchType": "INSTANCE", "eventMatchEntity": "Activity", "eventMatchEntityId": "swim",
			"timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
		}, more))
	}
	counts := object{"missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "swim", "targetAmountExpression": 9}
	rested := object{"none": []any{variable("activeMissions"), object{">": []any{variable("currentAmount"), 1}}}}
	w.record(t, "e0", "swim", 1)
	w.record(t, "e1", "swim", 1)
	w.publish(t,
		document("MissionConfiguration", "first", counts), document("MissionConfiguration", "second", counts),
		rule("a", "first", nil), rule("b", "second", object{"usersMatchCondition": rested}))
	out := w.record(t, "e2", "swim", 1)
	require.Len(t, out.Missions, 1)
	require.Equal(t, "first", out.Missions[0].ConfigurationID)
	require.Equal(t, "2", out.Missions[0].Earlier.String())
	require.Equal(t, "moved by e2", w.verdict(t, "e2", "MissionRule", "a"))
	require.Contains(t, w.verdict(t, "e2", "MissionRule", "b"), "no   usersMatchCondition: activeMissions.0.currentAmount > 1 is true")
}

// A board goes on with the configuration with which it opened, also after it has opened anew.
func TestExplainByTheConfigurationWithWhichABoardHadOpened(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		runs := func(least int) object {
			return document("RuntimeLeaderboardConfiguration", "far", object{"query": object{
				"source": "activity_logs", "entityId": "userId", "where": object{">=": []any{variable("value"), least}}, "score": object{"sum": variable("value")},
			}})
		}
		board := func(starts string) object {
			return document("RuntimeLeaderboard", "far", object{
				"runtimeLeaderboardConfigurationId": "far", "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED",
				"timeframeTimezone": "UTC", "timeframeStartsAt": starts,
			})
		}
		for i, docs := range [][]object{{runs(1), board("2020-01-01T00:00:00Z")}, {runs(5)}, {board("2021-01-01T00:00:00Z")}} {
			w.set(start.Add(time.Duration(i) * time.Hour))
			_, err := w.Import(ctx, bundle(t, docs...))
			require.NoError(t, err)
			e := run(fmt.Sprint("e", i), "ada", w.now.Load().Add(time.Minute))
			e.Value = new(decimal.NewFromInt(3))
			w.set(e.At)
			_, err = w.Record(ctx, e)
			require.NoError(t, err)
		}
		for id, moved := range map[string]bool{"e0": true, "e1": true, "e2": false} {
			x, err := w.Explain(ctx, id, "RuntimeLeaderboard", "far")
			require.NoError(t, err)
			require.Equal(t, moved, x.Moved, "%s", x)
			last := x.Checks[len(x.Checks)-1]
			require.Equal(t, moved, last.Holds, "%s", x)
			require.Equal(t, map[bool]string{true: "score", false: "query.where"}[moved], last.Name, "%s", x)
		}
	})
}

// What a rule has paid moves with its event also when the rule is out of use.
func TestExplainWhatAnArchivedRulePaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	for _, id := range []string{"e0", "e1", "e2"} { // completes the mission of the week
		w.record(t, id, "run", 1)
	}
	_, err := w.Economy.RewardRules.Archive(t.Context(), "per-week")
	require.NoError(t, err)
	w.set(w.now.Load().Add(time.Minute))
	out, err := w.Record(t.Context(), run("late", "ada", start.Add(-time.Hour)))
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(out.Transactions, func(c economy.Change) bool { return c.RewardRuleID == "per-week" }))
	require.Contains(t, w.verdict(t, "late", "RewardRule", "per-week"), "moved by late")
	w.record(t, "e3", "run", 1)
	require.Contains(t, w.verdict(t, "e3", "RewardRule", "per-week"), "no   published")
}

// Whoever asks what was or would be waits for no writer, and is told what is committed.
func TestAskingWaitsForNobody(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Record(ctx, run("before", "ada", time.Time{}))
		require.NoError(t, err)
		doc := []byte(`{"documents": [{"kind": "Activity", "id": "new", "name": "New", "defaultLang": "en", "translations": [{"lang": "en", "label": "New", "description": "New."}]}]}`)
		require.NoError(t, w.Update(ctx, func(_ context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Record(ctx, run("inside", "ada", time.Time{}))
			require.NoError(t, err)
			would, err := w.DryRun(ctx, run("inside", "bob", time.Time{}))
			require.NoError(t, err, "the id is free outside of the transaction")
			require.NotEmpty(t, would.Transactions)
			_, err = w.DryImport(ctx, doc)
			require.NoError(t, err)
			x, err := w.Explain(ctx, "before", "RewardRule", "per-run")
			require.NoError(t, err)
			require.True(t, x.Moved)
			_, err = w.Explain(ctx, "inside", "RewardRule", "per-run")
			require.ErrorIs(t, err, fault.ErrNotFound)
			return nil
		}))
		last := w.entries(t, 0)
		require.Equal(t, "inside", last[len(last)-1].Event.ID)
	})
}
