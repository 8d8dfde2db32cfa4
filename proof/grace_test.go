package proof_test

import (
	"io"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// sunday is ten minutes before a week is over, which is a minute or so before what happened then arrives.
var sunday = january(7, 23).Add(50 * time.Minute)

// weeklyRuns are a board of runs and a goal of so many runs a week, with a time of grace in minutes, nil for none, and 10 points for who
// reaches the goal.
func weeklyRuns(grace *int, target string) []content.Document {
	counted := guerdontest.BoardConfiguration("runs", "points")
	counted.Query = leaderboard.Query{Source: leaderboard.ActivityLogs, Score: leaderboard.Score{Function: leaderboard.Count}}
	board := guerdontest.Board("runs", counted, timeframe.Weekly)
	board.GraceMinutes = grace
	goal := guerdontest.MissionConfiguration("goal", guerdontest.Doing("run"), target)
	rule := guerdontest.MissionRule("weekly", goal, timeframe.Weekly)
	rule.GraceMinutes = grace
	return []content.Document{counted, board, goal, rule, guerdontest.RewardRule("ten", guerdontest.Completing("goal"), "points", "10")}
}

// arrives records that a user ran at a moment, at another.
func (g *game) arrives(now time.Time, userID string, at time.Time) guerdon.Outcome {
	g.t.Helper()
	g.set(now)
	return g.runs(userID, at)
}

// week returns the period of the board of runs that a moment is in.
func (g *game) week(at time.Time) leaderboard.Period {
	g.t.Helper()
	top, err := g.Leaderboards.Top(g.t.Context(), "runs", 1, &leaderboard.At{Time: at})
	require.NoError(g.t, err)
	place, err := g.Leaderboards.Rank(g.t.Context(), "runs", "ada", &leaderboard.At{Time: at})
	require.NoError(g.t, err)
	require.Equal(g.t, top.Period, place.Period)
	all, err := g.Leaderboards.Periods(g.t.Context(), "runs", 5, time.Time{})
	require.NoError(g.t, err)
	require.Contains(g.t, all, top.Period)
	return top.Period
}

// goalOfWeek is the id of ada's mission of the first week.
const goalOfWeek = "ada:weekly:goal:2024-W01"

// A run of Sunday that arrives on Monday counts on last week's board, and in last week's mission, if their time of grace is not over, though
// the clock was asked in between. Until then they are provisional. Without a time of grace, the board is closed when the clock is asked, and
// the mission never is.
func TestSundaysRunArrivesOnMonday(t *testing.T) {
	monday := january(8, 0)
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := open(t)
			g := playOn(t, st, weeklyRuns(new(120), "2")...)
			bare := playWith(t, founded(t, st, "bare", january(0)), weeklyRuns(nil, "2")...)
			for _, g := range []*game{g, bare} {
				g.runs("ada", january(3))
				g.set(monday.Add(time.Minute))
				require.True(t, g.week(sunday).Provisional, "nobody has asked the clock")
				require.False(t, g.week(monday).Provisional, "it goes on")
				require.NoError(t, g.Advance(t.Context()))
			}
			require.Equal(t, timeframe.Ended, g.week(sunday).State)
			require.True(t, g.week(sunday).Provisional)
			require.False(t, g.week(sunday).Frozen)
			require.Len(t, g.closings(t, "runs"), 1, "the week before")
			require.True(t, g.mission(t, goalOfWeek).Provisional)
			require.Equal(t, monday.Add(2*time.Hour), g.mission(t, goalOfWeek).GraceEndsAt)
			require.False(t, bare.week(sunday).Provisional)
			require.True(t, bare.week(sunday).Frozen)
			require.Len(t, bare.closings(t, "runs"), 2)
			require.False(t, bare.mission(t, goalOfWeek).Provisional)

			out, other := g.arrives(monday.Add(2*time.Minute), "ada", sunday), bare.arrives(monday.Add(2*time.Minute), "ada", sunday)
			require.Empty(t, out.Problems)
			require.Equal(t, "2", g.score("runs", sunday))
			require.Equal(t, "10", g.balance("ada"))
			require.True(t, g.mission(t, goalOfWeek).IsCompleted)
			require.Equal(t, sunday, g.mission(t, goalOfWeek).CompletedAt)
			require.Contains(t, jsonOf(t, other.Problems), "has ended and is closed for good")
			require.Equal(t, "1", bare.score("runs", sunday))
			require.True(t, bare.mission(t, goalOfWeek).IsCompleted)

			// When the time of grace is over, both are what they are.
			g.set(monday.Add(2*time.Hour - time.Microsecond))
			require.NoError(t, g.Advance(t.Context()))
			require.True(t, g.week(sunday).Provisional)
			require.True(t, g.mission(t, goalOfWeek).Provisional)
			g.set(monday.Add(2 * time.Hour))
			require.False(t, g.mission(t, goalOfWeek).Provisional)
			require.NoError(t, g.Advance(t.Context()))
			require.True(t, g.week(sunday).Frozen)
			require.False(t, g.week(sunday).Provisional)
			closed := g.closings(t, "runs")
			require.Len(t, closed, 2)
			require.Equal(t, monday, closed[0].Event.At)
			require.Equal(t, monday.Add(2*time.Hour), closed[0].RecordedAt)
			out = g.runs("ada", sunday)
			require.Contains(t, jsonOf(t, out.Problems), "has ended and is closed for good")
			require.Equal(t, "2", g.score("runs", sunday))
		})
	}
}

// What is recorded when a mission's time of grace is over does not count for it, and does everywhere else; the outcome says so, and Explain why.
// So it is however often all is folded again, and an event that was recorded in time counts when it is put right later.
func TestTooLateForAMission(t *testing.T) {
	g := play(t, append(weeklyRuns(new(120), "3"), guerdontest.RewardRule("one", guerdontest.Doing("run"), "points", "1"))...)
	ctx, monday := t.Context(), january(8, 0)
	g.runs("ada", january(3))
	in := g.arrives(monday.Add(2*time.Hour-time.Microsecond), "ada", january(4))
	require.Empty(t, in.Problems)
	late := g.arrives(monday.Add(2*time.Hour), "ada", sunday)
	require.Equal(t, []event.Problem{{
		Source: "MissionRule/weekly", Field: "periodId",
		Reason: "2024-W01 ended at 2024-01-08T00:00:00Z; what is recorded from 2024-01-08T02:00:00Z on does not count there",
	}}, late.Problems)
	stands := func(amount string) {
		t.Helper()
		m := g.mission(t, goalOfWeek)
		require.Equal(t, amount, m.CurrentAmount.String())
		require.Equal(t, amount == "3", m.IsCompleted)
		all, _, err := g.Missions.Contributions(ctx, goalOfWeek, store.Page{})
		require.NoError(t, err)
		require.Equal(t, amount, decimal.NewFromInt(int64(len(all))).String())
	}
	stands("2")
	require.Equal(t, "3", g.balance("ada"), "it is paid for")
	require.Equal(t, "3", g.score("runs", sunday), "the board is not closed")
	why := func(eventID string) []string {
		t.Helper()
		x, err := g.Explain(ctx, eventID, "MissionConfiguration", "goal")
		require.NoError(t, err)
		last := x.Checks[len(x.Checks)-1]
		require.Equal(t, x.Moved, last.Holds)
		return []string{last.Name, last.Reason}
	}
	explains := func() {
		t.Helper()
		require.Equal(t, []string{"graceMinutes", "the event was recorded at 2024-01-08T02:00:00Z, after the time of grace of mission " + goalOfWeek +
			" that ended at 2024-01-08T02:00:00Z"}, why(late.EventID))
		require.Equal(t, "incrementExpression", why(in.EventID)[0])
	}
	explains()
	first := g.arrives(january(9), "ada", january(1, 1)) // it assigns the mission since, and all is folded again
	require.Len(t, first.Problems, 1, "%v", first.Problems)
	require.Equal(t, "4", g.balance("ada"))
	stands("2")
	other := g.event("ada", january(1, 2))
	other.EntityID = "swim"
	out, err := g.Record(ctx, other)
	require.NoError(t, err)
	require.Empty(t, out.Problems, "what was too late before is no news")
	stands("2")
	explains()

	// What was recorded in time is put right, and taken back, whenever that turns out.
	g.set(january(20))
	correction := guerdon.Correction{Reason: "it was not so"}
	right := event.Event{ID: in.EventID, UserID: "ada", EntityID: "run", At: january(5)}
	_, err = g.Amend(ctx, right, correction)
	require.NoError(t, err)
	stands("2")
	_, err = g.Retract(ctx, in.EventID, correction)
	require.NoError(t, err)
	stands("1")
	_, err = g.Amend(ctx, right, correction)
	require.NoError(t, err)
	stands("2")
	// And what was too late stays so.
	out, err = g.Amend(ctx, event.Event{ID: late.EventID, UserID: "ada", EntityID: "run", At: january(6)}, correction)
	require.NoError(t, err)
	require.Len(t, out.Problems, 1, "%v", out.Problems)
	stands("2")
}

// Who has a mission assigned after something that was recorded too late for it is told so too when that comes, and nobody is told again.
func TestTooLateForAMissionThatIsAssignedLater(t *testing.T) {
	docs := weeklyRuns(new(0), "2")
	docs[3].(*missions.Rule).EventMatchEntityID = "swim"
	g := play(t, docs...)
	ctx := t.Context()
	swims := func(at time.Time) guerdon.Outcome {
		t.Helper()
		e := g.event("ada", at)
		e.EntityID = "swim"
		out, err := g.Record(ctx, e)
		require.NoError(t, err)
		return out
	}
	g.runs("ada", january(2))
	g.set(january(5))
	swims(january(5))
	g.set(january(9))
	out := g.runs("ada", january(3))
	require.Len(t, out.Problems, 1, "%v", out.Problems)
	require.Equal(t, "1", g.mission(t, goalOfWeek).CurrentAmount.String())
	g.publish(guerdontest.Activity("sit"))
	g.set(january(10))
	sit := g.event("ada", january(4))
	sit.EntityID = "sit"
	out, err := g.Record(ctx, sit) // the mission is assigned again, and counts again what had been
	require.NoError(t, err)
	require.Empty(t, out.Problems, "it says nothing of the run")
	out = swims(january(1))
	require.Empty(t, out.Problems)
	require.Equal(t, "1", g.mission(t, goalOfWeek).CurrentAmount.String())
	require.Equal(t, "0", g.balance("ada"))
	require.Empty(t, swims(january(1, 6)).Problems)
}

// The mission of a group takes what its members did by the same rule, however it comes to count it: as it happens, when it is assigned, or
// when a member's fold is folded again.
func TestTooLateForTheMissionOfAGroup(t *testing.T) {
	for name, mode := range map[string]missions.AssignmentMode{"at once": missions.OnEvent, "when it is asked for": missions.Lazy} {
		t.Run(name, func(t *testing.T) {
			goal, rule := team("3", mode)
			rule.Type, rule.Recurrence, rule.GraceMinutes = timeframe.Recurring, timeframe.Weekly, new(60)
			g := play(t, goal, rule, guerdontest.RewardRule("ten", guerdontest.Completing("crew"), "points", "10"))
			ctx := t.Context()
			const id = "tag:red:crew:crew:2024-W01"
			g.runs("ada", january(2))
			_, err := g.Missions.Evaluate(ctx, "bob")
			require.NoError(t, err)
			kept := g.arrives(january(8, 0).Add(59*time.Minute), "bob", january(3))
			require.True(t, g.mission(t, id).Provisional)
			out := g.arrives(january(8, 1), "ada", january(4))
			require.Len(t, out.Problems, 1, "%v", out.Problems)
			require.False(t, g.mission(t, id).Provisional)
			require.Equal(t, "2", g.mission(t, id).CurrentAmount.String())
			// Each of what is too late has the folds of both folded again.
			for _, user := range []string{"ada", "bob"} {
				out := g.runs(user, january(1, 1))
				require.Len(t, out.Problems, 1, "%v", out.Problems)
			}
			require.Equal(t, "2", g.mission(t, id).CurrentAmount.String())
			moved := event.Event{ID: kept.EventID, UserID: "bob", EntityID: "run", At: january(1, 2)}
			for _, at := range []int{2, 20, 3} { // it was recorded in time
				moved.At = january(1, at)
				out, err = g.Amend(ctx, moved, guerdon.Correction{Reason: "it was then"})
				require.NoError(t, err)
				require.Empty(t, out.Problems)
				require.Equal(t, "2", g.mission(t, id).CurrentAmount.String())
			}
			x, err := g.Explain(ctx, out.EventID, "MissionConfiguration", "crew")
			require.NoError(t, err)
			require.True(t, x.Moved, "%s", x)
			require.Equal(t, "0", g.balance("bob"))
		})
	}
}

// That the time of a mission was over is told when it is over, as ever; what is late and completes it within the time of grace takes that
// back, and what comes later does not.
func TestEndStandsUntilGraceSaysOtherwise(t *testing.T) {
	docs := append(weeklyRuns(new(120), "2"), consoling("consoled", "goal", "3"))
	for name, tt := range map[string]struct {
		after   time.Duration
		balance string
	}{"within": {time.Hour, "10"}, "after": {2 * time.Hour, "3"}} {
		t.Run(name, func(t *testing.T) {
			g := play(t, docs...)
			g.runs("ada", january(2))
			g.set(january(8, 0).Add(time.Minute))
			require.NoError(t, g.Advance(t.Context()))
			require.Equal(t, "3", g.balance("ada"))
			g.arrives(january(8, 0).Add(tt.after), "ada", sunday)
			require.NoError(t, g.Advance(t.Context()))
			require.Equal(t, tt.balance, g.balance("ada"))
		})
	}
}

// A mission made by hand has a time of grace of its own, and what never ends has none.
func TestGraceIsOfWhatEnds(t *testing.T) {
	docs := weeklyRuns(nil, "5")
	g := play(t, docs...)
	ctx := t.Context()
	ever := weeklyRuns(new(60), "5")
	ever[1].(*leaderboard.Board).Timeframe = guerdontest.Board("runs", ever[0].(*leaderboard.Configuration), "").Timeframe
	ever[3].(*missions.Rule).Type, ever[3].(*missions.Rule).Recurrence = timeframe.Permanent, ""
	for _, doc := range []content.Document{ever[1], ever[3]} {
		b, err := guerdon.Bundle(doc)
		require.NoError(t, err)
		_, err = g.Import(ctx, b)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "graceMinutes: is not allowed when timeframeType is PERMANENT")
	}
	_, err := g.Missions.Create(ctx, missions.NewMission{ConfigurationID: "goal", UserID: "ada", GraceMinutes: new(60)})
	require.ErrorContains(t, err, "graceMinutes")
	m, err := g.Missions.Create(ctx, missions.NewMission{ConfigurationID: "goal", UserID: "bob", EndsAt: january(3), GraceMinutes: new(0)})
	require.NoError(t, err)
	require.Equal(t, january(3), m.GraceEndsAt)
	g.arrives(january(3), "bob", january(2))
	require.Equal(t, "0", g.mission(t, m.ID).CurrentAmount.String())
	require.False(t, g.mission(t, m.ID).Provisional)
	x, err := g.Missions.MissionAt(ctx, m.ID, january(2))
	require.NoError(t, err)
	require.Equal(t, timeframe.Active, x.State)

	// An exported bundle says it.
	g.publish(weeklyRuns(new(90), "5")...)
	b, err := g.Export(ctx)
	require.NoError(t, err)
	require.Len(t, regexp.MustCompile(`"graceMinutes": ?90`).FindAll(b, -1), 2, "%s", b)
}

// A board that has ended is provisional until it is closed, whether it says how long that takes or not; one that goes on is not, nor is one
// that nobody can read.
func TestProvisionalBoards(t *testing.T) {
	docs := weeklyRuns(nil, "5")
	counted := docs[0].(*leaderboard.Configuration)
	ends := func(id string, grace *int) *leaderboard.Board {
		b := guerdontest.Board(id, counted, timeframe.Weekly)
		b.EndsAt, b.GraceMinutes = new(january(8, 0)), grace
		return b
	}
	g := play(t, counted, docs[1], ends("bare", nil), ends("graceful", new(24*60)))
	provisional := func() []string {
		t.Helper()
		found, err := g.Leaderboards.Provisional(t.Context(), "runs", "bare", "graceful", "unknown")
		require.NoError(t, err)
		return slices.Sorted(maps.Keys(found))
	}
	g.runs("ada", january(3))
	require.Empty(t, provisional())
	g.set(january(8, 0))
	require.Equal(t, []string{"bare", "graceful"}, provisional())
	require.NoError(t, g.Advance(t.Context()))
	require.Equal(t, []string{"graceful"}, provisional())
	g.set(january(9, 0))
	require.Equal(t, []string{"graceful"}, provisional())
	require.NoError(t, g.Advance(t.Context()))
	require.Empty(t, provisional())
}

// Periods that overlap by their time of grace are closed one after the other, each when its own is over; a version of the board with another
// time of grace goes by that, and what was closed stays.
func TestGraceLongerThanAPeriod(t *testing.T) {
	docs := weeklyRuns(new(10*24*60), "5")
	g := play(t, docs...)
	ctx := t.Context()
	closed := func() (all []string) {
		t.Helper()
		for _, e := range g.closings(t, "runs") {
			all = append([]string{e.Event.At.Format("02") + " in " + e.RecordedAt.Format("02")}, all...)
		}
		return all
	}
	for day := 1; day <= 25; day++ {
		g.set(january(day, 0))
		require.NoError(t, g.Advance(ctx))
	}
	want := []string{"01 in 11", "08 in 18", "15 in 25"}
	require.Equal(t, want, closed())
	g.arrives(january(25), "ada", january(16))
	require.Equal(t, "1", g.score("runs", january(16)))
	g.publish(weeklyRuns(new(60), "5")...)
	require.True(t, g.week(january(16)).Provisional)
	require.NoError(t, g.Advance(ctx))
	require.True(t, g.week(january(16)).Frozen)
	require.Equal(t, append(want, "22 in 25"), closed())
	g.publish(weeklyRuns(new(60*24*60), "5")...)
	require.True(t, g.week(january(16)).Frozen, "for good")
	require.Equal(t, "1", g.score("runs", january(16)))
}

// What is archived is settled, whatever time of grace is left.
func TestArchiveEndsTheTimeOfGrace(t *testing.T) {
	g := play(t, weeklyRuns(new(30*24*60), "5")...)
	ctx := t.Context()
	g.runs("ada", january(3), january(9))
	_, err := g.Archive(ctx, january(9, 0), io.Discard)
	require.NoError(t, err)
	_, err = g.Record(ctx, g.event("ada", sunday))
	require.ErrorIs(t, err, fault.ErrConflict)
	_, err = g.Leaderboards.Top(ctx, "runs", 1, &leaderboard.At{Time: sunday})
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.Equal(t, "1", g.score("runs", january(9)))
}
