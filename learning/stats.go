package learning

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Stats are what a user has learned so far. They are kept as things happen.
type Stats struct {
	UserID string `json:"userId"`
	// CompletedPaths is how many paths the user has completed, each attempt counting.
	CompletedPaths int `json:"completedPaths"`
	// QuizSuccessRate is which part of the user's answers was correct, from 0 to 1; 0 if there are none.
	QuizSuccessRate decimal.Decimal `json:"quizSuccessRate"`
	// LearningMinutes are the estimated durations of the paths that the user has completed.
	LearningMinutes decimal.Decimal `json:"learningMinutes"`
	// TotalActivities is how many items the user has completed: quizzes, slides, stories, and activities
	// of the user's paths. Activities that belong to no path are not learning and do not count.
	TotalActivities int `json:"totalActivities"`
}

// tally is what is kept for the statistics of a user.
type tally struct {
	UserID         string          `json:"userId"`
	CompletedPaths int             `json:"completedPaths,omitempty"`
	Answers        int             `json:"answers,omitempty"`
	Successes      int             `json:"successes,omitempty"`
	Minutes        decimal.Decimal `json:"minutes"`
	Items          int             `json:"items,omitempty"`
}

var statistics = store.Define("learning_stats", func(t *tally) string { return t.UserID }, nil)

// count changes the tally of a user.
func count(ctx context.Context, tx *session.Tx, userID string, change func(*tally)) error {
	t, _, err := statistics.Get(ctx, tx, userID)
	if err != nil {
		return err
	}
	t.UserID = userID
	change(&t)
	return statistics.Put(ctx, tx, t)
}

// item counts an item that has been completed.
func (t *tally) item(r *row) {
	t.Items++
	if r.ItemType != ItemQuiz {
		return
	}
	t.Answers++
	if r.Outcome == event.Success {
		t.Successes++
	}
}

// otherwise counts that an answer that was counted has another outcome.
func (t *tally) otherwise(r *row) {
	if r.Outcome == event.Success {
		t.Successes++
	} else {
		t.Successes--
	}
}

// path counts a path that has been completed.
func (t *tally) path(p *Path) {
	t.CompletedPaths++
	if p.EstimatedDuration != nil {
		t.Minutes = t.Minutes.Add(*p.EstimatedDuration)
	}
}

// sum returns the tally, which may be nil, after the change that made one of it another.
func (t *tally) sum(from, to *tally) tally {
	var out tally
	add := func(of *tally, sign int) {
		if of == nil {
			return
		}
		out.UserID = of.UserID
		out.CompletedPaths += sign * of.CompletedPaths
		out.Answers += sign * of.Answers
		out.Successes += sign * of.Successes
		out.Items += sign * of.Items
		out.Minutes = out.Minutes.Add(of.Minutes.Mul(decimal.NewFromInt(int64(sign))))
	}
	add(t, 1)
	add(from, -1)
	add(to, 1)
	return out
}

// stats returns the statistics of the tally.
func (t *tally) stats() Stats {
	s := Stats{UserID: t.UserID, CompletedPaths: t.CompletedPaths, LearningMinutes: t.Minutes, TotalActivities: t.Items}
	if t.Answers > 0 {
		const places = 6
		s.QuizSuccessRate = decimal.NewFromInt(int64(t.Successes)).DivRound(decimal.NewFromInt(int64(t.Answers)), places)
	}
	return s
}
