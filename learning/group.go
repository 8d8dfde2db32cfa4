package learning

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
)

// Groups is the kind of [Group].
var Groups = content.NewKind[Group]("LearningGroup")

// GroupType says what a group is.
type GroupType string

// The types of group: a narrative, an assessment, or anything else.
const (
	StoryGroup  GroupType = "story"
	TestGroup   GroupType = "test"
	CustomGroup GroupType = "custom"
)

// A Group is items that belong together. It may be an item itself.
type Group struct {
	content.Header
	content.Texts[Title]
	content.Parent
	// Type is custom where it is empty.
	Type        GroupType `json:"type,omitempty"`
	Title       string    `json:"title"`
	Description string    `json:"description,omitempty"`
	// Image is an absolute URI.
	Image string `json:"image,omitempty"`
	// EstimatedDuration is how many minutes it takes.
	EstimatedDuration *decimal.Decimal `json:"estimatedDuration,omitempty"`
	// Source links what the group was made from or tests, as its item's type and id: "story#rome".
	Source string `json:"source,omitempty"`
	Outline
}

// Validate returns every fault of the group's fields, joined.
func (g *Group) Validate() error {
	_, err := g.compile(g.source())
	return errors.Join(g.ValidateTexts(), checkTitle(g.Title, g.Image), g.Type.check(), checkMinutes(g.EstimatedDuration),
		g.Parent.Validate(), checkSource(g.Source), g.checkItems(g.key()), err)
}

func (t GroupType) check() error {
	if t == "" || slices.Contains([]GroupType{StoryGroup, TestGroup, CustomGroup}, t) {
		return nil
	}
	return fault.Invalid("type", "%q is none of story, test, custom", t)
}

// checkSource refuses what is neither empty nor an item's type and id.
func checkSource(s string) error {
	if s == "" {
		return nil
	}
	kind, id, linked := strings.Cut(s, "#")
	if !linked || ident.Check("", id) != nil {
		return fault.Invalid("source", `is not a type and an id, such as "story#rome"`)
	}
	return text.Line("source", kind, 1, content.MaxName)
}

// References names the items.
func (g *Group) References() []content.Reference { return g.references() }

// Fits refuses a group that holds itself, also through others, or too much.
func (g *Group) Fits(find func(kind, id string) (content.Document, error)) error {
	return g.fits(g.key(), find)
}

// Meets refuses a group that does so for learners who are in the middle of earlier versions.
func (g *Group) Meets(find func(kind, id string) (content.Document, error)) error {
	return g.fits(g.key(), find)
}

func (g *Group) key() itemKey { return itemKey{ItemGroup, g.ID} }

// source names the group in problems.
func (g *Group) source() string { return fmt.Sprintf("%s/%s", Groups.Name(), g.ID) }
