package guerdontest_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// start is when a world begins.
var start = time.Date(2024, time.January, 1, 12, 0, 0, 0, time.UTC)

// newWorld returns a world with a document of every kind and two users.
func newWorld(t guerdontest.TB) *guerdontest.World {
	three := guerdontest.MissionConfiguration("three", guerdontest.Doing("run"), "3")
	runs := guerdontest.StreakConfiguration("runs", guerdontest.Doing("run"))
	earned := guerdontest.BoardConfiguration("earned", "points")
	w := guerdontest.New(t,
		guerdontest.Board("monthly", earned, timeframe.Monthly), earned, // an order in which none could be published alone
		guerdontest.StreakRule("daily", runs), runs,
		guerdontest.MissionRule("weekly", three, timeframe.Weekly), three,
		guerdontest.RewardRule("per-run", guerdontest.Doing("run"), "points", "1.5"),
		guerdontest.RewardRule("per-week", guerdontest.Completing("three"), "points", "10"),
		guerdontest.Activity("run"), guerdontest.Activity("swim"),
		guerdontest.Currency("points"), guerdontest.Tag("team", "red"),
	)
	w.Join(t, "ada", "bob")
	return w
}

func TestWorld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Happens(t, event.Event{UserID: "bob", EntityID: "run", At: start.Add(-guerdontest.Day)}) // in the year before
	w.RequireMoved(t, w.Does(t, "ada", "run"), "MissionRule", "weekly")
	w.Pass(t, guerdontest.Day)
	out := w.Does(t, "ada", "run")
	for kind, id := range map[string]string{"MissionConfiguration": "three", "RewardRule": "per-run", "StreakRule": "daily", "RuntimeLeaderboard": "monthly"} {
		w.RequireMoved(t, out, kind, id)
	}
	w.RequireNotMoved(t, out, "MissionRule", "weekly")
	w.RequireNotMoved(t, w.Does(t, "ada", "swim"), "RewardRule", "per-run")
	w.RequireCompleted(t, w.Does(t, "ada", "run"), "three")
	w.RequireNoProblems(t, out)
	w.RequireBalance(t, "ada", "points", "14.50")
	w.RequireBalance(t, "bob", "points", "1.5")
	w.RequireStreak(t, "ada", "daily", 2)
	w.RequireRank(t, "monthly", "ada", 1)
	w.RequireRank(t, "monthly", "bob", 0)
	w.Set(t, time.Date(2024, time.February, 1, 0, 0, 0, 0, time.UTC))
	w.RequireStreak(t, "ada", "daily", 0)
	w.RequireRank(t, "monthly", "ada", 0)
}

func TestWorldsAreAlike(t *testing.T) {
	t.Parallel()
	one, two := newWorld(t), newWorld(t)
	for range 3 {
		require.Equal(t, one.Does(t, "ada", "run"), two.Does(t, "ada", "run"))
		one.Pass(t, time.Hour)
		two.Pass(t, time.Hour)
	}
	a, err := one.Journal(t.Context(), 0)
	require.NoError(t, err)
	b, err := two.Journal(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, a, b)
}

func TestPublishTakesThePlaceOfWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rule := guerdontest.RewardRule("per-run", guerdontest.Doing("run"), "points", `{"*": [{"var": "event.value"}, 2]}`)
	rule.MaxPerUser = 1
	w.Publish(t, rule)
	w.Happens(t, event.Event{UserID: "ada", EntityID: "run", Value: new(decimal.RequireFromString("2.25"))})
	w.RequireNotMoved(t, w.Does(t, "ada", "run"), "RewardRule", "per-run")
	w.RequireBalance(t, "ada", "points", "4.5")
}

// What the clock causes is there as soon as the clock has moved.
func TestClockCauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: "kim", Timezone: "Asia/Tokyo"})
	require.NoError(t, err)
	runs := guerdontest.StreakConfiguration("runs", guerdontest.Doing("run"))
	rule := guerdontest.StreakRule("saved", runs)
	rule.FreezeEnabled, rule.FreezeVirtualCurrencyID = new(true), "points"
	w.Publish(t, rule)
	for range 2 {
		w.Does(t, "kim", "run")
	}
	w.Pass(t, 12*time.Hour) // 9:00 of the next day in Tokyo
	w.Does(t, "kim", "run")
	w.RequireStreak(t, "kim", "saved", 2)
	w.RequireBalance(t, "kim", "points", "14.5")
	w.Pass(t, 3*guerdontest.Day)
	w.RequireBalance(t, "kim", "points", "12.5") // two days were missed
	w.RequireStreak(t, "kim", "saved", 2)
	w.RequireStreak(t, "kim", "daily", 0)
}

// Courses are made of the same documents.
func TestCourse(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	story, slide, quiz, run := guerdontest.Story("founding"), guerdontest.Slide("forum"), guerdontest.Quiz("hills"), guerdontest.Activity("run")
	exam := guerdontest.Group("exam", quiz, run)
	rome := guerdontest.Path("rome", story, slide, exam)
	w := guerdontest.New(t, story, slide, quiz, run, exam, rome, guerdontest.PathRule("everybody", rome))
	w.Join(t, "ada")
	ada := learning.Submission{UserID: "ada"}
	paths, err := w.Learning.Evaluate(ctx, "ada")
	require.NoError(t, err)
	require.Len(t, paths, 1)
	_, err = w.Learning.SubmitStory(ctx, learning.StorySubmission{Submission: ada, StoryID: "founding", Action: learning.CompleteRead})
	require.NoError(t, err)
	_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: ada, SlideID: "forum", Progress: learning.Complete})
	require.NoError(t, err)
	answer, err := w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: ada, QuizID: "hills", Answer: content.Option1})
	require.NoError(t, err)
	require.Equal(t, event.Success, answer.Outcome)
	w.Does(t, "ada", "run")
	log, err := w.Learning.PathLog(ctx, "ada", "rome", "")
	require.NoError(t, err)
	require.Equal(t, learning.Complete, log.Progress)
}

// A property may live in a world too.
func TestWorldOfAProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		days := rapid.IntRange(1, 10).Draw(rt, "days")
		for range days {
			w.Does(rt, "ada", "run")
			w.Pass(rt, guerdontest.Day)
		}
		w.RequireStreak(rt, "ada", "daily", days)
	})
}

func TestFailuresSayWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gems := guerdontest.Currency("gems")
	gems.MaxAllowedBalance = new(decimal.NewFromInt(1))
	w.Publish(t, gems, guerdontest.RewardRule("rich", guerdontest.Doing("swim"), "gems", "2"))
	ran, swum := w.Does(t, "ada", "run"), w.Does(t, "ada", "swim")
	for name, c := range map[string]struct {
		do   func(guerdontest.TB)
		want []string
	}{
		"not moved": {
			func(t guerdontest.TB) { w.RequireMoved(t, ran, "RewardRule", "per-week") },
			[]string{`RewardRule "per-week" should have moved`, ran.EventID + " did not move RewardRule per-week", "matchEntity"},
		},
		"moved": {
			func(t guerdontest.TB) { w.RequireNotMoved(t, ran, "StreakRule", "daily") },
			[]string{`StreakRule "daily" should not have moved`, ran.EventID + " moved StreakRule daily", "day"},
		},
		"rejected": {
			func(t guerdontest.TB) { w.RequireMoved(t, swum, "RewardRule", "rich") },
			[]string{`RewardRule "rich" should have moved`, "maxAllowedBalance"},
		},
		"not completed": {
			func(t guerdontest.TB) { w.RequireCompleted(t, ran, "three") },
			[]string{`no mission of "three" was completed: ada:weekly:three:2024-W01 is at 1 of 3`, "MissionConfiguration three"},
		},
		"nothing of the kind": {
			func(t guerdontest.TB) { w.RequireNotMoved(t, ran, "RewardRule", "per-runn") }, []string{`RewardRule: "per-runn" not found`},
		},
		"nothing that moves": {
			func(t guerdontest.TB) { w.RequireNotMoved(t, ran, "Activity", "run") }, []string{`kind: "Activity" is none of`},
		},
		"problems": {
			func(t guerdontest.TB) { w.RequireNoProblems(t, swum) }, []string{"event " + swum.EventID + " has problems", "RewardRule/rich rewards[0]"},
		},
		"balance": {
			func(t guerdontest.TB) { w.RequireBalance(t, "ada", "points", "2") },
			[]string{`"ada" has 1.5 of "points", not 2`, "Mon 2024-01-01 12:00:00 CREDIT 1.5 by rewardRuleId#per-run, COMPLETED"},
		},
		"no number":  {func(t guerdontest.TB) { w.RequireBalance(t, "ada", "points", "many") }, []string{"many"}},
		"no user":    {func(t guerdontest.TB) { w.RequireBalance(t, "eve", "points", "2") }, []string{"eve"}},
		"streak":     {func(t guerdontest.TB) { w.RequireStreak(t, "ada", "daily", 2) }, []string{"is ACTIVE at 1, not 2", "2024-01-01 REGULAR"}},
		"rank":       {func(t guerdontest.TB) { w.RequireRank(t, "monthly", "bob", 1) }, []string{`"bob" has the rank 0 on "monthly" in MONTHLY-2024-01-01T00:00:00.000Z-2024-02-01T00:00:00.000Z, not 1`, "1. ada 1.5"}},
		"clock back": {func(t guerdontest.TB) { w.Pass(t, -time.Hour) }, []string{"shows Mon 2024-01-01 12:00:00 and cannot go back to Mon 2024-01-01 11:00:00"}},
		"bad document": {
			func(t guerdontest.TB) {
				w.Publish(t, guerdontest.RewardRule("bad", guerdontest.Doing("fly"), "points", `{"plus": [1, 2]}`))
			},
			[]string{"rewards[0].expression"},
		},
		"dangling document": {
			func(t guerdontest.TB) {
				w.Publish(t, guerdontest.RewardRule("bad", guerdontest.Doing("fly"), "points", "1"))
			},
			[]string{"fly"},
		},
		"foreign document": {func(t guerdontest.TB) { w.Publish(t, &foreign{}) }, []string{"*guerdontest_test.foreign is none of [Tag "}},
		"refused event":    {func(t guerdontest.TB) { w.Does(t, "ada", "fly") }, []string{"entityId"}},
		"joined already":   {func(t guerdontest.TB) { w.Join(t, "ada") }, []string{"ada"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := failure(t, c.do)
			for _, want := range c.want {
				require.Contains(t, text, want)
			}
		})
	}
	require.Equal(t, start, w.Now())
}

// foreign is a document of a kind that the engine does not have.
type foreign struct {
	content.Header
	content.Untranslated
}

func (*foreign) Validate() error                 { return nil }
func (*foreign) References() []content.Reference { return nil }

// failure returns what fn says when it fails.
func failure(t *testing.T, fn func(guerdontest.TB)) string {
	t.Helper()
	w := &witness{ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(w)
	}()
	<-done
	require.True(t, w.failed, "it did not fail")
	return w.text
}

// witness is a TB that remembers how it failed.
type witness struct {
	ctx    context.Context
	text   string
	failed bool
}

func (*witness) Helper()                             {}
func (w *witness) Context() context.Context          { return w.ctx }
func (w *witness) Errorf(format string, args ...any) { w.text += fmt.Sprintf(format, args...) }

// FailNow ends the goroutine, as that of a test does.
func (w *witness) FailNow() {
	w.failed = true
	runtime.Goexit()
}

// A World knows what is held for review.
func TestWorldKnowsWhatIsHeld(t *testing.T) {
	t.Parallel()
	w := guerdontest.New(t)
	rule := guerdontest.ReviewedRule("runs", guerdontest.Doing("run"), "points", "2", 10, `{">": [{"var": "recent.lately"}, 1]}`)
	w.Publish(t, guerdontest.Activity("run"), guerdontest.Currency("points"), rule)
	w.Join(t, "ada")
	w.Does(t, "ada", "run")
	w.RequireHeldForReview(t, "ada", "points", "0")
	w.Does(t, "ada", "run")
	w.RequireHeldForReview(t, "ada", "points", "2")
	w.RequireBalance(t, "ada", "points", "4")
}

// A World knows what is left of budgets.
func TestWorldKnowsWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := guerdontest.New(t)
	rule := guerdontest.RewardRule("runs", guerdontest.Doing("run"), "points", "2")
	rule.Budget = &economy.Budget{Max: decimal.NewFromInt(3)}
	rule.Rewards[0].Budget = &economy.Budget{Max: decimal.NewFromInt(5)}
	w.Publish(t, guerdontest.Activity("run"), guerdontest.Currency("points"), rule, guerdontest.Boost("half-more", "1.5"))
	w.Join(t, "ada")
	w.Does(t, "ada", "run")
	w.RequireBudget(t, "runs", "budget", "2")
	w.RequireBudget(t, "runs", "rewards[0].budget", "2")
	w.RequireBalance(t, "ada", "points", "3")
}
