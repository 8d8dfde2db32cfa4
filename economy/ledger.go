package economy

import (
	"context"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A ledger is the accounts that a transaction of the engine needs and the rows that it changes. They are
// loaded first, changed without I/O, and saved last.
type ledger struct {
	bounds   func(currencyID string) bounds
	accounts map[string]*account
	touched  []*account // in the order of loading
	rows     []Transaction
}

func (p *Program) ledger() *ledger {
	return &ledger{bounds: p.bounds, accounts: map[string]*account{}}
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
		ps = append(ps, posting{l.accounts[accountKey("", t.CurrencyID)], t.Direction.opposite(), unbounded})
	}
	return ps
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

// turn counts transactions that were in one state, "" for new ones, as what they are now. What is pending
// has been counted for the worst, so this crosses no bound.
func (l *ledger) turn(from State, rows ...Transaction) error {
	for i := range rows {
		n, err := rows[i].micros()
		if err != nil {
			return err
		}
		for _, p := range l.postings(&rows[i]) {
			p.count(p.direction, from, -n)
			p.count(p.direction, rows[i].State, n)
		}
	}
	l.rows = append(l.rows, rows...)
	return nil
}

// post enters a movement. Before it lets a bound refuse it, it marks what has expired: that may be all
// that is in the way.
func (l *ledger) post(ctx context.Context, tx *session.Tx, rows ...Transaction) error {
	refused := l.enter(rows...)
	if _, crossed := errors.AsType[*BoundError](refused); !crossed {
		return refused
	}
	var freed bool
	for i := range rows {
		due, err := overdue(ctx, tx, rows[i].UserID)
		if err != nil {
			return err
		}
		if err := l.expire(ctx, tx, due); err != nil {
			return err
		}
		freed = freed || len(due) > 0
	}
	if !freed {
		return refused
	}
	return l.enter(rows...)
}

// overdue returns the pending transactions of a user that have expired.
func overdue(ctx context.Context, tx *session.Tx, userID string) ([]Transaction, error) {
	return transactions.List(ctx, tx, store.By("pending", store.Text(userID)).Between(store.Value{}, store.After(tx.Now)))
}

// expire marks pending transactions, and the other sides of transfers, as expired.
func (l *ledger) expire(ctx context.Context, tx *session.Tx, due []Transaction) error {
	rows, err := withCounterparts(ctx, tx, due)
	if err != nil {
		return err
	}
	if err := l.load(ctx, tx, rows...); err != nil {
		return err
	}
	for i := range rows {
		rows[i].State, rows[i].UpdatedAt = Expired, tx.Now
	}
	if err := l.turn(Pending, rows...); err != nil {
		return err
	}
	// At once, so that nothing finds them pending again.
	return transactions.Put(ctx, tx, rows...)
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
	touched := make([]account, len(l.touched))
	for i, a := range l.touched {
		touched[i] = *a
	}
	if err := accounts.Put(ctx, tx, touched...); err != nil {
		return err
	}
	if err := transactions.Put(ctx, tx, l.rows...); err != nil {
		return err
	}
	for i := range l.rows {
		if l.rows[i].State == Completed {
			tx.Cause(l.rows[i].completion())
		}
	}
	return nil
}
