package tenancy

import (
	"context"
	"errors"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/store"
)

// Holdings returns what a workspace holds of what the package keeps.
func Holdings() []holding.Holding {
	people := holding.Of(users.Schema())
	remove := people.Drop
	people.Drop = func(ctx context.Context, tx store.Tx, rows ...store.Row) error {
		for i := range rows {
			if err := leave(ctx, tx, rows[i].Record.(User).PrincipalID); err != nil {
				return err
			}
		}
		return remove(ctx, tx, rows...)
	}
	return []holding.Holding{
		people,
		{Name: principals.Schema().Name, Table: principals.Schema(), List: listPrincipals, Put: putPrincipals},
		holding.Of(formers.Schema()), holding.Of(carriers.Schema()), holding.Of(configurations.Schema()),
	}
}

// listPrincipals returns the principals of the users behind one, each with that user alone.
func listPrincipals(ctx context.Context, tx store.Tx, behind string, limit int) ([]store.Row, string, error) {
	some, err := tx.List(ctx, users.Schema(), holding.Behind(store.Query{}, behind, limit))
	if err != nil {
		return nil, "", err
	}
	var ids []string
	for i := range some {
		if id := some[i].Record.(User).PrincipalID; id != "" {
			ids = append(ids, id)
		}
	}
	found, err := principals.GetMany(ctx, tx.In(accountScope(tx.Scope().Account)), ids...)
	rows := make([]store.Row, len(found))
	for i, p := range found {
		rows[i] = principals.Row(identity{p.Principal, map[string]string{"": p.Users[tx.Scope().Workspace]}})
	}
	return rows, holding.Last(some, limit), err
}

// putPrincipals makes users those of their principals, which the account may know already: it knows a person by the e-mail.
func putPrincipals(ctx context.Context, tx store.Tx, rows ...store.Row) error {
	account := tx.In(accountScope(tx.Scope().Account))
	for i := range rows {
		p := rows[i].Record.(identity)
		u, there, err := users.Get(ctx, tx, p.Users[""])
		switch {
		case err != nil:
			return err
		case !there || u.PrincipalID != p.ID || len(p.Users) != 1:
			return fault.Invalid(principals.Schema().Name, "%q is not that of one user", p.ID)
		}
		known, ok, err := findIdentity(ctx, account, p.Email)
		if err != nil {
			return err
		}
		if _, twice := known.Users[tx.Scope().Workspace]; twice {
			return fault.Exists("email", "belongs to another user")
		}
		if ok {
			p.Principal = known.Principal
		} else if _, taken, err := principals.Get(ctx, account, p.ID); err != nil || taken {
			return errors.Join(err, fault.Conflict(principals.Schema().Name, "%q is somebody else in the account", p.ID))
		}
		if u.PrincipalID != p.ID {
			u.PrincipalID = p.ID
			if err := users.Put(ctx, tx, u); err != nil {
				return err
			}
		}
		p.Users = known.with(tx.Scope().Workspace, u.ID)
		if err := principals.Put(ctx, account, p); err != nil {
			return err
		}
	}
	return nil
}
