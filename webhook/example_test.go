package webhook_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/webhook"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// shop is a customer's server. Others need no options: theirs is at a public address, and somebody whom everybody knows vouches for it.
func shop(handle http.HandlerFunc) (*httptest.Server, *webhook.Options) {
	server := httptest.NewTLSServer(handle)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server, &webhook.Options{RootCAs: roots, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// playground returns a workspace in which ada gets points for running, and its engine.
func playground() (*guerdon.Workspace, *guerdon.Engine) {
	ctx := context.Background()
	eng, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Now: func() time.Time { return start }, Tables: webhook.Tables()})
	check(err)
	ws, err := populate(ctx, eng)
	check(err)
	return ws, eng
}

// sendUntil sends what there is until all of an endpoint is done, or tried.
func sendUntil(hooks *webhook.Hooks, to webhook.Endpoints, id string, done func(webhook.Delivery) bool) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- hooks.Run(ctx) }() // a service goes on until it ends
	for busy := true; busy; {
		list, _, err := to.Deliveries(ctx, id, webhook.DeliveryFilter{}, store.Page{})
		check(err)
		busy = len(list) == 0
		for _, d := range list {
			busy = busy || !done(d)
		}
	}
	stop()
	check(<-ended)
}

func delivered(d webhook.Delivery) bool { return d.State == webhook.Delivered }

// How do I tell a customer's systems of what happens? Register an address for the customer, with what it wants to know, and run: the
// receiver verifies what it gets and answers 2xx.
func Example() {
	ws, eng := playground()
	ctx, secret := context.Background(), ""
	server, options := shop(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil || webhook.Verify(secret, r.Header, body, start) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var m webhook.Message
		check(json.Unmarshal(body, &m))
		var reward webhook.RewardData
		check(json.Unmarshal(m.Data, &reward))
		fmt.Println(m.Type, "-", reward.UserID, "has got", reward.Amount, reward.CurrencyID, "by", reward.RewardRuleID)
	})
	defer server.Close()

	hooks, err := webhook.New(eng, options)
	check(err)
	to := hooks.Endpoints(ws)
	endpoint, secret2, err := to.Create(ctx, webhook.NewEndpoint{URL: server.URL, Types: []webhook.Type{webhook.RewardPaid}})
	check(err)
	secret = secret2 // the customer keeps it; nobody can ask for it again
	_, err = ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)
	sendUntil(hooks, to, endpoint.ID, delivered)
	// Output: reward.paid - ada has got 1 points by per-run
}

// How do I know that a request comes from guerdon, and is not an old one sent again? Verify it before you parse it. The secret is
// the one that was shown when the endpoint was made.
func ExampleVerify() {
	secret, body := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", []byte(`{"type":"reward.paid"}`)
	header, err := webhook.Sign("msg_1", start, body, secret) // as it is sent
	check(err)
	fmt.Println(webhook.Verify(secret, header, body, start.Add(time.Second)))
	fmt.Println(webhook.Verify(secret, header, []byte(`{"type":"reward.undone"}`), start.Add(time.Second)))
	fmt.Println(webhook.Verify(secret, header, body, start.Add(time.Hour)))
	// Output:
	// <nil>
	// webhook: no signature of the request is right
	// webhook-timestamp: is 1h0m0s from now; at most 5m0s are allowed
}

// Why has the customer not got a message? The log says what was tried, what came back, and when it is tried again.
func ExampleEndpoints_Deliveries() {
	ws, eng := playground()
	ctx := context.Background()
	server, options := shop(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	defer server.Close()
	hooks, err := webhook.New(eng, options)
	check(err)
	to := hooks.Endpoints(ws)
	_, _, err = to.Create(ctx, webhook.NewEndpoint{ID: "shop", URL: server.URL, Types: []webhook.Type{webhook.RewardPaid}})
	check(err)
	_, err = ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)
	sendUntil(hooks, to, "shop", func(d webhook.Delivery) bool { return len(d.Attempts) > 0 })

	list, _, err := to.Deliveries(ctx, "shop", webhook.DeliveryFilter{UserID: "ada", State: webhook.Pending}, store.Page{})
	check(err)
	for _, d := range list {
		last := d.Attempts[len(d.Attempts)-1]
		fmt.Println(d.Type, last.Status, last.Error, "- again in", d.NextTryAt.Sub(start).Round(time.Second))
	}
	// Output: reward.paid 502 the response is Bad Gateway - again in 5s
}

// What if a customer has lost what came since this morning? Send it again: messages have the ids that they had, so what the
// customer still has is not counted twice.
func ExampleEndpoints_Replay() {
	ws, eng := playground()
	ctx, ids := context.Background(), make(chan string, 10)
	server, options := shop(func(_ http.ResponseWriter, r *http.Request) { ids <- r.Header.Get(webhook.HeaderID) })
	defer server.Close()
	hooks, err := webhook.New(eng, options)
	check(err)
	to := hooks.Endpoints(ws)
	_, _, err = to.Create(ctx, webhook.NewEndpoint{ID: "shop", URL: server.URL, Types: []webhook.Type{webhook.RewardPaid}})
	check(err)
	_, err = ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)
	sendUntil(hooks, to, "shop", delivered)

	n, err := to.Replay(ctx, "shop", start.Add(-time.Hour))
	check(err)
	fmt.Println("again:", n)
	sendUntil(hooks, to, "shop", delivered)
	first, second := <-ids, <-ids
	fmt.Println("the same id:", first == second)
	// Output:
	// again: 1
	// the same id: true
}

// How is a secret replaced without losing a message? For a day, messages are signed with both, so the receiver has until then to
// take the new one.
func ExampleEndpoints_RotateSecret() {
	ws, eng := playground()
	ctx := context.Background()
	hooks, err := webhook.New(eng, nil)
	check(err)
	to := hooks.Endpoints(ws)
	_, old, err := to.Create(ctx, webhook.NewEndpoint{ID: "shop", URL: "https://example.org/hooks"})
	check(err)
	secret, err := to.RotateSecret(ctx, "shop", "")
	check(err)
	e, err := to.Get(ctx, "shop")
	check(err)
	fmt.Println("another:", secret != old, "- both until", e.OldSecretUntil.Format(time.DateTime))
	// Output: another: true - both until 2025-09-30 09:00:00
}

// What is in a message, for who writes a receiver? Each type has a JSON Schema.
func ExampleSchema() {
	text, err := webhook.Schema(webhook.ScoreChanged, webhook.APIVersion)
	check(err)
	var schema struct {
		Properties struct {
			Data struct {
				Properties map[string]struct {
					Description string `json:"description"`
				} `json:"properties"`
			} `json:"data"`
		} `json:"properties"`
	}
	check(json.Unmarshal(text, &schema))
	for _, name := range []string{"runtimeLeaderboardId", "entityId", "score"} {
		fmt.Println(name, "-", schema.Properties.Data.Properties[name].Description)
	}
	// Output:
	// runtimeLeaderboardId - the board
	// entityId - the user, or the tag of a team
	// score - the score since
}
