package guerdon_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
)

// school has a path of one slide and one quiz, and one that opens when the first is complete.
const school = `{"documents": [
  {"kind": "Slide", "id": "flour", "defaultLang": "en", "translations": [{"lang": "en", "title": "Flour", "content": {"contents": []}}]},
  {"kind": "Quiz", "id": "water", "difficulty": "EASY", "correctAnswer": "opt1", "placement": "STANDALONE", "defaultLang": "en",
    "translations": [{"lang": "en", "question": "How much water?", "opt1": "A lot", "opt2": "None", "explanation": "Dough is mostly water."}]},
  {"kind": "LearningPath", "id": "bread", "title": "Bread", "estimatedDuration": 20, "defaultLang": "en", "translations": [{"lang": "en", "title": "Bread"}],
    "items": [{"itemId": "flour", "itemType": "slide"}, {"itemId": "water", "itemType": "quiz"}]},
  {"kind": "Slide", "id": "butter", "defaultLang": "en", "translations": [{"lang": "en", "title": "Butter", "content": {"contents": []}}]},
  {"kind": "LearningPath", "id": "cake", "title": "Cake", "estimatedDuration": 40, "defaultLang": "en", "translations": [{"lang": "en", "title": "Cake"}],
    "items": [{"itemId": "butter", "itemType": "slide"}]},
  {"kind": "LearningPathRule", "id": "everybody", "name": "Everybody", "ruleType": "ASSIGN", "learningPathsPool": ["bread", "cake"], "assignmentMode": "LAZY",
    "initialVisibilityCondition": {"==": [{"var": "index"}, 0]}, "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER",
    "timeframeStartsAt": "2020-01-01T00:00:00Z", "defaultLang": "en", "translations": [{"lang": "en"}]},
  {"kind": "LearningPathRule", "id": "then-cake", "name": "Cake after bread", "ruleType": "UNLOCK", "unlockLearningPathId": "cake", "assignmentMode": "EVENT",
    "eventMatchType": "INSTANCE", "eventMatchEntity": "LearningPathLog", "eventMatchEntityId": "bread",
    "eventMatchCondition": {"==": [{"var": "progress"}, "COMPLETE"]}, "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER",
    "timeframeStartsAt": "2020-01-01T00:00:00Z", "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`

// teach returns a workspace with the school and a pupil.
func teach(ctx context.Context) *guerdon.Workspace {
	now := monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(school))
	check(err)
	_, err = ws.Learning.Evaluate(ctx, "ada")
	check(err)
	return ws
}

// A path from its first slide to its end: what a user submits moves the path, and the log of an answer leads
// to all that followed.
func ExampleWorkspace_learning() {
	ctx := context.Background()
	ws := teach(ctx)
	ada := learning.Submission{UserID: "ada"}
	_, err := ws.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: ada, SlideID: "flour", Progress: learning.Complete})
	check(err)
	log, err := ws.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: ada, QuizID: "water", Answer: "opt1"})
	check(err)
	fmt.Println(log.Outcome, log.Explanation)

	entry, err := ws.Entry(ctx, log.EventID)
	check(err)
	for _, c := range entry.Outcome.Learning {
		fmt.Println(c.ItemType, c.ItemID, c.Progress, c.Unlocked)
	}
	stats, err := ws.Learning.Stats(ctx, "ada")
	check(err)
	fmt.Println("minutes:", stats.LearningMinutes)
	// Output:
	// SUCCESS Dough is mostly water.
	// quiz water COMPLETE false
	// learningPath bread COMPLETE false
	// learningPath cake  true
	// minutes: 20
}

// Why may somebody not do this yet?
func ExampleWorkspace_learningLocks() {
	ctx := context.Background()
	ws := teach(ctx)
	_, err := ws.Learning.SubmitSlide(ctx, learning.SlideSubmission{
		Submission: learning.Submission{UserID: "ada"}, SlideID: "butter", Progress: learning.Start,
	})
	fmt.Println(errors.Is(err, fault.ErrForbidden))

	paths, err := ws.Learning.Evaluate(ctx, "ada")
	check(err)
	for _, p := range paths {
		locks, err := ws.Learning.Locks(ctx, p.Assignment.ID, "")
		check(err)
		fmt.Println(p.Path.Title, p.Assignment.Visibility)
		for _, l := range locks {
			fmt.Println(l.Name+":", l.Checks[len(l.Checks)-1].Reason)
		}
	}
	// Output:
	// true
	// Bread UNLOCKED
	// Cake LOCKED
	// Cake after bread: path bread is not begun
}

// What if somebody answers offline, and what if the key of a quiz was wrong? An answer may say when it was given; it counts then. Once the
// author has published the right key, all answers are judged by it, and all that followed from them follows anew.
func ExampleWorkspace_Regrade() {
	ctx := context.Background()
	ws := teach(ctx)
	ada := learning.Submission{UserID: "ada", At: monday.Add(-time.Hour)}
	log, err := ws.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: ada, QuizID: "water", Answer: "opt2"})
	check(err)
	fmt.Println(log.Outcome, "at", log.CompletedAt.Format("15:04"))

	quiz, err := ws.Quizzes.Get(ctx, "water")
	check(err)
	quiz.CorrectAnswer = "opt2"
	_, err = ws.Quizzes.Update(ctx, quiz)
	check(err)
	_, err = ws.Quizzes.Publish(ctx, "water")
	check(err)
	done, err := ws.Regrade(ctx, "water", guerdon.Correction{Reason: "this dough has no water"})
	check(err)
	fmt.Println("answers:", done.Answers, "changed:", done.Changed)
	log, err = ws.Learning.QuizLog(ctx, "ada", "water", "")
	check(err)
	fmt.Println(log.Outcome)
	// Output:
	// FAIL at 08:00
	// answers: 1 changed: 1
	// SUCCESS
}
