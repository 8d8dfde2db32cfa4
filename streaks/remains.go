package streaks

import (
	"context"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// base is what the days of a streak made that are gone: whoever counts it again begins there. It is no row of the user's
// fold, because nothing that can still happen changes it.
type base struct {
	UserID string `json:"userId"`
	RuleID string `json:"streakRuleId"`
	fold
}

var baseTable = store.Define("streak_bases", func(b *base) string { return streakKey(b.UserID, b.RuleID) }, nil).Packed()

// begin returns the fold to which the days of a streak are added.
func (s *state) begin(ctx context.Context, tx store.Tx) (fold, error) {
	b, _, err := baseTable.Get(ctx, tx, streakKey(s.UserID, s.RuleID))
	b.Terms = s.Terms
	return b.fold, err
}

// settling is how long before a moment the days lie that nothing can change which happens then or later: wherever the user
// lives, and where a week is a period.
const settling = 9 * 24 * time.Hour

// daysOver finds days of runs that were over before the year in which a moment is: of the present run, and of the periods of
// the calendar that are shown, none is missing. Those of one run go together.
func daysOver(ctx context.Context, tx *session.Tx, before time.Time, behind string, limit int) (o mechanic.Over, err error) {
	q := store.Query{Limit: 1}
	if behind != "" {
		q.After = &store.Position{Key: behind}
	}
	first, err := dayTable.List(ctx, tx, q)
	if err != nil || len(first) == 0 {
		return o, err
	}
	key := streakKey(first[0].UserID, first[0].RuleID)
	o.Last = key + "/~" // behind all days
	s, found, err := stateTable.Get(ctx, tx, key)
	if err != nil || !found || !s.Met.Before(before) {
		return o, err
	}
	settled := timeframe.DayOf(before.Add(-settling), time.UTC)
	days := store.Prefix(key + "/")
	days.Until = store.Text(dayKey(s.UserID, s.RuleID, settled))
	rows, err := dayTable.List(ctx, tx, days)
	if err != nil {
		return o, err
	}
	f, err := s.begin(ctx, tx)
	if err != nil {
		return o, err
	}
	kept, over := base{UserID: s.UserID, RuleID: s.RuleID}, 0
	for i := range rows {
		until := f
		step, err := f.add(rows[i].day, tx.Zones)
		if err != nil {
			return o, err
		}
		if step.began {
			over, kept.fold = i, until
		}
		if over >= limit {
			o.Last = rows[over-1].key()
			break
		}
		if rows[i].Day >= timeframe.ByYear.First(settled) {
			break
		}
	}
	if over == 0 {
		return o, nil
	}
	for _, d := range rows[:over] {
		o.Rows = append(o.Rows, dayTable.Row(d))
	}
	o.Keep = func(ctx context.Context, tx *session.Tx) error { return baseTable.Put(ctx, tx, kept) }
	return o, nil
}

// Recalls tells of events that a streak counts which was not begun before a moment: of those that were recorded before its
// rule was in force as it is. All others it would have counted.
func (p *program) Recalls(ctx context.Context, tx *session.Tx, u *tenancy.User, before time.Time) (func(*mechanic.Occasion) bool, error) {
	met, err := stateTable.List(ctx, tx, store.Prefix(streakKey(u.ID, "")))
	if err != nil {
		return nil, err
	}
	pending := slices.DeleteFunc(slices.Clone(p.plans), func(pl *plan) bool {
		return slices.ContainsFunc(met, func(s state) bool { return s.RuleID == pl.ID && s.Met.Before(before) })
	})
	if len(pending) == 0 {
		return nil, nil
	}
	return func(o *mechanic.Occasion) bool {
		return slices.ContainsFunc(pending, func(pl *plan) bool {
			news := slices.MaxFunc([]time.Time{pl.UpdatedAt, pl.configuration.UpdatedAt}, time.Time.Compare)
			return !o.RecordedAt.After(news) && !o.Event.At.Before(pl.StartsAt) && slices.Contains(o.Keys, pl.configuration.Matcher().Key())
		})
	}, nil
}
