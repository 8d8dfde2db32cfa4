package analytics

import (
	"context"
	"strconv"
	"time"

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
		presences.Schema(), topicDays.Schema(), topicTotals.Schema(),
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

// person is when a user was active. There is none of who is erased.
type person struct {
	UserID string `json:"userId"`
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
	if p.Suspended || !there {
		return store.Value{}
	}
	return store.Int(int64(d))
}

var people = store.Define("analytics_people", func(p *person) string { return p.UserID },
	[]store.Field[person]{
		{Name: "since", Kind: store.KindInt, Of: func(p *person) store.Value { return p.shown(true, p.since()) }},
		{Name: "cohort", Kind: store.KindInt, Of: func(p *person) store.Value { return p.shown(p.Active, p.First.Week()) }},
		{Name: "last", Kind: store.KindInt, Of: func(p *person) store.Value { return p.shown(p.Active, p.Last) }},
		{Name: "run", Kind: store.KindInt, Of: func(p *person) store.Value { return store.Int(int64(p.Run)) }},
		{Name: "longest", Kind: store.KindInt, Of: func(p *person) store.Value { return p.shown(p.Active, timeframe.Day(p.Longest)) }},
	},
	store.Index{Name: "since", Columns: []string{"since"}},
	store.Index{Name: "cohort", Columns: []string{"cohort"}},
	store.Index{Name: "run", Columns: []string{"last", "run"}},
	store.Index{Name: "longest", Columns: []string{"longest"}},
)

// span is on which days of a block a user was active, a bit each.
type span struct {
	Block  int    `json:"block"`
	UserID string `json:"userId"`
	Days   uint32 `json:"days"`
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

var spans = store.Define("analytics_spans", func(s *span) string { return spanKey(s.Block, s.UserID) }, nil)

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

var days = store.Define("analytics_days", func(d *day) string { return d.Day.String() }, nil)

// cohort is those who were active for the first time in a week.
type cohort struct {
	Week timeframe.Day `json:"week"` // its Monday
	// Active is how many of them were active in that week and each of those behind it.
	Active []int64 `json:"active"`
}

// CohortWeeks is how many weeks a cohort is followed for, its own included: a year.
const CohortWeeks = 53

var cohorts = store.Define("analytics_cohorts", func(c *cohort) string { return c.Week.String() }, nil)

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
