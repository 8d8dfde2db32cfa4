package badges

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
)

// Configurations is the kind of [Configuration].
var Configurations = content.NewKind[Configuration]("BadgeConfiguration")

// A Configuration says what a badge is.
type Configuration struct {
	content.Header
	content.Labels
	Name string `json:"name"`
	// Image is an absolute URI.
	Image string `json:"image"`
	// ProgressType and ProgressID name what shows how far a user is from the badge: a configuration of missions or a path. They decide nothing: what
	// awards the badge is a reward rule.
	ProgressType string `json:"progressSourceEntityType,omitempty"`
	ProgressID   string `json:"progressSourceEntityId,omitempty"`
	// IsSecret keeps the badge from the list of a user who does not have it.
	IsSecret bool `json:"isSecret,omitempty"`
	// IsRevocable is false if who has been awarded the badge by a rule keeps it, whatever turns out to have happened; nil means true. The last version that
	// was published decides, also of a badge that is out of use. An award by hand is gone if it is taken back.
	IsRevocable *bool `json:"isRevocable,omitempty"`
}

// sources are what shows how far a user is from a badge.
var sources = []string{event.Mission.Kind(), event.LearningPath.Kind()}

// Validate returns every fault of the configuration's fields, joined.
func (c *Configuration) Validate() error {
	return errors.Join(c.ValidateTexts(), text.Required("name", c.Name), cmp.Or(text.Required("image", c.Image), text.URI("image", c.Image)), c.checkProgress())
}

func (c *Configuration) checkProgress() error {
	switch {
	case c.ProgressType == "" && c.ProgressID == "":
		return nil
	case !slices.Contains(sources, c.ProgressType):
		return fault.Invalid("progressSourceEntityType", "%.80q is none of %s", c.ProgressType, strings.Join(sources, ", "))
	}
	return ident.Check("progressSourceEntityId", c.ProgressID)
}

// References returns what shows how far a user is.
func (c *Configuration) References() []content.Reference {
	if c.ProgressID == "" {
		return nil
	}
	return []content.Reference{{Field: "progressSourceEntityId", Kind: c.ProgressType, ID: c.ProgressID}}
}

// revocable tells whether an award is gone if what it was for did not happen.
func (c *Configuration) revocable() bool { return c.IsRevocable == nil || *c.IsRevocable }
