package mechanic_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

var noon = time.Date(2025, 9, 3, 12, 0, 0, 0, time.UTC)

// ran returns the occasion of an activity of a user.
func ran() *mechanic.Occasion {
	e := &event.Event{ID: "a", Type: event.Activity, EntityID: "run", UserID: "ada", At: noon, Value: new(decimal.NewFromInt(3))}
	return mechanic.New(e, &tenancy.User{ID: "ada", ExternalID: "x-1", Nickname: "Ada", Lang: "it"})
}

// Whoever asks why is told nothing that the journal does not keep of a user.
func TestForget(t *testing.T) {
	t.Parallel()
	o := ran()
	user := o.Vars()["user"].(map[string]any)
	require.Equal(t, "Ada", user["nickname"])
	require.Equal(t, "x-1", user["externalId"])
	o.Forget()
	user = o.Vars()["user"].(map[string]any)
	require.NotContains(t, user, "nickname")
	require.NotContains(t, user, "externalId")
	require.Equal(t, "it", user["lang"])
}

// A caused event has what its cause has: who it is about, and where in the user's fold it stands.
func TestAndKeepsThePlace(t *testing.T) {
	t.Parallel()
	o := ran()
	o.Place = "ada/1"
	next := o.And(&event.Event{ID: "b", Type: event.Mission, EntityID: "m", UserID: "ada", At: noon})
	require.Equal(t, "ada/1", next.Place)
	require.Same(t, o.User, next.User)
	require.Contains(t, next.Keys, "Mission")
}

func TestProblemIn(t *testing.T) {
	t.Parallel()
	problems := []event.Problem{
		{Source: "RewardRule/a", Field: "rewards[0]", Reason: "full"},
		{Source: "RewardRule/a", Field: "rewards[0]", Reason: "later"},
	}
	require.Equal(t, "full", mechanic.ProblemIn(problems, "RewardRule/a", "rewards[0]"))
	require.Empty(t, mechanic.ProblemIn(problems, "RewardRule/a", "rewards[1]"))
	require.Empty(t, mechanic.ProblemIn(problems, "RewardRule/b", "rewards[0]"))
}

// What got farthest is what moved the document, otherwise what passed most checks.
func TestBeats(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		verdict, other mechanic.Verdict
		want           bool
	}{
		"more passed":             {verdict(false, true, true, false), verdict(false, true, false), true},
		"fewer passed":            {verdict(false, true, false), verdict(false, true, true, false), false},
		"as many":                 {verdict(false, true, false), verdict(false, true, false), false},
		"all held":                {verdict(false, true, true), verdict(false, true, true, false), false},
		"the last no is no step":  {verdict(false, true), verdict(false, false), true},
		"moved with fewer":        {verdict(true, true), verdict(false, true, true, true), true},
		"not moved with more":     {verdict(false, true, true, true), verdict(true, true), false},
		"both moved, more passed": {verdict(true, true, true), verdict(true, true), true},
		"nothing was asked":       {verdict(false), verdict(false), false},
	} {
		require.Equal(t, tt.want, tt.verdict.Beats(&tt.other), name)
	}
}

func verdict(moved bool, answers ...bool) mechanic.Verdict {
	v := mechanic.Verdict{Moved: moved}
	for _, holds := range answers {
		v.Ask("x", holds, "because")
	}
	return v
}

func TestMatches(t *testing.T) {
	t.Parallel()
	e := &event.Event{Type: event.Activity, EntityID: "run", EntityTags: []string{"outdoor"}}
	for _, tt := range []struct {
		matcher event.Matcher
		want    string
	}{
		{event.Matcher{Type: event.MatchInstance, Entity: "Activity", EntityID: "run"}, "yes  matchEntityId: the event is about Activity run"},
		{event.Matcher{Type: event.MatchInstance, Entity: "Activity", EntityID: "swim"}, "no   matchEntityId: the event is about Activity run, not about swim"},
		{event.Matcher{Type: event.MatchInstance, Entity: "Quiz", EntityID: "run"}, "no   matchEntity: the event is about Activity run, not about a Quiz"},
		{event.Matcher{Type: event.MatchEntity, Entity: "Activity"}, "yes  matchEntity: the event is about Activity run, and any Activity counts"},
		{event.Matcher{Type: event.MatchEntity, Entity: "Quiz"}, "no   matchEntity: the event is about Activity run, not about a Quiz"},
		{event.Matcher{Type: event.MatchTag, Entity: event.Tag, EntityID: "outdoor"}, "yes  matchEntityId: Activity run carries the tag outdoor"},
		{event.Matcher{Type: event.MatchTag, Entity: event.Tag, EntityID: "indoor"}, "no   matchEntityId: Activity run does not carry the tag indoor"},
	} {
		var v mechanic.Verdict
		require.Equal(t, v.Matches(event.MatchFields(), tt.matcher, e), v.Holds())
		require.Equal(t, tt.want, v.Checks[0].String())
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	end := noon.Add(time.Hour)
	frame := timeframe.Timeframe{Type: timeframe.Range, StartsAt: noon, EndsAt: &end}
	for at, want := range map[time.Time]string{
		noon.Add(-time.Second): "no   timeframeStartsAt: it begins at 2025-09-03T12:00:00Z, and the event happened at 2025-09-03T11:59:59Z",
		noon:                   "yes  timeframeStartsAt: it began at 2025-09-03T12:00:00Z, and the event happened at 2025-09-03T12:00:00Z",
		end:                    "no   timeframeEndsAt: it ended at 2025-09-03T13:00:00Z, and the event happened at 2025-09-03T13:00:00Z",
	} {
		var v mechanic.Verdict
		v.Within(frame, at)
		require.Equal(t, want, v.Checks[0].String())
	}
}

func TestChecksAnswerAsTheMechanicsAsk(t *testing.T) {
	t.Parallel()
	c := ran()
	c.Forget()
	ctx := mechanic.EventContext(event.Matcher{Type: event.MatchEntity, Entity: "Activity"})
	for src, want := range map[string]string{
		``:                             "yes  field: it is 1, as there is no expression",
		`3`:                            "yes  field: it is 3",
		`{"*": [{"var": "value"}, 2]}`: "yes  field: value * 2 is 6: value is 3",
		`{"-": [{"var": "value"}, 3]}`: "no   field: value - 3 is 0: value is 3; it must be more than 0",
		`{"var": "event.outcome"}`:     "no   field: event.outcome is absent; it gave null, which is not a number",
		`{"var": "user.lang"}`:         `no   field: user.lang is "it"; it gave a text, which is not a number`,
	} {
		a, err := mechanic.CompileAmount("Kind/id", "field", []byte(src), ctx)
		require.NoError(t, err)
		check := a.Check(c.Vars(), noon)
		require.Equal(t, want, check.String())
		d, ok := a.Of(&session.Tx{Now: noon}, c)
		require.Equal(t, check.Holds, ok && d.IsPositive())
	}
	for src, want := range map[string]string{
		``:                                "yes  field: there is no condition",
		`{">": [{"var": "value"}, 2]}`:    "yes  field: value > 2 is true: value is 3",
		`{"!": {"var": "user.nickname"}}`: "yes  field: user.nickname is absent; user.nickname is not kept with the event",
	} {
		condition, err := mechanic.CompileCondition("Kind/id", "field", []byte(src), ctx)
		require.NoError(t, err)
		check := condition.Check(c.Vars(), noon)
		require.Equal(t, want, check.String())
		require.Equal(t, check.Holds, condition.Holds(&session.Tx{Now: noon}, c))
		var v mechanic.Verdict
		require.True(t, v.Condition(condition, c.Vars(), noon))
		require.Len(t, v.Checks, min(1, len(src)), "what is not asked is not shown")
	}
	asked, err := mechanic.CompileCondition("Kind/id", "field", []byte(`{"var": "user.nickname"}`), ctx)
	require.NoError(t, err)
	require.Equal(t, `yes  field: user.nickname is "Ada"`, asked.Check(ran().Vars(), noon).String(), "it is known as the event comes")
}
