package proof_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// BenchmarkQuiet is what a consumer does each second for 10,000 workspaces: where nothing was committed by anybody, and where something
// was.
func BenchmarkQuiet(b *testing.B) {
	const workspaces = 10_000
	stores := map[string]func(*testing.B) store.Surveyor{
		"memory": func(*testing.B) store.Surveyor { return memory.New() },
		"sqlite": func(b *testing.B) store.Surveyor {
			b.Helper()
			st, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "quiet.db"), &sqlite.Options{Synchronous: sqlite.Normal})
			require.NoError(b, err)
			return st
		},
		"postgres": func(b *testing.B) store.Surveyor {
			b.Helper()
			st, err := postgres.Open(b.Context(), pgtest.DSN(b), nil)
			require.NoError(b, err)
			return st
		},
	}
	heads := guerdon.Tables()[slices.IndexFunc(guerdon.Tables(), func(t *store.Schema) bool { return t.Name == "heads" })]
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		b.Run(name, func(b *testing.B) {
			st := stores[name](b)
			b.Cleanup(func() { require.NoError(b, st.Close()) })
			eng, err := guerdon.New(b.Context(), st, nil)
			require.NoError(b, err)
			_, err = eng.Platform.CreateAccount(b.Context(), tenancy.Account{ID: "acme"})
			require.NoError(b, err)
			var last *guerdon.Workspace
			for i := range workspaces {
				id := "space-" + strconv.Itoa(i)
				_, err := eng.Platform.CreateWorkspace(b.Context(), tenancy.Workspace{AccountID: "acme", ID: id, Name: id})
				require.NoError(b, err)
				last, err = eng.Workspace(b.Context(), store.Scope{Account: "acme", Workspace: id})
				require.NoError(b, err)
				_, err = last.Users.Create(b.Context(), tenancy.NewUser{ID: "ada"})
				require.NoError(b, err)
			}
			_, mark, err := st.Survey(b.Context(), heads, nil)
			require.NoError(b, err)
			b.Run("quiet", func(b *testing.B) {
				for b.Loop() {
					found, _, err := st.Survey(b.Context(), heads, mark)
					require.NoError(b, err)
					require.Empty(b, found)
				}
			})
			b.Run("one has changed", func(b *testing.B) {
				for b.Loop() {
					_, err := last.Users.Create(b.Context(), tenancy.NewUser{})
					require.NoError(b, err)
					found, next, err := st.Survey(b.Context(), heads, mark)
					require.NoError(b, err)
					require.NotEmpty(b, found)
					mark = next
				}
			})
		})
	}
}
