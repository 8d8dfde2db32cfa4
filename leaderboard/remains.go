package leaderboard

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// bases keep what the scores of users have of events for which nobody can ask any more, to count them again on top of it.
var bases = store.Define("leaderboard_bases", (*score).key, nil).Packed()

// remains are the rows of a table that are of periods which have ended. The parts of their keys are the board, the period,
// and others.
func remains[T any](table *store.Table[T], key func(*T) string) mechanic.Remains {
	return mechanic.Remaining(table, func(ctx context.Context, tx *session.Tx, before time.Time, records []T) ([]bool, error) {
		boards, err := everOpened(ctx, tx)
		over := make([]bool, len(records))
		for i := range records {
			at := strings.SplitN(key(&records[i]), "/", 3)
			if b := boards[at[0]]; b != nil {
				p, ok := b.period(at[1])
				over[i] = ok && ended(p, before)
			}
		}
		return over, err
	})
}

// ended tells whether a period had ended by a moment for all.
func ended(p timeframe.Period, by time.Time) bool { return !p.EndsAt.IsZero() && !p.EndsAt.After(by) }

// everOpened returns the boards that have opened, in force or not, as far as it takes to know their periods.
func everOpened(ctx context.Context, tx *session.Tx) (map[string]*board, error) {
	opened, err := openings.List(ctx, tx, store.Query{})
	boards := make(map[string]*board, len(opened))
	for i := range opened {
		b := &board{id: opened[i].BoardID, frame: opened[i].Timeframe}
		var wrong error
		b.periods, wrong = b.frame.Board(tx.Zones)
		err = errors.Join(err, wrong)
		boards[b.id] = b
	}
	return boards, err
}

// archived tells whether the scores of a period are archived, or are about to be.
func archived(ctx context.Context, tx *session.Tx, p timeframe.Period) (bool, error) {
	if tx.Horizon == nil || !ended(p, tx.Now) {
		return false, nil
	}
	horizon, _, err := tx.Horizon(ctx)
	return ended(p, horizon), err
}

// Settle adds to the bases of users' scores what they have of events that are going to be dropped.
func (p *program) Settle(ctx context.Context, tx *session.Tx, gone []*mechanic.Occasion) error {
	var d decision
	for _, o := range gone {
		for _, c := range p.counters.On(o.All()) {
			if c.tags == nil { // the others' are kept, or are never counted again
				c.decide(&d, o, c.boards, p.zones)
			}
		}
	}
	if err := d.admit(ctx, tx, func(string, string, string) {}); err != nil || len(d.contributions) == 0 {
		return err
	}
	s := newSheet()
	before, err := bases.GetMany(ctx, tx, d.scores()...)
	if err != nil {
		return err
	}
	for i := range before {
		s.scores[before[i].key()] = &before[i]
	}
	counted, err := values.GetMany(ctx, tx, d.values()...)
	if err != nil {
		return err
	}
	for i := range counted {
		counted[i].Settled = true
	}
	for i := range d.contributions {
		if c := &d.contributions[i]; c.hash == "" {
			s.add(c) // it is within what the score was with it
		}
	}
	changed := make([]score, len(s.changedScores))
	for i, key := range s.changedScores {
		changed[i] = *s.scores[key]
	}
	return errors.Join(put(ctx, tx, values, counted), put(ctx, tx, bases, changed))
}

// base begins a score that is counted again with what it has of events for which nobody can ask any more.
func (s *sheet) base(ctx context.Context, tx *session.Tx, c *contribution) error {
	if c.board.counter.tags != nil {
		return nil
	}
	b, found, err := bases.Get(ctx, tx, c.of)
	if err != nil {
		return err
	}
	if c.board.counter.Score.Function == CountDistinct {
		counted, err := values.List(ctx, tx, store.Prefix(c.of+"/"))
		if err != nil {
			return err
		}
		first := *c
		first.micros = one
		for _, v := range counted {
			if !v.Settled {
				continue
			}
			s.values[v.key()] = v
			if first.at = v.FirstAt; !found {
				b, found = first.fresh(), true
				continue
			}
			b.Micros += one
			if v.FirstAt.After(b.ReachedAt) {
				b.ReachedAt = v.FirstAt
			}
		}
	}
	if found {
		s.set(c.of, b)
		s.users[c.of] = c.board
	}
	return nil
}
