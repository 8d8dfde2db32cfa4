package mobility_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/mobility"
)

func TestFactorsAreRefusedByTheirFields(t *testing.T) {
	require.NoError(t, factors().Validate())
	for _, tt := range []struct {
		want   string
		change func(*mobility.Factors)
	}{
		{"name: is empty", func(f *mobility.Factors) { f.Name = "" }},
		{"source: is empty", func(f *mobility.Factors) { f.Source = "" }},
		{"licence: is empty", func(f *mobility.Factors) { f.Licence = "" }},
		{"year: is 0; it must be from 1900 to 9999", func(f *mobility.Factors) { f.Year = 0 }},
		{`baseline: "ferry" has no factor`, func(f *mobility.Factors) { f.Baseline = mobility.Ferry }},
		{"factors[0].gramsPerPersonKm: is -1; it must not be less than 0", func(f *mobility.Factors) { f.Factors[0].GramsPerPersonKm = decimal.NewFromInt(-1) }},
		{"factors[0].gramsPerPersonKm: is finer than 0.000001", func(f *mobility.Factors) { f.Factors[0].GramsPerPersonKm = decimal.New(1, -7) }},
		{"factors[0].gramsPerPersonKm: is more than 100000", func(f *mobility.Factors) { f.Factors[0].GramsPerPersonKm = decimal.NewFromInt(100_001) }},
		{"factors[1].type: ", func(f *mobility.Factors) { f.Factors[1].Type = "rocket" }},
		{"occurs twice", func(f *mobility.Factors) { f.Factors[1].Type = f.Factors[0].Type }},
	} {
		f := factors()
		tt.change(f)
		err := f.Validate()
		require.ErrorIs(t, err, fault.ErrInvalid, tt.want)
		require.ErrorContains(t, err, tt.want)
	}
}

func TestGoalsAreRefusedByTheirFields(t *testing.T) {
	require.NoError(t, goals().Validate())
	one := numbers("1")[0]
	for _, tt := range []struct {
		want   string
		change func(*mobility.Goals)
	}{
		{"name: is empty", func(g *mobility.Goals) { g.Name = "" }},
		{"metrics: is empty", func(g *mobility.Goals) { g.Metrics = nil }},
		{`metrics[0].metric: "steps" is none of minutes, km, co2`, func(g *mobility.Goals) { g.Metrics[0].Metric = "steps" }},
		{`metrics[1].metric: "minutes" occurs twice`, func(g *mobility.Goals) { g.Metrics[1].Metric = mobility.Minutes }},
		{"metrics[0].transportTypes: is empty", func(g *mobility.Goals) { g.Metrics[0].TransportTypes = nil }},
		{`metrics[0].transportTypes[0]: "car" is none of`, func(g *mobility.Goals) { g.Metrics[0].TransportTypes[0] = mobility.Car }},
		{`metrics[0].transportTypes[1]: "walk" occurs twice`, func(g *mobility.Goals) { g.Metrics[0].TransportTypes[1] = mobility.Walk }},
		{"metrics[1].goals: are 0; there are 1 to 10", func(g *mobility.Goals) { g.Metrics[1].Goals = nil }},
		{"metrics[1].goals: are 11; there are 1 to 10", func(g *mobility.Goals) {
			g.Metrics[1].Goals = numbers("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")
		}},
		{"metrics[1].goals[1]: is 5, which is not more than 5 before it", func(g *mobility.Goals) { g.Metrics[1].Goals = numbers("5", "5") }},
		{"metrics[1].goals[0]: is 0; it must be more than 0", func(g *mobility.Goals) { g.Metrics[1].Goals[0] = decimal.Zero }},
		{"metrics[1].goals[0]: is 0.0001, which is finer", func(g *mobility.Goals) { g.Metrics[1].Goals = numbers("0.0001") }},
		{"metrics[0].goals[0]: is 0.5, which is finer than minutes", func(g *mobility.Goals) { g.Metrics[0].Goals = numbers("0.5") }},
		{"metrics[1].goals[0]: is more than 1000000", func(g *mobility.Goals) { g.Metrics[1].Goals = numbers("1000001") }},
		{"caps[0].type: ", func(g *mobility.Goals) { g.Caps = []mobility.Cap{{Type: "", Metric: mobility.CO2, Amount: one}} }},
		{"caps[0].metric: ", func(g *mobility.Goals) { g.Caps = []mobility.Cap{{Type: mobility.Walk, Amount: one}} }},
		{"caps[0].amount: is 0", func(g *mobility.Goals) { g.Caps = []mobility.Cap{{Type: mobility.Walk, Metric: mobility.CO2}} }},
		{"caps[1]: co2 of walk is capped twice", func(g *mobility.Goals) {
			g.Caps = slices.Repeat([]mobility.Cap{{Type: mobility.Walk, Metric: mobility.CO2, Amount: one}}, 2)
		}},
	} {
		g := goals()
		tt.change(g)
		err := g.Validate()
		require.ErrorIs(t, err, fault.ErrInvalid, tt.want)
		require.ErrorContains(t, err, tt.want)
	}
}

func TestWhoFliesAvoidsNothing(t *testing.T) {
	w := newWorld(t)
	w.tells(t, track("a", mobility.Airplane, 0, 60, 500_000), track("b", mobility.Bus, 2*time.Hour, 10, 3333), track("c", mobility.Car, 3*time.Hour, 10, 1000),
		track("d", mobility.Tram, 4*time.Hour, 10, 1000))
	for id, want := range map[string][2]string{"a": {"75", "0"}, "b": {"0.335", "0.232"}, "c": {"0.17", "0"}, "d": {"0", "0"}} {
		got, err := w.Mobility.Tracking(t.Context(), "ada:p:"+id)
		require.NoError(t, err)
		require.Equal(t, want, [2]string{got.CO2Emitted.String(), got.CO2Avoided.String()}, id)
	}
}

// A day comes to the sum of what qualifies, mode by mode up to its cap, whatever the order.
func TestADayIsTheSumOfItsTracks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := goals()
		kmCap := rapid.Int64Range(1, 6000).Draw(t, "cap")
		g.Caps = []mobility.Cap{{Type: mobility.Walk, Metric: mobility.Kilometres, Amount: decimal.New(kmCap, -3)}}
		w := newWorld(t)
		w.Publish(t, g)
		var list []mobility.Tracking
		var seconds, walked, others int64
		for i := range rapid.IntRange(0, 8).Draw(t, "tracks") {
			tr := track(fmt.Sprint("t", i), rapid.SampledFrom([]mobility.Mode{mobility.Walk, mobility.Bicycle, mobility.Bus, mobility.Car}).Draw(t, "mode"),
				time.Duration(75*i-400+rapid.IntRange(0, 55).Draw(t, "minute"))*time.Minute, 0, rapid.Int64Range(0, 3000).Draw(t, "metres"))
			took := rapid.Int64Range(600, 1200).Draw(t, "seconds") // so that none is too fast
			tr.EndsAt = tr.StartsAt.Add(time.Duration(took) * time.Second)
			tr.MisdetectedCompletely = rapid.IntRange(0, 4).Draw(t, "misdetected") == 0
			if list = append(list, tr); tr.MisdetectedCompletely {
				continue
			}
			switch tr.Type {
			case mobility.Walk:
				seconds, walked = seconds+took, walked+tr.Length
			case mobility.Bicycle:
				seconds, others = seconds+took, others+tr.Length
			case mobility.Bus:
				others += tr.Length
			default:
			}
		}
		for _, tr := range rapid.Permutation(list).Draw(t, "order") {
			w.tells(t, tr)
		}
		metres := others + min(walked, kmCap)
		for name, want := range map[string][2]int64{
			"minutes:target0": {seconds / 60, 600 - seconds}, "minutes:target1": {seconds / 60, 1800 - seconds},
			"km:target0": {metres, 1000 - metres}, "km:target1": {metres, 5500 - metres},
		} {
			m := w.milestone(t, name)
			amount := decimal.New(want[0], 0)
			if m.Metric == mobility.Kilometres {
				amount = decimal.New(want[0], -3)
			}
			require.True(t, amount.Equal(m.UserAmount), "%s: %s and not %s", name, m.UserAmount, amount)
			require.Equal(t, want[1] <= 0, m.Reached, name)
		}
	})
}
