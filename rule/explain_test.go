package rule_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/rule"
)

func explained(tb testing.TB, src, data string) *rule.Trace {
	tb.Helper()
	trace, err := compiled(tb, src).Explain(&rule.Env{Data: decode(tb, data), Now: noon})
	require.NoError(tb, err)
	return trace
}

func reasons(trace *rule.Trace) []string {
	var texts []string
	for _, d := range trace.Decisive() {
		texts = append(texts, d.Reason())
	}
	return texts
}

func TestDecisive(t *testing.T) {
	t.Parallel()
	const data = `{"type": "story", "value": 3, "done": false, "items": [{"price": 10}, {"price": 20}], "tags": ["a"], "none": []}`
	for _, tt := range []struct {
		src  string
		want []string
	}{
		{`{">=": [{"var": "value"}, 10]}`, []string{`value >= 10 is false: value is 3`}},
		{`{">=": [{"var": "points"}, 10]}`, []string{`points >= 10 is false: points is absent`}},
		{`{">=": [{"var": ["points", 1]}, 10]}`, []string{`points >= 10 is false: points is absent, taken as 1`}},
		{`{"var": "done"}`, []string{`done is false`}},
		{`{"var": "gone"}`, []string{`gone is absent`}},
		{`{"!": [{"var": "value"}]}`, []string{`value is 3`}},
		{`{"in": [{"var": "type"}, ["quiz", "activity"]]}`, []string{`type in ["quiz","activity"] is false: type is "story"`}},
		{`{"and": [{"==": [{"var": "type"}, "story"]}, {">": [{"var": "value"}, 5]}, {"var": "done"}]}`, []string{`value > 5 is false: value is 3`}},
		{`{"and": [{"==": [{"var": "type"}, "story"]}, {"<": [{"var": "value"}, 5]}]}`, []string{`type == "story" is true: type is "story"`, `value < 5 is true: value is 3`}},
		{`{"or": [{"==": [{"var": "type"}, "quiz"]}, {">": [{"var": "value"}, 5]}]}`, []string{`type == "quiz" is false: type is "story"`, `value > 5 is false: value is 3`}},
		{`{"or": [{"var": "done"}, {"<": [{"var": "value"}, 5]}, {"var": "type"}]}`, []string{`value < 5 is true: value is 3`}},
		{`{"and": [{"var": "value"}, {"or": [{"var": "done"}, {"!": {"var": "type"}}]}]}`, []string{`done is false`, `type is "story"`}},
		{`{"if": [{"var": "done"}, {"var": "value"}, {"var": "tags"}]}`, []string{`done is false`, `tags is ["a"]`}},
		{`{"if": [{"var": "done"}, true, false]}`, []string{`done is false`}},
		{`{"some": [{"var": "items"}, {">": [{"var": "price"}, 15]}]}`, []string{`items.1.price > 15 is true: items.1.price is 20`}},
		{`{"all": [{"var": "items"}, {">": [{"var": "price"}, 15]}]}`, []string{`items.0.price > 15 is false: items.0.price is 10`}},
		{`{"none": [{"var": "items"}, {">": [{"var": "cost"}, -1]}]}`, []string{`items.0.cost > -1 is true: items.0.cost is absent`}},
		{`{"some": [{"var": "items"}, {">": [{"var": "price"}, 50]}]}`, []string{`some of items is false: items is [{"price":10},{"price":20}]`}},
		{`{"some": [{"var": "none"}, true]}`, []string{`some of none is false: none is []`}},
		{`{"all": [{"var": "none"}, {"var": ""}]}`, []string{`all of none is false: none is []`}},
		{`{"some": [{"filter": [{"var": "items"}, {"var": "price"}]}, {"==": [{"var": "price"}, 20]}]}`, []string{`[1].price == 20 is true: [1].price is 20`}},
		{`{">": [{"+": [{"var": "value"}, {"*": [{"var": "value"}, 2]}]}, 10]}`, []string{`(value + (value * 2)) > 10 is false: value is 3, value is 3`}},
		{`{"<": [{"reduce": [{"var": "items"}, {"+": [{"var": "accumulator"}, {"var": "current.price"}]}, 0]}, 5]}`, []string{`reduce of items < 5 is false: items is [{"price":10},{"price":20}]`}},
		{`{"==": [{"date_part": ["day", {"now": []}]}, 1]}`, []string{`date_part("day", now()) == 1 is false`}},
		{`{"==": [{"var": {"cat": ["ty", {"var": "x"}, "pe"]}}, "quiz"]}`, []string{`type == "quiz" is false: type is "story"`}},
		{`{"!": [{"missing": ["type", "sku"]}]}`, []string{`missing("type", "sku") is ["sku"]`}},
		{`{"and": [{"var": "type"}, false]}`, []string{`false is false`}},
		{`false`, []string{`false is false`}},
	} {
		t.Run(tt.src, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, reasons(explained(t, tt.src, data)))
		})
	}
}

func TestTraceString(t *testing.T) {
	t.Parallel()
	trace := explained(t, `{"and": [
		{"==": [{"var": "event.type"}, "quiz"]},
		{"or": [{"var": "user.vip"}, {"some": [{"var": "items"}, {">": [{"var": "price"}, 15]}]}]},
		{"!": [{"<": [1, {"var": "event.value"}, 9]}]},
		{"var": "not.reached"}
	]}`, `{"event": {"type": "quiz", "value": 3}, "items": [{"price": 10}, {"price": 20}]}`)
	require.Equal(t, strings.TrimPrefix(`
false  and
  true  event.type == "quiz"  (event.type is "quiz")
  true  or
    null  user.vip  (user.vip is absent)
    true  some of items
      false  items.0.price > 15  (items.0.price is 10)
      true  items.1.price > 15  (items.1.price is 20)
  false  !
    true  1 < event.value < 9  (event.value is 3)
`, "\n"), trace.String())
}

func TestTraceJSON(t *testing.T) {
	t.Parallel()
	trace := explained(t, `{"some": [{"var": "items"}, {"/": [{"var": "n"}, 0]}]}`, `{"items": [{"n": 1}, {}]}`)
	got, err := json.Marshal(trace)
	require.NoError(t, err)
	require.JSONEq(t, `{"pointer": "", "op": "some", "value": true, "args": [
		{"pointer": "/some/0", "op": "var", "path": "items", "value": [{"n": 1}, {}]},
		{"pointer": "/some/1", "op": "/", "item": 1, "value": null, "args": [
			{"pointer": "/some/1/~1/0", "op": "var", "path": "items.0.n", "value": 1},
			{"pointer": "/some/1/~1/1", "value": 0}
		]}
	]}`, string(got))
}

// The trace of a long array keeps its first elements and the one that decided.
func TestTraceOfManyItems(t *testing.T) {
	t.Parallel()
	items := make([]string, 1000)
	for i := range items {
		items[i] = strconv.Itoa(i)
	}
	trace := explained(t, `{"some": [{"var": ""}, {">": [{"var": ""}, 500]}]}`, "["+strings.Join(items, ",")+"]")
	require.Len(t, trace.Args(), 21)
	require.Equal(t, 19, trace.Args()[19].Item())
	require.Equal(t, 502, trace.Args()[20].Item())
	require.Equal(t, []string{"501 > 500 is true: 501 is 501"}, reasons(trace))
}

// What dropped elements came to does not get mixed up with what others did.
func TestTraceOfManyTexts(t *testing.T) {
	t.Parallel()
	items := make([]string, 100)
	for i := range items {
		items[i] = fmt.Sprintf(`{"a": "a%d", "b": ["b%d"]}`, i, i)
	}
	trace := explained(t, `{"and": [
		{"all": [{"var": "items"}, {"in": [{"cat": [{"var": "a"}, {"var": "c"}]}, {"map": [{"merge": [{"var": "a"}, {"var": "b"}]}, {"var": ""}]}]}]},
		{"==": [{"var": "name"}, "ada"]}
	]}`, `{"items": [`+strings.Join(items, ",")+`], "name": "bob"}`)
	elements := trace.Args()[0].Args()[1:]
	require.Len(t, elements, 20)
	for i, e := range elements {
		n := i
		if i == 19 {
			n = 99
		}
		require.Equal(t, n+1, e.Item())
		require.Equal(t, []any{fmt.Sprint("a", n), fmt.Sprint("b", n)}, e.Args()[1].Value())
		require.Equal(t, fmt.Sprint("a", n), e.Args()[0].Value())
		require.Equal(t, fmt.Sprintf("items.%d.a", n), e.Args()[0].Args()[0].Path())
	}
	require.Equal(t, []string{`name == "ada" is false: name is "bob"`}, reasons(trace))
}

// drawFormula draws a tree of and, or and ! over comparisons, each with a variable of its own, so that
// it can be turned by its variable alone.
func drawFormula(t *rapid.T, depth int, vars *[]string) any {
	kind := "leaf"
	if depth > 0 && len(*vars) < 8 {
		kind = rapid.SampledFrom([]string{"leaf", "and", "or", "!", "!!"}).Draw(t, "kind")
	}
	switch kind {
	case "leaf":
		name := fmt.Sprint("v", len(*vars))
		*vars = append(*vars, name)
		return rapid.SampledFrom([]any{
			map[string]any{"var": name},
			map[string]any{"==": []any{map[string]any{"var": name}, 1}},
			map[string]any{">": []any{map[string]any{"var": name}, 0.5}},
			map[string]any{"<": []any{0, map[string]any{"var": name}, 2}},
			map[string]any{"in": []any{map[string]any{"var": name}, []any{1, 2}}},
		}).Draw(t, "leaf")
	case "!", "!!":
		return map[string]any{kind: []any{drawFormula(t, depth-1, vars)}}
	default:
		args := make([]any, rapid.IntRange(1, 3).Draw(t, "arguments"))
		for i := range args {
			args[i] = drawFormula(t, depth-1, vars)
		}
		return map[string]any{kind: args}
	}
}

// The decisive places are enough for the verdict, whatever the others are, and each is needed: with
// the others set right, turning it turns the verdict.
func TestDecisiveIsEnoughAndNeeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var vars []string
		src, err := json.Marshal(drawFormula(t, 3, &vars))
		require.NoError(t, err)
		r, err := rule.Compile(src, nil)
		require.NoError(t, err)

		data := map[string]any{}
		for _, v := range vars {
			data[v] = float64(rapid.IntRange(0, 1).Draw(t, v))
		}
		verdict := match(t, r, data)
		trace, err := r.Explain(&rule.Env{Data: data})
		require.NoError(t, err)
		require.Equal(t, verdict, trace.Holds())

		named := map[string]bool{}
		for _, d := range trace.Decisive() {
			named[variableOf(d)] = true
		}
		require.False(t, turns(t, r, data, vars, named, verdict), "the named leave the verdict open: %s", src)
		for v := range named {
			data[v] = 1 - data[v].(float64)
			require.True(t, turns(t, r, data, vars, named, verdict), "%s is named and does not matter: %s", v, src)
			data[v] = 1 - data[v].(float64)
		}
	})
}

// turns reports whether some choice of the variables that are not named gives another verdict.
func turns(t *rapid.T, r *rule.Rule, data map[string]any, vars []string, named map[string]bool, verdict bool) bool {
	if len(vars) == 0 {
		return match(t, r, data) != verdict
	}
	v, rest := vars[0], vars[1:]
	if named[v] {
		return turns(t, r, data, rest, named, verdict)
	}
	original := data[v]
	defer func() { data[v] = original }()
	for _, x := range []float64{0, 1} {
		data[v] = x
		if turns(t, r, data, rest, named, verdict) {
			return true
		}
	}
	return false
}

func variableOf(d *rule.Trace) string {
	if path := d.Path(); path != "" {
		return path
	}
	for _, arg := range d.Args() {
		if v := variableOf(&arg); v != "" {
			return v
		}
	}
	return ""
}

func match(t *rapid.T, r *rule.Rule, data map[string]any) bool {
	ok, err := r.Match(&rule.Env{Data: data})
	require.NoError(t, err)
	return ok
}
