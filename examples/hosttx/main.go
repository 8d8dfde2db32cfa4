// The hosttx example is a shop that rewards its customers. Its orders are in a table of its own, and the
// order and the points for it are committed in one transaction, which the shop begins and ends: either
// both are there or neither is.
//
//	go run ./examples/hosttx                       # on SQLite, in a file that is removed afterwards
//	go run ./examples/hosttx -db shop.db           # on SQLite, in a file that stays
//	go run ./examples/hosttx -db postgres://…      # on PostgreSQL
//
// Without -db it shows PostgreSQL too if the environment variable GUERDON_POSTGRES holds a connection
// string.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // the zones, for machines that have none

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

func main() {
	db := flag.String("db", "", "the `path` of a SQLite file or postgres://… (default: a temporary file, and what GUERDON_POSTGRES says)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *db, os.Getenv("GUERDON_POSTGRES"))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hosttx:", err)
		os.Exit(1)
	}
}

// run shows what db names or, if that is empty, SQLite in a temporary file and then what dsn names.
func run(ctx context.Context, out io.Writer, db, dsn string) (err error) {
	if db != "" {
		return show(ctx, out, db)
	}
	dir, err := os.MkdirTemp("", "hosttx")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := show(ctx, out, filepath.Join(dir, "shop.db")); err != nil || dsn == "" {
		return err
	}
	return show(ctx, out, dsn)
}

// An order is a row of the shop's own.
type order struct {
	id       string
	customer string
	total    decimal.Decimal // in euros
}

// event returns the order as the engine takes it. Its id is the order's, so that recording it again
// pays nothing again.
func (o order) event() event.Event {
	return event.Event{ID: o.id, EntityID: "order", UserID: o.customer, Value: &o.total}
}

// A shop is the host: it has a database of its own, and guerdon's tables are in it.
type shop interface {
	// place inserts the order's row, records its event, asks for the payment, and commits; if any of
	// these fails, it rolls back.
	place(ctx context.Context, o order, pay func() error) error
	// placed tells whether the order's row is there.
	placed(ctx context.Context, id string) (bool, error)
	workspace() *guerdon.Workspace
	io.Closer
}

// open opens the shop that db names, and says what it is on.
func open(ctx context.Context, db string) (name string, s shop, err error) {
	if strings.HasPrefix(db, "postgres://") || strings.HasPrefix(db, "postgresql://") {
		s, err = openPostgres(ctx, db)
		return "PostgreSQL", s, err
	}
	s, err = openSQLite(ctx, db)
	return "SQLite", s, err
}

var errDeclined = errors.New("the payment was declined")

// show lets a customer order twice: one order is paid for, the other is not.
func show(ctx context.Context, out io.Writer, db string) (err error) {
	name, s, err := open(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := fmt.Fprintln(out, name); err != nil {
		return err
	}
	for _, try := range []struct {
		name    string
		payment error
	}{{"paid", nil}, {"declined", errDeclined}} {
		o := order{
			id: fmt.Sprintf("%s-%d", try.name, time.Now().UnixMicro()), customer: customer,
			total: decimal.RequireFromString("25.80"),
		}
		before, err := points(ctx, s.workspace(), o.customer)
		if err != nil {
			return err
		}
		if err := s.place(ctx, o, func() error { return try.payment }); !errors.Is(err, try.payment) {
			return err
		}
		row, err := s.placed(ctx, o.id)
		if err != nil {
			return err
		}
		after, err := points(ctx, s.workspace(), o.customer)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "  %-9s row: %-6t points: +%s\n", try.name, row, after.Sub(before)); err != nil {
			return err
		}
	}
	return nil
}

// points returns what a customer has.
func points(ctx context.Context, ws *guerdon.Workspace, userID string) (decimal.Decimal, error) {
	b, err := ws.Economy.Balance(ctx, userID, "points")
	return b.Amount, err
}

// rules is the game: a point for every euro.
//
//go:embed game.json
var rules []byte

// account and customer are all that the shop has of either.
const (
	account  = "shop"
	customer = "ann"
)

// openWorkspace returns the workspace of the shop on its store, with its one customer, and makes what
// is not there yet.
func openWorkspace(ctx context.Context, st store.Store) (*guerdon.Workspace, error) {
	engine, err := guerdon.New(ctx, st, nil)
	if err != nil {
		return nil, err
	}
	_, err = engine.Platform.CreateAccount(ctx, tenancy.Account{ID: account})
	if err != nil && !errors.Is(err, fault.ErrExists) {
		return nil, err
	}
	ws, err := engine.Workspace(ctx, store.Scope{Account: account, Workspace: tenancy.DefaultWorkspace})
	if err != nil {
		return nil, err
	}
	if _, err := ws.Import(ctx, rules); err != nil {
		return nil, err
	}
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: customer})
	if err != nil && !errors.Is(err, fault.ErrExists) {
		return nil, err
	}
	return ws, nil
}
