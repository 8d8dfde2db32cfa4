package economy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// rows returns the rows of users' folds by their tables and keys.
func (w *world) rows(t failer) map[string]store.Row {
	all := map[string]store.Row{}
	require.NoError(t, w.run.View(w.ctx, func(tx *session.Tx) error {
		for _, part := range w.room.Parts {
			rows, err := tx.List(w.ctx, part.Table, store.Query{})
			if err != nil {
				return err
			}
			for _, row := range rows {
				all[part.Table.Name+" "+row.Key] = row
			}
		}
		return nil
	}))
	return all
}

// takeBack takes back a step that made of some rows of folds others, as the engine does.
func (w *world) takeBack(t failer, before, after map[string]store.Row) {
	require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		for _, part := range w.room.Parts {
			rows, err := tx.List(w.ctx, part.Table, store.Query{})
			if err != nil {
				return err
			}
			for _, row := range rows {
				name := part.Table.Name + " " + row.Key
				was, is := before[name], after[name]
				switch {
				case is.Key == "" || w.same(t, part.Table, was, is):
					continue
				case part.Sum != nil:
					err = tx.Put(w.ctx, part.Table, part.Sum(row.Record, is.Record, was.Record))
				case was.Key == "":
					err = tx.Delete(w.ctx, part.Table, row.Key)
				default:
					err = tx.Put(w.ctx, part.Table, was)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

func (w *world) same(t failer, table *store.Schema, a, b store.Row) bool {
	if a.Key != b.Key {
		return false
	}
	one, err := table.Encode(a)
	require.NoError(t, err)
	other, err := table.Encode(b)
	require.NoError(t, err)
	return string(one) == string(other)
}

// Whatever others have added to the accounts since: taking a step back leaves the books right, and everybody has
// what the other steps give.
func TestAStepIsTakenBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.coin(t, "gold", "-1000", "")
		w.rule(t, "r1", func(r *economy.RewardRule) {
			r.MaxPerUser = 1000
			r.Rewards = []economy.Reward{
				{CurrencyID: "gold", RedemptionMode: economy.Auto, Expression: expr(`{"var": "value"}`)},
				{CurrencyID: "gold", RedemptionMode: economy.Manual, Expression: expr(`{"var": "value"}`)},
			}
		})
		type step struct {
			before, after   map[string]store.Row
			amount, pending map[string]int64
			isReward        bool
		}
		var steps []step
		for i := range rapid.IntRange(1, 8).Draw(t, "steps") {
			user := rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "user")
			n := rapid.Int64Range(1, 9).Draw(t, "amount")
			s := step{before: w.rows(t), amount: map[string]int64{}, pending: map[string]int64{}}
			switch rapid.SampledFrom([]string{"reward", "reward", "grant", "transfer", "spend"}).Draw(t, "kind") {
			case "reward":
				e := activity(fmt.Sprintf("e%d", i), user, start)
				e.Value = new(decimal.NewFromInt(n))
				w.record(t, e)
				s.amount[user], s.pending[user], s.isReward = n, n, true
			case "grant":
				w.grant(t, user, "gold", decimal.NewFromInt(n).String())
				s.amount[user] = n
			case "transfer":
				_, err := w.Transfer(w.ctx, user, []economy.Grant{{DestinationUserID: "eve", CurrencyID: "gold", Amount: decimal.NewFromInt(n)}})
				require.NoError(t, err)
				s.amount[user], s.amount["eve"] = -n, n
			case "spend":
				_, err := w.Spend(w.ctx, user, economy.Spending{CurrencyID: "gold", Amount: decimal.NewFromInt(n)})
				require.NoError(t, err)
				s.amount[user] = -n
			}
			s.after = w.rows(t)
			steps = append(steps, s)
		}
		back := rapid.IntRange(0, len(steps)-1).Draw(t, "taken back")
		if steps[back].isReward { // a count is put back, so what came after it is taken back first
			for i := len(steps) - 1; i > back; i-- {
				if steps[i].isReward {
					w.takeBack(t, steps[i].before, steps[i].after)
					steps[i].amount, steps[i].pending = nil, nil
				}
			}
		}
		w.takeBack(t, steps[back].before, steps[back].after)
		steps[back].amount, steps[back].pending = nil, nil
		require.True(t, w.verify(t).OK())
		for _, user := range []string{"ada", "bob", "eve"} {
			var amount, pending int64
			for _, s := range steps {
				amount += s.amount[user]
				pending += s.pending[user]
			}
			b, err := w.Balance(w.ctx, user, "gold")
			require.NoError(t, err)
			require.Equal(t, amount, b.AvailableAmount.IntPart())
			require.Equal(t, amount+pending, b.Amount.IntPart())
		}
	})
}

// Whose a row is decides whose steps keep it; what is SYSTEM's is nobody's alone.
func TestOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "")
	w.rule(t, "r1", func(r *economy.RewardRule) { r.MaxPerUser = 1 })
	w.record(t, activity("e1", "ada", start))
	w.grant(t, "bob", "gold", "2")
	owners := map[string][]string{}
	rows := w.rows(t)
	for _, part := range w.room.Parts {
		for name, row := range rows {
			if _, err := fmt.Sscanf(name, part.Table.Name+" "); err == nil {
				owners[part.Table.Name] = append(owners[part.Table.Name], part.Owner(row.Record))
			}
		}
	}
	require.ElementsMatch(t, []string{"ada", "bob"}, owners["transactions"])
	require.ElementsMatch(t, []string{"ada", "bob", ""}, owners["balances"])
	require.ElementsMatch(t, []string{"ada"}, owners["reward_tallies"])
}

func TestAmend(t *testing.T) {
	t.Parallel()
	paid := func(id, amount string, edit ...func(*economy.Transaction)) economy.Transaction {
		row := economy.Transaction{
			ID: id, UserID: "ada", CurrencyID: "gold", State: economy.Completed, Amount: dec(amount), RuleVersion: 3,
			InitiatorType: economy.ByRewardRule, Initiator: "rewardRuleId#r1", At: start,
		}
		for _, fn := range edit {
			fn(&row)
		}
		return row
	}
	by := func(typ economy.InitiatorType, initiator string) func(*economy.Transaction) {
		return func(row *economy.Transaction) { row.InitiatorType, row.Initiator = typ, initiator }
	}
	change := func(id, amount string, edit ...func(*economy.Change)) economy.Change {
		c := economy.Change{RewardRuleID: "r1", RuleVersion: 3, TransactionID: id, UserID: "ada", CurrencyID: "gold", Amount: dec(amount), State: economy.Completed}
		for _, fn := range edit {
			fn(&c)
		}
		return c
	}
	at := func(at time.Time) func(*economy.Change) { return func(c *economy.Change) { c.At = at } }
	undone := func(c *economy.Change) { c.Undone, c.At = true, start }
	rejected := func(c *economy.Change) { c.State, c.At = economy.Rejected, start }
	const table = "transactions"
	for _, tt := range []struct {
		name  string
		rows  []mechanic.Difference
		told  []mechanic.Difference
		known []economy.Change
		want  []economy.Change
	}{
		{name: "nothing"},
		{
			name: "no longer paid",
			rows: []mechanic.Difference{{Table: table, Key: "t1", Was: paid("t1", "1")}},
			want: []economy.Change{change("t1", "1", undone)},
		},
		{
			name: "paid now",
			rows: []mechanic.Difference{{Table: table, Key: "t1", Now: paid("t1", "1")}},
			want: []economy.Change{change("t1", "1", at(start))},
		},
		{
			name: "paid for something that happened earlier",
			rows: []mechanic.Difference{{Table: table, Key: "t1", Was: paid("t1", "1"), Now: paid("t1", "1", func(row *economy.Transaction) { row.At = start.Add(-1) })}},
			want: []economy.Change{change("t1", "1", at(start.Add(-1)))},
		},
		{
			name: "another amount, and rejected",
			rows: []mechanic.Difference{{Table: table, Key: "t1", Was: paid("t1", "1"), Now: paid("t1", "2", func(row *economy.Transaction) { row.State = economy.Rejected })}},
			want: []economy.Change{change("t1", "2", rejected)},
		},
		{
			name: "taken for a freeze that was not needed",
			rows: []mechanic.Difference{{Table: table, Key: "f1", Was: paid("f1", "1", by(economy.ByStreakRule, "streakRuleId#s1"))}},
			want: []economy.Change{change("f1", "1", undone, func(c *economy.Change) { c.RewardRuleID, c.StreakRuleID = "", "s1" })},
		},
		{
			name: "not by rules",
			rows: []mechanic.Difference{
				{Table: table, Key: "g1", Now: paid("g1", "1", by(economy.ByAdmin, "ADMIN"))},
				{Table: table, Key: "g2", Now: paid("g2", "1", by(economy.ByAdmin, "rewardRuleId#r1"))},
			},
		},
		{
			name: "other rows",
			rows: []mechanic.Difference{{Table: "balances", Key: "ada/gold", Was: 1}, {Table: "reward_tallies", Key: "ada/r1/", Now: 1}, {Table: "missions", Key: "m1", Now: 1}},
		},
		{
			name:  "what is said already",
			rows:  []mechanic.Difference{{Table: table, Key: "t1", Now: paid("t1", "1")}, {Table: table, Key: "t2", Was: paid("t2", "1")}},
			known: []economy.Change{change("t1", "1")},
			want:  []economy.Change{change("t1", "1"), change("t2", "1", undone)},
		},
		{
			name:  "paid by the event, and before by another",
			told:  []mechanic.Difference{{Table: table, Key: "t1", Was: paid("t1", "2"), Now: paid("t1", "1")}},
			known: []economy.Change{change("t1", "1")},
			want:  []economy.Change{change("t1", "1", at(start))},
		},
		{
			name:  "refused by the event, and paid before by another",
			told:  []mechanic.Difference{{Table: table, Key: "t1", Was: paid("t1", "2"), Now: paid("t1", "1", func(row *economy.Transaction) { row.State = economy.Rejected })}},
			known: []economy.Change{change("t1", "1", func(c *economy.Change) { c.State = economy.Rejected })},
			want:  []economy.Change{change("t1", "1", rejected)},
		},
		{
			name: "what another event of the batch tells",
			told: []mechanic.Difference{{Table: table, Key: "t1", Now: paid("t1", "1")}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.dump(t)
			require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
				p, err := w.program(w.ctx, tx)
				require.NoError(t, err)
				got, err := p.Amend(w.ctx, tx, mechanic.Amendment{Rows: tt.rows, Told: tt.told}, tt.known)
				require.Equal(t, tt.want, got)
				return err
			}))
			require.Equal(t, before, w.dump(t), "the rows are right already")
		})
	}
}

// charge asks ada for an amount at a moment.
func (w *world) charge(id, currencyID, amount string, at time.Time) (paid bool, err error) {
	err = w.run.Update(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			return err
		}
		paid, err = p.(mechanic.Wallet).Charge(w.ctx, tx, mechanic.Charge{
			ID: id, UserID: "ada", CurrencyID: currencyID, Amount: dec(amount),
			RuleID: "s1", RuleVersion: 2, At: at,
		})
		return err
	})
	return paid, err
}

func (w *world) refund(t failer, at time.Time, ids ...string) {
	require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			return err
		}
		return p.(mechanic.Wallet).Refund(w.ctx, tx, at, ids...)
	}))
}

func TestCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "")
	w.grant(t, "ada", "gold", "5")
	for _, tt := range []struct {
		id, currency, amount string
		paid                 bool
		balance              string
	}{
		{"s1:ada:1", "gold", "3", true, "2/2"},
		{"s1:ada:1", "gold", "3", true, "2/2"},
		{"s1:ada:2", "gold", "3", false, "2/2"},
		{"s1:ada:3", "gold", "0", true, "2/2"},
		{"s1:ada:4", "iron", "1", false, "2/2"},
		{"s1:ada:2", "gold", "2", true, "0/0"},
	} {
		paid, err := w.charge(tt.id, tt.currency, tt.amount, start.Add(-time.Hour))
		require.NoError(t, err)
		require.Equal(t, tt.paid, paid, tt.id)
		require.Equal(t, tt.balance, w.balance(t, "ada", "gold"))
	}
	_, err := w.charge("s1:ada:5", "gold", "-1", start)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.True(t, w.verify(t).OK())
	require.Len(t, w.events, 3)
}

func TestRefund(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "10")
	w.grant(t, "ada", "gold", "10")
	for i, amount := range []string{"1", "2", "4"} {
		paid, err := w.charge(fmt.Sprintf("s1:ada:%d", i+1), "gold", amount, start.Add(-time.Hour))
		require.NoError(t, err)
		require.True(t, paid)
	}
	require.Equal(t, "3/3", w.balance(t, "ada", "gold"))
	w.refund(t, start)
	w.refund(t, start, "s1:ada:9")
	require.Equal(t, "3/3", w.balance(t, "ada", "gold"), "what took nothing gives nothing")

	broke := start.Add(-30 * time.Minute)
	w.refund(t, broke, "s1:ada:2")
	require.Equal(t, "5/5", w.balance(t, "ada", "gold"))
	w.refund(t, broke, "s1:ada:2")
	require.Equal(t, "5/5", w.balance(t, "ada", "gold"), "once")
	charge, err := w.Transaction(t.Context(), "s1:ada:2")
	require.NoError(t, err)
	require.Equal(t, economy.Completed, charge.State)
	back, err := w.Transaction(t.Context(), "s1:ada:2:reversal")
	require.NoError(t, err)
	require.Equal(t, economy.Transaction{
		ID: "s1:ada:2:reversal", GroupID: "s1:ada:2", ReversedTransactionID: "s1:ada:2", UserID: "ada", CurrencyID: "gold",
		RedemptionMode: economy.Auto, State: economy.Completed, Direction: economy.Credit, Amount: back.Amount,
		InitiatorType: economy.ByReversal, Initiator: "streakRuleId#s1", RuleVersion: 2,
		CounterpartType: economy.PartySystem, Counterpart: "SYSTEM", At: broke, CreatedAt: start, UpdatedAt: start,
	}, back)
	last := w.events[len(w.events)-1]
	require.Equal(t, "s1:ada:2:reversal:completed", last.ID)
	require.Equal(t, broke, last.At)

	w.grant(t, "ada", "gold", "5")
	w.refund(t, broke, "s1:ada:1", "s1:ada:2", "s1:ada:3", "s1:ada:9")
	require.Equal(t, "15/15", w.balance(t, "ada", "gold"), "above the bound, and also beside one that was given back before")
	_, err = w.Grant(t.Context(), []economy.Grant{{DestinationUserID: "ada", CurrencyID: "gold", Amount: dec("1")}})
	require.ErrorIs(t, err, fault.ErrConflict)
	paid, err := w.charge("s1:ada:1", "gold", "1", start)
	require.NoError(t, err)
	require.True(t, paid, "and asked again it is one that was paid")
	require.Equal(t, "15/15", w.balance(t, "ada", "gold"))
	require.True(t, w.verify(t).OK())
}

// A streak that breaks is paid for by those only who ask for the status.
func TestAStreakThatBreaks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, condition string
		active, broken  bool
	}{
		{"no condition", "", true, false},
		{"the count", `{">=": [{"var": "count"}, 0]}`, true, false},
		{"broken", `{"==": [{"var": "status"}, "BROKEN"]}`, false, true},
		{"broken, of the event", `{"==": [{"var": "event.status"}, "BROKEN"]}`, false, true},
		{"whatever the status", `{"in": [{"var": "status"}, ["ACTIVE", "BROKEN"]]}`, true, true},
		{"not broken", `{"!=": [{"var": "status"}, "BROKEN"]}`, true, false},
		{"one of several", `{"or": [{"==": [{"var": "status"}, "BROKEN"]}, {">": [{"var": "count"}, 100]}]}`, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.coin(t, "gold", "", "")
			w.rule(t, "r1", entity("Streak"), func(r *economy.RewardRule) { r.MatchCondition = expr(tt.condition) })
			w.rule(t, "other", entity("Streak"), mode(economy.Fallback))
			streak := func(id, status string) []string {
				e := event.Event{
					ID: "ada:s1:" + id, Type: event.Streak, EntityID: "daily", UserID: "ada", At: start,
					Fields: map[string]any{"streakRuleId": "s1", "count": 0.0, "status": status},
				}
				changes, problems := w.record(t, e)
				require.Empty(t, problems)
				var by []string
				for _, c := range changes {
					by = append(by, c.RewardRuleID)
				}
				require.Equal(t, len(by) > 0 && by[0] == "r1", w.pays(t, e, "r1"), "the explanation says the same")
				return by
			}
			one := func(paid bool, otherwise []string) []string {
				if paid {
					return []string{"r1"}
				}
				return otherwise
			}
			require.Equal(t, one(tt.active, []string{"other"}), streak("1", "ACTIVE"))
			require.Equal(t, one(tt.broken, nil), streak("2", "BROKEN"))
		})
	}
}

// pays tells whether the explanation of a rule has no reason against paying for an event, up to the bounds.
func (w *world) pays(t failer, e event.Event, ruleID string) (holds bool) {
	require.NoError(t, w.run.View(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		require.NoError(t, err)
		o, err := w.occasion(tx, &e)
		require.NoError(t, err)
		v, conclude, err := p.Explain(w.ctx, tx, o, "RewardRule", ruleID)
		require.NoError(t, err)
		require.Equal(t, v.Holds(), conclude != nil)
		holds = v.Holds()
		return nil
	}))
	return holds
}
