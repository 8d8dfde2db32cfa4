package missions

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Change is what an event did to a mission.
type Change struct {
	MissionID            string `json:"missionId"`
	ConfigurationID      string `json:"missionConfigurationId"`
	ConfigurationVersion int    `json:"missionConfigurationVersion"`
	RuleID               string `json:"missionRuleId,omitempty"`
	RuleVersion          int    `json:"missionRuleVersion,omitempty"`
	PeriodID             string `json:"periodId"`
	UserID               string `json:"userId,omitempty"`
	GroupTagID           string `json:"groupTagId,omitempty"`
	// Assigned, Completed say whether this event made the mission, or completed it.
	Assigned  bool `json:"assigned,omitempty"`
	Completed bool `json:"completed,omitempty"`
	// Undone says that the mission, or its completion, no longer follows: what had made it happened otherwise.
	Undone bool `json:"undone,omitempty"`
	// Gone says that there is no such mission after all; only with Undone.
	Gone bool `json:"gone,omitempty"`
	// CompletedAt is when the mission was completed, if this event did that, moved it, or found it done. Zero says that the mission was
	// not completed when the event happened, which changes nothing unless Undone says so.
	CompletedAt time.Time `json:"completedAt,omitzero"`
	// Earlier is what events of the period that had happened before had added, if the mission was
	// assigned; Amount is what this event added; CurrentAmount and TargetAmount are those after it.
	Earlier       decimal.Decimal  `json:"earlier,omitzero"`
	Amount        decimal.Decimal  `json:"amount"`
	CurrentAmount decimal.Decimal  `json:"currentAmount"`
	TargetAmount  *decimal.Decimal `json:"targetAmount,omitempty"`
	// Goals are those of a mission with several, whose amounts above are how many goals are reached and needed.
	Goals []GoalChange `json:"goals,omitempty"`
	// Concealed says that the mission is not to be shown to whose it is ([Mission.Concealed]).
	Concealed bool `json:"concealed,omitempty"`
}

// A GoalChange is what an event did to one of several goals of a mission.
type GoalChange struct {
	GoalID string `json:"goalId"`
	// Amount is what the event added; CurrentAmount and TargetAmount are those after it.
	Amount        decimal.Decimal  `json:"amount,omitzero"`
	CurrentAmount decimal.Decimal  `json:"currentAmount"`
	TargetAmount  *decimal.Decimal `json:"targetAmount,omitempty"`
	// CompletedAt is when the goal was reached, zero if it is not.
	CompletedAt time.Time `json:"completedAt,omitzero"`
}

// Counted tells whether the event added something.
func (c *Change) Counted() bool {
	return c.Amount.IsPositive() || slices.ContainsFunc(c.Goals, func(g GoalChange) bool { return g.Amount.IsPositive() })
}

func change(m *Mission) Change {
	c := Change{
		MissionID: m.ID, ConfigurationID: m.ConfigurationID, ConfigurationVersion: m.ConfigurationVersion,
		RuleID: m.RuleID, RuleVersion: m.RuleVersion, PeriodID: m.PeriodID, UserID: m.UserID, GroupTagID: m.GroupTagID,
	}
	c.become(m)
	return c
}

// become lets the change say how far the mission is.
func (c *Change) become(m *Mission) {
	c.CurrentAmount, c.TargetAmount, c.CompletedAt, c.Concealed = m.CurrentAmount, m.TargetAmount, m.CompletedAt, m.Concealed()
	before := c.Goals
	c.Goals = nil
	for i := range m.Goals {
		g := &m.Goals[i]
		c.Goals = append(c.Goals, GoalChange{g.ID, decimal.Decimal{}, g.CurrentAmount, g.TargetAmount, g.CompletedAt})
		if i < len(before) {
			c.Goals[i].Amount = before[i].Amount
		}
	}
}

// Heeds tells whether a rule assigns because of a change of a user.
func (p *program) Heeds(keys []string) bool { return p.rules.Meets(keys) }

// Hears tells since when a rule is evaluated for a change of users that nobody makes, and whether any ever was.
func (p *program) Hears(change string) (since time.Time, ever bool) { return p.rules.Hears(change) }

// Reads names what [program.React] reads first.
func (p *program) Reads(tx *session.Tx, o *mechanic.Occasion) []store.Read {
	reads := []store.Read{missionTable.Rows(firstEnd(o.User.ID))}
	for _, owner := range owners(o.User) {
		for _, key := range p.counting(owner, o) {
			reads = append(reads, missionTable.Rows(counting(owner, key, o.Event.At)))
		}
	}
	var evaluations []string
	for _, pl := range p.rules.On(o) {
		owner, member := pl.owner(o.User)
		period, ok, err := pl.on.PeriodAt(tx, o.User, o.Event.At)
		if member && ok && err == nil { // otherwise React says what is wrong
			evaluations = append(evaluations, mechanic.EvaluationKey(owner, pl.ID, period.ID))
		}
	}
	if len(evaluations) > 0 {
		reads = append(reads, evaluationTable.Keys(evaluations...))
	}
	return reads
}

// owners returns those whose missions a user advances: the user, and the groups the user is in.
func owners(u *tenancy.User) []string {
	all := []string{u.ID}
	for _, t := range u.AssignedTags() {
		all = append(all, groupOwner(t.TagID))
	}
	return all
}

// React assigns the missions of the rules that the event evaluates, then advances every mission that
// counts it, those just assigned included. A completed mission causes an event of type Mission.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	switch {
	case o.Ticks(Rules.Name()):
		changes, err := p.assignByClock(ctx, tx, o)
		if err != nil {
			return nil, err
		}
		return p.release(ctx, tx, o, changes)
	case o.Ticks(tickedMission):
		return nil, p.begin(ctx, tx, o)
	case o.Ticks(tickedEnd):
		return nil, p.end(ctx, tx, o)
	}
	changes, err := p.assign(ctx, tx, p.rules.On(o), o)
	if err != nil {
		return nil, err
	}
	err = p.eachCounting(ctx, tx, o, func(m *Mission) (err error) {
		changes, err = p.advance(ctx, tx, o, m, changes)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p.release(ctx, tx, o, changes)
}

// counting returns what the missions of an owner are found by that may count an event.
func (p *program) counting(owner string, o *mechanic.Occasion) (keys []string) {
	several := false
	for _, key := range o.Keys {
		if p.counted[key] {
			keys = append(keys, key)
		}
		several = several || p.several[key]
	}
	if several && owner == o.User.ID {
		keys = append(keys, severalGoals)
	}
	return keys
}

// catchUp assigns missions, lets them count what had happened in their period before, and adds to changes that they were
// assigned. now is the event that is being reacted to, which comes later.
func (p *program) catchUp(
	ctx context.Context, tx *session.Tx, u *tenancy.User, made []*Mission, now string, changes []Change,
) ([]Change, error) {
	for _, m := range made {
		err := missionTable.Put(ctx, tx, *m)
		if err == nil {
			err = p.countPast(ctx, tx, m, u, now)
		}
		if err != nil {
			return nil, err
		}
		changes = append(changes, assigned(m))
	}
	return changes, nil
}

// countPast lets a mission count what its user did in its period, but for the event now.
func (p *program) countPast(ctx context.Context, tx *session.Tx, m *Mission, u *tenancy.User, now string) error {
	return p.eachPast(ctx, tx, m, u.ID, func(o *mechanic.Occasion) error {
		if o.Event.ID == now {
			return nil
		}
		_, err := p.advance(ctx, tx, o, m, nil)
		return err
	})
}

// contributions returns what a user's mission that a rule has assigned has counted, in the order in which it happened, as far
// as it is there.
func (p *program) contributions(ctx context.Context, tx *session.Tx, m *Mission) (logs []Log, err error) {
	anew := *m
	anew.count(nil)
	err = p.eachPast(ctx, tx, &anew, m.UserID, func(o *mechanic.Occasion) error {
		entries, err := p.judge(tx, o, &anew)
		behind := m.Last != (position{}) && here(o).after(m.Last) // of what was taken over, the last is not known
		if len(entries) > 0 && !behind && !anew.IsCompleted {
			anew.add(entries...)
			logs = append(logs, slices.DeleteFunc(entries, func(l Log) bool { // some of what led to the goal may be archived
				return l.GoalID != "" && here(o).after(m.Goals[l.nth].Last)
			})...)
		}
		return err
	})
	tx.Problems() // were reported when the events came
	return logs, err
}

// eachPast calls fn with what a user did that a mission counts.
func (p *program) eachPast(ctx context.Context, tx *session.Tx, m *Mission, userID string, fn func(*mechanic.Occasion) error) error {
	if m.TargetAmount == nil {
		return nil
	}
	for o, err := range p.past(ctx, tx, userID, m.StartsAt, m.EndsAt) {
		if err == nil && m.counts(o) {
			err = fn(o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// counts tells whether the mission is one that an event advances: the user's or that of a group the user is
// in, running, and matched by the event.
func (m *Mission) counts(o *mechanic.Occasion) bool {
	return slices.Contains(owners(o.User), m.owner()) && m.running(o) && slices.ContainsFunc(m.keys(), func(key string) bool { return slices.Contains(o.Keys, key) })
}

// running tells whether the mission may count an event when it happened; its own completion it never does, whatever tags
// its configuration carries.
func (m *Mission) running(o *mechanic.Occasion) bool {
	return m.period().State(o.Event.At) == timeframe.Active && (m.After == position{} || here(o).after(m.After)) && (o.Event.Type != event.Mission || o.Event.Fields["missionId"] != m.ID)
}

// eachCounting calls fn with the missions that an event advances.
func (p *program) eachCounting(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, fn func(*Mission) error) error {
	for _, owner := range owners(o.User) {
		for _, key := range p.counting(owner, o) {
			running, err := missionTable.List(ctx, tx, counting(owner, key, o.Event.At))
			if err != nil {
				return err
			}
			for i := range running {
				if !running[i].running(o) {
					continue
				}
				if err := fn(&running[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// advance adds the event to a mission if it counts there, and what that changed to changes.
func (p *program) advance(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, m *Mission, changes []Change) ([]Change, error) {
	switch {
	case m.MissionType == Group && tx.Replaying:
		m.tell(tx, o)
		return changes, nil
	case m.MissionType == Individual && m.IsCompleted:
		return changes, nil
	}
	entries, err := p.judge(tx, o, m)
	if err != nil || len(entries) == 0 {
		return changes, err
	}
	c := change(m)
	if m.MissionType == Group {
		entry := entries[0]
		if err := logTable.Put(ctx, tx, entry); err != nil {
			return nil, err
		}
		if err := m.join(ctx, tx, entry); err != nil {
			return nil, err
		}
		if m.completedBy(o.Event) && m.CompletedAt.Equal(entry.At) {
			c.Completed = true
			m.announce(tx)
		}
	} else {
		m.add(entries...)
		if c.Completed = m.IsCompleted; m.IsCompleted {
			m.announce(tx)
		}
		if m.keeps() {
			if err := logTable.Put(ctx, tx, entries...); err != nil {
				return nil, err
			}
		}
	}
	m.UpdatedAt = tx.Now
	if err := missionTable.Put(ctx, tx, *m); err != nil {
		return nil, err
	}
	c.Undone = !c.CompletedAt.IsZero() && !m.IsCompleted
	c.Amount = m.CurrentAmount.Sub(c.CurrentAmount)
	for i := range c.Goals {
		c.Goals[i].Amount = m.Goals[i].CurrentAmount.Sub(c.Goals[i].CurrentAmount)
	}
	c.become(m)
	if i := slices.IndexFunc(changes, func(c Change) bool { return c.MissionID == m.ID }); i >= 0 {
		c.Assigned, c.Earlier = true, changes[i].Earlier // by the same event
		changes[i] = c
	} else {
		changes = append(changes, c)
	}
	return changes, nil
}

// judge returns what an event contributes to a mission, to each goal for which it counts. What was recorded too late for it does not, whenever that
// is judged; who has it recorded is told.
func (p *program) judge(tx *session.Tx, o *mechanic.Occasion, m *Mission) (entries []Log, err error) {
	a, err := p.aimOf(m)
	if err != nil || !activate(tx, a, m, o) {
		return nil, err
	}
	late := false
	for _, g := range a.goals {
		if g.nth >= 0 && (m.reached(g) || !slices.Contains(o.Keys, g.key)) {
			continue
		}
		amount, value, ok := g.judge(tx, o, m)
		switch {
		case !ok:
		case !m.takes(recordedAt(tx, o)):
			late = true
		default:
			entries = append(entries, p.entry(tx, o, m, g, amount, value))
		}
	}
	if late && recordedAt(tx, o).Equal(tx.Present()) {
		tx.Report(m.source(), "periodId", fmt.Sprintf("%s ended at %s; what is recorded from %s on does not count there",
			m.PeriodID, mechanic.Stamp(m.EndsAt), mechanic.Stamp(m.GraceEndsAt)))
	}
	return entries, nil
}

// judge returns what an event adds to a goal and the value by which it is told apart, and whether it counts, as far as the goal says.
func (g *goal) judge(tx *session.Tx, o *mechanic.Occasion, m *Mission) (amount decimal.Decimal, value string, ok bool) {
	m.seen(o, g.readsMission, g, func() {
		if ok = g.condition.Holds(tx, o); ok {
			value, ok = g.distinctOf(tx, o, m)
		}
		if ok {
			amount, ok = g.increment.Of(tx, o)
		}
	})
	return amount, value, ok && !amount.IsZero()
}

func (p *program) entry(tx *session.Tx, o *mechanic.Occasion, m *Mission, g *goal, amount decimal.Decimal, value string) Log {
	silent := !o.RecordedAt.IsZero() && o.RecordedAt.Before(p.docs.Published(Rules.Name(), m.RuleID))
	place := o.Place
	if !o.RecordedAt.IsZero() && o.RecordedAt.Before(p.docs.Settled) {
		place = "" // its step is settled
	}
	return Log{
		MissionID: m.ID, EventID: o.Event.ID, UserID: o.Event.UserID, At: o.Event.At, Amount: amount, Place: place, Order: orderOf(o), Seq: tx.Seq, Silent: silent,
		GoalID: g.id, distinct: value, nth: g.nth,
	}
}

// distinctOf returns the value by which an event is told apart, "" where all count, and whether it counts: no event has had it that the goal has counted.
func (g *goal) distinctOf(tx *session.Tx, o *mechanic.Occasion, m *Mission) (value string, counts bool) {
	if !g.distinct.Given() {
		return "", true
	}
	counted := m.counted(g)
	value, ok := g.distinct.Of(tx, o)
	if !ok || value == "" || slices.Contains(counted, value) {
		return "", false
	}
	if len(counted) >= MaxDistinct {
		tx.Report(Configurations.Name()+"/"+m.ConfigurationID, g.below+"distinctExpression", fmt.Sprintf("gave another value than the %d that are counted", MaxDistinct))
		return "", false
	}
	return value, true
}

// recordedAt returns when an event was recorded, or what it follows from.
func recordedAt(tx *session.Tx, o *mechanic.Occasion) time.Time { return cmp.Or(o.RecordedAt, tx.Now) }

// source names in problems what says how long the mission takes what is late.
func (m *Mission) source() string {
	if m.RuleID == "" {
		return Configurations.Name() + "/" + m.ConfigurationID
	}
	return Rules.Name() + "/" + m.RuleID
}

// add counts the latest contributions, those of one event.
func (m *Mission) add(entries ...Log) {
	for i := range entries {
		entry := &entries[i]
		m.Last = position{entry.At, entry.Order}
		if entry.GoalID == "" {
			m.CurrentAmount = m.CurrentAmount.Add(entry.Amount)
			m.Distinct = told(m.Distinct, entry)
			continue
		}
		if i == 0 {
			m.Goals = slices.Clone(m.Goals)
		}
		g := &m.Goals[entry.nth]
		g.CurrentAmount, g.Last = g.CurrentAmount.Add(entry.Amount), m.Last
		g.Distinct = told(g.Distinct, entry)
		if g.CurrentAmount.GreaterThanOrEqual(*g.TargetAmount) {
			g.CompletedAt = entry.At
			m.CurrentAmount = m.CurrentAmount.Add(decimal.NewFromInt(1))
		}
	}
	if !m.IsCompleted && m.CurrentAmount.GreaterThanOrEqual(*m.TargetAmount) {
		m.complete(entries[len(entries)-1], m.CurrentAmount)
	}
}

// told returns the values that were told apart, with that of a contribution.
func told(values []string, entry *Log) []string {
	if entry.distinct == "" {
		return values
	}
	return append(slices.Clip(values), entry.distinct)
}

// complete notes that a contribution completes the mission, which has so much with it.
func (m *Mission) complete(entry Log, reached decimal.Decimal) {
	m.IsCompleted, m.CompletedAt = true, entry.At
	m.Completer = Completer{entry.UserID, entry.EventID, reached, entry.Place, entry.Order, entry.Silent}
}

// announce causes the event of the mission's completion, unless that lies before the rule was published: nothing is paid
// for it.
func (m *Mission) announce(tx *session.Tx) {
	if !m.Completer.Silent {
		tx.Cause(completion(m))
	}
}

// aimOf returns the compiled form of a mission's own copy of its configuration.
func (p *program) aimOf(m *Mission) (*aim, error) {
	if a := p.aims[m.ConfigurationID]; a != nil && a.Version == m.ConfigurationVersion {
		return a, nil
	}
	// The configuration has changed, or is out of use: the mission goes on as it began.
	c := &Configuration{MissionType: m.MissionType, Goal: m.Goal, GoalsNeeded: m.GoalsNeeded}
	for i := range m.Goals {
		c.Goals = append(c.Goals, NamedGoal{ID: m.Goals[i].ID, Goal: m.Goals[i].Goal})
	}
	c.ID, c.Version = m.ConfigurationID, m.ConfigurationVersion
	before := formerAim{c.ID, c.Version}
	if a, ok := p.former.Load(before); ok {
		return a.(*aim), nil
	}
	a, err := compileConfiguration(c)
	if err == nil {
		p.former.Store(before, a)
	}
	return a, err
}

// A formerAim names a version of a configuration that is not the published one.
type formerAim struct {
	configurationID string
	version         int
}

// activate fixes the target of a mission that has none yet, and those of its goals; it reports a target that is none.
func activate(tx *session.Tx, a *aim, m *Mission, d mechanic.Data) bool {
	if m.TargetAmount != nil {
		return true
	}
	targets := make([]decimal.Decimal, len(a.goals))
	for i, g := range a.goals {
		ok := false
		m.seen(d, g.targetReads, g, func() { targets[i], ok = g.target.PositiveOf(tx, d) })
		if !ok {
			return false
		}
	}
	m.aimAt(a, targets)
	return true
}

// aimAt fixes the targets of the goals.
func (m *Mission) aimAt(a *aim, targets []decimal.Decimal) {
	if !a.several() {
		m.TargetAmount = &targets[0]
		return
	}
	m.Goals = slices.Clone(m.Goals)
	for i := range m.Goals {
		m.Goals[i].TargetAmount = &targets[i]
	}
	m.TargetAmount = new(decimal.NewFromInt(int64(a.needed())))
}

// completionID returns the id of the event that the mission has been completed.
func (m *Mission) completionID() string {
	if m.MissionType == Group {
		return m.ID + ":completed:" + m.Completer.UserID
	}
	return m.ID + ":completed"
}

// completion is the event of a mission that has been completed. That of a group's names who completed it: when that is
// another after all, it is another event.
func completion(m *Mission) event.Event {
	at := *m
	at.CurrentAmount = m.Completer.Reached
	fields := at.vars()
	delete(fields, "userId")
	return event.Event{
		ID: m.completionID(), Type: event.Mission, EntityID: m.ConfigurationID, UserID: m.Completer.UserID, At: m.CompletedAt,
		Value: &at.CurrentAmount, Progress: event.Complete, Fields: fields,
	}
}
