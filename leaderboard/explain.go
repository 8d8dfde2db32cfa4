package leaderboard

import (
	"context"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Explains tells whether documents of a kind are boards.
func (p *program) Explains(kind string) bool { return kind == Boards.Name() }

// Moves tells whether a change is one of a board.
func (p *program) Moves(c *Change, _, id string) bool { return c.BoardID == id }

// Explain asks of an occasion what React asks of a board, in its order. Scores of the past are not kept, so that
// whether one changed is what the journal says of the event.
func (p *program) Explain(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, _, id string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	v := &mechanic.Verdict{}
	doc := content.Find(p.docs, Boards, id)
	if doc == nil {
		v.Unpublished()
		return v, nil, nil
	}
	v.Version = doc.Version
	b := p.boards[id]
	if b == nil {
		v.Ask(fieldConfiguration, false, "the configuration %s was not published", doc.ConfigurationID)
		return v, nil, nil
	}
	known, err := openingsThen(ctx, tx, id)
	if err != nil {
		return nil, nil, err
	}
	x := &explanation{Occasion: o, board: b, opened: &opening{}, v: v}
	if len(known) > 0 {
		x.opened = &known[0]
	}
	conclude, err := x.explain(p.zones)
	return v, conclude, err
}

// explanation is how far one event got with a board.
type explanation struct {
	*mechanic.Occasion
	board  *board
	opened *opening
	v      *mechanic.Verdict
}

func (x *explanation) explain(zones *timeframe.Zones) (func(*[]Change, []event.Problem), error) {
	counter := x.board.counter
	source := sources[counter.Source]
	if !x.v.Ask("query.source", x.Event.Type == source, "it counts %s, and the event is of type %s", counter.Source, x.Event.Type) {
		return nil, nil
	}
	if len(x.All()) == 0 {
		x.v.Ask("query.source", false, "nothing of it counts")
		return nil, nil
	}
	if x.Ends() && !x.v.Ask("query.score", counter.minds(x.Occasion), "what is over counts for who asks for the status, the state or the direction, or for the last count of a streak") {
		return nil, nil
	}
	env := &rule.Env{Data: x.Vars(), Now: x.Event.At}
	if counter.where != nil && !x.v.Add(mechanic.Check("query.where", counter.where, env)) {
		return nil, nil
	}
	worth, counts, err := counter.worth(env)
	if counter.of != nil && !x.v.Add(counter.check(env, counts, err)) {
		return nil, nil
	}
	period, ok, err := x.board.periodOf(x.Occasion, zones)
	if err != nil || !x.askPeriod(period, ok) {
		return nil, err
	}
	entities := x.entities(x.Occasion)
	if !x.askEntities(entities) {
		return nil, nil
	}
	return func(changes *[]Change, problems []event.Problem) {
		if x.askOpen(period, problems) {
			x.askScore(period, entities, worth.micros, changes, problems)
		}
	}, nil
}

// entities returns who gets the score of an occasion.
func (x *explanation) entities(o *mechanic.Occasion) (all []string) {
	x.board.counter.each(o, func(entity string) { all = append(all, entity) })
	return all
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
func (x *explanation) askOpen(p timeframe.Period, problems []event.Problem) bool {
	if o := x.opened; o.of(x.board) && !o.has(p) {
		return x.v.Ask(fieldConfiguration, false, "it was taken out of use at %s, before the period began", mechanic.Stamp(o.StoppedAt))
	}
	closed := func(problem event.Problem) bool {
		return problem.Source == x.board.source() && problem.Field == fieldPeriod && strings.HasPrefix(problem.Reason, p.ID+" ")
	}
	if slices.ContainsFunc(problems, closed) {
		return x.v.Ask(fieldPeriod, false, "%s had ended and was closed for good", p.ID)
	}
	return x.v.Ask(fieldPeriod, true, "%s was open", p.ID)
}

// fieldPeriod names the field of a problem with a period.
const fieldPeriod = "periodId"

// askScore asks whether a score changed, and takes the changes that it has found to be the event's.
func (x *explanation) askScore(p timeframe.Period, entities []string, micros int64, changes *[]Change, problems []event.Problem) {
	var scores []string
	for _, entity := range entities {
		i := slices.IndexFunc(*changes, func(c Change) bool {
			return c.BoardID == x.board.id && c.PeriodID == p.ID && c.EntityID == entity && x.board.counter.made(&c, micros)
		})
		if i >= 0 {
			scores = append(scores, (*changes)[i].text())
			*changes = slices.Delete(*changes, i, i+1)
		}
	}
	x.v.Moved = len(scores) > 0
	switch problem := mechanic.ProblemIn(problems, x.board.source(), ""); {
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
	switch {
	case change.Gone:
		return false
	case c.Score.Function == CountDistinct:
		return true
	case c.Score.Function == Sum || c.Score.Function == Count: // a zero shows only where there was nothing else
		return micros != 0 || change.Score.IsZero()
	}
	return change.Score.Equal(amount.FromMicros(micros))
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
