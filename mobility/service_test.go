package mobility_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

func TestADayComesToItsMilestones(t *testing.T) {
	w := newWorld(t)
	w.requireReached(t, "km:target0", false, "0")
	require.Equal(t, []mobility.Result{mobility.Recorded}, w.tells(t, track("a", mobility.Walk, 0, 9, 900)))
	w.requireReached(t, "minutes:target0", false, "9")
	w.requireReached(t, "km:target0", false, "0.9")
	w.requireReached(t, "co2:target0", false, "0.153")
	w.tells(t, track("b", mobility.Bus, time.Hour, 10, 5000))
	w.requireReached(t, "minutes:target0", false, "9")
	w.requireReached(t, "km:target0", true, "5.9")
	w.requireReached(t, "km:target1", true, "5.9")
	w.requireReached(t, "co2:target0", true, "0.5")
	require.Equal(t, morning.Add(70*time.Minute), w.milestone(t, "km:target0").ReachedAt)
	w.RequireBalance(t, "ada", "points", "5.9")

	list, next, err := w.Mobility.Milestones(t.Context(), "ada", mobility.Query{From: firstDay, To: firstDay}, store.Page{})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Len(t, list, 5)
	require.Equal(t, "ada:2024-01-01:minutes:target0", list[0].ID)
	list, _, err = w.Mobility.Milestones(t.Context(), "ada", mobility.Query{From: firstDay.Add(1)}, store.Page{})
	require.NoError(t, err)
	require.Empty(t, list)
}

// Late tracks reach a milestone too, and it is reached when the day got there.
func TestLateTracksCountAtTheirTime(t *testing.T) {
	w := newWorld(t)
	w.tells(t, track("b", mobility.Walk, 2*time.Hour, 10, 600))
	w.Pass(t, 3*guerdontest.Day)
	w.tells(t, track("a", mobility.Walk, time.Hour, 10, 400))
	m := w.milestone(t, "km:target0")
	require.True(t, m.Reached)
	require.Equal(t, morning.Add(130*time.Minute), m.ReachedAt)
}

func TestATrackingIsToldOnce(t *testing.T) {
	w := newWorld(t)
	one := track("a", mobility.Walk, 0, 10, 1000)
	one.Geometry = `{"type": "LineString", "coordinates": [[0, 0], [0, 0.009]]}`
	require.Equal(t, []mobility.Result{mobility.Recorded}, w.tells(t, one))
	require.Equal(t, []mobility.Result{mobility.Unchanged}, w.tells(t, one))
	w.RequireBalance(t, "ada", "points", "1")
	got, err := w.Mobility.Tracking(t.Context(), "ada:p:a")
	require.NoError(t, err)
	require.Equal(t, one.Geometry, got.Geometry)
	require.Equal(t, firstDay, got.Date)
	require.Equal(t, "0.17", got.CO2Avoided.String())
	require.Equal(t, 1, got.FactorsVersion)
	require.Equal(t, "ada:p:a:1", got.EventID)
}

func TestACorrectionTakesThePlaceOfWhatWasTold(t *testing.T) {
	w := newWorld(t)
	w.tells(t, track("a", mobility.Walk, 0, 10, 1000), track("b", mobility.Walk, time.Hour, 10, 500))
	w.requireReached(t, "km:target0", true, "1.5")
	w.RequireBalance(t, "ada", "points", "1.5")

	shorter := track("a", mobility.Walk, 0, 10, 300)
	all, err := w.Mobility.Track(t.Context(), []mobility.Tracking{shorter})
	require.NoError(t, err)
	require.Equal(t, mobility.Tracked{ID: "ada:p:a", Result: mobility.Corrected, EventID: "ada:p:a:2"}, all[0])
	w.requireReached(t, "km:target0", false, "0.8")
	w.requireReached(t, "minutes:target0", true, "20")
	w.RequireBalance(t, "ada", "points", "0.8")
	entry, err := w.Entry(t.Context(), "ada:p:a:2")
	require.NoError(t, err)
	require.Len(t, entry.Outcome.Mobility, 2, "%+v", entry.Outcome.Mobility)
	require.Equal(t, []string{"target0"}, entry.Outcome.Mobility[0].Undone)

	wrong := shorter
	wrong.MisdetectedCompletely = true
	require.Equal(t, []mobility.Result{mobility.Corrected}, w.tells(t, wrong))
	w.requireReached(t, "minutes:target0", true, "10")
	w.requireReached(t, "km:target0", false, "0.5")
	w.RequireBalance(t, "ada", "points", "0.5")

	elsewhere := track("a", mobility.Bicycle, -guerdontest.Day, 10, 3000)
	require.Equal(t, []mobility.Result{mobility.Corrected}, w.tells(t, elsewhere))
	w.requireReached(t, "km:target0", false, "0.5")
	before, err := w.Mobility.Milestone(t.Context(), "ada:2023-12-31:km:target0")
	require.NoError(t, err)
	require.True(t, before.Reached)
	w.RequireBalance(t, "ada", "points", "3.5")
	list, _, err := w.Mobility.Trackings(t.Context(), "ada", mobility.Query{}, store.Page{})
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, 4, list[1].Revision)
}

func TestWhatAProviderKnewBeforeIsStale(t *testing.T) {
	w := newWorld(t)
	now, then := track("a", mobility.Walk, 0, 10, 1000), track("a", mobility.Walk, 0, 10, 9000)
	now.UpdatedAt, then.UpdatedAt = morning.Add(time.Hour), morning.Add(time.Minute)
	require.Equal(t, []mobility.Result{mobility.Recorded}, w.tells(t, now))
	require.Equal(t, []mobility.Result{mobility.Stale}, w.tells(t, then))
	w.RequireBalance(t, "ada", "points", "1")
}

func TestRedeemingIsOnceAndStays(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := "ada:2024-01-01:km:target0"
	_, err := w.Mobility.Redeem(ctx, "ada", id)
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorContains(t, err, "is not reached: the day has 0 of 1 km")
	w.tells(t, track("a", mobility.Walk, 0, 10, 1000))
	_, err = w.Mobility.Redeem(ctx, "bob", id)
	require.ErrorIs(t, err, fault.ErrNotFound)
	m, err := w.Mobility.Redeem(ctx, "ada", id)
	require.NoError(t, err)
	require.True(t, m.Redeemed)
	require.Equal(t, w.Now(), m.RedeemedAt)
	w.RequireBalance(t, "ada", "points", "101")
	_, err = w.Mobility.Redeem(ctx, "ada", id)
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorContains(t, err, "is redeemed already")

	w.tells(t, track("a", mobility.Walk, 0, 10, 10))
	m = w.milestone(t, "km:target0")
	require.True(t, m.Reached && m.Redeemed)
	require.Equal(t, "0.01", m.UserAmount.String())
	w.RequireBalance(t, "ada", "points", "100.01")
	w.tells(t, track("a", mobility.Walk, -guerdontest.Day, 10, 10))
	require.True(t, w.milestone(t, "km:target0").Redeemed, "also when nothing is left of the day")
	for _, id := range []string{"ada:2024-01-01:km:target9", "ada:2024-01-01:km", "eve:2024-01-01:km:target0", "ada:x:km:target0", "ada:2024-01-01:steps:target0"} {
		_, err := w.Mobility.Redeem(ctx, "ada", id)
		require.ErrorIs(t, err, fault.ErrNotFound, id)
	}
}

func TestNothingIsKeptOfWhoHasNotTurnedItOn(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.Mobility.Activate(ctx, mobility.Activation{UserID: "ada", Provider: "p", Status: mobility.Off})
	require.NoError(t, err)
	other := track("a", mobility.Walk, 0, 10, 1000)
	other.Provider = "q"
	require.Equal(t, []mobility.Result{mobility.NotTracked, mobility.NotTracked}, w.tells(t, track("a", mobility.Walk, 0, 10, 1000), other))
	list, _, err := w.Mobility.Trackings(ctx, "ada", mobility.Query{}, store.Page{})
	require.NoError(t, err)
	require.Empty(t, list)
	all, err := w.Mobility.Activations(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, []mobility.Activation{{UserID: "ada", Provider: "p", Status: mobility.Off, UpdatedAt: w.Now()}}, all)
	for field, a := range map[string]mobility.Activation{
		"userId": {Provider: "p", Status: mobility.On}, "provider": {UserID: "ada", Status: mobility.On}, "status": {UserID: "ada", Provider: "p", Status: "ON"},
	} {
		_, err := w.Mobility.Activate(ctx, a)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, field+": ")
	}
}

func TestBadTrackingsAreRefusedByTheirFields(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	good := track("good", mobility.Walk, 0, 10, 1000)
	for _, tt := range []struct {
		field, reason string
		change        func(*mobility.Tracking)
	}{
		{"endsAt", "before it starts", func(tr *mobility.Tracking) { tr.EndsAt = tr.StartsAt.Add(-time.Second) }},
		{"endsAt", "ahead of now", func(tr *mobility.Tracking) { tr.EndsAt = w.Now().Add(time.Hour) }},
		{"endsAt", "is missing", func(tr *mobility.Tracking) { tr.EndsAt = time.Time{} }},
		{"startsAt", "is missing", func(tr *mobility.Tracking) { tr.StartsAt = time.Time{} }},
		{"startsAt", "1900", func(tr *mobility.Tracking) { tr.StartsAt = time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"startsAtTimezone", "Mars", func(tr *mobility.Tracking) { tr.StartsAtTimezone = "Mars/Olympus" }},
		{"endsAtTimezone", "Mars", func(tr *mobility.Tracking) { tr.EndsAtTimezone = "Mars/Olympus" }},
		{"geometry", "is no GeoJSON", func(tr *mobility.Tracking) { tr.Geometry = "POINT(1 2)" }},
		{"geometry", "longer than", func(tr *mobility.Tracking) {
			tr.Length, tr.Geometry = 0, `{"type": "LineString", "coordinates": [[0,0],[180,0],[0,0],[180,0],[0,0]]}`
		}},
		{"length", "must be from 0", func(tr *mobility.Tracking) { tr.Length = -1 }},
		{"status", "none of track, stay", func(tr *mobility.Tracking) { tr.Status = "move" }},
		{"type", "none of airplane", func(tr *mobility.Tracking) { tr.Type = "rocket" }},
		{"type", "is for a track", func(tr *mobility.Tracking) { tr.Status = mobility.Stay }},
		{"length", "is for a track", func(tr *mobility.Tracking) { tr.Status, tr.Type = mobility.Stay, "" }},
		{"providerId", "", func(tr *mobility.Tracking) { tr.ProviderID = "a:b" }},
		{"provider", "", func(tr *mobility.Tracking) { tr.Provider = "" }},
		{"userId", "", func(tr *mobility.Tracking) { tr.UserID = "" }},
		{"updatedAt", "1900", func(tr *mobility.Tracking) { tr.UpdatedAt = time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC) }},
		{"providerId", "occurs twice", func(tr *mobility.Tracking) { tr.ProviderID = "good" }},
	} {
		bad := good
		bad.ProviderID = "bad"
		tt.change(&bad)
		_, err := w.Mobility.Track(ctx, []mobility.Tracking{good, bad})
		require.ErrorIs(t, err, fault.ErrInvalid, tt.field)
		require.ErrorContains(t, err, "trackings[1]."+tt.field+": ")
		require.ErrorContains(t, err, tt.reason)
	}
	_, err := w.Mobility.Track(ctx, make([]mobility.Tracking, 10_000))
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, "trackings: are 10000, at most 1000 are allowed")
	stranger := good
	stranger.UserID = "nobody"
	_, err = w.Mobility.Track(ctx, []mobility.Tracking{good, stranger})
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorContains(t, err, "trackings[1].userId: ")
	list, _, err := w.Mobility.Trackings(ctx, "ada", mobility.Query{}, store.Page{})
	require.NoError(t, err)
	require.Empty(t, list, "nothing has changed")
}

func TestWhatIsTooFastIsKeptAndSuspicious(t *testing.T) {
	w := newWorld(t)
	all, err := w.Mobility.Track(t.Context(), []mobility.Tracking{track("a", mobility.Walk, 0, 3, 20_000)}) // 400 km/h
	require.NoError(t, err)
	require.Equal(t, mobility.Tracked{ID: "ada:p:a", Result: mobility.Recorded, EventID: "ada:p:a:1", Suspicious: true}, all[0])
	w.requireReached(t, "km:target0", false, "0")
	w.RequireBalance(t, "ada", "points", "0")
	x, err := w.Mobility.Explain(t.Context(), "ada:2024-01-01:km:target0")
	require.NoError(t, err)
	require.Equal(t, "1", x.Missing.String())
	require.Equal(t, "it is suspicious: it is faster than 25 km/h", x.Trackings[0].Reason)
}

func TestExplainSaysWhichTracksCounted(t *testing.T) {
	capped := goals()
	capped.Caps = []mobility.Cap{{Type: mobility.Walk, Metric: mobility.Kilometres, Amount: numbers("0.6")[0]}}
	w := newWorld(t)
	w.Publish(t, capped)
	stay := track("s", "", 30*time.Minute, 10, 0)
	stay.Status = mobility.Stay
	wrong := track("w", mobility.Walk, time.Hour, 10, 500)
	wrong.MisdetectedCompletely = true
	w.tells(t, track("d", mobility.Walk, 3*time.Hour, 10, 400), track("c", mobility.Walk, 2*time.Hour, 10, 400), track("b", mobility.Car, 90*time.Minute, 10, 9000),
		wrong, stay, track("a", mobility.Bus, 0, 10, 300))
	x, err := w.Mobility.Explain(t.Context(), "ada:2024-01-01:km:target0")
	require.NoError(t, err)
	require.Equal(t, "0.1", x.Missing.String())
	var lines []string
	for _, c := range x.Trackings {
		lines = append(lines, strings.TrimSpace(fmt.Sprint(c.TrackingID, " ", c.Amount, " ", c.Reason)))
	}
	require.Equal(t, []string{
		"ada:p:a 0.3", "ada:p:s 0 it is a stay", "ada:p:w 0 it was detected wrongly", "ada:p:b 0 car is none of the transport types [walk bicycle bus]",
		"ada:p:c 0.4", "ada:p:d 0.2 the day's cap of km for walk is used up",
	}, lines)
	why, err := w.Explain(t.Context(), "ada:p:d:1", "MobilityGoals", "goals")
	require.NoError(t, err)
	require.True(t, why.Moved)
	why, err = w.Explain(t.Context(), "ada:p:b:1", "MobilityGoals", "goals")
	require.NoError(t, err)
	require.False(t, why.Moved, why)
	require.Contains(t, why.String(), "none of the transport types")
}

// A milestone, and a track, may be what a mission and a streak count.
func TestMissionsAndStreaksCountMobility(t *testing.T) {
	three := guerdontest.MissionConfiguration("three", every(event.MobilityTracking), "3")
	two := guerdontest.MissionConfiguration("two", every(event.MobilityMilestone), "2")
	moved := guerdontest.StreakConfiguration("moved", every(event.MobilityTracking))
	w := newWorld(t, three, guerdontest.MissionRule("thrice", three, ""), two, guerdontest.MissionRule("twice", two, ""), moved, guerdontest.StreakRule("days", moved))
	w.tells(t, track("a", mobility.Walk, 0, 10, 1000), track("b", mobility.Walk, -guerdontest.Day, 10, 1000), track("c", mobility.Walk, time.Hour, 3, 20_000))
	standing, err := w.Streaks.Current(t.Context(), "ada", "days")
	require.NoError(t, err)
	require.Equal(t, 2, standing.Count)
	missions, err := w.Missions.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, "2", missions[0].CurrentAmount.String())
	w.tells(t, track("c", mobility.Walk, time.Hour, 30, 1000))
	missions, err = w.Missions.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	require.True(t, missions[0].IsCompleted)
	for i, name := range []string{"km:target0", "minutes:target0"} {
		_, err := w.Mobility.Redeem(t.Context(), "ada", "ada:2024-01-01:"+name)
		require.NoError(t, err, i)
	}
	w.RequireBalance(t, "ada", "points", "203")
	missions, err = w.Missions.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, missions, 2)
	require.True(t, missions[0].IsCompleted && missions[1].IsCompleted)
	w.tells(t, track("c", mobility.Walk, time.Hour, 3, 20_000))
	missions, err = w.Missions.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	require.False(t, missions[0].IsCompleted && missions[1].IsCompleted, "the third does not count any more")
}

// A day keeps the goals by which it began.
func TestADayKeepsItsGoals(t *testing.T) {
	w := newWorld(t)
	w.tells(t, track("a", mobility.Walk, 0, 10, 1000))
	harder := goals()
	harder.Metrics = harder.Metrics[1:2]
	harder.Metrics[0].Goals = numbers("50")
	w.Pass(t, time.Hour)
	w.Publish(t, harder)
	w.tells(t, track("b", mobility.Walk, time.Hour, 10, 1000), track("c", mobility.Walk, guerdontest.Day/4, 10, 1000))
	w.requireReached(t, "km:target0", true, "3")
	w.Pass(t, guerdontest.Day)
	w.tells(t, track("d", mobility.Walk, guerdontest.Day, 10, 1000))
	m, err := w.Mobility.Milestone(t.Context(), "ada:2024-01-02:km:target0")
	require.NoError(t, err)
	require.Equal(t, "50", m.Goal.String())
	require.Equal(t, 2, m.GoalsVersion)
}

func TestDaysAreThoseOfTheStart(t *testing.T) {
	w := newWorld(t)
	_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: "eve", Timezone: "Asia/Tokyo"})
	require.NoError(t, err)
	_, err = w.Mobility.Activate(t.Context(), mobility.Activation{UserID: "eve", Provider: "p", Status: mobility.On})
	require.NoError(t, err)
	tokyo, honolulu := track("a", mobility.Walk, -9*time.Hour, 10, 100), track("b", mobility.Walk, 0, 10, 100)
	tokyo.UserID, honolulu.UserID, tokyo.StartsAtTimezone, honolulu.StartsAtTimezone = "eve", "eve", "", "Pacific/Honolulu"
	tokyo.EndsAtTimezone = "Europe/Rome"
	w.tells(t, tokyo, honolulu)
	list, _, err := w.Mobility.Trackings(t.Context(), "eve", mobility.Query{}, store.Page{Ascending: true})
	require.NoError(t, err)
	require.Equal(t, "2024-01-01", list[1].Date.String())
	require.Equal(t, "Asia/Tokyo", list[1].UserTimezone)
	require.Equal(t, "Europe/Rome", list[1].EndsAtTimezone)
	require.Equal(t, "2023-12-31", list[0].Date.String())
	require.Equal(t, "Pacific/Honolulu", list[0].EndsAtTimezone)
}

// Where somebody was is forgotten when the user is deleted.
func TestGeometriesGoWithTheUser(t *testing.T) {
	w := newWorld(t)
	one := track("a", mobility.Walk, 0, 10, 0)
	one.Geometry = `{"type": "LineString", "coordinates": [[0, 0], [0, 0.009]]}`
	w.tells(t, one)
	got, err := w.Mobility.Tracking(t.Context(), "ada:p:a")
	require.NoError(t, err)
	require.EqualValues(t, 1001, got.Length)
	_, err = w.Users.Anonymise(t.Context(), "ada")
	require.NoError(t, err)
	got, err = w.Mobility.Tracking(t.Context(), "ada:p:a")
	require.NoError(t, err)
	require.Empty(t, got.Geometry)
	all, err := w.Mobility.Activations(t.Context(), "ada")
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = w.Mobility.Track(t.Context(), []mobility.Tracking{one})
	require.ErrorIs(t, err, fault.ErrForbidden)
}

func TestOnlyOneDocumentOfAKindApplies(t *testing.T) {
	second := factors()
	second.ID, second.Baseline = "spare", mobility.Bus
	w := newWorld(t)
	w.Pass(t, time.Minute)
	w.Publish(t, second)
	w.tells(t, track("a", mobility.Walk, 0, 10, 1000))
	entry, err := w.Entry(t.Context(), "ada:p:a:1")
	require.NoError(t, err)
	require.Equal(t, "MobilityFactors/spare", entry.Outcome.Problems[0].Source)
	w.requireReached(t, "co2:target0", false, "0.17")
}

// What a workspace shows is asked by whoever shows it: nothing is lost of what is told while it shows no mobility.
func TestWhoShowsNoMobilityIsTrackedYet(t *testing.T) {
	w := newWorld(t)
	_, err := w.Settings.Put(t.Context(), tenancy.Configuration{Features: tenancy.Features{tenancy.FeatureMobility: false}})
	require.NoError(t, err)
	shown, err := w.Settings.Publish(t.Context())
	require.NoError(t, err)
	require.False(t, shown.Features.Enabled(tenancy.FeatureMobility))
	w.tells(t, track("a", mobility.Walk, 0, 10, 1000))
	w.RequireBalance(t, "ada", "points", "1")
}

// What is over by the horizon is archived, with where somebody was; a milestone that can be redeemed stays until it is.
func TestWhatIsOverIsArchived(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.tells(t, along(track("old", mobility.Walk, -10*guerdontest.Day, 10, 1000), 0, 0.009), along(track("a", mobility.Walk, 0, 9, 300), 0, 0.009))
	w.Pass(t, 3*guerdontest.Day)
	archive := func() map[string]int {
		t.Helper()
		var file bytes.Buffer
		_, err := w.Archive(ctx, w.Now(), &file)
		require.NoError(t, err)
		tables := map[string]int{}
		for row, err := range guerdon.ReadArchive(&file) {
			require.NoError(t, err)
			if strings.HasPrefix(row.Table, "mobility_") {
				tables[row.Table]++
			}
		}
		return tables
	}
	require.Equal(t, map[string]int{"mobility_trackings": 2, "mobility_geometries": 2, "mobility_days": 1}, archive())
	for _, id := range []string{"ada:p:old", "ada:p:a"} {
		_, err := w.Mobility.Tracking(ctx, id)
		require.ErrorIs(t, err, fault.ErrNotFound)
	}
	_, err := w.Mobility.Milestone(ctx, "ada:2024-01-01:km:target0")
	require.ErrorIs(t, err, fault.ErrNotFound)
	x, err := w.Mobility.Explain(ctx, "ada:2023-12-22:km:target0")
	require.NoError(t, err)
	require.True(t, x.Milestone.Reached)
	require.Zero(t, x.Missing.Sign())
	require.Empty(t, x.Trackings)
	w.RequireBalance(t, "ada", "points", "1.3")

	for _, id := range []string{"km:target0", "minutes:target0"} {
		w.Pass(t, time.Hour)
		require.Empty(t, archive())
		_, err = w.Mobility.Redeem(ctx, "ada", "ada:2023-12-22:"+id)
		require.NoError(t, err)
	}
	w.Pass(t, time.Hour)
	require.Equal(t, map[string]int{"mobility_days": 1, "mobility_redemptions": 2}, archive())
	_, err = w.Mobility.Redeem(ctx, "ada", "ada:2023-12-22:km:target0")
	require.ErrorIs(t, err, fault.ErrNotFound)
	w.RequireBalance(t, "ada", "points", "201.3")
	list, _, err := w.Mobility.Milestones(ctx, "ada", mobility.Query{}, store.Page{})
	require.NoError(t, err)
	require.Empty(t, list)
}

// What is archived is not known any more. If its event is still in the journal, because that was recorded since the horizon, it cannot be told
// once more under the same id.
func TestWhatIsArchivedIsNotToldTwice(t *testing.T) {
	w := newWorld(t)
	w.Pass(t, 10*guerdontest.Day)
	old := track("a", mobility.Walk, 0, 10, 1000)
	w.tells(t, old)
	_, err := w.Archive(t.Context(), w.Now().Add(-guerdontest.Day), &strings.Builder{})
	require.NoError(t, err)
	_, err = w.Mobility.Tracking(t.Context(), "ada:p:a")
	require.ErrorIs(t, err, fault.ErrNotFound)
	moved := track("a", mobility.Walk, 10*guerdontest.Day, 10, 1000)
	_, err = w.Mobility.Track(t.Context(), []mobility.Tracking{moved})
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorContains(t, err, "was recorded before")
	w.RequireBalance(t, "ada", "points", "1")
}

// Nothing happens any more before the horizon, and nothing that did is corrected.
func TestWhatIsSettledStays(t *testing.T) {
	w := newWorld(t)
	w.tells(t, track("a", mobility.Walk, 0, 10, 1000))
	w.Pass(t, 2*guerdontest.Day)
	_, err := w.Archive(t.Context(), w.Now().Add(-guerdontest.Day), &strings.Builder{})
	require.NoError(t, err)
	_, err = w.Mobility.Track(t.Context(), []mobility.Tracking{track("b", mobility.Walk, 0, 10, 1000)})
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorContains(t, err, "trackings[0].startsAt: ")
	_, err = w.Mobility.Track(t.Context(), []mobility.Tracking{track("a", mobility.Walk, 2*guerdontest.Day, 10, 1000)})
	require.ErrorIs(t, err, fault.ErrConflict)
	w.requireReached(t, "km:target0", true, "1")
	_, err = w.Mobility.Redeem(t.Context(), "ada", "ada:2024-01-01:km:target0")
	require.NoError(t, err)
}
