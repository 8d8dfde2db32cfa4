package guerdon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
)

// ConsumeOptions are the choices of [Engine.Consume]. The zero value is good for most.
type ConsumeOptions struct {
	// Batch is how many entries are handed over at once, at most; 0 means 100, and 1,000 is the most.
	Batch int
	// AtOnce is how many workspaces are worked for at once in this process; 0 means 4.
	AtOnce int
	// Lease is how long after a process has died another one takes its workspaces over; 0 means 10 seconds, and a second is the
	// least. The clocks of the processes must agree much better than that.
	Lease time.Duration
}

func (o *ConsumeOptions) check() (ConsumeOptions, error) {
	var c ConsumeOptions
	if o != nil {
		c = *o
	}
	switch {
	case c.Batch < 0 || c.Batch > maxEntries:
		return c, fault.Invalid("batch", "is %d; it must be 0 to %d", c.Batch, maxEntries)
	case c.AtOnce < 0:
		return c, fault.Invalid("atOnce", "is %d; it must be 0 or more", c.AtOnce)
	case c.Lease != 0 && c.Lease < time.Second:
		return c, fault.Invalid("lease", "is %s; it must be at least a second", c.Lease)
	}
	if c.Batch == 0 {
		c.Batch = 100
	}
	if c.AtOnce == 0 {
		c.AtOnce = 4
	}
	if c.Lease == 0 {
		c.Lease = 10 * time.Second
	}
	return c, nil
}

// Consume follows the journals of all workspaces under a name, until ctx ends, and returns nil then. It calls handle with what
// happened in a workspace, in the order of its journal, and when handle returns nil, that is confirmed for good: whoever consumes
// under that name, now or after a restart, in this process or another, goes on behind it. A name that is new begins with the first
// entry of every workspace.
//
// So handle gets every entry at least once. It gets some again if the process ends, or cannot reach the store, between
// handle's return and the confirmation: what it does should do no harm twice. See [Engine.ConsumeOnce] for what is written
// to the same store.
//
// Entries of one workspace are never with two callers at once, as long as a process is not halted for longer than
// the lease; then the context of handle ends. Processes that consume under one name share the workspaces; when one dies,
// another takes over. What is recorded through this engine is handed over at once, and what other processes record, or
// transactions of the host's ([Workspace.On]), within about a second.
//
// If handle returns an error or panics, the same entries come again after a pause, which grows from a second to five
// minutes; the error goes to Options.Log and the observer, and is shown by [Workspace.Consumers]. Other workspaces do not wait. An entry that cannot be
// read halts its workspace in the same way: to go past it is [Workspace.MoveConsumer].
//
// A workspace that is closed waits until it is open again. It returns [fault.ErrInvalid] for a name that is no identifier, options that
// are out of bounds, or a store that is no [store.Surveyor].
func (e *Engine) Consume(ctx context.Context, name string, handle func(context.Context, *Workspace, []Entry) error, opts *ConsumeOptions) error {
	if handle == nil {
		return fault.Invalid("handle", "is nil")
	}
	return e.consume(ctx, name, opts, func(ctx context.Context, f *follower, ws *Workspace, from int64, entries []Entry) error {
		err := f.hold(ctx, ws, func(ctx context.Context) error { return handle(ctx, ws, entries) })
		if err != nil {
			return err
		}
		ctx, cancel := f.anyway(ctx) // what is handled is confirmed
		defer cancel()
		return f.alone(ws).Update(ctx, func(tx *session.Tx) error {
			return f.confirm(ctx, tx, from, entries)
		})
	})
}

// ConsumeOnce is [Engine.Consume] with handle's effects in the workspace's store and the confirmation in one transaction: each
// entry takes effect exactly once. handle writes through ws, a handle as that of [Workspace.Update], or through tx to tables of
// the host's own ([Options].Tables). It may run again for the same entries when its transaction could not be committed, so it must
// have no effects elsewhere. Others who write to the workspace wait for it.
func (e *Engine) ConsumeOnce(
	ctx context.Context, name string, handle func(ctx context.Context, tx store.Tx, ws *Workspace, entries []Entry) error, opts *ConsumeOptions,
) error {
	if handle == nil {
		return fault.Invalid("handle", "is nil")
	}
	return e.consume(ctx, name, opts, func(ctx context.Context, f *follower, ws *Workspace, from int64, entries []Entry) error {
		return ws.update(ctx, func(ctx context.Context, tx *session.Tx, inner *Workspace) error {
			if err := guard(func() error { return handle(ctx, recorderOf(tx).Tx, inner, entries) }); err != nil {
				return err
			}
			return f.confirm(ctx, tx, from, entries)
		})
	})
}

// A consumer is how far a name has come in a workspace.
type consumer struct {
	Name string `json:"name"`
	// Seq is the number of the last entry that is confirmed.
	Seq int64 `json:"seq"`
	// Owner is who works for the workspace, until a moment; "" is nobody.
	Owner string    `json:"owner,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// Failures is how often the entries behind Seq have failed, the last time with Error; they are tried again at RetryAt.
	Failures int       `json:"failures,omitempty"`
	RetryAt  time.Time `json:"retryAt,omitzero"`
	Error    string    `json:"error,omitempty"`
}

var consumers = store.Define("consumers", func(c *consumer) string { return c.Name }, nil)

// A follower consumes under a name in this process.
type follower struct {
	engine  *Engine
	name    string
	id      string // as the owner of leases
	options ConsumeOptions
	survey  func(ctx context.Context, t *store.Schema, since store.Mark) ([]store.Surveyed, store.Mark, error)
	deliver deliver

	wake chan struct{} // holds a token when there is something to look at

	mu     sync.Mutex
	spaces map[store.Scope]*followed
	ready  []store.Scope            // those that are waiting
	rests  map[store.Scope]struct{} // those that rest
}

// deliver hands over entries behind a number, and confirms them.
type deliver func(ctx context.Context, f *follower, ws *Workspace, from int64, entries []Entry) error

// followed is what a follower knows of a workspace.
type followed struct {
	head, done int64 // the number of the last entry, and up to which nothing is to be done
	state      following
	until      time.Time // when a rest is over, but not before the follower looks again
	owned      bool      // there may be a lease
}

// following says what a follower does about a workspace.
type following int

const (
	idle following = iota
	waiting
	working
	resting
)

const (
	// surveyEvery is how long it may take until what others have recorded is seen; whether others have moved the consumer is
	// asked less often.
	surveyEvery = time.Second
	rememberIn  = 10
	// batchesInTurn is how many batches of a workspace are handed over before another one has its turn.
	batchesInTurn = 10
	// firstRest and lastRest are the pauses behind a failure.
	firstRest = time.Second
	lastRest  = 5 * time.Minute
	// maxErrorText is how much of an error is kept, in bytes.
	maxErrorText = 1000
)

// Why nothing is done for a workspace: another process works for it, it rests, or nobody may write to it.
var (
	errNotMine = errors.New("guerdon: another consumer works for the workspace")
	errShut    = errors.New("guerdon: the workspace is not open")
)

func (e *Engine) consume(ctx context.Context, name string, opts *ConsumeOptions, deliver deliver) error {
	if err := ident.Check("name", name); err != nil {
		return err
	}
	o, err := opts.check()
	if err != nil {
		return err
	}
	surveyor, ok := e.store.(store.Surveyor)
	if !ok {
		return fault.Invalid("store", "%T cannot look at all workspaces at once", e.store)
	}
	f := &follower{
		engine: e, name: name, id: e.newID(), options: o, survey: surveyor.Survey, deliver: deliver,
		wake: make(chan struct{}, 1), spaces: map[store.Scope]*followed{}, rests: map[store.Scope]struct{}{},
	}
	e.attend(f, true)
	defer e.attend(f, false)
	return f.run(ctx)
}

// attend lets a follower be told of what is recorded, or not any more.
func (e *Engine) attend(f *follower, there bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if there {
		e.followers[f] = struct{}{}
	} else {
		delete(e.followers, f)
	}
}

// eachFollower calls fn for each.
func (e *Engine) eachFollower(fn func(*follower)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for f := range e.followers {
		fn(f)
	}
}

// run works until ctx ends, and then waits for those who work for it.
func (f *follower) run(ctx context.Context) error {
	var working sync.WaitGroup
	room := make(chan struct{}, f.options.AtOnce)
	tick := time.NewTicker(surveyEvery)
	defer tick.Stop()
	defer f.release(ctx)
	defer working.Wait()
	for mark, looks, look := store.Mark(nil), 0, true; ; {
		if look {
			mark = f.look(ctx, mark, looks%rememberIn == 0)
			looks++
		}
		for s, ok := f.next(room); ok; s, ok = f.next(room) {
			working.Go(func() {
				f.serve(ctx, s)
				<-room
				f.nudge()
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
			look = false
		case <-tick.C:
			look = true
		}
	}
}

// look finds out what has been recorded since a mark, and returns the next. It remembers if it is to.
func (f *follower) look(ctx context.Context, mark store.Mark, remember bool) store.Mark {
	found, next, err := f.survey(ctx, heads.Schema(), mark)
	if err == nil && remember {
		err = f.remember(ctx)
	}
	if err != nil {
		f.failed(ctx, store.Scope{}, err)
		if store.Damaged(err) == nil {
			return mark
		}
	}
	for _, h := range found {
		f.note(h.Scope, h.Row.Record.(head).Seq, true)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.engine.now()
	for s := range f.rests {
		if w := f.spaces[s]; !now.Before(w.until) {
			delete(f.rests, s)
			w.state = idle
			f.queue(s, w)
		}
	}
	return next
}

// remember reads how far the name has come in each workspace.
func (f *follower) remember(ctx context.Context) error {
	found, _, err := f.survey(ctx, consumers.Schema(), nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range found {
		if of := c.Row.Record.(consumer); of.Name == f.name {
			w := f.space(c.Scope)
			w.done = of.Seq
			f.queue(c.Scope, w)
		}
	}
	return err
}

// space returns what is known of a workspace; the caller holds mu.
func (f *follower) space(s store.Scope) *followed {
	w := f.spaces[s]
	if w == nil {
		w = &followed{}
		f.spaces[s] = w
	}
	return w
}

// note takes in that a workspace has an entry of a number, perhaps as its last: then one that has had more is another since.
func (f *follower) note(s store.Scope, seq int64, last bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.space(s)
	if last && seq < w.done {
		w.head, w.done = seq, 0
	}
	w.head = max(w.head, seq)
	f.queue(s, w)
}

// again takes in that a workspace is to be looked at again.
func (f *follower) again(s store.Scope) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.space(s)
	w.done = 0
	f.queue(s, w)
}

// queue lets a workspace wait for its turn if there is something to do; the caller holds mu.
func (f *follower) queue(s store.Scope, w *followed) {
	if w.state == idle && w.head > w.done {
		w.state = waiting
		f.ready = append(f.ready, s)
		f.nudge()
	}
}

// nudge lets the follower look at what is ready.
func (f *follower) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// next takes a place in the room for the next workspace; ok is false if there is none of either.
func (f *follower) next(room chan<- struct{}) (s store.Scope, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ready) == 0 {
		return s, false
	}
	select {
	case room <- struct{}{}:
	default:
		return s, false
	}
	s, f.ready = f.ready[0], f.ready[1:]
	f.spaces[s].state = working
	return s, true
}

// serve hands over what happened in a workspace, for a turn.
func (f *follower) serve(ctx context.Context, s store.Scope) {
	ws := f.engine.workspace(s)
	f.mu.Lock()
	w := f.spaces[s]
	seen := w.head
	f.mu.Unlock()
	at, more, owned, err := consumer{}, true, false, error(nil)
	for i := 0; i < batchesInTurn && more && err == nil; i++ {
		at, more, err = f.batch(ctx, ws)
		owned = owned || at.Owner == f.id
	}
	var until time.Time
	if err != nil {
		until = f.fail(ctx, ws, at, err)
	}
	f.lag(ctx, ws)
	f.mu.Lock()
	defer f.mu.Unlock()
	w.state, w.owned = idle, w.owned || owned
	switch {
	case err != nil:
		w.state, w.until = resting, until
		f.rests[s] = struct{}{}
	case !more:
		w.done = max(w.done, seen)
	}
	f.queue(s, w)
}

// batch hands over the next entries of a workspace, and tells how far it has come and whether there may be more.
func (f *follower) batch(ctx context.Context, ws *Workspace) (at consumer, more bool, err error) {
	at, more, err = f.claim(ctx, ws)
	if err != nil || !more {
		return at, false, err
	}
	entries, err := session.Write(ctx, ws.snapshot, func(tx *session.Tx) ([]Entry, error) { return entriesAfter(ctx, tx, at.Seq, f.options.Batch) })
	if err != nil || len(entries) == 0 {
		return at, false, err
	}
	return at, true, f.deliver(ctx, f, ws, at.Seq, entries)
}

// alone returns what runs transactions on what is kept of consumers, from which nothing follows.
func (f *follower) alone(ws *Workspace) session.Runner {
	return f.engine.runner(ws.scope)
}

// claim makes a workspace that of the follower for the time of a lease, if there is more to do, and returns how far it has come.
func (f *follower) claim(ctx context.Context, ws *Workspace) (at consumer, more bool, err error) {
	var held bool
	look := func(tx *session.Tx) error {
		h, _, err := heads.Get(ctx, tx, headKey)
		if err != nil {
			return err
		}
		if at, _, err = consumers.Get(ctx, tx, f.name); err != nil {
			return err
		}
		at.Name = f.name
		own := at.Owner == f.id
		held = own && at.Until.After(tx.Now.Add(f.options.Lease/2))
		switch more = h.Seq > at.Seq; {
		case !more:
			return nil
		case tx.Now.Before(at.RetryAt) || !own && tx.Now.Before(at.Until):
			return errNotMine
		case content.Writable(ctx, tx) != nil:
			return errShut
		}
		return nil
	}
	// Views may be of a replica that does not know yet what it was woken for.
	if err := ws.snapshot.Update(ctx, look); err != nil || !more || held {
		return at, more, err
	}
	err = f.alone(ws).Update(ctx, func(tx *session.Tx) error {
		if err := look(tx); err != nil || !more {
			return err
		}
		at.Owner, at.Until = f.id, tx.Now.Add(f.options.Lease)
		return consumers.Put(ctx, tx, at)
	})
	return at, more, err
}

// mine returns how far the name has come in a workspace that is the follower's.
func (f *follower) mine(ctx context.Context, tx *session.Tx) (consumer, error) {
	at, _, err := consumers.Get(ctx, tx, f.name)
	if err == nil && at.Owner != f.id {
		err = errNotMine
	}
	return at, err
}

// confirm notes that entries behind a number have been handled.
func (f *follower) confirm(ctx context.Context, tx *session.Tx, from int64, entries []Entry) error {
	at, err := f.mine(ctx, tx)
	if err != nil {
		return err
	}
	if at.Seq != from { // somebody has moved it meanwhile, perhaps the handler
		return nil
	}
	at = consumer{Name: f.name, Seq: entries[len(entries)-1].Outcome.Seq, Owner: f.id, Until: tx.Now.Add(f.options.Lease)}
	return consumers.Put(ctx, tx, at)
}

// hold calls fn, whose context ends when the workspace is not the follower's any more, and prolongs the lease meanwhile.
func (f *follower) hold(ctx context.Context, ws *Workspace, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over := make(chan struct{})
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(f.options.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			err := f.alone(ws).Update(ctx, func(tx *session.Tx) error {
				at, err := f.mine(ctx, tx)
				if err != nil {
					return err
				}
				at.Until = tx.Now.Add(f.options.Lease)
				return consumers.Put(ctx, tx, at)
			})
			if errors.Is(err, errNotMine) {
				cancel(err)
				return
			}
		}
	})
	err := guard(func() error { return fn(ctx) })
	close(over)
	renewing.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, errNotMine) {
		return cause
	}
	return err
}

// guard makes an error of a panic.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("guerdon: the handler of a consumer panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return fn()
}

// fail notes that entries could not be handled, and returns until when the workspace rests.
func (f *follower) fail(ctx context.Context, ws *Workspace, at consumer, wrong error) time.Time {
	now := f.engine.now()
	switch {
	case ctx.Err() != nil: // nobody looks again
		return now
	case errors.Is(wrong, errShut):
		return now.Add(rememberIn * surveyEvery)
	case errors.Is(wrong, errNotMine) && at.Until.After(at.RetryAt):
		return at.Until
	case errors.Is(wrong, errNotMine):
		return at.RetryAt
	}
	rest := lastRest
	if at.Failures < 10 {
		rest = min(lastRest, firstRest<<at.Failures)
	}
	until := now.Add(rest)
	f.failed(ctx, ws.scope, fmt.Errorf("behind entry %d: %w", at.Seq, wrong))
	err := f.alone(ws).Update(ctx, func(tx *session.Tx) error {
		now, err := f.mine(ctx, tx)
		if err != nil || now.Seq != at.Seq {
			return err
		}
		now.Failures, now.RetryAt, now.Error = at.Failures+1, until, text.Cut(wrong.Error(), maxErrorText)
		now.Until = time.Time{} // anybody may try then
		return consumers.Put(ctx, tx, now)
	})
	if err != nil && !errors.Is(err, errNotMine) {
		f.failed(ctx, ws.scope, err)
	}
	return until
}

// failed tells of an error.
func (f *follower) failed(ctx context.Context, s store.Scope, err error) {
	f.engine.failed(ctx, s, "consume", fmt.Errorf("consumer %q: %w", f.name, err))
}

// lag tells the observer how far behind the consumer is in a workspace.
func (f *follower) lag(ctx context.Context, ws *Workspace) {
	if f.engine.observer.Lag == nil {
		return
	}
	var s ConsumerState
	err := ws.snapshot.Update(ctx, func(tx *session.Tx) error {
		at, _, err := consumers.Get(ctx, tx, f.name)
		if err != nil {
			return err
		}
		s, err = stateOf(ctx, tx, &at)
		return err
	})
	if err != nil {
		f.failed(ctx, ws.scope, err)
		return
	}
	f.engine.observer.Lag(ctx, ConsumerLag{ws.scope, f.name, s.Behind(), s.Since})
}

// anyway returns a context for what is to be done although another one has ended, in the time of a lease.
func (f *follower) anyway(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), f.options.Lease)
}

// release gives the workspaces up for others to take at once. What cannot be given up ends with its lease.
func (f *follower) release(ctx context.Context) {
	ctx, cancel := f.anyway(ctx)
	defer cancel()
	for s, w := range f.spaces {
		if !w.owned {
			continue
		}
		_ = f.alone(f.engine.workspace(s)).Update(ctx, func(tx *session.Tx) error {
			at, err := f.mine(ctx, tx)
			if err != nil {
				return err
			}
			at.Owner, at.Until = "", time.Time{}
			return consumers.Put(ctx, tx, at)
		})
	}
}

// A ConsumerState says how far a consumer has come in a workspace.
type ConsumerState struct {
	Name string `json:"name"`
	// Seq is the number of the last entry that it has confirmed, 0 for none, and Head that of the journal's last.
	Seq  int64 `json:"seq"`
	Head int64 `json:"head"`
	// Since is when the first entry that is not confirmed was recorded, zero if there is none: it is behind by the time since then.
	Since time.Time `json:"since,omitzero"`
	// Failures is how often that entry has failed, the last time with Error, and RetryAt when it is tried again.
	Failures int       `json:"failures,omitempty"`
	Error    string    `json:"error,omitempty"`
	RetryAt  time.Time `json:"retryAt,omitzero"`
}

// Behind returns how many entries are not confirmed.
func (c *ConsumerState) Behind() int64 { return max(0, c.Head-c.Seq) }

// Consumers returns how far each consumer has come in the workspace, in the order of their names: those that have confirmed something or
// failed there.
func (ws *Workspace) Consumers(ctx context.Context) ([]ConsumerState, error) {
	return session.Read(ctx, ws.run, func(tx *session.Tx) ([]ConsumerState, error) {
		all, err := consumers.List(ctx, tx, store.Query{})
		if err != nil {
			return nil, err
		}
		states := make([]ConsumerState, len(all))
		for i := 0; i < len(all) && err == nil; i++ {
			states[i], err = stateOf(ctx, tx, &all[i])
		}
		return states, err
	})
}

// stateOf returns what is told of a consumer.
func stateOf(ctx context.Context, tx *session.Tx, c *consumer) (ConsumerState, error) {
	s := ConsumerState{Name: c.Name, Seq: c.Seq, Failures: c.Failures, Error: c.Error, RetryAt: c.RetryAt}
	h, _, err := heads.Get(ctx, tx, headKey)
	if s.Head = h.Seq; err == nil && s.Behind() > 0 {
		s.Since, err = since(ctx, tx, c.Seq)
	}
	return s, err
}

// since returns when the first entry behind a number was recorded; of one that cannot be read nobody knows.
func since(ctx context.Context, tx *session.Tx, seq int64) (time.Time, error) {
	next, err := journal.List(ctx, tx, after(seq, 1))
	if store.Damaged(err) != nil {
		err = nil
	}
	if err != nil || len(next) == 0 {
		return time.Time{}, err
	}
	return next[0].RecordedAt, nil
}

// MoveConsumer lets a consumer go on in the workspace behind the entry of a number: 0 begins anew, the number of the last entry
// passes over all there is. What failed is forgotten, and what is being handled at the moment is not confirmed. In a transaction of the
// host's ([Workspace.On]), a handler confirms with it what it has written there. It returns [fault.ErrInvalid] for a name
// that is no identifier, or a number that no entry has.
func (ws *Workspace) MoveConsumer(ctx context.Context, name string, seq int64) error {
	if err := ident.Check("name", name); err != nil {
		return err
	}
	return ws.run.Update(ctx, func(tx *session.Tx) error {
		h, _, err := heads.Get(ctx, tx, headKey)
		if err != nil {
			return err
		}
		if seq < 0 || seq > h.Seq {
			return fault.Invalid("seq", "is %d; the last entry is %d", seq, h.Seq)
		}
		at, _, err := consumers.Get(ctx, tx, name)
		if err != nil {
			return err
		}
		recorderOf(tx).moved = true
		return consumers.Put(ctx, tx, consumer{Name: name, Seq: seq, Owner: at.Owner, Until: at.Until})
	})
}

// RemoveConsumer forgets a consumer of the workspace: nothing is kept for it any more, and if it comes back, it begins anew. It does
// nothing if there is none.
func (ws *Workspace) RemoveConsumer(ctx context.Context, name string) error {
	return ws.run.Update(ctx, func(tx *session.Tx) error { return consumers.Delete(ctx, tx, name) })
}

// consumed returns the number of the last entry that all consumers of a workspace have confirmed.
func consumed(ctx context.Context, tx *session.Tx) (int64, error) {
	all, err := consumers.List(ctx, tx, store.Query{})
	least := int64(math.MaxInt64)
	for i := range all {
		least = min(least, all[i].Seq)
	}
	return least, err
}
