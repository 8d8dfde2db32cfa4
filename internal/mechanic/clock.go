package mechanic

import (
	"context"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
)

// fieldKind is where an event of the clock says of which kind the thing is that its time has come for.
const fieldKind = "kind"

// Tick lets the mechanics react to the time having come for a thing of a user: a rule that is evaluated,
// a streak that is judged. What follows, and what goes wrong, is an entry of the journal; where nothing
// does, there is none.
func Tick(ctx context.Context, tx *session.Tx, kind, id, userID string, at time.Time) error {
	return tx.Enter(ctx, Ticking(kind, id, userID, at))
}

// Ticking returns the event that the time has come for a thing of a user.
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
