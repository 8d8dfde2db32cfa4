package guerdon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// MaxBatch is how many events one [Workspace.RecordBatch] may have.
const MaxBatch = 10_000

// RecordBatch records up to [MaxBatch] events and returns the outcome of each. They are processed in the order in which
// they happened.
//
// The batch is checked before anything of it is recorded: if [Workspace.Record] would refuse one of the events, nothing changes,
// and the error names its place ("events[3].userId"). Then it is recorded in portions of [Options.Portion] events, each a transaction
// that ends early as soon as somebody else waits, so that no batch holds others up. Events of a user of whom something is known
// that happened later may come in larger portions, so that as little as possible is made anew.
//
// Where something fails after a portion was recorded (the context has ended, the connection is lost, a user was suspended
// meanwhile), that portion stays, and the outcomes are returned beside the error: one whose Seq is 0 is of an event that is not
// known to be recorded. Each has the id of its event, also of one that came without; the batch sent again with these ids
// records what is missing, and all of it exactly once.
//
// Inside [Workspace.Update], and in a transaction of the host's ([Workspace.On]), a batch is a part of that one transaction: all
// of it is recorded or nothing.
func (ws *Workspace) RecordBatch(ctx context.Context, events []event.Event) ([]Outcome, error) {
	if n := len(events); n > MaxBatch {
		return nil, fault.Invalid("events", "are %d, at most %d are allowed", n, MaxBatch)
	}
	if ws.engine == nil || ws.revocable {
		return session.Write(ctx, ws.run, func(tx *session.Tx) ([]Outcome, error) { return ws.engine.record(ctx, tx, events, inBatch, false) })
	}
	b := &batch{ws, slices.Clone(events), make([]Outcome, len(events)), make([][]int, len(events))}
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
	return b.outcomes, err
}

// inBatch is the error of an event of a batch.
func inBatch(i int, err error) error { return fault.In(fmt.Sprintf("events[%d]", i), err) }

// recordedIn tells whether an outcome is that of an event which was recorded.
func recordedIn(o Outcome) bool { return o.Seq > 0 }

// A batch is events on their way into the journal in portions.
type batch struct {
	ws       *Workspace
	events   []event.Event // all have ids
	outcomes []Outcome     // beside the events
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
		known, err := session.Write(ctx, b.ws.snapshot, func(tx *session.Tx) ([]Outcome, error) {
			place := func(i int, err error) error { return inBatch(from+i, err) }
			arrivals, err := know(ctx, tx, some, place)
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
			these, err := p.sift(ctx, tx, arrivals, outcomes, place)
			for i := 0; i < len(these) && err == nil; i++ {
				ends[these[i].userID()], err = endOf(ctx, tx, these[i].userID())
				these[i].index += from
				for k := range these[i].twins {
					these[i].twins[k] += from
				}
			}
			fresh = append(fresh, these...)
			return outcomes, err
		})
		if err != nil {
			return err
		}
		b.note(known, func(i int) int { return from + i })
	}
	fresh, err := inOrder(fresh, inBatch)
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
		place := func(i int, err error) error { return inBatch(at(i), err) }
		outcomes, err := session.Write(ctx, b.ws.run, func(tx *session.Tx) ([]Outcome, error) { return e.record(ctx, tx, events, place, true) })
		if err != nil {
			return err
		}
		came := b.note(outcomes, at)
		var rest [][]int
		for _, list := range b.left[:n] {
			if list = slices.DeleteFunc(list, func(i int) bool { return recordedIn(b.outcomes[i]) }); len(list) > 0 {
				rest = append(rest, list)
			}
		}
		b.left = b.left[n-len(rest):]
		copy(b.left, rest)
		switch {
		case len(b.left) == 0:
			return nil
		case came < len(some):
			size = came
		default:
			size = min(2*size, e.portion)
		}
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

// inOrder returns arrivals in the order in which they happened; of several that are the same event, the first.
func inOrder(arrivals []arrival, place func(int, error) error) ([]arrival, error) {
	if len(arrivals) < 2 {
		return arrivals, nil
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int {
		return cmp.Or(a.event.At.Compare(b.event.At), strings.Compare(a.event.ID, b.event.ID))
	})
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
			return nil, place(a.index, err)
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
