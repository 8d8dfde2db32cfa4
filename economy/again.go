package economy

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// done returns the transactions of a movement that was done before, as they were made, and none of one that is new: the caller
// names it. An id that something else has is [fault.ErrConflict], of the fields that differ.
func (m *movement) done(ctx context.Context, tx *session.Tx) ([]Transaction, error) {
	if m.id == "" {
		return nil, nil
	}
	t, there, err := transactions.Get(ctx, tx, m.id)
	if err != nil || !there {
		return nil, err
	}
	rows := m.rows()
	want := &rows[len(rows)-1]
	if !m.told { // it happened when it was done first
		want.At = t.At
	}
	kept := t.made()
	for _, id := range []*string{&kept.UserID, &kept.Initiator, &kept.Counterpart} { // who was given up since is who stays
		if *id, err = tenancy.Standing(ctx, tx, *id); err != nil {
			return nil, err
		}
	}
	if err := kept.same(want, m.receiver); err != nil {
		return nil, err
	}
	rows, err = movementOf(ctx, tx, t)
	for i := range rows {
		rows[i] = rows[i].made()
	}
	return rows, err
}

// made returns the transaction as it was made, whatever has become of it.
func (t Transaction) made() Transaction {
	t.State, t.RedeemedAt, t.UpdatedAt = t.RedemptionMode.initial(), time.Time{}, t.CreatedAt
	t.ReversedAmount = decimal.Decimal{}
	if t.hold() {
		t.Amount = t.HeldAmount
	}
	if !t.VoidedAt.IsZero() {
		t.VoidedAt, t.VoidedBy, t.Reason = time.Time{}, "", ""
	}
	return t
}

// same returns an error unless what is kept of a transaction is what would be kept of one that is asked for under its id. Who
// asks makes no difference to a grant. userField is how the caller calls the user. What is another user's stays that user's secret.
func (t *Transaction) same(want *Transaction, userField string) error {
	switch {
	case t.ReversedTransactionID != "":
		return fault.Conflict(idField, "%q takes back another transaction", t.ID)
	case t.InitiatorType != want.InitiatorType || t.Direction != want.Direction:
		return fault.Conflict(idField, "%q is a %s by %s", t.ID, t.Direction, t.InitiatorType)
	case t.hold() && !want.hold():
		return fault.Conflict(idField, "%q is a hold", t.ID)
	case want.hold() && !t.hold():
		return fault.Conflict(idField, "%q is no hold", t.ID)
	case t.UserID != want.UserID:
		return fault.Conflict(userField, "%q is another user's", t.ID)
	case t.InitiatorType == ByUser && t.Initiator != want.Initiator:
		return fault.Conflict("sourceUserId", "%q is another user's", t.ID)
	}
	differs := func(field string, same bool) error {
		if same {
			return nil
		}
		return fault.Conflict(field, "is another than that of %q", t.ID)
	}
	return errors.Join(
		differs("sourceUserId", t.CounterpartType == want.CounterpartType && t.Counterpart == want.Counterpart),
		differs("virtualCurrencyId", t.CurrencyID == want.CurrencyID),
		differs("amount", t.Amount.Equal(want.Amount)),
		differs("redemptionMode", t.RedemptionMode == want.RedemptionMode),
		differs("at", t.At.Equal(want.At)),
		differs("expiresAt", t.ExpiresAt.Equal(want.ExpiresAt) || t.ExpiresAt.Equal(t.LapsesAt) && (want.ExpiresAt.IsZero() || want.ExpiresAt.After(t.LapsesAt))),
		differs(fieldLapsesAt, want.LapsesAt.IsZero() || t.LapsesAt.Equal(want.LapsesAt)),
		differs("virtualTransactionGroupId", t.GroupID == want.GroupID),
		differs("additionalData", t.AdditionalData.Same(want.AdditionalData)),
	)
}
