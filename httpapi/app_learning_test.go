package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
)

// The assignment that a rule makes when the member asks, without what is around it.
const (
	ancientRow = `"learningPathAssignmentId": "member:all:ancient:PERMANENT", "learningPathId": "ancient", "userId": "member", "learningPathRuleId": "all",
		"periodId": "PERMANENT", "timeframeType": "PERMANENT", "startsAt": "2026-01-01T00:00:00.000Z", "state": "ACTIVE", "visibility": "UNLOCKED", $when,
		"estimatedDuration": 12.5, "origin": "CUSTOM", "defaultLang": "en", "langs": ["en", "it"]`
	ancientItems = `"items": [{"itemId": "rome", "itemType": "story"}, {"itemId": "seven", "itemType": "learningGroup"}, {"itemId": "run", "itemType": "activity"}]`
	ancientText  = `"learningPathId": "ancient", "lang": "it", "title": "Antichità", $when`
)

func TestAssignmentsOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		one := "/learning-path-assignments/member:all:ancient:PERMANENT"
		g.me.do("GET", one, "", 404)
		g.as("viewer", httpapi.App).sees("/learning-path-assignments", `{"items": []}`) // who may not submit gets nothing new
		g.as("viewer", httpapi.App).sees("/learning-paths", `{"items": []}`)
		row := `{` + ancientRow + `, "title": "Antiquity", ` + ancientItems + `}`
		g.me.sees("/learning-path-assignments", `{"items": [`+row+`]}`)
		g.me.sees("/learning-paths?state=ACTIVE&visibility=UNLOCKED&progressStatus=NOT_STARTED", `{"items": [`+row+`]}`)
		g.me.sees("/learning-paths?state=ENDED", `{"items": []}`)
		g.me.sees(one, row)
		g.me.sees("/learning-paths/ancient?context=any", row)
		progress := `"progress": {"status": "NOT_STARTED", "progress": {"total": 3, "completed": 0, "percentage": 0},
			"items": [{"itemId": "rome", "itemType": "story"}, {"itemId": "seven", "itemType": "learningGroup"}, {"itemId": "run", "itemType": "activity"}],
			"currentItemId": "rome", "currentItemType": "story"}`
		whole := `{` + ancientRow + `, "title": "Antichità", ` + ancientItems + `, "tags": [` + greenTag + `], "translation": {` + ancientText + `, $where}, ` + progress + `}`
		it := g.italian()
		it.sees("/learning-path-assignments?fields=tags,translation,progress", `{"items": [`+whole+`]}`)
		it.sees(one+"?fields=tags,translation,progress", whole)
		it.sees("/learning-paths/ancient?fields=tags,translation,progress", whole)
		it.sees(one+"/translation", `{`+ancientText+`}`)
		g.me.sees(one+"/tags", `{"items": [`+greenTag+`]}`)
		g.me.sees(one+"/tags/green", greenTag)
		g.me.do("GET", one+"/tags/none", "", 404)

		english := `"storyId": "rome", "lang": "en", "title": "Rome", "image": "https://x.test/rome.png", "slides": [{"contents": [{"type": "slide", "text": "Once"}]}], $when`
		items := `[{"itemId": "rome", "itemType": "story", "itemData": {` + storyBody + `, "translation": {` + english + `, $where}, ` + notStarted + `}},
			{"itemId": "seven", "itemType": "learningGroup", "itemData": {` + groupBody + `, "translation": {` + groupText + `, $where}, "items": [` + groupItemData + `], ` + groupProgress + `}},
			{"itemId": "run", "itemType": "activity", "itemData": {"activityId": "run", "name": "Run", "origin": "CUSTOM", "defaultLang": "en", "langs": ["en"], $when,
				"translation": {"activityId": "run", "lang": "en", "label": "Run", $when, $where}, ` + notStarted + `}}]`
		g.me.sees(one+"/items", `{"items": `+items+`}`)
		g.me.sees("/learning-paths/ancient/items", `{"items": `+items+`}`)
		g.me.sees("/learning-paths?fields=items", `{"items": [{`+ancientRow+`, "title": "Antiquity", "items": `+items+`}]}`)
		page := g.me.do("GET", one+"/items?limit=2", "", 200)
		require.Len(t, page["items"], 2)
		rest := g.me.do("GET", one+"/items?limit=2&nextToken="+page["nextToken"].(string), "", 200)
		require.Equal(t, "run", rest["items"].([]any)[0].(map[string]any)["itemId"])
		last := g.me.do("GET", one+"/items?limit=1&order=desc", "", 200)
		require.Equal(t, "run", last["items"].([]any)[0].(map[string]any)["itemId"])

		g.me.do("POST", "/stories/rome/submit", `{"action": "COMPLETE_READ"}`, 200)
		now := g.me.do("GET", one+"?fields=progress", "", 200)["progress"].(map[string]any)
		require.Equal(t, "IN_PROGRESS", now["status"])
		require.Equal(t, map[string]any{"total": 3.0, "completed": 1.0, "percentage": 33.0}, now["progress"])
	})
}

// Of several assignments of a path, the one that may be worked on is the user's.
func TestAPathWithSeveralAssignments(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.me.do("GET", "/learning-paths/spare", "", 404)
		byHand := g.assign("member", "spare")
		require.Equal(t, byHand, g.me.do("GET", "/learning-paths/spare", "", 200)["learningPathAssignmentId"])
		g.other.do("GET", "/learning-paths/spare", "", 404)
	})
}
