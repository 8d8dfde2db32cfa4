package timeframe

import (
	"cmp"
	"errors"
	"iter"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// A Period is a stretch of time that is counted by itself, from StartsAt to just before EndsAt.
type Period struct {
	ID       string    // unique among the periods of a timeframe
	StartsAt time.Time // in UTC
	EndsAt   time.Time // in UTC; zero: never
}

// State returns whether the period is [Pending], [Active] or [Ended] at now.
func (p Period) State(now time.Time) State { return stateAt(now, p.StartsAt, p.EndsAt) }

// Type returns what a timeframe that lasts as long is: RANGE, or PERMANENT if the period never ends.
func (p Period) Type() Type {
	if p.EndsAt.IsZero() {
		return Permanent
	}
	return Range
}

// Once returns the only period of what is made now, begins at start, zero for now, and ends at end, zero for never.
// Its ID is that of a timeframe which lasts as long, so periods that begin at different moments and end have different
// ones. It returns [fault.ErrInvalid] naming startsAt or endsAt for one outside the years 1 to 9999, and for an end
// that is not after the start and after now.
func Once(start, end, now time.Time) (Period, error) {
	if start.IsZero() {
		start = now
	}
	p := Period{ID: string(Permanent), StartsAt: start.UTC().Truncate(time.Microsecond), EndsAt: end.UTC().Truncate(time.Microsecond)}
	if !end.IsZero() {
		p.ID = utcID(p.StartsAt)
	}
	var faults []error
	for _, t := range []struct {
		field string
		at    time.Time
	}{{"startsAt", p.StartsAt}, {"endsAt", p.EndsAt}} {
		if t.at.Year() < 1 || t.at.Year() > 9999 {
			faults = append(faults, fault.Invalid(t.field, "is outside the years 1 to 9999"))
		}
	}
	switch {
	case p.EndsAt.IsZero():
	case !p.EndsAt.After(p.StartsAt):
		faults = append(faults, fault.Invalid("endsAt", "must be after startsAt"))
	case !p.EndsAt.After(now):
		faults = append(faults, fault.Invalid("endsAt", "is over already"))
	}
	return p, errors.Join(faults...)
}

// A Schedule is a timeframe in a zone. It is an immutable value that may be used concurrently; the
// zero value is of no use. Make one with [Timeframe.In].
type Schedule struct {
	frame Timeframe
	zone  *time.Location
	cycle cycle
}

// In lays the timeframe into the zone that its periods follow for a user: its own if it is FIXED,
// else userZone, where nil is UTC. The timeframe must be valid. In returns a [fault.ErrInvalid] for a
// zone that this machine does not know, a malformed schedule and an unknown type or recurrence.
func (f Timeframe) In(userZone *time.Location, zones *Zones) (Schedule, error) {
	zone, err := f.fixedZone(zones)
	if err != nil {
		return Schedule{}, err
	}
	c, err := f.cycle()
	if err != nil {
		return Schedule{}, err
	}
	return Schedule{frame: f, zone: cmp.Or(zone, userZone, time.UTC), cycle: c}, nil
}

// PeriodAt returns the period that contains t; ok is false if t is before the timeframe's start or
// not before its end. Where the timeframe begins or ends inside a period, the period is cut short
// there, but keeps its ID:
//
//	PERMANENT  PERMANENT
//	RANGE      the start in UTC, as 2006-01-02T15:04:05, or 2006-01-02T15:04:05.000001 between two seconds
//	DAILY      2006-01-02
//	WEEKLY     2006-W01
//	MONTHLY    2006-01
//	CUSTOM     the last fire in UTC, as 2006-01-02T15:04:05
func (s Schedule) PeriodAt(t time.Time) (p Period, ok bool) {
	if s.frame.State(t) != Active {
		return Period{}, false
	}
	whole := Period{StartsAt: s.frame.StartsAt.UTC(), EndsAt: s.frame.end().UTC()}
	switch s.frame.Type {
	case Permanent:
		whole.ID = string(Permanent)
		return whole, true
	case Range:
		whole.ID = utcID(whole.StartsAt)
		return whole, true
	case Recurring:
		from, to := s.cycle.around(clockAt(t, s.zone))
		p = Period{StartsAt: reach(from, s.zone).UTC(), EndsAt: reach(to, s.zone).UTC()}
		p.ID = s.cycle.id(from, p.StartsAt)
		return p.within(whole), true
	}
	return Period{}, false
}

// Next returns the period after p, which must be one of this schedule; ok is false if p is the last.
func (s Schedule) Next(p Period) (next Period, ok bool) {
	if p.EndsAt.IsZero() {
		return Period{}, false
	}
	return s.PeriodAt(p.EndsAt)
}

// Fires yields, in order and in UTC, the instants after from and not after to at which the
// timeframe's cron schedule fires while the timeframe is active. It works them out as they are asked
// for, so a caller may stop early. Without a schedule there are none.
func (s Schedule) Fires(from, to time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		if s.frame.Cron == "" {
			return
		}
		previous := from
		if from.Before(s.frame.StartsAt) {
			previous = s.frame.StartsAt.Add(-1)
		}
		w := clockAt(previous, s.zone)
		for {
			w = s.cycle.cron.next(w)
			at := reach(w, s.zone).UTC()
			if at.After(to) || s.frame.State(at) == Ended {
				return
			}
			if !at.After(previous) { // in the same gap
				continue
			}
			if !yield(at) {
				return
			}
			previous = at
		}
	}
}

// within cuts off what is outside of the other period.
func (p Period) within(whole Period) Period {
	if p.StartsAt.Before(whole.StartsAt) {
		p.StartsAt = whole.StartsAt
	}
	if !whole.EndsAt.IsZero() && whole.EndsAt.Before(p.EndsAt) {
		p.EndsAt = whole.EndsAt
	}
	return p
}

// A cycle divides the readings of a clock into periods. Exactly one way applies: a calendar, equal
// lengths, or a cron schedule.
type cycle struct {
	calendar Calendar
	origin   wall // of equal lengths; no reading is before it
	length   wall // zero: not by equal lengths
	cron     cron
}

// cycle returns the cycle of the timeframe's recurrence, and its cron schedule in any case.
func (f Timeframe) cycle() (cycle, error) {
	if err := errors.Join(f.checkType(), f.checkRecurrence()); err != nil {
		return cycle{}, err
	}
	var c cycle
	c.calendar, _ = f.Recurrence.calendar()
	if f.Cron == "" && f.Recurrence != Custom {
		return c, nil
	}
	var err error
	c.cron, err = parseCron(f.Cron)
	return c, err
}

// fixedZone returns the zone of a FIXED timeframe, and nil for any other.
func (f Timeframe) fixedZone(zones *Zones) (*time.Location, error) {
	if f.TimezoneType != Fixed {
		return nil, nil
	}
	zone, err := zones.Load(f.Timezone)
	return zone, fault.In(fieldTimezone, err)
}

// around returns the period [from, to) that contains w.
func (c *cycle) around(w wall) (from, to wall) {
	switch {
	case c.calendar != "":
		d := w.day()
		return midnight(c.calendar.First(d)), midnight(c.calendar.Next(d))
	case c.length != 0:
		from = w - (w-c.origin)%c.length
		return from, from + c.length
	}
	from = c.cron.last(w)
	return from, c.cron.next(from)
}

// id names the period that begins at a reading, which is the instant start.
func (c *cycle) id(from wall, start time.Time) string {
	if c.calendar != "" {
		return c.calendar.ID(from.day())
	}
	return utcID(start)
}

func utcID(t time.Time) string { return t.Format("2006-01-02T15:04:05.999999") }
