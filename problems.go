package guerdon

import (
	"context"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// DocumentProblems is what a document could not do so far, counted: how many problems the outcomes in the journal
// have of it.
type DocumentProblems struct {
	// Source is the document, "RewardRule/first-commit", or whatever else the problems name.
	Source string `json:"source"`
	Count  int64  `json:"count"`
	// FirstAt and LastAt are when the first and the last were recorded, by the engine's clock.
	FirstAt time.Time `json:"firstAt"`
	LastAt  time.Time `json:"lastAt"`
	// Field, Reason and EventID are those of the last: where it was, why, and the event in whose outcome it is.
	Field   string `json:"field,omitempty"`
	Reason  string `json:"reason"`
	EventID string `json:"eventId"`
}

// kind returns the kind of the document.
func (p *DocumentProblems) kind() string {
	kind, _, _ := strings.Cut(p.Source, "/")
	return kind
}

var problems = store.Define("problems", func(p *DocumentProblems) string { return p.Source },
	[]store.Field[DocumentProblems]{
		{Name: "kind", Kind: store.KindText, Of: func(p *DocumentProblems) store.Value { return store.Text(p.kind()) }},
		{Name: "last_at", Kind: store.KindInt, Of: func(p *DocumentProblems) store.Value { return store.Time(p.LastAt) }},
	},
	store.Index{Name: "last", Columns: []string{"last_at"}},
	store.Index{Name: "kind_last", Columns: []string{"kind", "last_at"}},
)

// enroll adds the entry of a fact to the journal, and counts its problems.
func enroll(ctx context.Context, tx *session.Tx, f *fact) error {
	if !f.entered {
		if err := journal.Put(ctx, tx, f.entry); err != nil {
			return err
		}
	}
	recorderOf(tx).lastSeq = f.entry.Outcome.Seq
	recorderOf(tx).entered(tx, f)
	return countProblems(ctx, tx, &f.entry)
}

// countProblems counts the problems of an entry that is added to the journal. It reads and writes nothing if there
// are none.
func countProblems(ctx context.Context, tx *session.Tx, e *Entry) error {
	if len(e.Outcome.Problems) == 0 {
		return nil
	}
	keys := make([]string, len(e.Outcome.Problems))
	for i, p := range e.Outcome.Problems {
		keys[i] = p.Source
	}
	known, err := problems.GetMany(ctx, tx, keys...)
	if err != nil {
		return err
	}
	counted := map[string]DocumentProblems{}
	for _, p := range known {
		counted[p.Source] = p
	}
	for _, p := range e.Outcome.Problems {
		c := counted[p.Source]
		if c.Count == 0 {
			c.Source, c.FirstAt = p.Source, e.RecordedAt
		}
		c.Count++
		c.LastAt, c.Field, c.Reason, c.EventID = e.RecordedAt, p.Field, p.Reason, e.Event.ID
		counted[p.Source] = c
	}
	rows := make([]DocumentProblems, 0, len(counted))
	for _, key := range keys {
		if c, ok := counted[key]; ok {
			rows = append(rows, c)
			delete(counted, key)
		}
	}
	return problems.Put(ctx, tx, rows...)
}

// A ProblemFilter picks documents that had problems. The zero ProblemFilter is all of them.
type ProblemFilter struct {
	// Kind is that of the documents, "RewardRule"; empty means any.
	Kind string
	// ID is that of the document; it needs Kind.
	ID string
}

// Problems returns which documents had problems and how many, those with the latest first, and the token of the next
// page, "" if there is none. A problem is something that could not be done although its event stands: a rule that
// gave no amount, a reward that would have crossed a bound. It is in the outcome of that event too.
func (ws *Workspace) Problems(ctx context.Context, filter ProblemFilter, page store.Page) (list []DocumentProblems, next string, err error) {
	q := store.By("last")
	switch {
	case filter.ID != "" && filter.Kind == "":
		return nil, "", fault.Invalid("kind", "is missing; an id needs it")
	case filter.ID != "":
		source := filter.Kind + "/" + filter.ID
		q = store.Query{}.Between(store.Text(source), store.Text(source+"\x01")) // its key alone
	case filter.Kind != "":
		q = store.By("kind_last", store.Text(filter.Kind))
	}
	return session.ReadPage(ctx, ws.run, func(tx *session.Tx) ([]DocumentProblems, string, error) {
		return problems.PageOf(ctx, tx, q, page)
	})
}
