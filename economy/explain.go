package economy

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
)

// Explain tells how far an entry of the journal got with a rule: what React asked, in its order, and
// whether the rule paid something. The program is the one that was in force, tx.Now the moment at which
// the entry was recorded, and changes are those of its outcome.
func (p *Program) Explain(ctx context.Context, tx *session.Tx, cases []mechanic.Case, r *RewardRule, changes []Change) (mechanic.Verdict, error) {
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		x := explanation{Case: c, tx: tx, program: p, outcome: changes, v: mechanic.Verdict{Version: r.Version}}
		err := x.explain(ctx, r)
		return x.v, err
	})
}

// ExplainGone is [Program.Explain] for a rule that was not in force: what it had paid for an event moves with
// it nevertheless.
func (p *Program) ExplainGone(cases []mechanic.Case, ruleID string, changes []Change) (mechanic.Verdict, error) {
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		x := explanation{Case: c, outcome: changes}
		if !c.Event.MovedFrom.IsZero() && x.moved(ruleID) {
			x.askMoved(ruleID)
		} else {
			x.v.Unpublished()
		}
		return x.v, nil
	})
}

// explanation is how far one event got with a rule.
type explanation struct {
	*mechanic.Case
	tx      *session.Tx
	program *Program
	outcome []Change
	v       mechanic.Verdict
}

func (x *explanation) explain(ctx context.Context, r *RewardRule) error {
	switch {
	case !x.Event.MovedFrom.IsZero() && reacts(x.Event.Type):
		x.askMoved(r.ID)
		return nil
	case !x.v.Matches(matchFields, r.Matcher(), x.Event):
		return nil
	case !reacts(x.Event.Type): // a tag of it may match nevertheless
		x.v.Ask("ruleType", false, "events of type %s are not paid for", x.Event.Type)
		return nil
	case r.ApplicationMode == Disabled:
		x.v.Ask("applicationMode", false, "it is DISABLED")
		return nil
	}
	candidates := x.program.candidates(x.Occasion)
	used, err := usage(ctx, x.tx, x.Occasion, candidates)
	if err != nil {
		return err
	}
	x.askAll(candidates[slices.IndexFunc(candidates, func(c *payer) bool { return c.ID == r.ID })], candidates, used)
	return nil
}

// askAll asks what React asks of a rule whose matcher the event meets.
func (x *explanation) askAll(r *payer, candidates []*payer, used map[*payer]*tally) {
	paid := x.changes(r)
	x.v.Moved = slices.ContainsFunc(paid, func(c Change) bool { return c.State != Rejected })
	if x.askMode(r, candidates, used) && x.askLimit(r, used[r]) &&
		x.v.Condition(r.condition, x.Vars, x.tx.Now) && x.askRewards(r) {
		x.askBounds(r, paid)
	}
}

// changes returns the transactions that a rule made for the event.
func (x *explanation) changes(r *payer) []Change {
	var made []Change
	for i := range r.Rewards {
		id := rewardID(x.Event.ID, r.ID, i)
		for _, c := range x.outcome {
			if c.TransactionID == id {
				made = append(made, c)
			}
		}
	}
	return made
}

// moved tells whether something that the rule had paid for the event moved with it.
func (x *explanation) moved(ruleID string) bool {
	return slices.ContainsFunc(x.outcome, func(c Change) bool {
		return c.RewardRuleID == ruleID && c.State != Rejected && strings.HasPrefix(c.TransactionID, x.Event.ID+":"+ruleID+":")
	})
}

// askMoved asks whether the rule had paid for an event before it turned out to have happened at another
// time.
func (x *explanation) askMoved(ruleID string) {
	x.v.Moved = x.moved(ruleID)
	reason := "nothing that it paid moved with the event"
	if x.v.Moved {
		reason = "what it had paid moved with the event"
	}
	x.v.Ask("completedAt", x.v.Moved, "%s, which turned out to have happened at %s, not at %s",
		reason, mechanic.Stamp(x.Event.At), mechanic.Stamp(x.Event.MovedFrom))
}

// askMode asks whether the rule's mode lets it pay beside those that are met.
func (x *explanation) askMode(r *payer, candidates []*payer, used map[*payer]*tally) bool {
	if r.ApplicationMode == Always {
		return x.v.Ask("applicationMode", true, "it is ALWAYS")
	}
	met := resolve(candidates, func(c *payer) bool {
		return c.ApplicationMode == Always && !x.exhausted(c, used[c]) && c.condition.Holds(x.tx, x.Vars)
	})
	if len(met) > 0 {
		return x.v.Ask("applicationMode", false, "it is FALLBACK, and the event meets %s, which is ALWAYS", met[0].ID)
	}
	return x.v.Ask("applicationMode", true, "it is FALLBACK, and the event meets no rule that is ALWAYS")
}

// exhausted tells whether the rule had paid as often as it may when the event came.
func (x *explanation) exhausted(r *payer, now *tally) bool {
	switch {
	case !now.exhausted(r) || len(x.changes(r)) > 0:
		return false
	case x.Follows(now.Last):
		return true
	}
	// What was paid later is more than the limit of then, so a later one was higher. That the rule did
	// not pay, although its condition held, tells that the lower one was reached.
	return now.Count > r.MaxPerUser && r.condition.Holds(x.tx, x.Vars)
}

func (x *explanation) askLimit(r *payer, now *tally) bool {
	if r.MaxPerUser == 0 {
		return true
	}
	period := ""
	if r.Per != "" {
		period = " in " + now.Period
	}
	if x.exhausted(r, now) {
		return x.v.Ask("maxPerUser", false, "it had paid user %s as often as it may: %d%s", x.User.ID, r.MaxPerUser, period)
	}
	times := "once"
	if r.MaxPerUser > 1 {
		times = strconv.Itoa(r.MaxPerUser) + " times"
	}
	return x.v.Ask("maxPerUser", true, "it may pay user %s %s%s, and had paid less often", x.User.ID, times, period)
}

// askRewards asks whether there is anything to pay.
func (x *explanation) askRewards(r *payer) bool {
	if len(r.Rewards) == 1 {
		return x.v.Add(x.reward(r, 0))
	}
	all := rule.Check{Name: "rewards"}
	reasons := make([]string, len(r.Rewards))
	for i := range r.Rewards {
		one := x.reward(r, i)
		all.Holds = all.Holds || one.Holds
		reasons[i] = one.Name + ": " + one.Reason
	}
	all.Reason = strings.Join(reasons, "; ")
	return x.v.Add(all)
}

// reward asks whether there is an amount to pay, and a currency to pay it in.
func (x *explanation) reward(r *payer, i int) rule.Check {
	asked := r.amounts[i].Check(x.Vars, x.tx.Now)
	if currency := r.Rewards[i].CurrencyID; asked.Holds && !x.program.published(currency) {
		return rule.Check{Name: rewardField(i) + ".virtualCurrencyId", Reason: "the currency " + strconv.Quote(currency) + " is not published"}
	}
	return asked
}

// askBounds asks whether the user's balance could take what the rule pays.
func (x *explanation) askBounds(r *payer, paid []Change) {
	var rejected, booked []string
	for i, w := range r.Rewards {
		j := slices.IndexFunc(paid, func(c Change) bool { return c.TransactionID == rewardID(x.Event.ID, r.ID, i) })
		switch {
		case j < 0:
		case paid[j].State == Rejected:
			rejected = append(rejected, x.Problem(r.source(), rewardField(i)))
		default:
			booked = append(booked, paid[j].Amount.String()+" "+w.CurrencyID)
		}
	}
	if len(booked) == 0 {
		x.v.Ask("maxAllowedBalance", false, "rejected: %s", strings.Join(rejected, "; "))
		return
	}
	x.v.Ask("maxAllowedBalance", true, "paid %s", strings.Join(append(booked, rejected...), "; "))
}
