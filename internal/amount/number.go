package amount

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
)

// digits is how many significant decimal digits every float64 in range holds: two different decimals of
// no more digits are never the same float64.
const digits = 15

// Float returns the float64 next to d, and whether that is as good as d: d has at most 15 significant
// digits, or it is the shortest decimal that reads back as the float64, and no amount. So a float64 that is
// none of the first kind came of arithmetic. The number must be one that [Read] takes, or an amount.
func Float(d decimal.Decimal) (f float64, holds bool) {
	if f, ok := short(d); ok {
		return f, true
	}
	d = d.Normalize()
	if f, ok := short(d); ok {
		return f, true
	}
	f, err := strconv.ParseFloat(d.String(), 64)
	if err != nil || !decimal.NewFromFloat(f).Equal(d) {
		return f, false
	}
	return f, d.NumDigits() <= digits || Check("", d) != nil
}

// short is Float for a number of few digits near the point. A float64 holds both its digits and the power
// of ten exactly, so one operation gives the nearest.
func short(d decimal.Decimal) (float64, bool) {
	powers := [...]float64{
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
	}
	n := d.Exponent()
	switch {
	case d.NumDigits() > digits || n <= -int32(len(powers)) || n >= int32(len(powers)):
		return 0, false
	case n < 0:
		return float64(d.CoefficientInt64()) / powers[-n], true
	}
	return float64(d.CoefficientInt64()) * powers[n], true
}

// JSON returns d as a decoded JSON value: as a float64 if that holds it ([Float]), otherwise as a
// [json.Number]. A number has one such value.
func JSON(d decimal.Decimal) any {
	if f, holds := Float(d); holds {
		return f
	}
	return json.Number(d.String())
}

// longest bounds the text of a number, and how far to either side of the point it may reach. Every
// float64 can be written within it.
const (
	longest  = 400
	farthest = 390 // places
)

// Read reads a JSON number. It refuses one that is longer than 400 characters, has more than 390 places or
// that no float64 can be near to; it never rounds.
func Read(text string) (decimal.Decimal, error) {
	if len(text) > longest {
		return decimal.Decimal{}, fault.Invalid("", "has a number of %d characters, at most %d are allowed", len(text), longest)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err == nil {
		var d decimal.Decimal
		d, err = decimal.NewFromString(text)
		if err == nil && d.Exponent() >= -farthest && (f != 0 || d.IsZero()) {
			return d, nil
		}
	}
	return decimal.Decimal{}, fault.Invalid("", "has the number %.40q, which is out of range", text)
}

// Plain returns a decoded JSON value with each [json.Number] in it as [JSON] has it, and with no minus
// zero. It changes arrays and objects in place.
func Plain(v any) (any, error) {
	switch v := v.(type) {
	case float64:
		return v + 0, nil // Minus zero becomes zero.
	case json.Number:
		d, err := Read(v.String())
		if err != nil {
			return nil, err
		}
		return JSON(d), nil
	case []any:
		for i := range v {
			item, err := Plain(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = item
		}
	case map[string]any:
		for key := range v {
			member, err := Plain(v[key])
			if err != nil {
				return nil, err
			}
			v[key] = member
		}
	}
	return v, nil
}

// Show writes a number that somebody gave for a message. One that is too long to read is described.
func Show(d decimal.Decimal) string {
	const most = 60
	bits, exponent := d.Coefficient().BitLen(), int64(d.Exponent())
	size := int64(float64(bits)*math.Log10(2)) + 1
	switch {
	case bits == 0:
		return "0"
	case size+exponent > most:
		return fmt.Sprintf("a number of about %d digits", size+exponent)
	case size > most || exponent < -most:
		return fmt.Sprintf("a number with %d decimal places", -exponent)
	}
	return d.String()
}
