package streaks

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Refusal says why a missed period is not frozen: it is the name of what stands in the way.
type Refusal string

// The refusals, in the order in which they are found: the first five are fields of the rule.
const (
	// RefusedByRule is that the rule freezes nothing.
	RefusedByRule Refusal = "freezeEnabled"
	// RefusedInARow is that as many periods before it are frozen as can be in a row.
	RefusedInARow Refusal = "freezeMaxInARow"
	// RefusedPerMonth is that as many periods of its month are frozen as can be.
	RefusedPerMonth Refusal = "freezeMaxPerMonth"
	// RefusedByConsent is that the user had not agreed when the period was over.
	RefusedByConsent Refusal = "freezeConsent"
	// RefusedToUser is that the user took no part.
	RefusedToUser Refusal = "user.status"
	// RefusedByCost is that the price was no amount.
	RefusedByCost Refusal = "freezeCostExpression"
	// RefusedByWallet is that the user could not pay.
	RefusedByWallet Refusal = "freezeVirtualCurrencyId"
)

// reason says for a person to read what a refusal under a rule means.
func (r *Rule) reason(of Refusal) string {
	switch of {
	case RefusedByRule:
		return "nothing is"
	case RefusedInARow:
		return fmt.Sprintf("at most %d in a row may be", r.maxInARow())
	case RefusedPerMonth:
		return fmt.Sprintf("at most %d of a month may be", r.FreezeMaxPerMonth)
	case RefusedByConsent:
		if r.FreezeConsent == ByUser {
			return "the user had not agreed to it"
		}
		return "the user had said that nothing is to be"
	case RefusedToUser:
		return "the user took no part"
	case RefusedByCost:
		return "the price was no amount"
	case RefusedByWallet:
		return "the user could not pay for it"
	}
	return string(of)
}

func (r *Rule) maxInARow() int { return cmp.Or(r.FreezeMaxInARow, MaxFrozen) }

// A policy is what of a rule says which missed periods of a user's streak may be frozen. It reads what it needs once.
type policy struct {
	tx     *session.Tx
	rule   *Rule
	userID string

	words []FreezeConsent // nil until they are read
	heard bool
}

// refuses returns why a period that was over at a moment may not be frozen behind a fold, "" if it may. Those of tried are about
// to be frozen before it.
func (p *policy) refuses(ctx context.Context, f *fold, period timeframe.Day, over time.Time, tried ...timeframe.Day) (Refusal, error) {
	switch {
	case !p.rule.Freezes():
		return RefusedByRule, nil
	case f.Frozen >= p.rule.maxInARow():
		return RefusedInARow, nil
	}
	if most := p.rule.FreezeMaxPerMonth; most > 0 {
		n, err := p.frozenIn(ctx, period, tried)
		if err != nil || n >= most {
			return RefusedPerMonth, err
		}
	}
	agreed, err := p.agreed(ctx, over)
	if err != nil || !agreed {
		return RefusedByConsent, err
	}
	return "", nil
}

// frozenIn returns how many periods are frozen that begin in the month in which one does.
func (p *policy) frozenIn(ctx context.Context, period timeframe.Day, tried []timeframe.Day) (n int, err error) {
	month := timeframe.ByMonth.First(period)
	q := store.Query{
		From:  store.Text(dayKey(p.userID, p.rule.ID, month)),
		Until: store.Text(dayKey(p.userID, p.rule.ID, timeframe.ByMonth.Next(period))),
	}
	days, err := dayTable.List(ctx, p.tx, q)
	for i := range days {
		if days[i].Kind == Freeze {
			n++
		}
	}
	for _, d := range tried {
		if timeframe.ByMonth.First(d) == month {
			n++
		}
	}
	return n, err
}

// agreed tells whether the user had agreed before a moment, by the last word until then.
func (p *policy) agreed(ctx context.Context, over time.Time) (bool, error) {
	if !p.heard {
		var err error
		if p.words, err = consents.List(ctx, p.tx, wordsOf(p.userID, p.rule.ID)); err != nil {
			return false, err
		}
		p.heard = true
	}
	agreed := p.rule.FreezeConsent != ByUser
	for i := range p.words {
		if p.words[i].UpdatedAt.Before(over) {
			agreed = p.words[i].Agreed
		}
	}
	return agreed, nil
}
