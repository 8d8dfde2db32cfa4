package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"
)

// errUnreachable says that there are no keys to judge a token by.
var errUnreachable = errors.New("jwtauth: the issuer's keys cannot be had")

// errUnknown says that a token is signed by none of the keys that there are.
var errUnknown = errors.New("jwtauth: the token is signed by no key of the issuer's")

// maxKeys is how many bytes a set of keys may have.
const maxKeys = 1 << 20

// keys are those of an issuer. They are fetched when a token needs them, by the request that brings it.
type keys struct {
	url        string
	client     *http.Client
	now        func() time.Time
	goodFor    time.Duration
	algorithms []jose.SignatureAlgorithm
	unknown    *rate.Limiter

	mu      sync.Mutex
	known   []jose.JSONWebKey
	at      time.Time // when they were fetched, zero for never
	tried   time.Time // when that was tried last
	loading chan struct{}
	failed  error // of what was tried last
}

// retryEvery is how often an issuer is asked that did not answer.
const retryEvery = 5 * time.Second

// signatures are algorithms as the parser of tokens takes them.
func signatures(names []string) []jose.SignatureAlgorithm {
	all := make([]jose.SignatureAlgorithm, len(names))
	for i, name := range names {
		all[i] = jose.SignatureAlgorithm(name)
	}
	return all
}

// An attempt is the verification of one token. It keeps why it failed, which its caller is not told in a form to be read.
type attempt struct {
	keys *keys
	err  error
}

// VerifySignature implements oidc.KeySet.
func (a *attempt) VerifySignature(ctx context.Context, token string) (payload []byte, err error) {
	payload, a.err = a.keys.verify(ctx, token)
	return payload, a.err
}

// verify returns what a token says that one of the keys has signed.
func (k *keys) verify(ctx context.Context, token string) ([]byte, error) {
	parsed, err := jose.ParseSigned(token, k.algorithms)
	if err != nil || len(parsed.Signatures) != 1 {
		return nil, errUnknown
	}
	head := parsed.Signatures[0].Header
	all, at, err := k.current(ctx)
	if err != nil {
		return nil, err
	}
	payload, named := check(parsed, all, head.KeyID, head.Algorithm)
	if payload == nil && !named && head.KeyID != "" {
		if all, err = k.newer(ctx, at); err != nil {
			return nil, err
		}
		payload, _ = check(parsed, all, head.KeyID, head.Algorithm)
	}
	if payload == nil {
		return nil, errUnknown
	}
	return payload, nil
}

// check returns what a token says if one of the keys has signed it, and whether there is a key of that name. Any key may have signed a
// token that names none.
func check(token *jose.JSONWebSignature, all []jose.JSONWebKey, id, algorithm string) (payload []byte, named bool) {
	for i := range all {
		key := &all[i]
		if id != "" && key.KeyID != id || key.Algorithm != "" && key.Algorithm != algorithm {
			continue
		}
		named = true
		if payload, err := token.Verify(key); err == nil {
			return payload, true
		}
	}
	return nil, named
}

// current returns the keys, of which none was fetched longer ago than they are good for, and when they were.
func (k *keys) current(ctx context.Context) ([]jose.JSONWebKey, time.Time, error) {
	k.mu.Lock()
	now, all, at := k.now(), k.known, k.at
	age := now.Sub(at)
	good := !at.IsZero() && age < k.goodFor
	fresh := good && age < k.goodFor/2
	resting := k.failed != nil && now.Sub(k.tried) < retryEvery
	busy := k.loading != nil
	k.mu.Unlock()
	switch {
	case fresh, good && (busy || resting):
		return all, at, nil
	case resting:
		return nil, at, errUnreachable
	}
	fetched, err := k.fetch(ctx, func() bool { return true })
	switch {
	case err == nil:
		return fetched, now, nil
	case good:
		return all, at, nil
	}
	return nil, at, err
}

// newer returns keys that were fetched after some moment, because a token names one that was not known then. Unless somebody has fetched them
// meanwhile, or does, that is done only so often.
func (k *keys) newer(ctx context.Context, than time.Time) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	all, at := k.known, k.at
	k.mu.Unlock()
	if at.After(than) {
		return all, nil
	}
	return k.fetch(ctx, func() bool { return k.unknown.AllowN(k.now(), 1) })
}

// fetch fetches the keys if allowed says so, or waits for who does already, and returns them.
func (k *keys) fetch(ctx context.Context, allowed func() bool) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	if loading := k.loading; loading != nil {
		k.mu.Unlock()
		select {
		case <-loading:
		case <-ctx.Done():
			return nil, errors.Join(errUnreachable, ctx.Err())
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.known, k.failed
	}
	if !allowed() {
		k.mu.Unlock()
		return nil, errUnknown
	}
	done := make(chan struct{})
	k.loading = done
	k.mu.Unlock()

	// What others wait for does not end with the request that happens to do it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	all, err := k.load(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	defer close(done)
	k.loading, k.failed, k.tried = nil, nil, k.now()
	if err != nil {
		k.failed = errors.Join(errUnreachable, err)
		return nil, k.failed
	}
	k.known, k.at = all, k.tried
	return all, nil
}

// load asks the issuer for its keys. Those of a sort that is not known, or that are secret, are left out.
func (k *keys) load(ctx context.Context) ([]jose.JSONWebKey, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Cache-Control", "no-cache")
	answer, err := k.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // all that is needed has been read
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("jwtauth: %s answered %s", k.url, answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxKeys))
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, err
	}
	all := []jose.JSONWebKey{}
	for _, one := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(one, &key) == nil && key.IsPublic() && key.Valid() && (key.Use == "" || key.Use == "sig") {
			all = append(all, key)
		}
	}
	return all, nil
}
