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

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
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
	// At is when it was done; zero means now. It may be long ago, or up to ten minutes ahead, and counts then as if it had been known then: who
	// works offline sends it later, in any order. Sent again with the same time it is the same.
	At time.Time `json:"completedAt,omitzero"`
}

// A QuizSubmission is an answer to a quiz.
type QuizSubmission struct {
	Submission
	QuizID string         `json:"quizId"`
	Answer content.Option `json:"answer"`
	// Attempt is the number of the answer, where the quiz allows more than one: 1, 2, …; 0 means 1.
	Attempt int `json:"attempt,omitempty"`
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

var actions = [...]Action{StartRead, CompleteRead, Bookmark, Unbookmark, Share}

// A StorySubmission says what a user did with a story.
type StorySubmission struct {
	Submission
	StoryID string `json:"storyId"`
	Action  Action `json:"action"`
	// ContentID is the part of the story that is meant; 0 is the whole.
	ContentID int `json:"contentId,omitempty"`
}

// SubmitQuiz takes a user's answer to a quiz and returns the log, which reveals the correct answer once no attempt is left that could count. It is
// an event of type Quiz, and what follows is in the journal's entry of the log's EventID. A user answers a
// quiz once in a context, or as often as [content.Quiz.MaxAttempts] says: the same answer as the same attempt again returns the log as it is, another
// is [fault.ErrConflict], and so is an attempt that is not the next. [guerdon.Workspace.Retract] takes an answer back, by the log's EventID: it may be given anew
// then.
//
// It returns [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] for an unknown user or a quiz
// that is not published, [fault.ErrForbidden] if the user is not active, or every assignment that holds
// the quiz was locked or not in its time; the error says which and why; and [fault.ErrConflict] for what happened before the workspace's
// horizon. What no assignment holds may be answered if it is published.
func (s Service) SubmitQuiz(ctx context.Context, q QuizSubmission) (QuizLog, error) {
	d := &deed{Submission: q.Submission, item: itemKey{ItemQuiz, q.QuizID}, answer: q.Answer, attempt: max(q.Attempt, 1)}
	return submit(ctx, s, d, func(tx *session.Tx, p *program, r *row) (QuizLog, error) { return p.quizLog(ctx, tx, r, "") })
}

// SubmitSlide takes how far a user has come with a slide and returns the log. Progress moves forward: a
// step that was taken before, or a step back, returns the log as it is and is no event. The errors are those
// of [Service.SubmitQuiz].
func (s Service) SubmitSlide(ctx context.Context, q SlideSubmission) (SlideLog, error) {
	d := &deed{Submission: q.Submission, item: itemKey{ItemSlide, q.SlideID}, progress: q.Progress}
	return submit(ctx, s, d, func(_ *session.Tx, _ *program, r *row) (SlideLog, error) { return r.slideLog(), nil })
}

// SubmitStory takes what a user did with a story and returns the log. START_READ and COMPLETE_READ are
// progress, which moves forward. To bookmark what is bookmarked, to share a part again, and to take back a bookmark that there
// is none of, returns the log as it is, or would be, and is no event. The errors are those of [Service.SubmitQuiz].
func (s Service) SubmitStory(ctx context.Context, q StorySubmission) (StoryLog, error) {
	d := &deed{Submission: q.Submission, item: itemKey{ItemStory, q.StoryID}, action: q.Action, contentID: q.ContentID}
	return submit(ctx, s, d, func(_ *session.Tx, _ *program, r *row) (StoryLog, error) { return r.storyLog(), nil })
}

// submit takes what a user has done with an item, and returns what show makes of the log after it.
func submit[T any](ctx context.Context, s Service, d *deed, show func(*session.Tx, *program, *row) (T, error)) (T, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (T, error) {
		p, err := s.program(ctx, tx)
		var r *row
		if err == nil {
			r, err = p.submit(ctx, tx, d)
		}
		if err != nil {
			var none T
			return none, err
		}
		return show(tx, p, r)
	})
}

// submit takes what a user has done with an item, unless it was done before, and returns the log after it.
func (p *program) submit(ctx context.Context, tx *session.Tx, d *deed) (*row, error) {
	if err := d.checked(tx.Now); err != nil {
		return nil, err
	}
	key := logKey(d.UserID, d.Context, d.item)
	if err := tx.Prefetch(ctx, tenancy.ReadingUsers(d.UserID), assignments.Rows(ofContext(d.UserID, d.Context)), logs.Keys(key)); err != nil {
		return nil, err
	}
	u, err := tenancy.FindActive(ctx, tx, "userId", d.UserID)
	if err != nil {
		return nil, err
	}
	d.UserID = u.ID
	key = logKey(d.UserID, d.Context, d.item)
	r, known, err := logs.Get(ctx, tx, key)
	if err != nil {
		return nil, err
	}
	if !known {
		r = row{ItemType: d.item.Type, ItemID: d.item.ID}
		r.UserID, r.Context = d.UserID, d.Context
	}
	if err := d.follows(&r); err != nil {
		return nil, err
	}
	id := d.id(tx)
	if next := r; d.At.IsZero() && !d.moves(&next) {
		switch {
		case !known: // there is nothing to take back
			_, err := p.place(ctx, tx, d.Submission, d.item, tx.Now)
			return &r, err
		case !next.countsBelow(d.Parent):
			return &r, nil // it was done before, perhaps when the user still might
		}
		id = d.step("below", string(d.ParentType), d.ParentID) // nothing is new but where it counts
	}
	if _, err := tx.Submit(ctx, d.event(id)); err != nil {
		return nil, err
	}
	after, found, err := logs.Get(ctx, tx, key)
	if found {
		r = after
	}
	return &r, err
}

// A deed is what a user has done with an item, as an event of the item tells it.
type deed struct {
	Submission
	item      itemKey
	answer    content.Option // to a quiz, of the attempt
	attempt   int
	gradedBy  int      // the version, 0 for that of when it was given
	progress  Progress // of a slide
	action    Action   // on a story, with contentID
	contentID int
}

// The fields of an item's event that say of what was done what its log does not: the parent that was named, where that is not the log's, and the version by
// which an answer is judged, where that is none of when it was given.
const (
	fieldBelow = "below"
	fieldBy    = "gradedBy"
)

// GradedBy returns the version by which an answer, of which an event tells, has been judged anew; 0 for none.
func GradedBy(e *event.Event) int { return numberOf(e.Fields[fieldBy]) }

// Graded returns the event of an answer as one that is judged by a version.
func Graded(e event.Event, version int) event.Event {
	e.Fields = maps.Clone(e.Fields)
	e.Fields[fieldBy] = version
	return e
}

// numberOf returns a whole number of any type, 0 for what is none.
func numberOf(v any) int {
	n, _ := strconv.ParseFloat(fmt.Sprint(v), 64)
	return int(n)
}

// event returns the event that somebody has done it, before it is known what that comes to.
func (d *deed) event(id string) event.Event {
	e := event.Event{
		ID: id, Type: entities[d.item.Type], EntityID: d.item.ID, UserID: d.UserID, At: d.At, Value: new(decimal.NewFromInt(1)),
		Progress: string(d.progress), Fields: map[string]any{"context": d.Context},
	}
	maps.Copy(e.Fields, d.fields(nil))
	if d.Parent != (content.Parent{}) {
		e.Fields[fieldBelow] = parentFields(d.Parent)
	}
	return e
}

// fields returns what is special about the event; doc is the item, nil if it was not looked for.
func (d *deed) fields(doc content.Document) map[string]any {
	fields := map[string]any{}
	switch d.item.Type {
	case ItemQuiz:
		fields["answer"], fields["attempt"] = string(d.answer), d.attempt
		if d.gradedBy > 0 {
			fields[fieldBy] = d.gradedBy
		}
		if quiz, is := doc.(*content.Quiz); is {
			fields["difficulty"], fields["placement"] = string(quiz.Difficulty), string(quiz.Placement)
		}
	case ItemStory:
		fields["action"], fields["contentId"] = string(d.action), d.contentID
	case ItemSlide, ItemActivity, ItemGroup, ItemPath:
	}
	return fields
}

func parentFields(p content.Parent) map[string]any {
	if p == (content.Parent{}) {
		return map[string]any{}
	}
	return map[string]any{"parentId": p.ParentID, "parentType": string(p.ParentType)}
}

// deedOf returns what an event tells.
func deedOf(e *event.Event) *deed {
	text := textsOf(e.Fields)
	d := &deed{
		Submission: submissionOf(e), item: itemKey{itemTypeOf(e), e.EntityID},
		answer: content.Option(text("answer")), action: Action(text("action")), contentID: numberOf(e.Fields["contentId"]),
		attempt: max(numberOf(e.Fields["attempt"]), 1), gradedBy: GradedBy(e),
	}
	if d.item.Type == ItemSlide {
		d.progress = Progress(e.Progress)
	}
	if below, differs := e.Fields[fieldBelow].(map[string]any); differs {
		d.Parent = parentOf(below)
	}
	return d
}

// check fills in what is not said and returns every fault.
func (s *Submission) check(item itemKey, now time.Time) error {
	s.Context, s.At = cmp.Or(s.Context, DefaultContext), s.At.UTC().Truncate(time.Microsecond)
	return errors.Join(
		ident.Check("userId", s.UserID), ident.Check(idField(item.Type), item.ID), checkContext(s.Context), s.Validate(), event.CheckTime("completedAt", s.At, now),
	)
}

// checked does what [Submission.check] does.
func (d *deed) checked(now time.Time) error {
	faults := []error{d.check(d.item, now)}
	const most = content.MaxBlocks + 1 // each page of a story, and the whole
	switch {
	case d.attempt < 0 || d.attempt > content.MaxAttempts:
		faults = append(faults, fault.Invalid("attempt", "is %d; allowed are 1 to %d", d.attempt, content.MaxAttempts))
	case d.item.Type == ItemSlide && (d.progress == "" || !slices.Contains(steps, d.progress)):
		faults = append(faults, fault.Invalid("progress", "%q is none of START, IN_PROGRESS, COMPLETE", d.progress))
	case d.item.Type == ItemStory && !slices.Contains(actions[:], d.action):
		faults = append(faults, fault.Invalid("action", "%q is none of START_READ, COMPLETE_READ, BOOKMARK, UNBOOKMARK, SHARE", d.action))
	case d.contentID < 0:
		faults = append(faults, fault.Invalid("contentId", "is %d; it must not be less than 0", d.contentID))
	case d.action == Share && d.contentID >= most:
		faults = append(faults, fault.Invalid("contentId", "is %d, which no story has; it must be less than %d", d.contentID, most))
	}
	return errors.Join(faults...)
}

// step returns the id of a step of what the user does with the item.
func (d *deed) step(more ...string) string { return stepID(d.item, d.UserID, d.Context, more...) }

func stepID(item itemKey, userID, learnContext string, more ...string) string {
	return strings.Join(append([]string{string(item.Type), item.ID, userID, learnContext}, more...), ":")
}

// id returns the id of the event that it was done. What somebody says when it was done may be said again.
func (d *deed) id(tx *session.Tx) string {
	var step []string
	switch {
	case d.attempt > 1:
		step = []string{"attempt", strconv.Itoa(d.attempt)}
	case d.item.Type == ItemQuiz:
	case d.item.Type == ItemSlide:
		step = []string{string(d.progress)}
	case d.action == StartRead:
		step = []string{string(Start)}
	case d.action == CompleteRead:
		step = []string{string(Complete)}
	case d.action == Share:
		step = []string{string(Share), strconv.Itoa(d.contentID)}
	case d.At.IsZero(): // a bookmark is set more than once
		step = []string{string(d.action), tx.NewID()}
	default:
		step = []string{string(d.action)}
	}
	if !d.At.IsZero() {
		step = append(step, store.KeyTime(d.At))
	}
	return d.step(step...)
}

// moves moves the log by what was done, but for what a quiz says of an answer, and tells whether that moves it.
func (d *deed) moves(r *row) bool {
	switch {
	case d.item.Type == ItemQuiz:
		if r.try(d.attempt) != nil {
			return false
		}
		r.Tries = append(slices.Clone(r.tries()), Attempt{Attempt: d.attempt, Answer: d.answer})
	case d.item.Type == ItemSlide:
		return r.advance(d.progress)
	case d.action == StartRead:
		return r.advance(Start)
	case d.action == CompleteRead:
		return r.advance(Complete)
	case d.action == Share:
		if slices.Contains(r.Shared, d.contentID) {
			return false
		}
		r.Shared = append(slices.Clip(r.Shared), d.contentID)
	case r.bookmarked() == (d.action == Bookmark):
		return false
	default:
		r.Bookmarks++
	}
	return true
}

// follows refuses an answer that is another than the one that was given as the same attempt, and an attempt that is not the next.
func (d *deed) follows(r *row) error {
	switch given := r.try(d.attempt); {
	case d.item.Type != ItemQuiz:
	case given != nil && given.Answer != d.answer:
		return fault.Conflict("answer", "is %s, but quiz %q was answered in context %q with %s", d.answer, r.ItemID, r.Context, given.Answer)
	case given == nil && d.attempt > len(r.tries())+1:
		return fault.Conflict("attempt", "is %d, but quiz %q was answered %d times in context %q", d.attempt, r.ItemID, len(r.tries()), r.Context)
	}
	return nil
}

// advance moves the log to a step of progress, if that is further.
func (r *row) advance(to Progress) bool {
	if !to.beyond(r.Progress) {
		return false
	}
	r.Progress = to
	return true
}

func (r *row) bookmarked() bool { return r.Bookmarks%2 == 1 }

// Enact moves the log of an item by what a user has done with it, and returns the event as it is then. If the log does not move, nothing counts of it.
func (p *program) Enact(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) (*event.Event, error) {
	switch o.Event.Type {
	case event.Quiz, event.Slide, event.Story:
	default:
		return nil, nil
	}
	d := deedOf(o.Event)
	old, known, err := logs.Get(ctx, tx, logKey(d.UserID, d.Context, d.item))
	if err != nil || old.EventID == o.Event.ID { // the call wrote the log, as calls did before logs followed from events
		return nil, err
	}
	at, refused := p.place(ctx, tx, d.Submission, d.item, o.Event.At)
	if _, closed := errors.AsType[*fault.Error](refused); refused != nil && !closed {
		return nil, refused
	}
	doc, err := p.judging(ctx, tx, d, at.began.versions(), &old)
	if err != nil {
		return nil, err
	}
	accepted := tx.Accepted || d.gradedBy > 0
	r := old
	if !known {
		r = row{ItemType: d.item.Type, ItemID: d.item.ID}
		r.UserID, r.Context, r.Lang, r.Parent = d.UserID, d.Context, cmp.Or(o.User.Lang, doc.Head().DefaultLang), d.Parent
		if d.Parent != (content.Parent{}) {
			r.Parents = []content.Parent{d.Parent}
		}
	}
	var wrong error // with what was done
	moved := d.moves(&r)
	if quiz, is := doc.(*content.Quiz); is && moved {
		if wrong = r.judge(quiz, o.Event); wrong != nil && accepted { // it came to nothing, by what is known since
			moved, r.Tries = false, old.Tries
		}
	}
	widened := known && r.countsBelow(d.Parent)
	if wrong = cmp.Or(wrong, refused); wrong != nil && !accepted && (moved || widened || !known) {
		return nil, wrong
	}
	e, completed := d.event(o.Event.ID), moved && r.Progress == Complete && old.Progress != Complete
	if moved {
		r.Version, r.EventID = doc.Head().Version, o.Event.ID
		if r.Progress != old.Progress {
			r.MovedAt, r.StartedAt = o.Event.At, cmp.Or(r.StartedAt, o.Event.At)
		}
		if completed {
			r.CompletedAt = o.Event.At
		}
		var before *row
		if known {
			before = &old
		}
		e = r.moved(before)
		if e.ID = o.Event.ID; d.item.Type == ItemQuiz {
			e.Outcome = r.try(d.attempt).Outcome // which need not be the one that counts
		}
		if r.Parent != d.Parent {
			e.Fields[fieldBelow] = parentFields(d.Parent)
		}
	} else {
		e.Fields[mechanic.Counts] = false
	}
	e.At = o.Event.At
	maps.Copy(e.Fields, d.fields(doc))
	switch again := moved && old.Progress == Complete && r.Outcome != old.Outcome; {
	case completed:
		err = count(ctx, tx, r.UserID, func(t *tally) { t.item(&r) })
	case again:
		err = count(ctx, tx, r.UserID, func(t *tally) { t.otherwise(&r) })
	}
	if err != nil {
		return nil, err
	}
	if moved || widened {
		err = logs.Put(ctx, tx, r)
	}
	return &e, err
}

// judge says whether the last answer, which an event tells, is right, and which answer counts.
func (r *row) judge(quiz *content.Quiz, e *event.Event) error {
	last := &r.Tries[len(r.Tries)-1]
	switch {
	case len(quiz.Translations) == 0 || quiz.Translations[0].Answer(last.Answer) == "":
		return fault.Invalid("answer", "%q is none of the quiz's options", last.Answer)
	case last.Attempt > quiz.Attempts():
		return fault.Conflict("attempt", "is %d, but quiz %q allows %d", last.Attempt, r.ItemID, quiz.Attempts())
	case r.Outcome == event.Success && quiz.CountedAttempt != content.LastAttempt:
		return fault.Conflict("attempt", "is %d, but quiz %q was answered rightly in context %q", last.Attempt, r.ItemID, r.Context)
	}
	last.At, last.EventID, last.Outcome = e.At, e.ID, event.Fail
	if last.Answer == quiz.CorrectAnswer {
		last.Outcome = event.Success
	}
	r.Answer, r.Difficulty, r.Outcome = last.Answer, quiz.Difficulty, last.Outcome
	if r.open(quiz) && quiz.CountedAttempt != content.LastAttempt {
		r.advance(InProgress)
	} else {
		r.advance(Complete)
	}
	if len(r.Tries) == 1 && last.Attempt == 1 {
		r.Tries = nil // the log says it
	}
	return nil
}

// judging returns the version of an item by which it is judged what was done with it.
func (p *program) judging(ctx context.Context, tx *session.Tx, d *deed, of time.Time, old *row) (content.Document, error) {
	if d.gradedBy > 0 {
		return p.document(ctx, tx, content.Pin{Kind: d.item.Type.kind(), ID: d.item.ID, Version: d.gradedBy})
	}
	if tx.Accepted { // it may be out of use since
		of = cmp.Or(of, tx.Now)
	}
	return p.submitted(ctx, tx, d.item, of, old)
}

// submitted returns the version of an item that is submitted by who is on those of a moment. What is out of use
// since is there for who has a log of it.
func (p *program) submitted(ctx context.Context, tx *session.Tx, item itemKey, of time.Time, old *row) (content.Document, error) {
	pin, ok, err := p.pin(ctx, tx, item, of)
	if err == nil && !ok && old.Version > 0 {
		pin.Version, ok = old.Version, true
	}
	if err == nil && !ok {
		err = fault.NotFound(idField(item.Type), item.ID)
	}
	if err != nil {
		return nil, err
	}
	return p.document(ctx, tx, pin)
}

// A site is where a submission counts.
type site struct {
	outlines []*outline
	began    Beginning
}

// place returns where a submission of a moment counts, or why it may not.
func (p *program) place(ctx context.Context, tx *session.Tx, s Submission, item itemKey, at time.Time) (site, error) {
	list, err := assignments.List(ctx, tx, ofContext(s.UserID, s.Context))
	if err != nil {
		return site{}, err
	}
	held, err := p.holders(ctx, tx, list, item)
	if err != nil {
		return site{}, err
	}
	within := under(held, item, s.Parent)
	if open := opened(within, at); len(open) > 0 {
		return site{open, open[0].began}, nil
	}
	if len(within) > 0 {
		return site{}, p.refusal(ctx, tx, &within[0].Assignment, at)
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
func (p *program) refusal(ctx context.Context, tx *session.Tx, a *Assignment, at time.Time) error {
	name := fmt.Sprintf("assignment %q of path %q", a.ID, a.PathID)
	switch a.period().State(at) {
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
