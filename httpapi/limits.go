package httpapi

import (
	lru "container/list"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/guerdonhq/guerdon/fault"
)

// Limits are how many requests a process serves: others are refused as 429, with the header Retry-After, before anything is read for them.
// What one workspace or caller uses up, others do not lack. Answers say how much is left, in the headers RateLimit and RateLimit-Policy. What is
// known of whom is bounded: of the 10,000 that came last.
type Limits struct {
	// Workspace is for all callers of a workspace together, Caller for each: a user, a machine or a key.
	Workspace, Caller Limit
}

// A Limit is how many requests may come; the zero Limit is no bound.
type Limit struct {
	// PerSecond is how many requests may come in the long run, Burst how many at once, which is at least 1.
	PerSecond float64
	Burst     int
}

// remembered is of how many it is known how much they have used.
const remembered = 10_000

// limiting bounds requests; what is nil bounds nothing.
type limiting struct{ workspaces, callers *buckets }

func (l *Limits) limiting() (limiting, error) {
	var made limiting
	for _, one := range []struct {
		field string
		limit Limit
		into  **buckets
	}{{"limits.workspace", l.Workspace, &made.workspaces}, {"limits.caller", l.Caller, &made.callers}} {
		switch {
		case one.limit == Limit{}:
			continue
		case one.limit.PerSecond <= 0 || one.limit.Burst < 1:
			return made, fault.Invalid(one.field, "must have a rate above 0 and a burst of at least 1")
		}
		*one.into = newBuckets(one.limit)
	}
	return made, nil
}

// buckets are how much several have used of a limit each. They may be used concurrently.
type buckets struct {
	limit Limit

	mu    sync.Mutex
	known map[string]*lru.Element // of *bucket
	order *lru.List               // who came last is in front
}

// A bucket is how much one has used.
type bucket struct {
	name string
	left *rate.Limiter
	// refused is how often there was nothing left, since somebody asked.
	refused int64
}

func newBuckets(l Limit) *buckets {
	return &buckets{limit: l, known: map[string]*lru.Element{}, order: lru.New()}
}

// of calls fn with the bucket of a name. Who has not come for long is forgotten.
func (b *buckets) of(name string, fn func(*bucket)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.known[name]
	if e == nil {
		e = b.order.PushFront(&bucket{name: name, left: rate.NewLimiter(rate.Limit(b.limit.PerSecond), b.limit.Burst)})
		b.known[name] = e
		if b.order.Len() > remembered {
			last := b.order.Back()
			delete(b.known, last.Value.(*bucket).name)
			b.order.Remove(last)
		}
	}
	b.order.MoveToFront(e)
	fn(e.Value.(*bucket))
}

// take takes one of what is left for a name, or tells how long to wait for it. left is how many there are afterwards.
func (b *buckets) take(name string, now time.Time) (left int, wait time.Duration) {
	b.of(name, func(one *bucket) {
		r := one.left.ReserveN(now, 1)
		if wait = r.DelayFrom(now); wait > 0 {
			r.CancelAt(now)
			one.refused++
		}
		left = max(0, int(one.left.TokensAt(now)))
	})
	return left, wait
}

// limited refuses a call when too many have come before.
func (c *call) limited() error {
	now := c.engine.Now()
	workspace := strings.Join([]string{c.caller.Account, c.caller.Workspace}, "/")
	caller := strings.Join([]string{workspace, c.caller.UserID, c.caller.Principal, c.caller.Key}, "/")
	var policies, states []string
	for _, of := range []struct {
		name, whose string
		all         *buckets
	}{{"caller", caller, c.limits.callers}, {"workspace", workspace, c.limits.workspaces}} {
		if of.all == nil {
			continue
		}
		left, wait := of.all.take(of.whose, now)
		policy, state := of.all.headers(of.name, left)
		policies, states = append(policies, policy), append(states, state)
		c.w.Header().Set("RateLimit-Policy", strings.Join(policies, ", "))
		c.w.Header().Set("RateLimit", strings.Join(states, ", "))
		if wait > 0 { // what the caller is refused for its own sake, its workspace does not lack
			p := problem(http.StatusTooManyRequests, CodeRate, "too many requests of this %s", of.name)
			p.RetryAfter = wait
			return p
		}
	}
	return nil
}

// headers are what answers say of a limit and of how much is left.
func (b *buckets) headers(name string, left int) (policy, state string) {
	fill := func(n int) string {
		return strconv.FormatInt(wholeSeconds(time.Duration(float64(n)/b.limit.PerSecond*float64(time.Second))), 10)
	}
	name = strconv.Quote(name)
	return name + ";q=" + strconv.Itoa(b.limit.Burst) + ";w=" + fill(b.limit.Burst),
		name + ";r=" + strconv.Itoa(left) + ";t=" + fill(b.limit.Burst-left)
}
