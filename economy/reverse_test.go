package economy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
)

// Before parts were taken back it was the whole or nothing, and only the id said so.
func TestWhatWasReversedBeforePartsWere(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	granted := w.grant(t, "ada", "gold", "10")
	row := granted
	row.ID, row.Direction, row.ReversedTransactionID, row.InitiatorType = granted.ID+":reversal", economy.Debit, granted.ID, economy.ByAdmin
	record, err := json.Marshal(row)
	require.NoError(t, err)
	w.put(t, "transactions", string(record))
	before := w.dump(t)
	for _, r := range []economy.Reversal{{}, {Amount: dec("1")}, {UpTo: true}} {
		_, err = w.Reverse(t.Context(), granted.ID, r)
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "reversed already")
	}
	require.Equal(t, before, w.dump(t))
}

// A charge of which an admin has taken back a part is refunded for the rest.
func TestRefundOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	paid, err := w.charge("s1:ada:1", "gold", "8", start)
	require.NoError(t, err)
	require.True(t, paid)
	_, err = w.Reverse(t.Context(), "s1:ada:1", economy.Reversal{Amount: dec("3")})
	require.NoError(t, err)
	require.Equal(t, "5/5", w.balance(t, "ada", "gold"))
	for range 2 {
		w.refund(t, start.Add(time.Minute), "s1:ada:1")
		require.Equal(t, "10/10", w.balance(t, "ada", "gold"))
	}
	charge, err := w.Transaction(t.Context(), "s1:ada:1")
	require.NoError(t, err)
	require.Equal(t, "8", charge.ReversedAmount.String())
	_, err = w.Reverse(t.Context(), "s1:ada:1", economy.Reversal{})
	require.ErrorIs(t, err, fault.ErrConflict)
	require.True(t, w.verify(t).OK())
}

// What is taken back up to an amount is as much as both sides can bear, whatever the bounds are.
func TestReverseUpToTheBounds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(*testing.T, *world) (id string)
		want string // "" is refused
	}{
		"what the receiver has": {func(t *testing.T, w *world) string {
			w.grant(t, "ada", "gold", "15")
			rows, err := w.Transfer(t.Context(), "ada", []economy.Grant{gift(func(g *economy.Grant) { g.Amount = dec("15") })})
			require.NoError(t, err)
			_, err = w.Spend(t.Context(), "bob", economy.Spending{CurrencyID: "gold", Amount: dec("4")})
			require.NoError(t, err)
			return rows[1].ID
		}, "11"},
		"what the sender has room for": {func(t *testing.T, w *world) string {
			w.grant(t, "ada", "credit", "15")
			rows, err := w.Transfer(t.Context(), "ada", []economy.Grant{gift(func(g *economy.Grant) { g.CurrencyID, g.Amount = "credit", dec("15") })})
			require.NoError(t, err)
			w.grant(t, "ada", "credit", "92") // of at most 100
			return rows[0].ID
		}, "8"},
		"below nothing, if the currency lets": {func(t *testing.T, w *world) string {
			id := w.grant(t, "ada", "credit", "5").ID
			_, err := w.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "credit", Amount: dec("12")})
			require.NoError(t, err)
			return id
		}, "3"},
		"nothing": {func(t *testing.T, w *world) string {
			id := w.grant(t, "ada", "gold", "5").ID
			_, err := w.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "gold", Amount: dec("5")})
			require.NoError(t, err)
			return id
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBank(t)
			id := tt.do(t, w)
			before := w.dump(t)
			rows, err := w.Reverse(t.Context(), id, economy.Reversal{UpTo: true})
			if tt.want == "" {
				var bound *economy.BoundError
				require.ErrorAs(t, err, &bound)
				require.Equal(t, before, w.dump(t))
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, rows[0].Amount.String())
			require.True(t, w.verify(t).OK())
		})
	}
}
