package leaderboard

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/ranktree"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// moment returns the moment as of which the standing is asked, and whether that is said.
func (at *At) moment(now time.Time) (moment time.Time, said bool, err error) {
	if at == nil || at.AsOf.IsZero() {
		return now, false, nil
	}
	if at.AsOf.After(now) {
		err = fault.Invalid("asOf", "is %s, which is still to come", mechanic.Stamp(at.AsOf))
	}
	return at.AsOf, true, err
}

// asOf returns the ranking of a period as it was at a moment: what is known now to have happened by then is added up in memory.
func (p *program) asOf(ctx context.Context, tx *session.Tx, b *board, o *opening, period timeframe.Period, at time.Time) (ladder, error) {
	s := newSheet()
	add := func(c *contribution) {
		if c.period.ID == period.ID && !c.at.After(at) {
			s.add(c) // one that does not fit is left out, as it was
			s.parts = s.parts[:0]
		}
	}
	var err error
	if of := sources[b.counter.Source]; b.counter.tags != nil && o.keeps(of) {
		err = b.kept(ctx, tx, period, add)
	} else if err = p.begin(ctx, tx, s, b, period, at); err == nil {
		err = p.happened(ctx, tx, b, period, at, add)
	}
	if err == nil {
		err = s.hide(ctx, tx)
	}
	if err != nil {
		return nil, err
	}
	s.reach()
	tree := ranktree.New(len(s.scores), b.counter.RankStyle == DenseRank)
	for _, score := range s.scores {
		if !score.Hidden {
			tree.Set(score.entry())
		}
	}
	return treeLadder{tree}, nil
}

// kept calls add with all contributions to a period that are kept.
func (b *board) kept(ctx context.Context, tx *session.Tx, period timeframe.Period, add func(*contribution)) error {
	in := ranking(b.id, period.ID) + "/"
	return walk(ctx, tx, parts, store.Prefix(in), func(kept part) error {
		c := kept.contribution(contribution{of: kept.Of, board: b, period: period, entity: strings.TrimPrefix(kept.Of, in)})
		add(&c)
		return nil
	})
}

// begin begins the scores of a period with what they have of events for which nobody can ask any more.
func (p *program) begin(ctx context.Context, tx *session.Tx, s *sheet, b *board, period timeframe.Period, at time.Time) error {
	if tx.Horizon == nil {
		return nil
	}
	horizon, _, err := tx.Horizon(ctx)
	switch {
	case err != nil || !period.StartsAt.Before(horizon):
		return err
	case at.Before(horizon):
		return fault.Conflict("asOf", "is %s; what happened before the workspace's horizon %s is settled", mechanic.Stamp(at), mechanic.Stamp(horizon))
	case b.counter.tags != nil:
		return fault.Conflict("asOf", "is not known of %q, whose period began before the workspace's horizon %s", b.id, mechanic.Stamp(horizon))
	}
	return walk(ctx, tx, scores, store.Prefix(ranking(b.id, period.ID)+"/"), func(known score) error {
		return s.base(ctx, tx, &contribution{of: known.key(), board: b, period: period, entity: known.EntityID})
	})
}

// happened calls add with what happened from the beginning of a period to a moment.
func (p *program) happened(ctx context.Context, tx *session.Tx, b *board, period timeframe.Period, at time.Time, add func(*contribution)) error {
	if p.history == nil {
		return nil
	}
	within := mechanic.Within{From: period.StartsAt, Until: at.Truncate(time.Microsecond).Add(time.Microsecond)}
	before := len(tx.Reported())
	_, err := p.history(ctx, tx, sources[b.counter.Source], within, "", math.MaxInt, func(o *mechanic.Occasion) error {
		var d decision
		b.counter.decide(&d, o, []*board{b}, p.zones)
		for i := range d.contributions {
			add(&d.contributions[i])
		}
		return nil
	})
	if unread := tx.Reported(); err == nil && len(unread) > before {
		err = fault.Conflict("asOf", "is not known: %s: %s", unread[before].Source, unread[before].Reason)
	}
	return err
}

// reach lets the scores whose last value may be another say when they were reached.
func (s *sheet) reach() {
	last := map[string]time.Time{}
	for _, v := range s.values {
		if s.changed[v.Of] && v.FirstAt.After(last[v.Of]) {
			last[v.Of] = v.FirstAt
		}
	}
	for key, at := range last {
		s.scores[key].ReachedAt = at
	}
}

// walk calls each with every record of a table that a query asks for.
func walk[T any](ctx context.Context, tx *session.Tx, table *store.Table[T], q store.Query, each func(T) error) error {
	q.Limit = batch
	for token := ""; ; {
		rows, next, err := table.Page(ctx, tx, q, token)
		for i := 0; err == nil && i < len(rows); i++ {
			err = each(rows[i])
		}
		if token = next; err != nil || token == "" {
			return err
		}
	}
}
