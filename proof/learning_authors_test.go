package proof_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
)

// elevenLangs is one language more than a document may have.
var elevenLangs = []string{"en", "it", "de", "fr", "es", "pt", "nl", "pl", "cs", "da", "sv"}

func draftQuiz(id string, langs ...string) content.Quiz {
	q := content.Quiz{
		Header:     content.Header{ID: id, DefaultLang: langs[0]},
		Difficulty: content.Easy, CorrectAnswer: content.Option2, Placement: content.Standalone,
	}
	for _, lang := range langs {
		q.Translations = append(q.Translations, content.Question{Lang: lang, Question: id + "?", Opt1: "No", Opt2: "Yes"})
	}
	return q
}

// draftPath returns a path called egypt.
func draftPath(langs []string, items ...learning.Item) learning.Path {
	p := learning.Path{Header: content.Header{ID: "egypt", DefaultLang: langs[0]}, Title: "egypt", EstimatedDuration: new(decimal.NewFromInt(5))}
	p.Translations, p.Items = titles("egypt", langs...), items
	return p
}

func titles(title string, langs ...string) []learning.Title {
	all := make([]learning.Title, len(langs))
	for i, lang := range langs {
		all[i] = learning.Title{Lang: lang, Title: title}
	}
	return all
}

func draftGroup(id string, items ...learning.Item) learning.Group {
	g := learning.Group{Header: content.Header{ID: id, DefaultLang: "en"}, Title: id}
	g.Translations, g.Items = titles(id, "en"), items
	return g
}

func TestLearningContentThatIsRefusedIsNotKept(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	en := []string{"en"}
	before := w.dump(t, w.Scope())
	quiz := func(change func(*content.Quiz), langs ...string) error {
		q := draftQuiz("popes", langs...)
		change(&q)
		_, err := w.Quizzes.Create(ctx, q)
		return err
	}
	path := func(p learning.Path) error {
		_, err := w.Learning.Paths.Create(ctx, p)
		return err
	}
	same := func(*content.Quiz) {}
	for _, tt := range []struct {
		name  string
		err   error
		fault string
	}{
		{"a quiz with one option", quiz(func(q *content.Quiz) { q.Translations[0].Opt2 = "" }, "en"), "translations[0].opt2: is empty"},
		{
			"a right answer without a text in one language",
			quiz(func(q *content.Quiz) { q.Translations[0].Opt3, q.CorrectAnswer = "Perhaps", content.Option3 }, "en", "it"),
			`correctAnswer: is opt3, which has no text in "it"`,
		},
		{"a quiz in 11 languages", quiz(same, elevenLangs...), "translations: are 11"},
		{"a quiz in no language", quiz(same, "en", "tlh"), `translations[1].lang: "tlh"`},
		{"a path in 11 languages", path(draftPath(elevenLangs)), "translations: are 11"},
		{"a path in no language", path(draftPath([]string{"en", "tlh"})), `translations[1].lang: "tlh"`},
		{
			"a path that holds itself",
			path(draftPath(en, learning.Item{ItemID: "egypt", ItemType: learning.ItemPath})),
			"items[0].itemId: is the document itself",
		},
		{
			"a path that holds a path",
			path(draftPath(en, learning.Item{ItemID: "rome", ItemType: learning.ItemPath})),
			`items[0].itemType: "learningPath" is none of`,
		},
		{
			"an item for a language that is none",
			path(draftPath(en, learning.Item{ItemID: "hills", ItemType: learning.ItemQuiz, Languages: []string{"tlh"}})),
			`items[0].languages[0]: "tlh" is not a supported language`,
		},
	} {
		require.ErrorIs(t, tt.err, fault.ErrInvalid, tt.name)
		require.ErrorContains(t, tt.err, tt.fault, tt.name)
	}
	requireSameRows(t, before, w.dump(t, w.Scope()))
}

// A path whose parts are not all in force, or not all fit, is not published: the author hears of every part,
// also of the parts of groups, and no part is published alone.
func TestPathWithBrokenPartsIsNotPublished(t *testing.T) {
	t.Parallel()
	w := newAcademy(t)
	ctx := t.Context()
	popes := learning.Item{ItemID: "popes", ItemType: learning.ItemQuiz}
	nile := learning.Item{ItemID: "nile", ItemType: learning.ItemSlide}
	exam := learning.Item{ItemID: "exam", ItemType: learning.ItemGroup}
	hills := learning.Item{ItemID: "hills", ItemType: learning.ItemQuiz}
	_, err := w.Quizzes.Create(ctx, draftQuiz("popes", "en"))
	require.NoError(t, err)
	_, err = w.Learning.Groups.Create(ctx, draftGroup("exam", popes, learning.Item{ItemID: "nobody", ItemType: learning.ItemQuiz}))
	require.NoError(t, err)
	_, err = w.Learning.Paths.Create(ctx, draftPath([]string{"en"}, hills, popes, nile, exam))
	require.NoError(t, err)
	before := w.dump(t, w.Scope())

	_, err = w.Learning.Paths.Publish(ctx, "egypt")
	require.ErrorIs(t, err, fault.ErrInvalid)
	for _, part := range []string{
		`items[1].itemId: names Quiz "popes", which is not published`,
		`items[2].itemId: names Slide "nile", which does not exist`,
		`items[3].itemId: names LearningGroup "exam", which is not published`,
	} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "hills")
	_, err = w.Learning.Paths.Publish(ctx, "egypt", content.Cascade)
	require.ErrorIs(t, err, fault.ErrInvalid)
	for _, part := range []string{
		`items[2].itemId: names Slide "nile", which does not exist`,
		`LearningGroup/exam.items[1].itemId: names Quiz "nobody", which does not exist`,
	} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "popes")
	requireSameRows(t, before, w.dump(t, w.Scope()))

	_, err = w.Learning.Groups.Update(ctx, draftGroup("exam", popes))
	require.NoError(t, err)
	_, err = w.Learning.Paths.Update(ctx, draftPath([]string{"en"}, hills, exam))
	require.NoError(t, err)
	_, err = w.Learning.Paths.Publish(ctx, "egypt", content.Cascade)
	require.NoError(t, err)
	_, err = w.Learning.Assign(ctx, learning.NewAssignment{PathID: "egypt", UserID: "ada"})
	require.NoError(t, err)
	w.answer(t, "ada", "hills", content.Option2)
	w.answer(t, "ada", "popes", content.Option2)
	require.Equal(t, learning.StatusCompleted, w.paths(t, "ada")["egypt"].Progress.Status)
}
