package levels

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Direction says where a user's place moves.
type Direction string

// The directions.
const (
	Up   Direction = "UP"
	Down Direction = "DOWN"
)

// A Change is that something that is measured on a ladder is more or less, or that a user has come to another step.
type Change struct {
	LadderID      string `json:"ladderId"`
	LadderVersion int    `json:"ladderVersion"`
	UserID        string `json:"userId"`
	// Measure is how much there is since, Amount what was added to it; less than 0 if something was taken.
	Measure decimal.Decimal `json:"measure"`
	Amount  decimal.Decimal `json:"amount,omitzero"`
	// From and To are the steps before and after, "" for below the first. Direction is UP or DOWN, and empty if the user stays.
	From      string    `json:"from,omitempty"`
	To        string    `json:"to,omitempty"`
	Direction Direction `json:"direction,omitempty"`
	// Late says that the place is another, now, because of what happened before: From is what it had been taken for.
	Late bool `json:"late,omitempty"`
}

// change returns that the place is as it is.
func (t *turn) change() Change {
	return Change{
		LadderID: t.plan.ID, LadderVersion: t.plan.Version, UserID: t.user.ID, Measure: t.state.Measure, From: t.state.Step, To: t.state.Step,
	}
}

// React adds the event to what is measured on every ladder that measures it. A user who comes to another step because of it, or by the clock,
// causes an event of type Level: one, however many steps that is. The first event that a ladder measures lets it measure what the user did before,
// in silence.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if o.Ticks(Ladders.Name()) {
		return p.judge(ctx, tx, o)
	}
	if pl := p.byID[o.Event.EntityID]; pl != nil {
		if stepID, given := granted(o, pl.ID); given {
			return p.turn(ctx, tx, pl, o, func(t *turn) error { return t.grant(ctx, stepID, o.Event.At) })
		}
	}
	var changes []Change
	for _, pl := range p.on(o) {
		n := pl.scale.adds(tx, o)
		if n.IsZero() {
			continue
		}
		made, err := p.turn(ctx, tx, pl, o, func(t *turn) error {
			if t.state.Met.IsZero() {
				t.state.Met = o.Event.At
			}
			return t.add(ctx, n, o.Event.At)
		})
		if err != nil {
			return nil, err
		}
		changes = append(changes, made...)
	}
	return changes, nil
}

// granted returns the step of a ladder that an occasion is that a reward gives; false if it is none.
func granted(o *mechanic.Occasion, ladderID string) (stepID string, is bool) {
	stepID, is = o.Event.Fields[mechanic.Granted].(string)
	return stepID, is && o.Event.Type == event.Level && o.Event.EntityID == ladderID
}

// turn lets a user's place on a ladder become another because of an occasion.
func (p *program) turn(ctx context.Context, tx *session.Tx, pl *plan, o *mechanic.Occasion, become func(*turn) error) ([]Change, error) {
	t, err := p.meet(ctx, tx, pl, o.User, o.Event.At, o.Event.ID)
	if err != nil {
		return nil, err
	}
	t.give(o.Event.At, true) // what was before, or what another version gives
	if err := become(t); err != nil {
		return nil, err
	}
	t.give(o.Event.At, t.silent)
	return t.changes, t.save(ctx)
}

// add adds to what is measured, and lets the user stand where that brings them.
func (t *turn) add(ctx context.Context, n decimal.Decimal, at time.Time) error {
	if err := t.clock(ctx, at); err != nil {
		return err
	}
	t.state.Measure = t.state.Measure.Add(n)
	told := len(t.changes)
	if err := t.settle(ctx, at); err != nil || t.silent {
		return err
	}
	if len(t.changes) == told {
		t.changes = append(t.changes, t.change())
	}
	t.changes[len(t.changes)-1].Amount = n
	return nil
}

// meet returns a user's place on a ladder at a moment, before the event of an id, "" for none. One that is new, or of another measure, has measured
// what the user did before.
func (p *program) meet(ctx context.Context, tx *session.Tx, pl *plan, u *tenancy.User, at time.Time, now string) (*turn, error) {
	s, found, err := places.Get(ctx, tx, placeKey(u.ID, pl.ID))
	t := &turn{tx: tx, plan: pl, user: u, state: s, silent: pl.later}
	if err != nil || s.Of == pl.scale.of {
		return t, err
	}
	t.state = state{UserID: u.ID, LadderID: pl.ID, Of: pl.scale.of, Told: s.Told, Perks: s.Perks, Given: s.Given}
	until := at.Add(time.Microsecond)
	if last := pl.UpdatedAt.Add(event.MaxFuture + time.Microsecond); !found && last.Before(until) { // what came later would have met it
		until = last
	}
	for before, err := range p.past(ctx, tx, u.ID, time.Time{}, until) {
		if err != nil {
			return nil, err
		}
		if before.Event.ID == now || !pl.scale.looksAt(before) {
			continue
		}
		n := pl.scale.adds(tx, before)
		if n.IsZero() {
			continue
		}
		then := &turn{tx: tx, plan: pl, user: before.User, state: t.state, silent: true}
		if err := then.add(ctx, n, before.Event.At); err != nil {
			return nil, err
		}
		t.state = then.state
	}
	return t, nil
}

// judge lets the clock do what is due at the moment of its event. What was over before the ladder was published is judged in silence.
func (p *program) judge(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	pl := p.byID[o.Event.EntityID]
	if pl == nil { // the ladder rests
		s, found, err := places.Get(ctx, tx, placeKey(o.User.ID, o.Event.EntityID))
		if err != nil || !found {
			return nil, err
		}
		s.CheckAt = time.Time{}
		return nil, places.Put(ctx, tx, s)
	}
	t, err := p.meet(ctx, tx, pl, o.User, o.Event.At, "")
	if err != nil {
		return nil, err
	}
	t.silent = t.silent || o.Event.At.Before(pl.published)
	if err := t.clock(ctx, o.Event.At); err != nil {
		return nil, err
	}
	t.give(o.Event.At, t.silent)
	return t.changes, t.save(ctx)
}

// save saves the place, with the moment at which the clock looks at it next.
func (t *turn) save(ctx context.Context) error {
	t.state.CheckAt = t.due()
	return places.Put(ctx, t.tx, t.state)
}

// Amend adds to changes the places of the user that are others after the fold was folded again. What a new step has told of a place as of where it stands, and
// which is not how the place has changed, is told so instead: who has stood on a step all along does not come to it once more.
func (p *program) Amend(_ context.Context, _ *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	for _, d := range slices.Concat(a.Rows, a.Told) {
		if d.Table != places.Schema().Name {
			continue
		}
		was, _ := d.Was.(state)
		now, _ := d.Now.(state)
		c := p.moved(&was, &now)
		of := func(other Change) bool { return a.New && other.LadderID == c.LadderID && other.UserID == c.UserID }
		told := slices.DeleteFunc(slices.Clone(changes), func(other Change) bool { return !of(other) })
		n := len(told)
		if n == 0 && c.Direction == "" || n > 0 && told[0].From == c.From && told[n-1].To == c.To {
			continue
		}
		changes = append(slices.DeleteFunc(changes, of), c)
	}
	return changes, nil
}

// moved returns how a place has changed because of what happened before.
func (p *program) moved(was, now *state) Change {
	c := Change{
		LadderID: cmp.Or(now.LadderID, was.LadderID), UserID: cmp.Or(now.UserID, was.UserID), Measure: now.Measure, Amount: now.Measure.Sub(was.Measure),
		From: was.Step, To: now.Step, Late: true,
	}
	switch {
	case was.Step == now.Step:
	case now.Threshold.GreaterThan(was.Threshold):
		c.Direction = Up
	default:
		c.Direction = Down
	}
	if pl := p.byID[c.LadderID]; pl != nil {
		c.LadderVersion = pl.Version
	}
	return c
}

// Recalls tells of events that a ladder measures which the user had not met before a moment: of those that were recorded before the ladder was in force
// as it is. All others it would have measured.
func (p *program) Recalls(ctx context.Context, tx *session.Tx, u *tenancy.User, before time.Time) (func(*mechanic.Occasion) bool, error) {
	met, err := places.List(ctx, tx, store.Prefix(placeKey(u.ID, "")))
	if err != nil {
		return nil, err
	}
	pending := slices.DeleteFunc(slices.Clone(p.plans), func(pl *plan) bool {
		return slices.ContainsFunc(met, func(s state) bool {
			return s.LadderID == pl.ID && s.Of == pl.scale.of && !s.Met.IsZero() && s.Met.Before(before)
		})
	})
	if len(pending) == 0 {
		return nil, nil
	}
	return func(o *mechanic.Occasion) bool {
		return slices.ContainsFunc(pending, func(pl *plan) bool { return !o.RecordedAt.After(pl.UpdatedAt) && pl.scale.looksAt(o) })
	}, nil
}
