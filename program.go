package guerdon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// program is the published documents of a workspace, compiled. It is immutable.
type program struct {
	docs     *content.Program
	missions *missions.Program
	streaks  *streaks.Program
	economy  *economy.Program
	boards   *leaderboard.Program
	learning *learning.Program

	// mechanics are all of them, in the order in which they react to an event.
	mechanics []machine
}

// compile compiles documents. This is the one place that lists the mechanics.
func (e *Engine) compile(ctx context.Context, tx *session.Tx, docs *content.Program) (*program, error) {
	p := &program{docs: docs}
	var faults [5]error
	p.missions, faults[0] = missions.Compile(docs, e.past)
	p.economy, faults[2] = economy.Compile(docs)
	p.streaks, faults[1] = streaks.Compile(docs, wallet{p.economy}, e.past)
	p.boards, faults[3] = leaderboard.Load(ctx, tx, docs, e.past)
	p.learning, faults[4] = learning.Compile(docs, e.library, e.past)
	p.mechanics = []machine{
		plug(p.streaks, func(o *Outcome) *[]streaks.Change { return &o.Streaks }),
		plug(p.missions, func(o *Outcome) *[]missions.Change { return &o.Missions }),
		plug(p.economy, func(o *Outcome) *[]economy.Change { return &o.Transactions }),
		plug(p.boards, func(o *Outcome) *[]leaderboard.Change { return &o.Scores }),
		plug(p.learning, func(o *Outcome) *[]learning.Change { return &o.Learning }),
	}
	return p, errors.Join(faults[:]...)
}

// program returns the program that is in force in the transaction's workspace. One read tells whether
// the one compiled last still is.
func (e *Engine) program(ctx context.Context, tx *session.Tx) (*program, error) {
	edition, err := content.Edition(ctx, tx)
	if err != nil {
		return nil, err
	}
	var p *program
	e.space(tx.Scope(), func(sp *space) { p = sp.program })
	if p != nil && p.docs.Edition == edition {
		return p, nil
	}
	docs, err := e.library.Load(ctx, tx)
	if err != nil {
		return nil, err
	}
	if p, err = e.compile(ctx, tx, docs); err != nil {
		return nil, fmt.Errorf("guerdon: compiling the program of %s: %w", tx.Scope(), err)
	}
	e.space(tx.Scope(), func(sp *space) { sp.program, sp.former = p, map[string]*program{} })
	return p, nil
}

// ready returns the program for a transaction that is going to add events, with its boards open.
func (e *Engine) ready(ctx context.Context, tx *session.Tx) (*program, error) {
	p, err := e.program(ctx, tx)
	if err != nil {
		return nil, err
	}
	var opened string
	e.space(tx.Scope(), func(sp *space) { opened = sp.opened })
	if p.docs.Edition == opened || p.docs.Edition == tx.Opened {
		return p, nil
	}
	if err := p.boards.Open(ctx, tx, e.history); err != nil {
		return nil, err
	}
	tx.Opened = p.docs.Edition
	return p, nil
}

// committed notes what a transaction has done for good.
func (e *Engine) committed(tx *session.Tx) {
	if tx.Opened != "" {
		e.space(tx.Scope(), func(sp *space) { sp.opened = tx.Opened })
	}
}

// countingBack are the kinds whose documents count from the beginning of their timeframes, and what these need.
var countingBack = []string{
	content.Tags.Name(), content.Activities.Name(), content.Stories.Name(), content.Slides.Name(), content.Quizzes.Name(),
	learning.Groups.Name(), learning.Paths.Name(), streaks.Configurations.Name(), streaks.Rules.Name(),
}

// programAt returns the program that judges what was recorded at a moment when it is folded again: the one that was in
// force then, so that nothing is paid by rules that came later, and of what came later only what counts back.
func (e *Engine) programAt(ctx context.Context, tx *session.Tx, at time.Time) (*program, error) {
	now, err := e.program(ctx, tx)
	if err != nil || !at.Before(now.docs.At) {
		return now, err
	}
	id, since, err := content.EditionAt(ctx, tx, at)
	if err != nil {
		return nil, err
	}
	var p *program
	e.space(tx.Scope(), func(sp *space) {
		if sp.program == now {
			p = sp.former[id]
		}
	})
	if p != nil {
		return p, nil
	}
	docs, err := e.library.LoadAt(ctx, tx, since)
	if err != nil {
		return nil, err
	}
	if p, err = e.compile(ctx, tx, docs.With(now.docs, countingBack...)); err != nil {
		return nil, fmt.Errorf("guerdon: compiling the program of %s at %s: %w", tx.Scope(), since, err)
	}
	e.space(tx.Scope(), func(sp *space) {
		if sp.program == now {
			sp.former[id] = p
		}
	})
	return p, nil
}

// part returns a function that gives a service its part of the program in force.
func part[T any](e *Engine, of func(*program) T) func(context.Context, *session.Tx) (T, error) {
	return func(ctx context.Context, tx *session.Tx) (T, error) {
		p, err := e.program(ctx, tx)
		if err != nil {
			var none T
			return none, err
		}
		return of(p), nil
	}
}

// parts are the tables that hold rows of users' folds, by name.
func parts() map[string]*mechanic.Part {
	all := map[string]*mechanic.Part{}
	for _, room := range [][]mechanic.Part{missions.Parts(), streaks.Parts(), economy.Parts(), learning.Parts()} {
		for i := range room {
			all[room[i].Table.Name] = &room[i]
		}
	}
	return all
}

// machine is a mechanic as the engine runs it: all have one form.
type machine struct {
	reads   func(*session.Tx, *mechanic.Occasion) []store.Read
	heeds   func(keys []string) bool
	foresee func(*mechanic.Occasion) []event.Event
	react   func(context.Context, *session.Tx, *mechanic.Occasion, *Outcome, *question) error
	amend   func(context.Context, *session.Tx, mechanic.Amendment, *Outcome) error
	rewind  func(context.Context, *session.Tx, *tenancy.User) error
	due     func(context.Context, *session.Tx, string) (at time.Time, kind, id string, err error)
	advance func(ctx context.Context, tx *session.Tx, limit int) (more bool, err error)
	moved   func(*Outcome, string, string) bool
}

// plug returns a mechanic whose changes are in a list of the outcome.
func plug[C any](m mechanic.Mechanic[C], list func(*Outcome) *[]C) machine {
	moved := func(changes []C, kind, id string) bool {
		return slices.ContainsFunc(changes, func(c C) bool { return m.Moves(&c, kind, id) })
	}
	react := func(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, out *Outcome, ask *question) error {
		if ask != nil && m.Explains(ask.kind) {
			return explain(ctx, tx, m, o, out, ask, list)
		}
		changes, err := m.React(ctx, tx, o)
		to := list(out)
		*to = append(*to, changes...)
		return err
	}
	return machine{
		reads: m.Reads, heeds: m.Heeds, foresee: m.Foresee, rewind: m.Rewind, due: m.Due, advance: m.Advance, react: react,
		amend: func(ctx context.Context, tx *session.Tx, a mechanic.Amendment, out *Outcome) (err error) {
			to := list(out)
			*to, err = m.Amend(ctx, tx, a, *to)
			return err
		},
		moved: func(out *Outcome, kind, id string) bool { return moved(*list(out), kind, id) },
	}
}

// explain lets a mechanic say why it reacts to an occasion as it does.
func explain[C any](
	ctx context.Context, tx *session.Tx, m mechanic.Mechanic[C], o *mechanic.Occasion, out *Outcome, ask *question, list func(*Outcome) *[]C,
) error {
	o.Forget()
	v, conclude, err := m.Explain(ctx, tx, o, ask.kind, ask.id)
	if err != nil {
		return err
	}
	tx.Problems() // of asking
	v.EventID = o.Event.ID
	if !m.Folded() {
		if conclude != nil {
			conclude(list(&ask.outcome), ask.outcome.Problems)
		}
		ask.hear(v)
		return nil
	}
	changes, err := m.React(ctx, tx, o)
	if err != nil {
		return err
	}
	v.Moved = slices.ContainsFunc(changes, func(c C) bool { return m.Moves(&c, ask.kind, ask.id) })
	if conclude != nil {
		conclude(&changes, tx.Reported())
	}
	ask.hear(v)
	to := list(out)
	*to = append(*to, changes...)
	return nil
}
