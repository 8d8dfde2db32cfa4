package levels

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A program is the published ladders of a workspace, compiled. It is immutable and may be used concurrently.
type program struct {
	mechanic.Plain[Change]

	past    mechanic.Past
	plans   []*plan // in the order in which they apply
	byID    map[string]*plan
	matches mechanic.Matching[*plan]
	falls   bool // the clock lets users fall from some version of some ladder, also from one that is in force no longer
}

// plan is a compiled ladder.
type plan struct {
	*Ladder
	scale     scale
	later     bool      // it came in force after what it measures was recorded, and measures in silence
	published time.Time // for the first time
}

// compile compiles what is published; ever is what was, and past what a place that is new measures of what was before.
func compile(docs *content.Program, ever []*Ladder, past mechanic.Past) (*program, error) {
	p := &program{past: past, byID: map[string]*plan{}, falls: slices.ContainsFunc(ever, (*Ladder).clocked)}
	var faults []error
	for _, l := range content.Live(docs, Ladders) {
		s, err := compileMeasure(l)
		faults = append(faults, err)
		pl := &plan{Ladder: l, scale: s, later: docs.Later(Ladders.Name(), l.ID), published: docs.Published(Ladders.Name(), l.ID)}
		p.plans = append(p.plans, pl)
		p.byID[l.ID] = pl
		p.matches.Add(l.Measure.matcher(), pl)
	}
	return p, errors.Join(faults...)
}

// clocked tells whether users fall by the clock alone.
func (l *Ladder) clocked() bool {
	return l.demotion() == ByPeriod || l.demotion() == AtOnce && l.Measure.Per != ""
}

// on returns the ladders that measure an event, as far as their matchers can tell.
func (p *program) on(o *mechanic.Occasion) (plans []*plan) {
	keys := o.Keys
	if o.Lapses() {
		keys = o.All()
	}
	for _, pl := range p.matches.On(keys) {
		if pl.scale.looksAt(o) {
			plans = append(plans, pl)
		}
	}
	return plans
}

// Reads names what [program.React] reads first.
func (p *program) Reads(_ *session.Tx, o *mechanic.Occasion) []store.Read {
	if p.falls {
		return []store.Read{places.Rows(store.Prefix(placeKey(o.User.ID, "")))}
	}
	var keys []string
	for _, pl := range p.on(o) {
		keys = append(keys, placeKey(o.User.ID, pl.ID))
	}
	if len(keys) == 0 {
		return nil
	}
	return []store.Read{places.Keys(keys...)}
}

// Foresee returns an event like those of the ladders that measure an occasion, one for each.
func (p *program) Foresee(o *mechanic.Occasion) (foreseen []event.Event) {
	for _, pl := range p.on(o) {
		foreseen = append(foreseen, pl.told(&state{UserID: o.User.ID}, shift{to: len(pl.Steps) - 1, from: -1, at: o.Event.At}, 1))
	}
	return foreseen
}

// Due returns when the next period of a user's ladder is over.
func (p *program) Due(ctx context.Context, tx *session.Tx, userID string) (at time.Time, kind, id string, err error) {
	if !p.falls {
		return time.Time{}, "", "", nil
	}
	rows, err := places.List(ctx, tx, store.Prefix(placeKey(userID, "")))
	for i := range rows {
		if s := &rows[i]; !s.CheckAt.IsZero() && (at.IsZero() || s.CheckAt.Before(at)) {
			at, id = s.CheckAt, s.LadderID
		}
	}
	return at, Ladders.Name(), id, err
}

// Advance wakes at most limit users of whom a period of a ladder is over in the end of which they may fall, and returns whether there may be
// more.
func (p *program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	if !p.falls {
		return false, nil
	}
	return mechanic.WakeDue(ctx, tx, places, "due", limit, func(s *state) string { return s.UserID })
}
