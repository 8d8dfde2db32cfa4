// Guerdon serves an engine over HTTP, and does from a shell what who runs one, or writes its rules, needs: guerdon help lists it.
//
//	go run ./cmd/guerdon serve -demo                 # a fitness club to play with, in a SQLite file in the user's cache
//	go run ./cmd/guerdon serve -db guerdon.db -issuer https://login.example.org -audience guerdon
//	go run ./cmd/guerdon serve -db postgres://… -addr :8080 -issuer …
//	go run ./cmd/guerdon lint game.json              # what is wrong with a bundle, and where
//
// Each flag may be given with one dash or two, before or behind what it is about, and as a variable of the environment: GUERDON_DB
// for -db. What was asked for goes to the standard output, for people or, with -json, for programs; errors, and how far it is, go to
// the standard error. The exit code is 0 where there is nothing to say, 1 for an error, also one that lint or verify finds, and 2 if
// diff finds a difference or migrate something to do.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // the zones, for machines that have none

	"github.com/urfave/cli/v3"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(conclude(err, os.Stderr))
}

// conclude says what went wrong, if that is not said, and returns the exit code.
func conclude(err error, notes io.Writer) int {
	if err == nil {
		return 0
	}
	if code, said := errors.AsType[exit](err); said {
		return int(code)
	}
	if wrong, are := errors.AsType[findings](err); are { // as editors read them
		_, _ = fmt.Fprintln(notes, wrong) // there is nobody else to tell
	} else {
		_, _ = fmt.Fprintln(notes, "guerdon:", err)
	}
	return int(failed)
}

// An exit ends the program with a code when all is said.
type exit int

const (
	failed exit = 1
	found  exit = 2
)

// Error says what the code is.
func (e exit) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// run does what the arguments say, until ctx ends.
func run(ctx context.Context, args []string, env func(string) string, out, notes io.Writer) error {
	return (&program{env, out, notes}).commands().Run(ctx, append([]string{"guerdon"}, args...))
}

// A program is what commands have of the world around them.
type program struct {
	env        func(string) string
	out, notes io.Writer
}

// commands returns all there are.
func (p *program) commands() *cli.Command {
	all := &cli.Command{
		Name: "guerdon", Usage: "turns what people do into progress",
		Commands: []*cli.Command{
			p.serve(), p.token(),
			p.lint(), p.diff(), p.imports(), p.export(),
			p.replay(), p.journal(), p.explain(), p.verify(), p.migrate(), p.schema(),
		},
		Writer: p.out, ErrWriter: p.notes,
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: func(c *cli.Command) { c.Hidden, c.Usage = false, "print what lets a shell complete commands and flags" },
		ExitErrHandler:                  func(context.Context, *cli.Command, error) {}, // main ends the program
	}
	var names []string
	for _, c := range all.Commands {
		names = append(names, c.Name)
		c.OnUsageError = misused
	}
	all.OnUsageError = misused
	all.Action = func(_ context.Context, cmd *cli.Command) error {
		if word := cmd.Args().First(); word != "" {
			return fmt.Errorf("%q is no command; there are %s", word, strings.Join(names, ", "))
		}
		return fmt.Errorf("say what to do: guerdon %s; guerdon help says more", strings.Join(names, ", "))
	}
	return all
}

// misused returns what is wrong with flags, without all of the help beside it.
func misused(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	return fmt.Errorf("%w; see guerdon %s -help", err, strings.TrimPrefix(cmd.FullName(), "guerdon "))
}

// arguments returns what a command was given beside its flags: as much as it takes.
func arguments(cmd *cli.Command, least, most int) ([]string, error) {
	args := cmd.Args().Slice()
	switch n := len(args); {
	case n < least:
		return nil, fmt.Errorf("say what about: guerdon %s %s", cmd.Name, cmd.ArgsUsage)
	case most >= 0 && n > most:
		return nil, fmt.Errorf("%q is no flag, and more than guerdon %s takes; see -help", args[most], cmd.Name)
	}
	return args, nil
}

// A variable is one of the environment, as the value of a flag.
type variable struct {
	env  func(string) string
	name string
}

// Lookup implements [cli.ValueSource]. A variable that is empty is none.
func (v variable) Lookup() (string, bool) {
	value := v.env(v.name)
	return value, value != ""
}

// String says where the value is from.
func (v variable) String() string { return "the variable " + v.name }

// GoString is String.
func (v variable) GoString() string { return v.String() }

// IsFromEnv implements [cli.EnvValueSource].
func (variable) IsFromEnv() bool { return true }

// Key implements [cli.EnvValueSource].
func (v variable) Key() string { return v.name }

func (p *program) also(flag string) cli.ValueSourceChain {
	return cli.NewValueSourceChain(variable{p.env, "GUERDON_" + strings.ToUpper(flag)})
}

// text, yes, number and time return flags, which the environment may set too.
func (p *program) text(name, value, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Value: value, Usage: usage, Sources: p.also(name)}
}

func (p *program) yes(name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, Sources: p.also(name)}
}

func (p *program) number(name, usage string) cli.Flag {
	return &cli.Int64Flag{Name: name, Usage: usage, Sources: p.also(name)}
}

func (p *program) time(name string, value time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Name: name, Value: value, Usage: usage, Sources: p.also(name)}
}

// json is the flag of what programs read.
func (p *program) json() cli.Flag { return p.yes("json", "say it as JSON") }

// say prints the lines of a text, or with -json the value.
func (p *program) say(cmd *cli.Command, value any, text func(*strings.Builder)) error {
	var b strings.Builder
	if cmd.Bool("json") {
		to := encoder(&b)
		to.SetIndent("", "  ")
		if err := to.Encode(value); err != nil {
			return err
		}
	} else {
		text(&b)
	}
	_, err := io.WriteString(p.out, b.String())
	return err
}

// encoder writes values as JSON, a line each.
func encoder(to io.Writer) *json.Encoder {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	return e
}

// log returns where what happens beside is told.
func (p *program) log() *slog.Logger { return slog.New(slog.NewTextHandler(p.notes, nil)) }
