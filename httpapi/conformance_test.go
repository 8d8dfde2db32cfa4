package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store/memory"
)

// contracts holds the document of each context, so that it is read once: all handlers have the same.
var contracts = struct {
	sync.Mutex

	of map[httpapi.Context]*contract
}{of: map[httpapi.Context]*contract{}}

// A contract is a document that requests and answers are held against.
type contract struct {
	doc   *openapi3.T
	tree  map[string]any // the same as JSON
	paths [][]string
	// answers is the document made so strict that objects have nothing but what it names; requests is as lenient about rules as the API.
	answers, requests *jsonschema.Compiler
	schemas           map[string]*jsonschema.Schema
}

func contractOf(h *httpapi.Handler, c httpapi.Context) (*contract, error) {
	if known := contracts.of[c]; known != nil {
		return known, nil
	}
	text := h.OpenAPI(c)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	made := &contract{doc: doc, schemas: map[string]*jsonschema.Schema{}}
	if err := json.Unmarshal(text, &made.tree); err != nil {
		return nil, err
	}
	for path := range doc.Paths.Map() {
		made.paths = append(made.paths, strings.Split(path, "/"))
	}
	strict, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	restrict(strict)
	if made.answers, err = compiler(strict); err != nil {
		return nil, err
	}
	lenient, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	lenient.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)["JsonLogicExpression"] = true
	if made.requests, err = compiler(lenient); err != nil {
		return nil, err
	}
	contracts.of[c] = made
	return made, nil
}

func compiler(doc any) (*jsonschema.Compiler, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	return c, c.AddResource("mem:///openapi.json", doc)
}

// restrict makes the objects in a document have nothing but what they name.
func restrict(node any) {
	switch node := node.(type) {
	case map[string]any:
		_, named := node["properties"]
		if _, more := node["additionalProperties"]; named && !more && node["type"] == "object" {
			node["additionalProperties"] = false
		}
		for _, v := range node {
			restrict(v)
		}
	case []any:
		for _, v := range node {
			restrict(v)
		}
	}
}

// find returns the operation that a request is for, and its path in the document; nil if there is none.
func (c *contract) find(method, path string) (*openapi3.Operation, string) {
	segments := strings.Split(path, "/")
	var best []string
	for _, p := range c.paths {
		fits := len(p) == len(segments)
		for i := 0; fits && i < len(p); i++ {
			fits = p[i] == segments[i] || strings.HasPrefix(p[i], "{") && segments[i] != ""
		}
		// Where several fit, the first word before a parameter decides.
		if fits && (best == nil || slices.CompareFunc(p, best, func(a, b string) int {
			return strings.Count(a, "{") - strings.Count(b, "{")
		}) < 0) {
			best = p
		}
	}
	if best == nil {
		return nil, ""
	}
	name := strings.Join(best, "/")
	return c.doc.Paths.Value(name).GetOperation(method), name
}

// holds tells why a text is not as a schema of the document says.
func (c *contract) holds(in *jsonschema.Compiler, pointer, text string) error {
	key := pointer
	if in == c.requests {
		key = "request " + key
	}
	schema := c.schemas[key]
	if schema == nil {
		var err error
		if schema, err = in.Compile("mem:///openapi.json#" + pointer); err != nil {
			return err
		}
		c.schemas[key] = schema
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// conforms requires that the document allows an answer, and the request that was met.
func (c client) conforms(method, path, body string, answer *httptest.ResponseRecorder) {
	c.Helper()
	contracts.Lock()
	defer contracts.Unlock()
	of, err := contractOf(c.handler, httpapi.Context(strings.Split(c.base, "/")[1]))
	require.NoError(c, err)
	path, _, _ = strings.Cut(path, "?")
	op, name := of.find(method, path)
	require.NotEmpty(c, answer.Header().Get("X-Request-Id"), "%s %s", method, path)
	text := answer.Body.String()
	kind, schema := "application/problem+json", "/components/schemas/Problem"
	if op != nil {
		response := op.Responses.Value(strconv.Itoa(answer.Code))
		require.NotNil(c, response, "%s %s answers %d, which the document does not list: %s", method, name, answer.Code, text)
		at := "/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name) + "/" + strings.ToLower(method)
		switch {
		case response.Value.Content == nil:
			require.Empty(c, text, "%s %s", method, name)
			kind = ""
		case response.Value.Content["application/json"] != nil:
			kind, schema = "application/json", at+"/responses/"+strconv.Itoa(answer.Code)+"/content/application~1json/schema"
		case response.Value.Content["text/event-stream"] != nil:
			require.Equal(c, "text/event-stream", answer.Header().Get("Content-Type"))
			for _, e := range told(text) {
				require.NoError(c, of.holds(of.answers, at+"/responses/200/content/text~1event-stream/schema", e.data), "%s %s: %s", method, path, e.data)
			}
			return
		}
		if op.RequestBody != nil && (body != "" || op.RequestBody.Value.Required) && answer.Code < http.StatusMultipleChoices && !c.careless {
			require.NoError(c, of.holds(of.requests, at+"/requestBody/content/application~1json/schema", body), "%s %s takes %s", method, name, body)
		}
	}
	require.Equal(c, kind, answer.Header().Get("Content-Type"), "%s %s: %s", method, path, text)
	if kind == "" {
		return
	}
	require.NoError(c, of.holds(of.answers, schema, text), "%s %s: %s", method, path, text)
	if kind == "application/problem+json" {
		var problem struct{ Status int }
		require.NoError(c, json.Unmarshal([]byte(text), &problem))
		require.Equal(c, answer.Code, problem.Status)
	}
}

// The tests would notice an answer that is not as the document says.
func TestTheContractCanBeBroken(t *testing.T) {
	w := newWorld(t, memory.New())
	contracts.Lock()
	defer contracts.Unlock()
	of, err := contractOf(w.handler, httpapi.Dashboard)
	require.NoError(t, err)
	const row = "/components/schemas/GetActivityTagAssignmentResponse"
	const body = `{"tagId": "t", "entityType": "Activity", "entityId": "a", "activityId": "a", "priority": 1, "accountId": "acme", "workspaceId": "default",
		"sourceRegion": "eu-west-1", "createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:00.000Z"}`
	require.NoError(t, of.holds(of.answers, row, body))
	for was, is := range map[string]string{
		`"tagId": "t", `: ``, `"priority": 1`: `"priority": "1"`, `T09:00:00.000Z"}`: `"}`, `"accountId"`: `"id": 1, "accountId"`, `"entityId": "a"`: `"entityId": null`,
	} {
		require.Error(t, of.holds(of.answers, row, strings.Replace(body, was, is, 1)), is)
	}
	const made = "/components/schemas/CreateActivityRequest"
	require.NoError(t, of.holds(of.requests, made, `{"name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}`))
	require.Error(t, of.holds(of.requests, made, `{"name": "Run", "defaultLang": "en"}`))
	for path, want := range map[string]string{"/activities/x/tags/y": "/activities/{activityId}/tags/{tagId}", "/activities": "/activities", "/activities/x/y/z": ""} {
		_, name := of.find("GET", path)
		require.Equal(t, want, name)
	}
}
