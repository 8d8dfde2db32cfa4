package proof_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// documented are the three tables of what expressions read, in the documentation of package rule: the first
// word of each row, and the others.
func documented(t *testing.T) (common []string, ofTypes, ofFields, ofOthers map[string][]string) {
	t.Helper()
	text := section(t, "# What expressions read\n", "# What is not meant\n")
	every := regexp.MustCompile(`(?s)Every\s+event has (.*?), which`).FindStringSubmatch(text)
	require.NotNil(t, every)
	common = strings.Fields(strings.NewReplacer(",", "", " and ", " ").Replace(every[1]))
	tables := tablesIn(text)
	require.Len(t, tables, 3)
	return common, tables[0], tables[1], tables[2]
}

// section returns a part of the documentation of package rule.
func section(t *testing.T, from, until string) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "rule", "rule.go"), nil, parser.PackageClauseOnly|parser.ParseComments)
	require.NoError(t, err)
	_, text, found := strings.Cut(file.Doc.Text(), from)
	require.True(t, found)
	text, _, found = strings.Cut(text, until)
	require.True(t, found)
	return text
}

// tablesIn returns the tables of a text: the first word of each row, and the others.
func tablesIn(text string) (tables []map[string][]string) {
	row := ""
	for line := range strings.Lines(text) {
		cells, within := strings.CutPrefix(line, "\t")
		words := strings.Fields(cells)
		switch {
		case !within:
			row = ""
			continue
		case row == "":
			tables = append(tables, map[string][]string{})
		}
		if cells[0] != ' ' {
			row, words = words[0], words[1:]
		}
		table := tables[len(tables)-1]
		table[row] = append(table[row], words...)
	}
	return tables
}

// names returns what the error of an unknown path says that there is instead.
func names(t *testing.T, err error, before string) []string {
	t.Helper()
	require.ErrorIs(t, err, fault.ErrInvalid)
	for line := range strings.Lines(err.Error()) { // of each fault
		if _, list, found := strings.Cut(strings.TrimSuffix(line, "\n"), before); found && strings.Contains(line, "?????????") {
			return strings.Split(list, ", ")
		}
	}
	require.Fail(t, "no path is unknown", "%v", err)
	return nil
}

func TestFieldsOfEventsAreThoseThatAreDocumented(t *testing.T) {
	common, ofTypes, _, _ := documented(t)
	known := []string{"Activity", "Badge", "LearningGroup", "LearningPath", "Level", "Mission", "MobilityMilestone", "MobilityTracking", "Quiz", "Slide", "Story", "Streak", "User", "VirtualTransaction"}
	require.Equal(t, known, slices.Sorted(maps.Keys(ofTypes)))
	for typ, own := range ofTypes {
		want := slices.Concat(common, own)
		for i := range want {
			want[i] = strings.TrimSuffix(want[i], ".*")
		}
		ctx := mechanic.EventContext(event.Matcher{Type: event.MatchEntity, Entity: typ})
		_, err := rule.Compile([]byte(`{"var": "event.?????????"}`), ctx)
		require.ElementsMatch(t, want, names(t, err, "event has "), typ)
		roots := slices.Concat(want, []string{"event", "user"})
		_, err = rule.Compile([]byte(`{"var": "previousEvent.?????????"}`), ctx)
		if strings.HasPrefix(typ, "Learning") || slices.Contains([]string{"Quiz", "Slide", "Story"}, typ) {
			require.Equal(t, []string{"context", "outcome", "progress", "startedAt"}, names(t, err, "previousEvent has "), typ)
			roots = append(roots, "previousEvent")
		}
		_, err = rule.Compile([]byte(`{"var": "?????????"}`), ctx)
		require.ElementsMatch(t, roots, names(t, err, "begin with one of "), typ)
	}
	ofAny := mechanic.EventContext(event.Matcher{Type: event.MatchTag, Entity: event.Tag, EntityID: "outdoor"})
	_, err := rule.Compile([]byte(`{"var": "previousEvent.?????????"}`), ofAny)
	require.Equal(t, []string{"context", "outcome", "progress", "startedAt"}, names(t, err, "previousEvent has "), "a tag may be on all of them")
}

// requireTyped checks that what the lint knows of an event's fields is true of it: that each has the value that it has,
// or none, is not refused as impossible.
func requireTyped(t tester, e event.Event, fields []string) {
	ctx := mechanic.EventContext(event.Matcher{Type: event.MatchEntity, Entity: string(e.Type)})
	vars := e.Vars()
	for _, name := range fields {
		switch vars[name].(type) {
		case []any, map[string]any:
			continue
		}
		same := object{"===": []any{variable(name), vars[name]}}
		_, err := rule.CompileCondition([]byte(jsonOf(t, object{"and": []any{same, same}})), ctx)
		require.NoError(t, err, "%s of %s is %v", name, e.Type, vars[name])
	}
}

// typed returns a function that checks that all events of an entry are as the lint takes them for.
func typed(t *testing.T) func(tester, guerdon.Entry) {
	common, ofTypes, _, _ := documented(t)
	return func(t tester, entry guerdon.Entry) {
		for _, e := range append(entry.Caused, entry.Event) {
			if e.Type != event.Clock {
				requireTyped(t, e, slices.Concat(common, ofTypes[string(e.Type)]))
			}
		}
	}
}

// What a rule could read of an event of the game is documented for its type, and is what the lint takes it for.
func TestEventsHaveNoFieldsButThoseDocumented(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	common, ofTypes, _, _ := documented(t)
	for i, at := range []time.Time{start.AddDate(0, 0, -2), start.AddDate(0, 0, -1), start} {
		e := run("e"+string(rune('a'+i)), "ada", at)
		e.Outcome, e.Data = event.Success, map[string]any{"km": 5}
		_, err := w.Record(ctx, e)
		require.NoError(t, err)
	}
	met := map[event.Type]bool{}
	for _, entry := range w.entries(t, 0) {
		for _, e := range append(entry.Caused, entry.Event) {
			met[e.Type] = true
			requireTyped(t, e, slices.Concat(common, ofTypes[string(e.Type)]))
			for name := range e.Vars() {
				all := slices.Concat(common, ofTypes[string(e.Type)])
				require.True(t, slices.Contains(all, name) || slices.Contains(all, name+".*"), "%s of %s", name, e.Type)
			}
		}
	}
	for _, typ := range []event.Type{event.User, event.Activity, event.Streak, event.VirtualTransaction} {
		require.True(t, met[typ], typ)
	}
}

func TestExpressionsReadWhatIsDocumented(t *testing.T) {
	w := newWorld(t, memory.New())
	common, ofTypes, ofFields, _ := documented(t)
	frame := object{
		"timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z", "name": "R",
		"assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "Activity",
	}
	matches := object{"matchType": "ENTITY", "matchEntity": "Activity"}
	course := object{"title": "T", "estimatedDuration": 5, "translations": []object{{"lang": "en", "title": "T"}}}
	kinds := map[string]object{
		"MissionConfiguration": with(matches, object{"missionType": "INDIVIDUAL"}),
		"MissionRule":          with(frame, object{"missionType": "INDIVIDUAL"}),
		"StreakConfiguration":  matches,
		"StreakRule": with(frame, object{
			"streakConfigurationId": "any", "cadence": "DAY", "metric": "DAYS", "freezeVirtualCurrencyId": "points",
			"assignmentMode": nil, "eventMatchType": nil, "eventMatchEntity": nil,
		}),
		"RewardRule": {
			"ruleType": "ENTITY", "matchEntity": "Activity", "applicationMode": "ALWAYS",
			"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
		},
		"Boost": {"rewardRulesPool": "ALL", "factor": 2, "stacking": "ADD"},
		"Ladder": {
			"measure": object{"type": "EVENTS", "ruleType": "ENTITY", "matchEntity": "Activity"}, "steps": []object{{"id": "one", "threshold": 1, "translations": []object{{"lang": "en", "name": "One"}}}},
		},
		"RuntimeLeaderboardConfiguration": {"query": object{"source": "activity_logs", "entityId": "userId", "score": object{"count": nil}}},
		"LearningPath":                    course,
		"LearningGroup":                   course,
		"LearningPathRule":                with(frame, object{"ruleType": "ASSIGN", "learningPathsPool": []string{"p"}, "eventMatchEntity": "LearningPathLog"}),
	}
	unknown := object{"var": "?????????"}
	for field, want := range ofFields {
		kind, path, _ := strings.Cut(field, ".")
		doc := document(kind, "new", with(kinds[kind], nil))
		switch path {
		case "query.where":
			doc["query"] = with(doc["query"].(object), object{"where": unknown})
		case "query.score":
			doc["query"] = with(doc["query"].(object), object{"score": object{"sum": unknown}})
		case "measure.matchCondition", "measure.expression":
			doc["measure"] = with(doc["measure"].(object), object{strings.TrimPrefix(path, "measure."): unknown})
		case "rewards.expression", "rewards.reviewCondition":
			doc["rewards"] = []object{with(doc["rewards"].([]object)[0], object{strings.TrimPrefix(path, "rewards."): unknown})}
		default:
			doc[path] = unknown
		}
		_, err := w.Import(t.Context(), bundle(t, doc))
		roots := names(t, err, "begin with one of ")
		typ := "Activity"
		if kind == "LearningPathRule" {
			typ = "LearningPath"
			roots = slices.DeleteFunc(roots, func(name string) bool { return name == "previousEvent" })
		}
		want = slices.DeleteFunc(want, func(name string) bool { return name == "recent" }) // there is none in a rule without counts
		if slices.Contains(want, "event") {
			own := ofTypes[typ]
			if kind == "Boost" { // what it is asked about may be of any type
				own = append(slices.Concat(slices.Collect(maps.Values(ofTypes))...), "previousEvent")
			}
			for _, name := range slices.Concat(common, own) {
				want = append(want, strings.TrimSuffix(name, ".*"))
			}
			slices.Sort(want)
			want = slices.Compact(want)
		}
		require.ElementsMatch(t, want, roots, field)
	}
}

func TestWhatIsNoEventIsDocumented(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	_, _, _, ofOthers := documented(t)
	for root, doc := range map[string]object{
		"mission":      {"kind": "MissionConfiguration", "matchCondition": variable("mission.?????????")},
		"streak":       {"kind": "StreakRule", "freezeCostExpression": variable("streak.?????????")},
		"learningPath": {"kind": "LearningPathRule", "learningPathsMatchCondition": variable("learningPath.?????????")},
	} {
		_, err := w.Import(t.Context(), bundle(t, document(doc["kind"].(string), "new", doc)))
		require.ElementsMatch(t, ofOthers[root], names(t, err, root+" has "), root)
		delete(ofOthers, root)
	}
	require.Empty(t, ofOthers)
}

func TestDocumentsMatchWhatIsDocumented(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	tables := tablesIn(section(t, "# What documents match\n", "# What expressions read\n"))
	require.Len(t, tables, 1)
	var all []string
	for _, entities := range tables[0] {
		all = append(all, entities...)
	}
	for field, want := range tables[0] {
		kind, path, _ := strings.Cut(field, ".")
		doc := func(entity string) object {
			return document(kind, "new", map[string]object{
				"MissionConfiguration": {"matchType": "ENTITY", "matchEntity": entity},
				"MissionRule":          {"assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": entity},
				"StreakConfiguration":  {"matchType": "ENTITY", "matchEntity": entity},
				"RewardRule":           {"ruleType": "ENTITY", "matchEntity": entity},
				"LearningPathRule":     {"assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": entity},
				"Ladder":               {"measure": object{"type": "EVENTS", "ruleType": "ENTITY", "matchEntity": entity}},
				"RuntimeLeaderboardConfiguration": {
					"query": object{"source": entity, "entityId": "userId", "score": object{"count": nil}},
				},
			}[kind])
		}
		for _, entity := range append(all, "Clock", "Nothing") {
			_, err := w.Import(t.Context(), bundle(t, doc(entity)))
			refused := fmt.Sprintf("documents[0].%s: %q is none of ", path, entity)
			if slices.Contains(want, entity) {
				require.NotContains(t, fmt.Sprint(err), refused, field)
				continue
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			_, said, found := strings.Cut(err.Error(), refused)
			require.True(t, found, "%s %s: %v", field, entity, err)
			said, _, _ = strings.Cut(said, "\n")
			require.ElementsMatch(t, want, strings.Split(said, ", "), "the error names them all")
		}
	}
	_, err := w.Import(t.Context(), bundle(t, reward("new", object{"matchEntity": "activity"})))
	require.ErrorContains(t, err, `User; did you mean "Activity"?`)
	_, err = w.Import(t.Context(), bundle(t, reward("new", object{"matchEntity": "Tag"})))
	require.ErrorContains(t, err, `documents[0].matchEntity: is "Tag", which needs ruleType TAG; with INSTANCE it is one of Mission, Activity, `)
}

// The error of what cannot be read at a place says where it can.
func TestErrorsSayWhatReadsAPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	_, ofTypes, ofFields, _ := documented(t)
	hint := func(path string, doc object) string {
		_, err := w.Import(t.Context(), bundle(t, doc))
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, said, found := strings.Cut(err.Error(), fmt.Sprintf("unknown path %q; ", path))
		require.True(t, found, "%v", err)
		said, _, _ = strings.Cut(said, ";")
		return said
	}
	for _, root := range []string{"mission", "streak", "activeMissions", "activeAssignments", "learningPath", "index", "items"} {
		var want []string
		for field, roots := range ofFields {
			if slices.Contains(roots, root) {
				want = append(want, field)
			}
		}
		said := hint(root+".x", reward("new", object{"matchCondition": variable(root + ".x")}))
		list, found := strings.CutPrefix(said, root+" is read by ")
		require.True(t, found, said)
		require.ElementsMatch(t, want, strings.Split(list, ", "), root)
	}
	for name, types := range map[string][]string{"count": nil, "quizId": nil, "amount": nil, "parentId": nil} {
		for typ, fields := range ofTypes {
			if slices.Contains(fields, name) {
				types = append(types, typ)
			}
		}
		said := hint("event."+name, reward("new", object{"matchCondition": variable("event." + name)}))
		list, found := strings.CutPrefix(said, name+" is of events of type ")
		require.True(t, found, said)
		require.ElementsMatch(t, types, strings.Split(list, ", "), name)
	}
	said := hint("event.value", document("MissionConfiguration", "new", object{"matchType": "ENTITY", "matchEntity": "Activity", "targetAmountExpression": variable("event.value")}))
	require.Contains(t, said, "value is of an event, which is read by what matches events: MissionConfiguration, ")
}

// The values that a text may be, as the lint knows them, are those that there are.
func TestValuesAreThoseThatThereAre(t *testing.T) {
	t.Parallel()
	for typ, fields := range map[event.Type]map[string][]any{
		event.Activity: {
			"outcome": {event.Success, event.Failure}, "progress": {event.Start, event.InProgress, event.Complete}, "type": {event.Activity},
			"user.status": {tenancy.Active, tenancy.Suspended, tenancy.Deleted},
			"user.role":   {tenancy.Owner, tenancy.Admin, tenancy.Manager, tenancy.Member, tenancy.Viewer},
		},
		event.Quiz: {
			"outcome": {event.Success, event.Fail}, "difficulty": {content.Easy, content.Medium, content.Hard},
			"answer":    {content.Option1, content.Option2, content.Option3, content.Option4},
			"placement": {content.Standalone, content.InStory, content.InNews}, "parentType": {content.ParentPath, content.ParentGroup},
			"previousEvent.outcome": {event.Success, event.Fail}, "previousEvent.progress": {event.Start, event.InProgress, event.Complete},
		},
		event.Story: {"action": {learning.StartRead, learning.CompleteRead, learning.Bookmark, learning.Unbookmark, learning.Share}},
		event.Mission: {
			"missionType": {missions.Individual, missions.Group}, "matchType": {event.MatchInstance, event.MatchEntity, event.MatchTag},
		},
		event.Streak: {"status": {streaks.Active, streaks.Completed, streaks.Broken, streaks.Ended}},
		event.VirtualTransaction: {
			"direction": {economy.Credit, economy.Debit}, "state": {economy.Pending, economy.Completed, economy.Expired, economy.Rejected},
			"redemptionMode": {economy.Auto, economy.Manual}, "counterpartType": {economy.PartyUser, economy.PartySystem},
			"initiatorType": {economy.ByUser, economy.ByRewardRule, economy.ByStreakRule, economy.BySystem, economy.ByAdmin, economy.ByReversal, economy.ByLapse},
		},
	} {
		ctx := mechanic.EventContext(event.Matcher{Type: event.MatchEntity, Entity: string(typ)}, "mission.matchType", "mission.missionType",
			"streak.cadence", "streak.metric", "learningPath.origin")
		if typ == event.Mission {
			fields["mission.missionType"], fields["mission.matchType"] = fields["missionType"], fields["matchType"]
			fields["streak.cadence"], fields["streak.metric"] = []any{streaks.Daily, streaks.Weekly}, []any{streaks.Days, streaks.Weeks}
			fields["learningPath.origin"] = []any{content.Custom, content.Catalog, content.AI}
		}
		for path, values := range fields {
			_, err := rule.Compile([]byte(jsonOf(t, object{"==": []any{variable(path), "?????????"}})), ctx)
			var want []string
			for _, v := range values {
				want = append(want, fmt.Sprint(v))
			}
			require.ElementsMatch(t, want, names(t, err, "it is one of "), "%s of %s", path, typ)
		}
	}
}

// with returns an object with fields added or, where they are nil, removed.
func with(o, more object) object {
	out := maps.Clone(o)
	for name, value := range more {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}
