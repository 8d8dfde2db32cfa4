package storetest_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/store/storetest"
)

func openMemory(testing.TB) store.Store { return memory.New() }

func openSQLite(tb testing.TB) store.Store {
	s, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "guerdon.db"), nil)
	require.NoError(tb, err)
	return s
}

func openPostgres(tb testing.TB) store.Store {
	s, err := postgres.Open(tb.Context(), pgtest.DSN(tb), nil)
	require.NoError(tb, err)
	return s
}

// The backends answer alike, whatever they are asked.
func TestBackends(t *testing.T) {
	t.Parallel()
	backends := map[string]func(testing.TB) store.Store{"memory": openMemory, "sqlite": openSQLite}
	t.Run("embedded", func(t *testing.T) { storetest.Model(t, backends) })
	t.Run("postgres", func(t *testing.T) {
		storetest.Model(t, map[string]func(testing.TB) store.Store{"memory": openMemory, "postgres": openPostgres})
	})
}
