package mobility

import (
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
)

// A program is the published factors and goals of a workspace. It is immutable and may be used concurrently.
type program struct {
	mechanic.Plain[Change]

	factors *Factors // nil for none
	goals   *Goals
	// spare are the documents that do not apply, because there is another of the kind before them.
	spare []string
}

func compile(docs *content.Program) *program {
	p := &program{}
	p.factors = first(p, content.Live(docs, FactorsKind), FactorsKind)
	p.goals = first(p, content.Live(docs, GoalsKind), GoalsKind)
	return p
}

// first returns the first of documents, nil if there are none, and notes the others.
func first[T any](p *program, live []*T, kind *content.Kind[T]) *T {
	if len(live) == 0 {
		return nil
	}
	for _, doc := range live[1:] {
		p.spare = append(p.spare, kind.Name()+"/"+any(doc).(content.Document).Head().ID)
	}
	return live[0]
}
