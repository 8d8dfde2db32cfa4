package proof_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A mission whose week is over before it is completed ends for those who ask for the state, once, and not if it turns out to
// have been completed. Others count completed missions alone.
func TestMissionThatEndsIsAnEventForWhoAsks(t *testing.T) {
	goal := guerdontest.MissionConfiguration("two", guerdontest.Doing("run"), "2")
	weekly := guerdontest.MissionRule("two", goal, timeframe.Weekly)
	consoled := consoling("consoled", goal.ID, "3")
	won := guerdontest.RewardRule("won", guerdontest.Completing(goal.ID), "points", "10")
	failures := guerdontest.BoardConfiguration("failures", "points")
	failures.Query = leaderboard.Query{Source: leaderboard.MissionLogs, Where: consoled.MatchCondition, Score: leaderboard.Score{Function: leaderboard.Count}}
	g := play(t, goal, weekly, consoled, won, failures, guerdontest.Board("failures", failures, ""))
	g.runs("ada", january(1), january(8), january(9))
	require.Equal(t, "13", g.balance("ada"), "one ended, one was completed")
	require.Equal(t, "1", g.score("failures", january(9)))
	g.set(january(20))
	require.NoError(t, g.Advance(t.Context()))
	require.Equal(t, "13", g.balance("ada"))
	out := g.runs("ada", january(2)) // late: it was completed
	require.Equal(t, "20", g.balance("ada"), "%+v", out)
	require.Empty(t, g.score("failures", january(9)))
	g.runs("bob", january(1))
	require.Equal(t, "0", g.balance("bob"), "the clock tells of it, or the next event")
	require.NoError(t, g.Advance(t.Context()))
	require.Equal(t, "3", g.balance("bob"))
}

// A board closes a period only when all that was due before is done, however small the portions of the clock's work: what
// streaks of the week that broke were paid counts for everybody.
func TestPeriodClosesWhenNothingIsDueForAnybody(t *testing.T) {
	w := foundedIn(t, memory.New(), "acme", january(0), 1)
	t.Cleanup(func() { require.NoError(t, w.store.Close()) })
	daily := guerdontest.StreakConfiguration("daily", guerdontest.Doing("run"))
	broken := guerdontest.RewardRule("broken", every(event.Streak), "points", "5")
	broken.MatchCondition = json.RawMessage(`{"==": [{"var": "status"}, "BROKEN"]}`)
	paid := guerdontest.BoardConfiguration("paid", "points")
	board := guerdontest.Board("paid", paid, "")
	board.Type, board.StartsAt, board.EndsAt = timeframe.Range, january(1), new(january(8))
	g := playWith(t, w, daily, guerdontest.StreakRule("daily", daily), broken, paid, board)
	runners := []string{"ada", "bob", "cem", "dan"}
	for _, id := range runners[2:] {
		_, err := g.Users.Create(t.Context(), tenancy.NewUser{ID: id})
		require.NoError(t, err)
	}
	for _, id := range runners {
		g.runs(id, january(2))
	}
	g.set(january(20))
	require.NoError(t, g.Advance(t.Context()))
	top, err := g.Leaderboards.Top(t.Context(), "paid", 10, &leaderboard.At{Time: january(2)})
	require.NoError(t, err)
	require.Len(t, top.Rows, len(runners))
}

// What somebody does by hand comes after what the clock had to do before, though nobody called it.
func TestEndsComeBeforeWhatIsDoneByHand(t *testing.T) {
	goal := guerdontest.MissionConfiguration("two", guerdontest.Doing("run"), "2")
	failures := guerdontest.BoardConfiguration("failures", "points")
	failures.Query = leaderboard.Query{
		Source: leaderboard.MissionLogs, Score: leaderboard.Score{Function: leaderboard.Count},
		Where: json.RawMessage(`{"==": [{"var": "state"}, "ENDED"]}`),
	}
	g := play(t, goal, guerdontest.MissionRule("two", goal, timeframe.Weekly), failures, guerdontest.Board("failures", failures, ""))
	g.runs("ada", january(2))
	g.set(january(10))
	_, err := g.Missions.Create(t.Context(), missions.NewMission{ConfigurationID: "two", UserID: "ada", EndsAt: january(12)})
	require.NoError(t, err)
	require.NoError(t, g.Advance(t.Context()))
	top, err := g.Leaderboards.Top(t.Context(), "failures", 1, nil)
	require.NoError(t, err)
	require.Equal(t, january(8, 0), top.Rows[0].ReachedAt.UTC())
}

// consoling pays whose mission was over before it was completed.
func consoling(id, goalID, points string) *economy.RewardRule {
	r := guerdontest.RewardRule(id, guerdontest.Completing(goalID), "points", points)
	r.MatchCondition = json.RawMessage(`{"==": [{"var": "state"}, "ENDED"]}`)
	return r
}

// playWithEnds returns a game with a weekly goal of three runs and a daily streak, which pays 3 when the week is over before the
// goal is reached, and 5 when the streak breaks.
func playWithEnds(t *testing.T) *game {
	t.Helper()
	goal := guerdontest.MissionConfiguration("goal", guerdontest.Doing("run"), "3")
	daily := guerdontest.StreakConfiguration("daily", guerdontest.Doing("run"))
	broken := guerdontest.RewardRule("broken", every(event.Streak), "points", "5")
	broken.MatchCondition = json.RawMessage(`{"==": [{"var": "status"}, "BROKEN"]}`)
	return play(t, goal, guerdontest.MissionRule("goal", goal, timeframe.Weekly), consoling("ended", goal.ID, "3"),
		daily, guerdontest.StreakRule("daily", daily), broken)
}

// What is over is judged by the rules that were in force when it was, whether the clock is asked then or only after others
// came in force; or by those that were in force when it became known what was over.
func TestEndsAreJudgedByTheRulesOfThen(t *testing.T) {
	for _, asked := range []bool{false, true} {
		goal := guerdontest.MissionConfiguration("three", guerdontest.Doing("run"), "3")
		g := play(t, goal, guerdontest.MissionRule("three", goal, timeframe.Weekly), consoling("before", goal.ID, "3"))
		g.runs("ada", january(2))
		g.set(january(9))
		if asked {
			require.NoError(t, g.Advance(t.Context()))
		}
		g.set(january(10))
		g.publish(consoling("after", goal.ID, "5"))
		g.set(january(11))
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, "3", g.balance("ada"), "the clock was asked in time: %t", asked)
		g.runs("ada", january(1))
		require.Equal(t, "3", g.balance("ada"), "what was known when it was over is as it was")
		g.runs("bob", january(4))
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, "8", g.balance("bob"), "it is known only now")
	}
}

// What was over while rules were in force is told and paid by them also if they are archived before the clock is asked, and
// stays so whatever comes late.
func TestEndsStandWhenTheirRulesAreArchived(t *testing.T) {
	for _, asked := range []bool{false, true} {
		g := playWithEnds(t)
		g.runs("ada", january(2))
		g.set(january(9))
		if asked {
			require.NoError(t, g.Advance(t.Context()))
		}
		_, err := g.Economy.RewardRules.Archive(t.Context(), "ended")
		require.NoError(t, err)
		_, err = g.Economy.RewardRules.Archive(t.Context(), "broken")
		require.NoError(t, err)
		_, err = g.Missions.Rules.Archive(t.Context(), "goal")
		require.NoError(t, err)
		_, err = g.Streaks.Rules.Archive(t.Context(), "daily")
		require.NoError(t, err)
		g.set(january(10))
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, "8", g.balance("ada"), "the clock was asked in time: %t", asked)
		g.runs("ada", january(1))
		require.Equal(t, "8", g.balance("ada"))
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, "8", g.balance("ada"))
	}
}

// While a rule rested it judged nobody, and does not do so either when all that is folded again.
func TestWhatRestedRestsAlsoWhenFoldedAgain(t *testing.T) {
	daily := guerdontest.StreakConfiguration("daily", guerdontest.Doing("run"))
	g := play(t, daily, guerdontest.StreakRule("daily", daily))
	g.runs("ada", january(2), january(3))
	_, err := g.Streaks.Rules.Archive(t.Context(), "daily")
	require.NoError(t, err)
	g.runs("ada", january(4))
	g.set(january(5, 9))
	_, err = g.Streaks.Rules.Unarchive(t.Context(), "daily")
	require.NoError(t, err)
	g.publish(guerdontest.StreakRule("daily", daily))
	g.runs("ada", january(5))
	require.Equal(t, 1, g.count("daily"))
	g.runs("ada", january(1))
	require.Equal(t, 1, g.count("daily"))
}

// Nothing follows for who has been deleted, also if the clock finds only then what was over before; who is suspended is told.
func TestEndsOfWhoIsGone(t *testing.T) {
	g := playWithEnds(t)
	g.runs("ada", january(1))
	g.runs("bob", january(1))
	g.set(january(9))
	for _, gone := range []string{"ada", "bob"} {
		change := g.Users.Suspend
		if gone == "ada" {
			change = g.Users.Anonymise
		}
		_, err := change(t.Context(), gone)
		require.NoError(t, err)
	}
	require.NoError(t, g.Advance(t.Context()))
	paid := map[string]int{}
	entries, err := g.Journal(t.Context(), 0)
	require.NoError(t, err)
	for _, e := range entries {
		paid[e.Event.UserID] += len(e.Outcome.Transactions)
	}
	require.Equal(t, map[string]int{"ada": 0, "bob": 2}, paid)
	require.NoError(t, g.Advance(t.Context()), "it is done")
	again, err := g.Journal(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, again, len(entries))
}
