package mobility_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
)

// seer is a provider that saw some trackings.
type seer struct {
	name string
	saw  []mobility.Tracking
	err  error
}

func (s seer) Name() string { return s.name }

func (seer) Status(context.Context) (mobility.ProviderStatus, error) {
	return mobility.ProviderStatus{Enabled: true}, nil
}

func (s seer) Token(_ context.Context, userID string) (string, error) {
	return "token of " + userID, s.err
}

func (s seer) Trackings(context.Context, []byte) ([]mobility.Tracking, error) { return s.saw, s.err }

func TestTokensAreForWhoTurnedItOn(t *testing.T) {
	w := newWorld(t)
	token, err := w.Mobility.Token(t.Context(), seer{name: "p"}, "ada")
	require.NoError(t, err)
	require.Equal(t, "token of ada", token)
	for want, err := range map[error]error{
		fault.ErrForbidden: errOf(w.Mobility.Token(t.Context(), seer{name: "q"}, "ada")),
		fault.ErrNotFound:  errOf(w.Mobility.Token(t.Context(), seer{name: "p"}, "nobody")),
		fault.ErrInvalid:   errors.Join(errOf(w.Mobility.Token(t.Context(), nil, "ada")), errOf(w.Mobility.Token(t.Context(), seer{}, "ada"))),
	} {
		require.ErrorIs(t, err, want)
	}
}

func errOf[T any](_ T, err error) error { return err }

// A provider may know people whom the host has let go: what it saw of the others is taken.
func TestWhatAProviderSendsIsTaken(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	stranger, gone := track("s", mobility.Walk, 0, 10, 1000), track("g", mobility.Walk, 0, 10, 1000)
	stranger.UserID, gone.UserID = "nobody", "bob"
	_, err := w.Users.Suspend(ctx, "bob")
	require.NoError(t, err)
	mine := track("a", mobility.Walk, 0, 10, 1000)
	mine.Provider = "whatever"
	got, err := w.Mobility.Receive(ctx, seer{name: "p", saw: []mobility.Tracking{stranger, mine, gone}}, nil)
	require.NoError(t, err)
	require.Equal(t, []mobility.Tracked{
		{Result: mobility.NotTracked}, {ID: "ada:p:a", Result: mobility.Recorded, EventID: "ada:p:a:1"}, {Result: mobility.NotTracked},
	}, got)
	_, err = w.Mobility.Receive(ctx, nil, nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = w.Mobility.Receive(ctx, seer{name: "p", err: fault.Invalid("data", "is none")}, nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	got, err = w.Mobility.Receive(ctx, seer{name: "p"}, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

// What is too much for one call is taken in portions, and an error names the place among all.
func TestManyAreTakenInPortions(t *testing.T) {
	w := newWorld(t)
	many := make([]mobility.Tracking, mobility.MaxTrackings+2)
	for i := range many {
		many[i] = track(fmt.Sprint("t", i), mobility.Walk, -time.Duration(i)*time.Hour, 1, 10)
	}
	many[len(many)-1].Length = -1
	got, err := w.Mobility.Receive(t.Context(), seer{name: "p", saw: many}, nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "trackings[1001].length: ")
	require.Len(t, got, mobility.MaxTrackings)
	many[len(many)-1].Length = 1
	got, err = w.Mobility.Receive(t.Context(), seer{name: "p", saw: many}, nil)
	require.NoError(t, err)
	require.Equal(t, mobility.Unchanged, got[0].Result)
	require.Equal(t, mobility.Recorded, got[len(got)-1].Result)
	list, next, err := w.Mobility.Milestones(t.Context(), "ada", mobility.Query{}, store.Page{Limit: 2})
	require.NoError(t, err)
	require.NotEmpty(t, next)
	require.Len(t, list, 10)
}

// Without factors a day has minutes and kilometres, and says why it avoided nothing; without goals it has nothing to reach.
func TestDocumentsMayBeMissing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.Mobility.Factors.Archive(ctx, "factors")
	require.NoError(t, err)
	w.tells(t, track("a", mobility.Walk, 0, 10, 1000))
	w.requireReached(t, "km:target0", true, "1")
	x, err := w.Mobility.Explain(ctx, "ada:2024-01-01:co2:target0")
	require.NoError(t, err)
	require.Equal(t, "no factors were in force", x.Trackings[0].Reason)
	w.Pass(t, time.Minute)
	_, err = w.Mobility.Goals.Archive(ctx, "goals")
	require.NoError(t, err)
	w.requireReached(t, "km:target0", true, "1")
	_, err = w.Mobility.Milestone(ctx, "ada:2024-01-02:km:target0")
	require.ErrorIs(t, err, fault.ErrNotFound)
	later := track("b", mobility.Walk, -24*time.Hour, 10, 1000)
	w.Pass(t, time.Minute)
	w.tells(t, later)
	_, err = w.Mobility.Milestone(ctx, "ada:2023-12-31:km:target0")
	require.ErrorIs(t, err, fault.ErrNotFound)
	w.Pass(t, time.Minute)
	w.Publish(t, goals())
	w.tells(t, track("c", mobility.Walk, -23*time.Hour, 10, 500))
	m, err := w.Mobility.Milestone(ctx, "ada:2023-12-31:km:target0")
	require.NoError(t, err)
	require.Equal(t, "1.5", m.UserAmount.String(), "what was told of the day before counts too")
	why, err := w.Explain(ctx, "ada:p:b:1", "MobilityGoals", "goals")
	require.NoError(t, err)
	require.False(t, why.Moved)
	require.Contains(t, why.String(), "was not published")
}
