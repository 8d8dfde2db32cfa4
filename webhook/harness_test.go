package webhook_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/everystore"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/webhook"
)

// databases are those of PostgreSQL, which the tests hand on.
var databases pgtest.Pool

// openers are the stores that must answer alike.
var openers = everystore.Openers(&databases)

// eachStore runs a test on every backend.
func eachStore(t *testing.T, test func(*testing.T, *world)) {
	t.Parallel()
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, open(t)))
		})
	}
}

var start = time.Date(2025, 9, 29, 9, 0, 0, 0, time.UTC) // a Monday

var home = store.Scope{Account: "acme", Workspace: "default"}

// world is an engine with a clock that moves when told, a workspace that plays the game, and a receiver.
type world struct {
	*guerdon.Workspace
	engine *guerdon.Engine
	hooks  *webhook.Hooks
	to     webhook.Endpoints
	*receiver

	mu     sync.Mutex
	failed []guerdon.Failed // what the observer was told

	now atomic.Pointer[time.Time]
}

func newWorld(t *testing.T, st store.Store) *world {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	w := &world{receiver: receive(t)}
	w.set(start)
	var ids atomic.Int64
	var err error
	w.engine, err = guerdon.New(t.Context(), st, &guerdon.Options{
		Now: func() time.Time { return *w.now.Load() }, NewID: func() string { return "id-" + strconv.FormatInt(ids.Add(1), 10) },
		Random: &counter{}, Tables: webhook.Tables(), Log: slog.New(slog.DiscardHandler), Observe: guerdon.Observer{
			Failed: func(_ context.Context, f guerdon.Failed) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.failed = append(w.failed, f)
			},
		},
	})
	require.NoError(t, err)
	w.Workspace, err = populate(t.Context(), w.engine)
	require.NoError(t, err)
	w.hooks, err = webhook.New(w.engine, w.options())
	require.NoError(t, err)
	w.to = w.hooks.Endpoints(w.Workspace)
	return w
}

// populate makes a workspace that plays the game, with two users.
func populate(ctx context.Context, eng *guerdon.Engine) (*guerdon.Workspace, error) {
	if _, err := eng.Platform.CreateAccount(ctx, tenancy.Account{ID: home.Account}); err != nil {
		return nil, err
	}
	ws, err := eng.Workspace(ctx, home)
	if err != nil {
		return nil, err
	}
	game, err := os.ReadFile(filepath.Join("..", "proof", "testdata", "game.json"))
	if err != nil {
		return nil, err
	}
	if _, err := ws.Import(ctx, game); err != nil {
		return nil, err
	}
	for _, id := range []string{"ada", "bob"} {
		if _, err := ws.Users.Create(ctx, tenancy.NewUser{ID: id}); err != nil {
			return nil, err
		}
	}
	return ws, nil
}

func (w *world) set(now time.Time) { w.now.Store(&now) }

func (w *world) pass(d time.Duration) { w.set(w.now.Load().Add(d)) }

// counter is as random as a test wants it to be.
type counter struct{ n atomic.Uint64 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n.Add(1))
	}
	return len(p), nil
}

// A got is a request that the receiver has got.
type got struct {
	path   string
	header http.Header
	body   []byte
	webhook.Message
}

func (g *got) id() string { return g.header.Get(webhook.HeaderID) }

// userID is the user whom the message is about.
func (g *got) userID() string {
	var about struct {
		UserID   string `json:"userId"`
		EntityID string `json:"entityId"` // on a board of users
	}
	_ = json.Unmarshal(g.Data, &about) // what is no message is about nobody
	return about.UserID + about.EntityID
}

// receiver is a server that keeps what it gets, and answers as answer says.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	all    []got
	answer func(w http.ResponseWriter, g *got)
	more   chan struct{}
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{more: make(chan struct{}, 1)}
	r.Server = httptest.NewTLSServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender has gone
	}
	g := got{path: req.URL.Path, header: req.Header.Clone(), body: body}
	if err := json.Unmarshal(body, &g.Message); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.all = append(r.all, g)
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, &g)
	}
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// answers says how the receiver answers from now on.
func (r *receiver) answers(answer func(w http.ResponseWriter, g *got)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func status(code int) func(http.ResponseWriter, *got) {
	return func(w http.ResponseWriter, _ *got) { w.WriteHeader(code) }
}

func (r *receiver) got() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.all...)
}

// wait waits until the receiver has got n requests, and returns all.
func (r *receiver) wait(t *testing.T, n int) []got {
	t.Helper()
	for {
		if all := r.got(); len(all) >= n {
			return all
		}
		select {
		case <-r.more:
		case <-t.Context().Done():
			t.Fatal("nothing more comes")
		}
	}
}

// options let the receiver be reached.
func (r *receiver) options() *webhook.Options {
	roots := x509.NewCertPool()
	roots.AddCert(r.Certificate())
	return &webhook.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, RootCAs: roots, Timeout: 5 * time.Second}
}

// running sends until the function that it returns is called, or the test ends.
func (w *world) running(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.hooks.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

// endpoint makes an endpoint at the receiver and returns its secret.
func (w *world) endpoint(t *testing.T, id string, types ...webhook.Type) (secret string) {
	t.Helper()
	_, secret, err := w.to.Create(t.Context(), webhook.NewEndpoint{ID: id, URL: w.URL + "/" + id, Types: types})
	require.NoError(t, err)
	return secret
}

func run(id, userID string, at time.Time) event.Event {
	return event.Event{ID: id, UserID: userID, EntityID: "run", At: at}
}

// runs records that users run, one after another, n times.
func (w *world) runs(t *testing.T, n int, users ...string) {
	t.Helper()
	for range n {
		for _, id := range users {
			_, err := w.Record(t.Context(), run("", id, time.Time{}))
			require.NoError(t, err)
		}
	}
}

// settled waits until nothing of an endpoint is pending, and returns its deliveries, the oldest first.
func (w *world) settled(t *testing.T, id string) []webhook.Delivery {
	t.Helper()
	for {
		states, err := w.Consumers(t.Context())
		require.NoError(t, err)
		if len(states) > 0 && states[0].Behind() == 0 {
			pending, _, err := w.to.Deliveries(t.Context(), id, webhook.DeliveryFilter{State: webhook.Pending}, store.Page{Limit: 1})
			require.NoError(t, err)
			if len(pending) == 0 {
				return w.deliveries(t, id)
			}
		}
		rest(t)
	}
}

// rest waits a little for others; how long makes no difference.
func rest(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(2 * time.Millisecond):
	case <-t.Context().Done():
		t.Fatal("it takes too long")
	}
}

// deliveries are all of an endpoint, the oldest first.
func (w *world) deliveries(t *testing.T, id string) (all []webhook.Delivery) {
	t.Helper()
	page := store.Page{Limit: store.MaxPage, Ascending: true}
	for {
		list, next, err := w.to.Deliveries(t.Context(), id, webhook.DeliveryFilter{}, page)
		require.NoError(t, err)
		all = append(all, list...)
		if next == "" {
			return all
		}
		page.Token = next
	}
}

func requireField(t require.TestingT, err, kind error, field string) {
	require.ErrorIs(t, err, kind)
	wrong, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	require.Equal(t, field, wrong.Field)
}

func TestMain(m *testing.M) {
	if os.Getenv(jobVariable) != "" {
		if err := sendUntilKilled(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" { // what is measured runs as in a host
		debug.SetGCPercent(400) // the worlds of the tests are small, and each is garbage soon
	}
	code := m.Run()
	if err := databases.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// same tells whether two requests are the same message.
func same(a, b *got) bool { return a.id() == b.id() && bytes.Equal(a.body, b.body) }
