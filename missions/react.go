package missions

import (
	"context"
	"errors"
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
		CurrentAmount: m.CurrentAmount, TargetAmount: m.TargetAmount,
	}
}

// Reads names what [Program.React] reads first.
func (p *Program) Reads(tx *session.Tx, o *mechanic.Occasion) []store.Read {
	keys := matchKeys(o)
	var reads []store.Read
	for _, owner := range owners(o.User) {
		for _, key := range keys {
			reads = append(reads, missionTable.Rows(counting(owner, key, o.Event.At)))
		}
	}
	var evaluations []string
	for _, pl := range p.rules.On(keys) {
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

// matchKeys returns the keys of the matchers that missions can have and the event meets.
func matchKeys(o *mechanic.Occasion) []string {
	if !slices.Contains(entities, string(o.Event.Type)) && o.Event.Type != event.User {
		return o.Keys[2:] // those of its tags
	}
	return o.Keys
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
// counts it, those just assigned included. A completed mission causes an event of type Mission. An event
// that moved in time is taken from where it was counted first.
func (p *Program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	switch {
	case o.Ticks(Rules.Name()):
		return p.assignByClock(ctx, tx, o)
	case o.Ticks(tickedMission):
		return nil, p.begin(ctx, tx, o)
	}
	changes, err := p.assign(ctx, tx, p.rules.On(matchKeys(o)), o)
	if err != nil {
		return nil, err
	}
	err = eachCounting(ctx, tx, o, func(m *Mission) (err error) {
		changes, err = p.advance(ctx, tx, o, tx.Seq, m, changes)
		return err
	})
	if err == nil && o.Was != nil {
		err = leave(ctx, tx, o)
	}
	return changes, err
}

// catchUp lets missions that have just been assigned count what had happened in their period before, and
// returns that they were assigned. now is the event that is being reacted to, which comes later.
func (p *Program) catchUp(ctx context.Context, tx *session.Tx, u *tenancy.User, assigned []*Mission, now string) ([]Change, error) {
	var changes []Change
	for _, m := range assigned {
		users := []string{u.ID}
		if m.MissionType == Group {
			var err error
			if users, err = tenancy.Carriers(ctx, tx, m.GroupTagID, m.StartsAt); err != nil {
				return nil, err
			}
		}
		c := change(m)
		for _, userID := range users {
			counted, err := p.countPast(ctx, tx, m, userID, now)
			if err != nil {
				return nil, err
			}
			for _, past := range counted {
				c = past
			}
		}
		c.Assigned, c.Earlier, c.Amount = true, c.CurrentAmount.Sub(m.InitialAmount), decimal.Decimal{}
		changes = append(changes, c)
	}
	return changes, nil
}

// countPast lets a mission count what a user did in its period, but for the event now. What the user did
// while not in the mission's group does not count.
func (p *Program) countPast(ctx context.Context, tx *session.Tx, m *Mission, userID, now string) ([]Change, error) {
	if p.past == nil || m.TargetAmount == nil {
		return nil, nil
	}
	var changes []Change
	for o, err := range p.past(ctx, tx, userID, m.StartsAt, m.EndsAt) {
		if err != nil {
			return nil, err
		}
		if o.Event.ID == now || !m.counts(o) {
			continue
		}
		// For those who explain, it is as if the entry before this one had counted it.
		if changes, err = p.advance(ctx, tx, o, tx.Seq-1, m, changes); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// counts tells whether the mission is one that an event advances: the user's or that of a group the user is
// in, running, and matched by the event.
func (m *Mission) counts(o *mechanic.Occasion) bool {
	return slices.Contains(owners(o.User), m.owner()) && m.period().State(o.Event.At) == timeframe.Active &&
		slices.Contains(matchKeys(o), m.Matcher().Key())
}

// eachCounting calls fn with the missions that an event advances.
func eachCounting(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, fn func(*Mission) error) error {
	for _, owner := range owners(o.User) {
		for _, key := range matchKeys(o) {
			running, err := missionTable.List(ctx, tx, counting(owner, key, o.Event.At))
			if err != nil {
				return err
			}
			for i := range running {
				if running[i].period().State(o.Event.At) != timeframe.Active {
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

// leave takes an event that moved in time from the missions that it no longer advances. A mission
// that it completed keeps it, because what followed from that has been paid.
func leave(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	return eachCounting(ctx, tx, o.Was, func(m *Mission) error {
		if m.counts(o) {
			return nil
		}
		logs, err := logTable.List(ctx, tx, store.Prefix(logPrefix(m.ID)))
		if err != nil {
			return err
		}
		was := (&Log{MissionID: m.ID, EventID: o.Event.ID, At: o.Event.MovedFrom}).key()
		i := slices.IndexFunc(logs, func(l Log) bool { return l.key() == was && !l.left() })
		if i < 0 {
			return nil
		}
		logs = slices.Clone(logs)
		logs[i].Left = o.Mark(tx)
		gone := logs[i]
		after := fold(*m, logs)
		if m.IsCompleted && !after.IsCompleted {
			tx.Report(Configurations.Name()+"/"+m.ConfigurationID, "", "the mission "+m.ID+" stays completed although what completed it happened in another period")
			return nil
		}
		after.UpdatedAt = tx.Now
		return errors.Join(logTable.Put(ctx, tx, gone), missionTable.Put(ctx, tx, after))
	})
}

// take takes back what an event had contributed to a mission when it was thought to have happened at
// another time.
func take(ctx context.Context, tx *session.Tx, m *Mission, o *mechanic.Occasion) error {
	was := Log{MissionID: m.ID, EventID: o.Event.ID, At: o.Event.MovedFrom}
	log, found, err := logTable.Get(ctx, tx, was.key())
	if err != nil || !found || log.left() {
		return err
	}
	log.Left = o.Mark(tx)
	if err := logTable.Put(ctx, tx, log); err != nil {
		return err
	}
	return refold(ctx, tx, m)
}

// advance adds the event to a mission if it counts there, and what that changed to changes. seq is the
// number of the journal's entry that counts it.
func (p *Program) advance(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, seq int64, m *Mission, changes []Change) ([]Change, error) {
	here := position{o.Event.At, o.Event.ID}
	if m.MissionType == Individual && m.IsCompleted && here.after(m.Last) {
		return changes, nil
	}
	g, err := p.goalOf(m)
	if err != nil {
		return nil, err
	}
	var amount decimal.Decimal
	ok := activate(tx, g, m, o.Vars)
	judge := func() {
		ok = ok && g.condition.Holds(tx, o.Vars)
		if ok {
			amount, ok = g.increment.Of(tx, o.Vars)
		}
	}
	m.seen(o.Vars, g.readsMission, judge)
	if !ok || amount.IsZero() {
		return changes, nil
	}
	entry := Log{MissionID: m.ID, EventID: here.Event, UserID: o.Event.UserID, At: here.At, Amount: amount, Seq: seq}
	before := *m
	if !o.Event.MovedFrom.IsZero() {
		if err := take(ctx, tx, m, o); err != nil {
			return nil, err
		}
	}
	if err := contribute(ctx, tx, m, entry); err != nil {
		return nil, err
	}
	m.UpdatedAt = tx.Now
	c := p.announce(tx, &before, m, entry)
	if err := missionTable.Put(ctx, tx, *m); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(changes, func(c Change) bool { return c.MissionID == m.ID }); i >= 0 {
		c.Assigned, c.Earlier = true, changes[i].Earlier // by the same event
		c.Completed = c.Completed || changes[i].Completed
		changes[i] = c
	} else {
		changes = append(changes, c)
	}
	return changes, logTable.Put(ctx, tx, entry)
}

// goalOf returns the compiled form of a mission's own copy of its configuration.
func (p *Program) goalOf(m *Mission) (*goal, error) {
	if g := p.goals[m.ConfigurationID]; g != nil && g.Version == m.ConfigurationVersion {
		return g, nil
	}
	// The configuration has changed, or is out of use: the mission goes on as it began.
	c := &Configuration{
		MissionType: m.MissionType, MatchType: m.MatchType, MatchEntity: m.MatchEntity, MatchEntityID: m.MatchEntityID,
		MatchCondition: m.MatchCondition, IncrementExpression: m.IncrementExpression, TargetAmountExpression: m.TargetAmountExpression,
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
func activate(tx *session.Tx, g *goal, m *Mission, vars map[string]any) bool {
	if m.TargetAmount != nil {
		return true
	}
	var target decimal.Decimal
	var ok bool
	m.seen(vars, g.targetReads, func() { target, ok = g.target.PositiveOf(tx, vars) })
	if ok {
		m.TargetAmount = &target
	}
	return ok
}

// announce returns the change that a contribution made, and causes the event of a completion.
func (p *Program) announce(tx *session.Tx, before, m *Mission, entry Log) Change {
	c := change(m)
	c.Amount = entry.Amount
	c.Completed = m.IsCompleted && !before.IsCompleted
	if before.IsCompleted && before.CompletedBy != m.CompletedBy {
		// It stays with whom it was announced for: that user has been paid.
		m.CompletedAt, m.CompletedBy = before.CompletedAt, before.CompletedBy
	}
	moved := before.IsCompleted && !before.CompletedAt.Equal(m.CompletedAt)
	if c.Completed || moved {
		e := completion(m)
		if moved {
			e.MovedFrom = before.CompletedAt
		}
		tx.Cause(e)
	}
	return c
}

// completion is the event of a mission that has been completed.
func completion(m *Mission) event.Event {
	value := m.CurrentAmount
	fields := m.vars()
	delete(fields, "userId")
	return event.Event{
		ID: m.ID + ":completed", Type: event.Mission, EntityID: m.ConfigurationID, UserID: m.CompletedBy, At: m.CompletedAt,
		Value: &value, Progress: event.Complete, Fields: fields,
	}
}

// contribute adds a contribution to a mission.
func contribute(ctx context.Context, tx *session.Tx, m *Mission, entry Log) error {
	here := position{entry.At, entry.EventID}
	if !here.after(m.Last) {
		return refold(ctx, tx, m, entry)
	}
	m.Last = here
	m.CurrentAmount = m.CurrentAmount.Add(entry.Amount)
	if !m.IsCompleted && m.CurrentAmount.GreaterThanOrEqual(*m.TargetAmount) {
		m.IsCompleted, m.CompletedAt, m.CompletedBy = true, entry.At, entry.UserID
	}
	return nil
}

// refold counts a mission again from its contributions and those given.
func refold(ctx context.Context, tx *session.Tx, m *Mission, late ...Log) error {
	logs, err := logTable.List(ctx, tx, store.Prefix(logPrefix(m.ID)))
	if err != nil {
		return err
	}
	*m = fold(*m, slices.Concat(logs, late))
	return nil
}

// fold returns the mission as its contributions, in the order in which they happened, make it. An
// INDIVIDUAL mission counts none after the one that completed it.
func fold(m Mission, logs []Log) Mission {
	slices.SortFunc(logs, func(a, b Log) int {
		if (position{a.At, a.EventID}).after(position{b.At, b.EventID}) {
			return 1
		}
		return -1
	})
	m.CurrentAmount, m.IsCompleted, m.CompletedAt, m.CompletedBy, m.Last = m.InitialAmount, false, time.Time{}, "", position{}
	for _, l := range logs {
		if m.IsCompleted && m.MissionType == Individual {
			break
		}
		if l.left() {
			continue
		}
		m.Last = position{l.At, l.EventID}
		m.CurrentAmount = m.CurrentAmount.Add(l.Amount)
		if !m.IsCompleted && m.CurrentAmount.GreaterThanOrEqual(*m.TargetAmount) {
			m.IsCompleted, m.CompletedAt, m.CompletedBy = true, l.At, l.UserID
		}
	}
	return m
}
