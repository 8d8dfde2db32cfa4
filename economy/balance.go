package economy

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/store"
)

// A Balance is what a user has of a currency.
type Balance struct {
	UserID     string `json:"userId,omitempty"` // empty: SYSTEM's
	CurrencyID string `json:"virtualCurrencyId"`
	// Amount is completed and pending credits less completed and pending debits.
	Amount decimal.Decimal `json:"amount"`
	// AvailableAmount is what can be spent: completed credits less completed and pending debits.
	AvailableAmount decimal.Decimal `json:"availableAmount"`
	// OwedAmount is what AvailableAmount lacks to the least that the currency allows: what was spent, and is not to have been paid after all. What is
	// earned next makes up for it first.
	OwedAmount decimal.Decimal `json:"owedAmount,omitzero"`
	// IsActive tells whether the currency is published.
	IsActive bool `json:"isActive"`
	// CreatedAt and UpdatedAt are when the first and the last movement happened that it counts: whose reward that is, who redeemed it,
	// when it expired. Where none did, or it was before that was kept, they are when the user was created; those of SYSTEM are zero.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// A BoundError says which bound a movement would have crossed. It matches [fault.ErrConflict].
type BoundError struct {
	Currency string
	User     string // empty: SYSTEM, whose bounds are those of all amounts
	Bound    decimal.Decimal
	// Have is what is measured against the bound: what is available, or for an upper bound what the user
	// would have if every pending credit was redeemed and every pending debit expired.
	Have decimal.Decimal
	// Change is what the movement would have added to it, less than 0 if it was a debit.
	Change decimal.Decimal
}

// Error names the user, the currency and the three amounts.
func (e *BoundError) Error() string {
	who := "SYSTEM"
	if e.User != "" {
		who = fmt.Sprintf("user %q", e.User)
	}
	return fmt.Sprintf("economy: %s has %s of %q, a change by %s would cross the bound of %s", who, e.Have, e.Currency, e.Change, e.Bound)
}

// Unwrap returns [fault.ErrConflict].
func (*BoundError) Unwrap() error { return fault.ErrConflict }

// bounds are what an account may hold, in millionths.
type bounds struct{ low, high int64 }

// unbounded leaves just what can be counted.
var unbounded = bounds{-math.MaxInt64, math.MaxInt64}

// account is what is counted of the transactions of a user, or of SYSTEM, in a currency. The numbers are
// millionths.
type account struct {
	UserID         string `json:"userId,omitempty"` // empty: SYSTEM's
	CurrencyID     string `json:"virtualCurrencyId"`
	Completed      int64  `json:"completed"` // credits less debits
	PendingCredits int64  `json:"pendingCredits,omitempty"`
	PendingDebits  int64  `json:"pendingDebits,omitempty"`
	// CreatedAt and UpdatedAt are when the first and the last happened of what is counted, zero where that is nothing or not known. They are
	// not kept of SYSTEM.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

var accounts = store.Define("balances", func(a *account) string { return accountKey(a.UserID, a.CurrencyID) }, nil).Version(2)

// accountKey returns the key of an account; no user's id begins with a colon.
func accountKey(userID, currencyID string) string { return accountPrefix(userID) + currencyID }

func accountPrefix(userID string) string { return cmp.Or(userID, ":SYSTEM") + "/" }

func (a *account) available() int64 { return a.Completed - a.PendingDebits }

// ceiling is the most that the account can come to hold by what is pending.
func (a *account) ceiling() int64 { return a.Completed + a.PendingCredits }

// check refuses a new transaction of n millionths that would cross a bound. No sum here overflows: low
// is not above and high not below zero, and n is positive.
func (a *account) check(d Direction, n int64, in bounds) error {
	bound, have, change := in.high, a.ceiling(), n
	crosses := have > bound-n
	if d == Debit {
		bound, have, change = in.low, a.available(), -n
		crosses = have < bound+n
	}
	if !crosses {
		return nil
	}
	return &BoundError{
		Currency: a.CurrencyID, User: a.UserID,
		Bound: amount.FromMicros(bound), Have: amount.FromMicros(have), Change: amount.FromMicros(change),
	}
}

// room returns how many millionths a new transaction could have without crossing a bound, 0 if it would in any case.
func (a *account) room(d Direction, in bounds) int64 {
	over, under := in.high, a.ceiling()
	if d == Debit {
		over, under = a.available(), in.low
	}
	switch left := over - under; {
	case over <= under:
		return 0
	case left < 0: // more than can be counted
		return math.MaxInt64
	default:
		return left
	}
}

// count adds what a transaction of n millionths is in a state; a negative n takes it away.
func (a *account) count(d Direction, s State, n int64) {
	switch {
	case s == Pending && d == Credit:
		a.PendingCredits += n
	case s == Pending:
		a.PendingDebits += n
	case s == Completed && d == Credit:
		a.Completed += n
	case s == Completed:
		a.Completed -= n
	}
}

// or returns the account, which may be nil.
func (a *account) or() account {
	if a == nil {
		return account{}
	}
	return *a
}

// counts tells whether the account counts something.
func (a *account) counts() bool {
	return a.Completed != 0 || a.PendingCredits != 0 || a.PendingDebits != 0
}

// move says that something happened that is going to be counted.
func (a *account) move(at time.Time) {
	if a.UserID == "" {
		return
	}
	if known := !a.CreatedAt.IsZero(); known && at.Before(a.CreatedAt) || !known && !a.counts() {
		a.CreatedAt = at
	}
	if a.UpdatedAt.Before(at) {
		a.UpdatedAt = at
	}
}

// sum returns the account, which may be nil, after the change that made one of it another. Its times are those of the other where they
// were those of the one: that is what is taken back; otherwise the account goes on from what it is.
func (a *account) sum(from, to *account) account {
	var out account
	for _, of := range []*account{a, from, to} {
		if of != nil {
			out.UserID, out.CurrencyID = of.UserID, of.CurrencyID
		}
	}
	add := func(of *account, sign int64) {
		if of != nil {
			out.Completed += sign * of.Completed
			out.PendingCredits += sign * of.PendingCredits
			out.PendingDebits += sign * of.PendingDebits
		}
	}
	add(a, 1)
	add(from, -1)
	add(to, 1)
	now, was, then := a.or(), from.or(), to.or()
	out.CreatedAt, out.UpdatedAt = then.CreatedAt, then.UpdatedAt
	if !now.CreatedAt.Equal(was.CreatedAt) && (then.CreatedAt.IsZero() || now.CreatedAt.Before(then.CreatedAt)) {
		out.CreatedAt = now.CreatedAt
	}
	if !now.UpdatedAt.Equal(was.UpdatedAt) && now.UpdatedAt.After(then.UpdatedAt) {
		out.UpdatedAt = now.UpdatedAt
	}
	return out
}

// balance returns an account as callers see it; since is what its times are where they are not known.
func (p *program) balance(a *account, since time.Time) Balance {
	b := Balance{
		UserID: a.UserID, CurrencyID: a.CurrencyID, IsActive: p.published(a.CurrencyID), CreatedAt: cmp.Or(a.CreatedAt, since), UpdatedAt: cmp.Or(a.UpdatedAt, since),
		Amount: amount.FromMicros(a.ceiling() - a.PendingDebits), AvailableAmount: amount.FromMicros(a.available()),
	}
	if low := p.bounds(a.CurrencyID).low; a.UserID != "" && a.available() < low {
		b.OwedAmount = amount.FromMicros(low - a.available())
	}
	return b
}
