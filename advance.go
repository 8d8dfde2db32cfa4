package guerdon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// portion is the default of Options.Portion.
const portion = 50

// Advance does what the clock alone causes in the workspace: missions and paths that a schedule assigns, missions that end,
// streaks that break or are frozen, users who fall from a level or have an anniversary, credits that expire, boards that open and count what happened before, boards that close when their time of grace is over,
// catalogs that have published, files that have been uploaded or are to be deleted, and what is left of merges that were interrupted. Reads are right even if nobody calls
// it, except that a freeze is paid and a schedule assigns only here, or when the user's next event arrives, that those who joined before somebody asked for anniversaries have them once it has come to them, that a board
// which was published over a long history has counted it only then, and that an upload which nobody confirms is noticed
// only here. It may be called at any time, also by several processes at once:
// what is done is not done again. It works in small transactions; after an error, what they did remains. It goes on without a user
// of whom something cannot be read, and returns a [store.DamagedError] of each in the end.
//
// The journal tells of each streak that broke or was frozen and each mission that was assigned, in an entry whose event is of type
// [event.Clock], and in one about nobody of each period of a board that was closed: the event happened when the period ended, its
// EntityID is the board, and its fields are "kind" (RuntimeLeaderboard), "periodId", "timeframeType", "recurrence" if there is one,
// "timeframeStartsAt" and "timeframeEndsAt". There is one for each period and its end, whoever calls Advance and however often, of
// those that end while the board is in force: none for what had ended when the board was published, or was given other periods, or by the
// workspace's horizon.
func (ws *Workspace) Advance(ctx context.Context) error {
	return errors.Join(ws.advanceMerges(ctx), ws.advance(ctx), ws.SyncWithCatalogs(ctx), ws.Media.Advance(ctx))
}

// SyncWithCatalogs lets the documents that are marked syncWithCatalog take over newer versions that their
// catalogs have published, with what these refer to; [Workspace.Advance] does it too. A document that has
// a draft of its own, or whose catalog the workspace no longer lists, stays as it is. It works in small
// transactions and goes on after a document that cannot be taken over: the errors are joined, each with the
// document's kind and id, and [fault.ErrExists] if the new version needs an id that another document has.
func (ws *Workspace) SyncWithCatalogs(ctx context.Context) error {
	type step struct {
		next   string
		faults []error
	}
	var faults []error
	for after := ""; ; {
		done, err := session.Write(ctx, ws.run, func(tx *session.Tx) (s step, err error) {
			s.next, s.faults, err = ws.engine.library.Sync(ctx, tx, after, ws.engine.portion)
			return s, err
		})
		faults = append(faults, done.faults...)
		if err != nil || done.next == "" {
			return errors.Join(append(faults, err)...)
		}
		after = done.next
	}
}

// advance lets the mechanics take steps until there is nothing more to do. A portion that meets somebody of whom something cannot
// be read is done again without.
func (ws *Workspace) advance(ctx context.Context) error {
	unread := map[string]error{}
	for {
		more, err := session.Write(ctx, ws.run, func(tx *session.Tx) (bool, error) {
			tx.Unread = unread
			p, err := ws.engine.ready(ctx, tx)
			if err != nil {
				return false, err
			}
			return p.advance(ctx, tx, ws.engine.portion)
		})
		passed, ok := errors.AsType[*session.UnreadError](err)
		switch {
		case ok && unread[passed.UserID] == nil:
			unread[passed.UserID] = passed
		case err != nil || !more:
			faults := []error{err}
			for _, of := range slices.Sorted(maps.Keys(unread)) {
				faults = append(faults, unread[of])
			}
			return errors.Join(faults...)
		}
	}
}

// advance lets each mechanic take a step of a portion. Those that count what several users do wait until nothing is due for
// any user: what they close counts nothing that becomes known later.
func (p *program) advance(ctx context.Context, tx *session.Tx, portion int) (more bool, err error) {
	for _, folded := range []bool{true, false} {
		for i := range p.mechanics {
			if m := &p.mechanics[i]; m.folded == folded {
				again, err := m.advance(ctx, tx, portion)
				if err != nil {
					return false, err
				}
				more = more || again
			}
		}
		if more {
			break
		}
	}
	return more, nil
}

// tick makes everything follow from an event of the clock, and adds it to the journal unless nothing
// does; one about nobody is added as it is. Its id ends with the number of its entry. Of one that follows from problems alone it ends with
// the date, and there is one a day: who asks for their missions again and again is not told each time.
func (e *Engine) tick(ctx context.Context, tx *session.Tx, ev event.Event) error {
	if ev.UserID == "" {
		return announce(ctx, tx, ev)
	}
	p, err := e.ready(ctx, tx)
	if err != nil {
		return err
	}
	if err := unsettled(ctx, tx, ev.At); err != nil {
		return err
	}
	end, err := e.clockTo(ctx, tx, placeOf(ev.UserID, ev.At, "1"))
	if err != nil {
		return err
	}
	o, err := p.occasion(ctx, tx, ev)
	if err != nil {
		return err
	}
	return e.enterTick(ctx, tx, e.factOf(tx, p, o, ""), func(f *fact) error { return e.fold(ctx, tx, end, f) })
}

// clock lets the clock do in a user's fold, which has an end, what it does by itself before a place, and returns where
// the fold ends since.
func (e *Engine) clock(ctx context.Context, tx *session.Tx, userID, end, place string) (string, error) {
	done, err := e.ticks(ctx, tx, userID, min(end, place), place, func(f *fact) error {
		f.known = false
		return e.enterTick(ctx, tx, f, func(f *fact) error { return e.fold(ctx, tx, end, f) })
	})
	if err == nil && len(done) > 0 {
		end, err = endOf(ctx, tx, userID)
	}
	return end, err
}

// clockTo is [Engine.clock] for who does not know where the fold ends.
func (e *Engine) clockTo(ctx context.Context, tx *session.Tx, place string) (string, error) {
	userID := userOf(place)
	end, err := endOf(ctx, tx, userID)
	if err != nil {
		return "", err
	}
	return e.clock(ctx, tx, userID, end, place)
}

// wake lets the clock do in a user's fold what it does by itself up to now.
func (e *Engine) wake(ctx context.Context, tx *session.Tx, userID string) error {
	if _, err := e.ready(ctx, tx); err != nil {
		return err
	}
	_, err := e.clockTo(ctx, tx, placeOf(userID, tx.Now, "0"))
	return err
}

// enterTick gives an event of the clock a number, lets take make its step, and adds it to the journal if anything
// follows from it.
func (e *Engine) enterTick(ctx context.Context, tx *session.Tx, f *fact, take func(*fact) error) error {
	h, _, err := heads.Get(ctx, tx, headKey)
	if err != nil {
		return err
	}
	// An entry may not come of it: then its number is that of the next.
	if f.Rank == "" {
		f.stand(f.program.stand(f.At, inside(h.Seq)+"/"+mechanic.Ticked(f.first.Event)+"/"+f.first.Event.EntityID))
	}
	h.Seq++
	whose := f.first.Event.ID
	f.first.Event.ID = fmt.Sprintf("%s:%d", whose, h.Seq)
	f.rename(f.first.Event.ID)
	f.Seq, f.entry.Outcome.Seq = h.Seq, h.Seq
	tx.Seq = h.Seq
	err = take(f)
	tx.Seq = 0
	if err != nil {
		return err
	}
	told := f.entry.Outcome.changes()+len(f.entry.Caused) > 0
	if !told && len(f.entry.Outcome.Problems) > 0 {
		f.rename(whose + ":" + tx.Now.Format(time.DateOnly))
		_, before, err := journal.Get(ctx, tx, f.EventID)
		if err != nil {
			return err
		}
		told = !before
	}
	s, _, err := steps.Get(ctx, tx, f.key()) // it may have been folded again
	if err != nil {
		return err
	}
	if told {
		s.EventID = f.EventID
		if sameEvents(s.Events, f.entry.events()) {
			s.Events = nil
		}
		return errors.Join(heads.Put(ctx, tx, h), enroll(ctx, tx, f), steps.Put(ctx, tx, s))
	}
	if s.EventID = ""; len(s.Before)+len(s.Given) == 0 {
		return steps.Delete(ctx, tx, f.key())
	}
	return steps.Put(ctx, tx, s)
}

// rename gives the fact's event another id.
func (f *fact) rename(eventID string) {
	f.EventID, f.entry.Event.ID, f.entry.Outcome.EventID = eventID, eventID, eventID
}

// note adds problems to the journal that belong to no event and to nobody, each once a day.
func note(ctx context.Context, tx *session.Tx, problems []event.Problem) error {
	for _, problem := range problems {
		id := strings.Join([]string{"clock", problem.Source, problem.Field, tx.Now.Format(time.DateOnly)}, ":")
		if err := announce(ctx, tx, event.Event{ID: id, Type: event.Clock, At: tx.Now}, problem); err != nil {
			return err
		}
	}
	return nil
}

// announce adds an event of the clock to the journal that is about nobody, so that nothing follows from it, unless the journal has it.
func announce(ctx context.Context, tx *session.Tx, ev event.Event, problems ...event.Problem) error {
	_, told, err := journal.Get(ctx, tx, ev.ID)
	if err != nil || told {
		return err
	}
	f := &fact{entry: newEntry(tx, tx.Now, mechanic.New(&ev, &tenancy.User{}))}
	f.entry.Outcome.Problems = problems
	return errors.Join(f.number(ctx, tx), enroll(ctx, tx, f))
}

// Advance does what the clock alone causes, in every workspace that is open ([Workspace.Advance]). It goes on after
// an error in one of them and returns all errors joined.
func (e *Engine) Advance(ctx context.Context) error {
	var faults []error
	e.advance(ctx, func(_ store.Scope, err error) { faults = append(faults, err) })
	return errors.Join(faults...)
}

// advance is Advance, and tells failed of each workspace in which something fails.
func (e *Engine) advance(ctx context.Context, failed func(store.Scope, error)) {
	err := e.eachWorkspace(ctx, func(s store.Scope) {
		w, err := e.Platform.Workspace(ctx, s)
		if errors.Is(err, fault.ErrNotFound) || err == nil && w.Status != tenancy.WorkspaceOpen {
			return
		}
		if err == nil {
			err = e.workspace(s).Advance(ctx)
		}
		if err != nil {
			failed(s, fmt.Errorf("guerdon: advancing %s: %w", s, err))
		}
	})
	if err != nil {
		failed(store.Scope{}, err)
	}
}

func (e *Engine) eachWorkspace(ctx context.Context, fn func(store.Scope)) error {
	for page := (store.Page{Limit: store.MaxPage}); ; {
		accounts, next, err := e.Platform.Accounts(ctx, page)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			names, err := e.Platform.SubTenants(ctx, a.ID)
			if err != nil {
				return err
			}
			for _, name := range names.SubTenantIDs {
				fn(store.Scope{Account: a.ID, Workspace: name})
			}
		}
		if next == "" {
			return nil
		}
		page.Token = next
	}
}

// Run calls [Engine.Advance] at once and then at every interval, until ctx ends, and returns nil then.
// Errors go to [Options].Log and [Observer].Failed, those of each workspace by themselves. Hosts that have a scheduler call Advance from there instead. It returns
// [fault.ErrInvalid] for an interval that is not positive.
func (e *Engine) Run(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		return fault.Invalid("interval", "is %s; it must be more than 0", interval)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		e.advance(ctx, func(s store.Scope, err error) { e.failed(ctx, s, "advance", err) })
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
