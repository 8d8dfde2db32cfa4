package economy

import (
	"errors"
	"math"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/text"
)

// Currencies is the kind of [Currency].
var Currencies = content.NewKind[Currency]("VirtualCurrency")

// A Currency is something that users can have an amount of.
type Currency struct {
	content.Header
	content.Labels
	Name string `json:"name"`
	// MinAllowedBalance is how far below zero a user may go; nil means not at all. It is not above 0,
	// because that is where every balance begins.
	MinAllowedBalance *decimal.Decimal `json:"minAllowedBalance,omitempty"`
	// MaxAllowedBalance is the most that a user may have, pending credits included; nil means no bound.
	MaxAllowedBalance *decimal.Decimal `json:"maxAllowedBalance,omitempty"`
	// Life says when what is credited lapses, unless a reward or a grant says otherwise; nil means never, of all that is credited. A currency
	// that has had a life has lots ([Service.Lapsing]) for as long as there are credits of that time.
	Life *Life `json:"life,omitempty"`
	// Icon is an absolute URI.
	Icon string `json:"icon,omitempty"`
}

// Validate returns every fault of the currency's fields, joined.
func (c *Currency) Validate() error {
	_, err := c.bounds()
	return errors.Join(c.ValidateTexts(), text.Required("name", c.Name), err, text.Optional(text.URI, "icon", c.Icon), c.Life.check())
}

// UpperBound returns the most that a user may have; nil is no bound.
func (c *Currency) UpperBound() *decimal.Decimal { return c.MaxAllowedBalance }

// References returns none.
func (*Currency) References() []content.Reference { return nil }

// bounds returns the currency's bounds in millionths.
func (c *Currency) bounds() (bounds, error) {
	b := bounds{0, math.MaxInt64}
	var low, high error
	if c.MinAllowedBalance != nil {
		if b.low, low = amount.Micros("minAllowedBalance", *c.MinAllowedBalance); b.low > 0 {
			low = fault.Invalid("minAllowedBalance", "is above 0, where every balance begins")
		}
	}
	if c.MaxAllowedBalance != nil {
		if b.high, high = amount.Micros("maxAllowedBalance", *c.MaxAllowedBalance); b.high < 0 {
			high = fault.Invalid("maxAllowedBalance", "is below 0, where every balance begins")
		}
	}
	return b, errors.Join(low, high)
}
