package mobility

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// day is what a user's day has come to, by the goals that it goes by. It follows from these and the day's trackings.
type day struct {
	UserID       string        `json:"userId"`
	Date         timeframe.Day `json:"date"`
	Timezone     string        `json:"userTimezone"` // of what began first
	GoalsID      string        `json:"mobilityGoalsId"`
	GoalsVersion int           `json:"mobilityGoalsVersion"`
	Metrics      []measure     `json:"metrics"`
	Caps         []Cap         `json:"caps,omitempty"`
}

// measure is what a day has come to by a metric.
type measure struct {
	MetricGoals
	// Amount is in seconds, metres or grams.
	Amount int64 `json:"amount"`
	// ReachedAt are when the goals were reached, as many as were.
	ReachedAt []time.Time `json:"reachedAt,omitempty"`
}

var days = store.Define("mobility_days", (*day).key, nil).Packed()

func (d *day) key() string { return dayKey(d.UserID, d.Date) }

func dayKey(userID string, date timeframe.Day) string { return userID + "/" + date.String() }

// newDay returns a day of which nothing is known.
func newDay(userID string, date timeframe.Day, timezone string, g *Goals) day {
	d := day{UserID: userID, Date: date, Timezone: timezone, GoalsID: g.ID, GoalsVersion: g.Version, Caps: g.Caps}
	for _, m := range g.Metrics {
		d.Metrics = append(d.Metrics, measure{MetricGoals: m})
	}
	return d
}

// after returns the day with what its trackings come to. The day itself is not modified.
func (d day) after(all []Tracking) day {
	if len(all) > 0 {
		d.Timezone = slices.MinFunc(all, begins).UserTimezone
	}
	d.Metrics = slices.Clone(d.Metrics)
	for i := range d.Metrics {
		d.Metrics[i], _ = d.Metrics[i].count(d.Caps, all)
	}
	return d
}

// A portion is what a track adds to a metric of its day.
type portion struct {
	*Tracking
	n      int64  // in seconds, metres or grams
	reason string // why it adds nothing, or less than it has
}

// count returns what a day's trackings come to by the metric, and what each adds, in the order in which they began. It does
// not matter in which order they are given.
func (m measure) count(caps []Cap, all []Tracking) (measure, []portion) {
	m.Amount, m.ReachedAt = 0, nil
	left := map[Mode]int64{}
	for _, c := range caps {
		if c.Metric == m.Metric {
			left[c.Type], _ = m.Metric.read(c.Amount)
		}
	}
	portions := make([]portion, len(all))
	for i := range all {
		portions[i].Tracking = &all[i]
	}
	slices.SortFunc(portions, func(a, b portion) int { return begins(*a.Tracking, *b.Tracking) })
	for i := range portions {
		p := &portions[i]
		if p.n, p.reason = m.worth(p.Tracking); p.n == 0 {
			continue
		}
		if most, capped := left[p.Type]; capped {
			if p.n > most {
				p.n, p.reason = most, fmt.Sprintf("the day's cap of %s for %s is used up", m.Metric, p.Type)
			}
			left[p.Type] -= p.n
		}
		m.Amount += p.n
		for len(m.ReachedAt) < len(m.Goals) {
			if goal, _ := m.Metric.read(m.Goals[len(m.ReachedAt)]); m.Amount < goal {
				break
			}
			m.ReachedAt = append(m.ReachedAt, p.EndsAt)
		}
	}
	return m, portions
}

// begins orders trackings by when they began.
func begins(a, b Tracking) int {
	return cmp.Or(a.StartsAt.Compare(b.StartsAt), strings.Compare(a.ID, b.ID))
}

// worth returns what a tracking adds to the metric if nothing is capped, and why it adds nothing.
func (m *measure) worth(t *Tracking) (n int64, reason string) {
	switch {
	case t.Status == Stay:
		return 0, "it is a stay"
	case t.MisdetectedCompletely:
		return 0, "it was detected wrongly"
	case t.Suspicious:
		return 0, "it is suspicious: " + t.why()
	case !slices.Contains(m.TransportTypes, t.Type):
		return 0, fmt.Sprintf("%s is none of the transport types %v", t.Type, m.TransportTypes)
	}
	n = m.Metric.of(t)
	switch {
	case n > 0:
		return n, ""
	case m.Metric == CO2 && t.FactorsID == "":
		return 0, "no factors were in force"
	case m.Metric == CO2:
		return 0, "it avoided nothing by the factors " + t.FactorsID
	}
	return 0, "it has 0 " + string(m.Metric)
}

// A Milestone is something to reach on a day.
type Milestone struct {
	// ID is derived from the user, the day, the metric and the target.
	ID     string        `json:"mobilityMilestoneId"`
	Date   timeframe.Day `json:"date"`
	UserID string        `json:"userId"`
	// UserTimezone is the zone of what began first on the day.
	UserTimezone string `json:"userTimezone"`
	Metric       Metric `json:"metric"`
	// Target is target0 to target9, the smallest goal first.
	Target         string `json:"target"`
	TransportTypes []Mode `json:"transportTypes"`
	// Goal is what is to be reached, UserAmount what the day has come to: minutes, whole ones, kilometres or kilograms of CO2.
	Goal       decimal.Decimal `json:"goal"`
	UserAmount decimal.Decimal `json:"userAmount"`
	// Reached says that the day has come to the goal; of what was redeemed it stays so. ReachedAt is when the track ended by
	// which it did.
	Reached    bool      `json:"reached"`
	ReachedAt  time.Time `json:"reachedAt,omitzero"`
	Redeemed   bool      `json:"redeemed"`
	RedeemedAt time.Time `json:"redeemedAt,omitzero"`
	// GoalsID and GoalsVersion are the goals that the day goes by.
	GoalsID      string `json:"mobilityGoalsId"`
	GoalsVersion int    `json:"mobilityGoalsVersion"`
}

const targetPrefix = "target"

// milestones returns those of a day, as far as they are not redeemed.
func (d *day) milestones() (all []Milestone) {
	for i := range d.Metrics {
		m := &d.Metrics[i]
		for k, goal := range m.Goals {
			one := Milestone{
				ID: milestoneID(d.UserID, d.Date, m.Metric, k), Date: d.Date, UserID: d.UserID, UserTimezone: d.Timezone, Metric: m.Metric,
				Target: milestoneTarget(k), TransportTypes: m.TransportTypes, Goal: goal, UserAmount: m.Metric.show(m.Amount),
				GoalsID: d.GoalsID, GoalsVersion: d.GoalsVersion,
			}
			if k < len(m.ReachedAt) {
				one.Reached, one.ReachedAt = true, m.ReachedAt[k]
			}
			all = append(all, one)
		}
	}
	return all
}

func milestoneID(userID string, date timeframe.Day, m Metric, target int) string {
	return strings.Join([]string{userID, date.String(), string(m), milestoneTarget(target)}, ":")
}

const milestoneNoun = "mobilityMilestone"

// parseMilestoneID returns whose and of which day a milestone is, [fault.ErrNotFound] if it is none.
func parseMilestoneID(id string) (userID string, date timeframe.Day, err error) {
	parts := strings.Split(id, ":")
	if len(parts) != 4 {
		return "", 0, fault.NotFound(milestoneNoun, id)
	}
	date, err = timeframe.ParseDay(parts[1])
	if err != nil {
		return "", 0, fault.NotFound(milestoneNoun, id)
	}
	return parts[0], date, nil
}

// redeemed is the event that somebody redeemed the milestone.
func (m *Milestone) redeemed() event.Event {
	types := make([]any, len(m.TransportTypes))
	for i, t := range m.TransportTypes {
		types[i] = string(t)
	}
	return event.Event{
		ID: m.ID + ":redeemed", Type: event.MobilityMilestone, EntityID: m.GoalsID, UserID: m.UserID, At: m.RedeemedAt, Value: new(m.UserAmount),
		Fields: map[string]any{
			"mobilityMilestoneId": m.ID, "date": m.Date.String(), "userTimezone": m.UserTimezone, "metric": string(m.Metric), "target": m.Target,
			"transportTypes": types, "goal": amount.JSON(m.Goal), "userAmount": amount.JSON(m.UserAmount),
			"reachedAt": stamp(m.ReachedAt), "redeemedAt": stamp(m.RedeemedAt),
		},
	}
}

// redemptions are the milestones that were redeemed, as they were then.
var redemptions = store.Define("mobility_redemptions", (*Milestone).key, nil).Packed()

func (m *Milestone) key() string {
	return redemptionKey(m.UserID, m.Date) + string(m.Metric) + ":" + m.Target
}

// redemptionKey begins the keys of what was redeemed of a day.
func redemptionKey(userID string, date timeframe.Day) string { return dayKey(userID, date) + "/" }

// with returns milestones with what was redeemed of them, and what was redeemed beside.
func with(all, redeemed []Milestone) []Milestone {
	for _, r := range redeemed {
		i := slices.IndexFunc(all, func(m Milestone) bool { return m.ID == r.ID })
		if i < 0 {
			all = append(all, r)
			continue
		}
		m := &all[i]
		if !m.Reached {
			m.Reached, m.ReachedAt = true, r.ReachedAt
		}
		m.Redeemed, m.RedeemedAt = true, r.RedeemedAt
	}
	return all
}

// milestoneTarget returns the name of a target.
func milestoneTarget(k int) string { return targetPrefix + strconv.Itoa(k) }
