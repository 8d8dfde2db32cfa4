package missions

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// assign evaluates rules for the occasion's user at the moment of its event. What one assigns has counted
// what had happened before when the next one is evaluated.
func (p *program) assign(ctx context.Context, tx *session.Tx, plans []*plan, o *mechanic.Occasion) ([]Change, error) {
	var changes []Change
	for _, pl := range plans {
		done, made, err := p.evaluate(ctx, tx, pl, o)
		switch {
		case err != nil || done == nil:
		case pl.MissionType == Individual:
			changes, err = p.catchUp(ctx, tx, o.User, made, o.Event.ID, changes)
		case !tx.Replaying: // otherwise Amend does, when it is known what there is in the end
			changes, err = p.elect(ctx, tx, electionOf(done), o.Event.ID, changes)
		}
		if err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// evaluate evaluates one rule for the period that contains the moment of the occasion's event, unless it was done before,
// and returns the missions that it assigns to the user, or would to a group of which the user is a member. The evaluation is
// nil if there is none.
func (p *program) evaluate(ctx context.Context, tx *session.Tx, pl *plan, o *mechanic.Occasion) (*mechanic.Evaluation, []*Mission, error) {
	u, at := o.User, o.Event.At
	owner, ok := pl.owner(u)
	if !ok {
		return nil, nil, nil
	}
	period, ok, err := pl.on.Unevaluated(ctx, tx, evaluationTable, pl.ID, owner, u, at)
	if err != nil || !ok || pl.assignedBefore(o, period.ID) || !pl.event.Holds(tx, o) {
		return nil, nil, err
	}
	if pl.readsActive {
		active, err := activeMissions(ctx, tx, u, at)
		if err != nil {
			return nil, nil, err
		}
		o.Vars()["activeMissions"] = active
		defer delete(o.Vars(), "activeMissions")
	}
	if !pl.users.Holds(tx, o) {
		return nil, nil, nil
	}
	if period, ok, err = pl.begun(ctx, tx, u, period, at); err != nil || !ok {
		return nil, nil, err
	}
	done := mechanic.Evaluation{
		RuleID: pl.ID, PeriodID: period.ID, Owner: owner.ID, Member: owner.Member,
		At: tx.Now, When: at, Order: orderOf(o), Until: period.EndsAt, Seq: tx.Seq, EventID: o.Event.ID,
	}
	var made []*Mission
	failed := false
	for _, a := range pl.aims {
		m := p.newMission(tx, a, pl, period, u)
		wanted := true
		if pl.missions.Given() {
			o.With("mission", p.candidate(m, a, at), func() { wanted = pl.missions.Holds(tx, o) })
		}
		if !wanted {
			continue
		}
		after, lacks, err := p.met(ctx, tx, u, a)
		if err != nil {
			return nil, nil, err
		}
		if lacks != "" {
			done.Waiting = append(done.Waiting, m.ID)
			continue
		}
		m.countsAfter(after)
		if period.State(at) == timeframe.Active && !activate(tx, a, m, o) {
			failed = true
			continue
		}
		made = append(made, m)
		done.Made = append(done.Made, m.ID)
	}
	if failed && len(made)+len(done.Waiting) == 0 {
		return nil, nil, nil // once the author has mended it, it is tried again
	}
	if len(made) == 0 && o.Event.Type == event.Clock {
		done.EventID = "" // an event of the clock from which nothing follows is not in the journal
	}
	return &done, made, evaluationTable.Put(ctx, tx, done)
}

// assignedBefore tells whether an occasion follows from the completion of a mission that the rule has assigned to a group for a
// period. Then it was evaluated before, and what follows must not be all that assigns the mission.
func (pl *plan) assignedBefore(o *mechanic.Occasion, periodID string) bool {
	for ; o != nil && pl.MissionType == Group; o = o.By {
		fields := o.Event.Fields
		if o.Event.Type == event.Mission && fields["missionRuleId"] == pl.ID && fields["periodId"] == periodID {
			return true
		}
	}
	return false
}

// owner returns whose missions the rule assigns because of a user; ok is false if they are those of a
// group that the user is not in.
func (pl *plan) owner(u *tenancy.User) (owner mechanic.Owner, ok bool) {
	if pl.MissionType == Group {
		return mechanic.Owner{ID: groupOwner(pl.GroupTagID), Member: u.ID}, u.HasAssigned(pl.GroupTagID)
	}
	return mechanic.Owner{ID: u.ID}, true
}

// begun returns a period as it began for its owner; ok is false if it is over. That of a group is in the zone of
// its rule.
func (pl *plan) begun(ctx context.Context, tx *session.Tx, u *tenancy.User, p timeframe.Period, at time.Time) (_ timeframe.Period, ok bool, err error) {
	if pl.MissionType == Group {
		return p, true, nil
	}
	return pl.on.Begun(ctx, tx, u, p, at)
}

// candidate returns what a rule may read at a moment of a mission that it could assign.
func (p *program) candidate(m *Mission, a *aim, at time.Time) map[string]any {
	v := m.vars()
	tags := []any{}
	for _, tag := range p.docs.EntityTags(Configurations.Name(), a.ID, at) {
		tags = append(tags, tag)
	}
	v["name"], v["tags"] = a.Name, tags
	return v
}

// newMission returns a mission as a rule makes it.
func (p *program) newMission(tx *session.Tx, a *aim, pl *plan, period timeframe.Period, u *tenancy.User) *Mission {
	m := ofAim(a)
	m.RuleID, m.RuleVersion = pl.ID, pl.Version
	m.lasts(period, pl.GraceMinutes)
	if a.MissionType == Group {
		m.GroupTagID, m.Seq = pl.GroupTagID, tx.Seq
	} else {
		m.UserID = u.ID
	}
	m.ID = m.derivedID()
	m.CreatedAt, m.UpdatedAt = tx.Now, tx.Now
	p.await(m)
	return m
}

// ofAim returns a mission with a copy of what it needs of its configuration.
func ofAim(a *aim) *Mission {
	m := &Mission{
		MissionType: a.MissionType, ConfigurationID: a.ID, ConfigurationVersion: a.Version, Goal: a.Goal, GoalsNeeded: a.GoalsNeeded,
		DefaultLang: a.DefaultLang, Image: a.Image, Hidden: a.Hidden,
	}
	for i := range a.Goals {
		m.Goals = append(m.Goals, GoalProgress{ID: a.Goals[i].ID, Goal: a.Goals[i].Goal})
	}
	return m
}

// activeMissions returns the missions of a user's own at a moment, as rules see them. How far a group is depends on what
// others do, and whatever turns out about that lets no rule of the user be asked again.
func activeMissions(ctx context.Context, tx *session.Tx, u *tenancy.User, at time.Time) ([]any, error) {
	list := []any{}
	missions, err := missionTable.List(ctx, tx, owned(u.ID, at))
	for i := range missions {
		if missions[i].period().State(at) == timeframe.Active {
			list = append(list, missions[i].vars())
		}
	}
	return list, err
}

// assignByClock evaluates a rule for a user because its time has come.
func (p *program) assignByClock(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	pl := p.rules.Find(o.Event.EntityID)
	if pl == nil {
		return nil, nil
	}
	return p.assign(ctx, tx, []*plan{pl}, o)
}

// tickedMission is the kind of an event of the clock that is about a mission which has begun.
const tickedMission = "Mission"

// begin fixes the target of a mission that was made before it began.
func (p *program) begin(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	m, found, err := missionTable.Get(ctx, tx, o.Event.EntityID)
	if err != nil || !found {
		return err
	}
	a, err := p.aimOf(&m)
	if err != nil || !activate(tx, a, &m, o) {
		return err
	}
	return missionTable.Put(ctx, tx, m)
}

var pushTable = mechanic.DefinePushes("mission_pushes")

// Advance does what the clock alone causes: ends of missions are told, and at the times of its schedule, a SCHEDULED_PUSH
// rule is evaluated for every user. It looks at no more than limit users and returns whether there is more to
// do. A schedule begins when its rule is published, also anew; times that passed since while nobody called
// Advance are made up for, and a user is evaluated once in a period however often the schedule fires in it.
func (p *program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	if more, err = p.wakeEnded(ctx, tx, limit); err != nil {
		return false, err
	}
	for _, pl := range p.rules.Push {
		rule := mechanic.PushedRule{
			Kind: Rules.Name(), ID: pl.ID, Trigger: pl.on, PublishedAt: pl.UpdatedAt, Evaluations: evaluationTable, Owner: pl.owner,
		}
		done, err := rule.Carry(ctx, tx, pushTable, &limit)
		if err != nil {
			return false, err
		}
		more = more || !done
	}
	return more, nil
}

// settle evaluates the LAZY rules for a user, and begins the user's own missions whose time has come.
func (p *program) settle(ctx context.Context, tx *session.Tx, u *tenancy.User) error {
	for _, pl := range p.rules.Lazy {
		owner, ok := pl.owner(u)
		if !ok {
			continue
		}
		if err := pl.on.TickDue(ctx, tx, evaluationTable, Rules.Name(), pl.ID, owner, u); err != nil {
			return err
		}
	}
	missions, err := missionTable.List(ctx, tx, owned(u.ID, tx.Now))
	if err != nil {
		return err
	}
	for i := range missions {
		m := &missions[i]
		if m.TargetAmount != nil || m.period().State(tx.Now) != timeframe.Active {
			continue
		}
		if err := mechanic.Tick(ctx, tx, tickedMission, m.ID, u.ID, tx.Now); err != nil {
			return err
		}
	}
	return nil
}
