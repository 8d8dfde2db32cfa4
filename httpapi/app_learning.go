package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

type (
	appPath       learning.Path
	appAssignment learning.Assignment
	appQuizLog    learning.QuizLog
	appSlideLog   learning.SlideLog
	appStoryLog   learning.StoryLog
)

// An assignedRow is an assignment with the path as the user is on it.
type assignedRow struct {
	Assignment appAssignment `wire:"inline"`
	Path       appPath       `wire:"inline"`
	Items      []itemRow     `json:"items"`
	expansions[pathTranslation]

	Progress *learningProgress `json:"progress,omitempty"`
}

type (
	// A pathText is what a path is called.
	pathText struct {
		LearningPathID string         `json:"learningPathId"`
		Text           learning.Title `wire:"inline"`
		CreatedAt      time.Time      `json:"createdAt"`
		UpdatedAt      time.Time      `json:"updatedAt"`
	}
	pathTranslation struct {
		pathText
		envelope
	}
	assignmentsAsked struct {
		paging

		Fields     []string `enum:"tags,translation,items,progress"        query:"fields"`
		State      string   `enum:"PENDING,ACTIVE,ENDED"                   query:"state"`
		Visibility string   `enum:"LOCKED,UNLOCKED"                        query:"visibility"`
		Status     string   `enum:"NOT_STARTED,IN_PROGRESS,COMPLETED"      query:"progressStatus"`
	}
	assignmentAsked struct {
		ID     string   `path:"id"`
		Fields []string `enum:"tags,translation,items,progress" query:"fields"`
		// Context is accepted, and that of the assignment is what counts.
		Context string `query:"context"`
	}
)

// appLearning declares assignments of paths, and what is submitted.
func appLearning(f *forms) []*operation {
	shapeFor[appPath](f, "learningPathId", "catalogLearningPathId", "items", "createdAt", "updatedAt")
	shapeOf[appAssignment](f, shape{
		hidden: []string{"learningPathRuleVersion", "context", "progress", "outcome", "beganAt", "versionsOf"}, always: []string{"state"},
	})
	hide[appQuizLog](f, "version", "eventId", "correctAnswer", "explanation")
	hide[learning.Attempt](f, "eventId")
	hide[appSlideLog](f, "version", "eventId", "outcome")
	hide[appStoryLog](f, "version", "eventId", "progress", "outcome", "parentId", "parentType", "startedAt", "completedAt", "bookmarked", "shared")
	one := "/learning-path-assignments/{learningPathAssignmentId}"
	own := map[string]string{"assignment": "learningPathAssignmentId"}
	return slices.Concat(
		[]*operation{
			declare("GET", "/learning-path-assignments", tenancy.ContentRead, "List one's assignments of paths", codes(200, 401), listAssignments),
			declare("GET", one, tenancy.ContentRead, "Get one of one's assignments", codes(200, 401, 404), getAssignment).naming(own),
			declare("GET", one+"/items", tenancy.ContentRead, "List the items of an assignment", codes(200, 401, 404), assignmentItems).naming(own),
			declare("GET", one+"/translation", tenancy.ContentRead, "Get what the path of an assignment is called", codes(200, 401, 404), assignmentTranslation).naming(own),
			declare("GET", "/learning-paths", tenancy.ContentRead, "List one's paths", codes(200, 401), listAssignments),
			declare("GET", "/learning-paths/{learningPathId}", tenancy.ContentRead, "Get one of one's paths", codes(200, 401, 404), getPath),
			declare("GET", "/learning-paths/{learningGroupId}/items", tenancy.ContentRead, "List the items of a group or of one of one's paths", codes(200, 401, 404), groupOrPathItems),
			declare("POST", "/quizzes/{quizId}/submit", tenancy.ContentSubmit, "Answer a quiz", codes(200, 400, 401, 404), submitQuiz),
			declare("POST", "/slides/{slideId}/submit", tenancy.ContentSubmit, "Say how far one is with a slide", codes(200, 400, 401, 404), submitSlide),
			declare("POST", "/stories/{storyId}/submit", tenancy.ContentSubmit, "Say what one did with a story", codes(200, 400, 401, 404), submitStory),
		},
		appTags(one, false, func(ctx context.Context, c *call, id string) (tagged, string, error) {
			a, err := c.assigned(ctx, id, c.user.ID)
			return c.ws.Learning.Paths, a.Assignment.PathID, err
		}),
	)
}

// assigned returns an assignment of a user.
func (c *call) assigned(ctx context.Context, id, userID string) (learning.AssignedPath, error) {
	a, err := c.ws.Learning.Assignment(ctx, id, c.lang())
	if err == nil && a.Assignment.UserID != userID {
		err = fault.NotFound("learningPathAssignmentId", id)
	}
	if err != nil {
		return learning.AssignedPath{}, err
	}
	return a, nil
}

func listAssignments(ctx context.Context, c *call, in *assignmentsAsked) (out list[assignedRow], err error) {
	none := func(context.Context, string) ([]learning.AssignedPath, error) { return nil, nil }
	if _, err := evaluated(ctx, c, func(ws *guerdon.Workspace) ofUser[learning.AssignedPath] { return ws.Learning.Evaluate }, none); err != nil {
		return out, err
	}
	found, next, err := c.ws.Learning.Assignments(ctx, c.user.ID, in.query(c.lang()), in.page())
	if err != nil {
		return out, err
	}
	out.NextToken = next
	out.Items, err = c.assignedRows(ctx, found, in.Fields, c.pathItems)
	return out, err
}

// query returns what is asked for, in a language.
func (in *assignmentsAsked) query(lang string) learning.Query {
	return learning.Query{
		State: timeframe.State(in.State), Visibility: learning.Visibility(in.Visibility), Status: learning.Status(in.Status),
		Items: slices.Contains(in.Fields, "items"), Lang: lang,
	}
}

// assignedRows returns assignments as rows, with the expansions that are asked for: itemsOf makes the rows of items with their documents, of
// what each path holds.
func (c *call) assignedRows(
	ctx context.Context, found []learning.AssignedPath, fields []string,
	itemsOf func(context.Context, []learning.AssignedPath) ([][]itemRow, error),
) (rows []assignedRow, err error) {
	tags, err := tagsFor(ctx, c.ws.Learning.Paths, found, func(a *learning.AssignedPath) string { return a.Path.ID }, fields)
	if err != nil {
		return nil, err
	}
	var items [][]itemRow
	if slices.Contains(fields, "items") {
		if items, err = itemsOf(ctx, found); err != nil {
			return nil, err
		}
	}
	rows = make([]assignedRow, len(found))
	for i := range found {
		a := &found[i]
		row := assignedRow{Assignment: appAssignment(a.Assignment), Path: appPath(a.Path), Items: references(a.Path.Items)}
		if items != nil {
			row.Items = items[i]
		}
		row.Tags = tags(a.Path.ID)
		if slices.Contains(fields, "translation") {
			row.Translation = &pathTranslation{pathTextOf(a), c.envelope()}
		}
		if slices.Contains(fields, "progress") {
			row.Progress = learningProgressOf(&a.Progress)
		}
		rows[i] = row
	}
	return rows, nil
}

// pathItems returns the items of paths with their documents as the user sees them.
func (c *call) pathItems(ctx context.Context, paths []learning.AssignedPath) (all [][]itemRow, err error) {
	all = make([][]itemRow, len(paths))
	for i := range paths {
		if all[i], err = c.itemRows(ctx, paths[i].Items, paths[i].Path.Items); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// pathTextOf returns what the path of an assignment is called, which is in one language.
func pathTextOf(a *learning.AssignedPath) pathText {
	p := &a.Path
	out := pathText{LearningPathID: p.ID, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	if len(p.Translations) > 0 {
		out.Text = p.Translations[0]
	}
	return out
}

func (c *call) assignedRow(ctx context.Context, a learning.AssignedPath, fields []string) (assignedRow, error) {
	rows, err := c.assignedRows(ctx, []learning.AssignedPath{a}, fields, c.pathItems)
	if err != nil {
		return assignedRow{}, err
	}
	return rows[0], nil
}

func getAssignment(ctx context.Context, c *call, in *assignmentAsked) (assignedRow, error) {
	a, err := c.assigned(ctx, in.ID, c.user.ID)
	if err != nil {
		return assignedRow{}, err
	}
	return c.assignedRow(ctx, a, in.Fields)
}

func getPath(ctx context.Context, c *call, in *assignmentAsked) (assignedRow, error) {
	a, err := c.ws.Learning.AssignmentOf(ctx, c.user.ID, in.ID, c.lang())
	if err != nil {
		return assignedRow{}, err
	}
	return c.assignedRow(ctx, a, in.Fields)
}

func assignmentTranslation(ctx context.Context, c *call, in *onlyID) (pathText, error) {
	a, err := c.assigned(ctx, in.ID, c.user.ID)
	if err != nil {
		return pathText{}, err
	}
	return pathTextOf(&a), nil
}

func assignmentItems(ctx context.Context, c *call, in *itemsAsked) (list[itemRow], error) {
	a, err := c.assigned(ctx, in.ID, c.user.ID)
	if err != nil {
		return list[itemRow]{}, err
	}
	return c.itemPage(ctx, a.Items, a.Path.Items, &in.paging)
}

// groupOrPathItems returns the items of a group, or of a path that the user has.
func groupOrPathItems(ctx context.Context, c *call, in *itemsAsked) (list[itemRow], error) {
	out, err := groupItems(ctx, c, in)
	if !errors.Is(err, fault.ErrNotFound) {
		return out, err
	}
	a, err := c.ws.Learning.AssignmentOf(ctx, c.user.ID, in.ID, c.lang())
	if err != nil {
		return list[itemRow]{}, err
	}
	return c.itemPage(ctx, a.Items, a.Path.Items, &in.paging)
}

// itemPage returns a page of items, in the order in which they are shown.
func (c *call) itemPage(ctx context.Context, items []learning.AssignedItem, of []learning.Item, p *paging) (out list[itemRow], err error) {
	type placed struct {
		learning.AssignedItem

		place string
	}
	all := make([]placed, len(items))
	for i := range items {
		all[i] = placed{items[i], fmt.Sprintf("%04d", i)}
	}
	page, err := sliced(all, func(i *placed) string { return i.place }, p)
	if err != nil {
		return out, err
	}
	shown := make([]learning.AssignedItem, len(page.Items))
	for i := range page.Items {
		shown[i] = page.Items[i].AssignedItem
	}
	rows, err := c.itemRows(ctx, shown, of)
	return list[itemRow]{rows, page.NextToken}, err
}

// submission is what all that is submitted may say.
type submission struct {
	// Context is that of the log; empty means what is done once.
	Context    string             `json:"context,omitempty"`
	ParentID   string             `json:"parentId,omitempty"`
	ParentType content.ParentType `json:"parentType,omitempty"`
	// CompletedAt is when it was done, for who sends later what was done offline; without it, it is done now.
	CompletedAt time.Time `json:"completedAt,omitzero"`
}

func (c *call) submission(s submission) learning.Submission {
	return learning.Submission{UserID: c.user.ID, Context: s.Context, Parent: content.Parent{ParentID: s.ParentID, ParentType: s.ParentType}, At: s.CompletedAt}
}

type (
	quizAnswered struct {
		ID   string `path:"id"`
		Body struct {
			submission

			Answer content.Option `json:"answer"`
			// Attempt is the number of the answer, where the quiz allows more than one; without it, 1.
			Attempt int `json:"attempt,omitempty"`
			// Progress is accepted; whoever answers has completed the quiz.
			Progress learning.Progress `json:"progress,omitempty"`
		} `body:"json"`
	}
	slideMoved struct {
		ID   string `path:"id"`
		Body struct {
			submission

			Progress learning.Progress `json:"progress"`
		} `body:"json"`
	}
	storyDone struct {
		ID   string `path:"id"`
		Body struct {
			Action    learning.Action `json:"action"`
			Context   string          `json:"context,omitempty"`
			ContentID int             `json:"contentId,omitempty"`
			// CompletedAt is when it was done, for who sends later what was done offline; without it, it is done now.
			CompletedAt time.Time `json:"completedAt,omitzero"`
		} `body:"json"`
	}
	quizLogRow struct {
		Log appQuizLog `wire:"inline"`
		envelope
	}
	slideLogRow struct {
		Log appSlideLog `wire:"inline"`
		envelope
	}
	storyLogRow struct {
		Log       appStoryLog     `wire:"inline"`
		Action    learning.Action `json:"action"`
		ContentID int             `json:"contentId"`
		stamped
	}
)

func submitQuiz(ctx context.Context, c *call, in *quizAnswered) (quizLogRow, error) {
	if p := in.Body.Progress; p != "" && p != learning.Start && p != learning.InProgress && p != learning.Complete {
		return quizLogRow{}, fault.Invalid("progress", "%q is none of START, IN_PROGRESS, COMPLETE", p)
	}
	l, err := c.ws.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: c.submission(in.Body.submission), QuizID: in.ID, Answer: in.Body.Answer, Attempt: in.Body.Attempt})
	if len(l.Attempts) == 1 {
		l.Attempts = nil // the log says it
	}
	return quizLogRow{appQuizLog(l), c.envelope()}, err
}

func submitSlide(ctx context.Context, c *call, in *slideMoved) (slideLogRow, error) {
	l, err := c.ws.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: c.submission(in.Body.submission), SlideID: in.ID, Progress: in.Body.Progress})
	return slideLogRow{appSlideLog(l), c.envelope()}, err
}

// submitStory answers with what was done. The log is as old as what was read first, and has changed when it moved last.
func submitStory(ctx context.Context, c *call, in *storyDone) (storyLogRow, error) {
	l, err := c.ws.Learning.SubmitStory(ctx, learning.StorySubmission{
		Submission: c.submission(submission{Context: in.Body.Context, CompletedAt: in.Body.CompletedAt}), StoryID: in.ID, Action: in.Body.Action, ContentID: in.Body.ContentID,
	})
	if err != nil {
		return storyLogRow{}, err
	}
	row := storyLogRow{appStoryLog(l), in.Body.Action, in.Body.ContentID, stamped{c.envelope(), l.StartedAt, l.CompletedAt}}
	switch e, err := c.ws.Entry(ctx, l.EventID); {
	case err == nil:
		row.UpdatedAt = e.Event.At
	case !errors.Is(err, fault.ErrNotFound): // there is none where nothing had moved, or it is archived
		return storyLogRow{}, err
	}
	if row.CreatedAt.IsZero() {
		row.CreatedAt = row.UpdatedAt
	}
	if row.CreatedAt.IsZero() { // there is no log, and no need of one
		row.CreatedAt = c.engine.Now()
	}
	if row.UpdatedAt.IsZero() {
		row.UpdatedAt = row.CreatedAt
	}
	return row, nil
}
