package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver of the shop's own connections

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

// A sqliteShop keeps its orders in the SQLite file that guerdon's tables are in.
type sqliteShop struct {
	db    *sql.DB
	store *sqlite.Store
	ws    *guerdon.Workspace
}

func openSQLite(ctx context.Context, path string) (*sqliteShop, error) {
	st, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	// Transactions begin with the write lock, and wait for it: one that reads first and then writes
	// would fail if another wrote in between.
	file := url.URL{Scheme: "file", Path: filepath.ToSlash(full), RawQuery: "_txlock=immediate&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	s := &sqliteShop{db: db, store: st}
	if s.ws, err = openWorkspace(ctx, st); err == nil {
		_, err = db.ExecContext(ctx, "create table if not exists orders (id text primary key, customer text, total text)")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *sqliteShop) place(ctx context.Context, o order, pay func() error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // which does nothing after the commit
	if _, err := tx.ExecContext(ctx, "insert into orders values (?, ?, ?)", o.id, o.customer, o.total.String()); err != nil {
		return err
	}
	if _, err := s.ws.On(s.store.Join(tx)).Record(ctx, o.event()); err != nil {
		return err
	}
	if err := pay(); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *sqliteShop) placed(ctx context.Context, id string) (found bool, err error) {
	err = s.db.QueryRowContext(ctx, "select exists (select 1 from orders where id = ?)", id).Scan(&found)
	return found, err
}

func (s *sqliteShop) workspace() *guerdon.Workspace { return s.ws }

func (s *sqliteShop) Close() error { return errors.Join(s.db.Close(), s.store.Close()) }
