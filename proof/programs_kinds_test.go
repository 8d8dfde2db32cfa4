package proof_test

import (
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// ground returns the documents that every program has: what its others may be about.
func ground() []object {
	option := object{"difficulty": "EASY", "correctAnswer": "opt2", "placement": "STANDALONE"}
	return []object{
		document("Tag", "red", object{"namespace": "team", "variant": "red"}),
		document("Tag", "blue", object{"namespace": "team", "variant": "blue"}),
		document("Tag", "outdoor", object{"namespace": "place", "variant": "outdoor"}),
		document("Activity", "run", nil),
		document("Activity", "swim", nil),
		document("Activity", "sit", nil), // which nobody does
		document("Quiz", "hills", option),
		document("Quiz", "kings", option),
		document("Slide", "forum", nil),
		document("Story", "founding", nil),
		document("LearningGroup", "test", object{"type": "test", "items": []object{{"itemId": "kings", "itemType": "quiz"}, {"itemId": "swim", "itemType": "activity"}}}),
		document("VirtualCurrency", "points", nil),
		document("VirtualCurrency", "gems", object{"maxAllowedBalance": 3}),
		document("VirtualCurrency", "debts", object{"minAllowedBalance": -5}),
		document("VirtualCurrency", "coins", nil),
		document("BadgeConfiguration", "first", object{"image": "https://example.org/first.png"}),
		document("BadgeConfiguration", "gold", object{"image": "https://example.org/gold.png", "isSecret": true}),
	}
}

// lively lets what is credited of currencies lapse. Coins lapse only where a grant or a reward says so: everybody is to have enough of them.
func (a author) lively(docs []object) []object {
	if !a.lives {
		return docs
	}
	for _, doc := range docs {
		if doc["kind"] != "VirtualCurrency" {
			continue
		}
		if doc["life"] = a.life(); doc["id"] == "coins" {
			doc["life"] = object{"lifeType": "NEVER"}
		}
	}
	return docs
}

// life is one that ends within the history, or does not.
func (a author) life() object {
	switch of := pick(a, "life", "AFTER", "END_OF", "DATE", "NEVER"); of {
	case "AFTER":
		return object{"lifeType": of, "count": rapid.IntRange(1, 3).Draw(a.T, "days"), "per": "DAY"}
	case "END_OF":
		return object{"lifeType": of, "per": pick(a, "per", "DAY", "WEEK", "MONTH")}
	case "DATE":
		return object{"lifeType": of, "at": pick(a, "date", "2025-10-04T12:00:00Z", "2025-10-01T00:00:00Z")}
	default:
		return object{"lifeType": of}
	}
}

// newAuthor returns an author who knows which documents to write.
func newAuthor(t *rapid.T, of features) author {
	a := author{T: t, features: of, types: map[string]string{}}
	some := func(letter string, of bool, most int, name string) []string {
		if !of {
			return nil
		}
		return numbered(letter, rapid.IntRange(1, most).Draw(t, name))
	}
	a.ids = map[string][]string{
		"Activity": {"run", "swim"}, "VirtualCurrency": {"points", "gems"},
		"LearningPath":                    some("p", of.learning, 2, "paths"),
		"Ladder":                          some("d", of.levels, 2, "ladders"),
		"MissionConfiguration":            some("m", of.missions, 2, "missions"),
		"MissionRule":                     some("r", of.missions, 2, "mission rules"),
		"StreakConfiguration":             some("c", of.streaks, 2, "streaks"),
		"RewardRule":                      some("w", of.rewards, 3, "rewards"),
		"Boost":                           some("x", of.rewards && of.limits, 2, "boosts"),
		"RuntimeLeaderboardConfiguration": some("q", of.boards, 3, "boards"),
		"LearningPathRule":                some("l", of.learning, 2, "path rules"),
	}
	for _, id := range a.ids["MissionConfiguration"] {
		a.types[id] = a.missionType()
	}
	for _, id := range a.ids["Ladder"] {
		a.types[id] = pick(a, "demotion", "", "AT_ONCE", "PERIOD")
	}
	if of.badges {
		a.ids["BadgeConfiguration"] = []string{"first", "gold"}
	}
	if of.learning {
		a.ids["Quiz"], a.ids["Slide"], a.ids["Story"], a.ids["LearningGroup"] = []string{"hills", "kings"}, []string{"forum"}, []string{"founding"}, []string{"test"}
	}
	return a
}

// program returns the documents of a random program, each after those to which it refers. Some are left out to which
// no other refers, in the simplest all, unless the program is whole.
func (a author) program() (docs []object) {
	for _, id := range a.written() {
		docs = append(docs, a.write(id))
	}
	if a.whole {
		return docs
	}
	kept := ""
	for _, doc := range slices.Backward(docs) {
		wanted := pick(a, "kept", false, true, true, true, true, true, true) || strings.Contains(kept, quoted(doc["id"]))
		if wanted {
			kept += encoded(doc)
		}
	}
	return slices.DeleteFunc(docs, func(doc object) bool { return !strings.Contains(kept, `"id":`+quoted(doc["id"])) })
}

// written are the ids of the documents that the author writes.
func (a author) written() (ids []string) {
	for _, kind := range []string{"LearningPath", "Ladder", "MissionConfiguration", "MissionRule", "StreakConfiguration", "RewardRule", "Boost", "RuntimeLeaderboardConfiguration", "LearningPathRule"} {
		for _, id := range a.ids[kind] {
			ids = append(ids, id)
			switch kind {
			case "StreakConfiguration":
				ids = append(ids, "s"+id[1:])
			case "RuntimeLeaderboardConfiguration":
				ids = append(ids, "b"+id[1:])
			}
		}
	}
	return ids
}

// write returns a document with a name that says of which kind it is.
func (a author) write(id string) object {
	switch n := id[1:]; id[0] {
	case 'p':
		return a.learningPath(id)
	case 'd':
		return a.ladder(id)
	case 'm':
		return a.missionConfiguration(id)
	case 'r':
		return a.missionRule(id)
	case 'c':
		return a.streakConfiguration(id)
	case 's':
		return a.streakRule(id, "c"+n)
	case 'w':
		return a.rewardRule(id)
	case 'x':
		return a.boost(id)
	case 'q':
		return a.boardConfiguration(id)
	case 'b':
		return a.board(id, "q"+n)
	default:
		return a.learningPathRule(id)
	}
}

func (a author) missionType() string {
	if !a.groups {
		return "INDIVIDUAL"
	}
	return pick(a, "type", "GROUP", "INDIVIDUAL")
}

// missionConfiguration is a mission on activities, quizzes, paths or money, with one goal or several, that may need the first one before.
func (a author) missionConfiguration(id string) object {
	fields := object{"missionType": a.types[id]}
	if of := a.types["m1"]; a.chains && id != "m1" && a.types[id] == "INDIVIDUAL" && of == "INDIVIDUAL" && pick(a, "requires", true, false) {
		fields["requires"] = []string{"m1"}
	}
	if a.types[id] != "INDIVIDUAL" || !a.goals || !pick(a, "several", true, false) {
		return document("MissionConfiguration", id, merge(fields, a.goal(id)))
	}
	var goals []object
	for _, goal := range numbered("g", rapid.IntRange(2, 3).Draw(a.T, "goals")) {
		goals = append(goals, merge(object{"id": goal, "name": goal}, a.goal(id)))
	}
	fields["goals"] = goals
	if n := rapid.IntRange(0, len(goals)).Draw(a.T, "needed"); n > 0 {
		fields["goalsNeeded"] = n
	}
	return document("MissionConfiguration", id, fields)
}

// goal returns the fields of a goal of a mission.
func (a author) goal(id string) object {
	matcher, entity := a.matcher("matchType matchEntity matchEntityId", "Activity", "Quiz", "LearningPath", "Badge", "Level", "VirtualTransaction")
	targets := []any{2, nil, 3, 5}
	distinct := []any{nil}
	if a.types[id] == "INDIVIDUAL" {
		targets = append(targets, operation("if", isRed(), 4, 2)) // a group is no user
		distinct = append(distinct, nil, variable("event.value"), variable("entityId"), variable("event.id"))
		if entity == "Activity" {
			distinct = append(distinct, variable("event.additionalData.kind"))
		}
		if a.times {
			distinct = append(distinct, a.part())
		}
	} else {
		a.counts = false // and its condition does not read how far it is
	}
	fields := object{
		"distinctExpression":     pick(a, "distinct", distinct...),
		"matchCondition":         a.condition(entity, "user", "mission"),
		"incrementExpression":    a.amount(entity),
		"targetAmountExpression": pick(a, "target", targets...),
	}
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
	return merge(fields, matcher)
}

// missionRule assigns the missions of one type. A group has no zone of its own.
func (a author) missionRule(id string) object {
	pool := slices.Clone(a.ids["MissionConfiguration"])
	kind := a.types[pick(a, "mission", pool...)]
	pool = slices.DeleteFunc(pool, func(id string) bool { return a.types[id] != kind })
	fields := merge(object{
		"missionType": kind, "missionConfigurationsPool": pick[any](a, "pool", pool, pool, "ALL"), "assignmentMode": pick(a, "mode", "EVENT", "LAZY"),
	}, a.grace(a.timeframe(true, kind == "INDIVIDUAL"), true))
	var roots []string
	if fields["assignmentMode"] == "EVENT" {
		by := []string{"Activity", "Quiz", "LearningPath", "Level", "User", "VirtualTransaction"}
		if a.tags && kind == "GROUP" { // what a group completes may give the step, or the tag, by which its rule was evaluated: that has no end
			by = slices.DeleteFunc(by, func(entity string) bool { return entity == "Level" || entity == "User" })
		}
		matcher, entity := a.matcher("eventMatchType eventMatchEntity eventMatchEntityId", by...)
		merge(fields, matcher)
		fields["eventMatchCondition"] = a.condition(entity, "user")
		roots = []string{"activeMissions"}
	}
	if kind == "GROUP" {
		fields["groupTagId"] = "red"
	} else {
		fields["usersMatchCondition"] = a.condition(append(roots, "user")...)
	}
	return document("MissionRule", id, fields)
}

// rewardRule pays for all that can be paid for.
func (a author) rewardRule(id string) object {
	matcher, entity := a.matcher("ruleType matchEntity matchEntityId", "Activity", "Mission", "Streak", "Level", "Quiz", "LearningPath", "LearningGroup", "Slide", "Badge", "User")
	yearly := a.years && pick(a, "yearly", true, false)
	if yearly {
		matcher, entity = object{"ruleType": "ENTITY", "matchEntity": "User"}, "User"
	}
	currencies := []string{"points", "coins"}
	if a.limits {
		currencies = append(currencies, "gems")
	}
	shared := a.budget(3, 1, 5)
	var rewards []object
	for range rapid.IntRange(1, 2).Draw(a.T, "rewards") {
		if a.badges && entity != "Badge" && pick(a, "badge", true, false) {
			rewards = append(rewards, object{"rewardType": "BADGE", "badgeConfigurationId": pick(a, "badge", a.ids["BadgeConfiguration"]...)})
			continue
		}
		if a.tags && entity != "User" && pick(a, "tag", true, false) {
			rewards = append(rewards, a.tagReward())
			continue
		}
		if steps := slices.DeleteFunc(slices.Clone(a.ids["Ladder"]), func(id string) bool { return a.types[id] == "AT_ONCE" }); a.tags && entity != "Level" && len(steps) > 0 && pick(a, "step", false, true) {
			rewards = append(rewards, object{"rewardType": "STEP", "ladderId": pick(a, "ladder", steps...), "stepId": pick(a, "step", "low", "high")})
			continue
		}
		rewards = append(rewards, merge(object{
			"virtualCurrencyId": pick(a, "currency", currencies...), "redemptionMode": pick(a, "redemption", "AUTO", "AUTO", "MANUAL"), "expression": a.amount(entity),
		}, a.limit(), shared))
		if a.lives && pick(a, "own life", false, true) {
			rewards[len(rewards)-1]["life"] = a.life()
		}
	}
	condition, counts := a.condition(entity, "user"), []object(nil)
	if yearly {
		condition = operation("==", variable("change"), "ANNIVERSARY")
	}
	if a.reviews && pick(a, "counted", true, false) {
		minutes := pick(a, "minutes", 24*60, 10, 1)
		counts = []object{{"name": "lately", "minutes": minutes}, {"name": "just", "minutes": 1}}
		if pick(a, "limited", false, true) {
			condition = operation("<=", variable("recent.lately"), pick(a, "most", 2, 1))
		}
	}
	for _, w := range rewards {
		if !a.reviews || w["rewardType"] != nil {
			continue
		}
		held := a.condition(entity, "user")
		if counts != nil {
			held = pick[any](a, "held", operation(">", variable("recent.lately"), 1), operation(">", variable("recent.just"), 2), held)
		}
		if held != nil {
			w["reviewCondition"] = held
		}
	}
	fields := merge(object{
		"applicationMode": pick(a, "mode", "ALWAYS", "ALWAYS", "FALLBACK"), "matchCondition": condition, "rewards": rewards,
	}, matcher)
	if counts != nil {
		fields["counts"] = counts
	}
	if a.limits {
		if n := rapid.IntRange(0, 2).Draw(a.T, "most"); n > 0 {
			fields["maxPerUser"] = n
			if per := pick(a, "per", "", "DAY", "WEEK", "MONTH"); per != "" {
				fields["per"] = per
			}
		}
	}
	return document("RewardRule", id, merge(fields, a.budget(2, 1, 4)))
}

// budget returns the field of what is paid to all together: so much at most.
func (a author) budget(most ...int) object {
	if !a.budgets || !pick(a, "budgeted", true, false) {
		return nil
	}
	budget := object{"max": pick(a, "most in all", most...)}
	if per := pick(a, "per", "", "DAY", "WEEK"); per != "" {
		budget["per"], budget["timezone"] = per, pick(a, "zone", "UTC", "America/New_York")
	}
	return object{"budget": budget}
}

// boost raises what some rules pay, or all.
func (a author) boost(id string) object {
	fields := object{
		"rewardRulesPool": "ALL", "factor": pick(a, "factor", 2, 3, 1.5),
		"stacking": pick(a, "stacking", "ADD", "MULTIPLY", "GREATEST"), "matchCondition": a.condition("user", "event"),
	}
	if currency := pick(a, "currency", "", "points"); currency != "" {
		fields["virtualCurrencyId"] = currency
	}
	if pick(a, "timed", false, true) {
		fields["timeframe"] = a.timeframe(true, true)
	}
	return document("Boost", id, fields)
}

// tagReward is a tag that is given or taken, for a time or for good.
func (a author) tagReward() object {
	w := object{"rewardType": "TAG", "tagId": pick(a, "tag", "red", "blue")}
	if action := pick(a, "action", "", "REMOVE", "ADD"); action != "" {
		w["tagAction"] = action
	}
	if minutes := pick(a, "minutes", 0, 90, 2*24*60); minutes > 0 {
		w["tagMinutes"] = minutes
	}
	return w
}

// limit returns the fields of a reward that bound what it pays a user.
func (a author) limit() object {
	into := object{}
	if !a.limits || !pick(a, "bounded", false, true) {
		return into
	}
	if exceeded := pick(a, "exceeded", "", "NOTHING", "PART", "PART"); exceeded != "" {
		into["whenExceeded"] = exceeded
	}
	if most := pick(a, "cap", 0, 3, 1, 5); most > 0 {
		into["maxAmountPerUser"] = most
		switch per := pick(a, "periods", "", "DAY", "WEEK", "MONTH", "YEAR", "of a timeframe"); per {
		case "":
		case "of a timeframe":
			into["timeframe"] = a.timeframe(true, true)
		default:
			into["per"] = per
		}
	}
	return into
}

// streakConfiguration is a streak of all that streaks may be of.
func (a author) streakConfiguration(id string) object {
	matcher, entity := a.matcher("matchType matchEntity matchEntityId", "Activity", "Mission", "Level", "Quiz", "LearningPath", "LearningGroup", "Slide")
	return document("StreakConfiguration", id, merge(matcher, object{"matchCondition": a.condition(entity, "user")}))
}

func (a author) streakRule(id, configuration string) object {
	fields := merge(object{
		"streakConfigurationId": configuration, "cadence": pick(a, "cadence", "DAY", "WEEK"), "metric": "DAYS",
		"usersMatchCondition": a.condition("user"), "freezeEnabled": false,
	}, a.timeframe(false, true))
	if fields["cadence"] == "WEEK" {
		fields["metric"] = pick(a, "metric", "WEEKS", "DAYS")
	}
	if goals := pick(a, "goals", nil, []int{2}, []int{1, 3}); goals != nil {
		fields["goalTargets"] = goals
	}
	if a.freezes && pick(a, "freezes", false, true) {
		prices := []any{nil, 2, 10, operation("if", isRed(), 1, 3)}
		if a.counts {
			prices = append(prices, variable("streak.count"))
		}
		merge(fields, object{"freezeEnabled": true, "freezeVirtualCurrencyId": pick(a, "currency", "points", "debts", "gems")})
		if price := pick(a, "price", prices...); price != nil {
			fields["freezeCostExpression"] = price
		}
		if n := pick(a, "in a row", 0, 1, 2); n > 0 {
			fields["freezeMaxInARow"] = n
		}
		if n := pick(a, "a month", 0, 1, 2); n > 0 {
			fields["freezeMaxPerMonth"] = n
		}
		if consent := pick(a, "consent", "", "BY_USER", "AUTOMATIC"); consent != "" {
			fields["freezeConsent"] = consent
		}
	}
	if pick(a, "perfect", false, true) {
		merge(fields, object{"perfectWeekEnabled": true, "perfectMonthEnabled": true, "perfectYearEnabled": true})
	}
	return document("StreakRule", id, fields)
}

// ladder has two or three low steps, on whatever can be measured.
func (a author) ladder(id string) object {
	measure := object{"type": pick(a, "measure", "EVENTS", "EARNED", "BALANCE", "MISSIONS")}
	switch measure["type"] {
	case "EARNED", "BALANCE":
		measure["virtualCurrencyId"] = pick(a, "currency", "points", "debts", "gems")
	case "MISSIONS":
		if pick(a, "tagged", false, true) {
			measure["tagId"] = "outdoor"
		}
	default:
		matcher, entity := a.matcher("ruleType matchEntity matchEntityId", "Activity", "Quiz", "LearningPath", "LearningGroup", "Slide")
		merge(measure, matcher)
		if of := pick(a, "of", "", "", "Mission", "Streak", "VirtualTransaction"); of != "" && a.has(of) {
			delete(measure, "matchEntityId")
			measure["ruleType"], measure["matchEntity"], entity = "ENTITY", of, of
		}
		fields := object{
			"matchCondition": a.condition(entity, "user"), "expression": a.amount(entity), "per": pick[any](a, "per", nil, "DAY", "WEEK", "MONTH"),
		}
		if !a.plain {
			fields["startsAt"] = pick[any](a, "starts", nil, nil, "2025-10-01T02:30:00Z")
			fields["endsAt"] = pick[any](a, "ends", nil, nil, "2025-10-08T00:00:00Z")
		}
		maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
		merge(measure, fields)
	}
	fields := object{"measure": measure, "steps": []object{
		{"id": "low", "name": "Low", "threshold": pick(a, "low", 1, 2)},
		{"id": "high", "name": "High", "threshold": pick(a, "high", 3, 5)},
		{"id": "top", "name": "Top", "threshold": pick(a, "top", 9, 20)},
	}[:pick(a, "steps", 2, 3)]}
	if a.tags {
		for _, step := range fields["steps"].([]object) {
			if perks := pick(a, "perks", nil, []string{"red"}, []string{"blue"}, []string{"red", "blue"}); perks != nil {
				step["perks"] = perks
			}
		}
	}
	if a.types[id] != "" {
		fields["demotion"] = a.types[id]
	}
	if a.types[id] == "PERIOD" {
		fields["demotionPeriod"] = pick(a, "period", "DAY", "WEEK", "MONTH")
	}
	return document("Ladder", id, fields)
}

// sources are the logs of boards by the types of their rows.
var sources = map[string]string{
	"Activity": "activity_logs", "Quiz": "quiz_logs", "Slide": "slide_logs", "LearningGroup": "learning_group_logs",
	"LearningPath": "learning_path_logs", "Story": "story_logs", "Mission": "mission_logs", "VirtualTransaction": "virtual_transactions", "Streak": "streaks", "Badge": "badge_logs", "Level": "levels",
}

func (a author) boardConfiguration(id string) object {
	entities := slices.DeleteFunc([]string{
		"Activity", "VirtualTransaction", "Mission", "Streak", "Level", "Quiz", "LearningPath", "LearningGroup", "Slide", "Story", "Badge",
	}, func(e string) bool { return !a.has(e) })
	entity := pick(a, "source", entities...)
	of := pick[any](a, "score", variable("value"), operation("-", variable("value"), 2))
	if a.times {
		of = pick[any](a, "of", of, a.part())
	}
	query := object{
		"source": sources[entity], "score": object{pick(a, "function", "sum", "count", "max", "min", "last", "count_distinct"): of},
		"entityId": pick[any](a, "entity", "userId", "userId", object{"tagNamespace": "team"}),
	}
	if where := a.condition(entity, "user"); where != nil {
		query["where"] = where
	}
	if style := pick(a, "ranks", "", "DENSE_RANK", "ROW_NUMBER"); style != "" {
		query["rankStyle"] = style
	}
	return document("RuntimeLeaderboardConfiguration", id, object{"query": query})
}

func (a author) board(id, configuration string) object {
	return document("RuntimeLeaderboard", id, merge(object{"runtimeLeaderboardConfigurationId": configuration}, a.grace(a.timeframe(true, true), false)))
}

// learningPath is a path of some of what there is to learn.
func (a author) learningPath(id string) object {
	complete := operation("==", variable("progress"), "COMPLETE")
	rules := []any{nil, operation("some", variable("items"), complete), operation("all", variable("items"), complete)}
	items := []object{
		{"itemId": "hills", "itemType": "quiz"},
		{"itemId": "run", "itemType": "activity"},
		{"itemId": "test", "itemType": "learningGroup"},
		{"itemId": "forum", "itemType": "slide"},
		{"itemId": "founding", "itemType": "story"},
	}
	if a.locked(id) { // whether a submission is refused must not depend on what is late
		items = []object{{"itemId": "run", "itemType": "activity"}, {"itemId": "swim", "itemType": "activity"}}
	}
	from := rapid.IntRange(0, len(items)-1).Draw(a.T, "first item")
	return document("LearningPath", id, object{
		"estimatedDuration": 1, "items": items[from:min(len(items), from+rapid.IntRange(1, 3).Draw(a.T, "items"))],
		"startRule": pick(a, "start", rules...), "completionRule": pick(a, "completion", rules...),
		"outcomeRule": pick[any](a, "outcome", nil, isRed()),
	})
}

// locked tells whether a path is locked until a rule opens it.
func (a author) locked(pathID string) bool { return a.locks && pathID == "p2" }

// learningPathRule assigns all paths, or opens the one that is locked.
func (a author) learningPathRule(id string) object {
	paths := a.ids["LearningPath"]
	if id == "l2" && a.locks && len(paths) > 1 {
		return document("LearningPathRule", id, merge(object{
			"ruleType": "UNLOCK", "unlockLearningPathId": "p2", "assignmentMode": "EVENT",
			"eventMatchType": "INSTANCE", "eventMatchEntity": "LearningPathLog", "eventMatchEntityId": "p1",
			"eventMatchCondition": operation("==", variable("progress"), "COMPLETE"),
		}, a.timeframe(true, true)))
	}
	fields := merge(object{
		"ruleType": "ASSIGN", "learningPathsPool": paths, "usersMatchCondition": a.condition("user"), "assignmentMode": pick(a, "mode", "LAZY", "EVENT"),
	}, a.timeframe(true, true))
	if fields["assignmentMode"] == "EVENT" && fields["timeframeType"] != "RANGE" { // nor on who has which path by then
		merge(fields, object{"eventMatchType": "ENTITY", "eventMatchEntity": pick(a, "entity", "LearningPathLog", "User")})
	} else {
		fields["assignmentMode"] = "LAZY"
	}
	if a.locks {
		fields["initialVisibilityCondition"] = operation("!=", variable("learningPath.learningPathId"), "p2")
	}
	return document("LearningPathRule", id, fields)
}
