package economy

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// BalanceAt returns what a user had of a currency at a moment, with all that happened at it, by what is known now: a reward counts from when what it is for
// happened, also if that was told later, and what was corrected since counts as it is. It adds up the user's transactions until then, so it costs what the user
// has done. IsActive is that of now.
//
// It returns [fault.ErrInvalid] for a moment that is still to come, and the errors of [Service.Balance].
func (s Service) BalanceAt(ctx context.Context, userID, currencyID string, at time.Time) (Balance, error) {
	return s.balance(ctx, currencyID, func(tx *session.Tx) (account, bool, time.Time, error) {
		if at.After(tx.Now) {
			return account{}, false, time.Time{}, fault.Invalid("at", "is %s, which is still to come", at.UTC().Format(time.RFC3339))
		}
		u, p, err := s.reading(ctx, tx, userID)
		if err != nil {
			return account{}, false, time.Time{}, err
		}
		a, found, over := account{UserID: u.ID, CurrencyID: currencyID}, false, []Transaction(nil)
		q := store.By("user", store.Text(u.ID)).Between(store.Value{}, store.After(at))
		err = walk(ctx, tx, transactions, q, func(t Transaction) error {
			if t.CurrencyID != currencyID {
				return nil
			}
			found = true
			if t.due(at) {
				over = append(over, t)
			}
			return a.add(t.was(at))
		})
		if err == nil {
			_, err = p.forgetLapsed(ctx, tx, &a, over, at)
		}
		return a, found, u.CreatedAt, err
	})
}

// was returns a transaction that had happened by a moment as it was then.
func (t Transaction) was(at time.Time) Transaction {
	t = t.seen(at)
	if t.State != Pending && t.movedAt().After(at) {
		t.State, t.RedeemedAt, t.VoidedAt = Pending, time.Time{}, time.Time{}
		if t.hold() {
			t.Amount = t.HeldAmount
		}
	}
	return t
}

// add counts a transaction of the account's user.
func (a *account) add(t Transaction) error {
	n, err := t.micros()
	if err == nil && (t.State != Rejected || !t.VoidedAt.IsZero()) {
		a.move(t.At)
		a.move(t.movedAt())
	}
	a.count(t.Direction, t.State, n)
	return err
}
