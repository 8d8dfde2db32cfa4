package learning

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// ExplainRule tells how far an entry of the journal got with a rule: what React asked, in its order, and
// whether the rule assigned or unlocked something. The program is the one that was in force, and tx.Now the
// moment at which the entry was recorded.
func (p *Program) ExplainRule(ctx context.Context, tx *session.Tx, cases []mechanic.Case, r *Rule) (mechanic.Verdict, error) {
	return mechanic.Farthest(cases, func(c *mechanic.Case) (mechanic.Verdict, error) {
		v := mechanic.Verdict{Version: r.Version}
		pl := p.rules.Find(r.ID)
		if !v.Evaluated(c, Rules.Name(), r.ID, pl.on, "paths") {
			return v, nil
		}
		err := p.explainPlan(ctx, tx, c, pl, &v)
		return v, err
	})
}

// explainPlan asks what [Program.evaluate] asks.
func (p *Program) explainPlan(ctx context.Context, tx *session.Tx, c *mechanic.Case, pl *plan, v *mechanic.Verdict) error {
	period, ok, err := pl.on.PeriodAt(tx, c.User, c.Event.At)
	if err != nil || !v.Within(pl.Timeframe, c.Event.At) || !ok {
		return err
	}
	if pl.RuleType == Assign {
		if ok, err := v.Unevaluated(ctx, tx, evaluations, c, pl.ID, c.User.ID, period.ID); err != nil || !ok {
			return err
		}
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
	if _, ok, err := v.Begun(ctx, tx, c, pl.on, period); err != nil || !ok {
		return err
	}
	p.explainCandidates(tx, c, pl, v)
	return nil
}

// existing returns the user's assignments that had been made when the case was recorded, as they were then.
func (p *Program) existing(ctx context.Context, tx *session.Tx, c *mechanic.Case) ([]Assignment, error) {
	list, err := assignments.List(ctx, tx, endingAfter(c.User.ID, c.Event.At))
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(a Assignment) bool { return a.CreatedAt.After(c.RecordedAt) })
	for i := range list {
		a := &list[i]
		r, _, err := logs.Get(ctx, tx, logKey(a.UserID, a.Context, itemKey{ItemPath, a.PathID}))
		if err != nil {
			return nil, err
		}
		a.Progress, a.Outcome = "", ""
		if was := r.then(c); was != nil {
			a.Progress, a.Outcome = was.Progress, was.Outcome
		}
		if a.lockedThen(c) {
			a.Visibility = Locked
		}
	}
	return list, nil
}

// lockedThen tells whether the assignment was locked when a case was reacted to.
func (a *Assignment) lockedThen(c *mechanic.Case) bool {
	return a.Visibility == Locked || !a.UnlockedAt.IsZero() && !c.Is(a.UnlockedBy) && !c.Follows(a.UnlockedBy)
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
func (p *Program) explainCandidates(tx *session.Tx, c *mechanic.Case, pl *plan, v *mechanic.Verdict) {
	v.Picks("learningPathsPool", "no published path is a candidate", len(pl.candidates), func(i int) (id string, asked rule.Check) {
		path := pl.candidates[i]
		c.With("learningPath", p.pathVars(path, c.Event.At), func() { asked = pl.paths.Check(c.Vars, tx.Now) })
		return path.ID, asked
	})
}
