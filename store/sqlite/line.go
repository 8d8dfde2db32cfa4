package sqlite

import (
	"context"
	"os"
)

// A line is where the transactions of several processes wait for the file, so that none comes in before those that have waited:
// who is at its head looks whether the file is free, and all others, whoever had it a moment ago, wait for the head. It is a lock
// of the operating system's on a file beside the database, which ends with its process. Where there is none, the line keeps
// nobody from looking.
type line struct{ file *os.File }

// openLine returns the line of a database. Its file stays: who removed it would part those who wait.
func openLine(path string) (line, error) {
	f, err := os.OpenFile(path+"-line", os.O_RDWR|os.O_CREATE, 0o666)
	return line{f}, err
}

// begin calls try at the head of the line until it meets no lock, or until ctx ends.
func (l line) begin(ctx context.Context, try func() error) error {
	if err := patiently(ctx, func() bool { return !lock(l.file) }); err != nil {
		return err
	}
	defer unlock(l.file)
	return wait(ctx, try)
}

// crowded tells whether another process is at the head of the line. This one must not be.
func (l line) crowded() bool {
	if !lock(l.file) {
		return true
	}
	unlock(l.file)
	return false
}

func (l line) close() error { return l.file.Close() }
