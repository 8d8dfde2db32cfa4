package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// Inherits checks that a store takes over what was kept in a former layout, whatever it is interrupted by. open opens the
// store on an empty database, as another process would each time, and exec runs a statement there, of which text is the type of
// a text in the former layout.
func Inherits(t *testing.T, text string, exec func(statement string) error, open func() store.Heir) {
	t.Helper()
	const n = 1200
	ctx, people, notes := t.Context(), people().Packed(), notes
	tables, former := []*store.Schema{people.Schema(), notes.Schema()}, []string{"notes", "people", "never"}
	statements := []string{
		"create table guerdon_tables (name " + text + " not null primary key, version bigint not null)",
		"insert into guerdon_tables values ('people', 1), ('notes', 1), ('else', 1)",
		"create index guerdon_people_by_name on guerdon_people (scope, name)",
	}
	for _, name := range []string{"people", "notes"} {
		statements = slices.Insert(statements, 1, fmt.Sprintf(
			`create table guerdon_%s (scope %s not null, "key" %[2]s not null, name %[2]s, record text not null, primary key (scope, "key"))`, name, text))
	}
	var values strings.Builder
	for i := range n {
		fmt.Fprintf(&values, `, ('acme/default', '%04d', 'x', '{"id":"%04[1]d","name":"x","age":%[1]d,"lost":true}')`, i)
	}
	statements = append(statements, "insert into guerdon_people values ('acme/other', 'a', 'x', '{\"id\":\"a\"}')"+values.String(),
		"insert into guerdon_notes values ('acme/default', 'n', 'x', '{\"id\":\"n\"}')")
	for _, statement := range statements {
		require.NoError(t, exec(statement))
	}
	var moved []string // of those that were committed
	failing := errors.New("failing")
	inherit := func(s store.Heir, failAt int) error {
		calls := 0
		var last []string // of the last call, of which nobody knows whether it was committed
		err := s.Inherit(ctx, tables, former, func(ctx context.Context, tx store.Tx, table string, rows []store.Former) error {
			moved, last = append(moved, last...), nil
			for _, row := range rows {
				last = append(last, table+" "+tx.Scope().String()+" "+row.Key)
				if table == "notes" {
					if err := notes.Insert(ctx, tx, note{ID: row.Key}); err != nil {
						return err
					}
					continue
				}
				into, err := people.Schema().ParseJSON(row.Record)
				if err == nil {
					err = tx.Insert(ctx, people.Schema(), into)
				}
				if err != nil {
					return err
				}
			}
			if calls++; calls == failAt {
				return failing
			}
			return nil
		})
		if err == nil {
			moved = append(moved, last...)
		}
		return err
	}
	requireOlder := func(err error) {
		t.Helper()
		_, older := errors.AsType[*store.OlderError](err)
		require.True(t, older, "%v", err)
	}
	require.ErrorIs(t, inherit(open(), 0), fault.ErrConflict) // one of the tables is of no layout that is known
	require.NoError(t, exec("delete from guerdon_tables where name = 'else'"))
	requireOlder(open().Prepare(ctx, tables...))
	require.NoError(t, exec(`update guerdon_people set name = 'y' where "key" = 'a'`)) // nothing has changed
	require.ErrorIs(t, inherit(open(), 3), failing)
	require.Error(t, exec(`insert into guerdon_people (scope, "key", name, record) values ('acme/default', 'b', 'x', '{"id":"b"}')`)) // as an older program does
	requireOlder(open().Prepare(ctx, tables...))
	require.ErrorIs(t, inherit(open(), 1), failing)
	require.NoError(t, inherit(open(), 0))
	want := []string{"notes acme/default n"}
	for i := range n {
		want = append(want, fmt.Sprintf("people acme/default %04d", i))
	}
	require.Equal(t, append(want, "people acme/other a"), moved)
	s := open()
	require.NoError(t, s.Prepare(ctx, tables...))
	require.NoError(t, inherit(s, 1)) // there is nothing more
	view(t, s, func(ctx context.Context, tx store.Tx) {
		list, err := people.List(ctx, tx, store.By("age_name"))
		require.NoError(t, err)
		require.Len(t, list, n)
		require.Equal(t, person{ID: "1199", Name: "x", Age: 1199}, list[n-1])
		other, err := people.List(ctx, tx.In(store.Scope{Account: "acme", Workspace: "other"}), store.Query{})
		require.NoError(t, err)
		require.Equal(t, []person{{ID: "a"}}, other)
	})
	for _, name := range former {
		require.Error(t, exec("select 1 from guerdon_aside_"+name))
	}
}
