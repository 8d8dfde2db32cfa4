package missions

import (
	"context"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// ExplainRule tells how far an entry of the journal got with a rule: what React asked, in its order,
// and whether the rule assigned something. The program is the one that was in force, and tx.Now the moment
// at which the entry was recorded.
func (p *Program) ExplainRule(ctx context.Context, tx *session.Tx, cases []mechanic.Case, r *Rule) (mechanic.Verdict, error) {
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		v := mechanic.Verdict{Version: r.Version}
		pl := p.rules.Find(r.ID)
		if !v.Evaluated(c, Rules.Name(), r.ID, pl.on, "missions") {
			return v, nil
		}
		err := p.explainPlan(ctx, tx, c, pl, &v)
		return v, err
	})
}

// explainPlan asks what [Program.evaluate] asks.
func (p *Program) explainPlan(ctx context.Context, tx *session.Tx, c *mechanic.Case, pl *plan, v *mechanic.Verdict) error {
	owner, ok := pl.owner(c.User)
	if pl.MissionType == Group && !v.Ask("groupTagId", ok, "user %s is %sin the group of the tag %s", c.User.ID, not(ok), pl.GroupTagID) {
		return nil
	}
	period, ok, err := pl.on.PeriodAt(tx, c.User, c.Event.At)
	if err != nil || !v.Within(pl.Timeframe, c.Event.At) || !ok {
		return err
	}
	if ok, err := v.Unevaluated(ctx, tx, evaluationTable, c, pl.ID, owner, period.ID); err != nil || !ok {
		return err
	}
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
	if pl.MissionType == Individual {
		if period, ok, err = v.Begun(ctx, tx, c, pl.on, period); err != nil || !ok {
			return err
		}
	}
	p.explainCandidates(tx, c, pl, period, v)
	return nil
}

// explainCandidates asks whether the rule picks at least one of its candidates.
func (p *Program) explainCandidates(tx *session.Tx, c *mechanic.Case, pl *plan, period timeframe.Period, v *mechanic.Verdict) {
	const none = "no published configuration is a candidate"
	v.Picks("missionConfigurationsPool", none, len(pl.goals), func(i int) (id string, asked rule.Check) {
		g := pl.goals[i]
		m := newMission(tx, g, pl, period, c.User)
		c.With("mission", p.candidate(m, g, c.Event.At), func() { asked = pl.missions.Check(c.Vars, tx.Now) })
		if asked.Holds && period.State(c.Event.At) == timeframe.Active {
			if target := explainTarget(tx, c, g, m); !target.Holds {
				asked = target
			}
		}
		return g.ID, asked
	})
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
// nil if it was not in force; a mission that was running then went on nevertheless. Changes are those of the
// entry's outcome, and the version is that of the mission's own copy.
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
		for _, key := range c.Keys {
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
	done, found, err := evaluationTable.Get(ctx, tx, mechanic.EvaluationKey(m.owner(), m.RuleID, m.PeriodID))
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
	return maker != nil && maker.Compare(&pl.Header) < 0, nil
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
