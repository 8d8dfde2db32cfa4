package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// portal returns a client of the Portal for the principal of a user.
func (w *world) portal(user, workspace string) client {
	w.Helper()
	var p tenancy.Principal
	ws, err := w.engine.Workspace(w.Context(), store.Scope{Account: "acme", Workspace: workspace})
	if err == nil {
		p, err = ws.Users.Principal(w.Context(), user)
	}
	if w.careless && errors.Is(err, fault.ErrNotFound) { // a request before has deleted it
		p.ID, err = user, nil
	}
	require.NoError(w, err)
	return client{w, p.ID + " default portal web", httpapi.Portal.Base(), http.Header{}}
}

// ids returns a field of each item of a list.
func ids(list map[string]any, field string) (all []string) {
	for _, item := range list["items"].([]any) {
		all = append(all, item.(map[string]any)[field].(string))
	}
	return all
}

// An owner of the account makes, renames and deletes workspaces, once for a key; to others there are only those that they may enter.
func TestWorkspacesInThePortal(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		owner := w.portal("owner", "default")
		w.now.set(w.now.get().Add(time.Second))
		first := owner.keyed("k1").send("POST", "/workspaces", `{"name": "North"}`)
		require.Equal(t, 201, first.Code, first.Body)
		again := owner.keyed("k1").send("POST", "/workspaces", `{"name": "North"}`)
		require.Equal(t, "true", again.Header().Get("X-Idempotency-Cache-Hit"))
		require.Equal(t, first.Body.String(), again.Body.String())
		all := ids(owner.do("GET", "/workspaces", "", 200), "workspaceId")
		require.Len(t, all, 3)
		north := all[0]
		owner.do("POST", "/workspaces", `{"workspaceId": "other", "name": "Other"}`, 409)
		owner.do("POST", "/workspaces", `{"name": ""}`, 400)
		require.Equal(t, "Far North", owner.do("PATCH", "/workspaces/"+north, `{"name": "Far North"}`, 200)["name"])
		require.Equal(t, "Far North", owner.do("GET", "/workspaces/"+north, "", 200)["name"])

		stranger := w.portal("owner", "other")
		require.Equal(t, []string{"other"}, ids(stranger.do("GET", "/workspaces", "", 200), "workspaceId"))
		stranger.do("GET", "/workspaces/"+north, "", 404)
		stranger.do("PATCH", "/workspaces/"+north, `{"name": "Mine"}`, 404)
		stranger.do("DELETE", "/workspaces/default", "", 404)
		stranger.do("POST", "/workspaces", `{"name": "Mine"}`, 403)
		stranger.do("GET", "/workspaces/nothing", "", 404)
		require.Equal(t, "Mine", stranger.do("PATCH", "/workspaces/other", `{"name": "Mine"}`, 200)["name"])
		w.portal("admin", "other").do("DELETE", "/workspaces/other", "", 403)

		gone := owner.keyed("k2").do("DELETE", "/workspaces/other", "", 200)
		require.Equal(t, map[string]any{"workspaceId": "other", "deleted": true}, gone)
		require.Equal(t, gone, owner.keyed("k2").do("DELETE", "/workspaces/other", "", 200))
		owner.do("DELETE", "/workspaces/other", "", 404)
		owner.do("DELETE", "/workspaces/default", "", 400)
		require.Len(t, owner.logs("?outcome=REFUSED"), 4, "who was told that there is none, and who may not make one")
		_, err := w.engine.Workspace(t.Context(), store.Scope{Account: "acme", Workspace: "other"})
		require.ErrorIs(t, err, fault.ErrNotFound)

		logs := owner.logs("?outcome=DONE")
		require.Equal(t, "DELETE /workspaces/{workspaceId}", logs[0]["operation"])
		require.Equal(t, "other", logs[0]["entityId"])
		require.Equal(t, north, logs[len(logs)-1]["entityId"])
		require.Len(t, logs, 4)
	})
}

// A closed workspace, or one that is half erased, can still be deleted.
func TestDeletingGoesOn(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, w *world) {
		s := store.Scope{Account: "acme", Workspace: "other"}
		_, err := w.engine.Platform.CloseWorkspace(t.Context(), s)
		require.NoError(t, err)
		w.portal("owner", "default").do("DELETE", "/workspaces/other", "", 200)
		_, err = w.engine.Workspace(t.Context(), s)
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

// The account is the caller's alone; principals are for its owners, and oneself for everybody.
func TestAccountsAndPrincipals(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		_, err := w.engine.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "rival"})
		require.NoError(t, err)
		owner, viewer := w.portal("owner", "default"), w.portal("viewer", "other")
		for _, c := range []client{owner, viewer} {
			require.Equal(t, []string{"acme"}, ids(c.do("GET", "/accounts", "", 200), "accountId"))
			require.Equal(t, "acme", c.do("GET", "/accounts/acme", "", 200)["accountId"])
			c.do("GET", "/accounts/rival", "", 404)
			c.do("GET", "/accounts/nothing", "", 404)
		}
		page := owner.do("GET", "/principals?limit=7", "", 200)
		rest := owner.do("GET", "/principals?limit=7&nextToken="+page["nextToken"].(string), "", 200)
		require.Len(t, append(ids(page, "principalId"), ids(rest, "principalId")...), 10)
		viewer.do("GET", "/principals", "", 403)

		me := viewer.do("GET", "/principals/me", "", 200)
		require.Equal(t, "viewer@other.test", me["email"])
		own := me["principalId"].(string)
		require.Equal(t, me, viewer.do("GET", "/principals/"+own, "", 200))
		require.Equal(t, me, owner.do("GET", "/principals/"+own, "", 200))
		viewer.do("GET", "/principals/"+ids(page, "principalId")[0], "", map[bool]int{true: 200, false: 404}[ids(page, "principalId")[0] == own])
		where := owner.do("GET", "/principals/"+own+"/workspaces", "", 200)
		require.Equal(t, []any{map[string]any{"accountId": "acme", "workspaceId": "other", "userId": "viewer", "name": "Other"}}, where["items"])
		require.Equal(t, where, viewer.do("GET", "/principals/me/workspaces", "", 200))
		owner.do("GET", "/principals/nothing", "", 404)
		client{w, "nobody default portal web", httpapi.Portal.Base(), http.Header{}}.do("GET", "/accounts", "", 403)
	})
}

// Nobody gives a role that may do what they may not, nor changes who has one.
func TestRolesInThePortal(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		const users = "/workspaces/other/users"
		owner, admin, manager := w.portal("owner", "other"), w.portal("admin", "other"), w.portal("manager", "other")
		require.Len(t, ids(admin.do("GET", users, "", 200), "userId"), 5)
		require.Equal(t, []string{"viewer"}, ids(admin.do("GET", users+"?role=viewer", "", 200), "userId"))
		manager.do("GET", users, "", 403)
		w.portal("admin", "default").do("GET", users, "", 404)
		w.portal("owner", "default").do("GET", users, "", 200) // of the account

		eve := admin.do("POST", users, `{"email": "eve@example.org", "role": "manager"}`, 201)
		admin.do("POST", users, `{"email": "eve@example.org"}`, 409)
		admin.do("POST", users, `{"email": "kim@example.org", "role": "owner"}`, 403)
		admin.do("POST", users, `{"email": "kim@example.org", "role": "king"}`, 400)
		admin.do("POST", users, `{"role": "member"}`, 400)
		one := users + "/" + eve["userId"].(string)
		require.Equal(t, "viewer", admin.do("PATCH", one, `{"role": "viewer"}`, 200)["role"])
		require.Equal(t, "suspended", admin.do("PATCH", one, `{"status": "suspended"}`, 200)["status"])
		require.Equal(t, "active", admin.do("PATCH", one, `{"status": "active"}`, 200)["status"])
		admin.do("PATCH", one, `{"status": "deleted"}`, 400)
		admin.do("PATCH", one, `{"role": "owner"}`, 403)
		admin.do("PATCH", users+"/owner", `{"role": "viewer"}`, 403)
		admin.do("DELETE", users+"/owner", "", 403)
		admin.do("PATCH", users+"/admin", `{"role": "viewer"}`, 400)
		owner.do("PATCH", one, `{"role": "owner"}`, 200)
		require.Equal(t, "deleted", owner.do("DELETE", one, "", 200)["status"])
		owner.do("GET", users+"/nobody", "", 404)

		_, err := w.ws.Users.Suspend(t.Context(), "owner")
		require.NoError(t, err)
		w.portal("owner", "default").do("GET", users, "", 404)
	})
}

// Clients that call workspaces sub-tenants are answered, and refused, as they know it.
func TestSubTenants(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		_, err := w.engine.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "rival"})
		require.NoError(t, err)
		c := w.portal("viewer", "other")
		const path = "/tenant/sub_tenant_ids"
		require.Equal(t, map[string]any{
			"tenant_id": "acme", "sub_tenant_ids": []any{"default", "other"}, "count": 2.0, "message": "sub-tenant ids as of now",
		}, c.do("GET", path+"?tenant_id=acme", "", 200))
		refused := func(c client, query string, status int, code string) {
			t.Helper()
			a := c.send("GET", path+query, "")
			require.Equal(t, status, a.Code)
			require.Equal(t, "application/json", a.Header().Get("Content-Type"))
			detail := c.do("GET", path+query, "", status)["detail"].(map[string]any)
			require.Equal(t, []any{false, code}, []any{detail["success"], detail["error_code"]})
			require.NotEmpty(t, detail["message"])
			require.Len(t, detail, 3)
		}
		refused(c, "", 400, "INVALID_TENANT_ID")
		refused(c, "?tenant_id=a%20b", 400, "INVALID_TENANT_ID")
		refused(c, "?tenant_id=rival", 404, "TENANT_NOT_FOUND")
		refused(c, "?tenant_id=nothing", 404, "TENANT_NOT_FOUND")
		stranger := c
		stranger.token = "nonsense"
		refused(stranger, "?tenant_id=acme", 401, "UNAUTHORIZED")
		stranger.token = "nobody default portal web"
		refused(stranger, "?tenant_id=acme", 403, "FORBIDDEN")
	})
}

// withKeys lets the world's handler take API keys.
func (w *world) withKeys() {
	w.Helper()
	handler, err := httpapi.New(w.engine, &httpapi.Options{Authenticate: httpapi.APIKeys(w.engine, authenticate)})
	require.NoError(w, err)
	w.handler = handler
}

// key makes an API key and returns a client that has it, and its row.
func (c client) key(body string, in httpapi.Context) (client, map[string]any) {
	c.Helper()
	made := c.do("POST", "/workspaces/other/api-keys", body, 201)
	return client{c.world, made["key"].(string), in.Base(), http.Header{}}, made
}

// A key lets its holder in, with no more than its role and its user's, until it is revoked or over. Only a sum of it is kept.
func TestAPIKeys(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.withKeys()
		owner := w.portal("owner", "other")
		const keys = "/workspaces/other/api-keys"
		c, made := owner.key(`{"name": "CI", "context": "dashboard", "role": "manager"}`, httpapi.Dashboard)
		require.Regexp(t, `^gdn_[0-9A-Za-z]{43}$`, c.token)
		require.Equal(t, []any{"owner", "2027-03-02T09:00:00.000Z", c.token[len(c.token)-4:]}, []any{made["userId"], made["expiresAt"], made["ends"]})
		c.do("POST", "/activities", activity("run"), 201)
		c.do("GET", "/audit-logs", "", 403) // which its user may, and its role may not
		weak, _ := owner.key(`{"name": "Weak", "context": "dashboard", "role": "owner", "userId": "viewer"}`, httpapi.Dashboard)
		weak.do("POST", "/activities", activity("walk"), 403) // which its role may, and its user may not
		weak.header.Set("X-User-Id", "manager")
		weak.do("POST", "/activities", activity("walk"), 201)
		capped, _ := owner.key(`{"name": "Capped", "context": "dashboard", "role": "viewer", "userId": "viewer"}`, httpapi.Dashboard)
		capped.header.Set("X-User-Id", "owner")
		capped.do("POST", "/activities", activity("swim"), 403) // whoever it names
		capped.withBase(httpapi.App).do("GET", "/audit-logs", "", 404)

		ws, err := w.engine.Workspace(t.Context(), store.Scope{Account: "acme", Workspace: "other"})
		require.NoError(t, err)
		w.ws = ws
		rows := w.kept("httpapi_api_keys")
		require.Len(t, rows, 3)
		for _, row := range rows {
			require.NotContains(t, row, c.token)
			require.NotContains(t, row, c.token[4:30])
		}

		one := keys + "/" + made["apiKeyId"].(string)
		used := func() any { return owner.do("GET", one, "", 200)["lastUsedAt"] }
		require.Equal(t, "2026-03-02T09:00:00.000Z", used())
		w.now.set(w.now.get().Add(59 * time.Second))
		c.do("GET", "/activities", "", 200)
		require.Equal(t, "2026-03-02T09:00:00.000Z", used())
		w.now.set(w.now.get().Add(time.Second))
		c.do("GET", "/activities", "", 200)
		require.Equal(t, "2026-03-02T09:01:00.000Z", used())

		list := owner.do("GET", keys, "", 200)
		require.Len(t, list["items"], 3)
		require.NotContains(t, fmt.Sprint(list), "gdn_")
		require.NotEmpty(t, owner.do("DELETE", one, "", 200)["revokedAt"])
		owner.do("DELETE", one, "", 200)
		c.do("GET", "/activities", "", 401)
		forged := c
		forged.token = c.token[:len(c.token)-1] + "."
		forged.do("GET", "/activities", "", 401)
		w.now.set(w.now.get().Add(365 * 24 * time.Hour))
		require.Equal(t, "auth/expired_token", capped.do("GET", "/activities", "", 401)["code"])

		refused := (client{w, "owner other dashboard web", httpapi.Dashboard.Base(), http.Header{}}).logs("?outcome=REFUSED&limit=1")
		require.Equal(t, "auth/expired_token", refused[0]["code"])
		require.NotEmpty(t, refused[0]["apiKeyId"])
	})
}

// Nobody makes a key that may do more than they, and a repeat does not show the secret again.
func TestWhichAPIKeysAreMade(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.withKeys()
		admin := w.portal("admin", "other")
		const keys = "/workspaces/other/api-keys"
		for body, want := range map[string]int{
			`{"name": "Up", "context": "app", "role": "owner"}`:                                                         403,
			`{"name": "No", "context": "app", "role": "king"}`:                                                          400,
			`{"name": "No", "context": "shop", "role": "viewer"}`:                                                       400,
			`{"name": "", "context": "app", "role": "viewer"}`:                                                          400,
			`{"name": "No", "context": "app", "role": "viewer", "userId": "nobody"}`:                                    400,
			`{"name": "No", "context": "app", "role": "viewer", "expiresAt": "2026-03-02T09:00:00Z"}`:                   400,
			`{"name": "No", "context": "portal", "role": "viewer", "userId": "owner"}`:                                  400,
			`{"name": "Ok", "context": "app", "role": "admin", "userId": "owner", "expiresAt": "2026-03-02T09:00:01Z"}`: 201,
		} {
			admin.do("POST", keys, body, want)
		}
		w.portal("manager", "other").do("POST", keys, `{"name": "No", "context": "app", "role": "viewer"}`, 403)
		w.portal("owner", "default").do("POST", keys, `{"name": "No", "context": "portal", "role": "viewer"}`, 400) // is nobody there
		first := admin.keyed("k1").do("POST", keys, `{"name": "Once", "context": "app", "role": "viewer"}`, 201)
		require.Contains(t, first, "key")
		again := admin.keyed("k1").do("POST", keys, `{"name": "Once", "context": "app", "role": "viewer"}`, 201)
		require.NotContains(t, again, "key")
		require.Equal(t, first["apiKeyId"], again["apiKeyId"])

		// One for the Portal is its maker there, up to its role.
		c, _ := admin.key(`{"name": "Portal", "context": "portal", "role": "admin"}`, httpapi.Portal)
		c.do("GET", "/workspaces/other/users", "", 200)
		require.Equal(t, 2.0, c.do("GET", "/tenant/sub_tenant_ids?tenant_id=acme", "", 200)["count"]) //nolint:testifylint // it is a whole number
		c, _ = admin.key(`{"name": "Portal", "context": "portal", "role": "viewer"}`, httpapi.Portal)
		c.do("GET", "/workspaces/other/users", "", 403)
	})
}

// A key does not outlive its workspace, whoever has the name next, nor its user.
func TestAPIKeysEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.withKeys()
		owner := w.portal("owner", "other")
		c, _ := owner.key(`{"name": "CI", "context": "dashboard", "role": "viewer"}`, httpapi.Dashboard)
		of, _ := owner.key(`{"name": "CI", "context": "dashboard", "role": "viewer", "userId": "member"}`, httpapi.Dashboard)
		of.do("GET", "/activities", "", 200)
		ws, err := w.engine.Workspace(t.Context(), store.Scope{Account: "acme", Workspace: "other"})
		require.NoError(t, err)
		_, err = ws.Users.Suspend(t.Context(), "member")
		require.NoError(t, err)
		of.do("GET", "/activities", "", 403)

		_, err = w.engine.Platform.CloseWorkspace(t.Context(), ws.Scope())
		require.NoError(t, err)
		w.now.set(w.now.get().Add(time.Hour))
		c.do("GET", "/activities", "", 200) // its use cannot be noted
		require.NoError(t, w.engine.EraseWorkspace(t.Context(), ws.Scope()))
		_, err = w.engine.Platform.CreateWorkspace(t.Context(), tenancy.Workspace{AccountID: "acme", ID: "other", Name: "Another"})
		require.NoError(t, err)
		_, err = ws.Users.Create(t.Context(), tenancy.NewUser{ID: "owner", Role: tenancy.Owner})
		require.NoError(t, err)
		c.do("GET", "/activities", "", 401)
		owner = w.portal("owner", "default")
		owner.do("DELETE", "/workspaces/other", "", 200)
	})
}

// A store that fails lets nobody in, and says no more than that.
func TestKeysOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, w *world) {
		w.withKeys()
		c, _ := w.portal("owner", "other").key(`{"name": "CI", "context": "dashboard", "role": "viewer"}`, httpapi.Dashboard)
		require.NoError(t, w.engine.Store().Close())
		refused := c.do("GET", "/activities", "", 503)
		require.NotContains(t, strings.ToLower(refused["message"].(string)), "closed")
		only := httpapi.APIKeys(w.engine, nil)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		require.NoError(t, err)
		_, err = only(r)
		var p *httpapi.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, 401, p.Status)
	})
}
