// Package pgtest gives tests a PostgreSQL database of their own.
package pgtest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// Variable is the environment variable that holds the URL of the server's database to test with. Its
// user must be allowed to create schemas, and databases unless this one orders texts by a language.
const Variable = "GUERDON_TEST_POSTGRES"

// database is made where the given one orders texts by their bytes, so that a text that lacks its
// collation shows.
const database = "guerdon_test_icu"

// DSN returns the URL of a database whose search_path is a new schema, which is dropped when the test
// ends. Without a server it skips the test, but fails it where CI is set to true.
func DSN(tb testing.TB) string {
	tb.Helper()
	own := schema(tb, server(tb))
	tb.Cleanup(func() { run(tb, own, drop) })
	return own.String()
}

// A Pool lets a test have the schema of another that is over, so that few tests wait until their tables are made. Its zero
// value has no schema.
type Pool struct {
	mu   sync.Mutex
	free []*lent
}

// lent is a schema that a test has, or nobody.
type lent struct {
	dsn   *url.URL
	conns *pgxpool.Pool // nil until somebody has asked for it
}

// DSN does what the function does, but the schema is not dropped when the test ends: whoever comes next finds its tables
// without a row. A test that changes tables needs one of its own.
func (p *Pool) DSN(tb testing.TB) string {
	tb.Helper()
	return p.lend(tb).dsn.String()
}

// Connect returns connections to such a schema. They are not closed when the test ends: whoever comes next finds the
// statements prepared that others have made, because the server takes longer to begin with a connection than for most tests.
func (p *Pool) Connect(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	l := p.lend(tb)
	if l.conns == nil {
		var err error
		l.conns, err = pgxpool.New(context.WithoutCancel(tb.Context()), l.dsn.String())
		require.NoError(tb, err)
	}
	return l.conns
}

// lend lets a test have a schema until it ends.
func (p *Pool) lend(tb testing.TB) *lent {
	tb.Helper()
	l := p.take()
	if l == nil {
		l = &lent{dsn: schema(tb, server(tb))}
	}
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context()) // the test is over
		if tb.Failed() {                           // who knows what it has left
			require.NoError(tb, l.drop(ctx))
			return
		}
		require.NoError(tb, l.empty(ctx))
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, l)
	})
	return l
}

// take returns a schema that nobody has, or nil.
func (p *Pool) take() *lent {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return nil
	}
	last := len(p.free) - 1
	defer func() { p.free = p.free[:last] }()
	return p.free[last]
}

// Close drops the schemas, when all tests are over.
func (p *Pool) Close() error {
	var all []error
	for l := p.take(); l != nil; l = p.take() {
		all = append(all, l.drop(context.Background()))
	}
	return errors.Join(all...)
}

// empty deletes all rows of the schema's tables.
func (l *lent) empty(ctx context.Context) error {
	if l.conns == nil {
		_, err := connected(ctx, l.dsn, empty)
		return err
	}
	return l.conns.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		_, err := empty(ctx, conn.Conn())
		return err
	})
}

// drop closes the connections and drops the schema.
func (l *lent) drop(ctx context.Context) error {
	if l.conns != nil {
		l.conns.Close()
	}
	_, err := connected(ctx, l.dsn, drop)
	return err
}

// server returns the URL of the database that tests make their schemas in.
func server(tb testing.TB) *url.URL {
	tb.Helper()
	given := os.Getenv(Variable)
	switch {
	case given != "":
	case os.Getenv("CI") == "true":
		tb.Fatalf("%s is not set", Variable)
	default:
		tb.Skipf("%s is not set", Variable)
	}
	dsn, err := url.Parse(given)
	require.NoError(tb, err, "%s must be a URL", Variable)
	if run(tb, dsn, createDatabase) {
		dsn.Path = "/" + database
	}
	return dsn
}

// schema makes a schema and returns the URL whose search_path it is.
func schema(tb testing.TB, dsn *url.URL) *url.URL {
	tb.Helper()
	var name string
	run(tb, dsn, func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		text := "select 'test_' || replace(gen_random_uuid()::text, '-', '')"
		if err := conn.QueryRow(ctx, text).Scan(&name); err != nil {
			return false, err
		}
		_, err := conn.Exec(ctx, "create schema "+name)
		return true, err
	})
	own := *dsn
	q := own.Query()
	q.Set("search_path", name)
	own.RawQuery = q.Encode()
	return &own
}

// drop drops the schema of a connection.
func drop(ctx context.Context, conn *pgx.Conn) (bool, error) {
	_, err := conn.Exec(ctx, "set client_min_messages = error; do $$ begin execute 'drop schema ' || current_schema() || ' cascade'; end $$")
	return true, err
}

// empty deletes all rows of the tables in the schema of a connection, but for the versions of the tables. What nobody has
// written to has no page.
func empty(ctx context.Context, conn *pgx.Conn) (bool, error) {
	_, err := conn.Exec(ctx, `do $$ declare name text; begin
		for name in select relname from pg_class
			where relkind = 'r' and relnamespace = current_schema()::regnamespace and relname <> 'guerdon_tables'
				and pg_relation_size(oid) > 0 loop
			execute format('delete from %I', name);
		end loop;
	end $$`)
	return true, err
}

// run calls do with a connection.
func run(tb testing.TB, dsn *url.URL, do func(context.Context, *pgx.Conn) (bool, error)) bool {
	tb.Helper()
	ok, err := connected(context.WithoutCancel(tb.Context()), dsn, do) // the test may be over
	require.NoError(tb, err)
	return ok
}

// connected calls do with a connection.
func connected(ctx context.Context, dsn *url.URL, do func(context.Context, *pgx.Conn) (bool, error)) (bool, error) {
	conn, err := pgx.Connect(ctx, dsn.String())
	if err != nil {
		return false, err
	}
	ok, err := do(ctx, conn)
	return ok, errors.Join(err, conn.Close(ctx))
}

// createDatabase makes the database that orders texts by a language, and tells whether it is needed.
func createDatabase(ctx context.Context, conn *pgx.Conn) (needed bool, err error) {
	// Processes that test at the same time make it only once. The lock ends with the connection.
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtextextended($1, 0))", database); err != nil {
		return false, err
	}
	var here string
	err = conn.QueryRow(ctx, "select datlocprovider::text from pg_database where datname = current_database()").Scan(&here)
	if err != nil || here == "i" {
		return false, err
	}
	var there bool
	err = conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", database).Scan(&there)
	if err != nil || there {
		return true, err
	}
	_, err = conn.Exec(ctx, "create database "+database+" locale_provider icu icu_locale 'en-US' template template0")
	return true, err
}
