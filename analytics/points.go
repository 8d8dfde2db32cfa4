package analytics

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
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

// whatever stands for every currency or source: no id is that.
const whatever = "*"

// pointUser is what a user has got of a currency by a source, and paid. There is none of who is erased.
type pointUser struct {
	UserID     string          `json:"userId"`
	CurrencyID string          `json:"virtualCurrencyId"` // or whatever
	Source     string          `json:"source"`            // or whatever
	Issued     decimal.Decimal `json:"issued"`
	Spent      decimal.Decimal `json:"spent"`
	Awards     int64           `json:"awards"`
	Payments   int64           `json:"payments"`
}

func (u *pointUser) key() string { return u.UserID + "/" + u.CurrencyID + "/" + u.Source }

func (u *pointUser) plus(o *pointUser) {
	u.Issued, u.Spent = u.Issued.Add(o.Issued), u.Spent.Add(o.Spent)
	u.Awards += o.Awards
	u.Payments += o.Payments
}

// ranked returns an amount for an index, nothing if there was none.
func ranked(d decimal.Decimal, times int64) store.Value {
	if times == 0 {
		return store.Value{}
	}
	n, err := amount.Micros("", d)
	if err != nil { // a sum may be more than an amount
		n = math.MaxInt64
	}
	return store.Int(n)
}

var pointUsers = store.Define("analytics_point_users", (*pointUser).key,
	[]store.Field[pointUser]{
		{Name: "of", Kind: store.KindText, Of: func(u *pointUser) store.Value { return store.Text(u.CurrencyID + "/" + u.Source) }},
		{Name: "issued", Kind: store.KindInt, Of: func(u *pointUser) store.Value { return ranked(u.Issued, u.Awards) }},
		{Name: "spent", Kind: store.KindInt, Of: func(u *pointUser) store.Value { return ranked(u.Spent, u.Payments) }},
	},
	store.Index{Name: "issued", Columns: []string{"of", "issued"}},
	store.Index{Name: "spent", Columns: []string{"of", "spent"}},
)

// countOwner adds a transaction to what its user has got and paid, or takes it out.
func countOwner(sums map[string]*pointUser, t *transaction, n int64) {
	for _, of := range [][2]string{{t.CurrencyID, t.Source}, {t.CurrencyID, whatever}, {whatever, whatever}} {
		u := &pointUser{UserID: t.UserID, CurrencyID: of[0], Source: of[1]}
		if moved := t.Amount.Mul(decimal.NewFromInt(n)); t.Amount.IsNegative() {
			u.Spent, u.Payments = moved.Neg(), n
		} else {
			u.Issued, u.Awards = moved, n
		}
		if sum := sums[u.key()]; sum != nil {
			sum.plus(u)
		} else {
			sums[u.key()] = u
		}
	}
}

// pointDay is what a source gave of a currency, and took of it, on a day.
type pointDay struct {
	Day        timeframe.Day   `json:"day"`
	CurrencyID string          `json:"virtualCurrencyId"`
	Source     string          `json:"source"`
	Issued     decimal.Decimal `json:"issued"`
	Spent      decimal.Decimal `json:"spent"`
	Count      int64           `json:"count"`
	Awards     int64           `json:"awards"` // how many of them gave
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
	if ev.Type != event.VirtualTransaction || textOf(ev, "state") != string(economy.Completed) || textOf(ev, "counterpartType") != string(economy.PartySystem) {
		return
	}
	source := textOf(ev, "initiator")
	if !strings.HasPrefix(source, rewardSource) && !strings.HasPrefix(source, streakSource) {
		source = textOf(ev, "initiatorType")
	}
	id := textOf(ev, "virtualTransactionId")
	d.transactions[transactionKey(ev.UserID, id)] = newTransaction(id, ev.UserID, ev.EntityID, source,
		economy.Direction(textOf(ev, "direction")), *ev.Value, timeframe.DayOf(ev.At, zone))
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
	sums, owners := map[string]*pointDay{}, map[string]*pointUser{}
	move := func(t *transaction, n int64) {
		countPoints(sums, t, n)
		countOwner(owners, t, n)
		if !t.Amount.IsNegative() {
			d.tally.mark(earning, t.UserID, t.On, n)
			d.tally.mark(earning.of(t.CurrencyID), t.UserID, t.On, n)
		}
	}
	for i := range known {
		move(&known[i], -1)
	}
	var now []transaction
	var gone []string
	for _, key := range keys {
		if t := d.transactions[key]; t != nil {
			move(t, 1)
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
	if err := addTo(ctx, tx, pointDays, sums, (*pointDay).plus, (*pointDay).key); err != nil {
		return err
	}
	return addTo(ctx, tx, pointUsers, owners, (*pointUser).plus, (*pointUser).key)
}

func (d *pointDay) plus(o *pointDay) {
	d.Issued, d.Spent, d.Count = d.Issued.Add(o.Issued), d.Spent.Add(o.Spent), d.Count+o.Count
	d.Awards += o.Awards
}

// countPoints adds a transaction to its day, or takes it out.
func countPoints(sums map[string]*pointDay, t *transaction, n int64) {
	d := pointDay{Day: t.On, CurrencyID: t.CurrencyID, Source: t.Source, Count: n}
	if moved := t.Amount.Mul(decimal.NewFromInt(n)); t.Amount.IsNegative() {
		d.Spent = moved.Neg()
	} else {
		d.Issued, d.Awards = moved, n
	}
	if sum := sums[d.key()]; sum != nil {
		sum.plus(&d)
	} else {
		sums[d.key()] = &d
	}
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

// PointUsers are a page of a list of who has got or paid most. Who is suspended or erased is in none.
type PointUsers struct {
	AsOf

	Users []PointUser `json:"users"`
	// NextToken is that of the next page, "" if there is none.
	NextToken string `json:"nextToken,omitempty"`
}

// A PointUser is how much a user has got from SYSTEM and paid to it so far.
type PointUser struct {
	UserID string          `json:"userId"`
	Issued decimal.Decimal `json:"issued"`
	Spent  decimal.Decimal `json:"spent"`
	// Awards is by how many transactions the user got something, Payments by how many the user paid.
	Awards   int64 `json:"awards"`
	Payments int64 `json:"payments"`
}

// Earners returns who has got most of a currency so far by a source, such as "rewardRuleId#first-run"; without a source, by all, and without
// either, of all currencies added up. It returns [fault.ErrInvalid] for an id, a limit or a token that is none, and for a source without a
// currency. What somebody got in a range is no list, as its order would change with each day that passes.
func (r Reader) Earners(ctx context.Context, currencyID, source string, page store.Page) (PointUsers, error) {
	return r.pointUsers(ctx, "issued", currencyID, source, page)
}

// Spenders is [Reader.Earners] of those who have paid.
func (r Reader) Spenders(ctx context.Context, currencyID, source string, page store.Page) (PointUsers, error) {
	return r.pointUsers(ctx, "spent", currencyID, source, page)
}

func (r Reader) pointUsers(ctx context.Context, index, currencyID, source string, page store.Page) (out PointUsers, err error) {
	of, err := owned(currencyID, source)
	if err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		found, next, err := shown(ctx, tx, pointUsers, store.By(index, of), page, func(u *pointUser) string { return u.UserID })
		out = PointUsers{AsOf: at.asOf(), Users: make([]PointUser, len(found)), NextToken: next}
		for i := range found {
			out.Users[i] = found[i].public()
		}
		return err
	})
	return out, err
}

func (u *pointUser) public() PointUser {
	return PointUser{u.UserID, u.Issued, u.Spent, u.Awards, u.Payments}
}

// owned returns the value of an index for a currency and a source.
func owned(currencyID, source string) (store.Value, error) {
	if currencyID == "" && source != "" {
		return store.Value{}, fault.Invalid("virtualCurrencyId", "is missing, whose source is %.20q", source)
	}
	of := cmp.Or(currencyID, whatever) + "/" + cmp.Or(source, whatever)
	if strings.ContainsRune(of, 0) {
		return store.Value{}, fault.Invalid("virtualCurrencyId", "is no id")
	}
	return store.Text(of), nil
}

// An Economy is what users got from SYSTEM in a range.
type Economy struct {
	AsOf

	Summary EconomySummary `json:"summary"`
	// PointsOverTime has each day of the range.
	PointsOverTime []DayOfPoints `json:"pointsOverTime"`
	// TopEarners are the ten who have got most so far, whenever.
	TopEarners []Earner `json:"topEarners"`
}

// An EconomySummary says how much that was, by how many transactions, and how many users got something. The average has six places at most.
type EconomySummary struct {
	TotalTransactions       int64           `json:"totalTransactions"`
	Users                   int64           `json:"users"`
	TotalPointsAwarded      decimal.Decimal `json:"totalPointsAwarded"`
	AvgPointsPerTransaction decimal.Decimal `json:"avgPointsPerTransaction"`
}

// A DayOfPoints is what users got on a day.
type DayOfPoints struct {
	Day          timeframe.Day   `json:"date"`
	Transactions int64           `json:"transactions"`
	Points       decimal.Decimal `json:"points"`
}

// An Earner is how much a user has got so far.
type Earner struct {
	UserID       string          `json:"userId"`
	TotalEarned  decimal.Decimal `json:"totalEarned"`
	Transactions int64           `json:"transactions"`
}

// top is how many there are in a list of the first.
const top = 10

// Economy returns what users got of a currency in a range, or of all added up with "", as [Reader.Points] counts it. Who is suspended or
// erased since stays counted, and is not among the top.
func (r Reader) Economy(ctx context.Context, currencyID string, in Range) (out Economy, err error) {
	of, err := owned(currencyID, "")
	if err = errors.Join(err, in.Validate()); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		out = Economy{AsOf: at.asOf(), TopEarners: []Earner{}}
		if out.Summary, out.PointsOverTime, err = awarded(ctx, tx, currencyID, in); err != nil {
			return err
		}
		first, _, err := shown(ctx, tx, pointUsers, store.By("issued", of), store.Page{Limit: top}, func(u *pointUser) string { return u.UserID })
		for _, u := range first {
			out.TopEarners = append(out.TopEarners, Earner{u.UserID, u.Issued, u.Awards})
		}
		return err
	})
	return out, err
}

// awarded returns what users got of a currency, or of all, on the days of a range.
func awarded(ctx context.Context, tx store.Tx, currencyID string, in Range) (sum EconomySummary, series []DayOfPoints, err error) {
	rows, err := pointDays.List(ctx, tx, in.prefixed())
	if err != nil {
		return sum, nil, err
	}
	series = make([]DayOfPoints, in.To.Sub(in.From)+1)
	for i := range series {
		series[i].Day = in.From.Add(i)
	}
	for _, d := range rows {
		if currencyID != "" && d.CurrencyID != currencyID {
			continue
		}
		on := &series[d.Day.Sub(in.From)]
		on.Transactions += d.Awards
		on.Points = on.Points.Add(d.Issued)
		sum.TotalTransactions += d.Awards
		sum.TotalPointsAwarded = sum.TotalPointsAwarded.Add(d.Issued)
	}
	if sum.TotalTransactions > 0 {
		sum.AvgPointsPerTransaction = sum.TotalPointsAwarded.DivRound(decimal.NewFromInt(sum.TotalTransactions), amount.Places)
	}
	of := earning
	if currencyID != "" {
		of = earning.of(currencyID)
	}
	got, err := during(ctx, tx, of, in)
	sum.Users = got.users
	return sum, series, err
}
