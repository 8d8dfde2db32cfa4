package proof_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/timeframe"
)

// newLotsWorld is a world on noon of 1 January 2024 in which what is credited of points lapses after two days, a run pays ten, and ada and bob are.
func newLotsWorld(t testing.TB) *guerdontest.World {
	t.Helper()
	w := guerdontest.New(t, guerdontest.Activity("run"), guerdontest.LapsingCurrency("points", 2), guerdontest.Currency("gold"),
		guerdontest.RewardRule("r", guerdontest.Doing("run"), "points", "10"))
	w.Join(t, "ada", "bob")
	return w
}

func requireLots(t testing.TB, w *guerdontest.World) {
	t.Helper()
	report, err := w.Economy.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, report.OK(), "%+v", report)
}

// What a reversal has given back to lots, it gives back again when the fold is folded again: once by one late event, and by the next.
func TestReversalGivesLotsTheirLifeAgain(t *testing.T) {
	t.Parallel()
	w := newLotsWorld(t)
	w.Does(t, "ada", "run")
	w.Pass(t, time.Hour)
	spent, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(4)})
	require.NoError(t, err)
	w.Pass(t, time.Hour)
	_, err = w.Economy.Reverse(t.Context(), spent.ID, economy.Reversal{})
	require.NoError(t, err)
	for i := range 3 { // between the two
		_, err := w.Record(t.Context(), event.Event{ID: fmt.Sprint("late-", i), UserID: "ada", EntityID: "run", At: w.Now().Add(-time.Duration(i+30) * time.Minute)})
		require.NoError(t, err)
		requireLots(t, w)
	}
	w.Pass(t, 10*guerdontest.Day)
	w.RequireBalance(t, "ada", "points", "0")
	requireLots(t, w)
}

// A reversal gives back to lots what was taken of them, what was taken last first; what has lapsed since lapses at once.
func TestReversalGivesLotsTheirLife(t *testing.T) {
	t.Parallel()
	w := newLotsWorld(t)
	first := w.Now().Truncate(guerdontest.Day).AddDate(0, 0, 3)
	w.Does(t, "ada", "run")
	w.Pass(t, guerdontest.Day)
	w.Does(t, "ada", "run")
	spent, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(14)})
	require.NoError(t, err)
	w.RequireLapse(t, "ada", "points", first, "0")
	w.RequireLapse(t, "ada", "points", first.AddDate(0, 0, 1), "6")
	_, err = w.Economy.Reverse(t.Context(), spent.ID, economy.Reversal{Amount: decimal.NewFromInt(5)})
	require.NoError(t, err)
	w.RequireLapse(t, "ada", "points", first, "1")
	w.RequireLapse(t, "ada", "points", first.AddDate(0, 0, 1), "10")
	w.Set(t, first)
	w.RequireBalance(t, "ada", "points", "10")
	_, err = w.Economy.Reverse(t.Context(), spent.ID, economy.Reversal{})
	require.NoError(t, err)
	w.RequireBalance(t, "ada", "points", "10")
	requireLots(t, w)
	w.Pass(t, 5*guerdontest.Day)
	w.RequireBalance(t, "ada", "points", "0")
	requireLots(t, w)
}

// What is set aside is out of reach: it is left when it would lapse, nobody spends it meanwhile, and it lapses when it is set free.
func TestWhatIsSetAsideLapsesWhenItIsSetFree(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(*guerdontest.World, string) error
		ada  string
		bob  string
	}{
		{"withdrawn", func(w *guerdontest.World, id string) error {
			_, err := w.Economy.Withdraw(t.Context(), "ada", id, "")
			return err
		}, "0", "0"},
		{"expired", func(w *guerdontest.World, _ string) error {
			w.Pass(t, 4*guerdontest.Day)
			return nil
		}, "0", "0"},
		{"redeemed", func(w *guerdontest.World, id string) error {
			_, err := w.Economy.Redeem(t.Context(), "bob", id)
			return err
		}, "0", "7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newLotsWorld(t)
			w.Does(t, "ada", "run")
			w.Pass(t, guerdontest.Day)
			rows, err := w.Economy.Transfer(t.Context(), "ada", []economy.Grant{{
				CurrencyID: "points", Amount: decimal.NewFromInt(7), DestinationUserID: "bob", RedemptionMode: economy.Manual,
			}})
			require.NoError(t, err)
			w.RequireLapse(t, "ada", "points", w.Now().Truncate(guerdontest.Day).AddDate(0, 0, 2), "3")
			w.Pass(t, 36*time.Hour)
			have, err := w.Economy.Balance(t.Context(), "ada", "points")
			require.NoError(t, err)
			require.Equal(t, []string{"0", "0"}, []string{have.Amount.String(), have.AvailableAmount.String()})
			requireLots(t, w)
			require.NoError(t, tt.end(w, rows[1].ID))
			w.RequireBalance(t, "ada", "points", tt.ada)
			w.RequireBalance(t, "bob", "points", tt.bob)
			before, err := w.Economy.System(t.Context(), "points")
			require.NoError(t, err)
			require.NoError(t, w.Advance(t.Context()))
			after, err := w.Economy.System(t.Context(), "points")
			require.NoError(t, err)
			require.Equal(t, before.Amount.String(), after.Amount.String(), "reads do not wait for the clock")
			w.RequireBalance(t, "ada", "points", tt.ada)
			requireLots(t, w)
		})
	}
}

// What turns out to have been spent before it lapsed, has not lapsed; the outcome says so.
func TestLateEventsMoveWhatLapses(t *testing.T) {
	t.Parallel()
	w := newLotsWorld(t)
	earned := w.Does(t, "ada", "run")
	w.Pass(t, 10*guerdontest.Day)
	w.RequireBalance(t, "ada", "points", "0")
	out := w.Happens(t, event.Event{ID: "late", UserID: "ada", EntityID: "run", At: w.Now().AddDate(0, 0, -10)})
	require.Len(t, out.Transactions, 2)
	require.True(t, out.Transactions[1].Lapsed)
	require.Equal(t, "20", out.Transactions[1].Amount.String())
	_, err := w.Retract(t.Context(), earned.EventID, guerdon.Correction{Reason: "it was another"})
	require.NoError(t, err)
	w.RequireBalance(t, "ada", "points", "0")
	requireLots(t, w)
}

// What cannot be is refused, and names its field.
func TestLivesThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newLotsWorld(t)
	for field, life := range map[string]economy.Life{
		"life.count":    {Type: economy.LifeAfter, Per: timeframe.ByDay},
		"life.per":      {Type: economy.LifeEndOf},
		"life.at":       {Type: economy.LifeDate},
		"life.lifeType": {Type: "SOON"},
	} {
		c := guerdontest.Currency("other")
		c.Life = &life
		require.ErrorContains(t, c.Validate(), field)
	}
	rule := guerdontest.RewardRule("other", guerdontest.Doing("run"), "gold", "1")
	rule.Rewards[0].Life = &economy.Life{Type: economy.LifeNever}
	_, err := w.Economy.RewardRules.Create(t.Context(), *rule)
	require.NoError(t, err)
	_, err = w.Economy.RewardRules.Publish(t.Context(), "other")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "rewards[0].life")
	grant := func(currency string, lapsesAt time.Time) error {
		_, err := w.Economy.Grant(t.Context(), []economy.Grant{{CurrencyID: currency, Amount: decimal.NewFromInt(1), DestinationUserID: "ada", LapsesAt: lapsesAt}})
		return err
	}
	require.ErrorContains(t, grant("points", w.Now()), "lapsesAt")
	require.ErrorIs(t, grant("gold", w.Now().AddDate(1, 0, 0)), fault.ErrConflict)
	require.NoError(t, grant("points", w.Now().Add(time.Hour)))
	over := guerdontest.Currency("points")
	over.Life = &economy.Life{Type: economy.LifeDate, At: w.Now()}
	w.Publish(t, over)
	require.ErrorIs(t, grant("points", time.Time{}), fault.ErrConflict)
	out := w.Does(t, "ada", "run")
	require.Equal(t, economy.Rejected, out.Transactions[0].State)
	require.Len(t, out.Problems, 1)
	requireLots(t, w)
}

// Many lots lapse in many transactions, and others are let in. Run it with GUERDON_TEST_LOTS=100000.
func TestManyLotsLapse(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("GUERDON_TEST_LOTS"))
	if err != nil {
		n = 300
	}
	w := newLotsWorld(t)
	const each = 100
	for from := 0; from < n; from += each {
		some := make([]event.Event, each)
		for i := range some {
			if (from+i)%3 == 0 {
				w.Join(t, fmt.Sprint("u", from+i))
			}
			some[i] = event.Event{ID: fmt.Sprint("e", from+i), UserID: fmt.Sprint("u", (from+i)/3*3), EntityID: "run", At: w.Now().AddDate(0, 0, -(from+i)%3)}
		}
		_, err := w.RecordBatch(t.Context(), some)
		require.NoError(t, err)
	}
	w.Pass(t, 10*guerdontest.Day)
	have, err := w.Economy.System(t.Context(), "points")
	require.NoError(t, err)
	require.True(t, have.Amount.IsZero(), have.Amount.String())
	requireLots(t, w)
}
