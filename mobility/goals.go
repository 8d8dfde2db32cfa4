package mobility

import (
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/text"
)

// GoalsKind is the kind of [Goals].
var GoalsKind = content.NewKind[Goals]("MobilityGoals")

// Goals say what the milestones of every day are. A user's day goes by those that are in force when something is first known of
// it, and keeps that version: the first event of the day decides. Of several in force, the first apply, in the order of their
// creation; another is a problem of the events that it might have counted.
type Goals struct {
	content.Header
	content.Untranslated
	Name string `json:"name"`
	// Metrics say what is counted, each metric once.
	Metrics []MetricGoals `json:"metrics"`
	// Caps bound what counts of a day.
	Caps []Cap `json:"caps,omitempty"`
}

// MetricGoals are the milestones of one metric.
type MetricGoals struct {
	Metric Metric `json:"metric"`
	// TransportTypes are the modes that count: of walk, bicycle, tram, train, subway and bus, at least one.
	TransportTypes []Mode `json:"transportTypes"`
	// Goals are what is to be reached, each more than the one before: those of target0, target1 and so on, at most [MaxTargets].
	// They are whole minutes, or kilometres or kilograms of at most three places.
	Goals []decimal.Decimal `json:"goals"`
}

// MaxTargets is how many targets a metric may have.
const MaxTargets = 10

// A Cap bounds what a mode adds to a metric in a day. Beyond it, tracks of the mode add nothing, in the order in which they began.
type Cap struct {
	Type   Mode   `json:"type"`
	Metric Metric `json:"metric"`
	// Amount is the most that counts, more than 0, in the unit of the metric.
	Amount decimal.Decimal `json:"amount"`
}

// transportTypes are the modes that milestones may count.
var transportTypes = []Mode{Walk, Bicycle, Tram, Train, Subway, Bus}

// maxGoal bounds a goal and a cap.
const maxGoal = 1_000_000

// Validate returns every fault of the goals' fields, joined.
func (g *Goals) Validate() error {
	faults := []error{text.Required("name", g.Name)}
	if len(g.Metrics) == 0 {
		faults = append(faults, fault.Invalid("metrics", "is empty"))
	}
	for i := range g.Metrics {
		field := fmt.Sprintf("metrics[%d]", i)
		faults = append(faults, fault.In(field, g.Metrics[i].validate()))
		if slices.ContainsFunc(g.Metrics[:i], func(o MetricGoals) bool { return o.Metric == g.Metrics[i].Metric }) {
			faults = append(faults, fault.Invalid(field+".metric", "%q occurs twice", g.Metrics[i].Metric))
		}
	}
	for i, c := range g.Caps {
		field := fmt.Sprintf("caps[%d]", i)
		faults = append(faults, c.Type.check(field+".type"), c.Metric.check(field+".metric"), c.Metric.checkGoal(field+".amount", c.Amount))
		if slices.ContainsFunc(g.Caps[:i], func(o Cap) bool { return o.Type == c.Type && o.Metric == c.Metric }) {
			faults = append(faults, fault.Invalid(field, "%s of %s is capped twice", c.Metric, c.Type))
		}
	}
	return errors.Join(faults...)
}

func (g *MetricGoals) validate() error {
	faults := []error{g.Metric.check("metric")}
	if len(g.TransportTypes) == 0 {
		faults = append(faults, fault.Invalid("transportTypes", "is empty"))
	}
	for i, m := range g.TransportTypes {
		field := fmt.Sprintf("transportTypes[%d]", i)
		switch {
		case !slices.Contains(transportTypes, m):
			faults = append(faults, fault.Invalid(field, "%.80q is none of walk, bicycle, tram, train, subway, bus", m))
		case slices.Contains(g.TransportTypes[:i], m):
			faults = append(faults, fault.Invalid(field, "%q occurs twice", m))
		}
	}
	if n := len(g.Goals); n == 0 || n > MaxTargets {
		faults = append(faults, fault.Invalid("goals", "are %d; there are 1 to %d", n, MaxTargets))
	}
	for i, goal := range g.Goals {
		field := fmt.Sprintf("goals[%d]", i)
		err := g.Metric.checkGoal(field, goal)
		if err == nil && i > 0 && !goal.GreaterThan(g.Goals[i-1]) {
			err = fault.Invalid(field, "is %s, which is not more than %s before it", goal, g.Goals[i-1])
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// checkGoal refuses what is no amount of the metric.
func (m Metric) checkGoal(field string, d decimal.Decimal) error {
	if err := amount.CheckPositive(field, d); err != nil {
		return err
	}
	if d.GreaterThan(decimal.NewFromInt(maxGoal)) {
		return fault.Invalid(field, "is more than %d", maxGoal)
	}
	if _, whole := m.read(d); !whole {
		return fault.Invalid(field, "is %s, which is finer than %s of a day are counted", d, m)
	}
	return nil
}

// References returns none.
func (*Goals) References() []content.Reference { return nil }
