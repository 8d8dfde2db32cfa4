// Package guerdon turns what people do into progress. A Go service imports it, records events, and in
// the same transaction missions advance, streaks grow, rewards are booked, balances move and
// leaderboards reorder, by rules that product people write as JSON Logic.
//
// # Basics
//
// There are five nouns. An [Engine] runs on a [store.Store] (memory, SQLite or PostgreSQL); one per
// process is enough. A [Workspace] is the handle everything hangs off: no method takes a tenant, so
// none can be given the wrong one. A document is what an author writes and publishes: an activity, a
// mission rule, a currency. An event is something that happened to a user. [Workspace.Record] is the
// main job: it makes everything follow from the event that the published documents say, exactly once.
//
// # Documents
//
// Authors write documents as Go values, for services such as [Workspace.Activities] and for [Bundle], or as JSON,
// in bundles for [Workspace.Import]. In both, a document has what [content.Header] has and the fields of its kind:
//
//	Tag                              content.Tag
//	Activity                         content.Activity
//	Story, Slide, Quiz               content.Story, content.Slide, content.Quiz
//	LearningGroup, LearningPath      learning.Group, learning.Path
//	LearningPathRule                 learning.Rule
//	MobilityFactors                  mobility.Factors
//	MobilityGoals                    mobility.Goals
//	VirtualCurrency                  economy.Currency
//	MissionConfiguration             missions.Configuration
//	MissionRule                      missions.Rule
//	BadgeConfiguration               badges.Configuration
//	RewardRule                       economy.RewardRule
//	Boost                            economy.Boost
//	StreakConfiguration              streaks.Configuration
//	StreakRule                       streaks.Rule
//	Ladder                           levels.Ladder
//	RuntimeLeaderboardConfiguration  leaderboard.Configuration
//	RuntimeLeaderboard               leaderboard.Board
//
// Package rule documents the expressions in them. What events may say is in package event.
//
// # Guarantees
//
// Recording is one transaction: either all that follows from an event is there, or nothing is. A batch is recorded in several, if
// it is large or others wait; it is checked before, so that one which is refused changes nothing, and all that is wrong with it is
// told ([BatchError]). An
// event that is recorded again with the same id gives the first outcome again and changes nothing.
// What an event does depends on when it happened, not on when it arrived: what a user has is a fold over
// what happened to that user, in its order. A late event takes it back to its moment, all that has
// happened since follows anew, and the outcome of the late event says what is different. At one
// microsecond, what the clock does comes first, then events whose time the host gave, by their ids, then
// the rest as it was recorded.
//
// What lies before a moment can be archived ([Workspace.Archive]); it is settled from then on.
//
// What somebody has decided stays: what was redeemed, voided or reversed, and what was spent, which is owed if it
// should not have been there. So does a period of a board that has closed.
//
// # Errors
//
// What is refused on purpose is an error of package fault: five sentinels for errors.Is, and a type
// that names the field and the reason. Nothing has changed when one is returned.
package guerdon
