package guerdon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Record records that something happened and makes everything follow from it, in one transaction. It
// returns what changed. If an event with the same id was recorded before, nothing happens: the same
// event gives its first outcome again, another is [fault.ErrConflict]. It is the same if what is kept of it would
// be: what is left to a default, what the engine sets and how a number is written make no difference, so that the
// event of an [Entry] can be sent back. One without a time happened when it was first recorded.
//
// An event that cannot be recorded changes nothing: [fault.ErrInvalid] names the field at fault, also one of the
// additional data that is not as the activity declares it, [fault.ErrNotFound] the user or activity that does
// not exist, [fault.ErrForbidden] a user who is not active.
func (ws *Workspace) Record(ctx context.Context, e event.Event) (Outcome, error) {
	return session.Write(ctx, ws.run, func(tx *session.Tx) (Outcome, error) { return ws.engine.recordOne(ctx, tx, e) })
}

// MaxBatch is how many events one [Workspace.RecordBatch] may have.
const MaxBatch = 10_000

// RecordBatch records up to [MaxBatch] events in one transaction, all or none, and returns the outcome of
// each. They are processed in the order in which they happened. An error names the place of the event at
// fault ("events[3].userId").
func (ws *Workspace) RecordBatch(ctx context.Context, events []event.Event) ([]Outcome, error) {
	if n := len(events); n > MaxBatch {
		return nil, fault.Invalid("events", "are %d, at most %d are allowed", n, MaxBatch)
	}
	place := func(i int, err error) error { return fault.In(fmt.Sprintf("events[%d]", i), err) }
	return session.Write(ctx, ws.run, func(tx *session.Tx) ([]Outcome, error) { return ws.engine.record(ctx, tx, events, place) })
}

// DryRun returns what Record would do now, and keeps nothing: it is the same code in a transaction
// that is never committed. It cannot be part of [Workspace.Update].
func (ws *Workspace) DryRun(ctx context.Context, e event.Event) (Outcome, error) {
	return dry(ctx, ws, func(tx *session.Tx) (Outcome, error) { return ws.engine.recordOne(ctx, tx, e) })
}

// dry returns what fn returns in a transaction that is never committed.
func dry[T any](ctx context.Context, ws *Workspace, fn func(*session.Tx) (T, error)) (out T, err error) {
	var none T
	if ws.joined {
		return none, fault.Invalid("", "a dry run cannot be part of a transaction")
	}
	undo := errors.New("guerdon: dry run")
	err = ws.run.Update(ctx, func(tx *session.Tx) (err error) {
		if out, err = fn(tx); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		return none, err
	}
	return out, nil
}

func (e *Engine) recordOne(ctx context.Context, tx *session.Tx, ev event.Event) (Outcome, error) {
	outcomes, err := e.record(ctx, tx, []event.Event{ev}, func(_ int, err error) error { return err })
	if err != nil {
		return Outcome{}, err
	}
	return outcomes[0], nil
}

// arrival is an event on its way into the journal.
type arrival struct {
	index       int // among those of the caller
	event       event.Event
	timeless    bool // the caller left its time out
	fingerprint string
	occasion    *mechanic.Occasion
}

// record records events inside a transaction. What it reads comes in two rounds, whatever their
// number: what is known of the events and their users, then what the mechanics keep of those users.
// place says in an error which event it is about.
func (e *Engine) record(ctx context.Context, tx *session.Tx, events []event.Event, place func(int, error) error) ([]Outcome, error) {
	arrivals := make([]arrival, len(events))
	reads := []store.Read{heads.Keys(headKey), content.Reading()}
	for i, ev := range events {
		a, err := receive(tx, i, ev)
		if err != nil {
			return nil, place(i, err)
		}
		arrivals[i] = a
		reads = append(reads, journal.Keys(a.event.ID))
		reads = append(reads, tenancy.ReadingUserAt(a.event.UserID, a.event.At, tx.Now)...)
	}
	if err := tx.Prefetch(ctx, reads...); err != nil {
		return nil, err
	}
	p, err := e.ready(ctx, tx)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(events))
	fresh := arrivals[:0:0]
	reads = reads[:0]
	for _, a := range arrivals {
		old, done, err := recorded(ctx, tx, &a)
		if err == nil && !done {
			err = admit(ctx, tx, p, &a)
		}
		switch {
		case err != nil:
			return nil, place(a.index, err)
		case done:
			outcomes[a.index] = old
		default:
			fresh = append(fresh, a)
			reads = append(reads, p.reads(tx, a.occasion)...)
		}
	}
	if err := tx.Prefetch(ctx, reads...); err != nil {
		return nil, err
	}
	// In the order in which they happened, so that as little as possible is counted again.
	slices.SortStableFunc(fresh, func(a, b arrival) int { return a.event.At.Compare(b.event.At) })
	for _, a := range fresh {
		// The same event may occur twice among those of the caller.
		old, done, err := recorded(ctx, tx, &a)
		if err == nil && !done {
			old, err = e.enter(ctx, tx, p, a.occasion, a.fingerprint)
		}
		if err != nil {
			return nil, place(a.index, err)
		}
		outcomes[a.index] = old
	}
	return outcomes, nil
}

// receive checks an event and fills in its defaults.
func receive(tx *session.Tx, index int, ev event.Event) (arrival, error) {
	if ev.Type != "" && ev.Type != event.Activity {
		return arrival{}, fault.Invalid("type", "is %q; hosts record events of type %q, and others follow from them", ev.Type, event.Activity)
	}
	ready, err := event.Prepare(ev, tx.Now, tx.NewID)
	if err != nil {
		return arrival{}, err
	}
	fingerprint, err := ready.Fingerprint()
	return arrival{index: index, event: ready, timeless: ev.At.IsZero(), fingerprint: fingerprint}, err
}

// recorded returns the outcome of an event that was recorded before.
func recorded(ctx context.Context, tx *session.Tx, a *arrival) (Outcome, bool, error) {
	entry, found, err := journal.Get(ctx, tx, a.event.ID)
	if err != nil || !found {
		return Outcome{}, false, err
	}
	same := a.fingerprint == entry.Fingerprint
	if !same && a.timeless { // it happened when it was first recorded
		then := a.event
		then.At = entry.Event.At
		fingerprint, err := then.Fingerprint()
		if err != nil {
			return Outcome{}, false, err
		}
		same = fingerprint == entry.Fingerprint
	}
	if !same {
		return Outcome{}, false, fault.Conflict("id", "%q was recorded with another content", a.event.ID)
	}
	return entry.Outcome, true, nil
}

// admit refuses an event whose user or activity does not exist or takes no part.
func admit(ctx context.Context, tx *session.Tx, p *program, a *arrival) error {
	_, err := tenancy.FindActive(ctx, tx, "userId", a.event.UserID)
	if err != nil {
		return err
	}
	activity := content.Find(p.docs, content.Activities, a.event.EntityID)
	if activity == nil {
		return fault.NotFound("entityId", a.event.EntityID)
	}
	if err := activity.CheckData(a.event.Data); err != nil {
		return err
	}
	a.occasion, err = p.occasion(ctx, tx, a.event)
	return err
}

// enter makes everything follow from an event and adds it to the journal.
func (e *Engine) enter(ctx context.Context, tx *session.Tx, p *program, first *mechanic.Occasion, fingerprint string) (Outcome, error) {
	if err := number(ctx, tx); err != nil {
		return Outcome{}, err
	}
	entry := newEntry(tx, first, fingerprint)
	if err := e.cascade(ctx, tx, p, first, &entry); err != nil {
		return Outcome{}, err
	}
	if err := appendEntry(ctx, tx, &entry); err != nil {
		return Outcome{}, err
	}
	return entry.Outcome, nil
}

// newEntry returns the entry of an event, from which nothing has followed so far.
func newEntry(tx *session.Tx, first *mechanic.Occasion, fingerprint string) Entry {
	return Entry{
		Event: *first.Event, User: first.User.Remembered(), RecordedAt: tx.Now, Fingerprint: fingerprint,
		Outcome: Outcome{EventID: first.Event.ID, Seq: tx.Seq},
	}
}

// maxCaused is how many events may follow from one before it is refused: rules that cause one another
// for ever are a mistake of their authors.
const maxCaused = 1000

// cascade lets the mechanics react to an event, then to each event that was caused, breadth first.
func (e *Engine) cascade(ctx context.Context, tx *session.Tx, p *program, first *mechanic.Occasion, entry *Entry) error {
	reacted := 0
	for o := first; ; {
		if err := p.react(ctx, tx, o, &entry.Outcome); err != nil {
			return err
		}
		for _, ev := range tx.Caused() {
			ev.Cause = o.Event.ID
			entry.Caused = append(entry.Caused, ev)
		}
		entry.Outcome.Problems = append(entry.Outcome.Problems, tx.Problems()...)
		if len(entry.Caused) > maxCaused {
			return fault.Conflict("", "event %q causes more than %d others; the last is %s", entry.Event.ID, maxCaused, chain(entry))
		}
		if reacted == len(entry.Caused) {
			return nil
		}
		ev := &entry.Caused[reacted]
		reacted++
		var err error
		if o, err = p.follows(ctx, tx, first, *ev); err != nil {
			return err
		}
		*ev = *o.Event
	}
}

// chain names the last caused event and its causes, the latest first.
func chain(entry *Entry) string {
	ev := entry.Caused[len(entry.Caused)-1]
	ids := []string{ev.ID}
	for range 5 {
		i := slices.IndexFunc(entry.Caused, func(c event.Event) bool { return c.ID == ev.Cause })
		if i < 0 {
			break
		}
		ev = entry.Caused[i]
		ids = append(ids, ev.ID)
	}
	return strings.Join(ids, " ← ")
}

// transact runs a call of a service inside a transaction, and makes everything follow from the events
// that it causes. Each is an entry of the journal, and so are problems that belong to none.
func (e *Engine) transact(ctx context.Context, tx *session.Tx, fn session.Func) error {
	if err := fn(tx); err != nil {
		return err
	}
	p, err := e.ready(ctx, tx)
	if err != nil {
		return err
	}
	for _, ev := range tx.Caused() {
		o, err := p.occasion(ctx, tx, ev)
		if err != nil {
			return err
		}
		if err := tx.Prefetch(ctx, p.reads(tx, o)...); err != nil {
			return err
		}
		if _, err := e.enter(ctx, tx, p, o, ""); err != nil {
			return err
		}
	}
	return note(ctx, tx, tx.Problems())
}

// occasion returns an event as the mechanics see it: with the user, and the tags of its entity, as they
// were when it happened.
func (p *program) occasion(ctx context.Context, tx *session.Tx, ev event.Event) (*mechanic.Occasion, error) {
	user, err := tenancy.FindUser(ctx, tx, ev.UserID)
	if err == nil {
		user, err = user.At(ctx, tx, ev.At)
	}
	if err != nil {
		return nil, fmt.Errorf("event %q: %w", ev.ID, err)
	}
	o := mechanic.New(p.tagged(ev), user)
	if !ev.MovedFrom.IsZero() {
		was := ev
		was.At, was.MovedFrom = ev.MovedFrom, time.Time{}
		o.Was, err = p.occasion(ctx, tx, was)
	}
	return o, err
}

// follows returns the occasion of an event that another one caused.
func (p *program) follows(ctx context.Context, tx *session.Tx, from *mechanic.Occasion, ev event.Event) (*mechanic.Occasion, error) {
	if ev.UserID == from.Event.UserID && ev.At.Equal(from.Event.At) && ev.MovedFrom.IsZero() {
		return from.And(p.tagged(ev)), nil
	}
	return p.occasion(ctx, tx, ev)
}

// tagged returns an event with the tags that its entity carried.
func (p *program) tagged(ev event.Event) *event.Event {
	if ev.Type != event.User { // which carries the user's own tags
		ev.EntityTags = p.docs.EntityTags(ev.Type.Kind(), ev.EntityID, ev.At)
	}
	return &ev
}

// reads names what the mechanics read for an event, and for the transactions that it can cause.
func (p *program) reads(tx *session.Tx, o *mechanic.Occasion) []store.Read {
	reads := slices.Concat(p.streaks.Reads(o), p.missions.Reads(tx, o), p.economy.Reads(o), p.boards.Reads(o),
		p.learning.Reads(tx, o))
	for _, ev := range p.economy.Foresee(o) {
		reads = append(reads, p.boards.Reads(o.And(p.tagged(ev)))...)
	}
	return reads
}

// react lets every mechanic react to one event. They never call one another: what one does reaches
// the others as the events that it causes.
func (p *program) react(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, out *Outcome) error {
	streaks, err := p.streaks.React(ctx, tx, o, wallet{p.economy})
	if err != nil {
		return err
	}
	missions, err := p.missions.React(ctx, tx, o)
	if err != nil {
		return err
	}
	transactions, err := p.economy.React(ctx, tx, o)
	if err != nil {
		return err
	}
	scores, err := p.boards.React(ctx, tx, o)
	if err != nil {
		return err
	}
	learned, err := p.learning.React(ctx, tx, o)
	if err != nil {
		return err
	}
	out.Streaks = append(out.Streaks, streaks...)
	out.Missions = append(out.Missions, missions...)
	out.Transactions = append(out.Transactions, transactions...)
	out.Scores = append(out.Scores, scores...)
	out.Learning = append(out.Learning, learned...)
	return nil
}
