package learning_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
)

const (
	titles = `"title": "Rome", "defaultLang": "en", "translations": [{"lang": "en", "title": "Rome"}]`
	frame  = `"name": "R", "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
		"defaultLang": "en", "translations": [{"lang": "en"}]`
	onPath = `"assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "LearningPathLog"`
)

func TestBadDocuments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, kind, doc, field, reason string }{
		{"no title", "group", `{"translations": [{"lang": "en", "title": "x"}]}`, "title", "is empty"},
		{"type", "group", `{` + titles + `, "type": "exam"}`, "type", `"exam" is none of story, test, custom`},
		{"item type", "group", `{` + titles + `, "items": [{"itemId": "a", "itemType": "game"}]}`, "items[0].itemType", `"game" is none of`},
		{"itself", "group", `{"id": "g", ` + titles + `, "items": [{"itemId": "g", "itemType": "learningGroup"}]}`, "items[0].itemId", "is the document itself"},
		{"twice", "group", `{` + titles + `, "items": [{"itemId": "a", "itemType": "quiz"}, {"itemId": "a", "itemType": "quiz"}]}`, "items[1].itemId", "occurs twice"},
		{"language", "group", `{` + titles + `, "items": [{"itemId": "a", "itemType": "quiz", "languages": ["xx"]}]}`, "items[0].languages[0]", "not a supported"},
		{"source", "group", `{` + titles + `, "source": "rome"}`, "source", "is not a type and an id"},
		{"minutes", "group", `{` + titles + `, "estimatedDuration": -1}`, "estimatedDuration", "must not be less than 0"},
		{"outcome", "group", `{` + titles + `, "outcomeRule": "GREAT"}`, "outcomeRule", "gave a text, which is none of SUCCESS, FAIL"},
		{"rule path", "group", `{` + titles + `, "completionRule": {"var": "item"}}`, "completionRule/var", `did you mean "items"?`},
		{"never done", "group", `{` + titles + `, "completionRule": false}`, "completionRule", "always false"},
		{"no minutes", "path", `{` + titles + `}`, "estimatedDuration", "is missing"},
		{"no pool", "rule", `{` + frame + `, "ruleType": "ASSIGN", "assignmentMode": "LAZY"}`, "learningPathsPool", "is empty"},
		{"pool twice", "rule", `{` + frame + `, "ruleType": "ASSIGN", "assignmentMode": "LAZY", "learningPathsPool": ["a", "a"]}`, "learningPathsPool[1]", "occurs twice"},
		{"rule type", "rule", `{` + frame + `, "ruleType": "GIVE", "assignmentMode": "LAZY"}`, "ruleType", "none of ASSIGN, UNLOCK"},
		{"lazy unlock", "rule", `{` + frame + `, "ruleType": "UNLOCK", "unlockLearningPathId": "a", "assignmentMode": "LAZY"}`, "assignmentMode", "UNLOCK needs EVENT"},
		{"unlock what", "rule", `{` + frame + `, "ruleType": "UNLOCK", ` + onPath + `}`, "unlockLearningPathId", "is empty"},
		{"unlock a pool", "rule", `{` + frame + `, "ruleType": "UNLOCK", "unlockLearningPathId": "a", "learningPathsPool": ["a"], ` + onPath + `}`, "learningPathsPool", "is for ASSIGN"},
		{"event of activities", "rule", `{` + frame + `, "ruleType": "ASSIGN", "learningPathsPool": ["a"], "assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "Activity"}`, "eventMatchEntity", "is none of"},
		{"visibility", "rule", `{` + frame + `, "ruleType": "ASSIGN", "learningPathsPool": ["a"], "assignmentMode": "LAZY", "initialVisibilityCondition": "HIDDEN"}`, "initialVisibilityCondition", "none of UNLOCKED, LOCKED"},
		{"no schedule", "rule", `{` + frame + `, "ruleType": "ASSIGN", "learningPathsPool": ["a"], "assignmentMode": "SCHEDULED_PUSH"}`, "scheduleCron", "is missing"},
	} {
		t.Run(tt.kind+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			err := validate(t, tt.kind, tt.doc)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, tt.field+": ")
			require.ErrorContains(t, err, tt.reason)
		})
	}
}

func TestGoodDocuments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kind, doc string }{
		{"group", `{` + titles + `, "type": "test", "source": "story#rome", "items": [{"itemId": "a", "itemType": "quiz", "languages": ["it"]}],
			"completionRule": {"some": [{"var": "items"}, {"==": [{"var": "progress"}, "COMPLETE"]}]}, "outcomeRule": true}`},
		{"path", `{` + titles + `, "estimatedDuration": 7.5}`},
		{"rule", `{` + frame + `, "ruleType": "ASSIGN", "learningPathsPool": ["a"], "assignmentMode": "LAZY",
			"initialVisibilityCondition": {"if": [{"==": [{"var": "index"}, 0]}, "UNLOCKED", "LOCKED"]}}`},
		{"rule", `{` + frame + `, "ruleType": "UNLOCK", "unlockLearningPathId": "a", ` + onPath + `, "eventMatchCondition": {"==": [{"var": "progress"}, "COMPLETE"]}}`},
	} {
		require.NoError(t, validate(t, tt.kind, tt.doc), tt.doc)
	}
}

func validate(t *testing.T, kind, doc string) error {
	t.Helper()
	into, ok := map[string]interface{ Validate() error }{
		"group": new(learning.Group), "path": new(learning.Path), "rule": new(learning.Rule),
	}[kind]
	require.True(t, ok)
	require.NoError(t, json.Unmarshal([]byte(doc), into))
	return into.Validate()
}
