package webhook_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/webhook"
)

// Who adds up what balance.changed tells has the balances that the engine has: of rewards, also late and undone ones, grants,
// transfers, redemptions, spendings and reversals.
func TestBalancesFollowFromMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	ctx, one := t.Context(), decimal.NewFromInt(1)
	all := schemas(t)
	moved := map[string]map[string]decimal.Decimal{"ada": {}, "bob": {}} // by transaction
	seen, after := map[webhook.Type]int{}, int64(0)
	agree := func(step string) {
		t.Helper()
		for {
			entries, err := w.Journal(ctx, after)
			require.NoError(t, err)
			if len(entries) == 0 {
				break
			}
			for i := range entries {
				after = entries[i].Outcome.Seq
				for _, m := range told(t, w.Workspace, all, &entries[i]) {
					if seen[m.Type]++; m.Type != webhook.BalanceChanged {
						continue
					}
					var d webhook.BalanceData
					require.NoError(t, json.Unmarshal(m.Data, &d))
					amount := decimal.RequireFromString(d.Amount)
					if d.Direction == string(economy.Debit) {
						amount = amount.Neg()
					}
					_, known := moved[d.UserID][d.TransactionID]
					require.Equal(t, known, d.Amended || d.Undone, step)
					if d.Undone {
						amount = decimal.Zero
					}
					moved[d.UserID][d.TransactionID] = amount
				}
			}
		}
		for _, user := range []string{"ada", "bob"} {
			sum := decimal.Zero
			for _, amount := range moved[user] {
				sum = sum.Add(amount)
			}
			b, err := w.Economy.Balance(ctx, user, "points")
			require.NoError(t, err)
			require.Equal(t, b.Amount.String(), sum.String(), "%s: %s", step, user)
		}
	}
	w.set(start.AddDate(0, 0, 7))
	for day := range 3 {
		_, err := w.Record(ctx, run("", "ada", start.AddDate(0, 0, 1+2*day)))
		require.NoError(t, err)
	}
	agree("runs")
	_, err := w.Record(ctx, run("late", "ada", start.Add(time.Hour)))
	require.NoError(t, err)
	agree("a run that comes late")
	granted, err := w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", Amount: one, DestinationUserID: "ada"}})
	require.NoError(t, err)
	agree("a grant")
	_, err = w.Economy.Transfer(ctx, "ada", []economy.Grant{{CurrencyID: "points", Amount: one, DestinationUserID: "bob"}})
	require.NoError(t, err)
	agree("a transfer")
	_, err = w.Economy.Spend(ctx, "ada", economy.Spending{CurrencyID: "points", Amount: one})
	require.NoError(t, err)
	agree("a spending")
	_, err = w.Economy.Reverse(ctx, granted[0].ID, economy.Reversal{})
	require.NoError(t, err)
	agree("a reversal")
	paid, _, err := w.Economy.History(ctx, "ada", store.Page{Limit: 1, Ascending: true})
	require.NoError(t, err)
	_, err = w.Economy.Reverse(ctx, paid[0].ID, economy.Reversal{Amount: decimal.New(5, -1)})
	require.NoError(t, err)
	agree("a reversal of a part")
	_, err = w.Retract(ctx, paid[0].GroupID, guerdon.Correction{Reason: "it was not so"})
	require.NoError(t, err)
	agree("what it was for did not happen")
	manual, err := w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", Amount: one, DestinationUserID: "bob", RedemptionMode: economy.Manual}})
	require.NoError(t, err)
	_, err = w.Economy.Redeem(ctx, "bob", manual[0].ID)
	require.NoError(t, err)
	agree("a redemption")
}
