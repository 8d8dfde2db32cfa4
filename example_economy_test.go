package guerdon_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// grant asks for points for a user.
func grant(userID string, points int64) []economy.Grant {
	return []economy.Grant{{DestinationUserID: userID, CurrencyID: "points", Amount: decimal.NewFromInt(points)}}
}

// How do I reward only the first run of a day? With a limit for each user, and a period of the user's
// calendar.
func Example_rewardOnceADay() {
	ctx, now := context.Background(), monday.AddDate(0, 0, -1)
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "RewardRule", "id": "per-run", "name": "The first run of a day", "applicationMode": "ALWAYS",
	   "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "maxPerUser": 1, "per": "DAY",
	   "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 1}],
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	for _, at := range []time.Time{now, now.Add(time.Hour), now.AddDate(0, 0, 1)} {
		now = at
		out, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
		check(err)
		fmt.Println(now.Format("Monday 15:04"), len(out.Transactions), "rewards")
	}
	// Output:
	// Sunday 09:00 1 rewards
	// Sunday 10:00 0 rewards
	// Monday 09:00 1 rewards
}

// How do I pay a point for each kilometre, and not more than ten a day? With a cap on the amount; PART pays what it leaves.
func Example_capPerDay() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "RewardRule", "id": "per-run", "name": "A point for each kilometre", "applicationMode": "ALWAYS",
	   "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
	   "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": {"floor": [{"var": "event.value"}]},
	     "maxAmountPerUser": 10, "per": "DAY", "whenExceeded": "PART"}],
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	var last guerdon.Outcome
	for _, km := range []string{"6.5", "7.2", "3"} {
		last, err = ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run", Value: new(decimal.RequireFromString(km))})
		check(err)
		fmt.Println(km, "km:", last.Transactions[0].Amount, last.Transactions[0].State)
	}
	why, err := ws.Explain(ctx, last.EventID, "RewardRule", "per-run")
	check(err)
	fmt.Println(why.Checks[len(why.Checks)-1].Reason)
	// Output:
	// 6.5 km: 6 COMPLETED
	// 7.2 km: 4 COMPLETED
	// 3 km: 3 REJECTED
	// rejected: 3 points, as it had paid user ada 10 of at most 10 in 2025-09-29
}

// How do points expire? A currency has a life, here to the end of the month after the one in which they were earned. What lapses first is spent first, and
// what is left is taken at that moment, by an entry of its own.
func Example_lapse() {
	ctx, now := context.Background(), time.Date(2026, time.February, 10, 9, 0, 0, 0, time.UTC)
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "VirtualCurrency", "id": "points", "name": "Points", "life": {"lifeType": "END_OF", "per": "MONTH", "count": 1},
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}]}
	]}`))
	check(err)
	show := func() {
		balance, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println(now.Format("2 January:"), "ada has", balance.Amount)
		lapses, err := ws.Economy.Lapsing(ctx, "ada", "points")
		check(err)
		for _, l := range lapses { // the moment is the end of the day before
			fmt.Println(" ", l.Amount, "lapse on", l.LapsesAt.Add(-time.Second).Format("2 January"))
		}
	}
	_, err = ws.Economy.Grant(ctx, grant("ada", 300))
	check(err)
	now = now.AddDate(0, 1, 0)
	_, err = ws.Economy.Grant(ctx, grant("ada", 50))
	check(err)
	_, err = ws.Economy.Spend(ctx, "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(60)})
	check(err)
	show()
	now = now.AddDate(0, 0, 22)
	show()
	check(ws.Advance(ctx))
	history, _, err := ws.Economy.History(ctx, "ada", store.Page{Limit: 1})
	check(err)
	fmt.Println(history[0].InitiatorType, history[0].Direction, history[0].Amount, history[0].At.Format("on 2 January"))
	// Output:
	// 10 March: ada has 290
	//   240 lapse on 31 March
	//   50 lapse on 30 April
	// 1 April: ada has 50
	//   50 lapse on 30 April
	// LAPSE DEBIT 240 on 1 April
}

// What if a user cannot pay? The error says which bound would have been crossed, and by how much.
func Example_spend() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Economy.Grant(ctx, grant("ada", 5))
	check(err)
	_, err = ws.Economy.Spend(ctx, "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(8)})
	if e, ok := errors.AsType[*economy.BoundError](err); ok {
		fmt.Println(errors.Is(err, fault.ErrConflict), "has", e.Have, "lacks", e.Bound.Sub(e.Have.Add(e.Change)))
	}
	// Output: true has 5 lacks 3
}

// How do users give each other something, and how is a mistake put right?
func Example_transferAndReverse() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	_, err := ws.Economy.Grant(ctx, grant("ada", 5))
	check(err)
	rows, err := ws.Economy.Transfer(ctx, "ada", grant("bob", 2))
	check(err)
	show := func() {
		for _, id := range []string{"ada", "bob"} {
			balance, err := ws.Economy.Balance(ctx, id, "points")
			check(err)
			fmt.Println(id, balance.Amount)
		}
	}
	show()
	_, err = ws.Economy.Reverse(ctx, rows[0].ID, economy.Reversal{})
	check(err)
	show()
	// Output:
	// ada 3
	// bob 2
	// ada 5
	// bob 0
}

// How is one of two ordered items given back, and what if a part of a reward is spent? A reversal takes back an amount, or as much as is there.
func Example_reversePart() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	paid, err := ws.Economy.Grant(ctx, grant("ada", 21))
	check(err)
	order, err := ws.Economy.Spend(ctx, "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(20)})
	check(err)
	back := func(id string, r economy.Reversal) {
		rows, err := ws.Economy.Reverse(ctx, id, r)
		if err != nil {
			fmt.Println(errors.Is(err, fault.ErrConflict))
			return
		}
		of, err := ws.Economy.Transaction(ctx, id)
		check(err)
		fmt.Println(rows[0].InitiatorType, rows[0].Direction, rows[0].Amount, "so far", of.ReversedAmount, "of", of.Amount)
	}
	back(paid[0].ID, economy.Reversal{})           // 20 are spent
	back(paid[0].ID, economy.Reversal{UpTo: true}) // what is there
	cup := economy.Reversal{ID: "return-7", Amount: decimal.NewFromInt(8), Reason: "The cup was broken."}
	back(order.ID, cup)
	back(order.ID, cup) // the answer was lost: it is not done twice
	balance, err := ws.Economy.Balance(ctx, "ada", "points")
	check(err)
	fmt.Println("has", balance.Amount)
	// Output:
	// true
	// REVERSAL DEBIT 1 so far 1 of 21
	// REVERSAL CREDIT 8 so far 8 of 20
	// REVERSAL CREDIT 8 so far 8 of 20
	// has 8
}

// What becomes of a gift that nobody collects? Who has sent it, or an admin, can void it, and so does deleting who was to get it.
func Example_void() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	_, err := ws.Economy.Grant(ctx, grant("ada", 100))
	check(err)
	gift := economy.Grant{CurrencyID: "points", Amount: decimal.NewFromInt(60), DestinationUserID: "bob", RedemptionMode: economy.Manual}
	show := func() {
		balance, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println("can spend", balance.AvailableAmount)
	}
	for _, id := range []string{"gift-1", "gift-2"} {
		gift.ID = id
		_, err = ws.Economy.Transfer(ctx, "ada", []economy.Grant{gift})
		check(err)
		show()
		if id == "gift-1" {
			_, err = ws.Economy.Withdraw(ctx, "ada", id, "It was for another.")
		} else {
			_, err = ws.Users.Anonymise(ctx, "bob")
		}
		check(err)
		show()
		sent, err := ws.Economy.Transaction(ctx, id)
		check(err)
		fmt.Println(sent.State, sent.VoidedBy, sent.Reason)
	}
	// Output:
	// can spend 40
	// can spend 100
	// REJECTED ada It was for another.
	// can spend 40
	// can spend 100
	// REJECTED ADMIN the user was deleted
}

// How do users collect a gift themselves, as long as it is there? A MANUAL grant waits to be redeemed.
func Example_redeem() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	for _, id := range []string{"gift-1", "gift-2"} {
		_, err := ws.Economy.Grant(ctx, []economy.Grant{{
			ID: id, DestinationUserID: "ada", CurrencyID: "points", Amount: decimal.NewFromInt(5),
			RedemptionMode: economy.Manual, ExpiresAt: now.Add(time.Hour),
		}})
		check(err)
	}
	show := func() {
		balance, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println("has", balance.Amount, "and can spend", balance.AvailableAmount)
	}
	show()
	_, err := ws.Economy.Redeem(ctx, "ada", "gift-1")
	check(err)
	show()
	now = now.Add(time.Hour)
	_, err = ws.Economy.Redeem(ctx, "ada", "gift-2")
	fmt.Println(err)
	show()
	// Output:
	// has 10 and can spend 0
	// has 10 and can spend 5
	// virtualTransaction: "gift-2" is EXPIRED
	// has 5 and can spend 5
}

// Are the books right? Verify counts them again.
func Example_books() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	_, err := ws.Economy.Grant(ctx, grant("ada", 5))
	check(err)
	_, err = ws.Economy.Transfer(ctx, "ada", grant("bob", 2))
	check(err)
	_, err = ws.Economy.Spend(ctx, "bob", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(1)})
	check(err)
	report, err := ws.Economy.Verify(ctx)
	check(err)
	fmt.Println(report.Transactions, "transactions, right:", report.OK())
	system, err := ws.Economy.System(ctx, "points")
	check(err)
	fmt.Println("SYSTEM has given", system.Amount.Neg())
	// Output:
	// 4 transactions, right: true
	// SYSTEM has given 4
}

// How is something given that should have been given earlier? The grant says when it counts.
func Example_grantOfThePast() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	now = monday.Add(48 * time.Hour)
	prize := grant("ada", 5)
	prize[0].ID, prize[0].At = "prize-of-monday", monday
	for range 2 { // given once
		_, err := ws.Economy.Grant(ctx, prize)
		check(err)
	}
	for _, at := range []time.Time{monday.Add(-time.Hour), monday, now} {
		balance, err := ws.Economy.BalanceAt(ctx, "ada", "points", at)
		check(err)
		fmt.Println(at.Format("Mon 15:04"), balance.Amount)
	}
	// Output:
	// Mon 08:00 0
	// Mon 09:00 5
	// Wed 09:00 5
}

// What did somebody have at a moment? What is known now of then: a run that is told later counts when it happened.
func Example_balanceAt() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	now = monday.Add(48 * time.Hour)
	for _, e := range []event.Event{{ID: "wed", At: now}, {ID: "mon", At: monday}} {
		e.UserID, e.EntityID = "ada", "run"
		_, err := ws.Record(ctx, e)
		check(err)
	}
	for _, at := range []time.Time{monday.Add(-time.Hour), monday, now} {
		balance, err := ws.Economy.BalanceAt(ctx, "ada", "points", at)
		check(err)
		fmt.Println(at.Format("Mon 15:04"), balance.Amount)
	}
	// Output:
	// Mon 08:00 0
	// Mon 09:00 1
	// Wed 09:00 2
}
