package mobility_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
)

// along gives a track a line from one latitude to another, on the meridian of 0: a degree is 111 km.
func along(tr mobility.Tracking, from, to float64) mobility.Tracking {
	tr.Geometry = fmt.Sprintf(`{"type": "LineString", "coordinates": [[0, %v], [0, %v]]}`, from, to)
	return tr
}

// suspected are ada's tracks that are suspicious, the first first: of what, and which they contradict.
func (w *world) suspected(t guerdontest.TB) (all []string) {
	t.Helper()
	list, _, err := w.Mobility.Trackings(t.Context(), "ada", mobility.Query{}, store.Page{Ascending: true, Limit: 100})
	require.NoError(t, err)
	for _, tr := range list {
		if tr.Suspicious {
			all = append(all, fmt.Sprintf("%s %s %s", tr.ID, tr.Suspicion, tr.ContradictsID))
		}
	}
	return all
}

// Nobody is on two tracks at once: the one that began first counts, whichever was told first and whoever told it, and where it does not
// count any more, the other does.
func TestOfTwoTracksAtOnceTheFirstCounts(t *testing.T) {
	w := newWorld(t)
	_, err := w.Mobility.Activate(t.Context(), mobility.Activation{UserID: "ada", Provider: "q", Status: mobility.On})
	require.NoError(t, err)
	w.tells(t, track("b", mobility.Bicycle, 20*time.Minute, 30, 5000))
	w.RequireBalance(t, "ada", "points", "5")
	first := track("a", mobility.Walk, 0, 30, 2000)
	first.Provider = "q"
	w.tells(t, first)
	require.Equal(t, []string{"ada:p:b OVERLAP ada:q:a"}, w.suspected(t))
	w.RequireBalance(t, "ada", "points", "2")
	w.requireReached(t, "km:target0", true, "2")
	x, err := w.Mobility.Explain(t.Context(), "ada:2024-01-01:km:target0")
	require.NoError(t, err)
	require.Equal(t, "it is suspicious: it began before ada:q:a ended", x.Trackings[1].Reason)
	why, err := w.Explain(t.Context(), "ada:p:b:2", "MobilityGoals", "goals")
	require.NoError(t, err)
	require.Contains(t, why.String(), "it is suspicious: it began before ada:q:a ended")
	entry, err := w.Entry(t.Context(), "ada:p:b:2")
	require.NoError(t, err)
	require.Equal(t, "OVERLAP", entry.Event.Fields["suspicion"])

	// What begins behind the first counts, though it is told to overlap what does not.
	results, err := w.Mobility.Track(t.Context(), []mobility.Tracking{track("c", mobility.Walk, 40*time.Minute, 20, 1000), track("d", mobility.Bus, 41*time.Minute, 5, 1500)})
	require.NoError(t, err)
	require.False(t, results[0].Suspicious)
	require.True(t, results[1].Suspicious)
	require.Equal(t, []string{"ada:p:b OVERLAP ada:q:a", "ada:p:d OVERLAP ada:p:c"}, w.suspected(t))
	w.RequireBalance(t, "ada", "points", "3")

	// Without the first, the second counts, and so the third does not.
	first.MisdetectedCompletely = true
	w.tells(t, first)
	require.Equal(t, []string{"ada:p:c OVERLAP ada:p:b", "ada:p:d OVERLAP ada:p:b"}, w.suspected(t))
	w.RequireBalance(t, "ada", "points", "5")
	require.Equal(t, []mobility.Result{mobility.Unchanged}, w.tells(t, track("b", mobility.Bicycle, 20*time.Minute, 30, 5000)))
	touches := track("e", mobility.Walk, 50*time.Minute-time.Minute, 10, 500)
	w.tells(t, touches)
	require.Len(t, w.suspected(t), 2, "a minute is nothing")
}

// Nobody is somewhere else at once; after a while, anybody may be anywhere.
func TestJumpsAreSuspicious(t *testing.T) {
	for name, tt := range map[string]struct {
		to    float64 // degrees from where the first ended
		after time.Duration
		want  []string
	}{
		"near":        {0.04, 0, nil},
		"at once":     {0.1, 0, []string{"ada:p:b JUMP ada:p:a"}},
		"in time":     {0.1, time.Minute, nil},
		"by plane":    {10, time.Hour, nil},
		"too far":     {11, time.Hour, []string{"ada:p:b JUMP ada:p:a"}},
		"as far":      {-85, 4 * time.Hour, []string{"ada:p:b JUMP ada:p:a"}},
		"another day": {-85, 17 * time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Pass(t, guerdontest.Day)
			first := along(track("a", mobility.Walk, 0, 10, 1000), 0.009, 0)
			second := along(track("b", mobility.Walk, 10*time.Minute+tt.after, 10, 1000), tt.to, tt.to)
			w.tells(t, second)
			require.Empty(t, w.suspected(t))
			w.tells(t, first)
			require.Equal(t, tt.want, w.suspected(t))
			if tt.want != nil {
				x, err := w.Mobility.Explain(t.Context(), "ada:2024-01-01:km:target0")
				require.NoError(t, err)
				require.Equal(t, "it is suspicious: it began farther from where ada:p:a ended than anybody gets meanwhile", x.Trackings[1].Reason)
			}
			first.Geometry = ""
			w.tells(t, first)
			require.Empty(t, w.suspected(t), "nobody knows where it ended")
		})
	}
}

// Somebody decides about a track: it counts, or does not, from its moment on, and who did so and why is told.
func TestReviews(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	admin := w.As(content.Actor{Type: content.ByPrincipal, ID: "grace"})
	fast := track("a", mobility.Walk, 0, 3, 20_000)
	w.tells(t, fast, track("b", mobility.Walk, time.Minute, 10, 1000))
	require.Equal(t, []string{"ada:p:a SPEED "}, w.suspected(t))
	w.RequireBalance(t, "ada", "points", "1")

	w.Pass(t, time.Hour)
	got, err := admin.Mobility.Review(ctx, "ada:p:a", mobility.Released, "It was a train.")
	require.NoError(t, err)
	require.False(t, got.Suspicious)
	require.Equal(t, mobility.TooFast, got.Suspicion)
	require.Equal(t, &mobility.Review{
		Verdict: mobility.Released, Reason: "It was a train.", By: content.Actor{Type: content.ByPrincipal, ID: "grace"}, At: w.Now(),
	}, got.Review)
	shown, err := w.Mobility.Tracking(ctx, "ada:p:a")
	require.NoError(t, err)
	require.Equal(t, got.Review, shown.Review)
	require.Equal(t, got.EventID, shown.EventID)
	require.Equal(t, "3.4", shown.CO2Avoided.String())
	require.Equal(t, []string{"ada:p:b OVERLAP ada:p:a"}, w.suspected(t))
	w.RequireBalance(t, "ada", "points", "20")
	w.requireReached(t, "km:target1", true, "20")
	x, err := w.Mobility.Explain(ctx, "ada:2024-01-01:km:target0")
	require.NoError(t, err)
	require.Equal(t, got.Review, x.Trackings[0].Review)
	why, err := w.Explain(ctx, "ada:p:a:2", "MobilityGoals", "goals")
	require.NoError(t, err)
	require.Contains(t, why.String(), "principal grace has released it: It was a train.")
	entry, err := w.Entry(ctx, "ada:p:a:2")
	require.NoError(t, err)
	require.NotEmpty(t, entry.Outcome.Mobility)
	require.Equal(t, "grace", entry.Event.Fields["reviewedBy"])

	// What the provider says again changes nothing, and what it says otherwise is reviewed already.
	require.Equal(t, []mobility.Result{mobility.Unchanged}, w.tells(t, fast))
	fast.Length = 19_000
	require.Equal(t, []mobility.Result{mobility.Corrected}, w.tells(t, fast))
	w.RequireBalance(t, "ada", "points", "19")

	got, err = w.Mobility.Review(ctx, "ada:p:a", mobility.Rejected, "There is no train.")
	require.NoError(t, err)
	require.True(t, got.Suspicious)
	require.Equal(t, content.Actor{Type: content.BySystem}, got.Review.By)
	require.Equal(t, []string{"ada:p:a SPEED "}, w.suspected(t))
	w.RequireBalance(t, "ada", "points", "1")
	x, err = w.Mobility.Explain(ctx, "ada:2024-01-01:km:target0")
	require.NoError(t, err)
	require.Equal(t, "it is suspicious: system has rejected it: There is no train.", x.Trackings[0].Reason)

	_, err = w.Mobility.Review(ctx, "ada:p:b", mobility.Rejected, "Nor was she there.") // which nobody suspects
	require.NoError(t, err)
	w.RequireBalance(t, "ada", "points", "0")
}

func TestReviewRefuses(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	stay := track("s", "", 0, 10, 0)
	stay.Status = mobility.Stay
	w.tells(t, stay, track("a", mobility.Walk, time.Hour, 10, 1000))
	for _, tt := range []struct {
		id, field string
		verdict   mobility.Verdict
		reason    string
		kind      error
	}{
		{"ada:p:a", "verdict", "FINE", "so", fault.ErrInvalid},
		{"ada:p:a", "reason", mobility.Released, "", fault.ErrInvalid},
		{"ada:p:a", "reason", mobility.Released, string(make([]byte, 501)), fault.ErrInvalid},
		{"ada:p:none", "mobilityTracking", mobility.Released, "so", fault.ErrNotFound},
		{"ada:p:s", "mobilityTracking", mobility.Released, "so", fault.ErrConflict},
	} {
		_, err := w.Mobility.Review(ctx, tt.id, tt.verdict, tt.reason)
		require.ErrorIs(t, err, tt.kind)
		require.ErrorContains(t, err, tt.field)
	}
	_, err := w.Users.Suspend(ctx, "ada")
	require.NoError(t, err)
	_, err = w.Mobility.Review(ctx, "ada:p:a", mobility.Rejected, "so")
	require.ErrorIs(t, err, fault.ErrForbidden)
	got, err := w.Mobility.Tracking(ctx, "ada:p:a")
	require.NoError(t, err)
	require.Nil(t, got.Review)
}

// A seen is what a model knows of a track.
type seen struct {
	mobility.Tracking
	from, to float64 // degrees; both NaN for nowhere
	verdict  mobility.Verdict
}

// judged returns of which suspicion each of some tracks is, and whether it counts, as one who reads the rule from the beginning would.
func judged(all []seen) map[string]string {
	slices.SortFunc(all, func(a, b seen) int {
		return cmp.Or(a.StartsAt.Compare(b.StartsAt), cmp.Compare(a.Provider+":"+a.ProviderID, b.Provider+":"+b.ProviderID))
	})
	verdicts := map[string]string{}
	var counted []seen
	for _, tr := range all {
		of, counts := "", tr.Status == mobility.Track && !tr.MisdetectedCompletely
		switch minutes := tr.EndsAt.Sub(tr.StartsAt).Minutes(); {
		case tr.Suspicious:
			of = "PROVIDER"
		case tr.Status == mobility.Track && float64(tr.Length) > minutes*25_000/60: // they all walk
			of = "SPEED"
		case counts && tr.verdict != mobility.Rejected && len(counted) > 0:
			last := counted[0]
			for _, other := range counted { // of those that ended at once, the last that began
				if !other.EndsAt.Before(last.EndsAt) {
					last = other
				}
			}
			between := tr.StartsAt.Sub(last.EndsAt)
			far := math.Abs(tr.from-last.to) * 111_195
			if between < -time.Minute {
				of = "OVERLAP ada:" + last.Provider + ":" + last.ProviderID
			} else if far > 5000+max(0, between.Seconds())*1_200_000/3600 {
				of = "JUMP ada:" + last.Provider + ":" + last.ProviderID
			}
		}
		counts = counts && (of == "" || tr.verdict == mobility.Released) && tr.verdict != mobility.Rejected
		if counts {
			counted = append(counted, tr)
		}
		verdicts["ada:"+tr.Provider+":"+tr.ProviderID] = fmt.Sprint(of, " ", counts)
	}
	return verdicts
}

// Whatever is told, corrected and reviewed, in whatever order and portions: each track is judged as the rule says of all that there are.
func TestSuspicionsFollowFromAllTracks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		_, err := w.Mobility.Activate(t.Context(), mobility.Activation{UserID: "ada", Provider: "q", Status: mobility.On})
		require.NoError(t, err)
		known := map[string]*seen{}
		var ids []string
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			if len(ids) > 0 && rapid.IntRange(0, 3).Draw(t, "review") == 0 {
				id := rapid.SampledFrom(ids).Draw(t, "reviewed")
				verdict := rapid.SampledFrom([]mobility.Verdict{mobility.Released, mobility.Rejected}).Draw(t, "verdict")
				_, err := w.Mobility.Review(t.Context(), id, verdict, "as drawn")
				if known[id].Status == mobility.Stay {
					require.ErrorIs(t, err, fault.ErrConflict)
					continue
				}
				require.NoError(t, err)
				known[id].verdict = verdict
				continue
			}
			var list []mobility.Tracking
			for _, name := range rapid.SliceOfNDistinct(rapid.IntRange(0, 11), 1, 5, rapid.ID[int]).Draw(t, "ids") {
				s := seen{
					Tracking: track(fmt.Sprint("t", name/2), mobility.Walk, time.Duration(rapid.IntRange(-20, 20).Draw(t, "begins"))*5*time.Minute, 0, 100),
					from:     math.NaN(), to: math.NaN(),
				}
				s.Provider = []string{"p", "q"}[name%2]
				s.EndsAt = s.StartsAt.Add(time.Duration(rapid.SampledFrom([]int{0, 30, 60, 300, 330, 360, 900, 3000}).Draw(t, "seconds")) * time.Second)
				if rapid.IntRange(0, 2).Draw(t, "somewhere") > 0 {
					s.from, s.to = float64(rapid.IntRange(0, 3).Draw(t, "from")), float64(rapid.IntRange(0, 3).Draw(t, "to"))
					s.Tracking = along(s.Tracking, s.from, s.to)
				}
				switch rapid.IntRange(0, 9).Draw(t, "kind") {
				case 0:
					s.Status, s.Type, s.Length = mobility.Stay, "", 0
				case 1:
					s.MisdetectedCompletely = true
				case 2:
					s.Suspicious = true
				}
				list = append(list, s.Tracking)
				id := "ada:" + s.Provider + ":" + s.ProviderID
				if known[id] == nil {
					ids = append(ids, id)
				} else {
					s.verdict = known[id].verdict
				}
				known[id] = &s
			}
			_, err := w.Mobility.Track(t.Context(), list)
			require.NoError(t, err)
			// The rule holds behind each call, and not only in the end.
			var all []seen
			for _, s := range known {
				all = append(all, *s)
			}
			got := map[string]string{}
			list, _, err = w.Mobility.Trackings(t.Context(), "ada", mobility.Query{}, store.Page{Limit: 100})
			require.NoError(t, err)
			for _, tr := range list {
				of := string(tr.Suspicion)
				if tr.ContradictsID != "" {
					of += " " + tr.ContradictsID
				}
				got[tr.ID] = fmt.Sprint(of, " ", tr.Counts())
			}
			require.Equal(t, judged(all), got)
		}
	})
}
