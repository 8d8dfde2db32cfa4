package content

import (
	"errors"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
)

// A Text is what a document says in one language.
type Text interface {
	// Language returns the language.
	Language() string
	// Validate returns every fault of what is said, each a [fault.Error].
	Validate() error
}

// Texts are the translations of a document. Kinds embed them.
type Texts[T Text] struct {
	Translations []T `json:"translations"`
}

// Languages returns the languages of the translations.
func (t *Texts[T]) Languages() []string { return each(t.Translations, T.Language) }

// ValidateTexts returns every fault of the translations, each with its place.
func (t *Texts[T]) ValidateTexts() error {
	var faults []error
	for i, one := range t.Translations {
		faults = append(faults, fault.In(fmt.Sprintf("translations[%d]", i), one.Validate()))
	}
	return errors.Join(faults...)
}

// CheckBelow returns every fault in what a part of a document is called in languages, each of which must be one of the document's.
func CheckBelow[T Text](texts []T, langs []string) error {
	var faults []error
	for i, t := range texts {
		err := t.Validate()
		switch {
		case !slices.Contains(langs, t.Language()):
			err = errors.Join(err, fault.Invalid("lang", "%.40q is no language of the document", t.Language()))
		case slices.ContainsFunc(texts[:i], func(before T) bool { return before.Language() == t.Language() }):
			err = errors.Join(err, fault.Invalid("lang", "%q occurs twice", t.Language()))
		}
		faults = append(faults, fault.In(fmt.Sprintf("translations[%d]", i), err))
	}
	return errors.Join(faults...)
}

// AllTexts returns the translations.
func (t *Texts[T]) AllTexts() []Text {
	all := make([]Text, len(t.Translations))
	for i, one := range t.Translations {
		all[i] = one
	}
	return all
}

// Localize leaves only the translation in the given language.
func (t *Texts[T]) Localize(lang string) {
	t.Translations = slices.DeleteFunc(slices.Clone(t.Translations), func(one T) bool { return one.Language() != lang })
}

// Labels are the translations of kinds that have a label.
type Labels = Texts[Label]

// A Label is a document's name and description in one language.
type Label struct {
	Lang        string `json:"lang"`
	Label       string `json:"label"`
	Description string `json:"description,omitempty"`
}

// Language returns the language.
func (l Label) Language() string { return l.Lang }

// Validate refuses an empty label.
func (l Label) Validate() error { return text.Required("label", l.Label) }

// Descriptions are the translations of kinds that have nothing to translate but a description.
type Descriptions = Texts[Description]

// A Description is a document's description in one language.
type Description struct {
	Lang        string `json:"lang"`
	Description string `json:"description,omitempty"`
}

// Language returns the language.
func (d Description) Language() string { return d.Lang }

// Validate refuses nothing.
func (Description) Validate() error { return nil }

// Untranslated is for kinds that have nothing to translate. Kinds embed it.
type Untranslated struct{}

// Languages returns none.
func (*Untranslated) Languages() []string { return nil }

func (*Untranslated) untranslated() {}
