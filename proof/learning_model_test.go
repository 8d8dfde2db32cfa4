package proof_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// study is something that a user does.
type study struct {
	quiz, slide, story, activity string
	answer                       content.Option
	progress                     learning.Progress
	action                       learning.Action
}

// studies are all that there is to do on the way through rome and greece.
var studies = []study{
	{story: "founding", action: learning.StartRead},
	{story: "founding", action: learning.CompleteRead},
	{slide: "forum", progress: learning.Start},
	{slide: "forum", progress: learning.InProgress},
	{slide: "forum", progress: learning.Complete},
	{quiz: "hills", answer: content.Option1},
	{quiz: "hills", answer: content.Option2},
	{quiz: "kings", answer: content.Option2},
	{activity: "run"},
	{slide: "agora", progress: learning.Complete},
	{quiz: "gods", answer: content.Option1},
}

// study does something and returns the error.
func (w *world) study(t tester, userID string, s study) error {
	t.Helper()
	var err error
	switch {
	case s.quiz != "":
		_, err = w.Learning.SubmitQuiz(t.Context(), learning.QuizSubmission{Submission: who(userID), QuizID: s.quiz, Answer: s.answer})
	case s.slide != "":
		_, err = w.Learning.SubmitSlide(t.Context(), learning.SlideSubmission{Submission: who(userID), SlideID: s.slide, Progress: s.progress})
	case s.story != "":
		_, err = w.Learning.SubmitStory(t.Context(), learning.StorySubmission{Submission: who(userID), StoryID: s.story, Action: s.action})
	default:
		now := *w.now.Load()
		_, err = w.Record(t.Context(), event.Event{ID: fmt.Sprintf("run-%d", now.Unix()), UserID: userID, EntityID: s.activity, At: now})
	}
	return err
}

// replay does again what an entry of the journal says somebody did.
func (w *world) replay(t tester, e guerdon.Entry) {
	t.Helper()
	w.set(e.RecordedAt)
	text := func(name string) string { v, _ := e.Event.Fields[name].(string); return v }
	s := study{progress: learning.Progress(e.Event.Progress), answer: content.Option(text("answer")), action: learning.Action(text("action"))}
	switch e.Event.Type {
	case event.Activity:
		s.activity = e.Event.EntityID
	case event.Quiz:
		s.quiz = e.Event.EntityID
	case event.Slide:
		s.slide = e.Event.EntityID
	case event.Story:
		s.story = e.Event.EntityID
	case event.Clock:
		_, err := w.Learning.Evaluate(t.Context(), e.Event.UserID)
		require.NoError(t, err)
		return
	default:
		return
	}
	require.NoError(t, w.study(t, e.Event.UserID, s))
}

// pathLog returns how far a user is with a path.
func (w *world) pathLog(t tester, userID, pathID string) learning.PathLog {
	t.Helper()
	l, err := w.Learning.PathLog(t.Context(), userID, pathID, "")
	if !errors.Is(err, fault.ErrNotFound) {
		require.NoError(t, err)
	}
	return l
}

// learned is all that can be seen of a user's learning, and of what it was paid, as JSON.
func (w *world) learned(t tester, userID string) string {
	t.Helper()
	list, _, err := w.Learning.Assignments(t.Context(), userID, learning.Query{Items: true}, store.Page{})
	require.NoError(t, err)
	stats, err := w.Learning.Stats(t.Context(), userID)
	require.NoError(t, err)
	balances, err := w.Economy.Balances(t.Context(), userID)
	require.NoError(t, err)
	return jsonOf(t, []any{list, stats, balances, w.pathLog(t, userID, "rome"), w.pathLog(t, userID, "greece")})
}

// In whatever order somebody studies, and however often: progress never moves back, a path is completed once,
// how far somebody is with a path is what its items say, and doing again what the journal says was done makes
// the same state in an empty workspace.
func TestAnyWayThroughAPath(t *testing.T) {
	requireKnown := typed(t)
	t.Parallel()
	sparsely(t, "memory", func(rt *rapid.T) {
		w := found(rt, memory.New(), "acme")
		w.academy(rt)
		assigned := rapid.IntRange(0, 12).Draw(rt, "assigned at step")
		reached := map[string]learning.Progress{}
		for step := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			w.set(start.Add(time.Duration(step+1) * time.Minute))
			if step == assigned {
				w.paths(rt, "ada")
			}
			err := w.study(rt, "ada", rapid.SampledFrom(studies).Draw(rt, "study"))
			// It may be another answer, or in a locked path.
			require.True(rt, err == nil || errors.Is(err, fault.ErrConflict) || errors.Is(err, fault.ErrForbidden), "%v", err)
			for _, id := range []string{"rome", "greece"} {
				now := w.pathLog(rt, "ada", id)
				require.GreaterOrEqual(rt, rank(now.Progress), rank(reached[id]))
				require.Equal(rt, folded(now.Items), rank(now.Progress))
				reached[id] = now.Progress
			}
		}
		entries, err := w.Journal(rt.Context(), w.first)
		require.NoError(rt, err)
		completed := map[string]int{}
		for _, e := range entries {
			requireKnown(rt, e)
			for _, c := range e.Outcome.Learning {
				if c.ItemType == learning.ItemPath && c.Progress == learning.Complete && c.AssignmentID == "" {
					completed[c.ItemID]++
				}
			}
		}
		for id, progress := range reached {
			require.Equal(rt, progress == learning.Complete, completed[id] == 1, id)
			require.LessOrEqual(rt, completed[id], 1)
		}
		again := found(rt, memory.New(), "acme")
		again.academy(rt)
		for _, e := range entries {
			again.replay(rt, e)
		}
		again.set(*w.now.Load())
		require.Equal(rt, w.learned(rt, "ada"), again.learned(rt, "ada"))
	})
}

// rank orders progress.
func rank(p learning.Progress) int {
	return slices.Index([]learning.Progress{"", learning.Start, learning.InProgress, learning.Complete}, p)
}

// folded is the rank of the progress with something whose items are that far.
func folded(items []learning.ItemProgress) int {
	begun, done := 0, 0
	most := 0
	for _, i := range items {
		most = max(most, rank(i.Progress))
		if i.Progress != "" {
			begun++
		}
		if i.Progress == learning.Complete {
			done++
		}
	}
	switch {
	case begun == 0:
		return 0
	case done == len(items):
		return rank(learning.Complete)
	}
	return min(most, rank(learning.InProgress))
}
