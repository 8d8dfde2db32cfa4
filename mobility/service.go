package mobility

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Service is the mobility of one workspace. The zero value refuses every call. It may be used concurrently.
type Service struct {
	// Factors and Goals are the documents.
	Factors content.Documents[Factors]
	Goals   content.Documents[Goals]

	run     session.Runner
	program room.Current[*program]
}

// newService returns the service of a workspace; program gives what is in force there.
func newService(run session.Runner, lib *content.Library, program room.Current[*program]) Service {
	return Service{
		Factors: content.NewDocuments(run, lib, FactorsKind),
		Goals:   content.NewDocuments(run, lib, GoalsKind),
		run:     run, program: program,
	}
}

// A Switch says whether a user is tracked.
type Switch string

// The positions.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// An Activation says whether a provider tracks a user.
type Activation struct {
	UserID   string `json:"userId"`
	Provider string `json:"provider"`
	// Status is on or off. Who never turned it on is off.
	Status Switch `json:"status"`
	// UpdatedAt is when it became so; the engine sets it.
	UpdatedAt time.Time `json:"updatedAt"`
}

var activations = store.Define("mobility_activations", (*Activation).key, nil)

func (a *Activation) key() string { return activationKey(a.UserID, a.Provider) }

func activationKey(userID, provider string) string { return userID + "/" + provider }

// Activate turns tracking by a provider on or off for a user, and returns how it is since. What was told before stays: turning it
// off forgets nothing. It returns [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] for an unknown user, and
// [fault.ErrForbidden] if the user is not active.
func (s Service) Activate(ctx context.Context, a Activation) (Activation, error) {
	err := errors.Join(ident.Check("userId", a.UserID), ident.Check("provider", a.Provider))
	if a.Status != On && a.Status != Off {
		err = errors.Join(err, fault.Invalid("status", "%.80q is none of on, off", a.Status))
	}
	if err != nil {
		return Activation{}, err
	}
	return session.Write(ctx, s.run, func(tx *session.Tx) (Activation, error) {
		u, err := tenancy.FindActive(ctx, tx, "userId", a.UserID)
		if err != nil {
			return Activation{}, err
		}
		now := a
		now.UserID = u.ID
		before, known, err := activations.Get(ctx, tx, now.key())
		if err != nil || known && before.Status == a.Status {
			return before, err
		}
		now.UpdatedAt = tx.Now
		return now, activations.Put(ctx, tx, now)
	})
}

// Activations returns which providers track a user, or did, in the order of their names. It returns [fault.ErrNotFound] for an
// unknown user.
func (s Service) Activations(ctx context.Context, userID string) ([]Activation, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]Activation, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		return activations.List(ctx, tx, store.Prefix(activationKey(u.ID, "")))
	})
}

// A Query says which days a list shows. The zero value is all.
type Query struct {
	// From and To are the first and the last day; the zero Day is no bound.
	From, To timeframe.Day
}

// Trackings returns a user's trackings, the newest first, and the token of the next page, "" if there is none. It returns
// [fault.ErrNotFound] for an unknown user.
func (s Service) Trackings(ctx context.Context, userID string, q Query, page store.Page) (list []Tracking, next string, err error) {
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Tracking, string, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, "", err
		}
		of := store.By("day", store.Text(u.ID))
		if q.From != 0 {
			of.From = store.Int(int64(q.From))
		}
		if q.To != 0 {
			of.Until = store.Int(int64(q.To) + 1)
		}
		found, next, err := trackings.PageOf(ctx, tx, of, page)
		if err != nil {
			return nil, "", err
		}
		ids := make([]string, len(found))
		for i := range found {
			ids[i] = found[i].ID
		}
		if err := tx.Prefetch(ctx, shapes.Keys(ids...)); err != nil {
			return nil, "", err
		}
		list := make([]Tracking, len(found))
		for i, id := range ids {
			if list[i], _, err = find(ctx, tx, id); err != nil {
				return nil, "", err
			}
		}
		return list, next, nil
	})
}

// Tracking returns a tracking, [fault.ErrNotFound] if there is none.
func (s Service) Tracking(ctx context.Context, id string) (Tracking, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Tracking, error) {
		t, known, err := find(ctx, tx, id)
		if err == nil && !known {
			err = fault.NotFound(trackingNoun, id)
		}
		return t, err
	})
}

// Milestones returns the milestones of days of a user, in pages of days, the newest day first and within a day in the order of
// the goals; and the token of the next page, "" if there is none. It lists the days of which something was told while goals
// were in force. It returns [fault.ErrNotFound] for an unknown user.
func (s Service) Milestones(ctx context.Context, userID string, q Query, page store.Page) (list []Milestone, next string, err error) {
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Milestone, string, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, "", err
		}
		of := store.Prefix(dayKeyPrefix(u.ID))
		if q.From != 0 {
			of.From = store.Text(dayKey(u.ID, q.From))
		}
		if q.To != 0 {
			of.Until = store.Text(dayKey(u.ID, q.To.Add(1)))
		}
		found, next, err := days.PageOf(ctx, tx, of, page)
		if err != nil {
			return nil, "", err
		}
		var list []Milestone
		for i := range found {
			redeemed, err := redeemedOf(ctx, tx, u.ID, found[i].Date)
			if err != nil {
				return nil, "", err
			}
			list = append(list, with(found[i].milestones(), redeemed)...)
		}
		return list, next, nil
	})
}

func dayKeyPrefix(userID string) string { return userID + "/" }

func redeemedOf(ctx context.Context, tx *session.Tx, userID string, date timeframe.Day) ([]Milestone, error) {
	return redemptions.List(ctx, tx, store.Prefix(redemptionKey(userID, date)))
}

// Milestone returns a milestone as it is now, also one of a day of which nothing is known, by the goals in force. It returns
// [fault.ErrNotFound] if there is none, or if its day may be archived.
func (s Service) Milestone(ctx context.Context, id string) (Milestone, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Milestone, error) {
		_, m, err := s.milestone(ctx, tx, id)
		return m, err
	})
}

// milestone returns a milestone and its day, which is not kept if nothing is known of it.
func (s Service) milestone(ctx context.Context, tx *session.Tx, id string) (d day, m Milestone, err error) {
	userID, date, err := parseMilestoneID(id)
	if err != nil {
		return d, m, err
	}
	u, err := tenancy.FindUser(ctx, tx, userID)
	if errors.Is(err, fault.ErrNotFound) {
		err = fault.NotFound(milestoneNoun, id)
	}
	if err != nil {
		return d, m, err
	}
	p, err := s.program(ctx, tx)
	if err != nil {
		return d, m, err
	}
	id = u.ID + strings.TrimPrefix(id, userID)
	d, known, err := days.Get(ctx, tx, dayKey(u.ID, date))
	if err != nil {
		return d, m, err
	}
	if !known {
		gone, err := archived(ctx, tx, date)
		if err != nil {
			return d, m, err
		}
		if gone {
			return d, m, fault.NotFound(milestoneNoun, id)
		}
	}
	if !known && p.goals != nil {
		d = newDay(u.ID, date, cmp.Or(u.Timezone, "UTC"), p.goals)
	}
	redeemed, err := redeemedOf(ctx, tx, u.ID, date)
	if err != nil {
		return d, m, err
	}
	for _, m := range with(d.milestones(), redeemed) {
		if m.ID == id {
			return d, m, nil
		}
	}
	return d, m, fault.NotFound(milestoneNoun, id)
}

// Redeem redeems a milestone and returns it. It is an event of type MobilityMilestone: what it pays is up to reward rules, and
// what follows is in the journal's entry of the event, whose id is that of the milestone with ":redeemed". It returns
// [fault.ErrNotFound] if there is no such milestone of the user, [fault.ErrConflict] if it is not reached, or is redeemed
// already, and [fault.ErrForbidden] if the user is not active.
func (s Service) Redeem(ctx context.Context, userID, milestoneID string) (Milestone, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Milestone, error) {
		u, err := tenancy.FindActive(ctx, tx, "userId", userID)
		if err != nil {
			return Milestone{}, err
		}
		_, m, err := s.milestone(ctx, tx, milestoneID)
		switch {
		case err != nil:
			return Milestone{}, err
		case m.UserID != u.ID:
			return Milestone{}, fault.NotFound(milestoneNoun, milestoneID)
		case m.Redeemed:
			return Milestone{}, fault.Conflict(milestoneNoun, "%q is redeemed already, since %s", m.ID, stamp(m.RedeemedAt))
		case !m.Reached:
			return Milestone{}, fault.Conflict(milestoneNoun, "%q is not reached: the day has %s of %s %s", m.ID, m.UserAmount, m.Goal, m.Metric)
		}
		m.Redeemed, m.RedeemedAt = true, tx.Now
		if err := redemptions.Put(ctx, tx, m); err != nil {
			return Milestone{}, err
		}
		tx.Cause(m.redeemed())
		return m, nil
	})
}

// Review decides about a track, for the actor of the workspace's handle ([guerdon.Workspace.As]) and with a reason that is shown: one that is
// RELEASED counts whatever it is suspected of, and one that is REJECTED does not, whatever it looks like. The last review holds, also for what
// the provider says of the tracking later. It is a fact that takes the place of what was told: what followed from that does not follow any
// more, all that has happened to the user since is counted anew, and other tracks are judged beside it. It returns the tracking as it is since.
//
// The reason is in the journal for as long as that, so it should not say who somebody is. Review returns [fault.ErrInvalid] for a verdict that
// there is not and for a reason that is empty or longer than [MaxReason], [fault.ErrNotFound] if there is no such tracking,
// [fault.ErrConflict] for a stay, and for what happened before the workspace's horizon, and [fault.ErrForbidden] if the user is not active.
func (s Service) Review(ctx context.Context, trackingID string, v Verdict, reason string) (Tracking, error) {
	err := text.Prose("reason", reason, 1, MaxReason)
	if v != Released && v != Rejected {
		err = errors.Join(fault.Invalid("verdict", "%.80q is none of RELEASED, REJECTED", v), err)
	}
	if err != nil {
		return Tracking{}, err
	}
	return session.Write(ctx, s.run, func(tx *session.Tx) (Tracking, error) {
		t, known, err := find(ctx, tx, trackingID)
		if err == nil && !known {
			err = fault.NotFound(trackingNoun, trackingID)
		}
		if err == nil && t.Status != Track {
			err = fault.Conflict(trackingNoun, "%q is a stay, which counts nothing", trackingID)
		}
		if err != nil {
			return Tracking{}, err
		}
		if _, err := tenancy.FindActive(ctx, tx, "userId", t.UserID); err != nil {
			return Tracking{}, err
		}
		settled, err := horizon(ctx, tx)
		if err == nil {
			err = t.unsettled(settled)
		}
		if err != nil {
			return Tracking{}, err
		}
		now := t
		now.Review = &Review{Verdict: v, Reason: reason, By: content.ActorOf(tx), At: tx.Now}
		p, err := s.program(ctx, tx)
		if err != nil {
			return Tracking{}, err
		}
		all, err := p.tell(ctx, tx, []telling{{now, &t}})
		if err != nil {
			return Tracking{}, err
		}
		i := slices.IndexFunc(all, func(o telling) bool { return o.now.ID == t.ID })
		return all[i].now, nil
	})
}

const trackingNoun = "mobilityTracking"

// An Explanation says why a milestone is reached or not.
type Explanation struct {
	Milestone Milestone `json:"milestone"`
	// Missing is what the day lacks; 0 if it has come to the goal.
	Missing decimal.Decimal `json:"missing"`
	// Trackings are all of the day, in the order in which they began, as far as they are not archived.
	Trackings []Counted `json:"trackings"`
}

// A Counted is what a tracking adds to a milestone.
type Counted struct {
	TrackingID string    `json:"mobilityTrackingId"`
	Status     Status    `json:"status"`
	Type       Mode      `json:"type,omitempty"`
	StartsAt   time.Time `json:"startsAt"`
	// Amount is what it adds, in the unit of the metric; of minutes, whole ones, though seconds are added up.
	Amount decimal.Decimal `json:"amount"`
	// Reason says why it adds nothing, or less than it has; empty if all of it counts.
	Reason string `json:"reason,omitempty"`
	// Review is what somebody has decided about it; nil for nothing.
	Review *Review `json:"review,omitempty"`
}

// Explain says why a milestone is reached or not: which of the day's trackings count, how much, and why the others do not. It
// returns [fault.ErrNotFound] if there is no such milestone.
func (s Service) Explain(ctx context.Context, milestoneID string) (Explanation, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Explanation, error) {
		d, m, err := s.milestone(ctx, tx, milestoneID)
		if err != nil {
			return Explanation{}, err
		}
		all, err := trackings.List(ctx, tx, ofDay(d.UserID, d.Date))
		if err != nil {
			return Explanation{}, err
		}
		return d.explain(m, slices.Clone(all)), nil
	})
}

// explain says why a milestone of the day is reached or not by its trackings.
func (d *day) explain(m Milestone, all []Tracking) Explanation {
	x := Explanation{Milestone: m}
	i := slices.IndexFunc(d.Metrics, func(of measure) bool { return of.Metric == m.Metric })
	if i < 0 { // what was redeemed by goals that the day does not go by any more
		return x
	}
	_, portions := d.Metrics[i].count(d.Caps, all)
	if goal, _ := m.Metric.read(m.Goal); goal > d.Metrics[i].Amount {
		x.Missing = m.Goal.Sub(m.Metric.show(d.Metrics[i].Amount))
	}
	for _, p := range portions {
		x.Trackings = append(x.Trackings, Counted{p.ID, p.Status, p.Type, p.StartsAt, m.Metric.show(p.n), p.reason, p.Review})
	}
	return x
}

// Join lets the user who stays be tracked by the providers that tracked the one who is given up, unless that user has turned one of them on or off, and
// have been where that one was.
func (*program) Join(ctx context.Context, tx *session.Tx, n mechanic.Naming) (since time.Time, err error) {
	_, err = mechanic.Give(ctx, tx, activations, activationKey(n.From, ""), func(a *Activation) { a.UserID = n.Into })
	if err != nil {
		return since, err
	}
	_, err = mechanic.Give(ctx, tx, shapes, n.From+":", func(s *shape) { s.TrackingID = n.Derived(s.TrackingID) })
	return since, err
}

// Joined judges the tracks of both beside one another, as those of one.
func (p *program) Joined(ctx context.Context, tx *session.Tx, n mechanic.Naming) ([]Change, error) {
	settled, err := horizon(ctx, tx)
	if err != nil {
		return nil, err
	}
	first, err := trackings.List(ctx, tx, store.By("starts", store.Text(n.Into)).Between(store.Time(settled), store.Value{}).First(1))
	if err != nil || len(first) == 0 {
		return nil, err
	}
	_, err = p.tell(ctx, tx, []telling{{first[0], &first[0]}})
	return nil, err
}
