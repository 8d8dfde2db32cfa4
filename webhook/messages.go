package webhook

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
)

// A notice is one message that an entry of the journal gives rise to, before it is for somebody.
type notice struct {
	kind Type
	// about is the user whom it is about, "" for nobody; lane is what is told in order, a user or a group.
	about, lane string
	data        any
	nth         int // of those of its kind in the entry
}

// maxReason is how much of a problem is told, in bytes.
const maxReason = 1000

// initiatorPrefix is what the initiator of a reward's transaction begins with, before the rule's id.
const initiatorPrefix = "rewardRuleId#"

// notices returns what an entry gives rise to, always in the same order.
func notices(e *guerdon.Entry) []notice {
	n := &noting{times: map[Type]int{}, told: map[string]bool{}, moved: map[string]bool{}, late: map[string]bool{}}
	o := &e.Outcome
	for i := range o.Missions {
		n.mission(&o.Missions[i])
	}
	for i := range o.Streaks {
		n.streak(&o.Streaks[i])
	}
	events := append([]event.Event{e.Event}, e.Caused...)
	for i := range events {
		if ev := &events[i]; ev.Type == event.VirtualTransaction && fieldOf(ev, "state") == string(economy.Completed) {
			n.moved[fieldOf(ev, "virtualTransactionId")] = true
		}
	}
	for i := range o.Transactions {
		if c := &o.Transactions[i]; c.TransactionID != "" {
			n.reward(c)
		}
	}
	for i := range events {
		if events[i].Type == event.VirtualTransaction {
			n.transaction(&events[i])
		}
	}
	for i := range o.Badges {
		n.badge(&o.Badges[i])
	}
	for i := range o.Scores {
		n.score(&o.Scores[i], e.Event.UserID)
	}
	n.board(&e.Event)
	for i := range o.Learning {
		n.learning(&o.Learning[i])
	}
	for i := range o.Levels {
		n.level(&o.Levels[i])
	}
	for _, p := range o.Problems {
		reason := text.Cut(p.Reason, maxReason)
		n.add(RuleProblem, e.Event.UserID, RuleData{UserID: e.Event.UserID, Source: p.Source, Field: p.Field, Reason: reason})
	}
	return n.all
}

// noting collects what is told of an entry.
type noting struct {
	all   []notice
	times map[Type]int
	told  map[string]bool // the transactions of whose reward something was told
	moved map[string]bool // the transactions that were completed by an event of the entry
	late  map[string]bool // those that may have been told of before, and are others since
}

func (n *noting) add(kind Type, userID string, data any) {
	n.all = append(n.all, notice{kind: kind, about: userID, lane: userID, data: data, nth: n.times[kind]})
	n.times[kind]++
}

func (n *noting) mission(c *missions.Change) {
	d := MissionData{
		UserID: c.UserID, GroupTagID: c.GroupTagID, MissionID: c.MissionID, ConfigurationID: c.ConfigurationID,
		ConfigurationVersion: c.ConfigurationVersion, RuleID: c.RuleID, PeriodID: c.PeriodID, CurrentAmount: c.CurrentAmount.String(),
	}
	if c.TargetAmount != nil {
		d.TargetAmount = c.TargetAmount.String()
	}
	for _, g := range c.Goals {
		goal := GoalData{GoalID: g.GoalID, CurrentAmount: g.CurrentAmount.String(), CompletedAt: g.CompletedAt}
		if g.TargetAmount != nil {
			goal.TargetAmount = g.TargetAmount.String()
		}
		d.Goals = append(d.Goals, goal)
	}
	var kinds []Type
	switch {
	case c.Undone:
		kinds = []Type{MissionUndone}
	case c.Assigned && c.Completed:
		kinds = []Type{MissionAssigned, MissionCompleted}
	case c.Assigned:
		kinds = []Type{MissionAssigned}
	case c.Completed:
		kinds = []Type{MissionCompleted}
	default:
		kinds = []Type{MissionProgressed}
	}
	for _, kind := range kinds {
		n.add(kind, c.UserID, d)
		if c.UserID == "" { // what a group does comes in its order; no id of a user holds a colon
			n.all[len(n.all)-1].lane = "tag:" + c.GroupTagID
		}
	}
}

func (n *noting) streak(c *streaks.Change) {
	d := StreakData{
		UserID: c.UserID, RuleID: c.RuleID, ConfigurationID: c.ConfigurationID, ConfigurationVersion: c.ConfigurationVersion,
		Day: c.Day.String(), IterationID: c.IterationID, Count: c.Count, Status: string(c.Status), Late: c.Late,
	}
	kind := StreakExtended
	switch c.Kind {
	case streaks.Freeze:
		kind = StreakFrozen
	case streaks.Missed:
		kind = StreakBroken
	case "":
		kind = StreakUndone
	case streaks.Regular, streaks.Any:
	}
	n.add(kind, c.UserID, d)
	for _, g := range c.Goals {
		d.GoalID, d.Target = g.GoalID, g.Target
		n.add(StreakGoalReached, c.UserID, d)
	}
}

func (n *noting) level(c *levels.Change) {
	d := LevelData{UserID: c.UserID, LadderID: c.LadderID, LadderVersion: c.LadderVersion, From: c.From, To: c.To, Measure: c.Measure.String(), Late: c.Late}
	switch c.Direction {
	case levels.Up:
		n.add(LevelUp, c.UserID, d)
	case levels.Down:
		n.add(LevelDown, c.UserID, d)
	}
}

// reward tells of a transaction that a rule has made, or a freeze that is another since, and of the balance where no event does: that of
// what is different since something became known late.
func (n *noting) reward(c *economy.Change) {
	d := RewardData{
		UserID: c.UserID, RewardRuleID: c.RewardRuleID, RuleVersion: c.RuleVersion, TransactionID: c.TransactionID,
		CurrencyID: c.CurrencyID, Amount: c.Amount.String(),
	}
	kind := rewardKind(c.State)
	if c.Undone {
		kind = RewardUndone
	}
	n.told[c.TransactionID] = true
	if c.StreakRuleID == "" && !c.Lapsed {
		n.add(kind, c.UserID, d)
	}
	late, completed := !c.At.IsZero(), c.State == economy.Completed
	n.late[c.TransactionID] = late
	if completed && !c.Undone && n.moved[c.TransactionID] || !completed && (c.Undone || !late) {
		return
	}
	way, gone := cmp.Or(c.Direction, economy.Credit), c.Undone || !completed // an entry of before directions were told is about a credit
	if gone {
		way = way.Opposite()
	}
	b := BalanceData{
		UserID: c.UserID, CurrencyID: c.CurrencyID, TransactionID: c.TransactionID, Direction: string(way), Amount: d.Amount,
		Amended: !gone, Undone: gone, ReversalOf: c.ReversalOf, Lapsed: c.Lapsed,
	}
	n.add(BalanceChanged, c.UserID, b)
}

func rewardKind(s economy.State) Type {
	switch s {
	case economy.Pending:
		return RewardPending
	case economy.Expired:
		return RewardExpired
	case economy.Rejected:
		return RewardRejected
	case economy.Completed:
	}
	return RewardPaid
}

// transaction tells of an event of a transaction: that it was completed, for whatever reason, or has expired.
func (n *noting) transaction(ev *event.Event) {
	id, state := fieldOf(ev, "virtualTransactionId"), economy.State(fieldOf(ev, "state"))
	amount := ""
	if ev.Value != nil {
		amount = ev.Value.String()
	}
	paid := fieldOf(ev, "initiatorType") == string(economy.ByRewardRule) && fieldOf(ev, "direction") == string(economy.Credit)
	if rule := strings.TrimPrefix(fieldOf(ev, "initiator"), initiatorPrefix); paid && !n.told[id] {
		n.told[id] = true
		n.add(rewardKind(state), ev.UserID, RewardData{UserID: ev.UserID, RewardRuleID: rule, TransactionID: id, CurrencyID: ev.EntityID, Amount: amount})
	}
	if state == economy.Completed {
		n.add(BalanceChanged, ev.UserID, BalanceData{
			UserID: ev.UserID, CurrencyID: ev.EntityID, TransactionID: id, Direction: fieldOf(ev, "direction"), Amount: amount, Amended: n.late[id],
			ReversalOf: fieldOf(ev, "reversalOf"), Lapsed: fieldOf(ev, "initiatorType") == string(economy.ByLapse),
		})
	}
}

func fieldOf(ev *event.Event, name string) string {
	s, _ := ev.Fields[name].(string)
	return s
}

// badge tells of an award. One that is kept, though what it was for did not happen, is still had.
func (n *noting) badge(c *badges.Change) {
	kind := BadgeAwarded
	switch {
	case c.Kept && c.Undone:
		return
	case c.Undone:
		kind = BadgeUndone
	}
	n.add(kind, c.UserID, BadgeData{
		UserID: c.UserID, AwardID: c.ID, ConfigurationID: c.ConfigurationID, AssignedAt: c.At, RewardRuleID: c.RuleID, Reason: c.Reason,
	})
}

func (n *noting) score(c *leaderboard.Change, userID string) {
	n.add(ScoreChanged, userID, ScoreData{BoardID: c.BoardID, PeriodID: c.PeriodID, EntityID: c.EntityID, Score: c.Score.String(), Gone: c.Gone})
}

// board tells of an event of the clock that a period of a board is closed. Those of a board come in their order.
func (n *noting) board(ev *event.Event) {
	if ev.Type != event.Clock || ev.UserID != "" || fieldOf(ev, "kind") != leaderboard.Boards.Name() {
		return
	}
	d := BoardData{
		BoardID: ev.EntityID, PeriodID: fieldOf(ev, "periodId"), TimeframeType: fieldOf(ev, "timeframeType"), Recurrence: fieldOf(ev, "recurrence"),
		EndsAt: ev.At,
	}
	d.StartsAt, _ = time.Parse(time.RFC3339, fieldOf(ev, "timeframeStartsAt")) // as the engine has written it
	n.add(BoardClosed, "", d)
	n.all[len(n.all)-1].lane = "board:" + ev.EntityID
}

func (n *noting) learning(c *learning.Change) {
	kind := Type("")
	switch {
	case c.ItemType != learning.ItemPath || c.Moved:
		return
	case c.Undone:
		kind = PathUndone
	case c.Assigned:
		kind = PathAssigned
	case c.Unlocked:
		kind = PathUnlocked
	case c.Progress == learning.Complete:
		kind = PathCompleted
	default:
		return
	}
	n.add(kind, c.UserID, PathData{
		UserID: c.UserID, Context: c.Context, PathID: c.ItemID, Version: c.Version, AssignmentID: c.AssignmentID, RuleID: c.RuleID,
		Progress: string(c.Progress), Outcome: string(c.Outcome),
	})
}

// id returns the message's id: it follows from what it tells of, so it is the same whoever makes it and however often. It holds no
// dot, which separates it from what else is signed.
func (n *notice) id(s store.Scope, e *guerdon.Entry) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{s.String(), e.Event.ID, string(n.kind), strconv.Itoa(n.nth)}, "\x00")))
	const enough = 18 // bytes
	return "msg_" + base64.RawURLEncoding.EncodeToString(sum[:enough])
}

// body returns the message as it is sent in a version.
func (n *notice) body(version string, s store.Scope, e *guerdon.Entry) (string, error) {
	data, err := marshal(n.data)
	if err != nil {
		return "", err
	}
	b, err := marshal(Message{
		Type: n.kind, Timestamp: e.Event.At.UTC().Truncate(time.Microsecond), APIVersion: version, Workspace: s.String(),
		Sequence: e.Outcome.Seq, EventID: e.Event.ID, Data: data,
	})
	return string(b), err
}

// marshal returns JSON in which "<" is itself.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
