package webhook

import (
	"context"
	"crypto/x509"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// Options are what webhooks may be told; the zero value is right for production.
type Options struct {
	// Allow are ranges of addresses that may be dialled beside the public ones: those of receivers in the host's own network, or of
	// tests. All others that are private, loopback, link-local or otherwise not public are refused.
	Allow []netip.Prefix
	// RootCAs are who may vouch for receivers; nil means those of the machine.
	RootCAs *x509.CertPool
	// Timeout is how long one try may take, 0 means 15 seconds, and a minute is the most.
	Timeout time.Duration
	// AtOnce is how many messages are sent at once by this process; 0 means 16. One endpoint gets a quarter of them at most.
	AtOnce int
	// PauseAfter is how long an endpoint may only fail until it is paused ([PausedAsFailing]): when a try fails of a message that has
	// failed for so long, and nothing has arrived since its first try. 0 means until a message is given up, which is after about three
	// days; three days are the most. Less than 0 means that no endpoint is paused for that.
	PauseAfter time.Duration
	// Keep is how long deliveries are kept, whether they were delivered, given up, or wait for an endpoint that is paused; 0 means
	// 14 days, and 4 days are the least.
	Keep time.Duration
}

const (
	defaultTimeout = 15 * time.Second
	defaultAtOnce  = 16
	defaultKeep    = 14 * 24 * time.Hour
	minKeep        = 4 * 24 * time.Hour
	maxPauseAfter  = 3 * 24 * time.Hour
)

func (o *Options) check() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	switch {
	case c.Timeout < 0 || c.Timeout > time.Minute:
		return c, fault.Invalid("timeout", "is %s; it must be 0 to a minute", c.Timeout)
	case c.AtOnce < 0:
		return c, fault.Invalid("atOnce", "is %d; it must be 0 or more", c.AtOnce)
	case c.PauseAfter > maxPauseAfter:
		return c, fault.Invalid("pauseAfter", "is %s; it must be at most %s, because a message is tried no longer", c.PauseAfter, maxPauseAfter)
	case c.Keep != 0 && c.Keep < minKeep:
		return c, fault.Invalid("keep", "is %s; it must be at least %s", c.Keep, minKeep)
	}
	for _, p := range c.Allow {
		if !p.IsValid() {
			return c, fault.Invalid("allow", "holds what is no range of addresses")
		}
	}
	c.Allow = slices.Clone(c.Allow)
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.AtOnce == 0 {
		c.AtOnce = defaultAtOnce
	}
	if c.Keep == 0 {
		c.Keep = defaultKeep
	}
	return c, nil
}

// lease is how long a delivery is its process's: a try, and what is written about it.
func (o *Options) lease() time.Duration { return 2*o.Timeout + 5*time.Second }

// Consumer is the name under which the journals are followed: [guerdon.Workspace.Consumers] shows how far that is. A host that stops using
// webhooks removes it from its workspaces ([guerdon.Workspace.RemoveConsumer]), which otherwise keep for it what they would archive. Where
// it is moved back, messages of which nothing is kept any more are made and sent again, under the ids that they had.
const Consumer = "webhooks"

// batch is how many entries one transaction queues: each may give rise to a dozen messages, for each endpoint, and who writes to the
// workspace waits.
const batch = 25

// Hooks are the webhooks of an engine. They may be used concurrently.
type Hooks struct {
	eng  *guerdon.Engine
	st   store.Store
	opts Options

	mu      sync.Mutex
	senders map[*sender]struct{} // those at work
}

// stir lets those who send in this process look at once what there is.
func (h *Hooks) stir() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.senders {
		s.stale.Store(true)
		s.nudge()
	}
}

// attend lets a sender be stirred, or not any more.
func (h *Hooks) attend(s *sender, there bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if there {
		h.senders[s] = struct{}{}
	} else {
		delete(h.senders, s)
	}
}

// New returns the webhooks of an engine, which must have been given [Tables] among its [guerdon.Options].Tables. It returns
// [fault.ErrInvalid] if it was not, for a store that is no [store.Surveyor], and for options that are out of bounds.
func New(eng *guerdon.Engine, opts *Options) (*Hooks, error) {
	if eng == nil {
		return nil, fault.Invalid("engine", "is nil")
	}
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	for _, t := range Tables() {
		if !slices.Contains(eng.HostTables(), t) {
			return nil, fault.Invalid("tables", "of the engine lack %q: give it webhook.Tables()", t.Name)
		}
	}
	if _, ok := eng.Store().(store.Surveyor); !ok {
		return nil, fault.Invalid("store", "%T cannot look at all workspaces at once", eng.Store())
	}
	return &Hooks{eng: eng, st: eng.Store(), opts: o, senders: map[*sender]struct{}{}}, nil
}

// Run sends what happens in all workspaces to their endpoints, until ctx ends, and returns nil then. What is being sent at that moment is
// given up without counting as a try, and sent again when somebody runs. Processes that run on one store share the work; when one
// dies, another takes over what it was sending when its time for that is over.
//
// A workspace that is closed waits until it is open again.
func (h *Hooks) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newSender(h)
	h.attend(s, true)
	defer h.attend(s, false)
	var consumed error
	s.working.Go(func() {
		defer cancel() // without new messages, whoever runs should know
		consumed = h.eng.ConsumeOnce(ctx, Consumer, s.consume, &guerdon.ConsumeOptions{Batch: batch})
	})
	s.run(ctx)
	return consumed
}
