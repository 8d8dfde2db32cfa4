package sqlite

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/sqltext"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// A session is a transaction on a connection.
type session struct {
	*conn

	store                 *Store
	start, commit, cancel string // the statements that begin and end it
	open                  bool
	joined                bool                  // it is part of the host's transaction
	made                  map[store.Scope]int64 // scopes that the transaction has numbered
	before                int                   // how many statements the connection had run
}

var _ unit.Session = (*session)(nil)

func (s *Store) session(c *conn, start, commit, cancel string) *session {
	return &session{conn: c, store: s, start: start, commit: commit, cancel: cancel, before: c.ran}
}

// Statements implements [unit.Session].
func (s *session) Statements() int { return s.ran - s.before }

// begin begins the transaction unless it has begun.
func (s *session) begin(ctx context.Context) error {
	if s.open {
		return nil
	}
	if err := s.exec(ctx, s.start); err != nil {
		return s.store.wrap(err)
	}
	s.open = true
	return nil
}

// Read implements [unit.Session].
func (s *session) Read(ctx context.Context, asks []unit.Ask) ([]unit.Answer, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	answers := make([]unit.Answer, len(asks))
	for i, a := range asks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		scope, err := s.scope(ctx, a.Scope, false)
		if err == nil {
			err = s.answer(ctx, scope, a, &answers[i])
		}
		if err != nil {
			return nil, s.store.wrap(err)
		}
	}
	return answers, nil
}

// scope returns the number of a scope; 0, which no scope has, if it is not numbered and is not to be.
func (s *session) scope(ctx context.Context, of store.Scope, number bool) (int64, error) {
	if known, ok := s.store.scopes.Load(of); ok {
		return known.(int64), nil
	}
	if made := s.made[of]; made != 0 {
		return made, nil
	}
	var id int64
	scan := func(rows *sql.Rows) error { return rows.Scan(&id) }
	err := s.query(ctx, scan, "select id from guerdon_scopes where name = ?", of.String())
	switch {
	case err != nil:
		return 0, err
	case id != 0 && s.joined: // it may be the host's transaction that has numbered it
		s.note(of, id)
	case id != 0:
		s.store.scopes.Store(of, id)
	case number:
		if err := s.query(ctx, scan, "insert into guerdon_scopes (name) values (?) returning id", of.String()); err != nil {
			return 0, err
		}
		s.note(of, id)
	}
	return id, nil
}

// note keeps the number of a scope as long as the transaction lasts.
func (s *session) note(of store.Scope, id int64) {
	if s.made == nil {
		s.made = map[store.Scope]int64{}
	}
	s.made[of] = id
}

// answer answers one ask about the scope of a number.
func (s *session) answer(ctx context.Context, number int64, a unit.Ask, into *unit.Answer) error {
	t := s.store.tables.Of(a.Table)
	switch {
	case a.Entries != nil:
		for _, values := range a.Entries {
			text, args := t.Select(number, store.By(a.Index, values...))
			if err := s.rows(ctx, a.Table, into, text, args...); err != nil {
				return err
			}
		}
		return nil
	case a.Query == nil:
		into.Rows = make([]store.Row, 0, len(a.Keys))
		var scope any = number // boxed once
		for _, key := range a.Keys {
			if err := s.rows(ctx, a.Table, into, t.get, scope, key); err != nil {
				return err
			}
		}
		return nil
	case a.Count:
		text, args := t.Count(number, *a.Query)
		if text == "" {
			return nil
		}
		return s.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&into.Count) }, text, args...)
	default:
		text, args := t.Select(number, *a.Query)
		if text == "" {
			return nil
		}
		return s.rows(ctx, a.Table, into, text, args...)
	}
}

// rows appends the rows of a query for records to an answer.
func (s *session) rows(ctx context.Context, of *store.Schema, into *unit.Answer, text string, args ...any) error {
	var key, record sql.RawBytes
	return s.query(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(&key, &record); err != nil {
			return err
		}
		into.Add(of, key, record)
		return nil
	}, text, args...)
}

// Commit implements [unit.Session].
func (s *session) Commit(ctx context.Context, changes []unit.Change) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for _, c := range changes {
		if err := s.change(ctx, c); err != nil {
			return s.store.wrap(err)
		}
	}
	if len(changes) > 0 {
		if err := s.current(ctx); err != nil {
			return s.store.wrap(err)
		}
	}
	if err := s.exec(ctx, s.commit); err != nil {
		return s.store.wrap(err)
	}
	s.open = false
	if !s.joined {
		for of, id := range s.made {
			s.store.scopes.Store(of, id)
		}
	}
	s.made = nil
	return nil
}

// current refuses to write what a newer program has prepared meanwhile. Others wait for the transaction by now.
func (s *session) current(ctx context.Context) error {
	var edition int64
	err := s.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&edition) }, sqltext.Edition)
	if err != nil || edition == s.store.edition.Load() {
		return err
	}
	err = s.query(ctx, func(rows *sql.Rows) error {
		var table string
		var version int64
		return cmp.Or(rows.Scan(&table, &version), sqltext.Newer(table, version, &s.store.prepared))
	}, sqltext.Versions)
	if err == nil {
		s.store.edition.Store(edition)
	}
	return err
}

// change makes one change.
func (s *session) change(ctx context.Context, c unit.Change) error {
	t := s.store.tables.Of(c.Table)
	number, err := s.scope(ctx, c.Scope, true)
	if err != nil {
		return err
	}
	var scope any = number // boxed once
	for _, key := range c.Delete {
		if err := s.exec(ctx, t.remove, scope, key); err != nil {
			return err
		}
	}
	args := make([]any, 0, len(c.Table.Columns)+3)
	for _, r := range c.Put {
		args = append(args[:0], scope, r.Key)
		for _, v := range r.Values {
			args = append(args, v.Any())
		}
		if err := s.exec(ctx, t.put, append(args, kept(c.Table, r))...); err != nil {
			return err
		}
	}
	for _, r := range c.Record {
		if err := s.exec(ctx, t.record, kept(c.Table, r), scope, r.Key); err != nil {
			return err
		}
	}
	return nil
}

// kept returns the record of a row as an argument: the type of the argument is that of the value in the database.
func kept(of *store.Schema, r unit.Record) any {
	if of.Packed {
		return r.Bytes
	}
	return string(r.Bytes)
}

// Rollback implements [unit.Session]. SQLite may have ended the transaction by itself, after some
// errors; then there is nothing left to end.
func (s *session) Rollback(ctx context.Context) {
	if s.open {
		_ = s.exec(ctx, s.cancel)
		s.open = false
	}
	s.made = nil
}
