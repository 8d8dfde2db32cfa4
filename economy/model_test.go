package economy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/store"
)

var people = []string{"ada", "bob", "eve"}

// Whatever is asked of the bank in whatever order: what is refused changes nothing, no bound is crossed,
// the books balance, and every balance is what the history of the user adds up to.
func TestBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := &bank{world: newWorld(t)}
		b.coin(t, "gold", "", "20")
		b.coin(t, "credit", "-10", "")
		b.rule(t, "r1", pays("gold", `{"var": "value"}`))
		b.rule(t, "r2", func(r *economy.RewardRule) {
			r.Rewards = []economy.Reward{{CurrencyID: "credit", RedemptionMode: economy.Manual, Expression: expr(`{"*": [{"var": "value"}, 0.25]}`)}}
			r.MaxPerUser = 3
		})
		t.Repeat(map[string]func(*rapid.T){
			"grant":    b.grants,
			"transfer": b.transfer,
			"spend":    b.spend,
			"redeem":   b.redeem,
			"reverse":  b.reverse,
			"void":     b.void,
			"reward":   b.reward,
			"wait": func(t *rapid.T) {
				b.now = b.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "minutes")) * time.Minute)
			},
			"advance": func(t *rapid.T) { b.advance(t) },
			"reread":  func(t *rapid.T) { b.reread(t) },
			"":        b.check,
		})
		for at, balances := range b.past {
			for _, was := range balances {
				is, err := b.BalanceAt(b.ctx, was.UserID, was.CurrencyID, at)
				require.NoError(t, err)
				require.True(t, was.Amount.Equal(is.Amount) && was.AvailableAmount.Equal(is.AvailableAmount), "at %s: %v, not %v", at, is, was)
				require.Equal(t, []time.Time{was.CreatedAt, was.UpdatedAt}, []time.Time{is.CreatedAt, is.UpdatedAt})
			}
		}
	})
}

// A bank is a world with what was done in it.
type bank struct {
	*world
	known  []economy.Transaction // as they were made
	recent int
	past   map[time.Time][]economy.Balance // at the end of each moment
}

// do runs a call and checks that it changed nothing if it was refused.
func (b *bank) do(t *rapid.T, call func() ([]economy.Transaction, error)) {
	before := b.dump(t)
	rows, err := call()
	if err != nil {
		require.Equal(t, before, b.dump(t))
		t.Log(err)
		return
	}
	b.known = append(b.known, rows...)
}

func (b *bank) draw(t *rapid.T) economy.Grant {
	g := economy.Grant{
		SourceUserID:      rapid.SampledFrom(append([]string{""}, people...)).Draw(t, "from"),
		DestinationUserID: rapid.SampledFrom(people).Draw(t, "to"),
		CurrencyID:        rapid.SampledFrom([]string{"gold", "credit"}).Draw(t, "currency"),
		Amount:            decimal.New(rapid.Int64Range(1, 12_000_000).Draw(t, "micros"), -6),
	}
	if rapid.Bool().Draw(t, "manual") {
		g.RedemptionMode = economy.Manual
		if rapid.Bool().Draw(t, "expires") {
			g.ExpiresAt = b.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "after")) * time.Minute)
		}
	}
	return g
}

func (b *bank) grants(t *rapid.T) {
	grants := make([]economy.Grant, rapid.IntRange(1, 3).Draw(t, "grants"))
	for i := range grants {
		grants[i] = b.draw(t)
	}
	b.do(t, func() ([]economy.Transaction, error) { return b.Grant(b.ctx, grants) })
}

func (b *bank) transfer(t *rapid.T) {
	g := b.draw(t)
	who := g.SourceUserID
	b.do(t, func() ([]economy.Transaction, error) { return b.Transfer(b.ctx, who, []economy.Grant{g}) })
}

func (b *bank) spend(t *rapid.T) {
	g := b.draw(t)
	b.do(t, func() ([]economy.Transaction, error) {
		row, err := b.Spend(b.ctx, g.DestinationUserID, economy.Spending{CurrencyID: g.CurrencyID, Amount: g.Amount})
		return []economy.Transaction{row}, err
	})
}

func (b *bank) reward(t *rapid.T) {
	b.recent++
	e := activity(fmt.Sprintf("e%d", b.recent), rapid.SampledFrom(people).Draw(t, "user"), b.now)
	e.Value = new(decimal.NewFromInt(rapid.Int64Range(-1, 9).Draw(t, "value")))
	changes, problems := b.record(t, e)
	for _, c := range changes {
		row, err := b.Transaction(b.ctx, c.TransactionID)
		require.NoError(t, err)
		require.Equal(t, c.State, row.State)
		b.known = append(b.known, row)
		if row.State == economy.Rejected {
			require.NotEmpty(t, problems)
		}
	}
}

// pick returns a transaction that was made.
func (b *bank) pick(t *rapid.T) economy.Transaction {
	if len(b.known) == 0 {
		t.Skip("nothing was done yet")
	}
	return rapid.SampledFrom(b.known).Draw(t, "transaction")
}

func (b *bank) redeem(t *rapid.T) {
	row := b.pick(t)
	now, err := b.Transaction(b.ctx, row.ID)
	require.NoError(t, err)
	b.do(t, func() ([]economy.Transaction, error) {
		rows, err := b.Redeem(b.ctx, row.UserID, row.ID)
		redeemable := now.State == economy.Pending && now.Direction == economy.Credit
		require.Equal(t, redeemable, err == nil, "no bound is in the way of a redemption: %v", err)
		for _, r := range rows {
			require.Equal(t, economy.Completed, r.State)
		}
		return nil, err
	})
}

func (b *bank) reverse(t *rapid.T) {
	row := b.pick(t)
	now, err := b.Transaction(b.ctx, row.ID)
	require.NoError(t, err)
	r := economy.Reversal{UpTo: rapid.Bool().Draw(t, "up to")}
	if rapid.Bool().Draw(t, "in part") {
		r.Amount = decimal.New(rapid.Int64Range(1, 100).Draw(t, "tenths"), -1)
	}
	left := now.Amount.Sub(now.ReversedAmount)
	b.do(t, func() ([]economy.Transaction, error) {
		rows, err := b.Reverse(b.ctx, row.ID, r)
		if err != nil {
			return nil, err
		}
		require.Equal(t, economy.Completed, now.State)
		require.False(t, rows[0].Amount.GreaterThan(left), "up to the whole")
		want := r.Amount
		if want.IsZero() {
			want = left
		}
		require.True(t, rows[0].Amount.Equal(want) || r.UpTo && rows[0].Amount.LessThan(want))
		then, err := b.Transaction(b.ctx, row.ID)
		require.NoError(t, err)
		require.True(t, then.ReversedAmount.Equal(now.ReversedAmount.Add(rows[0].Amount)))
		return rows, nil
	})
}

func (b *bank) void(t *rapid.T) {
	row := b.pick(t)
	now, err := b.Transaction(b.ctx, row.ID)
	require.NoError(t, err)
	b.do(t, func() ([]economy.Transaction, error) {
		rows, err := b.Void(b.ctx, row.ID, "")
		require.Equal(t, now.State == economy.Pending, err == nil, "%v", err)
		for _, r := range rows {
			require.Equal(t, economy.Rejected, r.State)
		}
		return nil, err
	})
}

func (b *bank) check(t *rapid.T) {
	require.True(t, b.verify(t).OK())
	sums := map[string]decimal.Decimal{}
	if b.past == nil {
		b.past = map[time.Time][]economy.Balance{}
	}
	b.past[b.now] = nil
	for _, user := range people {
		want := b.recount(t, user)
		balances, err := b.Balances(b.ctx, user)
		require.NoError(t, err)
		b.past[b.now] = append(b.past[b.now], balances...)
		for _, have := range balances {
			w := want[have.CurrencyID]
			require.True(t, w.Amount.Equal(have.Amount), "%s has %s %s, not %s", user, have.Amount, have.CurrencyID, w.Amount)
			require.True(t, w.AvailableAmount.Equal(have.AvailableAmount), "%s can spend %s %s, not %s", user, have.AvailableAmount, have.CurrencyID, w.AvailableAmount)
			require.Equal(t, []time.Time{w.CreatedAt, w.UpdatedAt}, []time.Time{have.CreatedAt, have.UpdatedAt}, "%s, %s", user, have.CurrencyID)
			sums[have.CurrencyID] = sums[have.CurrencyID].Add(have.Amount)
			switch have.CurrencyID {
			case "gold":
				require.False(t, have.AvailableAmount.IsNegative())
				require.False(t, have.Amount.GreaterThan(dec("20")))
			case "credit":
				require.False(t, have.AvailableAmount.LessThan(dec("-10")))
			}
		}
	}
	for id, sum := range sums {
		system, err := b.System(b.ctx, id)
		if sum.IsZero() && err != nil {
			continue
		}
		require.NoError(t, err)
		require.True(t, sum.Add(system.Amount).IsZero(), "%s: users have %s and SYSTEM %s", id, sum, system.Amount)
	}
}

// recount returns what the history of a user adds up to.
func (b *bank) recount(t *rapid.T, userID string) map[string]economy.Balance {
	sums := map[string]economy.Balance{}
	page := store.Page{Limit: store.MaxPage}
	for {
		rows, next, err := b.History(b.ctx, userID, page)
		require.NoError(t, err)
		for _, row := range rows {
			sum, signed := sums[row.CurrencyID], row.Amount
			if row.Direction == economy.Debit {
				signed = signed.Neg()
			}
			moved := row.At
			switch {
			case row.State == economy.Expired:
				moved = row.ExpiresAt
			case !row.RedeemedAt.IsZero():
				moved = row.RedeemedAt
			case !row.VoidedAt.IsZero():
				moved = row.VoidedAt
			}
			if row.State != economy.Rejected || !row.VoidedAt.IsZero() {
				if sum.CreatedAt.IsZero() || row.At.Before(sum.CreatedAt) {
					sum.CreatedAt = row.At
				}
				if moved.After(sum.UpdatedAt) {
					sum.UpdatedAt = moved
				}
			}
			switch {
			case row.State == economy.Completed, row.State == economy.Pending && row.Direction == economy.Debit:
				sum.Amount, sum.AvailableAmount = sum.Amount.Add(signed), sum.AvailableAmount.Add(signed)
			case row.State == economy.Pending:
				sum.Amount = sum.Amount.Add(signed)
			}
			sums[row.CurrencyID] = sum
		}
		if page.Token = next; next == "" {
			return sums
		}
	}
}
