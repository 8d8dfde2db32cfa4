package proof_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

// icy returns a streak of days of running whose missed days cost so many points.
func icy(price string) []content.Document {
	active := guerdontest.StreakConfiguration("active", guerdontest.Doing("run"))
	rule := guerdontest.StreakRule("icy", active)
	rule.FreezeEnabled, rule.FreezeVirtualCurrencyID, rule.FreezeCostExpression = nil, "points", json.RawMessage(price)
	return []content.Document{active, rule}
}

// frozen returns the days that ada has paid for.
func (g *game) frozen() (frozen []string) {
	g.t.Helper()
	for _, row := range pages(g.t, func(p store.Page) ([]streaks.Streak, string, error) {
		return g.Streaks.Streaks(g.t.Context(), "ada", streaks.Query{PeriodType: streaks.ByDay}, p)
	}) {
		if row.Kind == streaks.Freeze {
			frozen = append(frozen, row.PeriodID)
		}
	}
	slices.Sort(frozen)
	return frozen
}

// rich grants ada a hundred points.
func (g *game) rich() {
	g.t.Helper()
	_, err := g.Economy.Grant(g.t.Context(), []economy.Grant{{CurrencyID: "points", Amount: decimal.NewFromInt(100), DestinationUserID: "ada"}})
	require.NoError(g.t, err)
}

// away lets ada, who is rich and whose freezes cost 10, run on the first and not again before a day, whether the clock is asked
// every day in between or never.
func away(t *testing.T, until int, then func(*testing.T, *game)) {
	t.Helper()
	for name, advance := range map[string]bool{"with the clock asked every day": true, "with the clock asked never": false} {
		t.Run(name, func(t *testing.T) {
			g := play(t, icy("10")...)
			g.rich()
			g.runs("ada", january(1))
			if advance {
				g.daily(until - 1)
			}
			g.runs("ada", january(until))
			then(t, g)
		})
	}
}

func TestNobodyPaysForWhatCannotBeSaved(t *testing.T) {
	away(t, 17, func(t *testing.T, g *game) { // fifteen days later
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, 1, g.count("icy"), "the streak is lost")
		require.Empty(t, g.frozen())
		require.Equal(t, "100", g.balance("ada"))
	})
}

func TestWhatCanBeSavedIsPaidForOnce(t *testing.T) {
	away(t, 10, func(t *testing.T, g *game) {
		require.Equal(t, 2, g.count("icy"))
		require.Equal(t, "20", g.balance("ada"))
	})
}

func TestFreezeThatIsNotNeededIsGivenBack(t *testing.T) {
	g := play(t, icy("10")...)
	g.rich()
	g.runs("ada", january(1))
	g.daily(4)
	require.Equal(t, []string{"2024-01-02", "2024-01-03"}, g.frozen())
	require.Equal(t, "80", g.balance("ada"))
	g.runs("ada", january(2))
	require.NoError(t, g.Advance(t.Context()))
	require.Equal(t, []string{"2024-01-03"}, g.frozen())
	require.Equal(t, "90", g.balance("ada"))
	require.Equal(t, 2, g.count("icy"))
}

func TestWhoIsSuspendedPaysForNothing(t *testing.T) {
	for name, advance := range map[string]bool{"with the clock asked every day": true, "with the clock asked never": false} {
		t.Run(name, func(t *testing.T) {
			g := play(t, icy("1")...)
			g.rich()
			g.runs("ada", january(1))
			_, err := g.Users.Suspend(t.Context(), "ada")
			require.NoError(t, err)
			if advance {
				g.daily(19)
			}
			g.set(january(20))
			_, err = g.Users.Resume(t.Context(), "ada")
			require.NoError(t, err)
			g.runs("ada", january(20, 13))
			require.Equal(t, "100", g.balance("ada"))
		})
	}
}

// Whoever imports a history pays what living it would have cost, and for whole gaps only.
func TestImportCostsWhatLivingCosts(t *testing.T) {
	docs := append(icy("5"), guerdontest.RewardRule("ten", guerdontest.Doing("run"), "points", "10"))
	lived, imported := play(t, docs...), play(t, docs...)
	var batch []event.Event
	for week := range 100 {
		at := january(1 + 7*week)
		lived.daily(7 * week)
		lived.runs("ada", at)
		batch = append(batch, imported.event("ada", at))
	}
	imported.set(*lived.now.Load())
	_, err := imported.RecordBatch(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, lived.frozen(), imported.frozen())
	require.Equal(t, lived.balance("ada"), imported.balance("ada"))
	require.Equal(t, lived.count("icy"), imported.count("icy"))
	gaps := map[int]int{}
	for _, day := range imported.frozen() {
		d, err := timeframe.ParseDay(day)
		require.NoError(t, err)
		gaps[d.Sub(timeframe.DayOf(january(1), time.UTC))/7]++
	}
	for week, frozen := range gaps {
		require.Equal(t, 6, frozen, "of the gap after week %d", week)
	}
}

// Whatever is published late has counted from the beginning of its time, and pays for nothing that was before.
func TestWhatIsPublishedLateCountsTheBeginning(t *testing.T) {
	for _, mode := range []missions.AssignmentMode{missions.OnEvent, missions.Lazy} {
		for target, paid := range map[int]string{6: "11", 3: "1"} {
			t.Run(fmt.Sprintf("%s of %d", mode, target), func(t *testing.T) {
				g := play(t)
				g.runs("ada", days(1, 2, 3, 4, 5)...)
				active := guerdontest.StreakConfiguration("active", guerdontest.Doing("run"))
				goal := guerdontest.MissionConfiguration("goal", guerdontest.Doing("run"), strconv.Itoa(target))
				rule := guerdontest.MissionRule("goal", goal, timeframe.Weekly)
				if rule.AssignmentMode = mode; mode == missions.Lazy {
					rule.EventMatchType, rule.EventMatchEntity, rule.EventMatchEntityID = "", "", ""
				}
				board := guerdontest.BoardConfiguration("runs", "points")
				board.Query.Source, board.Query.Where, board.Query.Score.Of = "activity_logs", nil, json.RawMessage("1")
				g.publish(active, guerdontest.StreakRule("active", active), goal, rule, board, guerdontest.Board("runs", board, timeframe.Weekly),
					guerdontest.RewardRule("one", guerdontest.Doing("run"), "points", "1"), guerdontest.RewardRule("ten", guerdontest.Completing("goal"), "points", "10"))
				g.runs("ada", january(6))
				_, err := g.Missions.Evaluate(t.Context(), "ada")
				require.NoError(t, err)
				require.Equal(t, 6, g.count("active"))
				m := g.mission(t, "ada:goal:goal:2024-W01")
				require.Equal(t, strconv.Itoa(min(6, target)), m.CurrentAmount.String())
				require.Equal(t, january(target), m.CompletedAt)
				require.Equal(t, "6", g.score("runs", january(6)))
				require.Equal(t, paid, g.balance("ada"))
			})
		}
	}
}

func TestExplainOfWhatWasWorthNothingNamesTheAmount(t *testing.T) {
	pay := guerdontest.RewardRule("pay", guerdontest.Doing("run"), "points", `{"var": "value"}`)
	pay.MaxPerUser = 1
	g := play(t, pay)
	free := g.event("ada", january(1))
	free.Value = new(decimal.Decimal)
	g.set(january(1))
	_, err := g.Record(t.Context(), free)
	require.NoError(t, err)
	pay.MaxPerUser = 3
	g.set(january(2, 9))
	g.publish(pay)
	g.runs("ada", days(2, 3)...)
	x, err := g.Explain(t.Context(), free.ID, "RewardRule", "pay")
	require.NoError(t, err)
	require.False(t, x.Moved)
	require.NotContains(t, x.String(), "as often as it may")
}

func TestExplainAfterTheClockWentBack(t *testing.T) {
	g := play(t, guerdontest.RewardRule("pay", guerdontest.Doing("run"), "points", "1"))
	g.set(g.now.Load().Add(-time.Hour))
	for i := range 60 {
		e := run(fmt.Sprint("e", i), "ada", time.Time{})
		_, err := g.Record(t.Context(), e)
		require.NoError(t, err)
		x, err := g.Explain(t.Context(), e.ID, "RewardRule", "pay")
		require.NoError(t, err)
		require.True(t, x.Moved, "%s", x)
		require.Equal(t, 1, x.Version, "%s", x)
		require.Contains(t, x.String(), "paid 1 points")
	}
	g.runs("ada", january(-1)) // what came after it was paid by the same rule
	require.Equal(t, "61", g.balance("ada"))
}

func TestBoardWhoseConfigurationRestedHasTheWholePeriod(t *testing.T) {
	earned := guerdontest.BoardConfiguration("earned", "points")
	g := play(t, guerdontest.RewardRule("one", guerdontest.Doing("run"), "points", "1"), earned, guerdontest.Board("weekly", earned, timeframe.Weekly))
	g.runs("ada", days(1, 6)...)
	_, err := g.Leaderboards.Configurations.Archive(t.Context(), "earned")
	require.NoError(t, err)
	g.runs("ada", days(7, 8, 9)...)
	require.Equal(t, "3", g.score("weekly", january(3)), "the period goes on to its end")
	g.publish(earned)
	g.runs("ada", january(10))
	require.Equal(t, "3", g.score("weekly", january(3)))
	require.Equal(t, "3", g.score("weekly", january(10)))
}

// An event of a group that is an hour late reads as much after two thousand contributions as after a hundred.
func TestLateEventOfAGroupReadsLittle(t *testing.T) {
	read := func(contributions int) int {
		goal, rule := team("1000000", missions.OnEvent)
		m := &meter{Store: memory.New()}
		g := playOn(t, m, goal, rule)
		var batch []event.Event
		for i := range contributions {
			batch = append(batch, g.event([]string{"ada", "bob"}[i%2], january(1).Add(time.Duration(i)*time.Minute)))
		}
		g.set(january(20))
		_, err := g.RecordBatch(t.Context(), batch)
		require.NoError(t, err)
		late := batch[contributions-1].At.Add(-time.Hour + time.Second)
		return m.of(func() { g.runs("bob", late) }).read
	}
	require.LessOrEqual(t, read(2000), 2*read(100), "rows that a late event reads")
}

// What was recorded while the clock had gone back is explained alike after it was folded again.
func TestLateEventAfterTheClockWentBack(t *testing.T) {
	goal := guerdontest.MissionConfiguration("three", guerdontest.Doing("run"), "3")
	g := play(t, goal, guerdontest.MissionRule("three", goal, timeframe.Weekly))
	g.set(g.now.Load().Add(-time.Hour))
	g.runs("ada", january(-4))
	second := g.event("ada", january(-3))
	_, err := g.Record(t.Context(), second)
	require.NoError(t, err)
	before, err := g.Explain(t.Context(), second.ID, "MissionRule", "three")
	require.NoError(t, err)
	require.Contains(t, before.String(), "was evaluated")
	early := g.event("ada", january(-5))
	early.EntityID = "swim"
	_, err = g.Record(t.Context(), early)
	require.NoError(t, err)
	after, err := g.Explain(t.Context(), second.ID, "MissionRule", "three")
	require.NoError(t, err)
	require.Equal(t, before.String(), after.String())
}
