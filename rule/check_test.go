package rule_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/rule"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	env := &rule.Env{Data: decode(t, `{"event": {"value": 3, "type": "story"}}`), Now: noon}
	for _, tt := range []struct{ src, want string }{
		{`{">=": [{"var": "event.value"}, 10]}`, `no   c: event.value >= 10 is false: event.value is 3`},
		{`{"or": [{"==": [{"var": "event.type"}, "quiz"]}, {">": [{"var": "event.value"}, 5]}]}`, `no   c: event.type == "quiz" is false: event.type is "story"; event.value > 5 is false: event.value is 3`},
		{`{"!": [{"var": "event.outcome"}]}`, `yes  c: event.outcome is absent`},
		{`true`, `yes  c: true is true`},
	} {
		check := compiled(t, tt.src).Check("c", env)
		require.Equal(t, tt.want, check.String())
		require.NotNil(t, check.Trace)
	}
}

func TestCheckIsGivenUpLikeMatch(t *testing.T) {
	t.Parallel()
	env := &rule.Env{Data: map[string]any{"items": make([]any, rule.MaxSteps)}}
	r := compiled(t, `{"some": [{"var": "items"}, {"==": [{"var": ""}, 1]}]}`)
	_, err := r.Match(env)
	require.Error(t, err)
	check := r.Check("c", env)
	require.False(t, check.Holds)
	require.Equal(t, err.Error(), check.Reason)
	require.Nil(t, check.Trace)
}

func TestCheckHoldsIfMatchSaysSo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		src := rapid.SampledFrom([]string{
			`{"and": [{"var": "a"}, {"or": [{"var": "b"}, {"!": {"var": "c"}}]}]}`,
			`{"if": [{"var": "a"}, {"<": [{"var": "b"}, {"var": "c"}]}, {"var": "c"}]}`,
			`{"/": [{"var": "a"}, {"var": "b"}]}`,
		}).Draw(rt, "rule")
		value := rapid.SampledFrom([]any{nil, false, true, 0.0, 1.0, "", "x", []any{}, []any{1.0}})
		env := &rule.Env{Data: map[string]any{"a": value.Draw(rt, "a"), "b": value.Draw(rt, "b"), "c": value.Draw(rt, "c")}}
		r := compiled(t, src)
		holds, err := r.Match(env)
		require.NoError(rt, err)
		check := r.Check("c", env)
		require.Equal(rt, holds, check.Holds)
		require.NotEmpty(rt, check.Reason)
		_, err = json.Marshal(check)
		require.NoError(rt, err)
	})
}
