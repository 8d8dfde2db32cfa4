// Package missions gives users goals: a configuration says what counts and how much is needed, a rule
// says who gets it and when, a mission is one user's (or one group's) copy of it for one period.
//
// A mission is assigned when its rule is evaluated, and counts every event of its period that matches
// it: those that had happened before it was assigned, those that happen later, those that arrive late.
// So it does not matter in which order things arrive. It is completed exactly once, at the moment at
// which, in the order in which things happened, its target was reached. A mission that is made by hand
// counts from when it is made.
package missions

import "github.com/guerdonhq/guerdon/store"

// Tables returns what the package keeps.
func Tables() []*store.Schema {
	return []*store.Schema{missionTable.Schema(), evaluationTable.Schema(), logTable.Schema(), pushTable.Schema()}
}
