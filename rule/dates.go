package rule

import (
	"math"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// A unit is what date_diff and date_add count in.
type unit struct {
	seconds int64 // of an absolute unit
	days    int   // of a civil unit: day, week
	months  int   // of a civil unit: month, year
}

var units = map[string]unit{
	"second": {seconds: 1},
	"minute": {seconds: 60},
	"hour":   {seconds: 60 * 60},
	"day":    {days: 1},
	"week":   {days: 7},
	"month":  {months: 1},
	"year":   {months: 12},
}

// parts are what date_part reads from a civil time.
var parts = map[string]func(time.Time) int{
	"year":        time.Time.Year,
	"month":       func(t time.Time) int { return int(t.Month()) },
	"day":         time.Time.Day,
	"hour":        time.Time.Hour,
	"minute":      time.Time.Minute,
	"second":      time.Time.Second,
	"weekday":     isoWeekday,
	"iso_week":    func(t time.Time) int { _, week := t.ISOWeek(); return week },
	"iso_year":    func(t time.Time) int { year, _ := t.ISOWeek(); return year },
	"day_of_year": time.Time.YearDay,
}

// isoWeekday counts from Monday, 1, to Sunday, 7.
func isoWeekday(t time.Time) int {
	if day := t.Weekday(); day != time.Sunday {
		return int(day)
	}
	return 7
}

// formatInstant writes an instant as RFC 3339 in UTC.
func formatInstant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseInstant reads an RFC 3339 instant, or a date (YYYY-MM-DD) as the first moment of that day in
// the zone.
func parseInstant(s string, zone *time.Location) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.In(zone), true
	}
	date, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, false
	}
	return startOfDay(date, zone), true
}

// startOfDay returns the first moment of a civil date; it is not midnight where clocks skip that.
func startOfDay(date time.Time, zone *time.Location) time.Time {
	year, month, day := date.Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if midnight.Day() == day {
		return midnight
	}
	_, end := midnight.ZoneBounds()
	return end
}

// longestZone bounds what is looked up; no name of a zone is longer.
const longestZone = 64

// loadZone looks up an IANA zone. The machine's own zone, which Go calls "Local", is none.
func loadZone(name string) (*time.Location, bool) {
	if name == "" || name == "Local" || len(name) > longestZone || strings.ContainsRune(name, 0) {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// zoneCost is what looking up a zone costs in steps, as it reads a file.
const zoneCost = 1000

// zoneAt runs the i-th argument as a zone. None, or null, is UTC; what is no zone ends the evaluation.
func (m *machine) zoneAt(n *node, i int) (*time.Location, bool) {
	v := m.argument(n, i)
	switch {
	case n.zone != nil:
		return n.zone, true
	case v.kind == null:
		return time.UTC, true
	}
	m.steps -= zoneCost
	if m.spent() {
		return nil, false
	}
	zone, ok := loadZone(v.string())
	if !ok {
		m.fail(fault.Conflict(n.args[i].at, "gave what is no IANA time zone"))
	}
	return zone, ok
}

func (m *machine) instantAt(n *node, i int, zone *time.Location) (time.Time, bool) {
	v := m.eval(&n.args[i])
	if v.kind != text {
		return time.Time{}, false
	}
	return parseInstant(v.string(), zone)
}

// datePart runs [part, instant, zone].
func (m *machine) datePart(n *node) value {
	part, known := parts[m.eval(&n.args[0]).string()]
	zone, zoned := m.zoneAt(n, 2)
	if !known || !zoned {
		return nothing()
	}
	t, ok := m.instantAt(n, 1, zone)
	if !ok {
		return nothing()
	}
	return numeric(float64(part(t)))
}

// dateDiff runs [from, to, unit, zone]: the whole units from one to the other.
func (m *machine) dateDiff(n *node) value {
	u, known := units[m.eval(&n.args[2]).string()]
	zone, zoned := m.zoneAt(n, 3)
	if !known || !zoned {
		return nothing()
	}
	from, okFrom := m.instantAt(n, 0, zone)
	to, okTo := m.instantAt(n, 1, zone)
	if !okFrom || !okTo {
		return nothing()
	}
	return numeric(float64(u.between(from, to)))
}

// between counts whole units, towards zero: of elapsed time if the unit is absolute, between the
// civil dates if it is civil.
func (u unit) between(from, to time.Time) int64 {
	switch {
	case u.seconds > 0:
		return wholeSeconds(from, to) / u.seconds
	case u.days > 0:
		return int64(civilDay(to)-civilDay(from)) / int64(u.days)
	}
	return int64(wholeMonths(from, to) / u.months)
}

// wholeSeconds does not overflow where time.Duration would, after 292 years.
func wholeSeconds(from, to time.Time) int64 {
	seconds := to.Unix() - from.Unix()
	switch rest := to.Nanosecond() - from.Nanosecond(); {
	case seconds > 0 && rest < 0:
		seconds--
	case seconds < 0 && rest > 0:
		seconds++
	}
	return seconds
}

// civilDay numbers the civil dates.
func civilDay(t time.Time) int {
	year, month, day := t.Date()
	const secondsPerDay = 24 * 60 * 60
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

func wholeMonths(from, to time.Time) int {
	if civilDay(to) < civilDay(from) {
		return -wholeMonths(to, from)
	}
	months := 12*(to.Year()-from.Year()) + int(to.Month()-from.Month())
	if to.Day() < from.Day() {
		months--
	}
	return months
}

// mostAdded bounds date_add; more than this from any date is outside of the years 0 to 9999.
const mostAdded = 1e12

// dateAdd runs [instant, n, unit, zone].
func (m *machine) dateAdd(n *node) value {
	count := m.eval(&n.args[1])
	u, known := units[m.eval(&n.args[2]).string()]
	zone, zoned := m.zoneAt(n, 3)
	if !known || !zoned || count.kind != number || math.Abs(count.num) > mostAdded || count.num != math.Trunc(count.num) {
		return nothing()
	}
	t, ok := m.instantAt(n, 0, zone)
	if !ok {
		return nothing()
	}
	t, ok = u.add(t, int64(count.num))
	if !ok {
		return nothing()
	}
	return textual(formatInstant(t))
}

// add moves a time by n units: on the clock if the unit is absolute, in the calendar, at the same
// time of the day, if it is civil. A month without the day takes its last one. It reports whether
// the result is in the years that RFC 3339 can write.
func (u unit) add(t time.Time, n int64) (time.Time, bool) {
	const (
		longestSeconds = 10_000 * 366 * 24 * 60 * 60
		longestDays    = 10_000 * 366
		longestMonths  = 10_000 * 12
	)
	switch {
	case u.seconds > 0:
		if n *= u.seconds; n > longestSeconds || n < -longestSeconds {
			return t, false
		}
		t = time.Unix(t.Unix()+n, int64(t.Nanosecond()))
	case u.days > 0:
		if n *= int64(u.days); n > longestDays || n < -longestDays {
			return t, false
		}
		t = t.AddDate(0, 0, int(n))
	default:
		if n *= int64(u.months); n > longestMonths || n < -longestMonths {
			return t, false
		}
		t = addMonths(t, int(n))
	}
	year := t.UTC().Year()
	return t, 0 <= year && year <= 9999
}

func addMonths(t time.Time, n int) time.Time {
	year, month, day := t.Date()
	last := time.Date(year, month+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	hour, minute, second := t.Clock()
	return time.Date(year, month+time.Month(n), min(day, last), hour, minute, second, t.Nanosecond(), t.Location())
}

// IsInstant tells whether a text is an instant for expressions: RFC 3339, or a date (2026-03-29).
func IsInstant(s string) bool {
	_, ok := parseInstant(s, time.UTC)
	return ok
}
