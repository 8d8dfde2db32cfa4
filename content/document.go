// Package content keeps what authors write: documents that are drafted, published in versions,
// archived, translated and tagged.
//
// There are many kinds of document and one lifecycle. A kind is a struct that embeds [Header], its
// own validation, and a declaration ([NewKind]); [Documents] is the service that works for each of
// them. The published documents of a workspace form its [Program], which the mechanics
// compile and follow.
package content

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Stage says where a document is in its life.
type Stage string

// The stages. A published document that is updated is a draft again, while its last published version
// stays in force until the next is published.
const (
	Draft     Stage = "DRAFT"
	Published Stage = "PUBLISHED"
	Archived  Stage = "ARCHIVED"
)

// Origin says where a document came from.
type Origin string

// The origins.
const (
	Custom  Origin = "CUSTOM"
	Catalog Origin = "CATALOG"
	AI      Origin = "AI"
)

// A Header is what documents of every kind have. Kinds embed it.
type Header struct {
	// ID identifies the document among those of its kind; empty on create means a new one.
	ID string `json:"id"`
	// Origin is CUSTOM unless said.
	Origin Origin `json:"origin,omitempty"`
	// CatalogID and CatalogWorkspaceID name the document that this one was cloned from.
	CatalogID          string `json:"catalogId,omitempty"`
	CatalogWorkspaceID string `json:"catalogWorkspaceId,omitempty"`
	// CatalogVersion is the version of that document in the catalog.
	CatalogVersion int `json:"catalogVersion,omitempty"`
	// SyncWithCatalog says that the document takes over what the catalog publishes.
	SyncWithCatalog bool `json:"syncWithCatalog,omitempty"`
	// DefaultLang is the language to fall back to; the translations must have it.
	DefaultLang string `json:"defaultLang"`

	// What follows is computed. Stage, Version and UpdatedAt say to [Documents.Update] which state of the document was read.

	// Langs are the languages of the translations.
	Langs []string `json:"langs,omitempty"`
	Stage Stage    `json:"stage,omitempty"`
	// Version is that of the newest published version, 0 if there is none.
	Version   int       `json:"version,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	// TimeframeState says whether the document's timeframe has begun and ended, if its kind has one.
	TimeframeState timeframe.State `json:"state,omitempty"`
	// Warnings are what is valid in the document and yet hardly meant, in view of what is in force. Nothing is
	// refused for them. A version of a history has none.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Head returns the header itself; kinds get it by embedding.
func (h *Header) Head() *Header { return h }

// Compare orders documents as their rules apply: by creation, then id.
func (h *Header) Compare(o *Header) int {
	return cmp.Or(h.CreatedAt.Compare(o.CreatedAt), cmp.Compare(h.ID, o.ID))
}

// A Document is a pointer to a struct of some kind.
type Document interface {
	// Head returns the document's header, to read or to fill in.
	Head() *Header
	// Validate returns every fault of the document's own fields, each a [fault.Error].
	Validate() error
	// References names the documents that must be published for this one to work.
	References() []Reference
	// Languages are those of the translations, in their order.
	Languages() []string
}

// A Reference says that a field names a document.
type Reference struct {
	Field, Kind, ID string
	// Outlives says that what the document has begun goes on when the one that it names is archived. Without
	// it, that one cannot be archived.
	Outlives bool
}

// Matched returns the reference that a matcher makes in a field: to the document or the tag that it names, none
// if it names none.
func Matched(field string, m event.Matcher) []Reference {
	if m.EntityID == "" {
		return nil
	}
	return []Reference{{Field: field, Kind: event.Type(m.Entity).Kind(), ID: m.EntityID}}
}

// Fitting is implemented by kinds that must fit the documents that they name, directly or not.
type Fitting interface {
	// Fits returns every fault in how the document fits those that will be in force with it, each a
	// [fault.Error]. find returns the one with an id, nil if there will be none. It is asked when the
	// document is published, and when one that it refers to is, directly or not.
	Fits(find func(kind, id string) (Document, error)) error
}

// bound is implemented by kinds of which what has happened under earlier versions binds later ones.
type bound interface {
	// Binds returns every fault in what the document says, given what has happened, each a [fault.Error]. It is asked when the document is published.
	Binds(ctx context.Context, tx *session.Tx) error
}

// Meeting is implemented by kinds whose users stay on versions of the moment at which they began ([Program.Since]),
// so that a new version which is given to them too meets older ones of what it refers to.
type Meeting interface {
	// Meets returns the fault in how the document fits the versions that somebody is on with it, a
	// [fault.Error], nil if there is none. find returns them, nil for what was never published. It is asked when
	// the document is published, once for each moment since which they are others.
	Meets(find func(kind, id string) (Document, error)) error
}

// Unique is implemented by kinds of which no two documents may have the same value.
type Unique interface {
	// UniqueKey returns the value, "" if there is none.
	UniqueKey() string
}

func each[T, R any](list []T, of func(T) R) []R {
	out := make([]R, len(list))
	for i, v := range list {
		out[i] = of(v)
	}
	return out
}

// validate checks what is common to all kinds, then what is the kind's own.
func validate(doc Document) error {
	h := doc.Head()
	var faults []error
	if h.Origin != Custom && h.Origin != Catalog && h.Origin != AI {
		faults = append(faults, fault.Invalid("origin", "%q is none of CUSTOM, CATALOG, AI", h.Origin))
	}
	if h.SyncWithCatalog && (h.CatalogID != h.ID || h.CatalogWorkspaceID == "") {
		faults = append(faults, fault.Invalid("syncWithCatalog", "is only for what was cloned from a catalog"))
	}
	faults = append(faults, ident.Check("id", h.ID))
	if _, ok := doc.(interface{ untranslated() }); !ok {
		faults = append(faults, validateLanguages(h.DefaultLang, doc.Languages()))
	}
	faults = append(faults, checkLimits(doc), doc.Validate())
	return errors.Join(faults...)
}

func validateLanguages(def string, langs []string) error {
	if len(langs) == 0 {
		return fault.Invalid("translations", "are missing; a document has 1 to %d", MaxTranslations)
	}
	if err := validateLangs(langs); err != nil {
		return err
	}
	if def == "" {
		return fault.Invalid("defaultLang", "is empty")
	}
	if !slices.Contains(langs, def) {
		return fault.Invalid("defaultLang", "%q has no translation", def)
	}
	return nil
}

// validateLangs refuses too many languages, unknown ones, and the same twice.
func validateLangs(langs []string) error {
	if n := len(langs); n > MaxTranslations {
		return fault.Invalid("translations", "are %d, at most %d are allowed", n, MaxTranslations)
	}
	for i, lang := range langs {
		field := fmt.Sprintf("translations[%d].lang", i)
		if !tenancy.ValidLang(lang) {
			return fault.Invalid(field, "%q is not a supported language", lang)
		}
		if slices.Contains(langs[:i], lang) {
			return fault.Invalid(field, "%q occurs twice", lang)
		}
	}
	return nil
}
