// Package jwtauth says who makes a request by the token that it carries: a JWT of an OpenID Connect issuer, for
// [httpapi.Options].Authenticate.
//
//	tokens, err := jwtauth.New(ctx, jwtauth.Options{
//		Issuer: "https://auth.example.org", Audiences: []string{"guerdon"}, Now: engine.Now,
//	})
//	handler, err := httpapi.New(engine, &httpapi.Options{Authenticate: tokens.Authenticate})
//
// A token is a promise of its issuer for a while, so nothing of it is asked of the store. What the caller may do is not in it: that is what
// the role of the user's own record allows.
package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/httpapi"
)

// Claims are the names of the claims that say who calls; a name that is "" is the usual one.
type Claims struct {
	// Account, Workspace and User are accountId, workspaceId and userId unless said. A token for the Portal needs no workspace and no user,
	// one of a machine no user.
	Account, Workspace, User string
	// Principal is principalId unless said; only the Portal asks for it, and takes sub where it is absent.
	Principal string
	// Context and Platform are context and platform unless said.
	Context, Platform string
	// Lang and Zone are lang and timezone unless said; tokens may lack them.
	Lang, Zone string
}

// Options are the choices of [New].
type Options struct {
	// Issuer is who makes the tokens: the address of the issuer, as its tokens have it in iss.
	Issuer string
	// Audiences are those for whom tokens may be; a token has to name one of them in aud. There must be one.
	Audiences []string
	// Keys is where the issuer's keys are, as JWKS; "" asks the issuer's discovery document when [New] is called.
	Keys string
	// Algorithms are how tokens may be signed: some of RS256, ES256 and EdDSA; nil means all three. What a token says of itself never adds one.
	Algorithms []string
	// Claims are the names of claims.
	Claims Claims
	// Now is the clock; an engine's is its Now. It must be given, and may be called concurrently.
	Now func() time.Time
	// Leeway is by how much clocks may differ; 0 means 30 seconds.
	Leeway time.Duration
	// KeysFor is for how long keys are good that were fetched: a key that the issuer has withdrawn stops working within that time. From half of
	// it on they are fetched again when a token comes. If the issuer cannot be reached for longer, requests are refused with 503. 0 means 5
	// minutes.
	KeysFor time.Duration
	// Client is what fetches; nil means one whose requests end after 10 seconds.
	Client *http.Client
}

// An Authenticator says who makes a request by its token. It may be used concurrently, starts nothing, and needs no closing.
type Authenticator struct {
	issuer    string
	audiences []string
	claims    Claims
	now       func() time.Time
	leeway    time.Duration
	keys      *keys
	config    *oidc.Config
}

// The defaults of options.
const (
	leeway       = 30 * time.Second
	keysFor      = 5 * time.Minute
	fetchTimeout = 10 * time.Second
)

// unknownEvery and unknownBurst bound how often keys are fetched because a token names one that is not known: anybody can make such tokens.
const (
	unknownEvery = 15 * time.Second
	unknownBurst = 4
)

// algorithms are those that are allowed: with a key that everybody may know, nobody can sign.
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.EdDSA}

// New returns who authenticates tokens of an issuer. It returns [fault.ErrInvalid] for options that are missing or not valid, and another
// error if the issuer's discovery document cannot be had.
func New(ctx context.Context, o Options) (*Authenticator, error) {
	if o.Algorithms == nil {
		o.Algorithms = algorithms
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: fetchTimeout}
	}
	if o.Keys == "" {
		found, err := discover(oidc.ClientContext(ctx, o.Client), o.Issuer)
		if err != nil {
			return nil, fmt.Errorf("jwtauth: the discovery document of %s: %w", o.Issuer, err)
		}
		o.Keys = found
	}
	if err := checkURL("keys", o.Keys); err != nil {
		return nil, err
	}
	a := &Authenticator{
		issuer: o.Issuer, audiences: o.Audiences, claims: o.Claims.withDefaults(), now: o.Now, leeway: or(o.Leeway, leeway),
		keys: &keys{
			url: o.Keys, client: o.Client, now: o.Now, goodFor: or(o.KeysFor, keysFor), algorithms: signatures(o.Algorithms),
			unknown: rate.NewLimiter(rate.Every(unknownEvery), unknownBurst),
		},
	}
	a.config = &oidc.Config{
		SupportedSigningAlgs: o.Algorithms,
		SkipClientIDCheck:    true, // there may be several
		SkipExpiryCheck:      true, // which knows no leeway
	}
	return a, nil
}

func or(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}

func (o *Options) check() error {
	var faults []error
	if o.Now == nil {
		faults = append(faults, fault.Invalid("now", "is nil"))
	}
	faults = append(faults, checkURL("issuer", o.Issuer))
	if len(o.Audiences) == 0 || slices.Contains(o.Audiences, "") {
		faults = append(faults, fault.Invalid("audiences", "are empty, or one of them is"))
	}
	if len(o.Algorithms) == 0 {
		faults = append(faults, fault.Invalid("algorithms", "are none"))
	}
	for _, alg := range o.Algorithms {
		if !slices.Contains(algorithms, alg) {
			faults = append(faults, fault.Invalid("algorithms", "%q is none of %s", alg, strings.Join(algorithms, ", ")))
		}
	}
	if o.Leeway < 0 || o.KeysFor < 0 {
		faults = append(faults, fault.Invalid("leeway", "and keysFor must be 0 or more"))
	}
	return errors.Join(faults...)
}

// checkURL refuses an address over which somebody else could answer.
func checkURL(field, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fault.Invalid(field, "%q is no https address", s)
	}
	return nil
}

// discover returns where an issuer says that its keys are.
func discover(ctx context.Context, issuer string) (string, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return "", err
	}
	var said struct {
		Keys string `json:"jwks_uri"`
	}
	return said.Keys, provider.Claims(&said)
}

// Authenticate returns who makes a request. It returns a [*httpapi.Problem]: 401 for a token that is missing, broken or over, or that is of
// another issuer or for another audience; 403 for one that lacks a claim; 503 while the issuer's keys cannot be had. With the error of a token
// that the issuer did make comes what it says of its caller, for records of refused access.
func (a *Authenticator) Authenticate(r *http.Request) (httpapi.Caller, error) {
	token, err := bearer(r)
	if err != nil {
		return httpapi.Caller{}, err
	}
	try := &attempt{keys: a.keys}
	verified, err := oidc.NewVerifier(a.issuer, try, a.config).Verify(r.Context(), token)
	switch {
	case errors.Is(try.err, errUnreachable):
		return httpapi.Caller{}, &httpapi.Problem{
			Status: http.StatusServiceUnavailable, Code: httpapi.CodeExternal, Message: "the keys of the token's issuer cannot be had", RetryAfter: 5 * time.Second,
		}
	case err != nil:
		return httpapi.Caller{}, invalid("the token is not valid")
	}
	var claims map[string]json.RawMessage
	if err := verified.Claims(&claims); err != nil {
		return httpapi.Caller{}, invalid("the token is not valid")
	}
	known := func(audience string) bool { return slices.Contains(a.audiences, audience) }
	if !slices.ContainsFunc(verified.Audience, known) {
		return httpapi.Caller{}, invalid("the token is for somebody else")
	}
	return a.claims.caller(claims, a.now(), a.leeway)
}

// bearer returns the token of a request.
func bearer(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" || strings.Contains(token, "{") { // the compact form alone
		return "", invalid("there is no bearer token")
	}
	return strings.TrimSpace(token), nil
}

func invalid(message string) *httpapi.Problem {
	return &httpapi.Problem{Status: http.StatusUnauthorized, Code: httpapi.CodeInvalidToken, Message: message}
}

// withDefaults returns the names with the usual ones where there is none.
func (c Claims) withDefaults() Claims {
	for _, name := range []struct {
		of    *string
		usual string
	}{
		{&c.Account, "accountId"},
		{&c.Workspace, "workspaceId"},
		{&c.User, "userId"},
		{&c.Principal, "principalId"},
		{&c.Context, "context"},
		{&c.Platform, "platform"},
		{&c.Lang, "lang"},
		{&c.Zone, "timezone"},
	} {
		if *name.of == "" {
			*name.of = name.usual
		}
	}
	return c
}

// caller returns who is said to call by the claims of a token whose signature, issuer and audience are right.
func (c *Claims) caller(claims map[string]json.RawMessage, now time.Time, leeway time.Duration) (httpapi.Caller, error) {
	text := func(name string) (s string) {
		_ = json.Unmarshal(claims[name], &s) // what is no text is as good as absent
		return s
	}
	caller := httpapi.Caller{
		Account: text(c.Account), Workspace: text(c.Workspace), UserID: text(c.User), Principal: text(c.Principal),
		Context: httpapi.Context(text(c.Context)), Platform: httpapi.Platform(text(c.Platform)), Lang: text(c.Lang), Zone: text(c.Zone),
	}
	if caller.Principal == "" {
		caller.Principal = text("sub")
	}
	exp, until := moment(claims["exp"])
	iat, made := moment(claims["iat"])
	nbf, since := moment(claims["nbf"])
	switch {
	case until && !now.Before(exp.Add(leeway)):
		return caller, &httpapi.Problem{Status: http.StatusUnauthorized, Code: httpapi.CodeExpiredToken, Message: "the token is over"}
	case since && now.Add(leeway).Before(nbf), made && now.Add(leeway).Before(iat):
		return caller, invalid("the token is not valid yet")
	}
	return caller, c.missing(&caller, map[string]bool{"exp": until, "iat": made, "sub": text("sub") != ""})
}

// missing refuses a token that lacks what its context asks for.
func (c *Claims) missing(caller *httpapi.Caller, there map[string]bool) error {
	there[c.Account], there[c.Context], there[c.Platform] = caller.Account != "", caller.Context != "", caller.Platform != ""
	if caller.Context != httpapi.Portal {
		there[c.Workspace] = caller.Workspace != ""
		there[c.User] = caller.UserID != "" || caller.Platform == httpapi.Machine
	}
	var lacks []string
	for name, is := range there {
		if !is {
			lacks = append(lacks, name)
		}
	}
	slices.Sort(lacks)
	switch {
	case len(lacks) > 0:
		return forbidden("the token lacks " + strings.Join(lacks, ", "))
	case !slices.Contains([]httpapi.Context{httpapi.App, httpapi.Dashboard, httpapi.Portal}, caller.Context):
		return forbidden("the token is for no context that there is")
	case !slices.Contains([]httpapi.Platform{httpapi.Web, httpapi.Mobile, httpapi.Machine}, caller.Platform):
		return forbidden("the token is of no platform that there is")
	}
	return nil
}

func forbidden(message string) *httpapi.Problem {
	return &httpapi.Problem{Status: http.StatusForbidden, Code: httpapi.CodeForbidden, Message: message}
}

// moment returns the moment that a claim is, in seconds since 1970 that may have a fraction.
func moment(claim json.RawMessage) (time.Time, bool) {
	var seconds float64
	if len(claim) == 0 || json.Unmarshal(claim, &seconds) != nil || seconds <= 0 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(seconds * 1e6)).UTC(), true
}
