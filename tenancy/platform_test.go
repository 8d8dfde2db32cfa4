package tenancy_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

var shortID = regexp.MustCompile(`^[A-Za-z0-9_-]{10}$`)

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()

	a, err := w.platform.CreateAccount(ctx, tenancy.Account{Name: "Initech"})
	require.NoError(t, err)
	require.Regexp(t, shortID, a.ID)
	got, err := w.platform.Account(ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, a, got)
	def, err := w.platform.Workspace(ctx, store.Scope{Account: a.ID, Workspace: "default"})
	require.NoError(t, err)
	require.Equal(t, tenancy.Workspace{
		ID: "default", AccountID: a.ID, Name: "default", Slug: "default", Plan: tenancy.PlanStandard,
		Type: tenancy.TypeCustom, CreatedAt: a.CreatedAt, UpdatedAt: a.CreatedAt,
	}, def)

	_, err = w.readingPlatform().CreateAccount(ctx, tenancy.Account{ID: "acme"})
	requireFault(t, err, fault.ErrExists, "accountId")
	_, err = w.platform.CreateAccount(ctx, tenancy.Account{ID: "a/b", Name: strings.Repeat("x", 256)})
	requireFault(t, err, fault.ErrInvalid, "accountId")
	requireFault(t, err, fault.ErrInvalid, "name")
	_, err = w.platform.Account(ctx, "nobody")
	requireFault(t, err, fault.ErrNotFound, "account")
}

func TestGeneratedIDsDiffer(t *testing.T) {
	t.Parallel()
	w := open(t)
	seen := map[string]bool{}
	for range 200 {
		a, err := w.platform.CreateAccount(t.Context(), tenancy.Account{})
		require.NoError(t, err)
		require.False(t, seen[a.ID])
		seen[a.ID] = true
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	for i := range 3 {
		_, err := w.platform.CreateAccount(ctx, tenancy.Account{ID: "more" + strconv.Itoa(i)})
		require.NoError(t, err)
	}
	var ids []string
	for page := (store.Page{Limit: 2}); ; {
		list, next, err := w.platform.Accounts(ctx, page)
		require.NoError(t, err)
		for _, a := range list {
			ids = append(ids, a.ID)
		}
		if page.Token = next; next == "" {
			break
		}
	}
	require.Equal(t, []string{"more2", "more1", "more0", "rival", "acme"}, ids)
	_, _, err := w.platform.Accounts(ctx, store.Page{Limit: 101})
	requireFault(t, err, fault.ErrInvalid, "limit")
	_, _, err = w.platform.Accounts(ctx, store.Page{Token: "?"})
	requireFault(t, err, fault.ErrInvalid, "nextToken")
}

func TestCreateWorkspace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		in    tenancy.Workspace
		kind  error
		field string
	}{
		{"account", tenancy.Workspace{Name: "West"}, fault.ErrInvalid, "accountId"},
		{"unknown account", tenancy.Workspace{AccountID: "nobody", Name: "West"}, fault.ErrNotFound, "account"},
		{"id", tenancy.Workspace{AccountID: "acme", ID: "a:b", Name: "West"}, fault.ErrInvalid, "workspaceId"},
		{"taken id", tenancy.Workspace{AccountID: "acme", ID: "north", Name: "West"}, fault.ErrExists, "workspaceId"},
		{"no name", tenancy.Workspace{AccountID: "acme"}, fault.ErrInvalid, "name"},
		{"short name", tenancy.Workspace{AccountID: "acme", Name: "ab"}, fault.ErrInvalid, "name"},
		{"long name", tenancy.Workspace{AccountID: "acme", Name: strings.Repeat("x", 31)}, fault.ErrInvalid, "name"},
		{"slug", tenancy.Workspace{AccountID: "acme", Name: "West", Slug: "West"}, fault.ErrInvalid, "slug"},
		{"slug with gaps", tenancy.Workspace{AccountID: "acme", Name: "West", Slug: "a--b"}, fault.ErrInvalid, "slug"},
		{"taken slug", tenancy.Workspace{AccountID: "acme", Name: "NORTH"}, fault.ErrExists, "slug"},
		{"plan", tenancy.Workspace{AccountID: "acme", Name: "West", Plan: "FREE"}, fault.ErrInvalid, "plan"},
		{"type", tenancy.Workspace{AccountID: "acme", Name: "West", Type: "SHOP"}, fault.ErrInvalid, "type"},
		{"own catalog", tenancy.Workspace{AccountID: "acme", ID: "west", Name: "West", Catalogs: []string{"west"}}, fault.ErrInvalid, "catalogs[0]"},
		{"catalog twice", tenancy.Workspace{AccountID: "acme", Name: "West", Catalogs: []string{"north", "north"}}, fault.ErrInvalid, "catalogs[1]"},
		{"unknown catalog", tenancy.Workspace{AccountID: "acme", Name: "West", Catalogs: []string{"north", "south"}}, fault.ErrInvalid, "catalogs[1]"},
		{"foreign catalog", tenancy.Workspace{AccountID: "rival", Name: "West", Catalogs: []string{"north"}}, fault.ErrInvalid, "catalogs[0]"},
		{"malformed catalog", tenancy.Workspace{AccountID: "acme", Name: "West", Catalogs: []string{"\x00"}}, fault.ErrInvalid, "catalogs[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t).readingPlatform().CreateWorkspace(t.Context(), tt.in)
			requireFault(t, err, tt.kind, tt.field)
		})
	}
}

func TestWorkspaceSlug(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"West Wing 2": "west-wing-2", "  a_b.c  ": "a-b-c", "Zürich": "z-rich", "東京オフィス": "tokyo",
	} {
		w := open(t)
		ws, err := w.platform.CreateWorkspace(t.Context(), tenancy.Workspace{AccountID: "acme", ID: "Tokyo", Name: name})
		require.NoError(t, err)
		require.Equal(t, want, ws.Slug)
	}
}

func TestChangeWorkspace(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()

	renamed, err := w.platform.RenameWorkspace(ctx, north, "Norden")
	require.NoError(t, err)
	require.Equal(t, "Norden", renamed.Name)
	require.Equal(t, "north", renamed.Slug)
	require.True(t, renamed.UpdatedAt.After(renamed.CreatedAt))

	changed, err := w.platform.UpdateWorkspace(ctx, north, tenancy.WorkspacePatch{
		Plan: new(tenancy.PlanTrial), Type: new(tenancy.TypeCatalog), Catalogs: &[]string{"default"},
	})
	require.NoError(t, err)
	changed.Catalogs[0] = "spoilt" // the caller's copy
	got, err := w.platform.Workspace(ctx, north)
	require.NoError(t, err)
	require.Equal(t, tenancy.PlanTrial, got.Plan)
	require.Equal(t, tenancy.TypeCatalog, got.Type)
	require.Equal(t, []string{"default"}, got.Catalogs)

	_, err = w.platform.UpdateWorkspace(ctx, north, tenancy.WorkspacePatch{Plan: new(tenancy.Plan("FREE"))})
	requireFault(t, err, fault.ErrInvalid, "plan")
	_, err = w.platform.UpdateWorkspace(ctx, north, tenancy.WorkspacePatch{Catalogs: &[]string{"south"}})
	requireFault(t, err, fault.ErrInvalid, "catalogs[0]")
	_, err = w.platform.RenameWorkspace(ctx, store.Scope{Account: "acme", Workspace: "south"}, "South")
	requireFault(t, err, fault.ErrNotFound, "workspace")
	_, err = w.platform.Workspace(ctx, store.Scope{Account: "acme"})
	requireFault(t, err, fault.ErrInvalid, "workspaceId")

	list, next, err := w.platform.Workspaces(ctx, "acme", store.Page{})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Equal(t, []string{"north", "default"}, []string{list[0].ID, list[1].ID})
	_, _, err = w.platform.Workspaces(ctx, "nobody", store.Page{})
	requireFault(t, err, fault.ErrNotFound, "account")
}

func TestDeletedCatalogDoesNoHarm(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, err := w.platform.UpdateWorkspace(t.Context(), acme, tenancy.WorkspacePatch{Catalogs: &[]string{"north"}})
	require.NoError(t, err)
	require.NoError(t, w.platform.DeleteWorkspace(t.Context(), north))
	_, err = w.platform.RenameWorkspace(t.Context(), acme, "Main")
	require.NoError(t, err)
}

func TestDeleteWorkspace(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, tt := range []struct {
		name  string
		fill  func(*testing.T, *world)
		scope store.Scope
		kind  error
	}{
		{"default", nil, acme, fault.ErrConflict},
		{"unknown", nil, store.Scope{Account: "acme", Workspace: "south"}, fault.ErrNotFound},
		{"foreign", nil, store.Scope{Account: "rival", Workspace: "north"}, fault.ErrNotFound},
		{"users", func(t *testing.T, w *world) { w.create(t, north, tenancy.NewUser{}) }, north, fault.ErrConflict},
		{"deleted users", func(t *testing.T, w *world) {
			u := w.create(t, north, tenancy.NewUser{})
			_, err := w.users(north).Anonymise(t.Context(), u.ID)
			require.NoError(t, err)
		}, north, fault.ErrConflict},
		{"documents", func(_ *testing.T, w *world) { w.full[north] = true }, north, fault.ErrConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			if tt.fill != nil {
				tt.fill(t, w)
			}
			requireFault(t, w.platform.DeleteWorkspace(t.Context(), tt.scope), tt.kind, "workspace")
		})
	}
	w := open(t)
	_, err := w.settings(north).Put(ctx, tenancy.Configuration{})
	require.NoError(t, err)
	require.NoError(t, w.platform.DeleteWorkspace(ctx, north))
	require.Empty(t, w.records(t, north))
	_, err = w.platform.Workspace(ctx, north)
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestSubTenants(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()

	got, err := w.platform.SubTenants(ctx, "rival")
	require.NoError(t, err)
	require.Equal(t, tenancy.SubTenants{TenantID: "rival", SubTenantIDs: []string{"default"}, Count: 1, Message: "sub-tenant ids as of now"}, got)

	_, err = w.platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "rival", ID: "Zoo", Name: "Zoo"})
	require.NoError(t, err)
	got, err = w.platform.SubTenants(ctx, "rival") // read live
	require.NoError(t, err)
	require.Equal(t, []string{"Zoo", "default"}, got.SubTenantIDs)
	require.Equal(t, 2, got.Count)

	for range 150 { // more than any page
		_, err = w.platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "rival", Name: "東京オフィス"})
		require.NoError(t, err)
	}
	got, err = w.platform.SubTenants(ctx, "rival")
	require.NoError(t, err)
	require.Equal(t, 152, got.Count)
	require.Len(t, got.SubTenantIDs, 152)
	require.Contains(t, got.SubTenantIDs, "default")

	_, err = w.platform.SubTenants(ctx, "nobody")
	requireFault(t, err, fault.ErrNotFound, "account")
	for _, id := range []string{"", "a/b", "a b", strings.Repeat("x", 65), "ü"} {
		_, err = w.platform.SubTenants(ctx, id)
		requireFault(t, err, fault.ErrInvalid, "tenant_id")
	}
}

func TestZeroServicesRefuse(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, err := tenancy.Platform{}.Account(ctx, "acme")
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = tenancy.NewPlatform(session.Runner{}, holding.Gate{}).SubTenants(ctx, "acme")
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = tenancy.Users{}.Get(ctx, "ann")
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = tenancy.Settings{}.Get(ctx)
	require.ErrorIs(t, err, fault.ErrInvalid)
}
