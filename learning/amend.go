package learning

import (
	"context"
	"slices"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Amend adds to changes the logs and assignments of the user that are others after the fold was folded again.
func (p *program) Amend(_ context.Context, _ *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	for _, d := range a.Rows {
		var c Change
		switch d.Table {
		case logs.Schema().Name:
			was, _ := d.Was.(row)
			now, there := d.Now.(row)
			if there && was.Progress == now.Progress && was.Outcome == now.Outcome {
				continue
			}
			if c = now.change(); !there {
				c = was.change()
			}
			c.Undone = !there || was.Progress.beyond(now.Progress)
		case assignments.Schema().Name:
			was, had := d.Was.(Assignment)
			now, there := d.Now.(Assignment)
			if had && there && was.Visibility == now.Visibility {
				continue
			}
			of := now
			if !there {
				of = was
			}
			c = of.change(0)
			c.RuleID, c.RuleVersion = of.RuleID, of.RuleVersion
			c.Undone = !there || now.Visibility == Locked && had
			c.Unlocked = had && there && now.UnlockedByRuleID != ""
			c.Assigned = !c.Unlocked && there
			if c.Unlocked {
				c.RuleID, c.RuleVersion = now.UnlockedByRuleID, 0
			}
		default:
			continue
		}
		if !slices.Contains(changes, c) {
			changes = append(changes, c)
		}
	}
	return changes, nil
}
