package event

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/shopspring/decimal"
)

// Same tells whether two events say the same, however their numbers are written and wherever they were kept.
func (e *Event) Same(o *Event) bool {
	return e.ID == o.ID && e.Type == o.Type && e.EntityID == o.EntityID && e.UserID == o.UserID && e.At.Equal(o.At) &&
		sameAmount(e.Value, o.Value) && e.Outcome == o.Outcome && e.Progress == o.Progress && e.Cause == o.Cause &&
		slices.Equal(e.Tags, o.Tags) && slices.Equal(e.EntityTags, o.EntityTags) && sameObject(e.Data, o.Data) && sameObject(e.Fields, o.Fields)
}

// Same tells whether two objects say the same, however their numbers are written.
func (d Data) Same(o Data) bool { return sameObject(d, o) }

func sameAmount(a, b *decimal.Decimal) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}

func sameObject(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for name, x := range a {
		if y, there := b[name]; !there || !sameValue(x, y) {
			return false
		}
	}
	return true
}

// sameValue tells whether two JSON values are the same. A number may be of more than one Go type.
func sameValue(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool, string:
		return a == b
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && sameObject(x, y)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, sameValue)
	case float64:
		if y, ok := b.(float64); ok {
			return x == y
		}
	}
	x, err := json.Marshal(a)
	y, wrong := json.Marshal(b)
	return err == nil && wrong == nil && bytes.Equal(x, y)
}
