package content_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

func quiz(id string) content.Quiz {
	return content.Quiz{
		Header: content.Header{ID: id, DefaultLang: "en"}, Difficulty: content.Easy, CorrectAnswer: content.Option2, Placement: content.Standalone,
		Texts: content.Texts[content.Question]{Translations: []content.Question{
			{Lang: "en", Question: "Which is a fruit?", Opt1: "Leek", Opt2: "Pear", Explanation: "It grows\non trees."},
			{Lang: "it", Question: "Quale è un frutto?", Opt1: "Porro", Opt2: "Pera"},
		}},
	}
}

func page() content.Page {
	return content.Page{Background: "#fff", Contents: []content.Block{
		{Type: content.BlockSlide, Text: "Pears keep\nfor weeks."},
		{Type: content.BlockMedia, Media: &content.BlockContent{Type: content.MediaVideo, URL: "https://example.org/pear.mp4"}},
	}}
}

func slide() content.Slide {
	return content.Slide{
		Header: content.Header{ID: "keep", DefaultLang: "en"},
		Texts: content.Texts[content.SlideText]{Translations: []content.SlideText{
			{Lang: "en", Title: "Pears", Image: "https://example.org/pear.png", Content: page()},
			{Lang: "it", Title: "Pere", Content: content.Page{Contents: []content.Block{}}},
		}},
	}
}

func story() content.Story {
	return content.Story{
		Header: content.Header{ID: "pears", DefaultLang: "en"},
		Texts: content.Texts[content.StoryText]{Translations: []content.StoryText{
			{Lang: "en", Title: "A year of pears", Image: "https://example.org/pear.png", Slides: []content.Page{page(), page()}},
		}},
	}
}

func TestLearningContentIsPublishedAndLocalized(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	_, err := s.stories.Create(ctx, story())
	require.NoError(t, err)
	_, err = s.slides.Create(ctx, slide())
	require.NoError(t, err)
	about := quiz("fruit")
	about.StoryID, about.Placement = "pears", content.InStory
	_, err = s.quizzes.Create(ctx, about)
	require.NoError(t, err)

	_, err = s.quizzes.Publish(ctx, "fruit")
	require.ErrorIs(t, err, fault.ErrInvalid, "the story is not published")
	require.ErrorContains(t, err, "storyId: ")
	_, err = s.stories.Publish(ctx, "pears")
	require.NoError(t, err)
	_, err = s.quizzes.Publish(ctx, "fruit")
	require.NoError(t, err)
	_, err = s.slides.Publish(ctx, "keep")
	require.NoError(t, err)

	asked, err := s.quizzes.Localized(ctx, "fruit", "it-CH")
	require.NoError(t, err)
	require.Equal(t, []content.Question{about.Translations[1]}, asked.Translations)
	require.Equal(t, "Pera", asked.Translations[0].Answer(asked.CorrectAnswer))
	require.Empty(t, asked.Translations[0].Answer(content.Option3))
	require.Empty(t, asked.Translations[0].Answer("opt5"))
	read, err := s.slides.Localized(ctx, "keep", "de")
	require.NoError(t, err)
	require.Equal(t, slide().Translations[:1], read.Translations)
	told, err := s.stories.Localized(ctx, "pears", "")
	require.NoError(t, err)
	require.Equal(t, story().Translations, told.Translations)

	bundle, other := s.export(t), newShelf(t)
	n, err := other.importBundle(t, bundle)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, bundle, other.export(t))
}

func TestQuizFaults(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*content.Quiz)
		field  string
	}{
		"no question":             {func(q *content.Quiz) { q.Translations[1].Question = "" }, "translations[1].question"},
		"one option":              {func(q *content.Quiz) { q.Translations[0].Opt2 = "" }, "translations[0].opt2"},
		"gap in options":          {func(q *content.Quiz) { q.Translations[0].Opt4, q.Translations[1].Opt4 = "Kiwi", "Kiwi" }, "translations[0].opt3"},
		"option in one language":  {func(q *content.Quiz) { q.Translations[1].Opt3 = "Cavolo" }, "translations[1].opt3"},
		"no difficulty":           {func(q *content.Quiz) { q.Difficulty = "" }, "difficulty"},
		"unknown placement":       {func(q *content.Quiz) { q.Placement = "LEARNING" }, "placement"},
		"unknown answer":          {func(q *content.Quiz) { q.CorrectAnswer = "opt5" }, "correctAnswer"},
		"answer without text":     {func(q *content.Quiz) { q.CorrectAnswer = content.Option3 }, "correctAnswer"},
		"story of no id":          {func(q *content.Quiz) { q.StoryID = "a b" }, "storyId"},
		"parent without type":     {func(q *content.Quiz) { q.ParentID = "path" }, "parentType"},
		"type without parent":     {func(q *content.Quiz) { q.ParentType = content.ParentGroup }, "parentId"},
		"long option":             {func(q *content.Quiz) { q.Translations[0].Opt1 = strings.Repeat("x", content.MaxText+1) }, "translations[0].opt1"},
		"control in explanation":  {func(q *content.Quiz) { q.Translations[0].Explanation = "a\x00" }, "translations[0].explanation"},
		"no default translation":  {func(q *content.Quiz) { q.DefaultLang = "fr" }, "defaultLang"},
		"question in no language": {func(q *content.Quiz) { q.Translations = nil }, "translations"},
	} {
		t.Run(name, func(t *testing.T) {
			s, q := newShelf(t), quiz("fruit")
			c.change(&q)
			_, err := s.quizzes.Create(t.Context(), q)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, c.field+": ")
			_, err = s.quizzes.Get(t.Context(), "fruit")
			require.ErrorIs(t, err, fault.ErrNotFound)
		})
	}
}

func TestSlideAndStoryFaults(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*content.Page)
		field  string
	}{
		"long colour":        {func(p *content.Page) { p.TextColor = strings.Repeat("x", content.MaxName+1) }, "textColor"},
		"too many blocks":    {func(p *content.Page) { p.Contents = make([]content.Block, content.MaxBlocks+1) }, "contents"},
		"block of no type":   {func(p *content.Page) { p.Contents[0].Type = "" }, "contents[0].type"},
		"media without one":  {func(p *content.Page) { p.Contents[1].Media = nil }, "contents[1].media"},
		"medium of no type":  {func(p *content.Page) { p.Contents[1].Media.Type = "audio" }, "contents[1].media.type"},
		"relative medium":    {func(p *content.Page) { p.Contents[1].Media.URL = "pear.mp4" }, "contents[1].media.url"},
		"control in a block": {func(p *content.Page) { p.Contents[0].Text = "\x1b[0m" }, "contents[0].text"},
	} {
		t.Run(name, func(t *testing.T) {
			s, sl, st := newShelf(t), slide(), story()
			c.change(&sl.Translations[0].Content)
			_, err := s.slides.Create(t.Context(), sl)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, "translations[0].content."+c.field+": ")
			c.change(&st.Translations[0].Slides[1])
			_, err = s.stories.Create(t.Context(), st)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, "translations[0].slides[1]."+c.field+": ")
		})
	}
	ctx, s := t.Context(), newShelf(t)
	for field, change := range map[string]func(*content.Slide){
		"translations[0].title": func(sl *content.Slide) { sl.Translations[0].Title = "" },
		"translations[0].image": func(sl *content.Slide) { sl.Translations[0].Image = "/pear.png" },
		"defaultSlideLayoutId":  func(sl *content.Slide) { sl.DefaultSlideLayoutID = "wide page" },
		"parentType":            func(sl *content.Slide) { sl.ParentID, sl.ParentType = "pears", "story" },
	} {
		sl := slide()
		change(&sl)
		_, err := s.slides.Create(ctx, sl)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, field+": ")
	}
	for field, change := range map[string]func(*content.Story){
		"translations[0].title":  func(st *content.Story) { st.Translations[0].Title = " \n" },
		"translations[0].image":  func(st *content.Story) { st.Translations[0].Image = "" },
		"translations[0].slides": func(st *content.Story) { st.Translations[0].Slides = nil },
		"defaultStoryLayoutId":   func(st *content.Story) { st.DefaultStoryLayoutID = "ü" },
	} {
		st := story()
		change(&st)
		_, err := s.stories.Create(ctx, st)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, field+": ")
	}
}
