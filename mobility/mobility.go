// Package mobility counts how users get about: the tracks that a provider such as MotionTag has seen of them, what these
// emitted and spared, and the milestones of each day.
//
// A user turns tracking on per provider ([Service.Activate]); nothing is kept of who has not. A host hands over what a provider
// saw ([Service.Track]), in whatever order it comes. Each [Tracking] is told once per provider's id; the same again changes
// nothing, and another under the same id is a correction, which replaces it: what followed from the first does not follow any
// more, and all that has happened to the user since is counted anew. Stays, and tracks that were detected wrongly or are
// suspicious, are kept and count nothing.
//
// A track is suspicious if its provider says so, if it is faster than its mode can be, or if it contradicts another track of the user
// that counts: nobody is on two at once, or somewhere else without having been on the way ([Suspicion]). Which of them count
// follows from all that are known and from nothing else, so it makes no difference in which order they come, or from which providers.
// Somebody may have the last word ([Service.Review]).
//
// [Factors] say how much a kilometre of each mode emits, and by what people would move otherwise; the library ships no such
// numbers. [Goals] say what a day's milestones are. A day is a date in the zone in which the track began, and a track counts
// on the day on which it began. A milestone is reached when the day's sum gets there, whenever the tracks became known, and
// is not reached any more if a correction takes away from it, unless it was redeemed by then: what was redeemed stays
// redeemed, and so does what was paid for that. To redeem it causes an event of type MobilityMilestone; a tracking is an event
// of type MobilityTracking. Rewards, missions, streaks and boards match both, but no tracking of which nothing counts.
//
// What is archived ([guerdon.Workspace.Archive]) is trackings, with their geometries, that ended two days before the horizon or earlier, and
// days of then, but for those that have a milestone to redeem.
//
// Whether a workspace shows its mobility is what its configuration says (features.mobility) for whoever shows it; as with all features,
// nothing here asks for that.
//
// Everything is computed in whole seconds, metres and grams. Nothing is rounded but the grams of a track.
package mobility

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
)

// A Status says what a provider saw.
type Status string

// The statuses: somebody moved, or stayed.
const (
	Track Status = "track"
	Stay  Status = "stay"
)

// A Mode is a way to move.
type Mode string

// The modes.
const (
	Airplane      Mode = "airplane"
	Bicycle       Mode = "bicycle"
	Bus           Mode = "bus"
	CableCar      Mode = "cablecar"
	Car           Mode = "car"
	Ferry         Mode = "ferry"
	LightRail     Mode = "light_rail"
	Other         Mode = "other"
	RegionalTrain Mode = "regional_train"
	Subway        Mode = "subway"
	Train         Mode = "train"
	Tram          Mode = "tram"
	Walk          Mode = "walk"
)

// topSpeeds are the speeds in km/h above which the whole of a track is hardly what it says: well above what is common.
var topSpeeds = map[Mode]int64{
	Airplane: 1200, Bicycle: 60, Bus: 130, CableCar: 60, Car: 250, Ferry: 110, LightRail: 130, Other: 1200, RegionalTrain: 250,
	Subway: 140, Train: 400, Tram: 100, Walk: 25,
}

func (m Mode) check(field string) error {
	if _, known := topSpeeds[m]; !known {
		return fault.Invalid(field, "%.80q is none of airplane, bicycle, bus, cablecar, car, ferry, light_rail, other, regional_train, subway, train, tram, walk", m)
	}
	return nil
}

// tooFast tells whether a track of metres in seconds is faster than the mode allows.
func (m Mode) tooFast(metres, seconds int64) bool { return metres*36 > topSpeeds[m]*seconds*10 }

// A Metric is what milestones count.
type Metric string

// The metrics: minutes under way, kilometres, and kilograms of CO2 that were avoided.
const (
	Minutes    Metric = "minutes"
	Kilometres Metric = "km"
	CO2        Metric = "co2"
)

func (m Metric) check(field string) error {
	if !slices.Contains([]Metric{Minutes, Kilometres, CO2}, m) {
		return fault.Invalid(field, "%.80q is none of minutes, km, co2", m)
	}
	return nil
}

// of returns what a track has of the metric: in seconds, metres or grams.
func (m Metric) of(t *Tracking) int64 {
	switch m {
	case Minutes:
		return t.seconds()
	case Kilometres:
		return t.Length
	case CO2:
		return grams(t.CO2Avoided)
	}
	return 0
}

// show returns seconds, metres or grams in the unit of the metric. Of minutes it shows whole ones.
func (m Metric) show(n int64) decimal.Decimal {
	if m == Minutes {
		return decimal.NewFromInt(n / 60)
	}
	return decimal.New(n, -3)
}

// read returns an amount in seconds, metres or grams; whole is false if it is finer than the metric allows.
func (m Metric) read(d decimal.Decimal) (n int64, whole bool) {
	if m == Minutes {
		return d.IntPart() * 60, d.IsInteger()
	}
	inner := d.Shift(3)
	return inner.IntPart(), inner.IsInteger()
}

// kilograms returns grams as an amount in kilograms, grams the inverse.
func kilograms(n int64) decimal.Decimal { return decimal.New(n, -3) }

func grams(d decimal.Decimal) int64 { return d.Shift(3).IntPart() }
