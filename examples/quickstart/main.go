// The quickstart turns the history of a git repository into a game: a point for every commit, a mission
// every week, a streak of days, a board of all times and one of every month. The rules are data, in
// game.json; all that is said in the end comes from the engine.
//
//	go run ./examples/quickstart                       # the repository it stands in, or a sample if that has too few people
//	go run ./examples/quickstart -repo DIR -user ID    # another, with the calendar of one person
//	go run ./examples/quickstart -events FILE -json    # events as JSON Lines
//
// Run it again after the next commit: what was recorded stays, and it says what is new.
//
// A line of JSON Lines is an event, as in
//
//	{"id": "c1", "userId": "ann", "activityId": "commit", "completedAt": "2024-03-04T09:00:00Z"}
//
// All four are needed, and the one activity of the game is "commit". A line may also have a value, which
// is a number, tags, which are a list of texts, and additionalData, which is an object. A line with an id
// that was recorded before counts once.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	_ "time/tzdata" // the zones, for machines that have none

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/timeframe"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// A choice is what the flags say.
type choice struct {
	repo, events string // where the history comes from: one of the two
	db           string
	zone         string
	user         string
	json         bool
}

// format is what the help says of JSON Lines.
const format = `
A line of JSON Lines is an event:
  {"id": "c1", "userId": "ann", "activityId": "commit", "completedAt": "2024-03-04T09:00:00Z"}
It needs these four, and the activity must be "commit". Optional are "value" (a number), "tags" (a list of
texts) and "additionalData" (an object). A line with an id that was recorded before counts once.
`

func parseFlags(args []string, usage io.Writer) (choice, error) {
	var c choice
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.Usage = func() {
		_, _ = io.WriteString(usage, "Usage of quickstart:\n")
		flags.PrintDefaults()
		_, _ = io.WriteString(usage, format)
	}
	flags.StringVar(&c.repo, "repo", "", "the directory of a git `repository` (default: the one that you are in, or a sample if fewer than three people are in its history)")
	flags.StringVar(&c.events, "events", "", "a `file` of events as JSON Lines instead of a repository; .gz too; - is the standard input")
	flags.StringVar(&c.db, "db", "", "where the game is kept: the `path` of a SQLite file, postgres://…, or memory (default: a file in the user's cache)")
	flags.StringVar(&c.zone, "zone", "UTC", "the IANA time `zone` in which days and weeks begin")
	flags.StringVar(&c.user, "user", "", "the `id` of the person whose calendar to show (default: the leader)")
	flags.BoolVar(&c.json, "json", false, "print the standings as JSON instead of the report")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	switch {
	case flags.NArg() > 0:
		return c, fmt.Errorf("%q is no flag; see -help", flags.Arg(0))
	case c.repo != "" && c.events != "":
		return c, errors.New("-repo and -events exclude each other")
	}
	return c, fault.In("-zone", timeframe.CheckZone(c.zone))
}

// source returns where the history comes from.
func (c choice) source(ctx context.Context, in io.Reader) (source, error) {
	if c.events != "" {
		return jsonLines(c.events, in)
	}
	return repository(ctx, cmp.Or(c.repo, "."))
}

func run(ctx context.Context, args []string, in io.Reader, out, notes io.Writer) (err error) {
	c, err := parseFlags(args, notes)
	if err != nil {
		return err
	}
	src, err := c.source(ctx, in)
	if err != nil {
		return err
	}
	commits, cutOff := src.read(ctx)
	if c.repo == "" && c.events == "" && cutOff == nil && committers(commits) < fewest {
		own := src.name
		src = sample()
		if _, err := fmt.Fprintf(notes, "The history of %s is of fewer than %d people, so here is one of %s; -repo . plays your own.\n\n", own, fewest, src.name); err != nil {
			return err
		}
		commits, cutOff = src.read(ctx)
	}
	if len(commits) == 0 && cutOff != nil {
		return cutOff
	}
	db, err := c.place()
	if err != nil {
		return err
	}
	st, err := openStore(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	g, err := openGame(ctx, st, src, c.zone)
	if err != nil {
		return err
	}
	if err := g.play(ctx, commits, cutOff, notes); err != nil {
		return err
	}
	if c.json {
		return g.writeJSON(ctx, out, notes)
	}
	if err := g.writeReport(ctx, out, c.user); err != nil || c.db != "" {
		return err
	}
	_, err = fmt.Fprintf(notes, "\nThe game is kept in %s. To begin anew, remove it: rm %[1]s*\n", db)
	return err
}

// place returns where the game is kept: what -db says, or a file in the user's cache.
func (c choice) place() (string, error) {
	if c.db != "" {
		return c.db, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "guerdon")
	return filepath.Join(dir, "quickstart.db"), os.MkdirAll(dir, 0o700)
}

// openStore opens what a place names.
func openStore(ctx context.Context, db string) (store.Store, error) {
	switch {
	case db == "memory":
		return memory.New(), nil
	case strings.HasPrefix(db, "postgres://"), strings.HasPrefix(db, "postgresql://"):
		return postgres.Open(ctx, db, nil)
	}
	return sqlite.Open(ctx, db, nil)
}

// A bar shows on a terminal how far the work is. The zero bar shows nothing.
type bar struct {
	out         io.Writer
	done, total int
}

// newBar returns a bar on out if that is a terminal.
func newBar(out io.Writer, total int) *bar {
	f, ok := out.(*os.File)
	if !ok {
		return &bar{}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &bar{}
	}
	return &bar{out: out, total: total}
}

// add says that n more are done.
func (b *bar) add(n int) {
	const full = 40
	b.done += n
	if b.out != nil {
		part := full * b.done / b.total
		_, _ = fmt.Fprintf(b.out, "\r[%s%s] %d of %d commits", strings.Repeat("=", part), strings.Repeat(" ", full-part), b.done, b.total)
	}
}

// end removes the bar.
func (b *bar) end() {
	if b.out != nil {
		_, _ = fmt.Fprint(b.out, "\r\x1b[K")
	}
}
