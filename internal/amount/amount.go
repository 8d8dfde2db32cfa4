// Package amount says which numbers are amounts: whole multiples of a millionth that fit 64 bits when
// counted in millionths, about ±9.2 trillion. Balances, progress, scores and event values are amounts. It
// also says how numbers are kept to the digit where Go has a float64 for them.
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

// CheckPositive is [Check] for an amount that must be more than 0.
func CheckPositive(field string, d decimal.Decimal) error {
	err := Check(field, d)
	if err == nil && !d.IsPositive() {
		err = fault.Invalid(field, "is %s; it must be more than 0", Show(d))
	}
	return err
}

// CheckNotNegative is [Check] for an amount that must not be less than 0.
func CheckNotNegative(field string, d decimal.Decimal) error {
	err := Check(field, d)
	if err == nil && d.IsNegative() {
		err = fault.Invalid(field, "is %s; it must not be less than 0", Show(d))
	}
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

// FromFloat returns the amount that a float64 stands for: the shortest decimal that reads back as f, so
// that 0.1 is a tenth. If that has more digits than a float64 is sure to hold, f came of binary arithmetic,
// and the amount next to it is meant if f differs by no more than such arithmetic makes it: 12 × 0.1 is 1.2
// and not 1.2000000000000002. It never rounds: a result that is really finer, as a third is, or too large to
// tell whether it is, is an error, and so are an infinity and NaN.
func FromFloat(field string, f float64) (decimal.Decimal, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return decimal.Decimal{}, fault.Invalid(field, "is not a number")
	}
	d := decimal.NewFromFloat(f + 0)
	err := Check(field, d)
	if d.NumDigits() <= digits {
		return d, err
	}
	scaled := f * micros
	if whole := math.RoundToEven(scaled); math.Abs(whole) <= noticed && math.Abs(scaled-whole) <= noise*math.Abs(whole) {
		return FromMicros(int64(whole)), nil
	}
	if err == nil {
		err = fault.Invalid(field, "is not exact to 0.000001; round it")
	}
	return d, err
}

const (
	micros = 1e6
	// noise is how far, in relation, a few operations on floats can lead from the exact result: some
	// times the distance of neighbouring floats.
	noise = 1e-15
	// noticed is up to how many millionths that is no more than a hundredth of one.
	noticed = 1e13
)
