// Package memory is a [store.Store] that keeps everything in this process: for tests, for trying
// things out, and for hosts whose data may end with the process.
//
// The state is a set of immutable ordered trees behind one atomic pointer. A View reads the trees
// that were current when it began: it takes no lock and waits for nobody. Updates run one after
// another, each on copies that share whatever it does not change, and swap the pointer at the end.
// So an Update that fails leaves no trace, and one that commits is seen whole.
//
// Records are kept as the Go values they are. They are encoded only where one table is declared
// twice, with different types, to translate between the two.
package memory

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/guerdonhq/guerdon/store"
)

// A Store keeps its rows in memory until it is closed. All methods may be called concurrently.
type Store struct {
	current atomic.Pointer[state]
	writers queue // whoever runs an Update or Prepare, and those who wait

	running atomic.Int64 // transactions and calls of Prepare
	closed  atomic.Bool
	idle    chan struct{} // told when the last one ends after closed is set
	closing sync.Once

	copying sync.Mutex // held while trees are copied, which marks them
}

var _ store.Surveyor = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	s := &Store{idle: make(chan struct{}, 1)}
	s.current.Store(&state{})
	return s
}

// A state is every table at one moment. It is never modified once it is current.
type state struct {
	places  map[string]int // of a table's name in tables
	tables  []*table
	commits int64 // before it
}

// Prepare implements [store.Store]. A table may be declared more than once: indexes that are new are
// filled, those that a later declaration lacks remain.
func (s *Store) Prepare(ctx context.Context, schemas ...*store.Schema) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	s.copying.Lock()
	defer s.copying.Unlock()
	now := s.current.Load()
	next := &state{places: make(map[string]int), tables: slices.Clone(now.tables), commits: now.commits}
	maps.Copy(next.places, now.places)
	for _, schema := range schemas {
		place, ok := next.places[schema.Name]
		if !ok {
			place = len(next.tables)
			next.places[schema.Name] = place
			next.tables = append(next.tables, &table{})
		}
		t, err := next.tables[place].prepare(schema)
		if err != nil {
			return err
		}
		next.tables[place] = t
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.current.Store(next)
	return nil
}

// View implements [store.Store]. It waits for nobody.
func (s *Store) View(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	w := &work{state: *s.current.Load()}
	defer w.over.Store(true)
	return fn(w.in(scope))
}

// Rehearse implements [store.Store]. It waits for nobody.
func (s *Store) Rehearse(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	_, err := s.write(ctx, scope, fn, nil)
	return err
}

// Survey implements [store.Surveyor]. It waits for nobody.
func (s *Store) Survey(ctx context.Context, t *store.Schema, since store.Mark) (found []store.Surveyed, mark store.Mark, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer s.leave()
	now := s.current.Load()
	mark = now.commits
	place, ok := now.places[t.Name]
	if !ok {
		return nil, nil, unprepared(t)
	}
	if mark == since {
		return nil, mark, nil
	}
	now.tables[place].rows.Scan(func(key string, e *entry) bool {
		var row store.Row
		if row, err = e.as(t); err == nil {
			found = append(found, store.Surveyed{Scope: scopeOf(key), Row: row})
		}
		return err == nil
	})
	return found, mark, err
}

// Update implements [store.Store]. It waits for the Update before it until ctx ends, and runs fn once.
func (s *Store) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	w, err := s.write(ctx, scope, fn, &s.writers)
	if err != nil {
		return err
	}
	if w.owned != nil {
		s.current.Store(&state{w.places, w.tables, w.commits + 1})
	}
	if w.cost != nil {
		w.cost.Commit = store.Commit{Callers: 1, Rows: w.cost.RowsWritten, Counts: true}
	}
	return nil
}

// write runs fn in a transaction that may write and for which others wait, and returns what became of it.
func (s *Store) write(ctx context.Context, scope store.Scope, fn func(store.Tx) error, others *queue) (*work, error) {
	w := &work{state: *s.current.Load(), writable: true, copying: &s.copying, others: others}
	defer w.over.Store(true)
	if err := fn(w.in(scope)); err != nil {
		return nil, err
	}
	return w, ctx.Err()
}

// Close implements [store.Store]. It drops every row. Closing inside a transaction waits for itself.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		for s.running.Load() > 0 {
			<-s.idle
		}
		s.current.Store(&state{})
	})
	return nil
}

// enter counts a transaction in, for Close to wait for.
func (s *Store) enter(ctx context.Context) error {
	s.running.Add(1)
	err := ctx.Err()
	if s.closed.Load() {
		err = store.ErrClosed
	}
	if err != nil {
		s.leave()
	}
	return err
}

func (s *Store) leave() {
	if s.running.Add(-1) == 0 && s.closed.Load() {
		select {
		case s.idle <- struct{}{}:
		default: // told already
		}
	}
}

// lock waits for the writers before this one.
func (s *Store) lock(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	err := s.writers.enter(ctx)
	if err != nil {
		s.leave()
	}
	return err
}

func (s *Store) unlock() {
	s.writers.leave()
	s.leave()
}

// A queue lets one in after another, in the order in which they came. Waiting ends with the context, also for one who waits
// for himself.
type queue struct {
	mu      sync.Mutex
	held    bool
	waiting []chan struct{}
}

func (q *queue) enter(ctx context.Context) error {
	q.mu.Lock()
	if !q.held {
		q.held = true
		q.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	q.waiting = append(q.waiting, turn)
	q.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	i := slices.Index(q.waiting, turn)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 { // the turn came in the same moment
		q.leave()
	}
	return ctx.Err()
}

func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held = len(q.waiting) > 0; q.held {
		close(q.waiting[0])
		q.waiting = slices.Delete(q.waiting, 0, 1)
	}
}

func (q *queue) crowded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) > 0
}
