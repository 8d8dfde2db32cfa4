package rule_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/rule"
)

func eventContext() *rule.Context {
	return rule.NewContext("event.userId", "event.value", "event.additionalData.*", "user.tags.*", "user.level", "items")
}

// faults takes a joined error apart, as "field: reason" or "reason".
func faults(t *testing.T, err error) []string {
	t.Helper()
	require.ErrorIs(t, err, fault.ErrInvalid)
	all := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		all = many.Unwrap()
	}
	texts := make([]string, len(all))
	for i, e := range all {
		f, ok := errors.AsType[*fault.Error](e)
		require.True(t, ok, "%T", e)
		texts[i] = f.Error()
	}
	return texts
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, src string
		want      []string
	}{
		{"nothing", ``, []string{`not valid JSON: unexpected end of JSON input`}},
		{"no JSON", `{"var": }`, []string{`not valid JSON: invalid character '}' looking for beginning of value`}},
		{"something after", `true false`, []string{`not valid JSON: invalid character 'f' after top-level value`}},
		{"number too large", `[1e999]`, []string{`not valid JSON: number 1e999 is out of range`}},
		{"repeated key", `{"!": [{"var": "a", "var": "b"}]}`, []string{`/!/0: key "var" is there twice`}},
		{"two keys", `{"==": [1, 1], ">": [1, 2]}`, []string{`an object with 2 keys ("==", ">") is not an operator: it must have one`}},
		{"misspelt operator", `{"somes": [{"var": "items"}, true]}`, []string{`unknown operator "somes"; did you mean "some"?`}},
		{"single equals sign", `{"=": [1, 1]}`, []string{`unknown operator "="; did you mean "=="?`}},
		{"foreign operator", `{"method": ["a", "trim"]}`, []string{`unknown operator "method"`}},
		{"too few", `{">=": [1]}`, []string{`/>=: ">=" takes 2 to 3 arguments, not 1`}},
		{"too many", `{"/": [1, 2, 3]}`, []string{`/~1: "/" takes 2 arguments, not 3`}},
		{"none at all", `{"and": []}`, []string{`/and: "and" takes at least 1 arguments, not 0`}},
		{"no place for one", `{"now": [1]}`, []string{`/now: "now" takes 0 arguments, not 1`}},
		{"misspelt path", `{"var": "event.vlaue"}`, []string{`/var: unknown path "event.vlaue"; did you mean "event.value"?`}},
		{"misspelt root", `{"var": ["evnt.additionalData.kg", 0]}`, []string{`/var/0: unknown path "evnt.additionalData.kg"; did you mean "event.additionalData.kg"?`}},
		{"foreign path", `{"var": "balance"}`, []string{`/var: unknown path "balance"; it must begin with one of event, items, user`}},
		{"below a leaf", `{"var": "user.level.name"}`, []string{`/var: unknown path "user.level.name"; user has level, tags`}},
		{"missing", `{"missing": ["event.value", "event.valu"]}`, []string{`/missing/1: unknown path "event.valu"; did you mean "event.value"?`}},
		{"missing, in one array", `{"missing": [["user.levle"]]}`, []string{`/missing/0/0: unknown path "user.levle"; did you mean "user.level"?`}},
		{"missing_some", `{"missing_some": [1, ["user.levle"]]}`, []string{`/missing_some/1/0: unknown path "user.levle"; did you mean "user.level"?`}},
		{"reduce", `{"reduce": [{"var": "items"}, {"var": "accumulatr"}, 0]}`, []string{`/reduce/1/var: unknown path "accumulatr"; did you mean "accumulator"?`}},
		{"path that is none", `{"var": true}`, []string{`/var: a path is a text or a whole number`}},
		{"path that is an array", `{"var": [["a"]]}`, []string{`/var/0: a path is a text or a whole number`}},
		{"unit", `{"date_diff": ["2026-01-01", {"now": []}, "days"]}`, []string{`/date_diff/2: unknown unit "days"; did you mean "day"?`}},
		{"part", `{"date_part": ["quarter", {"now": []}]}`, []string{`/date_part/0: unknown part "quarter"; it must be one of day, day_of_year, hour, iso_week, iso_year, minute, month, second, weekday, year`}},
		{"zone", `{"date_add": [{"now": []}, 1, "day", "Europe/Atlantis"]}`, []string{`/date_add/3: unknown time zone "Europe/Atlantis"`}},
		{"the machine's zone", `{"date_part": ["day", {"now": []}, "Local"]}`, []string{`/date_part/2: unknown time zone "Local"`}},
		{"instant", `{"date_part": ["day", "2026-02-30"]}`, []string{`/date_part/1: not an RFC 3339 instant nor a date (YYYY-MM-DD)`}},
		{"escaped pointer", `{"a/b~c": 1}`, []string{`unknown operator "a/b~c"`}},
		{
			"all of them, in order",
			`{"and": [{"==": [{"var": "user.levle"}]}, {"not": true}, [{"var": "user.levle"}], {"missing": ["x"]}, {"/": [1, {"!": [1, 2]}]}]}`,
			[]string{
				`/and/0/==: "==" takes 2 arguments, not 1`,
				`/and/1: unknown operator "not"; did you mean "!"?`,
				`/and/2/0/var: unknown path "user.levle"; did you mean "user.level"?`,
				`/and/3/missing/0: unknown path "x"; it must begin with one of event, items, user`,
				`/and/4/~1/1/!: "!" takes 0 to 1 arguments, not 2`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := rule.Compile([]byte(tt.src), eventContext())
			require.Nil(t, r)
			require.Equal(t, tt.want, faults(t, err))
		})
	}
}

func TestCompileAccepts(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`{"var": "event"}`,
		`{"var": "event.additionalData"}`,
		`{"var": "event.additionalData.route.km"}`,
		`{"var": "user.tags.0"}`,
		`{"var": ""}`,
		`{"var": []}`,
		`{"var": {"var": "event.additionalData.path"}}`,
		`{"missing": {"var": "event.additionalData.keys"}}`,
		`{"some": [{"var": "items"}, {"==": [{"var": "any.thing"}, {"var": ""}]}]}`,
		`{"some": [{"var": "items"}, {"missing": ["any"]}]}`,
		`{"reduce": [{"var": "items"}, {"+": [{"var": "accumulator"}, {"var": "current.any"}]}, {"var": "user.level"}]}`,
		`{"now": []}`, `{"now": null}`, `{"now": {}}`,
		`{"date_part": ["hour", {"now": []}, {"var": "user.tags.zone"}]}`,
		`{"date_part": ["hour", {"now": []}, null]}`,
	} {
		_, err := rule.Compile([]byte(src), eventContext())
		require.NoError(t, err, src)
	}
	_, err := rule.Compile([]byte(`{"var": "any.path"}`), nil)
	require.NoError(t, err, "without a context every path is allowed")
}

func TestCompileBounds(t *testing.T) {
	t.Parallel()
	text := func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` }
	nested := func(before, inner, after string, depth int) string {
		return strings.Repeat(before, depth) + inner + strings.Repeat(after, depth)
	}
	iterators := func(depth int) string {
		return nested(`{"some": [{"var": "items"}, `, `{"var": "on"}`, `]}`, depth)
	}
	for _, tt := range []struct{ name, fits, exceeds, field, reason string }{
		{"size", text(rule.MaxSize), text(rule.MaxSize + 1), "", "65537 bytes long, the most is 65536"},
		{"depth of operators", nested(`{"!": [`, `1`, `]}`, rule.MaxDepth), nested(`{"!": [`, `1`, `]}`, rule.MaxDepth+1), strings.Repeat("/!/0", rule.MaxDepth), "nested more than 32 deep"},
		{"depth without arrays", nested(`{"!":`, `1`, `}`, rule.MaxDepth), nested(`{"!":`, `1`, `}`, rule.MaxDepth+1), strings.Repeat("/!", rule.MaxDepth), "nested more than 32 deep"},
		{"depth of arrays", nested(`[`, `1`, `]`, rule.MaxDepth), nested(`[`, `1`, `]`, rule.MaxDepth+1), strings.Repeat("/0", rule.MaxDepth), "nested more than 32 deep"},
		{"cost", iterators(2), iterators(4), "", "too costly: array operators inside one another take more than 1000000 steps on arrays of 32 elements"},
		{
			"cost of constants", `{"map": [[1, 2], {"map": [[1, 2], {"var": ""}]}]}`,
			`{"map": [[` + strings.Repeat("1,", 3000) + `1], {"reduce": [[` + strings.Repeat("1,", 3000) + `1], {"var": "accumulator"}, {"var": ""}]}]}`, "",
			"too costly: array operators inside one another take more than 1000000 steps on arrays of 32 elements",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := rule.Compile([]byte(tt.fits), nil)
			require.NoError(t, err)

			_, err = rule.Compile([]byte(tt.exceeds), nil)
			want := fault.Error{Kind: fault.ErrInvalid, Field: tt.field, Reason: tt.reason}
			require.Equal(t, []string{want.Error()}, faults(t, err))
		})
	}
}

func TestCompileCondition(t *testing.T) {
	t.Parallel()
	for src, field := range map[string]string{
		`false`:                                  "",
		`null`:                                   "",
		`[]`:                                     "",
		`{"==": [1, 2]}`:                         "",
		`{"!": [{"or": [{"var": "a"}, true]}]}`:  "/!/0/or/1",
		`{"and": [{"var": "a"}, {"<": [2, 1]}]}`: "/and/1",
		`{"and": [{"var": "a"}, {"or": [false, 0]}]}`:              "/and/1",
		`{"or": [{"and": [{"var": "a"}, false]}, null]}`:           "",
		`{"if": [{"var": "a"}, false, 0]}`:                         "",
		`{"if": [{"var": "a"}, false]}`:                            "",
		`{"some": [{"var": "a"}, {"==": [1, 2]}]}`:                 "/some/1",
		`{"!!": [{"and": [false, {"var": "a"}]}]}`:                 "/!!/0/and/0",
		`{"and": [{"some": [{"var": "a"}, false]}, {"var": "b"}]}`: "/and/0/some/1",
	} {
		t.Run(src, func(t *testing.T) {
			t.Parallel()
			_, err := rule.CompileCondition([]byte(src), nil)
			f, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok, "%v", err)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.Equal(t, field, f.Field)
			require.Equal(t, "makes the condition always false", f.Reason)

			_, err = rule.Compile([]byte(src), nil)
			require.NoError(t, err, "only a condition is refused")
		})
	}
	for _, src := range []string{
		`true`, `{}`, `{"var": "a"}`, `{"or": [false, {"var": "a"}]}`, `{"and": [true, {"var": "a"}]}`,
		`{"if": [{"var": "a"}, false, true]}`, `{"if": [{"var": "a"}]}`, `{"none": [{"var": "a"}, false]}`,
		`{"!": [{"and": [{"var": "a"}, false]}]}`, `{"if": [false, false, {"var": "a"}]}`,
	} {
		_, err := rule.CompileCondition([]byte(src), nil)
		require.NoError(t, err, src)
	}
	_, err := rule.CompileCondition([]byte(`{"ands": [1]}`), nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

// Faults can be put under the name of the field that holds the expression.
func TestFaultsUnderAField(t *testing.T) {
	t.Parallel()
	_, err := rule.Compile([]byte(`{"and": [{"not": 1}, {"==": [1]}]}`), nil)
	require.Equal(t, []string{
		`matchCondition/and/0: unknown operator "not"; did you mean "!"?`,
		`matchCondition/and/1/==: "==" takes 2 arguments, not 1`,
	}, faults(t, fault.In("matchCondition", err)))

	_, err = rule.CompileCondition([]byte(`false`), nil)
	require.Equal(t, "matchCondition: makes the condition always false", fmt.Sprint(fault.In("matchCondition", err)))
}
