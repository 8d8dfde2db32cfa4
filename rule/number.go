package rule

import (
	"math"
	"math/bits"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/internal/amount"
)

// A number is a decimal. Nearly all are float64s, which hold every decimal of 15 digits: whole numbers and
// millionths are computed with as such, and allocate nothing. One that a float64 does not hold has the
// decimal in ref. A float64 of more digits came of arithmetic that is not exact, and stays a float64.

// mostWhole is up to which whole numbers a float64 holds them all.
const mostWhole = 1 << 53

// exactly returns the value of a decimal.
func exactly(d decimal.Decimal) value {
	d = d.Normalize()
	f, holds := amount.Float(d)
	if holds && (d.NumDigits() <= floatDigits || d.IsInteger()) {
		return numeric(f)
	}
	if _, same := d.Float64(); same && !d.IsInteger() && amount.Check("", d) != nil {
		return numeric(f) // It has many digits in decimal, and few in binary.
	}
	return value{number, f, new(d)}
}

// integer returns the value of a Go integer.
func integer(n int64) value {
	if -mostWhole <= n && n <= mostWhole {
		return numeric(float64(n))
	}
	return exactly(decimal.NewFromInt(n))
}

// exact returns the decimal of a number that no float64 holds, otherwise nil.
func (v value) exact() *decimal.Decimal {
	d, _ := v.ref.(*decimal.Decimal)
	return d
}

// decimal returns the decimal that a finite number is, or is next to; sure is false if the number came of
// arithmetic that is not exact.
func (v value) decimal() (d decimal.Decimal, sure bool) {
	if d := v.exact(); d != nil {
		return *d, true
	}
	d = decimal.NewFromFloat(v.num)
	return d, d.NumDigits() <= floatDigits || v.whole()
}

// floatDigits is how many digits of a decimal every float64 holds.
const floatDigits = 15

// whole reports whether a number is a whole one that the neighbouring floats cannot be taken for.
func (v value) whole() bool {
	return v.num == math.Trunc(v.num) && math.Abs(v.num) <= mostWhole && v.exact() == nil
}

const (
	million = 1_000_000
	// mostMillionths keeps millionths below 16 digits, so that there is one float64 for each.
	mostMillionths = 1e15
)

// millionths returns a number in millionths, if it is so many exactly.
func (v value) millionths() (int64, bool) {
	n := math.RoundToEven(v.num * million)
	if math.Abs(n) < mostMillionths && n/million == v.num && v.exact() == nil {
		return int64(n), true
	}
	return 0, false
}

// ofMillionths is the inverse of millionths, as far as that goes.
func ofMillionths(n int64) (value, bool) {
	if -mostMillionths < n && n < mostMillionths {
		return numeric(float64(n) / million), true
	}
	return value{}, false
}

func add(a, b value) value {
	sum := a.num + b.num
	if math.Abs(sum) <= mostWhole && a.whole() && b.whole() {
		return numeric(sum)
	}
	x, okX := a.millionths()
	y, okY := b.millionths()
	if okX && okY {
		if v, ok := ofMillionths(x + y); ok {
			return v
		}
	}
	return compute(a, b, sum, decimal.Decimal.Add)
}

func subtract(a, b value) value { return add(a, negate(b)) }

func negate(v value) value {
	if d := v.exact(); d != nil {
		return value{number, -v.num, new(d.Neg())}
	}
	return numeric(-v.num)
}

func multiply(a, b value) value {
	product := a.num * b.num
	if math.Abs(product) <= mostWhole && a.whole() && b.whole() {
		return numeric(product)
	}
	x, okX := a.millionths()
	y, okY := b.millionths()
	if okX && okY {
		if size, ok := multiplyMillionths(magnitude(x), magnitude(y)); ok {
			return numeric(math.Copysign(size, product))
		}
	}
	return compute(a, b, product, decimal.Decimal.Mul)
}

// multiplyMillionths multiplies millionths, if a float64 holds the product.
func multiplyMillionths(x, y uint64) (float64, bool) {
	high, low := bits.Mul64(x, y)
	if high >= million {
		return 0, false
	}
	switch n, rest := bits.Div64(high, low, million); {
	case rest == 0 && n < mostMillionths:
		return float64(n) / million, true
	case high == 0 && low < mostMillionths:
		return float64(low) / (million * million), true
	}
	return 0, false
}

func magnitude(n int64) uint64 {
	if n < 0 {
		n = -n
	}
	return uint64(n)
}

func divide(a, b value) value {
	quotient := a.num / b.num
	if b.num == 0 || !finite(a.num) || !finite(b.num) || !finite(quotient) {
		return numeric(quotient)
	}
	x, okX := a.millionths()
	y, okY := b.millionths()
	switch {
	case okX && okY && math.Abs(quotient)*million < mostMillionths:
		// Both are whole, so that the quotient is the nearest float to the true one.
		return numeric(float64(x) / float64(y))
	case a.whole() && b.whole() && quotient == math.Trunc(quotient):
		return numeric(quotient)
	}
	const places = 12
	dividend, sureX := a.decimal()
	divisor, sureY := b.decimal()
	if sureX && sureY {
		if d, rest := dividend.QuoRem(divisor, places); rest.IsZero() {
			return kept(d, quotient)
		}
	}
	return numeric(quotient)
}

func remainder(a, b value) value {
	rest := math.Mod(a.num, b.num)
	if b.num == 0 || a.whole() && b.whole() {
		return numeric(rest)
	}
	x, okX := a.millionths()
	y, okY := b.millionths()
	if okX && okY {
		v, _ := ofMillionths(x % y)
		return v
	}
	return compute(a, b, rest, decimal.Decimal.Mod)
}

// compute does what the fast ways cannot; f is what floats come to.
func compute(a, b value, f float64, exactly func(a, b decimal.Decimal) decimal.Decimal) value {
	if !finite(a.num) || !finite(b.num) || !finite(f) {
		return numeric(f)
	}
	x, sureX := a.decimal()
	y, sureY := b.decimal()
	if !sureX || !sureY {
		return numeric(f)
	}
	return kept(exactly(x, y), f)
}

// The bounds of what arithmetic keeps exactly. No amount comes near to them.
const (
	mostDigits = 64
	mostPlaces = 300 // with which a number is not yet 0 as a float64
)

// kept returns the value of what a computation comes to, or the float that is next to it if it has too many
// digits.
func kept(d decimal.Decimal, f float64) value {
	if d = d.Normalize(); d.NumDigits() > mostDigits || d.Exponent() < -mostPlaces {
		return numeric(f)
	}
	return exactly(d)
}

// maximum and minimum are NaN if one of the two is.

func maximum(a, b value) value {
	if !math.IsNaN(a.num) && (math.IsNaN(b.num) || before(a, b)) {
		return b
	}
	return a
}

func minimum(a, b value) value {
	if !math.IsNaN(a.num) && (math.IsNaN(b.num) || before(b, a)) {
		return b
	}
	return a
}

// before reports whether one number is less than another; nothing is before or after NaN.
func before(a, b value) bool {
	if a.num != b.num {
		return a.num < b.num
	}
	return tie(a, b) < 0
}

// sameNumber reports whether two numbers are equal; NaN equals nothing.
func sameNumber(a, b value) bool { return a.num == b.num && tie(a, b) == 0 }

// tie compares two numbers that are next to the same float64.
func tie(a, b value) int {
	if a.exact() == nil && b.exact() == nil {
		return 0
	}
	x, _ := a.decimal()
	y, _ := b.decimal()
	return x.Cmp(y)
}
