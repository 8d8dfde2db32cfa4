package rule_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/rule"
)

// seeds are expressions that between them use every operator, and some that are refused.
var seeds = []string{
	``, `nul`, `{"a":1,"a":2}`, `{"==":[1]}`, `{"and":[{"somes":[]},{"var":"evnt"}]}`, `[1e400]`, `"\ud800"`, `{"":[]}`,
	`{"if":[{"and":[{"var":"a"},{"or":[{"!":{"var":"b"}},{"!!":"x"}]}]},[{"var":["c.0",1]}],{"?:":[1,2,3]}]}`,
	`{"==":[{"!=":[1,"1"]},{"===":[{"!==":[null,{}]},[]]}]}`,
	`{"<":[{"<=":[1,2,3]},{">":["a",{"var":""}]},{">=":[{"var":"a"},null]}]}`,
	`{"+":[{"-":[{"*":["2",{"/":[1,{"%":[7,{"max":[1,{"min":[2,{"var":"n"}]}]}]}]}]}]}]}`,
	`{"map":[{"filter":[{"merge":[{"var":"l"},1,[2]]},{"var":""}]},{"reduce":[{"var":""},{"cat":[{"var":"accumulator"},{"var":"current"}]},""]}]}`,
	`[{"some":[{"var":"l"},{"in":[1,{"var":""}]}]},{"all":[{"var":"l"},{"none":[{"var":""},true]}]}]`,
	`{"missing":{"merge":["a",{"missing_some":[{"var":"n"},["a","b.c"]]}]}}`,
	`{"substr":[{"var":"t"},{"var":"n"},-1]}`,
	`[{"abs":-1},{"ceil":{"var":"n"}},{"floor":0.5},{"round":{"sqrt":2}},{"pow":[{"log":2},{"exp":{"var":"n"}}]}]`,
	`[{"starts_with":[{"lower":{"var":"t"}},"a"]},{"ends_with":[{"upper":"a"},{"var":"t"}]}]`,
	`{"date_add":[{"var":"at"},{"date_part":["iso_week",{"now":[]},{"var":"zone"}]},"month","Europe/Rome"]}`,
	`{"date_diff":[{"now":[]},{"date_add":["2026-01-31",{"var":"n"},{"var":"unit"}]},{"var":"unit"},{"var":"zone"}]}`,
	`{"reduce":[{"var":"l"},[{"var":"accumulator"},{"var":"accumulator"}],{"var":{"var":"t"}}]}`,
}

const seedData = `{"a":1,"b":"","l":[1,"2",[3,null],{"x":true}],"n":-3.5,"t":"añb","at":"2024-02-29T23:59:60Z","unit":"day","zone":"Africa/Cairo"}`

func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	ctx := rule.NewContext("a", "b.*", "event.userId")
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, c := range []*rule.Context{nil, ctx} {
			r, err := rule.CompileCondition(src, c)
			if err != nil {
				require.ErrorIs(t, err, fault.ErrInvalid)
				continue
			}
			require.True(t, json.Valid(src))
			require.True(t, slices.IsSorted(r.Paths()))
		}
	})
}

// Whatever compiles and whatever it meets, evaluation ends within its budget, its result is JSON, and
// the trace tells the same.
func FuzzEval(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), []byte(seedData))
	}
	f.Fuzz(func(t *testing.T, src, input []byte) {
		var data any
		r, err := rule.Compile(src, nil)
		if err != nil || json.Unmarshal(input, &data) != nil {
			return
		}
		env := &rule.Env{Data: data, Now: noon}
		got, err := r.Eval(env)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrConflict)
			return
		}
		_, err = json.Marshal(got)
		require.NoError(t, err)

		trace, err := r.Explain(env)
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(got, trace.Value()), "%v is explained as %v", got, trace.Value())
		require.NotEmpty(t, trace.Decisive())
		require.NotEmpty(t, trace.String())
		_, err = json.Marshal(trace)
		require.NoError(t, err)

		matched, err := r.Match(env)
		require.NoError(t, err)
		require.Equal(t, trace.Holds(), matched)
		if constant, ok := r.Constant(); ok {
			require.Empty(t, r.Paths())
			require.True(t, reflect.DeepEqual(got, constant))
		}
	})
}
