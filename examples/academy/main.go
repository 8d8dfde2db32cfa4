// The academy teaches three people on three continents to bake bread. Its course is one file, course.json, in
// English and Italian: a story, slides and quizzes on two paths, of which the second opens after the first, with
// a mission, a streak, rewards and a leaderboard. The ten days pass at once, by a clock that the program moves,
// and what it tells of them is what the engine answers.
//
//	go run ./examples/academy                      # in memory
//	go run ./examples/academy -db academy.db       # in a file of SQLite, which must not hold an academy
//	go run ./examples/academy -db postgres://…     # in PostgreSQL
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	_ "time/tzdata" // the zones, for machines that have none

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

func main() {
	db := flag.String("db", "memory", "where the academy is kept: the `path` of a SQLite file, postgres://…, or memory")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *db)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "academy:", err)
		os.Exit(1)
	}
}

// run lets the ten days pass and tells of them.
func run(ctx context.Context, out io.Writer, db string) (err error) {
	st, err := openStore(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	a, err := found(ctx, st, out)
	if err != nil {
		return err
	}
	return a.play(ctx)
}

// openStore opens what -db names.
func openStore(ctx context.Context, db string) (store.Store, error) {
	switch {
	case db == "memory":
		return memory.New(), nil
	case strings.HasPrefix(db, "postgres://"), strings.HasPrefix(db, "postgresql://"):
		return postgres.Open(ctx, db, nil)
	}
	return sqlite.Open(ctx, db, nil)
}
