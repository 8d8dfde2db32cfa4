package missions

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// tickedEnd is the kind of an event of the clock that is about a mission whose time is over.
const tickedEnd = "Mission.end"

// await lets the end of a new mission be told if somebody asks for such ends.
func (p *program) await(m *Mission) {
	m.Awaited = m.MissionType == Individual && !m.EndsAt.IsZero() && p.awaited()
}

// awaited tells whether somebody asks for the ends of missions.
func (p *program) awaited() bool { return p.audience != nil && p.audience.Awaits(event.Mission) }

// firstEnd describes the first of a user's missions whose end will be told.
func firstEnd(userID string) store.Query { return store.By("awaited", store.Text(userID)).First(1) }

// Due returns when the time of the first of a user's missions is over of which somebody asked for it when it began.
func (p *program) Due(ctx context.Context, tx *session.Tx, userID string) (at time.Time, kind, id string, err error) {
	first, err := missionTable.List(ctx, tx, firstEnd(userID))
	if err != nil || len(first) == 0 {
		return time.Time{}, "", "", err
	}
	return first[0].EndsAt, tickedEnd, first[0].ID, nil
}

// wakeEnded wakes the users of at most limit missions whose end is to be told, and returns whether there may be more.
func (p *program) wakeEnded(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	return mechanic.WakeDue(ctx, tx, missionTable, "end", limit, func(m *Mission) string { return m.UserID })
}

// end tells that the time of a mission is over.
func (p *program) end(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	m, found, err := missionTable.Get(ctx, tx, o.Event.EntityID)
	if err != nil || !found {
		return err
	}
	m.Awaited = false
	tx.Cause(ending(&m))
	return missionTable.Put(ctx, tx, m)
}

// ending is the event of a mission whose time was over before it was completed. It is for those who ask for the state.
func ending(m *Mission) event.Event {
	fields := m.vars()
	delete(fields, "userId")
	fields["state"] = "ENDED"
	return event.Event{
		ID: m.ID + ":ended", Type: event.Mission, EntityID: m.ConfigurationID, UserID: m.UserID, At: m.EndsAt,
		Value: &m.CurrentAmount, Progress: event.InProgress, Fields: fields,
	}
}
