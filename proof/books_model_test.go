package proof_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// audited is a store that looks at the books of every transaction just before it commits.
type audited struct{ prepared }

func (a *audited) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return a.Store.Update(ctx, s, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return audit(ctx, tx, a.tables)
	})
}

var errBooks = errors.New("the books are out of order")

// audit tells which rule an account of a transaction breaks: postings of a currency sum to zero, nobody
// spends what is not there, and nobody can come to have more than 3 gems.
func audit(ctx context.Context, tx store.Tx, tables []*store.Schema) error {
	const most = 3_000_000
	for _, table := range tables {
		if table.Name != "balances" {
			continue
		}
		rows, err := tx.List(ctx, table, store.Query{})
		if err != nil {
			return err
		}
		sums := map[string]int64{}
		for _, row := range rows {
			record, err := table.Encode(row)
			if err != nil {
				return err
			}
			var a struct {
				UserID         string `json:"userId"`
				CurrencyID     string `json:"virtualCurrencyId"`
				Completed      int64  `json:"completed"`
				PendingCredits int64  `json:"pendingCredits"`
				PendingDebits  int64  `json:"pendingDebits"`
			}
			if err := json.Unmarshal(record, &a); err != nil {
				return err
			}
			sums[a.CurrencyID] += a.Completed + a.PendingCredits - a.PendingDebits
			overdrawn := a.Completed < a.PendingDebits
			full := a.CurrencyID == "gems" && a.Completed+a.PendingCredits > most
			if a.UserID != "" && (overdrawn || full) {
				return fmt.Errorf("%w: %s", errBooks, record)
			}
		}
		for currency, sum := range sums {
			if sum != 0 {
				return fmt.Errorf("%w: %s sum to %d", errBooks, currency, sum)
			}
		}
	}
	return nil
}

// After any sequence of calls, with faults anywhere, the books are in order, as they are at each commit, and
// whoever was asked for ranks meanwhile answers as an engine that has just started.
func TestBooksAndRanksStayRightUnderFaults(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		ctx := rt.Context()
		b.worlds++
		w := found(rt, &audited{prepared{Store: b.faulty}}, fmt.Sprint("acme-", b.worlds))
		p := player{T: rt, world: w}
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			if rapid.IntRange(0, 3).Draw(rt, "fault") == 0 {
				b.failAfter(rapid.IntRange(0, 40).Draw(rt, "at"))
			}
			err := p.play(ctx)
			_, _ = w.Leaderboards.Top(ctx, "all-time", 3, nil) // may fail, too
			b.heal()
			require.NotErrorIs(rt, err, errBooks)
			refused := errors.Is(err, fault.ErrConflict) || errors.Is(err, fault.ErrInvalid) || errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrExists)
			require.True(rt, err == nil || errors.Is(err, errBroken) || errors.Is(err, errLost) || refused, "%v", err)
			w.requireBooks(rt)
		}
		require.JSONEq(rt, w.restarted(rt).picture(rt), w.picture(rt))
	})
}

// restarted returns the world in the hands of an engine that has just started.
func (w *world) restarted(t tester) *world {
	t.Helper()
	engine, err := guerdon.New(t.Context(), w.store, &guerdon.Options{Now: func() time.Time { return *w.now.Load() }})
	require.NoError(t, err)
	ws, err := engine.Workspace(t.Context(), w.Scope())
	require.NoError(t, err)
	return &world{Workspace: ws, engine: engine, store: w.store}
}

func (w *world) requireBooks(t tester) {
	t.Helper()
	report, err := w.Economy.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, report.Differences)
	require.Empty(t, report.Lots)
}

// player makes random movements.
type player struct {
	*rapid.T
	*world

	made  []string // transactions
	moves int
}

func (p *player) play(ctx context.Context) (err error) {
	users := rapid.SampledFrom([]string{"ada", "bob", "eve"})
	amount := decimal.New(rapid.Int64Range(1, 30).Draw(p.T, "tenths"), -1)
	currency := rapid.SampledFrom([]string{"points", "gems"}).Draw(p.T, "currency")
	from, to := users.Draw(p.T, "from"), users.Draw(p.T, "to")
	p.moves++
	var made []economy.Transaction
	switch call := rapid.IntRange(0, 7).Draw(p.T, "call"); {
	case call == 0:
		_, err = p.Record(ctx, run(fmt.Sprint("e", p.moves), from, start))
	case call == 1:
		made, err = p.Economy.Grant(ctx, []economy.Grant{{CurrencyID: currency, Amount: amount, DestinationUserID: to, RedemptionMode: economy.Manual}})
	case call == 2:
		mode := rapid.SampledFrom([]economy.RedemptionMode{economy.Auto, economy.Manual}).Draw(p.T, "mode")
		made, err = p.Economy.Transfer(ctx, from, []economy.Grant{{CurrencyID: currency, Amount: amount, DestinationUserID: to, RedemptionMode: mode}})
	case call == 3:
		_, err = p.Economy.Spend(ctx, from, economy.Spending{CurrencyID: currency, Amount: amount})
	case len(p.made) == 0:
	case call == 4:
		_, err = p.Economy.Redeem(ctx, to, rapid.SampledFrom(p.made).Draw(p.T, "transaction"))
	case call == 5:
		r := economy.Reversal{UpTo: rapid.Bool().Draw(p.T, "up to")}
		if rapid.Bool().Draw(p.T, "in part") {
			r.Amount = amount
		}
		made, err = p.Economy.Reverse(ctx, rapid.SampledFrom(p.made).Draw(p.T, "transaction"), r)
	case call == 6:
		_, err = p.Economy.Void(ctx, rapid.SampledFrom(p.made).Draw(p.T, "transaction"), "")
	case call == 7:
		_, err = p.Economy.Withdraw(ctx, from, rapid.SampledFrom(p.made).Draw(p.T, "transaction"), "")
	}
	for _, m := range made {
		p.made = append(p.made, m.ID)
	}
	return err
}

// atOnce calls fn so many times at once, each with its number, and returns how many succeeded. The others
// must be in conflict with a rule.
func atOnce(t *testing.T, n int, fn func(int) error) int {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		require.ErrorIs(t, err, fault.ErrConflict)
		require.NotErrorIs(t, err, errBooks)
	}
	return done
}

// eachAudited runs a test on every backend, where each commit is audited.
func eachAudited(t *testing.T, test func(*testing.T, *world)) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, &audited{prepared{Store: open(t)}})
			test(t, w)
			w.requireBooks(t)
		})
	}
}

func (w *world) grant(t *testing.T, userID string, points int64, mode economy.RedemptionMode) economy.Transaction {
	t.Helper()
	made, err := w.Economy.Grant(t.Context(), []economy.Grant{{
		CurrencyID: "points", Amount: decimal.NewFromInt(points), DestinationUserID: userID, RedemptionMode: mode,
	}})
	require.NoError(t, err)
	return made[0]
}

func (w *world) points(t *testing.T, userID string) int64 {
	t.Helper()
	balance, err := w.Economy.Balance(t.Context(), userID, "points")
	require.NoError(t, err)
	return balance.AvailableAmount.IntPart()
}

func TestFiftyWhoOverdrawAtOnceSpendWhatIsThere(t *testing.T) {
	eachAudited(t, func(t *testing.T, w *world) {
		w.grant(t, "ada", 30, economy.Auto)
		require.Equal(t, 30, atOnce(t, 50, func(int) error {
			_, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(1)})
			return err
		}))
		require.Zero(t, w.points(t, "ada"))
	})
}

func TestRedeemedAtOnceIsRedeemedOnce(t *testing.T) {
	eachAudited(t, func(t *testing.T, w *world) {
		gift := w.grant(t, "bob", 5, economy.Manual)
		require.Zero(t, w.points(t, "bob"))
		require.Equal(t, 1, atOnce(t, 10, func(int) error {
			_, err := w.Economy.Redeem(t.Context(), "bob", gift.ID)
			return err
		}))
		require.EqualValues(t, 5, w.points(t, "bob"))
		rank, err := w.Leaderboards.Rank(t.Context(), "all-time", "bob", nil)
		require.NoError(t, err)
		require.Equal(t, "5", rank.Score.String())
	})
}

func TestTransfersToAndFroAtOnceLoseNothing(t *testing.T) {
	eachAudited(t, func(t *testing.T, w *world) {
		w.grant(t, "ada", 3, economy.Auto)
		w.grant(t, "bob", 3, economy.Auto)
		done := atOnce(t, 40, func(i int) error {
			from, to := "ada", "bob"
			if i%2 == 0 {
				from, to = to, from
			}
			_, err := w.Economy.Transfer(t.Context(), from, []economy.Grant{{
				CurrencyID: "points", Amount: decimal.NewFromInt(int64(1 + i%3)), DestinationUserID: to,
			}})
			return err
		})
		require.Positive(t, done)
		require.EqualValues(t, 6, w.points(t, "ada")+w.points(t, "bob"))
	})
}

// A reward that would cross a bound is a problem of the event, which stands, also if many come at once.
func TestRewardsAtOnceCrossNoBound(t *testing.T) {
	eachAudited(t, func(t *testing.T, w *world) {
		w.publish(t, document("RewardRule", "gems", object{
			"applicationMode": "ALWAYS", "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "swim",
			"rewards": []object{{"virtualCurrencyId": "gems", "redemptionMode": "AUTO"}},
		}))
		outcomes := make([]guerdon.Outcome, 20)
		require.Equal(t, len(outcomes), atOnce(t, len(outcomes), func(i int) (err error) {
			outcomes[i], err = w.Record(t.Context(), event.Event{ID: fmt.Sprint("e", i), UserID: "ada", EntityID: "swim"})
			return err
		}))
		problems := 0
		for _, out := range outcomes {
			problems += len(out.Problems)
		}
		require.Equal(t, 17, problems)
		gems, err := w.Economy.Balance(t.Context(), "ada", "gems")
		require.NoError(t, err)
		require.Equal(t, "3", gems.Amount.String())
	})
}

// snapshots is a store that does something whenever a View lists rows, and notes the most that one list had.
type snapshots struct {
	store.Store

	during func()
	most   int
}

func (s *snapshots) View(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.Store.View(ctx, scope, func(tx store.Tx) error { return fn(&snapshot{tx, s}) })
}

type snapshot struct {
	store.Tx

	of *snapshots
}

func (s *snapshot) List(ctx context.Context, t *store.Schema, q store.Query) ([]store.Row, error) {
	rows, err := s.Tx.List(ctx, t, q)
	s.of.most = max(s.of.most, len(rows))
	if s.of.during != nil {
		s.of.during()
	}
	return rows, err
}

// Whoever verifies the books holds nobody up: others write between any two of its reads. It sees one moment of the books
// nevertheless, of which it has no more than a page of rows at a time.
func TestVerifyHoldsNobodyUp(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const page = 1000
			st := &snapshots{Store: open(t)}
			w := newWorld(t, st)
			ctx := t.Context()
			granted := 0
			for granted <= page {
				grants := make([]economy.Grant, 20)
				for i := range grants {
					user := []string{"ada", "bob", "eve"}[i%3]
					grants[i] = economy.Grant{CurrencyID: "points", Amount: decimal.NewFromInt(1), DestinationUserID: user}
				}
				_, err := w.Economy.Grant(ctx, grants)
				require.NoError(t, err)
				granted += len(grants)
			}
			written := 0
			st.most, st.during = 0, func() {
				_, err := w.Record(ctx, run(fmt.Sprint("meanwhile", written), "eve", start))
				require.NoError(t, err)
				written++
			}
			report, err := w.Economy.Verify(ctx)
			st.during = nil
			require.NoError(t, err)
			require.Equal(t, granted, report.Transactions)
			require.True(t, report.OK(), "%+v", report)
			require.Equal(t, 6, written, "two pages of transactions, and one of accounts, of lots, of their sums, and of what was taken")
			require.LessOrEqual(t, st.most, page+1)
			again, err := w.Economy.Verify(ctx)
			require.NoError(t, err)
			require.Greater(t, again.Transactions, granted)
			require.True(t, again.OK())
		})
	}
}
