package pack

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Shape says in a line for each field what a record of the codec's type keeps: the names that lead to it, and what it is.
// Two types with the same shape keep the same.
func (c *Codec) Shape() []string {
	var lines []string
	shape(&lines, "", c.typ, nil)
	slices.Sort(lines)
	return lines
}

// shape adds the lines of a type that is kept under a name, inside of others.
func shape(lines *[]string, name string, t reflect.Type, inside []reflect.Type) {
	if t.Kind() == reflect.Pointer && !t.Implements(typePacker) {
		shape(lines, name, t.Elem(), inside)
		return
	}
	add := func(is string) { *lines = append(*lines, strings.TrimPrefix(name+" "+is, ".")) }
	switch {
	case slices.Contains(inside, t):
		add("again " + t.Name())
		return
	case t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[decimal.Decimal]() || t == reflect.TypeFor[json.RawMessage]():
		add(t.Name())
		return
	case t.Implements(typePacker) || t.Implements(typeJSON) || t.Implements(typeText):
		add("kept by itself")
		return
	}
	inside = append(slices.Clone(inside), t)
	switch t.Kind() {
	case reflect.Slice:
		shape(lines, name+"[]", t.Elem(), inside)
	case reflect.Map:
		shape(lines, name+"{}", t.Elem(), inside)
	case reflect.Struct:
		for _, f := range fieldsOf(t, nil) {
			shape(lines, name+"."+f.name, t.FieldByIndex(f.index).Type, inside)
		}
	default:
		add(t.Kind().String())
	}
}
