package badges

import (
	"context"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A program is the published badges. It is immutable and may be used concurrently.
type program struct {
	mechanic.Plain[Change]

	docs  *content.Program
	gauge mechanic.Gauge
	keeps map[string]bool // whether who has a badge keeps it, also one that is out of use
}

// Reads names the badge of which an event says that it is awarded.
func (*program) Reads(_ *session.Tx, o *mechanic.Occasion) []store.Read {
	if o.Event.Type != event.Badge {
		return nil
	}
	return []store.Read{badges.Keys(badgeKey(o.User.ID, o.Event.EntityID)), kept.Rows(store.Prefix(awardsOf(o.User.ID, o.Event.EntityID)))}
}

// React counts an award. What was kept of it is dropped: it follows again.
func (*program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if o.Event.Type != event.Badge {
		return nil, nil
	}
	a := awardOf(o.Event)
	b, _, err := badges.Get(ctx, tx, badgeKey(a.UserID, a.ConfigurationID))
	if err != nil {
		return nil, err
	}
	b.UserID, b.ConfigurationID = a.UserID, a.ConfigurationID
	b.count(&a)
	if err := badges.Put(ctx, tx, b); err != nil {
		return nil, err
	}
	if err := unkeep(ctx, tx, a); err != nil {
		return nil, err
	}
	return []Change{{Award: a, Count: b.Count}}, awards.Put(ctx, tx, a)
}

// Amend adds to changes the awards that follow no longer, and those that follow now. It keeps the former of badges that are not revocable, but for
// those that were awarded by hand, which only somebody takes back.
func (p *program) Amend(ctx context.Context, tx *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	for _, o := range a.Lost() {
		if o.Event.Type != event.Badge {
			continue
		}
		award := awardOf(o.Event)
		b, _, err := badges.Get(ctx, tx, badgeKey(award.UserID, award.ConfigurationID))
		if err != nil {
			return nil, err
		}
		if award.Kept = award.RuleID != "" && p.keeps[award.ConfigurationID]; award.Kept { // unless it is another's
			standing, err := tenancy.Standing(ctx, tx, award.UserID)
			if err != nil {
				return nil, err
			}
			award.Kept = standing == award.UserID
		}
		if award.Kept {
			if err := kept.Put(ctx, tx, award); err != nil {
				return nil, err
			}
		}
		changes = append(changes, Change{Award: award, Count: b.Count, Undone: true})
	}
	for _, o := range a.Come {
		if o.Event.Type != event.Badge {
			continue
		}
		award := awardOf(o.Event)
		if !slices.ContainsFunc(changes, func(c Change) bool { return c.ID == award.ID }) {
			b, _, err := badges.Get(ctx, tx, badgeKey(award.UserID, award.ConfigurationID))
			if err != nil {
				return nil, err
			}
			changes = append(changes, Change{Award: award, Count: b.Count})
		}
	}
	return changes, nil
}

// unkeep drops what was kept of an award, whenever that was.
func unkeep(ctx context.Context, tx *session.Tx, award Award) error {
	had, err := kept.List(ctx, tx, store.Prefix(awardsOf(award.UserID, award.ConfigurationID)))
	for i := range had {
		if err == nil && had[i].ID == award.ID {
			err = kept.Delete(ctx, tx, had[i].key())
		}
	}
	return err
}

// Joined gives what was kept of the user who is given up to the one who stays, unless that one has been awarded the same.
func (*program) Joined(ctx context.Context, tx *session.Tx, n mechanic.Naming) (changes []Change, err error) {
	had, err := kept.List(ctx, tx, store.Prefix(badgesOf(n.From)))
	for i := range had {
		a := had[i]
		if err == nil {
			err = kept.Delete(ctx, tx, a.key())
		}
		if err != nil {
			return nil, err
		}
		left := a
		left.Kept = false
		changes = append(changes, Change{Award: left, Undone: true})
		a.UserID, a.ID = n.Into, n.Derived(a.ID)
		own, err := held(ctx, tx, store.Prefix(awardsOf(a.UserID, a.ConfigurationID)))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(own, func(o Award) bool { return o.ID == a.ID }) {
			continue
		}
		b, _, err := badges.Get(ctx, tx, badgeKey(a.UserID, a.ConfigurationID))
		if err == nil {
			err = kept.Put(ctx, tx, a)
		}
		if err != nil {
			return nil, err
		}
		changes = append(changes, Change{Award: a, Count: b.Count})
	}
	return changes, err
}

// Explains tells whether documents of a kind are badges.
func (*program) Explains(kind string) bool { return kind == Configurations.Name() }

// Moves tells whether a change is of a badge.
func (*program) Moves(c *Change, _, id string) bool { return c.ConfigurationID == id }

// Explain asks of an occasion whether it is the award of a badge.
func (p *program) Explain(
	_ context.Context, _ *session.Tx, o *mechanic.Occasion, _, id string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	v := &mechanic.Verdict{}
	c := content.Find(p.docs, Configurations, id)
	if c == nil {
		v.Unpublished()
		return v, nil, nil
	}
	v.Version = c.Version
	a := awardOf(o.Event)
	switch {
	case o.Event.Type != event.Badge || a.ConfigurationID != id:
		v.Ask("award", false, "the event is about %s %s and awards no badge; ask why its reward rules did not", o.Event.Type, o.Event.EntityID)
	case a.RuleID == "":
		v.Ask("award", true, "it was awarded by hand")
	default:
		v.Ask("award", true, "reward rule %s awarded it for %s %s", a.RuleID, a.SourceType, a.SourceID)
	}
	return v, nil, nil
}
