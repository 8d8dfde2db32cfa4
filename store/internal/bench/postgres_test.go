package bench_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store/postgres"
)

// BenchmarkPostgres compares a store with the same work by hand in two batches.
func BenchmarkPostgres(b *testing.B) {
	dsn := pgtest.DSN(b)
	s, err := postgres.Open(b.Context(), dsn)
	require.NoError(b, err)
	fill(b, s)
	b.Run("hand", func(b *testing.B) { postgresByHand(b, dsn) })
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("store/%d", callers), func(b *testing.B) { together(b, s, callers) })
	}
	require.NoError(b, s.Close())
}

func postgresByHand(b *testing.B, dsn string) {
	b.Helper()
	ctx := b.Context()
	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(b, err)
	defer func() { require.NoError(b, conn.Close(ctx)) }()
	b.ResetTimer()
	for range b.N {
		n, id, user := piece()
		var first, second pgx.Batch
		first.Queue("begin")
		for _, t := range states {
			name := "guerdon_" + t.Schema().Name
			first.Queue("select record from "+name+" where scope = $1 and key = $2", scope.String(), user)
			second.Queue("update "+name+" set record = $1 where scope = $2 and key = $3", record, scope.String(), user)
		}
		for _, t := range logs {
			second.Queue("insert into guerdon_"+t.Schema().Name+` (scope, key, "user", at, record) values ($1, $2, $3, $4, $5)`,
				scope.String(), id, user, n, record)
		}
		second.Queue("commit")
		for _, batch := range []*pgx.Batch{&first, &second} {
			if err := conn.SendBatch(ctx, batch).Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	report(b)
}
