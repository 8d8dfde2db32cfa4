package economy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A lot is what is left of a user's credits in a currency that lapse at one moment. Lots follow from the events of transactions, so no call
// writes them, and they are made anew when a fold is.
type lot struct {
	UserID     string    `json:"userId"`
	CurrencyID string    `json:"virtualCurrencyId"`
	LapsesAt   time.Time `json:"lapsesAt"`
	Micros     int64     `json:"micros"` // of one that is there more than 0, in millionths
}

var lots = store.Define("lots", (*lot).key, nil).Packed()

func (l *lot) key() string { return lotKey(accountKey(l.UserID, l.CurrencyID), l.LapsesAt) }

func lotKey(account string, at time.Time) string { return account + "/" + store.KeyTime(at) }

// behind returns the key behind that of the lot of a moment.
func behind(account string, at time.Time) store.Value {
	return store.Text(lotKey(account, at.Add(time.Microsecond)))
}

// lotSum is what has become of the lots of a user in a currency, in millionths.
type lotSum struct {
	UserID     string `json:"userId"`
	CurrencyID string `json:"virtualCurrencyId"`
	Credited   int64  `json:"credited"`          // with a life
	Covered    int64  `json:"covered,omitempty"` // of that, what made up for a debt and is in no lot
	Taken      int64  `json:"taken,omitempty"`   // by debits, less what was given back
	Lapsed     int64  `json:"lapsed,omitempty"`
	// NextAt is when the clock has something to do: when the first lot lapses of which that was not asked, or has been given back; zero for never.
	NextAt time.Time `json:"nextAt,omitzero"`
}

var lotSums = store.Define("lot_sums", func(s *lotSum) string { return accountKey(s.UserID, s.CurrencyID) },
	[]store.Field[lotSum]{
		{Name: "next_at", Kind: store.KindInt, Of: func(s *lotSum) store.Value { return store.Time(s.NextAt) }},
	},
	store.Index{Name: "due", Columns: []string{"next_at"}},
).Packed()

// left returns what is in lots.
func (s *lotSum) left() int64 { return s.Credited - s.Covered - s.Taken - s.Lapsed }

// wait lets the clock come at a moment, or earlier if it does already.
func (s *lotSum) wait(at time.Time) {
	if s.NextAt.IsZero() || at.Before(s.NextAt) {
		s.NextAt = at
	}
}

// taking is what a debit has taken out of lots: what takes it back gives it back to them.
type taking struct {
	TransactionID string `json:"virtualTransactionId"`
	UserID        string `json:"userId"`
	CurrencyID    string `json:"virtualCurrencyId"`
	// Rest is what it took besides, of what never lapses. It is what was taken last.
	Rest int64  `json:"rest,omitempty"`
	Of   []part `json:"of"` // in the order in which it was taken
}

// part is how much was taken out of a lot.
type part struct {
	LapsesAt time.Time `json:"lapsesAt"`
	Micros   int64     `json:"micros"`
}

var takings = store.Define("lot_takings", func(t *taking) string { return t.TransactionID }, nil).Packed()

// lotParts are the tables of lots that hold rows of users' folds.
func lotParts() []mechanic.Part {
	return []mechanic.Part{
		mechanic.Rows(lots, func(l *lot) string { return l.UserID }), mechanic.Rows(lotSums, func(s *lotSum) string { return s.UserID }),
		mechanic.Rows(takings, func(t *taking) string { return t.UserID }),
	}
}

// A lotMove is what a transaction does to the lots of its user.
type lotMove struct {
	id, user, currency string
	direction          Direction
	micros             int64
	lapsesAt           time.Time // of a credit
	reversalOf         string
	held               bool // it had been set aside: it may take what would have lapsed meanwhile
	more               bool // it adds to what the transaction has taken
	at                 time.Time
}

// moveOf returns what a completed transaction does to lots.
func moveOf(e *event.Event) (lotMove, error) {
	text := func(field string) string { s, _ := e.Fields[field].(string); return s }
	n, err := amount.Micros("amount", *e.Value)
	m := lotMove{
		id: text("virtualTransactionId"), user: e.UserID, currency: e.EntityID, direction: Direction(text("direction")), micros: n,
		reversalOf: text("reversalOf"), held: text("redemptionMode") == string(Manual), at: e.At,
	}
	if s := text(fieldLapsesAt); s != "" {
		at, wrong := time.Parse(time.RFC3339Nano, s)
		m.lapsesAt, err = at.UTC(), errors.Join(err, wrong)
	}
	return m, err
}

// keepLots lets the lots of a user follow what has become of a transaction. What lapses has been taken out of them already.
func (p *program) keepLots(ctx context.Context, tx *session.Tx, e *event.Event) error {
	switch {
	case !p.lots[e.EntityID] || e.Fields["initiatorType"] == string(ByLapse):
		return nil
	case e.Fields["state"] == string(Rejected) && e.Fields["direction"] == string(Debit): // one that has expired is released at once
		return p.letLapse(ctx, tx, e.UserID, e.EntityID, e.At)
	case e.Fields["state"] != string(Completed):
		return nil
	}
	m, err := moveOf(e)
	switch {
	case err != nil || m.direction == Debit:
	case m.reversalOf != "":
		return m.giveBack(ctx, tx)
	default:
		return m.credit(ctx, tx)
	}
	if err == nil {
		err = m.debit(ctx, tx)
	}
	if err == nil && m.held { // less may have been taken than was set aside
		err = p.letLapse(ctx, tx, m.user, m.currency, m.at)
	}
	return err
}

// sum returns what is counted of the lots that a movement is about, and whether something is.
func (m *lotMove) sum(ctx context.Context, tx *session.Tx) (lotSum, bool, error) {
	s, there, err := lotSums.Get(ctx, tx, accountKey(m.user, m.currency))
	if !there {
		s.UserID, s.CurrencyID = m.user, m.currency
	}
	return s, there, err
}

// lot returns one of the lots that a movement is about, which may be empty.
func (m *lotMove) lot(ctx context.Context, tx *session.Tx, at time.Time) (lot, error) {
	l, there, err := lots.Get(ctx, tx, lotKey(accountKey(m.user, m.currency), at))
	if !there {
		l = lot{UserID: m.user, CurrencyID: m.currency, LapsesAt: at}
	}
	return l, err
}

// put writes a lot, or drops it if nothing is in it.
func (l lot) put(ctx context.Context, tx *session.Tx) error {
	if l.Micros == 0 {
		return lots.Delete(ctx, tx, l.key())
	}
	return lots.Put(ctx, tx, l)
}

// free returns what is counted of the lots, and how much of what the user has is in no lot, 0 if the user owes.
func (m *lotMove) free(ctx context.Context, tx *session.Tx) (s lotSum, free int64, err error) {
	if s, _, err = m.sum(ctx, tx); err != nil {
		return s, 0, err
	}
	a, _, err := accounts.Get(ctx, tx, accountKey(m.user, m.currency))
	return s, max(0, a.Completed-s.left()), err
}

// credit adds what is credited to the lot of its moment, less what makes up for a debt.
func (m *lotMove) credit(ctx context.Context, tx *session.Tx) error {
	if m.lapsesAt.IsZero() {
		return nil
	}
	s, free, err := m.free(ctx, tx)
	if err != nil {
		return err
	}
	l, err := m.lot(ctx, tx, m.lapsesAt)
	if err != nil {
		return err
	}
	n := min(m.micros, free)
	l.Micros += n
	s.Credited += m.micros
	if s.Covered += m.micros - n; n > 0 {
		s.wait(m.lapsesAt)
	}
	return errors.Join(l.put(ctx, tx), lotSums.Put(ctx, tx, s))
}

// lotsAtOnce is how many lots a debit looks at first.
const lotsAtOnce = 8

// debit takes from the lots: from that of what it takes back, then from those that lapse first. What would have lapsed if it had not been set aside
// is taken by what had been set aside, and by others last.
func (m *lotMove) debit(ctx context.Context, tx *session.Tx) error {
	s, there, err := m.sum(ctx, tx)
	if err != nil || !there || s.left() <= 0 {
		return err
	}
	t, rest := taking{TransactionID: m.id, UserID: m.user, CurrencyID: m.currency}, int64(0)
	if m.more {
		known, is, err := takings.Get(ctx, tx, m.id)
		if err != nil {
			return err
		}
		if is {
			t, rest = known, known.Rest
			t.Of = slices.Clip(t.Of)
		}
	}
	t.Rest = m.micros
	if m.reversalOf != "" {
		back, _, err := transactions.Get(ctx, tx, m.reversalOf)
		if err == nil && !back.LapsesAt.IsZero() {
			var own lot
			if own, err = m.lot(ctx, tx, back.LapsesAt); err == nil && own.Micros > 0 {
				err = t.take(ctx, tx, own)
			}
		}
		if err != nil {
			return err
		}
	}
	if err := m.takeFirst(ctx, tx, &t); err != nil || len(t.Of) == 0 {
		return err
	}
	s.Taken += m.micros - t.Rest
	t.Rest += rest
	if err := s.pass(ctx, tx, s.NextAt); err != nil {
		return err
	}
	return errors.Join(lotSums.Put(ctx, tx, s), takings.Put(ctx, tx, t))
}

// takeFirst takes what a taking still wants from the lots that lapse first.
func (m *lotMove) takeFirst(ctx context.Context, tx *session.Tx, t *taking) error {
	all := store.Prefix(accountKey(m.user, m.currency) + "/")
	now := behind(accountKey(m.user, m.currency), m.at)
	runs := []store.Query{all.Between(now, all.Until), all.Between(all.From, now)}
	if m.held {
		runs = []store.Query{all}
	}
	for _, run := range runs {
		for t.Rest > 0 {
			some, err := lots.List(ctx, tx, run.First(lotsAtOnce))
			if err != nil {
				return err
			}
			for i := range some {
				if err := t.take(ctx, tx, some[i]); err != nil {
					return err
				}
			}
			if len(some) < lotsAtOnce {
				break
			}
		}
	}
	return nil
}

// take takes from a lot as much as is wanted, and is there.
func (t *taking) take(ctx context.Context, tx *session.Tx, l lot) error {
	n := min(l.Micros, t.Rest)
	if n <= 0 {
		return nil
	}
	l.Micros -= n
	t.Rest -= n
	t.Of = append(t.Of, part{l.LapsesAt, n})
	return l.put(ctx, tx)
}

// pass lets the clock come when the first lot lapses that is left from a moment on; zero is that it does not come.
func (s *lotSum) pass(ctx context.Context, tx *session.Tx, from time.Time) error {
	if from.IsZero() {
		return nil
	}
	account := accountKey(s.UserID, s.CurrencyID)
	q := store.Prefix(account + "/")
	first, err := lots.List(ctx, tx, q.Between(store.Text(lotKey(account, from)), q.Until).First(1))
	if err != nil {
		return err
	}
	if s.NextAt = (time.Time{}); len(first) > 0 {
		s.NextAt = first[0].LapsesAt
	}
	return nil
}

// giveBack puts back into lots what a debit had taken, what was taken last first. What makes up for a debt is not put back.
func (m *lotMove) giveBack(ctx context.Context, tx *session.Tx) error {
	t, there, err := takings.Get(ctx, tx, m.reversalOf)
	if err != nil || !there {
		return err
	}
	s, free, err := m.free(ctx, tx)
	if err != nil {
		return err
	}
	t.Of = slices.Clone(t.Of) // what was read stays as it was: the step goes back to it
	rest := min(m.micros, t.Rest)
	t.Rest -= rest
	left := min(m.micros-rest, free)
	for left > 0 && len(t.Of) > 0 {
		last := &t.Of[len(t.Of)-1]
		l, err := m.lot(ctx, tx, last.LapsesAt)
		if err != nil {
			return err
		}
		n := min(left, last.Micros)
		l.Micros += n
		if err := l.put(ctx, tx); err != nil {
			return err
		}
		s.Taken -= n
		s.wait(latest(last.LapsesAt, m.at))
		left -= n
		if last.Micros -= n; last.Micros == 0 {
			t.Of = t.Of[:len(t.Of)-1]
		}
	}
	if err := lotSums.Put(ctx, tx, s); err != nil {
		return err
	}
	if len(t.Of) == 0 {
		return takings.Delete(ctx, tx, t.TransactionID)
	}
	return takings.Put(ctx, tx, t)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// letLapse lets the clock come for lots that were left at their moment because something had been set aside, which it is no more.
func (p *program) letLapse(ctx context.Context, tx *session.Tx, userID, currencyID string, at time.Time) error {
	if !p.lots[currencyID] {
		return nil
	}
	account := accountKey(userID, currencyID)
	s, there, err := lotSums.Get(ctx, tx, account)
	if err != nil || !there || s.left() <= 0 {
		return err
	}
	first, err := lots.List(ctx, tx, store.Prefix(account+"/").First(1))
	if err != nil || len(first) == 0 || first[0].LapsesAt.After(at) || !s.NextAt.IsZero() && !at.Before(s.NextAt) {
		return err
	}
	s.NextAt = at
	return lotSums.Put(ctx, tx, s)
}

// shiftLots lets lots follow a transaction that is brought to something else, where no event tells of it: what it was, which is nil if it was not
// there, is taken out, and what it is now added.
func shiftLots(ctx context.Context, tx *session.Tx, was, now *Transaction) error {
	t := cmp.Or(now, was)
	before, err := was.inLots()
	after, wrong := now.inLots()
	n := after - before
	if err = errors.Join(err, wrong); err != nil || n == 0 {
		return err
	}
	m := lotMove{id: t.ID, user: t.UserID, currency: t.CurrencyID, direction: t.Direction, micros: n, lapsesAt: t.LapsesAt, at: t.movedAt(), more: true}
	switch {
	case m.direction == Debit && n > 0:
		return m.debit(ctx, tx)
	case m.direction == Debit || m.lapsesAt.IsZero():
		return nil
	case n > 0:
		return m.credit(ctx, tx)
	}
	s, _, err := m.sum(ctx, tx)
	if err != nil {
		return err
	}
	l, err := m.lot(ctx, tx, m.lapsesAt)
	if err != nil {
		return err
	}
	gone := min(-n, l.Micros)
	l.Micros -= gone
	s.Credited += n
	s.Covered += n + gone // what was taken of it was taken of something else
	return errors.Join(l.put(ctx, tx), lotSums.Put(ctx, tx, s))
}

// inLots returns what a transaction, which may be nil, has put into lots or taken out of them, as far as that is no matter of what it takes back.
func (t *Transaction) inLots() (int64, error) {
	if t == nil || t.State != Completed || t.InitiatorType == ByReversal || t.InitiatorType == ByLapse {
		return 0, nil
	}
	return t.micros()
}

// lotReads names what [program.keepLots] reads first.
func (p *program) lotReads(o *mechanic.Occasion) (reads []store.Read) {
	if len(p.lots) == 0 {
		return nil
	}
	reads = append(reads, lotSums.Rows(store.Prefix(accountPrefix(o.User.ID))))
	e := o.Event
	if e.Type != event.VirtualTransaction || !p.lots[e.EntityID] {
		return reads
	}
	account := accountKey(o.User.ID, e.EntityID)
	reads = append(reads, lotSums.Keys(account), accounts.Keys(account))
	if m, err := moveOf(e); err == nil && m.direction == Credit && !m.lapsesAt.IsZero() {
		reads = append(reads, lots.Keys(lotKey(account, m.lapsesAt)))
	}
	return reads
}

// lotsBy returns the lots of an account that lapse by a moment, in their order.
func lotsBy(ctx context.Context, tx *session.Tx, account string, at time.Time) ([]lot, error) {
	q := store.Prefix(account + "/")
	return lots.List(ctx, tx, q.Between(q.From, behind(account, at)))
}

// total returns what is in lots.
func total(of []lot) (n int64) {
	for i := range of {
		n += of[i].Micros
	}
	return n
}

// byMoment compares moments.
func byMoment(a, b moment) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.lapses, b.lapses)) }

// A moment is when something lapses, or is set aside no more, which comes first.
type moment struct {
	at              time.Time
	lapses, release int64
}

// unmarked returns how much of an account lapses until a moment that the clock has not done yet, and when the last of it does. due are the debits set
// aside whose time is over by then, which the account does not count any more.
func unmarked(a *account, some []lot, due []moment) (n int64, last time.Time) {
	all := slices.Clone(due)
	held := a.PendingDebits
	for i := range due {
		held += due[i].release
	}
	for i := range some {
		all = append(all, moment{at: some[i].LapsesAt, lapses: some[i].Micros})
	}
	slices.SortFunc(all, byMoment)
	var over int64
	for _, m := range all {
		held -= m.release
		if over += m.lapses; over > held {
			n, last = n+over-held, m.at
			over = held
		}
	}
	return n, last
}

// lotCount is what is found of lots, by the accounts that they are of.
type lotCount map[string]*foundLots

// foundLots is what is counted of the lots of an account, and what transactions and the lots themselves come to.
type foundLots struct {
	counted, sum lotSum
	left         int64
	wrong        bool // one of the lots has nothing, or less
}

func (c lotCount) of(userID, currencyID string) *foundLots {
	key := accountKey(userID, currencyID)
	if c[key] == nil {
		c[key] = &foundLots{sum: lotSum{UserID: userID, CurrencyID: currencyID}}
	}
	return c[key]
}

// count adds a transaction.
func (c lotCount) count(t *Transaction) error {
	if t.State != Completed || t.LapsesAt.IsZero() && t.InitiatorType != ByLapse {
		return nil
	}
	n, err := t.micros()
	if f := c.of(t.UserID, t.CurrencyID); t.InitiatorType == ByLapse {
		f.sum.Lapsed += n
	} else {
		f.sum.Credited += n
	}
	return err
}

// gather reads what is kept of lots.
func (c lotCount) gather(ctx context.Context, tx *session.Tx) error {
	return errors.Join(
		walk(ctx, tx, lotSums, store.Query{}, func(s lotSum) error {
			c.of(s.UserID, s.CurrencyID).counted = s
			return nil
		}),
		walk(ctx, tx, lots, store.Query{}, func(l lot) error {
			f := c.of(l.UserID, l.CurrencyID)
			f.left += l.Micros
			f.wrong = f.wrong || l.Micros <= 0
			return nil
		}),
		walk(ctx, tx, takings, store.Query{}, func(t taking) error {
			for _, p := range t.Of {
				c.of(t.UserID, t.CurrencyID).sum.Taken += p.Micros
			}
			return nil
		}),
	)
}

// compareLots compares what is counted of the lots of an account with what is found, and forgets that.
func (r *Report) compareLots(a *account, all lotCount) {
	key := accountKey(a.UserID, a.CurrencyID)
	f := all[key]
	if f == nil {
		return
	}
	delete(all, key)
	have, want := &f.counted, &f.sum
	same := have.Credited == want.Credited && have.Taken == want.Taken && have.Lapsed == want.Lapsed && have.left() == f.left
	if !same || f.wrong || f.left > max(0, a.Completed) {
		r.Lots = append(r.Lots, LotDifference{a.UserID, a.CurrencyID, have.sums(have.left()), want.sums(min(f.left, max(0, a.Completed)))})
	}
}
