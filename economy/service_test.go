package economy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// newBank returns a world with two currencies: gold without bounds, and credit from -10 to 100.
func newBank(t failer) *world {
	w := newWorld(t)
	w.coin(t, "gold", "", "")
	w.coin(t, "credit", "-10", "100")
	return w
}

// gift returns a grant of gold to bob.
func gift(edit ...func(*economy.Grant)) economy.Grant {
	g := economy.Grant{DestinationUserID: "bob", CurrencyID: "gold", Amount: dec("5")}
	for _, fn := range edit {
		fn(&g)
	}
	return g
}

func from(userID string) func(*economy.Grant) {
	return func(g *economy.Grant) { g.SourceUserID = userID }
}

func manual(g *economy.Grant) { g.RedemptionMode = economy.Manual }

func expiring(after time.Duration) func(*economy.Grant) {
	return func(g *economy.Grant) { g.RedemptionMode, g.ExpiresAt = economy.Manual, start.Add(after) }
}

func TestGrant(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	rows, err := w.Grant(t.Context(), []economy.Grant{
		gift(from("ada"), func(g *economy.Grant) {
			g.ID, g.GroupID, g.AdditionalData = "t1", "birthday", map[string]any{"n": 1}
		}),
		gift(from("ada"), manual),
	})
	require.NoError(t, err)
	require.Len(t, rows, 4)
	debit, credit := rows[0], rows[1]
	require.Equal(t, economy.Transaction{
		ID: "t1", GroupID: "birthday", UserID: "bob", CurrencyID: "gold", RedemptionMode: economy.Auto, State: economy.Completed,
		Direction: economy.Credit, Amount: dec("5"), InitiatorType: economy.ByAdmin, Initiator: "ADMIN",
		CounterpartType: economy.PartyUser, Counterpart: "ada", CounterpartTransactionID: "t1:debit",
		AdditionalData: map[string]any{"n": 1.0}, At: start, CreatedAt: start, UpdatedAt: start,
	}, credit)
	require.Equal(t, "t1:debit", debit.ID)
	require.Equal(t, economy.Debit, debit.Direction)
	require.Equal(t, "ada", debit.UserID)
	require.Equal(t, "bob", debit.Counterpart)
	require.Equal(t, "birthday", debit.GroupID)
	require.Equal(t, economy.Pending, rows[2].State)
	require.Equal(t, rows[3].ID, rows[2].RedemptionGroupID)
	require.Equal(t, rows[3].ID, rows[3].RedemptionGroupID)
	require.Equal(t, rows[3].ID, rows[3].GroupID)

	require.Equal(t, "0/0", w.balance(t, "ada", "gold"))
	require.Equal(t, "10/5", w.balance(t, "bob", "gold"))
	require.Len(t, w.events, 3)
	require.Equal(t, "t1:debit:completed", w.events[1].ID)
	require.Equal(t, map[string]any{"n": 1.0}, w.events[1].Data)
	require.True(t, w.verify(t).OK())
}

// A balance says when the first and the last movement happened that it counts; without one it is as old as its user.
func TestSinceWhenABalanceIs(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.put(t, "users", `{"userId": "new", "role": "member", "status": "active", "createdAt": "2025-08-01T00:00:00Z"}`)
	times := func(userID string) [2]time.Time {
		b, err := w.Balance(t.Context(), userID, "gold")
		require.NoError(t, err)
		all, err := w.Balances(t.Context(), userID)
		require.NoError(t, err)
		require.Contains(t, all, b)
		return [2]time.Time{b.CreatedAt, b.UpdatedAt}
	}
	born := time.Date(2025, time.August, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, [2]time.Time{born, born}, times("new"))
	w.grant(t, "bob", "gold", "1")
	w.now = start.Add(time.Hour)
	rows, err := w.Grant(t.Context(), []economy.Grant{gift(manual)})
	require.NoError(t, err)
	require.Equal(t, [2]time.Time{start, w.now}, times("bob"))
	w.now = start.Add(2 * time.Hour)
	_, err = w.Redeem(t.Context(), "bob", rows[0].ID)
	require.NoError(t, err)
	require.Equal(t, [2]time.Time{start, w.now}, times("bob"))
	_, err = w.Grant(t.Context(), []economy.Grant{gift(expiring(3 * time.Hour))})
	require.NoError(t, err)
	w.now = start.Add(9 * time.Hour)
	require.Equal(t, [2]time.Time{start, start.Add(3 * time.Hour)}, times("bob"), "it expired then, marked or not")
	w.advance(t)
	require.Equal(t, [2]time.Time{start, start.Add(3 * time.Hour)}, times("bob"))
	system, err := w.System(t.Context(), "gold")
	require.NoError(t, err)
	require.Zero(t, system.CreatedAt)
	require.Zero(t, system.UpdatedAt)

	w.put(t, "balances", `{"userId": "eve", "virtualCurrencyId": "gold", "completed": 5000000}`) // as it was kept before
	require.Equal(t, [2]time.Time{}, times("eve"))
	w.grant(t, "eve", "gold", "1")
	require.Equal(t, [2]time.Time{{}, w.now}, times("eve"), "when the first was is not known")
}

func TestGrantRefused(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	w.put(t, "users", `{"userId": "gone", "status": "deleted"}`)
	_, err := w.Grant(t.Context(), []economy.Grant{gift(func(g *economy.Grant) { g.ID = "taken" })})
	require.NoError(t, err)
	for _, tt := range []struct {
		name string
		edit func(*economy.Grant)
		kind error
		want string
	}{
		{"no amount", func(g *economy.Grant) { g.Amount = dec("0") }, fault.ErrInvalid, "transactions[1].amount: is 0"},
		{"negative", func(g *economy.Grant) { g.Amount = dec("-1") }, fault.ErrInvalid, "transactions[1].amount: is -1"},
		{"too fine", func(g *economy.Grant) { g.Amount = dec("0.0000001") }, fault.ErrInvalid, "transactions[1].amount: is finer"},
		{"too large", func(g *economy.Grant) { g.Amount = dec("1e13") }, fault.ErrInvalid, "transactions[1].amount: is larger"},
		{"mode", func(g *economy.Grant) { g.RedemptionMode = "LATER" }, fault.ErrInvalid, "transactions[1].redemptionMode: "},
		{"nobody", func(g *economy.Grant) { g.DestinationUserID = "" }, fault.ErrInvalid, "transactions[1].destinationUserId: is empty"},
		{"nobody to anybody", func(g *economy.Grant) { g.DestinationUserID, g.SourceUserID = "", "ada" }, fault.ErrInvalid, "transactions[1].destinationUserId: is empty"},
		{"bad source", from(":SYSTEM"), fault.ErrInvalid, "transactions[1].sourceUserId: holds"},
		{"to oneself", from("bob"), fault.ErrInvalid, "transactions[1].sourceUserId: is the destination"},
		{"bad id", func(g *economy.Grant) { g.ID = "a:b" }, fault.ErrInvalid, "transactions[1].virtualTransactionId: holds"},
		{"bad group", func(g *economy.Grant) { g.GroupID = "a:b" }, fault.ErrInvalid, "transactions[1].virtualTransactionGroupId: holds"},
		{"expiry of auto", func(g *economy.Grant) { g.ExpiresAt = start.Add(time.Hour) }, fault.ErrInvalid, "transactions[1].expiresAt: is for MANUAL"},
		{"expired", expiring(0), fault.ErrInvalid, "transactions[1].expiresAt: has passed"},
		{"far", func(g *economy.Grant) {
			g.RedemptionMode, g.ExpiresAt = economy.Manual, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
		}, fault.ErrInvalid, "transactions[1].expiresAt: is after"},
		{"no JSON", func(g *economy.Grant) { g.AdditionalData = map[string]any{"f": func() {}} }, fault.ErrInvalid, "transactions[1].additionalData: is not JSON"},
		{"much JSON", func(g *economy.Grant) { g.AdditionalData = map[string]any{"s": strings.Repeat("x", economy.MaxData)} }, fault.ErrInvalid, "transactions[1].additionalData: is 65"},
		{"unknown user", func(g *economy.Grant) { g.DestinationUserID = "zoe" }, fault.ErrNotFound, `transactions[1].user: "zoe" not found`},
		{"unknown source", from("zoe"), fault.ErrNotFound, `transactions[1].user: "zoe" not found`},
		{"deleted user", func(g *economy.Grant) { g.DestinationUserID = "gone" }, fault.ErrNotFound, `transactions[1].user: "gone" not found`},
		{"unknown currency", func(g *economy.Grant) { g.CurrencyID = "iron" }, fault.ErrNotFound, `transactions[1].virtualCurrency: "iron" not found`},
		{"taken", func(g *economy.Grant) { g.ID, g.Amount = "taken", dec("6") }, fault.ErrConflict, `transactions[1].amount: is another than that of "taken"`},
		{"twice", func(g *economy.Grant) { g.ID = "first" }, fault.ErrInvalid, "transactions[1].virtualTransactionId: \"first\" occurs twice"},
		{"too much", func(g *economy.Grant) { g.SourceUserID, g.Amount = "ada", dec("10.000001") }, fault.ErrConflict, `transactions[1]: economy: user "ada" has 10 of "gold", a change by -10.000001 would cross the bound of 0`},
		{"overflow", func(g *economy.Grant) { g.Amount = dec("9223372036854.775807") }, fault.ErrConflict, "would cross the bound of 9223372036854.775807"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := w.dump(t)
			_, err := w.Grant(t.Context(), []economy.Grant{gift(func(g *economy.Grant) { g.ID = "first" }), gift(tt.edit)})
			require.ErrorIs(t, err, tt.kind)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "\n", "one fault")
			require.Equal(t, before, w.dump(t), "all or nothing")
		})
	}
	for _, n := range []int{0, economy.MaxGrants + 1} {
		_, err := w.Grant(t.Context(), make([]economy.Grant, n))
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, fmt.Sprintf("transactions: are %d", n))
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	spend := func(amount string) error {
		_, err := w.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "credit", Amount: dec(amount)})
		return err
	}
	require.NoError(t, spend("10"), "a currency may allow debts")
	err := spend("0.000001")
	bound, ok := errors.AsType[*economy.BoundError](err)
	require.True(t, ok)
	require.ErrorIs(t, err, fault.ErrConflict)
	require.Equal(t, "credit", bound.Currency)
	require.Equal(t, "ada", bound.User)
	require.Equal(t, "-10 -10 -0.000001", fmt.Sprint(bound.Bound, " ", bound.Have, " ", bound.Change))

	w.grant(t, "ada", "credit", "60")
	pending := gift(manual, func(g *economy.Grant) { g.DestinationUserID, g.CurrencyID, g.Amount = "ada", "credit", dec("50") })
	_, err = w.Grant(t.Context(), []economy.Grant{pending})
	require.NoError(t, err)
	require.Equal(t, "100/50", w.balance(t, "ada", "credit"))
	_, err = w.Grant(t.Context(), []economy.Grant{gift(func(g *economy.Grant) { g.DestinationUserID, g.CurrencyID = "ada", "credit" })})
	bound, ok = errors.AsType[*economy.BoundError](err)
	require.True(t, ok)
	require.Equal(t, "100 100 5", fmt.Sprint(bound.Bound, " ", bound.Have, " ", bound.Change))

	// A tighter bound leaves what is there, which may only move towards it.
	tight, err := w.Currencies.Get(t.Context(), "credit")
	require.NoError(t, err)
	tight.MaxAllowedBalance = optional("20")
	_, err = w.Currencies.Update(t.Context(), tight)
	require.NoError(t, err)
	_, err = w.Currencies.Publish(t.Context(), "credit")
	require.NoError(t, err)
	require.NoError(t, spend("10"))
	_, err = w.Grant(t.Context(), []economy.Grant{gift(func(g *economy.Grant) { g.DestinationUserID, g.CurrencyID, g.Amount = "ada", "credit", dec("1") })})
	require.ErrorIs(t, err, fault.ErrConflict)
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	w.put(t, "users", `{"userId": "eve", "role": "member", "status": "suspended"}`)
	for _, tt := range []struct {
		name, who string
		grant     economy.Grant
		kind      error
	}{
		{"too much", "ada", gift(func(g *economy.Grant) { g.Amount = dec("10.5") }), fault.ErrConflict},
		{"of another's", "ada", gift(from("eve")), fault.ErrInvalid},
		{"to oneself", "bob", gift(), fault.ErrInvalid},
		{"by nobody", "zoe", gift(), fault.ErrNotFound},
		{"by who is suspended", "eve", gift(), fault.ErrForbidden},
	} {
		before := w.dump(t)
		_, err := w.Transfer(t.Context(), tt.who, []economy.Grant{tt.grant})
		require.ErrorIs(t, err, tt.kind, tt.name)
		require.Equal(t, before, w.dump(t))
	}
	rows, err := w.Transfer(t.Context(), "ada", []economy.Grant{gift(from("ada")), gift(manual)})
	require.NoError(t, err)
	require.Equal(t, economy.ByUser, rows[0].InitiatorType)
	require.Equal(t, "ada", rows[1].Initiator)
	require.Equal(t, "0/0", w.balance(t, "ada", "gold"))
	require.Equal(t, "10/5", w.balance(t, "bob", "gold"))
	_, err = w.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "gold", Amount: dec("1")})
	require.ErrorIs(t, err, fault.ErrConflict, "what is set aside cannot be spent")
	_, err = w.Redeem(t.Context(), "bob", rows[3].ID)
	require.NoError(t, err)
	require.Equal(t, "10/10", w.balance(t, "bob", "gold"))
	require.True(t, w.verify(t).OK())
}

func TestSpend(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	row, err := w.Spend(t.Context(), "ada", economy.Spending{ID: "order-1", CurrencyID: "gold", Amount: dec("4"), AdditionalData: map[string]any{"hat": true}})
	require.NoError(t, err)
	require.Equal(t, economy.Debit, row.Direction)
	require.Equal(t, economy.PartySystem, row.CounterpartType)
	require.Equal(t, "order-1", row.GroupID)
	require.Equal(t, "6/6", w.balance(t, "ada", "gold"))
	system, err := w.System(t.Context(), "gold")
	require.NoError(t, err)
	require.Equal(t, "-6", system.Amount.String())

	before := w.dump(t)
	for _, tt := range []struct {
		who  string
		sp   economy.Spending
		kind error
	}{
		{"ada", economy.Spending{ID: "order-1", CurrencyID: "gold", Amount: dec("4")}, fault.ErrConflict},
		{"ada", economy.Spending{CurrencyID: "gold", Amount: dec("7")}, fault.ErrConflict},
		{"ada", economy.Spending{CurrencyID: "gold"}, fault.ErrInvalid},
		{"ada", economy.Spending{CurrencyID: "iron", Amount: dec("1")}, fault.ErrNotFound},
		{"zoe", economy.Spending{CurrencyID: "gold", Amount: dec("1")}, fault.ErrNotFound},
	} {
		_, err := w.Spend(t.Context(), tt.who, tt.sp)
		require.ErrorIs(t, err, tt.kind)
	}
	require.Equal(t, before, w.dump(t))
}

func TestRedeem(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "100")
	rows, err := w.Grant(t.Context(), []economy.Grant{
		gift(manual), gift(from("ada"), expiring(time.Hour)), gift(from("ada"), expiring(2*time.Hour)), gift(),
	})
	require.NoError(t, err)
	fromSystem, debit, credit, late := rows[0].ID, rows[1].ID, rows[2].ID, rows[4].ID
	require.Equal(t, "20/5", w.balance(t, "bob", "gold"))
	require.Equal(t, "90/90", w.balance(t, "ada", "gold"))

	redeemed, err := w.Redeem(t.Context(), "bob", credit)
	require.NoError(t, err)
	require.Len(t, redeemed, 2)
	require.Equal(t, debit, redeemed[0].ID)
	require.Equal(t, economy.Completed, redeemed[0].State)
	require.Equal(t, start, redeemed[0].RedeemedAt)
	_, err = w.Redeem(t.Context(), "bob", fromSystem)
	require.NoError(t, err)
	require.Equal(t, "20/15", w.balance(t, "bob", "gold"))

	w.now = start.Add(2 * time.Hour)
	before := w.dump(t)
	for _, tt := range []struct {
		name, who, id string
		kind          error
	}{
		{"completed", "bob", credit, fault.ErrConflict},
		{"expired to the instant", "bob", late, fault.ErrConflict},
		{"debit", "ada", debit, fault.ErrConflict},
		{"never pending", "bob", rows[5].ID, fault.ErrConflict},
		{"another's", "ada", late, fault.ErrNotFound},
		{"none", "bob", "none", fault.ErrNotFound},
		{"nobody", "zoe", late, fault.ErrNotFound},
	} {
		_, err := w.Redeem(t.Context(), tt.who, tt.id)
		require.ErrorIs(t, err, tt.kind, tt.name)
	}
	require.Equal(t, before, w.dump(t))
	require.True(t, w.verify(t).OK())
}

// What has expired is gone for every reader and writer before anyone marks it, and the same after.
func TestExpiry(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	var grants []economy.Grant
	for i := range 5 {
		grants = append(grants, gift(from("ada"), expiring(time.Duration(i+1)*time.Minute), func(g *economy.Grant) { g.Amount = dec("2") }))
	}
	rows, err := w.Grant(t.Context(), grants)
	require.NoError(t, err)
	require.Equal(t, "0/0", w.balance(t, "ada", "gold"))
	_, err = w.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "gold", Amount: dec("1")})
	require.ErrorIs(t, err, fault.ErrConflict)

	w.now = start.Add(3 * time.Minute)
	check := func() {
		require.Equal(t, "6/6", w.balance(t, "ada", "gold"))
		require.Equal(t, "4/0", w.balance(t, "bob", "gold"))
		all, err := w.Balances(t.Context(), "ada")
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, "gold 6 6 true", fmt.Sprint(all[1].CurrencyID, " ", all[1].Amount, " ", all[1].AvailableAmount, " ", all[1].IsActive))
		row, err := w.Transaction(t.Context(), rows[1].ID)
		require.NoError(t, err)
		require.Equal(t, economy.Expired, row.State)
		history, _, err := w.History(t.Context(), "bob", store.Page{})
		require.NoError(t, err)
		expired := 0
		for _, h := range history {
			if h.State == economy.Expired {
				expired++
			}
		}
		require.Equal(t, 3, expired)
		require.True(t, w.verify(t).OK())
	}
	check()
	events := len(w.events)
	w.advance(t)
	check()
	require.Equal(t, 6, strings.Count(w.dump(t), `"state":"EXPIRED"`), "both sides of what has expired are marked")
	for _, e := range w.events[events:] {
		require.Equal(t, "EXPIRED", e.Fields["state"])
		require.True(t, strings.HasSuffix(e.ID, ":expired"), e.ID)
	}
	require.Len(t, w.events, events+6, "both sides of what has expired say so")

	w.now = start.Add(4 * time.Minute)
	_, err = w.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "gold", Amount: dec("8")})
	require.NoError(t, err, "what expired since nobody looked is there to spend")
	require.Equal(t, "0/0", w.balance(t, "ada", "gold"))
	w.now = start.Add(time.Hour)
	w.advance(t)
	w.advance(t)
	require.Equal(t, "2/2", w.balance(t, "ada", "gold"))
	require.Equal(t, "0/0", w.balance(t, "bob", "gold"))
	require.True(t, w.verify(t).OK())
}

// What expired makes room once, however many movements of a call ask for it.
func TestExpiryMakesRoomOnce(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	_, err := w.Grant(t.Context(), []economy.Grant{gift(from("ada"), expiring(time.Minute), func(g *economy.Grant) { g.Amount = dec("8") })})
	require.NoError(t, err)
	w.now = start.Add(time.Minute)
	grants := []economy.Grant{gift(from("ada")), gift(from("ada"), func(g *economy.Grant) { g.Amount = dec("6") })}
	_, err = w.Grant(t.Context(), grants)
	require.ErrorIs(t, err, fault.ErrConflict)
	grants[1].Amount = dec("5")
	_, err = w.Grant(t.Context(), grants)
	require.NoError(t, err)
	require.Equal(t, "0/0", w.balance(t, "ada", "gold"))
	require.True(t, w.verify(t).OK())
}

func TestExpiredCreditsOfSystem(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	_, err := w.Grant(t.Context(), []economy.Grant{gift(expiring(time.Minute), func(g *economy.Grant) { g.CurrencyID, g.Amount = "credit", dec("100") })})
	require.NoError(t, err)
	system, err := w.System(t.Context(), "credit")
	require.NoError(t, err)
	require.Equal(t, "-100", system.Amount.String())
	w.now = start.Add(time.Minute)
	system, err = w.System(t.Context(), "credit")
	require.NoError(t, err)
	require.Equal(t, "0", system.Amount.String())
	w.grant(t, "bob", "credit", "100")
	require.Equal(t, "100/100", w.balance(t, "bob", "credit"), "a reward that expired leaves room")
	require.True(t, w.verify(t).OK())
}

func TestReverse(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	credit := w.grant(t, "ada", "gold", "10")
	spent, err := w.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "gold", Amount: dec("4")})
	require.NoError(t, err)
	before := w.dump(t)
	_, err = w.Reverse(t.Context(), credit.ID, economy.Reversal{})
	bound, ok := errors.AsType[*economy.BoundError](err)
	require.True(t, ok, "what is spent cannot be taken back")
	require.Equal(t, "ada", bound.User)
	require.Equal(t, before, w.dump(t))

	w.now = start.Add(time.Hour)
	rows, err := w.Reverse(t.Context(), spent.ID, economy.Reversal{})
	require.NoError(t, err)
	taken, err := w.Transaction(t.Context(), spent.ID)
	require.NoError(t, err)
	require.Equal(t, w.now, taken.UpdatedAt)
	require.Len(t, rows, 1)
	require.Equal(t, economy.Credit, rows[0].Direction)
	require.Equal(t, spent.ID, rows[0].ReversedTransactionID)
	require.Equal(t, spent.GroupID, rows[0].GroupID)
	require.Equal(t, "10/10", w.balance(t, "ada", "gold"))
	_, err = w.Reverse(t.Context(), spent.ID, economy.Reversal{})
	require.ErrorIs(t, err, fault.ErrConflict, "once")
	_, err = w.Reverse(t.Context(), rows[0].ID, economy.Reversal{})
	require.NoError(t, err, "a reversal can be reversed")
	require.Equal(t, "6/6", w.balance(t, "ada", "gold"))

	sides, err := w.Transfer(t.Context(), "ada", []economy.Grant{gift(), gift(manual, func(g *economy.Grant) { g.Amount = dec("1") })})
	require.NoError(t, err)
	require.Equal(t, "0/0", w.balance(t, "ada", "gold"))
	rows, err = w.Reverse(t.Context(), sides[1].ID, economy.Reversal{})
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, "5/5", w.balance(t, "ada", "gold"))
	require.Equal(t, "bob", rows[0].UserID)
	require.Equal(t, economy.Debit, rows[0].Direction)
	require.Equal(t, rows[1].ID, rows[0].CounterpartTransactionID)
	_, err = w.Reverse(t.Context(), sides[0].ID, economy.Reversal{})
	require.ErrorIs(t, err, fault.ErrConflict, "the other side is the same movement")
	_, err = w.Reverse(t.Context(), sides[3].ID, economy.Reversal{})
	require.ErrorIs(t, err, fault.ErrConflict, "what is pending has not happened")
	_, err = w.Reverse(t.Context(), "none", economy.Reversal{})
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.True(t, w.verify(t).OK())
}

func TestHistory(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.rule(t, "r1")
	for i := range 5 {
		w.record(t, activity(fmt.Sprintf("e%d", i), "ada", start.Add(time.Duration(i*7%5)*time.Hour)))
	}
	w.grant(t, "bob", "gold", "1")
	for _, page := range []store.Page{{Limit: 2}, {Limit: 2, Ascending: true}} {
		var ids []string
		for {
			rows, next, err := w.History(t.Context(), "ada", page)
			require.NoError(t, err)
			for _, row := range rows {
				ids = append(ids, row.ID)
			}
			if page.Token = next; next == "" {
				break
			}
		}
		want := []string{"e2:r1:0", "e4:r1:0", "e1:r1:0", "e3:r1:0", "e0:r1:0"}
		if page.Ascending {
			want = []string{"e0:r1:0", "e3:r1:0", "e1:r1:0", "e4:r1:0", "e2:r1:0"}
		}
		require.Equal(t, want, ids, "in the order in which things happened")
	}
	_, _, err := w.History(t.Context(), "zoe", store.Page{})
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, _, err = w.History(t.Context(), "ada", store.Page{Limit: 101})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, _, err = w.History(t.Context(), "ada", store.Page{Token: "x"})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestBalancesOf(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "1")
	_, err := w.Currencies.Archive(t.Context(), "gold")
	require.NoError(t, err)
	for user, want := range map[string]string{"ada": "credit 0 true, gold 1 false", "bob": "credit 0 true"} {
		all, err := w.Balances(t.Context(), user)
		require.NoError(t, err)
		var got []string
		for _, b := range all {
			require.Equal(t, user, b.UserID)
			got = append(got, fmt.Sprint(b.CurrencyID, " ", b.Amount, " ", b.IsActive))
		}
		require.Equal(t, want, strings.Join(got, ", "))
	}
	_, err = w.Balances(t.Context(), "zoe")
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.Balance(t.Context(), "zoe", "credit")
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.System(t.Context(), "iron")
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestVerifyFinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, table, record string
		accounts            string
		unbalanced          []string
	}{
		{"nothing", "balances", `{"userId": "ada", "virtualCurrencyId": "gold", "completed": 10000000}`, "", nil},
		{"another sum", "balances", `{"userId": "ada", "virtualCurrencyId": "gold", "completed": 1}`, "ada: 0.000001 for 10", nil},
		{"a balance from nowhere", "balances", `{"userId": "bob", "virtualCurrencyId": "gold", "completed": 1}`, "bob: 0.000001 for 0", nil},
		{"another sum of SYSTEM", "balances", `{"virtualCurrencyId": "gold"}`, ": 0 for -10", nil},
		{"a lost balance", "transactions", `{"virtualTransactionId": "x", "userId": "eve", "virtualCurrencyId": "gold", "state": "COMPLETED",
			"direction": "CREDIT", "amount": "3", "counterpartType": "SYSTEM", "counterpart": "SYSTEM"}`, ": -10 for -13, eve: 0 for 3", nil},
		{"half a transfer", "transactions", `{"virtualTransactionId": "x", "userId": "ada", "virtualCurrencyId": "gold", "state": "COMPLETED",
			"direction": "CREDIT", "amount": "3", "counterpartType": "USER", "counterpart": "bob"}`, "ada: 10 for 13", []string{"gold"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newBank(t)
			w.grant(t, "ada", "gold", "10")
			w.put(t, tt.table, tt.record)
			r := w.verify(t)
			var got []string
			for _, d := range r.Differences {
				got = append(got, fmt.Sprint(d.UserID, ": ", d.Have.Completed, " for ", d.Want.Completed))
			}
			require.Equal(t, tt.accounts, strings.Join(got, ", "))
			require.Equal(t, tt.unbalanced, r.Unbalanced)
			require.Equal(t, tt.accounts == "", r.OK())
		})
	}
}
