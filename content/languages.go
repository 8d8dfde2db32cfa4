package content

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/text/language"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Localized is implemented by kinds with translations.
type Localized interface {
	// Localize leaves only the translation in the given language.
	Localize(lang string)
}

// Localized returns the version in force with one translation only: that in the language asked for, or
// in one of its parents ("en" for "en-GB"), or else in the document's default language. It returns
// [fault.ErrNotFound] if nothing is in force, and [fault.ErrInvalid] if lang is not a language tag.
func (d Documents[T]) Localized(ctx context.Context, id, lang string) (T, error) {
	v, err := d.Version(ctx, id, 0)
	if err != nil {
		return v.Document, err
	}
	doc := any(&v.Document).(Document)
	picked, err := PickLang(lang, doc.Languages(), doc.Head().DefaultLang)
	if err != nil {
		var none T
		return none, err
	}
	if l, ok := doc.(Localized); ok {
		l.Localize(picked)
	}
	return v.Document, nil
}

// Translations returns the translations of a document in its newest state by their languages, the last
// first unless the page is ascending, and the token of the next page. [Documents.Localized] picks one. It
// returns [fault.ErrNotFound] if there is no such document.
func (d Documents[T]) Translations(ctx context.Context, id string, page store.Page) (texts []Text, next string, err error) {
	q, err := page.Query(store.Query{})
	if err != nil {
		return nil, "", err
	}
	if page.Token != "" && !tenancy.ValidLang(page.Token) {
		return nil, "", fault.Invalid("nextToken", "is not one of this list")
	}
	return session.ReadPage(ctx, d.run, func(tx *session.Tx) ([]Text, string, error) {
		r, err := find(ctx, tx, d.kind, id)
		if err != nil {
			return nil, "", err
		}
		doc, err := open(d.kind, r, r.Draft)
		if err != nil {
			return nil, "", err
		}
		texts, next := pageOfTexts(doc, q, page.Token)
		return texts, next, nil
	})
}

// pageOfTexts returns a document's translations after a language, and the last one's language if there are more.
func pageOfTexts(doc Document, q store.Query, after string) (texts []Text, next string) {
	t, ok := doc.(interface{ AllTexts() []Text })
	if !ok {
		return nil, ""
	}
	compare := func(a, b string) int {
		if q.Descending {
			return cmp.Compare(b, a)
		}
		return cmp.Compare(a, b)
	}
	texts = slices.DeleteFunc(t.AllTexts(), func(t Text) bool { return after != "" && compare(t.Language(), after) <= 0 })
	slices.SortFunc(texts, func(a, b Text) int { return compare(a.Language(), b.Language()) })
	if len(texts) > q.Limit {
		texts = texts[:q.Limit]
		next = texts[q.Limit-1].Language()
	}
	return texts, next
}

// PickLang returns which of the languages serves somebody who asks for one, by the rules of BCP 47 and
// CLDR: that language, a parent or a variant that its speakers understand as their own; otherwise def.
// A related language is not good enough. It returns [fault.ErrInvalid] if asked is not a language tag.
func PickLang(asked string, langs []string, def string) (string, error) {
	switch {
	case asked == "":
		return def, nil
	case slices.Contains(langs, asked):
		return asked, nil
	}
	want, err := language.Parse(asked)
	if err != nil {
		return "", fault.Invalid("lang", "%.40q is not a language tag", asked)
	}
	if len(langs) == 0 {
		return def, nil
	}
	tags := make([]language.Tag, len(langs))
	for i, l := range langs {
		tags[i] = language.Make(l)
	}
	_, i, confidence := language.NewMatcher(tags).Match(want)
	base, _ := want.Base()
	if got, _ := tags[i].Base(); confidence < language.High || got != base {
		return def, nil
	}
	return langs[i], nil
}
