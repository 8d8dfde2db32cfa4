package proof_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// features say of what random programs and histories are made. Each is a dimension: a property that fails with
// all of them says more when it is run with a few.
type features struct {
	missions, streaks, rewards, boards, learning bool // the mechanics
	levels                                       bool // and ladders, on what the others do
	groups                                       bool // missions of groups, and users who join and leave them
	fed                                          bool // documents match what other mechanics cause
	freezes                                      bool // missed periods are paid for
	limits                                       bool // rewards that pay so often, accounts that are full
	times                                        bool // expressions read when something happened
	counts                                       bool // expressions read counts, amounts and what else is going on
	goals                                        bool // missions of single users have several goals
	chains                                       bool // and need another first
	badges                                       bool // rewards are badges, too
	tags                                         bool // documents give tags, and react to them
	budgets                                      bool // rules and rewards have budgets: what is paid depends on arrival
	reviews                                      bool // rewards are held for review, and rules count how often their events happened lately
	money                                        bool // grants, spends, transfers
	lives                                        bool // what is credited lapses
	moves                                        bool // users move to other zones
	locks                                        bool // paths that others open
	byHand                                       bool // missions and paths are assigned by hand, too
	later                                        bool // documents are published in the middle of the history
	plain                                        bool // conditions read nothing but the clock, and documents' time does not end
	clock                                        bool // expressions read the engine's clock: they depend on arrival
	edits                                        bool // documents are published anew, archived and brought back, too
	whole                                        bool // no document is left out, so that an edit publishes none that has to count back first
	named                                        bool // activities are matched by name or tag, not all
	years                                        bool // users have joined a year before
	twins                                        bool // eve and bob are one person, who stays as both are
	timeless                                     bool // it makes no difference when something arrives: missions take what is late for as long as a history lasts
}

// object is a JSON object.
type object = map[string]any

// author writes random documents. Of each choice the first is the simplest: failures shrink to it.
type author struct {
	*rapid.T
	features

	ids   map[string][]string // of the documents, by kind
	types map[string]string   // of the missions
}

func pick[T any](a author, name string, of ...T) T { return rapid.SampledFrom(of).Draw(a.T, name) }

// document returns a document of a kind with what all have, and the given fields but for nil ones.
func document(kind, id string, fields object) object {
	doc := object{
		"kind": kind, "id": id, "name": id, "defaultLang": "en",
		"translations": []object{{"lang": "en", "label": id}},
	}
	switch kind {
	case "Tag":
		delete(doc, "name")
	case "LearningGroup", "LearningPath":
		delete(doc, "name")
		doc["title"], doc["translations"] = id, []object{{"lang": "en", "title": id}}
	case "Quiz":
		delete(doc, "name")
		doc["translations"] = []object{{"lang": "en", "question": id, "opt1": "One", "opt2": "Two"}}
	case "Slide":
		delete(doc, "name")
		doc["translations"] = []object{{"lang": "en", "title": id, "content": object{"contents": []object{{"type": "slide", "text": id}}}}}
	case "Story":
		delete(doc, "name")
		doc["translations"] = []object{{
			"lang": "en", "title": id, "image": "https://example.org/" + id + ".png",
			"slides": []object{{"contents": []object{{"type": "slide", "text": id}}}},
		}}
	case "RuntimeLeaderboard":
		delete(doc, "name")
		delete(doc, "defaultLang")
		delete(doc, "translations")
	case "StreakRule", "Ladder":
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

// bundle returns documents as a host imports them.
func bundle(t tester, docs ...object) []byte {
	b, err := json.Marshal(object{"documents": docs})
	require.NoError(t, err)
	return b
}

func variable(of string) object { return object{"var": of} }

// operation returns an expression.
func operation(op string, arguments ...any) object { return object{op: arguments} }

func merge(into object, more ...object) object {
	for _, m := range more {
		maps.Copy(into, m)
	}
	return into
}

// isRed tells whether the user carries the tag red.
func isRed() object { return operation("in", "red", variable("user.tags")) }

// part returns an expression that reads a part of the time of an event.
func (a author) part() object {
	zone := pick[any](a, "zone", "UTC", variable("user.timezone"), "America/New_York")
	return operation("date_part", pick(a, "part", "weekday", "hour"), variable("event.completedAt"), zone)
}

// notAtTen is a condition that reads the clock.
func notAtTen() object {
	return operation("!=", object{"date_part": []any{"hour", object{"now": []any{}}}}, 10)
}

// leaves are conditions that may be asked of what a document matches: of an event of a type, or of the user, the
// mission or the list of active missions.
func (a author) leaves(root string) []any {
	switch root {
	case "User":
		of := []any{isRed()}
		if a.tags {
			of = append(of, operation("in", "red", variable("tagsGained")), operation("in", "blue", variable("event.tagsLost")), operation("!=", variable("change"), "JOINED"),
				operation("==", variable("event.change"), pick(a, "change", "FIRST_SEEN", "ANNIVERSARY")))
		}
		return of
	case "user":
		return []any{isRed(), operation("!=", variable("user.timezone"), "Asia/Tokyo")}
	case "mission":
		if a.counts {
			few := operation("<", variable("mission.currentAmount"), 2)
			return []any{few, few, few}
		}
		return nil
	case "activeMissions":
		if a.counts {
			return []any{
				object{"!": variable("activeMissions")},
				operation("none", variable("activeMissions"), operation(">", variable("currentAmount"), 1)),
			}
		}
		return nil
	}
	of := []any{operation(">=", variable("event.value"), 2), operation("<", variable("value"), 3)}
	if a.times {
		of = append(of, operation(">", a.part(), 5))
	}
	if a.clock {
		of = append(of, notAtTen())
	}
	switch root {
	case "Activity":
		of = append(of, operation("==", variable("event.additionalData.kind"), "a"), object{"!": variable("event.outcome")})
	case "Quiz":
		of = append(of, operation("==", variable("event.outcome"), "SUCCESS"))
	case "LearningPath", "LearningGroup", "Slide", "Story":
		of = append(of, operation("and", operation("==", variable("progress"), "COMPLETE"), operation("!=", variable("previousEvent.progress"), "COMPLETE")))
	case "Badge":
		of = append(of, operation("==", variable("sourceEntityType"), "Activity"))
	case "Streak":
		of = append(of, operation("==", variable("status"), "COMPLETED"), operation("in", variable("event.status"), []any{"COMPLETED", "BROKEN"}))
		if a.counts {
			of = append(of, operation(">=", variable("count"), 2))
		}
	case "Mission":
		over := operation("==", variable("state"), "ENDED")
		of = append(of, operation("==", variable("event.missionType"), "INDIVIDUAL"), over, over)
		if a.counts {
			of = append(of, operation(">", variable("currentAmount"), 2))
		}
	case "Level":
		falls := operation("==", variable("direction"), "DOWN")
		of = append(of, falls, falls, operation("==", variable("event.to"), "high"))
		if a.counts {
			of = append(of, operation(">", variable("number"), 1))
		}
	case "VirtualTransaction":
		of = append(of, operation("==", variable("direction"), "CREDIT"), operation("==", variable("virtualCurrencyId"), "points"),
			object{"!": variable("reversalOf")})
	}
	return of
}

// condition is one that reads the given roots, or none.
func (a author) condition(roots ...string) any {
	if !pick(a, "conditional", false, false, true) {
		return nil
	}
	if a.plain {
		return notAtTen()
	}
	var of []any
	for _, root := range roots {
		of = append(of, a.leaves(root)...)
	}
	if len(of) == 0 {
		return nil
	}
	x, y := pick(a, "leaf", of...), pick(a, "leaf", of...)
	switch op := pick(a, "operator", "", "!", "and", "or"); op {
	case "":
		return x
	case "!":
		return object{"!": x}
	default:
		return operation(op, x, y)
	}
}

// amount is an expression for an amount that is worked out from an event, nil for 1.
func (a author) amount(entity string) any {
	of := []any{nil, 2, variable("event.value"), operation("-", variable("event.value"), 2), operation("if", isRed(), 3, 1)}
	if entity == "Activity" {
		of = append(of, variable("event.additionalData.n"))
	}
	if a.times {
		of = append(of, operation("if", operation(">", a.part(), 5), 2, 1))
	}
	return pick(a, "amount", of...)
}

// matcher returns the fields of a matcher under the given names, separated by spaces, and the type of event
// that it matches.
func (a author) matcher(names string, entities ...string) (object, string) {
	entities = slices.DeleteFunc(entities, func(e string) bool { return !a.has(e) })
	entity := pick(a, "entity", entities...)
	field := strings.Fields(names)
	m := object{field[0]: "ENTITY", field[1]: entity}
	how := pick(a, "match", "ENTITY", "INSTANCE", "TAG")
	if a.named && how == "ENTITY" && entity == "Activity" {
		how = "INSTANCE"
	}
	switch {
	case how == "TAG":
		return object{field[0]: "TAG", field[1]: "Tag", field[2]: "outdoor"}, "Tag"
	case how == "INSTANCE" && entity != "User":
		m[field[0]], m[field[2]] = how, pick(a, "instance", a.ids[kindOf(entity)]...)
	}
	return m, entity
}

// aboutKinds are the kinds, where they have other names, of what events of a type are about.
var aboutKinds = map[string]string{"Mission": "MissionConfiguration", "Streak": "StreakConfiguration", "VirtualTransaction": "VirtualCurrency", "Badge": "BadgeConfiguration", "Level": "Ladder"}

// has tells whether a program has events of a type that its documents may match.
func (a author) has(entity string) bool {
	switch entity {
	case "Activity", "User":
		return true
	case "VirtualTransaction":
		return a.fed
	}
	return a.fed && len(a.ids[kindOf(entity)]) > 0
}

// kindOf returns the kind of what events of a type are about.
func kindOf(entity string) string {
	if kind, ok := aboutKinds[entity]; ok {
		return kind
	}
	return entity
}

// timeframe returns the fields of a timeframe, of a recurring one if it may be.
func (a author) timeframe(recurring, userZones bool) object {
	into := object{"timeframeStartsAt": pick(a, "starts", "2020-01-01T00:00:00Z", "2025-10-01T02:30:00Z"), "timeframeTimezoneType": "USER"}
	if !userZones || pick(a, "fixed", true, false) {
		into["timeframeTimezoneType"], into["timeframeTimezone"] = "FIXED", pick(a, "zone", "UTC", "America/New_York")
	}
	types := []string{"PERMANENT", "RANGE", "DAILY", "WEEKLY", "MONTHLY", "CUSTOM"}
	if !recurring {
		types = types[:2]
	}
	if a.plain {
		types = slices.DeleteFunc(types, func(of string) bool { return of == "RANGE" })
	}
	switch of := pick(a, "timeframe", types...); of {
	case "PERMANENT":
		into["timeframeType"] = of
	case "RANGE":
		into["timeframeType"], into["timeframeEndsAt"] = of, "2025-10-08T00:00:00Z"
	default:
		into["timeframeType"], into["recurrence"] = "RECURRING", of
		if of == "CUSTOM" {
			into["scheduleCron"] = pick(a, "schedule", "0 6 * * 1,4", "30 */8 * * *")
		}
	}
	return into
}

// grace adds to the fields of a timeframe that ends how long what is late is taken: by missions, by when it arrives; by boards, at least.
func (a author) grace(into object, arrives bool) object {
	if into["timeframeType"] == "PERMANENT" {
		return into
	}
	const day = 24 * 60
	of := []any{nil, nil, 40 * day}
	if !arrives || !a.timeless {
		of = append(of, 0, 60, 26*60, 3*day)
	}
	if minutes := pick(a, "grace", of...); minutes != nil {
		into["graceMinutes"] = minutes
	}
	return into
}

func quoted(id any) string { return fmt.Sprintf("%q", id) }

// numbered returns so many ids that begin with a letter.
func numbered(letter string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint(letter, i+1))
	}
	return ids
}
