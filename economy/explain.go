package economy

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
)

// Explains tells whether documents of a kind are reward rules or boosts.
func (p *program) Explains(kind string) bool {
	return kind == RewardRules.Name() || kind == Boosts.Name()
}

// Moves tells whether a change is by a rule, or of what a boost has raised: a transaction that was not rejected.
func (p *program) Moves(c *Change, kind, id string) bool {
	is := c.RewardRuleID == id
	if kind == Boosts.Name() {
		is = slices.ContainsFunc(c.Boosts, func(b Boosted) bool { return b.BoostID == id })
	}
	return is && c.State != Rejected
}

// Explain asks of an occasion what React will ask of a rule or a boost, in its order.
func (p *program) Explain(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, kind, id string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	x := &explanation{Occasion: o, tx: tx, program: p, v: &mechanic.Verdict{}}
	if kind == Boosts.Name() {
		asked, err := x.boost(id)
		return x.v, asked, err
	}
	r := p.byID[id]
	if r == nil {
		x.v.Unpublished()
		return x.v, nil, nil
	}
	x.v.Version = r.Version
	switch {
	case !x.v.Matches(matchFields, r.Matcher(), o.Event):
		return x.v, nil, nil
	case !reacts(o.Event.Type): // a tag of it may match nevertheless
		x.v.Ask("ruleType", false, "events of type %s are not paid for", o.Event.Type)
		return x.v, nil, nil
	case o.Ends() && !r.condition.ReadsEnd(o.Event.Type):
		x.v.Ask("matchCondition", false, "something is over, which is for rules whose condition reads the status, the state or the direction")
		return x.v, nil, nil
	case o.Tells() != "" && !r.condition.Hears(o.Tells()):
		x.v.Unheard("matchCondition", o)
		return x.v, nil, nil
	case !r.meets(o):
		x.v.Ask("rewards", false, "it awards a badge, and a badge is not paid for with a badge")
		return x.v, nil, nil
	case r.ApplicationMode == Disabled:
		x.v.Ask("applicationMode", false, "it is DISABLED")
		return x.v, nil, nil
	}
	candidates := p.candidates(o)
	used, err := usage(ctx, tx, o, candidates)
	if err != nil {
		return nil, nil, err
	}
	if x.seen, err = count(ctx, tx, o, candidates, true); err != nil {
		return nil, nil, err
	}
	if x.funds, err = x.program.funds(ctx, tx, o, candidates); err != nil {
		return nil, nil, err
	}
	goesOn := false
	x.seen.with(x.Occasion, r, func() {
		goesOn = x.askAll(r, candidates, used)
		x.askReviews(r)
	})
	if !goesOn {
		return x.v, nil, nil
	}
	caps := make([]reward, len(r.Rewards))
	for i := range caps {
		caps[i].rule, caps[i].place, caps[i].fund, caps[i].times = r, i, x.funds.of(r, i), x.funds.of(r, itself)
	}
	if err := readSpent(ctx, tx, o, caps); err != nil {
		return nil, nil, err
	}
	return x.v, func(made *[]Change, problems []event.Problem) { x.askBounds(r, caps, *made, problems) }, nil
}

// explanation is how far one event got with a rule.
type explanation struct {
	*mechanic.Occasion
	tx      *session.Tx
	program *program
	v       *mechanic.Verdict
	seen    counted
	funds   funds
	held    []string // why the rewards are held for review, "" of those that are not
}

// askAll asks what React asks of a rule whose matcher the event meets, up to the bounds.
func (x *explanation) askAll(r *payer, candidates []*payer, used map[*payer]*tally) bool {
	return x.askMode(r, candidates, used) && x.askLimit(r, used[r]) && x.v.Condition(r.condition, x.Vars(), x.tx.Moment()) && x.askBudget(r) && x.askRewards(r)
}

// askMode asks whether the rule's mode lets it pay beside those that are met.
func (x *explanation) askMode(r *payer, candidates []*payer, used map[*payer]*tally) bool {
	if r.ApplicationMode == Always {
		return x.v.Ask("applicationMode", true, "it is ALWAYS")
	}
	met := resolve(candidates, func(c *payer) bool {
		return c.ApplicationMode == Always && !used[c].exhausted(c) && x.seen.meets(x.tx, x.Occasion, c, &c.condition) && x.funds.lets(c)
	})
	if len(met) > 0 {
		return x.v.Ask("applicationMode", false, "it is FALLBACK, and the event meets %s, which is ALWAYS", met[0].ID)
	}
	return x.v.Ask("applicationMode", true, "it is FALLBACK, and the event meets no rule that is ALWAYS")
}

func (x *explanation) askLimit(r *payer, now *tally) bool {
	if r.MaxPerUser == 0 {
		return true
	}
	period := ""
	if r.Per != "" {
		period = " in " + now.Period
	}
	if now.exhausted(r) {
		return x.v.Ask("maxPerUser", false, "it had paid user %s as often as it may: %d%s", x.User.ID, r.MaxPerUser, period)
	}
	times := "once"
	if r.MaxPerUser > 1 {
		times = strconv.Itoa(r.MaxPerUser) + " times"
	}
	return x.v.Ask("maxPerUser", true, "it may pay user %s %s%s, and had paid less often", x.User.ID, times, period)
}

// askBudget asks whether the budget of the rule lets it pay once more.
func (x *explanation) askBudget(r *payer) bool {
	f := x.funds.of(r, itself)
	switch {
	case f == nil:
		return true
	case !x.funds.lets(r):
		return x.v.Ask(fieldBudget, false, "it had paid as often as it may: %s", f.budget().within(f.now.Period))
	}
	return x.v.Ask(fieldBudget, true, "it may pay %s, and had paid less often", f.budget().within(f.now.Period))
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

// reward asks whether there is an amount to pay, and a currency to pay it in, or a thing.
func (x *explanation) reward(r *payer, i int) rule.Check {
	w := &r.Rewards[i]
	field, reason := x.program.out(w)
	asked := rule.Check{Name: rewardField(i) + "." + w.reference().Field, Holds: true, Reason: w.says()}
	if w.money() {
		asked = r.amounts[i].Check(x.Vars(), x.tx.Moment())
	}
	if asked.Holds && reason != "" {
		return rule.Check{Name: rewardField(i) + "." + field, Reason: reason}
	}
	return asked
}

// askBounds asks whether the caps let the rule pay and the user's balance could take it. What came of it is known.
func (x *explanation) askBounds(r *payer, caps []reward, made []Change, problems []event.Problem) {
	var rejected, booked []string
	name := "maxAllowedBalance"
	for i := range r.Rewards {
		w, spent := &r.Rewards[i], caps[i].spent
		if !w.money() {
			var want Change
			w.named(&want)
			if slices.ContainsFunc(made, func(c Change) bool {
				return c.RewardRuleID == r.ID && c.BadgeID == want.BadgeID && c.TagID == want.TagID && c.LadderID == want.LadderID && c.StepID == want.StepID
			}) {
				booked = append(booked, "the "+w.noun()+" "+w.reference().ID)
			} else if short := caps[i].times.says(); short != "" {
				name = fieldBudget
				rejected = append(rejected, "the "+w.noun()+" "+w.reference().ID+short)
			}
			continue
		}
		j := slices.IndexFunc(made, func(c Change) bool { return c.TransactionID == rewardID(x.Event.ID, r.ID, i) })
		if j < 0 {
			continue
		}
		paid := made[j].Amount.String() + " " + w.CurrencyID + raised(made[j].BaseAmount, made[j].Boosts)
		if at := made[j].LapsesAt; !at.IsZero() {
			paid += ", which lapses on " + at.Format(time.RFC3339)
		}
		if made[j].HeldForReview {
			paid += ", held for review" + x.held[i]
		}
		reason := mechanic.ProblemIn(problems, r.source(), rewardField(i))
		short := cmp.Or(caps[i].fund.says(), caps[i].times.says())
		if made[j].State != Rejected {
			paid += short
		}
		switch {
		case made[j].State == Rejected && reason == "" && short != "":
			name = fieldBudget
			rejected = append(rejected, paid+short)
		case made[j].State != Rejected && spent != nil:
			booked = append(booked, paid+", and had paid user "+x.User.ID+" "+spent.of(w))
		case made[j].State != Rejected:
			booked = append(booked, paid)
		case reason == "" && spent != nil:
			name = fieldCap
			rejected = append(rejected, paid+", as it had paid user "+x.User.ID+" "+spent.of(w))
		default:
			rejected = append(rejected, reason)
		}
		if spent != nil && made[j].State != Rejected { // the next may share the cap
			if n, err := amount.Micros("amount", made[j].Amount); err == nil {
				spent.Micros += n
			}
		}
	}
	if len(booked) == 0 {
		x.v.Ask(name, false, "rejected: %s", strings.Join(rejected, "; "))
		return
	}
	x.v.Ask(name, true, "paid %s", strings.Join(append(booked, rejected...), "; "))
}

// askReviews notes why rewards are held for review.
func (x *explanation) askReviews(r *payer) {
	x.held = make([]string, len(r.Rewards))
	for i := range r.reviews {
		if !r.reviews[i].Given() {
			continue
		}
		if asked := r.reviews[i].Check(x.Vars(), x.tx.Moment()); asked.Holds {
			x.held[i] = ": " + asked.Name + ": " + asked.Reason
		}
	}
}

// boost asks what is asked of a boost before the rules that pay are known, and returns what asks for those.
func (x *explanation) boost(id string) (func(*[]Change, []event.Problem), error) {
	i := slices.IndexFunc(x.program.boosters, func(b *booster) bool { return b.ID == id })
	if i < 0 {
		x.v.Unpublished()
		return nil, nil
	}
	b := x.program.boosters[i]
	x.v.Version = b.Version
	if b.Timeframe != nil {
		_, on, err := b.within(x.tx, x.User, x.Event.At)
		if err != nil {
			return nil, err
		}
		why := "it happened within"
		if !on {
			why = "it happened outside"
		}
		if !x.v.Ask(fieldFrame, on, "%s the time of the boost", why) {
			return nil, nil
		}
	}
	if !x.v.Condition(b.condition, x.Vars(), x.tx.Moment()) {
		return nil, nil
	}
	return func(made *[]Change, _ []event.Problem) { x.askRaised(b, *made) }, nil
}

// askRaised asks what the rules of a boost have paid for the event, and how much of that is the boost's.
func (x *explanation) askRaised(b *booster, made []Change) {
	var paid, raised []string
	for i := range made {
		c := &made[i]
		r := x.program.byID[c.RewardRuleID]
		if c.TransactionID == "" || r == nil || !b.RewardRules.Has(r.ID) || !strings.HasPrefix(c.TransactionID, x.Event.ID+":"+r.ID+":") {
			continue
		}
		if b.CurrencyID != "" && b.CurrencyID != c.CurrencyID {
			continue
		}
		what := c.Amount.String() + " " + c.CurrencyID + " by " + r.ID
		j := slices.IndexFunc(c.Boosts, func(by Boosted) bool { return by.BoostID == b.ID })
		switch {
		case c.State == Rejected:
			paid = append(paid, what+", which was rejected")
		case j < 0:
			paid = append(paid, what+", to which it adds nothing beside the others")
		default:
			was := c.BaseAmount
			for _, by := range c.Boosts {
				was = was.Add(by.Amount)
			}
			if !was.Equal(c.Amount) {
				what = was.String() + " " + c.CurrencyID + ", of which " + r.ID + " pays " + c.Amount.String()
			}
			raised = append(raised, c.Boosts[j].Amount.String()+" of "+what)
		}
	}
	switch {
	case len(raised) > 0:
		x.v.Ask("rewardRulesPool", true, "raised %s", strings.Join(append(raised, paid...), "; "))
	case len(paid) > 0:
		x.v.Ask("rewardRulesPool", false, "raised nothing of %s", strings.Join(paid, "; "))
	default:
		x.v.Ask("rewardRulesPool", false, "no rule whose amounts it raises has paid for the event")
	}
}
