package content

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
)

// Activities is the kind of [Activity].
var Activities = NewKind[Activity]("Activity")

// An Activity is something a host lets its users do and records as events.
type Activity struct {
	Header
	Labels
	Name string `json:"name"`
	// AdditionalData declares the additional data of the activity's events, at most [MaxData] values. Where it
	// does, an event with other data, or without what is required, is refused; and so is a document that matches
	// this activity and reads what is not declared, or compares it with what it is not. Empty means that events
	// may carry anything.
	AdditionalData []DataField `json:"additionalData,omitempty"`
}

// A DataField declares a value of the additional data of an event.
type DataField struct {
	// Name is its name there: expressions read it as additionalData.name.
	Name string   `json:"name"`
	Type DataType `json:"type"`
	// Required says that every event has it. Otherwise it may be absent, or null.
	Required bool `json:"required,omitempty"`
}

// A DataType says what a value is.
type DataType string

// The types of value. A DATE is a text: RFC 3339, or a date such as "2026-01-31".
const (
	NumberData  DataType = "NUMBER"
	StringData  DataType = "STRING"
	BooleanData DataType = "BOOLEAN"
	DateData    DataType = "DATE"
)

// MaxData is how many values an activity may declare.
const MaxData = 100

var sorts = map[DataType]rule.Sort{NumberData: rule.Number, StringData: rule.Text, BooleanData: rule.Boolean, DateData: rule.Instant}

// Validate refuses an activity without a name, a translation without a label, and a declaration that is none.
func (a *Activity) Validate() error {
	return errors.Join(text.Required("name", a.Name), a.ValidateTexts(), a.checkDeclaration())
}

func (a *Activity) checkDeclaration() error {
	if n := len(a.AdditionalData); n > MaxData {
		return fault.Invalid("additionalData", "are %d, at most %d are allowed", n, MaxData)
	}
	var faults []error
	for i, d := range a.AdditionalData {
		err := text.Required("name", d.Name)
		switch {
		case strings.Contains(d.Name, "."):
			err = fault.Invalid("name", `%q has a ".", which expressions could not read`, d.Name)
		case slices.ContainsFunc(a.AdditionalData[:i], func(o DataField) bool { return o.Name == d.Name }):
			err = fault.Invalid("name", "%q occurs twice", d.Name)
		}
		if _, ok := sorts[d.Type]; !ok {
			err = errors.Join(err, fault.Invalid("type", "%q is none of NUMBER, STRING, BOOLEAN, DATE", d.Type))
		}
		faults = append(faults, fault.In(fmt.Sprintf("additionalData[%d]", i), err))
	}
	return errors.Join(faults...)
}

// References returns none.
func (*Activity) References() []Reference { return nil }

// dataTypes returns what expressions know of the data that is declared.
func (a *Activity) dataTypes() map[string]rule.Type {
	types := make(map[string]rule.Type, len(a.AdditionalData))
	for _, d := range a.AdditionalData {
		types[d.Name] = rule.Type{Sort: sorts[d.Type], Optional: !d.Required, Declared: true}
	}
	return types
}

// CheckData returns every fault in the additional data of an event of the activity, in JSON's own types: what is
// not declared, or not of its type, or required and absent. It returns nil if the activity declares nothing.
func (a *Activity) CheckData(data map[string]any) error {
	if len(a.AdditionalData) == 0 {
		return nil
	}
	var faults []error
	for _, d := range a.AdditionalData {
		faults = append(faults, fault.In("additionalData", fault.In(d.Name, d.check(data[d.Name]))))
	}
	names := each(a.AdditionalData, func(d DataField) string { return d.Name })
	var others []string
	for name := range data {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		faults = append(faults, fault.Invalid("additionalData", "has %.80q, which activity %q does not declare%s", name, a.ID, hint(name, names)))
	}
	return errors.Join(faults...)
}

// check refuses a value that is not as declared.
func (d *DataField) check(v any) error {
	ok := false
	switch v := v.(type) {
	case nil:
		if d.Required {
			return fault.Invalid("", "is missing; it is required")
		}
		return nil
	case bool:
		ok = d.Type == BooleanData
	case string:
		ok = d.Type == StringData || d.Type == DateData && rule.IsInstant(v)
	case []any, map[string]any:
	default: // a number, as whatever Go type it is kept
		ok = d.Type == NumberData
	}
	if !ok {
		return fault.Invalid("", "must be a %s, as the activity declares it", d.Type)
	}
	return nil
}
