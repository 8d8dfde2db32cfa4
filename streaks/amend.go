package streaks

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Amend adds to changes the days of the user that count otherwise after the fold was folded again. Of those that are
// in the last run it says how long that is now.
func (p *program) Amend(_ context.Context, _ *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	runs := map[string]*state{} // by rule
	for _, d := range a.Rows {
		if now, there := d.Now.(state); there {
			runs[now.RuleID] = &now
		}
	}
	for i := range changes { // those of the event itself
		if c := &changes[i]; c.Kind == Regular && runs[c.RuleID] != nil {
			c.Late = true
			c.join(runs[c.RuleID])
		}
	}
	for _, diff := range a.Rows {
		if diff.Table != dayTable.Schema().Name {
			continue
		}
		was, had := diff.Was.(dayRow)
		d, there := diff.Now.(dayRow)
		switch {
		case !there:
			d = was
			d.Kind = ""
		case had && was.Kind == d.Kind:
			continue // it was acted on at another moment
		}
		c := p.changeOf(&d)
		c.Late, c.Thawed = true, had && was.Kind == Freeze
		c.join(runs[d.RuleID])
		changes = append(changes, c)
	}
	return changes, nil
}

// join says how long the run is that the day is in, if it is the last one.
func (c *Change) join(s *state) {
	if s == nil || s.Last == nil || c.Day < s.Start {
		c.Status = Broken
		return
	}
	c.IterationID, c.Count, c.Status = s.Iteration, s.Count, Active
	if s.Lost {
		c.Status = Broken
	}
}

// changeOf returns that something became of a day.
func (p *program) changeOf(d *dayRow) Change {
	c := Change{RuleID: d.RuleID, UserID: d.UserID, Day: d.Day, Kind: d.Kind, Status: Active}
	if pl := p.byID[d.RuleID]; pl != nil {
		c.RuleVersion, c.ConfigurationID, c.ConfigurationVersion = pl.Version, pl.configuration.ID, pl.configuration.Version
	}
	return c
}
