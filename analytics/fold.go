package analytics

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A delta is what entries say, in whatever portions they come: what those say that come behind it is added.
type delta struct {
	active     map[userDay]struct{}    // who did something on which day
	activities map[timeframe.Day]int64 // how many things were done
	users      map[string]*fate
	missions   map[string]*told // by the keys of their rows, as are
	// transactions, of which nil is one that is not there.
	transactions map[string]*transaction
	logs         map[string][]logChange // in their order
	outlines     []pathVersion          // that the logs speak of
	tally        *tally
}

type userDay struct {
	userID string
	day    timeframe.Day
}

// fate is what became of a user.
type fate struct {
	joined timeframe.Day  // the day of the first entry
	status tenancy.Status // "" is as before
}

// fold returns what entries say. It reads nothing else but what the versions of paths hold.
func fold(entries []guerdon.Entry, outlines []pathVersion, zone *time.Location) *delta {
	d := &delta{
		active: map[userDay]struct{}{}, activities: map[timeframe.Day]int64{}, users: map[string]*fate{}, missions: map[string]*told{},
		transactions: map[string]*transaction{}, logs: map[string][]logChange{}, outlines: outlines, tally: newTally(),
	}
	for i := range entries {
		d.add(&entries[i], zone)
		d.tell(&entries[i], zone)
		d.book(&entries[i], zone)
		d.learn(&entries[i], zone)
	}
	return d
}

func (d *delta) add(e *guerdon.Entry, zone *time.Location) {
	id, acts := e.Event.UserID, isActivity(e.Event.Type)
	if e.Event.Type != event.User && !acts {
		return
	}
	on := timeframe.DayOf(e.Event.At, zone)
	f := d.users[id]
	if f == nil {
		f = &fate{joined: on}
		d.users[id] = f
	}
	if status, ok := e.Event.Fields["status"].(string); ok && e.Event.Type == event.User {
		f.status = tenancy.Status(status)
	}
	if acts {
		d.active[userDay{id, on}] = struct{}{}
		d.activities[on]++
	}
}

// isActivity tells whether an event from outside or of a call is something that its user did. Of groups and paths nobody
// does anything but by what is in them.
func isActivity(t event.Type) bool {
	switch t {
	case event.Activity, event.Quiz, event.Slide, event.Story:
		return true
	case event.LearningGroup, event.LearningPath, event.Mission, event.Streak, event.VirtualTransaction, event.User, event.Clock,
		event.MobilityTracking, event.MobilityMilestone:
	}
	return false
}

// A ledger is the rows that change.
type ledger struct {
	state   *state
	people  map[string]*person
	before  []person                  // as they were
	spans   map[string]*span          // nil where there is none
	days    map[timeframe.Day]*day    // what is added
	cohorts map[timeframe.Day][]int64 // what is added
	gone    []*person
}

// apply adds what entries say to what is kept.
func (d *delta) apply(ctx context.Context, tx store.Tx, at *state) error {
	l := &ledger{state: at, people: map[string]*person{}, spans: map[string]*span{}, days: map[timeframe.Day]*day{}, cohorts: map[timeframe.Day][]int64{}}
	active := slices.SortedFunc(maps.Keys(d.active), func(a, b userDay) int {
		return cmp.Or(cmp.Compare(a.userID, b.userID), cmp.Compare(a.day, b.day))
	})
	if err := l.read(ctx, tx, d, active); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(d.users)) {
		l.join(id, d.users[id].joined)
	}
	for _, ud := range active {
		if err := l.act(ctx, tx, ud); err != nil {
			return err
		}
	}
	for on, n := range d.activities {
		l.day(on).Activities += n
	}
	for id, f := range d.users {
		l.become(id, f.status)
	}
	if err := d.applyMissions(ctx, tx); err != nil {
		return err
	}
	if err := d.applyTransactions(ctx, tx); err != nil {
		return err
	}
	if err := d.applyLogs(ctx, tx); err != nil {
		return err
	}
	if err := d.tally.write(ctx, tx); err != nil {
		return err
	}
	for _, p := range l.gone {
		err := errors.Join(forget(ctx, tx, missionRows, p.UserID), forget(ctx, tx, transactionRows, p.UserID), forget(ctx, tx, pointUsers, p.UserID),
			forget(ctx, tx, itemLogs, p.UserID), forget(ctx, tx, presences, p.UserID))
		if err != nil {
			return err
		}
	}
	return l.write(ctx, tx)
}

// read reads what is known of the users.
func (l *ledger) read(ctx context.Context, tx store.Tx, d *delta, active []userDay) error {
	ids := slices.Sorted(maps.Keys(d.users))
	var keys []string
	for _, ud := range active {
		block, _ := blockOf(ud.day)
		keys = append(keys, spanKey(block-1, ud.userID), spanKey(block, ud.userID), spanKey(block+1, ud.userID))
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if err := tx.Prefetch(ctx, people.Keys(ids...), spans.Keys(keys...)); err != nil {
		return err
	}
	known, err := people.GetMany(ctx, tx, ids...)
	if err != nil {
		return err
	}
	l.before = slices.Clone(known)
	for i := range known {
		l.people[known[i].UserID] = &known[i]
	}
	return l.look(ctx, tx, keys...)
}

// look reads on which days users were active.
func (l *ledger) look(ctx context.Context, tx store.Tx, keys ...string) error {
	for _, key := range keys {
		l.spans[key] = nil
	}
	found, err := spans.GetMany(ctx, tx, keys...)
	for i := range found {
		l.spans[spanKey(found[i].Block, found[i].UserID)] = &found[i]
	}
	return err
}

// join takes in a user who is not known.
func (l *ledger) join(id string, on timeframe.Day) {
	if l.people[id] == nil {
		l.people[id] = &person{UserID: id, Joined: on}
		l.state.Users++
		l.day(on).Joined++
	}
}

// day returns what is added to a day.
func (l *ledger) day(on timeframe.Day) *day {
	d := l.days[on]
	if d == nil {
		d = &day{Day: on}
		l.days[on] = d
	}
	return d
}

// act takes in that a user was active on a day.
func (l *ledger) act(ctx context.Context, tx store.Tx, ud userDay) error {
	block, bit := blockOf(ud.day)
	days := func(block int) uint64 {
		if s := l.spans[spanKey(block, ud.userID)]; s != nil {
			return uint64(s.Days)
		}
		return 0
	}
	own := days(block)
	if own&(1<<bit) != 0 {
		return nil
	}
	// How many days it is since the user was active before, and until the user was active again.
	since, until := daysInBlock, daysInBlock
	if before := (own<<daysInBlock | days(block-1)) << (daysInBlock - 1 - bit) << 1; before != 0 {
		since = bits.LeadingZeros64(before) + 1
	}
	if after := (days(block+1)<<daysInBlock | own) >> bit >> 1; after != 0 {
		until = bits.TrailingZeros64(after) + 1
	}
	for i, length := range windows {
		for n := max(0, length-since); n < min(length, until); n++ {
			l.day(ud.day.Add(n)).Active[i]++
		}
	}
	key := spanKey(block, ud.userID)
	if l.spans[key] == nil {
		l.spans[key] = &span{Block: block, UserID: ud.userID}
	}
	l.spans[key].Days |= 1 << bit
	p := l.people[ud.userID]
	if err := l.runOn(ctx, tx, p, ud.day); err != nil {
		return err
	}
	l.come(p, ud.day)
	return nil
}

// runOn takes in a day on which a person was active, for the days in a row on which that was so.
func (l *ledger) runOn(ctx context.Context, tx store.Tx, p *person, on timeframe.Day) error {
	length := 1
	switch {
	case p.Active && on == p.Last+1:
		length += p.Run
	case p.Active && on < p.Last: // it may join two runs
		before, err := l.inRow(ctx, tx, p.UserID, on, -1)
		if err != nil {
			return err
		}
		after, err := l.inRow(ctx, tx, p.UserID, on, 1)
		if err != nil {
			return err
		}
		length += before + after
		if p.Longest = max(p.Longest, length); on.Add(after) < p.Last {
			return nil
		}
	}
	p.Run, p.Longest = length, max(p.Longest, length)
	return nil
}

// inRow returns on how many days in a row a user was active, from a day on, itself not included, in steps of a day.
func (l *ledger) inRow(ctx context.Context, tx store.Tx, userID string, on timeframe.Day, step int) (n int, err error) {
	for {
		on = on.Add(step)
		block, bit := blockOf(on)
		s, known := l.spans[spanKey(block, userID)]
		if !known {
			if err := l.look(ctx, tx, spanKey(block, userID)); err != nil {
				return 0, err
			}
			s = l.spans[spanKey(block, userID)]
		}
		if s == nil || s.Days&(1<<bit) == 0 {
			return n, nil
		}
		n++
	}
}

// come takes in that a person was active on a day, for the cohort that the person is in.
func (l *ledger) come(p *person, on timeframe.Day) {
	before, week := p.Weeks, p.First.Week()
	switch {
	case !p.Active:
		p.Active, p.First, p.Last = true, on, on
	default:
		p.First, p.Last = min(p.First, on), max(p.Last, on)
	}
	if first := p.First.Week(); p.Weeks == 0 || first < week {
		if p.Weeks != 0 {
			p.Weeks = p.Weeks << (week.Sub(first) / 7) & (1<<CohortWeeks - 1)
			l.count(week, before, -1)
			before = 0
		}
		week = first
	}
	if n := on.Week().Sub(week) / 7; n < CohortWeeks {
		p.Weeks |= 1 << n
	}
	l.count(week, p.Weeks&^before, 1)
}

// count adds to the weeks of a cohort.
func (l *ledger) count(week timeframe.Day, in uint64, n int64) {
	for ; in != 0; in &= in - 1 {
		at := bits.TrailingZeros64(in)
		if missing := at + 1 - len(l.cohorts[week]); missing > 0 {
			l.cohorts[week] = append(l.cohorts[week], make([]int64, missing)...)
		}
		l.cohorts[week][at] += n
	}
}

// become takes in what a user is since.
func (l *ledger) become(id string, status tenancy.Status) {
	p := l.people[id]
	suspended := status == tenancy.Suspended
	if status != "" && p.Suspended != suspended {
		p.Suspended = suspended
		l.state.Suspended += map[bool]int64{true: 1, false: -1}[suspended]
	}
	if status == tenancy.Deleted {
		l.state.Users--
		l.state.Erased++
		l.gone = append(l.gone, p)
	}
}

// write keeps what has changed. Of who is erased only what is counted stays.
func (l *ledger) write(ctx context.Context, tx store.Tx) error {
	for _, p := range l.gone {
		delete(l.people, p.UserID)
		var keys []string
		if p.Active {
			first, _ := blockOf(p.First)
			last, _ := blockOf(p.Last)
			for block := first; block <= last; block++ {
				keys = append(keys, spanKey(block, p.UserID))
				delete(l.spans, spanKey(block, p.UserID))
			}
		}
		if err := people.Delete(ctx, tx, p.UserID); err != nil {
			return err
		}
		for some := range slices.Chunk(keys, maxBatch) {
			if err := spans.Delete(ctx, tx, some...); err != nil {
				return err
			}
		}
	}
	for i := range l.before {
		l.stand(&l.before[i], -1)
	}
	for _, p := range l.people {
		l.stand(p, 1)
	}
	if err := l.sum(ctx, tx); err != nil {
		return err
	}
	if err := people.Put(ctx, tx, values(l.people)...); err != nil {
		return err
	}
	maps.DeleteFunc(l.spans, func(_ string, s *span) bool { return s == nil })
	if err := spans.Put(ctx, tx, values(l.spans)...); err != nil {
		return err
	}
	return states.Put(ctx, tx, *l.state)
}

// stand counts who is in lists by the day since which they were not active.
func (l *ledger) stand(p *person, n int64) {
	if p.Suspended {
		return
	}
	d := l.day(p.since())
	if d.Since += n; p.Active {
		d.Runs[runRange(p.Run)] += n
		d.Lengths += n * int64(p.Run)
	}
}

// sum adds what is added to what is counted.
func (l *ledger) sum(ctx context.Context, tx store.Tx) error {
	texts := func(all []timeframe.Day) (keys []string) {
		for _, d := range all {
			keys = append(keys, d.String())
		}
		return keys
	}
	on, weeks := slices.Sorted(maps.Keys(l.days)), slices.Sorted(maps.Keys(l.cohorts))
	if err := tx.Prefetch(ctx, days.Keys(texts(on)...), cohorts.Keys(texts(weeks)...)); err != nil {
		return err
	}
	known, err := days.GetMany(ctx, tx, texts(on)...)
	if err != nil {
		return err
	}
	for _, k := range known {
		l.days[k.Day].plus(&k)
	}
	if err := days.Put(ctx, tx, values(l.days)...); err != nil {
		return err
	}
	before, err := cohorts.GetMany(ctx, tx, texts(weeks)...)
	if err != nil {
		return err
	}
	for _, c := range before {
		sum := slices.Clone(c.Active)
		for i, n := range l.cohorts[c.Week] {
			if i == len(sum) {
				sum = append(sum, 0)
			}
			sum[i] += n
		}
		l.cohorts[c.Week] = sum
	}
	changed := make([]cohort, len(weeks))
	for i, w := range weeks {
		changed[i] = cohort{w, l.cohorts[w]}
	}
	return cohorts.Put(ctx, tx, changed...)
}

func (d *day) plus(o *day) {
	for i := range d.Active {
		d.Active[i] += o.Active[i]
	}
	d.Activities += o.Activities
	d.Joined += o.Joined
	d.Since += o.Since
	for i := range d.Runs {
		d.Runs[i] += o.Runs[i]
	}
	d.Lengths += o.Lengths
}

// values returns what a map holds, in the order of its keys.
func values[K cmp.Ordered, V any](m map[K]*V) []V {
	all := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, *m[k])
	}
	return all
}
