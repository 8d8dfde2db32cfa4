package guerdon_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// What does it cost, and how do I see that? An engine tells an Observer. Here, the clock goes on by a millisecond whenever
// somebody looks at it; the module github.com/guerdonhq/guerdon/otel makes metrics and spans of the same.
func ExampleObserver() {
	ctx := context.Background()
	now := monday
	ws, _ := playWith(ctx, memory.New(), &guerdon.Options{
		Now: func() time.Time { now = now.Add(time.Millisecond); return now },
		Observe: guerdon.Observer{
			Recorded: func(_ context.Context, r guerdon.Recorded) {
				for _, e := range r.Entries {
					fmt.Printf("%s %s took %s, of which it waited %s; %d changes\n", e.Type, e.EntityID, r.Duration, r.Waited, e.Changes)
				}
			},
			Published: func(_ context.Context, p guerdon.Published) { fmt.Println("in force:", p.Kind, p.ID, p.Version) },
			Problem:   func(_ context.Context, p guerdon.Problem) { fmt.Println(p.Source, p.Reason) },
		},
	}, "ada")
	_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)
	// Output:
	// in force: Activity run 1
	// in force: VirtualCurrency points 1
	// in force: MissionConfiguration three 1
	// in force: MissionRule weekly 1
	// in force: RewardRule per-run 1
	// in force: RewardRule per-week 1
	// User ada took 4ms, of which it waited 1ms; 0 changes
	// Activity run took 4ms, of which it waited 1ms; 2 changes
}

// What if something goes wrong while nobody is waiting for it? It is logged, to the default log unless there is another, and
// an Observer may raise an alarm.
func ExampleObserver_failed() {
	ctx, stop := context.WithCancel(context.Background())
	st := &unlucky{Store: memory.New()}
	eng, err := guerdon.New(ctx, st, &guerdon.Options{
		Log: slog.New(slog.DiscardHandler), // as an example prints no times
		Observe: guerdon.Observer{Failed: func(_ context.Context, f guerdon.Failed) {
			fmt.Printf("%s of %s: %s: %t\n", f.During, f.Scope, errGone, errors.Is(f.Err, errGone))
			stop()
		}},
	})
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	st.out = true
	check(eng.Run(ctx, time.Hour))
	// Output:
	// advance of acme/default: the disk is gone: true
}

var errGone = errors.New("the disk is gone")

// unlucky is a store on which nothing can be written any more.
type unlucky struct {
	store.Store

	out bool
}

func (u *unlucky) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	if u.out {
		return errGone
	}
	return u.Store.Update(ctx, s, fn)
}
