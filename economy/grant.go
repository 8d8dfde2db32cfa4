package economy

import (
	"cmp"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
)

// MaxGrants is how many grants one call may hold.
const MaxGrants = 20

// MaxData is how many bytes of JSON the additional data of a transaction may have.
const MaxData = event.MaxData

// A Grant asks for a movement to a user, from SYSTEM or from another user.
type Grant struct {
	// ID becomes the id of the credit; empty means a new one. Who gives an id can repeat the call after
	// a failure: if the first was done after all, the second gives its result and does nothing.
	ID string `json:"virtualTransactionId,omitempty"`
	// GroupID is what the movement's transactions share; empty means the id of the credit.
	GroupID    string          `json:"virtualTransactionGroupId,omitempty"`
	CurrencyID string          `json:"virtualCurrencyId"`
	Amount     decimal.Decimal `json:"amount"`
	// RedemptionMode is AUTO unless said. A MANUAL transfer sets the amount aside until it is redeemed.
	RedemptionMode    RedemptionMode `json:"redemptionMode,omitempty"`
	DestinationUserID string         `json:"destinationUserId"`
	// SourceUserID is who pays; empty means SYSTEM.
	SourceUserID string `json:"sourceUserId,omitempty"`
	// At is when the grant counts, zero for when it is made: in the balance of then, for what follows from it, and in the periods of then.
	// It is for AUTO grants by SYSTEM: a MANUAL one counts when it is redeemed, and what another user had to give then is nobody's to say now.
	At time.Time `json:"at,omitzero"`
	// ExpiresAt is when a MANUAL grant can no longer be redeemed; zero means never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// LapsesAt is when what is left then of the amount lapses, instead of what the currency's [Life] says; zero leaves it to that. It is for what an admin
	// grants in a currency that has a life, NEVER at least, and after the moment at which it counts.
	LapsesAt time.Time `json:"lapsesAt,omitzero"`
	// AdditionalData is whatever else the host knows, as JSON values.
	AdditionalData event.Data `json:"additionalData,omitempty"`
}

// A Spending asks for a movement from a user to SYSTEM.
type Spending struct {
	// ID becomes the id of the transaction; see [Grant].
	ID string `json:"virtualTransactionId,omitempty"`
	// GroupID is empty for the id of the transaction.
	GroupID        string          `json:"virtualTransactionGroupId,omitempty"`
	CurrencyID     string          `json:"virtualCurrencyId"`
	Amount         decimal.Decimal `json:"amount"`
	AdditionalData event.Data      `json:"additionalData,omitempty"`
}

// prepare returns the movement that the grant asks for, or every fault of its fields.
func (g Grant) prepare(now time.Time) (movement, error) {
	m := movement{
		id: g.ID, group: g.GroupID, currency: g.CurrencyID, from: g.SourceUserID, to: g.DestinationUserID, amount: g.Amount,
		mode: cmp.Or(g.RedemptionMode, Auto), data: g.AdditionalData, receiver: "destinationUserId",
		at: now, told: !g.At.IsZero(), expiresAt: g.ExpiresAt.UTC().Truncate(time.Microsecond), now: now,
		lapsesAt: g.LapsesAt.UTC().Truncate(time.Microsecond),
	}
	if m.told {
		m.at = g.At.UTC().Truncate(time.Microsecond)
	}
	return m, errors.Join(m.prepare(), ident.Check("destinationUserId", m.to), text.Optional(ident.Check, "sourceUserId", m.from), m.checkParties(), m.mode.check(),
		m.checkTime(), m.checkExpiry(), m.checkLife())
}

// prepare returns the movement that the spending asks of a user, or every fault of its fields.
func (s Spending) prepare(userID string, now time.Time) (movement, error) {
	m := movement{
		id: s.ID, group: s.GroupID, currency: s.CurrencyID, from: userID, amount: s.Amount, mode: Auto, data: s.AdditionalData,
		receiver:      "userId",
		initiatorType: ByUser, initiator: userID, at: now, now: now,
	}
	return m, errors.Join(ident.Check("userId", userID), m.prepare())
}

// prepare checks what all movements have and brings their data into JSON's own types.
func (m *movement) prepare() error {
	var faulty error
	m.data, faulty = event.PlainData(m.data)
	return errors.Join(text.Optional(ident.Check, idField, m.id), text.Optional(ident.Check, "virtualTransactionGroupId", m.group),
		ident.Check("virtualCurrencyId", m.currency), amount.CheckPositive("amount", m.amount), faulty)
}

func (m *movement) checkParties() error {
	if m.from != "" && m.from == m.to {
		return fault.Invalid("sourceUserId", "is the destination too")
	}
	return nil
}

// checkTime refuses a moment that the caller cannot say.
func (m *movement) checkTime() error {
	switch {
	case !m.told:
		return nil
	case m.from != "":
		return fault.Invalid("at", "is for what SYSTEM gives")
	case m.mode == Manual:
		return fault.Invalid("at", "is for AUTO transactions; what is MANUAL counts when it is redeemed")
	}
	return event.CheckTime("at", m.at, m.now)
}

func (m *movement) checkExpiry() error {
	switch {
	case m.expiresAt.IsZero():
		return nil
	case m.mode != Manual:
		return fault.Invalid("expiresAt", "is for MANUAL transactions")
	case m.expiresAt.Year() > 9999:
		return fault.Invalid("expiresAt", "is after the year 9999")
	case m.id == "":
		return m.checkPassed()
	}
	return nil // one with an id may have been done in time
}

// checkLife refuses a moment of lapse that cannot be.
func (m *movement) checkLife() error {
	switch {
	case m.lapsesAt.IsZero():
		return nil
	case m.lapsesAt.Year() > 9999:
		return fault.Invalid(fieldLapsesAt, "is after the year 9999")
	case m.told && !m.lapsesAt.After(m.at):
		return fault.Invalid(fieldLapsesAt, "is not after the moment at which the grant counts")
	case m.id == "":
		return m.checkPassed()
	}
	return nil // one with an id may have been done in time
}

// checkPassed refuses a movement that could never be redeemed, or of which nothing would be left.
func (m *movement) checkPassed() error {
	switch {
	case !m.expiresAt.IsZero() && !m.expiresAt.After(m.now):
		return fault.Invalid("expiresAt", "has passed")
	case lapsed(m.lapsesAt, m.at):
		return fault.Invalid(fieldLapsesAt, "has passed")
	}
	return nil
}
