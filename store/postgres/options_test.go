package postgres_test

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/postgres"
)

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for field, options := range map[string]postgres.Options{
		"maxConns":         {MaxConns: -1},
		"statementTimeout": {StatementTimeout: time.Microsecond},
		"schema":           {CreateSchema: true},
	} {
		_, err := postgres.Open(t.Context(), "postgres://127.0.0.1:1/nowhere", &options)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
}

// openWith opens a store with options for one test.
func openWith(t *testing.T, dsn string, options postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), dsn, &options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// The tables are in the schema that is named, which is created only if that is asked for.
func TestSchema(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	conn := connect(t, dsn)
	var name string
	require.NoError(t, conn.QueryRow(t.Context(), "select current_schema() || ' \"too'").Scan(&name))
	t.Cleanup(func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), "drop schema if exists "+pgx.Identifier{name}.Sanitize()+" cascade")
		require.NoError(t, err)
	})
	_, err := postgres.Open(t.Context(), dsn, &postgres.Options{Schema: name})
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorContains(t, err, strconv.Quote(name))
	for _, options := range []postgres.Options{{Schema: name, CreateSchema: true}, {Schema: name}} {
		s := openWith(t, dsn, options)
		require.NoError(t, s.Prepare(t.Context(), things.Schema()))
		require.NoError(t, put(t.Context(), s, thing{ID: "a", N: 1}))
	}
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from "+pgx.Identifier{name, "guerdon_things"}.Sanitize()).Scan(&n))
	require.Equal(t, 1, n)
	require.Empty(t, all(t, openFor(t, dsn), here), "another schema is another database")
}

// Who needs more connections than there may be waits for one.
func TestMaxConns(t *testing.T) {
	t.Parallel()
	s := openWith(t, pgtest.DSN(t), postgres.Options{MaxConns: 1})
	ctx := t.Context()
	require.NoError(t, s.Prepare(ctx, things.Schema()))
	require.NoError(t, put(ctx, s, thing{ID: "a"}))
	find := func(ctx context.Context) error {
		return s.View(ctx, here, func(tx store.Tx) error { _, _, err := things.Get(ctx, tx, "a"); return err })
	}
	require.NoError(t, s.View(ctx, here, func(tx store.Tx) error {
		_, _, err := things.Get(ctx, tx, "a")
		require.NoError(t, err)
		late, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		require.ErrorIs(t, find(late), context.DeadlineExceeded)
		return nil
	}))
	require.NoError(t, find(ctx))
}

// A statement that takes longer than it may is told apart from a lost connection, and nothing changes.
func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	ctx := t.Context()
	patient := openFor(t, dsn)
	require.NoError(t, put(ctx, patient, thing{ID: "a", N: 1}))
	s := openWith(t, dsn, postgres.Options{StatementTimeout: 20 * time.Millisecond})
	require.NoError(t, s.Prepare(ctx, things.Schema()))
	add := func(s store.Store, during func()) error {
		return s.Update(ctx, here, func(tx store.Tx) error {
			err := increment(ctx, tx, "a")
			during()
			return err
		})
	}
	require.NoError(t, add(patient, func() { // it has the lock
		err := add(s, func() {})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, fault.ErrLost)
		require.NotErrorIs(t, err, fault.ErrUnknown)
	}))
	require.NoError(t, add(s, func() {}))
	require.Equal(t, map[string]int64{"a": 3}, all(t, s, here))
}

// Views read from the replica, and what must see the latest does not.
func TestReplica(t *testing.T) {
	t.Parallel()
	dsn, behind := pgtest.DSN(t), pgtest.DSN(t)
	ctx := t.Context()
	require.NoError(t, put(ctx, openFor(t, behind), thing{ID: "a", N: 7}))
	s := openWith(t, dsn, postgres.Options{Replica: behind})
	require.NoError(t, s.Prepare(ctx, things.Schema()))
	require.NoError(t, put(ctx, s, thing{ID: "a", N: 1}))
	require.Equal(t, map[string]int64{"a": 7}, all(t, s, here))
	for _, current := range []func(context.Context, store.Scope, func(store.Tx) error) error{s.Update, s.Rehearse} {
		require.NoError(t, current(ctx, here, func(tx store.Tx) error {
			x, _, err := things.Get(ctx, tx, "a")
			require.EqualValues(t, 1, x.N)
			return err
		}))
	}
	_, err := postgres.Open(ctx, dsn, &postgres.Options{Replica: "postgres://127.0.0.1:1/nowhere"})
	require.ErrorIs(t, err, fault.ErrLost)
	_, err = postgres.Open(ctx, dsn, &postgres.Options{Replica: "postgres://:secret@host:port"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "replica")
}

// What a service's role may not create, another one creates with the script of a migration. Then the service prepares as
// always, and nothing is left to do.
func TestMigration(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	ctx := t.Context()
	conn := connect(t, dsn)
	var schema string
	require.NoError(t, conn.QueryRow(ctx, "select current_schema()").Scan(&schema))
	run := func(texts ...string) {
		for _, text := range texts {
			_, err := conn.Exec(context.WithoutCancel(ctx), text, pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err, text)
		}
	}
	guest := "guest_of_" + schema
	run("create role "+guest, "grant usage on schema "+schema+" to "+guest)
	t.Cleanup(func() { run("drop owned by "+guest, "drop role "+guest) })
	service, err := url.Parse(dsn)
	require.NoError(t, err)
	q := service.Query()
	q.Set("role", guest)
	service.RawQuery = q.Encode()
	s, owner := open(t, service.String()), open(t, dsn)
	t.Cleanup(func() { require.NoError(t, s.Close()); require.NoError(t, owner.Close()) })

	require.ErrorContains(t, s.Prepare(ctx, things.Schema()), "permission denied")
	script, err := owner.Migration(ctx, things.Schema())
	require.NoError(t, err)
	var there bool
	require.NoError(t, conn.QueryRow(ctx, "select to_regclass('guerdon_things') is not null").Scan(&there))
	require.False(t, there, "it changes nothing")
	run(script, "grant select, insert, update, delete on all tables in schema "+schema+" to "+guest)
	require.NoError(t, s.Prepare(ctx, things.Schema()))
	require.NoError(t, put(ctx, s, thing{ID: "a", N: 1}))
	require.Equal(t, map[string]int64{"a": 1}, all(t, s, here))
	script, err = owner.Migration(ctx, things.Schema())
	require.NoError(t, err)
	require.Empty(t, script)

	wider := store.Define("things", func(t *thing) string { return t.ID }, []store.Field[thing]{
		{Name: "name", Kind: store.KindText, Of: func(t *thing) store.Value { return store.Text(t.Name) }},
		{Name: "n", Kind: store.KindInt, Of: func(t *thing) store.Value { return store.Int(t.N) }},
		{Name: "twice", Kind: store.KindInt, Of: func(t *thing) store.Value { return store.Int(2 * t.N) }},
	}, store.Index{Name: "name", Columns: []string{"name", "n"}}, store.Index{Name: "n", Columns: []string{"n"}})
	_, err = owner.Migration(ctx, wider.Schema())
	require.ErrorIs(t, err, fault.ErrConflict)
	require.NoError(t, owner.Prepare(ctx, wider.Schema()))
	require.NoError(t, s.Prepare(ctx, wider.Schema()))
	script, err = owner.Migration(ctx, wider.Schema(), store.Define("others", func(t *thing) string { return t.ID }, nil).Schema())
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(script, "create table"), script)
}
