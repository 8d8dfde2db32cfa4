package analytics

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A topic is something that happens to users on days, such as that they begin a path. What goes on behind it says of what kind: no
// id has a ":".
type topic string

const (
	earning  topic = "earning"  // users got something, also of each currency
	studying topic = "studying" // users submitted something
	onPath   topic = "path"     // users began a path, also by how far they are with it since
	inGroup  topic = "group"
	onSlide  topic = "slide"
	answered topic = "quiz" // users answered a quiz, also by difficulty and outcome
	tagged   topic = "tag"  // users began a path with a tag
)

// of returns the topic of a kind.
func (t topic) of(kinds ...string) topic {
	return topic(strings.Join(append([]string{string(t)}, kinds...), ":"))
}

// presence is how often a topic happened to a user on a day. There is none of who is erased.
type presence struct {
	UserID string        `json:"userId"`
	Topic  topic         `json:"topic"`
	Day    timeframe.Day `json:"day"`
	Count  int64         `json:"count"`
}

// lineKey is how the keys of a user's days begin.
func lineKey(userID string, t topic) string { return userID + "/" + string(t) + "/" }

var presences = store.Define("analytics_presences", func(p *presence) string { return lineKey(p.UserID, p.Topic) + p.Day.String() }, nil).Packed()

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

var topicTotals = store.Define("analytics_topics", func(t *topicTotal) string { return string(t.Topic) }, nil).Packed()

// A tally is what is added to topics.
type tally struct {
	users  map[line]map[timeframe.Day]int64
	days   map[string]*topicDay
	totals map[topic]*topicTotal
}

// line is the days of a topic of a user.
type line struct {
	userID string
	topic  topic
}

func newTally() *tally {
	return &tally{users: map[line]map[timeframe.Day]int64{}, days: map[string]*topicDay{}, totals: map[topic]*topicTotal{}}
}

// mark adds that a topic happened n times to a user on a day.
func (t *tally) mark(of topic, userID string, on timeframe.Day, n int64) {
	l := line{userID, of}
	if t.users[l] == nil {
		t.users[l] = map[timeframe.Day]int64{}
	}
	t.users[l][on] += n
	t.count(of, on, n)
}

// count adds that a topic happened n times on a day, to whomever.
func (t *tally) count(of topic, on timeframe.Day, n int64) {
	t.day(of, on).Count += n
	t.total(of).Count += n
}

func (t *tally) day(of topic, on timeframe.Day) *topicDay {
	d := &topicDay{Topic: of, Day: on}
	if t.days[d.key()] == nil {
		t.days[d.key()] = d
	}
	return t.days[d.key()]
}

func (t *tally) total(of topic) *topicTotal {
	if t.totals[of] == nil {
		t.totals[of] = &topicTotal{Topic: of}
	}
	return t.totals[of]
}

// around describes the last of a user's days before some, and those from the first of them on.
func (l line) around(days map[timeframe.Day]int64) (before, since store.Query) {
	first := lineKey(l.userID, l.topic) + slices.Min(slices.Collect(maps.Keys(days))).String()
	before, since = store.Prefix(lineKey(l.userID, l.topic)), store.Prefix(lineKey(l.userID, l.topic))
	before.Until, since.From = store.Text(first), store.Text(first)
	return before.Reverse().First(1), since
}

// write adds what has been tallied to what is kept.
func (t *tally) write(ctx context.Context, tx store.Tx) error {
	lines := slices.SortedFunc(maps.Keys(t.users), func(a, b line) int {
		return cmp.Or(cmp.Compare(a.userID, b.userID), cmp.Compare(a.topic, b.topic))
	})
	var reads []store.Read
	for _, l := range lines {
		before, since := l.around(t.users[l])
		reads = append(reads, presences.Rows(before), presences.Rows(since))
	}
	if err := tx.Prefetch(ctx, reads...); err != nil {
		return err
	}
	var now []presence
	var gone []string
	for _, l := range lines {
		before, since := l.around(t.users[l])
		last, err := presences.List(ctx, tx, before)
		if err != nil {
			return err
		}
		known, err := presences.List(ctx, tx, since)
		if err != nil {
			return err
		}
		counts := map[timeframe.Day]int64{}
		for _, p := range known {
			counts[p.Day] = p.Count
		}
		t.gaps(l.topic, last, counts, -1)
		for on, n := range t.users[l] {
			p := presence{l.userID, l.topic, on, counts[on] + n}
			if counts[on] = p.Count; p.Count != 0 {
				now = append(now, p)
				continue
			}
			delete(counts, on)
			gone = append(gone, lineKey(l.userID, l.topic)+on.String())
		}
		t.gaps(l.topic, last, counts, 1)
	}
	if err := presences.Put(ctx, tx, now...); err != nil {
		return err
	}
	if err := presences.Delete(ctx, tx, gone...); err != nil {
		return err
	}
	return t.sum(ctx, tx)
}

// gaps adds the days of a user to the topic's, n times. last is the day before them, if there is one.
func (t *tally) gaps(of topic, last []presence, counts map[timeframe.Day]int64, n int64) {
	for _, on := range slices.Sorted(maps.Keys(counts)) {
		gap := 0
		if len(last) > 0 {
			gap = on.Sub(last[0].Day)
		} else {
			t.total(of).Users += n
		}
		t.day(of, on).gap(gap, n)
		last = []presence{{Day: on}}
	}
}

// sum adds the days and the totals to those that are kept.
func (t *tally) sum(ctx context.Context, tx store.Tx) error {
	keys := slices.Sorted(maps.Keys(t.days))
	var names []string
	for _, of := range slices.Sorted(maps.Keys(t.totals)) {
		names = append(names, string(of))
	}
	if err := tx.Prefetch(ctx, topicDays.Keys(keys...), topicTotals.Keys(names...)); err != nil {
		return err
	}
	known, err := topicDays.GetMany(ctx, tx, keys...)
	if err != nil {
		return err
	}
	for i := range known {
		d := t.days[known[i].key()]
		d.Count += known[i].Count
		for gap, users := range known[i].Gaps {
			d.gap(gap, users)
		}
	}
	totals, err := topicTotals.GetMany(ctx, tx, names...)
	if err != nil {
		return err
	}
	for _, before := range totals {
		sum := t.totals[before.Topic]
		sum.Count += before.Count
		sum.Users += before.Users
	}
	if err := topicDays.Put(ctx, tx, values(t.days)...); err != nil {
		return err
	}
	return topicTotals.Put(ctx, tx, values(t.totals)...)
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
