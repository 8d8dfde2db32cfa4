package guerdon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// MaxBatch is how many events one [Workspace.RecordBatch] may have.
const MaxBatch = 10_000

// A BatchOption changes what [Workspace.RecordBatch] does.
type BatchOption string

// SkipRefused goes on past events that cannot be recorded, and records the others.
const SkipRefused BatchOption = "skipRefused"

// RecordBatch records up to [MaxBatch] events and returns the outcome of each. They are processed in the order in which
// they happened.
//
// The batch is checked before anything of it is recorded: if [Workspace.Record] would refuse some of the events, nothing changes, and a
// [BatchError] says which these are and why. With [SkipRefused] the others are recorded: the outcomes are returned beside the BatchError,
// and those of the events that it names have the Seq 0. What only shows while an event is recorded (it would cause too many
// others, or has the id of one of which something archived has been paid) is told when it is met.
//
// Then it is recorded in portions of [Options.Portion] events, each a transaction
// that ends early as soon as somebody else waits, so that no batch holds others up. Events of a user of whom something is known
// that happened later may come in larger portions, so that as little as possible is made anew.
//
// Where something fails after a portion was recorded (the context has ended, the connection is lost, a user was suspended
// meanwhile), that portion stays, and the outcomes are returned beside the error: one whose Seq is 0 is of an event that is not
// known to be recorded. Each has the id of its event, also of one that came without; the batch sent again with these ids
// records what is missing, and all of it exactly once.
//
// Inside [Workspace.Update], and in a transaction of the host's ([Workspace.On]), a batch is a part of that one transaction: all
// of it is recorded, but for what is skipped, or nothing. What only shows while an event is recorded is not skipped there.
func (ws *Workspace) RecordBatch(ctx context.Context, events []event.Event, options ...BatchOption) ([]Outcome, error) {
	if n := len(events); n > MaxBatch {
		return nil, fault.Invalid("events", "are %d, at most %d are allowed", n, MaxBatch)
	}
	for _, o := range options {
		if o != SkipRefused {
			return nil, fault.Invalid("options", "%q is not skipRefused", o)
		}
	}
	bad := refusals{skip: len(options) > 0}
	if ws.engine == nil || ws.revocable {
		outcomes, err := session.Write(ctx, ws.run, func(tx *session.Tx) ([]Outcome, error) {
			bad.list = nil
			return ws.engine.record(ctx, tx, events, &bad, false)
		})
		if err != nil {
			return nil, err
		}
		for _, r := range bad.list {
			outcomes[r.Index].EventID = events[r.Index].ID
		}
		return outcomes, bad.err(false)
	}
	b := &batch{ws: ws, events: slices.Clone(events), outcomes: make([]Outcome, len(events)), bad: bad, refused: make([]bool, len(events)), left: make([][]int, len(events))}
	for i := range b.events {
		if b.events[i].ID == "" {
			b.events[i].ID = ws.engine.newID()
		}
		b.outcomes[i].EventID, b.left[i] = b.events[i].ID, []int{i}
	}
	if len(events) > ws.engine.portion {
		if err := b.check(ctx); err != nil {
			return nil, err
		}
	}
	err := b.record(ctx)
	if err != nil && !errors.Is(err, fault.ErrUnknown) && !slices.ContainsFunc(b.outcomes, recordedIn) {
		return nil, err
	}
	return b.outcomes, cmp.Or(err, b.bad.err(false))
}

// A Refusal is an event of a batch that cannot be recorded.
type Refusal struct {
	// Index is its place among the events of the call.
	Index int
	// Err is what [Workspace.Record] would return.
	Err error
}

// A BatchError says which events of a batch cannot be recorded. errors.Is and errors.AsType find what is wrong with each, with its place
// in the field ("events[3].userId").
type BatchError struct {
	// Refused are these events, in the order of their places; there is at least one.
	Refused []Refusal

	vague bool // it may be another one of those that were recorded together
}

// Error names the first few.
func (e *BatchError) Error() string {
	const most = 3
	said := make([]string, 0, most+1)
	for _, err := range e.Unwrap()[:min(len(e.Refused), most)] {
		said = append(said, err.Error())
	}
	if more := len(e.Refused) - most; more > 0 {
		said = append(said, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(said, "; ")
}

// Unwrap returns what is wrong with each, in their order.
func (e *BatchError) Unwrap() []error {
	all := make([]error, len(e.Refused))
	for i, r := range e.Refused {
		all[i] = fault.In(fmt.Sprintf("events[%d]", r.Index), r.Err)
	}
	return all
}

// refusals are the events of a batch that cannot be recorded, as they are found.
type refusals struct {
	skip bool // the others are to be recorded
	list []Refusal
}

// add takes the error of events at some places. One that is the fault of none of them is returned.
func (r *refusals) add(err error, at ...int) error {
	kinds := []error{fault.ErrInvalid, fault.ErrNotFound, fault.ErrForbidden, fault.ErrConflict, fault.ErrExists}
	if !slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) }) {
		return err
	}
	for _, i := range at {
		r.list = append(r.list, Refusal{i, err})
	}
	return nil
}

// stop returns the error because of which nothing is to be recorded, nil if there is none.
func (r *refusals) stop() error {
	if r.skip {
		return nil
	}
	return r.err(false)
}

// err returns the error that says what was found, nil for nothing. It is vague if it may be about others that were recorded together.
func (r *refusals) err(vague bool) error {
	if len(r.list) == 0 {
		return nil
	}
	slices.SortFunc(r.list, func(a, b Refusal) int { return cmp.Compare(a.Index, b.Index) })
	return &BatchError{r.list, vague}
}

// recordedIn tells whether an outcome is that of an event which was recorded.
func recordedIn(o Outcome) bool { return o.Seq > 0 }

// A batch is events on their way into the journal in portions.
type batch struct {
	ws       *Workspace
	events   []event.Event // all have ids
	outcomes []Outcome     // beside the events
	bad      refusals
	refused  []bool // beside the events
	// left are the places of the events that are not recorded, in the order in which they are to be. Those of one list are to be
	// entered together.
	left [][]int
}

// check refuses a batch of which an event cannot be recorded, and puts the events in order. It reads what is committed and holds
// nobody up.
func (b *batch) check(ctx context.Context) error {
	e := b.ws.engine
	var fresh []arrival
	var p *program
	ends := map[string]string{} // of the users' folds
	for from := 0; from < len(b.events); from += maxEntries {
		some := b.events[from:min(from+maxEntries, len(b.events))]
		at := func(i int) int { return from + i }
		var bad refusals
		var these []arrival
		known, err := session.Write(ctx, b.ws.snapshot, func(tx *session.Tx) ([]Outcome, error) {
			bad = refusals{}
			arrivals, err := know(ctx, tx, some, &bad)
			if err != nil {
				return nil, err
			}
			if p, err = e.program(ctx, tx); err == nil {
				err = content.Writable(ctx, tx)
			}
			if err != nil {
				return nil, err
			}
			outcomes := make([]Outcome, len(some))
			these, err = p.sift(ctx, tx, arrivals, outcomes, &bad)
			for i := 0; i < len(these) && err == nil; i++ {
				ends[these[i].userID()], err = endOf(ctx, tx, these[i].userID())
				these[i].index += from
				for k := range these[i].twins {
					these[i].twins[k] += from
				}
			}
			return outcomes, err
		})
		if err != nil {
			return err
		}
		fresh = append(fresh, these...)
		b.note(known, at)
		b.refuse(bad.list, at)
	}
	fresh, err := inOrder(fresh, &b.bad)
	if err == nil {
		err = b.bad.stop()
	}
	if err != nil {
		return err
	}
	b.left = nil
	for those, err := range p.together(fresh, func(userID string) (string, error) { return ends[userID], nil }) {
		if err != nil {
			return err
		}
		atOnce := len(those)
		if atOnce > e.portion { // as many as are made anew in any case
			err := b.ws.snapshot.Update(ctx, func(tx *session.Tx) error {
				later, err := steps.Count(ctx, tx, placesFrom(those[0].place(p)))
				atOnce = max(later, e.portion)
				return err
			})
			if err != nil {
				return err
			}
		}
		for some := range slices.Chunk(those, atOnce) {
			var places []int
			for _, a := range some {
				places = append(append(places, a.index), a.twins...)
			}
			b.left = append(b.left, places)
		}
	}
	return nil
}

// record records what is left. A portion after one that others waited for reads for no more events than that one came to.
func (b *batch) record(ctx context.Context) error {
	e := b.ws.engine
	for size := e.portion; ; {
		n, some := 0, []int(nil) // lists, and the events in them
		for ; n < len(b.left) && len(some) < size; n++ {
			some = append(some, b.left[n]...)
		}
		events := make([]event.Event, len(some))
		for i := range some {
			events[i] = b.events[some[i]]
		}
		at := func(i int) int { return some[i] }
		var bad refusals
		outcomes, err := session.Write(ctx, b.ws.run, func(tx *session.Tx) ([]Outcome, error) {
			bad = refusals{skip: b.bad.skip}
			return e.record(ctx, tx, events, &bad, true)
		})
		of, refused := errors.AsType[*BatchError](err)
		switch {
		case !refused && err != nil:
			return err
		case refused && !b.bad.skip:
			b.refuse(of.Refused, at)
			return b.bad.err(false)
		case refused && of.vague: // one after the other
			slices.SortStableFunc(some, func(i, k int) int { return inTime(&b.events[i], &b.events[k], e.now()) })
			b.left = slices.Concat(slices.Collect(slices.Chunk(some, 1)), b.left[n:])
			size = 1
			continue
		case refused:
			bad.list = of.Refused
		}
		came := b.note(outcomes, at)
		b.refuse(bad.list, at)
		var rest [][]int
		for _, list := range b.left[:n] {
			if list = slices.DeleteFunc(list, b.over); len(list) > 0 {
				rest = append(rest, list)
			}
		}
		b.left = b.left[n-len(rest):]
		copy(b.left, rest)
		switch {
		case len(b.left) == 0:
			return nil
		case refused: // nothing was recorded
		case len(rest) > 0:
			size = came
		default:
			size = min(2*size, e.portion)
		}
	}
}

// over tells whether there is nothing more to do for the event at a place.
func (b *batch) over(i int) bool { return b.refused[i] || recordedIn(b.outcomes[i]) }

// refuse takes what was found of events that are at places of the batch.
func (b *batch) refuse(found []Refusal, at func(int) int) {
	for _, f := range found {
		b.bad.list = append(b.bad.list, Refusal{at(f.Index), f.Err})
		b.refused[at(f.Index)] = true
	}
}

// note takes the outcomes of events that are recorded, which are at places of the batch, and returns how many they are.
func (b *batch) note(outcomes []Outcome, at func(int) int) (n int) {
	for i, o := range outcomes {
		if recordedIn(o) {
			b.outcomes[at(i)] = o
			n++
		}
	}
	return n
}

// inTime compares events in the order in which they happened, which is now if they do not say when.
func inTime(a, b *event.Event, now time.Time) int {
	at := func(e *event.Event) time.Time {
		if e.At.IsZero() {
			return now
		}
		return e.At
	}
	return cmp.Or(at(a).Compare(at(b)), strings.Compare(a.ID, b.ID))
}

// inOrder returns arrivals in the order in which they happened; of several that are the same event, the first.
func inOrder(arrivals []arrival, bad *refusals) ([]arrival, error) {
	if len(arrivals) < 2 {
		return arrivals, nil
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return inTime(&a.event, &b.event, time.Time{}) })
	known := make(map[string]int, len(arrivals))
	kept := arrivals[:0]
	for _, a := range arrivals {
		i, again := known[a.event.ID]
		if !again {
			known[a.event.ID] = len(kept)
			kept = append(kept, a)
			continue
		}
		if err := a.same(&kept[i].event); err != nil {
			if err = bad.add(err, append(a.twins, a.index)...); err != nil {
				return nil, err
			}
			continue
		}
		kept[i].twins = append(append(kept[i].twins, a.index), a.twins...)
	}
	return kept, nil
}

// together yields arrivals in their order. Those of a user of whom something is known that happened later come together, so
// that the user's fold is taken back once. endOf returns where a user's fold ends.
func (p *program) together(arrivals []arrival, endOf func(userID string) (string, error)) iter.Seq2[[]*arrival, error] {
	byUser := map[string][]*arrival{}
	for i := range arrivals {
		byUser[arrivals[i].userID()] = append(byUser[arrivals[i].userID()], &arrivals[i])
	}
	return func(yield func([]*arrival, error) bool) {
		for i := range arrivals {
			a := &arrivals[i]
			those := byUser[a.userID()]
			if len(those) == 0 || those[0] != a {
				continue // it came with an earlier one
			}
			end, err := endOf(a.userID())
			if end < a.place(p) {
				those = those[:1]
			}
			byUser[a.userID()] = byUser[a.userID()][len(those):]
			if !yield(those, err) || err != nil {
				return
			}
		}
	}
}

// crowded tells whether others wait for the transaction to end.
func crowded(tx *session.Tx) bool {
	c, ok := recorderOf(tx).Tx.(store.Crowded)
	return ok && c.Crowded()
}
