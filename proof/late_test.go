package proof_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A tale is what happens in two weeks from a Monday on, and how it ends, in whatever order it is told.
type tale struct {
	name string
	docs []object
	// holds is what eve is given before it begins.
	holds int64
	// acts are "user activity day", a day being a number from 0; at most four.
	acts []string
	// ends are lines of how it ends at noon of the last day, among others.
	ends []string
	// closes says that boards close meanwhile: what comes after the clock has closed one is not on it.
	closes bool
}

// monday is when tales begin: nothing of the game has closed since.
var monday = start.AddDate(0, 0, 7)

// permutations returns all orders of texts.
func permutations(of []string) (all [][]string) {
	if len(of) < 2 {
		return [][]string{of}
	}
	for i := range of {
		for _, rest := range permutations(slices.Delete(slices.Clone(of), i, i+1)) {
			all = append(all, append([]string{of[i]}, rest...))
		}
	}
	return all
}

// happens returns an event of a tale.
func happens(t *testing.T, text string) event.Event {
	var user, activity string
	var day int
	_, err := fmt.Sscan(text, &user, &activity, &day)
	require.NoError(t, err)
	return event.Event{ID: strings.ReplaceAll(text, " ", "-"), UserID: user, EntityID: activity, At: monday.AddDate(0, 0, day)}
}

// tell records a tale in an order, and may serve the clock after each event.
func tell(t *testing.T, tale *tale, order []string, serve bool) *world {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	_, err := w.Import(ctx, bundle(t, tale.docs...))
	require.NoError(t, err)
	for _, user := range []string{"bob", "eve"} {
		_, err := w.Users.Update(ctx, user, tenancy.UserPatch{Timezone: new("")})
		require.NoError(t, err)
		_, err = w.Users.AssignTags(ctx, user, tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
	}
	if tale.holds > 0 {
		_, err := w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", Amount: decimal.NewFromInt(tale.holds), DestinationUserID: "eve"}})
		require.NoError(t, err)
	}
	last := monday
	for _, text := range tale.acts {
		if at := happens(t, text).At; at.After(last) {
			last = at
		}
	}
	w.set(last.Add(3 * time.Hour))
	for _, text := range order {
		_, err := w.Record(ctx, happens(t, text))
		require.NoError(t, err)
		if serve {
			require.NoError(t, w.Advance(ctx))
		}
	}
	require.NoError(t, w.Advance(ctx))
	report, err := w.Economy.Verify(ctx)
	require.NoError(t, err)
	require.Empty(t, report.Differences, "%v, with the clock served: %t", order, serve)
	return w
}

// endsOf tells how a tale ends: "points eve 3", "daily eve #1 4 ACTIVE", "goal eve 1/2 2 COMPLETED", "eve:rule:both:2025-W41 2 of 2 on 3"
// and "board 2025-10-06 eve 1". A completed mission pays 10.
func (w *world) endsOf(t *testing.T) (lines []string) {
	ctx := t.Context()
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	mission := func(m *missions.Mission) {
		text := fmt.Sprintf("%s %s of %s", m.ID, m.CurrentAmount, m.TargetAmount)
		if m.IsCompleted {
			text += fmt.Sprintf(" on %d", int(m.CompletedAt.Sub(monday).Hours())/24)
		}
		add("%s", text)
	}
	group, _, err := w.Missions.GroupList(ctx, "outdoor", missions.Query{}, store.Page{})
	require.NoError(t, err)
	for i := range group {
		mission(&group[i])
	}
	for _, user := range []string{"bob", "eve"} {
		balance, err := w.Economy.Balance(ctx, user, "points")
		require.NoError(t, err)
		add("points %s %s", user, balance.Amount)
		own, _, err := w.Missions.List(ctx, user, missions.Query{}, store.Page{})
		require.NoError(t, err)
		for i := range own {
			mission(&own[i])
		}
		page := store.Page{Ascending: true}
		runs, _, err := w.Streaks.Streaks(ctx, user, streaks.Query{PeriodType: streaks.ByIteration}, page)
		require.NoError(t, err)
		for _, s := range runs {
			add("%s %s #%d %d %s", s.RuleID, user, s.IterationID, s.Count, s.Status)
		}
		goals, _, err := w.Streaks.Streaks(ctx, user, streaks.Query{PeriodType: streaks.ByGoal}, page)
		require.NoError(t, err)
		for _, s := range goals {
			add("goal %s %d/%d %d %s", user, s.GoalID, s.Target, s.Count, s.Status)
		}
	}
	if _, err := w.Leaderboards.Boards.Get(ctx, "weeks"); err != nil {
		return lines
	}
	for _, week := range w.board(t, "weeks") {
		for _, r := range week.Rows {
			add("board %s %s %s", week.Period.StartsAt.Format(time.DateOnly), r.EntityID, r.Score)
		}
	}
	return lines
}

// wholeOf is what can be seen of a tale's end, but for when it was written down.
func (w *world) wholeOf(t *testing.T) string {
	var all map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.picture(t)), &all))
	delete(all, "verify") // it was clean, and counts accounts that are empty again
	all["lines"] = w.endsOf(t)
	for _, user := range []string{"bob", "eve"} {
		history, _, err := w.Economy.History(t.Context(), user, store.Page{Limit: 100})
		require.NoError(t, err)
		slices.SortFunc(history, func(a, b economy.Transaction) int { return strings.Compare(a.ID, b.ID) })
		all["history "+user] = history
	}
	var plain any
	require.NoError(t, json.Unmarshal([]byte(jsonOf(t, all)), &plain))
	return jsonOf(t, undated(plain))
}

var (
	// unending and everyWeek are timeframes of everybody's UTC.
	unending  = object{"timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-01-01T00:00:00Z"}
	everyWeek = object{
		"timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC",
		"timeframeStartsAt": "2025-01-01T00:00:00Z",
	}
)

// within returns fields with those of a timeframe.
func within(frame, fields object) object {
	out := maps.Clone(frame)
	maps.Copy(out, fields)
	return out
}

// swims is the mission "both", which swimming assigns and advances. The rest is its type and tags, and what the rule needs then.
func swims(target int, frame, more object) []object {
	configuration := object{
		"missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "swim", "targetAmountExpression": target,
	}
	rule := within(frame, object{
		"missionType": "INDIVIDUAL", "missionConfigurationsPool": []string{"both"}, "assignmentMode": "EVENT",
		"eventMatchType": "INSTANCE", "eventMatchEntity": "Activity", "eventMatchEntityId": "swim",
	})
	for name, v := range more {
		if name != "groupTagId" {
			configuration[name] = v
		}
		if name != "tags" {
			rule[name] = v
		}
	}
	return []object{document("MissionConfiguration", "both", configuration), document("MissionRule", "rule", rule)}
}

// paysFor is a reward of a point for what a condition picks among events of a type.
func paysFor(entity string, condition any) object {
	return document("RewardRule", "pays", object{
		"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": entity, "matchCondition": condition,
		"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 1}},
	})
}

func is(path string, value any) object { return object{"==": []any{variable(path), value}} }

// frozenFor is a streak that takes two points for what was missed.
func frozenFor(cadence, metric string) object {
	return document("StreakRule", "icy", within(unending, object{
		"streakConfigurationId": "any", "cadence": cadence, "metric": metric, "freezeVirtualCurrencyId": "points", "freezeCostExpression": 2,
	}))
}

// streakOf is a streak of completed missions.
func streakOf(cadence, metric string) []object {
	return []object{
		document("StreakConfiguration", "completed", object{"matchType": "ENTITY", "matchEntity": "Mission"}),
		document("StreakRule", "won", within(unending, object{
			"streakConfigurationId": "completed", "cadence": cadence, "metric": metric, "freezeEnabled": false,
		})),
		paysFor("Streak", is("event.streakRuleId", "won")),
	}
}

var tales = []tale{
	{
		name: "a late day joins two runs and reaches a goal",
		acts: []string{"eve swim 0", "eve swim 1", "eve swim 2", "eve swim 3"},
		ends: []string{"daily eve #1 4 ACTIVE", "goal eve 1/2 2 COMPLETED", "goal eve 1/4 4 COMPLETED"},
	},
	{
		name: "a late day is a run of its own",
		acts: []string{"eve swim 0", "eve swim 1", "eve swim 3", "eve swim 5"},
		ends: []string{
			"daily eve #1 2 BROKEN", "daily eve #2 1 BROKEN", "daily eve #3 1 ACTIVE",
			"goal eve 1/2 2 COMPLETED", "goal eve 1/4 2 BROKEN", "goal eve 2/2 1 BROKEN", "goal eve 2/4 1 BROKEN", "goal eve 3/2 1 ACTIVE", "goal eve 3/4 1 ACTIVE",
		},
	},
	{
		name: "a goal is paid in the week in which it was reached",
		docs: []object{
			paysFor("Streak", is("event.goalId", 1)),
			document("RuntimeLeaderboard", "weeks", within(everyWeek, object{"runtimeLeaderboardConfigurationId": "earned"})),
		},
		acts: []string{"eve swim 5", "eve swim 6", "eve swim 7"},
		ends: []string{"points eve 1", "board 2025-10-06 eve 1"}, closes: true,
	},
	{
		name: "a day that was not missed is not paid for",
		docs: []object{frozenFor("DAY", "DAYS")}, holds: 4,
		acts: []string{"eve swim 0", "eve swim 1", "eve swim 2", "eve swim 4"},
		ends: []string{"points eve 2", "icy eve #1 4 ACTIVE"},
	},
	{
		name: "a week that was not missed is not paid for",
		docs: []object{frozenFor("WEEK", "WEEKS")}, holds: 4,
		acts: []string{"eve swim 0", "eve swim 9", "eve swim 14"},
		ends: []string{"points eve 4", "icy eve #1 3 ACTIVE"},
	},
	{
		name: "nobody pays for what is not saved",
		docs: []object{frozenFor("DAY", "DAYS")}, holds: 2,
		acts: []string{"eve swim 0", "eve swim 3", "eve swim 4"},
		ends: []string{"points eve 2", "icy eve #1 1 BROKEN", "icy eve #2 2 ACTIVE"},
	},
	{
		name: "what a late event pays saves a streak",
		docs: []object{frozenFor("DAY", "DAYS"), paysFor("Activity", is("event.entityId", "swim"))},
		acts: []string{"eve swim 0", "eve swim 1", "eve swim 3"},
		ends: []string{"points eve 1", "icy eve #1 3 ACTIVE"},
	},
	{
		name: "what a late event spends on a freeze loses the next",
		docs: []object{frozenFor("DAY", "DAYS"), paysFor("Activity", is("event.entityId", "run"))}, holds: 3,
		acts: []string{"eve swim 0", "eve swim 2", "eve swim 4"},
		ends: []string{"points eve 1", "icy eve #1 2 BROKEN", "icy eve #2 1 ACTIVE"},
	},
	{
		name: "a mission is completed by the earliest and stops",
		docs: swims(2, unending, nil),
		acts: []string{"eve swim 0", "eve swim 2", "eve swim 3", "eve swim 5"},
		ends: []string{"eve:rule:both:PERMANENT 2 of 2 on 2"},
	},
	{
		name: "a streak of weekly missions is paid once a week",
		docs: append(swims(2, everyWeek, nil), streakOf("WEEK", "WEEKS")...),
		acts: []string{"eve swim 1", "eve swim 2", "eve swim 3"},
		ends: []string{"points eve 11", "eve:rule:both:2025-W41 2 of 2 on 2", "won eve #1 1 ACTIVE"},
	},
	{
		name: "a streak of days of missions is on the day of the completion",
		docs: append(swims(2, everyWeek, nil), streakOf("DAY", "DAYS")...),
		acts: []string{"eve swim 5", "eve swim 6", "eve swim 7", "eve swim 8"},
		ends: []string{
			"points eve 22", "eve:rule:both:2025-W42 2 of 2 on 8", "eve:rule:both:2025-W41 2 of 2 on 6",
			"won eve #1 1 BROKEN", "won eve #2 1 ACTIVE",
		},
	},
	{
		name: "a mission of missions counts a completion in the week in which it was",
		docs: append(swims(2, unending, object{"tags": []tenancy.Tagging{{TagID: "counted"}}}),
			document("Tag", "counted", object{"namespace": "counted", "variant": "counted"}),
			document("MissionConfiguration", "wins", object{
				"missionType": "INDIVIDUAL", "matchType": "TAG", "matchEntity": "Tag", "matchEntityId": "counted", "targetAmountExpression": 1,
			}),
			document("MissionRule", "winners", within(everyWeek, object{
				"missionType": "INDIVIDUAL", "missionConfigurationsPool": []string{"wins"}, "assignmentMode": "EVENT",
				"eventMatchType": "TAG", "eventMatchEntity": "Tag", "eventMatchEntityId": "counted",
			})),
			paysFor("Mission", is("event.missionRuleId", "winners"))),
		acts: []string{"eve swim 2", "eve swim 3", "eve swim 8"},
		ends: []string{"points eve 21", "eve:rule:both:PERMANENT 2 of 2 on 3", "eve:winners:wins:2025-W41 1 of 1 on 3"},
	},
	{
		name: "who completed a group's mission is paid, and nobody else",
		docs: append(swims(3, everyWeek, object{"missionType": "GROUP", "groupTagId": "outdoor"}), paysFor("Mission", is("event.missionRuleId", "rule"))),
		acts: []string{"bob swim 0", "eve swim 1", "bob swim 2", "eve swim 3"},
		ends: []string{"points bob 11", "points eve 0", "tag:outdoor:rule:both:2025-W41 4 of 3 on 2"},
	},
}

// In whatever order a tale is told, and whoever serves the clock meanwhile, it ends alike.
func TestATaleEndsAlikeInEveryOrder(t *testing.T) {
	t.Parallel()
	for _, tale := range tales {
		t.Run(tale.name, func(t *testing.T) {
			t.Parallel()
			lived := tell(t, &tale, tale.acts, false)
			lines := lived.endsOf(t)
			for _, line := range tale.ends {
				require.Contains(t, lines, line)
			}
			want := lived.wholeOf(t)
			for _, order := range permutations(tale.acts) {
				for _, serve := range []bool{false, true} {
					if serve && tale.closes {
						continue
					}
					require.JSONEq(t, want, tell(t, &tale, order, serve).wholeOf(t), "%s, with the clock served: %t", strings.Join(order, ", "), serve)
				}
			}
		})
	}
}

// A mission that was begun by hand with an amount keeps it when something that happened earlier comes later.
func TestALateEventKeepsWhereAMissionBegan(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, memory.New())
	_, err := w.Import(ctx, bundle(t, swims(5, unending, nil)[0]))
	require.NoError(t, err)
	w.set(monday)
	m, err := w.Missions.Create(ctx, missions.NewMission{ConfigurationID: "both", UserID: "eve", CurrentAmount: decimal.NewFromInt(3)})
	require.NoError(t, err)
	w.set(monday.AddDate(0, 0, 5))
	for _, c := range []struct {
		act, amount string
		completed   int // the day, 0 if it is not completed
	}{{"eve swim 3", "4", 0}, {"eve swim 4", "5", 4}, {"eve swim 1", "5", 3}} {
		_, err := w.Record(ctx, happens(t, c.act))
		require.NoError(t, err)
		m, err = w.Missions.Mission(ctx, m.ID)
		require.NoError(t, err)
		require.Equal(t, c.amount, m.CurrentAmount.String())
		require.Equal(t, c.completed > 0, m.IsCompleted)
		if m.IsCompleted {
			require.Equal(t, monday.AddDate(0, 0, c.completed), m.CompletedAt)
		}
	}
}

// The outcome of a late event says where its day is in the run that it has joined, and what it made needless is given
// back.
func TestTheOutcomeOfALateEventSaysWhatItJoined(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, memory.New())
	_, err := w.Import(ctx, bundle(t, frozenFor("DAY", "DAYS")))
	require.NoError(t, err)
	_, err = w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", Amount: decimal.NewFromInt(2), DestinationUserID: "eve"}})
	require.NoError(t, err)
	w.set(monday.AddDate(0, 0, 3))
	for _, text := range []string{"eve swim 0", "eve swim 2"} {
		_, err = w.Record(ctx, happens(t, text))
		require.NoError(t, err)
	}
	balance, err := w.Economy.Balance(ctx, "eve", "points")
	require.NoError(t, err)
	require.Equal(t, "0", balance.Amount.String())

	out, err := w.Record(ctx, happens(t, "eve swim 1"))
	require.NoError(t, err)
	i := slices.IndexFunc(out.Streaks, func(c streaks.Change) bool { return c.RuleID == "icy" && c.Kind == streaks.Regular })
	require.GreaterOrEqual(t, i, 0)
	require.True(t, out.Streaks[i].Late)
	require.Equal(t, 3, out.Streaks[i].Count)
	balance, err = w.Economy.Balance(ctx, "eve", "points")
	require.NoError(t, err)
	require.Equal(t, "2", balance.Amount.String())
	_, err = w.Economy.Transaction(ctx, "freeze:icy:eve:"+monday.AddDate(0, 0, 1).Format(time.DateOnly))
	require.ErrorIs(t, err, fault.ErrNotFound)
}

// What a batch moved that began before what was known, and ended behind it, is in the journal as it was returned.
func TestTheJournalSaysWhatABatchMoved(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, memory.New())
	_, err := w.Import(ctx, bundle(t, swims(2, unending, nil)...))
	require.NoError(t, err)
	w.set(monday.AddDate(0, 0, 9))
	for _, act := range []string{"eve swim 2", "eve swim 3"} {
		_, err := w.Record(ctx, happens(t, act))
		require.NoError(t, err)
	}
	outs, err := w.RecordBatch(ctx, []event.Event{happens(t, "eve swim 1"), happens(t, "eve swim 9")})
	require.NoError(t, err)
	m, err := w.Missions.Mission(ctx, "eve:rule:both:PERMANENT")
	require.NoError(t, err)
	require.Equal(t, monday.AddDate(0, 0, 2), m.CompletedAt)
	last, err := w.Entry(ctx, "eve-swim-9")
	require.NoError(t, err)
	require.JSONEq(t, jsonOf(t, outs[1]), jsonOf(t, last.Outcome))
	require.NotEmpty(t, last.Outcome.Missions, "it is moved")
}
