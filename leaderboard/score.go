package leaderboard

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// score is what an entity has in a period of a board.
type score struct {
	BoardID  string `json:"runtimeLeaderboardId"`
	PeriodID string `json:"periodId"`
	EntityID string `json:"entityId"`
	// Micros is the score in millionths.
	Micros    int64 `json:"micros"`
	Ascending bool  `json:"ascending,omitempty"`
	// ReachedAt is the latest time at which an event changed the score. Where the last value counts,
	// every event does.
	ReachedAt time.Time `json:"reachedAt"`
	// Nil says that nothing but zeros was summed up so far. Then the first one made the score.
	Nil bool `json:"nil,omitempty"`
	// LastID is the event that gave the score of a board that shows the last one.
	LastID string `json:"lastId,omitempty"`
	// Hidden says that the user takes no part, so that the score, which goes on to count, is not on the board.
	Hidden bool `json:"hidden,omitempty"`
}

// ranking names the scores of one period of a board. It is the first part of their keys.
func ranking(boardID, periodID string) string { return boardID + "/" + periodID }

func (s *score) ranking() string { return ranking(s.BoardID, s.PeriodID) }

func (s *score) key() string { return scoreKey(s.ranking(), s.EntityID) }

func scoreKey(ranking, entityID string) string { return ranking + "/" + entityID }

// position returns the number whose ascending order is that of the ranks.
func (s *score) position() int64 { return position(s.Micros, s.Ascending) }

// position and its inverse are the same function. Unlike a minus, ^ has no overflow.
func position(n int64, ascending bool) int64 {
	if ascending {
		return n
	}
	return ^n
}

var scores = store.Define("leaderboard_scores", (*score).key,
	[]store.Field[score]{
		{Name: "ranking", Kind: store.KindText, Of: func(s *score) store.Value {
			if s.Hidden {
				return store.Value{}
			}
			return store.Text(s.ranking())
		}},
		{Name: "position", Kind: store.KindInt, Of: func(s *score) store.Value { return store.Int(s.position()) }},
		{Name: "reached_at", Kind: store.KindInt, Of: func(s *score) store.Value { return store.Time(s.ReachedAt) }},
	},
	// The order of ranks: the better score, who reached it first, and by the key the entity's id.
	store.Index{Name: "rank", Columns: []string{"ranking", "position", "reached_at"}},
)

// value is one of the distinct values that a score counts.
type value struct {
	Of   string `json:"of"` // the score's key
	Hash string `json:"hash"`
	// FirstAt is the earliest time at which an event had the value.
	FirstAt time.Time `json:"firstAt"`
	// Settled says that an event had it for which nobody can ask any more.
	Settled bool `json:"settled,omitempty"`
}

func valueKey(of, hash string) string { return of + "/" + hash }

func (v *value) key() string { return valueKey(v.Of, v.Hash) }

var values = store.Define("leaderboard_values", (*value).key,
	[]store.Field[value]{
		{Name: "of", Kind: store.KindText, Of: func(v *value) store.Value { return store.Text(v.Of) }},
		{Name: "first_at", Kind: store.KindInt, Of: func(v *value) store.Value { return store.Time(v.FirstAt) }},
	},
	store.Index{Name: "first", Columns: []string{"of", "first_at"}},
).Packed().Version(3)

// part is a contribution that is kept with the score of a tag: the event may turn out not to have happened, and of
// the score's other users nothing is known then.
type part struct {
	Of      string    `json:"of"` // the score's key
	EventID string    `json:"eventId"`
	At      time.Time `json:"at"`
	Micros  int64     `json:"micros"`
	Hash    string    `json:"hash,omitempty"`
}

func partKey(of, eventID string) string { return of + "/" + eventID }

func (p *part) key() string { return partKey(p.Of, p.EventID) }

var parts = store.Define("leaderboard_parts", (*part).key, nil).Packed()

// opening says by what a board counts since it opened. What publishing another version of its
// configuration does not change is copied.
type opening struct {
	BoardID              string              `json:"runtimeLeaderboardId"`
	Version              int                 `json:"version"` // of the board
	ConfigurationVersion int                 `json:"configurationVersion"`
	Query                Query               `json:"query"`
	Timeframe            timeframe.Timeframe `json:"timeframe"`
	OpenedAt             time.Time           `json:"openedAt"`
	// Since is when it opened first with periods that are the same, zero for OpenedAt: those that had ended by then were never open.
	Since time.Time `json:"since,omitzero"`
	// FrozenAt freezes the periods that had ended by then.
	FrozenAt time.Time `json:"frozenAt,omitzero"`
	// StoppedAt is when the configuration was taken out of use: no period begins after it.
	StoppedAt time.Time `json:"stoppedAt,omitzero"`
	// Counting says that the board still counts what happened before it opened: it has counted the users before Mark, and
	// leaves what others do for when it comes to them.
	Counting bool   `json:"counting,omitempty"`
	Mark     string `json:"mark,omitempty"`
	// Clearing says that before it counts it still removes what its last version has counted: the number of the table that it has
	// come to, whose rows up to Mark are gone.
	Clearing int `json:"clearing,omitempty"`
	// Kept says that all contributions are kept that are to be. It is not said of who opened before activities could be taken back.
	Kept bool `json:"kept,omitempty"`
	// KeptOfAll says that also those are kept of what users submit and redeem. It is not said of who opened before that could turn out not to have happened.
	KeptOfAll bool `json:"keptOfAll,omitempty"`
}

// keeps tells whether a board of tags that opened so keeps all contributions of events of a type.
func (o *opening) keeps(t event.Type) bool {
	switch t {
	case event.Activity:
		return o.Kept
	case event.Quiz, event.Slide, event.Story, event.MobilityMilestone:
		return o.KeptOfAll
	case event.Mission, event.VirtualTransaction, event.Streak, event.LearningGroup, event.LearningPath, event.Badge, event.MobilityTracking, event.Level, event.User,
		event.Clock, event.Retraction:
	}
	return true
}

var openings = store.Define("leaderboards", func(o *opening) string { return o.BoardID }, nil).Version(5)

// formerOpenings are those that others have replaced. Who explains the past asks for them.
var formerOpenings = store.Define("leaderboards_before", func(o *opening) string {
	return o.BoardID + "/" + store.KeyTime(o.OpenedAt)
}, nil).Version(5)

// openingsThen returns the openings of boards that the transaction's moment knew, as far as there are any.
func openingsThen(ctx context.Context, tx *session.Tx, boardIDs ...string) ([]opening, error) {
	latest, err := openings.GetMany(ctx, tx, boardIDs...)
	if err != nil {
		return nil, err
	}
	var known []opening
	for _, o := range latest {
		if !o.OpenedAt.After(tx.Now) {
			known = append(known, o)
			continue
		}
		former, err := formerOpenings.List(ctx, tx, store.Prefix(o.BoardID+"/").Reverse())
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(former, func(o opening) bool { return !o.OpenedAt.After(tx.Now) }); i >= 0 {
			known = append(known, former[i])
		}
	}
	return known, nil
}

// since returns when the board opened first with periods that are the same.
func (o *opening) since() time.Time { return cmp.Or(o.Since, o.OpenedAt) }

// comesTo tells whether the board will yet count all that a user has done.
func (o *opening) comesTo(userID string) bool {
	return o.Counting && (o.Clearing > 0 || mechanic.Behind(o.Mark, userID))
}

// of tells whether the board has opened as it is published; it has not if o is zero.
func (o *opening) of(b *board) bool {
	return o.Version == b.version && o.ConfigurationVersion == b.configuration
}

// frozen tells whether nothing can change in the period any more.
func (o *opening) frozen(p timeframe.Period) bool {
	return !p.EndsAt.IsZero() && !o.FrozenAt.IsZero() && !p.EndsAt.After(o.FrozenAt)
}

// has tells whether the period belongs to the chain, which may have been stopped before it began.
func (o *opening) has(p timeframe.Period) bool {
	return o.StoppedAt.IsZero() || !p.StartsAt.After(o.StoppedAt)
}

// chainEnd returns when the chain was stopped, or now.
func (o *opening) chainEnd(now time.Time) time.Time {
	if !o.StoppedAt.IsZero() && o.StoppedAt.Before(now) {
		return o.StoppedAt
	}
	return now
}

// A contribution is what one event does to one score.
type contribution struct {
	of      string // the score's key
	board   *board
	period  timeframe.Period
	entity  string
	at      time.Time
	eventID string
	by      string // the user
	micros  int64  // what the row is worth
	hash    string // of the value to be counted once, "" if rows are not counted so
}

// kept tells whether the contribution is kept.
func (c *contribution) kept() bool {
	return c.board.counter.tags != nil
}

// part returns what is kept of the contribution.
func (c *contribution) part() part {
	return part{Of: c.of, EventID: c.eventID, At: c.at, Micros: c.micros, Hash: c.hash}
}

// contribution returns one of the same score as another that is what is kept.
func (p *part) contribution(c contribution) contribution {
	c.at, c.eventID, c.micros, c.hash = p.At, p.EventID, p.Micros, p.Hash
	return c
}

// fresh returns the score that c begins.
func (c *contribution) fresh() score {
	return score{
		BoardID: c.board.id, PeriodID: c.period.ID, EntityID: c.entity,
		Micros: c.micros, Ascending: c.board.counter.Order == Ascending,
		ReachedAt: c.at, Nil: c.micros == 0 && c.sums(), LastID: c.lastID(),
	}
}

func (c *contribution) sums() bool {
	f := c.board.counter.Score.Function
	return f == Sum || f == Count
}

func (c *contribution) lastID() string {
	if c.board.counter.Score.Function == Last {
		return c.eventID
	}
	return ""
}

// add returns the score with c added; c is not one of a distinct value. The result does not depend on
// the order in which contributions are added. It is false if the sum is no amount.
func (s score) add(c *contribution) (score, bool) {
	switch c.board.counter.Score.Function {
	case Sum, Count:
		return s.sum(c)
	case Max:
		return s.best(c, c.micros > s.Micros), true
	case Min:
		return s.best(c, c.micros < s.Micros), true
	case Last:
		if c.at.After(s.ReachedAt) || c.at.Equal(s.ReachedAt) && c.eventID > s.LastID {
			s.Micros, s.ReachedAt, s.LastID = c.micros, c.at, c.eventID
		}
	case CountDistinct:
	}
	return s, true
}

// shows tells whether the score shows what it is without c, one of its contributions: it was not reached with c.
func (s score) shows(c *contribution) bool {
	switch c.board.counter.Score.Function {
	case Sum, Count:
		return !s.Nil && (c.micros == 0 || c.at.Before(s.ReachedAt))
	case Max, Min:
		return c.micros != s.Micros || c.at.After(s.ReachedAt)
	case Last:
		return c.eventID != s.LastID
	case CountDistinct:
	}
	return false
}

// without returns a score that shows it without c.
func (s score) without(c *contribution) score {
	if c.sums() {
		s.Micros -= c.micros
	}
	return s
}

func (s score) sum(c *contribution) (score, bool) {
	total := s.Micros + c.micros
	if (total > s.Micros) != (c.micros > 0) && c.micros != 0 {
		return s, false
	}
	s.Micros = total
	switch zero := c.micros == 0; {
	case zero && !s.Nil: // changes nothing
	case zero && c.at.Before(s.ReachedAt): // was the first
		s.ReachedAt = c.at
	case zero:
	case s.Nil || c.at.After(s.ReachedAt):
		s.ReachedAt, s.Nil = c.at, false
	}
	return s, true
}

// best keeps the first of the best.
func (s score) best(c *contribution, better bool) score {
	if better || c.micros == s.Micros && c.at.Before(s.ReachedAt) {
		s.Micros, s.ReachedAt = c.micros, c.at
	}
	return s
}
