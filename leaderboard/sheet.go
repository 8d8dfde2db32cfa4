package leaderboard

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A sheet is where contributions are added up: the scores and values that they touch, as far as there
// are any before.
type sheet struct {
	scores map[string]*score // each replaced and never modified
	values map[string]value

	// What has changed, in order, to be saved.
	changed       map[string]bool // keys of scores; true where a value's time moved back
	changedScores []string
	users         map[string]*board // of the scores of users that are new, by their keys
	changedValues []string
	parts         []part
}

func newSheet() *sheet {
	return &sheet{scores: map[string]*score{}, values: map[string]value{}, changed: map[string]bool{}, users: map[string]*board{}}
}

// load reads what a decision touches.
func load(ctx context.Context, tx *session.Tx, d *decision) (*sheet, error) {
	s := newSheet()
	rows, err := scores.GetMany(ctx, tx, d.scores()...)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		s.scores[rows[i].key()] = &rows[i]
	}
	seen, err := values.GetMany(ctx, tx, d.values()...)
	if err != nil {
		return nil, err
	}
	for _, v := range seen {
		s.values[v.key()] = v
	}
	return s, nil
}

// add adds a contribution. It is false, and nothing has changed, if the sum would be no amount.
func (s *sheet) add(c *contribution) bool {
	key := c.of
	before := s.scores[key]
	switch {
	case c.hash != "":
		s.addValue(c, key, before)
	case before == nil:
		s.begin(c)
	default:
		after, ok := before.add(c)
		if !ok {
			return false
		}
		if after != *before {
			s.set(key, after)
		}
	}
	if c.kept() {
		s.parts = append(s.parts, c.part())
	}
	return true
}

// begin adds a new score.
func (s *sheet) begin(c *contribution) {
	s.set(c.of, c.fresh())
	if c.board.counter.tags == nil {
		s.users[c.of] = c.board
	}
}

func (s *sheet) set(key string, to score) {
	s.scores[key] = &to
	if _, ok := s.changed[key]; !ok {
		s.changed[key] = false
		s.changedScores = append(s.changedScores, key)
	}
}

// addValue counts a value unless it was counted before. The score was reached when the last of its
// values came up first.
func (s *sheet) addValue(c *contribution, key string, before *score) {
	at := valueKey(key, c.hash)
	v, known := s.values[at]
	if known && !c.at.Before(v.FirstAt) {
		return
	}
	s.values[at] = value{Of: key, Hash: c.hash, FirstAt: c.at}
	s.changedValues = append(s.changedValues, at)
	switch {
	case before == nil:
		s.begin(c)
	case !known:
		after := *before
		after.Micros += one
		if c.at.After(after.ReachedAt) {
			after.ReachedAt = c.at
		}
		s.set(key, after)
	case v.FirstAt.Equal(before.ReachedAt): // now another value may be the last
		s.set(key, *before)
		s.changed[key] = true
	}
}

// batch is how many rows are written at once.
const batch = 1000

// save writes what has changed and returns the scores that have.
func (s *sheet) save(ctx context.Context, tx *session.Tx) ([]score, error) {
	if err := s.hide(ctx, tx); err != nil {
		return nil, err
	}
	changedValues := make([]value, len(s.changedValues))
	for i, key := range s.changedValues {
		changedValues[i] = s.values[key]
	}
	if err := errors.Join(put(ctx, tx, values, changedValues), put(ctx, tx, parts, s.parts)); err != nil {
		return nil, err
	}
	changed := make([]score, len(s.changedScores))
	for i, key := range s.changedScores {
		changed[i] = *s.scores[key]
		if !s.changed[key] {
			continue
		}
		last, err := values.List(ctx, tx, store.By("first", store.Text(key)).Reverse().First(1))
		if err != nil {
			return nil, err
		}
		changed[i].ReachedAt = last[0].FirstAt
	}
	return changed, put(ctx, tx, scores, changed)
}

// hide hides the new scores of users whom their boards do not show.
func (s *sheet) hide(ctx context.Context, tx *session.Tx) error {
	for some := range slices.Chunk(slices.Sorted(maps.Keys(s.users)), batch) {
		ids := make([]string, len(some))
		for i, key := range some {
			ids[i] = s.scores[key].EntityID
		}
		slices.Sort(ids)
		away, err := tenancy.Away(ctx, tx, slices.Compact(ids)...)
		if err != nil {
			return err
		}
		for _, key := range some {
			s.scores[key].Hidden = s.users[key].hides(away[s.scores[key].EntityID])
		}
	}
	return nil
}

func put[T any](ctx context.Context, tx *session.Tx, into *store.Table[T], rows []T) error {
	for some := range slices.Chunk(rows, batch) {
		if err := into.Put(ctx, tx, some...); err != nil {
			return err
		}
	}
	return nil
}
