package economy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Cap is the most that a reward pays one user, and what becomes of what would be more. What is paid counts in the order in which it was
// earned, however late it is known, and goes on to count when it is reversed, voided or expires: a cap is on what somebody is paid for
// doing. Rewards of one rule in one currency that have caps for the same periods share what they have paid.
type Cap struct {
	// MaxAmountPerUser is in the reward's currency, more than 0; nil means without limit.
	MaxAmountPerUser *decimal.Decimal `json:"maxAmountPerUser,omitempty"`
	// Per makes it one for each DAY, WEEK, MONTH or YEAR of the user's calendar; empty means for ever, unless there is a Timeframe.
	Per timeframe.Calendar `json:"per,omitempty"`
	// Timeframe makes it one for each of its periods. What is earned outside of them has no limit.
	Timeframe *timeframe.Timeframe `json:"timeframe,omitempty"`
	// Budget is the most that the reward pays all users together; nil means without limit. Rewards of one rule in one currency that have budgets have the same, and share
	// it.
	Budget *Budget `json:"budget,omitempty"`
	// WhenExceeded says what is paid of a reward that is more than what the cap or the budget leaves, or than what the currency lets the user have.
	// Empty means NOTHING.
	WhenExceeded WhenExceeded `json:"whenExceeded,omitempty"`
}

// WhenExceeded says what is paid where not all may be.
type WhenExceeded string

// What is paid: nothing, and the transaction is REJECTED; or the part that may be, if there is one.
const (
	PayNothing WhenExceeded = "NOTHING"
	PayPart    WhenExceeded = "PART"
)

// The fields of a cap.
const (
	fieldCap      = "maxAmountPerUser"
	fieldCapPer   = "per"
	fieldFrame    = "timeframe"
	fieldExceeded = "whenExceeded"
)

func (c *Cap) checkCap() error {
	var faulty error
	if c.MaxAmountPerUser != nil {
		faulty = amount.CheckPositive(fieldCap, *c.MaxAmountPerUser)
	}
	return errors.Join(faulty, c.checkPeriods(), c.Budget.check(), c.WhenExceeded.check())
}

func (c *Cap) checkPeriods() error {
	switch {
	case c.Per != "" && !c.Per.Valid():
		return fault.Invalid(fieldCapPer, "%q is none of DAY, WEEK, MONTH, YEAR", c.Per)
	case c.Per != "" && c.MaxAmountPerUser == nil:
		return fault.Invalid(fieldCapPer, "needs %s", fieldCap)
	case c.Timeframe == nil:
		return nil
	case c.MaxAmountPerUser == nil:
		return fault.Invalid(fieldFrame, "needs %s", fieldCap)
	case c.Per != "":
		return fault.Invalid(fieldFrame, "and %s exclude one another", fieldCapPer)
	}
	return fault.In(fieldFrame, c.Timeframe.Validate())
}

func (w WhenExceeded) check() error {
	switch w {
	case "", PayNothing, PayPart:
		return nil
	case "PENDING": // as one may expect
		return fault.Invalid(fieldExceeded, "%q is none of NOTHING, PART: what waits to be redeemed counts for both bounds too", w)
	}
	return fault.Invalid(fieldExceeded, "%q is none of NOTHING, PART", w)
}

// Warnings warns of what a rule can never pay because of a cap or a date that has passed, of what is said about bounds that there are not, and of a rule that
// pays for whatever changes of a user.
func (r *RewardRule) Warnings(ctx context.Context, in content.View) (all []content.Warning, err error) {
	warn := func(i int, field, format string, args ...any) {
		all = append(all, content.Warning{Field: rewardField(i) + "." + field, Reason: fmt.Sprintf(format, args...)})
	}
	all = r.unread()
	if r.MatchEntity == string(event.User) && mechanic.Absent(r.MatchCondition) {
		all = append(all, content.Warning{
			Field: "matchCondition", Reason: "is not said, so the rule pays whenever something of a user changes, such as the nickname, but not for the first deed or an anniversary; read change, tagsGained or tagsLost",
		})
	}
	for i := range r.Rewards {
		w := &r.Rewards[i]
		all = append(all, w.Life.warnings(in, rewardField(i)+".")...)
		n, constant := w.constant()
		if b := w.Budget; b != nil && constant && w.WhenExceeded != PayPart && n.GreaterThan(b.Max) {
			warn(i, fieldBudget+"."+fieldMax, "is %s, and the reward %s: it is never paid, unless %s is PART", b.Max, n, fieldExceeded)
		}
		if w.MaxAmountPerUser == nil {
			if w.WhenExceeded == "" || w.Budget != nil {
				continue
			}
			doc, err := in.Document(ctx, Currencies.Name(), w.CurrencyID)
			if err != nil {
				return nil, err
			}
			if c, is := doc.(*Currency); is && c.MaxAllowedBalance == nil {
				warn(i, fieldExceeded, "means nothing: there is no %s, and %s has no maxAllowedBalance", fieldCap, w.CurrencyID)
			}
			continue
		}
		if constant && w.WhenExceeded != PayPart && n.GreaterThan(*w.MaxAmountPerUser) {
			warn(i, fieldCap, "is %s, and the reward %s: it is never paid, unless %s is PART", w.MaxAmountPerUser, n, fieldExceeded)
		}
	}
	return all, nil
}

// constant returns the amount of a reward that is the same for all events.
func (w *Reward) constant() (decimal.Decimal, bool) {
	if mechanic.Absent(w.Expression) {
		return decimal.NewFromInt(1), true
	}
	var n decimal.Decimal
	var text string
	if json.Unmarshal(w.Expression, &text) == nil || json.Unmarshal(w.Expression, &n) != nil {
		return n, false
	}
	return n, true
}

// capped begins the period of the count of a cap that is one of a timeframe's.
const capped = "@"

// spent returns the count of what the cap of a reward is about, empty; false if it has no cap at the moment of the event.
func (c *payer) spent(tx *session.Tx, o *mechanic.Occasion, i int) (tally, bool, error) {
	w := &c.Rewards[i]
	if w.MaxAmountPerUser == nil {
		return tally{}, false, nil
	}
	t := tally{RuleID: c.ID, UserID: o.User.ID, CurrencyID: w.CurrencyID}
	if w.Per == "" && w.Timeframe == nil {
		return t, true, nil
	}
	if w.Timeframe == nil {
		zone, err := o.User.Location(tx.Zones)
		if err != nil {
			return tally{}, false, err
		}
		t.Period = w.Per.ID(timeframe.DayOf(o.Event.At, zone))
		return t, true, nil
	}
	p, within, err := mechanic.Trigger{Timeframe: *w.Timeframe}.PeriodAt(tx, o.User, o.Event.At)
	if err != nil {
		return tally{}, false, err
	}
	t.Period, t.EndsAt = capped+p.ID, p.EndsAt
	return t, within, nil
}

// spentKeys returns the keys of the counts of caps that React reads for an event.
func (c *payer) spentKeys(tx *session.Tx, o *mechanic.Occasion) (keys []string) {
	for i := range c.Rewards {
		if t, is, err := c.spent(tx, o, i); is && err == nil { // otherwise React says what is wrong
			keys = append(keys, t.key())
		}
	}
	return keys
}

// readSpent gives the rewards that have a cap what was paid of them.
func readSpent(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, rewards []reward) error {
	var known []*tally
	for i := range rewards {
		r := &rewards[i]
		t, is, err := r.rule.spent(tx, o, r.place)
		if err != nil {
			return err
		}
		if !is {
			continue
		}
		at := slices.IndexFunc(known, func(k *tally) bool { return k.key() == t.key() })
		if at < 0 {
			found, there, err := tallies.Get(ctx, tx, t.key())
			if err != nil {
				return err
			}
			if there {
				t = found
			}
			at, known = len(known), append(known, &t)
		}
		r.spent = known[at]
	}
	return nil
}

// fit lets the reward be as much as its cap, the bounds and its budget let, and returns false if the cap, the budget or that of the rule lets nothing of it. What would
// cross a bound and is not to be paid in part is left for the ledger to refuse. Budgets are asked last: what they have not had stays with the event.
func (r *reward) fit(l *ledger) bool {
	w := &r.rule.Rewards[r.place]
	if r.spent != nil {
		if left := w.MaxAmountPerUser.Sub(amount.FromMicros(r.spent.Micros)); !r.cut(left) {
			return false
		}
	}
	if r.fund != nil || r.times != nil || w.WhenExceeded == PayPart {
		if !r.cut(l.room(r.Transaction)) {
			return true // the ledger refuses it
		}
	}
	if r.fund != nil {
		n, err := r.micros()
		if err != nil {
			return true // the ledger refuses it
		}
		if !r.fund.covers(n) && !r.cut(amount.FromMicros(r.fund.left())) {
			return false
		}
	}
	return r.times.lasts()
}

// cut lets the reward be no more than what is left, and returns false if that is none of it.
func (r *reward) cut(left decimal.Decimal) bool {
	switch {
	case !r.Amount.GreaterThan(left):
		return true
	case r.of().WhenExceeded != PayPart || !left.IsPositive():
		return false
	}
	r.Amount = left
	return true
}

// spend counts what was paid.
func (r *reward) spend(ctx context.Context, tx *session.Tx) error {
	switch {
	case r.refused():
		r.fund.draw(0)
		return nil
	case r.spent == nil && r.fund == nil:
		return nil
	}
	n, err := r.micros()
	if err != nil {
		return err
	}
	r.fund.draw(n)
	if r.spent == nil {
		return nil
	}
	r.spent.Micros += n
	return tallies.Put(ctx, tx, *r.spent)
}

// of says what a count has come to of the most that a reward pays.
func (t *tally) of(w *Reward) string {
	return fmt.Sprintf("%s of at most %s%s", amount.FromMicros(t.Micros), w.MaxAmountPerUser, during(t.Period))
}

// ended tells whether the period of a timeframe had ended before a moment.
func (t *tally) ended(before time.Time) bool { return !t.EndsAt.IsZero() && t.EndsAt.Before(before) }
