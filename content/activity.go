package content

import (
	"errors"

	"github.com/guerdonhq/guerdon/internal/text"
)

// Activities is the kind of [Activity].
var Activities = NewKind[Activity]("Activity")

// An Activity is something a host lets its users do and records as events.
type Activity struct {
	Header
	Labels
	Name string `json:"name"`
}

// Validate refuses an activity without a name or a translation without a label.
func (a *Activity) Validate() error {
	return errors.Join(text.Required("name", a.Name), a.ValidateTexts())
}

// References returns none.
func (*Activity) References() []Reference { return nil }
