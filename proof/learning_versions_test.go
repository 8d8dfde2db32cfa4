package proof_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// course is the path of a [shelf].
const course = "course"

// A shelf is a world with groups and a path that may hold groups, each with a quiz of its own, and all that was
// ever published of them.
type shelf struct {
	*world
	books books
	last  time.Time // when a document came in force or went out of it last
}

// books are documents by id. They are replaced and never modified.
type books map[string]volume

type volume struct {
	printings []printing
	draft     []string // the groups that it is to hold
	drafted   bool
	live      bool // in force
	archived  bool
}

// A printing is a version: when it was published and how, and the groups that it holds.
type printing struct {
	at     time.Time
	reopen bool
	holds  []string
}

func quizOf(id string) string { return "quiz-" + id }

// newShelf publishes groups that hold nothing but their quizzes, and the path, which holds groups.
func newShelf(t tester, groups []string, holds ...string) *shelf {
	t.Helper()
	s := &shelf{world: found(t, memory.New(), "acme"), books: books{}}
	for _, id := range append(slices.Clone(groups), course) {
		_, err := s.Quizzes.Create(t.Context(), draftQuiz(quizOf(id), "en"))
		require.NoError(t, err)
		_, err = s.Quizzes.Publish(t.Context(), quizOf(id))
		require.NoError(t, err)
		s.write(t, id, map[bool][]string{true: holds}[id == course]...)
		require.NoError(t, s.issue(t, id))
	}
	return s
}

// with returns the books with one of them changed.
func (b books) with(id string, v volume) books {
	b = maps.Clone(b)
	b[id] = v
	return b
}

// write makes a draft of a document that holds groups.
func (s *shelf) write(t tester, id string, groups ...string) {
	t.Helper()
	items := []learning.Item{{ItemID: quizOf(id), ItemType: learning.ItemQuiz}}
	for _, g := range groups {
		items = append(items, learning.Item{ItemID: g, ItemType: learning.ItemGroup})
	}
	v, known := s.books[id]
	if id == course {
		p := draftPath([]string{"en"}, items...)
		p.ID = id
		put(t, s.Learning.Paths, p, known, v.archived)
	} else {
		put(t, s.Learning.Groups, draftGroup(id, items...), known, v.archived)
	}
	v.draft, v.drafted, v.archived = groups, true, false
	s.books = s.books.with(id, v)
}

// put makes a draft.
func put[T any, P interface {
	*T
	content.Document
}](t tester, docs content.Documents[T], doc T, known, archived bool) {
	t.Helper()
	var err error
	if archived {
		_, err = docs.Unarchive(t.Context(), P(&doc).Head().ID)
		require.NoError(t, err)
	}
	if known {
		_, err = docs.Update(t.Context(), doc)
	} else {
		_, err = docs.Create(t.Context(), doc)
	}
	require.NoError(t, err)
}

// issue publishes a draft.
func (s *shelf) issue(t tester, id string, options ...content.PublishOption) error {
	t.Helper()
	var err error
	if id == course {
		_, err = s.Learning.Paths.Publish(t.Context(), id, options...)
	} else {
		_, err = s.Learning.Groups.Publish(t.Context(), id, options...)
	}
	if err == nil {
		s.last = s.moment()
		s.books = s.books.issue(id, s.last, options...)
	}
	return err
}

// moment returns when a change comes in force now: after the last one, also if the clock has gone back.
func (s *shelf) moment() time.Time {
	if now := *s.now.Load(); !now.Before(s.last) {
		return now
	}
	return s.last.Add(time.Microsecond)
}

// issue returns the books after one was published.
func (b books) issue(id string, at time.Time, options ...content.PublishOption) books {
	v := b[id]
	v.printings = append(slices.Clip(v.printings), printing{at, slices.Contains(options, content.Reopen), v.draft})
	v.drafted, v.live = false, true
	b = b.with(id, v)
	for _, below := range v.draft {
		if slices.Contains(options, content.Cascade) && b[below].drafted {
			b = b.issue(below, at, options...)
		}
	}
	return b
}

// archive takes a document out of use, unless another in force needs it.
func (s *shelf) archive(t tester, id string) {
	t.Helper()
	var err error
	if id == course {
		_, err = s.Learning.Paths.Archive(t.Context(), id)
	} else {
		_, err = s.Learning.Groups.Archive(t.Context(), id)
	}
	if err != nil {
		require.ErrorIs(t, err, fault.ErrConflict)
		return
	}
	v := s.books[id]
	s.last = s.moment()
	v.drafted, v.live, v.archived = false, false, true
	s.books = s.books.with(id, v)
}

// on returns the version that somebody is on who began at a moment, nil if there is none.
func (v volume) on(began time.Time) *printing {
	for i := range slices.Backward(v.printings) {
		if e := &v.printings[i]; i == 0 || e.reopen || !e.at.After(began) {
			return e
		}
	}
	return nil
}

// whole tells whether what is in force holds nothing that is not.
func (b books) whole() bool {
	for _, v := range b {
		if v.live && slices.ContainsFunc(v.printings[len(v.printings)-1].holds, func(id string) bool { return !b[id].live }) {
			return false
		}
	}
	return true
}

// circular tells whether versions meet somewhen that lead in a circle.
func (b books) circular() bool {
	moments := map[time.Time]bool{start.AddDate(100, 0, 0): true}
	for _, v := range b {
		for _, p := range v.printings {
			moments[p.at], moments[p.at.Add(-time.Microsecond)] = true, true
		}
	}
	for at := range moments {
		holds := map[string][]string{}
		for id, v := range b {
			if p := v.on(at); p != nil {
				holds[id] = p.holds
			}
		}
		if circle(holds) {
			return true
		}
	}
	return false
}

// circle tells whether something holds itself: it takes away what holds nothing until nothing more goes.
func circle(holds map[string][]string) bool {
	for before := -1; before != len(holds); {
		before = len(holds)
		maps.DeleteFunc(holds, func(_ string, below []string) bool {
			return !slices.ContainsFunc(below, func(id string) bool { _, there := holds[id]; return there })
		})
	}
	return len(holds) > 0
}

// submit answers the quiz of a document, below a path or a group if one is named.
func (s *shelf) submit(t tester, userID, id, parent string) error {
	t.Helper()
	q := learning.QuizSubmission{Submission: who(userID), QuizID: quizOf(id), Answer: content.Option2}
	switch parent {
	case "":
	case course:
		q.Parent = content.Parent{ParentID: parent, ParentType: content.ParentPath}
	default:
		q.Parent = content.Parent{ParentID: parent, ParentType: content.ParentGroup}
	}
	_, err := s.Learning.SubmitQuiz(t.Context(), q)
	return err
}

// requireUnfolds reads all that users see of a course and of its groups, and requires that nobody is on versions
// that lead in a circle.
func (s *shelf) requireUnfolds(t tester, users ...string) {
	t.Helper()
	ctx := t.Context()
	for _, u := range users {
		list, _, err := s.Learning.Assignments(ctx, u, learning.Query{Items: true}, store.Page{})
		require.NoError(t, err)
		for _, a := range list {
			pins, err := s.Learning.Versions(ctx, a.Assignment.ID)
			require.NoError(t, err)
			holds := map[string][]string{}
			for _, pin := range pins {
				if b, ours := s.books[pin.ID]; ours {
					holds[pin.ID] = b.printings[pin.Version-1].holds
				}
			}
			require.False(t, circle(maps.Clone(holds)), "%s is on %v", u, pins)
			require.Equal(t, len(holds[course])+1, a.Progress.Total)
		}
		for id := range s.books {
			if id == course {
				continue
			}
			if _, err := s.Learning.Group(ctx, u, id, "", ""); err != nil {
				require.ErrorIs(t, err, fault.ErrNotFound)
			}
		}
	}
}

// circleByReopening puts a learner in the middle of the course, whose group a holds b, and publishes an a without b
// for others. A b that holds a would then lead in a circle, if the learner got it.
func circleByReopening(t tester) *shelf {
	t.Helper()
	s := newShelf(t, []string{"a", "b"}, "a")
	s.set(start.Add(time.Minute))
	s.write(t, "a", "b")
	require.NoError(t, s.issue(t, "a"))
	_, err := s.Learning.Assign(t.Context(), learning.NewAssignment{PathID: course, UserID: "ada"})
	require.NoError(t, err)
	require.NoError(t, s.submit(t, "ada", course, ""))
	s.set(start.Add(2 * time.Minute))
	s.write(t, "a")
	require.NoError(t, s.issue(t, "a"))
	s.set(start.Add(3 * time.Minute))
	s.write(t, "b", "a")
	return s
}

func TestReopeningThatLeadsInACircle(t *testing.T) {
	t.Parallel()
	s := circleByReopening(t)
	before := s.dump(t, s.Scope())
	err := s.issue(t, "b", content.Reopen)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, "items[1].itemId: leads back to the document itself: a holds b; so it would be for who began by "+
		"2025-09-29T09:01:59.999999Z and is on versions of then")
	require.Equal(t, before, s.dump(t, s.Scope()))
	require.NoError(t, s.submit(t, "ada", "b", ""))
	require.NoError(t, s.issue(t, "b"), "those who are on an a that holds b do not get it")
	require.NoError(t, s.submit(t, "ada", "a", ""))
	require.Equal(t, learning.Complete, s.pathLog(t, "ada", course).Progress)
	s.requireUnfolds(t, "ada", "bob")

	s.set(start.Add(4 * time.Minute))
	s.write(t, "a")
	require.NoError(t, s.issue(t, "a", content.Reopen), "now nobody is on an a that holds b")
	s.write(t, "b", "a")
	require.NoError(t, s.issue(t, "b", content.Reopen))
	s.requireUnfolds(t, "ada", "bob")
}

// What is given to those in the middle must not nest too deeply for them either.
func TestReopeningThatNestsTooDeeply(t *testing.T) {
	t.Parallel()
	groups := []string{"a", "b", "c", "d", "e", "f", "g"}
	s := newShelf(t, groups)
	minute := 0
	publish := func(id string, holds ...string) {
		minute++
		s.set(start.Add(time.Duration(minute) * time.Minute))
		s.write(t, id, holds...)
		require.NoError(t, s.issue(t, id))
	}
	for i := len(groups) - 2; i > 0; i-- {
		publish(groups[i], groups[i+1]) // b holds c holds d holds e holds f holds g
	}
	publish("c")
	publish("a", "b")
	s.write(t, "a", "g", "b")
	err := s.issue(t, "a", content.Reopen)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, "has groups inside one another 6 deep, at most 5 are allowed; so it would be for who began by "+
		"2025-09-29T09:05:59.999999Z and is on versions of then")
	require.NoError(t, s.issue(t, "a"))
}

// A store may hold what was published before that was refused, or what somebody else has written. What holds itself
// is left out there, said with everything that counts, and the rest goes on.
func TestVersionsThatLeadInACircleAreCutOpen(t *testing.T) {
	t.Parallel()
	s := circleByReopening(t)
	ctx := t.Context()
	require.NoError(t, s.issue(t, "b"))
	i := slices.IndexFunc(s.tables, func(table *store.Schema) bool { return table.Name == "documents" })
	require.NoError(t, s.store.Update(ctx, s.Scope(), func(tx store.Tx) error {
		rows, err := tx.Get(ctx, s.tables[i], "LearningGroup/b")
		require.NoError(t, err)
		record, err := s.tables[i].Encode(rows[0])
		require.NoError(t, err)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(record, &fields))
		marks := fields["marks"].([]any)
		marks[len(marks)-1].(map[string]any)["reopen"] = true
		record, err = json.Marshal(fields)
		require.NoError(t, err)
		row, err := s.tables[i].ParseJSON(record)
		require.NoError(t, err)
		return tx.Put(ctx, s.tables[i], row)
	}))
	_, err := s.Import(ctx, bundle(t, document("Activity", "else", nil))) // the program is read again
	require.NoError(t, err)

	require.NoError(t, s.submit(t, "ada", "b", "b"))
	require.NoError(t, s.submit(t, "ada", "a", ""))
	require.Equal(t, learning.Complete, s.pathLog(t, "ada", course).Progress)
	entries, err := s.Journal(ctx, s.first)
	require.NoError(t, err)
	problem := entries[len(entries)-1].Outcome.Problems[0]
	require.Equal(t, "LearningGroup/b: items: learningGroup a is left out, because it holds this one in the versions that the user is on",
		fmt.Sprintf("%s: %s: %s", problem.Source, problem.Field, problem.Reason))
	x, err := s.Explain(ctx, entries[len(entries)-1].Event.ID, "LearningPath", course)
	require.NoError(t, err)
	require.Contains(t, x.String(), "every item is COMPLETE")
	list, _, err := s.Learning.Assignments(ctx, "ada", learning.Query{Items: true}, store.Page{})
	require.NoError(t, err)
	require.Len(t, list[0].Items[1].Items[1].Items, 1, "b without a")
}

// Whatever is drafted, published to those who begin or to those in the middle too, and archived, in whatever order:
// it is refused just if it would lead in a circle for who began at some moment, or names what is not in force, and
// whoever learns at whatever moment is on versions that unfold.
func TestAnyVersionsThatMeetUnfold(t *testing.T) {
	t.Parallel()
	sparsely(t, "memory", func(rt *rapid.T) {
		groups := []string{"a", "b", "c"}[:rapid.IntRange(2, 3).Draw(rt, "groups")]
		some := func(label string, of []string) []string {
			return rapid.SliceOfDistinct(rapid.SampledFrom(of), rapid.ID[string]).Draw(rt, label)
		}
		s := newShelf(rt, groups, some("course", groups)...)
		learners := []string{"ada", "bob"}
		for _, u := range learners {
			_, err := s.Learning.Assign(rt.Context(), learning.NewAssignment{PathID: course, UserID: u})
			require.NoError(rt, err)
		}
		minute := 0
		all := append(slices.Clone(groups), course)
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			minute += rapid.SampledFrom([]int{1, 1, 1, 0}).Draw(rt, "minutes")
			s.set(start.Add(time.Duration(minute) * time.Minute))
			id := rapid.SampledFrom(all).Draw(rt, "document")
			step := rapid.SampledFrom([]string{"publish", "publish", "publish", "publish", "publish", "publish", "submit", "write", "archive"}).Draw(rt, "step")
			if step == "write" || step == "publish" && (!s.books[id].drafted || rapid.Bool().Draw(rt, "anew")) {
				s.write(rt, id, some("holds", slices.DeleteFunc(slices.Clone(groups), func(other string) bool { return other == id }))...)
			}
			switch step {
			case "submit":
				user, parent := rapid.SampledFrom(learners).Draw(rt, "learner"), rapid.SampledFrom(append([]string{"", ""}, all...)).Draw(rt, "parent")
				if err := s.submit(rt, user, id, parent); err != nil {
					_, refused := errors.AsType[*fault.Error](err)
					require.True(rt, refused, "%v", err)
				}
			case "publish":
				options := rapid.SampledFrom([][]content.PublishOption{nil, {content.Reopen}, {content.Reopen, content.Cascade}}).Draw(rt, "options")
				after := s.books.issue(id, s.moment(), options...)
				err := s.issue(rt, id, options...)
				require.Equal(rt, after.whole() && !after.circular(), err == nil, "%v", err)
				if err != nil {
					require.ErrorIs(rt, err, fault.ErrInvalid)
				}
				s.requireUnfolds(rt, learners...)
			case "archive":
				if !s.books[id].archived {
					s.archive(rt, id)
				}
			}
		}
		s.requireUnfolds(rt, learners...)
		entries, err := s.Journal(rt.Context(), s.first)
		require.NoError(rt, err)
		for _, e := range entries {
			require.Empty(rt, e.Outcome.Problems)
			_, err := s.Explain(rt.Context(), e.Event.ID, "LearningPath", course)
			require.NoError(rt, err)
		}
	})
}
