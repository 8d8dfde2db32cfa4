package proof_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// movement is the documents of a game of mobility: whatever may count tracks does.
func movement(t tester) []byte {
	amounts := func(texts ...string) (all []decimal.Decimal) {
		for _, s := range texts {
			all = append(all, decimal.RequireFromString(s))
		}
		return all
	}
	active := []mobility.Mode{mobility.Walk, mobility.Bicycle}
	goals := &mobility.Goals{Header: content.Header{ID: "goals"}, Name: "goals", Metrics: []mobility.MetricGoals{
		{Metric: mobility.Minutes, TransportTypes: active, Goals: amounts("10", "25", "60")},
		{Metric: mobility.Kilometres, TransportTypes: append(active, mobility.Bus), Goals: amounts("1", "3.5", "8")},
		{Metric: mobility.CO2, TransportTypes: append(active, mobility.Bus), Goals: amounts("0.1", "0.6")},
	}, Caps: []mobility.Cap{{Type: mobility.Walk, Metric: mobility.Kilometres, Amount: amounts("3")[0]}}}
	factors := &mobility.Factors{
		Header: content.Header{ID: "factors"}, Name: "made up", Source: "a test", Year: 2025, Licence: "CC0-1.0", Baseline: mobility.Car,
		Factors: []mobility.Factor{
			{Type: mobility.Car, GramsPerPersonKm: amounts("170")[0]},
			{Type: mobility.Bus, GramsPerPersonKm: amounts("101.3")[0]},
			{Type: mobility.Walk},
			{Type: mobility.Bicycle},
		},
	}
	tracked, redeemed := every(event.MobilityTracking), every(event.MobilityMilestone)
	three := guerdontest.MissionConfiguration("three", tracked, "3")
	moved := guerdontest.StreakConfiguration("moved", tracked)
	far := &leaderboard.Configuration{Header: content.Header{ID: "far", DefaultLang: "en"}, Name: "far", Query: leaderboard.Query{
		Source: leaderboard.MobilityTrackings, Score: leaderboard.Score{Function: leaderboard.Sum, Of: []byte(`{"var": "length"}`)},
	}}
	far.Translations = []content.Label{{Lang: "en", Label: "far"}}
	crew := guerdontest.MissionConfiguration("crew", tracked, "4")
	crew.MissionType = missions.Group
	together := guerdontest.MissionRule("together", crew, timeframe.Weekly)
	together.GroupTagID, together.TimezoneType, together.Timezone = "red", timeframe.Fixed, "UTC"
	teams := new(*far)
	teams.ID, teams.Query.EntityID = "teams", leaderboard.Entity{TagNamespace: "team"}
	b, err := guerdon.Bundle(goals, factors, guerdontest.Currency("points"), guerdontest.RewardRule("per-km", tracked, "points", `{"var": "value"}`),
		guerdontest.RewardRule("done", guerdontest.Completing("three"), "points", "1000"), guerdontest.RewardRule("redeemed", redeemed, "points", "10000"),
		three, guerdontest.MissionRule("thrice", three, "WEEKLY"), moved, guerdontest.StreakRule("days", moved), far, guerdontest.Board("distance", far, ""),
		guerdontest.Tag("team", "red"), crew, together, guerdontest.RewardRule("crewed", guerdontest.Completing("crew"), "points", "100"), teams, guerdontest.Board("teams", teams, ""))
	require.NoError(t, err)
	return b
}

// moving returns an empty world with the game of mobility, in which the provider "p" tracks two people.
func moving(t tester, w *world) *world {
	ctx := t.Context()
	_, err := w.Import(ctx, movement(t))
	require.NoError(t, err)
	for _, u := range []tenancy.NewUser{{ID: "ada", Timezone: "Europe/Rome"}, {ID: "bob", Timezone: "America/New_York"}} {
		_, err := w.Users.Create(ctx, u)
		require.NoError(t, err)
		_, err = w.Users.AssignTags(ctx, u.ID, tenancy.Tagging{TagID: "red"})
		require.NoError(t, err)
		_, err = w.Mobility.Activate(ctx, mobility.Activation{UserID: u.ID, Provider: "p", Status: mobility.On})
		require.NoError(t, err)
	}
	return w
}

// drawTracking draws what a provider sees, of one of few ids, in the three days before the world begins.
func drawTracking(t *rapid.T) mobility.Tracking {
	tr := mobility.Tracking{
		ProviderID: fmt.Sprint("t", rapid.IntRange(0, 11).Draw(t, "id")), UserID: rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "user"), Provider: "p",
		Status: mobility.Track, Type: rapid.SampledFrom([]mobility.Mode{mobility.Walk, mobility.Bicycle, mobility.Bus, mobility.Car}).Draw(t, "mode"),
		StartsAt:              start.Add(-time.Duration(rapid.IntRange(2, 72*4).Draw(t, "quarters")) * 15 * time.Minute),
		StartsAtTimezone:      rapid.SampledFrom([]string{"", "", "Asia/Tokyo"}).Draw(t, "zone"),
		MisdetectedCompletely: rapid.IntRange(0, 5).Draw(t, "misdetected") == 0,
	}
	tr.EndsAt = tr.StartsAt.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "seconds")) * time.Second)
	if rapid.IntRange(0, 6).Draw(t, "stay") == 0 {
		tr.Status, tr.Type = mobility.Stay, ""
	} else {
		tr.Length = int64(rapid.IntRange(0, 4000).Draw(t, "metres"))
	}
	if rapid.Bool().Draw(t, "somewhere") {
		tr.Geometry = fmt.Sprintf(`{"type": "LineString", "coordinates": [[9, %d], [9, %d]]}`, rapid.IntRange(45, 47).Draw(t, "from"), rapid.IntRange(45, 47).Draw(t, "to"))
	}
	return tr
}

// tell hands trackings over in portions.
func (w *world) tell(t *rapid.T, list []mobility.Tracking) {
	for len(list) > 0 {
		n := rapid.IntRange(1, len(list)).Draw(t, "at once")
		for k := 1; k < n; k++ { // none twice in a call
			if slices.ContainsFunc(list[:k], func(o mobility.Tracking) bool {
				return o.UserID == list[k].UserID && o.ProviderID == list[k].ProviderID
			}) {
				n = k
				break
			}
		}
		_, err := w.Mobility.Track(t.Context(), list[:n])
		require.NoError(t, err)
		list = list[n:]
	}
}

// movedPicture is what users can see of a world of mobility, without the names of events and revisions.
func (w *world) movedPicture(t tester) []string {
	t.Helper()
	ctx := t.Context()
	var out []string
	for _, id := range []string{"ada", "bob"} {
		list, _, err := w.Mobility.Trackings(ctx, id, mobility.Query{}, store.Page{Limit: 100})
		require.NoError(t, err)
		for i := range list {
			list[i].Revision, list[i].EventID = 0, ""
			if list[i].Review != nil {
				list[i].Review.At = time.Time{}
			}
		}
		milestones, _, err := w.Mobility.Milestones(ctx, id, mobility.Query{}, store.Page{Limit: 100})
		require.NoError(t, err)
		for _, m := range milestones {
			x, err := w.Mobility.Explain(ctx, m.ID)
			require.NoError(t, err)
			require.Equal(t, m, x.Milestone)
			require.Equal(t, m.Reached, m.Redeemed || x.Missing.IsZero(), m.ID)
		}
		balances, err := w.Economy.Balances(ctx, id)
		require.NoError(t, err)
		missions, err := w.Missions.Evaluate(ctx, id)
		require.NoError(t, err)
		var amounts []string
		for _, m := range missions {
			amounts = append(amounts, fmt.Sprint(m.ConfigurationID, m.PeriodID, m.CurrentAmount, m.IsCompleted, m.Completer.UserID, m.CompletedAt))
		}
		days, _, err := w.Streaks.Streaks(ctx, id, streaks.Query{PeriodType: streaks.ByDay}, store.Page{})
		require.NoError(t, err)
		current, err := w.Streaks.Current(ctx, id, "days")
		require.NoError(t, err)
		for _, v := range []any{list, milestones, balances, amounts, days, current} {
			out = append(out, id+" "+jsonOf(t, v))
		}
	}
	top, err := w.Leaderboards.Top(ctx, "distance", 10, nil)
	require.NoError(t, err)
	report, err := w.Economy.Verify(ctx)
	require.NoError(t, err)
	require.True(t, report.OK(), report)
	teams, err := w.Leaderboards.Top(ctx, "teams", 10, nil)
	require.NoError(t, err)
	return append(out, jsonOf(t, top), jsonOf(t, teams))
}

// latest returns of each tracking what was told of it last.
func latest(list []mobility.Tracking) (last []mobility.Tracking) {
	for i, tr := range list {
		if !slices.ContainsFunc(list[i+1:], func(o mobility.Tracking) bool { return o.UserID == tr.UserID && o.ProviderID == tr.ProviderID }) {
			last = append(last, tr)
		}
	}
	return last
}

// Whatever order tracks come in, with whatever corrections between, everything ends as if only what is true had been told, in
// its order.
func TestTracksInAnyOrderEndTheSame(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		told := rapid.SliceOfN(rapid.Custom(drawTracking), 1, 14).Draw(rt, "told")
		some := moving(rt, b.empty(rt, start))
		some.tell(rt, told)

		last := latest(told)
		slices.SortFunc(last, func(a, b mobility.Tracking) int { return a.StartsAt.Compare(b.StartsAt) })
		truth := moving(rt, b.empty(rt, start))
		truth.tell(rt, last)
		require.Equal(rt, truth.movedPicture(rt), some.movedPicture(rt))

		other := moving(rt, b.empty(rt, start))
		other.tell(rt, rapid.Permutation(last).Draw(rt, "order"))
		require.Equal(rt, truth.movedPicture(rt), other.movedPicture(rt))
	})
}

// What somebody has decided about tracks holds, whether it was decided before other things were told or after: everything ends as if each
// track had been told and reviewed in its order.
func TestReviewsInAnyOrderEndTheSame(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		last := latest(rapid.SliceOfN(rapid.Custom(drawTracking), 1, 10).Draw(rt, "told"))
		reviewed := map[int]mobility.Verdict{}
		for i := range last {
			if last[i].Status == mobility.Track && rapid.IntRange(0, 2).Draw(rt, "reviewed") == 0 {
				reviewed[i] = rapid.SampledFrom([]mobility.Verdict{mobility.Released, mobility.Rejected}).Draw(rt, "verdict")
			}
		}
		review := func(w *world, i int) {
			if v := reviewed[i]; v != "" {
				_, err := w.Mobility.Review(rt.Context(), last[i].UserID+":p:"+last[i].ProviderID, v, "as drawn")
				require.NoError(rt, err)
			}
		}
		at := make([]int, len(last))
		for i := range at {
			at[i] = i
		}
		slices.SortFunc(at, func(i, k int) int { return last[i].StartsAt.Compare(last[k].StartsAt) })
		lived, other := moving(rt, b.empty(rt, start)), moving(rt, b.empty(rt, start))
		for _, i := range at {
			lived.tell(rt, last[i:i+1])
			review(lived, i)
		}
		var later []int
		for _, i := range rapid.Permutation(at).Draw(rt, "order") {
			other.tell(rt, last[i:i+1])
			if rapid.Bool().Draw(rt, "at once") {
				review(other, i)
			} else {
				later = append(later, i)
			}
		}
		for _, i := range later {
			review(other, i)
		}
		require.Equal(rt, lived.movedPicture(rt), other.movedPicture(rt))
	})
}

// What was redeemed stays, whatever is told afterwards; and everything else is as if it had not been.
func TestWhatWasRedeemedStays(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w := moving(rt, b.empty(rt, start))
		ctx := rt.Context()
		paid := map[string]int64{}
		redeemed := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			w.tell(rt, rapid.SliceOfN(rapid.Custom(drawTracking), 1, 4).Draw(rt, "told"))
			for _, id := range []string{"ada", "bob"} {
				all, _, err := w.Mobility.Milestones(ctx, id, mobility.Query{}, store.Page{Limit: 100})
				require.NoError(rt, err)
				for _, m := range all {
					if !rapid.Bool().Draw(rt, "redeem") {
						continue
					}
					_, err := w.Mobility.Redeem(ctx, id, m.ID)
					if m.Reached && !m.Redeemed {
						require.NoError(rt, err)
						redeemed[m.ID], paid[id] = true, paid[id]+1
						continue
					}
					require.ErrorIs(rt, err, fault.ErrConflict)
				}
			}
			w.set(w.now.Load().Add(time.Minute))
		}
		for id := range redeemed {
			m, err := w.Mobility.Milestone(ctx, id)
			require.NoError(rt, err)
			require.True(rt, m.Reached && m.Redeemed, id)
		}
		for id, n := range paid {
			balance, err := w.Economy.Balance(ctx, id, "points")
			require.NoError(rt, err)
			require.Equal(rt, n, balance.Amount.IntPart()/10_000, id)
		}
		report, err := w.Economy.Verify(ctx)
		require.NoError(rt, err)
		require.True(rt, report.OK(), report)
	})
}

// walkAndStay is a walk and a stay of ada's, at the beginning.
func walkAndStay() []mobility.Tracking {
	walk := mobility.Tracking{
		ProviderID: "walk", UserID: "ada", Provider: "p", Status: mobility.Track, Type: mobility.Walk, Length: 4000,
		StartsAt: start.Add(-time.Hour), EndsAt: start.Add(-10 * time.Minute),
	}
	stay := walk
	stay.ProviderID, stay.Status, stay.Type, stay.Length, stay.StartsAt, stay.EndsAt = "stay", mobility.Stay, "", 0, walk.EndsAt, start
	return []mobility.Tracking{walk, stay}
}

// What a rule could read of a tracking and a milestone is documented, and is what the lint takes it for.
func TestEventsOfMobilityHaveNoFieldsButThoseDocumented(t *testing.T) {
	t.Parallel()
	st := memory.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	w := moving(t, founded(t, st, "acme", start))
	walked := walkAndStay()
	beside := walked[0]
	beside.ProviderID, beside.StartsAt = "beside", beside.StartsAt.Add(time.Minute)
	_, err := w.Mobility.Track(t.Context(), append(walked, beside))
	require.NoError(t, err)
	_, err = w.As(content.Actor{Type: content.ByPrincipal, ID: "grace"}).Mobility.Review(t.Context(), "ada:p:beside", mobility.Released, "She carries two phones.")
	require.NoError(t, err)
	_, err = w.Mobility.Redeem(t.Context(), "ada", "ada:2025-09-29:km:target0")
	require.NoError(t, err)
	common, ofTypes, _, _ := documented(t)
	met := map[event.Type]bool{}
	for _, entry := range w.entries(t, 0) {
		for _, e := range append(entry.Caused, entry.Event) {
			if e.Type != event.MobilityTracking && e.Type != event.MobilityMilestone {
				continue
			}
			met[e.Type] = true
			all := slices.Concat(common, ofTypes[string(e.Type)])
			requireTyped(t, e, all)
			for name := range e.Vars() {
				require.Contains(t, all, name, e.Type)
			}
		}
	}
	require.Len(t, met, 2)
}

// Whoever asks why is told what was known when the event was recorded, also of one that was corrected since.
func TestCorrectedTrackingsAreExplained(t *testing.T) {
	t.Parallel()
	st := memory.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	w := moving(t, founded(t, st, "acme", start))
	ctx := t.Context()
	told := walkAndStay()
	_, err := w.Mobility.Track(ctx, told)
	require.NoError(t, err)
	told[0].MisdetectedCompletely = true
	_, err = w.Mobility.Track(ctx, told[:1])
	require.NoError(t, err)
	for _, tt := range []struct {
		eventID, kind, id, last string
		moved                   bool
	}{
		{"ada:p:walk:1", "MobilityGoals", "goals", "km: it adds 3 to 0, because the day's cap of km for walk is used up", true},
		{"ada:p:walk:2", "MobilityGoals", "goals", "the event came late, and what happened after it counts otherwise since", true},
		{"ada:p:stay:1", "MobilityGoals", "goals", "it is a stay", false},
		{"ada:p:walk:1", "RewardRule", "per-km", "", true},
		{"ada:p:stay:1", "RewardRule", "per-km", "nothing counts of the tracking", false},
		{"ada:p:stay:1", "RuntimeLeaderboard", "distance", "nothing of it counts", false},
	} {
		x, err := w.Explain(ctx, tt.eventID, tt.kind, tt.id)
		require.NoError(t, err)
		require.Equal(t, tt.moved, x.Moved, x)
		require.Contains(t, x.Checks[len(x.Checks)-1].String(), tt.last, x)
	}
}

// A workspace that is dumped and restored knows where people were.
func TestMobilityIsDumpedAndRestored(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Mobility.Activate(ctx, mobility.Activation{UserID: "ada", Provider: "p", Status: mobility.On})
		require.NoError(t, err)
		told := walkAndStay()
		told[1].Geometry = `{"type": "Point", "coordinates": [9.19, 45.46]}`
		_, err = w.Mobility.Track(ctx, told)
		require.NoError(t, err)
		var dump bytes.Buffer
		require.NoError(t, w.Dump(ctx, &dump))
		to := store.Scope{Account: w.Scope().Account, Workspace: "copy"}
		require.NoError(t, w.engine.Restore(ctx, to, &dump))
		copied, err := w.engine.Workspace(ctx, to)
		require.NoError(t, err)
		got, err := copied.Mobility.Tracking(ctx, "ada:p:stay")
		require.NoError(t, err)
		require.Equal(t, told[1].Geometry, got.Geometry)
		again, err := copied.Mobility.Track(ctx, told)
		require.NoError(t, err)
		require.Equal(t, mobility.Unchanged, again[1].Result)
	})
}

// explained is what is said of all entries of a world of mobility, of whatever may count tracks.
func (w *world) explained(t tester, entries []guerdon.Entry) (all []string) {
	t.Helper()
	for _, entry := range entries {
		if entry.Event.Type != event.MobilityTracking && entry.Event.Type != event.MobilityMilestone {
			continue
		}
		for kind, id := range map[string]string{
			"MobilityGoals": "goals", "RewardRule": "per-km", "MissionRule": "thrice", "MissionConfiguration": "three", "StreakRule": "days", "RuntimeLeaderboard": "distance",
		} {
			x, err := w.Explain(t.Context(), entry.Event.ID, kind, id)
			require.NoError(t, err)
			all = append(all, x.String())
		}
	}
	slices.Sort(all)
	return all
}

// Whoever asks why is told what was known when the event was recorded, whatever is told and corrected later.
func TestExplanationsOutliveCorrections(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w := moving(rt, b.empty(rt, start))
		w.tell(rt, rapid.SliceOfN(rapid.Custom(drawTracking), 1, 8).Draw(rt, "told"))
		entries := w.entries(rt, 0)
		before := w.explained(rt, entries)
		w.set(start.Add(time.Hour))
		w.tell(rt, rapid.SliceOfN(rapid.Custom(drawTracking), 1, 8).Draw(rt, "told later"))
		require.Equal(rt, before, w.explained(rt, entries))
	})
}

// Whatever was told, reviewed and redeemed before a workspace is archived, what is told then counts as if it had not been; and of what there
// was before, nothing is another that is still there.
func TestArchivedMobilityGoesOnTheSame(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		ctx := rt.Context()
		lived, other := moving(rt, b.empty(rt, start)), moving(rt, b.empty(rt, start))
		both := []*world{lived, other}
		told := rapid.SliceOfN(rapid.Custom(drawTracking), 1, 14).Draw(rt, "told")
		for i := range told {
			back := time.Duration(rapid.IntRange(0, 3).Draw(rt, "days before")) * 24 * time.Hour
			told[i].StartsAt, told[i].EndsAt = told[i].StartsAt.Add(-back), told[i].EndsAt.Add(-back)
		}
		told = latest(told)
		for _, w := range both {
			_, err := w.Mobility.Track(ctx, told)
			require.NoError(rt, err)
		}
		begun := map[string]time.Time{}
		for i, tr := range told {
			id := tr.UserID + ":p:" + tr.ProviderID
			begun[id] = tr.StartsAt
			if tr.Status == mobility.Track && rapid.IntRange(0, 3).Draw(rt, "reviewed") == 0 {
				for _, w := range both {
					_, err := w.Mobility.Review(ctx, id, mobility.Released, fmt.Sprint("as drawn ", i))
					require.NoError(rt, err)
				}
			}
		}
		redeem := func() {
			for _, user := range []string{"ada", "bob"} {
				all, _, err := other.Mobility.Milestones(ctx, user, mobility.Query{}, store.Page{Limit: 100})
				require.NoError(rt, err)
				for _, m := range all {
					if m.Reached && !m.Redeemed && rapid.Bool().Draw(rt, "redeem") {
						for _, w := range both {
							_, err := w.Mobility.Redeem(ctx, user, m.ID)
							require.NoError(rt, err, m.ID)
						}
					}
				}
			}
		}
		redeem()
		for range 2 {
			for _, w := range both {
				w.set(w.now.Load().Add(time.Minute))
			}
			horizon := start.Add(-time.Duration(rapid.IntRange(0, 48).Draw(rt, "hours")) * time.Hour)
			if horizon.Before(other.horizon) {
				horizon = other.horizon
			}
			other.archived(rt, horizon)
			other.horizon = horizon
			redeem()
			var later []mobility.Tracking
			for _, tr := range latest(rapid.SliceOfN(rapid.Custom(drawTracking), 0, 6).Draw(rt, "told later")) {
				id := tr.UserID + ":p:" + tr.ProviderID
				if was, known := begun[id]; !tr.StartsAt.Before(horizon) && (!known || !was.Before(horizon)) {
					later, begun[id] = append(later, tr), tr.StartsAt
				}
			}
			for _, w := range both {
				_, err := w.Mobility.Track(ctx, later)
				require.NoError(rt, err)
			}
			require.Equal(rt, lived.movedSince(rt, other), other.movedSince(rt, lived))
		}
	})
}

// movedSince is what users can see of a world of mobility, as far as another has it too; one of both may have archived what is over by its
// horizon, and only that.
func (w *world) movedSince(t tester, other *world) (all []string) {
	t.Helper()
	ctx := t.Context()
	ended := max(w.horizon.Unix(), other.horizon.Unix()) - 48*3600
	day := timeframe.DayOf(time.Unix(ended, 0), time.UTC)
	for _, id := range []string{"ada", "bob"} {
		list, _, err := w.Mobility.Trackings(ctx, id, mobility.Query{}, store.Page{Limit: 100})
		require.NoError(t, err)
		for _, tr := range list {
			if tr.Review != nil {
				tr.Review.At = time.Time{}
			}
			if _, err := other.Mobility.Tracking(ctx, tr.ID); err == nil {
				all = append(all, jsonOf(t, tr))
				continue
			}
			require.True(t, tr.Date < day && tr.EndsAt.Unix() < ended, tr.ID)
		}
		milestones, _, err := w.Mobility.Milestones(ctx, id, mobility.Query{}, store.Page{Limit: 100})
		require.NoError(t, err)
		for _, m := range milestones {
			if there, err := other.Mobility.Milestone(ctx, m.ID); err == nil {
				require.Equal(t, m.Redeemed, there.Redeemed)
				all = append(all, jsonOf(t, m))
				continue
			}
			require.Less(t, m.Date, day)
			require.True(t, !m.Reached || m.Redeemed, "what can be redeemed stays: %s", m.ID)
		}
		balances, err := w.Economy.Balances(ctx, id)
		require.NoError(t, err)
		current, err := w.Streaks.Current(ctx, id, "days")
		require.NoError(t, err)
		all = append(all, jsonOf(t, balances), jsonOf(t, current))
	}
	top, err := w.Leaderboards.Top(ctx, "distance", 10, nil)
	require.NoError(t, err)
	report, err := w.Economy.Verify(ctx)
	require.NoError(t, err)
	require.True(t, report.OK(), report)
	return append(all, jsonOf(t, top.Rows))
}
