package proof_test

import (
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

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store/memory"
)

// documented are the three tables of what expressions read, in the documentation of package rule: the first
// word of each row, and the others.
func documented(t *testing.T) (common []string, ofTypes, ofFields, ofOthers map[string][]string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("rule", "rule.go"), nil, parser.PackageClauseOnly|parser.ParseComments)
	require.NoError(t, err)
	_, text, found := strings.Cut(file.Doc.Text(), "# What expressions read\n")
	require.True(t, found)
	text, _, found = strings.Cut(text, "# Semantics\n")
	require.True(t, found)
	every := regexp.MustCompile(`(?s)Every\s+event has (.*?), which`).FindStringSubmatch(text)
	require.NotNil(t, every)
	common = strings.Fields(strings.NewReplacer(",", "", " and ", " ").Replace(every[1]))
	var tables []map[string][]string
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
	require.Len(t, tables, 3)
	return common, tables[0], tables[1], tables[2]
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
	known := []string{"Activity", "LearningGroup", "LearningPath", "Mission", "Quiz", "Slide", "Story", "Streak", "User", "VirtualTransaction"}
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
}

// What a rule could read of an event of the game is documented for its type.
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
		case "rewards.expression":
			doc["rewards"] = []object{with(doc["rewards"].([]object)[0], object{"expression": unknown})}
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
		if slices.Contains(want, "event") {
			for _, name := range slices.Concat(common, ofTypes[typ]) {
				want = append(want, strings.TrimSuffix(name, ".*"))
			}
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
