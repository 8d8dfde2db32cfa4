package proof_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A gathering is a game in which ada, bob and cem have done the same, and what is counted of it.
type gathering struct {
	*game

	a *analytics.Analytics
}

// A peopled read lists people, or rows of people.
type peopled struct {
	// read returns who is listed, in any order.
	read func(c *gathering) []string
	// asked returns who is listed if somebody asks for those who are suspended; nil if nobody can.
	asked func(c *gathering) []string
}

// whoOf returns the users of rows in order, each once.
func whoOf[T any](rows []T, of func(*T) string) []string {
	ids := []string{}
	for i := range rows {
		ids = append(ids, of(&rows[i]))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func usersWith(status tenancy.Status) func(c *gathering) []string {
	return func(c *gathering) []string {
		return whoOf(pages(c.t, func(p store.Page) ([]tenancy.User, string, error) {
			p.Limit = 1
			return c.Users.List(c.t.Context(), tenancy.UserFilter{Status: status}, p)
		}), func(u *tenancy.User) string { return u.ID })
	}
}

func learnersWith(status tenancy.Status) func(c *gathering) []string {
	return func(c *gathering) []string {
		return whoOf(pages(c.t, func(p store.Page) ([]learning.Learner, string, error) {
			p.Limit = 1
			return c.Learning.Learners(c.t.Context(), "path", learning.LearnerFilter{UserStatus: status}, p)
		}), func(l *learning.Learner) string { return l.UserID })
	}
}

func (c *gathering) ranked(board string, read func(ctx context.Context, board string) (leaderboard.Ranking, error)) []string {
	list, err := read(c.t.Context(), board)
	require.NoError(c.t, err)
	return whoOf(list.Rows, func(r *leaderboard.Row) string { return r.EntityID })
}

// figures are a read of analytics.
func figures[L, T any](read func(c *gathering, r analytics.Reader) (L, error), rows func(L) []T, of func(*T) string) peopled {
	return peopled{read: func(c *gathering) []string {
		require.NoError(c.t, c.a.CatchUp(c.t.Context(), c.Workspace))
		list, err := read(c, c.a.Of(c.Workspace))
		require.NoError(c.t, err)
		return whoOf(rows(list), of)
	}}
}

func peopleIn(l analytics.People) []analytics.Person                  { return l.People }
func missionUsersIn(l analytics.MissionUsers) []analytics.MissionUser { return l.Users }
func pointUsersIn(l analytics.PointUsers) []analytics.PointUser       { return l.Users }
func learnersIn(l analytics.Learners) []analytics.Learner             { return l.Learners }

func personID(p *analytics.Person) string           { return p.UserID }
func missionUserID(u *analytics.MissionUser) string { return u.UserID }
func pointUserID(u *analytics.PointUser) string     { return u.UserID }
func learnerID(l *analytics.Learner) string         { return l.UserID }

var gatheringDays = analytics.Range{From: timeframe.DayOf(january(1), time.UTC), To: timeframe.DayOf(january(3), time.UTC)}

// peopleReads are all reads of the SDK that list people, or rows of people.
var peopleReads = map[string]peopled{
	"Users.List": {usersWith(""), usersWith(tenancy.Suspended)},
	"Users.Tagged": {read: func(c *gathering) []string {
		return whoOf(pages(c.t, func(p store.Page) ([]tenancy.User, string, error) {
			p.Limit = 1
			return c.Users.Tagged(c.t.Context(), "red", p)
		}), func(u *tenancy.User) string { return u.ID })
	}},
	"Learning.Learners": {learnersWith(""), learnersWith(tenancy.Suspended)},
	"Learning.LearnersOf": {read: func(c *gathering) []string {
		all, err := c.Learning.LearnersOf(c.t.Context(), "path")
		require.NoError(c.t, err)
		return whoOf(all["path"], func(l *learning.Learner) string { return l.UserID })
	}},
	"Missions.Contributions": {read: func(c *gathering) []string {
		return whoOf(pages(c.t, func(p store.Page) ([]missions.Log, string, error) {
			p.Limit = 1
			return c.Missions.Contributions(c.t.Context(), "tag:red:crew:crew:PERMANENT", p)
		}), func(l *missions.Log) string { return l.UserID })
	}},
	"Leaderboards.Top": {
		read: func(c *gathering) []string {
			return c.ranked("ever", func(ctx context.Context, b string) (leaderboard.Ranking, error) {
				return c.Leaderboards.Top(ctx, b, 10, nil)
			})
		},
		asked: func(c *gathering) []string {
			return c.ranked("all", func(ctx context.Context, b string) (leaderboard.Ranking, error) {
				return c.Leaderboards.Top(ctx, b, 10, nil)
			})
		},
	},
	"Leaderboards.Around": {read: func(c *gathering) []string {
		return c.ranked("ever", func(ctx context.Context, b string) (leaderboard.Ranking, error) {
			return c.Leaderboards.Around(ctx, b, "cem", 10, nil)
		})
	}},
	"Leaderboards.Page": {read: func(c *gathering) []string {
		return c.ranked("ever", func(ctx context.Context, b string) (leaderboard.Ranking, error) {
			return c.Leaderboards.Page(ctx, b, 0, 10, nil)
		})
	}},
	"analytics.ActiveUsers": figures(func(c *gathering, r analytics.Reader) (analytics.People, error) {
		return r.ActiveUsers(c.t.Context(), gatheringDays.From, 7, store.Page{})
	}, peopleIn, personID),
	"analytics.InactiveUsers": figures(func(c *gathering, r analytics.Reader) (analytics.People, error) {
		return r.InactiveUsers(c.t.Context(), 1, store.Page{})
	}, peopleIn, personID),
	"analytics.RetainedUsers": figures(func(c *gathering, r analytics.Reader) (analytics.People, error) {
		return r.RetainedUsers(c.t.Context(), gatheringDays.From, 0, store.Page{})
	}, peopleIn, personID),
	"analytics.ActiveStreaks": figures(func(c *gathering, r analytics.Reader) (analytics.People, error) {
		return r.ActiveStreaks(c.t.Context(), store.Page{})
	}, peopleIn, personID),
	"analytics.AssignedUsers": figures(func(c *gathering, r analytics.Reader) (analytics.MissionUsers, error) {
		return r.AssignedUsers(c.t.Context(), "own", gatheringDays, store.Page{})
	}, missionUsersIn, missionUserID),
	"analytics.CompletedUsers": figures(func(c *gathering, r analytics.Reader) (analytics.MissionUsers, error) {
		return r.CompletedUsers(c.t.Context(), "own", gatheringDays, store.Page{})
	}, missionUsersIn, missionUserID),
	"analytics.Earners": figures(func(c *gathering, r analytics.Reader) (analytics.PointUsers, error) {
		return r.Earners(c.t.Context(), "points", "", store.Page{})
	}, pointUsersIn, pointUserID),
	"analytics.Spenders": figures(func(c *gathering, r analytics.Reader) (analytics.PointUsers, error) {
		return r.Spenders(c.t.Context(), "points", "", store.Page{})
	}, pointUsersIn, pointUserID),
	"analytics.Learners": figures(func(c *gathering, r analytics.Reader) (analytics.Learners, error) {
		return r.Learners(c.t.Context(), "path", "", gatheringDays, store.Page{})
	}, learnersIn, learnerID),
	"analytics.Stopped": figures(func(c *gathering, r analytics.Reader) (analytics.Learners, error) {
		return r.Stopped(c.t.Context(), "path", analytics.Item{ItemType: learning.ItemActivity, ItemID: "run"}, gatheringDays, store.Page{})
	}, learnersIn, learnerID),
}

// notPeople are reads of rows that have users, and are not lists of people.
var notPeople = map[string]string{
	"Economy.History":        "is of a user who is named",
	"Economy.Balances":       "is of a user who is named",
	"Economy.RunningBoosts":  "is of a user who is named",
	"Economy.HeldForReview":  "is of who is to be looked at, suspended or not",
	"Badges.Awards":          "is of a user who is named",
	"Missions.List":          "is of a user who is named",
	"Missions.Current":       "is of a user who is named",
	"Missions.GroupList":     "is of a group",
	"Levels.List":            "is of a user who is named",
	"Streaks.Streaks":        "is of a user who is named",
	"Streaks.FreezeConsents": "is of a user who is named",
	"Learning.Answers":       "is what was answered, to judge it anew: also what was by who takes no part",
	"Learning.GroupLogs":     "is of a user who is named",
	"Learning.Assignments":   "is of a user who is named",
	"Mobility.Activations":   "is of a user who is named",
	"Mobility.Trackings":     "is of a user who is named",
	"Mobility.Milestones":    "is of a user who is named",
	"Users.GetMany":          "is of users who are named",
	"Users.Principals":       "is of users who are named",
}

// Every read whose rows say a user is a list of people, or it is said why not.
func TestReadsOfPeopleAreKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	all := surface(w.Workspace)
	reader := reflect.ValueOf(new(analytics.Reader))
	for m, fn := range reader.Methods() {
		all["analytics."+m.Name] = fn
	}
	for name, fn := range all {
		of := fn.Type()
		paged := slices.ContainsFunc(slices.Collect(of.Ins()), func(in reflect.Type) bool { return in == reflect.TypeFor[store.Page]() })
		lists := slices.ContainsFunc(slices.Collect(of.Outs()), listsUsers)
		if _, known := peopleReads[name]; lists && paged && !known {
			require.NotEmptyf(t, notPeople[name], "is %s a list of people?", name)
		}
	}
	for name := range peopleReads {
		require.Contains(t, all, name)
	}
}

// listsUsers tells whether a result has rows each of which says a user.
func listsUsers(out reflect.Type) bool {
	switch out.Kind() {
	case reflect.Slice:
		if out.Elem().Kind() != reflect.Struct {
			return false
		}
		_, user := out.Elem().FieldByName("UserID")
		return user || out.Elem() == reflect.TypeFor[tenancy.User]()
	case reflect.Struct:
		return slices.ContainsFunc(reflect.VisibleFields(out), func(f reflect.StructField) bool { return f.Type.Kind() == reflect.Slice && listsUsers(f.Type) })
	default:
		return false
	}
}

// Who is suspended or deleted is in no list of people unless somebody asks for it, and for who is deleted nobody can ask. What is counted stays, and who
// is resumed is where they were.
func TestWhoTakesNoPartIsInNoList(t *testing.T) {
	t.Parallel()
	crew, joint := team("6", missions.OnEvent)
	own := guerdontest.MissionConfiguration("own", guerdontest.Doing("run"), "1")
	earned := guerdontest.BoardConfiguration("earned", "points")
	all := guerdontest.Board("all", earned, "")
	all.FollowsStatus = new(false)
	path := guerdontest.Path("path", guerdontest.Activity("run"), guerdontest.Activity("swim"))
	w := foundedIn(t, memory.New(), "acme", january(0), 0, analytics.Tables()...)
	t.Cleanup(func() { require.NoError(t, w.store.Close()) })
	g := playWith(t, w, crew, joint, own, guerdontest.MissionRule("own", own, ""), guerdontest.RewardRule("ten", guerdontest.Doing("run"), "points", "10"),
		earned, guerdontest.Board("ever", earned, ""), all, path, guerdontest.PathRule("path", path))
	a, err := analytics.New(w.engine, nil)
	require.NoError(t, err)
	c := &gathering{g, a}
	_, err = c.Users.Create(t.Context(), tenancy.NewUser{ID: "cem", Tags: []tenancy.Tagging{{TagID: "red"}}})
	require.NoError(t, err)
	everybody := []string{"ada", "bob", "cem"}
	for _, id := range everybody {
		_, err := c.Learning.Evaluate(t.Context(), id)
		require.NoError(t, err)
		c.runs(id, days(1, 2)...)
		_, err = c.Economy.Spend(t.Context(), id, economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(5)})
		require.NoError(t, err)
	}
	c.set(january(3))
	totals := func() string {
		require.NoError(t, a.CatchUp(t.Context(), c.Workspace))
		m, err := c.Missions.Mission(t.Context(), "tag:red:crew:crew:PERMANENT")
		require.NoError(t, err)
		of := a.Of(c.Workspace)
		points, err := of.Points(t.Context(), gatheringDays)
		require.NoError(t, err)
		points.AsOf = analytics.AsOf{}
		active, err := of.Activity(t.Context(), gatheringDays)
		require.NoError(t, err)
		active.AsOf = analytics.AsOf{}
		report, err := c.Economy.Verify(t.Context())
		require.NoError(t, err)
		require.Empty(t, report.Differences)
		system, err := c.Economy.System(t.Context(), "points")
		require.NoError(t, err)
		return fmt.Sprint(m.CurrentAmount, jsonOf(t, points.Points), jsonOf(t, active), system.Amount)
	}
	require.NoError(t, c.Advance(t.Context()))
	before := totals()
	requireListed := func(when string, want, suspended []string) {
		t.Helper()
		for name, list := range peopleReads {
			require.Equal(t, want, list.read(c), "%s, %s", name, when)
			if list.asked == nil {
				continue
			}
			asked := suspended
			if strings.HasPrefix(name, "Leaderboards.") { // it shows the others too
				asked = slices.Sorted(slices.Values(slices.Concat(want, suspended)))
			}
			require.Equal(t, asked, list.asked(c), "%s that is asked for, %s", name, when)
		}
		require.Equal(t, before, totals(), when)
	}
	ranks, err := c.Leaderboards.Top(t.Context(), "ever", 10, nil)
	require.NoError(t, err)
	requireListed("in the beginning", everybody, []string{})
	_, err = c.Users.Suspend(t.Context(), "bob")
	require.NoError(t, err)
	requireListed("while bob is suspended", []string{"ada", "cem"}, []string{"bob"})
	_, err = c.Users.Resume(t.Context(), "bob")
	require.NoError(t, err)
	requireListed("when bob is back", everybody, []string{})
	again, err := c.Leaderboards.Top(t.Context(), "ever", 10, nil)
	require.NoError(t, err)
	require.Equal(t, ranks, again)
	_, err = c.Users.Suspend(t.Context(), "bob")
	require.NoError(t, err)
	_, err = c.Users.Anonymise(t.Context(), "ada")
	require.NoError(t, err)
	requireListed("when ada is erased", []string{"cem"}, []string{"bob"})
	_, err = c.Users.Anonymise(t.Context(), "bob")
	require.NoError(t, err)
	requireListed("when bob is erased too", []string{"cem"}, []string{})
}

// Whatever is suspended, resumed, erased, published and closed in whatever order: a board shows whom its field says, in periods that are closed
// too.
func TestBoardsShowWhomTheirFieldSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		earned := guerdontest.BoardConfiguration("earned", "points")
		earned.Query.Source, earned.Query.Where, earned.Query.Score.Of = leaderboard.ActivityLogs, nil, nil
		earned.Query.Score.Function = leaderboard.Count
		w := founded(rt, memory.New(), "acme", january(0))
		publish := func(follows *bool) {
			b := guerdontest.Board("weekly", earned, timeframe.Weekly)
			b.FollowsStatus = follows
			docs, err := guerdon.Bundle(guerdontest.Activity("run"), guerdontest.Currency("points"), earned, b)
			require.NoError(rt, err)
			_, err = w.Import(rt.Context(), docs)
			require.NoError(rt, err)
		}
		follows, status, ran := (*bool)(nil), map[string]tenancy.Status{}, map[int]map[string]bool{0: {}, 1: {}, 2: {}}
		publish(nil)
		for _, id := range runners {
			_, err := w.Users.Create(rt.Context(), tenancy.NewUser{ID: id})
			require.NoError(rt, err)
			status[id] = tenancy.Active
		}
		day := 1
		w.set(january(day))
		for i := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			id := rapid.SampledFrom(runners).Draw(rt, "user")
			var err error
			switch rapid.SampledFrom([]string{"run", "run", "run", "suspend", "resume", "erase", "publish", "pass"}).Draw(rt, "step") {
			case "run":
				if at := rapid.IntRange(day-day%7, day).Draw(rt, "day"); status[id] == tenancy.Active && at > 0 && (at-1)/7 == (day-1)/7 {
					_, err = w.Record(rt.Context(), event.Event{ID: fmt.Sprint("e", i), UserID: id, EntityID: "run", At: january(at, 6)})
					ran[(at-1)/7][id] = true
				}
			case "suspend":
				if status[id] == tenancy.Active {
					_, err = w.Users.Suspend(rt.Context(), id)
					status[id] = tenancy.Suspended
				}
			case "resume":
				if status[id] == tenancy.Suspended {
					_, err = w.Users.Resume(rt.Context(), id)
					status[id] = tenancy.Active
				}
			case "erase":
				_, err = w.Users.Anonymise(rt.Context(), id)
				status[id] = tenancy.Deleted
			case "publish":
				follows = rapid.SampledFrom([]*bool{nil, new(true), new(false)}).Draw(rt, "follows")
				publish(follows)
			case "pass":
				day = min(day+rapid.IntRange(1, 5).Draw(rt, "days"), 21)
			}
			require.NoError(rt, err)
			w.set(january(day))
			require.NoError(rt, w.Advance(rt.Context()))
			for week := 0; week <= (day-1)/7; week++ {
				want := []string{}
				for id := range ran[week] {
					if status[id] == tenancy.Active || status[id] == tenancy.Suspended && follows != nil && !*follows {
						want = append(want, id)
					}
				}
				slices.Sort(want)
				read := func(ws *guerdon.Workspace) {
					top, err := ws.Leaderboards.Top(rt.Context(), "weekly", 10, &leaderboard.At{Time: january(1 + 7*week)})
					require.NoError(rt, err)
					require.Equal(rt, want, whoOf(top.Rows, func(r *leaderboard.Row) string { return r.EntityID }), "week %d", week)
				}
				read(w.Workspace)
				require.NoError(rt, w.Update(rt.Context(), func(_ context.Context, ws *guerdon.Workspace) error { read(ws); return nil })) // as the store says
			}
		}
	})
}
