package economy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Budget is the most that is paid to all users together. Who is paid of it is decided in the order in which events are recorded, whenever they
// happened: what there was for an event stays so, also if others come that happened before. What follows no longer is there again, for those who come then; what is reversed, voided or expires is not.
type Budget struct {
	// Max is more than 0: of a rule, how often it pays, a whole number; of a reward, how much, in its currency. A rule is not published with less than was
	// paid already.
	Max decimal.Decimal `json:"max"`
	// Per makes it one for each DAY, WEEK, MONTH or YEAR in which something happened; empty means for ever.
	Per timeframe.Calendar `json:"per,omitempty"`
	// Timezone is the IANA name of the zone in which the periods begin; empty means UTC.
	Timezone string `json:"timezone,omitempty"`
}

// The fields of a budget.
const (
	fieldBudget = "budget"
	fieldMax    = "max"
	fieldZone   = "timezone"
)

func (b *Budget) check() error {
	if b == nil {
		return nil
	}
	faults := []error{amount.CheckPositive(fieldMax, b.Max)}
	switch {
	case b.Per != "" && !b.Per.Valid():
		faults = append(faults, fault.Invalid(fieldCapPer, "%q is none of DAY, WEEK, MONTH, YEAR", b.Per))
	case b.Timezone != "" && b.Per == "":
		faults = append(faults, fault.Invalid(fieldZone, "needs %s", fieldCapPer))
	case b.Timezone != "":
		if err := timeframe.CheckZone(b.Timezone); err != nil {
			faults = append(faults, fault.Invalid(fieldZone, "%v", err))
		}
	}
	return fault.In(fieldBudget, errors.Join(faults...))
}

// checkTimes is check of the budget of a rule.
func (b *Budget) checkTimes() error {
	if b != nil && !b.Max.IsInteger() {
		return fault.Invalid(fieldBudget+"."+fieldMax, "is %s; a rule pays whole times", amount.Show(b.Max))
	}
	return b.check()
}

// period returns the name of the budget's period at a moment, "" if it is for ever.
func (b *Budget) period(zones *timeframe.Zones, at time.Time) (string, error) {
	if b.Per == "" {
		return "", nil
	}
	zone := time.UTC
	if b.Timezone != "" {
		var err error
		if zone, err = zones.Load(b.Timezone); err != nil {
			return "", err
		}
	}
	return b.Per.ID(timeframe.DayOf(at, zone)), nil
}

// within says what the budget is in a period.
func (b *Budget) within(period string) string {
	return "at most " + b.Max.String() + " in all" + during(period)
}

// during names a period, "" if it is for ever.
func during(period string) string {
	if period == "" {
		return ""
	}
	return " in " + strings.TrimPrefix(period, capped)
}

// drawn is what was paid of a budget in a period. It is a sum: what a step has added to it is taken back with the step, whatever others
// have added since.
type drawn struct {
	RuleID     string `json:"rewardRuleId"`
	CurrencyID string `json:"virtualCurrencyId,omitempty"` // empty: how often the rule paid
	Period     string `json:"periodId,omitempty"`          // empty: for ever
	Micros     int64  `json:"micros"`                      // of an amount, or of times
}

var budgets = store.Define("reward_budgets", (*drawn).key, nil).Packed()

func (d *drawn) key() string { return d.RuleID + ":" + d.CurrencyID + "/" + d.Period }

// sum returns what was paid, which may be nil, after the change that made one of it another.
func (d *drawn) sum(from, to *drawn) drawn {
	var out drawn
	for _, one := range []struct {
		of   *drawn
		sign int64
	}{{d, 1}, {from, -1}, {to, 1}} {
		if one.of != nil {
			out.RuleID, out.CurrencyID, out.Period = one.of.RuleID, one.of.CurrencyID, one.of.Period
			out.Micros += one.sign * one.of.Micros
		}
	}
	return out
}

// over tells whether no fold is taken back to the period of the sum.
func (d *drawn) over(before time.Time) bool { return periodOver(d.Period, before) }

// shortfall is how much there was of a budget for an event that was to have more. It stays so when the fold comes to the event again, however much there is
// then. It is a row of no fold.
type shortfall struct {
	ID     string    `json:"id"` // what drawing was about: a transaction, or the rule of an event
	UserID string    `json:"userId"`
	Period string    `json:"periodId,omitempty"`
	Micros int64     `json:"micros"`
	At     time.Time `json:"at"`  // when the event happened
	Seq    int64     `json:"seq"` // of the entry since which it is known
}

var shortfalls = store.Define("reward_shortfalls", (*shortfall).key, nil).Packed()

func (s *shortfall) key() string { return shortfallKey(s.UserID, s.ID) }

func shortfallKey(userID, id string) string { return userID + "/" + id }

// over tells whether no fold is taken back behind the event.
func (s *shortfall) over(before time.Time) bool { return s.At.Before(before) }

// once is that a rule pays, in a sum of times.
const once = 1_000_000

// budgeted is what of a rule has a budget: the rule itself, or one of its rewards.
type budgeted struct {
	rule  *payer
	place int
}

// itself is the place of a budget of the rule.
const itself = -1

// budget returns the budget, nil if there is none.
func (b budgeted) budget() *Budget {
	if b.place == itself {
		return b.rule.Budget
	}
	return b.rule.Rewards[b.place].Budget
}

// id returns the id of what an event draws.
func (b budgeted) id(eventID string) string {
	if b.place == itself {
		return eventID + ":" + b.rule.ID
	}
	return rewardID(eventID, b.rule.ID, b.place)
}

// sum returns the sum that an event belongs to, empty.
func (b budgeted) sum(zones *timeframe.Zones, at time.Time) (drawn, error) {
	d := drawn{RuleID: b.rule.ID}
	if b.place != itself {
		d.CurrencyID = b.rule.Rewards[b.place].CurrencyID
	}
	var err error
	d.Period, err = b.budget().period(zones, at)
	return d, err
}

// paid returns what was paid of the budget in the period of a moment.
func (b budgeted) paid(ctx context.Context, tx *session.Tx, at time.Time) (drawn, error) {
	sum, err := b.sum(tx.Zones, at)
	if err != nil {
		return drawn{}, err
	}
	found, there, err := budgets.Get(ctx, tx, sum.key())
	if there {
		sum = found
	}
	return sum, err
}

// field names where the rule has the budget.
func (b budgeted) field() string {
	if b.place == itself {
		return fieldBudget
	}
	return rewardField(b.place) + "." + fieldBudget
}

// budgets returns what of the rule has a budget.
func (c *payer) budgets() (all []budgeted) {
	for place := itself; place < len(c.Rewards); place++ {
		if b := (budgeted{c, place}); b.budget() != nil {
			all = append(all, b)
		}
	}
	return all
}

// A fund is a budget as an event finds it.
type fund struct {
	budgeted
	on    *mechanic.Occasion
	drawn *drawn // which funds of one rule may share
	// short is what there was for the event, nil if there was enough; missed says that it turned out only now.
	short  *shortfall
	missed bool
}

// left returns what there is for the event.
func (f *fund) left() int64 {
	most, _ := amount.Micros(fieldMax, f.budget().Max) // was checked
	left := max(0, most-f.drawn.Micros)
	if f.short != nil {
		left = min(left, f.short.Micros)
	}
	return left
}

// covers tells whether there is so much, and keeps in mind how much there is if that is less.
func (f *fund) covers(n int64) bool {
	left := f.left()
	if n <= left {
		return true
	}
	if f.short == nil {
		f.short, f.missed = &shortfall{f.id(f.on.Event.ID), f.on.User.ID, f.drawn.Period, left, f.on.Event.At, 0}, true
	}
	return false
}

// draw pays of a budget.
func (f *fund) draw(ctx context.Context, tx *session.Tx, n int64) error {
	if f == nil {
		return nil
	}
	f.drawn.Micros += n
	return budgets.Put(ctx, tx, *f.drawn)
}

// says says what there was for an event that was to have more, "" if there was enough.
func (f *fund) says() string {
	if f == nil || f.short == nil {
		return ""
	}
	return ", as there was " + amount.FromMicros(f.short.Micros).String() + " left of " + f.budget().within(f.short.Period)
}

// funds are what the budgets of rules are for an event, nil if none has one.
type funds map[budgeted]*fund

// findFunds reads the budgets of the rules that may pay for an event.
func findFunds(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, candidates []*payer) (funds, error) {
	var all funds
	for _, r := range candidates {
		known := map[string]*drawn{}
		for _, b := range r.budgets() {
			sum, err := b.paid(ctx, tx, o.Event.At)
			if err != nil {
				return nil, err
			}
			if known[sum.key()] == nil {
				known[sum.key()] = &sum
			}
			f := &fund{budgeted: b, on: o, drawn: known[sum.key()]}
			s, there, err := shortfalls.Get(ctx, tx, shortfallKey(o.User.ID, b.id(o.Event.ID)))
			if err != nil {
				return nil, err
			}
			if there && s.Period == sum.Period {
				f.short = &s
			}
			if all == nil {
				all = funds{}
			}
			all[b] = f
		}
	}
	return all, nil
}

// lets tells whether the budget of a rule lets it pay once more.
func (fs funds) lets(r *payer) bool {
	f := fs[budgeted{r, itself}]
	return f == nil || f.covers(once)
}

// keep notes what there was for an event that was to have more.
func (fs funds) keep(ctx context.Context, tx *session.Tx) error {
	var all []shortfall
	for _, f := range fs {
		if f.missed {
			f.short.Seq = tx.Entry()
			all = append(all, *f.short)
		}
	}
	slices.SortFunc(all, func(a, b shortfall) int { return strings.Compare(a.ID, b.ID) })
	return shortfalls.Put(ctx, tx, all...)
}

// fundReads names what [findFunds] reads for an event.
func (c *payer) fundReads(tx *session.Tx, o *mechanic.Occasion) (sums, short []string) {
	for _, b := range c.budgets() {
		if sum, err := b.sum(tx.Zones, o.Event.At); err == nil { // otherwise React says what is wrong
			sums, short = append(sums, sum.key()), append(short, shortfallKey(o.User.ID, b.id(o.Event.ID)))
		}
	}
	return sums, short
}

// Binds refuses budgets that are less than what was paid of them already: ever, or in the present period.
func (r *RewardRule) Binds(ctx context.Context, tx *session.Tx) error {
	var faults []error
	c := &payer{RewardRule: r}
	for _, b := range c.budgets() {
		sum, err := b.paid(ctx, tx, tx.Now)
		if err != nil {
			return err
		}
		if n := amount.FromMicros(sum.Micros); n.GreaterThan(b.budget().Max) {
			faults = append(faults, fault.Conflict(b.field()+"."+fieldMax, "is %s, and %s was paid already%s", b.budget().Max, n, during(sum.Period)))
		}
	}
	return errors.Join(faults...)
}

// Rewind lets what the user was paid and refused of budgets be what it was before the entries behind the one that is being made once more. As far as nothing is known
// to have been missing there was enough, whatever others have drawn since.
func (p *program) Rewind(ctx context.Context, tx *session.Tx, u *tenancy.User) error {
	if !p.budgets {
		return nil
	}
	sums, err := budgets.List(ctx, tx, store.Query{})
	if err != nil {
		return err
	}
	keys := make([]string, len(sums))
	for i := range sums {
		keys[i] = sums[i].key()
	}
	short, err := shortfalls.List(ctx, tx, store.Prefix(shortfallKey(u.ID, "")))
	if err != nil {
		return err
	}
	var later []string
	for i := range short {
		if short[i].Seq > tx.Seq {
			later = append(later, short[i].key())
		}
	}
	return errors.Join(budgets.Delete(ctx, tx, keys...), shortfalls.Delete(ctx, tx, later...))
}

// A BudgetState is what has become of a budget of a rule.
type BudgetState struct {
	// Field is where the rule has the budget: "budget", or "rewards[0].budget".
	Field string `json:"field"`
	// CurrencyID is the currency of a reward's; it is empty of the rule's own, of which the amounts are times.
	CurrencyID string `json:"virtualCurrencyId,omitempty"`
	// PeriodID names the present period, such as "2026-03-31", "2026-W14", "2026-03" or "2026"; it is empty if the budget is for ever.
	PeriodID string `json:"periodId,omitempty"`
	// Max is the most that is paid, Paid what was, and Left what there is: not less than 0.
	Max  decimal.Decimal `json:"max"`
	Paid decimal.Decimal `json:"paid"`
	Left decimal.Decimal `json:"left"`
}

// Budgets returns what has become of the budgets of a reward rule in the present periods: that of the rule, then those of its rewards. It is empty of a rule without any. It
// returns [fault.ErrNotFound] for a rule that is not published.
func (s Service) Budgets(ctx context.Context, rewardRuleID string) ([]BudgetState, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]BudgetState, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		r := p.byID[rewardRuleID]
		if r == nil {
			return nil, fault.NotFound("rewardRule", rewardRuleID)
		}
		var states []BudgetState
		for _, b := range r.budgets() {
			sum, err := b.paid(ctx, tx, tx.Now)
			if err != nil {
				return nil, err
			}
			most, paid := b.budget().Max, amount.FromMicros(sum.Micros)
			states = append(states, BudgetState{
				Field: b.field(), CurrencyID: sum.CurrencyID, PeriodID: sum.Period, Max: most, Paid: paid, Left: decimal.Max(decimal.Decimal{}, most.Sub(paid)),
			})
		}
		return states, nil
	})
}
