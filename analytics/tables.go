package analytics

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Tables are what is kept of each workspace, for [guerdon.Options].Tables: they are part of its dumps and go with it when it is erased.
func Tables() []*store.Schema { return append(counted(), states.Schema()) }

// counted are the tables of what is counted.
func counted() []*store.Schema {
	return []*store.Schema{
		people.Schema(), spans.Schema(), days.Schema(), cohorts.Schema(), missionRows.Schema(), missionDays.Schema(), transactionRows.Schema(),
		pointDays.Schema(), pointUsers.Schema(), itemLogs.Schema(), pathVersions.Schema(), pathDays.Schema(), stepDays.Schema(),
		topicDays.Schema(), topicTotals.Schema(), awardRows.Schema(), badgeHolders.Schema(),
	}
}

// state is how far a workspace is counted.
type state struct {
	Seq  int64     `json:"seq"`
	At   time.Time `json:"at,omitzero"`
	Zone string    `json:"zone,omitempty"`
	// From is the number of the first entry that is counted, if that is not the journal's first.
	From int64 `json:"from,omitempty"`
	// Wiping says that what is counted is being removed.
	Wiping bool `json:"wiping,omitempty"`
	// Users are who joined and is not erased, Suspended those of them who are suspended.
	Users     int64 `json:"users,omitempty"`
	Suspended int64 `json:"suspended,omitempty"`
	Erased    int64 `json:"erased,omitempty"`
}

const stateKey = "state"

var states = store.Define("analytics_states", func(*state) string { return stateKey }, nil)

// person is what is known of a user. There is none of who is erased.
type person struct {
	UserID string `json:"userId"`
	// Stranger is a user of whom no entry says anything but what others say, as those before are archived: one who has not joined.
	Stranger bool `json:"stranger,omitempty"`
	// Joined is the day of the user's first entry.
	Joined timeframe.Day `json:"joined"`
	// Active says whether the user was ever active: First and Last are the days.
	Active bool          `json:"active,omitempty"`
	First  timeframe.Day `json:"first,omitzero"`
	Last   timeframe.Day `json:"last,omitzero"`
	// Weeks has a bit for each week since that of the first day in which the user was active.
	Weeks uint64 `json:"weeks,omitempty"`
	// Run is on how many days in a row the user was active up to Last, Longest the most there were.
	Run     int `json:"run,omitempty"`
	Longest int `json:"longest,omitempty"`
	// Suspended users are in no list.
	Suspended bool `json:"suspended,omitempty"`
	// Points are what the user has got and paid of all currencies, added up.
	Points purse `json:"points"`
	// Where says in which blocks something happened to the user, by topic and group, so that a span is found without looking for it.
	Where []stretch `json:"where,omitempty"`
}

// stretch is in which blocks of a group a topic happened to a user, a bit each.
type stretch struct {
	Topic  topic  `json:"topic"`
	Group  int    `json:"group"`
	Blocks uint64 `json:"blocks"`
}

// blocksInGroup are nearly six years.
const blocksInGroup = 64

// groupOf returns the group that a block is in, and its bit there.
func groupOf(block int) (group int, bit uint64) {
	return block >> 6, 1 << (block & (blocksInGroup - 1))
}

// nowhere is no block.
const nowhere = math.MinInt

func (s *stretch) compare(o stretch) int {
	return cmp.Or(cmp.Compare(s.Topic, o.Topic), cmp.Compare(s.Group, o.Group))
}

// has tells whether something happened to the user in a block.
func (p *person) has(block int) bool {
	group, bit := groupOf(block)
	return slices.ContainsFunc(p.Where, func(s stretch) bool { return s.Group == group && s.Blocks&bit != 0 })
}

// around returns the last block before one in which a topic happened to the user, and the first behind it.
func (p *person) around(of topic, block int) (before, behind int) {
	before, behind = nowhere, nowhere
	group, bit := groupOf(block)
	for i := range p.Where {
		s := &p.Where[i]
		if s.Topic != of {
			continue
		}
		less, more := s.Blocks, s.Blocks
		switch {
		case s.Group == group:
			less &= bit - 1
			more &^= bit<<1 - 1
		case s.Group < group:
			more = 0
		default:
			less = 0
		}
		if less != 0 {
			before = s.Group*blocksInGroup + bits.Len64(less) - 1
		}
		if more != 0 && behind == nowhere {
			behind = s.Group*blocksInGroup + bits.TrailingZeros64(more)
		}
	}
	return before, behind
}

// enter notes whether a topic happened to the user in a block.
func (p *person) enter(of topic, block int, there bool) {
	group, bit := groupOf(block)
	want := stretch{of, group, bit}
	at, found := slices.BinarySearchFunc(p.Where, want, func(s, o stretch) int { return s.compare(o) })
	if found == there && (!found || p.Where[at].Blocks&want.Blocks != 0) {
		return
	}
	p.Where = slices.Clone(p.Where) // the store's
	switch {
	case !found:
		p.Where = slices.Insert(p.Where, at, want)
	case there:
		p.Where[at].Blocks |= want.Blocks
	default:
		if p.Where[at].Blocks &^= want.Blocks; p.Where[at].Blocks == 0 {
			p.Where = slices.Delete(p.Where, at, at+1)
		}
	}
}

// blocks returns all in which something happened to the user.
func (p *person) blocks() (all []int) {
	for _, s := range p.Where {
		for left := s.Blocks; left != 0; left &= left - 1 {
			all = append(all, s.Group*blocksInGroup+bits.TrailingZeros64(left))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// since returns the last day on which the user was active, or the first on which the user could have been.
func (p *person) since() timeframe.Day {
	if p.Active {
		return p.Last
	}
	return p.Joined
}

// shown returns a day for an index of those who are in lists.
func (p *person) shown(there bool, d timeframe.Day) store.Value {
	if p.Suspended || p.Stranger || !there {
		return store.Value{}
	}
	return store.Int(int64(d))
}

// ranked returns an amount for an index of those who are in lists.
func (p *person) ranked(n decimal.Decimal, times int64) store.Value {
	if p.Suspended {
		return store.Value{}
	}
	return ranked(n, times)
}

var people = store.Define("analytics_people", func(p *person) string { return p.UserID },
	[]store.Field[person]{
		{Name: "since", Kind: store.KindInt, Of: func(p *person) store.Value { return p.shown(true, p.since()) }},
		{Name: "cohort", Kind: store.KindInt, Of: func(p *person) store.Value { return p.shown(p.Active, p.First.Week()) }},
		{Name: "last", Kind: store.KindInt, Of: func(p *person) store.Value { return p.shown(p.Active, p.Last) }},
		{Name: "run", Kind: store.KindInt, Of: func(p *person) store.Value { return store.Int(int64(p.Run)) }},
		{Name: "longest", Kind: store.KindInt, Of: func(p *person) store.Value { return p.shown(p.Active, timeframe.Day(p.Longest)) }},
		{Name: "issued", Kind: store.KindInt, Of: func(p *person) store.Value { return p.ranked(p.Points.Issued, p.Points.Awards) }},
		{Name: "spent", Kind: store.KindInt, Of: func(p *person) store.Value { return p.ranked(p.Points.Spent, p.Points.Payments) }},
	},
	store.Index{Name: "since", Columns: []string{"since"}},
	store.Index{Name: "cohort", Columns: []string{"cohort"}},
	store.Index{Name: "run", Columns: []string{"last", "run"}},
	store.Index{Name: "longest", Columns: []string{"longest"}},
	store.Index{Name: "issued", Columns: []string{"issued"}},
	store.Index{Name: "spent", Columns: []string{"spent"}},
).Packed()

// span is what happened to a user on the days of a block. There is none of who is erased.
type span struct {
	Block  int    `json:"block"`
	UserID string `json:"userId"`
	// The presence is that of the user: what the user did.
	presence
	Topics []topicPresence `json:"topics,omitempty"` // in their order
}

// topicPresence is when a topic happened to a user.
type topicPresence struct {
	Topic topic `json:"topic"`
	presence
}

// presence is on which days of a block something happened, a bit each, and how often on each of them; nil is once.
type presence struct {
	Days   uint32  `json:"days,omitempty"`
	Counts []int64 `json:"counts,omitempty"`
}

// find returns where a topic is among those of the span, or should be.
func (s *span) find(of topic) (int, bool) {
	return slices.BinarySearchFunc(s.Topics, of, func(p topicPresence, of topic) int { return cmp.Compare(p.Topic, of) })
}

// on returns the days on which a topic happened, a bit each.
func (s *span) on(of topic) uint32 {
	if s == nil {
		return 0
	}
	at, found := s.find(of)
	if !found {
		return 0
	}
	return s.Topics[at].Days
}

// mark adds that a topic happened n times on a day.
func (s *span) mark(of topic, bit int, n int64) {
	at, found := s.find(of)
	if !found {
		s.Topics = slices.Insert(s.Topics, at, topicPresence{Topic: of})
	}
	if s.Topics[at].mark(bit, n); s.Topics[at].Days == 0 {
		s.Topics = slices.Delete(s.Topics, at, at+1)
	}
}

// on tells whether it happened on a day.
func (p *presence) on(bit int) bool { return p.Days&(1<<bit) != 0 }

// mark adds that it happened n times on a day.
func (p *presence) mark(bit int, n int64) {
	if n == 1 && p.Counts == nil && !p.on(bit) { // as nearly always
		p.Days |= 1 << bit
		return
	}
	var counts [daysInBlock]int64
	left := p.Counts
	for days := p.Days; days != 0; days &= days - 1 {
		n := int64(1)
		if len(left) > 0 {
			n, left = left[0], left[1:]
		}
		counts[bits.TrailingZeros32(days)] = n
	}
	counts[bit] += n
	often := false
	p.Days, p.Counts = 0, nil // those that were are the store's
	for i, n := range counts {
		if n != 0 {
			p.Days |= 1 << i
			p.Counts = append(p.Counts, n)
			often = often || n != 1
		}
	}
	if !often {
		p.Counts = nil
	}
}

// daysInBlock is more than the longest window.
const daysInBlock = 32

// blockOf returns the block that a day is in, and its place there.
func blockOf(d timeframe.Day) (block, bit int) { return int(d >> 5), int(d & (daysInBlock - 1)) }

// spanKey begins with the block, so that the people of a time lie side by side.
func spanKey(block int, userID string) string { return spanPrefix(block) + userID }

func spanPrefix(block int) string { return strconv.Itoa(firstBlock+block) + "/" }

// firstBlock makes numbers of six digits of the blocks of all days that there can be.
const firstBlock = 500_000

var spans = store.Define("analytics_spans", func(s *span) string { return spanKey(s.Block, s.UserID) }, nil).Packed()

// day is what happened on a day.
type day struct {
	Day timeframe.Day `json:"day"`
	// Active is how many users were active in each of the windows that end on the day.
	Active [len(windows)]int64 `json:"active"`
	// Activities is how many things they did on the day.
	Activities int64 `json:"activities,omitempty"`
	// Joined is how many users joined.
	Joined int64 `json:"joined,omitempty"`
	// Since is how many users are in lists who have not been active since that day.
	Since int64 `json:"since,omitempty"`
	// Runs is how many of those in lists were active on it at last, by how many days in a row they were up to it, and Lengths those days.
	Runs    [len(runRanges)]int64 `json:"runs,omitzero"`
	Lengths int64                 `json:"lengths,omitempty"`
}

// windows are the lengths of the windows, in days.
var windows = [...]int{1, 7, 30}

func (d *day) key() string { return d.Day.String() }

func (d *day) none() bool { return *d == day{Day: d.Day} }

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

var days = store.Define("analytics_days", (*day).key, nil)

// cohort is those who were active for the first time in a week.
type cohort struct {
	Week timeframe.Day `json:"week"` // its Monday
	// Active is how many of them were active in that week and each of those behind it.
	Active []int64 `json:"active"`
}

// CohortWeeks is how many weeks a cohort is followed for, its own included: a year.
const CohortWeeks = 53

func (c *cohort) key() string { return c.Week.String() }

// add adds to a week.
func (c *cohort) add(later int, n int64) {
	if missing := later + 1 - len(c.Active); missing > 0 {
		c.Active = append(c.Active, make([]int64, missing)...)
	}
	c.Active[later] += n
}

func (c *cohort) none() bool {
	return !slices.ContainsFunc(c.Active, func(n int64) bool { return n != 0 })
}

func (c *cohort) plus(o *cohort) {
	for later, n := range o.Active {
		c.add(later, n)
	}
}

var cohorts = store.Define("analytics_cohorts", (*cohort).key, nil)

// An AsOf says how much of the journal an answer knows of.
type AsOf struct {
	// Seq is the number of the last entry that is counted, 0 for none, and RecordedAt when that was recorded. Neither says when the things
	// happened: what comes late is counted on the day on which it did.
	Seq        int64     `json:"seq"`
	RecordedAt time.Time `json:"recordedAt,omitzero"`
	// From is the number of the first entry that is counted, if that is not the journal's first: those before were archived.
	From int64 `json:"from,omitempty"`
}

func (s *state) asOf() AsOf { return AsOf{Seq: s.Seq, RecordedAt: s.At, From: s.From} }

// asOf returns how far a workspace is counted.
func (a *Analytics) asOf(ctx context.Context, ws *guerdon.Workspace) (as AsOf, err error) {
	err = a.engine.Store().View(ctx, ws.Scope(), func(tx store.Tx) error {
		at, _, err := states.Get(ctx, tx, stateKey)
		as = at.asOf()
		return err
	})
	return as, err
}
