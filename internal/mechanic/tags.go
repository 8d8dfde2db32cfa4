package mechanic

import (
	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A TagOrder is what a mechanic wants of a user's tags: an event of which nothing else follows, that whoever keeps the tags reacts to.
type TagOrder struct {
	tenancy.TagWord
	// Silent lets nothing follow from it.
	Silent bool
}

// The fields of the event of an order.
const (
	fieldBy, fieldHolds, fieldTag, fieldTaken, fieldOver, fieldSilent = "by", "holds", "tagId", "taken", "over", "silent"
)

// Event returns the order of an id for a user.
func (t TagOrder) Event(id string, u *tenancy.User) event.Event {
	e := event.Event{
		ID: id, Type: event.User, EntityID: u.ID, UserID: u.ID, At: t.At, Value: new(decimal.NewFromInt(1)), Fields: map[string]any{Counts: false, fieldBy: t.By},
	}
	if t.Holds {
		e.Fields[fieldHolds] = text.Values(t.Held)
	} else {
		e.Fields[fieldTag], e.Fields[fieldTaken] = t.TagID, t.Taken
	}
	for field, is := range map[string]bool{fieldOver: t.Over, fieldSilent: t.Silent} {
		if is {
			e.Fields[field] = true
		}
	}
	return e
}

// TagOrderOf returns the order that an event is; false if it is none.
func TagOrderOf(e *event.Event) (TagOrder, bool) {
	by, is := e.Fields[fieldBy].(string)
	if e.Type != event.User || !is {
		return TagOrder{}, false
	}
	t := TagOrder{TagWord: tenancy.TagWord{By: by, At: e.At}}
	held, holds := e.Fields[fieldHolds].([]any)
	t.Holds = holds
	for _, v := range held {
		id, _ := v.(string)
		t.Held = append(t.Held, id)
	}
	t.TagID, _ = e.Fields[fieldTag].(string)
	t.Taken, _ = e.Fields[fieldTaken].(bool)
	t.Over, _ = e.Fields[fieldOver].(bool)
	t.Silent, _ = e.Fields[fieldSilent].(bool)
	return t, true
}
