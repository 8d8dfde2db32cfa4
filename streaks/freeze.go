package streaks

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// MaxFrozen is how many periods in a row can be frozen. It bounds what one event of a user who comes
// back after years can cost.
const MaxFrozen = 366

// freeze pays for the missed periods before a date, in their order, as long as it can. Each frozen
// period is saved and added to the fold.
func (t *turn) freeze(ctx context.Context, f *fold, to timeframe.Day, at time.Time) error {
	for {
		g, err := f.gap(to, at, t.tx.Zones)
		if err != nil || !g.missed() {
			return err
		}
		over, err := f.over(nil, t.tx.Zones)
		if err != nil {
			return err
		}
		if t.refusal, err = t.pay(ctx, f, g.first, over); err != nil || t.refusal != "" {
			return err
		}
		d := day{Day: g.first, Kind: Freeze, Over: over}
		if err := t.keep(ctx, d); err != nil {
			return err
		}
		awake := *f
		if _, err := f.add(d, t.tx.Zones); err != nil {
			return err
		}
		if f == &t.state.fold && awake.Frozen == 0 {
			t.state.Awake = &awake
		}
		c := t.changeAt(d.Day, Freeze, f.Iteration, f.Count)
		c.Status = Active
		t.add(c)
	}
}

// melt takes back the frozen periods at the end of the streak, and gives back what they cost.
func (t *turn) melt(ctx context.Context, at time.Time) error {
	if t.state.Awake == nil {
		return nil
	}
	cal, last := t.state.calendar(), t.state.Last.Day
	t.state.fold, t.state.Awake, t.changed = *t.state.Awake, nil, true
	var keys []string
	var periods []timeframe.Day
	for period := cal.Next(t.state.Last.Day); period <= last; period = cal.Next(period) {
		periods = append(periods, period)
		keys = append(keys, dayKey(t.state.UserID, t.state.RuleID, period))
	}
	t.changes = slices.DeleteFunc(t.changes, func(c Change) bool { return c.Kind == Freeze && slices.Contains(periods, c.Day) })
	if err := dayTable.Delete(ctx, t.tx, keys...); err != nil {
		return err
	}
	return t.giveBack(ctx, at, periods...)
}

// giveBack gives back what frozen periods cost that saved nothing.
func (t *turn) giveBack(ctx context.Context, at time.Time, periods ...timeframe.Day) error {
	if t.wallet == nil {
		return nil
	}
	charges := make([]string, len(periods))
	for i, period := range periods {
		charges[i] = t.chargeID(period)
	}
	return t.wallet.Refund(ctx, t.tx, at, charges...)
}

// chargeID returns the id of the charge for a period.
func (t *turn) chargeID(period timeframe.Day) string {
	return strings.Join([]string{"freeze", t.plan.ID, t.user.ID, period.String()}, ":")
}

// pay pays for a missed period, or returns why it is not frozen.
func (t *turn) pay(ctx context.Context, f *fold, period timeframe.Day, over time.Time) (Refusal, error) {
	refusal, err := t.policy.refuses(ctx, f, period, over)
	switch {
	case err != nil || refusal != "":
		return refusal, err
	case t.user.Status != tenancy.Active:
		return RefusedToUser, nil
	}
	vars := mechanic.Values{"user": t.user.Vars(), "streak": t.vars(f, period)}
	cost, ok := t.plan.cost.Of(t.tx, vars)
	switch {
	case !ok:
		return RefusedByCost, nil
	case cost.IsZero():
		return "", nil
	case t.wallet == nil:
		return RefusedByWallet, nil
	}
	paid, err := t.wallet.Charge(ctx, t.tx, mechanic.Charge{
		ID:     t.chargeID(period),
		UserID: t.user.ID, CurrencyID: t.plan.FreezeVirtualCurrencyID, Amount: cost, RuleID: t.plan.ID, RuleVersion: t.plan.Version, At: over,
	})
	if err == nil && !paid {
		refusal = RefusedByWallet
	}
	return refusal, err
}

// vars returns the streak as the price of a freeze sees it.
func (t *turn) vars(f *fold, period timeframe.Day) map[string]any {
	terms := f.termsOf(f.Start)
	return map[string]any{
		"streakRuleId": t.plan.ID, "streakConfigurationId": t.plan.configuration.ID,
		"cadence": string(terms.Cadence), "metric": string(terms.Metric),
		"count": f.Count, "longest": f.Longest, "iterationId": f.Iteration, "goalId": f.Goal, "frozen": f.Frozen,
		"lastContributingDay": f.Contributed.String(), "periodId": terms.Cadence.calendar().ID(period),
	}
}

// due returns when the period after the last may have been missed, or zero if it was judged. The clock is
// that of the user at present, or nil: then it may come too early.
func (t *turn) due(clock *time.Location) (time.Time, error) {
	if t.state.Last == nil || t.state.Lost {
		return time.Time{}, nil
	}
	over, err := t.state.over(clock, t.tx.Zones)
	if err != nil || t.plan.EndsAt != nil && over.After(*t.plan.EndsAt) {
		return time.Time{}, err
	}
	return over, nil
}

// Due returns when the clock judges one of a user's streaks next.
func (p *program) Due(ctx context.Context, tx *session.Tx, userID string) (at time.Time, kind, id string, err error) {
	states, err := stateTable.List(ctx, tx, store.Prefix(streakKey(userID, "")))
	for i := range states {
		if s := &states[i]; !s.CheckAt.IsZero() && (at.IsZero() || s.CheckAt.Before(at)) {
			at, id = s.CheckAt, s.RuleID
		}
	}
	return at, Rules.Name(), id, err
}

// Advance wakes at most limit users of whom a streak's next period is over: what the user missed is frozen, for
// one charge a period, or the streak is broken and is not judged again. Each is an event of the clock,
// which [program.React] answers. It returns whether more may be due. Only freezes need it; a streak that
// cannot be frozen is broken by the clock, and Advance tells of it.
func (p *program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	return mechanic.WakeDue(ctx, tx, stateTable, "due", limit, func(s *state) string { return s.UserID })
}

// judge settles one streak up to the moment of an event of the clock. What is over at a moment is over before anything
// else happens at it: who moves at midnight is judged by the clock of before, whether the clock was served or not.
func (p *program) judge(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	pl := p.byID[o.Event.EntityID]
	s, found, err := stateTable.Get(ctx, tx, streakKey(o.User.ID, o.Event.EntityID))
	if err != nil || !found {
		return nil, err
	}
	if pl == nil { // the rule rests, and judges nobody
		s.CheckAt = time.Time{}
		return nil, stateTable.Put(ctx, tx, s)
	}
	u, err := o.User.At(ctx, tx, o.Event.At.Add(-time.Microsecond))
	if err != nil {
		return nil, err
	}
	t, err := pl.turn(tx, u, p.wallet, s)
	if err != nil {
		return nil, err
	}
	at := pl.until(o.Event.At)
	to := timeframe.DayOf(at, t.clock)
	if err := t.freeze(ctx, &t.state.fold, to, at); err != nil {
		return nil, err
	}
	g, err := t.state.gap(to, at, tx.Zones)
	if err != nil {
		return nil, err
	}
	if t.state.Lost = g.missed(); t.state.Lost {
		if err := t.broke(ctx, at); err != nil {
			return nil, err
		}
	}
	t.changed = true
	return t.changes, t.save(ctx, t.clock)
}
