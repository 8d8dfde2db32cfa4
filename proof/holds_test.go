package proof_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
)

// hold sets points of ada aside for an hour.
func (w *world) hold(t *testing.T, id string, n int64) economy.Transaction {
	t.Helper()
	x, err := w.Economy.Hold(t.Context(), "ada", economy.Hold{ID: id, CurrencyID: "points", Amount: decimal.NewFromInt(n), ExpiresAt: w.now.Load().Add(time.Hour)})
	require.NoError(t, err)
	return x
}

// An amount is held, and then captured, in part or whole, or given back: by somebody, or because its time is over.
func TestWhatIsHeldIsCapturedOrGivenBack(t *testing.T) {
	capture := func(t *testing.T, w *world, n int64) (economy.Transaction, error) {
		return w.Economy.Capture(t.Context(), "order", decimal.NewFromInt(n))
	}
	refused := func(t *testing.T, err error, kind error, reason string) {
		t.Helper()
		require.ErrorIs(t, err, kind)
		require.ErrorContains(t, err, reason)
	}
	for name, tt := range map[string]struct {
		do            func(t *testing.T, w *world)
		stands        string
		available, in string // of 100
	}{
		"it waits": {func(t *testing.T, w *world) {
			_, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(61)})
			refused(t, err, fault.ErrConflict, "cross the bound")
			_, err = w.Economy.Redeem(t.Context(), "ada", "order")
			refused(t, err, fault.ErrConflict, "is a hold; an admin can capture it")
			_, err = w.Economy.Withdraw(t.Context(), "ada", "order", "")
			refused(t, err, fault.ErrConflict, "is a hold; an admin can void it")
			_, err = w.Economy.Release(t.Context(), []string{"order"}, "")
			refused(t, err, fault.ErrConflict, "is not held for review")
			_, err = w.Economy.Reverse(t.Context(), "order", economy.Reversal{})
			refused(t, err, fault.ErrConflict, "is PENDING")
			require.Empty(t, w.waiting(t))
		}, "PENDING 40 - 0", "60", "60"},
		"all is captured": {func(t *testing.T, w *world) {
			x, err := capture(t, w, 0)
			require.NoError(t, err)
			require.Equal(t, []any{economy.Completed, "40", "40"}, []any{x.State, x.Amount.String(), x.HeldAmount.String()})
			entry, err := w.Entry(t.Context(), "order:completed")
			require.NoError(t, err)
			require.Equal(t, "40", entry.Event.Value.String())
		}, "COMPLETED 40 - 0", "60", "60"},
		"a part is captured, once": {func(t *testing.T, w *world) {
			_, err := capture(t, w, 41)
			refused(t, err, fault.ErrConflict, `is 41; of "order" 40 is held`)
			_, err = capture(t, w, -1)
			refused(t, err, fault.ErrInvalid, "amount")
			w.set(w.now.Load().Add(time.Minute))
			x, err := capture(t, w, 15)
			require.NoError(t, err)
			w.set(w.now.Load().Add(time.Minute))
			_, err = w.Economy.Reverse(t.Context(), "order", economy.Reversal{Amount: decimal.NewFromInt(5)})
			require.NoError(t, err)
			again, err := capture(t, w, 15)
			require.NoError(t, err)
			require.Equal(t, x, again, "the same gives the first result")
			_, err = capture(t, w, 0)
			refused(t, err, fault.ErrConflict, `is 40; of "order" 15 was captured`)
			_, err = w.Economy.Void(t.Context(), "order", "")
			refused(t, err, fault.ErrConflict, "is COMPLETED")
			then, err := w.Economy.BalanceAt(t.Context(), "ada", "points", w.now.Load().Add(-2*time.Minute))
			require.NoError(t, err)
			require.Equal(t, "60", then.AvailableAmount.String(), "it was held then")
		}, "COMPLETED 15 - 5", "90", "90"},
		"it is given back": {func(t *testing.T, w *world) {
			rows, err := w.Economy.Void(t.Context(), "order", "Sold out.")
			require.NoError(t, err)
			require.Equal(t, []any{"Sold out.", "40"}, []any{rows[0].Reason, rows[0].Amount.String()})
			_, err = capture(t, w, 1)
			refused(t, err, fault.ErrConflict, "is REJECTED")
		}, "REJECTED 40 - 0", "100", "100"},
		"its time is over": {func(t *testing.T, w *world) {
			w.set(w.now.Load().Add(time.Hour))
			_, err := capture(t, w, 1)
			refused(t, err, fault.ErrConflict, "is EXPIRED")
			require.NoError(t, w.Advance(t.Context()))
		}, "EXPIRED 40 - 0", "100", "100"},
		"what is no hold": {func(t *testing.T, w *world) {
			spent, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{ID: "spent", CurrencyID: "points", Amount: decimal.NewFromInt(1)})
			require.NoError(t, err)
			_, err = w.Economy.Capture(t.Context(), spent.ID, decimal.Decimal{})
			refused(t, err, fault.ErrConflict, "is no hold")
			_, err = w.Economy.Capture(t.Context(), "none", decimal.Decimal{})
			refused(t, err, fault.ErrNotFound, "none")
			_, err = w.Economy.Hold(t.Context(), "ada", economy.Hold{ID: "spent", CurrencyID: "points", Amount: decimal.NewFromInt(1), ExpiresAt: w.now.Load().Add(time.Hour)})
			refused(t, err, fault.ErrConflict, `"spent" is no hold`)
			_, err = w.Economy.Spend(t.Context(), "ada", economy.Spending{ID: "order", CurrencyID: "points", Amount: decimal.NewFromInt(40)})
			refused(t, err, fault.ErrConflict, `"order" is a hold`)
		}, "PENDING 40 - 0", "59", "59"},
		"the same again": {func(t *testing.T, w *world) {
			h := economy.Hold{ID: "order", CurrencyID: "points", Amount: decimal.NewFromInt(40), ExpiresAt: w.now.Load().Add(time.Hour)}
			_, err := capture(t, w, 7)
			require.NoError(t, err)
			w.set(w.now.Load().Add(2 * time.Hour))
			x, err := w.Economy.Hold(t.Context(), "ada", h)
			require.NoError(t, err)
			require.Equal(t, []any{economy.Pending, "40", time.Time{}}, []any{x.State, x.Amount.String(), x.RedeemedAt})
			h.Amount = decimal.NewFromInt(7)
			_, err = w.Economy.Hold(t.Context(), "ada", h)
			refused(t, err, fault.ErrConflict, "amount")
		}, "COMPLETED 7 - 0", "93", "93"},
		"bad input": {func(t *testing.T, w *world) {
			good := economy.Hold{CurrencyID: "points", Amount: decimal.NewFromInt(1), ExpiresAt: w.now.Load().Add(time.Hour)}
			for reason, change := range map[string]func(*economy.Hold){
				"expiresAt: is needed":                 func(h *economy.Hold) { h.ExpiresAt = time.Time{} },
				"expiresAt: has passed":                func(h *economy.Hold) { h.ExpiresAt = *w.now.Load() },
				"expiresAt: is after the year 9999":    func(h *economy.Hold) { h.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
				"amount":                               func(h *economy.Hold) { h.Amount = decimal.Decimal{} },
				"virtualCurrencyId: is empty":          func(h *economy.Hold) { h.CurrencyID = "" },
				"virtualTransactionId: holds":          func(h *economy.Hold) { h.ID = "a:b" },
				"additionalData":                       func(h *economy.Hold) { h.AdditionalData = map[string]any{"f": func() {}} },
				"virtualTransactionGroupId: holds ' '": func(h *economy.Hold) { h.GroupID = " " },
			} {
				h := good
				change(&h)
				_, err := w.Economy.Hold(t.Context(), "ada", h)
				refused(t, err, fault.ErrInvalid, reason)
			}
			_, err := w.Users.Suspend(t.Context(), "ada")
			require.NoError(t, err)
			_, err = w.Economy.Hold(t.Context(), "ada", good)
			require.ErrorIs(t, err, fault.ErrForbidden)
		}, "PENDING 40 - 0", "60", "60"},
		"who is deleted has it held on": {func(t *testing.T, w *world) {
			_, err := w.Users.Anonymise(t.Context(), "ada")
			require.NoError(t, err)
			require.Equal(t, "PENDING 40 - 0", w.stands(t, "order"))
			_, err = capture(t, w, 30)
			require.NoError(t, err)
		}, "COMPLETED 30 - 0", "70", "70"},
		"something late": {func(t *testing.T, w *world) {
			x, err := capture(t, w, 10)
			require.NoError(t, err)
			for i := range 2 {
				e := swim(fmt.Sprint("late-", i), x.At.Add(-time.Duration(i+1)*time.Minute), 1)
				e.UserID = "ada"
				_, err = w.Record(t.Context(), e)
				require.NoError(t, err)
			}
		}, "COMPLETED 10 - 0", "90", "90"},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				w.grant(t, "ada", 100, economy.Auto)
				w.set(w.now.Load().Add(time.Hour))
				x := w.hold(t, "order", 40)
				require.Equal(t, []any{economy.Pending, economy.Debit, economy.ByUser, economy.PartySystem, "40"}, []any{x.State, x.Direction, x.InitiatorType, x.CounterpartType, x.HeldAmount.String()})
				tt.do(t, w)
				require.Equal(t, tt.stands, w.stands(t, "order"))
				b, err := w.Economy.Balance(t.Context(), "ada", "points")
				require.NoError(t, err)
				require.Equal(t, []string{tt.available, tt.in}, []string{b.AvailableAmount.String(), b.Amount.String()})
				w.requireBooks(t)
			})
		})
	}
}
