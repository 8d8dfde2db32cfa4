// Package leaderboard ranks the users of a workspace, or the tags that they carry, by what they did.
//
// A [Configuration] says what is counted: one log, a condition, and a score that is kept up to date
// with every event ([Query]). A [Board] says when: for ever, once, or anew in every day, week or month
// of one zone or of each user's own. The next period of a board opens by itself.
//
// Scores depend on when events happened and not on when they arrived: whatever their order, a board
// ends up as if they had been recorded as they happened. What turns out not to follow after all, such as
// a payment, is taken out again, and who had nothing else is Gone. A period that has ended is provisional: it takes late
// events until the workspace's Advance freezes it, which it does when the board's time of grace is over. Then it stays, the journal has an entry that
// it is closed, and the outcome of what comes for it says so. A board that is published late counts what happened before.
//
// Ranks are exact. [Service] reads them from memory or, where they are not there yet, from the store.
package leaderboard
