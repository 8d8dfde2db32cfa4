package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/tenancy"

	"github.com/shopspring/decimal"
)

// played are documents of every kind that those who play see, in English and, where it matters, Italian.
const played = `{"documents": [
  {"kind": "Tag", "id": "green", "namespace": "team", "variant": "green", "defaultLang": "en", "translations": [{"lang": "en", "label": "Green"}, {"lang": "it", "label": "Verdi"}]},
  {"kind": "Activity", "id": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]},
  {"kind": "Story", "id": "rome", "defaultLang": "en", "translations": [{"lang": "en", "title": "Rome", "image": "https://x.test/rome.png", "slides": [{"contents": [{"type": "slide", "text": "Once"}]}]}, {"lang": "it", "title": "Roma", "image": "https://x.test/rome.png", "slides": [{"contents": [{"type": "slide", "text": "Una volta"}]}]}]},
  {"kind": "Quiz", "id": "year", "tags": [{"tagId": "green", "priority": 2}], "difficulty": "EASY", "placement": "STORY", "storyId": "rome", "correctAnswer": "opt2", "defaultLang": "en", "translations": [{"lang": "en", "question": "When?", "opt1": "1", "opt2": "753", "explanation": "Varro says so"}, {"lang": "it", "question": "Quando?", "opt1": "1", "opt2": "753", "explanation": "Lo dice Varrone"}]},
  {"kind": "Slide", "id": "hill", "tags": [{"tagId": "green"}], "defaultSlideLayoutId": "wide", "defaultLang": "en", "translations": [{"lang": "en", "title": "A hill", "content": {"textColor": "#fff", "contents": [{"type": "media", "text": "See", "media": {"type": "image", "url": "https://x.test/hill.png"}}]}}]},
  {"kind": "LearningGroup", "id": "seven", "tags": [{"tagId": "green"}], "title": "Seven", "estimatedDuration": 3, "items": [{"itemId": "year", "itemType": "quiz"}, {"itemId": "hill", "itemType": "slide", "languages": ["en"]}], "completionRule": true, "defaultLang": "en", "translations": [{"lang": "en", "title": "Seven hills"}, {"lang": "it", "title": "Sette colli"}]},
  {"kind": "LearningPath", "id": "ancient", "tags": [{"tagId": "green"}], "title": "Ancient", "estimatedDuration": 12.5, "items": [{"itemId": "rome", "itemType": "story"}, {"itemId": "seven", "itemType": "learningGroup"}, {"itemId": "run", "itemType": "activity"}], "defaultLang": "en", "translations": [{"lang": "en", "title": "Antiquity"}, {"lang": "it", "title": "Antichità"}]},
  {"kind": "LearningPath", "id": "spare", "title": "Spare", "estimatedDuration": 1, "items": [{"itemId": "hill", "itemType": "slide"}], "defaultLang": "en", "translations": [{"lang": "en", "title": "Spare"}]},
  {"kind": "LearningPathRule", "id": "all", "name": "All", "ruleType": "ASSIGN", "learningPathsPool": ["ancient"], "assignmentMode": "LAZY", "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2026-01-01T00:00:00Z", "defaultLang": "en", "translations": [{"lang": "en"}]},
  {"kind": "MissionConfiguration", "id": "three", "name": "Three runs", "missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "matchCondition": {"==": [{"var": "event.outcome"}, "SUCCESS"]}, "targetAmountExpression": 3, "defaultLang": "en", "translations": [{"lang": "en", "label": "Run three times"}, {"lang": "it", "label": "Corri tre volte"}]},
  {"kind": "MissionConfiguration", "id": "together", "name": "Together", "missionType": "GROUP", "matchType": "ENTITY", "matchEntity": "Activity", "targetAmountExpression": 10, "defaultLang": "en", "translations": [{"lang": "en", "label": "Together"}]},
  {"kind": "MissionRule", "id": "weekly", "name": "Weekly", "missionType": "INDIVIDUAL", "missionConfigurationsPool": ["three"], "timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-01-05T00:00:00Z", "assignmentMode": "LAZY", "defaultLang": "en", "translations": [{"lang": "en"}]},
  {"kind": "VirtualCurrency", "id": "points", "name": "Points", "maxAllowedBalance": 100, "icon": "https://x.test/p.png", "defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}, {"lang": "it", "label": "Punti"}]},
  {"kind": "VirtualCurrency", "id": "gems", "name": "Gems", "defaultLang": "en", "translations": [{"lang": "en", "label": "Gems"}]},
  {"kind": "RewardRule", "id": "per-run", "name": "Each run", "applicationMode": "ALWAYS", "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": {"var": "event.value"}}], "defaultLang": "en", "translations": [{"lang": "en"}]},
  {"kind": "StreakConfiguration", "id": "any", "name": "Any", "matchType": "ENTITY", "matchEntity": "Activity", "defaultLang": "en", "translations": [{"lang": "en", "label": "Active"}, {"lang": "it", "label": "Attivo"}]},
  {"kind": "StreakRule", "id": "daily", "name": "Daily", "streakConfigurationId": "any", "cadence": "DAY", "metric": "DAYS", "freezeEnabled": false, "goalTargets": [2], "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2026-01-01T00:00:00Z", "defaultLang": "en", "translations": [{"lang": "en", "name": "Daily"}]},
  {"kind": "RuntimeLeaderboardConfiguration", "id": "earned", "name": "Earned", "description": "Points earned", "showScore": false, "query": {"source": "virtual_transactions", "where": {"and": [{"==": [{"var": "virtualCurrencyId"}, "points"]}, {"==": [{"var": "direction"}, "CREDIT"]}]}, "entityId": "userId", "score": {"sum": {"var": "amount"}}}, "defaultLang": "en", "translations": [{"lang": "en", "label": "Points earned"}, {"lang": "it", "label": "Punti presi"}]},
  {"kind": "RuntimeLeaderboardConfiguration", "id": "teams", "name": "Teams", "displayTopN": 5, "query": {"source": "activity_logs", "entityId": {"tagNamespace": "team"}, "score": {"count": 1}}, "defaultLang": "en", "translations": [{"lang": "en", "label": "Teams"}]},
  {"kind": "RuntimeLeaderboard", "id": "all-time", "runtimeLeaderboardConfigurationId": "earned", "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-01-01T00:00:00Z"},
  {"kind": "RuntimeLeaderboard", "id": "monthly", "runtimeLeaderboardConfigurationId": "teams", "timeframeType": "RECURRING", "recurrence": "MONTHLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-01-01T00:00:00Z"}
]}`

// A game is a world with documents that are played: the member carries the tag "green".
type game struct {
	*world

	me, other client // the member, who speaks no language of its own, and the manager
}

// eachGame runs a test on every kind of store.
func eachGame(t *testing.T, test func(*testing.T, *game)) {
	eachStore(t, func(t *testing.T, w *world) { test(t, newGame(t, w)) })
}

func newGame(t testing.TB, w *world) *game {
	t.Helper()
	ctx := t.Context()
	_, err := w.ws.Import(ctx, []byte(played))
	require.NoError(t, err)
	_, err = w.ws.Users.AssignTags(ctx, "member", tenancy.Tagging{TagID: "green", Priority: 1})
	require.NoError(t, err)
	_, err = w.ws.Users.Update(ctx, "member", tenancy.UserPatch{Nickname: new("Ada"), ProfileImage: new("https://x.test/ada.png"), Timezone: new("Pacific/Auckland")})
	require.NoError(t, err)
	return &game{w, w.as("member", httpapi.App), w.as("manager", httpapi.App)}
}

// italian returns the member's client that asks for Italian.
func (g *game) italian() client {
	c := g.me
	c.token += " it"
	return c
}

// assign gives the member a path by hand, and returns the assignment's id.
func (g *game) assign(user, path string) string {
	g.Helper()
	a, err := g.ws.Learning.Assign(g.Context(), learning.NewAssignment{PathID: path, UserID: user})
	require.NoError(g, err)
	return a.ID
}

// grant gives a user points that are to be redeemed, and returns the transaction's id.
func (g *game) grant(user, id string, mode economy.RedemptionMode, amount int64) string {
	g.Helper()
	rows, err := g.ws.Economy.Grant(g.Context(), []economy.Grant{{ID: id, CurrencyID: "points", RedemptionMode: mode, Amount: decimal.NewFromInt(amount), DestinationUserID: user}})
	require.NoError(g, err)
	return rows[0].ID
}

// mission makes a mission by hand that begins later, and returns its id.
func (g *game) mission(n missions.NewMission) string {
	g.Helper()
	m, err := g.ws.Missions.Create(g.Context(), n)
	require.NoError(g, err)
	return m.ID
}

// tick lets a second go by.
func (g *game) tick() { g.now.set(g.now.get().Add(time.Second)) }

// inFull writes out what bodies have in common: where they are, and that they are as old as the world.
var inFull = strings.NewReplacer(
	"$where", `"accountId": "acme", "workspaceId": "default", "sourceRegion": "eu-west-1"`,
	"$when", `"createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:00.000Z"`,
)

// sees requires an answer's status and its whole body.
func (c client) sees(path string, want string) {
	c.Helper()
	c.answers("GET", path, "", 200, want)
}

// answers requires a status and a whole body, as JSON.
func (c client) answers(method, path, body string, status int, want string) {
	c.Helper()
	answer := c.send(method, path, body)
	require.Equal(c, status, answer.Code, "%s %s: %s", method, path, answer.Body)
	require.JSONEq(c, inFull.Replace(want), answer.Body.String(), "%s %s: %s", method, path, answer.Body)
}
