package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
)

// The first day is a Monday. On the Sunday, clocks in Los Angeles go forward: that day has 23 hours.
const (
	year, month, firstDay = 2026, time.March, 2
	days                  = 10
	revision              = 5 // the day on which the author changes the first path
)

// A learner is somebody who learns at the same hour of the days on which they do.
type learner struct {
	id, name, lang, zone string
	hour                 int
	days                 map[int][]step
}

// A step is what a learner does; it returns how that is told.
type step func(context.Context, *academy, *learner) (string, error)

// learners returns who learns, in the order of their evenings.
func learners() []learner {
	return []learner{
		{"yuki", "Yuki", "en", "Asia/Tokyo", 21, map[int][]step{
			1: {reads, sees("tools")},
			2: {answers("water", content.Option2)},
			3: {answers("heat", content.Option3), bakes},
			// On the fourth day she forgets.
			5:  {sees("starter"), bakes},
			6:  {answers("yeast", content.Option2)},
			7:  {bakes}, // the third time in the week
			8:  {bakes},
			9:  {bakes},
			10: {reads}, // again, which is no event
		}},
		{"giulia", "Giulia", "it", "Europe/Rome", 19, map[int][]step{
			1:  {reads, sees("starter")}, // the latter too early
			2:  {sees("tools")},
			3:  {answers("water", content.Option2)},
			4:  {bakes},
			5:  {answers("heat", content.Option3)}, // the last of the version that she began
			6:  {sees("starter")},
			7:  {answers("yeast", content.Option2)},
			8:  {bakes},
			9:  {bakes},
			10: {bakes},
		}},
		{"leo", "Leo", "en", "America/Los_Angeles", 21, map[int][]step{
			1:  {looksAround}, // he has the paths, but begins later
			5:  {reads, sees("tools")},
			6:  {answers("water", content.Option2), bakes},
			7:  {answers("heat", content.Option1)}, // wrong
			8:  {answers("salt", content.Option1)}, // of the version that he began
			9:  {sees("starter")},
			10: {answers("yeast", content.Option2)},
		}},
	}
}

func (l *learner) submission() learning.Submission { return learning.Submission{UserID: l.id} }

// on returns when the learner learns on a day.
func (l *learner) on(day int) (time.Time, error) {
	zone, err := time.LoadLocation(l.zone)
	if err != nil {
		return time.Time{}, err
	}
	return time.Date(year, month, firstDay+day-1, l.hour, 0, 0, 0, zone), nil
}

func looksAround(context.Context, *academy, *learner) (string, error) {
	return "looked around, and put it off", nil
}

// reads reads the story to its end.
func reads(ctx context.Context, a *academy, l *learner) (string, error) {
	item, err := a.ws.Learning.Story(ctx, l.id, story, "", "")
	if err != nil {
		return "", err
	}
	log, err := a.ws.Learning.SubmitStory(ctx, learning.StorySubmission{
		Submission: l.submission(), StoryID: story, Action: learning.CompleteRead,
	})
	how := fmt.Sprintf("read “%s”", item.Story.Translations[0].Title)
	if log.CompletedAt.Before(a.now) {
		how += " again"
	}
	return how, err
}

// sees looks at a slide, if its path is open.
func sees(slideID string) step {
	return func(ctx context.Context, a *academy, l *learner) (string, error) {
		item, err := a.ws.Learning.Slide(ctx, l.id, slideID, "", "")
		if err != nil {
			return "", err
		}
		title := item.Slide.Translations[0].Title
		_, err = a.ws.Learning.SubmitSlide(ctx, learning.SlideSubmission{
			Submission: l.submission(), SlideID: slideID, Progress: learning.Complete,
		})
		if errors.Is(err, fault.ErrForbidden) {
			why, err := a.lock(ctx, l)
			return fmt.Sprintf("wanted to see “%s”, but %s", title, why), err
		}
		return fmt.Sprintf("saw “%s”", title), err
	}
}

// answers answers a quiz and hears what is right, and why.
func answers(quizID string, o content.Option) step {
	return func(ctx context.Context, a *academy, l *learner) (string, error) {
		item, err := a.ws.Learning.Quiz(ctx, l.id, quizID, "", "")
		if err != nil {
			return "", err
		}
		log, err := a.ws.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: l.submission(), QuizID: quizID, Answer: o})
		if err != nil {
			return "", err
		}
		question := item.Quiz.Translations[0]
		verdict := "right"
		if log.Outcome == event.Fail {
			verdict = "wrong, it is " + question.Answer(log.CorrectAnswer)
		}
		return fmt.Sprintf("%s “%s”: %s. %s", question.Question, question.Answer(o), verdict, log.Explanation), nil
	}
}

func bakes(ctx context.Context, a *academy, l *learner) (string, error) {
	loaf := event.Event{ID: fmt.Sprintf("loaf-%s-%d", l.id, a.now.Unix()), UserID: l.id, EntityID: "bake", At: a.now}
	_, err := a.ws.Record(ctx, loaf)
	return "baked a loaf", err
}
