package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// logs returns what the record has, newest first.
func (c client) logs(query string) (all []map[string]any) {
	c.Helper()
	for _, item := range c.do("GET", "/audit-logs"+query, "", 200)["items"].([]any) {
		all = append(all, item.(map[string]any))
	}
	return all
}

// What was changed in the Dashboard is known: by whom, when, and how a document was and is. What players do is not.
func TestWhatWasChangedIsRecorded(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		c.do("POST", "/activities", activity("run"), 201)
		w.now.set(w.now.get().Add(time.Hour))
		manager := w.as("manager", httpapi.Dashboard)
		manager.do("PUT", "/activities/run", `{"name": "Running", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}`, 200)
		manager.do("PUT", "/activities/walk", `{"name": "Running"}`, 404)
		asked := manager.keyed("k1").send("POST", "/activities/run/publish", "")
		require.Equal(t, 200, asked.Code)
		manager.keyed("k1").do("POST", "/activities/run/publish", "", 200)

		logs := c.logs("")
		require.Len(t, logs, 3, "neither what was refused nor a repeat has changed anything")
		published, changed, made := logs[0], logs[1], logs[2]
		require.Equal(t, "POST /activities", made["operation"])
		require.Equal(t, "run", made["entityId"])
		require.Equal(t, "activities", made["entityType"])
		require.Equal(t, "admin", made["userId"])
		require.NotContains(t, made, "before")
		require.Equal(t, "2026-03-02T09:00:00.000Z", made["createdAt"])
		require.Equal(t, "PUT /activities/{activityId}", changed["operation"])
		require.Equal(t, "manager", changed["userId"])
		require.Equal(t, "Run", changed["before"].(map[string]any)["name"])
		require.Equal(t, "Running", changed["after"].(map[string]any)["name"])
		require.Equal(t, asked.Header().Get("X-Request-Id"), published["requestId"])

		require.Len(t, c.logs("?userId=manager"), 2)
		require.Len(t, c.logs("?entityId=run&to=2026-03-02T10:00:00Z"), 1)
		require.Len(t, c.logs("?from=2026-03-02T10:00:00Z"), 2)
		require.Empty(t, c.logs("?outcome=REFUSED"))
		page := c.do("GET", "/audit-logs?limit=2&order=asc", "", 200)
		require.Equal(t, made["auditLogId"], page["items"].([]any)[0].(map[string]any)["auditLogId"])
		rest := c.do("GET", "/audit-logs?limit=2&order=asc&nextToken="+page["nextToken"].(string), "", 200)
		require.Equal(t, published["auditLogId"], rest["items"].([]any)[0].(map[string]any)["auditLogId"])
		c.do("GET", "/audit-logs?outcome=DONE&userId=admin", "", 400)
		c.do("GET", "/audit-logs?from=yesterday", "", 400)
		manager.do("GET", "/audit-logs", "", 403)
		other := client{w, "admin other dashboard web", httpapi.Dashboard.Base(), http.Header{}}
		require.Empty(t, other.logs(""))

		w.now.set(w.now.get().Add(366 * 24 * time.Hour))
		for i := range 2 {
			c.do("POST", "/activities", activity(fmt.Sprintf("new-%d", i)), 201)
		}
		require.Len(t, c.logs(""), 2, "what is older than a year is removed")
	})
}

// A record is there exactly if what it tells of is: both are one transaction.
func TestARecordIsPartOfItsEffect(t *testing.T) {
	t.Parallel()
	st := &refusing{Store: memory.New()}
	w := newWorld(t, st)
	c := w.as("admin", httpapi.Dashboard)
	st.table = "httpapi_audit_logs"
	c.do("POST", "/activities", activity("run"), 500)
	c.do("GET", "/activities/run", "", 404)
	st.table = ""
	c.do("POST", "/activities", activity("run"), 201)
	require.Len(t, c.logs(""), 1)
}

// A refusing store refuses writes to a table.
type refusing struct {
	store.Store

	table string
}

func (s *refusing) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, scope, func(tx store.Tx) error { return fn(refusingTx{tx, s}) })
}

type refusingTx struct {
	store.Tx

	of *refusing
}

func (t refusingTx) In(s store.Scope) store.Tx { return refusingTx{t.Tx.In(s), t.of} }

func (t refusingTx) Put(ctx context.Context, s *store.Schema, rows ...store.Row) error {
	if s.Name == t.of.table {
		return errors.New("no room")
	}
	return t.Tx.Put(ctx, s, rows...)
}

// Who was refused is known where it is known in which tenant, up to so many; of the rest it is known how many they were.
func TestWhoWasRefusedIsRecorded(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		handler, err := httpapi.New(w.engine, &httpapi.Options{
			Authenticate: func(r *http.Request) (httpapi.Caller, error) {
				caller, err := authenticate(r)
				if caller.Lang == "expired" {
					err = &httpapi.Problem{Status: 401, Code: httpapi.CodeExpiredToken, Message: "the token is over"}
				}
				return caller, err
			},
		})
		require.NoError(t, err)
		w.handler = handler
		admin := w.as("admin", httpapi.Dashboard)
		member := w.as("member", httpapi.Dashboard)
		member.do("POST", "/activities", activity("run"), 403)
		member.withBase(httpapi.Dashboard).do("GET", "/activities", "", 200)
		w.as("member", httpapi.App).withBase(httpapi.Dashboard).do("GET", "/activities", "", 403)
		expired := member
		expired.token += " expired"
		expired.do("GET", "/activities", "", 401)
		nobody := member
		nobody.token = "nonsense"
		nobody.do("GET", "/activities", "", 401)

		logs := admin.logs("?outcome=REFUSED")
		require.Len(t, logs, 3)
		require.Equal(t, []any{"auth/expired_token", 401.0, "192.0.2.0/24"}, []any{logs[0]["code"], logs[0]["status"], logs[0]["address"]})
		require.Equal(t, "GET /activities", logs[1]["operation"])
		require.Equal(t, []any{"POST /activities", "member", "REFUSED", 403.0}, []any{logs[2]["operation"], logs[2]["userId"], logs[2]["outcome"], logs[2]["status"]})

		for range 100 {
			member.do("POST", "/activities", activity("run"), 403)
		}
		require.Len(t, admin.logs("?outcome=REFUSED&limit=100"), 30)
		w.now.set(w.now.get().Add(5 * time.Second))
		member.do("POST", "/activities", activity("run"), 403)
		require.EqualValues(t, 73, admin.logs("?outcome=REFUSED&limit=1")[0]["notRecorded"])

		// In the account, if there is no such workspace; nowhere, if there is no such account.
		lost := client{w, "member nothing dashboard web", httpapi.Dashboard.Base(), http.Header{}}
		lost.do("GET", "/activities", "", 403)
		require.Empty(t, (client{w, "admin other dashboard web", httpapi.Dashboard.Base(), http.Header{}}).logs(""))
		account := w.portal("owner", "default").logs("?outcome=REFUSED")
		require.Len(t, account, 1)
		require.Equal(t, "GET /activities", account[0]["operation"])
	})
}

// What is recorded of what was refused does not name anybody, whatever the request said.
func TestRecordsNameNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	w.portal("owner", "default").do("POST", "/workspaces/default/users", `{"email": "eve@example.org", "firstName": "Eve", "role": "member"}`, 201)
	w.as("member", httpapi.Dashboard).do("POST", "/activities", `{"name": "eve@example.org"}`, 403)
	rows := w.kept("httpapi_audit_logs")
	require.Len(t, rows, 2)
	for _, row := range rows {
		require.NotContains(t, row, "eve@example.org")
		require.NotContains(t, row, "Eve")
		require.True(t, json.Valid([]byte(row)))
	}
}
