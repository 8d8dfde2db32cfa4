// Package streaks counts how many days, or weeks, in a row a user did something.
//
// A [Configuration] says which events count; a [Rule] says for whom, how often, and whether a user may
// pay for a period that was missed. What is kept of a user is which civil days were active and which
// periods were frozen. Runs, goals and the calendar follow from these, so an event that arrives late
// is counted where it belongs.
//
// A day is a date in the rule's zone or in the user's, whatever its length: a clock that is changed
// breaks nothing. A user who moves counts each date once, and misses a period only when it is over
// both where the user acted last and where the user is now.
package streaks

import "github.com/guerdonhq/guerdon/store"

// Tables returns what the package keeps.
func Tables() []*store.Schema { return []*store.Schema{stateTable.Schema(), dayTable.Schema()} }
