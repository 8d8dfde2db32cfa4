// Package streaks counts how many days, or weeks, in a row a user did something.
//
// A [Configuration] says which events count; a [Rule] says for whom, how often, and whether a user may
// pay for a period that was missed. What is kept of a user is which civil days were active and which
// periods were frozen. Runs, goals and the calendar follow from these.
//
// A period that is over is judged as of that very moment, whoever calls the workspace's Advance or records the
// user's next event, and whenever. If it was missed it is frozen, or the run breaks. Both are decided in the
// order in which things happened: what comes late is counted on its day, and all that followed is judged
// anew. Nobody pays for what is not saved: charges are given back when the run breaks after the frozen
// periods, and when a frozen period turns out to have been active. A rule says how many periods can be frozen in a row
// and of a month, and whether users are asked ([Rule]); who is, or does not want it, says so for all periods that are over
// later ([Service.SetFreezeConsent]).
//
// A streak causes an event of type Streak when it grows, when it reaches a target, and when it breaks. That
// it broke has the status BROKEN and the value 0, and is for those who ask for it: rewards and boards that
// read the status, and boards that show the last count.
//
// A rule that is new counts from the beginning of its timeframe: the first event that it counts lets it
// count what the user did before. It does so in silence. No event follows, and nobody pays for a freeze.
//
// A day is a date in the rule's zone or in the user's, whatever its length: a clock that is changed
// breaks nothing. A user who moves counts each date once, and misses a period only when it is over
// both where the user acted last and where the user is now.
package streaks
