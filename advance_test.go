package guerdon_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// frozen is a streak rule that takes a point for a missed day.
const frozen = `{"documents":[{"kind":"StreakRule","id":"icy","name":"With freezes","streakConfigurationId":"any","cadence":"DAY","metric":"DAYS",
	"freezeEnabled":true,"freezeVirtualCurrencyId":"points","freezeCostExpression":2,"timeframeType":"PERMANENT","timeframeTimezoneType":"USER",
	"timeframeStartsAt":"2020-01-01T00:00:00Z","defaultLang":"en","translations":[{"lang":"en","name":"Icy"}]}]}`

func TestAdvanceFreezesForOneChargeADayWhoeverCallsIt(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, []byte(frozen))
		require.NoError(t, err)
		_, err = w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", Amount: decimal.NewFromInt(5), DestinationUserID: "eve"}})
		require.NoError(t, err)
		_, err = w.Record(ctx, run("e1", "eve", start)) // and one point
		require.NoError(t, err)
		w.set(start.AddDate(0, 0, 3)) // two days missed
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { errs[i] = w.Advance(ctx) })
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		balance, err := w.Economy.Balance(ctx, "eve", "points")
		require.NoError(t, err)
		require.Equal(t, "2", balance.Amount.String())
		standing, err := w.Streaks.Current(ctx, "eve", "icy")
		require.NoError(t, err)
		require.Equal(t, streaks.Active, standing.Status)
		require.Equal(t, 1, standing.Count)
		w.set(start.AddDate(0, 0, 5)) // one more day can be paid, and one not
		require.NoError(t, w.Advance(ctx))
		standing, err = w.Streaks.Current(ctx, "eve", "icy")
		require.NoError(t, err)
		require.Equal(t, streaks.Broken, standing.Status)
		report, err := w.Economy.Verify(ctx)
		require.NoError(t, err)
		require.Empty(t, report.Differences)
	})
}

func TestEngineAdvancesEveryWorkspace(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	_, err := w.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "second", Name: "Second"})
	require.NoError(t, err)
	second, err := w.engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: "second"})
	require.NoError(t, err)
	_, err = second.Import(ctx, fullGame(t))
	require.NoError(t, err)
	_, err = second.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
	require.NoError(t, err)
	expires := start.Add(time.Hour)
	granted, err := second.Economy.Grant(ctx, []economy.Grant{{
		CurrencyID: "points", Amount: decimal.NewFromInt(5), DestinationUserID: "ada", RedemptionMode: economy.Manual, ExpiresAt: expires,
	}})
	require.NoError(t, err)
	w.set(start.Add(2 * time.Hour))
	require.NoError(t, w.engine.Advance(ctx))
	after, err := second.Economy.Transaction(ctx, granted[0].ID)
	require.NoError(t, err)
	require.Equal(t, economy.Expired, after.State)
}

func TestRunAdvancesUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		var calls atomic.Int64
		eng, err := guerdon.New(t.Context(), st, &guerdon.Options{Now: func() time.Time { calls.Add(1); return start }})
		require.NoError(t, err)
		_, err = eng.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "acme"})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		before := calls.Load()
		go func() { done <- eng.Run(ctx, time.Minute) }()
		synctest.Wait()
		once := calls.Load() - before
		require.Positive(t, once, "at once")
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		require.GreaterOrEqual(t, calls.Load()-before, 11*once)
		cancel()
		require.NoError(t, <-done)
	})
}

// A season of a year: every user of the game acts on some days; the months' boards close one by one.
func TestYearPasses(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	for day := range 365 {
		now := start.AddDate(0, 0, day)
		w.set(now)
		require.NoError(t, w.Advance(ctx))
		for i, user := range []string{"ada", "bob", "eve"} {
			if day%(i+1) == 0 {
				_, err := w.Record(ctx, run(fmt.Sprintf("%s-%d", user, day), user, now))
				require.NoError(t, err)
			}
		}
	}
	periods, err := w.Leaderboards.Periods(ctx, "monthly", 24, time.Time{})
	require.NoError(t, err)
	var total decimal.Decimal
	for _, p := range periods {
		require.Equal(t, p.State == "ENDED", p.Frozen, p.ID)
		top, err := w.Leaderboards.Top(ctx, "monthly", 10, &leaderboard.At{Period: p.ID})
		require.NoError(t, err)
		for _, row := range top.Rows {
			total = total.Add(row.Score)
		}
	}
	system, err := w.Economy.System(ctx, "points")
	require.NoError(t, err)
	require.True(t, total.Equal(system.Amount.Neg()), "what the boards count is what was paid: %s and %s", total, system.Amount)
	standing, err := w.Streaks.Current(ctx, "ada", "daily")
	require.NoError(t, err)
	require.Equal(t, 365, standing.Count)
}
