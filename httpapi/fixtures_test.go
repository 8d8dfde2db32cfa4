package httpapi_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A fixture is what a request for an operation needs to succeed, once, in the order in which operations are declared, where [world.furnish]
// has been.
type fixture struct {
	// path are the values of the path's parameters.
	path        []string
	query, body string
	// everybodys says that who is in another workspace may do it too, in the same account.
	everybodys bool
}

// url returns the path of a request, behind the context's.
func (f *fixture) url(o *httpapi.Operation) string {
	path, n := o.Path, 0
	path = parameter.ReplaceAllStringFunc(path, func(string) string { n++; return f.path[n-1] })
	if f.query != "" {
		path += "?" + f.query
	}
	return path
}

// of returns the fixture with the ids that a world has given, for a user.
func (f fixture) of(w *world, user string) fixture {
	var pairs []string
	for name, id := range w.ids {
		pairs = append(pairs, "@"+name, id)
	}
	pairs = append(pairs, "@me", user) // with which others begin
	names := strings.NewReplacer(pairs...)
	path := make([]string, len(f.path))
	for i, value := range f.path {
		path[i] = names.Replace(value)
	}
	return fixture{path, names.Replace(f.query), names.Replace(f.body), f.everybodys}
}

// secret is in what only the workspace "default" has, so that answers to others show whether it leaks.
const secret = "Sesame"

// A furnishing is a kind of document that the workspaces have: "kept" and the tags of every kind.
type furnishing struct {
	kind, plural, singular string
	// id is the name of the id, "" if nobody chooses it.
	id string
	// fields are those of a document; % is an id.
	fields string
	tagged bool
}

const (
	labels   = `"defaultLang": "en", "translations": [{"lang": "en", "label": "` + secret + `"}]`
	describe = `"defaultLang": "en", "translations": [{"lang": "en", "description": "` + secret + `"}]`
	titles   = `"title": "` + secret + `", "defaultLang": "en", "translations": [{"lang": "en", "title": "` + secret + `"}]`
	always   = `"timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2026-01-01T00:00:00.000Z"`
	page     = `{"contents": [{"type": "slide", "text": "` + secret + `"}]}`
)

var furnishings = []furnishing{
	{"Activity", "activities", "", "activityId", `"name": "` + secret + `", ` + labels, true},
	{"Quiz", "quizzes", "quiz", "quizId", `"difficulty": "EASY", "correctAnswer": "opt1", "placement": "STANDALONE", "defaultLang": "en",
		"translations": [{"lang": "en", "question": "` + secret + `?", "opt1": "Yes", "opt2": "No"}]`, true},
	{"Slide", "slides", "", "slideId", `"defaultLang": "en", "translations": [{"lang": "en", "title": "` + secret + `", "content": ` + page + `}]`, true},
	{"Story", "stories", "", "storyId", `"defaultLang": "en",
		"translations": [{"lang": "en", "title": "` + secret + `", "image": "https://example.com/a.png", "slides": [` + page + `]}]`, true},
	{"Tag", "tags", "tag", "", `"namespace": "` + secret + `", "variant": "%", ` + labels, false},
	{"LearningGroup", "learning-groups", "", "learningGroupId", titles + `, "items": [{"itemId": "kept", "itemType": "quiz"}]`, true},
	{"LearningPath", "learning-paths", "", "learningPathId", titles + `, "estimatedDuration": 5, "items": [{"itemId": "kept", "itemType": "learningGroup"}]`, true},
	{"LearningPathRule", "learning-path-rules", "", "learningPathRuleId", `"name": "` + secret + `", "ruleType": "ASSIGN", "assignmentMode": "LAZY",
		"learningPathsPool": ["kept"], ` + always + `, ` + describe, false},
	{"MissionConfiguration", "mission-configurations", "", "missionConfigurationId", `"name": "` + secret + `", "missionType": "INDIVIDUAL",
		"matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "kept", "matchCondition": {"if": [true]}, "incrementExpression": {"if": [1]},
		"targetAmountExpression": {"if": [3]}, ` + labels, true},
	{"MissionRule", "mission-rules", "", "missionRuleId", `"name": "` + secret + `", "missionType": "INDIVIDUAL", "missionsMatchCondition": null,
		"missionConfigurationsPool": ["kept"], "assignmentMode": "LAZY", ` + always + `, ` + describe, true},
	{"VirtualCurrency", "virtual-currencies", "", "virtualCurrencyId", `"name": "` + secret + `", "life": {"lifeType": "AFTER", "count": 12, "per": "MONTH"}, ` + labels, false},
	{"BadgeConfiguration", "badge-configurations", "", "badgeConfigurationId", `"name": "` + secret + `", "image": "https://example.com/a.png",
		"progressSourceEntityType": "MissionConfiguration", "progressSourceEntityId": "kept", ` + labels, true},
	{"RewardRule", "reward-rules", "", "", `"name": "` + secret + `", "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "kept",
		"matchCondition": null, "applicationMode": "ALWAYS", "maxPerUser": 3, "per": "WEEK", "budget": {"max": 100}, "counts": [{"name": "fast", "minutes": 10}],
		"rewards": [{"virtualCurrencyId": "kept", "redemptionMode": "AUTO", "expression": {"if": [2]}, "maxAmountPerUser": 10, "per": "DAY", "budget": {"max": 10000, "per": "DAY", "timezone": "Europe/Rome"}, "whenExceeded": "PART", "life": {"lifeType": "END_OF", "count": 1, "per": "YEAR"},
			"reviewCondition": {"or": [{">": [{"var": "recent.fast"}, 9]}, {">": [{"var": "value"}, 100]}]}}],
		` + describe, false},
	{"Boost", "boosts", "", "boostId", `"name": "` + secret + `", "rewardRulesPool": "ALL", "matchCondition": {"if": [true]}, "virtualCurrencyId": "kept",
		"factor": 1.5, "stacking": "MULTIPLY", ` + labels, false},
	{"Ladder", "ladders", "", "ladderId", `"name": "` + secret + `", "measure": {"type": "EVENTS", "ruleType": "INSTANCE", "matchEntity": "Activity",
		"matchEntityId": "kept", "matchCondition": {"if": [true]}, "expression": {"if": [2]}}, "demotion": "PERIOD", "demotionPeriod": "MONTH",
		"steps": [{"id": "bronze", "threshold": 1, "name": "` + secret + `", "translations": [{"lang": "en", "name": "` + secret + `"}]}, {"id": "gold", "threshold": 10.5, "name": "Gold"}],
		"defaultLang": "en", "translations": [{"lang": "en", "name": "` + secret + `"}]`, true},
	{"StreakConfiguration", "streak-configurations", "", "streakConfigurationId", `"name": "` + secret + `", "matchType": "INSTANCE",
		"matchEntity": "Activity", "matchEntityId": "kept", "matchCondition": {"if": [true]}, ` + labels, true},
	{"StreakRule", "streak-rules", "", "streakRuleId", `"streakConfigurationId": "kept", "cadence": "DAY", "metric": "DAYS", "freezeEnabled": false, ` + always + `,
		"name": "` + secret + `", "defaultLang": "en", "translations": [{"lang": "en", "name": "` + secret + `"}]`, true},
}

// furnish makes the workspace "default" one in which every fixture's request can be met.
func (w *world) furnish() {
	w.Helper()
	ctx := w.Context()
	shelf := store.Scope{Account: "acme", Workspace: "shelf"}
	_, err := w.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "shelf", Name: "Shelf", Type: tenancy.TypeCatalog})
	require.NoError(w, err)
	_, err = w.engine.Platform.UpdateWorkspace(ctx, w.ws.Scope(), tenancy.WorkspacePatch{Catalogs: &[]string{"shelf"}})
	require.NoError(w, err)
	catalog, err := w.engine.Workspace(ctx, shelf)
	require.NoError(w, err)
	_, err = catalog.Import(ctx, []byte(`{"documents": [{"kind": "LearningPath", "id": "shelved", "estimatedDuration": 1, `+titles+`}]}`))
	require.NoError(w, err)

	var documents []string
	for _, tag := range []string{"one", "two", "three"} {
		documents = append(documents, fmt.Sprintf(`{"kind": "Tag", "id": %q, "namespace": "n", "variant": %q, %s}`, tag, tag, labels))
	}
	for _, f := range furnishings {
		tags := ""
		if f.tagged {
			tags = `, "tags": [{"tagId": "one", "priority": 1}]`
		}
		documents = append(documents, fmt.Sprintf(`{"kind": %q, "id": "kept", %s%s}`, f.kind, strings.ReplaceAll(f.fields, "%", "kept"), tags))
	}
	documents = append(documents, `{"kind": "MissionConfiguration", "id": "several", "name": "`+secret+`", "missionType": "INDIVIDUAL",
		"goals": [{"id": "once", "name": "`+secret+`", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "kept", "targetAmountExpression": 1, "translations": [{"lang": "en", "label": "`+secret+`"}]},
			{"id": "twice", "name": "`+secret+`", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "kept", "targetAmountExpression": 2}],
		"goalsNeeded": 1, "requires": ["kept"], "hidden": true, `+labels+`}`,
		`{"kind": "MissionRule", "id": "everything", "name": "`+secret+`", "missionType": "INDIVIDUAL", "missionConfigurationsPool": "ALL", "assignmentMode": "LAZY",
		`+always+`, `+describe+`}`)
	documents = append(documents, `{"kind": "MobilityGoals", "id": "kept", "name": "`+secret+`",
		"metrics": [{"metric": "minutes", "transportTypes": ["walk"], "goals": [10]}]}`)
	_, err = w.ws.Import(ctx, []byte(`{"documents": [`+strings.Join(documents, ",")+`]}`))
	require.NoError(w, err)
	ranks := guerdontest.BoardConfiguration("kept", "kept")
	ranks.Name = secret
	bundle, err := guerdon.Bundle(ranks, guerdontest.Board("kept", ranks, ""))
	require.NoError(w, err)
	_, err = w.ws.Import(ctx, bundle)
	require.NoError(w, err)

	for _, u := range []tenancy.NewUser{{ID: "ada", ExternalID: "x-ada", Email: "ada@default.test", FirstName: "Ada", Nickname: secret}, {ID: "leaver"}, {ID: "parter"}, {ID: "twin"}} {
		_, err = w.ws.Users.Create(ctx, u)
		require.NoError(w, err)
	}
	_, err = w.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "gone", Name: secret})
	require.NoError(w, err)
	gone, err := w.engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: "gone"})
	require.NoError(w, err)
	for _, role := range roles {
		_, err = gone.Users.Create(ctx, tenancy.NewUser{Role: role, Email: string(role) + "@default.test"})
		require.NoError(w, err)
	}
	for _, id := range []string{"ada", "owner"} {
		_, err = w.ws.Users.AssignTags(ctx, id, tenancy.Tagging{TagID: "one"})
		require.NoError(w, err)
	}
	principal, err := w.ws.Users.Principal(ctx, "ada")
	require.NoError(w, err)
	key := w.portal("owner", "default").do("POST", "/workspaces/default/api-keys", `{"name": "`+secret+`", "context": "app", "role": "member"}`, 201)
	w.ids = map[string]string{"medium": w.upload(), "gone": w.upload(), "principal": principal.ID, "key": key["apiKeyId"].(string)}
	w.play(ctx)
}

// play makes what the owner of the workspace "default" has.
func (w *world) play(ctx context.Context) {
	w.Helper()
	mission, err := w.ws.Missions.Create(ctx, missions.NewMission{ConfigurationID: "kept", UserID: "owner"})
	require.NoError(w, err)
	assignment, err := w.ws.Learning.Assign(ctx, learning.NewAssignment{PathID: "kept", UserID: "owner"})
	require.NoError(w, err)
	w.ids["mission"], w.ids["assignment"] = mission.ID, assignment.ID
	_, err = w.ws.Economy.Grant(ctx, []economy.Grant{
		{ID: "paid", CurrencyID: "kept", Amount: decimal.NewFromInt(1000), DestinationUserID: "owner"},
		{ID: "pending", CurrencyID: "kept", Amount: decimal.NewFromInt(1), DestinationUserID: "owner", RedemptionMode: economy.Manual},
	})
	require.NoError(w, err)
	for _, id := range []string{"rushed", "hurried"} {
		_, err = w.ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "kept", Value: new(decimal.NewFromInt(101))})
		require.NoError(w, err)
	}
	held := economy.Hold{ID: "held", CurrencyID: "kept", Amount: decimal.NewFromInt(5), ExpiresAt: start.Add(time.Hour)}
	_, err = w.ws.Economy.Hold(ctx, "owner", held)
	require.NoError(w, err)
	_, err = w.ws.Badges.Award(ctx, badges.NewAward{ID: "honoured", UserID: "owner", ConfigurationID: "kept", Reason: secret})
	require.NoError(w, err)
	_, err = w.ws.Economy.Transfer(ctx, "owner", []economy.Grant{
		{ID: "sent", CurrencyID: "kept", Amount: decimal.NewFromInt(1), DestinationUserID: "ada", RedemptionMode: economy.Manual},
		{ID: "lost", CurrencyID: "kept", Amount: decimal.NewFromInt(1), DestinationUserID: "ada", RedemptionMode: economy.Manual},
	})
	require.NoError(w, err)
	_, err = w.ws.Mobility.Activate(ctx, mobility.Activation{UserID: "owner", Provider: "motiontag", Status: mobility.On})
	require.NoError(w, err)
	_, err = w.ws.Mobility.Track(ctx, []mobility.Tracking{{
		ProviderID: secret, UserID: "owner", Provider: "motiontag", Status: mobility.Track, Type: mobility.Walk, Length: 1000,
		StartsAt: start.Add(-time.Hour), EndsAt: start.Add(-30 * time.Minute),
	}})
	require.NoError(w, err)
	milestones, _, err := w.ws.Mobility.Milestones(ctx, "owner", mobility.Query{}, store.Page{})
	require.NoError(w, err)
	w.ids["milestone"] = milestones[0].ID
}

// upload makes a medium and returns its id.
func (w *world) upload() string {
	w.Helper()
	up, err := w.ws.Media.Upload(w.Context(), content.NewUpload{FileName: secret + ".txt", ContentType: "text/plain", FileSize: 1})
	require.NoError(w, err)
	r := httptest.NewRequestWithContext(w.Context(), http.MethodPut, up.UploadURL, strings.NewReader("x"))
	for name, value := range up.MetadataHeaders {
		r.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	blobs.ServeHTTP(answer, r)
	require.Less(w, answer.Code, 300, answer.Body)
	_, err = w.ws.Media.Confirm(w.Context(), up.MediaID)
	require.NoError(w, err)
	_, err = w.ws.Media.AssignTags(w.Context(), up.MediaID, tenancy.Tagging{TagID: "one"})
	require.NoError(w, err)
	return up.MediaID
}

// fixtures returns those of every operation.
func fixtures() map[string]fixture {
	all := map[string]fixture{}
	for _, f := range furnishings {
		list, one := "/"+f.plural, "/"+f.plural+"/{"+idOf(f.plural)+"}"
		kept := []string{"kept"}
		made := strings.ReplaceAll(f.fields, "%", "made")
		if f.id != "" {
			made = `"` + f.id + `": "made", ` + made
		}
		words := f.plural
		if f.singular != "" {
			words = f.singular
		}
		for operation, fixture := range map[string]fixture{
			"GET " + list:              {},
			"POST " + list:             {body: "{" + made + "}"},
			"GET " + one:               {path: kept},
			"PUT " + one:               {path: kept, body: "{" + strings.ReplaceAll(f.fields, "%", "kept") + "}"},
			"POST " + one + "/publish": {path: kept},
			"GET /" + words + "/{" + idOf(f.plural) + "}/translations": {path: kept},
		} {
			all["dashboard "+operation] = fixture
		}
		if f.tagged {
			tagFixtures(all, one, "kept")
		}
	}
	all["dashboard GET /mission-configurations/{missionConfigurationId}"] = fixture{path: []string{"several"}}
	all["dashboard GET /mission-rules/{missionRuleId}"] = fixture{path: []string{"everything"}}
	otherDashboard(all)
	app(all)
	portal(all)
	return all
}

// portal adds those of the Portal.
func portal(all map[string]fixture) {
	in, ada, key := []string{"default"}, []string{"default", "ada"}, []string{"default", "@key"}
	for operation, fixture := range map[string]fixture{
		"GET /accounts":                                        {},
		"GET /accounts/{accountId}":                            {path: []string{"acme"}, everybodys: true},
		"GET /audit-logs":                                      {},
		"GET /principals":                                      {},
		"GET /principals/{principalId}":                        {path: []string{"@principal"}},
		"GET /principals/{principalId}/workspaces":             {path: []string{"@principal"}},
		"GET /tenant/sub_tenant_ids":                           {query: "tenant_id=acme"},
		"GET /workspaces":                                      {},
		"POST /workspaces":                                     {body: `{"name": "Made"}`},
		"GET /workspaces/{workspaceId}":                        {path: in},
		"PATCH /workspaces/{workspaceId}":                      {path: in, body: `{"name": "` + secret + `"}`},
		"DELETE /workspaces/{workspaceId}":                     {path: []string{"gone"}},
		"GET /workspaces/{workspaceId}/api-keys":               {path: in},
		"POST /workspaces/{workspaceId}/api-keys":              {path: in, body: `{"name": "` + secret + `", "context": "dashboard", "role": "viewer"}`},
		"GET /workspaces/{workspaceId}/api-keys/{apiKeyId}":    {path: key},
		"DELETE /workspaces/{workspaceId}/api-keys/{apiKeyId}": {path: key},
		"GET /workspaces/{workspaceId}/users":                  {path: in},
		"POST /workspaces/{workspaceId}/users":                 {path: in, body: `{"email": "pat@default.test", "role": "member"}`},
		"GET /workspaces/{workspaceId}/users/{userId}":         {path: ada},
		"PATCH /workspaces/{workspaceId}/users/{userId}":       {path: ada, body: `{"role": "member"}`},
		"DELETE /workspaces/{workspaceId}/users/{userId}":      {path: []string{"default", "parter"}},
	} {
		all["portal "+operation] = fixture
	}
}

// query is what boards count: what users get.
const query = `{"from": {"sources": [{"table": "virtual_transactions", "alias": "t"}]},
	"select": {"fields": [{"source": "t.userId", "alias": "entityId"}], "expressions": [{"name": "score", "expression": {"sum": [{"var": "t.amount"}]}}]},
	"groupBy": {"columns": ["t.userId"]}}`

// otherDashboard adds those of the Dashboard that are not of a kind of document.
func otherDashboard(all map[string]fixture) {
	const begins = `"timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-01-01T00:00:00.000Z"`
	kept, ada, medium, assignment := []string{"kept"}, []string{"ada"}, []string{"@medium"}, []string{"@assignment"}
	board := `"name": "` + secret + `", "query": ` + query + `, ` + labels
	for operation, fixture := range map[string]fixture{
		"GET /audit-logs":                                           {},
		"GET /analytics/badges":                                     {},
		"GET /analytics/content":                                    {},
		"GET /analytics/economy":                                    {},
		"GET /analytics/engagement":                                 {},
		"GET /analytics/gamification":                               {},
		"GET /analytics/learning":                                   {},
		"GET /analytics/overview":                                   {},
		"GET /analytics/quiz":                                       {},
		"GET /users/{userId}/levels":                                {path: []string{"ada"}},
		"GET /learning-groups/{learningGroupId}/items":              {path: kept},
		"GET /learning-paths/{learningPathId}/items":                {path: kept},
		"GET /learning-paths/{learningPathId}/assignments":          {path: kept},
		"POST /learning-paths/{learningPathId}/clone":               {path: []string{"shelved"}, body: `{"catalogWorkspaceId": "shelf"}`},
		"GET /learning-path-assignments":                            {query: "userId=ada"},
		"GET /learning-path-assignments/{learningPathAssignmentId}": {path: assignment, query: "userId=owner"},
		"POST /learning-path-assignments": {body: `{"learningPathId": "kept", "userId": "ada", "timeframeType": "PERMANENT", "visibility": "UNLOCKED",
			"startsAt": "2026-03-02T09:00:00.000Z"}`},
		"GET /media":                        {},
		"GET /media/upload-url":             {query: "fileName=a.txt&contentType=text/plain&fileType=document&fileSize=1"},
		"GET /media/{mediaId}":              {path: medium},
		"PATCH /media/{mediaId}":            {path: medium, body: `{"translations": [{"lang": "en", "label": "` + secret + `"}]}`},
		"DELETE /media/{mediaId}":           {path: []string{"@gone"}},
		"GET /media/{mediaId}/translations": {path: medium},
		"POST /missions": {body: `{"missionConfigurationId": "kept", "missionType": "INDIVIDUAL", "userId": "ada", "timeframeType": "PERMANENT",
			"startsAt": "2026-03-02T09:00:00.000Z"}`},
		"GET /mobility/activation":                                                                 {},
		"PUT /mobility/activation":                                                                 {body: `{"status": "off"}`},
		"GET /mobility/activations":                                                                {},
		"POST /mobility/activations":                                                               {body: `{"status": "on"}`},
		"GET /mobility/milestones":                                                                 {},
		"GET /mobility/milestones/{mobilityMilestoneId}":                                           {path: []string{"@milestone"}},
		"POST /mobility/milestones/{mobilityMilestoneId}/redeem":                                   {path: []string{"@milestone"}},
		"GET /mobility/motiontag/status":                                                           {},
		"GET /mobility/motiontag/token":                                                            {},
		"GET /mobility/trackings":                                                                  {},
		"GET /runtime-leaderboard-configurations":                                                  {},
		"POST /runtime-leaderboard-configurations":                                                 {body: `{"runtimeLeaderboardConfigurationId": "made", ` + board + `}`},
		"GET /runtime-leaderboard-configurations/{runtimeLeaderboardConfigurationId}":              {path: kept},
		"PUT /runtime-leaderboard-configurations/{runtimeLeaderboardConfigurationId}":              {path: kept, body: `{` + board + `}`},
		"POST /runtime-leaderboard-configurations/{runtimeLeaderboardConfigurationId}/instances":   {path: kept, body: `{` + begins + `}`},
		"GET /runtime-leaderboard-configurations/{runtimeLeaderboardConfigurationId}/translations": {path: kept},
		"GET /runtime-leaderboards":                                                                {},
		"POST /runtime-leaderboards":                                                               {body: `{"runtimeLeaderboardConfigurationId": "kept", ` + begins + `}`},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}":                                         {path: kept},
		"PATCH /runtime-leaderboards/{runtimeLeaderboardId}":                                       {path: kept, body: `{` + begins + `}`},
		"GET /users":                                                {},
		"POST /users":                                               {body: `{"email": "eve@default.test", "firstName": "Eve", "nickname": "` + secret + `"}`},
		"GET /users/by-external-id/{externalId}":                    {path: []string{"x-ada"}},
		"GET /users/me":                                             {},
		"GET /users/me/principal":                                   {},
		"GET /users/{userId}":                                       {path: ada},
		"PATCH /users/{userId}":                                     {path: ada, body: `{"nickname": "` + secret + `"}`},
		"DELETE /users/{userId}":                                    {path: []string{"leaver"}},
		"GET /users/{userId}/badges":                                {path: ada},
		"POST /users/{userId}/badges":                               {path: ada, body: `{"badgeConfigurationId": "kept", "reason": "` + secret + `"}`},
		"POST /users/{userId}/merge":                                {path: []string{"twin"}, body: `{"intoUserId": "ada", "reason": "one person with two phones", "dryRun": true}`},
		"POST /virtual-transactions":                                {body: `{"transactions": [{"virtualCurrencyId": "kept", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": "ada"}]}`},
		"GET /virtual-transactions/held-for-review":                 {},
		"GET /reward-rules/{rewardRuleId}/budgets":                  {path: []string{"kept"}},
		"POST /virtual-transactions/release":                        {body: `{"virtualTransactionIds": ["rushed:kept:0"], "reason": "it was a relay"}`},
		"POST /virtual-transactions/void-all":                       {body: `{"virtualTransactionIds": ["hurried:kept:0"], "reason": "it was a bot"}`},
		"POST /users/{userId}/holds":                                {path: []string{"owner"}, body: `{"virtualCurrencyId": "kept", "amount": 2, "expiresAt": "2026-03-05T09:00:00Z"}`},
		"POST /virtual-transactions/{virtualTransactionId}/capture": {path: []string{"held"}, body: `{"amount": 3}`},
		"POST /virtual-transactions/{virtualTransactionId}/reverse": {path: []string{"paid"}, body: `{"amount": 1, "reason": "it came back"}`},
		"POST /virtual-transactions/{virtualTransactionId}/void":    {path: []string{"lost"}, body: `{"reason": "it was for another"}`},
		"GET /workspace":                                            {},
		"GET /workspace-configuration":                              {},
		"PUT /workspace-configuration":                              {body: configuration},
		"POST /workspace-configuration/publish":                     {},
		"DELETE /workspace-configuration":                           {},

		"GET /quizzes/{quizId}/translations":                                   {path: kept},
		"GET /tags/{tagId}/translations":                                       {path: kept},
		"GET /virtual-currencies/{virtualCurrencyId}/translations":             {path: kept},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings":            {path: kept},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings/around":     {path: kept, query: "entityId=owner"},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings/{entityId}": {path: []string{"kept", "owner"}},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}/periods":             {path: kept},
		"POST /events/batch":                {body: `[{"id": "happened", "entityId": "kept", "userId": "ada"}]`},
		"POST /dry-run":                     {body: `{"entityId": "kept", "userId": "ada"}`},
		"POST /events/{eventId}/retract":    {path: []string{"happened"}, body: `{"reason": "the class was cancelled"}`},
		"POST /events/{eventId}/amend":      {path: []string{"happened"}, body: `{"reason": "it was 24", "event": {"entityId": "kept", "userId": "ada", "value": 24}}`},
		"POST /quizzes/{quizId}/regrade":    {path: kept, body: `{"reason": "the key was wrong"}`},
		"GET /events/{eventId}/corrections": {path: []string{"happened"}},
		"POST /events/{eventId}/explain":    {path: []string{"happened"}},
		"POST /explain":                     {body: `{"eventId": "happened", "kind": "RewardRule", "id": "kept"}`},
		"GET /journal":                      {},
		"GET /users/{userId}/history":       {path: ada},
		"GET /users/{userId}/missions":      {path: ada},
		"GET /users/{userId}/virtual-balances/{virtualCurrencyId}/lapsing": {path: []string{"ada", "kept"}},
		"GET /bundle":       {},
		"POST /bundle":      {body: `{"documents": [{"kind": "Activity", "id": "bundled", "name": "` + secret + `", ` + labels + `}]}`},
		"POST /bundle/diff": {body: `{"documents": []}`},
	} {
		all["dashboard "+operation] = fixture
	}
	tagFixtures(all, "/users/{userId}", "ada")
	tagFixtures(all, "/media/{mediaId}", "@medium")
}

// configuration is one of a workspace.
const configuration = `{"branding": {"name": "` + secret + `"}, "layout": {}, "theme": {"light": {}, "dark": {}},
	"languages": {"defaultLanguage": "en", "supportedLanguages": ["en"]}, "features": {"missions": true}, "networking": {"allowedOrigins": []}}`

// app adds those of the App.
func app(all map[string]fixture) {
	kept, assignment := []string{"kept"}, []string{"@assignment"}
	for _, list := range []string{"/quizzes", "/slides", "/stories", "/learning-groups", "/learning-path-assignments", "/badge-configurations"} {
		id := map[string]string{"/learning-path-assignments": "learningPathAssignmentId"}[list]
		if id == "" {
			id = idOf(list[1:])
		}
		one, at := list+"/{"+id+"}", kept
		if id == "learningPathAssignmentId" {
			at = assignment
		}
		all["app GET "+list] = fixture{}
		all["app GET "+one] = fixture{path: at}
		all["app GET "+one+"/tags"] = fixture{path: at}
		all["app GET "+one+"/tags/{tagId}"] = fixture{path: []string{at[0], "one"}}
		all["app GET "+one+"/translation"] = fixture{path: at}
	}
	for operation, fixture := range map[string]fixture{
		"POST /activity-logs":                                              {body: `{"activityId": "kept", "userId": "@me"}`},
		"GET /analytics/community":                                         {},
		"GET /badges":                                                      {},
		"GET /badges/{badgeConfigurationId}":                               {path: kept},
		"GET /badges/{badgeConfigurationId}/credential":                    {path: kept, query: "badgeAwardId=honoured"},
		"GET /learning-path-assignments/{learningPathAssignmentId}/items":  {path: assignment},
		"GET /learning-paths":                                              {},
		"GET /learning-paths/{learningGroupId}/items":                      {path: kept},
		"GET /learning-paths/{learningPathId}":                             {path: kept},
		"GET /missions":                                                    {},
		"GET /missions/{missionId}":                                        {path: []string{"@mission"}},
		"POST /quizzes/{quizId}/submit":                                    {path: kept, body: `{"answer": "opt1"}`},
		"POST /slides/{slideId}/submit":                                    {path: kept, body: `{"progress": "COMPLETE"}`},
		"POST /stories/{storyId}/submit":                                   {path: kept, body: `{"action": "START_READ"}`},
		"GET /runtime-leaderboards":                                        {},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}":                 {path: kept},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings":        {path: kept},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings/me":     {path: kept},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings/live":   {path: kept},
		"GET /users/me/changes":                                            {},
		"GET /learning-groups/{learningGroupId}/items":                     {path: kept},
		"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings/around": {path: kept},
		"GET /streaks":                                                     {query: "periodType=DAY"},
		"GET /streaks/freeze-consents":                                     {},
		"GET /levels":                                                      {query: "fields=translation"},
		"GET /boosts":                                                      {query: "fields=translation"},
		"GET /levels/{ladderId}":                                           {path: []string{"kept"}, query: "fields=translation"},
		"PUT /streaks/{streakRuleId}/freeze-consent":                       {path: []string{"kept"}, body: `{"agreed": true}`},
		"GET /users/me":                                                    {},
		"PATCH /users/me":                                                  {body: `{"nickname": "` + secret + `"}`},
		"GET /users/me/principal":                                          {},
		"GET /users/me/stats":                                              {},
		"GET /users/me/tags":                                               {},
		"GET /users/me/tags/{tagId}":                                       {path: []string{"one"}},
		"GET /virtual-balances":                                            {},
		"GET /virtual-balances/{virtualCurrencyId}":                        {path: kept},
		"GET /virtual-balances/{virtualCurrencyId}/lapsing":                {path: kept},
		"GET /virtual-transactions":                                        {},
		"POST /virtual-transactions":                                       {body: `{"transactions": [{"virtualCurrencyId": "kept", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": "ada"}]}`},
		"GET /virtual-transactions/{virtualTransactionId}":                 {path: []string{"paid"}},
		"POST /virtual-transactions/{virtualTransactionId}/redeem":         {path: []string{"pending"}},
		"POST /virtual-transactions/{virtualTransactionId}/void":           {path: []string{"sent"}, body: `{"reason": "it was for another"}`},
		"GET /workspace-configuration":                                     {},
	} {
		all["app "+operation] = fixture
	}
}

// tagFixtures adds those of the tags of an entity: it carries one, is given two and three, and loses them.
func tagFixtures(all map[string]fixture, one, id string) {
	for operation, fixture := range map[string]fixture{
		"GET " + one + "/tags":            {path: []string{id}},
		"GET " + one + "/tags/{tagId}":    {path: []string{id, "one"}},
		"POST " + one + "/tags":           {path: []string{id}, body: `{"assignments": [{"tagId": "two"}]}`},
		"PATCH " + one + "/tags":          {path: []string{id}, body: `{"assignments": [{"tagId": "two", "priority": 2}]}`},
		"DELETE " + one + "/tags":         {path: []string{id}, body: `{"assignments": [{"tagId": "two"}]}`},
		"POST " + one + "/tags/{tagId}":   {path: []string{id, "three"}, body: `{"priority": 3}`},
		"PATCH " + one + "/tags/{tagId}":  {path: []string{id, "three"}, body: `{"priority": 4}`},
		"DELETE " + one + "/tags/{tagId}": {path: []string{id, "three"}},
	} {
		all["dashboard "+operation] = fixture
	}
}

// idOf returns the name of the id of what a path's word lists.
func idOf(plural string) string {
	for _, f := range furnishings {
		if f.plural == plural && f.id != "" {
			return f.id
		}
	}
	return map[string]string{"tags": "tagId", "reward-rules": "rewardRuleId"}[plural]
}

// everyOperation calls a test for each operation with its fixture for a user; one that has none fails.
func everyOperation(w *world, user string, test func(o *httpapi.Operation, f *fixture)) {
	w.Helper()
	all := fixtures()
	for _, o := range w.handler.Operations() {
		f, is := all[name(&o)]
		require.True(w, is, "%s has no fixture: add it to fixtures", name(&o))
		require.Len(w, f.path, strings.Count(o.Path, "{"), name(&o))
		f = f.of(w, user)
		test(&o, &f)
		delete(all, name(&o))
	}
	require.Empty(w, slices.Sorted(maps.Keys(all)), "fixtures has one of no operation")
}

// dump returns everything that a workspace has, but for the record of who was refused.
func (w *world) dump(workspace string) string {
	w.Helper()
	ws, err := w.engine.Workspace(w.Context(), store.Scope{Account: "acme", Workspace: workspace})
	require.NoError(w, err)
	var text strings.Builder
	require.NoError(w, ws.Dump(w.Context(), &text))
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	return strings.Join(slices.DeleteFunc(lines[:len(lines)-1], func(line string) bool { return strings.Contains(line, `"httpapi_audit_logs","key":`) }), "\n")
}

// listen lets requests go over connections until the test ends.
func (w *world) listen(t *testing.T) {
	w.server = httptest.NewServer(w.handler)
	t.Cleanup(w.server.Close)
}

// Each operation does what it is for when its request is right.
func TestEveryOperationSucceeds(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.furnish()
		w.listen(t)
		everyOperation(w, "owner", func(o *httpapi.Operation, f *fixture) {
			answer := w.as("owner", o.Context).send(o.Method, f.url(o), f.body)
			require.Equal(w, o.Statuses[0], answer.Code, "%s: %s", name(o), answer.Body)
			w.now.set(w.now.get().Add(1))
		})
	})
}

// A caller of another workspace is refused whatever only this one has, and changes nothing of it.
func TestNothingLeavesItsWorkspace(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.furnish()
		w.listen(t)
		here, there := w.dump("default"), w.dump("other")
		unchanged := func(o *httpapi.Operation) {
			require.Equal(t, here, w.dump("default"), name(o))
			require.Equal(t, there, w.dump("other"), name(o))
		}
		var last *httpapi.Operation
		everyOperation(w, "owner", func(o *httpapi.Operation, f *fixture) {
			f.body = strings.ReplaceAll(f.body, secret, "Mine") // what it makes of its own it may see
			c := w.as("owner", o.Context)
			if c.token = "owner other " + string(o.Context) + " web"; o.Context == httpapi.Portal {
				c = w.portal("owner", "other")
			}
			if len(f.path) == 0 && (o.Method != http.MethodGet || o.Path == "/media/upload-url") {
				if last != nil {
					unchanged(last)
				}
				c.send(o.Method, f.url(o), f.body) // of its own
				there = w.dump("other")
				return
			}
			answer := c.send(o.Method, f.url(o), f.body)
			require.NotContains(t, answer.Body.String(), secret, name(o))
			if answer.Code == 403 { // which its own records tell
				there = w.dump("other")
			}
			if len(f.path) > 0 && !f.everybodys {
				require.Contains(t, []int{400, 403, 404}, answer.Code, "%s: %s", name(o), answer.Body)
			}
			if strings.HasSuffix(t.Name(), "/memory") { // where it is quick
				unchanged(o)
			}
			last = o
		})
		unchanged(last)
	})
}

// A role may do what its permissions say, and nothing else.
func TestRolesMayDoWhatTheyMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	w.furnish()
	for _, role := range slices.Backward(roles) { // an owner may delete what the others may not
		var before string
		var refused []string // since before
		unchanged := func() {
			if len(refused) > 0 {
				require.Equal(t, before, w.dump("default"), "%s: %s", role, refused)
			}
			refused = nil
		}
		everyOperation(w, string(role), func(o *httpapi.Operation, f *fixture) {
			may := o.Permission == httpapi.Anyone || tenancy.Can(role, o.Permission)
			switch {
			case may && o.Method != http.MethodGet:
				unchanged()
			case !may && len(refused) == 0:
				before = w.dump("default")
			}
			answer := w.as(string(role), o.Context).send(o.Method, f.url(o), f.body)
			require.Equal(t, !may, answer.Code == 403, "%s, %s: %s", role, name(o), answer.Body)
			if !may {
				refused = append(refused, name(o))
			}
		})
		unchanged()
	}
}

// Nobody does anything without a token, with that of the other context, of a workspace or a user that does not exist, or of who is suspended.
func TestTokensOpenWhatTheyAreFor(t *testing.T) {
	w := newWorld(t, memory.New())
	w.furnish()
	w.listen(t)
	_, err := w.ws.Users.Suspend(t.Context(), "ada")
	require.NoError(t, err)
	before := w.dump("default")
	everyOperation(w, "owner", func(o *httpapi.Operation, f *fixture) {
		in, other := string(o.Context), "app"
		if o.Context == httpapi.App {
			other = "dashboard"
		}
		for token, want := range map[string]int{
			"": 401, "owner": 401, "owner default " + other + " web": 403, "owner nowhere " + in + " web": 403, "nobody default " + in + " web": 403,
			"ada default " + in + " web": 403,
		} {
			c := w.as("owner", o.Context)
			c.token = token
			require.Equal(t, want, c.send(o.Method, f.url(o), f.body).Code, "%s as %q", name(o), token)
		}
	})
	require.Equal(t, before, w.dump("default"))
}
