// Package everystore opens the stores that must answer alike, for tests of what stands on them.
package everystore

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

// Openers return what opens an empty store of each kind, by its name. Databases are those of PostgreSQL, which the tests hand on
// with their connections, because making all tables anew takes longer than most of them.
func Openers(databases *pgtest.Pool) map[string]func(testing.TB) store.Store {
	return map[string]func(testing.TB) store.Store{
		"memory": func(testing.TB) store.Store { return memory.New() },
		"sqlite": func(tb testing.TB) store.Store {
			tb.Helper()
			st, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "guerdon.db"), nil)
			require.NoError(tb, err)
			return st
		},
		"postgres": func(tb testing.TB) store.Store {
			tb.Helper()
			return postgres.New(databases.Connect(tb))
		},
	}
}
