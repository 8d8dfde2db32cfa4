package bench_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store/sqlite"
)

// BenchmarkSQLite compares a store with the same statements by hand: prepared, on one connection, one
// or a hundred pieces of work in a transaction.
func BenchmarkSQLite(b *testing.B) {
	for mode, synchronous := range map[string]sqlite.Synchronous{"full": sqlite.Full, "normal": sqlite.Normal} {
		path := filepath.Join(b.TempDir(), mode+".db")
		s, err := sqlite.Open(b.Context(), path, &sqlite.Options{Synchronous: synchronous})
		require.NoError(b, err)
		fill(b, s)
		for _, batch := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/hand/%d", mode, batch), func(b *testing.B) { sqliteByHand(b, path, mode, batch) })
		}
		for _, callers := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/store/%d", mode, callers), func(b *testing.B) { together(b, s, callers) })
		}
		require.NoError(b, s.Close())
	}
}

// sqliteByHand does the work in transactions of batch pieces each.
func sqliteByHand(b *testing.B, path, mode string, batch int) {
	b.Helper()
	ctx := b.Context()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(wal)&_pragma=synchronous("+mode+")"+
		"&_pragma=cache_size(-65536)&_pragma=wal_autocheckpoint(10000)")
	require.NoError(b, err)
	defer func() { require.NoError(b, db.Close()) }()
	conn, err := db.Conn(ctx)
	require.NoError(b, err)
	defer func() { require.NoError(b, conn.Close()) }()
	prepare := func(text string) *sql.Stmt {
		stmt, err := conn.PrepareContext(ctx, text)
		require.NoError(b, err)
		return stmt
	}
	run := func(s *sql.Stmt, args ...any) {
		if _, err := s.ExecContext(ctx, args...); err != nil {
			b.Fatal(err)
		}
	}
	var read, update, insert []*sql.Stmt
	for _, t := range states {
		name := "guerdon_" + t.Schema().Name
		read = append(read, prepare("select record from "+name+" where scope = ? and key = ?"))
		update = append(update, prepare("update "+name+" set record = ? where scope = ? and key = ?"))
	}
	for _, t := range logs {
		insert = append(insert, prepare("insert into guerdon_"+t.Schema().Name+
			" (scope, key, user, at, record) values (?, ?, ?, ?, ?)"))
	}
	begin, commit := prepare("begin immediate"), prepare("commit")
	b.ResetTimer()
	for i := range b.N {
		if i%batch == 0 {
			run(begin)
		}
		n, id, user := piece()
		for _, s := range read {
			var was string
			if err := s.QueryRowContext(ctx, scope.String(), user).Scan(&was); err != nil {
				b.Fatal(err)
			}
		}
		for _, s := range update {
			run(s, record, scope.String(), user)
		}
		for _, s := range insert {
			run(s, scope.String(), id, user, n, record)
		}
		if i%batch == batch-1 || i == b.N-1 {
			run(commit)
		}
	}
	report(b)
}
