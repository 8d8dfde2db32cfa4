package rule_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/rule"
)

func TestRequires(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, want string }{
		{`{"==": [{"var": "a"}, "x"]}`, "x"},
		{`{"===": ["x", {"var": "a"}]}`, "x"},
		{`{"and": [{"<": [{"var": "n"}, 3]}, {"and": [{"==": [{"var": "a"}, "x"]}]}]}`, "x"},
		{`{"and": [{"==": [{"var": "b"}, "y"]}, {"==": [{"var": "a"}, ""]}]}`, ""},
	} {
		got, ok := compiled(t, c.rule).Requires("a")
		require.True(t, ok, c.rule)
		require.Equal(t, c.want, got, c.rule)
	}
	for _, src := range []string{
		`true`, `{"var": "a"}`,
		`{"==": [{"var": "b"}, "x"]}`,
		`{"==": [{"var": "a.b"}, "x"]}`,
		`{"==": [{"var": ["a", "x"]}, "x"]}`,       // holds where there is nothing
		`{"==": [{"var": "a"}, 1]}`,                // "1" equals it too
		`{"==": [{"var": "a"}, {"var": "b"}]}`,     // not known before
		`{"!=": [{"var": "a"}, "x"]}`,              // anything else
		`{"or": [{"==": [{"var": "a"}, "x"]}, 1]}`, // or not
		`{"!": {"==": [{"var": "a"}, "x"]}}`,
		`{"in": [{"var": "a"}, ["x"]]}`,
		`{"some": [{"var": "list"}, {"==": [{"var": "a"}, "x"]}]}`, // of an element
	} {
		_, ok := compiled(t, src).Requires("a")
		require.False(t, ok, src)
	}
}

// Where a condition holds, what it requires is there.
func TestRequiresIsWhatMustBe(t *testing.T) {
	t.Parallel()
	var condition func(depth int) *rapid.Generator[any]
	condition = func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			path := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "path")
			ops := []string{"==", "===", "!=", "!", "and", "or"}
			if depth == 0 {
				ops = ops[:3]
			}
			op := rapid.SampledFrom(ops).Draw(t, "operator")
			switch op {
			case "and", "or":
				return map[string]any{op: rapid.SliceOfN(condition(depth-1), 1, 3).Draw(t, "arguments")}
			case "!":
				return map[string]any{op: condition(depth-1).Draw(t, "argument")}
			}
			return map[string]any{op: []any{map[string]any{"var": path}, rapid.SampledFrom([]any{"x", "y", "1", 1, true}).Draw(t, "constant")}}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		src, err := json.Marshal(condition(3).Draw(t, "condition"))
		require.NoError(t, err)
		r, err := rule.Compile(src, nil)
		require.NoError(t, err)
		required, known := r.Requires("a")
		for _, a := range []string{"x", "y", "1", ""} {
			for _, b := range []string{"x", "y", "1", ""} {
				holds, err := r.Match(&rule.Env{Data: map[string]any{"a": a, "b": b}})
				require.NoError(t, err)
				if holds && known {
					require.Equal(t, required, a, "%s", src)
				}
			}
		}
	})
}
