package leaderboard

import (
	"cmp"
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Service is the leaderboards of one workspace. The zero value refuses every call. It may be used
// concurrently.
//
// Ranks are exact: what a call returns is one state of the board, in which every recorded event has
// been counted that was recorded before the call. Inside a running transaction it is the state that
// the transaction has made.
//
// A board is named by its id. It keeps the scores of its periods apart; which one a call is about says
// at, where nil is the period of now, or of a board that has ended its last. Every method returns
// [fault.ErrNotFound] for a board that is not published or a period that it does not have, and
// [fault.ErrConflict] for one that has not counted yet what happened before it was published. As of a
// moment ([At.AsOf]), it returns [fault.ErrInvalid] for one that is still to come, and [fault.ErrConflict] for one
// of which not all is known any more: before the workspace's horizon, or on a board of tags in a period that began before it.
type Service struct {
	// Configurations and Boards are the documents.
	Configurations content.Documents[Configuration]
	Boards         content.Documents[Board]

	run     session.Runner
	program room.Current[*program]
	indexes *indexes
}

// newService returns the service of a workspace; program gives what is in force there. The indexes answer what they
// can; without them (nil) the store does.
func newService(run session.Runner, lib *content.Library, program room.Current[*program], indexes *indexes) Service {
	return Service{
		Configurations: content.NewDocuments(run, lib, Configurations),
		Boards:         content.NewDocuments(run, lib, Boards),
		run:            run,
		program:        program,
		indexes:        indexes,
	}
}

// The types of the entities on a board.
const (
	UserEntity = "User"
	TagEntity  = "Tag"
)

// A Row is an entity's place on a board.
type Row struct {
	// Rank begins at 1.
	Rank       int             `json:"rank"`
	EntityID   string          `json:"entityId"`
	EntityType string          `json:"entityType"` // [UserEntity] or [TagEntity]
	Score      decimal.Decimal `json:"score"`
	// ReachedAt is the latest time at which an event changed the score. Of equals, who reached the
	// score first comes first.
	ReachedAt time.Time `json:"reachedAt"`
}

// A Ranking is a part of a board in the order of ranks.
type Ranking struct {
	Period Period `json:"period"`
	Rows   []Row  `json:"items"`
	// Total is how many entities are on the board.
	Total int `json:"totalCount"`
}

// A Standing is one entity's place on a board. Who is not on it has the rank 0, and no score.
type Standing struct {
	Row
	Period Period `json:"period"`
	Total  int    `json:"totalCount"`
}

// MaxRows is how many rows one call can ask for.
const MaxRows = 1000

// Rank returns the place of an entity: a user, or a tag if the board ranks tags. One that is not on
// the board is no error: its rank is 0.
func (s Service) Rank(ctx context.Context, boardID, entityID string, at *At) (Standing, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Standing, error) {
		out := Standing{Row: Row{EntityID: entityID}}
		err := s.look(ctx, tx, boardID, at, func(v *view) (err error) {
			out.Period, out.EntityType = v.period, v.entityType()
			if out.Total, err = v.ladder.len(ctx); err != nil {
				return err
			}
			e, ok, err := v.find(ctx, entityID)
			if err != nil || !ok {
				return err
			}
			rows, err := v.rows(ctx, []entry{e}, -1)
			if err == nil {
				out.Row = rows[0]
			}
			return err
		})
		return out, err
	})
}

// Top returns the first n rows, fewer if the board has fewer. If n is 0 it returns as many as the
// board's configuration displays.
func (s Service) Top(ctx context.Context, boardID string, n int, at *At) (Ranking, error) {
	return s.slice(ctx, boardID, span{n, "n"}, 0, at)
}

// Page returns up to limit rows behind the first offset ones. If limit is 0 it returns as many as the
// board's configuration displays.
func (s Service) Page(ctx context.Context, boardID string, offset, limit int, at *At) (Ranking, error) {
	if offset < 0 {
		return Ranking{}, fault.Invalid("offset", "is %d; it must not be negative", offset)
	}
	return s.slice(ctx, boardID, span{limit, "limit"}, offset, at)
}

// A span is how many rows or periods a call asks for, 0 for the usual number.
type span struct {
	n     int
	field string // what the call names it
}

func (s span) check() error {
	if s.n < 0 || s.n > MaxRows {
		return fault.Invalid(s.field, "is %d; allowed are 0 to %d", s.n, MaxRows)
	}
	return nil
}

func (s Service) slice(ctx context.Context, boardID string, asked span, from int, at *At) (Ranking, error) {
	return s.ranking(ctx, boardID, asked, at, func(v *view, total, n int) ([]Row, error) {
		if from >= total {
			return nil, nil
		}
		es, err := v.ladder.slice(ctx, from, n)
		if err != nil {
			return nil, err
		}
		return v.rows(ctx, es, from)
	})
}

// Around returns n rows with the entity in their middle: n/2 before it, the others behind. Where the
// board begins or ends too soon, the rows on the other side are more. There are fewer than n only if
// the board has fewer, and none if the entity is not on it. If n is 0 it returns as many as the board's
// configuration displays.
func (s Service) Around(ctx context.Context, boardID, entityID string, n int, at *At) (Ranking, error) {
	return s.ranking(ctx, boardID, span{n, "n"}, at, func(v *view, total, n int) ([]Row, error) {
		e, ok, err := v.find(ctx, entityID)
		if err != nil || !ok {
			return nil, err
		}
		place, err := v.ladder.place(ctx, e)
		if err != nil {
			return nil, err
		}
		n = min(n, total)
		from := min(max(0, place-n/2), total-n)
		es, err := v.ladder.near(ctx, e, place-from, from+n-1-place)
		if err != nil {
			return nil, err
		}
		return v.rows(ctx, es, from)
	})
}

func (s Service) ranking(ctx context.Context, boardID string, asked span, at *At, rows func(v *view, total, n int) ([]Row, error)) (Ranking, error) {
	if err := asked.check(); err != nil {
		return Ranking{}, err
	}
	return session.Read(ctx, s.run, func(tx *session.Tx) (Ranking, error) {
		var out Ranking
		err := s.look(ctx, tx, boardID, at, func(v *view) (err error) {
			if out.Total, err = v.ladder.len(ctx); err != nil {
				return err
			}
			out.Period = v.period
			out.Rows, err = rows(v, out.Total, cmp.Or(asked.n, v.board.topN))
			return err
		})
		return out, err
	})
}

// Periods returns the n periods that began last before an instant, the newest first; the zero instant
// is now. If n is 0 it returns 20. In USER zones a period begins for all when it does in UTC.
func (s Service) Periods(ctx context.Context, boardID string, n int, before time.Time) ([]Period, error) {
	if err := (span{n, "n"}).check(); err != nil {
		return nil, err
	}
	n = cmp.Or(n, store.DefaultPage)
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]Period, error) {
		b, o, err := s.find(ctx, tx, boardID)
		if err != nil {
			return nil, err
		}
		until := o.chainEnd(tx.Now)
		if !before.IsZero() && before.Before(until) {
			until = before.Add(-time.Nanosecond)
		}
		var periods []Period
		for p, ok := b.begun(until); ok && len(periods) < n; p, ok = b.before(p) {
			if gone, err := archived(ctx, tx, p); gone || err != nil {
				return periods, err
			}
			periods = append(periods, show(p, &o, tx.Now))
		}
		return periods, nil
	})
}

// Provisional returns which of some boards have ended and still take what is late ([Period.Provisional]): of one that is RECURRING, its last
// period. A board that goes on is none of them, nor is one that is not published, or has not counted yet what happened before it was.
func (s Service) Provisional(ctx context.Context, boardIDs ...string) (map[string]bool, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (map[string]bool, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		opened, err := openings.GetMany(ctx, tx, boardIDs...)
		provisional := map[string]bool{}
		for i := range opened {
			o := &opened[i]
			b := p.boards[o.BoardID]
			if b == nil || !o.of(b) || o.Counting || b.frame.BoardState(tx.Now) != timeframe.Ended {
				continue
			}
			if last, ok := b.begun(o.chainEnd(tx.Now)); ok && show(last, o, tx.Now).Provisional {
				provisional[b.id] = true
			}
		}
		return provisional, err
	})
}

// show returns a period for callers.
func show(p timeframe.Period, o *opening, now time.Time) Period {
	state, frozen := p.State(now), o.frozen(p)
	return Period{p.ID, p.StartsAt, p.EndsAt, state, frozen, state == timeframe.Ended && !frozen}
}

func (s Service) find(ctx context.Context, tx *session.Tx, boardID string) (*board, opening, error) {
	p, err := s.program(ctx, tx)
	if err != nil {
		return nil, opening{}, err
	}
	b, ok := p.boards[boardID]
	if !ok {
		return nil, opening{}, fault.NotFound(Boards.Name(), boardID)
	}
	o, _, err := openings.Get(ctx, tx, boardID)
	if err == nil && (!o.of(b) || o.Counting) {
		err = fault.Conflict(Boards.Name(), "%q has not counted yet what happened before it was published, which Advance goes on with", boardID)
	}
	return b, o, err
}

// A view is a period of a board as one transaction sees it.
type view struct {
	tx     *session.Tx
	board  *board
	period Period
	ladder ladder
}

// find returns the place of an entity, also of a user by an id that was given up.
func (v *view) find(ctx context.Context, entityID string) (entry, bool, error) {
	e, ok, err := v.ladder.find(ctx, entityID)
	if err != nil || ok || v.entityType() != UserEntity {
		return e, ok, err
	}
	standing, err := tenancy.Standing(ctx, v.tx, entityID)
	if err != nil || standing == entityID {
		return e, false, err
	}
	return v.ladder.find(ctx, standing)
}

// look calls fn with the period of a board that is asked for.
func (s Service) look(ctx context.Context, tx *session.Tx, boardID string, at *At, fn func(*view) error) error {
	b, o, err := s.find(ctx, tx, boardID)
	if err != nil {
		return err
	}
	moment, past, err := at.moment(tx.Now)
	if err != nil {
		return err
	}
	p, err := b.pick(at, &o, moment)
	if err != nil {
		return err
	}
	switch gone, err := archived(ctx, tx, p); {
	case err != nil:
		return err
	case gone:
		return fault.NotFound("periodId", p.ID)
	}
	v := &view{tx: tx, board: b, period: show(p, &o, moment)}
	if closed := o.frozen(p) && ended(p, moment); past && !closed {
		v.period.Frozen = false
		program, err := s.program(ctx, tx)
		if err == nil {
			v.ladder, err = program.asOf(ctx, tx, b, &o, p, moment)
		}
		if err != nil {
			return err
		}
		return fn(v)
	}
	index := s.indexes.of(tx.Scope(), b.life)
	if !tx.Committed && index != nil { // which only learns of what is committed
		tx.Afterwards(ranking(b.id, p.ID), func(tx *session.Tx) error {
			return s.look(ctx, tx, b.id, &At{Period: p.ID}, func(*view) error { return nil })
		})
	}
	stored := storeLadder{tx: tx, ranking: ranking(b.id, p.ID), ascending: b.counter.Order == Ascending}
	return index.use(ctx, tx, b, stored, func(l ladder) error {
		v.ladder = l
		return fn(v)
	})
}

// pick returns the period that is asked for.
func (b *board) pick(at *At, o *opening, now time.Time) (p timeframe.Period, err error) {
	var ok bool
	switch {
	case at == nil || at.Period == "" && at.Time.IsZero():
		if p, ok = b.begun(o.chainEnd(now)); !ok {
			p = b.periods.First()
		}
		return p, nil
	case at.Period != "":
		p, ok = b.period(at.Period)
		if !ok || !o.has(p) {
			return p, fault.NotFound("periodId", at.Period)
		}
		return p, nil
	}
	p, ok = b.at(at.Time)
	if !ok || !o.has(p) {
		return p, fault.NotFound("period", at.Time.Format(time.RFC3339))
	}
	return p, nil
}

func (v *view) entityType() string {
	if v.board.counter.tags != nil {
		return TagEntity
	}
	return UserEntity
}

// rows numbers entries that follow one another; place is how many are ahead of the first, or -1 if
// that is to be found out.
func (v *view) rows(ctx context.Context, es []entry, place int) ([]Row, error) {
	if len(es) == 0 {
		return nil, nil
	}
	style := v.board.counter.RankStyle
	rank, err := v.rank(ctx, es[0], place)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(es))
	for i, e := range es {
		switch tie := i == 0 || e.Position == es[i-1].Position; {
		case i == 0 || tie && style != RowNumber:
		case style == DenseRank:
			rank++
		default:
			rank = place + i + 1
		}
		rows[i] = v.row(rank, e)
	}
	return rows, nil
}

// rank returns the rank of an entry.
func (v *view) rank(ctx context.Context, e entry, place int) (ahead int, err error) {
	switch style := v.board.counter.RankStyle; {
	case place == 0:
	case style == DenseRank:
		ahead, err = v.ladder.levels(ctx, e.Position)
	case style != RowNumber:
		ahead, err = v.ladder.ahead(ctx, e.Position)
	case place > 0:
		ahead = place
	default:
		ahead, err = v.ladder.place(ctx, e)
	}
	return ahead + 1, err
}
