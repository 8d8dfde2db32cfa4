package missions

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Explains tells whether documents of a kind are rules or configurations of missions.
func (p *program) Explains(kind string) bool {
	return kind == Rules.Name() || kind == Configurations.Name()
}

// Moves tells whether a change is by a rule, which assigned the mission, or by a configuration, which counted.
func (p *program) Moves(c *Change, kind, id string) bool {
	if kind == Rules.Name() {
		return c.RuleID == id && c.Assigned
	}
	return c.ConfigurationID == id && c.Counted()
}

// Explain asks of an occasion what React will ask of a rule or a configuration, in its order.
func (p *program) Explain(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, kind, id string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	if kind == Configurations.Name() {
		v, err := p.explainConfiguration(ctx, tx, o, id)
		return v, nil, err
	}
	v := &mechanic.Verdict{}
	pl := p.rules.Find(id)
	if pl == nil {
		v.Unpublished()
		return v, nil, nil
	}
	v.Version = pl.Version
	conclude, err := p.explainRule(ctx, tx, o, pl, v)
	return v, func(changes *[]Change, problems []event.Problem) {
		if conclude != nil {
			conclude(changes, problems)
		}
		i := slices.IndexFunc(*changes, func(c Change) bool { return c.RuleID == id && c.Assigned })
		if i >= 0 && pl.MissionType == Individual && !v.Holds() { // not because of what the event is about
			v.Checks = nil
			v.Ask("requires", true, "mission %s was picked before, and what it had waited for is completed", (*changes)[i].MissionID)
		}
	}, err
}

// explainRule asks whether an occasion has a rule evaluated, and then what that asks.
func (p *program) explainRule(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, pl *plan, v *mechanic.Verdict,
) (func(*[]Change, []event.Problem), error) {
	if !v.Evaluated(o, Rules.Name(), pl.ID, pl.on, "missions") {
		return nil, nil
	}
	// The rules before it have assigned theirs by then: React will find that done.
	before := p.rules.On(o)
	if i := slices.Index(before, pl); i > 0 {
		if _, err := p.assign(ctx, tx, before[:i], o); err != nil {
			return nil, err
		}
	}
	return p.explainPlan(ctx, tx, o, pl, v)
}

// explainPlan asks what [program.evaluate] asks. Of a group, what it returns adds whether another member had the rule
// evaluated before, if nothing came of it.
func (p *program) explainPlan(
	ctx context.Context, tx *session.Tx, c *mechanic.Occasion, pl *plan, v *mechanic.Verdict,
) (conclude func(*[]Change, []event.Problem), err error) {
	owner, ok := pl.owner(c.User)
	if pl.MissionType == Group && !v.Ask("groupTagId", ok, "user %s is %sin the group of the tag %s", c.User.ID, not(ok), pl.GroupTagID) {
		return nil, nil
	}
	period, _, err := pl.on.PeriodAt(tx, c.User, c.Event.At) // an active timeframe has one
	if err != nil || !v.Within(pl.Timeframe, c.Event.At) {
		return nil, err
	}
	if ok, err := v.Unevaluated(ctx, tx, evaluationTable, pl.ID, owner, period.ID); err != nil || !ok {
		return nil, err
	}
	if pl.assignedBefore(c, period.ID) {
		v.Ask("periodId", false, "the event follows from a mission that the rule had assigned for %s", period.ID)
		return nil, nil
	}
	if pl.readsActive {
		active, err := activeMissions(ctx, tx, c.User, c.Event.At)
		if err != nil {
			return nil, err
		}
		c.Vars()["activeMissions"] = active
		defer delete(c.Vars(), "activeMissions")
	}
	if !v.Condition(pl.event, c.Vars(), tx.Moment()) || !v.Condition(pl.users, c.Vars(), tx.Moment()) {
		return nil, nil
	}
	if pl.MissionType == Individual {
		if period, ok, err = v.Begun(ctx, tx, c, pl.on, period); err != nil || !ok {
			return nil, err
		}
	}
	if err := p.explainCandidates(ctx, tx, c, pl, period, v); err != nil || pl.MissionType == Individual {
		return nil, err
	}
	others, err := election{owner.ID, pl.ID, period.ID}.candidates(ctx, tx)
	return func(*[]Change, []event.Problem) {
		if !v.Moved && v.Holds() && len(others) > 0 {
			v.Ask("periodId", false, "the rule was evaluated for %s before, %s", period.ID, &others[0])
		}
	}, err
}

// explainCandidates asks whether the rule picks at least one of its candidates that waits for no other.
func (p *program) explainCandidates(ctx context.Context, tx *session.Tx, c *mechanic.Occasion, pl *plan, period timeframe.Period, v *mechanic.Verdict) (err error) {
	const none = "no published configuration is a candidate"
	v.Picks("missionConfigurationsPool", none, len(pl.aims), func(i int) (id string, asked rule.Check) {
		a := pl.aims[i]
		m := p.newMission(tx, a, pl, period, c.User)
		c.With("mission", p.candidate(m, a, c.Event.At), func() { asked = pl.missions.Check(c.Vars(), tx.Moment()) })
		if !asked.Holds {
			return a.ID, asked
		}
		var lacks string
		if _, lacks, err = p.met(ctx, tx, c.User, a); err == nil && lacks != "" {
			return a.ID, rule.Check{Name: "requires", Reason: fmt.Sprintf("it waits until user %s has completed a mission of %s", c.User.ID, lacks)}
		}
		if period.State(c.Event.At) == timeframe.Active {
			if target := explainTargets(tx, c, a, m); !target.Holds {
				asked = target
			}
		}
		return a.ID, asked
	})
	return err
}

func not(holds bool) string {
	if holds {
		return ""
	}
	return "not "
}

// explainTargets asks for the targets of a mission that has none yet, up to the first that is none.
func explainTargets(tx *session.Tx, c *mechanic.Occasion, a *aim, m *Mission) (check rule.Check) {
	for _, g := range a.goals {
		c.With("mission", m.varsOf(g), func() { check = g.target.Check(c.Vars(), tx.Moment()) })
		if !check.Holds {
			break
		}
	}
	return check
}

// explainConfiguration asks what React will ask of the configuration's missions, in its order. The configuration
// may be out of use; a mission that is running goes on nevertheless. The version is that of the mission's own copy.
func (p *program) explainConfiguration(ctx context.Context, tx *session.Tx, c *mechanic.Occasion, id string) (*mechanic.Verdict, error) {
	// What the event assigns counts it: React will find that done.
	if _, err := p.assign(ctx, tx, p.rules.On(c), c); err != nil {
		return nil, err
	}
	var best *mechanic.Verdict
	visit := func(m *Mission) error {
		if m.ConfigurationID != id {
			return nil
		}
		v, err := p.explainMission(tx, c, m)
		if err == nil && (best == nil || v.Beats(best)) {
			best = v
		}
		return err
	}
	for _, owner := range owners(c.User) {
		for _, key := range append(slices.Clone(c.Keys), severalGoals) {
			missions, err := missionTable.List(ctx, tx, counting(owner, key, c.Event.At))
			if err != nil {
				return nil, err
			}
			for i := range missions {
				if err := visit(&missions[i]); err != nil {
					return nil, err
				}
			}
		}
	}
	if best != nil {
		return best, nil
	}
	return p.explainNone(ctx, tx, c, id, p.aims[id])
}

// explainMission asks what [program.advance] asks.
func (p *program) explainMission(tx *session.Tx, c *mechanic.Occasion, m *Mission) (*mechanic.Verdict, error) {
	v := &mechanic.Verdict{Version: m.ConfigurationVersion}
	a, err := p.aimOf(m)
	if err != nil {
		return v, err
	}
	if !a.several() {
		v.Counts(event.MatchFields(), m.Matcher(), c)
	}
	if !askState(v, m, here(c)) || !askGrace(v, m, recordedAt(tx, c)) {
		return v, nil
	}
	if m.TargetAmount == nil && !v.Add(explainTargets(tx, c, a, m)) {
		return v, nil
	}
	activate(tx, a, m, c)
	if !a.several() {
		m.explainGoal(tx, c, a.goals[0], v)
		return v, nil
	}
	v.CountsFor("goals", len(a.goals), func(i int) (string, rule.Check) {
		var one mechanic.Verdict
		g := a.goals[i]
		switch of := &m.Goals[i]; {
		case !one.Counts(g.fields(), g.Matcher(), c):
		case m.reached(g):
			one.Ask(goalField(i), false, "it had been reached at %s", mechanic.Stamp(of.CompletedAt))
		default:
			one.Ask(goalField(i), true, "it had not been reached, with %s of %s", of.CurrentAmount, of.TargetAmount)
			m.explainGoal(tx, c, g, &one)
		}
		return g.id, one.Checks[len(one.Checks)-1]
	})
	return v, nil
}

// explainGoal asks what [goal.judge] asks.
func (m *Mission) explainGoal(tx *session.Tx, c *mechanic.Occasion, g *goal, v *mechanic.Verdict) {
	c.With("mission", m.varsOf(g), func() {
		if v.Condition(g.condition, c.Vars(), tx.Moment()) && m.askDistinct(v, g, c.Vars(), tx.Moment()) {
			v.Add(g.increment.Check(c.Vars(), tx.Moment()))
		}
	})
}

// askDistinct asks whether no event that the goal has counted has given the value that this one gives.
func (m *Mission) askDistinct(v *mechanic.Verdict, g *goal, vars map[string]any, now time.Time) bool {
	counted := m.counted(g)
	if !g.distinct.Given() || !v.Add(g.distinct.Check(vars, now, func(value string) bool { return slices.Contains(counted, value) })) {
		return !g.distinct.Given()
	}
	return len(counted) < MaxDistinct || v.Ask(g.below+"distinctExpression", false, "mission %s has counted %d values, and counts no more", m.ID, MaxDistinct)
}

// askState asks whether a mission counts anything at a place in the order in which things happened.
func askState(v *mechanic.Verdict, m *Mission, here position) bool {
	switch {
	case m.period().State(here.At) != timeframe.Active:
		return v.Ask("startsAt", false, "mission %s begins at %s, after the event", m.ID, mechanic.Stamp(m.StartsAt))
	case m.After != position{} && !here.after(m.After):
		return v.Ask("requires", false, "mission %s counts what is behind that which completed the last of those that are needed first", m.ID)
	case !v.Ask("startsAt", true, "mission %s was running", m.ID):
		return false
	case m.MissionType == Group:
		return true
	case m.IsCompleted:
		return v.Ask("isCompleted", false, "it had been completed at %s by event %s", mechanic.Stamp(m.CompletedAt), m.Completer.EventID)
	}
	return v.Ask("isCompleted", true, "it had not been completed, with %s of %s", m.CurrentAmount, target(m))
}

// askGrace says so if an event was recorded too late for a mission.
func askGrace(v *mechanic.Verdict, m *Mission, recorded time.Time) bool {
	return m.takes(recorded) || v.Ask("graceMinutes", false, "the event was recorded at %s, after the time of grace of mission %s that ended at %s",
		mechanic.Stamp(recorded), m.ID, mechanic.Stamp(m.GraceEndsAt))
}

func target(m *Mission) string {
	if m.TargetAmount == nil {
		return "a target to be fixed"
	}
	return m.TargetAmount.String()
}

// explainNone says why no mission of a configuration could count the event. The aim is nil if it is out of use.
func (p *program) explainNone(ctx context.Context, tx *session.Tx, c *mechanic.Occasion, id string, a *aim) (*mechanic.Verdict, error) {
	v := &mechanic.Verdict{}
	if a == nil {
		v.Ask("published", false, "it was not published, and no mission of it was running")
		return v, nil
	}
	v.Version = a.Version
	if a.several() {
		if !v.CountsFor("goals", len(a.goals), func(i int) (string, rule.Check) {
			var one mechanic.Verdict
			one.Counts(a.goals[i].fields(), a.goals[i].Matcher(), c)
			return a.goals[i].id, one.Checks[len(one.Checks)-1]
		}) {
			return v, nil
		}
	} else if !v.Counts(event.MatchFields(), a.Matcher(), c) {
		return v, nil
	}
	var last *Mission
	for _, owner := range owners(c.User) {
		missions, err := missionTable.List(ctx, tx, store.By("owner", store.Text(owner)))
		if err != nil {
			return v, err
		}
		for i := range missions {
			if m := &missions[i]; m.ConfigurationID == id && (last == nil || m.StartsAt.After(last.StartsAt)) {
				last = m
			}
		}
	}
	switch {
	case last == nil:
		_, lacks, err := p.met(ctx, tx, c.User, a)
		if err != nil {
			return v, err
		}
		if lacks != "" {
			v.Ask("requires", false, "no mission of it had been assigned to user %s, who had completed none of %s, which is needed first", c.User.ID, lacks)
			break
		}
		v.Ask("startsAt", false, "no mission of it had been assigned to user %s", c.User.ID)
	case last.period().State(c.Event.At) == timeframe.Ended:
		v.Ask("startsAt", false, "mission %s had ended at %s, and the event happened at %s", last.ID, mechanic.Stamp(last.EndsAt), mechanic.Stamp(c.Event.At))
	default:
		v.Ask("startsAt", false, "mission %s is of version %d, which does not count the event", last.ID, last.ConfigurationVersion)
	}
	return v, nil
}
