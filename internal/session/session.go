// Package session is one transaction of the engine, as the domains see it: rows, the moment, new ids,
// and the events that the transaction causes.
package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Tx is a transaction on one workspace's rows. It is used by one goroutine.
type Tx struct {
	store.Tx
	// Now is the moment of the transaction, in whole microseconds, UTC. It does not move.
	Now time.Time
	// NewID makes an identifier.
	NewID func() string
	// At is when what is being reacted to happened, zero while nothing is.
	At time.Time
	// Types remember what of results has to be copied; nil remember nothing.
	Types *Types
	// Zones loads time zones.
	Zones *timeframe.Zones
	// Committed says that all the transaction sees is committed: it is a View of its own.
	Committed bool
	// Seq is the number of the journal's entry that is being made, 0 while none is.
	Seq int64
	// Enter adds an event of the clock to the journal at once, if anything follows from it; one that is about nobody unless the
	// journal has it, and nothing follows. [Tx.Cause] queues one for when the transaction's own work is done. In a View it returns [ErrDue].
	Enter func(ctx context.Context, e event.Event) error
	// Submit takes at once what a user has done of which somebody tells: an event that happened when it says, or now if it has no time. If one of its id
	// was recorded, nothing is done; if that was taken back, it is recorded under the next id that is free. It returns the event as it is recorded.
	Submit func(ctx context.Context, e event.Event) (event.Event, error)
	// Wake lets the clock do what it does by itself in a user's fold up to now.
	Wake func(ctx context.Context, userID string) error
	// Horizon returns the moment before which all is settled, and the number up to which the journal is archived. Nil is none.
	Horizon func(ctx context.Context) (at time.Time, seq int64, err error)
	// ActorType and ActorID say who acts; empty means the system.
	ActorType, ActorID string
	// Opened is the edition of the program for which the transaction has opened the boards.
	Opened string

	// Place is the place in its user's fold of the step that is being made, "" while none is.
	Place string
	// Replaying says that the step is one that was made before and is made anew. Who counts what several users do
	// leaves it alone, and is told afterwards what is different.
	Replaying bool
	// Anew says that a fold is being folded again: an event of the step may have been judged before, also if the step is not one that was made before.
	Anew bool
	// Accepted says that what the user did was accepted before, so that it is not refused whatever is known by now.
	Accepted bool
	// Asking says that the step is made once more by somebody who asks why it came to what it did: what was entered since
	// has not happened.
	Asking bool
	// Whole says that who asks for what a user did wants all that is known, and not only what lies before the step that is
	// being made.
	Whole bool
	// Rouse are users in whose folds the clock has to do what is due by now, because it did in another's.
	Rouse []string
	// Again are places in folds from which on these are to be folded again.
	Again []string

	// Observed gathers what an observer is told once the transaction is over; nil if nobody observes.
	Observed *Observed

	// NoDebt refuses what leaves somebody with less than is allowed, because what was paid is spent.
	NoDebt bool
	// Partly says that the transaction does a part of something: what somebody has is not what it comes to, and who owes is asked in the end.
	Partly bool

	// Unread are the errors of users and rows that cannot be read, by what they are about, of a call that goes on without
	// them; nil if the call is refused.
	Unread map[string]error

	present    time.Time // zero for Now
	entry      int64     // of the present, where the transaction is as it was at another
	caused     []event.Event
	told       []Told
	problems   []event.Problem
	afterwards map[string]Func
}

// Observed is what a transaction has done that an observer is told.
type Observed struct {
	// Now is the engine's clock, to measure with.
	Now func() time.Time
	// Published are the documents that came in force, Rebuilt the rankings that were read into memory.
	Published []Published
	Rebuilt   []Rebuilt
}

// Published is a document of which a version came in force.
type Published struct {
	Kind, ID string
	Version  int
}

// Rebuilt is a ranking of a period of a board that was read into memory.
type Rebuilt struct {
	Board, Period string
	Scores        int
	Start         time.Time
	Took          time.Duration
}

// Then returns the transaction as it was at a moment, while the entry of a number was made, for a step that is made
// anew.
func (tx *Tx) Then(now time.Time, seq int64) *Tx {
	return &Tx{Tx: tx.Tx, Now: now, NewID: tx.NewID, Zones: tx.Zones, Seq: seq, Replaying: true, Accepted: true, Horizon: tx.Horizon, present: tx.Present(), entry: tx.Entry()}
}

// Entry returns the number of the journal's entry that the transaction makes, also of one as it was at another ([Tx.Then]).
func (tx *Tx) Entry() int64 { return cmp.Or(tx.entry, tx.Seq) }

// Present returns the moment at which the transaction records what is new, also of one as it was at another ([Tx.Then]).
func (tx *Tx) Present() time.Time { return cmp.Or(tx.present, tx.Now) }

// Cause queues an event that follows from what the transaction does. The engine lets every mechanic
// react to it before the transaction commits.
func (tx *Tx) Cause(e event.Event) { tx.caused = append(tx.caused, e) }

// Caused returns the events queued since it was called last, in their order.
func (tx *Tx) Caused() []event.Event {
	events := tx.caused
	tx.caused = nil
	return events
}

// A Told is an event that somebody tells a call of, which happened when they say and not now: in its user's fold it stands at
// that moment, among others whose time a host gave.
type Told struct {
	Event event.Event
	// Instead is the id of an event told before that did not happen after all, "" for none: nothing follows from it any more.
	Instead string
	// Give writes of the user's rows what somebody has decided that the event tells of, when all is there that happened before it and
	// nothing that happened after. Nil writes nothing.
	Give func() error
}

// Tell queues an event that somebody has told the call of. The engine lets every mechanic react to it before the transaction
// commits, and to all that has happened to its user since.
func (tx *Tx) Tell(t Told) { tx.told = append(tx.told, t) }

// Told returns the events told of since it was called last, in their order.
func (tx *Tx) Told() []Told {
	told := tx.told
	tx.told = nil
	return told
}

// Report notes something that could not be done although the event stands.
func (tx *Tx) Report(source, field, reason string) {
	tx.problems = append(tx.problems, event.Problem{Source: source, Field: field, Reason: reason})
}

// Problems returns what was reported since it was called last.
func (tx *Tx) Problems() []event.Problem {
	problems := tx.problems
	tx.problems = nil
	return problems
}

// An UnreadError says that a transaction failed because something of a user cannot be read, and that the call may go on without the
// user.
type UnreadError struct {
	UserID string
	Err    error
}

// Error names the user.
func (e *UnreadError) Error() string { return fmt.Sprintf("user %q: %v", e.UserID, e.Err) }

// Unwrap returns what could not be read.
func (e *UnreadError) Unwrap() error { return e.Err }

// For does something for a user, unless the call goes on without the user. It returns an [UnreadError] if it might.
func (tx *Tx) For(userID string, do func() error) error {
	if _, without := tx.Unread[userID]; without {
		return nil
	}
	err := do()
	if tx.Unread != nil && store.Damaged(err) != nil {
		return &UnreadError{userID, err}
	}
	return err
}

// Readable lists rows in the order of their keys, and tells skipped of those that cannot be read. They do not count for the limit.
func Readable[T any](
	ctx context.Context, tx store.Tx, table *store.Table[T], q store.Query, skipped func(*store.DamagedError),
) (all []T, err error) {
	for {
		list, err := table.List(ctx, tx, q)
		damaged := store.Damaged(err)
		if damaged == nil {
			return append(all, list...), err
		}
		skipped(damaged)
		before := q
		before.Until = store.Text(damaged.Key)
		if list, err = table.List(ctx, tx, before); err != nil {
			return nil, err
		}
		all, q.After = append(all, list...), &store.Position{Key: damaged.Key}
		if q.Limit > 0 {
			q.Limit -= len(list) // the damaged row was within it
		}
	}
}

// Moment returns what time it is for rules: when what is being reacted to happened, otherwise now.
func (tx *Tx) Moment() time.Time {
	if tx.At.IsZero() {
		return tx.Now
	}
	return tx.At
}

// Reported returns what was reported, without taking it.
func (tx *Tx) Reported() []event.Problem { return tx.problems }

// Afterwards lets fn run in a View once the transaction is committed; of several with one name, the last.
// It is not run if the transaction is part of one of the host's.
func (tx *Tx) Afterwards(name string, fn Func) {
	if tx.afterwards == nil {
		tx.afterwards = map[string]Func{}
	}
	tx.afterwards[name] = fn
}

// RunAfterwards runs what was left for when the transaction is committed. What fails of it fails in the background: failed is told.
func (tx *Tx) RunAfterwards(ctx context.Context, view func(context.Context, Func) error, failed Failed) {
	for name, fn := range tx.afterwards {
		if err := view(ctx, fn); err != nil {
			failed(ctx, name, err)
		}
	}
}

// A Func is what runs inside a transaction.
type Func func(tx *Tx) error

// A Runner runs transactions on one workspace, or joins the one that is running. The zero Runner runs
// nothing and says so.
type Runner struct {
	view, update func(context.Context, Func) error
	ahead        func(ctx context.Context, look, fn Func) error // nil: update will do
	failed       Failed
}

// Failed is told what went wrong behind a call that has succeeded: what it was about, and the error.
type Failed func(ctx context.Context, during string, err error)

// NewRunner returns a Runner of the two functions.
func NewRunner(view, update func(context.Context, Func) error) Runner {
	return Runner{view: view, update: update}
}

// Ahead returns the Runner with another function for updates of which a look can tell what they read, as [store.Ahead] says.
func (r Runner) Ahead(update func(ctx context.Context, look, fn Func) error) Runner {
	r.ahead = update
	return r
}

// Telling returns the Runner with somebody who is told what goes wrong behind a call.
func (r Runner) Telling(failed Failed) Runner {
	r.failed = failed
	return r
}

// Failed tells that something has gone wrong of which the caller learns nothing.
func (r Runner) Failed(ctx context.Context, during string, err error) {
	if r.failed != nil {
		r.failed(ctx, during, err)
	}
}

// View runs fn on a consistent snapshot.
func (r Runner) View(ctx context.Context, fn Func) error { return run(ctx, r.view, fn) }

// Update runs fn in a transaction; when fn has returned nil, the mechanics react to the events that
// it caused, and the transaction commits.
func (r Runner) Update(ctx context.Context, fn Func) error { return run(ctx, r.update, fn) }

// UpdateAhead is Update for a function of which look can tell what it is going to read, as [store.Ahead] says. The Runner may
// have no use for it.
func (r Runner) UpdateAhead(ctx context.Context, look, fn Func) error {
	if r.ahead == nil {
		return r.Update(ctx, fn)
	}
	return r.ahead(ctx, look, fn)
}

func run(ctx context.Context, with func(context.Context, Func) error, fn Func) error {
	if with == nil {
		return fault.Invalid("workspace", "is the zero value; take one from Engine.Workspace")
	}
	return with(ctx, fn)
}

// Read runs fn in a View and returns a copy of what it returns, which is the caller's own.
func Read[T any](ctx context.Context, r Runner, fn func(*Tx) (T, error)) (T, error) {
	return collect(ctx, r.View, fn)
}

// ReadPage is Read for a page of a list and the token of the next one.
func ReadPage[T any](ctx context.Context, r Runner, fn func(*Tx) ([]T, string, error)) (list []T, next string, err error) {
	list, err = Read(ctx, r, func(tx *Tx) (list []T, err error) {
		list, next, err = fn(tx)
		return list, err
	})
	if err != nil {
		return nil, "", err
	}
	return list, next, nil
}

// Write runs fn in an Update and returns a copy of what it returns, which is the caller's own.
func Write[T any](ctx context.Context, r Runner, fn func(*Tx) (T, error)) (T, error) {
	return collect(ctx, r.Update, fn)
}

// WriteAhead is Write for a function of which look can tell what it is going to read.
func WriteAhead[T any](ctx context.Context, r Runner, look Func, fn func(*Tx) (T, error)) (T, error) {
	return collect(ctx, func(ctx context.Context, fn Func) error { return r.UpdateAhead(ctx, look, fn) }, fn)
}

// ReadFresh is Read for a function whose result shares nothing with the records of the store, so that it need not be copied.
func ReadFresh[T any](ctx context.Context, r Runner, fn func(*Tx) (T, error)) (T, error) {
	return result(ctx, r.View, fn)
}

func collect[T any](ctx context.Context, with func(context.Context, Func) error, fn func(*Tx) (T, error)) (T, error) {
	var types *Types
	out, err := result(ctx, with, func(tx *Tx) (T, error) {
		types = tx.Types
		return fn(tx)
	})
	if err != nil {
		return out, err
	}
	return Own(types, out), nil
}

// ErrDue is what [Tx.Enter] returns in a View: something is to be done, which takes an Update.
var ErrDue = errors.New("session: something is due")

// Settle returns what fn returns, which now and then has something to enter: it runs in a View, which holds up nobody, and in an Update if
// there is something.
func Settle[T any](ctx context.Context, r Runner, fn func(*Tx) (T, error)) (T, error) {
	out, err := Read(ctx, r, func(tx *Tx) (out T, err error) {
		if !tx.Committed { // it could be written to
			return out, ErrDue
		}
		return fn(tx)
	})
	if errors.Is(err, ErrDue) {
		return Write(ctx, r, fn)
	}
	return out, err
}

// result returns what fn returns in a transaction, and nothing if that fails.
func result[T any](ctx context.Context, with func(context.Context, Func) error, fn func(*Tx) (T, error)) (T, error) {
	var out T
	err := with(ctx, func(tx *Tx) (err error) {
		out, err = fn(tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}
