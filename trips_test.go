package guerdon_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store/postgres"
)

// trips counts what is sent to the server.
type trips struct{ n atomic.Int64 }

func (c *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func newTripsWorld(t testing.TB) (*world, *trips) {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.DSN(t))
	require.NoError(t, err)
	counter := &trips{}
	config.ConnConfig.Tracer = counter
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return newWorld(t, postgres.New(pool)), counter
}

// An event costs three round trips to PostgreSQL: what is known of it and its user, what the mechanics
// keep of the user, the writes. A batch costs no more.
func TestEventCostsThreeRoundTrips(t *testing.T) {
	w, counter := newTripsWorld(t)
	for i := range 3 { // statements are prepared, missions assigned
		_, err := w.Record(t.Context(), run(fmt.Sprint("warm", i), "ada", start.Add(-time.Hour)))
		require.NoError(t, err)
	}
	for i := range 5 {
		before := counter.n.Load()
		_, err := w.Record(t.Context(), run(fmt.Sprint("e", i), "ada", start))
		require.NoError(t, err)
		require.LessOrEqual(t, counter.n.Load()-before, int64(3))
	}
}
