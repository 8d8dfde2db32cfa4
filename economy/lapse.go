package economy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A Lapse is how much of what a user has in a currency lapses at a moment.
type Lapse struct {
	LapsesAt time.Time       `json:"lapsesAt"`
	Amount   decimal.Decimal `json:"amount"`
}

// Lapsing returns what a user has in a currency that lapses, and when, the first first: as far as it is not spent until then, and not set aside, as
// what is set aside takes what lapses first. It is empty of a currency that has no [Life]. It returns the errors of [Service.Balance].
func (s Service) Lapsing(ctx context.Context, userID, currencyID string) ([]Lapse, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]Lapse, error) {
		u, p, err := s.reading(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		a, found, err := p.current(ctx, tx, u.ID, currencyID)
		switch {
		case err != nil:
			return nil, err
		case !found && !p.published(currencyID):
			return nil, fault.NotFound(currencyNoun, currencyID)
		case !found || !p.lots[currencyID]:
			return nil, nil
		}
		all, err := lots.List(ctx, tx, store.Prefix(accountKey(u.ID, currencyID)+"/"))
		if err != nil {
			return nil, err
		}
		held, lapses := a.PendingDebits, []Lapse(nil)
		for i := range all {
			if !all[i].LapsesAt.After(tx.Now) { // what is left of it, once the clock has come, is what is set aside
				over := min(held, all[i].Micros)
				held -= over
				continue
			}
			over := min(held, all[i].Micros)
			if held -= over; over < all[i].Micros {
				lapses = append(lapses, Lapse{all[i].LapsesAt, amount.FromMicros(all[i].Micros - over)})
			}
		}
		return lapses, nil
	})
}

// tickedLapse is the kind of an event of the clock that is about a currency of which something of a user lapses. At one moment, what has expired comes
// before it.
const tickedLapse = tickedTransaction + "Lapse"

// dueLapse returns when the first of a user's lots lapses, and of which currency.
func (p *program) dueLapse(ctx context.Context, tx *session.Tx, userID string) (at time.Time, currencyID string, err error) {
	if len(p.lots) == 0 {
		return time.Time{}, "", nil
	}
	sums, err := lotSums.List(ctx, tx, store.Prefix(accountPrefix(userID)))
	for i := range sums {
		if s := &sums[i]; !s.NextAt.IsZero() && (at.IsZero() || s.NextAt.Before(at)) {
			at, currencyID = s.NextAt, s.CurrencyID
		}
	}
	return at, currencyID, err
}

// lapse takes from a user what lapses by the moment of an event of the clock, but for what is set aside.
func (p *program) lapse(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	account := accountKey(o.User.ID, o.Event.EntityID)
	s, there, err := lotSums.Get(ctx, tx, account)
	if err != nil || !there {
		return err
	}
	due, err := lotsBy(ctx, tx, account, o.Event.At)
	if err != nil {
		return err
	}
	id, err := lapseID(ctx, tx, o.User.ID, s.CurrencyID, o.Event.At)
	if err != nil {
		return err
	}
	m := movement{
		id: id, group: id, currency: s.CurrencyID, from: o.User.ID, mode: Auto, initiatorType: ByLapse, initiator: string(PartySystem),
		at: o.Event.At, now: tx.Now,
	}
	rows, l := m.rows(), p.ledger()
	if err := l.load(ctx, tx, rows...); err != nil {
		return err
	}
	over := total(due)
	n := over - min(over, l.accounts[account].PendingDebits)
	rows[0].Amount = amount.FromMicros(n)
	s.Lapsed += n
	for _, of := range slices.Backward(due) { // what is set aside takes what lapses first
		some := min(n, of.Micros)
		if some == 0 {
			break
		}
		n, of.Micros = n-some, of.Micros-some
		if err := of.put(ctx, tx); err != nil {
			return err
		}
	}
	if err := s.pass(ctx, tx, o.Event.At.Add(time.Microsecond)); err != nil {
		return err
	}
	if err := lotSums.Put(ctx, tx, s); err != nil || rows[0].Amount.IsZero() {
		return err
	}
	if err := l.turn("", rows...); err != nil {
		return err
	}
	return l.save(ctx, tx)
}

// lapseID returns the id of what lapses at a moment, of which there may be several: what is given back afterwards lapses at once.
func lapseID(ctx context.Context, tx *session.Tx, userID, currencyID string, at time.Time) (string, error) {
	first := userID + ":" + currencyID + ":lapse:" + store.KeyTime(at)
	for id, n := first, 2; ; n++ {
		_, taken, err := transactions.Get(ctx, tx, id)
		if err != nil || !taken {
			return id, err
		}
		id = fmt.Sprint(first, ":", n)
	}
}

// wakeLapsing wakes the users of whom something lapses, at most limit of them.
func (p *program) wakeLapsing(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	if len(p.lots) == 0 {
		return false, nil
	}
	return mechanic.WakeDue(ctx, tx, lotSums, "due", limit, func(s *lotSum) string { return s.UserID })
}

// forgetLapsed takes out of a user's account what has lapsed by a moment, and the clock has not done yet. due are the transactions whose time was over
// by then, which the account does not count.
func (p *program) forgetLapsed(ctx context.Context, tx *session.Tx, a *account, due []Transaction, at time.Time) (int64, error) {
	if !p.lots[a.CurrencyID] {
		return 0, nil
	}
	key := accountKey(a.UserID, a.CurrencyID)
	s, there, err := lotSums.Get(ctx, tx, key)
	if err != nil || !there {
		return 0, err
	}
	var released []moment
	for i := range due {
		t := &due[i]
		if t.UserID != a.UserID || t.CurrencyID != a.CurrencyID || t.Direction != Debit {
			continue
		}
		n, err := t.micros()
		if err != nil {
			return 0, err
		}
		released = append(released, moment{at: t.ExpiresAt, release: n})
	}
	if len(released) == 0 && (s.NextAt.IsZero() || s.NextAt.After(at)) {
		return 0, nil
	}
	some, err := lotsBy(ctx, tx, key, at)
	if err != nil {
		return 0, err
	}
	n, last := unmarked(a, some, released)
	if n > 0 {
		a.move(last)
		a.Completed -= n
	}
	return n, nil
}

// lapsedOf returns what has lapsed of a currency, of whomever, and the clock has not done yet. due are the pending transactions whose time is over.
func (p *program) lapsedOf(ctx context.Context, tx *session.Tx, currencyID string, due []Transaction) (n int64, err error) {
	if !p.lots[currencyID] {
		return 0, nil
	}
	sums, err := lotSums.List(ctx, tx, store.By("due").Between(store.Value{}, store.After(tx.Now)))
	if err != nil {
		return 0, err
	}
	var users []string
	for i := range sums {
		if sums[i].CurrencyID == currencyID {
			users = append(users, sums[i].UserID)
		}
	}
	for i := range due {
		if t := &due[i]; t.CurrencyID == currencyID && t.Direction == Debit {
			users = append(users, t.UserID)
		}
	}
	for _, userID := range distinct(users) {
		a, _, err := accounts.Get(ctx, tx, accountKey(userID, currencyID))
		if err != nil {
			return 0, err
		}
		if err := a.forget(due); err != nil {
			return 0, err
		}
		some, err := p.forgetLapsed(ctx, tx, &a, due, tx.Now)
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}
