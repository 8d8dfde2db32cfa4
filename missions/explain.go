package missions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// ExplainRule tells how far an entry of the journal got with a rule: what React asked, in its order,
// and whether the rule assigned something. The program is the one that was in force, tx.Now the moment
// at which the entry was recorded, and changes are those of its outcome.
func (p *Program) ExplainRule(ctx context.Context, tx *session.Tx, cases []mechanic.Case, r *Rule, changes []Change) (mechanic.Verdict, error) {
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		v := mechanic.Verdict{Version: r.Version}
		if pl := p.byClock(r.ID); pl != nil && c.Ticks(Rules.Name()) && c.Event.EntityID == r.ID {
			v.Ask("assignmentMode", true, "it is %s, and the time had come", r.AssignmentMode)
			err := p.explainPlan(ctx, tx, c, pl, changes, &v)
			return v, err
		}
		if !v.Ask("assignmentMode", r.AssignmentMode == OnEvent, "it is %s: %s", r.AssignmentMode, r.AssignmentMode.EvaluatedWhen("missions")) ||
			!v.Matches(mechanic.EventMatchFields(), r.EventMatcher(), c.Event) {
			return v, nil
		}
		rules := p.rules.On(c.Event.MatchKeys())
		pl := rules[slices.IndexFunc(rules, func(pl *plan) bool { return pl.ID == r.ID })]
		err := p.explainPlan(ctx, tx, c, pl, changes, &v)
		return v, err
	})
}

// explainPlan asks what [Program.evaluate] asks.
func (p *Program) explainPlan(ctx context.Context, tx *session.Tx, c *mechanic.Case, pl *plan, changes []Change, v *mechanic.Verdict) error {
	owner, ok := pl.owner(c.User)
	if pl.MissionType == Group && !v.Ask("groupTagId", ok, "user %s is %sin the group of the tag %s", c.User.ID, not(ok), pl.GroupTagID) {
		return nil
	}
	period, ok, err := pl.trigger().PeriodAt(tx, c.User, c.Event.At)
	if err != nil || !v.Within(pl.Timeframe, c.Event.At) || !ok {
		return err
	}
	done, found, err := evaluationTable.Get(ctx, tx, mechanic.EvaluationKey(pl.ID, owner, period.ID))
	if err != nil {
		return err
	}
	v.Moved = found && c.Is(done.Mark) && slices.ContainsFunc(changes, func(ch Change) bool { return ch.Assigned && ch.RuleID == pl.ID })
	if found && done.Precedes(c) {
		v.Ask("periodId", false, "the rule was evaluated for %s before, %s", period.ID, &done)
		return nil
	}
	v.Ask("periodId", true, "the rule had not been evaluated for %s", period.ID)
	if pl.readsActive {
		active, err := p.activeThen(ctx, tx, c, pl)
		if err != nil {
			return err
		}
		c.Vars["activeMissions"] = active
		defer delete(c.Vars, "activeMissions")
	}
	if !v.Condition(pl.event, c.Vars, tx.Now) || !v.Condition(pl.users, c.Vars, tx.Now) {
		return nil
	}
	begun, ok, err := pl.begun(ctx, tx, c.User, period, c.Event.At)
	if err != nil {
		return err
	}
	if !ok {
		v.Ask("timeframeTimezoneType", false, "%s was over in the zone in which the user lived when it began", period.ID)
		return nil
	}
	v.Add(p.explainCandidates(tx, c, pl, begun))
	return nil
}

// explainCandidates asks whether the rule picks at least one of its candidates.
func (p *Program) explainCandidates(tx *session.Tx, c *mechanic.Case, pl *plan, period timeframe.Period) rule.Check {
	if len(pl.goals) == 0 {
		return rule.Check{Name: "missionConfigurationsPool", Reason: "no published configuration is a candidate"}
	}
	out := rule.Check{Name: "missionConfigurationsPool"}
	reasons := make([]string, len(pl.goals))
	for i, g := range pl.goals {
		m := newMission(tx, g, pl, period, c.User)
		var asked rule.Check
		c.With("mission", p.candidate(m, g, c.Event.At), func() { asked = pl.missions.Check(c.Vars, tx.Now) })
		if asked.Holds && period.State(c.Event.At) == timeframe.Active {
			if target := explainTarget(tx, c, g, m); !target.Holds {
				asked = target
			}
		}
		out.Holds = out.Holds || asked.Holds
		reasons[i] = g.ID + " is " + not(asked.Holds) + "picked"
		if asked.Trace != nil {
			reasons[i] += fmt.Sprintf(" (%s: %s)", asked.Name, asked.Reason)
		}
		if len(pl.goals) == 1 {
			out.Trace = asked.Trace
		}
	}
	out.Reason = strings.Join(reasons, "; ")
	return out
}

func not(holds bool) string {
	if holds {
		return ""
	}
	return "not "
}

// explainTarget asks for the target of a mission that has none yet.
func explainTarget(tx *session.Tx, c *mechanic.Case, g *goal, m *Mission) (check rule.Check) {
	c.With("mission", m.vars(), func() { check = g.target.Check(c.Vars, tx.Now) })
	return check
}

// ExplainConfiguration tells how far an entry of the journal got with a configuration: what React asked
// of the configuration's missions, in its order, and whether one of them advanced. The configuration is
// nil if it was not in force; a mission that was running then went on nevertheless. The other arguments
// are those of [Program.ExplainRule]. The version is that of the mission's own copy.
func (p *Program) ExplainConfiguration(
	ctx context.Context, tx *session.Tx, cases []mechanic.Case, id string, configuration *Configuration, changes []Change,
) (mechanic.Verdict, error) {
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		running, err := p.countingThen(ctx, tx, c, id)
		if err != nil {
			return mechanic.Verdict{}, err
		}
		var best mechanic.Verdict
		for i := range running {
			v, err := p.explainMission(ctx, tx, c, &running[i], changes)
			if err != nil {
				return mechanic.Verdict{}, err
			}
			if i == 0 || v.Beats(&best) {
				best = v
			}
		}
		if len(running) > 0 {
			return best, nil
		}
		return p.explainNone(ctx, tx, c, id, configuration)
	})
}

// countingThen returns what React found for the event: the missions of a configuration that count it,
// and some that begin later.
func (p *Program) countingThen(ctx context.Context, tx *session.Tx, c *mechanic.Case, id string) ([]Mission, error) {
	var found []Mission
	for _, owner := range owners(c.User) {
		for _, key := range c.Event.MatchKeys() {
			missions, err := missionTable.List(ctx, tx, counting(owner, key, c.Event.At))
			if err != nil {
				return nil, err
			}
			for i := range missions {
				existed, err := p.existed(ctx, tx, c, &missions[i], nil)
				if err != nil {
					return nil, err
				}
				if existed && missions[i].ConfigurationID == id {
					found = append(found, missions[i])
				}
			}
		}
	}
	return found, nil
}

// existed tells whether a mission was there when React came to a rule, or with nil to the advancing of
// missions, because of the case's event.
func (p *Program) existed(ctx context.Context, tx *session.Tx, c *mechanic.Case, m *Mission, pl *plan) (bool, error) {
	done, found, err := evaluationTable.Get(ctx, tx, mechanic.EvaluationKey(m.RuleID, m.owner(), m.PeriodID))
	switch {
	case err != nil:
		return false, err
	case !found || done.Mark == (mechanic.Mark{}): // made by hand, or by no event
		return !m.CreatedAt.After(c.RecordedAt), nil
	case !c.Is(done.Mark):
		return c.Follows(done.Mark), nil
	case pl == nil:
		return true, nil
	}
	// The event made it: rules that come later see it.
	maker := content.Find(p.docs, Rules, m.RuleID)
	return maker != nil && maker.Before(&pl.Header) < 0, nil
}

// then returns a mission as it was before the case's event.
func then(ctx context.Context, tx *session.Tx, c *mechanic.Case, m *Mission) (Mission, error) {
	logs, err := logTable.List(ctx, tx, store.Prefix(logPrefix(m.ID)))
	if err != nil {
		return Mission{}, err
	}
	var before []Log
	for _, l := range logs {
		if !c.Follows(l.mark()) || l.left() && c.Follows(l.Left) {
			continue
		}
		l.Left = mechanic.Mark{} // it still counted then
		before = append(before, l)
	}
	return fold(*m, before), nil
}

func (l *Log) mark() mechanic.Mark { return mechanic.Mark{Seq: l.Seq, EventID: l.EventID} }

// activeThen is [activeMissions] as it was when React came to a rule.
func (p *Program) activeThen(ctx context.Context, tx *session.Tx, c *mechanic.Case, pl *plan) ([]any, error) {
	list := []any{}
	for _, owner := range owners(c.User) {
		missions, err := missionTable.List(ctx, tx, owned(owner, c.Event.At))
		if err != nil {
			return nil, err
		}
		for i := range missions {
			if missions[i].period().State(c.Event.At) != timeframe.Active {
				continue
			}
			existed, err := p.existed(ctx, tx, c, &missions[i], pl)
			if err != nil {
				return nil, err
			}
			if !existed {
				continue
			}
			m, err := then(ctx, tx, c, &missions[i])
			if err != nil {
				return nil, err
			}
			list = append(list, m.vars())
		}
	}
	return list, nil
}

// explainMission asks what [Program.advance] asks.
func (p *Program) explainMission(ctx context.Context, tx *session.Tx, c *mechanic.Case, now *Mission, changes []Change) (mechanic.Verdict, error) {
	v := mechanic.Verdict{Version: now.ConfigurationVersion}
	m, err := then(ctx, tx, c, now)
	if err != nil {
		return v, err
	}
	g, err := p.goalOf(&m)
	if err != nil {
		return v, err
	}
	here := position{c.Event.At, c.Event.ID}
	log, logged, err := logTable.Get(ctx, tx, (&Log{MissionID: m.ID, EventID: here.Event, At: here.At}).key())
	if err != nil {
		return v, err
	}
	v.Moved = logged && c.Is(log.mark()) && slices.ContainsFunc(changes, func(ch Change) bool { return ch.MissionID == m.ID && ch.Amount.IsPositive() })
	v.Matches(event.MatchFields(), m.Matcher(), c.Event)
	if !askState(&v, &m, here) {
		return v, nil
	}
	if m.TargetAmount == nil && !v.Add(explainTarget(tx, c, g, &m)) {
		return v, nil
	}
	activate(tx, g, &m, c.Vars)
	c.With("mission", m.vars(), func() {
		if v.Condition(g.condition, c.Vars, tx.Now) {
			v.Add(g.increment.Check(c.Vars, tx.Now))
		}
	})
	if v.Holds() && !v.Moved { // its target was fixed later, and was none yet
		v.Add(explainTarget(tx, c, g, &m))
	}
	return v, nil
}

// askState asks whether a mission counts anything at a place in the order in which things happened.
func askState(v *mechanic.Verdict, m *Mission, here position) bool {
	switch {
	case m.period().State(here.At) != timeframe.Active:
		return v.Ask("startsAt", false, "mission %s begins at %s, after the event", m.ID, mechanic.Stamp(m.StartsAt))
	case !v.Ask("startsAt", true, "mission %s was running", m.ID):
		return false
	case m.MissionType == Group:
		return true
	case m.IsCompleted && here.after(m.Last):
		return v.Ask("isCompleted", false, "it had been completed at %s by event %s", mechanic.Stamp(m.CompletedAt), m.Last.Event)
	}
	return v.Ask("isCompleted", true, "it had not been completed, with %s of %s", m.CurrentAmount, target(m))
}

func target(m *Mission) string {
	if m.TargetAmount == nil {
		return "a target to be fixed"
	}
	return m.TargetAmount.String()
}

// explainNone says why no mission of a configuration could count the event.
func (p *Program) explainNone(ctx context.Context, tx *session.Tx, c *mechanic.Case, id string, configuration *Configuration) (v mechanic.Verdict, err error) {
	if configuration == nil {
		v.Ask("published", false, "it was not published, and no mission of it was running")
		return v, nil
	}
	v.Version = configuration.Version
	if !v.Matches(event.MatchFields(), configuration.Matcher(), c.Event) {
		return v, nil
	}
	var last *Mission
	for _, owner := range owners(c.User) {
		missions, err := missionTable.List(ctx, tx, store.By("owner", store.Text(owner)))
		if err != nil {
			return v, err
		}
		for i := range missions {
			m := &missions[i]
			if m.ConfigurationID != id || last != nil && !m.StartsAt.After(last.StartsAt) {
				continue
			}
			existed, err := p.existed(ctx, tx, c, m, nil)
			if err != nil {
				return v, err
			}
			if existed {
				last = m
			}
		}
	}
	switch {
	case last == nil:
		v.Ask("startsAt", false, "no mission of it had been assigned to user %s", c.User.ID)
	case last.period().State(c.Event.At) == timeframe.Ended:
		v.Ask("startsAt", false, "mission %s had ended at %s, and the event happened at %s", last.ID, mechanic.Stamp(last.EndsAt), mechanic.Stamp(c.Event.At))
	default:
		v.Ask("startsAt", false, "mission %s is of version %d, which does not count the event", last.ID, last.ConfigurationVersion)
	}
	return v, nil
}
