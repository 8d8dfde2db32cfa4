package proof_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// reward is a rule that pays points for runs.
func reward(id string, fields object) object {
	return document("RewardRule", id, with(object{
		"ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "applicationMode": "ALWAYS",
		"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
	}, fields))
}

// paying is the rewards of a rule that pays what an expression gives.
func paying(expression any) []object {
	return []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": expression}}
}

func board(query object) object {
	return document("RuntimeLeaderboardConfiguration", "new", object{"query": with(object{
		"source": "activity_logs", "entityId": "userId", "score": object{"count": nil},
	}, query)})
}

// countingPoints is a mission over points.
func countingPoints(fields object) object {
	return document("MissionConfiguration", "new", with(object{
		"missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "VirtualTransaction", "matchEntityId": "points",
	}, fields))
}

func missionRule(fields object) object {
	return document("MissionRule", "new", with(object{
		"missionType": "INDIVIDUAL", "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
		"assignmentMode": "LAZY", "missionConfigurationsPool": []string{"three"},
	}, fields))
}

func TestWhatIsHardlyMeantIsAWarning(t *testing.T) {
	t.Parallel()
	var (
		small  = object{"<": []any{variable("additionalData.minutes"), 30}}
		third  = object{"/": []any{variable("value"), 3}}
		absent = `an absent additionalData.minutes passes this comparison, because it counts as 0; unless that is meant, guard it: ` +
			`{"and": [{"!=": [{"var": "additionalData.minutes"}, null]}, …]}`
		finer = `"/" gives what is finer than 0.000001, and so no amount, for most inputs; round the result with floor, ceil or round`
	)
	for name, tt := range map[string]struct {
		doc  object
		want []content.Warning
	}{
		"a tag that there is not": {
			reward("new", object{"matchCondition": object{"in": []any{"outdor", variable("user.tags")}}}),
			[]content.Warning{{Field: "matchCondition/in/0", Reason: `names Tag "outdor", which is not published; did you mean "outdoor"?`}},
		},
		"pay for whatever changes of a user": {
			document("RewardRule", "new", object{
				"ruleType": "ENTITY", "matchEntity": "User", "applicationMode": "ALWAYS", "rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
			}),
			[]content.Warning{{
				Field: "matchCondition", Reason: "is not said, so the rule pays whenever something of a user changes, such as the nickname, but not for the first deed or an anniversary; read change, tagsGained or tagsLost",
			}},
		},
		"an activity that there is not": {
			board(object{"where": object{"==": []any{variable("activityId"), "rum"}}}),
			[]content.Warning{{Field: "query.where/==/1", Reason: `names Activity "rum", which is not published; did you mean "run"?`}},
		},
		"a currency that there is not": {
			board(object{"source": "virtual_transactions", "where": object{"==": []any{variable("virtualCurrencyId"), "money"}}}),
			[]content.Warning{{Field: "query.where/==/1", Reason: `names VirtualCurrency "money", which is not published`}},
		},
		"a namespace that there is not": {
			board(object{"entityId": object{"tagNamespace": "plac"}}),
			[]content.Warning{{Field: "query.entityId", Reason: `no published tag has the namespace "plac", so nobody gets a score`}},
		},
		"a cap below what is paid": {
			reward("new", object{"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 5, "maxAmountPerUser": 4, "per": "DAY"}}}),
			[]content.Warning{{Field: "rewards[0].maxAmountPerUser", Reason: "is 4, and the reward 5: it is never paid, unless whenExceeded is PART"}},
		},
		"a cap that pays a part": {
			reward("new", object{"rewards": []object{{
				"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 5, "maxAmountPerUser": 4, "whenExceeded": "PART",
			}}}), nil,
		},
		"a count that nobody reads": {
			reward("new", object{"counts": []object{{"name": "fast", "minutes": 10}, {"name": "slow", "minutes": 60}}, "matchCondition": object{"<": []any{variable("recent.slow"), 9}}}),
			[]content.Warning{{Field: "counts[0]", Reason: "is read by no expression: recent.fast"}},
		},
		"a count for a review": {
			reward("new", object{"counts": []object{{"name": "fast", "minutes": 10}}, "rewards": []object{{
				"virtualCurrencyId": "points", "redemptionMode": "AUTO", "reviewCondition": object{">": []any{variable("recent.fast"), 9}},
			}}}), nil,
		},
		"nothing to exceed": {
			reward("new", object{"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "whenExceeded": "PART"}}}),
			[]content.Warning{{Field: "rewards[0].whenExceeded", Reason: "means nothing: there is no maxAmountPerUser, and points has no maxAllowedBalance"}},
		},
		"a rule that picks everything": {
			missionRule(object{"missionConfigurationsPool": nil}),
			[]content.Warning{{
				Field: "missionConfigurationsPool",
				Reason: "is not said, and there is no missionsMatchCondition, so the rule assigns every MissionConfiguration of type INDIVIDUAL, " +
					"also those that are published later; if that is meant, say \"ALL\"",
			}},
		},
		"earned and spent": {
			countingPoints(object{"incrementExpression": variable("amount")}),
			[]content.Warning{
				{Field: "matchCondition", Reason: "does not read direction, and neither does incrementExpression, so what is spent or given away counts like what is earned, " +
					`as an amount is more than 0 in both directions; compare it: {"==": [{"var": "direction"}, "CREDIT"]}, or "DEBIT"`},
				{Field: "matchCondition", Reason: "does not read reversalOf, and neither does incrementExpression, so what takes back another transaction counts like one that " +
					`somebody has made; leave it out: {"!": {"var": "reversalOf"}}`},
				{Field: "matchCondition", Reason: "does not read initiatorType, and neither does incrementExpression, so what RewardRule \"per-week\" pays for missions counts too, and one " +
					`completed mission may complete another; each is completed once, so it ends; leave that out: {"!=": [{"var": "initiator"}, "per-week"]}`},
			},
		},
		"always distinct": {
			document("MissionConfiguration", "new", object{"missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity", "distinctExpression": "a"}),
			[]content.Warning{{Field: "distinctExpression", Reason: "always gives the same value, so the mission counts one event; read what is to differ"}},
		},
		"what was earned":      {countingPoints(object{"matchCondition": operation("==", variable("event.initiatorType"), "USER")}), nil},
		"smallness":            {reward("new", object{"matchCondition": small}), []content.Warning{{Field: "matchCondition", Reason: absent}}},
		"smallness in a pay":   {reward("new", object{"rewards": paying(object{"if": []any{small, 10, 1}})}), []content.Warning{{Field: "rewards[0].expression/if/0", Reason: absent}}},
		"smallness in a where": {board(object{"where": small}), []content.Warning{{Field: "query.where", Reason: absent}}},
		"one for every three":  {reward("new", object{"rewards": paying(third)}), []content.Warning{{Field: "rewards[0].expression", Reason: finer}}},
		"a third of a score":   {board(object{"score": object{"sum": third}}), []content.Warning{{Field: "query.score.sum", Reason: finer}}},
		"a third of a freeze": {
			document("StreakRule", "new", object{
				"streakConfigurationId": "any", "cadence": "DAY", "metric": "DAYS", "freezeVirtualCurrencyId": "points", "timeframeType": "PERMANENT",
				"timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z", "freezeCostExpression": object{"sqrt": variable("streak.count")},
			}),
			[]content.Warning{{Field: "freezeCostExpression", Reason: strings.Replace(finer, "/", "sqrt", 1)}},
		},

		"a tag that there is":       {reward("new", object{"matchCondition": object{"in": []any{"outdoor", variable("user.tags")}}}), nil},
		"a namespace that there is": {board(object{"entityId": object{"tagNamespace": "place"}}), nil},
		"a pool":                    {missionRule(nil), nil},
		"a pool of all":             {missionRule(object{"missionConfigurationsPool": "ALL"}), nil},
		"a condition for a pool":    {missionRule(object{"missionConfigurationsPool": nil, "missionsMatchCondition": object{"==": []any{variable("mission.name"), "Three"}}}), nil},
		"a guard":                   {reward("new", object{"matchCondition": object{"and": []any{variable("additionalData.minutes"), small}}}), nil},
		"a floor":                   {reward("new", object{"rewards": paying(object{"floor": third})}), nil},
		"distinct thirds":           {board(object{"score": object{"count_distinct": third}}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, memory.New())
			of, key := bundle(t, tt.doc), fmt.Sprint(tt.doc["kind"], "/", tt.doc["id"])
			var inBundle []content.Warning
			for _, one := range tt.want {
				inBundle = append(inBundle, content.Warning{Field: "documents[0]." + one.Field, Reason: one.Reason})
			}
			before := w.dump(t, w.Scope())
			dry, err := w.DryImport(t.Context(), of)
			require.NoError(t, err)
			requireSameRows(t, before, w.dump(t, w.Scope()))
			done, err := w.Import(t.Context(), of)
			require.NoError(t, err)
			require.Equal(t, content.Imported{Created: []string{key}, Warnings: inBundle}, done)
			require.Equal(t, done, dry)
			require.Equal(t, tt.want, w.warningsOf(t, tt.doc["kind"].(string)))
			again, err := w.Import(t.Context(), of)
			require.NoError(t, err)
			require.Equal(t, content.Imported{Unchanged: []string{key}, Warnings: inBundle}, again, "what is in force is warned of as well")
		})
	}
}

// warningsOf returns what a list shows of the document new of a kind, which Get shows too.
func (w *world) warningsOf(t *testing.T, kind string) []content.Warning {
	t.Helper()
	switch kind {
	case "RewardRule":
		return shownBy(t, w.Economy.RewardRules)
	case "MissionRule":
		return shownBy(t, w.Missions.Rules)
	case "StreakRule":
		return shownBy(t, w.Streaks.Rules)
	case "RuntimeLeaderboardConfiguration":
		return shownBy(t, w.Leaderboards.Configurations)
	case "MissionConfiguration":
		return shownBy(t, w.Missions.Configurations)
	}
	require.Fail(t, "how are documents listed?", kind)
	return nil
}

func shownBy[T any, P interface {
	*T
	content.Document
}](t *testing.T, docs content.Documents[T]) []content.Warning {
	t.Helper()
	one, err := docs.Get(t.Context(), "new")
	require.NoError(t, err)
	for _, filter := range []content.Filter{{}, {InForce: true}} {
		list, _, err := docs.List(t.Context(), filter, store.Page{})
		require.NoError(t, err)
		for _, doc := range list {
			if P(&doc).Head().ID == "new" {
				require.Equal(t, P(&one).Head().Warnings, P(&doc).Head().Warnings)
				return P(&one).Head().Warnings
			}
		}
	}
	require.Fail(t, "the document is in no list")
	return nil
}

// A warning is of the moment at which it is read, and is part of nothing.
func TestWarningsAreOfWhatIsInForce(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.importDocuments(t, reward("new", object{"matchCondition": object{"in": []any{"gold", variable("user.tags")}}}))
		rule, err := w.Economy.RewardRules.Get(ctx, "new")
		require.NoError(t, err)
		require.Len(t, rule.Header.Warnings, 1)

		// It does not make a document another: neither in a bundle nor as a draft.
		bundled, err := guerdon.Bundle(&rule)
		require.NoError(t, err)
		require.NotContains(t, string(bundled), "warnings")
		exported, err := w.Export(ctx)
		require.NoError(t, err)
		require.NotContains(t, string(exported), "warnings")
		stale := strings.Replace(string(exported), `"id": "new"`, `"id": "new", "warnings": [{"field": "a", "reason": "b"}]`, 1)
		d, err := guerdon.Diff(exported, []byte(stale))
		require.NoError(t, err)
		require.Equal(t, content.Difference{}, d)
		done, err := w.Import(ctx, []byte(stale))
		require.NoError(t, err)
		require.Empty(t, append(done.Created, done.Changed...))
		rule.Name = "Gold"
		draft, err := w.Economy.RewardRules.Update(ctx, rule)
		require.NoError(t, err)
		require.Equal(t, rule.Header.Warnings, draft.Header.Warnings)
		published, err := w.Economy.RewardRules.Publish(ctx, "new")
		require.NoError(t, err)
		require.Equal(t, rule.Header.Warnings, published.Header.Warnings)
		version, err := w.Economy.RewardRules.Version(ctx, "new", 0)
		require.NoError(t, err)
		require.Empty(t, version.Document.Header.Warnings)

		w.importDocuments(t, document("Tag", "gold", object{"namespace": "metal", "variant": "gold"}))
		rule, err = w.Economy.RewardRules.Get(ctx, "new")
		require.NoError(t, err)
		require.Empty(t, rule.Header.Warnings)
		_, err = w.Tags.Archive(ctx, "gold")
		require.NoError(t, err)
		rule, err = w.Economy.RewardRules.Get(ctx, "new")
		require.NoError(t, err)
		require.Len(t, rule.Header.Warnings, 1)
	})
}

func (w *world) importDocuments(t tester, docs ...object) {
	_, err := w.Import(t.Context(), bundle(t, docs...))
	require.NoError(t, err)
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	equals := func(path string, v any) object { return object{"==": []any{variable(path), v}} }
	for want, doc := range map[string]object{
		`matchCondition: is the text "event.value > 10", where a condition is meant; write {">": [{"var": "event.value"}, 10]}`: reward("new", object{"matchCondition": "event.value > 10"}),
		`matchCondition: is the number 3, where a condition is meant`:                                                           reward("new", object{"matchCondition": 3}),
		`matchCondition/==/1: is the text "ACTIVE", which user.status never is; it is one of active, suspended, deleted; did you mean "active"?`: reward("new", object{
			"matchCondition": equals("user.status", "ACTIVE"),
		}),
		`matchCondition/==/1: is the text "FAIL", which event.outcome never is; it is one of SUCCESS, FAILURE`: reward("new", object{
			"matchCondition": equals("event.outcome", "FAIL"),
		}),
		`rewards[0].expression/if/0/==/1: is the text "COMPLETED", which progress never is; it is one of START, IN_PROGRESS, COMPLETE; did you mean "COMPLETE"?`: reward("new", object{
			"rewards": paying(object{"if": []any{equals("progress", "COMPLETED"), 2, 1}}),
		}),
		`query.where/==/1: is the text "credit", which direction never is; it is one of CREDIT, DEBIT; did you mean "CREDIT"?`: board(object{
			"source": "virtual_transactions", "where": equals("direction", "credit"),
		}),
		`missionsMatchCondition/==/1: is the text "true", but mission.isCompleted is true or false`: missionRule(object{"missionsMatchCondition": equals("mission.isCompleted", "true")}),
		`matchCondition/and/1: no value of value meets both this and /and/0, so the condition is always false`: reward("new", object{
			"matchCondition": object{"and": []any{equals("value", 1), equals("event.value", 2)}},
		}),
		`query.where/and/1: no value of value meets both this and /and/0, so the condition is always false`: board(object{
			"where": object{"and": []any{object{">": []any{variable("value"), 5}}, object{"<": []any{variable("value"), 3}}}},
		}),
	} {
		_, err := w.Import(t.Context(), bundle(t, doc))
		require.ErrorIs(t, err, fault.ErrInvalid, want)
		require.EqualError(t, err, "documents[0]."+want)
	}
}

// declared is the activity run, which declares its additional data.
func declared(fields ...object) object {
	return document("Activity", "run", object{"additionalData": fields})
}

var minutes = object{"name": "minutes", "type": "NUMBER", "required": true}

func TestDeclaredDataIsAnErrorWhereItDoesNotFit(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		small := reward("new", object{"matchCondition": object{"<": []any{variable("additionalData.minutes"), 30}}})
		w.importDocuments(t, small)
		require.Len(t, w.warningsOf(t, "RewardRule"), 1)
		w.importDocuments(t, declared(minutes))
		require.Empty(t, w.warningsOf(t, "RewardRule"), "what is required needs no guard")

		for name, tt := range map[string]struct {
			docs []object
			want string
		}{
			"a path that is not declared": {
				[]object{reward("other", object{"matchCondition": variable("event.additionalData.minuts")})},
				`documents[0].matchCondition/var: unknown path "event.additionalData.minuts"; did you mean "event.additionalData.minutes"?`,
			},
			"another type": {
				[]object{reward("other", object{"rewards": paying(object{"if": []any{object{"==": []any{variable("additionalData.minutes"), "30"}}, 1, 2}})})},
				`documents[0].rewards[0].expression/if/0/==/1: is the text "30", but additionalData.minutes is a number`,
			},
			"a mission's condition": {
				[]object{document("MissionConfiguration", "other", object{
					"missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
					"incrementExpression": variable("additionalData.km"),
				})},
				`documents[0].incrementExpression/var: unknown path "additionalData.km"; additionalData has minutes`,
			},
			"an activity that stops declaring what is read": {
				[]object{declared(object{"name": "km", "type": "NUMBER"})},
				`documents[0].RewardRule/new.matchCondition/</0/var: unknown path "additionalData.minutes"; additionalData has km`,
			},
		} {
			_, err := w.Import(ctx, bundle(t, tt.docs...))
			require.ErrorIs(t, err, fault.ErrInvalid, name)
			require.EqualError(t, err, tt.want, name)
		}
		w.importDocuments(t, declared(object{"name": "minutes", "type": "NUMBER"}))
		require.Len(t, w.warningsOf(t, "RewardRule"), 1, "what may be absent needs a guard")

		// An activity that declares nothing lets everything be read, and so does a matcher that is not about one activity.
		w.importDocuments(t, reward("other", object{"matchEntityId": "swim", "matchCondition": variable("additionalData.laps")}))
		w.importDocuments(t, reward("third", object{"ruleType": "ENTITY", "matchEntityId": nil, "matchCondition": variable("additionalData.laps")}))

		draft, err := w.Economy.RewardRules.Get(ctx, "new")
		require.NoError(t, err)
		draft.MatchCondition = []byte(`{"var": "additionalData.km"}`)
		draft, err = w.Economy.RewardRules.Update(ctx, draft)
		require.NoError(t, err)
		require.Equal(t, []content.Warning{{Field: "matchCondition/var", Reason: `unknown path "additionalData.km"; additionalData has minutes`}}, draft.Header.Warnings)
		_, err = w.Economy.RewardRules.Publish(ctx, "new")
		require.EqualError(t, err, `matchCondition/var: unknown path "additionalData.km"; additionalData has minutes`)
	})
}

func TestEventsCarryWhatTheirActivityDeclares(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.importDocuments(t, declared(minutes,
			object{"name": "note", "type": "STRING"}, object{"name": "wet", "type": "BOOLEAN"}, object{"name": "day", "type": "DATE"}))
		record := func(data map[string]any) error {
			e := run("", "ada", start)
			e.Data = data
			_, err := w.Record(t.Context(), e)
			return err
		}
		for _, data := range []map[string]any{
			{"minutes": 30},
			{"minutes": 0.5, "note": "", "wet": false, "day": "2025-09-29"},
			{"minutes": int64(3), "day": "2025-09-29T09:00:00+02:00"},
			{"minutes": 1, "note": nil},
		} {
			require.NoError(t, record(data), "%v", data)
		}
		for want, data := range map[string]map[string]any{
			"additionalData.minutes: is missing; it is required":                                           {},
			"additionalData.minutes: must be a NUMBER, as the activity declares it":                        {"minutes": "30"},
			"additionalData.note: must be a STRING, as the activity declares it":                           {"minutes": 1, "note": 3},
			"additionalData.wet: must be a BOOLEAN, as the activity declares it":                           {"minutes": 1, "wet": "true"},
			"additionalData.day: must be a DATE, as the activity declares it":                              {"minutes": 1, "day": "tomorrow"},
			`additionalData: has "minuts", which activity "run" does not declare; did you mean "minutes"?`: {"minutes": 1, "minuts": 2},
		} {
			err := record(data)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.EqualError(t, err, want)
		}
		require.Equal(t, w.first+4, w.head(t), "what is refused is not recorded")
	})
}

func TestDryImportIsNoPartOfATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	require.NoError(t, w.Update(t.Context(), func(_ context.Context, tx *guerdon.Workspace) error {
		_, err := tx.DryImport(t.Context(), bundle(t))
		require.EqualError(t, err, "a dry run cannot be part of a transaction")
		return nil
	}))
}

// What is to be completed first, and no rule assigns, is a warning.
func TestARequiredMissionThatNobodyGetsIsAWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	counts := object{"missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity"}
	done, err := w.Import(t.Context(), bundle(t, document("MissionConfiguration", "alone", counts), document("MissionConfiguration", "new", with(counts, object{"requires": []string{"alone"}}))))
	require.NoError(t, err)
	require.Equal(t, []content.Warning{{
		Field: "documents[1].requires[0]", Reason: `names MissionConfiguration "alone", which no MissionRule in force assigns, so only who is given a mission of it by hand can come to this one`,
	}}, done.Warnings)
}
