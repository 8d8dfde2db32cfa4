package streaks

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Change is what became of one period of a user's streak.
type Change struct {
	RuleID               string `json:"streakRuleId"`
	RuleVersion          int    `json:"streakRuleVersion"`
	ConfigurationID      string `json:"streakConfigurationId"`
	ConfigurationVersion int    `json:"streakConfigurationVersion"`
	UserID               string `json:"userId"`
	// Day is the civil day, or the first of a frozen or missed period.
	Day timeframe.Day `json:"day"`
	// Kind is REGULAR for a day on which the user acted, FREEZE for a period that was paid for, MISSED for
	// the one that broke the run; it is empty for a day that turned out not to be active. A run that broke
	// is told of once, when the next event of the user comes or the workspace's Advance is called. A late event
	// may show that it did not break.
	Kind Kind `json:"kind,omitempty"`
	// Late says that the day came before the last one that was known, or counts otherwise because of one that
	// did; Thawed, that its period had been frozen.
	Late   bool `json:"late,omitempty"`
	Thawed bool `json:"thawed,omitempty"`
	// IterationID, Count and Status are those of the run that the day is in, after the change. A late
	// day may join two runs.
	IterationID int    `json:"iterationId"`
	Count       int    `json:"count"`
	Status      Status `json:"status"`
	// NotFrozen says of what was MISSED under a rule that freezes why the streak could not be saved.
	NotFrozen Refusal `json:"notFrozen,omitempty"`
	// Goals are the targets that were reached.
	Goals []Goal `json:"goals,omitempty"`
}

// A Goal is a target reached in a cycle of goals.
type Goal struct {
	GoalID int `json:"goalId"`
	Target int `json:"target"`
}

// turn is one streak while it changes in a transaction.
type turn struct {
	tx      *session.Tx
	plan    *plan
	user    *tenancy.User
	wallet  mechanic.Wallet // nil pays nothing
	policy  policy
	refusal Refusal // of the period that was to be frozen last
	zone    string
	clock   *time.Location
	state   state
	silent  bool // what is counted happened before the rule was met: nothing follows from it
	changed bool
	changes []Change
}

func (pl *plan) turn(tx *session.Tx, u *tenancy.User, wallet mechanic.Wallet, s state) (*turn, error) {
	zone, clock, err := pl.zone(tx, u)
	t := &turn{tx: tx, plan: pl, user: u, wallet: wallet, policy: policy{tx: tx, rule: pl.Rule, userID: u.ID}, zone: zone, clock: clock, state: s, silent: pl.later}
	if pl.later {
		t.wallet = nil
	}
	return t, err
}

// React counts the event in every streak that it matches, on the day that it was when it happened.
// Periods that were missed before it are judged first, in their order, and paid for through the
// wallet if the rule and the user can. A day that comes before the last one, because the user has moved west,
// is counted where it belongs: it may join runs, and turns a frozen period into an active one.
//
// A streak that grows causes an event of type Streak, and so does a target that is reached and a run that breaks.
// The first event that a streak counts lets it count what the user did before, in silence.
//
// For an event of the clock it judges the streak.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if o.Ticks(Rules.Name()) {
		return p.judge(ctx, tx, o)
	}
	var changes []Change
	for _, pl := range p.matches.On(o.Keys) {
		if !pl.counts(tx, o) {
			continue
		}
		t, err := p.meet(ctx, tx, pl, o)
		if err != nil {
			return nil, err
		}
		if err := t.count(ctx, moment{o.Event.At, t.zone}); err != nil {
			return nil, err
		}
		if err := t.save(ctx, nil); err != nil { // the clock is that of the event
			return nil, err
		}
		changes = append(changes, t.changes...)
	}
	return changes, nil
}

// counts tells whether an event of the configuration counts.
func (pl *plan) counts(tx *session.Tx, o *mechanic.Occasion) bool {
	return pl.State(o.Event.At) == timeframe.Active && pl.match.Holds(tx, o) && pl.users.Holds(tx, o)
}

// meet returns the streak of an event's user. One that is new has counted what the user did before, since the
// beginning of the rule's timeframe.
func (p *program) meet(ctx context.Context, tx *session.Tx, pl *plan, o *mechanic.Occasion) (*turn, error) {
	s, found, err := stateTable.Get(ctx, tx, streakKey(o.User.ID, pl.ID))
	if err != nil {
		return nil, err
	}
	t, err := pl.turn(tx, o.User, p.wallet, s)
	if err != nil || found {
		return t, err
	}
	t.state = state{UserID: o.User.ID, RuleID: pl.ID, Met: o.Event.At}
	for before, err := range p.past(ctx, tx, o.User.ID, pl.StartsAt, o.Event.At.Add(time.Microsecond)) {
		if err != nil {
			return nil, err
		}
		if before.Event.ID == o.Event.ID || !slices.Contains(before.Keys, pl.configuration.Matcher().Key()) || !pl.counts(tx, before) {
			continue
		}
		then, err := pl.turn(tx, before.User, nil, t.state)
		if err == nil {
			then.silent = true
			err = then.count(ctx, moment{before.Event.At, then.zone})
		}
		if err != nil {
			return nil, err
		}
		t.state, t.wallet, t.changed = then.state, nil, t.changed || then.changed // nobody pays for what lies before
	}
	return t, nil
}

// count adds a moment to the streak.
func (t *turn) count(ctx context.Context, m moment) error {
	date := timeframe.DayOf(m.At, t.clock)
	last := t.state.Last
	switch {
	case last == nil || t.after(date):
		return t.forward(ctx, date, m)
	case last.Kind == Regular && last.Day == date:
		return t.again(ctx, m)
	}
	return t.late(ctx, date, m)
}

// after tells whether a date comes after all that the streak has.
func (t *turn) after(date timeframe.Day) bool {
	last := t.state.Last
	if last.Kind == Freeze {
		date = t.state.calendar().First(date)
	}
	return date > last.Day
}

// forward adds a day at the end.
func (t *turn) forward(ctx context.Context, date timeframe.Day, m moment) error {
	d, _ := day{Day: date}.with(m)
	if err := t.reach(ctx, date, m.At); err != nil {
		return err
	}
	s, err := t.state.add(d, t.tx.Zones)
	if err != nil {
		return err
	}
	t.state.Lost, t.state.Awake = false, nil
	c := t.change(date, Regular)
	if s.goal > 0 {
		c.Goals = t.tell([]reached{{Goal{t.state.Goal, s.goal}, t.state.Done[s.goal], m.At}})
	}
	if s.grew && !d.Told {
		t.announce(c, m.At)
		d.Told = true
		t.state.Last = &d
	}
	t.add(c)
	return t.keep(ctx, d)
}

// reach settles what lies between the last day and a new one, and agrees on the terms if an iteration
// begins there.
func (t *turn) reach(ctx context.Context, date timeframe.Day, at time.Time) error {
	begins := t.state.Last == nil
	if !begins {
		if !t.state.Lost {
			if err := t.freeze(ctx, &t.state.fold, date, at); err != nil {
				return err
			}
		}
		g, err := t.state.gap(date, at, t.tx.Zones)
		if err != nil {
			return err
		}
		if begins = g.missed(); begins {
			err = t.broke(ctx, at)
		}
		if err != nil {
			return err
		}
	}
	if begins {
		t.state.consent(t.plan.terms(date))
	}
	return nil
}

// broke tells that the run ended in a gap, unless that was told before. What was paid for the periods before it
// since the user acted last is given back: it has saved nothing.
func (t *turn) broke(ctx context.Context, at time.Time) error {
	if err := t.melt(ctx, at); err != nil {
		return err
	}
	last := t.state.Last.Day
	if t.state.Broke != nil && last <= *t.state.Broke {
		return nil
	}
	g, err := t.state.gap(timeframe.DayOf(at, t.clock), at, t.tx.Zones)
	if err != nil {
		return err
	}
	t.state.Broke = &last
	c := t.change(g.first, Missed)
	c.Status = Broken
	if t.plan.Freezes() {
		c.NotFrozen = t.refusal
	}
	t.add(c)
	t.cause([]string{"broken", g.first.String()}, at, 0, map[string]any{
		"periodId": t.state.calendar().ID(g.first), "iterationId": float64(c.IterationID), "count": 0.0, "status": string(Broken),
	})
	return nil
}

// add adds a change, unless what is counted happened before the rule was met.
func (t *turn) add(c Change) {
	if !t.silent {
		t.changes = append(t.changes, c)
	}
}

// again adds a moment to the last day.
func (t *turn) again(ctx context.Context, m moment) error {
	d, changed := t.state.Last.with(m)
	if !changed {
		return nil
	}
	// An earlier moment may close the gap before the day, so that its run joins the one before.
	if t.state.Iteration > 1 && t.state.Start == d.Day && m.At.Before(t.state.Last.at()) {
		return t.late(ctx, d.Day, m)
	}
	t.state.Last, t.state.Clocks = &d, d.zones()
	return t.keep(ctx, d)
}

// late adds a moment to a day before the last, and counts the streak again.
func (t *turn) late(ctx context.Context, date timeframe.Day, m moment) error {
	row, found, err := dayTable.Get(ctx, t.tx, dayKey(t.state.UserID, t.state.RuleID, date))
	if err != nil {
		return err
	}
	if !found {
		row.day = day{Day: date}
	}
	d, changed := row.with(m)
	if !changed {
		return nil
	}
	days, err := t.days(ctx)
	if err != nil {
		return err
	}
	kept := found && row.Kind == Regular
	thawed := found && row.Kind == Freeze
	i, _ := slices.BinarySearchFunc(days, date, compareDays)
	if found {
		days[i] = d
	} else {
		days = slices.Insert(days, i, d)
	}
	rows := len(days)
	if days, err = t.thaw(ctx, days, date, m.At); err != nil {
		return err
	}
	if thawed {
		err = t.giveBack(ctx, m.At, date)
	}
	if err != nil {
		return err
	}
	at, err := t.refold(ctx, days, date, !kept)
	if err != nil {
		return err
	}
	c := t.changeAt(date, Regular, at.iteration, at.count)
	c.Late, c.Thawed = true, thawed || len(days) < rows
	c.Goals = t.tell(at.goals)
	if at.grew && !t.told(days, date) {
		t.announce(c, m.At)
		d.Told = true
	}
	for _, f := range []*fold{&t.state.fold, t.state.Awake} {
		if f != nil && f.Last.Day == date {
			f.Last = &d
		}
	}
	t.add(c)
	return t.keep(ctx, d)
}

// told tells whether an event was caused before of what a date adds to the streak: its day or its week.
func (t *turn) told(days []day, date timeframe.Day) bool {
	cal := t.state.termsOf(date).Metric.calendar()
	return slices.ContainsFunc(days, func(d day) bool { return d.Told && cal.First(d.Day) == cal.First(date) })
}

// thaw drops what says that the period of an active day is frozen, where it is another row than the
// day's, and gives back what that cost.
func (t *turn) thaw(ctx context.Context, days []day, date timeframe.Day, at time.Time) ([]day, error) {
	i := slices.IndexFunc(days, func(d day) bool {
		return d.Kind == Freeze && d.Day < date && date < t.state.calendar().Next(d.Day)
	})
	if i < 0 {
		return days, nil
	}
	period := days[i].Day
	if err := dayTable.Delete(ctx, t.tx, dayKey(t.state.UserID, t.state.RuleID, period)); err != nil {
		return nil, err
	}
	return slices.Delete(days, i, i+1), t.giveBack(ctx, at, period)
}

// place is where a day stands in a streak that was counted again, and all that was reached in it.
type place struct {
	iteration, count int
	grew             bool
	goals            []reached
}

// reached is a target that was reached for the nth time.
type reached struct {
	Goal
	nth int
	at  time.Time
}

// refold counts the streak again and returns the place of a date in it. If the date is new, the gap
// after it was never judged: it is now. The gap before it was, when the day after it came.
func (t *turn) refold(ctx context.Context, days []day, date timeframe.Day, fresh bool) (at place, err error) {
	end := t.state.Last.Day
	f, err := t.state.begin(ctx, t.tx)
	if err != nil {
		return place{}, err
	}
	var awake fold // before the frozen periods at the end
	for _, d := range days {
		if f.Frozen == 0 {
			awake = f
		}
		if fresh && f.Last != nil && f.Last.Day == date {
			if err := t.freeze(ctx, &f, d.Day, d.at()); err != nil {
				return place{}, err
			}
		}
		s, err := f.add(d, t.tx.Zones)
		if err != nil {
			return place{}, err
		}
		if d.Day == date {
			at.iteration, at.grew = f.Iteration, s.grew
		}
		if f.Iteration == at.iteration {
			at.count = f.Count
		}
		if s.goal > 0 {
			at.goals = append(at.goals, reached{Goal{f.Goal, s.goal}, f.Done[s.goal], d.at()})
		}
	}
	if t.state.fold, t.state.Awake = f, nil; f.Frozen > 0 {
		t.state.Awake = &awake
	}
	t.state.Lost = t.state.Lost && f.Last != nil && f.Last.Day == end
	return at, nil
}

// days returns the days of the streak in their order.
func (t *turn) days(ctx context.Context) ([]day, error) {
	return listDays(ctx, t.tx, t.state.UserID, t.state.RuleID)
}

func listDays(ctx context.Context, tx store.Tx, userID, ruleID string) ([]day, error) {
	rows, err := dayTable.List(ctx, tx, store.Prefix(streakKey(userID, ruleID)+"/"))
	if err != nil {
		return nil, err
	}
	days := make([]day, len(rows))
	for i := range rows {
		days[i] = rows[i].day
	}
	return days, nil
}

// keep saves a day.
func (t *turn) keep(ctx context.Context, d day) error {
	t.changed = true
	return dayTable.Put(ctx, t.tx, dayRow{UserID: t.state.UserID, RuleID: t.state.RuleID, day: d})
}

// save saves the streak, if it changed, with the moment at which it is to be judged next.
func (t *turn) save(ctx context.Context, clock *time.Location) error {
	if !t.changed {
		return nil
	}
	var err error
	if t.state.CheckAt, err = t.due(clock); err != nil {
		return err
	}
	return stateTable.Put(ctx, t.tx, t.state)
}

// change returns what became of a day in the present iteration.
func (t *turn) change(date timeframe.Day, kind Kind) Change {
	return t.changeAt(date, kind, t.state.Iteration, t.state.Count)
}

func (t *turn) changeAt(date timeframe.Day, kind Kind, iteration, count int) Change {
	status := Active
	if iteration < t.state.Iteration || t.state.Lost {
		status = Broken
	}
	return Change{
		RuleID: t.plan.ID, RuleVersion: t.plan.Version, ConfigurationID: t.plan.configuration.ID, ConfigurationVersion: t.plan.configuration.Version,
		UserID: t.user.ID, Day: date, Kind: kind, IterationID: iteration, Count: count, Status: status,
	}
}

// announce causes the event of a streak that has grown.
func (t *turn) announce(c Change, at time.Time) {
	period := t.state.termsOf(c.Day).Metric.calendar().ID(c.Day)
	t.cause([]string{c.Day.String()}, at, c.Count, map[string]any{
		"periodId": period, "iterationId": float64(c.IterationID), "count": float64(c.Count), "status": string(c.Status),
	})
}

// tell causes an event for each target that was reached more often than was told, and returns them.
func (t *turn) tell(all []reached) []Goal {
	var goals []Goal
	for _, r := range all {
		if r.nth <= t.state.Told[r.Target] {
			continue
		}
		told := map[int]int{r.Target: r.nth}
		for target, n := range t.state.Told {
			told[target] = max(told[target], n)
		}
		t.state.Told = told
		goals = append(goals, r.Goal)
		t.cause([]string{"goal", strconv.Itoa(r.Target), strconv.Itoa(r.nth)}, r.at, r.Target, map[string]any{
			"goalId": float64(r.GoalID), "target": float64(r.Target), "count": float64(r.Target), "status": string(Completed),
		})
	}
	return goals
}

// cause causes an event of type Streak whose id says what it is about.
func (t *turn) cause(about []string, at time.Time, value int, fields map[string]any) {
	if t.silent {
		return
	}
	fields["streakRuleId"], fields["streakConfigurationId"] = t.plan.ID, t.plan.configuration.ID
	t.tx.Cause(event.Event{
		ID:   strings.Join(slices.Concat([]string{"streak", t.plan.ID, t.user.ID}, about), ":"),
		Type: event.Streak, EntityID: t.plan.configuration.ID, UserID: t.user.ID, At: at,
		Value: new(decimal.NewFromInt(int64(value))), Fields: fields,
	})
}
