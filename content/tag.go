package content

import (
	"errors"

	"github.com/guerdonhq/guerdon/internal/text"
)

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
