package proof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/learning"
)

// How far somebody is with a path is what its items say, unless the author has a rule for it.
func TestProgressOfAPath(t *testing.T) {
	t.Parallel()
	slide := func(p learning.Progress) study { return study{slide: "forum", progress: p} }
	begin, under, done := slide(learning.Start), slide(learning.InProgress), slide(learning.Complete)
	right, wrong := study{quiz: "hills", answer: content.Option2}, study{quiz: "hills", answer: content.Option1}
	item := func(operator string, condition object) object {
		return object{operator: []any{variable("items"), condition}}
	}
	complete := object{"==": []any{variable("progress"), "COMPLETE"}}
	failed := object{"==": []any{variable("outcome"), "FAIL"}}
	bob := object{"==": []any{variable("user.userId"), "bob"}}
	for _, tt := range []struct {
		name     string
		rules    object
		done     []study
		progress learning.Progress
		outcome  event.Outcome
	}{
		{"nothing is done", nil, nil, "", ""},
		{"an item is begun", nil, []study{begin}, learning.Start, ""},
		{"an item is under way", nil, []study{begin, under}, learning.InProgress, ""},
		{"an item is done", nil, []study{done}, learning.InProgress, ""},
		{"every item is done", nil, []study{done, right}, learning.Complete, event.Success},
		{"an item has failed", nil, []study{wrong, done}, learning.Complete, event.Fail},

		{"done with one item", object{"completionRule": item("some", complete)}, []study{done}, learning.Complete, event.Success},
		{"begun is not done", object{"completionRule": item("some", complete)}, []study{begin}, learning.Start, ""},
		{"never done", object{"completionRule": bob}, []study{done, right}, learning.InProgress, ""},

		{"it begins when an item is done", object{"startRule": item("some", complete)}, []study{under}, "", ""},
		{"an item is done, so it begins", object{"startRule": item("some", complete)}, []study{done}, learning.InProgress, ""},
		{"who is done need not begin", object{"startRule": bob}, []study{done, right}, learning.Complete, event.Success},
		{"nothing begins without an item", object{"startRule": true, "completionRule": true}, nil, "", ""},

		{"a wrong answer will do", object{"outcomeRule": "SUCCESS"}, []study{done, wrong}, learning.Complete, event.Success},
		{"one is not to fail", object{"outcomeRule": item("none", failed)}, []study{done, wrong}, learning.Complete, event.Fail},
		{"the outcome comes with the end", object{"outcomeRule": "SUCCESS"}, []study{wrong}, learning.InProgress, ""},
		{"no outcome", object{"outcomeRule": variable("user.externalId")}, []study{done, right}, learning.Complete, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newAcademy(t)
			w.publish(t, document("LearningPath", "short", merge(object{
				"title": "Short", "estimatedDuration": 1, "translations": []object{{"lang": "en", "title": "Short"}},
				"items": []object{{"itemId": "forum", "itemType": "slide"}, {"itemId": "hills", "itemType": "quiz"}},
			}, tt.rules)))
			a, err := w.Learning.Assign(t.Context(), learning.NewAssignment{PathID: "short", UserID: "ada"})
			require.NoError(t, err)
			for _, s := range tt.done {
				require.NoError(t, w.study(t, "ada", s))
			}
			log := w.pathLog(t, "ada", "short")
			require.Equal(t, tt.progress, log.Progress)
			require.Equal(t, tt.outcome, log.Outcome)
			read, err := w.Learning.Assignment(t.Context(), a.ID, "")
			require.NoError(t, err)
			require.Equal(t, tt.progress, read.Assignment.Progress)
			require.Equal(t, tt.outcome, read.Assignment.Outcome)
		})
	}
}
