package tenancy

import (
	"context"
	"errors"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
)

// An Account is a customer of the platform: it owns workspaces.
type Account struct {
	// ID identifies the account; empty on create means a new one of ten characters.
	ID string `json:"accountId"`
	// Name is for people to read, at most 255 characters.
	Name      string    `json:"name,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// accounts are kept in the platform's scope.
var accounts = store.Define("accounts", func(a *Account) string { return a.ID },
	[]store.Field[Account]{
		{Name: "updated_at", Kind: store.KindInt, Of: func(a *Account) store.Value { return store.Time(a.UpdatedAt) }},
	},
	store.Index{Name: "updated", Columns: []string{"updated_at"}},
)

func (a *Account) validate() error {
	return errors.Join(ident.Check("accountId", a.ID), text.Line("name", a.Name, 0, maxText))
}

// findAccount returns the account with the given id; tx is on the platform's scope. field is the
// caller's name for the id.
func findAccount(ctx context.Context, tx store.Tx, field, id string) (Account, error) {
	if err := ident.Check(field, id); err != nil {
		return Account{}, err
	}
	a, ok, err := accounts.Get(ctx, tx, id)
	if err == nil && !ok {
		err = fault.NotFound("account", id)
	}
	return a, err
}
