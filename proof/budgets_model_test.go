package proof_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
)

// Whatever is decided, retracted, amended and late, and whoever turns out to be one: what events have drawn of budgets is what is there of what was paid
// for them, and the sums are that of all events.
func TestDrawnIsWhatWasPaid(t *testing.T) {
	f := features{
		missions: true, streaks: true, rewards: true, levels: true, groups: true, fed: true, limits: true, badges: true, tags: true, times: true, moves: true,
		budgets: true, edits: true, reviews: true,
	}
	checkStores(t, func(rt *rapid.T, b *backend) {
		s, w := scenarios(f).Draw(rt, "scenario"), b.empty(rt, founding)
		w.enact(rt, s, s.orders().Draw(rt, "order"), w.records(rt))
		for range rapid.IntRange(1, 8).Draw(rt, "turns") {
			w.turn(rt, s)
		}
		w.checkDrawn(rt, s)
	})
}

// turn lets something happen that changes what was paid. What is refused is no matter.
func (w *world) turn(rt *rapid.T, s *scenario) {
	ctx, a := rt.Context(), author{T: rt}
	what := pick(a, "turn", "decide", "late", "retract", "amend", "merge")
	switch {
	case what == "decide":
		for _, user := range people {
			for _, x := range w.allHistory(rt, user) {
				if x.InitiatorType == economy.ByRewardRule && rapid.Bool().Draw(rt, "decided") {
					w.decide(rt, x)
				}
			}
		}
	case what == "merge":
		_, _ = w.Merge(ctx, "eve", "bob", same)
	case what == "late" || len(s.events) == 0:
		user := pick(a, "user", people...)
		_, err := w.Record(ctx, event.Event{ID: "late-" + w.newID(), UserID: user, EntityID: "run", At: founding.Add(time.Second), Value: new(decimal.NewFromInt(3))})
		require.NoError(rt, err)
	case what == "retract":
		_, _ = w.Retract(ctx, rapid.SampledFrom(s.events).Draw(rt, "gone").ID, guerdon.Correction{Reason: "was none"})
	default:
		e := rapid.SampledFrom(s.events).Draw(rt, "amended").Event
		e.At = e.At.Add(pick(a, "moved", 0, -time.Minute, -24*time.Hour))
		e.Value = new(decimal.NewFromInt(pick[int64](a, "value", 1, 5, 0)))
		_, _ = w.Amend(ctx, e, guerdon.Correction{Reason: "was another"})
	}
}

// decide decides about what was paid.
func (w *world) decide(rt *rapid.T, x economy.Transaction) {
	ctx := rt.Context()
	switch {
	case x.State == economy.Completed:
		_, _ = w.Economy.Reverse(ctx, x.ID, economy.Reversal{Amount: decimal.NewFromInt(1)})
	case x.State != economy.Pending:
	case rapid.Bool().Draw(rt, "voided"):
		_, _ = w.Economy.Void(ctx, x.ID, "")
	case x.HeldForReview && x.ReleasedAt.IsZero():
		_, _ = w.Economy.Release(ctx, []string{x.ID}, "")
	default:
		_, _ = w.Economy.Redeem(ctx, x.UserID, x.ID)
	}
}

// drawing is what is kept of a budget: a sum, or what an event has drawn.
type drawing struct {
	EventID    string `json:"eventId"`
	RuleID     string `json:"rewardRuleId"`
	Place      int    `json:"place"`
	CurrencyID string `json:"virtualCurrencyId"`
	Period     string `json:"periodId"`
	Micros     int64  `json:"micros"`
}

func (d drawing) sum() string { return d.RuleID + ":" + d.CurrencyID + "/" + d.Period }

// drawings are the rows of a table that say what is drawn.
func (w *world) drawings(rt *rapid.T, table string) (all []drawing) {
	i := slices.IndexFunc(w.tables, func(s *store.Schema) bool { return s.Name == table })
	require.NoError(rt, w.store.View(rt.Context(), w.Scope(), func(tx store.Tx) error {
		rows, err := tx.List(rt.Context(), w.tables[i], store.Query{})
		for _, row := range rows {
			var d drawing
			require.NoError(rt, json.Unmarshal([]byte(jsonOf(rt, row.Record)), &d))
			if d.Micros != 0 {
				all = append(all, d)
			}
		}
		return err
	}))
	return all
}

// checkDrawn compares what is kept of budgets with the transactions.
func (w *world) checkDrawn(rt *rapid.T, s *scenario) {
	paid := map[string]string{}
	for _, user := range people {
		for _, x := range w.allHistory(rt, user) {
			if x.InitiatorType == economy.ByRewardRule && (x.State != economy.Rejected || !x.VoidedAt.IsZero()) {
				paid[x.ID] = x.Amount.Shift(6).String()
			}
		}
	}
	var published []string
	for _, doc := range slices.Concat(s.docs, s.late) {
		published = append(published, encoded(doc))
	}
	for _, f := range s.facts {
		published = append(published, f.text)
	}
	sums, drawn := map[string]int64{}, map[string]bool{}
	for _, d := range w.drawings(rt, "reward_allotments") {
		sums[d.sum()] += d.Micros
		drawn[d.EventID+":"+d.RuleID+":"+strconv.Itoa(d.Place)] = true
		of := d.EventID + ":" + d.RuleID + ":"
		if d.Place >= 0 {
			require.Equal(rt, paid[of+strconv.Itoa(d.Place)], strconv.FormatInt(d.Micros, 10), "%+v", d)
			continue
		}
		there := slices.ContainsFunc(published, func(doc string) bool { // a thing is no transaction
			return strings.Contains(doc, `"id":"`+d.RuleID+`"`) && strings.Contains(doc, "rewardType")
		})
		for id := range paid {
			there = there || strings.HasPrefix(id, of)
		}
		require.True(rt, there, "%+v", d)
	}
	for _, doc := range s.docs {
		w.checkPaidIsDrawn(rt, s, doc, paid, drawn)
	}
	kept := map[string]int64{}
	for _, d := range w.drawings(rt, "reward_budgets") {
		kept[d.sum()] = d.Micros
	}
	require.Equal(rt, sums, kept)
}

// checkPaidIsDrawn requires that what a rule that has had one version has paid is drawn of its budgets.
func (w *world) checkPaidIsDrawn(rt *rapid.T, s *scenario, doc object, paid map[string]string, drawn map[string]bool) {
	id := doc["id"].(string)
	if doc["kind"] != "RewardRule" || slices.ContainsFunc(s.facts, func(f fact) bool { return strings.Contains(f.text, id) }) {
		return
	}
	for of := range paid {
		end := strings.LastIndexByte(of, ':')
		if !strings.HasSuffix(of[:end], ":"+id) {
			continue
		}
		if doc["budget"] != nil {
			require.True(rt, drawn[of[:end]+":-1"], "%s is paid, and not drawn", of)
		}
		place, err := strconv.Atoi(of[end+1:])
		require.NoError(rt, err)
		if doc["rewards"].([]object)[place]["budget"] != nil {
			require.True(rt, drawn[of], "%s is paid, and not drawn", of)
		}
	}
}
