package economy

import (
	"context"
	"math"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A Program is the published currencies and reward rules, compiled. It is immutable and may be used
// concurrently.
//
// The engine calls it; hosts use [Service].
type Program struct {
	currencies map[string]bounds
	ids        []string // of the currencies, sorted
	rules      mechanic.Matching[*payer]
}

// Compile compiles what is published.
func Compile(docs *content.Program) (*Program, error) {
	p := &Program{currencies: map[string]bounds{}}
	for _, c := range content.Live(docs, Currencies) {
		b, err := c.bounds()
		if err != nil {
			return nil, err
		}
		p.currencies[c.ID] = b
		p.ids = append(p.ids, c.ID)
	}
	slices.Sort(p.ids)
	for _, r := range content.Live(docs, RewardRules) {
		if r.ApplicationMode == Disabled {
			continue
		}
		c, err := compileRule(r)
		if err != nil {
			return nil, err
		}
		p.rules.Add(r.Matcher(), c)
	}
	return p, nil
}

func (p *Program) published(currencyID string) bool {
	_, ok := p.currencies[currencyID]
	return ok
}

// bounds returns the bounds of a user's account. A currency that is out of use has the usual ones.
func (p *Program) bounds(currencyID string) bounds {
	if b, ok := p.currencies[currencyID]; ok {
		return b
	}
	return bounds{0, math.MaxInt64}
}

// candidates returns the rules whose matcher an event meets, in the order in which they apply.
func (p *Program) candidates(o *mechanic.Occasion) []*payer {
	if !reacts(o.Event.Type) {
		return nil
	}
	return p.rules.On(o.Keys)
}

// Reads names what [Program.React] may read for an event.
func (p *Program) Reads(o *mechanic.Occasion) []store.Read {
	candidates := p.candidates(o)
	if len(candidates) == 0 {
		return nil
	}
	var counted, limits []string
	for _, r := range candidates {
		for _, w := range r.Rewards {
			counted = append(counted, accountKey(o.User.ID, w.CurrencyID), accountKey("", w.CurrencyID))
		}
		limits = append(limits, r.tallyKeys(o)...)
	}
	slices.Sort(counted)
	reads := []store.Read{accounts.Keys(slices.Compact(counted)...)}
	if len(limits) > 0 {
		reads = append(reads, tallies.Keys(limits...))
	}
	return reads
}

// Foresee returns events like those that paying for an event can cause, one for each currency: enough
// for the other mechanics to name what they will read for them.
func (p *Program) Foresee(o *mechanic.Occasion) []event.Event {
	var foreseen []event.Event
	for _, r := range p.candidates(o) {
		for _, w := range r.Rewards {
			known := slices.ContainsFunc(foreseen, func(e event.Event) bool { return e.EntityID == w.CurrencyID })
			if known || w.RedemptionMode != Auto {
				continue
			}
			m := movement{
				id: o.Event.ID, group: o.Event.ID, currency: w.CurrencyID, to: o.User.ID, amount: decimal.NewFromInt(1),
				mode: Auto, initiatorType: ByRewardRule, initiator: initiatorPrefix + r.ID, at: o.Event.At,
			}
			foreseen = append(foreseen, m.rows()[0].completion())
		}
	}
	return foreseen
}

// Advance marks at most limit pending credits that have expired, which releases what the senders of
// transfers had set aside, and returns whether there may be more. Reads do not wait for it.
func (p *Program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	due, err := transactions.List(ctx, tx, store.By("expiring").Between(store.Value{}, store.After(tx.Now)).First(limit))
	if err != nil || len(due) == 0 {
		return false, err
	}
	l := p.ledger()
	if err := l.expire(ctx, tx, due); err != nil {
		return false, err
	}
	return len(due) == limit, l.save(ctx, tx)
}
