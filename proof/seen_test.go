package proof_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// greets pays for what a user does first, and names what that was told by.
func greets() content.Document {
	return guerdontest.GreetingRule("welcome", tenancy.FirstSeen, "points", "5")
}

func TestFirstSeenFollowsFromTheFirstDeed(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		g := playWith(t, founded(t, w.store, "theta", january(0)), greets())
		require.Equal(t, "0", g.balance("ada"), "who has joined is not seen")
		first := g.runs("ada", january(2))
		require.Equal(t, "5", g.balance("ada"))
		entry, err := g.Entry(t.Context(), first.EventID)
		require.NoError(t, err)
		require.Equal(t, "ada:+seen", entry.Caused[0].ID)
		require.Equal(t, map[string]any{"change": tenancy.FirstSeen}, entry.Caused[0].Fields)
		require.Equal(t, first.EventID, entry.Caused[0].Cause)
		require.Empty(t, entry.Caused[0].EntityTags, "who names a tag is not asked")
		x, err := g.Explain(t.Context(), first.EventID, "RewardRule", "welcome")
		require.NoError(t, err)
		require.True(t, x.Moved)
		g.runs("ada", january(3))
		require.Equal(t, "5", g.balance("ada"))

		late := g.runs("ada", january(1))
		require.Equal(t, "5", g.balance("ada"), "it is another deed that was the first")
		require.Len(t, late.Transactions, 1)
		require.Equal(t, january(1), late.Transactions[0].At, "the one that was paid is paid for it")
		_, err = g.Retract(t.Context(), late.EventID, guerdon.Correction{Reason: "was a walk"})
		require.NoError(t, err)
		require.Equal(t, "5", g.balance("ada"))
		_, err = g.Retract(t.Context(), first.EventID, guerdon.Correction{Reason: "was a walk"})
		require.NoError(t, err)
		require.Equal(t, "5", g.balance("ada"), "the run of the 3rd was the first")

		g.set(january(4))
		would, err := g.DryRun(t.Context(), g.event("bob", january(4)))
		require.NoError(t, err)
		require.Len(t, would.Transactions, 1)
		require.Equal(t, "0", g.balance("bob"))
		g.runs("bob", january(4))
		require.Equal(t, "5", g.balance("bob"))
		_, err = g.Merge(t.Context(), "bob", "ada", guerdon.Correction{Reason: "one person with two phones"})
		require.NoError(t, err)
		require.Equal(t, "5", g.balance("ada"), "one person is seen first once")
	})
}

// Who was seen before the rule was there is not seen first by it, whatever else of that is archived.
func TestFirstSeenBeforeItWasAskedFor(t *testing.T) {
	for _, archived := range []bool{false, true} {
		t.Run(strconv.FormatBool(archived), func(t *testing.T) {
			g := play(t)
			g.runs("ada", january(1))
			g.set(january(5))
			if archived {
				g.archived(t, january(4))
			}
			g.publish(greets())
			g.runs("ada", january(6), january(7))
			require.Equal(t, "0", g.balance("ada"))
			g.runs("bob", january(7))
			require.Equal(t, "5", g.balance("bob"))
			g.runs("ada", january(4, 20))
			require.Equal(t, "0", g.balance("ada"))
			if archived {
				return
			}
			g.runs("ada", january(0, 20))
			require.Equal(t, "5", g.balance("ada"), "what was first has been recorded while the rule is in force")
		})
	}
}

// A rule that asks for another change, or for none, is asked about neither.
func TestWhoAsksForNoFirstDeed(t *testing.T) {
	whatever := guerdontest.RewardRule("any", guerdontest.Changing(), "points", "1")
	joined := guerdontest.GreetingRule("joined", tenancy.Joined, "points", "10")
	g := play(t, whatever, joined)
	require.Equal(t, "11", g.balance("ada"))
	out := g.runs("ada", january(1))
	require.Equal(t, "11", g.balance("ada"))
	entry, err := g.Entry(t.Context(), out.EventID)
	require.NoError(t, err)
	require.Empty(t, entry.Caused)
	g.set(january(1).AddDate(3, 0, 0))
	require.NoError(t, g.Advance(t.Context()))
	require.Equal(t, "11", g.balance("ada"))
	g.publish(greets())
	_, err = g.Users.Create(t.Context(), tenancy.NewUser{ID: "eve"})
	require.NoError(t, err)
	out = g.runs("eve", january(1).AddDate(3, 0, 1))
	require.Equal(t, "16", g.balance("eve"), "5 for the first deed")
	x, err := g.Explain(t.Context(), out.EventID, "RewardRule", "any")
	require.NoError(t, err)
	require.False(t, x.Moved)
	require.Equal(t, "FIRST_SEEN is for rules whose condition reads the change, and requires no other", x.Checks[len(x.Checks)-1].Reason)
}

// anniversaries pays as many points as there were years.
func anniversaries() content.Document {
	r := guerdontest.GreetingRule("years", tenancy.Anniversary, "points", `{"var": "years"}`)
	return r
}

func (g *game) advanceTo(at time.Time) {
	g.t.Helper()
	g.set(at)
	require.NoError(g.t, g.Advance(g.t.Context()))
}

func TestAnniversaries(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		g := playWith(t, founded(t, w.store, "theta", january(0)), anniversaries()) // they join on 31 December 2023
		at := func(year, month, day, hour int) time.Time {
			return time.Date(year, time.Month(month), day, hour, 0, 0, 0, time.UTC)
		}
		g.advanceTo(at(2024, 12, 30, 23))
		require.Equal(t, "0", g.balance("ada"))
		g.advanceTo(at(2024, 12, 31, 0))
		require.Equal(t, "1", g.balance("ada"))
		g.advanceTo(at(2024, 12, 31, 5))
		tokyo, honolulu := "Asia/Tokyo", "Pacific/Honolulu"
		_, err := g.Users.Update(t.Context(), "ada", tenancy.UserPatch{Timezone: &honolulu}) // where it is the 30th
		require.NoError(t, err)
		g.advanceTo(at(2025, 1, 2, 0))
		require.Equal(t, "1", g.balance("ada"), "once a year, wherever she moves")
		_, err = g.Users.Update(t.Context(), "bob", tenancy.UserPatch{Timezone: &tokyo})
		require.NoError(t, err)
		g.advanceTo(at(2025, 12, 30, 14))
		require.Equal(t, "1", g.balance("bob"))
		g.advanceTo(at(2025, 12, 30, 15))
		require.Equal(t, "3", g.balance("bob"), "it is the 31st in Tokyo")
		require.Equal(t, "1", g.balance("ada"))
		_, err = g.Users.Update(t.Context(), "ada", tenancy.UserPatch{Timezone: &tokyo})
		require.NoError(t, err)
		require.Equal(t, "1", g.balance("ada"))
		g.advanceTo(at(2025, 12, 30, 16))
		require.Equal(t, "3", g.balance("ada"), "it is where she has moved to")
		_, err = g.Users.Update(t.Context(), "ada", tenancy.UserPatch{Timezone: &honolulu})
		require.NoError(t, err)
		g.advanceTo(at(2026, 1, 5, 0))
		require.Equal(t, "3", g.balance("ada"))

		g.runs("ada", at(2024, 6, 1, 0)) // all of it is folded again
		require.Equal(t, "3", g.balance("ada"))
		_, err = g.Users.Anonymise(t.Context(), "bob")
		require.NoError(t, err)
		g.set(at(2028, 6, 1, 0))
		g.runs("ada", at(2028, 6, 1, 0)) // also without Advance
		require.Equal(t, "10", g.balance("ada"))
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, "3", g.balance("bob"), "who is deleted has none")
		require.Equal(t, "10", g.balance("ada"))
	})
}

// A rule that is published later pays from the next anniversary on, whenever the clock comes to a user.
func TestAnniversariesOfThoseWhoJoinedBefore(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		g := playWith(t, founded(t, w.store, "theta", january(0)))
		g.set(january(0, 20).AddDate(2, 0, 0))
		for i := range 120 { // some portions
			_, err := g.Users.Create(t.Context(), tenancy.NewUser{ID: "late" + strconv.Itoa(i)})
			require.NoError(t, err)
		}
		g.runs("ada", january(0).AddDate(2, 0, 0))
		g.publish(anniversaries())
		g.advanceTo(january(1).AddDate(2, 0, 0))
		require.Equal(t, "0", g.balance("ada"), "it was the day before yesterday")
		g.advanceTo(january(0, 0).AddDate(3, 0, 0))
		require.Equal(t, "3", g.balance("ada"))
		require.Equal(t, "1", g.balance("late7"))
		require.Equal(t, "1", g.balance("late119"))

		g.set(january(0, 1).AddDate(3, 0, 0))
		_, err := g.Economy.RewardRules.Archive(t.Context(), "years")
		require.NoError(t, err)
		_, err = g.Users.Create(t.Context(), tenancy.NewUser{ID: "between"})
		require.NoError(t, err)
		g.advanceTo(january(1, 0).AddDate(4, 0, 0))
		require.Equal(t, "3", g.balance("ada"))
		g.runs("ada", january(0, 0).AddDate(2, 6, 0)) // what was paid while it was in force stays
		require.Equal(t, "3", g.balance("ada"))
		_, err = g.Economy.RewardRules.Unarchive(t.Context(), "years")
		require.NoError(t, err)
		_, err = g.Economy.RewardRules.Publish(t.Context(), "years")
		require.NoError(t, err)
		g.advanceTo(january(1, 0).AddDate(5, 0, 0))
		require.Equal(t, "8", g.balance("ada"), "and 5")
		require.Equal(t, "2", g.balance("between"))
	})
}

// Who joined on 29 February has anniversaries on 28 February in years that have no such day.
func TestAnniversaryOfALeapDay(t *testing.T) {
	g := play(t, anniversaries())
	g.set(time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC))
	_, err := g.Users.Create(t.Context(), tenancy.NewUser{ID: "leap"})
	require.NoError(t, err)
	for _, want := range []struct {
		at  time.Time
		has string
	}{
		{time.Date(2025, 2, 27, 23, 0, 0, 0, time.UTC), "0"},
		{time.Date(2025, 2, 28, 0, 0, 0, 0, time.UTC), "1"},
		{time.Date(2028, 2, 28, 23, 0, 0, 0, time.UTC), "6"},
		{time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC), "10"},
	} {
		g.advanceTo(want.at)
		require.Equal(t, want.has, g.balance("leap"), want.at)
	}
}

// A mission may be assigned to who is seen first.
func TestMissionsForTheFirstDeed(t *testing.T) {
	c := guerdontest.MissionConfiguration("three", guerdontest.Doing("run"), "3")
	r := guerdontest.MissionRule("begin", c, "DAILY")
	r.AssignmentMode, r.EventMatchType, r.EventMatchEntity, r.EventMatchEntityID = "EVENT", event.MatchEntity, "User", ""
	r.EventMatchCondition = json.RawMessage(`{"==": [{"var": "change"}, "FIRST_SEEN"]}`)
	g := play(t, c, r)
	require.Len(t, g.runs("ada", january(1)).Missions, 1)
	require.Empty(t, g.runs("ada", january(2)).Missions)
}

// Who had an anniversary while nobody asked has the next one, whether or not the clock was asked meanwhile, and however many there are.
func TestAnniversariesGoOnAfterARest(t *testing.T) {
	at := func(year, month, day int) time.Time {
		return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	}
	for _, asked := range []bool{true, false} {
		g := playWith(t, founded(t, memory.New(), "theta", january(0)), anniversaries())
		join := func(letter string) {
			for i := range 60 {
				_, err := g.Users.Create(t.Context(), tenancy.NewUser{ID: fmt.Sprint(letter, i)})
				require.NoError(t, err)
			}
		}
		join("z")
		g.set(at(2024, 1, 10))
		join("a")
		g.set(at(2024, 6, 1))
		_, err := g.Economy.RewardRules.Archive(t.Context(), "years")
		require.NoError(t, err)
		g.set(at(2025, 2, 1))
		if asked {
			require.NoError(t, g.Advance(t.Context()))
		}
		_, err = g.Economy.RewardRules.Unarchive(t.Context(), "years")
		require.NoError(t, err)
		_, err = g.Economy.RewardRules.Publish(t.Context(), "years")
		require.NoError(t, err)
		for _, day := range []time.Time{at(2025, 2, 2), at(2025, 2, 3), at(2026, 2, 5), at(2027, 2, 5)} {
			g.advanceTo(day)
		}
		for i := range 60 {
			require.Equal(t, "5", g.balance(fmt.Sprint("a", i)))
			require.Equal(t, "5", g.balance(fmt.Sprint("z", i)))
		}
	}
}
