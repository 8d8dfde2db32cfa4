package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
)

// OpenAPI returns the document of a context, as OpenAPI 3.1; nil if the context is not served. It is what {base}/openapi.json serves,
// without a token. It must not be modified.
func (h *Handler) OpenAPI(c Context) []byte {
	if made := h.documents[c]; made != nil {
		return made().body
	}
	return nil
}

// openAPI is the document of a context.
type openAPI struct {
	body []byte
	tag  string // of entity
}

// documentAt returns the document that a path leads to, nil if to none.
func (h *Handler) documentAt(path string) *openAPI {
	for _, c := range h.contexts {
		if path == c.Base()+"/openapi.json" {
			return h.documents[c]()
		}
	}
	return nil
}

func (h *Handler) serveDocument(w http.ResponseWriter, r *http.Request, id string, doc *openAPI) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		h.refuse(w, r, id, problem(http.StatusMethodNotAllowed, CodeOperation, "%s is none of GET", r.Method))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, no-cache")
	w.Header().Set("Etag", doc.tag)
	if matches(r.Header.Get("If-None-Match"), doc.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(doc.body)))
	_, _ = w.Write(doc.body) // whoever has gone is told nothing
}

// object is one of JSON.
type object = map[string]any

// describe makes the document of a context from what is declared.
func (h *Handler) describe(c Context) *openAPI {
	d := &description{context: c, words: h.forms.words, examples: readExamples(), forms: h.forms, names: h.forms.names, taken: map[string]reflect.Type{}, types: map[reflect.Type]string{}, schemas: object{}}
	paths, tags := object{}, []string{}
	parameters := maps.Clone(common)
	d.schema(h.problems)
	for _, o := range h.operations {
		if o.Context != c {
			continue
		}
		if o.changes() {
			maps.Copy(parameters, keys)
		}
		if paths[o.Path] == nil {
			paths[o.Path] = object{}
		}
		paths[o.Path].(object)[methods[o.Method]] = d.operation(o)
		if !slices.Contains(tags, o.tag()) {
			tags = append(tags, o.tag())
		}
	}
	slices.Sort(tags)
	groups := []object{}
	for _, tag := range tags {
		groups = append(groups, object{"name": tag})
	}
	title := upper(string(c)) + " API"
	about := map[Context]string{
		App:       "What those who play may do. Content is in the language of the caller.",
		Dashboard: "What those do who write the rules, and who look after users.",
		Portal:    "What those do who look after an account and its workspaces.",
	}[c]
	body, err := json.Marshal(object{
		"openapi":  "3.1.1",
		"info":     object{"title": title, "version": "1", "description": about, "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers":  []object{{"url": c.Base()}},
		"security": []object{{"bearer": []string{}}},
		"tags":     groups,
		"paths":    paths,
		"components": object{
			"securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
			"parameters":      parameters,
			"headers":         headers,
			"responses":       responses(),
			"schemas":         d.schemas,
		},
	})
	if err != nil {
		panic(err) // it is maps, lists and texts
	}
	sum := sha256.Sum256(body)
	return &openAPI{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// methods are those of operations, as documents call them.
var methods = map[string]string{"GET": "get", "PUT": "put", "POST": "post", "PATCH": "patch", "DELETE": "delete"}

// common are the parameters of every operation.
var common = object{
	"UserId": object{
		"name": "x-user-id", "in": "header", "description": "For whom a machine acts. It is ignored with the token of a user.", "schema": object{"type": "string"},
	},
	"ExternalUserId": object{
		"name": "x-external-user-id", "in": "header", "description": "For whom a machine acts, by the id that its host has for the user; not beside x-user-id.",
		"schema": object{"type": "string"},
	},
}

// keys are the parameters of every operation that changes something: the second is another name of the first.
var keys = object{
	"IdempotencyKey": object{
		"name": "x-idempotency-key", "in": "header", "schema": object{"type": "string", "maxLength": maxKey},
		"description": "A name for the request. Sent again within a day it has no other effect, and gets the first answer.",
	},
	"StandardIdempotencyKey": object{
		"name": "idempotency-key", "in": "header", "schema": object{"type": "string", "maxLength": maxKey}, "description": "The same as x-idempotency-key.",
	},
}

// headers are those of answers.
var headers = object{
	"IdempotencyHit": object{"description": "It is true if the answer is that of the same request before.", "schema": object{"type": "string"}},
	"ETag":           object{"description": "The state of what is answered, for If-None-Match and If-Match.", "schema": object{"type": "string"}},
	"RequestId":      object{"description": "The name of the request in logs.", "schema": object{"type": "string"}},
	"RetryAfter":     object{"description": "After how many seconds the request may come again.", "schema": object{"type": "integer"}},
}

// refusals are the answers with a problem.
var refusals = map[int]struct{ name, about string }{
	http.StatusBadRequest:            {"BadRequest", "The request can never succeed as it is; the details name the fields at fault."},
	http.StatusUnauthorized:          {"Unauthorized", "The token is missing, or not valid."},
	http.StatusForbidden:             {"Forbidden", "The token is not for this, or the role does not allow it."},
	http.StatusNotFound:              {"NotFound", "There is no such thing in the workspace, or it is another user's."},
	http.StatusConflict:              {"Conflict", "What is there already, or the present state, forbids it."},
	http.StatusPreconditionFailed:    {"PreconditionFailed", "It has changed since the state that If-Match names."},
	http.StatusRequestEntityTooLarge: {"TooLarge", "The body is too large."},
	http.StatusTooManyRequests:       {"TooManyRequests", "There are too many requests."},
	http.StatusInternalServerError:   {"InternalServerError", "Something went wrong."},
	http.StatusServiceUnavailable:    {"Unavailable", "The request cannot be served at the moment. Nothing has changed."},
}

// responses returns the responses that operations share.
func responses() object {
	all := object{"NotModified": object{"description": "It is what If-None-Match names."}}
	for status, r := range refusals {
		response := object{
			"description": r.about, "headers": object{"X-Request-Id": ref("headers", "RequestId")},
			"content": object{"application/problem+json": object{"schema": ref("schemas", "Problem")}},
		}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			response["headers"].(object)["Retry-After"] = ref("headers", "RetryAfter")
		}
		all[r.name] = response
	}
	return all
}

func ref(section, name string) object { return object{"$ref": "#/components/" + section + "/" + name} }

// statuses returns what the operation may answer with: what is declared, and what any operation like it may.
func (o *operation) statuses() []int {
	all := append(slices.Clone(o.Statuses), http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable)
	if o.Method == http.MethodGet {
		all = append(all, http.StatusNotModified, http.StatusNotFound)
	} else {
		all = append(all, http.StatusConflict)
	}
	if o.body != nil {
		all = append(all, http.StatusRequestEntityTooLarge)
	}
	if slices.ContainsFunc(o.params, func(p param) bool { return p.name == "If-Match" }) {
		all = append(all, http.StatusPreconditionFailed)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// operation returns the description of an operation.
func (d *description) operation(o *operation) object {
	about := "Every active user may."
	if o.Permission != Anyone {
		about = "Needs the permission " + string(o.Permission) + "."
	}
	parameters := []object{}
	for i := range o.params {
		parameters = append(parameters, d.parameter(&o.params[i]))
	}
	shared := slices.Collect(maps.Keys(common))
	if o.changes() {
		shared = slices.AppendSeq(shared, maps.Keys(keys))
	}
	slices.Sort(shared)
	for _, name := range shared {
		parameters = append(parameters, ref("parameters", name))
	}
	responses := object{}
	for _, status := range o.statuses() {
		responses[strconv.Itoa(status)] = d.response(o, status)
	}
	made := object{
		"operationId": o.id(), "summary": o.Summary, "description": about, "tags": []string{o.tag()}, "parameters": parameters, "responses": responses,
	}
	if o.takes != nil {
		content := object{"application/json": withExample(object{"schema": d.body(o)}, d.example(o).Request)}
		if o.lines {
			content["application/x-ndjson"] = object{"schema": object{"type": "string", "description": "One in each line."}}
		}
		made["requestBody"] = object{"required": o.body.Kind() != reflect.Pointer, "content": content}
	}
	return made
}

// example returns that of an operation.
func (d *description) example(o *operation) example {
	return d.examples[string(o.Context)+" "+o.Method+" "+o.Path]
}

func (d *description) parameter(p *param) object {
	schema := object{"type": map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean"}[p.kind]}
	if schema["type"] == "" {
		schema["type"] = "integer"
	}
	if len(p.allowed) > 0 {
		schema["enum"] = p.allowed
	}
	if p.list {
		schema = object{"type": "array", "items": schema}
	}
	made := object{"name": p.name, "in": p.in, "schema": schema}
	if p.in == "path" || p.required {
		made["required"] = true
	}
	if p.in == "path" {
		schema["minLength"] = 1
	}
	if about := d.words.of(p.of).Fields[p.field]; about != "" {
		made["description"] = about
	}
	return made
}

func (d *description) response(o *operation, status int) object {
	switch r, refused := refusals[status]; {
	case refused && o.refused != nil:
		said := d.schema(d.forms.of(reflect.TypeOf(o.refused(&Problem{}))))
		return object{"description": r.about, "content": object{"application/json": object{"schema": said}}}
	case refused:
		return ref("responses", r.name)
	case status == http.StatusNotModified:
		return ref("responses", "NotModified")
	}
	made := object{"description": http.StatusText(status), "headers": object{"X-Request-Id": ref("headers", "RequestId")}}
	if o.follow != nil {
		made["description"] = "Events with data of this form, as server-sent events, as it happens."
		made["content"] = object{eventStream: object{"schema": d.answer(o)}}
		return made
	}
	if o.Method == http.MethodGet {
		made["headers"].(object)["ETag"] = ref("headers", "ETag")
	} else {
		made["headers"].(object)["X-Idempotency-Cache-Hit"] = ref("headers", "IdempotencyHit")
	}
	if o.form != nil && status != http.StatusNoContent {
		made["content"] = object{"application/json": withExample(object{"schema": d.answer(o)}, d.example(o).Answer)}
	}
	return made
}
