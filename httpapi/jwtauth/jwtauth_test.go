package jwtauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/httpapi/jwtauth"
)

var start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// An issuer serves its discovery document and the public parts of its keys.
type issuer struct {
	testing.TB

	*httptest.Server

	now     atomic.Pointer[time.Time]
	fetched atomic.Int64 // how often its keys were

	mu   sync.Mutex
	keys []jose.JSONWebKey
	down bool
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{TB: t}
	i.set(start)
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL, "token_endpoint": i.URL})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.fetched.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var all []any
		for _, key := range i.keys {
			all = append(all, key)
		}
		// One that nobody knows, and one that is secret, are no harm.
		all = append(all, map[string]string{"kty": "OKP", "crv": "Ed448", "x": "AA"}, map[string]string{"kty": "oct", "kid": "shared", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ1Njc4OTA"})
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": all})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) set(now time.Time)    { i.now.Store(&now) }
func (i *issuer) pass(d time.Duration) { i.set(i.now.Load().Add(d)) }

// publish makes the public keys those of some names.
func (i *issuer) publish(all ...signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
	for _, s := range all {
		i.keys = append(i.keys, jose.JSONWebKey{Key: s.private.Public(), KeyID: s.id, Use: "sig"})
	}
}

func (i *issuer) fall(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// authenticator returns what reads the issuer's tokens.
func (i *issuer) authenticator(change func(*jwtauth.Options)) *jwtauth.Authenticator {
	i.Helper()
	o := jwtauth.Options{Issuer: i.URL, Audiences: []string{"guerdon", "guerdon-machines"}, Now: func() time.Time { return *i.now.Load() }}
	if change != nil {
		change(&o)
	}
	a, err := jwtauth.New(i.Context(), o)
	require.NoError(i, err)
	return a
}

// A signer has a private key.
type signer struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

// The keys are the same in each run; these are tests.
func signers(t testing.TB) (rs, es, ed signer) {
	t.Helper()
	chance := rand.NewChaCha8([32]byte{1})
	block, _ := pem.Decode([]byte(rsaKey))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	var seed [32]byte
	_, err = chance.Read(seed[:])
	require.NoError(t, err)
	edwards := ed25519.NewKeyFromSeed(seed[:])
	curve, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	require.NoError(t, err)
	return signer{"rs", jose.RS256, parsed.(*rsa.PrivateKey)}, signer{"es", jose.ES256, curve}, signer{"ed", jose.EdDSA, edwards}
}

// sign returns a token; the header names the key unless it has no id.
func (s signer) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	return sign(t, jose.SigningKey{Algorithm: s.algorithm, Key: jose.JSONWebKey{Key: s.private, KeyID: s.id}}, claims)
}

func sign(t testing.TB, key jose.SigningKey, claims map[string]any) string {
	t.Helper()
	with, err := jose.NewSigner(key, nil)
	require.NoError(t, err)
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	signed, err := with.Sign(payload)
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

// claims are those of a good token, with changes; nil takes one away.
func (i *issuer) claims(changes map[string]any) map[string]any {
	all := map[string]any{
		"iss": i.URL, "aud": []string{"guerdon"}, "sub": "idp-1", "iat": i.now.Load().Unix(), "exp": i.now.Load().Add(time.Hour).Unix(),
		"accountId": "acme", "workspaceId": "default", "userId": "ada", "context": "app", "platform": "web", "role": "member",
		"lang": "it", "timezone": "Europe/Rome", "principalId": "p1",
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

// ask makes a request with a token and returns who is said to call, and the status of a refusal, 0 for none.
func ask(t testing.TB, authenticate func(*http.Request) (httpapi.Caller, error), token string) (httpapi.Caller, int) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/app/v1/users/me", nil)
	r.RemoteAddr = "127.0.0.1:4711"
	r.Header.Set("Authorization", "Bearer "+token)
	caller, err := authenticate(r)
	if err == nil {
		return caller, 0
	}
	var p *httpapi.Problem
	require.ErrorAs(t, err, &p)
	return caller, p.Status
}

// A token says who calls, whichever of the listed algorithms has signed it, also if it does not name its key.
func TestWhoCalls(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	rs, es, ed := signers(t)
	i.publish(rs, es, ed)
	a := i.authenticator(nil)
	want := httpapi.Caller{
		Account: "acme", Workspace: "default", UserID: "ada", Principal: "p1", Context: httpapi.App, Platform: httpapi.Web, Lang: "it", Zone: "Europe/Rome",
	}
	for _, s := range []signer{rs, es, ed, {"", es.algorithm, es.private}} {
		caller, status := ask(t, a.Authenticate, s.sign(t, i.claims(nil)))
		require.Zero(t, status, s.algorithm)
		require.Equal(t, want, caller)
	}
	caller, status := ask(t, a.Authenticate, es.sign(t, i.claims(map[string]any{"aud": "guerdon-machines", "platform": "m2m", "userId": nil, "principalId": nil})))
	require.Zero(t, status, "a machine names its user in each request")
	require.Equal(t, "idp-1", caller.Principal)
	_, status = ask(t, a.Authenticate, es.sign(t, i.claims(map[string]any{"context": "portal", "workspaceId": nil, "userId": nil})))
	require.Zero(t, status)
	require.EqualValues(t, 1, i.fetched.Load(), "keys are remembered")

	named := i.authenticator(func(o *jwtauth.Options) {
		o.Claims = jwtauth.Claims{Account: "https://acme.test/account", Workspace: "tenant"}
		o.Algorithms = []string{"ES256"}
	})
	caller, status = ask(t, named.Authenticate, es.sign(t, i.claims(map[string]any{"accountId": nil, "https://acme.test/account": "acme", "tenant": "north"})))
	require.Zero(t, status)
	require.Equal(t, "north", caller.Workspace)
	_, status = ask(t, named.Authenticate, rs.sign(t, i.claims(map[string]any{"https://acme.test/account": "acme", "tenant": "north"})))
	require.Equal(t, 401, status, "RS256 is not listed")
}

// What is refused, and whether it is known in which account.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	rs, es, ed := signers(t)
	i.publish(rs, es)
	a := i.authenticator(nil)
	good := es.sign(t, i.claims(nil))
	head, rest, _ := strings.Cut(good, ".")
	require.NotEmpty(t, head)
	public, err := x509.MarshalPKIXPublicKey(rs.private.Public())
	require.NoError(t, err)
	signed := func(changes map[string]any) string { return es.sign(t, i.claims(changes)) }
	now := i.now.Load()
	for _, tt := range []struct {
		name, token string
		status      int
		known       bool
	}{
		{"no token", "", 401, false},
		{"no JWT", "abc", 401, false},
		{"a signature that was changed", good[:len(good)-8] + "AAAAAAA_", 401, false},
		{"no signature", "eyJhbGciOiJub25lIn0." + strings.Split(rest, ".")[0] + ".", 401, false},
		{"the public key as a shared one", sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), KeyID: "rs"}}, i.claims(nil)), 401, false},
		{"the shared key that is served", sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: []byte("secret-secret-secret-secret-1234567890"), KeyID: "shared"}}, i.claims(nil)), 401, false},
		{"a key that is not published", ed.sign(t, i.claims(nil)), 401, false},
		{"another's key under a known name", signer{"es", jose.EdDSA, ed.private}.sign(t, i.claims(nil)), 401, false},
		{"the form in JSON", `{"payload":"","signature":"","protected":""}`, 401, false},
		{"another issuer", signed(map[string]any{"iss": "https://other.test"}), 401, false},
		{"another audience", signed(map[string]any{"aud": "shop"}), 401, false},
		{"no audience", signed(map[string]any{"aud": nil}), 401, false},
		{"over", signed(map[string]any{"exp": now.Add(-30 * time.Second).Unix()}), 401, true},
		{"over, within the leeway", signed(map[string]any{"exp": now.Add(-29 * time.Second).Unix()}), 0, true},
		{"not yet", signed(map[string]any{"nbf": now.Add(31 * time.Second).Unix()}), 401, true},
		{"not yet, within the leeway", signed(map[string]any{"nbf": now.Add(30 * time.Second).Unix()}), 0, true},
		{"made in the future", signed(map[string]any{"iat": now.Add(time.Minute).Unix()}), 401, true},
		{"no end", signed(map[string]any{"exp": nil}), 403, true},
		{"no beginning", signed(map[string]any{"iat": nil}), 403, true},
		{"no subject", signed(map[string]any{"sub": nil}), 403, true},
		{"no account", signed(map[string]any{"accountId": nil}), 403, false},
		{"no workspace", signed(map[string]any{"workspaceId": nil}), 403, true},
		{"no user", signed(map[string]any{"userId": nil}), 403, true},
		{"a user that is a number", signed(map[string]any{"userId": 7}), 403, true},
		{"no context", signed(map[string]any{"context": nil}), 403, true},
		{"another context", signed(map[string]any{"context": "shop"}), 403, true},
		{"no platform", signed(map[string]any{"platform": nil}), 403, true},
		{"another platform", signed(map[string]any{"platform": "toaster"}), 403, true},
	} {
		caller, status := ask(t, a.Authenticate, tt.token)
		require.Equal(t, tt.status, status, tt.name)
		require.Equal(t, tt.known, caller.Account != "", tt.name)
	}
}

// A key that appears is found at once; one that is withdrawn is good no longer than keys are remembered. Who makes up names of keys makes the
// issuer be asked only so often.
func TestKeysComeAndGo(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	rs, es, ed := signers(t)
	i.publish(rs)
	a := i.authenticator(func(o *jwtauth.Options) { o.KeysFor = 4 * time.Minute })
	check := func(s signer, want int) {
		t.Helper()
		_, status := ask(t, a.Authenticate, s.sign(t, i.claims(nil)))
		require.Equal(t, want, status, s.id)
	}
	check(rs, 0)
	check(es, 401)
	i.publish(rs, es)
	check(es, 0)
	check(rs, 0)

	i.publish(es)
	check(rs, 0)
	i.pass(4*time.Minute - time.Microsecond)
	check(rs, 401)
	check(es, 0)

	before := i.fetched.Load()
	for n := range 50 {
		check(signer{fmt.Sprintf("made-up-%d", n), jose.EdDSA, ed.private}, 401)
		check(es, 0)
	}
	require.LessOrEqual(t, i.fetched.Load()-before, int64(4))
	for range 50 { // a key that is known and did not sign is no reason to ask
		check(signer{"es", jose.EdDSA, ed.private}, 401)
	}
	require.LessOrEqual(t, i.fetched.Load()-before, int64(4))
	i.publish(es, ed)
	i.pass(15 * time.Second)
	check(ed, 0)
}

// While the issuer cannot be reached, keys that are not old enough go on working, and then nobody is let in, until it can.
func TestTheIssuerIsDown(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	rs, _, _ := signers(t)
	i.publish(rs)
	a := i.authenticator(nil)
	check := func(want int) {
		t.Helper()
		_, status := ask(t, a.Authenticate, rs.sign(t, i.claims(nil)))
		require.Equal(t, want, status)
	}
	i.fall(true)
	check(503)
	i.fall(false)
	check(503) // it is not asked again at once
	i.pass(5 * time.Second)
	check(0)
	i.fall(true)
	i.pass(4 * time.Minute)
	check(0)
	before := i.fetched.Load()
	check(0)
	require.Equal(t, before, i.fetched.Load())
	_, status := ask(t, a.Authenticate, signer{"new", rs.algorithm, rs.private}.sign(t, i.claims(nil)))
	require.Equal(t, 503, status, "nobody knows whether there is such a key")
	i.pass(time.Minute)
	check(503)
	i.fall(false)
	i.pass(5 * time.Second)
	check(0)
}

// Many who come at once make the issuer be asked once, also with a key that is new.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	rs, es, _ := signers(t)
	a := i.authenticator(nil)
	for n, s := range []signer{rs, es} {
		i.publish(rs, es)
		if n == 0 {
			i.publish(rs)
		}
		token := s.sign(t, i.claims(nil))
		errs := make(chan error, 20)
		for range cap(errs) {
			go func() {
				r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				_, err := a.Authenticate(r)
				errs <- err
			}()
		}
		for range cap(errs) {
			require.NoError(t, <-errs)
		}
		i.pass(time.Second)
	}
	require.LessOrEqual(t, i.fetched.Load(), int64(6))
}

func TestWhatOptionsAreRefused(t *testing.T) {
	t.Parallel()
	good := jwtauth.Options{Issuer: "https://auth.example.org", Audiences: []string{"a"}, Keys: "https://auth.example.org/keys", Now: func() time.Time { return start }}
	_, err := jwtauth.New(t.Context(), good)
	require.NoError(t, err)
	for name, change := range map[string]func(*jwtauth.Options){
		"now":        func(o *jwtauth.Options) { o.Now = nil },
		"issuer":     func(o *jwtauth.Options) { o.Issuer = "http://auth.example.org" },
		"audiences":  func(o *jwtauth.Options) { o.Audiences = nil },
		"algorithms": func(o *jwtauth.Options) { o.Algorithms = []string{"RS256", "HS256"} },
		`"none"`:     func(o *jwtauth.Options) { o.Algorithms = []string{"none"} },
		"keys":       func(o *jwtauth.Options) { o.Keys = "http://192.0.2.1/keys" },
		"leeway":     func(o *jwtauth.Options) { o.Leeway = -1 },
	} {
		o := good
		change(&o)
		_, err := jwtauth.New(t.Context(), o)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		require.ErrorContains(t, err, name)
	}
	i := newIssuer(t)
	_, err = jwtauth.New(t.Context(), jwtauth.Options{Issuer: i.URL + "/other", Audiences: []string{"a"}, Now: good.Now})
	require.ErrorContains(t, err, "discovery")
}

// Tokens of development are for the same machine alone.
func TestDevelopment(t *testing.T) {
	t.Parallel()
	now := start
	d, err := jwtauth.NewDevelopment([]byte(strings.Repeat("s", 32)), func() time.Time { return now })
	require.NoError(t, err)
	want := httpapi.Caller{Account: "acme", Workspace: "default", UserID: "ada", Context: httpapi.App, Platform: httpapi.Web, Principal: "p1"}
	token, err := d.Token(want)
	require.NoError(t, err)
	caller, status := ask(t, d.Authenticate, token)
	require.Zero(t, status)
	require.Equal(t, want, caller)

	from := func(remote, header string) int {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = remote
		r.Header.Set("Authorization", "bearer "+token)
		if header != "" {
			r.Header.Set(header, "192.0.2.1")
		}
		_, err := d.Authenticate(r)
		if err == nil {
			return 0
		}
		var p *httpapi.Problem
		require.ErrorAs(t, err, &p)
		return p.Status
	}
	require.Zero(t, from("[::1]:80", ""))
	require.Zero(t, from("[::ffff:127.0.0.1]:80", ""))
	require.Equal(t, 403, from("192.0.2.1:80", ""))
	require.Equal(t, 403, from("10.0.0.1:80", ""))
	require.Equal(t, 403, from("@", ""))
	require.Equal(t, 403, from("127.0.0.1:80", "X-Forwarded-For"))

	other, err := jwtauth.NewDevelopment([]byte(strings.Repeat("t", 32)), func() time.Time { return now })
	require.NoError(t, err)
	_, status = ask(t, other.Authenticate, token)
	require.Equal(t, 401, status)
	now = now.Add(time.Hour + 30*time.Second)
	_, status = ask(t, d.Authenticate, token)
	require.Equal(t, 401, status)
	token, err = d.Token(httpapi.Caller{Account: "acme", Context: httpapi.App, Platform: httpapi.Web})
	require.NoError(t, err)
	_, status = ask(t, d.Authenticate, token)
	require.Equal(t, 403, status)

	_, err = jwtauth.NewDevelopment([]byte("short"), func() time.Time { return now })
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = jwtauth.NewDevelopment([]byte(strings.Repeat("s", 32)), nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

// rsaKey signs tokens of tests, and nothing else.
const rsaKey = `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDAjDwh7/mvKzDT
cPf7VRNeX0KoOOcQDAnFXkT6VoQoFK927c3jlhy37ts4n0hIQB9CtzEUSiwIKD6g
4hC0i3JlCZl3Jw6nKddPUfugKyRm5Y84JCBCb48AIHya+EhnHl4DfmQSLyXTgIzH
3qTw0g+R00fB8p57+h/Oxr0dzzh0tWA7Z9Bn3OBted0rWccU+j8Hesz1LtK4ZQ+D
wtTdQuq5GLpDDaiC+BeEQj4/pBFYDZ3zU/gI31lfqsRSclrcLB5LQpl/gVWEHdu9
EzNgabmZvb2vp/eMYY8wMdwdT/R+Xt+x40qXV+00LU1n2MmcOCbvbJP/TOGktlpb
HXQYUfjXAgMBAAECggEALwjSk5O0UVbimXPqD6oLji0E8mTcBK58IItTnDdQFx5e
clXKyoJbx46AXIeEN6n6OOjZA1TPBrsV+WTfocrCie3bYCDZUnpFDyo+pjSDsuL2
pkck3jW0H9rPtWdbAF2Jp57TQSHlQpIPUa+QaQdXKE8NI1Jp5m0GIhOoFMUOzGso
h/0SWH+JHxpkZUd7WXPjZ1O0TBelVOLiAScAnycJYDJTqZRm1cgxsFxH40kFpTBC
69p8bkou4yfT47GjfkhG7Jg6TdXb6ujUN6T42WwyD7HHwCJyerIJMpN5jL5Ccsag
F+iTNHAuoTYWdxPU+9CTPgC63oMKXQfAPKNselnluQKBgQD9dBscuv0a+g12wf0l
QsC08rsE0UbIm9Xrg5Nml++w8iQ3kzDsKRAdjswNr9ccxlx0WBMsttAFKnLMp5kF
dTS+mjscZg35RuEG6xXxPrCqpWvOKY143TJ3A70DkPhcQxiomHo6XR7t+xYuEq/0
PW4D46FQ/7aqTQYncp2gmef6PQKBgQDCe3oD2FbtJXWF3wJ2+3pOJLDBmmqpygrI
6ldpcGTzhmNg3hNCKTaMdaVkI8A2LUUgI1BlmvgTPzvJ4HVWvykN9qrrGbxhEntS
eFMfQ9jTJlerVu1HSghZlURHeW2IAAbD1/LS9zbSM7jL79oLeTa7HH0yF48JyHR7
8uo2YsJ0owKBgFgOK5E6wc7Kizz0Pq/gVjVHk4Qj9TSjN5ogV2iwZr0SE1UflUKn
LYsnXmtu6Qx9OgfNxbOmO/VffwztOXO0+cMysFC4gChX4LxXloL/Jb/TwvWYaCdS
qkLBEL0Zc8ASK5H/j4+RZLqHnngZU/pGEV/WiOgsP1lBc17nKi5u6jJ9AoGAE614
qADwsqfynyv0TOOe+V8e/0fHeQx3UOLdG08C99zmGzv9CNmwqj+RD3PKk/C6qMjJ
7q3iYdgpDYEHflJzLfWCT61X8R50meCQ0H4F5z9e6XgvI+Jqu92tfencWkFebdxg
tlXLFzOihAftsPF/xyjXxgS6NUwx9QScDAqsEC8CgYEArPIHtIeMK7egMctQOL7h
FhN2uTQc4pERDKI9YV91Uv+5+EJtE5Oy3aU8aQEYtRcAcJV+0RVEsgeRnmV33Y7+
2XjJg+ebS9t8+jGnd2zursQyxW7xqmX9beNedKTk7uoehZh4dilIGzLKxxhzKz8J
CkYHuIuWzyx34X8nDY83knc=
-----END PRIVATE KEY-----
`
