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

// Tags is the kind of [Tag].
var Tags = NewKind[Tag]("Tag")

// A Tag is a word that documents and users carry: a namespace and a variant of it ("team", "red").
// No two tags of a workspace are alike in both.
type Tag struct {
	Header
	Labels
	Namespace string `json:"namespace"`
	Variant   string `json:"variant"`
}

// Validate refuses a tag without namespace or variant, or a translation without a label.
func (t *Tag) Validate() error {
	return errors.Join(text.Required("namespace", t.Namespace), text.Required("variant", t.Variant), t.ValidateTexts())
}

// References returns none.
func (*Tag) References() []Reference { return nil }

// UniqueKey returns the namespace and the variant.
func (t *Tag) UniqueKey() string { return t.Namespace + "\x1f" + t.Variant }
