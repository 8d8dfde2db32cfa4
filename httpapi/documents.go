package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A kind is one sort of document on the wire: documents T, whose texts are W.
type kind[T any, W content.Text] struct {
	// name is the kind's.
	name string
	// plural is the word of its paths, id the name of its id there and in its rows.
	plural, id string
	// singular is the word before /{id}/translations; "" is plural.
	singular string
	// catalogID is the name of the field that says of what a document is a clone, "" for the usual one.
	catalogID string
	of        func(*guerdon.Workspace) content.Documents[T]
	// hidden are fields, by their names in Go's JSON, that the wire does not have: an update leaves them as they are.
	hidden []string
	// null are rules that may be null in answers, filled those that are what is said here where they are empty.
	null   []string
	filled map[string]string
	// unless is a field: where it is not empty, what is filled is absent.
	unless string
	// kept are fields that answers have and the body of an update lacks.
	kept []keep
	// ai says that bodies may say the origin, AI among them.
	ai bool
	// stated says that lists may be asked for the documents of a state, cataloged that they may be asked for those of a catalog.
	stated, cataloged bool
	// expansions are what may be asked for beside tags and translations.
	expansions []string
	// reads declares what lists and gets documents; nil declares [kind.plainReads].
	reads func(k *kind[T, W], base, one string) []*operation
	// creates declares what creates documents; nil declares [kind.create].
	creates func(k *kind[T, W], base string, codes []int) *operation
	// own are the statuses of creating, if they are not 201, 400 and 401.
	own []int
	// generated says that nobody chooses the id of a new one.
	generated bool
	// tags are the statuses of assigning tags and of removing them; the zero tagCodes are of a kind without tags.
	tags tagCodes
}

// A keep is a field that stays as it is where a body lacks it, as long as another has a value that asks for it. Without an other it stays
// in any case.
type keep struct{ field, where, is string }

// server are the fields of documents that no body sets.
var server = []string{"id", "stage", "version", "langs", "createdAt", "updatedAt", "state", "warnings", "catalogId", "catalogVersion", "periodId"}

// envelope is what rows of the Dashboard say of where they are.
type envelope struct {
	AccountID    string `json:"accountId"`
	WorkspaceID  string `json:"workspaceId"`
	SourceRegion string `json:"sourceRegion"`
}

func (c *call) envelope() envelope {
	at := c.ws.Scope()
	return envelope{at.Account, at.Workspace, c.region}
}

// A document is a row of a document in the Dashboard.
type document[T any, W content.Text] struct {
	Doc T `wire:"inline"`
	envelope

	Tags *[]tenancy.UserTag `json:"tags,omitempty"`
	// Translations are those of the document, if they are asked for.
	Translations []textRow[W] `json:"translations,omitempty"`
}

// shape returns the shape of the documents of a kind.
func (k *kind[T, W]) shape() shape {
	s := shape{
		names:  map[string]string{"id": k.id, "catalogId": k.catalog()},
		hidden: append([]string{"version", "catalogVersion", "warnings"}, k.hidden...),
		always: []string{"origin", "langs", "stage", "createdAt", "updatedAt", "periodId"},
		null:   k.null,
		filled: k.filled,
		unless: k.unless,
	}
	if k.timed() {
		s.always = append(s.always, "state")
	} else {
		s.hidden = append(s.hidden, "state")
	}
	return s
}

// timed tells whether the documents of the kind have a timeframe.
func (k *kind[T, W]) timed() bool {
	_, is := any(new(T)).(content.Timed)
	return is
}

// rowShape returns the shape of what rows have beside their document.
func (k *kind[T, W]) rowShape() (s shape) {
	if k.tags.several == nil {
		s.hidden = append(s.hidden, "tags")
	}
	if _, said := any(new(T)).(texted); !said {
		s.hidden = append(s.hidden, "translations")
	}
	return s
}

// body returns the shape of the documents of a kind as they are written. Rules may be null there.
func (k *kind[T, W]) body(id bool) shape {
	hidden := slices.DeleteFunc(slices.Concat(server, k.hidden), func(name string) bool { return name == "id" && id || name == "catalogId" })
	if !k.ai {
		hidden = append(hidden, "origin")
	}
	return shape{names: map[string]string{"id": k.id, "catalogId": k.catalog()}, hidden: hidden, omitted: []string{"id"}}
}

// shapes says what is different on the wire about the rows of the kind, and what they are called.
func (k *kind[T, W]) shapes(f *forms) {
	row := reflect.TypeFor[document[T, W]]()
	f.shapes[reflect.TypeFor[T]()], f.shapes[row], f.names[row] = k.shape(), k.rowShape(), k.name
}

// catalog returns the name of the field that says of what a document is a clone.
func (k *kind[T, W]) catalog() string { return cmp.Or(k.catalogID, "catalog"+upper(k.id)) }

type (
	listing struct {
		paging
		expanded
		cataloged

		State string `enum:"PENDING,ACTIVE,ENDED" query:"state"`
	}
	named struct {
		expanded
		cataloged

		ID string `path:"id"`
	}
	expanded struct {
		// Fields are the expansions that are asked for; which there are is the kind's.
		Fields []string `query:"fields"`
	}
	cataloged struct {
		// CatalogWorkspaceID asks for what a catalog has.
		CatalogWorkspaceID string `query:"catalogWorkspaceId"`
	}
	written struct {
		Body map[string]json.RawMessage `body:"json"`
	}
	rewritten struct {
		ID   string                     `path:"id"`
		Body map[string]json.RawMessage `body:"json"`
		// IfMatch is the tag of the state that the caller has seen.
		IfMatch string `header:"If-Match"`
	}
)

// documents declares the operations of a kind in the Dashboard.
func documents[T any, W content.Text](f *forms, k *kind[T, W]) []*operation {
	of := reflect.TypeFor[T]()
	k.shapes(f)
	base, one := "/"+k.plural, "/"+k.plural+"/{"+k.id+"}"
	own := k.own
	if own == nil {
		own = codes(201, 400, 401)
	}
	reads, creates := k.plainReads, k.plainCreate
	if k.reads != nil {
		reads = func(base, one string) []*operation { return k.reads(k, base, one) }
	}
	if k.creates != nil {
		creates = func(base string, codes []int) *operation { return k.creates(k, base, codes) }
	}
	all := append(reads(base, one),
		creates(base, own),
		declare("PUT", one, tenancy.ContentUpdate, "Replace the draft of one of "+k.plural, codes(200, 400, 401, 404), k.update),
		declare("POST", one+"/publish", tenancy.ContentLifecycle, "Publish one of "+k.plural, codes(200, 400, 401, 404), k.publish),
	)
	for i, o := range all {
		switch {
		case o.Method == http.MethodPut:
			all[i].takes = f.written(of, k.body(true))
			for _, kept := range k.kept {
				all[i].takes.lenient(kept.field)
			}
		case o.Method == http.MethodPost && o.Path == base:
			all[i].takes = f.written(of, k.body(!k.generated))
			if k.creates != nil {
				all[i].takes = withChildren(f, all[i].takes)
			}
		}
	}
	for _, words := range k.worded() {
		all = append(all, declare("GET", "/"+words+"/{"+k.id+"}/translations", tenancy.ContentRead, "List the translations", codes(200, 401, 404), k.translations))
	}
	if k.tags.several != nil {
		of := func(ws *guerdon.Workspace) tagged { return k.of(ws) }
		all = append(all, tagReads(one, of)...)
		all = append(all, tagWrites(one, k.name, tenancy.ContentUpdate, k.tags, of)...)
	}
	for _, o := range all {
		o.names = map[string]string{"id": k.id, "catalogId": k.catalog()}
		k.narrow(o)
	}
	return all
}

// worded returns the words before /{id}/translations.
func (k *kind[T, W]) worded() []string {
	switch k.singular {
	case "":
		return []string{k.plural}
	case elsewhere:
		return nil
	}
	return []string{k.singular, k.plural}
}

// elsewhere says that the translations of a kind are declared by themselves.
const elsewhere = "-"

// narrow leaves an operation only what the kind has of what one may be asked for.
func (k *kind[T, W]) narrow(o *operation) {
	o.params = slices.DeleteFunc(o.params, func(p param) bool {
		return p.name == "state" && !k.stated || p.name == "catalogWorkspaceId" && !k.cataloged
	})
	for i := range o.params {
		if p := &o.params[i]; p.name == "fields" {
			p.allowed = append([]string{"translations"}, k.expansions...)
			if k.tags.several != nil {
				p.allowed = append(p.allowed, "tags")
			}
		}
	}
}

// plainReads declares what lists and gets documents as they are.
func (k *kind[T, W]) plainReads(base, one string) []*operation {
	return expandedReads(k, base, one, func(_ context.Context, _ *call, rows []document[T, W], _ []string) ([]document[T, W], error) {
		return rows, nil
	})
}

// expandedReads declares what lists and gets documents with expansions of their own: expand makes them of rows, all at once.
func expandedReads[T any, W content.Text, R any](
	k *kind[T, W], base, one string, expand func(ctx context.Context, c *call, rows []document[T, W], fields []string) ([]R, error),
) []*operation {
	return []*operation{
		declare("GET", base, tenancy.ContentRead, "List "+k.plural, codes(200, 401), func(ctx context.Context, c *call, in *listing) (list[R], error) {
			found, next, err := k.list(ctx, c, in)
			if err != nil {
				return list[R]{}, err
			}
			rows, err := expand(ctx, c, found, in.Fields)
			return list[R]{rows, next}, err
		}),
		declare("GET", one, tenancy.ContentRead, "Get one of "+k.plural, codes(200, 401, 404), func(ctx context.Context, c *call, in *named) (row R, err error) {
			found, err := k.get(ctx, c, in)
			if err != nil {
				return row, err
			}
			rows, err := expand(ctx, c, []document[T, W]{found}, in.Fields)
			if err != nil {
				return row, err
			}
			return rows[0], nil
		}),
	}
}

func (k *kind[T, W]) plainCreate(base string, codes []int) *operation {
	return declare("POST", base, tenancy.ContentCreate, "Create one of "+k.plural, codes, k.create)
}

func (k *kind[T, W]) list(ctx context.Context, c *call, in *listing) (rows []document[T, W], next string, err error) {
	docs := k.of(c.ws)
	var found []T
	if in.CatalogWorkspaceID != "" {
		found, next, err = docs.CatalogList(ctx, in.CatalogWorkspaceID, in.page())
	} else {
		found, next, err = docs.List(ctx, content.Filter{State: timeframe.State(in.State)}, in.page())
	}
	if err != nil {
		return nil, "", err
	}
	rows, err = k.rows(ctx, c, found, in.expansions())
	return rows, next, err
}

func (k *kind[T, W]) get(ctx context.Context, c *call, in *named) (row document[T, W], err error) {
	var doc T
	if in.CatalogWorkspaceID != "" {
		doc, err = k.of(c.ws).CatalogGet(ctx, in.CatalogWorkspaceID, in.ID)
	} else {
		doc, err = k.of(c.ws).Get(ctx, in.ID)
	}
	if err != nil {
		return row, err
	}
	return k.row(ctx, c, doc, in.expansions())
}

// expansions are those that are asked for; of what a catalog has, its tags are not known.
func (in *listing) expansions() []string { return in.of(in.Fields) }

func (in *named) expansions() []string { return in.of(in.Fields) }

func (in *cataloged) of(fields []string) []string {
	if in.CatalogWorkspaceID == "" {
		return fields
	}
	return slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == "tags" })
}

func (k *kind[T, W]) create(ctx context.Context, c *call, in *written) (document[T, W], error) {
	doc, err := k.draft(in.Body)
	if err == nil {
		doc, err = k.of(c.ws).Create(ctx, doc)
		c.changed(nil, doc)
	}
	if err != nil {
		return document[T, W]{}, err
	}
	return k.row(ctx, c, doc, nil)
}

// draft returns the new document that a body is.
func (k *kind[T, W]) draft(body map[string]json.RawMessage) (doc T, err error) {
	own, err := k.inward(body)
	if err != nil {
		return doc, err
	}
	if id, is := body[k.id]; is && !k.generated {
		own["id"] = id
	}
	return k.read(own)
}

// update replaces the draft. What the wire does not know of the document stays.
func (k *kind[T, W]) update(ctx context.Context, c *call, in *rewritten) (row document[T, W], err error) {
	err = c.ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
		doc, err := k.replace(ctx, c, k.of(ws), in)
		if err == nil {
			row, err = k.row(ctx, c, doc, nil)
		}
		return err
	})
	return row, err
}

// replace replaces the draft of a document in a transaction.
func (k *kind[T, W]) replace(ctx context.Context, c *call, docs content.Documents[T], in *rewritten) (doc T, err error) {
	body, err := k.inward(in.Body)
	if err != nil {
		return doc, err
	}
	if id, is := in.Body[k.id]; is {
		if named := ""; json.Unmarshal(id, &named) != nil || named != in.ID {
			return doc, fault.Invalid(k.id, "is not that of the path")
		}
	}
	was, err := docs.Get(ctx, in.ID)
	if err != nil {
		return doc, err
	}
	old, err := fieldsOf(was)
	if err != nil {
		return doc, err
	}
	if doc, err = k.read(k.merged(body, old)); err != nil {
		return doc, err
	}
	if !sees(in.IfMatch, headOf(&was)) {
		return doc, k.stale(ctx, docs, in.IfMatch, doc)
	}
	doc, err = docs.Update(ctx, doc)
	c.changed(was, doc)
	return doc, err
}

// stale says what has changed in a document since the caller has seen it.
func (k *kind[T, W]) stale(ctx context.Context, docs content.Documents[T], condition string, doc T) error {
	if !seen(condition, headOf(&doc)) {
		return errStale()
	}
	err := docs.Unchanged(ctx, doc)
	if stale, is := errors.AsType[*content.StaleError](err); is {
		stale.Fields = slices.DeleteFunc(stale.Fields, func(name string) bool { return slices.Contains(k.hidden, name) })
	}
	return cmp.Or[error](err, errStale())
}

// fieldsOf returns a value as its fields under their names in Go's JSON.
func fieldsOf(v any) (fields map[string]json.RawMessage, err error) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &fields)
	}
	return fields, err
}

// merged returns a body with what the wire does not know of a document, or the body cannot say.
func (k *kind[T, W]) merged(body, old map[string]json.RawMessage) map[string]json.RawMessage {
	merged := maps.Clone(body)
	all := k.kept
	for _, name := range slices.Concat(k.hidden, []string{"origin", "catalogId", "catalogWorkspaceId", "catalogVersion", "syncWithCatalog"}) {
		all = append(slices.Clip(all), keep{field: name})
	}
	for _, kept := range all {
		_, given := body[kept.field]
		if wanted := kept.where == "" || string(body[kept.where]) == strconv.Quote(kept.is); !given && wanted && old[kept.field] != nil {
			merged[kept.field] = old[kept.field]
		}
	}
	merged["id"] = old["id"]
	return merged
}

// edition names the state of the document, whatever expansions the row has.
func (d document[T, W]) edition() string { return editionOf(headOf(&d.Doc)) }

// editionOf says when a document has changed, and its version if it is published.
func editionOf(h *content.Header) string {
	edition := strconv.FormatInt(h.UpdatedAt.UnixMicro(), 36)
	if h.Stage == content.Published {
		edition += "-" + strconv.Itoa(h.Version)
	}
	return edition
}

// sees tells whether the header If-Match lists the state that a document is in, or is not there.
func sees(condition string, h *content.Header) bool {
	return condition == "" || lists(condition, func(tag string) bool { return strings.HasPrefix(tag, `"`+editionOf(h)+".") })
}

// seen gives a document the state that the first tag of the header If-Match names, as [editionOf] does. It returns false if it names none.
func seen(condition string, h *content.Header) bool {
	tag, _, _ := strings.Cut(condition, ",")
	edition, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(tag), "W/"), `"`), ".")
	at, version, published := strings.Cut(edition, "-")
	micros, err := strconv.ParseInt(at, 36, 64)
	if err != nil {
		return false
	}
	h.UpdatedAt = time.UnixMicro(micros)
	if published {
		h.Stage = content.Published
		h.Version, err = strconv.Atoi(version)
	}
	return err == nil
}

// errStale refuses a change of another state than the caller has seen.
func errStale() *Problem {
	return problem(http.StatusPreconditionFailed, CodePrecondition, "it has changed meanwhile")
}

// publish makes the draft the version in force. One that is already is no error.
func (k *kind[T, W]) publish(ctx context.Context, c *call, in *publishing) (document[T, W], error) {
	if in.IfMatch != "" {
		now, err := k.of(c.ws).Get(ctx, in.ID)
		if err == nil && !sees(in.IfMatch, headOf(&now)) {
			err = errStale()
		}
		if err != nil {
			return document[T, W]{}, err
		}
	}
	var options []content.PublishOption
	if in.Cascade {
		options = append(options, content.Cascade)
	}
	doc, err := k.of(c.ws).Publish(ctx, in.ID, options...)
	c.changed(nil, doc)
	if errors.Is(err, fault.ErrConflict) {
		version, is := k.of(c.ws).Version(ctx, in.ID, 0)
		now, again := k.of(c.ws).Get(ctx, in.ID)
		if is == nil && again == nil && headOf(&now).Stage == content.Published {
			doc, err = version.Document, nil
		}
	}
	if err != nil {
		return document[T, W]{}, err
	}
	return k.row(ctx, c, doc, nil)
}

type publishing struct {
	ID string `path:"id"`
	// Cascade publishes what the document refers to, too.
	Cascade bool `query:"cascade"`
	// IfMatch is the tag of the state that the caller has seen.
	IfMatch string `header:"If-Match"`
}

func (k *kind[T, W]) translations(ctx context.Context, c *call, in *tagsOf) (list[textRow[W]], error) {
	texts, next, err := k.of(c.ws).Translations(ctx, in.ID, in.page())
	if err != nil {
		return list[textRow[W]]{}, err
	}
	doc, err := k.of(c.ws).Get(ctx, in.ID)
	if err != nil {
		return list[textRow[W]]{}, err
	}
	return list[textRow[W]]{k.textRows(c, headOf(&doc), texts), next}, nil
}

// textRows returns what a document says, which is as old as the document is.
func (k *kind[T, W]) textRows(c *call, head *content.Header, texts []content.Text) []textRow[W] {
	rows := make([]textRow[W], len(texts))
	for i, text := range texts {
		rows[i] = textRow[W]{docText[W]{text.(W), map[string]string{k.id: head.ID}, head.CreatedAt, head.UpdatedAt}, c.envelope()}
	}
	return rows
}

// A texted document says something in several languages.
type texted interface{ AllTexts() []content.Text }

func idOf[T any](doc *T) string { return headOf(doc).ID }

func headOf[T any](doc *T) *content.Header { return any(doc).(content.Document).Head() }

// inward returns a body under the engine's names, without what no body sets.
func (k *kind[T, W]) inward(body map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	in := maps.Clone(body)
	if in == nil {
		in = map[string]json.RawMessage{}
	}
	for _, name := range append([]string{k.id}, server...) {
		delete(in, name)
	}
	for _, name := range k.hidden {
		delete(in, name)
	}
	if id, is := body[k.catalog()]; is {
		in["catalogId"] = id
	}
	if !k.ai {
		if string(in["origin"]) == `"AI"` {
			return nil, fault.Invalid("origin", `"AI" is none of CATALOG, CUSTOM`)
		}
		delete(in, "origin")
	}
	return in, nil
}

// read returns the document that a body under the engine's names is.
func (k *kind[T, W]) read(body map[string]json.RawMessage) (doc T, err error) {
	data, err := json.Marshal(body)
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	if err != nil {
		return doc, malformed(err)
	}
	return doc, nil
}

// row returns a document as a row, with the expansions that are asked for.
func (k *kind[T, W]) row(ctx context.Context, c *call, doc T, fields []string) (document[T, W], error) {
	rows, err := k.rows(ctx, c, []T{doc}, fields)
	if err != nil {
		return document[T, W]{}, err
	}
	return rows[0], nil
}

// rows returns documents as rows, with the expansions that are asked for, which are read at once.
func (k *kind[T, W]) rows(ctx context.Context, c *call, docs []T, fields []string) ([]document[T, W], error) {
	tags, err := tagsFor(ctx, k.of(c.ws), docs, idOf, fields)
	if err != nil {
		return nil, err
	}
	rows := make([]document[T, W], len(docs))
	for i, doc := range docs {
		rows[i] = document[T, W]{Doc: doc, envelope: c.envelope()}
		if slices.Contains(fields, "translations") {
			rows[i] = k.said(c, &doc)
		}
		rows[i].Tags = tags(headOf(&doc).ID)
	}
	return rows, nil
}

// said returns a document with what it says.
func (k *kind[T, W]) said(c *call, doc *T) document[T, W] {
	row := document[T, W]{Doc: *doc, envelope: c.envelope()}
	if said, is := any(doc).(texted); is {
		row.Translations = k.textRows(c, headOf(doc), said.AllTexts())
	}
	return row
}
