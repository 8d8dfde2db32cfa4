package guerdon_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/shopspring/decimal"
	_ "modernc.org/sqlite"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

// Many events at once, in the order in which they happened. If some of them cannot be recorded, none is, unless they are to be skipped;
// each is told by its place.
func ExampleWorkspace_RecordBatch() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	outcomes, err := ws.RecordBatch(ctx, []event.Event{
		{ID: "e1", UserID: "ada", EntityID: "run", At: now.Add(-2 * time.Hour)},
		{ID: "e2", UserID: "ada", EntityID: "run", At: now.Add(-time.Hour)},
	})
	check(err)
	fmt.Println(len(outcomes), "outcomes")

	events := []event.Event{
		{ID: "e3", UserID: "ada", EntityID: "run"},
		{ID: "e4", UserID: "nobody", EntityID: "run"},
		{ID: "e5", UserID: "ada", EntityID: "fly"},
	}
	for _, options := range [][]guerdon.BatchOption{nil, {guerdon.SkipRefused}} {
		outcomes, err := ws.RecordBatch(ctx, events, options...)
		if bad, is := errors.AsType[*guerdon.BatchError](err); is {
			for _, r := range bad.Refused {
				fmt.Println(events[r.Index].ID, "|", r.Err)
			}
		}
		balance, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println(len(outcomes), "outcomes, points:", balance.Amount)
	}
	// Output:
	// 2 outcomes
	// e4 | userId: "nobody" not found
	// e5 | entityId: "fly" not found
	// 0 outcomes, points: 2
	// e4 | userId: "nobody" not found
	// e5 | entityId: "fly" not found
	// 3 outcomes, points: 13
}

// A ride of 42 kilometres was one of 24, and then none at all.
func ExampleWorkspace_Amend() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	points := func() {
		balance, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println("points:", balance.Amount)
	}
	_, err := ws.Record(ctx, event.Event{ID: "ride", UserID: "ada", EntityID: "run", Value: new(decimal.NewFromInt(42))})
	check(err)
	points()
	_, err = ws.Amend(ctx, event.Event{ID: "ride", UserID: "ada", EntityID: "run", Value: new(decimal.NewFromInt(24))}, guerdon.Correction{Reason: "the watch was wrong"})
	check(err)
	points()
	_, err = ws.Retract(ctx, "ride", guerdon.Correction{Reason: "it was somebody else's watch"})
	check(err)
	points()
	past, err := ws.Corrections(ctx, "ride")
	check(err)
	for _, entry := range past {
		fmt.Println("taken back:", entry.Correction.Retracted, "because", entry.Correction.Reason)
	}
	// Output:
	// points: 1
	// points: 1
	// points: 0
	// taken back: false because the watch was wrong
	// taken back: true because it was somebody else's watch
}

// Several calls in one transaction: who completes the purchase pays for it, or nothing has happened.
func ExampleWorkspace_Update() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	buy := func(event event.Event, price int64) error {
		return ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			if _, err := ws.Record(ctx, event); err != nil {
				return err
			}
			_, err := ws.Economy.Spend(ctx, event.UserID, economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(price)})
			return err
		})
	}
	fmt.Println(buy(event.Event{ID: "e1", UserID: "ada", EntityID: "run"}, 5))
	fmt.Println(buy(event.Event{ID: "e1", UserID: "ada", EntityID: "run"}, 1))
	// Output:
	// economy: user "ada" has 1 of "points", a change by -5 would cross the bound of 0
	// <nil>
}

// What would an event do?
func ExampleWorkspace_DryRun() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	out, err := ws.DryRun(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)
	for _, t := range out.Transactions {
		fmt.Println("would pay", t.Amount, t.CurrencyID)
	}
	balance, err := ws.Economy.Balance(ctx, "ada", "points")
	check(err)
	fmt.Println("has", balance.Amount)
	// Output:
	// would pay 1 points
	// has 0
}

// Which rules do not work? Those with problems: what could not be done although its event stands.
func ExampleWorkspace_Problems() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	rule, err := ws.Economy.RewardRules.Get(ctx, "per-run")
	check(err)
	rule.Rewards[0].Expression = []byte(`{"/": [{"var": "value"}, 3]}`) // should be rounded
	_, err = ws.Economy.RewardRules.Update(ctx, rule)
	check(err)
	_, err = ws.Economy.RewardRules.Publish(ctx, "per-run")
	check(err)
	for _, value := range []int64{9, 10, 11} {
		_, err := ws.Record(ctx, event.Event{ID: fmt.Sprint("run-", value), UserID: "ada", EntityID: "run", Value: new(decimal.NewFromInt(value))})
		check(err)
	}
	problems, _, err := ws.Problems(ctx, guerdon.ProblemFilter{}, store.Page{})
	check(err)
	for _, p := range problems {
		fmt.Printf("%s: %d, the last of %s: %s %s\n", p.Source, p.Count, p.EventID, p.Field, p.Reason)
	}
	// Output: RewardRule/per-run: 2, the last of run-11: rewards[0].expression is finer than 0.000001
}

// The journal as an outbox: tell another system of everything that happened, once, in order.
func ExampleWorkspace_Journal() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	for _, id := range []string{"e1", "e2", "e3"} {
		_, err := ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run"})
		check(err)
	}
	var seen int64 // keep it where the messages go to
	for {
		entries, err := ws.Journal(ctx, seen)
		check(err)
		if len(entries) == 0 {
			break // for now
		}
		for _, e := range entries {
			for _, m := range e.Outcome.Missions {
				if m.Completed {
					fmt.Println(e.Event.ID, "completed", m.MissionID, "for", m.UserID)
				}
			}
			seen = e.Outcome.Seq
		}
	}
	// Output: e3 completed ada:weekly:three:2025-W40 for ada
}

// What if a message is delivered twice? The first outcome again, and one effect. What if two things
// have one id? The second is refused.
func Example_exactlyOnce() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	ran := event.Event{ID: "e1", UserID: "ada", EntityID: "run"}
	for range 3 {
		out, err := ws.Record(ctx, ran)
		check(err)
		fmt.Println("number", out.Seq, "paid", out.Transactions[0].Amount)
	}
	ran.Value = new(decimal.NewFromInt(2))
	_, err := ws.Record(ctx, ran)
	fmt.Println(errors.Is(err, fault.ErrConflict), err)
	balance, err := ws.Economy.Balance(ctx, "ada", "points")
	check(err)
	fmt.Println("points:", balance.Amount)
	// Output:
	// number 2 paid 1
	// number 2 paid 1
	// number 2 paid 1
	// true id: "e1" was recorded with another content
	// points: 1
}

// What if a phone was offline? An event counts when it happened: in the week that is over.
func Example_lateEvent() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	lastWeek := now.AddDate(0, 0, -3)
	for _, at := range []time.Time{lastWeek, now, lastWeek.Add(time.Hour), lastWeek.Add(2 * time.Hour)} {
		_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run", At: at})
		check(err)
	}
	missions, _, err := ws.Missions.List(ctx, "ada", missions.Query{}, store.Page{})
	check(err)
	for _, m := range missions {
		fmt.Println(m.PeriodID, m.State, m.CurrentAmount, "of", m.TargetAmount, "completed:", m.IsCompleted)
	}
	// Output:
	// 2025-W40 ACTIVE 1 of 3 completed: false
	// 2025-W39 ENDED 3 of 3 completed: true
}

// Which problem has an event that is refused? Ask the kind with errors.Is and the place with
// errors.AsType.
func Example_errors() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	for _, e := range []event.Event{
		{UserID: "ada", EntityID: "fly"},
		{UserID: "ada", EntityID: "run", At: now.Add(time.Hour)},
		{UserID: "ada", EntityID: "run", Value: new(decimal.RequireFromString("1e30"))},
	} {
		_, err := ws.Record(ctx, e)
		if e, ok := errors.AsType[*fault.Error](err); ok {
			fmt.Println(errors.Is(err, fault.ErrInvalid), e.Field, "|", e.Reason)
		}
	}
	// Output:
	// false entityId | "fly" not found
	// true completedAt | is 1h0m0s ahead of now, at most 10m0s are allowed
	// true value | is larger than 9223372036854.775807
}

// How does the shop's own order commit together with its reward? Its transaction, which guerdon joins.
func ExampleWorkspace_On() {
	ctx, now := context.Background(), monday
	dir, err := os.MkdirTemp("", "shop")
	check(err)
	defer func() { check(os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "shop.db")
	st, err := sqlite.Open(ctx, path, nil)
	check(err)
	defer func() { check(st.Close()) }()
	ws := playOn(ctx, st, &now, "ada")
	shop, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	check(err)
	defer func() { check(shop.Close()) }()
	_, err = shop.ExecContext(ctx, "CREATE TABLE orders (id TEXT PRIMARY KEY)")
	check(err)

	tx, err := shop.BeginTx(ctx, nil)
	check(err)
	_, err = tx.ExecContext(ctx, "INSERT INTO orders VALUES ('order-1')")
	check(err)
	out, err := ws.On(st.Join(tx)).Record(ctx, event.Event{ID: "order-1", UserID: "ada", EntityID: "run"})
	check(err)
	fmt.Println("would have paid", out.Transactions[0].Amount)
	check(tx.Rollback())

	balance, err := ws.Economy.Balance(ctx, "ada", "points")
	check(err)
	fmt.Println("points:", balance.Amount)
	// Output:
	// would have paid 1
	// points: 0
}
