package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// A migration is what this version has to do to a database, as -json shows it.
type migration struct {
	// SQL is what is to be done, "" if it is nothing, or if it takes more than SQL.
	SQL string `json:"sql"`
	// More says why it takes more than SQL: then this program alone does it.
	More string `json:"more,omitempty"`
	// Applied tells whether it was done.
	Applied bool `json:"applied"`
}

func (p *program) migrate() *cli.Command {
	return &cli.Command{
		Name: "migrate", Usage: "show what this version has to do to a database before it works with it, as SQL",
		Flags: []cli.Flag{p.database(""), p.yes("apply", "do it; a SQLite file that is missing is made"), p.json()},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if _, err := arguments(cmd, 0, 0); err != nil {
				return err
			}
			m, err := p.prepare(ctx, cmd.String("db"), cmd.Bool("apply"))
			if err == nil {
				err = p.say(cmd, m, m.write)
			}
			if err == nil && !m.Applied && m.SQL+m.More != "" {
				return found
			}
			return err
		},
	}
}

// prepare finds out what is to be done to a database, and does it if that is asked for.
func (p *program) prepare(ctx context.Context, db string, apply bool) (m migration, err error) {
	st, err := openStore(ctx, db, apply)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	kept, is := st.(migrator)
	if !is {
		return m, errors.New("a store in memory has no tables to migrate: -db names a SQLite file, or postgres://…")
	}
	m.SQL, err = kept.Migration(ctx, slices.Concat(guerdon.Tables(), served())...)
	if _, newer := errors.AsType[*store.NewerError](err); newer || err != nil && !errors.Is(err, fault.ErrConflict) {
		return m, err
	}
	if err != nil {
		m.More = err.Error()
	}
	if !apply || m.SQL+m.More == "" {
		return m, nil
	}
	defer p.busy("migrating")()
	_, err = guerdon.New(ctx, st, &guerdon.Options{Tables: served(), Log: p.log()})
	m.Applied = err == nil
	return m, err
}

// write writes the migration for people, as SQL.
func (m migration) write(b *strings.Builder) {
	b.WriteString(m.SQL)
	switch {
	case m.Applied:
		b.WriteString("-- done\n")
	case m.More != "":
		fmt.Fprintf(b, "-- more than SQL is to be done, with -apply: %s\n", m.More)
	case m.SQL == "":
		b.WriteString("-- nothing is to be done\n")
	}
}
