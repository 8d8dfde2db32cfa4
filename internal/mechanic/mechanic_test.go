package mechanic_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
)

func TestAmountsAreNotLessThanZero(t *testing.T) {
	t.Parallel()
	vars := map[string]any{"value": 3.0}
	for src, want := range map[string]struct {
		amount            string // what it gives, "" if nothing
		faulty            string // why an amount is refused when it is written
		problem           string // why it gives nothing
		positive, nothing string // the same for an amount that must be more than 0
	}{
		`null`:                         {amount: "1"},
		`2.5`:                          {amount: "2.5"},
		`0`:                            {amount: "0", positive: "field: gave 0, which is not more than 0"},
		`-1`:                           {faulty: "field: gave -1, which is less than 0", positive: "field: gave -1, which is less than 0"},
		`"a"`:                          {faulty: "field: gave a text, which is not a number", positive: "field: gave a text, which is not a number"},
		`{"-": [{"var": "value"}, 3]}`: {amount: "0", nothing: "gave 0, which is not more than 0"},
		`{"-": [{"var": "value"}, 5]}`: {problem: "gave -2, which is less than 0", nothing: "gave -2, which is less than 0"},
		`{"var": "other"}`:             {problem: "gave null, which is not a number", nothing: "gave null, which is not a number"},
	} {
		t.Run(src, func(t *testing.T) {
			t.Parallel()
			a, err := mechanic.CompileAmount("Kind/id", "field", []byte(src), nil)
			requireFault(t, want.faulty, err)
			if err == nil {
				tx := &session.Tx{Now: noon}
				d, ok := a.Of(tx, vars)
				require.Equal(t, want.problem == "", ok)
				requireProblem(t, want.problem, tx)
				if ok {
					require.Equal(t, want.amount, d.String())
				}
			}
			a, err = mechanic.CompilePositive("Kind/id", "field", []byte(src), nil)
			requireFault(t, want.positive, err)
			if err == nil {
				tx := &session.Tx{Now: noon}
				_, ok := a.PositiveOf(tx, vars)
				require.Equal(t, want.nothing == "", ok)
				requireProblem(t, want.nothing, tx)
			}
		})
	}
	_, err := mechanic.CompilePositive("Kind/id", "field", []byte(`{"var": "x"}`), rule.NewContext("value"))
	require.ErrorContains(t, err, `field/var: unknown path "x"`)
}

func requireFault(t *testing.T, want string, err error) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.EqualError(t, err, want)
}

func requireProblem(t *testing.T, want string, tx *session.Tx) {
	t.Helper()
	var problems []event.Problem
	if want != "" {
		problems = []event.Problem{{Source: "Kind/id", Field: "field", Reason: want}}
	}
	require.Equal(t, problems, tx.Problems())
}

func TestMatchingKeepsTheOrderInWhichRulesApply(t *testing.T) {
	t.Parallel()
	run := event.Matcher{Type: event.MatchInstance, Entity: "Activity", EntityID: "run"}
	every := event.Matcher{Type: event.MatchEntity, Entity: "Activity"}
	red := event.Matcher{Type: event.MatchTag, Entity: event.Tag, EntityID: "red"}
	var m mechanic.Matching[string]
	require.Nil(t, m.On([]string{"Activity"}))
	for i, by := range []event.Matcher{run, red, every, run} {
		m.Add(by, string(rune('a'+i)))
	}
	e := event.Event{Type: event.Activity, EntityID: "run"}
	require.Equal(t, []string{"a", "c", "d"}, m.On(e.MatchKeys()))
	e.EntityTags = []string{"red", "blue"}
	require.Equal(t, []string{"a", "b", "c", "d"}, m.On(e.MatchKeys()))
	e = event.Event{Type: event.Quiz, EntityID: "run"}
	require.Nil(t, m.On(e.MatchKeys()))
}
