package httpapi

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// The rows of mobility are about whoever asks.
type (
	activationRow struct {
		mobility.Activation
		envelope

		// CreatedAt is when the user was made: who never turned it on is off.
		CreatedAt time.Time `json:"createdAt"`
	}
	// A milestone is as old as its day, and has changed when it was reached or redeemed.
	milestoneRow struct {
		mobility.Milestone
		stamped

		// ReachedAtT and RedeemedAtT are the moments in seconds since 1970.
		ReachedAtT  int64 `json:"reachedAtT,omitempty"`
		RedeemedAtT int64 `json:"redeemedAtT,omitempty"`
	}
	trackingRow struct {
		// Geometry is "" where it is not known.
		Geometry string `json:"geometry"`

		// CreatedAt is when it ended, before which nobody knew it.
		CreatedAt time.Time `json:"createdAt"`
		// UpdatedAt is when the provider came to know what is told here, or somebody reviewed it.
		UpdatedAt time.Time `json:"updatedAt"`
		mobility.Tracking
		envelope
	}
	trackable struct {
		Enabled bool `json:"enabled"`
	}
	trackToken struct {
		Token *string `json:"token"`
	}
)

// activationRow returns whether the user who asks is tracked.
func (c *call) activationRow(a mobility.Activation) activationRow {
	return activationRow{a, c.envelope(), c.user.CreatedAt}
}

func (c *call) milestoneRow(m mobility.Milestone) (row milestoneRow, err error) {
	unix := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	}
	zone, err := c.zones.Load(m.UserTimezone)
	if err != nil {
		return row, err
	}
	begun := m.Date.Start(zone)
	return milestoneRow{m, stamped{c.envelope(), begun, latest(begun, m.ReachedAt, m.RedeemedAt)}, unix(m.ReachedAt), unix(m.RedeemedAt)}, nil
}

func (c *call) trackingRow(t mobility.Tracking) trackingRow {
	changed := latest(t.EndsAt, t.UpdatedAt)
	if t.Review != nil {
		changed = latest(changed, t.Review.At)
	}
	return trackingRow{t.Geometry, t.EndsAt, changed, t, c.envelope()}
}

// latest returns the last of some moments.
func latest(all ...time.Time) time.Time { return slices.MaxFunc(all, time.Time.Compare) }

// motionTag is what clients take the provider to be where the host has named none.
const motionTag = "motiontag"

// provider returns who tracks users.
func (c *call) provider() string {
	if c.tracker == nil {
		return motionTag
	}
	return c.tracker.Name()
}

type (
	days struct {
		paging

		Date      string `query:"date"`
		DateStart string `query:"dateStart"`
		DateEnd   string `query:"dateEnd"`
	}
	switching struct {
		Body struct {
			Status mobility.Switch `json:"status"`
		} `body:"json"`
	}
	milestoneOf struct {
		ID string `path:"id"`
	}
)

// query returns the days that are asked for.
func (d *days) query() (q mobility.Query, err error) {
	var faults []error
	for _, bound := range []struct {
		field, text string
		into        []*timeframe.Day
	}{
		{"date", d.Date, []*timeframe.Day{&q.From, &q.To}},
		{"dateStart", d.DateStart, []*timeframe.Day{&q.From}},
		{"dateEnd", d.DateEnd, []*timeframe.Day{&q.To}},
	} {
		if bound.text == "" {
			continue
		}
		var day timeframe.Day
		if err := day.UnmarshalText([]byte(bound.text)); err != nil {
			faults = append(faults, fault.Invalid(bound.field, "is no date such as 2026-01-31"))
		}
		for _, into := range bound.into {
			*into = day
		}
	}
	return q, errors.Join(faults...)
}

func dashboardMobility(f *forms) []*operation {
	shapeOf[mobility.Milestone](f, shape{hidden: []string{"mobilityGoalsId", "mobilityGoalsVersion"}})
	shapeOf[mobility.Tracking](f, shape{hidden: []string{"providerId", "mobilityFactorsId", "mobilityFactorsVersion", "revision", "eventId"}})
	const base = "/mobility"
	activate := func(ctx context.Context, c *call, in *switching) (activationRow, error) {
		a, err := c.ws.Mobility.Activate(ctx, mobility.Activation{UserID: c.user.ID, Provider: c.provider(), Status: in.Body.Status})
		return c.activationRow(a), err
	}
	return []*operation{
		declare("GET", base+"/activations", tenancy.ContentRead, "List which providers track oneself", codes(200, 401), func(ctx context.Context, c *call, in *onlyPaging) (list[activationRow], error) {
			found, err := c.ws.Mobility.Activations(ctx, c.user.ID)
			if err != nil {
				return list[activationRow]{}, err
			}
			some, next, err := inMemory(found, &in.paging)
			rows := make([]activationRow, len(some))
			for i, a := range some {
				rows[i] = c.activationRow(a)
			}
			return list[activationRow]{rows, next}, err
		}),
		declare("POST", base+"/activations", tenancy.SelfUpdate, "Turn tracking on or off", codes(201, 400, 401), activate),
		declare("GET", base+"/activation", tenancy.ContentRead, "Tell whether oneself is tracked", codes(200, 401), func(ctx context.Context, c *call, _ *nothing) (activationRow, error) {
			found, err := c.ws.Mobility.Activations(ctx, c.user.ID)
			row := c.activationRow(mobility.Activation{UserID: c.user.ID, Provider: c.provider(), Status: mobility.Off, UpdatedAt: c.user.CreatedAt})
			for _, a := range found {
				if a.Provider == row.Provider {
					row.Activation = a
				}
			}
			return row, err
		}),
		declare("PUT", base+"/activation", tenancy.SelfUpdate, "Turn tracking on or off", codes(200, 400, 401), activate),
		declare("GET", base+"/milestones", tenancy.ContentRead, "List the milestones of oneself", codes(200, 401), func(ctx context.Context, c *call, in *days) (list[milestoneRow], error) {
			q, err := in.query()
			if err != nil {
				return list[milestoneRow]{}, err
			}
			found, next, err := c.ws.Mobility.Milestones(ctx, c.user.ID, q, in.page())
			rows := make([]milestoneRow, len(found))
			for i := 0; i < len(found) && err == nil; i++ {
				rows[i], err = c.milestoneRow(found[i])
			}
			return list[milestoneRow]{rows, next}, err
		}),
		declare("GET", base+"/milestones/{mobilityMilestoneId}", tenancy.ContentRead, "Get a milestone of oneself", codes(200, 401, 404), func(ctx context.Context, c *call, in *milestoneOf) (milestoneRow, error) {
			m, err := c.ws.Mobility.Milestone(ctx, in.ID)
			if err == nil && m.UserID != c.user.ID {
				err = fault.NotFound("milestone", in.ID)
			}
			if err != nil {
				return milestoneRow{}, err
			}
			return c.milestoneRow(m)
		}),
		declare("POST", base+"/milestones/{mobilityMilestoneId}/redeem", tenancy.ContentSubmit, "Redeem a milestone of oneself", codes(200, 401, 404), func(ctx context.Context, c *call, in *milestoneOf) (milestoneRow, error) {
			m, err := c.ws.Mobility.Redeem(ctx, c.user.ID, in.ID)
			if err != nil {
				return milestoneRow{}, err
			}
			return c.milestoneRow(m)
		}),
		declare("GET", base+"/trackings", tenancy.ContentRead, "List how oneself got about", codes(200, 401), func(ctx context.Context, c *call, in *days) (list[trackingRow], error) {
			q, err := in.query()
			if err != nil {
				return list[trackingRow]{}, err
			}
			found, next, err := c.ws.Mobility.Trackings(ctx, c.user.ID, q, in.page())
			rows := make([]trackingRow, len(found))
			for i, t := range found {
				rows[i] = c.trackingRow(t)
			}
			return list[trackingRow]{rows, next}, err
		}),
		declare("GET", base+"/motiontag/status", tenancy.ContentRead, "Tell whether users can be tracked", codes(200, 401), func(ctx context.Context, c *call, _ *nothing) (trackable, error) {
			if c.tracker == nil {
				return trackable{}, nil
			}
			s, err := c.tracker.Status(ctx)
			return trackable{s.Enabled}, err
		}).writing(),
		declare("GET", base+"/motiontag/token", tenancy.ContentRead, "Get what a client shows the provider to be tracked", codes(200, 401), func(ctx context.Context, c *call, _ *nothing) (row trackToken, err error) {
			if c.tracker == nil {
				return row, nil
			}
			token, err := c.ws.Mobility.Token(ctx, c.tracker, c.user.ID)
			if errors.Is(err, fault.ErrForbidden) { // who has not turned it on has none
				return row, nil
			}
			if token != "" {
				row.Token = &token
			}
			return row, err
		}).writing(),
	}
}

// onlyPaging is what a list is asked with of which nothing else may be asked.
type onlyPaging struct{ paging }
