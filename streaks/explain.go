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

// Explain tells how far an entry of the journal got with a rule: what React asked, in its order, and
// whether a day was counted. The program is the one that was in force, tx.Now the moment at which the
// entry was recorded, and changes are those of its outcome.
func (p *Program) Explain(ctx context.Context, tx *session.Tx, cases []mechanic.Case, r *Rule, changes []Change) (mechanic.Verdict, error) {
	unclaimed := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.RuleID != r.ID || c.Kind != Regular })
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		v := mechanic.Verdict{Version: r.Version}
		if c.Ticks(Rules.Name()) && c.Event.EntityID == r.ID {
			text := judged(r, changes)
			v.Moved = v.Ask("day", text != "", "a period was over, and %s", cmp.Or(text, "nothing changed"))
			return v, nil
		}
		pl := p.byID[r.ID]
		if pl == nil {
			v.Ask("streakConfigurationId", false, "the configuration %s was not published", r.StreakConfigurationID)
			return v, nil
		}
		if !v.Matches(event.MatchFields(), pl.configuration.Matcher(), c.Event) || !v.Within(pl.Timeframe, c.Event.At) ||
			!v.Condition(pl.match, c.Vars, tx.Now) || !v.Condition(pl.users, c.Vars, tx.Now) {
			return v, nil
		}
		err := pl.askDay(ctx, tx, c, &unclaimed, &v)
		return v, err
	})
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
func judged(r *Rule, changes []Change) string {
	var text []string
	for _, c := range changes {
		switch {
		case c.RuleID != r.ID:
		case c.Kind == Freeze:
			text = append(text, c.Day.String()+" is frozen")
		case c.Kind == Missed:
			text = append(text, fmt.Sprintf("%s was missed, and iteration %d is broken, which has %d", c.Day, c.IterationID, c.Count))
		}
	}
	return strings.Join(text, ", ")
}

// askDay asks whether the event's day counts because of it. Everything else has been asked, so the one
// reason why it may not is that the day had been counted already. Unclaimed are the changes that no
// earlier event of the entry made.
func (pl *plan) askDay(ctx context.Context, tx *session.Tx, c *mechanic.Case, unclaimed *[]Change, v *mechanic.Verdict) error {
	zone, clock, err := pl.zone(tx, c.User)
	if err != nil {
		return err
	}
	date := timeframe.DayOf(c.Event.At, clock)
	if i := slices.IndexFunc(*unclaimed, func(ch Change) bool { return ch.Day == date }); i >= 0 {
		made := (*unclaimed)[i]
		*unclaimed = slices.Delete(*unclaimed, i, i+1)
		v.Moved = v.Ask("day", true, "%s in %s counts%s: it is in iteration %d, which has %d", date, zone, made.manner(), made.IterationID, made.Count)
		return nil
	}
	row, found, err := dayTable.Get(ctx, tx, dayKey(c.User.ID, pl.ID, date))
	if err != nil {
		return err
	}
	since := ""
	if at := row.at(); found && !at.IsZero() {
		since = ", since " + mechanic.Stamp(at)
	}
	v.Ask("day", false, "%s in %s had been counted already%s", date, zone, since)
	return nil
}
