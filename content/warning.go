package content

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
)

// A Warning is something in a document that is valid, and yet hardly what its author meant.
type Warning struct {
	// Field is the part of the document, as in a [fault.Error].
	Field string `json:"field"`
	// Reason is for a person to read: what will happen, and what to write instead.
	Reason string `json:"reason"`
}

// An Expression is one that a document holds.
type Expression struct {
	// Field is the field that holds it, and Source the JSON; nothing or null is no expression.
	Field  string
	Source json.RawMessage
	// Use is what its value is for, and Sees what it may read.
	Use  rule.Use
	Sees *rule.Context
	// On picks the events that it is asked about; the zero Matcher means none.
	On event.Matcher
}

// Expressive is implemented by kinds whose documents hold expressions. They are looked through for what their author
// can hardly have meant ([rule.Lint]) and for ids of documents that are not in force, which are warnings; and what
// they read of the additional data of an activity that declares it must fit the declaration.
type Expressive interface {
	// Expressions returns them, also those that are null, always the same fields in the same order.
	Expressions() []Expression
}

// Warned is implemented by kinds that have something else to warn of.
type Warned interface {
	// Warnings returns it, in view of what is in force. It is asked whenever a document is read.
	Warnings(ctx context.Context, in View) ([]Warning, error)
}

// A View is the documents in force, as a call sees them.
type View struct {
	tx    *session.Tx
	lib   *Library
	found map[string]Document // by kind and id
	ids   map[string][]string // of all of a kind
}

func (l *Library) view(tx *session.Tx) View {
	return View{tx, l, map[string]Document{}, map[string][]string{}}
}

// Document returns the one of a kind and an id, nil if there is none.
func (v View) Document(ctx context.Context, kind, id string) (Document, error) {
	key := recordKey(kind, id)
	doc, known := v.found[key]
	if known {
		return doc, nil
	}
	doc, err := newChange(v.lib).look(ctx, v.tx, kind, id)
	if err == nil {
		v.found[key] = doc
	}
	return doc, err
}

// Now is the moment of the call.
func (v View) Now() time.Time { return v.tx.Now }

// Documents returns those of a kind, the first thousand of them, by id.
func (v View) Documents(ctx context.Context, kind string) ([]Document, error) {
	ids, err := v.idsOf(ctx, kind)
	if err != nil {
		return nil, err
	}
	if err := v.prefetch(ctx, each(ids, func(id string) string { return recordKey(kind, id) })); err != nil {
		return nil, err
	}
	all := make([]Document, len(ids))
	for i, id := range ids {
		if all[i], err = v.Document(ctx, kind, id); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// TagNamespace tells whether a tag has a namespace.
func (v View) TagNamespace(ctx context.Context, namespace string) (bool, error) {
	from := (&Tag{Namespace: namespace}).UniqueKey()
	q := store.By("unique", store.Text(Tags.name)).Between(store.Text(from), store.Text(from[:len(from)-1]+"\x20"))
	tags, err := documents.List(ctx, v.tx, q)
	return slices.ContainsFunc(tags, func(r record) bool { return r.Live != nil }), err
}

// idsOf returns the ids of documents of a kind, the first thousand of them.
func (v View) idsOf(ctx context.Context, kind string) ([]string, error) {
	if ids, known := v.ids[kind]; known {
		return ids, nil
	}
	records, err := documents.List(ctx, v.tx, store.Prefix(kind+"/").First(MaxItems))
	if err == nil {
		v.ids[kind] = each(slices.DeleteFunc(records, func(r record) bool { return r.Live == nil }), func(r record) string { return r.ID })
	}
	return v.ids[kind], err
}

// warnings returns what there is to warn of in each of some documents. It takes as many round trips as for one.
func (v View) warnings(ctx context.Context, docs ...Document) ([][]Warning, error) {
	looked := make([][]linted, len(docs))
	var about, named []string
	for i, doc := range docs {
		x, ok := doc.(Expressive)
		if !ok {
			continue
		}
		for _, e := range x.Expressions() {
			if !mechanic.Absent(e.Source) {
				looked[i] = append(looked[i], linted{Expression: e})
				about = append(about, e.about()...)
			}
		}
	}
	if err := v.prefetch(ctx, about); err != nil {
		return nil, err
	}
	for i := range looked {
		for k := range looked[i] {
			l := &looked[i][k]
			if err := v.lint(ctx, l); err != nil {
				return nil, err
			}
			for _, m := range l.mentions {
				named = append(named, recordKey(m.Kind, m.ID))
			}
		}
	}
	if err := v.prefetch(ctx, named); err != nil {
		return nil, err
	}
	all := make([][]Warning, len(docs))
	for i, doc := range docs {
		for k := range looked[i] {
			found, err := v.mentioned(ctx, &looked[i][k])
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], found...)
		}
		if w, ok := doc.(Warned); ok {
			own, err := w.Warnings(ctx, v)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], own...)
		}
	}
	return all, nil
}

// prefetch reads documents that are going to be looked at, by their keys.
func (v View) prefetch(ctx context.Context, keys []string) error {
	keys = slices.DeleteFunc(keys, func(key string) bool { _, known := v.found[key]; return known })
	if len(keys) == 0 {
		return nil
	}
	return v.tx.Prefetch(ctx, documents.Keys(keys...))
}

// linted is an expression that was looked through.
type linted struct {
	Expression

	warnings []Warning
	mentions []rule.Mention
}

// about returns the key of the activity that the expression is about, if it is about one.
func (e Expression) about() []string {
	if e.On.Type != event.MatchInstance || e.On.Entity != string(event.Activity) {
		return nil
	}
	return []string{recordKey(Activities.name, e.On.EntityID)}
}

// lint looks through an expression. What a draft will be refused for is among the warnings.
func (v View) lint(ctx context.Context, l *linted) error {
	sees, _, err := l.declared(func(kind, id string) (Document, error) { return v.Document(ctx, kind, id) })
	if err != nil {
		return err
	}
	findings, mentions, err := rule.Lint(l.Source, sees, l.Use)
	if err != nil {
		l.warnings = warningsOf(fault.In(l.Field, err))
		return nil
	}
	l.warnings = each(findings, func(one rule.Finding) Warning { return Warning{l.Field + one.At, one.Reason} })
	l.mentions = slices.DeleteFunc(mentions, func(m rule.Mention) bool { return !v.lib.knows(m.Kind) })
	return nil
}

// mentioned returns the warnings of an expression, with those of what it mentions.
func (v View) mentioned(ctx context.Context, l *linted) ([]Warning, error) {
	for _, m := range l.mentions {
		unknown, err := v.unknown(ctx, m)
		if err != nil {
			return nil, err
		}
		if unknown != "" {
			l.warnings = append(l.warnings, Warning{l.Field + m.At, unknown})
		}
	}
	return l.warnings, nil
}

// unknown says that a document is not in force that an expression mentions, "" if it is.
func (v View) unknown(ctx context.Context, m rule.Mention) (string, error) {
	doc, err := v.Document(ctx, m.Kind, m.ID)
	if err != nil || doc != nil {
		return "", err
	}
	ids, err := v.idsOf(ctx, m.Kind)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("names %s %q, which is not published%s", m.Kind, m.ID, hint(m.ID, ids)), nil
}

// warningsOf returns faults as warnings.
func warningsOf(err error) []Warning {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Warning
		for _, e := range many.Unwrap() {
			all = append(all, warningsOf(e)...)
		}
		return all
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return []Warning{{e.Field, e.Reason}}
	}
	return nil
}

// declared returns what the expression may read if the activity that it is about declares its additional data, and
// whether it does.
func (e Expression) declared(find func(kind, id string) (Document, error)) (*rule.Context, bool, error) {
	if len(e.about()) == 0 {
		return e.Sees, false, nil
	}
	doc, err := find(Activities.name, e.On.EntityID)
	if err != nil {
		return nil, false, err
	}
	a, ok := doc.(*Activity)
	if !ok || len(a.AdditionalData) == 0 {
		return e.Sees, false, nil
	}
	return e.Sees.Declare("additionalData", a.dataTypes()), true, nil
}

// fitsData returns every fault in how the expressions of a document fit what activities declare.
func fitsData(doc Document, find func(kind, id string) (Document, error)) error {
	x, ok := doc.(Expressive)
	if !ok {
		return nil
	}
	var faults []error
	for _, e := range x.Expressions() {
		sees, declared, err := e.declared(find)
		if err != nil {
			return err
		}
		if declared && !mechanic.Absent(e.Source) {
			_, _, err = rule.Lint(e.Source, sees, e.Use)
			faults = append(faults, fault.In(e.Field, err))
		}
	}
	return errors.Join(faults...)
}
