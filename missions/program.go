package missions

import (
	"errors"
	"slices"
	"sync"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
)

// A program is the published configurations and rules of a workspace, compiled. It does not change what
// it answers, and may be used concurrently.
type program struct {
	mechanic.Plain[Change]

	docs     *content.Program
	audience mechanic.Audience
	past     mechanic.Past
	aims     map[string]*aim
	// counted are the keys of what any version of a configuration counts: for nothing else is there a mission. Several are those of versions with several goals.
	counted, several map[string]bool
	// former are the aims of missions that go on by former versions, compiled when they are met first.
	former sync.Map // of *aim by formerAim
	rules  mechanic.Assigners[*plan]
	// waiting are the rules that may assign what needs a configuration first.
	waiting map[string][]*plan
}

// compile compiles what is published. ever are all versions of configurations, by which missions may go on, and were those of rules; past is what a mission that is assigned counts of its period, and audience, which may
// be nil, who asks for the ends of missions.
func compile(docs *content.Program, ever []*Configuration, were []*Rule, past mechanic.Past, audience mechanic.Audience) (*program, error) {
	p := &program{
		docs: docs, past: past, audience: audience, aims: map[string]*aim{}, counted: map[string]bool{}, several: map[string]bool{}, waiting: map[string][]*plan{},
	}
	for _, c := range ever {
		for _, at := range c.places() {
			keys := p.counted
			if at.nth >= 0 {
				keys = p.several
			}
			keys[at.Matcher().Key()] = true
		}
	}
	for _, r := range were {
		p.rules.Was(r.trigger())
	}
	var faults []error
	var ordered []*aim
	for _, c := range content.Live(docs, Configurations) {
		a, err := compileConfiguration(c)
		faults = append(faults, err)
		p.aims[c.ID] = a
		for _, id := range c.Requires {
			p.waiting[id] = nil
		}
		ordered = append(ordered, a)
	}
	for _, r := range content.Live(docs, Rules) {
		pl, err := compileRule(r)
		faults = append(faults, err)
		pl.aims = candidates(r, ordered)
		p.rules.Add(r.ID, pl, pl.on, docs.Current(Rules.Name(), r.ID))
		for _, a := range pl.aims {
			for _, id := range a.Requires {
				if !slices.Contains(p.waiting[id], pl) {
					p.waiting[id] = append(p.waiting[id], pl)
				}
			}
		}
	}
	return p, errors.Join(faults...)
}

// candidates returns what a rule may assign, in the order of their creation.
func candidates(r *Rule, all []*aim) []*aim {
	return slices.DeleteFunc(slices.Clone(all), func(g *aim) bool {
		return g.MissionType != r.MissionType || !r.MissionConfigurationsPool.Has(g.ID)
	})
}
