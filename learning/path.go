package learning

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

// Paths is the kind of [Path].
var Paths = content.NewKind[Path]("LearningPath")

// A Path is a course: what a user is to do, in the order in which clients show it.
type Path struct {
	content.Header
	content.Texts[Title]
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	// Image is an absolute URI.
	Image string `json:"image,omitempty"`
	// EstimatedDuration is how many minutes it takes; who completes it has learned for as long.
	EstimatedDuration *decimal.Decimal `json:"estimatedDuration"`
	Outline
}

// Validate returns every fault of the path's fields, joined.
func (p *Path) Validate() error {
	_, err := p.compile(p.source())
	var missing error
	if p.EstimatedDuration == nil {
		missing = fault.Invalid("estimatedDuration", "is missing")
	}
	return errors.Join(p.ValidateTexts(), checkTitle(p.Title, p.Image), missing, checkMinutes(p.EstimatedDuration),
		p.checkItems(p.key()), err)
}

// References names the items.
func (p *Path) References() []content.Reference { return p.references() }

// Fits refuses a path that holds too much.
func (p *Path) Fits(find func(kind, id string) (content.Document, error)) error {
	return p.fits(p.key(), find)
}

// Meets refuses a path that does so for learners who are in the middle of earlier versions.
func (p *Path) Meets(find func(kind, id string) (content.Document, error)) error {
	return p.fits(p.key(), find)
}

func (p *Path) key() itemKey { return itemKey{ItemPath, p.ID} }

// source names the path in problems.
func (p *Path) source() string { return fmt.Sprintf("%s/%s", Paths.Name(), p.ID) }
