package webhook_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/webhook"
)

// What an endpoint must not be is refused with the field's name, and changes nothing.
func TestEndpointRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	hooks, err := webhook.New(w.engine, nil) // nothing but public addresses
	require.NoError(t, err)
	to := hooks.Endpoints(w.Workspace)
	fine := webhook.NewEndpoint{ID: "shop", URL: "https://example.org/hooks?token=1", Types: []webhook.Type{webhook.RewardPaid}}
	created, secret, err := to.Create(t.Context(), fine)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(secret, "whsec_"))
	for name, tt := range map[string]struct {
		change func(*webhook.NewEndpoint)
		field  string
		patch  bool // an update is refused too
	}{
		"id":              {func(n *webhook.NewEndpoint) { n.ID = "a b" }, "endpointId", false},
		"no address":      {func(n *webhook.NewEndpoint) { n.URL = "" }, "url", true},
		"http":            {func(n *webhook.NewEndpoint) { n.URL = "http://example.org" }, "url", true},
		"a word":          {func(n *webhook.NewEndpoint) { n.URL = "https:example.org" }, "url", true},
		"no host":         {func(n *webhook.NewEndpoint) { n.URL = "https:///hooks" }, "url", true},
		"a user":          {func(n *webhook.NewEndpoint) { n.URL = "https://ada:pw@example.org" }, "url", true},
		"a fragment":      {func(n *webhook.NewEndpoint) { n.URL = "https://example.org/#a" }, "url", true},
		"a line":          {func(n *webhook.NewEndpoint) { n.URL = "https://example.org/\n" }, "url", true},
		"long":            {func(n *webhook.NewEndpoint) { n.URL = "https://example.org/" + strings.Repeat("a", webhook.MaxURL) }, "url", true},
		"loopback":        {func(n *webhook.NewEndpoint) { n.URL = "https://127.0.0.1" }, "url", true},
		"loopback as 6":   {func(n *webhook.NewEndpoint) { n.URL = "https://[::1]:8443" }, "url", true},
		"mapped loopback": {func(n *webhook.NewEndpoint) { n.URL = "https://[::ffff:127.0.0.1]" }, "url", true},
		"translated":      {func(n *webhook.NewEndpoint) { n.URL = "https://[64:ff9b::a00:1]" }, "url", true},
		"private":         {func(n *webhook.NewEndpoint) { n.URL = "https://10.1.2.3" }, "url", true},
		"private as 6":    {func(n *webhook.NewEndpoint) { n.URL = "https://[fd00::1]" }, "url", true},
		"metadata":        {func(n *webhook.NewEndpoint) { n.URL = "https://169.254.169.254" }, "url", true},
		"nowhere":         {func(n *webhook.NewEndpoint) { n.URL = "https://0.0.0.0" }, "url", true},
		"description":     {func(n *webhook.NewEndpoint) { n.Description = strings.Repeat("a", webhook.MaxDescription+1) }, "description", true},
		"type":            {func(n *webhook.NewEndpoint) { n.Types = []webhook.Type{webhook.RewardPaid, "mission.exploded"} }, "types[1]", true},
		"type twice":      {func(n *webhook.NewEndpoint) { n.Types = []webhook.Type{webhook.RewardPaid, webhook.RewardPaid} }, "types[1]", true},
		"version":         {func(n *webhook.NewEndpoint) { n.APIVersion = "2025-10-01" }, "apiVersion", true},
		"short secret":    {func(n *webhook.NewEndpoint) { n.Secret = secretOf(make([]byte, webhook.MinSecret-1)) }, "secret", false},
		"no secret":       {func(n *webhook.NewEndpoint) { n.Secret = "hunter2" }, "secret", false},
	} {
		t.Run(name, func(t *testing.T) {
			n := fine
			n.ID = "other"
			tt.change(&n)
			_, _, err := to.Create(t.Context(), n)
			requireField(t, err, fault.ErrInvalid, tt.field)
			require.NotContains(t, err.Error(), "pw")
			if tt.patch {
				_, err = to.Update(t.Context(), "shop", webhook.EndpointPatch{URL: &n.URL, Description: &n.Description, Types: &n.Types, APIVersion: &n.APIVersion})
				requireField(t, err, fault.ErrInvalid, tt.field)
			}
			all, err := to.List(t.Context())
			require.NoError(t, err)
			require.Equal(t, []webhook.Endpoint{created}, all)
		})
	}
	_, _, err = to.Create(t.Context(), fine)
	requireField(t, err, fault.ErrExists, "endpointId")
	_, err = to.RotateSecret(t.Context(), "shop", "whsec_")
	requireField(t, err, fault.ErrInvalid, "secret")
	_, _, err = to.Deliveries(t.Context(), "shop", webhook.DeliveryFilter{Type: "none"}, store.Page{})
	requireField(t, err, fault.ErrInvalid, "type")
	_, _, err = to.Deliveries(t.Context(), "shop", webhook.DeliveryFilter{State: "none"}, store.Page{})
	requireField(t, err, fault.ErrInvalid, "state")
	_, _, err = to.Deliveries(t.Context(), "shop", webhook.DeliveryFilter{}, store.Page{Limit: -1})
	requireField(t, err, fault.ErrInvalid, "limit")
}

// Whoever asks for an endpoint that there is not is told so, by every call.
func TestEndpointIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	for name, call := range map[string]func() error{
		"Get":          func() error { _, err := w.to.Get(t.Context(), "none"); return err },
		"Update":       func() error { _, err := w.to.Update(t.Context(), "none", webhook.EndpointPatch{}); return err },
		"Delete":       func() error { return w.to.Delete(t.Context(), "none") },
		"RotateSecret": func() error { _, err := w.to.RotateSecret(t.Context(), "none", ""); return err },
		"Pause":        func() error { _, err := w.to.Pause(t.Context(), "none"); return err },
		"Resume":       func() error { _, err := w.to.Resume(t.Context(), "none"); return err },
		"Replay":       func() error { _, err := w.to.Replay(t.Context(), "none", time.Time{}); return err },
		"Deliveries": func() error {
			_, _, err := w.to.Deliveries(t.Context(), "none", webhook.DeliveryFilter{}, store.Page{})
			return err
		},
	} {
		require.ErrorIs(t, call(), fault.ErrNotFound, name)
	}
	_, _, err := w.hooks.Endpoints(&guerdon.Workspace{}).Create(t.Context(), webhook.NewEndpoint{})
	requireField(t, err, fault.ErrInvalid, "workspace")
	_, err = webhook.Endpoints{}.List(t.Context())
	requireField(t, err, fault.ErrInvalid, "workspace")
}

// An endpoint is what it was made and changed to be, on every store, and there are not too many.
func TestEndpoints(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		e, secret, err := w.to.Create(t.Context(), webhook.NewEndpoint{URL: "https://example.org", Description: "The shop", Secret: sharedSecret, Paused: true})
		require.NoError(t, err)
		require.Equal(t, sharedSecret, secret)
		require.Equal(t, webhook.PausedByHost, e.Paused)
		w.pass(time.Minute)
		types := []webhook.Type{webhook.StreakBroken}
		e, err = w.to.Update(t.Context(), e.ID, webhook.EndpointPatch{URL: new("https://example.org/2"), Types: &types})
		require.NoError(t, err)
		e, err = w.to.Resume(t.Context(), e.ID)
		require.NoError(t, err)
		require.Equal(t, webhook.Endpoint{
			ID: e.ID, URL: "https://example.org/2", Description: "The shop", Types: types, APIVersion: webhook.APIVersion, CreatedAt: start, UpdatedAt: start.Add(time.Minute),
		}, e)
		shown, err := w.to.Get(t.Context(), e.ID)
		require.NoError(t, err)
		require.Equal(t, e, shown)
		for range webhook.MaxEndpoints - 1 {
			_, _, err := w.to.Create(t.Context(), webhook.NewEndpoint{URL: "https://example.org"})
			require.NoError(t, err)
		}
		_, _, err = w.to.Create(t.Context(), webhook.NewEndpoint{URL: "https://example.org"})
		requireField(t, err, fault.ErrConflict, "endpoints")
		require.NoError(t, w.to.Delete(t.Context(), e.ID))
		_, err = w.to.Get(t.Context(), e.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		all, err := w.to.List(t.Context())
		require.NoError(t, err)
		require.Len(t, all, webhook.MaxEndpoints-1)
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	for field, opts := range map[string]*webhook.Options{
		"timeout": {Timeout: time.Hour}, "pauseAfter": {PauseAfter: 73 * time.Hour}, "atOnce": {AtOnce: -1}, "keep": {Keep: time.Hour}, "allow": {Allow: []netip.Prefix{{}}},
	} {
		_, err := webhook.New(w.engine, opts)
		requireField(t, err, fault.ErrInvalid, field)
	}
	_, err := webhook.New(nil, nil)
	requireField(t, err, fault.ErrInvalid, "engine")
	plain, err := guerdon.New(t.Context(), memory.New(), nil)
	require.NoError(t, err)
	_, err = webhook.New(plain, nil)
	requireField(t, err, fault.ErrInvalid, "tables")
	blind, err := guerdon.New(t.Context(), struct{ store.Store }{memory.New()}, &guerdon.Options{Tables: webhook.Tables()})
	require.NoError(t, err)
	_, err = webhook.New(blind, nil)
	requireField(t, err, fault.ErrInvalid, "store")
}
