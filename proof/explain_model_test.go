package proof_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// object is a JSON object.
type object = map[string]any

// author writes random documents.
type author struct{ *rapid.T }

func pick[T any](a author, name string, of ...T) T { return rapid.SampledFrom(of).Draw(a.T, name) }

// document returns a document of a kind with what all have, and the given fields but for nil ones.
func document(kind, id string, fields object) object {
	doc := object{
		"kind": kind, "id": id, "name": id, "defaultLang": "en",
		"translations": []object{{"lang": "en", "label": id}},
	}
	switch kind {
	case "Tag", "LearningGroup", "LearningPath":
		delete(doc, "name")
	case "RuntimeLeaderboard":
		delete(doc, "name")
		delete(doc, "defaultLang")
		delete(doc, "translations")
	case "StreakRule":
		doc["translations"] = []object{{"lang": "en", "name": id}}
	case "MissionRule", "RewardRule", "LearningPathRule":
		doc["translations"] = []object{{"lang": "en"}}
	}
	for name, v := range fields {
		if v != nil {
			doc[name] = v
		}
	}
	return doc
}

func variable(of string) object { return object{"var": of} }

// condition is one that reads the given roots.
func (a author) condition(roots ...string) any {
	leaves := []any{nil}
	for _, root := range roots {
		switch root {
		case "event":
			leaves = append(leaves,
				object{">=": []any{variable("event.value"), 2}},
				object{"<": []any{variable("value"), 3}},
				object{"!=": []any{object{"date_part": []any{"hour", object{"now": []any{}}}}, 10}})
		case "activity":
			leaves = append(leaves,
				object{"==": []any{variable("event.additionalData.kind"), "a"}},
				object{"!": variable("event.outcome")})
		case "user":
			leaves = append(leaves,
				object{"in": []any{"red", variable("user.tags")}},
				object{"!=": []any{variable("user.timezone"), "Asia/Tokyo"}})
		case "mission":
			leaves = append(leaves,
				object{"<": []any{variable("mission.currentAmount"), 2}},
				object{"!=": []any{variable("mission.missionConfigurationId"), "m1"}})
		case "activeMissions":
			leaves = append(leaves,
				object{"!": variable("activeMissions")},
				object{"none": []any{variable("activeMissions"), object{">": []any{variable("currentAmount"), 1}}}})
		}
	}
	if pick(a, "condition", false, false, true) {
		return nil
	}
	x := pick(a, "leaf", leaves...)
	y := pick(a, "leaf", leaves...)
	op := pick(a, "operator", "", "", "and", "or", "!")
	switch {
	case x == nil || op == "":
		return x
	case op == "!" || y == nil:
		return object{"!": x}
	}
	return object{op: []any{x, y}}
}

// about returns the root of what only activities have if a document matches activities, or any event.
func about(entity any) string {
	if entity == "Activity" || entity == "Tag" || entity == "activity_logs" {
		return "activity"
	}
	return ""
}

// matcher returns the fields of a matcher under the given names.
func (a author) matcher(kind, entity, entityID string, entities ...string) object {
	switch pick(a, "match", "INSTANCE", "ENTITY", "TAG") {
	case "TAG":
		return object{kind: "TAG", entity: "Tag", entityID: "outdoor"}
	case "ENTITY":
		return object{kind: "ENTITY", entity: pick(a, "entity", append(entities, "Activity")...)}
	}
	return object{kind: "INSTANCE", entity: "Activity", entityID: pick(a, "activity", "run", "run", "swim")}
}

func (a author) timeframe(into object, recurring bool) object {
	into["timeframeTimezoneType"] = "USER"
	into["timeframeStartsAt"] = pick(a, "starts", "2020-01-01T00:00:00Z", "2025-09-28T00:00:00Z")
	into["timeframeType"] = "PERMANENT"
	switch pick(a, "timeframe", "PERMANENT", "RANGE", "RECURRING") {
	case "RANGE":
		into["timeframeType"], into["timeframeEndsAt"] = "RANGE", "2025-10-02T00:00:00Z"
	case "RECURRING":
		if recurring {
			into["timeframeType"], into["recurrence"] = "RECURRING", pick(a, "recurrence", "DAILY", "WEEKLY")
		}
	}
	return into
}

func merge(into object, more ...object) object {
	for _, m := range more {
		maps.Copy(into, m)
	}
	return into
}

func (a author) amount(entity any) any {
	odd := variable("event.additionalData.n")
	if about(entity) == "" {
		odd = variable("event.completedAt")
	}
	return pick[any](a, "amount", nil, 2, variable("event.value"), object{"-": []any{variable("event.value"), 2}}, odd)
}

func (a author) missionConfiguration(id string) object {
	matcher := a.matcher("matchType", "matchEntity", "matchEntityId")
	return document("MissionConfiguration", id, merge(object{
		"missionType":            pick(a, "type", "INDIVIDUAL", "INDIVIDUAL", "GROUP"),
		"matchCondition":         a.condition("event", about(matcher["matchEntity"]), "user", "mission"),
		"incrementExpression":    a.amount(matcher["matchEntity"]),
		"targetAmountExpression": pick[any](a, "target", nil, 3, 5, object{"if": []any{object{"in": []any{"red", variable("user.tags")}}, 4, nil}}),
	}, matcher))
}

func (a author) missionRule(id string) object {
	fields := a.timeframe(object{
		"missionType":    pick(a, "type", "INDIVIDUAL", "INDIVIDUAL", "GROUP"),
		"assignmentMode": pick(a, "mode", "EVENT", "EVENT", "EVENT", "LAZY", "DISABLED"),
	}, true)
	if fields["missionType"] == "GROUP" {
		fields["groupTagId"] = "red"
	} else {
		fields["usersMatchCondition"] = a.condition("user", "activeMissions")
	}
	fields["missionsMatchCondition"] = a.condition("mission", "user", "activeMissions")
	if fields["assignmentMode"] == "EVENT" {
		merge(fields, a.matcher("eventMatchType", "eventMatchEntity", "eventMatchEntityId", "User"))
		fields["eventMatchCondition"] = a.condition("event", about(fields["eventMatchEntity"]), "user")
	}
	return document("MissionRule", id, fields)
}

func (a author) rewardRule(id string) object {
	matcher := a.matcher("ruleType", "matchEntity", "matchEntityId", "Mission", "Streak")
	var rewards []object
	for range rapid.IntRange(1, 2).Draw(a.T, "rewards") {
		rewards = append(rewards, object{
			"virtualCurrencyId": pick(a, "currency", "points", "gems"), "redemptionMode": pick(a, "redemption", "AUTO", "MANUAL"), "expression": a.amount(matcher["matchEntity"]),
		})
	}
	fields := merge(object{
		"applicationMode": pick(a, "mode", "ALWAYS", "ALWAYS", "FALLBACK", "FALLBACK", "DISABLED"),
		"matchCondition":  a.condition("event", about(matcher["matchEntity"]), "user"),
		"rewards":         rewards,
	}, matcher)
	if n := rapid.IntRange(0, 2).Draw(a.T, "most"); n > 0 {
		fields["maxPerUser"] = n
		if per := pick(a, "per", "", "DAY", "WEEK"); per != "" {
			fields["per"] = per
		}
	}
	return document("RewardRule", id, fields)
}

func (a author) streakConfiguration(id string) object {
	matcher := a.matcher("matchType", "matchEntity", "matchEntityId", "Mission")
	return document("StreakConfiguration", id, merge(matcher, object{"matchCondition": a.condition("event", about(matcher["matchEntity"]), "user")}))
}

func (a author) streakRule(id, configuration string) object {
	cadence := pick(a, "cadence", "DAY", "WEEK")
	return document("StreakRule", id, a.timeframe(object{
		"streakConfigurationId": configuration, "cadence": cadence, "metric": "DAYS", "usersMatchCondition": a.condition("user"),
		"freezeVirtualCurrencyId": "points", "goalTargets": []int{2},
	}, false))
}

func (a author) boardConfiguration(id string) object {
	function := pick(a, "function", "sum", "count", "max", "min", "last", "count_distinct")
	source := pick(a, "source", "activity_logs", "virtual_transactions", "mission_logs", "streaks")
	query := object{"source": source, "score": object{function: pick(a, "score", variable("value"), object{"-": []any{variable("value"), 2}}, variable("completedAt"))}}
	if where := a.condition("event", about(source), "user"); where != nil {
		query["where"] = where
	}
	query["entityId"] = pick[any](a, "entity", "userId", "userId", object{"tagNamespace": "team"})
	return document("RuntimeLeaderboardConfiguration", id, object{"query": query})
}

func (a author) board(id, configuration string) object {
	return document("RuntimeLeaderboard", id, a.timeframe(object{"runtimeLeaderboardConfigurationId": configuration}, true))
}

// learningPath is a path of some of what the academy has.
func (a author) learningPath(id string) object {
	complete := object{"==": []any{variable("progress"), "COMPLETE"}}
	red := object{"in": []any{"red", variable("user.tags")}}
	rules := []any{nil, nil, object{"some": []any{variable("items"), complete}}, object{"all": []any{variable("items"), complete}}, red}
	items := []object{
		{"itemId": "forum", "itemType": "slide"},
		{"itemId": "hills", "itemType": "quiz"},
		{"itemId": "test", "itemType": "learningGroup"},
		{"itemId": "run", "itemType": "activity"},
		{"itemId": "founding", "itemType": "story"},
	}
	from := rapid.IntRange(0, len(items)-1).Draw(a.T, "first item")
	return document("LearningPath", id, object{
		"title": id, "translations": []object{{"lang": "en", "title": id}}, "estimatedDuration": 1,
		"items":     items[from:min(len(items), from+rapid.IntRange(1, 3).Draw(a.T, "items"))],
		"startRule": pick(a, "start", rules...), "completionRule": pick(a, "completion", rules...),
		"outcomeRule": pick[any](a, "outcome", nil, "SUCCESS", red, variable("user.lang")),
	})
}

func (a author) learningPathRule(id string) object {
	fields := a.timeframe(object{"ruleType": "ASSIGN", "learningPathsMatchCondition": true, "usersMatchCondition": a.condition("user")}, true)
	if fields["assignmentMode"] = pick(a, "mode", "EVENT", "LAZY"); fields["assignmentMode"] == "EVENT" {
		merge(fields, object{"eventMatchType": "INSTANCE", "eventMatchEntity": "LearningPathLog", "eventMatchEntityId": "rome"})
	}
	fields["initialVisibilityCondition"] = pick[any](a, "visibility", nil, object{"==": []any{variable("index"), 0}})
	return document("LearningPathRule", id, fields)
}

// write returns a document with a name that says of which kind it is.
func (a author) write(id string) object {
	switch n := id[1:]; id[0] {
	case 'm':
		return a.missionConfiguration(id)
	case 'r':
		return a.missionRule(id)
	case 'w':
		return a.rewardRule(id)
	case 'c':
		return a.streakConfiguration(id)
	case 's':
		return a.streakRule(id, "c"+n)
	case 'q':
		return a.boardConfiguration(id)
	case 'p':
		return a.learningPath(id)
	case 'l':
		return a.learningPathRule(id)
	default:
		return a.board(id, "q"+n)
	}
}

var written = []string{"m1", "m2", "r1", "r2", "r3", "w1", "w2", "w3", "c1", "s1", "c2", "s2", "q1", "b1", "q2", "b2", "q3", "b3", "p1", "p2", "l1", "l2"}

var kinds = map[byte]string{
	'm': "MissionConfiguration", 'r': "MissionRule", 'w': "RewardRule", 's': "StreakRule", 'b': "RuntimeLeaderboard", 'p': "LearningPath",
	'l': "LearningPathRule",
}

func bundle(t tester, docs ...object) []byte {
	b, err := json.Marshal(object{"documents": docs})
	require.NoError(t, err)
	return b
}

// moved tells what an outcome says about a document.
func moved(o *guerdon.Outcome, kind, id string) bool {
	switch kind {
	case "MissionRule":
		return slices.ContainsFunc(o.Missions, func(c missions.Change) bool { return c.RuleID == id && c.Assigned })
	case "MissionConfiguration":
		return slices.ContainsFunc(o.Missions, func(c missions.Change) bool { return c.ConfigurationID == id && c.Amount.IsPositive() })
	case "RewardRule":
		return slices.ContainsFunc(o.Transactions, func(c economy.Change) bool { return c.RewardRuleID == id && c.State != economy.Rejected })
	case "StreakRule":
		return slices.ContainsFunc(o.Streaks, func(c streaks.Change) bool {
			return c.RuleID == id && (c.Kind == streaks.Regular || strings.HasPrefix(o.EventID, "clock:"))
		})
	}
	if kind == "LearningPath" {
		return slices.ContainsFunc(o.Learning, func(c learning.Change) bool {
			return c.ItemType == learning.ItemPath && c.ItemID == id && c.AssignmentID == ""
		})
	}
	if kind == "LearningPathRule" {
		return slices.ContainsFunc(o.Learning, func(c learning.Change) bool { return c.RuleID == id && c.Assigned })
	}
	return slices.ContainsFunc(o.Scores, func(c leaderboard.Change) bool { return c.BoardID == id })
}

// act does something at random, at a new moment.
func (a author) act(w *world, n int) {
	ctx := a.Context()
	now := w.now.Load().Add(pick(a, "pass", time.Second, time.Hour, 20*time.Hour))
	w.set(now)
	switch pick(a, "act", "record", "record", "record", "batch", "batch", "publish", "archive", "evaluate", "learn", "study", "study", "study", "advance", "tag") {
	case "record":
		_, err := w.Record(ctx, a.event(n, now))
		require.NoError(a, err)
	case "batch":
		_, err := w.RecordBatch(ctx, []event.Event{a.event(3*n+1000, now), a.event(3*n+1001, now), a.event(3*n+1002, now)})
		require.NoError(a, err)
	case "publish":
		_, err := w.Import(ctx, bundle(a, a.write(pick(a, "document", written...))))
		require.NoError(a, err)
	case "archive":
		switch id := pick(a, "document", written...); id[0] {
		case 'r':
			_, _ = w.Missions.Rules.Archive(ctx, id) // it may be archived already
		case 'w':
			_, _ = w.Economy.RewardRules.Archive(ctx, id)
		case 's':
			_, _ = w.Streaks.Rules.Archive(ctx, id)
		case 'm':
			_, _ = w.Missions.Configurations.Archive(ctx, id)
		case 'p':
			_, _ = w.Learning.Paths.Archive(ctx, id)
		case 'l':
			_, _ = w.Learning.Rules.Archive(ctx, id)
		}
	case "evaluate":
		_, err := w.Missions.Evaluate(ctx, pick(a, "user", "ada", "bob"))
		require.NoError(a, err)
	case "learn":
		_, err := w.Learning.Evaluate(ctx, pick(a, "user", "ada", "bob"))
		require.NoError(a, err)
	case "study":
		for range rapid.IntRange(1, 3).Draw(a.T, "studies") {
			err := w.study(a, pick(a, "user", "ada", "ada", "bob"), pick(a, "study", studies...))
			require.True(a, err == nil || errors.Is(err, fault.ErrConflict) || errors.Is(err, fault.ErrForbidden), "%v", err)
		}
	case "advance":
		require.NoError(a, w.Advance(ctx))
	case "tag":
		user := pick(a, "user", "ada", "bob")
		if _, err := w.Users.AssignTags(ctx, user, tenancy.Tagging{TagID: "red"}); err != nil {
			require.NoError(a, w.Users.RemoveTags(ctx, user, "red"))
		}
	}
}

func (a author) event(n int, now time.Time) event.Event {
	e := event.Event{
		ID: "e" + strconv.Itoa(n), UserID: pick(a, "user", "ada", "ada", "bob"), EntityID: pick(a, "activity", "run", "run", "swim"),
		At:    now.Add(-pick(a, "late", 0, 0, 0, time.Hour, 26*time.Hour, 100*time.Hour)),
		Value: new(decimal.NewFromInt(rapid.Int64Range(0, 4).Draw(a.T, "value"))),
	}
	if pick(a, "data", true, false) {
		e.Data = object{"kind": pick(a, "kind", "a", "b"), "n": pick(a, "n", 1, 2, -1)}
	}
	return e
}

// Whatever the program and whatever happened before and after, Explain says that something moved
// exactly if the outcome says so, and then every check holds; otherwise the last one, and no other,
// does not. What happens later changes no explanation.
func TestExplainAgreesWithTheOutcome(t *testing.T) {
	requireKnown := typed(t)
	checkStores(t, func(rt *rapid.T, b *backend) {
		a, w := author{rt}, b.world(rt)
		w.academy(rt)
		docs := []object{
			document("Tag", "red", object{"namespace": "team", "variant": "red"}),
			document("Tag", "blue", object{"namespace": "team", "variant": "blue"}),
		}
		for _, id := range written {
			docs = append(docs, a.write(id))
		}
		_, err := w.Import(rt.Context(), bundle(rt, docs...))
		require.NoError(rt, err)
		outdoor := tenancy.Tagging{TagID: "outdoor"}
		_, err = w.Activities.AssignTags(rt.Context(), "run", outdoor)
		require.NoError(rt, err)
		_, err = w.Missions.Configurations.AssignTags(rt.Context(), "m1", outdoor)
		require.NoError(rt, err)
		_, err = w.Users.AssignTags(rt.Context(), "ada", tenancy.Tagging{TagID: "red"}, tenancy.Tagging{TagID: "blue"})
		require.NoError(rt, err)
		_, err = w.Learning.Evaluate(rt.Context(), "ada")
		require.NoError(rt, err)
		type question struct{ event, kind, id string }
		answers := map[question]string{}
		head := w.head(rt)
		for n := range rapid.IntRange(1, 10).Draw(rt, "acts") {
			a.act(w, n)
			entries, err := w.Journal(rt.Context(), head)
			require.NoError(rt, err)
			for _, entry := range entries {
				head = entry.Outcome.Seq
				requireKnown(rt, entry)
				for _, id := range written {
					if kind, ok := kinds[id[0]]; ok && rapid.IntRange(0, 11).Draw(rt, "ask") == 0 {
						answers[question{entry.Event.ID, kind, id}] = w.explained(rt, &entry, kind, id)
					}
				}
			}
		}
		for q, before := range answers {
			x, err := w.Explain(rt.Context(), q.event, q.kind, q.id)
			require.NoError(rt, err)
			require.Equal(rt, before, lasting(x))
		}
	})
}

// explained returns an explanation that agrees with the outcome.
func (w *world) explained(rt *rapid.T, entry *guerdon.Entry, kind, id string) string {
	x, err := w.Explain(rt.Context(), entry.Event.ID, kind, id)
	require.NoError(rt, err)
	require.Equal(rt, moved(&entry.Outcome, kind, id), x.Moved, "%s", x)
	require.NotEmpty(rt, x.Checks)
	last := len(x.Checks) - 1
	for i, c := range x.Checks {
		require.NotEmpty(rt, c.Reason)
		require.Equal(rt, i < last || x.Moved, c.Holds, "%s", x)
	}
	return lasting(x)
}

// lasting is what of an explanation must not change. Only since when a day counts may be known better.
func lasting(x guerdon.Explanation) string {
	text, _, _ := strings.Cut(x.String(), ", since ")
	return text
}

// formula is a condition of and, or and ! in which each leaf reads a field of its own.
type formula struct {
	expression any
	leaves     []leaf
}

// leaf is what a leaf of a formula reads.
type leaf struct {
	path string
	good bool   // what the leaf must be for the formula to hold
	ways [2]any // values with which the leaf does not hold, and does
}

// draw returns a formula that is to hold, or is not.
func (f *formula) draw(a author, depth int, good bool) any {
	if depth == 0 || pick(a, "leaf", true, false, false) {
		path := "event.additionalData.f" + strconv.Itoa(len(f.leaves))
		kind := pick(a, "kind", 0, 1, 2, 3)
		f.leaves = append(f.leaves, leaf{path, good, [][2]any{{false, true}, {"no", "yes"}, {4.0, 5.0}, {nil, "b"}}[kind]})
		return []any{
			variable(path),
			object{"==": []any{variable(path), "yes"}},
			object{">=": []any{variable(path), 5}},
			object{"in": []any{variable(path), []any{"a", "b"}}},
		}[kind]
	}
	op := pick(a, "operator", "and", "or", "!")
	if op == "!" {
		return object{"!": f.draw(a, depth-1, !good)}
	}
	var args []any
	for range rapid.IntRange(2, 3).Draw(a.T, "arguments") {
		args = append(args, f.draw(a, depth-1, good))
	}
	return object{op: args}
}

// data returns the data that makes each leaf good or bad.
func (f *formula) data(good []bool) object {
	data := object{}
	for i, l := range f.leaves {
		way := 0
		if good[i] == l.good {
			way = 1
		}
		data["f"+strconv.Itoa(i)] = l.ways[way]
	}
	return data
}

// publishFormula draws a formula and makes it the condition of a rule.
func (w *world) publishFormula(t *rapid.T) *formula {
	f := &formula{}
	f.expression = f.draw(author{t}, 3, true)
	w.publish(t, document("RewardRule", "formula", object{
		"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": f.expression,
		"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
	}))
	return f
}

// ask records an event and returns the leaves that Explain names, none if the event moved the rule.
func (w *world) ask(t *rapid.T, f *formula, id string, good []bool) []int {
	_, err := w.Record(t.Context(), event.Event{ID: id, UserID: "ada", EntityID: "swim", Data: f.data(good)})
	require.NoError(t, err)
	x, err := w.Explain(t.Context(), id, "RewardRule", "formula")
	require.NoError(t, err)
	if x.Moved {
		return nil
	}
	last := x.Checks[len(x.Checks)-1]
	require.Equal(t, "matchCondition", last.Name)
	var named []int
	for _, d := range last.Trace.Decisive() {
		for d.Path() == "" {
			d = &d.Args()[0]
		}
		require.Contains(t, last.Reason, d.Path())
		named = append(named, slices.IndexFunc(f.leaves, func(l leaf) bool { return l.path == d.Path() }))
	}
	require.NotEmpty(t, named)
	return named
}

// If one field alone keeps an event from counting, Explain names it and no other, and the same event
// with another value there counts.
func TestExplainNamesTheFieldThatFlipsTheVerdict(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w := b.world(rt)
		f := w.publishFormula(rt)
		good := slices.Repeat([]bool{true}, len(f.leaves))
		culprit := rapid.IntRange(0, len(good)-1).Draw(rt, "culprit")
		good[culprit] = false
		named := w.ask(rt, f, "bad", good)
		if named == nil {
			return // another leaf makes up for it
		}
		require.Equal(rt, []int{culprit}, named)
		good[culprit] = true
		require.Empty(rt, w.ask(rt, f, "good", good))
	})
}

// Whoever changes what Explain names, again and again, gets the event to count, and is never told to
// change the same field twice.
func TestExplainLeadsToTheGoal(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w := b.world(rt)
		f := w.publishFormula(rt)
		good := rapid.SliceOfN(rapid.Bool(), len(f.leaves), len(f.leaves)).Draw(rt, "good")
		for n := 0; ; n++ {
			named := w.ask(rt, f, fmt.Sprint("e", n), good)
			if len(named) == 0 {
				return
			}
			for _, i := range named {
				require.False(rt, good[i], "leaf %d was good", i)
				good[i] = true
			}
		}
	})
}
