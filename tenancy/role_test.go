package tenancy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/tenancy"
)

var roles = []tenancy.Role{tenancy.Owner, tenancy.Admin, tenancy.Manager, tenancy.Member, tenancy.Viewer}

func TestPermissions(t *testing.T) {
	t.Parallel()
	const yes, no = true, false
	table := map[tenancy.Permission][5]bool{ // owner, admin, manager, member, viewer
		"content.read":                  {yes, yes, yes, yes, yes},
		"content.create":                {yes, yes, yes, no, no},
		"content.update":                {yes, yes, yes, no, no},
		"content.delete":                {yes, yes, no, no, no},
		"content.lifecycle":             {yes, yes, yes, no, no},
		"content.submit":                {yes, yes, yes, yes, no},
		"users.manage":                  {yes, yes, no, no, no},
		"workspace.manage":              {yes, no, no, no, no},
		"analytics.read":                {yes, yes, yes, no, yes},
		"workspaceConfiguration.update": {yes, no, no, no, no},
		"self.update":                   {yes, yes, yes, yes, no},
	}
	for i, role := range roles {
		all := tenancy.Permissions(role)
		require.Len(t, all, len(table))
		for permission, can := range table {
			require.Equal(t, can[i], tenancy.Can(role, permission), "%s %s", role, permission)
			require.Equal(t, can[i], all[permission], "%s %s", role, permission)
		}
	}
}

func TestPermissionsOfNobody(t *testing.T) {
	t.Parallel()
	require.False(t, tenancy.Can("root", tenancy.ContentRead))
	require.False(t, tenancy.Can("", tenancy.ContentRead))
	require.False(t, tenancy.Can(tenancy.Owner, "content.burn"))
	for _, can := range tenancy.Permissions("root") {
		require.False(t, can)
	}
}

func TestOnlyActiveUsersCan(t *testing.T) {
	t.Parallel()
	u := tenancy.User{Role: tenancy.Owner, Status: tenancy.Active}
	require.True(t, u.Can(tenancy.WorkspaceManage))
	u.Status = tenancy.Suspended
	require.False(t, u.Can(tenancy.ContentRead))
	require.False(t, (&tenancy.User{Status: tenancy.Deleted}).Can(tenancy.ContentRead))
}
