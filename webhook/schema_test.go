package webhook_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/webhook"
)

// schemas are those of all types, made so strict that they allow nothing but what they name.
func schemas(t *testing.T) map[webhook.Type]*jsonschema.Schema {
	t.Helper()
	all := map[webhook.Type]*jsonschema.Schema{}
	for _, kind := range webhook.Types() {
		text, err := webhook.Schema(kind, webhook.APIVersion)
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		top := doc.(map[string]any)
		data := top["properties"].(map[string]any)["data"].(map[string]any)
		require.NotEmpty(t, data["properties"])
		top["additionalProperties"], data["additionalProperties"] = false, false
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		require.NoError(t, c.AddResource("mem:///schema.json", doc))
		all[kind], err = c.Compile("mem:///schema.json")
		require.NoError(t, err)
	}
	return all
}

// told validates the messages of an entry and returns their types, and what each said of the fields that are asked for.
func told(t *testing.T, ws *guerdon.Workspace, all map[webhook.Type]*jsonschema.Schema, e *guerdon.Entry) (messages []webhook.Message) {
	t.Helper()
	ids, bodies, err := webhook.Told(ws, e)
	require.NoError(t, err)
	seen := map[string]bool{}
	for i, body := range bodies {
		require.False(t, seen[ids[i]], "an id twice")
		seen[ids[i]] = true
		require.Regexp(t, `^msg_[A-Za-z0-9_-]+$`, ids[i])
		var m webhook.Message
		require.NoError(t, json.Unmarshal([]byte(body), &m))
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		require.NoError(t, err)
		require.Contains(t, all, m.Type)
		require.NoError(t, all[m.Type].Validate(doc), body)
		require.Less(t, len(body), 20<<10)
		messages = append(messages, m)
	}
	return messages
}

// Every change that an entry may have is told by the type that it should be, as its schema says.
func TestWhatEntriesTell(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	w := newWorld(t, memory.New())
	one := decimal.RequireFromString("1.5")
	mission := missions.Change{
		MissionID: "ada:weekly:three:2025-W40", ConfigurationID: "three", ConfigurationVersion: 1, RuleID: "weekly", PeriodID: "2025-W40", UserID: "ada",
		CurrentAmount: one, TargetAmount: &one,
	}
	with := func(change func(*missions.Change)) guerdon.Outcome {
		c := mission
		change(&c)
		return guerdon.Outcome{Missions: []missions.Change{c}}
	}
	streak := func(kind streaks.Kind, goals ...streaks.Goal) guerdon.Outcome {
		return guerdon.Outcome{Streaks: []streaks.Change{{
			RuleID: "daily", ConfigurationID: "any", ConfigurationVersion: 1, UserID: "ada", Day: 20000, Kind: kind, IterationID: 1, Count: 2,
			Status: streaks.Active, Goals: goals,
		}}}
	}
	reward := func(state economy.State, edit ...func(*economy.Change)) guerdon.Outcome {
		c := economy.Change{RewardRuleID: "per-run", RuleVersion: 1, TransactionID: "ada:t", UserID: "ada", CurrencyID: "points", Amount: one, State: state}
		for _, fn := range edit {
			fn(&c)
		}
		return guerdon.Outcome{Transactions: []economy.Change{c}}
	}
	badge := func(undone, kept bool) guerdon.Outcome {
		a := badges.Award{ID: "ada:m:completed:runner:0", UserID: "ada", ConfigurationID: "runner", At: start, RuleID: "runner", Kept: kept}
		return guerdon.Outcome{Badges: []badges.Change{{Award: a, Undone: undone}}}
	}
	late := func(c *economy.Change) { c.Direction, c.At = economy.Credit, start }
	undone := func(c *economy.Change) { late(c); c.Undone = true }
	freeze := func(c *economy.Change) {
		c.RewardRuleID, c.StreakRuleID, c.Direction, c.At = "", "daily", economy.Debit, start
	}
	moved := func(state economy.State, by economy.InitiatorType, initiator string, direction economy.Direction) event.Event {
		return event.Event{
			ID: "ada:t:x", Type: event.VirtualTransaction, EntityID: "points", UserID: "ada", Value: &one, Fields: map[string]any{
				"virtualTransactionId": "ada:t", "state": string(state), "direction": string(direction), "initiatorType": string(by), "initiator": initiator,
			},
		}
	}
	back := moved(economy.Completed, economy.ByReversal, "grace", economy.Debit)
	back.Fields["reversalOf"] = "ada:s"
	path := func(c learning.Change) guerdon.Outcome {
		c.UserID, c.Context, c.ItemType, c.ItemID, c.Version = "ada", "DEFAULT", learning.ItemPath, "basics", 1
		return guerdon.Outcome{Learning: []learning.Change{c}}
	}
	for name, tt := range map[string]struct {
		outcome guerdon.Outcome
		caused  []event.Event
		want    []webhook.Type
		says    string // of the last
	}{
		"assigned":               {with(func(c *missions.Change) { c.Assigned = true }), nil, []webhook.Type{webhook.MissionAssigned}, `"currentAmount":"1.5"`},
		"assigned and completed": {with(func(c *missions.Change) { c.Assigned, c.Completed = true, true }), nil, []webhook.Type{webhook.MissionAssigned, webhook.MissionCompleted}, ""},
		"progressed":             {with(func(*missions.Change) {}), nil, []webhook.Type{webhook.MissionProgressed}, ""},
		"undone":                 {with(func(c *missions.Change) { c.Undone = true }), nil, []webhook.Type{webhook.MissionUndone}, ""},
		"of a group": {
			with(func(c *missions.Change) { c.UserID, c.GroupTagID, c.TargetAmount = "", "team", nil }), nil,
			[]webhook.Type{webhook.MissionProgressed},
			`"groupTagId":"team"`,
		},
		"extended": {
			streak(streaks.Regular, streaks.Goal{GoalID: 1, Target: 2}), nil,
			[]webhook.Type{webhook.StreakExtended, webhook.StreakGoalReached},
			`"goalId":1,"target":2`,
		},
		"frozen":          {streak(streaks.Freeze), nil, []webhook.Type{webhook.StreakFrozen}, `"day":"2024-10-04"`},
		"broken":          {streak(streaks.Missed), nil, []webhook.Type{webhook.StreakBroken}, ""},
		"no day any more": {streak(""), nil, []webhook.Type{webhook.StreakUndone}, ""},
		"several goals": {
			with(func(c *missions.Change) {
				c.Goals = []missions.GoalChange{{GoalID: "run", CurrentAmount: one, TargetAmount: &one, CompletedAt: start}, {GoalID: "swim"}}
			}), nil,
			[]webhook.Type{webhook.MissionProgressed},
			`"goals":[{"goalId":"run","currentAmount":"1.5","targetAmount":"1.5","completedAt":"` + start.Format(time.RFC3339) + `"},{"goalId":"swim","currentAmount":"0"}]`,
		},
		"badge":           {badge(false, false), nil, []webhook.Type{webhook.BadgeAwarded}, `"assignedAt":"` + start.Format(time.RFC3339)},
		"badge revoked":   {badge(true, false), nil, []webhook.Type{webhook.BadgeUndone}, `"rewardRuleId":"runner"`},
		"badge kept":      {badge(true, true), nil, nil, ""},
		"badge inherited": {badge(false, true), nil, []webhook.Type{webhook.BadgeAwarded}, `"rewardRuleId":"runner"`},
		"paid": {
			reward(economy.Completed),
			[]event.Event{moved(economy.Completed, economy.ByRewardRule, "rewardRuleId#per-run", economy.Credit)},
			[]webhook.Type{webhook.RewardPaid, webhook.BalanceChanged},
			`"direction":"CREDIT","amount":"1.5"}`,
		},
		"pending":        {reward(economy.Pending), nil, []webhook.Type{webhook.RewardPending}, ""},
		"rejected":       {reward(economy.Rejected), nil, []webhook.Type{webhook.RewardRejected}, ""},
		"expired late":   {reward(economy.Expired), nil, []webhook.Type{webhook.RewardExpired}, ""},
		"paid otherwise": {reward(economy.Completed, late), nil, []webhook.Type{webhook.RewardPaid, webhook.BalanceChanged}, `"amended":true`},
		"not paid":       {reward(economy.Completed, undone), nil, []webhook.Type{webhook.RewardUndone, webhook.BalanceChanged}, `"direction":"DEBIT","amount":"1.5","undone":true`},
		"paid again": {
			reward(economy.Completed, late),
			[]event.Event{moved(economy.Completed, economy.ByRewardRule, "rewardRuleId#per-run", economy.Credit)},
			[]webhook.Type{webhook.RewardPaid, webhook.BalanceChanged},
			`"direction":"CREDIT","amount":"1.5","amended":true}`,
		},
		"refused after all":    {reward(economy.Rejected, late), nil, []webhook.Type{webhook.RewardRejected, webhook.BalanceChanged}, `"direction":"DEBIT","amount":"1.5","undone":true`},
		"frozen for less":      {reward(economy.Completed, freeze), nil, []webhook.Type{webhook.BalanceChanged}, `"direction":"DEBIT","amount":"1.5","amended":true`},
		"not frozen for once":  {reward(economy.Completed, freeze, func(c *economy.Change) { c.Undone = true }), nil, []webhook.Type{webhook.BalanceChanged}, `"direction":"CREDIT","amount":"1.5","undone":true`},
		"not promised":         {reward(economy.Pending, undone), nil, []webhook.Type{webhook.RewardUndone}, ""},
		"redeemed":             {guerdon.Outcome{}, []event.Event{moved(economy.Completed, economy.ByRewardRule, "rewardRuleId#per-run", economy.Credit)}, []webhook.Type{webhook.RewardPaid, webhook.BalanceChanged}, ""},
		"expired":              {guerdon.Outcome{}, []event.Event{moved(economy.Expired, economy.ByRewardRule, "rewardRuleId#per-run", economy.Credit)}, []webhook.Type{webhook.RewardExpired}, ""},
		"voided":               {guerdon.Outcome{}, []event.Event{moved(economy.Rejected, economy.ByRewardRule, "rewardRuleId#per-run", economy.Credit)}, []webhook.Type{webhook.RewardRejected}, ""},
		"a reversal":           {guerdon.Outcome{}, []event.Event{back}, []webhook.Type{webhook.BalanceChanged}, `"direction":"DEBIT","amount":"1.5","reversalOf":"ada:s"}`},
		"a grant expired":      {guerdon.Outcome{}, []event.Event{moved(economy.Expired, economy.ByAdmin, "host", economy.Credit)}, nil, ""},
		"by who looks like it": {guerdon.Outcome{}, []event.Event{moved(economy.Completed, economy.ByAdmin, "rewardRuleId#per-run", economy.Credit)}, []webhook.Type{webhook.BalanceChanged}, ""},
		"spent":                {guerdon.Outcome{}, []event.Event{moved(economy.Completed, economy.ByAdmin, "host", economy.Debit)}, []webhook.Type{webhook.BalanceChanged}, `"direction":"DEBIT"`},
		"a score": {
			guerdon.Outcome{Scores: []leaderboard.Change{{BoardID: "all-time", PeriodID: "", EntityID: "ada", Score: one, Gone: true}}},
			nil,
			[]webhook.Type{webhook.ScoreChanged},
			`"gone":true`,
		},
		"path assigned":  {path(learning.Change{Assigned: true, AssignmentID: "a", RuleID: "r", RuleVersion: 1}), nil, []webhook.Type{webhook.PathAssigned}, ""},
		"path unlocked":  {path(learning.Change{Unlocked: true, AssignmentID: "a"}), nil, []webhook.Type{webhook.PathUnlocked}, ""},
		"path begun":     {path(learning.Change{Progress: learning.Start}), nil, nil, ""},
		"path completed": {path(learning.Change{Progress: learning.Complete, Outcome: event.Success}), nil, []webhook.Type{webhook.PathCompleted}, `"learningPathId":"basics"`},
		"path moved":     {path(learning.Change{Progress: learning.Complete, Moved: true}), nil, nil, ""},
		"path undone":    {path(learning.Change{Progress: learning.InProgress, Undone: true}), nil, []webhook.Type{webhook.PathUndone}, ""},
		"a quiz": {
			guerdon.Outcome{Learning: []learning.Change{{UserID: "ada", ItemType: learning.ItemQuiz, ItemID: "q", Progress: learning.Complete}}}, nil, nil, "",
		},
		"a problem": {
			guerdon.Outcome{Problems: []event.Problem{{Source: "RewardRule/per-run", Reason: "<" + strings.Repeat("é", 30<<10)}}},
			nil,
			[]webhook.Type{webhook.RuleProblem},
			`"reason":"<éé`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &guerdon.Entry{Event: run("one", "ada", start), Caused: tt.caused, Outcome: tt.outcome}
			e.Outcome.Seq = 7
			messages := told(t, w.Workspace, all, e)
			var kinds []webhook.Type
			for _, m := range messages {
				kinds = append(kinds, m.Type)
				require.Equal(t, int64(7), m.Sequence)
				require.Equal(t, "one", m.EventID)
			}
			require.Equal(t, tt.want, kinds)
			if tt.says != "" {
				require.Contains(t, string(messages[len(messages)-1].Data), tt.says)
			}
		})
	}
}

// What the clock did about nobody tells of a board, and of nothing else.
func TestBoardClosed(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	w := newWorld(t, memory.New())
	w.set(start.AddDate(0, 0, 3))
	require.NoError(t, w.Advance(t.Context()))
	entries, _, err := w.Entries(t.Context(), guerdon.EntryFilter{Type: event.Clock, EntityID: "monthly"}, store.Page{Limit: 1})
	require.NoError(t, err)
	messages := told(t, w.Workspace, all, &entries[0])
	require.Len(t, messages, 1)
	require.Equal(t, webhook.BoardClosed, messages[0].Type)
	require.Equal(t, time.Date(2025, 10, 1, 0, 0, 0, 0, time.UTC), messages[0].Timestamp)
	require.JSONEq(t, `{"runtimeLeaderboardId":"monthly","periodId":"MONTHLY-2025-09-01T00:00:00.000Z-2025-10-01T00:00:00.000Z","timeframeType":"RECURRING",
		"recurrence":"MONTHLY","timeframeStartsAt":"2025-09-01T00:00:00Z","timeframeEndsAt":"2025-10-01T00:00:00Z"}`, string(messages[0].Data))
	other := entries[0]
	other.Event.Fields = map[string]any{"kind": "StreakRule"}
	require.Empty(t, told(t, w.Workspace, all, &other))
}

// What a game gives rise to is as the schemas say, what comes late included, and its ids are those of another process.
func TestMessagesOfAGame(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	w := newWorld(t, memory.New())
	for day := range 6 {
		w.set(start.AddDate(0, 0, day))
		if day != 2 {
			w.runs(t, 2, "ada", "bob")
		}
		require.NoError(t, w.Advance(t.Context()))
	}
	_, err := w.Record(t.Context(), run("late", "ada", start.AddDate(0, 0, 2).Add(time.Minute)))
	require.NoError(t, err)
	_, err = w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(1)})
	require.NoError(t, err)
	seen := map[webhook.Type]bool{}
	entries, err := w.Journal(t.Context(), 0)
	require.NoError(t, err)
	for i := range entries {
		for _, m := range told(t, w.Workspace, all, &entries[i]) {
			seen[m.Type] = true
		}
	}
	for _, kind := range []webhook.Type{
		webhook.MissionAssigned, webhook.MissionProgressed, webhook.MissionCompleted, webhook.StreakExtended, webhook.StreakBroken,
		webhook.StreakGoalReached, webhook.RewardPaid, webhook.BalanceChanged, webhook.ScoreChanged, webhook.BoardClosed,
	} {
		require.Contains(t, seen, kind)
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	_, err := webhook.Schema("mission.exploded", webhook.APIVersion)
	requireField(t, err, fault.ErrInvalid, "type")
	_, err = webhook.Schema(webhook.RewardPaid, "2025-10-01")
	requireField(t, err, fault.ErrInvalid, "apiVersion")
}
