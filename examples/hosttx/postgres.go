package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/store/postgres"
)

// A postgresShop keeps its orders in the PostgreSQL database that guerdon's tables are in, and shares
// its pool of connections.
type postgresShop struct {
	pool  *pgxpool.Pool
	store *postgres.Store
	ws    *guerdon.Workspace
}

func openPostgres(ctx context.Context, dsn string) (*postgresShop, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, err
	}
	s := &postgresShop{pool: pool, store: postgres.New(pool)}
	if s.ws, err = openWorkspace(ctx, s.store); err == nil {
		_, err = pool.Exec(ctx, "create table if not exists orders (id text primary key, customer text, total numeric)")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *postgresShop) place(ctx context.Context, o order, pay func() error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { // which commits, or rolls back
		if _, err := tx.Exec(ctx, "insert into orders values ($1, $2, $3)", o.id, o.customer, o.total.String()); err != nil {
			return err
		}
		if _, err := s.ws.On(s.store.Join(tx)).Record(ctx, o.event()); err != nil {
			return err
		}
		return pay()
	})
}

func (s *postgresShop) placed(ctx context.Context, id string) (found bool, err error) {
	err = s.pool.QueryRow(ctx, "select exists (select 1 from orders where id = $1)", id).Scan(&found)
	return found, err
}

func (s *postgresShop) workspace() *guerdon.Workspace { return s.ws }

func (s *postgresShop) Close() error {
	err := s.store.Close()
	s.pool.Close()
	return err
}
