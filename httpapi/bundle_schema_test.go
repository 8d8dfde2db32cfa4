package httpapi_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// bundled returns what checks text as an editor does that has the schema of bundles.
func bundled(t *testing.T) func(text string) error {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(httpapi.BundleSchema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(httpapi.BundleSchemaID, schema))
	compiled, err := c.Compile(httpapi.BundleSchemaID)
	require.NoError(t, err)
	return func(text string) error {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		return compiled.Validate(value)
	}
}

func TestTheSchemaOfBundlesIsAsReviewed(t *testing.T) {
	golden(t, "../schema/bundle.json", httpapi.BundleSchema())
}

// Every bundle of the repository is right by the schema, and so is what is exported after it was imported.
func TestBundlesAreAsTheirSchemaSays(t *testing.T) {
	check := bundled(t)
	engine, err := guerdon.New(t.Context(), memory.New(), nil)
	require.NoError(t, err)
	kinds := map[string]bool{}
	for folder, texts := range bundlesOf(t) {
		id := strings.NewReplacer(".", "-", string(filepath.Separator), "-").Replace(folder)
		_, err := engine.Platform.CreateAccount(t.Context(), tenancy.Account{ID: id, Name: folder})
		require.NoError(t, err)
		ws, err := engine.Workspace(t.Context(), store.Scope{Account: id, Workspace: "default"})
		require.NoError(t, err)
		var bundles [][]byte
		for _, text := range texts {
			require.NoError(t, check(text), folder)
			bundles = append(bundles, []byte(strings.ReplaceAll(text, "$ZONE", "Europe/Rome")))
		}
		all, err := guerdon.JoinBundles(bundles...)
		require.NoError(t, err)
		_, err = ws.Import(t.Context(), all)
		require.NoError(t, err, folder)
		exported, err := ws.Export(t.Context())
		require.NoError(t, err)
		require.NoError(t, check(string(exported)), folder)
		var b struct{ Documents []struct{ Kind string } }
		require.NoError(t, json.Unmarshal(exported, &b))
		for _, d := range b.Documents {
			kinds[d.Kind] = true
		}
	}
	for _, k := range guerdon.Kinds() {
		require.True(t, kinds[k.Name()], "no bundle of the repository has a %s", k.Name())
	}
}

// bundlesOf returns the bundles of the repository, by their folders.
func bundlesOf(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	require.NoError(t, filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || name != ".." && strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".json":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var b map[string]json.RawMessage
		if json.Unmarshal(text, &b) == nil && bytes.HasPrefix(b["documents"], []byte("[")) {
			all[filepath.Dir(name)] = append(all[filepath.Dir(name)], string(text))
		}
		return nil
	}))
	require.Greater(t, len(all), 5)
	return all
}

func TestTheSchemaOfBundlesRefuses(t *testing.T) {
	check := bundled(t)
	const run = `{"documents": [{"kind": "Activity", "id": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}]}`
	require.NoError(t, check(run))
	require.NoError(t, check(`{"$schema": "bundle.json", "documents": []}`))
	for name, change := range map[string][2]string{
		"another kind":         {`"Activity"`, `"Aktivity"`},
		"no kind":              {`"kind": "Activity", `, ``},
		"no id":                {`"id": "run", `, ``},
		"a wrong type":         {`"name": "Run"`, `"name": 5`},
		"an unknown field":     {`"name"`, `"title"`},
		"one of another kind":  {`"name"`, `"rewards": [], "name"`},
		"one deep in a list":   {`"label"`, `"text"`},
		"a value of a list":    {`"name"`, `"origin": "HOME", "name"`},
		"a tag that is none":   {`"name"`, `"tags": ["red"], "name"`},
		"a field beside them":  {`{"documents"`, `{"version": 1, "documents"`},
		"no documents":         {`"documents"`, `"$schema"`},
		"a document as a list": {`[{"kind"`, `[[], {"kind"`},
	} {
		text := strings.Replace(run, change[0], change[1], 1)
		require.NotEqual(t, run, text)
		require.Error(t, check(text), name)
	}
	for name, reward := range map[string]string{
		`{"virtualCurrencyId": "points", "expression": 1}`:                               "",
		`{"virtualCurrencyId": "points", "expression": {"var": "value"}, "maxCount": 1}`: "it has no such field",
		`{"virtualCurrencyId": 1}`:                                                       "it is no text",
	} {
		err := check(`{"documents": [{"kind": "RewardRule", "id": "r", "rewards": [` + name + `]}]}`)
		require.Equal(t, reward != "", err != nil, "%s: %v", name, err)
	}
}
