package leaderboard

import (
	"context"
	"maps"
	"slices"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Amend brings the scores in line with events that follow no longer and others that follow now, and adds to
// changes what the scores are since. A score that does not show what it would be without something is counted again, a
// user's from what the user did, a tag's from the contributions that are kept of it. A period that is frozen stays as it
// is, which is reported.
func (p *program) Amend(ctx context.Context, tx *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	was, is := p.contributions(a.Gone, func(string, string, string) {}), p.contributions(a.Come, tx.Report)
	report := once(tx.Report)
	gone, err := admitted(ctx, tx, without(was, is), report)
	if err != nil {
		return nil, err
	}
	come, err := admitted(ctx, tx, without(is, was), report)
	if err != nil {
		return nil, err
	}
	stay, err := admitted(ctx, tx, p.contributions(a.Stay, func(string, string, string) {}), func(string, string, string) {})
	if err != nil {
		return nil, err
	}
	var dropped []string
	for i := range gone {
		if gone[i].kept() {
			dropped = append(dropped, partKey(gone[i].of, gone[i].eventID))
		}
	}
	if err := parts.Delete(ctx, tx, dropped...); err != nil {
		return nil, err
	}
	for i := range stay { // of the same event, elsewhere
		if stay[i].kept() {
			if err := parts.Put(ctx, tx, stay[i].part()); err != nil {
				return nil, err
			}
		}
	}
	added, err := p.settle(ctx, tx, gone, come)
	if err != nil {
		return nil, err
	}
	for _, c := range added {
		changes = slices.DeleteFunc(changes, func(o Change) bool {
			return o.BoardID == c.BoardID && o.PeriodID == c.PeriodID && o.EntityID == c.EntityID
		})
		changes = append(changes, c)
	}
	return changes, nil
}

// settle takes contributions out of scores and adds others, and returns the scores that changed. A score that does not
// show what it is without one of them is counted again.
func (p *program) settle(ctx context.Context, tx *session.Tx, gone, come []contribution) ([]Change, error) {
	if len(gone)+len(come) == 0 {
		return nil, nil
	}
	s, err := load(ctx, tx, &decision{contributions: slices.Concat(gone, come)})
	if err != nil {
		return nil, err
	}
	left, lost := map[string]score{}, map[string]bool{}
	var again []contribution
	for i := range gone {
		c := &gone[i]
		if lost[c.of] {
			continue
		}
		rest, known := left[c.of]
		if before := s.scores[c.of]; !known && before != nil {
			rest, known = *before, true
		}
		if !known || !rest.shows(c) {
			lost[c.of], again = true, append(again, *c)
			delete(left, c.of)
			continue
		}
		left[c.of] = rest.without(c)
	}
	before := maps.Clone(s.scores)
	for key, rest := range left {
		s.set(key, rest)
	}
	for i := range come {
		switch c := &come[i]; {
		case !lost[c.of]:
			if !s.add(c) {
				tx.Report(c.board.source(), "", c.overflow())
			}
		case c.kept():
			s.parts = append(s.parts, c.part())
		}
	}
	s.changedScores = slices.DeleteFunc(s.changedScores, func(key string) bool {
		return before[key] != nil && *before[key] == *s.scores[key] && !s.changed[key]
	})
	slices.Sort(s.changedScores)
	saved, err := s.save(ctx, tx)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for i := range saved {
		changes = append(changes, p.change(&saved[i]))
	}
	for _, c := range again {
		change, changed, err := p.recount(ctx, tx, c)
		if err != nil {
			return nil, err
		}
		if changed {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// contributions returns what events add to scores, if their boards take it.
func (p *program) contributions(events []*mechanic.Occasion, report func(source, field, reason string)) (all []contribution) {
	for _, o := range events {
		d := p.decide(o)
		all = append(all, d.contributions...)
		for _, problem := range d.problems {
			report(problem.Source, problem.Field, problem.Reason)
		}
	}
	return all
}

// admitted returns the contributions that their boards take. What is of a period that is frozen stays there, or does
// not come there, which is reported.
func admitted(ctx context.Context, tx *session.Tx, all []contribution, report func(source, field, reason string)) ([]contribution, error) {
	d := decision{contributions: all}
	err := d.admit(ctx, tx, report)
	return d.contributions, err
}

// once reports each problem the first time.
func once(report func(source, field, reason string)) func(source, field, reason string) {
	known := map[event.Problem]bool{}
	return func(source, field, reason string) {
		if p := (event.Problem{Source: source, Field: field, Reason: reason}); !known[p] {
			known[p] = true
			report(source, field, reason)
		}
	}
}

// without returns the contributions that are not among others.
func without(all, others []contribution) []contribution {
	return slices.DeleteFunc(slices.Clone(all), func(c contribution) bool {
		return slices.ContainsFunc(others, func(o contribution) bool {
			return o.of == c.of && o.eventID == c.eventID && o.at.Equal(c.at) && o.micros == c.micros && o.hash == c.hash
		})
	})
}

// recount makes a score up again. Of c, only the board, the period and the entity matter.
func (p *program) recount(ctx context.Context, tx *session.Tx, c contribution) (Change, bool, error) {
	before, existed, err := scores.Get(ctx, tx, c.of)
	if err != nil {
		return Change{}, false, err
	}
	s := newSheet()
	if err := s.base(ctx, tx, &c); err != nil {
		return Change{}, false, err
	}
	if err := p.collect(ctx, tx, c, func(c *contribution) {
		if !s.add(c) {
			tx.Report(c.board.source(), "", c.overflow())
		}
	}); err != nil {
		return Change{}, false, err
	}
	s.parts = nil // they are there
	if err := s.forget(ctx, tx, c.of); err != nil {
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
	return change, true, scores.Delete(ctx, tx, c.of)
}

// collect calls add with all contributions to a score.
func (p *program) collect(ctx context.Context, tx *session.Tx, c contribution, add func(*contribution)) error {
	of := sources[c.board.counter.Source]
	happened := func(o *mechanic.Occasion) {
		var d decision
		c.board.counter.decide(&d, o, []*board{c.board}, p.zones)
		for i := range d.contributions {
			if d.contributions[i].of == c.of {
				add(&d.contributions[i])
			}
		}
	}
	if c.board.counter.tags == nil {
		for o, err := range p.past(ctx, tx, c.entity, c.period.StartsAt, c.period.EndsAt) {
			if err != nil {
				return err
			}
			if o.Event.Type == of {
				happened(o)
			}
		}
		return nil
	}
	opened, _, err := openings.Get(ctx, tx, c.board.id)
	if err != nil {
		return err
	}
	if opened.keeps(of) {
		kept, err := parts.List(ctx, tx, store.Prefix(c.of+"/"))
		for _, part := range kept {
			of := part.contribution(c)
			add(&of)
		}
		return err
	}
	for mark := ""; ; { // whoever did it
		if mark, err = p.history(ctx, tx, of, mechanic.Within{}, mark, p.portion, func(o *mechanic.Occasion) error { happened(o); return nil }); err != nil || mark == "" {
			return err
		}
	}
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
