package streaks

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Wallet is where users pay for frozen periods.
type Wallet interface {
	// Charge takes an amount from a user, once for each id, and tells whether it could. What it could
	// not do leaves no trace but problems.
	Charge(ctx context.Context, tx *session.Tx, c Charge) (paid bool, err error)
}

// A Charge is the price of one frozen period.
type Charge struct {
	// ID is derived from the rule, the user and the period.
	ID         string
	UserID     string
	CurrencyID string
	Amount     decimal.Decimal // more than 0
	// RuleID and RuleVersion are those of the streak's rule, which asks for it.
	RuleID      string
	RuleVersion int
	// At is when the period was over.
	At time.Time
}

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
		paid, err := t.pay(ctx, f, g.first, over)
		if err != nil || !paid {
			return err
		}
		d, err := t.frozen(ctx, g.first, over)
		if err != nil {
			return err
		}
		if _, err := f.add(d, t.tx.Zones); err != nil {
			return err
		}
		c := t.changeAt(d.Day, Freeze, f.Iteration, f.Count)
		c.Status = Active
		t.changes = append(t.changes, c)
	}
}

// frozen saves a frozen period.
func (t *turn) frozen(ctx context.Context, period timeframe.Day, over time.Time) (day, error) {
	before, err := t.remembered(ctx, period)
	if err != nil {
		return day{}, err
	}
	d := day{Day: period, Kind: Freeze, Over: over, Told: before.Told}
	return d, t.keep(ctx, d)
}

// pay tells whether a missed period is paid for.
func (t *turn) pay(ctx context.Context, f *fold, period timeframe.Day, over time.Time) (bool, error) {
	if !t.plan.Freezes() || f.Frozen >= MaxFrozen {
		return false, nil
	}
	vars := map[string]any{"user": t.user.Vars(), "streak": t.vars(f, period)}
	cost, ok := t.plan.cost.Of(t.tx, vars)
	switch {
	case !ok:
		return false, nil
	case cost.IsZero():
		return true, nil
	case t.wallet == nil:
		return false, nil
	}
	return t.wallet.Charge(ctx, t.tx, Charge{
		ID:     strings.Join([]string{"freeze", t.plan.ID, t.user.ID, period.String()}, ":"),
		UserID: t.user.ID, CurrencyID: t.plan.FreezeVirtualCurrencyID, Amount: cost, RuleID: t.plan.ID, RuleVersion: t.plan.Version, At: over,
	})
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

// Advance judges at most limit streaks whose next period is over: what the user missed is frozen, for
// one charge a period, or the streak is broken and is not judged again. Each is an event of the clock,
// which [Program.React] answers. It returns whether more may be due. Only freezes need it; a streak that
// cannot be frozen is broken by the clock, and Advance tells of it.
func (p *Program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	due := store.By("due").Between(store.Value{}, store.After(tx.Now))
	states, err := stateTable.List(ctx, tx, due.First(limit))
	if err != nil {
		return false, err
	}
	for _, s := range states {
		user, err := tenancy.FindUser(ctx, tx, s.UserID)
		if err != nil && !errors.Is(err, fault.ErrNotFound) {
			return false, err
		}
		if p.byID[s.RuleID] == nil || user == nil || user.Status != tenancy.Active { // nobody is there to pay
			s.CheckAt = time.Time{}
			err = stateTable.Put(ctx, tx, s)
		} else {
			err = mechanic.Tick(ctx, tx, Rules.Name(), s.RuleID, s.UserID, tx.Now)
		}
		if err != nil {
			return false, err
		}
	}
	return len(states) == limit, nil
}

// judge settles one streak up to now.
func (p *Program) judge(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, wallet Wallet) ([]Change, error) {
	pl := p.byID[o.Event.EntityID]
	s, found, err := stateTable.Get(ctx, tx, streakKey(o.User.ID, o.Event.EntityID))
	if err != nil || !found || pl == nil {
		return nil, err
	}
	t, err := pl.turn(tx, o.User, wallet, s)
	if err != nil {
		return nil, err
	}
	at := pl.until(tx.Now)
	to := timeframe.DayOf(at, t.clock)
	if err := t.freeze(ctx, &t.state.fold, to, at); err != nil {
		return nil, err
	}
	g, err := t.state.gap(to, at, tx.Zones)
	if err != nil {
		return nil, err
	}
	if t.state.Lost = g.missed(); t.state.Lost {
		t.broke(g)
	}
	t.changed = true
	return t.changes, t.save(ctx, t.clock)
}
