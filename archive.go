package guerdon

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Archived is what [Workspace.Archive] has done.
type Archived struct {
	// Horizon is the moment before which all is settled.
	Horizon time.Time `json:"horizon"`
	// Written are the rows that w has, Dropped those of them that the workspace does not hold any more.
	Written int `json:"written"`
	Dropped int `json:"dropped"`
}

// Archive settles all that happened in the workspace before a moment, its horizon from then on, and drops what is not needed
// any more, as soon as w has it: entries of the journal and the steps of users' folds, missions that had ended, with their
// contributions and evaluations, assignments of paths that had ended, how often and how much rules had paid whom in periods
// that were over everywhere, scores of periods of boards that had ended, days of streaks whose run was over before
// the year of the horizon, and trackings of mobility, with where they were, that had ended two days before the horizon, with days of then but for
// those that have a milestone which is reached and not redeemed. Balances and transactions, standings, streaks, what somebody has learned, what
// users were before they were changed, all that had not ended by the horizon, and all that happened since are what they were, and so is what
// comes of them.
//
// What happened before the horizon cannot be recorded any more, whatever time of grace there is: it is [fault.ErrConflict], which names the field completedAt
// and the horizon. That is also the answer for an event whose entry is archived, if it comes again with the time that it had;
// without a time, or with another, it is a new event, because its id is not known any more. [Workspace.Entry] and
// [Workspace.Explain] return [fault.ErrNotFound] for what is archived, and so do boards for a period that had ended by the
// horizon. What is published from then on, also anew, counts back to the horizon, and what was before only as far as it is
// still there: things stay that a document in force may yet count, for a user to whom it has not been applied, such as those
// of a mission without end that is assigned to whoever asks. What a group turns out from then on to have completed before the horizon is
// completed, and nobody is told or paid. Missions list contributions since the horizon, and streaks whole periods since their first day
// that is there.
//
// An archive is compressed by gzip. It is lines of JSON as those of a [Workspace.Dump]: one with the version of the format,
// the workspace and the versions of the tables, then one for each row. Behind each portion of them is a line with the number
// of rows and the SHA-256 of all lines before; the last one says that the archive is complete. [ReadArchive] reads it.
//
//	{"guerdonArchive": 1, "workspace": {…}, "tables": {"journal": 3, …}}
//	{"table": "journal", "key": "mon", "record": {…}}
//	{"rows": 1, "sha256": "…"}
//	{"rows": 1, "sha256": "…", "complete": true}
//
// Archive begins with what [Workspace.Advance] does. Then it works in portions (Options.Portion): rows are written, w is told
// to Sync or to Flush if it has such a method, and then they are dropped, in a transaction that finds them as they were
// written. So whatever ends it, an error of w or of the store or of the context, nothing is dropped that w does not have; it
// returns what it has done until then. Called again, with a w of its own, it goes on; what that and an earlier archive both
// have is the same row, or one that is shorter in the later archive. Several calls at once do no harm.
//
// It returns [fault.ErrInvalid] if before is zero or has not come, and [fault.ErrConflict] if it is before the workspace's
// horizon, which never goes back. It cannot be part of [Workspace.Update] or of a transaction of the host's.
func (ws *Workspace) Archive(ctx context.Context, before time.Time, w io.Writer) (Archived, error) {
	switch before = before.UTC().Truncate(time.Microsecond); {
	case w == nil:
		return Archived{}, fault.Invalid("w", "is nil")
	case ws.revocable:
		return Archived{}, fault.Invalid("", "an archive cannot be part of a transaction")
	case before.IsZero():
		return Archived{}, fault.Invalid("before", "is zero")
	}
	if err := ws.advanceMerges(ctx); err != nil {
		return Archived{}, err
	}
	of, err := ws.settle(ctx, before)
	if err != nil {
		return Archived{}, err
	}
	zip := gzip.NewWriter(w)
	a := &archiver{ws: ws, before: before, dumper: dumper{w: bufio.NewWriter(zip), sum: sha256.New()}, zip: zip, to: w}
	a.done.Horizon = before
	if err := a.begin(of); err != nil {
		return a.done, err
	}
	for _, r := range ws.engine.remains {
		if err := a.drop(ctx, r); err != nil {
			return a.done, err
		}
	}
	return a.done, a.end()
}

// settle makes a moment the workspace's horizon, when the clock has nothing to do any more, and returns the workspace.
func (ws *Workspace) settle(ctx context.Context, before time.Time) (of *tenancy.Workspace, err error) {
	for more := true; more; {
		more, err = session.Write(ctx, ws.run, func(tx *session.Tx) (bool, error) {
			if before.After(tx.Now) {
				return false, fault.Invalid("before", "is %s, which has not come", before.Format(time.RFC3339Nano))
			}
			h, _, err := heads.Get(ctx, tx, headKey)
			switch {
			case err != nil:
				return false, err
			case before.Before(h.Horizon):
				return false, fault.Conflict("before", "is %s; the workspace's horizon is %s, and never goes back",
					before.Format(time.RFC3339Nano), h.Horizon.Format(time.RFC3339Nano))
			}
			if of, err = tenancy.FindWorkspace(ctx, tx, tx.Scope()); err != nil {
				return false, err
			}
			p, err := ws.engine.ready(ctx, tx)
			if err != nil {
				return false, err
			}
			more, err := p.advance(ctx, tx, ws.engine.portion)
			if err != nil || more {
				return true, err
			}
			if h, _, err = heads.Get(ctx, tx, headKey); err != nil { // the clock may have made entries
				return false, err
			}
			if err := unmerged(ctx, tx, ""); err != nil {
				return false, err
			}
			h.Horizon, h.SettledAt = before, tx.Now
			return false, heads.Put(ctx, tx, h)
		})
		if err != nil {
			return nil, err
		}
	}
	return of, nil
}

// archiveFormat is the version of the format of archives.
const archiveFormat = 1

// archiveHead is the first line of an archive.
type archiveHead struct {
	Format    int               `json:"guerdonArchive"`
	Workspace tenancy.Workspace `json:"workspace"`
	// Tables are the versions of the tables.
	Tables map[string]int `json:"tables"`
}

// archiveSum is the line behind a portion of rows.
type archiveSum struct {
	dumpEnd

	Complete bool `json:"complete,omitempty"`
}

// archiver is an archive that is being written.
type archiver struct {
	dumper

	ws     *Workspace
	before time.Time
	zip    *gzip.Writer
	to     io.Writer
	done   Archived
}

func (a *archiver) begin(of *tenancy.Workspace) error {
	head := archiveHead{archiveFormat, *of, map[string]int{}}
	for _, r := range a.ws.engine.remains {
		head.Tables[r.Table.Name] = r.Table.Version
	}
	return a.line(head)
}

// drop archives rows of a kind.
func (a *archiver) drop(ctx context.Context, r mechanic.Remains) error {
	for behind, more := "", true; more; {
		var some mechanic.Over
		var lines [][]byte
		err := a.ws.snapshot.Update(ctx, func(tx *session.Tx) (err error) {
			some, lines, err = a.over(ctx, tx, r, behind)
			return err
		})
		if err != nil {
			return err
		}
		asWritten := true
		if len(lines) > 0 {
			if err := a.write(lines); err != nil {
				return err
			}
			if asWritten, err = a.remove(ctx, r, behind, lines); err != nil {
				return err
			}
		}
		if asWritten { // otherwise they are written again
			behind, more = some.Last, some.Last != ""
		}
	}
	return nil
}

// over returns rows that are over, and their lines.
func (a *archiver) over(ctx context.Context, tx *session.Tx, r mechanic.Remains, behind string) (o mechanic.Over, lines [][]byte, err error) {
	if err := content.Writable(ctx, tx); err != nil {
		return o, nil, err
	}
	if at, _, err := horizon(ctx, tx); err != nil || at.Before(a.before) {
		return o, nil, errors.Join(err, fault.Conflict("workspace", "%q is another since it is archived", tx.Scope()))
	}
	if o, err = r.Over(ctx, tx, a.before, behind, a.ws.engine.portion); err != nil {
		return o, nil, err
	}
	for i := range o.Rows {
		record, err := r.Table.JSON(o.Rows[i])
		if err != nil {
			return o, nil, &store.DamagedError{Table: r.Table.Name, Key: o.Rows[i].Key, Err: err}
		}
		line, err := json.Marshal(dumpRow{r.Table.Name, o.Rows[i].Key, record})
		if err != nil {
			return o, nil, err
		}
		lines = append(lines, line)
	}
	return o, lines, nil
}

// write writes a portion of rows.
func (a *archiver) write(lines [][]byte) error {
	for _, line := range lines {
		if err := a.line(json.RawMessage(line)); err != nil {
			return err
		}
	}
	a.done.Written += len(lines)
	return a.seal(false)
}

// seal writes the sum of all lines so far, and lets nothing of them be anywhere but where w keeps it.
func (a *archiver) seal(complete bool) error {
	err := a.line(archiveSum{dumpEnd{a.done.Written, hex.EncodeToString(a.sum.Sum(nil))}, complete})
	if err == nil {
		err = written(a.w.Flush())
	}
	switch {
	case err != nil:
	case complete:
		err = written(a.zip.Close())
	default:
		err = written(a.zip.Flush())
	}
	if err != nil {
		return err
	}
	switch to := a.to.(type) {
	case interface{ Sync() error }:
		return written(to.Sync())
	case interface{ Flush() error }:
		return written(to.Flush())
	}
	return nil
}

func (a *archiver) end() error { return a.seal(true) }

// remove drops rows, unless they are no longer as they were written.
func (a *archiver) remove(ctx context.Context, r mechanic.Remains, behind string, lines [][]byte) (asWritten bool, err error) {
	e := a.ws.engine
	err = e.apply(ctx, a.ws.scope, func(tx store.Tx) error {
		own := e.session(tx)
		now, same, err := a.over(ctx, own, r, behind)
		if asWritten = slices.EqualFunc(same, lines, bytes.Equal); err != nil || !asWritten {
			return err
		}
		if err := tx.Delete(ctx, r.Table, holding.Keys(now.Rows)...); err != nil || now.Keep == nil {
			return err
		}
		return now.Keep(ctx, own)
	})
	if err == nil && asWritten {
		a.done.Dropped += len(lines)
	}
	return asWritten, err
}

// leaving are what of a workspace is over before a moment, in the order in which it is dropped: steps name entries.
func (e *Engine) leaving() (all []mechanic.Remains) {
	for _, w := range e.wings {
		all = append(all, w.remains...)
	}
	return append(all, mechanic.Remains{Table: steps.Schema(), Over: e.stepsOver}, mechanic.Remains{Table: journal.Schema(), Over: entriesOver})
}

// usersAtOnce is how many users are looked at, at most, to find one who has steps that are over.
const usersAtOnce = 100

// stepsOver finds steps of a user that lie before a moment. Of those that something may yet count, their events are kept, and of
// the last one its place, because what the clock does behind it is judged by when that was known.
func (e *Engine) stepsOver(ctx context.Context, tx *session.Tx, before time.Time, behind string, limit int) (o mechanic.Over, err error) {
	for range usersAtOnce {
		next, err := steps.List(ctx, tx, holding.Behind(store.Query{}, behind, 1))
		if err != nil || len(next) == 0 {
			return mechanic.Over{}, err
		}
		userID := next[0].UserID
		q := holding.Behind(store.Prefix(userID+"/"), behind, limit+1)
		q.Until = store.Text(placeOf(userID, before, ""))
		list, err := steps.List(ctx, tx, q)
		if err != nil {
			return mechanic.Over{}, err
		}
		last := len(list) <= limit
		if o.Last = mechanic.MarkAfter(userID); !last {
			list = list[:limit]
			o.Last = list[limit-1].key()
		}
		if err := e.leave(ctx, tx, before, list, last, &o); err != nil || len(o.Rows) > 0 || !last {
			return o, err
		}
		behind = o.Last
	}
	return o, nil
}

// leave adds to what is over steps of a user, of which the last may be the last one before the moment.
func (e *Engine) leave(ctx context.Context, tx *session.Tx, before time.Time, list []step, last bool, o *mechanic.Over) error {
	if len(list) == 0 {
		return nil
	}
	p, err := e.program(ctx, tx)
	if err != nil {
		return err
	}
	recalled, err := p.recalled(ctx, tx, list[0].UserID, before)
	if err != nil {
		return err
	}
	entries, err := entriesOf(ctx, tx, list)
	if err != nil {
		return err
	}
	var kept []step
	var gone []*mechanic.Occasion
	for i := range list {
		s := &list[i]
		var told []*mechanic.Occasion
		var wrong error
		all := func(*event.Event) bool { return true }
		happened(ctx, tx, list[i:i+1], entries, all, func(o *mechanic.Occasion, err error) bool {
			told, wrong = append(told, o), err
			return err == nil
		})
		if wrong != nil {
			return wrong
		}
		bare := step{UserID: s.UserID, At: s.At, Rank: s.Rank, RecordedAt: s.RecordedAt, Seq: s.Seq, Earned: s.Earned}
		stays := last && i == len(list)-1
		if slices.ContainsFunc(told, recalled) {
			stays = true
			for _, o := range told {
				bare.Events = append(bare.Events, *o.Event)
			}
		}
		if stays && s.EventID == "" && len(s.Before)+len(s.Given) == 0 && len(s.Events) == len(bare.Events) {
			continue // as it is
		}
		if o.Rows = append(o.Rows, steps.Row(*s)); stays {
			kept = append(kept, bare)
		}
		if bare.Events == nil {
			gone = append(gone, told...)
		}
	}
	o.Keep = func(ctx context.Context, tx *session.Tx) error {
		err := steps.Put(ctx, tx, kept...)
		for _, m := range p.mechanics {
			err = errors.Join(err, m.settle(ctx, tx, gone))
		}
		return err
	}
	return nil
}

// recalled returns what tells whether something may yet ask for an event that a user caused before a moment.
func (p *program) recalled(ctx context.Context, tx *session.Tx, userID string, before time.Time) (func(*mechanic.Occasion) bool, error) {
	u, err := tenancy.FindUser(ctx, tx, userID)
	if err == nil {
		u, err = u.At(ctx, tx, before)
	}
	if err != nil {
		return nil, err
	}
	var all []func(*mechanic.Occasion) bool
	for _, m := range p.mechanics {
		recalls, err := m.recalls(ctx, tx, u, before)
		if err != nil {
			return nil, err
		}
		if recalls != nil {
			all = append(all, recalls)
		}
	}
	return func(o *mechanic.Occasion) bool {
		return slices.ContainsFunc(all, func(recalls func(*mechanic.Occasion) bool) bool { return recalls(o) })
	}, nil
}

// entriesOver finds the first entries of the journal, as far as they were recorded before a moment.
func entriesOver(ctx context.Context, tx *session.Tx, before time.Time, _ string, limit int) (o mechanic.Over, err error) {
	h, _, err := heads.Get(ctx, tx, headKey)
	if err != nil {
		return o, err
	}
	last, err := consumed(ctx, tx)
	if err != nil {
		return o, err
	}
	entries, err := journal.List(ctx, tx, after(h.Archived, limit))
	for i := range entries {
		e := &entries[i]
		if e.Outcome.Seq > last || !e.Event.At.Before(before) || !e.RecordedAt.Before(before) {
			break
		}
		h.Archived = e.Outcome.Seq
		o.Rows = append(o.Rows, journal.Row(*e))
	}
	if len(o.Rows) == limit {
		o.Last = strconv.FormatInt(h.Archived, 10)
	}
	o.Keep = func(ctx context.Context, tx *session.Tx) error { return heads.Put(ctx, tx, h) }
	return o, err
}
