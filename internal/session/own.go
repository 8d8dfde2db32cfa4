package session

import "reflect"

// own returns a copy of v that shares no slice, map or pointer with it, so that what a caller does
// with a result does not reach the records of a store that keeps Go values. Fields that are not
// exported are those of immutable types (times, decimals) and are shared.
func own[T any](v T) T {
	var out T
	reflect.ValueOf(&out).Elem().Set(owned(reflect.ValueOf(&v).Elem()))
	return out
}

func owned(v reflect.Value) reflect.Value {
	if !shares(v.Type()) {
		return v
	}
	switch v.Kind() {
	case reflect.Slice:
		return ownedSlice(v)
	case reflect.Map:
		return ownedMap(v)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		if v.Kind() == reflect.Interface {
			out.Set(owned(v.Elem()))
			return out
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(owned(v.Elem()))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(owned(v.Field(i)))
			}
		}
		return out
	default:
		return v
	}
}

func ownedSlice(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(out, v)
	if shares(v.Type().Elem()) {
		for i := range v.Len() {
			out.Index(i).Set(owned(v.Index(i)))
		}
	}
	return out
}

func ownedMap(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for key, value := range v.Seq2() {
		out.SetMapIndex(key, owned(value))
	}
	return out
}

// shares tells whether copies of a value of the type can share memory.
func shares(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return true
	case reflect.Struct:
		for f := range t.Fields() {
			if f.IsExported() && shares(f.Type) {
				return true
			}
		}
	default:
	}
	return false
}
