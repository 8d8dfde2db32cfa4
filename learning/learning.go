// Package learning leads users through content: a [Path] holds quizzes, slides, stories, activities and
// groups of them, a [Rule] says who gets which path and when, an [Assignment] is one user's path for a
// period, and logs say how far the user is.
//
// What a user submits moves the log of that item; the logs of the groups and paths that hold the item
// follow in the same transaction, each transition an event that missions, streaks, rewards and boards
// see. Progress only moves forward: nothing, START, IN_PROGRESS, COMPLETE. The progress of a group or a
// path is a function of the logs of its items, so the order in which they move does not matter.
//
// Logs belong to a context. That of an assignment is [DefaultContext], or the id of its period if its
// rule recurs, so that each period is a new attempt. A user who is in the middle of a path stays on the
// versions that were in force at the beginning, unless an author publishes one to those in the middle too.
package learning

import (
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/ident"
)

// An ItemType says what something is that has progress.
type ItemType string

// The types. All but the last may be items of a path or a group. There are no games: an item of type "game" is
// refused when the document is written.
const (
	ItemActivity ItemType = "activity"
	ItemQuiz     ItemType = "quiz"
	ItemSlide    ItemType = "slide"
	ItemStory    ItemType = "story"
	ItemGroup    ItemType = "learningGroup"
	ItemPath     ItemType = "learningPath"
)

// itemTypes are the types that an item of a document may have.
var itemTypes = []ItemType{ItemActivity, ItemQuiz, ItemSlide, ItemStory, ItemGroup}

// entities gives each type that of its events, which is also the name of the kind of its documents.
var entities = map[ItemType]event.Type{
	ItemActivity: event.Activity, ItemQuiz: event.Quiz, ItemSlide: event.Slide, ItemStory: event.Story,
	ItemGroup: event.LearningGroup, ItemPath: event.LearningPath,
}

// kind returns the name of the kind of the type's documents.
func (t ItemType) kind() string { return string(entities[t]) }

// itemTypeOf returns what an event is about, "" if it has no progress here.
func itemTypeOf(e *event.Event) ItemType {
	for t, entity := range entities {
		if entity == e.Type {
			return t
		}
	}
	return ""
}

// An Item says that a document belongs to a path or a group.
type Item struct {
	ItemID   string   `json:"itemId"`
	ItemType ItemType `json:"itemType"`
	// Languages are those whose learners have the item; none means all.
	Languages []string `json:"languages,omitempty"`
}

// key identifies what the item is among all items.
func (i *Item) key() itemKey { return itemKey{i.ItemType, i.ItemID} }

// meantFor tells whether learners of a language have the item.
func (i *Item) meantFor(lang string) bool {
	if len(i.Languages) == 0 || slices.Contains(i.Languages, lang) {
		return true
	}
	picked, err := content.PickLang(lang, i.Languages, "")
	return err == nil && picked != ""
}

// itemKey identifies something that has progress.
type itemKey struct {
	Type ItemType
	ID   string
}

// String returns what the key is called in errors: "quiz capitals".
func (k itemKey) String() string { return string(k.Type) + " " + k.ID }

// Progress says how far a user is with something; empty means not begun.
type Progress string

// The steps of progress, which only moves forward.
const (
	Start      Progress = event.Start
	InProgress Progress = event.InProgress
	Complete   Progress = event.Complete
)

// steps are all steps in their order.
var steps = []Progress{"", Start, InProgress, Complete}

// beyond tells whether p is further than q.
func (p Progress) beyond(q Progress) bool { return slices.Index(steps, p) > slices.Index(steps, q) }

// DefaultContext is the context of what is done once, not anew in every period.
const DefaultContext = "default"

// MaxContext is how many bytes a context may have.
const MaxContext = ident.Max

// checkContext refuses a context that is not 1 to [MaxContext] characters of A-Z a-z 0-9 _ - and ":",
// which the ids of some periods have.
func checkContext(c string) error {
	return ident.Check("context", strings.ReplaceAll(c, ":", "-"))
}
