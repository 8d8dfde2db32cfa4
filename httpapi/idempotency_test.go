package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// keyed returns the client with a key for what it sends.
func (c client) keyed(key string) client {
	c.header = c.header.Clone()
	c.header.Set("X-Idempotency-Key", key)
	return c
}

// activity is a body that makes one.
func activity(id string) string {
	return fmt.Sprintf(`{"activityId": %q, "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Label of %s"}]}`, id, id)
}

// kept returns the rows of a table, as a dump has them.
func (w *world) kept(table string) (rows []string) {
	w.Helper()
	var dump bytes.Buffer
	require.NoError(w, w.ws.Dump(w.Context(), &dump))
	for line := range strings.Lines(dump.String()) {
		if strings.HasPrefix(line, `{"table":"`+table+`"`) {
			rows = append(rows, line)
		}
	}
	return rows
}

// A request that comes again with its key has no other effect and gets the first answer, for a day; the key with another request is refused.
func TestTheSameKeyTheSameAnswer(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		first := c.keyed("k1").send("POST", "/activities", activity("run"))
		require.Equal(t, 201, first.Code)
		require.Equal(t, "k1", first.Header().Get("X-Idempotency-Key"))
		require.Empty(t, first.Header().Get("X-Idempotency-Cache-Hit"))
		w.now.set(w.now.get().Add(24*time.Hour - time.Microsecond))
		again := c.keyed("k1").send("POST", "/activities", activity("run"))
		require.Equal(t, "true", again.Header().Get("X-Idempotency-Cache-Hit"))
		require.Equal(t, "k1", again.Header().Get("X-Idempotency-Key"))
		require.Equal(t, first.Header().Get("Content-Type"), again.Header().Get("Content-Type"))
		require.Equal(t, [2]any{first.Code, first.Body.String()}, [2]any{again.Code, again.Body.String()})
		require.NotEqual(t, first.Header().Get("X-Request-Id"), again.Header().Get("X-Request-Id"))

		c.keyed("k1").do("POST", "/activities", activity("walk"), 409)
		c.keyed("k1").do("POST", "/activities?fields=tags", activity("run"), 409)
		c.do("GET", "/activities/walk", "", 404)
		c.keyed("k1").do("POST", "/slides", `{}`, 400) // another path
		manager := w.as("manager", httpapi.Dashboard)
		require.NotContains(t, manager.keyed("k1").do("POST", "/activities", activity("walk"), 201), "of another caller")
		other := client{w, "admin other dashboard web", httpapi.Dashboard.Base(), http.Header{}}
		require.Empty(t, other.keyed("k1").send("POST", "/activities", activity("run")).Header().Get("X-Idempotency-Cache-Hit"))

		w.now.set(w.now.get().Add(time.Microsecond))
		require.Equal(t, "resource/already_exists", c.keyed("k1").do("POST", "/activities", activity("run"), 409)["code"], "a day is over")
	})
}

// The header is called either name, and bare or as a string of structured fields.
func TestHowKeysAreGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	for i, tt := range []struct {
		mine, standard string
		want           int
	}{
		{"a", "", 201},
		{"", "b", 201},
		{"", `"c"`, 201},
		{"d", `"d"`, 201},
		{"e", "f", 400},
		{strings.Repeat("k", 256), "", 400},
		{"käse", "", 400},
	} {
		c := w.as("admin", httpapi.Dashboard)
		for name, value := range map[string]string{"X-Idempotency-Key": tt.mine, "Idempotency-Key": tt.standard} {
			if value != "" {
				c.header.Set(name, value)
			}
		}
		id := fmt.Sprintf("a%d", i)
		c.do("POST", "/activities", activity(id), tt.want)
		if tt.want == 201 {
			require.Equal(t, "true", c.send("POST", "/activities", activity(id)).Header().Get("X-Idempotency-Cache-Hit"))
		}
	}
}

// What an operation refuses is the answer too; that something went wrong here, or that the caller may not, is not.
func TestWhichAnswersAreKept(t *testing.T) {
	t.Parallel()
	down := errors.New("no more chance")
	var broken atomic.Bool
	chance := rand.NewChaCha8([32]byte{1})
	random := reader(func(b []byte) (int, error) {
		if broken.Load() {
			return 0, down
		}
		return chance.Read(b)
	})
	w := newWorldOf(t, memory.New(), &guerdon.Options{Random: random})
	c := w.as("admin", httpapi.Dashboard).keyed("k1")
	c.do("POST", "/activities/run/publish", "", 404)
	w.as("admin", httpapi.Dashboard).do("POST", "/activities", activity("run"), 201)
	again := c.send("POST", "/activities/run/publish", "")
	require.Equal(t, 404, again.Code)
	require.Equal(t, "true", again.Header().Get("X-Idempotency-Cache-Hit"))
	require.Equal(t, "application/problem+json", again.Header().Get("Content-Type"))
	w.as("admin", httpapi.Dashboard).do("POST", "/activities/run/publish", "", 200)

	broken.Store(true)
	c = w.as("admin", httpapi.Dashboard).keyed("k2")
	c.do("POST", "/activities", activity("walk"), 500)
	c.do("GET", "/activities/walk", "", 404)
	broken.Store(false)
	require.Empty(t, c.send("POST", "/activities", activity("walk")).Header().Get("X-Idempotency-Cache-Hit"))
	c.do("GET", "/activities/walk", "", 200)

	c = w.as("member", httpapi.Dashboard).keyed("k3")
	c.do("POST", "/activities", activity("swim"), 403)
	_, err := w.ws.Users.SetRole(t.Context(), "member", tenancy.Manager)
	require.NoError(t, err)
	c.do("POST", "/activities", activity("swim"), 201)
}

type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }

var _ io.Reader = reader(nil)

// What is kept of an answer can be read by nobody without its key, and does not become ever more.
func TestKeptAnswersAreSealedAndSwept(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		for i := range 10 {
			c.keyed(fmt.Sprintf("key-%d", i)).do("POST", "/activities", activity(fmt.Sprintf("a%d", i)), 201)
		}
		rows := w.kept("httpapi_answers")
		require.Len(t, rows, 10)
		for _, row := range rows {
			var kept struct {
				Record struct{ Sealed []byte }
			}
			require.NoError(t, json.Unmarshal([]byte(row), &kept))
			require.NotEmpty(t, kept.Record.Sealed)
			require.NotContains(t, string(kept.Record.Sealed), "activityId")
			require.NotContains(t, row, "activityId")
			require.NotContains(t, row, "key-")
		}
		w.now.set(w.now.get().Add(24 * time.Hour))
		for i := range 3 {
			c.keyed(fmt.Sprintf("new-%d", i)).do("POST", "/activities", activity(fmt.Sprintf("b%d", i)), 201)
		}
		require.Equal(t, 3, len(w.kept("httpapi_answers"))) //nolint:testifylint // the rows are long
	})
}

// Two processes that get the same request at once do once what it says.
func TestTheSameKeyAtOnceInTwoProcesses(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (store.Store, store.Store){
		"memory": func(*testing.T) (store.Store, store.Store) { st := memory.New(); return st, st },
		"sqlite": func(t *testing.T) (store.Store, store.Store) {
			t.Helper()
			path := filepath.Join(t.TempDir(), "guerdon.db")
			a, err := sqlite.Open(t.Context(), path, nil)
			require.NoError(t, err)
			b, err := sqlite.Open(t.Context(), path, nil)
			require.NoError(t, err)
			return a, b
		},
		"postgres": func(t *testing.T) (store.Store, store.Store) {
			t.Helper()
			dsn := databases.DSN(t)
			a, err := postgres.Open(t.Context(), dsn, nil)
			require.NoError(t, err)
			b, err := postgres.Open(t.Context(), dsn, nil)
			require.NoError(t, err)
			return a, b
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			t.Cleanup(func() { require.NoError(t, errors.Join(one.Close(), other.Close())) })
			w := newWorld(t, one)
			engine, err := guerdon.New(t.Context(), other, &guerdon.Options{Now: w.engine.Now, Tables: httpapi.Tables()})
			require.NoError(t, err)
			second, err := httpapi.New(engine, &httpapi.Options{Authenticate: authenticate})
			require.NoError(t, err)
			c := w.as("admin", httpapi.Dashboard)
			for round := range 5 {
				id := fmt.Sprintf("a%d", round)
				got := make(chan *httptest.ResponseRecorder, 8)
				for i := range cap(got) {
					c := c.keyed("key-" + id)
					if i%2 == 1 {
						of := *w
						of.handler = second
						c.world = &of
					}
					go func() { got <- c.send("POST", "/activities", activity(id)) }()
				}
				bodies, fresh := map[string]bool{}, 0
				for range cap(got) {
					a := <-got
					require.Equal(t, 201, a.Code, a.Body)
					bodies[a.Body.String()] = true
					if a.Header().Get("X-Idempotency-Cache-Hit") == "" {
						fresh++
					}
				}
				require.Equal(t, [2]int{1, 1}, [2]int{len(bodies), fresh})
			}
		})
	}
}

// Whatever comes in whatever order: a key that came in the last day answers as it did, and changes nothing.
func TestKeysAreAModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, memory.New())
		type known struct {
			body, answer string
			at           time.Time
		}
		made, model := map[string]bool{}, map[string]known{}
		for range rapid.IntRange(1, 20).Draw(rt, "requests") {
			key := rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(rt, "key")
			id := rapid.SampledFrom([]string{"run", "walk", "swim"}).Draw(rt, "id")
			w.now.set(w.now.get().Add(rapid.SampledFrom([]time.Duration{0, time.Hour, 13 * time.Hour}).Draw(rt, "pass")))
			c := w.as("admin", httpapi.Dashboard)
			if key != "" {
				c = c.keyed(key)
			}
			a := c.send("POST", "/activities", activity(id))
			hit := a.Header().Get("X-Idempotency-Cache-Hit") == "true"
			before, is := model[key]
			switch {
			case key != "" && is && w.now.get().Before(before.at.Add(24*time.Hour)) && before.body == id:
				require.True(rt, hit)
				require.Equal(rt, before.answer, a.Body.String())
			case key != "" && is && w.now.get().Before(before.at.Add(24*time.Hour)):
				require.Equal(rt, 409, a.Code)
				require.False(rt, hit)
				require.Contains(rt, a.Body.String(), "resource/conflict")
			default:
				require.False(rt, hit)
				want := 201
				if made[id] {
					want = 409
				}
				require.Equal(rt, want, a.Code, a.Body)
				made[id] = true
				if key != "" {
					model[key] = known{id, a.Body.String(), w.now.get()}
				}
			}
		}
		all := w.as("admin", httpapi.Dashboard).do("GET", "/activities", "", 200)["items"].([]any)
		require.Len(rt, all, len(made))
	})
}

// A handler needs what it keeps.
func TestWhatTheEngineMustHave(t *testing.T) {
	t.Parallel()
	engine, err := guerdon.New(t.Context(), memory.New(), &guerdon.Options{Tables: httpapi.Tables()[1:]})
	require.NoError(t, err)
	_, err = httpapi.New(engine, nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "httpapi_answers")
	engine, err = guerdon.New(t.Context(), memory.New(), &guerdon.Options{Tables: httpapi.Tables()})
	require.NoError(t, err)
	for _, o := range []httpapi.Options{
		{Limits: httpapi.Limits{Caller: httpapi.Limit{PerSecond: 1}}},
		{Limits: httpapi.Limits{Workspace: httpapi.Limit{PerSecond: -1, Burst: 1}}},
		{KeepAudit: -1},
		{Contexts: []httpapi.Context{"shop"}},
	} {
		_, err = httpapi.New(engine, &o)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}
