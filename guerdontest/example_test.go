package guerdontest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/timeframe"
)

// t stands in for the *testing.T that a test has.
var t program

// program is a TB for what is not a test.
type program struct{}

func (program) Helper()                           {}
func (program) Context() context.Context          { return context.Background() }
func (program) Errorf(format string, args ...any) { fmt.Printf(format, args...) }
func (program) FailNow()                          { panic("failed") }

// A host tests that three runs in a week pay ten points, and that the next week begins anew.
func Example() {
	three := guerdontest.MissionConfiguration("three", guerdontest.Doing("run"), "3")
	w := guerdontest.New(t,
		guerdontest.Activity("run"),
		guerdontest.Currency("points"),
		three,
		guerdontest.MissionRule("weekly", three, timeframe.Weekly),
		guerdontest.RewardRule("full-week", guerdontest.Completing("three"), "points", "10"),
	)
	w.Join(t, "ada")
	w.Does(t, "ada", "run")
	w.Pass(t, 2*guerdontest.Day)
	w.Does(t, "ada", "run")
	w.RequireBalance(t, "ada", "points", "0")
	w.Pass(t, 2*guerdontest.Day)
	w.RequireCompleted(t, w.Does(t, "ada", "run"), "three")
	w.RequireBalance(t, "ada", "points", "10")

	w.Pass(t, 3*guerdontest.Day)
	w.RequireMoved(t, w.Does(t, "ada", "run"), "MissionRule", "weekly")
	w.RequireBalance(t, "ada", "points", "10")
	fmt.Println("passed on", w.Now().Format(time.DateOnly))
	// Output: passed on 2024-01-08
}

// A year of three people takes less than a second, so a season can be tried out before it begins.
func ExampleWorld_Pass() {
	five := guerdontest.MissionConfiguration("five", guerdontest.Doing("run"), "5")
	runs := guerdontest.StreakConfiguration("runs", guerdontest.Doing("run"))
	earned := guerdontest.BoardConfiguration("earned", "points")
	w := guerdontest.New(t,
		guerdontest.Activity("run"),
		guerdontest.Currency("points"),
		five,
		guerdontest.MissionRule("weekly", five, timeframe.Weekly),
		guerdontest.RewardRule("per-run", guerdontest.Doing("run"), "points", "1"),
		guerdontest.RewardRule("full-week", guerdontest.Completing("five"), "points", "10"),
		runs,
		guerdontest.StreakRule("daily", runs),
		earned,
		guerdontest.Board("year", earned, ""),
	)
	w.Join(t, "everyday", "workday", "weekend")
	for w.Now().Year() == 2024 {
		w.Does(t, "everyday", "run")
		if day := w.Now().Weekday(); day == time.Saturday || day == time.Sunday {
			w.Does(t, "weekend", "run")
		} else {
			w.Does(t, "workday", "run")
		}
		w.Pass(t, guerdontest.Day)
	}
	board, err := w.Leaderboards.Top(t.Context(), "year", 3, nil)
	if err != nil {
		panic(err)
	}
	for _, row := range board.Rows {
		streak, err := w.Streaks.Current(t.Context(), row.EntityID, "daily")
		if err != nil {
			panic(err)
		}
		fmt.Println(row.Rank, row.EntityID, row.Score, "longest streak", streak.Longest)
	}
	// Output:
	// 1 everyday 886 longest streak 366
	// 2 workday 782 longest streak 5
	// 3 weekend 104 longest streak 2
}
