package streaks

import (
	"time"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// state is one user's streak of one rule: the fold of its days, and what cannot be folded.
type state struct {
	UserID string `json:"userId"`
	RuleID string `json:"streakRuleId"`
	// Met is when what the streak counted first happened, zero if that was not kept.
	Met time.Time `json:"met,omitzero"`
	fold
	// Awake is the fold without the frozen periods at the end, nil if there are none.
	Awake *fold `json:"awake,omitempty"`
	// Lost says that the period after the last was judged and not frozen: it will not be judged again.
	Lost bool `json:"lost,omitempty"`
	// Told says for how many times each target was reached an event was caused.
	Told map[int]int `json:"told,omitempty"`
	// Broke is the last day of the run of which it was told last that it broke.
	Broke *timeframe.Day `json:"broke,omitempty"`
	// CheckAt is when the next period may have been missed.
	CheckAt time.Time `json:"checkAt,omitzero"`
}

var stateTable = store.Define("streaks", func(s *state) string { return streakKey(s.UserID, s.RuleID) },
	[]store.Field[state]{
		{Name: "check_at", Kind: store.KindInt, Of: func(s *state) store.Value { return store.Time(s.CheckAt) }},
	},
	store.Index{Name: "due", Columns: []string{"check_at"}},
).Packed().Version(3)
