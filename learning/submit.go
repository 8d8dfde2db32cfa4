package learning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Submission says who submits something, and where. The submissions of every type have it.
type Submission struct {
	UserID string `json:"userId"`
	// Context is that of the logs; empty means [DefaultContext]. For an assignment of a rule that recurs it
	// is the id of the period.
	Context string `json:"context,omitempty"`
	// Parent is the path or the group that the user works on. The first submission of an item decides: with a
	// parent, the item counts only below it, and below the parents that later submissions name, but a later one
	// without adds none; without, it counts in every path of the context that the user may work on, whatever later
	// ones name.
	content.Parent
}

// A QuizSubmission is an answer to a quiz.
type QuizSubmission struct {
	Submission
	QuizID string         `json:"quizId"`
	Answer content.Option `json:"answer"`
}

// A SlideSubmission says how far a user has come with a slide.
type SlideSubmission struct {
	Submission
	SlideID  string   `json:"slideId"`
	Progress Progress `json:"progress"`
}

// Action is what a user does with a story.
type Action string

// The actions. The first two are progress. SHARE counts once for each part of the story and once for the whole.
const (
	StartRead    Action = "START_READ"
	CompleteRead Action = "COMPLETE_READ"
	Bookmark     Action = "BOOKMARK"
	Unbookmark   Action = "UNBOOKMARK"
	Share        Action = "SHARE"
)

// A StorySubmission says what a user did with a story.
type StorySubmission struct {
	Submission
	StoryID string `json:"storyId"`
	Action  Action `json:"action"`
	// ContentID is the part of the story that is meant; 0 is the whole.
	ContentID int `json:"contentId,omitempty"`
}

// SubmitQuiz takes a user's answer to a quiz and returns the log, which reveals the correct answer. It is
// an event of type Quiz, and what follows is in the journal's entry of the log's EventID. A user answers a
// quiz once in a context: the same answer again returns the first log, another is [fault.ErrConflict].
//
// It returns [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] for an unknown user or a quiz
// that is not published, and [fault.ErrForbidden] if the user is not active, or every assignment that holds
// the quiz is locked or not in its time; the error says which and why. What no assignment holds may be
// answered if it is published.
func (s Service) SubmitQuiz(ctx context.Context, q QuizSubmission) (QuizLog, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (QuizLog, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return QuizLog{}, err
		}
		r, err := p.submit(ctx, tx, "quizId", itemKey{ItemQuiz, q.QuizID}, q.Submission, func(r *row, doc content.Document) (*step, error) {
			return r.answer(doc.(*content.Quiz), q.Answer)
		})
		if err != nil {
			return QuizLog{}, err
		}
		return p.quizLog(ctx, tx, r, "")
	})
}

// answer takes an answer.
func (r *row) answer(quiz *content.Quiz, answer content.Option) (*step, error) {
	switch {
	case answer != "" && r.Answer == answer:
		return nil, nil
	case len(quiz.Translations) == 0 || quiz.Translations[0].Answer(answer) == "":
		return nil, fault.Invalid("answer", "%q is none of the quiz's options", answer)
	case r.Answer != "":
		return nil, fault.Conflict("answer", "is %s, but quiz %q was answered in context %q with %s", answer, r.ItemID, r.Context, r.Answer)
	}
	r.Answer, r.Difficulty, r.Outcome = answer, quiz.Difficulty, event.Fail
	if answer == quiz.CorrectAnswer {
		r.Outcome = event.Success
	}
	r.Progress = Complete
	return r.step(map[string]any{
		"difficulty": string(quiz.Difficulty), "answer": string(answer), "placement": string(quiz.Placement),
	}), nil
}

// A step is an event of an item: its id and what is special about it.
type step struct {
	id     string
	fields map[string]any
}

// step returns a step whose id is that of the log and more.
func (r *row) step(fields map[string]any, more ...string) *step {
	return &step{strings.Join(append([]string{string(r.ItemType), r.ItemID, r.UserID, r.Context}, more...), ":"), fields}
}

// SubmitSlide takes how far a user has come with a slide and returns the log. Progress moves forward: a
// step that was taken before, or a step back, returns the log as it is and is no event. The errors are those
// of [Service.SubmitQuiz].
func (s Service) SubmitSlide(ctx context.Context, q SlideSubmission) (SlideLog, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (SlideLog, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return SlideLog{}, err
		}
		if q.Progress == "" || !slices.Contains(steps, q.Progress) {
			return SlideLog{}, fault.Invalid("progress", "%q is none of START, IN_PROGRESS, COMPLETE", q.Progress)
		}
		r, err := p.submit(ctx, tx, "slideId", itemKey{ItemSlide, q.SlideID}, q.Submission, func(r *row, _ content.Document) (*step, error) {
			return r.advance(q.Progress, nil), nil
		})
		if err != nil {
			return SlideLog{}, err
		}
		return r.slideLog(), nil
	})
}

// advance moves the log to a step of progress, if that is further.
func (r *row) advance(to Progress, fields map[string]any) *step {
	if !to.beyond(r.Progress) {
		return nil
	}
	r.Progress = to
	return r.step(fields, string(to))
}

// SubmitStory takes what a user did with a story and returns the log. START_READ and COMPLETE_READ are
// progress, which moves forward. To bookmark what is bookmarked, to share a part again, and to take back a bookmark that there
// is none of, returns the log as it is, or would be, and is no event. The errors are those of [Service.SubmitQuiz].
func (s Service) SubmitStory(ctx context.Context, q StorySubmission) (StoryLog, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (StoryLog, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return StoryLog{}, err
		}
		if q.ContentID < 0 {
			return StoryLog{}, fault.Invalid("contentId", "is %d; it must not be less than 0", q.ContentID)
		}
		r, err := p.submit(ctx, tx, "storyId", itemKey{ItemStory, q.StoryID}, q.Submission, func(r *row, _ content.Document) (*step, error) {
			return r.act(q.Action, q.ContentID)
		})
		if err != nil {
			return StoryLog{}, err
		}
		return r.storyLog(), nil
	})
}

// act does something with a story.
func (r *row) act(a Action, contentID int) (*step, error) {
	fields := map[string]any{"action": string(a), "contentId": contentID}
	switch a {
	case StartRead:
		return r.advance(Start, fields), nil
	case CompleteRead:
		return r.advance(Complete, fields), nil
	case Bookmark, Unbookmark:
		if r.bookmarked() == (a == Bookmark) {
			return nil, nil
		}
		r.Bookmarks++
		return r.step(fields, string(a), strconv.Itoa(r.Bookmarks)), nil
	case Share:
		return r.share(contentID, fields)
	}
	return nil, fault.Invalid("action", "%q is none of START_READ, COMPLETE_READ, BOOKMARK, UNBOOKMARK, SHARE", a)
}

// share shares a part of a story, once.
func (r *row) share(contentID int, fields map[string]any) (*step, error) {
	const most = content.MaxBlocks + 1 // each page, and the whole
	switch {
	case slices.Contains(r.Shared, contentID):
		return nil, nil
	case contentID >= most:
		return nil, fault.Invalid("contentId", "is %d, which no story has; it must be less than %d", contentID, most)
	}
	r.Shared = append(slices.Clip(r.Shared), contentID)
	return r.step(fields, string(Share), strconv.Itoa(contentID)), nil
}

func (r *row) bookmarked() bool { return r.Bookmarks%2 == 1 }

// check fills in what is not said and returns every fault.
func (s *Submission) check(field string, item itemKey) error {
	s.Context = cmp.Or(s.Context, DefaultContext)
	return errors.Join(ident.Check("userId", s.UserID), ident.Check(field, item.ID), checkContext(s.Context), s.Validate())
}

// submit lets move change the log of an item, which returns the event that this is, nil for none. It
// returns the log after it.
func (p *program) submit(
	ctx context.Context, tx *session.Tx, field string, item itemKey, s Submission, move func(*row, content.Document) (*step, error),
) (*row, error) {
	if err := s.check(field, item); err != nil {
		return nil, err
	}
	key := logKey(s.UserID, s.Context, item)
	if err := tx.Prefetch(ctx, tenancy.ReadingUsers(s.UserID), assignments.Rows(ofContext(s.UserID, s.Context)), logs.Keys(key)); err != nil {
		return nil, err
	}
	u, err := tenancy.FindActive(ctx, tx, "userId", s.UserID)
	if err != nil {
		return nil, err
	}
	old, known, err := logs.Get(ctx, tx, key)
	if err != nil {
		return nil, err
	}
	at, err := p.place(ctx, tx, s, item)
	if err != nil && !known {
		return nil, err
	}
	doc, wrong := p.submitted(ctx, tx, field, item, at.began.versions(), &old)
	if wrong != nil {
		return nil, wrong
	}
	r := old
	if !known {
		r = row{ItemType: item.Type, ItemID: item.ID}
		r.UserID, r.Context, r.Lang, r.Parent = s.UserID, s.Context, cmp.Or(u.Lang, doc.Head().DefaultLang), s.Parent
		if s.Parent != (content.Parent{}) {
			r.Parents = []content.Parent{s.Parent}
		}
	}
	next, wrong := move(&r, doc)
	if wrong != nil {
		return nil, wrong
	}
	widened := known && r.countsBelow(s.Parent)
	switch {
	case next == nil && !known:
		return &r, err // there was nothing to take back
	case next == nil && !widened:
		return &old, nil // it was done before, perhaps when the user still might
	case err != nil:
		return nil, err
	case next == nil: // nothing is new but where it counts
		return &r, errors.Join(logs.Put(ctx, tx, r), p.settle(ctx, tx, u, s.Context, at.outlines, tx.Now))
	case !known:
		return &r, p.log(ctx, tx, nil, &r, next, doc)
	}
	return &r, p.log(ctx, tx, &old, &r, next, doc)
}

// submitted returns the version of an item that is submitted by who is on those of a moment. What is out of use
// since is there for who has a log of it.
func (p *program) submitted(ctx context.Context, tx *session.Tx, field string, item itemKey, of time.Time, old *row) (content.Document, error) {
	pin, ok, err := p.pin(ctx, tx, item, of)
	if err == nil && !ok && old.Version > 0 {
		pin.Version, ok = old.Version, true
	}
	if err == nil && !ok {
		err = fault.NotFound(field, item.ID)
	}
	if err != nil {
		return nil, err
	}
	return p.document(ctx, tx, pin)
}

// log keeps a log that has moved and causes the event of it; old is the log before, nil if there was none.
func (p *program) log(ctx context.Context, tx *session.Tx, old, r *row, next *step, doc content.Document) error {
	r.Version, r.EventID = doc.Head().Version, next.id
	progressed := r.Progress != "" && (old == nil || r.Progress != old.Progress)
	if progressed {
		r.MovedAt = tx.Now
		if r.StartedAt.IsZero() {
			r.StartedAt = tx.Now
		}
	}
	completed := progressed && r.Progress == Complete
	if completed {
		r.CompletedAt = tx.Now
	}
	e := r.moved(old)
	e.ID, e.At = next.id, tx.Now
	maps.Copy(e.Fields, next.fields)
	tx.Cause(e)
	if err := logs.Put(ctx, tx, *r); err != nil || !completed {
		return err
	}
	return count(ctx, tx, r.UserID, func(t *tally) { t.item(r) })
}

// A site is where a submission counts.
type site struct {
	outlines []*outline
	began    Beginning
}

// place returns where a submission counts, or why it may not.
func (p *program) place(ctx context.Context, tx *session.Tx, s Submission, item itemKey) (site, error) {
	list, err := assignments.List(ctx, tx, ofContext(s.UserID, s.Context))
	if err != nil {
		return site{}, err
	}
	held, err := p.holders(ctx, tx, list, item)
	if err != nil {
		return site{}, err
	}
	within := under(held, item, s.Parent)
	if open := opened(within, tx.Now); len(open) > 0 {
		return site{open, open[0].began}, nil
	}
	if len(within) > 0 {
		return site{}, p.refusal(ctx, tx, &within[0].Assignment)
	}
	if s.Parent == (content.Parent{}) {
		return site{}, nil
	}
	return p.alone(ctx, tx, s, item)
}

// alone returns where a submission counts whose parent no assignment of the user has: a group may be worked
// on by itself.
func (p *program) alone(ctx context.Context, tx *session.Tx, s Submission, item itemKey) (site, error) {
	root := itemKey{ItemType(s.ParentType), s.ParentID}
	r, _, err := logs.Get(ctx, tx, logKey(s.UserID, s.Context, root))
	if err != nil {
		return site{}, err
	}
	o, err := p.outlineOf(ctx, tx, root, r.Beginning)
	switch {
	case err != nil:
		return site{}, err
	case o == nil:
		return site{}, fault.NotFound("parentId", s.ParentID)
	case !o.holds(item):
		return site{}, fault.Invalid("parentId", "%s does not hold %s", root, item)
	case root.Type == ItemPath:
		return site{}, fault.Forbidden("parentId", "%s is not assigned to user %q in context %q", root, s.UserID, s.Context)
	}
	return site{[]*outline{o}, o.began}, nil
}

// refusal says why an assignment cannot be worked on.
func (p *program) refusal(ctx context.Context, tx *session.Tx, a *Assignment) error {
	name := fmt.Sprintf("assignment %q of path %q", a.ID, a.PathID)
	switch a.period().State(tx.Now) {
	case timeframe.Pending:
		return fault.Forbidden("learningPathId", "%s begins at %s", name, mechanic.Stamp(a.StartsAt))
	case timeframe.Ended:
		return fault.Forbidden("learningPathId", "%s ended at %s", name, mechanic.Stamp(a.EndsAt))
	case timeframe.Active:
	}
	locks, err := p.locks(ctx, tx, a, "")
	if err != nil {
		return err
	}
	if len(locks) == 0 {
		return fault.Forbidden("learningPathId", "%s is locked, and no published rule unlocks it", name)
	}
	reasons := make([]string, len(locks))
	for i := range locks {
		reasons[i] = locks[i].String()
	}
	return fault.Forbidden("learningPathId", "%s is locked; %s", name, strings.Join(reasons, "; "))
}
