package guerdonotel_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	guerdonotel "github.com/guerdonhq/guerdon/otel"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// One point for every run.
const game = `{"documents": [
 {"kind": "Activity", "id": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]},
 {"kind": "VirtualCurrency", "id": "points", "name": "Points", "defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}]},
 {"kind": "RewardRule", "id": "per-run", "name": "Each run", "applicationMode": "ALWAYS",
  "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 1}],
  "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`

// What does it cost, and how do I see that? An engine tells the providers that the host exports with. Here, the clock goes on by
// a millisecond whenever somebody looks at it, and what would be exported is printed.
func ExampleObserver() {
	ctx := context.Background()
	h := newHost() // in a service: what the exporters' packages make
	observer, err := guerdonotel.Observer(h.meters, h.traces, nil)
	check(err)
	var looks atomic.Int64
	eng, err := guerdon.New(ctx, club(ctx), &guerdon.Options{
		Observe: observer,
		Now:     func() time.Time { return monday.Add(time.Duration(looks.Add(1)) * time.Millisecond) },
	})
	check(err)
	ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)

	ctx, request := h.traces.Tracer("service").Start(ctx, "POST /runs")
	for _, id := range []string{"mon", "tue", "tue"} { // the same event twice counts once
		_, err = ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run"})
		check(err)
	}
	request.End()

	lines, err := h.lines(ctx)
	check(err)
	for _, line := range lines {
		if !strings.HasPrefix(line, "guerdon.store.") { // in memory there are neither trips nor statements
			fmt.Println(line)
		}
	}
	for _, span := range h.spans.Ended() {
		if span.Parent().SpanID() == request.SpanContext().SpanID() {
			fmt.Println("within POST /runs:", span.Name(), span.EndTime().Sub(span.StartTime()))
		}
	}
	// Output:
	// guerdon.commit.callers 3×Σ3 {caller}
	// guerdon.event.caused 2 {event}
	// guerdon.event.changes 2 {change}
	// guerdon.event.recorded 2 {event} guerdon.event.late=false guerdon.event.type=Activity
	// guerdon.event.repeated 1 {event}
	// guerdon.record.commit_time 1×Σ0.001 s
	// guerdon.record.commit_time 2×Σ0.002 s guerdon.event.type=Activity
	// guerdon.record.duration 1×Σ0.004 s
	// guerdon.record.duration 2×Σ0.008 s guerdon.event.type=Activity
	// guerdon.record.retries 0 {retry}
	// guerdon.record.wait_time 1×Σ0.001 s
	// guerdon.record.wait_time 2×Σ0.002 s guerdon.event.type=Activity
	// within POST /runs: guerdon.record 4ms
	// within POST /runs: guerdon.record 4ms
	// within POST /runs: guerdon.record 4ms
}

// club returns a store with a workspace that plays the game, and a user.
func club(ctx context.Context) store.Store {
	st := memory.New()
	eng, err := guerdon.New(ctx, st, nil)
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	_, err = ws.Import(ctx, []byte(game))
	check(err)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
	check(err)
	return st
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
