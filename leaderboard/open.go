package leaderboard

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Open brings the workspace's boards in line with the program, and does nothing if they are. It opens
// every board that is new or was published anew: the board counts what the journal holds for its periods, of which
// a long one is left to [program.Advance], and what happens from then on. A period that is frozen stays as it is. The chain of a board whose
// configuration was taken out of use stops, until it is published again.
func (p *program) Open(ctx context.Context, tx *session.Tx) error {
	opened, err := p.openings(ctx, tx)
	if err != nil {
		return err
	}
	for _, b := range p.order {
		before := opened[b.id]
		switch {
		case !before.of(b):
			err = p.open(ctx, tx, b, before)
		case before.StoppedAt.IsZero() && b.stopped:
			before.StoppedAt = tx.Now
			err = openings.Put(ctx, tx, before)
		case !before.StoppedAt.IsZero() && !b.stopped: // what happened while it rested counts too
			err = p.open(ctx, tx, b, before)
		}
		if err != nil {
			return fmt.Errorf("%s %q: %w", Boards.Name(), b.id, err)
		}
	}
	return nil
}

func (p *program) openings(ctx context.Context, tx *session.Tx) (map[string]opening, error) {
	ids := make([]string, len(p.order))
	for i, b := range p.order {
		ids[i] = b.id
	}
	rows, err := openings.GetMany(ctx, tx, ids...)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]opening, len(rows))
	for _, row := range rows {
		byID[row.BoardID] = row
	}
	return byID, nil
}

// open lets a board count from the beginning, but for what is frozen; before is the opening of its
// last version, or zero.
func (p *program) open(ctx context.Context, tx *session.Tx, b *board, before opening) error {
	now := opening{
		BoardID: b.id, Version: b.version, ConfigurationVersion: b.configuration,
		Query: b.counter.Query, Timeframe: b.frame, OpenedAt: tx.Now, FrozenAt: before.stillFrozen(b.frame), Counting: true, Kept: true, KeptOfAll: true,
	}
	if before.BoardID != "" {
		if sameButEnd(before.Timeframe, b.frame) {
			now.Since = before.since()
		}
		now.Clearing = 1
		if err := formerOpenings.Put(ctx, tx, before); err != nil {
			return err
		}
	}
	if b.counter.tags != nil && len(b.counter.tags) == 0 {
		tx.Report(b.source(), "query.entityId", fmt.Sprintf("no published tag has the namespace %q, so nobody gets a score", b.counter.EntityID.TagNamespace))
	}
	return p.prepare(ctx, tx, b, &now)
}

// prepare lets a board that still counts what happened before it opened go on with it: a portion at a time, so that others
// need not wait. What an earlier version of the board has counted is removed before.
func (p *program) prepare(ctx context.Context, tx *session.Tx, b *board, o *opening) error {
	for limit := p.portion; o.Clearing > 0; {
		if limit <= 0 {
			return openings.Put(ctx, tx, *o)
		}
		var err error
		switch o.Clearing {
		case 1:
			err = remove(ctx, tx, scores, (*score).key, b, o, &limit, b.present)
		case 2:
			err = remove(ctx, tx, values, (*value).key, b, o, &limit, nil)
		case 3:
			err = remove(ctx, tx, parts, (*part).key, b, o, &limit, nil)
		case 4:
			err = remove(ctx, tx, bases, (*score).key, b, o, &limit, nil)
		default:
			o.Clearing = 0
		}
		if err != nil {
			return err
		}
	}
	if _, ok := b.unfrozen(o.FrozenAt); !ok || p.history == nil {
		o.Counting = false
		return openings.Put(ctx, tx, *o)
	}
	return p.count(ctx, tx, b, o)
}

// count counts a portion of what happened before a board opened.
func (p *program) count(ctx context.Context, tx *session.Tx, b *board, o *opening) error {
	var d decision
	next, err := p.history(ctx, tx, sources[b.counter.Source], mechanic.Within{}, o.Mark, p.portion, func(happened *mechanic.Occasion) error {
		b.counter.decide(&d, happened, []*board{b}, p.zones)
		return nil
	})
	if err != nil {
		return err
	}
	d.contributions = slices.DeleteFunc(d.contributions, func(c contribution) bool { return o.frozen(c.period) })
	s, err := load(ctx, tx, &d)
	if err != nil {
		return err
	}
	for i := range d.contributions {
		if c := &d.contributions[i]; !s.add(c) {
			d.problem([]*board{b}, "", fault.Invalid("", "the score of %s would be larger than an amount can be", c.entity))
		}
	}
	if n := len(d.problems); n > 0 {
		tx.Report(b.source(), d.problems[0].Field, fmt.Sprintf("%d of the events before it opened do not count; of the first: %s", n, d.problems[0].Reason))
	}
	if _, err = s.save(ctx, tx); err != nil {
		return err
	}
	o.Counting, o.Mark = next != "", next
	return openings.Put(ctx, tx, *o)
}

// stillFrozen returns until when periods stay frozen under another timeframe: as long as their ids
// mean the same.
func (o *opening) stillFrozen(f timeframe.Timeframe) time.Time {
	was := o.Timeframe
	switch {
	case !sameButEnd(was, f):
		return time.Time{}
	case sameEnd(was.EndsAt, f.EndsAt):
		return o.FrozenAt
	case f.Type != timeframe.Recurring || f.Chained():
		return time.Time{} // the end is a part of the ids
	case was.EndsAt != nil && was.EndsAt.Before(o.FrozenAt):
		return *was.EndsAt
	}
	return o.FrozenAt
}

func sameButEnd(a, b timeframe.Timeframe) bool {
	return a.Type == b.Type && a.TimezoneType == b.TimezoneType && a.Timezone == b.Timezone &&
		a.StartsAt.Equal(b.StartsAt) && a.Recurrence == b.Recurrence && a.Cron == b.Cron
}

func sameEnd(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// present shows the scores of frozen periods as the board shows users now, who may have been shown otherwise before.
func (b *board) present(ctx context.Context, tx *session.Tx, frozen []score) error {
	if b.counter.tags != nil {
		return nil
	}
	for some := range slices.Chunk(frozen, batch) {
		ids := make([]string, len(some))
		for i := range some {
			ids[i] = some[i].EntityID
		}
		away, err := tenancy.Away(ctx, tx, ids...)
		if err != nil {
			return err
		}
		var changed []score
		for _, s := range some {
			if hidden := b.hides(away[s.EntityID]); hidden != s.Hidden {
				s.Hidden = hidden
				changed = append(changed, s)
			}
		}
		if err := put(ctx, tx, scores, changed); err != nil {
			return err
		}
	}
	return nil
}

// remove removes rows of a board that are behind the mark, but for those of frozen periods, as far as the limit allows, which it
// counts down. The parts of their keys are the board, the period, and others. Rows that cannot be read go too. stay is told of
// those that stay, unless it is nil.
func remove[T any](
	ctx context.Context, tx *session.Tx, from *store.Table[T], key func(*T) string, b *board, o *opening, limit *int,
	stay func(context.Context, *session.Tx, []T) error,
) error {
	q := store.Prefix(b.id + "/").First(*limit)
	if o.Mark != "" {
		q.After = &store.Position{Key: o.Mark}
	}
	var keys []string
	rows, err := session.Readable(ctx, tx, from, q, func(damaged *store.DamagedError) { keys = append(keys, damaged.Key) })
	if err != nil {
		return err
	}
	for i := range rows {
		keys = append(keys, key(&rows[i]))
	}
	if *limit -= len(rows); *limit > 0 {
		o.Clearing, o.Mark = o.Clearing+1, ""
	} else {
		o.Mark = slices.Max(keys)
	}
	frozen := func(key string) bool {
		p, ok := b.period(strings.SplitN(key, "/", 3)[1])
		return ok && o.frozen(p)
	}
	if stay != nil {
		if err := stay(ctx, tx, slices.DeleteFunc(slices.Clone(rows), func(row T) bool { return !frozen(key(&row)) })); err != nil {
			return err
		}
	}
	return from.Delete(ctx, tx, slices.DeleteFunc(keys, frozen)...)
}

// Advance lets a board that still counts what happened before it opened go on. If there is none, it freezes the periods that
// have ended and whose time of grace is over, the oldest of each board first and at most limit in all: nothing changes their scores any more, and the journal says
// so of those that ended since the board opened. It returns whether there may be more to do.
func (p *program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	opened, err := p.openings(ctx, tx)
	if err != nil {
		return false, err
	}
	for _, b := range p.order {
		if o := opened[b.id]; o.of(b) && o.Counting {
			return true, p.prepare(ctx, tx, b, &o)
		}
	}
	for _, b := range p.order {
		o := opened[b.id]
		if !o.of(b) {
			continue
		}
		before := o.FrozenAt
		for period := range b.ended(&o, tx.Now) {
			if limit == 0 {
				more = true
				break
			}
			limit--
			o.FrozenAt = period.EndsAt
			if !period.EndsAt.After(o.since()) {
				continue
			}
			if err := b.close(ctx, tx, period); err != nil {
				return false, err
			}
		}
		if o.FrozenAt.Equal(before) {
			continue
		}
		if err := openings.Put(ctx, tx, o); err != nil {
			return false, err
		}
	}
	return more, nil
}

// ended yields the periods that have ended, as has their time of grace, and are not frozen.
func (b *board) ended(o *opening, now time.Time) iter.Seq[timeframe.Period] {
	return func(yield func(timeframe.Period) bool) {
		p, ok := b.unfrozen(o.FrozenAt)
		for ok && b.closes(p, now) && o.has(p) && yield(p) {
			p, ok = b.periods.Next(p)
		}
	}
}

// closes tells whether a period may be closed: it has ended, and so has its time of grace.
func (b *board) closes(p timeframe.Period, now time.Time) bool {
	until := p.GraceEndsAt(b.grace)
	return !until.IsZero() && !until.After(now)
}

// close lets the journal say that a period is closed for good, once for the period and its end. Of what is archived it says nothing.
func (b *board) close(ctx context.Context, tx *session.Tx, p timeframe.Period) error {
	gone, err := archived(ctx, tx, p)
	if err != nil || gone {
		return err
	}
	e := mechanic.Ticking(Boards.Name(), b.id, "", p.EndsAt)
	e.ID += p.ID + ":" + mechanic.Stamp(p.EndsAt)
	e.Fields["periodId"], e.Fields["timeframeType"] = p.ID, string(b.frame.Type)
	e.Fields["timeframeStartsAt"], e.Fields["timeframeEndsAt"] = mechanic.Stamp(p.StartsAt), mechanic.Stamp(p.EndsAt)
	if b.frame.Recurrence != "" {
		e.Fields["recurrence"] = string(b.frame.Recurrence)
	}
	return tx.Enter(ctx, e)
}
