package proof_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A happening is an event, or a change of what a user or an activity carries.
type happening struct {
	at      time.Time
	event   *event.Event
	arrives time.Time // the event
	change  func(tester, *world) error
	text    string
}

// teams are the rules of a game in which it matters who somebody is: a mission for a team, one for every
// day in the user's zone, rewards that read the user and the activity's tags, and boards of teams.
func teams(t tester) []byte {
	recurring := object{"timeframeType": "RECURRING", "timeframeStartsAt": "2020-01-01T00:00:00Z"}
	with := func(fields object) object {
		for name, v := range recurring {
			if fields[name] == nil {
				fields[name] = v
			}
		}
		return fields
	}
	reward := func(id string, fields object) object {
		fields["applicationMode"] = "ALWAYS"
		fields["rewards"] = []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 2}}
		return document("RewardRule", id, fields)
	}
	return bundle(t,
		document("Tag", "indoor", object{"namespace": "place", "variant": "indoor"}),
		document("MissionConfiguration", "crew", object{"missionType": "GROUP", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "targetAmountExpression": 100}),
		document("MissionRule", "crews", with(object{
			"missionType": "GROUP", "groupTagId": "outdoor", "missionConfigurationsPool": []string{"crew"}, "assignmentMode": "EVENT",
			"eventMatchType": "INSTANCE", "eventMatchEntity": "Activity", "eventMatchEntityId": "swim",
			"recurrence": "WEEKLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC",
		})),
		document("MissionConfiguration", "two", object{"missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity", "targetAmountExpression": 2}),
		document("MissionRule", "days", with(object{
			"missionType": "INDIVIDUAL", "missionConfigurationsPool": []string{"two"}, "assignmentMode": "EVENT",
			"eventMatchType": "ENTITY", "eventMatchEntity": "Activity", "recurrence": "DAILY", "timeframeTimezoneType": "USER",
		})),
		reward("fresh", object{"ruleType": "TAG", "matchEntity": "Tag", "matchEntityId": "outdoor"}),
		reward("east", object{"ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": object{"==": []any{variable("user.timezone"), "Asia/Tokyo"}}}),
		reward("out", object{"ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": object{"in": []any{"outdoor", variable("user.tags")}}}),
		document("RuntimeLeaderboardConfiguration", "teams", object{"query": object{"source": "activity_logs", "entityId": object{"tagNamespace": "place"}, "score": object{"count": nil}}}),
		document("RuntimeLeaderboardConfiguration", "winners", object{"query": object{"source": "mission_logs", "entityId": object{"tagNamespace": "place"}, "score": object{"count": nil}}}),
		teamBoard("teams", "teams"), teamBoard("winners", "winners"))
}

// teamBoard counts by days of the users' zones.
func teamBoard(id, configuration string) object {
	return document("RuntimeLeaderboard", id, object{
		"runtimeLeaderboardConfigurationId": configuration, "timeframeType": "RECURRING", "recurrence": "DAILY",
		"timeframeTimezoneType": "USER", "timeframeStartsAt": "2025-01-01T00:00:00Z",
	})
}

// lives draws what happens in two weeks. An event may have happened before there was a user, and arrives
// sooner or later.
func lives(rt *rapid.T, most int) []happening {
	hours := func(from, to int, name string) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(rt, name)) * time.Hour
	}
	users, tags := rapid.SampledFrom([]string{"ada", "bob", "eve"}), rapid.SampledFrom([]string{"outdoor", "outdoor", "indoor"})
	activities := rapid.SampledFrom([]string{"run", "run", "swim"})
	zones := rapid.SampledFrom([]string{"America/New_York", "Asia/Tokyo", "Pacific/Auckland", "America/Los_Angeles", ""})
	var all []happening
	for i := range rapid.IntRange(1, most).Draw(rt, "happenings") {
		h := happening{at: start.Add(hours(1, 14*24, "at"))}
		user, tag, activity, zone := users.Draw(rt, "user"), tags.Draw(rt, "tag"), activities.Draw(rt, "activity"), zones.Draw(rt, "zone")
		switch rapid.IntRange(0, 9).Draw(rt, "kind") {
		case 0:
			h.text = user + " lives in " + zone
			h.change = func(t tester, w *world) error {
				_, err := w.Users.Update(t.Context(), user, tenancy.UserPatch{Timezone: &zone})
				return err
			}
		case 1, 2:
			h.text = user + " joins or leaves " + tag
			h.change = func(t tester, w *world) error {
				if err := w.Users.RemoveTags(t.Context(), user, tag); !errors.Is(err, fault.ErrNotFound) {
					return err
				}
				_, err := w.Users.AssignTags(t.Context(), user, tenancy.Tagging{TagID: tag})
				return err
			}
		case 3:
			h.text = activity + " becomes or is no longer " + tag
			h.change = func(t tester, w *world) error {
				if err := w.Activities.RemoveTags(t.Context(), activity, tag); !errors.Is(err, fault.ErrNotFound) {
					return err
				}
				_, err := w.Activities.AssignTags(t.Context(), activity, tenancy.Tagging{TagID: tag})
				return err
			}
		default:
			h.at = h.at.Add(-48 * time.Hour)
			h.arrives = h.at.Add(hours(0, 300, "delay"))
			h.event = &event.Event{ID: fmt.Sprintf("e%02d", i), UserID: user, EntityID: activity, At: h.at}
			h.text = fmt.Sprintf("%s: %s does %s, arrives %s", h.event.ID, user, activity, h.arrives.Format(time.RFC3339))
		}
		all = append(all, h)
	}
	return all
}

// play lets things happen, each event at the moment that is given.
func (w *world) play(t tester, all []happening, when func(*happening) time.Time) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b happening) int {
		switch c := when(&a).Compare(when(&b)); {
		case c != 0 || (a.event == nil) == (b.event == nil):
			return c
		case a.event == nil: // an event sees what changed in its moment
			return -1
		}
		return 1
	})
	for _, h := range all {
		if at := when(&h); at.After(*w.now.Load()) {
			w.set(at)
		}
		if h.event == nil {
			require.NoError(t, h.change(t, w), h.text)
			continue
		}
		_, err := w.Record(t.Context(), *h.event)
		require.NoError(t, err, h.text)
	}
}

// settled is what users can see, but for when it was written down.
func (w *world) settled(t tester) string {
	t.Helper()
	ctx := t.Context()
	var all map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.picture(t)), &all))
	for _, tag := range []string{"outdoor", "indoor"} {
		list, _, err := w.Missions.GroupList(ctx, tag, missions.Query{}, store.Page{})
		require.NoError(t, err)
		all[tag] = list
	}
	for _, id := range []string{"teams", "winners", "late-teams", "late-winners"} {
		all[id] = w.board(t, id)
	}
	b, err := json.Marshal(all)
	require.NoError(t, err)
	var plain any
	require.NoError(t, json.Unmarshal(b, &plain))
	b, err = json.MarshalIndent(undated(plain), "", " ")
	require.NoError(t, err)
	return string(b)
}

// board is the ranking of every day.
func (w *world) board(t tester, id string) (days []leaderboard.Ranking) {
	t.Helper()
	periods, err := w.Leaderboards.Periods(t.Context(), id, 20, time.Time{})
	require.NoError(t, err)
	for _, p := range periods {
		top, err := w.Leaderboards.Top(t.Context(), id, 10, &leaderboard.At{Period: p.ID})
		require.NoError(t, err)
		if top.Total > 0 {
			days = append(days, top)
		}
	}
	return days
}

// undated removes from JSON when something was written down.
func undated(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "createdAt")
		delete(v, "seq") // of the entry that made the mission of a group
		delete(v, "updatedAt")
		for _, of := range v {
			undated(of)
		}
	case []any:
		for _, of := range v {
			undated(of)
		}
	}
	return v
}

// Whenever events arrive, also after users have moved to another zone or team and activities have lost
// their tags, they end in the state that living it would have.
func TestLateEventsSeeThePast(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		all := lives(rt, 40)
		one, two := found(rt, memory.New(), "acme"), b.world(rt)
		for _, w := range []*world{one, two} {
			for _, b := range [][]byte{[]byte(swimmers), teams(rt)} {
				_, err := w.Import(rt.Context(), b)
				require.NoError(rt, err)
			}
		}
		one.play(rt, all, func(h *happening) time.Time { return h.at })
		two.play(rt, all, func(h *happening) time.Time {
			if h.event != nil {
				return h.arrives
			}
			return h.at
		})
		for _, w := range []*world{one, two} {
			w.set(start.AddDate(0, 0, 30))
			_, err := w.Import(rt.Context(), bundle(rt, teamBoard("late-teams", "teams"), teamBoard("late-winners", "winners")))
			require.NoError(rt, err)
			require.NoError(rt, w.openBoards(rt))
			require.Equal(rt, w.board(rt, "teams"), w.board(rt, "late-teams"))
			require.Equal(rt, w.board(rt, "winners"), w.board(rt, "late-winners"))
		}
		require.JSONEq(rt, one.settled(rt), two.settled(rt))
	})
}

// openBoards records something that counts nowhere, so that new boards are filled.
func (w *world) openBoards(t tester) error {
	_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: "zoe"})
	return err
}

// A late event counts for the team that the user was in, in the zone of then, with the tags of then; and
// whoever asks why is told so.
func TestLateEventCountsForWhoTheUserWas(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, teams(t))
		require.NoError(t, err)
		w.set(start.Add(time.Hour))
		_, err = w.Users.AssignTags(ctx, "bob", tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
		_, err = w.Activities.AssignTags(ctx, "swim", tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
		w.set(start.Add(48 * time.Hour))
		require.NoError(t, w.Users.RemoveTags(ctx, "bob", "outdoor"))
		require.NoError(t, w.Activities.RemoveTags(ctx, "swim", "outdoor"))
		_, err = w.Users.Update(ctx, "bob", tenancy.UserPatch{Timezone: new("America/New_York")})
		require.NoError(t, err)

		w.set(start.Add(72 * time.Hour))
		late := event.Event{ID: "late", UserID: "bob", EntityID: "swim", At: start.Add(8 * time.Hour)} // the 30th in Tokyo
		out, err := w.Record(ctx, late)
		require.NoError(t, err)
		require.Equal(t, "2025-09-30", out.Streaks[0].Day.String())
		require.Equal(t, "moved by late", w.verdict(t, "late", "MissionRule", "crews"))
		require.Equal(t, "2025-09-29T15:00:00Z", w.mission(t, "bob:days:two:2025-09-30").StartsAt.Format(time.RFC3339))
		for _, rule := range []string{"fresh", "east", "out"} {
			require.Equal(t, "moved by late", w.verdict(t, "late", "RewardRule", rule))
		}
		require.Equal(t, "outdoor", w.board(t, "teams")[0].Rows[0].EntityID)
		entries, err := w.Journal(ctx, out.Seq-1)
		require.NoError(t, err)
		require.Equal(t, []string{"outdoor"}, entries[0].Event.EntityTags)
		require.Equal(t, "Asia/Tokyo", entries[0].User.Timezone)

		soon := event.Event{ID: "soon", UserID: "bob", EntityID: "swim"}
		out, err = w.Record(ctx, soon)
		require.NoError(t, err)
		require.Equal(t, "2025-10-02", out.Streaks[len(out.Streaks)-1].Day.String())
		require.Empty(t, out.Transactions)
		require.Equal(t, "no   groupTagId: user bob is not in the group of the tag outdoor", w.verdict(t, "soon", "MissionRule", "crews"))
		require.Contains(t, w.verdict(t, "soon", "RuntimeLeaderboard", "teams"), "carried no tag of the namespace place")
	})
}

// mission returns a mission.
func (w *world) mission(t *testing.T, id string) missions.Mission {
	t.Helper()
	m, err := w.Missions.Mission(t.Context(), id)
	require.NoError(t, err)
	return m
}

// Who moves keeps the period as it began. When it is over there, the next begins with the new clock.
func TestPeriodKeepsItsZone(t *testing.T) {
	for id, at := range map[string]time.Time{
		"before": time.Date(2025, 9, 30, 16, 0, 0, 0, time.UTC), // the 1st in Tokyo
		"after":  time.Date(2025, 10, 1, 14, 0, 0, 0, time.UTC), // in both
		"gap":    time.Date(2025, 10, 1, 17, 0, 0, 0, time.UTC), // the 2nd in Tokyo, still the 1st in New York
		"next":   time.Date(2025, 10, 2, 5, 0, 0, 0, time.UTC),
	} {
		w := newWorld(t, memory.New())
		_, err := w.Import(t.Context(), teams(t))
		require.NoError(t, err)
		w.set(time.Date(2025, 10, 1, 3, 0, 0, 0, time.UTC)) // noon in Tokyo
		_, err = w.Users.Update(t.Context(), "bob", tenancy.UserPatch{Timezone: new("America/New_York")})
		require.NoError(t, err)
		w.set(time.Date(2025, 10, 3, 0, 0, 0, 0, time.UTC))
		_, err = w.Record(t.Context(), event.Event{ID: id, UserID: "bob", EntityID: "swim", At: at})
		require.NoError(t, err)
		switch id {
		case "gap":
			require.Equal(t, "no   timeframeTimezoneType: 2025-10-01 was over in the zone in which the user lived when it began", w.verdict(t, id, "MissionRule", "days"))
		case "next":
			require.Equal(t, "2025-10-02T04:00:00Z", w.mission(t, "bob:days:two:2025-10-02").StartsAt.Format(time.RFC3339))
		default:
			require.Equal(t, "2025-09-30T15:00:00Z", w.mission(t, "bob:days:two:2025-10-01").StartsAt.Format(time.RFC3339))
		}
	}
}

// reads counts how often a transaction reads what users were before.
type reads struct {
	store.Store
	rows int
}

func (r *reads) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return r.Store.Update(ctx, s, func(tx store.Tx) error { return fn(readingTx{tx, r}) })
}

type readingTx struct {
	store.Tx
	of *reads
}

func (tx readingTx) List(ctx context.Context, t *store.Schema, q store.Query) ([]store.Row, error) {
	rows, err := tx.Tx.List(ctx, t, q)
	if t.Name == "user_history" {
		tx.of.rows += max(1, len(rows))
	}
	return rows, err
}

// An event on time does not read what its user was before, and a late one reads one row for each event
// that it causes, however often the user has changed.
func TestLateEventReadsOneRow(t *testing.T) {
	r := &reads{Store: memory.New()}
	w := newWorld(t, r)
	for i := range 20 {
		w.set(start.Add(time.Duration(i+1) * time.Hour))
		_, err := w.Users.Update(t.Context(), "ada", tenancy.UserPatch{Timezone: new([]string{"", "Asia/Tokyo"}[i%2])})
		require.NoError(t, err)
	}
	record := func(id string, at time.Time) (rows, events int) {
		r.rows = 0
		out, err := w.Record(t.Context(), run(id, "ada", at))
		require.NoError(t, err)
		rows = r.rows
		entries, err := w.Journal(t.Context(), out.Seq-1)
		require.NoError(t, err)
		return rows, 1 + len(entries[0].Caused)
	}
	rows, _ := record("late", start.Add(90*time.Minute)) // assigns the mission of the week
	require.NotZero(t, rows)
	rows, _ = record("now", *w.now.Load())
	require.Zero(t, rows)
	rows, events := record("later", start.Add(3*time.Hour))
	require.NotZero(t, rows)
	require.LessOrEqual(t, rows, events)
}
