package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// keepAudit is for how long the record is kept unless the host says otherwise.
const keepAudit = 365 * 24 * time.Hour

// refusedLimit bounds how many refusals of one workspace are recorded: whoever is refused must not fill the disk. The rest is counted.
var refusedLimit = Limit{PerSecond: 0.2, Burst: 30}

// The outcomes of what is recorded.
const (
	auditDone    = "DONE"
	auditRefused = "REFUSED"
)

// An auditLog says who changed something, or was refused. It names nobody but by ids.
type auditLog struct {
	ID string `json:"auditLogId"`
	// Outcome is DONE or REFUSED.
	Outcome string `json:"outcome"`
	Context string `json:"context"`
	// Operation is a method and a path with its {parameters}.
	Operation string `json:"operation"`
	// EntityType is the first word of the path, and EntityID what the path or the answer names.
	EntityType string `json:"entityType,omitempty"`
	EntityID   string `json:"entityId,omitempty"`
	// UserID is who acted, CallerID who called if that is another, PrincipalID and APIKeyID who it was in the Portal or by a key.
	UserID      string `json:"userId,omitempty"`
	CallerID    string `json:"callerId,omitempty"`
	PrincipalID string `json:"principalId,omitempty"`
	APIKeyID    string `json:"apiKeyId,omitempty"`
	Platform    string `json:"platform,omitempty"`
	Status      int    `json:"status"`
	Code        string `json:"code,omitempty"`
	Message     string `json:"message,omitempty"`
	RequestID   string `json:"requestId"`
	// Address is from where a refused request came, without its last part.
	Address string `json:"address,omitempty"`
	// NotRecorded is how many refusals of the workspace were not recorded since the one before, because they were too many.
	NotRecorded int64 `json:"notRecorded,omitempty"`
	// Before is the document that was changed as it was: one of any kind, with the names that fields have in bundles.
	Before jsonText `json:"before,omitempty"`
	// After is the document as it is.
	After     jsonText  `json:"after,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

var audits = store.Define("httpapi_audit_logs", func(a *auditLog) string { return a.ID },
	[]store.Field[auditLog]{
		{Name: "created_at", Kind: store.KindInt, Of: func(a *auditLog) store.Value { return store.Time(a.CreatedAt) }},
		{Name: "outcome", Kind: store.KindText, Of: func(a *auditLog) store.Value { return store.Text(a.Outcome) }},
		{Name: "user_id", Kind: store.KindText, Of: func(a *auditLog) store.Value { return optional(a.UserID) }},
		{Name: "entity_id", Kind: store.KindText, Of: func(a *auditLog) store.Value { return optional(a.EntityID) }},
	},
	store.Index{Name: "created", Columns: []string{"created_at"}},
	store.Index{Name: "outcome", Columns: []string{"outcome", "created_at"}},
	store.Index{Name: "user", Columns: []string{"user_id", "created_at"}},
	store.Index{Name: "entity", Columns: []string{"entity_id", "created_at"}},
)

// optional returns a text for an index that holds only those who have one.
func optional(s string) store.Value {
	if s == "" {
		return store.Value{}
	}
	return store.Text(s)
}

// A change is a document as it was and as an operation left it.
type change struct{ before, after any }

// changed notes what an operation changed.
func (c *call) changed(before, after any) { c.change = change{before, after} }

// maxChange is how long a document is in bytes of which the record shows both sides.
const maxChange = 64 << 10

// A jsonText is JSON of any kind: a [json.RawMessage] is a rule on the wire.
type jsonText json.RawMessage

// MarshalJSON returns it.
func (t jsonText) MarshalJSON() ([]byte, error) { return t, nil }

// UnmarshalJSON takes it as it is.
func (t *jsonText) UnmarshalJSON(text []byte) error {
	*t = slices.Clone(text)
	return nil
}

// shown returns a document for the record; one that is too long is left to its history.
func shown(doc any) jsonText {
	if doc == nil {
		return nil
	}
	data, err := json.Marshal(doc)
	if err != nil || len(data) > maxChange {
		return nil
	}
	return data
}

// recorded tells whether what the call's operation does is recorded: what players do is in the journal.
func (c *call) recorded() bool { return c.op.changes() && c.op.Context != App }

// entry returns a record of the call.
func (c *call) entry(outcome string, status int) auditLog {
	a := auditLog{
		ID: c.engine.NewID(), Outcome: outcome, Context: string(c.op.Context), Operation: c.op.Method + " " + c.op.Path, Status: status,
		UserID: c.caller.UserID, APIKeyID: c.caller.Key, Platform: string(c.caller.Platform), RequestID: c.id, CreatedAt: c.engine.Now(),
	}
	if c.op.Context == Portal {
		a.PrincipalID = c.caller.Principal
	}
	if c.user != nil && c.user.ID != c.caller.UserID {
		a.UserID, a.CallerID = c.user.ID, c.caller.UserID
	}
	segments := strings.Split(strings.Trim(c.op.Path, "/"), "/")
	a.EntityType, a.EntityID = segments[0], storable(c.path[c.op.ownParam()])
	if c.op.Context == Portal && len(segments) > 2 { // of a workspace
		a.EntityType = segments[2]
	}
	return a
}

// storable returns what a path names as it can be kept, whatever it is.
func storable(name string) string {
	return text.Cut(strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", "\uFFFD"), "\uFFFD"), maxMessage)
}

// ownParam returns the name of the parameter of the path that says what the operation is about: the first or, of what is in a workspace, the next.
func (o *operation) ownParam() string {
	name := ""
	for param := range pathParams(o.Path) {
		if name = param; param != "workspaceId" {
			break
		}
	}
	if name == "workspaceId" && o.made != "" {
		return ""
	}
	return name
}

// noteDone records what a call has done, in the transaction in which it did, and removes some records that are too old.
func (c *call) noteDone(ctx context.Context, tx store.Tx, answer *reply) error {
	if !c.recorded() || answer.status >= http.StatusBadRequest {
		return nil
	}
	a := c.entry(auditDone, answer.status)
	a.Before, a.After = shown(c.change.before), shown(c.change.after)
	if a.EntityID == "" && c.op.made != "" {
		var made map[string]json.RawMessage
		if json.Unmarshal(answer.body, &made) == nil {
			_ = json.Unmarshal(made[c.op.made], &a.EntityID) // what is no text names nothing
		}
	}
	return c.keepLog(ctx, tx, a)
}

func (c *call) keepLog(ctx context.Context, tx store.Tx, a auditLog) error {
	old := store.Query{Index: "created", Until: store.Time(c.engine.Now().Add(-c.keepAudit))}
	if err := sweep(ctx, tx, audits, old); err != nil {
		return err
	}
	return audits.Put(ctx, tx, a)
}

// refusalTimeout is for how long an answer waits for its refusal to be recorded.
const refusalTimeout = 5 * time.Second

// maxMessage is how much is recorded of a message, and of what a path names, in bytes.
const maxMessage = 200

// noteRefused records that a call was refused, if it is known in which account.
func (c *call) noteRefused(p *Problem) {
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
	case http.StatusNotFound:
		if !c.portal.foreign {
			return
		}
	default:
		return
	}
	if c.caller.Account == "" {
		return
	}
	scope := store.Scope{Account: c.caller.Account, Workspace: c.caller.Workspace}
	if c.op.Context == Portal {
		scope.Workspace = c.portal.workspace
	}
	_, wait := c.refusals.take(scope.String(), c.engine.Now())
	if wait > 0 {
		return
	}
	a := c.entry(auditRefused, p.Status)
	a.Code, a.Message, a.Address = p.Code, text.Cut(p.Message, maxMessage), network(c.r.RemoteAddr)
	c.refusals.of(scope.String(), func(b *bucket) { a.NotRecorded, b.refused = b.refused, 0 })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), refusalTimeout)
	defer cancel()
	if err := c.keepRefused(ctx, scope, a); err != nil {
		c.refusals.of(scope.String(), func(b *bucket) { b.refused += a.NotRecorded + 1 })
		c.failed(c.r, scope, c.id, fmt.Errorf("httpapi: a refusal could not be recorded: %w", err))
	}
}

// keepRefused keeps the record of a refusal: in the workspace or, where there is none, in the account.
func (c *call) keepRefused(ctx context.Context, scope store.Scope, a auditLog) error {
	if scope.Workspace != "" {
		ws, err := c.engine.Workspace(ctx, scope)
		if err == nil {
			return ws.UpdateTables(ctx, func(ctx context.Context, tx store.Tx, _ *guerdon.Workspace) error { return c.keepLog(ctx, tx, a) })
		}
	}
	return c.engine.UpdatePlatform(ctx, func(ctx context.Context, tx store.Tx, platform tenancy.Platform) error {
		if _, err := platform.Account(ctx, scope.Account); err != nil {
			return err
		}
		return c.keepLog(ctx, tx.In(store.Scope{Account: scope.Account}), a)
	})
}

// network returns an address without what names one machine: 24 bits of an address of version 4, 48 of one of version 6.
func network(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	at = at.Unmap().WithZone("")
	bits := 48
	if at.Is4() {
		bits = 24
	}
	prefix, err := at.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// auditing is what a list of records is asked with: by one of the three, or none, and between two moments.
type auditing struct {
	paging

	Outcome  string `enum:"DONE,REFUSED" query:"outcome"`
	UserID   string `query:"userId"`
	EntityID string `query:"entityId"`
	From     string `query:"from"`
	To       string `query:"to"`
}

// query returns which records are asked for.
func (in *auditing) query() (store.Query, error) {
	q := store.By("created")
	by := 0
	for _, one := range []struct{ index, value string }{{"outcome", in.Outcome}, {"user", in.UserID}, {"entity", in.EntityID}} {
		if one.value != "" {
			q = store.By(one.index, store.Text(one.value))
			by++
		}
	}
	if by > 1 {
		return q, fault.Invalid("outcome", "and userId and entityId cannot be asked for together")
	}
	for _, bound := range []struct {
		field, value string
		into         *store.Value
	}{{"from", in.From, &q.From}, {"to", in.To, &q.Until}} {
		if bound.value == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, bound.value)
		if err != nil {
			return q, fault.Invalid(bound.field, "%q is no moment as RFC 3339 writes it", bound.value)
		}
		*bound.into = store.Time(at)
	}
	return q, nil
}

// list returns the records that are asked for.
func (in *auditing) list(ctx context.Context, tx store.Tx) (list[auditLog], error) {
	q, err := in.query()
	if err != nil {
		return list[auditLog]{}, err
	}
	found, next, err := audits.PageOf(ctx, tx, q, in.page())
	return list[auditLog]{found, next}, err
}

// auditLogs declares how the record of a workspace is read.
func auditLogs() *operation {
	return declare("GET", "/audit-logs", tenancy.UsersManage, "List who was refused, and what was changed", codes(200, 400, 401),
		func(ctx context.Context, c *call, in *auditing) (page list[auditLog], err error) {
			err = c.ws.ViewTables(ctx, func(ctx context.Context, tx store.Tx) error {
				page, err = in.list(ctx, tx)
				return err
			})
			return page, err
		})
}
