package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
)

// A place is an endpoint of a workspace.
type place struct {
	scope store.Scope
	id    string
}

// A queue is what a sender knows of a place: nothing that the store does not know better.
type queue struct {
	next   time.Time // when to look at it, zero for never
	swept  time.Time // when it was swept last
	open   bool      // it is not paused
	going  bool      // it is being deleted
	busy   bool      // somebody looks at it
	flying int       // how many of its messages are being sent
}

// A sender sends, in this process, what is due.
type sender struct {
	hooks   *Hooks
	client  *http.Client
	survey  func(ctx context.Context, t *store.Schema, since store.Mark) ([]store.Surveyed, store.Mark, error)
	wake    chan struct{} // holds a token when there is something to do
	stale   atomic.Bool   // what there is has changed
	working sync.WaitGroup

	mu     sync.Mutex
	queues map[place]*queue
	free   int // how many more may be sent at once
}

const (
	// surveyEvery is how long it may take until what others have queued is seen.
	surveyEvery = time.Second
	// gather is how long is waited behind one thing to do for others, and for the commit of what was queued.
	gather = 10 * time.Millisecond
	// sweepEvery is how often what is older than it is kept is removed, and rest how long a place is left alone behind an error.
	sweepEvery = time.Hour
	rest       = 10 * time.Second
	// noteWithin is how long writing may take what became of a try when the sender is to end.
	noteWithin = 5 * time.Second
	maxError   = 200 // bytes of an error that are kept
)

func newSender(h *Hooks) *sender {
	return &sender{
		hooks: h, client: h.opts.client(), survey: h.st.(store.Surveyor).Survey, wake: make(chan struct{}, 1),
		queues: map[place]*queue{}, free: h.opts.AtOnce,
	}
}

// consume queues what entries give rise to, in the transaction in which they are confirmed.
func (s *sender) consume(ctx context.Context, tx store.Tx, _ *guerdon.Workspace, entries []guerdon.Entry) error {
	told, err := s.hooks.enqueue(ctx, tx, entries)
	if err != nil {
		return err
	}
	for _, id := range told {
		s.due(place{tx.Scope(), id}, s.hooks.eng.Now()) // or before: who looks finds nothing yet
	}
	return nil
}

// due notes that something is due at a place; zero is never.
func (s *sender) due(at place, next time.Time) {
	if next.IsZero() {
		return
	}
	s.mu.Lock()
	if q := s.queues[at]; q != nil {
		q.next = earlier(q.next, next)
	}
	s.mu.Unlock()
	s.nudge()
}

func (s *sender) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends, and then waits for those who work for it.
func (s *sender) run(ctx context.Context) {
	tick := time.NewTicker(surveyEvery)
	defer tick.Stop()
	defer s.client.CloseIdleConnections()
	defer s.working.Wait()
	mark, look := store.Mark(nil), true
	for {
		if look {
			mark = s.look(ctx, mark)
		}
		for s.start(ctx) {
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			look = s.stale.Swap(false)
			select {
			case <-ctx.Done():
				return
			case <-time.After(gather):
			}
		case <-tick.C:
			look = true
		}
	}
}

// look finds out which endpoints there are since a mark, and when something is due for them, and returns the next mark.
func (s *sender) look(ctx context.Context, mark store.Mark) store.Mark {
	found, next, err := s.survey(ctx, endpoints.Schema(), mark)
	if err == nil && mark != nil && next != mark { // those that are gone are known by all that are there
		found, next, err = s.survey(ctx, endpoints.Schema(), nil)
	}
	if err != nil {
		s.failed(ctx, store.Scope{}, err)
		if store.Damaged(err) == nil {
			return mark
		}
	}
	if next == mark {
		return mark
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[place]bool{}
	for _, f := range found {
		e := f.Row.Record.(endpoint)
		at := place{f.Scope, e.ID}
		there[at] = true
		q := s.queues[at]
		if q == nil {
			q = &queue{}
			s.queues[at] = q
		}
		// What was read may be older than what is known: who looks too early finds nothing, and knows better.
		q.next, q.open, q.going = earlier(q.next, e.Next), e.paused(f.Scope) == "", e.Deleting
	}
	for at, q := range s.queues {
		if !there[at] && !q.busy && q.flying == 0 {
			delete(s.queues, at)
		}
	}
	return next
}

// start lets somebody look at a place where something is due, and tells whether there was one and room for it.
func (s *sender) start(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, most := s.hooks.eng.Now(), max(1, s.hooks.opts.AtOnce/4)
	for at, q := range s.queues {
		n := min(s.free, most-q.flying)
		if !q.open || q.going || q.next.IsZero() || now.Before(q.next) {
			n = 0
		}
		sweep := now.Sub(q.swept) >= sweepEvery
		if sweep && s.free > 0 {
			n = max(1, n) // for who sweeps
		}
		if q.busy || n <= 0 || ctx.Err() != nil {
			continue
		}
		q.busy = true
		q.next = time.Time{} // what is noted meanwhile counts
		s.free -= n
		sweep = sweep || q.going
		if sweep {
			q.swept = now
		}
		s.working.Go(func() { s.serve(ctx, at, q, n, sweep) })
		return true
	}
	return false
}

// serve sends up to n messages that are due at a place, each beside the others.
func (s *sender) serve(ctx context.Context, at place, q *queue, n int, sweep bool) {
	var c claimed
	var err error
	if sweep {
		err = s.hooks.sweep(ctx, at.scope, at.id)
	}
	if err == nil {
		c, err = s.hooks.claim(ctx, at.scope, at.id, n)
	}
	if err != nil {
		if !errors.Is(err, fault.ErrConflict) { // it is not open
			s.failed(ctx, at.scope, err)
		}
		c = claimed{next: s.hooks.eng.Now().Add(rest)}
	}
	s.mu.Lock()
	q.busy = false
	q.next = earlier(q.next, c.next)
	q.flying += len(c.rows)
	s.free += n - len(c.rows)
	s.mu.Unlock()
	for i := range c.rows {
		s.working.Go(func() {
			next := s.deliver(ctx, at.scope, &c.to, &c.rows[i])
			s.mu.Lock()
			q.flying--
			s.free++
			s.mu.Unlock()
			s.due(at, next)
			s.nudge()
		})
	}
	s.nudge()
}

// deliver tries to send a message, notes what became of it, and returns when something is due again at the endpoint.
func (s *sender) deliver(ctx context.Context, in store.Scope, to *endpoint, d *delivery) time.Time {
	r := s.try(ctx, to, d)
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin) // what was sent is noted
	defer cancel()
	if ctx.Err() != nil && r.Status == 0 {
		if err := s.hooks.release(noting, in, d); err != nil {
			s.failed(noting, in, err)
		}
		return time.Time{}
	}
	next, paused, err := s.hooks.settle(noting, in, d, r)
	if err == nil && paused != nil {
		err = paused
	}
	if err != nil && !errors.Is(err, fault.ErrConflict) { // it has been closed meanwhile
		s.failed(noting, in, err)
	}
	return next // the lease will be over if nothing was noted, as the endpoint knows
}

// try sends a message once.
func (s *sender) try(ctx context.Context, to *endpoint, d *delivery) (r result) {
	r.At = s.hooks.eng.Now()
	defer func() { r.Took = s.hooks.eng.Now().Sub(r.At) }()
	headers, err := Sign(d.MessageID, r.At, []byte(d.Body), to.secrets(r.At)...)
	if err == nil {
		r.Status, r.headers, err = s.post(ctx, to.URL, headers, d.Body)
	}
	switch {
	case err != nil:
		r.Error = short(err)
	case !r.success():
		r.Error = "the response is " + http.StatusText(r.Status)
	}
	return r
}

// post sends a body and returns the response's status and headers.
func (s *sender) post(ctx context.Context, to string, headers http.Header, body string) (int, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = headers
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "guerdon-webhook")
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxResponse) // whatever it says, the status counts
	_ = res.Body.Close()
	return res.StatusCode, res.Header, nil
}

// short returns why nothing could be sent, without the address: that is the endpoint's, and may hold a token.
func short(err error) string {
	if wrong, ok := errors.AsType[*url.Error](err); ok {
		err = wrong.Err
	}
	return text.Cut(err.Error(), maxError)
}

func (s *sender) failed(ctx context.Context, in store.Scope, err error) {
	if ctx.Err() == nil {
		s.hooks.eng.Failed(ctx, in, "webhook", err)
	}
}
