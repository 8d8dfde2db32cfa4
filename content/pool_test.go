package content_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
)

// A pool is ids, or all there are, and means the same when it is read again. One that is not said is all of them too.
func TestPoolsSayWhichDocumentsTheyAre(t *testing.T) {
	for name, c := range map[string]struct {
		pool    content.Pool
		json    string
		a, b    bool
		entries int
	}{
		"two":      {content.Pool{"a", "c"}, `["a","c"]`, true, false, 2},
		"all":      {content.All(), `"ALL"`, true, true, 0},
		"called":   {content.Pool{"ALL"}, `["ALL"]`, false, false, 1}, // a document of this id
		"none":     {content.Pool{}, `[]`, true, true, 0},
		"not said": {nil, `null`, true, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(c.pool)
			require.NoError(t, err)
			require.Equal(t, c.json, string(text))
			var again content.Pool
			require.NoError(t, json.Unmarshal(text, &again))
			require.Equal(t, c.pool, again)
			require.Equal(t, []bool{c.a, c.b}, []bool{again.Has("a"), again.Has("b")})
			require.Len(t, again.References("pool", "Box"), c.entries)
			require.Equal(t, name == "all", again.IsAll())
		})
	}
	for _, wrong := range []string{`"all"`, `"a"`, `["*"]`, `[1]`, `{}`, `true`} {
		require.Error(t, json.Unmarshal([]byte(wrong), new(content.Pool)), wrong)
	}
}
