package mechanic

import (
	"slices"

	"github.com/guerdonhq/guerdon/event"
)

// Matching is compiled rules by the events that they match. The zero value is empty; after the last Add it is
// immutable.
type Matching[P any] struct {
	rules []P
	by    map[string]*matched[P] // by the key of the matcher
}

// matched are the rules of one key, and their places among all.
type matched[P any] struct {
	rules  []P
	places []int
}

// Add takes a rule up that matches what m picks. Rules are added in the order in which they apply.
func (a *Matching[P]) Add(m event.Matcher, rule P) {
	if a.by == nil {
		a.by = map[string]*matched[P]{}
	}
	of := a.by[m.Key()]
	if of == nil {
		of = &matched[P]{}
		a.by[m.Key()] = of
	}
	of.places = append(of.places, len(a.rules))
	of.rules = append(of.rules, rule)
	a.rules = append(a.rules, rule)
}

// All returns the rules in the order in which they apply. They must not be modified.
func (a *Matching[P]) All() []P { return a.rules }

// Meets tells whether an event with the given match keys meets any rule.
func (a *Matching[P]) Meets(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return a.by[key] != nil })
}

// On returns the rules that an event with the given match keys meets, in the order in which they apply. They must not
// be modified.
func (a *Matching[P]) On(keys []string) []P {
	var first *matched[P]
	var places []int // where several keys are met
	for _, key := range keys {
		switch of := a.by[key]; {
		case of == nil:
		case first == nil:
			first = of
		default:
			if places == nil {
				places = slices.Clone(first.places)
			}
			places = append(places, of.places...)
		}
	}
	switch {
	case first == nil:
		return nil
	case places == nil:
		return first.rules
	}
	slices.Sort(places)
	found := make([]P, len(places))
	for i, place := range places {
		found[i] = a.rules[place]
	}
	return found
}
