package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store/memory"
)

// Whatever is sent, the answer is one that the document lists, and what is refused is a problem and none of the server's.
func TestAnyRequestIsAnswered(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		if strings.HasSuffix(t.Name(), "/memory") {
			made := 0
			rapid.Check(t, func(rt *rapid.T) { made += anyRequestInMemory(rt) })
			t.Log(made, "requests")
			return
		}
		w.furnish()
		rapid.Check(t, func(rt *rapid.T) {
			now := *w // a database is made once: what the checks before have left is there
			now.tester = rt
			anyRequest(rt, &now, 10)
		})
	})
}

func FuzzRequests(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(rt *rapid.T) { anyRequestInMemory(rt) }))
}

func anyRequestInMemory(rt *rapid.T) int {
	w := newWorld(rt, memory.New())
	w.furnish()
	return anyRequest(rt, w, 60)
}

// anyRequest makes up to so many requests, each for any operation, with anything, and returns how many it has made.
func anyRequest(rt *rapid.T, w *world, most int) int {
	w.careless = true
	all := fixtures()
	operations := w.handler.Operations()
	n := rapid.IntRange(1, most).Draw(rt, "requests")
	for range n {
		o := rapid.SampledFrom(operations).Draw(rt, "operation")
		user := string(rapid.SampledFrom(append(slices.Repeat(roles[:1], 8), roles...)).Draw(rt, "role"))
		f := all[name(&o)].of(w, user)
		d := drawer{rt, documentOf(w, o.Context)}
		c := w.as(user, o.Context)
		d.headers(c.header)
		for i := range f.path {
			f.path[i] = url.PathEscape(d.text(f.path[i]))
		}
		f.query = d.query(&o)
		answer := c.send(o.Method, f.url(&o), d.body(&o, f.body))
		require.Less(rt, answer.Code, http.StatusInternalServerError, "%s: %s", name(&o), answer.Body)
		require.Empty(rt, w.errors.String(), "nobody was told of it")
	}
	return n
}

// documentOf returns the document of a context.
func documentOf(w *world, c httpapi.Context) map[string]any {
	w.Helper()
	contracts.Lock()
	defer contracts.Unlock()
	of, err := contractOf(w.handler, c)
	require.NoError(w, err)
	return of.tree
}

// A drawer draws what clients may send, and what they may not.
type drawer struct {
	*rapid.T

	doc map[string]any
}

// odd are texts that are none of what is asked for, mostly.
var odd = []string{
	"", " ", "null", "kept", "one", "ada", "owner", "nobody", "made", "-1", "0", "1", "101", "9223372036854775808", "true", "2026-03-02T09:00:00.000Z", "2026-02-30",
	"a/b", "..", "%", "\x00", "\xff", "é", "🙂", "' or 1=1 --", "<b>", "a b", strings.Repeat("x", 300), `{"var": "user"}`, "en", "zh-TW", "Europe/Rome", "updatedAt", "desc",
	"MA", "eyJhIjoxfQ", strings.Repeat("A", 5000),
}

// text draws a text: mostly the one that is meant.
func (d *drawer) text(meant string) string {
	if rapid.IntRange(0, 7).Draw(d.T, "meant") > 0 {
		return meant
	}
	return rapid.OneOf(rapid.SampledFrom(odd[3:]), rapid.StringN(1, 20, -1)).Draw(d.T, "text")
}

func (d *drawer) headers(h http.Header) {
	for _, name := range []string{"If-Match", "If-None-Match", "X-User-Id", "X-External-User-Id", "Idempotency-Key", "X-Idempotency-Key"} {
		if rapid.IntRange(0, 19).Draw(d.T, name) == 0 {
			h[http.CanonicalHeaderKey(name)] = []string{rapid.SampledFrom(append([]string{"*", `"x"`, `W/"a", "b"`}, odd...)).Draw(d.T, "header")}
		}
	}
}

// query draws parameters that the operation has, and others.
func (d *drawer) query(o *httpapi.Operation) string {
	values := url.Values{}
	for _, p := range d.operation(o)["parameters"].([]any) {
		p := p.(map[string]any)
		if p["in"] != "query" || rapid.IntRange(0, 7).Draw(d.T, "absent") > 0 {
			continue
		}
		name, schema := p["name"].(string), p["schema"].(map[string]any)
		if items, is := schema["items"].(map[string]any); is {
			schema = items
		}
		meant := rapid.SampledFrom(odd).Draw(d.T, name)
		if allowed, is := schema["enum"].([]any); is {
			meant = rapid.SampledFrom(allowed).Draw(d.T, name).(string)
		}
		values.Add(name, d.text(meant))
	}
	switch rapid.IntRange(0, 19).Draw(d.T, "query") {
	case 0:
		return "limit=%zz"
	case 1:
		values.Add("unknown", "x")
	}
	return values.Encode()
}

func (d *drawer) operation(o *httpapi.Operation) map[string]any {
	return d.doc["paths"].(map[string]any)[o.Path].(map[string]any)[strings.ToLower(o.Method)].(map[string]any)
}

// body draws the body of a request: that of the fixture or one of the schema, as it is or with something wrong in one place.
func (d *drawer) body(o *httpapi.Operation, fixture string) string {
	request, is := d.operation(o)["requestBody"].(map[string]any)
	if !is {
		return rapid.SampledFrom([]string{"", "{}", "x"}).Draw(d.T, "body")
	}
	schema := request["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
	var value any
	if fixture == "" || rapid.Bool().Draw(d.T, "drawn") {
		value = d.value("", schema, 0)
	} else {
		require.NoError(d, json.Unmarshal([]byte(fixture), &value))
	}
	var places []place
	find(value, func(v any) { value = v }, &places)
	at := rapid.SampledFrom(places).Draw(d.T, "place")
	switch rapid.SampledFrom([]string{"nothing", "nothing", "nothing", "nothing", "absent", "type", "huge", "deep", "more", "half", "bytes"}).Draw(d.T, "wrong") {
	case "absent":
		if m, is := at.value.(map[string]any); is && len(m) > 0 {
			delete(m, rapid.SampledFrom(sorted(m)).Draw(d.T, "member"))
		}
	case "type":
		at.set(rapid.SampledFrom([]any{nil, true, 0, -1, 1e300, 0.0000001, "", "x", []any{}, []any{nil}, map[string]any{}, map[string]any{"a": map[string]any{}}}).Draw(d.T, "value"))
	case "huge":
		at.set(strings.Repeat("y", rapid.SampledFrom([]int{300, 6000, 300_000}).Draw(d.T, "size")))
	case "deep":
		var deep any = "x"
		for range rapid.SampledFrom([]int{40, 2000}).Draw(d.T, "depth") {
			if deep = []any{deep}; rapid.IntRange(0, 20).Draw(d.T, "object") == 0 {
				deep = map[string]any{"if": deep}
			}
		}
		at.set(deep)
	case "more":
		if m, is := at.value.(map[string]any); is {
			m["unknown"] = "x"
		}
	case "half":
		text := marshal(d, value)
		return text[:len(text)/2]
	case "bytes":
		return rapid.SampledFrom([]string{"", " ", "null", "[]", "{}{}", "{", "\xff", "1", `"x"`, "{\"a\":1,\"a\":2}", "\ufeff{}", "{}x"}).Draw(d.T, "bytes")
	}
	return marshal(d, value)
}

func marshal(d *drawer, value any) string {
	text, err := json.Marshal(value)
	require.NoError(d, err)
	return string(text)
}

// A place is a value within another.
type place struct {
	value any
	set   func(any)
}

func find(v any, set func(any), all *[]place) {
	*all = append(*all, place{v, set})
	switch v := v.(type) {
	case map[string]any:
		for _, name := range sorted(v) {
			find(v[name], func(to any) { v[name] = to }, all)
		}
	case []any:
		for i := range v {
			find(v[i], func(to any) { v[i] = to }, all)
		}
	}
}

func sorted(m map[string]any) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// rules are expressions, right and wrong.
var rules = []any{
	true, 1,
	map[string]any{"if": []any{true}},
	map[string]any{"var": "event.value"},
	map[string]any{">": []any{map[string]any{"var": "event.value"}, 1}},
	map[string]any{"no": 1},
	map[string]any{},
	map[string]any{"var": "user.nothing"},
	map[string]any{"/": []any{1, 0}},
	nil, "x",
}

// value draws a value of a schema.
func (d *drawer) value(name string, schema map[string]any, depth int) any {
	if to, is := schema["$ref"].(string); is {
		if strings.HasSuffix(to, "/JsonLogicExpression") {
			return rapid.SampledFrom(rules).Draw(d.T, name)
		}
		return d.value(name, d.doc["components"].(map[string]any)["schemas"].(map[string]any)[to[strings.LastIndex(to, "/")+1:]].(map[string]any), depth+1)
	}
	if either, is := schema["anyOf"].([]any); is {
		return d.value(name, rapid.SampledFrom(either).Draw(d.T, name).(map[string]any), depth)
	}
	if allowed, is := schema["enum"].([]any); is {
		return rapid.SampledFrom(allowed).Draw(d.T, name)
	}
	kind, _ := schema["type"].(string)
	if several, is := schema["type"].([]any); is {
		kind = rapid.SampledFrom(several).Draw(d.T, name).(string)
	}
	switch kind {
	case "null":
		return nil
	case "boolean":
		return rapid.Bool().Draw(d.T, name)
	case "integer":
		return rapid.SampledFrom([]int{0, 1, 2, 3, 25, -1, 1 << 40}).Draw(d.T, name)
	case "number":
		return rapid.SampledFrom([]float64{0, 1, 2.5, -1, 1e-7, 1e13, 1e30}).Draw(d.T, name)
	case "array":
		values := []any{}
		for range rapid.SampledFrom([]int{1, 1, 0, 2, 30}).Draw(d.T, name) {
			if depth > 8 {
				break
			}
			values = append(values, d.value(name, schema["items"].(map[string]any), depth+1))
		}
		return values
	case "object":
		return d.object(schema, depth)
	case "string":
		return d.string(name, schema)
	}
	return rapid.SampledFrom([]any{nil, 1, "x", []any{}, map[string]any{}}).Draw(d.T, name)
}

func (d *drawer) object(schema map[string]any, depth int) any {
	made := map[string]any{}
	required, _ := schema["required"].([]any)
	if properties, is := schema["properties"].(map[string]any); is {
		for _, name := range sorted(properties) {
			if slices.Contains(required, any(name)) || depth < 8 && rapid.IntRange(0, 2).Draw(d.T, "given") == 0 {
				made[name] = d.value(name, properties[name].(map[string]any), depth+1)
			}
		}
	}
	return made
}

// string draws a text of a schema; a name tells what it is about.
func (d *drawer) string(name string, schema map[string]any) string {
	switch {
	case schema["format"] == "date-time":
		return rapid.SampledFrom([]string{"2026-01-01T00:00:00.000Z", "2026-03-02T09:00:00Z", "2030-12-31T23:59:59.999+02:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}).Draw(d.T, name)
	case schema["format"] == "date":
		return rapid.SampledFrom([]string{"2026-03-02", "2024-02-29", "0001-01-01"}).Draw(d.T, name)
	case strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "Pool"):
		return rapid.SampledFrom([]string{"kept", "one", "two", "ada", "owner", "made", "nobody"}).Draw(d.T, name)
	case strings.HasSuffix(strings.ToLower(name), "lang"):
		return rapid.SampledFrom([]string{"en", "it", "zh-TW", "xx", "english"}).Draw(d.T, name)
	case strings.HasSuffix(strings.ToLower(name), "timezone"):
		return rapid.SampledFrom([]string{"UTC", "Europe/Rome", "Mars/Olympus"}).Draw(d.T, name)
	}
	return rapid.OneOf(rapid.SampledFrom([]string{"Name", "Activity", "Quiz", "Tag", "https://example.com/a.png", "0 9 * * 1"}), rapid.SampledFrom(odd)).Draw(d.T, name)
}

// A body that is too large is refused, whatever it is for.
func TestLargeBodiesAreRefused(t *testing.T) {
	w := newWorld(t, memory.New())
	w.furnish()
	before := w.dump("default")
	everyOperation(w, "owner", func(o *httpapi.Operation, f *fixture) {
		if f.body == "" {
			return
		}
		c := w.as("owner", o.Context)
		answer := c.stream(o.Method, f.url(o), io.MultiReader(strings.NewReader(`{"x": "`), endless{}))
		require.Equal(t, http.StatusRequestEntityTooLarge, answer.Code, "%s: %s", name(o), answer.Body)
		c.conforms(o.Method, f.url(o), "", answer)
	})
	require.Equal(t, before, w.dump("default"))
}

// endless is a text that has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// stream makes a request with a body that comes as it is read.
func (c client) stream(method, path string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(c.Context(), method, c.base+path, body)
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer := httptest.NewRecorder()
	c.handler.ServeHTTP(answer, r)
	return answer
}

// A body of which half has come holds up nobody, and changes nothing.
func TestAHalfSentBodyHoldsUpNobody(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.furnish()
		c := w.as("owner", httpapi.Dashboard)
		body, half := io.Pipe()
		answers := make(chan *httptest.ResponseRecorder)
		go func() { answers <- c.stream("POST", "/activities", body) }()
		_, err := half.Write([]byte(`{"activityId": "half", "name": `))
		require.NoError(t, err)
		c.do("POST", "/activities", `{"activityId": "whole", "name": "Whole", `+labels+`}`, 201)
		require.NoError(t, half.CloseWithError(io.ErrUnexpectedEOF))
		require.Equal(t, 400, (<-answers).Code)
		c.do("GET", "/activities/half", "", 404)
	})
}
