package httpapi

import (
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
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A kind is one sort of document on the wire.
type kind[T any] struct {
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
	// null are rules that may be null in answers.
	null []string
	// kept are fields that answers have and the body of an update lacks.
	kept []string
	// own are the statuses of creating, if they are not 201, 400 and 401.
	own []int
	// generated says that nobody chooses the id of a new one.
	generated bool
	// tags are the statuses of assigning tags and of removing them; the zero tagCodes are of a kind without tags.
	tags tagCodes
}

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
type document[T any] struct {
	Doc T `wire:"inline"`
	envelope

	Tags *[]tagRow `json:"tags,omitempty"`
}

// shapeOf returns the shape of the documents of a kind.
func (k *kind[T]) shape() shape {
	catalog := k.catalogID
	if catalog == "" {
		catalog = "catalog" + upper(k.id)
	}
	s := shape{
		names:   map[string]string{"id": k.id, "catalogId": catalog},
		hidden:  append([]string{"version", "catalogVersion", "warnings"}, k.hidden...),
		omitted: []string{"translations"},
		null:    k.null,
	}
	return s
}

// upper returns a word with a capital.
func upper(word string) string { return string(word[0]-'a'+'A') + word[1:] }

type (
	listing struct {
		paging

		Fields []string `enum:"tags,translations,items,assignments,quizzes" query:"fields"`
		// CatalogWorkspaceID asks for what a catalog has.
		CatalogWorkspaceID string `query:"catalogWorkspaceId"`
		State              string `enum:"PENDING,ACTIVE,ENDED" query:"state"`
	}
	named struct {
		ID     string   `path:"id"`
		Fields []string `enum:"tags,translations,items,assignments,quizzes" query:"fields"`
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
func documents[T any](f *forms, k *kind[T]) []*operation {
	f.shapes[reflect.TypeFor[T]()] = k.shape()
	base, one := "/"+k.plural, "/"+k.plural+"/{"+k.id+"}"
	own := k.own
	if own == nil {
		own = codes(201, 400, 401)
	}
	words := k.plural
	if k.singular != "" {
		words = k.singular
	}
	all := []*operation{
		declare("GET", base, tenancy.ContentRead, "List "+k.plural, codes(200, 401), k.list),
		declare("POST", base, tenancy.ContentCreate, "Create one of "+k.plural, own, k.create),
		declare("GET", one, tenancy.ContentRead, "Get one of "+k.plural, codes(200, 401, 404), k.get),
		declare("PUT", one, tenancy.ContentUpdate, "Replace the draft of one of "+k.plural, codes(200, 400, 401, 404), k.update),
		declare("POST", one+"/publish", tenancy.ContentLifecycle, "Publish one of "+k.plural, codes(200, 400, 401, 404), k.publish),
		declare("GET", "/"+words+"/{"+k.id+"}/translations", tenancy.ContentRead, "List the translations", codes(200, 401, 404), k.translations),
	}
	if k.tags.several != nil {
		of := func(ws *guerdon.Workspace) tagged { return k.of(ws) }
		all = append(all, tagReads(one, of)...)
		all = append(all, tagWrites(one, k.name, tenancy.ContentUpdate, k.tags, of)...)
	}
	for _, o := range all {
		o.names = map[string]string{"id": k.id, "catalogId": k.shape().names["catalogId"]}
	}
	return all
}

func (k *kind[T]) list(ctx context.Context, c *call, in *listing) (list[document[T]], error) {
	docs := k.of(c.ws)
	var found []T
	var next string
	var err error
	if in.CatalogWorkspaceID != "" {
		found, next, err = docs.CatalogList(ctx, in.CatalogWorkspaceID, in.page())
	} else {
		found, next, err = docs.List(ctx, content.Filter{State: timeframe.State(in.State)}, in.page())
	}
	if err != nil {
		return list[document[T]]{}, err
	}
	rows := make([]document[T], len(found))
	for i := range found {
		if rows[i], err = k.row(ctx, c, found[i], in.Fields); err != nil {
			return list[document[T]]{}, err
		}
	}
	return list[document[T]]{rows, next}, nil
}

func (k *kind[T]) get(ctx context.Context, c *call, in *named) (document[T], error) {
	doc, err := k.of(c.ws).Get(ctx, in.ID)
	if err != nil {
		return document[T]{}, err
	}
	return k.row(ctx, c, doc, in.Fields)
}

func (k *kind[T]) create(ctx context.Context, c *call, in *written) (document[T], error) {
	body := k.inward(in.Body)
	if id, is := in.Body[k.id]; is && !k.generated {
		body["id"] = id
	}
	doc, err := k.read(body)
	if err == nil {
		doc, err = k.of(c.ws).Create(ctx, doc)
	}
	if err != nil {
		return document[T]{}, err
	}
	return k.row(ctx, c, doc, nil)
}

// update replaces the draft. What the wire does not know of the document stays.
func (k *kind[T]) update(ctx context.Context, c *call, in *rewritten) (row document[T], err error) {
	body := k.inward(in.Body)
	if id, is := in.Body[k.id]; is {
		if named := ""; json.Unmarshal(id, &named) != nil || named != in.ID {
			return row, fault.Invalid(k.id, "is not that of the path")
		}
	}
	err = c.ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
		docs := k.of(ws)
		was, err := docs.Get(ctx, in.ID)
		if err != nil {
			return err
		}
		if err := unchanged(in.IfMatch, headOf(&was).UpdatedAt); err != nil {
			return err
		}
		before, err := json.Marshal(was)
		if err != nil {
			return err
		}
		var old map[string]json.RawMessage
		if err := json.Unmarshal(before, &old); err != nil {
			return err
		}
		merged := maps.Clone(body)
		for _, name := range slices.Concat(k.hidden, k.kept, []string{"origin", "catalogId", "catalogWorkspaceId", "catalogVersion", "syncWithCatalog"}) {
			if _, given := body[name]; !given && old[name] != nil {
				merged[name] = old[name]
			}
		}
		merged["id"] = old["id"]
		doc, err := k.read(merged)
		if err == nil {
			doc, err = docs.Update(ctx, doc)
		}
		if err == nil {
			row, err = k.row(ctx, c, doc, nil)
		}
		return err
	})
	return row, err
}

// edition names the state of the document, whatever expansions the row has.
func (d document[T]) edition() string { return editionOf(headOf(&d.Doc).UpdatedAt) }

func editionOf(updatedAt time.Time) string { return strconv.FormatInt(updatedAt.UnixMicro(), 36) }

// unchanged refuses an update of another state than the caller has seen, as the header If-Match says.
func unchanged(condition string, updatedAt time.Time) error {
	if condition == "" || lists(condition, func(tag string) bool { return strings.HasPrefix(tag, `"`+editionOf(updatedAt)+".") }) {
		return nil
	}
	return problem(http.StatusPreconditionFailed, CodePrecondition, "it has changed meanwhile")
}

// publish makes the draft the version in force. One that is already is no error.
func (k *kind[T]) publish(ctx context.Context, c *call, in *publishing) (document[T], error) {
	var options []content.PublishOption
	if in.Cascade {
		options = append(options, content.Cascade)
	}
	doc, err := k.of(c.ws).Publish(ctx, in.ID, options...)
	if errors.Is(err, fault.ErrConflict) {
		version, is := k.of(c.ws).Version(ctx, in.ID, 0)
		now, again := k.of(c.ws).Get(ctx, in.ID)
		if is == nil && again == nil && headOf(&now).Stage == content.Published {
			doc, err = version.Document, nil
		}
	}
	if err != nil {
		return document[T]{}, err
	}
	return k.row(ctx, c, doc, nil)
}

type publishing struct {
	ID string `path:"id"`
	// Cascade publishes what the document refers to, too.
	Cascade bool `query:"cascade"`
}

func (k *kind[T]) translations(ctx context.Context, c *call, in *tagsOf) (list[translationRow], error) {
	texts, next, err := k.of(c.ws).Translations(ctx, in.ID, in.page())
	if err != nil {
		return list[translationRow]{}, err
	}
	doc, err := k.of(c.ws).Get(ctx, in.ID)
	if err != nil {
		return list[translationRow]{}, err
	}
	rows := make([]translationRow, len(texts))
	for i := range texts {
		if rows[i], err = c.translationRow(texts[i], in.ID, headOf(&doc)); err != nil {
			return list[translationRow]{}, err
		}
	}
	return list[translationRow]{rows, next}, nil
}

// A translationRow is what a document says in one language: the fields of its kind's texts.
type translationRow struct {
	Lang string `json:"lang"`
	envelope

	CreatedAt time.Time      `json:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt"`
	Text      map[string]any `wire:"flat"`
}

func (c *call) translationRow(text content.Text, id string, head *content.Header) (row translationRow, err error) {
	row = translationRow{Lang: text.Language(), envelope: c.envelope(), CreatedAt: head.CreatedAt, UpdatedAt: head.UpdatedAt}
	data, err := json.Marshal(text)
	if err == nil {
		err = json.Unmarshal(data, &row.Text)
	}
	delete(row.Text, "lang")
	for name, own := range c.own(id) {
		row.Text[name] = own
	}
	return row, err
}

func headOf[T any](doc *T) *content.Header { return any(doc).(content.Document).Head() }

// inward returns a body under the engine's names, without what no body sets.
func (k *kind[T]) inward(body map[string]json.RawMessage) map[string]json.RawMessage {
	in := maps.Clone(body)
	for _, name := range append([]string{k.id}, server...) {
		delete(in, name)
	}
	for _, name := range k.hidden {
		delete(in, name)
	}
	return in
}

// read returns the document that a body under the engine's names is.
func (k *kind[T]) read(body map[string]json.RawMessage) (doc T, err error) {
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
func (k *kind[T]) row(ctx context.Context, c *call, doc T, fields []string) (document[T], error) {
	row := document[T]{Doc: doc, envelope: c.envelope()}
	if !slices.Contains(fields, "translations") {
		hideTranslations(&row.Doc)
	}
	if k.tags.several != nil && slices.Contains(fields, "tags") {
		tags, _, err := k.of(c.ws).AssignedTags(ctx, headOf(&doc).ID, store.Page{Limit: store.MaxPage})
		if err != nil {
			return row, err
		}
		rows := c.tagRows(tags)
		row.Tags = &rows
	}
	return row, nil
}

// hideTranslations leaves a document without its translations.
func hideTranslations(doc any) {
	if texts := reflect.ValueOf(doc).Elem().FieldByName("Translations"); texts.IsValid() {
		texts.SetZero()
	}
}
