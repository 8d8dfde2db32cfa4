package levels

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A MeasureType says what of a user is measured.
type MeasureType string

// The types of measure.
const (
	// Earned is what the user ever got of a currency: completed credits that take nothing back, less what of them was reversed.
	Earned MeasureType = "EARNED"
	// Balance is what the user has of a currency: completed credits less completed debits.
	Balance MeasureType = "BALANCE"
	// Missions is how many missions the user has completed, all or those whose configuration carries a tag. A mission of a group counts for who
	// completed it.
	Missions MeasureType = "MISSIONS"
	// Events adds up what events are worth.
	Events MeasureType = "EVENTS"
)

// A Measure says what of a user is measured. Which fields it has is said by its type.
type Measure struct {
	Type MeasureType `json:"type"`
	// CurrencyID is the currency of EARNED and BALANCE.
	CurrencyID string `json:"virtualCurrencyId,omitempty"`
	// TagID picks the missions of MISSIONS by a tag of their configurations; empty means all.
	TagID string `json:"tagId,omitempty"`
	// RuleType, MatchEntity and MatchEntityID pick the events of EVENTS: those of any type but Level.
	RuleType      event.MatchType `json:"ruleType,omitempty"`
	MatchEntity   string          `json:"matchEntity,omitempty"`
	MatchEntityID string          `json:"matchEntityId,omitempty"`
	// MatchCondition picks among the matching events; it may read event and user.
	MatchCondition json.RawMessage `json:"matchCondition,omitempty"`
	// Expression is what an event of EVENTS adds, not less than 0; null means 1. It may read what MatchCondition may.
	Expression json.RawMessage `json:"expression,omitempty"`
	// StartsAt and EndsAt bound when events of EVENTS count, the end exclusive; nil is no bound.
	StartsAt *time.Time `json:"startsAt,omitempty"`
	EndsAt   *time.Time `json:"endsAt,omitempty"`
	// Per begins to measure EVENTS anew in each DAY, WEEK, MONTH or YEAR of the user's calendar; empty means for ever.
	Per timeframe.Calendar `json:"per,omitempty"`
}

// The kinds of what measures name, where a room keeps them that this one does not know.
const (
	currencyKind = "VirtualCurrency"
	tagKind      = event.Tag
)

// matchFields are the names of the matcher.
func matchFields() event.Fields {
	return event.Fields{Type: "ruleType", Entity: "matchEntity", EntityID: "matchEntityId"}
}

// entities are the events that EVENTS may count: not those of levels, as one ladder would feed another and that the first.
var entities = []string{
	string(event.Activity), string(event.Quiz), string(event.Slide), string(event.Story), string(event.LearningGroup), string(event.LearningPath),
	string(event.Mission), string(event.Streak), string(event.VirtualTransaction), string(event.MobilityTracking), string(event.MobilityMilestone),
	string(event.Badge),
}

// Matcher returns which events are looked at.
func (m *Measure) matcher() event.Matcher {
	switch {
	case m.Type == Earned || m.Type == Balance:
		return event.Matcher{Type: event.MatchInstance, Entity: string(event.VirtualTransaction), EntityID: m.CurrencyID}
	case m.Type == Missions && m.TagID != "":
		return event.Matcher{Type: event.MatchTag, Entity: event.Tag, EntityID: m.TagID}
	case m.Type == Missions:
		return event.Matcher{Type: event.MatchEntity, Entity: string(event.Mission)}
	}
	return event.Matcher{Type: m.RuleType, Entity: m.MatchEntity, EntityID: m.MatchEntityID}
}

// sinks tells whether what is measured may become less.
func (m *Measure) sinks() bool {
	return m.Type == Earned || m.Type == Balance || m.Type == Events && m.Per != ""
}

func (m *Measure) validate() error {
	var faults []error
	switch m.Type {
	case Earned, Balance:
		faults = append(faults, ident.Check("virtualCurrencyId", m.CurrencyID))
	case Missions:
		if m.TagID != "" {
			faults = append(faults, ident.Check("tagId", m.TagID))
		}
	case Events:
		faults = append(faults, m.matcher().Check(matchFields(), entities...), m.checkTime())
	default:
		return fault.Invalid("type", "%q is none of EARNED, BALANCE, MISSIONS, EVENTS", m.Type)
	}
	return errors.Join(append(faults, m.checkUnion())...)
}

// checkUnion refuses fields of other types.
func (m *Measure) checkUnion() error {
	var faults []error
	for _, f := range []struct {
		name  string
		given bool
		of    []MeasureType
	}{
		{"virtualCurrencyId", m.CurrencyID != "", []MeasureType{Earned, Balance}},
		{"tagId", m.TagID != "", []MeasureType{Missions}},
		{"ruleType", m.RuleType != "", []MeasureType{Events}},
		{"matchEntity", m.MatchEntity != "", []MeasureType{Events}},
		{"matchEntityId", m.MatchEntityID != "", []MeasureType{Events}},
		{"matchCondition", !mechanic.Absent(m.MatchCondition), []MeasureType{Events}},
		{"expression", !mechanic.Absent(m.Expression), []MeasureType{Events}},
		{"startsAt", m.StartsAt != nil, []MeasureType{Events}},
		{"endsAt", m.EndsAt != nil, []MeasureType{Events}},
		{"per", m.Per != "", []MeasureType{Events}},
	} {
		if f.given && !slices.Contains(f.of, m.Type) {
			faults = append(faults, fault.Invalid(f.name, "is not for the type %s", m.Type))
		}
	}
	return errors.Join(faults...)
}

func (m *Measure) checkTime() error {
	var faults []error
	if m.Per != "" && !m.Per.Valid() {
		faults = append(faults, fault.Invalid("per", "%q is none of DAY, WEEK, MONTH, YEAR", m.Per))
	}
	for _, bound := range []struct {
		name string
		at   *time.Time
	}{{"startsAt", m.StartsAt}, {"endsAt", m.EndsAt}} {
		if bound.at != nil && (bound.at.Year() < 1 || bound.at.Year() > 9999) {
			faults = append(faults, fault.Invalid(bound.name, "is outside the years 1 to 9999"))
		}
	}
	if m.StartsAt != nil && m.EndsAt != nil && !m.EndsAt.After(*m.StartsAt) {
		faults = append(faults, fault.Invalid("endsAt", "must be after startsAt"))
	}
	return errors.Join(faults...)
}

// Expressions returns the condition and what an event adds.
func (l *Ladder) Expressions() []content.Expression {
	on := l.Measure.matcher()
	sees := mechanic.EventContext(on)
	return []content.Expression{
		{Field: "measure.matchCondition", Source: l.Measure.MatchCondition, Use: rule.Condition, Sees: sees, On: on},
		{Field: "measure.expression", Source: l.Measure.Expression, Use: rule.Amount, Sees: sees, On: on},
	}
}

func (m *Measure) references() []content.Reference {
	switch m.Type {
	case Earned, Balance:
		return []content.Reference{{Field: "measure.virtualCurrencyId", Kind: currencyKind, ID: m.CurrencyID}}
	case Missions:
		if m.TagID != "" {
			return []content.Reference{{Field: "measure.tagId", Kind: tagKind, ID: m.TagID}}
		}
		return nil
	case Events:
		return content.Matched("measure.matchEntityId", m.matcher())
	}
	return nil
}

// fingerprint tells measures apart.
func (m *Measure) fingerprint() (string, error) {
	b, err := json.Marshal(m)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), err
}

// within tells whether what happened at a moment counts.
func (m *Measure) within(at time.Time) bool {
	return (m.StartsAt == nil || !at.Before(*m.StartsAt)) && (m.EndsAt == nil || at.Before(*m.EndsAt))
}

// scale is a compiled measure.
type scale struct {
	*Measure
	of        string // its fingerprint
	condition mechanic.Condition
	worth     mechanic.Amount
}

func compileMeasure(l *Ladder) (scale, error) {
	s, source, x := scale{Measure: &l.Measure}, Ladders.Name()+"/"+l.ID, l.Expressions()
	var faults [3]error
	s.condition, faults[0] = mechanic.CompileCondition(source, x[0].Field, x[0].Source, x[0].Sees)
	s.worth, faults[1] = mechanic.CompileAmount(source, x[1].Field, x[1].Source, x[1].Sees)
	s.of, faults[2] = l.Measure.fingerprint()
	return s, errors.Join(faults[:]...)
}

// looksAt tells whether an event is one of those that are measured, as far as its matcher can tell.
func (s *scale) looksAt(o *mechanic.Occasion) bool {
	switch s.Type {
	case Missions:
		return o.Event.Type == event.Mission && slices.Contains(o.Keys, s.matcher().Key())
	case Events, Earned, Balance:
	}
	keys := o.Keys
	if s.Type == Balance && o.Lapses() { // nobody has done it, and it is gone
		keys = o.All()
	}
	return slices.Contains(entities, string(o.Event.Type)) && slices.Contains(keys, s.matcher().Key())
}

// adds returns how much an event that is looked at adds, less than 0 if it takes something.
func (s *scale) adds(tx *session.Tx, o *mechanic.Occasion) decimal.Decimal {
	switch s.Type {
	case Missions:
		return decimal.NewFromInt(1)
	case Earned, Balance:
		return s.moves(o.Event)
	case Events:
	}
	if !s.within(o.Event.At) || !s.condition.Holds(tx, o) {
		return decimal.Decimal{}
	}
	n, _ := s.worth.Of(tx, o)
	return n
}

// moves returns how much a transaction adds.
func (s *scale) moves(e *event.Event) decimal.Decimal {
	takesBack := e.Fields["reversalOf"] != nil
	switch {
	case e.Fields["state"] != "COMPLETED":
		return decimal.Decimal{}
	case e.Fields["direction"] == "CREDIT" && (s.Type == Balance || !takesBack):
		return *e.Value
	case e.Fields["direction"] == "DEBIT" && (s.Type == Balance || takesBack && e.Fields["reversedInitiatorType"] != "REVERSAL"):
		return e.Value.Neg()
	}
	return decimal.Decimal{}
}
