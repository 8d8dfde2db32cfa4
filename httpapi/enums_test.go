package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store/memory"
)

// A listed is a member of a body of which the document lists what it may be.
type listed struct {
	name  string
	blank bool // which may be empty
	set   func(any)
}

// listedIn finds the members of which a schema lists what they may be, where a value has them or could have them.
func listedIn(doc, schema map[string]any, name string, value any, set func(any), all *[]listed) {
	if to, is := schema["$ref"].(string); is {
		schema = doc["components"].(map[string]any)["schemas"].(map[string]any)[to[strings.LastIndex(to, "/")+1:]].(map[string]any)
	}
	if either, is := schema["anyOf"].([]any); is {
		var several []listed
		for _, one := range either {
			listedIn(doc, one.(map[string]any), name, value, set, &several)
		}
		if len(several) > 1 && several[0].name == several[1].name { // a text of a list, or the empty one
			several = []listed{{name, several[0].blank || several[1].blank, set}}
		}
		*all = append(*all, several...)
		return
	}
	if values, is := schema["enum"].([]any); is {
		*all = append(*all, listed{name, slices.Contains(values, any("")), set})
		return
	}
	switch value := value.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for _, name := range sorted(properties) {
			listedIn(doc, properties[name].(map[string]any), name, value[name], func(to any) { value[name] = to }, all)
		}
	case []any:
		for i := range value {
			listedIn(doc, schema["items"].(map[string]any), name, value[i], func(to any) { value[i] = to }, all)
		}
	}
}

// Wherever the document lists what a text may be, no other is taken, and none that is empty.
func TestOnlyWhatIsListedIsTaken(t *testing.T) {
	w := newWorld(t, memory.New())
	w.furnish()
	w.careless = true
	refused, blank := 0, 0
	everyOperation(w, "owner", func(o *httpapi.Operation, f *fixture) {
		d := drawer{doc: documentOf(w, o.Context)}
		request, is := d.operation(o)["requestBody"].(map[string]any)
		if !is || f.body == "" {
			return
		}
		schema := request["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
		read := func() (body any, all []listed) {
			require.NoError(t, json.Unmarshal([]byte(f.body), &body))
			listedIn(d.doc, schema, "", body, nil, &all)
			return body, all
		}
		_, all := read()
		for i := range all {
			for _, text := range []string{"", "no such thing"} {
				body, again := read()
				again[i].set(text)
				if text == "" && again[i].blank {
					blank++
					continue
				}
				sent, err := json.Marshal(body)
				require.NoError(t, err)
				answer := w.as("owner", o.Context).send(o.Method, f.url(o), string(sent))
				said := answer.Body.String()
				if strings.HasSuffix(o.Path, "/batch") { // which answers for each line
					require.Contains(t, said, `"refused":1`, "%s takes %s", name(o), sent)
				} else {
					require.Equal(t, http.StatusBadRequest, answer.Code, "%s takes %s", name(o), sent)
				}
				require.Contains(t, said, again[i].name+`"`, "%s: %s", name(o), sent)
				refused++
			}
		}
	})
	require.Greater(t, refused, 150)
	require.Equal(t, 1, blank, "the zone of a user, which a patch clears")
}
