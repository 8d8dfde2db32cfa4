// Mutate changes the code in small ways, one at a time, and shows which changes no test notices: a bound
// that moves by one, a guard that is gone, an assignment that does not happen.
//
//	go -C tools run ./mutate -C ..                       # a hundred changes of the mechanics
//	go -C tools run ./mutate -C .. -n 20 ./missions      # twenty of one package
//	go -C tools run ./mutate -C .. -n 0 -list ./missions # all that could be tried
//
// Each change is laid over the tree for the compiler alone; no file is touched. It is judged by the tests
// of its own package, and then by those of the package that -with names. The same seed draws the same
// changes and the same random checks, of which RAPID_CHECKS says how many. A change that does not build
// gives its place to the next one. A long run can be split: -from passes over as many of the drawn changes
// as an earlier run reported, those that did not build among them.
//
// A change that survives is a test that is missing, or code that is not needed, or makes no difference:
// which, a person has to say. Mutate ends with an error if one survives.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // who asks twice does not wait
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// mechanics are the packages that are mutated if none are named.
var mechanics = []string{
	"./internal/mechanic", "./missions", "./streaks", "./economy", "./badges", "./leaderboard", "./learning", "./mobility",
}

// options are what the flags say.
type options struct {
	dir        string
	n, p       int
	seed       uint64
	from       int
	with       string
	only, skip string
	timeout    time.Duration
	memory     int
	list, json bool
	packages   []string
}

func parseFlags(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.dir, "C", ".", "the `folder` of the module")
	flags.IntVar(&o.n, "n", 100, "how many mutations to try; 0 tries all")
	flags.Uint64Var(&o.seed, "seed", 1, "which mutations to draw, and which random checks; not 0")
	flags.IntVar(&o.from, "from", 0, "how many of the drawn mutations to pass over, to go on where an earlier run ended")
	flags.IntVar(&o.p, "p", 1, "how many to try at a time")
	flags.StringVar(&o.with, "with", "./proof", "the `package` whose tests judge what its own tests let live; \"\" for none")
	flags.StringVar(&o.only, "run", "", "run only the tests that match, as in go test")
	flags.StringVar(&o.skip, "skip", "/^(sqlite|postgres)$", "skip the tests that match, as in go test, where whole tests come before parts of tests: by default those on a database")
	flags.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long the tests of one package may take")
	flags.IntVar(&o.memory, "memory", 4096, "how much memory tests may address, in `MiB`, where prlimit is installed; 0 sets no bound")
	flags.BoolVar(&o.list, "list", false, "only list the mutations")
	flags.BoolVar(&o.json, "json", false, "report as JSON")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.packages = flags.Args()
	if len(o.packages) == 0 {
		o.packages = mechanics
	}
	var err error
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return o, err
	}
	if o.n < 0 || o.from < 0 || o.p < 1 || o.seed == 0 {
		return o, errors.New("-n and -from may not be negative, and -p and -seed are at least 1")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	all, err := o.find(ctx)
	if err != nil {
		return err
	}
	shuffle(all, o.seed)
	rest := all[min(o.from, len(all)):]
	if o.n == 0 || o.n > len(rest) {
		o.n = len(rest)
	}
	if o.list {
		return o.print(stdout, rest[:o.n])
	}
	temp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	l := &lab{options: o, temp: temp}
	if err := l.calibrate(ctx, rest); err != nil {
		return err
	}
	results, err := l.tryAll(ctx, rest, stderr)
	r := report(o.seed, len(all), results)
	if err := errors.Join(err, o.summarize(stdout, r)); err != nil {
		return err
	}
	if len(r.Survivors) > 0 {
		return fmt.Errorf("%d survived", len(r.Survivors))
	}
	return nil
}

// find returns the mutations of the packages' code.
func (o *options) find(ctx context.Context) (all []Mutation, err error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=Dir,GoFiles"}, o.packages...)...)
	cmd.Dir = o.dir
	listed, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%w\n%s", err, failed.Stderr)
	}
	if err != nil {
		return nil, err
	}
	for dec := json.NewDecoder(bytes.NewReader(listed)); ; {
		var pkg struct {
			Dir     string
			GoFiles []string
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		for _, name := range pkg.GoFiles {
			found, err := o.inFile(filepath.Join(pkg.Dir, name))
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
}

func (o *options) inFile(name string) ([]Mutation, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	short, err := filepath.Rel(o.dir, name)
	if err != nil {
		return nil, err
	}
	return Mutations(filepath.ToSlash(short), src)
}

// shuffle orders mutations by a hash of the seed and what they are: the order depends on nothing else.
func shuffle(all []Mutation, seed uint64) {
	hash := func(m Mutation) string {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s", seed, m.File, m.from, m.New))
		return string(sum[:])
	}
	slices.SortFunc(all, func(a, b Mutation) int { return cmp.Compare(hash(a), hash(b)) })
}

// tryAll tries mutations in their order until n of them were built, and returns what it found in the same
// order, also if it ends early.
func (l *lab) tryAll(ctx context.Context, all []Mutation, progress io.Writer) (results []Result, err error) {
	for built := 0; built < l.n && len(results) < len(all) && err == nil; {
		next := all[len(results):min(len(all), len(results)+l.n-built)]
		var tried []Result
		tried, err = l.tryThese(ctx, next, progress)
		for _, r := range tried {
			if r.Verdict != Unbuilt {
				built++
			}
		}
		results = append(results, tried...)
	}
	return results, err
}

// tryThese tries mutations, p at a time. Those without a verdict are left out.
func (l *lab) tryThese(ctx context.Context, these []Mutation, progress io.Writer) ([]Result, error) {
	results := make([]Result, len(these))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(l.p)
	for i, m := range these {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r, err := l.try(ctx, m)
			if err != nil {
				return err
			}
			results[i] = r
			by := ""
			if r.By != "" {
				by = "  (" + r.By + ")"
			}
			_, err = fmt.Fprintf(progress, "%-13s %s%s\n", r.Verdict, m.describe(), by)
			return err
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(results, func(r Result) bool { return r.Verdict == "" }), err
}

// describe says in one line where a mutation is and what it does.
func (m *Mutation) describe() string {
	line := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	return fmt.Sprintf("%s:%d:%d: %s: %s -> %s", m.File, m.Line, m.Column, m.Kind, line(m.Old), line(m.New))
}

// A Report is the outcome of a run.
type Report struct {
	Seed      uint64          `json:"seed"`
	Found     int             `json:"found"` // how many mutations there are
	Count     map[Verdict]int `json:"count"`
	Survivors []Result        `json:"survivors"`
	Results   []Result        `json:"results"` // in the order in which they were drawn
}

func report(seed uint64, found int, results []Result) Report {
	r := Report{Seed: seed, Found: found, Count: map[Verdict]int{}, Survivors: []Result{}, Results: results}
	for _, result := range results {
		r.Count[result.Verdict]++
		if result.Verdict == Survived {
			r.Survivors = append(r.Survivors, result)
		}
	}
	return r
}

func (o *options) summarize(w io.Writer, r Report) error {
	if o.json {
		return encode(w, r)
	}
	_, err := fmt.Fprintf(w, "\n%d of %d mutations, seed %d: %d killed, %d timed out, %d survived; %d more did not build\n",
		len(r.Results)-r.Count[Unbuilt], r.Found, r.Seed, r.Count[Killed], r.Count[TimedOut], r.Count[Survived], r.Count[Unbuilt])
	for _, m := range r.Survivors {
		_, failed := fmt.Fprintf(w, "\n%s:%d:%d: %s\n- %s\n+ %s\n", m.File, m.Line, m.Column, m.Kind,
			strings.ReplaceAll(m.Old, "\n", "\n- "), strings.ReplaceAll(m.New, "\n", "\n+ "))
		err = errors.Join(err, failed)
	}
	return err
}

func (o *options) print(w io.Writer, these []Mutation) error {
	if o.json {
		return encode(w, these)
	}
	for _, m := range these {
		if _, err := fmt.Fprintln(w, m.describe()); err != nil {
			return err
		}
	}
	return nil
}

func encode(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}
