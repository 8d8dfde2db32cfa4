package missions

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// The mission of a group is a fold over the contributions of its members, in the order in which they happened. What
// it tells a member, that it was completed by an event of theirs, is part of the member's own fold: when another
// completed it after all, both are folded again.

// completedBy tells whether an event completed the mission.
func (m *Mission) completedBy(e *event.Event) bool {
	return m.IsCompleted && m.Completer.UserID == e.UserID && m.Completer.EventID == e.ID
}

// tell causes the completion of a group's mission again if the event completed it.
func (m *Mission) tell(tx *session.Tx, o *mechanic.Occasion) {
	if m.completedBy(o.Event) {
		m.announce(tx)
	}
}

// join counts a new contribution to a group's mission, whose row is there. now is the event of the step that is being
// made. What it reads is bounded by how far the completion moves.
func (m *Mission) join(ctx context.Context, tx *session.Tx, entry Log) error {
	here := position{entry.At, entry.Order}
	if here.after(m.Last) {
		m.add(entry)
		return nil
	}
	before := *m
	m.CurrentAmount = m.CurrentAmount.Add(entry.Amount)
	if m.IsCompleted && m.Completer.settled() {
		return nil
	}
	last, reached := m.Last, m.CurrentAmount
	if m.IsCompleted {
		last, reached = position{m.CompletedAt, m.Completer.Order}, m.Completer.Reached.Add(entry.Amount)
	}
	if here.after(last) || reached.LessThan(*m.TargetAmount) {
		return nil
	}
	q := store.Prefix(logPrefix(m.ID)).Reverse().First(logsAtOnce)
	q.Until = store.Text((&Log{MissionID: m.ID, At: last.At, Order: last.Order + " "}).key()) // behind it, as numbers have one length
	for {
		logs, err := logTable.List(ctx, tx, q)
		if err != nil || len(logs) == 0 {
			return err
		}
		for _, l := range logs {
			if l.settled() {
				continue
			}
			rest := reached.Sub(l.Amount)
			if rest.LessThan(*m.TargetAmount) {
				m.complete(l, reached)
				before.tellAgain(tx, m, entry.EventID)
				return nil
			}
			reached = rest
		}
		q.After = logTable.At(q.Index, logs[len(logs)-1])
	}
}

// logsAtOnce is how many contributions are read at once where the completion of a mission is looked for.
const logsAtOnce = 20

// Rewind takes back what the entry that is being made once more and those after it did for the groups of a user.
func (p *program) Rewind(ctx context.Context, tx *session.Tx, u *tenancy.User) error {
	own := func(key string) bool { return strings.HasSuffix(key, "/"+u.ID) } // an evaluation's ends with the member
	for _, group := range owners(u)[1:] {
		_, err := evaluationHistory.rewind(ctx, tx, group+"/", own)
		if err != nil {
			return err
		}
		evaluated, err := evaluationTable.List(ctx, tx, store.Prefix(group+"/"))
		if err != nil {
			return err
		}
		for i := range evaluated {
			if e := &evaluated[i]; !e.Before(tx.Seq) {
				if err := evaluationTable.Delete(ctx, tx, e.Key()); err != nil {
					return err
				}
			}
		}
		_, err = missionHistory.rewind(ctx, tx, group+":", nil)
		otherwise, wrong := logHistory.rewind(ctx, tx, group+":", nil)
		if err := errors.Join(err, wrong); err != nil {
			return err
		}
		missions, err := missionTable.List(ctx, tx, store.By("owner", store.Text(group)))
		if err != nil {
			return err
		}
		for i := range missions {
			if err := missions[i].rewind(ctx, tx, otherwise); err != nil {
				return err
			}
		}
	}
	return nil
}

// rewind brings a group's mission to what it was before the entry that is being made once more; otherwise says that its
// contributions may have been others then.
func (m *Mission) rewind(ctx context.Context, tx *session.Tx, otherwise bool) error {
	logs, err := logTable.List(ctx, tx, store.Prefix(logPrefix(m.ID)))
	if err != nil {
		return err
	}
	unknown := m.Seq >= tx.Seq || m.CreatedAt.After(tx.Now)
	var since []string
	for i := range logs {
		if unknown || logs[i].Seq >= tx.Seq { // of a mission that was not there, none is: it counts them when it is made
			since = append(since, logs[i].key())
		}
	}
	switch {
	case unknown:
		return errors.Join(logTable.Delete(ctx, tx, since...), missionTable.Delete(ctx, tx, m.ID))
	case len(since) == 0 && !otherwise:
		return nil
	}
	m.count(slices.DeleteFunc(logs, func(l Log) bool { return l.Seq >= tx.Seq }))
	return errors.Join(logTable.Delete(ctx, tx, since...), missionTable.Put(ctx, tx, *m))
}

// count counts a mission anew from contributions in the order in which they happened; those that are settled come first.
func (m *Mission) count(logs []Log) {
	m.CurrentAmount, m.IsCompleted, m.CompletedAt, m.Completer, m.Last, m.Distinct = m.InitialAmount, false, time.Time{}, Completer{}, position{}, nil
	m.Goals = slices.Clone(m.Goals)
	for i := range m.Goals {
		g := &m.Goals[i]
		g.CurrentAmount, g.CompletedAt, g.Distinct, g.Last = decimal.Decimal{}, time.Time{}, nil, position{}
	}
	for _, settled := range []bool{true, false} {
		for i := range logs {
			if logs[i].settled() == settled {
				m.add(logs[i])
			}
		}
	}
}

// recount counts a group's mission again from its contributions. Whoever completed it by another event than was
// known is told, and so is whom it was told before; now is the event of the step that is being made, "" if none is.
func (m *Mission) recount(ctx context.Context, tx *session.Tx, now string) error {
	logs, err := logTable.List(ctx, tx, store.Prefix(logPrefix(m.ID)))
	if err != nil {
		return err
	}
	before := *m
	m.count(logs)
	before.tellAgain(tx, m, now)
	return nil
}

// tellAgain lets those be folded again who were told that they completed the mission and those who have to be told now,
// but for whose event now is: that step is being made.
func (m *Mission) tellAgain(tx *session.Tx, after *Mission, now string) {
	if m.IsCompleted == after.IsCompleted && m.Completer.same(after.Completer) {
		return
	}
	for _, of := range []*Mission{m, after} {
		if of.IsCompleted && of.Completer.EventID != now && !of.Completer.settled() {
			tx.Again = append(tx.Again, of.Completer.Place)
		}
	}
}

// settled tells whether the completion stays as it is, because it has no place in a fold.
func (c Completer) settled() bool { return c.Place == "" }

// settled tells whether the contribution was counted before all that has a place in a fold.
func (l *Log) settled() bool { return l.Place == "" }

// same tells whether what was told of a completion stands.
func (c Completer) same(d Completer) bool {
	return c.UserID == d.UserID && c.EventID == d.EventID && c.Reached.Equal(d.Reached)
}

// An election is about which missions a rule assigns to a group for a period: those that its evaluation for the member
// picked who was the first to have it evaluated, in the order in which things happened.
type election struct{ owner, ruleID, periodID string }

func electionOf(e *mechanic.Evaluation) election { return election{e.Owner, e.RuleID, e.PeriodID} }

// candidates returns the evaluations for the members, the first of them first.
func (e election) candidates(ctx context.Context, tx *session.Tx) ([]mechanic.Evaluation, error) {
	all, err := evaluationTable.List(ctx, tx, store.Prefix(mechanic.EvaluationKey(mechanic.Owner{ID: e.owner}, e.ruleID, e.periodID)+"/"))
	slices.SortFunc(all, func(a, b mechanic.Evaluation) int {
		return cmp.Or(a.When.Compare(b.When), strings.Compare(a.Order, b.Order))
	})
	return all, err
}

// elect makes the missions of an election that are not there, which count what the members did, but for the event now, and
// takes away what it turns out that nobody has assigned. It adds to changes both, and what was assigned by the event now.
func (p *program) elect(ctx context.Context, tx *session.Tx, e election, now string, changes []Change) ([]Change, error) {
	candidates, err := e.candidates(ctx, tx)
	if err != nil {
		return nil, err
	}
	var wanted []string
	var since time.Time
	if len(candidates) > 0 {
		wanted, since = candidates[0].Made, candidates[0].When
	}
	there, err := missionTable.List(ctx, tx, owned(e.owner, since)) // those of the period end later
	if err != nil {
		return nil, err
	}
	var known []string
	for i := range there {
		m := &there[i]
		switch {
		case m.RuleID != e.ruleID || m.PeriodID != e.periodID:
		case slices.Contains(wanted, m.ID):
			known = append(known, m.ID)
			if candidates[0].EventID == now { // it has assigned what a later event seemed to have
				changes = append(changes, assigned(m))
			}
		default:
			if err := m.remove(ctx, tx, now); err != nil {
				return nil, err
			}
			changes = amend(changes, mechanic.Difference{Was: *m})
		}
	}
	pl := p.rules.Find(e.ruleID)
	if pl == nil || len(wanted) == len(known) {
		return changes, nil
	}
	period, _, err := pl.on.PeriodAt(tx, &tenancy.User{}, since)
	if err != nil {
		return nil, err
	}
	for _, a := range pl.aims {
		m := p.newMission(tx, a, pl, period, nil)
		if !slices.Contains(wanted, m.ID) || slices.Contains(known, m.ID) || !activate(tx, a, m, mechanic.Values{}) {
			continue
		}
		if err := p.found(ctx, tx, m, now); err != nil {
			return nil, err
		}
		changes = append(changes, assigned(m))
	}
	return changes, nil
}

// assigned is the change that a mission was assigned, with what it has counted of what was before.
func assigned(m *Mission) Change {
	c := change(m)
	c.Assigned, c.Earlier = true, c.CurrentAmount.Sub(m.InitialAmount)
	return c
}

// found keeps a new mission of a group, which counts what the members did, but for the event now.
func (p *program) found(ctx context.Context, tx *session.Tx, m *Mission, now string) error {
	counted, err := p.collect(ctx, tx, m, now)
	if err == nil && counted {
		err = m.recount(ctx, tx, now)
	}
	return errors.Join(err, missionTable.Put(ctx, tx, *m))
}

// remove takes a group's mission away, with all that it has counted. Whoever was told of its completion is folded again.
func (m *Mission) remove(ctx context.Context, tx *session.Tx, now string) error {
	counted, err := logTable.List(ctx, tx, store.Prefix(logPrefix(m.ID)))
	for i := range counted {
		err = errors.Join(err, logHistory.put(ctx, tx, counted[i].key(), nil))
	}
	m.tellAgain(tx, &Mission{}, now)
	return errors.Join(err, missionHistory.put(ctx, tx, m.ID, nil))
}

// collect keeps what the members of a mission's group contribute to it, but for the event now, and tells whether there is
// anything.
func (p *program) collect(ctx context.Context, tx *session.Tx, m *Mission, now string) (counted bool, err error) {
	members, err := tenancy.Carriers(ctx, tx, m.GroupTagID, m.StartsAt)
	if err != nil {
		return false, err
	}
	all := *tx // also what comes later than the step that is being made
	all.Whole = true
	for _, userID := range members {
		if err := p.eachPast(ctx, &all, m, userID, func(o *mechanic.Occasion) error {
			if o.Event.ID == now {
				return nil
			}
			entries, err := p.judge(tx, o, m)
			if err == nil && len(entries) > 0 {
				counted = true
				err = logTable.Put(ctx, tx, entries...)
			}
			return err
		}); err != nil {
			return false, err
		}
	}
	return counted, nil
}

// Amend adds to changes what became of the user's missions that were folded again, and lets the missions of groups
// count what happened otherwise.
func (p *program) Amend(ctx context.Context, tx *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	if err := keepEvaluations(ctx, tx, slices.Concat(a.Rows, a.Told)); err != nil {
		return nil, err
	}
	var elections []election
	for _, d := range a.Rows {
		switch d.Table {
		case missionTable.Schema().Name:
			changes = amend(changes, d)
		case evaluationTable.Schema().Name:
			for _, v := range []any{d.Was, d.Now} {
				if e, ok := v.(mechanic.Evaluation); ok && e.Member != "" && !slices.Contains(elections, electionOf(&e)) {
					elections = append(elections, electionOf(&e))
				}
			}
		}
	}
	for _, d := range a.Told { // by an event that takes the place of another, which had completed it
		was, _ := d.Was.(Mission)
		now, there := d.Now.(Mission)
		if i := slices.IndexFunc(changes, func(c Change) bool { return c.MissionID == now.ID }); i >= 0 && there && was.IsCompleted && !now.IsCompleted {
			changes[i].Undone = true
		}
	}
	for _, e := range elections {
		var err error
		if changes, err = p.elect(ctx, tx, e, "", changes); err != nil {
			return nil, err
		}
	}
	touched := map[string]*Mission{}
	var order []*Mission
	visit := func(o *mechanic.Occasion, fn func(*Mission) error) error {
		if len(o.User.AssignedTags()) == 0 {
			return nil // who is in no group
		}
		return p.eachCounting(ctx, tx, o, func(m *Mission) error {
			if m.MissionType != Group {
				return nil
			}
			if touched[m.ID] == nil {
				touched[m.ID] = m
				order = append(order, m)
			}
			return fn(touched[m.ID])
		})
	}
	for _, o := range a.Gone {
		if err := visit(o, func(m *Mission) error {
			return logHistory.put(ctx, tx, (&Log{MissionID: m.ID, At: o.Event.At, Order: orderOf(o)}).key(), nil)
		}); err != nil {
			return nil, err
		}
	}
	for _, o := range slices.Concat(a.Stay, a.Come) {
		if err := visit(o, func(m *Mission) error {
			if m.completedBy(o.Event) { // this is where it was told now
				m.Completer.Place = o.Place
			}
			entries, err := p.judge(tx, o, m)
			if err != nil || len(entries) == 0 {
				return err
			}
			return logHistory.put(ctx, tx, entries[0].key(), &entries[0])
		}); err != nil {
			return nil, err
		}
	}
	for _, m := range order {
		before := *m
		if err := m.recount(ctx, tx, ""); err != nil {
			return nil, err
		}
		if m.IsCompleted && m.Completer.same(before.Completer) && !m.Completer.settled() && untold(&a, m.completionID()) {
			tx.Again = append(tx.Again, m.Completer.Place) // by the same event, which stands elsewhere and was not asked there
		}
		if err := missionTable.Put(ctx, tx, *m); err != nil {
			return nil, err
		}
		changes = amend(changes, mechanic.Difference{Was: before, Now: *m})
	}
	return changes, nil
}

// untold tells whether an event that followed from a step follows no more.
func untold(a *mechanic.Amendment, eventID string) bool {
	return slices.ContainsFunc(a.Lost(), func(o *mechanic.Occasion) bool { return o.Event.ID == eventID })
}

// amend adds to changes what became of a mission.
func amend(changes []Change, d mechanic.Difference) []Change {
	was, _ := d.Was.(Mission)
	now, there := d.Now.(Mission)
	of := now
	if !there {
		of = was
	}
	c := change(&of)
	if i := slices.IndexFunc(changes, func(c Change) bool { return c.MissionID == of.ID }); i >= 0 {
		was := changes[i]
		c.Assigned, c.Earlier, c.Amount = was.Assigned, was.Earlier, was.Amount
		for i := range min(len(c.Goals), len(was.Goals)) {
			c.Goals[i].Amount = was.Goals[i].Amount
		}
		changes = slices.Delete(changes, i, i+1)
	}
	c.Assigned = c.Assigned || d.Was == nil
	c.Completed = now.IsCompleted && !was.IsCompleted
	c.Undone = !there || was.IsCompleted && !now.IsCompleted
	if c.Gone = !there; c.Gone {
		c.CompletedAt = time.Time{}
	}
	return append(changes, c)
}
