package webhook

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// endpoint is what is kept of an [Endpoint].
type endpoint struct {
	ID          string      `json:"id"`
	URL         string      `json:"url"`
	Description string      `json:"description,omitempty"`
	Types       []Type      `json:"types,omitempty"`
	Secret      string      `json:"secret"`
	OldSecret   string      `json:"oldSecret,omitempty"` // valid until OldUntil
	OldUntil    time.Time   `json:"oldUntil,omitzero"`
	Paused      PauseReason `json:"paused,omitempty"`
	Home        string      `json:"home"`  // the workspace for which it was created: a copy of that must not send
	After       int64       `json:"after"` // it is told of entries behind that number
	CreatedAt   time.Time   `json:"createdAt"`
	UpdatedAt   time.Time   `json:"updatedAt"`
	Next        time.Time   `json:"next,omitzero"`        // nothing is due before, zero if nothing waits
	HoldOff     time.Time   `json:"holdOff,omitzero"`     // the receiver wants nothing before
	Deleting    bool        `json:"deleting,omitempty"`   // its deliveries go first
	APIVersion  string      `json:"apiVersion,omitempty"` // empty of one that was made when there was but the first
	Failing     time.Time   `json:"failing,omitzero"`     // the first try that failed since one that did not
}

// State says what became of a delivery.
type State string

// The states. What is DEAD was given up; like what is DELIVERED, it is PENDING again when it is replayed.
const (
	Pending   State = "PENDING"
	Delivered State = "DELIVERED"
	Dead      State = "DEAD"
)

// An Attempt is one try to send a message.
type Attempt struct {
	At     time.Time     `json:"at"`
	Took   time.Duration `json:"took"`             // by the engine's clock
	Status int           `json:"status,omitempty"` // of the response, 0 if there was none
	Error  string        `json:"error,omitempty"`  // why there was none, or it is no success
}

// delivery is a message for an endpoint: what is to be sent, and what became of it.
type delivery struct {
	EndpointID string    `json:"endpointId"`
	Seq        int64     `json:"seq"`
	Nth        int       `json:"nth"` // of the notices of the entry
	MessageID  string    `json:"messageId"`
	Type       Type      `json:"type"`
	UserID     string    `json:"userId,omitempty"`
	Lane       string    `json:"lane"`
	Body       string    `json:"body"` // to the byte
	QueuedAt   time.Time `json:"queuedAt"`
	State      State     `json:"state"`
	DoneAt     time.Time `json:"doneAt,omitzero"`
	// Due is when it is to be sent. It is zero if it is not PENDING, or another of its lane comes first. Who sends it
	// puts it off for as long as that may take, under a Claim.
	Due      time.Time `json:"due,omitzero"`
	Claim    string    `json:"claim,omitempty"`
	Failed   int       `json:"failed,omitempty"` // how often, since it was queued or replayed
	Attempts []Attempt `json:"attempts,omitempty"`
}

// maxAttempts is how many attempts are remembered.
const maxAttempts = 2 * Tries

func (d *delivery) key() string {
	return d.EndpointID + "/" + padded(d.Seq, 19) + "/" + padded(int64(d.Nth), 6)
}

// padded returns a number with as many digits that texts are ordered as their numbers are.
func padded(n int64, digits int) string {
	text := strconv.FormatInt(n, 10)
	return strings.Repeat("0", max(0, digits-len(text))) + text
}

func (d *delivery) lane() string { return d.EndpointID + "/" + d.Lane }

var endpoints = store.Define("webhook_endpoints", func(e *endpoint) string { return e.ID }, nil).Version(2)

// deliveries is the queue and the log. Of each lane, which is a user at an endpoint, at most one row is due at some time: the
// others wait until it is delivered or dead. So order costs nothing where nothing fails, and who looks for what is due finds
// nothing that may not be sent.
var deliveries = store.Define("webhook_deliveries", (*delivery).key,
	[]store.Field[delivery]{
		{Name: "endpoint", Kind: store.KindText, Of: func(d *delivery) store.Value { return store.Text(d.EndpointID) }},
		{Name: "due", Kind: store.KindInt, Of: func(d *delivery) store.Value { return store.Time(d.Due) }},
		{Name: "lane", Kind: store.KindText, Of: func(d *delivery) store.Value {
			if d.State != Pending {
				return store.Value{}
			}
			return store.Text(d.lane())
		}},
	},
	store.Index{Name: "due", Columns: []string{"endpoint", "due"}},
	store.Index{Name: "lane", Columns: []string{"lane"}},
)

// Tables are the tables of webhooks, for [guerdon.Options].Tables: a workspace's endpoints and deliveries are then a part of its
// dumps and go with it when it is erased.
func Tables() []*store.Schema { return []*store.Schema{endpoints.Schema(), deliveries.Schema()} }

// paused returns why an endpoint of a workspace is sent nothing, "" if it is.
func (e *endpoint) paused(s store.Scope) PauseReason {
	if e.Paused == "" && e.Home != s.String() {
		return PausedAsCopy
	}
	return e.Paused
}

// version returns that of the payloads that the endpoint is sent.
func (e *endpoint) version() string { return cmp.Or(e.APIVersion, APIVersions()[0]) }

// tried notes what became of a try of a delivery, whose attempts have it, and pauses the endpoint if that is to be.
func (e *endpoint) tried(d *delivery, r *result, pauseAfter time.Duration) (paused *PausedError) {
	if r.success() {
		e.Failing = time.Time{}
		return nil
	}
	if e.Failing.IsZero() {
		e.Failing = r.At
	}
	since := d.Attempts[len(d.Attempts)-d.Failed].At
	arrived := e.Failing.After(since) // something has, since the first try
	if arrived {
		since = e.Failing
	}
	reason := PauseReason("")
	switch {
	case r.Status == http.StatusGone:
		reason = PausedAsGone
	case pauseAfter < 0:
	case pauseAfter > 0 && r.At.Sub(since) >= pauseAfter, d.State == Dead && !arrived:
		reason = PausedAsFailing
	}
	if reason == "" || e.Paused != "" {
		return nil
	}
	e.Paused = reason
	return &PausedError{EndpointID: e.ID, Reason: reason, FailingSince: e.Failing, Last: r.Attempt}
}

// secrets are those that are valid at a moment.
func (e *endpoint) secrets(now time.Time) []string {
	if e.OldSecret != "" && now.Before(e.OldUntil) {
		return []string{e.Secret, e.OldSecret}
	}
	return []string{e.Secret}
}

// earlier returns the earlier of two moments of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// hurry lets an endpoint be looked at by a moment.
func (e *endpoint) hurry(ctx context.Context, tx store.Tx, due time.Time) error {
	if next := earlier(e.Next, due); !next.Equal(e.Next) {
		e.Next = next
		return endpoints.Put(ctx, tx, *e)
	}
	return nil
}

// enqueue makes deliveries of what entries give rise to. It returns the endpoints for which something is due.
func (h *Hooks) enqueue(ctx context.Context, tx store.Tx, entries []guerdon.Entry) (told []string, err error) {
	all, err := endpoints.List(ctx, tx, store.Query{})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	scope, now := tx.Scope(), h.eng.Now()
	made := make([][]delivery, len(all))
	for i := range entries {
		e := &entries[i]
		for nth, n := range notices(e) {
			bodies := map[string]string{} // by version
			for at := range all {
				to := &all[at]
				if to.Deleting || e.Outcome.Seq <= to.After || !wanted(to.Types, n.kind) {
					continue
				}
				version := to.version()
				if bodies[version] == "" {
					if bodies[version], err = n.body(version, scope, e); err != nil {
						return nil, err
					}
				}
				made[at] = append(made[at], delivery{
					EndpointID: to.ID, Seq: e.Outcome.Seq, Nth: nth, MessageID: n.id(scope, e), Type: n.kind, UserID: n.about, Lane: n.lane,
					Body: bodies[version], QueuedAt: now, State: Pending,
				})
			}
		}
	}
	for at := range all {
		due, err := insert(ctx, tx, made[at], now)
		if err == nil && due {
			told = append(told, all[at].ID)
			err = all[at].hurry(ctx, tx, now)
		}
		if err != nil {
			return nil, err
		}
	}
	return told, nil
}

func wanted(types []Type, t Type) bool { return len(types) == 0 || slices.Contains(types, t) }

// insert adds deliveries for one endpoint, in their order, without those that are there: somebody has moved the consumer back. It
// tells whether one is due.
func insert(ctx context.Context, tx store.Tx, made []delivery, now time.Time) (due bool, err error) {
	if len(made) == 0 {
		return false, nil
	}
	keys := make([]string, len(made))
	for i := range made {
		keys[i] = made[i].key()
	}
	there, err := deliveries.GetMany(ctx, tx, keys...)
	if err != nil {
		return false, err
	}
	known := map[string]bool{}
	for i := range there {
		known[there[i].key()] = true
	}
	made = slices.DeleteFunc(made, func(d delivery) bool { return known[d.key()] })
	busy := map[string]bool{}
	var reads []store.Read
	for i := range made {
		if lane := made[i].lane(); !busy[lane] {
			busy[lane] = true
			reads = append(reads, deliveries.Rows(firstOf(lane)))
		}
	}
	if err := tx.Prefetch(ctx, reads...); err != nil {
		return false, err
	}
	clear(busy)
	for i := range made {
		lane := made[i].lane()
		if _, asked := busy[lane]; !asked {
			first, err := deliveries.List(ctx, tx, firstOf(lane))
			if err != nil {
				return false, err
			}
			busy[lane] = len(first) > 0
		}
		if !busy[lane] {
			busy[lane], due = true, true
			made[i].Due = now
		}
	}
	return due, deliveries.Insert(ctx, tx, made...)
}

// firstOf describes the first delivery of a lane that is pending.
func firstOf(lane string) store.Query { return store.By("lane", store.Text(lane)).First(1) }

// promote lets the next delivery of a lane be sent, when the one before it is no longer pending.
func promote(ctx context.Context, tx store.Tx, lane string, now time.Time) (due bool, err error) {
	next, err := deliveries.List(ctx, tx, firstOf(lane))
	if err != nil || len(next) == 0 {
		return false, err
	}
	if !next[0].Due.IsZero() {
		return true, nil
	}
	next[0].Due = now
	return true, deliveries.Put(ctx, tx, next[0])
}

// claimed are deliveries that are this process's to send, until the lease is over.
type claimed struct {
	to   endpoint
	rows []delivery
	next time.Time // when more is due, zero for never
}

// claim takes up to n deliveries of an endpoint that are due. Where there are none, it corrects when the endpoint is to be looked at.
func (h *Hooks) claim(ctx context.Context, s store.Scope, id string, n int) (c claimed, err error) {
	now, late := h.eng.Now(), false
	look := func(tx store.Tx) error {
		c, late = claimed{}, false
		if err := content.Writable(ctx, tx); err != nil {
			return err
		}
		to, found, err := endpoints.Get(ctx, tx, id)
		if err != nil || !found || to.Deleting || to.paused(s) != "" {
			return err
		}
		if now.Before(to.HoldOff) {
			c.next = to.HoldOff
			return nil
		}
		c.to = to
		c.rows, err = deliveries.List(ctx, tx, store.By("due", store.Text(id)).Between(store.Value{}, store.After(now)).First(n))
		if err == nil && len(c.rows) == 0 {
			c.next, err = nextDue(ctx, tx, id)
			late = !to.Next.IsZero() && !to.Next.After(now)
		}
		return err
	}
	if err := h.st.View(ctx, s, look); err != nil || len(c.rows) == 0 && !late {
		return c, err
	}
	err = h.st.Update(ctx, s, func(tx store.Tx) error {
		if err := look(tx); err != nil || len(c.rows) == 0 && !late {
			return err
		}
		c.rows = slices.Clone(c.rows)
		for i := range c.rows {
			c.rows[i].Due, c.rows[i].Claim = now.Add(h.opts.lease()), h.eng.NewID()
		}
		if err := deliveries.Put(ctx, tx, c.rows...); err != nil {
			return err
		}
		var err error
		if c.next, err = nextDue(ctx, tx, id); err != nil || c.next.Equal(c.to.Next) {
			return err
		}
		c.to.Next = c.next
		return endpoints.Put(ctx, tx, c.to)
	})
	return c, err
}

// nextDue returns when the next delivery of an endpoint is due, zero for never.
func nextDue(ctx context.Context, tx store.Tx, id string) (time.Time, error) {
	first, err := deliveries.List(ctx, tx, store.By("due", store.Text(id)).First(1))
	if err != nil || len(first) == 0 {
		return time.Time{}, err
	}
	return first[0].Due, nil
}

// result is what became of a try.
type result struct {
	Attempt
	headers http.Header
}

func (r *result) success() bool { return r.Status >= 200 && r.Status <= 299 }

// settle notes what became of a try, and returns when the endpoint has something due again, zero for never, and whether it is paused for
// that. What is not there any more, or somebody else's since the lease was over, is left as it is.
func (h *Hooks) settle(ctx context.Context, s store.Scope, sent *delivery, r result) (next time.Time, paused *PausedError, err error) {
	err = h.st.Update(ctx, s, func(tx store.Tx) error {
		next, paused = time.Time{}, nil
		if err := content.Writable(ctx, tx); err != nil {
			return err
		}
		d, found, err := deliveries.Get(ctx, tx, sent.key())
		if err != nil || !found || d.Claim != sent.Claim || d.State != Pending {
			return err
		}
		to, found, err := endpoints.Get(ctx, tx, d.EndpointID)
		if err != nil || !found {
			return err
		}
		now := h.eng.Now()
		d.Claim = ""
		d.Attempts = append(slices.Clone(d.Attempts), r.Attempt)
		d.Attempts = d.Attempts[max(0, len(d.Attempts)-maxAttempts):]
		before := to
		if r.success() {
			d.State = Delivered
		} else if d.Failed++; d.Failed >= Tries {
			d.State = Dead
		}
		if paused = to.tried(&d, &r, h.opts.PauseAfter); paused != nil {
			to.UpdatedAt = now
		}
		if d.State == Pending {
			wait := retryAfter(r.headers, now)
			if wait > 0 && (r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable) {
				to.HoldOff = now.Add(wait)
			}
			d.Due = now.Add(max(wait, pause(d.MessageID, d.Failed)))
			next = d.Due
		} else {
			d.Due, d.DoneAt = time.Time{}, now
		}
		if err := deliveries.Put(ctx, tx, d); err != nil {
			return err
		}
		if d.State != Pending {
			due, err := promote(ctx, tx, d.lane(), now)
			if err != nil {
				return err
			}
			if due {
				next = now
			}
		}
		to.Next = earlier(to.Next, next)
		if to.Next.Equal(before.Next) && to.Paused == before.Paused && to.HoldOff.Equal(before.HoldOff) && to.Failing.Equal(before.Failing) {
			return nil
		}
		return endpoints.Put(ctx, tx, to)
	})
	return next, paused, err
}

// release gives back what was claimed and not tried.
func (h *Hooks) release(ctx context.Context, s store.Scope, sent *delivery) error {
	return h.st.Update(ctx, s, func(tx store.Tx) error {
		if err := content.Writable(ctx, tx); err != nil {
			return err
		}
		d, found, err := deliveries.Get(ctx, tx, sent.key())
		if err != nil || !found || d.Claim != sent.Claim {
			return err
		}
		now := h.eng.Now()
		d.Due, d.Claim = now, ""
		if err := deliveries.Put(ctx, tx, d); err != nil {
			return err
		}
		to, found, err := endpoints.Get(ctx, tx, d.EndpointID)
		if err != nil || !found {
			return err
		}
		return to.hurry(ctx, tx, now)
	})
}

// portion is how many deliveries one transaction removes or replays.
const portion = 100

// sweep removes deliveries that are older than they are kept, whatever became of them, in portions. Of an endpoint that is being
// deleted it removes all, and the endpoint in the end.
func (h *Hooks) sweep(ctx context.Context, s store.Scope, id string) error {
	for {
		done := false
		look := func(tx store.Tx) (to endpoint, old []delivery, err error) {
			if err := content.Writable(ctx, tx); err != nil {
				return to, nil, err
			}
			to, found, err := endpoints.Get(ctx, tx, id)
			if err != nil || !found {
				return to, nil, err
			}
			old, err = deliveries.List(ctx, tx, store.Prefix(id+"/").First(portion))
			done = len(old) < portion
			if oldest := h.eng.Now().Add(-h.opts.Keep); !to.Deleting {
				young := slices.IndexFunc(old, func(d delivery) bool { return !d.QueuedAt.Before(oldest) })
				if young >= 0 {
					old, done = old[:young], true
				}
			}
			return to, old, err
		}
		idle := false
		err := h.st.View(ctx, s, func(tx store.Tx) error {
			to, old, err := look(tx)
			idle = len(old) == 0 && !to.Deleting
			return err
		})
		if err != nil || idle {
			return err
		}
		err = h.st.Update(ctx, s, func(tx store.Tx) error {
			to, old, err := look(tx)
			if err != nil {
				return err
			}
			return h.remove(ctx, tx, &to, old, done)
		})
		if err != nil || done {
			return err
		}
	}
}

// remove removes deliveries of an endpoint, and the endpoint if it is being deleted and they are the last.
func (h *Hooks) remove(ctx context.Context, tx store.Tx, to *endpoint, old []delivery, last bool) error {
	keys := make([]string, len(old))
	for i := range old {
		keys[i] = old[i].key()
	}
	if err := deliveries.Delete(ctx, tx, keys...); err != nil {
		return err
	}
	if to.Deleting {
		if last {
			return endpoints.Delete(ctx, tx, to.ID)
		}
		return nil
	}
	now := h.eng.Now()
	for i := range old {
		if old[i].Due.IsZero() {
			continue
		}
		due, err := promote(ctx, tx, old[i].lane(), now)
		if err == nil && due {
			err = to.hurry(ctx, tx, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replay lets those of an endpoint's deliveries that are done be sent again, from a moment on, in their order and in portions.
func (h *Hooks) replay(ctx context.Context, s store.Scope, id string, from time.Time) (n int, err error) {
	after, begun := "", h.eng.Now() // the key behind which to go on
	for {
		more, count := false, 0
		behind := after
		err := h.st.Update(ctx, s, func(tx store.Tx) error {
			more, count, behind = false, 0, after
			if err := content.Writable(ctx, tx); err != nil {
				return err
			}
			to, err := find(ctx, tx, id)
			if err != nil {
				return err
			}
			q := store.Prefix(id + "/").First(portion)
			if after != "" {
				q.After = &store.Position{Key: after}
			}
			rows, err := deliveries.List(ctx, tx, q)
			if err != nil || len(rows) == 0 {
				return err
			}
			last := &rows[len(rows)-1]
			more, behind = len(rows) == portion && !last.QueuedAt.After(begun), last.key()
			now, due := h.eng.Now(), false
			for _, d := range rows {
				if d.State == Pending || d.QueuedAt.Before(from) || d.DoneAt.After(begun) {
					continue
				}
				first, err := deliveries.List(ctx, tx, firstOf(d.lane()))
				if err != nil {
					return err
				}
				d.State, d.DoneAt, d.Failed, d.Due = Pending, time.Time{}, 0, time.Time{}
				if len(first) == 0 {
					d.Due, due = now, true
				}
				if err := deliveries.Put(ctx, tx, d); err != nil {
					return err
				}
				count++
			}
			if due {
				return to.hurry(ctx, tx, now)
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n, after = n+count, behind
		if !more {
			return n, nil
		}
	}
}

// find returns an endpoint, or [fault.ErrNotFound].
func find(ctx context.Context, tx store.Tx, id string) (endpoint, error) {
	e, found, err := endpoints.Get(ctx, tx, id)
	if err == nil && (!found || e.Deleting) {
		err = fault.NotFound("endpoint", id)
	}
	return e, err
}
