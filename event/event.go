// Package event holds the one thing that mechanics react to: something happened to a user.
package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
)

// A Type says what kind of thing an event is about: the entity that rules match.
type Type string

// The types of event. A host records activities; the others are caused by the engine. A Clock event says
// that the time had come for something, as for judging a streak or evaluating a rule: its entity is the
// document, or the mission, and its field "kind" says of which kind that is. It has no user where it is about nobody, as that a period of
// a board is closed. No rule matches it.
const (
	Activity           Type = "Activity"
	Quiz               Type = "Quiz"
	Slide              Type = "Slide"
	Story              Type = "Story"
	LearningGroup      Type = "LearningGroup"
	LearningPath       Type = "LearningPath"
	Mission            Type = "Mission"
	Streak             Type = "Streak"
	VirtualTransaction Type = "VirtualTransaction"
	Badge              Type = "Badge" // that a badge was awarded
	MobilityTracking   Type = "MobilityTracking"
	MobilityMilestone  Type = "MobilityMilestone"
	Level              Type = "Level"
	User               Type = "User"
	Clock              Type = "Clock"
	Retraction         Type = "Retraction" // that another event did not happen; nothing follows from it
)

// Types returns all types of event.
func Types() []Type {
	return []Type{
		Activity, Quiz, Slide, Story, LearningGroup, LearningPath, Mission, Streak, VirtualTransaction, Badge,
		MobilityTracking, MobilityMilestone, Level, User, Clock, Retraction,
	}
}

// Kind returns the name of the kind of the documents that events of the type are about: of a mission, a
// streak and a badge the configuration, of a transaction the currency, of a tracking the factors, of a milestone the goals, of a
// level the ladder, of all others what has the type's name.
func (t Type) Kind() string {
	switch t {
	case Mission, Streak, Badge:
		return string(t) + "Configuration"
	case VirtualTransaction:
		return "VirtualCurrency"
	case MobilityTracking:
		return "MobilityFactors"
	case MobilityMilestone:
		return "MobilityGoals"
	case Level:
		return "Ladder"
	case Activity, Quiz, Slide, Story, LearningGroup, LearningPath, User, Clock, Retraction:
	}
	return string(t)
}

// Outcome says how what was done went.
type Outcome string

// The outcomes. An activity fails with FAILURE, a quiz or a path with FAIL.
const (
	Success Outcome = "SUCCESS"
	Failure Outcome = "FAILURE"
	Fail    Outcome = "FAIL"
)

// failure returns the outcome of what did not succeed.
func (t Type) failure() Outcome {
	if t == Activity {
		return Failure
	}
	return Fail
}

// How far an event brought what it is about. An activity is COMPLETE unless it says otherwise.
const (
	Start      = "START"
	InProgress = "IN_PROGRESS"
	Complete   = "COMPLETE"
)

// Bounds on what an event may carry.
const (
	MaxTags   = 100
	MaxText   = 256      // bytes of one tag
	MaxData   = 64 << 10 // bytes of the additional data as JSON
	MaxFuture = 10 * time.Minute
)

// An Event is something that happened to a user.
type Event struct {
	// ID identifies the event in its workspace; recording it again returns the first outcome. If it is
	// empty, the engine makes one. The ids of caused events are derived from their cause and hold ":".
	ID string `json:"id"`
	// Type is what it is about; empty means Activity.
	Type Type `json:"type,omitempty"`
	// EntityID is the document it is about: the id of the activity, the mission's configuration …
	EntityID string `json:"entityId,omitempty"`
	// UserID is who did it.
	UserID string `json:"userId"`
	// At is when it happened; zero means now. It may be long ago, or up to ten minutes ahead.
	At time.Time `json:"completedAt,omitzero"`
	// Value is a number that rules may count; nil means 1. It is a multiple of 0.000001 that fits 64
	// bits in millionths.
	Value *decimal.Decimal `json:"value,omitempty"`
	// Outcome is SUCCESS or FAILURE, or empty.
	Outcome Outcome `json:"outcome,omitempty"`
	// Progress is START, IN_PROGRESS or COMPLETE.
	Progress string `json:"progress,omitempty"`
	// Tags are free words.
	Tags []string `json:"tags,omitempty"`
	// Data is whatever else the host knows, as JSON values, kept to the digit: what was recorded is as [Data] is.
	Data map[string]any `json:"additionalData,omitempty"`

	// The engine sets what follows; what a host gives there is ignored.

	// EntityTags are the ids of the tags that the entity carried when it happened.
	EntityTags []string `json:"entityTags,omitempty"`
	// Fields are what an event of its type has beside the above, under the names that rules use: a
	// transaction's currency and amount, a mission's period.
	Fields map[string]any `json:"fields,omitempty"`
	// Cause is the id of the event that caused this one, "" for what came from outside.
	Cause string `json:"cause,omitempty"`
}

// Prepare returns the event as the engine processes it, with its defaults filled in and its data in
// JSON's own types, or an error that names the first field at fault. The event given is not modified.
func Prepare(e Event, now time.Time, newID func() string) (Event, error) {
	if e.ID == "" {
		e.ID = newID()
	}
	if e.At.IsZero() {
		e.At = now
	}
	e.fill()
	if err := e.check(now); err != nil {
		return Event{}, err
	}
	e.Tags, e.Value = slices.Clone(e.Tags), new(*e.Value) // the caller may go on using its own
	var err error
	e.Data, err = PlainData(e.Data)
	return e, err
}

// fill gives what is left out its default, but for the time, and leaves out what hosts do not give.
func (e *Event) fill() {
	if e.Type == "" {
		e.Type = Activity
	}
	if e.Value == nil {
		e.Value = new(decimal.NewFromInt(1))
	}
	if e.Progress == "" && e.Type == Activity {
		e.Progress = Complete
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	e.EntityTags, e.Fields, e.Cause = nil, nil, ""
}

// CheckTime refuses a time at which nothing can have happened: more than [MaxFuture] ahead of now, or outside the years 1 to 9999. The zero time stands
// for now. The error names the field.
func CheckTime(field string, at, now time.Time) error {
	switch {
	case at.After(now.Add(MaxFuture)):
		return fault.Invalid(field, "is %s ahead of now, at most %s are allowed", at.Sub(now).Round(time.Second), MaxFuture)
	case at.Year() < 1 || at.Year() > 9999:
		return fault.Invalid(field, "is outside the years 1 to 9999")
	}
	return nil
}

func (e *Event) check(now time.Time) error {
	for _, id := range []struct{ field, id string }{{"id", e.ID}, {"userId", e.UserID}, {"entityId", e.EntityID}} {
		if err := ident.Check(id.field, id.id); err != nil {
			return err
		}
	}
	if err := CheckTime("completedAt", e.At, now); err != nil {
		return err
	}
	switch {
	case e.Outcome != "" && e.Outcome != Success && e.Outcome != e.Type.failure():
		return fault.Invalid("outcome", "%q is none of %s, %s", e.Outcome, Success, e.Type.failure())
	case e.Progress != "" && e.Progress != Start && e.Progress != InProgress && e.Progress != Complete:
		return fault.Invalid("progress", "%q is none of %s, %s, %s", e.Progress, Start, InProgress, Complete)
	case len(e.Tags) > MaxTags:
		return fault.Invalid("tags", "are %d, at most %d are allowed", len(e.Tags), MaxTags)
	}
	for _, tag := range e.Tags {
		if tag == "" || len(tag) > MaxText || !utf8.ValidString(tag) || strings.ContainsFunc(tag, unicode.IsControl) {
			return fault.Invalid("tags", "hold %.20q; a tag has 1 to %d bytes of UTF-8 without control characters", tag, MaxText)
		}
	}
	return amount.Check("value", *e.Value)
}

// UnmarshalJSON reads an event as [json.Marshal] writes it, and its data and fields to the digit, as [Data] is.
func (e *Event) UnmarshalJSON(b []byte) error {
	type plain Event
	if err := unmarshal(b, (*plain)(e)); err != nil {
		return err
	}
	_, err := amount.Plain(e.Data)
	if err == nil {
		_, err = amount.Plain(e.Fields)
	}
	return err
}

// Data is an object in JSON's own types. A number is a float64 if that holds it to the digit, otherwise a
// [json.Number].
type Data map[string]any

// UnmarshalJSON reads an object. It refuses a number that is out of a float64's range.
func (d *Data) UnmarshalJSON(b []byte) error {
	if err := unmarshal(b, (*map[string]any)(d)); err != nil {
		return err
	}
	_, err := amount.Plain(map[string]any(*d))
	return err
}

// unmarshal is json.Unmarshal, but numbers keep their digits.
func unmarshal(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	return dec.Decode(into)
}

// PlainData returns additional data in JSON's own types, so that what a rule sees now is what it sees when the data is
// read back. It returns [fault.ErrInvalid] for what is not JSON, or longer than [MaxData], and for a number that is
// out of a float64's range.
func PlainData(data map[string]any) (map[string]any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(data)
	if err != nil {
		return nil, fault.Invalid("additionalData", "is not JSON: %v", err)
	}
	if len(b) > MaxData {
		return nil, fault.Invalid("additionalData", "is %d bytes of JSON, at most %d are allowed", len(b), MaxData)
	}
	var plain Data
	return plain, fault.In("additionalData", plain.UnmarshalJSON(b))
}

// Fingerprint identifies what an event says, as [Prepare] returned it: two events with the same fingerprint are
// the same event. What a caller left to its default makes no difference, nor does what the engine sets, nor how a
// number was written.
func (e Event) Fingerprint() (string, error) {
	e.fill()
	if err := amount.Check("value", *e.Value); err != nil {
		return "", err
	}
	value := e.Value.String() // 1 and 1.00 are the same value
	e.Value = nil
	b, err := json.Marshal(struct {
		Event
		Value string
	}{e, value})
	if err != nil {
		return "", fault.Invalid("additionalData", "is not JSON: %v", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// idFields names the field under which rules find an event's entity, as in the log of its type.
var idFields = map[Type]string{
	Activity:           "activityId",
	Quiz:               "quizId",
	Slide:              "slideId",
	Story:              "storyId",
	LearningGroup:      "learningGroupId",
	LearningPath:       "learningPathId",
	Mission:            "missionConfigurationId",
	Streak:             "streakConfigurationId",
	VirtualTransaction: "virtualCurrencyId",
	Badge:              "badgeConfigurationId",
	MobilityTracking:   "mobilityFactorsId",
	MobilityMilestone:  "mobilityGoalsId",
	Level:              "ladderId",
}

// EntityPaths returns the paths at which rules find the entity of events of the type: entityId and
// event.entityId, and the same with the name that the type's log uses.
func (t Type) EntityPaths() []string {
	paths := []string{"entityId", "event.entityId"}
	if name, ok := idFields[t]; ok {
		paths = append(paths, name, "event."+name)
	}
	return paths
}

// Vars returns the event as rules see it: its fields under their JSON names, value as a number to the digit,
// the entity also under the name that its type's log uses ("activityId").
func (e *Event) Vars() map[string]any {
	vars := make(map[string]any, len(ownNames)+1+len(e.Fields))
	maps.Copy(vars, e.Fields)
	for _, name := range ownNames {
		if v := e.own(name); v != nil {
			vars[name] = v
		}
	}
	if name, ok := idFields[e.Type]; ok {
		vars[name] = e.EntityID
	}
	return vars
}

// Var returns one of the fields that [Event.Vars] returns, and whether there is such a one.
func (e *Event) Var(name string) (v any, there bool) {
	if v = e.own(name); v != nil {
		return v, true
	}
	if name == idFields[e.Type] {
		return e.EntityID, true
	}
	v, there = e.Fields[name]
	return v, there
}

// ownNames are the names of what rules see of every event.
var ownNames = [...]string{
	"id", "type", "userId", "entityId", "completedAt", "tags", "entityTags", "value", "outcome", "progress", "additionalData",
}

// own returns what rules see under one of the ownNames, nil for nothing.
func (e *Event) own(name string) any {
	switch name {
	case "id":
		return e.ID
	case "type":
		return string(e.Type)
	case "userId":
		return e.UserID
	case "entityId":
		return e.EntityID
	case "completedAt":
		return e.At.Format(time.RFC3339Nano)
	case "tags":
		return text.Values(e.Tags)
	case "entityTags":
		return text.Values(e.EntityTags)
	case "value":
		if e.Value != nil {
			return amount.JSON(*e.Value)
		}
	case "outcome":
		if e.Outcome != "" {
			return string(e.Outcome)
		}
	case "progress":
		if e.Progress != "" {
			return e.Progress
		}
	case "additionalData":
		if e.Data != nil {
			return e.Data
		}
	}
	return nil
}

// A Problem is something that an event could not do although it was recorded: an expression that gave
// no number, a reward that would cross a bound. It never stops the rest.
type Problem struct {
	// Source is the document at fault, "RewardRule/first-commit".
	Source string `json:"source"`
	// Field is the part of it that is at fault, "rewards[0].expression".
	Field string `json:"field,omitempty"`
	// Reason is for a person to read.
	Reason string `json:"reason"`
}
