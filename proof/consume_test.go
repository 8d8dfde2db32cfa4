package proof_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// heard is what a consumer was handed, by workspace.
type heard struct {
	mu   sync.Mutex
	seqs map[string][]int64
	more chan struct{} // told of each batch
}

func newHeard() *heard { return &heard{seqs: map[string][]int64{}, more: make(chan struct{}, 1)} }

func (h *heard) add(ws *guerdon.Workspace, entries []guerdon.Entry) {
	h.mu.Lock()
	for i := range entries {
		h.seqs[ws.Scope().Workspace] = append(h.seqs[ws.Scope().Workspace], entries[i].Outcome.Seq)
	}
	h.mu.Unlock()
	select {
	case h.more <- struct{}{}:
	default:
	}
}

func (h *heard) of(workspace string) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]int64(nil), h.seqs[workspace]...)
}

// until waits until a workspace's entries have come up to a number.
func (h *heard) until(t *testing.T, workspace string, seq int64) {
	t.Helper()
	for {
		if of := h.of(workspace); len(of) > 0 && of[len(of)-1] >= seq {
			return
		}
		select {
		case <-h.more:
		case <-t.Context().Done():
			t.Fatal("nothing more comes")
		}
	}
}

// counted are the numbers from 1 to n.
func counted(n int64) (all []int64) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

// consuming runs a consumer until the function that it returns is called, or the test ends.
func consuming(t *testing.T, eng *guerdon.Engine, name string, opts *guerdon.ConsumeOptions,
	handle func(context.Context, *guerdon.Workspace, []guerdon.Entry) error,
) (stop func()) {
	t.Helper()
	return running(t, func(ctx context.Context) error { return eng.Consume(ctx, name, handle, opts) })
}

// running runs a function until the function that it returns is called, or the test ends.
func running(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

func (w *world) other(t tester, name string) *guerdon.Workspace {
	t.Helper()
	s := store.Scope{Account: w.Scope().Account, Workspace: name}
	_, err := w.engine.Platform.CreateWorkspace(t.Context(), tenancy.Workspace{AccountID: s.Account, ID: name, Name: name, Slug: name})
	require.NoError(t, err)
	ws, err := w.engine.Workspace(t.Context(), s)
	require.NoError(t, err)
	_, err = ws.Import(t.Context(), fullGame(t))
	require.NoError(t, err)
	_, err = ws.Users.Create(t.Context(), tenancy.NewUser{ID: "ada"})
	require.NoError(t, err)
	return ws
}

// goesRunning records events in a workspace and returns the number of the last.
func goesRunning(t tester, ws *guerdon.Workspace, n int) (last int64) {
	t.Helper()
	for range n {
		out, err := ws.Record(t.Context(), run("", "ada", time.Time{}))
		require.NoError(t, err)
		last = out.Seq
	}
	return last
}

// A consumer is handed each entry of each workspace in its order, what is recorded meanwhile too, and goes on where it had
// come to when it is started again.
func TestConsumerFollowsAllWorkspaces(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		other := w.other(t, "other")
		goesRunning(t, w.Workspace, 3)
		h := newHeard()
		hear := func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
			if len(entries) > 2 {
				return errors.New("more than a batch")
			}
			h.add(ws, entries)
			return nil
		}
		two := &guerdon.ConsumeOptions{Batch: 2}
		stop := consuming(t, w.engine, "all", two, hear)
		last := goesRunning(t, w.Workspace, 4)
		end := goesRunning(t, other, 5)
		h.until(t, "default", last)
		h.until(t, "other", end)
		stop()
		require.Equal(t, counted(last), h.of("default"))
		require.Equal(t, counted(end), h.of("other"))

		last = goesRunning(t, w.Workspace, 3)
		consuming(t, w.engine, "all", two, hear)
		h.until(t, "default", last)
		require.Equal(t, counted(last), h.of("default"))
		states, err := w.Consumers(t.Context())
		require.NoError(t, err)
		require.Len(t, states, 1)
		require.Equal(t, last, states[0].Head)

		again := newHeard()
		consuming(t, w.engine, "another", nil, func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
			again.add(ws, entries)
			return nil
		})
		again.until(t, "default", last)
		require.Equal(t, counted(last), again.of("default"), "a name that is new begins at the beginning")
	})
}

// What another engine records on the same store is seen without being told, and who observes is told how far the consumer is behind.
func TestConsumerSeesWhatOthersRecord(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		lags := make(chan guerdon.ConsumerLag, 100)
		elsewhere, err := guerdon.New(t.Context(), w.store, &guerdon.Options{
			Now: func() time.Time { return *w.now.Load() }, Observe: guerdon.Observer{Lag: func(_ context.Context, l guerdon.ConsumerLag) { lags <- l }},
		})
		require.NoError(t, err)
		h := newHeard()
		consuming(t, elsewhere, "all", nil, func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
			h.add(ws, entries)
			return nil
		})
		h.until(t, "default", w.first)
		require.Equal(t, guerdon.ConsumerLag{Scope: w.Scope(), Consumer: "all"}, <-lags)
		last := goesRunning(t, w.Workspace, 3)
		h.until(t, "default", last)
		require.Equal(t, counted(last), h.of("default"))
	})
}

// Where a handler fails or panics, the same entries come again later, and the other workspaces do not wait.
func TestConsumerTriesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	other := w.other(t, "other")
	h := newHeard()
	failures := make(chan struct{}, 10)
	tries := 0
	var lag atomic.Pointer[guerdon.ConsumerLag]
	watched, err := guerdon.New(t.Context(), w.store, &guerdon.Options{
		Now: func() time.Time { return *w.now.Load() }, Log: slog.New(slog.DiscardHandler),
		Observe: guerdon.Observer{Lag: func(_ context.Context, l guerdon.ConsumerLag) {
			if l.Scope == w.Scope() {
				lag.Store(&l)
			}
		}},
	})
	require.NoError(t, err)
	consuming(t, watched, "all", nil, func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
		if ws.Scope().Workspace == "default" {
			if tries++; tries < 3 {
				defer func() { failures <- struct{}{} }()
				if tries == 1 {
					panic("the handler is broken " + strings.Repeat("é", 1000))
				}
				return errors.New("the handler does not know this")
			}
		}
		h.add(ws, entries)
		return nil
	})
	h.until(t, "other", goesRunning(t, other, 2))
	state := func() guerdon.ConsumerState {
		for {
			all, err := w.Consumers(t.Context())
			require.NoError(t, err)
			if len(all) == 1 && all[0].Failures == tries {
				return all[0]
			}
		}
	}
	<-failures
	s := state()
	require.Zero(t, s.Seq)
	require.Equal(t, w.first, s.Behind())
	require.Equal(t, start, s.Since)
	require.Contains(t, s.Error, "the handler is broken")
	require.LessOrEqual(t, len(s.Error), 1000)
	require.Equal(t, start.Add(time.Second), s.RetryAt)
	w.set(s.RetryAt)
	<-failures
	require.Equal(t, guerdon.ConsumerLag{Scope: w.Scope(), Consumer: "all", Entries: w.first, Since: start}, *lag.Load())
	s = state()
	require.Equal(t, "the handler does not know this", s.Error)
	require.Equal(t, w.now.Load().Add(2*time.Second), s.RetryAt, "the pauses grow")
	w.set(s.RetryAt)
	h.until(t, "default", w.first)
	require.Equal(t, counted(w.first), h.of("default"))
}

// blind is a store whose views show nothing new, as those of a replica that is behind.
type blind struct {
	store.Surveyor

	now bool
}

func (b *blind) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	if b.now {
		return errors.New("the replica knows nothing of that")
	}
	return b.Surveyor.View(ctx, s, fn)
}

// A consumer does not rely on views, which may be of a replica that does not know yet what was committed.
func TestConsumerIsNeverBehindAReplica(t *testing.T) {
	t.Parallel()
	b := &blind{Surveyor: memory.New()}
	w := newWorld(t, b)
	b.now = true
	h := newHeard()
	consuming(t, w.engine, "all", nil, func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
		h.add(ws, entries)
		return nil
	})
	last := goesRunning(t, w.Workspace, 3)
	h.until(t, "default", last)
	require.Equal(t, counted(last), h.of("default"))
}

// A process that dies is replaced when its lease is over, and until then nobody else has its workspace.
func TestConsumerIsReplaced(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		options := &guerdon.Options{Now: func() time.Time { return *w.now.Load() }}
		dying, err := guerdon.New(t.Context(), w.store, options)
		require.NoError(t, err)
		has, held := make(chan struct{}), make(chan struct{})
		release := sync.OnceFunc(func() { close(held) })
		ended := make(chan error, 1)
		long := &guerdon.ConsumeOptions{Lease: time.Hour} // it is not prolonged while the test runs
		consuming(t, dying, "all", long, func(ctx context.Context, _ *guerdon.Workspace, _ []guerdon.Entry) error {
			close(has)
			<-held
			ended <- ctx.Err()
			return nil
		})
		t.Cleanup(release)
		<-has
		h := newHeard()
		hear := func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
			h.add(ws, entries)
			return nil
		}
		other := w.other(t, "other")
		consuming(t, w.engine, "all", nil, hear)
		h.until(t, "other", goesRunning(t, other, 1))
		require.Empty(t, h.of("default"), "it is with the other process")
		w.set(w.now.Load().Add(2 * time.Hour))
		h.until(t, "default", w.first)
		release()
		require.NoError(t, <-ended, "it was not asked meanwhile")
		last := goesRunning(t, w.Workspace, 2)
		h.until(t, "default", last)
		require.Equal(t, counted(last), h.of("default"), "what it confirms too late does not count")
	})
}

// tally is a table of the host's own.
type tally struct {
	User string `json:"user"`
	N    int    `json:"n"`
}

var tallies = store.Define("host_tallies", func(c *tally) string { return c.User }, nil)

// tallied counts entries by user in the host's own table.
func tallied(ctx context.Context, tx store.Tx, entries []guerdon.Entry) error {
	for i := range entries {
		c, _, err := tallies.Get(ctx, tx, entries[i].Event.UserID)
		if err != nil {
			return err
		}
		c.User, c.N = entries[i].Event.UserID, c.N+1
		if err := tallies.Put(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

// What a handler writes in the transaction of its cursor takes effect once, however often it fails, and what it records follows.
func TestConsumedOnce(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := open(t)
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			var seconds atomic.Int64 // whoever asks finds the pause behind a failure over
			eng, err := guerdon.New(t.Context(), st, &guerdon.Options{
				Now: func() time.Time { return start.Add(time.Duration(seconds.Add(1)) * time.Second) }, Tables: []*store.Schema{tallies.Schema()},
			})
			require.NoError(t, err)
			_, err = eng.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "acme"})
			require.NoError(t, err)
			ws, err := eng.Workspace(t.Context(), store.Scope{Account: "acme", Workspace: "default"})
			require.NoError(t, err)
			_, err = ws.Import(t.Context(), fullGame(t))
			require.NoError(t, err)
			_, err = ws.Users.Create(t.Context(), tenancy.NewUser{ID: "ada"})
			require.NoError(t, err)
			_, err = ws.Users.Create(t.Context(), tenancy.NewUser{ID: "bob"})
			require.NoError(t, err)
			last := goesRunning(t, ws, 20)

			calls := 0
			handed := make(chan struct{}) // closed when all have been handed over
			whole := sync.OnceFunc(func() { close(handed) })
			stop := running(t, func(ctx context.Context) error {
				return eng.ConsumeOnce(ctx, "tallies", func(ctx context.Context, tx store.Tx, inner *guerdon.Workspace, entries []guerdon.Entry) error {
					calls++
					if entries[len(entries)-1].Outcome.Seq == last+20 {
						defer whole()
					}
					if err := tallied(ctx, tx, entries); err != nil {
						return err
					}
					for i := range entries {
						if e := &entries[i]; e.Event.UserID == "ada" && e.Event.EntityID == "run" {
							if _, err := inner.Record(ctx, run("copy-"+e.Event.ID, "bob", e.Event.At)); err != nil {
								return err
							}
						}
					}
					switch calls {
					case 1:
						return errors.New("not this time")
					case 3:
						panic("nor this time")
					}
					return nil
				}, &guerdon.ConsumeOptions{Batch: 7})
			})
			<-handed
			for seq := int64(0); seq < last+20; { // until that is committed
				states, err := ws.Consumers(t.Context())
				require.NoError(t, err)
				if len(states) > 0 {
					seq = states[0].Seq
				}
			}
			stop()
			require.NoError(t, st.View(t.Context(), ws.Scope(), func(tx store.Tx) error {
				list, err := tallies.List(t.Context(), tx, store.Query{})
				require.Equal(t, []tally{{"ada", int(last) - 1}, {"bob", 21}}, list)
				return err
			}))
		})
	}
}

// A consumer can be moved, passed over what it cannot read, and forgotten; the journal keeps for it what it has not confirmed.
func TestConsumerIsMoved(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		last := goesRunning(t, w.Workspace, 5)
		require.NoError(t, w.MoveConsumer(ctx, "all", last-1))
		h := newHeard()
		consuming(t, w.engine, "all", nil, func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
			h.add(ws, entries)
			return nil
		})
		h.until(t, "default", last)
		require.Equal(t, []int64{last}, h.of("default"))
		require.NoError(t, w.MoveConsumer(ctx, "all", last-3))
		for len(h.of("default")) < 4 {
			<-h.more
		}
		require.Equal(t, []int64{last, last - 2, last - 1, last}, h.of("default"))

		require.NoError(t, w.MoveConsumer(ctx, "slow", 2))
		w.set(start.AddDate(2, 0, 0))
		archive := func() {
			var sink strings.Builder
			_, err := w.Archive(ctx, start.AddDate(1, 0, 0), &sink)
			require.NoError(t, err)
		}
		archive()
		entries, err := w.Journal(ctx, 0)
		require.NoError(t, err)
		require.Equal(t, int64(3), entries[0].Outcome.Seq, "it waits for the slow one")
		require.NoError(t, w.RemoveConsumer(ctx, "slow"))
		states, err := w.Consumers(ctx)
		require.NoError(t, err)
		require.Len(t, states, 1)

		for name, move := range map[string]func() error{
			"name": func() error { return w.MoveConsumer(ctx, "a b", 0) },
			"seq":  func() error { return w.MoveConsumer(ctx, "all", 1<<40) },
		} {
			require.ErrorIs(t, move(), fault.ErrInvalid, name)
			require.ErrorContains(t, move(), name)
		}
		require.ErrorIs(t, w.MoveConsumer(ctx, "all", -1), fault.ErrInvalid)
	})
}

// Two processes that share the work of many workspaces hand over each entry once.
func TestConsumersShareTheWork(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "guerdon.db")
	open := func() store.Store {
		st, err := sqlite.Open(t.Context(), path, &sqlite.Options{Synchronous: sqlite.Normal})
		require.NoError(t, err)
		return st
	}
	w := newWorld(t, open())
	second := open()
	t.Cleanup(func() { require.NoError(t, second.Close()) })
	elsewhere, err := guerdon.New(t.Context(), second, &guerdon.Options{Now: func() time.Time { return *w.now.Load() }})
	require.NoError(t, err)
	h := newHeard()
	for _, eng := range []*guerdon.Engine{w.engine, elsewhere} {
		consuming(t, eng, "all", &guerdon.ConsumeOptions{Batch: 3}, func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
			h.add(ws, entries)
			return nil
		})
	}
	last := map[string]int64{"default": goesRunning(t, w.Workspace, 10)}
	for i := range 8 {
		name := fmt.Sprint("space-", i)
		last[name] = goesRunning(t, w.other(t, name), 10)
	}
	for name, seq := range last {
		h.until(t, name, seq)
		require.Equal(t, counted(seq), h.of(name), name)
	}
}

func TestConsumeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	nothing := func(context.Context, *guerdon.Workspace, []guerdon.Entry) error { return nil }
	for field, consume := range map[string]func() error{
		"name":   func() error { return w.engine.Consume(t.Context(), "no name", nothing, nil) },
		"handle": func() error { return w.engine.Consume(t.Context(), "all", nil, nil) },
		"batch": func() error {
			return w.engine.Consume(t.Context(), "all", nothing, &guerdon.ConsumeOptions{Batch: 1001})
		},
		"atOnce": func() error {
			return w.engine.Consume(t.Context(), "all", nothing, &guerdon.ConsumeOptions{AtOnce: -1})
		},
		"lease": func() error {
			return w.engine.Consume(t.Context(), "all", nothing, &guerdon.ConsumeOptions{Lease: time.Millisecond})
		},
		"store": func() error {
			plain, err := guerdon.New(t.Context(), struct{ store.Store }{w.store}, nil)
			require.NoError(t, err)
			return plain.Consume(t.Context(), "all", nothing, nil)
		},
	} {
		err := consume()
		require.ErrorIs(t, err, fault.ErrInvalid, field)
		wrong, _ := errors.AsType[*fault.Error](err)
		require.Equal(t, field, wrong.Field)
	}
	_, err := guerdon.New(t.Context(), memory.New(), &guerdon.Options{Tables: []*store.Schema{store.Define("journal", func(c *tally) string { return c.User }, nil).Schema()}})
	require.ErrorIs(t, err, fault.ErrInvalid)
}
