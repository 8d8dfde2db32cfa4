package main

import (
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/pgtest"
)

// migrated is what migrate does to a database that is empty, run being what runs SQL in it.
func migrated(t *testing.T, s *shell, run func(script string)) {
	t.Helper()
	script, notes, code := s.run("migrate")
	require.EqualValues(t, found, code, notes)
	require.Contains(t, script, `create table "guerdon_journal"`)
	require.Contains(t, script, `create table "guerdon_analytics`)
	run(script)
	require.Equal(t, "-- nothing is to be done\n", s.ok("migrate"), "the script is all there was to do")
	require.Equal(t, "-- nothing is to be done\n", s.ok("migrate -apply"))
	require.Contains(t, s.fails("export"), `workspace: "acme/default" not found; there is none yet: guerdon import -create makes one`)

	run("update guerdon_tables set version = 1 where name = 'users'")
	out, _, code := s.run("migrate -json")
	require.EqualValues(t, found, code)
	require.Contains(t, out, `"applied": false`)
	require.Contains(t, s.fails("export"), "the database is not as this version keeps it: guerdon migrate shows what is to be done")
	require.Contains(t, s.ok("migrate -apply"), "-- done\n")
	require.Equal(t, "-- nothing is to be done\n", s.ok("migrate"))

	run("update guerdon_tables set version = 1000 where name = 'users'")
	for _, line := range []string{"migrate", "migrate -apply", "export", "import -create " + s.write("game.json", things), "serve -addr 127.0.0.1:0"} {
		require.Contains(t, s.fails(line), `table "users" has version 1000, this program knows `, line)
	}
}

func TestMigrateSQLite(t *testing.T) {
	s := club(t)
	t.Setenv("HOME", s.dir) // where serve keeps media
	t.Setenv("XDG_CACHE_HOME", s.dir)
	require.Equal(t, "guerdon: there is no database club.db\n", s.fails("migrate"))
	require.Contains(t, s.fails("migrate -db memory"), "a store in memory has no tables to migrate")
	db, err := sql.Open("sqlite", s.path("club.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	exec := func(script string) {
		_, err := db.ExecContext(t.Context(), script)
		require.NoError(t, err)
	}
	s.write("club.db", "") // SQLite takes an empty file for an empty database
	migrated(t, s, exec)
	s.env["GUERDON_DB"] = s.path("other.db")
	require.Contains(t, s.ok("migrate -apply"), "commit;\n-- done\n", "a file that is missing is made")
}

func TestMigratePostgreSQL(t *testing.T) {
	s := club(t)
	t.Setenv("HOME", s.dir)
	t.Setenv("XDG_CACHE_HOME", s.dir)
	dsn := pgtest.DSN(t)
	s.env["GUERDON_DB"] = dsn
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	migrated(t, s, func(script string) {
		_, err := conn.Exec(t.Context(), script, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
	})
}
