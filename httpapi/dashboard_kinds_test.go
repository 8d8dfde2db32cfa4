package httpapi_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
)

// stock gives a world what documents of other kinds refer to: a published tag, activity, currency, mission and streak configuration.
func (c client) stock() (tagID string) {
	c.Helper()
	tag := c.do("POST", "/tags", `{"namespace": "team", "variant": "red", "defaultLang": "en", "translations": [{"lang": "en", "label": "Red"}, {"lang": "it", "label": "Rosso"}]}`, 201)
	tagID = tag["tagId"].(string)
	for path, body := range map[string]string{
		"/activities/run": `{"activityId": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]}`,
		"/mission-configurations/thrice": `{"missionConfigurationId": "thrice", "name": "Thrice", "missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity",
			"matchCondition": {"if": [true]}, "incrementExpression": {"if": [1]}, "targetAmountExpression": {"if": [3]}, "defaultLang": "en", "translations": [{"lang": "en", "label": "Thrice"}]}`,
		"/streak-configurations/daily": `{"streakConfigurationId": "daily", "name": "Daily", "matchType": "ENTITY", "matchEntity": "Activity", "matchCondition": null, "defaultLang": "en", "translations": [{"lang": "en", "label": "Daily"}]}`,
		"/virtual-currencies/coins":    `{"virtualCurrencyId": "coins", "name": "Coins", "defaultLang": "en", "translations": [{"lang": "en", "label": "Coins"}]}`,
		"/stories/rome":                `{"storyId": "rome", "defaultLang": "en", "translations": [{"lang": "en", "title": "Rome", "image": "https://i.test/1", "slides": [{"contents": [{"type": "slide", "text": "Once"}]}]}]}`,
		"/quizzes/hills":               `{"quizId": "hills", "difficulty": "EASY", "correctAnswer": "opt2", "placement": "STORY", "storyId": "rome", "defaultLang": "en", "translations": [{"lang": "en", "question": "How many?", "opt1": "Six", "opt2": "Seven"}]}`,
		"/slides/forum":                `{"slideId": "forum", "defaultLang": "en", "translations": [{"lang": "en", "title": "Forum", "content": {"contents": [{"type": "slide", "text": "Here"}]}}]}`,
	} {
		at := path[:len(path)-len(path[lastSlash(path):])]
		c.do("POST", at, body, 201)
	}
	for _, path := range []string{
		"/tags/" + tagID, "/activities/run", "/mission-configurations/thrice", "/streak-configurations/daily", "/virtual-currencies/coins", "/stories/rome", "/quizzes/hills", "/slides/forum",
	} {
		c.do("POST", path+"/publish", "", 200)
	}
	return tagID
}

func lastSlash(path string) int {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			return i
		}
	}
	return 0
}

// Each kind of document answers what clients know of it, under the names that it has there: when it is made, replaced by as much as the
// body of an update can say, and published.
func TestKindsOfDocuments(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		tagID := c.stock()
		const frame = `"timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "Europe/Rome", "timeframeStartsAt": "2026-03-01T00:00:00.000Z"`
		described := `"defaultLang": "en", "translations": [{"lang": "en", "description": "It is."}]`
		labelled := `"defaultLang": "en", "translations": [{"lang": "en", "label": "It"}]`
		for _, tt := range []struct {
			path, id string
			made     bool // nobody chooses the id
			create   string
			// update is the body that replaces it; what is nil is the body that made it.
			update string
			// want is what both answer, but for the stage and what they have in common.
			want string
		}{
			{"/activities", "activityId", false, `{"activityId": "x", "name": "X", ` + labelled + `}`, "", `{"activityId": "x", "name": "X"}`},
			{
				"/quizzes", "quizId", false,
				`{"quizId": "x", "origin": "AI", "difficulty": "HARD", "correctAnswer": "opt1", "placement": "STANDALONE", "source": "book", "parentId": "p", "parentType": "learningPath",
				 "defaultLang": "en", "translations": [{"lang": "en", "question": "Which?", "opt1": "A", "opt2": "B", "explanation": "So."}]}`, "",
				`{"quizId": "x", "origin": "AI", "difficulty": "HARD", "correctAnswer": "opt1", "placement": "STANDALONE", "source": "book", "parentId": "p", "parentType": "learningPath"}`,
			},
			{
				"/slides", "slideId", false,
				`{"slideId": "x", "origin": "AI", "defaultSlideLayoutId": "wide", "defaultLang": "en", "translations": [{"lang": "en", "title": "X", "content": {"contents": []}}]}`, "",
				`{"slideId": "x", "origin": "AI", "defaultSlideLayoutId": "wide"}`,
			},
			{
				"/stories", "storyId", false,
				`{"storyId": "x", "defaultLang": "en", "translations": [{"lang": "en", "title": "X", "image": "https://i.test/1", "slides": [{"contents": []}]}]}`, "", `{"storyId": "x"}`,
			},
			{"/tags", "tagId", true, `{"namespace": "team", "variant": "blue", ` + labelled + `}`, "", `{"namespace": "team", "variant": "blue"}`},
			{
				"/learning-path-rules", "learningPathRuleId", false,
				`{"learningPathRuleId": "x", "ruleType": "ASSIGN", "name": "X", "learningPathsMatchCondition": {"==": [1, 1]}, "assignmentMode": "LAZY", "state": "ENDED", ` + frame + `, ` + described + `}`, "",
				`{"learningPathRuleId": "x", "ruleType": "ASSIGN", "name": "X", "learningPathsMatchCondition": {"==": [1, 1]}, "assignmentMode": "LAZY", "state": "ACTIVE", ` + frame + `}`,
			},
			{
				"/mission-configurations", "missionConfigurationId", false,
				`{"missionConfigurationId": "x", "name": "X", "missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
				 "matchCondition": true, "incrementExpression": null, "targetAmountExpression": 3, ` + labelled + `}`,
				`{"missionConfigurationId": "x", "name": "X", "missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "origin": "CUSTOM", "langs": ["fr"],
				 "matchCondition": {"if": [true]}, "incrementExpression": {"if": [1]}, "targetAmountExpression": {"if": [3]}, ` + labelled + `}`,
				`{"missionConfigurationId": "x", "name": "X", "missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
				 "matchCondition": {"if": [true]}, "incrementExpression": {"if": [1]}, "targetAmountExpression": {"if": [3]}}`,
			},
			{
				"/mission-rules", "missionRuleId", false,
				`{"missionRuleId": "x", "missionType": "INDIVIDUAL", "name": "X", "usersMatchCondition": {"!!": [{"var": "user.tags"}]}, "missionsMatchCondition": null, "missionConfigurationsPool": ["thrice"],
				 "assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "Activity", "timeframeType": "RECURRING", "recurrence": "DAILY",
				 "timeframeTimezoneType": "FIXED", "timeframeTimezone": "Europe/Rome", "timeframeStartsAt": "2026-03-01T00:00:00Z", ` + described + `}`,
				`{"missionRuleId": "x", "missionType": "INDIVIDUAL", "name": "X", "missionsMatchCondition": null, "missionConfigurationsPool": ["thrice"], "assignmentMode": "EVENT", "eventMatchEntity": "Activity",
				 "timeframeType": "RECURRING", "timeframeTimezoneType": "FIXED", "timeframeStartsAt": "2026-03-01T00:00:00Z", ` + described + `}`,
				`{"missionRuleId": "x", "missionType": "INDIVIDUAL", "name": "X", "usersMatchCondition": {"!!": [{"var": "user.tags"}]}, "missionsMatchCondition": null, "missionConfigurationsPool": ["thrice"],
				 "assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "Activity", "timeframeType": "RECURRING", "recurrence": "DAILY", "state": "ACTIVE",
				 "timeframeTimezoneType": "FIXED", "timeframeTimezone": "Europe/Rome", "timeframeStartsAt": "2026-03-01T00:00:00.000Z"}`,
			},
			{
				"/reward-rules", "rewardRuleId", true,
				`{"name": "X", "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": null, "applicationMode": "ALWAYS", "rewards": [{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": null}], ` + described + `}`, "",
				`{"name": "X", "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": null, "applicationMode": "ALWAYS", "rewards": [{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": null}]}`,
			},
			{
				"/virtual-currencies", "virtualCurrencyId", false,
				`{"virtualCurrencyId": "x", "name": "X", "minAllowedBalance": -10.5, "maxAllowedBalance": 100, "icon": "https://i.test/1", ` + labelled + `}`, "",
				`{"virtualCurrencyId": "x", "name": "X", "minAllowedBalance": -10.5, "maxAllowedBalance": 100, "icon": "https://i.test/1"}`,
			},
			{
				"/streak-configurations", "streakConfigurationId", false,
				`{"streakConfigurationId": "x", "name": "X", "matchType": "TAG", "matchEntity": "Tag", "matchEntityId": "` + tagID + `", "matchCondition": null, ` + labelled + `}`, "",
				`{"streakConfigurationId": "x", "name": "X", "matchType": "TAG", "matchEntity": "Tag", "matchEntityId": "` + tagID + `", "matchCondition": null}`,
			},
			{
				"/streak-rules", "streakRuleId", false,
				`{"streakRuleId": "x", "name": "X", "streakConfigurationId": "daily", "cadence": "WEEK", "metric": "WEEKS", "freezeEnabled": false, "goalTargets": [3, 7], ` + frame + `, "defaultLang": "en", "translations": [{"lang": "en", "name": "X"}]}`,
				`{"streakRuleId": "x", "name": "X", "streakConfigurationId": "daily", "cadence": "WEEK", "freezeEnabled": false, "goalTargets": [3, 7], ` + frame + `, "defaultLang": "en", "translations": [{"lang": "en", "name": "X"}]}`,
				`{"streakRuleId": "x", "name": "X", "streakConfigurationId": "daily", "cadence": "WEEK", "metric": "WEEKS", "freezeEnabled": false, "goalTargets": [3, 7], "state": "ACTIVE", ` + frame + `}`,
			},
		} {
			row := func(stage string) string {
				var want map[string]any
				require.NoError(t, json.Unmarshal([]byte(tt.want), &want))
				require.NoError(t, json.Unmarshal([]byte(`{"defaultLang": "en", "langs": ["en"], "stage": "`+stage+`", `+whole+`}`), &want))
				if want["origin"] == nil {
					want["origin"] = "CUSTOM"
				}
				data, err := json.Marshal(want)
				require.NoError(t, err)
				return string(data)
			}
			var made []string
			id := "x"
			if tt.made {
				made = []string{tt.id}
			}
			got := c.same("POST", tt.path, tt.create, 201, row("DRAFT"), made...)
			if tt.made {
				id = got[tt.id].(string)
			}
			one := tt.path + "/" + id
			c.same("GET", one, "", 200, row("DRAFT"), made...)
			update := tt.update
			if update == "" {
				update = tt.create
			}
			c.same("PUT", one, update, 200, row("DRAFT"), made...)
			c.same("POST", one+"/publish", "", 200, row("PUBLISHED"), made...)
			require.Contains(t, items(c.do("GET", tt.path+"?limit=100&order=asc", "", 200)), c.do("GET", one, "", 200))
			require.Equal(t, "fields", refusedField(t, c.do("GET", one+"?fields=nothing", "", 400)))
			if !tt.made {
				require.Equal(t, tt.id, refusedField(t, c.do("PUT", one, `{"`+tt.id+`": "another"}`, 400)))
				require.Equal(t, tt.id, refusedField(t, c.do("PUT", one, `{"`+tt.id+`": 7}`, 400)))
				c.do("POST", tt.path, tt.create, 409)
			}
			require.NotEmpty(t, c.do("POST", tt.path, `{"defaultLang": "en", "translations": []}`, 400)["details"])
			if tt.path != "/mission-configurations" {
				texts := c.do("GET", one+"/translations", "", 200)["items"].([]any)
				require.Len(t, texts, 1)
				said := object(t, tt.create)["translations"].([]any)[0].(map[string]any)
				require.NoError(t, json.Unmarshal([]byte(`{"`+tt.id+`": "`+id+`", `+whole+`}`), &said))
				require.Equal(t, said, texts[0], "it is as old as its document")
				require.Equal(t, texts, c.do("GET", one+"?fields=translations", "", 200)["translations"])
				require.Contains(t, items(c.do("GET", tt.path+"?fields=translations&limit=100&order=asc", "", 200)), c.do("GET", one+"?fields=translations", "", 200))
			}
		}
		require.Equal(t, "origin", refusedField(t, c.do("POST", "/activities", `{"origin": "AI", "name": "X", `+labelled+`}`, 400)))
	})
}

// An update that changes what a field was needed for does without it, and one that says null clears it.
func TestAnUpdateKeepsWhatItNeeds(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		c.stock()
		body := func(more string) string {
			return `{"missionRuleId": "x", "missionType": "INDIVIDUAL", "name": "X", "missionsMatchCondition": null, "missionConfigurationsPool": ["thrice"],
				"timeframeStartsAt": "2026-03-01T00:00:00Z", "defaultLang": "en", "translations": [{"lang": "en", "description": "It is."}], ` + more + `}`
		}
		c.do("POST", "/mission-rules", body(`"usersMatchCondition": {"==": [1, 1]}, "assignmentMode": "LAZY", "timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "Europe/Rome"`), 201)
		changed := c.do("PUT", "/mission-rules/x", body(`"assignmentMode": "LAZY", "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER"`), 200)
		for _, name := range []string{"recurrence", "timeframeTimezone"} {
			require.NotContains(t, changed, name)
		}
		require.Contains(t, changed, "usersMatchCondition")
		require.NotContains(t, c.do("PUT", "/mission-rules/x", body(`"usersMatchCondition": null, "assignmentMode": "LAZY", "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER"`), 200), "usersMatchCondition")
	})
}

// Where paths of two operations are one, and where a list is bare, it is as clients expect it.
func TestTranslationsThatAreOtherwise(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		c.stock()
		var bare []map[string]any
		answer := c.send("GET", "/mission-configurations/thrice/translations", "")
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &bare))
		require.Len(t, bare, 1)
		require.Equal(t, "Thrice", bare[0]["label"])
		require.Equal(t, "thrice", bare[0]["missionConfigurationId"])
		require.Equal(t, []any{bare[0]}, c.do("GET", "/mission-configurations/thrice?fields=translations", "", 200)["translations"])
		c.do("POST", "/streak-rules", `{"streakRuleId": "daily", "name": "Daily", "streakConfigurationId": "daily", "cadence": "DAY", "metric": "DAYS", "freezeEnabled": false, "timeframeType": "PERMANENT",
			"timeframeTimezoneType": "USER", "timeframeStartsAt": "2026-03-01T00:00:00Z", "defaultLang": "en", "translations": [{"lang": "en", "name": "Daily", "description": "Each day."}]}`, 201)
		c.same("GET", "/streak-rules/daily/translations", "", 200, `{"items": [{"streakRuleId": "daily", "lang": "en", "name": "Daily", "description": "Each day.", `+whole+`}]}`)
		for _, path := range []string{"/streak-rules/coins/translations", "/virtual-currencies/coins/translations"} {
			texts := items(c.do("GET", path, "", 200))
			require.Len(t, texts, 1)
			require.Equal(t, "coins", texts[0]["virtualCurrencyId"])
			require.NotContains(t, texts[0], "streakRuleId")
		}
		for _, path := range []string{"/quiz/hills/translations", "/quizzes/hills/translations"} {
			require.Equal(t, "How many?", items(c.do("GET", path, "", 200))[0]["question"])
		}
	})
}

// A page shows tags and other expansions if they are asked for, and not otherwise.
func TestExpansions(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		tagID := c.stock()
		c.do("POST", "/stories/rome/tags/"+tagID, "", 200)
		rome := items(c.do("GET", "/stories?fields=tags&fields=quizzes,translations", "", 200))[0]
		require.Equal(t, []any{map[string]any{"tagId": tagID, "priority": 0.0, "createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:00.000Z"}}, rome["tags"])
		require.Equal(t, "hills", rome["quizzes"].([]any)[0].(map[string]any)["quizId"])
		require.Contains(t, rome, "translations")
		plain := c.do("GET", "/stories/rome", "", 200)
		for _, name := range []string{"tags", "quizzes", "translations"} {
			require.NotContains(t, plain, name)
		}
		require.Empty(t, c.do("GET", "/activities/run?fields=tags", "", 200)["tags"])
		require.Equal(t, "fields", refusedField(t, c.do("GET", "/virtual-currencies?fields=tags", "", 400)))
		require.Empty(t, items(c.do("GET", "/streak-rules?state=ACTIVE", "", 200)))
		c.do("GET", "/streak-rules?state=SOON", "", 400)
	})
}
