package mobility

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Change is what a tracking did to a metric of a user's day.
type Change struct {
	UserID       string        `json:"userId"`
	Date         timeframe.Day `json:"date"`
	GoalsID      string        `json:"mobilityGoalsId"`
	GoalsVersion int           `json:"mobilityGoalsVersion"`
	Metric       Metric        `json:"metric"`
	// Amount is what the day has come to before, CurrentAmount what it has come to since, in the unit of the metric.
	Amount        decimal.Decimal `json:"amount"`
	CurrentAmount decimal.Decimal `json:"currentAmount"`
	// Reached are the targets that were reached by it, Undone those that are not reached any more.
	Reached []string `json:"reached,omitempty"`
	Undone  []string `json:"undone,omitempty"`
}

// changes returns how a day is another than before; either may be nil.
func changes(was, now *day) (all []Change) {
	of := now
	if of == nil {
		of = was
	}
	for i := range of.Metrics {
		m := of.Metrics[i].Metric
		before, after := was.by(m), now.by(m)
		if before.Amount == after.Amount && len(before.ReachedAt) == len(after.ReachedAt) {
			continue
		}
		c := Change{
			UserID: of.UserID, Date: of.Date, GoalsID: of.GoalsID, GoalsVersion: of.GoalsVersion, Metric: m,
			Amount: m.show(before.Amount), CurrentAmount: m.show(after.Amount),
		}
		c.Reached, c.Undone = after.beyond(&before), before.beyond(&after)
		all = append(all, c)
	}
	return all
}

// by returns what a day, which may be nil, has come to by a metric.
func (d *day) by(m Metric) measure {
	if d != nil {
		for i := range d.Metrics {
			if d.Metrics[i].Metric == m {
				return d.Metrics[i]
			}
		}
	}
	return measure{}
}

// beyond returns the targets that are reached and are not in another.
func (m *measure) beyond(other *measure) (targets []string) {
	for k := len(other.ReachedAt); k < len(m.ReachedAt); k++ {
		targets = append(targets, milestoneTarget(k))
	}
	return targets
}

// Reads names what [program.React] reads first.
func (p *program) Reads(_ *session.Tx, o *mechanic.Occasion) []store.Read {
	if o.Event.Type != event.MobilityTracking {
		return nil
	}
	t, err := trackingOf(o.Event)
	if err != nil { // React says so
		return nil
	}
	return []store.Read{trackings.Keys(t.ID), trackings.Rows(ofDay(t.UserID, t.Date)), days.Keys(dayKey(t.UserID, t.Date))}
}

// React keeps a tracking and counts its day anew.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if o.Event.Type != event.MobilityTracking {
		return nil, nil
	}
	for _, spare := range p.spare {
		tx.Report(spare, "", "does not apply: another of its kind is in force that was created before")
	}
	was, now, err := p.count(ctx, tx, o)
	if err != nil || now == nil {
		return nil, err
	}
	return changes(was, now), days.Put(ctx, tx, *now)
}

// count keeps the tracking of an event, and returns its day as it was and as it is, nil if no goals are in force.
func (p *program) count(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) (was, now *day, err error) {
	t, err := trackingOf(o.Event)
	if err != nil {
		return nil, nil, err
	}
	if p.factors != nil && t.FactorsID == p.factors.ID {
		t.FactorsVersion = p.factors.Version
	}
	if err := trackings.Put(ctx, tx, *t); err != nil {
		return nil, nil, err
	}
	d, known, err := days.Get(ctx, tx, dayKey(t.UserID, t.Date))
	switch {
	case err != nil:
		return nil, nil, err
	case known:
		was = new(d)
	case p.goals == nil:
		return nil, nil, nil
	default:
		d = newDay(t.UserID, t.Date, t.UserTimezone, p.goals)
	}
	all, err := trackings.List(ctx, tx, ofDay(t.UserID, t.Date))
	if err != nil {
		return nil, nil, err
	}
	d = d.after(slices.Clone(all))
	return was, &d, nil
}

// Amend says what a user's days have come to since the fold was folded again. What the event's own steps said of these days
// is said again, in relation to what they were.
func (p *program) Amend(_ context.Context, _ *session.Tx, a mechanic.Amendment, all []Change) ([]Change, error) {
	for i, diff := range slices.Concat(a.Rows, a.Told) {
		if diff.Table != days.Schema().Name {
			continue
		}
		var was, now *day
		if d, there := diff.Was.(day); there {
			was = &d
		}
		if d, there := diff.Now.(day); there {
			now = &d
		}
		of := was
		if of == nil {
			of = now
		}
		ofDay := func(c Change) bool { return c.UserID == of.UserID && c.Date == of.Date }
		if i >= len(a.Rows) && !slices.ContainsFunc(all, ofDay) {
			continue // another event of the batch tells of it
		}
		all = append(slices.DeleteFunc(all, ofDay), changes(was, now)...)
	}
	return all, nil
}

// Present forgets where a user was who has been deleted, and who tracked the user.
func (p *program) Present(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if o.Event.Fields["status"] != string(tenancy.Deleted) {
		return nil, nil
	}
	where, err := shapes.List(ctx, tx, store.Prefix(o.Event.UserID+":"))
	if err != nil {
		return nil, err
	}
	tracked, err := activations.List(ctx, tx, store.Prefix(o.Event.UserID+"/"))
	if err != nil {
		return nil, err
	}
	var shapeKeys, activationKeys []string
	for i := range where {
		shapeKeys = append(shapeKeys, where[i].TrackingID)
	}
	for i := range tracked {
		activationKeys = append(activationKeys, tracked[i].key())
	}
	return nil, errors.Join(shapes.Delete(ctx, tx, shapeKeys...), activations.Delete(ctx, tx, activationKeys...))
}

// Explains tells whether documents of a kind are goals.
func (p *program) Explains(kind string) bool { return kind == GoalsKind.Name() }

// Moves tells whether a change is by goals.
func (p *program) Moves(c *Change, _, id string) bool { return c.GoalsID == id }

// Explain asks of an occasion what React will ask of goals, in its order, and then what the day's tracks add.
func (p *program) Explain(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, _, id string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	v := &mechanic.Verdict{}
	if p.goals != nil && p.goals.ID == id {
		v.Version = p.goals.Version
	}
	if !v.Ask("type", o.Event.Type == event.MobilityTracking, "the event is of type %s, and goals count trackings", o.Event.Type) {
		return v, nil, nil
	}
	t, err := trackingOf(o.Event)
	if err != nil {
		return nil, nil, err
	}
	d, known, err := days.Get(ctx, tx, dayKey(t.UserID, t.Date))
	switch {
	case err != nil:
		return nil, nil, err
	case !known && p.goals == nil:
		v.Unpublished()
		return v, nil, nil
	case !known:
		d = newDay(t.UserID, t.Date, t.UserTimezone, p.goals)
	}
	if v.Version = d.GoalsVersion; !v.Ask("date", d.GoalsID == id, "the day %s in %s goes by the goals %s", d.Date, d.Timezone, d.GoalsID) {
		return v, nil, nil
	}
	all, err := trackings.List(ctx, tx, ofDay(t.UserID, t.Date))
	if err != nil {
		return nil, nil, err
	}
	all = append(slices.DeleteFunc(slices.Clone(all), func(other Tracking) bool { return other.ID == t.ID }), *t)
	reasons, counts := d.reasons(t.ID, all)
	v.Ask("metrics", counts, "%s", strings.Join(reasons, "; "))
	return v, nil, nil
}

// reasons says what a tracking adds to each metric of its day, and whether it adds anything.
func (d *day) reasons(id string, all []Tracking) (reasons []string, counts bool) {
	for i := range d.Metrics {
		m, portions := d.Metrics[i].count(d.Caps, all)
		for _, p := range portions {
			if p.ID != id {
				continue
			}
			text := string(m.Metric) + ": it adds " + m.Metric.show(p.n).String() + " to " + m.Metric.show(m.Amount-p.n).String()
			if p.reason != "" {
				text += ", because " + p.reason
			}
			if p.verdict() == Released && p.n > 0 {
				text += "; " + p.Review.String()
			}
			if m.Metric == Minutes && p.n < 60 && p.n > 0 {
				text += ", less than a minute"
			}
			reasons, counts = append(reasons, text), counts || p.n > 0
		}
	}
	return reasons, counts
}
