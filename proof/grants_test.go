package proof_test

import (
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

// granted gives eve points that count at a moment, zero for now.
func (w *world) granted(t tester, id string, amount int64, at time.Time) ([]economy.Transaction, error) {
	return w.Economy.Grant(t.Context(), []economy.Grant{{ID: id, CurrencyID: "points", Amount: decimal.NewFromInt(amount), DestinationUserID: "eve", At: at}})
}

// A grant that says when it counts counts in the week of then, by the tags of then, and in the balance of then; in a week that has closed
// it does not, and its entry says so.
func TestAGrantCountsWhenItSays(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, twice(t))
		require.NoError(t, err)
		at := start.AddDate(0, 0, 1)
		w.set(at)
		_, err = w.Users.AssignTags(ctx, "eve", tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
		w.set(at.AddDate(0, 0, 2))
		err = w.Users.RemoveTags(ctx, "eve", "outdoor")
		require.NoError(t, err)
		w.set(at.AddDate(0, 0, 8))

		made, err := w.granted(t, "then", 5, at.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, at.Add(time.Hour), made[0].At)
		require.Equal(t, *w.now.Load(), made[0].CreatedAt)
		require.Equal(t, []string{"eve 5"}, w.week(t, "won", at))
		require.Equal(t, []string{"outdoor 5"}, w.week(t, "in-places", at))
		require.Empty(t, w.week(t, "won", *w.now.Load()))
		require.Equal(t, "5", w.earned(t, "eve"))
		for moment, want := range map[time.Time]string{at: "0", at.Add(time.Hour): "5", *w.now.Load(): "5"} {
			b, err := w.Economy.BalanceAt(ctx, "eve", "points", moment)
			require.NoError(t, err)
			require.Equal(t, want, b.Amount.String())
		}

		again, err := w.granted(t, "then", 5, at.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, made, again)
		again, err = w.granted(t, "then", 5, time.Time{})
		require.NoError(t, err)
		require.Equal(t, made, again, "one that does not say when is the same")
		_, err = w.granted(t, "then", 5, at)
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "transactions[0].at")
		require.Equal(t, "5", w.earned(t, "eve"))

		require.NoError(t, w.Advance(ctx)) // the week closes
		_, err = w.granted(t, "closed", 7, at.Add(2*time.Hour))
		require.NoError(t, err)
		require.Equal(t, []string{"eve 5"}, w.week(t, "won", at))
		require.Equal(t, "12", w.earned(t, "eve"))
		entries, err := w.Journal(ctx, w.first)
		require.NoError(t, err)
		i := slices.IndexFunc(entries, func(e guerdon.Entry) bool { return e.Event.ID == "closed:completed" })
		require.Contains(t, entries[i].Outcome.Problems[0].Reason, "closed for good")
	})
}

// Grants of one call stand each where it counts, and stay there when all is folded again.
func TestWhatFollowsAGrantOfThePast(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		day := func(n int) time.Time { return start.AddDate(0, 0, n) }
		w.set(day(3))
		_, err := w.granted(t, "three", 2, time.Time{})
		require.NoError(t, err)
		w.set(day(4))
		_, err = w.Economy.Spend(ctx, "eve", economy.Spending{ID: "spent", CurrencyID: "points", Amount: decimal.NewFromInt(2)})
		require.NoError(t, err)
		w.set(day(6))
		both := []economy.Grant{
			{ID: "now", CurrencyID: "points", Amount: decimal.NewFromInt(1), DestinationUserID: "eve", RedemptionMode: economy.Manual, ExpiresAt: day(7)},
			{ID: "two", CurrencyID: "points", Amount: decimal.NewFromInt(5), DestinationUserID: "eve", At: day(2)},
			{ID: "one", CurrencyID: "points", Amount: decimal.NewFromInt(6), DestinationUserID: "eve", At: day(1)},
		}
		made, err := w.Economy.Grant(ctx, both)
		require.NoError(t, err)
		require.Equal(t, []string{"now", "two", "one"}, []string{made[0].ID, made[1].ID, made[2].ID})
		stamp := func(n int) string { return day(n).Format(time.RFC3339) }
		require.Equal(t, []string{
			stamp(1) + " one CREDIT 6 COMPLETED", stamp(2) + " two CREDIT 5 COMPLETED", stamp(3) + " three CREDIT 2 COMPLETED",
			stamp(4) + " spent DEBIT 2 COMPLETED", stamp(6) + " now CREDIT 1 PENDING",
		}, w.history(t, "eve"))
		balance, err := w.Economy.Balance(ctx, "eve", "points")
		require.NoError(t, err)
		require.Equal(t, []string{"12", "11"}, []string{balance.Amount.String(), balance.AvailableAmount.String()})
		require.Equal(t, day(1), balance.CreatedAt)
		for n, want := range []string{"0", "6", "11", "13", "11", "11", "12"} {
			was, err := w.Economy.BalanceAt(ctx, "eve", "points", day(n))
			require.NoError(t, err)
			require.Equal(t, want, was.Amount.String(), n)
		}
		now, err := w.Economy.BalanceAt(ctx, "eve", "points", day(6))
		require.NoError(t, err)
		require.Equal(t, balance, now)
		w.set(day(8))
		require.NoError(t, w.Advance(ctx)) // what was pending has expired by itself, and only that
		require.Equal(t, "11", w.earned(t, "eve"))

		// All of it is folded again behind an event that is later still.
		_, err = w.Record(ctx, event.Event{ID: "late", UserID: "eve", EntityID: "swim", At: start.Add(time.Hour)})
		require.NoError(t, err)
		require.Equal(t, "11", w.earned(t, "eve"))
		then, err := w.Economy.BalanceAt(ctx, "eve", "points", day(6))
		require.NoError(t, err)
		require.Equal(t, balance, then)
	})
}

// A reward that was paid since is rejected if there was no room for it; what was spent stays spent.
func TestAGrantOfThePastTakesTheRoomOfThen(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, document("VirtualCurrency", "points", object{"maxAllowedBalance": 10}), payingRule("swims", 5, nil)))
		require.NoError(t, err)
		w.set(start.AddDate(0, 0, 3))
		_, err = w.Record(ctx, swim("paid", start.AddDate(0, 0, 2), 1))
		require.NoError(t, err)
		_, err = w.Economy.Spend(ctx, "eve", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(5)})
		require.NoError(t, err)
		_, err = w.granted(t, "then", 8, start.AddDate(0, 0, 1))
		require.NoError(t, err)
		require.Equal(t, "3", w.earned(t, "eve"))
		entries, err := w.Journal(ctx, w.first)
		require.NoError(t, err)
		require.Equal(t, []string{"paid:swims:0 5 REJECTED"}, paid(entries[len(entries)-1].Outcome))
	})
}

// The bounds hold at both moments; what cannot be the moment of a grant is refused with the field.
func TestWhenAGrantCannotCount(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, document("VirtualCurrency", "few", object{"name": "few", "minAllowedBalance": 0, "maxAllowedBalance": 10})))
		require.NoError(t, err)
		few := func(amount int64, at time.Time) error {
			_, err := w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "few", Amount: decimal.NewFromInt(amount), DestinationUserID: "eve", At: at}})
			return err
		}
		day := func(n int) time.Time { return start.AddDate(0, 0, n) }
		w.set(day(1))
		require.NoError(t, few(8, time.Time{}))
		w.set(day(3))
		_, err = w.Economy.Spend(ctx, "eve", economy.Spending{CurrencyID: "few", Amount: decimal.NewFromInt(8)})
		require.NoError(t, err)
		w.set(day(5))
		before := w.dump(t, w.Scope())
		for at, have := range map[time.Time]string{day(2): "8", day(1).Add(time.Hour): "8"} {
			var crossed *economy.BoundError
			require.ErrorAs(t, few(4, at), &crossed)
			require.Equal(t, have, crossed.Have.String())
		}
		require.NoError(t, few(4, day(4)))
		require.NoError(t, few(4, day(0)))
		var crossed *economy.BoundError
		require.ErrorAs(t, few(4, day(0)), &crossed, "now it would be too much")
		require.Equal(t, "8", crossed.Have.String())
		require.NotEqual(t, before, w.dump(t, w.Scope()))

		bad := func(kind error, want string, edit func(*economy.Grant)) {
			t.Helper()
			g := economy.Grant{CurrencyID: "points", Amount: decimal.NewFromInt(1), DestinationUserID: "eve", At: day(4)}
			edit(&g)
			before := w.dump(t, w.Scope())
			_, err := w.Economy.Grant(ctx, []economy.Grant{g})
			require.ErrorIs(t, err, kind)
			require.ErrorContains(t, err, "transactions[0].at")
			require.ErrorContains(t, err, want)
			requireSameRows(t, before, w.dump(t, w.Scope()))
		}
		bad(fault.ErrInvalid, "ahead of now", func(g *economy.Grant) { g.At = day(5).Add(event.MaxFuture + time.Second) })
		bad(fault.ErrInvalid, "years", func(g *economy.Grant) { g.At = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) })
		bad(fault.ErrInvalid, "redeemed", func(g *economy.Grant) { g.RedemptionMode = economy.Manual })
		bad(fault.ErrInvalid, "SYSTEM", func(g *economy.Grant) { g.SourceUserID = "ada" })
		ahead := economy.Grant{ID: "ahead", CurrencyID: "points", Amount: decimal.NewFromInt(1), DestinationUserID: "eve", At: day(5).Add(time.Minute)}
		_, err = w.Economy.Grant(ctx, []economy.Grant{ahead})
		require.NoError(t, err)
		_, err = w.Economy.Reverse(ctx, "ahead", economy.Reversal{})
		require.ErrorIs(t, err, fault.ErrConflict)
		w.set(ahead.At)
		_, err = w.Economy.Reverse(ctx, "ahead", economy.Reversal{})
		require.NoError(t, err)
		w.archived(t, day(2))
		bad(fault.ErrConflict, "horizon", func(g *economy.Grant) { g.At = day(1) })
	})
}
