package streaks

import (
	"maps"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/timeframe"
)

// terms are what an iteration keeps of the version of the rule under which it began.
type terms struct {
	// From is the first day on which iterations begin that have these terms. The first terms are those
	// of all before, too, and have no day of their own.
	From    timeframe.Day `json:"from,omitzero"`
	Cadence Cadence       `json:"cadence"`
	Metric  Metric        `json:"metric"`
	Goals   []int         `json:"goalTargets,omitempty"`
}

func (t terms) equal(o terms) bool {
	return t.Cadence == o.Cadence && t.Metric == o.Metric && slices.Equal(t.Goals, o.Goals)
}

// fold is a streak as its days make it, taken one after another. Everything in it follows from the
// days and the terms. It is a value: what it points to is never modified.
type fold struct {
	Last *day `json:"last,omitempty"`
	// Clocks are the zones in which the user acted on the last active day.
	Clocks []string `json:"clocks,omitempty"`
	// Frozen counts the periods at the end that are frozen.
	Frozen int `json:"frozen,omitempty"`
	// Iteration numbers the unbroken run that Last is in: 1, 2, …
	Iteration int `json:"iterationId,omitempty"`
	// Count is the length of that run, Start its first day, Contributed the last day that added to it.
	Count       int           `json:"count,omitempty"`
	Start       timeframe.Day `json:"start"`
	Contributed timeframe.Day `json:"lastContributingDay"`
	// Longest is the length of the longest run so far.
	Longest int `json:"longest,omitempty"`
	// Goal numbers the cycle of goals, GoalCount is its length. Neither moves without targets.
	Goal      int `json:"goalId,omitempty"`
	GoalCount int `json:"goalCount,omitempty"`
	// Done says how often each target was reached.
	Done map[int]int `json:"done,omitempty"`
	// Terms are those of the iterations, in the order of their first days.
	Terms []terms `json:"terms,omitempty"`
}

// termsOf returns the terms of an iteration that begins on a day.
func (f *fold) termsOf(start timeframe.Day) terms {
	of := f.Terms[0]
	for _, t := range f.Terms[1:] {
		if t.From <= start {
			of = t
		}
	}
	return of
}

// calendar returns the periods of the present iteration.
func (f *fold) calendar() timeframe.Calendar { return f.termsOf(f.Start).Cadence.calendar() }

// A gap is what lies between the last day of a streak and a later moment. The periods from first to
// before limit were missed; what else lies there was skipped by the user's clock, or is not over.
type gap struct {
	next  timeframe.Day // the period after the last
	first timeframe.Day
	limit timeframe.Day
}

func (g gap) missed() bool { return g.first < g.limit }

// gap returns what lies between the last day and a moment at which the user's clock shows the date to.
//
// A period was missed if it was over on the user's clock, and also on every clock on which the user
// acted on the last day: who travels east loses no day that their clock skipped or cut short, and a
// date that never was in a zone is not missed there. A zero moment is one at which all clocks show to.
func (f *fold) gap(to timeframe.Day, at time.Time, zones *timeframe.Zones) (gap, error) {
	cal := f.calendar()
	next := cal.Next(f.Last.Day)
	g := gap{next, next, cal.First(to)}
	if !g.missed() {
		return g, nil
	}
	clocks, err := load(f.Clocks, zones)
	if err != nil {
		return gap{}, err
	}
	for _, clock := range clocks {
		if at.IsZero() {
			break
		}
		g.limit = min(g.limit, cal.First(timeframe.DayOf(at, clock)))
	}
	for g.missed() && skipped(cal, g.first, clocks) {
		g.first++
	}
	return g, nil
}

// over returns when the first period after the last that the user's clocks do not skip is over on all
// of them and on the given one, which may be nil.
func (f *fold) over(clock *time.Location, zones *timeframe.Zones) (time.Time, error) {
	clocks, err := load(f.Clocks, zones)
	if err != nil {
		return time.Time{}, err
	}
	cal := f.calendar()
	period := cal.Next(f.Last.Day)
	for skipped(cal, period, clocks) {
		period++
	}
	if clock != nil {
		clocks = append(clocks, clock)
	}
	var end time.Time
	for _, clock := range clocks {
		if at := cal.Next(period).Start(clock); at.After(end) {
			end = at
		}
	}
	return end.UTC(), nil
}

// skipped tells whether a period never was on one of the clocks. That happens to days only.
func skipped(cal timeframe.Calendar, period timeframe.Day, clocks []*time.Location) bool {
	return cal == timeframe.ByDay && slices.ContainsFunc(clocks, func(clock *time.Location) bool { return !period.Exists(clock) })
}

func load(names []string, zones *timeframe.Zones) ([]*time.Location, error) {
	clocks := make([]*time.Location, len(names), len(names)+1)
	for i, name := range names {
		var err error
		if clocks[i], err = zones.Load(name); err != nil {
			return nil, err
		}
	}
	return clocks, nil
}

// A step is what one day did to a fold.
type step struct {
	began bool // an iteration
	grew  bool // the count
	goal  int  // the target that was reached, 0 if none was
	gap   gap  // before the day; zero for the first
}

// add takes the next day. The days come in order.
func (f *fold) add(d day, zones *timeframe.Zones) (s step, err error) {
	s.began = f.Last == nil
	if f.Last != nil {
		if s.gap, err = f.gap(d.Day, d.at(), zones); err != nil {
			return step{}, err
		}
		s.began = s.gap.missed()
	}
	if d.Kind == Freeze {
		// A frozen period continues a run; where there is none, it is nothing.
		if !s.began {
			f.Last = &d
			f.Frozen++
		}
		s.began = false
		return s, nil
	}
	if s.began {
		f.begin(d.Day)
	}
	f.Last, f.Clocks, f.Frozen = &d, d.zones(), 0
	t := f.termsOf(f.Start)
	s.grew = f.Count == 0 || f.Contributed < t.Metric.calendar().First(d.Day)
	if s.grew {
		s.goal = f.grow(d.Day, t.Goals)
	}
	return s, nil
}

// begin starts an iteration, and with it a cycle of goals.
func (f *fold) begin(d timeframe.Day) {
	f.Iteration++
	f.Count, f.Start = 0, d
	if len(f.termsOf(d).Goals) > 0 {
		f.Goal++
		f.GoalCount = 0
	}
}

// grow adds one to the iteration and to its cycle of goals, and returns the target that this reached.
func (f *fold) grow(d timeframe.Day, goals []int) (reached int) {
	f.Count++
	f.Contributed = d
	f.Longest = max(f.Longest, f.Count)
	if len(goals) == 0 {
		return 0
	}
	if f.GoalCount >= slices.Max(goals) { // the cycle is complete
		f.Goal++
		f.GoalCount = 0
	}
	f.GoalCount++
	if !slices.Contains(goals, f.GoalCount) {
		return 0
	}
	done := maps.Clone(f.Done)
	if done == nil {
		done = map[int]int{}
	}
	done[f.GoalCount]++
	f.Done = done
	return f.GoalCount
}

// consent makes the terms of the rule in force those of an iteration that begins on a day, unless
// they are already.
func (f *fold) consent(present terms) {
	switch {
	case len(f.Terms) == 0:
		present.From = 0
	case f.termsOf(present.From).equal(present):
		return
	}
	f.Terms = append(slices.Clip(f.Terms), present)
}
