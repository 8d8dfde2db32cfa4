package jwtauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/httpapi/jwtauth"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// How do I serve the engine? With the tokens of an issuer ([jwtauth.New]) or, as here, of one's own machine, and with API keys beside them. A
// request that is sent again with its key has no other effect.
func Example() {
	ctx := context.Background()
	engine, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Tables: httpapi.Tables()})
	check(err)
	_, err = engine.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	ws, err := engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "ada", Role: tenancy.Owner})
	check(err)

	tokens, err := jwtauth.NewDevelopment([]byte(strings.Repeat("of 32 bytes", 3)), engine.Now)
	check(err)
	handler, err := httpapi.New(engine, &httpapi.Options{
		Authenticate: httpapi.APIKeys(engine, tokens.Authenticate),
		Limits:       httpapi.Limits{Workspace: httpapi.Limit{PerSecond: 200, Burst: 400}, Caller: httpapi.Limit{PerSecond: 20, Burst: 40}},
	})
	check(err)

	token, err := tokens.Token(httpapi.Caller{
		Account: "acme", Workspace: "default", UserID: "ada", Context: httpapi.Dashboard, Platform: httpapi.Web,
	})
	check(err)
	for range 2 {
		body := strings.NewReader(`{"activityId": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}`)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/dashboard/v1/activities", body)
		r.RemoteAddr = "127.0.0.1:50000"
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Idempotency-Key", "8e03978e-40d5-43dd-bc93-6894a57f9324")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		fmt.Println(answer.Code, "again:", answer.Header().Get("X-Idempotency-Cache-Hit") == "true")
	}
	// Output:
	// 201 again: false
	// 201 again: true
}
