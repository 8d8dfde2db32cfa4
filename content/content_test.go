package content_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

var library = content.NewLibrary(content.Tags, content.Activities, content.Stories, content.Slides, content.Quizzes, boxes)

// boxes is a kind of document that refers to others of its kind.
var boxes = content.NewKind[box]("Box")

type box struct {
	content.Header
	content.Labels
	Holds    []string `json:"holds"`
	Size     int      `json:"size"`
	Outlives bool     `json:"outlives"`
	Inner    *box     `json:"inner,omitempty"`

	OpensAt time.Time `json:"opensAt,omitzero"`
}

func (b *box) Fits(find func(kind, id string) (content.Document, error)) error {
	for i, id := range b.Holds {
		doc, err := find(boxes.Name(), id)
		if err != nil {
			return err
		}
		if inner, ok := doc.(*box); ok && inner.Size > b.Size {
			return fault.Invalid(fmt.Sprintf("holds[%d]", i), "is larger than its box")
		}
	}
	return nil
}

func (b *box) Validate() error { return nil }

func (b *box) References() []content.Reference {
	var refs []content.Reference
	for i, id := range b.Holds {
		refs = append(refs, content.Reference{Field: fmt.Sprintf("holds[%d]", i), Kind: boxes.Name(), ID: id, Outlives: b.Outlives})
	}
	return refs
}

func newBox(id string, holds ...string) box {
	b := box{Header: content.Header{ID: id, DefaultLang: "en"}, Holds: holds}
	b.Translations = []content.Label{{Lang: "en", Label: id}}
	return b
}

// shelf is a workspace with nothing but documents in it. Its clock moves a step with every call, a second unless said.
type shelf struct {
	ctx        context.Context
	run        session.Runner
	activities content.Documents[content.Activity]
	tags       content.Documents[content.Tag]
	quizzes    content.Documents[content.Quiz]
	slides     content.Documents[content.Slide]
	stories    content.Documents[content.Story]
	boxes      content.Documents[box]
	now        time.Time
	step       time.Duration
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	st := memory.New()
	require.NoError(t, st.Prepare(t.Context(), content.Tables()...))
	s := &shelf{ctx: t.Context(), now: time.Date(2025, 9, 3, 12, 0, 0, 0, time.UTC), step: time.Second}
	ids := 0
	in := func(run func(context.Context, store.Scope, func(store.Tx) error) error) func(context.Context, session.Func) error {
		return func(ctx context.Context, fn session.Func) error {
			return run(ctx, store.Scope{Account: "acme", Workspace: "default"}, func(tx store.Tx) error {
				s.now = s.now.Add(s.step)
				return fn(&session.Tx{Tx: tx, Now: s.now, NewID: func() string { ids++; return fmt.Sprintf("id-%d", ids) }})
			})
		}
	}
	s.run = session.NewRunner(in(st.View), in(st.Update))
	s.activities = content.NewDocuments(s.run, library, content.Activities)
	s.tags = content.NewDocuments(s.run, library, content.Tags)
	s.quizzes = content.NewDocuments(s.run, library, content.Quizzes)
	s.slides = content.NewDocuments(s.run, library, content.Slides)
	s.stories = content.NewDocuments(s.run, library, content.Stories)
	s.boxes = content.NewDocuments(s.run, library, boxes)
	return s
}

func (s *shelf) load(t testing.TB) *content.Program {
	t.Helper()
	p, err := session.Read(t.Context(), s.run, func(tx *session.Tx) (*content.Program, error) { return library.Load(t.Context(), tx) })
	require.NoError(t, err)
	return p
}

func (s *shelf) importBundle(t testing.TB, bundle string) (int, error) {
	t.Helper()
	done, err := s.importWith(t, bundle)
	return len(done.Created) + len(done.Changed), err
}

func (s *shelf) importWith(t testing.TB, bundle string, options ...content.ImportOption) (content.Imported, error) {
	t.Helper()
	return session.Write(t.Context(), s.run, func(tx *session.Tx) (content.Imported, error) {
		return library.Import(t.Context(), tx, []byte(bundle), options...)
	})
}

func (s *shelf) export(t testing.TB) string {
	t.Helper()
	b, err := session.Read(t.Context(), s.run, func(tx *session.Tx) ([]byte, error) { return library.Export(t.Context(), tx) })
	require.NoError(t, err)
	return string(b)
}

func activity(id, name string, langs ...string) content.Activity {
	a := content.Activity{Header: content.Header{ID: id, DefaultLang: "en"}, Name: name}
	for _, lang := range append([]string{"en"}, langs...) {
		a.Translations = append(a.Translations, content.Label{Lang: lang, Label: name + " in " + lang})
	}
	return a
}

func tag(id, namespace, variant string) content.Tag {
	t := content.Tag{Header: content.Header{ID: id, DefaultLang: "en"}, Namespace: namespace, Variant: variant}
	t.Translations = []content.Label{{Lang: "en", Label: variant}}
	return t
}

func TestLifecycle(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	made, err := s.activities.Create(ctx, activity("run", "Run"))
	require.NoError(t, err)
	require.Equal(t, content.Draft, made.Stage)
	require.Equal(t, content.Custom, made.Origin)
	require.Equal(t, []string{"en"}, made.Langs)
	require.Nil(t, content.Find(s.load(t), content.Activities, "run"), "a draft is not in force")

	published, err := s.activities.Publish(ctx, "run")
	require.NoError(t, err)
	require.Equal(t, content.Published, published.Stage)
	require.Equal(t, 1, published.Version)
	_, err = s.activities.Publish(ctx, "run")
	require.ErrorIs(t, err, fault.ErrConflict, "nothing newer to publish")

	draft, err := s.activities.Update(ctx, activity("run", "Jog"))
	require.NoError(t, err)
	require.Equal(t, content.Draft, draft.Stage)
	require.Equal(t, "Run", content.Find(s.load(t), content.Activities, "run").Name, "what is published stays in force")
	_, err = s.activities.Publish(ctx, "run")
	require.NoError(t, err)
	live := content.Find(s.load(t), content.Activities, "run")
	require.Equal(t, "Jog", live.Name)
	require.Equal(t, 2, live.Version)
	require.Equal(t, made.CreatedAt, live.CreatedAt)

	_, err = s.activities.Archive(ctx, "run")
	require.NoError(t, err)
	require.Nil(t, content.Find(s.load(t), content.Activities, "run"))
	for _, call := range []func() error{
		func() error { _, err := s.activities.Archive(ctx, "run"); return err },
		func() error { _, err := s.activities.Publish(ctx, "run"); return err },
		func() error { _, err := s.activities.Update(ctx, activity("run", "Walk")); return err },
	} {
		require.ErrorIs(t, call(), fault.ErrConflict)
	}
	back, err := s.activities.Unarchive(ctx, "run")
	require.NoError(t, err)
	require.Equal(t, content.Draft, back.Stage)
	again, err := s.activities.Publish(ctx, "run")
	require.NoError(t, err)
	require.Equal(t, 3, again.Version)
}

func TestVersionsNeverChange(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	for i, name := range []string{"Run", "Jog", "Walk"} {
		if i == 0 {
			_, err := s.activities.Create(ctx, activity("run", name))
			require.NoError(t, err)
		} else {
			_, err := s.activities.Update(ctx, activity("run", name))
			require.NoError(t, err)
		}
		_, err := s.activities.Publish(ctx, "run")
		require.NoError(t, err)
	}
	first, next, err := s.activities.History(ctx, "run", store.Page{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []string{"Walk", "Jog"}, []string{first[0].Document.Name, first[1].Document.Name})
	rest, next, err := s.activities.History(ctx, "run", store.Page{Limit: 2, Token: next})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Equal(t, "Run", rest[0].Document.Name)
	require.Equal(t, 1, rest[0].Document.Version)
	live, err := s.activities.Version(ctx, "run", 0)
	require.NoError(t, err)
	require.Equal(t, "Walk", live.Document.Name)
	_, err = s.activities.Version(ctx, "run", 4)
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestFaultsNameTheirField(t *testing.T) {
	eleven := activity("run", "Run", "it", "de", "fr", "es", "pt", "nl", "pl", "cs", "da", "sv")
	for name, c := range map[string]struct {
		change func(*content.Activity)
		field  string
	}{
		"no name":            {func(a *content.Activity) { a.Name = "" }, "name"},
		"no translation":     {func(a *content.Activity) { a.Translations = nil }, "translations"},
		"11 translations":    {func(a *content.Activity) { *a = eleven }, "translations"},
		"unknown language":   {func(a *content.Activity) { a.Translations[0].Lang = "tlh" }, "translations[0].lang"},
		"language twice":     {func(a *content.Activity) { a.Translations = append(a.Translations, a.Translations[0]) }, "translations[1].lang"},
		"default untransl.":  {func(a *content.Activity) { a.DefaultLang = "it" }, "defaultLang"},
		"empty label":        {func(a *content.Activity) { a.Translations[0].Label = "" }, "translations[0].label"},
		"id in other script": {func(a *content.Activity) { a.ID = "бег" }, "id"},
		"unknown origin":     {func(a *content.Activity) { a.Origin = "ELSEWHERE" }, "origin"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			a := activity("run", "Run")
			c.change(&a)
			_, err := s.activities.Create(t.Context(), a)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, c.field+": ")
			list, _, err := s.activities.List(t.Context(), content.Filter{}, store.Page{})
			require.NoError(t, err)
			require.Empty(t, list)
		})
	}
}

func TestTakenIdsAndPairs(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	_, err := s.tags.Create(ctx, tag("red", "team", "red"))
	require.NoError(t, err)
	_, err = s.tags.Create(ctx, tag("red", "team", "blue"))
	require.ErrorIs(t, err, fault.ErrExists)
	_, err = s.tags.Create(ctx, tag("rouge", "team", "red"))
	require.ErrorIs(t, err, fault.ErrExists)
	_, err = s.activities.Create(ctx, activity("red", "Red"))
	require.NoError(t, err, "ids are unique among documents of a kind")
	_, err = s.activities.Get(ctx, "blue")
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestListIsNewestFirstAndPaged(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	var made []string
	for i := range 45 {
		a, err := s.activities.Create(ctx, activity("", fmt.Sprint("activity ", i)))
		require.NoError(t, err)
		made = append(made, a.ID)
	}
	var got []string
	for page := (store.Page{}); ; {
		list, next, err := s.activities.List(ctx, content.Filter{}, page)
		require.NoError(t, err)
		for _, a := range list {
			got = append(got, a.ID)
		}
		if page.Token = next; next == "" {
			break
		}
	}
	slices.Reverse(made)
	require.Equal(t, made, got)
	oldest, _, err := s.activities.List(ctx, content.Filter{}, store.Page{Limit: 1, Ascending: true})
	require.NoError(t, err)
	require.Equal(t, made[44], oldest[0].ID)
	for _, page := range []store.Page{{Limit: 101}, {Limit: -1}, {Token: "garbage"}} {
		_, _, err := s.activities.List(ctx, content.Filter{}, page)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}

func TestTagAssignmentIsAllOrNothing(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	_, err := s.importBundle(t, bundleOf(t, activity("run", "Run"), tag("a", "n", "a"), tag("b", "n", "b")))
	require.NoError(t, err)
	_, err = s.tags.Create(ctx, tag("draft", "n", "c"))
	require.NoError(t, err)

	_, err = s.activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: "a"}, tenancy.Tagging{TagID: "draft"})
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.Empty(t, s.load(t).EntityTags("Activity", "run", s.now))
	_, err = s.activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: "b", Priority: 2}, tenancy.Tagging{TagID: "a"})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, s.load(t).EntityTags("Activity", "run", s.now))
	_, err = s.activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: "a"})
	require.ErrorIs(t, err, fault.ErrExists)
	changed, err := s.activities.UpdateTags(ctx, "run", tenancy.Tagging{TagID: "a", Priority: 7})
	require.NoError(t, err)
	require.Equal(t, 7, changed[0].Priority)
	require.ErrorIs(t, s.activities.RemoveTags(ctx, "run", "a", "c"), fault.ErrNotFound)
	require.NoError(t, s.activities.RemoveTags(ctx, "run", "a"))
	left, _, err := s.activities.AssignedTags(ctx, "run", store.Page{})
	require.NoError(t, err)
	require.Len(t, left, 1)
	for name, tags := range map[string][]tenancy.Tagging{
		"none": nil, "26": make([]tenancy.Tagging, 26), "twice": {{TagID: "a"}, {TagID: "a"}}, "negative": {{TagID: "a", Priority: -1}},
	} {
		_, err := s.activities.AssignTags(ctx, "run", tags...)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
	}
}

func bundleOf(t testing.TB, docs ...any) string {
	t.Helper()
	var raw []json.RawMessage
	for _, d := range docs {
		kind := "Activity"
		switch d.(type) {
		case content.Tag:
			kind = "Tag"
		case box:
			kind = "Box"
		}
		b, err := json.Marshal(d)
		require.NoError(t, err)
		raw = append(raw, json.RawMessage(`{"kind":"`+kind+`",`+string(b[1:])))
	}
	b, err := json.Marshal(map[string]any{"documents": raw})
	require.NoError(t, err)
	return string(b)
}

func TestBundleSurvivesExportAndImport(t *testing.T) {
	graphic := rapid.RuneFrom(nil, unicode.GraphicRanges...)
	rapid.Check(t, func(rt *rapid.T) {
		one, two := newShelf(t), newShelf(t)
		var docs []any
		for i := range rapid.IntRange(0, 5).Draw(rt, "documents") {
			a := activity("a"+strconv.Itoa(i), rapid.StringOfN(graphic, 1, 20, 80).Draw(rt, "name"))
			a.Translations[0].Description = rapid.StringOf(graphic).Draw(rt, "description")
			docs = append(docs, a, tag("t"+strconv.Itoa(i), "n", strconv.Itoa(i)))
		}
		published, err := one.importBundle(t, bundleOf(t, docs...))
		require.NoError(rt, err)
		require.Equal(rt, len(docs), published)
		first := one.export(t)
		_, err = two.importBundle(t, first)
		require.NoError(rt, err)
		require.Equal(rt, first, two.export(t))
		again, err := two.importBundle(t, first)
		require.NoError(rt, err)
		require.Zero(rt, again, "the same bundle changes nothing")
	})
}

// A copy of a workspace has the tags of its documents, and its rules apply in the same order.
func TestBundleKeepsTagsAndOrder(t *testing.T) {
	ctx, one, two := t.Context(), newShelf(t), newShelf(t)
	_, err := one.importBundle(t, bundleOf(t, activity("z", "First"), activity("a", "Second"), tag("t", "n", "t"), tag("u", "n", "u")))
	require.NoError(t, err)
	_, err = one.activities.AssignTags(ctx, "a", tenancy.Tagging{TagID: "t", Priority: 3}, tenancy.Tagging{TagID: "u"})
	require.NoError(t, err)
	bundle := one.export(t)
	_, err = two.importBundle(t, bundle)
	require.NoError(t, err)
	require.Equal(t, bundle, two.export(t))
	p := two.load(t)
	require.Equal(t, []string{"t", "u"}, p.EntityTags("Activity", "a", one.now))
	live := content.Live(p, content.Activities)
	require.Equal(t, []string{"z", "a"}, []string{live[0].ID, live[1].ID})

	const only = `{"documents":[{"kind":"Activity","id":"a","tags":[%s],"name":"Second","defaultLang":"en","translations":[{"lang":"en","label":"Second"}]}]}`
	_, err = two.importBundle(t, fmt.Sprintf(only, `{"tagId":"u"}`))
	require.NoError(t, err)
	require.Equal(t, []string{"u"}, two.load(t).EntityTags("Activity", "a", two.now))
	for tags, field := range map[string]string{
		`{"tagId":"nope"}`:                `documents[0].tags[0].tagId: names Tag "nope"`,
		`{"tagId":"u"},{"tagId":"u"}`:     "documents[0].tags[1].tagId: ",
		`{"tagId":"u","priority":-1}`:     "documents[0].tags[0].priority: ",
		`{"tagId":"u","priority":"high"}`: "documents[0].tags",
	} {
		_, err := two.importBundle(t, fmt.Sprintf(only, tags))
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
}

func TestImportIsAllOrNothingAndReportsEveryFault(t *testing.T) {
	s := newShelf(t)
	bad := activity("bad", "Bad")
	bad.Name, bad.DefaultLang = "", "it"
	_, err := s.importBundle(t, bundleOf(t, activity("run", "Run"), bad, activity("run", "Run")))
	for _, want := range []string{"documents[2]: Activity \"run\" occurs twice"} {
		require.ErrorContains(t, err, want)
	}
	_, err = s.importBundle(t, bundleOf(t, activity("run", "Run"), bad))
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "documents[1].name: is empty")
	require.ErrorContains(t, err, "documents[1].defaultLang: ")
	require.JSONEq(t, `{"documents":[]}`, s.export(t))
	for name, bundle := range map[string]string{
		"cut off":       `{"documents":[{"kind":"Activity"`,
		"unknown kind":  `{"documents":[{"kind":"Achievement","id":"x"}]}`,
		"no kind":       `{"documents":[{"id":"x"}]}`,
		"no object":     `{"documents":[7]}`,
		"unknown field": `{"documents":[{"kind":"Activity","id":"x","label":"X"}]}`,
		"two values":    `{"documents":[]}{}`,
	} {
		_, err := s.importBundle(t, bundle)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
	}
}

func TestDiff(t *testing.T) {
	from := bundleOf(t, activity("run", "Run"), activity("swim", "Swim"), tag("a", "n", "a"))
	to := bundleOf(t, tag("a", "n", "a"), activity("run", "Jog"), activity("row", "Row"))
	d, err := library.Diff([]byte(from), []byte(to))
	require.NoError(t, err)
	require.Equal(t, content.Difference{
		Added: []string{"Activity/row"}, Changed: []string{"Activity/run"}, Removed: []string{"Activity/swim"},
		Fields: []content.FieldDifference{
			{Document: "Activity/run", Field: "translations[0].label", From: json.RawMessage(`"Run in en"`), To: json.RawMessage(`"Jog in en"`)},
			{Document: "Activity/run", Field: "name", From: json.RawMessage(`"Run"`), To: json.RawMessage(`"Jog"`)},
		},
	}, d)
}

// A field is told where it differs: deep in lists, absent on a side, and tags beside the others.
func TestDiffOfFields(t *testing.T) {
	const run = `{"documents": [{"kind": "Activity", "id": "run", "name": "Run", "defaultLang": "en", "translations": [%s]%s}]}`
	en := `{"lang": "en", "label": "Run"}`
	from := fmt.Sprintf(run, en, "")
	for _, tt := range []struct{ to, want string }{
		{fmt.Sprintf(run, en, `, "tags": [], "additionalData": []`), `[]`},
		{fmt.Sprintf(run, en, `, "tags": [{"tagId": "a", "priority": 1}]`), `[{"document":"Activity/run","field":"tags[0]","to":{"tagId":"a","priority":1}}]`},
		{fmt.Sprintf(run, en+`, {"lang": "it", "label": "Corsa"}`, ""), `[{"document":"Activity/run","field":"translations[1]","to":{"lang":"it","label":"Corsa"}}]`},
		{fmt.Sprintf(run, `{"lang": "en", "label": "Run", "description": "On foot."}`, ""), `[{"document":"Activity/run","field":"translations[0].description","to":"On foot."}]`},
		{fmt.Sprintf(run, en, `, "additionalData": [{"name": "km", "type": "NUMBER"}]`), `[{"document":"Activity/run","field":"additionalData[0]","to":{"name":"km","type":"NUMBER"}}]`},
	} {
		d, err := library.Diff([]byte(from), []byte(tt.to))
		require.NoError(t, err)
		said, err := json.Marshal(append([]content.FieldDifference{}, d.Fields...))
		require.NoError(t, err)
		require.JSONEq(t, tt.want, string(said))
		back, err := library.Diff([]byte(tt.to), []byte(from))
		require.NoError(t, err)
		require.Equal(t, d.Changed, back.Changed)
		require.Len(t, back.Fields, len(d.Fields), "whichever way one looks")
	}
}

func TestJoin(t *testing.T) {
	one, two := bundleOf(t, activity("run", "Run")), bundleOf(t, activity("swim", "Swim"))
	both, err := content.Join([]byte(one), []byte(two), []byte(`{"$schema": "bundle.json", "documents": []}`))
	require.NoError(t, err)
	require.JSONEq(t, bundleOf(t, activity("run", "Run"), activity("swim", "Swim")), string(both))
	_, err = content.Join([]byte(one), []byte("{}"), []byte("[]"))
	require.EqualError(t, err, `bundles[1].documents: are missing; a bundle is {"documents": [ … ]}`+"\n"+"bundles[2].bundle: must be an object, not a list")
	none, err := content.Join()
	require.NoError(t, err)
	require.JSONEq(t, `{"documents": []}`, string(none))
}

func TestPickLang(t *testing.T) {
	langs := []string{"en", "it", "nb", "zh-CN", "zh-TW", "he"}
	for asked, want := range map[string]string{
		"it": "it", "it-CH": "it", "en-GB": "en", "de": "en", "da": "en", "zh-HK": "zh-TW", "zh-Hans-SG": "zh-CN", "iw": "he", "": "en",
	} {
		got, err := content.PickLang(asked, langs, "en")
		require.NoError(t, err)
		require.Equal(t, want, got, asked)
	}
	_, err := content.PickLang("not a language!", langs, "en")
	require.ErrorIs(t, err, fault.ErrInvalid)
	none, err := content.PickLang("it", nil, "")
	require.NoError(t, err)
	require.Empty(t, none, "some documents have no translations")
}

func TestLocalizedHasOneTranslation(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	_, err := s.importBundle(t, bundleOf(t, activity("run", "Run", "it")))
	require.NoError(t, err)
	a, err := s.activities.Localized(ctx, "run", "it-CH")
	require.NoError(t, err)
	require.Equal(t, []content.Label{{Lang: "it", Label: "Run in it"}}, a.Translations)
	all, err := s.activities.Get(ctx, "run")
	require.NoError(t, err)
	require.Len(t, all.Translations, 2, "the document itself is as it was")
}

func TestInForceAnswersForAMoment(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	_, err := s.importBundle(t, bundleOf(t, activity("run", "Run")))
	require.NoError(t, err)
	between := s.now
	_, err = s.importBundle(t, bundleOf(t, activity("run", "Jog")))
	require.NoError(t, err)
	at := func(moment time.Time) content.Document {
		doc, err := session.Read(ctx, s.run, func(tx *session.Tx) (content.Document, error) {
			return library.InForce(ctx, tx, "Activity", "run", moment)
		})
		require.NoError(t, err)
		return doc
	}
	require.Nil(t, at(between.Add(-time.Hour)))
	require.Equal(t, "Run", at(between).(*content.Activity).Name)
	require.Equal(t, "Jog", at(s.now).(*content.Activity).Name)
	require.Equal(t, 2, at(s.now).Head().Version)
}

func TestZeroServiceRefuses(t *testing.T) {
	var d content.Documents[content.Activity]
	_, err := d.Get(t.Context(), "run")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "zero value")
}
