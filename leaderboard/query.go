package leaderboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/rule"
)

// A Query says what a board counts, as in
//
//	{
//	  "source": "virtual_transactions",
//	  "where": {"==": [{"var": "virtualCurrencyId"}, "coins"]},
//	  "entityId": "userId",
//	  "score": {"sum": {"var": "amount"}}
//	}
//
// Its rows are the events of one type; expressions read a row's fields by their names, "event" and
// "user" too, and the operator now gives the time at which the event happened. Scores are kept up to
// date event by event, so a query is what can be kept up so, and nothing else is.
//
// Package rule lists what expressions read of the rows of each type. A source is the log of a type:
// mission_logs of Mission, virtual_transactions of VirtualTransaction, and so on.
type Query struct {
	// Source is the log whose rows are counted.
	Source Source `json:"source"`
	// Where is the condition that a row must meet; absent or null, every row counts.
	Where json.RawMessage `json:"where,omitempty"`
	// EntityID says who gets the score; the zero value is the user.
	EntityID Entity `json:"entityId"`
	// Score says how rows add up.
	Score Score `json:"score"`
	// Order is that of the scores, DESC unless said.
	Order Order `json:"order,omitempty"`
	// RankStyle says how ranks go on after equal scores, RANK unless said.
	RankStyle RankStyle `json:"rankStyle,omitempty"`
}

// A Source is a log.
type Source string

// The logs that a board can count. A row of mission_logs is a completed mission, one of badge_logs the award of a badge, one of mobility_trackings a track that
// counts, one of mobility_milestones a milestone that was redeemed. A row of streaks by which one
// broke counts only where the query reads the status, or shows the last value. One of levels is that a user has come to another step; that
// the user fell counts only where the query reads the direction.
const (
	ActivityLogs        Source = "activity_logs"
	QuizLogs            Source = "quiz_logs"
	SlideLogs           Source = "slide_logs"
	StoryLogs           Source = "story_logs"
	LearningGroupLogs   Source = "learning_group_logs"
	LearningPathLogs    Source = "learning_path_logs"
	MissionLogs         Source = "mission_logs"
	VirtualTransactions Source = "virtual_transactions"
	Streaks             Source = "streaks"
	BadgeLogs           Source = "badge_logs"
	MobilityTrackings   Source = "mobility_trackings"
	MobilityMilestones  Source = "mobility_milestones"
	Levels              Source = "levels"
)

// sources maps each log to the type of the events that are its rows.
var sources = map[Source]event.Type{
	ActivityLogs:        event.Activity,
	QuizLogs:            event.Quiz,
	SlideLogs:           event.Slide,
	StoryLogs:           event.Story,
	LearningGroupLogs:   event.LearningGroup,
	LearningPathLogs:    event.LearningPath,
	MissionLogs:         event.Mission,
	VirtualTransactions: event.VirtualTransaction,
	Streaks:             event.Streak,
	BadgeLogs:           event.Badge,
	MobilityTrackings:   event.MobilityTracking,
	MobilityMilestones:  event.MobilityMilestone,
	Levels:              event.Level,
}

// An Entity says who gets a score: the user of the row, or each tag of a namespace that the user
// carried when the event happened. In JSON it is "userId" or {"tagNamespace": "team"}.
type Entity struct {
	// TagNamespace is the namespace of the tags, "" for the user. That no published tag has it is a warning of
	// the configuration, and a problem of the board when it opens.
	TagNamespace string
}

const userID = "userId"

// MarshalJSON returns "userId" or {"tagNamespace": …}.
func (e Entity) MarshalJSON() ([]byte, error) {
	if e.TagNamespace == "" {
		return json.Marshal(userID)
	}
	return json.Marshal(map[string]string{"tagNamespace": e.TagNamespace})
}

// UnmarshalJSON is the inverse of [Entity.MarshalJSON].
func (e *Entity) UnmarshalJSON(b []byte) error {
	var name string
	if err := json.Unmarshal(b, &name); err == nil && name == userID {
		*e = Entity{}
		return nil
	}
	var object map[string]string
	if err := json.Unmarshal(b, &object); err != nil || len(object) != 1 || object["tagNamespace"] == "" {
		return fault.Invalid("entityId", `is %s; it must be "userId" or {"tagNamespace": "…"}`, b)
	}
	e.TagNamespace = object["tagNamespace"]
	return nil
}

// A Score says how rows add up. In JSON it is {"sum": expression}, with the function's name as key.
type Score struct {
	Function Function
	// Of is the expression that a row is worth. The functions but COUNT need one; for them it must
	// give a number, or for count_distinct any value.
	Of json.RawMessage
}

// A Function adds rows up.
type Function string

// The functions. Of what they are given, count and count_distinct leave out null; a row that gives
// another function no amount does not count and is a problem of its event. The last row is that
// which happened last.
const (
	Sum           Function = "sum"
	Count         Function = "count"
	Max           Function = "max"
	Min           Function = "min"
	Last          Function = "last"
	CountDistinct Function = "count_distinct"
)

// functions lists the functions for authors.
const functions = "sum, count, max, min, last or count_distinct"

func (f Function) valid() bool {
	switch f {
	case Sum, Count, Max, Min, Last, CountDistinct:
		return true
	}
	return false
}

// adds tells whether the function takes amounts.
func (f Function) adds() bool { return f != Count && f != CountDistinct }

// MarshalJSON returns {function: expression}.
func (s Score) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[Function]json.RawMessage{s.Function: s.Of})
}

// UnmarshalJSON is the inverse of [Score.MarshalJSON].
func (s *Score) UnmarshalJSON(b []byte) error {
	var object map[Function]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil || len(object) != 1 {
		return fault.Invalid("score", "must be an object with one key: %s", functions)
	}
	for f, of := range object {
		*s = Score{f, of}
	}
	if mechanic.Absent(s.Of) {
		s.Of = nil
	}
	return nil
}

// An Order says which scores come first.
type Order string

// The orders.
const (
	Descending Order = "DESC"
	Ascending  Order = "ASC"
)

// A RankStyle says how ranks go on after entities with equal scores.
type RankStyle string

// The styles of rank. Of three entities of which the first two have equal scores, RANK gives 1, 1, 3,
// DENSE_RANK 1, 1, 2, and ROW_NUMBER 1, 2, 3, where who reached the score first is first.
const (
	Rank      RankStyle = "RANK"
	DenseRank RankStyle = "DENSE_RANK"
	RowNumber RankStyle = "ROW_NUMBER"
)

// supported tells the author of another query what there is.
const supported = `supported is {"source": a log, "where": a condition, "entityId": "userId" or {"tagNamespace": "…"}, ` +
	`"score": {"sum": an expression} (or count, max, min, last, count_distinct), "order": "DESC" or "ASC", ` +
	`"rankStyle": "RANK", "DENSE_RANK" or "ROW_NUMBER"}`

// UnmarshalJSON reads a query; anything else is a [fault.ErrInvalid] that says what is supported.
func (q *Query) UnmarshalJSON(b []byte) error {
	type plain Query
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode((*plain)(q)); err != nil {
		return fault.Invalid("query", "%v; %s", err, supported)
	}
	return nil
}

func (q *Query) validate() error {
	var faults []error
	if _, ok := sources[q.Source]; !ok {
		faults = append(faults, fault.Invalid("source", "%q is none of %s", q.Source, supportedSources()))
	}
	switch q.Order {
	case "", Descending, Ascending:
	default:
		faults = append(faults, fault.Invalid("order", "%q is not DESC or ASC", q.Order))
	}
	switch q.RankStyle {
	case "", Rank, DenseRank, RowNumber:
	default:
		faults = append(faults, fault.Invalid("rankStyle", "%q is not RANK, DENSE_RANK or ROW_NUMBER", q.RankStyle))
	}
	_, err := q.compile()
	return errors.Join(append(faults, err)...)
}

// matcher returns which events are the rows.
func (q *Query) matcher() event.Matcher {
	return event.Matcher{Type: event.MatchEntity, Entity: string(sources[q.Source])}
}

// supportedSources lists the logs for authors.
func supportedSources() string {
	names := make([]string, 0, len(sources))
	for _, s := range slices.Sorted(maps.Keys(sources)) {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// expressions are the compiled expressions of a query, nil where there is none.
type expressions struct{ where, of *rule.Rule }

// compile compiles and lints the expressions.
func (q *Query) compile() (x expressions, err error) {
	sees := mechanic.EventContext(q.matcher())
	var faults []error
	if !mechanic.Absent(q.Where) {
		x.where, err = rule.CompileCondition(q.Where, sees)
		faults = append(faults, fault.In("where", err))
	}
	field := "score." + string(q.Score.Function)
	switch {
	case !q.Score.Function.valid():
		faults = append(faults, fault.Invalid("score", "has the function %q, which is not %s", q.Score.Function, functions))
	case !mechanic.Absent(q.Score.Of):
		x.of, err = q.Score.compile(sees)
		faults = append(faults, fault.In(field, err))
	case q.Score.Function != Count:
		faults = append(faults, fault.Invalid(field, "needs an expression"))
	}
	return x, errors.Join(faults...)
}

// compile also refuses an expression that gives the same for every row, but not what the function takes.
func (s *Score) compile(sees *rule.Context) (*rule.Rule, error) {
	of, err := rule.Compile(s.Of, sees)
	if err != nil || !s.Function.adds() {
		return of, err
	}
	if v, ok := of.Constant(); ok {
		_, err = toMicros(v)
	}
	return of, err
}

// toMicros returns the millionths of the amount that an expression gave.
func toMicros(v any) (int64, error) {
	d, err := mechanic.ToAmount(v)
	if err != nil {
		return 0, err
	}
	return amount.Micros("", d)
}
