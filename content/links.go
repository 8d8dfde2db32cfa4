package content

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// link says that the version in force of a document refers to another document.
type link struct {
	ToKind string `json:"toKind"`
	ToID   string `json:"toId"`
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	// Outlives is that of the reference.
	Outlives bool `json:"outlives,omitempty"`
}

func (l *link) key() string { return recordKey(l.ToKind, l.ToID) + "/" + recordKey(l.Kind, l.ID) }

var links = store.Define("document_links", (*link).key, nil)

// usersOf returns the other documents in force that refer to a document.
func usersOf(ctx context.Context, tx *session.Tx, kind, id string) ([]link, error) {
	users, err := links.List(ctx, tx, store.Prefix(recordKey(kind, id)+"/"))
	return slices.DeleteFunc(users, func(l link) bool { return l.Kind == kind && l.ID == id }), err
}

// allUsersOf returns the other documents in force that refer to a document, directly or not, each once.
func allUsersOf(ctx context.Context, tx *session.Tx, kind, id string) ([]link, error) {
	var all []link
	seen := map[string]bool{recordKey(kind, id): true}
	for next := []link{{Kind: kind, ID: id}}; len(next) > 0; next = next[1:] {
		users, err := usersOf(ctx, tx, next[0].Kind, next[0].ID)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			if key := recordKey(u.Kind, u.ID); !seen[key] {
				seen[key] = true
				all, next = append(all, u), append(next, u)
			}
		}
	}
	return all, nil
}

// list names documents, the first few of them.
func list(users []link) string {
	const most = 5
	names := each(users[:min(len(users), most)], func(l link) string { return fmt.Sprintf("%s %q", l.Kind, l.ID) })
	if more := len(users) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// relink replaces the links of the version in force of a document by those of doc, or by none if doc is nil.
func relink(ctx context.Context, tx *session.Tx, kind AnyKind, r *record, doc Document) error {
	var old Document
	if r.Live != nil {
		var err error
		if old, err = open(kind, r, r.Live); err != nil {
			return err
		}
	}
	before, after := linksOf(kind, old), linksOf(kind, doc)
	gone := slices.DeleteFunc(slices.Clone(before), func(l link) bool { return slices.Contains(after, l) })
	if err := links.Delete(ctx, tx, each(gone, func(l link) string { return l.key() })...); err != nil {
		return err
	}
	return links.Put(ctx, tx, slices.DeleteFunc(after, func(l link) bool { return slices.Contains(before, l) })...)
}

// linksOf returns where a document leads, each document once; none if it is nil.
func linksOf(kind AnyKind, doc Document) []link {
	if doc == nil {
		return nil
	}
	var all []link
	for _, ref := range doc.References() {
		l := link{ToKind: ref.Kind, ToID: ref.ID, Kind: kind.Name(), ID: doc.Head().ID, Outlives: ref.Outlives}
		if !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	return all
}
