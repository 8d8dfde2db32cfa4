package proof_test

import (
	"encoding/json"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/levels"
	persons "github.com/guerdonhq/guerdon/people"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// club is a ladder of runs whose steps at 2 and 4 give the tags "member" and, with gold, "vip".
func club(change ...func(*levels.Ladder)) *levels.Ladder {
	silver, gold := guerdontest.Step("silver", "2"), guerdontest.Step("gold", "4")
	silver.Perks, gold.Perks = []string{"member"}, []string{"member", "vip"}
	l := guerdontest.Ladder("club", levels.Measure{Type: levels.Events, RuleType: event.MatchInstance, MatchEntity: "Activity", MatchEntityID: "run"}, silver, gold)
	for _, fn := range change {
		fn(l)
	}
	return l
}

// vips are the ladder and a rule that pays runs to who carries "vip".
func vips() []content.Document {
	pays := guerdontest.RewardRule("vips", guerdontest.Doing("run"), "points", "1")
	pays.MatchCondition = json.RawMessage(`{"in": ["vip", {"var": "user.tags"}]}`)
	return []content.Document{guerdontest.Tag("club", "member"), guerdontest.Tag("club", "vip"), club(), pays}
}

// carried are the tags of a user as everybody sees them, with what gives them.
func (g *game) carried(userID string) (all []string) {
	g.t.Helper()
	tags, err := g.Users.Tags(g.t.Context(), userID)
	require.NoError(g.t, err)
	for _, t := range tags {
		if t.TagID == "red" { // as all of the game do
			continue
		}
		all = append(all, t.TagID+" "+t.By)
		list, _, err := g.Users.Tagged(g.t.Context(), t.TagID, store.Page{Limit: 100})
		require.NoError(g.t, err)
		n := 0
		for _, u := range list {
			if u.ID == userID {
				n++
			}
		}
		require.Equal(g.t, 1, n, t.TagID)
	}
	return all
}

func TestPerksAreCarriedWhileOnAStep(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		g := playWith(t, founded(t, w.store, "theta", january(0)), vips()...)
		g.runs("ada", january(1))
		require.Empty(t, g.carried("ada"))
		out := g.runs("ada", january(2))
		require.Equal(t, []persons.Change{{UserID: "ada", TagID: "member", Carried: true, By: "Ladder/club"}}, out.Tags)
		require.Equal(t, []string{"member Ladder/club"}, g.carried("ada"))
		out = g.runs("ada", january(3), january(4)) // the fourth brings the tag, and is paid no more than those before
		require.Equal(t, "vip", out.Tags[0].TagID)
		require.Equal(t, "0", g.balance("ada"))
		last := g.runs("ada", january(5))
		require.Equal(t, "1", g.balance("ada"))

		late := g.runs("ada", january(0, 20)) // so that the run of the 4th was a vip's
		require.Equal(t, "2", g.balance("ada"))
		_, err := g.Retract(t.Context(), late.EventID, guerdon.Correction{Reason: "was a walk"})
		require.NoError(t, err)
		require.Equal(t, "1", g.balance("ada"))
		undone, err := g.Retract(t.Context(), out.EventID, guerdon.Correction{Reason: "was a walk"})
		require.NoError(t, err)
		require.Equal(t, "0", g.balance("ada"), "the run of the 5th was the fourth")
		require.Equal(t, []string{"member Ladder/club", "vip Ladder/club"}, g.carried("ada"))
		require.Empty(t, undone.Tags, "the user carries what she carried")
		undone, err = g.Retract(t.Context(), last.EventID, guerdon.Correction{Reason: "was a walk"})
		require.NoError(t, err)
		require.Equal(t, []persons.Change{{UserID: "ada", TagID: "vip", Late: true}}, undone.Tags)
		require.Equal(t, []string{"member Ladder/club"}, g.carried("ada"))
	})
}

// What a perk gives is nobody's to take away by hand, and what is assigned stays when the perk goes.
func TestPerksBesideWhatIsAssigned(t *testing.T) {
	g := play(t, vips()...)
	_, err := g.Users.AssignTags(t.Context(), "ada", tenancy.Tagging{TagID: "member", Priority: 3})
	require.NoError(t, err)
	out := g.runs("ada", january(1), january(2))
	require.Empty(t, out.Tags, "she carries it already")
	require.Equal(t, []string{"member "}, g.carried("ada"))
	require.NoError(t, g.Users.RemoveTags(t.Context(), "ada", "member"))
	require.Equal(t, []string{"member Ladder/club"}, g.carried("ada"))
	err = g.Users.RemoveTags(t.Context(), "ada", "member")
	require.ErrorIs(t, err, fault.ErrConflict)
	require.EqualError(t, err, `assignments[0].tagId: "member" is given to user "ada" by Ladder/club, and not assigned`)
	nickname := "Ada"
	_, err = g.Users.Update(t.Context(), "ada", tenancy.UserPatch{Nickname: &nickname})
	require.NoError(t, err)
	_, err = g.Retract(t.Context(), out.EventID, guerdon.Correction{Reason: "was a walk"})
	require.NoError(t, err)
	require.Empty(t, g.carried("ada"), "an update of the user has not made the perk an assignment")
	_, err = g.Users.Anonymise(t.Context(), "ada")
	require.NoError(t, err)
}

// A rule gives a tag for a time, and takes one that somebody has assigned.
func TestTagsAreGivenAndTaken(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		hot := guerdontest.TagRule("hot", guerdontest.Doing("run"), "hot")
		hot.Rewards[0].TagMinutes = new(120)
		settled := guerdontest.TagRule("settled", guerdontest.Doing("swim"), "new")
		settled.Rewards[0].TagAction = economy.RemoveTag
		thanks := guerdontest.RewardRule("thanks", guerdontest.Changing(), "points", "7")
		thanks.MatchCondition = json.RawMessage(`{"in": ["new", {"var": "tagsLost"}]}`)
		welcome := guerdontest.RewardRule("welcome", guerdontest.Changing(), "points", "100")
		welcome.MatchCondition = json.RawMessage(`{"==": [{"var": "change"}, "JOINED"]}`)
		g := playWith(t, founded(t, w.store, "theta", january(0)), guerdontest.Tag("state", "hot"), guerdontest.Tag("state", "new"), hot, settled, thanks, welcome)
		_, err := g.Users.Create(t.Context(), tenancy.NewUser{ID: "newcomer", Tags: []tenancy.Tagging{{TagID: "new"}}})
		require.NoError(t, err)
		require.Equal(t, "100", g.balance("newcomer"))

		g.runs("newcomer", january(1, 10))
		require.Equal(t, []string{"hot RewardRule/hot", "new "}, g.carried("newcomer"))
		g.runs("newcomer", january(1, 11)) // two hours from then
		g.set(january(1, 12))
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, []string{"hot RewardRule/hot", "new "}, g.carried("newcomer"))
		g.set(january(1, 13))
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, []string{"new "}, g.carried("newcomer"))

		swim := g.event("newcomer", january(2))
		swim.EntityID = "swim"
		g.set(january(2))
		out, err := g.Record(t.Context(), swim)
		require.NoError(t, err)
		require.Equal(t, []persons.Change{{UserID: "newcomer", TagID: "new", By: "RewardRule/settled"}}, out.Tags)
		require.Empty(t, g.carried("newcomer"))
		require.Equal(t, "107", g.balance("newcomer"))
		list, _, err := g.Users.Tagged(t.Context(), "new", store.Page{Limit: 10})
		require.NoError(t, err)
		require.Empty(t, list)
		x, err := g.Explain(t.Context(), out.EventID, "RewardRule", "settled")
		require.NoError(t, err)
		require.True(t, x.Moved)
		require.Equal(t, "it takes the tag new", x.Checks[len(x.Checks)-2].Reason)

		undone, err := g.Retract(t.Context(), out.EventID, guerdon.Correction{Reason: "was a bath"})
		require.NoError(t, err)
		require.Equal(t, []persons.Change{{UserID: "newcomer", TagID: "new", Carried: true, Late: true}}, undone.Tags)
		require.Contains(t, undone.Transactions, economy.Change{
			RewardRuleID: "settled", RuleVersion: 1, UserID: "newcomer", TagID: "new", State: economy.Completed, Undone: true, At: january(2),
		})
		require.Equal(t, []string{"new "}, g.carried("newcomer"))
		require.Equal(t, "100", g.balance("newcomer"))
	})
}

// A rule brings users to a step; of who stands higher it does nothing.
func TestStepsAreGiven(t *testing.T) {
	g := play(t, append(vips(), guerdontest.StepRule("patron", guerdontest.Doing("swim"), "club", "silver"))...)
	swim := g.event("ada", january(1))
	swim.EntityID = "swim"
	g.set(january(1))
	out, err := g.Record(t.Context(), swim)
	require.NoError(t, err)
	require.Len(t, out.Levels, 1)
	require.Equal(t, levels.Up, out.Levels[0].Direction)
	require.Equal(t, []string{"member Ladder/club"}, g.carried("ada"))
	require.Contains(t, out.Transactions, economy.Change{
		RewardRuleID: "patron", RuleVersion: 1, UserID: "ada", LadderID: "club", StepID: "silver", State: economy.Completed,
	})
	g.runs("ada", january(2), january(3), january(4), january(5))
	require.Equal(t, []string{"member Ladder/club", "vip Ladder/club"}, g.carried("ada"))
	undone, err := g.Retract(t.Context(), out.EventID, guerdon.Correction{Reason: "was a bath"})
	require.NoError(t, err)
	require.Empty(t, undone.Tags)
	s, err := g.Levels.Level(t.Context(), "ada", "club")
	require.NoError(t, err)
	require.Equal(t, "gold", s.Step.ID)
}

// refused returns why a document is refused.
func refused(g *game, doc content.Document) error {
	b, err := guerdon.Bundle(doc)
	require.NoError(g.t, err)
	_, err = g.Import(g.t.Context(), b)
	return err
}

func TestThingsAreChecked(t *testing.T) {
	for _, tt := range []struct {
		want string
		economy.Reward
	}{
		{"rewards[0].tagId: is empty", economy.Reward{Type: economy.TagReward}},
		{`rewards[0].tagAction: "KEEP" is none of ADD, REMOVE`, economy.Reward{Type: economy.TagReward, TagID: "vip", TagAction: "KEEP"}},
		{"rewards[0].tagMinutes: is 0; it must be 1 to 5270400", economy.Reward{Type: economy.TagReward, TagID: "vip", TagMinutes: new(0)}},
		{"rewards[0].stepId: is for another rewardType than TAG", economy.Reward{Type: economy.TagReward, TagID: "vip", StepID: "silver"}},
		{"rewards[0].stepId: is empty", economy.Reward{Type: economy.StepReward, LadderID: "club"}},
		{`rewards[0].stepId: "bronze" not found`, economy.Reward{Type: economy.StepReward, LadderID: "club", StepID: "bronze"}},
		{`rewards[0].maxAmountPerUser: is for another rewardType than BADGE`, economy.Reward{Type: economy.BadgeReward, BadgeID: "b", Cap: economy.Cap{MaxAmountPerUser: new(decimal.NewFromInt(3))}}},
		{`rewards[0].rewardType: "PRIZE" is none of VIRTUAL_CURRENCY, BADGE, TAG, STEP`, economy.Reward{Type: "PRIZE"}},
		{`rewards[0].ladderId: names Ladder "steep", whose demotion is AT_ONCE: who has not reached the step would fall from it`, economy.Reward{Type: economy.StepReward, LadderID: "steep", StepID: "gold"}},
	} {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			steep := club(func(l *levels.Ladder) {
				l.ID, l.Demotion = "steep", levels.AtOnce
				l.Measure.Per = "MONTH"
			})
			g := play(t, append(vips(), steep)...)
			r := guerdontest.TagRule("w", guerdontest.Doing("run"), "vip")
			r.Rewards = []economy.Reward{tt.Reward}
			require.ErrorContains(t, refused(g, r), tt.want)
		})
	}
	g := play(t, vips()...)
	for want, r := range map[string]*economy.RewardRule{
		"rewards[0].rewardType: is TAG: a tag for a change of tags would have no end": guerdontest.TagRule("w", guerdontest.Changing(), "vip"),
		"rewards[0].rewardType: is STEP: a step for a step would have no end":         guerdontest.StepRule("w", guerdontest.Reaching("club"), "club", "gold"),
		`rewards[0].tagId: names Tag "nobody", which does not exist`:                  guerdontest.TagRule("w", guerdontest.Doing("run"), "nobody"),
	} {
		err := refused(g, r)
		require.ErrorContains(t, err, want)
	}
	l := club()
	l.Steps[0].Perks = []string{"vip", "vip"}
	err := refused(g, l)
	require.ErrorContains(t, err, `steps[0].perks[1]: "vip" occurs twice`)
}

// A rule that is about users pays for no other change of them, and a rule that matches a tag for none.
func TestRulesOfTagsPayForNoChangeOfUsers(t *testing.T) {
	tagged := guerdontest.RewardRule("tagged", event.Matcher{Type: event.MatchTag, Entity: "Tag", EntityID: "red"}, "points", "1")
	g := play(t, tagged)
	_, err := g.Users.Create(t.Context(), tenancy.NewUser{ID: "newcomer"})
	require.NoError(t, err)
	_, err = g.Users.AssignTags(t.Context(), "newcomer", tenancy.Tagging{TagID: "red"})
	require.NoError(t, err)
	require.Equal(t, "0", g.balance("newcomer"))
}
