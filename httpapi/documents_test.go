package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
)

// A document is drafted, read, published and changed; what the wire does not know of it stays.
func TestADocumentLives(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		body := `{"activityId": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}`
		made := c.do("POST", "/activities", body, 201)
		require.Equal(t, map[string]any{
			"activityId": "run", "name": "Run", "origin": "CUSTOM", "defaultLang": "en", "langs": []any{"en"}, "stage": "DRAFT",
			"accountId": "acme", "workspaceId": "default", "sourceRegion": "eu-west-1",
			"createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:00.000Z",
		}, made)
		c.do("POST", "/activities", body, 409)
		require.Contains(t, c.do("GET", "/activities/run?fields=translations", "", 200), "translations")
		require.Equal(t, "PUBLISHED", c.do("POST", "/activities/run/publish", "", 200)["stage"])
		require.Equal(t, "PUBLISHED", c.do("POST", "/activities/run/publish", "", 200)["stage"], "a repeat does no harm")

		seen := c.send("GET", "/activities/run?fields=tags", "").Header().Get("Etag")
		c.header.Set("If-None-Match", seen)
		require.Equal(t, http.StatusNotModified, c.send("GET", "/activities/run?fields=tags", "").Code)
		c.header = http.Header{"If-Match": {seen}}
		*w.now = w.now.Add(1)
		require.Equal(t, "DRAFT", c.do("PUT", "/activities/run", `{"activityId": "run", "name": "Running", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}`, 200)["stage"])
	})
}

// What is refused names the fields at fault as the wire does, and changes nothing.
func TestWhatDocumentsAreRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		for _, tt := range []struct {
			body  string
			field string
		}{
			{`{"activityId": "a b", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}`, "activityId"},
			{`{"name": 7, "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}`, "name"},
			{`{"name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": ""}]}`, "translations[0].label"},
			{`{"name": "Run"`, "body"},
			{`[]`, "body"},
			{`null`, "body"},
			{`{}}`, "body"},
			{`{} {}`, "body"},
		} {
			refused := c.do("POST", "/activities", tt.body, 400)
			require.Equal(t, tt.field, refused["details"].([]any)[0].(map[string]any)["field"], "%s: %v", tt.body, refused)
		}
		c.do("PUT", "/activities/walk", `{"name": "Run"}`, 404)
		c.do("GET", "/activities/walk", "", 404)
		c.do("GET", "/activities?limit=0", "", 400)
		c.do("GET", "/activities?fields=nothing", "", 400)
		c.do("GET", "/nothing", "", 404)
		c.do("PATCH", "/activities", "{}", 405)
		require.Empty(t, c.do("GET", "/activities?limit=1000", "", 200)["items"])
	})
}
