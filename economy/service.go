package economy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Service is the economy of one workspace. The zero value refuses every call. It may be used
// concurrently.
type Service struct {
	// Currencies, RewardRules and Boosts are the documents.
	Currencies  content.Documents[Currency]
	RewardRules content.Documents[RewardRule]
	Boosts      content.Documents[Boost]

	run     session.Runner
	program room.Current[*program]
}

// newService returns the service of a workspace; program gives what is in force there.
func newService(run session.Runner, lib *content.Library, program room.Current[*program]) Service {
	return Service{
		Currencies: content.NewDocuments(run, lib, Currencies), RewardRules: content.NewDocuments(run, lib, RewardRules), Boosts: content.NewDocuments(run, lib, Boosts),
		run: run, program: program,
	}
}

// Grant gives to users, from SYSTEM or from other users, in the name of an admin: of who acts, if that is
// known. It does all of 1 to [MaxGrants] grants, in their order, or none, and returns their transactions: of a
// transfer the debit, then the credit. It returns [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound]
// for an unknown user or a currency that is not published, and a [*BoundError], wrapped, for a movement that would
// cross a bound. Errors name the grant at fault ("transactions[3].amount").
//
// A grant may say when it counts ([Grant.At]), as an event may: what has happened to the user since follows anew, and the journal's entry of its
// event says what is different. Boards count it in the period of then, by the tags of then; a period of a
// board that has closed stays as it is, and the entry has a problem that says so. The moment may be as far ahead as an event's. It is
// [fault.ErrConflict] before the workspace's horizon. The bounds hold now, and held then: a movement since that somebody has decided, such as what was spent, stays.
//
// A grant whose id was given before is not done again: the same grant gives its first result again, as it was
// then, whoever repeats it, and whatever has become of it, of the user and of the currency since. Another is
// [fault.ErrConflict] of the fields that differ, or of the id if that is no grant's. It is the same if what is kept
// of it would be: what is left to a default and how a number is written make no difference. One that does not say when it counts does so
// since it was given first. So a call whose answer
// was lost can be repeated, and of a call some of whose grants were done before, the others are done.
func (s Service) Grant(ctx context.Context, grants []Grant) ([]Transaction, error) {
	return s.move(ctx, inGrant, func(tx *session.Tx) ([]movement, error) {
		return prepare(grants, func(g Grant) (movement, error) {
			m, err := g.prepare(tx.Now)
			m.initiatorType, m.initiator = ByAdmin, admin(tx)
			return m, err
		})
	})
}

// admin is the initiator of what is done in the name of an admin.
func admin(tx *session.Tx) string { return cmp.Or(tx.ActorID, string(ByAdmin)) }

// Transfer gives to users from a user who wants it; the source of every grant is that user, whether it
// says so or not. It does and returns what [Service.Grant] does, also of ids that were given before, and returns
// [fault.ErrForbidden] if the user is suspended and any grant is new.
func (s Service) Transfer(ctx context.Context, userID string, grants []Grant) ([]Transaction, error) {
	return s.move(ctx, inGrant, func(tx *session.Tx) ([]movement, error) {
		return prepare(grants, func(g Grant) (movement, error) {
			var other error
			if g.SourceUserID != "" && g.SourceUserID != userID {
				other = fault.Invalid("sourceUserId", "is not who transfers")
			}
			if !g.LapsesAt.IsZero() {
				other = errors.Join(other, fault.Invalid(fieldLapsesAt, "is for what an admin grants"))
			}
			g.SourceUserID = userID
			m, err := g.prepare(tx.Now)
			m.initiatorType, m.initiator = ByUser, userID
			return m, errors.Join(other, err)
		})
	})
}

// Spend takes from a user, who wants it, to SYSTEM. It returns [fault.ErrInvalid] for every field at
// fault, [fault.ErrNotFound] for an unknown user or a currency that is not published,
// [fault.ErrForbidden] if the user is suspended, and a [*BoundError] if the user cannot pay. An id that was given
// before is as with [Service.Grant]: the same spending gives its first result again, another is [fault.ErrConflict].
func (s Service) Spend(ctx context.Context, userID string, sp Spending) (Transaction, error) {
	return s.one(ctx, func(now time.Time) (movement, error) { return sp.prepare(userID, now) })
}

// one does one movement that a user wants, to SYSTEM.
func (s Service) one(ctx context.Context, prepare func(now time.Time) (movement, error)) (Transaction, error) {
	rows, err := s.move(ctx, alone, func(tx *session.Tx) ([]movement, error) {
		m, err := prepare(tx.Now)
		return []movement{m}, err
	})
	if err != nil {
		return Transaction{}, err
	}
	return rows[0], nil
}

// A place says in an error which of several movements it is about.
type place func(i int, err error) error

// alone is the place of a movement that is the only one.
func alone(_ int, err error) error { return err }

// inGrant is the place of a grant among those of a call.
func inGrant(i int, err error) error {
	field := fmt.Sprintf("transactions[%d]", i)
	if _, crossed := errors.AsType[*BoundError](err); crossed {
		return fmt.Errorf("%s: %w", field, err)
	}
	return fault.In(field, err)
}

// prepare turns grants into movements, or returns every fault in its place.
func prepare(grants []Grant, one func(Grant) (movement, error)) ([]movement, error) {
	if n := len(grants); n < 1 || n > MaxGrants {
		return nil, fault.Invalid("transactions", "are %d; allowed are 1 to %d", n, MaxGrants)
	}
	ms := make([]movement, len(grants))
	faults := make([]error, len(grants))
	for i, g := range grants {
		m, err := one(g)
		if g.ID != "" && slices.ContainsFunc(grants[:i], func(other Grant) bool { return other.ID == g.ID }) {
			err = errors.Join(err, fault.Invalid(idField, "%q occurs twice", g.ID))
		}
		ms[i], faults[i] = m, inGrant(i, err)
	}
	return ms, errors.Join(faults...)
}

// move does the movements that plan returns, but for those that were done before, and returns the transactions of all.
func (s Service) move(ctx context.Context, in place, plan func(*session.Tx) ([]movement, error)) ([]Transaction, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) ([]Transaction, error) {
		ms, err := plan(tx)
		if err != nil {
			return nil, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		if err := prefetch(ctx, tx, ms); err != nil {
			return nil, err
		}
		for i := range ms {
			if err := ms[i].resolve(ctx, tx); err != nil {
				return nil, in(i, err)
			}
		}
		sides := make([][]Transaction, len(ms))
		var fresh []int
		for i := range ms {
			ms[i].group = cmp.Or(ms[i].group, ms[i].id)
			if sides[i], err = ms[i].done(ctx, tx); err != nil {
				return nil, in(i, err)
			}
			if sides[i] == nil {
				fresh = append(fresh, i)
			}
		}
		if err := p.make(ctx, tx, in, ms, sides, fresh); err != nil {
			return nil, err
		}
		return slices.Concat(sides...), nil
	})
}

// make does those of movements that are fresh, and notes their sides.
func (p *program) make(ctx context.Context, tx *session.Tx, in place, ms []movement, sides [][]Transaction, fresh []int) error {
	for _, i := range fresh {
		if m := &ms[i]; m.initiatorType == ByUser {
			if _, err := tenancy.FindActive(ctx, tx, "user", m.initiator); err != nil {
				return err
			}
		}
	}
	for _, i := range fresh {
		if err := wake(ctx, tx, ms[i].from, ms[i].to); err != nil {
			return err
		}
	}
	for _, i := range fresh {
		if err := p.admit(ctx, tx, &ms[i]); err != nil {
			return in(i, err)
		}
	}
	for _, i := range fresh {
		if err := p.live(ctx, tx, &ms[i]); err != nil {
			return in(i, err)
		}
		m := ms[i]
		if m.id == "" {
			m.id = tx.NewID()
			m.group = cmp.Or(m.group, m.id)
		}
		sides[i] = m.rows()
	}
	l, err := p.ledger().count(ctx, tx, in, sides, fresh)
	if err != nil {
		return err
	}
	told := func(i int) bool { return ms[i].told }
	if slices.ContainsFunc(fresh, told) {
		l = &ledger{bounds: func(string) bounds { return unbounded }, accounts: map[string]*account{}} // they are not crossed
		if l, err = l.count(ctx, tx, in, sides, slices.DeleteFunc(slices.Clone(fresh), told)); err != nil {
			return err
		}
	}
	for _, i := range fresh {
		if !told(i) {
			continue
		}
		tx.Tell(session.Told{Event: sides[i][0].completion(), Give: func() error {
			then, err := p.ledger().count(ctx, tx, in, sides, []int{i})
			if err != nil {
				return err
			}
			return then.put(ctx, tx)
		}})
	}
	return l.save(ctx, tx)
}

// resolve lets the movement be between the users who stay of those whom it names.
func (m *movement) resolve(ctx context.Context, tx *session.Tx) error {
	for _, id := range []*string{&m.from, &m.to} {
		standing, err := tenancy.Standing(ctx, tx, *id)
		if err != nil {
			return err
		}
		if m.initiatorType == ByUser && m.initiator == *id {
			m.initiator = standing
		}
		*id = standing
	}
	return nil
}

// prefetch reads what movements need.
func prefetch(ctx context.Context, tx *session.Tx, ms []movement) error {
	var users, ids, counted []string
	for i := range ms {
		m := &ms[i]
		for _, id := range []string{m.from, m.to} {
			if id != "" {
				users = append(users, id)
			}
			counted = append(counted, accountKey(id, m.currency))
		}
		switch {
		case m.id == "":
		case m.from != "" && m.to != "":
			ids = append(ids, m.id, m.id+debitSuffix)
		default:
			ids = append(ids, m.id)
		}
	}
	return tx.Prefetch(ctx, tenancy.ReadingUsers(distinct(users)...), accounts.Keys(distinct(counted)...), transactions.Keys(ids...))
}

// distinct sorts keys and drops those that occur again.
func distinct(keys []string) []string {
	slices.Sort(keys)
	return slices.Compact(keys)
}

// admit returns an error if the currency or a user of a movement that is new is unknown, or its time is over.
func (p *program) admit(ctx context.Context, tx *session.Tx, m *movement) error {
	if err := errors.Join(m.checkPassed(), m.checkParties()); err != nil {
		return err
	}
	if m.told {
		horizon, is, err := settled(ctx, tx, m.at)
		if is {
			err = fault.Conflict("at", "is %s; what happened before the workspace's horizon %s is settled", m.at.Format(time.RFC3339Nano), horizon.Format(time.RFC3339Nano))
		}
		if err != nil {
			return err
		}
	}
	if !p.published(m.currency) {
		return fault.NotFound(currencyNoun, m.currency)
	}
	for _, id := range []string{m.from, m.to} {
		if id == "" {
			continue
		}
		if u, err := tenancy.FindUser(ctx, tx, id); err != nil {
			return err
		} else if u.Status == tenancy.Deleted {
			return fault.NotFound("user", id)
		}
	}
	return nil
}

// live decides when what a movement gives to a user lapses, if that is not said.
func (p *program) live(ctx context.Context, tx *session.Tx, m *movement) error {
	switch {
	case m.to == "":
		return nil
	case !m.lapsesAt.IsZero():
		if !p.lots[m.currency] {
			return fault.Conflict(fieldLapsesAt, "needs a currency that has a life; %q may have the life NEVER", m.currency)
		}
		return nil
	case p.lives[m.currency] == nil:
		return nil
	}
	u, err := tenancy.FindUser(ctx, tx, m.to)
	if err == nil {
		u, err = u.At(ctx, tx, m.at)
	}
	if err == nil {
		m.lapsesAt, err = p.lapsing(tx, nil, m.currency, u, m.at)
	}
	if err == nil && lapsed(m.lapsesAt, m.at) {
		err = fault.Conflict("virtualCurrencyId", "of %q, all has lapsed on %s", m.currency, m.lapsesAt.Format(time.RFC3339))
	}
	return err
}

// The nouns and a field of errors.
const (
	currencyNoun    = "virtualCurrency"
	transactionNoun = "virtualTransaction"
	idField         = "virtualTransactionId"
)

// Redeem completes a user's pending credit, and the debit of whoever sent it, and returns both. It
// returns [fault.ErrNotFound] if the user has no such transaction, [fault.ErrConflict] if it is a debit,
// completed, rejected, expired or held for review, and [fault.ErrForbidden] if the user is suspended.
func (s Service) Redeem(ctx context.Context, userID, transactionID string) ([]Transaction, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) ([]Transaction, error) {
		u, err := tenancy.FindActive(ctx, tx, "user", userID)
		if err != nil {
			return nil, err
		}
		t, err := find(ctx, tx, transactionID)
		if err != nil {
			return nil, err
		}
		switch {
		case t.UserID != u.ID:
			return nil, fault.NotFound(transactionNoun, transactionID)
		case t.hold():
			return nil, fault.Conflict(transactionNoun, "%q is a hold; an admin can capture it", t.ID)
		case t.Direction == Debit:
			return nil, fault.Conflict(transactionNoun, "%q is a debit; its credit can be redeemed", t.ID)
		case t.State != Pending:
			return nil, fault.Conflict(transactionNoun, "%q is %s", t.ID, t.State)
		case t.waits():
			return nil, fault.Conflict(transactionNoun, "%q is held for review", t.ID)
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		return p.redeem(ctx, tx, t)
	})
}

func (p *program) redeem(ctx context.Context, tx *session.Tx, t Transaction) ([]Transaction, error) {
	rows, err := movementOf(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	l := p.ledger()
	if err := l.load(ctx, tx, rows...); err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].State, rows[i].RedeemedAt, rows[i].UpdatedAt = Completed, tx.Now, tx.Now
	}
	if err := l.turn(Pending, rows...); err != nil {
		return nil, err
	}
	return rows, l.save(ctx, tx)
}

// movementOf returns the transactions of the movement that t is a side of: of a transfer the debit, then
// the credit.
func movementOf(ctx context.Context, tx *session.Tx, t Transaction) ([]Transaction, error) {
	rows, err := withCounterparts(ctx, tx, []Transaction{t})
	slices.SortFunc(rows, func(a, b Transaction) int { return -cmp.Compare(a.Direction, b.Direction) })
	return rows, err
}

// find returns a transaction as it is now, or [fault.ErrNotFound].
func find(ctx context.Context, tx *session.Tx, id string) (Transaction, error) {
	t, ok, err := transactions.Get(ctx, tx, id)
	if err == nil && !ok {
		err = fault.NotFound(transactionNoun, id)
	}
	return t.seen(tx.Now), err
}

// Transaction returns the transaction with the given id, whosever it is, or [fault.ErrNotFound].
func (s Service) Transaction(ctx context.Context, id string) (Transaction, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Transaction, error) { return find(ctx, tx, id) })
}

// History returns a user's transactions in the order in which they happened, newest first, and the token
// of the next page, "" if there is none. It returns [fault.ErrNotFound] for an unknown user.
func (s Service) History(ctx context.Context, userID string, page store.Page) (ts []Transaction, next string, err error) {
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Transaction, string, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, "", err
		}
		ts, next, err := transactions.PageOf(ctx, tx, store.By("user", store.Text(u.ID)), page)
		for i := range ts {
			ts[i] = ts[i].seen(tx.Now)
		}
		return ts, next, err
	})
}

// reading returns a user, and what is in force.
func (s Service) reading(ctx context.Context, tx *session.Tx, userID string) (*tenancy.User, *program, error) {
	u, err := tenancy.FindUser(ctx, tx, userID)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.program(ctx, tx)
	return u, p, err
}

// Balance returns what a user has of a currency. It returns [fault.ErrNotFound] for an unknown user, and
// for a currency that is not published unless the user had some of it.
func (s Service) Balance(ctx context.Context, userID, currencyID string) (Balance, error) {
	return s.balance(ctx, currencyID, func(tx *session.Tx) (account, bool, time.Time, error) {
		u, p, err := s.reading(ctx, tx, userID)
		if err != nil {
			return account{}, false, time.Time{}, err
		}
		a, found, err := p.current(ctx, tx, u.ID, currencyID)
		return a, found, u.CreatedAt, err
	})
}

// System returns the balance of SYSTEM in a currency: what it took less what it gave, so that it is less
// than 0 by what all users have together. It returns [fault.ErrNotFound] for a currency that is not
// published and was never used.
func (s Service) System(ctx context.Context, currencyID string) (Balance, error) {
	return s.balance(ctx, currencyID, func(tx *session.Tx) (account, bool, time.Time, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return account{}, false, time.Time{}, err
		}
		var due []Transaction
		a, found, err := current(ctx, tx, "", currencyID, func() (rows []Transaction, err error) {
			due, err = transactions.List(ctx, tx, store.By("expiring").Between(store.Value{}, store.After(tx.Now)))
			return due, err
		})
		if err == nil && found {
			var lapsed int64
			lapsed, err = p.lapsedOf(ctx, tx, currencyID, due)
			a.Completed += lapsed
		}
		return a, found, time.Time{}, err
	})
}

func (s Service) balance(ctx context.Context, currencyID string, read func(*session.Tx) (a account, found bool, since time.Time, err error)) (Balance, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Balance, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return Balance{}, err
		}
		a, found, since, err := read(tx)
		if err == nil && !found && !p.published(currencyID) {
			err = fault.NotFound(currencyNoun, currencyID)
		}
		if err != nil {
			return Balance{}, err
		}
		return p.balance(&a, since), nil
	})
}

// current returns a user's account without what has expired or lapsed, and whether it was ever used.
func (p *program) current(ctx context.Context, tx *session.Tx, userID, currencyID string) (account, bool, error) {
	var due []Transaction
	a, found, err := current(ctx, tx, userID, currencyID, func() (rows []Transaction, err error) {
		due, err = overdue(ctx, tx, userID)
		return due, err
	})
	if err == nil && found {
		_, err = p.forgetLapsed(ctx, tx, &a, due, tx.Now)
	}
	return a, found, err
}

// current returns an account without what has expired, and whether it was ever used.
func current(ctx context.Context, tx *session.Tx, userID, currencyID string, due func() ([]Transaction, error)) (account, bool, error) {
	a, found, err := accounts.Get(ctx, tx, accountKey(userID, currencyID))
	if err != nil || !found {
		return account{UserID: userID, CurrencyID: currencyID}, false, err
	}
	rows, err := due()
	if err != nil {
		return account{}, false, err
	}
	err = a.forget(rows)
	return a, true, err
}

// forget takes pending transactions out of the account, as far as they are counted in it.
func (a *account) forget(due []Transaction) error {
	for i := range due {
		t := &due[i]
		direction := t.Direction
		switch {
		case t.CurrencyID != a.CurrencyID:
			continue
		case t.UserID == a.UserID:
		case a.UserID == "" && t.CounterpartType == PartySystem:
			direction = direction.Opposite()
		default:
			continue
		}
		n, err := t.micros()
		if err != nil {
			return err
		}
		a.move(t.ExpiresAt)
		a.count(direction, Pending, -n)
	}
	return nil
}

// Balances returns what a user has, ordered by currency: of every published currency, also if it is
// nothing, and of those no longer in use that the user had some of. It returns [fault.ErrNotFound] for an
// unknown user.
func (s Service) Balances(ctx context.Context, userID string) ([]Balance, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]Balance, error) {
		u, p, err := s.reading(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		held, err := accounts.List(ctx, tx, store.Prefix(accountPrefix(u.ID)))
		if err != nil {
			return nil, err
		}
		due, err := overdue(ctx, tx, u.ID)
		if err != nil {
			return nil, err
		}
		for _, id := range p.ids {
			if !slices.ContainsFunc(held, func(a account) bool { return a.CurrencyID == id }) {
				held = append(held, account{UserID: u.ID, CurrencyID: id})
			}
		}
		slices.SortFunc(held, func(a, b account) int { return strings.Compare(a.CurrencyID, b.CurrencyID) })
		balances := make([]Balance, len(held))
		for i := range held {
			if err := held[i].forget(due); err != nil {
				return nil, err
			}
			if _, err := p.forgetLapsed(ctx, tx, &held[i], due, tx.Now); err != nil {
				return nil, err
			}
			balances[i] = p.balance(&held[i], u.CreatedAt)
		}
		return balances, nil
	})
}
