package unit

import (
	"cmp"
	"context"
	"errors"

	"github.com/guerdonhq/guerdon/store"
)

// MaxLearned is how many rows a unit that is not committed keeps.
const MaxLearned = maxLearned

// Shared is a store whose transactions share units of work, as the members of a group do, one after
// another.
type Shared struct {
	DB    Database
	Every int // how many Updates share one

	unit *unit
	n    int
}

func (s *Shared) Prepare(context.Context, ...*store.Schema) error { return nil }

func (s *Shared) Close() error { return nil }

func (s *Shared) View(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.run(ctx, true, scope, fn)
}

func (s *Shared) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	err := s.run(ctx, false, scope, fn)
	if s.n++; s.n%s.Every == 0 {
		u := s.unit
		s.unit = nil
		return errors.Join(err, u.commit(ctx))
	}
	return err
}

func (s *Shared) Rehearse(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	done := errors.New("unit: rehearsed")
	err := s.run(ctx, false, scope, func(tx store.Tx) error { return cmp.Or(fn(tx), done) })
	if errors.Is(err, done) {
		return nil
	}
	return err
}

func (s *Shared) run(ctx context.Context, readOnly bool, scope store.Scope, fn func(store.Tx) error) error {
	if s.unit == nil {
		db, err := s.DB.Begin(ctx)
		if err != nil {
			return err
		}
		s.unit = newUnit(db, false)
	}
	s.unit.readOnly = readOnly
	return s.unit.run(ctx, scope, fn)
}
