package proof_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// pushed makes a rule one that a schedule evaluates.
func pushed(r *missions.Rule, cron string) *missions.Rule {
	r.AssignmentMode, r.Cron = missions.ScheduledPush, cron
	r.EventMatchType, r.EventMatchEntity, r.EventMatchEntityID = "", "", ""
	return r
}

// told returns what schedules assigned: whom, by which rule, as of when, and what.
func (w *world) told(t tester) []string {
	t.Helper()
	entries, err := w.Journal(t.Context(), w.first)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		if e.Event.Type != event.Clock {
			continue
		}
		for _, c := range e.Outcome.Missions {
			all = append(all, fmt.Sprint(e.Event.At, e.Event.UserID, c.MissionID))
		}
		for _, c := range e.Outcome.Learning {
			all = append(all, fmt.Sprint(e.Event.At, e.Event.UserID, c.AssignmentID))
		}
	}
	slices.Sort(all)
	return all
}

// What a schedule assigns is the same whether somebody lets its time come at every fire or once after all of them,
// however often it fires, and whoever moves, or gets and loses a tag, in the meantime.
func TestAnyScheduleThatIsMadeUpFor(t *testing.T) {
	t.Parallel()
	sparsely(t, "memory", func(rt *rapid.T) {
		goal := guerdontest.MissionConfiguration("goal", guerdontest.Doing("run"), "3")
		group := guerdontest.MissionConfiguration("group", guerdontest.Doing("run"), "3")
		group.MissionType = missions.Group
		course := guerdontest.Path("course", guerdontest.Quiz("first"))
		docs := []content.Document{guerdontest.Activity("run"), guerdontest.Tag("mood", "keen"), goal, group, course}
		for _, part := range course.Items {
			docs = append(docs, guerdontest.Quiz(part.ItemID))
		}
		draw := func(f *timeframe.Timeframe) {
			f.Recurrence = rapid.SampledFrom([]timeframe.Recurrence{timeframe.Daily, timeframe.Weekly, timeframe.Custom}).Draw(rt, "recurrence")
			f.Cron = rapid.SampledFrom([]string{"0 * * * *", "0,30 */3 * * *", "30 22 * * *"}).Draw(rt, "cron")
			if rapid.Bool().Draw(rt, "fixed") {
				f.TimezoneType, f.Timezone = timeframe.Fixed, "Europe/Rome"
			}
		}
		condition := func() []byte {
			return rapid.SampledFrom([][]byte{nil, []byte(`{"in":["keen",{"var":"user.tags"}]}`), []byte(`{"==":[{"var":"user.timezone"},"Asia/Tokyo"]}`)}).Draw(rt, "condition")
		}
		for i, c := range []*missions.Configuration{goal, group} {
			r := pushed(guerdontest.MissionRule(fmt.Sprint("rule-", i), c, timeframe.Daily), "")
			if draw(&r.Timeframe); i == 1 {
				r.GroupTagID = "keen"
				r.TimezoneType, r.Timezone = timeframe.Fixed, "Europe/Rome"
			} else {
				r.UsersMatchCondition = condition()
			}
			docs = append(docs, r)
		}
		r := guerdontest.PathRule("rule-2", course)
		r.AssignmentMode, r.Type = learning.ScheduledPush, timeframe.Recurring
		draw(&r.Timeframe)
		r.UsersMatchCondition = condition()
		docs = append(docs, r)

		type change struct {
			at   time.Time
			user string
			zone string // or else the tag comes or goes
		}
		const hours = 60
		var changes []change
		for range rapid.IntRange(0, 6).Draw(rt, "changes") {
			changes = append(changes, change{
				start.Add(time.Duration(rapid.IntRange(1, hours*60).Draw(rt, "minute"))*time.Minute + time.Second),
				rapid.SampledFrom([]string{"ada", "bob", "eve"}).Draw(rt, "user"),
				rapid.SampledFrom([]string{"", "", "Pacific/Auckland", "Asia/Tokyo", "America/Los_Angeles"}).Draw(rt, "zone"),
			})
		}
		slices.SortStableFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })

		live := func(every bool) *world {
			w := found(rt, memory.New(), "acme")
			b, err := guerdon.Bundle(docs...)
			require.NoError(rt, err)
			_, err = w.Import(rt.Context(), b)
			require.NoError(rt, err)
			left, keen := changes, map[string]bool{}
			for half := range 2*hours + 1 {
				now := start.Add(time.Duration(half) * 30 * time.Minute)
				for ; len(left) > 0 && left[0].at.Before(now); left = left[1:] {
					c := left[0]
					w.set(c.at)
					switch {
					case c.zone != "":
						_, err = w.Users.Update(rt.Context(), c.user, tenancy.UserPatch{Timezone: &c.zone})
					case keen[c.user]:
						err = w.Users.RemoveTags(rt.Context(), c.user, "keen")
					default:
						_, err = w.Users.AssignTags(rt.Context(), c.user, tenancy.Tagging{TagID: "keen"})
					}
					require.NoError(rt, err)
					if c.zone == "" {
						keen[c.user] = !keen[c.user]
					}
				}
				if w.set(now); every || half == 2*hours {
					require.NoError(rt, w.Advance(rt.Context()))
				}
			}
			return w
		}
		require.Equal(rt, live(true).told(rt), live(false).told(rt))
	})
}
