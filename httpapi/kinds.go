package httpapi

import (
	"slices"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/streaks"
)

// declarations returns the operations of each context.
func declarations(f *forms) map[Context][]*operation {
	return map[Context][]*operation{Dashboard: dashboard(f), App: nil}
}

func dashboard(f *forms) []*operation {
	return slices.Concat(
		documents(f, &kind[content.Activity]{
			name: "Activity", plural: "activities", id: "activityId", hidden: []string{"additionalData"}, own: codes(201, 400, 401, 409), tags: tagsSilent,
			of: func(ws *guerdon.Workspace) content.Documents[content.Activity] { return ws.Activities },
		}),
		documents(f, &kind[content.Quiz]{
			name: "Quiz", plural: "quizzes", id: "quizId", singular: "quiz", tags: tagsAnswered,
			of: func(ws *guerdon.Workspace) content.Documents[content.Quiz] { return ws.Quizzes },
		}),
		documents(f, &kind[content.Slide]{
			name: "Slide", plural: "slides", id: "slideId", tags: tagsAnswered,
			of: func(ws *guerdon.Workspace) content.Documents[content.Slide] { return ws.Slides },
		}),
		documents(f, &kind[content.Story]{
			name: "Story", plural: "stories", id: "storyId", catalogID: "storyCatalogId", tags: tagsAnswered,
			of: func(ws *guerdon.Workspace) content.Documents[content.Story] { return ws.Stories },
		}),
		documents(f, &kind[content.Tag]{
			name: "Tag", plural: "tags", id: "tagId", singular: "tag", generated: true,
			of: func(ws *guerdon.Workspace) content.Documents[content.Tag] { return ws.Tags },
		}),
		documents(f, &kind[learning.Group]{
			name: "LearningGroup", plural: "learning-groups", id: "learningGroupId", tags: tagsAnswered,
			of: func(ws *guerdon.Workspace) content.Documents[learning.Group] { return ws.Learning.Groups },
		}),
		documents(f, &kind[learning.Path]{
			name: "LearningPath", plural: "learning-paths", id: "learningPathId", tags: tagsAnswered,
			of: func(ws *guerdon.Workspace) content.Documents[learning.Path] { return ws.Learning.Paths },
		}),
		documents(f, &kind[learning.Rule]{
			name: "LearningPathRule", plural: "learning-path-rules", id: "learningPathRuleId", catalogID: "learningPathRuleCatalogId",
			of: func(ws *guerdon.Workspace) content.Documents[learning.Rule] { return ws.Learning.Rules },
		}),
		documents(f, &kind[missions.Configuration]{
			name: "MissionConfiguration", plural: "mission-configurations", id: "missionConfigurationId", tags: tagsAnswered,
			of: func(ws *guerdon.Workspace) content.Documents[missions.Configuration] {
				return ws.Missions.Configurations
			},
		}),
		documents(f, &kind[missions.Rule]{
			name: "MissionRule", plural: "mission-rules", id: "missionRuleId", tags: tagsAnswered,
			of: func(ws *guerdon.Workspace) content.Documents[missions.Rule] { return ws.Missions.Rules },
		}),
		documents(f, &kind[economy.RewardRule]{
			name: "RewardRule", plural: "reward-rules", id: "rewardRuleId", hidden: []string{"maxPerUser", "per"}, generated: true,
			of: func(ws *guerdon.Workspace) content.Documents[economy.RewardRule] { return ws.Economy.RewardRules },
		}),
		documents(f, &kind[economy.Currency]{
			name: "VirtualCurrency", plural: "virtual-currencies", id: "virtualCurrencyId",
			of: func(ws *guerdon.Workspace) content.Documents[economy.Currency] { return ws.Economy.Currencies },
		}),
		documents(f, &kind[streaks.Configuration]{
			name: "StreakConfiguration", plural: "streak-configurations", id: "streakConfigurationId", catalogID: "streakConfigurationCatalogId", tags: tagsMade,
			of: func(ws *guerdon.Workspace) content.Documents[streaks.Configuration] { return ws.Streaks.Configurations },
		}),
		documents(f, &kind[streaks.Rule]{
			name: "StreakRule", plural: "streak-rules", id: "streakRuleId", catalogID: "streakRuleCatalogId", tags: tagsSilent,
			of: func(ws *guerdon.Workspace) content.Documents[streaks.Rule] { return ws.Streaks.Rules },
		}),
	)
}
