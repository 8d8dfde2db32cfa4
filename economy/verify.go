package economy

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A Report is what [Service.Verify] found.
type Report struct {
	// Transactions and Accounts are how many there are.
	Transactions int `json:"transactions"`
	Accounts     int `json:"accounts"`
	// Differences are the accounts that are not what their transactions make them.
	Differences []Difference `json:"differences,omitempty"`
	// Lots are those of users in a currency whose credits with a [Life] are not what is left of them, was taken, lapsed and made up for debts.
	Lots []LotDifference `json:"lots,omitempty"`
	// Unbalanced are the currencies whose transactions do not add up to zero over all accounts.
	Unbalanced []string `json:"unbalanced,omitempty"`
}

// OK tells whether the books are right.
func (r Report) OK() bool {
	return len(r.Differences) == 0 && len(r.Lots) == 0 && len(r.Unbalanced) == 0
}

// A Difference is an account that is not what its transactions make it.
type Difference struct {
	UserID     string `json:"userId,omitempty"` // empty: SYSTEM's
	CurrencyID string `json:"virtualCurrencyId"`
	Have       Sums   `json:"have"` // what the account says
	Want       Sums   `json:"want"` // what the transactions add up to
}

// A LotDifference is what a user has that lapses, where it is not what transactions make it.
type LotDifference struct {
	UserID     string  `json:"userId"`
	CurrencyID string  `json:"virtualCurrencyId"`
	Have       LotSums `json:"have"` // what is counted
	Want       LotSums `json:"want"` // what transactions, and the lots themselves, add up to
}

// LotSums are what has become of credits with a life.
type LotSums struct {
	Credited decimal.Decimal `json:"credited"`
	Taken    decimal.Decimal `json:"taken"` // by debits, less what was given back
	Lapsed   decimal.Decimal `json:"lapsed"`
	// Left is what was credited less all that, and less what made up for debts. It is not less than 0, and not more than what the user has.
	Left decimal.Decimal `json:"left"`
}

func (s *lotSum) sums(left int64) LotSums {
	return LotSums{amount.FromMicros(s.Credited), amount.FromMicros(s.Taken), amount.FromMicros(s.Lapsed), amount.FromMicros(left)}
}

// Sums are what an account counts.
type Sums struct {
	Completed      decimal.Decimal `json:"completed"` // credits less debits
	PendingCredits decimal.Decimal `json:"pendingCredits"`
	PendingDebits  decimal.Decimal `json:"pendingDebits"`
}

func (a *account) sums() Sums {
	return Sums{amount.FromMicros(a.Completed), amount.FromMicros(a.PendingCredits), amount.FromMicros(a.PendingDebits)}
}

// verifyPage is how many rows are in memory at a time.
const verifyPage = 1000

// Verify rebuilds every balance, also those of SYSTEM, from all transactions of the workspace and returns
// what does not agree. It reads everything once, a page of rows at a time, on one snapshot, which holds up nobody who writes; what it
// keeps grows with the number of accounts and not with that of transactions.
func (s Service) Verify(ctx context.Context) (Report, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Report, error) {
		var r Report
		l, lotted := &ledger{bounds: func(string) bounds { return unbounded }, accounts: map[string]*account{}}, lotCount{}
		err := walk(ctx, tx, transactions, store.Query{}, func(t Transaction) error {
			r.Transactions++
			return errors.Join(l.recount(t), lotted.count(&t))
		})
		if err != nil {
			return Report{}, err
		}
		if err := lotted.gather(ctx, tx); err != nil {
			return Report{}, err
		}
		r.Unbalanced = l.unbalanced()
		err = walk(ctx, tx, accounts, store.Query{}, func(have account) error {
			r.Accounts++
			r.compare(have, l.take(have))
			r.compareLots(&have, lotted)
			return nil
		})
		for _, key := range slices.Sorted(maps.Keys(lotted)) { // those that no account speaks of
			r.compareLots(&account{UserID: lotted[key].sum.UserID, CurrencyID: lotted[key].sum.CurrencyID}, lotted)
		}
		for _, key := range slices.Sorted(maps.Keys(l.accounts)) { // those that no row speaks of
			want := l.accounts[key]
			r.compare(account{UserID: want.UserID, CurrencyID: want.CurrencyID}, *want)
		}
		return r, err
	})
}

// walk calls each with every record of a table that a query asks for.
func walk[T any](ctx context.Context, tx *session.Tx, table *store.Table[T], q store.Query, each func(T) error) error {
	token := ""
	q.Limit = verifyPage
	for {
		rows, next, err := table.Page(ctx, tx, q, token)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := each(row); err != nil {
				return err
			}
		}
		if token = next; token == "" {
			return nil
		}
	}
}

// recount adds a transaction to accounts that begin at zero.
func (l *ledger) recount(t Transaction) error {
	users := []string{t.UserID}
	if t.CounterpartType == PartySystem {
		users = append(users, "")
	}
	for _, id := range users {
		if key := accountKey(id, t.CurrencyID); l.accounts[key] == nil {
			l.accounts[key] = &account{UserID: id, CurrencyID: t.CurrencyID}
		}
	}
	n, err := t.micros()
	for _, p := range l.postings(&t) {
		p.count(p.direction, t.State, n)
	}
	return err
}

// take returns the account that agrees with another in owner and currency, and forgets it.
func (l *ledger) take(like account) account {
	key := accountKey(like.UserID, like.CurrencyID)
	a := l.accounts[key]
	if a == nil {
		return account{UserID: like.UserID, CurrencyID: like.CurrencyID}
	}
	delete(l.accounts, key)
	return *a
}

// unbalanced returns the currencies whose accounts do not add up to zero.
func (l *ledger) unbalanced() []string {
	totals := map[string]account{}
	for _, a := range l.accounts {
		sum := totals[a.CurrencyID]
		sum.Completed += a.Completed
		sum.PendingCredits += a.PendingCredits - a.PendingDebits
		totals[a.CurrencyID] = sum
	}
	var ids []string
	for id, sum := range totals {
		if sum != (account{}) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (r *Report) compare(have, want account) {
	if have.Completed != want.Completed || have.PendingCredits != want.PendingCredits || have.PendingDebits != want.PendingDebits {
		r.Differences = append(r.Differences, Difference{have.UserID, have.CurrencyID, have.sums(), want.sums()})
	}
}
