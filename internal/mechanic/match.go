package mechanic

import (
	"slices"

	"github.com/guerdonhq/guerdon/event"
)

// Matching is compiled rules by the events that they match. The zero value is empty; after the last Add it is
// immutable.
type Matching[P any] struct {
	rules  []P
	places map[string][]int // among the rules, by the key of the matcher
}

// Add takes a rule up that matches what m picks. Rules are added in the order in which they apply.
func (a *Matching[P]) Add(m event.Matcher, rule P) {
	if a.places == nil {
		a.places = map[string][]int{}
	}
	a.places[m.Key()] = append(a.places[m.Key()], len(a.rules))
	a.rules = append(a.rules, rule)
}

// Meets tells whether an event with the given match keys meets any rule.
func (a *Matching[P]) Meets(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return len(a.places[key]) > 0 })
}

// On returns the rules that an event with the given match keys meets, in the order in which they apply.
func (a *Matching[P]) On(keys []string) []P {
	if !a.Meets(keys) {
		return nil
	}
	var places []int
	for _, key := range keys {
		places = append(places, a.places[key]...)
	}
	slices.Sort(places)
	found := make([]P, len(places))
	for i, place := range places {
		found[i] = a.rules[place]
	}
	return found
}
