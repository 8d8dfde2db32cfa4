package timeframe

import (
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// A Day is a date of the Gregorian calendar without a zone, as the number of days since 1970-01-01,
// which is the zero value. Days compare and subtract like numbers, and reach five million years either
// way. They are written "2006-01-02", in JSON too.
type Day int32

// Date returns the day of a year, month and day of the month. Values out of range are carried over
// as [time.Date] does: the 32nd of January is the 1st of February.
func Date(year int, month time.Month, day int) Day {
	return wall(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()).day()
}

// DayOf returns the civil day of the instant t in a zone.
//
// It is the date that the zone's clock shows, with one exception that makes days follow one another
// without overlap: a day that has begun is not left again when the clock is put back to before its
// midnight. In America/St_Johns, until 2011, the clock went from 00:01 to 23:01 of the day before;
// that hour belongs to the new day.
func DayOf(t time.Time, zone *time.Location) Day { return clockAt(t, zone).day() }

// ParseDay reads a day written "2006-01-02", of the years 0000 to 9999. It returns a
// [fault.ErrInvalid] that names no field for anything else.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fault.Invalid("", "%q is not a date like 2025-09-02", s)
	}
	return wall(t.Unix()).day(), nil
}

// Start returns the first instant of the day in a zone. A day whose midnight is skipped begins when
// the clock leaps over it, a day with two midnights begins at the first, and a day that never was
// (see [Day.Exists]) begins, and ends, where the next begins.
func (d Day) Start(zone *time.Location) time.Time { return reach(midnight(d), zone) }

// Exists reports whether the day has come to pass in a zone. Only a zone that moved across the date
// line skips one: in Pacific/Apia there was no 2011-12-30.
func (d Day) Exists(zone *time.Location) bool { return d.Start(zone).Before((d + 1).Start(zone)) }

// Add returns the day n days later, or earlier if n is negative.
func (d Day) Add(n int) Day { return d + Day(n) }

// Sub returns how many days d is after other; it is negative if d is before.
func (d Day) Sub(other Day) int { return int(d) - int(other) }

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return midnight(d).utc().Weekday() }

// Week returns the Monday of the day's ISO 8601 week.
func (d Day) Week() Day { return d - Day(d.Weekday()+6)%7 }

// Date returns the year, month and day of the month.
func (d Day) Date() (year int, month time.Month, day int) { return midnight(d).utc().Date() }

// String returns the day as "2006-01-02".
func (d Day) String() string { return midnight(d).utc().Format(time.DateOnly) }

// MarshalText returns the day as "2006-01-02". It returns a [fault.ErrInvalid] for a year that does
// not have four digits.
func (d Day) MarshalText() ([]byte, error) {
	if year, _, _ := d.Date(); year < 0 || year > 9999 {
		return nil, fault.Invalid("", "the year %d does not have four digits", year)
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads what [ParseDay] does and fails as it does; then the day is left as it was.
func (d *Day) UnmarshalText(text []byte) error {
	parsed, err := ParseDay(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
