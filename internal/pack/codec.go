package pack

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

var (
	errShort    = errors.New("pack: a record ends early")
	errVarint   = errors.New("pack: a number is too long")
	errNumber   = errors.New("pack: a text is not known")
	errExponent = errors.New("pack: a decimal is out of range")
	errDeep     = errors.New("pack: values are nested too deeply")
	errMore     = errors.New("pack: something follows the record")
)

// maxDepth is how deep values may be nested that have no type of their own.
const maxDepth = 200

// A Packer is a type that packs itself as bytes.
type Packer interface {
	// Pack returns the value as bytes, nil for the zero value.
	Pack() ([]byte, error)
}

// An Unpacker is the inverse of a [Packer]. It must not keep the bytes' memory.
type Unpacker interface {
	// Unpack sets the value to what Pack returned.
	Unpack(b []byte) error
}

// A Codec packs values of one type. It is immutable.
type Codec struct {
	typ  reflect.Type
	plan *plan
}

// For returns the codec of T: a struct of what encoding/json can keep, by the names that JSON has. What is zero is left out;
// an empty slice or map is not the same as nil. A type with methods of its own for texts or JSON is kept so; methods
// that only read JSON are not asked.
func For[T any]() *Codec {
	t := reflect.TypeFor[T]()
	return &Codec{t, builder{}.plan(t)}
}

// Pack returns a record of a value of the codec's type that is kept under a key, "" for none.
func (c *Codec) Pack(key string, v any) ([]byte, error) {
	w := Writer{b: make([]byte, 0, 256)}
	w.keyed(key)
	err := c.plan.write(&w, reflect.ValueOf(v))
	return w.b, err
}

// Unpack reads a record that is kept under a key into a pointer to the zero value of the codec's type.
func (c *Codec) Unpack(key string, b []byte, into any) error {
	var r Reader
	c.plan.read(&r, r.begin(key, b), reflect.ValueOf(into).Elem())
	return r.end()
}

// Diff returns what makes one value of the codec's type of another, both kept under a key: the fields that differ, as they are
// in the first.
func (c *Codec) Diff(key string, to, from any) ([]byte, error) {
	a, b := reflect.ValueOf(to), reflect.ValueOf(from)
	var differ []*field
	for i := range c.plan.fields {
		f := &c.plan.fields[i]
		same, err := f.same(a.FieldByIndex(f.index), b.FieldByIndex(f.index))
		if err != nil {
			return nil, err
		}
		if !same {
			differ = append(differ, f)
		}
	}
	w := Writer{b: make([]byte, 0, 64)}
	w.keyed(key)
	w.uint(tagObject, uint64(len(differ)))
	for _, f := range differ {
		w.text(f.name)
		if v := a.FieldByIndex(f.index); v.IsZero() {
			w.tag(tagNull)
		} else if err := f.plan.write(&w, v); err != nil {
			return nil, err
		}
	}
	return w.b, nil
}

// Apply changes a value, to which into points, by what Diff returned.
func (c *Codec) Apply(key string, diff []byte, into any) error {
	var r Reader
	c.plan.read(&r, r.begin(key, diff), reflect.ValueOf(into).Elem())
	return r.end()
}

// plan says how values of a type are kept.
type plan struct {
	write func(*Writer, reflect.Value) error
	// read reads what a tag begins into a value that can be set.
	read func(r *Reader, tag byte, into reflect.Value)

	fields []field // of a struct
	byName map[string]*field
}

type field struct {
	name  string
	index []int
	plan  *plan
}

// same tells whether two values of the field are kept alike.
func (f *field) same(a, b reflect.Value) (bool, error) {
	if a.Kind() != reflect.Interface && a.Comparable() && b.Comparable() && a.Equal(b) { // 0 and -0 in one are equal, and not kept alike
		return true, nil
	}
	var x, y Writer
	if err := f.plan.write(&x, a); err != nil {
		return false, err
	}
	err := f.plan.write(&y, b)
	return bytes.Equal(x.b, y.b) && a.IsZero() == b.IsZero(), err
}

// builder makes plans, each once: types may hold themselves.
type builder map[reflect.Type]*plan

var (
	typePacker   = reflect.TypeFor[Packer]()
	typeUnpacker = reflect.TypeFor[Unpacker]()
	typeJSON     = reflect.TypeFor[json.Marshaler]()
	typeText     = reflect.TypeFor[encoding.TextMarshaler]()
)

func (b builder) plan(t reflect.Type) *plan {
	if p := b[t]; p != nil {
		return p
	}
	p := &plan{}
	b[t] = p
	switch {
	case t.Implements(typePacker) && reflect.PointerTo(t).Implements(typeUnpacker):
		p.write, p.read = writePacker, readPacker
	case t == reflect.TypeFor[time.Time]():
		p.write = func(w *Writer, v reflect.Value) error { return w.time(v.Interface().(time.Time)) }
		p.read = func(r *Reader, tag byte, into reflect.Value) { into.Set(reflect.ValueOf(r.time(tag))) }
	case t == reflect.TypeFor[decimal.Decimal]():
		p.write, p.read = writeDecimal, readDecimal
	case t == reflect.TypeFor[json.RawMessage]():
		p.write = func(w *Writer, v reflect.Value) error { w.bytes(tagJSON, v.Bytes()); return nil }
		p.read = func(r *Reader, tag byte, into reflect.Value) { into.SetBytes(r.bytes(tag, tagJSON)) }
	case t == reflect.TypeFor[json.Number]():
		p.write = func(w *Writer, v reflect.Value) error { w.tag(tagNumber); w.text(v.String()); return nil }
		p.read = func(r *Reader, tag byte, into reflect.Value) { into.SetString(r.number(tag)) }
	case t.Kind() != reflect.Pointer && t.Implements(typeJSON):
		p.write, p.read = writeJSON, readJSON
	case t.Kind() != reflect.Pointer && t.Implements(typeText):
		p.write, p.read = writeText, readText
	default:
		b.kind(p, t)
	}
	return p
}

func (b builder) kind(p *plan, t reflect.Type) {
	switch t.Kind() {
	case reflect.Bool:
		p.write = func(w *Writer, v reflect.Value) error { w.bool(v.Bool()); return nil }
		p.read = func(r *Reader, tag byte, into reflect.Value) { into.SetBool(r.bool(tag)) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.write = func(w *Writer, v reflect.Value) error { w.int(v.Int()); return nil }
		p.read = readInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.write = func(w *Writer, v reflect.Value) error { w.uint(tagUint, v.Uint()); return nil }
		p.read = readUint
	case reflect.Float32, reflect.Float64:
		p.write = func(w *Writer, v reflect.Value) error { w.float(v.Float()); return nil }
		p.read = func(r *Reader, tag byte, into reflect.Value) {
			if tag != tagFloat && tag != tagWhole {
				r.unexpected(tag, "a float")
				return
			}
			into.SetFloat(r.float(tag))
		}
	case reflect.String:
		p.write = func(w *Writer, v reflect.Value) error { w.text(v.String()); return nil }
		p.read = func(r *Reader, tag byte, into reflect.Value) { into.SetString(r.text(tag)) }
	case reflect.Pointer:
		b.pointer(p, t)
	case reflect.Slice:
		b.slice(p, t)
	case reflect.Map:
		b.mapping(p, t)
	case reflect.Struct:
		b.object(p, t)
	case reflect.Interface:
		p.write = func(w *Writer, v reflect.Value) error { return w.any(v.Interface(), 0) }
		p.read = func(r *Reader, tag byte, into reflect.Value) {
			if v := r.any(tag, 0); v != nil {
				into.Set(reflect.ValueOf(v))
			}
		}
	default:
		panic(fmt.Sprintf("pack: a %s cannot be kept", t))
	}
}

func (b builder) pointer(p *plan, t reflect.Type) {
	of := b.plan(t.Elem())
	p.nilable(func(w *Writer, v reflect.Value) error { return of.write(w, v.Elem()) }, func(r *Reader, tag byte, into reflect.Value) {
		v := reflect.New(t.Elem())
		of.read(r, tag, v.Elem())
		into.Set(v)
	})
}

// nilable keeps nil as null, and lets write and read do the rest.
func (p *plan) nilable(write func(*Writer, reflect.Value) error, read func(*Reader, byte, reflect.Value)) {
	p.write = func(w *Writer, v reflect.Value) error {
		if v.IsNil() {
			w.tag(tagNull)
			return nil
		}
		return write(w, v)
	}
	p.read = func(r *Reader, tag byte, into reflect.Value) {
		if tag != tagNull {
			read(r, tag, into)
		}
	}
}

func (b builder) slice(p *plan, t reflect.Type) {
	if t.Elem().Kind() == reflect.Uint8 {
		p.write = func(w *Writer, v reflect.Value) error { w.bytes(tagBytes, v.Bytes()); return nil }
		p.read = func(r *Reader, tag byte, into reflect.Value) { into.SetBytes(r.bytes(tag, tagBytes)) }
		return
	}
	of := b.plan(t.Elem())
	p.nilable(func(w *Writer, v reflect.Value) error {
		w.uint(tagList, uint64(v.Len()))
		for i := range v.Len() {
			if err := of.write(w, v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}, func(r *Reader, tag byte, into reflect.Value) {
		if !r.expect(tag, tagList, "a list") {
			return
		}
		n := r.count()
		list := reflect.MakeSlice(t, n, n)
		for i := range n {
			of.read(r, r.tag(), list.Index(i))
		}
		into.Set(list)
	})
}

func (b builder) mapping(p *plan, t reflect.Type) {
	if t.Key().Kind() != reflect.String || t.Key().Implements(typeText) {
		p.write, p.read = writeJSON, readJSON
		return
	}
	of := b.plan(t.Elem())
	p.nilable(func(w *Writer, v reflect.Value) error {
		w.uint(tagObject, uint64(v.Len()))
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			w.text(key.String())
			if err := of.write(w, v.MapIndex(key)); err != nil {
				return err
			}
		}
		return nil
	}, func(r *Reader, tag byte, into reflect.Value) {
		if !r.expect(tag, tagObject, "an object") {
			return
		}
		n := r.count()
		m := reflect.MakeMapWithSize(t, n)
		for range n {
			key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			key.SetString(r.text(r.tag()))
			of.read(r, r.tag(), value)
			m.SetMapIndex(key, value)
		}
		into.Set(m)
	})
}

func (b builder) object(p *plan, t reflect.Type) {
	p.fields = fieldsOf(t, nil)
	p.byName = map[string]*field{}
	for i := range p.fields {
		f := &p.fields[i]
		f.plan = b.plan(t.FieldByIndex(f.index).Type)
		p.byName[f.name] = f
	}
	p.write = func(w *Writer, v reflect.Value) error {
		n := 0
		for i := range p.fields {
			if !v.FieldByIndex(p.fields[i].index).IsZero() {
				n++
			}
		}
		w.uint(tagObject, uint64(n))
		for i := range p.fields {
			f := &p.fields[i]
			value := v.FieldByIndex(f.index)
			if value.IsZero() {
				continue
			}
			w.text(f.name)
			if err := f.plan.write(w, value); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
		return nil
	}
	p.read = func(r *Reader, tag byte, into reflect.Value) {
		if !r.expect(tag, tagObject, "an object") {
			return
		}
		for range r.count() {
			f := p.byName[r.text(r.tag())]
			tag := r.tag()
			if f == nil {
				r.any(tag, 0)
				continue
			}
			value := into.FieldByIndex(f.index)
			value.SetZero() // of what was there, nothing stays
			if tag != tagNull {
				f.plan.read(r, tag, value)
			}
		}
	}
}

// fieldsOf returns those of a struct that JSON keeps, those of embedded structs included, without plans.
func fieldsOf(t reflect.Type, under []int) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		index := append(slices.Clone(under), i)
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			all = append(all, fieldsOf(f.Type, index)...)
		case f.PkgPath != "" || name == "-":
		default:
			if name == "" {
				name = f.Name
			}
			all = append(all, field{name: name, index: index})
		}
	}
	return all
}
