package proof_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// A desk is a database on which a game is played by hand.
type desk interface {
	// create makes tables, whose texts are of both databases.
	create(tb testing.TB, tables []string)
	// transact asks, lets play decide what to write, and writes it: one transaction, or nothing.
	transact(ctx context.Context, asked []request, play func() []request) error
	// size returns the bytes of all tables and indexes there are.
	size(b *testing.B) int64
	// written returns how many bytes have been written so far: by this process, or into the server's write-ahead log; 0 where that
	// cannot be known.
	written(b *testing.B) int64
}

// A request is a statement with the arguments of every row that it is about.
type request struct {
	words

	rows [][]any
	hear func(scan func(...any) error) error // is told each row of the answer
}

// words are a statement about one row, and about all rows at once, for which the arguments are arrays. SQLite, which is no
// trip away, knows the first only.
type words struct {
	one, all string
	locks    bool // what it reads, until the transaction ends
}

// inserting returns the words that insert rows into columns with types. Then says what is done about one that is there.
func inserting(table, columns, then string) words {
	var names, places, arrays []string
	for i, column := range strings.Split(columns, ", ") {
		name, kind, _ := strings.Cut(column, " ")
		names = append(names, name)
		places = append(places, fmt.Sprintf("$%d", i+1))
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, kind))
	}
	into := fmt.Sprintf("insert into %s (%s) ", table, strings.Join(names, ", "))
	return words{
		one: into + "values (" + strings.Join(places, ", ") + ") " + then,
		all: into + "select * from unnest(" + strings.Join(arrays, ", ") + ") " + then,
	}
}

// A sqliteDesk is for one caller at a time.
type sqliteDesk struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

func newSQLiteDesk(tb testing.TB, path string) desk {
	tb.Helper()
	db, err := sql.Open("sqlite", "file://"+path)
	require.NoError(tb, err)
	conn, err := db.Conn(tb.Context())
	require.NoError(tb, err)
	d := &sqliteDesk{conn, map[string]*sql.Stmt{}}
	tb.Cleanup(func() {
		for _, s := range d.prepared {
			require.NoError(tb, s.Close())
		}
		require.NoError(tb, conn.Close())
		require.NoError(tb, db.Close())
	})
	for _, p := range []string{"journal_mode = wal", "synchronous = full", "cache_size = -16384", "wal_autocheckpoint = 10000"} {
		_, err := conn.ExecContext(tb.Context(), "pragma "+p)
		require.NoError(tb, err)
	}
	return d
}

func (d *sqliteDesk) create(tb testing.TB, tables []string) {
	tb.Helper()
	for _, text := range tables {
		text = strings.NewReplacer("{id}", "integer primary key", "bigint", "integer", "{by key}", "strict, without rowid", "{by id}", "strict").Replace(text)
		_, err := d.conn.ExecContext(tb.Context(), text)
		require.NoError(tb, err)
	}
}

func (d *sqliteDesk) transact(ctx context.Context, asked []request, play func() []request) error {
	err := d.do(ctx, nil, "begin immediate")
	if err != nil {
		return err
	}
	if err = d.doAll(ctx, asked); err == nil {
		err = d.doAll(ctx, play())
	}
	if err == nil {
		err = d.do(ctx, nil, "commit")
	}
	if err != nil {
		return errors.Join(err, d.do(ctx, nil, "rollback"))
	}
	return nil
}

func (d *sqliteDesk) doAll(ctx context.Context, requests []request) error {
	for _, r := range requests {
		for _, args := range r.rows {
			if err := d.do(ctx, r.hear, r.one, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *sqliteDesk) do(ctx context.Context, hear func(func(...any) error) error, text string, args ...any) (err error) {
	s := d.prepared[text]
	if s == nil {
		if s, err = d.conn.PrepareContext(ctx, text); err != nil {
			return err
		}
		d.prepared[text] = s
	}
	if hear == nil {
		_, err = s.ExecContext(ctx, args...)
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := hear(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (d *sqliteDesk) size(b *testing.B) (bytes int64) {
	b.Helper()
	row := d.conn.QueryRowContext(b.Context(), "select page_count * page_size from pragma_page_count, pragma_page_size")
	require.NoError(b, row.Scan(&bytes))
	return bytes
}

// written is what Linux counts.
func (d *sqliteDesk) written(b *testing.B) (bytes int64) {
	b.Helper()
	counts, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(counts)) {
		if n, ok := strings.CutPrefix(line, "wchar: "); ok {
			bytes, err = strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			require.NoError(b, err)
		}
	}
	return bytes
}

// A postgresDesk sends what is asked in one trip, and what is written in another one.
type postgresDesk struct{ pool *pgxpool.Pool }

func newPostgresDesk(tb testing.TB, dsn string) desk {
	tb.Helper()
	return postgresDesk{newPool(tb, dsn, nil)}
}

func (d postgresDesk) create(tb testing.TB, tables []string) {
	tb.Helper()
	for _, text := range tables {
		text = strings.NewReplacer("{id}", "bigint generated always as identity primary key", "{by key}", "", "{by id}", "").Replace(text)
		_, err := d.pool.Exec(tb.Context(), text)
		require.NoError(tb, err)
	}
}

func (d postgresDesk) transact(ctx context.Context, asked []request, play func() []request) error {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	trip := &pgx.Batch{}
	trip.Queue("begin")
	queue(trip, asked)
	if err = conn.SendBatch(ctx, trip).Close(); err == nil {
		trip = &pgx.Batch{}
		queue(trip, play())
		trip.Queue("commit")
		err = conn.SendBatch(ctx, trip).Close()
	}
	if err != nil {
		_, undone := conn.Exec(ctx, "rollback")
		return errors.Join(err, undone)
	}
	return nil
}

func queue(trip *pgx.Batch, requests []request) {
	for _, r := range requests {
		if len(r.rows) == 0 {
			continue
		}
		text, args := r.one, r.rows[0]
		if len(r.rows) > 1 {
			text, args = r.all, columns(r.rows)
		}
		if r.locks {
			text += " for update"
		}
		sent := trip.Queue(text, args...)
		if r.hear != nil {
			sent.Query(func(rows pgx.Rows) error {
				for rows.Next() {
					if err := r.hear(rows.Scan); err != nil {
						return err
					}
				}
				return rows.Err()
			})
		}
	}
}

// columns turns rows of arguments into an array for each column.
func columns(rows [][]any) []any {
	all := make([]any, len(rows[0]))
	for i := range all {
		column := make([]any, len(rows))
		for j, row := range rows {
			column[j] = row[i]
		}
		all[i] = column
	}
	return all
}

// size first does what the server does when it finds the time: what is dead is space again, and the planner knows the tables.
func (d postgresDesk) size(b *testing.B) (bytes int64) {
	b.Helper()
	_, err := d.pool.Exec(b.Context(), "vacuum analyze "+strings.Join(tablesOf(b, d.pool), ", "))
	require.NoError(b, err)
	row := d.pool.QueryRow(b.Context(), "select sum(pg_total_relation_size(oid))::bigint from pg_class"+
		" where relnamespace = current_schema()::regnamespace and relkind = 'r'")
	require.NoError(b, row.Scan(&bytes))
	return bytes
}

func (d postgresDesk) written(b *testing.B) (bytes int64) {
	b.Helper()
	row := d.pool.QueryRow(b.Context(), "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
	require.NoError(b, row.Scan(&bytes))
	return bytes
}
