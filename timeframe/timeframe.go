// Package timeframe says when a rule is in force and into which periods its time is divided: civil
// days, weeks and months of a time zone, or stretches between the fires of a cron schedule.
//
// A [Day] is a date without a zone and a [Calendar] groups days. A [Timeframe] is what an author
// writes; [Timeframe.In] lays it into a zone and gives the [Schedule] that finds the [Period] of an
// instant, and [Timeframe.Board] does the same for leaderboards, which may be open to users of all
// zones at once.
//
// Periods are half-open and tile time: whatever a zone's clock does, every instant is in exactly one
// of them. Nothing here reads the machine's clock.
package timeframe

import (
	"errors"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// A Type says how long a timeframe lasts.
type Type string

// The types of a timeframe.
const (
	Permanent Type = "PERMANENT" // from its start on, one period without end
	Range     Type = "RANGE"     // from its start to its end, one period
	Recurring Type = "RECURRING" // one period after another, as its [Recurrence] says
)

// A TimezoneType says whose time zone a timeframe's periods follow.
type TimezoneType string

// The types of a timeframe's zone.
const (
	Fixed TimezoneType = "FIXED" // one zone for everybody
	User  TimezoneType = "USER"  // each user's own
)

// A Recurrence says how long the periods of a [Recurring] timeframe are.
type Recurrence string

// The recurrences.
const (
	Daily   Recurrence = "DAILY"   // civil days
	Weekly  Recurrence = "WEEKLY"  // ISO 8601 weeks, from Monday
	Monthly Recurrence = "MONTHLY" // civil months
	Custom  Recurrence = "CUSTOM"  // from one fire of the timeframe's cron schedule to the next
)

// calendar returns the calendar of a civil recurrence; ok is false for [Custom].
func (r Recurrence) calendar() (c Calendar, ok bool) {
	switch r {
	case Daily:
		return ByDay, true
	case Weekly:
		return ByWeek, true
	case Monthly:
		return ByMonth, true
	case Custom:
	}
	return "", false
}

// A State says where an instant is in relation to a timeframe or a period.
type State string

// The states.
const (
	Pending State = "PENDING" // not begun
	Active  State = "ACTIVE"
	Ended   State = "ENDED"
)

// stateAt returns the state at t of what lasts from start to end, or for ever if end is zero.
func stateAt(t, start, end time.Time) State {
	switch {
	case t.Before(start):
		return Pending
	case end.IsZero() || t.Before(end):
		return Active
	}
	return Ended
}

// The names of the fields, as they are in JSON and in errors.
const (
	fieldType         = "timeframeType"
	fieldTimezoneType = "timeframeTimezoneType"
	fieldTimezone     = "timeframeTimezone"
	fieldStartsAt     = "timeframeStartsAt"
	fieldEndsAt       = "timeframeEndsAt"
	fieldRecurrence   = "recurrence"
	fieldCron         = "scheduleCron"
)

// A Timeframe says when something is in force. It is embedded in the rules that have one; its fields
// are theirs in JSON. It is a value: nothing here modifies it.
//
// Cron is a schedule of five fields separated by spaces: minute (0 to 59), hour (0 to 23), day of
// the month (1 to 31, or L for the last), month (1 to 12, or JAN to DEC) and day of the week (0 to
// 7, or SUN to SAT; 0 and 7 are Sunday). A field is *, a value, a range a-b, a step */n or a-b/n, or
// a list of these. If both day fields are restricted, a day need match only one of them; a field
// that begins with * does not count as restricted.
//
// A schedule is read on the clock of the zone. A fire at a time that the clock skips happens at the
// end of the gap, together with any other that does; a fire at a time that the clock shows twice
// happens once, the first time.
type Timeframe struct {
	Type         Type         `json:"timeframeType"`
	TimezoneType TimezoneType `json:"timeframeTimezoneType"`
	Timezone     string       `json:"timeframeTimezone,omitempty"` // IANA name; only if FIXED
	StartsAt     time.Time    `json:"timeframeStartsAt"`
	EndsAt       *time.Time   `json:"timeframeEndsAt,omitempty"` // exclusive; nil: never
	Recurrence   Recurrence   `json:"recurrence,omitempty"`      // only if RECURRING
	Cron         string       `json:"scheduleCron,omitempty"`
}

// Validate returns nil, or every fault of the timeframe joined, each a [fault.ErrInvalid] that names
// the field as in JSON. It reads the time zone database.
//
// A start is always needed. RANGE needs an end and PERMANENT forbids one; an end is after the start.
// Both are in the years 1 to 9999, in every zone. FIXED needs a zone and USER forbids one. RECURRING needs a
// recurrence and the other types forbid one. CUSTOM needs a cron schedule; with any other recurrence it is
// allowed, for a rule that also acts on a schedule, and must be well formed. A schedule that can never fire is
// refused.
func (f Timeframe) Validate() error {
	var missing error
	if f.Recurrence == Custom && f.Cron == "" {
		missing = fault.Invalid(fieldCron, "is needed when %s is %s", fieldRecurrence, Custom)
	}
	return errors.Join(f.checkCommon(), missing)
}

// ValidateBoard is [Timeframe.Validate] for leaderboards, with one difference: CUSTOM needs no cron
// schedule if it has an end. The periods are then all as long as the first, which lasts from the
// start to that end.
func (f Timeframe) ValidateBoard() error {
	var missing error
	if f.Recurrence == Custom && f.Cron == "" && f.EndsAt == nil {
		missing = fault.Invalid(fieldEndsAt, "or %s is needed when %s is %s", fieldCron, fieldRecurrence, Custom)
	}
	return errors.Join(f.checkCommon(), missing)
}

// State returns whether the timeframe is [Pending], [Active] or [Ended] at now. A leaderboard in USER
// zones opens earlier and closes later than its timeframe: ask its [Period].
func (f Timeframe) State(now time.Time) State { return stateAt(now, f.StartsAt, f.end()) }

// end returns the end, or zero if there is none.
func (f Timeframe) end() time.Time {
	if f.EndsAt == nil {
		return time.Time{}
	}
	return *f.EndsAt
}

func (f Timeframe) checkCommon() error {
	return errors.Join(f.checkType(), f.checkEnds(), f.checkZone(), f.checkRecurrence(), f.checkCron())
}

func (f Timeframe) checkType() error {
	switch f.Type {
	case Permanent, Range, Recurring:
		return nil
	}
	return unknown(fieldType, string(f.Type), "PERMANENT, RANGE or RECURRING")
}

func (f Timeframe) checkEnds() error {
	var start, end error
	switch f.Type {
	case Permanent:
		if f.EndsAt != nil {
			end = fault.Invalid(fieldEndsAt, "is not allowed when %s is %s", fieldType, Permanent)
		}
	case Range:
		if f.EndsAt == nil {
			end = fault.Invalid(fieldEndsAt, "is needed when %s is %s", fieldType, Range)
		}
	case Recurring:
	}
	if f.StartsAt.IsZero() {
		start = fault.Invalid(fieldStartsAt, "is needed")
	} else {
		start = checkYear(fieldStartsAt, f.StartsAt)
	}
	if end == nil && f.EndsAt != nil {
		end = checkYear(fieldEndsAt, *f.EndsAt)
	}
	if end == nil && f.EndsAt != nil && !f.EndsAt.After(f.StartsAt) {
		end = fault.Invalid(fieldEndsAt, "must be after %s", fieldStartsAt)
	}
	return errors.Join(start, end)
}

// checkYear refuses an instant that no calendar of four digits shows, in whatever zone.
func checkYear(field string, t time.Time) error {
	const day = 24 * time.Hour
	if first, last := t.UTC().Add(-day).Year(), t.UTC().Add(day).Year(); first < 1 || last > 9999 {
		return fault.Invalid(field, "is not in the years 1 to 9999 of every time zone")
	}
	return nil
}

func (f Timeframe) checkZone() error {
	switch f.TimezoneType {
	case Fixed:
		_, err := loadZone(f.Timezone)
		return fault.In(fieldTimezone, err)
	case User:
		if f.Timezone != "" {
			return fault.Invalid(fieldTimezone, "is not allowed when %s is %s", fieldTimezoneType, User)
		}
		return nil
	}
	return unknown(fieldTimezoneType, string(f.TimezoneType), "FIXED or USER")
}

func (f Timeframe) checkRecurrence() error {
	_, civil := f.Recurrence.calendar()
	switch {
	case f.Type == Recurring && f.Recurrence == "":
		return fault.Invalid(fieldRecurrence, "is needed when %s is %s", fieldType, Recurring)
	case f.Type != Recurring && f.Recurrence != "":
		return fault.Invalid(fieldRecurrence, "is only allowed when %s is %s", fieldType, Recurring)
	case f.Recurrence != "" && f.Recurrence != Custom && !civil:
		return unknown(fieldRecurrence, string(f.Recurrence), "DAILY, WEEKLY, MONTHLY or CUSTOM")
	}
	return nil
}

func (f Timeframe) checkCron() error {
	if f.Cron == "" {
		return nil
	}
	_, err := parseCron(f.Cron)
	return err
}

func unknown(field, got, want string) error {
	return fault.Invalid(field, "%q is not %s", got, want)
}
