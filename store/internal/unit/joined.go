package unit

import (
	"context"
	"sync"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// A Joined is a store inside a transaction of a host's. It runs one function at a time.
type Joined struct {
	begin    func(context.Context) (Session, error)
	prepared *sync.Map
	free     chan struct{} // holds a token while a function runs
}

var _ store.Store = (*Joined)(nil)

// NewJoined returns a store whose sessions, which begin gives, end inside the host's transaction.
// prepared has the schemas whose tables are there.
func NewJoined(prepared *sync.Map, begin func(context.Context) (Session, error)) *Joined {
	return &Joined{begin, prepared, make(chan struct{}, 1)}
}

// Prepare checks that the tables are prepared; it makes none.
func (j *Joined) Prepare(ctx context.Context, tables ...*store.Schema) error {
	for _, t := range tables {
		if _, ok := j.prepared.Load(t); !ok {
			return fault.Conflict(t.Name, "a joined transaction makes no tables: prepare the store itself first")
		}
	}
	return ctx.Err()
}

// View implements [store.Store]; it sees what the host's transaction sees.
func (j *Joined) View(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return j.run(ctx, func(s Session) error { return View(ctx, s, scope, fn) })
}

// Update implements [store.Store]; the host commits.
func (j *Joined) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return j.run(ctx, func(s Session) error { return Update(ctx, s, scope, fn) })
}

// Rehearse implements [store.Store]; it sees what the host's transaction sees.
func (j *Joined) Rehearse(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return j.run(ctx, func(s Session) error { return Rehearse(ctx, s, scope, fn) })
}

// Close does nothing.
func (*Joined) Close() error { return nil }

func (j *Joined) run(ctx context.Context, do func(Session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case j.free <- struct{}{}:
		defer func() { <-j.free }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s, err := j.begin(ctx)
	if err != nil {
		return err
	}
	return do(s)
}
