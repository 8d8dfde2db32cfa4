package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store/memory"
)

// limited gives the world's handler limits.
func (w *world) limited(l httpapi.Limits) {
	w.Helper()
	handler, err := httpapi.New(w.engine, &httpapi.Options{Authenticate: authenticate, Limits: l})
	require.NoError(w, err)
	w.handler = handler
}

// Who asks too often is told when to come again; others of the workspace are not held up, and neither is another tenant when a whole
// workspace is at its limit.
func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	w.limited(httpapi.Limits{Caller: httpapi.Limit{PerSecond: 0.5, Burst: 3}, Workspace: httpapi.Limit{PerSecond: 1, Burst: 8}})
	admin, manager, owner := w.as("admin", httpapi.Dashboard), w.as("manager", httpapi.Dashboard), w.as("owner", httpapi.Dashboard)
	for i := range 3 {
		a := admin.send("GET", "/activities", "")
		require.Equal(t, 200, a.Code)
		require.Equal(t, fmt.Sprintf(`"caller";r=%d;t=%d, "workspace";r=%d;t=%d`, 2-i, 2*(i+1), 7-i, i+1), a.Header().Get("Ratelimit"))
		require.Equal(t, `"caller";q=3;w=6, "workspace";q=8;w=8`, a.Header().Get("Ratelimit-Policy"))
	}
	for range 20 { // what they are refused costs the workspace nothing
		a := admin.send("GET", "/activities", "")
		require.Equal(t, http.StatusTooManyRequests, a.Code)
		require.Equal(t, "2", a.Header().Get("Retry-After"))
		require.Contains(t, a.Body.String(), "rate_limit/exceeded")
	}
	for range 3 {
		manager.do("GET", "/activities", "", 200)
	}
	for range 2 {
		owner.do("GET", "/activities", "", 200)
	}
	owner.do("GET", "/activities", "", 429) // the workspace's
	other := client{w, "owner other dashboard web", httpapi.Dashboard.Base(), http.Header{}}
	for range 3 {
		other.do("GET", "/activities", "", 200)
	}
	w.now.set(w.now.get().Add(1999 * time.Millisecond))
	admin.do("GET", "/activities", "", 429)
	w.now.set(w.now.get().Add(time.Millisecond))
	admin.do("GET", "/activities", "", 200)
	admin.do("GET", "/activities", "", 429)
	w.now.set(w.now.get().Add(time.Minute))
	refused := admin.logs("?outcome=REFUSED&limit=1")[0]
	require.Equal(t, []any{"rate_limit/exceeded", "admin"}, []any{refused["code"], refused["userId"]})
}

// What is known of callers is bounded: who comes after very many others begins anew.
func TestLimitsForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	w.limited(httpapi.Limits{Caller: httpapi.Limit{PerSecond: 0.001, Burst: 1}})
	c := w.as("admin", httpapi.Dashboard)
	c.do("GET", "/activities", "", 200)
	c.do("GET", "/activities", "", 429)
	for i := range 10_000 {
		require.Equal(t, 403, w.as(fmt.Sprintf("u%d", i), "shop").withBase(httpapi.Dashboard).send("GET", "/activities", "").Code)
	}
	c.do("GET", "/activities", "", 200)
}

// withBase returns a client of another context than its token's.
func (c client) withBase(of httpapi.Context) client {
	c.base = of.Base()
	return c
}
