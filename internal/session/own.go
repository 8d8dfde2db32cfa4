package session

import (
	"encoding/json"
	"maps"
	"reflect"
)

// own returns a copy of v that shares no slice, map or pointer with it, so that what a caller does
// with a result does not reach the records of a store that keeps Go values. Fields that are not
// exported are those of immutable types (times, decimals) and are shared.
func own[T any](v T) T {
	var out T
	reflect.ValueOf(&out).Elem().Set(copier{}.owned(reflect.ValueOf(&v).Elem()))
	return out
}

// A copier remembers which types share memory, because many values are of few types.
type copier map[reflect.Type]bool

func (c copier) owned(v reflect.Value) reflect.Value {
	if !c.shares(v.Type()) {
		return v
	}
	switch v.Kind() {
	case reflect.Slice:
		return c.ownedSlice(v)
	case reflect.Map:
		return c.ownedMap(v)
	case reflect.Interface:
		if v.IsNil() || !c.shares(v.Elem().Type()) {
			return v // what it holds cannot be modified
		}
		return c.owned(v.Elem())
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(c.owned(v.Elem()))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if c.shares(v.Field(i).Type()) && v.Type().Field(i).IsExported() {
				out.Field(i).Set(c.owned(v.Field(i)))
			}
		}
		return out
	default:
		return v
	}
}

func (c copier) ownedSlice(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(out, v)
	if c.shares(v.Type().Elem()) {
		for i := range v.Len() {
			out.Index(i).Set(c.owned(v.Index(i)))
		}
	}
	return out
}

func (c copier) ownedMap(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	if object, ok := reflect.TypeAssert[map[string]any](v); ok {
		return reflect.ValueOf(ownObject(object))
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for key, value := range v.Seq2() {
		out.SetMapIndex(key, c.owned(value))
	}
	return out
}

// ownObject returns a copy of decoded JSON, as most maps are.
func ownObject(object map[string]any) map[string]any {
	out := maps.Clone(object)
	for key, v := range out {
		switch v.(type) {
		case nil, bool, float64, string, json.Number:
		default:
			out[key] = own(v)
		}
	}
	return out
}

// shares tells whether copies of a value of the type can share memory.
func (c copier) shares(t reflect.Type) bool {
	shares, known := c[t]
	if !known {
		shares = c.find(t)
		c[t] = shares
	}
	return shares
}

func (c copier) find(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return true
	case reflect.Struct:
		for f := range t.Fields() {
			if f.IsExported() && c.shares(f.Type) {
				return true
			}
		}
	default:
	}
	return false
}
