package proof_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
)

// queued is a context that tells when somebody has begun to wait for it to end: a caller who is in the queue.
type queued struct {
	context.Context

	once sync.Once
	in   func()
}

func (q *queued) Done() <-chan struct{} {
	q.once.Do(q.in)
	return q.Context.Done()
}

// meeting makes calls that are all in the queue, in their order, before the first of them has its turn, and calls then.
func (w *world) meeting(t *testing.T, then func(), calls ...func(context.Context)) {
	t.Helper()
	var all sync.WaitGroup
	require.NoError(t, w.Update(t.Context(), func(context.Context, *guerdon.Workspace) error {
		for _, call := range calls {
			in := make(chan struct{})
			ctx := &queued{Context: t.Context(), in: func() { close(in) }}
			all.Go(func() { call(ctx) })
			<-in
		}
		then()
		return nil
	}))
	all.Wait()
}

// What callers who wait for one another come to is what they come to one after another, whatever is read for them together
// and however they depend on one another: to the row, and to the ids that the engine gives.
func TestQueueIsOneAfterAnother(t *testing.T) {
	t.Parallel()
	st, err := postgres.Open(t.Context(), databases.DSN(t), nil)
	require.NoError(t, err)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	another := run("e1", "ada", at(1))
	another.EntityID = "swim"
	events := []event.Event{
		run("e1", "ada", at(1)), run("e2", "ada", at(2)),
		run("e3", "ada", at(3)), // completes a mission that those before it have begun
		run("e1", "ada", at(1)), // was there
		another,
		run("nobody", "nobody", at(4)),
		run("late", "ada", at(0)), // before all that is known of the user
		{UserID: "eve", EntityID: "run"},
		{UserID: "eve", EntityID: "run"},
		run("e4", "bob", at(4)), run("e5", "ada", at(5)), run("", "bob", at(6)),
		{UserID: "eve", EntityID: "nothing"},
		run("gone", "ada", at(7)), // whose caller leaves
		{UserID: "ada", EntityID: "run"},
	}
	const gone = 13
	one, many := newWorld(t, memory.New()), newWorld(t, st)
	said := func(out guerdon.Outcome, err error) string {
		if err != nil {
			return err.Error()
		}
		return jsonOf(t, out)
	}
	want, got := make([]string, len(events)), make([]string, len(events))
	calls := make([]func(context.Context), len(events))
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	for _, w := range []*world{one, many} {
		w.set(start.Add(time.Hour))
	}
	for i, e := range events {
		if i == gone {
			want[i] = context.Canceled.Error()
			calls[i] = func(queue context.Context) {
				_, err := many.Record(&queued{Context: ctx, in: func() { queue.Done() }}, e)
				got[i] = said(guerdon.Outcome{}, err)
				close(left)
			}
			continue
		}
		want[i] = said(one.Record(t.Context(), e))
		calls[i] = func(ctx context.Context) { got[i] = said(many.Record(ctx, e)) }
	}
	many.meeting(t, func() { leave(); <-left }, calls...)
	require.Equal(t, want, got)
	requireSameRows(t, one.dump(t, one.Scope()), many.dump(t, many.Scope()))
	require.Equal(t, one.newID(), many.newID())
}
