package rule_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/rule"
)

// known is a context with something of every type.
func known() *rule.Context {
	return rule.NewContext("value", "event.value", "status", "event.status", "minutes", "event.minutes", "free.*", "event.free.*", "done", "at",
		"until", "user.tags", "runId", "words", "note").
		Mirroring("event").With(map[string]rule.Type{
		"value": {Sort: rule.Number}, "status": {Sort: rule.Text, Values: []string{"active", "suspended"}},
		"minutes": {Sort: rule.Number, Optional: true, Declared: true}, "free.*": {Optional: true}, "done": {Sort: rule.Boolean},
		"at": {Sort: rule.Instant}, "until": {Sort: rule.Instant, Optional: true}, "user.tags": {Sort: rule.Texts, Of: "Tag"},
		"runId": {Sort: rule.Text, Of: "Activity"}, "words": {Sort: rule.Texts}, "note": {Sort: rule.Text, Optional: true, Declared: true},
	})
}

func TestConditionsThatNobodyMeansAreRefused(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		// A constant where a condition is meant.
		`"event.value > 10"`:         `is the text "event.value > 10", where a condition is meant; write {">": [{"var": "event.value"}, 10]}`,
		`"event.status == 'active'"`: `is the text "event.status == 'active'", where a condition is meant; write {"==": [{"var": "event.status"}, "active"]}`,
		`"done == true"`:             `is the text "done == true", where a condition is meant; write {"==": [{"var": "done"}, true]}`,
		`"status != active"`:         `is the text "status != active", where a condition is meant; write {"!=": [{"var": "status"}, "active"]}`,
		`"value > 1 or 2"`:           `is the text "value > 1 or 2", where a condition is meant`,
		`{"all": [{"var": "words"}, {"!": {"and": [{"var": ""}, "x"]}}]}`: `/all/1/!/and/1: is the text "x", where a condition is meant`,
		`"yes"`:                                  `is the text "yes", where a condition is meant`,
		`1`:                                      `is the number 1, where a condition is meant`,
		`{"+": [1, 2]}`:                          `is the number 3, where a condition is meant`,
		`{"and": [{"var": "done"}, "value>=3"]}`: `/and/1: is the text "value>=3", where a condition is meant; write {">=": [{"var": "value"}, 3]}`,
		`{"or": [{"var": "done"}, 5]}`:           `/or/1: is the number 5, where a condition is meant`,
		`{"if": [{"var": "done"}, 1, {"var": "done"}]}`: `/if/1: is the number 1, where a condition is meant`,
		`{"some": [{"var": "words"}, "glad"]}`:          `/some/1: is the text "glad", where a condition is meant`,
		// A value that it cannot be.
		`{"==": [{"var": "status"}, "ACTIVE"]}`:                                   `/==/1: is the text "ACTIVE", which status never is; it is one of active, suspended; did you mean "active"?`,
		`{"!=": ["gone", {"var": "event.status"}]}`:                               `/!=/0: is the text "gone", which event.status never is; it is one of active, suspended`,
		`{"or": [{"var": "done"}, {"in": [{"var": "status"}, ["active", "x"]]}]}`: `/or/1/in/1/1: is the text "x", which status never is; it is one of active, suspended`,
		`{"==": [{"var": "done"}, "true"]}`:                                       `/==/1: is the text "true", but done is true or false`,
		`{">": [{"var": "value"}, "many"]}`:                                       `/>/1: is the text "many", but value is a number`,
		`{"===": [{"var": "value"}, "3"]}`:                                        `/===/1: is the text "3", but value is a number`,
		`{"==": [{"var": "minutes"}, "3"]}`:                                       `/==/1: is the text "3", but minutes is a number`,
		`{"==": [{"var": "note"}, 3]}`:                                            `/==/1: is the number 3, but note is a text`,
		`{"==": [{"var": "status"}, 5]}`:                                          `/==/1: is the number 5, but status is a text`,
		`{"===": [{"var": "runId"}, 5]}`:                                          `/===/1: is the number 5, but runId is a text`,
		`{"===": [{"var": "done"}, 1]}`:                                           `/===/1: is the number 1, but done is true or false`,
		`{"==": [{"var": "done"}, 2]}`:                                            `/==/1: is the number 2, but done is true or false`,
		`{"in": [{"var": "value"}, ["1"]]}`:                                       `/in/1/0: is the text "1", but value is a number`,
		`{"<": [{"var": "at"}, 5]}`:                                               `/</1: is the number 5, but at is an instant`,
		// Parts that exclude one another.
		`{"and": [{"==": [{"var": "value"}, 1]}, {"==": [{"var": "event.value"}, 2]}]}`:                               `/and/1: no value of value meets both this and /and/0, so the condition is always false`,
		`{"and": [{">": [{"var": "value"}, 5]}, {"var": "done"}, {"and": [{"<": [{"var": "value"}, 5]}]}]}`:           `/and/2/and/0: no value of value meets both this and /and/0, so the condition is always false`,
		`{"and": [{"==": [{"var": ["value", 1]}, 1]}, {"==": [{"var": "value"}, 1]}, {"==": [{"var": "value"}, 2]}]}`: `/and/2: no value of value meets both this and /and/1, so the condition is always false`,
		`{"==": [{"var": "value"}, null]}`:                                                                       `no value of value meets it, so the condition is always false`,
		`{"in": [{"var": "note"}, []]}`:                                                                          `no value of note meets it, so the condition is always false`,
		`{"<": [5, {"var": "value"}, 5]}`:                                                                        `no value of value meets it, so the condition is always false`,
		`{"and": [{"==": [{"var": "free.a"}, "x"]}, {"==": [{"var": "free.a"}, "y"]}]}`:                          `/and/1: no value of free.a meets both this and /and/0, so the condition is always false`,
		`{"and": [{"==": [{"var": "status"}, "active"]}, {"!": {"in": [{"var": "status"}, ["active"]]}}]}`:       `/and/1: no value of status meets both this and /and/0, so the condition is always false`,
		`{"and": [{"!=": [{"var": "status"}, "active"]}, {"!=": [{"var": "status"}, "suspended"]}]}`:             `/and/1: no value of status meets both this and /and/0, so the condition is always false`,
		`{"and": [{"var": "done"}, {"!": {"var": "done"}}]}`:                                                     `/and/1: no value of done meets both this and /and/0, so the condition is always false`,
		`{"and": [{"!=": [{"var": "value"}, 2]}, {">=": [{"var": "value"}, 2]}, {"<=": [{"var": "value"}, 2]}]}`: `/and/2: no value of value meets this and what stands before it, so the condition is always false`,
	} {
		t.Run(src, func(t *testing.T) {
			t.Parallel()
			_, err := rule.CompileCondition([]byte(src), known())
			require.Equal(t, []string{want}, faults(t, err))
		})
	}
}

func TestConditionsThatSomebodyMayMean(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`true`, `{"==": [{"var": "status"}, "active"]}`, `{"==": [{"var": "value"}, "3"]}`, `{"==": [{"var": "note"}, null]}`,
		`{"and": [{">": [{"var": "value"}, 1]}, {"<": [{"var": "value"}, 2]}]}`,
		`{"and": [{">": [{"var": "value"}, 1]}, {"<": [{"var": "free.a"}, 1]}]}`,
		`{"or": [{"==": [{"var": "value"}, 1]}, {"==": [{"var": "value"}, 2]}]}`,
		`{"and": [{"==": [{"var": "free.a"}, 1]}, {"!==": [{"var": "free.a"}, 1]}]}`, // "1"
		`{"and": [{">": [{"var": "free.a"}, "a"]}, {"<": [{"var": "free.a"}, "b"]}]}`,
		`{"and": [{"==": [{"var": ["value", 1]}, 1]}, {"==": [{"var": "value"}, 2]}]}`,
		`{"and": [{">": [{"var": "at"}, "2024-01-01"]}, {"<": [{"var": "at"}, "2025-01-01"]}]}`,
		`{"==": [{"or": [{"var": "note"}, "none"]}, "none"]}`,
		`{"==": [{"var": "runId"}, 5]}`, `{"==": [{"var": "done"}, 1]}`, `{"<": [{"var": "status"}, "b"]}`, `{"==": [{"var": "words"}, 5]}`,
		`{"and": [{"or": [{"==": [{"var": "value"}, 1]}, {"==": [{"var": "free.a"}, 2]}]}, {"==": [{"var": "value"}, 3]}]}`,
		`{"and": [{"==": [{"var": "value"}, {"var": "free.a"}]}, {"!=": [{"var": "value"}, {"var": "free.b"}]}]}`,
		`{"and": [{"in": ["a", {"var": "words"}]}, {"in": ["b", {"var": "words"}]}, {"!": {"in": ["c", {"var": "words"}]}}]}`,
		`{"some": [{"var": "words"}, {"==": [{"var": ""}, "x"]}]}`,
	} {
		_, err := rule.CompileCondition([]byte(src), known())
		require.NoError(t, err, src)
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	absent := func(path string) string {
		return `an absent ` + path + ` passes this comparison, because it counts as 0; unless that is meant, guard it: {"and": [{"!=": [{"var": "` + path + `"}, null]}, …]}`
	}
	finer := ` gives what is finer than 0.000001, and so no amount, for most inputs; round the result with floor, ceil or round`
	for _, tt := range []struct {
		use  rule.Use
		src  string
		want []rule.Finding
	}{
		// An absent value that counts as 0.
		{rule.Condition, `{"<": [{"var": "minutes"}, 30]}`, []rule.Finding{{"", absent("minutes")}}},
		{rule.Condition, `{">": [30, {"var": "event.free.minutes"}]}`, []rule.Finding{{"", absent("event.free.minutes")}}},
		{rule.Condition, `{"<=": [0, {"var": "minutes"}, 30]}`, []rule.Finding{{"", absent("minutes")}}},
		{rule.Condition, `{"!": {">=": [{"var": "minutes"}, 30]}}`, []rule.Finding{{"/!", absent("minutes")}}},
		{rule.Condition, `{"<": [{"var": "minutes"}, {"var": "value"}]}`, []rule.Finding{{"", absent("minutes")}}},
		{rule.Condition, `{"<": [{"date_diff": [{"var": "at"}, {"var": "until"}, "day"]}, 3]}`, []rule.Finding{{"", absent("until")}}},
		{rule.Condition, `{"or": [{"<": [{"var": "minutes"}, 30]}, {"var": "done"}]}`, []rule.Finding{{"/or/0", absent("minutes")}}},
		{rule.Condition, `{"or": [{"<": [{"var": "minutes"}, 3]}, {"<": [{"var": "minutes"}, 2]}]}`, []rule.Finding{{"/or/0", absent("minutes")}, {"/or/1", absent("minutes")}}},
		{rule.Condition, `{"and": [{"var": "done"}, {"<": [{"var": "minutes"}, 30]}]}`, []rule.Finding{{"/and/1", absent("minutes")}}},
		{rule.Amount, `{"if": [{"<": [{"var": "minutes"}, 30]}, 10, 1]}`, []rule.Finding{{"/if/0", absent("minutes")}}},
		{rule.Amount, `{"-": [100, {"var": "minutes"}]}`, []rule.Finding{{"", `an absent minutes takes nothing away, because it counts as 0; unless that is meant, ask for it: {"if": [{"!=": [{"var": "minutes"}, null]}, …, 0]}`}}},
		{rule.Condition, `{"if": [{"var": "done"}, {"<": [{"var": "minutes"}, 30]}, false]}`, []rule.Finding{{"/if/1", absent("minutes")}}},
		{rule.Condition, `{"if": [{"var": "done"}, true, {"<": [{"var": "minutes"}, 30]}]}`, []rule.Finding{{"/if/2", absent("minutes")}}},
		{rule.Condition, `{"and": [{"or": [{"var": "minutes"}, {"var": "done"}]}, {"<": [{"var": "minutes"}, 30]}]}`, []rule.Finding{{"/and/1", absent("minutes")}}},
		{rule.Condition, `{"and": [{"!": {"missing": ["note"]}}, {"<": [{"var": "minutes"}, 30]}]}`, []rule.Finding{{"/and/1", absent("minutes")}}},
		{rule.Condition, `{"!!": {"<": [{"var": "minutes"}, 30]}}`, []rule.Finding{{"/!!", absent("minutes")}}},
		{rule.Condition, `{"==": [{"<": [{"var": "minutes"}, 30]}, true]}`, []rule.Finding{{"/==/0", absent("minutes")}}},
		{rule.Condition, `{"!": {"and": [{">=": [{"var": "minutes"}, 30]}, {">=": [{"var": "minutes"}, 20]}]}}`, []rule.Finding{
			{"/!/and/0", absent("minutes")}, {"/!/and/1", absent("minutes")},
		}},
		{rule.Condition, `{">": [{"var": "value"}, {"var": "minutes"}]}`, []rule.Finding{{"", absent("minutes")}}},
		{rule.Amount, `{"+": [1, {"-": [100, {"*": [{"var": "minutes"}, 1]}]}]}`, nil}, // null times 1 is no number: a problem, and not silent
		// What leaves it out, or lets it pass on purpose.
		{rule.Condition, `{"and": [{"and": [{"var": "minutes"}, {"var": "done"}]}, {"<": [{"var": "minutes"}, 30]}]}`, nil},
		{rule.Condition, `{"and": [{"or": [{"var": "minutes"}, {">": [{"var": "minutes"}, 5]}]}, {"<": [{"var": "minutes"}, 30]}]}`, nil},
		{rule.Condition, `{"and": [{"!!": {"var": "minutes"}}, {"<": [{"var": "minutes"}, 30]}]}`, nil},
		{rule.Condition, `{"if": [{"!": {"var": "minutes"}}, false, {"var": "done"}, {"<": [{"var": "minutes"}, 30]}, false]}`, nil},
		{rule.Condition, `{">": [{"var": "minutes"}, {"var": "value"}]}`, nil},
		{rule.Condition, `{"<": [{"var": {"cat": ["min", {"var": "note"}]}}, 30]}`, nil},
		{rule.Condition, `{"<": [{"var": "value"}, {"var": "minutes"}]}`, nil},
		{rule.Condition, `{"some": [{"var": "free.list"}, {"<": [{"var": "minutes"}, 30]}]}`, nil},
		{rule.Condition, `{"<": [{"var": "value"}, 30]}`, nil},
		{rule.Condition, `{">": [{"var": "minutes"}, 30]}`, nil},
		{rule.Condition, `{"!=": [{"var": "minutes"}, 30]}`, nil},
		{rule.Condition, `{"<": [{"var": ["minutes", 99]}, 30]}`, nil},
		{rule.Condition, `{"<": [0, {"var": "minutes"}, 30]}`, nil},
		{rule.Condition, `{"and": [{"!=": [{"var": "event.minutes"}, null]}, {"<": [{"var": "minutes"}, 30]}]}`, nil},
		{rule.Condition, `{"and": [{"<": [{"var": "minutes"}, 30]}, {">": [{"var": "minutes"}, 0]}]}`, nil},
		{rule.Condition, `{"and": [{"!": {"missing": ["minutes"]}}, {"or": [{"var": "done"}, {"<": [{"var": "minutes"}, 30]}]}]}`, nil},
		{rule.Condition, `{"or": [{"!": {"var": "minutes"}}, {"<": [{"var": "minutes"}, 30]}]}`, nil},
		{rule.Condition, `{"if": [{"var": "minutes"}, {"<": [{"var": "minutes"}, 30]}, false]}`, nil},
		{rule.Condition, `{"if": [{"==": [{"var": "minutes"}, null]}, false, {"<": [{"var": "minutes"}, 30]}]}`, nil},
		{rule.Condition, `{"!": {"<": [{"var": "minutes"}, 30]}}`, nil},
		{rule.Amount, `{"if": [{"var": "minutes"}, {"-": [100, {"var": "minutes"}]}, 0]}`, nil},
		{rule.Condition, `{">": [{"-": [100, {"var": "value"}]}, 30]}`, nil},
		// What is finer than an amount.
		{rule.Amount, `{"/": [{"var": "value"}, 3]}`, []rule.Finding{{"", `"/"` + finer}}},
		{rule.Amount, `{"+": [1, {"*": [{"var": "value"}, {"/": [{"var": "value"}, {"var": "value"}]}]}]}`, []rule.Finding{{"/+/1/*/1", `"/"` + finer}}},
		{rule.Amount, `{"sqrt": {"var": "value"}}`, []rule.Finding{{"", `"sqrt"` + finer}}},
		{rule.Amount, `{"if": [{"var": "done"}, {"log": {"var": "value"}}, 1]}`, []rule.Finding{{"/if/1", `"log"` + finer}}},
		{rule.Amount, `{"pow": [{"var": "value"}, 0.5]}`, []rule.Finding{{"", `"pow"` + finer}}},
		{rule.Amount, `{"*": [{"var": "value"}, 0.3333333]}`, []rule.Finding{{"/*/1", "0.3333333" + finer}}},
		{rule.Amount, `{"if": [{"var": "done"}, 1, {"/": [{"var": "value"}, 3]}]}`, []rule.Finding{{"/if/2", `"/"` + finer}}},
		{rule.Amount, `{"reduce": [{"var": "words"}, {"+": [{"var": "accumulator"}, {"/": [1, {"var": "current"}]}]}, 0]}`, []rule.Finding{{"/reduce/1/+/1", `"/"` + finer}}},
		{rule.Amount, `{"pow": [{"var": "value"}, -1]}`, []rule.Finding{{"", `"pow"` + finer}}},
		{rule.Amount, `{"/": [{"sqrt": {"var": "value"}}, 2]}`, []rule.Finding{{"/~1/0", `"sqrt"` + finer}}},
		{rule.Amount, `{"floor": {"/": [{"var": "value"}, 3]}}`, nil},
		{rule.Amount, `{"*": [{"round": {"sqrt": {"var": "value"}}}, 0.5]}`, nil},
		{rule.Amount, `{"/": [{"var": "value"}, 100]}`, nil},
		{rule.Amount, `{"pow": [{"var": "value"}, 2]}`, nil},
		{rule.Amount, `{"if": [{">": [{"/": [{"var": "value"}, 3]}, 2]}, 1, 2]}`, nil},
		{rule.Value, `{"/": [{"var": "value"}, 3]}`, nil},
		// What is no amount at all.
		{rule.Amount, `{">": [{"var": "value"}, 3]}`, []rule.Finding{{"", "is never a number, and so no amount"}}},
		{rule.Amount, `{"var": "status"}`, []rule.Finding{{"", "is never a number, and so no amount"}}},
		// A constant where a condition is meant, inside something else.
		{rule.Amount, `{"if": ["value > 3", {"var": "value"}, 1]}`, []rule.Finding{{"/if/0", `is the text "value > 3", where a condition is meant; write {">": [{"var": "value"}, 3]}`}}},
		{rule.Amount, `{"if": [{"and": [{"var": "done"}, "value > 3"]}, 2, 1]}`, []rule.Finding{{"/if/0/and/1", `is the text "value > 3", where a condition is meant; write {">": [{"var": "value"}, 3]}`}}},
		// A list and a text.
		{rule.Condition, `{"==": [{"var": "words"}, "glad"]}`, []rule.Finding{{"", `compares the list words with a text, which it equals only if it has that one entry; to find one among others, write {"in": ["glad", {"var": "words"}]}`}}},
	} {
		t.Run(tt.src, func(t *testing.T) {
			t.Parallel()
			findings, _, err := rule.Lint([]byte(tt.src), known(), tt.use)
			require.NoError(t, err)
			require.Equal(t, tt.want, findings)
		})
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	for src, want := range map[string][]rule.Mention{
		`{"in": ["glod", {"var": "user.tags"}]}`:                                                                        {{"/in/0", "Tag", "glod"}},
		`{"!": {"in": ["glod", {"var": "user.tags"}]}}`:                                                                 {{"/!/in/0", "Tag", "glod"}},
		`{"some": [{"var": "user.tags"}, {"==": [{"var": ""}, "glod"]}]}`:                                               {{"/some/1/==/1", "Tag", "glod"}},
		`{"none": [{"var": "user.tags"}, {"in": [{"var": ""}, ["a", "b"]]}]}`:                                           {{"/none/1/in/1/0", "Tag", "a"}, {"/none/1/in/1/1", "Tag", "b"}},
		`{"filter": [{"var": "user.tags"}, {"and": [{"!": {"===": ["x", {"var": ""}]}}, {"!=": [{"var": ""}, "y"]}]}]}`: {{"/filter/1/and/0/!/===/0", "Tag", "x"}, {"/filter/1/and/1/!=/1", "Tag", "y"}},
		`{"==": ["rnu", {"var": "runId"}]}`:                                                                             {{"/==/0", "Activity", "rnu"}},
		`{"in": [{"var": "runId"}, ["run", "swim"]]}`:                                                                   {{"/in/1/0", "Activity", "run"}, {"/in/1/1", "Activity", "swim"}},
		`{"and": [{"var": "done"}, {"!==": [{"var": "runId"}, "run"]}]}`:                                                {{"/and/1/!==/1", "Activity", "run"}},
		`{"==": [{"var": "status"}, "active"]}`:                                                                         nil,
		`{"in": ["a", {"var": "words"}]}`:                                                                               nil,
		`{"==": [{"var": "runId"}, {"var": "status"}]}`:                                                                 nil,
		`{"some": [{"var": "user.tags"}, {"or": [{"==": [{"var": ""}, "x"]}]}]}`:                                        {{"/some/1/or/0/==/1", "Tag", "x"}},
	} {
		_, mentions, err := rule.Lint([]byte(src), known(), rule.Condition)
		require.NoError(t, err)
		require.Equal(t, want, mentions, src)
	}
}

func TestDeclaredPaths(t *testing.T) {
	t.Parallel()
	declared := known().And("whatever.*").Declare("free", map[string]rule.Type{
		"km": {Sort: rule.Number, Declared: true}, "note": {Sort: rule.Text, Optional: true, Declared: true}, "day": {Sort: rule.Instant, Declared: true},
	})
	for src, want := range map[string]string{
		`{"<": [0, {"var": "whatever.there"}, 3]}`:         "",
		`{"<": [{"var": "free.km"}, 3]}`:                   "",
		`{"<": [{"var": "event.free.day"}, "2025-01-01"]}`: "",
		`{"<": [{"var": "event.free.kn"}, 3]}`:             `/</0/var: unknown path "event.free.kn"; did you mean "event.free.km"?`,
		`{"<": [{"var": "free.distance"}, 3]}`:             `/</0/var: unknown path "free.distance"; free has day, km, note`,
		`{"<": [{"var": "free.km"}, "3"]}`:                 `/</1: is the text "3", but free.km is a number`,
		`{"<": [{"var": "free.day"}, "tomorrow"]}`:         `/</1: is the text "tomorrow", but free.day is an instant`,
	} {
		findings, _, err := rule.Lint([]byte(src), declared, rule.Condition)
		if want == "" {
			require.NoError(t, err, src)
			require.Empty(t, findings, "what is required needs no guard")
			continue
		}
		require.Equal(t, []string{want}, faults(t, err), src)
	}
}

func TestHintsSayWhereAPathIsRead(t *testing.T) {
	t.Parallel()
	ctx := known().Hinting(map[string]string{"mission": "is read by others", "amount": "is of another type", "done": "is here"})
	for path, want := range map[string]string{
		"mission.periodId": `/var: unknown path "mission.periodId"; mission is read by others; it must begin with one of at, done, event, free, minutes, note, runId, status, until, user, value, words`,
		"event.amount":     `/var: unknown path "event.amount"; amount is of another type; event has free, minutes, status, value`,
		"done.really":      `/var: unknown path "done.really"; it must begin with one of at, done, event, free, minutes, note, runId, status, until, user, value, words`,
	} {
		_, err := rule.Compile([]byte(`{"var": "`+path+`"}`), ctx)
		require.Equal(t, []string{want}, faults(t, err))
	}
}

// A condition about one path that is refused as always false never holds, and one that is not refused holds for some
// value: the values at which comparisons change, and those around them, are all that need be tried.
func TestExclusionsAreExact(t *testing.T) {
	t.Parallel()
	ctx := rule.NewContext("n").With(map[string]rule.Type{"n": {Sort: rule.Number}})
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.Custom(func(t *rapid.T) any {
			op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "op")
			args := []any{map[string]any{"var": "n"}, rapid.IntRange(0, 4).Draw(t, "constant")}
			if rapid.Bool().Draw(t, "turned") {
				args[0], args[1] = args[1], args[0]
			}
			return map[string]any{op: args}
		})
		src := encoded(t, map[string]any{"and": rapid.SliceOfN(part, 1, 5).Draw(t, "parts")})
		r, err := rule.Compile(src, ctx)
		require.NoError(t, err)
		holds := false
		for n := -1.0; n <= 5; n += 0.5 {
			ok, err := r.Match(&rule.Env{Data: map[string]any{"n": n}})
			require.NoError(t, err)
			holds = holds || ok
		}
		_, err = rule.CompileCondition(src, ctx)
		require.Equal(t, holds, err == nil, "%s: %v", src, err)
	})
}

func encoded(t *rapid.T, v any) []byte {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}
