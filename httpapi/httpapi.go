// Package httpapi serves the engine over net/http: the App API for those who play, the Dashboard API for those who write the rules, as a
// client of the reference API expects them, and the Portal API for those who look after an account and its workspaces.
//
//	engine, err := guerdon.New(ctx, store, &guerdon.Options{Tables: httpapi.Tables()})
//	handler, err := httpapi.New(engine, &httpapi.Options{Authenticate: authenticate})
//	http.ListenAndServe("127.0.0.1:8080", handler)
//
// It is thin: an operation is one declaration ([Operation]) and a few lines around one call of a service. It never listens, nothing runs but while a
// request does, and it holds nothing that the store does not know. Compression, TLS, CORS and time limits are the host's.
//
// # Who calls
//
// The host says who calls ([Options].Authenticate): package httpapi/jwtauth does by the tokens of an issuer, [APIKeys] by keys that are made in
// the Portal. The workspace is the caller's alone: in the App and the Dashboard, no request can name another one. What the caller
// may do is what the role of the user's own record allows, now. Who was refused, and what was changed in the Dashboard and the Portal, is
// recorded, for those who manage users to read.
//
// # Once
//
// A request that changes something may carry a key of the caller's choice, in the header Idempotency-Key or x-idempotency-key. Sent again within
// 24 hours it has no other effect and gets the first answer, with the header x-idempotency-cache-hit, also if both come at once and to
// different processes: the answer is kept in the transaction of the effect. The key with another body is 409. An answer that says
// that something went wrong here (5xx) is not kept, nor that the caller may not, and the request runs anew.
//
// # Answers
//
// Lists are {"items": […], "nextToken": "…"}. Moments are RFC 3339 in UTC with milliseconds, amounts are numbers, what is empty is absent. What is
// refused is a [Problem], as application/problem+json, and has changed nothing.
//
// # Live
//
// What happens to a user (/users/me/changes) and on a board (…/rankings/live) is told as it happens, as server-sent events. The id of each is the
// number of an entry of the journal; who comes again with it in the header Last-Event-ID misses nothing. A stream that cannot keep up
// ends, and so does each after [Options].StreamFor: clients come again by themselves.
//
// # The document
//
// /app/v1/openapi.json, and those of the other contexts, describe what is served, as OpenAPI 3.1, to whoever asks ([Handler.OpenAPI]). They
// are made of what the code declares: what is sent is what is described.
package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Context is a part of the API.
type Context string

// The contexts. Their paths begin with /app/v1, /dashboard/v1 and /portal/v1.
const (
	App       Context = "app"
	Dashboard Context = "dashboard"
	Portal    Context = "portal"
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
	// Account and Workspace say where the caller is; the Portal is that of the whole account.
	Account, Workspace string
	// Principal is the identity of the caller in the account, by id. Only the Portal asks for it.
	Principal string
	// UserID is the caller's user in the workspace; that of a [Machine] is who acts where a request names nobody.
	UserID string
	// Context is the part of the API that the caller may use.
	Context  Context
	Platform Platform
	// Role is the most that the caller may do, whatever the role of the user who acts; "" sets no bound.
	Role tenancy.Role
	// Key is the id of the API key that the caller has shown, "" for none.
	Key string
	// Lang and Zone are what the caller wants content and days in; "" is what the user's record says.
	Lang, Zone string
}

// Options are the choices of [New].
type Options struct {
	// Authenticate says who makes a request. An error refuses it: as the [Problem] that it is, or as 401; what is known of the caller for sure
	// may come with it, for the record of who was refused. It is called concurrently. Nil refuses every request.
	Authenticate func(*http.Request) (Caller, error)
	// Contexts are those that are served; nil means all.
	Contexts []Context
	// Region is what answers call sourceRegion; "" means eu-west-1.
	Region string
	// Analytics is what counts what happens in workspaces; nil means that nothing does, and /analytics answers 404. The host lets it follow
	// the journal ([analytics.Analytics.Run]): what is read here is as of the entry that an answer names.
	Analytics *analytics.Analytics
	// Limits are how many requests are served; the zero Limits bound nothing.
	Limits Limits
	// KeepAudit is for how long it is known who was refused and what was changed; 0 means a year.
	KeepAudit time.Duration
	// StreamFor is for how long a stream of what happens is served, at most, before the client has to come again and say who it is: what
	// a caller may see is looked at when a stream begins. 0 means 5 minutes.
	StreamFor time.Duration
	// Tracker is the provider that sees how users get about, for /mobility/motiontag; nil means that there is none.
	Tracker mobility.Provider
	// Issuer returns who gives the badges of a workspace as credentials. It is called concurrently. Nil, of it or of what it returns, means that nobody does, and
	// the credential of a badge answers 404; an issuer that is not valid, or whose subject of a user is not, answers 500.
	Issuer func(*guerdon.Workspace) *badges.Issuer
}

// A Handler serves an engine. It may be used concurrently.
type Handler struct {
	engine       *guerdon.Engine
	authenticate func(*http.Request) (Caller, error)
	contexts     []Context
	region       string
	analytics    *analytics.Analytics
	tracker      mobility.Provider
	issuer       func(*guerdon.Workspace) *badges.Issuer
	zones        timeframe.Zones
	forms        *forms
	routes       *routes
	operations   []*operation
	problems     *form
	documents    map[Context]func() *openAPI
	limits       limiting
	refusals     *buckets
	keepAudit    time.Duration
	streamFor    time.Duration
	feeds        feeds
}

// New returns what serves an engine. It returns [fault.ErrInvalid] that names what is missing or unknown, also if the engine was made without
// [Tables].
func New(eng *guerdon.Engine, opts *Options) (*Handler, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if eng == nil {
		return nil, fault.Invalid("engine", "is nil")
	}
	for _, t := range Tables() {
		if !slices.Contains(eng.HostTables(), t) {
			return nil, fault.Invalid("engine", "lacks the table %q: make it with Options.Tables of httpapi.Tables", t.Name)
		}
	}
	limits, err := o.Limits.limiting()
	if err != nil {
		return nil, err
	}
	if o.KeepAudit < 0 {
		return nil, fault.Invalid("keepAudit", "is %s; it must be 0 or more", o.KeepAudit)
	}
	if o.StreamFor < 0 {
		return nil, fault.Invalid("streamFor", "is %s; it must be 0 or more", o.StreamFor)
	}
	h := &Handler{
		streamFor: cmp.Or(o.StreamFor, streamFor), feeds: feeds{of: map[store.Scope]*feed{}, streams: map[*stream]struct{}{}},
		limits: limits, refusals: newBuckets(refusedLimit), keepAudit: cmp.Or(o.KeepAudit, keepAudit),
		engine: eng, authenticate: o.Authenticate, contexts: o.Contexts, region: o.Region, analytics: o.Analytics, tracker: o.Tracker, issuer: o.Issuer,
		forms:  &forms{map[reflect.Type]*form{}, map[reflect.Type]shape{}, readZones(), readWords(), map[reflect.Type]string{}, map[Context]map[learning.ItemType]reflect.Type{}},
		routes: &routes{}, documents: map[Context]func() *openAPI{},
	}
	h.problems = h.forms.of(reflect.TypeFor[Problem]())
	if h.contexts == nil {
		h.contexts = []Context{App, Dashboard, Portal}
	}
	if h.region == "" {
		h.region = "eu-west-1"
	}
	if h.authenticate == nil {
		h.authenticate = func(*http.Request) (Caller, error) { return Caller{}, errors.New("nobody is known") }
	}
	declared := declarations(h.forms)
	for _, c := range h.contexts {
		operations, known := declared[c]
		if !known {
			return nil, fault.Invalid("contexts", "%q is none of app, dashboard, portal", c)
		}
		for _, op := range operations {
			op.Context, op.usual = c, new(atomic.Int64)
			if op.out != nil {
				op.form = h.forms.of(op.out)
			}
			if op.body != nil && op.takes == nil {
				op.takes = h.forms.of(op.body)
			}
			op.zones = h.forms.zones
			if op.refused != nil {
				h.forms.of(reflect.TypeOf(op.refused(&Problem{})))
			}
			h.routes.add(c.Base()+op.Path, op)
			h.operations = append(h.operations, op)
		}
		h.documents[c] = sync.OnceValue(func() *openAPI { return h.describe(c) })
	}
	for _, op := range h.operations {
		op.made = h.routes.made(op.Context.Base() + op.Path)
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

	id       string             // of the request
	path     map[string]string  // the values of its parameters
	platform tenancy.Platform   // whose calls are part of the operation's transaction
	portal   portal             // of a call of the Portal
	change   change             // what it changed
	shelf    content.MediaScope // of the medium that it is about
	// due assigns what is assigned because the user asks; nil while nothing is. settled says that it has been done.
	due     func(context.Context) error
	settled bool
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := h.engine.NewID()
	w.Header().Set("X-Request-Id", id)
	defer func() {
		if crash := recover(); crash != nil {
			h.failed(r, store.Scope{}, id, fmt.Errorf("httpapi: panic: %v\n%s", crash, debug.Stack()))
			h.refuse(w, r, id, problem(http.StatusInternalServerError, CodeInternal, "something went wrong"))
		}
	}()
	if doc := h.documentAt(r.URL.Path); doc != nil {
		h.serveDocument(w, r, id, doc)
		return
	}
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
	c := &call{Handler: h, op: end.operation, r: r, w: w, id: id, path: path, platform: h.engine.Platform}
	if err := c.handle(); err != nil {
		p := end.problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			h.failed(r, store.Scope{Account: c.caller.Account, Workspace: c.caller.Workspace}, id, err)
		}
		c.noteRefused(p)
		c.refusal(p).send(w)
	}
}

// failed tells the engine of what no caller is told of, where its errors of the background go too.
func (h *Handler) failed(r *http.Request, at store.Scope, id string, err error) {
	h.engine.Failed(r.Context(), at, "request "+id+": "+r.Method+" "+r.URL.Path, err)
}

// handle does what is asked for, or says why not.
func (c *call) handle() error {
	if err := c.known(); err != nil {
		return err
	}
	ctx := c.r.Context()
	var answer *reply
	var err error
	if c.op.Context == Portal { // which reads several scopes
		if err = c.enterPortal(ctx); err == nil {
			answer, err = c.do(ctx)
		}
	} else {
		answer, err = c.enter(ctx)
	}
	if err != nil || answer == nil {
		return err
	}
	answer.send(c.w)
	return nil
}

// do does what an operation does, once it is known who calls; a stream has been answered then.
func (c *call) do(ctx context.Context) (*reply, error) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, c.op.limit)
	var body []byte
	if c.op.changes() {
		var err error
		if body, err = io.ReadAll(c.r.Body); err != nil {
			return nil, malformed(err)
		}
		c.r.Body = io.NopCloser(bytes.NewReader(body))
	}
	in, err := c.op.read(c.r, c.path)
	switch {
	case err != nil:
		return nil, err
	case c.op.follow != nil:
		return nil, c.live(ctx, in)
	case c.op.changes():
		return c.effect(ctx, in, body)
	}
	out, err := c.op.serve(ctx, c, in)
	if err != nil {
		return nil, err
	}
	return c.answer(out), nil
}

// known finds out who calls.
func (c *call) known() (err error) {
	if c.caller, err = c.authenticate(c.r); err != nil {
		p, is := errors.AsType[*Problem](err)
		if !is {
			p = problem(http.StatusUnauthorized, CodeInvalidToken, "the token is missing, or not valid")
		}
		if p.Status == http.StatusUnauthorized {
			c.w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		}
		return p
	}
	if err := c.limited(); err != nil {
		return err
	}
	if c.caller.Context != c.op.Context {
		return problem(http.StatusForbidden, CodeForbidden, "the token is not for this context")
	}
	return nil
}

// enter finds the workspace and the user who acts, whether that one may, and does what the operation does: where that is to read, on the same
// snapshot.
func (c *call) enter(ctx context.Context) (answer *reply, err error) {
	id, external, err := c.acting()
	if err != nil {
		return nil, err
	}
	found := false
	view := func() error {
		return c.engine.View(ctx, store.Scope{Account: c.caller.Account, Workspace: c.caller.Workspace}, func(ctx context.Context, ws *guerdon.Workspace) (err error) {
			found, c.ws = true, ws
			if err = c.admit(ctx, id, external); err == nil && c.op.reads() {
				answer, err = c.do(ctx)
			}
			return err
		}, id)
	}
	err = view()
	if c.due != nil {
		if err = c.due(ctx); err == nil || errors.Is(err, fault.ErrConflict) { // a workspace that is closed
			c.settled = true
			err = view()
		}
	}
	switch {
	case !found && (errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrInvalid)):
		return nil, problem(http.StatusForbidden, CodeForbidden, "the token is for no workspace that there is")
	case err != nil || c.op.reads():
		return answer, err
	}
	c.ws = c.ws.Detached().As(c.actor(c.user.ID))
	return c.do(ctx)
}

// admit finds the user of an id, or of an external one, and whether that one may do what is asked for.
func (c *call) admit(ctx context.Context, id, external string) error {
	find := c.ws.Users.Get
	if external != "" {
		id, find = external, c.ws.Users.ByExternalID
	}
	u, err := find(ctx, id)
	if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrInvalid) {
		return problem(http.StatusForbidden, CodeForbidden, "the token is for no user that there is")
	}
	if err != nil {
		return err
	}
	c.user = &u
	switch {
	case u.Status != tenancy.Active:
		return problem(http.StatusForbidden, CodeForbidden, "the user is not active")
	case c.op.Permission != Anyone && !u.Can(c.op.Permission):
		return problem(http.StatusForbidden, CodeForbidden, "the role %s does not allow %s", u.Role, c.op.Permission)
	case !c.bounded(c.op.Permission):
		return problem(http.StatusForbidden, CodeForbidden, "the key's role %s does not allow %s", c.caller.Role, c.op.Permission)
	}
	return nil
}

// bounded tells whether something is within the role that bounds what the caller may do.
func (c *call) bounded(p tenancy.Permission) bool {
	return c.caller.Role == "" || p == Anyone || tenancy.Can(c.caller.Role, p)
}

// actor returns who acts, by id.
func (c *call) actor(id string) content.Actor {
	if c.caller.Platform == Machine {
		return content.Actor{Type: content.ByMachine, ID: id}
	}
	return content.Actor{Type: content.ByUser, ID: id}
}

// acting returns the id of the user who acts, or the external one: of the caller, or of the one for whom a machine does.
func (c *call) acting() (id, external string, err error) {
	if c.caller.Platform != Machine {
		return c.caller.UserID, "", nil
	}
	id, external = c.r.Header.Get("X-User-Id"), c.r.Header.Get("X-External-User-Id")
	if id != "" && external != "" {
		return "", "", fault.Invalid("x-external-user-id", "cannot be beside x-user-id")
	}
	if id == "" && external == "" {
		id = c.caller.UserID
	}
	return id, external, nil
}

// lang returns the language in which the caller wants content; "" is the document's own.
func (c *call) lang() string {
	if c.caller.Lang != "" {
		return c.caller.Lang
	}
	return c.user.Lang
}

// A reply is an answer that can be sent, and kept.
type reply struct {
	status int
	header map[string]string
	body   []byte
}

func (a *reply) send(w http.ResponseWriter) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.body != nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // whoever has gone is told nothing
}

// maxUsual is the most that is set aside for an answer before it is written.
const maxUsual = 1 << 16

// answer returns the answer that says what an operation returned.
func (c *call) answer(out any) *reply {
	a := &reply{status: c.op.Statuses[0], header: map[string]string{}}
	if c.status != 0 {
		a.status = c.status
	}
	if c.op.form == nil || a.status == http.StatusNoContent {
		return a
	}
	a.body = append(c.op.form.write(make([]byte, 0, min(c.op.usual.Load()+512, maxUsual)), reflect.ValueOf(out)), '\n')
	c.op.usual.Store(int64(len(a.body)))
	a.header["Content-Type"] = "application/json"
	a.header["Cache-Control"] = "private, no-cache"
	if c.r.Method == http.MethodGet {
		tag := etagOf(out, a.body)
		a.header["Etag"] = tag
		if matches(c.r.Header.Get("If-None-Match"), tag) {
			a.status, a.body = http.StatusNotModified, nil
			delete(a.header, "Content-Type")
		}
	}
	return a
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
	(&call{Handler: h, r: r, id: id}).refusal(p).send(w)
}

// refusal returns the answer that says what a problem is.
func (c *call) refusal(p *Problem) *reply {
	a := &reply{status: p.Status, header: map[string]string{"Cache-Control": "no-store"}}
	if p.RetryAfter > 0 {
		a.header["Retry-After"] = strconv.FormatInt(wholeSeconds(p.RetryAfter), 10)
	}
	if c.op != nil && c.op.refused != nil {
		said := reflect.ValueOf(c.op.refused(p))
		a.header["Content-Type"] = "application/json"
		a.body = append(c.forms.of(said.Type()).write(nil, said), '\n')
		return a
	}
	out := *p
	out.Type, out.Title = "about:blank", http.StatusText(p.Status)
	out.RequestID, out.Path, out.Timestamp = c.id, c.r.URL.Path, c.engine.Now().Truncate(time.Millisecond)
	if out.Details == nil {
		out.Details = []Detail{}
	}
	a.header["Content-Type"] = "application/problem+json"
	a.body = append(c.problems.write(nil, reflect.ValueOf(out)), '\n')
	return a
}

// wholeSeconds returns a time to wait in seconds, at least one.
func wholeSeconds(d time.Duration) int64 { return max(1, int64((d+time.Second-1)/time.Second)) }
