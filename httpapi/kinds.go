package httpapi

import (
	"slices"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/streaks"
)

// declarations returns the operations of each context.
func declarations(f *forms) map[Context][]*operation {
	called[analytics.Quiz](f, "QuizFigures")
	called[event.Problem](f, "EventProblem")
	called[missions.Change](f, "MissionChange")
	called[missions.GoalChange](f, "MissionGoalChange")
	called[missions.GoalProgress](f, "MissionGoal")
	called[missions.NamedGoal](f, "MissionConfigurationGoal")
	called[streaks.Change](f, "StreakChange")
	called[economy.Change](f, "TransactionChange")
	called[badges.Change](f, "BadgeChange")
	called[leaderboard.Change](f, "ScoreChange")
	called[learning.Change](f, "LearningChange")
	called[mobility.Change](f, "MobilityChange")
	called[levels.Change](f, "LevelChange")
	called[levels.Step](f, "LadderStep")
	called[levels.Text](f, "LadderText")
	called[levels.Measure](f, "LadderMeasure")
	return map[Context][]*operation{Dashboard: append(dashboard(f), auditLogs()), App: app(f), Portal: portalOperations()}
}

func dashboard(f *forms) []*operation {
	return slices.Concat(
		documents(f, activityKind()),
		documents(f, quizKind()),
		documents(f, slideKind()),
		documents(f, storyKind()),
		documents(f, tagKind()),
		documents(f, groupKind()),
		documents(f, pathKind()),
		documents(f, pathRuleKind()),
		documents(f, missionConfigurationKind()),
		documents(f, missionRuleKind()),
		documents(f, badgeConfigurationKind()),
		documents(f, rewardRuleKind(f)),
		documents(f, boostKind()),
		documents(f, currencyKind()),
		documents(f, streakConfigurationKind()),
		documents(f, streakRuleKind()),
		documents(f, ladderKind(f)),
		dashboardTranslations(),
		dashboardLearning(f),
		dashboardMissions(f),
		dashboardReviews(),
		dashboardBudgets(),
		dashboardBoards(f),
		dashboardRankings(f),
		dashboardMedia(f),
		dashboardUsers(f),
		dashboardBadges(),
		dashboardWorkspace(f),
		dashboardMobility(f),
		dashboardLevels(),
		dashboardAnalytics(),
		dashboardJournal(f),
		dashboardBundles(f),
	)
}

func activityKind() *kind[content.Activity, content.Label] {
	return &kind[content.Activity, content.Label]{
		name: "Activity", plural: "activities", id: "activityId", hidden: []string{"additionalData"}, own: codes(201, 400, 401, 409), tags: tagsSilent,
		of: func(ws *guerdon.Workspace) content.Documents[content.Activity] { return ws.Activities },
	}
}

func quizKind() *kind[content.Quiz, content.Question] {
	return &kind[content.Quiz, content.Question]{
		name: "Quiz", plural: "quizzes", id: "quizId", singular: "quiz", tags: tagsAnswered, ai: true, cataloged: true,
		of: func(ws *guerdon.Workspace) content.Documents[content.Quiz] { return ws.Quizzes },
	}
}

func slideKind() *kind[content.Slide, content.SlideText] {
	return &kind[content.Slide, content.SlideText]{
		name: "Slide", plural: "slides", id: "slideId", tags: tagsAnswered, ai: true, cataloged: true,
		of: func(ws *guerdon.Workspace) content.Documents[content.Slide] { return ws.Slides },
	}
}

func storyKind() *kind[content.Story, content.StoryText] {
	return &kind[content.Story, content.StoryText]{
		name: "Story", plural: "stories", id: "storyId", catalogID: "storyCatalogId", tags: tagsAnswered, ai: true,
		expansions: []string{"quizzes"}, reads: func(k *kind[content.Story, content.StoryText], base, one string) []*operation {
			return expandedReads(k, base, one, storyRows)
		},
		of: func(ws *guerdon.Workspace) content.Documents[content.Story] { return ws.Stories },
	}
}

func tagKind() *kind[content.Tag, content.Label] {
	return &kind[content.Tag, content.Label]{
		name: "Tag", plural: "tags", id: "tagId", singular: "tag", generated: true,
		of: func(ws *guerdon.Workspace) content.Documents[content.Tag] { return ws.Tags },
	}
}

func groupKind() *kind[learning.Group, learning.Title] {
	return &kind[learning.Group, learning.Title]{
		name: "LearningGroup", plural: "learning-groups", id: "learningGroupId", tags: tagsAnswered, ai: true, cataloged: true,
		expansions: []string{"items"}, reads: func(k *kind[learning.Group, learning.Title], base, one string) []*operation {
			return expandedReads(k, base, one, groupRows)
		},
		creates: createsGroup,
		of:      func(ws *guerdon.Workspace) content.Documents[learning.Group] { return ws.Learning.Groups },
	}
}

func pathKind() *kind[learning.Path, learning.Title] {
	return &kind[learning.Path, learning.Title]{
		name: "LearningPath", plural: "learning-paths", id: "learningPathId", tags: tagsAnswered, ai: true, cataloged: true,
		kept:       []keep{{field: "completionRule"}, {field: "outcomeRule"}, {field: "startRule"}},
		expansions: []string{"items", "assignments"}, reads: func(k *kind[learning.Path, learning.Title], base, one string) []*operation {
			return expandedReads(k, base, one, pathRows)
		},
		creates: createsPath,
		of:      func(ws *guerdon.Workspace) content.Documents[learning.Path] { return ws.Learning.Paths },
	}
}

func pathRuleKind() *kind[learning.Rule, content.Description] {
	return &kind[learning.Rule, content.Description]{
		name: "LearningPathRule", plural: "learning-path-rules", id: "learningPathRuleId", catalogID: "learningPathRuleCatalogId",
		of: func(ws *guerdon.Workspace) content.Documents[learning.Rule] { return ws.Learning.Rules },
	}
}

func missionConfigurationKind() *kind[missions.Configuration, content.Label] {
	return &kind[missions.Configuration, content.Label]{
		name: "MissionConfiguration", plural: "mission-configurations", id: "missionConfigurationId", singular: elsewhere, tags: tagsAnswered,
		filled: map[string]string{"matchCondition": "true", "incrementExpression": "1", "targetAmountExpression": "1"},
		unless: "goals",
		of: func(ws *guerdon.Workspace) content.Documents[missions.Configuration] {
			return ws.Missions.Configurations
		},
	}
}

func missionRuleKind() *kind[missions.Rule, content.Description] {
	return &kind[missions.Rule, content.Description]{
		name: "MissionRule", plural: "mission-rules", id: "missionRuleId", tags: tagsAnswered, null: []string{"missionsMatchCondition"},
		kept: []keep{
			{"groupTagId", "missionType", "GROUP"},
			{"usersMatchCondition", "missionType", "INDIVIDUAL"},
			{"timeframeTimezone", "timeframeTimezoneType", "FIXED"},
			{"recurrence", "timeframeType", "RECURRING"},
			{"scheduleCron", "timeframeType", "RECURRING"},
			{"scheduleCron", "assignmentMode", "SCHEDULED_PUSH"},
			{"eventMatchType", "assignmentMode", "EVENT"},
		},
		of: func(ws *guerdon.Workspace) content.Documents[missions.Rule] { return ws.Missions.Rules },
	}
}

func rewardRuleKind(f *forms) *kind[economy.RewardRule, content.Description] {
	shapeOf[economy.Reward](f, shape{null: []string{"expression"}})
	return &kind[economy.RewardRule, content.Description]{
		name: "RewardRule", plural: "reward-rules", id: "rewardRuleId", generated: true,
		null: []string{"matchCondition"},
		of:   func(ws *guerdon.Workspace) content.Documents[economy.RewardRule] { return ws.Economy.RewardRules },
	}
}

func boostKind() *kind[economy.Boost, content.Label] {
	return &kind[economy.Boost, content.Label]{
		name: "Boost", plural: "boosts", id: "boostId", null: []string{"matchCondition"},
		of: func(ws *guerdon.Workspace) content.Documents[economy.Boost] { return ws.Economy.Boosts },
	}
}

func currencyKind() *kind[economy.Currency, content.Label] {
	return &kind[economy.Currency, content.Label]{
		name: "VirtualCurrency", plural: "virtual-currencies", id: "virtualCurrencyId",
		of: func(ws *guerdon.Workspace) content.Documents[economy.Currency] { return ws.Economy.Currencies },
	}
}

func streakConfigurationKind() *kind[streaks.Configuration, content.Label] {
	return &kind[streaks.Configuration, content.Label]{
		name: "StreakConfiguration", plural: "streak-configurations", id: "streakConfigurationId", catalogID: "streakConfigurationCatalogId", tags: tagsMade,
		null: []string{"matchCondition"},
		of:   func(ws *guerdon.Workspace) content.Documents[streaks.Configuration] { return ws.Streaks.Configurations },
	}
}

func streakRuleKind() *kind[streaks.Rule, streaks.Text] {
	return &kind[streaks.Rule, streaks.Text]{
		name: "StreakRule", plural: "streak-rules", id: "streakRuleId", catalogID: "streakRuleCatalogId", singular: elsewhere, tags: tagsSilent, stated: true,
		kept: []keep{{field: "metric"}},
		of:   func(ws *guerdon.Workspace) content.Documents[streaks.Rule] { return ws.Streaks.Rules },
	}
}

func ladderKind(f *forms) *kind[levels.Ladder, levels.Text] {
	shapeOf[levels.Measure](f, shape{null: []string{"matchCondition", "expression"}})
	return &kind[levels.Ladder, levels.Text]{
		name: "Ladder", plural: "ladders", id: "ladderId", tags: tagsAnswered,
		kept: []keep{{"demotionPeriod", "demotion", "PERIOD"}},
		of:   func(ws *guerdon.Workspace) content.Documents[levels.Ladder] { return ws.Levels.Ladders },
	}
}
