package store

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/guerdonhq/guerdon/fault"
)

// A Kind is the type of a column.
type Kind uint8

// The kinds of column. Times are whole numbers: microseconds since 1970 in UTC.
const (
	KindInt Kind = iota + 1
	KindText
)

// A Value is what a row has in a column: a text, a whole number, or nothing (the zero Value).
// Values are comparable with ==.
type Value struct {
	kind Kind
	num  int64
	text string
}

// MaxText is the longest text that a key or a column may hold, in bytes.
const MaxText = 1024

// Text returns a text value. Texts are ordered by their bytes in every backend.
func Text(s string) Value { return Value{kind: KindText, text: s} }

// Int returns a number value.
func Int(n int64) Value { return Value{kind: KindInt, num: n} }

// Time returns an instant as a number value: microseconds since 1970 in UTC. The zero time is the
// absent value.
func Time(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Int(t.UnixMicro())
}

// Kind returns the value's kind, 0 if it is absent.
func (v Value) Kind() Kind { return v.kind }

// KeyTime returns an instant as a part of keys, whose order is that of the instants.
func KeyTime(t time.Time) string {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.Format(keyTime)
	}
	hour, minute, second := t.Clock()
	b := []byte(keyTime) // by hand, as every step of a fold has such a key
	digits(b[0:4], year)
	digits(b[5:7], int(month))
	digits(b[8:10], day)
	digits(b[11:13], hour)
	digits(b[14:16], minute)
	digits(b[17:19], second)
	digits(b[20:26], t.Nanosecond()/1000)
	return string(b)
}

// digits fills b with those of n.
func digits(b []byte, n int) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}

const keyTime = "2006-01-02T15:04:05.000000"

// ParseKeyTime is the inverse of [KeyTime].
func ParseKeyTime(s string) (time.Time, error) { return time.Parse(keyTime, s) }

// After returns the first instant after t, as [Time] does: as a lower bound it leaves out t, as an upper one it
// lets t in.
func After(t time.Time) Value { return Int(t.UnixMicro() + 1) }

// End returns the end of something, as [Time] does; the zero time, which is never, comes after all others.
func End(t time.Time) Value {
	if t.IsZero() {
		return Int(math.MaxInt64)
	}
	return Time(t)
}

// Absent tells whether there is no value.
func (v Value) Absent() bool { return v.kind == 0 }

// Text returns the text of a text value, otherwise "".
func (v Value) Text() string { return v.text }

// Int returns the number of a number value, otherwise 0.
func (v Value) Int() int64 { return v.num }

// Any returns the value as database drivers take it: a string, an int64, or nil.
func (v Value) Any() any {
	switch v.kind {
	case KindText:
		return v.text
	case KindInt:
		return v.num
	}
	return nil
}

// String returns the value for a person to read.
func (v Value) String() string {
	switch v.kind {
	case KindText:
		return strconv.Quote(v.text)
	case KindInt:
		return strconv.FormatInt(v.num, 10)
	}
	return "absent"
}

// Compare orders values: absent first, then numbers, then texts by their bytes.
func (v Value) Compare(w Value) int {
	return cmp.Or(cmp.Compare(v.kind, w.kind), cmp.Compare(v.num, w.num), cmp.Compare(v.text, w.text))
}

// check refuses what some backend could not keep.
func (v Value) check(field string) error {
	if len(v.text) > MaxText {
		return fault.Invalid(field, "longer than %d bytes", MaxText)
	}
	return v.checkText(field)
}

// checkText refuses what some backend could not even compare with.
func (v Value) checkText(field string) error {
	switch {
	case strings.IndexByte(v.text, 0) >= 0:
		return fault.Invalid(field, "holds a NUL character")
	case !utf8.ValidString(v.text):
		return fault.Invalid(field, "is not valid UTF-8")
	}
	return nil
}

// AppendOrdered appends an encoding of v whose bytes compare as the values do, also when several
// encodings follow one another: numbers are big-endian with the sign bit flipped, texts end in a zero
// byte, which no text contains. Backends that keep ordered bytes build index keys of it.
func AppendOrdered(dst []byte, v Value) []byte {
	dst = append(dst, byte(v.kind))
	switch v.kind {
	case KindText:
		dst = append(append(dst, v.text...), 0)
	case KindInt:
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.num)^1<<63)
	}
	return dst
}

// parseOrdered takes the first value, which must be of kind k, off an encoding made by AppendOrdered.
func parseOrdered(b []byte, k Kind) (v Value, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != byte(k) {
		return Value{}, nil, false
	}
	b = b[1:]
	if k == KindInt {
		if len(b) < 8 {
			return Value{}, nil, false
		}
		return Int(int64(binary.BigEndian.Uint64(b) ^ 1<<63)), b[8:], true
	}
	text, rest, ok := bytes.Cut(b, []byte{0})
	v = Text(string(text))
	return v, rest, ok && v.check("") == nil
}

// A Position is where a row stands in the order of an index.
type Position struct {
	Values []Value // of the index's columns
	Key    string
}

// Ordered returns an encoding whose bytes compare as rows of the index do.
func (p Position) Ordered() []byte {
	var b []byte
	for _, v := range p.Values {
		b = AppendOrdered(b, v)
	}
	return AppendOrdered(b, Text(p.Key))
}

// token returns the position as an opaque text for clients.
func (p Position) token() string { return base64.RawURLEncoding.EncodeToString(p.Ordered()) }

// parseToken is the inverse of token for an index with columns of the given kinds.
func parseToken(token string, kinds []Kind) (*Position, error) {
	bad := fault.Invalid("nextToken", "is not a token that this list gave")
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, bad
	}
	p := &Position{}
	for _, k := range append(slices.Clone(kinds), KindText) { // the key comes last
		v, rest, ok := parseOrdered(b, k)
		if !ok {
			return nil, bad
		}
		p.Values, b = append(p.Values, v), rest
	}
	if len(b) > 0 {
		return nil, bad
	}
	last := len(kinds)
	p.Key, p.Values = p.Values[last].text, p.Values[:last]
	return p, nil
}
