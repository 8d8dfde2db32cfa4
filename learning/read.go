package learning

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
)

// quizLog returns the log of an answer, with what the user may know now, in a language as [Query.Lang] says.
func (p *Program) quizLog(ctx context.Context, tx *session.Tx, r *row, lang string) (QuizLog, error) {
	doc, err := p.document(ctx, tx, content.Pin{Kind: content.Quizzes.Name(), ID: r.ItemID, Version: r.Version})
	if err != nil {
		return QuizLog{}, err
	}
	quiz := doc.(*content.Quiz)
	picked, err := content.PickLang(cmp.Or(lang, r.Lang), quiz.Languages(), quiz.DefaultLang)
	if err != nil {
		return QuizLog{}, err
	}
	l := QuizLog{QuizID: r.ItemID, Log: r.Log, Difficulty: r.Difficulty, Answer: r.Answer, CorrectAnswer: quiz.CorrectAnswer}
	if i := slices.IndexFunc(quiz.Translations, func(q content.Question) bool { return q.Lang == picked }); i >= 0 {
		l.Explanation = quiz.Translations[i].Explanation
	}
	return l, nil
}

func (r *row) slideLog() SlideLog { return SlideLog{SlideID: r.ItemID, Log: r.Log} }

func (r *row) storyLog() StoryLog {
	return StoryLog{StoryID: r.ItemID, Log: r.Log, Bookmarked: r.bookmarked(), Shared: r.Shared}
}

// QuizLog returns a user's answer to a quiz in a context, "" being [DefaultContext]; [fault.ErrNotFound] if
// the user has not answered it.
func (s Service) QuizLog(ctx context.Context, userID, quizID, learnContext string) (QuizLog, error) {
	return readLog(ctx, s, userID, itemKey{ItemQuiz, quizID}, learnContext, func(tx *session.Tx, r *row) (QuizLog, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return QuizLog{}, err
		}
		return p.quizLog(ctx, tx, r, "")
	})
}

// SlideLog returns how far a user is with a slide in a context, "" being [DefaultContext];
// [fault.ErrNotFound] if the user has not begun it.
func (s Service) SlideLog(ctx context.Context, userID, slideID, learnContext string) (SlideLog, error) {
	return readLog(ctx, s, userID, itemKey{ItemSlide, slideID}, learnContext, func(_ *session.Tx, r *row) (SlideLog, error) {
		return r.slideLog(), nil
	})
}

// StoryLog returns what a user did with a story in a context, "" being [DefaultContext]; [fault.ErrNotFound]
// if that is nothing.
func (s Service) StoryLog(ctx context.Context, userID, storyID, learnContext string) (StoryLog, error) {
	return readLog(ctx, s, userID, itemKey{ItemStory, storyID}, learnContext, func(_ *session.Tx, r *row) (StoryLog, error) {
		return r.storyLog(), nil
	})
}

// GroupLog returns how far a user is with a group in a context, "" being [DefaultContext];
// [fault.ErrNotFound] if the user has not begun it.
func (s Service) GroupLog(ctx context.Context, userID, groupID, learnContext string) (GroupLog, error) {
	return readLog(ctx, s, userID, itemKey{ItemGroup, groupID}, learnContext, func(tx *session.Tx, r *row) (GroupLog, error) {
		items, err := s.itemsOf(ctx, tx, r)
		return GroupLog{LearningGroupID: r.ItemID, Log: r.Log, Items: items, At: at(items)}, err
	})
}

// PathLog returns how far a user is with a path in a context, "" being [DefaultContext]; [fault.ErrNotFound]
// if the user has not begun it.
func (s Service) PathLog(ctx context.Context, userID, pathID, learnContext string) (PathLog, error) {
	return readLog(ctx, s, userID, itemKey{ItemPath, pathID}, learnContext, func(tx *session.Tx, r *row) (PathLog, error) {
		items, err := s.itemsOf(ctx, tx, r)
		return PathLog{LearningPathID: r.ItemID, Log: r.Log, Items: items, At: at(items)}, err
	})
}

// itemsOf returns how far a user is with the items of the path or the group of a log.
func (s Service) itemsOf(ctx context.Context, tx *session.Tx, r *row) ([]ItemProgress, error) {
	p, u, err := s.reading(ctx, tx, r.UserID)
	if err != nil {
		return nil, err
	}
	o, err := p.outlineOf(ctx, tx, r.key(), r.BeganAt)
	if err != nil || o == nil {
		return nil, err
	}
	b := &book{user: u, context: r.Context}
	b.want(o.root.keys)
	if err := fetch(ctx, tx, b); err != nil {
		return nil, err
	}
	return b.items(o, o.root), nil
}

func readLog[T any](
	ctx context.Context, s Service, userID string, item itemKey, learnContext string, show func(*session.Tx, *row) (T, error),
) (T, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (T, error) {
		var none T
		learnContext := cmp.Or(learnContext, DefaultContext)
		if err := errors.Join(ident.Check("userId", userID), ident.Check(string(item.Type)+"Id", item.ID), checkContext(learnContext)); err != nil {
			return none, err
		}
		r, ok, err := logs.Get(ctx, tx, logKey(userID, learnContext, item))
		if err == nil && !ok {
			err = fault.NotFound(string(item.Type)+"Log", item.ID)
		}
		if err != nil {
			return none, err
		}
		return show(tx, &r)
	})
}

// Quiz returns a quiz as a user sees it in a context ("" being [DefaultContext]) and in a language as
// [Query.Lang] says, with the user's progress; [fault.ErrNotFound] for an unknown user, or a quiz that is not
// published.
func (s Service) Quiz(ctx context.Context, userID, quizID, learnContext, lang string) (AssignedItem, error) {
	return s.item(ctx, userID, itemKey{ItemQuiz, quizID}, learnContext, lang)
}

// Slide is [Service.Quiz] for a slide.
func (s Service) Slide(ctx context.Context, userID, slideID, learnContext, lang string) (AssignedItem, error) {
	return s.item(ctx, userID, itemKey{ItemSlide, slideID}, learnContext, lang)
}

// Story is [Service.Quiz] for a story.
func (s Service) Story(ctx context.Context, userID, storyID, learnContext, lang string) (AssignedItem, error) {
	return s.item(ctx, userID, itemKey{ItemStory, storyID}, learnContext, lang)
}

// item returns an item as a user sees it: the version that decides if the user submits it now.
func (s Service) item(ctx context.Context, userID string, item itemKey, learnContext, lang string) (AssignedItem, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (AssignedItem, error) {
		p, u, err := s.reading(ctx, tx, userID)
		if err != nil {
			return AssignedItem{}, err
		}
		at := Submission{UserID: userID, Context: learnContext}
		field := string(item.Type) + "Id"
		if err := at.check(field, item); err != nil {
			return AssignedItem{}, err
		}
		r, known, err := logs.Get(ctx, tx, logKey(userID, at.Context, item))
		if err != nil {
			return AssignedItem{}, err
		}
		where, err := p.place(ctx, tx, at, item)
		if err != nil && !errors.Is(err, fault.ErrForbidden) {
			return AssignedItem{}, err
		}
		doc, err := p.submitted(ctx, tx, field, item, where.began, &r)
		if err != nil {
			return AssignedItem{}, err
		}
		view := p.reader(u, lang, true)
		if !known {
			out, err := view.item(nil, doc)
			out.ItemProgress, out.Version = ItemProgress{ItemID: item.ID, ItemType: item.Type}, doc.Head().Version
			return out, err
		}
		out, err := view.item(&r, doc)
		out.ItemProgress, out.Version = r.item(), doc.Head().Version
		return out, err
	})
}
