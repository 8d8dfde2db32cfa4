package people

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// The kinds of events of the clock: that a user's anniversary is due, and that a user who joined before anybody asked for anniversaries has them
// since a moment, which is what it is about.
const (
	tickedYears = "Anniversary"
	tickedSince = "Joined"
)

// anniversary is which of a user's anniversaries comes next.
type anniversary struct {
	UserID string `json:"userId"`
	// Joined is the day on which the user was created, where the user lived then.
	Joined timeframe.Day `json:"joined"`
	// Years is the number of the last one that is over, and DueAt when the next begins as far as is known: where the user lives.
	Years int       `json:"years,omitempty"`
	DueAt time.Time `json:"dueAt"`
	// KnownAt is when that was known first.
	KnownAt time.Time `json:"knownAt"`
}

// years are rows of users' folds. There are those of users who were there while a document asked for anniversaries.
var years = store.Define("users_years", func(a *anniversary) string { return a.UserID },
	[]store.Field[anniversary]{{Name: "due_at", Kind: store.KindInt, Of: func(a *anniversary) store.Value { return store.Time(a.DueAt) }}},
	store.Index{Name: "due", Columns: []string{"due_at"}},
)

// walk is how far [program.Advance] has come with those who joined before anybody asked for anniversaries.
type walk struct {
	// Since is since when somebody asks: the first anniversary that counts begins then or later.
	Since time.Time `json:"since"`
	// After is the last user who was visited, and Done says that there are no more.
	After string `json:"after,omitempty"`
	Done  bool   `json:"done,omitempty"`
}

// theWalk is the key of the one walk.
const theWalk = "walk"

var walks = store.Define("users_years_walks", func(*walk) string { return theWalk }, nil)

// keepYears keeps when the user's next anniversary is, and tells of one that has come.
func (p *program) keepYears(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	switch asks := !p.asked().anniversaries.IsZero(); {
	case o.Ticks(tickedYears):
		return p.pass(ctx, tx, o)
	case o.Nth > 0 || !asks:
		return nil
	case o.Ticks(tickedSince):
		since, err := store.ParseKeyTime(o.Event.EntityID)
		if err != nil {
			return err
		}
		return begin(ctx, tx, o, since)
	case o.Event.Type == event.User && o.Event.Fields["change"] == tenancy.Joined:
		return begin(ctx, tx, o, o.User.CreatedAt)
	case o.Event.Type == event.User:
		return move(ctx, tx, o)
	}
	return nil
}

// begin lets the user have anniversaries, the first of which begins at a moment or later.
func begin(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, since time.Time) error {
	_, known, err := years.Get(ctx, tx, o.User.ID)
	if err != nil || known {
		return err
	}
	then, err := o.User.At(ctx, tx, o.User.CreatedAt)
	if err != nil {
		return err
	}
	lived, err := then.Location(tx.Zones)
	if err != nil {
		return err
	}
	lives, err := o.User.Location(tx.Zones)
	if err != nil {
		return err
	}
	a := anniversary{UserID: o.User.ID, Joined: timeframe.DayOf(o.User.CreatedAt, lived), KnownAt: tx.Now}
	first, _, _ := a.Joined.Date()
	year, _, _ := timeframe.DayOf(since, lives).Date()
	a.Years = max(0, year-first-2)
	for a.DueAt = a.next(lives); a.DueAt.Before(since); a.DueAt = a.next(lives) {
		a.Years++
	}
	return years.Put(ctx, tx, a)
}

// next returns when the next anniversary begins in a zone. That of who joined on 29 February is on 28 February in years that have no such day.
func (a *anniversary) next(zone *time.Location) time.Time {
	year, month, day := a.Joined.Date()
	year += a.Years + 1
	last := timeframe.Date(year, month+1, 1).Add(-1) // of the month
	return min(timeframe.Date(year, month, day), last).Start(zone)
}

// move lets the next anniversary be where the user lives since.
func move(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	a, found, err := years.Get(ctx, tx, o.User.ID)
	if err != nil || !found {
		return err
	}
	zone, err := o.User.Location(tx.Zones)
	if err != nil {
		return err
	}
	at := a.next(zone)
	if at.Equal(a.DueAt) {
		return nil
	}
	a.DueAt = at
	return years.Put(ctx, tx, a)
}

// pass tells of the anniversary that has come, if the user takes part and lives where it has. Who is told of none any more, because nobody asks, has none
// until somebody asks again.
func (p *program) pass(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	a, found, err := years.Get(ctx, tx, o.User.ID)
	if err != nil || !found {
		return err
	}
	if p.asked().anniversaries.IsZero() {
		return years.Delete(ctx, tx, a.UserID)
	}
	zone, err := o.User.Location(tx.Zones)
	if err != nil {
		return err
	}
	if a.DueAt = a.next(zone); !a.DueAt.After(o.Event.At) {
		a.Years++
		a.DueAt = a.next(zone)
		if o.User.Status == tenancy.Active {
			tx.Cause(o.User.Years(a.Years, o.Event.At))
		}
	}
	return years.Put(ctx, tx, a)
}

// Due returns when the user's next anniversary is.
func (p *program) Due(ctx context.Context, tx *session.Tx, userID string) (at time.Time, kind, id string, err error) {
	if !p.asked().everAnniversary {
		return time.Time{}, "", "", nil
	}
	a, found, err := years.Get(ctx, tx, userID)
	if err != nil || !found {
		return time.Time{}, "", "", err
	}
	return a.DueAt, tickedYears, userID, nil
}

// DueSince returns since when the user's next anniversary is known: nothing that happens to the user changes that there is one.
func (*program) DueSince(ctx context.Context, tx *session.Tx, userID, kind string) (at time.Time, known bool, err error) {
	if kind != tickedYears {
		return time.Time{}, false, nil
	}
	a, found, err := years.Get(ctx, tx, userID)
	return a.KnownAt, found, err
}

// Advance wakes at most limit users whose anniversary has come, and lets as many who joined before anybody asked for anniversaries have them. It returns whether
// there may be more.
func (p *program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	a := p.asked()
	if !a.everAnniversary {
		return false, nil
	}
	more, err = mechanic.WakeDue(ctx, tx, years, "due", limit, func(a *anniversary) string { return a.UserID })
	if err != nil || a.anniversaries.IsZero() {
		return more, err
	}
	again, err := goOn(ctx, tx, a.anniversaries, limit)
	return more || again, err
}

// goOn goes on with the walk. It begins anew if somebody asks since a later moment: nobody may have asked in between, while others joined.
func goOn(ctx context.Context, tx *session.Tx, since time.Time, limit int) (more bool, err error) {
	w, _, err := walks.Get(ctx, tx, theWalk)
	if err != nil {
		return false, err
	}
	if w.Since.Before(since) {
		w = walk{Since: since}
	}
	if w.Done {
		return false, nil
	}
	some, err := tenancy.UsersAfter(ctx, tx, w.After, limit, tx.Unread)
	if err != nil {
		return false, err
	}
	ids := make([]string, len(some))
	for i := range some {
		ids[i] = some[i].ID
	}
	if err := tx.Prefetch(ctx, years.Keys(ids...)); err != nil {
		return false, err
	}
	at := tx.Now.Add(-time.Microsecond) // so that what is due by now is done behind it now
	if tx.Horizon != nil {
		settled, _, err := tx.Horizon(ctx)
		if err != nil {
			return false, err
		}
		if at.Before(settled) {
			at = settled
		}
	}
	for i := range some {
		u := &some[i]
		w.After = u.ID
		if u.Status == tenancy.Deleted || u.MergedInto != "" {
			continue
		}
		err := tx.For(u.ID, func() error {
			is, known, err := years.Get(ctx, tx, u.ID)
			if err == nil && known && !is.DueAt.After(tx.Now) { // nobody may have asked when it was due
				if err = tx.Wake(ctx, u.ID); err == nil {
					_, known, err = years.Get(ctx, tx, u.ID)
				}
			}
			if err != nil || known {
				return err
			}
			return mechanic.Tick(ctx, tx, tickedSince, store.KeyTime(w.Since), u.ID, at)
		})
		if err != nil {
			return false, err
		}
	}
	w.Done = len(some) == 0
	return !w.Done, walks.Put(ctx, tx, w)
}
