package missions

import (
	"context"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A first is where a user completed a mission of a configuration that others need first, for the first time. The mission itself leaves when it is over and its
// time is archived, and this does not.
type first struct {
	UserID          string    `json:"userId"`
	ConfigurationID string    `json:"missionConfigurationId"`
	At              time.Time `json:"at"`
	// Order is the place of what completed it among the events of its moment.
	Order string `json:"order"`
}

var firstTable = store.Define("mission_firsts", func(f *first) string { return firstKey(f.UserID, f.ConfigurationID) }, nil).Packed()

func firstKey(userID, configurationID string) string { return userID + "/" + configurationID }

func (f *first) owner() string { return f.UserID }

// met returns the place behind which a mission of a configuration counts for a user: where the last of those was completed that are needed first, the zero place
// if none are. lacks is one of which the user has completed none, "" if there is no such.
func (p *program) met(ctx context.Context, tx *session.Tx, u *tenancy.User, a *aim) (after position, lacks string, err error) {
	for _, id := range a.Requires {
		f, found, err := firstTable.Get(ctx, tx, firstKey(u.ID, id))
		if err == nil && !found {
			f, found, err = p.lookFor(ctx, tx, u, id)
		}
		if err != nil || !found {
			return position{}, id, err
		}
		if at := (position{f.At, f.Order}); at.after(after) {
			after = at
		}
	}
	return after, "", nil
}

// lookFor looks among the user's missions for the first of a configuration that was completed, and keeps where: it was completed before anything needed it.
func (p *program) lookFor(ctx context.Context, tx *session.Tx, u *tenancy.User, id string) (f first, found bool, err error) {
	all, err := missionTable.List(ctx, tx, store.By("owner", store.Text(u.ID)))
	if err != nil {
		return f, false, err
	}
	for i := range all {
		m := &all[i]
		if at := m.completed(); m.ConfigurationID == id && m.IsCompleted && (!found || (position{f.At, f.Order}).after(at)) {
			f, found = first{u.ID, id, at.At, at.Order}, true
		}
	}
	if !found {
		return f, false, nil
	}
	return f, true, firstTable.Put(ctx, tx, f)
}

// release keeps where missions were completed that others need first, and adds to changes what waited for the last of them and is assigned now. It was picked
// before, and counts what is behind that place.
func (p *program) release(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, changes []Change) ([]Change, error) {
	for i := 0; i < len(changes); i++ { // what is assigned may be completed at once
		c := changes[i]
		plans, needed := p.waiting[c.ConfigurationID]
		if !needed || c.UserID == "" || c.CompletedAt.IsZero() || !c.Assigned && !c.Completed {
			continue
		}
		if err := p.note(ctx, tx, o.User, &c); err != nil {
			return nil, err
		}
		for _, pl := range plans {
			var err error
			if changes, err = p.open(ctx, tx, o, pl, c.ConfigurationID, changes); err != nil {
				return nil, err
			}
		}
	}
	return changes, nil
}

// note keeps where a mission was completed, unless one of its configuration was before.
func (p *program) note(ctx context.Context, tx *session.Tx, u *tenancy.User, c *Change) error {
	f, found, err := firstTable.Get(ctx, tx, firstKey(u.ID, c.ConfigurationID))
	if err != nil {
		return err
	}
	if !found {
		_, _, err = p.lookFor(ctx, tx, u, c.ConfigurationID)
		return err
	}
	m, there, err := missionTable.Get(ctx, tx, c.MissionID)
	if at := m.completed(); err == nil && there && (position{f.At, f.Order}).after(at) { // by what the mission counted when it was assigned
		f.At, f.Order = at.At, at.Order
		return firstTable.Put(ctx, tx, f)
	}
	return err
}

// completed returns the place of what completed the mission.
func (m *Mission) completed() position { return position{m.CompletedAt, m.Completer.Order} }

// open assigns what a rule has picked in the period of the occasion and what waits for nothing any more, now that a mission of a configuration is completed.
func (p *program) open(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, pl *plan, completed string, changes []Change) ([]Change, error) {
	u, at := o.User, o.Event.At
	owner, _ := pl.owner(u)
	period, ok, err := pl.on.PeriodAt(tx, u, at)
	if err != nil || !ok {
		return changes, err
	}
	done, found, err := evaluationTable.Get(ctx, tx, mechanic.EvaluationKey(owner, pl.ID, period.ID))
	if err != nil || !found || len(done.Waiting) == 0 {
		return changes, err
	}
	if period, ok, err = pl.begun(ctx, tx, u, period, at); err != nil || !ok {
		return changes, err
	}
	var made []*Mission
	for _, a := range pl.aims {
		m := p.newMission(tx, a, pl, period, u)
		if !slices.Contains(a.Requires, completed) || !slices.Contains(done.Waiting, m.ID) {
			continue
		}
		after, lacks, err := p.met(ctx, tx, u, a)
		if err != nil {
			return nil, err
		}
		if m.countsAfter(after); lacks != "" || period.State(at) == timeframe.Active && !activate(tx, a, m, o) {
			continue
		}
		done.Waiting = slices.DeleteFunc(slices.Clone(done.Waiting), func(id string) bool { return id == m.ID })
		done.Made = append(slices.Clip(done.Made), m.ID)
		made = append(made, m)
	}
	if len(made) == 0 {
		return changes, nil
	}
	if err := evaluationTable.Put(ctx, tx, done); err != nil {
		return nil, err
	}
	if changes, err = p.catchUp(ctx, tx, u, made, o.Event.ID, changes); err != nil {
		return nil, err
	}
	for _, m := range made {
		if m.TargetAmount == nil || !m.counts(o) {
			continue
		}
		if changes, err = p.advance(ctx, tx, o, m, changes); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// countsAfter lets a mission count nothing that did not happen behind a place; the zero place is before all.
func (m *Mission) countsAfter(after position) {
	m.After = after
	if after.At.After(m.StartsAt) {
		m.StartsAt = after.At
	}
}
