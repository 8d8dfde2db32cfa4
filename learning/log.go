package learning

import (
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
)

// A Log says how far a user is with something in a context. The logs of every type have it.
type Log struct {
	UserID  string `json:"userId"`
	Context string `json:"context"`
	// Version is that of the document which was in force for the user when the log last moved.
	Version int `json:"version,omitempty"`
	// Lang is the user's language when the log began.
	Lang     string        `json:"lang,omitempty"`
	Progress Progress      `json:"progress,omitempty"`
	Outcome  event.Outcome `json:"outcome,omitempty"`
	// Parent is the path or the group that the first submission named, if it named one.
	content.Parent
	StartedAt   time.Time `json:"startedAt,omitzero"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
	// EventID is the event of the last move, whose entry in the journal says what followed.
	EventID string `json:"eventId,omitempty"`
}

// A QuizLog is a user's answer to a quiz.
type QuizLog struct {
	QuizID string `json:"quizId"`
	Log
	Difficulty content.Difficulty `json:"difficulty"`
	// Answer is the one that counts.
	Answer content.Option `json:"answer"`
	// CorrectAnswer and Explanation, which is in the user's language, are what the user may know now: "" while another attempt could count.
	CorrectAnswer content.Option `json:"correctAnswer"`
	Explanation   string         `json:"explanation,omitempty"`
	// Attempts are all answers, in the order in which they were given.
	Attempts []Attempt `json:"attempts,omitempty"`
}

// An Attempt is one of a user's answers to a quiz.
type Attempt struct {
	// Attempt is its number: 1, 2, …
	Attempt int            `json:"attempt"`
	Answer  content.Option `json:"answer"`
	Outcome event.Outcome  `json:"outcome"`
	// At is when it was given, EventID the event of it.
	At      time.Time `json:"completedAt"`
	EventID string    `json:"eventId"`
}

// A SlideLog says how far a user is with a slide.
type SlideLog struct {
	SlideID string `json:"slideId"`
	Log
}

// A StoryLog says how far a user is with a story, and what the user did with it beside reading.
type StoryLog struct {
	StoryID string `json:"storyId"`
	Log
	Bookmarked bool `json:"bookmarked,omitempty"`
	// Shared are the parts of the story that the user has shared, the whole story being 0.
	Shared []int `json:"shared,omitempty"`
}

// A GroupLog says how far a user is with a group.
type GroupLog struct {
	LearningGroupID string `json:"learningGroupId"`
	Log
	Items []ItemProgress `json:"items"`
	At
}

// A PathLog says how far a user is with a path.
type PathLog struct {
	LearningPathID string `json:"learningPathId"`
	Log
	Items []ItemProgress `json:"items"`
	At
}

// At is the item that a user is at: the first that is under way, otherwise the first that is not begun.
type At struct {
	CurrentItemID   string   `json:"currentItemId,omitempty"`
	CurrentItemType ItemType `json:"currentItemType,omitempty"`
}

func at(items []ItemProgress) At {
	if i := current(items); i != nil {
		return At{i.ItemID, i.ItemType}
	}
	return At{}
}

// row is a log of any type as it is kept.
type row struct {
	ItemType ItemType `json:"itemType"`
	ItemID   string   `json:"itemId"`
	Log
	MovedAt time.Time `json:"movedAt,omitzero"`
	// Parents are those that submissions named: the log counts only below them. None is everywhere.
	Parents []content.Parent `json:"parents,omitempty"`

	Difficulty content.Difficulty `json:"difficulty,omitempty"` // of a quiz
	Answer     content.Option     `json:"answer,omitempty"`
	Tries      []Attempt          `json:"tries,omitempty"`     // none if all there is is a first answer
	Bookmarks  int                `json:"bookmarks,omitempty"` // of a story: odd while it is bookmarked
	Shared     []int              `json:"shared,omitempty"`
	// Beginning is that of a path; a group has that of the path in which it was begun.
	Beginning
}

// logKey is the key of a log.
func logKey(userID, context string, item itemKey) string {
	return strings.Join([]string{userID, context, string(item.Type), item.ID}, "/")
}

func (r *row) key() itemKey { return itemKey{r.ItemType, r.ItemID} }

var logs = store.Define("learning_logs", func(r *row) string { return logKey(r.UserID, r.Context, r.key()) }, nil).Packed().Version(4)

// tries returns the answers that were given.
func (r *row) tries() []Attempt {
	if len(r.Tries) == 0 && r.Answer != "" {
		return []Attempt{{1, r.Answer, r.Outcome, r.MovedAt, r.EventID}}
	}
	return r.Tries
}

// try returns the answer that was given as an attempt, nil for none.
func (r *row) try(n int) *Attempt {
	tries := r.tries()
	i := slices.IndexFunc(tries, func(a Attempt) bool { return a.Attempt == n })
	if i < 0 {
		return nil
	}
	return &tries[i]
}

// open tells whether another answer could count.
func (r *row) open(quiz *content.Quiz) bool {
	return len(r.tries()) < quiz.Attempts() && (r.Outcome != event.Success || quiz.CountedAttempt == content.LastAttempt)
}

// countsBelow adds a parent below which the log counts, and tells whether that is new.
func (r *row) countsBelow(p content.Parent) bool {
	if p == (content.Parent{}) || len(r.Parents) == 0 || slices.Contains(r.Parents, p) {
		return false
	}
	r.Parents = append(slices.Clip(r.Parents), p)
	return true
}

// item returns the log as its parents see it.
func (r *row) item() ItemProgress {
	return ItemProgress{
		ItemID: r.ItemID, ItemType: r.ItemType, Progress: r.Progress, Outcome: r.Outcome, StartedAt: r.StartedAt, MovedAt: r.MovedAt,
	}
}
