package motiontag_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/mobility/motiontag"
	"github.com/guerdonhq/guerdon/store"
)

var secret = []byte("shared")

func noon() time.Time { return time.Date(2024, time.January, 1, 12, 0, 0, 0, time.UTC) }

// claims returns those of a token, whose signature it checks.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	require.Equal(t, base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), parts[2])
	var all map[string]any
	for i := range 2 {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &all))
	}
	return all
}

const (
	walk = `{"id": "t1", "type": "storyline-track", "attributes": {"type": "Track", "user_id": "ada", "started_at": "2024-01-01T07:00:00Z",
		"started_at_timezone": "Europe/Rome", "finished_at": "2024-01-01T07:15:00Z", "finished_at_timezone": "Europe/Rome", "length": 1200.4,
		"mode": "Mode::Walk", "misdetected_completely": false, "updated_at": "2024-01-01T08:00:00Z", "new": 1,
		"geometry": {"type": "LineString", "coordinates": [[9.1, 45.4], [9.11, 45.41]]}}}`
	stay  = `{"uuid": "s1", "type": "Stay", "user_id": "ada", "started_at": "2024-01-01T07:15:00Z", "finished_at": "2024-01-01T08:00:00Z", "purpose": "Purpose::Work"}`
	wrong = `{"uuid": "t1", "type": "Track", "user_id": "ada", "started_at": "2024-01-01T07:00:00Z", "finished_at": "2024-01-01T07:15:00Z", "length": 1200,
		"mode": "Mode::LightRail", "misdetected_completely": true, "updated_at": "2024-01-01T09:00:00Z"}`
)

// fake speaks MotionTag's storyline: two pages, and an empty one without a next.
func fake(t *testing.T) *httptest.Server {
	pages := map[string]string{
		"":  `{"data": [` + walk + `, ` + stay + `], "links": {"next": "/storyline?page=2"}}`,
		"2": `{"data": [` + wrong + `], "links": {"next": "/storyline?page=3"}}`,
		"3": `{"data": []}`,
		"4": `nothing`,
		"5": `{"data": [], "links": {"next": "%zz"}}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, bears := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !bears || claims(t, token)["sub"] != "our-scope" || claims(t, token)["exp"] != float64(noon().Unix()+60) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprint(w, pages[r.URL.Query().Get("page")])
	}))
	t.Cleanup(s.Close)
	return s
}

func provider(t *testing.T, o motiontag.Options) *motiontag.Provider {
	t.Helper()
	o.Now = noon
	p, err := motiontag.New(o)
	require.NoError(t, err)
	return p
}

func TestTokensAreThoseThatTheSDKWants(t *testing.T) {
	p := provider(t, motiontag.Options{TenantKey: "our-key", Secret: secret})
	token, err := p.Token(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"alg": "HS256", "typ": "JWT", "iss": "our-key", "sub": "ada", "exp": float64(noon().Add(time.Hour).Unix()),
	}, claims(t, token))
	status, err := p.Status(t.Context())
	require.NoError(t, err)
	require.True(t, status.Enabled)

	none := provider(t, motiontag.Options{})
	token, err = none.Token(t.Context(), "ada")
	require.NoError(t, err)
	require.Empty(t, token)
	status, err = none.Status(t.Context())
	require.NoError(t, err)
	require.False(t, status.Enabled)
}

func TestTheStorylineBecomesTrackings(t *testing.T) {
	s := fake(t)
	p := provider(t, motiontag.Options{TenantKey: "our-key", Secret: secret, Storyline: s.URL + "/storyline", Scope: "our-scope"})
	w := guerdontest.New(t)
	w.Join(t, "ada")
	_, err := w.Mobility.Token(t.Context(), p, "ada")
	require.ErrorIs(t, err, fault.ErrForbidden)
	_, err = w.Mobility.Activate(t.Context(), mobility.Activation{UserID: "ada", Provider: p.Name(), Status: mobility.On})
	require.NoError(t, err)
	token, err := w.Mobility.Token(t.Context(), p, "ada")
	require.NoError(t, err)
	require.Equal(t, "ada", claims(t, token)["sub"])

	var results []mobility.Result
	for next := ""; ; {
		list, more, err := p.Storyline(t.Context(), next)
		require.NoError(t, err)
		done, err := w.Mobility.Track(t.Context(), list)
		require.NoError(t, err)
		for _, one := range done {
			results = append(results, one.Result)
		}
		if next = more; next == "" {
			break
		}
	}
	require.Equal(t, []mobility.Result{mobility.Recorded, mobility.Recorded, mobility.Corrected}, results)
	list, _, err := w.Mobility.Trackings(t.Context(), "ada", mobility.Query{}, store.Page{})
	require.NoError(t, err)
	require.Equal(t, mobility.Stay, list[0].Status)
	require.Equal(t, mobility.LightRail, list[1].Type)
	require.True(t, list[1].MisdetectedCompletely)

	again, err := w.Mobility.Receive(t.Context(), p, []byte(`{"data": `+walk+`}`))
	require.NoError(t, err)
	require.Equal(t, mobility.Stale, again[0].Result)
	for _, page := range []string{"https://example.org/storyline", "%zz", "ftp://x"} {
		_, _, err = p.Storyline(t.Context(), page)
		require.ErrorIs(t, err, fault.ErrInvalid, page)
	}
	for _, page := range []string{"?page=4", "?page=5"} {
		_, _, err = p.Storyline(t.Context(), page)
		require.ErrorIs(t, err, fault.ErrInvalid, page)
	}
	stranger := provider(t, motiontag.Options{TenantKey: "our-key", Secret: secret, Storyline: s.URL, Scope: "another"})
	_, _, err = stranger.Storyline(t.Context(), "")
	require.ErrorContains(t, err, "401")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = p.Storyline(gone, "")
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = provider(t, motiontag.Options{}).Storyline(t.Context(), "")
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestWebhooksMayBeAPageAListOrOne(t *testing.T) {
	p := provider(t, motiontag.Options{})
	for body, n := range map[string]int{
		`{"data": [` + walk + `]}`: 1, `[` + walk + `, ` + stay + `]`: 2, stay: 1, `[]`: 0, `{"data": []}`: 0,
	} {
		list, err := p.Trackings(t.Context(), []byte(body))
		require.NoError(t, err, body)
		require.Len(t, list, n, body)
	}
	list, err := p.Trackings(t.Context(), []byte(walk))
	require.NoError(t, err)
	require.Equal(t, mobility.Tracking{
		ProviderID: "t1", UserID: "ada", Provider: "motiontag", Status: mobility.Track, Type: mobility.Walk, Length: 1200,
		StartsAt: time.Date(2024, 1, 1, 7, 0, 0, 0, time.UTC), StartsAtTimezone: "Europe/Rome",
		EndsAt: time.Date(2024, 1, 1, 7, 15, 0, 0, time.UTC), EndsAtTimezone: "Europe/Rome",
		Geometry:  `{"type": "LineString", "coordinates": [[9.1, 45.4], [9.11, 45.41]]}`,
		UpdatedAt: time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC),
	}, list[0])
	for body, field := range map[string]string{
		``: "", `[1]`: "", `{"data": [{"type": "Track", "length": -1}]}`: "data[0].length", `[` + stay + `, {"type": "Flight"}]`: "[1].type", `{"data": 3}`: "data",
		`{"data": [{"started_at": "yesterday"}]}`: "data", `{"links": 1}`: "",
	} {
		_, err := p.Trackings(t.Context(), []byte(body))
		require.ErrorIs(t, err, fault.ErrInvalid, body)
		require.Contains(t, err.Error(), field, body)
	}
	_, err = p.Trackings(t.Context(), make([]byte, motiontag.MaxPage+1))
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestOptionsAreChecked(t *testing.T) {
	for field, o := range map[string]motiontag.Options{
		"now": {}, "validity": {Now: noon, Validity: -1}, "storyline": {Now: noon, Storyline: "/storyline"},
	} {
		_, err := motiontag.New(o)
		require.ErrorIs(t, err, fault.ErrInvalid, field)
		require.ErrorContains(t, err, field+": ")
	}
}

func FuzzWebhook(f *testing.F) {
	for _, body := range []string{walk, stay, wrong, `[]`, `{"data": [], "links": {"next": "x"}}`, `{"data": null}`, `[null]`, `null`} {
		f.Add([]byte(body))
	}
	p, err := motiontag.New(motiontag.Options{Now: noon})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := p.Trackings(t.Context(), body)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		for _, one := range list {
			require.Equal(t, motiontag.Name, one.Provider)
			require.Contains(t, []mobility.Status{mobility.Track, mobility.Stay}, one.Status)
			require.True(t, one.Length >= 0 && one.Length <= mobility.MaxLength)
		}
	})
}
