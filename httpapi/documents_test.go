package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
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
		w.now.set(w.now.get().Add(1))
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

// Who has seen another state of a document than there is changes nothing, and is told which fields differ.
func TestWhatHasChangedMeanwhile(t *testing.T) {
	const body = `{"name": "%s", "defaultLang": "en", "translations": [{"lang": "en", "label": "%s"}]}`
	type act func(c client, id string)
	put := func(name, label string) act {
		return func(c client, id string) {
			c.Helper()
			c.do("PUT", "/activities/"+id, fmt.Sprintf(body, name, label), 200)
		}
	}
	publish := func(c client, id string) {
		c.Helper()
		c.do("POST", "/activities/"+id+"/publish", "", 200)
	}
	declare := func(c client, id string) {
		c.Helper()
		a, err := c.ws.Activities.Get(c.Context(), id)
		require.NoError(c, err)
		a.AdditionalData = []content.DataField{{Name: "minutes", Type: content.NumberData}}
		_, err = c.ws.Activities.Update(c.Context(), a)
		require.NoError(c, err)
	}
	both := func(acts ...act) act {
		return func(c client, id string) {
			c.Helper()
			for _, do := range acts {
				do(c, id)
			}
		}
	}
	nothing := both()
	eachStore(t, func(t *testing.T, w *world) {
		n := 0
		for name, tt := range map[string]struct {
			before, meanwhile act
			condition         string   // TAG is the tag that was read
			fields            []string // of the problem; nil if there is none
		}{
			"nothing":                             {nothing, nothing, "TAG", nil},
			"nothing, of what is published":       {publish, nothing, "TAG", nil},
			"another draft":                       {nothing, put("Jog", "Run"), "TAG", []string{"name", "translations"}},
			"another draft of what is published":  {publish, put("Jog", "Run"), "TAG", []string{"name"}},
			"another version":                     {publish, both(put("Jog", "Run"), publish), "TAG", []string{"name"}},
			"what is not on the wire":             {publish, declare, "TAG", []string{}},
			"the same draft":                      {nothing, put("Run", "Corri"), "TAG", []string{}},
			"a draft that is published":           {nothing, publish, "TAG", []string{}},
			"who does not say":                    {publish, put("Jog", "Run"), "", nil},
			"who has seen anything":               {publish, put("Jog", "Run"), "*", nil},
			"a tag among others":                  {publish, nothing, `"x", TAG`, nil},
			"a tag behind another that is no tag": {publish, put("Jog", "Run"), `"?", TAG`, []string{}},
			"a weak tag":                          {publish, put("Jog", "Run"), "W/TAG", []string{"name"}},
			"a tag of long ago":                   {nothing, nothing, `"0.0"`, []string{"translations"}},
			"a tag of no version":                 {publish, nothing, `"0-9.0"`, []string{"translations"}},
			"no tag":                              {publish, nothing, `"-"`, []string{}},
		} {
			c := w.as("admin", httpapi.Dashboard)
			n++
			id := fmt.Sprint("run-", n)
			one := "/activities/" + id
			c.do("POST", "/activities", fmt.Sprintf(`{"activityId": "%s", `, id)+fmt.Sprintf(body, "Run", "Run")[1:], 201)
			tt.before(c, id)
			tag := c.send("GET", one, "").Header().Get("Etag")
			tt.meanwhile(c, id)
			before := c.do("GET", one, "", 200)
			if tt.condition != "" {
				c.header.Set("If-Match", strings.ReplaceAll(tt.condition, "TAG", tag))
			}
			if tt.fields == nil {
				c.do("PUT", one, fmt.Sprintf(body, "Run", "Corri"), 200)
				c.header.Set("If-Match", c.send("GET", one, "").Header().Get("Etag"))
				c.do("POST", one+"/publish", "", 200)
				continue
			}
			c.do("POST", one+"/publish", "", 412)
			refused := c.do("PUT", one, fmt.Sprintf(body, "Run", "Corri"), 412)
			require.Equal(t, httpapi.CodePrecondition, refused["code"], name)
			fields := []string{}
			for _, d := range refused["details"].([]any) {
				fields = append(fields, d.(map[string]any)["field"].(string))
			}
			require.Equal(t, tt.fields, fields, name)
			require.Equal(t, before, c.do("GET", one, "", 200), name)
		}
	})
}
