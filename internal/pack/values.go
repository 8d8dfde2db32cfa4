package pack

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"
)

func (w *Writer) bool(b bool) {
	if b {
		w.tag(tagTrue)
	} else {
		w.tag(tagFalse)
	}
}

func (r *Reader) bool(tag byte) bool {
	if tag != tagTrue && tag != tagFalse {
		r.unexpected(tag, "a bool")
	}
	return tag == tagTrue
}

func (r *Reader) unexpected(tag byte, want string) {
	r.fail(fmt.Errorf("pack: 0x%02x is not %s", tag, want))
}

func (r *Reader) expect(tag, want byte, what string) bool {
	if tag != want {
		r.unexpected(tag, what)
	}
	return tag == want
}

func (r *Reader) bytes(tag, want byte) []byte {
	if !r.expect(tag, want, "bytes") {
		return nil
	}
	return []byte(r.take(r.uvarint()))
}

func (r *Reader) number(tag byte) string {
	if !r.expect(tag, tagNumber, "a number") {
		return ""
	}
	return r.text(r.tag())
}

// int returns the integer that a tag begins, and whether it does.
func (r *Reader) int(tag byte) (n int64, ok bool) {
	switch {
	case tag >= few && tag < few+fewMost+1:
		return int64(tag - few), true
	case tag == tagInt:
		return r.varint(), true
	}
	return 0, false
}

func readInt(r *Reader, tag byte, into reflect.Value) {
	n, ok := r.int(tag)
	if !ok || into.OverflowInt(n) {
		r.unexpected(tag, "an integer of its type")
		return
	}
	into.SetInt(n)
}

func readUint(r *Reader, tag byte, into reflect.Value) {
	if !r.expect(tag, tagUint, "a whole number") {
		return
	}
	n := r.uvarint()
	if into.OverflowUint(n) {
		r.unexpected(tag, "a whole number of its type")
		return
	}
	into.SetUint(n)
}

const (
	// int64Digits is how many digits every int64 can have.
	int64Digits = 18
	// maxExponent bounds decimals, which are shown with all their zeros.
	maxExponent = 1000
)

func writeDecimal(w *Writer, v reflect.Value) error {
	d := v.Interface().(decimal.Decimal)
	if !usual(d.Exponent()) {
		return errExponent
	}
	if d.NumDigits() > int64Digits {
		w.tag(tagBig)
		w.text(d.StringFixed(max(0, -d.Exponent()))) // with all its digits, so that it is written alike again
		return nil
	}
	w.tag(tagDecimal)
	w.b = binary.AppendVarint(binary.AppendVarint(w.b, d.CoefficientInt64()), int64(d.Exponent()))
	return nil
}

func readDecimal(r *Reader, tag byte, into reflect.Value) {
	d := r.decimal(tag)
	into.Set(reflect.ValueOf(d))
}

func (r *Reader) decimal(tag byte) (d decimal.Decimal) {
	switch tag {
	case tagDecimal:
		coefficient, exponent := r.varint(), r.varint()
		if !usual(exponent) {
			r.fail(errExponent)
			return d
		}
		return decimal.New(coefficient, int32(exponent))
	case tagBig:
		var err error
		d, err = decimal.NewFromString(r.text(r.tag()))
		if err == nil && !usual(d.Exponent()) {
			err = errExponent
		}
		if err != nil {
			r.fail(err)
			return decimal.Decimal{}
		}
		return d
	}
	r.unexpected(tag, "a decimal")
	return d
}

func usual[N int32 | int64](exponent N) bool {
	return -maxExponent <= exponent && exponent <= maxExponent
}

func writeJSON(w *Writer, v reflect.Value) error {
	b, err := json.Marshal(v.Interface())
	w.bytes(tagJSON, b)
	return err
}

func readJSON(r *Reader, tag byte, into reflect.Value) {
	if b := r.bytes(tag, tagJSON); r.err == nil {
		if err := json.Unmarshal(b, into.Addr().Interface()); err != nil {
			r.fail(err)
		}
	}
}

func writeText(w *Writer, v reflect.Value) error {
	b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	w.text(string(b))
	return err
}

func readText(r *Reader, tag byte, into reflect.Value) {
	if s := r.text(tag); r.err == nil {
		if err := into.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
			r.fail(err)
		}
	}
}

func writePacker(w *Writer, v reflect.Value) error {
	b, err := v.Interface().(Packer).Pack()
	w.bytes(tagBytes, b)
	return err
}

func readPacker(r *Reader, tag byte, into reflect.Value) {
	if b := r.bytes(tag, tagBytes); r.err == nil {
		if err := into.Addr().Interface().(Unpacker).Unpack(b); err != nil {
			r.fail(err)
		}
	}
}

// any writes a value of JSON. Another that JSON keeps is written as it would be read again.
func (w *Writer) any(v any, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	switch v := v.(type) {
	case nil:
		w.tag(tagNull)
	case bool:
		w.bool(v)
	case string:
		w.text(v)
	case float64:
		w.float(v)
	case int:
		w.float(float64(v))
	case json.Number:
		w.tag(tagNumber)
		w.text(v.String())
	case []any:
		w.uint(tagList, uint64(len(v)))
		for _, x := range v {
			if err := w.any(x, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		w.uint(tagObject, uint64(len(v)))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			w.text(name)
			if err := w.any(v[name], depth+1); err != nil {
				return err
			}
		}
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		var plain any
		if err := json.Unmarshal(b, &plain); err != nil {
			return err
		}
		return w.any(plain, depth)
	}
	return nil
}

// any returns the value that a tag begins, whatever it is: bool, float64, string, [json.Number], []any or map[string]any as
// they were written, and what has a type of its own as JSON has it.
func (r *Reader) any(tag byte, depth int) any {
	if depth > maxDepth {
		r.fail(errDeep)
		return nil
	}
	if isText(tag) {
		return r.text(tag)
	}
	if n, ok := r.int(tag); ok {
		return json.Number(strconv.FormatInt(n, 10))
	}
	switch tag {
	case tagNull:
		return nil
	case tagFalse, tagTrue:
		return tag == tagTrue
	case tagFloat, tagWhole:
		return r.float(tag)
	case tagUint:
		return json.Number(strconv.FormatUint(r.uvarint(), 10))
	case tagNumber:
		return json.Number(r.number(tag))
	case tagList:
		return r.list(depth)
	case tagObject:
		m := make(map[string]any)
		for range r.count() {
			name := r.text(r.tag())
			m[name] = r.any(r.tag(), depth+1)
		}
		return m
	case tagTime, tagStamp:
		return r.time(tag)
	case tagDecimal, tagBig:
		return r.decimal(tag)
	case tagBytes:
		return r.bytes(tag, tagBytes)
	case tagJSON:
		return json.RawMessage(r.bytes(tag, tagJSON))
	}
	r.unexpected(tag, "a value")
	return nil
}

func (r *Reader) list(depth int) []any {
	list := make([]any, r.count())
	for i := range list {
		list[i] = r.any(r.tag(), depth+1)
	}
	return list
}

// JSON returns a record that is kept under a key as JSON. Names are in the order of the alphabet.
func JSON(key string, b []byte) ([]byte, error) {
	var r Reader
	v := r.any(r.begin(key, b), 0)
	if err := r.end(); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}
