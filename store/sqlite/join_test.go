package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

var errNo = errors.New("no")

// joinable returns a store, and a host's database on the same file with a table of its own.
func joinable(t *testing.T) (*sqlite.Store, *sql.DB) {
	t.Helper()
	path := newFile(t)
	s := openFor(t, path)
	db := host(t, path)
	_, err := db.ExecContext(t.Context(), "create table orders (id text primary key)")
	require.NoError(t, err)
	return s, db
}

func begin(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	return tx
}

func order(t *testing.T, tx *sql.Tx, id string) {
	t.Helper()
	_, err := tx.ExecContext(t.Context(), "insert into orders (id) values (?)", id)
	require.NoError(t, err)
}

func orders(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), "select count(*) from orders").Scan(&n))
	return n
}

func TestJoin(t *testing.T) {
	t.Parallel()
	s, db := joinable(t)
	ctx := t.Context()

	tx := begin(t, db)
	order(t, tx, "1")
	j := s.Join(tx)
	require.NoError(t, j.Prepare(ctx, things.Schema()))
	require.NoError(t, put(ctx, j, thing{ID: "a", N: 1}))
	require.NoError(t, put(ctx, j, thing{ID: "b", N: 2}))
	require.Len(t, all(t, j), 2) // it sees what it wrote
	require.Empty(t, all(t, s))  // nobody else does
	require.NoError(t, j.Close())
	require.NoError(t, tx.Commit())
	require.Len(t, all(t, s), 2)
	require.Equal(t, 1, orders(t, db))

	tx = begin(t, db)
	order(t, tx, "2")
	require.NoError(t, put(ctx, s.Join(tx), thing{ID: "c"}))
	require.NoError(t, tx.Rollback())
	require.Len(t, all(t, s), 2)
	require.Equal(t, 1, orders(t, db))
	require.ErrorIs(t, put(ctx, s.Join(tx), thing{ID: "d"}), sql.ErrTxDone)
}

// A function that fails leaves the host's transaction as it was.
func TestJoinFails(t *testing.T) {
	t.Parallel()
	s, db := joinable(t)
	ctx := t.Context()
	_, err := db.ExecContext(ctx, "create trigger no before insert on guerdon_things when new.key = 'bad'"+
		" begin select raise(abort, 'a trigger says no'); end")
	require.NoError(t, err)

	tx := begin(t, db)
	order(t, tx, "1")
	j := s.Join(tx)
	require.NoError(t, put(ctx, j, thing{ID: "a"}))
	require.ErrorIs(t, j.Update(ctx, scope, func(tx store.Tx) error {
		require.NoError(t, things.Put(ctx, tx, thing{ID: "a", N: 9}, thing{ID: "b"}))
		return errNo
	}), errNo)
	require.PanicsWithValue(t, "no", func() {
		_ = j.Update(ctx, scope, func(tx store.Tx) error {
			require.NoError(t, things.Delete(ctx, tx, "a"))
			panic("no")
		})
	})
	// The first of the rows is written when the second is refused.
	require.ErrorContains(t, j.Update(ctx, scope, func(tx store.Tx) error {
		return things.Put(ctx, tx, thing{ID: "aa"}, thing{ID: "bad"})
	}), "a trigger says no")
	require.ErrorIs(t, j.View(ctx, scope, func(tx store.Tx) error {
		return things.Put(ctx, tx, thing{ID: "c"})
	}), store.ErrReadOnly)
	order(t, tx, "2")
	require.NoError(t, put(ctx, j, thing{ID: "d"}))
	require.NoError(t, tx.Commit())
	require.Equal(t, map[string]int64{"a": 0, "d": 0}, all(t, s))
	require.Equal(t, 2, orders(t, db))
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	s, db := joinable(t)
	other := store.Define("others", func(t *thing) string { return t.ID }, nil)
	tx := begin(t, db)
	require.ErrorIs(t, s.Join(tx).Prepare(t.Context(), things.Schema(), other.Schema()), fault.ErrConflict)
	require.NoError(t, tx.Rollback())

	// A transaction that has read before others wrote can no longer write.
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	late, err := conn.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true}) // begins deferred
	require.NoError(t, err)
	j := s.Join(late)
	require.Empty(t, all(t, j))
	require.NoError(t, put(t.Context(), s, thing{ID: "a"}))
	require.ErrorIs(t, put(t.Context(), j, thing{ID: "b"}), fault.ErrConflict)
	require.NoError(t, late.Rollback())
}

func TestJoinNested(t *testing.T) {
	t.Parallel()
	s, db := joinable(t)
	tx := begin(t, db)
	j := s.Join(tx)
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, j.Update(ctx, scope, func(store.Tx) error {
		go cancel()
		return put(ctx, j, thing{ID: "a"})
	}), context.Canceled)
	require.NoError(t, tx.Rollback())
}
