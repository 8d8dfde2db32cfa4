package content

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

const fieldCatalog = "catalogWorkspaceId"

// A CloneOption changes what [Documents.Clone] does.
type CloneOption string

// Sync marks the clones to follow the catalog: [Library.Sync] takes over what it publishes later.
const Sync CloneOption = "sync"

// catalogOf returns the transaction on the rows of a catalog that the workspace may read.
func catalogOf(ctx context.Context, tx *session.Tx, id string) (*session.Tx, error) {
	if err := ident.Check(fieldCatalog, id); err != nil {
		return nil, err
	}
	own, err := tenancy.FindWorkspace(ctx, tx, tx.Scope())
	if err != nil {
		return nil, err
	}
	if !slices.Contains(own.Catalogs, id) {
		return nil, fault.Forbidden(fieldCatalog, "%q is not among the catalogs of the workspace", id)
	}
	scope := store.Scope{Account: own.AccountID, Workspace: id}
	catalog, err := tenancy.FindWorkspace(ctx, tx, scope)
	if err == nil {
		err = catalog.Whole()
	}
	if err != nil {
		return nil, err
	}
	if catalog.Type != tenancy.TypeCatalog {
		return nil, fault.Forbidden(fieldCatalog, "%q is a workspace of type %s, not CATALOG", id, catalog.Type)
	}
	from := *tx
	from.Tx = tx.In(scope)
	return &from, nil
}

// published returns the record as it is in force: without what a newer draft has changed.
func (r *record) published() *record {
	then := *r
	then.Stage, then.UpdatedAt = Published, r.Marks[len(r.Marks)-1].At
	return &then
}

// CatalogGet returns a document in force in a catalog of the workspace. It returns [fault.ErrForbidden] if
// the workspace does not list the catalog, or it is not of type CATALOG, and [fault.ErrNotFound].
func (d Documents[T]) CatalogGet(ctx context.Context, catalogWorkspaceID, id string) (T, error) {
	return session.Read(ctx, d.run, func(tx *session.Tx) (T, error) {
		var none T
		from, err := catalogOf(ctx, tx, catalogWorkspaceID)
		if err != nil {
			return none, err
		}
		r, err := findLive(ctx, from, d.kind, id)
		if err != nil {
			return none, err
		}
		return d.open(ctx, d.lib.view(from), r.published(), r.Live)
	})
}

// CatalogList returns the documents in force in a catalog of the workspace, in the order of their last
// update there, newest first, and the token of the next page. It returns [fault.ErrForbidden] as
// [Documents.CatalogGet] does.
func (d Documents[T]) CatalogList(ctx context.Context, catalogWorkspaceID string, page store.Page) (docs []T, next string, err error) {
	return session.ReadPage(ctx, d.run, func(tx *session.Tx) ([]T, string, error) {
		from, err := catalogOf(ctx, tx, catalogWorkspaceID)
		if err != nil {
			return nil, "", err
		}
		return d.list(ctx, from, Filter{InForce: true}, page)
	})
}

// Clone copies a document in force in a catalog of the workspace, with its translations and tags and
// everything that it refers to, and publishes the copies, all or nothing. They have the ids that they have
// in the catalog, so that references and expressions stay right, and say where they came from. What was
// cloned from there before stays as it is. A tag is the workspace's own of the same namespace and variant,
// if it has one: references to it are adapted, expressions are not.
//
// It returns [fault.ErrForbidden] as [Documents.CatalogGet] does, [fault.ErrNotFound], and
// [fault.ErrExists] if another document of the workspace has one of the ids.
func (d Documents[T]) Clone(ctx context.Context, catalogWorkspaceID, id string, options ...CloneOption) (T, error) {
	return d.write(ctx, func(tx *session.Tx) (*record, error) {
		for _, o := range options {
			if o != Sync {
				return nil, fault.Invalid("options", "%q is not sync", o)
			}
		}
		c, err := d.lib.cloning(ctx, tx, catalogWorkspaceID)
		if err != nil {
			return nil, err
		}
		c.sync = slices.Contains(options, Sync)
		_, taken, err := documents.Get(ctx, tx, recordKey(d.kind.name, id))
		if err == nil && taken {
			err = fault.Exists(d.kind.name, "%q exists already", id)
		}
		if err != nil {
			return nil, err
		}
		if err := c.take(ctx, tx, d.kind, id); err != nil {
			return nil, err
		}
		if err := c.finish(ctx, tx); err != nil {
			return nil, err
		}
		return find(ctx, tx, d.kind, id)
	})
}

// cloning is a change that takes documents from a catalog.
type cloning struct {
	*change
	from    *session.Tx
	catalog string
	sync    bool
	local   map[string]string // ids of tags of the catalog → of the workspace
	tagged  []parsed          // what is new, with its tags
}

func (l *Library) cloning(ctx context.Context, tx *session.Tx, catalog string) (*cloning, error) {
	from, err := catalogOf(ctx, tx, catalog)
	return &cloning{change: newChange(l), from: from, catalog: catalog, local: map[string]string{}}, err
}

// finish publishes what was taken.
func (c *cloning) finish(ctx context.Context, tx *session.Tx) error {
	var faults []error
	for _, d := range c.drafts {
		faults = append(faults, fault.In(d.field, c.check(ctx, tx, d.kind, d.doc)))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if err := c.commit(ctx, tx); err != nil {
		return err
	}
	for i := range c.tagged {
		if _, err := retag(ctx, tx, &c.tagged[i]); err != nil {
			return err
		}
	}
	return nil
}

// take adds a document of the catalog to the change, and before it what it needs.
func (c *cloning) take(ctx context.Context, tx *session.Tx, kind AnyKind, id string) error {
	source, err := findLive(ctx, c.from, kind, id)
	if err != nil {
		return err
	}
	doc, err := open(kind, source, source.Live)
	if err != nil {
		return err
	}
	key := recordKey(kind.Name(), id)
	c.docs[key] = doc // before what it refers to, which may refer to it
	tags, err := c.takeTags(ctx, tx, kind.Name(), id)
	if err != nil {
		return err
	}
	for _, ref := range doc.References() {
		if err := c.takeReference(ctx, tx, ref); err != nil {
			return err
		}
	}
	if doc, err = c.localized(kind, doc); err != nil {
		return err
	}
	old, exists, err := documents.Get(ctx, tx, key)
	if err != nil {
		return err
	}
	h := doc.Head()
	h.Origin, h.CatalogID, h.CatalogWorkspaceID, h.CatalogVersion = Catalog, id, c.catalog, source.Version
	h.SyncWithCatalog = c.sync
	base := &old
	if !exists {
		base = nil
		c.tagged = append(c.tagged, parsed{kind: kind, doc: doc, tags: tags})
	}
	r, err := draft(tx, kind, doc, base)
	if err != nil {
		return fault.In(key, err)
	}
	if !exists { // rules apply in the order in which they were taken
		r.CreatedAt = tx.Now.Add(time.Duration(len(c.drafts)) * time.Microsecond)
	}
	c.add(draftOf{&r, kind, doc, key})
	return nil
}

// takeReference takes what a document of the catalog refers to, unless the workspace has it.
func (c *cloning) takeReference(ctx context.Context, tx *session.Tx, ref Reference) error {
	kind, known := c.lib.Kind(ref.Kind)
	if !known || c.docs[recordKey(ref.Kind, ref.ID)] != nil {
		return nil
	}
	if ref.Kind == Tags.name {
		_, err := c.takeTag(ctx, tx, ref.ID)
		return err
	}
	return c.takeOnce(ctx, tx, kind, ref.ID)
}

// takeOnce takes a document unless it was cloned before; [fault.ErrExists] if another has its id.
func (c *cloning) takeOnce(ctx context.Context, tx *session.Tx, kind AnyKind, id string) error {
	old, exists, err := documents.Get(ctx, tx, recordKey(kind.Name(), id))
	if err != nil {
		return err
	}
	if !exists {
		return c.take(ctx, tx, kind, id)
	}
	doc, err := open(kind, &old, old.Draft)
	if err != nil {
		return err
	}
	if h := doc.Head(); h.CatalogWorkspaceID != c.catalog || h.CatalogID != id {
		return fault.Exists(kind.Name(), "%q exists already and is not the catalog's", id)
	}
	return nil
}

// takeTag returns the id that a tag of the catalog has in the workspace, and takes it if there is none.
func (c *cloning) takeTag(ctx context.Context, tx *session.Tx, id string) (string, error) {
	if known := c.local[id]; known != "" {
		return known, nil
	}
	source, err := find(ctx, c.from, Tags, id)
	if err != nil {
		return "", err
	}
	same, err := documents.List(ctx, tx, store.By("unique", store.Text(Tags.name), store.Text(source.Unique)))
	if err != nil {
		return "", err
	}
	c.local[id] = id
	if len(same) > 0 {
		c.local[id] = same[0].ID
		return same[0].ID, nil
	}
	return id, c.takeOnce(ctx, tx, Tags, id)
}

// takeTags returns the tags that a document of the catalog carries, as the workspace knows them.
func (c *cloning) takeTags(ctx context.Context, tx *session.Tx, kind, id string) ([]tenancy.Tagging, error) {
	carried, err := assignments.List(ctx, c.from, carriedBy(kind, id))
	if err != nil {
		return nil, err
	}
	tags := make([]tenancy.Tagging, len(carried))
	for i, a := range carried {
		tags[i].Priority = a.Priority
		if tags[i].TagID, err = c.takeTag(ctx, tx, a.TagID); err != nil {
			return nil, err
		}
	}
	return tags, nil
}

// localized returns the document with its references to tags as the workspace knows them.
func (c *cloning) localized(kind AnyKind, doc Document) (Document, error) {
	renamed := slices.DeleteFunc(doc.References(), func(r Reference) bool { return r.Kind != Tags.name || c.local[r.ID] == r.ID })
	if len(renamed) == 0 {
		return doc, nil
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var fields any
	if err := dec.Decode(&fields); err != nil {
		return nil, err
	}
	for _, r := range renamed {
		if !put(fields, r.Field, c.local[r.ID]) {
			return nil, fmt.Errorf("content: %s %q has no field %s", kind.Name(), doc.Head().ID, r.Field)
		}
	}
	if body, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	return kind.parse(body)
}

// put sets a text inside decoded JSON, at a path such as "rewards[0].tagId". It returns false if there is
// no text there.
func put(in any, path, value string) bool {
	steps := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
	for i, step := range steps {
		last := i == len(steps)-1
		switch node := in.(type) {
		case map[string]any:
			if _, text := node[step].(string); last && text {
				node[step] = value
				return true
			}
			in = node[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(node) {
				return false
			}
			if _, text := node[n].(string); last && text {
				node[n] = value
				return true
			}
			in = node[n]
		default:
			return false
		}
	}
	return false
}

// Sync lets up to limit documents that follow a catalog, after the given key, take over its newer versions,
// together with what these need that the workspace lacks. It returns the key to go on after, "" if that was
// all, and the faults of documents that could not: each stays as it is and the others go on. A document
// with a draft of its own, or whose catalog the workspace may no longer read, is left alone.
func (l *Library) Sync(ctx context.Context, tx *session.Tx, after string, limit int) (next string, faults []error, err error) {
	rs, next, err := documents.Page(ctx, tx, store.By("follows").First(limit), after)
	if err != nil {
		return "", nil, err
	}
	for i := range rs {
		if err := l.follow(ctx, tx, &rs[i]); err != nil {
			if _, refused := errors.AsType[*fault.Error](err); !refused {
				return "", nil, err
			}
			faults = append(faults, fault.In(recordKey(rs[i].Kind, rs[i].ID), err))
		}
	}
	return next, faults, nil
}

// follow takes over the catalog's version of a document, if it is newer.
func (l *Library) follow(ctx context.Context, tx *session.Tx, r *record) error {
	kind, ok := l.Kind(r.Kind)
	if !ok || r.Stage != Published {
		return nil
	}
	doc, err := open(kind, r, r.Live)
	if err != nil {
		return err
	}
	h := doc.Head()
	c, err := l.cloning(ctx, tx, h.CatalogWorkspaceID)
	if errors.Is(err, fault.ErrForbidden) || errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	source, ok, err := documents.Get(ctx, c.from, recordKey(r.Kind, h.CatalogID))
	if err != nil || !ok || source.Live == nil || source.Version <= h.CatalogVersion {
		return err
	}
	c.sync = true
	if err := c.take(ctx, tx, kind, h.CatalogID); err != nil {
		return err
	}
	return c.finish(ctx, tx)
}
