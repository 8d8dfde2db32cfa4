package rule

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/guerdonhq/guerdon/internal/amount"
)

// A kind is a JSON type.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

// A value is a JSON value with its type looked up once. The zero value is null. Numbers and booleans
// are in num, so that computing with them allocates nothing; ref is the value as it came from the
// data, or nil for a number that was computed. Of a number that no float64 holds, num is the nearest and
// ref the decimal ([value.exact]).
type value struct {
	kind kind
	num  float64
	ref  any
}

// valueOf wraps a decoded JSON value. A Go type that JSON decoding does not produce is null.
func valueOf(x any) value {
	switch y := x.(type) { // x is kept as it is: y would be boxed anew.
	case string:
		return value{text, 0, x}
	case float64:
		return value{number, y, x}
	case bool:
		return truth(y)
	case []any:
		return value{list, 0, x}
	case map[string]any:
		return value{object, 0, x}
	case int:
		return integer(int64(y))
	case int64:
		return integer(y)
	case json.Number:
		d, err := amount.Read(y.String())
		if err != nil {
			return nothing()
		}
		return exactly(d)
	}
	return value{}
}

func numeric(f float64) value { return value{number, f, nil} }

// nothing is what an operator gives that cannot give a number: as a result it is null, and in a comparison
// neither before nor after anything.
func nothing() value { return numeric(math.NaN()) }

func textual(s string) value { return value{text, 0, s} }

func listed(items []any) value { return value{list, 0, items} }

func truth(b bool) value {
	if b {
		return value{boolean, 1, true}
	}
	return value{boolean, 0, false}
}

// plain returns the value as decoded JSON, a number that no float64 holds as json.Number. NaN and the infinities, which JSON cannot say, are nil.
func (v value) plain() any {
	if v.kind != number {
		return v.ref
	}
	if d := v.exact(); d != nil {
		return json.Number(d.String())
	}
	if !finite(v.num) {
		return nil
	}
	if v.ref != nil && v.num != 0 {
		return v.ref
	}
	return v.num + 0 // Minus zero becomes zero.
}

func (v value) string() string {
	s, _ := v.ref.(string)
	return s
}

func (v value) items() []any {
	items, _ := v.ref.([]any)
	return items
}

func (v value) composite() bool { return v.kind >= list }

// truthy is JSON Logic's truthiness: JavaScript's, but an empty array is false.
func (v value) truthy() bool {
	switch v.kind {
	case null:
		return false
	case boolean:
		return v.num != 0
	case number:
		return v.num != 0 && !math.IsNaN(v.num)
	case text:
		return v.string() != ""
	case list:
		return len(v.items()) > 0
	case object:
		return true
	}
	return false
}

// toNumber is JavaScript's Number(v) for a scalar.
func toNumber(v value) value {
	switch v.kind {
	case null:
		return numeric(0)
	case boolean:
		return numeric(v.num)
	case number:
		return v
	case text:
		return parseNumber(v.string())
	case list, object:
	}
	return nothing()
}

// toFloat is JavaScript's parseFloat(v) for a scalar: the longest number that a text begins with.
func toFloat(v value) value {
	switch v.kind {
	case number:
		return v
	case text:
		s := strings.TrimLeft(v.string(), whitespace)
		return parseDecimal(s[:decimalPrefix(s)])
	case null, boolean, list, object:
	}
	return nothing()
}

// toText is JavaScript's String(v) for a scalar.
func toText(v value) string {
	switch v.kind {
	case null:
		return "null"
	case boolean:
		return strconv.FormatBool(v.num != 0)
	case number:
		if d := v.exact(); d != nil {
			return d.String()
		}
		return formatNumber(v.num)
	case text:
		return v.string()
	case list, object:
	}
	return "[object Object]"
}

// whitespace is what JavaScript trims from a text before it reads a number.
const whitespace = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"

// parseNumber reads a text as JavaScript's Number does: all of it or NaN; a blank text is 0.
func parseNumber(s string) value {
	s = strings.Trim(s, whitespace)
	if s == "" {
		return numeric(0)
	}
	if len(s) > 2 && s[0] == '0' {
		if base := radix(s[1]); base != 0 {
			return numeric(parseInteger(s[2:], base))
		}
	}
	if decimalPrefix(s) != len(s) {
		return nothing()
	}
	return parseDecimal(s)
}

func radix(letter byte) int {
	switch letter {
	case 'x', 'X':
		return 16
	case 'o', 'O':
		return 8
	case 'b', 'B':
		return 2
	}
	return 0
}

// parseInteger reads digits of a base; beyond 64 bits it keeps the nearest float.
func parseInteger(digits string, base int) float64 {
	var n float64
	for _, d := range []byte(digits) {
		v, err := strconv.ParseUint(string(rune(d)), base, 8)
		if err != nil {
			return math.NaN()
		}
		n = n*float64(base) + float64(v)
	}
	return n
}

// parseDecimal reads what decimalPrefix measured; nothing is NaN and too much is infinite.
func parseDecimal(s string) value {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nothing()
	}
	if len(s) > floatDigits && finite(f) {
		if d, err := amount.Read(s); err == nil {
			return exactly(d)
		}
	}
	return numeric(f)
}

// decimalPrefix returns the length of the decimal number, or Infinity, that s begins with. It keeps
// out what Go reads as a number and JavaScript does not: "inf", "nan", hexadecimal, underscores.
func decimalPrefix(s string) int {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	if strings.HasPrefix(s[i:], "Infinity") {
		return i + len("Infinity")
	}
	whole := digits(s[i:])
	i += whole
	fraction := 0
	if i < len(s) && s[i] == '.' {
		fraction = digits(s[i+1:])
		if whole+fraction > 0 {
			i += 1 + fraction
		}
	}
	if whole+fraction == 0 {
		return 0
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if n := digits(s[j:]); n > 0 {
			return j + n
		}
	}
	return i
}

// digits returns how many decimal digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// formatNumber writes a number as JavaScript does: plain between 1e-6 and 1e21, else with an exponent.
func formatNumber(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strconv.FormatFloat(f, 'f', -1, 64), "+") + "inity"
	}
	size := math.Abs(f)
	if size == 0 || size >= 1e-6 && size < 1e21 {
		return strconv.FormatFloat(f+0, 'f', -1, 64)
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	if n := len(s); n > 3 && s[n-2] == '0' { // Go writes 1e-07 where JavaScript writes 1e-7.
		s = s[:n-2] + s[n-1:]
	}
	return s
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// equal is JavaScript's == between scalars that are not null.
func equal(a, b value) bool {
	if a.kind == text && b.kind == text {
		return a.string() == b.string()
	}
	return sameNumber(toNumber(a), toNumber(b))
}

// same is JavaScript's ===. An array or an object is the same as nothing.
func same(a, b value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case null:
		return true
	case boolean:
		return a.num == b.num
	case number:
		return sameNumber(a, b)
	case text:
		return a.string() == b.string()
	case list, object:
	}
	return false
}

// The four orders are JavaScript's between scalars: two texts by their code points, anything else
// as numbers, and nothing is before or after NaN.

func less(a, b value) bool {
	if a.kind == text && b.kind == text {
		return a.string() < b.string()
	}
	return before(toNumber(a), toNumber(b))
}

func lessOrEqual(a, b value) bool {
	if a.kind == text && b.kind == text {
		return a.string() <= b.string()
	}
	x, y := toNumber(a), toNumber(b)
	return before(x, y) || sameNumber(x, y)
}

func greater(a, b value) bool { return less(b, a) }

func greaterOrEqual(a, b value) bool { return lessOrEqual(b, a) }
