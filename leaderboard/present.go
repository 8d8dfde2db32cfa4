package leaderboard

import (
	"context"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Present takes a user who takes no part any more off all boards that do not show such users, frozen periods included, and puts one
// who does again where the user's scores belong.
func (p *program) Present(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	keys, err := p.scoresOf(ctx, tx, o.Event.UserID)
	if err != nil {
		return nil, err
	}
	hidden := func(s *score) bool { return p.boards[s.BoardID].hides(o.User.Status) }
	var changes []Change
	for some := range slices.Chunk(keys, batch) {
		found, err := scores.GetMany(ctx, tx, some...)
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(found, func(s score) bool { return s.Hidden == hidden(&s) })
		for i := range found {
			found[i].Hidden = !found[i].Hidden
			changes = append(changes, p.change(&found[i]))
		}
		if err := scores.Put(ctx, tx, found...); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// ahead is how much later than now the latest period can begin in which somebody has a score: events may be a little early,
// and in USER zones it is tomorrow somewhere.
const ahead = 24 * time.Hour

// scoresOf returns the keys of all scores that a user can have: those of the periods since the first of what the user did.
func (p *program) scoresOf(ctx context.Context, tx *session.Tx, userID string) ([]string, error) {
	var first time.Time
	for o, err := range p.past(ctx, tx, userID, time.Time{}, time.Time{}) {
		if err != nil {
			return nil, err
		}
		first = o.Event.At
		break
	}
	if first.IsZero() {
		return nil, nil
	}
	var keys []string
	for _, b := range p.order {
		if b.counter.tags != nil {
			continue
		}
		for period, ok := b.begun(tx.Now.Add(ahead)); ok && (period.EndsAt.IsZero() || period.EndsAt.After(first)); period, ok = b.before(period) {
			keys = append(keys, scoreKey(ranking(b.id, period.ID), userID))
		}
	}
	return keys, nil
}
