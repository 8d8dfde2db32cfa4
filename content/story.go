package content

import (
	"errors"
	"fmt"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
)

// Stories is the kind of [Story].
var Stories = NewKind[Story]("Story")

// A Story is a sequence of pages to read. Its quizzes are those whose StoryID names it.
type Story struct {
	Header
	Texts[StoryText]
	// DefaultStoryLayoutID names the layout in which clients show the story.
	DefaultStoryLayoutID string `json:"defaultStoryLayoutId,omitempty"`
}

// A StoryText is a story in one language.
type StoryText struct {
	Lang  string `json:"lang"`
	Title string `json:"title"`
	// Image is an absolute URI.
	Image string `json:"image"`
	// Slides are the pages, 1 to 100.
	Slides []Page `json:"slides"`
}

// Language returns the language.
func (t StoryText) Language() string { return t.Lang }

// Validate refuses a story without a title, an image or a page, and a page at fault.
func (t StoryText) Validate() error {
	faults := []error{text.Required("title", t.Title), text.URI("image", t.Image)}
	if n := len(t.Slides); n < 1 || n > MaxBlocks {
		faults = append(faults, fault.Invalid("slides", "are %d; a story has 1 to %d", n, MaxBlocks))
	}
	for i := range t.Slides {
		faults = append(faults, fault.In(fmt.Sprintf("slides[%d]", i), t.Slides[i].validate()))
	}
	return errors.Join(faults...)
}

// Validate returns every fault of the story's fields, joined.
func (s *Story) Validate() error {
	return errors.Join(s.ValidateTexts(), text.Optional(ident.Check, "defaultStoryLayoutId", s.DefaultStoryLayoutID))
}

// References returns none.
func (*Story) References() []Reference { return nil }
