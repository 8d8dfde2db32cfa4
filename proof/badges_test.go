package proof_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/timeframe"
)

// badge returns how a user has a badge.
func (g *game) badge(userID, badgeID string) badges.View {
	g.t.Helper()
	b, err := g.Badges.Badge(g.t.Context(), userID, badgeID, "")
	require.NoError(g.t, err)
	return b
}

// runner is a badge for every mission of two runs, kept for ever or not.
func runner(keeps bool) []content.Document {
	two := guerdontest.MissionConfiguration("two", guerdontest.Doing("run"), "2")
	badge := guerdontest.Badge("runner")
	badge.ProgressType, badge.ProgressID = "MissionConfiguration", "two"
	badge.IsRevocable = new(!keeps)
	return []content.Document{two, guerdontest.MissionRule("two", two, timeframe.Weekly), badge, guerdontest.AwardRule("award", guerdontest.Completing("two"), "runner")}
}

func TestBadgeIsAwardedForWhatARuleSays(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		g := playWith(t, founded(t, w.store, "theta", january(0)), runner(false)...)
		out := g.runs("ada", january(1))
		require.Empty(t, out.Badges)
		require.JSONEq(t, `{"done": "1", "needed": "2", "share": "0.5"}`, jsonOf(t, g.badge("ada", "runner").Progress))
		out = g.runs("ada", january(2))
		want := badges.Award{
			ID: "ada:two:two:2024-W01:completed:award:0", UserID: "ada", ConfigurationID: "runner", At: january(2), SourceType: "Mission", SourceID: "two", RuleID: "award", RuleVersion: 1,
		}
		require.Equal(t, []badges.Change{{Award: want, Count: 1}}, out.Badges)
		require.Equal(t, []economy.Change{{RewardRuleID: "award", RuleVersion: 1, UserID: "ada", State: economy.Completed, BadgeID: "runner"}}, out.Transactions)
		g.runs("ada", january(8), january(9))
		b := g.badge("ada", "runner")
		require.Equal(t, badges.Badge{UserID: "ada", ConfigurationID: "runner", Count: 2, FirstAt: january(2), LastAt: january(9)}, b.Badge)
		require.Len(t, b.Awards, 2)
		require.Equal(t, want, b.Awards[1])
		require.Equal(t, "1", b.Progress.Share.String())

		x, err := g.Explain(t.Context(), out.EventID, "BadgeConfiguration", "runner")
		require.NoError(t, err)
		require.True(t, x.Moved)
		require.Equal(t, "reward rule award awarded it for Mission two", x.Checks[0].Reason)
		x, err = g.Explain(t.Context(), out.EventID, "RewardRule", "award")
		require.NoError(t, err)
		require.True(t, x.Moved)
		require.Equal(t, "paid the badge runner", x.Checks[len(x.Checks)-1].Reason)
	})
}

// A badge is gone with what it was for, unless it is one that is kept.
func TestBadgeIsRevokedUnlessItIsKept(t *testing.T) {
	for name, keeps := range map[string]bool{"revocable": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := play(t, runner(keeps)...)
			g.runs("ada", january(1))
			done := g.runs("ada", january(2))
			had := g.badge("ada", "runner")
			undone, err := g.Retract(t.Context(), done.EventID, guerdon.Correction{Reason: "the watch was wrong"})
			require.NoError(t, err)
			require.Len(t, undone.Badges, 1)
			require.True(t, undone.Badges[0].Undone)
			require.Equal(t, keeps, undone.Badges[0].Kept)
			require.Zero(t, undone.Badges[0].Count)
			require.True(t, undone.Transactions[0].Undone)
			left := g.badge("ada", "runner")
			if !keeps {
				require.Zero(t, left.Count)
				require.Empty(t, left.Awards)
			} else {
				require.Equal(t, had.Badge, left.Badge)
				require.True(t, left.Awards[0].Kept)
			}
			_, err = g.Record(t.Context(), g.event("ada", january(2))) // and it is earned once more
			require.NoError(t, err)
			b := g.badge("ada", "runner")
			require.Equal(t, had.Badge, b.Badge)
			require.Len(t, b.Awards, 1)
			require.False(t, b.Awards[0].Kept)
		})
	}
}

// A badge that turns out to have been earned at another time is one badge, kept or not, and nothing is undone.
func TestBadgeOfAnotherTime(t *testing.T) {
	for name, keeps := range map[string]bool{"revocable": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := play(t, runner(keeps)...)
			g.runs("ada", days(2, 3)...)
			require.Equal(t, january(3), g.badge("ada", "runner").LastAt)
			out := g.runs("ada", january(1))
			require.Len(t, out.Badges, 1)
			require.False(t, out.Badges[0].Undone)
			require.Equal(t, january(2), out.Badges[0].At)
			require.Empty(t, out.Transactions)
			b := g.badge("ada", "runner")
			require.Equal(t, badges.Badge{UserID: "ada", ConfigurationID: "runner", Count: 1, FirstAt: january(2), LastAt: january(2)}, b.Badge)
			require.Len(t, b.Awards, 1)
		})
	}
}

func TestBadgeByHand(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		secret := guerdontest.Badge("helper")
		secret.IsSecret = true
		g := playWith(t, founded(t, w.store, "theta", january(0)), secret, guerdontest.RewardRule("thanks", every(event.Badge), "points", "10"))
		g.set(january(3))
		_, err := g.Badges.Badge(ctx, "ada", "helper", "")
		require.ErrorIs(t, err, fault.ErrNotFound, "it is secret")
		list, err := g.Badges.List(ctx, "ada", badges.Query{})
		require.NoError(t, err)
		require.Empty(t, list)
		list, err = g.Badges.List(ctx, "ada", badges.Query{Secret: true})
		require.NoError(t, err)
		require.Len(t, list, 1)

		n := badges.NewAward{ID: "a1", UserID: "ada", ConfigurationID: "helper", Reason: "for helping others", At: january(2)}
		a, err := g.Badges.Award(ctx, n)
		require.NoError(t, err)
		require.Equal(t, badges.Award{ID: "a1", UserID: "ada", ConfigurationID: "helper", At: january(2), Reason: "for helping others"}, a)
		require.Equal(t, "10", g.balance("ada"))
		again, err := g.Badges.Award(ctx, n)
		require.NoError(t, err)
		require.Equal(t, a, again)
		n.Reason = "for something else"
		_, err = g.Badges.Award(ctx, n)
		require.EqualError(t, err, `reason: is another than that of "a1"`)
		require.ErrorIs(t, err, fault.ErrConflict)
		_, err = g.Badges.Award(ctx, badges.NewAward{UserID: "nobody", ConfigurationID: "helper", Reason: "x"})
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = g.Badges.Award(ctx, badges.NewAward{UserID: "ada", ConfigurationID: "nothing", Reason: "x"})
		require.EqualError(t, err, `badgeConfigurationId: "nothing" not found`)
		_, err = g.Badges.Award(ctx, badges.NewAward{UserID: "ada", ConfigurationID: "helper"})
		require.EqualError(t, err, "reason: is empty")

		require.Equal(t, 1, g.badge("ada", "helper").Count)
		_, err = g.Retract(ctx, "a1", guerdon.Correction{Reason: "it was bob"})
		require.NoError(t, err)
		require.Equal(t, "0", g.balance("ada"))
		list, err = g.Badges.List(ctx, "ada", badges.Query{})
		require.NoError(t, err)
		require.Empty(t, list)
	})
}

// Badges are events: missions and boards count them. A badge is not paid for with a badge.
func TestBadgesFeedOthers(t *testing.T) {
	run, swim := guerdontest.Badge("run"), guerdontest.Badge("swim")
	both := guerdontest.MissionConfiguration("both", every(event.Badge), "2")
	champion := guerdontest.AwardRule("champion", guerdontest.Completing("both"), "champion")
	g := play(t, run, swim, guerdontest.Badge("champion"), guerdontest.AwardRule("run", guerdontest.Doing("run"), "run"), guerdontest.AwardRule("swim", guerdontest.Doing("swim"), "swim"),
		both, guerdontest.MissionRule("both", both, ""), champion)
	g.runs("ada", january(1))
	g.set(january(2))
	_, err := g.Record(t.Context(), event.Event{ID: "s", UserID: "ada", EntityID: "swim"})
	require.NoError(t, err)
	require.Equal(t, 1, g.badge("ada", "champion").Count)

	loop := guerdontest.AwardRule("loop", every(event.Badge), "champion")
	b, err := guerdon.Bundle(loop)
	require.NoError(t, err)
	_, err = g.Import(t.Context(), b)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "rewards[0].rewardType: is BADGE: a badge for a badge would have no end")
}

// Two accounts that become one: what was awarded to either is the one's who stays.
func TestBadgesOfTwoWhoAreOne(t *testing.T) {
	for name, keeps := range map[string]bool{"revocable": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := play(t, runner(keeps)...)
			g.runs("bob", days(1, 2)...)
			g.runs("ada", january(8))
			g.runs("bob", january(9))
			_, err := g.Merge(t.Context(), "bob", "ada", guerdon.Correction{Reason: "one person with two phones"})
			require.NoError(t, err)
			b := g.badge("ada", "runner")
			require.Equal(t, badges.Badge{UserID: "ada", ConfigurationID: "runner", Count: 2, FirstAt: january(2), LastAt: january(9)}, b.Badge)
			require.Equal(t, b, g.badge("bob", "runner"), "the id that was given up is as good")
		})
	}
}

// What was kept of who is given up is kept of who stays, and the outcome says so; what follows no more because both are one is not kept.
func TestKeptBadgesOfTwoWhoAreOne(t *testing.T) {
	once := guerdontest.AwardRule("once", guerdontest.Doing("run"), "runner")
	once.MaxPerUser = 1
	badge := guerdontest.Badge("runner")
	badge.IsRevocable = new(false)
	g := play(t, badge, once)
	ctx, why := t.Context(), guerdon.Correction{Reason: "one person with two phones"}
	undone := g.runs("bob", january(1))
	_, err := g.Retract(ctx, undone.EventID, why)
	require.NoError(t, err)
	g.runs("bob", january(2))
	require.Equal(t, 2, g.badge("bob", "runner").Count)
	g.runs("ada", january(1))
	for _, merge := range []func(context.Context, string, string, guerdon.Correction) (guerdon.Merged, error){g.DryMerge, g.Merge} {
		merged, err := merge(ctx, "bob", "ada", why)
		require.NoError(t, err)
		var said []string
		for _, c := range merged.Outcome.Badges {
			said = append(said, fmt.Sprint(c.UserID, " ", c.At.Day(), " undone: ", c.Undone, " kept: ", c.Kept))
		}
		require.Equal(t, []string{"bob 2 undone: true kept: false", "bob 1 undone: true kept: false", "ada 1 undone: false kept: true"}, said)
	}
	b := g.badge("ada", "runner")
	require.Equal(t, 2, b.Count)
	require.ElementsMatch(t, []bool{true, false}, []bool{b.Awards[0].Kept, b.Awards[1].Kept})
}

func TestBadgeConfigurationsAreChecked(t *testing.T) {
	for want, of := range map[string]func(*badges.Configuration){
		"image: is empty": func(c *badges.Configuration) { c.Image = "" },
		"name: is empty":  func(c *badges.Configuration) { c.Name = "" },
		`progressSourceEntityType: "Quiz" is none of MissionConfiguration, LearningPath`: func(c *badges.Configuration) { c.ProgressType = "Quiz" },
		"progressSourceEntityId: is empty":                                               func(c *badges.Configuration) { c.ProgressType = "LearningPath" },
	} {
		c := guerdontest.Badge("b")
		of(c)
		require.EqualError(t, c.Validate(), want)
	}
	for want, w := range map[string]economy.Reward{
		`rewards[0].rewardType: "x" is none of VIRTUAL_CURRENCY, BADGE, TAG, STEP`:         {Type: "x"},
		"rewards[0].badgeConfigurationId: is empty":                                        {Type: economy.BadgeReward},
		"rewards[0].redemptionMode: is for another rewardType than BADGE":                  {Type: economy.BadgeReward, BadgeID: "b", RedemptionMode: economy.Auto},
		"rewards[0].expression: is for another rewardType than BADGE":                      {Type: economy.BadgeReward, BadgeID: "b", Expression: json.RawMessage("2")},
		"rewards[0].badgeConfigurationId: is for another rewardType than VIRTUAL_CURRENCY": {CurrencyID: "c", RedemptionMode: economy.Auto, BadgeID: "b"},
		"rewards[0].virtualCurrencyId: is empty":                                           {RedemptionMode: economy.Auto},
	} {
		r := guerdontest.AwardRule("r", every(event.Activity), "b")
		r.Rewards = []economy.Reward{w}
		require.EqualError(t, r.Validate(), want)
	}
}

// A badge that is kept is kept although its configuration is out of use by then.
func TestBadgeIsKeptThoughItIsArchived(t *testing.T) {
	g := play(t, runner(true)...)
	g.runs("ada", january(1))
	done := g.runs("ada", january(2))
	_, err := g.Economy.RewardRules.Archive(t.Context(), "award")
	require.NoError(t, err)
	_, err = g.Badges.Configurations.Archive(t.Context(), "runner")
	require.NoError(t, err)
	_, err = g.Retract(t.Context(), done.EventID, guerdon.Correction{Reason: "the watch was wrong"})
	require.NoError(t, err)
	list, err := g.Badges.List(t.Context(), "ada", badges.Query{Had: true})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, 1, list[0].Count)
}

// Who awards a badge by hand can take it back: that it was a mistake is a decision, and nothing that turned out.
func TestBadgeByHandIsTakenBack(t *testing.T) {
	for name, keeps := range map[string]bool{"revocable": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := play(t, runner(keeps)...)
			_, err := g.Badges.Award(t.Context(), badges.NewAward{ID: "a1", UserID: "ada", ConfigurationID: "runner", Reason: "for helping others"})
			require.NoError(t, err)
			require.Equal(t, 1, g.badge("ada", "runner").Count)
			_, err = g.Retract(t.Context(), "a1", guerdon.Correction{Reason: "it was bob"})
			require.NoError(t, err)
			require.Zero(t, g.badge("ada", "runner").Count)
		})
	}
}
