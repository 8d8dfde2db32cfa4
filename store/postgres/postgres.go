// Package postgres is a [store.Store] in a PostgreSQL database, version 12 or later.
//
// # What it promises
//
// What Update has acknowledged is as durable as the server makes a commit (its setting
// synchronous_commit). The transactions of one scope run one after another, also those of different
// processes: each takes a lock on its scope first. Transactions of different scopes run in parallel.
// Callers of one process that wait for one another share a commit. A View waits for nobody and nobody
// waits for it; it sees the database as it is when it first reads.
//
// A transaction that reads everything in one call (see Prefetch in [store.Tx]) and then writes costs two
// round trips, however much it reads and writes: the first begins, locks and reads, the second writes
// and commits. What callers will read who wait for one another is read for all of them at once where they can tell
// (see [store.Ahead]), so up to 128 of them together cost as many round trips as one.
//
// Where the lock keeps nobody out, because the server is another one that only speaks PostgreSQL's language, or because of a
// proxy, transactions that meet are conflicts and run again: each commit counts on the row of its scope, and is refused if
// the count is not what it had read.
// That is tested with a lock that keeps nobody out; no other server than PostgreSQL itself has been tried.
//
// If the connection is lost during a commit, nobody knows whether it took place, and the error says
// so. Run such an Update again only if it can tell that it was there before, as an event with the same
// id can.
//
// # Where the records are
//
// In the tables guerdon_…, in the schema of [Options], or the first of the connection's search_path. Prepare creates what is
// not there. Where the service's role must not, another one runs the script of [Store.Migration] before; then the service needs
// no right but to select, insert, update and delete. The column scope is the number that
// guerdon_scopes gives a scope's name, account/workspace. Texts are compared by
// their bytes, whatever the collation of the database. A row whose indexed texts are longer than about
// 2700 bytes together, compressed, is refused by the server.
//
// # What it is not for
//
// An Update that takes long makes the others of its scope wait, and those that share its commit, too.
// A transaction of the host's that was joined (see [Store.Join]) holds the locks of the scopes it has
// used until the host ends it: keep it short. Two transactions that use two scopes in opposite order
// may meet in a deadlock; the server ends one of them, and Update runs it again.
//
// An Update holds one connection of the pool, and so does a View: a View inside an Update needs a
// second. Connections must keep their session between transactions only as far as pgx needs it for
// prepared statements.
package postgres

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/sqltext"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// A Store keeps its records in a database. All methods may be called concurrently.
type Store struct {
	pool     *pgxpool.Pool
	views    *pgxpool.Pool // of a replica, or the pool
	lock     string        // the statement that locks a scope
	owned    bool          // the pool is closed with the store
	gate     unit.Gate
	tables   *sqltext.Cache[*table]
	prepared sync.Map     // of true by *store.Schema
	scopes   sync.Map     // of the numbers of scopes that are in the database
	edition  atomic.Int64 // of the tables, when no newer program had prepared one; 0 if nobody knows

	mu     sync.Mutex
	groups map[store.Scope]*group
}

// A group is the transactions of one scope, as long as somebody uses it.
type group struct {
	*unit.Group

	users int
}

var (
	_ store.Ahead    = (*Store)(nil)
	_ store.Heir     = (*Store)(nil)
	_ store.Surveyor = (*Store)(nil)
)

// New returns a store on a pool of the host's, which stays open when the store is closed.
func New(pool *pgxpool.Pool) *Store {
	return &Store{pool: pool, views: pool, lock: lockScope, tables: sqltext.NewCache(newTable), groups: map[store.Scope]*group{}}
}

// View implements [store.Store].
func (s *Store) View(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.read(ctx, s.views, func(db unit.Session) error { return unit.View(ctx, db, scope, fn) })
}

// Rehearse implements [store.Store].
func (s *Store) Rehearse(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.read(ctx, s.pool, func(db unit.Session) error { return unit.Rehearse(ctx, db, scope, fn) })
}

// read calls do with a session that reads.
func (s *Store) read(ctx context.Context, pool *pgxpool.Pool, do func(unit.Session) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	return do(&session{store: s, pool: pool, words: viewing})
}

// commits is how many commits the scopes have seen: all together, and each by its number.
type commits struct {
	all    int64
	scopes map[int32]int64
}

// since returns the numbers of the scopes that have seen others than these had.
func (c *commits) since(was *commits) (scopes []int32) {
	for scope, n := range c.scopes {
		if was.scopes[scope] != n {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// Survey implements [store.Surveyor]. A mark is what each scope counted.
func (s *Store) Survey(ctx context.Context, t *store.Schema, since store.Mark) (found []store.Surveyed, mark store.Mark, err error) {
	if err := s.gate.Enter(); err != nil {
		return nil, nil, err
	}
	defer s.gate.Leave()
	was, _ := since.(*commits)
	var now *commits
	var all unit.Survey
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if now, err = counted(ctx, tx, was); err != nil || now == was {
			return err
		}
		text, args := s.tables.Of(t).Survey, []any(nil)
		if was != nil {
			text, args = text+" where t.scope = any($1)", []any{now.since(was)}
		}
		rows, err := tx.Query(ctx, text+sqltext.SurveyOrder, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			raw := rows.RawValues()
			all.Add(t, raw[0], raw[1], raw[2])
		}
		return rows.Err()
	})
	if err != nil {
		return nil, nil, wrap(err)
	}
	return all.Found, now, all.Damaged
}

// counted returns what the scopes have counted: the very same as it was if nobody has counted on.
func counted(ctx context.Context, tx pgx.Tx, was *commits) (*commits, error) {
	now := &commits{scopes: map[int32]int64{}}
	err := tx.QueryRow(ctx, "select cast(coalesce(sum(version), 0) as bigint) from guerdon_scopes").Scan(&now.all)
	if err != nil || was != nil && now.all == was.all {
		return was, err
	}
	rows, err := tx.Query(ctx, "select id, version from guerdon_scopes")
	if err != nil {
		return nil, err
	}
	var scope int32
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&scope, &n}, func() error {
		now.scopes[scope] = n
		return nil
	})
	return now, err
}

// Update implements [store.Store]. The transactions of a scope run one after another.
func (s *Store) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.UpdateAhead(ctx, scope, nil, fn)
}

// UpdateAhead implements [store.Ahead]. What callers who wait for one another look for is read together.
func (s *Store) UpdateAhead(ctx context.Context, scope store.Scope, look, fn func(store.Tx) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	g := s.join(scope)
	defer s.quit(scope, g)
	return g.Update(ctx, scope, look, fn)
}

// join returns the group of a scope.
func (s *Store) join(scope store.Scope) *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[scope]
	if g == nil {
		g = &group{Group: unit.NewGroup(database{s})}
		s.groups[scope] = g
	}
	g.users++
	return g
}

// quit forgets a group that nobody uses.
func (s *Store) quit(scope store.Scope, g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.users--; g.users == 0 {
		delete(s.groups, scope)
	}
}

// A database opens the transactions of a store's groups.
type database struct{ store *Store }

// Begin implements [unit.Database]. The first batch begins the transaction.
func (d database) Begin(context.Context) (unit.Session, error) {
	return &session{store: d.store, pool: d.store.pool, words: updating}, nil
}

// Retry implements [unit.Database].
func (database) Retry(err error) bool {
	_, lost := errors.AsType[*lostError](err)
	return lost || conflict(err)
}

// Crowded implements [unit.Database]: the server would have to be asked.
func (database) Crowded() bool { return false }

// Close implements [store.Store]. It waits for running transactions.
func (s *Store) Close() error {
	if s.gate.Close() && s.owned {
		if s.views != s.pool {
			s.views.Close()
		}
		s.pool.Close()
	}
	return nil
}

// The tries of Prepare, which may meet transactions in a deadlock.
const (
	maxTries = 10
	pause    = 10 * time.Millisecond
)

// Prepare implements [store.Store]. New columns and indexes lock their table until they are there.
func (s *Store) Prepare(ctx context.Context, tables ...*store.Schema) error {
	return s.prepare(tables, func() error {
		return s.alone(ctx, func(tx pgx.Tx) error { return dialect.Prepare(ctx, preparation{tx}, tables) })
	})
}

// Inherit implements [store.Heir].
func (s *Store) Inherit(
	ctx context.Context, tables []*store.Schema, former []string, move func(context.Context, store.Tx, string, []store.Former) error,
) error {
	return s.prepare(tables, func() error {
		if err := s.alone(ctx, func(tx pgx.Tx) error { return dialect.SetAside(ctx, preparation{tx}, tables, former) }); err != nil {
			return err
		}
		aside := sqltext.NewAside(dialect, former)
		for more := true; more; {
			var next sqltext.Aside
			err := s.alone(ctx, func(tx pgx.Tx) (err error) {
				next, more, err = aside.Portion(ctx, preparation{tx}, func(scope store.Scope, table string, rows []store.Former) error {
					return s.joined(tx).Update(ctx, scope, func(tx store.Tx) error { return move(ctx, tx, table, rows) })
				})
				return err
			})
			if err != nil {
				return err
			}
			*aside = next
		}
		return nil
	})
}

// prepare notes that do has prepared tables.
func (s *Store) prepare(tables []*store.Schema, do func() error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := do(); err != nil {
		return err
	}
	for _, t := range tables {
		s.prepared.Store(t, true)
	}
	return nil
}

// alone calls fn in a transaction in which it takes the time that it needs, and no other process prepares tables.
func (s *Store) alone(ctx context.Context, fn func(pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if err := (preparation{tx}).begin(ctx); err != nil {
				return err
			}
			return fn(tx)
		})
		if err == nil || try == maxTries || !conflict(err) {
			return wrap(err)
		}
		time.Sleep(pause)
	}
}

// A preparation implements [sqltext.DB]. Its statements run once and are not worth preparing.
type preparation struct{ tx pgx.Tx }

// begin takes the time that it needs, and keeps others out.
func (p preparation) begin(ctx context.Context) error {
	if err := p.Exec(ctx, "set local statement_timeout = 0"); err != nil {
		return err
	}
	return p.Exec(ctx, "select pg_advisory_xact_lock(hashtextextended('guerdon_tables', 0))")
}

func (p preparation) Exec(ctx context.Context, text string, args ...any) error {
	_, err := p.tx.Exec(ctx, text, append([]any{pgx.QueryExecModeExec}, args...)...)
	return err
}

func (p preparation) Query(ctx context.Context, each func([]string) error, text string, args ...any) error {
	rows, err := p.tx.Query(ctx, text, append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var columns []string
		for _, raw := range rows.RawValues() {
			columns = append(columns, string(raw)) // all are texts
		}
		if err := each(columns); err != nil {
			return err
		}
	}
	return rows.Err()
}

// A lostError says that the connection was lost before anything could be committed.
type lostError struct{ err error }

func (e *lostError) Error() string {
	return "postgres: " + fault.ErrLost.Error() + ": " + e.err.Error()
}
func (e *lostError) Unwrap() []error { return []error{fault.ErrLost, e.err} }

// outdated is the code of a division by zero, of which there is one: the version of a scope, or the edition of the tables, is not
// what it was.
const outdated = "22012"

// codeOf returns the code of an error of the server, "" if it is none.
func codeOf(err error) string {
	e, _ := errors.AsType[*pgconn.PgError](err)
	if e == nil {
		return ""
	}
	return e.Code
}

// conflict tells whether the server gave up a transaction because of another.
func conflict(err error) bool {
	code := codeOf(err)
	return code == "40001" || code == "40P01" || code == outdated
}

// A serverError is what the server, or the way to it, says.
type serverError struct{ error }

func (e *serverError) Error() string { return "postgres: " + e.error.Error() }

// Unwrap returns what was said, and its kind if it is one that a host can do something about.
func (e *serverError) Unwrap() []error {
	all := []error{e.error}
	switch codeOf(e.error) {
	case full:
		all = append(all, fault.ErrFull)
	case canceled:
		all = append(all, context.DeadlineExceeded)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](e.error); ok {
		all = append(all, fault.ErrLost)
	}
	return all
}

// The codes of a disk without room, and of a statement that took longer than the server lets it.
const (
	full     = "53100"
	canceled = "57014"
)

// wrap says once whose an error of the server is.
func wrap(err error) error {
	_, done := errors.AsType[*serverError](err)
	if _, ok := errors.AsType[*pgconn.PgError](err); ok && !done {
		return &serverError{err}
	}
	return err
}
