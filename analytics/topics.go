package analytics

import (
	"context"
	"math/bits"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A topic is something that happens to users on days, such as that they begin a path. What goes on behind it says of what kind: no
// id has a ":".
type topic string

const (
	active   topic = "active"   // users were active, which spans have as their days
	earning  topic = "earning"  // users got something, also of each currency
	studying topic = "studying" // users submitted something
	onPath   topic = "path"     // users began a path, also by how far they are with it since
	inGroup  topic = "group"
	onSlide  topic = "slide"
	answered topic = "quiz"  // users answered a quiz, also by difficulty and outcome
	tagged   topic = "tag"   // users began a path with a tag
	holding  topic = "badge" // users were awarded a badge, by badge
)

// of returns the topic of a kind.
func (t topic) of(kinds ...string) topic {
	return topic(strings.Join(append([]string{string(t)}, kinds...), ":"))
}

// topicDay is how often a topic happened on a day, and to whom.
type topicDay struct {
	Topic topic         `json:"topic"`
	Day   timeframe.Day `json:"day"`
	Count int64         `json:"count,omitempty"`
	// Gaps are how many users it happened to, by how many days before it had happened to them; 0 is never. So the users of any
	// days can be added up without anybody being counted twice.
	Gaps map[int]int64 `json:"gaps,omitempty"`
}

func (d *topicDay) key() string { return topicKey(d.Topic, d.Day) }

func topicKey(t topic, on timeframe.Day) string { return string(t) + "/" + on.String() }

var topicDays = store.Define("analytics_topic_days", (*topicDay).key, nil).Packed()

// users returns how many users there are on the day to whom it had not happened since another one.
func (d *topicDay) users(since timeframe.Day) (n int64) {
	for gap, users := range d.Gaps {
		if gap == 0 || d.Day.Add(-gap) < since {
			n += users
		}
	}
	return n
}

func (d *topicDay) none() bool { return d.Count == 0 && len(d.Gaps) == 0 }

func (d *topicDay) plus(o *topicDay) {
	d.Count += o.Count
	for gap, users := range o.Gaps {
		d.gap(gap, users)
	}
}

func (d *topicDay) gap(days int, n int64) {
	if d.Gaps == nil {
		d.Gaps = map[int]int64{}
	}
	if d.Gaps[days] += n; d.Gaps[days] == 0 {
		delete(d.Gaps, days)
	}
}

// topicTotal is how often a topic has happened, and to how many users.
type topicTotal struct {
	Topic topic `json:"topic"`
	Count int64 `json:"count,omitempty"`
	Users int64 `json:"users,omitempty"`
}

func (t *topicTotal) key() string { return string(t.Topic) }

func (t *topicTotal) none() bool { return t.Count == 0 && t.Users == 0 }

func (t *topicTotal) plus(o *topicTotal) {
	t.Count += o.Count
	t.Users += o.Users
}

var topicTotals = store.Define("analytics_topics", (*topicTotal).key, nil).Packed()

// A tally is what is added to topics.
type tally struct {
	users  map[line]*marks
	days   map[topicOn]*topicDay
	totals map[topic]*topicTotal
}

// line is the days of a topic of a user.
type line struct {
	userID string
	topic  topic
}

// marks are how often more a topic happened to a user on days.
type marks struct {
	days   []mark
	nearby []int // the blocks of the days, and those next to each of them in which the topic happened to the user
}

type mark struct {
	day timeframe.Day
	n   int64
}

type topicOn struct {
	topic topic
	day   timeframe.Day
}

func newTally() *tally {
	return &tally{users: map[line]*marks{}, days: map[topicOn]*topicDay{}, totals: map[topic]*topicTotal{}}
}

// mark adds that a topic happened n times to a user on a day.
func (t *tally) mark(of topic, userID string, on timeframe.Day, n int64) {
	t.count(of, on, n)
	l := line{userID, of}
	m := t.users[l]
	if m == nil {
		m = &marks{}
		t.users[l] = m
	}
	for i := range m.days {
		if m.days[i].day == on {
			m.days[i].n += n
			return
		}
	}
	m.days = append(m.days, mark{on, n})
}

// count adds that a topic happened n times on a day, to whomever.
func (t *tally) count(of topic, on timeframe.Day, n int64) {
	t.day(of, on).Count += n
	t.total(of).Count += n
}

func (t *tally) day(of topic, on timeframe.Day) *topicDay {
	key := topicOn{of, on}
	if t.days[key] == nil {
		t.days[key] = &topicDay{Topic: of, Day: on}
	}
	return t.days[key]
}

func (t *tally) total(of topic) *topicTotal {
	if t.totals[of] == nil {
		t.totals[of] = &topicTotal{Topic: of}
	}
	return t.totals[of]
}

// settle forgets what was taken out and added again.
func (t *tally) settle() {
	for of, m := range t.users {
		if m.days = slices.DeleteFunc(m.days, func(on mark) bool { return on.n == 0 }); len(m.days) == 0 {
			delete(t.users, of)
		}
	}
}

// find finds the blocks that are nearby.
func (m *marks) find(p *person, of topic) {
	last := nowhere
	for i := range m.days {
		block, _ := blockOf(m.days[i].day)
		if block == last { // as nearly always
			continue
		}
		last = block
		before, behind := p.around(of, block)
		for _, near := range []int{before, block, behind} {
			if near != nowhere {
				m.nearby = append(m.nearby, near)
			}
		}
	}
	slices.Sort(m.nearby)
	m.nearby = slices.Compact(m.nearby)
}

// happen takes in a user's days of a topic. All spans nearby are known.
func (t *tally) happen(l *ledger, of line, m *marks) {
	p := l.person(of.userID)
	before := l.daysOf(of, m.nearby, l.room[0][:0])
	for _, on := range m.days {
		block, bit := blockOf(on.day)
		s := l.open(spot{of.userID, block})
		s.mark(of.topic, bit, on.n)
		p.enter(of.topic, block, s.on(of.topic) != 0)
	}
	now := l.daysOf(of, m.nearby, l.room[1][:0])
	t.gaps(of.topic, before, now)
	l.room = [2][]timeframe.Day{before, now} // for others
}

// daysOf appends a user's days of a topic that are in blocks.
func (l *ledger) daysOf(of line, blocks []int, all []timeframe.Day) []timeframe.Day {
	for _, block := range blocks {
		for days := l.spans[spot{of.userID, block}].on(of.topic); days != 0; days &= days - 1 {
			all = append(all, timeframe.Day(block*daysInBlock+bits.TrailingZeros32(days)))
		}
	}
	return all
}

// gaps makes of a user's days of a topic others, some of which may be the same. What is before the first of both is the same for both.
func (t *tally) gaps(of topic, before, now []timeframe.Day) {
	var last [2]timeframe.Day
	var ever [2]bool
	gap := func(i int, on timeframe.Day) int {
		if !ever[i] {
			return 0
		}
		return on.Sub(last[i])
	}
	for len(before) > 0 || len(now) > 0 {
		was := len(before) > 0 && (len(now) == 0 || before[0] <= now[0])
		is := len(now) > 0 && (len(before) == 0 || now[0] <= before[0])
		var on timeframe.Day
		if was {
			on, before = before[0], before[1:]
		}
		if is {
			on, now = now[0], now[1:]
		}
		from, to := gap(0, on), gap(1, on)
		if was && (!is || from != to) {
			t.gap(of, on, from, -1)
		}
		if is && (!was || from != to) {
			t.gap(of, on, to, 1)
		}
		for i, there := range []bool{was, is} {
			if there {
				last[i], ever[i] = on, true
			}
		}
	}
}

// gap adds users to whom a topic happened on a day, so many days after another.
func (t *tally) gap(of topic, on timeframe.Day, days int, n int64) {
	if t.day(of, on).gap(days, n); days == 0 {
		t.total(of).Users += n
	}
}

// A happening is what happened of a topic on the days of a range: how often, and to how many users.
type happening struct {
	count, users int64
	days         []topicDay // each day of the range
}

// during returns what happened of a topic in a range.
func during(ctx context.Context, tx store.Tx, of topic, in Range) (out happening, err error) {
	found, err := topicDays.List(ctx, tx, store.Query{From: store.Text(topicKey(of, in.From)), Until: store.Text(topicKey(of, in.To.Add(1)))})
	out.days = make([]topicDay, in.To.Sub(in.From)+1)
	for i := range out.days {
		out.days[i].Day = in.From.Add(i)
	}
	for i := range found {
		d := &found[i]
		out.count += d.Count
		out.users += d.users(in.From)
		out.days[d.Day.Sub(in.From)] = *d
	}
	return out, err
}

// soFar returns what has happened of a topic, and to how many users.
func soFar(ctx context.Context, tx store.Tx, of topic) (topicTotal, error) {
	t, _, err := topicTotals.Get(ctx, tx, string(of))
	return t, err
}

// forget removes all rows of a table whose keys begin with a user.
func forget[T any](ctx context.Context, tx store.Tx, rows *store.Table[T], userID string) error {
	own, err := tx.List(ctx, rows.Schema(), store.Prefix(userID+"/"))
	if err != nil {
		return err
	}
	keys := make([]string, len(own))
	for i := range own {
		keys[i] = own[i].Key
	}
	for some := range slices.Chunk(keys, maxBatch) {
		if err := rows.Delete(ctx, tx, some...); err != nil {
			return err
		}
	}
	return nil
}
