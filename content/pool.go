package content

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// A Pool is the documents among which a rule picks, by their ids. As JSON it is a list of ids, or the text "ALL" for all there are of the kind, also those
// that are published later ([All]).
type Pool []string

// every is the only entry of a pool of all there are. No document has this id.
const every = "*"

// wireAll is that pool as JSON.
const wireAll = `"ALL"`

// All returns the pool of all there are.
func All() Pool { return Pool{every} }

// IsAll tells whether the pool says that it is of all there are.
func (p Pool) IsAll() bool { return len(p) == 1 && p[0] == every }

// Has tells whether a document is in the pool. In one that is not said, or empty, all are.
func (p Pool) Has(id string) bool { return len(p) == 0 || p.IsAll() || slices.Contains(p, id) }

// Entry names the place of an id in a pool that a field holds.
func (p Pool) Entry(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

// References names the documents of a kind that a field holds, none if they are all.
func (p Pool) References(field, kind string) []Reference {
	if p.IsAll() {
		return nil
	}
	refs := make([]Reference, len(p))
	for i, id := range p {
		refs[i] = Reference{Field: p.Entry(field, i), Kind: kind, ID: id}
	}
	return refs
}

// MarshalJSON writes a list of ids, or "ALL".
func (p Pool) MarshalJSON() ([]byte, error) {
	if p.IsAll() {
		return []byte(wireAll), nil
	}
	return json.Marshal([]string(p))
}

// UnmarshalJSON reads what [Pool.MarshalJSON] writes.
func (p *Pool) UnmarshalJSON(b []byte) error {
	if string(b) == wireAll {
		*p = All()
		return nil
	}
	var ids []string
	if err := json.Unmarshal(b, &ids); err != nil || Pool(ids).IsAll() {
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[Pool]()} // whoever reads what it is in says where
	}
	*p = ids
	return nil
}
