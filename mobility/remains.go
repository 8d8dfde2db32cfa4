package mobility

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/timeframe"
)

// settling is how long before a moment what has ended makes no difference to what happens then or later: wherever the user is, that is
// another day, and anywhere can be reached since.
const settling = 48 * time.Hour

// settled returns the first day that is not over for all by a moment, and the moment by which what is over had ended.
func settled(before time.Time) (day timeframe.Day, ended time.Time) {
	ended = before.Add(-settling)
	return timeframe.DayOf(ended, time.UTC), ended
}

// remains are what of the tables is over before a moment: days of which nobody can redeem anything any more, and then what is of no day that
// is kept. Where somebody was goes with the tracking.
func remains() []mechanic.Remains {
	return []mechanic.Remains{
		mechanic.Remaining(days, daysOver),
		mechanic.Remaining(redemptions, redemptionsOver),
		mechanic.Remaining(trackings, mechanic.Each(func(t *Tracking, before time.Time) bool {
			day, ended := settled(before)
			return t.Date < day && t.EndsAt.Before(ended)
		})),
		mechanic.Remaining(shapes, shapesOver),
	}
}

// daysOver tells of days whether they are over and all that was reached on them was redeemed before a moment.
func daysOver(ctx context.Context, tx *session.Tx, before time.Time, list []day) ([]bool, error) {
	over := make([]bool, len(list))
	first, _ := settled(before)
	for i := range list {
		d := &list[i]
		if over[i] = d.Date < first; !over[i] {
			continue
		}
		redeemed, err := redeemedOf(ctx, tx, d.UserID, d.Date)
		if err != nil {
			return nil, err
		}
		for _, m := range with(d.milestones(), redeemed) {
			over[i] = over[i] && (!m.Reached || m.Redeemed && m.RedeemedAt.Before(before))
		}
	}
	return over, nil
}

// redemptionsOver tells of what was redeemed whether its day is gone.
func redemptionsOver(ctx context.Context, tx *session.Tx, before time.Time, list []Milestone) ([]bool, error) {
	keys := make([]string, len(list))
	first, _ := settled(before)
	for i := range list {
		keys[i] = dayKey(list[i].UserID, list[i].Date)
	}
	kept, err := days.GetMany(ctx, tx, keys...)
	there := map[string]bool{}
	for i := range kept {
		there[kept[i].key()] = true
	}
	over := make([]bool, len(list))
	for i := range list {
		over[i] = list[i].Date < first && !there[keys[i]]
	}
	return over, err
}

// shapesOver tells of geometries whether their tracking is gone.
func shapesOver(ctx context.Context, tx *session.Tx, _ time.Time, list []shape) ([]bool, error) {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].TrackingID
	}
	kept, err := trackings.GetMany(ctx, tx, ids...)
	there := map[string]bool{}
	for i := range kept {
		there[kept[i].ID] = true
	}
	over := make([]bool, len(list))
	for i := range list {
		over[i] = !there[ids[i]]
	}
	return over, err
}

// archived tells whether a day of which nothing is known may be archived.
func archived(ctx context.Context, tx *session.Tx, date timeframe.Day) (bool, error) {
	at, err := horizon(ctx, tx)
	if err != nil || at.IsZero() {
		return false, err
	}
	first, _ := settled(at)
	return date < first, nil
}
