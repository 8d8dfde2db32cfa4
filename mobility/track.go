package mobility

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Result is what became of a tracking that was told.
type Result string

// The results. A tracking that is known as it is changes nothing, and neither does one that the provider knew before what is
// known here, or one of a user who has not turned tracking on: of that, nothing is kept.
const (
	Recorded   Result = "RECORDED"
	Corrected  Result = "CORRECTED"
	Unchanged  Result = "UNCHANGED"
	Stale      Result = "STALE"
	NotTracked Result = "NOT_TRACKED"
)

// A Tracked says what became of a tracking that was told.
type Tracked struct {
	// ID is that of the tracking; empty if the result is NOT_TRACKED.
	ID     string `json:"mobilityTrackingId,omitempty"`
	Result Result `json:"result"`
	// EventID is the event of the tracking as it is known now, whose entry in the journal says what followed.
	EventID string `json:"eventId,omitempty"`
	// Suspicious says that it counts nothing for that reason.
	Suspicious bool `json:"suspicious,omitempty"`
}

// Track takes what providers saw, in any order, and returns what became of each. All is done in one transaction or nothing: it
// returns [fault.ErrInvalid] for every field at fault with its place ("trackings[3].endsAt"), [fault.ErrNotFound] for an unknown
// user, [fault.ErrForbidden] for one who is not active, and [fault.ErrConflict] for what happened before the workspace's horizon,
// or corrects what did. At most [MaxTrackings] are taken at once; and none twice in one call.
//
// Tracks of a user that contradict one another, of whatever providers, cannot all be true: which of them are suspicious follows from all
// trackings that there are, and not from the order in which they came ([Suspicion]). So a track that comes may change what is said of
// others that began after it, which are then told anew, as if they had been corrected.
//
// A correction takes the place of what was told before: what followed from that is taken back, as from an event that comes late
// and turns out to be another, and what somebody has decided stays: milestones that were redeemed, rewards that were, a review.
func (s Service) Track(ctx context.Context, list []Tracking) ([]Tracked, error) {
	if n := len(list); n > MaxTrackings {
		return nil, fault.Invalid("trackings", "are %d, at most %d are allowed", n, MaxTrackings)
	}
	return s.take(ctx, list, 0, false)
}

// take takes trackings, of which the first has a place among all that the caller has. If it may leave some out, those of users
// who are unknown or not active are.
func (s Service) take(ctx context.Context, list []Tracking, first int, leaves bool) ([]Tracked, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) ([]Tracked, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		ready, err := p.receive(ctx, tx, list, first, leaves)
		if err != nil {
			return nil, err
		}
		results := make([]Tracked, len(ready))
		tellings := map[string][]telling{}
		for i := range ready {
			if ready[i].ID == "" { // left out
				results[i].Result = NotTracked
				continue
			}
			var tell *telling
			if results[i], tell, err = p.meet(ctx, tx, &ready[i]); err != nil {
				return nil, in(first+i, err)
			}
			if tell != nil {
				tellings[ready[i].UserID] = append(tellings[ready[i].UserID], *tell)
			}
		}
		since := map[string]*Tracking{}
		for _, userID := range slices.Sorted(maps.Keys(tellings)) {
			all, err := p.tell(ctx, tx, tellings[userID])
			if err != nil {
				return nil, err
			}
			for i := range all {
				since[all[i].now.ID] = &all[i].now
			}
		}
		for i := range results {
			if t := since[results[i].ID]; t != nil {
				results[i].EventID, results[i].Suspicious = t.EventID, t.Suspicious
			}
		}
		return results, nil
	})
}

// in is the error of a tracking of several.
func in(i int, err error) error { return fault.In(fmt.Sprintf("trackings[%d]", i), err) }

// receive checks trackings and fills in what follows from them. One that is left out has no id. It writes nothing.
func (p *program) receive(ctx context.Context, tx *session.Tx, list []Tracking, first int, leaves bool) ([]Tracking, error) {
	ready, faults := make([]Tracking, len(list)), make([]error, len(list))
	settled, err := horizon(ctx, tx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range list {
		t := &ready[i]
		*t = list[i]
		t.ID = ""
		err := t.check(tx.Now, tx.Zones)
		id := trackingID(t.UserID, t.Provider, t.ProviderID)
		switch {
		case err != nil:
		case seen[id]:
			err = t.twice()
		default:
			err = t.unsettled(settled)
		}
		seen[id] = true
		faults[i] = in(first+i, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if err := tx.Prefetch(ctx, p.reading(tx, ready)...); err != nil {
		return nil, err
	}
	for i := range ready {
		t := &ready[i]
		u, err := tenancy.FindActive(ctx, tx, "userId", t.UserID)
		if leaves && (errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrForbidden)) {
			continue
		}
		if err == nil && u.ID != t.UserID { // whose other id was given up
			if t.UserID = u.ID; seen[trackingID(u.ID, t.Provider, t.ProviderID)] {
				err = t.twice()
			}
			seen[trackingID(u.ID, t.Provider, t.ProviderID)] = true
		}
		if err == nil {
			u, err = u.At(ctx, tx, t.StartsAt)
		}
		if err == nil {
			err = t.settle(u.Timezone, tx.Zones)
		}
		if err != nil {
			return nil, in(first+i, err)
		}
	}
	return ready, nil
}

// horizon returns the moment before which all is settled, zero for none.
func horizon(ctx context.Context, tx *session.Tx) (at time.Time, err error) {
	if tx.Horizon != nil {
		at, _, err = tx.Horizon(ctx)
	}
	return at, err
}

func (t *Tracking) twice() error { return fault.Invalid("providerId", "%q occurs twice", t.ProviderID) }

// unsettled refuses a tracking that began before a horizon.
func (t *Tracking) unsettled(horizon time.Time) error {
	if t.StartsAt.Before(horizon) {
		return fault.Conflict("startsAt", "is %s; what happened before the workspace's horizon %s is settled", stamp(t.StartsAt), stamp(horizon))
	}
	return nil
}

// reading names what is read of trackings.
func (p *program) reading(tx *session.Tx, list []Tracking) []store.Read {
	var reads []store.Read
	ids, keys := make([]string, len(list)), make([]string, len(list))
	for i := range list {
		t := &list[i]
		ids[i], keys[i] = trackingID(t.UserID, t.Provider, t.ProviderID), activationKey(t.UserID, t.Provider)
		reads = append(reads, tenancy.ReadingUserAt(t.UserID, t.StartsAt, tx.Now)...)
	}
	return append(reads, trackings.Keys(ids...), shapes.Keys(ids...), activations.Keys(keys...))
}

// meet says what becomes of a tracking, and what it takes the place of, if it is going to be told.
func (p *program) meet(ctx context.Context, tx *session.Tx, t *Tracking) (result Tracked, tell *telling, err error) {
	a, _, err := activations.Get(ctx, tx, activationKey(t.UserID, t.Provider))
	if err != nil || a.Status != On {
		return Tracked{Result: NotTracked}, nil, err
	}
	old, known, err := find(ctx, tx, t.ID)
	if err != nil {
		return Tracked{}, nil, err
	}
	if !known {
		return Tracked{ID: t.ID, Result: Recorded}, &telling{now: *t}, t.draw(ctx, tx)
	}
	result = Tracked{ID: t.ID, EventID: old.EventID, Suspicious: old.Suspicious}
	switch {
	case !t.UpdatedAt.IsZero() && t.UpdatedAt.Before(old.UpdatedAt):
		result.Result = Stale
		return result, nil, nil
	case t.alike(&old):
		result.Result = Unchanged
		return result, nil, nil
	}
	result.Result = Corrected
	now := *t
	now.Review = old.Review // what somebody has decided stays
	return result, &telling{now, &old}, t.draw(ctx, tx)
}

// tell tells of trackings of one user, and of those that are judged otherwise because of them, and returns all of them as they are since.
func (p *program) tell(ctx context.Context, tx *session.Tx, given []telling) ([]telling, error) {
	all, err := p.judge(ctx, tx, given)
	if err != nil {
		return nil, err
	}
	for i := range all {
		told := session.Told{Event: all[i].now.told()}
		if all[i].was != nil {
			told.Instead = all[i].was.EventID
		}
		tx.Tell(told)
	}
	return all, nil
}

// draw keeps where the tracking was.
func (t *Tracking) draw(ctx context.Context, tx *session.Tx) error {
	if t.Geometry == "" && t.UpdatedAt.IsZero() {
		return shapes.Delete(ctx, tx, t.ID)
	}
	return shapes.Put(ctx, tx, shape{t.ID, t.Geometry, t.UpdatedAt})
}

// find returns a tracking with its geometry, and whether there is one.
func find(ctx context.Context, tx *session.Tx, id string) (Tracking, bool, error) {
	t, known, err := trackings.Get(ctx, tx, id)
	if err != nil || !known {
		return Tracking{}, false, err
	}
	s, _, err := shapes.Get(ctx, tx, id)
	t.Geometry, t.UpdatedAt = s.Geometry, s.UpdatedAt
	return t, true, err
}
