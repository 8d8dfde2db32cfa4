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
	copier{}.own(reflect.ValueOf(&v).Elem())
	return v
}

// A copier remembers what of types shares memory, because many values are of few types.
type copier map[reflect.Type]*shared

// shared tells whether copies of a value of a type can share memory and what of it can.
type shared struct {
	any    bool
	elem   *shared // of a slice
	fields []field // of a struct
}

type field struct {
	at int
	of *shared
}

// own lets a variable share memory with nothing that it was copied from.
func (c copier) own(v reflect.Value) { c.part(v, c.of(v.Type())) }

func (c copier) part(v reflect.Value, of *shared) {
	if !of.any {
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		if !v.IsNil() {
			v.Set(c.slice(v, of))
		}
	case reflect.Map:
		if !v.IsNil() {
			v.Set(c.object(v))
		}
	case reflect.Interface:
		if !v.IsNil() && c.of(v.Elem().Type()).any { // else what it holds cannot be modified
			v.Set(c.copied(v.Elem()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			v.Set(c.copied(v.Elem()).Addr())
		}
	case reflect.Struct:
		for _, f := range of.fields {
			c.part(v.Field(f.at), f.of)
		}
	default:
	}
}

// copied returns a variable with a copy of a value.
func (c copier) copied(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	c.own(out)
	return out
}

func (c copier) slice(v reflect.Value, of *shared) reflect.Value {
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(out, v)
	if of.elem.any {
		for i := range v.Len() {
			c.part(out.Index(i), of.elem)
		}
	}
	return out
}

func (c copier) object(v reflect.Value) reflect.Value {
	if object, ok := reflect.TypeAssert[map[string]any](v); ok {
		return reflect.ValueOf(ownObject(object))
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for key, value := range v.Seq2() {
		out.SetMapIndex(key, c.copied(value))
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

// of tells what of a type shares memory.
func (c copier) of(t reflect.Type) *shared {
	of := c[t]
	if of == nil {
		of = &shared{}
		c[t] = of // a type may be made of itself
		c.find(t, of)
	}
	return of
}

func (c copier) find(t reflect.Type, of *shared) {
	switch t.Kind() {
	case reflect.Slice:
		of.any, of.elem = true, c.of(t.Elem())
	case reflect.Map, reflect.Pointer, reflect.Interface:
		of.any = true
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && c.of(f.Type).any {
				of.fields = append(of.fields, field{i, c.of(f.Type)})
			}
		}
		of.any = len(of.fields) > 0
	default:
	}
}
