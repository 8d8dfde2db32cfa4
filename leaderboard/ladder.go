package leaderboard

import (
	"context"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ranktree"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// An entry is a score as ranks order it.
type entry = ranktree.Entry

func (s *score) entry() entry {
	return entry{Member: s.EntityID, Position: s.position(), Reached: s.ReachedAt.UnixMicro()}
}

// row returns an entry for callers.
func (v *view) row(rank int, e entry) Row {
	return Row{
		Rank: rank, EntityID: e.Member, EntityType: v.entityType(),
		Score:     amount.FromMicros(position(e.Position, v.board.counter.Order == Ascending)),
		ReachedAt: time.UnixMicro(e.Reached).UTC(),
	}
}

// A ladder is the entries of a ranking in their order.
type ladder interface {
	// len returns how many there are.
	len(ctx context.Context) (int, error)
	find(ctx context.Context, entityID string) (entry, bool, error)
	// place returns how many entries are ahead of one.
	place(ctx context.Context, e entry) (int, error)
	// ahead returns how many entries have a better position, and levels how many of these there are.
	ahead(ctx context.Context, position int64) (int, error)
	levels(ctx context.Context, position int64) (int, error)
	// slice returns up to n entries behind the first from.
	slice(ctx context.Context, from, n int) ([]entry, error)
	// near returns an entry with those before and behind it, of which there are enough.
	near(ctx context.Context, e entry, before, behind int) ([]entry, error)
}

var (
	_ ladder = storeLadder{}
	_ ladder = treeLadder{}
)

// A treeLadder is a ladder in memory.
type treeLadder struct{ tree *ranktree.Tree }

func (l treeLadder) len(context.Context) (int, error) { return l.tree.Len(), nil }

func (l treeLadder) find(_ context.Context, entityID string) (entry, bool, error) {
	e, ok := l.tree.Find(entityID)
	return e, ok, nil
}

func (l treeLadder) place(_ context.Context, e entry) (int, error) {
	return l.tree.Place(e.Member), nil
}

func (l treeLadder) ahead(_ context.Context, position int64) (int, error) {
	return l.tree.Ahead(position), nil
}

func (l treeLadder) levels(_ context.Context, position int64) (int, error) {
	return l.tree.Levels(position), nil
}

func (l treeLadder) slice(_ context.Context, from, n int) ([]entry, error) {
	return l.tree.Slice(from, n), nil
}

func (l treeLadder) near(_ context.Context, e entry, before, behind int) ([]entry, error) {
	return l.tree.Slice(l.tree.Place(e.Member)-before, before+1+behind), nil
}

// A storeLadder is a ladder in the store. What it counts, a backend may have to walk through.
type storeLadder struct {
	tx        *session.Tx
	ranking   string
	ascending bool
}

// all describes the entries in their order.
func (l storeLadder) all() store.Query { return store.By("rank", store.Text(l.ranking)) }

func (l storeLadder) key(e entry) string { return scoreKey(l.ranking, e.Member) }

func (l storeLadder) position(e entry) *store.Position {
	return &store.Position{Values: []store.Value{store.Text(l.ranking), store.Int(e.Position), store.Int(e.Reached)}, Key: l.key(e)}
}

func (l storeLadder) entries(ctx context.Context, q store.Query) ([]entry, error) {
	rows, err := scores.List(ctx, l.tx, q)
	if err != nil {
		return nil, err
	}
	es := make([]entry, len(rows))
	for i := range rows {
		es[i] = rows[i].entry()
	}
	return es, nil
}

func (l storeLadder) len(ctx context.Context) (int, error) { return scores.Count(ctx, l.tx, l.all()) }

func (l storeLadder) find(ctx context.Context, entityID string) (entry, bool, error) {
	s, ok, err := scores.Get(ctx, l.tx, l.key(entry{Member: entityID}))
	return s.entry(), ok && !s.Hidden, err
}

func (l storeLadder) ahead(ctx context.Context, position int64) (int, error) {
	return scores.Count(ctx, l.tx, l.all().Between(store.Value{}, store.Int(position)))
}

func (l storeLadder) place(ctx context.Context, e entry) (int, error) {
	equal := store.By("rank", store.Text(l.ranking), store.Int(e.Position))
	earlier := equal.Between(store.Value{}, store.Int(e.Reached))
	equal.Equal = append(equal.Equal, store.Int(e.Reached))
	sum, err := l.ahead(ctx, e.Position)
	for _, q := range []store.Query{earlier, equal.Between(store.Value{}, store.Text(l.key(e)))} {
		if err != nil {
			return 0, err
		}
		var n int
		n, err = scores.Count(ctx, l.tx, q)
		sum += n
	}
	return sum, err
}

// levels walks through the better entries and leaps over the rest of a position whenever a batch ends
// in it.
func (l storeLadder) levels(ctx context.Context, position int64) (int, error) {
	n := 0
	from := store.Value{}
	for {
		es, err := l.entries(ctx, l.all().Between(from, store.Int(position)).First(batch))
		if err != nil || len(es) == 0 {
			return n, err
		}
		from = store.Int(es[len(es)-1].Position + 1)
		n += len(slices.CompactFunc(es, func(a, b entry) bool { return a.Position == b.Position }))
	}
}

func (l storeLadder) slice(ctx context.Context, from, n int) ([]entry, error) {
	if n == 0 {
		return nil, nil
	}
	es, err := l.entries(ctx, l.all().First(from+n))
	return es[min(from, len(es)):], err
}

func (l storeLadder) near(ctx context.Context, e entry, before, behind int) ([]entry, error) {
	q := l.all()
	q.After = l.position(e)
	var es []entry
	var err error
	if before > 0 {
		if es, err = l.entries(ctx, q.Reverse().First(before)); err != nil {
			return nil, err
		}
		slices.Reverse(es)
	}
	es = append(es, e)
	if behind == 0 {
		return es, nil
	}
	more, err := l.entries(ctx, q.First(behind))
	return append(es, more...), err
}
