package analytics

import (
	"cmp"
	"context"
	"errors"
	"iter"
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
	active     map[userDay]int64       // how many things who did on which day
	activities map[timeframe.Day]int64 // how many things were done
	users      map[string]*fate
	missions   map[string]*told // by the keys of their rows
	// transactions are in the order in which they were told of, and booked says where they are, by user and id.
	transactions []booking
	booked       map[[2]string]int
	logs         map[string][]logChange // by the keys of their rows, in their order
	outlines     []pathVersion          // that the logs speak of
	awards       map[string]granted     // by the keys of their rows
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
	into   string         // who it is since, "" unless it was given up for another
}

// fold returns what entries say. It reads nothing else but what the versions of paths hold.
func fold(entries []guerdon.Entry, outlines []pathVersion, zone *time.Location) *delta {
	d := &delta{
		active: map[userDay]int64{}, activities: map[timeframe.Day]int64{}, users: map[string]*fate{}, missions: map[string]*told{},
		booked: map[[2]string]int{}, logs: map[string][]logChange{}, outlines: outlines, awards: map[string]granted{}, tally: newTally(),
	}
	for i := range entries {
		d.add(&entries[i], zone)
		d.tell(&entries[i], zone)
		d.book(&entries[i], zone)
		d.learn(&entries[i], zone)
		d.grant(&entries[i], zone)
	}
	return d
}

func (d *delta) add(e *guerdon.Entry, zone *time.Location) {
	if c := e.Correction; c != nil && c.Was != nil && isActivity(c.Was.Type) {
		d.did(c.Was.UserID, timeframe.DayOf(c.Was.At, zone), -1)
	}
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
	if gone, ok := e.Event.Fields[tenancy.FieldMerged].(string); ok && e.Event.Type == event.User {
		if d.users[gone] == nil {
			d.users[gone] = &fate{joined: on}
		}
		d.users[gone].into = id
	}
	if status, ok := e.Event.Fields["status"].(string); ok && e.Event.Type == event.User {
		f.status = tenancy.Status(status)
	}
	if acts {
		d.did(id, on, 1)
	}
}

// did takes in that a user did something on a day, n times.
func (d *delta) did(userID string, on timeframe.Day, n int64) {
	d.active[userDay{userID, on}] += n
	d.activities[on] += n
}

// isActivity tells whether an event from outside or of a call is something that its user did. Of groups and paths nobody
// does anything but by what is in them.
func isActivity(t event.Type) bool {
	switch t {
	case event.Activity, event.Quiz, event.Slide, event.Story:
		return true
	case event.LearningGroup, event.LearningPath, event.Mission, event.Streak, event.VirtualTransaction, event.User, event.Clock,
		event.MobilityTracking, event.MobilityMilestone, event.Badge, event.Level, event.Retraction:
	}
	return false
}

// A ledger is the rows that change.
type ledger struct {
	state   *state
	ids     []string // of the users that entries speak of, sorted
	people  map[string]*person
	before  []person                  // as they were
	spans   map[spot]*span            // that were read; nil where there is none
	written map[spot]struct{}         // which of them have changed
	days    map[timeframe.Day]*day    // what is added
	cohorts map[timeframe.Day]*cohort // what is added
	holders map[string]*holders       // what is added, by badge
	sums    []sum                     // what else is added
	gone    []*person
	room    [2][]timeframe.Day // to be used again
}

// spot is where a span is.
type spot struct {
	userID string
	block  int
}

// apply adds what entries say to what is kept: each row is read and written once.
func (d *delta) apply(ctx context.Context, tx store.Tx, at *state) error {
	l := &ledger{
		state: at, people: map[string]*person{}, spans: map[spot]*span{}, written: map[spot]struct{}{},
		days: map[timeframe.Day]*day{}, cohorts: map[timeframe.Day]*cohort{}, holders: map[string]*holders{},
	}
	if err := l.meet(ctx, tx, d); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(d.users)) {
		l.join(id, d.users[id].joined)
	}
	for on, n := range d.activities {
		l.day(on).Activities += n
	}
	for id, f := range d.users {
		l.become(id, f.status)
	}
	for _, id := range slices.Sorted(maps.Keys(d.users)) {
		if into := d.users[id].into; into != "" {
			l.merge(id, into)
		}
	}
	if err := d.applyMissions(ctx, tx, l); err != nil {
		return err
	}
	if err := d.applyTransactions(ctx, tx, l); err != nil {
		return err
	}
	if err := d.applyLogs(ctx, tx, l); err != nil {
		return err
	}
	if err := d.applyAwards(ctx, tx); err != nil {
		return err
	}
	d.tally.settle()
	active := slices.SortedFunc(maps.Keys(d.active), func(a, b userDay) int {
		return cmp.Or(cmp.Compare(a.userID, b.userID), cmp.Compare(a.day, b.day))
	})
	if err := l.look(ctx, tx, l.needed(active, d.tally)); err != nil {
		return err
	}
	for _, ud := range active {
		if err := l.act(ctx, tx, ud, d.active[ud]); err != nil {
			return err
		}
	}
	for of, m := range d.tally.users {
		d.tally.happen(l, of, m)
	}
	l.sums = append(l.sums, newSum(topicDays, maps.Values(d.tally.days)),
		newSum(topicTotals, maps.Values(d.tally.totals)))
	if err := l.write(ctx, tx); err != nil {
		return err
	}
	for _, p := range l.gone {
		err := errors.Join(forget(ctx, tx, missionRows, p.UserID), forget(ctx, tx, transactionRows, p.UserID), forget(ctx, tx, pointUsers, p.UserID),
			forget(ctx, tx, itemLogs, p.UserID), forget(ctx, tx, awardRows, p.UserID))
		if err != nil {
			return err
		}
	}
	return nil
}

// meet reads what is known of the users, and prepares to read where things were counted.
func (l *ledger) meet(ctx context.Context, tx store.Tx, d *delta) error {
	mentioned := map[string]struct{}{}
	for id := range d.users {
		mentioned[id] = struct{}{}
	}
	for ud := range d.active {
		mentioned[ud.userID] = struct{}{}
	}
	for of := range d.tally.users {
		mentioned[of.userID] = struct{}{}
	}
	for i := range d.transactions {
		mentioned[d.transactions[i].userID] = struct{}{}
	}
	for _, changes := range d.logs {
		mentioned[changes[0].UserID] = struct{}{}
	}
	for _, g := range d.awards {
		mentioned[g.UserID] = struct{}{}
	}
	l.ids = slices.Sorted(maps.Keys(mentioned))
	err := tx.Prefetch(ctx, people.Keys(l.ids...), missionRows.Keys(slices.Sorted(maps.Keys(d.missions))...),
		transactionRows.Keys(d.knownTransactions()...), awardRows.Keys(slices.Sorted(maps.Keys(d.awards))...))
	if err != nil {
		return err
	}
	known, err := people.GetMany(ctx, tx, l.ids...)
	l.before = slices.Clone(known)
	for i := range known {
		l.people[known[i].UserID] = &known[i]
	}
	return err
}

// person returns what is known of a user, for it to be changed.
func (l *ledger) person(id string) *person {
	p := l.people[id]
	if p == nil {
		p = &person{UserID: id, Stranger: true}
		l.people[id] = p
	}
	return p
}

// needed returns the spans that can tell what was before and behind the days on which something happened to users.
func (l *ledger) needed(active []userDay, t *tally) map[spot]struct{} {
	want := map[spot]struct{}{}
	need := func(p *person, block int) {
		at := spot{p.UserID, block}
		if _, there := want[at]; !there && p.has(block) {
			want[at] = struct{}{}
		}
	}
	for _, ud := range active {
		block, _ := blockOf(ud.day)
		for next := block - 1; next <= block+1; next++ {
			need(l.person(ud.userID), next)
		}
	}
	for of, m := range t.users {
		p := l.person(of.userID)
		m.find(p, of.topic)
		for _, block := range m.nearby {
			need(p, block)
		}
	}
	return want
}

// look reads spans.
func (l *ledger) look(ctx context.Context, tx store.Tx, at map[spot]struct{}) error {
	keys := make([]string, 0, len(at))
	for s := range at {
		keys = append(keys, spanKey(s.block, s.userID))
	}
	slices.Sort(keys)
	found, err := spans.GetMany(ctx, tx, keys...)
	for i := range found {
		l.spans[spot{found[i].UserID, found[i].Block}] = &found[i]
	}
	return err
}

// open returns a span for it to be changed.
func (l *ledger) open(at spot) *span {
	s := l.spans[at]
	if s == nil {
		s = &span{Block: at.block, UserID: at.userID}
		l.spans[at] = s
	}
	if _, own := l.written[at]; !own {
		s.Topics = slices.Clone(s.Topics) // the store's
		l.written[at] = struct{}{}
	}
	return s
}

// join takes in a user who is not known.
func (l *ledger) join(id string, on timeframe.Day) {
	if p := l.person(id); p.Stranger {
		p.Stranger, p.Joined = false, on
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

// act takes in that a user did something on a day, n times, or did not.
func (l *ledger) act(ctx context.Context, tx store.Tx, ud userDay, n int64) error {
	block, bit := blockOf(ud.day)
	days := func(block int) uint64 {
		if s := l.spans[spot{ud.userID, block}]; s != nil {
			return uint64(s.Days)
		}
		return 0
	}
	if n == 0 {
		return nil
	}
	own, s := days(block), l.open(spot{ud.userID, block})
	was := s.presence.on(bit)
	s.presence.mark(bit, n)
	is := s.presence.on(bit)
	if was == is {
		return nil
	}
	more := int64(1)
	if was {
		more = -1
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
			l.day(ud.day.Add(n)).Active[i] += more
		}
	}
	p := l.person(ud.userID)
	p.enter(active, block, s.Days != 0)
	if was {
		return l.live(ctx, tx, p)
	}
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
		before, err := l.inRow(ctx, tx, p, on, -1)
		if err != nil {
			return err
		}
		after, err := l.inRow(ctx, tx, p, on, 1)
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

// live takes in anew on which days a person was active, after it has turned out that one of them was none.
func (l *ledger) live(ctx context.Context, tx store.Tx, p *person) error {
	var blocks []int
	unread := map[spot]struct{}{}
	for _, s := range p.Where {
		for left := s.Blocks; s.Topic == active && left != 0; left &= left - 1 {
			blocks = append(blocks, s.Group*blocksInGroup+bits.TrailingZeros64(left))
			if at := (spot{p.UserID, blocks[len(blocks)-1]}); l.spans[at] == nil {
				unread[at] = struct{}{}
			}
		}
	}
	if err := l.look(ctx, tx, unread); err != nil {
		return err
	}
	l.count(p.First.Week(), p.Weeks, -1)
	p.Active, p.First, p.Last, p.Weeks, p.Run, p.Longest = false, 0, 0, 0, 0, 0
	for _, block := range blocks {
		for days := l.spans[spot{p.UserID, block}].Days; days != 0; days &= days - 1 {
			on := timeframe.Day(block*daysInBlock + bits.TrailingZeros32(days))
			if p.Run++; !p.Active || on != p.Last+1 {
				p.Run = 1
			}
			p.Longest = max(p.Longest, p.Run)
			l.come(p, on)
		}
	}
	return nil
}

// inRow returns on how many days in a row a user was active, from a day on, itself not included, in steps of a day.
func (l *ledger) inRow(ctx context.Context, tx store.Tx, p *person, on timeframe.Day, step int) (n int, err error) {
	for {
		on = on.Add(step)
		block, bit := blockOf(on)
		at := spot{p.UserID, block}
		if l.spans[at] == nil && p.has(block) {
			if err := l.look(ctx, tx, map[spot]struct{}{at: {}}); err != nil {
				return 0, err
			}
		}
		if s := l.spans[at]; s == nil || s.Days&(1<<bit) == 0 {
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
		if l.cohorts[week] == nil {
			l.cohorts[week] = &cohort{Week: week}
		}
		l.cohorts[week].add(bits.TrailingZeros64(in), n)
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

// merge takes in that a user was another all along, who has joined when the first of the two did. What the one has done is told as
// what the other has.
func (l *ledger) merge(id, into string) {
	p, stays := l.people[id], l.people[into]
	l.state.Users--
	l.day(max(p.Joined, stays.Joined)).Joined--
	stays.Joined = min(p.Joined, stays.Joined)
	if p.Suspended {
		l.state.Suspended--
	}
	l.gone = append(l.gone, p)
}

// write keeps what has changed. Of who is erased only what is counted stays.
func (l *ledger) write(ctx context.Context, tx store.Tx) error {
	var now []span
	var gone, erased []string
	for _, p := range l.gone {
		delete(l.people, p.UserID)
		erased = append(erased, p.UserID)
		for _, block := range p.blocks() {
			delete(l.written, spot{p.UserID, block})
			gone = append(gone, spanKey(block, p.UserID))
		}
	}
	for at := range l.written {
		if s := l.spans[at]; s.Days != 0 || len(s.Topics) > 0 {
			now = append(now, *s)
		} else {
			gone = append(gone, spanKey(at.block, at.userID))
		}
	}
	for i := range l.before {
		l.stand(&l.before[i], -1)
		l.hold(&l.before[i], -1)
	}
	var known []person
	for _, id := range l.ids {
		if p := l.people[id]; p != nil {
			l.stand(p, 1)
			l.hold(p, 1)
			known = append(known, *p)
		}
	}
	l.sums = append(l.sums, newSum(days, maps.Values(l.days)),
		newSum(cohorts, maps.Values(l.cohorts)), newSum(badgeHolders, maps.Values(l.holders)))
	if err := addAll(ctx, tx, l.sums); err != nil {
		return err
	}
	slices.SortFunc(now, func(a, b span) int { return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.UserID, b.UserID)) })
	if err := spans.Put(ctx, tx, now...); err != nil {
		return err
	}
	for some := range slices.Chunk(gone, maxBatch) {
		if err := spans.Delete(ctx, tx, some...); err != nil {
			return err
		}
	}
	if err := people.Put(ctx, tx, known...); err != nil {
		return err
	}
	if err := people.Delete(ctx, tx, erased...); err != nil {
		return err
	}
	return states.Put(ctx, tx, *l.state)
}

// stand counts who is in lists by the day since which they were not active.
func (l *ledger) stand(p *person, n int64) {
	if p.Suspended || p.Stranger {
		return
	}
	d := l.day(p.since())
	if d.Since += n; p.Active {
		d.Runs[runRange(p.Run)] += n
		d.Lengths += n * int64(p.Run)
	}
}

// A sum is what is added to the rows of a table.
type sum interface {
	// read names the rows as they are kept.
	read() store.Read
	// add adds to them.
	add(ctx context.Context, tx store.Tx) error
}

type sumOf[T any, P counter[T]] struct {
	rows *store.Table[T]
	keys []string // sorted
	by   map[string]*T
}

// A counter is a row of sums.
type counter[T any] interface {
	*T
	key() string
	// none tells whether nothing is added.
	none() bool
	plus(before *T)
}

func newSum[T any, P counter[T]](rows *store.Table[T], added iter.Seq[*T]) sum {
	s := &sumOf[T, P]{rows: rows, by: map[string]*T{}}
	for row := range added {
		if !P(row).none() {
			s.by[P(row).key()] = row
		}
	}
	s.keys = slices.Sorted(maps.Keys(s.by))
	return s
}

func (s *sumOf[T, P]) read() store.Read { return s.rows.Keys(s.keys...) }

func (s *sumOf[T, P]) add(ctx context.Context, tx store.Tx) error {
	known, err := s.rows.GetMany(ctx, tx, s.keys...)
	if err != nil {
		return err
	}
	for i := range known {
		P(s.by[P(&known[i]).key()]).plus(&known[i])
	}
	all := make([]T, len(s.keys))
	for i, key := range s.keys {
		all[i] = *s.by[key]
	}
	return s.rows.Put(ctx, tx, all...)
}

// addAll adds sums to what is kept.
func addAll(ctx context.Context, tx store.Tx, sums []sum) error {
	var reads []store.Read
	for _, s := range sums {
		reads = append(reads, s.read())
	}
	err := tx.Prefetch(ctx, reads...)
	for i := 0; i < len(sums) && err == nil; i++ {
		err = sums[i].add(ctx, tx)
	}
	return err
}

// values returns what a map holds, in the order of its keys.
func values[K cmp.Ordered, V any](m map[K]*V) []V {
	all := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, *m[k])
	}
	return all
}
