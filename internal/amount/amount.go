// Package amount says which numbers are amounts: whole multiples of a millionth that fit 64 bits when
// counted in millionths, about ±9.2 trillion. Balances, progress, scores and event values are amounts.
package amount

import (
	"math"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
)

// Places is the number of decimal places of an amount.
const Places = 6

// Check refuses a number that is finer than a millionth or too large. It never rounds.
func Check(field string, d decimal.Decimal) error {
	_, err := Micros(field, d)
	return err
}

// Micros returns d in millionths, or an error that names the field if d is not an amount.
func Micros(field string, d decimal.Decimal) (int64, error) {
	// The exponent is looked at first: 1e1000000 must not be spelled out to be refused.
	switch {
	case d.Exponent() > 20 || d.NumDigits() > 60:
		return 0, tooLarge(field)
	case d.Exponent() < -60:
		return 0, tooFine(field)
	}
	if d.Exponent() < -Places && !d.Equal(d.Truncate(Places)) {
		return 0, tooFine(field)
	}
	n := d.Shift(Places).BigInt()
	if !n.IsInt64() {
		return 0, tooLarge(field)
	}
	return n.Int64(), nil
}

func tooFine(field string) error { return fault.Invalid(field, "is finer than 0.000001") }

func tooLarge(field string) error {
	return fault.Invalid(field, "is larger than 9223372036854.775807")
}

// FromMicros returns n millionths.
func FromMicros(n int64) decimal.Decimal { return decimal.New(n, -Places) }

// FromFloat returns the amount that a rule's result stands for: the shortest decimal that reads back
// as f, so that 0.1 is a tenth; or the amount next to f if f differs from it by no more than binary
// arithmetic makes it, so that 12 × 0.1 is 1.2 and not 1.2000000000000002. A result that is really
// finer, as a third is, an infinity and NaN are errors.
func FromFloat(field string, f float64) (decimal.Decimal, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return decimal.Decimal{}, fault.Invalid(field, "is not a number")
	}
	if math.Abs(f) < 1<<43 {
		if whole := math.Round(f * micros); math.Abs(f*micros-whole) <= noise*math.Abs(whole) {
			return FromMicros(int64(whole)), nil
		}
	}
	d := decimal.NewFromFloat(f)
	return d, Check(field, d)
}

const (
	micros = 1e6
	// noise is how far, in relation, a few operations on floats can lead from the exact result: some
	// times the distance of neighbouring floats.
	noise = 1e-14
)
