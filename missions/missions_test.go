package missions_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// bench is a workspace with nothing but missions in it.
type bench struct {
	missions.Service
	room   room.Room[missions.Change, missions.Service]
	run    session.Runner
	lib    *content.Library
	now    time.Time
	caused []event.Event
	issues []event.Problem
	again  []string // places from which on folds are to be folded again
	// replaying lets steps be made anew.
	replaying bool
}

func newBench(t testing.TB, documents ...string) *bench {
	t.Helper()
	b := &bench{
		lib: content.NewLibrary(content.Tags, content.Activities, missions.Configurations, missions.Rules),
		now: time.Date(2025, 9, 3, 12, 0, 0, 0, time.UTC),
	}
	b.room = missions.Room(room.Engine[missions.Change]{Library: b.lib, Past: nothing})
	st := memory.New()
	require.NoError(t, st.Prepare(t.Context(), slices.Concat(tenancy.Tables(), content.Tables(), b.room.Tables)...))
	ids := 0
	in := func(run func(context.Context, store.Scope, func(store.Tx) error) error) func(context.Context, session.Func) error {
		return func(ctx context.Context, fn session.Func) error {
			return run(ctx, store.Scope{Account: "acme", Workspace: "default"}, func(tx store.Tx) error {
				s := &session.Tx{Tx: tx, Now: b.now, Zones: &timeframe.Zones{}, NewID: func() string { ids++; return fmt.Sprintf("id-%d", ids) }, Replaying: b.replaying}
				s.Enter = func(ctx context.Context, e event.Event) error { return b.enter(ctx, s, e) }
				err := fn(s)
				b.caused, b.issues, b.again = append(b.caused, s.Caused()...), append(b.issues, s.Problems()...), append(b.again, s.Again...)
				return err
			})
		}
	}
	b.run = session.NewRunner(in(st.View), in(st.Update))
	b.Service = b.room.Service(b.run, b.program)
	b.publish(t, documents...)
	return b
}

// nothing is what happened before: new missions count from then on.
func nothing(context.Context, *session.Tx, string, time.Time, time.Time) iter.Seq2[*mechanic.Occasion, error] {
	return func(func(*mechanic.Occasion, error) bool) {}
}

// join adds a user.
func (b *bench) join(t testing.TB, id string) {
	t.Helper()
	_, err := tenancy.NewUsers(b.run, nil).Create(t.Context(), tenancy.NewUser{ID: id})
	require.NoError(t, err)
}

// enter lets the missions react to an event of the clock.
func (b *bench) enter(ctx context.Context, tx *session.Tx, e event.Event) error {
	u, err := tenancy.FindUser(ctx, tx, e.UserID)
	if err != nil {
		return err
	}
	p, err := b.program(ctx, tx)
	if err != nil {
		return err
	}
	_, err = p.React(ctx, tx, mechanic.New(&e, u))
	return err
}

func (b *bench) program(ctx context.Context, tx *session.Tx) (mechanic.Mechanic[missions.Change], error) {
	docs, err := b.lib.Load(ctx, tx)
	if err != nil {
		return nil, err
	}
	return b.room.Compile(ctx, tx, room.Setting{Documents: docs})
}

func (b *bench) publish(t testing.TB, documents ...string) {
	t.Helper()
	bundle := []byte(`{"documents":[` + strings.Join(documents, ",") + `]}`)
	require.NoError(t, b.run.Update(t.Context(), func(tx *session.Tx) error {
		_, err := b.lib.Import(t.Context(), tx, bundle)
		return err
	}))
}

func user(id, zone string, tags ...string) *tenancy.User {
	u := &tenancy.User{ID: id, Timezone: zone, Status: tenancy.Active}
	for _, tag := range tags {
		u.Tags = append(u.Tags, tenancy.UserTag{TagID: tag})
	}
	return u
}

// react lets the missions react to an event and returns what changed.
func (b *bench) react(t testing.TB, u *tenancy.User, id string, at time.Time, value string) []missions.Change {
	t.Helper()
	var changes []missions.Change
	require.NoError(t, b.run.Update(t.Context(), func(tx *session.Tx) error {
		p, err := b.program(t.Context(), tx)
		if err != nil {
			return err
		}
		changes, err = p.React(t.Context(), tx, did(u, id, at, value))
		return err
	}))
	return changes
}

// did returns that a user has run. The step is named by the user and what of the id comes after the user's.
func did(u *tenancy.User, id string, at time.Time, value string) *mechanic.Occasion {
	v := decimal.RequireFromString(value)
	o := mechanic.New(&event.Event{ID: id, Type: event.Activity, EntityID: "run", UserID: u.ID, At: at, Value: &v, Progress: event.Complete}, u)
	o.Place = u.ID + "/" + strings.TrimPrefix(id, u.ID+"-")
	return o
}

const (
	activity = `{"kind":"Activity","id":"run","name":"Run","defaultLang":"en","translations":[{"lang":"en","label":"Run"}]}`
	red      = `{"kind":"Tag","id":"red","namespace":"team","variant":"red","defaultLang":"en","translations":[{"lang":"en","label":"Red"}]}`
)

// goal is a configuration; each pair of more replaces a field.
func goal(more ...string) string {
	return document(`{"kind":"MissionConfiguration","id":"far","name":"Far","missionType":"INDIVIDUAL","matchType":"INSTANCE","matchEntity":"Activity",
		"matchEntityId":"run","incrementExpression":{"var":"event.value"},"targetAmountExpression":5,"defaultLang":"en","translations":[{"lang":"en","label":"Far"}]}`, more)
}

// weekly is a rule; each pair of more replaces a field.
func weekly(more ...string) string {
	return document(`{"kind":"MissionRule","id":"weekly","name":"Weekly","missionType":"INDIVIDUAL","assignmentMode":"EVENT","eventMatchType":"ENTITY",
		"eventMatchEntity":"Activity","timeframeType":"RECURRING","recurrence":"WEEKLY","timeframeTimezoneType":"FIXED","timeframeTimezone":"UTC",
		"timeframeStartsAt":"2020-01-01T00:00:00Z","defaultLang":"en","translations":[{"lang":"en"}]}`, more)
}

// document replaces fields of a JSON object: name, JSON value, name, JSON value …; "" removes one.
func document(text string, more []string) string {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		panic(err)
	}
	for pair := range slices.Chunk(more, 2) {
		if fields[pair[0]] = json.RawMessage(pair[1]); pair[1] == "" {
			delete(fields, pair[0])
		}
	}
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func day(n int) time.Time { return time.Date(2025, 9, n, 10, 0, 0, 0, time.UTC) }

func TestAssignedMissionIsAdvancedByTheEventThatAssignsIt(t *testing.T) {
	b := newBench(t, activity, goal(), weekly())
	changes := b.react(t, user("ada", ""), "e1", day(1), "2")
	require.Len(t, changes, 1)
	require.True(t, changes[0].Assigned)
	require.Equal(t, "ada:weekly:far:2025-W36", changes[0].MissionID)
	require.Equal(t, "2", changes[0].CurrentAmount.String())
	require.Empty(t, b.caused)
}

func TestIndividualMissionCompletesOnceAndStops(t *testing.T) {
	b := newBench(t, activity, goal(), weekly())
	ada := user("ada", "")
	b.react(t, ada, "e1", day(1), "4")
	done := b.react(t, ada, "e2", day(2), "4")
	require.True(t, done[0].Completed)
	require.Equal(t, "8", done[0].CurrentAmount.String())
	require.Len(t, b.caused, 1)
	require.Equal(t, "ada:weekly:far:2025-W36:completed", b.caused[0].ID)
	require.Equal(t, day(2), b.caused[0].At)
	require.Empty(t, b.react(t, ada, "e3", day(3), "4"))
	// The next week begins anew.
	require.Equal(t, "4", b.react(t, ada, "e4", day(8), "4")[0].CurrentAmount.String())
}

func TestGroupMissionGoesOnCountingAndKnowsItsContributors(t *testing.T) {
	b := newBench(t, activity, red, goal("missionType", `"GROUP"`), weekly("missionType", `"GROUP"`, "groupTagId", `"red"`))
	ada, bob, eve := user("ada", "", "red"), user("bob", "", "red"), user("eve", "")
	b.react(t, ada, "e1", day(1), "4")
	require.Empty(t, b.react(t, eve, "e2", day(1), "4"))
	require.True(t, b.react(t, bob, "e3", day(2), "4")[0].Completed)
	require.Equal(t, "tag:red:weekly:far:2025-W36:completed:bob", b.caused[0].ID)
	last := b.react(t, ada, "e4", day(3), "1")
	require.False(t, last[0].Completed)
	require.Equal(t, "9", last[0].CurrentAmount.String())
	logs, _, err := b.Contributions(t.Context(), last[0].MissionID, store.Page{Ascending: true})
	require.NoError(t, err)
	var who []string
	for _, l := range logs {
		who = append(who, l.UserID)
	}
	require.Equal(t, []string{"ada", "bob", "ada"}, who)
}

func TestTenTenthsCompleteOne(t *testing.T) {
	b := newBench(t, activity, goal("targetAmountExpression", "1"), weekly())
	ada := user("ada", "")
	for i := range 9 {
		changes := b.react(t, ada, fmt.Sprint("e", i), day(1), "0.1")
		require.False(t, changes[len(changes)-1].Completed)
	}
	require.True(t, b.react(t, ada, "e9", day(1), "0.1")[0].Completed)
}

func TestPeriodFollowsTheZone(t *testing.T) {
	b := newBench(t, activity, goal(), weekly("recurrence", `"DAILY"`, "timeframeTimezoneType", `"USER"`, "timeframeTimezone", ""))
	at := time.Date(2025, 9, 1, 23, 30, 0, 0, time.UTC)
	require.Equal(t, "2025-09-01", b.react(t, user("ada", ""), "e1", at, "1")[0].PeriodID)
	require.Equal(t, "2025-09-02", b.react(t, user("bob", "Europe/Rome"), "e2", at, "1")[0].PeriodID)
	require.Equal(t, "2025-09-01", b.react(t, user("eve", "America/Lima"), "e3", at, "1")[0].PeriodID)
}

func TestConditionsPickUsersAndMissions(t *testing.T) {
	near := goal("id", `"near"`, "targetAmountExpression", "1")
	b := newBench(t, activity, red, goal(), near, weekly(
		"usersMatchCondition", `{"in":["red",{"var":"user.tags"}]}`,
		"missionsMatchCondition", `{"==":[{"var":"mission.missionConfigurationId"},"near"]}`,
		"eventMatchCondition", `{"==":[{"var":"progress"},"COMPLETE"]}`))
	require.Empty(t, b.react(t, user("ada", ""), "e1", day(1), "1"))
	changes := b.react(t, user("bob", "", "red"), "e2", day(1), "1")
	require.Equal(t, "near", changes[0].ConfigurationID)
	require.True(t, changes[0].Completed)
}

func TestActiveMissionsAreKnownToConditions(t *testing.T) {
	b := newBench(t, activity, goal("targetAmountExpression", "100"), weekly(),
		weekly("id", `"z-second"`, "usersMatchCondition", `{"!":{"var":"activeMissions"}}`))
	ada := user("ada", "")
	for _, c := range b.react(t, ada, "e1", day(1), "1") {
		require.NotEqual(t, "z-second", c.RuleID, "the first rule's mission is active already")
	}
}

func TestRunningMissionKeepsItsConfiguration(t *testing.T) {
	b := newBench(t, activity, goal(), weekly())
	ada := user("ada", "")
	b.react(t, ada, "e1", day(1), "2")
	b.publish(t, goal("incrementExpression", "100", "targetAmountExpression", "1000"))
	c := b.react(t, ada, "e2", day(2), "2")
	require.Equal(t, "4", c[0].CurrentAmount.String())
	require.Equal(t, 1, c[0].ConfigurationVersion)
	require.Equal(t, "1000", b.react(t, ada, "e3", day(8), "2")[0].TargetAmount.String())
}

func TestExpressionThatGivesNoAmountIsAProblem(t *testing.T) {
	for name, expression := range map[string]string{
		"nothing":  `{"var":"event.additionalData.steps"}`,
		"text":     `{"cat":["a",{"var":"event.value"}]}`,
		"negative": `{"-":[0,{"var":"event.value"}]}`,
		"infinite": `{"/":[{"var":"event.value"},0]}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, activity, goal("incrementExpression", expression), weekly())
			changes := b.react(t, user("ada", ""), "e1", day(1), "1")
			require.Len(t, changes, 1) // assigned, not advanced
			require.Len(t, b.issues, 1)
			require.Equal(t, "MissionConfiguration/far", b.issues[0].Source)
			require.Equal(t, "incrementExpression", b.issues[0].Field)
		})
	}
}

// What the mission of one user may read, and that of a group may not: nobody's events are first there.
const (
	readsAmount     = `{"<":[{"var":"mission.currentAmount"},3]}`
	readsCompletion = `{"!":{"var":"mission.isCompleted"}}`
	wantsByUser     = `{"if":[{"==":[{"var":"user.lang"},"en"]},1,2]}`
)

func TestOneUsersMissionMayReadWhatItHas(t *testing.T) {
	b := newBench(t, activity, goal("matchCondition", readsAmount, "targetAmountExpression", wantsByUser),
		goal("id", `"other"`, "matchCondition", readsCompletion), weekly())
	ada := user("ada", "")
	ada.Lang = "it"
	for _, c := range b.react(t, ada, "e1", day(1), "3") {
		require.Equal(t, "3", c.CurrentAmount.String())
	}
	changes := b.react(t, ada, "e2", day(2), "3")
	require.Len(t, changes, 1)
	require.Equal(t, "other", changes[0].ConfigurationID)
}

// Of a mission, that of a group may read what all of its members' events see alike.
func TestAGroupsMissionMayReadItsBounds(t *testing.T) {
	b := newBench(t, activity, red, goal("missionType", `"GROUP"`,
		"matchCondition", `{"==":[{"var":"mission.periodId"},"2025-W36"]}`,
		"incrementExpression", `{"*":[{"var":"event.value"},{"if":[{"==":[{"var":"user.timezone"},"Asia/Tokyo"]},2,1]}]}`,
		"targetAmountExpression", `{"if":[{"==":[{"var":"mission.groupTagId"},"red"]},7,1]}`,
	), weekly("missionType", `"GROUP"`, "groupTagId", `"red"`))
	c := b.react(t, user("ada", "Asia/Tokyo", "red"), "e1", day(1), "2")[0]
	require.Equal(t, "4 of 7", c.CurrentAmount.String()+" of "+c.TargetAmount.String())
}

func TestFaultsOfDocuments(t *testing.T) {
	for name, c := range map[string]struct{ document, field string }{
		"target 0":                {goal("targetAmountExpression", "0"), "targetAmountExpression"},
		"target negative":         {goal("targetAmountExpression", "-3"), "targetAmountExpression"},
		"target no number":        {goal("targetAmountExpression", `"five"`), "targetAmountExpression"},
		"unknown type":            {goal("missionType", `"SOLO"`), "missionType"},
		"unknown entity":          {goal("matchEntity", `"Mission"`), "matchEntity"},
		"entity with id":          {goal("matchType", `"ENTITY"`), "matchEntityId"},
		"instance without id":     {goal("matchEntityId", ""), "matchEntityId"},
		"dangling":                {goal("matchEntityId", `"swim"`), "matchEntityId"},
		"no translation":          {goal("translations", "[]"), "translations"},
		"empty label":             {goal("translations", `[{"lang":"en","label":""}]`), "translations[0].label"},
		"group without tag":       {weekly("missionType", `"GROUP"`), "groupTagId"},
		"individual with tag":     {weekly("groupTagId", `"red"`), "groupTagId"},
		"unknown mode":            {weekly("assignmentMode", `"SOON"`), "assignmentMode"},
		"lazy with event fields":  {weekly("assignmentMode", `"LAZY"`), "eventMatchType"},
		"push without cron":       {weekly("assignmentMode", `"SCHEDULED_PUSH"`, "eventMatchType", "", "eventMatchEntity", ""), "scheduleCron"},
		"range without end":       {weekly("timeframeType", `"RANGE"`, "recurrence", ""), "timeframeEndsAt"},
		"cron that never fires":   {weekly("recurrence", `"CUSTOM"`, "scheduleCron", `"0 0 30 2 *"`), "scheduleCron"},
		"misspelt path":           {weekly("usersMatchCondition", `{"==":[{"var":"user.langg"},"en"]}`), "usersMatchCondition/=="},
		"unknown field":           {weekly("timeframe", `1`), ""},
		"empty pool":              {weekly("missionConfigurationsPool", `[]`), "missionConfigurationsPool"},
		"missing configuration":   {weekly("missionConfigurationsPool", `["nope"]`), "missionConfigurationsPool[0]"},
		"group in users' zones":   {weekly("missionType", `"GROUP"`, "groupTagId", `"red"`, "timeframeTimezoneType", `"USER"`, "timeframeTimezone", ""), "timeframeTimezoneType"},
		"group reads amount":      {goal("missionType", `"GROUP"`, "matchCondition", readsAmount), "matchCondition/<"},
		"group reads completion":  {goal("missionType", `"GROUP"`, "matchCondition", readsCompletion), "matchCondition/!"},
		"group adds by amount":    {goal("missionType", `"GROUP"`, "incrementExpression", `{"+":[{"var":"mission.currentAmount"},1]}`), "incrementExpression/+"},
		"group adds if completed": {goal("missionType", `"GROUP"`, "incrementExpression", `{"if":[{"var":"mission.isCompleted"},1,2]}`), "incrementExpression/if"},
		"group reads a mission":   {goal("missionType", `"GROUP"`, "matchCondition", `{"some":[[{"var":"mission"}],{"<":[{"var":"currentAmount"},3]}]}`), "matchCondition"},
		"group reads everything":  {goal("missionType", `"GROUP"`, "incrementExpression", `{"reduce":[[{"var":""}],{"var":"current.mission.currentAmount"},1]}`), "incrementExpression"},
		"group wants everything":  {goal("missionType", `"GROUP"`, "targetAmountExpression", `{"reduce":[[{"var":""}],{"if":[{"var":"current.user.lang"},1,2]},0]}`), "targetAmountExpression"},
		"group wants by user":     {goal("missionType", `"GROUP"`, "targetAmountExpression", wantsByUser), "targetAmountExpression/if"},
		"group tells apart":       {goal("missionType", `"GROUP"`, "distinctExpression", `{"var":"event.value"}`), "distinctExpression"},
		"nothing is distinct":     {goal("distinctExpression", `{"if":[true,null]}`), "distinctExpression"},
		"a list is distinct":      {goal("distinctExpression", `[1]`), "distinctExpression"},
		"out of reach":            {goal("distinctExpression", `{"var":"event.value"}`, "incrementExpression", "", "targetAmountExpression", "201"), "targetAmountExpression"},
		"one goal of several":     {several(`[` + part("a", "2") + `]`), "goals"},
		"goals of a group":        {several(`[`+part("a", "2")+`,`+part("b", "2")+`]`, "missionType", `"GROUP"`), "goals"},
		"a goal and goals":        {goal("goals", `[`+part("a", "2")+`,`+part("b", "2")+`]`), "matchType"},
		"more than all goals":     {several(`[`+part("a", "2")+`,`+part("b", "2")+`]`, "goalsNeeded", "3"), "goalsNeeded"},
		"needed of one goal":      {goal("goalsNeeded", "1"), "goalsNeeded"},
		"a goal twice":            {several(`[` + part("a", "2") + `,` + part("a", "2") + `]`), "goals[1].id"},
		"a goal that is dangling": {several(`[` + part("a", "2") + `,` + strings.Replace(part("b", "2"), `"run"`, `"swim"`, 1) + `]`), "goals[1].matchEntityId"},
		"a goal of no target":     {several(`[` + part("a", "2") + `,` + part("b", "0") + `]`), "goals[1].targetAmountExpression"},
		"requires itself":         {goal("requires", `["far"]`), "requires[0]"},
		"requires nothing":        {goal("requires", `["nope"]`), "requires[0]"},
		"a group requires":        {goal("missionType", `"GROUP"`, "requires", `["nope"]`), "requires"},
		"no image":                {goal("image", `"far.png"`), "image"},
		"condition of other type": {weekly("missionType", `"GROUP"`, "groupTagId", `"red"`, "usersMatchCondition", "true"), "usersMatchCondition"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, activity, red)
			err := b.run.Update(t.Context(), func(tx *session.Tx) error {
				_, err := b.lib.Import(t.Context(), tx, []byte(`{"documents":[`+c.document+`]}`))
				return err
			})
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, "documents[0]"+strings.TrimRight("."+c.field, "."))
		})
	}
}

// several is a configuration of several goals.
func several(goals string, more ...string) string {
	return goal(append([]string{
		"goals", goals, "matchType", "", "matchEntity", "", "matchEntityId", "", "incrementExpression", "", "targetAmountExpression", "",
	}, more...)...)
}

// part is one of several goals, on what runs are worth.
func part(id, target string) string {
	return fmt.Sprintf(`{"id":%q,"name":%[1]q,"matchType":"INSTANCE","matchEntity":"Activity","matchEntityId":"run","incrementExpression":{"var":"event.value"},"targetAmountExpression":%s}`, id, target)
}

// An event counts for each goal that it fits; a goal that is reached counts no more; the mission is completed when enough are.
func TestAsManyGoalsAsAreNeeded(t *testing.T) {
	for needed, want := range map[string][]string{ // after events worth 1, 2 and 3: the goals reached and whether the mission is completed
		"1": {"0 false", "1 true"},
		"2": {"0 false", "1 false", "2 true"},
		"":  {"0 false", "1 false", "2 false", "3 true"},
	} {
		t.Run(needed, func(t *testing.T) {
			b := newBench(t, activity, several(`[`+part("a", "3")+`,`+part("b", "5")+`,`+part("c", "7")+`]`, "goalsNeeded", needed), weekly())
			var got []string
			for i, v := range []string{"1", "2", "3", "4"} {
				for _, c := range b.react(t, user("ada", ""), fmt.Sprint("ada-", i), day(3).Add(time.Duration(i)*time.Minute), v) {
					require.Equal(t, c.Completed, c.CurrentAmount.Equal(*c.TargetAmount))
					got = append(got, fmt.Sprint(c.CurrentAmount, " ", c.Completed))
					if i == 1 {
						require.Equal(t, []string{"2", "3"}, []string{c.Goals[0].Amount.String(), c.Goals[0].CurrentAmount.String()})
					}
					if i == 2 && len(c.Goals) > 0 {
						require.True(t, c.Goals[0].Amount.IsZero(), "a goal that is reached counts no more")
					}
				}
			}
			require.Empty(t, b.issues)
			require.Equal(t, want, got)
		})
	}
}

// A mission that needs another first waits, comes with what completes that, and does not count that itself.
func TestAMissionThatNeedsAnotherFirst(t *testing.T) {
	second := strings.ReplaceAll(goal("requires", `["far"]`), `"id":"far"`, `"id":"farther"`)
	b := newBench(t, activity, goal(), second, weekly())
	steps := []struct {
		value string
		want  []string
	}{
		{"3", []string{"far 3"}},
		{"4", []string{"far 7", "farther 0"}}, // which completes the one, and counts for it alone
		{"2", []string{"farther 2"}},
		{"3", []string{"farther 5"}},
	}
	for i, s := range steps {
		var got []string
		for _, c := range b.react(t, user("ada", ""), fmt.Sprint("ada-", i), day(3).Add(time.Duration(i)*time.Minute), s.value) {
			got = append(got, c.ConfigurationID+" "+c.CurrentAmount.String())
		}
		require.Equal(t, s.want, got)
	}
	require.Empty(t, b.issues)
}

// What is needed first is of one user, and never leads back.
func TestWhatIsNeededFirstLeadsNowhereBack(t *testing.T) {
	named := func(id string, more ...string) string {
		return strings.ReplaceAll(goal(more...), `"id":"far"`, `"id":"`+id+`"`)
	}
	for name, documents := range map[string][]string{
		"a circle":           {named("a", "requires", `["b"]`), named("b", "requires", `["c"]`), named("c", "requires", `["a"]`)},
		"what is of a group": {named("a", "requires", `["b"]`), named("b", "missionType", `"GROUP"`)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, activity)
			err := b.run.Update(t.Context(), func(tx *session.Tx) error {
				_, err := b.lib.Import(t.Context(), tx, []byte(`{"documents":[`+strings.Join(documents, ",")+`]}`))
				return err
			})
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, "requires[0]")
		})
	}
}

// A rule assigns missions of its own type, whether it or the configuration is published last.
func TestPoolsHoldMissionsOfTheirRulesType(t *testing.T) {
	solo, team := goal(), goal("missionType", `"GROUP"`)
	soloRule := weekly("missionConfigurationsPool", `["far"]`)
	teamRule := weekly("missionConfigurationsPool", `["far"]`, "missionType", `"GROUP"`, "groupTagId", `"red"`)
	for name, documents := range map[string]struct {
		first, then string
		want        string
	}{
		"group rule":           {solo, teamRule, `missionConfigurationsPool[0]: names MissionConfiguration "far", which is INDIVIDUAL; the rule is GROUP`},
		"individual rule":      {team, soloRule, `missionConfigurationsPool[0]: names MissionConfiguration "far", which is GROUP; the rule is INDIVIDUAL`},
		"configuration of one": {solo + "," + soloRule, team, `MissionRule/weekly.missionConfigurationsPool[0]: names MissionConfiguration "far", which is GROUP; the rule is INDIVIDUAL`},
		"both at once":         {solo + "," + soloRule, team + "," + teamRule, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, activity, red, documents.first)
			err := b.run.Update(t.Context(), func(tx *session.Tx) error {
				_, err := b.lib.Import(t.Context(), tx, []byte(`{"documents":[`+documents.then+`]}`))
				return err
			})
			if documents.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.EqualError(t, err, "documents[0]."+documents.want)
		})
	}
}

// However the doings of a group's members come in between one another, each member's in their order, the mission is the
// same, and so is who completed it.
func TestAnyInterleavingOfMembersGivesTheSame(t *testing.T) {
	type doing struct {
		id, userID, value string
		at                time.Time
	}
	compare := func(a, b doing) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.id, b.id))
	}
	play := func(t testing.TB, order []doing) string {
		b := newBench(t, activity, red, goal("missionType", `"GROUP"`), weekly("missionType", `"GROUP"`, "groupTagId", `"red"`))
		for _, d := range order {
			b.react(t, user(d.userID, "", "red"), d.id, d.at, d.value)
		}
		group, _, err := b.GroupList(t.Context(), "red", missions.Query{}, store.Page{})
		require.NoError(t, err)
		text, err := json.Marshal(group)
		require.NoError(t, err)
		return string(text)
	}
	rapid.Check(t, func(rt *rapid.T) {
		byMember := map[string][]doing{}
		var lived []doing
		for i := range rapid.IntRange(1, 12).Draw(rt, "doings") {
			d := doing{
				fmt.Sprintf("e%02d", i), rapid.SampledFrom([]string{"ada", "bob", "eve"}).Draw(rt, "member"),
				strconv.Itoa(rapid.IntRange(1, 4).Draw(rt, "value")),
				day(1).Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "quarters")) * 6 * time.Hour),
			}
			lived = append(lived, d)
		}
		slices.SortFunc(lived, compare)
		for _, d := range lived {
			byMember[d.userID] = append(byMember[d.userID], d)
		}
		var mixed []doing
		for len(mixed) < len(lived) {
			from := rapid.SampledFrom(slices.Sorted(maps.Keys(byMember))).Draw(rt, "next")
			mixed = append(mixed, byMember[from][0])
			if byMember[from] = byMember[from][1:]; len(byMember[from]) == 0 {
				delete(byMember, from)
			}
		}
		require.JSONEq(rt, play(t, lived), play(t, mixed))
	})
}

// Whoever was told that a group's mission was completed by an event of theirs, and whoever completed it after all, is
// folded again from there.
func TestWhoCompletedAGroupsMissionAfterAllIsTold(t *testing.T) {
	type doing struct {
		userID string
		day    int
		value  string
	}
	for name, c := range map[string]struct {
		doings []doing // the last one comes late for the group, not for its member
		caused []string
		again  []string
	}{
		"in order":                       {[]doing{{"ada", 1, "3"}, {"bob", 2, "3"}}, []string{"bob"}, nil},
		"it is completed earlier":        {[]doing{{"ada", 2, "3"}, {"ada", 3, "3"}, {"bob", 1, "2"}}, []string{"ada"}, []string{"ada/2", "ada/1"}},
		"by the one who comes":           {[]doing{{"ada", 2, "3"}, {"ada", 4, "3"}, {"bob", 3, "3"}}, []string{"ada", "bob"}, []string{"ada/2"}},
		"at once":                        {[]doing{{"ada", 2, "5"}, {"bob", 1, "5"}}, []string{"ada", "bob"}, []string{"ada/1"}},
		"by the same, with more":         {[]doing{{"ada", 2, "2"}, {"ada", 3, "3"}, {"bob", 1, "1"}}, []string{"ada"}, []string{"ada/2", "ada/2"}},
		"after it was completed":         {[]doing{{"ada", 2, "5"}, {"bob", 3, "5"}}, []string{"ada"}, nil},
		"nobody had completed it":        {[]doing{{"ada", 2, "2"}, {"bob", 1, "2"}}, nil, nil},
		"another completes it by theirs": {[]doing{{"ada", 2, "4"}, {"bob", 1, "3"}}, nil, []string{"ada/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, activity, red, goal("missionType", `"GROUP"`), weekly("missionType", `"GROUP"`, "groupTagId", `"red"`))
			count := map[string]int{}
			for _, d := range c.doings {
				count[d.userID]++
				b.react(t, user(d.userID, "", "red"), fmt.Sprintf("%s-%d", d.userID, count[d.userID]), day(d.day), d.value)
			}
			var caused []string
			for _, e := range b.caused {
				caused = append(caused, e.UserID)
			}
			require.Equal(t, c.caused, caused)
			require.Equal(t, c.again, b.again)
		})
	}
}

// A step that is made anew leaves what a group counts alone: its member is only told again.
func TestAStepThatIsMadeAnewTellsOfAGroupsMission(t *testing.T) {
	b := newBench(t, activity, red, goal("missionType", `"GROUP"`), weekly("missionType", `"GROUP"`, "groupTagId", `"red"`))
	ada, bob := user("ada", "", "red"), user("bob", "", "red")
	b.react(t, ada, "ada-1", day(1), "3")
	done := b.react(t, bob, "bob-1", day(2), "3")[0]
	before := b.caused
	b.replaying, b.caused = true, nil
	require.Empty(t, b.react(t, ada, "ada-1", day(1), "3"))
	require.Empty(t, b.caused)
	require.Empty(t, b.react(t, bob, "bob-1", day(2), "3"))
	require.Equal(t, before, b.caused)
	m, err := b.Mission(t.Context(), done.MissionID)
	require.NoError(t, err)
	require.Equal(t, "6", m.CurrentAmount.String())
}

// What members did that no longer follows is no longer counted, and what follows now is.
func TestAmendCountsAGroupsMissionAnew(t *testing.T) {
	type doing struct {
		id, value string
		day       int
	}
	occasions := func(all []doing) (list []*mechanic.Occasion) {
		for _, d := range all {
			list = append(list, did(user("ada", "", "red"), d.id, day(d.day), d.value))
		}
		return list
	}
	for name, c := range map[string]struct {
		gone, come        []doing
		amount            string
		completed, undone bool // since before
		again             []string
	}{
		"nothing":                {nil, nil, "6", false, false, nil},
		"one fewer":              {[]doing{{"ada-2", "3", 2}}, nil, "3", false, true, []string{"ada/2"}},
		"one more":               {nil, []doing{{"ada-3", "1", 3}}, "7", false, false, nil},
		"one less":               {[]doing{{"ada-2", "3", 2}}, []doing{{"ada-2", "2", 2}}, "5", false, false, []string{"ada/2", "ada/2"}},
		"one later":              {[]doing{{"ada-1", "3", 1}}, []doing{{"ada-1", "3", 3}}, "6", false, false, []string{"ada/2", "ada/1"}},
		"one in another week":    {[]doing{{"ada-1", "3", 1}}, []doing{{"ada-1", "3", 8}}, "3", false, true, []string{"ada/2"}},
		"one that was not there": {[]doing{{"ada-9", "3", 2}}, nil, "6", false, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, activity, red, goal("missionType", `"GROUP"`), weekly("missionType", `"GROUP"`, "groupTagId", `"red"`))
			b.react(t, user("ada", "", "red"), "ada-1", day(1), "3")
			id := b.react(t, user("ada", "", "red"), "ada-2", day(2), "3")[0].MissionID
			var changes []missions.Change
			require.NoError(t, b.run.Update(t.Context(), func(tx *session.Tx) error {
				p, err := b.program(t.Context(), tx)
				if err == nil {
					changes, err = p.Amend(t.Context(), tx, mechanic.Amendment{Gone: occasions(c.gone), Come: occasions(c.come)}, nil)
				}
				return err
			}))
			m, err := b.Mission(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, c.amount, m.CurrentAmount.String())
			require.Equal(t, c.again, b.again)
			var completed, undone bool
			for _, ch := range changes {
				require.Equal(t, id, ch.MissionID)
				completed, undone = completed || ch.Completed, undone || ch.Undone
			}
			require.Equal(t, c.completed, completed)
			require.Equal(t, c.undone, undone)
		})
	}
}

func TestEvaluateAssignsLazyRulesOnce(t *testing.T) {
	lazy := weekly("assignmentMode", `"LAZY"`, "eventMatchType", "", "eventMatchEntity", "")
	b := newBench(t, activity, goal(), lazy)
	_, err := b.Evaluate(t.Context(), "nobody")
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, _, err = b.List(t.Context(), "nobody", missions.Query{}, store.Page{})
	require.EqualError(t, err, `user: "nobody" not found`)
	b.join(t, "ada")
	for range 2 {
		list, err := b.Evaluate(t.Context(), "ada")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, timeframe.Active, list[0].State)
		require.Equal(t, "5", list[0].TargetAmount.String())
	}
	b.now = b.now.AddDate(0, 0, 7)
	list, err := b.Evaluate(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, "2025-W37", list[0].PeriodID)
}

func TestScheduledPushReachesEveryUserInSteps(t *testing.T) {
	rule := weekly("assignmentMode", `"SCHEDULED_PUSH"`, "eventMatchType", "", "eventMatchEntity", "", "scheduleCron", `"0 9 * * 1"`)
	b := newBench(t, activity, goal(), rule)
	for i := range 7 {
		b.join(t, fmt.Sprint("user-", i))
	}
	advance := func() (steps int) {
		for more := true; more; steps++ {
			require.NoError(t, b.run.Update(t.Context(), func(tx *session.Tx) error {
				p, err := b.program(t.Context(), tx)
				if err != nil {
					return err
				}
				more, err = p.Advance(t.Context(), tx, 3)
				return err
			}))
		}
		return steps
	}
	advance()
	list, _, err := b.List(t.Context(), "user-6", missions.Query{}, store.Page{})
	require.NoError(t, err)
	require.Empty(t, list, "Monday has not come")
	b.now = b.now.AddDate(0, 0, 7)
	require.Equal(t, 3, advance())
	require.Equal(t, 1, advance())
	for i := range 7 {
		list, _, err := b.List(t.Context(), fmt.Sprint("user-", i), missions.Query{}, store.Page{})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, "2025-W37", list[0].PeriodID)
	}
}

// Missions that begin within one second are several, each with what it counts.
func TestMissionsByHandWithinASecond(t *testing.T) {
	b := newBench(t, activity, red, goal())
	b.join(t, "ada")
	ids := map[string]bool{}
	for _, later := range []time.Duration{0, time.Microsecond, 999_999 * time.Microsecond, time.Second} {
		startsAt := b.now.Add(later)
		m, err := b.Create(t.Context(), missions.NewMission{ConfigurationID: "far", UserID: "ada", StartsAt: startsAt, EndsAt: day(30)})
		require.NoError(t, err)
		require.Equal(t, startsAt, m.StartsAt)
		ids[m.ID] = true
		_, err = b.Create(t.Context(), missions.NewMission{ConfigurationID: "far", UserID: "ada", StartsAt: startsAt, EndsAt: day(29)})
		require.ErrorIs(t, err, fault.ErrExists)
	}
	require.Len(t, ids, 4)
	require.Len(t, b.react(t, user("ada", ""), "e1", day(4), "1"), 4)
	_, err := b.Create(t.Context(), missions.NewMission{ConfigurationID: "far", UserID: "ada", StartsAt: day(1), EndsAt: b.now})
	require.EqualError(t, err, "endsAt: is over already")
}

// A mission that tells values apart counts each once, and nothing for null.
func TestDistinctValuesCountOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		expression string
		values     []string
		want       string
	}{
		"numbers":        {`{"var": "event.value"}`, []string{"1", "2", "1.0", "2", "3"}, "3"},
		"texts":          {`{"var": "entityId"}`, []string{"1", "2", "3"}, "1"},
		"truth":          {`{">": [{"var": "event.value"}, 1]}`, []string{"1", "2", "3", "0.5"}, "2"},
		"null":           {`{"if": [{">": [{"var": "event.value"}, 1]}, {"var": "event.value"}, null]}`, []string{"1", "2", "0.5", "2", "3"}, "2"},
		"text or number": {`{"if": [{">": [{"var": "event.value"}, 1]}, "1", 1]}`, []string{"1", "2", "3"}, "2"},
		"how far it is":  {`{"var": "mission.currentAmount"}`, []string{"1", "1", "1"}, "3"},
		"zero":           {`{"var": "event.value"}`, []string{"0", "0"}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, activity, goal("incrementExpression", "", "targetAmountExpression", "100", "distinctExpression", tt.expression), weekly())
			var got []missions.Change
			for i, v := range tt.values {
				got = append(got, b.react(t, user("ada", ""), fmt.Sprint("ada-", i), day(3).Add(time.Duration(i)*time.Minute), v)...)
			}
			require.Empty(t, b.issues)
			require.Equal(t, tt.want, got[len(got)-1].CurrentAmount.String())
		})
	}
}

// What is no value is a problem, and so is what comes behind the values that are kept.
func TestDistinctValuesAreBounded(t *testing.T) {
	b := newBench(t, activity, goal("incrementExpression", "2", "targetAmountExpression", "1000", "distinctExpression", `{"if": [{"<": [{"var": "event.value"}, 500]}, {"var": "event.value"}, {"var": "event.tags"}]}`), weekly())
	var last []missions.Change
	for i := range missions.MaxDistinct {
		last = b.react(t, user("ada", ""), fmt.Sprint("ada-", i), day(3).Add(time.Duration(i)*time.Minute), strconv.Itoa(i))
	}
	require.Equal(t, "400", last[0].CurrentAmount.String())
	require.Empty(t, b.issues)
	require.Empty(t, b.react(t, user("ada", ""), "ada-more", day(4), "300"))
	require.Empty(t, b.react(t, user("ada", ""), "ada-again", day(4), "1"))
	require.Empty(t, b.react(t, user("ada", ""), "ada-list", day(4), "500"))
	require.Len(t, b.issues, 2)
	require.Equal(t, "gave another value than the 200 that are counted", b.issues[0].Reason)
	require.Equal(t, "gave a list, which is neither a text nor a number, and neither true nor false", b.issues[1].Reason)
}

// A list shows what its query asks for, whatever the page.
func TestListsShowWhatIsAskedFor(t *testing.T) {
	b := newBench(t, activity, red, goal("targetAmountExpression", "2"))
	b.join(t, "ada")
	noon := b.now
	hour := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	for i, in := range [][2]time.Time{{hour(0), hour(1)}, {hour(0), hour(2)}, {hour(0), hour(5)}, {hour(0), {}}, {hour(3), hour(4)}} {
		begins := in[0].Add(time.Duration(i) * time.Second) // each has a moment of its own
		_, err := b.Create(t.Context(), missions.NewMission{ConfigurationID: "far", UserID: "ada", StartsAt: begins, EndsAt: in[1]})
		require.NoError(t, err)
		b.now = b.now.Add(time.Second)
		b.react(t, user("ada", ""), fmt.Sprint("ada-", i), b.now, "1")
	}
	b.now = hour(2)
	all, _, err := b.List(t.Context(), "ada", missions.Query{}, store.Page{})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	shown := map[timeframe.State]int{}
	for _, state := range []timeframe.State{"", timeframe.Pending, timeframe.Active, timeframe.Ended} {
		for _, completed := range []*bool{nil, new(true), new(false)} {
			for _, period := range []string{"", all[0].PeriodID, all[len(all)-1].PeriodID, "none"} {
				q := missions.Query{State: state, Completed: completed, PeriodID: period}
				var want, got []string
				for _, m := range all {
					if (state == "" || state == m.State) && (completed == nil || *completed == m.IsCompleted) && (period == "" || period == m.PeriodID) {
						want = append(want, m.ID)
						shown[m.State]++
					}
				}
				page := store.Page{Limit: 1}
				for more := true; more; more = page.Token != "" {
					some, next, err := b.List(t.Context(), "ada", q, page)
					require.NoError(t, err)
					for _, m := range some {
						got = append(got, m.ID)
					}
					page.Token = next
				}
				require.Equal(t, want, got, "%+v", q)
			}
		}
	}
	require.Len(t, shown, 3)
	_, _, err = b.List(t.Context(), "ada", missions.Query{State: "OVER"}, store.Page{})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, _, err = b.GroupList(t.Context(), "red", missions.Query{State: "OVER"}, store.Page{})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestCreateByHand(t *testing.T) {
	b := newBench(t, activity, red, goal(), goal("id", `"ours"`, "missionType", `"GROUP"`))
	b.join(t, "ada")
	five := decimal.NewFromInt(7)
	m, err := b.Create(t.Context(), missions.NewMission{ConfigurationID: "far", UserID: "ada", TargetAmount: &five, CurrentAmount: decimal.NewFromInt(3), EndsAt: day(30)})
	require.NoError(t, err)
	require.Equal(t, "7", m.TargetAmount.String())
	done := b.react(t, user("ada", ""), "e1", day(4), "4")
	require.True(t, done[0].Completed)
	for name, c := range map[string]struct {
		mission missions.NewMission
		want    error
	}{
		"again":                 {missions.NewMission{ConfigurationID: "far", UserID: "ada", EndsAt: day(30)}, fault.ErrExists},
		"unknown configuration": {missions.NewMission{ConfigurationID: "nope", UserID: "ada"}, fault.ErrNotFound},
		"unknown user":          {missions.NewMission{ConfigurationID: "far", UserID: "bob"}, fault.ErrNotFound},
		"unknown tag":           {missions.NewMission{ConfigurationID: "ours", GroupTagID: "blue"}, fault.ErrNotFound},
		"no user":               {missions.NewMission{ConfigurationID: "far"}, fault.ErrInvalid},
		"no group":              {missions.NewMission{ConfigurationID: "ours"}, fault.ErrInvalid},
		"group for a user":      {missions.NewMission{ConfigurationID: "ours", UserID: "ada"}, fault.ErrInvalid},
		"user for a group":      {missions.NewMission{ConfigurationID: "far", GroupTagID: "red"}, fault.ErrInvalid},
		"ends before it starts": {missions.NewMission{ConfigurationID: "far", UserID: "ada", EndsAt: day(1)}, fault.ErrInvalid},
		"target of 0":           {missions.NewMission{ConfigurationID: "far", UserID: "ada", TargetAmount: new(decimal.Decimal)}, fault.ErrInvalid},
		"negative start":        {missions.NewMission{ConfigurationID: "far", UserID: "ada", CurrentAmount: decimal.NewFromInt(-1)}, fault.ErrInvalid},
	} {
		_, err := b.Create(t.Context(), c.mission)
		require.ErrorIs(t, err, c.want, name)
	}
}
