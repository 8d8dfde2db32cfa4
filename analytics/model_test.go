package analytics_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A naive is what a journal says, found by reading all of it.
type naive struct {
	active     map[string]map[timeframe.Day]bool // by user
	activities map[timeframe.Day]int64
	joined     map[string]timeframe.Day
	status     map[string]string
}

func naively(entries []guerdon.Entry, zone *time.Location) *naive {
	n := &naive{map[string]map[timeframe.Day]bool{}, map[timeframe.Day]int64{}, map[string]timeframe.Day{}, map[string]string{}}
	for _, e := range entries {
		switch e.Event.Type {
		case event.Activity, event.Quiz, event.Slide, event.Story:
		case event.User:
			if status, ok := e.Event.Fields["status"].(string); ok {
				n.status[e.Event.UserID] = status
			}
		default:
			continue
		}
		if _, known := n.joined[e.Event.UserID]; !known {
			n.joined[e.Event.UserID] = timeframe.DayOf(e.Event.At, zone)
			n.active[e.Event.UserID] = map[timeframe.Day]bool{}
		}
		if gone, ok := e.Event.Fields[tenancy.FieldMerged].(string); ok {
			n.joined[e.Event.UserID] = min(n.joined[e.Event.UserID], n.joined[gone])
			delete(n.joined, gone)
			delete(n.active, gone)
		}
	}
	for _, e := range corrected(entries) {
		if t := e.Event.Type; t == event.Activity || t == event.Quiz || t == event.Slide || t == event.Story {
			day := timeframe.DayOf(e.Event.At, zone)
			n.active[e.Event.UserID][day] = true
			n.activities[day]++
		}
	}
	return n
}

// shown returns those who are in lists, in the order of their ids.
func (n *naive) shown() []string {
	ids := slices.Sorted(maps.Keys(n.joined))
	return slices.DeleteFunc(ids, func(id string) bool {
		return n.status[id] == string(tenancy.Suspended) || n.status[id] == string(tenancy.Deleted)
	})
}

func (n *naive) within(id string, from, to timeframe.Day) bool {
	for d := from; d <= to; d++ {
		if n.active[id][d] {
			return true
		}
	}
	return false
}

func (n *naive) count(from, to timeframe.Day) (users int64) {
	for id := range n.active {
		if n.within(id, from, to) {
			users++
		}
	}
	return users
}

func (n *naive) day(d timeframe.Day) analytics.ActiveDay {
	out := analytics.ActiveDay{
		Day: d, ActiveUsers: n.count(d, d), Active7: n.count(d-6, d), Active30: n.count(d-29, d), Activities: n.activities[d],
	}
	for _, joined := range n.joined {
		if joined == d {
			out.Joined++
		}
	}
	return out
}

// since returns the last day on which a user was active, or joined if there is none.
func (n *naive) since(id string) timeframe.Day {
	if len(n.active[id]) == 0 {
		return n.joined[id]
	}
	return slices.Max(slices.Collect(maps.Keys(n.active[id])))
}

// cohorts returns those who began in a week, by its Monday.
func (n *naive) cohorts() map[timeframe.Day][]string {
	all := map[timeframe.Day][]string{}
	for _, id := range slices.Sorted(maps.Keys(n.active)) {
		if len(n.active[id]) > 0 {
			week := slices.Min(slices.Collect(maps.Keys(n.active[id]))).Week()
			all[week] = append(all[week], id)
		}
	}
	return all
}

// compare compares every figure with what the journal says.
func (w *world) compare(t tester, a *analytics.Analytics, zone *time.Location, limit int) {
	t.Helper()
	ctx, entries := t.Context(), w.journal(t)
	n, r := naively(entries, zone), a.Of(w.Workspace)
	today := timeframe.DayOf(w.clock(), zone)
	days := analytics.Range{From: today - 150, To: today + 40}
	activity, err := r.Activity(ctx, days)
	require.NoError(t, err)
	last := entries[len(entries)-1]
	require.Equal(t, analytics.AsOf{Seq: last.Outcome.Seq, RecordedAt: last.RecordedAt}, activity.AsOf)
	require.Len(t, activity.Days, 191)
	for _, got := range activity.Days {
		require.Equal(t, n.day(got.Day), got)
	}
	shown := n.shown()
	for _, d := range []timeframe.Day{today, today - 5, today - 31} {
		for _, length := range []int{1, 7, 30} {
			var want []string
			for _, id := range shown {
				if n.within(id, d.Add(1-length), d) {
					want = append(want, id)
				}
			}
			require.Equal(t, want, listed(t, limit, true, func(p store.Page) (analytics.People, error) { return r.ActiveUsers(ctx, d, length, p) }))
		}
	}
	for _, last := range []int{1, 7, 30} {
		var want []string
		for _, id := range shown {
			if n.since(id) <= today.Add(-last) {
				want = append(want, id)
			}
		}
		slices.SortStableFunc(want, func(a, b string) int { return n.since(a).Sub(n.since(b)) })
		require.Equal(t, want, listed(t, limit, true, func(p store.Page) (analytics.People, error) { return r.InactiveUsers(ctx, last, p) }))
		got, err := r.Inactive(ctx, last)
		require.NoError(t, err)
		require.Equal(t, []int64{int64(len(want)), int64(len(shown))}, []int64{got.Users, got.Of})
	}
	engagement, err := r.Engagement(ctx, analytics.Range{From: today - 6, To: today})
	require.NoError(t, err)
	is := n.day(today)
	users := n.users()
	require.Equal(t, []int64{is.ActiveUsers, is.Active7, is.Active30, users}, []int64{engagement.DAU, engagement.WAU, engagement.MAU, engagement.TotalUsers})
	require.Len(t, engagement.ActivityOverTime, 7)
	first := n.day(today - 6)
	require.Equal(t, analytics.DayOfActivity{Day: first.Day, ActiveUsers: first.ActiveUsers, Activities: first.Activities}, engagement.ActivityOverTime[0])
	w.compareRetention(t, r, n, days, limit)
	w.compareMissions(t, r, entries, zone, days, shown, limit)
	w.compareStreaks(t, r, n, today, limit)
	if _, err := w.Economy.Currencies.Get(ctx, "points"); err == nil {
		w.comparePoints(t, r, entries, zone, days)
		for _, part := range []analytics.Range{days, {From: today - 29, To: today - 2}} {
			w.comparePeople(t, r, n, entries, zone, part, limit)
			w.compareLearning(t, r, n, entries, zone, part, limit)
			w.compareBadges(t, r, n, entries, zone, part)
		}
	}
}

// users is how many there are, suspended or not.
func (n *naive) users() (users int64) {
	for id := range n.joined {
		if n.status[id] != string(tenancy.Deleted) {
			users++
		}
	}
	return users
}

// corrected returns entries with the events as they are known to have happened since, each once.
func corrected(entries []guerdon.Entry) []guerdon.Entry {
	all, known := slices.Clone(entries), map[string]event.Event{}
	for i := range all {
		if c := all[i].Correction; c != nil {
			known[c.EventID] = all[i].Event
			all[i].Event = event.Event{}
		}
	}
	for i := range all {
		if now, is := known[all[i].Event.ID]; is {
			all[i].Event = now // of one that has not happened, this is that it has not
		}
	}
	return all
}

// comparePoints compares what runs are paid: ten for each, also of who is erased since.
func (w *world) comparePoints(t tester, r analytics.Reader, entries []guerdon.Entry, zone *time.Location, in analytics.Range) {
	t.Helper()
	runs := map[timeframe.Day]int64{}
	total := int64(0)
	for _, e := range corrected(entries) {
		if day := timeframe.DayOf(e.Event.At, zone); e.Event.EntityID == "run" && in.From <= day && day <= in.To {
			runs[day]++
			total++
		}
	}
	points, err := r.Points(t.Context(), in)
	require.NoError(t, err)
	for _, got := range points.Points {
		if got.Source == "rewardRuleId#pays" {
			require.Equal(t, []string{"points", strconv.FormatInt(10*total, 10)}, []string{got.CurrencyID, got.Issued.String()})
			require.Equal(t, total, got.Transactions)
			total = 0
		}
	}
	require.Zero(t, total)
}

// standing is what a journal says at last of a mission.
type standing struct {
	assigned, completed   *timeframe.Day
	userID, configuration string
}

func standings(entries []guerdon.Entry, zone *time.Location) map[string]standing {
	all := map[string]standing{}
	for _, e := range entries {
		for _, c := range e.Outcome.Missions {
			if c.Gone {
				delete(all, c.MissionID)
				continue
			}
			s := all[c.MissionID]
			s.userID, s.configuration = c.UserID, c.ConfigurationID
			if c.Assigned {
				s.assigned = new(timeframe.DayOf(e.Event.At, zone))
			}
			if c.Undone {
				s.completed = nil
			}
			if !c.CompletedAt.IsZero() {
				s.completed = new(timeframe.DayOf(c.CompletedAt, zone))
			}
			all[c.MissionID] = s
		}
	}
	return all
}

func (w *world) compareMissions(
	t tester, r analytics.Reader, entries []guerdon.Entry, zone *time.Location, in analytics.Range, shown []string, limit int,
) {
	t.Helper()
	ctx, of := t.Context(), standings(entries, zone)
	for _, id := range shown { // what the journal says is what is so
		own, _, err := w.Missions.List(ctx, id, missions.Query{}, store.Page{Limit: 100})
		require.NoError(t, err)
		for _, m := range own {
			var on *timeframe.Day
			if m.IsCompleted {
				on = new(timeframe.DayOf(m.CompletedAt, zone))
			}
			require.Equal(t, on, of[m.ID].completed, m.ID)
		}
	}
	for _, part := range []analytics.Range{in, {From: in.From + 100, To: in.To - 43}} {
		within := func(d *timeframe.Day) bool { return d != nil && part.From <= *d && *d <= part.To }
		want, done := analytics.MissionCount{ConfigurationID: "three"}, []string{}
		for _, id := range slices.Sorted(maps.Keys(of)) {
			if within(of[id].assigned) {
				want.Assigned++
			}
			if !within(of[id].completed) {
				continue
			}
			want.Completed++
			if slices.Contains(shown, of[id].userID) {
				done = append(done, of[id].completed.String()+" "+id)
			}
		}
		got, err := r.Missions(ctx, part)
		require.NoError(t, err)
		require.Equal(t, want.Assigned+want.Completed > 0, len(got.Missions) > 0)
		if len(got.Missions) > 0 {
			require.Equal(t, []analytics.MissionCount{want}, got.Missions)
		}
		found := []string{}
		for page := (store.Page{Limit: limit, Ascending: true}); ; {
			some, err := r.CompletedUsers(ctx, "three", part, page)
			require.NoError(t, err)
			for _, u := range some.Users {
				found = append(found, u.Day.String()+" "+u.MissionID)
			}
			if page.Token = some.NextToken; page.Token == "" {
				break
			}
		}
		slices.Sort(found)
		slices.Sort(done)
		require.Equal(t, done, found)
	}
}

func (w *world) compareRetention(t tester, r analytics.Reader, n *naive, in analytics.Range, limit int) {
	t.Helper()
	got, err := r.Retention(t.Context(), in)
	require.NoError(t, err)
	cohorts, found := n.cohorts(), map[timeframe.Day][]int64{}
	for _, c := range got.Cohorts {
		found[c.Week] = c.Active
	}
	shown, want := n.shown(), map[timeframe.Day][]int64{}
	for week, ids := range cohorts {
		if week < in.From || week > in.To {
			continue
		}
		for later := range 30 {
			monday := week.Add(7 * later)
			var back []string
			for _, id := range ids {
				if n.within(id, monday, monday+6) {
					back = append(back, id)
				}
			}
			if len(back) > 0 {
				want[week] = append(append(want[week], make([]int64, later-len(want[week]))...), int64(len(back)))
			}
			if later < 3 {
				back = slices.DeleteFunc(back, func(id string) bool { return !slices.Contains(shown, id) })
				require.Equal(t, strings.Join(back, " "), strings.Join(listed(t, limit, true, func(p store.Page) (analytics.People, error) {
					return r.RetainedUsers(t.Context(), week, later, p)
				}), " "))
			}
		}
	}
	require.Equal(t, want, found)
}

// Whatever happens, and in whatever order and portions it is counted: every figure is what the whole journal says, at once and
// after it is counted anew.
func TestEveryFigureIsWhatTheJournalSays(t *testing.T) {
	t.Parallel()
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, worlds, failed := open(t), 0, false
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			rapid.Check(t, func(rt *rapid.T) {
				every := map[string]int{"memory": 4, "sqlite": 50, "postgres": 50}[name]
				if worlds++; worlds%every != 1 && !failed && os.Getenv("CI") == "" { // after a failure, rapid looks for the simplest
					return
				}
				passed := false
				defer func() { failed = failed || !passed }()
				zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("Pacific/Somewhere", 13*3600), time.FixedZone("America/Somewhere", -9*3600)}).Draw(rt, "zone")
				opts := analytics.Options{Zone: zone, Batch: rapid.SampledFrom([]int{0, 1, 3}).Draw(rt, "batch")}
				w := found(rt, st, fmt.Sprint("acme-", worlds), opts, school()...)
				_, err := w.Activities.AssignTags(rt.Context(), "run", tenancy.Tagging{TagID: "sport"})
				require.NoError(rt, err)
				limit := rapid.IntRange(1, 4).Draw(rt, "limit")
				rt.Repeat(w.actions(rt, limit, zone))
				require.NoError(rt, w.count.CatchUp(rt.Context(), w.Workspace))
				w.compare(rt, w.count, zone, limit)
				require.NoError(rt, w.count.Rebuild(rt.Context(), w.Workspace))
				w.compare(rt, w.count, zone, limit)
				passed = true
			})
		})
	}
}

// merges lets one user turn out to be another.
func (w *world) merges(t *rapid.T, users []string) {
	one, other := rapid.SampledFrom(users).Draw(t, "one"), rapid.SampledFrom(users).Draw(t, "other")
	if _, err := w.Merge(t.Context(), one, other, guerdon.Correction{Reason: "one person"}); err != nil {
		var wrong *fault.Error // of somebody who is gone, or one already
		require.ErrorAs(t, err, &wrong)
	}
}

// actions are what can happen.
func (w *world) actions(t *rapid.T, limit int, zone *time.Location) map[string]func(*rapid.T) {
	ctx, users, events := t.Context(), []string{}, 0
	add := func(t *rapid.T) {
		users = append(users, fmt.Sprint("user-", len(users)))
		_, err := w.Users.Create(ctx, tenancy.NewUser{ID: users[len(users)-1]})
		require.NoError(t, err)
	}
	add(t)
	change := func(of func(*rapid.T, string)) func(*rapid.T) {
		return func(t *rapid.T) {
			id := rapid.SampledFrom(users).Draw(t, "user")
			u, err := w.Users.Get(ctx, id)
			if err != nil || u.Status == tenancy.Deleted {
				return
			}
			if u.Status == tenancy.Suspended {
				_, err = w.Users.Resume(ctx, id)
				require.NoError(t, err)
			}
			of(t, id)
		}
	}
	act := func(t *rapid.T, id string) {
		// Often near to others, sometimes long before.
		back := rapid.SampledFrom([]int{0, 0, 1, 2, 6, 7, 8, 29, 30, 31, 33, 64, 100}).Draw(t, "days ago")
		events++
		_, err := w.Record(ctx, event.Event{
			ID: fmt.Sprint("e", events), UserID: id, EntityID: rapid.SampledFrom([]string{"run", "run", "swim"}).Draw(t, "activity"), At: w.clock().AddDate(0, 0, -back),
			Outcome: rapid.SampledFrom([]event.Outcome{event.Success, event.Success, event.Failure}).Draw(t, "outcome"),
		})
		require.NoError(t, err)
	}
	correct := func(t *rapid.T) {
		if events == 0 {
			return
		}
		e, err := w.Entry(ctx, fmt.Sprint("e", rapid.IntRange(1, events).Draw(t, "event")))
		require.NoError(t, err)
		own, _, err := w.Economy.History(ctx, e.Event.UserID, store.Page{Limit: 100})
		require.NoError(t, err)
		if slices.ContainsFunc(own, func(of economy.Transaction) bool { return of.ReversedTransactionID != "" }) {
			return // what was reversed stays, whatever it was for
		}
		why := guerdon.Correction{Reason: "it was not so"}
		if rapid.Bool().Draw(t, "amended") {
			e.Event.At = e.Event.At.Add(-time.Duration(rapid.IntRange(0, 40).Draw(t, "hours")) * time.Hour)
			e.Event.EntityID = rapid.SampledFrom([]string{"run", "swim"}).Draw(t, "activity")
			_, err = w.Amend(ctx, e.Event, why)
		} else {
			_, err = w.Retract(ctx, e.Event.ID, why)
		}
		if err != nil {
			require.ErrorIs(t, err, fault.ErrConflict) // of somebody who is gone
		}
	}
	return map[string]func(*rapid.T){
		"was wrong":     correct,
		"joins":         add,
		"acts":          change(act),
		"acts 2":        change(act),
		"acts 3":        change(act),
		"learns":        change(func(t *rapid.T, id string) { w.learns(t, id) }),
		"tries again":   w.triesAgain,
		"tries again 2": w.triesAgain,
		"takes back":    w.takesBack,
		"merges":        func(t *rapid.T) { w.merges(t, users) },
		"is awarded": change(func(t *rapid.T, id string) {
			_, err := w.Badges.Award(ctx, badges.NewAward{
				UserID: id, ConfigurationID: rapid.SampledFrom([]string{"helper", "kept"}).Draw(t, "badge"), Reason: "for helping",
				At: w.clock().AddDate(0, 0, -rapid.SampledFrom([]int{0, 1, 30}).Draw(t, "days ago")),
			})
			require.NoError(t, err)
		}),
		"is judged": w.regrades,
		"learns 2":  change(func(t *rapid.T, id string) { w.learns(t, id) }),
		"spends": change(func(t *rapid.T, id string) {
			_, err := w.Economy.Spend(ctx, id, economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(rapid.Int64Range(1, 30).Draw(t, "amount"))})
			if err != nil {
				require.ErrorIs(t, err, fault.ErrConflict) // who has not got so much
			}
		}),
		"is reversed": change(func(t *rapid.T, id string) {
			own, _, err := w.Economy.History(ctx, id, store.Page{})
			require.NoError(t, err)
			own = slices.DeleteFunc(own, func(of economy.Transaction) bool {
				return !strings.HasSuffix(of.Initiator, "pays") && of.InitiatorType != economy.ByUser
			})
			if len(own) > 0 {
				_, err = w.Economy.Reverse(ctx, rapid.SampledFrom(own).Draw(t, "transaction").ID, economy.Reversal{
					Amount: decimal.NewFromInt(rapid.Int64Range(0, 5).Draw(t, "amount")), UpTo: rapid.Bool().Draw(t, "up to"),
				})
				if err != nil {
					require.ErrorIs(t, err, fault.ErrConflict)
				}
			}
		}),
		"is tagged": func(t *rapid.T) {
			path := rapid.SampledFrom([]string{"course", "weekly"}).Draw(t, "path")
			_, err := w.Learning.Paths.AssignTags(ctx, path, tenancy.Tagging{TagID: "skill"})
			if err != nil {
				require.NoError(t, w.Learning.Paths.RemoveTags(ctx, path, "skill"))
			}
		},
		"is suspended": change(func(t *rapid.T, id string) {
			_, err := w.Users.Suspend(ctx, id)
			require.NoError(t, err)
		}),
		"is erased": change(func(t *rapid.T, id string) {
			_, err := w.Users.Anonymise(ctx, id)
			require.NoError(t, err)
		}),
		"time passes": func(t *rapid.T) {
			w.set(w.clock().Add(time.Duration(rapid.SampledFrom([]int{1, 6, 24, 24 * 5, 24 * 20}).Draw(t, "hours")) * time.Hour))
		},
		"is counted": func(t *rapid.T) {
			require.NoError(t, w.count.CatchUp(ctx, w.Workspace))
			w.compare(t, w.count, zone, limit)
		},
	}
}
