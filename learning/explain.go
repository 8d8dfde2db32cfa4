package learning

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// ExplainRule tells how far an entry of the journal got with a rule: what React asked, in its order, and
// whether the rule assigned or unlocked something. The program is the one that was in force, tx.Now the moment
// at which the entry was recorded, and changes are those of its outcome. Of the assignments that a condition
// reads, how far their paths had come is known as it is now.
func (p *Program) ExplainRule(ctx context.Context, tx *session.Tx, cases []mechanic.Case, r *Rule, changes []Change) (mechanic.Verdict, error) {
	pl, err := compileRule(r)
	if err != nil {
		return mechanic.Verdict{}, err
	}
	pl.candidates = p.candidates(r)
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		v := mechanic.Verdict{Version: r.Version}
		byClock := r.AssignmentMode == Lazy || r.AssignmentMode == ScheduledPush
		if byClock && c.Ticks(Rules.Name()) && c.Event.EntityID == r.ID {
			v.Ask("assignmentMode", true, "it is %s, and the time had come", r.AssignmentMode)
		} else if !v.Ask("assignmentMode", r.AssignmentMode == OnEvent, "it is %s: %s", r.AssignmentMode, r.AssignmentMode.EvaluatedWhen("paths")) ||
			!v.Matches(mechanic.EventMatchFields(), r.matcher(), c.Event) {
			return v, nil
		}
		err := p.explainPlan(ctx, tx, c, pl, changes, &v)
		return v, err
	})
}

// explainPlan asks what [Program.evaluate] asks.
func (p *Program) explainPlan(ctx context.Context, tx *session.Tx, c *mechanic.Case, pl *plan, changes []Change, v *mechanic.Verdict) error {
	period, ok, err := pl.on.PeriodAt(tx, c.User, c.Event.At)
	if err != nil || !v.Within(pl.Timeframe, c.Event.At) || !ok {
		return err
	}
	if pl.RuleType == Assign {
		done, found, err := evaluations.Get(ctx, tx, mechanic.EvaluationKey(pl.ID, c.User.ID, period.ID))
		if err != nil {
			return err
		}
		v.Moved = found && c.Is(done.Mark) && slices.ContainsFunc(changes, func(ch Change) bool { return ch.Assigned && ch.RuleID == pl.ID })
		if found && done.Precedes(c) {
			v.Ask("periodId", false, "the rule was evaluated for %s before, %s", period.ID, &done)
			return nil
		}
		v.Ask("periodId", true, "the rule had not been evaluated for %s", period.ID)
	}
	existing, err := p.existing(ctx, tx, c)
	if err != nil {
		return err
	}
	c.Vars["activeAssignments"] = activeThen(existing, c.Event.At)
	defer delete(c.Vars, "activeAssignments")
	if !v.Condition(pl.event, c.Vars, tx.Now) || !v.Condition(pl.users, c.Vars, tx.Now) {
		return nil
	}
	if pl.RuleType == Unlock {
		explainUnlock(c, pl, existing, v)
		return nil
	}
	v.Add(p.explainCandidates(tx, c, pl))
	return nil
}

// existing returns the user's assignments that had been made when the case was recorded.
func (p *Program) existing(ctx context.Context, tx *session.Tx, c *mechanic.Case) ([]Assignment, error) {
	list, err := assignments.List(ctx, tx, endingAfter(c.User.ID, c.Event.At))
	return slices.DeleteFunc(slices.Clone(list), func(a Assignment) bool { return a.CreatedAt.After(c.RecordedAt) }), err
}

func activeThen(existing []Assignment, at time.Time) []any {
	list := []any{}
	for i := range existing {
		if existing[i].period().State(at) == timeframe.Active {
			list = append(list, existing[i].vars())
		}
	}
	return list
}

// explainUnlock asks whether the user had something to unlock.
func explainUnlock(c *mechanic.Case, pl *plan, existing []Assignment, v *mechanic.Verdict) {
	why := "no assignment of path " + pl.UnlockLearningPathID + " had been made for user " + c.User.ID
	for _, a := range existing {
		if a.PathID != pl.UnlockLearningPathID {
			continue
		}
		switch {
		case a.UnlockedByRuleID == pl.ID && c.Is(a.UnlockedBy):
			v.Moved = true
			v.Ask("unlockLearningPathId", true, "assignment %s was locked", a.ID)
			return
		case a.Visibility == Locked:
			why = "assignment " + a.ID + " is locked still"
		case a.UnlockedAt.IsZero():
			why = "assignment " + a.ID + " was not locked when it was made"
		default:
			why = fmt.Sprintf("assignment %s was unlocked at %s by rule %s", a.ID, mechanic.Stamp(a.UnlockedAt), a.UnlockedByRuleID)
		}
	}
	v.Ask("unlockLearningPathId", false, "%s", why)
}

// explainCandidates asks whether the rule picks at least one of its candidates.
func (p *Program) explainCandidates(tx *session.Tx, c *mechanic.Case, pl *plan) rule.Check {
	out := rule.Check{Name: "learningPathsPool", Reason: "no published path is a candidate"}
	var reasons []string
	for _, path := range pl.candidates {
		var asked rule.Check
		c.With("learningPath", p.pathVars(path, c.Event.At), func() { asked = pl.paths.Check(c.Vars, tx.Now) })
		verb := " is not picked"
		if asked.Holds {
			verb = " is picked"
		}
		out.Holds = out.Holds || asked.Holds
		reason := path.ID + verb
		if asked.Trace != nil {
			reason += fmt.Sprintf(" (%s: %s)", asked.Name, asked.Reason)
		}
		if len(pl.candidates) == 1 {
			out.Trace = asked.Trace
		}
		reasons = append(reasons, reason)
	}
	if len(reasons) > 0 {
		out.Reason = strings.Join(reasons, "; ")
	}
	return out
}
