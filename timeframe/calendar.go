package timeframe

import (
	"strconv"
	"time"
)

// A Calendar divides the civil days into days, weeks, months or years.
type Calendar string

// The calendars.
const (
	ByDay   Calendar = "DAY"
	ByWeek  Calendar = "WEEK" // ISO 8601 weeks, from Monday
	ByMonth Calendar = "MONTH"
	ByYear  Calendar = "YEAR"
)

// Valid reports whether the calendar is one of the four. The other methods take any other value for
// [ByDay].
func (c Calendar) Valid() bool {
	switch c {
	case ByDay, ByWeek, ByMonth, ByYear:
		return true
	}
	return false
}

// First returns the first day of the period that d is in.
func (c Calendar) First(d Day) Day {
	switch c {
	case ByWeek:
		return d.Week()
	case ByMonth:
		year, month, _ := d.Date()
		return Date(year, month, 1)
	case ByYear:
		year, _, _ := d.Date()
		return Date(year, time.January, 1)
	case ByDay:
	}
	return d
}

// Next returns the first day of the period after the one that d is in.
func (c Calendar) Next(d Day) Day {
	switch c {
	case ByWeek:
		return d.Week() + 7
	case ByMonth:
		year, month, _ := d.Date()
		return Date(year, month+1, 1)
	case ByYear:
		year, _, _ := d.Date()
		return Date(year+1, time.January, 1)
	case ByDay:
	}
	return d + 1
}

// ID names the period that d is in: "2025-09-02", "2025-W36", "2025-09" or "2025". A week bears the
// year that its Thursday is in.
func (c Calendar) ID(d Day) string {
	t := midnight(d).utc()
	switch c {
	case ByWeek:
		return weekID(t.ISOWeek())
	case ByMonth:
		return t.Format("2006-01")
	case ByYear:
		return t.Format("2006")
	case ByDay:
	}
	return d.String()
}

func weekID(year, week int) string {
	var buf [16]byte
	id := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC).AppendFormat(buf[:0], "2006-W")
	if week < 10 {
		id = append(id, '0')
	}
	return string(strconv.AppendInt(id, int64(week), 10))
}
