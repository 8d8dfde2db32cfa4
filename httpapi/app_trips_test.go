package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A long page with all that can be asked for takes as many round trips as a short one.
func TestPagesAreReadTogether(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(databases.DSN(t))
	require.NoError(t, err)
	counter := &pgtest.Trips{}
	config.ConnConfig.Tracer = counter
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	g := newGame(t, newWorld(t, postgres.New(pool)))
	ctx := t.Context()
	const many = 30
	var docs []string
	for i := range many {
		id := fmt.Sprintf("x%02d", i)
		tail := fmt.Sprintf(`"tags": [{"tagId": "green"}], "defaultLang": "en", "translations": [{"lang": "en", "title": %q`, id)
		docs = append(docs,
			fmt.Sprintf(`{"kind": "Slide", "id": %q, %s, "content": {"contents": []}}]}`, id, tail),
			fmt.Sprintf(`{"kind": "Story", "id": %q, %s, "image": "https://x.test/a.png", "slides": [{"contents": []}]}]}`, id, tail),
			fmt.Sprintf(`{"kind": "Quiz", "id": %q, "difficulty": "EASY", "placement": "STORY", "storyId": "rome", "correctAnswer": "opt1", "tags": [{"tagId": "green"}], "defaultLang": "en", "translations": [{"lang": "en", "question": "?", "opt1": "1", "opt2": "2"}]}`, id),
			fmt.Sprintf(`{"kind": "LearningGroup", "id": %q, "title": "x", "items": [{"itemId": %q, "itemType": "slide"}, {"itemId": %q, "itemType": "quiz"}], %s}]}`, id, id, id, tail),
			fmt.Sprintf(`{"kind": "LearningPath", "id": %q, "title": "x", "estimatedDuration": 1, "items": [{"itemId": %q, "itemType": "learningGroup"}], %s}]}`, id, id, tail),
			fmt.Sprintf(`{"kind": "VirtualCurrency", "id": %q, "name": "x", "defaultLang": "en", "translations": [{"lang": "en", "label": "x"}]}`, id),
			fmt.Sprintf(`{"kind": "MissionConfiguration", "id": %q, "name": "x", "missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Quiz", "targetAmountExpression": 3, "defaultLang": "en", "translations": [{"lang": "en", "label": "x"}]}`, id),
			fmt.Sprintf(`{"kind": "RuntimeLeaderboard", "id": %q, "runtimeLeaderboardConfigurationId": "earned", "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-01-01T00:00:00Z"}`, id),
		)
	}
	_, err = g.ws.Import(ctx, []byte(`{"documents": [`+strings.Join(docs, ",")+`]}`))
	require.NoError(t, err)
	for i := range many {
		id := fmt.Sprintf("x%02d", i)
		g.assign("member", id)
		g.mission(missions.NewMission{ConfigurationID: id, UserID: "member"})
		_, err := g.ws.Users.Create(ctx, tenancy.NewUser{ID: id, Nickname: "Nick"})
		require.NoError(t, err)
		g.as(id, httpapi.App).do("POST", "/activity-logs", `{"activityId": "run", "userId": "`+id+`"}`, 201)
	}
	g.me.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member"}`, 201)
	for _, path := range []string{
		"/slides?fields=tags,translation", "/stories?fields=tags,translation", "/quizzes?fields=tags,translation", "/learning-groups?fields=tags,translation,items",
		"/learning-path-assignments?fields=tags,translation,items,progress", "/virtual-balances?fields=translation", "/missions?fields=translation",
		"/runtime-leaderboards?fields=translation", "/runtime-leaderboards/all-time/rankings?", "/virtual-transactions?",
	} {
		cost := func(limit, rows int) int64 {
			before := counter.Count()
			require.Len(t, g.me.do("GET", fmt.Sprintf("%s&limit=%d", path, limit), "", 200)["items"], rows, path)
			return counter.Count() - before
		}
		rows := many
		if strings.HasPrefix(path, "/virtual-transactions") {
			rows = 1
		}
		short := min(2, rows) // one row may be that of who asks, which is known
		cost(short, short)    // which learns what is in force
		few, all := cost(short, short), cost(many, rows)
		require.LessOrEqual(t, all, few, path)
		require.LessOrEqual(t, few, int64(10), path)
	}
	before := counter.Count()
	require.Len(t, g.me.do("GET", "/stories/rome?fields=quizzes,tags,translation", "", 200)["quizzes"], many+1)
	require.LessOrEqual(t, counter.Count()-before, int64(10))
}
