package guerdon_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/store"
)

// How do I keep cheats from being paid? A rule counts how often its events happened lately, pays no more than so often, and lets somebody look at what is
// too fast, or what nobody can have done, before it is paid.
func Example_review() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	rides := guerdontest.RewardRule("rides", guerdontest.Doing("ride"), "points", `{"var": "value"}`)
	rides.Counts = []economy.Count{{Name: "fast", Minutes: 10}}
	rides.MatchCondition = []byte(`{"<=": [{"var": "recent.fast"}, 3]}`)
	rides.Rewards[0].ReviewCondition = []byte(`{"or": [{">": [{"var": "recent.fast"}, 2]}, {">": [{"var": "value"}, 100]}]}`)
	b, err := guerdon.Bundle(guerdontest.Activity("ride"), rides)
	check(err)
	_, err = ws.Import(ctx, b)
	check(err)

	for i, km := range []int64{12, 8, 9, 5, 400} {
		now = monday.Add(time.Duration(i*i) * time.Minute)
		out, err := ws.Record(ctx, event.Event{ID: fmt.Sprint("ride-", i), UserID: "ada", EntityID: "ride", Value: new(decimal.NewFromInt(km))})
		check(err)
		for _, c := range out.Transactions {
			fmt.Println(c.TransactionID, c.Amount, c.State, "held for review:", c.HeldForReview)
		}
	}
	x, err := ws.Explain(ctx, "ride-3", "RewardRule", "rides")
	check(err)
	fmt.Println(x.Checks[len(x.Checks)-1].Reason)

	held, _, err := ws.Economy.HeldForReview(ctx, store.Page{})
	check(err)
	_, err = ws.Economy.Release(ctx, []string{held[0].ID}, "A relay: it was on TV.")
	check(err)
	_, err = ws.Economy.VoidAll(ctx, []string{held[1].ID}, "Nobody rides 400 km in an hour.")
	check(err)
	balance, err := ws.Economy.Balance(ctx, "ada", "points")
	check(err)
	fmt.Println("has", balance.Amount)
	// Output:
	// ride-0:rides:0 12 COMPLETED held for review: false
	// ride-1:rides:0 8 COMPLETED held for review: false
	// ride-2:rides:0 9 PENDING held for review: true
	// ride-4:rides:0 400 PENDING held for review: true
	// recent.fast <= 3 is false: recent.fast is 4
	// has 29
}

// How do I hold an amount until an order ships? What is held cannot be spent, and is captured when it is known how much of it is due.
func Example_hold() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Economy.Grant(ctx, grant("ada", 100))
	check(err)
	show := func(t economy.Transaction) {
		balance, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println(t.State, t.Amount, "of", t.HeldAmount, "- can spend", balance.AvailableAmount)
	}
	order := economy.Hold{ID: "order-7", CurrencyID: "points", Amount: decimal.NewFromInt(60), ExpiresAt: now.AddDate(0, 0, 14)}
	held, err := ws.Economy.Hold(ctx, "ada", order)
	check(err)
	show(held)
	shipped, err := ws.Economy.Capture(ctx, "order-7", decimal.NewFromInt(45)) // one of two things was sold out
	check(err)
	show(shipped)

	order.ID = "order-8"
	_, err = ws.Economy.Hold(ctx, "ada", order)
	fmt.Println(err)
	order.Amount = decimal.NewFromInt(55)
	_, err = ws.Economy.Hold(ctx, "ada", order)
	check(err)
	now = order.ExpiresAt // and nobody has shipped it
	forgotten, err := ws.Economy.Transaction(ctx, "order-8")
	check(err)
	show(forgotten)
	// Output:
	// PENDING 60 of 60 - can spend 40
	// COMPLETED 45 of 60 - can spend 55
	// economy: user "ada" has 55 of "points", a change by -60 would cross the bound of 0
	// EXPIRED 55 of 55 - can spend 55
}
