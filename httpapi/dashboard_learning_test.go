package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

const coursePath = `{"learningPathId": "course", "title": "Course", "estimatedDuration": 12.5, "publish": true, "defaultLang": "en", "translations": [{"lang": "en", "title": "Course"}], "items": [
	{"_type": "reference", "itemId": "forum", "itemType": "slide", "languages": ["en"]},
	{"_type": "quiz", "quizId": "new", "difficulty": "EASY", "correctAnswer": "opt1", "placement": "STANDALONE", "defaultLang": "en", "translations": [{"lang": "en", "question": "Which?", "opt1": "A", "opt2": "B"}]},
	{"_type": "learningGroup", "learningGroupId": "both", "title": "Both", "defaultLang": "en", "translations": [{"lang": "en", "title": "Both"}], "items": [
		{"itemId": "rome", "itemType": "story"},
		{"_type": "slide", "slideId": "inner", "defaultLang": "en", "languages": ["it"], "translations": [{"lang": "en", "title": "Inner", "content": {"contents": []}}]}]}]}`

// A path is made with what it holds, and published if that is asked for; all or nothing, and what is at fault is named with its place.
func TestPathsAndGroupsWithChildren(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("manager", httpapi.Dashboard)
		c.stock()
		row := func(stage, more string) string {
			return `{"learningPathId": "course", "title": "Course", "estimatedDuration": 12.5, "origin": "CUSTOM", "defaultLang": "en", "langs": ["en"], "stage": "` + stage + `",
				"items": [{"itemId": "forum", "itemType": "slide", "languages": ["en"]}, {"itemId": "new", "itemType": "quiz"}, {"itemId": "both", "itemType": "learningGroup"}]` + more + `, ` + whole + `}`
		}
		c.same("POST", "/learning-paths", coursePath, 201, row("PUBLISHED", ""))
		c.same("GET", "/learning-paths/course", "", 200, row("PUBLISHED", ""))
		c.same("GET", "/learning-groups/both", "", 200, `{"learningGroupId": "both", "title": "Both", "origin": "CUSTOM", "defaultLang": "en", "langs": ["en"], "stage": "PUBLISHED",
			"items": [{"itemId": "rome", "itemType": "story"}, {"itemId": "inner", "itemType": "slide", "languages": ["it"]}], `+whole+`}`)
		require.Equal(t, "PUBLISHED", c.do("GET", "/slides/inner", "", 200)["stage"])

		for _, list := range []string{"/learning-paths/course/items", "/learning-groups/both/items"} {
			all := items(c.do("GET", list, "", 200))
			first := c.do("GET", list+"?limit=1", "", 200)
			require.Equal(t, all[0], items(first)[0], "in the order of the author")
			require.Equal(t, all[1], items(c.do("GET", list+"?limit=1&nextToken="+first["nextToken"].(string), "", 200))[0])
			c.do("GET", list+"?nextToken=!", "", 400)
		}
		data := items(c.do("GET", "/learning-paths/course/items", "", 200))[0]
		want := c.do("GET", "/slides/forum?fields=translations", "", 200)
		require.Equal(t, map[string]any{"itemId": "forum", "itemType": "slide", "languages": []any{"en"}, "itemData": want}, data)
		shown := items(c.do("GET", "/learning-paths?fields=items", "", 200))[0]["items"].([]any)
		require.Equal(t, want, shown[0].(map[string]any)["itemData"])
		require.Equal(t, "both", shown[2].(map[string]any)["itemData"].(map[string]any)["learningGroupId"])

		// The body of an update knows no rules of a path; without items there are none.
		c.do("PUT", "/learning-paths/course", `{"learningPathId": "course", "title": "Course", "estimatedDuration": 1, "completionRule": {"==": [1, 1]}, "defaultLang": "en", "translations": [{"lang": "en", "title": "Course"}],
			"items": [{"itemId": "both", "itemType": "learningGroup"}]}`, 200)
		kept := c.do("PUT", "/learning-paths/course", `{"learningPathId": "course", "title": "Course", "estimatedDuration": 1, "defaultLang": "en", "translations": [{"lang": "en", "title": "Course"}]}`, 200)
		require.Contains(t, kept, "completionRule")
		require.NotContains(t, kept, "items")

		for body, field := range map[string]string{
			`{"learningPathId": "bad", "title": "Bad", "estimatedDuration": 1, "defaultLang": "en", "translations": [{"lang": "en", "title": "Bad"}], "items": [
				{"_type": "slide", "slideId": "lost", "defaultLang": "en", "translations": [{"lang": "en", "title": "", "content": {"contents": []}}]}]}`: "items[0].translations[0].title",
			`{"learningPathId": "bad", "title": "Bad", "estimatedDuration": 1, "defaultLang": "en", "translations": [{"lang": "en", "title": "Bad"}], "items": [{"_type": "survey"}]}`:                     "items[0]._type",
			`{"learningPathId": "bad", "title": "Bad", "estimatedDuration": 1, "defaultLang": "en", "translations": [{"lang": "en", "title": "Bad"}], "items": [{"itemId": "chess", "itemType": "game"}]}`: "items[0].itemType",
			`{"items": 7}`:         "items",
			`{"publish": "maybe"}`: "publish",
		} {
			require.Equal(t, field, refusedField(t, c.do("POST", "/learning-paths", body, 400)), body)
			require.NotEmpty(t, refusedField(t, c.do("POST", "/learning-groups", body, 400)), body)
		}
		c.do("GET", "/slides/lost", "", 404)
		c.do("POST", "/learning-groups", `{"learningGroupId": "alone", "title": "Alone", "type": "test", "estimatedDuration": 3, "source": "story#rome", "defaultLang": "en", "translations": [{"lang": "en", "title": "Alone"}], "items": [{"itemId": "forum", "itemType": "slide"}]}`, 201)
		require.Equal(t, "PUBLISHED", c.do("POST", "/learning-groups/alone/publish?cascade=true", "", 200)["stage"])
	})
}

// A path is assigned to users, whose paths and learners are listed.
func TestLearningPathAssignments(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("manager", httpapi.Dashboard)
		tagID := c.stock()
		c.do("POST", "/learning-paths", coursePath, 201)
		c.do("POST", "/learning-paths/course/tags", `{"assignments": [{"tagId": "`+tagID+`", "priority": 3}]}`, 200)
		const id = "member::course:PERMANENT"
		assigned := `"learningPathAssignmentId": "` + id + `", "learningPathId": "course", "userId": "member", "groupId": "spring", "periodId": "PERMANENT", "timeframeType": "PERMANENT",
			"startsAt": "2026-03-02T09:00:00.000Z", "state": "ACTIVE", "visibility": "UNLOCKED"`
		made := c.do("POST", "/learning-path-assignments", `{"learningPathId": "course", "userId": "member", "groupId": "spring", "timeframeType": "PERMANENT", "startsAt": "2026-03-02T09:00:00Z", "visibility": "UNLOCKED"}`, 201)
		one := "/learning-path-assignments/" + made["learningPathAssignmentId"].(string)
		made["learningPathAssignmentId"] = id
		require.Equal(t, object(t, `{`+assigned+`, `+whole+`}`), made)
		c.do("POST", "/learning-path-assignments", `{"learningPathId": "course", "userId": "member", "groupId": "spring", "timeframeType": "PERMANENT", "startsAt": "2026-03-02T09:00:00Z", "visibility": "UNLOCKED"}`, 409)
		c.do("POST", "/learning-path-assignments", `{"learningPathId": "nothing", "userId": "member", "timeframeType": "PERMANENT", "visibility": "UNLOCKED"}`, 404)
		c.do("POST", "/learning-path-assignments", `{"learningPathId": "course", "userId": "nobody", "timeframeType": "PERMANENT", "visibility": "UNLOCKED"}`, 404)
		for body, field := range map[string]string{
			`{"learningPathId": "course", "userId": "member", "timeframeType": "RANGE", "visibility": "UNLOCKED"}`:                                     "endsAt",
			`{"learningPathId": "course", "userId": "member", "timeframeType": "PERMANENT", "endsAt": "2027-01-01T00:00:00Z", "visibility": "LOCKED"}`: "endsAt",
			`{"learningPathId": "course", "userId": "member", "timeframeType": "RECURRING"}`:                                                           "timeframeType",
			`{"learningPathId": "course", "timeframeType": "PERMANENT"}`:                                                                               "userId",
			`{"learningPathId": "course", "userId": "member", "timeframeType": "PERMANENT", "visibility": "SEEN"}`:                                     "visibility",
		} {
			require.Equal(t, field, refusedField(t, c.do("POST", "/learning-path-assignments", body, 400)), body)
		}

		path := `"title": "Course", "estimatedDuration": 12.5, "origin": "CUSTOM", "defaultLang": "en", "langs": ["en"],
			"items": [{"itemId": "forum", "itemType": "slide", "languages": ["en"]}, {"itemId": "new", "itemType": "quiz"}, {"itemId": "both", "itemType": "learningGroup"}]`
		rows := items(c.do("GET", "/learning-path-assignments?userId=member", "", 200))
		require.Len(t, rows, 1)
		rows[0]["learningPathAssignmentId"] = id
		require.Equal(t, object(t, `{`+assigned+`, `+path+`, `+whole+`}`), rows[0])
		full := c.do("GET", one+"?userId=member&fields=tags,translation,items,progress", "", 200)
		require.Equal(t, object(t, `{"learningPathId": "course", "lang": "en", "title": "Course", `+whole+`}`), full["translation"])
		require.Len(t, full["tags"], 1)
		progress := full["progress"].(map[string]any)
		require.Equal(t, "NOT_STARTED", progress["status"])
		require.Equal(t, object(t, `{"total": 3, "completed": 0, "percentage": 0}`), progress["progress"])
		quiz := full["items"].([]any)[1].(map[string]any)["itemData"].(map[string]any)
		require.Equal(t, "opt1", quiz["correctAnswer"], "who writes it knows the answer, though the user did not answer yet")
		require.Equal(t, []any{object(t, `{"quizId": "new", "lang": "en", "question": "Which?", "opt1": "A", "opt2": "B", `+whole+`}`)}, quiz["translations"])
		require.Empty(t, items(c.do("GET", "/learning-path-assignments?userId=member&state=ENDED", "", 200)))
		require.Len(t, items(c.do("GET", "/learning-path-assignments?userId=member&state=ACTIVE&visibility=UNLOCKED&progressStatus=NOT_STARTED", "", 200)), 1)
		c.do("GET", "/learning-path-assignments", "", 400)
		c.do("GET", "/learning-path-assignments?userId=nobody", "", 404)
		c.do("GET", one, "", 400)
		c.do("GET", one+"?userId=viewer", "", 404)

		learners := items(c.do("GET", "/learning-paths/course/assignments?state=ACTIVE", "", 200))
		require.Len(t, learners, 1)
		require.Equal(t, object(t, `{"userId": "member"}`), learners[0]["user"])
		require.Empty(t, items(c.do("GET", "/learning-paths/course/assignments?visibility=LOCKED", "", 200)))
		require.Len(t, items(c.do("GET", "/learning-paths?fields=assignments", "", 200))[0]["assignments"], 1)
	})
}

// A path of a catalog is listed, read and cloned with all that it holds, by workspaces that may.
func TestClone(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		there := w.as("manager", httpapi.Dashboard)
		there.token = "manager other dashboard web"
		there.stock()
		there.do("POST", "/learning-paths", coursePath, 201)
		c := w.as("manager", httpapi.Dashboard)
		c.do("POST", "/learning-paths/course/clone?catalogWorkspaceId=other", "", 403)
		c.do("GET", "/quizzes?catalogWorkspaceId=other", "", 403)
		_, err := w.engine.Platform.UpdateWorkspace(ctx, store.Scope{Account: "acme", Workspace: "other"}, tenancy.WorkspacePatch{Type: new(tenancy.TypeCatalog)})
		require.NoError(t, err)
		_, err = w.engine.Platform.UpdateWorkspace(ctx, store.Scope{Account: "acme", Workspace: "default"}, tenancy.WorkspacePatch{Catalogs: new([]string{"other"})})
		require.NoError(t, err)
		require.Len(t, items(c.do("GET", "/quizzes?catalogWorkspaceId=other&fields=tags,translations", "", 200)), 2)
		require.Equal(t, "course", c.do("GET", "/learning-paths/course?catalogWorkspaceId=other", "", 200)["learningPathId"])
		c.do("GET", "/learning-paths/course", "", 404)
		c.do("POST", "/learning-paths/course/clone", "", 400)
		c.do("POST", "/learning-paths/nothing/clone?catalogWorkspaceId=other", "", 404)
		made := c.do("POST", "/learning-paths/course/clone", `{"catalogWorkspaceId": "other"}`, 201)
		require.Equal(t, "CATALOG", made["origin"])
		require.Equal(t, "course", made["catalogLearningPathId"])
		require.Equal(t, "other", made["catalogWorkspaceId"])
		require.Equal(t, "PUBLISHED", made["stage"])
		require.Equal(t, "CATALOG", c.do("GET", "/slides/inner", "", 200)["origin"])
	})
}
