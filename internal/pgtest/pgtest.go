// Package pgtest gives tests a PostgreSQL database of their own.
package pgtest

import (
	"context"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
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
	var schema string
	run(tb, dsn, func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		name := "select 'test_' || replace(gen_random_uuid()::text, '-', '')"
		if err := conn.QueryRow(ctx, name).Scan(&schema); err != nil {
			return false, err
		}
		_, err := conn.Exec(ctx, "create schema "+schema)
		return true, err
	})
	tb.Cleanup(func() {
		run(tb, dsn, func(ctx context.Context, conn *pgx.Conn) (bool, error) {
			_, err := conn.Exec(ctx, "set client_min_messages = error; drop schema "+schema+" cascade")
			return true, err
		})
	})
	own := *dsn
	q := own.Query()
	q.Set("search_path", schema)
	own.RawQuery = q.Encode()
	return own.String()
}

// run calls do with a connection.
func run(tb testing.TB, dsn *url.URL, do func(context.Context, *pgx.Conn) (bool, error)) bool {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context()) // the test may be over
	conn, err := pgx.Connect(ctx, dsn.String())
	require.NoError(tb, err)
	ok, err := do(ctx, conn)
	require.NoError(tb, err)
	require.NoError(tb, conn.Close(ctx))
	return ok
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
