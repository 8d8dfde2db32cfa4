// Package holding says what a workspace holds: how its rows leave it, without the name of the workspace in them, how they
// come into another, and how they are removed.
package holding

import (
	"context"

	"github.com/guerdonhq/guerdon/store"
)

// A Holding is the rows of one kind. The transactions that its functions are given are on the workspace's scope.
type Holding struct {
	// Name is what a dump calls the kind.
	Name string
	// Table is where the rows are: in the workspace's scope or, of what an account shares, in the account's.
	Table *store.Schema
	// List returns up to limit of the rows behind a place, in an order that does not change, as they leave the workspace, and
	// the place of the last, "" if there are no more. The first place is "".
	List func(ctx context.Context, tx store.Tx, behind string, limit int) (rows []store.Row, last string, err error)
	// Put adds rows that List has returned, of this workspace or of another.
	Put func(ctx context.Context, tx store.Tx, rows ...store.Row) error
	// Drop removes rows that List has returned; nil if they go with those of another kind.
	Drop func(ctx context.Context, tx store.Tx, rows ...store.Row) error
}

// Of returns the holding of a table whose rows are the workspace's own and do not name it.
func Of(t *store.Schema) Holding {
	return Holding{
		Name: t.Name, Table: t,
		List: func(ctx context.Context, tx store.Tx, behind string, limit int) ([]store.Row, string, error) {
			rows, err := tx.List(ctx, t, Behind(store.Query{}, behind, limit))
			return rows, Last(rows, limit), err
		},
		Put: func(ctx context.Context, tx store.Tx, rows ...store.Row) error { return tx.Insert(ctx, t, rows...) },
		Drop: func(ctx context.Context, tx store.Tx, rows ...store.Row) error {
			return tx.Delete(ctx, t, Keys(rows)...)
		},
	}
}

// Behind returns the query for up to limit of the rows that q describes, which are in the order of their keys behind the
// columns that it fixes, from the one behind a key on.
func Behind(q store.Query, key string, limit int) store.Query {
	if key != "" {
		q.After = &store.Position{Values: q.Equal, Key: key}
	}
	return q.First(limit)
}

// Last returns the place of the last of the rows of a list that is bounded by limit, "" if there are no more.
func Last(rows []store.Row, limit int) string {
	if len(rows) < limit {
		return ""
	}
	return rows[len(rows)-1].Key
}

// Keys returns the keys of rows.
func Keys(rows []store.Row) []string {
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	return keys
}
