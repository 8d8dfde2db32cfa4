package httpapi_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// roles are those of users, from the most to the least powerful.
var roles = []tenancy.Role{tenancy.Owner, tenancy.Admin, tenancy.Manager, tenancy.Member, tenancy.Viewer}

// name is how an operation is called in the files and tables of the tests.
func name(o *httpapi.Operation) string { return string(o.Context) + " " + o.Method + " " + o.Path }

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// asked returns the operations that clients know, with their statuses.
func asked(t *testing.T) map[string][]int {
	t.Helper()
	text, err := os.ReadFile("testdata/operations.txt")
	require.NoError(t, err)
	all := map[string][]int{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		require.Len(t, words, 4, line)
		for code := range strings.SplitSeq(words[3], ",") {
			status, err := strconv.Atoi(code)
			require.NoError(t, err)
			key := strings.Join(words[:3], " ")
			all[key] = append(all[key], status)
		}
	}
	return all
}

// Everything that clients know is served, under the same names and with the same statuses. The path of translations of currencies is that
// of streak rules: only the name of its parameter is another.
func TestEverythingThatClientsKnowIsServed(t *testing.T) {
	all := asked(t)
	require.Len(t, all, 287)
	shape := func(name string) string { return parameter.ReplaceAllString(name, "{}") }
	served := map[string]httpapi.Operation{}
	for _, o := range newWorld(t, memory.New()).handler.Operations() {
		served[shape(name(&o))] = o
	}
	var missing []string
	for asked, statuses := range all {
		o, is := served[shape(asked)]
		if !is {
			missing = append(missing, asked)
			continue
		}
		if asked != "dashboard GET /streak-rules/{virtualCurrencyId}/translations" {
			require.Equal(t, asked, name(&o))
		}
		require.Equal(t, statuses[0], o.Statuses[0], asked)
		require.Subset(t, append(slices.Clone(o.Statuses), 401), statuses, asked)
		for _, status := range o.Statuses {
			require.True(t, slices.Contains(statuses, status) || slices.Contains([]int{400, 401, 404}, status), "%s answers %d", asked, status)
		}
	}
	require.Empty(t, missing, "not served")
}

// Who may do what is reviewed when it changes; and nothing can be done without a permission that there is.
func TestPermissionsAreAsReviewed(t *testing.T) {
	var table strings.Builder
	for _, o := range newWorld(t, memory.New()).handler.Operations() {
		_, known := tenancy.Permissions(tenancy.Owner)[o.Permission]
		require.True(t, known || o.Permission == httpapi.Anyone, "%s needs no permission", name(&o))
		var may []string
		for _, role := range roles {
			if o.Permission == httpapi.Anyone || tenancy.Can(role, o.Permission) {
				may = append(may, string(role))
			}
		}
		fmt.Fprintf(&table, "%s: %s: %s\n", name(&o), o.Permission, strings.Join(may, " "))
	}
	golden(t, "testdata/permissions.txt", []byte(table.String()))
}
