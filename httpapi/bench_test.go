package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// crowded returns a game on a store with some people.
func crowded(b *testing.B, st store.Store, people int) *game {
	b.Helper()
	b.Cleanup(func() { require.NoError(b, st.Close()) })
	g := newGame(b, newWorld(b, st))
	for i := range people {
		_, err := g.ws.Users.Create(b.Context(), tenancy.NewUser{ID: fmt.Sprintf("user-%d", i), Role: tenancy.Member})
		require.NoError(b, err)
	}
	return g
}

// shared lets callers do something for each of n numbers.
func shared(b *testing.B, callers, n int, do func(i int) error) {
	b.Helper()
	var next atomic.Int64
	errs := make([]error, callers)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n) && errs[caller] == nil; i = next.Add(1) {
				errs[caller] = do(int(i))
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(b, err)
	}
}

// BenchmarkRatioActivityLogs compares what people say over HTTP that they have done with events that are recorded in the process, by 16 callers.
func BenchmarkRatioActivityLogs(b *testing.B) {
	const callers, people, events = 16, 64, 2000
	for name, open := range map[string]func() store.Store{
		"SQLite FULL": func() store.Store {
			st, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "guerdon.db"), nil)
			require.NoError(b, err)
			return st
		},
		"PostgreSQL": func() store.Store {
			st, err := postgres.Open(b.Context(), pgtest.DSN(b), nil)
			require.NoError(b, err)
			return st
		},
	} {
		// say lets callers say over HTTP what they have done.
		say := func(b *testing.B, server *httptest.Server) func(int) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
			return func(round int) {
				shared(b, callers, events, func(i int) error {
					body := fmt.Sprintf(`{"activityLogId": "e-%d-%d", "activityId": "run", "value": 2, "outcome": "SUCCESS"}`, round, i)
					r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+"/app/v1/activity-logs", strings.NewReader(body))
					if err != nil {
						return err
					}
					r.Header.Set("Authorization", fmt.Sprintf("Bearer user-%d default app web", i%people))
					answer, err := client.Do(r)
					if err != nil {
						return err
					}
					text, err := io.ReadAll(answer.Body)
					if err == nil && answer.StatusCode != http.StatusCreated {
						err = fmt.Errorf("%d %s", answer.StatusCode, text)
					}
					return err
				})
			}
		}
		b.Run("POST /activity-logs, 16 callers, "+name+" : Record", func(b *testing.B) {
			served, direct := crowded(b, open(), people), crowded(b, open(), people)
			server := httptest.NewServer(served.handler)
			defer server.Close()
			ratio.Compare(b, 0.8, say(b, server), func(round int) {
				shared(b, callers, events, func(i int) error {
					two := decimal.NewFromInt(2)
					_, err := direct.ws.Record(b.Context(), event.Event{
						ID: fmt.Sprintf("e-%d-%d", round, i), UserID: fmt.Sprintf("user-%d", i%people), EntityID: "run", Value: &two, Outcome: event.Success,
					})
					return err
				})
			})
		})
		b.Run("POST /activity-logs, 16 callers, "+name+" : a handler of ten lines", func(b *testing.B) {
			served, direct := crowded(b, open(), people), crowded(b, open(), people)
			server, lines := httptest.NewServer(served.handler), httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var said struct {
					ID       string           `json:"activityLogId"`
					EntityID string           `json:"activityId"`
					Value    *decimal.Decimal `json:"value"`
					Outcome  event.Outcome    `json:"outcome"`
				}
				err := json.NewDecoder(r.Body).Decode(&said)
				caller, _ := authenticate(r)
				if err == nil {
					_, err = direct.ws.Record(r.Context(), event.Event{ID: said.ID, UserID: caller.UserID, EntityID: said.EntityID, Value: said.Value, Outcome: said.Outcome})
				}
				if err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					return
				}
				w.WriteHeader(http.StatusCreated)
			}))
			defer server.Close()
			defer lines.Close()
			ratio.Compare(b, 0.8, say(b, server), say(b, lines))
		})
	}
}

// constant answers every request with the same bytes.
type constant []byte

func (c constant) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(c)
}

// BenchmarkRatioPages compares pages with a handler that writes the same bytes from a constant, over loopback.
func BenchmarkRatioPages(b *testing.B) {
	const requests = 2000
	g := crowded(b, memory.New(), 1000)
	var docs, pool []string
	for i := range 19 {
		id := fmt.Sprintf("more-%02d", i)
		pool = append(pool, `"`+id+`"`)
		docs = append(docs, `{"kind": "MissionConfiguration", "id": "`+id+`", "name": "More", "missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity",
			"matchEntityId": "run", "targetAmountExpression": 100, `+labels+`}`)
	}
	docs = append(docs, `{"kind": "MissionRule", "id": "more", "name": "More", "missionType": "INDIVIDUAL", "missionConfigurationsPool": [`+strings.Join(pool, ", ")+`],
		"assignmentMode": "LAZY", `+always+`, `+describe+`}`)
	_, err := g.ws.Import(b.Context(), []byte(`{"documents": [`+strings.Join(docs, ", ")+`]}`))
	require.NoError(b, err)
	for i := range 1000 {
		_, err = g.ws.Record(b.Context(), event.Event{UserID: fmt.Sprintf("user-%d", i), EntityID: "run"})
		require.NoError(b, err)
	}
	g.me.do("POST", "/activity-logs", `{"activityId": "run"}`, 201)
	g.me.do("GET", "/missions", "", 200)
	for name, path := range map[string]string{
		"a page of 20 missions": "/missions?limit=20&fields=translation", "rank of me": "/runtime-leaderboards/all-time/rankings/me",
	} {
		b.Run(name+" : a constant", func(b *testing.B) {
			answer := g.me.send("GET", path, "")
			require.Equal(b, http.StatusOK, answer.Code)
			if strings.Contains(path, "missions") {
				require.Equal(b, 20, bytes.Count(answer.Body.Bytes(), []byte(`"missionId"`)))
			}
			ours, fixed := httptest.NewServer(g.handler), httptest.NewServer(constant(answer.Body.Bytes()))
			defer ours.Close()
			defer fixed.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			get := func(server *httptest.Server) func(int) {
				return func(int) {
					shared(b, 1, requests, func(int) error {
						r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+httpapi.App.Base()+path, nil)
						if err != nil {
							return err
						}
						r.Header.Set("Authorization", "Bearer "+g.me.token)
						got, err := client.Do(r)
						if err != nil {
							return err
						}
						text, err := io.ReadAll(got.Body)
						if err == nil && !bytes.Equal(text, answer.Body.Bytes()) {
							err = fmt.Errorf("another answer: %s", text)
						}
						return err
					})
				}
			}
			ratio.Compare(b, 0.6, get(ours), get(fixed))
			b.ReportMetric(testing.AllocsPerRun(200, func() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, httpapi.App.Base()+path, nil)
				r.Header.Set("Authorization", "Bearer "+g.me.token)
				g.handler.ServeHTTP(discard{http.Header{}}, r)
			}), "allocs/request")
		})
	}
}

// discard takes an answer and keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
