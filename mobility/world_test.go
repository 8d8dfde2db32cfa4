package mobility_test

import (
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/timeframe"
)

// morning is seven o'clock on the first day of the world, five hours ago.
var morning = time.Date(2024, time.January, 1, 7, 0, 0, 0, time.UTC)

func numbers(texts ...string) (all []decimal.Decimal) {
	for _, s := range texts {
		all = append(all, decimal.RequireFromString(s))
	}
	return all
}

// factors are made up.
func factors() *mobility.Factors {
	f := &mobility.Factors{Name: "made up", Source: "a test", Year: 2024, Licence: "CC0-1.0", Baseline: mobility.Car}
	f.ID = "factors"
	for m, g := range map[mobility.Mode]string{mobility.Car: "170", mobility.Bus: "100.5", mobility.Walk: "0", mobility.Bicycle: "0", mobility.Airplane: "150"} {
		f.Factors = append(f.Factors, mobility.Factor{Type: m, GramsPerPersonKm: decimal.RequireFromString(g)})
	}
	return f
}

func goals() *mobility.Goals {
	g := &mobility.Goals{Name: "every day", Metrics: []mobility.MetricGoals{
		{Metric: mobility.Minutes, TransportTypes: []mobility.Mode{mobility.Walk, mobility.Bicycle}, Goals: numbers("10", "30")},
		{Metric: mobility.Kilometres, TransportTypes: []mobility.Mode{mobility.Walk, mobility.Bicycle, mobility.Bus}, Goals: numbers("1", "5.5")},
		{Metric: mobility.CO2, TransportTypes: []mobility.Mode{mobility.Walk, mobility.Bicycle, mobility.Bus}, Goals: numbers("0.5")},
	}}
	g.ID = "goals"
	return g
}

// every returns the matcher of every event of a type.
func every(t event.Type) event.Matcher {
	return event.Matcher{Type: event.MatchEntity, Entity: string(t)}
}

// world is a workspace with users, whom the provider "p" tracks.
type world struct{ *guerdontest.World }

func newWorld(t guerdontest.TB, more ...content.Document) *world {
	w := &world{guerdontest.New(t, append(more, factors(), goals(), guerdontest.Currency("points"),
		guerdontest.RewardRule("per-km", every(event.MobilityTracking), "points", `{"var": "value"}`),
		guerdontest.RewardRule("redeemed", every(event.MobilityMilestone), "points", "100"))...)}
	w.Join(t, "ada", "bob")
	for _, id := range []string{"ada", "bob"} {
		_, err := w.Mobility.Activate(t.Context(), mobility.Activation{UserID: id, Provider: "p", Status: mobility.On})
		require.NoError(t, err)
	}
	return w
}

// track is a track of minutes and metres that begins some time after the morning.
func track(id string, m mobility.Mode, after time.Duration, minutes, metres int64) mobility.Tracking {
	return mobility.Tracking{
		ProviderID: id, UserID: "ada", Provider: "p", Status: mobility.Track, Type: m, Length: metres,
		StartsAt: morning.Add(after), StartsAtTimezone: "UTC", EndsAt: morning.Add(after + time.Duration(minutes)*time.Minute),
	}
}

// tells tells of trackings and returns the results.
func (w *world) tells(t guerdontest.TB, list ...mobility.Tracking) (results []mobility.Result) {
	t.Helper()
	all, err := w.Mobility.Track(t.Context(), list)
	require.NoError(t, err)
	for _, one := range all {
		results = append(results, one.Result)
	}
	return results
}

// milestone returns one of ada's first day.
func (w *world) milestone(t guerdontest.TB, name string) mobility.Milestone {
	t.Helper()
	m, err := w.Mobility.Milestone(t.Context(), "ada:2024-01-01:"+name)
	require.NoError(t, err)
	return m
}

// requireReached checks whether a milestone of ada's first day is reached, and what the day has come to.
func (w *world) requireReached(t guerdontest.TB, name string, reached bool, amount string) {
	t.Helper()
	m := w.milestone(t, name)
	require.Equal(t, reached, m.Reached, name)
	require.Equal(t, amount, m.UserAmount.String(), name)
}

var firstDay = timeframe.Date(2024, time.January, 1)
