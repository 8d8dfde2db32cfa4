package proof_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/streaks"
)

// explained are the programs for which explanations are checked.
var explained = []struct {
	name string
	features
}{
	{"missions", features{missions: true, groups: true, goals: true, chains: true, counts: true, times: true, clock: true, edits: true}},
	{"everything", features{
		missions: true, groups: true, streaks: true, freezes: true, rewards: true, limits: true, boards: true, learning: true, badges: true, levels: true, tags: true,
		goals: true, chains: true, fed: true, times: true, counts: true, money: true, moves: true, locks: true, byHand: true, clock: true, edits: true, reviews: true, budgets: true,
	}},
	{"late documents", features{missions: true, goals: true, chains: true, streaks: true, rewards: true, boards: true, learning: true, levels: true, fed: true, limits: true, later: true}},
}

// kinds are those of what can be explained, by the first letters of the ids.
var kinds = map[byte]string{
	'm': "MissionConfiguration", 'r': "MissionRule", 'w': "RewardRule", 's': "StreakRule", 'b': "RuntimeLeaderboard", 'p': "LearningPath",
	'l': "LearningPathRule", 'd': "Ladder", 'x': "Boost",
}

// moved tells what an outcome says about a document.
func moved(o *guerdon.Outcome, kind, id string) bool {
	switch kind {
	case "MissionRule":
		return slices.ContainsFunc(o.Missions, func(c missions.Change) bool { return c.RuleID == id && c.Assigned })
	case "MissionConfiguration":
		return slices.ContainsFunc(o.Missions, func(c missions.Change) bool { return c.ConfigurationID == id && c.Counted() })
	case "RewardRule":
		return slices.ContainsFunc(o.Transactions, func(c economy.Change) bool { return c.RewardRuleID == id && c.State != economy.Rejected })
	case "StreakRule":
		return slices.ContainsFunc(o.Streaks, func(c streaks.Change) bool {
			return c.RuleID == id && c.Kind != ""
		})
	}
	if kind == "Boost" {
		return slices.ContainsFunc(o.Transactions, func(c economy.Change) bool {
			return c.State != economy.Rejected && slices.ContainsFunc(c.Boosts, func(b economy.Boosted) bool { return b.BoostID == id })
		})
	}
	if kind == "Ladder" {
		return slices.ContainsFunc(o.Levels, func(c levels.Change) bool { return c.LadderID == id })
	}
	if kind == "LearningPath" {
		return slices.ContainsFunc(o.Learning, func(c learning.Change) bool {
			return c.ItemType == learning.ItemPath && c.ItemID == id && c.AssignmentID == ""
		})
	}
	if kind == "LearningPathRule" {
		return slices.ContainsFunc(o.Learning, func(c learning.Change) bool { return c.RuleID == id && (c.Assigned || c.Unlocked) })
	}
	return slices.ContainsFunc(o.Scores, func(c leaderboard.Change) bool { return c.BoardID == id })
}

// A question is why an event did what it did to a document.
type question struct{ event, kind, id string }

// inquirer is a world in which some things are asked as they happen, every so many-th.
type inquirer struct {
	*world

	every, asked int
	answers      map[question]string
	head         int64
	latest       time.Time // when the last happened of what was recorded
}

// records returns what records deliveries. Events by themselves are tried before, and what they and all else did is
// asked for.
func (i *inquirer) records(rt *rapid.T, s *scenario) func(delivery) {
	record := i.world.records(rt)
	return func(d delivery) {
		if len(d.events) > 1 {
			record(d)
		} else {
			predicted, err := i.DryRun(rt.Context(), d.events[0])
			require.NoError(rt, err)
			outcome, err := i.Record(rt.Context(), d.events[0])
			require.NoError(rt, err)
			require.JSONEq(rt, jsonOf(rt, outcome), jsonOf(rt, predicted))
		}
		docs := s.docs
		if !i.now.Load().Before(s.publishAt) {
			docs = slices.Concat(docs, s.late)
		}
		i.ask(rt, docs)
	}
}

// ask asks why the newest entries of the journal did what they did to some of the documents.
func (i *inquirer) ask(rt *rapid.T, docs []object) {
	entries, err := i.Journal(rt.Context(), i.head)
	require.NoError(rt, err)
	for _, entry := range entries {
		i.head = entry.Outcome.Seq
		for _, doc := range docs[len(ground()):] {
			id := doc["id"].(string)
			if i.asked++; kinds[id[0]] == doc["kind"] && i.asked%i.every == 0 {
				i.answers[question{entry.Event.ID, kinds[id[0]], id}] = i.explained(rt, &entry, kinds[id[0]], id)
			}
		}
		if entry.Event.At.After(i.latest) {
			i.latest = entry.Event.At
		}
	}
}

// explained returns an explanation that agrees with the outcome. That the event came late explains only what was
// late.
func (i *inquirer) explained(rt *rapid.T, entry *guerdon.Entry, kind, id string) string {
	x, err := i.Explain(rt.Context(), entry.Event.ID, kind, id)
	require.NoError(rt, err)
	require.Equal(rt, moved(&entry.Outcome, kind, id), x.Moved, "%s", x)
	require.NotEmpty(rt, x.Checks)
	if slices.ContainsFunc(x.Checks, func(c rule.Check) bool { return strings.HasPrefix(c.Reason, "the event came late") }) {
		require.False(rt, entry.Event.At.After(i.latest), "%s", x)
	}
	last := len(x.Checks) - 1
	for i, c := range x.Checks {
		require.NotEmpty(rt, c.Reason)
		require.Equal(rt, i < last || x.Moved, c.Holds, "%s", x)
	}
	return lasting(x)
}

// lasting is what of an explanation must not change. Only since when a day counts may be known better.
func lasting(x guerdon.Explanation) string {
	text, _, _ := strings.Cut(x.String(), ", since ")
	return text
}

// Whatever the program and whatever happened before and after, Explain says that something moved
// exactly if the outcome says so, and then every check holds; otherwise the last one, and no other,
// does not. What happens later changes no explanation. And what DryRun says is what Record then says.
func TestExplainAgreesWithTheOutcome(t *testing.T) {
	for _, d := range explained {
		t.Run(d.name, func(t *testing.T) {
			checkStores(t, func(rt *rapid.T, b *backend) {
				s := scenarios(d.features).Draw(rt, "scenario")
				o := s.orders().Draw(rt, "order")
				i := &inquirer{world: b.empty(rt, founding), answers: map[question]string{}, every: rapid.SampledFrom([]int{7, 13, 23}).Draw(rt, "every")}
				i.enact(rt, s, o, i.records(rt, s))
				met := map[string][]guerdon.Explanation{} // by events
				for q, before := range i.answers {
					x, err := i.Explain(rt.Context(), q.event, q.kind, q.id)
					require.NoError(rt, err)
					require.Equal(rt, before, lasting(x))
					if met[q.event] == nil {
						met[q.event], err = i.ExplainAll(rt.Context(), q.event)
						require.NoError(rt, err)
					}
					at := slices.IndexFunc(met[q.event], func(x guerdon.Explanation) bool { return x.Kind == q.kind && x.ID == q.id })
					if at < 0 {
						require.Contains(rt, before, " did not move ", "it is not among all")
					} else {
						require.Equal(rt, before, lasting(met[q.event][at]), "asked together with all")
					}
				}
			})
		})
	}
}

// formula is a condition of and, or and ! in which each leaf reads a field of its own.
type formula struct {
	expression any
	leaves     []leaf
}

// leaf is what a leaf of a formula reads.
type leaf struct {
	path string
	good bool   // what the leaf must be for the formula to hold
	ways [2]any // values with which the leaf does not hold, and does
}

// draw returns a formula that is to hold, or is not.
func (f *formula) draw(a author, depth int, good bool) any {
	if depth == 0 || pick(a, "leaf", true, false, false) {
		path := "event.additionalData.f" + strconv.Itoa(len(f.leaves))
		kind := pick(a, "kind", 0, 1, 2, 3)
		f.leaves = append(f.leaves, leaf{path, good, [][2]any{{false, true}, {"no", "yes"}, {4.0, 5.0}, {nil, "b"}}[kind]})
		return []any{
			variable(path),
			object{"==": []any{variable(path), "yes"}},
			object{">=": []any{variable(path), 5}},
			object{"in": []any{variable(path), []any{"a", "b"}}},
		}[kind]
	}
	op := pick(a, "operator", "and", "or", "!")
	if op == "!" {
		return object{"!": f.draw(a, depth-1, !good)}
	}
	var args []any
	for range rapid.IntRange(2, 3).Draw(a.T, "arguments") {
		args = append(args, f.draw(a, depth-1, good))
	}
	return object{op: args}
}

// data returns the data that makes each leaf good or bad.
func (f *formula) data(good []bool) object {
	data := object{}
	for i, l := range f.leaves {
		way := 0
		if good[i] == l.good {
			way = 1
		}
		data["f"+strconv.Itoa(i)] = l.ways[way]
	}
	return data
}

// publishFormula draws a formula and makes it the condition of a rule.
func (w *world) publishFormula(t *rapid.T) *formula {
	f := &formula{}
	f.expression = f.draw(author{T: t}, 3, true)
	w.publish(t, document("RewardRule", "formula", object{
		"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": f.expression,
		"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
	}))
	return f
}

// ask records an event and returns the leaves that Explain names, none if the event moved the rule.
func (w *world) ask(t *rapid.T, f *formula, id string, good []bool) []int {
	_, err := w.Record(t.Context(), event.Event{ID: id, UserID: "ada", EntityID: "swim", Data: f.data(good)})
	require.NoError(t, err)
	x, err := w.Explain(t.Context(), id, "RewardRule", "formula")
	require.NoError(t, err)
	if x.Moved {
		return nil
	}
	last := x.Checks[len(x.Checks)-1]
	require.Equal(t, "matchCondition", last.Name)
	var named []int
	for _, d := range last.Trace.Decisive() {
		for d.Path() == "" {
			d = &d.Args()[0]
		}
		require.Contains(t, last.Reason, d.Path())
		named = append(named, slices.IndexFunc(f.leaves, func(l leaf) bool { return l.path == d.Path() }))
	}
	require.NotEmpty(t, named)
	return named
}

// If one field alone keeps an event from counting, Explain names it and no other, and the same event
// with another value there counts.
func TestExplainNamesTheFieldThatFlipsTheVerdict(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w := b.world(rt)
		f := w.publishFormula(rt)
		good := slices.Repeat([]bool{true}, len(f.leaves))
		culprit := rapid.IntRange(0, len(good)-1).Draw(rt, "culprit")
		good[culprit] = false
		named := w.ask(rt, f, "bad", good)
		if named == nil {
			return // another leaf makes up for it
		}
		require.Equal(rt, []int{culprit}, named)
		good[culprit] = true
		require.Empty(rt, w.ask(rt, f, "good", good))
	})
}

// Whoever changes what Explain names, again and again, gets the event to count, and is never told to
// change the same field twice.
func TestExplainLeadsToTheGoal(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w := b.world(rt)
		f := w.publishFormula(rt)
		good := rapid.SliceOfN(rapid.Bool(), len(f.leaves), len(f.leaves)).Draw(rt, "good")
		for n := 0; ; n++ {
			named := w.ask(rt, f, fmt.Sprint("e", n), good)
			if len(named) == 0 {
				return
			}
			for _, i := range named {
				require.False(rt, good[i], "leaf %d was good", i)
				good[i] = true
			}
		}
	})
}
