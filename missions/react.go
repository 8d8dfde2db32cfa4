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
}

func change(m *Mission) Change {
	return Change{
		MissionID: m.ID, ConfigurationID: m.ConfigurationID, ConfigurationVersion: m.ConfigurationVersion,
		RuleID: m.RuleID, RuleVersion: m.RuleVersion, PeriodID: m.PeriodID, UserID: m.UserID, GroupTagID: m.GroupTagID,
		CurrentAmount: m.CurrentAmount, TargetAmount: m.TargetAmount, CompletedAt: m.CompletedAt,
	}
}

// Heeds tells whether a rule assigns because of a change of a user.
func (p *program) Heeds(keys []string) bool { return p.rules.Meets(keys) }

// Reads names what [program.React] reads first.
func (p *program) Reads(tx *session.Tx, o *mechanic.Occasion) []store.Read {
	reads := []store.Read{missionTable.Rows(firstEnd(o.User.ID))}
	for _, owner := range owners(o.User) {
		for _, key := range o.Keys {
			if p.counted[key] {
				reads = append(reads, missionTable.Rows(counting(owner, key, o.Event.At)))
			}
		}
	}
	var evaluations []string
	for _, pl := range p.rules.On(o.Keys) {
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
	for _, t := range u.Tags {
		all = append(all, groupOwner(t.TagID))
	}
	return all
}

// React assigns the missions of the rules that the event evaluates, then advances every mission that
// counts it, those just assigned included. A completed mission causes an event of type Mission.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	switch {
	case o.Ticks(Rules.Name()):
		return p.assignByClock(ctx, tx, o)
	case o.Ticks(tickedMission):
		return nil, p.begin(ctx, tx, o)
	case o.Ticks(tickedEnd):
		return nil, p.end(ctx, tx, o)
	}
	changes, err := p.assign(ctx, tx, p.rules.On(o.Keys), o)
	if err != nil {
		return nil, err
	}
	err = p.eachCounting(ctx, tx, o, func(m *Mission) (err error) {
		changes, err = p.advance(ctx, tx, o, m, changes)
		return err
	})
	return changes, err
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
		entry, counts, err := p.judge(tx, o, &anew)
		behind := m.Last != (position{}) && (position{entry.At, entry.Order}).after(m.Last) // of what was taken over, the last is not known
		if counts && !behind && !anew.IsCompleted {
			anew.add(entry)
			logs = append(logs, entry)
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
	return slices.Contains(owners(o.User), m.owner()) && m.running(o) && slices.Contains(o.Keys, m.Matcher().Key())
}

// running tells whether the mission may count an event when it happened; its own completion it never does, whatever tags
// its configuration carries.
func (m *Mission) running(o *mechanic.Occasion) bool {
	return m.period().State(o.Event.At) == timeframe.Active && (o.Event.Type != event.Mission || o.Event.Fields["missionId"] != m.ID)
}

// eachCounting calls fn with the missions that an event advances.
func (p *program) eachCounting(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, fn func(*Mission) error) error {
	for _, owner := range owners(o.User) {
		for _, key := range o.Keys {
			if !p.counted[key] {
				continue
			}
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
	entry, counts, err := p.judge(tx, o, m)
	if err != nil || !counts {
		return changes, err
	}
	c := change(m)
	if m.MissionType == Group {
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
		m.add(entry)
		if c.Completed = m.IsCompleted; m.IsCompleted {
			m.announce(tx)
		}
		if m.keeps() {
			if err := logTable.Put(ctx, tx, entry); err != nil {
				return nil, err
			}
		}
	}
	m.UpdatedAt = tx.Now
	if err := missionTable.Put(ctx, tx, *m); err != nil {
		return nil, err
	}
	c.Undone = !c.CompletedAt.IsZero() && !m.IsCompleted
	c.Amount, c.CurrentAmount, c.TargetAmount, c.CompletedAt = entry.Amount, m.CurrentAmount, m.TargetAmount, m.CompletedAt
	if i := slices.IndexFunc(changes, func(c Change) bool { return c.MissionID == m.ID }); i >= 0 {
		c.Assigned, c.Earlier = true, changes[i].Earlier // by the same event
		changes[i] = c
	} else {
		changes = append(changes, c)
	}
	return changes, nil
}

// judge returns what an event contributes to a mission, and whether it does. What was recorded too late for it does not, whenever that
// is judged; who has it recorded is told.
func (p *program) judge(tx *session.Tx, o *mechanic.Occasion, m *Mission) (entry Log, counts bool, err error) {
	g, err := p.goalOf(m)
	if err != nil {
		return Log{}, false, err
	}
	var amount decimal.Decimal
	var value string
	ok := activate(tx, g, m, o)
	m.seen(o, g.readsMission, func() {
		if ok = ok && g.condition.Holds(tx, o); ok {
			value, ok = g.distinctOf(tx, o, m)
		}
		if ok {
			amount, ok = g.increment.Of(tx, o)
		}
	})
	ok = ok && !amount.IsZero()
	if recorded := recordedAt(tx, o); ok && !m.takes(recorded) {
		ok = false
		if recorded.Equal(tx.Present()) {
			tx.Report(m.source(), "periodId", fmt.Sprintf("%s ended at %s; what is recorded from %s on does not count there",
				m.PeriodID, mechanic.Stamp(m.EndsAt), mechanic.Stamp(m.GraceEndsAt)))
		}
	}
	silent := !o.RecordedAt.IsZero() && o.RecordedAt.Before(p.docs.Published(Rules.Name(), m.RuleID))
	place := o.Place
	if !o.RecordedAt.IsZero() && o.RecordedAt.Before(p.docs.Settled) {
		place = "" // its step is settled
	}
	return Log{
		MissionID: m.ID, EventID: o.Event.ID, UserID: o.Event.UserID, At: o.Event.At, Amount: amount, Place: place, Order: orderOf(o), Seq: tx.Seq, Silent: silent,
		distinct: value,
	}, ok, nil
}

// distinctOf returns the value by which an event is told apart, "" where all count, and whether it counts: no event has had it that the mission has counted.
func (g *goal) distinctOf(tx *session.Tx, o *mechanic.Occasion, m *Mission) (value string, counts bool) {
	if !g.distinct.Given() {
		return "", true
	}
	value, ok := g.distinct.Of(tx, o)
	if !ok || value == "" || slices.Contains(m.Distinct, value) {
		return "", false
	}
	if len(m.Distinct) >= MaxDistinct {
		tx.Report(Configurations.Name()+"/"+m.ConfigurationID, "distinctExpression", fmt.Sprintf("gave another value than the %d that are counted", MaxDistinct))
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

// add counts the latest contribution.
func (m *Mission) add(entry Log) {
	m.Last = position{entry.At, entry.Order}
	m.CurrentAmount = m.CurrentAmount.Add(entry.Amount)
	if entry.distinct != "" {
		m.Distinct = append(slices.Clip(m.Distinct), entry.distinct)
	}
	if !m.IsCompleted && m.CurrentAmount.GreaterThanOrEqual(*m.TargetAmount) {
		m.complete(entry, m.CurrentAmount)
	}
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

// goalOf returns the compiled form of a mission's own copy of its configuration.
func (p *program) goalOf(m *Mission) (*goal, error) {
	if g := p.goals[m.ConfigurationID]; g != nil && g.Version == m.ConfigurationVersion {
		return g, nil
	}
	// The configuration has changed, or is out of use: the mission goes on as it began.
	c := &Configuration{
		MissionType: m.MissionType, MatchType: m.MatchType, MatchEntity: m.MatchEntity, MatchEntityID: m.MatchEntityID,
		MatchCondition: m.MatchCondition, IncrementExpression: m.IncrementExpression, DistinctExpression: m.DistinctExpression,
		TargetAmountExpression: m.TargetAmountExpression,
	}
	c.ID, c.Version = m.ConfigurationID, m.ConfigurationVersion
	before := formerGoal{c.ID, c.Version}
	if g, ok := p.former.Load(before); ok {
		return g.(*goal), nil
	}
	g, err := compileConfiguration(c)
	if err == nil {
		p.former.Store(before, g)
	}
	return g, err
}

// A formerGoal names a version of a configuration that is not the published one.
type formerGoal struct {
	configurationID string
	version         int
}

// activate fixes the target of a mission that has none yet; it reports a target that is none.
func activate(tx *session.Tx, g *goal, m *Mission, d mechanic.Data) bool {
	if m.TargetAmount != nil {
		return true
	}
	var target decimal.Decimal
	var ok bool
	m.seen(d, g.targetReads, func() { target, ok = g.target.PositiveOf(tx, d) })
	if ok {
		m.TargetAmount = &target
	}
	return ok
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
