package unit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// rows is a database that is a map, and fails when it is told to.
type rows struct {
	mu      sync.Mutex
	held    map[place]store.Row
	open    int // sessions
	trips   int // calls of Read
	asked   int // keys and queries in them
	commits int
	changed int // rows written

	failBegin, failRead, failCommit func() error

	poison string // a key that cannot be asked for
}

// A place is where a row is kept.
type place struct {
	scope store.Scope
	table string
	key   string
}

var errAgain = errors.New("conflict")

func (r *rows) Begin(context.Context) (unit.Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := call(r.failBegin); err != nil {
		return nil, err
	}
	if r.held == nil {
		r.held = map[place]store.Row{}
	}
	if r.open++; r.open > 1 {
		panic("two sessions at once")
	}
	return &session{rows: r}, nil
}

func (r *rows) Retry(err error) bool { return errors.Is(err, errAgain) }

func call(fail func() error) error {
	if fail == nil {
		return nil
	}
	return fail()
}

type session struct {
	*rows

	over bool
	sent int // statements
}

func (s *session) Statements() int { return s.sent }

func (s *session) Read(ctx context.Context, asks []unit.Ask) ([]unit.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trips++
	if s.over {
		panic("the session is over")
	}
	if err := errors.Join(ctx.Err(), call(s.failRead)); err != nil {
		return nil, err
	}
	answers := make([]unit.Answer, len(asks))
	for i, a := range asks {
		if s.poison != "" && slices.Contains(a.Keys, s.poison) {
			return nil, errNo
		}
		s.asked += max(1, len(a.Keys))
		answers[i].Rows = s.find(a)
		if a.Count {
			answers[i] = unit.Answer{Count: len(answers[i].Rows)}
		}
	}
	return answers, nil
}

// find answers an ask the long way.
func (s *session) find(a unit.Ask) []store.Row {
	var found []store.Row
	for p, row := range s.held {
		if p.scope == a.Scope && p.table == a.Table.Name && asked(a, row) {
			found = append(found, row)
		}
	}
	if a.Query == nil {
		return found
	}
	_, at := a.Table.Find(a.Query.Index)
	slices.SortFunc(found, func(x, y store.Row) int {
		c := compare(x.Position(at), y.Position(at))
		if a.Query.Descending {
			return -c
		}
		return c
	})
	if n := a.Query.Limit; n > 0 && len(found) > n && !a.Count {
		found = found[:n]
	}
	return found
}

// asked tells whether an ask is for a row.
func asked(a unit.Ask, row store.Row) bool {
	switch {
	case a.Query != nil:
		_, at := a.Table.Find(a.Query.Index)
		return row.Indexed(at) && describes(*a.Query, row.Position(at))
	case a.Entries != nil:
		_, at := a.Table.Find(a.Index)
		return slices.ContainsFunc(a.Entries, func(e []store.Value) bool { return slices.Equal(e, row.Position(at).Values) })
	}
	return slices.Contains(a.Keys, row.Key)
}

func describes(q store.Query, p store.Position) bool {
	if q.After != nil {
		c := compare(p, *q.After)
		if c == 0 || (c < 0) != q.Descending {
			return false
		}
	}
	if !slices.Equal(p.Values[:len(q.Equal)], q.Equal) {
		return false
	}
	bounded := append(slices.Clone(p.Values), store.Text(p.Key))[len(q.Equal)]
	return (q.From.Absent() || q.From.Compare(bounded) <= 0) && (q.Until.Absent() || bounded.Compare(q.Until) < 0)
}

func compare(p, q store.Position) int {
	if c := slices.CompareFunc(p.Values, q.Values, store.Value.Compare); c != 0 {
		return c
	}
	return store.Text(p.Key).Compare(store.Text(q.Key))
}

func (s *session) Commit(ctx context.Context, changes []unit.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(ctx.Err(), call(s.failCommit)); err != nil {
		return err
	}
	after := maps.Clone(s.held)
	for _, c := range changes {
		if err := change(after, c); err != nil {
			return err
		}
		s.changed += len(c.Delete) + len(c.Put) + len(c.Record)
	}
	s.held = after
	s.commits++
	s.end()
	return nil
}

// change makes a change row by row, and checks what a database would check after each.
func change(held map[place]store.Row, c unit.Change) error {
	at := func(key string) place { return place{c.Scope, c.Table.Name, key} }
	for _, key := range c.Delete {
		delete(held, at(key))
	}
	for _, r := range slices.Concat(c.Put, c.Record) {
		row, err := c.Table.Decode(r.Key, r.Bytes)
		if err != nil {
			return err
		}
		if r.Key != row.Key || !slices.Equal(r.Values, row.Values) {
			return fmt.Errorf("%q is not encoded as it is", r.Key)
		}
		for _, x := range c.Table.Indexes {
			if _, columns := c.Table.Find(x.Name); x.Unique && row.Indexed(columns) {
				for p, other := range held {
					if p.scope == c.Scope && p.table == c.Table.Name && p.key != r.Key &&
						slices.Equal(other.Position(columns).Values, row.Position(columns).Values) {
						return fmt.Errorf("%q violates %q", r.Key, x.Name)
					}
				}
			}
		}
		if old, ok := held[at(r.Key)]; slices.ContainsFunc(c.Record, func(o unit.Record) bool { return o.Key == r.Key }) &&
			(!ok || !slices.Equal(old.Values, r.Values)) {
			return fmt.Errorf("the columns of %q have changed", r.Key)
		}
		held[at(r.Key)] = row
	}
	return nil
}

func (s *session) Rollback(context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

func (s *session) end() {
	if s.over {
		panic("the session ends twice")
	}
	s.over = true
	s.open--
}

func (*rows) Crowded() bool { return false }
