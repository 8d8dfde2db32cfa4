package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A storyWithQuizzes is a story with its quizzes, if they are asked for.
type storyWithQuizzes struct {
	document[content.Story, content.StoryText]

	Quizzes *[]document[content.Quiz, content.Question] `json:"quizzes,omitempty"`
}

func storyRows(ctx context.Context, c *call, rows []document[content.Story, content.StoryText], fields []string) ([]storyWithQuizzes, error) {
	all := make([]storyWithQuizzes, len(rows))
	for i, row := range rows {
		all[i].document = row
	}
	if !slices.Contains(fields, "quizzes") {
		return all, nil
	}
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].Doc.ID
	}
	found, err := c.ws.Quizzes.ReferringToAny(ctx, content.Stories.Name(), ids...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		quizzes, err := quizKind().rows(ctx, c, found[ids[i]], nil)
		if err != nil {
			return nil, err
		}
		all[i].Quizzes = &quizzes
	}
	return all, nil
}

// A groupWithItems is a group with its items, and what they are if that is asked for. A pathWithItems is such a path, with who has it.
type (
	groupWithItems struct {
		document[learning.Group, learning.Title]

		Items []itemRow `json:"items,omitempty"`
	}
	pathWithItems struct {
		document[learning.Path, learning.Title]

		Items       []itemRow        `json:"items,omitempty"`
		Assignments *[]assignmentRow `json:"assignments,omitempty"`
	}
)

func groupRows(ctx context.Context, c *call, rows []document[learning.Group, learning.Title], fields []string) ([]groupWithItems, error) {
	items := make([][]learning.Item, len(rows))
	for i := range rows {
		items[i] = rows[i].Doc.Items
	}
	shown, err := c.outlines(ctx, items, slices.Contains(fields, "items"))
	if err != nil {
		return nil, err
	}
	all := make([]groupWithItems, len(rows))
	for i, row := range rows {
		all[i] = groupWithItems{row, shown[i]}
	}
	return all, nil
}

func pathRows(ctx context.Context, c *call, rows []document[learning.Path, learning.Title], fields []string) ([]pathWithItems, error) {
	items, ids := make([][]learning.Item, len(rows)), make([]string, len(rows))
	for i := range rows {
		items[i], ids[i] = rows[i].Doc.Items, rows[i].Doc.ID
	}
	shown, err := c.outlines(ctx, items, slices.Contains(fields, "items"))
	if err != nil {
		return nil, err
	}
	var learners map[string][]learning.Learner
	if slices.Contains(fields, "assignments") {
		if learners, err = c.ws.Learning.LearnersOf(ctx, ids...); err != nil {
			return nil, err
		}
	}
	all := make([]pathWithItems, len(rows))
	for i, row := range rows {
		all[i] = pathWithItems{document: row, Items: shown[i]}
		if learners != nil {
			assigned := c.learnerRows(learners[ids[i]])
			all[i].Assignments = &assigned
		}
	}
	return all, nil
}

// outlines returns the items of several outlines, with what they are if that is asked for, which is read at once.
func (c *call) outlines(ctx context.Context, outlines [][]learning.Item, data bool) ([][]itemRow, error) {
	all := make([][]itemRow, len(outlines))
	for i, items := range outlines {
		all[i] = references(items)
	}
	if !data {
		return all, nil
	}
	return all, c.resolve(ctx, all, func(_, _ int) int { return 0 })
}

// resolve says of rows of items what they are, which is read at once. For the item at [i][j] that is the version that is returned for it, or
// the document as it is being written for 0.
func (c *call) resolve(ctx context.Context, all [][]itemRow, version func(i, j int) int) error {
	pin := func(i, j int) content.Pin { return content.Pin{ID: all[i][j].ItemID, Version: version(i, j)} }
	wanted := map[learning.ItemType][]content.Pin{}
	for i, rows := range all {
		for j, row := range rows {
			wanted[row.ItemType] = append(wanted[row.ItemType], pin(i, j))
		}
	}
	found := map[learning.ItemType]map[content.Pin]any{}
	for t, pins := range wanted {
		slices.SortFunc(pins, func(a, b content.Pin) int { return cmp.Or(strings.Compare(a.ID, b.ID), a.Version-b.Version) })
		var err error
		if found[t], err = c.itemData(ctx, t, slices.Compact(pins)); err != nil {
			return err
		}
	}
	for i, rows := range all {
		for j := range rows {
			rows[j].ItemData = found[rows[j].ItemType][pin(i, j)]
		}
	}
	return nil
}

// dashboardItems are the rows of what items are, by their type.
func dashboardItems() map[learning.ItemType]reflect.Type {
	return map[learning.ItemType]reflect.Type{
		learning.ItemActivity: reflect.TypeFor[document[content.Activity, content.Label]](),
		learning.ItemQuiz:     reflect.TypeFor[document[content.Quiz, content.Question]](),
		learning.ItemSlide:    reflect.TypeFor[document[content.Slide, content.SlideText]](),
		learning.ItemStory:    reflect.TypeFor[document[content.Story, content.StoryText]](),
		learning.ItemGroup:    reflect.TypeFor[document[learning.Group, learning.Title]](),
	}
}

// itemData returns documents of a type of item as rows.
func (c *call) itemData(ctx context.Context, t learning.ItemType, pins []content.Pin) (map[content.Pin]any, error) {
	switch t {
	case learning.ItemActivity:
		return dataOf(ctx, c, activityKind(), pins)
	case learning.ItemQuiz:
		return dataOf(ctx, c, quizKind(), pins)
	case learning.ItemSlide:
		return dataOf(ctx, c, slideKind(), pins)
	case learning.ItemStory:
		return dataOf(ctx, c, storyKind(), pins)
	case learning.ItemGroup:
		return dataOf(ctx, c, groupKind(), pins)
	default:
		return map[content.Pin]any{}, nil
	}
}

func dataOf[T any, W content.Text](ctx context.Context, c *call, k *kind[T, W], pins []content.Pin) (map[content.Pin]any, error) {
	all := make(map[content.Pin]any, len(pins))
	for some := range slices.Chunk(pins, content.MaxItems) {
		docs, err := documentsAt(ctx, k.of(c.ws), some)
		if err != nil {
			return nil, err
		}
		for i := range docs {
			all[some[i]] = k.said(c, &docs[i])
		}
	}
	return all, nil
}

// documentsAt returns documents in the order of pins: the versions that they name, or the document as it is being written where they name none.
func documentsAt[T any](ctx context.Context, from content.Documents[T], pins []content.Pin) ([]T, error) {
	if pins[0].Version > 0 {
		return from.Versions(ctx, pins...)
	}
	ids := make([]string, len(pins))
	for i, pin := range pins {
		ids[i] = pin.ID
	}
	return from.GetMany(ctx, ids...)
}

// createsGroup declares what makes a group with its children, and createsPath the same of a path.
func createsGroup(k *kind[learning.Group, learning.Title], base string, codes []int) *operation {
	return declare("POST", base, tenancy.ContentCreate, "Create one of "+k.plural, codes, func(ctx context.Context, c *call, in *written) (row document[learning.Group, learning.Title], err error) {
		n, publish, err := newGroup(k, in.Body)
		if err != nil {
			return row, err
		}
		if err := c.mayPublish(publish); err != nil {
			return row, err
		}
		doc, err := c.ws.Learning.CreateGroup(ctx, n, publish)
		if err != nil {
			return row, err
		}
		return k.row(ctx, c, doc, nil)
	})
}

func createsPath(k *kind[learning.Path, learning.Title], base string, codes []int) *operation {
	return declare("POST", base, tenancy.ContentCreate, "Create one of "+k.plural, codes, func(ctx context.Context, c *call, in *written) (row document[learning.Path, learning.Title], err error) {
		children, publish, own, err := childrenOf(in.Body)
		if err != nil {
			return row, err
		}
		if err := c.mayPublish(publish); err != nil {
			return row, err
		}
		doc, err := k.draft(own)
		if err != nil {
			return row, err
		}
		doc, err = c.ws.Learning.CreatePath(ctx, learning.NewPath{Path: doc, Children: children}, publish)
		if err != nil {
			return row, err
		}
		return k.row(ctx, c, doc, nil)
	})
}

// mayPublish refuses who may create documents, and not publish them.
func (c *call) mayPublish(publish bool) error {
	if publish && !c.user.Can(tenancy.ContentLifecycle) {
		return fault.Forbidden("publish", "is not allowed to the role %s", c.user.Role)
	}
	return nil
}

func newGroup(k *kind[learning.Group, learning.Title], body map[string]json.RawMessage) (n learning.NewGroup, publish bool, err error) {
	children, publish, own, err := childrenOf(body)
	if err != nil {
		return n, false, err
	}
	doc, err := k.draft(own)
	return learning.NewGroup{Group: doc, Children: children}, publish, err
}

// childrenOf returns the items of a body, whether all is to be published, and the rest of the body.
func childrenOf(body map[string]json.RawMessage) (children []learning.Child, publish bool, own map[string]json.RawMessage, err error) {
	own = maps.Clone(body)
	delete(own, "items")
	delete(own, "publish")
	var items []map[string]json.RawMessage
	for name, into := range map[string]any{"items": &items, "publish": &publish} {
		if source := body[name]; source != nil && json.Unmarshal(source, into) != nil {
			return nil, false, nil, fault.Invalid(name, "is not of the type that is asked for")
		}
	}
	var faults []error
	for i, item := range items {
		child, err := childOf(item)
		children = append(children, child)
		faults = append(faults, fault.In(fmt.Sprintf("items[%d]", i), err))
	}
	return children, publish, own, errors.Join(faults...)
}

// A childBody is an item of a body, as the document shows it.
type childBody struct {
	// Type says what it is: a reference to what is there already, or a slide, quiz or learningGroup that is made together with it.
	Type string `json:"_type,omitempty"`
	// ItemID and ItemType are those of a reference.
	ItemID   string            `json:"itemId,omitempty"`
	ItemType learning.ItemType `json:"itemType,omitempty"`
	// Languages are those whose learners have the item; none means all.
	Languages []string `json:"languages,omitempty"`
	// Document is what is made: the fields of its kind.
	Document map[string]any `wire:"flat"`
}

// withChildren returns the form of a body with the items that may be made, and whether all is published.
func withChildren(f *forms, body *form) *form {
	return body.having("items", listOf(f.of(reflect.TypeFor[childBody]())), false).having("publish", f.of(reflect.TypeFor[bool]()), false)
}

// childOf returns an item of a body: what is there already, or what is to be made.
func childOf(item map[string]json.RawMessage) (child learning.Child, err error) {
	var t struct {
		Type      string   `json:"_type"`
		Languages []string `json:"languages"`
	}
	data, err := json.Marshal(item)
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		return child, malformed(err)
	}
	child.Languages = t.Languages
	switch t.Type {
	case "", "reference":
		child.Languages, child.Reference = nil, &learning.Item{}
		if err := json.Unmarshal(data, child.Reference); err != nil {
			return child, malformed(err)
		}
	case "slide":
		doc, err := slideKind().draft(item)
		child.Slide = &doc
		return child, err
	case "quiz":
		doc, err := quizKind().draft(item)
		child.Quiz = &doc
		return child, err
	case "learningGroup":
		n, _, err := newGroup(groupKind(), item)
		child.Group = &n
		return child, err
	default:
		return child, fault.Invalid("_type", "%q is none of reference, slide, quiz, learningGroup", t.Type)
	}
	return child, nil
}

// An assignmentRow is an assignment of a path, and whose it is where that is told.
type assignmentRow struct {
	learning.Assignment
	envelope

	User *learner `json:"user,omitempty"`
}

type learner struct {
	UserID       string `json:"userId"`
	Nickname     string `json:"nickname,omitempty"`
	ProfileImage string `json:"profileImage,omitempty"`
}

func (c *call) learnerRows(all []learning.Learner) []assignmentRow {
	rows := make([]assignmentRow, len(all))
	for i, l := range all {
		rows[i] = assignmentRow{l.Assignment, c.envelope(), &learner{l.UserID, l.Nickname, l.ProfileImage}}
	}
	return rows
}

// A pathOfUser is an assignment with its path, as who has it sees them, and where they are.
type pathOfUser struct {
	assignedRow
	envelope
}

// pathsOfUser returns assignments as rows, with the expansions that are asked for.
func (c *call) pathsOfUser(ctx context.Context, all []learning.AssignedPath, fields []string) ([]pathOfUser, error) {
	found, err := c.assignedRows(ctx, all, fields, c.assignedItems)
	rows := make([]pathOfUser, len(found))
	for i := range found {
		rows[i] = pathOfUser{found[i], c.envelope()}
	}
	return rows, err
}

// assignedItems returns the items of paths as their user is on them: in the versions that the user has, as those see them who write them.
func (c *call) assignedItems(ctx context.Context, paths []learning.AssignedPath) ([][]itemRow, error) {
	all := make([][]itemRow, len(paths))
	for i := range paths {
		all[i] = make([]itemRow, len(paths[i].Items))
		for j := range paths[i].Items {
			all[i][j] = reference(&paths[i].Items[j], paths[i].Path.Items)
		}
	}
	return all, c.resolve(ctx, all, func(i, j int) int { return paths[i].Items[j].Version })
}

type (
	itemsOf struct {
		paging

		ID string `path:"id"`
	}
	learnersOf struct {
		paging

		ID         string `path:"id"`
		State      string `enum:"PENDING,ACTIVE,ENDED" query:"state"`
		Visibility string `enum:"LOCKED,UNLOCKED"      query:"visibility"`
		// UserStatus picks those who are suspended; absent is active.
		UserStatus string `enum:"active,suspended"     query:"userStatus"`
	}
	cloned struct {
		cataloged

		ID   string    `path:"id"`
		Body *clonedOf `body:"json"`
	}
	clonedOf struct {
		CatalogWorkspaceID string `json:"catalogWorkspaceId"`
	}
	assignmentsOf struct {
		assignmentsAsked

		UserID string `query:"userId" required:"true"`
	}
	assignmentOf struct {
		ID     string   `path:"id"`
		UserID string   `query:"userId"                         required:"true"`
		Fields []string `enum:"tags,translation,items,progress" query:"fields"`
	}
	assigning struct {
		Body struct {
			LearningPathID string              `json:"learningPathId"`
			UserID         string              `json:"userId"`
			GroupID        string              `json:"groupId,omitempty"`
			TimeframeType  timeframe.Type      `json:"timeframeType"`
			StartsAt       time.Time           `json:"startsAt"`
			EndsAt         time.Time           `json:"endsAt,omitzero"`
			Visibility     learning.Visibility `json:"visibility"`
		} `body:"json"`
	}
)

// needsUser refuses a body that does not say for whom it is.
func needsUser(id string) error {
	if id == "" {
		return fault.Invalid("userId", "is missing")
	}
	return nil
}

// checkRange refuses an end without the type RANGE, and the other way round.
func checkRange(t timeframe.Type, end time.Time) error {
	switch {
	case t != timeframe.Permanent && t != timeframe.Range:
		return fault.Invalid("timeframeType", "%q is none of RANGE, PERMANENT", t)
	case t == timeframe.Range && end.IsZero():
		return fault.Invalid("endsAt", "is missing, RANGE needs it")
	case t == timeframe.Permanent && !end.IsZero():
		return fault.Invalid("endsAt", "is for RANGE only")
	}
	return nil
}

func dashboardLearning(f *forms) []*operation {
	called[storyWithQuizzes](f, "StoryWithQuizzes")
	called[groupWithItems](f, "LearningGroupWithItems")
	called[pathWithItems](f, "LearningPathWithItems")
	f.items[Dashboard] = dashboardItems()
	for _, t := range f.items[Dashboard] {
		f.of(t) // for what holds any of them
	}
	shapeOf[learning.Assignment](f, shape{
		hidden: []string{"learningPathRuleVersion", "context", "progress", "outcome", "beganAt", "versionsOf"}, always: []string{"state"},
	})
	return []*operation{
		declare("GET", "/learning-groups/{learningGroupId}/items", tenancy.ContentRead, "List the items of a group", codes(200, 401, 404), func(ctx context.Context, c *call, in *itemsOf) (list[itemRow], error) {
			doc, err := c.ws.Learning.Groups.Get(ctx, in.ID)
			if err != nil {
				return list[itemRow]{}, err
			}
			return c.outlinePage(ctx, doc.Items, &in.paging)
		}),
		declare("GET", "/learning-paths/{learningPathId}/items", tenancy.ContentRead, "List the items of a path", codes(200, 401, 404), func(ctx context.Context, c *call, in *itemsOf) (list[itemRow], error) {
			doc, err := c.ws.Learning.Paths.Get(ctx, in.ID)
			if err != nil {
				return list[itemRow]{}, err
			}
			return c.outlinePage(ctx, doc.Items, &in.paging)
		}),
		declare("POST", "/learning-paths/{learningPathId}/clone", tenancy.ContentCreate, "Clone a path of a catalog with all that it holds", codes(201, 400, 401, 403, 404), func(ctx context.Context, c *call, in *cloned) (row document[learning.Path, learning.Title], err error) {
			from := in.CatalogWorkspaceID
			if from == "" && in.Body != nil {
				from = in.Body.CatalogWorkspaceID
			}
			if from == "" {
				return row, fault.Invalid("catalogWorkspaceId", "is missing")
			}
			if err := c.mayPublish(true); err != nil {
				return row, err
			}
			doc, err := c.ws.Learning.Paths.Clone(ctx, from, in.ID)
			if err != nil {
				return row, err
			}
			return pathKind().row(ctx, c, doc, nil)
		}),
		declare("GET", "/learning-paths/{learningPathId}/assignments", tenancy.ContentRead, "List who has a path", codes(200, 401, 404), func(ctx context.Context, c *call, in *learnersOf) (list[assignmentRow], error) {
			if _, err := c.ws.Learning.Paths.Get(ctx, in.ID); err != nil {
				return list[assignmentRow]{}, err
			}
			filter := learning.LearnerFilter{
				State: timeframe.State(in.State), Visibility: learning.Visibility(in.Visibility), UserStatus: tenancy.Status(in.UserStatus),
			}
			found, next, err := c.ws.Learning.Learners(ctx, in.ID, filter, in.page())
			return list[assignmentRow]{c.learnerRows(found), next}, err
		}),
		declare("GET", "/learning-path-assignments", tenancy.ContentRead, "List the paths of a user", codes(200, 401), func(ctx context.Context, c *call, in *assignmentsOf) (list[pathOfUser], error) {
			found, next, err := c.ws.Learning.Assignments(ctx, in.UserID, in.query(c.lang()), in.page())
			if err != nil {
				return list[pathOfUser]{}, err
			}
			rows, err := c.pathsOfUser(ctx, found, in.Fields)
			return list[pathOfUser]{rows, next}, err
		}),
		declare("POST", "/learning-path-assignments", tenancy.ContentUpdate, "Assign a path to a user", codes(201, 400, 401, 404), func(ctx context.Context, c *call, in *assigning) (row assignmentRow, err error) {
			b := &in.Body
			if err := errors.Join(checkRange(b.TimeframeType, b.EndsAt), needsUser(b.UserID)); err != nil {
				return row, err
			}
			a, err := c.ws.Learning.Assign(ctx, learning.NewAssignment{
				PathID: b.LearningPathID, UserID: b.UserID, GroupID: b.GroupID, StartsAt: b.StartsAt, EndsAt: b.EndsAt, Visibility: b.Visibility,
			})
			return assignmentRow{Assignment: a, envelope: c.envelope()}, err
		}),
		declare("GET", "/learning-path-assignments/{learningPathAssignmentId}", tenancy.ContentRead, "Get a path of a user", codes(200, 401, 404), func(ctx context.Context, c *call, in *assignmentOf) (row pathOfUser, err error) {
			found, err := c.assigned(ctx, in.ID, in.UserID)
			if err != nil {
				return row, err
			}
			rows, err := c.pathsOfUser(ctx, []learning.AssignedPath{found}, in.Fields)
			if err != nil {
				return row, err
			}
			return rows[0], nil
		}),
	}
}

// outlinePage returns a page of an outline with what its items are.
func (c *call) outlinePage(ctx context.Context, all []learning.Item, p *paging) (list[itemRow], error) {
	items, next, err := inMemory(all, p)
	if err != nil {
		return list[itemRow]{}, err
	}
	rows, err := c.outlines(ctx, [][]learning.Item{items}, true)
	if err != nil {
		return list[itemRow]{}, err
	}
	return list[itemRow]{rows[0], next}, nil
}

// A ruleOrCurrencyText is what a streak rule or a currency says in one language.
type ruleOrCurrencyText struct {
	// RuleID is the streak rule's id, CurrencyID the currency's; the other one is absent.
	RuleID     string `json:"streakRuleId,omitempty"`
	CurrencyID string `json:"virtualCurrencyId,omitempty"`
	Lang       string `json:"lang"`
	// Name is what a streak rule is called, Label what a currency is.
	Name        string `json:"name,omitempty"`
	Label       string `json:"label,omitempty"`
	Description string `json:"description,omitempty"`
	stamped
}

// dashboardTranslations declares the translations that are not as those of other kinds: a streak rule's path is a currency's too, and
// those of a mission configuration are a bare list.
func dashboardTranslations() []*operation {
	rules, currencies, configurations := streakRuleKind(), currencyKind(), missionConfigurationKind()
	return []*operation{
		declare("GET", "/streak-rules/{streakRuleId}/translations", tenancy.ContentRead, "List the translations of a streak rule, or of a currency", codes(200, 401, 404), func(ctx context.Context, c *call, in *tagsOf) (out list[ruleOrCurrencyText], err error) {
			ofRule, err := rules.translations(ctx, c, in)
			for _, t := range ofRule.Items {
				out.Items = append(out.Items, ruleOrCurrencyText{
					RuleID: in.ID, Lang: t.Text.Lang, Name: t.Text.Name, Description: t.Text.Description, stamped: stamped{t.envelope, t.CreatedAt, t.UpdatedAt},
				})
			}
			if out.NextToken = ofRule.NextToken; !errors.Is(err, fault.ErrNotFound) {
				return out, err
			}
			ofCurrency, again := currencies.translations(ctx, c, in)
			if again != nil {
				return out, err
			}
			for _, t := range ofCurrency.Items {
				out.Items = append(out.Items, ruleOrCurrencyText{
					CurrencyID: in.ID, Lang: t.Text.Lang, Label: t.Text.Label, Description: t.Text.Description, stamped: stamped{t.envelope, t.CreatedAt, t.UpdatedAt},
				})
			}
			out.NextToken = ofCurrency.NextToken
			return out, nil
		}),
		declare("GET", "/mission-configurations/{missionConfigurationId}/translations", tenancy.ContentRead, "List the translations", codes(200, 401, 404), func(ctx context.Context, c *call, in *tagsOf) ([]textRow[content.Label], error) {
			if in.Limit == nil { // all of them: who expects a bare list knows no next page
				in.Limit = new(int64(content.MaxTranslations))
			}
			rows, err := configurations.translations(ctx, c, in)
			return rows.Items, err
		}),
	}
}
