package rule_test

import (
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/rule"
)

var noon = time.Date(2026, time.March, 29, 12, 0, 0, 0, time.UTC)

func decode(tb testing.TB, src string) any {
	tb.Helper()
	var x any
	require.NoError(tb, json.Unmarshal([]byte(src), &x))
	return x
}

func compiled(tb testing.TB, src string) *rule.Rule {
	tb.Helper()
	r, err := rule.Compile([]byte(src), nil)
	require.NoError(tb, err, src)
	return r
}

// A vector is an expression, the data it meets, and what it comes to, each as JSON.
type vector struct{ rule, data, want string }

func check(t *testing.T, vectors []vector) {
	t.Helper()
	for _, v := range vectors {
		t.Run(v.rule, func(t *testing.T) {
			t.Parallel()
			r := compiled(t, v.rule)
			env := &rule.Env{Now: noon}
			if v.data != "" {
				env.Data = decode(t, v.data)
			}
			got, err := r.Eval(env)
			require.NoError(t, err)
			require.Equal(t, decode(t, v.want), got, "data %s", v.data)

			trace, err := r.Explain(env)
			require.NoError(t, err)
			require.Equal(t, got, trace.Value(), "the trace tells something else")
		})
	}
}

func TestConstants(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`true`, ``, `true`},
		{`-2.5e3`, ``, `-2500`},
		{`"level"`, ``, `"level"`},
		{`null`, ``, `null`},
		{`{}`, ``, `{}`},
		{`[]`, ``, `[]`},
		{`[1, {"var": "x"}, [{"+": ["2"]}]]`, `{"x": "y"}`, `[1, "y", [2]]`},
	})
}

func TestVar(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`{"var": "user"}`, `{"user": {"level": 3}}`, `{"level": 3}`},
		{`{"var": "user.level"}`, `{"user": {"level": 3}}`, `3`},
		{`{"var": ["user.level"]}`, `{"user": {"level": 3}}`, `3`},
		{`{"var": "user.rank"}`, `{"user": {"level": 3}}`, `null`},
		{`{"var": "user.rank.name"}`, `{"user": {"level": 3}}`, `null`},
		{`{"var": "user.level.name"}`, `{"user": {"level": 3}}`, `null`},
		{`{"var": ["user.rank", "none"]}`, `{"user": {"level": 3}}`, `"none"`},
		{`{"var": ["user.rank", {"var": "fallback"}]}`, `{"user": {}, "fallback": 8}`, `8`},
		{`{"var": ["user.rank", 1]}`, `{"user": null}`, `1`},
		{`{"var": ["user", 1]}`, `{"user": null}`, `null`},
		{`{"var": ["user", 1]}`, ``, `1`},
		{`{"var": ""}`, `[7]`, `[7]`},
		{`{"var": null}`, `"all"`, `"all"`},
		{`{"var": []}`, `12`, `12`},
		{`{"var": 1}`, `["a", "b"]`, `"b"`},
		{`{"var": "1"}`, `["a", "b"]`, `"b"`},
		{`{"var": "01"}`, `["a", "b"]`, `null`},
		{`{"var": "-1"}`, `["a", "b"]`, `null`},
		{`{"var": "2"}`, `["a", "b"]`, `null`},
		{`{"var": ["5", "c"]}`, `["a", "b"]`, `"c"`},
		{`{"var": "1"}`, `{"1": "key"}`, `"key"`},
		{`{"var": "tags.1.name"}`, `{"tags": [{}, {"name": "x"}]}`, `"x"`},
		{`{"var": "a..b"}`, `{"a": {"": {"b": 1}}}`, `1`},
		{`{"var": {"cat": ["user.", {"var": "key"}]}}`, `{"key": "age", "user": {"age": 30}}`, `30`},
		{`{"var": [{"var": "key"}, 5]}`, `{"key": "gone"}`, `5`},
		{`{"var": {"var": "key"}}`, `{"n": 1}`, `{"n": 1}`},
		{`{"var": {"var": "i"}}`, `{"i": 0, "0": "zero"}`, `"zero"`},
	})
}

func TestMissing(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`{"missing": ["a", "b.c", "d", "e"]}`, `{"a": 0, "b": {"c": false}, "d": null, "e": ""}`, `["d", "e"]`},
		{`{"missing": "a"}`, ``, `["a"]`},
		{`{"missing": []}`, ``, `[]`},
		{`{"missing": [["a", "b"]]}`, `{"b": 1}`, `["a"]`},
		{`{"missing": [1]}`, `["zero"]`, `[1]`},
		{`{"missing": {"if": [{"var": "gift"}, ["to"], []]}}`, `{"gift": true}`, `["to"]`},
		{`{"missing": ["a", {"var": "key"}]}`, `{"key": "z"}`, `["a", "z"]`},
		{`{"missing_some": [1, ["a", "b"]]}`, `{"b": 1}`, `[]`},
		{`{"missing_some": [2, ["a", "b", "c"]]}`, `{"b": 1}`, `["a", "c"]`},
		{`{"missing_some": [0, ["a"]]}`, ``, `[]`},
		{`{"missing_some": [1, "a"]}`, ``, `["a"]`},
		{`{"some": [{"var": "rows"}, {"missing": ["x"]}]}`, `{"x": 1, "rows": [{"y": 1}]}`, `true`},
	})
}

func TestLogic(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`{"if": []}`, ``, `null`},
		{`{"if": [0]}`, ``, `0`},
		{`{"if": ["x", "yes"]}`, ``, `"yes"`},
		{`{"if": [[], "yes"]}`, ``, `null`},
		{`{"if": [{"var": "n"}, "yes", "no"]}`, `{"n": "0"}`, `"yes"`},
		{`{"if": [{"var": "n"}, "yes", "no"]}`, `{"n": {}}`, `"yes"`},
		{`{"if": [{"var": "n"}, "yes", "no"]}`, `{"n": 0}`, `"no"`},
		{`{"if": [{"<": [{"var": "n"}, 10]}, "low", {"<": [{"var": "n"}, 20]}, "mid", "high"]}`, `{"n": 15}`, `"mid"`},
		{`{"if": [{"<": [{"var": "n"}, 10]}, "low", {"<": [{"var": "n"}, 20]}, "mid"]}`, `{"n": 25}`, `null`},
		{`{"?:": [{"var": "on"}, 1, 2]}`, `{"on": true}`, `1`},
		{`{"and": [{"var": "a"}, {"var": "b"}]}`, `{"a": 1, "b": "last"}`, `"last"`},
		{`{"and": [{"var": "a"}, {"var": "b"}]}`, `{"a": "", "b": 1}`, `""`},
		{`{"and": [[]]}`, ``, `[]`},
		{`{"or": [{"var": "a"}, {"var": "b"}]}`, `{"a": 0, "b": "last"}`, `"last"`},
		{`{"or": [{"var": "a"}, {"var": "b"}]}`, `{"a": 0, "b": null}`, `null`},
		{`{"!": {"var": "a"}}`, `{"a": []}`, `true`},
		{`{"!": [[0]]}`, ``, `false`},
		{`{"!": []}`, ``, `true`},
		{`{"!!": "0"}`, ``, `true`},
		{`{"!!": []}`, ``, `false`},
		{`{"!!": {"/": [0, 0]}}`, ``, `false`},
	})
}

func TestComparison(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`{"==": [1, "1.0"]}`, ``, `true`},
		{`{"==": ["1", "1.0"]}`, ``, `false`},
		{`{"==": [true, "1"]}`, ``, `true`},
		{`{"==": ["", 0]}`, ``, `true`},
		{`{"==": ["\t\n ", 0]}`, ``, `true`},
		{`{"==": [null, 0]}`, ``, `false`},
		{`{"==": [null, false]}`, ``, `false`},
		{`{"==": [null, null]}`, ``, `true`},
		{`{"==": ["0x1F", 31]}`, ``, `true`},
		{`{"==": ["0o17", 15]}`, ``, `true`},
		{`{"==": ["0xZ", 31]}`, ``, `false`},
		{`{"==": ["+", 0]}`, ``, `false`},
		{`{"==": ["-Infinity", {"/": [-1, 0]}]}`, ``, `true`},
		{`{"==": ["1e999", "x"]}`, ``, `false`},
		{`{"<=": ["a", "b", "b"]}`, ``, `true`},
		{`{"==": ["0b11", 3]}`, ``, `true`},
		{`{"==": ["1_000", 1000]}`, ``, `false`},
		{`{"==": ["nan", {"/": [0, 0]}]}`, ``, `false`},
		{`{"==": [{"/": [0, 0]}, {"/": [0, 0]}]}`, ``, `false`},
		{`{"==": ["Infinity", {"/": [1, 0]}]}`, ``, `true`},
		{`{"==": [[1], 1]}`, ``, `true`},
		{`{"==": [[1, null, [2]], "1,,2"]}`, ``, `true`},
		{`{"==": [{}, "[object Object]"]}`, ``, `true`},
		{`{"==": [[1], [1]]}`, ``, `false`},
		{`{"==": [[], null]}`, ``, `false`},
		{`{"!=": [null, 0]}`, ``, `true`},
		{`{"===": [1, 1.0]}`, ``, `true`},
		{`{"===": [1, "1"]}`, ``, `false`},
		{`{"===": [null, null]}`, ``, `true`},
		{`{"===": [null, false]}`, ``, `false`},
		{`{"===": ["a", "a"]}`, ``, `true`},
		{`{"===": [[], []]}`, ``, `false`},
		{`{"!==": [1, true]}`, ``, `true`},
		{`{"<": ["10", "9"]}`, ``, `true`},
		{`{"<": ["10", 9]}`, ``, `false`},
		{`{"<": [null, 1]}`, ``, `true`},
		{`{"<": ["abc", 1]}`, ``, `false`},
		{`{">=": ["abc", 1]}`, ``, `false`},
		{`{"<=": [null, 0]}`, ``, `true`},
		{`{">": [[3], 2]}`, ``, `true`},
		{`{">": [{}, 2]}`, ``, `false`},
		{`{"<": [0, {"var": "n"}, 10]}`, `{"n": 5}`, `true`},
		{`{"<": [0, {"var": "n"}, 10]}`, `{"n": 10}`, `false`},
		{`{"<=": [0, {"var": "n"}, 10]}`, `{"n": 10}`, `true`},
		{`{">": [10, {"var": "n"}, 0]}`, `{"n": 5}`, `true`},
		{`{">=": [10, {"var": "n"}, 6]}`, `{"n": 5}`, `false`},
		{`{"<": [{"/": [1, 0]}, 5]}`, ``, `false`},
	})
}

func TestArithmetic(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`{"+": [0.1, 0.2]}`, ``, `0.3`},
		{`{"+": ["3 apples", "4.5e1 pears"]}`, ``, `48`},
		{`{"+": ".5"}`, ``, `0.5`},
		{`{"+": [" 7"]}`, ``, `7`},
		{`{"+": ["1e", "1."]}`, ``, `2`},
		{`{"+": ["x", 1]}`, ``, `null`},
		{`{"+": [null, 1]}`, ``, `null`},
		{`{"+": [true, 1]}`, ``, `null`},
		{`{"+": [{"var": "gone"}, 1]}`, `{}`, `null`},
		{`{"+": [[4, 5], 1]}`, ``, `5`},
		{`{"*": ["3"]}`, ``, `3`},
		{`{"*": [2, "3", 4]}`, ``, `24`},
		{`{"-": [5, "2"]}`, ``, `3`},
		{`{"-": "2"}`, ``, `-2`},
		{`{"-": [null, 1]}`, ``, `-1`},
		{`{"-": [true, "x"]}`, ``, `null`},
		{`{"/": [1, 4]}`, ``, `0.25`},
		{`{"/": [1, 0]}`, ``, `null`},
		{`[{"/": [-1, 0]}, {"*": [1e308, 10]}]`, ``, `[null, null]`},
		{`{"%": [-7, 3]}`, ``, `-1`},
		{`{"%": [7.5, "2"]}`, ``, `1.5`},
		{`{"%": [7, 0]}`, ``, `null`},
		{`{"max": [1, "7", null, true]}`, ``, `7`},
		{`{"max": [{"/": [1, 0]}, "x"]}`, ``, `null`},
		{`{"min": [3, "", 2]}`, ``, `0`},
		{`{"min": [4]}`, ``, `4`},
		{`{"abs": -3.5}`, ``, `3.5`},
		{`{"ceil": 1.2}`, ``, `2`},
		{`{"floor": -1.2}`, ``, `-2`},
		{`{"round": 2.5}`, ``, `3`},
		{`{"round": -2.5}`, ``, `-2`},
		{`{"round": 0.49999999999999994}`, ``, `0`},
		{`{"sqrt": 9}`, ``, `3`},
		{`{"sqrt": -9}`, ``, `null`},
		{`{"pow": [2, 10]}`, ``, `1024`},
		{`{"pow": [2, "10"]}`, ``, `null`},
		{`{"log": 1}`, ``, `0`},
		{`{"log": 0}`, ``, `null`},
		{`{"exp": 0}`, ``, `1`},
		{`{"abs": "-3"}`, ``, `null`},
		{`{"floor": {"var": "gone"}}`, `{}`, `null`},
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`{"cat": ["I am ", 7, " and ", true, null, "."]}`, ``, `"I am 7 and true."`},
		{`{"cat": ["  kept  "]}`, ``, `"  kept  "`},
		{`{"cat": [[1, [2, null], {}], "!"]}`, ``, `"1,2,,[object Object]!"`},
		{`{"cat": [1e21, " ", 1e-7, " ", 123456789012, " ", 0.000001, " ", -1.5e-9]}`, ``, `"1e+21 1e-7 123456789012 0.000001 -1.5e-9"`},
		{`{"cat": [{"/": [1, 0]}, {"/": [-1, 0]}, {"/": [0, 0]}, {"*": [-1, 0]}]}`, ``, `"Infinity-InfinityNaN0"`},
		{`{"substr": ["guerdon", 2]}`, ``, `"erdon"`},
		{`{"substr": ["guerdon", -3]}`, ``, `"don"`},
		{`{"substr": ["guerdon", 0, 3]}`, ``, `"gue"`},
		{`{"substr": ["guerdon", 1, -2]}`, ``, `"uerd"`},
		{`{"substr": ["guerdon", -20, 2]}`, ``, `"gu"`},
		{`{"substr": ["guerdon", 20]}`, ``, `""`},
		{`{"substr": ["guerdon", 3, -20]}`, ``, `""`},
		{`{"substr": ["guerdon", "1", 1e300]}`, ``, `"uerdon"`},
		{`{"substr": ["naïve", 2, 2]}`, ``, `"ïv"`},
		{`{"substr": [12345, 1, 2]}`, ``, `"23"`},
		{`{"in": ["erd", "guerdon"]}`, ``, `true`},
		{`{"in": [1, "a1"]}`, ``, `true`},
		{`{"in": ["", ""]}`, ``, `false`},
		{`{"in": ["a", null]}`, ``, `false`},
		{`{"in": ["a", {}]}`, ``, `false`},
		{`{"in": [2, [1, 2]]}`, ``, `true`},
		{`{"in": [2, ["2"]]}`, ``, `false`},
		{`{"in": [null, [null]]}`, ``, `true`},
		{`{"in": [[1], [[1]]]}`, ``, `false`},
		{`{"in": [{"var": "t"}, ["quiz", "story"]]}`, `{"t": "story"}`, `true`},
		{`{"starts_with": ["guerdon", "gue"]}`, ``, `true`},
		{`{"ends_with": ["guerdon", "gue"]}`, ``, `false`},
		{`{"starts_with": [123, "1"]}`, ``, `null`},
		{`{"lower": "ÀB"}`, ``, `"àb"`},
		{`{"upper": "aß"}`, ``, `"Aß"`},
		{`{"upper": 1}`, ``, `null`},
	})
}

const shop = `{"price": 99, "items": [{"price": 10, "n": 1}, {"price": 20, "n": 2}], "start": 5, "empty": []}`

func TestArrays(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`{"merge": [[1], 2, [[3]], null, "x"]}`, ``, `[1, 2, [3], null, "x"]`},
		{`{"merge": []}`, ``, `[]`},
		{`{"merge": "x"}`, ``, `["x"]`},
		{`{"filter": [{"var": "items"}, {">": [{"var": "n"}, 1]}]}`, shop, `[{"price": 20, "n": 2}]`},
		{`{"filter": [{"var": "price"}, true]}`, shop, `[]`},
		{`{"filter": [{"var": "gone"}, true]}`, shop, `[]`},
		{`{"map": [{"var": "items"}, {"*": [{"var": "price"}, {"var": "n"}]}]}`, shop, `[10, 40]`},
		{`{"map": [{"var": "items"}, {"/": [1, 0]}]}`, shop, `[null, null]`},
		{`{"map": [[1, "a"], [{"var": ""}]]}`, ``, `[[1], ["a"]]`},
		{`{"reduce": [{"var": "items"}, {"+": [{"var": "accumulator"}, {"var": "current.n"}]}, {"var": "start"}]}`, shop, `8`},
		{`{"reduce": [{"var": "gone"}, 1, {"var": "start"}]}`, shop, `5`},
		{`{"reduce": [{"var": "items"}, {"var": ""}, null]}`, `{"items": [1]}`, `{"current": 1, "accumulator": null}`},
		{`{"reduce": [[2, 3], {"max": [{"var": "accumulator"}, {"var": "current"}]}]}`, ``, `3`},
		{`{"reduce": [[1, 2], {"merge": [{"var": "accumulator"}, {"var": "current"}]}, []]}`, ``, `[1, 2]`},
		{`{"reduce": [[1, 2], [{"var": "accumulator.0"}, {"var": "current"}], [7]]}`, ``, `[7, 2]`},
		{`{"some": [{"var": "items"}, {"==": [{"var": "n"}, 2]}]}`, shop, `true`},
		{`{"some": [{"var": "empty"}, true]}`, shop, `false`},
		{`{"all": [{"var": "items"}, {">": [{"var": "n"}, 0]}]}`, shop, `true`},
		{`{"all": [{"var": "items"}, {">": [{"var": "n"}, 1]}]}`, shop, `false`},
		{`{"all": [{"var": "empty"}, true]}`, shop, `false`},
		{`{"none": [{"var": "items"}, {">": [{"var": "n"}, 2]}]}`, shop, `true`},
		{`{"none": [{"var": "items"}, {">": [{"var": "n"}, 1]}]}`, shop, `false`},
		{`{"none": [{"var": "empty"}, true]}`, shop, `true`},
	})
}

// An element hides the data around it: what the data has and the element lacks is absent.
func TestScope(t *testing.T) {
	t.Parallel()
	const over50 = `{">": [{"var": "price"}, 50]}`
	check(t, []vector{
		{`{"some": [{"var": "items"}, ` + over50 + `]}`, shop, `false`},
		{`{"all": [{"var": "items"}, ` + over50 + `]}`, shop, `false`},
		{`{"none": [{"var": "items"}, ` + over50 + `]}`, shop, `true`},
		{`{"filter": [{"var": "items"}, ` + over50 + `]}`, shop, `[]`},
		{`{"map": [{"var": "items"}, {"var": "start"}]}`, shop, `[null, null]`},
		{`{"some": [{"var": "items"}, {"var": "start"}]}`, shop, `false`},
		{`{"reduce": [{"var": "items"}, {"var": {"var": "current.key"}}, 1]}`, `{"start": 1, "items": [{"key": "start"}]}`, `null`},
		{`{"map": [{"var": "rows"}, {"some": [{"var": "cells"}, {"==": [{"var": ""}, 2]}]}]}`, `{"rows": [{"cells": [1]}, {"cells": [2]}]}`, `[false, true]`},
		{`{"map": [{"var": "rows"}, {"reduce": [{"var": "cells"}, {"+": [{"var": "accumulator"}, {"var": "current"}]}, {"var": "base"}]}]}`, `{"rows": [{"cells": [1, 2], "base": 10}]}`, `[13]`},
		{`[{"some": [{"var": "items"}, {"var": "n"}]}, {"var": "price"}]`, shop, `[true, 99]`},
	})
}

func TestGoIntegers(t *testing.T) {
	t.Parallel()
	env := &rule.Env{Data: map[string]any{"int": 3, "int64": int64(4), "list": []any{1, 2}, "odd": []string{"a"}}}

	got, err := compiled(t, `{"+": [{"var": "int"}, {"var": "int64"}, {"var": "list.1"}]}`).Eval(env)
	require.NoError(t, err)
	require.InDelta(t, 9, got, 0)

	got, err = compiled(t, `{"var": "odd"}`).Eval(env)
	require.NoError(t, err)
	require.Nil(t, got, "a Go type that is not JSON reads as null")
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		`null`: false, `0`: false, `""`: false, `[]`: false, `false`: false, `{"/": [0, 0]}`: false,
		`{}`: true, `"0"`: true, `[0]`: true, `-1`: true, `{"/": [1, 0]}`: true,
	} {
		got, err := compiled(t, src).Match(&rule.Env{})
		require.NoError(t, err)
		require.Equal(t, want, got, src)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		`1.5`: true, `{"+": ["1", "0.5"]}`: true, `{"var": "n"}`: true,
		`"1.5"`: false, `true`: false, `null`: false, `[1.5]`: false, `{"/": [1.5, 0]}`: false, `{"var": "s"}`: false,
	} {
		got, ok, err := compiled(t, src).Number(&rule.Env{Data: map[string]any{"n": 1.5, "s": "1.5"}})
		require.NoError(t, err)
		require.Equal(t, want, ok, src)
		if want {
			require.InDelta(t, 1.5, got, 0, src)
		}
	}

	zero, ok, err := compiled(t, `{"*": [{"var": ""}, 0]}`).Number(&rule.Env{Data: -1})
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, math.Signbit(zero), "minus zero is zero")
}

func TestConstant(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]any{
		`{"+": [1, 2]}`: 3.0,
		`{"map": [[1, 2], {"*": [{"var": ""}, 10]}]}`: []any{10.0, 20.0},
		`{"date_part": ["year", "2026-01-01"]}`:       2026.0,
	} {
		got, ok := compiled(t, src).Constant()
		require.True(t, ok, src)
		require.Equal(t, want, got, src)
	}
	for _, src := range []string{
		`{"var": "a"}`, `{"now": []}`, `{"missing": ["a"]}`, `{"map": [{"var": "a"}, 1]}`,
		`{"map": [[1], {"now": []}]}`, `{"reduce": [[1], 1, {"var": "a"}]}`,
	} {
		_, ok := compiled(t, src).Constant()
		require.False(t, ok, src)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for src, want := range map[string][]string{
		`1`: nil,
		`{"and": [{"var": "user.b"}, {"var": ["event.a", {"var": "user.b"}]}, {"missing": ["c", "d.e"]}]}`: {"c", "d.e", "event.a", "user.b"},
		`{"some": [{"var": "items"}, {"var": "price"}]}`:                                                   {"items"},
		`{"reduce": [{"var": "items"}, {"var": "current.n"}, {"var": "start"}]}`:                           {"items", "start"},
		`{"var": {"var": "key"}}`:          {"", "key"},
		`{"missing": [["a"]]}`:             {"a"},
		`{"missing_some": [1, ["b"]]}`:     {"b"},
		`{"missing": {"merge": ["a", 1]}}`: {"1", "a"},
		`{"var": 7}`:                       {"7"},
	} {
		require.Equal(t, want, compiled(t, src).Paths(), src)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	many := make([]any, 2000)
	for i := range many {
		many[i] = float64(i)
	}
	twice, texts := make([]any, 1000), make([]any, 1000)
	long := strings.Repeat("1", 1<<15)
	for i := range twice {
		twice[i], texts[i] = many, long
	}
	env := &rule.Env{Data: map[string]any{
		"huge": make([]any, rule.MaxSteps), "many": many, "twice": twice, "texts": texts,
	}}
	for _, src := range []string{
		`{"map": [{"var": "huge"}, 1]}`,
		`{"filter": [{"var": "huge"}, 1]}`,
		`{"all": [{"var": "huge"}, 1]}`,
		`{"none": [{"var": "huge"}, 0]}`,
		`{"reduce": [{"var": "huge"}, 0, 0]}`,
		`{"in": [1, {"var": "huge"}]}`,
		`{"merge": [{"var": "huge"}]}`,
		`{"missing": {"var": "huge"}}`,
		`{"cat": [{"var": "huge"}]}`,
		`[{"var": ""}]`,
		// Doubling: a text, an array, and an array that holds the last one twice.
		`{"reduce": [{"var": "many"}, {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}, "x"]}`,
		`{"reduce": [{"var": "many"}, {"merge": [{"var": "accumulator"}, {"var": "accumulator"}]}, [1]]}`,
		`{"reduce": [{"var": "many"}, [{"var": "accumulator"}, {"var": "accumulator"}], 1]}`,
		`{"reduce": [{"var": "many"}, {"map": [[{"var": "accumulator"}, {"var": "accumulator"}], {"var": ""}]}, 1]}`,
		// Twice over the same array, and a long text for every element.
		`{"map": [{"var": "twice"}, {"map": [{"var": ""}, {"var": ""}]}]}`,
		`{"map": [{"var": "texts"}, {"+": [{"var": ""}]}]}`,
	} {
		r := compiled(t, src)
		v, err := r.Eval(env)
		require.ErrorIs(t, err, fault.ErrConflict, src)
		require.Nil(t, v)
		ok, err := r.Match(env)
		require.ErrorIs(t, err, fault.ErrConflict, src)
		require.False(t, ok)
	}
	_, err := compiled(t, `{"in": [1, {"var": "huge"}]}`).Explain(env)
	require.ErrorIs(t, err, fault.ErrConflict)
}

func TestNoAllocations(t *testing.T) { // Not parallel: allocations are counted for the process.
	env := &rule.Env{Data: decode(t, benchData)}
	for _, src := range []string{
		benchRules[0].src,
		benchRules[1].src,
		`{"or": [{"!": {"var": "user.level"}}, {"in": [{"var": "event.type"}, ["quiz", "story"]]}, {"<": [1, {"var": "user.level"}, 9]}]}`,
		`{">": [{"+": [{"var": "event.value"}, {"*": [{"var": "user.level"}, 10]}]}, 100]}`,
		`{"if": [{"===": [{"var": "event.outcome"}, "SUCCESS"]}, {"var": "user.tags.0"}, null]}`,
		`{">": [{"reduce": [{"var": "items"}, {"+": [{"var": "accumulator"}, {"var": "current.price"}]}, 0]}, 100]}`,
	} {
		r := compiled(t, src)
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = r.Match(env) }), src)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	r := compiled(t, `{"reduce": [{"var": "items"}, {"+": [{"var": "accumulator"}, {"var": "current"}]}, 0]}`)
	var wg sync.WaitGroup
	results := make([]float64, 8)
	for i := range results {
		wg.Go(func() {
			env := &rule.Env{Data: map[string]any{"items": []any{float64(i), 1.0}}}
			for range 100 {
				results[i], _, _ = r.Number(env)
			}
		})
	}
	wg.Wait()
	for i, got := range results {
		require.InDelta(t, i+1, got, 0, "goroutine %d", i)
	}
}
