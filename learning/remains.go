package learning

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// over tells whether the assignment had ended before a moment. The logs that it counted stay: what somebody has learned may open a
// path that is assigned later.
func (a *Assignment) over(before time.Time) bool {
	return !a.EndsAt.IsZero() && a.EndsAt.Before(before)
}

// Recalls tells of activities that paths may count which are assigned or opened at a moment or later, and whose time began
// before.
func (p *program) Recalls(ctx context.Context, tx *session.Tx, u *tenancy.User, before time.Time) (func(*mechanic.Occasion) bool, error) {
	items := p.activities()
	if len(items) == 0 {
		return nil, nil
	}
	var earliest time.Time
	since := func(at time.Time) {
		if at.Before(before) && (earliest.IsZero() || at.Before(earliest)) {
			earliest = at
		}
	}
	for pl := range p.rules.All() {
		if pl.RuleType != Assign {
			continue
		}
		at, ok, err := pl.on.Pending(ctx, tx, evaluations, pl.ID, mechanic.Owner{ID: u.ID}, u, before)
		if err != nil {
			return nil, err
		}
		if ok {
			since(at)
		}
	}
	running, err := assignments.List(ctx, tx, endingAfter(u.ID, before))
	if err != nil {
		return nil, err
	}
	for i := range running {
		if a := &running[i]; a.Visibility == Locked || !a.UnlockedAt.Before(before) || !a.CreatedAt.Before(before) {
			since(a.StartsAt)
		}
	}
	if earliest.IsZero() {
		return nil, nil
	}
	return func(o *mechanic.Occasion) bool {
		return completes(o.Event) && !o.Event.At.Before(earliest) && items[o.Event.EntityID]
	}, nil
}

// activities are those that are items of a path or a group.
func (p *program) activities() map[string]bool {
	ids := map[string]bool{}
	add := func(items []Item) {
		for _, i := range items {
			if i.ItemType == ItemActivity {
				ids[i.ItemID] = true
			}
		}
	}
	for _, path := range content.Live(p.docs, Paths) {
		add(path.Items)
	}
	for _, group := range content.Live(p.docs, Groups) {
		add(group.Items)
	}
	return ids
}
