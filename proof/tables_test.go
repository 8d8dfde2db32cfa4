package proof_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// What a host writes to its own tables is committed with what it does in the workspace, or with what it does to accounts, or not at all.
func TestTablesOfTheHostAreCommittedTogether(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			st := open(t)
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			eng, err := guerdon.New(ctx, st, &guerdon.Options{Tables: []*store.Schema{tallies.Schema()}})
			require.NoError(t, err)
			_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
			require.NoError(t, err)
			ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
			require.NoError(t, err)
			tallied := func(tx store.Tx) int {
				n, err := tallies.Count(ctx, tx, store.Query{})
				require.NoError(t, err)
				return n
			}
			wrong := errors.New("wrong")

			join := func(user string, fails error) error {
				return ws.UpdateTables(ctx, func(ctx context.Context, tx store.Tx, inner *guerdon.Workspace) error {
					require.Equal(t, ws.Scope(), tx.Scope())
					if err := tallies.Insert(ctx, tx, tally{user, 1}); err != nil {
						return err
					}
					_, err := inner.Users.Create(ctx, tenancy.NewUser{ID: user})
					require.NoError(t, err)
					_, err = ws.Users.Get(ctx, user)
					require.ErrorIs(t, err, fault.ErrConflict, "it would not see what is written")
					require.NoError(t, inner.ViewTables(ctx, func(_ context.Context, tx store.Tx) error {
						require.Positive(t, tallied(tx))
						return nil
					}))
					return inner.UpdateTables(ctx, func(ctx context.Context, tx store.Tx, _ *guerdon.Workspace) error {
						return errors.Join(tallies.Put(ctx, tx, tally{user, 2}), fails)
					})
				})
			}
			require.ErrorIs(t, join("ada", wrong), wrong)
			_, err = ws.Users.Get(ctx, "ada")
			require.ErrorIs(t, err, fault.ErrNotFound)
			require.NoError(t, join("ada", nil))
			require.ErrorIs(t, join("ada", nil), fault.ErrExists)
			require.NoError(t, ws.View(ctx, func(ctx context.Context, inner *guerdon.Workspace) error {
				return inner.ViewTables(ctx, func(_ context.Context, tx store.Tx) error {
					require.Equal(t, 1, tallied(tx))
					require.ErrorIs(t, tallies.Put(ctx, tx, tally{"bob", 1}), store.ErrReadOnly)
					return nil
				})
			}))

			found := func(id string, fails error) error {
				return eng.UpdatePlatform(ctx, func(ctx context.Context, tx store.Tx, platform tenancy.Platform) error {
					require.Equal(t, store.Scope{}, tx.Scope())
					_, err := platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: id, Name: "Made " + id})
					if err != nil {
						return err
					}
					_, err = platform.Workspace(ctx, store.Scope{Account: "acme", Workspace: id})
					require.NoError(t, err)
					_, err = eng.Platform.RenameWorkspace(ctx, store.Scope{Account: "acme", Workspace: id}, "Other")
					require.ErrorIs(t, err, fault.ErrConflict, "it would wait for itself")
					return errors.Join(tallies.Put(ctx, tx.In(store.Scope{Account: "acme"}), tally{id, 1}), fails)
				})
			}
			require.ErrorIs(t, found("north", wrong), wrong)
			_, err = eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "north"})
			require.ErrorIs(t, err, fault.ErrNotFound)
			require.NoError(t, found("north", nil))
			require.ErrorIs(t, found("north", nil), fault.ErrExists)
			require.NoError(t, st.View(ctx, store.Scope{Account: "acme"}, func(tx store.Tx) error {
				require.Equal(t, 1, tallied(tx))
				return nil
			}))
			require.ErrorIs(t, ws.UpdateTables(ctx, nil), fault.ErrInvalid)
			require.ErrorIs(t, ws.ViewTables(ctx, nil), fault.ErrInvalid)
			require.ErrorIs(t, eng.UpdatePlatform(ctx, nil), fault.ErrInvalid)
			require.ErrorIs(t, (&guerdon.Workspace{}).UpdateTables(ctx, func(context.Context, store.Tx, *guerdon.Workspace) error { return nil }), fault.ErrInvalid)
		})
	}
}
