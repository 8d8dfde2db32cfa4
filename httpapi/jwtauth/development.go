package jwtauth

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/httpapi"
)

// Development says who makes a request by tokens that it has signed itself (HS256), for a developer who has no issuer. It takes requests from the
// same machine alone. It may be used concurrently.
type Development struct {
	secret []byte
	claims Claims
	now    func() time.Time
}

// developer is the issuer of the tokens of [Development].
const developer = "guerdon-development"

// minSecret is how many bytes a secret has at least.
const minSecret = 32

// NewDevelopment returns who signs and reads tokens with a secret, by a clock: an engine's Now. Tokens have the usual claims. It returns
// [fault.ErrInvalid] for a secret of less than 32 bytes, or no clock.
func NewDevelopment(secret []byte, now func() time.Time) (*Development, error) {
	switch {
	case len(secret) < minSecret:
		return nil, fault.Invalid("secret", "has %d bytes; it must have at least %d", len(secret), minSecret)
	case now == nil:
		return nil, fault.Invalid("now", "is nil")
	}
	return &Development{secret, Claims{}.withDefaults(), now}, nil
}

// Token returns a token that is good for an hour and says that somebody calls.
func (d *Development) Token(caller httpapi.Caller) (string, error) {
	now := d.now()
	claims := map[string]any{"iss": developer, "sub": developer, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	said := map[string]string{
		d.claims.Account: caller.Account, d.claims.Workspace: caller.Workspace, d.claims.User: caller.UserID, d.claims.Principal: caller.Principal,
		d.claims.Context: string(caller.Context), d.claims.Platform: string(caller.Platform), d.claims.Lang: caller.Lang, d.claims.Zone: caller.Zone,
	}
	maps.DeleteFunc(said, func(_, value string) bool { return value == "" })
	for name, value := range said {
		claims[name] = value
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: d.secret}, nil)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// Authenticate returns who makes a request. It returns a [*httpapi.Problem]: 403 for a request that comes from another machine, or through a
// proxy, whatever its token; else as [Authenticator.Authenticate] does.
func (d *Development) Authenticate(r *http.Request) (httpapi.Caller, error) {
	if !local(r) {
		return httpapi.Caller{}, forbidden("tokens of development are for the same machine")
	}
	token, err := bearer(r)
	if err != nil {
		return httpapi.Caller{}, err
	}
	parsed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return httpapi.Caller{}, invalid("the token is not valid")
	}
	payload, err := parsed.Verify(d.secret)
	if err != nil {
		return httpapi.Caller{}, invalid("the token is not valid")
	}
	var claims map[string]json.RawMessage
	var issuer string
	if json.Unmarshal(payload, &claims) != nil || json.Unmarshal(claims["iss"], &issuer) != nil || issuer != developer {
		return httpapi.Caller{}, invalid("the token is not valid")
	}
	return d.claims.caller(claims, d.now(), leeway)
}

// local tells whether a request comes from the same machine, and not through a proxy on it.
func local(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && host != "localhost" && loopback(host)
}

// loopback tells whether a host is this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	at, err := netip.ParseAddr(host)
	return err == nil && at.Unmap().IsLoopback()
}
