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
	"github.com/guerdonhq/guerdon/timeframe"
)

// How do I pay the first hundred, or 10,000 points a day in all? A budget is of a rule, how often it pays, or of a reward, how much, for all users together.
func Example_budget() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob", "eve")
	signUps := guerdontest.RewardRule("early-bird", guerdontest.Doing("sign-up"), "points", "50")
	signUps.Budget = &economy.Budget{Max: decimal.NewFromInt(2)} // the first two; a hundred would fill the page
	rides := guerdontest.RewardRule("rides", guerdontest.Doing("ride"), "points", `{"var": "value"}`)
	rides.Rewards[0].Budget = &economy.Budget{Max: decimal.NewFromInt(100), Per: timeframe.ByDay, Timezone: "Europe/Rome"}
	rides.Rewards[0].WhenExceeded = economy.PayPart
	b, err := guerdon.Bundle(guerdontest.Activity("sign-up"), guerdontest.Activity("ride"), signUps, rides)
	check(err)
	_, err = ws.Import(ctx, b)
	check(err)

	for _, user := range []string{"ada", "bob", "eve"} {
		for _, does := range []string{"sign-up", "ride"} {
			out, err := ws.Record(ctx, event.Event{ID: user + "-" + does, UserID: user, EntityID: does, Value: new(decimal.NewFromInt(40))})
			check(err)
			for _, c := range out.Transactions {
				fmt.Println(c.TransactionID, c.Amount, c.State)
			}
		}
	}
	x, err := ws.Explain(ctx, "eve-sign-up", "RewardRule", "early-bird")
	check(err)
	fmt.Println(x.Checks[len(x.Checks)-1].Reason)
	states, err := ws.Economy.Budgets(ctx, "rides")
	check(err)
	for _, s := range states {
		fmt.Println(s.Field, s.PeriodID, "paid", s.Paid, "of", s.Max, "left", s.Left)
	}
	// Output:
	// ada-sign-up:early-bird:0 50 COMPLETED
	// ada-ride:rides:0 40 COMPLETED
	// bob-sign-up:early-bird:0 50 COMPLETED
	// bob-ride:rides:0 40 COMPLETED
	// eve-ride:rides:0 20 COMPLETED
	// it had paid as often as it may: at most 2 in all
	// rewards[0].budget 2025-09-29 paid 100 of 100 left 0
}

// How do I double the points of a weekend, or give members of gold half as many again? A boost raises what rules pay, for a time and for users who match, and says
// what it multiplies where several apply.
func Example_boost() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	gold := guerdontest.Boost("gold", "1.5")
	gold.MatchCondition = []byte(`{"in": ["gold", {"var": "user.tags"}]}`)
	happy := guerdontest.Boost("happy-hour", "2")
	happy.Stacking = economy.StackMultiply
	ends := monday.Add(time.Hour)
	happy.Timeframe = &timeframe.Timeframe{Type: timeframe.Range, TimezoneType: timeframe.User, StartsAt: monday, EndsAt: &ends}
	b, err := guerdon.Bundle(guerdontest.Tag("club", "gold"), guerdontest.Activity("ride"),
		guerdontest.RewardRule("rides", guerdontest.Doing("ride"), "points", `{"var": "value"}`),
		guerdontest.TagRule("member", guerdontest.Doing("join"), "gold"), guerdontest.Activity("join"), gold, happy)
	check(err)
	_, err = ws.Import(ctx, b)
	check(err)

	on, err := ws.Economy.RunningBoosts(ctx, "bob")
	check(err)
	for _, b := range on {
		fmt.Println(b.BoostID, "is on until", b.EndsAt.Format(time.TimeOnly), "for bob")
	}

	_, err = ws.Record(ctx, event.Event{ID: "ada-joins", UserID: "ada", EntityID: "join"})
	check(err)
	for _, user := range []string{"ada", "bob"} {
		_, err = ws.Record(ctx, event.Event{ID: user + "-rides", UserID: user, EntityID: "ride", Value: new(decimal.NewFromInt(10))})
		check(err)
		t, err := ws.Economy.Transaction(ctx, user+"-rides:rides:0")
		check(err)
		fmt.Println(user, "has", t.Amount, "for", t.BaseAmount)
		for _, b := range t.Boosts {
			fmt.Println("  ", b.BoostID, "adds", b.Amount)
		}
	}
	x, err := ws.Explain(ctx, "bob-rides", "Boost", "gold")
	check(err)
	fmt.Println(x.Checks[len(x.Checks)-1].Reason)
	// Output:
	// happy-hour is on until 10:00:00 for bob
	// ada has 30 for 10
	//    gold adds 5
	//    happy-hour adds 15
	// bob has 20 for 10
	//    happy-hour adds 10
	// "gold" in user.tags is false: user.tags is []
}
