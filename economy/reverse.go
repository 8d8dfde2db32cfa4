package economy

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// MaxReason is how long the reason of a reversal, or for voiding, may be, in characters.
const MaxReason = 500

// A Reversal says how much of a transaction is taken back, and why. The zero Reversal takes back all that is left of it.
type Reversal struct {
	// ID becomes the id of what takes back, of a transfer that of the credit; empty means a new one. See [Grant].
	ID string `json:"virtualTransactionId,omitempty"`
	// Amount is how much; zero means all that is left.
	Amount decimal.Decimal `json:"amount,omitzero"`
	// UpTo takes back as much of that as is left and the bounds let, instead of nothing.
	UpTo bool `json:"upTo,omitempty"`
	// Reason is for who reads the history: at most [MaxReason] characters. It is kept for ever, so it should name nobody.
	Reason string `json:"reason,omitempty"`
}

func (r *Reversal) validate() error {
	faulty := errors.Join(text.Optional(ident.Check, idField, r.ID), text.Prose("reason", r.Reason, 0, MaxReason))
	if !r.Amount.IsZero() {
		faulty = errors.Join(faulty, amount.CheckPositive("amount", r.Amount))
	}
	return faulty
}

// Reverse takes back a completed transaction, or a part of it, of a transfer both sides, by transactions in the opposite
// direction, and returns those. They name what they take back, and have an initiator's type of their own. What is taken back says
// how much of it is. It can be taken back several times, up to the whole. The bounds hold: what the user has spent cannot be taken
// back, and what a full account paid cannot be returned to it; then the error is a [*BoundError], unless the reversal is one up to an amount
// and the bounds let some of it. A reversal can be reversed; what it took back stays taken back from the first.
//
// It returns [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] if there is no such transaction, and
// [fault.ErrConflict] if it is not completed, is what has lapsed, or less of it is left. What is taken back of a debit lapses when it would have
// ([Life]), the last first; if that has passed, at once. What is taken back of a credit is taken out of what lapses with it first. A reversal whose id was given before is as with
// [Service.Grant]: the same gives its first result again, another is [fault.ErrConflict].
func (s Service) Reverse(ctx context.Context, transactionID string, r Reversal) ([]Transaction, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) ([]Transaction, error) {
		if err := r.validate(); err != nil {
			return nil, err
		}
		sides, err := sidesOf(ctx, tx, transactionID)
		if err != nil {
			return nil, err
		}
		if done, err := r.done(ctx, tx, transactionID); err != nil || done != nil {
			return done, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		for i := range sides { // the clock may have given back some of it
			if err := wake(ctx, tx, sides[i].UserID); err != nil {
				return nil, err
			}
		}
		if sides, err = sidesOf(ctx, tx, transactionID); err != nil {
			return nil, err
		}
		return p.reverse(ctx, tx, sides, r)
	})
}

// sidesOf returns the transactions of the movement that one with an id is a side of, as they are now.
func sidesOf(ctx context.Context, tx *session.Tx, id string) ([]Transaction, error) {
	t, err := find(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	sides, err := movementOf(ctx, tx, t)
	for i := range sides {
		sides[i] = sides[i].seen(tx.Now)
	}
	return sides, err
}

// done returns what a reversal of the transaction did that was done before, and nothing of one that is new.
func (r *Reversal) done(ctx context.Context, tx *session.Tx, transactionID string) ([]Transaction, error) {
	if r.ID == "" {
		return nil, nil
	}
	t, there, err := transactions.Get(ctx, tx, r.ID)
	if err != nil || !there {
		return nil, err
	}
	rows, err := movementOf(ctx, tx, t)
	switch {
	case err != nil:
		return nil, err
	case t.InitiatorType != ByReversal || !slices.ContainsFunc(rows, func(row Transaction) bool { return row.ReversedTransactionID == transactionID }):
		return nil, fault.Conflict(idField, "%q is no reversal of %q", r.ID, transactionID)
	case t.Reason != r.Reason:
		return nil, fault.Conflict("reason", "is another than that of %q", r.ID)
	case !r.Amount.IsZero() && (t.Amount.GreaterThan(r.Amount) || !r.UpTo && !t.Amount.Equal(r.Amount)):
		return nil, fault.Conflict("amount", "is another than that of %q", r.ID)
	}
	for i := range rows {
		rows[i] = rows[i].made()
	}
	return rows, nil
}

// reverse takes back a part of a movement.
func (p *program) reverse(ctx context.Context, tx *session.Tx, sides []Transaction, r Reversal) ([]Transaction, error) {
	t := &sides[0]
	if t.State != Completed {
		return nil, fault.Conflict(transactionNoun, "%q is %s; only what is completed can be reversed", t.ID, t.State)
	}
	taken, err := reversed(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	n, left := r.Amount, t.Amount.Sub(taken)
	if n.IsZero() || r.UpTo && n.GreaterThan(left) {
		n = left
	}
	switch {
	case t.InitiatorType == ByLapse:
		return nil, fault.Conflict(transactionNoun, "%q has lapsed; it can be granted anew", t.ID)
	case t.InitiatorType == ByAdmin && t.At.After(tx.Now):
		return nil, fault.Conflict(transactionNoun, "%q counts from %s on", t.ID, t.At.Format(time.RFC3339))
	case !left.IsPositive():
		return nil, fault.Conflict(transactionNoun, "%q is reversed already", t.ID)
	case n.GreaterThan(left):
		return nil, fault.Conflict("amount", "is %s; of %q %s is left", n, t.ID, left)
	}
	rows := reversal(sides, r, n, tx)
	l := p.ledger()
	if err := l.load(ctx, tx, rows...); err != nil {
		return nil, err
	}
	if some := l.room(rows...); r.UpTo && some.IsPositive() && some.LessThan(n) {
		n = some
	}
	for i := range rows {
		rows[i].Amount = n
	}
	if err := l.enter(rows...); err != nil {
		return nil, err
	}
	for i := range sides {
		if err := p.keepReview(ctx, tx, &sides[i]); err != nil {
			return nil, err
		}
		sides[i].ReversedAmount, sides[i].UpdatedAt = taken.Add(n), tx.Now
	}
	if err := transactions.Put(ctx, tx, sides...); err != nil {
		return nil, err
	}
	return rows, l.save(ctx, tx)
}

// reversal returns the transactions that take back an amount of a movement.
func reversal(sides []Transaction, r Reversal, n decimal.Decimal, tx *session.Tx) []Transaction {
	t := &sides[0]
	m := movement{
		id: r.ID, group: t.GroupID, currency: t.CurrencyID, amount: n, mode: Auto, initiatorType: ByReversal, initiator: admin(tx),
		data: t.AdditionalData, reason: r.Reason, at: tx.Now, now: tx.Now,
	}
	if m.id == "" {
		m.id = tx.NewID()
	}
	for i := range sides {
		if sides[i].Direction == Credit {
			m.from = sides[i].UserID
		} else {
			m.to = sides[i].UserID
		}
	}
	rows := m.rows()
	for i := range rows {
		of := slices.IndexFunc(sides, func(side Transaction) bool { return side.Direction != rows[i].Direction })
		rows[i].ReversedTransactionID, rows[i].ReversedInitiatorType = sides[of].ID, sides[of].InitiatorType
	}
	return rows
}

// reversed returns how much of a transaction has been taken back.
func reversed(ctx context.Context, tx *session.Tx, t *Transaction) (decimal.Decimal, error) {
	if !t.ReversedAmount.IsZero() {
		return t.ReversedAmount, nil
	}
	_, whole, err := transactions.Get(ctx, tx, wholeID(t.ID)) // before parts were taken back, it was that or nothing
	if whole {
		return t.Amount, err
	}
	return decimal.Decimal{}, err
}

// wholeID returns the id of what takes back all that is left of a charge.
func wholeID(id string) string { return id + ":reversal" }

// Void ends a pending transaction, of a transfer both sides, in the name of an admin, and returns both as they are then: REJECTED.
// What the sender had set aside can be spent again. The reason is for who reads the history, at most [MaxReason] characters. The
// id may be that of either side. What is held is given back, and a reward that is held for review is not paid.
//
// It returns [fault.ErrNotFound] if there is no such transaction, [fault.ErrConflict] if it is not pending, and
// [fault.ErrInvalid] for the reason.
func (s Service) Void(ctx context.Context, transactionID, reason string) ([]Transaction, error) {
	return s.void(ctx, transactionID, reason, func(tx *session.Tx, _ []Transaction) (string, error) { return admin(tx), nil })
}

// Withdraw is [Service.Void] by the user who has sent the pending transfer. It returns [fault.ErrNotFound] also if the transaction
// is not about the user, [fault.ErrConflict] also if the user is who was to get it, or it is a hold, and [fault.ErrForbidden] if the
// user is suspended.
func (s Service) Withdraw(ctx context.Context, userID, transactionID, reason string) ([]Transaction, error) {
	return s.void(ctx, transactionID, reason, func(tx *session.Tx, sides []Transaction) (string, error) {
		userID, err := tenancy.Standing(ctx, tx, userID)
		mine := slices.IndexFunc(sides, func(t Transaction) bool { return t.UserID == userID })
		switch {
		case err != nil:
			return "", err
		case mine < 0:
			return "", fault.NotFound(transactionNoun, transactionID)
		case sides[mine].hold():
			return "", fault.Conflict(transactionNoun, "%q is a hold; an admin can void it", transactionID)
		case sides[mine].Direction == Credit:
			return "", fault.Conflict(transactionNoun, "%q is a credit; who sent it, or an admin, can void it", transactionID)
		}
		_, err = tenancy.FindActive(ctx, tx, "user", userID)
		return userID, err
	})
}

func (s Service) void(ctx context.Context, id, reason string, who func(*session.Tx, []Transaction) (string, error)) ([]Transaction, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) ([]Transaction, error) {
		if err := text.Prose("reason", reason, 0, MaxReason); err != nil {
			return nil, err
		}
		sides, err := sidesOf(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		by, err := who(tx, sides)
		if err != nil {
			return nil, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		return sides, p.voidPending(ctx, tx, sides, id, by, reason)
	})
}

// voidPending ends a movement, if it is pending.
func (p *program) voidPending(ctx context.Context, tx *session.Tx, sides []Transaction, id, by, reason string) error {
	if state := sides[0].State; state != Pending {
		return fault.Conflict(transactionNoun, "%q is %s; only what is pending can be voided", id, state)
	}
	return p.void(ctx, tx, sides, by, reason)
}

// void ends a pending movement.
func (p *program) void(ctx context.Context, tx *session.Tx, sides []Transaction, by, reason string) error {
	l := p.ledger()
	if err := l.load(ctx, tx, sides...); err != nil {
		return err
	}
	for i := range sides {
		if sides[i].waits() {
			if err := p.keepReview(ctx, tx, &sides[i]); err != nil {
				return err
			}
		}
		sides[i].State, sides[i].VoidedAt, sides[i].VoidedBy, sides[i].Reason, sides[i].UpdatedAt = Rejected, tx.Now, by, reason, tx.Now
	}
	if err := l.turn(Pending, sides...); err != nil {
		return err
	}
	for i := range sides {
		u, err := tenancy.FindUser(ctx, tx, sides[i].UserID)
		if err != nil {
			return err
		}
		if u.Status != tenancy.Deleted { // nothing more happens to who is gone
			tx.Cause(sides[i].voiding())
		} else if sides[i].Direction == Debit {
			if err := p.letLapse(ctx, tx, u.ID, sides[i].CurrencyID, tx.Now); err != nil {
				return err
			}
		}
	}
	return l.save(ctx, tx)
}

// leftReason is why what waits for a user who is deleted is voided.
const leftReason = "the user was deleted"

// Leave voids what waits to be redeemed by a user who has been deleted.
func (p *program) Leave(ctx context.Context, tx *session.Tx, userID string) error {
	held, err := accounts.List(ctx, tx, store.Prefix(accountPrefix(userID)))
	if err != nil || !slices.ContainsFunc(held, func(a account) bool { return a.PendingCredits != 0 }) {
		return err
	}
	var waiting []Transaction
	err = walk(ctx, tx, transactions, store.By("user", store.Text(userID)), func(t Transaction) error {
		if t = t.seen(tx.Now); t.State == Pending && t.Direction == Credit {
			waiting = append(waiting, t)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range waiting {
		sides, err := movementOf(ctx, tx, t)
		if err == nil {
			err = p.void(ctx, tx, sides, admin(tx), leftReason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
