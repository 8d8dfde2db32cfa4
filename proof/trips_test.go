package proof_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/tenancy"
)

func newTripsWorld(t testing.TB) (*world, *pgtest.Trips) {
	t.Helper()
	counter := &pgtest.Trips{}
	return newWorld(t, postgres.New(newPool(t, databases.DSN(t), counter))), counter
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
		before := counter.Count()
		_, err := w.Record(t.Context(), run(fmt.Sprint("e", i), "ada", *w.now.Load()))
		require.NoError(t, err)
		require.LessOrEqual(t, counter.Count()-before, int64(3))
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
		before, begun := counter.Count(), counter.Begun()
		w.meeting(t, func() {}, calls...)
		require.NoError(t, errors.Join(errs...))
		return counter.Count() - before, counter.Begun() - begun
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
		before := counter.Count()
		_, err := w.Record(t.Context(), run(id, userID, start.Add(-time.Hour)))
		require.NoError(t, err)
		return counter.Count() - before
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
