package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// same makes a request and requires a status and a whole body, but for members that hold made ids.
func (c client) same(method, path, body string, status int, want string, made ...string) map[string]any {
	c.Helper()
	got := c.do(method, path, body, status)
	shown := got
	for _, name := range made {
		require.NotEmpty(c, got[name], name)
		shown = without(shown, name)
	}
	data, err := json.Marshal(shown)
	require.NoError(c, err)
	require.JSONEq(c, want, string(data), "%s %s", method, path)
	return got
}

// without returns an object without a member.
func without(object map[string]any, name string) map[string]any {
	all := map[string]any{}
	for key, v := range object {
		if key != name {
			all[key] = v
		}
	}
	return all
}

// whole is what every row of the Dashboard says besides; in a test whose clock stands still.
const whole = `"accountId": "acme", "workspaceId": "default", "sourceRegion": "eu-west-1", "createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:00.000Z"`

// items returns the rows of a list.
func items(list map[string]any) []map[string]any {
	all := []map[string]any{}
	for _, row := range list["items"].([]any) {
		all = append(all, row.(map[string]any))
	}
	return all
}

// refusedField returns the field that a problem names first.
func refusedField(t testing.TB, problem map[string]any) string {
	t.Helper()
	details := problem["details"].([]any)
	require.NotEmpty(t, details, "%v", problem)
	return details[0].(map[string]any)["field"].(string)
}

// Every operation of the Dashboard refuses who is nobody, who comes for the other context, and whose role does not allow it, before
// it looks at anything else.
func TestWhoMayDoWhatInTheDashboard(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		nobody := client{w, "", httpapi.Dashboard.Base(), http.Header{}}
		player := w.as("owner", httpapi.App)
		player.base = httpapi.Dashboard.Base()
		n := 0
		for _, o := range w.handler.Operations() {
			if o.Context != httpapi.Dashboard {
				continue
			}
			n++
			path := parameter.ReplaceAllString(o.Path, "nothing")
			require.Equal(t, "auth/invalid_token", nobody.do(o.Method, path, "{}", 401)["code"], "%+v", o)
			require.Equal(t, "auth/insufficient_permissions", player.do(o.Method, path, "{}", 403)["code"], "%+v", o)
			for _, role := range []tenancy.Role{tenancy.Owner, tenancy.Admin, tenancy.Manager, tenancy.Member, tenancy.Viewer} {
				if o.Permission == httpapi.Anyone || tenancy.Can(role, o.Permission) {
					continue
				}
				refused := w.as(string(role), httpapi.Dashboard).do(o.Method, path, "{}", 403)
				require.Equal(t, "auth/insufficient_permissions", refused["code"], "%+v", o)
			}
		}
		require.Greater(t, n, 220)
	})
}

// What there is not is 404 for every operation that names one thing in its path.
func TestWhatIsNotThere(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("owner", httpapi.Dashboard)
		body := `{"reason": "it was not so", "event": {"entityId": "run", "userId": "owner"}, "assignments": [{"tagId": "nothing"}], "priority": 1, "translations": [], "branding": {}, "layout": {}, "theme": {}, "languages": {}, "features": {}, "networking": {},
			"query": {"from": {"sources": [{"table": "activity_logs", "alias": "a"}]}, "select": {"fields": [{"source": "a.userId"}], "expressions": [{"name": "score", "expression": {"count": []}}]}}}`
		for _, o := range w.handler.Operations() {
			if o.Context != httpapi.Dashboard || !strings.Contains(o.Path, "{") {
				continue
			}
			path := parameter.ReplaceAllString(o.Path, "nothing") + "?userId=owner&catalogWorkspaceId=other&entityId=owner"
			want := http.StatusNotFound
			if strings.HasSuffix(o.Path, "/clone") {
				want = http.StatusForbidden // the workspace has no catalogs
			}
			if o.Method == http.MethodGet && catalogued(o.Path) {
				want = http.StatusForbidden
			}
			require.Equal(t, want, c.send(o.Method, path, body).Code, "%s %s", o.Method, o.Path)
		}
	})
}

// catalogued tells whether an operation gets one document which may be a catalog's.
func catalogued(path string) bool {
	return slices.Contains([]string{"/quizzes/{quizId}", "/slides/{slideId}", "/learning-groups/{learningGroupId}", "/learning-paths/{learningPathId}"}, path)
}

// object reads a JSON object.
func object(t testing.TB, source string) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(source), &v), source)
	return v
}

// label is a name in English.
func label(name string) content.Label { return content.Label{Lang: "en", Label: name} }

func openMemory() store.Store { return memory.New() }
