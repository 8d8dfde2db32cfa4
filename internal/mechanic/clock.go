package mechanic

import (
	"context"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// fieldKind is where an event of the clock says of which kind the thing is that its time has come for.
const fieldKind = "kind"

// Tick lets the mechanics react to the time having come for a thing of a user: a rule that is evaluated,
// a streak that is judged. What follows, and what goes wrong, is an entry of the journal; where nothing
// does, there is none.
func Tick(ctx context.Context, tx *session.Tx, kind, id, userID string, at time.Time) error {
	return tx.Enter(ctx, Ticking(kind, id, userID, at))
}

// maxUnread bounds how many rows that cannot be read are passed at once.
const maxUnread = 10_000

// WakeDue wakes the users of the rows of which an index says that they are due, at most limit of them, and returns whether there
// may be more. It passes those of users and rows that cannot be read, if the call goes on without them.
func WakeDue[T any](
	ctx context.Context, tx *session.Tx, table *store.Table[T], index string, limit int, user func(*T) string,
) (more bool, err error) {
	q := store.By(index).Between(store.Value{}, store.After(tx.Now)).First(limit)
	for woken := 0; ; {
		rows, err := table.List(ctx, tx, q)
		damaged := store.Damaged(err)
		if err != nil && (damaged == nil || tx.Unread == nil) {
			return false, err
		}
		if damaged != nil {
			tx.Unread[damaged.Table+"/"+damaged.Key] = damaged
		}
		for i := range rows {
			id := user(&rows[i])
			if tx.Unread[id] != nil {
				continue
			}
			if woken == limit {
				return true, nil
			}
			woken++
			if err := tx.Wake(ctx, id); err != nil {
				return false, err
			}
		}
		switch {
		case len(rows) > 0:
			q.After = table.At(index, rows[len(rows)-1])
		case damaged != nil && q.Limit < maxUnread:
			q.Limit *= 2
		}
		if damaged == nil && len(rows) < q.Limit || len(rows) == 0 && q.Limit >= maxUnread {
			return false, nil
		}
	}
}

// Ticking returns the event that the time has come for a thing of a user, or of nobody.
func Ticking(kind, id, userID string, at time.Time) event.Event {
	return event.Event{
		ID:   strings.Join([]string{"clock", kind, id, userID}, ":"),
		Type: event.Clock, EntityID: id, UserID: userID, At: at, Fields: map[string]any{fieldKind: kind},
	}
}

// Ticked returns the kind of thing that an event of the clock is about, "" for any other event.
func Ticked(e *event.Event) string {
	kind, _ := e.Fields[fieldKind].(string)
	if e.Type != event.Clock {
		return ""
	}
	return kind
}

// Ticks tells whether the time has come for a thing of a kind.
func (o *Occasion) Ticks(kind string) bool {
	return o.Event.Type == event.Clock && o.Event.Fields[fieldKind] == kind
}
