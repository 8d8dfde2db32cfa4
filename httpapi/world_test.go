package httpapi_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content/fileblob"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/internal/everystore"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

var databases pgtest.Pool

// blobs are where all worlds have the bytes of their media: in a folder of their own each, by the ids of these.
var blobs *fileblob.Bucket

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" { // what is measured runs as in a host
		debug.SetGCPercent(400) // the worlds of the tests are small, and each is garbage soon
	}
	dir, err := os.MkdirTemp("", "guerdon")
	if err == nil {
		blobs, err = fileblob.Open(dir, fileblob.Options{
			URL: "https://media.test/media", Secrets: [][]byte{bytes.Repeat([]byte("?"), fileblob.MinSecret)}, Now: func() time.Time { return start },
		})
	}
	code := 1
	if err == nil {
		code = m.Run()
		err = errors.Join(databases.Close(), blobs.Close(), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// start is when every world begins.
var start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// An errorLog gathers what went wrong that no caller was told of.
type errorLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *errorLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *errorLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A tester is a test or a check of a property.
type tester interface {
	require.TestingT
	Helper()
	Context() context.Context
}

// A world is an engine that is served, with two workspaces of an account: each has a user for each role, who is called as the role is.
type world struct {
	tester

	engine  *guerdon.Engine
	ws      *guerdon.Workspace
	handler *httpapi.Handler
	counts  *analytics.Analytics
	now     *clock
	ids     map[string]string // what [world.furnish] has made, by names that fixtures use
	errors  *errorLog
	server  *httptest.Server // that requests go to over a connection; nil hands them to the handler
	// careless says that requests need not be as the document says, even if they are met.
	careless bool
}

// eachStore runs a test on every kind of store.
func eachStore(t *testing.T, test func(*testing.T, *world)) {
	for name, open := range everystore.Openers(&databases) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := open(t)
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			test(t, newWorld(t, st))
		})
	}
}

func newWorld(t tester, st store.Store) *world {
	t.Helper()
	return newWorldOf(t, st, &guerdon.Options{})
}

// A clock shows what it is set to, also to who looks meanwhile.
type clock struct{ at atomic.Pointer[time.Time] }

func (c *clock) get() time.Time { return *c.at.Load() }

func (c *clock) set(at time.Time) { c.at.Store(&at) }

// newWorldOf is newWorld with an engine's options.
func newWorldOf(t tester, st store.Store, opts *guerdon.Options) *world {
	t.Helper()
	now := &clock{}
	now.set(start)
	ctx := t.Context()
	gone := &errorLog{}
	opts.Log = slog.New(slog.NewTextHandler(gone, &slog.HandlerOptions{Level: slog.LevelError}))
	opts.Now, opts.Tables, opts.Blobs = now.get, slices.Concat(httpapi.Tables(), analytics.Tables()), blobs
	engine, err := guerdon.New(ctx, st, opts)
	require.NoError(t, err)
	_, err = engine.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	require.NoError(t, err)
	_, err = engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "other", Name: "Other"})
	require.NoError(t, err)
	w := &world{tester: t, engine: engine, now: now, errors: gone}
	for _, id := range []string{"other", "default"} {
		w.ws, err = engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: id})
		require.NoError(t, err)
		for _, role := range []tenancy.Role{tenancy.Owner, tenancy.Admin, tenancy.Manager, tenancy.Member, tenancy.Viewer} {
			_, err = w.ws.Users.Create(ctx, tenancy.NewUser{ID: string(role), Role: role, Email: string(role) + "@" + id + ".test", FirstName: "Ada", LastName: "Byron"})
			require.NoError(t, err)
		}
	}
	w.counts, err = analytics.New(engine, nil)
	require.NoError(t, err)
	w.handler, err = httpapi.New(engine, &httpapi.Options{Authenticate: authenticate, Analytics: w.counts, StreamFor: time.Millisecond, Issuer: issuer})
	require.NoError(t, err)
	return w
}

// issuer returns who gives the badges of a workspace as credentials.
func issuer(ws *guerdon.Workspace) *badges.Issuer {
	at := "https://" + ws.Scope().Workspace + ".test"
	return &badges.Issuer{
		ID: at, Name: "The Club", Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), KeyID: at + "/keys#1", Achievements: at + "/badges/",
		Subject: func(_ context.Context, u tenancy.User) (string, error) { return at + "/people/" + u.ID, nil },
	}
}

// authenticate takes tokens that say who calls: "user workspace context platform lang".
func authenticate(r *http.Request) (httpapi.Caller, error) {
	words := strings.Fields(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if len(words) < 4 {
		return httpapi.Caller{}, errors.New("that is no token")
	}
	words = append(words, "")
	return httpapi.Caller{
		Account: "acme", UserID: words[0], Principal: words[0], Workspace: words[1], Context: httpapi.Context(words[2]), Platform: httpapi.Platform(words[3]), Lang: words[4],
	}, nil
}

// A client makes requests as somebody.
type client struct {
	*world

	token string
	base  string
	// header is sent with each request.
	header http.Header
}

// as returns a client of a user of the workspace "default", and in the Portal of the user's principal.
func (w *world) as(user string, in httpapi.Context) client {
	if in == httpapi.Portal {
		return w.portal(user, "default")
	}
	return client{w, user + " default " + string(in) + " web", in.Base(), http.Header{}}
}

// send makes a request and returns the answer, which is as the document says.
func (c client) send(method, path, body string) *httptest.ResponseRecorder {
	c.Helper()
	header := c.header.Clone()
	header.Set("Authorization", "Bearer "+c.token)
	answer := httptest.NewRecorder()
	if c.server == nil {
		r := httptest.NewRequestWithContext(c.Context(), method, c.base+path, strings.NewReader(body))
		r.Header = header
		c.handler.ServeHTTP(answer, r)
	} else {
		r, err := http.NewRequestWithContext(c.Context(), method, c.server.URL+c.base+path, strings.NewReader(body))
		require.NoError(c, err)
		r.Header = header
		got, err := c.server.Client().Do(r)
		require.NoError(c, err)
		answer.Code = got.StatusCode
		maps.Copy(answer.Header(), got.Header)
		_, err = io.Copy(answer.Body, got.Body)
		require.NoError(c, errors.Join(err, got.Body.Close()))
	}
	if path != "/openapi.json" {
		c.conforms(method, path, body, answer)
	}
	return answer
}

// do makes a request, requires a status, and returns the answer's body, nil if it has none.
func (c client) do(method, path, body string, want int) map[string]any {
	c.Helper()
	answer := c.send(method, path, body)
	data, err := io.ReadAll(answer.Body)
	require.NoError(c, err)
	require.Equal(c, want, answer.Code, "%s %s: %s", method, path, data)
	if len(data) == 0 {
		return nil
	}
	var out map[string]any
	require.NoError(c, json.Unmarshal(data, &out), "%s", data)
	return out
}
