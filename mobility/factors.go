package mobility

import (
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/text"
)

// FactorsKind is the kind of [Factors].
var FactorsKind = content.NewKind[Factors]("MobilityFactors")

// Factors say how much CO2 a person emits who moves a kilometre, by mode. The library ships none: who publishes some says
// where they come from. Of several in force, the first apply, in the order of their creation; another is a problem of the
// events that it might have counted. A tracking keeps what the version said that was in force when it was told: a new year's
// factors change nothing that was.
type Factors struct {
	content.Header
	content.Untranslated
	Name string `json:"name"`
	// Source is who says so: a publication, an address. It is required.
	Source string `json:"source"`
	// Year is that for which they hold. It is required.
	Year int `json:"year"`
	// Licence is that under which they may be used. It is required.
	Licence string `json:"licence"`
	// Baseline is the mode in which people are taken to move otherwise: what they emit less is avoided. It has a factor.
	Baseline Mode `json:"baseline"`
	// Factors are those of the modes, each once. A mode without one emits and avoids nothing that is known.
	Factors []Factor `json:"factors"`
}

// A Factor is what a mode emits.
type Factor struct {
	Type Mode `json:"type"`
	// GramsPerPersonKm is how many grams of CO2, or of what is equivalent to it, one person emits in a kilometre; 0 or more,
	// at most [MaxFactor].
	GramsPerPersonKm decimal.Decimal `json:"gramsPerPersonKm"`
}

// MaxFactor is the greatest factor, in grams.
const MaxFactor = 100_000

// Validate returns every fault of the factors' fields, joined.
func (f *Factors) Validate() error {
	faults := []error{text.Required("name", f.Name), text.Required("source", f.Source), text.Required("licence", f.Licence)}
	if f.Year < 1900 || f.Year > 9999 {
		faults = append(faults, fault.Invalid("year", "is %d; it must be from 1900 to 9999", f.Year))
	}
	for i, one := range f.Factors {
		field := fmt.Sprintf("factors[%d]", i)
		faults = append(faults, one.Type.check(field+".type"), amount.CheckNotNegative(field+".gramsPerPersonKm", one.GramsPerPersonKm))
		if one.GramsPerPersonKm.GreaterThan(decimal.NewFromInt(MaxFactor)) {
			faults = append(faults, fault.Invalid(field+".gramsPerPersonKm", "is more than %d", MaxFactor))
		}
		if slices.ContainsFunc(f.Factors[:i], func(o Factor) bool { return o.Type == one.Type }) {
			faults = append(faults, fault.Invalid(field+".type", "%q occurs twice", one.Type))
		}
	}
	if !slices.ContainsFunc(f.Factors, func(o Factor) bool { return o.Type == f.Baseline }) {
		faults = append(faults, fault.Invalid("baseline", "%.80q has no factor", f.Baseline))
	}
	return errors.Join(faults...)
}

// References returns none.
func (*Factors) References() []content.Reference { return nil }

// grams returns what a person emits who moves some metres, rounded to whole grams, a half up. A mode without a factor is not
// known.
func (f *Factors) grams(m Mode, metres int64) (n int64, known bool) {
	i := slices.IndexFunc(f.Factors, func(o Factor) bool { return o.Type == m })
	if i < 0 {
		return 0, false
	}
	millionths, err := amount.Micros("", f.Factors[i].GramsPerPersonKm)
	if err != nil { // was refused
		return 0, false
	}
	const perGram = 1e9 // a millionth of a gram per kilometre, for a metre
	product := millionths * metres
	n = product / perGram
	if product%perGram >= perGram/2 {
		n++
	}
	return n, true
}

// balance returns what a track emits and avoids in grams. Who flies avoids nothing, whatever else there was.
func (f *Factors) balance(m Mode, metres int64) (emitted, avoided int64) {
	emitted, known := f.grams(m, metres)
	if !known || m == Airplane {
		return emitted, 0
	}
	otherwise, _ := f.grams(f.Baseline, metres)
	return emitted, max(0, otherwise-emitted)
}
