// Package httpapi serves the engine over net/http: the App API for those who play, the Dashboard API for those who write the rules, as a
// client of the reference API expects them.
//
//	handler, err := httpapi.New(engine, &httpapi.Options{Authenticate: authenticate})
//	http.ListenAndServe("127.0.0.1:8080", handler)
//
// It is thin: an operation is one declaration ([Operation]) and a few lines around one call of a service. It never listens, starts nothing,
// and holds nothing that the store does not know. Compression, TLS, CORS and time limits are the host's.
//
// # Who calls
//
// The host says who calls ([Options].Authenticate). The workspace is the caller's alone: no request can name another one. What the caller
// may do is what the role of the user's own record allows, now.
//
// # Answers
//
// Lists are {"items": […], "nextToken": "…"}. Moments are RFC 3339 in UTC with milliseconds, amounts are numbers, what is empty is absent. What is
// refused is a [Problem], as application/problem+json, and has changed nothing.
package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Context is a part of the API.
type Context string

// The contexts. Their paths begin with /app/v1 and /dashboard/v1.
const (
	App       Context = "app"
	Dashboard Context = "dashboard"
)

// Base returns what the paths of the context begin with.
func (c Context) Base() string { return "/" + string(c) + "/v1" }

// A Platform is where a caller is.
type Platform string

// The platforms. A Machine acts for the user whom the header x-user-id or x-external-user-id names.
const (
	Web     Platform = "web"
	Mobile  Platform = "mobile"
	Machine Platform = "m2m"
)

// A Caller is who makes a request.
type Caller struct {
	// Account and Workspace say where the caller is.
	Account, Workspace string
	// UserID is the caller's user in the workspace; that of a [Machine] is who acts where a request names nobody.
	UserID string
	// Context is the part of the API that the caller may use.
	Context  Context
	Platform Platform
	// Lang and Zone are what the caller wants content and days in; "" is what the user's record says.
	Lang, Zone string
}

// Options are the choices of [New].
type Options struct {
	// Authenticate says who makes a request. An error refuses it: as the [Problem] that it is, or as 401. It is called concurrently. Nil
	// refuses every request.
	Authenticate func(*http.Request) (Caller, error)
	// Contexts are those that are served; nil means all.
	Contexts []Context
	// Region is what answers call sourceRegion; "" means eu-west-1.
	Region string
	// Log takes errors that no caller is told of; nil means that of the engine.
	Log *slog.Logger
}

// A Handler serves an engine. It may be used concurrently.
type Handler struct {
	engine       *guerdon.Engine
	authenticate func(*http.Request) (Caller, error)
	contexts     []Context
	region       string
	log          *slog.Logger
	forms        *forms
	routes       *routes
	operations   []*operation
	problems     *form
}

// New returns what serves an engine. It returns [fault.ErrInvalid] that names what is missing or unknown.
func New(eng *guerdon.Engine, opts *Options) (*Handler, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if eng == nil {
		return nil, fault.Invalid("engine", "is nil")
	}
	h := &Handler{
		engine: eng, authenticate: o.Authenticate, contexts: o.Contexts, region: o.Region, log: o.Log,
		forms: &forms{map[reflect.Type]*form{}, map[reflect.Type]shape{}}, routes: &routes{},
	}
	h.problems = h.forms.of(reflect.TypeFor[Problem]())
	if h.contexts == nil {
		h.contexts = []Context{App, Dashboard}
	}
	if h.region == "" {
		h.region = "eu-west-1"
	}
	if h.log == nil {
		h.log = eng.Log()
	}
	if h.authenticate == nil {
		h.authenticate = func(*http.Request) (Caller, error) { return Caller{}, errors.New("nobody is known") }
	}
	declared := declarations(h.forms)
	for _, c := range h.contexts {
		operations, known := declared[c]
		if !known {
			return nil, fault.Invalid("contexts", "%q is none of app, dashboard", c)
		}
		for _, op := range operations {
			op.Context = c
			if op.out != nil {
				op.form = h.forms.of(op.out)
			}
			h.routes.add(c.Base()+op.Path, op)
			h.operations = append(h.operations, op)
		}
	}
	return h, nil
}

// Operations returns what is served, in the order of the contexts, and in each as it is declared.
func (h *Handler) Operations() []Operation {
	all := make([]Operation, len(h.operations))
	for i, o := range h.operations {
		all[i] = o.Operation
	}
	return all
}

// call is a request on its way.
type call struct {
	*Handler

	op     *operation
	r      *http.Request
	w      http.ResponseWriter
	caller Caller
	ws     *guerdon.Workspace
	user   *tenancy.User // who acts
	status int           // of success, unless it is 0
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := h.engine.NewID()
	w.Header().Set("X-Request-Id", id)
	defer func() {
		if crash := recover(); crash != nil {
			h.log.ErrorContext(r.Context(), "guerdon: a request crashed", "request", id, "path", r.URL.Path, "panic", crash, "stack", string(debug.Stack()))
			h.refuse(w, r, id, problem(http.StatusInternalServerError, CodeInternal, "something went wrong"))
		}
	}()
	at, values := h.routes.find(r.URL.EscapedPath())
	if at == nil {
		h.refuse(w, r, id, problem(http.StatusNotFound, CodeNotFound, "there is nothing here"))
		return
	}
	end := at.methods[r.Method]
	if end == nil {
		w.Header().Set("Allow", at.allowed())
		h.refuse(w, r, id, problem(http.StatusMethodNotAllowed, CodeOperation, "%s is none of %s", r.Method, at.allowed()))
		return
	}
	path := make(map[string]string, len(values))
	for i, name := range end.names {
		path[name] = values[i]
	}
	c := &call{Handler: h, op: end.operation, r: r, w: w}
	if err := c.handle(path); err != nil {
		p := end.problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			h.log.ErrorContext(r.Context(), "guerdon: a request failed", "request", id, "path", r.URL.Path, "error", err)
		}
		h.refuse(w, r, id, p)
	}
}

// handle does what is asked for, or says why not.
func (c *call) handle(path map[string]string) error {
	ctx := c.r.Context()
	if err := c.enter(ctx); err != nil {
		return err
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, c.op.limit)
	in, err := c.op.read(c.r, path)
	if err != nil {
		return err
	}
	var out any
	if c.op.reads() {
		err = c.ws.View(ctx, func(ctx context.Context, ws *guerdon.Workspace) (err error) {
			c.ws = ws
			out, err = c.op.serve(ctx, c, in)
			return err
		})
	} else {
		out, err = c.op.serve(ctx, c, in)
	}
	if err != nil {
		return err
	}
	c.answer(out)
	return nil
}

// enter finds out who calls, and whether that one may.
func (c *call) enter(ctx context.Context) (err error) {
	if c.caller, err = c.authenticate(c.r); err != nil {
		if p, is := errors.AsType[*Problem](err); is {
			return p
		}
		c.w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		return problem(http.StatusUnauthorized, CodeInvalidToken, "the token is missing, or not valid")
	}
	if c.caller.Context != c.op.Context {
		return problem(http.StatusForbidden, CodeForbidden, "the token is not for this context")
	}
	c.ws, err = c.engine.Workspace(ctx, store.Scope{Account: c.caller.Account, Workspace: c.caller.Workspace})
	if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrInvalid) {
		return problem(http.StatusForbidden, CodeForbidden, "the token is for no workspace that there is")
	}
	if err != nil {
		return err
	}
	if c.user, err = c.acting(ctx); err != nil {
		return err
	}
	if c.user.Status != tenancy.Active {
		return problem(http.StatusForbidden, CodeForbidden, "the user is not active")
	}
	if c.op.Permission != Anyone && !c.user.Can(c.op.Permission) {
		return problem(http.StatusForbidden, CodeForbidden, "the role %s does not allow %s", c.user.Role, c.op.Permission)
	}
	actor := content.Actor{Type: content.ByUser, ID: c.user.ID}
	if c.caller.Platform == Machine {
		actor.Type = content.ByMachine
	}
	c.ws = c.ws.As(actor)
	return nil
}

// acting returns the user who acts: the caller, or the one for whom a machine does.
func (c *call) acting(ctx context.Context) (*tenancy.User, error) {
	id, external := c.caller.UserID, ""
	if c.caller.Platform == Machine {
		if named := c.r.Header.Get("X-User-Id"); named != "" {
			id = named
		}
		if external = c.r.Header.Get("X-External-User-Id"); external != "" && c.r.Header.Get("X-User-Id") != "" {
			return nil, fault.Invalid("x-external-user-id", "cannot be beside x-user-id")
		}
	}
	find := c.ws.Users.Get
	if external != "" {
		find, id = c.ws.Users.ByExternalID, external
	}
	u, err := find(ctx, id)
	if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrInvalid) {
		return nil, problem(http.StatusForbidden, CodeForbidden, "the token is for no user that there is")
	}
	return &u, err
}

// lang returns the language in which the caller wants content; "" is the document's own.
func (c *call) lang() string {
	if c.caller.Lang != "" {
		return c.caller.Lang
	}
	return c.user.Lang
}

// answer writes what an operation returned.
func (c *call) answer(out any) {
	status := c.op.codes[0]
	if c.status != 0 {
		status = c.status
	}
	if c.op.form == nil || status == http.StatusNoContent {
		c.w.WriteHeader(status)
		return
	}
	body := append(c.op.form.write(make([]byte, 0, 2048), reflect.ValueOf(out)), '\n')
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "private, no-cache")
	if c.r.Method == http.MethodGet {
		tag := etagOf(out, body)
		h.Set("Etag", tag)
		if matches(c.r.Header.Get("If-None-Match"), tag) {
			c.w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // whoever has gone is told nothing
}

// etagOf returns the entity tag of an answer: what it is of if that has editions, and a sum of its bytes.
func etagOf(out any, body []byte) string {
	sum := sha256.Sum256(body)
	tag := base64.RawURLEncoding.EncodeToString(sum[:12])
	if of, is := out.(interface{ edition() string }); is {
		tag = of.edition() + "." + tag
	}
	return `"` + tag + `"`
}

// matches tells whether a condition lists an entity tag.
func matches(condition, tag string) bool {
	return lists(condition, func(one string) bool { return one == tag })
}

// lists tells whether a condition lists a tag of a sort, or any.
func lists(condition string, is func(tag string) bool) bool {
	return condition == "*" || slices.ContainsFunc(strings.Split(condition, ","), func(one string) bool {
		return is(strings.TrimPrefix(strings.TrimSpace(one), "W/"))
	})
}

// refuse answers with a problem.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, id string, p *Problem) {
	out := *p
	out.Type, out.Title = "about:blank", http.StatusText(p.Status)
	out.RequestID, out.Path, out.Timestamp = id, r.URL.Path, h.engine.Now().Truncate(time.Millisecond)
	if out.Details == nil {
		out.Details = []Detail{}
	}
	body := h.problems.write(nil, reflect.ValueOf(out))
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(max(1, p.RetryAfter.Round(time.Second).Seconds()))))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}
