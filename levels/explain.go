package levels

import (
	"context"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Explains tells whether documents of a kind are ladders.
func (p *program) Explains(kind string) bool { return kind == Ladders.Name() }

// Moves tells whether a change is on a ladder.
func (p *program) Moves(c *Change, _, id string) bool { return c.LadderID == id }

// Explain asks of an occasion what React will ask of a ladder, in its order, and then what was measured and on which step that let the user stand.
func (p *program) Explain(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, _, id string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	v := &mechanic.Verdict{}
	pl := p.byID[id]
	if pl == nil {
		v.Unpublished()
		return v, nil, nil
	}
	v.Version = pl.Version
	ticks := o.Ticks(Ladders.Name()) && o.Event.EntityID == id
	stepID, given := granted(o, id)
	var adds decimal.Decimal
	switch {
	case ticks:
	case given:
		v.Ask("stepId", true, "a reward gives the step %s", stepID)
	default:
		if !pl.ask(tx, o, v) {
			return v, nil, nil
		}
		adds = pl.scale.adds(tx, o)
		if !v.Ask("measure.type", !adds.IsZero(), "%s measures %s of it", pl.Measure.Type, adds) {
			return v, nil, nil
		}
	}
	t, err := p.meet(ctx, tx, pl, o.User, o.Event.At, o.Event.ID)
	if err == nil && !ticks {
		t.silent = true
		err = t.clock(ctx, o.Event.At)
	}
	if err != nil {
		return nil, nil, err
	}
	before := t.state
	return v, func(changes *[]Change, _ []event.Problem) {
		i := slices.IndexFunc(*changes, func(c Change) bool { return c.LadderID == id })
		switch {
		case i >= 0 && given:
			v.Ask("steps", true, "it takes the user %s", pl.says(&(*changes)[i]))
		case i >= 0:
			c := (*changes)[i]
			v.Ask("measure", true, "there was %s, and %s was added", before.Measure, c.Amount)
			v.Ask("steps", true, "%s takes the user %s", c.Measure, pl.says(&c))
		case given:
			v.Ask("steps", false, "the user stands %s, which is not lower", pl.where(before.Step))
		case ticks:
			v.Ask("steps", false, "a period was over, and the user stays %s", pl.where(before.Step))
		}
	}, nil
}

// ask asks whether an event is one that is measured.
func (pl *plan) ask(tx *session.Tx, o *mechanic.Occasion, v *mechanic.Verdict) bool {
	names, m := matchFields(), &pl.Measure
	switch m.Type {
	case Earned, Balance:
		names.Entity, names.EntityID = "type", "virtualCurrencyId"
	case Missions:
		names.Entity, names.EntityID = "type", "tagId"
	case Events:
	}
	names.Type, names.Entity, names.EntityID = "measure."+names.Type, "measure."+names.Entity, "measure."+names.EntityID
	counts := v.Counts
	if m.Type == Balance && o.Lapses() {
		counts = func(names event.Fields, by event.Matcher, o *mechanic.Occasion) bool {
			return v.Matches(names, by, o.Event)
		}
	}
	if !counts(names, m.matcher(), o) {
		return false
	}
	if !pl.scale.looksAt(o) {
		return v.Ask(names.Entity, false, "events of type %s are not measured", o.Event.Type)
	}
	if !m.within(o.Event.At) {
		return v.Ask("measure.startsAt", false, "the event happened at %s, when nothing is measured", mechanic.Stamp(o.Event.At))
	}
	vars, now := o.Vars(), tx.Moment()
	if m.Type != Events || !v.Condition(pl.scale.condition, vars, now) {
		return m.Type != Events
	}
	return mechanic.Absent(m.Expression) || v.Add(pl.scale.worth.Check(vars, now))
}

// says says where a change lets the user stand.
func (pl *plan) says(c *Change) string {
	text := "to " + pl.where(c.To)
	if c.Direction == "" {
		text = "nowhere else: the user stays " + pl.where(c.To)
	} else {
		text += " from " + pl.where(c.From)
	}
	if next := pl.place(c.To, decimal.Decimal{}) + 1; next < len(pl.Steps) {
		text += fmt.Sprintf("; %s begins at %s", pl.Steps[next].ID, pl.Steps[next].Threshold)
	}
	return text
}

// where names a step.
func (pl *plan) where(step string) string {
	if step == "" {
		return "below the first step"
	}
	return "on " + step
}
