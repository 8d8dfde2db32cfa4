package rule_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/rule"
)

// An author's condition is compiled once, for the paths of its place, and met by every event.
func Example() {
	ctx := rule.NewContext("event.type", "event.value", "event.additionalData.*", "user.level")
	r, err := rule.CompileCondition([]byte(`{"and": [
		{"==": [{"var": "event.type"}, "ride"]},
		{">=": [{"var": "event.additionalData.km"}, 5]}
	]}`), ctx)
	if err != nil {
		fmt.Println(err)
		return
	}

	var data any
	if err := json.Unmarshal([]byte(`{"event": {"type": "ride", "additionalData": {"km": 7.5}}}`), &data); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Match(&rule.Env{Data: data}))
	// Output: true <nil>
}

// What is wrong with an expression is said where it is, all at once.
func ExampleCompile_faults() {
	ctx := rule.NewContext("event.type", "event.value", "items")
	_, err := rule.Compile([]byte(`{"and": [
		{">=": [{"var": "event.vlaue"}, 10]},
		{"somes": [{"var": "items"}, {"var": "vip"}]}
	]}`), ctx)
	fmt.Println(err)
	// Output:
	// /and/0/>=/0/var: unknown path "event.vlaue"; did you mean "event.value"?
	// /and/1: unknown operator "somes"; did you mean "some"?
}

// An amount is a number or nothing; nothing is made into one.
func ExampleRule_Number() {
	r, err := rule.Compile([]byte(`{"*": [{"var": "event.km"}, 10]}`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, event := range []map[string]any{{"km": 4.2}, {"km": "far"}, {}} {
		fmt.Println(r.Number(&rule.Env{Data: map[string]any{"event": event}}))
	}
	// Output:
	// 42 true <nil>
	// 0 false <nil>
	// 0 false <nil>
}

// Why a condition did not match is told with the data that it met.
func ExampleRule_Explain() {
	r, err := rule.Compile([]byte(`{"and": [
		{"==": [{"var": "event.type"}, "quiz"]},
		{">=": [{"var": "event.score"}, 80]},
		{"!": [{"in": ["banned", {"var": "user.tags"}]}]}
	]}`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	trace, err := r.Explain(&rule.Env{Data: map[string]any{
		"event": map[string]any{"type": "quiz", "score": 65},
		"user":  map[string]any{"tags": []any{"beta"}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(trace)
	for _, d := range trace.Decisive() {
		fmt.Println("because", d.Reason())
	}
	// Output:
	// false  and
	//   true  event.type == "quiz"  (event.type is "quiz")
	//   false  event.score >= 80  (event.score is 65)
	// because event.score >= 80 is false: event.score is 65
}

// The clock is what the caller says, and days are civil days of a zone.
func ExampleEnv() {
	r, err := rule.Compile([]byte(`{"date_diff": [{"var": "user.joinedAt"}, {"now": []}, "day", "Europe/Rome"]}`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Eval(&rule.Env{
		Data: map[string]any{"user": map[string]any{"joinedAt": "2026-03-28T22:30:00Z"}},
		Now:  time.Date(2026, time.March, 28, 23, 30, 0, 0, time.UTC),
	}))
	// Output: 1 <nil>
}
