// Package analytics counts what happens in a workspace: how many people are active, whether they come back, for how long they come each day,
// who has stopped, how many of each mission are assigned and completed, what each rule issues and takes of a currency and who has got
// most, how rare badges are, how people answer quizzes, and where they leave paths. It follows the journal, so an event pays nothing for it when it is recorded, and every figure is exact: the same as if it were computed from the whole journal, however late things came and whoever was erased.
//
// [Tables] go into [guerdon.Options].Tables. [Analytics.Run] follows all workspaces as long as the process runs;
// [Analytics.CatchUp] does so for one workspace and returns. [Analytics.Of] returns what reads. An answer says as of which
// entry of the journal it is, costs the same however long the journal is, and reads no entry.
//
// What reads takes a [Range] of days where it matters when things happened, and [Reader.Last] makes one of a request's time range, such as
// "30d". How far somebody has come counts where it was begun: of the paths that were begun in a range, so many are completed since.
//
// A day is a civil day of one time zone: the workspace's by [Options].ZoneOf, or [Options].Zone. Who is active on it is who did something that happened on it: an activity, or
// what is submitted of quizzes, slides and stories. What the clock, an admin, or a change of the user does is not activity,
// and neither is what a provider sees of how somebody gets about. An event that is taken back or put right counts no more as it was, and neither does
// what followed from it: every figure is as if it had been so from the start.
package analytics

import (
	"cmp"
	"context"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Options are the choices of [New].
type Options struct {
	// Zone is where days begin and end; nil means UTC, and time.Local is refused, as it has no name. Whoever changes it calls
	// [Analytics.Rebuild].
	Zone *time.Location
	// ZoneOf returns the zone of a workspace that has another one; nil is Zone. It says the same each time, and is called concurrently. Where it
	// says time.Local, nothing is counted, and whoever asks is told.
	ZoneOf func(store.Scope) *time.Location
	// Name is that of the consumer; "" means "analytics".
	Name string
	// Batch is how many entries are counted in one transaction, at most; 0 means 500, and 1,000 is the most.
	Batch int
}

// Analytics counts what happens in the workspaces of an engine. It may be used concurrently, and by several processes at once.
type Analytics struct {
	engine *guerdon.Engine
	zone   *time.Location
	zoneOf func(store.Scope) *time.Location
	name   string
	batch  int
}

// New returns what counts for the workspaces of an engine, which must have been made with [Tables] among its options. It returns
// [fault.ErrInvalid] that names what is missing or out of bounds.
func New(eng *guerdon.Engine, opts *Options) (*Analytics, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	switch {
	case eng == nil:
		return nil, fault.Invalid("engine", "is nil")
	case o.Zone == time.Local:
		return nil, errLocal()
	case o.Batch < 0 || o.Batch > maxBatch:
		return nil, fault.Invalid("batch", "is %d; it must be 0 to %d", o.Batch, maxBatch)
	}
	return &Analytics{
		engine: eng, zone: cmp.Or(o.Zone, time.UTC), zoneOf: o.ZoneOf, name: cmp.Or(o.Name, "analytics"), batch: cmp.Or(o.Batch, 500),
	}, nil
}

// maxBatch is how many entries one reading of the journal has.
const maxBatch = 1000

// Run follows the journals of all workspaces until ctx ends, and returns nil then. It is [guerdon.Engine.ConsumeOnce] and
// returns what that does.
func (a *Analytics) Run(ctx context.Context) error {
	return a.engine.ConsumeOnce(ctx, a.name, a.consume, &guerdon.ConsumeOptions{Batch: a.batch})
}

// consume counts entries that a consumer is handed. What has been counted already is passed over; if it is not as far as what comes
// before them, as after a rebuild has begun, the consumer is moved to where it is.
func (a *Analytics) consume(ctx context.Context, tx store.Tx, ws *guerdon.Workspace, entries []guerdon.Entry) error {
	paths, err := outlines(ctx, ws, entries)
	if err != nil {
		return err
	}
	at, err := a.take(ctx, tx, entries, paths)
	if err == nil && at < entries[len(entries)-1].Outcome.Seq {
		err = ws.MoveConsumer(ctx, a.name, at)
	}
	return err
}

// CatchUp counts what has happened in a workspace and is not counted yet, and returns when that is done. It is for who does not let
// [Analytics.Run] follow, and may be called beside it.
//
// It returns what [guerdon.Workspace.Journal] does, a [guerdon.DamagedEntryError] too: what is before that entry has been counted.
func (a *Analytics) CatchUp(ctx context.Context, ws *guerdon.Workspace) error {
	for {
		at, err := a.asOf(ctx, ws)
		if err != nil {
			return err
		}
		entries, err := ws.Journal(ctx, at.Seq)
		if err != nil || len(entries) == 0 {
			return err
		}
		for len(entries) > 0 && err == nil {
			some := entries[:min(a.batch, len(entries))]
			entries = entries[len(some):]
			var paths []pathVersion
			if paths, err = outlines(ctx, ws, some); err != nil {
				break
			}
			err = a.engine.Store().Update(ctx, ws.Scope(), func(tx store.Tx) error {
				done, err := a.take(ctx, tx, some, paths)
				at.Seq = done
				return err
			})
			if at.Seq < some[len(some)-1].Outcome.Seq { // somebody has begun anew
				break
			}
		}
		if err == nil { // so that nothing is archived before it is counted
			err = ws.MoveConsumer(ctx, a.name, at.Seq)
		}
		if err != nil {
			return err
		}
	}
}

// Rebuild counts a workspace anew from its journal: all that had been counted is removed, in portions, and then it catches up. Meanwhile answers
// are as of what is counted by then. If it is interrupted, Run or CatchUp goes on with it.
//
// It returns [fault.ErrConflict] if the beginning of the journal is archived: what was counted of it stays, and could not be counted again.
func (a *Analytics) Rebuild(ctx context.Context, ws *guerdon.Workspace) error {
	if err := ws.MoveConsumer(ctx, a.name, 0); err != nil { // nothing more is archived
		return err
	}
	entries, err := ws.Journal(ctx, 0)
	if err != nil {
		return err
	}
	if len(entries) > 0 && entries[0].Outcome.Seq > 1 {
		return fault.Conflict("journal", "begins with entry %d: those before are archived", entries[0].Outcome.Seq)
	}
	wiping := func(fn func(*state) error) (more bool, err error) {
		err = a.engine.Store().Update(ctx, ws.Scope(), func(tx store.Tx) error {
			at, _, err := states.Get(ctx, tx, stateKey)
			if err == nil {
				err = fn(&at)
			}
			if err != nil || !at.Wiping {
				more = false
				return err
			}
			more = true
			return a.wipe(ctx, tx)
		})
		return more, err
	}
	more, err := wiping(func(at *state) error { at.Wiping = true; return nil })
	for more && err == nil {
		more, err = wiping(func(*state) error { return nil })
	}
	if err != nil {
		return err
	}
	return a.CatchUp(ctx, ws)
}

// take counts entries, which follow one another and speak of versions of paths, and returns the number of the last entry that is counted since.
func (a *Analytics) take(ctx context.Context, tx store.Tx, entries []guerdon.Entry, paths []pathVersion) (int64, error) {
	at, found, err := states.Get(ctx, tx, stateKey)
	wrong := a.elsewhere(&at, tx.Scope())
	switch {
	case err != nil:
		return 0, err
	case at.Wiping:
		return 0, a.wipe(ctx, tx)
	case wrong != nil:
		return 0, wrong
	case !found && entries[0].Outcome.Seq > 1: // what was before is archived, or the consumer was moved
		at.From = entries[0].Outcome.Seq
	case !found:
	case entries[0].Outcome.Seq > at.Seq+1:
		return at.Seq, nil
	}
	for len(entries) > 0 && entries[0].Outcome.Seq <= at.Seq {
		entries = entries[1:]
	}
	if len(entries) == 0 {
		return at.Seq, nil
	}
	zone := a.in(tx.Scope())
	at.Zone = zone.String()
	d := fold(entries, paths, zone)
	last := &entries[len(entries)-1]
	at.Seq, at.At = last.Outcome.Seq, last.RecordedAt
	return at.Seq, d.apply(ctx, tx, &at)
}

func errLocal() error {
	return fault.Invalid("zone", "is the machine's, which is another on another machine")
}

// in returns where days begin and end in a workspace.
func (a *Analytics) in(s store.Scope) *time.Location {
	if a.zoneOf == nil {
		return a.zone
	}
	return cmp.Or(a.zoneOf(s), a.zone)
}

// elsewhere returns that days were counted in another zone, or would be in none that has a name.
func (a *Analytics) elsewhere(at *state, s store.Scope) error {
	zone := a.in(s)
	if zone == time.Local {
		return errLocal()
	}
	if at.Zone != "" && at.Zone != zone.String() {
		return fault.Conflict("zone", "is %s; what is counted is of %s, until it is rebuilt", zone, at.Zone)
	}
	return nil
}

// wipe removes a portion of what is counted; the state is the last to go.
func (a *Analytics) wipe(ctx context.Context, tx store.Tx) error {
	left := maxBatch
	for _, t := range counted() {
		rows, err := tx.List(ctx, t, store.Query{Limit: left})
		if err != nil {
			return err
		}
		keys := make([]string, len(rows))
		for i := range rows {
			keys[i] = rows[i].Key
		}
		if err := tx.Delete(ctx, t, keys...); err != nil {
			return err
		}
		if left -= len(rows); left <= 0 {
			return states.Put(ctx, tx, state{Wiping: true})
		}
	}
	return states.Put(ctx, tx, state{})
}

// today returns the present day in a workspace.
func (r Reader) today() timeframe.Day {
	return timeframe.DayOf(r.analytics.engine.Now(), r.analytics.in(r.workspace.Scope()))
}
