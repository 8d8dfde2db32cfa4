package guerdon

import (
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"iter"

	"github.com/guerdonhq/guerdon/fault"
)

// An ArchivedRow is a row that was dropped from a workspace.
type ArchivedRow struct {
	// Table says what the row is: "journal" for an [Entry], "missions" for a [missions.Mission].
	Table string
	// Key identifies the row in its table.
	Key string
	// Record is the row as JSON: that of an entry or a mission can be read into one.
	Record json.RawMessage
}

// ReadArchive yields the rows of an archive that [Workspace.Archive] has written, those of a portion once its sum has been
// compared with them. It takes as much memory as a portion. It ends with an error, which it yields with no row: of r, or
// [fault.ErrInvalid], which names the line ("line 17"), for what is no archive, or damaged, or cut off. What was yielded before
// is right, and if the archive was interrupted, nothing else was dropped because of it.
//
// The rows are for whoever asks what happened, and for other databases. There is no way back into the workspace: what has
// happened since counts on top of what was kept in place of them. A workspace as it was before is what a [Workspace.Dump] of
// then restores.
func ReadArchive(r io.Reader) iter.Seq2[ArchivedRow, error] {
	return func(yield func(ArchivedRow, error) bool) {
		if r == nil {
			yield(ArchivedRow{}, fault.Invalid("r", "is nil"))
			return
		}
		if err := readArchive(r, func(row ArchivedRow) bool { return yield(row, nil) }); err != nil {
			yield(ArchivedRow{}, err)
		}
	}
}

func readArchive(r io.Reader, yield func(ArchivedRow) bool) error {
	l := newLineReader("an archive", nil)
	zip, err := gzip.NewReader(r)
	if err != nil {
		l.line = 1
		return l.unzipped(err)
	}
	l.r.Reset(zip)
	line, err := l.next()
	if err != nil {
		return l.unzipped(err)
	}
	var version struct {
		Format int `json:"guerdonArchive"`
	}
	switch err := json.Unmarshal(line, &version); {
	case err != nil || version.Format < 1:
		return l.invalid("is not the first of an archive")
	case version.Format > archiveFormat:
		return l.invalid("says that the archive has format %d, this program knows %d: a newer version wrote it", version.Format, archiveFormat)
	}
	l.count(line)
	var portion []ArchivedRow
	for {
		if line, err = l.next(); err != nil {
			return l.unzipped(err)
		}
		var v struct {
			dumpRow

			Rows     *int   `json:"rows"`
			SHA256   string `json:"sha256"`
			Complete bool   `json:"complete"`
		}
		if err := l.decode(line, &v); err != nil {
			return err
		}
		if v.Rows == nil {
			portion = append(portion, ArchivedRow(v.dumpRow))
			l.rows++
			l.count(line)
			continue
		}
		if err := l.check(dumpEnd{*v.Rows, v.SHA256}, v.Table != ""); err != nil {
			return err
		}
		l.count(line)
		for _, row := range portion {
			if !yield(row) {
				return nil
			}
		}
		if portion = nil; v.Complete {
			return l.unzipped(l.end())
		}
	}
}

// unzipped returns an error of reading what is compressed: what is damaged there is the reader's to tell.
func (l *lineReader) unzipped(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return l.invalid("is missing or cut off: the last line of an archive says that it is complete")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), corrupt:
		return l.invalid("is damaged: %v", err)
	}
	return err
}
