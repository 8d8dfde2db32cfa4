package streaks

import (
	"context"
	"errors"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A FreezeConsent is what a user has said about a streak: whether missed periods are to be frozen, and paid for.
type FreezeConsent struct {
	UserID string `json:"userId"`
	RuleID string `json:"streakRuleId"`
	Agreed bool   `json:"agreed"`
	// UpdatedAt is when the user said so; the engine sets it. It goes for the periods that are over after that moment.
	UpdatedAt time.Time `json:"updatedAt"`
}

// consents are all that users have said, those about one streak in their order. They are no rows of a fold: a period asks for
// what had been said by the moment at which it was over, whenever it is judged, and nobody says anything about the past.
var consents = store.Define("streak_consents", func(c *FreezeConsent) string {
	return streakKey(c.UserID, c.RuleID) + "/" + store.KeyTime(c.UpdatedAt)
}, nil)

// wordsOf describes what a user has said about a streak.
func wordsOf(userID, ruleID string) store.Query { return store.Prefix(streakKey(userID, ruleID) + "/") }

// SetFreezeConsent lets a user say whether missed periods of a rule's streak are to be frozen, from now on, and returns what goes since.
// It goes for every period that is over later, whenever it is judged, whatever comes late, and whichever version of the
// rule is in force by then; of a period that was over before it changes nothing. Who has said nothing is treated as the rule's
// FreezeConsent says. To say the same again changes nothing.
//
// It returns [fault.ErrInvalid] for an id that is none, [fault.ErrNotFound] for an unknown user and a rule that is not in force, and
// [fault.ErrForbidden] if the user is not active.
func (s Service) SetFreezeConsent(ctx context.Context, userID, ruleID string, agreed bool) (FreezeConsent, error) {
	if err := errors.Join(ident.Check("userId", userID), ident.Check("streakRuleId", ruleID)); err != nil {
		return FreezeConsent{}, err
	}
	return session.Write(ctx, s.run, func(tx *session.Tx) (FreezeConsent, error) {
		u, err := tenancy.FindActive(ctx, tx, "userId", userID)
		if err != nil {
			return FreezeConsent{}, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return FreezeConsent{}, err
		}
		if p.byID[ruleID] == nil {
			return FreezeConsent{}, fault.NotFound("streakRuleId", ruleID)
		}
		now := FreezeConsent{UserID: u.ID, RuleID: ruleID, Agreed: agreed, UpdatedAt: tx.Now}
		last, err := consents.List(ctx, tx, wordsOf(u.ID, ruleID).Reverse().First(1))
		if err != nil {
			return FreezeConsent{}, err
		}
		if len(last) > 0 {
			if last[0].Agreed == agreed {
				return last[0], nil
			}
			if last[0].UpdatedAt.After(now.UpdatedAt) { // the clock has gone back
				now.UpdatedAt = last[0].UpdatedAt
			}
		}
		return now, consents.Put(ctx, tx, now)
	})
}

// FreezeConsents returns what a user has said last about each streak, in the order of the rules' ids, also of rules that are not in force any
// more. It returns [fault.ErrNotFound] for an unknown user.
func (s Service) FreezeConsents(ctx context.Context, userID string) ([]FreezeConsent, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]FreezeConsent, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		all, err := consents.List(ctx, tx, store.Prefix(streakKey(u.ID, "")))
		var last []FreezeConsent
		for i := range all {
			if i+1 == len(all) || all[i+1].RuleID != all[i].RuleID {
				last = append(last, all[i])
			}
		}
		return last, err
	})
}

// outspoken tells which words no period can ask for that is judged after a moment: the user had said something else by then.
func outspoken(ctx context.Context, tx *session.Tx, before time.Time, words []FreezeConsent) ([]bool, error) {
	over := make([]bool, len(words))
	for i := range words {
		w := &words[i]
		q := wordsOf(w.UserID, w.RuleID).First(2)
		q.From = store.Text(streakKey(w.UserID, w.RuleID) + "/" + store.KeyTime(w.UpdatedAt))
		q.Until = store.Text(streakKey(w.UserID, w.RuleID) + "/" + store.KeyTime(before.Add(-settling)))
		known, err := consents.List(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		over[i] = len(known) == 2
	}
	return over, nil
}

// Join lets what a user has said be words of the user who stays, by their moments. What that one has said at the same moment stays, and nothing is said twice.
func (*program) Join(ctx context.Context, tx *session.Tx, n mechanic.Naming) (since time.Time, err error) {
	said, err := mechanic.Give(ctx, tx, consents, streakKey(n.From, ""), func(c *FreezeConsent) { c.UserID = n.Into })
	for i := range said {
		if since.IsZero() || said[i].UpdatedAt.Before(since) {
			since = said[i].UpdatedAt
		}
	}
	if err != nil || len(said) == 0 {
		return since, err
	}
	all, err := consents.List(ctx, tx, store.Prefix(streakKey(n.Into, "")))
	for i := 1; err == nil && i < len(all); i++ {
		if all[i].RuleID == all[i-1].RuleID && all[i].Agreed == all[i-1].Agreed { // what is said again is not said
			err = consents.Delete(ctx, tx, consents.Row(all[i]).Key)
		}
	}
	return since, err
}
