package analytics

import (
	"cmp"
	"context"
	"maps"
	"math"
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

// whatever stands for every source: no id is that.
const whatever = "*"

// purse is what was got from SYSTEM and paid to it, and by how many transactions.
type purse struct {
	Issued   decimal.Decimal `json:"issued"`
	Spent    decimal.Decimal `json:"spent"`
	Awards   int64           `json:"awards,omitempty"`
	Payments int64           `json:"payments,omitempty"`
}

func (p *purse) none() bool {
	return p.Issued.IsZero() && p.Spent.IsZero() && p.Awards == 0 && p.Payments == 0
}

func (p *purse) plus(o *purse) {
	if !o.Issued.IsZero() { // most are
		p.Issued = p.Issued.Add(o.Issued)
	}
	if !o.Spent.IsZero() {
		p.Spent = p.Spent.Add(o.Spent)
	}
	p.Awards += o.Awards
	p.Payments += o.Payments
}

// times returns how many transactions there were.
func (p *purse) times() int64 { return p.Awards + p.Payments }

func (p *purse) count(currencyID, source string) PointCount {
	return PointCount{currencyID, source, p.Issued, p.Spent, p.times()}
}

func (p *purse) of(userID string) PointUser {
	return PointUser{userID, p.Issued, p.Spent, p.Awards, p.Payments}
}

// purseOf returns the purse of an amount, which is paid if it is less than 0, or what takes it out of one again.
func purseOf(moved decimal.Decimal, out bool) purse {
	n, paid := int64(1), moved.IsNegative()
	if out {
		n, moved = -1, moved.Neg()
	}
	if paid {
		return purse{Spent: moved.Neg(), Payments: n}
	}
	return purse{Issued: moved, Awards: n}
}

// pointUser is what a user has got of a currency by a source, and paid. There is none of who is erased.
type pointUser struct {
	UserID     string `json:"userId"`
	CurrencyID string `json:"virtualCurrencyId"`
	Source     string `json:"source"` // or whatever
	Points     purse  `json:"points"`
}

func (u *pointUser) key() string { return u.UserID + "/" + u.CurrencyID + "/" + u.Source }

func (u *pointUser) none() bool { return u.Points.none() }

func (u *pointUser) plus(o *pointUser) { u.Points.plus(&o.Points) }

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
		{Name: "issued", Kind: store.KindInt, Of: func(u *pointUser) store.Value { return ranked(u.Points.Issued, u.Points.Awards) }},
		{Name: "spent", Kind: store.KindInt, Of: func(u *pointUser) store.Value { return ranked(u.Points.Spent, u.Points.Payments) }},
	},
	store.Index{Name: "issued", Columns: []string{"of", "issued"}},
	store.Index{Name: "spent", Columns: []string{"of", "spent"}},
).Packed()

// pointDay is what a source gave of a currency, and took of it, on a day.
type pointDay struct {
	Day        timeframe.Day `json:"day"`
	CurrencyID string        `json:"virtualCurrencyId"`
	Source     string        `json:"source"`
	Points     purse         `json:"points"`
}

func (d *pointDay) key() string { return d.Day.String() + "/" + d.CurrencyID + "/" + d.Source }

func (d *pointDay) none() bool { return d.Points.none() }

func (d *pointDay) plus(o *pointDay) { d.Points.plus(&o.Points) }

var pointDays = store.Define("analytics_point_days", (*pointDay).key, nil)

// The sources of what rules give and take, of what takes that back, and of what lapses; other sources are the initiator's type.
const (
	rewardSource   = "rewardRuleId#"
	streakSource   = "streakRuleId#"
	reversalSource = string(economy.ByReversal)
	lapseSource    = string(economy.ByLapse)
)

// earns tells whether what has a source counts among all sources: what takes back something else, or lapses, was neither earned nor paid.
func earns(source string) bool { return source != reversalSource && source != lapseSource }

// booking is what entries say of a transaction.
type booking struct {
	userID, id string
	known      bool         // it may have been counted before
	now        *transaction // nil is not there
}

// book takes in what an entry says of transactions: those that were completed because of it, and what a late event changed of others.
func (d *delta) book(e *guerdon.Entry, zone *time.Location) {
	d.complete(e, &e.Event, zone)
	for i := range e.Caused {
		d.complete(e, &e.Caused[i], zone)
	}
	for i := range e.Outcome.Transactions {
		c := &e.Outcome.Transactions[i]
		if c.TransactionID == "" || c.At.IsZero() { // if it is completed, an event of the entry tells of it
			continue
		}
		b := d.booking(c.UserID, c.TransactionID)
		b.now = nil
		if b.known = true; c.Undone || c.State != economy.Completed {
			continue
		}
		source := rewardSource + c.RewardRuleID
		switch {
		case c.ReversalOf != "":
			source = reversalSource
		case c.Lapsed:
			source = lapseSource
		case c.StreakRuleID != "":
			source = streakSource + c.StreakRuleID
		}
		b.now = newTransaction(c.TransactionID, c.UserID, c.CurrencyID, source, c.Direction, c.Amount, timeframe.DayOf(c.At, zone))
	}
}

// complete takes in an entry's event of a transaction that was completed.
func (d *delta) complete(e *guerdon.Entry, ev *event.Event, zone *time.Location) {
	if ev.Type != event.VirtualTransaction || textOf(ev, "state") != string(economy.Completed) || textOf(ev, "counterpartType") != string(economy.PartySystem) {
		return
	}
	source := textOf(ev, "initiatorType")
	if by := economy.InitiatorType(source); by == economy.ByRewardRule || by == economy.ByStreakRule {
		source = textOf(ev, "initiator")
	}
	id := textOf(ev, "virtualTransactionId")
	b := d.booking(ev.UserID, id)
	b.known = b.known || e.Correction != nil || !paidFor(ev, e.Event.ID)
	b.now = newTransaction(id, ev.UserID, ev.EntityID, source,
		economy.Direction(textOf(ev, "direction")), *ev.Value, timeframe.DayOf(ev.At, zone))
}

// paidFor tells whether a transaction was paid by a rule for an entry's event itself, which no entry before can have told of. What follows from the
// event, whose id holds a ":", may have followed from another one before.
func paidFor(ev *event.Event, eventID string) bool {
	return textOf(ev, "virtualTransactionGroupId") == eventID && !strings.Contains(eventID, ":") && textOf(ev, "initiatorType") == string(economy.ByRewardRule)
}

func (d *delta) booking(userID, id string) *booking {
	key := [2]string{userID, id}
	at, found := d.booked[key]
	if !found {
		at = len(d.transactions)
		d.booked[key] = at
		d.transactions = append(d.transactions, booking{userID: userID, id: id})
	}
	return &d.transactions[at]
}

func newTransaction(id, userID, currencyID, source string, way economy.Direction, n decimal.Decimal, on timeframe.Day) *transaction {
	if way == economy.Debit {
		n = n.Neg()
	}
	return &transaction{id, userID, currencyID, source, on, n}
}

// knownTransactions returns the keys of those that may have been counted before.
func (d *delta) knownTransactions() (keys []string) {
	for i := range d.transactions {
		if b := &d.transactions[i]; b.known {
			keys = append(keys, transactionKey(b.userID, b.id))
		}
	}
	return keys
}

// earned is what was given and taken, to be added up.
type earned struct {
	days  map[dayOfSource]*pointDay
	users map[userOfSource]*pointUser
	// topics are those of currencies.
	topics map[string]topic
}

type dayOfSource struct {
	day                timeframe.Day
	currencyID, source string
}

type userOfSource struct{ userID, currencyID, source string }

// move counts a transaction, or takes it out again.
func (m *earned) move(to *tally, t *transaction, out bool) {
	p := purseOf(t.Amount, out)
	on := dayOfSource{t.On, t.CurrencyID, t.Source}
	if m.days[on] == nil {
		m.days[on] = &pointDay{Day: t.On, CurrencyID: t.CurrencyID, Source: t.Source}
	}
	m.days[on].Points.plus(&p)
	by := userOfSource{t.UserID, t.CurrencyID, t.Source}
	if m.users[by] == nil {
		m.users[by] = &pointUser{UserID: t.UserID, CurrencyID: t.CurrencyID, Source: t.Source}
	}
	if m.users[by].Points.plus(&p); p.Awards != 0 && earns(t.Source) {
		to.mark(earning, t.UserID, t.On, p.Awards)
		if m.topics[t.CurrencyID] == "" {
			m.topics[t.CurrencyID] = earning.of(t.CurrencyID)
		}
		to.mark(m.topics[t.CurrencyID], t.UserID, t.On, p.Awards)
	}
}

// applyTransactions counts transactions where they are since.
func (d *delta) applyTransactions(ctx context.Context, tx store.Tx, l *ledger) error {
	before, err := transactionRows.GetMany(ctx, tx, d.knownTransactions()...)
	if err != nil {
		return err
	}
	m := &earned{map[dayOfSource]*pointDay{}, map[userOfSource]*pointUser{}, map[string]topic{}}
	for i := range before {
		m.move(d.tally, &before[i], true)
	}
	var now []transaction
	var gone []string
	for i := range d.transactions {
		if b := &d.transactions[i]; b.now != nil {
			m.move(d.tally, b.now, false)
			now = append(now, *b.now)
		} else {
			gone = append(gone, transactionKey(b.userID, b.id))
		}
	}
	if err := transactionRows.Put(ctx, tx, now...); err != nil {
		return err
	}
	if err := transactionRows.Delete(ctx, tx, gone...); err != nil {
		return err
	}
	of := map[userOfSource]*pointUser{}
	for by, u := range m.users {
		if !earns(by.source) {
			continue
		}
		l.person(u.UserID).Points.plus(&u.Points)
		by.source = whatever
		if of[by] == nil {
			of[by] = &pointUser{UserID: u.UserID, CurrencyID: u.CurrencyID, Source: whatever}
		}
		of[by].plus(u)
	}
	maps.Copy(m.users, of)
	l.sums = append(l.sums, newSum(pointDays, maps.Values(m.days)),
		newSum(pointUsers, maps.Values(m.users)))
	return nil
}

// Points is what was issued and spent.
type Points struct {
	AsOf

	Points []PointCount `json:"points"`
}

// A PointCount is how much of a currency a source gave to users, and took from them.
type PointCount struct {
	CurrencyID string `json:"virtualCurrencyId"`
	// Source is "rewardRuleId#" or "streakRuleId#" and a rule's id, or the initiator's type: ADMIN, USER, SYSTEM, or REVERSAL, of which users
	// got what was taken from them before, and paid what had been given.
	Source string `json:"source"`
	// Issued and Spent are what users got and paid, Transactions how many there were.
	Issued       decimal.Decimal `json:"issued"`
	Spent        decimal.Decimal `json:"spent"`
	Transactions int64           `json:"transactions"`
}

// Points returns, for each currency and source in the order of their ids, how much users got from SYSTEM and paid to it on the days of a
// range, by transactions that were completed then. Transfers between users are neither. What takes back something else has a source of its own, on the day of the
// reversal: what somebody was given or paid stays counted, and figures of all sources leave reversals out. What does not follow after all, because
// something came late, is not counted.
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
			if d.Points.times() > 0 {
				out.Points = append(out.Points, d.Points.count(d.CurrencyID, d.Source))
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

// PointSeries returns what [Reader.Points] does of one currency and all sources but reversals, for each day of a range, days without anything included.
func (r Reader) PointSeries(ctx context.Context, currencyID string, in Range) (out PointSeries, err error) {
	err = r.points(ctx, in, func(at *state, all []pointDay) {
		sums := make([]purse, in.To.Sub(in.From)+1)
		for _, d := range all {
			if d.CurrencyID == currencyID && earns(d.Source) {
				sums[d.Day.Sub(in.From)].plus(&d.Points)
			}
		}
		out = PointSeries{AsOf: at.asOf(), Days: make([]PointDay, len(sums))}
		for i, p := range sums {
			out.Days[i] = PointDay{in.From.Add(i), p.Issued, p.Spent, p.times()}
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
// currency. What somebody got in a range is no list, as its order would change with each day that passes; how many got something is in [Reader.Economy].
func (r Reader) Earners(ctx context.Context, currencyID, source string, page store.Page) (PointUsers, error) {
	return r.pointUsers(ctx, "issued", currencyID, source, page)
}

// Spenders is [Reader.Earners] of those who have paid.
func (r Reader) Spenders(ctx context.Context, currencyID, source string, page store.Page) (PointUsers, error) {
	return r.pointUsers(ctx, "spent", currencyID, source, page)
}

func (r Reader) pointUsers(ctx context.Context, index, currencyID, source string, page store.Page) (out PointUsers, err error) {
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		out.AsOf = at.asOf()
		out.Users, out.NextToken, err = most(ctx, tx, index, currencyID, source, page)
		return err
	})
	return out, err
}

// most returns a page of who has got or paid most.
func most(ctx context.Context, tx store.Tx, index, currencyID, source string, page store.Page) (out []PointUser, next string, err error) {
	of, err := owned(currencyID, source)
	if err != nil {
		return nil, "", err
	}
	out = []PointUser{}
	if currencyID == "" {
		found, next, err := people.PageWhere(ctx, tx, store.By(index), page, func(*person) bool { return true })
		for i := range found {
			out = append(out, found[i].Points.of(found[i].UserID))
		}
		return out, next, err
	}
	found, next, err := shown(ctx, tx, pointUsers, store.By(index, of), page, func(u *pointUser) string { return u.UserID })
	for i := range found {
		out = append(out, found[i].Points.of(found[i].UserID))
	}
	return out, next, err
}

// owned returns the value of an index for a currency and a source, which is of no use without a currency.
func owned(currencyID, source string) (store.Value, error) {
	if currencyID == "" && source != "" {
		return store.Value{}, fault.Invalid("virtualCurrencyId", "is missing, whose source is %.20q", source)
	}
	of := currencyID + "/" + cmp.Or(source, whatever)
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
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		out = Economy{AsOf: at.asOf(), TopEarners: []Earner{}}
		if out.Summary, out.PointsOverTime, err = awarded(ctx, tx, currencyID, in); err != nil {
			return err
		}
		first, _, err := most(ctx, tx, "issued", currencyID, "", store.Page{Limit: top})
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
		if currencyID != "" && d.CurrencyID != currencyID || !earns(d.Source) {
			continue
		}
		on := &series[d.Day.Sub(in.From)]
		on.Transactions += d.Points.Awards
		on.Points = on.Points.Add(d.Points.Issued)
		sum.TotalTransactions += d.Points.Awards
		sum.TotalPointsAwarded = sum.TotalPointsAwarded.Add(d.Points.Issued)
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
