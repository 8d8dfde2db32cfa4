// Package missions gives users goals: a configuration says what counts and how much is needed, a rule
// says who gets it and when, a mission is one user's (or one group's) copy of it for one period.
//
// A mission is assigned when its rule is evaluated, and counts every event of its period that matches
// it, in the order in which they happened, also those that had happened before it was assigned. It is
// completed exactly once, at the moment at which, in that order, its target was reached. If a late event
// shows that it was reached at another moment, or not yet, the completion is another, and so is all that
// follows from it. A mission that is made by hand counts from when it is made.
//
// A completion is an event of type Mission. That the time of a user's mission was over before it was completed is one too,
// with the state ENDED, for rewards and boards that read the state: for the missions that are assigned while such a
// document is in force. Nobody else counts it.
//
// A mission may tell values apart: of the events that give the same value, in the order in which they happened, the first counts that adds something. So it
// counts places, or friends, and not how often. The values are kept with it, at most [MaxDistinct]. Such a mission is one user's: what the
// members of a group do is not judged in one order.
//
// A mission may have several goals, each of which counts by itself until it is reached; the mission is completed when as many are as it needs. Its amounts are
// how many are reached and needed. What a goal's expressions read of mission is about the goal.
//
// A mission may need others first. It is picked when its rule is evaluated, waits for them, and is assigned in the same period when the last of them is completed. It
// counts what happens after that. To have completed one once, in whatever period, is enough.
//
// A mission over transactions counts those that are completed, of the user whose they are: of a transfer, each side counts its own. An amount is
// more than 0 in both directions, so its condition reads direction, and reversalOf, unless what takes back is to count too. What
// is paid for missions may count for missions; that ends, because each is completed once.
//
// A rule that is published later counts what happened before too, from the beginning of its timeframe. But
// no event follows from a mission that is completed by what was recorded before the rule was published, so
// nothing is paid for it.
//
// The mission of a group counts what its members do. It has no time zone of its own, so its rule is in a
// FIXED one; its target reads nothing of a user, and its condition and increment do not read how far it
// is. Its completion is an event of the member whose contribution reached the target.
package missions
