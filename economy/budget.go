package economy

import (
	"context"
	"errors"
	"slices"
	"strconv"
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

// A Budget is the most that is paid to all users together, since it is in force. Who is paid of it is decided in the order in which events are recorded, whenever they
// happened: what an event has drawn, or what there was for it if that was less, stays with it, also if others come that happened before. What follows no longer is there again, for those who
// come then, also if a badge is kept nevertheless; what is reversed, voided or expires is not. As all that is said of rules, a budget is that of the version by which an event is judged: one that
// was recorded before is judged by the version that was in force then, also if it is put right since.
type Budget struct {
	// Max is more than 0: of a rule, how often it pays, a whole number; of a reward, how much, in its currency. A rule is not published with less than was
	// paid of the budget already, in the present period.
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

// drawn is what was paid of a budget in a period. Like what each event has drawn it is a row of no fold: it depends on what came first.
type drawn struct {
	RuleID     string `json:"rewardRuleId"`
	CurrencyID string `json:"virtualCurrencyId,omitempty"` // empty: how often the rule paid
	Period     string `json:"periodId,omitempty"`          // empty: for ever
	Micros     int64  `json:"micros"`                      // of an amount, or of times
}

var budgets = store.Define("reward_budgets", (*drawn).key, nil).Packed()

func (d *drawn) key() string { return d.RuleID + ":" + d.CurrencyID + "/" + d.Period }

// over tells whether no fold is taken back to the period of the sum.
func (d *drawn) over(before time.Time) bool { return periodOver(d.Period, before) }

// allotment is what an event has drawn of a budget.
type allotment struct {
	UserID  string `json:"userId"`
	EventID string `json:"eventId"`
	RuleID  string `json:"rewardRuleId"`
	Place   int    `json:"place"` // of the reward, or itself
	// CurrencyID and Period are those of the sum.
	CurrencyID string `json:"virtualCurrencyId,omitempty"`
	Period     string `json:"periodId,omitempty"`
	Micros     int64  `json:"micros,omitempty"`
	// Let says that the budget of the rule has let it pay, whatever came of its rewards.
	Let bool `json:"let,omitempty"`
	// Short says that there was less than was wanted, and Had how much: it has no more whatever there is later. It is known since the entry of Seq.
	Short bool      `json:"short,omitempty"`
	Had   int64     `json:"had,omitempty"`
	Seq   int64     `json:"seq,omitempty"`
	At    time.Time `json:"at"` // when the event happened
	// Moved says that it was another user's who is this one since, of whom the event has not been judged yet.
	Moved bool `json:"moved,omitempty"`
	// Open says that the event has been judged anew and drew something else than before: it is to be looked at what was paid once all has been judged, as
	// somebody may have decided about it.
	Open bool `json:"open,omitempty"`
}

var allotments = store.Define("reward_allotments", (*allotment).key, nil).Packed().Version(6)

func (a *allotment) key() string {
	return allotmentsOf(a.UserID, a.EventID) + a.RuleID + ":" + strconv.Itoa(a.Place) + "/" + a.Period
}

// allotmentsOf returns the beginning of the keys of what an event has drawn, and of what those have that follow from it.
func allotmentsOf(userID, eventID string) string { return userID + "/" + eventID + ":" }

// over tells whether no fold is taken back behind the event.
func (a *allotment) over(before time.Time) bool { return a.At.Before(before) }

// sum returns the sum that the allotment is a part of, empty.
func (a *allotment) sum() drawn { return drawn{a.RuleID, a.CurrencyID, a.Period, 0} }

// allotted returns what an event has drawn.
func allotted(ctx context.Context, tx *session.Tx, userID, eventID string) ([]allotment, error) {
	all, err := allotments.List(ctx, tx, store.Prefix(allotmentsOf(userID, eventID)))
	return slices.DeleteFunc(all, func(a allotment) bool { return a.EventID != eventID }), err
}

// settle lets what an event has drawn be what was paid for it.
func (a allotment) settle(ctx context.Context, tx *session.Tx) error {
	paid, err := a.paid(ctx, tx)
	if err != nil {
		return err
	}
	return a.become(ctx, tx, paid)
}

// become lets what an event has drawn be so much.
func (a allotment) become(ctx context.Context, tx *session.Tx, n int64) error {
	sum := a.sum()
	found, there, err := budgets.Get(ctx, tx, sum.key())
	if err != nil {
		return err
	}
	if !there {
		found = sum
	}
	if n != a.Micros {
		found.Micros += n - a.Micros
		if err := budgets.Put(ctx, tx, found); err != nil {
			return err
		}
	}
	if a.Micros, a.Let, a.Moved, a.Open = n, a.Let && n > 0, false, false; n > 0 || a.Short {
		return allotments.Put(ctx, tx, a)
	}
	return allotments.Delete(ctx, tx, a.key())
}

// once is that a rule pays, in a sum of times.
const once = 1_000_000

// itself is the place of a budget of the rule.
const itself = -1

// budgeted is what of a rule has a budget: the rule itself, or one of its rewards.
type budgeted struct {
	rule  *payer
	place int
}

// budget returns the budget, nil if there is none.
func (b budgeted) budget() *Budget {
	if b.place == itself {
		return b.rule.Budget
	}
	return b.rule.Rewards[b.place].Budget
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

// checkBudgets refuses budgets of one sum that differ.
func (r *RewardRule) checkBudgets() error {
	var faults []error
	for i := range r.Rewards {
		w := &r.Rewards[i]
		first := slices.IndexFunc(r.Rewards, func(o Reward) bool { return o.Budget != nil && o.CurrencyID == w.CurrencyID })
		if w.Budget == nil || first == i {
			continue
		}
		if o := r.Rewards[first].Budget; !o.Max.Equal(w.Budget.Max) || o.Per != w.Budget.Per || o.Timezone != w.Budget.Timezone {
			faults = append(faults, fault.Invalid(rewardField(i)+"."+fieldBudget, "is another than that of %s, which is in the same currency: they share it", rewardField(first)))
		}
	}
	return errors.Join(faults...)
}

// A fund is a budget as an event finds it.
type fund struct {
	budgeted
	sum   *drawn // funds of one rule may share it
	had   allotment
	held  int64 // how much of what it had is in the sum
	known bool  // it is kept
	now   allotment
}

// left returns what there is for the event: not less than it had drawn.
func (f *fund) left() int64 {
	most, _ := amount.Micros(fieldMax, f.budget().Max) // was checked
	left := max(most-f.sum.Micros+f.held, f.had.Micros, 0)
	if f.now.Short {
		left = min(left, f.now.Had)
	}
	return left
}

// covers tells whether there is so much, and keeps in mind how much there is if that is less.
func (f *fund) covers(n int64) bool {
	left := f.left()
	if n <= left {
		return true
	}
	if !f.now.Short {
		f.now.Short, f.now.Had = true, left
	}
	return false
}

// draw pays of a budget, instead of what the event had.
func (f *fund) draw(n int64) {
	if f != nil {
		f.now.Micros += n
		f.sum.Micros += n - f.held
		f.held = 0
	}
}

// says says what there was for an event that was to have more, "" if there was enough.
func (f *fund) says() string {
	if f == nil || !f.now.Short {
		return ""
	}
	return ", as there was " + amount.FromMicros(f.now.Had).String() + " left of " + f.budget().within(f.now.Period)
}

// funds are what the budgets of rules are for an event; the zero value is of rules that have none.
type funds struct {
	all  []*fund
	sums []*drawn // as they are kept, and by the same places as they become
	now  []*drawn
	gone []allotment // of other rules, or other periods
}

// funds reads the budgets of the rules that may pay for an event.
func (p *program) funds(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, candidates []*payer) (fs funds, err error) {
	has := func(r *payer) bool { return len(r.budgets()) > 0 }
	if !p.budgets || !reacts(o.Event.Type) || !tx.Anew && !tx.Replaying && !slices.ContainsFunc(candidates, has) {
		return funds{}, nil
	}
	known, err := allotted(ctx, tx, o.User.ID, o.Event.ID)
	if err != nil {
		return funds{}, err
	}
	for _, r := range candidates {
		for _, b := range r.budgets() {
			sum, err := b.paid(ctx, tx, o.Event.At)
			if err != nil {
				return funds{}, err
			}
			at := slices.IndexFunc(fs.sums, func(d *drawn) bool { return d.key() == sum.key() })
			if at < 0 {
				at = len(fs.sums)
				fs.sums, fs.now = append(fs.sums, &sum), append(fs.now, new(sum))
			}
			f := &fund{budgeted: b, sum: fs.now[at]}
			f.had = allotment{UserID: o.User.ID, EventID: o.Event.ID, RuleID: r.ID, Place: b.place, CurrencyID: sum.CurrencyID, Period: sum.Period, At: o.Event.At}
			for i := range known {
				if known[i].key() == f.had.key() {
					f.had, f.known = known[i], true
				}
			}
			f.held, f.now = f.had.Micros, f.had
			f.now.Micros, f.now.Let, f.now.At, f.now.Moved, f.now.Open = 0, false, o.Event.At, false, false
			fs.all = append(fs.all, f)
		}
	}
	for i := range known {
		if a := &known[i]; !slices.ContainsFunc(fs.all, func(f *fund) bool { return f.had.key() == a.key() }) {
			fs.gone = append(fs.gone, *a)
		}
	}
	return fs, nil
}

// of returns the budget of a rule, or of one of its rewards; nil if there is none.
func (fs *funds) of(r *payer, place int) *fund {
	for _, f := range fs.all {
		if f.budgeted == (budgeted{r, place}) {
			return f
		}
	}
	return nil
}

// leave gives back what the event had of budgets of which no reward is.
func (fs *funds) leave(rewards []reward) {
	for _, f := range fs.all {
		if f.place != itself && !slices.ContainsFunc(rewards, func(r reward) bool { return r.fund == f }) {
			f.draw(0)
		}
	}
}

// lets tells whether the budget of a rule lets it pay once more. What it has let for the event it lets again, however often the rule has paid since, so that no
// other rule pays instead: that there is nothing left is then what its rewards are refused for.
func (fs *funds) lets(r *payer) bool {
	f := fs.of(r, itself)
	if f == nil {
		return true
	}
	f.now.Let = f.had.Let || f.covers(once)
	return f.now.Let
}

// lasts tells whether what a rule was let is still there.
func (f *fund) lasts() bool { return f == nil || f.now.Micros > 0 || f.covers(once) }

// keep notes what the event has drawn, and what there was.
func (fs *funds) keep(ctx context.Context, tx *session.Tx) error {
	for _, f := range fs.all {
		f.draw(0)
		less := max(f.had.Micros-f.now.Micros, 0)
		f.now.Micros, f.sum.Micros = f.now.Micros+less, f.sum.Micros+less
		f.now.Open = less > 0 || f.known && f.place != itself && f.now.Micros > f.had.Micros // all is being judged anew then, and Amend follows
	}
	for i, sum := range fs.sums {
		if fs.now[i].Micros != sum.Micros {
			if err := budgets.Put(ctx, tx, *fs.now[i]); err != nil {
				return err
			}
		}
	}
	for _, f := range fs.all {
		if f.now.Short && !f.had.Short {
			f.now.Seq = tx.Entry()
		}
		var err error
		switch kept := f.now.Short || f.now.Let || f.now.Micros != 0; {
		case kept && (!f.known || f.now != f.had):
			err = allotments.Put(ctx, tx, f.now)
		case !kept && f.known:
			err = allotments.Delete(ctx, tx, f.now.key())
		}
		if err != nil {
			return err
		}
	}
	for _, a := range fs.gone {
		a.Open = true
		if err := allotments.Put(ctx, tx, a); err != nil {
			return err
		}
	}
	return nil
}

// giveBack lets what events have drawn that follow no longer, or have been judged anew, be what was paid for them.
func (p *program) giveBack(ctx context.Context, tx *session.Tx, a mechanic.Amendment) error {
	if !p.budgets {
		return nil
	}
	all, err := allotments.List(ctx, tx, store.Prefix(a.UserID+"/"))
	if err != nil {
		return err
	}
	follow := slices.Concat(a.Come, a.Stay)
	gone := func(of *allotment) bool {
		is := func(o *mechanic.Occasion) bool { return o.Event.ID == of.EventID && o.User.ID == of.UserID }
		return slices.ContainsFunc(a.Gone, is) && !slices.ContainsFunc(follow, is)
	}
	for i := range all {
		if !all[i].Open && !gone(&all[i]) {
			continue
		}
		elsewhere := slices.ContainsFunc(all, func(o allotment) bool { // in another period, as the event happened at another time
			return o.EventID == all[i].EventID && o.RuleID == all[i].RuleID && o.Place == all[i].Place && o.Period != all[i].Period && !o.Open && o.Micros > 0
		})
		if all[i].Open = false; elsewhere {
			err = all[i].become(ctx, tx, 0)
		} else {
			err = all[i].settle(ctx, tx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// paid returns how much of the allotment is that of transactions that are there.
func (a *allotment) paid(ctx context.Context, tx *session.Tx) (int64, error) {
	places := []int{a.Place}
	if a.Place == itself {
		places = nil
		for i := range MaxRewards {
			places = append(places, i)
		}
	}
	var ids []string
	for _, i := range places {
		ids = append(ids, rewardID(a.EventID, a.RuleID, i))
	}
	there, err := transactions.GetMany(ctx, tx, ids...)
	if err != nil {
		return 0, err
	}
	for i := range there {
		switch t := &there[i]; {
		case t.refused():
		case a.Place == itself:
			return once, nil
		default:
			return t.micros() // there is one
		}
	}
	return 0, nil
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

// Rewind lets what the user was refused of budgets be what it was before the entries behind the one that is being made once more. As far as nothing is known
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
	all, err := allotments.List(ctx, tx, store.Prefix(u.ID+"/"))
	if err != nil {
		return err
	}
	var others []string
	for i := range all {
		if !all[i].Short || all[i].Seq > tx.Seq {
			others = append(others, all[i].key())
		}
	}
	return errors.Join(budgets.Delete(ctx, tx, keys...), allotments.Delete(ctx, tx, others...))
}

// joinBudgets gives what the events of the user who is given up have drawn to the one who stays. What that one's have drawn for the same is its own.
func joinBudgets(ctx context.Context, tx *session.Tx, n mechanic.Naming) error {
	all, err := allotments.List(ctx, tx, store.Prefix(n.From+"/"))
	for i := 0; err == nil && i < len(all); i++ {
		a := all[i]
		a.UserID, a.EventID, a.Moved = n.Into, n.Derived(a.EventID), true
		_, taken, wrong := allotments.Get(ctx, tx, a.key())
		if err = wrong; err == nil && !taken {
			err = errors.Join(allotments.Delete(ctx, tx, all[i].key()), allotments.Put(ctx, tx, a))
		}
	}
	return err
}

// settleBudgets gives back what has been drawn for what the two did not both have coming: what is the other's still, or has not been judged since.
func settleBudgets(ctx context.Context, tx *session.Tx, n mechanic.Naming) error {
	left, err := allotments.List(ctx, tx, store.Prefix(n.From+"/"))
	if err != nil {
		return err
	}
	for _, a := range left {
		a.Short = false
		if err := a.become(ctx, tx, 0); err != nil {
			return err
		}
	}
	all, err := allotments.List(ctx, tx, store.Prefix(n.Into+"/"))
	for i := 0; err == nil && i < len(all); i++ {
		if all[i].Moved {
			err = all[i].settle(ctx, tx)
		}
	}
	return err
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
