package economy

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/store"
)

// RedemptionMode says how a transaction is completed.
type RedemptionMode string

// The modes: at once, or when the user redeems it.
const (
	Auto   RedemptionMode = "AUTO"
	Manual RedemptionMode = "MANUAL"
)

func (m RedemptionMode) check() error {
	if m != Auto && m != Manual {
		return fault.Invalid("redemptionMode", "%q is none of AUTO, MANUAL", m)
	}
	return nil
}

// initial returns the state in which a transaction of the mode begins.
func (m RedemptionMode) initial() State {
	if m == Manual {
		return Pending
	}
	return Completed
}

// State says how far a transaction is.
type State string

// The states. Only PENDING ever becomes another. REJECTED is a reward that would have crossed a bound, or what was voided
// ([Transaction.VoidedAt]).
const (
	Pending   State = "PENDING"
	Completed State = "COMPLETED"
	Expired   State = "EXPIRED"
	Rejected  State = "REJECTED"
)

// Direction says whether a transaction gives or takes.
type Direction string

// The directions, as the user of the transaction sees them.
const (
	Credit Direction = "CREDIT"
	Debit  Direction = "DEBIT"
)

// Opposite returns the other direction, in which a transaction is taken back.
func (d Direction) Opposite() Direction {
	if d == Credit {
		return Debit
	}
	return Credit
}

// InitiatorType says who wanted a transaction.
type InitiatorType string

// The initiators.
const (
	ByUser       InitiatorType = "USER"
	ByRewardRule InitiatorType = "REWARD_RULE"
	ByStreakRule InitiatorType = "STREAK_RULE"
	BySystem     InitiatorType = "SYSTEM"
	ByAdmin      InitiatorType = "ADMIN"
	// ByReversal is of what takes back another transaction, whoever wanted that: it is neither earned nor paid.
	ByReversal InitiatorType = "REVERSAL"
	// ByLapse is of what lapses ([Life]): it is neither earned nor paid, and cannot be reversed.
	ByLapse InitiatorType = "LAPSE"
)

// PartyType says what is on the other side of a transaction.
type PartyType string

// The parties.
const (
	PartyUser   PartyType = "USER"
	PartySystem PartyType = "SYSTEM"
)

// A Transaction is one side of a movement: what it does to one user's balance.
type Transaction struct {
	// ID is the caller's, generated, or derived from the event that was paid for, its rule and the
	// reward's place.
	ID string `json:"virtualTransactionId"`
	// GroupID is what the transactions of one movement share: the caller's, or for rewards the id of the event
	// that was paid for. Where another event caused that one, the journal has it in the entry of its cause.
	GroupID string `json:"virtualTransactionGroupId"`
	// RedemptionGroupID is what the transactions that are redeemed together share; only with MANUAL.
	RedemptionGroupID string         `json:"redemptionGroupId,omitempty"`
	UserID            string         `json:"userId"`
	CurrencyID        string         `json:"virtualCurrencyId"`
	RedemptionMode    RedemptionMode `json:"redemptionMode"`
	State             State          `json:"state"`
	Direction         Direction      `json:"direction"`
	// Amount is more than 0 in both directions.
	Amount decimal.Decimal `json:"amount"`
	// BaseAmount is what the rule pays without boosts, and Boosts what each of those that applied has added, in their order: together what was to be paid, of which
	// Amount is what the rule's limits and the bounds let. If none applied, there is neither.
	BaseAmount decimal.Decimal `json:"baseAmount,omitzero"`
	Boosts     []Boosted       `json:"boosts,omitempty"`
	// HeldAmount is what was held, of a [Hold]: Amount is what was captured of it, and the same before.
	HeldAmount    decimal.Decimal `json:"heldAmount,omitzero"`
	InitiatorType InitiatorType   `json:"initiatorType"`
	// Initiator is a user's id, "rewardRuleId#" or "streakRuleId#" and a rule's, or the id of who acted as an admin, ADMIN
	// where that is not known. A reversal has that of who took back: an admin, or the rule whose charge a refund gives back.
	Initiator       string    `json:"initiator"`
	CounterpartType PartyType `json:"counterpartType"`
	// Counterpart is a user's id, or SYSTEM.
	Counterpart string `json:"counterpart"`
	// CounterpartTransactionID is the other user's side of a transfer.
	CounterpartTransactionID string `json:"counterpartTransactionId,omitempty"`
	// ReversedTransactionID is the transaction that this one takes back, or takes a part of.
	ReversedTransactionID string `json:"reversedTransactionId,omitempty"`
	// ReversedInitiatorType says who wanted that transaction. What took something back before this was kept does not say so.
	ReversedInitiatorType InitiatorType `json:"reversedInitiatorType,omitempty"`
	// ReversedAmount is how much of the transaction was taken back by others: all of it once that is Amount. What was taken back before
	// this was kept does not say so, and cannot be taken back again nevertheless.
	ReversedAmount decimal.Decimal `json:"reversedAmount,omitzero"`
	// Reason says why: of a reversal, why it takes back; of what was voided or released, why it was. It may be empty.
	Reason string `json:"reason,omitempty"`
	// RuleVersion is the version of the rule that initiated it.
	RuleVersion    int        `json:"ruleVersion,omitempty"`
	AdditionalData event.Data `json:"additionalData,omitempty"`
	// At is when it happened: for a reward, when what it is for happened.
	At        time.Time `json:"at"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// LapsesAt is when what is left then of a credit lapses, zero for never. A credit that is not redeemed by then has expired.
	LapsesAt   time.Time `json:"lapsesAt,omitzero"`
	RedeemedAt time.Time `json:"redeemedAt,omitzero"`
	// HeldForReview says that the rule let somebody look at it before it is paid ([Reward.ReviewCondition]). It waits while it is PENDING and was not
	// released; ReleasedAt and ReleasedBy are when it was, and by whom: who acted as an admin, ADMIN where that is not known.
	HeldForReview bool      `json:"heldForReview,omitempty"`
	ReleasedAt    time.Time `json:"releasedAt,omitzero"`
	ReleasedBy    string    `json:"releasedBy,omitempty"`
	// VoidedAt and VoidedBy are when it was voided, and by whom: the sender, or who acted as an admin, ADMIN where that is not
	// known. It is REJECTED since.
	VoidedAt  time.Time `json:"voidedAt,omitzero"`
	VoidedBy  string    `json:"voidedBy,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// pendingUntil returns when a transaction that can expire does, otherwise the absent value.
func pendingUntil(t *Transaction) store.Value {
	if t.State != Pending {
		return store.Value{}
	}
	return store.Time(t.ExpiresAt)
}

// The indexes of what can expire and of what is held for review hold almost no rows, and cost the others nothing. The columns of no index are for
// hosts that join.
var transactions = store.Define("transactions", func(t *Transaction) string { return t.ID },
	[]store.Field[Transaction]{
		{Name: "user_id", Kind: store.KindText, Of: func(t *Transaction) store.Value { return store.Text(t.UserID) }},
		{Name: "at", Kind: store.KindInt, Of: func(t *Transaction) store.Value { return store.Time(t.At) }},
		{Name: "pending_until", Kind: store.KindInt, Of: pendingUntil},
		{Name: "virtual_currency_id", Kind: store.KindText, Of: func(t *Transaction) store.Value { return store.Text(t.CurrencyID) }},
		{Name: "state", Kind: store.KindText, Of: func(t *Transaction) store.Value { return store.Text(string(t.State)) }},
		{Name: "micros", Kind: store.KindInt, Of: signed},
		{Name: "held_since", Kind: store.KindInt, Of: heldSince},
	},
	store.Index{Name: "user", Columns: []string{"user_id", "at"}},
	store.Index{Name: "pending", Columns: []string{"user_id", "pending_until"}},
	store.Index{Name: "expiring", Columns: []string{"pending_until"}},
	store.Index{Name: "held", Columns: []string{"held_since"}},
).Packed().Version(7)

// signed returns the amount in millionths, less than 0 if it is a debit.
func signed(t *Transaction) store.Value {
	n, err := t.micros()
	switch {
	case err != nil:
		return store.Value{} // is refused before it is kept
	case t.Direction == Debit:
		n = -n
	}
	return store.Int(n)
}

// micros returns the amount in millionths.
func (t *Transaction) micros() (int64, error) { return amount.Micros("amount", t.Amount) }

// due tells whether a pending transaction has expired.
func (t *Transaction) due(now time.Time) bool {
	return t.State == Pending && !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// seen returns the transaction as it is at a moment, marked or not.
func (t Transaction) seen(now time.Time) Transaction {
	if t.due(now) {
		t.State, t.UpdatedAt = Expired, t.ExpiresAt
	}
	return t
}

// movedAt returns when what the transaction is now came about.
func (t *Transaction) movedAt() time.Time {
	switch {
	case t.State == Expired:
		return t.ExpiresAt
	case !t.VoidedAt.IsZero():
		return t.VoidedAt
	case !t.RedeemedAt.IsZero():
		return t.RedeemedAt
	case t.State == Completed && !t.ReleasedAt.IsZero():
		return t.ReleasedAt
	}
	return t.At
}

// refused tells whether the transaction was rejected when it was made: what was voided since had been paid until then.
func (t *Transaction) refused() bool { return t.State == Rejected && t.VoidedAt.IsZero() }

// decided tells whether somebody has redeemed the transaction, captured, released or voided it.
func (t *Transaction) decided() bool {
	return !t.RedeemedAt.IsZero() || !t.ReleasedAt.IsZero() || !t.VoidedAt.IsZero()
}

// moved is what the transaction moves, and when.
func (t *Transaction) moved() string {
	return fmt.Sprint(t.Amount, t.Direction, t.State, t.At, t.movedAt(), t.RuleVersion)
}

// completion is the event of a transaction that has been completed.
func (t *Transaction) completion() event.Event { return t.told("completed", t.movedAt()) }

// expiry is the event of a transaction that has expired.
func (t *Transaction) expiry() event.Event { return t.told("expired", t.ExpiresAt) }

// voiding is the event of a transaction that was voided.
func (t *Transaction) voiding() event.Event { return t.told("voided", t.VoidedAt) }

// told is the event of what became of the transaction at a moment.
func (t *Transaction) told(what string, at time.Time) event.Event {
	e := event.Event{
		ID: t.ID + ":" + what, Type: event.VirtualTransaction, EntityID: t.CurrencyID, UserID: t.UserID, At: at,
		Value: new(t.Amount), Data: t.AdditionalData,
		Fields: map[string]any{
			"virtualTransactionId": t.ID, "virtualTransactionGroupId": t.GroupID, "virtualCurrencyId": t.CurrencyID,
			"amount": amount.JSON(t.Amount), "direction": string(t.Direction), "state": string(t.State),
			"redemptionMode": string(t.RedemptionMode), "initiatorType": string(t.InitiatorType), "initiator": t.Initiator,
			"counterpartType": string(t.CounterpartType), "counterpart": t.Counterpart,
		},
	}
	if t.ReversedTransactionID != "" {
		e.Fields["reversalOf"] = t.ReversedTransactionID
		if t.ReversedInitiatorType != "" {
			e.Fields["reversedInitiatorType"] = string(t.ReversedInitiatorType)
		}
	}
	if !t.LapsesAt.IsZero() {
		e.Fields[fieldLapsesAt] = t.LapsesAt.Format(time.RFC3339Nano)
	}
	return e
}

// movement is what is needed to make the transactions of a movement.
type movement struct {
	id, group, currency string
	from, to            string // users; empty means SYSTEM
	amount              decimal.Decimal
	mode                RedemptionMode
	initiatorType       InitiatorType
	initiator           string
	ruleVersion         int
	data                event.Data
	reason              string
	at, expiresAt, now  time.Time
	lapsesAt            time.Time // of the credit
	told                bool      // the caller has said when it happened
	held                bool      // it is a hold
	receiver            string    // the field in which the caller names whose the transaction of the id is
}

// debitSuffix follows the id of a transfer in that of its debit.
const debitSuffix = ":debit"

// rows returns the movement's transactions: a user's side, or of a transfer the debit and the credit.
func (m movement) rows() []Transaction {
	t := Transaction{
		ID: m.id, GroupID: m.group, CurrencyID: m.currency, RedemptionMode: m.mode, State: m.mode.initial(), Amount: m.amount,
		InitiatorType: m.initiatorType, Initiator: m.initiator, RuleVersion: m.ruleVersion, AdditionalData: m.data,
		Reason: m.reason, At: m.at, ExpiresAt: m.expiresAt, CreatedAt: m.now, UpdatedAt: m.now,
	}
	if m.mode == Manual {
		t.RedemptionGroupID = m.id
		if t.ExpiresAt.IsZero() || !m.lapsesAt.IsZero() && m.lapsesAt.Before(t.ExpiresAt) {
			t.ExpiresAt = m.lapsesAt
		}
	}
	if m.held {
		t.HeldAmount = m.amount
	}
	debit, credit := t, t
	debit.Direction, debit.UserID = Debit, m.from
	credit.Direction, credit.UserID = Credit, m.to
	credit.LapsesAt = m.lapsesAt
	debit.CounterpartType, debit.Counterpart = party(m.to)
	credit.CounterpartType, credit.Counterpart = party(m.from)
	switch {
	case m.from == "":
		return []Transaction{credit}
	case m.to == "":
		return []Transaction{debit}
	}
	debit.ID += debitSuffix
	debit.CounterpartTransactionID, credit.CounterpartTransactionID = credit.ID, debit.ID
	return []Transaction{debit, credit}
}

func party(userID string) (PartyType, string) {
	if userID == "" {
		return PartySystem, string(PartySystem)
	}
	return PartyUser, userID
}
