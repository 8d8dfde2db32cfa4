package learning

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Reads names what [program.React] reads first.
func (p *program) Reads(tx *session.Tx, o *mechanic.Occasion) []store.Read {
	var reads []store.Read
	switch o.Event.Type {
	case event.Activity:
		reads = append(reads, assignments.Rows(endingAfter(o.User.ID, o.Event.At)))
	case event.Quiz, event.Slide, event.Story:
		s := submissionOf(o.Event)
		reads = append(reads, assignments.Rows(ofContext(s.UserID, s.Context)), logs.Keys(logKey(s.UserID, s.Context, itemKey{itemTypeOf(o.Event), o.Event.EntityID})))
	default:
	}
	var keys []string
	for _, pl := range p.rules.On(o) {
		period, ok, err := pl.on.PeriodAt(tx, o.User, o.Event.At)
		if ok && err == nil { // otherwise React says what is wrong
			keys = append(keys, mechanic.EvaluationKey(mechanic.Owner{ID: o.User.ID}, pl.ID, period.ID))
		}
	}
	if len(keys) > 0 {
		reads = append(reads, evaluations.Keys(keys...), assignments.Rows(endingAfter(o.User.ID, o.Event.At)))
	}
	return reads
}

// Heeds tells whether a rule assigns or unlocks because of a change of a user.
func (p *program) Heeds(keys []string) bool { return p.rules.Meets(keys) }

// Hears tells since when a rule is evaluated for a change of users that nobody makes, and whether any ever was.
func (p *program) Hears(change string) (since time.Time, ever bool) { return p.rules.Hears(change) }

// React evaluates the rules that the event matches, and lets the groups and paths that hold what the event
// is about follow it. What has moved causes an event.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if o.Event.Type == event.Clock {
		return p.reactToClock(ctx, tx, o)
	}
	changes, err := p.announce(ctx, tx, o)
	if err != nil {
		return nil, err
	}
	// What a rule assigns because of an event counts it.
	for _, pl := range p.rules.On(o) {
		made, err := p.evaluate(ctx, tx, pl, o.User, o.Event.At, o.Event.ID, o.Vars())
		if err != nil {
			return nil, err
		}
		changes = append(changes, made...)
	}
	switch o.Event.Type {
	case event.Activity:
		done, err := p.reactToActivity(ctx, tx, o)
		return append(changes, done...), err
	case event.Quiz, event.Slide, event.Story:
		return changes, p.reactToItem(ctx, tx, o)
	default:
		return changes, nil
	}
}

// announce returns the change that an event of a log stands for, none for any other.
func (p *program) announce(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	t := itemTypeOf(o.Event)
	if t == "" || t == ItemActivity || o.Event.Fields[mechanic.Counts] == false {
		return nil, nil
	}
	s := submissionOf(o.Event)
	r, _, err := logs.Get(ctx, tx, logKey(s.UserID, s.Context, itemKey{t, o.Event.EntityID}))
	if err != nil {
		return nil, err
	}
	return []Change{p.changed(&r, Progress(o.Event.Progress), o.Event.Outcome)}, nil // the log may have moved on
}

// submissionOf returns who submitted what an event is about, and where.
func submissionOf(e *event.Event) Submission {
	return Submission{UserID: e.UserID, Context: textsOf(e.Fields)("context"), Parent: parentOf(e.Fields), At: e.At}
}

func parentOf(fields map[string]any) content.Parent {
	text := textsOf(fields)
	return content.Parent{ParentID: text("parentId"), ParentType: content.ParentType(text("parentType"))}
}

// textsOf returns what returns the text of a field, "" if it has none.
func textsOf(fields map[string]any) func(name string) string {
	return func(name string) string {
		s, _ := fields[name].(string)
		return s
	}
}

// reactToItem lets the groups and paths that hold an item follow it, below every parent that submissions named.
func (p *program) reactToItem(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	s, item := submissionOf(o.Event), itemKey{itemTypeOf(o.Event), o.Event.EntityID}
	r, _, err := logs.Get(ctx, tx, logKey(s.UserID, s.Context, item))
	if err != nil {
		return err
	}
	parents := r.Parents
	if len(parents) == 0 {
		parents = []content.Parent{{}}
	}
	var outlines []*outline
	for _, s.Parent = range parents {
		at, err := p.place(ctx, tx, s, item, o.Event.At)
		if _, closed := errors.AsType[*fault.Error](err); closed {
			continue // it could be worked on when it was named
		}
		if err != nil {
			return err
		}
		outlines = append(outlines, at.outlines...)
	}
	return p.settle(ctx, tx, o.User, s.Context, outlines, o.Event.At)
}

// reactToActivity adds the logs of an activity that a user has done in the contexts of the assignments that
// could be worked on then, and lets groups and paths follow.
func (p *program) reactToActivity(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if !completes(o.Event) {
		return nil, nil
	}
	running, err := assignments.List(ctx, tx, endingAfter(o.User.ID, o.Event.At))
	if err != nil || len(running) == 0 {
		return nil, err
	}
	running = slices.DeleteFunc(slices.Clone(running), func(a Assignment) bool { return !a.open(o.Event.At) })
	slices.SortFunc(running, func(a, b Assignment) int { return strings.Compare(a.Context, b.Context) })
	held, err := p.holders(ctx, tx, running, itemKey{ItemActivity, o.Event.EntityID})
	if err != nil {
		return nil, err
	}
	var changes []Change
	for len(held) > 0 {
		learnContext := held[0].Context
		same := slices.IndexFunc(held, func(h holder) bool { return h.Context != learnContext })
		if same < 0 {
			same = len(held)
		}
		r, err := p.activity(ctx, tx, o.User, learnContext, o.Event)
		if err != nil {
			return nil, err
		}
		if r != nil {
			changes = append(changes, p.changed(r, r.Progress, r.Outcome))
			if err := p.settle(ctx, tx, o.User, learnContext, opened(held[:same], o.Event.At), o.Event.At); err != nil {
				return nil, err
			}
		}
		held = held[same:]
	}
	return changes, nil
}
