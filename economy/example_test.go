package economy_test

import (
	"errors"
	"fmt"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
)

// A rule pays for every activity: two gold for each unit of its value.
func Example() {
	w := newWorld(loud{})
	w.coin(loud{}, "gold", "", "")
	w.rule(loud{}, "two-gold", pays("gold", `{"*": [{"var": "event.value"}, 2]}`))

	e := activity("commit-1", "ada", start)
	e.Value = optional("3")
	changes, _ := w.record(loud{}, e)
	fmt.Println(changes[0].TransactionID, changes[0].Amount, changes[0].CurrencyID)

	b, _ := w.Balance(w.ctx, "ada", "gold")
	fmt.Println(b.UserID, "can spend", b.AvailableAmount)
	// Output:
	// commit-1:two-gold:0 6 gold
	// ada can spend 6
}

// A MANUAL grant is pending until its user redeems it.
func ExampleService_Redeem() {
	w := newBank(loud{})
	rows, _ := w.Grant(w.ctx, []economy.Grant{{
		DestinationUserID: "bob", CurrencyID: "gold", Amount: dec("5"), RedemptionMode: economy.Manual,
	}})
	before, _ := w.Balance(w.ctx, "bob", "gold")
	redeemed, _ := w.Redeem(w.ctx, "bob", rows[0].ID)
	after, _ := w.Balance(w.ctx, "bob", "gold")
	fmt.Println(rows[0].State, before.Amount, before.AvailableAmount)
	fmt.Println(redeemed[0].State, after.Amount, after.AvailableAmount)

	_, err := w.Redeem(w.ctx, "bob", rows[0].ID)
	fmt.Println("again:", errors.Is(err, fault.ErrConflict))
	// Output:
	// PENDING 5 0
	// COMPLETED 5 5
	// again: true
}

// A transfer is two transactions, and refused if its user does not have enough.
func ExampleService_Transfer() {
	w := newBank(loud{})
	w.grant(loud{}, "ada", "gold", "10")

	rows, _ := w.Transfer(w.ctx, "ada", []economy.Grant{{DestinationUserID: "bob", CurrencyID: "gold", Amount: dec("7.5")}})
	for _, row := range rows {
		fmt.Println(row.Direction, row.UserID, row.Amount)
	}
	_, err := w.Transfer(w.ctx, "ada", []economy.Grant{{DestinationUserID: "bob", CurrencyID: "gold", Amount: dec("7.5")}})
	fmt.Println(err)
	// Output:
	// DEBIT ada 7.5
	// CREDIT bob 7.5
	// transactions[0]: economy: user "ada" has 2.5 of "gold", a change by -7.5 would cross the bound of 0
}

// Verify rebuilds every balance from the transactions.
func ExampleService_Verify() {
	w := newBank(loud{})
	w.grant(loud{}, "ada", "gold", "10")
	report, _ := w.Verify(w.ctx)
	fmt.Println(report.Transactions, "transactions,", report.Accounts, "accounts, right:", report.OK())

	w.put(loud{}, "balances", `{"userId": "ada", "virtualCurrencyId": "gold", "completed": 99000000}`)
	report, _ = w.Verify(w.ctx)
	for _, d := range report.Differences {
		fmt.Println(d.UserID, d.CurrencyID, "has", d.Have.Completed, "for", d.Want.Completed)
	}
	// Output:
	// 1 transactions, 2 accounts, right: true
	// ada gold has 99 for 10
}
