package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/store"
)

// Bounds of what endpoints are.
const (
	MaxEndpoints   = 20   // of a workspace
	MaxURL         = 2048 // bytes
	MaxDescription = 1000 // bytes
)

// SecretOverlap is how long a secret that is replaced is valid beside the new one: messages are signed with both.
const SecretOverlap = 24 * time.Hour

// A PauseReason says why an endpoint is sent nothing.
type PauseReason string

// The reasons.
const (
	PausedByHost PauseReason = "HOST" // by [Endpoints.Pause], or from the beginning
	PausedAsGone PauseReason = "GONE" // the receiver has answered 410
	// PausedAsFailing is that of an endpoint that nothing has arrived at for as long as [Options].PauseAfter says: whoever does not
	// hear of it is not sent things for ever. What waits is sent after [Endpoints.Resume], and what was given up after [Endpoints.Replay].
	PausedAsFailing PauseReason = "FAILING"
	// PausedAsCopy is that of an endpoint that has come into another workspace than it was created for, with a dump: whoever copies a
	// customer's workspace to try something must not tell the customer of it. [Endpoints.Resume] makes it this one's.
	PausedAsCopy PauseReason = "COPY"
)

// A PausedError says that an endpoint was paused for what its receiver did. It is told to [guerdon.Options].Log and, During "webhook", to
// [guerdon.Observer].Failed of the process that sent.
type PausedError struct {
	EndpointID string
	Reason     PauseReason
	// FailingSince is when the first try was made that failed, since one that did not.
	FailingSince time.Time
	// Last is the last try.
	Last Attempt
}

// Error says which endpoint, why, and since when.
func (e *PausedError) Error() string {
	return fmt.Sprintf("webhook: endpoint %q is paused (%s): nothing has arrived since %s; of the last try, %s",
		e.EndpointID, e.Reason, e.FailingSince.UTC().Format(time.RFC3339), e.Last.Error)
}

// An Endpoint is an address that is told of what happens in a workspace.
type Endpoint struct {
	ID          string `json:"endpointId"`
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
	// Types are those that it is told of; none means all, also those that come later.
	Types []Type `json:"types,omitempty"`
	// APIVersion is the version of the payloads that it is sent, one of [APIVersions].
	APIVersion string `json:"apiVersion"`
	// Paused says why nothing is sent, "" if it is. What happens meanwhile waits, for as long as [Options].Keep.
	Paused PauseReason `json:"paused,omitempty"`
	// FailingSince is when the first try failed since one that did not, or since it was resumed; zero if none has.
	FailingSince time.Time `json:"failingSince,omitzero"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
	// OldSecretUntil is until when the secret before the present one is valid too, zero if it is not.
	OldSecretUntil time.Time `json:"oldSecretUntil,omitzero"`
}

func (e *endpoint) public(s store.Scope, now time.Time) Endpoint {
	shown := Endpoint{
		ID: e.ID, URL: e.URL, Description: e.Description, Types: slices.Clone(e.Types), APIVersion: e.version(), Paused: e.paused(s),
		FailingSince: e.Failing, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
	if len(e.secrets(now)) > 1 {
		shown.OldSecretUntil = e.OldUntil
	}
	return shown
}

// A NewEndpoint is what [Endpoints.Create] is given.
type NewEndpoint struct {
	// ID is 1 to 64 characters of A-Z a-z 0-9 _ -. Empty means a new one.
	ID string `json:"endpointId,omitempty"`
	// URL is an https address without a user and a fragment.
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
	Types       []Type `json:"types,omitempty"` // none means all
	// APIVersion is the version of the payloads that the receiver was made for, one of [APIVersions]. Empty means the newest, which is
	// noted: a version that comes later changes nothing for it.
	APIVersion string `json:"apiVersion,omitempty"`
	// Secret is "whsec_" and 24 to 64 bytes in base64. Empty means a new one.
	Secret string `json:"secret,omitempty"`
	Paused bool   `json:"paused,omitempty"`
}

// An EndpointPatch says what [Endpoints.Update] is to change; nil leaves it.
type EndpointPatch struct {
	URL         *string `json:"url,omitempty"`
	Description *string `json:"description,omitempty"`
	Types       *[]Type `json:"types,omitempty"`
	APIVersion  *string `json:"apiVersion,omitempty"` // "" is the newest
}

// A Delivery is a message for an endpoint, and what became of it.
type Delivery struct {
	MessageID string          `json:"messageId"`
	Type      Type            `json:"type"`
	UserID    string          `json:"userId,omitempty"` // whom it is about
	Sequence  int64           `json:"sequence"`
	Payload   json.RawMessage `json:"payload"`
	State     State           `json:"state"`
	QueuedAt  time.Time       `json:"queuedAt"`
	DoneAt    time.Time       `json:"doneAt,omitzero"` // when it was delivered or given up
	// NextTryAt is when it is sent, at the earliest; zero if it is not pending, or waits for the message about the same user before
	// it. While it is being sent, it is when another process would try.
	NextTryAt time.Time `json:"nextTryAt,omitzero"`
	// Attempts are the last tries, of the replays too.
	Attempts []Attempt `json:"attempts,omitempty"`
}

func (d *delivery) public() Delivery {
	return Delivery{
		MessageID: d.MessageID, Type: d.Type, UserID: d.UserID, Sequence: d.Seq, Payload: json.RawMessage(d.Body), State: d.State,
		QueuedAt: d.QueuedAt, DoneAt: d.DoneAt, NextTryAt: d.Due, Attempts: slices.Clone(d.Attempts),
	}
}

// Endpoints manages those of one workspace. Its calls are transactions of their own, so they must not be made inside
// [guerdon.Workspace.Update]: they would wait for it to end. They return [fault.ErrConflict] where they write and the workspace is
// closed.
type Endpoints struct {
	hooks *Hooks
	ws    *guerdon.Workspace
}

// Endpoints returns those of a workspace, whose engine must be that of the hooks.
func (h *Hooks) Endpoints(ws *guerdon.Workspace) Endpoints { return Endpoints{h, ws} }

func (s Endpoints) view(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.hooks.st.View(ctx, s.ws.Scope(), fn)
}

func (s Endpoints) update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.check(); err != nil {
		return err
	}
	defer s.hooks.stir()
	return s.hooks.st.Update(ctx, s.ws.Scope(), func(tx store.Tx) error {
		if _, err := content.Edition(ctx, tx); err != nil { // it was deleted
			return err
		}
		if err := content.Writable(ctx, tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

func (s Endpoints) check() error {
	if s.hooks == nil || s.ws == nil || s.ws.Scope() == (store.Scope{}) {
		return fault.Invalid("workspace", "is none")
	}
	return nil
}

// edit changes an endpoint.
func (s Endpoints) edit(ctx context.Context, id string, change func(tx store.Tx, e *endpoint, now time.Time) error) (shown Endpoint, err error) {
	err = s.update(ctx, func(tx store.Tx) error {
		e, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		now := s.hooks.eng.Now()
		if err := change(tx, &e, now); err != nil {
			return err
		}
		e.UpdatedAt = now
		shown = e.public(tx.Scope(), now)
		return endpoints.Put(ctx, tx, e)
	})
	return shown, err
}

// Create adds an endpoint, which is told of what is recorded from now on, and returns its secret: no other call shows it. It
// returns [fault.ErrInvalid] for what is not as [NewEndpoint] says, [fault.ErrExists] if the id is taken, and [fault.ErrConflict] if there are
// [MaxEndpoints].
func (s Endpoints) Create(ctx context.Context, n NewEndpoint) (created Endpoint, secret string, err error) {
	if err := s.check(); err != nil {
		return created, "", err
	}
	if n.ID == "" {
		n.ID = s.hooks.eng.NewID()
	}
	if n.Secret == "" {
		if n.Secret, err = makeSecret(s.hooks.eng.Random()); err != nil {
			return created, "", err
		}
	}
	if _, err := key(n.Secret); err != nil {
		return created, "", err
	}
	now := s.hooks.eng.Now()
	e := endpoint{
		ID: n.ID, URL: n.URL, Description: n.Description, Types: slices.Clone(n.Types), Secret: n.Secret, Home: s.ws.Scope().String(),
		APIVersion: cmp.Or(n.APIVersion, APIVersion), CreatedAt: now, UpdatedAt: now,
	}
	if n.Paused {
		e.Paused = PausedByHost
	}
	if err := s.hooks.checkEndpoint(&e); err != nil {
		return created, "", err
	}
	if e.After, err = s.head(ctx); err != nil {
		return created, "", err
	}
	err = s.update(ctx, func(tx store.Tx) error {
		count, err := endpoints.Count(ctx, tx, store.Query{})
		if err != nil {
			return err
		}
		if count >= MaxEndpoints {
			return fault.Conflict("endpoints", "are %d; there may be no more", count)
		}
		if _, found, err := endpoints.Get(ctx, tx, e.ID); err != nil || found {
			if err == nil {
				err = fault.Exists("endpointId", "%q exists already", e.ID)
			}
			return err
		}
		return endpoints.Insert(ctx, tx, e)
	})
	if err != nil {
		return created, "", err
	}
	return e.public(s.ws.Scope(), now), e.Secret, nil
}

// head returns the number of the journal's last entry.
func (s Endpoints) head(ctx context.Context) (int64, error) {
	last, _, err := s.ws.Entries(ctx, guerdon.EntryFilter{}, store.Page{Limit: 1})
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Outcome.Seq, nil
}

func (h *Hooks) checkEndpoint(e *endpoint) error {
	if err := ident.Check("endpointId", e.ID); err != nil {
		return err
	}
	if err := h.checkURL(e.URL); err != nil {
		return err
	}
	if len(e.Description) > MaxDescription || !utf8.ValidString(e.Description) {
		return fault.Invalid("description", "has more than %d bytes, or is no UTF-8", MaxDescription)
	}
	if err := checkVersion(e.version()); err != nil {
		return err
	}
	for i, t := range e.Types {
		field := "types[" + strconv.Itoa(i) + "]"
		switch {
		case !t.known():
			return fault.Invalid(field, "%.40q is none of %v", t, Types())
		case slices.Index(e.Types, t) < i:
			return fault.Invalid(field, "is %s once more", t)
		}
	}
	return nil
}

// checkURL refuses what is no https address. A name is judged when it is dialled.
func (h *Hooks) checkURL(text string) error {
	if len(text) > MaxURL || !utf8.ValidString(text) || slices.ContainsFunc([]rune(text), unicode.IsControl) {
		return fault.Invalid("url", "has more than %d bytes, or is no text", MaxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return fault.Invalid("url", "is no https address") // and may hold a password
	case u.User != nil:
		return fault.Invalid("url", "names a user, which would be sent in clear to whoever reads the log")
	case u.Fragment != "":
		return fault.Invalid("url", "has a fragment, which is never sent")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !h.opts.allowed(addr) {
		return fault.Invalid("url", "is no public address")
	}
	return nil
}

// Update changes an endpoint. Messages that wait for it go to the new address; of a type that is no longer wanted, or in another version, those
// that wait are still sent as they are. It returns [fault.ErrNotFound] if there is none, and [fault.ErrInvalid] for what is not as [NewEndpoint] says.
func (s Endpoints) Update(ctx context.Context, id string, p EndpointPatch) (Endpoint, error) {
	return s.edit(ctx, id, func(_ store.Tx, e *endpoint, _ time.Time) error {
		if p.URL != nil {
			e.URL = *p.URL
		}
		if p.Description != nil {
			e.Description = *p.Description
		}
		if p.Types != nil {
			e.Types = slices.Clone(*p.Types)
		}
		if p.APIVersion != nil {
			e.APIVersion = cmp.Or(*p.APIVersion, APIVersion)
		}
		return s.hooks.checkEndpoint(e)
	})
}

// Get returns an endpoint, [fault.ErrNotFound] if there is none.
func (s Endpoints) Get(ctx context.Context, id string) (shown Endpoint, err error) {
	err = s.view(ctx, func(tx store.Tx) error {
		e, err := find(ctx, tx, id)
		shown = e.public(tx.Scope(), s.hooks.eng.Now())
		return err
	})
	if err != nil {
		return Endpoint{}, err
	}
	return shown, nil
}

// List returns all endpoints, in the order of their ids.
func (s Endpoints) List(ctx context.Context) (shown []Endpoint, err error) {
	err = s.view(ctx, func(tx store.Tx) error {
		all, err := endpoints.List(ctx, tx, store.Query{})
		for i := range all {
			if !all[i].Deleting {
				shown = append(shown, all[i].public(tx.Scope(), s.hooks.eng.Now()))
			}
		}
		return err
	})
	return shown, err
}

// Delete removes an endpoint with its deliveries; what waits is not sent. It works in portions: what was interrupted goes on when it is
// called again, or by itself. It returns [fault.ErrNotFound] if there is none.
func (s Endpoints) Delete(ctx context.Context, id string) error {
	err := s.update(ctx, func(tx store.Tx) error {
		e, found, err := endpoints.Get(ctx, tx, id)
		if err == nil && !found {
			err = fault.NotFound("endpoint", id)
		}
		if err != nil || e.Deleting {
			return err
		}
		e.Deleting = true
		return endpoints.Put(ctx, tx, e)
	})
	if err != nil {
		return err
	}
	return s.hooks.sweep(ctx, s.ws.Scope(), id)
}

// RotateSecret gives an endpoint another secret, a new one if it is "", and returns it: no other call shows it. For [SecretOverlap],
// messages are signed with the former secret too; one that is replaced meanwhile is valid no longer. It returns [fault.ErrNotFound] if
// there is no such endpoint, and [fault.ErrInvalid] for a secret that is none.
func (s Endpoints) RotateSecret(ctx context.Context, id, secret string) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	if secret == "" {
		var err error
		if secret, err = makeSecret(s.hooks.eng.Random()); err != nil {
			return "", err
		}
	}
	if _, err := key(secret); err != nil {
		return "", err
	}
	_, err := s.edit(ctx, id, func(_ store.Tx, e *endpoint, now time.Time) error {
		if e.Secret != secret {
			e.OldSecret, e.OldUntil, e.Secret = e.Secret, now.Add(SecretOverlap), secret
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Pause lets nothing be sent to an endpoint until [Endpoints.Resume]. What is being sent at the moment is. It returns
// [fault.ErrNotFound] if there is no such endpoint.
func (s Endpoints) Pause(ctx context.Context, id string) (Endpoint, error) {
	return s.edit(ctx, id, func(_ store.Tx, e *endpoint, _ time.Time) error {
		e.Paused = PausedByHost
		return nil
	})
}

// Resume lets an endpoint be sent what waits for it, whyever it was paused. What was given up before is sent again by [Endpoints.Replay]. It
// returns [fault.ErrNotFound] if there is no such endpoint.
func (s Endpoints) Resume(ctx context.Context, id string) (Endpoint, error) {
	return s.edit(ctx, id, func(tx store.Tx, e *endpoint, _ time.Time) error {
		var err error
		e.Paused, e.Home, e.HoldOff, e.Failing = "", tx.Scope().String(), time.Time{}, time.Time{}
		e.Next, err = nextDue(ctx, tx, id)
		return err
	})
}

// Replay sends an endpoint again what was delivered or given up, of what was queued at a moment or later and is still kept ([Options].Keep),
// and returns how many messages that are. They have the ids and the bytes that they had, and ten tries anew; who is paused gets them
// when that is over. It works in portions; after an error, what it did remains. It returns [fault.ErrNotFound] if there is no such endpoint.
func (s Endpoints) Replay(ctx context.Context, id string, from time.Time) (int, error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	defer s.hooks.stir()
	return s.hooks.replay(ctx, s.ws.Scope(), id, from)
}

// A DeliveryFilter picks deliveries; its zero value is all of them.
type DeliveryFilter struct {
	UserID string
	Type   Type
	State  State
}

// Deliveries returns what an endpoint was or will be sent, the newest first unless the page says otherwise, and the token of the next page, ""
// if there is none. It returns [fault.ErrNotFound] if there is no such endpoint, and [fault.ErrInvalid] for a type or a state that there is not,
// and for a limit or a token that is none.
func (s Endpoints) Deliveries(ctx context.Context, id string, f DeliveryFilter, page store.Page) (list []Delivery, next string, err error) {
	switch {
	case f.Type != "" && !f.Type.known():
		return nil, "", fault.Invalid("type", "%.40q is none of %v", f.Type, Types())
	case f.State != "" && f.State != Pending && f.State != Delivered && f.State != Dead:
		return nil, "", fault.Invalid("state", "%.40q is none of %s, %s, %s", f.State, Pending, Delivered, Dead)
	}
	err = s.view(ctx, func(tx store.Tx) error {
		if _, err := find(ctx, tx, id); err != nil {
			return err
		}
		rows, token, err := deliveries.PageWhere(ctx, tx, store.Prefix(id+"/"), page, func(d *delivery) bool {
			return (f.UserID == "" || d.UserID == f.UserID) && (f.Type == "" || d.Type == f.Type) && (f.State == "" || d.State == f.State)
		})
		next = token
		for i := range rows {
			list = append(list, rows[i].public())
		}
		return err
	})
	return list, next, err
}
