package proof_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/webhook"
)

// kept is what a table keeps.
type kept struct {
	Version int      `json:"version"`
	Shape   []string `json:"shape"`
}

// An older program that does not know a field would lose it by writing a row again. It does not write where the version of
// a table is higher than its own: so whoever changes what a table keeps raises the version ([store.Table.Version]), and
// writes down both in testdata/tables.json.
func TestTablesThatKeepSomethingElseHaveAHigherVersion(t *testing.T) {
	text, err := os.ReadFile("testdata/tables.json")
	require.NoError(t, err)
	var before map[string]kept
	require.NoError(t, json.Unmarshal(text, &before))
	now := map[string]kept{}
	for _, s := range slices.Concat(guerdon.Tables(), webhook.Tables(), httpapi.Tables()) {
		is := kept{s.Version, s.Shape()}
		now[s.Name] = is
		if was, there := before[s.Name]; there && !slices.Equal(was.Shape, is.Shape) {
			require.Greater(t, is.Version, was.Version, "table %s keeps something else than before: raise its version", s.Name)
		}
	}
	is, err := json.MarshalIndent(now, "", "\t")
	require.NoError(t, err)
	require.Equal(t, string(text), string(is)+"\n", "testdata/tables.json is not what the tables keep")
}
