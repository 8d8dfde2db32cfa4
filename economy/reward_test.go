package economy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/timeframe"
)

type edits = []func(*economy.RewardRule)

func TestResolution(t *testing.T) {
	t.Parallel()
	const no = `{"==": [{"var": "event.outcome"}, "FAILURE"]}`
	for _, tt := range []struct {
		name  string
		rules []edits
		want  []string // the amounts paid
	}{
		{"nothing", nil, nil},
		{"every always rule", []edits{{pays("gold", "1")}, {pays("gold", "2")}}, []string{"1", "2"}},
		{"always shuts out fallback", []edits{{pays("gold", "1"), mode(economy.Fallback)}, {pays("gold", "2")}}, []string{"2"}},
		{"every fallback rule", []edits{{pays("gold", "1"), mode(economy.Fallback)}, {pays("gold", "2"), mode(economy.Fallback)}}, []string{"1", "2"}},
		{"fallback if no always condition holds", []edits{{pays("gold", "1"), mode(economy.Fallback)}, {pays("gold", "2"), when(no)}}, []string{"1"}},
		{"conditions of fallbacks count", []edits{{pays("gold", "1"), mode(economy.Fallback), when(no)}}, nil},
		{"disabled", []edits{{pays("gold", "1"), mode(economy.Disabled)}, {pays("gold", "2"), mode(economy.Fallback)}}, []string{"2"}},
		{"an always rule that pays nothing matches still", []edits{{pays("gold", "0")}, {pays("gold", "2"), mode(economy.Fallback)}}, nil},
		{"other entities", []edits{{pays("gold", "1"), entity("Quiz")}, {pays("gold", "2"), instance("Activity", "review")}}, nil},
		{"entity, instance and tag at once", []edits{{pays("gold", "1"), tagged("t1")}, {pays("gold", "2"), instance("Activity", "commit")}, {pays("gold", "3")}}, []string{"1", "2", "3"}},
		{"another tag", []edits{{pays("gold", "1"), tagged("t2")}}, nil},
		{"the value", []edits{{pays("gold", `{"*": [{"var": "event.value"}, 2.5]}`)}}, []string{"10"}},
		{"the value at top level", []edits{{pays("gold", `{"var": "value"}`)}}, []string{"4"}},
		{"null is 1", []edits{{pays("gold", "null")}}, []string{"1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.coin(t, "gold", "", "")
			w.publishMatched(t)
			for i, edit := range tt.rules {
				w.now = w.now.Add(time.Second) // rules apply in the order of creation
				w.rule(t, fmt.Sprintf("r%d", 9-i), edit...)
			}
			e := activity("e1", "ada", start)
			e.Value, e.EntityTags = optional("4"), []string{"t1"}
			changes, problems := w.record(t, e)
			require.Empty(t, problems)
			var got []string
			for _, c := range changes {
				require.Equal(t, economy.Completed, c.State)
				got = append(got, c.Amount.String())
			}
			require.Equal(t, tt.want, got)
			require.True(t, w.verify(t).OK())
		})
	}
}

// publishMatched publishes what the rules of TestResolution are about.
func (w *world) publishMatched(t failer) {
	for _, id := range []string{"commit", "review"} {
		a := content.Activity{Name: id}
		a.ID, a.DefaultLang, a.Translations = id, "en", []content.Label{{Lang: "en", Label: id}}
		_, err := w.activities.Create(w.ctx, a)
		require.NoError(t, err)
		_, err = w.activities.Publish(w.ctx, id)
		require.NoError(t, err)
	}
	tags := content.NewDocuments(w.run, w.lib, content.Tags)
	for _, id := range []string{"t1", "t2"} {
		tag := content.Tag{Namespace: "n", Variant: id}
		tag.ID, tag.DefaultLang, tag.Translations = id, "en", []content.Label{{Lang: "en", Label: id}}
		_, err := tags.Create(w.ctx, tag)
		require.NoError(t, err)
		_, err = tags.Publish(w.ctx, id)
		require.NoError(t, err)
	}
}

func entity(name string) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) { r.MatchEntity = name }
}

func instance(name, id string) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) {
		r.RuleType, r.MatchEntity, r.MatchEntityID = event.MatchInstance, name, id
	}
}

func tagged(id string) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) {
		r.RuleType, r.MatchEntity, r.MatchEntityID = event.MatchTag, event.Tag, id
	}
}

func TestReward(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "")
	w.coin(t, "gems", "", "")
	w.rule(t, "r1", func(r *economy.RewardRule) {
		r.Rewards = append(r.Rewards, economy.Reward{CurrencyID: "gems", RedemptionMode: economy.Manual, Expression: expr("2.5")})
	})
	at := start.Add(-time.Hour)
	changes, problems := w.record(t, activity("e1", "ada", at))
	require.Empty(t, problems)
	require.Len(t, changes, 2)
	require.Equal(t, economy.Change{RewardRuleID: "r1", RuleVersion: 1, TransactionID: "e1:r1:0", UserID: "ada", CurrencyID: "gold", Amount: changes[0].Amount, State: economy.Completed}, changes[0])
	require.Equal(t, "1/1", w.balance(t, "ada", "gold"))
	require.Equal(t, "2.5/0", w.balance(t, "ada", "gems"))

	gold, err := w.Transaction(t.Context(), "e1:r1:0")
	require.NoError(t, err)
	require.Equal(t, economy.Transaction{
		ID: "e1:r1:0", GroupID: "e1", UserID: "ada", CurrencyID: "gold", RedemptionMode: economy.Auto, State: economy.Completed,
		Direction: economy.Credit, Amount: gold.Amount, InitiatorType: economy.ByRewardRule, Initiator: "rewardRuleId#r1", RuleVersion: 1,
		CounterpartType: economy.PartySystem, Counterpart: "SYSTEM", At: at, CreatedAt: start, UpdatedAt: start,
	}, gold)

	require.Len(t, w.events, 1, "what is pending has not happened yet")
	e := w.events[0]
	require.Equal(t, "e1:r1:0:completed", e.ID)
	require.Equal(t, event.VirtualTransaction, e.Type)
	require.Equal(t, "gold", e.EntityID)
	require.Equal(t, at, e.At)
	require.Equal(t, "1 CREDIT", fmt.Sprint(e.Fields["amount"], " ", e.Fields["direction"]))
	require.Equal(t, "COMPLETED", e.Fields["state"])

	w.publishMatched(t)
	w.rule(t, "r2", tagged("t1"))
	e.EntityTags = []string{"t1"}
	changes, _ = w.record(t, e)
	require.Empty(t, changes, "payments are not paid for")

	w.now = w.now.Add(time.Minute)
	rows, err := w.Redeem(t.Context(), "ada", "e1:r1:1")
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, w.now, rows[0].RedeemedAt)
	require.Equal(t, "2.5/2.5", w.balance(t, "ada", "gems"))
	require.Len(t, w.events, 2)
	require.Equal(t, w.now, w.events[1].At)
}

func TestRewardProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, amount, field, reason string
	}{
		{"absent", `{"var": "additionalData.x"}`, "rewards[0].expression", "gave null"},
		{"text", `{"var": "event.additionalData.text"}`, "rewards[0].expression", "gave a text"},
		{"not a number", `{"/": [1, {"-": [{"var": "value"}, 1]}]}`, "rewards[0].expression", "not a number"},
		{"too fine", `{"/": [{"var": "value"}, 3]}`, "rewards[0].expression", "finer"},
		{"negative", `{"-": [{"var": "value"}, 5]}`, "rewards[0].expression", "gave -4"},
		{"bound", `{"*": [{"var": "value"}, 100.5]}`, "rewards[0]", "bound of 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.coin(t, "gold", "", "100")
			w.rule(t, "r1", pays("gold", tt.amount))
			w.rule(t, "r2", pays("gold", "7"))
			e := activity("e1", "ada", start)
			e.Data = map[string]any{"text": "7"}
			changes, problems := w.record(t, e)
			require.Len(t, problems, 1)
			require.Equal(t, "RewardRule/r1", problems[0].Source)
			require.Equal(t, tt.field, problems[0].Field)
			require.Contains(t, problems[0].Reason, tt.reason)
			require.Equal(t, "r2", changes[len(changes)-1].RewardRuleID, "a problem does not stop the rest")
			require.Equal(t, "7/7", w.balance(t, "ada", "gold"))
			require.Len(t, w.events, 1)
			require.True(t, w.verify(t).OK())
			if tt.name == "bound" {
				require.Equal(t, economy.Rejected, changes[0].State)
				row, err := w.Transaction(t.Context(), changes[0].TransactionID)
				require.NoError(t, err)
				require.Equal(t, economy.Rejected, row.State)
			}
		})
	}
}

func TestArchivedCurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "")
	w.rule(t, "r1")
	w.grant(t, "ada", "gold", "3")
	_, err := w.Currencies.Archive(t.Context(), "gold")
	require.ErrorIs(t, err, fault.ErrConflict, "a rule pays it")
	_, err = w.RewardRules.Archive(t.Context(), "r1")
	require.NoError(t, err)
	_, err = w.Currencies.Archive(t.Context(), "gold")
	require.NoError(t, err)
	b, err := w.Balance(t.Context(), "ada", "gold")
	require.NoError(t, err)
	require.False(t, b.IsActive)
	_, err = w.Balance(t.Context(), "bob", "gold")
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestMaxPerUser(t *testing.T) {
	t.Parallel()
	day := func(n, hour int) time.Time { return time.Date(2025, 9, n, hour, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name string
		per  timeframe.Calendar
		at   []time.Time
		want string
	}{
		{"for ever", "", []time.Time{day(1, 1), day(2, 1), day(20, 1)}, "2/2"},
		{"a day", timeframe.ByDay, []time.Time{day(1, 1), day(1, 2), day(1, 3), day(2, 1)}, "3/3"},
		{"a day of the user's", timeframe.ByDay, []time.Time{day(1, 1), day(1, 2), day(1, 23), day(2, 1), day(2, 3)}, "4/4"},
		{"a week", timeframe.ByWeek, []time.Time{day(1, 1), day(6, 1), day(7, 1), day(8, 1)}, "3/3"},
		{"a month", timeframe.ByMonth, []time.Time{day(1, 1), day(15, 1), day(30, 1), day(31, 1)}, "3/3"},
		{"late events count in their period", timeframe.ByDay, []time.Time{day(2, 1), day(2, 2), day(1, 1), day(2, 3)}, "3/3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.coin(t, "gold", "", "")
			w.coin(t, "silver", "", "")
			w.rule(t, "r1", func(r *economy.RewardRule) {
				r.MaxPerUser, r.Per = 2, tt.per
				r.Rewards = append(r.Rewards, economy.Reward{CurrencyID: "gold", RedemptionMode: economy.Auto, Expression: expr("0")})
			})
			w.rule(t, "r2", mode(economy.Fallback), pays("silver", "1"))
			if tt.name == "a day of the user's" {
				w.put(t, "users", `{"userId": "ada", "role": "member", "status": "active", "timezone": "Asia/Tokyo"}`)
			}
			for i, at := range tt.at {
				w.record(t, activity(fmt.Sprintf("e%d", i), "ada", at))
			}
			require.Equal(t, tt.want, w.balance(t, "ada", "gold"))
			silver, err := w.Balance(t.Context(), "ada", "silver")
			require.NoError(t, err)
			gold, err := w.Balance(t.Context(), "ada", "gold")
			require.NoError(t, err)
			require.Equal(t, int64(len(tt.at)), silver.Amount.Add(gold.Amount).IntPart(), "an exhausted rule makes way for the fallback")
			w.record(t, activity("other", "bob", tt.at[0]))
			require.Equal(t, "1/1", w.balance(t, "bob", "gold"), "each user has a count")
		})
	}
}

// A rule is counted once for an event, however many rewards it has, and not at all if none was paid.
func TestMaxPerUserCountsEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "5")
	w.rule(t, "r1", func(r *economy.RewardRule) {
		r.MaxPerUser = 3
		r.Rewards = []economy.Reward{
			{CurrencyID: "gold", RedemptionMode: economy.Auto, Expression: expr(`{"var": "value"}`)},
			{CurrencyID: "gold", RedemptionMode: economy.Auto},
		}
	})
	for i, step := range []struct{ value, want string }{
		{"1", "2/2"}, // counted once
		{"9", "3/3"}, // the first reward is rejected, the second counts
		{"1", "5/5"},
		{"1", "5/5"}, // exhausted
	} {
		e := activity(fmt.Sprintf("e%d", i), "ada", start)
		e.Value = optional(step.value)
		w.record(t, e)
		require.Equal(t, step.want, w.balance(t, "ada", "gold"), i)
	}
	for i := range 4 {
		e := activity(fmt.Sprintf("bob%d", i), "bob", start)
		e.Value = optional("5")
		changes, _ := w.record(t, e)
		if i == 0 {
			require.Equal(t, economy.Rejected, changes[1].State)
			continue
		}
		require.Len(t, changes, 2, "what is rejected is not counted")
	}
}

func TestOrderOfArrival(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.Event {
			e := activity("", rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "user"), start.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "minutes"))*time.Minute))
			e.Value = new(decimal.NewFromInt(rapid.Int64Range(1, 3).Draw(t, "value")))
			return e
		}), 1, 6).Draw(t, "events")
		for i := range events {
			events[i].ID = fmt.Sprintf("e%d", i)
		}
		replay := func(events []event.Event) string {
			w := newWorld(t)
			w.coin(t, "gold", "", "")
			w.rule(t, "r1", pays("gold", `{"var": "value"}`), when(`{">": [{"var": "value"}, 1]}`))
			w.rule(t, "r2", mode(economy.Fallback), func(r *economy.RewardRule) { r.Rewards[0].RedemptionMode = economy.Manual })
			for _, e := range events {
				w.record(t, e)
			}
			return w.dump(t)
		}
		require.Equal(t, replay(events), replay(rapid.Permutation(events).Draw(t, "order")))
	})
}

func TestValidation(t *testing.T) {
	t.Parallel()
	currency := func(edit func(*economy.Currency)) content.Document {
		c := economy.Currency{Name: "Gold"}
		c.Translations = []content.Label{{Lang: "en", Label: "Gold"}}
		edit(&c)
		return &c
	}
	rule := func(edit ...func(*economy.RewardRule)) content.Document {
		r := rewardRule("r1", edit...)
		return &r
	}
	for _, tt := range []struct {
		doc  content.Document
		want string // "" for none
	}{
		{currency(func(*economy.Currency) {}), ""},
		{currency(func(c *economy.Currency) { c.Name = "" }), "name: is empty"},
		{currency(func(c *economy.Currency) { c.Translations[0].Label = "" }), "translations[0].label: is empty"},
		{currency(func(c *economy.Currency) { c.Icon = "coin.png" }), "icon: "},
		{currency(func(c *economy.Currency) { c.Icon = "https://example.org/coin.png" }), ""},
		{currency(func(c *economy.Currency) { c.MinAllowedBalance = optional("1") }), "minAllowedBalance: is above 0"},
		{currency(func(c *economy.Currency) { c.MaxAllowedBalance = optional("-1") }), "maxAllowedBalance: is below 0"},
		{currency(func(c *economy.Currency) { c.MaxAllowedBalance = optional("0.0000001") }), "maxAllowedBalance: is finer"},
		{rule(), ""},
		{rule(func(r *economy.RewardRule) { r.Name = "" }), "name: is empty"},
		{rule(func(r *economy.RewardRule) { r.RuleType = "ALL" }), `ruleType: "ALL" is none of`},
		{rule(entity("VirtualTransaction")), `matchEntity: "VirtualTransaction" is none of`},
		{rule(entity("Clock")), `matchEntity: "Clock" is none of`},
		{rule(entity("Streak")), ""},
		{rule(instance("Activity", "")), "matchEntityId: is empty"},
		{rule(mode("SOMETIMES")), "applicationMode: "},
		{rule(when("false")), "matchCondition: makes the condition always false"},
		{rule(when(`{"=": [1, 1]}`)), "matchCondition"},
		{rule(when(`{"var": "event.valeu"}`)), "did you mean"},
		{rule(when(`{"var": "event.amount"}`)), "event has activityId, additionalData, "},
		{rule(when(`{"var": "previousEvent.progress"}`)), "it must begin with one of activityId, "},
		{rule(func(r *economy.RewardRule) { r.Rewards = nil }), "rewards: are 0"},
		{rule(func(r *economy.RewardRule) { r.Rewards = make([]economy.Reward, 11) }), "rewards: are 11"},
		{rule(func(r *economy.RewardRule) { r.Rewards[0].CurrencyID = "" }), "rewards[0].virtualCurrencyId: is empty"},
		{rule(func(r *economy.RewardRule) { r.Rewards[0].RedemptionMode = "" }), "rewards[0].redemptionMode: "},
		{rule(pays("gold", "-1")), "rewards[0].expression: gave -1, which is less than 0"},
		{rule(pays("gold", `"five"`)), "rewards[0].expression: gave"},
		{rule(pays("gold", "0.0000001")), "rewards[0].expression: is finer"},
		{rule(pays("gold", `{"plus": [1]}`)), "rewards[0].expression"},
		{rule(func(r *economy.RewardRule) { r.MaxPerUser = -1 }), "maxPerUser: is -1"},
		{rule(func(r *economy.RewardRule) { r.Per = timeframe.ByDay }), "per: needs maxPerUser"},
		{rule(func(r *economy.RewardRule) { r.MaxPerUser, r.Per = 1, "HOUR" }), `per: "HOUR" is none of`},
	} {
		err := tt.doc.Validate()
		if tt.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, fault.ErrInvalid, tt.want)
		require.ErrorContains(t, err, tt.want)
	}
	var named []string
	for _, doc := range []content.Document{rule(), rule(instance("Mission", "m1")), rule(tagged("t1"))} {
		for _, ref := range doc.References() {
			named = append(named, fmt.Sprint(ref))
		}
	}
	gold := "{rewards[0].virtualCurrencyId VirtualCurrency gold false}"
	require.Equal(t, []string{gold, "{matchEntityId MissionConfiguration m1 false}", gold, "{matchEntityId Tag t1 false}", gold}, named)
}
