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
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// quizLog returns the log of an answer, with what the user may know now, in a language as [Query.Lang] says.
func (p *program) quizLog(ctx context.Context, tx *session.Tx, r *row, lang string) (QuizLog, error) {
	doc, err := p.document(ctx, tx, content.Pin{Kind: content.Quizzes.Name(), ID: r.ItemID, Version: r.Version})
	if err != nil {
		return QuizLog{}, err
	}
	quiz := doc.(*content.Quiz)
	picked, err := content.PickLang(cmp.Or(lang, r.Lang), quiz.Languages(), quiz.DefaultLang)
	if err != nil {
		return QuizLog{}, err
	}
	l := QuizLog{QuizID: r.ItemID, Log: r.Log, Difficulty: r.Difficulty, Answer: r.Answer, Attempts: r.tries()}
	if r.open(quiz) {
		return l, nil
	}
	l.CorrectAnswer = quiz.CorrectAnswer
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

// Answers returns the answers of all users to a quiz, in whatever context, and the token of the next page. Those of users who have been deleted are among them. It
// reads through the logs of the workspace, however few are of the quiz.
func (s Service) Answers(ctx context.Context, quizID string, page store.Page) (list []QuizLog, next string, err error) {
	if err := ident.Check("quizId", quizID); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]QuizLog, string, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, "", err
		}
		rows, next, err := logs.PageWhere(ctx, tx, store.Query{}, page, func(r *row) bool { return r.ItemType == ItemQuiz && r.ItemID == quizID })
		if err != nil {
			return nil, "", err
		}
		list := make([]QuizLog, len(rows))
		for i := range rows {
			if list[i], err = p.quizLog(ctx, tx, &rows[i], ""); err != nil {
				return nil, "", err
			}
		}
		return list, next, nil
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
		items, err := s.itemsOf(ctx, tx, *r)
		if err != nil {
			return GroupLog{}, err
		}
		return r.groupLog(items[0]), nil
	})
}

// GroupLogs returns the logs of all groups that a user has begun in a context, "" being [DefaultContext], by the
// groups' ids, the last first unless the page is ascending, and the token of the next page. It returns
// [fault.ErrNotFound] for an unknown user.
func (s Service) GroupLogs(ctx context.Context, userID, learnContext string, page store.Page) (list []GroupLog, next string, err error) {
	learnContext = cmp.Or(learnContext, DefaultContext)
	if err := errors.Join(ident.Check("userId", userID), checkContext(learnContext)); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]GroupLog, string, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, "", err
		}
		rows, next, err := logs.PageOf(ctx, tx, store.Prefix(logKey(u.ID, learnContext, itemKey{Type: ItemGroup})), page)
		if err != nil || len(rows) == 0 {
			return nil, "", err
		}
		items, err := s.itemsOf(ctx, tx, rows...)
		if err != nil {
			return nil, "", err
		}
		list := make([]GroupLog, len(rows))
		for i := range rows {
			list[i] = rows[i].groupLog(items[i])
		}
		return list, next, nil
	})
}

func (r *row) groupLog(items []ItemProgress) GroupLog {
	return GroupLog{LearningGroupID: r.ItemID, Log: r.Log, Items: items, At: at(items)}
}

// PathLog returns how far a user is with a path in a context, "" being [DefaultContext]; [fault.ErrNotFound]
// if the user has not begun it.
func (s Service) PathLog(ctx context.Context, userID, pathID, learnContext string) (PathLog, error) {
	return readLog(ctx, s, userID, itemKey{ItemPath, pathID}, learnContext, func(tx *session.Tx, r *row) (PathLog, error) {
		items, err := s.itemsOf(ctx, tx, *r)
		if err != nil {
			return PathLog{}, err
		}
		return PathLog{LearningPathID: r.ItemID, Log: r.Log, Items: items[0], At: at(items[0])}, nil
	})
}

// itemsOf returns how far a user is with the items of the paths or groups of logs, at least one, all of one
// user and context.
func (s Service) itemsOf(ctx context.Context, tx *session.Tx, rows ...row) ([][]ItemProgress, error) {
	p, u, err := s.reading(ctx, tx, rows[0].UserID)
	if err != nil {
		return nil, err
	}
	keys := make([]itemKey, len(rows))
	for i := range rows {
		keys[i] = rows[i].key()
	}
	if err := p.recall(ctx, tx, keys); err != nil {
		return nil, err
	}
	b := &book{user: u, context: rows[0].Context}
	outlines := make([]*outline, len(rows))
	for i := range rows {
		if outlines[i], err = p.outlineOf(ctx, tx, keys[i], rows[i].Beginning); err != nil {
			return nil, err
		}
		if outlines[i] != nil {
			b.want(outlines[i].root.keys)
		}
	}
	if err := fetch(ctx, tx, b); err != nil {
		return nil, err
	}
	items := make([][]ItemProgress, len(rows))
	for i, o := range outlines {
		if o != nil {
			items[i] = b.items(o, o.root)
		}
	}
	return items, nil
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
		if err := tx.Prefetch(ctx, tenancy.ReadingUsers(userID), logs.Keys(logKey(userID, learnContext, item))); err != nil {
			return none, err
		}
		userID, err := tenancy.Standing(ctx, tx, userID)
		if err != nil {
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

// Group is [Service.Quiz] for a group, with what it holds.
func (s Service) Group(ctx context.Context, userID, groupID, learnContext, lang string) (AssignedItem, error) {
	return s.item(ctx, userID, itemKey{ItemGroup, groupID}, learnContext, lang)
}

// item returns an item as a user sees it.
func (s Service) item(ctx context.Context, userID string, item itemKey, learnContext, lang string) (AssignedItem, error) {
	list, err := s.Items(ctx, userID, learnContext, lang, Item{ItemID: item.ID, ItemType: item.Type})
	if err != nil {
		return AssignedItem{}, err
	}
	return list[0], nil
}

// Items returns items as a user sees them, in their order: of each the version that decides if the user submits it now, as [Service.Quiz]
// and the like do, which may fail as they do. However many there are, they are read together.
func (s Service) Items(ctx context.Context, userID, learnContext, lang string, of ...Item) ([]AssignedItem, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]AssignedItem, error) {
		p, u, err := s.reading(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		at := Submission{UserID: u.ID, Context: learnContext}
		b := &book{user: u}
		for _, item := range of {
			if err := at.check(itemKey{item.ItemType, item.ItemID}, tx.Now); err != nil {
				return nil, err
			}
			b.context = at.Context
			b.want([]itemKey{{item.ItemType, item.ItemID}})
		}
		list, err := assignments.List(ctx, tx, ofContext(u.ID, at.Context))
		if err != nil {
			return nil, err
		}
		if err := fetch(ctx, tx, b); err != nil {
			return nil, err
		}
		held := make([]holder, 0, len(list))
		for _, a := range list {
			o, err := p.outlineOf(ctx, tx, itemKey{ItemPath, a.PathID}, a.Beginning)
			if err != nil {
				return nil, err
			}
			if o != nil {
				held = append(held, holder{a, o})
			}
		}
		return p.reader(u, lang, true).several(ctx, tx, b, held, of)
	})
}

// several returns items as the user sees them whose logs are in a book; held are the user's assignments of its context.
func (r *reader) several(ctx context.Context, tx *session.Tx, b *book, held []holder, of []Item) ([]AssignedItem, error) {
	out, outlines := make([]AssignedItem, len(of)), make([]*outline, len(of))
	for i, item := range of {
		key := itemKey{item.ItemType, item.ItemID}
		log := b.rows[key]
		if log == nil {
			log = &row{ItemType: item.ItemType, ItemID: item.ItemID}
		}
		var began Beginning
		holding := slices.DeleteFunc(slices.Clone(held), func(h holder) bool { return !h.holds(key) })
		if open := opened(holding, tx.Now); len(open) > 0 {
			began = open[0].began
		}
		out[i].ItemProgress = log.item()
		if key.Type == ItemGroup {
			var err error
			if outlines[i], err = r.p.outlineOf(ctx, tx, key, cmp.Or(log.Beginning, began)); err != nil {
				return nil, err
			}
			if outlines[i] == nil {
				return nil, fault.NotFound(idField(key.Type), key.ID)
			}
			b.want(outlines[i].keys())
			continue
		}
		doc, err := r.p.submitted(ctx, tx, key, began.versions(), log)
		if err != nil {
			return nil, err
		}
		progress := out[i].ItemProgress
		if out[i], err = r.item(log, doc); err != nil {
			return nil, err
		}
		out[i].ItemProgress, out[i].Version = progress, doc.Head().Version
	}
	if err := errors.Join(fetch(ctx, tx, b), r.readDocuments(ctx, tx, outlines)); err != nil {
		return nil, err
	}
	for i, o := range outlines {
		if o == nil {
			continue
		}
		var err error
		if out[i], err = r.assigned(ctx, tx, b, o, out[i].ItemProgress); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// idField names the field that holds the id of an item.
func idField(t ItemType) string { return string(t) + "Id" }
