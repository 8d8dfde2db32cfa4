package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/event"
)

func whole() event.Event {
	return event.Event{
		ID: "e1", Type: event.Activity, EntityID: "run", UserID: "ada", At: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC),
		Value: new(decimal.RequireFromString("1.50")), Outcome: event.Success, Progress: event.Complete, Tags: []string{"a"},
		Data: map[string]any{
			"n": 1.5, "big": json.Number("9007199254740993"), "list": []any{"x", nil, true, map[string]any{"deep": 2.0}},
		},
		EntityTags: []string{"outdoor"}, Fields: map[string]any{"amount": 3.0}, Cause: "e0",
	}
}

// What is written and read again says the same, to whatever depth, and so does what is written otherwise.
func TestSameSurvivesBeingKept(t *testing.T) {
	a, b := whole(), event.Event{}
	kept, err := json.Marshal(a)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(kept, &b))
	require.True(t, a.Same(&b))
	b.Value, b.Fields["amount"] = new(decimal.RequireFromString("1.5")), json.Number("3")
	b.At = b.At.In(time.FixedZone("", 3600))
	require.True(t, a.Same(&b))
	require.True(t, b.Same(&a))
}

// Another field, or another value in whatever depth, is another event.
func TestSameTellsApart(t *testing.T) {
	for name, change := range map[string]func(*event.Event){
		"id":          func(e *event.Event) { e.ID = "" },
		"type":        func(e *event.Event) { e.Type = event.Quiz },
		"entity":      func(e *event.Event) { e.EntityID = "swim" },
		"user":        func(e *event.Event) { e.UserID = "bob" },
		"time":        func(e *event.Event) { e.At = e.At.Add(time.Microsecond) },
		"value":       func(e *event.Event) { e.Value = new(decimal.NewFromInt(1)) },
		"no value":    func(e *event.Event) { e.Value = nil },
		"outcome":     func(e *event.Event) { e.Outcome = "" },
		"progress":    func(e *event.Event) { e.Progress = event.Start },
		"cause":       func(e *event.Event) { e.Cause = "" },
		"tags":        func(e *event.Event) { e.Tags = []string{"b"} },
		"entity tags": func(e *event.Event) { e.EntityTags = nil },
		"fields":      func(e *event.Event) { e.Fields = map[string]any{"amount": json.Number("3.1")} },
		"no data":     func(e *event.Event) { e.Data = nil },
		"other name":  func(e *event.Event) { e.Data["m"] = e.Data["n"]; delete(e.Data, "n") },
		"number":      func(e *event.Event) { e.Data["n"] = 1.25 },
		"last digit":  func(e *event.Event) { e.Data["big"] = json.Number("9007199254740992") },
		"text":        func(e *event.Event) { e.Data["n"] = "1.5" },
		"null":        func(e *event.Event) { e.Data["n"] = nil },
		"shorter":     func(e *event.Event) { e.Data["list"] = e.Data["list"].([]any)[:3] },
		"not null":    func(e *event.Event) { e.Data["list"].([]any)[1] = false },
		"deep":        func(e *event.Event) { e.Data["list"].([]any)[3] = map[string]any{"deep": 3.0} },
		"no object":   func(e *event.Event) { e.Data["list"] = map[string]any{} },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := whole(), whole()
			change(&b)
			require.False(t, a.Same(&b))
			require.False(t, b.Same(&a))
		})
	}
}

// Two events of data alone say the same exactly if that is the same JSON.
func TestSameIsThatOfJSON(t *testing.T) {
	value := rapid.Deferred(jsonValue)
	rapid.Check(t, func(t *rapid.T) {
		a := event.Event{Data: map[string]any{"of": value.Draw(t, "a")}}
		b := event.Event{Data: map[string]any{"of": value.Draw(t, "b")}}
		x, err := json.Marshal(a.Data)
		require.NoError(t, err)
		y, err := json.Marshal(b.Data)
		require.NoError(t, err)
		require.Equal(t, string(x) == string(y), a.Same(&b))
	})
}

func jsonValue() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.SampledFrom([]string{"", "a", "1"}).AsAny(),
		rapid.SampledFrom([]any{1.0, json.Number("1"), 0.5, json.Number("0.5"), json.Number("9007199254740993")}),
		rapid.SliceOfN(rapid.Deferred(jsonValue), 0, 2).AsAny(),
		rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), rapid.Deferred(jsonValue), 0, 2).AsAny(),
	)
}
