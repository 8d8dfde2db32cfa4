package sqlite

import "context"

// LimitPages lets the file grow no more.
func (s *Store) LimitPages(ctx context.Context) error {
	return s.writer.exec(ctx, "pragma max_page_count = 1")
}

// Crowded tells whether another store waits at the head of the line. This one must not.
func (s *Store) Crowded() bool { return s.line.crowded() }
