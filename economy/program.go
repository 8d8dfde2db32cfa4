package economy

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A program is the published currencies and reward rules, compiled. It is immutable and may be used
// concurrently.
type program struct {
	mechanic.Plain[Change]

	docs       *content.Program
	currencies map[string]bounds
	ids        []string // of the currencies, sorted
	rules      mechanic.Matching[*payer]
	hearing    mechanic.Hearing[*payer]
	byID       map[string]*payer // also those that are DISABLED
	budgets    bool              // some rule has, or has had, one
	boosters   []*booster        // in the order in which they apply
	timed      bool              // some rule gave tags for a time, perhaps long ago
	lives      map[string]*Life  // of the currencies
	lots       map[string]bool   // the currencies that have, or have had, a life: of others, nothing is kept of what lapses
}

// compile compiles what is published.
func compile(ctx context.Context, tx *session.Tx, docs *content.Program) (*program, error) {
	p := &program{docs: docs, currencies: map[string]bounds{}, byID: map[string]*payer{}, lives: map[string]*Life{}, lots: map[string]bool{}}
	ever, err := content.Ever(ctx, tx, Currencies)
	if err != nil {
		return nil, err
	}
	for _, c := range ever {
		if c.Life != nil {
			p.lots[c.ID] = true
		}
	}
	were, err := content.Ever(ctx, tx, RewardRules)
	if err != nil {
		return nil, err
	}
	p.timed, p.budgets = timed(were), slices.ContainsFunc(were, func(r *RewardRule) bool { return len((&payer{RewardRule: r}).budgets()) > 0 })
	for _, r := range were {
		if r.MatchEntity == string(event.User) && r.ApplicationMode != Disabled {
			x := r.Expressions()[0]
			c, _ := mechanic.CompileCondition("", x.Field, x.Source, x.Sees) // it was compiled when it was published
			p.hearing.Was(r.Matcher(), c)
		}
	}
	for _, c := range content.Live(docs, Currencies) {
		b, err := c.bounds()
		if err != nil {
			return nil, err
		}
		p.currencies[c.ID], p.lives[c.ID] = b, c.Life
		p.ids = append(p.ids, c.ID)
	}
	slices.Sort(p.ids)
	for _, r := range content.Live(docs, RewardRules) {
		c, err := compileRule(r)
		if err != nil {
			return nil, err
		}
		if p.byID[r.ID] = c; r.ApplicationMode != Disabled {
			p.rules.Add(r.Matcher(), c)
			p.hearing.Add(r.Matcher(), c.condition, c, docs.Current(RewardRules.Name(), r.ID))
		}
	}
	for _, b := range content.Live(docs, Boosts) {
		c, err := compileBoost(b)
		if err != nil {
			return nil, err
		}
		p.boosters = append(p.boosters, c)
	}
	return p, nil
}

func (p *program) published(currencyID string) bool {
	_, ok := p.currencies[currencyID]
	return ok
}

// bounds returns the bounds of a user's account. A currency that is out of use has the usual ones.
func (p *program) bounds(currencyID string) bounds {
	if b, ok := p.currencies[currencyID]; ok {
		return b
	}
	return bounds{0, math.MaxInt64}
}

// candidates returns the rules whose matcher an event meets, in the order in which they apply.
func (p *program) candidates(o *mechanic.Occasion) []*payer {
	if !reacts(o.Event.Type) {
		return nil
	}
	rules := p.rules.On(o.All())
	if change := o.Tells(); change != "" {
		rules = p.hearing.On(change, o.Keys)
	}
	switch t := o.Event.Type; {
	case o.Ends(), t == event.Badge, t == event.User, t == event.Level:
		rules = slices.DeleteFunc(slices.Clone(rules), func(r *payer) bool { return !r.meets(o) })
	}
	return rules
}

// Heeds tells whether a rule pays for a change of a user.
func (p *program) Heeds(keys []string) bool {
	return slices.ContainsFunc(p.rules.On(keys), func(r *payer) bool { return r.MatchEntity == string(event.User) })
}

// Hears tells since when a rule pays for a change of users that nobody makes, and whether any ever did.
func (p *program) Hears(change string) (since time.Time, ever bool) { return p.hearing.Hears(change) }

// Awaits tells whether a rule may ask for the end of something.
func (p *program) Awaits(t event.Type) bool {
	return slices.ContainsFunc(p.rules.All(), func(r *payer) bool {
		return r.ApplicationMode != Disabled && r.condition.ReadsEnd(t) && (r.RuleType == event.MatchTag || r.MatchEntity == string(t))
	})
}

// Reads names what [program.React] may read for an event.
func (p *program) Reads(tx *session.Tx, o *mechanic.Occasion) []store.Read {
	reads := append(p.lotReads(o), transactions.Rows(firstPending(o.User.ID)))
	candidates := p.candidates(o)
	if len(candidates) == 0 {
		return reads
	}
	var counted, limits, made, lately, held, sums []string
	for _, r := range candidates {
		for i, w := range r.Rewards {
			if !w.money() {
				continue
			}
			made = append(made, rewardID(o.Event.ID, r.ID, i))
			if r.reviews[i].Given() {
				held = append(held, reviewKey(o.User.ID, rewardID(o.Event.ID, r.ID, i)))
			}
			counted = append(counted, accountKey(o.User.ID, w.CurrencyID), accountKey("", w.CurrencyID))
		}
		limits = append(append(limits, r.tallyKeys(o)...), r.spentKeys(tx, o)...)
		for _, b := range r.budgets() {
			if sum, err := b.sum(tx.Zones, o.Event.At); err == nil { // otherwise React says what is wrong
				sums = append(sums, sum.key())
			}
		}
		if len(r.Counts) > 0 {
			lately = append(lately, (&recent{RuleID: r.ID, UserID: o.User.ID}).key())
		}
	}
	slices.Sort(counted)
	reads = append(reads, accounts.Keys(slices.Compact(counted)...), transactions.Keys(made...))
	if len(limits) > 0 {
		reads = append(reads, tallies.Keys(limits...))
	}
	if len(lately) > 0 {
		reads = append(reads, recents.Keys(lately...))
	}
	if len(held) > 0 {
		reads = append(reads, reviews.Keys(held...))
	}
	if len(sums) > 0 {
		slices.Sort(sums)
		reads = append(reads, budgets.Keys(slices.Compact(sums)...), allotments.Rows(store.Prefix(allotmentsOf(o.User.ID, o.Event.ID))))
	}
	return reads
}

// Foresee returns events like those that paying for an event can cause, one for each currency and thing: enough
// for the other mechanics to name what they will read for them.
func (p *program) Foresee(o *mechanic.Occasion) []event.Event {
	var foreseen []event.Event
	for _, r := range p.candidates(o) {
		for i, w := range r.Rewards {
			if !w.money() {
				given := reward{Transaction: thing(o, r, i), rule: r, place: i}
				foreseen = append(foreseen, given.event(o))
				continue
			}
			known := slices.ContainsFunc(foreseen, func(e event.Event) bool { return e.Type == event.VirtualTransaction && e.EntityID == w.CurrencyID })
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

// tickedTransaction is the kind of an event of the clock that is about a pending transaction whose time is over.
const tickedTransaction = "VirtualTransaction"

// Due returns when the first of a user's pending transactions expires, of the user's lots lapses, or of what was said of the user's tags is over.
func (p *program) Due(ctx context.Context, tx *session.Tx, userID string) (at time.Time, kind, id string, err error) {
	first, err := transactions.List(ctx, tx, firstPending(userID))
	if err != nil {
		return time.Time{}, "", "", err
	}
	if len(first) > 0 {
		at, kind, id = first[0].ExpiresAt, tickedTransaction, first[0].ID
	}
	for _, other := range []struct {
		kind string
		next func(context.Context, *session.Tx, string) (time.Time, string, error)
	}{{tickedLapse, p.dueLapse}, {tickedTag, p.nextTagEnd}} {
		then, what, err := other.next(ctx, tx, userID)
		if err != nil {
			return time.Time{}, "", "", err
		}
		if !then.IsZero() && (at.IsZero() || then.Before(at)) {
			at, kind, id = then, other.kind, what
		}
	}
	return at, kind, id, nil
}

func firstPending(userID string) store.Query { return store.By("pending", store.Text(userID)).First(1) }

// expire marks a pending transaction whose time is over. The other side of a transfer is in another's fold, and expires
// at the same moment.
func (p *program) expire(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	t, found, err := transactions.Get(ctx, tx, o.Event.EntityID)
	if err != nil || !found || t.State != Pending {
		return err
	}
	l := p.ledger()
	if err := l.load(ctx, tx, t); err != nil {
		return err
	}
	if t.CounterpartType == PartyUser {
		tx.Rouse = append(tx.Rouse, t.Counterpart)
	}
	t.State, t.UpdatedAt = Expired, o.Event.At
	if err := l.turn(Pending, t); err != nil {
		return err
	}
	tx.Cause(t.expiry())
	if err := l.save(ctx, tx); err != nil || t.Direction != Debit {
		return err
	}
	return p.letLapse(ctx, tx, t.UserID, t.CurrencyID, o.Event.At)
}

// Advance wakes the users of at most limit pending transactions that have expired, as what the senders of transfers had set
// aside is theirs again, and as many of whom something lapses, or a tag that was given for a time is over. It returns whether there may be more. Reads do not
// wait for it.
func (p *program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	more, err = mechanic.WakeDue(ctx, tx, transactions, "expiring", limit, func(t *Transaction) string { return t.UserID })
	if err != nil {
		return false, err
	}
	again, err := p.wakeLapsing(ctx, tx, limit)
	if more = more || again; err != nil || !p.timed {
		return more, err
	}
	again, err = mechanic.WakeDue(ctx, tx, tagEnds, "due", limit, func(e *tagEnd) string { return e.UserID })
	return more || again, err
}

// wake lets the clock do what is due for users: what has expired is no longer in the way of a bound.
func wake(ctx context.Context, tx *session.Tx, userIDs ...string) error {
	if tx.Wake == nil {
		return nil
	}
	for _, id := range userIDs {
		if id == "" {
			continue
		}
		if err := tx.Wake(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
