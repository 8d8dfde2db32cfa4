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
	goals    map[string]*goal
	// counted are the keys of what any version of a configuration counts: for nothing else is there a mission.
	counted map[string]bool
	// former are goals of missions that go on by former versions, compiled when they are met first.
	former sync.Map // of *goal by formerGoal
	rules  mechanic.Assigners[*plan]
}

// compile compiles what is published. ever are all versions of configurations, by which missions may go on; past is what a mission that is assigned counts of its period, and audience, which may
// be nil, who asks for the ends of missions.
func compile(docs *content.Program, ever []*Configuration, past mechanic.Past, audience mechanic.Audience) (*program, error) {
	p := &program{docs: docs, past: past, audience: audience, goals: map[string]*goal{}, counted: map[string]bool{}}
	for _, c := range ever {
		p.counted[c.Matcher().Key()] = true
	}
	var faults []error
	var ordered []*goal
	for _, c := range content.Live(docs, Configurations) {
		g, err := compileConfiguration(c)
		faults = append(faults, err)
		p.goals[c.ID] = g
		ordered = append(ordered, g)
	}
	for _, r := range content.Live(docs, Rules) {
		pl, err := compileRule(r)
		faults = append(faults, err)
		pl.goals = candidates(r, ordered)
		p.rules.Add(r.ID, pl, pl.on)
	}
	return p, errors.Join(faults...)
}

// candidates returns the goals that a rule may assign, in the order of their creation.
func candidates(r *Rule, all []*goal) []*goal {
	return slices.DeleteFunc(slices.Clone(all), func(g *goal) bool {
		pool := r.MissionConfigurationsPool
		return g.MissionType != r.MissionType || len(pool) > 0 && !slices.Contains(pool, g.ID)
	})
}
