package people

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Change is that a user carries a tag since, or does not, because of a document.
type Change struct {
	UserID string `json:"userId"`
	TagID  string `json:"tagId"`
	// Carried tells whether the user carries it since.
	Carried bool `json:"carried"`
	// By is the document that says so, as "Ladder/club"; empty if none does any more.
	By string `json:"by,omitempty"`
	// Late says that it turned out, now, because of what happened before.
	Late bool `json:"late,omitempty"`
}

// program is the mechanic. It has no documents of its own.
type program struct {
	mechanic.Plain[Change]

	past mechanic.Past
	// asked returns what others ask for.
	asked func() asked
}

// asked is what documents ask for: since when for anniversaries, zero for never, and what any document ever did.
type asked struct {
	firstSeen       bool
	anniversaries   time.Time
	everAnniversary bool
}

// compile returns the mechanic for those who may ask for what it tells; nil is nobody.
func compile(audience mechanic.Audience, past mechanic.Past) *program {
	return &program{past: past, asked: sync.OnceValue(func() (a asked) {
		if audience == nil {
			return a
		}
		seen, _ := audience.Hears(tenancy.FirstSeen)
		a.firstSeen = !seen.IsZero()
		a.anniversaries, a.everAnniversary = audience.Hears(tenancy.Anniversary)
		return a
	})}
}

// Heeds tells whether anniversaries are asked for: who joins has them from then on, and who moves has the next one where they live since.
func (p *program) Heeds([]string) bool { return !p.asked().anniversaries.IsZero() }

// React keeps what an order says of a user's tags. If the user carries others since, it causes the event that says so. If somebody asks for that, it tells
// that the user does something for the first time, and on the day in the year of each anniversary.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	order, is := mechanic.TagOrderOf(o.Event)
	if !is {
		return nil, errors.Join(p.see(ctx, tx, o), p.keepYears(ctx, tx, o))
	}
	now, gained, lost, err := tenancy.Earn(ctx, tx, o.User, order.TagWord)
	if err != nil || len(gained)+len(lost) == 0 {
		return nil, err
	}
	if !order.Silent {
		tx.Cause(now.Changed(o.Event.ID+":tags", o.Event.At, "", gained, lost))
	}
	var changes []Change
	for _, id := range slices.Concat(gained, lost) {
		changes = append(changes, Change{UserID: o.User.ID, TagID: id, Carried: now.HasTag(id), By: order.By})
	}
	return changes, nil
}

// Amend adds to changes the tags that the user carries, or does not, since the fold was folded again.
func (*program) Amend(ctx context.Context, tx *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	carriers, owner := tenancy.CarrierRows()
	for _, d := range a.Rows {
		if d.Table != carriers.Name {
			continue
		}
		record := d.Now
		if record == nil {
			record = d.Was
		}
		u, err := tenancy.FindUser(ctx, tx, owner(record))
		if err != nil {
			return nil, err
		}
		_, had, _ := tenancy.CarriesBy(u, d.Was, d.Now)
		tagID, has, by := tenancy.CarriesBy(u, d.Now, d.Was)
		if had != has {
			changes = append(changes, Change{UserID: u.ID, TagID: tagID, Carried: has, By: by, Late: true})
		}
	}
	return changes, nil
}

// Reads names what is kept of whether the user was seen, and of the user's anniversaries, if anybody asks for that: few orders are given.
func (p *program) Reads(_ *session.Tx, o *mechanic.Occasion) (reads []store.Read) {
	a := p.asked()
	if a.firstSeen && did(o) {
		reads = append(reads, seen.Keys(o.User.ID))
	}
	if a.everAnniversary {
		reads = append(reads, years.Keys(o.User.ID))
	}
	return reads
}

// Leave lets who has been deleted have no anniversaries.
func (p *program) Leave(ctx context.Context, tx *session.Tx, userID string) error {
	if !p.asked().everAnniversary {
		return nil
	}
	return years.Delete(ctx, tx, userID)
}

// Explains returns false.
func (*program) Explains(string) bool { return false }

// Moves returns false.
func (*program) Moves(*Change, string, string) bool { return false }

// Explain is never asked.
func (*program) Explain(
	context.Context, *session.Tx, *mechanic.Occasion, string, string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	return &mechanic.Verdict{}, nil, nil
}
