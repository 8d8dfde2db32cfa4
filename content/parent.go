package content

import (
	"errors"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
)

// ParentType says what kind of document a parent is.
type ParentType string

// The types of parent.
const (
	ParentPath  ParentType = "learningPath"
	ParentGroup ParentType = "learningGroup"
)

// A Parent says to which learning path or group a document belongs, if it was made for one. It is the
// parent that decides whether the document is in it, so the parent need not be published, nor exist yet.
// Kinds embed it.
type Parent struct {
	ParentID   string     `json:"parentId,omitempty"`
	ParentType ParentType `json:"parentType,omitempty"`
}

// Validate refuses a parent of which only one half is said.
func (p Parent) Validate() error {
	if p == (Parent{}) {
		return nil
	}
	var unknown error
	if p.ParentType != ParentPath && p.ParentType != ParentGroup {
		unknown = fault.Invalid("parentType", "%q is none of learningPath, learningGroup", p.ParentType)
	}
	return errors.Join(ident.Check("parentId", p.ParentID), unknown)
}
