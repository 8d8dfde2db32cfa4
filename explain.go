package guerdon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
)

// An Explanation says why an event did, or did not, move something.
type Explanation struct {
	// EventID is the event that was judged: the one asked about, or one that it caused.
	EventID string `json:"eventId"`
	// Kind and ID name the document, Version is the one that decided; 0 if none was in force.
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Version int    `json:"version,omitempty"`
	// Moved says whether the event's outcome has a change by the document.
	Moved bool `json:"moved"`
	// Checks are the questions that decided, in the order in which they were asked. If nothing moved, the
	// last one is the first that does not hold.
	Checks []rule.Check `json:"checks"`
	// Corrections say what has become of the event since, in their order: whoever asks is told what decided first.
	Corrections []Corrected `json:"corrections,omitempty"`
}

// String returns the explanation for a person to read: the verdict, then a line for each check.
func (x Explanation) String() string {
	var b strings.Builder
	verb := "did not move"
	if x.Moved {
		verb = "moved"
	}
	fmt.Fprintf(&b, "event %s %s %s %s", x.EventID, verb, x.Kind, x.ID)
	if x.Version > 0 {
		fmt.Fprintf(&b, " (version %d)", x.Version)
	}
	for _, c := range x.Checks {
		b.WriteString("\n  " + c.String())
	}
	for i := range x.Corrections {
		b.WriteString("\n  " + x.Corrections[i].String())
	}
	return b.String()
}

// explainable are the names of the kinds whose documents events move.
var explainable = []string{
	missions.Rules.Name(), missions.Configurations.Name(), economy.RewardRules.Name(), streaks.Rules.Name(), leaderboard.Boards.Name(),
	learning.Rules.Name(), learning.Paths.Name(), mobility.GoalsKind.Name(), badges.Configurations.Name(), levels.Ladders.Name(),
	economy.Boosts.Name(),
}

// Explain says why a recorded event did, or did not, move a document: one of the kinds MissionRule,
// MissionConfiguration, RewardRule, StreakRule, LearningPathRule, LearningPath, MobilityGoals, BadgeConfiguration, Ladder, Boost and
// RuntimeLeaderboard. Of the event
// and those that it caused, it explains the one that got farthest. The answer comes from the documents that were in
// force and from what was known when the event was recorded; what has happened since does not change it. If all that a
// late event moved of the document is what had happened after it, or all that an event moved is what had happened to
// others, Moved is true and the last check says so. A LearningGroup has no explanation of its own; that of its path says how
// far it was.
//
// It makes what followed from the event follow once more, on what the user had then, in a transaction that is never
// committed, as [Workspace.DryRun] does: it waits for no writer, holds none up, and costs what has happened to the user
// since. It can be part of [Workspace.Update], of which it changes nothing.
//
// The journal does not keep a user's nickname and external id. A condition that reads them reads nothing
// here, and its reason says so; Moved is what happened nevertheless.
//
// Explain returns [fault.ErrInvalid] for another kind, [fault.ErrConflict] for what was recorded before [New] took the database
// over from a version in which users were no folds, and [fault.ErrNotFound] for an event that was not
// recorded or a document that does not exist. Of one that was not published then, the only check is
// "published".
func (ws *Workspace) Explain(ctx context.Context, eventID, kind, id string) (Explanation, error) {
	if !slices.Contains(explainable, kind) {
		return Explanation{}, fault.Invalid("kind", "%q is none of %v", kind, explainable)
	}
	return session.Write(ctx, ws.rehearsal, func(tx *session.Tx) (Explanation, error) {
		found, err := ws.engine.explain(ctx, tx, eventID, func(then *session.Tx, _ *program) ([]*question, error) {
			_, err := ws.engine.library.InForce(ctx, then, kind, id, then.Now)
			return []*question{{kind: kind, id: id}}, err
		})
		if err != nil {
			return Explanation{}, err
		}
		return found[0], nil
	})
}

// ExplainAll says of every document that a recorded event met what it did, and why, or why it did nothing: [Workspace.Explain] of each, in the order of their
// kinds there, and in that in which they apply. Those that are about other events, or about none, are left out. What had happened to the user is made once
// more for all, and the event's own step once for each document in force. It returns the same errors.
func (ws *Workspace) ExplainAll(ctx context.Context, eventID string) ([]Explanation, error) {
	return session.Write(ctx, ws.rehearsal, func(tx *session.Tx) ([]Explanation, error) {
		var asked []*question
		found, err := ws.engine.explain(ctx, tx, eventID, func(_ *session.Tx, p *program) ([]*question, error) {
			for _, kind := range explainable {
				for _, doc := range p.docs.Documents(kind) {
					asked = append(asked, &question{kind: kind, id: doc.Head().ID})
				}
			}
			return asked, nil
		})
		var met []Explanation
		for i, x := range found {
			if best := asked[i].best; x.Moved || best != nil && !best.Elsewhere {
				met = append(met, x)
			}
		}
		return met, err
	})
}

// explain answers what is asked of an event, by the program that was in force when it was recorded.
func (e *Engine) explain(
	ctx context.Context, tx *session.Tx, eventID string, what func(then *session.Tx, p *program) ([]*question, error),
) ([]Explanation, error) {
	entry, found, err := journal.Get(ctx, tx, eventID)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault.NotFound("event", eventID)
	}
	past, err := correctionsOf(ctx, tx, eventID)
	if err != nil {
		return nil, err
	}
	for i := range past {
		if past[i].moved() {
			entry = past[i] // what decided for another is nowhere any more
		}
	}
	if settled, _, err := horizon(ctx, tx); err != nil || entry.Event.At.Before(settled) {
		return nil, cmp.Or(err, fault.NotFound("event", eventID))
	}
	// Whoever asks for the time is told that of the event's transaction.
	then := tx.Then(entry.RecordedAt, entry.Outcome.Seq)
	docs, err := e.library.LoadAt(ctx, then, then.Now)
	if err != nil {
		return nil, err
	}
	p, err := e.compile(ctx, then, docs)
	if err != nil {
		return nil, err
	}
	asked, err := what(then, p)
	if err != nil {
		return nil, err
	}
	for _, q := range asked {
		q.outcome = entry.Outcome
		q.outcome.Scores = slices.Clone(entry.Outcome.Scores)
	}
	late, err := e.ask(ctx, tx, p, entry, asked)
	if err != nil {
		return nil, err
	}
	all := make([]Explanation, len(asked))
	for i, q := range asked {
		all[i] = q.answer(p, &entry, late)
		for j := range past {
			all[i].Corrections = append(all[i].Corrections, *past[j].Correction)
		}
	}
	return all, nil
}

// ask makes the step of an entry once more, as it was made first: on the user's fold as it was known then. late says that something was known that had happened to
// the user later.
func (e *Engine) ask(ctx context.Context, tx *session.Tx, p *program, entry Entry, asked []*question) (late bool, err error) {
	userID := entry.Event.UserID
	if userID == "" {
		return false, nil
	}
	seq := entry.Outcome.Seq
	now, err := e.program(ctx, tx)
	if err != nil {
		return false, err
	}
	if entry.RecordedAt.Before(now.docs.Settled) {
		return false, fault.Conflict("event", "%q was recorded before the workspace was taken over at %s; its entry says what it moved", entry.Event.ID, now.docs.Settled)
	}
	at, rank := now.stand(entry.Event.At, "")
	from := placeOf(userID, at, rank)
	since, err := steps.List(ctx, tx, store.By("late", store.Text(userID)).Between(store.Int(seq), store.Value{}))
	if err != nil {
		return false, err
	}
	for i := range since {
		from = min(from, since[i].key())
	}
	facts, err := e.laterThan(ctx, tx, from)
	if err != nil {
		return false, err
	}
	r := recorderOf(tx)
	r.first = &images{}
	err = r.undo(ctx, facts) // what was not known then is not there
	r.first = nil
	for _, f := range facts {
		err = errors.Join(err, steps.Delete(ctx, tx, f.key()))
	}
	if err != nil {
		return false, err
	}
	asking := func() *session.Tx {
		then := tx.Then(entry.RecordedAt, seq)
		then.Replaying, then.Asking = false, true
		return then
	}
	then := asking()
	first, err := entry.judged(ctx, tx, &entry.Event, nil)
	if err != nil {
		return false, err
	}
	for _, m := range p.mechanics {
		if err := m.rewind(ctx, then, first.User); err != nil {
			return false, err
		}
	}
	f := &fact{step: step{UserID: userID, At: entry.Event.At, Rank: inside(seq)}, first: first}
	if kind := mechanic.Ticked(&entry.Event); kind != "" { // unless its step is still there, the clock's own
		f.stand(f.At, byClock(kind, entry.Event.EntityID))
	}
	last, err := before(ctx, tx, from)
	if err != nil {
		return false, err
	}
	again := func(f *fact) error { return e.again(ctx, tx, f) }
	facts = slices.DeleteFunc(facts, func(other *fact) bool { return other.Void > 0 && other.Void <= seq }) // was known not to have happened
	for _, other := range facts {
		other.Void = 0
		if other.EventID == entry.ID() {
			f.step = other.step
		}
	}
	late = slices.ContainsFunc(facts, func(other *fact) bool { return !other.Ticked && !other.from(seq) && other.key() > f.key() })
	if err := e.asMade(ctx, tx, p, entry, facts, since); err != nil {
		return false, err
	}
	for _, other := range facts {
		if other.Ticked || other.from(seq) || other.key() > f.key() {
			continue
		}
		if _, err := e.ticks(ctx, tx, userID, last, other.key(), again); err != nil {
			return false, err
		}
		if err := again(other); err != nil {
			return false, err
		}
		last = other.key()
	}
	if _, err := e.ticks(ctx, tx, userID, last, f.key(), again); err != nil {
		return false, err
	}
	if err := r.give(ctx, tx, &f.step); err != nil {
		return false, err
	}
	for _, q := range asked { // each by a step of its own: who asks may look at what the next would not find then
		err := r.try(ctx, func() error {
			first, err := entry.judged(ctx, tx, &entry.Event, nil)
			if err != nil {
				return err
			}
			one := &fact{step: f.step, first: first, program: p, entry: Entry{Event: entry.Event, User: entry.User, RecordedAt: entry.RecordedAt, Outcome: Outcome{Seq: seq}}}
			return e.take(ctx, asking(), one, q)
		})
		if err != nil {
			return false, err
		}
	}
	return late, nil
}

// asMade gives facts the programs by which their steps had been made when an entry was recorded: a rule that counts back judges a step
// that was recorded before it if that was folded again since. Since are the late steps from the entry on.
func (e *Engine) asMade(ctx context.Context, tx *session.Tx, p *program, entry Entry, facts []*fact, since []step) error {
	seq := entry.Outcome.Seq
	first := entry.RecordedAt
	for _, f := range facts {
		if f.RecordedAt.Before(first) {
			first = f.RecordedAt
		}
	}
	var late []step
	if p.docs.Newer(first, countingBack...) { // otherwise it makes no difference
		known, err := steps.List(ctx, tx, store.By("late", store.Text(entry.Event.UserID)).Between(store.Value{}, store.Int(seq)))
		if err != nil {
			return err
		}
		for _, s := range append(known, since...) {
			if s.Late && !s.from(seq) {
				late = append(late, s)
			}
		}
	}
	for _, f := range facts {
		if f.first == nil || f.from(seq) {
			continue
		}
		made := f.RecordedAt
		for i := range late {
			if late[i].key() < f.key() && late[i].RecordedAt.After(made) {
				made = late[i].RecordedAt
			}
		}
		var err error
		if f.program, err = e.programMade(ctx, tx, f.RecordedAt, made); err != nil {
			return err
		}
	}
	return nil
}

// question is what somebody wants to know of a document, with the best answer so far.
type question struct {
	kind, id string
	outcome  Outcome // of the entry; what an event has been found to have changed is taken out
	best     *mechanic.Verdict
}

// hear takes the verdict on one more event.
func (q *question) hear(v *mechanic.Verdict) {
	if q.best == nil || v.Beats(q.best) {
		q.best = v
	}
}

// answer returns the explanation of an entry. What the outcome says beside what came of the event itself is about what
// was folded again because of it: what had happened to the user later, or to others.
func (q *question) answer(p *program, entry *Entry, late bool) Explanation {
	v := q.best
	if v == nil {
		v = &mechanic.Verdict{EventID: entry.Event.ID}
		v.Unpublished()
	}
	moved := slices.ContainsFunc(p.mechanics, func(m machine) bool { return m.moved(&entry.Outcome, q.kind, q.id) })
	if moved && !v.Moved && !v.Lost() {
		v.EventID, v.Checks = entry.Event.ID, nil
		if late {
			v.Ask("completedAt", true, "the event came late, and what happened after it counts otherwise since")
		} else {
			v.Ask("userId", true, "what had happened to others counts otherwise since")
		}
	}
	return Explanation{EventID: v.EventID, Kind: q.kind, ID: q.id, Version: v.Version, Moved: moved, Checks: v.Checks}
}
