package people

import (
	"context"
	"slices"
	"strings"
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

// end says when what a document has said of a tag for a time is over.
type end struct {
	UserID string    `json:"userId"`
	TagID  string    `json:"tagId"`
	At     time.Time `json:"at"`
}

var ends = store.Define("tag_ends", func(e *end) string { return endKey(e.UserID, e.TagID) },
	[]store.Field[end]{{Name: "at", Kind: store.KindInt, Of: func(e *end) store.Value { return store.Time(e.At) }}},
	store.Index{Name: "due", Columns: []string{"at"}},
)

func endKey(userID, tagID string) string { return userID + "/" + tagID }

// program is the mechanic. It has no documents of its own.
type program struct{ mechanic.Plain[Change] }

// ticked is the kind of the clock's event that what was said of a tag is over.
const ticked = event.Tag

// React keeps what an order says of a user's tags, or that what was said for a time is over. If the user carries others since, it causes the event
// that says so.
func (*program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	order, is := mechanic.TagOrderOf(o.Event)
	if o.Ticks(ticked) {
		order, is = mechanic.TagOrder{TagWord: tenancy.TagWord{TagID: o.Event.EntityID, At: o.Event.At, Over: true}}, true
	}
	if !is {
		return nil, nil
	}
	now, gained, lost, err := tenancy.Earn(ctx, tx, o.User, order.TagWord)
	if err != nil {
		return nil, err
	}
	switch {
	case order.Holds:
	case order.Ends.IsZero():
		_, known, wrong := ends.Get(ctx, tx, endKey(o.User.ID, order.TagID))
		if err = wrong; known && err == nil {
			err = ends.Delete(ctx, tx, endKey(o.User.ID, order.TagID))
		}
	default:
		err = ends.Put(ctx, tx, end{o.User.ID, order.TagID, order.Ends})
	}
	if err != nil || len(gained)+len(lost) == 0 {
		return nil, err
	}
	id := o.Event.ID + ":tags"
	if order.Over { // the clock's own is numbered as it comes
		id = strings.Join([]string{o.User.ID, "tag", order.TagID, "over", mechanic.Stamp(o.Event.At)}, ":")
	}
	if !order.Silent {
		tx.Cause(now.Changed(id, o.Event.At, "", gained, lost))
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

// Due returns when the first of what was said of a user's tags for a time is over. It reads nothing of who never had any.
func (*program) Due(ctx context.Context, tx *session.Tx, userID string) (at time.Time, kind, id string, err error) {
	earns, err := tenancy.Earns(ctx, tx, userID)
	if err != nil || !earns {
		return time.Time{}, "", "", err
	}
	rows, err := ends.List(ctx, tx, store.Prefix(endKey(userID, "")))
	for _, e := range rows {
		if at.IsZero() || e.At.Before(at) {
			at, id = e.At, e.TagID
		}
	}
	return at, ticked, id, err
}

// Advance wakes at most limit users of whose tags something is over that was said for a time, and returns whether there may be more.
func (*program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	return mechanic.WakeDue(ctx, tx, ends, "due", limit, func(e *end) string { return e.UserID })
}

// Reads names nothing: few orders are given.
func (*program) Reads(*session.Tx, *mechanic.Occasion) []store.Read { return nil }

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
