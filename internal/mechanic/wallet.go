package mechanic

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/internal/session"
)

// A Wallet is where users pay for what a rule asks of them without their own doing. One of the mechanics is it.
type Wallet interface {
	// Charge takes an amount from a user, once for each id, and tells whether it could. What it could
	// not do leaves no trace but problems.
	Charge(ctx context.Context, tx *session.Tx, c Charge) (paid bool, err error)
	// Refund gives back at a moment what was taken by charges with the given ids; one that took nothing gives
	// nothing.
	Refund(ctx context.Context, tx *session.Tx, at time.Time, ids ...string) error
}

// A Bank knows who owes. One of the mechanics is it.
type Bank interface {
	// Owes reports what a user has less than is allowed, or refuses it if nobody may.
	Owes(ctx context.Context, tx *session.Tx, userID string) error
}

// A Charge is the price that a rule of streaks asks of a user for one frozen period.
type Charge struct {
	// ID is derived from the rule, the user and the period; it holds ":".
	ID         string
	UserID     string
	CurrencyID string
	// Amount is not less than 0; 0 is paid by everybody.
	Amount decimal.Decimal
	// RuleID and RuleVersion are those of the rule.
	RuleID      string
	RuleVersion int
	// At is when the period was over.
	At time.Time
}
