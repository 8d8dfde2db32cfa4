package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/storetest"
)

// databases are handed on from test to test, because making the tables takes longer than most of them.
var databases pgtest.Pool

func TestMain(m *testing.M) {
	code := m.Run()
	if err := databases.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	dsns := map[store.Store]string{}
	at := func(tb testing.TB, dsn string) store.Store {
		s := open(tb, dsn)
		mu.Lock()
		defer mu.Unlock()
		dsns[s] = dsn
		return s
	}
	storetest.Run(t, storetest.Harness{
		Open:     func(tb testing.TB) store.Store { return at(tb, pgtest.DSN(tb)) },
		OpenUsed: func(tb testing.TB) store.Store { return postgres.New(databases.Connect(tb)) },
		Reopen: func(tb testing.TB, s store.Store) store.Store {
			require.NoError(tb, s.Close())
			mu.Lock()
			dsn := dsns[s]
			mu.Unlock()
			return at(tb, dsn)
		},
	})
}

func open(tb testing.TB, dsn string) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(tb.Context(), dsn, nil)
	require.NoError(tb, err)
	return s
}

// openFor opens a store for one test and prepares the table of the tests.
func openFor(tb testing.TB, dsn string) *postgres.Store {
	tb.Helper()
	s := open(tb, dsn)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	require.NoError(tb, s.Prepare(tb.Context(), things.Schema()))
	return s
}

// A thing is a record of the tests.
type thing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	N    int64  `json:"n"`
}

var things = store.Define("things", func(t *thing) string { return t.ID }, []store.Field[thing]{
	{Name: "name", Kind: store.KindText, Of: func(t *thing) store.Value { return store.Text(t.Name) }},
	{Name: "n", Kind: store.KindInt, Of: func(t *thing) store.Value { return store.Int(t.N) }},
}, store.Index{Name: "name", Columns: []string{"name", "n"}})

var (
	here  = store.Scope{Account: "acme", Workspace: "default"}
	there = store.Scope{Account: "acme", Workspace: "other"}
)

var errNo = errors.New("no")

// put writes a record.
func put(ctx context.Context, s store.Store, rec thing) error {
	return s.Update(ctx, here, func(tx store.Tx) error { return things.Put(ctx, tx, rec) })
}

// increment adds one to a record.
func increment(ctx context.Context, tx store.Tx, id string) error {
	x, _, err := things.Get(ctx, tx, id)
	if err != nil {
		return err
	}
	return things.Put(ctx, tx, thing{ID: id, N: x.N + 1})
}

// all returns every record by its id.
func all(tb testing.TB, s store.Store, scope store.Scope) map[string]int64 {
	tb.Helper()
	found := map[string]int64{}
	require.NoError(tb, s.View(tb.Context(), scope, func(tx store.Tx) error {
		list, err := things.List(tb.Context(), tx, store.Query{})
		for _, x := range list {
			found[x.ID] = x.N
		}
		return err
	}))
	return found
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://:secret@host:port", nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.NotContains(t, err.Error(), "secret")
}

// New leaves the host's pool open.
func TestNew(t *testing.T) {
	t.Parallel()
	pool := newPool(t, pgtest.DSN(t), nil)
	s := postgres.New(pool)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.NoError(t, pool.Ping(t.Context()))
	require.Error(t, s.Prepare(t.Context()))
}

func newPool(t *testing.T, dsn string, tracer pgx.QueryTracer) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	config.ConnConfig.Tracer = tracer
	config.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := &pgtest.Trips{}
	s := postgres.New(newPool(t, pgtest.DSN(t), c))
	tables := []*store.Schema{things.Schema(), things.Schema()} // to name one again is no harm
	for i := range 10 {
		tables = append(tables, store.Define(fmt.Sprint("things", i), func(t *thing) string { return t.ID }, nil).Schema())
	}
	require.NoError(t, s.Prepare(ctx, tables...))
	require.NoError(t, put(ctx, s, thing{ID: "a", Name: "x"}))
	for _, x := range []struct {
		name string
		want int64
		do   func() error
	}{
		{"prepare what is there", 7, func() error { return s.Prepare(ctx, tables...) }},
		{"nothing", 0, func() error { return s.Update(ctx, here, func(store.Tx) error { return nil }) }},
		{"write", 1, func() error { return put(ctx, s, thing{ID: "b"}) }},
		{"fetch and write", 2, func() error {
			return s.Update(ctx, here, func(tx store.Tx) error {
				if err := tx.Prefetch(ctx, things.Keys("a", "b", "none"), things.Rows(store.By("name", store.Text("x")))); err != nil {
					return err
				}
				for _, id := range []string{"a", "b", "none"} {
					if err := increment(ctx, tx, id); err != nil {
						return err
					}
				}
				_, err := things.List(ctx, tx, store.By("name", store.Text("x")))
				return err
			})
		}},
		{"read and fail", 2, func() error {
			err := s.Update(ctx, here, func(tx store.Tx) error {
				return errors.Join(increment(ctx, tx, "a"), errNo)
			})
			if errors.Is(err, errNo) {
				return nil
			}
			return err
		}},
		{"view", 2, func() error {
			return s.View(ctx, here, func(tx store.Tx) error {
				_, _, err := things.Get(ctx, tx, "a")
				return err
			})
		}},
	} {
		before := c.Count()
		require.NoError(t, x.do(), x.name)
		require.Equal(t, x.want, c.Count()-before, x.name)
	}
	require.NoError(t, s.Close())
}

// The database of the tests orders texts by a language. guerdon's tables do not.
func TestCollation(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	s := openFor(t, dsn)
	conn := connect(t, dsn)
	var language bool
	require.NoError(t, conn.QueryRow(t.Context(), "select 'a' < 'B'").Scan(&language))
	require.True(t, language)
	rows, err := conn.Query(t.Context(), "select c.column_name::text from information_schema.columns c"+
		" where c.table_schema = current_schema() and c.data_type = 'text' and c.collation_name is distinct from 'C'")
	require.NoError(t, err)
	other, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, other)
	require.NoError(t, s.Update(t.Context(), here, func(tx store.Tx) error {
		return things.Put(t.Context(), tx, thing{ID: "a"}, thing{ID: "B"})
	}))
	require.NoError(t, s.View(t.Context(), here, func(tx store.Tx) error {
		list, err := things.List(t.Context(), tx, store.Query{})
		require.NoError(t, err)
		require.Equal(t, []thing{{ID: "B"}, {ID: "a"}}, list)
		return nil
	}))
}

// Two processes, each with a store of its own, lose nothing of what the other writes.
func TestProcesses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dsn := pgtest.DSN(t)
	stores := []*postgres.Store{openFor(t, dsn), openFor(t, dsn)}
	const callers, each = 6, 20
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range each {
				err := stores[i%2].Update(ctx, here, func(tx store.Tx) error {
					return errors.Join(increment(ctx, tx, "a"), increment(ctx, tx.In(there), "b"))
				})
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, map[string]int64{"a": callers * each}, all(t, stores[0], here))
	require.Equal(t, map[string]int64{"b": callers * each}, all(t, stores[1], there))
}

// Of two transactions that lock two scopes in opposite order, one is run again.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openFor(t, pgtest.DSN(t))
	var runs atomic.Int64
	var met sync.WaitGroup
	met.Add(2)
	meet := func(scopes ...store.Scope) error {
		first := true
		return s.Update(ctx, scopes[0], func(tx store.Tx) error {
			runs.Add(1)
			if err := increment(ctx, tx, "a"); err != nil {
				return err
			}
			if first {
				first = false
				met.Done()
				met.Wait()
			}
			return increment(ctx, tx.In(scopes[1]), "a")
		})
	}
	other := make(chan error)
	go func() { other <- meet(there, here) }()
	require.NoError(t, meet(here, there))
	require.NoError(t, <-other)
	require.EqualValues(t, 3, runs.Load())
	require.Equal(t, map[string]int64{"a": 2}, all(t, s, here))
	require.Equal(t, map[string]int64{"a": 2}, all(t, s, there))
}

// terminate ends the connections of an application.
func terminate(t *testing.T, conn *pgx.Conn, application string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1", application)
	require.NoError(t, err)
}

// A connection that is lost before the commit costs nothing but another run.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dsn := pgtest.DSN(t)
	application := fmt.Sprintf("guerdon-%p", t)
	s := openFor(t, dsn+"&pool_max_conns=2&application_name="+application)
	killer := connect(t, dsn)
	runs := 0
	require.NoError(t, s.Update(ctx, here, func(tx store.Tx) error {
		if err := increment(ctx, tx, "a"); err != nil {
			return err
		}
		if runs++; runs <= 2 {
			terminate(t, killer, application)
		}
		return increment(ctx, tx, "b")
	}))
	require.Equal(t, 3, runs)
	require.Equal(t, map[string]int64{"a": 1, "b": 1}, all(t, s, here))

	// If it is lost when the commit is sent, the store cannot know the outcome and says so, unless the
	// operating system refuses to send at all, as it does for a local socket: then it runs again.
	runs = 0
	err := s.Update(ctx, here, func(tx store.Tx) error {
		if err := increment(ctx, tx, "a"); err != nil {
			return err
		}
		if runs++; runs == 1 {
			terminate(t, killer, application)
		}
		return nil
	})
	want := map[string]int64{"a": 1, "b": 1}
	if err == nil {
		want["a"]++
	} else {
		require.ErrorIs(t, err, fault.ErrUnknown)
	}
	require.Equal(t, want, all(t, s, here))
}

// A hostTx is a transaction of a host's.
type hostTx struct {
	join             func() store.Store
	exec             func(text string, args ...any) error
	commit, rollback func() error
}

// ways begin a transaction of a host's in one of the ways that can be joined.
var ways = map[string]func(*testing.T, *postgres.Store, *pgx.Conn, string) hostTx{
	"pgx": func(t *testing.T, s *postgres.Store, conn *pgx.Conn, level string) hostTx {
		t.Helper()
		ctx := t.Context()
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.TxIsoLevel(level)})
		require.NoError(t, err)
		return hostTx{
			join:     func() store.Store { return s.Join(tx) },
			exec:     func(text string, args ...any) error { _, err := tx.Exec(ctx, text, args...); return err },
			commit:   func() error { return tx.Commit(ctx) },
			rollback: func() error { return tx.Rollback(ctx) },
		}
	},
	"database/sql": func(t *testing.T, s *postgres.Store, conn *pgx.Conn, level string) hostTx {
		t.Helper()
		ctx := t.Context()
		db := stdlib.OpenDB(*conn.Config())
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		levels := map[string]sql.IsolationLevel{"repeatable read": sql.LevelRepeatableRead, "serializable": sql.LevelSerializable}
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: levels[level]})
		require.NoError(t, err)
		return hostTx{
			join:     func() store.Store { return s.JoinSQL(tx) },
			exec:     func(text string, args ...any) error { _, err := tx.ExecContext(ctx, text, args...); return err },
			commit:   tx.Commit,
			rollback: tx.Rollback,
		}
	},
}

// order writes a row of the host's.
func (tx hostTx) order(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, tx.exec("insert into orders (id) values ($1)", id))
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for name, begin := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s, conn := joinable(t)
			tx := begin(t, s, conn, "")
			tx.order(t, "1")
			j := tx.join()
			require.NoError(t, j.Prepare(ctx, things.Schema()))
			require.NoError(t, put(ctx, j, thing{ID: "a", N: 1}))
			require.NoError(t, put(ctx, j, thing{ID: "b", N: 2}))
			require.Len(t, all(t, j, here), 2) // it sees what it wrote
			require.Empty(t, all(t, s, here))  // nobody else does
			require.NoError(t, j.Close())
			require.NoError(t, tx.commit())
			require.Len(t, all(t, s, here), 2)
			require.Equal(t, 1, orders(t, conn))

			tx = begin(t, s, conn, "")
			tx.order(t, "2")
			require.NoError(t, put(ctx, tx.join(), thing{ID: "c"}))
			require.NoError(t, tx.rollback())
			require.Len(t, all(t, s, here), 2)
			require.Equal(t, 1, orders(t, conn))
			err := put(ctx, tx.join(), thing{ID: "d"})
			require.True(t, errors.Is(err, pgx.ErrTxClosed) || errors.Is(err, sql.ErrTxDone), "%v", err)
		})
	}
}

// A function that fails leaves the host's transaction as it was.
func TestJoinFails(t *testing.T) {
	t.Parallel()
	for name, begin := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s, conn := joinable(t)
			_, err := conn.Exec(ctx, "alter table guerdon_things add constraint no check (key <> 'bad')")
			require.NoError(t, err)
			tx := begin(t, s, conn, "")
			tx.order(t, "1")
			j := tx.join()
			require.NoError(t, put(ctx, j, thing{ID: "a"}))
			require.ErrorIs(t, j.Update(ctx, here, func(tx store.Tx) error {
				require.NoError(t, things.Put(ctx, tx, thing{ID: "a", N: 9}, thing{ID: "b"}))
				return errors.Join(increment(ctx, tx, "a"), errNo)
			}), errNo)
			require.PanicsWithValue(t, "no", func() {
				_ = j.Update(ctx, here, func(tx store.Tx) error {
					require.NoError(t, things.Delete(ctx, tx, "a"))
					panic("no")
				})
			})
			require.Error(t, j.Update(ctx, here, func(tx store.Tx) error {
				require.NoError(t, things.Delete(ctx, tx, "a"))
				return things.Put(ctx, tx, thing{ID: "aa"}, thing{ID: "bad"})
			}))
			require.ErrorIs(t, j.View(ctx, here, func(tx store.Tx) error {
				return things.Put(ctx, tx, thing{ID: "c"})
			}), store.ErrReadOnly)
			tx.order(t, "2")
			require.NoError(t, put(ctx, j, thing{ID: "d"}))
			require.NoError(t, tx.commit())
			require.Equal(t, map[string]int64{"a": 0, "d": 0}, all(t, s, here))
			require.Equal(t, 2, orders(t, conn))
		})
	}
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	other := store.Define("others", func(t *thing) string { return t.ID }, nil)
	for name, begin := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s, conn := joinable(t)
			for _, level := range []string{"repeatable read", "serializable"} {
				tx := begin(t, s, conn, level)
				require.ErrorIs(t, tx.join().Prepare(ctx, things.Schema(), other.Schema()), fault.ErrConflict)
				tx.order(t, level)
				err := put(ctx, tx.join(), thing{ID: "a"})
				require.ErrorIs(t, err, fault.ErrInvalid)
				require.ErrorContains(t, err, level)
				require.NoError(t, tx.commit())
			}
			require.Equal(t, 2, orders(t, conn))
			require.Empty(t, all(t, s, here))
		})
	}
}

// hosted is a store whose updates are part of transactions of a host's, each of its own.
type hosted struct {
	*postgres.Store

	db *sql.DB
}

func (h hosted) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // also if fn panics
	if err := h.JoinSQL(tx).Update(ctx, scope, fn); err != nil {
		return err
	}
	return tx.Commit()
}

func TestModelOfWhatIsJoined(t *testing.T) {
	t.Parallel()
	storetest.Model(t, map[string]func(testing.TB) store.Store{"database/sql": func(tb testing.TB) store.Store {
		dsn := pgtest.DSN(tb)
		config, err := pgx.ParseConfig(dsn)
		require.NoError(tb, err)
		db := stdlib.OpenDB(*config)
		tb.Cleanup(func() { require.NoError(tb, db.Close()) })
		return hosted{open(tb, dsn), db}
	}})
}

// joinable returns a store, and a host's connection to the same database with a table of its own.
func joinable(t *testing.T) (*postgres.Store, *pgx.Conn) {
	t.Helper()
	dsn := pgtest.DSN(t)
	s := openFor(t, dsn)
	conn := connect(t, dsn)
	_, err := conn.Exec(t.Context(), "create table orders (id text primary key)")
	require.NoError(t, err)
	return s, conn
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	return conn
}

func orders(t *testing.T, conn *pgx.Conn) (n int) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from orders").Scan(&n))
	return n
}

func TestModelOfTwoStoresOnOneDatabase(t *testing.T) {
	t.Parallel()
	storetest.Model(t, map[string]func(testing.TB) store.Store{"two": func(tb testing.TB) store.Store {
		dsn := pgtest.DSN(tb)
		return storetest.InTurns(open(tb, dsn), open(tb, dsn))
	}})
}

// Where the lock of a scope keeps nobody out, as with some databases and proxies that only look like PostgreSQL, the
// transactions that meet are conflicts, and no increment is lost.
func TestLockThatLies(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	stores := []*postgres.Store{openFor(t, dsn), openFor(t, dsn)}
	for _, s := range stores {
		s.LetTheLockLie()
	}
	var done atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				err := stores[i%2].Update(t.Context(), here, func(tx store.Tx) error { return increment(t.Context(), tx, "n") })
				if err == nil {
					done.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.Positive(t, done.Load())
	require.Equal(t, done.Load(), all(t, stores[0], here)["n"])
}

// A database whose rows name their scope is converted when it is prepared.
func TestScopesGetNumbers(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	for _, text := range []string{
		`create table guerdon_tables (name text collate "C" not null primary key, version bigint not null)`,
		`insert into guerdon_tables values ('things', 1)`,
		`create table "guerdon_things" (scope text collate "C" not null, "key" text collate "C" not null, "name" text collate "C", "n" bigint, record json not null, primary key (scope, "key"))`,
		`create index "guerdon_things_by_name" on "guerdon_things" (scope, "name", "n", "key") where "name" is not null and "n" is not null`,
		`insert into guerdon_things values ('acme/default', 'a', 'x', 1, '{"id":"a","name":"x","n":1}'), ('acme/other', 'a', 'x', 2, '{"id":"a","name":"x","n":2}')`,
	} {
		_, err := conn.Exec(t.Context(), text)
		require.NoError(t, err)
	}
	require.NoError(t, conn.Close(t.Context()))
	for i := range 2 {
		s := openFor(t, dsn)
		require.Equal(t, map[string]int64{"a": 2}, all(t, s, there))
		require.EqualValues(t, 1, all(t, s, here)["a"])
		require.NoError(t, put(t.Context(), s, thing{ID: strconv.Itoa(i), Name: "x", N: 3}))
	}
}

func TestInherit(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	exec := func(statement string) error {
		_, err := conn.Exec(t.Context(), statement)
		return err
	}
	storetest.Inherits(t, `text collate "C"`, exec, func() store.Heir {
		s := open(t, dsn)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	})
}

func TestNewerProgram(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	older, newer := open(t, dsn), open(t, dsn)
	t.Cleanup(func() { require.NoError(t, older.Close()); require.NoError(t, newer.Close()) })
	storetest.Newer(t, older, newer)
}

func TestGivesUpBehindAnotherProcess(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	storetest.GivesUp(t, openFor(t, dsn), openFor(t, dsn))
}

func TestCrowded(t *testing.T) {
	t.Parallel()
	s := openFor(t, pgtest.DSN(t))
	storetest.Crowded(t, s, s)
}

func TestMetered(t *testing.T) {
	t.Parallel()
	storetest.Metered(t, openFor(t, pgtest.DSN(t)), true)
}

func TestDamagedRow(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	storetest.Damaged(t, openFor(t, dsn), func(key string) {
		conn, err := pgx.Connect(t.Context(), dsn)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), `update guerdon_notes set record = '{"id": 7}' where "key" = $1`, key)
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
	})
}

// What a host can do something about has a kind, and says once whose it is.
func TestKindsOfFailure(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://127.0.0.1:1/nowhere", nil)
	require.ErrorIs(t, err, fault.ErrLost)
	dsn := pgtest.DSN(t)
	s := openFor(t, dsn)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	for _, text := range []string{
		`create function no_room() returns trigger language plpgsql as $$ begin raise exception 'no space left' using errcode = '53100'; end $$`,
		`create trigger no_room before insert on guerdon_things for each row execute function no_room()`,
	} {
		_, err := conn.Exec(t.Context(), text)
		require.NoError(t, err)
	}
	require.NoError(t, conn.Close(t.Context()))
	err = put(t.Context(), s, thing{ID: "a"})
	require.ErrorIs(t, err, fault.ErrFull)
	require.Equal(t, 1, strings.Count(err.Error(), "postgres: "), "%v", err)
	require.Empty(t, all(t, s, here))
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	require.ErrorIs(t, put(late, s, thing{ID: "a"}), context.DeadlineExceeded)
}
