package content

import (
	"errors"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
)

// Quizzes is the kind of [Quiz].
var Quizzes = NewKind[Quiz]("Quiz")

// Difficulty says how hard a quiz is.
type Difficulty string

// The difficulties.
const (
	Easy   Difficulty = "EASY"
	Medium Difficulty = "MEDIUM"
	Hard   Difficulty = "HARD"
)

// An Option names one of the answers to choose from.
type Option string

// The options. A quiz has two to four of them, the first ones.
const (
	Option1 Option = "opt1"
	Option2 Option = "opt2"
	Option3 Option = "opt3"
	Option4 Option = "opt4"
)

// options are all options in their order.
var options = [...]Option{Option1, Option2, Option3, Option4}

// Placement says where a quiz is shown.
type Placement string

// The placements.
const (
	Standalone Placement = "STANDALONE"
	InStory    Placement = "STORY"
	InNews     Placement = "NEWS"
)

// A Quiz is a question with two to four answers to choose from, of which one is correct.
type Quiz struct {
	Header
	Texts[Question]
	Parent
	Difficulty    Difficulty `json:"difficulty"`
	CorrectAnswer Option     `json:"correctAnswer"`
	Placement     Placement  `json:"placement"`
	// StoryID is the story that the quiz belongs to, if it does to one.
	StoryID string `json:"storyId,omitempty"`
	// Source says what the quiz was made from.
	Source string `json:"source,omitempty"`
	// MaxAttempts is how often a user may answer in a context, at most [MaxAttempts]; 0 means once.
	MaxAttempts int `json:"maxAttempts,omitempty"`
	// CountedAttempt says which of several answers counts; "" means [BestAttempt].
	CountedAttempt CountedAttempt `json:"countedAttempt,omitempty"`
}

// MaxAttempts is how often a quiz may let a user answer at most.
const MaxAttempts = 100

// CountedAttempt says which of several answers to a quiz counts.
type CountedAttempt string

// Which answer counts.
const (
	// BestAttempt lets the first correct answer count, or the last one: the quiz is in progress until an answer is correct, or none is left.
	BestAttempt CountedAttempt = "BEST"
	// LastAttempt lets each answer take the place of the one before: the quiz is complete with the first. What a path or a group came to when it was
	// completed stays.
	LastAttempt CountedAttempt = "LAST"
)

// Attempts returns how often a user may answer.
func (q *Quiz) Attempts() int { return max(q.MaxAttempts, 1) }

func (q *Quiz) checkAttempts() error {
	switch {
	case q.MaxAttempts < 0 || q.MaxAttempts > MaxAttempts:
		return fault.Invalid("maxAttempts", "is %d; allowed are 0 to %d", q.MaxAttempts, MaxAttempts)
	case q.CountedAttempt != "" && q.CountedAttempt != BestAttempt && q.CountedAttempt != LastAttempt:
		return fault.Invalid("countedAttempt", "%q is none of %s, %s", q.CountedAttempt, BestAttempt, LastAttempt)
	case q.CountedAttempt != "" && q.Attempts() == 1:
		return fault.Invalid("countedAttempt", "is %s, but there is only one attempt", q.CountedAttempt)
	}
	return nil
}

// A Question is a quiz in one language. All languages have the same options.
type Question struct {
	Lang     string `json:"lang"`
	Question string `json:"question"`
	Opt1     string `json:"opt1"`
	Opt2     string `json:"opt2"`
	Opt3     string `json:"opt3,omitempty"`
	Opt4     string `json:"opt4,omitempty"`
	// Explanation says why the correct answer is correct; it is shown to who has answered.
	Explanation string `json:"explanation,omitempty"`
}

// Language returns the language.
func (q Question) Language() string { return q.Lang }

// Answer returns the text of an option, "" if the quiz has no such option.
func (q Question) Answer(o Option) string {
	i := slices.Index(options[:], o)
	if i < 0 {
		return ""
	}
	return q.answers()[i]
}

// answers returns the texts in the order of options.
func (q Question) answers() [len(options)]string { return [...]string{q.Opt1, q.Opt2, q.Opt3, q.Opt4} }

// Validate refuses a question without a text or without its first two options, and one that leaves an option out.
func (q Question) Validate() error {
	faults := []error{text.Required("question", q.Question), text.Required("opt1", q.Opt1), text.Required("opt2", q.Opt2)}
	if q.Opt4 != "" && q.Opt3 == "" {
		faults = append(faults, fault.Invalid("opt3", "is empty, but there is an opt4"))
	}
	return errors.Join(faults...)
}

// Validate returns every fault of the quiz's fields, joined.
func (q *Quiz) Validate() error {
	return errors.Join(q.ValidateTexts(), q.checkOptions(), q.Difficulty.check(), q.checkAnswer(), q.Placement.check(), q.checkAttempts(),
		text.Optional(ident.Check, "storyId", q.StoryID), q.Parent.Validate())
}

func (d Difficulty) check() error {
	switch d {
	case Easy, Medium, Hard:
		return nil
	}
	return fault.Invalid("difficulty", "%q is none of EASY, MEDIUM, HARD", d)
}

func (p Placement) check() error {
	switch p {
	case Standalone, InStory, InNews:
		return nil
	}
	return fault.Invalid("placement", "%q is none of STANDALONE, STORY, NEWS", p)
}

// checkAnswer refuses a correct answer that has no text in some language.
func (q *Quiz) checkAnswer() error {
	if !slices.Contains(options[:], q.CorrectAnswer) {
		return fault.Invalid("correctAnswer", "%q is none of opt1, opt2, opt3, opt4", q.CorrectAnswer)
	}
	for _, t := range q.Translations {
		if t.Answer(q.CorrectAnswer) == "" {
			return fault.Invalid("correctAnswer", "is %s, which has no text in %q", q.CorrectAnswer, t.Lang)
		}
	}
	return nil
}

// checkOptions refuses a translation that has other options than the first.
func (q *Quiz) checkOptions() error {
	var faults []error
	for i, t := range q.Translations {
		first := q.Translations[0].answers()
		for j, answer := range t.answers() {
			if (answer == "") != (first[j] == "") {
				field := fmt.Sprintf("translations[%d].%s", i, options[j])
				faults = append(faults, fault.Invalid(field, "is in one of %q and %q only; all languages have the same options",
					q.Translations[0].Lang, t.Lang))
			}
		}
	}
	return errors.Join(faults...)
}

// References names the story that the quiz belongs to.
func (q *Quiz) References() []Reference {
	if q.StoryID == "" {
		return nil
	}
	return []Reference{{Field: "storyId", Kind: Stories.name, ID: q.StoryID}}
}
