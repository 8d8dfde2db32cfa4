package proof_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

func TestMissionThatIsNoLongerCompletePaysOnceInTheEnd(t *testing.T) {
	weekly := guerdontest.MissionConfiguration("a", guerdontest.Doing("run"), "2")
	both := guerdontest.MissionConfiguration("b", tagged("goal"), "2")
	both.IncrementExpression = json.RawMessage(`{"if": [` + weekend + `, 2, 1]}`)
	g := play(t, weekly, guerdontest.MissionRule("a", weekly, timeframe.Weekly), both, guerdontest.MissionRule("b", both, ""),
		guerdontest.RewardRule("hundred", guerdontest.Completing("b"), "points", "100"))
	_, err := g.Missions.Configurations.AssignTags(t.Context(), "a", tenancy.Tagging{TagID: "goal"})
	require.NoError(t, err)
	g.runs("ada", days(5, 6)...)
	require.Equal(t, "100", g.balance("ada"))
	g.runs("ada", january(4)) // so the week was complete on Friday
	require.Equal(t, "0", g.balance("ada"))
	g.runs("ada", days(8, 9)...)
	require.Equal(t, "100", g.balance("ada"))
	require.Equal(t, january(9), g.mission(t, "ada:b:b:PERMANENT").CompletedAt)
}

func TestStreakOnMissionsIsPaidOnce(t *testing.T) {
	for name, c := range map[string]struct {
		every   timeframe.Recurrence
		cadence streaks.Cadence
		metric  streaks.Metric
		order   []time.Time
	}{
		"late":              {timeframe.Weekly, streaks.Weekly, streaks.Weeks, days(10, 11, 9)},
		"between":           {timeframe.Weekly, streaks.Weekly, streaks.Weeks, days(9, 11, 10)},
		"days of a month":   {timeframe.Monthly, streaks.Daily, streaks.Days, days(10, 11, 9)},
		"between in months": {timeframe.Monthly, streaks.Daily, streaks.Days, days(9, 11, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			goal := guerdontest.MissionConfiguration("a", guerdontest.Doing("run"), "2")
			done := guerdontest.StreakConfiguration("done", guerdontest.Completing("a"))
			streak := guerdontest.StreakRule("done", done)
			streak.Cadence, streak.Metric = c.cadence, c.metric
			g := play(t, goal, guerdontest.MissionRule("a", goal, c.every), done, streak, guerdontest.RewardRule("one", every(event.Streak), "points", "1"))
			g.runs("ada", c.order...)
			require.Equal(t, "1", g.balance("ada"))
			paid := g.net(t, "ada")
			require.Len(t, paid, 1)
			require.Equal(t, january(10), paid[0].At)
		})
	}
}

func TestRewardOfAGoalIsInTheWeekInWhichItWasReached(t *testing.T) {
	active := guerdontest.StreakConfiguration("active", guerdontest.Doing("run"))
	streak := guerdontest.StreakRule("active", active)
	streak.GoalTargets = []int{2}
	pay := guerdontest.RewardRule("one", every(event.Streak), "points", "1")
	pay.MatchCondition = json.RawMessage(`{"==": [{"var": "status"}, "COMPLETED"]}`)
	earned := guerdontest.BoardConfiguration("earned", "points")
	g := play(t, active, streak, pay, earned, guerdontest.Board("weekly", earned, timeframe.Weekly))
	g.runs("ada", days(7, 8)...)
	require.Equal(t, "1", g.score("weekly", january(8)))
	g.runs("ada", january(6))
	require.Empty(t, g.score("weekly", january(8)))
	require.Equal(t, "1", g.score("weekly", january(7)))
	require.Equal(t, "1", g.balance("ada"))
}

func TestMissionOfAGroupThatCatchesUpNamesWhoCompletedIt(t *testing.T) {
	goal, rule := team("3", missions.Lazy)
	g := play(t, goal, rule, guerdontest.RewardRule("ten", guerdontest.Completing("crew"), "points", "10"))
	g.runs("bob", january(1, 9), january(1, 10), january(1, 11))
	g.runs("ada", january(2, 9), january(2, 10), january(2, 11))
	_, err := g.Missions.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	m := g.mission(t, "tag:red:crew:crew:PERMANENT")
	require.Equal(t, "6", m.CurrentAmount.String())
	require.Equal(t, january(1, 11), m.CompletedAt)
	require.Equal(t, "10", g.balance("bob"))
	require.Equal(t, "0", g.balance("ada"))
}

// What others do for a group decides nothing of what a rule assigns to a user, in whichever order it is recorded.
func TestRuleReadsTheMissionsOfTheUserAlone(t *testing.T) {
	crew, ofCrew := team("5", missions.OnEvent)
	lone := guerdontest.MissionConfiguration("lone", guerdontest.Doing("swim"), "2")
	rule := guerdontest.MissionRule("lone", lone, "")
	rule.EventMatchEntityID = "swim"
	rule.UsersMatchCondition = json.RawMessage(`{"!": {"var": "activeMissions"}}`)
	for name, bobFirst := range map[string]bool{"bob first": true, "bob late": false} {
		t.Run(name, func(t *testing.T) {
			g := play(t, crew, ofCrew, lone, rule)
			if bobFirst {
				g.runs("bob", january(2))
			}
			g.set(january(3))
			swim := g.event("ada", january(3))
			swim.EntityID = "swim"
			_, err := g.Record(t.Context(), swim)
			require.NoError(t, err)
			if !bobFirst {
				g.runs("bob", january(2))
			}
			require.Equal(t, "1", g.mission(t, "ada:lone:lone:PERMANENT").CurrentAmount.String())
		})
	}
}

// The time is that of what is judged, also where it is judged later.
func TestMissionThatCatchesUpJudgesByTheTimeOfThen(t *testing.T) {
	goal := guerdontest.MissionConfiguration("mornings", guerdontest.Doing("run"), "5")
	goal.MatchCondition = json.RawMessage(`{"<": [{"date_part": ["hour", {"now": []}]}, 12]}`)
	goal.IncrementExpression = json.RawMessage(`{"date_part": ["hour", {"now": []}]}`)
	rule := guerdontest.MissionRule("mornings", goal, "")
	rule.AssignmentMode, rule.EventMatchType, rule.EventMatchEntity, rule.EventMatchEntityID = missions.Lazy, "", "", ""
	g := play(t, goal, rule)
	g.runs("ada", january(1, 1), january(1, 15), january(2, 2))
	_, err := g.Missions.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	id := "ada:mornings:mornings:PERMANENT"
	require.Equal(t, "3", g.mission(t, id).CurrentAmount.String())
	logs, _, err := g.Missions.Contributions(t.Context(), id, store.Page{Ascending: true})
	require.NoError(t, err)
	require.Len(t, logs, 2)
	require.Equal(t, january(1, 1), logs[0].At)
	require.Equal(t, "2", logs[1].Amount.String())
}

func TestMissionCountsTheEventThatCausedItsAssignment(t *testing.T) {
	quiz := guerdontest.Quiz("q")
	path := guerdontest.Path("p", quiz)
	goal := guerdontest.MissionConfiguration("quizzes", every(event.Quiz), "2")
	rule := guerdontest.MissionRule("quizzes", goal, "")
	rule.EventMatchType, rule.EventMatchEntity, rule.EventMatchEntityID = event.MatchInstance, string(event.LearningPath), "p"
	rule.EventMatchCondition = json.RawMessage(`{"==": [{"var": "progress"}, "COMPLETE"]}`)
	g := play(t, quiz, path, guerdontest.PathRule("p", path), goal, rule)
	_, err := g.Learning.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	_, err = g.Learning.SubmitQuiz(t.Context(), learning.QuizSubmission{Submission: who("ada"), QuizID: "q", Answer: content.Option1})
	require.NoError(t, err)
	require.Equal(t, "1", g.mission(t, "ada:quizzes:quizzes:PERMANENT").CurrentAmount.String())
}

// A mission of a group that something assigns which follows from an event counts that event, whether it is the last that
// is recorded or another turns out to have happened before it.
func TestMissionOfAGroupCountsTheEventThatCausedItsAssignment(t *testing.T) {
	for name, runs := range map[string][]time.Time{"in order": days(1, 2), "in reverse": days(2, 1)} {
		t.Run(name, func(t *testing.T) {
			goal, first := team("2", missions.OnEvent)
			_, second := team("2", missions.OnEvent)
			second.ID = "second"
			second.EventMatchType, second.EventMatchEntity, second.EventMatchEntityID = event.MatchTag, event.Tag, "goal"
			g := play(t, goal, first, second)
			_, err := g.Missions.Configurations.AssignTags(t.Context(), "crew", tenancy.Tagging{TagID: "goal"})
			require.NoError(t, err)
			g.runs("ada", runs...)
			m := g.mission(t, "tag:red:second:crew:PERMANENT")
			require.Equal(t, "2", m.CurrentAmount.String())
			require.Equal(t, january(2), m.CompletedAt)
		})
	}
}

// crews returns the missions of the red.
func (g *game) crews() (ids []string) {
	g.t.Helper()
	for _, m := range pages(g.t, func(p store.Page) ([]missions.Mission, string, error) {
		return g.Missions.GroupList(g.t.Context(), "red", missions.Query{}, p)
	}) {
		ids = append(ids, m.ID)
	}
	return ids
}

// A mission of a group that assigns it anew every day is there on the day on which another was completed, and not
// because of its own completion.
func TestMissionOfAGroupIsNotAssignedByItsOwnCompletion(t *testing.T) {
	goal, once := team("1", missions.Lazy)
	_, daily := team("1", missions.OnEvent)
	daily.ID, daily.Type, daily.Recurrence = "daily", timeframe.Recurring, timeframe.Daily
	daily.EventMatchType, daily.EventMatchEntity, daily.EventMatchEntityID = event.MatchTag, event.Tag, "goal"
	g := play(t, goal, once, daily)
	_, err := g.Missions.Configurations.AssignTags(t.Context(), "crew", tenancy.Tagging{TagID: "goal"})
	require.NoError(t, err)
	g.set(january(1, 13))
	_, err = g.Missions.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	for _, day := range []int{3, 2, 1} {
		g.runs("ada", january(day))
		require.ElementsMatch(t, []string{"tag:red:crew:crew:PERMANENT", "tag:red:daily:crew:" + january(day).Format(time.DateOnly)}, g.crews())
	}
}

// A mission of a group is there because of the first member who had its rule evaluated. When that turns out not to have
// happened, or another to have been earlier, it goes, or the other's is there.
func TestMissionOfAGroupGoesWithWhatAssignedIt(t *testing.T) {
	pair := guerdontest.MissionConfiguration("pair", guerdontest.Doing("run"), "2")
	goal, rule := team("1", missions.OnEvent)
	rule.Type, rule.Recurrence = timeframe.Recurring, timeframe.Daily
	rule.EventMatchType, rule.EventMatchEntity, rule.EventMatchEntityID = event.MatchTag, event.Tag, "goal"
	g := play(t, pair, guerdontest.MissionRule("pair", pair, timeframe.Weekly), goal, rule,
		guerdontest.RewardRule("ten", guerdontest.Completing("crew"), "points", "10"))
	_, err := g.Missions.Configurations.AssignTags(t.Context(), "pair", tenancy.Tagging{TagID: "goal"})
	require.NoError(t, err)
	g.runs("ada", days(2, 3)...)
	require.Equal(t, []string{"tag:red:crew:crew:2024-01-03"}, g.crews())
	require.Equal(t, "10", g.balance("ada"))
	out := g.runs("ada", january(1)) // so the pair was complete on the second
	require.Equal(t, []string{"tag:red:crew:crew:2024-01-02"}, g.crews())
	require.Equal(t, "10", g.balance("ada"))
	require.True(t, slices.ContainsFunc(out.Missions, func(c missions.Change) bool {
		return c.MissionID == "tag:red:crew:crew:2024-01-03" && c.Undone
	}))
	g.runs("bob", days(2, 3)...) // whose pair is of the third
	require.ElementsMatch(t, []string{"tag:red:crew:crew:2024-01-02", "tag:red:crew:crew:2024-01-03"}, g.crews())
	require.Equal(t, "20", g.balance("ada"), "whose run of the third completes that one, too")
}

func TestCompletionThatMovedCountsOnlyWhereItMeetsConditions(t *testing.T) {
	weekly := guerdontest.MissionConfiguration("a", guerdontest.Doing("run"), "2")
	on := guerdontest.MissionConfiguration("b", tagged("goal"), "5")
	on.MatchCondition = json.RawMessage(weekend)
	ended := guerdontest.StreakConfiguration("ended", guerdontest.Completing("a"))
	ended.MatchCondition = on.MatchCondition
	pay := guerdontest.RewardRule("ten", guerdontest.Completing("a"), "points", "10")
	pay.MatchCondition = on.MatchCondition
	board := guerdontest.BoardConfiguration("ended", "points")
	board.Query = leaderboard.Query{Source: leaderboard.MissionLogs, Where: on.MatchCondition, Score: leaderboard.Score{Function: leaderboard.Count}}
	g := play(t, weekly, guerdontest.MissionRule("a", weekly, timeframe.Weekly), on, guerdontest.MissionRule("b", on, ""),
		ended, guerdontest.StreakRule("ended", ended), pay, board, guerdontest.Board("ended", board, ""))
	_, err := g.Missions.Configurations.AssignTags(t.Context(), "a", tenancy.Tagging{TagID: "goal"})
	require.NoError(t, err)
	is := func(amount, points, score string, days int) {
		t.Helper()
		require.Equal(t, amount, g.mission(t, "ada:b:b:PERMANENT").CurrentAmount.String())
		require.Equal(t, points, g.balance("ada"))
		require.Equal(t, score, g.score("ended", january(6)))
		require.Equal(t, days, g.count("ended"))
	}
	g.runs("ada", days(5, 6)...)
	is("1", "10", "1", 1)
	g.runs("ada", january(4))
	is("0", "0", "", 0)
}

// What moved counts for a group, too, only where it meets the conditions.
func TestCompletionThatMovedCountsForAGroupOnlyWhereItMeetsConditions(t *testing.T) {
	weekly := guerdontest.MissionConfiguration("a", guerdontest.Doing("run"), "2")
	goal, rule := team("5", missions.OnEvent)
	goal.MatchType, goal.MatchEntity, goal.MatchEntityID = event.MatchTag, string(event.Tag), "goal"
	goal.MatchCondition = json.RawMessage(weekend)
	g := play(t, weekly, guerdontest.MissionRule("a", weekly, timeframe.Weekly), goal, rule)
	_, err := g.Missions.Configurations.AssignTags(t.Context(), "a", tenancy.Tagging{TagID: "goal"})
	require.NoError(t, err)
	is := func(amount string) {
		t.Helper()
		require.Equal(t, amount, g.mission(t, "tag:red:crew:crew:PERMANENT").CurrentAmount.String())
	}
	g.runs("ada", days(5, 6)...)
	is("1")
	g.runs("ada", january(4))
	is("0")
}

func TestTargetIsThatOfTheFirstEventInTime(t *testing.T) {
	goal := guerdontest.MissionConfiguration("goal", guerdontest.Doing("run"), `{"if": [{"in": ["blue", {"var": "user.tags"}]}, 3, 1]}`)
	g := play(t, guerdontest.Tag("team", "blue"), goal, guerdontest.MissionRule("goal", goal, ""))
	g.set(january(3))
	_, err := g.Users.AssignTags(t.Context(), "ada", tenancy.Tagging{TagID: "blue"})
	require.NoError(t, err)
	g.runs("ada", days(4, 2)...)
	m := g.mission(t, "ada:goal:goal:PERMANENT")
	require.Equal(t, "1", m.TargetAmount.String())
	require.Equal(t, january(2), m.CompletedAt)
}

func TestGroupHasNoZoneOfItsOwn(t *testing.T) {
	goal, rule := team("3", missions.OnEvent)
	rule.TimezoneType, rule.Timezone = timeframe.User, ""
	b, err := guerdon.Bundle(goal, rule)
	require.NoError(t, err)
	_, err = play(t).Import(t.Context(), b)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "timeframeTimezoneType")
}

func TestNobodyWhoWasErasedIsPaid(t *testing.T) {
	for name, c := range map[string]struct {
		before []time.Time // what ada does before bob is erased, who ran on the 3rd
		paid   string      // to ada by then
	}{
		"by a completion":            {days(2), "0"},
		"by a completion that moved": {days(2, 4), "10"},
	} {
		t.Run(name, func(t *testing.T) {
			goal, rule := team("3", missions.OnEvent)
			g := play(t, goal, rule, guerdontest.RewardRule("ten", guerdontest.Completing("crew"), "points", "10"))
			g.runs("bob", january(3))
			g.runs("ada", c.before...)
			require.Equal(t, c.paid, g.balance("ada"))
			_, err := g.Users.Anonymise(t.Context(), "bob")
			require.NoError(t, err)
			out := g.runs("ada", january(1)) // so it was bob's of the 3rd that completed it
			require.NotContains(t, jsonOf(t, out.Transactions), `"bob"`)
			system, err := g.Economy.System(t.Context(), "points")
			require.NoError(t, err)
			require.Equal(t, system.Amount.Neg().String(), g.balance("ada"), "nothing is another's")
		})
	}
}
