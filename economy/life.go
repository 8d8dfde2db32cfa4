package economy

import (
	"context"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Life says how long what is credited can be spent. It begins when that is earned, granted or sent, also where it waits to be redeemed,
// and ends at a moment that is decided then and kept ([Transaction.LapsesAt]): another Life that is published later changes nothing of it.
// Days, months and years are those of the calendar of the user who gets it, where the user lived then.
type Life struct {
	// Type says which of the other fields there are.
	Type LifeType `json:"lifeType"`
	// Count is how many days, weeks, months or years: of AFTER at least 1, of END_OF how many more than the one in which it was earned.
	Count int `json:"count,omitempty"`
	// Per is of what Count is: DAY, WEEK, MONTH or YEAR.
	Per timeframe.Calendar `json:"per,omitempty"`
	// At is when it ends, of DATE.
	At time.Time `json:"at,omitzero"`
}

// LifeType says when a life ends.
type LifeType string

// The types. AFTER: at the end of the day that is so many days, weeks, months or years after it was earned; the last of the month, where the month
// is shorter. END_OF: at the end of the day, week, month or year in which it was earned, or so many later. DATE: at a moment; what would be earned
// at that moment or later is worth nothing, so it is not paid. NEVER: it does not lapse, unless a reward or a grant says so.
const (
	LifeAfter LifeType = "AFTER"
	LifeEndOf LifeType = "END_OF"
	LifeDate  LifeType = "DATE"
	LifeNever LifeType = "NEVER"
)

// maxLife is how many periods of a calendar a life may have: a hundred years.
var maxLife = map[timeframe.Calendar]int{timeframe.ByDay: 36_500, timeframe.ByWeek: 5_200, timeframe.ByMonth: 1_200, timeframe.ByYear: 100}

// The fields of a life, and those that hold one.
const (
	fieldLife     = "life"
	fieldCount    = "count"
	fieldLifePer  = "per"
	fieldLifeAt   = "at"
	fieldLapsesAt = "lapsesAt"
)

// check returns every fault of the life's fields; nil is none.
func (l *Life) check() error {
	if l == nil {
		return nil
	}
	return fault.In(fieldLife, l.checkFields())
}

func (l *Life) checkFields() error {
	least := 0
	switch l.Type {
	case LifeAfter:
		least = 1
	case LifeEndOf:
	case LifeDate:
		if l.At.IsZero() {
			return fault.Invalid(fieldLifeAt, "is missing")
		}
		if year := l.At.UTC().Year(); year < 1 || year > 9999 {
			return fault.Invalid(fieldLifeAt, "is not in a year from 1 to 9999")
		}
		return l.without(fieldCount, l.Count != 0, fieldLifePer, l.Per != "")
	case LifeNever:
		return l.without(fieldCount, l.Count != 0, fieldLifePer, l.Per != "", fieldLifeAt, !l.At.IsZero())
	default:
		return fault.Invalid("lifeType", "%.80q is none of AFTER, END_OF, DATE, NEVER", l.Type)
	}
	switch {
	case !l.Per.Valid():
		return fault.Invalid(fieldLifePer, "%.80q is none of DAY, WEEK, MONTH, YEAR", l.Per)
	case l.Count < least:
		return fault.Invalid(fieldCount, "is %d; of %s it is at least %d", l.Count, l.Type, least)
	case l.Count > maxLife[l.Per]:
		return fault.Invalid(fieldCount, "is %d; more than a hundred years are not allowed", l.Count)
	}
	return l.without(fieldLifeAt, !l.At.IsZero())
}

// without refuses fields that are there, each given with whether it is.
func (l *Life) without(fields ...any) error {
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1].(bool) {
			return fault.Invalid(fields[i].(string), "is for another lifeType than %s", l.Type)
		}
	}
	return nil
}

// ends returns when what is earned at a moment by who lives in a zone lapses, zero for never.
func (l *Life) ends(at time.Time, zone *time.Location) time.Time {
	day := timeframe.DayOf(at, zone)
	switch l.Type {
	case LifeAfter:
		return (later(day, l.Per, l.Count) + 1).Start(zone)
	case LifeEndOf:
		return l.Per.Next(later(l.Per.First(day), l.Per, l.Count)).Start(zone)
	case LifeDate:
		return l.At.UTC().Truncate(time.Microsecond)
	case LifeNever:
	}
	return time.Time{}
}

// later returns the day that is so many days, weeks, months or years after another, the last of its month where that is shorter.
func later(d timeframe.Day, per timeframe.Calendar, count int) timeframe.Day {
	switch per {
	case timeframe.ByWeek:
		return d + timeframe.Day(7*count)
	case timeframe.ByMonth, timeframe.ByYear:
		if per == timeframe.ByYear {
			count *= 12
		}
		year, month, day := d.Date()
		first := timeframe.Date(year, month+time.Month(count), 1)
		return min(first+timeframe.Day(day-1), timeframe.ByMonth.Next(first)-1)
	case timeframe.ByDay:
	}
	return d + timeframe.Day(count)
}

// lapsing returns when what is credited to a user at a moment lapses, by the life of a reward or, where that has none, of its currency; zero
// for never.
func (p *program) lapsing(tx *session.Tx, of *Life, currencyID string, u *tenancy.User, at time.Time) (time.Time, error) {
	if of == nil {
		of = p.lives[currencyID]
	}
	if of == nil || of.Type == LifeNever {
		return time.Time{}, nil
	}
	zone, err := u.Location(tx.Zones)
	if err != nil {
		return time.Time{}, err
	}
	return of.ends(at, zone), nil
}

// lapsed says that what is credited at a moment would be worth nothing.
func lapsed(lapsesAt, at time.Time) bool { return !lapsesAt.IsZero() && !lapsesAt.After(at) }

// fitsCurrency refuses a life of the reward's own in a currency that has none: there, nothing is kept of what lapses.
func (w *Reward) fitsCurrency(find func(kind, id string) (content.Document, error)) error {
	if w.Life == nil {
		return nil
	}
	doc, err := find(Currencies.Name(), w.CurrencyID)
	if err != nil {
		return err
	}
	if c, is := doc.(*Currency); is && c.Life == nil {
		return fault.Invalid(fieldLife, "needs a currency that has one; %q may have the life NEVER", w.CurrencyID)
	}
	return nil
}

// Warnings warns of a life that is over.
func (c *Currency) Warnings(_ context.Context, in content.View) ([]content.Warning, error) {
	return c.Life.warnings(in, ""), nil
}

// warnings warns of a date that has passed.
func (l *Life) warnings(in content.View, prefix string) []content.Warning {
	if l == nil || l.Type != LifeDate || l.At.After(in.Now()) {
		return nil
	}
	return []content.Warning{{
		Field:  prefix + fieldLife + "." + fieldLifeAt,
		Reason: fmt.Sprintf("is %s, which has passed: nothing is paid any more", l.At.UTC().Format(time.RFC3339)),
	}}
}
