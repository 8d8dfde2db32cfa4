package tenancy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	settings := w.settings(acme)

	def, err := settings.Get(ctx)
	require.NoError(t, err)
	want := tenancy.DefaultConfiguration()
	want.ID = "default"
	require.Equal(t, want, def)
	require.Equal(t, tenancy.Member, def.Security.DefaultUserRole)
	_, err = settings.Draft(ctx)
	requireFault(t, err, fault.ErrNotFound, "configuration")
	_, err = settings.Publish(ctx)
	requireFault(t, err, fault.ErrNotFound, "configuration")
	requireFault(t, settings.Delete(ctx), fault.ErrNotFound, "configuration")

	draft, err := settings.Put(ctx, tenancy.Configuration{
		Languages: tenancy.Languages{DefaultLanguage: "it", SupportedLanguages: []string{"en", "it"}},
		Theme:     tenancy.Theme{Light: tenancy.Palette{"primary": "oklch(0.2 0.1 250 / 50%)"}},
		Features:  tenancy.Features{tenancy.FeatureStreak: false},
		Layout:    tenancy.Layout{Radius: "0.5rem", Transition: "150ms ease-in", Stroke: "calc(1px + 2%)"},
		Branding:  tenancy.Branding{Name: "Acme", Description: "We make anvils.", Logo: "https://cdn.example.org/logo.svg", Favicon: "data:image/png;base64,AAAA"},
		Networking: tenancy.Networking{
			AllowedOrigins: []string{"https://app.example.org", "http://localhost:3000", "capacitor://localhost"},
		},
		Security: tenancy.Security{AllowedDomains: []string{"example.org", "mail.example.co.uk"}, DefaultUserRole: tenancy.Viewer},
	})
	require.NoError(t, err)
	require.Equal(t, tenancy.StageDraft, draft.Stage)
	require.Zero(t, draft.Version)
	require.Equal(t, tenancy.SignupInvite, draft.Security.SignupMode)
	require.False(t, draft.Features.Enabled(tenancy.FeatureStreak))
	require.True(t, draft.Features.Enabled(tenancy.FeatureMissions))
	got, err := settings.Draft(ctx)
	require.NoError(t, err)
	require.Equal(t, draft, got)
	got, err = settings.Get(ctx) // not in force yet
	require.NoError(t, err)
	require.Equal(t, def, got)
	require.Equal(t, tenancy.Member, w.create(t, acme, tenancy.NewUser{}).Role)

	live, err := settings.Publish(ctx)
	require.NoError(t, err)
	require.Equal(t, tenancy.StagePublished, live.Stage)
	require.Equal(t, 1, live.Version)
	require.Equal(t, draft.Languages, live.Languages)
	live.Theme.Light["primary"] = "spoilt" // the caller's copy
	got, err = settings.Get(ctx)
	require.NoError(t, err)
	require.Equal(t, draft.Theme, got.Theme)
	require.Equal(t, tenancy.Viewer, w.create(t, acme, tenancy.NewUser{}).Role)
	_, err = settings.Publish(ctx)
	requireFault(t, err, fault.ErrNotFound, "configuration")

	// A draft replaces every section of what was there.
	_, err = settings.Put(ctx, tenancy.Configuration{Branding: tenancy.Branding{Name: "Acme"}})
	require.NoError(t, err)
	live, err = settings.Publish(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, live.Version)
	require.Equal(t, "en", live.Languages.DefaultLanguage)
	require.Empty(t, live.Theme.Light)
	w.records(t, acme)

	require.NoError(t, settings.Delete(ctx))
	got, err = settings.Get(ctx)
	require.NoError(t, err)
	require.Equal(t, def, got)
}

func TestRefusedConfigurations(t *testing.T) {
	t.Parallel()
	w := open(t)
	many := tenancy.Palette{}
	for i := range 65 {
		many[fmt.Sprintf("c%d", i)] = "red"
	}
	var hosts []string
	for i := range 101 {
		hosts = append(hosts, fmt.Sprintf("h%d.example.org", i))
	}
	for _, tt := range []struct {
		field string
		in    tenancy.Configuration
	}{
		{"branding.name", tenancy.Configuration{Branding: tenancy.Branding{Name: strings.Repeat("x", 256)}}},
		{"branding.logo", tenancy.Configuration{Branding: tenancy.Branding{Logo: "logo.png"}}},
		{"layout.radius", tenancy.Configuration{Layout: tenancy.Layout{Radius: "1px;}"}}},
		{"theme.light", tenancy.Configuration{Theme: tenancy.Theme{Light: many}}},
		{"theme.light", tenancy.Configuration{Theme: tenancy.Theme{Light: tenancy.Palette{"a-b": "red"}}}},
		{"theme.dark.primary", tenancy.Configuration{Theme: tenancy.Theme{Dark: tenancy.Palette{"primary": "</style>"}}}},
		{"theme.dark.primary", tenancy.Configuration{Theme: tenancy.Theme{Dark: tenancy.Palette{"primary": ""}}}},
		{"languages.defaultLanguage", tenancy.Configuration{Languages: tenancy.Languages{DefaultLanguage: "de", SupportedLanguages: []string{"en"}}}},
		{"languages.supportedLanguages[1]", tenancy.Configuration{Languages: tenancy.Languages{SupportedLanguages: []string{"en", "tlh"}}}},
		{"languages.supportedLanguages[1]", tenancy.Configuration{Languages: tenancy.Languages{SupportedLanguages: []string{"en", "en"}}}},
		{"features", tenancy.Configuration{Features: tenancy.Features{"teleport": true}}},
		{"networking.allowedOrigins[0]", tenancy.Configuration{Networking: tenancy.Networking{AllowedOrigins: []string{"*"}}}},
		{"networking.allowedOrigins[0]", tenancy.Configuration{Networking: tenancy.Networking{AllowedOrigins: []string{"https://example.org/"}}}},
		{"networking.allowedOrigins[1]", tenancy.Configuration{Networking: tenancy.Networking{AllowedOrigins: []string{"https://example.org:8443", "https://u@example.org"}}}},
		{"security.allowedDomains[0]", tenancy.Configuration{Security: tenancy.Security{AllowedDomains: []string{"@example.org"}}}},
		{"security.allowedDomains", tenancy.Configuration{Security: tenancy.Security{AllowedDomains: hosts}}},
		{"security.signupMode", tenancy.Configuration{Security: tenancy.Security{SignupMode: "CLOSED"}}},
		{"security.defaultUserRole", tenancy.Configuration{Security: tenancy.Security{DefaultUserRole: "king"}}},
	} {
		t.Run(tt.field, func(t *testing.T) {
			_, err := w.settings(acme).Put(t.Context(), tt.in)
			requireFault(t, err, fault.ErrInvalid, tt.field)
			require.Empty(t, w.records(t, acme))
		})
	}
}

func TestFeaturesJSON(t *testing.T) {
	t.Parallel()
	var c tenancy.Configuration
	require.NoError(t, json.Unmarshal([]byte(`{"features": {"missions": true, "streak": {"enabled": false}, "users": {"enabled": true}}}`), &c))
	require.Equal(t, tenancy.Features{tenancy.FeatureMissions: true, tenancy.FeatureStreak: false, tenancy.FeatureUsers: true}, c.Features)
	for _, bad := range []string{`[]`, `{"missions": 1}`, `{"missions": null}`, `{"missions": {}}`, `{"missions": {"enabled": "yes"}}`} {
		require.ErrorIs(t, json.Unmarshal([]byte(`{"features": `+bad+`}`), &c), fault.ErrInvalid, bad)
	}
}
