package levels

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Service is the levels of one workspace. The zero value refuses every call. It may be used concurrently.
type Service struct {
	// Ladders are the documents.
	Ladders content.Documents[Ladder]

	run     session.Runner
	program room.Current[*program]
}

// newService returns the service of a workspace; program gives what is in force there.
func newService(run session.Runner, lib *content.Library, program room.Current[*program]) Service {
	return Service{Ladders: content.NewDocuments(run, lib, Ladders), run: run, program: program}
}

// A Standing is where a user stands on a ladder.
type Standing struct {
	LadderID      string `json:"ladderId"`
	LadderVersion int    `json:"ladderVersion"`
	UserID        string `json:"userId"`
	// Step is the step that the user stands on, nil below the first, and Since when the user came there. Who fell below the first has a
	// time, too.
	Step  *Step     `json:"step,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Measure is how much there is of what is measured.
	Measure decimal.Decimal `json:"measure"`
	// Next is the step after that, nil on the last one. Missing is how much is missing to it, 0 where nothing is.
	Next    *Step           `json:"next,omitempty"`
	Missing decimal.Decimal `json:"missing"`
	// Share is how much of the way from the step to the next one the user has made, from 0 to 1, at six places; 1 on the last step.
	Share decimal.Decimal `json:"share"`
	// Highest is the highest step that the user ever stood on, nil if there is none.
	Highest *Step `json:"highest,omitempty"`
}

// Level returns where a user stands on a ladder, by the clock: who is to fall in the end of a period that is over has fallen, also if nobody
// has called the workspace's Advance since. A user of whom nothing was measured since the ladder was published, or measures something else, stands where the first event that
// is measured will find them, because of what was before. It returns [fault.ErrNotFound] for an unknown user, and for a ladder that is not in force.
func (s Service) Level(ctx context.Context, userID, ladderID string) (Standing, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Standing, error) {
		u, p, err := s.reading(ctx, tx, userID)
		if err != nil {
			return Standing{}, err
		}
		pl := p.byID[ladderID]
		if pl == nil {
			return Standing{}, fault.NotFound("ladder", ladderID)
		}
		return p.standing(ctx, tx, pl, u)
	})
}

// List returns where a user stands on all ladders that are in force, as [Service.Level] does, those that were made first before others. It returns
// [fault.ErrNotFound] for an unknown user.
func (s Service) List(ctx context.Context, userID string) ([]Standing, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]Standing, error) {
		u, p, err := s.reading(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		if err := tx.Prefetch(ctx, places.Rows(store.Prefix(placeKey(u.ID, "")))); err != nil {
			return nil, err
		}
		all := make([]Standing, len(p.plans))
		for i, pl := range p.plans {
			if all[i], err = p.standing(ctx, tx, pl, u); err != nil {
				return nil, err
			}
		}
		return all, nil
	})
}

func (s Service) reading(ctx context.Context, tx *session.Tx, userID string) (*tenancy.User, *program, error) {
	u, err := tenancy.FindUser(ctx, tx, userID)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.program(ctx, tx)
	return u, p, err
}

// standing returns where a user stands now. What the clock is to do by now is done for the answer alone.
func (p *program) standing(ctx context.Context, tx *session.Tx, pl *plan, u *tenancy.User) (Standing, error) {
	t, err := p.meet(ctx, tx, pl, u, tx.Now, "")
	if err != nil {
		return Standing{}, err
	}
	tx.Problems() // were reported when the events came
	t.silent = true
	if err := t.clock(ctx, tx.Now); err != nil {
		return Standing{}, err
	}
	s := &t.state
	out := Standing{
		LadderID: pl.ID, LadderVersion: pl.Version, UserID: u.ID, Since: s.Since, Measure: s.Measure, Share: decimal.NewFromInt(1),
		Highest: pl.step(pl.place(s.Highest, s.Summit)),
	}
	at := pl.place(s.Step, s.Threshold)
	if out.Step, out.Next = pl.step(at), pl.step(at+1); out.Next != nil {
		_, from := pl.at(at)
		out.Missing = decimal.Max(decimal.Decimal{}, out.Next.Threshold.Sub(s.Measure))
		way := decimal.Max(decimal.Decimal{}, s.Measure.Sub(from))
		out.Share = decimal.Min(out.Share, way.DivRound(out.Next.Threshold.Sub(from), amount.Places+2).Truncate(amount.Places))
	}
	return out, nil
}

// step returns a copy of a step, nil if there is none at the place.
func (pl *plan) step(i int) *Step {
	if i < 0 || i >= len(pl.Steps) {
		return nil
	}
	return new(pl.Steps[i])
}
