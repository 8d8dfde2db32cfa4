package proof_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/tenancy"
)

// fact draws something that happens.
func (a author) fact() fact {
	var of []func(author) fact
	if a.missions {
		of = append(of, author.asks)
	}
	if a.learning {
		of = append(of, author.submits, author.submits, author.learns)
	}
	if a.twins {
		of = append(of, author.marks)
	} else {
		of = append(of, author.joins)
	}
	if a.groups && !a.twins {
		of = append(of, author.joins)
	}
	if a.fed {
		of = append(of, author.marks)
	}
	if a.money {
		of = append(of, author.grants, author.redeems, author.spends, author.reverses, author.voids)
		if a.lives {
			of = append(of, author.treats, author.treats, author.returns, author.returns)
		}
		if a.reviews {
			of = append(of, author.holds, author.holds, author.captures, author.captures)
		}
	}
	if a.freezes && a.streaks {
		of = append(of, author.agrees, author.agrees)
	}
	if a.moves {
		of = append(of, author.relocates)
	}
	if a.byHand && a.missions {
		of = append(of, author.assigns)
	}
	if a.byHand && a.learning {
		of = append(of, author.enrols)
	}
	if a.edits {
		of = append(of, author.rewrites, author.archives, author.revives)
	}
	f := pick(a, "fact", of...)(a)
	f.at = a.moment("at")
	return f
}

// person returns who a user is.
func (a author) person(userID string) string {
	if a.twins && userID == "eve" {
		return "bob"
	}
	return userID
}

// rewrites publishes another version of a document.
func (a author) rewrites() fact {
	doc := a.write(pick(a, "document", a.written()...))
	return fact{text: "publish " + brief(doc), do: func(t tester, w *world, _ string) error {
		_, err := w.Import(t.Context(), bundle(t, doc))
		return err
	}}
}

// archives takes a rule or a path out of use.
func (a author) archives() fact {
	id := pick(a, "document", a.written()...)
	return fact{text: "archive " + id, do: func(t tester, w *world, _ string) error {
		archive, _ := w.shelf(id)
		return archive(t.Context(), id)
	}}
}

// revives publishes a rule or a path that had been archived.
func (a author) revives() fact {
	doc := a.write(pick(a, "document", a.written()...))
	id := doc["id"].(string)
	return fact{text: "unarchive and publish " + brief(doc), do: func(t tester, w *world, _ string) error {
		_, unarchive := w.shelf(id)
		if err := unarchive(t.Context(), id); err != nil {
			return err
		}
		_, err := w.Import(t.Context(), bundle(t, doc))
		return err
	}}
}

// shelf returns what takes a document out of use, and what brings it back; those of streaks and boards stay.
func (w *world) shelf(id string) (archive, unarchive func(context.Context, string) error) {
	switch id[0] {
	case 'r':
		return shelfOf(w.Missions.Rules)
	case 'w':
		return shelfOf(w.Economy.RewardRules)
	case 's':
		return shelfOf(w.Streaks.Rules)
	case 'm':
		return shelfOf(w.Missions.Configurations)
	case 'p':
		return shelfOf(w.Learning.Paths)
	case 'l':
		return shelfOf(w.Learning.Rules)
	}
	none := func(context.Context, string) error { return nil }
	return none, none
}

func shelfOf[T any](docs content.Documents[T]) (archive, unarchive func(context.Context, string) error) {
	archive = func(ctx context.Context, id string) error { _, err := docs.Archive(ctx, id); return err }
	unarchive = func(ctx context.Context, id string) error { _, err := docs.Unarchive(ctx, id); return err }
	return archive, unarchive
}

func (a author) asks() fact {
	user := pick(a, "user", people...)
	return fact{text: user + " asks for missions", do: func(t tester, w *world, _ string) error {
		_, err := w.Missions.Evaluate(t.Context(), w.as(user))
		return err
	}}
}

func (a author) learns() fact {
	user := pick(a, "user", people...)
	return fact{text: user + " asks for paths", do: func(t tester, w *world, _ string) error {
		_, err := w.Learning.Evaluate(t.Context(), w.as(user))
		return err
	}}
}

// assigns makes a mission by hand, if it is one for single users.
func (a author) assigns() fact {
	user, id := pick(a, "user", people...), pick(a, "mission", a.ids["MissionConfiguration"]...)
	return fact{text: user + " is given mission " + id, do: func(t tester, w *world, _ string) error {
		_, err := w.Missions.Create(t.Context(), missions.NewMission{ConfigurationID: id, UserID: w.as(user)})
		return err
	}}
}

// enrols assigns a path by hand.
func (a author) enrols() fact {
	user, id := pick(a, "user", people...), pick(a, "path", a.ids["LearningPath"]...)
	return fact{text: user + " is given path " + id, do: func(t tester, w *world, _ string) error {
		_, err := w.Learning.Assign(t.Context(), learning.NewAssignment{PathID: id, UserID: w.as(user)})
		return err
	}}
}

// submits does something with an item, at once or told later. A user answers a quiz in one way only: of two ways the first to arrive would stand.
func (a author) submits() fact {
	user := pick(a, "user", people...)
	by := func(w *world, at time.Time) learning.Submission {
		s := who(w.as(user))
		s.At = at
		return s
	}
	var text string
	var tell func(t tester, w *world, at time.Time) error
	switch pick(a, "what", "quiz", "quiz", "slide", "story") {
	case "story":
		action := pick(a, "action", learning.CompleteRead, learning.StartRead, learning.Bookmark, learning.Unbookmark, learning.Share)
		text = fmt.Sprintf("%s does %s with story founding", user, action)
		tell = func(t tester, w *world, at time.Time) error {
			_, err := w.Learning.SubmitStory(t.Context(), learning.StorySubmission{Submission: by(w, at), StoryID: "founding", Action: action})
			return err
		}
	case "slide":
		progress := pick(a, "progress", learning.Complete, learning.Start, learning.InProgress)
		text = fmt.Sprintf("%s has slide forum in %s", user, progress)
		tell = func(t tester, w *world, at time.Time) error {
			_, err := w.Learning.SubmitSlide(t.Context(), learning.SlideSubmission{Submission: by(w, at), SlideID: "forum", Progress: progress})
			return err
		}
	default:
		quiz := pick(a, "quiz", "hills", "kings")
		said := "answer of " + a.person(user) + " to " + quiz
		if len(a.ids[said]) == 0 {
			a.ids[said] = []string{string(pick(a, "answer", content.Option2, content.Option1))}
		}
		answer := content.Option(a.ids[said][0])
		text = fmt.Sprintf("%s answers %s with %s", user, quiz, answer)
		tell = func(t tester, w *world, at time.Time) error {
			_, err := w.Learning.SubmitQuiz(t.Context(), learning.QuizSubmission{Submission: by(w, at), QuizID: quiz, Answer: answer})
			return err
		}
	}
	if rapid.Bool().Draw(a.T, "told") {
		return fact{text: text + ", and tells of it", tell: tell}
	}
	return fact{text: text, do: func(t tester, w *world, _ string) error { return tell(t, w, time.Time{}) }}
}

// joins lets a user carry a tag, or no longer.
func (a author) joins() fact {
	user, tag := pick(a, "user", people...), pick(a, "tag", "red", "red", "blue")
	return fact{text: user + " joins or leaves " + tag, do: func(t tester, w *world, _ string) error {
		err := w.Users.RemoveTags(t.Context(), user, tag)
		if !errors.Is(err, fault.ErrNotFound) && !errors.Is(err, fault.ErrConflict) { // what a document gives is not assigned
			return err
		}
		_, err = w.Users.AssignTags(t.Context(), user, tenancy.Tagging{TagID: tag})
		return err
	}}
}

// marks lets an activity carry a tag, or no longer.
func (a author) marks() fact {
	activity := pick(a, "activity", "run", "swim")
	return fact{text: activity + " becomes or is no longer outdoor", do: func(t tester, w *world, _ string) error {
		if err := w.Activities.RemoveTags(t.Context(), activity, "outdoor"); !errors.Is(err, fault.ErrNotFound) {
			return err
		}
		_, err := w.Activities.AssignTags(t.Context(), activity, tenancy.Tagging{TagID: "outdoor"})
		return err
	}}
}

func (a author) relocates() fact {
	user, zone := pick(a, "user", people...), pick(a, "zone", "", "Asia/Tokyo", "America/New_York", "Pacific/Auckland")
	return fact{text: fmt.Sprintf("%s lives in %q", user, zone), do: func(t tester, w *world, _ string) error {
		_, err := w.Users.Update(t.Context(), user, tenancy.UserPatch{Timezone: &zone})
		return err
	}}
}

// agrees lets a user say whether a streak is to be frozen.
func (a author) agrees() fact {
	user, rule, yes := pick(a, "user", people...), pick(a, "rule", "s1", "s2"), pick(a, "agrees", true, false)
	return fact{text: fmt.Sprintf("%s says of freezes of %s: %t", user, rule, yes), do: func(t tester, w *world, _ string) error {
		_, err := w.Streaks.SetFreezeConsent(t.Context(), w.as(user), rule, yes)
		return err
	}}
}

// grants gives points or coins, which have no bound above. What nobody has to redeem may be given later and count from then.
func (a author) grants() fact {
	g := economy.Grant{
		CurrencyID: pick(a, "currency", "points", "coins"), DestinationUserID: pick(a, "user", people...),
		Amount: decimal.NewFromInt(pick[int64](a, "amount", 10, 3)), RedemptionMode: pick(a, "redemption", economy.Auto, economy.Manual),
	}
	life := time.Duration(0)
	if a.lives {
		life = pick(a, "life", 0, 12*time.Hour, 36*time.Hour, 84*time.Hour)
	}
	lapsing := func(g *economy.Grant, at time.Time) {
		if life > 0 {
			g.LapsesAt = at.Add(life)
		}
	}
	text := fmt.Sprintf("%s is granted %s %s %s for %s", g.DestinationUserID, g.Amount, g.CurrencyID, g.RedemptionMode, life)
	if g.RedemptionMode == economy.Auto && pick(a, "told", false, true) {
		return fact{text: text + ", told", tell: func(t tester, w *world, at time.Time) error {
			g := g
			g.At = at
			lapsing(&g, at)
			_, err := w.Economy.Grant(t.Context(), []economy.Grant{g})
			return err
		}}
	}
	return fact{text: text, do: func(t tester, w *world, id string) error {
		g := g
		g.ID, g.DestinationUserID = id, w.as(g.DestinationUserID)
		lapsing(&g, *w.now.Load())
		if g.RedemptionMode == economy.Manual {
			g.ExpiresAt = w.now.Load().Add(72 * time.Hour)
		}
		_, err := w.Economy.Grant(t.Context(), []economy.Grant{g})
		return err
	}}
}

// redeems takes a grant that may have been made.
func (a author) redeems() fact {
	n, user := rapid.IntRange(0, 5).Draw(a.T, "grant"), pick(a, "user", people...)
	return fact{text: fmt.Sprintf("%s redeems fact-%d", user, n), do: func(t tester, w *world, _ string) error {
		_, err := w.Economy.Redeem(t.Context(), w.as(user), fmt.Sprint("fact-", n))
		return err
	}}
}

// reverses takes back a part of what may have been granted or spent, if that is coins, of which everybody has enough.
func (a author) reverses() fact {
	n, amount := rapid.IntRange(0, 5).Draw(a.T, "reversed"), decimal.NewFromInt(pick[int64](a, "amount", 1, 2, 0))
	return fact{text: fmt.Sprintf("%s of fact-%d is taken back", amount, n), do: func(t tester, w *world, id string) error {
		of := fmt.Sprint("fact-", n)
		x, err := w.Economy.Transaction(t.Context(), of)
		if err == nil && x.CurrencyID == "coins" {
			_, err = w.Economy.Reverse(t.Context(), of, economy.Reversal{ID: id, Amount: amount})
		}
		return err
	}}
}

// treats gives coins that lapse to somebody who spends some at once.
func (a author) treats() fact {
	user, amount, life := pick(a, "user", people...), decimal.NewFromInt(pick[int64](a, "amount", 2, 5)), pick(a, "life", 84*time.Hour, 36*time.Hour)
	return fact{text: fmt.Sprintf("%s is given 3 coins for %s and spends %s", user, life, amount), do: func(t tester, w *world, id string) error {
		_, err := w.Economy.Grant(t.Context(), []economy.Grant{{
			ID: id + "-given", CurrencyID: "coins", Amount: decimal.NewFromInt(3), DestinationUserID: w.as(user), LapsesAt: w.now.Load().Add(life),
		}})
		if err != nil {
			return err
		}
		_, err = w.Economy.Spend(t.Context(), w.as(user), economy.Spending{ID: id, CurrencyID: "coins", Amount: amount})
		return err
	}}
}

// returns takes back a part of what somebody spent last: lots get it again.
func (a author) returns() fact {
	user, amount := pick(a, "user", people...), decimal.NewFromInt(pick[int64](a, "amount", 1, 2, 0))
	return fact{text: fmt.Sprintf("%s of what %s spent last is taken back", amount, user), do: func(t tester, w *world, id string) error {
		for n := 5; n >= 0; n-- {
			of := fmt.Sprint("fact-", n)
			if x, err := w.Economy.Transaction(t.Context(), of); err == nil && x.Direction == economy.Debit && x.UserID == w.as(user) {
				_, err := w.Economy.Reverse(t.Context(), of, economy.Reversal{ID: id, Amount: amount})
				return err
			}
		}
		return nil
	}}
}

// voids ends a grant that may be pending.
func (a author) voids() fact {
	n := rapid.IntRange(0, 5).Draw(a.T, "voided")
	return fact{text: fmt.Sprintf("fact-%d is voided", n), do: func(t tester, w *world, _ string) error {
		_, err := w.Economy.Void(t.Context(), fmt.Sprint("fact-", n), "")
		return err
	}}
}

// holds sets coins aside, of which everybody has enough.
func (a author) holds() fact {
	user, n := pick(a, "user", people...), decimal.NewFromInt(pick[int64](a, "amount", 3, 5))
	return fact{text: fmt.Sprintf("%s has %s coins held", user, n), do: func(t tester, w *world, id string) error {
		h := economy.Hold{ID: id, CurrencyID: "coins", Amount: n, ExpiresAt: w.now.Load().Add(72 * time.Hour)}
		_, err := w.Economy.Hold(t.Context(), w.as(user), h)
		return err
	}}
}

// captures takes of what may be held, sometimes more than it is.
func (a author) captures() fact {
	n, amount := rapid.IntRange(0, 5).Draw(a.T, "captured"), decimal.NewFromInt(pick[int64](a, "amount", 0, 1, 4))
	return fact{text: fmt.Sprintf("%s of fact-%d is captured", amount, n), do: func(t tester, w *world, _ string) error {
		_, err := w.Economy.Capture(t.Context(), fmt.Sprint("fact-", n), amount)
		return err
	}}
}

// spends takes coins of which everybody has enough.
func (a author) spends() fact {
	user, to, amount := pick(a, "user", people...), pick(a, "to", "", "bob"), decimal.NewFromInt(pick[int64](a, "amount", 2, 5))
	mode := pick(a, "redemption", economy.Auto, economy.Auto, economy.Manual)
	return fact{text: fmt.Sprintf("%s pays %s coins to %q %s", user, amount, to, mode), do: func(t tester, w *world, id string) (err error) {
		if to == "" || a.person(to) == a.person(user) {
			_, err = w.Economy.Spend(t.Context(), w.as(user), economy.Spending{ID: id, CurrencyID: "coins", Amount: amount})
		} else {
			_, err = w.Economy.Transfer(t.Context(), w.as(user), []economy.Grant{{ID: id, CurrencyID: "coins", Amount: amount, DestinationUserID: to, RedemptionMode: mode}})
		}
		return err
	}}
}
