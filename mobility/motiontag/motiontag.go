// Package motiontag lets MotionTag track users: it makes the tokens that MotionTag's SDK in a client wants, and reads the
// storyline that MotionTag has of users, whether it comes by a webhook or is asked for.
//
// What MotionTag documents in public is that every request carries a JSON Web Token, signed by the secret it shares with a tenant
// (HS256), with the claims sub and exp; and that a storyline is pages of entries, by the standard JSON:API, each with a link to
// the next, of which an empty one has none. That iss is the tenant's key, and the attributes of an entry, are as programs of others
// read them: type, user_id, started_at, started_at_timezone, finished_at, finished_at_timezone, length, mode, geometry,
// misdetected_completely, updated_at. What it sends by a webhook it agrees with each tenant: a page of a storyline is taken, a
// list of entries, and one alone. Fields that are not known are ignored. It has not been tried with a tenant of MotionTag's.
package motiontag

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/mobility"
)

// Name is the name of the provider.
const Name = "motiontag"

// MaxPage is how many bytes a webhook or a page of a storyline may have.
const MaxPage = 16 << 20

// Options say how to talk to MotionTag. TenantKey, Secret and Now are needed.
type Options struct {
	// TenantKey is the tenant's own at MotionTag.
	TenantKey string
	// Secret is the one that MotionTag shares with the tenant.
	Secret []byte
	// Now is the clock.
	Now func() time.Time
	// Validity is how long the token of a user is valid; 0 means an hour.
	Validity time.Duration
	// Storyline is the absolute address of the storyline, and Scope the scope that MotionTag gave for it; empty where it is not asked
	// for.
	Storyline, Scope string
	// Client makes requests; nil means [http.DefaultClient].
	Client *http.Client
}

// A Provider is MotionTag. It may be used concurrently.
type Provider struct{ o Options }

var _ mobility.Provider = (*Provider)(nil)

// New returns MotionTag as options say. It returns [fault.ErrInvalid] for a storyline whose address is not absolute, for a validity
// that is less than 0, and if there is no clock. Without a key or a secret it is there and not enabled.
func New(o Options) (*Provider, error) {
	var faults []error
	if o.Now == nil {
		faults = append(faults, fault.Invalid("now", "is nil"))
	}
	if o.Validity < 0 {
		faults = append(faults, fault.Invalid("validity", "is %s; it must not be less than 0", o.Validity))
	}
	if u, err := url.Parse(o.Storyline); o.Storyline != "" && (err != nil || !u.IsAbs() || u.Host == "") {
		faults = append(faults, fault.Invalid("storyline", "is not an absolute address"))
	}
	o.Secret, o.Validity, o.Client = bytes.Clone(o.Secret), cmp.Or(o.Validity, time.Hour), cmp.Or(o.Client, http.DefaultClient)
	return &Provider{o}, errors.Join(faults...)
}

// Name returns [Name].
func (*Provider) Name() string { return Name }

// Status says that MotionTag is enabled if there are a key and a secret.
func (p *Provider) Status(context.Context) (mobility.ProviderStatus, error) {
	return mobility.ProviderStatus{Enabled: p.enabled()}, nil
}

func (p *Provider) enabled() bool { return p.o.TenantKey != "" && len(p.o.Secret) > 0 }

// Token returns the JSON Web Token that MotionTag's SDK wants for a user, "" if MotionTag is not enabled.
func (p *Provider) Token(_ context.Context, userID string) (string, error) {
	if !p.enabled() {
		return "", nil
	}
	return p.sign(map[string]any{"iss": p.o.TenantKey, "sub": userID, "exp": p.o.Now().Add(p.o.Validity).Unix()})
}

// sign returns a token with claims.
func (p *Provider) sign(claims map[string]any) (string, error) {
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	mac := hmac.New(sha256.New, p.o.Secret)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// Trackings reads what MotionTag sends: a page of a storyline, a list of entries, or one. It returns [fault.ErrInvalid] for
// anything else, with the place of the entry at fault.
func (*Provider) Trackings(_ context.Context, webhook []byte) ([]mobility.Tracking, error) {
	list, _, err := parse(webhook)
	return list, err
}

// Storyline asks MotionTag for a page of the storyline of all users: the first for "", otherwise the one that the call before named
// as next. Where next is "", there is no more yet: ask for the same page again later. Of an address, only one at the host of
// Options.Storyline is asked.
func (p *Provider) Storyline(ctx context.Context, page string) (list []mobility.Tracking, next string, err error) {
	if p.o.Storyline == "" || !p.enabled() {
		return nil, "", fault.Invalid("storyline", "is not enabled")
	}
	at, err := p.address(page)
	if err != nil {
		return nil, "", err
	}
	token, err := p.sign(map[string]any{"sub": p.o.Scope, "exp": p.o.Now().Add(time.Minute).Unix()})
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/vnd.api+json, application/json")
	res, err := p.o.Client.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("motiontag: %w", err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxPage+1))
	if err != nil {
		return nil, "", fmt.Errorf("motiontag: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("motiontag: the storyline answers %s", res.Status)
	}
	list, next, err = parse(body)
	if err != nil || next == "" {
		return list, "", err
	}
	to, err := at.Parse(next)
	if err != nil {
		return nil, "", fault.Invalid("links.next", "is no address")
	}
	return list, to.String(), nil
}

// address returns where a page is.
func (p *Provider) address(page string) (*url.URL, error) {
	base, err := url.Parse(p.o.Storyline)
	if err != nil || page == "" {
		return base, err
	}
	at, err := base.Parse(page)
	if err != nil || at.Host != base.Host || at.Scheme != base.Scheme {
		return nil, fault.Invalid("page", "is not one of the storyline")
	}
	return at, nil
}

// entry is one of a storyline: a resource of JSON:API, or its attributes alone.
type entry struct {
	ID string `json:"id"`
	attributes
	Attributes *attributes `json:"attributes"`
}

type attributes struct {
	UUID         string          `json:"uuid"`
	Type         string          `json:"type"`
	UserID       string          `json:"user_id"`
	StartedAt    time.Time       `json:"started_at"`
	StartedZone  string          `json:"started_at_timezone"`
	FinishedAt   time.Time       `json:"finished_at"`
	FinishedZone string          `json:"finished_at_timezone"`
	Length       float64         `json:"length"`
	Mode         string          `json:"mode"`
	Misdetected  bool            `json:"misdetected_completely"`
	Geometry     json.RawMessage `json:"geometry"`
	UpdatedAt    time.Time       `json:"updated_at"`
}

// parse reads a page, and the address of the next.
func parse(body []byte) (list []mobility.Tracking, next string, err error) {
	if n := len(body); n > MaxPage {
		return nil, "", fault.Invalid("", "is more than %d bytes long", MaxPage)
	}
	var page struct {
		Data  json.RawMessage `json:"data"`
		Links struct {
			Next string `json:"next"`
		} `json:"links"`
	}
	head := bytes.TrimSpace(body)
	if len(head) > 0 && head[0] == '{' {
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, "", fault.Invalid("", "is no JSON of a storyline: %v", err)
		}
	}
	raw, at := page.Data, "data"
	if raw == nil {
		raw, at = body, ""
	}
	var entries []entry
	switch head := bytes.TrimSpace(raw); {
	case len(head) > 0 && head[0] == '[':
		err = json.Unmarshal(raw, &entries)
	default:
		entries = make([]entry, 1)
		err = json.Unmarshal(raw, &entries[0])
	}
	if err != nil {
		return nil, "", fault.Invalid(at, "is no JSON of a storyline: %v", err)
	}
	list = make([]mobility.Tracking, len(entries))
	faults := make([]error, len(entries))
	for i := range entries {
		list[i], err = entries[i].tracking()
		faults[i] = fault.In(fmt.Sprintf("%s[%d]", at, i), err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, "", err
	}
	return list, page.Links.Next, nil
}

// tracking returns the entry as the engine takes it.
func (e *entry) tracking() (mobility.Tracking, error) {
	a, typ := e.attributes, e.Type
	if e.Attributes != nil {
		a = *e.Attributes
		typ = cmp.Or(a.Type, typ)
	}
	t := mobility.Tracking{
		ProviderID: cmp.Or(a.UUID, e.ID), UserID: a.UserID, Provider: Name, MisdetectedCompletely: a.Misdetected,
		StartsAt: a.StartedAt, StartsAtTimezone: a.StartedZone, EndsAt: a.FinishedAt, EndsAtTimezone: a.FinishedZone, UpdatedAt: a.UpdatedAt,
	}
	if len(a.Geometry) > 0 && string(a.Geometry) != "null" {
		t.Geometry = string(a.Geometry)
	}
	switch strings.ToLower(typ) {
	case "stay", "stays":
		t.Status = mobility.Stay
		return t, nil
	case "track", "tracks":
		t.Status, t.Type = mobility.Track, mode(a.Mode)
	default:
		return t, fault.Invalid("type", "%.80q is none of Track, Stay", typ)
	}
	if a.Length < 0 || a.Length > mobility.MaxLength {
		return t, fault.Invalid("length", "is not from 0 to %d metres", mobility.MaxLength)
	}
	t.Length = int64(a.Length + 0.5)
	return t, nil
}

// modes are those of MotionTag that are the engine's too.
var modes = map[string]mobility.Mode{
	"airplane": mobility.Airplane, "bicycle": mobility.Bicycle, "bus": mobility.Bus, "cablecar": mobility.CableCar, "cable_car": mobility.CableCar,
	"car": mobility.Car, "ferry": mobility.Ferry, "light_rail": mobility.LightRail, "regional_train": mobility.RegionalTrain,
	"subway": mobility.Subway, "train": mobility.Train, "tram": mobility.Tram, "walk": mobility.Walk,
}

// mode returns the mode of a name such as "Mode::LightRail" or "light_rail"; one that is not known is other.
func mode(name string) mobility.Mode {
	name = name[strings.LastIndexByte(name, ':')+1:]
	var snake strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !strings.HasSuffix(snake.String(), "_") {
			snake.WriteByte('_')
		}
		snake.WriteRune(unicode.ToLower(r))
	}
	return cmp.Or(modes[snake.String()], mobility.Other)
}
