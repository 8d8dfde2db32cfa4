package economy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
)

// MaxReviewed is how many transactions one call may release or void.
const MaxReviewed = 100

// fieldReview is the condition of a reward that lets it be held for review.
const fieldReview = "reviewCondition"

// waits tells whether the transaction waits for somebody to release it.
func (t *Transaction) waits() bool {
	return t.HeldForReview && t.State == Pending && t.ReleasedAt.IsZero()
}

// heldSince returns when what waits for a review was earned, otherwise the absent value.
func heldSince(t *Transaction) store.Value {
	if !t.waits() {
		return store.Value{}
	}
	return store.Time(t.At)
}

// review is that somebody has decided about a reward, and whether it was held for review then. So it is whenever the fold comes to it again, or
// what followed from the decision would follow beside what the rule then pays at once. It is a row of no fold.
type review struct {
	TransactionID string    `json:"virtualTransactionId"`
	UserID        string    `json:"userId"`
	Held          bool      `json:"held"`
	At            time.Time `json:"at"` // when it was decided first
}

var reviews = store.Define("reward_reviews", (*review).key, nil).Packed()

func (r *review) key() string { return reviewKey(r.UserID, r.TransactionID) }

func reviewKey(userID, transactionID string) string { return userID + "/" + transactionID }

// over tells whether no fold is taken back behind what the review is about.
func (r *review) over(before time.Time) bool { return r.At.Before(before) }

// keepReview notes that somebody has decided about a transaction.
func (p *program) keepReview(ctx context.Context, tx *session.Tx, t *Transaction) error {
	if !t.HeldForReview && !p.mayHold(t) {
		return nil
	}
	r := review{t.ID, t.UserID, t.HeldForReview, tx.Now}
	_, there, err := reviews.Get(ctx, tx, r.key())
	if err != nil || there {
		return err
	}
	return reviews.Put(ctx, tx, r)
}

// mayHold tells whether the rule that paid a reward may hold it for review.
func (p *program) mayHold(t *Transaction) bool {
	ruleID, is := strings.CutPrefix(t.Initiator, initiatorPrefix)
	r := p.byID[ruleID]
	return is && t.InitiatorType == ByRewardRule && r != nil && slices.ContainsFunc(r.reviews, mechanic.Condition.Given)
}

// hold lets the rewards wait that are to be reviewed before they are paid.
func hold(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, rewards []reward, seen counted) error {
	for i := range rewards {
		r := &rewards[i]
		condition := &r.rule.reviews[r.place]
		if !condition.Given() {
			continue
		}
		decided, there, err := reviews.Get(ctx, tx, reviewKey(r.UserID, r.ID))
		if err != nil {
			return err
		}
		if there && decided.Held || !there && seen.meets(tx, o, r.rule, condition) {
			r.State, r.HeldForReview, r.ExpiresAt = Pending, true, r.LapsesAt
		}
	}
	return nil
}

// Release lets users have rewards that are held for review ([Transaction.HeldForReview]), 1 to [MaxReviewed] of them, in the name of an admin: all, or none. It returns them as
// they are then. What is AUTO is completed, and what follows from it follows now; what is MANUAL can be redeemed. The reason is for who reads the
// history, at most [MaxReason] characters. What is not released is voided ([Service.VoidAll]). What has been decided stays, though the event turns out to
// be another, or never happened: then [Service.Reverse] takes it back.
//
// It returns [fault.ErrInvalid] for the reason, for another number of ids and for one that occurs twice, [fault.ErrNotFound] if there is no such transaction, and
// [fault.ErrConflict] if one is not held for review, or not any more. Errors name the id at fault ("virtualTransactionIds[3]").
func (s Service) Release(ctx context.Context, transactionIDs []string, reason string) ([]Transaction, error) {
	return s.decideAll(ctx, transactionIDs, reason, func(tx *session.Tx, p *program, id string) ([]Transaction, error) {
		t, err := find(ctx, tx, id)
		switch {
		case err != nil:
			return nil, err
		case !t.HeldForReview:
			return nil, fault.Conflict(transactionNoun, "%q is not held for review", t.ID)
		case !t.ReleasedAt.IsZero():
			return nil, fault.Conflict(transactionNoun, "%q was released already", t.ID)
		case t.State != Pending:
			return nil, fault.Conflict(transactionNoun, "%q is %s; only what is held for review can be released", t.ID, t.State)
		}
		t, err = p.release(ctx, tx, t, reason)
		return []Transaction{t}, err
	})
}

func (p *program) release(ctx context.Context, tx *session.Tx, t Transaction, reason string) (Transaction, error) {
	if err := p.keepReview(ctx, tx, &t); err != nil {
		return t, err
	}
	t.ReleasedAt, t.ReleasedBy, t.Reason, t.UpdatedAt = tx.Now, admin(tx), reason, tx.Now
	if t.RedemptionMode == Manual {
		return t, transactions.Put(ctx, tx, t)
	}
	l := p.ledger()
	if err := l.load(ctx, tx, t); err != nil {
		return t, err
	}
	t.State = Completed
	if err := l.turn(Pending, t); err != nil {
		return t, err
	}
	return t, l.save(ctx, tx)
}

// VoidAll is [Service.Void] of 1 to [MaxReviewed] transactions: of all, or of none. It returns all sides, in the order of the ids. Errors name the id at fault as those
// of [Service.Release].
func (s Service) VoidAll(ctx context.Context, transactionIDs []string, reason string) ([]Transaction, error) {
	return s.decideAll(ctx, transactionIDs, reason, func(tx *session.Tx, p *program, id string) ([]Transaction, error) {
		sides, err := sidesOf(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		return sides, p.voidPending(ctx, tx, sides, id, admin(tx), reason)
	})
}

// decideAll decides about transactions, one after another.
func (s Service) decideAll(
	ctx context.Context, ids []string, reason string, one func(*session.Tx, *program, string) ([]Transaction, error),
) ([]Transaction, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (all []Transaction, err error) {
		if err := errors.Join(text.Prose("reason", reason, 0, MaxReason), checkReviewed(ids)); err != nil {
			return nil, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		if err := tx.Prefetch(ctx, transactions.Keys(ids...)); err != nil {
			return nil, err
		}
		for i, id := range ids {
			done, err := one(tx, p, id)
			if err != nil {
				return nil, fault.In(reviewedField(i), err)
			}
			all = append(all, done...)
		}
		return all, nil
	})
}

func reviewedField(i int) string { return fmt.Sprintf("virtualTransactionIds[%d]", i) }

func checkReviewed(ids []string) error {
	if n := len(ids); n < 1 || n > MaxReviewed {
		return fault.Invalid("virtualTransactionIds", "are %d; allowed are 1 to %d", n, MaxReviewed)
	}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return fault.Invalid(reviewedField(i), "%s occurs twice", strconv.Quote(text.Cut(id, 80)))
		}
	}
	return nil
}

// HeldForReview returns the rewards of all users that wait for somebody to release or void them, and the token of the next page, "" if there is
// none. What was earned first comes first, whatever the page says of that. Who is suspended is among those whose they are.
func (s Service) HeldForReview(ctx context.Context, page store.Page) (ts []Transaction, next string, err error) {
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Transaction, string, error) {
		page.Ascending = true
		return transactions.PageOf(ctx, tx, store.By("held"), page)
	})
}

// Join gives what was decided about the rewards of the user who is given up to the one who stays: they are held for review as they were, and have
// what they have drawn of budgets.
func (*program) Join(ctx context.Context, tx *session.Tx, n mechanic.Naming) (since time.Time, err error) {
	if err := joinBudgets(ctx, tx, n); err != nil {
		return time.Time{}, err
	}
	_, err = mechanic.Give(ctx, tx, reviews, reviewKey(n.From, ""), func(r *review) { r.UserID, r.TransactionID = n.Into, n.Derived(r.TransactionID) })
	return time.Time{}, err
}

// Joined gives what was decided meanwhile.
func (p *program) Joined(ctx context.Context, tx *session.Tx, n mechanic.Naming) ([]Change, error) {
	if _, err := p.Join(ctx, tx, n); err != nil {
		return nil, err
	}
	return nil, settleBudgets(ctx, tx, n)
}
