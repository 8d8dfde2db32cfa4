package timeframe

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
)

// A cron is a parsed schedule. Each field is a set of bits, bit n for the value n.
type cron struct {
	minutes  uint64
	hours    uint64
	days     uint64 // bit lastDay for the last of the month
	months   uint64
	weekdays uint64 // Sunday is 0
	either   bool   // a day need only match days or weekdays, because both are restricted
}

// lastDay is the bit of the days that stands for L.
const lastDay = 0

// A cronField is what may stand in one field of a schedule.
type cronField struct {
	name     string
	min, max int
	names    string // of the values from min on, three letters each
	last     bool   // L is allowed
}

var cronFields = [...]cronField{
	{name: "minute", min: 0, max: 59},
	{name: "hour", min: 0, max: 23},
	{name: "day of the month", min: 1, max: 31, last: true},
	{name: "month", min: 1, max: 12, names: "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
	{name: "day of the week", min: 0, max: 7, names: "SUNMONTUEWEDTHUFRISAT"},
}

// longestMonths has the days of each month in a leap year.
var longestMonths = [...]int{1: 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// parseCron reads the five fields that [Timeframe] describes. Its errors are about scheduleCron.
func parseCron(s string) (cron, error) {
	var sets [len(cronFields)]uint64
	var star [len(cronFields)]bool
	rest := strings.Trim(s, " ")
	for i, f := range cronFields {
		var text string
		text, rest, _ = strings.Cut(rest, " ")
		rest = strings.TrimLeft(rest, " ")
		if text == "" {
			return cron{}, fault.Invalid(fieldCron, "lacks the %s: five fields are needed", f.name)
		}
		set, wrong := f.parse(text)
		if wrong != "" {
			return cron{}, fault.Invalid(fieldCron, "%s: %s", f.name, wrong)
		}
		sets[i], star[i] = set, text[0] == '*'
	}
	if rest != "" {
		return cron{}, fault.Invalid(fieldCron, "has more than five fields")
	}
	c := cron{
		minutes: sets[0], hours: sets[1], days: sets[2], months: sets[3],
		weekdays: (sets[4] | sets[4]>>7) & (1<<7 - 1), // Sunday is 7 as well
		either:   !star[2] && !star[4],
	}
	if !c.fires() {
		return cron{}, fault.Invalid(fieldCron, "never fires: its months have no such day")
	}
	return c, nil
}

// parse returns the set that a list stands for, or else what is wrong with it.
func (f cronField) parse(list string) (set uint64, wrong string) {
	for more := true; more; {
		var part string
		part, list, more = strings.Cut(list, ",")
		values, ok := f.parsePart(part)
		if !ok {
			return 0, strconv.Quote(part) + " is not *, a value, a range or a step from " +
				strconv.Itoa(f.min) + " to " + strconv.Itoa(f.max)
		}
		set |= values
	}
	return set, ""
}

// parsePart returns the set that one element of a list stands for.
func (f cronField) parsePart(part string) (set uint64, ok bool) {
	if f.last && part == "L" {
		return 1 << lastDay, true
	}
	span, steps, stepped := strings.Cut(part, "/")
	low, high, ok := f.parseSpan(span)
	if !ok {
		return 0, false
	}
	step := 1
	if stepped {
		step, ok = number(steps)
		if !ok || step < 1 || step > f.max || low == high {
			return 0, false
		}
	}
	for v := low; v <= high; v += step {
		set |= 1 << v
	}
	return set, true
}

// parseSpan returns the first and the last value of *, a value or a range.
func (f cronField) parseSpan(span string) (low, high int, ok bool) {
	if span == "*" {
		return f.min, f.max, true
	}
	first, last, ranged := strings.Cut(span, "-")
	low, ok = f.value(first)
	if !ok || !ranged {
		return low, low, ok
	}
	high, ok = f.value(last)
	return low, high, ok && low <= high
}

// value returns the value that a number or a name stands for.
func (f cronField) value(s string) (int, bool) {
	if len(s) == 3 {
		for i := 0; i < len(f.names); i += 3 {
			if strings.EqualFold(s, f.names[i:i+3]) {
				return f.min + i/3, true
			}
		}
	}
	v, ok := number(s)
	return v, ok && v >= f.min && v <= f.max
}

// has reports whether n is in the set.
func has(set uint64, n int) bool { return set>>n&1 == 1 }

// number reads one or two digits.
func number(s string) (int, bool) {
	if len(s) > 2 {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 8)
	return int(v), err == nil
}

// fires reports whether any day matches. A date that exists falls on every weekday in time.
func (c cron) fires() bool {
	if c.either || has(c.days, lastDay) {
		return true
	}
	for month, length := range longestMonths {
		if has(c.months, month) && c.days&(1<<(length+1)-1) != 0 {
			return true
		}
	}
	return false
}

// next returns the first reading after w at which the schedule fires.
func (c cron) next(w wall) wall {
	d := c.dayFrom(w.day())
	minute, ok := 0, false
	if d == w.day() {
		if minute, ok = c.minuteFrom(w.minute() + 1); !ok {
			d = c.dayFrom(d + 1)
		}
	}
	if !ok {
		minute, _ = c.minuteFrom(0)
	}
	return midnight(d) + wall(minute)*secondsPerMinute
}

// last returns the last reading at or before w at which the schedule fires.
func (c cron) last(w wall) wall {
	d := c.dayUpTo(w.day())
	minute, ok := 0, false
	if d == w.day() {
		if minute, ok = c.minuteUpTo(w.minute()); !ok {
			d = c.dayUpTo(d - 1)
		}
	}
	if !ok {
		minute, _ = c.minuteUpTo(minutesPerDay - 1)
	}
	return midnight(d) + wall(minute)*secondsPerMinute
}

// dayFrom returns the first day from d on on which the schedule fires. There is one, because
// parseCron has made sure of it.
func (c cron) dayFrom(d Day) Day {
	first := ByMonth.First(d)
	set := c.daysOf(first) >> (d - first + 1) << (d - first + 1)
	for set == 0 {
		first = ByMonth.Next(first)
		set = c.daysOf(first)
	}
	return first + Day(bits.TrailingZeros64(set)) - 1
}

// dayUpTo returns the last day up to d on which the schedule fires.
func (c cron) dayUpTo(d Day) Day {
	first := ByMonth.First(d)
	set := c.daysOf(first) & (1<<(d-first+2) - 1)
	for set == 0 {
		first = ByMonth.First(first - 1)
		set = c.daysOf(first)
	}
	return first + Day(bits.Len64(set)) - 2
}

// daysOf returns the days on which the schedule fires in the month that begins with first, as bits
// from 1 to 31.
func (c cron) daysOf(first Day) uint64 {
	_, month, _ := first.Date()
	if !has(c.months, int(month)) {
		return 0
	}
	length := ByMonth.Next(first).Sub(first)
	byDate := c.days
	if has(c.days, lastDay) {
		byDate |= 1 << length
	}
	week := (c.weekdays | c.weekdays<<7) >> first.Weekday() & (1<<7 - 1) // from the 1st on
	byWeekday := (week | week<<7 | week<<14 | week<<21 | week<<28) << 1
	all := uint64(1)<<(length+1) - 2
	if c.either {
		return (byDate | byWeekday) & all
	}
	return byDate & byWeekday & all
}

// minuteFrom returns the first minute of the day from m on at which the schedule fires on its days.
func (c cron) minuteFrom(m int) (minute int, ok bool) {
	hour := m / minutesPerHour
	if has(c.hours, hour) {
		if set := c.minutes >> (m % minutesPerHour); set != 0 {
			return m + bits.TrailingZeros64(set), true
		}
	}
	later := c.hours >> (hour + 1) << (hour + 1)
	if later == 0 {
		return 0, false
	}
	return bits.TrailingZeros64(later)*minutesPerHour + bits.TrailingZeros64(c.minutes), true
}

// minuteUpTo returns the last minute of the day up to m at which the schedule fires on its days.
func (c cron) minuteUpTo(m int) (minute int, ok bool) {
	hour := m / minutesPerHour
	if has(c.hours, hour) {
		if set := c.minutes & (1<<(m%minutesPerHour+1) - 1); set != 0 {
			return hour*minutesPerHour + bits.Len64(set) - 1, true
		}
	}
	earlier := c.hours & (1<<hour - 1)
	if earlier == 0 {
		return 0, false
	}
	return (bits.Len64(earlier)-1)*minutesPerHour + bits.Len64(c.minutes) - 1, true
}
