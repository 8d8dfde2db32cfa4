package guerdon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// MaxReason is how many bytes the reason of a [Correction] has at most.
const MaxReason = 500

// A Correction says why an event is taken back or put right, and what becomes of what was spent meanwhile.
type Correction struct {
	// Reason is for who reads the journal: 1 to [MaxReason] bytes. It is kept for ever, so it should name nobody.
	Reason string `json:"reason"`
	// Spent is what becomes of what users were paid for what did not happen, and have spent since; "" means [Owe].
	Spent Spent `json:"spent,omitempty"`
}

// Spent is what becomes of what users have spent and were not to have.
type Spent string

// What becomes of it.
const (
	// Owe takes it nevertheless: what is there, and the rest is owed ([economy.Balance.OwedAmount]): the balance is below its bound, and what is earned next
	// makes up for that first. The problems of the outcome say who owes how much.
	Owe Spent = "OWE"
	// Refuse changes nothing then: the error is an [*economy.BoundError].
	Refuse Spent = "REFUSE"
)

func (c *Correction) validate() error {
	switch n := len(c.Reason); {
	case n == 0:
		return fault.Invalid("reason", "is empty")
	case n > MaxReason:
		return fault.Invalid("reason", "is %d bytes long, at most %d are allowed", n, MaxReason)
	case !utf8.ValidString(c.Reason):
		return fault.Invalid("reason", "is not UTF-8")
	}
	if c.Spent != "" && c.Spent != Owe && c.Spent != Refuse {
		return fault.Invalid("spent", "%q is none of %s, %s", c.Spent, Owe, Refuse)
	}
	return nil
}

// Corrected says what an entry of the journal corrects, and why.
type Corrected struct {
	// EventID is the event that was recorded first.
	EventID string `json:"eventId"`
	// Number counts the corrections of the event: 1, 2, …
	Number int `json:"number"`
	// Retracted says that the event did not happen; otherwise it happened as the entry has it.
	Retracted bool `json:"retracted,omitempty"`
	// Was is the event as it was known to have happened before, nil if it was known not to have.
	Was *event.Event `json:"was,omitempty"`
	// At is when it was corrected, Actor who did it ([Workspace.As]), and Reason why.
	At     time.Time     `json:"at"`
	Actor  content.Actor `json:"actor"`
	Reason string        `json:"reason"`
}

// String says what was done, when, by whom and why.
func (c *Corrected) String() string {
	done := "put right"
	if c.Retracted {
		done = "taken back"
	}
	return fmt.Sprintf("%s on %s by %s because: %s", done, c.At.Format(time.RFC3339), c.Actor, c.Reason)
}

// entryID returns the id of the entry that corrects.
func (c *Corrected) entryID() string { return fmt.Sprintf("%s/%06d", c.EventID, c.Number) }

// Retract takes back an event that a host has recorded, or a user has submitted, as if it had never happened: all that followed from it, and from what has
// happened since, follows anew. The outcome is what is different. The event's entry stays in the journal, and another one says what was taken
// back, when, by whom and why ([Workspace.Corrections]). Taken back twice is once: the second time returns the first outcome. The
// event's id may not be recorded again, but be amended.
//
// What cannot be undone stays, and the outcome's problems say so: what was redeemed, what counts in a period that is closed. What
// was spent is owed, unless the correction refuses that.
//
// What a user has submitted is taken back too, by the event of the log: an answer, a step of a slide, what was done with a story. It may be submitted
// again, and is another event then.
//
// It returns [fault.ErrInvalid] for what follows by itself or from calls, such as a grant, [fault.ErrNotFound] for an event that was not recorded,
// and [fault.ErrConflict] for one that happened before the workspace's horizon or before it was taken over, or whose user has been deleted.
func (ws *Workspace) Retract(ctx context.Context, eventID string, c Correction) (Outcome, error) {
	return session.Write(ctx, ws.run, func(tx *session.Tx) (Outcome, error) { return ws.engine.correct(ctx, tx, eventID, nil, c) })
}

// Amend puts an event right that a host has recorded, or has taken back: it happened as it is given here, with another value, time, outcome or data under
// the same id, as if it had been recorded so from the start, by the rules that were in force when it was. Without a time, it happened when it
// was known to. It is what [Workspace.Retract] is otherwise, and returns the same errors, and those of [Workspace.Record] for an event that
// cannot be recorded. The user must be the same. Amended alike twice is once.
func (ws *Workspace) Amend(ctx context.Context, ev event.Event, c Correction) (Outcome, error) {
	return session.Write(ctx, ws.run, func(tx *session.Tx) (Outcome, error) { return ws.engine.correct(ctx, tx, ev.ID, &ev, c) })
}

// Corrections returns the entries that correct an event, in their order; none if it is as it was recorded. Each is found by [Workspace.Entry]
// too, under its [Entry.ID].
func (ws *Workspace) Corrections(ctx context.Context, eventID string) ([]Entry, error) {
	return session.Read(ctx, ws.run, func(tx *session.Tx) ([]Entry, error) { return correctionsOf(ctx, tx, eventID) })
}

func correctionsOf(ctx context.Context, tx *session.Tx, eventID string) ([]Entry, error) {
	return journal.List(ctx, tx, corrects(eventID))
}

// corrects names the entries that correctionsOf returns.
func corrects(eventID string) store.Query { return store.Prefix(eventID + "/") }

// correct takes an event back, or puts it right as next.
func (e *Engine) correct(ctx context.Context, tx *session.Tx, eventID string, next *event.Event, c Correction) (Outcome, error) {
	if err := c.validate(); err != nil {
		return Outcome{}, err
	}
	first, missing := entryOf(ctx, tx, eventID)
	if missing == nil {
		if err := first.corrigible(next == nil); err != nil {
			return Outcome{}, err
		}
	}
	var a arrival
	if next != nil {
		var err error
		if a, err = receive(tx, 0, *next); err != nil {
			return Outcome{}, err
		}
	}
	if missing != nil {
		return Outcome{}, missing
	}
	whose, err := tenancy.Standing(ctx, tx, first.Event.UserID)
	if err != nil {
		return Outcome{}, err
	}
	if a.event.UserID, err = tenancy.Standing(ctx, tx, a.event.UserID); err != nil {
		return Outcome{}, err
	}
	last, number, err := lastOfEntry(ctx, tx, &first)
	if err != nil {
		return Outcome{}, err
	}
	was := last.happened()
	if next == nil {
		if was == nil {
			return last.Outcome, nil
		}
		return e.replace(ctx, tx, &first, last, number, nil, c)
	}
	if a.timeless {
		a.event.At = last.Event.At
	}
	switch {
	case was != nil && a.same(was) == nil:
		return last.Outcome, nil
	case a.event.UserID != whose:
		return Outcome{}, fault.Invalid("userId", "is not %q, who did it: take the event back, and record another", whose)
	}
	return e.replace(ctx, tx, &first, last, number, &a, c)
}

// lastOfEntry returns what says of an entry's event how it is now known to have happened, and the number of the next correction.
func lastOfEntry(ctx context.Context, tx *session.Tx, first *Entry) (last *Entry, next int, err error) {
	past, err := correctionsOf(ctx, tx, first.Event.ID)
	if n := len(past); n > 0 {
		return &past[n-1], n + 1, err
	}
	return first, 1, err
}

// replace lets an event have happened as a has it, or not at all, where last says how it was known to have happened before.
func (e *Engine) replace(ctx context.Context, tx *session.Tx, first, last *Entry, number int, a *arrival, c Correction) (Outcome, error) {
	p, err := e.ready(ctx, tx)
	if err != nil {
		return Outcome{}, err
	}
	said := &Corrected{
		EventID: first.Event.ID, Number: number, Retracted: a == nil, Was: last.happened(), At: tx.Now, Actor: content.ActorOf(tx), Reason: c.Reason,
	}
	f, err := e.correction(ctx, tx, p, first, said, a)
	if err != nil {
		return Outcome{}, err
	}
	if said.Was != nil {
		s, err := foldedStep(ctx, tx, p, last)
		if err != nil {
			return Outcome{}, err
		}
		f.instead = s.key()
	}
	tx.NoDebt = c.Spent == Refuse
	defer func() { tx.NoDebt = false }()
	if err := e.enter(ctx, tx, f); err != nil {
		return Outcome{}, err
	}
	return f.entry.Outcome, nil
}

// Regraded says what became of the answers to a quiz that were judged anew.
type Regraded struct {
	// QuizID and Version are the quiz and the version by which its answers are judged now.
	QuizID  string `json:"quizId"`
	Version int    `json:"version"`
	// Answers is how many were given, Changed how many of them are right now and were wrong, or the other way round.
	Answers int `json:"answers"`
	Changed int `json:"changed"`
}

// Regrade judges all answers to a quiz by the version that is in force, because the key was wrong in the versions by which they were judged: all
// that followed from them follows anew, as [Workspace.Amend] says, with a correction of each. It works in one transaction for each answer: after an error, what
// they did remains, and Regrade may be called again, which corrects no answer twice. What happened before the workspace's horizon stays, and so do the answers of who has been deleted.
//
// It returns [fault.ErrInvalid] for a correction without a reason, [fault.ErrNotFound] for a quiz that is not published, and an [*economy.BoundError] if the correction
// refuses what is spent.
func (ws *Workspace) Regrade(ctx context.Context, quizID string, c Correction) (Regraded, error) {
	if err := c.validate(); err != nil {
		return Regraded{}, err
	}
	inForce, err := ws.Quizzes.Live(ctx, quizID)
	quiz, is := inForce[quizID]
	if err == nil && !is {
		err = fault.NotFound("quizId", quizID)
	}
	if err != nil {
		return Regraded{}, err
	}
	done := Regraded{QuizID: quizID, Version: quiz.Version}
	for token := ""; ; {
		logs, next, err := ws.Learning.Answers(ctx, quizID, store.Page{Limit: store.MaxPage, Token: token})
		if err != nil {
			return done, err
		}
		for i := range logs {
			if err := ws.regradeLog(ctx, &quiz, logs[i], c, &done); err != nil {
				return done, err
			}
		}
		if token = next; token == "" {
			return done, nil
		}
	}
}

// regradeLog judges the answers of a log anew. One that had come to nothing, because an answer before it was right, may count again then, and is judged too.
func (ws *Workspace) regradeLog(ctx context.Context, by *content.Quiz, l learning.QuizLog, c Correction, done *Regraded) error {
	seen := map[string]bool{}
	for again := true; again; {
		again = false
		for i := range l.Attempts {
			a := &l.Attempts[i]
			if seen[a.EventID] {
				continue
			}
			seen[a.EventID] = true
			if done.Answers++; len(l.Attempts) == 1 && l.Version == by.Version {
				continue
			}
			regraded, err := ws.regrade(ctx, by, l.UserID, a, c)
			if err != nil {
				return err
			}
			if again = again || regraded; regraded && (a.Answer == by.CorrectAnswer) != (a.Outcome == event.Success) {
				done.Changed++
			}
		}
		if again {
			var err error
			if l, err = ws.Learning.QuizLog(ctx, l.UserID, l.QuizID, l.Context); err != nil {
				return err
			}
		}
	}
	return nil
}

// regrade judges an answer anew, unless it is judged so or nobody may, and tells whether it did.
func (ws *Workspace) regrade(ctx context.Context, by *content.Quiz, userID string, a *learning.Attempt, c Correction) (bool, error) {
	return session.Write(ctx, ws.run, func(tx *session.Tx) (bool, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil || u.Status == tenancy.Deleted {
			return false, err
		}
		settled, _, err := horizon(ctx, tx)
		if err != nil || a.At.Before(settled) {
			return false, err
		}
		first, err := entryOf(ctx, tx, a.EventID)
		if err != nil {
			return false, err
		}
		last, number, err := lastOfEntry(ctx, tx, &first)
		if err != nil || last.happened() == nil || learning.GradedBy(&last.Event) == by.Version {
			return false, err
		}
		now := arrival{event: learning.Graded(last.Event, by.Version)}
		_, err = ws.engine.replace(ctx, tx, &first, last, number, &now, c)
		return err == nil, err
	})
}

// corrigible refuses an entry that cannot be corrected, or only be taken back.
func (e *Entry) corrigible(retract bool) error {
	switch t := e.Event.Type; {
	case e.Correction == nil && t == event.Activity:
		return nil
	case e.Correction == nil && (t == event.Quiz || t == event.Slide || t == event.Story || t == event.Badge):
		if retract {
			return nil
		}
		return fault.Invalid("id", "%q is of type %s; take it back, and let it be done again", e.ID(), t)
	default:
		return fault.Invalid("id", "%q is of type %s; only what a host has recorded, users have submitted and somebody has awarded can be corrected", e.ID(), t)
	}
}

// correction returns the fact that a correction of an entry is. It stands for a as that would if it had been recorded with the entry.
func (e *Engine) correction(ctx context.Context, tx *session.Tx, p *program, first *Entry, said *Corrected, a *arrival) (*fact, error) {
	u, err := tenancy.FindUser(ctx, tx, first.Event.UserID)
	if err != nil {
		return nil, err
	}
	if u.Status == tenancy.Deleted {
		return nil, fault.Conflict("id", "%q is of user %q, who has been deleted", said.EventID, u.ID)
	}
	if first.RecordedAt.Before(p.docs.Settled) {
		return nil, fault.Conflict("id", "%q was recorded before the workspace was taken over at %s", said.EventID, p.docs.Settled)
	}
	ev := event.Event{ID: said.entryID(), Type: event.Retraction, EntityID: said.EventID, UserID: u.ID}
	if said.Was != nil {
		ev.At = said.Was.At
		if err := unsettled(ctx, tx, said.Was.At); err != nil {
			return nil, err
		}
	}
	var o *mechanic.Occasion
	if said.Retracted {
		o, err = p.occasion(ctx, tx, ev)
	} else {
		if a.event.Type == event.Activity {
			err = describe(p, a)
		}
		if err == nil {
			o, err = p.occasion(ctx, tx, a.event)
		}
		if err == nil {
			err = whoWas(ctx, tx, o, u, first)
		}
	}
	if err != nil {
		return nil, err
	}
	rank := outside(o.Event.ID)
	if !said.Retracted && a.event.At.Equal(first.Event.At) { // it stands where it stood
		if rank, err = p.rankOf(ctx, tx, first); err != nil {
			return nil, err
		}
	}
	f := e.factOf(tx, p, o, rank)
	f.entry.Correction, f.EventID = said, said.entryID()
	f.RecordedAt, f.entry.RecordedAt = first.RecordedAt, first.RecordedAt
	f.program, err = e.programAt(ctx, tx, first.RecordedAt)
	return f, err
}

// whoWas lets the occasion of an event be judged with its user as of then by the id that was recorded, if that was given up since.
func whoWas(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, u *tenancy.User, first *Entry) error {
	past, err := correctionsOf(ctx, tx, first.Event.ID)
	for i := range past {
		if past[i].moved() {
			o.User = u.Was(past[i].User)
		}
	}
	return err
}

// rankOf returns the rank of an entry's event among what happened at its moment, as it is in the fold, corrected or not.
func (p *program) rankOf(ctx context.Context, tx *session.Tx, first *Entry) (string, error) {
	entries, err := correctionsOf(ctx, tx, first.Event.ID)
	if err != nil {
		return "", err
	}
	for _, e := range slices.Concat([]Entry{*first}, entries) {
		s, there, err := stepOf(ctx, tx, p, &e)
		if err != nil {
			return "", err
		}
		if there && e.happened() != nil {
			return strings.Join(strings.SplitN(s.Rank, "/", 3)[:2], "/"), nil // without what tells apart those that have not happened
		}
	}
	return outside(first.Event.ID), nil // it had been taken back when its user was merged
}

// foldedStep returns the step of the entry's event, which is in a fold unless its user is being merged.
func foldedStep(ctx context.Context, tx *session.Tx, p *program, e *Entry) (step, error) {
	s, there, err := stepOf(ctx, tx, p, e)
	if err != nil || there {
		return s, err
	}
	if err := unmerged(ctx, tx, "id", e.Event.UserID); err != nil {
		return step{}, err
	}
	return step{}, fmt.Errorf("guerdon: event %q is in no fold", e.ID())
}

// stepOf returns the step of an entry's event in its user's fold, and whether there is one.
func stepOf(ctx context.Context, tx *session.Tx, p *program, e *Entry) (step, bool, error) {
	at, _ := p.stand(e.Event.At, "")
	userID, err := tenancy.Standing(ctx, tx, e.Event.UserID)
	if err != nil {
		return step{}, false, err
	}
	those, err := steps.List(ctx, tx, store.Prefix(placeOf(userID, at, "")))
	i := slices.IndexFunc(those, func(s step) bool { return s.EventID == e.ID() })
	if err != nil || i < 0 {
		return step{}, false, err
	}
	return those[i], true, nil
}
