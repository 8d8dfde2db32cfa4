package economy

import (
	"context"
	"errors"
	"time"

	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Charge takes the charge's amount from the user to SYSTEM and returns whether it is paid. A charge
// that was paid before is paid, and not taken again. If the user cannot pay, or the currency is not
// published, nothing is taken. It returns [fault.ErrInvalid] if the amount is none, or less than 0.
func (p *program) Charge(ctx context.Context, tx *session.Tx, c mechanic.Charge) (paid bool, err error) {
	if c.Amount.IsZero() {
		return true, nil
	}
	if err := amount.CheckPositive("amount", c.Amount); err != nil {
		return false, err
	}
	_, found, err := transactions.Get(ctx, tx, c.ID)
	if err != nil || found || !p.published(c.CurrencyID) {
		return found, err
	}
	rows := movement{
		id: c.ID, group: c.ID, currency: c.CurrencyID, from: c.UserID, amount: c.Amount, mode: Auto,
		initiatorType: ByStreakRule, initiator: streakPrefix + c.RuleID, ruleVersion: c.RuleVersion, at: c.At, now: tx.Now,
	}.rows()
	l := p.ledger()
	if err := l.load(ctx, tx, rows...); err != nil {
		return false, err
	}
	err = l.enter(rows...)
	if _, short := errors.AsType[*BoundError](err); err != nil && !short {
		return false, err
	}
	return err == nil, l.save(ctx, tx)
}

// Refund gives back at a moment what charges with the given ids have taken, as far as it was not given back before; one that took
// nothing gives nothing. No bound is in the way of what was the user's before.
func (p *program) Refund(ctx context.Context, tx *session.Tx, at time.Time, ids ...string) error {
	taken, err := transactions.GetMany(ctx, tx, ids...)
	if err != nil {
		return err
	}
	l := p.ledger()
	for i := range taken {
		t := &taken[i]
		back, err := reversed(ctx, tx, t)
		if err != nil {
			return err
		}
		left := t.Amount.Sub(back)
		if !left.IsPositive() {
			continue
		}
		rows := movement{
			id: wholeID(t.ID), group: t.GroupID, currency: t.CurrencyID, to: t.UserID, amount: left, mode: Auto,
			initiatorType: ByReversal, initiator: t.Initiator, ruleVersion: t.RuleVersion, at: at, now: tx.Now,
		}.rows()
		rows[0].ReversedTransactionID = t.ID
		t.ReversedAmount, t.UpdatedAt = t.Amount, tx.Now
		if err := errors.Join(transactions.Put(ctx, tx, *t), l.load(ctx, tx, rows...), l.turn("", rows...)); err != nil {
			return err
		}
	}
	return l.save(ctx, tx)
}
