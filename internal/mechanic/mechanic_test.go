package mechanic_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

func TestAmountsAreNotLessThanZero(t *testing.T) {
	t.Parallel()
	vars := mechanic.Values{"value": 3.0}
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

// That something is over is told only to those who ask for the status or the state.
func TestReadsEnd(t *testing.T) {
	t.Parallel()
	tagged := mechanic.EventContext(event.Matcher{Type: event.MatchTag, Entity: event.Tag})
	for src, want := range map[string]bool{
		`null`:                                  false,
		`{"==": [{"var": "status"}, "BROKEN"]}`: true,
		`{"!!": {"var": "event.status"}}`:       true,
		`{"!!": {"var": "event"}}`:              true,
		`{"!!": {"var": "user.status"}}`:        false,
		`{"!!": {"var": "event.state"}}`:        true,
		`{">": [{"var": "event.count"}, 2]}`:    false,
		`{"!!": {"var": "event.completedAt"}}`:  false,
	} {
		c, err := mechanic.CompileCondition("Kind/id", "field", []byte(src), tagged)
		require.NoError(t, err, src)
		require.Equal(t, want, c.ReadsEnd(event.Streak), src)
	}
	for _, tt := range []struct {
		kind         event.Type
		field, value string
		want         bool
	}{
		{event.Streak, "status", "BROKEN", true},
		{event.Streak, "status", "ACTIVE", false},
		{event.Mission, "status", "BROKEN", false},
		{event.VirtualTransaction, "state", "EXPIRED", true},
		{event.VirtualTransaction, "state", "COMPLETED", false},
	} {
		o := mechanic.New(&event.Event{Type: tt.kind, Fields: map[string]any{tt.field: tt.value}}, &tenancy.User{})
		require.Equal(t, tt.want, o.Ends(), "%+v", tt)
	}
}

// That a user takes no part any more is matched by nothing, whatever tags the user carries.
func TestWhoTakesNoPartIsMatchedByNothing(t *testing.T) {
	t.Parallel()
	for status, want := range map[tenancy.Status]int{tenancy.Active: 3, tenancy.Suspended: 0, tenancy.Deleted: 0} {
		for _, is := range []event.Type{event.User, event.Activity} {
			e := &event.Event{Type: is, EntityID: "ann", EntityTags: []string{"red"}, Fields: map[string]any{"status": string(status)}}
			o := mechanic.New(e, &tenancy.User{Status: status})
			require.Equal(t, is == event.User, o.Changed())
			if is == event.User {
				require.Len(t, o.Keys, want, status)
			} else {
				require.Len(t, o.Keys, 3, "what somebody did before is matched")
			}
		}
	}
}

type row struct{ User, ID string }

// A part knows whose a record is; one of sums makes a change on top of what others have added since.
func TestParts(t *testing.T) {
	t.Parallel()
	table := store.Define("rows", func(r *row) string { return r.ID }, nil)
	part := mechanic.Rows(table, func(r *row) string { return r.User })
	require.Equal(t, "rows", part.Table.Name)
	require.Equal(t, "ada", part.Owner(row{"ada", "1"}))
	require.Nil(t, part.Sum)

	type total struct{ Sum int }
	totals := store.Define("totals", func(*total) string { return "all" }, nil)
	of := func(r *total) int {
		if r == nil {
			return 0
		}
		return r.Sum
	}
	sums := mechanic.Sums(totals, func(*total) string { return "" }, func(now, from, to *total) total {
		return total{of(now) + of(to) - of(from)}
	})
	require.Empty(t, sums.Owner(total{1}))
	require.Equal(t, total{9}, sums.Sum(total{7}, total{1}, total{3}).Record)
	require.Equal(t, total{5}, sums.Sum(nil, nil, total{5}).Record)
	require.Equal(t, total{4}, sums.Sum(total{7}, total{3}, nil).Record)
}

// All of something is read with each of its parts.
func TestReads(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		`{"!!": {"var": "mission.amount"}}`:                               true,
		`{"!!": {"var": "mission"}}`:                                      true,
		`{"some": [[{"var": ""}], {"var": "mission.amount"}]}`:            true,
		`{"!!": {"var": "mission.amounts"}}`:                              false,
		`{"!!": {"var": "mission.id"}}`:                                   false,
		`{"!!": {"var": "user.mission"}}`:                                 false,
		`{"!!": {"var": "mission.amount.currency"}}`:                      true,
		`{"some": [[{"var": "mission"}], {"<": [{"var": "amount"}, 3]}]}`: true,
	} {
		c, err := mechanic.CompileCondition("Kind/id", "field", []byte(src), nil)
		require.NoError(t, err, src)
		require.Equal(t, want, c.Reads("mission.amount"), src)
		a, err := mechanic.CompileAmount("Kind/id", "field", []byte(src), nil)
		require.NoError(t, err, src)
		require.Equal(t, want, a.Reads("mission.amount"), src)
	}
}
