package economy

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Change is a transaction that an event made, or one that is another because what had happened before it did. A badge, a tag or a step that a rule gave
// is one too: it has BadgeID, TagID, or LadderID and StepID, and no transaction, currency and amount.
type Change struct {
	RewardRuleID  string          `json:"rewardRuleId"`
	RuleVersion   int             `json:"ruleVersion"`
	TransactionID string          `json:"virtualTransactionId,omitempty"`
	UserID        string          `json:"userId"`
	CurrencyID    string          `json:"virtualCurrencyId,omitempty"`
	Amount        decimal.Decimal `json:"amount"`
	State         State           `json:"state"`
	BadgeID       string          `json:"badgeConfigurationId,omitempty"`
	TagID         string          `json:"tagId,omitempty"`
	LadderID      string          `json:"ladderId,omitempty"`
	StepID        string          `json:"stepId,omitempty"`
	// HeldForReview says that it is not paid before somebody releases it.
	HeldForReview bool `json:"heldForReview,omitempty"`
	// Undone says that the transaction no longer follows: what it was paid for did not happen after all.
	Undone bool `json:"undone,omitempty"`
	// StreakRuleID is set, and RewardRuleID is not, on what a freeze took or was given back, if a late event changed that.
	StreakRuleID string `json:"streakRuleId,omitempty"`
	// ReversalOf is the transaction that this one takes back, "" if it takes back none.
	ReversalOf string `json:"reversalOf,omitempty"`
	// Lapsed says that it is what has lapsed, if a late event changed that: RewardRuleID is not set then.
	Lapsed bool `json:"lapsed,omitempty"`
	// LapsesAt is when what a rule has paid lapses, zero for never.
	LapsesAt time.Time `json:"lapsesAt,omitzero"`
	// BaseAmount and Boosts are those of the transaction.
	BaseAmount decimal.Decimal `json:"baseAmount,omitzero"`
	Boosts     []Boosted       `json:"boosts,omitempty"`
	// Direction and At are set if a late event changed the transaction: whether it gives or takes, and when it happened or was redeemed.
	Direction Direction `json:"direction,omitempty"`
	At        time.Time `json:"at,omitzero"`
}

// The initiator of a reward, and of a charge, is the rule's id behind one of these.
const (
	initiatorPrefix = "rewardRuleId#"
	streakPrefix    = "streakRuleId#"
)

func change(t *Transaction) Change {
	rewardRuleID, _ := strings.CutPrefix(t.Initiator, initiatorPrefix)
	if t.InitiatorType == ByLapse {
		rewardRuleID = ""
	}
	return Change{
		RewardRuleID: rewardRuleID, RuleVersion: t.RuleVersion, TransactionID: t.ID,
		UserID: t.UserID, CurrencyID: t.CurrencyID, Amount: t.Amount, State: t.State, HeldForReview: t.waits(), ReversalOf: t.ReversedTransactionID,
		Lapsed: t.InitiatorType == ByLapse, LapsesAt: t.LapsesAt, BaseAmount: t.BaseAmount, Boosts: t.Boosts,
	}
}

// React pays the event's user what the rules promise for it. It must be called once for an event: the
// ids of the transactions follow from the event's. A reward that would cross a bound is kept as REJECTED
// and reported.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if o.Ticks(tickedTransaction) {
		return nil, p.expire(ctx, tx, o)
	}
	if o.Ticks(tickedTag) {
		return nil, endTag(ctx, tx, o)
	}
	if o.Ticks(tickedLapse) {
		return nil, p.lapse(ctx, tx, o)
	}
	if o.Event.Type == event.VirtualTransaction {
		return nil, p.keepLots(ctx, tx, o.Event)
	}
	candidates := p.candidates(o)
	funds, err := p.funds(ctx, tx, o, candidates)
	if err != nil {
		return nil, err
	}
	if len(candidates) == 0 {
		return nil, funds.keep(ctx, tx)
	}
	used, err := usage(ctx, tx, o, candidates)
	if err != nil {
		return nil, err
	}
	seen, err := count(ctx, tx, o, candidates, false)
	if err != nil {
		return nil, err
	}
	rewards, err := p.rewards(tx, o, resolve(candidates, func(r *payer) bool {
		return !used[r].exhausted(r) && seen.meets(tx, o, r, &r.condition) && funds.lets(r)
	}), seen)
	if err != nil {
		return nil, err
	}
	if len(rewards) == 0 {
		return nil, funds.keep(ctx, tx)
	}
	if err := errors.Join(readSpent(ctx, tx, o, rewards), hold(ctx, tx, o, rewards, seen)); err != nil {
		return nil, err
	}
	for i := range rewards {
		r := &rewards[i]
		r.fund, r.times = funds.of(r.rule, r.place), funds.of(r.rule, itself)
	}
	funds.leave(rewards)
	changes, err := p.pay(ctx, tx, o, rewards, used)
	return changes, errors.Join(err, funds.keep(ctx, tx))
}

// resolve returns the rules that pay: those of mode ALWAYS that are met or, if there is none, those of
// mode FALLBACK.
func resolve(candidates []*payer, met func(*payer) bool) []*payer {
	for _, mode := range []ApplicationMode{Always, Fallback} {
		var found []*payer
		for _, r := range candidates {
			if r.ApplicationMode == mode && met(r) {
				found = append(found, r)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// A reward is a transaction that a rule wants, or a thing.
type reward struct {
	Transaction // of a thing, whose it is, when, and the id of the event that says so
	rule        *payer
	place       int
	spent       *tally // of what its cap is about, nil if it has none
	fund, times *fund  // of what its budget is, and that of its rule; nil if there is none
}

// of returns what the rule says of the reward.
func (r *reward) of() *Reward { return &r.rule.Rewards[r.place] }

// change returns what the reward changes.
func (r *reward) change() Change {
	c := change(&r.Transaction)
	if w := r.of(); !w.money() {
		c.TransactionID = ""
		w.named(&c)
	}
	return c
}

// rewards evaluates what the rules promise for the event. What is no amount is reported and not paid.
func (p *program) rewards(tx *session.Tx, o *mechanic.Occasion, rules []*payer, seen counted) ([]reward, error) {
	all := make([]reward, 0, len(rules)) // most rules have one reward
	if len(rules) == 0 {
		return nil, nil
	}
	on, err := p.boosts(tx, o)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		for i, w := range r.Rewards {
			var n decimal.Decimal
			var ok bool
			seen.with(o, r, func() { n, ok = r.amounts[i].Of(tx, o) })
			if !ok || n.IsZero() {
				continue
			}
			if field, reason := p.out(&w); reason != "" {
				tx.Report(r.source(), rewardField(i)+"."+field, reason)
				continue
			}
			if !w.money() {
				all = append(all, reward{Transaction: thing(o, r, i), rule: r, place: i})
				continue
			}
			lapsesAt, err := p.lapsing(tx, w.Life, w.CurrencyID, o.User, o.Event.At)
			if err != nil {
				return nil, err
			}
			t := movement{
				id: rewardID(o.Event.ID, r.ID, i), group: o.Event.ID, currency: w.CurrencyID, to: o.User.ID,
				amount: n, mode: w.RedemptionMode, initiatorType: ByRewardRule, initiator: initiatorPrefix + r.ID, ruleVersion: r.Version,
				at: o.Event.At, now: tx.Now, lapsesAt: lapsesAt,
			}
			paid := reward{Transaction: t.rows()[0], rule: r, place: i}
			if total, added := boosted(tx, on, r, &w, n); len(added) > 0 {
				paid.Amount, paid.BaseAmount, paid.Boosts = total, n, added
			}
			all = append(all, paid)
		}
	}
	return all, nil
}

// rewardID returns the id of the transaction of a reward.
func rewardID(eventID, ruleID string, i int) string {
	return eventID + ":" + ruleID + ":" + strconv.Itoa(i)
}

// pay enters the rewards, as rejected where a cap or a bound is in the way, gives the things, and counts the rules that paid and what they paid.
func (p *program) pay(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, rewards []reward, used map[*payer]*tally) ([]Change, error) {
	l := p.ledger()
	rows := make([]Transaction, 0, len(rewards))
	for i := range rewards {
		if rewards[i].of().money() {
			rows = append(rows, rewards[i].Transaction)
		}
	}
	if err := l.load(ctx, tx, rows...); err != nil {
		return nil, err
	}
	there, err := l.replace(ctx, tx, rows...)
	if err != nil {
		return nil, err
	}
	for _, was := range there {
		if !was.decided() {
			if err := shiftLots(ctx, tx, was, nil); err != nil {
				return nil, err
			}
		}
	}
	l.rows = make([]Transaction, 0, len(rewards))
	changes := make([]Change, 0, len(rewards))
	var last *payer // the rule that paid last; its rewards follow one another
	for i := range rewards {
		r := &rewards[i]
		if !r.of().money() {
			if !r.times.lasts() {
				continue
			}
			if err := r.give(ctx, tx, p, o); err != nil {
				return nil, err
			}
		} else if err := errors.Join(r.enter(tx, l, there[r.ID]), r.spend(ctx, tx)); err != nil {
			return nil, err
		}
		if !r.refused() && r.rule != last {
			last = r.rule
			if t := used[r.rule]; t != nil {
				t.Count++
				if err := tallies.Put(ctx, tx, *t); err != nil {
					return nil, err
				}
			}
			r.times.draw(once)
		}
		changes = append(changes, r.change())
	}
	return changes, l.save(ctx, tx)
}

// enter enters the reward, or the part of it that may be paid, as rejected if a cap or a bound is in the way. What somebody has decided
// about it stays: was is what is there of it, nil if it is new.
func (r *reward) enter(tx *session.Tx, l *ledger, was *Transaction) error {
	switch {
	case was == nil:
	case was.decided():
		r.Transaction = *was
		return nil
	default:
		r.ReversedAmount = was.ReversedAmount
		r.Amount = decimal.Max(r.Amount, r.ReversedAmount)
	}
	promised := r.Amount
	if r.worth(tx) && r.fit(l) && !r.Amount.LessThan(r.ReversedAmount) {
		err := l.enter(r.Transaction)
		bound, crossed := errors.AsType[*BoundError](err)
		if !crossed {
			return err
		}
		tx.Report(r.rule.source(), rewardField(r.place), bound.Error())
	}
	if r.ReversedAmount.IsZero() {
		r.Amount, r.State, r.HeldForReview = promised, Rejected, false
	} else {
		r.Amount = r.ReversedAmount
	}
	return l.turn("", r.Transaction)
}

// worth tells whether the reward is not over before it is earned.
func (r *reward) worth(tx *session.Tx) bool {
	if !lapsed(r.LapsesAt, r.At) {
		return true
	}
	field := rewardField(r.place) + "." + fieldLife
	if r.of().Life == nil {
		field = rewardField(r.place) + ".virtualCurrencyId"
	}
	tx.Report(r.rule.source(), field, "what it pays has lapsed on "+r.LapsesAt.Format(time.RFC3339)+": it is worth nothing")
	return false
}

// tally counts how often a rule paid a user in a period, or how much in a currency.
type tally struct {
	RuleID string `json:"rewardRuleId"`
	UserID string `json:"userId"`
	Period string `json:"periodId,omitempty"` // empty: for ever
	Count  int    `json:"count"`
	// CurrencyID, Micros and EndsAt are of one that counts how much, in millionths, the last if its period is a timeframe's that ends.
	CurrencyID string    `json:"virtualCurrencyId,omitempty"`
	Micros     int64     `json:"micros,omitempty"`
	EndsAt     time.Time `json:"endsAt,omitzero"`
}

var tallies = store.Define("reward_tallies", (*tally).key, nil).Packed().Version(4)

func (t *tally) key() string {
	if t.CurrencyID == "" {
		return t.UserID + "/" + t.RuleID + "/" + t.Period
	}
	return t.UserID + "/" + t.RuleID + ":" + t.CurrencyID + "/" + t.Period
}

// exhausted tells whether the rule has paid as often as it may; nil stands for a rule without a limit.
func (t *tally) exhausted(r *payer) bool { return t != nil && t.Count >= r.MaxPerUser }

// tally returns the count that an event belongs to, empty.
func (c *payer) tally(tx *session.Tx, o *mechanic.Occasion) (tally, error) {
	t := tally{RuleID: c.ID, UserID: o.User.ID}
	if c.Per == "" {
		return t, nil
	}
	zone, err := o.User.Location(tx.Zones)
	if err != nil {
		return tally{}, err
	}
	t.Period = c.Per.ID(timeframe.DayOf(o.Event.At, zone))
	return t, nil
}

// over tells whether the period of the count had ended before a moment, wherever the user lives.
func (t *tally) over(before time.Time) bool {
	if strings.HasPrefix(t.Period, capped) {
		return t.ended(before)
	}
	return periodOver(t.Period, before)
}

// periodOver tells whether a period of a calendar, "" for ever, had ended before a moment in every zone. The names of the periods of one calendar
// are of one length, which no other's are of, and in their order.
func periodOver(period string, before time.Time) bool {
	day := timeframe.DayOf(before.Add(-farthest), time.UTC)
	for _, c := range []timeframe.Calendar{timeframe.ByDay, timeframe.ByWeek, timeframe.ByMonth, timeframe.ByYear} {
		if present := c.ID(day); len(period) == len(present) {
			return period < present
		}
	}
	return false
}

// farthest is more than any zone's clock differs from UTC.
const farthest = 16 * time.Hour

// tallyKeys returns the keys of the counts that an event may belong to in whatever zone, none if the rule
// has no limit.
func (c *payer) tallyKeys(o *mechanic.Occasion) []string {
	if c.MaxPerUser == 0 {
		return nil
	}
	t := tally{RuleID: c.ID, UserID: o.User.ID}
	if c.Per == "" {
		return []string{t.key()}
	}
	var keys []string
	last := timeframe.DayOf(o.Event.At.Add(farthest), time.UTC)
	for day := timeframe.DayOf(o.Event.At.Add(-farthest), time.UTC); day <= last; day++ {
		t.Period = c.Per.ID(day)
		keys = append(keys, t.key())
	}
	return slices.Compact(keys)
}

// usage reads how often the rules that have a limit paid.
func usage(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, rules []*payer) (map[*payer]*tally, error) {
	var used map[*payer]*tally
	for _, r := range rules {
		if r.MaxPerUser == 0 {
			continue
		}
		t, err := r.tally(tx, o)
		if err != nil {
			return nil, err
		}
		if found, ok, err := tallies.Get(ctx, tx, t.key()); err != nil {
			return nil, err
		} else if ok {
			t = found
		}
		if used == nil {
			used = map[*payer]*tally{}
		}
		used[r] = &t
	}
	return used, nil
}

// Amend adds to changes the rewards that are others after the user's fold was folded again, and says of those that an event of the call made
// and that had been there before what they were made to.
func (p *program) Amend(ctx context.Context, tx *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	for i, d := range slices.Concat(a.Rows, a.Told) {
		if now, is := d.Now.(account); is {
			if err := p.reportOwed(tx, d.Was, &now); err != nil {
				return nil, err
			}
		}
		if d.Table != transactions.Schema().Name {
			continue
		}
		t, there := d.Now.(Transaction)
		if !there {
			t = d.Was.(Transaction)
		}
		charge := t.InitiatorType == ByStreakRule || t.ReversedTransactionID != "" && t.ID == wholeID(t.ReversedTransactionID)
		if there && !charge && t.InitiatorType != ByRewardRule && t.InitiatorType != ByLapse { // what a call has made is gone only if it is another user's since
			continue
		}
		at := slices.IndexFunc(changes, func(c Change) bool { return c.TransactionID == t.ID })
		was, known := d.Was.(Transaction)
		if known && there && !was.ReversedAmount.Equal(t.ReversedAmount) && was.moved() == t.moved() {
			continue // only how much of it is taken back is different
		}
		if !known && (at >= 0 || i >= len(a.Rows)) {
			continue // its own event tells all of it
		}
		if at < 0 {
			at, changes = len(changes), append(changes, change(&t))
		}
		c := &changes[at]
		if c.Undone, c.Direction, c.At = !there, t.Direction, t.completion().At; charge {
			c.RewardRuleID, c.StreakRuleID = "", strings.TrimPrefix(t.Initiator, streakPrefix)
		}
	}
	return amendThings(a, changes), p.giveBack(ctx, tx, a)
}

// reportOwed says what a user owes: what was paid and does not follow after all has been spent. It is refused if nobody may.
func (p *program) reportOwed(tx *session.Tx, before any, now *account) error {
	was, _ := before.(account)
	if tx.Partly || now.UserID == "" || now.available() >= was.available() {
		return nil
	}
	return p.owes(tx, now, was.available())
}

// Owes reports which accounts of a user are below their bounds, whatever they were before.
func (p *program) Owes(ctx context.Context, tx *session.Tx, userID string) error {
	held, err := accounts.List(ctx, tx, store.Prefix(accountPrefix(userID)))
	for i := range held {
		err = errors.Join(err, p.owes(tx, &held[i], p.bounds(held[i].CurrencyID).low))
	}
	return err
}

// owes reports that an account, in which so much had been available, is below its bound, if it is.
func (p *program) owes(tx *session.Tx, now *account, was int64) error {
	low, have := p.bounds(now.CurrencyID).low, now.available()
	switch {
	case have >= low:
		return nil
	case tx.NoDebt:
		return &BoundError{
			Currency: now.CurrencyID, User: now.UserID, Bound: amount.FromMicros(low),
			Have: amount.FromMicros(was), Change: amount.FromMicros(have - was),
		}
	}
	tx.Report(Currencies.Name()+"/"+now.CurrencyID, "minAllowedBalance", "user "+strconv.Quote(now.UserID)+" owes "+
		amount.FromMicros(low-have).String()+": what it was paid for happened otherwise, and it is spent")
	return nil
}
