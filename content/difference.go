package content

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
)

// A Difference is what one bundle has that another has not, by kind and id ("Activity/commit").
type Difference struct {
	Added   []string `json:"added,omitempty"`
	Changed []string `json:"changed,omitempty"`
	Removed []string `json:"removed,omitempty"`
	// Fields are those in which the changed documents differ: by document, and then as its kind has them.
	Fields []FieldDifference `json:"fields,omitempty"`
}

// A FieldDifference is a field in which two bundles have a document otherwise.
type FieldDifference struct {
	// Document is the kind and the id ("Activity/commit").
	Document string `json:"document"`
	// Field is the path of the field, as in a [fault.Error] ("rewards[0].amount"). An expression is one field.
	Field string `json:"field"`
	// From and To are what it holds, nil for nothing.
	From json.RawMessage `json:"from,omitempty"`
	To   json.RawMessage `json:"to,omitempty"`
}

// Diff returns what is different in the second of two bundles; the order of fields and of documents
// does not count. A bundle that cannot be read is [fault.ErrInvalid].
func (l *Library) Diff(from, to []byte) (Difference, error) {
	old, err := l.contents(from)
	if err != nil {
		return Difference{}, fault.In("from", err)
	}
	now, err := l.contents(to)
	if err != nil {
		return Difference{}, fault.In("to", err)
	}
	var d Difference
	for key, doc := range now {
		before, had := old[key]
		if !had {
			d.Added = append(d.Added, key)
			continue
		}
		c := comparison{document: key}
		err := errors.Join(c.value("tags", reflect.ValueOf(before.tags), reflect.ValueOf(doc.tags)), c.value("", reflect.ValueOf(before.doc), reflect.ValueOf(doc.doc)))
		if err != nil {
			return Difference{}, err
		}
		if len(c.found) > 0 {
			d.Changed, d.Fields = append(d.Changed, key), append(d.Fields, c.found...)
		}
	}
	for key := range old {
		if _, has := now[key]; !has {
			d.Removed = append(d.Removed, key)
		}
	}
	slices.Sort(d.Added)
	slices.Sort(d.Changed)
	slices.Sort(d.Removed)
	slices.SortStableFunc(d.Fields, func(a, b FieldDifference) int { return strings.Compare(a.Document, b.Document) })
	return d, nil
}

// contents returns the documents of a bundle by kind and id, without what is computed of them.
func (l *Library) contents(bundle []byte) (map[string]parsed, error) {
	docs, err := l.parseBundle(bundle)
	if err != nil {
		return nil, err
	}
	all := make(map[string]parsed, len(docs))
	for _, p := range docs {
		withDefaults(p.doc).Head().Langs = nil
		all[recordKey(p.kind.Name(), p.doc.Head().ID)] = p
	}
	return all, nil
}

// A comparison finds the fields in which two documents differ.
type comparison struct {
	document string
	found    []FieldDifference
}

// value compares two values of one type, which are those of a field.
func (c *comparison) value(field string, from, to reflect.Value) error {
	a, err := given(from)
	if err != nil {
		return err
	}
	b, err := given(to)
	if err != nil || bytes.Equal(a, b) {
		return err
	}
	switch t := from.Type(); {
	case t.Kind() == reflect.Pointer && !from.IsNil() && !to.IsNil():
		return c.value(field, from.Elem(), to.Elem())
	case t.Kind() == reflect.Struct && !writesItself(t):
		return c.fields(field, from, to)
	case t.Kind() == reflect.Slice && !writesItself(t):
		return c.items(field, from, to)
	}
	c.found = append(c.found, FieldDifference{c.document, field, a, b})
	return nil
}

// fields compares the fields of two structs.
func (c *comparison) fields(field string, from, to reflect.Value) error {
	for _, f := range reflect.VisibleFields(from.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		if field != "" {
			name = field + "." + name
		}
		if err := c.value(name, from.FieldByIndex(f.Index), to.FieldByIndex(f.Index)); err != nil {
			return err
		}
	}
	return nil
}

// items compares the items of two lists by their places.
func (c *comparison) items(field string, from, to reflect.Value) error {
	for i := range max(from.Len(), to.Len()) {
		at := fmt.Sprintf("%s[%d]", field, i)
		if i < from.Len() && i < to.Len() {
			if err := c.value(at, from.Index(i), to.Index(i)); err != nil {
				return err
			}
			continue
		}
		longer := from
		if i < to.Len() {
			longer = to
		}
		item, err := json.Marshal(longer.Index(i).Interface())
		if err != nil {
			return err
		}
		d := FieldDifference{Document: c.document, Field: at, From: item}
		if i < to.Len() {
			d.From, d.To = nil, item
		}
		c.found = append(c.found, d)
	}
	return nil
}

// given returns a value as JSON, nil if it is none.
func given(v reflect.Value) (json.RawMessage, error) {
	zero, is := reflect.TypeAssert[interface{ IsZero() bool }](v)
	switch {
	case v.IsZero(), is && v.Kind() != reflect.Pointer && zero.IsZero(), v.Kind() == reflect.Slice && v.Len() == 0 && !writesItself(v.Type()):
		return nil, nil
	}
	return json.Marshal(v.Interface())
}

// writesItself tells whether a type decides on its own what it is in JSON.
func writesItself(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}
