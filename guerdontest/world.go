// Package guerdontest helps hosts to test what they make of guerdon. A [World] is an engine in memory
// whose clock moves when told and whose ids count from one, so a test gives the same answers whenever
// it runs. Functions such as [Activity] return documents with their defaults filled in, and the World's
// methods whose names begin with Require say what a test expects, and why it is not so.
//
//	func TestThreeRunsOfAWeek(t *testing.T) {
//		three := guerdontest.MissionConfiguration("three", guerdontest.Doing("run"), "3")
//		w := guerdontest.New(t,
//			guerdontest.Activity("run"),
//			guerdontest.Currency("points"),
//			three,
//			guerdontest.MissionRule("weekly", three, timeframe.Weekly),
//			guerdontest.RewardRule("full-week", guerdontest.Completing("three"), "points", "10"),
//		)
//		w.Join(t, "ada")
//		w.Does(t, "ada", "run")
//		w.Pass(t, guerdontest.Day)
//		w.Does(t, "ada", "run")
//		w.RequireBalance(t, "ada", "points", "0")
//		w.RequireCompleted(t, w.Does(t, "ada", "run"), "three")
//		w.RequireBalance(t, "ada", "points", "10")
//	}
//
// A host that keeps its documents in a bundle tests that bundle: w.Import(t.Context(), bundle).
package guerdontest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Day is how long each day of a World's clock lasts: it shows UTC. [World.Set] follows other clocks.
const Day = 24 * time.Hour

// A TB is what this package needs of a test: *testing.T, *testing.B and *rapid.T are one.
type TB interface {
	require.TestingT
	// Helper keeps its caller out of what a failure says about its place.
	Helper()
	// Context returns what lasts as long as the test.
	Context() context.Context
}

// A World is an engine in memory and its workspace, whose services a test may use as a host would. It
// may be used concurrently.
type World struct {
	*guerdon.Workspace
	// Engine is for further workspaces; they live by the same clock.
	Engine *guerdon.Engine

	now atomic.Pointer[time.Time]
	ids atomic.Int64
}

// New returns a world in which the documents are published. Its clock stands at noon in UTC of Monday
// 1 January 2024, the first day of a week, a month and a year.
func New(t TB, docs ...content.Document) *World {
	t.Helper()
	w := &World{}
	w.now.Store(new(time.Date(2024, time.January, 1, 12, 0, 0, 0, time.UTC)))
	var err error
	w.Engine, err = guerdon.New(t.Context(), memory.New(), &guerdon.Options{Now: w.Now, NewID: w.newID})
	require.NoError(t, err)
	account, err := w.Engine.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "test"})
	require.NoError(t, err)
	w.Workspace, err = w.Engine.Workspace(t.Context(), store.Scope{Account: account.ID, Workspace: tenancy.DefaultWorkspace})
	require.NoError(t, err)
	w.Publish(t, docs...)
	return w
}

// newID returns "id-000001" and so on.
func (w *World) newID() string { return fmt.Sprintf("id-%06d", w.ids.Add(1)) }

// Now returns what the clock shows, in UTC.
func (w *World) Now() time.Time { return *w.now.Load() }

// Pass moves the clock on, and does then what it causes, as [World.Set].
func (w *World) Pass(t TB, d time.Duration) {
	t.Helper()
	w.Set(t, w.Now().Add(d))
}

// Set moves the clock on to an instant, and does then what the clock alone causes: missions that a
// schedule assigns, streaks that break or are frozen, credits that expire, boards that close. The clock
// cannot go back; an event that arrives late has a time of its own ([event.Event.At]).
func (w *World) Set(t TB, now time.Time) {
	t.Helper()
	if before := w.Now(); now.Before(before) {
		require.FailNow(t, fmt.Sprintf("the clock shows %s and cannot go back to %s", instant(before), instant(now)))
	}
	w.now.Store(new(now.UTC()))
	require.NoError(t, w.Engine.Advance(t.Context()))
}

func instant(t time.Time) string { return t.UTC().Format("Mon 2006-01-02 15:04:05") }

// Join adds users with the given ids, whose clocks show UTC. Others are made by Users.Create.
func (w *World) Join(t TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: id})
		require.NoError(t, err)
	}
}

// Does records that a user does an activity now, and returns what followed.
func (w *World) Does(t TB, userID, activityID string) guerdon.Outcome {
	t.Helper()
	return w.Happens(t, event.Event{UserID: userID, EntityID: activityID})
}

// Happens records an event, now unless it says when, and returns what followed. A test about an event
// that is refused calls Record.
func (w *World) Happens(t TB, e event.Event) guerdon.Outcome {
	t.Helper()
	out, err := w.Record(t.Context(), e)
	require.NoError(t, err)
	return out
}

// Publish puts documents in force, all or none: the ones given are drafts as authors write them, and
// take the place of what has the same kind and id. It is the Import of a bundle, so the order does not
// matter.
func (w *World) Publish(t TB, docs ...content.Document) {
	t.Helper()
	bundle, err := guerdon.Bundle(docs...)
	require.NoError(t, err)
	_, err = w.Import(t.Context(), bundle)
	require.NoError(t, err)
}
