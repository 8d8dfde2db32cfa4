package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// words are the statements around a kind of transaction.
type words struct {
	begin, commit, rollback string
	locks                   bool // it locks the scopes that it uses
}

// A transaction that updates sees at every statement what has been committed, so that it misses nothing
// that was committed before it had the lock. One that views has no lock and needs a snapshot.
var (
	updating = words{begin: "begin isolation level read committed", commit: "commit", rollback: "rollback", locks: true}
	viewing  = words{begin: "begin isolation level repeatable read read only", commit: "commit", rollback: "rollback"}
	joining  = words{
		begin: "savepoint guerdon", commit: "release savepoint guerdon",
		rollback: "rollback to savepoint guerdon; release savepoint guerdon", locks: true,
	}
)

// lockScope takes the lock of a scope until the transaction ends. The table's number keeps apart the
// schemas of one database.
const lockScope = "select pg_advisory_xact_lock(hashtextextended($1, 'guerdon_tables'::regclass::oid::bigint))"

// A db is a connection, or a transaction on one.
type db interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Exec(ctx context.Context, text string, args ...any) (pgconn.CommandTag, error)
}

var (
	_ db = (*pgxpool.Conn)(nil)
	_ db = pgx.Tx(nil)
)

// A session is a transaction. It takes a connection and begins with its first batch.
type session struct {
	store *Store
	words words

	db     db
	conn   *pgxpool.Conn // the db if it is to be given back, or nil
	begun  bool
	locked map[store.Scope]bool
}

var _ unit.Session = (*session)(nil)

// batch returns a batch that begins the transaction if need be, and locks the scopes.
func (s *session) batch(scopes []store.Scope) *pgx.Batch {
	b := &pgx.Batch{}
	if !s.begun {
		b.Queue(s.words.begin)
	}
	if !s.words.locks {
		return b
	}
	slices.SortFunc(scopes, func(a, b store.Scope) int { return cmp.Compare(a.String(), b.String()) })
	for _, scope := range scopes {
		if !s.locked[scope] {
			if s.locked == nil {
				s.locked = map[store.Scope]bool{}
			}
			s.locked[scope] = true
			b.Queue(lockScope, scope.String())
		}
	}
	return b
}

// send sends a batch and reads its results.
func (s *session) send(ctx context.Context, b *pgx.Batch) error {
	if s.db == nil {
		conn, err := s.store.pool.Acquire(ctx)
		if err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
		s.db, s.conn = conn, conn
	}
	s.begun = true
	return s.db.SendBatch(ctx, b).Close()
}

// lost tells whether the connection is gone.
func (s *session) lost() bool { return s.conn != nil && s.conn.Conn().IsClosed() }

// Read implements [unit.Session].
func (s *session) Read(ctx context.Context, asks []unit.Ask) ([]unit.Answer, error) {
	var scopes []store.Scope
	for _, a := range asks {
		scopes = append(scopes, a.Scope)
	}
	b := s.batch(scopes)
	answers := make([]unit.Answer, len(asks))
	for i, a := range asks {
		s.ask(b, a, &answers[i])
	}
	if err := s.send(ctx, b); err != nil {
		if s.lost() && ctx.Err() == nil {
			return nil, &lostError{err}
		}
		return nil, wrap(err)
	}
	return answers, nil
}

// ask queues one ask.
func (s *session) ask(b *pgx.Batch, a unit.Ask, into *unit.Answer) {
	t := s.store.tables.Of(a.Table)
	if a.Count {
		if text, args := t.Count(a.Scope, *a.Query); text != "" {
			b.Queue(text, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&into.Count) })
		}
		return
	}
	text, args := t.read(a)
	if text == "" {
		return
	}
	b.Queue(text, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			row, err := a.Table.Decode(rows.RawValues()[0])
			if err != nil {
				return err
			}
			into.Rows = append(into.Rows, row)
		}
		return rows.Err()
	})
}

// Commit implements [unit.Session].
func (s *session) Commit(ctx context.Context, changes []unit.Change) error {
	if !s.begun && len(changes) == 0 {
		return nil
	}
	var scopes []store.Scope
	for _, c := range changes {
		scopes = append(scopes, c.Scope)
	}
	b := s.batch(scopes)
	for _, c := range changes {
		s.store.tables.Of(c.Table).queue(b, c)
	}
	committed := false
	b.Queue(s.words.commit).Exec(func(pgconn.CommandTag) error {
		committed = true
		return nil
	})
	err := s.send(ctx, b)
	switch {
	case err == nil || committed:
		s.release()
		return nil
	case !s.lost():
		return wrap(err)
	case pgconn.SafeToRetry(err):
		return &lostError{err}
	}
	return fmt.Errorf("postgres: %w, the connection was lost: %w", unit.ErrUnknown, err)
}

// Rollback implements [unit.Session].
func (s *session) Rollback(ctx context.Context) {
	if s.begun && s.db != nil && !s.lost() {
		// The simple protocol, because nothing can be prepared in a transaction that has failed. If
		// this fails the connection is of no use, which the pool finds out.
		_, _ = s.db.Exec(ctx, s.words.rollback, pgx.QueryExecModeSimpleProtocol)
	}
	s.release()
}

// release gives the connection back.
func (s *session) release() {
	if s.conn != nil {
		s.conn.Release()
		s.conn = nil
	}
	s.db, s.begun, s.locked = nil, false, nil
}
