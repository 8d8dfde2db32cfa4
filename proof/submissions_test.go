package proof_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/learning"
)

// quizDoc is a quiz that is right with the first option.
func quizDoc(id string, attempts int, counted content.CountedAttempt) *content.Quiz {
	return &content.Quiz{
		Header: content.Header{ID: id, DefaultLang: "en"}, Difficulty: content.Easy, CorrectAnswer: content.Option1, Placement: content.Standalone,
		MaxAttempts: attempts, CountedAttempt: counted,
		Texts: content.Texts[content.Question]{Translations: []content.Question{{Lang: "en", Question: id, Opt1: "One", Opt2: "Two", Explanation: "Because"}}},
	}
}

// answers lets ada answer a quiz, at a moment unless that is zero.
func (g *game) answers(quizID string, attempt int, o content.Option, at time.Time) (learning.QuizLog, error) {
	s := who("ada")
	s.At = at
	return g.Learning.SubmitQuiz(g.t.Context(), learning.QuizSubmission{Submission: s, QuizID: quizID, Attempt: attempt, Answer: o})
}

// Who works offline tells later what was done: a streak of quizzes of three days is one of three, in whatever order they come.
func TestQuizzesToldLater(t *testing.T) {
	configuration := guerdontest.StreakConfiguration("quizzes", event.Matcher{Type: event.MatchEntity, Entity: "Quiz"})
	rule := guerdontest.StreakRule("daily", configuration)
	for name, order := range map[string][]int{"in order": {1, 2, 3}, "the last first": {3, 1, 2}, "backwards": {3, 2, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := play(t, configuration, rule, quizDoc("q1", 0, ""), quizDoc("q2", 0, ""), quizDoc("q3", 0, ""))
			g.set(january(3, 20))
			for _, day := range order {
				l, err := g.answers([]string{"", "q1", "q2", "q3"}[day], 0, content.Option1, january(day, 9))
				require.NoError(t, err)
				require.Equal(t, january(day, 9), l.CompletedAt)
			}
			now, err := g.Streaks.Current(t.Context(), "ada", "daily")
			require.NoError(t, err)
			require.Equal(t, 3, now.Count)
		})
	}
}

// What is told again is the same; told of an earlier time it is of then, and told of a later one it is nothing.
func TestToldAgain(t *testing.T) {
	g := play(t, slideDoc("forum"))
	g.set(january(9, 9))
	tell := func(p learning.Progress, at time.Time) learning.SlideLog {
		s := who("ada")
		s.At = at
		l, err := g.Learning.SubmitSlide(t.Context(), learning.SlideSubmission{Submission: s, SlideID: "forum", Progress: p})
		require.NoError(t, err)
		return l
	}
	head := func() int64 {
		n, err := g.Head(t.Context())
		require.NoError(t, err)
		return n
	}
	tell(learning.Complete, january(5, 9))
	n := head()
	require.Equal(t, january(5, 9), tell(learning.Complete, january(5, 9)).CompletedAt)
	require.Equal(t, n, head(), "the same is told once")
	require.Equal(t, january(5, 9), tell(learning.Complete, time.Time{}).CompletedAt)
	require.Equal(t, n, head(), "it was done before")
	require.Equal(t, january(5, 9), tell(learning.Complete, january(6, 9)).CompletedAt)
	l := tell(learning.Complete, january(4, 9))
	require.Equal(t, january(4, 9), l.CompletedAt)
	require.Equal(t, january(4, 9), l.StartedAt)
	l = tell(learning.Start, january(2, 9))
	require.Equal(t, january(4, 9), l.CompletedAt)
	require.Equal(t, january(2, 9), l.StartedAt)

	_, err := g.Learning.SubmitSlide(t.Context(), learning.SlideSubmission{
		Submission: learning.Submission{UserID: "ada", At: january(9, 10)}, SlideID: "forum", Progress: learning.Complete,
	})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "completedAt")
}

func slideDoc(id string) *content.Slide {
	return &content.Slide{
		Header: content.Header{ID: id, DefaultLang: "en"},
		Texts:  content.Texts[content.SlideText]{Translations: []content.SlideText{{Lang: "en", Title: id, Content: content.Page{Contents: []content.Block{{Type: "slide", Text: id}}}}}},
	}
}

// An answer is taken back by an author, with a reason: nothing follows from it any more, and it may be given anew.
func TestAnAnswerIsTakenBack(t *testing.T) {
	pays := guerdontest.RewardRule("pays", event.Matcher{Type: event.MatchEntity, Entity: "Quiz"}, "points", "10")
	pays.MatchCondition = json.RawMessage(`{"==": [{"var": "event.outcome"}, "SUCCESS"]}`)
	g := play(t, quizDoc("q", 0, ""), slideDoc("forum"), pays)
	l, err := g.answers("q", 0, content.Option1, time.Time{})
	require.NoError(t, err)
	require.Equal(t, "10", g.balance("ada"))
	first := l.EventID

	_, err = g.Amend(t.Context(), event.Event{ID: first, UserID: "ada", EntityID: "run"}, wrong)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "take it back, and let it be done again")
	_, err = g.Retract(t.Context(), first, wrong)
	require.NoError(t, err)
	require.Equal(t, "0", g.balance("ada"))
	_, err = g.Learning.QuizLog(t.Context(), "ada", "q", "")
	require.ErrorIs(t, err, fault.ErrNotFound)

	l, err = g.answers("q", 0, content.Option2, time.Time{})
	require.NoError(t, err)
	require.Equal(t, event.Fail, l.Outcome)
	require.NotEqual(t, first, l.EventID)
	_, err = g.answers("q", 0, content.Option1, time.Time{})
	require.ErrorIs(t, err, fault.ErrConflict)
	_, err = g.Retract(t.Context(), l.EventID, wrong)
	require.NoError(t, err)
	l, err = g.answers("q", 0, content.Option1, time.Time{})
	require.NoError(t, err)
	require.Equal(t, event.Success, l.Outcome)
	require.Equal(t, "10", g.balance("ada"))
	past, err := g.Corrections(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, past, 1)
}

// A quiz may be answered as often as it says: until an answer is right, or again and again.
func TestAttempts(t *testing.T) {
	right, wrongly := content.Option1, content.Option2
	type state struct {
		progress learning.Progress
		outcome  event.Outcome
		known    bool // what is right is told
	}
	for name, tt := range map[string]struct {
		attempts int
		counted  content.CountedAttempt
		given    []content.Option
		want     []state
		refused  string // the attempt after them
	}{
		"once":             {0, "", []content.Option{wrongly}, []state{{learning.Complete, event.Fail, true}}, "allows 1"},
		"right at once":    {3, "", []content.Option{right}, []state{{learning.Complete, event.Success, true}}, "was answered rightly"},
		"right in the end": {3, content.BestAttempt, []content.Option{wrongly, right}, []state{{learning.InProgress, event.Fail, false}, {learning.Complete, event.Success, true}}, "was answered rightly"},
		"never right": {
			2, content.BestAttempt,
			[]content.Option{wrongly, wrongly},
			[]state{{learning.InProgress, event.Fail, false}, {learning.Complete, event.Fail, true}},
			"allows 2",
		},
		"the last counts": {
			3, content.LastAttempt,
			[]content.Option{right, wrongly, right},
			[]state{{learning.Complete, event.Success, false}, {learning.Complete, event.Fail, false}, {learning.Complete, event.Success, true}},
			"allows 3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := play(t, quizDoc("q", tt.attempts, tt.counted))
			for i, o := range tt.given {
				l, err := g.answers("q", i+1, o, time.Time{})
				require.NoError(t, err)
				is := state{l.Progress, l.Outcome, l.CorrectAnswer != ""}
				require.Equal(t, tt.want[i], is)
				require.Equal(t, l.CorrectAnswer != "", l.Explanation != "")
				require.Len(t, l.Attempts, i+1)
				require.Equal(t, o, l.Attempts[i].Answer)
				again, err := g.answers("q", i+1, o, time.Time{})
				require.NoError(t, err)
				require.Equal(t, l, again)
				shown, err := g.Learning.Quiz(t.Context(), "ada", "q", "", "")
				require.NoError(t, err)
				require.Equal(t, tt.want[i].known, shown.Quiz.CorrectAnswer != "")
			}
			_, err := g.answers("q", 1, content.Option4, time.Time{})
			require.ErrorIs(t, err, fault.ErrConflict, "another answer as the same attempt")
			_, err = g.answers("q", len(tt.given)+2, right, time.Time{})
			require.ErrorIs(t, err, fault.ErrConflict, "an attempt that is not the next")
			_, err = g.answers("q", len(tt.given)+1, right, time.Time{})
			require.ErrorIs(t, err, fault.ErrConflict)
			require.ErrorContains(t, err, tt.refused)
			stats, err := g.Learning.Stats(t.Context(), "ada")
			require.NoError(t, err)
			require.Equal(t, tt.want[len(tt.want)-1].outcome == event.Success, stats.QuizSuccessRate.IsPositive())
		})
	}
}

// The key was wrong: the author publishes the right one, and all answers are judged by it, with what followed.
func TestRegrade(t *testing.T) {
	pays := guerdontest.RewardRule("pays", event.Matcher{Type: event.MatchEntity, Entity: "Quiz"}, "points", "10")
	pays.MatchCondition = json.RawMessage(`{"==": [{"var": "event.outcome"}, "SUCCESS"]}`)
	eachStore(t, func(t *testing.T, w *world) {
		g := &game{world: w, t: t}
		g.publish(guerdontest.Currency("points"), quizDoc("q", 2, content.BestAttempt), pays)
		ctx := t.Context()
		answer := func(userID string, attempt int, o content.Option) learning.QuizLog {
			l, err := g.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: who(userID), QuizID: "q", Attempt: attempt, Answer: o})
			require.NoError(t, err)
			return l
		}
		answer("ada", 1, content.Option2)
		answer("ada", 2, content.Option1)
		answer("bob", 1, content.Option1)
		require.Equal(t, []string{"10", "10"}, []string{g.balance("ada"), g.balance("bob")})
		_, err := g.Regrade(ctx, "none", wrong)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = g.Regrade(ctx, "q", guerdon.Correction{})
		require.ErrorIs(t, err, fault.ErrInvalid)
		done, err := g.Regrade(ctx, "q", wrong)
		require.NoError(t, err)
		require.Equal(t, guerdon.Regraded{QuizID: "q", Version: 1, Answers: 3}, done)

		right := quizDoc("q", 2, content.BestAttempt)
		right.CorrectAnswer = content.Option2
		g.publish(right)
		for _, changed := range []int{3, 0} { // what is judged anew twice is judged once
			done, err = g.Regrade(ctx, "q", wrong)
			require.NoError(t, err)
			require.Equal(t, guerdon.Regraded{QuizID: "q", Version: 2, Answers: done.Answers, Changed: changed}, done)
			require.Equal(t, []string{"10", "0"}, []string{g.balance("ada"), g.balance("bob")})
		}
		l, err := g.Learning.QuizLog(ctx, "ada", "q", "")
		require.NoError(t, err)
		require.Equal(t, content.Option2, l.Answer, "the first answer was right, and the second came to nothing")
		require.Len(t, l.Attempts, 1)
		require.Equal(t, content.Option2, l.CorrectAnswer)
		l, err = g.Learning.QuizLog(ctx, "bob", "q", "")
		require.NoError(t, err)
		require.Equal(t, learning.InProgress, l.Progress, "there is an attempt left")
		require.Empty(t, l.CorrectAnswer)
		require.Equal(t, event.Success, answer("bob", 2, content.Option2).Outcome)
		past, err := g.Corrections(ctx, l.Attempts[0].EventID)
		require.NoError(t, err)
		require.Len(t, past, 1)
		require.Equal(t, wrong.Reason, past[0].Correction.Reason)
	})
}

// A path that wants every item to succeed is not stuck at a wrong answer, if the quiz may be answered again.
func TestAPathWaitsForARightAnswer(t *testing.T) {
	path := &learning.Path{
		Header: content.Header{ID: "p", DefaultLang: "en"}, Title: "p",
		Texts: content.Texts[learning.Title]{Translations: []learning.Title{{Lang: "en", Title: "p"}}},
		Outline: learning.Outline{
			Items:          []learning.Item{{ItemID: "q", ItemType: learning.ItemQuiz}},
			CompletionRule: json.RawMessage(`{"all": [{"var": "items"}, {"==": [{"var": "outcome"}, "SUCCESS"]}]}`),
		},
		EstimatedDuration: new(decimal.NewFromInt(5)),
	}
	g := play(t, quizDoc("q", 2, ""), path)
	_, err := g.Learning.Assign(t.Context(), learning.NewAssignment{PathID: "p", UserID: "ada"})
	require.NoError(t, err)
	for i, o := range []content.Option{content.Option2, content.Option1} {
		_, err := g.answers("q", i+1, o, time.Time{})
		require.NoError(t, err)
		l, err := g.Learning.PathLog(t.Context(), "ada", "p", "")
		require.NoError(t, err)
		require.Equal(t, []learning.Progress{learning.InProgress, learning.Complete}[i], l.Progress)
	}
}

// What is out of use since is judged as it was: a late event folds the answer to an archived quiz again.
func TestAnArchivedQuizIsFoldedAgain(t *testing.T) {
	g := play(t, quizDoc("q", 0, ""))
	g.set(january(3))
	want, err := g.answers("q", 0, content.Option1, time.Time{})
	require.NoError(t, err)
	_, err = g.Quizzes.Archive(t.Context(), "q")
	require.NoError(t, err)
	g.set(january(4))
	_, err = g.Record(t.Context(), run("late", "ada", january(1)))
	require.NoError(t, err)
	is, err := g.Learning.QuizLog(t.Context(), "ada", "q", "")
	require.NoError(t, err)
	require.Equal(t, want, is)
	_, err = g.answers("q", 0, content.Option1, january(2))
	require.ErrorIs(t, err, fault.ErrNotFound)
}

// An answer that came to nothing, because the one before it turned out to be right, is judged with it when the key is another once more.
func TestRegradeOnceMore(t *testing.T) {
	g := play(t, quizDoc("q", 2, content.BestAttempt))
	for i, o := range []content.Option{content.Option2, content.Option1} {
		_, err := g.answers("q", i+1, o, time.Time{})
		require.NoError(t, err)
	}
	for _, key := range []content.Option{content.Option2, content.Option1} {
		quiz := quizDoc("q", 2, content.BestAttempt)
		quiz.CorrectAnswer = key
		g.publish(quiz)
		_, err := g.Regrade(t.Context(), "q", wrong)
		require.NoError(t, err)
		l, err := g.Learning.QuizLog(t.Context(), "ada", "q", "")
		require.NoError(t, err)
		require.Equal(t, key, l.Answer)
		require.Equal(t, event.Success, l.Outcome)
	}
}
