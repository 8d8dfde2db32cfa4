package storetest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

// Metered checks a store whose transactions are [store.Metered]: an Update that asks is told what it has cost, and those that share
// a commit are told that they do. distant tells whether the rows are outside of the process, so that reading them is a trip.
func Metered(t *testing.T, s store.Store, distant bool) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, s.Prepare(ctx, notes.Schema()))
	// write puts three notes, of which one is deleted again, and reads the one of a name before.
	write := func(cost *store.Cost, name string) error {
		return s.Update(ctx, here, func(tx store.Tx) error {
			if cost != nil {
				*cost = store.Cost{Trips: -1}
				tx.In(there).(store.Metered).Meter(new(store.Cost)) // of several calls the last counts
				tx.(store.Metered).Meter(cost)
			}
			if _, _, err := notes.Get(ctx, tx, name); err != nil {
				return err
			}
			if err := notes.Put(ctx, tx, note{ID: name}, note{ID: name + " too"}, note{ID: name + " not"}); err != nil {
				return err
			}
			return notes.Delete(ctx, tx, name+" not")
		})
	}
	var first, second store.Cost
	require.NoError(t, write(&first, "a"))
	require.NoError(t, write(&second, "a"))
	for i, c := range []store.Cost{first, second} {
		require.Equal(t, i, c.RowsRead)
		require.Equal(t, 4, c.RowsWritten)
		require.Equal(t, 1, c.Commit.Callers)
		require.True(t, c.Commit.Counts)
		require.GreaterOrEqual(t, c.Commit.Rows, 2)
		if distant {
			require.Equal(t, 1, c.Trips)
			require.Positive(t, c.Statements)
			require.Greater(t, c.Commit.Statements, 1)
		} else {
			require.Zero(t, c.Trips+c.Statements+c.Commit.Statements)
		}
	}

	// Of many at once every one is counted in one commit. Some do not ask, and some fail.
	const callers = 32
	costs := make([]store.Cost, callers)
	errs := make([]error, callers)
	var all sync.WaitGroup
	require.NoError(t, s.Update(ctx, here, func(store.Tx) error {
		for i := range callers {
			all.Go(func() {
				switch name := string(rune('b' + i)); i % 8 {
				case 6:
					errs[i] = write(nil, name)
				case 7:
					_ = s.Update(ctx, here, func(tx store.Tx) error {
						tx.(store.Metered).Meter(&costs[i])
						return errStop
					})
				default:
					errs[i] = write(&costs[i], name)
				}
			})
		}
		return nil
	}))
	all.Wait()
	counted := 0
	for i := range callers {
		require.NoError(t, errs[i])
		c := costs[i].Commit
		switch i % 8 {
		case 6:
		case 7:
			require.Zero(t, c)
		default:
			require.Positive(t, c.Callers)
			require.Equal(t, 4, costs[i].RowsWritten)
			if c.Counts {
				counted += c.Callers
			}
		}
	}
	require.GreaterOrEqual(t, counted, callers*6/8) // those who did not ask may have had a commit of their own
	require.LessOrEqual(t, counted, callers*7/8+1)  // and whoever came first may share one
}
