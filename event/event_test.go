package event_test

import (
	"encoding/json"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
)

var now = time.Date(2025, 9, 3, 12, 0, 0, 0, time.UTC)

func newID() string { return "made" }

func TestPrepareFillsInDefaults(t *testing.T) {
	e, err := event.Prepare(event.Event{UserID: "ada", EntityID: "run"}, now, newID)
	require.NoError(t, err)
	require.Equal(t, "made", e.ID)
	require.Equal(t, event.Activity, e.Type)
	require.Equal(t, now, e.At)
	require.Equal(t, "1", e.Value.String())
	require.Equal(t, event.Complete, e.Progress)
}

func TestPrepareIgnoresWhatOnlyTheEngineSets(t *testing.T) {
	e, err := event.Prepare(event.Event{UserID: "ada", EntityID: "run", Cause: "x", EntityTags: []string{"x"}, Fields: map[string]any{"x": 1}}, now, newID)
	require.NoError(t, err)
	require.Empty(t, e.Cause)
	require.Empty(t, e.EntityTags)
	require.Empty(t, e.Fields)
}

func TestPrepareNamesTheFieldAtFault(t *testing.T) {
	value := func(text string) *decimal.Decimal { return new(decimal.RequireFromString(text)) }
	for name, c := range map[string]struct {
		event event.Event
		field string
	}{
		"no user":              {event.Event{EntityID: "run"}, "userId"},
		"user with NUL":        {event.Event{UserID: "a\x00", EntityID: "run"}, "userId"},
		"user in other script": {event.Event{UserID: "Ада", EntityID: "run"}, "userId"},
		"entity of 10 KB":      {event.Event{UserID: "ada", EntityID: strings.Repeat("x", 10<<10)}, "entityId"},
		"no entity":            {event.Event{UserID: "ada"}, "entityId"},
		"id with colon":        {event.Event{ID: "a:b", UserID: "ada", EntityID: "run"}, "id"},
		"an hour ahead":        {event.Event{UserID: "ada", EntityID: "run", At: now.Add(time.Hour)}, "completedAt"},
		"year 10000":           {event.Event{UserID: "ada", EntityID: "run", At: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}, "completedAt"},
		"huge value":           {event.Event{UserID: "ada", EntityID: "run", Value: value("1e30")}, "value"},
		"fine value":           {event.Event{UserID: "ada", EntityID: "run", Value: value("0.0000001")}, "value"},
		"unknown outcome":      {event.Event{UserID: "ada", EntityID: "run", Outcome: "MAYBE"}, "outcome"},
		"a quiz's outcome":     {event.Event{UserID: "ada", EntityID: "run", Outcome: event.Fail}, "outcome"},
		"unknown progress":     {event.Event{UserID: "ada", EntityID: "run", Progress: "DONE"}, "progress"},
		"too many tags":        {event.Event{UserID: "ada", EntityID: "run", Tags: make([]string, 101)}, "tags"},
		"tag with control":     {event.Event{UserID: "ada", EntityID: "run", Tags: []string{"a\x07"}}, "tags"},
		"tag that is no UTF-8": {event.Event{UserID: "ada", EntityID: "run", Tags: []string{"\xff"}}, "tags"},
		"endless value":        {event.Event{UserID: "ada", EntityID: "run", Value: new(decimal.New(1, 1<<30))}, "value"},
		"endlessly fine value": {event.Event{UserID: "ada", EntityID: "run", Value: new(decimal.New(1, -1<<30))}, "value"},
		"empty tag":            {event.Event{UserID: "ada", EntityID: "run", Tags: []string{""}}, "tags"},
		"NaN in data":          {event.Event{UserID: "ada", EntityID: "run", Data: map[string]any{"x": math.NaN()}}, "additionalData"},
		"function in data":     {event.Event{UserID: "ada", EntityID: "run", Data: map[string]any{"x": newID}}, "additionalData"},
		"much data":            {event.Event{UserID: "ada", EntityID: "run", Data: map[string]any{"x": strings.Repeat("x", 65<<10)}}, "additionalData"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := event.Prepare(c.event, now, newID)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, c.field+": ")
		})
	}
}

func TestFingerprintIsThatOfTheContent(t *testing.T) {
	base := event.Event{ID: "e", UserID: "ada", EntityID: "run", At: now}
	fingerprint := func(change func(*event.Event)) string {
		e := base
		change(&e)
		ready, err := event.Prepare(e, now, newID)
		require.NoError(t, err)
		f, err := ready.Fingerprint()
		require.NoError(t, err)
		return f
	}
	same := fingerprint(func(*event.Event) {})
	rome, err := time.LoadLocation("Europe/Rome")
	require.NoError(t, err)
	for name, change := range map[string]func(*event.Event){
		"zone":          func(e *event.Event) { e.At = e.At.In(rome) },
		"default value": func(e *event.Event) { e.Value = new(decimal.RequireFromString("1.00")) },
		"default type":  func(e *event.Event) { e.Type = event.Activity },
		"nanoseconds":   func(e *event.Event) { e.At = e.At.Add(10) },
		"progress":      func(e *event.Event) { e.Progress = event.Complete },
		"no data":       func(e *event.Event) { e.Data = map[string]any{} },
		"no tags":       func(e *event.Event) { e.Tags = []string{} },
		"ignored": func(e *event.Event) {
			e.EntityTags, e.Fields, e.Cause = []string{"x"}, map[string]any{"x": 1}, "x"
		},
	} {
		require.Equal(t, same, fingerprint(change), name)
	}
	for name, change := range map[string]func(*event.Event){
		"time":  func(e *event.Event) { e.At = e.At.Add(time.Second) },
		"user":  func(e *event.Event) { e.UserID = "bob" },
		"value": func(e *event.Event) { e.Value = new(decimal.RequireFromString("2")) },
		"data":  func(e *event.Event) { e.Data = map[string]any{"km": 3} },
		"tags":  func(e *event.Event) { e.Tags = []string{"x"} },
	} {
		require.NotEqual(t, same, fingerprint(change), name)
	}
}

// Data is told apart to the digit, however it is written.
func TestFingerprintIsThatOfTheDigits(t *testing.T) {
	fingerprint := func(v any) string {
		ready, err := event.Prepare(event.Event{ID: "e", UserID: "ada", EntityID: "run", Data: map[string]any{"v": []any{v}}}, now, newID)
		require.NoError(t, err)
		f, err := ready.Fingerprint()
		require.NoError(t, err)
		return f
	}
	for _, same := range [][]any{
		{int64(9007199254740993), uint64(9007199254740993), json.Number("9007199254740993"), json.Number("9007199254740993.00")},
		{1.5, json.Number("1.50"), json.Number("15e-1"), float32(1.5)},
		{0, 0.0, math.Copysign(0, -1), json.Number("-0.0")},
		{json.Number("12345678901.234567"), json.Number("12345678901234567E-6")},
		{1e300, json.Number("1" + strings.Repeat("0", 300))},
	} {
		for _, v := range same {
			require.Equal(t, fingerprint(same[0]), fingerprint(v), "%v and %v", same[0], v)
		}
	}
	require.NotEqual(t, fingerprint(int64(9007199254740993)), fingerprint(int64(9007199254740992)))
	require.NotEqual(t, fingerprint(json.Number("0.1")), fingerprint(json.Number("0.1000000000000000055511151231257827")))
	require.NotEqual(t, fingerprint("1"), fingerprint(1))
}

// What a host gives is kept to the digit, and comes back in one type for each number.
func TestDataIsKeptToTheDigit(t *testing.T) {
	data, err := event.PlainData(map[string]any{
		"orderId": int64(9007199254740993), "list": []uint64{math.MaxUint64, 1}, "price": json.Number("12345678901.234567"),
		"km": 10.0 / 3, "n": 3, "zero": math.Copysign(0, -1),
	})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"orderId": json.Number("9007199254740993"), "list": []any{json.Number("18446744073709551615"), 1.0},
		"price": json.Number("12345678901.234567"), "km": 10.0 / 3, "n": 3.0, "zero": 0.0,
	}, data)
	b, err := json.Marshal(event.Event{Data: data, Fields: data})
	require.NoError(t, err)
	require.Contains(t, string(b), `"orderId":9007199254740993`)
	var back event.Event
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, data, back.Data)
	require.Equal(t, data, back.Fields)

	for _, text := range []string{"1e400", "1e-400", strings.Repeat("9", 401)} {
		_, err = event.PlainData(map[string]any{"a": []any{json.Number(text)}})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "additionalData: has ")
		require.Less(t, len(err.Error()), 150)
		require.Error(t, json.Unmarshal([]byte(`{"additionalData":{"a":`+text+`}}`), &back))
	}
	require.Error(t, json.Unmarshal([]byte(`{"value":{}}`), &back))
	require.Error(t, json.Unmarshal([]byte(`{"additionalData":3}`), &back))
}

func TestRulesReadTheValueToTheDigit(t *testing.T) {
	for text, want := range map[string]any{
		"5.25": 5.25, "12345678901.234567": json.Number("12345678901.234567"), "5000000000000.1": 5000000000000.1, "0": 0.0, "1e3": 1000.0,
	} {
		require.Equal(t, want, (&event.Event{Value: new(decimal.RequireFromString(text))}).Vars()["value"], text)
	}
}

// What a rule sees now is what it sees when the event is read back.
func TestPreparedEventSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := event.Event{
			UserID: "ada", EntityID: "run",
			At:    now.Add(-time.Duration(rapid.Int64Range(0, 1<<50).Draw(t, "ago"))),
			Value: new(decimal.New(rapid.Int64().Draw(t, "value"), -6)),
			Data:  map[string]any{rapid.String().Draw(t, "key"): rapid.Int().Draw(t, "number"), "list": []string{rapid.String().Draw(t, "text")}},
		}
		ready, err := event.Prepare(e, now, newID)
		require.NoError(t, err)
		b, err := json.Marshal(ready)
		require.NoError(t, err)
		var back event.Event
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, ready.Vars(), back.Vars())
	})
}

func TestMatchers(t *testing.T) {
	e := &event.Event{Type: event.Activity, EntityID: "run", EntityTags: []string{"outdoor"}}
	for m, want := range map[event.Matcher]bool{
		{Type: event.MatchEntity, Entity: "Activity"}:                      true,
		{Type: event.MatchEntity, Entity: "Quiz"}:                          false,
		{Type: event.MatchInstance, Entity: "Activity", EntityID: "run"}:   true,
		{Type: event.MatchInstance, Entity: "Activity", EntityID: "swim"}:  false,
		{Type: event.MatchTag, Entity: event.Tag, EntityID: "outdoor"}:     true,
		{Type: event.MatchTag, Entity: event.Tag, EntityID: "indoor"}:      false,
		{Type: event.MatchInstance, Entity: "Activity", EntityID: "run:x"}: false,
	} {
		got := false
		for _, key := range e.MatchKeys() {
			got = got || key == m.Key()
		}
		require.Equal(t, want, got, m)
	}
}

func TestMatcherCheck(t *testing.T) {
	for m, field := range map[event.Matcher]string{
		{Type: "SOME", Entity: "Activity"}:                              "matchType",
		{Type: event.MatchEntity, Entity: "User"}:                       "matchEntity",
		{Type: event.MatchEntity, Entity: event.Tag}:                    "matchEntity",
		{Type: event.MatchEntity, Entity: "Activity", EntityID: "run"}:  "matchEntityId",
		{Type: event.MatchInstance, Entity: "Activity"}:                 "matchEntityId",
		{Type: event.MatchTag, Entity: "Activity", EntityID: "outdoor"}: "matchEntity",
		{Type: event.MatchTag, Entity: event.Tag}:                       "matchEntityId",
	} {
		err := m.Check(event.MatchFields(), "Activity", "Quiz")
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, field+": ")
	}
	require.NoError(t, event.Matcher{Type: event.MatchTag, Entity: event.Tag, EntityID: "outdoor"}.Check(event.MatchFields(), "Activity"))
}

func TestEntityPathsLeadToTheEntity(t *testing.T) {
	for _, of := range []event.Type{
		event.Activity, event.Quiz, event.Slide, event.Story, event.LearningGroup, event.LearningPath,
		event.Mission, event.Streak, event.VirtualTransaction, event.Badge, event.MobilityTracking, event.MobilityMilestone, event.User,
	} {
		ev := &event.Event{Type: of, EntityID: "this", Value: new(decimal.NewFromInt(3)), Fields: map[string]any{"count": "7", "id": "own"}}
		vars := ev.Vars()
		for name, want := range vars {
			v, there := ev.Var(name)
			require.True(t, there)
			require.Equal(t, want, v, name)
		}
		vars["event"] = maps.Clone(vars)
		require.Contains(t, of.EntityPaths(), "entityId")
		for _, path := range of.EntityPaths() {
			at := vars
			if inner, ok := strings.CutPrefix(path, "event."); ok {
				path, at = inner, vars["event"].(map[string]any)
			}
			require.Equal(t, "this", at[path], "%s: %s", of, path)
		}
	}
}
