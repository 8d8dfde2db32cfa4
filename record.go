package guerdon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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

// Record records that something happened and makes everything follow from it, in one transaction. It
// returns what changed. If an event with the same id was recorded before, nothing happens: the same
// event gives its first outcome again, another is [fault.ErrConflict]. It is the same if what is kept of it would
// be: what is left to a default, what the engine sets and how a number is written make no difference, so that the
// event of an [Entry] can be sent back. One without a time happened when it was first recorded.
//
// An event that cannot be recorded changes nothing: [fault.ErrInvalid] names the field at fault, also one of the
// additional data that is not as the activity declares it, [fault.ErrNotFound] the user or activity that does
// not exist, [fault.ErrForbidden] a user who is not active, and [fault.ErrConflict] the time of an event that happened before the
// workspace's horizon ([Workspace.Archive]), or an id of which something archived has been paid.
func (ws *Workspace) Record(ctx context.Context, e event.Event) (Outcome, error) {
	return recordAlone(ctx, ws, e, func(_ *session.Tx, out Outcome) (Outcome, error) { return out, nil })
}

// RecordEntry is Record, and returns what the journal has of the event: with the moment at which it happened, if that was left to the engine, and
// all that followed. The errors are those of Record.
func (ws *Workspace) RecordEntry(ctx context.Context, e event.Event) (Entry, error) {
	return recordAlone(ctx, ws, e, func(tx *session.Tx, out Outcome) (Entry, error) { return entryOf(ctx, tx, out.EventID) })
}

// recordAlone records an event and returns what is made of its outcome in the same transaction.
func recordAlone[T any](ctx context.Context, ws *Workspace, e event.Event, made func(*session.Tx, Outcome) (T, error)) (T, error) {
	named := func(tx *session.Tx) event.Event { // the same event whenever it is looked for
		if e.ID == "" {
			e.ID = tx.NewID()
		}
		return e
	}
	look := func(tx *session.Tx) error {
		_, _, err := ws.engine.meet(ctx, tx, []event.Event{named(tx)}, make([]Outcome, 1), &refusals{})
		return err
	}
	return session.WriteAhead(ctx, ws.run, look, func(tx *session.Tx) (T, error) {
		out, err := ws.engine.recordOne(ctx, tx, named(tx))
		if err != nil {
			var none T
			return none, err
		}
		return made(tx, out)
	})
}

// DryRun returns what Record would do now, and keeps nothing: it is the same code in a transaction
// that is never committed, which waits for no writer and holds none up. An engine runs as many such transactions at once as
// are half of the processors, so that they leave time to those that count; others wait for one of them to end. It cannot be part
// of [Workspace.Update].
func (ws *Workspace) DryRun(ctx context.Context, e event.Event) (Outcome, error) {
	return dry(ctx, ws, func(tx *session.Tx) (Outcome, error) { return ws.engine.recordOne(ctx, tx, e) })
}

// dry returns what fn returns in a transaction that is never committed.
func dry[T any](ctx context.Context, ws *Workspace, fn func(*session.Tx) (T, error)) (out T, err error) {
	if ws.joined {
		return out, fault.Invalid("", "a dry run cannot be part of a transaction")
	}
	return session.Write(ctx, ws.rehearsal, fn)
}

func (e *Engine) recordOne(ctx context.Context, tx *session.Tx, ev event.Event) (Outcome, error) {
	outcomes, err := e.record(ctx, tx, []event.Event{ev}, &refusals{}, false)
	if of, is := errors.AsType[*BatchError](err); is {
		err = of.Refused[0].Err
	}
	if err != nil {
		return Outcome{}, err
	}
	return outcomes[0], nil
}

// arrival is an event on its way into the journal.
type arrival struct {
	index    int // among those of the caller
	event    event.Event
	timeless bool // the caller left its time out
	occasion *mechanic.Occasion
	twins    []int // other places of the same event among those of the caller
}

func (a *arrival) userID() string { return a.event.UserID }

// rank is that of the step, "" for one that happens now.
func (a *arrival) rank() string {
	if a.timeless {
		return ""
	}
	return outside(a.event.ID)
}

func (a *arrival) place(p *program) string {
	at, rank := p.stand(a.event.At, cmp.Or(a.rank(), "1/~"))
	return placeOf(a.event.UserID, at, rank)
}

// record records events inside a transaction, in the order in which they happened; if it may yield, no more once others wait. What
// was not recorded has the zero outcome. Those that are refused before anything is recorded are passed over, if they are to be; one that
// is refused while it is recorded never is, because of what was written of it.
func (e *Engine) record(ctx context.Context, tx *session.Tx, events []event.Event, bad *refusals, yield bool) ([]Outcome, error) {
	outcomes := make([]Outcome, len(events))
	p, fresh, err := e.meet(ctx, tx, events, outcomes, bad)
	if err == nil {
		err = bad.stop()
	}
	if err != nil {
		return nil, err
	}
	for those, err := range p.together(fresh, func(userID string) (string, error) { return endOf(ctx, tx, userID) }) {
		if err == nil {
			err = e.enterSome(ctx, tx, p, those, outcomes)
		}
		if err != nil {
			return nil, err
		}
		if yield && crowded(tx) {
			break
		}
	}
	return outcomes, nil
}

// meet reads what events need that are to be recorded, in two rounds, whatever their number: what is known of the events
// and their users, then what the mechanics keep of those users. It gives those that were recorded before their outcomes, and
// returns the others in their order, but for those that are refused.
func (e *Engine) meet(
	ctx context.Context, tx *session.Tx, events []event.Event, outcomes []Outcome, bad *refusals,
) (*program, []arrival, error) {
	arrivals, err := know(ctx, tx, events, bad)
	if err != nil {
		return nil, nil, err
	}
	p, err := e.ready(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	fresh, err := p.sift(ctx, tx, arrivals, outcomes, bad)
	if err != nil {
		return nil, nil, err
	}
	var reads []store.Read
	if !near(tx) {
		for i := range fresh {
			reads = append(reads, p.reads(tx, fresh[i].occasion)...)
		}
	}
	return p, fresh, tx.Prefetch(ctx, reads...)
}

// know reads what is known of events and their users.
func know(ctx context.Context, tx *session.Tx, events []event.Event, bad *refusals) ([]arrival, error) {
	arrivals := make([]arrival, 0, len(events))
	reads := []store.Read{heads.Keys(headKey), content.Reading()}
	for i, ev := range events {
		a, err := receive(tx, i, ev)
		if err != nil {
			if err = bad.add(err, i); err != nil {
				return nil, err
			}
			continue
		}
		arrivals = append(arrivals, a)
		reads = append(reads, journal.Keys(a.event.ID), steps.Rows(lastOf(a.event.UserID)))
		reads = append(reads, tenancy.ReadingUserAt(a.event.UserID, a.event.At, tx.Now)...)
	}
	return arrivals, tx.Prefetch(ctx, reads...)
}

// sift gives arrivals that were recorded before their outcomes, and returns the others in their order. It refuses what cannot be
// recorded.
func (p *program) sift(ctx context.Context, tx *session.Tx, arrivals []arrival, outcomes []Outcome, bad *refusals) ([]arrival, error) {
	fresh := make([]arrival, 0, len(arrivals))
	for _, a := range arrivals {
		old, done, err := recorded(ctx, tx, &a)
		if err == nil && !done {
			err = unsettled(ctx, tx, a.event.At)
		}
		if err == nil && !done {
			err = admit(ctx, tx, p, &a)
		}
		switch {
		case err != nil:
			if err = bad.add(err, a.index); err != nil {
				return nil, err
			}
		case done:
			outcomes[a.index] = old
			recorderOf(tx).repeated++
		default:
			fresh = append(fresh, a)
		}
	}
	return inOrder(fresh, bad)
}

// near tells whether all that the transaction reads is in the process, so that nobody needs to say before what it will read.
func near(tx *session.Tx) bool {
	_, near := recorderOf(tx).Tx.(store.Near)
	return near
}

// enterSome enters events of one user at once.
func (e *Engine) enterSome(ctx context.Context, tx *session.Tx, p *program, arrivals []*arrival, outcomes []Outcome) error {
	facts := make([]*fact, len(arrivals))
	for i, a := range arrivals {
		facts[i] = e.factOf(tx, p, a.occasion, a.rank())
	}
	if err := e.enter(ctx, tx, facts...); err != nil {
		var bad refusals
		if err = bad.add(err, append(arrivals[0].twins, arrivals[0].index)...); err != nil {
			return err
		}
		return bad.err(len(arrivals) > 1)
	}
	for i, a := range arrivals {
		for _, at := range append(a.twins, a.index) {
			outcomes[at] = facts[i].entry.Outcome
		}
	}
	return nil
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
	return arrival{index: index, event: ready, timeless: ev.At.IsZero()}, nil
}

// same returns an error unless the event is one of the same id that came before. If the caller left its time out, it
// happened when that did.
func (a *arrival) same(before *event.Event) error {
	now := a.event
	if a.timeless {
		now.At = before.At
	}
	says, err := now.Fingerprint()
	said, wrong := before.Fingerprint()
	if err := errors.Join(err, wrong); err != nil {
		return err
	}
	if says != said {
		return fault.Conflict("id", "%q was recorded with another content", now.ID)
	}
	return nil
}

// recorded returns the outcome of an event that was recorded before.
func recorded(ctx context.Context, tx *session.Tx, a *arrival) (Outcome, bool, error) {
	entry, found, err := journal.Get(ctx, tx, a.event.ID)
	if err != nil || !found {
		return Outcome{}, false, err
	}
	past, err := correctionsOf(ctx, tx, a.event.ID)
	if err != nil {
		return Outcome{}, false, err
	}
	first := entry.Event
	for _, id := range []*string{&first.UserID, &a.event.UserID} {
		if *id, err = tenancy.Standing(ctx, tx, *id); err != nil {
			return Outcome{}, false, err
		}
	}
	told := &entry
	for i := range past {
		if !past[i].moved() { // whose it is since makes no difference to who sends it
			told = &past[i]
		}
	}
	switch {
	case told.happened() == nil:
		return Outcome{}, true, fault.Conflict("id", "%q was taken back on %s", a.event.ID, told.Correction.At.Format(time.RFC3339))
	case told != &entry && a.same(&told.Event) == nil:
		return told.Outcome, true, nil
	}
	return entry.Outcome, true, a.same(&first) // perhaps sent once more as it was first
}

// admit refuses an event whose user or activity does not exist or takes no part.
func admit(ctx context.Context, tx *session.Tx, p *program, a *arrival) error {
	u, err := tenancy.FindActive(ctx, tx, "userId", a.event.UserID)
	if err != nil {
		return err
	}
	a.event.UserID = u.ID
	if err := describe(p, a); err != nil {
		return err
	}
	a.occasion, err = p.occasion(ctx, tx, a.event)
	return err
}

// describe refuses an event whose activity does not exist, or declares other data.
func describe(p *program, a *arrival) error {
	activity := content.Find(p.docs, content.Activities, a.event.EntityID)
	if activity == nil {
		return fault.NotFound("entityId", a.event.EntityID)
	}
	return activity.CheckData(a.event.Data)
}

// factOf returns an event as a fact of its user. The rank is its place among what happened at that moment, "" for
// that of the entry which it gets.
func (e *Engine) factOf(tx *session.Tx, p *program, first *mechanic.Occasion, rank string) *fact {
	f := &fact{program: p, first: first, entry: newEntry(tx, p.moment(tx), first)}
	f.step = step{
		UserID: first.Event.UserID, At: first.Event.At, Rank: rank, RecordedAt: f.entry.RecordedAt, EventID: first.Event.ID,
		Given: recorderOf(tx).takeGiven(first.Event.UserID),
	}
	if rank != "" {
		f.At, f.Rank = p.stand(f.At, rank)
	}
	return f
}

// enter makes everything follow from facts of one user, in their order, and adds them to the journal.
func (e *Engine) enter(ctx context.Context, tx *session.Tx, facts ...*fact) error {
	userID := facts[0].UserID
	if err := unsettled(ctx, tx, facts[0].At); err != nil {
		return err
	}
	end, err := endOf(ctx, tx, userID)
	if err != nil {
		return err
	}
	if end < facts[0].upTo() && facts[0].first.User.Status != tenancy.Deleted { // nothing more happens to who is gone
		if end, err = e.clock(ctx, tx, userID, end, facts[0].upTo()); err != nil {
			return err
		}
	}
	for _, f := range facts {
		if err := f.number(ctx, tx); err != nil {
			return err
		}
		if err := f.present(ctx, tx); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(facts, func(f *fact) bool { return !f.idle() }) {
		tx.Seq = facts[len(facts)-1].entry.Outcome.Seq
		if err := e.fold(ctx, tx, end, facts...); err != nil {
			return err
		}
		tx.Seq = 0
	}
	for _, f := range facts {
		if err := enroll(ctx, tx, f); err != nil {
			return err
		}
	}
	return nil
}

// present shows others that the user takes part or does not, if that is what the fact says.
func (f *fact) present(ctx context.Context, tx *session.Tx) error {
	if !f.first.Changed() {
		return nil
	}
	for _, m := range f.program.mechanics {
		if err := m.present(ctx, tx, f.first, &f.entry.Outcome); err != nil {
			return err
		}
	}
	return nil
}

// idle tells whether the fact is a change of the user from which, whatever else turns out to have happened, nothing can
// follow: no rule matches it. It is no step of the fold, so that who is created and then gets a history has none behind it.
func (f *fact) idle() bool {
	o := f.first
	if o.Event.Type != event.User || len(f.Given) > 0 {
		return false
	}
	return len(o.Keys) == 0 || len(o.Event.EntityTags) == 0 && !slices.ContainsFunc(f.program.mechanics, func(m machine) bool { return m.heeds(o.Keys) })
}

// upTo is the place before which the clock has done what it does when the fact comes.
func (f *fact) upTo() string {
	if f.Rank != "" {
		return f.key()
	}
	at, rank := f.program.stand(f.At, "1")
	return placeOf(f.UserID, at, rank)
}

// number gives a fact the next number of the journal.
func (f *fact) number(ctx context.Context, tx *session.Tx) error {
	h, _, err := heads.Get(ctx, tx, headKey)
	if err != nil {
		return err
	}
	h.Seq++
	f.entry.Outcome.Seq, f.Seq = h.Seq, h.Seq
	if f.Rank == "" && f.UserID != "" {
		f.stand(f.program.stand(f.At, inside(h.Seq)))
	}
	return heads.Put(ctx, tx, h)
}

// newEntry returns the entry of an event that is recorded at a moment, from which nothing has followed so far.
func newEntry(tx *session.Tx, at time.Time, first *mechanic.Occasion) Entry {
	return Entry{Event: *first.Event, User: first.User.Remembered(), RecordedAt: at, Outcome: Outcome{EventID: first.Event.ID, Seq: tx.Seq}}
}

// moment is when what a transaction records is recorded: not before the program that judges it was there, also when the
// clock has gone back.
func (p *program) moment(tx *session.Tx) time.Time {
	if tx.Now.Before(p.docs.At) {
		return p.docs.At
	}
	return tx.Now
}

// maxCaused is how many events may follow from one before it is refused: rules that cause one another
// for ever are a mistake of their authors.
const maxCaused = 1000

// maxID is how long the id of an event may be that others have caused, of which each adds to it: what is kept of it has a key of at most [store.MaxText] bytes.
const maxID = store.MaxText - 2*ident.Max

// cascade lets the mechanics react to an event, then to each event that was caused, breadth first.
// Whoever asks why is told by what the mechanics find before they react.
func (e *Engine) cascade(ctx context.Context, tx *session.Tx, p *program, first *mechanic.Occasion, entry *Entry, ask *question) error {
	reacted, r := 0, recorderOf(tx)
	defer func() { tx.At = time.Time{} }()
	for o := first; ; {
		tx.At = o.Event.At
		for i := range p.mechanics {
			if err := p.mechanics[i].react(ctx, tx, o, &entry.Outcome, ask); err != nil {
				return err
			}
		}
		r.earlier = append(r.earlier, o)
		for _, ev := range tx.Caused() {
			if first.Gone {
				break
			}
			ev.Cause = o.Event.ID
			if ev.At.Before(first.Event.At) { // what follows from an event happens no earlier, whatever it is about
				ev.At = first.Event.At
			}
			if entry.Caused = append(entry.Caused, ev); len(ev.ID) > maxID {
				return fault.Conflict("", "event %q causes another by way of too many; the last is %s", entry.Event.ID, chain(entry))
			}
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
		o.Place, o.Nth = first.Place, reacted
		for i := len(r.earlier) - 1; i >= 0 && o.By == nil; i-- {
			if r.earlier[i].Event.ID == ev.Cause {
				o.By = r.earlier[i]
			}
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
	caused := tx.Caused()
	for _, ev := range caused {
		if err := p.leaves(ctx, tx, &ev); err != nil {
			return err
		}
	}
	for _, ev := range append(caused, tx.Caused()...) {
		o, err := p.occasion(ctx, tx, ev)
		if err != nil {
			return err
		}
		if !near(tx) {
			if err := tx.Prefetch(ctx, append(p.reads(tx, o), steps.Rows(lastOf(ev.UserID)))...); err != nil {
				return err
			}
		}
		if err := e.enter(ctx, tx, e.factOf(tx, p, o, "")); err != nil {
			return err
		}
	}
	if err := e.enterTold(ctx, tx, p); err != nil {
		return err
	}
	if err := e.enterGiven(ctx, tx, p); err != nil {
		return err
	}
	return note(ctx, tx, tx.Problems())
}

// leaves ends what waits for a user, if an event is that the user was deleted.
func (p *program) leaves(ctx context.Context, tx *session.Tx, ev *event.Event) error {
	if ev.Type != event.User || ev.Fields["status"] != string(tenancy.Deleted) {
		return nil
	}
	if err := unmerged(ctx, tx, "userId", ev.UserID); err != nil {
		return err
	}
	for i := range p.mechanics {
		if err := p.mechanics[i].leave(ctx, tx, ev.UserID); err != nil {
			return err
		}
	}
	return nil
}

// enterTold makes everything follow from events that a call was told of, those of each user in the order in which they
// happened. Those that come late, or instead of others, come together, so that the user's fold is taken back once.
func (e *Engine) enterTold(ctx context.Context, tx *session.Tx, p *program) error {
	byUser := map[string][]*fact{}
	told := tx.Told()
	if len(told) == 0 {
		return nil
	}
	if slices.ContainsFunc(told, func(t session.Told) bool { return t.Give != nil }) { // what the call wrote besides is not theirs
		if err := e.enterGiven(ctx, tx, p); err != nil {
			return err
		}
	}
	var ids []string
	var reads []store.Read
	for _, t := range told {
		if ids = append(ids, t.Event.ID); t.Instead != "" {
			ids, reads = append(ids, t.Instead), append(reads, journal.Rows(corrects(t.Instead)))
		}
	}
	if err := tx.Prefetch(ctx, append(reads, journal.Keys(ids...))...); err != nil {
		return err
	}
	for _, t := range told {
		if _, known, err := journal.Get(ctx, tx, t.Event.ID); err != nil || known {
			return cmp.Or(err, fault.Conflict("", "event %q was recorded before; what it told is archived, and cannot be told otherwise", t.Event.ID))
		}
		o, err := p.occasion(ctx, tx, t.Event)
		if err != nil {
			return err
		}
		f := e.factOf(tx, p, o, outside(t.Event.ID))
		f.give = t.Give
		if f.instead, err = p.placeOfTold(ctx, tx, t.Instead); err != nil {
			return err
		}
		byUser[f.UserID] = append(byUser[f.UserID], f)
	}
	for _, userID := range slices.Sorted(maps.Keys(byUser)) {
		facts := byUser[userID]
		slices.SortFunc(facts, func(a, b *fact) int { return strings.Compare(a.key(), b.key()) })
		for len(facts) > 0 {
			end, err := endOf(ctx, tx, userID)
			if err != nil {
				return err
			}
			n := len(facts)
			if end < facts[0].key() && !slices.ContainsFunc(facts, func(f *fact) bool { return f.instead != "" }) {
				n = 1
			}
			if err := e.enter(ctx, tx, facts[:n]...); err != nil {
				return err
			}
			facts = facts[n:]
		}
	}
	return nil
}

// submit implements [session.Tx.Submit].
func (e *Engine) submit(ctx context.Context, tx *session.Tx, ev event.Event) (event.Event, error) {
	p, err := e.ready(ctx, tx)
	if err != nil {
		return ev, err
	}
	timeless, first := ev.At.IsZero(), ev.ID
	if timeless {
		ev.At = tx.Now
	}
	for n := 2; ; n++ {
		known, is, err := journal.Get(ctx, tx, ev.ID)
		if err != nil {
			return ev, err
		}
		if !is {
			break
		}
		last, _, err := lastOfEntry(ctx, tx, &known)
		if err != nil || last.happened() != nil {
			return known.Event, err
		}
		ev.ID = fmt.Sprintf("%s:again:%d", first, n)
	}
	o, err := p.occasion(ctx, tx, ev)
	if err != nil {
		return ev, err
	}
	if !near(tx) {
		if err := tx.Prefetch(ctx, append(p.reads(tx, o), steps.Rows(lastOf(ev.UserID)))...); err != nil {
			return ev, err
		}
	}
	rank := ""
	if !timeless {
		rank = outside(ev.ID)
	}
	return ev, e.enter(ctx, tx, e.factOf(tx, p, o, rank))
}

// placeOfTold returns the place of an event that a call was told of before, "" for none.
func (p *program) placeOfTold(ctx context.Context, tx *session.Tx, eventID string) (string, error) {
	if eventID == "" {
		return "", nil
	}
	entry, found, err := journal.Get(ctx, tx, eventID)
	if err == nil && !found {
		err = fault.Conflict("", "event %q is archived; what it told cannot be told otherwise", eventID)
	}
	if err == nil {
		err = unsettled(ctx, tx, entry.Event.At)
	}
	if err != nil {
		return "", err
	}
	last, number, err := lastOfEntry(ctx, tx, &entry)
	if err != nil || number == 1 {
		at, rank := p.stand(entry.Event.At, outside(eventID))
		return placeOf(entry.Event.UserID, at, rank), err
	}
	s, err := foldedStep(ctx, tx, p, last) // it is another user's since
	return s.key(), err
}

// enterGiven makes what a call has written of users' rows steps of their folds, where no event tells of it.
func (e *Engine) enterGiven(ctx context.Context, tx *session.Tx, p *program) error {
	r := recorderOf(tx)
	if len(r.given) > 0 {
		if err := unsettled(ctx, tx, tx.Now); err != nil {
			return err
		}
	}
	for _, userID := range slices.Sorted(maps.Keys(r.given)) {
		given := r.takeGiven(userID)
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		end, err := endOf(ctx, tx, userID)
		if err == nil && u.Status != tenancy.Deleted { // nothing more happens to who is gone
			end, err = e.clock(ctx, tx, userID, end, placeOf(userID, tx.Now, "0"))
		}
		if err != nil {
			return err
		}
		h, _, err := heads.Get(ctx, tx, headKey)
		if err != nil {
			return err
		}
		f := &fact{program: p, step: step{UserID: userID, RecordedAt: tx.Now, Seq: h.Seq, Given: given}}
		f.stand(p.stand(tx.Now, inside(h.Seq)+"/"+tx.NewID()))
		if f.Late = f.key() < end; !f.Late {
			err = steps.Put(ctx, tx, f.step)
		} else {
			err = e.enterLate(ctx, tx, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enterLate takes what a call wrote into a user's fold although something that happens later is known already, and adds
// an entry to the journal if that counts otherwise since.
func (e *Engine) enterLate(ctx context.Context, tx *session.Tx, f *fact) error {
	told, err := f.program.aside(ctx, tx, f.UserID)
	if err != nil {
		return err
	}
	out := &told.entry.Outcome
	tx.Seq = f.Seq + 1 // that of the entry, if there is one
	defer func() { tx.Seq = 0 }()
	if err := e.refold(ctx, tx, f.key(), []*fact{f}, out); err != nil {
		return err
	}
	if err := e.spread(ctx, tx, out); err != nil {
		return err
	}
	return told.speak(ctx, tx)
}

// aside returns a fact that is no step: its entry says what is different for users where no event of theirs does.
func (p *program) aside(ctx context.Context, tx *session.Tx, userID string) (*fact, error) {
	o, err := p.occasion(ctx, tx, mechanic.Ticking("", "", userID, tx.Now))
	if err != nil {
		return nil, err
	}
	return &fact{program: p, first: o, entry: newEntry(tx, p.moment(tx), o)}, nil
}

// speak adds the entry of an aside to the journal if it says something.
func (f *fact) speak(ctx context.Context, tx *session.Tx) error {
	if f.entry.Outcome.changes()+len(f.entry.Outcome.Problems) == 0 {
		return nil
	}
	if err := f.number(ctx, tx); err != nil {
		return err
	}
	f.rename(fmt.Sprintf("%s:%d", f.first.Event.ID, f.entry.Outcome.Seq))
	return enroll(ctx, tx, f)
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
	return mechanic.New(p.tagged(ev), user), nil
}

// follows returns the occasion of an event that another one caused.
func (p *program) follows(ctx context.Context, tx *session.Tx, from *mechanic.Occasion, ev event.Event) (*mechanic.Occasion, error) {
	if ev.UserID == from.Event.UserID && ev.At.Equal(from.Event.At) {
		o := from.And(p.tagged(ev))
		if ev.Type != event.User {
			return o, nil
		}
		now, err := tenancy.Earned(ctx, tx, ev.UserID) // it says which tags are others since
		return o.Carrying(now), err
	}
	o, err := p.occasion(ctx, tx, ev)
	if err != nil || ev.UserID != from.Event.UserID {
		return o, err
	}
	return o.Carrying(from.Earned), nil
}

// tagged returns an event with the tags that its entity carried.
func (p *program) tagged(ev event.Event) *event.Event {
	if ev.Type != event.User { // which carries the user's own tags
		ev.EntityTags = p.docs.EntityTags(ev.Type.Kind(), ev.EntityID, ev.At)
	}
	return &ev
}

// reads names what the mechanics read for an event, and for those that it can cause.
func (p *program) reads(tx *session.Tx, o *mechanic.Occasion) []store.Read {
	var reads []store.Read
	var foreseen []event.Event
	for i := range p.mechanics {
		reads = append(reads, p.mechanics[i].reads(tx, o)...)
		foreseen = append(foreseen, p.mechanics[i].foresee(o)...)
	}
	for _, ev := range foreseen {
		next := o.And(p.tagged(ev))
		for i := range p.mechanics {
			reads = append(reads, p.mechanics[i].reads(tx, next)...)
		}
	}
	return reads
}
