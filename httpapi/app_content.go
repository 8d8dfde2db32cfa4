package httpapi

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Documents and their texts as those who play see them.
type (
	appQuiz     content.Quiz
	appQuestion content.Question
	appSlide    content.Slide
	appStory    content.Story
	appGroup    learning.Group
	appActivity content.Activity
)

// A contentKind is a sort of document that those who play see: documents T whose texts are W, shown as D and X.
type contentKind[T any, W content.Text, D, X any] struct {
	// plural is the word of its paths, id the name of its id there and in its rows.
	plural, id string
	of         func(*guerdon.Workspace) content.Documents[T]
	// texts returns what a document says, doc and text what is shown.
	texts func(*T) []W
	doc   func(T) D
	text  func(W) X
	// shown refuses a document that is kept from the user; nil is none.
	shown func(ctx context.Context, c *call, id string) error
	// wholeTag says that one tag is told with whose it is.
	wholeTag bool
}

// An appRow is a row of a document.
type appRow[D, X any] struct {
	Doc D `wire:"inline"`
	expansions[textRow[X]]
}

var (
	appQuizKind = &contentKind[content.Quiz, content.Question, appQuiz, appQuestion]{
		plural: "quizzes", id: "quizId", wholeTag: true,
		of:    func(ws *guerdon.Workspace) content.Documents[content.Quiz] { return ws.Quizzes },
		texts: func(q *content.Quiz) []content.Question { return q.Translations },
		doc:   func(q content.Quiz) appQuiz { return appQuiz(q) },
		text:  func(q content.Question) appQuestion { return appQuestion(q) },
	}
	appSlideKind = &contentKind[content.Slide, content.SlideText, appSlide, content.SlideText]{
		plural: "slides", id: "slideId",
		of:    func(ws *guerdon.Workspace) content.Documents[content.Slide] { return ws.Slides },
		texts: func(s *content.Slide) []content.SlideText { return s.Translations },
		doc:   func(s content.Slide) appSlide { return appSlide(s) },
		text:  func(t content.SlideText) content.SlideText { return t },
	}
	appStoryKind = &contentKind[content.Story, content.StoryText, appStory, content.StoryText]{
		plural: "stories", id: "storyId",
		of:    func(ws *guerdon.Workspace) content.Documents[content.Story] { return ws.Stories },
		texts: func(s *content.Story) []content.StoryText { return s.Translations },
		doc:   func(s content.Story) appStory { return appStory(s) },
		text:  func(t content.StoryText) content.StoryText { return t },
	}
	appGroupKind = &contentKind[learning.Group, learning.Title, appGroup, learning.Title]{
		plural: "learning-groups", id: "learningGroupId", wholeTag: true,
		of:    func(ws *guerdon.Workspace) content.Documents[learning.Group] { return ws.Learning.Groups },
		texts: func(g *learning.Group) []learning.Title { return g.Translations },
		doc:   func(g learning.Group) appGroup { return appGroup(g) },
		text:  func(t learning.Title) learning.Title { return t },
	}
	appActivityKind = &contentKind[content.Activity, content.Label, appActivity, content.Label]{
		id:    "activityId",
		of:    func(ws *guerdon.Workspace) content.Documents[content.Activity] { return ws.Activities },
		texts: func(a *content.Activity) []content.Label { return a.Translations },
		doc:   func(a content.Activity) appActivity { return appActivity(a) },
		text:  func(l content.Label) content.Label { return l },
	}
)

// The rows of single documents, with how far the user is.
type (
	documentProgress struct {
		Status      learning.Status `json:"status"`
		Outcome     event.Outcome   `json:"outcome,omitempty"`
		StartedAt   time.Time       `json:"startedAt,omitzero"`
		CompletedAt time.Time       `json:"completedAt,omitzero"`
	}
	quizProgress struct {
		documentProgress

		Answer content.Option `json:"answer,omitempty"`
		// CorrectAnswer and Explanation are told who has answered.
		CorrectAnswer content.Option `json:"correctAnswer,omitempty"`
		Explanation   string         `json:"explanation,omitempty"`
	}
	quizRow struct {
		appRow[appQuiz, appQuestion]
		Progress *quizProgress `json:"progress,omitempty"`
	}
	slideRow struct {
		appRow[appSlide, content.SlideText]
		Progress *documentProgress `json:"progress,omitempty"`
	}
	storyRow struct {
		appRow[appStory, content.StoryText]
		// Quizzes are those of the story.
		Quizzes *[]storyQuiz `json:"quizzes,omitempty"`
		// Progress is told of an item of a group or a path.
		Progress *documentProgress `json:"progress,omitempty"`
	}
	storyQuiz struct {
		Doc appQuiz `wire:"inline"`
		envelope

		// CorrectAnswer is told who has answered.
		CorrectAnswer content.Option `json:"correctAnswer,omitempty"`
	}
	activityRow struct {
		appRow[appActivity, content.Label]
		Progress *documentProgress `json:"progress,omitempty"`
	}
	groupRow struct {
		appRow[appGroup, learning.Title]
		Items    []itemRow         `json:"items"`
		Progress *learningProgress `json:"progress,omitempty"`
	}
)

// An itemRow is an item of a group or a path.
type itemRow struct {
	ItemID    string            `json:"itemId"`
	ItemType  learning.ItemType `json:"itemType"`
	Languages []string          `json:"languages,omitempty"`
	// ItemData is the row of the document, if it is asked for.
	ItemData any `json:"itemData,omitempty"`
}

// A learningProgress is how far the user is with a group or a path.
type learningProgress struct {
	Status   learning.Status `json:"status"`
	Outcome  event.Outcome   `json:"outcome,omitempty"`
	Progress struct {
		Total      int `json:"total"`
		Completed  int `json:"completed"`
		Percentage int `json:"percentage"`
	} `json:"progress"`
	Items []learning.ItemProgress `json:"items"`
	learning.At
	StartedAt   time.Time `json:"startedAt,omitzero"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
}

func learningProgressOf(o *learning.Overview) *learningProgress {
	out := &learningProgress{Status: o.Status, Outcome: o.Outcome, Items: o.Items, At: o.At, StartedAt: o.StartedAt, CompletedAt: o.CompletedAt}
	out.Progress.Total, out.Progress.Completed, out.Progress.Percentage = o.Total, o.Completed, o.Percentage
	return out
}

func progressOf(p *learning.ItemProgress) *documentProgress {
	out := &documentProgress{Status: p.Progress.Status(), Outcome: p.Outcome, StartedAt: p.StartedAt}
	if p.Progress == learning.Complete {
		out.CompletedAt = p.MovedAt
	}
	return out
}

type (
	contentPage struct {
		paging

		Fields []string `enum:"tags,translation" query:"fields"`
	}
	catalogPage struct {
		contentPage

		// CatalogWorkspaceID asks for what a catalog has.
		CatalogWorkspaceID string `query:"catalogWorkspaceId"`
	}
	groupPage struct {
		paging

		Fields             []string `enum:"tags,translation,items" query:"fields"`
		CatalogWorkspaceID string   `query:"catalogWorkspaceId"`
	}
	itemOf struct {
		ID string `path:"id"`
		// Context is that of the user's log; empty means what is done once.
		Context string `query:"context"`
	}
	itemAsked struct {
		itemOf

		Fields []string `enum:"tags,translation,progress" query:"fields"`
	}
	groupAsked struct {
		itemOf

		Fields []string `enum:"tags,translation,items,progress" query:"fields"`
	}
	storyAsked struct {
		ID     string   `path:"id"`
		Fields []string `enum:"tags,translation,quizzes" query:"fields"`
	}
	onlyID struct {
		ID string `path:"id"`
	}
	itemsAsked struct {
		ID string `path:"id"`
		paging
	}
)

// appContent declares quizzes, slides, stories and groups.
func appContent(f *forms) []*operation {
	shapeFor[appQuiz](f, "quizId", "catalogQuizId", "correctAnswer")
	hide[appQuestion](f, "explanation")
	shapeFor[appSlide](f, "slideId", "catalogSlideId")
	shapeFor[appStory](f, "storyId", "storyCatalogId")
	shapeFor[appGroup](f, "learningGroupId", "catalogLearningGroupId", "items")
	shapeFor[appActivity](f, "activityId", "catalogActivityId", "additionalData")
	hide[learning.ItemProgress](f, "startedAt", "movedAt")
	f.items[App] = map[learning.ItemType]reflect.Type{
		learning.ItemQuiz: reflect.TypeFor[quizRow](), learning.ItemSlide: reflect.TypeFor[slideRow](), learning.ItemStory: reflect.TypeFor[storyRow](),
		learning.ItemActivity: reflect.TypeFor[activityRow](), learning.ItemGroup: reflect.TypeFor[groupRow](),
	}
	for _, t := range f.items[App] {
		f.of(t) // for what holds any of them
	}
	return slices.Concat(
		appQuizKind.declare(), appSlideKind.declare(), appStoryKind.declare(), appGroupKind.declare(),
		[]*operation{
			declare("GET", "/quizzes", tenancy.ContentRead, "List quizzes", codes(200, 401), appQuizKind.list),
			declare("GET", "/slides", tenancy.ContentRead, "List slides", codes(200, 401), appSlideKind.list),
			declare("GET", "/stories", tenancy.ContentRead, "List stories", codes(200, 401), func(ctx context.Context, c *call, in *contentPage) (list[appRow[appStory, content.StoryText]], error) {
				return appStoryKind.list(ctx, c, &catalogPage{*in, ""})
			}),
			declare("GET", "/learning-groups", tenancy.ContentRead, "List groups", codes(200, 401), listGroups),
			declare("GET", "/quizzes/{quizId}", tenancy.ContentRead, "Get a quiz", codes(200, 401, 404), getQuiz),
			declare("GET", "/slides/{slideId}", tenancy.ContentRead, "Get a slide", codes(200, 401, 404), getSlide),
			declare("GET", "/stories/{storyId}", tenancy.ContentRead, "Get a story", codes(200, 401, 404), getStory),
			declare("GET", "/learning-groups/{learningGroupId}", tenancy.ContentRead, "Get a group", codes(200, 401, 404), getGroup),
			declare("GET", "/learning-groups/{learningGroupId}/items", tenancy.ContentRead, "List the items of a group", codes(200, 401, 404), groupItems),
			declare("GET", "/quizzes/{quizId}/translation", tenancy.ContentRead, "Get a quiz in the user's language", codes(200, 401, 404), quizTranslation),
			declare("GET", "/slides/{slideId}/translation", tenancy.ContentRead, "Get what a slide says", codes(200, 401, 404), appSlideKind.translation),
			declare("GET", "/stories/{storyId}/translation", tenancy.ContentRead, "Get what a story says", codes(200, 401, 404), appStoryKind.translation),
			declare("GET", "/learning-groups/{learningGroupId}/translation", tenancy.ContentRead, "Get what a group is called", codes(200, 401, 404), appGroupKind.translation),
		},
	)
}

// declare declares the reading of tags.
func (k *contentKind[T, W, D, X]) declare() []*operation {
	return appTags("/"+k.plural+"/{"+k.id+"}", k.wholeTag, func(ctx context.Context, c *call, id string) (tagged, string, error) {
		_, err := k.live(ctx, c, id)
		return k.of(c.ws), id, err
	})
}

// appTags declares the reading of the tags of entities at a path; of finds the entity that an id names and that the user sees.
func appTags(one string, whole bool, of func(ctx context.Context, c *call, id string) (tagged, string, error)) []*operation {
	all := []*operation{
		declare("GET", one+"/tags", tenancy.ContentRead, "List the tags", codes(200, 401, 404), func(ctx context.Context, c *call, in *tagsOf) (list[tenancy.UserTag], error) {
			on, id, err := of(ctx, c, in.ID)
			if err != nil {
				return list[tenancy.UserTag]{}, err
			}
			found, next, err := on.AssignedTags(ctx, id, in.page())
			return list[tenancy.UserTag]{bare(found), next}, err
		}),
	}
	get := func(ctx context.Context, c *call, in *tagOf) (content.TagAssignment, error) {
		on, id, err := of(ctx, c, in.ID)
		if err != nil {
			return content.TagAssignment{}, err
		}
		return on.AssignedTag(ctx, id, in.TagID)
	}
	if whole {
		return append(all, declare("GET", one+"/tags/{tagId}", tenancy.ContentRead, "Get one of the tags", codes(200, 401, 404), func(ctx context.Context, c *call, in *tagOf) (tagRow, error) {
			t, err := get(ctx, c, in)
			return c.onlyTag([]content.TagAssignment{t}), err
		}))
	}
	return append(all, declare("GET", one+"/tags/{tagId}", tenancy.ContentRead, "Get one of the tags", codes(200, 401, 404), func(ctx context.Context, c *call, in *tagOf) (tenancy.UserTag, error) {
		t, err := get(ctx, c, in)
		return bare([]content.TagAssignment{t})[0], err
	}))
}

// live returns the version in force.
func (k *contentKind[T, W, D, X]) live(ctx context.Context, c *call, id string) (doc T, err error) {
	if k.shown != nil {
		if err := k.shown(ctx, c, id); err != nil {
			return doc, err
		}
	}
	found, err := k.of(c.ws).Live(ctx, id)
	if err != nil {
		return doc, err
	}
	doc, there := found[id]
	if !there {
		return doc, fault.NotFound(k.id, id)
	}
	return doc, nil
}

func (k *contentKind[T, W, D, X]) list(ctx context.Context, c *call, in *catalogPage) (list[appRow[D, X]], error) {
	docs, next, err := k.page(ctx, c, in.page(), in.CatalogWorkspaceID)
	if err != nil {
		return list[appRow[D, X]]{}, err
	}
	rows, err := k.rows(ctx, c, docs, in.Fields, in.CatalogWorkspaceID == "")
	return list[appRow[D, X]]{rows, next}, err
}

// page returns a page of what is in force, here or in a catalog.
func (k *contentKind[T, W, D, X]) page(ctx context.Context, c *call, page store.Page, catalog string) ([]T, string, error) {
	if catalog != "" {
		return k.of(c.ws).CatalogList(ctx, catalog, page)
	}
	return k.of(c.ws).List(ctx, content.Filter{InForce: true}, page)
}

// rows returns documents as rows; own says that they are of this workspace.
func (k *contentKind[T, W, D, X]) rows(ctx context.Context, c *call, docs []T, fields []string, own bool) ([]appRow[D, X], error) {
	if !own {
		fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == "tags" })
	}
	tags, err := tagsFor(ctx, k.of(c.ws), docs, idOf, fields)
	if err != nil {
		return nil, err
	}
	rows := make([]appRow[D, X], len(docs))
	for i := range docs {
		rows[i].Doc = k.doc(docs[i])
		rows[i].Tags = tags(headOf(&docs[i]).ID)
		if !slices.Contains(fields, "translation") {
			continue
		}
		text, err := k.said(c, &docs[i])
		if err != nil {
			return nil, err
		}
		rows[i].Translation = &textRow[X]{text, c.envelope()}
	}
	return rows, nil
}

// row returns a document as a row.
func (k *contentKind[T, W, D, X]) row(ctx context.Context, c *call, doc *T, fields []string) (appRow[D, X], error) {
	rows, err := k.rows(ctx, c, []T{*doc}, fields, true)
	if err != nil {
		return appRow[D, X]{}, err
	}
	return rows[0], nil
}

// said returns what a document says in the user's language.
func (k *contentKind[T, W, D, X]) said(c *call, doc *T) (out docText[X], err error) {
	head := headOf(doc)
	text, err := picked(c.lang(), k.texts(doc), head.DefaultLang)
	if err != nil || text == nil {
		return out, err
	}
	return docText[X]{k.text(*text), map[string]string{k.id: head.ID}, head.CreatedAt, head.UpdatedAt}, nil
}

func (k *contentKind[T, W, D, X]) translation(ctx context.Context, c *call, in *onlyID) (docText[X], error) {
	doc, err := k.live(ctx, c, in.ID)
	if err != nil {
		return docText[X]{}, err
	}
	return k.said(c, &doc)
}

// A quizText is a quiz and what it says in one language.
type quizText struct {
	Doc  appQuiz     `wire:"inline"`
	Text appQuestion `wire:"inline"`
	envelope
}

func quizTranslation(ctx context.Context, c *call, in *onlyID) (quizText, error) {
	doc, err := appQuizKind.live(ctx, c, in.ID)
	if err != nil {
		return quizText{}, err
	}
	text, err := appQuizKind.said(c, &doc)
	return quizText{appQuiz(doc), text.Text, c.envelope()}, err
}

// asSeen returns an item as the user sees it: find finds it, and row makes a row of it.
func asSeen[R any](
	ctx context.Context, c *call, of itemOf, fields []string,
	find func(ctx context.Context, userID, id, learnContext, lang string) (learning.AssignedItem, error),
	row func(context.Context, *learning.AssignedItem, []string) (R, error),
) (none R, err error) {
	item, err := find(ctx, c.user.ID, of.ID, of.Context, c.lang())
	if err != nil {
		return none, err
	}
	return row(ctx, &item, fields)
}

func getQuiz(ctx context.Context, c *call, in *itemAsked) (quizRow, error) {
	return asSeen(ctx, c, in.itemOf, in.Fields, c.ws.Learning.Quiz, c.quizRow)
}

func (c *call) quizRow(ctx context.Context, item *learning.AssignedItem, fields []string) (row quizRow, err error) {
	if row.appRow, err = appQuizKind.row(ctx, c, item.Quiz, fields); err != nil || !slices.Contains(fields, "progress") {
		return row, err
	}
	row.Progress = &quizProgress{documentProgress: *progressOf(&item.ItemProgress), Answer: item.Answer, CorrectAnswer: item.Quiz.CorrectAnswer}
	if texts := item.Quiz.Translations; item.Answer != "" && len(texts) > 0 {
		row.Progress.Explanation = texts[0].Explanation
	}
	return row, nil
}

func getSlide(ctx context.Context, c *call, in *itemAsked) (slideRow, error) {
	return asSeen(ctx, c, in.itemOf, in.Fields, c.ws.Learning.Slide, c.slideRow)
}

func (c *call) slideRow(ctx context.Context, item *learning.AssignedItem, fields []string) (row slideRow, err error) {
	if row.appRow, err = appSlideKind.row(ctx, c, item.Slide, fields); err == nil && slices.Contains(fields, "progress") {
		row.Progress = progressOf(&item.ItemProgress)
	}
	return row, err
}

func getStory(ctx context.Context, c *call, in *storyAsked) (row storyRow, err error) {
	item, err := c.ws.Learning.Story(ctx, c.user.ID, in.ID, "", c.lang())
	if err != nil {
		return row, err
	}
	if row.appRow, err = appStoryKind.row(ctx, c, item.Story, in.Fields); err != nil || !slices.Contains(in.Fields, "quizzes") {
		return row, err
	}
	found, _, err := c.ws.Quizzes.ReferringTo(ctx, content.Stories.Name(), in.ID, store.Page{Limit: store.MaxPage, Ascending: true})
	if err != nil {
		return row, err
	}
	of := make([]learning.Item, len(found))
	for i := range found {
		of[i] = learning.Item{ItemID: found[i].ID, ItemType: learning.ItemQuiz}
	}
	seen, err := c.ws.Learning.Items(ctx, c.user.ID, "", c.lang(), of...)
	if err != nil {
		return row, err
	}
	quizzes := make([]storyQuiz, len(seen))
	for i := range seen {
		quizzes[i] = storyQuiz{appQuiz(*seen[i].Quiz), c.envelope(), seen[i].Quiz.CorrectAnswer}
	}
	row.Quizzes = &quizzes
	return row, nil
}

func getGroup(ctx context.Context, c *call, in *groupAsked) (groupRow, error) {
	return asSeen(ctx, c, in.itemOf, in.Fields, c.ws.Learning.Group, c.groupRow)
}

func (c *call) groupRow(ctx context.Context, item *learning.AssignedItem, fields []string) (row groupRow, err error) {
	if row.appRow, err = appGroupKind.row(ctx, c, item.Group, fields); err != nil {
		return row, err
	}
	if slices.Contains(fields, "progress") {
		row.Progress = learningProgressOf(item.Overview)
	}
	if row.Items = references(item.Group.Items); slices.Contains(fields, "items") {
		row.Items, err = c.itemRows(ctx, item.Items, item.Group.Items)
	}
	return row, err
}

// references returns items without their documents.
func references(items []learning.Item) []itemRow {
	rows := make([]itemRow, len(items))
	for i, item := range items {
		rows[i] = itemRow{item.ItemID, item.ItemType, item.Languages, nil}
	}
	return rows
}

// reference returns an item without its document; of are those of the document that holds it.
func reference(item *learning.AssignedItem, of []learning.Item) itemRow {
	row := itemRow{ItemID: item.ItemID, ItemType: item.ItemType}
	if at := slices.IndexFunc(of, func(o learning.Item) bool { return o.ItemID == item.ItemID && o.ItemType == item.ItemType }); at >= 0 {
		row.Languages = of[at].Languages
	}
	return row
}

// itemRows returns items with their documents as the user sees them; of are those of the document that holds them.
func (c *call) itemRows(ctx context.Context, items []learning.AssignedItem, of []learning.Item) (rows []itemRow, err error) {
	fields := []string{"translation", "progress", "items"}
	rows = make([]itemRow, len(items))
	for i := range items {
		item := &items[i]
		rows[i] = reference(item, of)
		switch {
		case item.Quiz != nil:
			rows[i].ItemData, err = c.quizRow(ctx, item, fields)
		case item.Slide != nil:
			rows[i].ItemData, err = c.slideRow(ctx, item, fields)
		case item.Story != nil:
			row := storyRow{Progress: progressOf(&item.ItemProgress)}
			row.appRow, err = appStoryKind.row(ctx, c, item.Story, fields)
			rows[i].ItemData = row
		case item.Activity != nil:
			row := activityRow{Progress: progressOf(&item.ItemProgress)}
			row.appRow, err = appActivityKind.row(ctx, c, item.Activity, fields)
			rows[i].ItemData = row
		case item.Group != nil:
			rows[i].ItemData, err = c.groupRow(ctx, item, fields)
		}
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// listGroups lists groups as the user sees them, those of a catalog as they are there.
func listGroups(ctx context.Context, c *call, in *groupPage) (out list[groupRow], err error) {
	docs, next, err := appGroupKind.page(ctx, c, in.page(), in.CatalogWorkspaceID)
	if err != nil {
		return out, err
	}
	seen := make([]learning.AssignedItem, len(docs))
	if in.CatalogWorkspaceID == "" {
		of := make([]learning.Item, len(docs))
		for i := range docs {
			of[i] = learning.Item{ItemID: docs[i].ID, ItemType: learning.ItemGroup}
		}
		if seen, err = c.ws.Learning.Items(ctx, c.user.ID, "", c.lang(), of...); err != nil {
			return out, err
		}
		for i := range seen {
			docs[i] = *seen[i].Group
		}
	}
	rows, err := appGroupKind.rows(ctx, c, docs, in.Fields, in.CatalogWorkspaceID == "")
	if err != nil {
		return out, err
	}
	out = list[groupRow]{make([]groupRow, len(rows)), next}
	for i := range rows {
		out.Items[i] = groupRow{appRow: rows[i], Items: references(docs[i].Items)}
		if in.CatalogWorkspaceID == "" && slices.Contains(in.Fields, "items") {
			if out.Items[i].Items, err = c.itemRows(ctx, seen[i].Items, docs[i].Items); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func groupItems(ctx context.Context, c *call, in *itemsAsked) (list[itemRow], error) {
	item, err := c.ws.Learning.Group(ctx, c.user.ID, in.ID, "", c.lang())
	if err != nil {
		return list[itemRow]{}, err
	}
	return c.itemPage(ctx, item.Items, item.Group.Items, &in.paging)
}
