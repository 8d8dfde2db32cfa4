package streaks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Explains tells whether documents of a kind are streak rules.
func (p *program) Explains(kind string) bool { return kind == Rules.Name() }

// Moves tells whether a change is by a rule.
func (p *program) Moves(c *Change, _, id string) bool { return c.RuleID == id && c.Kind != "" }

// Explain asks of an occasion what React will ask of a rule, in its order, and then whether a day was counted.
func (p *program) Explain(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, _, id string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	v := &mechanic.Verdict{}
	pl := p.byID[id]
	switch {
	case pl == nil && p.idle[id] != nil:
		v.Version = p.idle[id].Version
		v.Ask("streakConfigurationId", false, "the configuration %s was not published", p.idle[id].StreakConfigurationID)
		return v, nil, nil
	case pl == nil:
		v.Unpublished()
		return v, nil, nil
	}
	v.Version = pl.Version
	if o.Ticks(Rules.Name()) && o.Event.EntityID == id {
		return v, func(changes *[]Change, problems []event.Problem) {
			text := judged(id, *changes)
			v.Ask("day", text != "", "a period was over, and %s", cmp.Or(text, "nothing changed"))
			pl.unsaved(v, *changes, problems)
		}, nil
	}
	if !v.Counts(event.MatchFields(), pl.configuration.Matcher(), o) || !v.Within(pl.Timeframe, o.Event.At) ||
		!v.Condition(pl.match, o.Vars(), tx.Moment()) || !v.Condition(pl.users, o.Vars(), tx.Moment()) {
		return v, nil, nil
	}
	conclude, err := pl.askDay(ctx, tx, o, v)
	return v, conclude, err
}

// manner says how the day came to count, if not as usual.
func (c *Change) manner() string {
	switch {
	case c.Thawed:
		return ", late and in place of a freeze"
	case c.Late:
		return ", late"
	}
	return ""
}

// judged says what became of a streak that the clock had judged.
func judged(ruleID string, changes []Change) string {
	var text []string
	for _, c := range changes {
		switch {
		case c.RuleID != ruleID:
		case c.Kind == Freeze:
			text = append(text, c.Day.String()+" is frozen")
		case c.Kind == Missed:
			text = append(text, fmt.Sprintf("%s was missed, and iteration %d is broken, which has %d", c.Day, c.IterationID, c.Count))
		}
	}
	return strings.Join(text, ", ")
}

// unsaved adds why what was missed was not frozen, if a run broke: what stood in the way is the check's name.
func (pl *plan) unsaved(v *mechanic.Verdict, changes []Change, problems []event.Problem) {
	i := slices.IndexFunc(changes, func(c Change) bool { return c.RuleID == pl.ID && c.Kind == Missed })
	if i < 0 {
		return
	}
	refusal := cmp.Or(changes[i].NotFrozen, RefusedByRule)
	reason := cmp.Or(mechanic.ProblemIn(problems, Rules.Name()+"/"+pl.ID, string(refusal)), pl.reason(refusal))
	v.Ask(string(refusal), true, "%s was not frozen: %s", changes[i].Day, reason)
}

// askDay asks whether the event's day counts because of it. Everything else has been asked, so the one
// reason why it may not is that the day had been counted already.
func (pl *plan) askDay(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, v *mechanic.Verdict) (func(*[]Change, []event.Problem), error) {
	zone, clock, err := pl.zone(tx, o.User)
	if err != nil {
		return nil, err
	}
	date := timeframe.DayOf(o.Event.At, clock)
	row, found, err := dayTable.Get(ctx, tx, dayKey(o.User.ID, pl.ID, date))
	since := ""
	if at := row.at(); found && !at.IsZero() {
		since = ", since " + mechanic.Stamp(at)
	}
	return func(changes *[]Change, problems []event.Problem) {
		i := slices.IndexFunc(*changes, func(c Change) bool { return c.RuleID == pl.ID && c.Kind == Regular && c.Day == date })
		if i < 0 {
			v.Ask("day", false, "%s in %s had been counted already%s", date, zone, since)
			return
		}
		made := (*changes)[i]
		v.Ask("day", true, "%s in %s counts%s: it is in iteration %d, which has %d", date, zone, made.manner(), made.IterationID, made.Count)
		pl.unsaved(v, *changes, problems)
	}, err
}
