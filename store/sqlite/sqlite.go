// Package sqlite is a [store.Store] in an SQLite file. It is pure Go and needs no cgo.
//
// # What it promises
//
// What Update has acknowledged is on the disk: by default every commit is synchronised, so that it
// survives a crash of the program and a power cut. [Normal] gives up the second for fewer
// synchronisations.
//
// Transactions that change the file run one after another, those of all scopes. Callers that wait
// for one another share a commit, so many callers together are several times faster than one alone. A
// View waits for nobody and nobody waits for it; it sees the file as it is when it first reads.
//
// Several processes may use one file. A transaction waits for those of the other processes until its
// context ends, in a line: a process that has just written does not come again before one that waits. The line is a lock on an
// empty file beside the database, whose name ends in -line; on Windows, where there is none, who looks at the right moment is next.
// The file must be on a local disk.
//
// # Where the records are
//
// In the tables guerdon_…. The column scope is the number that guerdon_scopes gives a scope's name, account/workspace.
//
// # What it is not for
//
// An Update that takes long makes all others wait, and those that share its commit, too. A View that
// stays open for long keeps the write-ahead log from being recycled, which then grows; it is cut to 40 MiB again by one of the
// commits after the View has ended. As many Views as [Options] has Readers, if they all stay open, keep others waiting.
//
// A transaction of the host's that was joined (see [Store.Join]) holds the file's only write lock until
// the host ends it: keep it short, and do not call the store itself meanwhile.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/sqltext"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// Synchronous says when a commit is safe.
type Synchronous int

const (
	// Full synchronises every commit with the disk: what is acknowledged survives a power cut.
	Full Synchronous = iota
	// Normal synchronises only now and then. After a power cut the last acknowledged commits may be
	// missing; the file is sound, and nothing is missing if merely the program crashes.
	Normal
)

// Options are the choices of [Open]. The zero value is good for most.
type Options struct {
	// Synchronous is Full by default.
	Synchronous Synchronous
	// Readers is how many Views and rehearsals may be open at once; others wait for one of them to end. 0 means 16, or one for
	// each processor if there are more. A connection is opened when it is first needed, and keeps up to 16 MiB of the file in
	// memory.
	Readers int
}

// A Store keeps its records in a file. All methods may be called concurrently.
type Store struct {
	db       *sql.DB
	path     string
	writer   *conn // used by whoever runs in group
	readers  readers
	surveyor surveyor
	line     line // before a transaction that writes
	group    *unit.Group
	gate     unit.Gate
	tables   *sqltext.Cache[*table]
	prepared sync.Map     // of true by *store.Schema
	scopes   sync.Map     // of the numbers of scopes that are in the file
	edition  atomic.Int64 // of the tables, when no newer program had prepared one
}

var (
	_ store.Heir     = (*Store)(nil)
	_ store.Surveyor = (*Store)(nil)
)

// Open opens the file at path, and creates it if there is none. It returns [fault.ErrInvalid] if path
// cannot name such a file: SQLite's in-memory databases and URIs are not supported, and the directory
// must exist.
func Open(ctx context.Context, path string, options *Options) (*Store, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	var o Options
	if options != nil {
		o = *options
	}
	if o.Readers <= 0 {
		o.Readers = max(16, runtime.NumCPU())
	}
	db, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	wait, err := openLine(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %w", err), db.Close())
	}
	s := &Store{db: db, path: path, line: wait, readers: readers{room: make(chan struct{}, o.Readers)}, tables: sqltext.NewCache(newTable)}
	if err := s.connect(ctx, o); err != nil {
		return nil, errors.Join(err, db.Close(), wait.close())
	}
	s.group = unit.NewGroup(database{s})
	return s, nil
}

// checkPath refuses what Open cannot open.
func checkPath(path string) error {
	switch {
	case path == "":
		return fault.Invalid("path", "is empty")
	case strings.HasPrefix(path, ":memory:"):
		return fault.Invalid("path", "in-memory databases are not supported: use a file, or the memory store")
	case strings.HasPrefix(path, "file:"):
		return fault.Invalid("path", "is a URI: give the path of a file")
	case strings.ContainsRune(path, 0):
		return fault.Invalid("path", "holds a NUL character")
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fault.Invalid("path", "%q is a directory", path)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fault.Invalid("path", "there is no directory %q", dir)
	}
	return nil
}

// openFile returns a pool for the file. Its connections are set up by those who take them.
func openFile(path string) (*sql.DB, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	full = filepath.ToSlash(full)
	if !strings.HasPrefix(full, "/") {
		full = "/" + full // a drive letter
	}
	return sql.Open("sqlite", "file://"+(&url.URL{Path: full}).EscapedPath())
}

// maxLog is from which size on, in bytes, the write-ahead log is written into the file after a commit, and to which it is cut
// when it begins anew after it had grown because somebody read for long.
const maxLog = 40 << 20

// connect takes the connection of the writer.
func (s *Store) connect(ctx context.Context, o Options) (err error) {
	synchronous := "synchronous = full"
	if o.Synchronous == Normal {
		synchronous = "synchronous = normal"
	}
	// The writer waits for other processes by itself, in a way that its context can end. Its cache is not large:
	// a commit that has balanced a tree walks through all of it.
	s.writer, err = s.take(ctx, "busy_timeout = 0", "journal_mode = wal", synchronous,
		"cache_size = -16384", fmt.Sprint("wal_autocheckpoint = ", maxLog/4096), fmt.Sprint("journal_size_limit = ", maxLog))
	return err
}

// take takes a connection from the pool and sets it up.
func (s *Store) take(ctx context.Context, pragmas ...string) (*conn, error) {
	db, err := s.db.Conn(ctx)
	if err != nil {
		return nil, s.wrap(err)
	}
	c := newConn(db)
	for _, p := range pragmas {
		if err := wait(ctx, func() error { return c.exec(ctx, "pragma "+p) }); err != nil {
			return nil, errors.Join(s.wrap(err), db.Close())
		}
	}
	return c, nil
}

// Prepare implements [store.Store].
func (s *Store) Prepare(ctx context.Context, tables ...*store.Schema) error {
	return s.prepare(ctx, tables, func(c *conn) error {
		return s.alone(ctx, c, func() error { return dialect.Prepare(ctx, c, tables) })
	})
}

// Inherit implements [store.Heir].
func (s *Store) Inherit(
	ctx context.Context, tables []*store.Schema, former []string, move func(context.Context, store.Tx, string, []store.Former) error,
) error {
	return s.prepare(ctx, tables, func(c *conn) error {
		if err := s.alone(ctx, c, func() error { return dialect.SetAside(ctx, c, tables, former) }); err != nil {
			return err
		}
		aside, own := sqltext.NewAside(dialect, former), s.join(c)
		for more := true; more; {
			err := s.alone(ctx, c, func() (err error) {
				*aside, more, err = aside.Portion(ctx, c, func(scope store.Scope, table string, rows []store.Former) error {
					return own.Update(ctx, scope, func(tx store.Tx) error { return move(ctx, tx, table, rows) })
				})
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// prepare calls do with a connection to prepare tables, one of its own, as another process would.
func (s *Store) prepare(ctx context.Context, tables []*store.Schema, do func(*conn) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	c, err := s.take(ctx, "busy_timeout = 0", "cache_size = -65536")
	if err != nil {
		return err
	}
	if err := do(c); err != nil {
		return errors.Join(err, c.close())
	}
	for _, t := range tables {
		s.prepared.Store(t, true)
	}
	return c.close()
}

// alone calls fn while nobody else writes, in a transaction on a connection.
func (s *Store) alone(ctx context.Context, c *conn, fn func() error) error {
	if err := s.line.begin(ctx, func() error { return c.exec(ctx, "begin immediate") }); err != nil {
		return s.wrap(err)
	}
	err := fn()
	if err == nil {
		err = c.exec(ctx, "commit")
	}
	if err != nil {
		return errors.Join(s.wrap(err), c.exec(context.WithoutCancel(ctx), "rollback"))
	}
	return nil
}

// View implements [store.Store]. It waits for a free reader.
func (s *Store) View(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.read(ctx, func(db unit.Session) error { return unit.View(ctx, db, scope, fn) })
}

// Rehearse implements [store.Store]. It waits for a free reader.
func (s *Store) Rehearse(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.read(ctx, func(db unit.Session) error { return unit.Rehearse(ctx, db, scope, fn) })
}

// A surveyor is the connection of those who look at all scopes: SQLite tells each connection whether others have committed.
type surveyor struct {
	mu   sync.Mutex
	conn *conn
}

// Survey implements [store.Surveyor].
func (s *Store) Survey(ctx context.Context, t *store.Schema, since store.Mark) (found []store.Surveyed, mark store.Mark, err error) {
	if err := s.gate.Enter(); err != nil {
		return nil, nil, err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	s.surveyor.mu.Lock()
	defer s.surveyor.mu.Unlock()
	if s.surveyor.conn == nil {
		if s.surveyor.conn, err = s.take(ctx, readerPragmas...); err != nil {
			return nil, nil, err
		}
	}
	c := s.surveyor.conn
	// Asked for before the rows are read, so that what is committed in between is found next time.
	var version int64
	err = c.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&version) }, "pragma data_version")
	if err != nil || since == version {
		return nil, since, s.wrap(err)
	}
	var all unit.Survey
	var scope, key, record sql.RawBytes
	err = c.query(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(&scope, &key, &record); err != nil {
			return err
		}
		all.Add(t, scope, key, record)
		return nil
	}, s.tables.Of(t).Survey+sqltext.SurveyOrder)
	return all.Found, version, cmp.Or(s.wrap(err), all.Damaged)
}

// readerPragmas set up a connection that reads.
var readerPragmas = []string{"busy_timeout = 10000", "query_only = on", "cache_size = -16384"}

// read calls do with the session of a reader.
func (s *Store) read(ctx context.Context, do func(unit.Session) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.readers.room <- struct{}{}:
		defer func() { <-s.readers.room }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c := s.readers.pop()
	if c == nil {
		var err error
		if c, err = s.take(ctx, readerPragmas...); err != nil {
			return err
		}
	}
	defer s.readers.push(c)
	return do(s.session(c, "begin", "commit", "rollback"))
}

// readers are the connections that read. The one that was used last is used first: it has most of what is read in its cache.
type readers struct {
	room chan struct{} // holds a token for each that is in use

	mu   sync.Mutex
	idle []*conn
}

// pop returns a connection that nobody uses, nil if there is none.
func (r *readers) pop() *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.idle)
	if n == 0 {
		return nil
	}
	c := r.idle[n-1]
	r.idle = r.idle[:n-1]
	return c
}

func (r *readers) push(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, c)
}

// Update implements [store.Store]. The transactions of all scopes run one after another.
func (s *Store) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	return s.group.Update(ctx, scope, nil, fn) // to read costs no trip
}

// A database opens the transactions of a store's group.
type database struct{ *Store }

// Begin implements [unit.Database]. It waits for other processes until ctx ends.
func (d database) Begin(ctx context.Context) (unit.Session, error) {
	w := d.session(d.writer, "begin immediate", "commit", "rollback")
	if err := d.line.begin(ctx, func() error { return w.begin(ctx) }); err != nil {
		return nil, err
	}
	return w, nil
}

// Retry implements [unit.Database].
func (database) Retry(err error) bool { return busy(err) }

// Crowded implements [unit.Database].
func (d database) Crowded() bool { return d.line.crowded() }

// Close implements [store.Store]. It waits for running transactions and writes what the log holds
// into the file.
func (s *Store) Close() error {
	if !s.gate.Close() {
		return nil
	}
	ctx := context.Background()
	var errs []error
	if s.surveyor.conn != nil {
		errs = append(errs, s.surveyor.conn.close())
	}
	for c := s.readers.pop(); c != nil; c = s.readers.pop() {
		errs = append(errs, c.close())
	}
	if err := s.writer.exec(ctx, "pragma wal_checkpoint(truncate)"); !busy(err) {
		errs = append(errs, err)
	}
	errs = append(errs, s.writer.close(), s.db.Close(), s.line.close())
	return s.wrap(errors.Join(errs...))
}

// wrap says which file an error is about, unless it is one of guerdon's own.
func (s *Store) wrap(err error) error {
	_, done := errors.AsType[*fileError](err)
	if _, ok := errors.AsType[*sqlite.Error](err); ok && !done {
		return &fileError{s.path, err}
	}
	return err
}

// A fileError is what SQLite says of a file.
type fileError struct {
	path string
	err  error
}

func (e *fileError) Error() string { return "sqlite: " + e.path + ": " + e.err.Error() }

// Unwrap returns what was said, and its kind if it is one that a host can do something about.
func (e *fileError) Unwrap() []error {
	all := []error{e.err}
	if said, ok := errors.AsType[*sqlite.Error](e.err); ok && said.Code()&0xff == sqlite3.SQLITE_FULL {
		all = append(all, fault.ErrFull)
	}
	return all
}

// busy tells whether another connection holds what a statement needs.
func busy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// The pauses between two looks at a lock that another process holds. They are short, because that
// process may give the lock up for no more than a moment.
const (
	firstPause = 50 * time.Microsecond
	lastPause  = 2 * time.Millisecond
)

// wait calls try until it meets no lock, or until ctx ends.
func wait(ctx context.Context, try func() error) error {
	var err error
	if ended := patiently(ctx, func() bool { err = try(); return busy(err) }); ended != nil {
		return ended
	}
	return err
}

// patiently asks until it is told no, or until ctx ends.
func patiently(ctx context.Context, again func() bool) error {
	for pause := firstPause; again(); pause = min(2*pause, lastPause) {
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
	return nil
}
