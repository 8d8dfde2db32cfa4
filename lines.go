package guerdon

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/guerdonhq/guerdon/fault"
)

// A lineReader reads the lines of a dump or an archive.
type lineReader struct {
	what string // it is, for errors
	r    *bufio.Reader
	sum  hash.Hash
	line int // that was read last
	rows int // before it
}

func newLineReader(what string, r io.Reader) *lineReader {
	return &lineReader{what: what, r: bufio.NewReader(r), sum: sha256.New()}
}

func lineField(n int) string { return fmt.Sprintf("line %d", n) }

func (l *lineReader) invalid(format string, args ...any) error {
	return fault.Invalid(lineField(l.line), format, args...)
}

// next returns the next line, without its end.
func (l *lineReader) next() ([]byte, error) {
	l.line++
	line, err := l.r.ReadBytes('\n')
	switch {
	case errors.Is(err, io.EOF):
		return nil, l.invalid("is missing or cut off: %s ends with a line that counts its rows", l.what)
	case err != nil:
		return nil, fmt.Errorf("guerdon: reading %s: %w", l.what, err)
	}
	return bytes.TrimSuffix(line, []byte("\n")), nil
}

// decode reads a line that has these fields and no others.
func (l *lineReader) decode(line []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil && dec.InputOffset() != int64(len(line)) {
		err = errors.New("something follows")
	}
	if err != nil {
		return l.invalid("is damaged: %v", err)
	}
	return nil
}

// count takes a line into the sum.
func (l *lineReader) count(line []byte) {
	_, _ = l.sum.Write(line) // which never fails
	_, _ = l.sum.Write([]byte("\n"))
}

// check compares a line that counts the rows before it with them.
func (l *lineReader) check(end dumpEnd, row bool) error {
	switch {
	case row:
		return l.invalid("is a row, and the last line of those that it counts")
	case end.Rows != l.rows:
		return l.invalid("counts %d rows, before it are %d", end.Rows, l.rows)
	case end.SHA256 != hex.EncodeToString(l.sum.Sum(nil)):
		return l.invalid("has another sum than the lines before it: one of them is damaged")
	}
	return nil
}

// end refuses what follows the last line.
func (l *lineReader) end() error {
	l.line++
	switch _, err := l.r.ReadByte(); {
	case err == nil:
		return l.invalid("follows the last line of %s", l.what)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("guerdon: reading %s: %w", l.what, err)
	}
	return nil
}
