package guerdon_test

import (
	"context"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Boards by points earned: one for ever, one a month, and one for the first week of October.
const boards = `{"documents": [
  {"kind": "RuntimeLeaderboardConfiguration", "id": "earned", "name": "Points earned",
   "query": {"source": "virtual_transactions", "entityId": "userId", "score": {"sum": {"var": "amount"}},
    "where": {"and": [{"==": [{"var": "virtualCurrencyId"}, "points"]}, {"==": [{"var": "direction"}, "CREDIT"]}]}},
   "defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}]},
  {"kind": "RuntimeLeaderboard", "id": "all-time", "runtimeLeaderboardConfigurationId": "earned",
   "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2020-01-01T00:00:00Z"},
  {"kind": "RuntimeLeaderboard", "id": "monthly", "runtimeLeaderboardConfigurationId": "earned",
   "timeframeType": "RECURRING", "recurrence": "MONTHLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-01-01T00:00:00Z"},
  {"kind": "RuntimeLeaderboard", "id": "season", "runtimeLeaderboardConfigurationId": "earned",
   "timeframeType": "RANGE", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-10-01T00:00:00Z", "timeframeEndsAt": "2025-10-08T00:00:00Z"}
]}`

// compete returns a workspace with the boards, in which ada has run three times, bob twice, and eve and
// joe once.
func compete(ctx context.Context, now *time.Time) *guerdon.Workspace {
	ws := play(ctx, now, "ada", "bob", "eve", "joe")
	_, err := ws.Import(ctx, []byte(boards))
	check(err)
	for _, id := range []string{"ada", "bob", "ada", "eve", "bob", "joe", "ada"} {
		_, err := ws.Record(ctx, event.Event{UserID: id, EntityID: "run"})
		check(err)
	}
	return ws
}

// Who leads, who is near me, and where am I?
func Example_leaderboard() {
	ctx, now := context.Background(), monday
	ws := compete(ctx, &now)
	top, err := ws.Leaderboards.Top(ctx, "all-time", 2, nil)
	check(err)
	for _, row := range top.Rows {
		fmt.Println(row.Rank, row.EntityID, row.Score)
	}
	around, err := ws.Leaderboards.Around(ctx, "all-time", "eve", 3, nil)
	check(err)
	for _, row := range around.Rows {
		fmt.Println("near eve:", row.Rank, row.EntityID, row.Score)
	}
	joe, err := ws.Leaderboards.Rank(ctx, "all-time", "joe", nil)
	check(err)
	fmt.Println("joe has rank", joe.Rank, "of", joe.Total)
	// Output:
	// 1 ada 13
	// 2 bob 2
	// near eve: 2 bob 2
	// near eve: 3 eve 1
	// near eve: 3 joe 1
	// joe has rank 3 of 4
}

// How does a board begin anew every month, and who won the last one?
func Example_monthlyBoard() {
	ctx, now := context.Background(), monday
	ws := compete(ctx, &now)
	now = now.AddDate(0, 1, 0)
	_, err := ws.Record(ctx, event.Event{UserID: "eve", EntityID: "run"})
	check(err)
	for _, at := range []*leaderboard.At{nil, {Time: monday}} {
		top, err := ws.Leaderboards.Top(ctx, "monthly", 1, at)
		check(err)
		fmt.Println(top.Period.StartsAt.Format("January"), top.Period.State, top.Rows[0].EntityID, top.Rows[0].Score)
	}
	// Output:
	// October ACTIVE eve 1
	// September ENDED ada 13
}

// How did a board stand at a moment? By what is known now: a run that is told later counts when it happened.
func Example_standingOfThePast() {
	ctx, now := context.Background(), monday
	ws := compete(ctx, &now)
	now = monday.Add(48 * time.Hour)
	for _, e := range []event.Event{{UserID: "eve", EntityID: "run", At: now}, {UserID: "eve", EntityID: "run", At: monday.Add(time.Hour)}} {
		_, err := ws.Record(ctx, e)
		check(err)
	}
	for _, at := range []time.Time{monday, monday.Add(time.Hour), now} {
		eve, err := ws.Leaderboards.Rank(ctx, "all-time", "eve", &leaderboard.At{AsOf: at})
		check(err)
		fmt.Println(at.Format("Mon 15:04"), "eve has rank", eve.Rank, "with", eve.Score)
	}
	// Output:
	// Mon 09:00 eve has rank 3 with 1
	// Mon 10:00 eve has rank 2 with 2
	// Wed 09:00 eve has rank 1 with 13
}

// How does a season end? Once it is over and the host has called Advance, nothing changes it any more:
// what arrives too late is a problem of its event, and counts everywhere else.
func Example_season() {
	ctx, now := context.Background(), time.Date(2025, time.October, 7, 9, 0, 0, 0, time.UTC)
	ws := compete(ctx, &now)
	ran := now
	now = now.AddDate(0, 0, 1)
	check(ws.Advance(ctx))
	out, err := ws.Record(ctx, event.Event{UserID: "eve", EntityID: "run", At: ran})
	check(err)
	for _, p := range out.Problems {
		fmt.Println(p.Source, p.Reason)
	}
	for _, board := range []string{"season", "all-time"} {
		eve, err := ws.Leaderboards.Rank(ctx, board, "eve", nil)
		check(err)
		fmt.Println(board, eve.Score, "frozen:", eve.Period.Frozen)
	}
	// Output:
	// RuntimeLeaderboard/season 2025-10-01T00:00:00.000Z-2025-10-08T00:00:00.000Z has ended and is closed for good
	// season 1 frozen: true
	// all-time 2 frozen: false
}

// Does a run of Sunday that arrives on Monday count? On a board, and in a mission, that give it two hours of grace it does, and until they are over
// what they show is provisional. A board without grace is closed when Advance is called.
func Example_timeOfGrace() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "RuntimeLeaderboardConfiguration", "id": "runs", "name": "Runs",
	   "query": {"source": "activity_logs", "entityId": "userId", "score": {"count": 1}},
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Runs"}]},
	  {"kind": "RuntimeLeaderboard", "id": "strict", "runtimeLeaderboardConfigurationId": "runs",
	   "timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-09-29T00:00:00Z"},
	  {"kind": "RuntimeLeaderboard", "id": "patient", "runtimeLeaderboardConfigurationId": "runs", "graceMinutes": 120,
	   "timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-09-29T00:00:00Z"},
	  {"kind": "MissionConfiguration", "id": "thrice", "name": "Thrice", "missionType": "INDIVIDUAL",
	   "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "targetAmountExpression": 3,
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Thrice"}]},
	  {"kind": "MissionRule", "id": "weekly", "name": "Weekly", "missionType": "INDIVIDUAL", "missionConfigurationsPool": ["thrice"], "graceMinutes": 120,
	   "assignmentMode": "EVENT", "eventMatchType": "INSTANCE", "eventMatchEntity": "Activity", "eventMatchEntityId": "run",
	   "timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-09-29T00:00:00Z",
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	assigned, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)

	midnight := time.Date(2025, time.October, 6, 0, 0, 0, 0, time.UTC)
	tell := func(after time.Duration, id string) {
		now = midnight.Add(after)
		check(ws.Advance(ctx))
		_, err := ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run", At: midnight.Add(-10 * time.Minute)})
		check(err)
		for _, board := range []string{"strict", "patient"} {
			ada, err := ws.Leaderboards.Rank(ctx, board, "ada", &leaderboard.At{Time: monday})
			check(err)
			fmt.Println(now.Format("15:04"), board, ada.Score, "provisional:", ada.Period.Provisional)
		}
		mission, err := ws.Missions.Mission(ctx, assigned.Missions[0].MissionID)
		check(err)
		fmt.Println(now.Format("15:04"), "mission", mission.CurrentAmount, "provisional:", mission.Provisional)
	}
	tell(2*time.Minute, "late")
	tell(3*time.Hour, "too-late")
	// Output:
	// 00:02 strict 1 provisional: false
	// 00:02 patient 2 provisional: true
	// 00:02 mission 2 provisional: true
	// 03:00 strict 1 provisional: false
	// 03:00 patient 2 provisional: false
	// 03:00 mission 2 provisional: false
}

// How do teams compete? A board can rank the tags of a namespace by what their users do.
func Example_teamBoard() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob", "eve")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "Tag", "id": "red", "namespace": "team", "variant": "red", "defaultLang": "en", "translations": [{"lang": "en", "label": "Red"}]},
	  {"kind": "Tag", "id": "blue", "namespace": "team", "variant": "blue", "defaultLang": "en", "translations": [{"lang": "en", "label": "Blue"}]},
	  {"kind": "RuntimeLeaderboardConfiguration", "id": "team-runs", "name": "Runs of teams",
	   "query": {"source": "activity_logs", "entityId": {"tagNamespace": "team"}, "score": {"count": 1}},
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Runs"}]},
	  {"kind": "RuntimeLeaderboard", "id": "teams", "runtimeLeaderboardConfigurationId": "team-runs",
	   "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2020-01-01T00:00:00Z"}
	]}`))
	check(err)
	for id, team := range map[string]string{"ada": "red", "bob": "blue", "eve": "blue"} {
		_, err := ws.Users.AssignTags(ctx, id, tenancy.Tagging{TagID: team})
		check(err)
		_, err = ws.Record(ctx, event.Event{UserID: id, EntityID: "run"})
		check(err)
	}
	top, err := ws.Leaderboards.Top(ctx, "teams", 2, nil)
	check(err)
	for _, row := range top.Rows {
		fmt.Println(row.Rank, row.EntityType, row.EntityID, row.Score)
	}
	// Output:
	// 1 Tag blue 2
	// 2 Tag red 1
}

// Who is on a board that is suspended? Nobody, unless the board says that it does not follow status: then they stay where they are. Who is
// resumed is where they were in any case.
func Example_suspended() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "RuntimeLeaderboardConfiguration", "id": "runs", "name": "Runs",
	   "query": {"source": "activity_logs", "entityId": "userId", "score": {"count": 1}},
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Runs"}]},
	  {"kind": "RuntimeLeaderboard", "id": "shown", "runtimeLeaderboardConfigurationId": "runs",
	   "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2020-01-01T00:00:00Z"},
	  {"kind": "RuntimeLeaderboard", "id": "kept", "runtimeLeaderboardConfigurationId": "runs", "followsStatus": false,
	   "timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2020-01-01T00:00:00Z"}
	]}`))
	check(err)
	for _, id := range []string{"ada", "ada", "bob"} {
		_, err := ws.Record(ctx, event.Event{UserID: id, EntityID: "run"})
		check(err)
	}
	_, err = ws.Users.Suspend(ctx, "ada")
	check(err)
	for _, board := range []string{"shown", "kept"} {
		top, err := ws.Leaderboards.Top(ctx, board, 2, nil)
		check(err)
		for _, row := range top.Rows {
			fmt.Println(board, row.Rank, row.EntityID, row.Score)
		}
	}
	// Output:
	// shown 1 bob 1
	// kept 1 ada 2
	// kept 2 bob 1
}
