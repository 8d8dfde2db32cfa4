package tenancy

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
)

// A Principal is a person as an account knows them, by e-mail: one identity with a user in each
// workspace that it may enter.
type Principal struct {
	ID string `json:"principalId"`
	// Sub is what tokens call the principal: its id.
	Sub       string    `json:"sub"`
	Email     string    `json:"email"`
	FirstName string    `json:"firstName,omitempty"`
	LastName  string    `json:"lastName,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// A Membership is a workspace that a principal may enter, and the user that it is there.
type Membership struct {
	AccountID   string `json:"accountId"`
	WorkspaceID string `json:"workspaceId"`
	UserID      string `json:"userId"`
}

// identity is a principal as it is kept. What a workspace sees of it is the principal alone: in which
// other workspaces it has users is none of its business.
type identity struct {
	Principal
	Users map[string]string `json:"users"` // the user's id in each workspace; never empty
}

// principals are kept in the scope of their account.
var principals = store.Define("principals", func(p *identity) string { return p.ID },
	[]store.Field[identity]{
		{Name: "email", Kind: store.KindText, Of: func(p *identity) store.Value { return store.Text(foldEmail(p.Email)) }},
	},
	store.Index{Name: "email", Columns: []string{"email"}, Unique: true},
)

// findIdentity returns the principal with the given e-mail; tx is on the account's scope.
func findIdentity(ctx context.Context, tx store.Tx, email string) (identity, bool, error) {
	found, err := principals.List(ctx, tx, store.By("email", store.Text(foldEmail(email))))
	if err != nil || len(found) == 0 {
		return identity{}, false, err
	}
	return found[0], true, nil
}

// joinedBy returns the principal of a new user, with the user among its own. It is not written yet.
func joinedBy(ctx context.Context, tx *session.Tx, n *NewUser, userID string) (identity, error) {
	scope := tx.Scope()
	p, ok, err := findIdentity(ctx, tx.In(accountScope(scope.Account)), n.Email)
	if err != nil {
		return identity{}, err
	}
	if !ok {
		id := tx.NewID()
		p.Principal = Principal{ID: id, Sub: id, Email: n.Email, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	}
	if _, taken := p.Users[scope.Workspace]; taken {
		return identity{}, fault.Exists("email", "belongs to another user")
	}
	// What the account knows already is not for one workspace to change.
	if p.FirstName == "" && n.FirstName != "" {
		p.FirstName, p.UpdatedAt = n.FirstName, tx.Now
	}
	if p.LastName == "" && n.LastName != "" {
		p.LastName, p.UpdatedAt = n.LastName, tx.Now
	}
	p.Users = p.with(scope.Workspace, userID)
	return p, nil
}

// with returns the principal's users with one more.
func (p *identity) with(workspaceID, userID string) map[string]string {
	joined := map[string]string{}
	maps.Copy(joined, p.Users)
	joined[workspaceID] = userID
	return joined
}

// leave takes a workspace's user from its principal, and deletes the principal if that was its last.
func leave(ctx context.Context, tx store.Tx, principalID string) error {
	scope := tx.Scope()
	account := tx.In(accountScope(scope.Account))
	p, ok, err := principals.Get(ctx, account, principalID)
	if err != nil || !ok {
		return err
	}
	p.Users = maps.Clone(p.Users)
	delete(p.Users, scope.Workspace)
	if len(p.Users) == 0 {
		return principals.Delete(ctx, account, principalID)
	}
	return principals.Put(ctx, account, p)
}

// memberships returns the workspaces of a principal, ordered by id.
func (p *identity) memberships(accountID string) []Membership {
	all := make([]Membership, 0, len(p.Users))
	for _, id := range slices.Sorted(maps.Keys(p.Users)) {
		all = append(all, Membership{accountID, id, p.Users[id]})
	}
	return all
}

// validatePrincipal returns what is wrong with the fields of a new user that its principal gets.
func (n *NewUser) validatePrincipal() error {
	if n.Email == "" && (n.FirstName != "" || n.LastName != "") {
		return fault.Invalid("email", "is empty; first and last name belong to an e-mail")
	}
	return errors.Join(text.Optional(checkEmail, "email", n.Email),
		text.Optional(checkName, "firstName", n.FirstName), text.Optional(checkName, "lastName", n.LastName))
}
