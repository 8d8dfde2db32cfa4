package analytics

import (
	"context"
	"math/bits"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
)

// A User is what one user did.
type User struct {
	AsOf
	Person

	// ActiveDays is on how many days of the range the user was active.
	ActiveDays int `json:"activeDays"`
	// MissionsAssigned and MissionsCompleted are how many missions of the user's own were so in the range.
	MissionsAssigned  int `json:"missionsAssigned"`
	MissionsCompleted int `json:"missionsCompleted"`
	// Points are what the user has got and paid so far, by currency and source in the order of their ids.
	Points []PointCount `json:"points"`
	// Learning is what the user has learned so far, as the engine has it now.
	Learning learning.Stats `json:"learning"`
}

// User returns what one user did: in a range where a field says so, and so far otherwise. It returns [fault.ErrNotFound] for a user who is not
// known, or erased.
func (r Reader) User(ctx context.Context, userID string, in Range) (out User, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	stats, err := r.workspace.Learning.Stats(ctx, userID)
	if err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		p, found, err := people.Get(ctx, tx, userID)
		if err == nil && (!found || p.Stranger) {
			err = fault.NotFound("userId", userID)
		}
		if err != nil {
			return err
		}
		out = User{AsOf: at.asOf(), Person: p.public(), Points: []PointCount{}, Learning: stats}
		if out.ActiveDays, err = activeDays(ctx, tx, userID, in); err != nil {
			return err
		}
		between := func(index string) (int, error) {
			return missionRows.Count(ctx, tx, store.By(index, store.Text(userID)).Between(store.Int(int64(in.From)), store.Int(int64(in.To)+1)))
		}
		if out.MissionsAssigned, err = between("assignedTo"); err != nil {
			return err
		}
		if out.MissionsCompleted, err = between("completedBy"); err != nil {
			return err
		}
		own, err := pointUsers.List(ctx, tx, store.Prefix(userID+"/"))
		for _, u := range own {
			if u.Source != whatever && u.Points.times() > 0 {
				out.Points = append(out.Points, u.Points.count(u.CurrencyID, u.Source))
			}
		}
		return err
	})
	return out, err
}

// activeDays returns on how many days of a range a user was active.
func activeDays(ctx context.Context, tx store.Tx, userID string, in Range) (n int, err error) {
	first, start := blockOf(in.From)
	last, end := blockOf(in.To)
	var keys []string
	for block := first; block <= last; block++ {
		keys = append(keys, spanKey(block, userID))
	}
	found, err := spans.GetMany(ctx, tx, keys...)
	for _, s := range found {
		if s.Block == first {
			s.Days &= ^uint32(0) << start
		}
		if s.Block == last {
			s.Days &= ^uint32(0) >> (daysInBlock - 1 - end)
		}
		n += bits.OnesCount32(s.Days)
	}
	return n, err
}
