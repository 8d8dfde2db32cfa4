package content

import (
	"errors"
	"fmt"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
)

// Slides is the kind of [Slide].
var Slides = NewKind[Slide]("Slide")

// MaxBlocks is how many blocks a slide may have, and how many slides a story may have.
const MaxBlocks = 100

// A Slide is a page to read.
type Slide struct {
	Header
	Texts[SlideText]
	Parent
	// DefaultSlideLayoutID names the layout in which clients show the slide.
	DefaultSlideLayoutID string `json:"defaultSlideLayoutId,omitempty"`
}

// A SlideText is a slide in one language.
type SlideText struct {
	Lang  string `json:"lang"`
	Title string `json:"title"`
	// Image is an absolute URI.
	Image   string `json:"image,omitempty"`
	Content Page   `json:"content"`
}

// Language returns the language.
func (t SlideText) Language() string { return t.Lang }

// Validate refuses a slide without a title, and a page at fault.
func (t SlideText) Validate() error {
	return errors.Join(text.Required("title", t.Title), text.Optional(text.URI, "image", t.Image), fault.In("content", t.Content.validate()))
}

// A Page is what a slide shows: blocks from top to bottom. The colours are for clients to understand.
type Page struct {
	Background string  `json:"background,omitempty"`
	TextColor  string  `json:"textColor,omitempty"`
	BoxColor   string  `json:"boxColor,omitempty"`
	Contents   []Block `json:"contents"`
}

// BlockType says what a block of a page is.
type BlockType string

// The types of block.
const (
	BlockSlide BlockType = "slide"
	BlockMedia BlockType = "media"
)

// A Block is a part of a page: a text, a medium, or both.
type Block struct {
	Type BlockType `json:"type"`
	Text string    `json:"text,omitempty"`
	// Media is needed where the type is media.
	Media *BlockContent `json:"media,omitempty"`
}

// MediaType says what a medium is for.
type MediaType string

// The types of medium.
const (
	MediaDecor MediaType = "decor"
	MediaImage MediaType = "image"
	MediaVideo MediaType = "video"
)

// BlockContent is the medium that a block shows.
type BlockContent struct {
	Type MediaType `json:"type"`
	// URL is an absolute URI.
	URL string `json:"url"`
}

func (p *Page) validate() error {
	var faults []error
	if n := len(p.Contents); n > MaxBlocks {
		faults = append(faults, fault.Invalid("contents", "are %d, at most %d are allowed", n, MaxBlocks))
	}
	for i := range p.Contents {
		faults = append(faults, fault.In(fmt.Sprintf("contents[%d]", i), p.Contents[i].validate()))
	}
	return errors.Join(faults...)
}

func (b *Block) validate() error {
	var faults []error
	switch {
	case b.Type != BlockSlide && b.Type != BlockMedia:
		faults = append(faults, fault.Invalid("type", "%q is none of slide, media", b.Type))
	case b.Type == BlockMedia && b.Media == nil:
		faults = append(faults, fault.Invalid("media", "is missing; a block of type media needs it"))
	}
	if b.Media != nil {
		faults = append(faults, fault.In("media", b.Media.validate()))
	}
	return errors.Join(faults...)
}

func (c *BlockContent) validate() error {
	var unknown error
	switch c.Type {
	case MediaDecor, MediaImage, MediaVideo:
	default:
		unknown = fault.Invalid("type", "%q is none of decor, image, video", c.Type)
	}
	return errors.Join(unknown, text.URI("url", c.URL))
}

// Validate returns every fault of the slide's fields, joined.
func (s *Slide) Validate() error {
	return errors.Join(s.ValidateTexts(), s.Parent.Validate(), text.Optional(ident.Check, "defaultSlideLayoutId", s.DefaultSlideLayoutID))
}

// References returns none.
func (*Slide) References() []Reference { return nil }
