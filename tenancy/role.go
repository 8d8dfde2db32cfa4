package tenancy

import (
	"slices"

	"github.com/guerdonhq/guerdon/fault"
)

// A Role says what a user may do in a workspace.
type Role string

// The roles, from the most to the least powerful.
const (
	Owner   Role = "owner"
	Admin   Role = "admin"
	Manager Role = "manager"
	Member  Role = "member"
	Viewer  Role = "viewer"
)

// A Permission is something that a role may allow.
type Permission string

// The permissions.
const (
	ContentRead      Permission = "content.read"
	ContentCreate    Permission = "content.create"
	ContentUpdate    Permission = "content.update"
	ContentDelete    Permission = "content.delete"
	ContentLifecycle Permission = "content.lifecycle" // publish and archive
	ContentSubmit    Permission = "content.submit"    // answer, complete, take part
	UsersManage      Permission = "users.manage"
	WorkspaceManage  Permission = "workspace.manage"
	AnalyticsRead    Permission = "analytics.read"
	ConfigUpdate     Permission = "workspaceConfiguration.update"
	SelfUpdate       Permission = "self.update"
)

// grants says which roles have a permission.
var grants = map[Permission][]Role{
	ContentRead:      {Owner, Admin, Manager, Member, Viewer},
	ContentCreate:    {Owner, Admin, Manager},
	ContentUpdate:    {Owner, Admin, Manager},
	ContentDelete:    {Owner, Admin},
	ContentLifecycle: {Owner, Admin, Manager},
	ContentSubmit:    {Owner, Admin, Manager, Member},
	UsersManage:      {Owner, Admin},
	WorkspaceManage:  {Owner},
	AnalyticsRead:    {Owner, Admin, Manager, Viewer},
	ConfigUpdate:     {Owner},
	SelfUpdate:       {Owner, Admin, Manager, Member},
}

// Can tells whether a role has a permission. A role or a permission that does not exist gives false.
func Can(r Role, p Permission) bool { return slices.Contains(grants[p], r) }

// Permissions returns every permission and whether the role has it.
func Permissions(r Role) map[Permission]bool {
	all := make(map[Permission]bool, len(grants))
	for p := range grants {
		all[p] = Can(r, p)
	}
	return all
}

// Check returns [fault.ErrInvalid] that names a field unless the role is one of the five.
func (r Role) Check(field string) error {
	switch r {
	case Owner, Admin, Manager, Member, Viewer:
		return nil
	}
	return fault.Invalid(field, "%q is none of owner, admin, manager, member, viewer", r)
}

// Status says whether a user takes part.
type Status string

// The states of a user.
const (
	Active Status = "active"
	// Suspended is a user whose doings are refused, until resumed.
	Suspended Status = "suspended"
	// Deleted is what remains of a user that was anonymised: an id that the history refers to. It is
	// for good.
	Deleted Status = "deleted"
)
