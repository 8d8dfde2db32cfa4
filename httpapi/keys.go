package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// An apiKey lets a machine call. Only a sum of the secret is kept.
type apiKey struct {
	ID   string `json:"apiKeyId"`
	Name string `json:"name"`
	Sum  string `json:"sum"`
	// Ends are the last characters of the secret, for people to tell keys apart.
	Ends string `json:"ends"`
	// Context is what the key is for, Role the most that it may do.
	Context Context      `json:"context"`
	Role    tenancy.Role `json:"role"`
	// UserID is as whom the key acts where a request names nobody; PrincipalID is that user's, for the Portal.
	UserID      string `json:"userId"`
	PrincipalID string `json:"principalId,omitempty"`
	// CreatedBy is the principal who made the key.
	CreatedBy  string    `json:"createdBy"`
	CreatedAt  time.Time `json:"createdAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
	RevokedAt  time.Time `json:"revokedAt,omitzero"`
}

// apiKeys are kept in their workspace.
var apiKeys = store.Define("httpapi_api_keys", func(k *apiKey) string { return k.ID },
	[]store.Field[apiKey]{
		{Name: "sum", Kind: store.KindText, Of: func(k *apiKey) store.Value { return store.Text(k.Sum) }},
		{Name: "created_at", Kind: store.KindInt, Of: func(k *apiKey) store.Value { return store.Time(k.CreatedAt) }},
	},
	store.Index{Name: "sum", Columns: []string{"sum"}, Unique: true},
	store.Index{Name: "created", Columns: []string{"created_at"}},
)

// An apiKeyScope says in which workspace a key is. It is kept on the platform, where the key is looked up by its sum alone; without the key
// in the workspace it lets nobody in.
type apiKeyScope struct {
	Sum       string `json:"sum"`
	Account   string `json:"account"`
	Workspace string `json:"workspace"`
}

var apiKeyScopes = store.Define("httpapi_api_key_scopes", func(k *apiKeyScope) string { return k.Sum }, nil)

const (
	// keyPrefix is how the secrets of keys begin, so that they are found where they should not be.
	keyPrefix = "gdn_"
	// keyBytes is how many random bytes a secret has, and keyLetters how many characters these are.
	keyBytes   = 32
	keyLetters = 43
	// keyLife is for how long a key is good unless its maker says otherwise.
	keyLife = 365 * 24 * time.Hour
	// usedEvery is how exactly it is known when a key was used last.
	usedEvery = time.Minute
)

// newSecret returns the secret of a new key.
func newSecret(random io.Reader) (string, error) {
	b := make([]byte, keyBytes)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", err
	}
	letters := new(big.Int).SetBytes(b).Text(62)
	return keyPrefix + strings.Repeat("0", keyLetters-len(letters)) + letters, nil
}

// sumOf returns what is kept of a secret. It is random, so nobody can try all there are.
func sumOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// APIKeys returns what says who makes a request ([Options].Authenticate): the holder of an API key that was made in the Portal, if the request
// has one as its bearer token, and else whom otherwise finds. With nil, only keys let anybody in. The engine needs [Tables].
//
// A key is looked up in the store at each request, so one that was revoked is refused at once. It is refused as a [Problem] with the status 401, also
// when it has expired, with who its holder was. When a key was used last is noted once a minute; that this could not be is logged.
func APIKeys(eng *guerdon.Engine, otherwise func(*http.Request) (Caller, error)) func(*http.Request) (Caller, error) {
	return func(r *http.Request) (Caller, error) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		token = strings.TrimSpace(token)
		if !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(token, keyPrefix) {
			if otherwise == nil {
				return Caller{}, problem(http.StatusUnauthorized, CodeInvalidToken, "there is no API key")
			}
			return otherwise(r)
		}
		return holder(r.Context(), eng, token)
	}
}

// holder returns the caller whom a key lets in.
func holder(ctx context.Context, eng *guerdon.Engine, secret string) (Caller, error) {
	sum := sumOf(secret)
	var at apiKeyScope
	var key apiKey
	known := false
	err := eng.Store().View(ctx, store.Scope{}, func(tx store.Tx) (err error) {
		if at, known, err = apiKeyScopes.Get(ctx, tx, sum); err != nil || !known {
			return err
		}
		found, err := apiKeys.List(ctx, tx.In(at.scope()), store.By("sum", store.Text(sum)))
		if known = len(found) == 1; known {
			key = found[0]
		}
		return err
	})
	if err != nil {
		eng.Failed(ctx, store.Scope{}, "looking an API key up", err)
		return Caller{}, &Problem{Status: http.StatusServiceUnavailable, Code: CodeDatabase, Message: "the request cannot be served at the moment", RetryAfter: time.Second}
	}
	if !known {
		return Caller{}, problem(http.StatusUnauthorized, CodeInvalidToken, "the API key is not valid")
	}
	caller := Caller{
		Account: at.Account, Workspace: at.Workspace, UserID: key.UserID, Principal: key.PrincipalID, Context: key.Context, Platform: Machine,
		Role: key.Role, Key: key.ID,
	}
	now := eng.Now()
	switch {
	case !key.RevokedAt.IsZero():
		return caller, problem(http.StatusUnauthorized, CodeInvalidToken, "the API key was revoked")
	case !now.Before(key.ExpiresAt):
		return caller, problem(http.StatusUnauthorized, CodeExpiredToken, "the API key has expired")
	}
	if now.Sub(key.LastUsedAt) >= usedEvery {
		if err := noteUse(ctx, eng, at.scope(), key.ID, now); err != nil {
			eng.Failed(ctx, at.scope(), "noting the use of API key "+key.ID, err)
		}
	}
	return caller, nil
}

func (at *apiKeyScope) scope() store.Scope {
	return store.Scope{Account: at.Account, Workspace: at.Workspace}
}

// noteUse notes that a key is used, unless somebody else just did. Nothing is noted in a workspace that is closed.
func noteUse(ctx context.Context, eng *guerdon.Engine, s store.Scope, id string, now time.Time) error {
	ws, err := eng.Workspace(ctx, s)
	if err == nil {
		err = ws.UpdateTables(ctx, func(ctx context.Context, tx store.Tx, _ *guerdon.Workspace) error {
			key, there, err := apiKeys.Get(ctx, tx, id)
			if err != nil || !there || now.Sub(key.LastUsedAt) < usedEvery {
				return err
			}
			key.LastUsedAt = now
			return apiKeys.Put(ctx, tx, key)
		})
	}
	if errors.Is(err, fault.ErrConflict) || errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	return err
}

// An apiKeyRow is a key as it is shown.
type apiKeyRow struct {
	ID          string       `json:"apiKeyId"`
	AccountID   string       `json:"accountId"`
	WorkspaceID string       `json:"workspaceId"`
	Name        string       `json:"name"`
	Ends        string       `json:"ends"`
	Context     Context      `json:"context"`
	Role        tenancy.Role `json:"role"`
	UserID      string       `json:"userId"`
	CreatedBy   string       `json:"createdBy"`
	CreatedAt   time.Time    `json:"createdAt"`
	ExpiresAt   time.Time    `json:"expiresAt"`
	LastUsedAt  time.Time    `json:"lastUsedAt,omitzero"`
	RevokedAt   time.Time    `json:"revokedAt,omitzero"`
	// Secret is shown once, to who makes the key.
	Secret string `json:"key,omitempty"`
}

// kept returns what is kept as the answer to who made the key: without the secret, which a repeat does not show again.
func (r apiKeyRow) kept() any {
	r.Secret = ""
	return r
}

func (c *call) apiKeyRow(k *apiKey, secret string) apiKeyRow {
	at := c.ws.Scope()
	return apiKeyRow{
		k.ID, at.Account, at.Workspace, k.Name, k.Ends, k.Context, k.Role, k.UserID, k.CreatedBy, k.CreatedAt, k.ExpiresAt, k.LastUsedAt, k.RevokedAt, secret,
	}
}

type (
	inWorkspace struct {
		WorkspaceID string `path:"workspaceId"`
	}
	apiKeysOf struct {
		inWorkspace
		paging
	}
	apiKeyOf struct {
		inWorkspace

		APIKeyID string `path:"apiKeyId"`
	}
	newAPIKey struct {
		inWorkspace

		Body struct {
			Name      string       `json:"name"`
			Context   Context      `json:"context"`
			Role      tenancy.Role `json:"role"`
			UserID    string       `json:"userId,omitempty"`
			ExpiresAt time.Time    `json:"expiresAt,omitzero"`
		} `body:"json"`
	}
)

// apiKeyOperations declare how keys are made, listed and revoked.
func apiKeyOperations() []*operation {
	const all, one = "/workspaces/{workspaceId}/api-keys", "/workspaces/{workspaceId}/api-keys/{apiKeyId}"
	return []*operation{
		declare("GET", all, tenancy.UsersManage, "List API keys", codes(200, 400, 401, 403, 404),
			func(ctx context.Context, c *call, in *apiKeysOf) (rows list[apiKeyRow], err error) {
				err = c.ws.ViewTables(ctx, func(ctx context.Context, tx store.Tx) error {
					found, next, err := apiKeys.PageOf(ctx, tx, store.By("created"), in.page())
					rows = list[apiKeyRow]{NextToken: next}
					for i := range found {
						rows.Items = append(rows.Items, c.apiKeyRow(&found[i], ""))
					}
					return err
				})
				return rows, err
			}),
		declare("POST", all, tenancy.UsersManage, "Make an API key", codes(201, 400, 401, 403, 404), makeAPIKey),
		declare("GET", one, tenancy.UsersManage, "Get an API key", codes(200, 401, 403, 404),
			func(ctx context.Context, c *call, in *apiKeyOf) (row apiKeyRow, err error) {
				err = c.ws.ViewTables(ctx, func(ctx context.Context, tx store.Tx) error {
					key, err := findAPIKey(ctx, tx, in.APIKeyID)
					row = c.apiKeyRow(&key, "")
					return err
				})
				return row, err
			}),
		declare("DELETE", one, tenancy.UsersManage, "Revoke an API key", codes(200, 401, 403, 404),
			func(ctx context.Context, c *call, in *apiKeyOf) (row apiKeyRow, err error) {
				err = c.ws.UpdateTables(ctx, func(ctx context.Context, tx store.Tx, _ *guerdon.Workspace) error {
					key, err := findAPIKey(ctx, tx, in.APIKeyID)
					if err == nil && key.RevokedAt.IsZero() {
						key.RevokedAt = c.engine.Now()
						err = apiKeys.Put(ctx, tx, key)
					}
					row = c.apiKeyRow(&key, "")
					return err
				})
				return row, err
			}),
	}
}

func findAPIKey(ctx context.Context, tx store.Tx, id string) (apiKey, error) {
	key, there, err := apiKeys.Get(ctx, tx, id)
	if err == nil && !there {
		err = fault.NotFound("apiKey", id)
	}
	return key, err
}

// makeAPIKey makes a key for a user of the workspace, by default for who asks. It may do nothing that who asks may not; one for the Portal, which
// reaches whatever its user's principal does, is for oneself alone.
func makeAPIKey(ctx context.Context, c *call, in *newAPIKey) (row apiKeyRow, err error) {
	now := c.engine.Now()
	key := apiKey{
		ID: c.engine.NewID(), Name: in.Body.Name, Context: in.Body.Context, Role: in.Body.Role, UserID: in.Body.UserID, CreatedBy: c.caller.Principal,
		CreatedAt: now, ExpiresAt: in.Body.ExpiresAt,
	}
	own := ""
	if c.user != nil {
		own = c.user.ID
	}
	if key.UserID == "" {
		key.UserID = own
	}
	if key.ExpiresAt.IsZero() {
		key.ExpiresAt = now.Add(keyLife)
	}
	faults := []error{text.Line("name", key.Name, 1, 100), key.Role.Check("role")}
	switch key.Context {
	case App, Dashboard:
	case Portal:
		if key.UserID != own || own == "" {
			faults = append(faults, fault.Invalid("userId", "of a key for the portal is your own"))
		}
		key.PrincipalID = c.caller.Principal
	default:
		faults = append(faults, fault.Invalid("context", "%q is none of app, dashboard, portal", key.Context))
	}
	if !key.ExpiresAt.After(now) {
		faults = append(faults, fault.Invalid("expiresAt", "is over"))
	}
	if err := errors.Join(faults...); err != nil {
		return row, err
	}
	if err := c.requireCovers(key.Role); err != nil {
		return row, err
	}
	if err := c.requireUser(ctx, "userId", key.UserID); err != nil {
		return row, err
	}
	secret, err := newSecret(c.engine.Random())
	if err != nil {
		return row, err
	}
	key.Sum, key.Ends = sumOf(secret), secret[len(secret)-4:]
	err = c.ws.UpdateTables(ctx, func(ctx context.Context, tx store.Tx, _ *guerdon.Workspace) error {
		at := tx.Scope()
		return errors.Join(apiKeys.Insert(ctx, tx, key), apiKeyScopes.Insert(ctx, tx.In(store.Scope{}), apiKeyScope{key.Sum, at.Account, at.Workspace}))
	})
	return c.apiKeyRow(&key, secret), err
}

// forgetAPIKeys removes from the platform what leads to the keys of a workspace that is about to be erased, a portion in a transaction.
func (c *call) forgetAPIKeys(ctx context.Context, s store.Scope) error {
	for after, more := (*store.Position)(nil), true; more; {
		err := c.engine.UpdatePlatform(ctx, func(ctx context.Context, tx store.Tx, _ tenancy.Platform) error {
			q := store.Query{After: after}.First(store.MaxPage)
			found, err := apiKeys.List(ctx, tx.In(s), q)
			if err != nil {
				return err
			}
			sums := make([]string, len(found))
			for i := range found {
				sums[i] = found[i].Sum
			}
			if more = len(found) == store.MaxPage; more {
				after = apiKeys.At("", found[len(found)-1])
			}
			return apiKeyScopes.Delete(ctx, tx, sums...)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
