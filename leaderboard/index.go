package leaderboard

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ranktree"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// indexes are those of all workspaces. They may be used concurrently.
type indexes struct {
	follow room.Follow[Change]

	mu  sync.Mutex
	all map[store.Scope]*index
}

// newIndexes returns none yet; nil, which has none ever, if nobody can follow what changed.
func newIndexes(follow room.Follow[Change]) *indexes {
	if follow == nil {
		return nil
	}
	return &indexes{follow: follow, all: map[store.Scope]*index{}}
}

// of returns the index of a workspace in one of its lives, which all its handles share, or nil. What is known of an earlier
// life is forgotten.
func (xs *indexes) of(s store.Scope, life int) *index {
	if xs == nil {
		return nil
	}
	xs.mu.Lock()
	defer xs.mu.Unlock()
	x := xs.all[s]
	if x == nil || x.life < life {
		x = &index{follow: xs.follow, life: life, rankings: map[string]*indexed{}}
		xs.all[s] = x
	}
	if x.life > life { // the transaction sees an older state
		return nil
	}
	return x
}

// An index holds the boards of one workspace in memory, where ranks cost microseconds whatever the
// size of the board. It reads a period of a board from the store when it is asked for first, about a
// second for a million entities, and follows the journal from then on. It keeps the periods that were
// asked for last.
//
// It holds what is committed and nothing else. A transaction that may have changes of its own reads the
// entries of the journal that the index has not followed, and the ranking has their changes while it is
// asked. So it does not matter who made them: this call, another one of the same transaction, or another
// transaction that is going to be committed together with this one.
//
// What it answers is the state of the transaction in which it is asked; outside of one, it may be that
// of a later one that was committed. It may be used concurrently. A nil *index leaves everything to the
// store.
type index struct {
	follow room.Follow[Change]
	life   int          // of the workspace
	ticks  atomic.Int64 // counts uses

	mu       sync.RWMutex
	position int64 // up to which the rankings have followed the journal
	rankings map[string]*indexed
}

// indexed is a ranking in memory.
type indexed struct {
	version   int // of the board
	ascending bool
	used      atomic.Int64

	tree  *ranktree.Tree // nil while it is read from the store
	queue []Change       // what was changed meanwhile
}

const (
	// maxRankings is how many rankings an index keeps.
	maxRankings = 100
	// maxAhead is how many entries of the journal a transaction reads to be answered by the index. More
	// of them take longer than counting in the store.
	maxAhead = 100
)

// use calls fn with a ranking of a board: in memory if that can be, otherwise as it is stored.
func (x *index) use(ctx context.Context, tx *session.Tx, b *board, stored storeLadder, fn func(ladder) error) error {
	if x == nil || tx.Seq != 0 { // scores are ahead of the journal while an entry is made
		return fn(stored)
	}
	answer := x.answerCommitted
	if !tx.Committed {
		answer = x.answerOpen
	}
	if done, err := answer(ctx, tx, b, stored, fn); done || err != nil {
		return err
	}
	return fn(stored)
}

// answerCommitted is use in a transaction that sees nothing but what is committed. It is not done if the
// index cannot answer.
func (x *index) answerCommitted(ctx context.Context, tx *session.Tx, b *board, stored storeLadder, fn func(ladder) error) (done bool, err error) {
	head, err := x.follow(ctx, tx, math.MaxInt64, nil)
	if err != nil {
		return false, err
	}
	if done, err := x.answer(head, b, stored.ranking, fn); done {
		return true, err
	}
	if err := x.prepare(ctx, tx, head, b, stored); err != nil {
		return false, err
	}
	return x.answer(head, b, stored.ranking, fn)
}

// answer calls fn with a ranking if it is there and not behind.
func (x *index) answer(head int64, b *board, name string, fn func(ladder) error) (done bool, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	r := x.find(b, name)
	if r == nil || x.position < head {
		return false, nil
	}
	return true, fn(treeLadder{r.tree})
}

// answerOpen is answerCommitted in a transaction that may have changes of its own.
func (x *index) answerOpen(ctx context.Context, tx *session.Tx, b *board, stored storeLadder, fn func(ladder) error) (done bool, err error) {
	x.mu.RLock()
	known, position := x.find(b, stored.ranking) != nil, x.position
	x.mu.RUnlock()
	if !known {
		return false, nil
	}
	head, err := x.follow(ctx, tx, math.MaxInt64, nil)
	if err != nil || head-position > maxAhead {
		return false, err
	}
	var ahead []Change
	if _, err := x.follow(ctx, tx, position, func(_ int64, changes []Change) error {
		for _, c := range changes {
			if ranking(c.BoardID, c.PeriodID) == stored.ranking {
				ahead = append(ahead, c)
			}
		}
		return nil
	}); err != nil {
		if store.Damaged(err) != nil {
			err = nil // the store knows
		}
		return false, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.find(b, stored.ranking)
	if r == nil || x.position > head { // the transaction sees an older state
		return false, nil
	}
	return true, r.lend(ahead, fn) // the index may have followed some of them meanwhile, which changes nothing
}

// find returns a ranking that is in memory, or nil.
func (x *index) find(b *board, name string) *indexed {
	r := x.rankings[name]
	if r == nil || r.tree == nil || r.version != b.version {
		return nil
	}
	r.used.Store(x.ticks.Add(1))
	return r
}

// prepare brings the index up to a transaction and reads a ranking into it, unless the transaction is
// too old for that or somebody else is doing it.
func (x *index) prepare(ctx context.Context, tx *session.Tx, head int64, b *board, stored storeLadder) error {
	r, err := x.enter(ctx, tx, head, b, stored)
	if err != nil || r == nil {
		return err
	}
	tree, err := readIn(ctx, tx, b, stored)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil {
		err = r.finish(tree)
	}
	if err != nil && x.rankings[stored.ranking] == r {
		delete(x.rankings, stored.ranking)
	}
	return err
}

// enter catches up with the journal. If it returns a ranking, the caller has to read it in.
func (x *index) enter(ctx context.Context, tx *session.Tx, head int64, b *board, stored storeLadder) (*indexed, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if head > x.position && len(x.rankings) > 0 {
		_, err := x.follow(ctx, tx, x.position, x.apply)
		switch {
		case store.Damaged(err) != nil:
			clear(x.rankings) // nobody knows what the entry changed: they are read from the store again
		case err != nil:
			return nil, err
		}
	}
	x.position = max(x.position, head)
	if r := x.rankings[stored.ranking]; r != nil && r.version >= b.version || x.position > head {
		return nil, nil
	}
	x.evict()
	r := &indexed{version: b.version, ascending: stored.ascending}
	r.used.Store(x.ticks.Add(1))
	x.rankings[stored.ranking] = r
	return r, nil
}

// evict makes room for one more ranking.
func (x *index) evict() {
	if len(x.rankings) < maxRankings {
		return
	}
	oldest, least := "", int64(math.MaxInt64)
	for name, r := range x.rankings {
		if used := r.used.Load(); used < least {
			oldest, least = name, used
		}
	}
	delete(x.rankings, oldest)
}

// apply follows one entry of the journal.
func (x *index) apply(position int64, changes []Change) error {
	for i := range changes {
		c := &changes[i]
		r := x.rankings[ranking(c.BoardID, c.PeriodID)]
		switch {
		case r == nil || r.version != c.Version:
		case r.tree == nil:
			r.queue = append(r.queue, *c)
		default:
			if err := r.set(c); err != nil {
				return err
			}
		}
	}
	x.position = position
	return nil
}

func (r *indexed) set(c *Change) error {
	if c.Gone {
		r.tree.Remove(c.EntityID)
		return nil
	}
	micros, err := amount.Micros("score", c.Score)
	if err != nil {
		return err
	}
	r.tree.Set(entry{Member: c.EntityID, Position: position(micros, r.ascending), Reached: c.ReachedAt.UnixMicro()})
	return nil
}

// lend calls fn with the ranking as changes make it, and takes them back.
func (r *indexed) lend(changes []Change, fn func(ladder) error) error {
	before := map[string]entry{} // zero: was not there
	defer func() {
		for entityID, e := range before {
			if e.Member == "" {
				r.tree.Remove(entityID)
			} else {
				r.tree.Set(e)
			}
		}
	}()
	for i := range slices.Backward(changes) { // the last of an entity counts
		c := &changes[i]
		if _, seen := before[c.EntityID]; seen {
			continue
		}
		before[c.EntityID], _ = r.tree.Find(c.EntityID)
		if err := r.set(c); err != nil {
			return err
		}
	}
	return fn(treeLadder{r.tree})
}

// finish takes over a tree that was read and what has changed since.
func (r *indexed) finish(tree *ranktree.Tree) error {
	r.tree = tree
	for i := range r.queue {
		if err := r.set(&r.queue[i]); err != nil {
			return err
		}
	}
	r.queue = nil
	return nil
}

// readIn reads a ranking into memory, and notes it for who observes.
func readIn(ctx context.Context, tx *session.Tx, b *board, stored storeLadder) (*ranktree.Tree, error) {
	dense, seen := b.counter.RankStyle == DenseRank, tx.Observed
	if seen == nil {
		return stored.load(ctx, dense)
	}
	began := seen.Now()
	tree, err := stored.load(ctx, dense)
	if err == nil {
		seen.Rebuilt = append(seen.Rebuilt, session.Rebuilt{
			Board: b.id, Period: strings.TrimPrefix(stored.ranking, b.id+"/"),
			Scores: tree.Len(), Start: began, Took: seen.Now().Sub(began),
		})
	}
	return tree, err
}

// load reads the ranking into memory.
func (l storeLadder) load(ctx context.Context, dense bool) (*ranktree.Tree, error) {
	n, err := l.len(ctx)
	if err != nil {
		return nil, err
	}
	tree := ranktree.New(n, dense)
	for q := l.all().First(10 * batch); ; {
		es, err := l.entries(ctx, q)
		if err != nil || len(es) == 0 {
			return tree, err
		}
		tree.Set(es...)
		q.After = l.position(es[len(es)-1])
	}
}
