package proof_test

import (
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

func TestProblemsAreCountedByDocument(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		third := paying(object{"/": []any{variable("value"), 3}})
		w.importDocuments(t, reward("third", object{"rewards": third}),
			document("MissionConfiguration", "odd", object{
				"missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity", "incrementExpression": variable("additionalData.km"),
			}),
			document("MissionRule", "odd", with(missionRule(object{"missionConfigurationsPool": []string{"odd"}}), object{
				"id": nil, "assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "Activity",
			})))
		none, next, err := w.Problems(ctx, guerdon.ProblemFilter{}, store.Page{})
		require.NoError(t, err)
		require.Empty(t, none)
		require.Empty(t, next)
		record := func(id string, value int64, km any) {
			e := run(id, "ada", start)
			e.Value, e.Data = new(decimal.NewFromInt(value)), map[string]any{"km": km}
			_, err := w.Record(ctx, e)
			require.NoError(t, err)
			_, err = w.Record(ctx, e) // counts once
			require.NoError(t, err)
		}
		record("nine", 9, 1)
		record("ten", 10, 1)
		w.set(start.AddDate(0, 0, 1))
		record("far", 3, "far")
		w.set(start.AddDate(0, 0, 2))
		record("eleven", 11, 1)

		rule := guerdon.DocumentProblems{
			Source: "RewardRule/third", Count: 2, FirstAt: start, LastAt: start.AddDate(0, 0, 2), Field: "rewards[0].expression",
			Reason: "is finer than 0.000001", EventID: "eleven",
		}
		mission := guerdon.DocumentProblems{
			Source: "MissionConfiguration/odd", Count: 1, FirstAt: start.AddDate(0, 0, 1), LastAt: start.AddDate(0, 0, 1), Field: "incrementExpression",
			Reason: "gave a text, which is not a number", EventID: "far",
		}
		for name, tt := range map[string]struct {
			filter guerdon.ProblemFilter
			want   []guerdon.DocumentProblems
		}{
			"all":       {guerdon.ProblemFilter{}, []guerdon.DocumentProblems{rule, mission}},
			"of a kind": {guerdon.ProblemFilter{Kind: "MissionConfiguration"}, []guerdon.DocumentProblems{mission}},
			"of one":    {guerdon.ProblemFilter{Kind: "RewardRule", ID: "third"}, []guerdon.DocumentProblems{rule}},
			"of none":   {guerdon.ProblemFilter{Kind: "RewardRule", ID: "thir"}, nil},
		} {
			list, next, err := w.Problems(ctx, tt.filter, store.Page{})
			require.NoError(t, err, name)
			require.Empty(t, next, name)
			require.Equal(t, jsonOf(t, tt.want), jsonOf(t, list), name)
		}
		first, next, err := w.Problems(ctx, guerdon.ProblemFilter{}, store.Page{Limit: 1})
		require.NoError(t, err)
		second, _, err := w.Problems(ctx, guerdon.ProblemFilter{}, store.Page{Limit: 1, Token: next})
		require.NoError(t, err)
		require.Equal(t, []string{rule.Source, mission.Source}, []string{first[0].Source, second[0].Source})
		_, _, err = w.Problems(ctx, guerdon.ProblemFilter{ID: "third"}, store.Page{})
		require.EqualError(t, err, "kind: is missing; an id needs it")
	})
}

// The counts are those of the problems in the journal, whatever caused them.
func TestProblemCountsAreThoseOfTheJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	ctx := t.Context()
	w.importDocuments(t,
		board(object{"entityId": object{"tagNamespace": "nobody"}}),
		document("RuntimeLeaderboard", "new", object{
			"runtimeLeaderboardConfigurationId": "new", "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC",
			"timeframeStartsAt": "2020-01-01T00:00:00Z",
		}),
		reward("gems", object{"rewards": []object{{"virtualCurrencyId": "gems", "redemptionMode": "AUTO", "expression": 2}}}),
		missionRule(object{"usersMatchCondition": object{"==": []any{variable("user.lang"), "en"}}}))
	_, err := w.Users.Create(ctx, tenancy.NewUser{ID: "kim"})
	require.NoError(t, err)
	for i := range 5 {
		_, err := w.Record(ctx, event.Event{ID: fmt.Sprint("e", i), UserID: []string{"ada", "kim"}[i%2], EntityID: "run"})
		require.NoError(t, err)
	}
	require.NoError(t, w.Advance(ctx))
	want := map[string]int64{}
	entries, err := w.Journal(ctx, 0)
	require.NoError(t, err)
	for _, entry := range entries {
		for _, p := range entry.Outcome.Problems {
			want[p.Source]++
		}
	}
	require.Len(t, want, 2, "a rule that crosses a bound, and a board for nobody")
	list, _, err := w.Problems(ctx, guerdon.ProblemFilter{}, store.Page{})
	require.NoError(t, err)
	got := map[string]int64{}
	for _, p := range list {
		got[p.Source] = p.Count
	}
	require.Equal(t, want, got)
	dry, err := w.DryRun(ctx, event.Event{ID: "dry", UserID: "ada", EntityID: "run"})
	require.NoError(t, err)
	require.NotEmpty(t, dry.Problems)
	again, _, err := w.Problems(ctx, guerdon.ProblemFilter{}, store.Page{})
	require.NoError(t, err)
	require.Equal(t, list, again, "a dry run counts nothing")
}
