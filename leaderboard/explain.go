package leaderboard

import (
	"context"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Explain tells how far an entry of the journal got with a board: what React asked, in its order, and
// whether a score changed. The program is the one that was in force, and changes are those of the
// entry's outcome.
func (p *Program) Explain(ctx context.Context, tx *session.Tx, cases []mechanic.Case, doc *Board, changes []Change) (mechanic.Verdict, error) {
	known, err := openingsThen(ctx, tx, doc.ID)
	if err != nil {
		return mechanic.Verdict{}, err
	}
	opened := &opening{}
	if len(known) > 0 {
		opened = &known[0]
	}
	unclaimed := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.BoardID != doc.ID })
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		v := mechanic.Verdict{Version: doc.Version}
		b := p.boards[doc.ID]
		if b == nil {
			v.Ask(fieldConfiguration, false, "the configuration %s was not published", doc.ConfigurationID)
			return v, nil
		}
		x := explanation{Case: c, board: b, opened: opened, unclaimed: &unclaimed, v: v}
		err := x.explain(p.zones)
		return x.v, err
	})
}

// explanation is how far one event got with a board.
type explanation struct {
	*mechanic.Case
	board  *board
	opened *opening
	// unclaimed are the changes of the board that no earlier event of the entry made.
	unclaimed *[]Change
	v         mechanic.Verdict
}

func (x *explanation) explain(zones *timeframe.Zones) error {
	counter := x.board.counter
	source := sources[counter.Source]
	if !x.v.Ask("query.source", x.Event.Type == source, "it counts %s, and the event is of type %s", counter.Source, x.Event.Type) {
		return nil
	}
	if x.Was != nil {
		return x.askMoved(zones)
	}
	env := &rule.Env{Data: x.Vars, Now: x.Event.At}
	if counter.where != nil && !x.v.Add(mechanic.Check("query.where", counter.where, env)) {
		return nil
	}
	worth, counts, err := counter.worth(env)
	if counter.of != nil && !x.v.Add(counter.check(env, counts, err)) {
		return nil
	}
	period, ok, err := x.board.periodOf(x.Occasion, zones)
	if err != nil || !x.askPeriod(period, ok) {
		return err
	}
	entities := x.entities(x.Occasion)
	if x.askEntities(entities) && x.askOpen(period) {
		x.askScore(period, entities, worth.micros)
	}
	return nil
}

// entities returns who gets the score of an occasion.
func (x *explanation) entities(o *mechanic.Occasion) (all []string) {
	x.board.counter.each(o, func(entity string) { all = append(all, entity) })
	return all
}

// askMoved asks whether a score changed because the event turned out to have happened at another time.
func (x *explanation) askMoved(zones *timeframe.Zones) error {
	var scores []string
	for _, o := range []*mechanic.Occasion{x.Was, x.Occasion} {
		period, ok, err := x.board.periodOf(o, zones)
		if err != nil {
			return err
		}
		for _, entity := range x.entities(o) {
			if made, found := x.claim(period, entity, func(*Change) bool { return ok }); found {
				scores = append(scores, made.text())
			}
		}
	}
	x.v.Moved = len(scores) > 0
	reason := "no score changed"
	if x.v.Moved {
		reason = strings.Join(scores, ", ")
	}
	x.v.Ask("completedAt", x.v.Moved, "the event turned out to have happened at %s, not at %s: %s",
		mechanic.Stamp(x.Event.At), mechanic.Stamp(x.Event.MovedFrom), reason)
	return nil
}

// claim takes the first change of an entity in a period that is of the event.
func (x *explanation) claim(p timeframe.Period, entity string, of func(*Change) bool) (c Change, found bool) {
	i := slices.IndexFunc(*x.unclaimed, func(c Change) bool { return c.PeriodID == p.ID && c.EntityID == entity && of(&c) })
	if i < 0 {
		return Change{}, false
	}
	c = (*x.unclaimed)[i]
	*x.unclaimed = slices.Delete(*x.unclaimed, i, i+1)
	return c, true
}

// text says what the change left.
func (c *Change) text() string {
	if c.Gone {
		return c.EntityID + " is no longer in " + c.PeriodID
	}
	return c.EntityID + " has " + c.Score.String() + " since"
}

// check says what a row is worth, and why.
func (c *counter) check(env *rule.Env, counts bool, worthless error) rule.Check {
	asked := mechanic.Check("query.score."+string(c.Score.Function), c.of, env)
	asked.Holds = counts && worthless == nil
	switch {
	case asked.Trace == nil: // the evaluation was given up
	case worthless != nil:
		asked.Reason += "; it " + worthless.Error()
	case !counts:
		asked.Reason += "; null does not count"
	}
	return asked
}

func (x *explanation) askPeriod(p timeframe.Period, inside bool) bool {
	if !inside {
		return x.v.Ask("timeframeType", false, "the event happened at %s, outside of the timeframe", mechanic.Stamp(x.Event.At))
	}
	return x.v.Ask("timeframeType", true, "the event happened at %s, in the period %s", mechanic.Stamp(x.Event.At), p.ID)
}

func (x *explanation) askEntities(entities []string) bool {
	space := x.board.counter.EntityID.TagNamespace
	if len(entities) == 0 {
		return x.v.Ask("query.entityId", false, "user %s carried no tag of the namespace %s", x.User.ID, space)
	}
	return x.v.Ask("query.entityId", true, "the score is that of %s", strings.Join(entities, ", "))
}

// askOpen asks whether the period takes scores.
func (x *explanation) askOpen(p timeframe.Period) bool {
	if o := x.opened; o.of(x.board) && !o.StoppedAt.After(x.RecordedAt) && !o.has(p) {
		return x.v.Ask(fieldConfiguration, false, "it was taken out of use at %s, before the period began", mechanic.Stamp(o.StoppedAt))
	}
	closed := func(problem event.Problem) bool {
		return problem.Source == x.board.source() && problem.Field == fieldPeriod && strings.HasPrefix(problem.Reason, p.ID+" ")
	}
	if slices.ContainsFunc(x.Problems, closed) {
		return x.v.Ask(fieldPeriod, false, "%s had ended and was closed for good", p.ID)
	}
	return x.v.Ask(fieldPeriod, true, "%s was open", p.ID)
}

// fieldPeriod names the field of a problem with a period.
const fieldPeriod = "periodId"

// askScore asks whether a score changed. The scores of then are not kept, but what React changed is in
// the outcome.
func (x *explanation) askScore(p timeframe.Period, entities []string, micros int64) {
	var scores []string
	for _, entity := range entities {
		made, found := x.claim(p, entity, func(c *Change) bool { return !c.Gone && x.board.counter.made(c, micros) })
		if found {
			scores = append(scores, made.text())
		}
	}
	x.v.Moved = len(scores) > 0
	switch problem := x.Problem(x.board.source(), ""); {
	case x.v.Moved:
		x.v.Ask("score", true, "%s", strings.Join(scores, ", "))
	case problem != "":
		x.v.Ask("score", false, "%s", problem)
	default:
		x.v.Ask("score", false, "%s", x.board.counter.unchanged(micros))
	}
}

// made tells whether a change can be that of a row of the given worth.
func (c *counter) made(change *Change, micros int64) bool {
	switch c.Score.Function {
	case Max, Min, Last:
		return change.Score.Equal(amount.FromMicros(micros))
	case Sum, Count: // a zero shows only where there was nothing else
		return micros != 0 || change.Score.IsZero()
	case CountDistinct:
	}
	return true
}

// unchanged says why a row that counts did not change the score.
func (c *counter) unchanged(micros int64) string {
	worth := amount.FromMicros(micros).String()
	switch c.Score.Function {
	case Max:
		return "the score was " + worth + " or more already"
	case Min:
		return "the score was " + worth + " or less already"
	case Last:
		return "an event that happened later had given the score"
	case CountDistinct:
		return "the value had been counted already"
	case Sum, Count:
	}
	return "adding " + worth + " changes nothing"
}
