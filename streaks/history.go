package streaks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/timeframe"
)

// history is what one user did under one rule, as it is read.
type history struct {
	policy policy
	state  state
	base   fold // before the days
	days   []day
	plan   *plan          // nil: not in force
	clock  *time.Location // of the user at present; nil if the plan is
	now    time.Time
	zones  *timeframe.Zones
}

// present is how a streak stands at a moment.
type present struct {
	status Status        // of the run
	today  timeframe.Day // the earliest date on the user's clocks
	to     timeframe.Day // the date on the user's clock
	at     time.Time
}

// present judges the streak by the clock. It pays for nothing: a period that was missed breaks the
// streak here, also if it could still be frozen.
func (h *history) present() (present, error) {
	if h.plan == nil {
		p := present{status: Ended, today: h.state.Last.Day}
		if h.state.Lost {
			p.status = Broken
		}
		return p, nil
	}
	at := h.plan.until(h.now)
	to := timeframe.DayOf(at, h.clock)
	p := present{status: Active, today: to, to: to, at: at}
	g, err := h.state.gap(to, at, h.zones)
	if err != nil {
		return present{}, err
	}
	clocks, err := load(h.state.Clocks, h.zones)
	if err != nil {
		return present{}, err
	}
	for _, clock := range clocks {
		p.today = min(p.today, timeframe.DayOf(at, clock))
	}
	switch {
	case g.missed():
		p.status = Broken
	case h.plan.State(h.now) == timeframe.Ended:
		p.status = Ended
	}
	return p, nil
}

// savable tells whether all periods that were missed were not judged yet, and may be frozen if the user can pay.
func (h *history) savable(ctx context.Context, p present) (bool, error) {
	if h.plan == nil || p.status != Broken || h.state.Lost {
		return false, nil
	}
	f, tried := h.state.fold, []timeframe.Day(nil)
	for {
		g, err := f.gap(p.to, p.at, h.zones)
		if err != nil || !g.missed() {
			return err == nil, err
		}
		over, err := f.over(nil, h.zones)
		if err != nil {
			return false, err
		}
		if refusal, err := h.policy.refuses(ctx, &f, g.first, over, tried...); err != nil || refusal != "" {
			return false, err
		}
		if _, err := f.add(day{Day: g.first, Kind: Freeze, Over: over}, h.zones); err != nil {
			return false, err
		}
		tried = append(tried, g.first)
	}
}

// replay shows every day of the streak with what it did.
func (h *history) replay(visit func(f *fold, d day, s step)) error {
	f := h.base
	for _, d := range h.days {
		s, err := f.add(d, h.zones)
		if err != nil {
			return err
		}
		visit(&f, d, s)
	}
	return nil
}

// rows returns the streak by a type of period, in the order of the periods.
func (h *history) rows(t PeriodType) ([]Streak, error) {
	if h.state.Last == nil {
		return nil, nil
	}
	p, err := h.present()
	if err != nil {
		return nil, err
	}
	switch t {
	case ByIteration:
		return h.iterations(p)
	case ByGoal:
		return h.goals(p)
	case ByDay, ByWeek, ByMonth, ByYear:
	}
	return h.calendar(t, p)
}

// row returns an empty row.
func (h *history) row(t PeriodType, kind Kind, terms terms) Streak {
	s := Streak{
		UserID: h.state.UserID, RuleID: h.state.RuleID, PeriodType: t, Kind: kind, Status: Active,
		Cadence: terms.Cadence, Metric: terms.Metric,
	}
	if h.plan != nil {
		s.Configuration = new(*h.plan.configuration)
	}
	return s
}

func (h *history) iterations(p present) ([]Streak, error) {
	var rows []Streak
	err := h.replay(func(f *fold, d day, s step) {
		if s.began {
			row := h.row(ByIteration, Any, f.termsOf(f.Start))
			row.IterationID, row.Status = f.Iteration, Broken
			row.ident(iterationOrder(f.Iteration))
			rows = append(rows, row)
		}
		if s.grew {
			rows[len(rows)-1].contribute(d, f.Count)
		}
	})
	if err != nil {
		return nil, err
	}
	rows[len(rows)-1].Status = p.status
	return rows, nil
}

func (h *history) goals(p present) ([]Streak, error) {
	var rows []Streak
	cycle, current := h.base.Goal, 0 // the number of the newest cycle, and where its rows begin
	err := h.replay(func(f *fold, d day, s step) {
		if s.grew && f.Goal > cycle {
			cycle, current = f.Goal, len(rows)
			terms := f.termsOf(f.Start)
			for _, target := range terms.Goals {
				row := h.row(ByGoal, Any, terms)
				row.GoalID, row.Target, row.Status = f.Goal, target, Broken
				row.ident(goalOrder(f.Goal, target))
				rows = append(rows, row)
			}
		}
		for i := current; s.grew && i < len(rows); i++ {
			row := &rows[i]
			if row.Status == Completed || row.GoalID != f.Goal {
				continue
			}
			row.contribute(d, f.GoalCount)
			if f.GoalCount == row.Target {
				row.Status = Completed
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i := current; i < len(rows); i++ {
		if rows[i].Status == Broken && rows[i].GoalID == h.state.Goal {
			rows[i].Status = p.status
		}
	}
	return rows, nil
}

// calendar returns the days, or the weeks, months or years.
func (h *history) calendar(t PeriodType, p present) ([]Streak, error) {
	b := buckets{h: h, kind: t, today: p.today, at: map[string]int{}, covered: map[timeframe.Day]int{}}
	err := h.replay(func(f *fold, d day, s step) {
		if f.Last == nil || f.Last.Day != d.Day {
			return // a frozen period that continues nothing
		}
		if f.calendar() == timeframe.ByDay {
			b.skip(s.gap, d.Day)
		}
		if d.Kind == Freeze {
			b.freeze(f, d)
			return
		}
		b.act(f, d)
		b.cover(f.calendar(), d)
	})
	if err != nil {
		return nil, err
	}
	if err := b.end(); err != nil {
		return nil, err
	}
	return b.whole(), nil
}

// buckets are the rows of one type of calendar while they are filled.
type buckets struct {
	h     *history
	kind  PeriodType
	today timeframe.Day
	rows  []Streak
	first []timeframe.Day // of each row's period
	at    map[string]int  // where the row of a period and cadence is
	// covered counts, by the first day of each period, those of its days (or weeks, under the cadence
	// WEEK) that stand in nobody's way to being perfect.
	covered map[timeframe.Day]int
}

// whole returns the rows but for those of a period of which days are gone.
func (b *buckets) whole() []Streak {
	last := b.h.base.Last
	if last == nil {
		return b.rows
	}
	var rows []Streak
	for i := range b.rows {
		if b.first[i] > last.Day {
			rows = append(rows, b.rows[i])
		}
	}
	return rows
}

// open returns the row of the period that a day is in.
func (b *buckets) open(d timeframe.Day, kind Kind, terms terms) *Streak {
	cal := b.kind.calendar()
	first := cal.First(d)
	key := first.String() + string(terms.Cadence) + string(kind)
	i, found := b.at[key]
	if !found {
		i = len(b.rows)
		b.at[key] = i
		row := b.h.row(b.kind, kind, terms)
		row.PeriodID = cal.ID(d)
		row.ident(first.String())
		b.rows = append(b.rows, row)
		b.first = append(b.first, first)
	}
	return &b.rows[i]
}

// act counts an active day.
func (b *buckets) act(f *fold, d day) {
	terms := f.termsOf(f.Start)
	terms.Metric = Days
	if terms.Cadence == Weekly && b.kind != ByDay {
		terms.Metric = Weeks
		if !b.opensWeek(d.Day) {
			return
		}
	}
	row := b.open(d.Day, Regular, terms)
	row.contribute(d, row.Count+1)
}

// opensWeek tells whether a day is the first active one of its week.
func (b *buckets) opensWeek(d timeframe.Day) bool {
	days := b.h.days
	i, _ := slices.BinarySearchFunc(days, d.Week(), compareDays)
	for ; i < len(days) && days[i].Day < d; i++ {
		if days[i].Kind == Regular {
			return false
		}
	}
	return true
}

// freeze shows a frozen period.
func (b *buckets) freeze(f *fold, d day) {
	terms := f.termsOf(f.Start)
	if PeriodType(terms.Cadence) != b.kind {
		return
	}
	terms.Metric = Days
	if terms.Cadence == Weekly {
		terms.Metric = Weeks
	}
	row := b.open(d.Day, Freeze, terms)
	row.CreatedAt, row.UpdatedAt, row.Status = d.Over, d.Over, Completed
}

// skip covers the days that lie between the last day and the next, but were never missed.
func (b *buckets) skip(g gap, d timeframe.Day) {
	if g == (gap{}) { // before the first day
		return
	}
	for day := g.next; day < d; day++ {
		if day == g.first {
			day = max(day, g.limit)
		}
		if day < d {
			b.covered[b.kind.calendar().First(day)]++
		}
	}
}

// cover covers an active day, or the first active day of a week.
func (b *buckets) cover(cadence timeframe.Calendar, d day) {
	if cadence == timeframe.ByWeek && !b.opensWeek(d.Day) {
		return
	}
	b.covered[b.kind.calendar().First(cadence.First(d.Day))]++
}

// end sets the status of each row, and whether its period was perfect.
func (b *buckets) end() error {
	cal := b.kind.calendar()
	clocks, err := load(b.h.state.Clocks, b.h.zones)
	if err != nil {
		return err
	}
	for day := b.h.state.Last.Day + 1; skipped(b.h.state.calendar(), day, clocks); day++ {
		b.covered[cal.First(day)]++
	}
	var rule *Rule
	if b.h.plan != nil {
		rule = b.h.plan.Rule
	}
	for i := range b.rows {
		row, first := &b.rows[i], b.first[i]
		row.Status = b.status(row, cal.Next(first))
		if row.Kind == Regular {
			row.perfect(rule, b.covered[first] >= needed(row, first))
		}
	}
	return nil
}

func (b *buckets) status(row *Streak, next timeframe.Day) Status {
	switch {
	case b.kind == ByDay, row.Kind == Freeze, b.kind == ByWeek && row.Cadence == Weekly, next <= b.today:
		return Completed
	case b.h.plan == nil || b.h.plan.State(b.h.now) == timeframe.Ended:
		return Ended
	}
	return Active
}

// needed returns how many days, or weeks that begin in it, a perfect period has.
func needed(row *Streak, first timeframe.Day) int {
	next := row.PeriodType.calendar().Next(first)
	if row.Cadence == Daily {
		return next.Sub(first)
	}
	n := 0
	monday := (first + 6).Week()
	for ; monday < next; monday += 7 {
		n++
	}
	return n
}

// zero returns the rows that the user's first act would begin.
func (h *history) zero(t PeriodType) []Streak {
	terms := h.plan.terms(0)
	switch t {
	case ByIteration:
		row := h.row(t, Any, terms)
		row.IterationID = 1
		row.ident(iterationOrder(1))
		return []Streak{row}
	case ByGoal:
		var rows []Streak
		for _, target := range terms.Goals {
			row := h.row(t, Any, terms)
			row.GoalID, row.Target = 1, target
			row.ident(goalOrder(1, target))
			rows = append(rows, row)
		}
		return rows
	case ByDay, ByWeek, ByMonth, ByYear:
	}
	if terms.Cadence == Daily || t == ByDay {
		terms.Metric = Days
	} else {
		terms.Metric = Weeks
	}
	row := h.row(t, Regular, terms)
	today := timeframe.DayOf(h.now, h.clock)
	row.PeriodID = t.calendar().ID(today)
	row.ident(t.calendar().First(today).String())
	return []Streak{row}
}

func iterationOrder(iteration int) string { return fmt.Sprintf("%06d", iteration) }

func goalOrder(goal, target int) string { return fmt.Sprintf("%06d-%09d", goal, target) }
