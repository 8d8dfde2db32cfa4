package guerdon

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Restore makes a workspace of an account what [Workspace.Dump] has written, on this store or another, under the same name or
// another. The workspace is made, with the name, plan, type and catalogs of the one that was dumped, or it is there and holds
// nothing. Then it answers as that one did when it was dumped, and goes on from there; an event that is recorded again is
// known.
//
// Restore works in transactions that hold up others for a moment each. Until all is there the workspace has the status
// RESTORING and nobody gets a handle on it, also when Restore was interrupted: it is called again, from the dump's beginning,
// or the workspace is erased ([Engine.EraseWorkspace]). Called again while another call is at it, it takes over, and the other
// one returns [fault.ErrConflict].
//
// It returns [fault.ErrNotFound] if there is no such account, [fault.ErrConflict] if the workspace holds something, is closed
// or being erased, [fault.ErrExists] if the account has another workspace with the slug that it needs, and [fault.ErrInvalid],
// which names the line ("line 17"), for what is no dump, or damaged, or ends too early, or was written by a newer version.
// Then nothing has changed: what was added is removed again. After another error, such as that of r, of the store or of the
// context, the workspace is interrupted.
//
// Who has an e-mail becomes the principal that the account knows by it, if it knows one. What the account shares of media
// stays as it is if it has it already. The bytes of media are the host's to copy, to where Dump says that they are.
func (e *Engine) Restore(ctx context.Context, s store.Scope, r io.Reader) error {
	if r == nil {
		return fault.Invalid("r", "is nil")
	}
	if err := e.apart(ctx, nil); err != nil {
		return err
	}
	d := &undumper{lineReader: newLineReader("a dump", r), holdings: map[string]*holding.Holding{}}
	for i := range e.holdings {
		d.holdings[e.holdings[i].Name] = &e.holdings[i]
	}
	if err := d.begin(); err != nil {
		return err
	}
	own := restoring{e, s, e.newID(), tenancy.Move{}}
	if err := own.begin(ctx, d.head.Workspace); err != nil {
		return err
	}
	err := own.rows(ctx, d)
	if err == nil {
		err = own.complete(ctx, d.head.Workspace)
	}
	if _, refused := errors.AsType[*fault.Error](err); refused {
		if wrong := own.callOff(ctx); wrong != nil && !errors.Is(wrong, fault.ErrConflict) { // another call has taken over
			err = errors.Join(err, wrong)
		}
	}
	return err
}

// restoring is a restore that is under way.
type restoring struct {
	*Engine

	scope store.Scope
	name  string
	move  tenancy.Move
}

// begin makes the workspace one that nobody else writes to, and that is empty.
func (r *restoring) begin(ctx context.Context, like tenancy.Workspace) error {
	err := r.platform.Update(ctx, func(tx *session.Tx) (err error) {
		if r.move, err = tenancy.BeginRestore(ctx, tx, r.scope, like); err != nil {
			return err
		}
		inner := tx.In(r.scope)
		if r.move.Was != nil && !r.again() {
			if err := r.empty(ctx, inner); err != nil {
				return err
			}
		}
		return r.gate.BeginRestore(ctx, inner, r.name)
	})
	if err == nil && (r.move.Was == nil || r.again()) { // one that was deleted may have left something, too
		err = r.wipe(ctx, r.scope, r.mine)
	}
	return err
}

// again tells whether a restore was interrupted before.
func (r *restoring) again() bool {
	return r.move.Was != nil && r.move.Was.Status == tenancy.WorkspaceRestoring
}

// empty refuses a workspace that holds something.
func (e *Engine) empty(ctx context.Context, tx store.Tx) error {
	for _, h := range e.holdings {
		rows, _, err := h.List(ctx, tx, "", 1)
		if err == nil && len(rows) > 0 {
			err = fault.Conflict("workspace", "%q has rows of table %q; restored is one that holds nothing", tx.Scope(), h.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mine returns an error if another call has taken over.
func (r *restoring) mine(ctx context.Context, tx store.Tx) error {
	return r.gate.Restoring(ctx, tx, r.name)
}

// rows adds the rows of a dump, a portion in a transaction.
func (r *restoring) rows(ctx context.Context, d *undumper) error {
	for {
		lines, err := d.portion()
		if err != nil || len(lines) == 0 {
			return err
		}
		err = r.apply(ctx, r.scope, func(tx store.Tx) error {
			if err := r.mine(ctx, tx); err != nil {
				return err
			}
			for from, until := 0, 0; from < len(lines); from = until {
				for until = from + 1; until < len(lines) && lines[until].of == lines[from].of; {
					until++
				}
				if err := add(ctx, tx, lines[from:until]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// add adds the rows of lines of one kind. An error names the line.
func add(ctx context.Context, tx store.Tx, lines []undumped) error {
	h, rows := lines[0].of, make([]store.Row, len(lines))
	for i := range lines {
		rows[i] = lines[i].row
	}
	err := h.Put(ctx, tx, rows...)
	if _, told := errors.AsType[*fault.Error](err); !told || len(lines) == 1 {
		return fault.In(lineField(lines[0].number), err)
	}
	for i := range lines { // which of them it is; the transaction ends in any case
		if err := add(ctx, tx, lines[i:i+1]); err != nil {
			return err
		}
	}
	return err
}

// complete opens the workspace.
func (r *restoring) complete(ctx context.Context, like tenancy.Workspace) error {
	return r.platform.Update(ctx, func(tx *session.Tx) error {
		inner := tx.In(r.scope)
		if err := r.mine(ctx, inner); err != nil {
			return err
		}
		return errors.Join(r.gate.CompleteRestore(ctx, inner), r.move.CompleteRestore(ctx, tx, like))
	})
}

// callOff makes the workspace what it was.
func (r *restoring) callOff(ctx context.Context) error {
	if err := r.wipe(ctx, r.scope, r.mine); err != nil || r.again() {
		return err
	}
	return r.platform.Update(ctx, func(tx *session.Tx) error {
		inner := tx.In(r.scope)
		if err := r.mine(ctx, inner); err != nil {
			return err
		}
		gate := r.gate.Delete
		if r.move.Was != nil {
			gate = r.gate.Create
		}
		return errors.Join(gate(ctx, inner), r.move.CallOff(ctx, tx))
	})
}

// An undumper reads a dump.
type undumper struct {
	*lineReader

	holdings map[string]*holding.Holding
	head     dumpHead
	ended    bool
}

// undumped is a row of a dump.
type undumped struct {
	of     *holding.Holding
	row    store.Row
	number int // of the line
}

// begin reads the first line.
func (d *undumper) begin() error {
	line, err := d.next()
	if err != nil {
		return err
	}
	var version struct {
		Format int `json:"guerdonDump"`
	}
	switch err := json.Unmarshal(line, &version); {
	case err != nil || version.Format < 1:
		return d.invalid("is not the first of a dump")
	case version.Format > dumpFormat:
		return d.invalid("says that the dump has format %d, this program knows %d: a newer version wrote it", version.Format, dumpFormat)
	}
	if err := d.decode(line, &d.head); err != nil {
		return err
	}
	for name, have := range d.head.Tables {
		if h := d.holdings[name]; h != nil && have > h.Table.Version {
			newer := &store.NewerError{Table: name, Have: have, Want: h.Table.Version}
			return d.invalid("is of a dump that cannot be read: %v", newer)
		}
	}
	d.count(line)
	return nil
}

// portion returns the next rows, none at the end.
func (d *undumper) portion() (lines []undumped, err error) {
	for size := 0; !d.ended && len(lines) < rowsAtOnce && size < bytesAtOnce; {
		line, err := d.next()
		if err != nil {
			return nil, err
		}
		size += len(line)
		row, err := d.read(line)
		if err != nil {
			return nil, err
		}
		if !d.ended {
			lines = append(lines, row)
		}
	}
	return lines, nil
}

// read reads a line for a row, or the last one.
func (d *undumper) read(line []byte) (row undumped, err error) {
	var v struct {
		dumpRow

		Rows   *int   `json:"rows"`
		SHA256 string `json:"sha256"`
	}
	if err := d.decode(line, &v); err != nil {
		return row, err
	}
	if v.Rows != nil {
		if err := d.check(dumpEnd{*v.Rows, v.SHA256}, v.Table != ""); err != nil {
			return row, err
		}
		d.ended = true
		return row, d.end()
	}
	row = undumped{of: d.holdings[v.Table], number: d.line}
	if _, listed := d.head.Tables[v.Table]; !listed || row.of == nil {
		return row, d.invalid("names table %.80q, which this program does not know or line 1 does not list", v.Table)
	}
	if row.row, err = row.of.Table.ParseJSON(v.Record); err != nil {
		return row, fault.In(lineField(d.line), err)
	}
	if row.row.Key != v.Key {
		return row, d.invalid("has key %.80q, and a record whose key is %.80q", v.Key, row.row.Key)
	}
	d.rows++
	d.count(line)
	return row, nil
}
