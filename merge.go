package guerdon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Merged says what became of two users who were one person.
type Merged struct {
	// UserID is the id that was given up, IntoID the user who stays.
	UserID string `json:"userId"`
	IntoID string `json:"intoUserId"`
	// Facts is how many things that had happened to the one have happened to the other since.
	Facts int `json:"facts"`
	// Outcome is all that is different for whoever it is, in the order in which it was found.
	Outcome Outcome `json:"outcome"`
}

// Merge lets all that has happened to a user have happened to another, because both are one person: events at their time, submissions, grants and
// what was spent. All that followed follows anew, as if it had been the history of one from the start: days of streaks are joined, a mission that both have
// completed is completed once, and a quiz that both have answered counts as the answer that came first. The id is given up: whoever names it as a user, in
// any call, means the user who stays. Ids of what follows begin with the user's, and are that of the user who stays since. That one keeps its profile and gets what it lacks of the other's, and the tags of both. What happened is judged with what
// its user was as of then.
//
// What is spent, and what is closed for good, is as with [Workspace.Retract]. What both were given by hand, such as the same mission, stays as the user who stays has it.
// Each event's entry stays in the journal, another one says whose it is since ([Workspace.Corrections]), and an event of type User whose field "merged" is the id that was
// given up follows in the end.
//
// It is one transaction for 250 facts, which takes back and folds again what lies behind the earliest of them. A longer history is moved in several, the latest facts
// first, and others are let in between: each fact counts for one of the two at any time, so that the balance of the user who stays may lack what is not moved yet, and what is not moved yet cannot be
// corrected. What would refuse it is looked for before the first ([Workspace.DryMerge]); a debt that was there before is refused too then. If it is interrupted, the
// next [Workspace.Advance] goes on, or the same call; until then neither of the two can be deleted or merged with others. Merged twice is once: the second time returns no facts.
//
// It returns [fault.ErrInvalid] for a correction without a reason and for a user into itself, [fault.ErrNotFound] for an unknown user, [fault.ErrConflict] if one of them has been
// deleted, if the id was given up for another user, if the user who stays would have too many tags, or if the user who does not was there when the workspace was archived last, and an
// [*economy.BoundError] if the correction refuses what is spent.
func (ws *Workspace) Merge(ctx context.Context, userID, intoID string, c Correction) (Merged, error) {
	asked, err := newMerge(userID, intoID, c)
	if err == nil {
		err = ws.endMerges(ctx, func(m *merge) bool { return m.UserID != userID && m.about(userID, intoID) })
	}
	if err != nil {
		return Merged{}, err
	}
	merged, err := ws.merge(ctx, asked)
	if errors.Is(err, errLong) {
		if _, err = ws.DryMerge(ctx, userID, intoID, c); err == nil {
			asked.rehearsed, asked.Spent = true, Owe // it was found not to be needed
			merged, err = ws.merge(ctx, asked)
		}
	}
	return merged, err
}

// errLong says that a merge takes several transactions and was not tried before.
var errLong = errors.New("guerdon: the merge takes several transactions")

// DryMerge returns what [Workspace.Merge] would, and changes nothing.
func (ws *Workspace) DryMerge(ctx context.Context, userID, intoID string, c Correction) (Merged, error) {
	asked, err := newMerge(userID, intoID, c)
	if err != nil {
		return Merged{}, err
	}
	asked.rehearsed = true
	return session.Write(ctx, ws.rehearsal, func(tx *session.Tx) (Merged, error) {
		m, err := ws.engine.beginMerge(ctx, tx, asked)
		all := asked.merged()
		for err == nil && !m.Done {
			err = ws.engine.mergeOn(ctx, tx, &m, all)
		}
		return *all, err
	})
}

// merge moves portions until there is none left.
func (ws *Workspace) merge(ctx context.Context, asked *merge) (Merged, error) {
	all := asked.merged()
	for {
		before := *all
		done, err := session.Write(ctx, ws.run, func(tx *session.Tx) (bool, error) {
			*all = before // it may run again
			m, err := ws.engine.beginMerge(ctx, tx, asked)
			if err == nil && !m.Done {
				err = ws.engine.mergeOn(ctx, tx, &m, all)
			}
			return m.Done, err
		})
		if err != nil || done {
			return *all, err
		}
	}
}

// A merge is that one user's id is given up for another's.
type merge struct {
	UserID string `json:"userId"`
	IntoID string `json:"intoUserId"`
	Correction

	Actor content.Actor `json:"actor"`
	At    time.Time     `json:"at"`
	// Since is since when the user who stays is judged otherwise because of what is no fact, zero for never.
	Since time.Time `json:"since,omitzero"`
	// Long says that it takes several transactions.
	Long bool `json:"long,omitempty"`
	// Done says that nothing is left.
	Done bool `json:"done,omitempty"`

	rehearsed bool // what would refuse it has been looked for
}

// about tells whether one of the users is being merged.
func (m *merge) about(userIDs ...string) bool {
	return slices.Contains(userIDs, m.UserID) || slices.Contains(userIDs, m.IntoID)
}

// openMerges are those that are not done.
func openMerges(ctx context.Context, tx *session.Tx) ([]merge, error) {
	return merges.List(ctx, tx, store.By("open"))
}

// unmerged refuses what is about users who are being merged, or about any if none is named.
func unmerged(ctx context.Context, tx *session.Tx, field string, userIDs ...string) error {
	open, err := openMerges(ctx, tx)
	for i := range open {
		if m := &open[i]; err == nil && (len(userIDs) == 0 || m.about(userIDs...)) {
			err = fault.Conflict(field, "user %q is being merged into %q, which has to end first", m.UserID, m.IntoID)
		}
	}
	return err
}

// merges are those of a workspace, under the ids that were given up.
var merges = store.Define("merges", func(m *merge) string { return m.UserID },
	[]store.Field[merge]{
		{Name: "open", Kind: store.KindText, Of: func(m *merge) store.Value {
			if m.Done {
				return store.Value{}
			}
			return store.Text(m.UserID)
		}},
	},
	store.Index{Name: "open", Columns: []string{"open"}}, // few: those that were interrupted
)

// mergePortion is how many facts are moved in a transaction.
const mergePortion = 250

func newMerge(userID, intoID string, c Correction) (*merge, error) {
	err := errors.Join(ident.Check("userId", userID), ident.Check("intoUserId", intoID), c.validate())
	return &merge{UserID: userID, IntoID: intoID, Correction: c}, err
}

func (m *merge) merged() *Merged { return &Merged{UserID: m.UserID, IntoID: m.IntoID} }

func (m *merge) naming() mechanic.Naming { return mechanic.Naming{From: m.UserID, Into: m.IntoID} }

// long tells whether the history is moved in more than one transaction.
func (m *merge) long(ctx context.Context, tx *session.Tx) (bool, error) {
	n, err := steps.Count(ctx, tx, store.Prefix(m.UserID+"/"))
	return n > mergePortion, err
}

// beginMerge gives up an id, unless that was done before, and returns the merge.
func (e *Engine) beginMerge(ctx context.Context, tx *session.Tx, asked *merge) (m merge, err error) {
	p, err := e.ready(ctx, tx)
	if err != nil {
		return m, err
	}
	into, err := tenancy.FindUser(ctx, tx, asked.IntoID)
	if err != nil {
		return m, err
	}
	m, known, err := merges.Get(ctx, tx, asked.UserID)
	if err == nil && known {
		var standing string
		if standing, err = tenancy.Standing(ctx, tx, m.IntoID); err == nil && standing != into.ID {
			err = fault.Conflict("userId", "%q was given up for %q", m.UserID, m.IntoID)
		}
	}
	if err != nil || known {
		return m, err
	}
	from, err := tenancy.FindUser(ctx, tx, asked.UserID)
	if err == nil {
		err = e.mergeable(ctx, tx, p, from, into)
	}
	if err != nil {
		return m, err
	}
	m = *asked
	m.IntoID, m.Actor, m.At = into.ID, content.ActorOf(tx), tx.Now
	if m.Long, err = m.long(ctx, tx); err == nil && m.Long && !m.rehearsed {
		err = errLong
	}
	if err != nil {
		return m, err
	}
	if _, err = tenancy.Merge(ctx, tx, from, into); err != nil {
		return m, err
	}
	for _, mechanic := range p.mechanics {
		since, err := mechanic.join(ctx, tx, m.naming())
		if err != nil {
			return m, err
		}
		if !since.IsZero() && (m.Since.IsZero() || since.Before(m.Since)) {
			m.Since = since
		}
	}
	return m, merges.Put(ctx, tx, m)
}

// mergeable refuses two users who cannot become one.
func (e *Engine) mergeable(ctx context.Context, tx *session.Tx, p *program, from, into *tenancy.User) error {
	for field, u := range map[string]*tenancy.User{"userId": from, "intoUserId": into} {
		if u.Status == tenancy.Deleted {
			return fault.Conflict(field, "%q has been deleted", u.ID)
		}
	}
	if from.ID == into.ID {
		return fault.Invalid("intoUserId", "is the user who is given up")
	}
	h, _, err := heads.Get(ctx, tx, headKey)
	if err == nil {
		err = unmerged(ctx, tx, "userId", from.ID, into.ID)
	}
	switch {
	case err != nil:
		return err
	case !h.Horizon.IsZero() && (h.SettledAt.IsZero() || from.CreatedAt.Before(h.SettledAt)):
		return fault.Conflict("userId", "%q was there when the workspace was archived last; what had happened by then may be settled", from.ID)
	case from.CreatedAt.Before(p.docs.Settled):
		return fault.Conflict("userId", "%q was there when the workspace was taken over; what had happened by then is settled", from.ID)
	}
	return nil
}

// mergeOn moves the last facts that the given-up user has, and adds what is different to what was found. When none is left, the merge is done.
func (e *Engine) mergeOn(ctx context.Context, tx *session.Tx, m *merge, all *Merged) error {
	p, err := e.ready(ctx, tx)
	if err != nil {
		return err
	}
	last, err := steps.List(ctx, tx, store.Prefix(m.UserID+"/").Reverse().First(mergePortion+1))
	if err != nil {
		return err
	}
	m.Done = len(last) <= mergePortion
	last = last[:min(len(last), mergePortion)]
	if err := e.rehome(ctx, tx, p, m, last, all); err != nil || !m.Done {
		return err
	}
	into, err := tenancy.FindUser(ctx, tx, m.IntoID)
	if err != nil {
		return err
	}
	told, err := p.aside(ctx, tx, m.IntoID)
	if err != nil {
		return err
	}
	for _, mechanic := range p.mechanics {
		if err := mechanic.joined(ctx, tx, m.naming(), &told.entry.Outcome); err != nil {
			return err
		}
	}
	all.Outcome.add(&told.entry.Outcome)
	if err := told.speak(ctx, tx); err != nil {
		return err
	}
	tx.Cause(into.Merged(tx, m.UserID))
	return merges.Put(ctx, tx, *m)
}

// rehome moves the last steps of the one fold to the other. That the one has them no more is told before the other has.
func (e *Engine) rehome(ctx context.Context, tx *session.Tx, p *program, m *merge, last []step, all *Merged) error {
	tx.NoDebt, tx.Partly = m.Spent == Refuse, m.Long
	defer func() { tx.NoDebt, tx.Partly, tx.Seq = false, false, 0 }()
	if err := e.ahead(ctx, tx); err != nil {
		return err
	}
	lost, err := p.aside(ctx, tx, m.IntoID)
	if err != nil {
		return err
	}
	var facts []*fact
	if n := len(last); n > 0 {
		gone, err := e.uproot(ctx, tx, last[n-1].key(), &lost.entry.Outcome)
		if err == nil {
			facts, err = e.replant(ctx, tx, m, gone)
		}
		if err == nil {
			err = lost.speak(ctx, tx)
		}
		if err != nil {
			return err
		}
	}
	all.Outcome.add(&lost.entry.Outcome)
	place := ""
	if m.Done && !m.Since.IsZero() {
		place = placeOf(m.IntoID, m.Since, "")
	}
	if len(facts) > 0 && (place == "" || facts[0].key() < place) {
		place = facts[0].key()
	}
	for _, f := range facts {
		if f.EventID != "" {
			if err := f.number(ctx, tx); err != nil {
				return err
			}
		}
	}
	if err := e.ahead(ctx, tx); err != nil {
		return err
	}
	rest, err := p.aside(ctx, tx, m.IntoID)
	if err != nil {
		return err
	}
	out := &rest.entry.Outcome
	if place != "" {
		err = e.refold(ctx, tx, place, facts, out)
	}
	if err == nil {
		err = e.spread(ctx, tx, out)
	}
	if err == nil && m.Long && m.Done {
		err = find[mechanic.Bank](p).Owes(ctx, tx, m.IntoID)
		out.Problems = append(out.Problems, tx.Problems()...)
	}
	if err != nil {
		return err
	}
	for _, f := range facts {
		if f.EventID == "" {
			continue
		}
		if err := enroll(ctx, tx, f); err != nil {
			return err
		}
		all.Outcome.add(&f.entry.Outcome)
	}
	all.Facts += len(facts)
	all.Outcome.add(out)
	return rest.speak(ctx, tx)
}

// ahead lets what follows be of the next entry of the journal.
func (e *Engine) ahead(ctx context.Context, tx *session.Tx) error {
	h, _, err := heads.Get(ctx, tx, headKey)
	tx.Seq = h.Seq + 1
	return err
}

// uproot takes the end of a fold back for good, from a place on, and returns what it was made of.
func (e *Engine) uproot(ctx context.Context, tx *session.Tx, place string, out *Outcome) ([]*fact, error) {
	gone, err := e.laterThan(ctx, tx, place)
	if err != nil {
		return nil, err
	}
	r := recorderOf(tx)
	r.first = &images{}
	err = r.undo(ctx, gone)
	for _, f := range gone {
		err = errors.Join(err, steps.Delete(ctx, tx, f.key()))
		r.forget(f.key())
	}
	changed := r.first.list
	if r.first = nil; err != nil {
		return nil, err
	}
	return gone, e.differ(ctx, tx, userOf(place), gone, nil, changed, out)
}

// replant returns the facts of a fold as facts of the user who stays, in their order: what the clock did by itself follows anew, what has not happened does
// nothing, and what was said of the user who is given up is not true of the other.
func (e *Engine) replant(ctx context.Context, tx *session.Tx, m *merge, gone []*fact) (facts []*fact, err error) {
	into, err := tenancy.FindUser(ctx, tx, m.IntoID)
	if err != nil {
		return nil, err
	}
	for _, f := range gone {
		if f.Ticked || f.Void > 0 || f.first != nil && (f.entry.Event.Type == event.User || f.entry.Event.Type == event.Retraction) {
			continue
		}
		moved, taken, err := e.replanted(ctx, tx, m, into, f)
		if err != nil {
			return nil, err
		}
		if !taken {
			facts = append(facts, moved)
		}
	}
	slices.SortFunc(facts, func(a, b *fact) int { return strings.Compare(a.key(), b.key()) })
	return facts, nil
}

// replanted returns a fact as one of the user who stays, and whether that one has been given the same already.
func (e *Engine) replanted(ctx context.Context, tx *session.Tx, m *merge, into *tenancy.User, f *fact) (moved *fact, taken bool, err error) {
	n := m.naming()
	moved = &fact{program: f.program, moved: true, step: step{UserID: into.ID, RecordedAt: f.RecordedAt, Seq: tx.Seq - 1}}
	if moved.Given, taken, err = e.regive(ctx, tx, n, f.Given); err != nil || taken {
		return nil, taken, err
	}
	moved.stand(f.At, f.Rank)
	if f.first == nil {
		return moved, false, nil
	}
	first := n.Event(f.entry.Event)
	judged := into.Was(f.entry.User)
	if f.bare {
		if judged, err = into.At(ctx, tx, first.At); err != nil {
			return nil, false, err
		}
	}
	judged.ID = into.ID
	moved.first = mechanic.New(&first, judged)
	moved.entry = newEntry(tx, f.RecordedAt, moved.first)
	if f.bare {
		return moved, false, nil
	}
	moved.entry.Correction = &Corrected{EventID: first.ID, Number: 1, Was: &f.entry.Event, At: tx.Now, Actor: m.Actor, Reason: m.Reason}
	if before := f.entry.Correction; before != nil {
		moved.entry.Correction.Number = before.Number + 1
	}
	moved.EventID = moved.entry.ID()
	return moved, false, nil
}

// regive returns what calls gave the one as given to the other, and whether that one has been given the same already.
func (e *Engine) regive(ctx context.Context, tx *session.Tx, n mechanic.Naming, given []image) (moved []image, taken bool, err error) {
	for i := range given {
		m := given[i]
		part := e.parts[m.Table]
		if part == nil || part.Move == nil {
			return nil, false, fault.Conflict("userId", "%q has what was given before it could be another user's: %s %q", n.From, m.Table, m.Key)
		}
		key := ""
		for _, r := range []*record{&m.Was, &m.Now} {
			v, err := r.value(part.Table, m.Key)
			if err != nil {
				return nil, false, err
			}
			if v != nil {
				row := part.Move(v, n)
				key = row.Key
				*r = recordOn(part.Table, &row)
			}
		}
		m.Key = key
		if part.Sum == nil && (m.Was.none() || part.Decide == nil) {
			there, err := tx.Get(ctx, part.Table, key)
			switch {
			case err != nil || len(there) > 0 && m.Was.none():
				return nil, len(there) > 0, err
			case len(there) > 0:
				continue // what became of what the one had is not what becomes of what the other has
			}
		}
		moved = append(moved, m)
	}
	return moved, false, nil
}

// advanceMerges goes on with merges that were interrupted.
func (ws *Workspace) advanceMerges(ctx context.Context) error {
	return ws.endMerges(ctx, func(*merge) bool { return true })
}

// endMerges ends those of the merges that are open.
func (ws *Workspace) endMerges(ctx context.Context, those func(*merge) bool) error {
	open, err := session.Read(ctx, ws.run, func(tx *session.Tx) ([]merge, error) { return openMerges(ctx, tx) })
	faults := []error{err}
	for i := range open {
		if m := open[i]; those(&m) {
			_, err := ws.merge(ctx, &m)
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
