package timeframe

import (
	"cmp"
	"iter"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// Earliest is how long before UTC a date begins where it begins first: in UTC+14.
const Earliest = 14 * time.Hour

// latest is the offset of UTC-12, the last zone in which a date ends.
const latest = -12 * time.Hour

// A Board is a timeframe as a leaderboard lives it. It is an immutable value that may be used
// concurrently; the zero value is of no use. Make one with [Timeframe.Board].
//
// In a FIXED zone its periods are those of a [Schedule]. In USER zones a period is a stretch on the
// clock, the same for everybody, that each user lives through in their own zone: it opens when the
// earliest zone (UTC+14) enters it and closes when the latest (UTC-12) has left it. Several are then
// open at once, and what a user does counts in the one that the user's clock is in. The timeframe's
// own start and end, too, are what each user's clock shows, written as if it stood in UTC.
//
// The ID of a period is its start and end in UTC or, in USER zones, on the clock; where the timeframe
// cuts the period short, they are those of the whole:
//
//	PERMANENT  2025-01-01T00:00:00.000Z-
//	RANGE      2025-01-01T00:00:00.000Z-2025-07-01T00:00:00.000Z
//	RECURRING  DAILY-2025-01-01T00:00:00.000Z-2025-01-02T00:00:00.000Z
type Board struct {
	frame Timeframe
	zone  *time.Location // nil: each user's
	cycle cycle
	whole Period // from the timeframe's opening to its closing
	start wall   // of the timeframe
	end   wall   // of the timeframe, or never
}

// Board returns the timeframe as a leaderboard lives it. The timeframe must be valid, as
// [Timeframe.ValidateBoard] says. A CUSTOM recurrence without a cron schedule repeats, without end,
// the stretch on the clock from the timeframe's start to its end.
//
// Board returns a [fault.ErrInvalid] where [Timeframe.In] does, and when the stretch to be repeated
// is less than a second.
func (f Timeframe) Board(zones *Zones) (Board, error) {
	zone, err := f.fixedZone(zones)
	if err != nil {
		return Board{}, err
	}
	b := Board{frame: f, zone: zone, end: never}
	clock := cmp.Or(zone, time.UTC)
	b.start = clockAt(f.StartsAt, clock)
	if f.EndsAt != nil {
		b.end = clockAt(*f.EndsAt, clock)
	}
	switch {
	case !f.Chained():
		if b.cycle, err = f.cycle(); err != nil {
			return Board{}, err
		}
	case b.end > b.start:
		b.cycle = cycle{origin: b.start, length: b.end - b.start}
		b.frame.EndsAt, b.end = nil, never
	default:
		return Board{}, fault.Invalid(fieldEndsAt, "must be at least a second after %s", fieldStartsAt)
	}
	b.whole = b.lifetime()
	return b, nil
}

// BoardState is [Timeframe.State] for leaderboards: in USER zones a board opens with the earliest zone and
// closes with the latest, and one that repeats its first stretch never ends.
func (f Timeframe) BoardState(now time.Time) State {
	start, end := f.StartsAt, f.end()
	if f.Chained() {
		end = time.Time{}
	}
	if f.TimezoneType == User {
		start = start.Add(-Earliest)
		if !end.IsZero() {
			end = end.Add(-latest)
		}
	}
	return stateAt(now, start, end)
}

// At returns the period that is open at t, on the clock of UTC where each zone has its own; before the
// first period that is the first, and after the last the last.
func (b Board) At(t time.Time) Period {
	if p, ok := b.PeriodAt(t, nil); ok {
		return p
	}
	if t.Before(b.whole.StartsAt) || clockAt(t, cmp.Or(b.zone, time.UTC)) < b.start {
		return b.First()
	}
	p, _ := b.period(b.end - 1)
	return p
}

// Chained reports whether a board's timeframe repeats its first stretch, so that its end is only that of its
// first period.
func (f Timeframe) Chained() bool {
	return f.Type == Recurring && f.Recurrence == Custom && f.Cron == "" && f.EndsAt != nil
}

// First returns the first period, which contains the timeframe's start.
func (b Board) First() Period {
	p, _ := b.period(b.start)
	return p
}

// PeriodAt returns the period in which something that a user does at t counts; ok is false if t is
// outside the timeframe. userZone is the user's zone, where nil is UTC; it matters in USER zones only.
func (b Board) PeriodAt(t time.Time, userZone *time.Location) (p Period, ok bool) {
	return b.periodAt(t, clockAt(t, cmp.Or(b.zone, userZone, time.UTC)))
}

// Next returns the period after p, which must be one of this board; ok is false if p is the last.
func (b Board) Next(p Period) (next Period, ok bool) {
	switch {
	case p.EndsAt.IsZero():
		return Period{}, false
	case b.zone == nil:
		return b.periodAt(p.EndsAt, clockAt(p.EndsAt.Add(latest), time.UTC))
	}
	return b.periodAt(p.EndsAt, clockAt(p.EndsAt, b.zone))
}

// Open yields, in order, the periods that are open at t: at most one in a FIXED zone.
func (b Board) Open(t time.Time) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		if b.zone != nil {
			if p, ok := b.PeriodAt(t, nil); ok {
				yield(p)
			}
			return
		}
		if b.whole.State(t) != Active {
			return
		}
		first, last := clockAt(t.Add(latest), time.UTC), clockAt(t.Add(Earliest), time.UTC)
		for w := max(first, b.start); w <= last && w < b.end; {
			p, next := b.period(w)
			if !yield(p) {
				return
			}
			w = next
		}
	}
}

// periodAt returns the period that a clock showing w at t is in.
func (b Board) periodAt(t time.Time, w wall) (p Period, ok bool) {
	if !b.covers(t, w) {
		return Period{}, false
	}
	p, _ = b.period(w)
	return p, true
}

// covers reports whether a clock showing w at t is inside the timeframe.
func (b Board) covers(t time.Time, w wall) bool {
	if b.zone != nil {
		return b.frame.State(t) == Active
	}
	return w >= b.start && w < b.end
}

// period returns the period around w, which the timeframe covers, and the reading that ends it.
func (b Board) period(w wall) (p Period, end wall) {
	if b.frame.Type != Recurring {
		return b.whole, never
	}
	from, to := b.cycle.around(w)
	p = Period{StartsAt: b.opening(from), EndsAt: b.closing(to)}
	p.ID = string(b.frame.Recurrence) + "-"
	if b.zone == nil {
		p.ID += boardID(from.utc(), to.utc())
	} else {
		p.ID += boardID(p.StartsAt, p.EndsAt)
	}
	return p.within(b.whole), to
}

// lifetime returns the timeframe as one period.
func (b Board) lifetime() Period {
	p := Period{StartsAt: b.frame.StartsAt.UTC(), EndsAt: b.frame.end().UTC()}
	p.ID = boardID(p.StartsAt, p.EndsAt)
	if b.zone == nil {
		p.StartsAt = b.opening(b.start)
		if b.end != never {
			p.EndsAt = b.closing(b.end)
		}
	}
	return p
}

// opening returns the instant at which the first clock shows w.
func (b Board) opening(w wall) time.Time {
	if b.zone == nil {
		return w.utc().Add(-Earliest)
	}
	return reach(w, b.zone).UTC()
}

// closing returns the instant at which the last clock shows w.
func (b Board) closing(w wall) time.Time {
	if b.zone == nil {
		return w.utc().Add(-latest)
	}
	return reach(w, b.zone).UTC()
}

// boardID returns "start-end", where a zero end is left out.
func boardID(start, end time.Time) string {
	const stamp = "2006-01-02T15:04:05.000Z"
	var buf [2*len(stamp) + 1]byte
	id := append(start.AppendFormat(buf[:0], stamp), '-')
	if !end.IsZero() {
		id = end.AppendFormat(id, stamp)
	}
	return string(id)
}
