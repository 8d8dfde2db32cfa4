package content

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Filter picks the documents of a list. The zero Filter is all that are not archived.
type Filter struct {
	// Stages are those to list; none means DRAFT and PUBLISHED.
	Stages []Stage
	// InForce lists the versions that are in force, which are PUBLISHED, whether there is a newer draft or not:
	// what clients may show. Stages must then be empty.
	InForce bool
	// State is that of the timeframe now, for kinds that have one; empty means any.
	State timeframe.State
}

// Timed is implemented by kinds that have a timeframe.
type Timed interface {
	// State returns where a moment is in relation to the timeframe.
	State(now time.Time) timeframe.State
}

// Computed is implemented by kinds with fields that are computed when a document is read and never kept.
type Computed interface {
	// Compute sets these fields as they are at a moment, or empties them if now is the zero time.
	Compute(now time.Time, zones *timeframe.Zones)
}

// validate refuses a filter for what documents of the kind cannot have.
func (f Filter) validate(kind AnyKind, timed bool) error {
	for _, s := range f.Stages {
		if s != Draft && s != Published && s != Archived {
			return fault.Invalid("stage", "%q is none of DRAFT, PUBLISHED, ARCHIVED", s)
		}
	}
	if f.InForce && len(f.Stages) > 0 {
		return fault.Invalid("stage", "must not be given with what is in force")
	}
	switch f.State {
	case "":
		return nil
	case timeframe.Pending, timeframe.Active, timeframe.Ended:
		if !timed {
			return fault.Invalid("state", "is not one of a %s, which has no timeframe", kind.Name())
		}
		return nil
	}
	return fault.Invalid("state", "%q is none of PENDING, ACTIVE, ENDED", f.State)
}

// wants tells whether a document may be listed.
func (f Filter) wants(r *record) bool {
	switch {
	case f.InForce:
		return r.Live != nil
	case len(f.Stages) == 0:
		return r.Stage != Archived
	}
	return slices.Contains(f.Stages, r.Stage)
}

// shown returns what is listed of a document: the record, and which body of it.
func (f Filter) shown(r *record) (*record, json.RawMessage) {
	if f.InForce {
		return r.published(), r.Live
	}
	return r, r.Draft
}

// compute sets what is computed when a document is read.
func compute(tx *session.Tx, doc Document) {
	if t, ok := doc.(Timed); ok {
		doc.Head().TimeframeState = t.State(tx.Now)
	}
	if c, ok := doc.(Computed); ok {
		c.Compute(tx.Now, tx.Zones)
	}
}

// forget empties what is computed when a document is read.
func forget(doc Document) {
	doc.Head().TimeframeState = ""
	if c, ok := doc.(Computed); ok {
		c.Compute(time.Time{}, nil)
	}
}
