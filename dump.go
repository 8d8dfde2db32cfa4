package guerdon

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// dumpFormat is the version of the format of dumps.
const dumpFormat = 1

// dumpHead is the first line of a dump.
type dumpHead struct {
	Format    int               `json:"guerdonDump"`
	Workspace tenancy.Workspace `json:"workspace"`
	// Tables are the versions of the tables, by what the lines call them.
	Tables map[string]int `json:"tables"`
}

// dumpRow is a line for a row.
type dumpRow struct {
	Table  string          `json:"table"`
	Key    string          `json:"key"`
	Record json.RawMessage `json:"record"`
}

// dumpEnd is the last line of a dump.
type dumpEnd struct {
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"` // of all lines before
}

// Bounds of what a dump or a restore has at hand at once.
const (
	rowsAtOnce  = 500
	bytesAtOnce = 1 << 20
)

// Dump writes all that the workspace holds: documents with their versions, users, settings, the journal, what the mechanics
// keep of users, what is known of media. It is one state of the workspace, whatever is written meanwhile, and holds up
// nobody; of one that moves elsewhere, [tenancy.Platform.CloseWorkspace] makes it the last. [Engine.Restore] reads it, also
// on another kind of store. The same workspace gives the same bytes on every store.
//
// A dump is lines of JSON: first one with the version of the format, the workspace and the versions of the tables, then one
// for each row, and last one with the number of rows and the SHA-256 of the lines before:
//
//	{"guerdonDump": 1, "workspace": {…}, "tables": {"users": 1, …}}
//	{"table": "users", "key": "ada", "record": {…}}
//	{"rows": 1, "sha256": "…"}
//
// The records do not name the workspace, so that it can be restored under another name. A dump has the names and e-mails of
// the workspace's users. It does not have the bytes of media, which are where Options.Blobs says: under
// account/workspaces/workspace/ and, of what the account shares, account/common/.
//
// What w returns as an error ends it, and is the error that Dump returns; what was written is no dump then, which Restore
// notices. Compression is w's. The memory that it takes does not grow with the workspace. It cannot be part of
// [Workspace.Update] or of a transaction of the host's. On SQLite, and on PostgreSQL for its vacuum, it is a reader that
// stays for long if w is slow: write to a file first.
func (ws *Workspace) Dump(ctx context.Context, w io.Writer) error {
	switch {
	case w == nil:
		return fault.Invalid("w", "is nil")
	case ws.revocable:
		return fault.Invalid("", "a dump cannot be part of a transaction")
	}
	return ws.snapshot.Update(ctx, func(tx *session.Tx) error {
		// The handle may be older than what became of its workspace.
		found, err := tenancy.FindWorkspace(ctx, tx, tx.Scope())
		if err == nil {
			err = found.Whole()
		}
		if err != nil {
			return err
		}
		found.Status = tenancy.WorkspaceOpen
		return ws.engine.dump(ctx, tx, *found, w)
	})
}

func (e *Engine) dump(ctx context.Context, tx store.Tx, of tenancy.Workspace, w io.Writer) error {
	d := dumper{w: bufio.NewWriter(w), sum: sha256.New()}
	head := dumpHead{dumpFormat, of, map[string]int{}}
	for _, h := range e.holdings {
		head.Tables[h.Name] = h.Table.Version
	}
	if err := d.line(head); err != nil {
		return err
	}
	rows := 0
	for _, h := range e.holdings {
		for last, more := "", true; more; more = last != "" {
			var some []store.Row
			var err error
			if some, last, err = h.List(ctx, tx, last, rowsAtOnce); err != nil {
				return err
			}
			for i := range some {
				record, err := h.Table.JSON(some[i])
				if err != nil {
					return &store.DamagedError{Table: h.Table.Name, Key: some[i].Key, Err: err}
				}
				if err := d.line(dumpRow{h.Name, some[i].Key, record}); err != nil {
					return err
				}
			}
			rows += len(some)
		}
	}
	if err := d.line(dumpEnd{rows, hex.EncodeToString(d.sum.Sum(nil))}); err != nil {
		return err
	}
	return written(d.w.Flush())
}

// A dumper writes the lines of a dump.
type dumper struct {
	w   *bufio.Writer
	sum hash.Hash
}

func (d *dumper) line(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	_, _ = d.sum.Write(line) // which never fails
	_, err = d.w.Write(line)
	return written(err)
}

func written(err error) error {
	if err != nil {
		return fmt.Errorf("guerdon: writing: %w", err)
	}
	return nil
}
