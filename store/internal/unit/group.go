package unit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// A Database opens the sessions of a group.
type Database interface {
	// Begin opens a session. What it holds keeps others from changing what the session reads.
	Begin(ctx context.Context) (Session, error)
	// Retry tells whether an error of a session that did not commit, or of Begin, comes from a
	// conflict or a lost connection, so that running again may succeed.
	Retry(err error) bool
	// Crowded tells whether another process waits for the open session to end; false if nobody knows.
	Crowded() bool
}

// A Group runs functions one after another in transactions that they share, so that many callers pay
// for one commit. Whoever comes while nobody is there commits at once; whoever comes meanwhile waits
// and joins the next transaction. A function that fails leaves nothing behind and does not disturb
// the others, nor how long they wait by more than its share. The methods may be called concurrently.
//
// A function runs on its caller's goroutine while it holds the baton. Its writes stay pending in the
// unit of the open transaction. The last of the queue commits for all.
//
// Whoever has the baton and is about to read, and has not written yet, lets those who wait say what they will read, and reads
// it for all of them in the same trip. It is in the unit when their turn comes, and is what they would have read then: the
// database does not change while the transaction lasts, and pending rows are merged into every answer.
type Group struct {
	db Database

	mu    sync.Mutex
	held  bool      // somebody has the baton
	queue []*member // who waits for it, in the order of arrival

	// These belong to whoever has the baton.
	unit    *unit       // the open transaction, nil if there is none
	ran     int         // how many functions have run in it
	waiting []*member   // those whose functions have succeeded
	long    *time.Timer // says that the first of them has waited long enough
}

const (
	// How many functions may run in one transaction, and how long the first that succeeded may wait for those after it.
	// Those that fail count too: whoever sends what is refused must not keep others from their commit.
	maxRuns = 256
	maxWait = 100 * time.Millisecond

	// For how many others one reads, and in how many trips for each. Some of them may not come to run in the transaction.
	maxAhead = 128
	maxLooks = 2

	maxTries   = 10
	firstPause = time.Millisecond // before the second try; each later one is twice as long
)

// A member is a caller of Update.
type member struct {
	turn  chan struct{} // closed when the baton is handed to the member
	done  chan error    // receives the outcome of the commit
	alone bool          // shares its transaction with nobody
	scope store.Scope

	// These belong to whoever has the baton.
	look  func(store.Tx) error // reads some of what the member will read; nil if nobody can tell
	blind bool                 // neither is look called nor does the member read for others
	unit  *unit                // the one in which look was called last
	looks int                  // how often it was
	cost  *store.Cost          // where the commit is to be told; nil if nobody asks

	mu   sync.Mutex // is held while look runs
	gone bool       // the member has left the queue
}

// An again says that a transaction was given up and that its members should run once more.
type again struct {
	cause error
	alone bool // each on its own, because one of them may be what made it fail
	blind bool // reading only for itself, because what it read for another may be what made it fail
}

func (e *again) Error() string { return e.cause.Error() }
func (e *again) Unwrap() error { return e.cause }

// NewGroup returns a group of transactions on db.
func NewGroup(db Database) *Group { return &Group{db: db} }

// Update runs fn in a transaction and returns when that has been committed. It returns fn's error, or
// the error of the commit, and then nothing that fn wrote remains, unless the error matches
// [fault.ErrUnknown]. After a conflict it runs fn again.
//
// Unless look is nil, it may be called while the call waits, as [store.Ahead] says.
func (g *Group) Update(ctx context.Context, s store.Scope, look, fn func(store.Tx) error) error {
	alone, blind, pause := false, false, firstPause
	for try := 1; ; try++ {
		m := &member{turn: make(chan struct{}), done: make(chan error, 1), alone: alone, blind: blind, scope: s, look: look}
		err := g.try(ctx, m, fn)
		retry, ok := errors.AsType[*again](err)
		if !ok {
			return err
		}
		if try == maxTries {
			return retry.cause
		}
		if !retry.alone {
			if err := sleep(ctx, pause); err != nil {
				return err
			}
			pause *= 2
		}
		alone, blind = alone || retry.alone, retry.blind
	}
}

// try runs fn once, as a member of one transaction.
func (g *Group) try(ctx context.Context, m *member, fn func(store.Tx) error) error {
	if err := g.enter(ctx, m); err != nil {
		return err
	}
	if err := g.run(ctx, m, fn); err != nil {
		return err
	}
	return <-m.done
}

// enter waits for the baton.
func (g *Group) enter(ctx context.Context, m *member) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if !g.held {
		g.held = true
		g.mu.Unlock()
		return nil
	}
	g.queue = append(g.queue, m)
	g.mu.Unlock()
	select {
	case <-m.turn:
		return nil
	case <-ctx.Done():
	}
	if !g.withdraw(m) {
		return nil // the baton came in the same moment and must be passed on
	}
	m.mu.Lock() // once nobody looks ahead for m
	defer m.mu.Unlock()
	m.gone = true
	return ctx.Err()
}

// withdraw takes m out of the queue, and tells whether it was there.
func (g *Group) withdraw(m *member) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.queue, m)
	if i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	}
	return i >= 0
}

// run calls fn while m holds the baton, and passes the baton on, also when fn panics.
func (g *Group) run(ctx context.Context, m *member, fn func(store.Tx) error) error {
	defer g.leave(ctx, m)
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.unit == nil {
		db, err := g.db.Begin(ctx)
		if err != nil {
			return g.judge(ctx, err)
		}
		g.unit = newUnit(db, false)
		g.unit.crowded = g.crowded
	}
	g.ran++
	g.unit.shielded = len(g.waiting) > 0
	g.unit.others = nil
	if !m.alone && !m.blind {
		g.unit.others = g.look
	}
	if err := g.unit.run(ctx, m.scope, fn); err != nil {
		switch failed := g.unit.failed; {
		case failed != nil && g.unit.joint && ctx.Err() == nil:
			g.part()
			return &again{cause: failed, blind: true}
		case failed != nil && g.db.Retry(failed):
			return g.judge(ctx, err)
		}
		return err
	}
	if len(g.waiting) == 0 {
		g.long = time.NewTimer(maxWait)
	}
	m.cost = g.unit.cost
	g.waiting = append(g.waiting, m)
	return nil
}

// look adds to what is about to be read what those who wait are going to read in the open transaction, unless they come to it
// only in another one.
func (g *Group) look(w *wish) {
	for _, m := range g.next() {
		if m.unit != g.unit {
			m.unit, m.looks = g.unit, 0
		}
		if m.looks == maxLooks {
			continue
		}
		if m.looks++; !m.wish(w) {
			m.looks = maxLooks
		}
	}
}

// crowded tells whether somebody waits for the open transaction to end.
func (g *Group) crowded() bool {
	g.mu.Lock()
	waiting := len(g.queue) > 0
	g.mu.Unlock()
	return waiting || g.db.Crowded()
}

// part lets those read only for themselves for whom something was read in the open transaction.
func (g *Group) part() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.queue {
		m.blind = m.blind || m.unit == g.unit
	}
}

// next returns those behind whoever has the baton who can tell what they will read.
func (g *Group) next() []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	var next []*member
	for _, m := range g.queue {
		if m.alone || len(next) == min(maxAhead, maxRuns-g.ran) {
			break
		}
		if m.look != nil && !m.blind {
			next = append(next, m)
		}
	}
	return next
}

// wish lets a member who has not left wish for what it reads, and tells whether something of that is not known yet. What else
// becomes of the look does not matter: the function will come to the same.
func (m *member) wish(w *wish) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return false
	}
	w.lacks = false
	func() {
		over := false
		defer func() { over = true; _ = recover() }()
		_ = m.look(&tx{u: w.u, scope: m.scope, over: &over, ahead: w})
	}()
	return w.lacks
}

// judge turns the error of a transaction that was not committed into an again if that makes sense.
func (g *Group) judge(ctx context.Context, err error) error {
	if ctx.Err() == nil && g.db.Retry(err) {
		return &again{cause: err}
	}
	return err
}

// leave ends the transaction if it must end with m, and hands the baton to the next in the queue.
func (g *Group) leave(ctx context.Context, m *member) {
	ctx = context.WithoutCancel(ctx)
	switch u := g.unit; {
	case u == nil:
	case u.failed != nil:
		u.db.Rollback(ctx)
		g.settle(&again{cause: u.failed})
	case !g.last(m):
	case len(g.waiting) == 0:
		u.db.Rollback(ctx)
		g.settle(nil)
	default:
		g.settle(g.commit(ctx))
	}
	g.pass()
}

// commit commits the open transaction.
func (g *Group) commit(ctx context.Context) error {
	before := g.unit.sum.statements
	err := g.unit.commit(ctx)
	if err == nil {
		g.count(before)
		return nil
	}
	g.unit.db.Rollback(ctx)
	switch {
	case errors.Is(err, fault.ErrUnknown):
		return err
	case g.db.Retry(err):
		return &again{cause: err}
	case len(g.waiting) > 1:
		return &again{cause: err, alone: true}
	}
	return err
}

// count tells the members what their commit was, before which the session had sent a number of statements.
func (g *Group) count(before int) {
	c := store.Commit{Callers: len(g.waiting), Statements: g.unit.db.Statements() - before, Rows: g.unit.sent, Counts: true}
	for _, m := range g.waiting {
		if m.cost != nil {
			m.cost.Commit = c
			c.Counts = false
		}
	}
}

// last tells whether the transaction ends with m.
func (g *Group) last(m *member) bool {
	if m.alone || g.ran >= maxRuns {
		return true
	}
	if len(g.waiting) > 0 {
		select {
		case <-g.long.C:
			return true
		default:
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.queue) == 0 || g.queue[0].alone
}

// settle tells the members of the transaction its outcome and forgets it.
func (g *Group) settle(err error) {
	for _, m := range g.waiting {
		m.done <- err
	}
	if len(g.waiting) > 0 {
		g.long.Stop()
	}
	g.unit, g.waiting, g.ran = nil, nil, 0
}

// pass hands the baton to the next in the queue, or puts it down.
func (g *Group) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.held = false
		return
	}
	next := g.queue[0]
	g.queue = slices.Delete(g.queue, 0, 1)
	close(next.turn)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
