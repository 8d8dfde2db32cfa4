package proof_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// lazily assigns missions of configurations when somebody asks.
func lazily(of ...*missions.Configuration) *missions.Rule {
	r := guerdontest.MissionRule("lazily", of[0], "")
	r.AssignmentMode, r.EventMatchType, r.EventMatchEntity, r.EventMatchEntityID = missions.Lazy, "", "", ""
	r.MissionConfigurationsPool = nil
	for _, c := range of {
		r.MissionConfigurationsPool = append(r.MissionConfigurationsPool, c.ID)
	}
	return r
}

// awarded picks the awards of a badge.
func awarded(badgeID string) event.Matcher {
	return event.Matcher{Type: event.MatchInstance, Entity: string(event.Badge), EntityID: badgeID}
}

// A mission that counts what was before sees the tags of then, also of what is archived.
func TestTagsOfThenOutliveTheArchive(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		m := guerdontest.MissionConfiguration("m", guerdontest.Doing("run"), "9")
		m.MatchCondition = json.RawMessage(`{"in": ["vip", {"var": "user.tags"}]}`)
		g := playWith(t, founded(t, w.store, "theta", january(0)), guerdontest.Tag("club", "vip"), guerdontest.TagRule("gives", guerdontest.Doing("swim"), "vip"), m, lazily(m))
		g.runs("ada", january(1))
		swim := g.event("ada", january(2))
		swim.EntityID = "swim"
		g.set(january(2))
		_, err := g.Record(t.Context(), swim)
		require.NoError(t, err)
		g.runs("ada", january(3), january(4))
		g.set(january(8))
		_, err = g.Archive(t.Context(), january(6), &bytes.Buffer{})
		require.NoError(t, err)
		_, err = g.Missions.Evaluate(t.Context(), "ada")
		require.NoError(t, err)
		all, _, err := g.Missions.List(t.Context(), "ada", missions.Query{}, store.Page{Limit: 10})
		require.NoError(t, err)
		require.Equal(t, "2", all[0].CurrentAmount.String())
	})
}

// What is completed as soon as it is assigned, because of what was before, lets come what waited for it.
func TestWhatIsCompletedAtOnceLetsOthersCome(t *testing.T) {
	first, second := guerdontest.MissionConfiguration("first", guerdontest.Doing("run"), "1"), guerdontest.MissionConfiguration("second", guerdontest.Doing("run"), "5")
	second.Requires = []string{"first"}
	for _, pool := range [][]*missions.Configuration{{first, second}, {second, first}} {
		g := play(t, first, second, lazily(pool...))
		g.runs("ada", january(1))
		_, err := g.Missions.Evaluate(t.Context(), "ada")
		require.NoError(t, err)
		g.runs("ada", january(2))
		all, _, err := g.Missions.List(t.Context(), "ada", missions.Query{}, store.Page{Limit: 10})
		require.NoError(t, err)
		require.Len(t, all, 2)
	}
}

// Of what is given and taken by one call, what is taken is what lapses first, and what is left keeps its life.
func TestOneCallGivesAndTakes(t *testing.T) {
	for name, order := range map[string][2]int{"given first": {0, 1}, "taken first": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := guerdontest.New(t, guerdontest.Activity("run"), guerdontest.LapsingCurrency("points", 2), guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "10"))
			w.Join(t, "ada", "bob")
			w.Does(t, "ada", "run")
			w.Pass(t, guerdontest.Day)
			both := []economy.Grant{
				{CurrencyID: "points", Amount: decimal.NewFromInt(10), DestinationUserID: "ada"},
				{CurrencyID: "points", Amount: decimal.NewFromInt(4), SourceUserID: "ada", DestinationUserID: "bob"},
			}
			_, err := w.Economy.Grant(t.Context(), []economy.Grant{both[order[0]], both[order[1]]})
			require.NoError(t, err)
			all, err := w.Economy.Lapsing(t.Context(), "ada", "points")
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, "6", all[0].Amount.String())
			require.Equal(t, "10", all[1].Amount.String())
			w.Pass(t, 3*guerdontest.Day)
			require.NoError(t, w.Advance(t.Context()))
			w.RequireBalance(t, "ada", "points", "0")
		})
	}
}

// A tag that a rule has taken stays taken when the two of one person are merged.
func TestMergeGivesBackNoTag(t *testing.T) {
	taken := guerdontest.TagRule("taken", guerdontest.Doing("swim"), "trial")
	taken.Rewards[0].TagAction = economy.RemoveTag
	g := play(t, guerdontest.Tag("state", "trial"), taken)
	_, err := g.Users.AssignTags(t.Context(), "ada", tenancy.Tagging{TagID: "trial"})
	require.NoError(t, err)
	swim := g.event("ada", january(1))
	swim.EntityID = "swim"
	g.set(january(1))
	_, err = g.Record(t.Context(), swim)
	require.NoError(t, err)
	require.Empty(t, g.carried("ada"))
	g.set(january(2))
	_, err = g.Merge(t.Context(), "ada", "bob", guerdon.Correction{Reason: "one person"})
	require.NoError(t, err)
	require.Empty(t, g.carried("bob"))
}

// A reward that is held for review and lapses before anybody looks at it is in nobody's way.
func TestWhatIsHeldForReviewLapses(t *testing.T) {
	points := guerdontest.LapsingCurrency("points", 2)
	points.MaxAllowedBalance = new(decimal.NewFromInt(15))
	pays := guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "10")
	held := guerdontest.RewardRule("held", guerdontest.Doing("swim"), "points", "10")
	held.Rewards[0].ReviewCondition = json.RawMessage(`{">": [{"var": "value"}, 0]}`)
	w := guerdontest.New(t, guerdontest.Activity("run"), guerdontest.Activity("swim"), points, pays, held)
	w.Join(t, "ada")
	w.Does(t, "ada", "swim")
	w.RequireHeldForReview(t, "ada", "points", "10")
	w.Pass(t, 9*guerdontest.Day)
	require.NoError(t, w.Advance(t.Context()))
	w.RequireHeldForReview(t, "ada", "points", "0")
	w.Does(t, "ada", "run")
	w.RequireBalance(t, "ada", "points", "10")
}

// Rules that lead to one another without end are refused when something happens, whatever they give.
func TestThingsThatLeadToOneAnotherAreRefused(t *testing.T) {
	gained := guerdontest.AwardRule("gained", guerdontest.Changing(), "b")
	gained.MatchCondition = json.RawMessage(`{"in": ["vip", {"var": "tagsGained"}]}`)
	lost := guerdontest.AwardRule("lost", guerdontest.Changing(), "c")
	lost.MatchCondition = json.RawMessage(`{"in": ["vip", {"var": "tagsLost"}]}`)
	takes, gives := guerdontest.TagRule("takes", awarded("b"), "vip"), guerdontest.TagRule("gives", awarded("c"), "vip")
	takes.Rewards[0].TagAction = economy.RemoveTag
	g := play(t, guerdontest.Tag("club", "vip"), guerdontest.Badge("b"), guerdontest.Badge("c"), gained, lost, takes, gives)
	_, err := g.Users.AssignTags(t.Context(), "ada", tenancy.Tagging{TagID: "vip"})
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorContains(t, err, "by way of too many; the last is ")
	require.Empty(t, g.carried("ada"))
}

// What is set free of somebody who has been deleted lapses as that of others does.
func TestHoldOfWhoIsGoneLapses(t *testing.T) {
	w := guerdontest.New(t, guerdontest.Activity("run"), guerdontest.LapsingCurrency("points", 2), guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "10"))
	w.Join(t, "ada")
	w.Does(t, "ada", "run")
	hold, err := w.Economy.Hold(t.Context(), "ada", economy.Hold{CurrencyID: "points", Amount: decimal.NewFromInt(7), ExpiresAt: w.Now().Add(300 * time.Hour)})
	require.NoError(t, err)
	_, err = w.Users.Anonymise(t.Context(), "ada")
	require.NoError(t, err)
	w.Pass(t, 3*guerdontest.Day)
	require.NoError(t, w.Advance(t.Context()))
	w.RequireBalance(t, "ada", "points", "0")
	_, err = w.Economy.Void(t.Context(), hold.ID, "not sent")
	require.NoError(t, err)
	w.Pass(t, guerdontest.Day)
	require.NoError(t, w.Advance(t.Context()))
	w.RequireBalance(t, "ada", "points", "0")
}
