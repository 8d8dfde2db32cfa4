package proof_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// academy makes the world one in which the path rome, of a story, a slide, a group with two quizzes and the
// activity run, opens the path greece. Completing a path pays ten points, a right answer one.
func (w *world) academy(t tester) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "academy.json"))
	require.NoError(t, err)
	_, err = w.Import(t.Context(), b)
	require.NoError(t, err)
}

func newAcademy(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, memory.New())
	w.academy(t)
	return w
}

// who returns a submission of a user.
func who(userID string) learning.Submission { return learning.Submission{UserID: userID} }

// answer submits an answer.
func (w *world) answer(t tester, userID, quizID string, o content.Option) learning.QuizLog {
	t.Helper()
	l, err := w.Learning.SubmitQuiz(t.Context(), learning.QuizSubmission{Submission: who(userID), QuizID: quizID, Answer: o})
	require.NoError(t, err)
	return l
}

// rome does all of the path rome but the steps named.
func (w *world) rome(t tester, userID string, but ...string) {
	t.Helper()
	steps := map[string]func(){
		"founding": func() {
			_, err := w.Learning.SubmitStory(t.Context(), learning.StorySubmission{Submission: who(userID), StoryID: "founding", Action: learning.CompleteRead})
			require.NoError(t, err)
		},
		"forum": func() {
			_, err := w.Learning.SubmitSlide(t.Context(), learning.SlideSubmission{Submission: who(userID), SlideID: "forum", Progress: learning.Complete})
			require.NoError(t, err)
		},
		"hills": func() { w.answer(t, userID, "hills", content.Option2) },
		"kings": func() { w.answer(t, userID, "kings", content.Option2) },
		"run": func() {
			_, err := w.Record(t.Context(), run("run-"+userID, userID, *w.now.Load()))
			require.NoError(t, err)
		},
	}
	for _, skip := range but {
		delete(steps, skip)
	}
	for _, id := range []string{"founding", "forum", "hills", "kings", "run"} {
		if step := steps[id]; step != nil {
			step()
		}
	}
}

// paths returns a user's assignments by path.
func (w *world) paths(t tester, userID string) map[string]learning.AssignedPath {
	t.Helper()
	list, err := w.Learning.Evaluate(t.Context(), userID)
	require.NoError(t, err)
	byPath := map[string]learning.AssignedPath{}
	for _, a := range list {
		byPath[a.Assignment.PathID] = a
	}
	return byPath
}

// learned shows what an outcome says of learning, and whether a path was unlocked.
func learned(o guerdon.Outcome) (all []string) {
	for _, c := range o.Learning {
		all = append(all, fmt.Sprintf("%s %s %s %v", c.ItemType, c.ItemID, c.Progress, c.Unlocked))
	}
	return all
}

func TestLearningFromTheFirstSlideToTheNextPath(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, w *world) {
		w.academy(t)
		ctx := t.Context()
		mine := w.paths(t, "ada")
		require.Equal(t, learning.Unlocked, mine["rome"].Assignment.Visibility)
		require.Equal(t, learning.Locked, mine["greece"].Assignment.Visibility)
		require.Equal(t, learning.StatusNotStarted, mine["rome"].Progress.Status)
		require.Equal(t, 4, mine["rome"].Progress.Total)

		w.rome(t, "ada", "kings")
		mine = w.paths(t, "ada")
		require.Equal(t, learning.StatusInProgress, mine["rome"].Progress.Status)
		require.Equal(t, 75, mine["rome"].Progress.Percentage)
		require.Equal(t, "test", mine["rome"].Progress.CurrentItemID)
		require.Equal(t, learning.Locked, mine["greece"].Assignment.Visibility)
		_, err := w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who("ada"), SlideID: "agora", Progress: learning.Start})
		require.ErrorIs(t, err, fault.ErrForbidden)
		require.ErrorContains(t, err, `rule "open-greece" unlocks it`)
		require.ErrorContains(t, err, "path rome is in IN_PROGRESS")

		log := w.answer(t, "ada", "kings", content.Option1) // wrong
		require.Equal(t, event.Fail, log.Outcome)
		require.Equal(t, content.Option2, log.CorrectAnswer)
		require.Equal(t, "Seven, from Romulus to Tarquin.", log.Explanation)
		entry, err := w.Entry(ctx, log.EventID)
		require.NoError(t, err)
		require.Equal(t, []string{
			"quiz kings COMPLETE false", "learningGroup test COMPLETE false", "learningPath rome COMPLETE false", "learningPath greece  true",
		}, learned(entry.Outcome))
		mine = w.paths(t, "ada")
		require.Equal(t, learning.StatusCompleted, mine["rome"].Progress.Status)
		require.Equal(t, event.Fail, mine["rome"].Progress.Outcome)
		require.Equal(t, learning.Unlocked, mine["greece"].Assignment.Visibility)
		require.Equal(t, "open-greece", mine["greece"].Assignment.UnlockedByRuleID)

		balance, err := w.Economy.Balance(ctx, "ada", "points")
		require.NoError(t, err)
		require.Equal(t, "12", balance.Amount.String()) // the path, one right answer, one run
		stats, err := w.Learning.Stats(ctx, "ada")
		require.NoError(t, err)
		require.Equal(t, 1, stats.CompletedPaths)
		require.Equal(t, "0.5", stats.QuizSuccessRate.String())
		require.Equal(t, "45", stats.LearningMinutes.String())
		require.Equal(t, 5, stats.TotalActivities)
	})
}

func TestSubmittingAgain(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.paths(t, "ada")
	first := w.answer(t, "ada", "hills", content.Option1)
	require.Equal(t, "quiz:hills:ada:default", first.EventID)
	head := w.head(t)
	w.set(start.Add(time.Hour))
	require.Equal(t, first, w.answer(t, "ada", "hills", content.Option1))
	_, err := w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: who("ada"), QuizID: "hills", Answer: content.Option2})
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorContains(t, err, "answer: ")

	slide := func(p learning.Progress) learning.SlideLog {
		l, err := w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who("ada"), SlideID: "forum", Progress: p})
		require.NoError(t, err)
		return l
	}
	require.Equal(t, head, w.head(t))
	begun := slide(learning.InProgress)
	require.Equal(t, begun, slide(learning.Start))
	require.Equal(t, begun, slide(learning.InProgress))
	require.Equal(t, head+1, w.head(t))
	require.Equal(t, begun.StartedAt, slide(learning.Complete).StartedAt)

	story := func(a learning.Action) learning.StoryLog {
		l, err := w.Learning.SubmitStory(ctx, learning.StorySubmission{Submission: who("ada"), StoryID: "founding", Action: a})
		require.NoError(t, err)
		return l
	}
	untouched := story(learning.Unbookmark) // there is nothing to take back
	require.Equal(t, "ada founding false", fmt.Sprint(untouched.UserID, " ", untouched.StoryID, " ", untouched.Bookmarked))
	require.True(t, story(learning.Bookmark).Bookmarked)
	require.True(t, story(learning.Bookmark).Bookmarked)
	require.False(t, story(learning.Unbookmark).Bookmarked)
	require.True(t, story(learning.Bookmark).Bookmarked)
	require.Equal(t, []int{0}, story(learning.Share).Shared)
	require.Equal(t, []int{0}, story(learning.Share).Shared)
	require.Empty(t, story(learning.Share).Progress)
	require.Equal(t, learning.Start, story(learning.StartRead).Progress)
	require.Equal(t, learning.Complete, story(learning.CompleteRead).Progress)
	require.Equal(t, learning.Complete, story(learning.StartRead).Progress)
	require.Equal(t, head+2+3+1+2, w.head(t))
}

func TestBadSubmissionsChangeNothing(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.paths(t, "ada")
	_, err := w.Users.Suspend(ctx, "eve")
	require.NoError(t, err)
	quiz := func(s learning.Submission, id string, o content.Option) error {
		_, err := w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: s, QuizID: id, Answer: o})
		return err
	}
	in := func(kind content.ParentType, id string) learning.Submission {
		return learning.Submission{UserID: "ada", Parent: content.Parent{ParentID: id, ParentType: kind}}
	}
	before := w.head(t)
	for _, tt := range []struct {
		name   string
		err    error
		kind   error
		reason string
	}{
		{"no user", quiz(who(""), "hills", "opt1"), fault.ErrInvalid, "userId: is empty"},
		{"unknown user", quiz(who("zoe"), "hills", "opt1"), fault.ErrNotFound, `userId: "zoe" not found`},
		{"suspended", quiz(who("eve"), "hills", "opt1"), fault.ErrForbidden, `userId: "eve" is suspended`},
		{"no quiz", quiz(who("ada"), "", "opt1"), fault.ErrInvalid, "quizId: is empty"},
		{"unknown quiz", quiz(who("ada"), "popes", "opt1"), fault.ErrNotFound, `quizId: "popes" not found`},
		{"no answer", quiz(who("ada"), "hills", ""), fault.ErrInvalid, `answer: "" is none`},
		{"no such option", quiz(who("ada"), "hills", "opt4"), fault.ErrInvalid, `answer: "opt4" is none`},
		{"context", quiz(learning.Submission{UserID: "ada", Context: "a/b"}, "hills", "opt1"), fault.ErrInvalid, "context: holds '/'"},
		{"parent type", quiz(in("path", "rome"), "hills", "opt1"), fault.ErrInvalid, `parentType: "path" is none`},
		{"unknown parent", quiz(in(content.ParentPath, "egypt"), "hills", "opt1"), fault.ErrNotFound, `parentId: "egypt" not found`},
		{"not in the parent", quiz(in(content.ParentPath, "greece"), "hills", "opt1"), fault.ErrInvalid, "learningPath greece does not hold quiz hills"},
		{"locked parent", quiz(in(content.ParentPath, "greece"), "gods", "opt1"), fault.ErrForbidden, `assignment "ada:newcomers:greece:PERMANENT" of path "greece" is locked`},
		{"not assigned", quiz(learning.Submission{UserID: "bob", Parent: content.Parent{ParentID: "rome", ParentType: content.ParentPath}}, "hills", "opt1"), fault.ErrForbidden, `is not assigned to user "bob"`},
	} {
		require.ErrorIs(t, tt.err, tt.kind, tt.name)
		require.ErrorContains(t, tt.err, tt.reason, tt.name)
	}
	_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who("ada"), SlideID: "forum", Progress: "DONE"})
	require.ErrorContains(t, err, `progress: "DONE" is none`)
	_, err = w.Learning.SubmitStory(ctx, learning.StorySubmission{Submission: who("ada"), StoryID: "founding", Action: "LIKE"})
	require.ErrorContains(t, err, `action: "LIKE" is none`)
	_, err = w.Learning.SubmitStory(ctx, learning.StorySubmission{Submission: who("ada"), StoryID: "founding", Action: learning.Share, ContentID: -1})
	require.ErrorContains(t, err, "contentId: is -1")
	require.Equal(t, before, w.head(t))
	_, err = w.Learning.QuizLog(ctx, "ada", "hills", "")
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestAnActivityTellsWhatItMoved(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	w.paths(t, "ada")
	w.set(start.Add(time.Hour))
	out, err := w.Record(t.Context(), run("first", "ada", start.Add(time.Hour)))
	require.NoError(t, err)
	require.Equal(t, []string{"activity run COMPLETE false", "learningPath rome IN_PROGRESS false"}, learned(out))
	out, err = w.Record(t.Context(), run("second", "ada", start.Add(time.Hour)))
	require.NoError(t, err)
	require.Empty(t, learned(out), "it is done already")
}

func TestAssignmentsByHand(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.rome(t, "bob", "run") // before anything is assigned: it counts afterwards
	w.set(start.Add(time.Hour))
	a, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "rome", UserID: "bob", StartsAt: start.AddDate(0, 0, -1), EndsAt: start.AddDate(0, 0, 7)})
	require.NoError(t, err)
	require.Equal(t, timeframe.Active, a.State)
	require.Equal(t, learning.InProgress, a.Progress)
	_, err = w.Learning.Assign(ctx, learning.NewAssignment{PathID: "rome", UserID: "bob", StartsAt: start.AddDate(0, 0, -1), EndsAt: start.AddDate(0, 0, 9)})
	require.ErrorIs(t, err, fault.ErrExists)
	_, err = w.Record(ctx, run("late", "bob", start.Add(time.Minute)))
	require.NoError(t, err)
	read, err := w.Learning.Assignment(ctx, a.ID, "")
	require.NoError(t, err)
	require.Equal(t, learning.StatusCompleted, read.Progress.Status)
	require.Equal(t, event.Success, read.Progress.Outcome)
	require.Equal(t, start.Add(time.Minute), read.Progress.CompletedAt)
	require.Len(t, read.Items, 4)

	for _, tt := range []struct {
		n      learning.NewAssignment
		kind   error
		reason string
	}{
		{learning.NewAssignment{PathID: "egypt", UserID: "bob"}, fault.ErrNotFound, "learningPathId"},
		{learning.NewAssignment{PathID: "rome", UserID: "zoe"}, fault.ErrNotFound, "userId"},
		{learning.NewAssignment{PathID: "rome", UserID: "bob", EndsAt: start}, fault.ErrInvalid, "endsAt: must be after startsAt"},
		{learning.NewAssignment{PathID: "rome", UserID: "bob", StartsAt: start.AddDate(0, 0, -1), EndsAt: start}, fault.ErrInvalid, "endsAt: is over already"},
		{learning.NewAssignment{PathID: "rome", UserID: "bob", Visibility: "HIDDEN"}, fault.ErrInvalid, `visibility: "HIDDEN"`},
		{learning.NewAssignment{PathID: "rome", UserID: "bob", EndsAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, fault.ErrInvalid, "endsAt: is outside"},
	} {
		_, err := w.Learning.Assign(ctx, tt.n)
		require.ErrorIs(t, err, tt.kind)
		require.ErrorContains(t, err, tt.reason)
	}
	coming, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "greece", UserID: "ada", StartsAt: w.now.Load().Add(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, timeframe.Pending, coming.State)
	_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who("ada"), SlideID: "agora", Progress: learning.Start})
	require.ErrorIs(t, err, fault.ErrForbidden)
	require.ErrorContains(t, err, "begins at "+coming.StartsAt.Format(time.RFC3339))
	ended, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "greece", UserID: "bob", EndsAt: start.Add(2 * time.Hour)})
	require.NoError(t, err)
	w.set(start.Add(3 * time.Hour))
	_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who("bob"), SlideID: "agora", Progress: learning.Start})
	require.ErrorIs(t, err, fault.ErrForbidden)
	require.ErrorContains(t, err, "ended at 2025-09-29T11:00:00Z")
	list, _, err := w.Learning.Assignments(ctx, "bob", learning.Query{State: timeframe.Ended}, store.Page{})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, ended.ID, list[0].Assignment.ID)
	learners, _, err := w.Learning.Learners(ctx, "rome", learning.LearnerFilter{}, store.Page{})
	require.NoError(t, err)
	require.Len(t, learners, 1)
	require.Equal(t, "bob", learners[0].UserID)
	require.NoError(t, w.Learning.Unassign(ctx, ended.ID))
	require.ErrorIs(t, w.Learning.Unassign(ctx, ended.ID), fault.ErrNotFound)
}

func TestAListOfAssignmentsShowsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.paths(t, "ada") // rome, and greece behind it
	w.rome(t, "ada", "kings")
	_, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "greece", UserID: "ada", StartsAt: start.AddDate(0, 0, 1)})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		query learning.Query
		want  []string
	}{
		"all":                {learning.Query{}, []string{"rome ACTIVE UNLOCKED IN_PROGRESS", "greece ACTIVE LOCKED NOT_STARTED", "greece PENDING UNLOCKED NOT_STARTED"}},
		"pending":            {learning.Query{State: timeframe.Pending}, []string{"greece PENDING UNLOCKED NOT_STARTED"}},
		"locked":             {learning.Query{Visibility: learning.Locked}, []string{"greece ACTIVE LOCKED NOT_STARTED"}},
		"under way":          {learning.Query{Status: learning.StatusInProgress}, []string{"rome ACTIVE UNLOCKED IN_PROGRESS"}},
		"active and open":    {learning.Query{State: timeframe.Active, Visibility: learning.Unlocked}, []string{"rome ACTIVE UNLOCKED IN_PROGRESS"}},
		"locked and pending": {learning.Query{State: timeframe.Pending, Visibility: learning.Locked}, nil},
	} {
		list, _, err := w.Learning.Assignments(ctx, "ada", tt.query, store.Page{})
		require.NoError(t, err, name)
		var got []string
		for _, a := range list {
			got = append(got, fmt.Sprintf("%s %s %s %s", a.Assignment.PathID, a.Assignment.State, a.Assignment.Visibility, a.Progress.Status))
		}
		require.ElementsMatch(t, tt.want, got, name)
	}
}

func TestUnlockedByWhatHadHappenedBefore(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	_, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "rome", UserID: "bob"})
	require.NoError(t, err)
	w.rome(t, "bob")
	a, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "greece", UserID: "bob", Visibility: learning.Locked})
	require.NoError(t, err)
	require.Equal(t, learning.Unlocked, a.Visibility)
}

func TestVersionsOfWhoIsInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.paths(t, "ada")
	w.paths(t, "bob")
	w.answer(t, "ada", "hills", content.Option2)
	rome, err := w.Learning.Paths.Get(ctx, "rome")
	require.NoError(t, err)

	w.set(start.Add(time.Hour)) // another quiz joins the path
	rome.Items = append(rome.Items, learning.Item{ItemID: "emperors", ItemType: learning.ItemQuiz})
	rome.Title = "Rome again"
	_, err = w.Learning.Paths.Update(ctx, rome)
	require.NoError(t, err)
	_, err = w.Learning.Paths.Publish(ctx, "rome")
	require.NoError(t, err)
	require.Equal(t, 4, w.paths(t, "ada")["rome"].Progress.Total)
	require.Equal(t, "Rome", w.paths(t, "ada")["rome"].Path.Title)
	require.Equal(t, 5, w.paths(t, "bob")["rome"].Progress.Total)
	pins, err := w.Learning.Versions(ctx, w.paths(t, "ada")["rome"].Assignment.ID)
	require.NoError(t, err)
	require.Contains(t, pins, content.Pin{Kind: "LearningPath", ID: "rome", Version: 1})

	w.set(start.Add(2 * time.Hour)) // and is for those in the middle too
	rome, err = w.Learning.Paths.Get(ctx, "rome")
	require.NoError(t, err)
	rome.Title = "Rome for all"
	_, err = w.Learning.Paths.Update(ctx, rome)
	require.NoError(t, err)
	_, err = w.Learning.Paths.Publish(ctx, "rome", content.Reopen)
	require.NoError(t, err)
	require.Equal(t, 5, w.paths(t, "ada")["rome"].Progress.Total)
	w.rome(t, "ada", "hills")
	require.Equal(t, learning.StatusInProgress, w.paths(t, "ada")["rome"].Progress.Status)
	w.answer(t, "ada", "emperors", content.Option1)
	require.Equal(t, learning.StatusCompleted, w.paths(t, "ada")["rome"].Progress.Status)
}

func TestAPathThatContainsItself(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	group := func(id string, items ...learning.Item) error {
		g := learning.Group{Texts: content.Texts[learning.Title]{Translations: []learning.Title{{Lang: "en", Title: id}}}, Title: id}
		g.ID, g.DefaultLang, g.Items = id, "en", items
		if _, err := w.Learning.Groups.Create(ctx, g); err != nil {
			if _, err = w.Learning.Groups.Update(ctx, g); err != nil {
				return err
			}
		}
		_, err := w.Learning.Groups.Publish(ctx, id)
		return err
	}
	in := func(id string) learning.Item { return learning.Item{ItemID: id, ItemType: learning.ItemGroup} }
	require.NoError(t, group("a"))
	require.NoError(t, group("b", in("a")))
	require.NoError(t, group("c", in("b")))
	err := group("a", learning.Item{ItemID: "hills", ItemType: learning.ItemQuiz}, in("c"))
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "items[1].itemId: leads back to the document itself: c holds b holds a")
	for i := range learning.MaxNesting - 2 {
		require.NoError(t, group(fmt.Sprintf("d%d", i+1), in(map[bool]string{true: "c", false: fmt.Sprintf("d%d", i)}[i == 0])))
	}
	require.ErrorContains(t, group("e", in("d3")), "groups inside one another")
}

// A group that two others hold is one, and what is wrong with it is said once.
func TestAGroupInTwoOthers(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	holding := func(kind, id string, more object, items ...object) object {
		return document(kind, id, merge(object{
			"title": id, "translations": []object{{"lang": "en", "title": id}}, "items": items,
		}, more))
	}
	in := func(id string) object { return object{"itemId": id, "itemType": "learningGroup"} }
	w.publish(
		t,
		holding("LearningGroup", "inner", object{"outcomeRule": variable("user.externalId")}, object{"itemId": "forum", "itemType": "slide"}),
		holding("LearningGroup", "left", nil, in("inner")),
		holding("LearningGroup", "right", nil, in("inner")),
		holding("LearningPath", "both", object{"estimatedDuration": 1}, in("left"), in("right")),
	)
	_, err := w.Learning.Assign(t.Context(), learning.NewAssignment{PathID: "both", UserID: "ada"})
	require.NoError(t, err)
	require.NoError(t, w.study(t, "ada", study{slide: "forum", progress: learning.Complete}))
	entries, err := w.Journal(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, entries[len(entries)-1].Outcome.Problems, 1)
}

func TestExplainOfLearningPathRules(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.paths(t, "ada")
	w.rome(t, "ada", "kings")
	half := "story:founding:ada:default:COMPLETE"
	x, err := w.Explain(ctx, half, "LearningPathRule", "open-greece")
	require.NoError(t, err)
	require.False(t, x.Moved)
	require.Equal(t, "eventMatchCondition", x.Checks[len(x.Checks)-1].Name)
	log := w.answer(t, "ada", "kings", content.Option2)
	x, err = w.Explain(ctx, log.EventID, "LearningPathRule", "open-greece")
	require.NoError(t, err)
	require.True(t, x.Moved, x.String())
	require.Equal(t, "learningPath:rome:ada:default:COMPLETE", x.EventID)
	x, err = w.Explain(ctx, log.EventID, "LearningPathRule", "newcomers")
	require.NoError(t, err)
	require.False(t, x.Moved)
	require.Contains(t, x.String(), "it is LAZY")
	entries, err := w.Journal(ctx, w.first)
	require.NoError(t, err)
	x, err = w.Explain(ctx, entries[0].Event.ID, "LearningPathRule", "newcomers")
	require.NoError(t, err)
	require.True(t, x.Moved, x.String())
}

func TestWhatALearnerSees(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	_, err := w.Users.Update(ctx, "ada", tenancy.UserPatch{Lang: new("it")})
	require.NoError(t, err)
	_, err = w.Import(ctx, []byte(`{"documents": [
		{"kind": "LearningGroup", "id": "walks", "title": "Walks", "description": "On foot.", "items": [{"itemId": "forum", "itemType": "slide"}],
		"defaultLang": "en", "translations": [{"lang": "en", "title": "Walks"}, {"lang": "it", "title": "Passeggiate", "description": "A piedi."}]},
		{"kind": "LearningPath", "id": "tongues", "title": "Tongues", "description": "Of Rome.", "estimatedDuration": 1, "items": [
		{"itemId": "forum", "itemType": "slide"}, {"itemId": "hills", "itemType": "quiz", "languages": ["it"]}, {"itemId": "kings", "itemType": "quiz", "languages": ["en"]},
		{"itemId": "walks", "itemType": "learningGroup"}],
		"defaultLang": "en", "translations": [{"lang": "en", "title": "Tongues"}, {"lang": "it", "title": "Lingue"}]}]}`))
	require.NoError(t, err)
	a, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "tongues", UserID: "ada"})
	require.NoError(t, err)
	see := func(lang string) learning.AssignedPath {
		read, err := w.Learning.Assignment(ctx, a.ID, lang)
		require.NoError(t, err)
		return read
	}
	mine := see("")
	require.Equal(t, "Lingue", mine.Path.Title)
	require.Equal(t, "Of Rome.", mine.Path.Description, "there is none in Italian")
	require.Len(t, mine.Items, 3)
	require.Equal(t, "Passeggiate", mine.Items[2].Group.Title)
	require.Equal(t, "A piedi.", mine.Items[2].Group.Description)
	require.Equal(t, "Il foro", mine.Items[0].Slide.Translations[0].Title)
	quiz := mine.Items[1].Quiz
	require.Equal(t, "Quanti colli?", quiz.Translations[0].Question)
	require.Empty(t, quiz.CorrectAnswer)
	require.Empty(t, quiz.Translations[0].Explanation)
	require.Equal(t, "The forum", see("en-GB").Items[0].Slide.Translations[0].Title)
	_, err = w.Learning.Assignment(ctx, a.ID, "!")
	require.ErrorIs(t, err, fault.ErrInvalid)

	greece := w.paths(t, "ada")["greece"].Assignment.ID
	for lang, want := range map[string]string{"": "Prima viene Roma.", "en-GB": "Rome comes first.", "ja": "Rome comes first."} {
		locks, err := w.Learning.Locks(ctx, greece, lang)
		require.NoError(t, err)
		require.Len(t, locks, 1)
		require.Equal(t, want, locks[0].Description, lang)
	}
	_, err = w.Learning.Locks(ctx, greece, "!")
	require.ErrorIs(t, err, fault.ErrInvalid)

	log := w.answer(t, "ada", "hills", content.Option1)
	require.Equal(t, "I sette colli.", log.Explanation)
	quiz = see("").Items[1].Quiz
	require.Equal(t, content.Option2, quiz.CorrectAnswer)
	require.Equal(t, "I sette colli.", quiz.Translations[0].Explanation)
	_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who("ada"), SlideID: "forum", Progress: learning.Complete})
	require.NoError(t, err)
	require.Equal(t, learning.StatusCompleted, see("").Progress.Status, "the quiz for others is not asked of the learner")
	alone, err := w.Learning.Quiz(ctx, "bob", "hills", "", "it")
	require.NoError(t, err)
	require.Empty(t, alone.Quiz.CorrectAnswer)
}

func TestLearningMovesTheOtherMechanics(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.publish(t,
		document("MissionConfiguration", "answers", object{"missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Quiz", "targetAmountExpression": 2}),
		document("MissionConfiguration", "courses", object{
			"missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "LearningPath", "matchEntityId": "rome", "matchCondition": object{"==": []any{object{"var": "progress"}, "COMPLETE"}},
		}),
		document("StreakConfiguration", "reading", object{"matchType": "ENTITY", "matchEntity": "Slide"}),
		document("StreakRule", "readers", always(object{"streakConfigurationId": "reading", "cadence": "DAY", "metric": "DAYS", "freezeEnabled": false})),
	)
	for _, source := range []string{"quiz_logs", "slide_logs", "story_logs", "learning_group_logs", "learning_path_logs"} {
		w.publish(t,
			document("RuntimeLeaderboardConfiguration", "by-"+source, object{"query": object{"source": source, "entityId": "userId", "score": object{"count": nil}}}),
			document("RuntimeLeaderboard", source, always(object{"runtimeLeaderboardConfigurationId": "by-" + source})))
	}
	for _, id := range []string{"answers", "courses"} {
		_, err := w.Missions.Create(ctx, missions.NewMission{ConfigurationID: id, UserID: "ada"})
		require.NoError(t, err)
	}
	w.paths(t, "ada")
	w.rome(t, "ada")
	list, _, err := w.Missions.List(ctx, "ada", missions.Query{}, store.Page{})
	require.NoError(t, err)
	completed := map[string]bool{}
	for _, m := range list {
		completed[m.ConfigurationID] = m.IsCompleted
	}
	require.True(t, completed["answers"])
	require.True(t, completed["courses"])
	streak, err := w.Streaks.Current(ctx, "ada", "readers")
	require.NoError(t, err)
	require.Equal(t, 1, streak.Count)
	for source, want := range map[string]string{
		"quiz_logs": "2", "slide_logs": "1", "story_logs": "1",
		"learning_group_logs": "2", "learning_path_logs": "2", // IN_PROGRESS, then COMPLETE
	} {
		row, err := w.Leaderboards.Rank(ctx, source, "ada", nil)
		require.NoError(t, err, source)
		require.Equal(t, want, row.Score.String(), source)
	}
}

func TestLearningAnewInEveryPeriod(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.publish(t, document("LearningPathRule", "daily", object{
		"ruleType": "ASSIGN", "learningPathsPool": []string{"greece"}, "assignmentMode": "LAZY", "timeframeType": "RECURRING", "recurrence": "DAILY",
		"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-09-01T00:00:00Z",
		"usersMatchCondition": object{"==": []any{object{"var": "user.userId"}, "eve"}},
	}))
	for day := range 3 {
		w.set(start.AddDate(0, 0, day))
		_, err := w.Learning.Evaluate(ctx, "eve")
		require.NoError(t, err)
		s := learning.Submission{UserID: "eve", Context: w.now.Load().Format(time.DateOnly)}
		_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: s, SlideID: "agora", Progress: learning.Complete})
		require.NoError(t, err)
		_, err = w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: s, QuizID: "gods", Answer: content.Option1})
		require.NoError(t, err)
		if day == 2 { // yesterday's is over
			s.Context = start.AddDate(0, 0, 1).Format(time.DateOnly)
			_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: s, SlideID: "agora", Progress: learning.Complete})
			require.NoError(t, err, "a repeat gives the first log")
			s.Context = start.AddDate(0, 0, 2).Format(time.DateOnly)
		}
	}
	stats, err := w.Learning.Stats(ctx, "eve")
	require.NoError(t, err)
	require.Equal(t, 3, stats.CompletedPaths)
	done, next, err := w.Learning.Assignments(ctx, "eve", learning.Query{Status: learning.StatusCompleted, State: timeframe.Ended}, store.Page{Limit: 1})
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.NotEmpty(t, next)
	done, next, err = w.Learning.Assignments(ctx, "eve", learning.Query{Status: learning.StatusCompleted, State: timeframe.Ended}, store.Page{Limit: 1, Token: next})
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.Empty(t, next)
}

func TestAParentLimitsWhereASubmissionCounts(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.publish(t, document("LearningPath", "hills-only", object{
		"title": "Hills", "estimatedDuration": 1, "items": []object{{"itemId": "hills", "itemType": "quiz"}}, "translations": []object{{"lang": "en", "title": "Hills"}},
	}))
	for _, id := range []string{"rome", "hills-only"} {
		_, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: id, UserID: "ada"})
		require.NoError(t, err)
	}
	in := func(id string) learning.QuizLog {
		s := learning.Submission{UserID: "ada", Parent: content.Parent{ParentID: id, ParentType: content.ParentPath}}
		l, err := w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: s, QuizID: "hills", Answer: content.Option2})
		require.NoError(t, err)
		return l
	}
	first := in("rome")
	require.Equal(t, learning.InProgress, w.pathLog(t, "ada", "rome").Progress)
	require.Empty(t, w.pathLog(t, "ada", "hills-only").Progress)
	require.Equal(t, first, w.answer(t, "ada", "hills", content.Option2))
	require.Empty(t, w.pathLog(t, "ada", "hills-only").Progress, "without a parent, none is added")
	require.Equal(t, first, in("hills-only"))
	require.Equal(t, learning.Complete, w.pathLog(t, "ada", "hills-only").Progress)
}

// What is begun below one parent may be done below another: it counts below both, also if the first is gone.
func TestASubmissionGoesOnBelowAnotherParent(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{false, true} {
		w := newAcademy(t)
		ctx := t.Context()
		w.publish(t, document("LearningPath", "forum-only", object{
			"title": "Forum", "estimatedDuration": 1, "items": []object{{"itemId": "forum", "itemType": "slide"}}, "translations": []object{{"lang": "en", "title": "Forum"}},
		}))
		in := func(path string, progress learning.Progress) {
			s := learning.Submission{UserID: "ada", Parent: content.Parent{ParentID: path, ParentType: content.ParentPath}}
			_, err := w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: s, SlideID: "forum", Progress: progress})
			require.NoError(t, err)
		}
		rome, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "rome", UserID: "ada"})
		require.NoError(t, err)
		_, err = w.Learning.Assign(ctx, learning.NewAssignment{PathID: "forum-only", UserID: "ada"})
		require.NoError(t, err)
		in("rome", learning.Start)
		if gone {
			require.NoError(t, w.Learning.Unassign(ctx, rome.ID))
		}
		in("forum-only", learning.Complete)
		require.Equal(t, learning.Complete, w.pathLog(t, "ada", "forum-only").Progress)
		want := map[bool]learning.Progress{false: learning.InProgress, true: learning.Start}[gone]
		require.Equal(t, want, w.pathLog(t, "ada", "rome").Progress)
	}
}

func TestAGroupWithItsChildren(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	quiz := func(id, correct string) *content.Quiz {
		q := &content.Quiz{Difficulty: content.Easy, CorrectAnswer: content.Option(correct), Placement: content.Standalone}
		q.ID, q.DefaultLang = id, "en"
		q.Translations = []content.Question{{Lang: "en", Question: "Which?", Opt1: "This", Opt2: "That"}}
		return q
	}
	group := func(id string, children ...learning.Child) learning.NewGroup {
		g := learning.Group{Title: id}
		g.ID, g.DefaultLang, g.Translations = id, "en", []learning.Title{{Lang: "en", Title: id}}
		return learning.NewGroup{Group: g, Children: children}
	}
	inner := group("inner", learning.Child{Quiz: quiz("bad", "opt3")})
	_, err := w.Learning.CreateGroup(ctx, group("outer", learning.Child{Quiz: quiz("one", "opt1")}, learning.Child{Group: &inner}), true)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "items[1].items[0].correctAnswer")
	_, err = w.Quizzes.Get(ctx, "one")
	require.ErrorIs(t, err, fault.ErrNotFound, "all or nothing")
	_, err = w.Learning.CreateGroup(ctx, group("outer", learning.Child{}), true)
	require.ErrorContains(t, err, "items[0]: is 0 things")
	nested := func(name string, groups int) learning.NewGroup {
		g := group(name + "1")
		for i := 2; i <= groups; i++ {
			g = group(fmt.Sprint(name, i), learning.Child{Group: new(g)})
		}
		return g
	}
	_, err = w.Learning.CreateGroup(ctx, nested("fits", learning.MaxNesting), false)
	require.NoError(t, err)
	_, err = w.Learning.CreateGroup(ctx, nested("deep", learning.MaxNesting+1), false)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "items[0].items[0].items[0].items[0].items[0]: is a group inside 5 others")

	inner.Children[0].Quiz.CorrectAnswer = content.Option2
	g, err := w.Learning.CreateGroup(ctx, group("outer",
		learning.Child{Quiz: quiz("one", "opt1"), Languages: []string{"en"}}, learning.Child{Group: &inner},
		learning.Child{Reference: &learning.Item{ItemID: "forum", ItemType: learning.ItemSlide}}), true)
	require.NoError(t, err)
	require.Equal(t, content.Published, g.Stage)
	require.Equal(t, []learning.Item{
		{ItemID: "one", ItemType: learning.ItemQuiz, Languages: []string{"en"}},
		{ItemID: "inner", ItemType: learning.ItemGroup},
		{ItemID: "forum", ItemType: learning.ItemSlide},
	}, g.Items)

	s := learning.Submission{UserID: "ada", Parent: content.Parent{ParentID: "inner", ParentType: content.ParentGroup}}
	_, err = w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: s, QuizID: "bad", Answer: content.Option2})
	require.NoError(t, err)
	log, err := w.Learning.GroupLog(ctx, "ada", "inner", "")
	require.NoError(t, err)
	require.Equal(t, learning.Complete, log.Progress, "a group may be worked on by itself")
}

// A group is shown as its user is on it, whether a path holds it or not, and its logs are listed.
func TestGroupsOfALearner(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	inner := guerdontest.Group("inner", guerdontest.Quiz("first"), guerdontest.Quiz("second"))
	outer := guerdontest.Group("outer", inner, guerdontest.Slide("third"))
	w.teach(t, []content.Document{guerdontest.Quiz("first"), guerdontest.Quiz("second"), guerdontest.Slide("third"), inner, outer})
	see := func() learning.AssignedItem {
		g, err := w.Learning.Group(ctx, "ada", "outer", "", "")
		require.NoError(t, err)
		require.Equal(t, "outer", g.Group.ID)
		require.Equal(t, []string{"inner", "third"}, []string{g.Items[0].ItemID, g.Items[1].Slide.ID})
		return g
	}
	require.Empty(t, see().Progress)
	require.Empty(t, see().Items[0].Items[0].Quiz.CorrectAnswer)

	s := learning.Submission{UserID: "ada", Parent: content.Parent{ParentID: "outer", ParentType: content.ParentGroup}}
	_, err := w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: s, QuizID: "first", Answer: content.Option2})
	require.NoError(t, err)
	w.set(start.Add(time.Hour))
	changed := *inner
	changed.Items = changed.Items[1:]
	w.teach(t, []content.Document{guerdontest.Quiz("second"), guerdontest.Slide("third"), &changed, outer})
	_, err = w.Quizzes.Archive(ctx, "first")
	require.NoError(t, err)
	g := see()
	require.Equal(t, learning.InProgress, g.Progress)
	require.Len(t, g.Items[0].Items, 2, "who has begun stays on the version of then")
	require.Equal(t, []content.Option{content.Option2, ""}, []content.Option{g.Items[0].Items[0].Answer, g.Items[0].Items[1].Answer})
	require.NotEmpty(t, g.Items[0].Items[0].Quiz.CorrectAnswer)
	_, err = w.Learning.Group(ctx, "ada", "nothing", "", "")
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorContains(t, err, "learningGroupId")
	_, err = w.Learning.Group(ctx, "nobody", "outer", "", "")
	require.ErrorIs(t, err, fault.ErrNotFound)

	w.paths(t, "ada")
	w.rome(t, "ada")
	var listed []learning.GroupLog
	for page := (store.Page{Limit: 2, Ascending: true}); ; {
		list, next, err := w.Learning.GroupLogs(ctx, "ada", "", page)
		require.NoError(t, err)
		listed = append(listed, list...)
		if page.Token = next; next == "" {
			break
		}
	}
	var one []learning.GroupLog
	for _, id := range []string{"inner", "outer", "test"} {
		l, err := w.Learning.GroupLog(ctx, "ada", id, "")
		require.NoError(t, err)
		require.NotEmpty(t, l.Items)
		one = append(one, l)
	}
	require.Equal(t, one, listed)
	for _, elsewhere := range []learning.Submission{{UserID: "ada", Context: "2025-W36"}, {UserID: "bob"}} {
		list, _, err := w.Learning.GroupLogs(ctx, elsewhere.UserID, elsewhere.Context, store.Page{})
		require.NoError(t, err)
		require.Empty(t, list)
	}
	_, _, err = w.Learning.GroupLogs(ctx, "nobody", "", store.Page{})
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, _, err = w.Learning.GroupLogs(ctx, "ada", "a/b", store.Page{})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestErasingALearner(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	_, err := w.Users.Update(ctx, "ada", tenancy.UserPatch{Nickname: new("Lovelace"), ExternalID: new("their-ada")})
	require.NoError(t, err)
	w.paths(t, "ada")
	w.rome(t, "ada")
	before, err := w.Learning.Stats(ctx, "ada")
	require.NoError(t, err)
	_, err = w.Users.Anonymise(ctx, "ada")
	require.NoError(t, err)
	after, err := w.Learning.Stats(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, before, after)
	learners, _, err := w.Learning.Learners(ctx, "rome", learning.LearnerFilter{}, store.Page{})
	require.NoError(t, err)
	require.Empty(t, learners, "no list of people has who is erased")
	require.NotContains(t, w.learned(t, "ada"), "Lovelace")
	_, err = w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: who("ada"), QuizID: "gods", Answer: content.Option1})
	require.ErrorIs(t, err, fault.ErrForbidden)
}

// A rule assigns because of whatever its mode says: an event of the user, of a tag that the user carries, of a
// path that was completed, or a time of its schedule.
func TestRulesThatAssignPaths(t *testing.T) {
	t.Parallel()
	stones := guerdontest.Slide("stones")
	for name, tt := range map[string]struct {
		fields object
		cause  func(t *testing.T, w *world)
	}{
		"user": {
			object{"assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "User", "eventMatchCondition": object{"==": []any{object{"var": "user.lang"}, "it"}}},
			func(t *testing.T, w *world) {
				_, err := w.Users.Update(t.Context(), "ada", tenancy.UserPatch{Lang: new("it")})
				require.NoError(t, err)
			},
		},
		"tag": {
			object{"assignmentMode": "EVENT", "eventMatchType": "TAG", "eventMatchEntity": "Tag", "eventMatchEntityId": "keen"},
			func(t *testing.T, w *world) {
				_, err := w.Users.AssignTags(t.Context(), "ada", tenancy.Tagging{TagID: "keen"})
				require.NoError(t, err)
			},
		},
		"path": {
			object{
				"assignmentMode": "EVENT", "eventMatchType": "INSTANCE", "eventMatchEntity": "LearningPathLog", "eventMatchEntityId": "rome",
				"eventMatchCondition": object{"==": []any{object{"var": "progress"}, "COMPLETE"}},
			},
			func(t *testing.T, w *world) {
				w.paths(t, "ada")
				w.rome(t, "ada")
			},
		},
		"schedule": {
			object{"assignmentMode": "SCHEDULED_PUSH", "scheduleCron": "0 8 * * *", "usersMatchCondition": object{"==": []any{object{"var": "user.userId"}, "ada"}}},
			func(t *testing.T, w *world) {
				w.set(w.now.Load().AddDate(0, 0, 1))
				require.NoError(t, w.Advance(t.Context()))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAcademy(t)
			b, err := guerdontest.New(t, guerdontest.Tag("mood", "keen"), stones, guerdontest.Path("ruins", stones)).Export(t.Context())
			require.NoError(t, err)
			_, err = w.Import(t.Context(), b)
			require.NoError(t, err)
			fields := object{
				"name": "ruins", "ruleType": "ASSIGN", "learningPathsPool": []string{"ruins"},
				"timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2000-01-01T00:00:00Z",
			}
			maps.Copy(fields, tt.fields)
			w.publish(t, document("LearningPathRule", "ruins", fields))
			require.NotContains(t, w.paths(t, "ada"), "ruins", "nothing has happened yet")
			tt.cause(t, w)
			require.Contains(t, w.paths(t, "ada"), "ruins")
			require.NotContains(t, w.paths(t, "bob"), "ruins")
		})
	}
}

// Explain says of a path which step it took and by which rule, and of what moved nothing, where that counts.
func TestExplainOfLearningPaths(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	w.publish(t, document("LearningPath", "short", object{
		"title": "Short", "estimatedDuration": 1, "translations": []object{{"lang": "en", "title": "Short"}},
		"items":          []object{{"itemId": "forum", "itemType": "slide"}, {"itemId": "hills", "itemType": "quiz"}},
		"startRule":      object{"some": []any{variable("items"), object{"==": []any{variable("itemType"), "quiz"}}}},
		"completionRule": object{"some": []any{variable("items"), object{"==": []any{variable("outcome"), "FAIL"}}}},
		"outcomeRule":    object{"none": []any{variable("items"), object{"==": []any{variable("outcome"), "FAIL"}}}},
	}))
	w.paths(t, "ada")
	_, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "short", UserID: "bob", StartsAt: start.Add(time.Hour)})
	require.NoError(t, err)
	require.NoError(t, w.study(t, "ada", studies[0])) // begins the story
	require.NoError(t, w.study(t, "ada", studies[1]))
	w.rome(t, "ada", "founding", "kings")
	w.answer(t, "ada", "kings", content.Option1)
	w.answer(t, "eve", "hills", content.Option1)
	_, err = w.Record(ctx, event.Event{ID: "again", UserID: "ada", EntityID: "run"})
	require.NoError(t, err)
	_, err = w.Record(ctx, run("bob", "bob", start))
	require.NoError(t, err)
	_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who("ada"), SlideID: "agora", Progress: learning.Complete})
	require.NoError(t, err)
	w.set(start.Add(2 * time.Hour))
	require.NoError(t, w.study(t, "bob", studies[2])) // begins the slide
	w.answer(t, "bob", "hills", content.Option1)
	explain := func(event, path string) string {
		x, err := w.Explain(ctx, event, "LearningPath", path)
		require.NoError(t, err)
		return x.String()
	}
	const done = "slide:forum:ada:default:COMPLETE"
	asked := []struct{ event, path, want string }{
		{"story:founding:ada:default:START", "rome", "moved LearningPath rome (version 1)\n  yes  startRule: an item is begun\n  yes  progress: it was not begun and became START"},
		{"story:founding:ada:default:COMPLETE", "rome", "yes  progress: it was START and became IN_PROGRESS"},
		{done, "rome", "no   completionRule: learningGroup test is not begun"},
		{done, "greece", "no   items: it does not hold slide forum"},
		{"quiz:hills:ada:default", "rome", "no   completionRule: learningGroup test is IN_PROGRESS"},
		{"quiz:kings:ada:default", "rome", "yes  completionRule: every item is COMPLETE\n  yes  outcomeRule: learningGroup test has failed, so it is FAIL\n  yes  progress: it was IN_PROGRESS and became COMPLETE"},
		{"again", "rome", "no   progress: activity run had been done before"},
		{"bob", "rome", "no   learningPathAssignments: it had not been assigned to user bob"},
		{"quiz:hills:eve:default", "short", "no   learningPathAssignments: it had not been assigned to user eve"},
		{"slide:agora:ada:default:COMPLETE", "greece", "yes  progress: it was not begun and became IN_PROGRESS"},
		{"slide:forum:bob:default:START", "short", "yes  startRule: "},
		{"quiz:hills:bob:default", "short", "yes  outcomeRule: "},
	}
	var before []string
	for _, q := range asked {
		before = append(before, explain(q.event, q.path))
		require.Contains(t, before[len(before)-1], q.want, q.event)
	}
	// What happens later changes no answer.
	w.set(start.Add(3 * time.Hour))
	w.rome(t, "bob", "hills")
	_, err = w.Learning.Paths.Archive(ctx, "short")
	require.NoError(t, err)
	for i, q := range asked {
		require.Equal(t, before[i], explain(q.event, q.path), q.event)
	}
}
