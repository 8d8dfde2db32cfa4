package content

import "github.com/guerdonhq/guerdon/internal/text"

// The limits of what authors write. Beyond them it is refused with [fault.ErrInvalid].
const (
	// MaxName is how many characters a name, a title or a label may have.
	MaxName = 255
	// MaxText is how many characters any other text may have.
	MaxText = 5000
	// MaxURI is how many bytes an address may have.
	MaxURI = text.MaxURI
	// MaxTranslations is how many languages a document may have; it has at least one.
	MaxTranslations = 10
	// MaxTags is how many tags a document of a bundle may carry.
	MaxTags = 100
)
