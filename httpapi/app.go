package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

// app declares the operations of the App.
func app(f *forms) []*operation {
	return slices.Concat(appContent(f), appLearning(f), appMissions(f), appStreaks(f), appLevels(), appBoards(f), appEconomy(f), appBoosts(), appBadges(), appBadgeConfigurations(f), appUsers(f), appOthers(f), appLive())
}

// unseen are the fields of documents that those who play do not see.
var unseen = []string{"stage", "version", "catalogVersion", "warnings", "translations", "state"}

// shapeFor says what is different about the documents of a type for those who play: what their ids are called, and what else is hidden.
func shapeFor[T any](f *forms, id, catalogID string, hidden ...string) {
	f.shapes[reflect.TypeFor[T]()] = shape{
		names: map[string]string{"id": id, "catalogId": catalogID}, hidden: append(hidden, unseen...),
		always: []string{"origin", "langs", "createdAt", "updatedAt"},
	}
}

// hide says which fields of a type those who play do not see.
func hide[T any](f *forms, fields ...string) { f.shapes[reflect.TypeFor[T]()] = shape{hidden: fields} }

// A docText is what a document says in one language.
type docText[T any] struct {
	Text T `wire:"inline"`
	// Own is the document's id under the name that it has in its rows.
	Own       map[string]string `wire:"flat"`
	CreatedAt time.Time         `json:"createdAt"`
	UpdatedAt time.Time         `json:"updatedAt"`
}

// A textRow is a [docText] with where it is.
type textRow[T any] struct {
	docText[T]
	envelope
}

// stamped is an [envelope] with times.
type stamped struct {
	envelope

	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// ofUser is a call that returns what a user has.
type ofUser[T any] = func(ctx context.Context, userID string) ([]T, error)

// evaluated returns what the user has, with what is assigned when the user asks: if that is something, it is left to be done behind the view. Who
// may not submit gets nothing new, and nobody does where the workspace is closed.
func evaluated[T any](ctx context.Context, c *call, evaluate func(*guerdon.Workspace) ofUser[T], read ofUser[T]) ([]T, error) {
	if c.settled || !c.user.Can(tenancy.ContentSubmit) {
		return read(ctx, c.user.ID)
	}
	have, err := evaluate(c.ws)(ctx, c.user.ID)
	if errors.Is(err, fault.ErrConflict) {
		c.due = func(ctx context.Context) error {
			_, err := evaluate(c.ws.Detached())(ctx, c.user.ID)
			return err
		}
	}
	return have, err
}

// expansions are what rows have if it is asked for.
type expansions[T any] struct {
	Tags        *[]tenancy.UserTag `json:"tags,omitempty"`
	Translation *T                 `json:"translation,omitempty"`
}

// picked returns the text that serves who asks for a language; nil if there is none.
func picked[T content.Text](asked string, texts []T, def string) (*T, error) {
	langs := make([]string, len(texts))
	for i := range texts {
		langs[i] = texts[i].Language()
	}
	lang, err := content.PickLang(asked, langs, def)
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	return &texts[max(0, slices.Index(langs, lang))], nil
}

// sliced returns a page of a list that is there as a whole, in the order of its keys, which are unique; desc reverses it.
func sliced[T any](all []T, key func(*T) string, p *paging) (list[T], error) {
	limit := p.page().Limit
	if limit == 0 {
		limit = defaultPage
	}
	descending := p.Order == "desc"
	if p.NextToken != "" {
		after, err := base64.RawURLEncoding.DecodeString(p.NextToken)
		if err != nil {
			return list[T]{}, fault.Invalid("nextToken", "is not one of this list")
		}
		beyond := func(v *T) bool {
			return (strings.Compare(key(v), string(after)) > 0) != descending && key(v) != string(after)
		}
		all = slices.DeleteFunc(slices.Clone(all), func(v T) bool { return !beyond(&v) })
	}
	if descending {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	if len(all) <= limit {
		return list[T]{Items: all}, nil
	}
	return list[T]{all[:limit], base64.RawURLEncoding.EncodeToString([]byte(key(&all[limit-1])))}, nil
}
