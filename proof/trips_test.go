package proof_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/tenancy"
)

// trips counts what is sent to the server, and can spoil one of them.
type trips struct {
	n      atomic.Int64
	begun  atomic.Int64 // transactions
	at     int64        // the trip that is struck
	strike func(context.Context, *pgx.Conn) context.Context
}

// strikeAfter lets so many trips pass and spoils the next one. nil spoils none.
func (c *trips) strikeAfter(trips int, strike func(context.Context, *pgx.Conn) context.Context) {
	c.at, c.strike = c.n.Load()+int64(trips)+1, strike
}

func (c *trips) start(ctx context.Context, on *pgx.Conn) context.Context {
	if c.n.Add(1) == c.at && c.strike != nil {
		return c.strike(ctx, on)
	}
	return ctx
}

func (c *trips) TraceQueryStart(ctx context.Context, on *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return c.start(ctx, on)
}

func (c *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *trips) TraceBatchStart(ctx context.Context, on *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return c.start(ctx, on)
}

func (c *trips) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	if strings.HasPrefix(data.SQL, "begin") {
		c.begun.Add(1)
	}
}

func (c *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func newTripsWorld(t testing.TB) (*world, *trips) {
	t.Helper()
	config, err := pgxpool.ParseConfig(databases.DSN(t))
	require.NoError(t, err)
	counter := &trips{}
	config.ConnConfig.Tracer = counter
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return newWorld(t, postgres.New(pool)), counter
}

// An event costs three round trips to PostgreSQL: what is known of it and its user, what the mechanics
// keep of the user, the writes.
func TestEventCostsThreeRoundTrips(t *testing.T) {
	w, counter := newTripsWorld(t)
	w.publish(t, weekly("kinds", object{"source": "activity_logs", "score": object{"count_distinct": variable("entityId")}})...)
	w.set(start.Add(time.Hour))
	for i := range 3 { // statements are prepared, missions assigned
		_, err := w.Record(t.Context(), run(fmt.Sprint("warm", i), "ada", start.Add(time.Minute)))
		require.NoError(t, err)
	}
	for i := range 5 {
		w.set(start.Add(time.Hour).AddDate(0, 0, i/2)) // the first of a day and another
		before := counter.n.Load()
		_, err := w.Record(t.Context(), run(fmt.Sprint("e", i), "ada", *w.now.Load()))
		require.NoError(t, err)
		require.LessOrEqual(t, counter.n.Load()-before, int64(3))
	}
}

// However many callers share a transaction, what they read takes the two round trips of one of them, and what they write
// takes one.
func TestQueueCostsAsManyRoundTripsAsOneCaller(t *testing.T) {
	w, counter := newTripsWorld(t)
	w.publish(t, weekly("kinds", object{"source": "activity_logs", "score": object{"count_distinct": variable("entityId")}})...)
	w.set(start.Add(time.Hour))
	users := make([]string, 64)
	for i := range users {
		users[i] = fmt.Sprint("user-", i)
		_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: users[i]})
		require.NoError(t, err)
	}
	rounds := 0
	cost := func(callers int) (trips, transactions int64) {
		rounds++
		calls, errs := make([]func(context.Context), callers), make([]error, callers)
		for i := range calls {
			e := run(fmt.Sprint(users[i], "-", rounds), users[i], start.Add(time.Duration(rounds)*time.Second))
			ws := []*guerdon.Workspace{w.Workspace, w.As(content.Actor{Type: content.ByMachine, ID: "sports"})}[i%2]
			calls[i] = func(ctx context.Context) { _, errs[i] = ws.Record(ctx, e) }
		}
		before, begun := counter.n.Load(), counter.begun.Load()
		w.meeting(t, func() {}, calls...)
		require.NoError(t, errors.Join(errs...))
		return counter.n.Load() - before, counter.begun.Load() - begun
	}
	for range 3 { // statements are prepared, and the missions that are completed by three events
		cost(len(users))
	}
	for _, callers := range []int{1, 4, 16, 64} {
		trips, transactions := cost(callers) // which are several if they take too long together
		// The one that holds up the queue until all are in it reads too.
		require.LessOrEqual(t, trips, 1+3*transactions, "%d callers, %d transactions", callers, transactions)
	}
}

// A late event costs no more if its user has changed since.
func TestPastOfAUserCostsNoRoundTrip(t *testing.T) {
	w, counter := newTripsWorld(t)
	cost := func(id, userID string) int64 {
		before := counter.n.Load()
		_, err := w.Record(t.Context(), run(id, userID, start.Add(-time.Hour)))
		require.NoError(t, err)
		return counter.n.Load() - before
	}
	w.set(start.Add(time.Hour))
	_, err := w.Users.Update(t.Context(), "bob", tenancy.UserPatch{Timezone: new("Asia/Seoul")})
	require.NoError(t, err)
	_, err = w.Users.Update(t.Context(), "ada", tenancy.UserPatch{Nickname: new("Ada")}) // which is no other user for rules
	require.NoError(t, err)
	for i := range 2 {
		ada, bob := cost(fmt.Sprint("ada", i), "ada"), cost(fmt.Sprint("bob", i), "bob")
		if i > 0 { // statements are prepared, missions assigned
			require.Equal(t, ada, bob)
		}
	}
}
