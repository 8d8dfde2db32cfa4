package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/guerdonhq/guerdon/fault"
)

// Options are the choices of [Open]. The zero value is good for most.
type Options struct {
	// Schema is where the tables are; "" is the first schema of the connection's search_path.
	Schema string
	// CreateSchema lets Open create Schema if there is none.
	CreateSchema bool
	// MaxConns is the greatest number of connections; 0 leaves it to the dsn's pool_max_conns, or is 4 or the number of
	// processors, whichever is more. An Update and a View hold one each, a View inside an Update a second.
	MaxConns int
	// StatementTimeout bounds each statement, the wait for the lock of a scope included; 0 leaves it to the server. What takes
	// longer is [context.DeadlineExceeded]. Prepare is not bounded.
	StatementTimeout time.Duration
	// Replica is the dsn of a server that follows this one, "" for none. Views read there, and may be behind what an Update has
	// acknowledged: who must see it reads within an Update.
	Replica string
}

// Open connects to the database that dsn describes, a URL or a list of keywords and values as the
// tools of PostgreSQL take them. Parameters that begin with pool_ set the pool, as pool_max_conns. A
// malformed dsn, and an option that cannot be, is [fault.ErrInvalid]; a schema that is not there, and is not to be created,
// is [fault.ErrNotFound].
func Open(ctx context.Context, dsn string, options *Options) (*Store, error) {
	o := Options{}
	if options != nil {
		o = *options
	}
	switch {
	case o.MaxConns < 0:
		return nil, fault.Invalid("maxConns", "is %d; it must be 0 or more", o.MaxConns)
	case o.StatementTimeout < 0 || o.StatementTimeout%time.Millisecond != 0:
		return nil, fault.Invalid("statementTimeout", "is %s; it must be whole milliseconds, and 0 or more", o.StatementTimeout)
	case o.CreateSchema && o.Schema == "":
		return nil, fault.Invalid("schema", "is empty, and is to be created")
	}
	pool, err := o.connect(ctx, "dsn", dsn)
	if err != nil {
		return nil, err
	}
	s := New(pool)
	s.owned = true
	if err := o.locate(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	if o.Replica != "" {
		if s.views, err = o.connect(ctx, "replica", o.Replica); err != nil {
			pool.Close()
			return nil, err
		}
	}
	return s, nil
}

// connect returns a pool of connections to the database that a field describes.
func (o *Options) connect(ctx context.Context, field, dsn string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fault.Invalid(field, "%v", err)
	}
	parameters := config.ConnConfig.RuntimeParams
	if o.Schema != "" {
		parameters["search_path"] = pgx.Identifier{o.Schema}.Sanitize()
	}
	if o.StatementTimeout > 0 {
		parameters["statement_timeout"] = strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
	}
	if o.MaxConns > 0 {
		config.MaxConns = int32(min(o.MaxConns, 1<<16))
		config.MinConns = min(config.MinConns, config.MaxConns)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, &serverError{err}
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, &serverError{err}
	}
	return pool, nil
}

// locate creates the schema if it is to be, and refuses one that is not there.
func (o *Options) locate(ctx context.Context, pool *pgxpool.Pool) error {
	if o.Schema == "" {
		return nil
	}
	var there bool
	find := func() error {
		return pool.QueryRow(ctx, "select exists (select from pg_namespace where nspname = $1)", o.Schema).Scan(&there)
	}
	err := find()
	if err == nil && !there && o.CreateSchema {
		if _, err = pool.Exec(ctx, "create schema if not exists "+pgx.Identifier{o.Schema}.Sanitize()); err == nil {
			err = find()
		}
	}
	switch {
	case err != nil:
		return &serverError{err}
	case !there:
		return fault.NotFound("schema", o.Schema)
	}
	return nil
}
