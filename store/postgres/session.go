package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/sqltext"
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

// Every scope has a row of its own, which says how often it has been changed. A transaction has the lock of the scope until it
// ends, and counts on: should the lock not have kept others out, the count is another than what it was, and the transaction
// is a conflict.
const (
	numberScope = "insert into guerdon_scopes (name) values ($1) on conflict (name) do nothing"
	findScope   = "select id from guerdon_scopes where name = $1"
	// The table's number keeps apart the schemas of one database.
	lockScope = "select pg_advisory_xact_lock('guerdon_scopes'::regclass::oid::bigint << 32 | $1)"
	// It is a statement of its own, so that it sees what was committed while the lock was waited for.
	readVersion = "select version, (" + sqltext.Edition + ") from guerdon_scopes where id = $1"
	// The server must refuse what follows, so a version that is another is a division by zero, and so is another edition: a newer
	// program may have prepared the tables.
	countScope = "with counted as (update guerdon_scopes set version = version + 1 where id = $1 and version = $3 and " + sameEdition
	// Of a scope of which nothing was read, nothing can be stale.
	countUnread = "with counted as (update guerdon_scopes set version = version + 1 where id = $1 and " + sameEdition
	sameEdition = "(" + sqltext.Edition + ") = $2 returning 1) select 1 / count(*) from counted"
)

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
	pool  *pgxpool.Pool // that it takes its connection from; nil if it was joined
	words words

	db     db
	conn   *pgxpool.Conn // the db if it is to be given back, or nil
	begun  bool
	locked map[int64]*int64      // the versions of the scopes that are locked
	made   map[store.Scope]int64 // numbers of scopes that are not known to be there for good
	// edition is that of the tables, 0 while no scope is locked.
	edition int64
	sent    int // statements
}

var _ unit.Session = (*session)(nil)

// batch returns a batch that begins the transaction if need be, and locks the scopes of the given numbers.
func (s *session) batch(scopes []int64) *pgx.Batch {
	b := &pgx.Batch{}
	if !s.begun {
		b.Queue(s.words.begin)
	}
	if !s.words.locks {
		return b
	}
	slices.Sort(scopes)
	for _, scope := range scopes {
		if scope == 0 || s.locked[scope] != nil {
			continue
		}
		if s.locked == nil {
			s.locked = map[int64]*int64{}
		}
		version := new(int64)
		s.locked[scope] = version
		b.Queue(s.store.lock, scope)
		b.Queue(readVersion, scope).QueryRow(func(row pgx.Row) error { return row.Scan(version, &s.edition) })
	}
	return b
}

// scope returns the number of a scope; 0, which no scope has, if it is not numbered and the transaction only reads.
func (s *session) scope(ctx context.Context, of store.Scope) (int64, error) {
	if known, ok := s.store.scopes.Load(of); ok {
		return known.(int64), nil
	}
	if made := s.made[of]; made != 0 {
		return made, nil
	}
	// A number is there for good as soon as somebody needs it, whatever becomes of the transaction; only that of a host
	// may be the one that has made it, or have the last connection.
	through, joined := s.db, s.db != nil && s.conn == nil
	if !joined {
		through = s.pool
	}
	b := &pgx.Batch{}
	if s.words.locks {
		b.Queue(numberScope, of.String())
	}
	var id int64
	b.Queue(findScope, of.String()).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(&id); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	s.sent += b.Len()
	if err := through.SendBatch(ctx, b).Close(); err != nil {
		return 0, wrap(err)
	}
	switch {
	case id == 0:
	case joined:
		if s.made == nil {
			s.made = map[store.Scope]int64{}
		}
		s.made[of] = id
	default:
		s.store.scopes.Store(of, id)
	}
	return id, nil
}

// send sends a batch and reads its results.
func (s *session) send(ctx context.Context, b *pgx.Batch) error {
	if s.db == nil {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return &serverError{err}
		}
		s.db, s.conn = conn, conn
	}
	s.begun = true
	s.sent += b.Len()
	return s.db.SendBatch(ctx, b).Close()
}

// Statements implements [unit.Session].
func (s *session) Statements() int { return s.sent }

// lost tells whether the connection is gone.
func (s *session) lost() bool { return s.conn != nil && s.conn.Conn().IsClosed() }

// Read implements [unit.Session].
func (s *session) Read(ctx context.Context, asks []unit.Ask) ([]unit.Answer, error) {
	scopes := make([]int64, len(asks))
	for i, a := range asks {
		var err error
		if scopes[i], err = s.scope(ctx, a.Scope); err != nil {
			return nil, err
		}
	}
	b := s.batch(slices.Clone(scopes))
	answers := make([]unit.Answer, len(asks))
	for i, a := range asks {
		s.ask(b, scopes[i], a, &answers[i])
	}
	if err := s.look(ctx, b); err != nil {
		return nil, err
	}
	return answers, nil
}

// look sends a batch that reads, and refuses to go on if a newer program has prepared the tables.
func (s *session) look(ctx context.Context, b *pgx.Batch) error {
	err := s.send(ctx, b)
	if err == nil && s.edition != 0 && s.edition != s.store.edition.Load() {
		versions := &pgx.Batch{}
		var table string
		var version int64
		versions.Queue(sqltext.Versions).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				if err := cmp.Or(rows.Scan(&table, &version), sqltext.Newer(table, version, &s.store.prepared)); err != nil {
					return err
				}
			}
			return rows.Err()
		})
		if err = s.send(ctx, versions); err == nil {
			s.store.edition.Store(s.edition)
		}
	}
	if err != nil && s.lost() && ctx.Err() == nil {
		return &lostError{err}
	}
	return wrap(err)
}

// ask queues one ask about the scope of a number.
func (s *session) ask(b *pgx.Batch, scope int64, a unit.Ask, into *unit.Answer) {
	t := s.store.tables.Of(a.Table)
	if a.Count {
		if text, args := t.Count(scope, *a.Query); text != "" {
			b.Queue(text, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&into.Count) })
		}
		return
	}
	text, args := t.read(scope, a)
	if text == "" {
		return
	}
	b.Queue(text, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			raw := rows.RawValues()
			into.Add(a.Table, raw[0], raw[1])
		}
		return rows.Err()
	})
}

// Commit implements [unit.Session].
func (s *session) Commit(ctx context.Context, changes []unit.Change) error {
	if !s.begun && len(changes) == 0 {
		return nil
	}
	scopes := make([]int64, len(changes))
	for i, c := range changes {
		var err error
		if scopes[i], err = s.scope(ctx, c.Scope); err != nil {
			return err
		}
	}
	if cmp.Or(s.edition, s.store.edition.Load()) == 0 && len(changes) > 0 {
		if err := s.look(ctx, s.batch(slices.Clone(scopes))); err != nil {
			return err
		}
	}
	b := s.batch(nil)
	edition := cmp.Or(s.edition, s.store.edition.Load())
	for _, scope := range slices.Compact(slices.Sorted(slices.Values(scopes))) {
		if version := s.locked[scope]; version != nil {
			b.Queue(countScope, scope, edition, *version)
		} else {
			b.Queue(countUnread, scope, edition)
		}
	}
	for i, c := range changes {
		s.store.tables.Of(c.Table).queue(b, scopes[i], c)
	}
	committed := false
	b.Queue(s.words.commit).Exec(func(pgconn.CommandTag) error {
		committed = true
		return nil
	})
	err := s.send(ctx, b)
	if codeOf(err) == outdated {
		s.store.edition.Store(0)
	}
	switch {
	case err == nil || committed:
		s.release()
		return nil
	case !s.lost():
		return wrap(err)
	case pgconn.SafeToRetry(err):
		return &lostError{err}
	}
	return fmt.Errorf("postgres: %w, the connection was lost: %w", fault.ErrUnknown, err)
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
	s.db, s.begun, s.locked, s.made, s.edition = nil, false, nil, nil, 0
}
