package economy

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
)

// A Hold asks for an amount of a user to be set aside for SYSTEM until it is known how much of it is due: until an order ships.
type Hold struct {
	// ID becomes the id of the transaction; see [Grant].
	ID string `json:"virtualTransactionId,omitempty"`
	// GroupID is empty for the id of the transaction.
	GroupID    string          `json:"virtualTransactionGroupId,omitempty"`
	CurrencyID string          `json:"virtualCurrencyId"`
	Amount     decimal.Decimal `json:"amount"`
	// ExpiresAt is when the user has back what nobody has captured. It is needed.
	ExpiresAt time.Time `json:"expiresAt"`
	// AdditionalData is whatever else the host knows, as JSON values.
	AdditionalData event.Data `json:"additionalData,omitempty"`
}

// prepare returns the movement that the hold asks of a user, or every fault of its fields.
func (h Hold) prepare(userID string, now time.Time) (movement, error) {
	m := movement{
		id: h.ID, group: h.GroupID, currency: h.CurrencyID, from: userID, amount: h.Amount, mode: Manual, data: h.AdditionalData,
		receiver: "userId", initiatorType: ByUser, initiator: userID,
		at: now, expiresAt: h.ExpiresAt.UTC().Truncate(time.Microsecond), now: now, held: true,
	}
	var endless error
	if m.expiresAt.IsZero() {
		endless = fault.Invalid("expiresAt", "is needed: it is when the user has back what nobody has captured")
	}
	return m, errors.Join(ident.Check("userId", userID), m.prepare(), endless, m.checkExpiry())
}

// Hold sets an amount of a user aside, who wants it, and returns the transaction: a PENDING debit, with what is held as its
// [Transaction.HeldAmount]. The user cannot spend it. It ends once: [Service.Capture] takes all of it or a part, [Service.Void] gives it back,
// and so does its time when it is over. A user who is deleted has it held on: the host may have promised something for it.
//
// It returns [fault.ErrInvalid] for every field at fault, of which a time that has passed is one, and the other errors of [Service.Spend]. An id that was
// given before is as there: the same hold gives its first result again, whatever has become of it, another is [fault.ErrConflict].
func (s Service) Hold(ctx context.Context, userID string, h Hold) (Transaction, error) {
	return s.one(ctx, func(now time.Time) (movement, error) { return h.prepare(userID, now) })
}

// Capture takes of what is held so much, zero for all, and gives back the rest: the transaction is COMPLETED since then, and what is taken is
// its amount. It causes the event of that; from then on it is as what was spent, and can be reversed. A capture that was done before is not done
// again: of the same amount, it gives its first result.
//
// It returns [fault.ErrInvalid] for an amount less than 0, [fault.ErrNotFound] if there is no such transaction, and [fault.ErrConflict] if it is no hold, less is held,
// another amount was captured, or it was voided or has expired.
func (s Service) Capture(ctx context.Context, transactionID string, n decimal.Decimal) (Transaction, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Transaction, error) {
		if !n.IsZero() {
			if err := amount.CheckPositive("amount", n); err != nil {
				return Transaction{}, err
			}
		}
		t, err := find(ctx, tx, transactionID)
		if err != nil {
			return Transaction{}, err
		}
		if n.IsZero() {
			n = t.HeldAmount
		}
		switch {
		case t.HeldAmount.IsZero():
			return Transaction{}, fault.Conflict(transactionNoun, "%q is no hold", t.ID)
		case t.State == Completed && !t.Amount.Equal(n):
			return Transaction{}, fault.Conflict("amount", "is %s; of %q %s was captured", n, t.ID, t.Amount)
		case t.State == Completed:
			t.ReversedAmount, t.UpdatedAt = decimal.Decimal{}, t.RedeemedAt
			return t, nil
		case t.State != Pending:
			return Transaction{}, fault.Conflict(transactionNoun, "%q is %s; only what is held can be captured", t.ID, t.State)
		case n.GreaterThan(t.HeldAmount):
			return Transaction{}, fault.Conflict("amount", "is %s; of %q %s is held", n, t.ID, t.HeldAmount)
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return Transaction{}, err
		}
		return p.capture(ctx, tx, t, n)
	})
}

func (p *program) capture(ctx context.Context, tx *session.Tx, t Transaction, n decimal.Decimal) (Transaction, error) {
	l := p.ledger()
	if err := l.load(ctx, tx, t); err != nil {
		return Transaction{}, err
	}
	if err := l.remove(t); err != nil {
		return Transaction{}, err
	}
	t.State, t.Amount, t.RedeemedAt, t.UpdatedAt = Completed, n, tx.Now, tx.Now
	if err := l.turn("", t); err != nil {
		return Transaction{}, err
	}
	return t, l.save(ctx, tx)
}

// hold tells whether the transaction is, or was, a hold.
func (t *Transaction) hold() bool { return !t.HeldAmount.IsZero() }
