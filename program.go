package guerdon

import (
	"context"
	"errors"
	"fmt"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/streaks"
)

// program is the published documents of a workspace, compiled. It is immutable.
type program struct {
	docs     *content.Program
	missions *missions.Program
	streaks  *streaks.Program
	economy  *economy.Program
	boards   *leaderboard.Program
	learning *learning.Program
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
	e.space(tx.Scope(), func(sp *space) { sp.program = p })
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
	if err := p.boards.Open(ctx, tx, history); err != nil {
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

func (e *Engine) compile(ctx context.Context, tx *session.Tx, docs *content.Program) (*program, error) {
	p := &program{docs: docs}
	var faults [5]error
	p.missions, faults[0] = missions.Compile(docs, pastOf)
	p.streaks, faults[1] = streaks.Compile(docs)
	p.economy, faults[2] = economy.Compile(docs)
	p.boards, faults[3] = leaderboard.Load(ctx, tx, docs)
	p.learning, faults[4] = learning.Compile(docs, e.library, pastOf)
	return p, errors.Join(faults[:]...)
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
