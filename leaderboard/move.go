package leaderboard

import (
	"context"
	"maps"
	"slices"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// move takes an event that was counted before out of the scores that it was thought to count in, and
// adds it to those of d. The scores on both sides are made up again from their parts.
func (p *Program) move(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, d *decision) ([]Change, error) {
	left, err := p.left(ctx, tx, o)
	if err != nil {
		return nil, err
	}
	gone := make([]string, len(left))
	for i := range left {
		gone[i] = partKey(left[i].of, o.Event.ID)
	}
	if err := parts.Delete(ctx, tx, gone...); err != nil {
		return nil, err
	}
	joined := make([]part, len(d.contributions))
	for i := range d.contributions {
		joined[i] = d.contributions[i].part()
	}
	if err := parts.Put(ctx, tx, joined...); err != nil {
		return nil, err
	}
	var changes []Change
	seen := map[string]bool{}
	for _, c := range append(left, d.contributions...) {
		if seen[c.of] {
			continue
		}
		seen[c.of] = true
		change, changed, err := p.refold(ctx, tx, c, left, d.contributions)
		if err != nil {
			return nil, err
		}
		if changed {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// left returns where the event has counted so far, as far as that can still change, and how much.
func (p *Program) left(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]contribution, error) {
	var d decision
	for _, c := range p.counters.On(o.Keys) {
		c.place(&d, &mechanic.Occasion{Event: o.Was.Event, User: c.anybody(o.Was.User)}, contribution{}, c.boards, p.zones)
	}
	if err := d.admit(ctx, tx, func(string, string, string) {}); err != nil {
		return nil, err
	}
	keys := make([]string, len(d.contributions))
	for i := range d.contributions {
		keys[i] = partKey(d.contributions[i].of, o.Event.ID)
	}
	counted, err := parts.GetMany(ctx, tx, keys...)
	if err != nil {
		return nil, err
	}
	var left []contribution
	for _, p := range counted {
		i := slices.IndexFunc(d.contributions, func(c contribution) bool { return c.of == p.Of })
		c := d.contributions[i]
		c.micros = p.Micros
		left = append(left, c)
	}
	return left, nil
}

// anybody returns the user with all tags that get scores, so that every score is looked at in which the
// event has a part.
func (c *counter) anybody(u *tenancy.User) *tenancy.User {
	if c.tags == nil {
		return u
	}
	all := *u
	all.Tags = nil
	for _, id := range slices.Sorted(maps.Keys(c.tags)) {
		all.Tags = append(all.Tags, tenancy.UserTag{TagID: id})
	}
	return &all
}

// same tells whether a score is the same as before although one of its contributions has moved: a sum
// does not know its order, and something later than the contribution, there and here, made it last.
func (s *score) same(from, to []contribution) bool {
	here := func(c contribution) bool { return c.of == s.key() }
	i, j := slices.IndexFunc(from, here), slices.IndexFunc(to, here)
	return i >= 0 && j >= 0 && from[i].sums() && from[i].micros == to[j].micros && to[j].micros != 0 &&
		s.ReachedAt.After(from[i].at) && s.ReachedAt.After(to[j].at)
}

// refold makes the score up again from its parts, unless it is the same anyhow. Of c, only the board,
// the period and the entity matter.
func (p *Program) refold(ctx context.Context, tx *session.Tx, c contribution, from, to []contribution) (Change, bool, error) {
	key := c.of
	before, existed, err := scores.Get(ctx, tx, key)
	if err != nil || existed && before.same(from, to) {
		return Change{}, false, err
	}
	kept, err := parts.List(ctx, tx, store.Prefix(key+"/"))
	if err != nil {
		return Change{}, false, err
	}
	s := newSheet()
	for _, part := range kept {
		c.at, c.eventID, c.micros, c.hash = part.At, part.EventID, part.Micros, part.Hash
		if !s.add(&c) {
			tx.Report(c.board.source(), "", "the score of "+c.entity+" would be larger than an amount can be")
		}
	}
	s.parts = nil // they are there
	if err := s.forget(ctx, tx, key); err != nil {
		return Change{}, false, err
	}
	after, err := s.save(ctx, tx)
	switch {
	case err != nil:
		return Change{}, false, err
	case len(after) > 0:
		return p.change(&after[0]), !existed || after[0] != before, nil
	case !existed:
		return Change{}, false, nil
	}
	change := p.change(&before)
	change.Gone = true
	return change, true, scores.Delete(ctx, tx, key)
}

// forget removes the values that a score counted and the sheet does not.
func (s *sheet) forget(ctx context.Context, tx *session.Tx, of string) error {
	counted, err := values.List(ctx, tx, store.Prefix(of+"/"))
	if err != nil {
		return err
	}
	var gone []string
	for i := range counted {
		if key := counted[i].key(); s.values[key].Of == "" {
			gone = append(gone, key)
		}
	}
	return values.Delete(ctx, tx, gone...)
}
