package content

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// A StaleError refuses an update of a document that somebody has changed since the caller read it. It matches [fault.ErrConflict].
type StaleError struct {
	Kind, ID string
	// At is when the draft that is there was written, and By who wrote it; zero if that is not known.
	At time.Time
	By Actor
	// Fields are the names in JSON of the fields that differ, sorted: those that others have changed, if the caller had read a
	// version that was published. Of former drafts nothing is kept: if it was one, those in which the caller's document and the one that is
	// there differ.
	Fields []string
}

// Error names the document, who changed it, when and what.
func (e *StaleError) Error() string {
	by := ""
	if e.By.Type != "" {
		by = ", by " + e.By.String()
	}
	if !e.At.IsZero() {
		by += " at " + e.At.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s %q has changed since it was read%s: %s", e.Kind, e.ID, by, strings.Join(e.Fields, ", "))
}

// Unwrap returns [fault.ErrConflict].
func (*StaleError) Unwrap() error { return fault.ErrConflict }

// unchanged refuses a document that was read before somebody else has changed it. What is there already, and what was changed
// back, takes nothing from anybody.
func unchanged(ctx context.Context, tx *session.Tx, kind AnyKind, doc Document, r *record) error {
	h := *doc.Head()
	if h.UpdatedAt.IsZero() || !r.newer(&h) {
		return nil
	}
	own, err := bodyOf(kind, doc)
	if err != nil {
		return err
	}
	fields, err := differing(kind, own, r.Draft)
	if err != nil || len(fields) == 0 {
		return err
	}
	if h.Stage == Published {
		v, ok, err := versions.Get(ctx, tx, versionKey(r.Kind, r.ID, h.Version))
		if err != nil {
			return err
		}
		if ok {
			if fields, err = differing(kind, v.Body, r.Draft); err != nil || len(fields) == 0 {
				return err
			}
		}
	}
	return &StaleError{r.Kind, r.ID, cmp.Or(r.DraftedAt, r.UpdatedAt), r.DraftedBy, fields}
}

// newer tells whether the draft is newer than the state that a header was read with.
func (r *record) newer(h *Header) bool {
	if h.Stage == Published {
		return r.Stage != Published || r.Version != h.Version
	}
	return h.UpdatedAt.Before(cmp.Or(r.DraftedAt, r.UpdatedAt))
}

// differing returns the names of the fields in which two documents differ, sorted, but for what is computed of others.
func differing(kind AnyKind, one, other json.RawMessage) ([]string, error) {
	a, err := fieldsOfBody(kind, one)
	if err != nil {
		return nil, err
	}
	b, err := fieldsOfBody(kind, other)
	if err != nil {
		return nil, err
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "langs" || bytes.Equal(a[name], b[name]) }), nil
}

// fieldsOfBody returns a document as it is kept as its fields, as this program writes them.
func fieldsOfBody(kind AnyKind, body json.RawMessage) (fields map[string]json.RawMessage, err error) {
	doc, err := kind.reopen(body)
	if err != nil {
		return nil, err
	}
	if body, err = json.Marshal(doc); err != nil {
		return nil, err
	}
	err = json.Unmarshal(body, &fields)
	return fields, err
}
