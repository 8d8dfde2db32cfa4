package timeframe

import (
	"math"
	"time"
)

const (
	minutesPerHour   = 60
	minutesPerDay    = 24 * minutesPerHour
	secondsPerMinute = 60
	secondsPerDay    = minutesPerDay * secondsPerMinute

	// farthest is more than the distance of any zone from UTC that a time zone file can express.
	farthest = 26 * 60 * 60
)

// A wall is what a clock on the wall of some zone shows, in seconds since it showed
// 1970-01-01T00:00:00. All calendars and schedules are worked out on such a clock, which knows
// neither gaps nor repetitions; clockAt and reach carry the results to and from real time.
//
// A clock that is put back keeps the latest reading it ever showed until it passes it again, so
// that readings never decrease. The two functions are therefore exact opposites:
//
//	reach(w, zone) <= t   if and only if   w <= clockAt(t, zone)
//
// From this everything else follows: a reading that is skipped is reached at the end of the gap,
// one that is shown twice is reached the first time, and periods between readings tile time.
type wall int64

// never is a reading that no clock shows.
const never wall = math.MaxInt64

// day returns the civil day of the reading.
func (w wall) day() Day {
	d := w / secondsPerDay
	if w < d*secondsPerDay {
		d--
	}
	return Day(d)
}

// minute returns the minute of the civil day, 0 to 1439.
func (w wall) minute() int { return int(w-midnight(w.day())) / secondsPerMinute }

// utc returns the instant at which a clock in UTC shows the reading.
func (w wall) utc() time.Time { return time.Unix(int64(w), 0).UTC() }

// midnight returns the reading with which a civil day begins.
func midnight(d Day) wall { return wall(d) * secondsPerDay }

// clockAt returns the latest whole second that the zone's clock has shown up to t.
func clockAt(t time.Time, zone *time.Location) wall {
	t = t.In(zone)
	latest := shown(t)
	for {
		changed, _ := t.ZoneBounds()
		if changed.IsZero() || wall(changed.Unix())+farthest <= latest {
			return latest
		}
		t = changed.Add(-time.Second)
		latest = max(latest, shown(t))
	}
}

// shown returns what the clock of t's own zone shows at t.
func shown(t time.Time) wall {
	_, offset := t.Zone()
	return wall(t.Unix()) + wall(offset)
}

// reach returns the first instant, in the zone, at which the zone's clock shows w or more.
func reach(w wall, zone *time.Location) time.Time {
	t := time.Unix(int64(w)-farthest, 0).In(zone)
	for {
		// Within one offset the clock runs evenly. A change of offset that leaps over w reaches it.
		at := t
		if missing := w - shown(t); missing > 0 {
			at = t.Add(time.Duration(missing) * time.Second)
		}
		_, changes := t.ZoneBounds()
		if changes.IsZero() || at.Before(changes) {
			return at
		}
		t = changes
	}
}
