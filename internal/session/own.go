package session

import (
	"encoding/json"
	"maps"
	"reflect"
	"sync"
)

// Own returns a copy of v that shares no slice, map or pointer with it, so that what a caller does
// with a result does not reach the records of a store that keeps Go values. Fields that are not
// exported are those of immutable types (times, decimals) and are shared.
func Own[T any](types *Types, v T) T {
	if types == nil {
		types = &Types{}
	}
	types.own(reflect.ValueOf(&v).Elem())
	return v
}

// Types remember what of types shares memory, because many values are of few types. The zero Types remember nothing yet. They may be used
// concurrently.
type Types struct{ known sync.Map } // by reflect.Type, as *shared

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
func (c *Types) own(v reflect.Value) { c.part(v, c.of(v.Type())) }

func (c *Types) part(v reflect.Value, of *shared) {
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
func (c *Types) copied(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	c.own(out)
	return out
}

func (c *Types) slice(v reflect.Value, of *shared) reflect.Value {
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(out, v)
	if of.elem.any {
		for i := range v.Len() {
			c.part(out.Index(i), of.elem)
		}
	}
	return out
}

func (c *Types) object(v reflect.Value) reflect.Value {
	if object, ok := reflect.TypeAssert[map[string]any](v); ok {
		return reflect.ValueOf(c.ownObject(object))
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for key, value := range v.Seq2() {
		out.SetMapIndex(key, c.copied(value))
	}
	return out
}

// ownObject returns a copy of decoded JSON, as most maps are.
func (c *Types) ownObject(object map[string]any) map[string]any {
	out := maps.Clone(object)
	for key, v := range out {
		switch v.(type) {
		case nil, bool, float64, string, json.Number:
		default:
			out[key] = c.ownAny(v)
		}
	}
	return out
}

// ownAny returns a copy of a part of decoded JSON.
func (c *Types) ownAny(v any) any {
	c.own(reflect.ValueOf(&v).Elem())
	return v
}

// of tells what of a type shares memory.
func (c *Types) of(t reflect.Type) *shared {
	if known, is := c.known.Load(t); is {
		return known.(*shared)
	}
	found := finding{}
	of := found.of(t)
	for t, of := range found { // all are complete now
		c.known.Store(t, of)
	}
	return of
}

// finding is what was found of the types that a type is made of, and of itself.
type finding map[reflect.Type]*shared

func (f finding) of(t reflect.Type) *shared {
	of := f[t]
	if of == nil {
		of = &shared{}
		f[t] = of // a type may be made of itself
		f.find(t, of)
	}
	return of
}

func (f finding) find(t reflect.Type, of *shared) {
	switch t.Kind() {
	case reflect.Slice:
		of.any, of.elem = true, f.of(t.Elem())
	case reflect.Map, reflect.Pointer, reflect.Interface:
		of.any = true
	case reflect.Struct:
		for i := range t.NumField() {
			if at := t.Field(i); at.IsExported() && f.of(at.Type).any {
				of.fields = append(of.fields, field{i, f.of(at.Type)})
			}
		}
		of.any = len(of.fields) > 0
	default:
	}
}
