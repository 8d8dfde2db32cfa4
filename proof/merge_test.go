package proof_test

import (
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
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// same is why two users are merged.
var same = guerdon.Correction{Reason: "one person with two phones"}

// merge gives bob's id up for ada's.
func (g *game) merge() {
	g.t.Helper()
	would, err := g.DryMerge(g.t.Context(), "bob", "ada", same)
	require.NoError(g.t, err)
	merged, err := g.Merge(g.t.Context(), "bob", "ada", same)
	require.NoError(g.t, err)
	require.Equal(g.t, would.Facts, merged.Facts)
}

func (g *game) grant(userID string, amount int64) {
	g.t.Helper()
	_, err := g.Economy.Grant(g.t.Context(), []economy.Grant{{CurrencyID: "points", DestinationUserID: userID, Amount: decimal.NewFromInt(amount)}})
	require.NoError(g.t, err)
}

// Two accounts of one person: what the person has then is what a single account would have had.
func TestMerges(t *testing.T) {
	daily := guerdontest.StreakConfiguration("daily", guerdontest.Doing("run"))
	thrice := guerdontest.MissionConfiguration("thrice", guerdontest.Doing("run"), "3")
	board := guerdontest.BoardConfiguration("earned", "points")
	for name, tt := range map[string]struct {
		play   func(*game)
		points string
		streak int
		done   bool // the mission
	}{
		"days of a streak are joined": {func(g *game) {
			g.runs("ada", days(1, 3)...)
			g.runs("bob", days(2, 4)...)
		}, "4", 4, true},
		"what both have completed is completed once": {func(g *game) {
			g.runs("ada", days(1, 1, 1)...)
			g.runs("bob", days(2, 2, 2)...)
		}, "6", 2, true},
		"what neither has completed": {func(g *game) {
			g.runs("ada", days(1, 2)...)
			g.runs("bob", days(2)...)
		}, "3", 2, true},
		"what the one was granted and has spent": {func(g *game) {
			g.grant("bob", 50)
			g.grant("ada", 5)
			_, err := g.Economy.Spend(g.t.Context(), "bob", economy.Spending{ID: "shirt", CurrencyID: "points", Amount: decimal.NewFromInt(30)})
			require.NoError(g.t, err)
		}, "25", 0, false},
		"what the one gave to the other": {func(g *game) {
			g.grant("bob", 50)
			_, err := g.Economy.Transfer(g.t.Context(), "bob", []economy.Grant{{ID: "gift", CurrencyID: "points", DestinationUserID: "ada", Amount: decimal.NewFromInt(20)}})
			require.NoError(g.t, err)
		}, "50", 0, false},
		"who has done nothing": {func(g *game) { g.runs("ada", january(1)) }, "1", 1, false},
		"with the clock between": {func(g *game) {
			g.runs("ada", january(1))
			g.daily(2)
			g.runs("bob", january(2, 23).Add(30*time.Minute))
			g.daily(4)
			g.runs("bob", january(5))
			g.runs("ada", january(6))
		}, "4", 2, true},
		"what was taken back stays taken back": {func(g *game) {
			g.runs("bob", january(1))
			e := g.event("bob", january(2))
			g.set(january(2))
			_, err := g.Record(g.t.Context(), e)
			require.NoError(g.t, err)
			_, err = g.Retract(g.t.Context(), e.ID, wrong)
			require.NoError(g.t, err)
		}, "1", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := play(t, perUnit(), thrice, guerdontest.MissionRule("thrice", thrice, ""), daily, guerdontest.StreakRule("daily", daily),
				board, guerdontest.Board("ever", board, ""))
			tt.play(g)
			g.merge()
			require.Equal(t, tt.points, g.balance("ada"))
			require.Equal(t, tt.points, g.balance("bob"), "an id that was given up means who stays")
			require.Equal(t, tt.streak, g.count("daily"))
			all, err := g.Missions.Current(t.Context(), "ada")
			require.NoError(t, err)
			done := 0
			for _, m := range all {
				if m.IsCompleted {
					done++
				}
			}
			require.Equal(t, tt.done, done == 1)
			top, err := g.Leaderboards.Top(t.Context(), "ever", 10, nil)
			require.NoError(t, err)
			for _, row := range top.Rows {
				require.Equal(t, "ada", row.EntityID)
			}
			again, err := g.Merge(t.Context(), "bob", "ada", same)
			require.NoError(t, err)
			require.Zero(t, again.Facts, "twice is once")
		})
	}
}

// A quiz that both have answered counts as it was answered first.
func TestMergedAnswers(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		quiz := guerdontest.Quiz("capitals")
		pays := guerdontest.RewardRule("pays", event.Matcher{Type: event.MatchInstance, Entity: string(event.Quiz), EntityID: "capitals"}, "points", "10")
		g := playWith(t, founded(t, w.store, "eta", january(0)), quiz, pays)
		answer := func(userID string, option content.Option) {
			_, err := g.Learning.SubmitQuiz(t.Context(), learning.QuizSubmission{Submission: learning.Submission{UserID: userID}, QuizID: "capitals", Answer: option})
			require.NoError(t, err)
		}
		g.set(january(1))
		answer("bob", quiz.CorrectAnswer)
		g.set(january(2))
		answer("ada", content.Option2)
		require.Equal(t, "10", g.balance("ada"))
		g.set(january(3))
		g.user("eve")
		answer("eve", content.Option2)
		_, err := g.Economy.RewardRules.Archive(t.Context(), "pays")
		require.NoError(t, err)
		_, err = g.Quizzes.Archive(t.Context(), "capitals")
		require.NoError(t, err)
		g.merge()
		_, err = g.Merge(t.Context(), "eve", "ada", same)
		require.NoError(t, err, "what comes to nothing, of what is out of use")
		require.Equal(t, "10", g.balance("ada"))
		l, err := g.Learning.QuizLog(t.Context(), "bob", "capitals", "")
		require.NoError(t, err)
		require.Equal(t, "ada", l.UserID)
		require.Equal(t, event.Success, l.Outcome)
		require.Equal(t, january(1), l.CompletedAt)
	})
}

// What both were given by hand stays once; what only the one was given is the other's.
func TestMergedByHand(t *testing.T) {
	both, one := guerdontest.MissionConfiguration("both", guerdontest.Doing("run"), "3"), guerdontest.MissionConfiguration("one", guerdontest.Doing("run"), "3")
	g := play(t, both, one)
	for _, n := range []missions.NewMission{{ConfigurationID: "both", UserID: "ada"}, {ConfigurationID: "both", UserID: "bob"}, {ConfigurationID: "one", UserID: "bob"}} {
		_, err := g.Missions.Create(t.Context(), n)
		require.NoError(t, err)
	}
	g.runs("ada", january(1))
	g.runs("bob", days(2, 3)...)
	g.merge()
	all, _, err := g.Missions.List(t.Context(), "ada", missions.Query{}, store.Page{})
	require.NoError(t, err)
	require.Len(t, all, 2)
	for _, m := range all {
		require.Equal(t, "ada", m.UserID)
		require.Equal(t, "3", m.CurrentAmount.String(), m.ConfigurationID)
		require.True(t, m.IsCompleted)
	}
}

// The journal says whose an event is since, and what was recorded by the id that was given up can be recorded again, corrected and explained.
func TestMergedIsKnown(t *testing.T) {
	g := play(t, perUnit())
	e := run("ride", "bob", january(1))
	g.set(january(1))
	first, err := g.Record(t.Context(), e)
	require.NoError(t, err)
	g.merge()
	ctx := t.Context()

	past, err := g.Corrections(ctx, "ride")
	require.NoError(t, err)
	require.Len(t, past, 1)
	require.Equal(t, "ada", past[0].Event.UserID)
	require.Equal(t, "bob", past[0].Correction.Was.UserID)
	require.Equal(t, same.Reason, past[0].Correction.Reason)

	again, err := g.Record(ctx, e)
	require.NoError(t, err)
	require.Equal(t, first, again, "an event that is sent once more is not recorded anew")
	next, err := g.Record(ctx, run("second", "bob", january(1)))
	require.NoError(t, err)
	require.Equal(t, "ada", next.Transactions[0].UserID, "a phone that does not know of it yet")
	require.Equal(t, "2", g.balance("ada"))

	x, err := g.Explain(ctx, "ride", "RewardRule", "pays")
	require.NoError(t, err)
	require.True(t, x.Moved)
	require.Contains(t, x.String(), same.Reason)

	_, err = g.Amend(ctx, amended("ride", 7), wrong)
	require.NoError(t, err)
	require.Equal(t, "8", g.balance("ada"))
	_, err = g.Retract(ctx, "ride", wrong)
	require.NoError(t, err)
	require.Equal(t, "1", g.balance("ada"))
	restored := amended("ride", 3)
	restored.UserID, restored.At = "bob", january(1)
	_, err = g.Amend(ctx, restored, wrong)
	require.NoError(t, err)
	require.Equal(t, "4", g.balance("ada"))
}

func TestMergedProfile(t *testing.T) {
	g := play(t)
	ctx := t.Context()
	zone := "Europe/Rome"
	_, err := g.Users.Create(ctx, tenancy.NewUser{ID: "ann", Email: "ann@example.org", ExternalID: "42", Nickname: "annie", Timezone: zone, Tags: []tenancy.Tagging{{TagID: "goal"}}})
	require.NoError(t, err)
	_, err = g.Merge(ctx, "ann", "ada", same)
	require.NoError(t, err)
	u, err := g.Users.Get(ctx, "ann")
	require.NoError(t, err)
	require.Equal(t, "ada", u.ID)
	require.Equal(t, "annie", u.Nickname)
	require.Equal(t, "42", u.ExternalID)
	require.Empty(t, u.Timezone, "who stays keeps the zone")
	require.True(t, u.HasTag("red"))
	require.True(t, u.HasTag("goal"))
	who, err := g.Users.Principal(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, "ann@example.org", who.Email)
	by, err := g.Users.ByExternalID(ctx, "42")
	require.NoError(t, err)
	require.Equal(t, "ada", by.ID)
	_, err = g.Users.Create(ctx, tenancy.NewUser{ID: "ann"})
	require.ErrorIs(t, err, fault.ErrExists, "an id that was given up stays taken")
	many, err := g.Users.GetMany(ctx, "ann", "ada", "bob")
	require.NoError(t, err)
	require.Len(t, many, 2)
}

func TestMergeRefuses(t *testing.T) {
	g := play(t, perUnit())
	ctx := t.Context()
	g.runs("bob", january(1))
	_, err := g.Users.Create(ctx, tenancy.NewUser{ID: "gone"})
	require.NoError(t, err)
	_, err = g.Users.Anonymise(ctx, "gone")
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		userID, intoID string
		c              guerdon.Correction
		kind           error
		field          string
	}{
		"without a reason": {"bob", "ada", guerdon.Correction{}, fault.ErrInvalid, "reason"},
		"into itself":      {"bob", "bob", same, fault.ErrInvalid, "intoUserId"},
		"of nobody":        {"nobody", "ada", same, fault.ErrNotFound, "user"},
		"into nobody":      {"bob", "nobody", same, fault.ErrNotFound, "user"},
		"of who is gone":   {"gone", "ada", same, fault.ErrConflict, "userId"},
		"into who is gone": {"bob", "gone", same, fault.ErrConflict, "intoUserId"},
	} {
		t.Run(name, func(t *testing.T) {
			before := dumped(t, g.Workspace)
			for _, merge := range []func() error{
				func() error { _, err := g.DryMerge(ctx, tt.userID, tt.intoID, tt.c); return err },
				func() error { _, err := g.Merge(ctx, tt.userID, tt.intoID, tt.c); return err },
			} {
				err := merge()
				require.ErrorIs(t, err, tt.kind)
				require.ErrorContains(t, err, tt.field)
			}
			require.Equal(t, before, dumped(t, g.Workspace))
		})
	}
}

// Wherever a merge of several transactions fails, it goes on where it was, by the same call or when the clock is asked, and ends as if nothing had been.
func TestMergeGoesOn(t *testing.T) {
	for _, again := range []string{"merge", "advance"} {
		t.Run(again, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			st := &faulty{Store: memory.New()}
			st.heal()
			g := playOn(t, st, perUnit())
			g.longRun()
			failed, between := 0, false
			for calls := 2000; ; calls += 3000 { // of the store, before it fails
				st.failAfter(calls)
				_, err := g.Merge(ctx, "bob", "ada", same)
				st.heal()
				if err == nil {
					break
				}
				failed++
				ada, err := g.Economy.Balance(ctx, "ada", "points")
				require.NoError(t, err)
				between = between || ada.Amount.IsPositive()
				g.requireBooks(t)
				if between && again == "advance" {
					require.NoError(t, g.Advance(ctx))
				}
			}
			require.Positive(t, failed)
			require.True(t, between, "it failed with some of it done")
			require.Equal(t, "600", g.balance("ada"))
		})
	}
}

// A history of more than a transaction's worth is moved in several, and goes on where it was interrupted.
func TestMergesInPortions(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		g := playWith(t, founded(t, w.store, "theta", january(0)), perUnit())
		g.longRun()
		_, err := g.Economy.Spend(t.Context(), "bob", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(550)})
		require.NoError(t, err)
		merged, err := g.Merge(t.Context(), "bob", "ada", guerdon.Correction{Reason: "one person with two phones", Spent: guerdon.Refuse})
		require.NoError(t, err, "what was spent is moved before what it was paid from")
		require.Equal(t, 601, merged.Facts)
		require.Empty(t, merged.Outcome.Problems)
		require.Equal(t, "50", g.balance("ada"))
	})
}
