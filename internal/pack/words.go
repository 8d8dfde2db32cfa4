package pack

// dictionaryText is the words of the dictionary: the names of fields that are kept often, and texts that are.
const dictionaryText = `
userId entityId at periodId virtualCurrencyId table key seq amount eventId id type completedAt streakRuleId value completed
kind status day fields was count iterationId state virtualTransactionId runtimeLeaderboardId version configurationVersion
score reachedAt cause missionId recordedAt moments zone streakConfigurationId createdAt updatedAt progress rewardRuleId
ruleVersion missionConfigurationId missionRuleId currentAmount targetAmount event user role caused outcome transactions
scores fingerprint rank missions streaks learning before given points COMPLETE COMPLETED ACTIVE Activity
VirtualTransaction Mission Streak Clock User Quiz Slide Story LearningPath LearningGroup told now order place last
counterpart counterpartType direction initiator initiatorType redemptionMode virtualTransactionGroupId tags additionalData
missionConfigurationVersion missionRuleVersion streakRuleVersion streakConfigurationVersion assigned events endsAt startsAt
matchEntity matchEntityId matchType missionType timeframeType targetAmountExpression incrementExpression matchCondition
defaultLang groupTagId isCompleted ruleId owner made late ticked clocks start lastContributingDay longest terms cadence metric
broke lost checkAt SYSTEM CREDIT DEBIT REWARD_RULE AUTO MANUAL PENDING EXPIRED REGULAR FROZEN BROKEN SUCCESS FAILURE PASSED
FAILED DAY WEEK MONTH DAYS WEEKS MONTHS PERMANENT RANGE RECURRING INDIVIDUAL GROUP INSTANCE ENTITY TAG member admin active
suspended deleted UTC balances evaluations problems source field reason outcome lang language timezone tagId entityTags
itemId itemType context attempts completer reached silent earlier undone gone owed locked unlocked assignmentId
learningPathId learningGroupId quizId answer slideId storyId initialAmount position micros hash from until
streak_days mission_evaluations mission_logs learning_logs learning_path_assignments learning_path_evaluations learning_stats
reward_tallies leaderboard_scores
:SYSTEM
`
