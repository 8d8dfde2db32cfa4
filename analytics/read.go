package analytics

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Range is the days from From up to and with To.
type Range struct {
	From timeframe.Day `json:"from"`
	To   timeframe.Day `json:"to"`
}

// MaxRange is how many days a range may have: ten years.
const MaxRange = 3660

// Validate returns [fault.ErrInvalid] that names "to" for a range that has no day, or more than [MaxRange].
func (r Range) Validate() error {
	switch n := r.To.Sub(r.From) + 1; {
	case n < 1:
		return fault.Invalid("to", "%s is before from, %s", r.To, r.From)
	case n > MaxRange:
		return fault.Invalid("to", "makes %d days; at most %d are allowed", n, MaxRange)
	}
	return nil
}

// A Reader reads what is counted of one workspace. It may be used concurrently.
type Reader struct {
	analytics *Analytics
	workspace *guerdon.Workspace
}

// Of returns what reads what is counted of a workspace. Its methods return [fault.ErrConflict] that names "zone" if that was counted
// in another zone. What is read with a handle that has one snapshot ([guerdon.Workspace.View]) is of that one.
func (a *Analytics) Of(ws *guerdon.Workspace) Reader { return Reader{a, ws} }

// Last returns the last days up to today that a time range of the form "30d" has, of 1 to [MaxRange] days; "" is "30d". It returns
// [fault.ErrInvalid] that names "timeRange" for anything else.
func (r Reader) Last(timeRange string) (Range, error) {
	if timeRange == "" {
		timeRange = "30d"
	}
	text, ok := strings.CutSuffix(timeRange, "d")
	n, err := strconv.ParseUint(text, 10, 16)
	if !ok || err != nil || n < 1 || n > MaxRange {
		return Range{}, fault.Invalid("timeRange", "%.20q is no number of days such as 30d, of 1 to %d", timeRange, MaxRange)
	}
	today := r.today()
	return Range{today.Add(1 - int(n)), today}, nil
}

// view runs fn on what is counted, of one moment.
func (r Reader) view(ctx context.Context, fn func(store.Tx, *state) error) error {
	return r.workspace.ViewTables(ctx, func(ctx context.Context, tx store.Tx) error {
		at, _, err := states.Get(ctx, tx, stateKey)
		if err == nil {
			err = r.analytics.elsewhere(&at, tx.Scope())
		}
		if err != nil {
			return err
		}
		return fn(tx, &at)
	})
}

// An Activity is how many people were active on each day of a range.
type Activity struct {
	AsOf

	Days []ActiveDay `json:"days"`
}

// An ActiveDay is how many people were active on a day.
type ActiveDay struct {
	Day timeframe.Day `json:"date"`
	// ActiveUsers is how many were active on the day, Active7 and Active30 on one of the 7 and 30 days that end with it.
	ActiveUsers int64 `json:"activeUsers"`
	Active7     int64 `json:"active7"`
	Active30    int64 `json:"active30"`
	// Activities is how many things they did on the day.
	Activities int64 `json:"activities"`
	// Joined is how many users there are since that day.
	Joined int64 `json:"joined"`
}

// Activity returns how many people were active on each day of a range, days without anything included. Who is suspended or erased
// since was active then, and stays counted.
func (r Reader) Activity(ctx context.Context, in Range) (out Activity, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		all, err := daysIn(ctx, tx, in)
		out = Activity{AsOf: at.asOf(), Days: make([]ActiveDay, len(all))}
		for i, d := range all {
			out.Days[i] = ActiveDay{d.Day, d.Active[0], d.Active[1], d.Active[2], d.Activities, d.Joined}
		}
		return err
	})
	return out, err
}

// daysIn returns what happened on each day of a range.
func daysIn(ctx context.Context, tx store.Tx, in Range) ([]day, error) {
	q := in.prefixed()
	found, err := days.List(ctx, tx, q)
	all := make([]day, in.To.Sub(in.From)+1)
	for i := range all {
		all[i].Day = in.From.Add(i)
	}
	for _, d := range found {
		if i := d.Day.Sub(in.From); i >= 0 && i < len(all) {
			all[i] = d
		}
	}
	return all, err
}

// People are a page of a list of people. Who is suspended or erased is in none, so a list may be shorter than the number that belongs to it.
type People struct {
	AsOf

	People []Person `json:"people"`
	// NextToken is that of the next page, "" if there is none.
	NextToken string `json:"nextToken,omitempty"`
}

// A Person is a user in a list.
type Person struct {
	UserID string `json:"userId"`
	// Joined is the day since which there is the user, First and Last the days on which the user was active at first and at last, if ever.
	Joined timeframe.Day  `json:"joined"`
	First  *timeframe.Day `json:"first,omitempty"`
	Last   *timeframe.Day `json:"last,omitempty"`
	// Run is on how many days in a row the user was active up to Last, and LongestRun the most there ever were.
	Run        int `json:"run"`
	LongestRun int `json:"longestRun"`
}

func (p *person) public() Person {
	out := Person{UserID: p.UserID, Joined: p.Joined, Run: p.Run, LongestRun: p.Longest}
	if p.Active {
		out.First, out.Last = new(p.First), new(p.Last)
	}
	return out
}

func publics(all []person) []Person {
	out := make([]Person, len(all))
	for i := range all {
		out[i] = all[i].public()
	}
	return out
}

// ActiveUsers returns who was active in the window of a length that ends with a day, in the order of their ids: 1, 7 or 30 days. The page's
// direction does not matter. It returns [fault.ErrInvalid] for another length, a limit or a token that is none.
func (r Reader) ActiveUsers(ctx context.Context, on timeframe.Day, length int, page store.Page) (out People, err error) {
	if !slices.Contains(windows[:], length) {
		return out, fault.Invalid("length", "is %d; it must be one of %v", length, windows)
	}
	q, err := page.Query(store.Query{})
	if err != nil {
		return out, err
	}
	behind, err := parseBehind(page.Token)
	if err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		out = People{AsOf: at.asOf(), People: []Person{}}
		w := window{from: on.Add(1 - length), to: on, behind: behind}
		for {
			ids, err := w.next(ctx, tx, q.Limit+1)
			if err != nil || len(ids) == 0 {
				return err
			}
			found, err := people.GetMany(ctx, tx, ids...)
			if err != nil {
				return err
			}
			for i := range found {
				if found[i].Suspended {
					continue
				}
				if n := len(out.People); n == q.Limit {
					out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(out.People[n-1].UserID))
					return nil
				}
				out.People = append(out.People, found[i].public())
			}
		}
	})
	return out, err
}

// parseBehind returns the text of a token.
func parseBehind(token string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || strings.ContainsFunc(string(b), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fault.Invalid("token", "is none of this list")
	}
	return string(b), nil
}

// A window is days, of at most two blocks, in whose spans it looks for people.
type window struct {
	from, to timeframe.Day
	behind   string // the last user it has come to
	ended    bool
}

// next returns the next users who were active, none when there are no more.
func (w *window) next(ctx context.Context, tx store.Tx, limit int) (ids []string, err error) {
	for len(ids) == 0 && !w.ended {
		first, _ := blockOf(w.from)
		last, _ := blockOf(w.to)
		active, end := map[string]bool{}, ""
		for block := first; block <= last; block++ {
			q := store.Prefix(spanPrefix(block)).First(limit)
			if w.behind != "" {
				q.From = store.Text(spanKey(block, w.behind) + " ") // no id goes on with that
			}
			some, err := spans.List(ctx, tx, q)
			if err != nil {
				return nil, err
			}
			for _, s := range some {
				active[s.UserID] = active[s.UserID] || w.meets(&s)
			}
			if n := len(some); n == limit && (end == "" || some[n-1].UserID < end) {
				end = some[n-1].UserID // what lies beyond may be of others in another block
			}
		}
		w.ended = end == ""
		for id, yes := range active {
			if yes && (w.ended || id <= end) {
				ids = append(ids, id)
			}
		}
		w.behind = end
	}
	slices.Sort(ids)
	return ids, nil
}

// meets tells whether a span has a day of the window.
func (w *window) meets(s *span) bool {
	for bit := range daysInBlock {
		if d := timeframe.Day(s.Block*daysInBlock + bit); s.Days&(1<<bit) != 0 && w.from <= d && d <= w.to {
			return true
		}
	}
	return false
}

// An Inactivity is how many people have stopped.
type Inactivity struct {
	AsOf

	// Before is the day since which they did nothing: they were active at last, or joined if they never were, before it.
	Before timeframe.Day `json:"before"`
	// Users is how many, and Of how many people there are. Who is suspended or erased is neither.
	Users int64 `json:"users"`
	Of    int64 `json:"of"`
}

// Inactive returns how many people did nothing on the last days, today included: 1 to [MaxRange] of them. It returns
// [fault.ErrInvalid] that names "days" for another number.
func (r Reader) Inactive(ctx context.Context, lastDays int) (out Inactivity, err error) {
	before, err := r.before(lastDays)
	if err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		shown := at.Users - at.Suspended
		out = Inactivity{AsOf: at.asOf(), Before: before, Users: shown, Of: shown}
		// What is to come is more: the engine's clock may go back, and events may be ten minutes ahead.
		all, err := days.List(ctx, tx, store.Query{From: store.Text(before.String())})
		for _, d := range all {
			out.Users -= d.Since
		}
		return err
	})
	return out, err
}

// before returns the first of the last days.
func (r Reader) before(lastDays int) (timeframe.Day, error) {
	if lastDays < 1 || lastDays > MaxRange {
		return 0, fault.Invalid("days", "are %d; allowed are 1 to %d", lastDays, MaxRange)
	}
	return r.today().Add(1 - lastDays), nil
}

// InactiveUsers returns who did nothing on the last days, today included: those who stopped last come first, unless the page says
// otherwise. It returns what [Reader.Inactive] does, and [fault.ErrInvalid] for a limit or a token that is none.
func (r Reader) InactiveUsers(ctx context.Context, lastDays int, page store.Page) (out People, err error) {
	before, err := r.before(lastDays)
	if err != nil {
		return out, err
	}
	q := store.By("since").Between(store.Value{}, store.Int(int64(before)))
	return r.list(ctx, q, page, func(*person) bool { return true })
}

// list returns a page of those people of a query for whom keep holds.
func (r Reader) list(ctx context.Context, q store.Query, page store.Page, keep func(*person) bool) (out People, err error) {
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		found, next, err := people.PageWhere(ctx, tx, q, page, keep)
		out = People{AsOf: at.asOf(), People: publics(found), NextToken: next}
		return err
	})
	return out, err
}

// A Retention is how many people came back.
type Retention struct {
	AsOf

	Cohorts []Cohort `json:"cohorts"`
}

// A Cohort is those who were active for the first time in one week, from Monday.
type Cohort struct {
	Week timeframe.Day `json:"week"` // its Monday
	// Active is how many of them were active in that week, which is all of them, and in each of those behind it, as far as somebody was and the cohort is
	// followed ([CohortWeeks]). The last week may not be over.
	Active []int64 `json:"active"`
}

// Retention returns, of those who were active for the first time in one of the weeks that begin in a range, how many were active in the
// weeks behind it. Weeks in which nobody began are left out. Who is suspended or erased since stays counted.
func (r Reader) Retention(ctx context.Context, in Range) (out Retention, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		q := in.prefixed()
		all, err := cohorts.List(ctx, tx, q)
		out = Retention{AsOf: at.asOf(), Cohorts: []Cohort{}}
		for _, c := range all {
			for len(c.Active) > 0 && c.Active[len(c.Active)-1] == 0 {
				c.Active = c.Active[:len(c.Active)-1]
			}
			if len(c.Active) > 0 { // else all of them turned out to have begun earlier
				out.Cohorts = append(out.Cohorts, Cohort(c))
			}
		}
		return err
	})
	return out, err
}

// RetainedUsers returns who was active for the first time in a week and came back in the one that begins so many weeks later; with 0, all who
// began then. The page's direction is that of their ids. It returns [fault.ErrInvalid] that names "week" if the day is no Monday, or "later"
// if it is not 0 to [CohortWeeks] - 1, and for a limit or a token that is none.
func (r Reader) RetainedUsers(ctx context.Context, week timeframe.Day, later int, page store.Page) (out People, err error) {
	switch {
	case week != week.Week():
		return out, fault.Invalid("week", "%s is no Monday", week)
	case later < 0 || later >= CohortWeeks:
		return out, fault.Invalid("later", "is %d; allowed are 0 to %d", later, CohortWeeks-1)
	}
	q := store.By("cohort", store.Int(int64(week)))
	return r.list(ctx, q, page, func(p *person) bool { return p.Weeks&(1<<later) != 0 })
}
