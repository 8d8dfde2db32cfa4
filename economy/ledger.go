package economy

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A ledger is the accounts that a transaction of the engine needs and the rows that it changes. They are
// loaded first, changed without I/O, and saved last.
type ledger struct {
	bounds   func(currencyID string) bounds
	lots     map[string]bool // the currencies of which lots are kept
	accounts map[string]*account
	touched  []*account // in the order of loading
	rows     []Transaction
}

func (p *program) ledger() *ledger {
	return &ledger{bounds: p.bounds, lots: p.lots, accounts: map[string]*account{}}
}

// load reads the accounts that the rows are about.
func (l *ledger) load(ctx context.Context, tx *session.Tx, rows ...Transaction) error {
	var keys []string
	want := func(userID, currencyID string) {
		key := accountKey(userID, currencyID)
		if l.accounts[key] != nil {
			return
		}
		a := &account{UserID: userID, CurrencyID: currencyID}
		l.accounts[key] = a
		l.touched = append(l.touched, a)
		keys = append(keys, key)
	}
	for i := range rows {
		t := &rows[i]
		want(t.UserID, t.CurrencyID)
		if t.CounterpartType == PartySystem {
			want("", t.CurrencyID)
		}
	}
	found, err := accounts.GetMany(ctx, tx, keys...)
	for _, a := range found {
		*l.accounts[accountKey(a.UserID, a.CurrencyID)] = a
	}
	return err
}

// A posting is what a transaction does to one account.
type posting struct {
	*account
	direction Direction
	in        bounds
}

// postings returns what the transaction does: to the user's account, and to that of SYSTEM if it is the
// counterpart. The other side of a transfer has a transaction of its own.
func (l *ledger) postings(t *Transaction) []posting {
	ps := []posting{{l.accounts[accountKey(t.UserID, t.CurrencyID)], t.Direction, l.bounds(t.CurrencyID)}}
	if t.CounterpartType == PartySystem {
		ps = append(ps, posting{l.accounts[accountKey("", t.CurrencyID)], t.Direction.Opposite(), unbounded})
	}
	return ps
}

// room returns how much the transactions of one movement could move, 0 if nothing.
func (l *ledger) room(rows ...Transaction) decimal.Decimal {
	most := int64(math.MaxInt64)
	for i := range rows {
		for _, p := range l.postings(&rows[i]) {
			most = min(most, p.room(p.direction, p.in))
		}
	}
	return amount.FromMicros(most)
}

// count loads what some of several movements need and counts them, and returns the ledger. It has written nothing.
func (l *ledger) count(ctx context.Context, tx *session.Tx, in place, sides [][]Transaction, which []int) (*ledger, error) {
	var all []Transaction
	for _, i := range which {
		all = append(all, sides[i]...)
	}
	if err := l.load(ctx, tx, all...); err != nil {
		return nil, err
	}
	for _, i := range which {
		if err := l.enter(sides[i]...); err != nil {
			return nil, in(i, err)
		}
	}
	return l, nil
}

// enter counts the new transactions of one movement. If one would cross a bound, none is counted and the
// error is a [*BoundError].
func (l *ledger) enter(rows ...Transaction) error {
	for i := range rows {
		n, err := rows[i].micros()
		if err != nil {
			return err
		}
		for _, p := range l.postings(&rows[i]) {
			if err := p.check(p.direction, n, p.in); err != nil {
				return err
			}
		}
	}
	return l.turn("", rows...)
}

// replace takes out of the accounts what is there of rewards that are paid anew, and returns it by its id: what somebody has decided
// about is left though the step that paid it is made once more. Those of a new step can only be there because what they were paid
// for was put right, unless its event has the id of one that was archived: that is refused, as every transaction is kept.
func (l *ledger) replace(ctx context.Context, tx *session.Tx, rows ...Transaction) (map[string]*Transaction, error) {
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	list, err := transactions.GetMany(ctx, tx, ids...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	there := make(map[string]*Transaction, len(list))
	for i := range list {
		there[list[i].ID] = new(list[i])
		if tx.Replaying {
			continue
		}
		if _, archived, err := settled(ctx, tx, list[i].At); err != nil || archived {
			return nil, cmp.Or(err, fault.Conflict("id", "%q paid transaction %q before it was archived", list[i].GroupID, list[i].ID))
		}
	}
	return there, l.remove(slices.DeleteFunc(list, func(t Transaction) bool { return t.decided() })...)
}

// settled tells whether all that happened at a moment is settled, and before which moment it is.
func settled(ctx context.Context, tx *session.Tx, at time.Time) (horizon time.Time, is bool, err error) {
	if tx.Horizon == nil {
		return time.Time{}, false, nil
	}
	horizon, _, err = tx.Horizon(ctx)
	return horizon, at.Before(horizon), err
}

// remove takes transactions out of the accounts.
func (l *ledger) remove(rows ...Transaction) error {
	for i := range rows {
		n, err := rows[i].micros()
		if err != nil {
			return err
		}
		for _, p := range l.postings(&rows[i]) {
			p.count(p.direction, rows[i].State, -n)
		}
	}
	return nil
}

// decide returns a transaction as a decision about it makes it that is written again. now is what it is, nil if it is not there; was and
// then are what it was and became when that was decided first. Of a reward that was redeemed or voided, all stays as it was;
// of what was reversed, as much as was reversed: what it was for may have happened otherwise since, or not at all.
func decide(ctx context.Context, tx *session.Tx, now *Transaction, was, then Transaction) (mechanic.Decision, error) {
	base, result := was, then
	if taken := then.ReversedAmount.Sub(was.ReversedAmount); !taken.IsZero() {
		if now != nil && now.State == Completed {
			base = *now
		} else {
			base.Amount, base.ReversedAmount = decimal.Decimal{}, decimal.Decimal{}
		}
		reversed := base.ReversedAmount.Add(taken)
		base.Amount = decimal.Max(base.Amount, reversed)
		result = base
		result.ReversedAmount, result.UpdatedAt = reversed, then.UpdatedAt
	}
	d := mechanic.Decision{Row: transactions.Row(result)}
	if now != nil && now.State == base.State && now.Amount.Equal(base.Amount) {
		return d, nil
	}
	d.Problem = &event.Problem{
		Source: Currencies.Name() + "/" + was.CurrencyID,
		Reason: "transaction " + was.ID + " stays as it was when it was decided about, although what it was for happened otherwise",
	}
	if base.ReversedAmount.LessThan(result.ReversedAmount) {
		d.Problem.Reason = "transaction " + was.ID + " stays as far as it was reversed, although what it was for happened otherwise"
	}
	return d, bring(ctx, tx, now, base)
}

// bring makes another transaction of one, which is nil if there is none, whatever the bounds are.
func bring(ctx context.Context, tx *session.Tx, now *Transaction, to Transaction) error {
	l := &ledger{bounds: func(string) bounds { return unbounded }, accounts: map[string]*account{}}
	if err := l.load(ctx, tx, to); err != nil {
		return err
	}
	if now != nil {
		if err := l.remove(*now); err != nil {
			return err
		}
	}
	if err := l.turn("", to); err != nil {
		return err
	}
	if err := l.put(ctx, tx); err != nil {
		return err
	}
	return shiftLots(ctx, tx, now, &to)
}

// turn counts transactions that were in one state, "" for new ones, as what they are now. What is pending
// has been counted for the worst, so this crosses no bound.
func (l *ledger) turn(from State, rows ...Transaction) error {
	for i := range rows {
		n, err := rows[i].micros()
		if err != nil {
			return err
		}
		for _, p := range l.postings(&rows[i]) {
			if rows[i].State != Rejected || from != "" {
				p.move(rows[i].movedAt())
			}
			p.count(p.direction, from, -n)
			p.count(p.direction, rows[i].State, n)
		}
	}
	l.rows = append(l.rows, rows...)
	return nil
}

// overdue returns the pending transactions of a user that have expired.
func overdue(ctx context.Context, tx *session.Tx, userID string) ([]Transaction, error) {
	return transactions.List(ctx, tx, store.By("pending", store.Text(userID)).Between(store.Value{}, store.After(tx.Now)))
}

// withCounterparts returns the transactions and the other sides of transfers.
func withCounterparts(ctx context.Context, tx *session.Tx, rows []Transaction) ([]Transaction, error) {
	var keys []string
	for i := range rows {
		if id := rows[i].CounterpartTransactionID; id != "" {
			keys = append(keys, id)
		}
	}
	others, err := transactions.GetMany(ctx, tx, keys...)
	return slices.Concat(rows, others), err
}

// save writes the accounts and the transactions, and causes the events of those that are completed.
func (l *ledger) save(ctx context.Context, tx *session.Tx) error {
	if len(l.rows) == 0 {
		return nil
	}
	if err := l.put(ctx, tx); err != nil {
		return err
	}
	told := l.rows
	if slices.ContainsFunc(told, func(t Transaction) bool { return l.lots[t.CurrencyID] }) { // what is taken at once is not taken out of what is given
		told = slices.Clone(told)
		slices.SortStableFunc(told, func(a, b Transaction) int { return -cmp.Compare(a.Direction, b.Direction) })
	}
	for i := range told {
		if told[i].State == Completed {
			tx.Cause(told[i].completion())
		}
	}
	return nil
}

// put writes the accounts and the transactions.
func (l *ledger) put(ctx context.Context, tx *session.Tx) error {
	touched := make([]account, len(l.touched))
	for i, a := range l.touched {
		touched[i] = *a
	}
	if err := accounts.Put(ctx, tx, touched...); err != nil {
		return err
	}
	return transactions.Put(ctx, tx, l.rows...)
}
