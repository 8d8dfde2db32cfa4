package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Rows of content, without what is around them.
const (
	quizBody      = `"quizId": "year", "difficulty": "EASY", "placement": "STORY", "storyId": "rome", "origin": "CUSTOM", "defaultLang": "en", "langs": ["en", "it"], $when`
	quizText      = `"quizId": "year", "lang": "en", "question": "When?", "opt1": "1", "opt2": "753", $when`
	slideBody     = `"slideId": "hill", "defaultSlideLayoutId": "wide", "origin": "CUSTOM", "defaultLang": "en", "langs": ["en"], $when`
	slideText     = `"slideId": "hill", "lang": "en", "title": "A hill", "content": {"textColor": "#fff", "contents": [{"type": "media", "text": "See", "media": {"type": "image", "url": "https://x.test/hill.png"}}]}, $when`
	storyBody     = `"storyId": "rome", "origin": "CUSTOM", "defaultLang": "en", "langs": ["en", "it"], $when`
	storyText     = `"storyId": "rome", "lang": "it", "title": "Roma", "image": "https://x.test/rome.png", "slides": [{"contents": [{"type": "slide", "text": "Una volta"}]}], $when`
	groupBody     = `"learningGroupId": "seven", "title": "Seven hills", "estimatedDuration": 3, "origin": "CUSTOM", "defaultLang": "en", "langs": ["en", "it"], "completionRule": {"if": [true]}, $when`
	groupText     = `"learningGroupId": "seven", "lang": "en", "title": "Seven hills", $when`
	groupItems    = `"items": [{"itemId": "year", "itemType": "quiz"}, {"itemId": "hill", "itemType": "slide", "languages": ["en"]}]`
	greenTag      = `{"tagId": "green", "priority": 0, $when}`
	notStarted    = `"progress": {"status": "NOT_STARTED"}`
	groupItemData = `{"itemId": "year", "itemType": "quiz", "itemData": {` + quizBody + `, "translation": {` + quizText + `, $where}, ` + notStarted + `}},
		{"itemId": "hill", "itemType": "slide", "languages": ["en"], "itemData": {` + slideBody + `, "translation": {` + slideText + `, $where}, ` + notStarted + `}}`
	groupProgress = `"progress": {"status": "NOT_STARTED", "progress": {"total": 2, "completed": 0, "percentage": 0},
		"items": [{"itemId": "year", "itemType": "quiz"}, {"itemId": "hill", "itemType": "slide"}], "currentItemId": "year", "currentItemType": "quiz"}`
)

// A quiz hides what is right, wherever it is shown, until the user has answered; in each context anew.
func TestQuizzesOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.me.sees("/quizzes", `{"items": [{`+quizBody+`}]}`)
		g.me.sees("/quizzes?fields=tags,translation", `{"items": [{`+quizBody+`, "tags": [{"tagId": "green", "priority": 2, $when}], "translation": {`+quizText+`, $where}}]}`)
		g.me.sees("/quizzes/year", `{`+quizBody+`}`)
		g.me.sees("/quizzes/year?fields=tags&fields=translation&fields=progress",
			`{`+quizBody+`, "tags": [{"tagId": "green", "priority": 2, $when}], "translation": {`+quizText+`, $where}, `+notStarted+`}`)
		g.me.sees("/quizzes/year/tags", `{"items": [{"tagId": "green", "priority": 2, $when}]}`)
		g.me.sees("/quizzes/year/tags/green", `{"quizId": "year", "tagId": "green", "entityType": "Quiz", "entityId": "year", "priority": 2, $when, $where}`)
		g.me.sees("/quizzes/year/translation", `{`+quizBody+`, "lang": "en", "question": "When?", "opt1": "1", "opt2": "753", $where}`)

		log := `{"quizId": "year", "userId": "member", "difficulty": "EASY", "answer": "opt1", "lang": "en", "progress": "COMPLETE", "outcome": "FAIL",
			"context": "default", "startedAt": "2026-03-02T09:00:00.000Z", "completedAt": "2026-03-02T09:00:00.000Z", $where}`
		g.me.answers("POST", "/quizzes/year/submit", `{"answer": "opt1", "progress": "START"}`, 200, log)
		g.me.answers("POST", "/quizzes/year/submit", `{"answer": "opt1"}`, 200, log)
		refused := g.me.do("POST", "/quizzes/year/submit", `{"answer": "opt2"}`, 400)
		require.Equal(t, httpapi.CodeOperation, refused["code"], "who has answered has answered")
		g.me.do("POST", "/quizzes/year/submit", `{"answer": "opt4"}`, 400)
		g.me.do("POST", "/quizzes/year/submit", `{"answer": "opt2", "context": "again", "parentId": "ancient", "parentType": "learningPath"}`, 403)
		g.me.do("POST", "/quizzes/none/submit", `{"answer": "opt2"}`, 404)
		g.as("viewer", httpapi.App).do("POST", "/quizzes/year/submit", `{"answer": "opt2"}`, 403)

		told := `"progress": {"status": "COMPLETED", "outcome": "FAIL", "answer": "opt1", "correctAnswer": "opt2", "explanation": "Varro says so",
			"startedAt": "2026-03-02T09:00:00.000Z", "completedAt": "2026-03-02T09:00:00.000Z"}`
		g.me.sees("/quizzes/year?fields=progress", `{`+quizBody+`, `+told+`}`)
		g.me.sees("/quizzes/year?fields=progress&context=again", `{`+quizBody+`, `+notStarted+`}`)
		g.other.sees("/quizzes/year?fields=progress", `{`+quizBody+`, `+notStarted+`}`)
	})
}

func TestSlidesOfTheApp(t *testing.T) {
	eachGame(t, func(_ *testing.T, g *game) {
		g.me.sees("/slides?fields=tags,translation", `{"items": [{`+slideBody+`, "tags": [`+greenTag+`], "translation": {`+slideText+`, $where}}]}`)
		g.me.sees("/slides/hill", `{`+slideBody+`}`)
		g.me.sees("/slides/hill?fields=progress", `{`+slideBody+`, `+notStarted+`}`)
		g.me.sees("/slides/hill/tags", `{"items": [`+greenTag+`]}`)
		g.me.sees("/slides/hill/tags/green", greenTag)
		g.me.sees("/slides/hill/translation", `{`+slideText+`}`)
		log := `"slideId": "hill", "userId": "member", "lang": "en", "context": "default", "parentId": "seven", "parentType": "learningGroup", "startedAt": "2026-03-02T09:00:00.000Z", $where`
		g.me.answers("POST", "/slides/hill/submit", `{"progress": "START", "parentId": "seven", "parentType": "learningGroup"}`, 200, `{`+log+`, "progress": "START"}`)
		g.me.sees("/slides/hill?fields=progress", `{`+slideBody+`, "progress": {"status": "IN_PROGRESS", "startedAt": "2026-03-02T09:00:00.000Z"}}`)
		g.me.answers("POST", "/slides/hill/submit", `{"progress": "COMPLETE"}`, 200, `{`+log+`, "progress": "COMPLETE", "completedAt": "2026-03-02T09:00:00.000Z"}`)
		g.me.do("POST", "/slides/hill/submit", `{"progress": "DONE"}`, 400)
		g.me.do("POST", "/slides/hill/submit", `{"progress": 3}`, 400)
		g.me.do("POST", "/slides/none/submit", `{"progress": "START"}`, 404)
	})
}

func TestStoriesOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		it := g.italian()
		it.sees("/stories?fields=tags,translation", `{"items": [{`+storyBody+`, "tags": [], "translation": {`+storyText+`, $where}}]}`)
		it.sees("/stories/rome", `{`+storyBody+`}`)
		it.sees("/stories/rome?fields=tags,translation,quizzes", `{`+storyBody+`, "tags": [], "translation": {`+storyText+`, $where}, "quizzes": [{`+quizBody+`, $where}]}`)
		it.sees("/stories/rome/translation", `{`+storyText+`}`)
		it.sees("/stories/rome/tags", `{"items": []}`)
		g.me.do("GET", "/stories/rome/tags/green", "", 404)
		_, err := g.ws.Stories.AssignTags(t.Context(), "rome", tenancy.Tagging{TagID: "green"})
		require.NoError(t, err)
		it.sees("/stories/rome/tags/green", greenTag)
		log := `"storyId": "rome", "userId": "member", "lang": "en", "context": "default", $when, $where`
		g.me.answers("POST", "/stories/rome/submit", `{"action": "BOOKMARK", "contentId": 1}`, 200, `{`+log+`, "action": "BOOKMARK", "contentId": 1}`)
		g.tick()
		g.me.answers("POST", "/stories/rome/submit", `{"action": "START_READ"}`, 200, `{"storyId": "rome", "userId": "member", "lang": "en", "context": "default", $where,
			"createdAt": "2026-03-02T09:00:01.000Z", "updatedAt": "2026-03-02T09:00:01.000Z", "action": "START_READ", "contentId": 0}`)
		g.me.do("POST", "/stories/rome/submit", `{"action": "BURN"}`, 400)
		g.me.do("POST", "/stories/rome/submit", `{"action": "SHARE", "contentId": -1}`, 400)
		g.me.do("POST", "/stories/none/submit", `{"action": "START_READ"}`, 404)
		g.me.do("POST", "/quizzes/year/submit", `{"answer": "opt2"}`, 200)
		g.me.sees("/stories/rome?fields=quizzes", `{`+storyBody+`, "quizzes": [{`+quizBody+`, "correctAnswer": "opt2", $where}]}`)
		g.other.sees("/stories/rome?fields=quizzes", `{`+storyBody+`, "quizzes": [{`+quizBody+`, $where}]}`)
	})
}

func TestGroupsOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.me.sees("/learning-groups", `{"items": [{`+groupBody+`, `+groupItems+`}]}`)
		g.me.sees("/learning-groups?fields=tags,translation,items",
			`{"items": [{`+groupBody+`, "tags": [`+greenTag+`], "translation": {`+groupText+`, $where}, "items": [`+groupItemData+`]}]}`)
		g.me.sees("/learning-groups/seven", `{`+groupBody+`, `+groupItems+`}`)
		g.me.sees("/learning-groups/seven?fields=tags,translation,items,progress",
			`{`+groupBody+`, "tags": [`+greenTag+`], "translation": {`+groupText+`, $where}, "items": [`+groupItemData+`], `+groupProgress+`}`)
		g.me.sees("/learning-groups/seven/tags", `{"items": [`+greenTag+`]}`)
		g.me.sees("/learning-groups/seven/tags/green", `{"learningGroupId": "seven", "tagId": "green", "entityType": "LearningGroup", "entityId": "seven", "priority": 0, $when, $where}`)
		g.me.sees("/learning-groups/seven/translation", `{`+groupText+`}`)
		g.italian().sees("/learning-groups/seven/translation", `{"learningGroupId": "seven", "lang": "it", "title": "Sette colli", $when}`)
		for _, path := range []string{"/learning-groups/seven/items", "/learning-paths/seven/items"} {
			g.me.sees(path, `{"items": [`+groupItemData+`]}`)
		}
		first := g.me.do("GET", "/learning-groups/seven/items?limit=1", "", 200)
		second := g.me.do("GET", "/learning-groups/seven/items?limit=1&nextToken="+first["nextToken"].(string), "", 200)
		require.Equal(t, "hill", second["items"].([]any)[0].(map[string]any)["itemId"])
		require.NotContains(t, second, "nextToken")
		g.me.do("GET", "/learning-groups/seven/items?nextToken=!", "", 400)
	})
}

// Who plays sees what is in force: no draft, and not what another workspace has unless it is a catalog.
func TestOnlyWhatIsInForce(t *testing.T) {
	eachGame(t, func(_ *testing.T, g *game) {
		d := g.as("admin", httpapi.Dashboard)
		g.tick()
		d.do("POST", "/slides", `{"slideId": "new", "defaultLang": "en", "translations": [{"lang": "en", "title": "New", "content": {"contents": []}}]}`, 201)
		d.do("PUT", "/slides/hill", `{"slideId": "hill", "defaultLang": "en", "translations": [{"lang": "en", "title": "Changed", "content": {"contents": []}}]}`, 200)
		g.me.sees("/slides?fields=translation", `{"items": [{`+slideBody+`, "translation": {`+slideText+`, $where}}]}`)
		g.me.sees("/slides/hill/translation", `{`+slideText+`}`)
		for _, path := range []string{"/slides/new", "/slides/new/tags", "/slides/new/tags/green", "/slides/new/translation"} {
			g.me.do("GET", path, "", 404)
		}
		g.me.do("GET", "/slides?catalogWorkspaceId=other", "", 403)
	})
}

// What a catalog has is listed as it is there, without tags, which are the catalog's own.
func TestCatalogsInTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		ctx := t.Context()
		_, err := g.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "shelf", Name: "Shelf", Type: tenancy.TypeCatalog})
		require.NoError(t, err)
		_, err = g.engine.Platform.UpdateWorkspace(ctx, g.ws.Scope(), tenancy.WorkspacePatch{Catalogs: &[]string{"shelf"}})
		require.NoError(t, err)
		shelf := g.ws.Scope()
		shelf.Workspace = "shelf"
		catalog, err := g.engine.Workspace(ctx, shelf)
		require.NoError(t, err)
		_, err = catalog.Import(ctx, []byte(played))
		require.NoError(t, err)
		g.me.sees("/quizzes?catalogWorkspaceId=shelf&fields=tags", `{"items": [{`+quizBody+`}]}`)
		seen := g.me.do("GET", "/learning-groups?catalogWorkspaceId=shelf&fields=items", "", 200)
		require.Len(t, seen["items"].([]any)[0].(map[string]any)["items"], 2)
	})
}
