package mechanic

import (
	"slices"
	"time"

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

// Hearing is compiled rules that ask for changes of users that nobody makes, by the change. The zero value is empty; after the last Add or Was it is
// immutable.
type Hearing[P any] struct{ of map[string]*heard[P] }

// heard are the rules that ask for a change.
type heard[P any] struct {
	Matching[P]

	since time.Time // the first of them is in force as it is
}

// Add takes up a rule with a condition that matches what m picks, if it asks for any, since when it is in force as it is.
func (h *Hearing[P]) Add(m event.Matcher, c Condition, rule P, since time.Time) {
	for _, by := range h.by(m, c) {
		by.Add(m, rule)
		if by.since.IsZero() || since.Before(by.since) {
			by.since = since
		}
	}
}

// Was takes up a version of a rule that was in force once.
func (h *Hearing[P]) Was(m event.Matcher, c Condition) { h.by(m, c) }

// by returns those of the changes that a condition asks for of the users that a matcher picks.
func (h *Hearing[P]) by(m event.Matcher, c Condition) (all []*heard[P]) {
	for _, change := range Untold {
		if m.Entity != string(event.User) || !c.Hears(change) {
			continue
		}
		if h.of == nil {
			h.of = map[string]*heard[P]{}
		}
		if h.of[change] == nil {
			h.of[change] = &heard[P]{}
		}
		all = append(all, h.of[change])
	}
	return all
}

// On returns the rules that ask for a change and are met by an event with the given match keys, in the order in which they apply.
func (h *Hearing[P]) On(change string, keys []string) []P {
	if h.of[change] == nil {
		return nil
	}
	return h.of[change].On(keys)
}

// Hears tells since when a rule asks for a change, zero for none, and whether any version ever did.
func (h *Hearing[P]) Hears(change string) (since time.Time, ever bool) {
	if h.of[change] == nil {
		return time.Time{}, false
	}
	return h.of[change].since, true
}
