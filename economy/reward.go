package economy

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Change is a transaction that an event made, or one that moved in time with it.
type Change struct {
	RewardRuleID  string          `json:"rewardRuleId"`
	RuleVersion   int             `json:"ruleVersion"`
	TransactionID string          `json:"virtualTransactionId"`
	UserID        string          `json:"userId"`
	CurrencyID    string          `json:"virtualCurrencyId"`
	Amount        decimal.Decimal `json:"amount"`
	State         State           `json:"state"`
}

// initiatorPrefix stands before the rule's id in the initiator of a reward.
const initiatorPrefix = "rewardRuleId#"

func change(t *Transaction) Change {
	return Change{
		RewardRuleID: t.Initiator[len(initiatorPrefix):], RuleVersion: t.RuleVersion, TransactionID: t.ID,
		UserID: t.UserID, CurrencyID: t.CurrencyID, Amount: t.Amount, State: t.State,
	}
}

// React pays the event's user what the rules promise for it. It must be called once for an event: the
// ids of the transactions follow from the event's. A reward that would cross a bound is kept as REJECTED
// and reported. For an event that moved in time, the transactions that it made move with it.
func (p *Program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if !o.Event.MovedFrom.IsZero() && reacts(o.Event.Type) {
		return move(ctx, tx, o.Event)
	}
	candidates := p.candidates(o)
	if len(candidates) == 0 {
		return nil, nil
	}
	used, err := usage(ctx, tx, o, candidates)
	if err != nil {
		return nil, err
	}
	rewards := p.rewards(tx, o, resolve(candidates, func(r *payer) bool {
		return !used[r].exhausted(r) && r.condition.Holds(tx, o.Vars)
	}))
	if len(rewards) == 0 {
		return nil, nil
	}
	return p.pay(ctx, tx, rewards, used)
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

// A reward is a transaction that a rule wants.
type reward struct {
	Transaction
	rule  *payer
	place int
}

// rewards evaluates what the rules promise for the event. What is no amount is reported and not paid.
func (p *Program) rewards(tx *session.Tx, o *mechanic.Occasion, rules []*payer) []reward {
	all := make([]reward, 0, len(rules)) // most rules have one reward
	for _, r := range rules {
		for i, w := range r.Rewards {
			n, ok := r.amounts[i].Of(tx, o.Vars)
			if !ok || n.IsZero() {
				continue
			}
			if !p.published(w.CurrencyID) {
				tx.Report(r.source(), rewardField(i)+".virtualCurrencyId", "the currency "+strconv.Quote(w.CurrencyID)+" is not published")
				continue
			}
			t := movement{
				id: rewardID(o.Event.ID, r.ID, i), group: o.Event.ID, currency: w.CurrencyID, to: o.User.ID,
				amount: n, mode: w.RedemptionMode, initiatorType: ByRewardRule, initiator: initiatorPrefix + r.ID, ruleVersion: r.Version,
				at: o.Event.At, now: tx.Now,
			}
			all = append(all, reward{t.rows()[0], r, i})
		}
	}
	return all
}

// rewardID returns the id of the transaction of a reward.
func rewardID(eventID, ruleID string, i int) string {
	return eventID + ":" + ruleID + ":" + strconv.Itoa(i)
}

// pay enters the rewards, as rejected where a bound is in the way, and counts the rules that paid.
func (p *Program) pay(ctx context.Context, tx *session.Tx, rewards []reward, used map[*payer]*tally) ([]Change, error) {
	l := p.ledger()
	rows := make([]Transaction, len(rewards))
	for i := range rewards {
		rows[i] = rewards[i].Transaction
	}
	if err := l.load(ctx, tx, rows...); err != nil {
		return nil, err
	}
	l.rows = make([]Transaction, 0, len(rewards))
	changes := make([]Change, 0, len(rewards))
	var last *payer // the rule that paid last; its rewards follow one another
	for i := range rewards {
		r := &rewards[i]
		err := l.post(ctx, tx, r.Transaction)
		if bound, crossed := errors.AsType[*BoundError](err); crossed {
			tx.Report(r.rule.source(), rewardField(r.place), bound.Error())
			r.State = Rejected
			err = l.turn("", r.Transaction)
		}
		if err != nil {
			return nil, err
		}
		if t := used[r.rule]; t != nil && r.State != Rejected && r.rule != last {
			last = r.rule
			t.Count++
			t.Last = mechanic.Mark{Seq: tx.Seq, EventID: r.GroupID}
			if err := tallies.Put(ctx, tx, *t); err != nil {
				return nil, err
			}
		}
		changes = append(changes, change(&r.Transaction))
	}
	return changes, l.save(ctx, tx)
}

// tally counts how often a rule paid a user in a period.
type tally struct {
	RuleID string `json:"rewardRuleId"`
	UserID string `json:"userId"`
	Period string `json:"periodId,omitempty"` // empty: for ever
	Count  int    `json:"count"`
	// Last is the event that was paid last.
	Last mechanic.Mark `json:"last,omitzero"`
}

var tallies = store.Define("reward_tallies", (*tally).key, nil)

func (t *tally) key() string { return t.UserID + "/" + t.RuleID + "/" + t.Period }

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

// move dates the transactions that an event made as the event, which turned out to have happened at
// another time, and the events of those that were completed then. Limits keep what they counted.
func move(ctx context.Context, tx *session.Tx, e *event.Event) ([]Change, error) {
	below, err := transactions.List(ctx, tx, store.Prefix(e.ID+":"))
	if err != nil {
		return nil, err
	}
	var changes []Change
	for i := range below {
		t := below[i]
		if t.GroupID != e.ID || t.ReversedTransactionID != "" {
			continue // it belongs to an event that this one caused, or is a later act
		}
		from := t.At
		t.At, t.UpdatedAt = e.At, tx.Now
		if err := transactions.Put(ctx, tx, t); err != nil {
			return nil, err
		}
		if t.State == Completed && t.RedeemedAt.IsZero() {
			moved := t.completion()
			moved.MovedFrom = from
			tx.Cause(moved)
		}
		changes = append(changes, change(&t))
	}
	return changes, nil
}
