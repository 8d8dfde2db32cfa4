package analytics

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// transaction is where a completed transaction between a user and SYSTEM is counted, so that it can be counted elsewhere. There is none of a user who is erased.
type transaction struct {
	ID         string          `json:"virtualTransactionId"`
	UserID     string          `json:"userId"`
	CurrencyID string          `json:"virtualCurrencyId"`
	Source     string          `json:"source"`
	On         timeframe.Day   `json:"on"`
	Amount     decimal.Decimal `json:"amount"` // less than 0 if it was spent
}

func transactionKey(userID, id string) string { return userID + "/" + id }

func (t *transaction) key() string { return transactionKey(t.UserID, t.ID) }

var transactionRows = store.Define("analytics_transactions", (*transaction).key, nil).Packed()

// pointDay is what a source gave of a currency, and took of it, on a day.
type pointDay struct {
	Day        timeframe.Day   `json:"day"`
	CurrencyID string          `json:"virtualCurrencyId"`
	Source     string          `json:"source"`
	Issued     decimal.Decimal `json:"issued"`
	Spent      decimal.Decimal `json:"spent"`
	Count      int64           `json:"count"`
}

func (d *pointDay) key() string { return d.Day.String() + "/" + d.CurrencyID + "/" + d.Source }

var pointDays = store.Define("analytics_point_days", (*pointDay).key, nil)

// The sources of what rules give and take; other sources are the initiator's type.
const (
	rewardSource = "rewardRuleId#"
	streakSource = "streakRuleId#"
)

// book takes in what an entry says of transactions: those that were completed because of it, and what a late event changed of others; nil is one that is
// not there.
func (d *delta) book(e *guerdon.Entry, zone *time.Location) {
	d.complete(&e.Event, zone)
	for i := range e.Caused {
		d.complete(&e.Caused[i], zone)
	}
	for _, c := range e.Outcome.Transactions {
		if c.At.IsZero() { // it was paid because of the entry
			continue
		}
		key := transactionKey(c.UserID, c.TransactionID)
		if d.transactions[key] = nil; c.Undone || c.State != economy.Completed {
			continue
		}
		source := rewardSource + c.RewardRuleID
		if c.StreakRuleID != "" {
			source = streakSource + c.StreakRuleID
		}
		d.transactions[key] = newTransaction(c.TransactionID, c.UserID, c.CurrencyID, source, c.Direction, c.Amount, timeframe.DayOf(c.At, zone))
	}
}

// complete takes in the event of a transaction that was completed.
func (d *delta) complete(ev *event.Event, zone *time.Location) {
	text := func(field string) string {
		s, _ := ev.Fields[field].(string)
		return s
	}
	if ev.Type != event.VirtualTransaction || text("state") != string(economy.Completed) || text("counterpartType") != string(economy.PartySystem) {
		return
	}
	source := text("initiator")
	if !strings.HasPrefix(source, rewardSource) && !strings.HasPrefix(source, streakSource) {
		source = text("initiatorType")
	}
	id := text("virtualTransactionId")
	d.transactions[transactionKey(ev.UserID, id)] = newTransaction(id, ev.UserID, ev.EntityID, source,
		economy.Direction(text("direction")), *ev.Value, timeframe.DayOf(ev.At, zone))
}

func newTransaction(id, userID, currencyID, source string, way economy.Direction, n decimal.Decimal, on timeframe.Day) *transaction {
	if way == economy.Debit {
		n = n.Neg()
	}
	return &transaction{id, userID, currencyID, source, on, n}
}

// applyTransactions counts transactions where they are since.
func (d *delta) applyTransactions(ctx context.Context, tx store.Tx) error {
	keys := slices.Sorted(maps.Keys(d.transactions))
	known, err := transactionRows.GetMany(ctx, tx, keys...)
	if err != nil {
		return err
	}
	sums := map[string]*pointDay{}
	for i := range known {
		countPoints(sums, &known[i], -1)
	}
	var now []transaction
	var gone []string
	for _, key := range keys {
		if t := d.transactions[key]; t != nil {
			countPoints(sums, t, 1)
			now = append(now, *t)
		} else {
			gone = append(gone, key)
		}
	}
	if err := transactionRows.Put(ctx, tx, now...); err != nil {
		return err
	}
	if err := transactionRows.Delete(ctx, tx, gone...); err != nil {
		return err
	}
	before, err := pointDays.GetMany(ctx, tx, slices.Sorted(maps.Keys(sums))...)
	if err != nil {
		return err
	}
	for i := range before {
		sums[before[i].key()].plus(&before[i])
	}
	return pointDays.Put(ctx, tx, values(sums)...)
}

func (d *pointDay) plus(o *pointDay) {
	d.Issued, d.Spent, d.Count = d.Issued.Add(o.Issued), d.Spent.Add(o.Spent), d.Count+o.Count
}

// countPoints adds a transaction to its day, or takes it out.
func countPoints(sums map[string]*pointDay, t *transaction, n int64) {
	d := pointDay{Day: t.On, CurrencyID: t.CurrencyID, Source: t.Source, Count: n}
	if amount := t.Amount.Mul(decimal.NewFromInt(n)); t.Amount.IsNegative() {
		d.Spent = amount.Neg()
	} else {
		d.Issued = amount
	}
	if sum := sums[d.key()]; sum != nil {
		sum.plus(&d)
	} else {
		sums[d.key()] = &d
	}
}

// forgetTransactions removes the rows of who is erased; what they are counted in stays.
func forgetTransactions(ctx context.Context, tx store.Tx, userID string) error {
	own, err := transactionRows.List(ctx, tx, store.Prefix(transactionKey(userID, "")))
	keys := make([]string, len(own))
	for i := range own {
		keys[i] = own[i].key()
	}
	if err != nil {
		return err
	}
	return transactionRows.Delete(ctx, tx, keys...)
}

// Points is what was issued and spent.
type Points struct {
	AsOf

	Points []PointCount `json:"points"`
}

// A PointCount is how much of a currency a source gave to users, and took from them.
type PointCount struct {
	CurrencyID string `json:"virtualCurrencyId"`
	// Source is "rewardRuleId#" or "streakRuleId#" and a rule's id, or the initiator's type: ADMIN, USER, SYSTEM.
	Source string `json:"source"`
	// Issued and Spent are what users got and paid, Transactions how many there were.
	Issued       decimal.Decimal `json:"issued"`
	Spent        decimal.Decimal `json:"spent"`
	Transactions int64           `json:"transactions"`
}

// Points returns, for each currency and source in the order of their ids, how much users got from SYSTEM and paid to it on the days of a
// range, by transactions that were completed then. Transfers between users are neither. What is reversed counts on the day of its reversal, the other way round; what does
// not follow after all, because something came late, is not counted.
func (r Reader) Points(ctx context.Context, in Range) (out Points, err error) {
	err = r.points(ctx, in, func(at *state, all []pointDay) {
		sums := map[string]*pointDay{}
		for _, d := range all {
			key := d.CurrencyID + "/" + d.Source
			if sums[key] == nil {
				sums[key] = &pointDay{CurrencyID: d.CurrencyID, Source: d.Source}
			}
			sums[key].plus(&d)
		}
		out = Points{AsOf: at.asOf(), Points: []PointCount{}}
		for _, d := range values(sums) {
			if d.Count > 0 {
				out.Points = append(out.Points, PointCount{d.CurrencyID, d.Source, d.Issued, d.Spent, d.Count})
			}
		}
	})
	return out, err
}

// PointSeries is what was issued and spent of a currency on each day of a range.
type PointSeries struct {
	AsOf

	Days []PointDay `json:"days"`
}

// A PointDay is what was issued and spent of a currency on a day.
type PointDay struct {
	Day          timeframe.Day   `json:"date"`
	Issued       decimal.Decimal `json:"issued"`
	Spent        decimal.Decimal `json:"spent"`
	Transactions int64           `json:"transactions"`
}

// PointSeries returns what [Reader.Points] does of one currency and all sources, for each day of a range, days without anything included.
func (r Reader) PointSeries(ctx context.Context, currencyID string, in Range) (out PointSeries, err error) {
	err = r.points(ctx, in, func(at *state, all []pointDay) {
		sums := make([]pointDay, in.To.Sub(in.From)+1)
		for _, d := range all {
			if d.CurrencyID == currencyID {
				sums[d.Day.Sub(in.From)].plus(&d)
			}
		}
		out = PointSeries{AsOf: at.asOf(), Days: make([]PointDay, len(sums))}
		for i, d := range sums {
			out.Days[i] = PointDay{in.From.Add(i), d.Issued, d.Spent, d.Count}
		}
	})
	return out, err
}

// points calls fn with what was issued and spent in a range.
func (r Reader) points(ctx context.Context, in Range, fn func(*state, []pointDay)) error {
	if err := in.Validate(); err != nil {
		return err
	}
	return r.view(ctx, func(tx store.Tx, at *state) error {
		all, err := pointDays.List(ctx, tx, in.prefixed())
		if err == nil {
			fn(at, all)
		}
		return err
	})
}
