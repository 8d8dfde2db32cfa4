// Package tenancy says whose everything is: a platform has accounts, an account has workspaces, and a
// workspace has users.
//
// Records live in three kinds of scope. The platform's holds the accounts; an account's holds its
// workspaces and its principals, the identities behind the users that have an e-mail; a workspace's
// holds its users and its configuration. [Platform] is the service for the first two, [Users] and
// [Settings] are those of one workspace. What is in a workspace is reached through its services only,
// so that equal ids in two of them never meet.
//
// The services trust their caller. Whoever faces the network asks [Can], or [User.Can], first.
package tenancy

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/guerdonhq/guerdon/store"
)

// Tables returns what the package keeps.
func Tables() []*store.Schema {
	return []*store.Schema{
		accounts.Schema(), workspaces.Schema(), principals.Schema(), users.Schema(), formers.Schema(), carriers.Schema(),
		configurations.Schema(),
	}
}

// accountScope returns where the workspaces and principals of an account are kept.
func accountScope(accountID string) store.Scope { return store.Scope{Account: accountID} }

// shortID returns the id of a new account or workspace: ten characters of A-Z a-z 0-9 _ -, which is
// the form that clients expect of these two. It is made from an id of the usual kind, because ids have
// one source; and by a hash, because the first ten characters of an id that grows with time are alike.
func shortID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:10]
}

// optional returns a text for an index that holds only those who have one.
func optional(s string) store.Value {
	if s == "" {
		return store.Value{}
	}
	return store.Text(s)
}
