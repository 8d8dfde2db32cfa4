package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/urfave/cli/v3"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

func (p *program) replay() *cli.Command {
	return &cli.Command{
		Name: "replay", ArgsUsage: "FILE", Usage: "record the events of a file, a line of JSON each, and say what came of them; once, however often it is repeated",
		Description: "Into memory, users are made as they come. Into a database, only with -create.",
		Flags: append(p.place(), p.database("memory"), p.create(),
			&cli.StringSliceFlag{Name: "bundle", Usage: "the `file` of a bundle that is put in force before; may be given several times", Sources: p.also("bundle")},
			p.json()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			args, err := arguments(cmd, 1, 1)
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }() // it is only read
			r := &replay{program: p, cmd: cmd, name: args[0], create: cmd.Bool("create"), known: map[string]bool{}}
			if cmd.String("db") != "memory" {
				return p.inWorkspace(ctx, cmd, func(_ *guerdon.Engine, ws *guerdon.Workspace) error {
					r.ws = ws
					return errors.Join(r.all(ctx, f), r.conclude())
				})
			}
			if r.ws, err = p.sandbox(ctx); err != nil {
				return err
			}
			r.create = true
			err = r.all(ctx, f)
			if err == nil {
				err = r.pass(ctx)
			}
			return errors.Join(err, r.conclude())
		},
	}
}

// atOnce is how many events are recorded together.
const atOnce = 1000

// A replay records the events of a file.
type replay struct {
	*program

	cmd    *cli.Command
	name   string // of the file
	ws     *guerdon.Workspace
	create bool            // users
	known  map[string]bool // users who are there
	head   int64           // the number of the last entry before

	events, repeated int
	tally            tally
}

// A written event is one of a line of a file.
type written struct {
	line  int
	text  []byte
	event event.Event
}

// all records all events.
func (r *replay) all(ctx context.Context, f *os.File) (err error) {
	if err := r.publish(ctx); err != nil {
		return err
	}
	if r.head, err = r.ws.Head(ctx); err != nil {
		return err
	}
	size := int64(0)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	g := r.begin("recording", size)
	defer g.end()
	var list []written
	from := bufio.NewReader(f)
	for number, over := 1, false; !over; number++ {
		text, err := from.ReadBytes('\n')
		if over = errors.Is(err, io.EOF); err != nil && !over {
			return err
		}
		if len(bytes.TrimSpace(text)) > 0 {
			one := written{line: number, text: text}
			if err := json.Unmarshal(text, &one.event); err != nil {
				return findings{r.finding(one, err)}
			}
			list = append(list, one)
		}
		if over || len(list) == atOnce {
			if err := r.record(ctx, list); err != nil {
				return err
			}
			list = list[:0]
		}
		g.done.Add(int64(len(text)))
	}
	return nil
}

// publish puts the bundles in force that the flags name.
func (r *replay) publish(ctx context.Context) error {
	names := r.cmd.StringSlice("bundle")
	if len(names) == 0 {
		return nil
	}
	all, err := readFiles(names...)
	if err != nil {
		return err
	}
	_, err = r.ws.Import(ctx, all.bundle)
	return all.wrong(err)
}

// record records events, all that were read together or none.
func (r *replay) record(ctx context.Context, list []written) error {
	events := make([]event.Event, len(list))
	for i := range list {
		events[i] = list[i].event
		if err := r.join(ctx, events[i].UserID); err != nil {
			return findings{r.finding(list[i], err)}
		}
	}
	outcomes, err := r.ws.RecordBatch(ctx, events)
	for i := range outcomes {
		if err := r.count(&outcomes[i]); err != nil {
			return err
		}
	}
	refused, is := errors.AsType[*guerdon.BatchError](err)
	if !is {
		return err
	}
	var wrong findings
	for _, one := range refused.Refused {
		wrong = append(wrong, r.finding(list[one.Index], one.Err))
	}
	return wrong
}

// join makes a user, unless there is one.
func (r *replay) join(ctx context.Context, id string) error {
	if !r.create || r.known[id] || id == "" {
		return nil
	}
	r.known[id] = true
	if _, err := r.ws.Users.Create(ctx, tenancy.NewUser{ID: id}); err != nil && !errors.Is(err, fault.ErrExists) {
		return err
	}
	return nil
}

// count counts what came of an event.
func (r *replay) count(o *guerdon.Outcome) error {
	switch {
	case o.Seq == 0:
		return nil
	case o.Seq <= r.head:
		r.repeated++
	default:
		r.events++
		r.tally.add(o)
	}
	if r.cmd.Bool("json") {
		return encoder(r.out).Encode(o)
	}
	return nil
}

// pass lets the clock do what is due, and counts what came of that.
func (r *replay) pass(ctx context.Context) error {
	after, err := r.ws.Head(ctx)
	if err != nil {
		return err
	}
	if err := r.ws.Advance(ctx); err != nil {
		return err
	}
	for {
		list, err := r.ws.Journal(ctx, after)
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			after = list[i].Outcome.Seq
			r.tally.add(&list[i].Outcome)
		}
	}
}

// conclude says what came of all, unless that was said of each.
func (r *replay) conclude() error {
	if r.cmd.Bool("json") {
		return nil
	}
	_, err := fmt.Fprintf(r.out, "%s%d events recorded, %d were there before\n", r.tally.lines(), r.events, r.repeated)
	return err
}

// finding returns what is wrong with an event of the file.
func (r *replay) finding(of written, err error) finding {
	made, at := finding{File: r.name, Severity: "error", Message: err.Error()}, 0
	if e, is := errors.AsType[*fault.Error](err); is {
		made.Field, made.Message = e.Field, e.Reason
	} else if e, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		made.Field, made.Message = e.Field, "cannot be a "+e.Value
	} else if e, is := errors.AsType[*json.SyntaxError](err); is {
		at = max(int(e.Offset)-1, 0)
	}
	if made.Field != "" {
		at = offset(of.text, made.Field)
	}
	_, made.Column = position(of.text, at)
	made.Line = of.line
	return made
}

// A tally counts what changed, by document.
type tally map[string]map[string]decimal.Decimal

// add counts what an outcome says.
func (t *tally) add(o *guerdon.Outcome) {
	one := decimal.NewFromInt(1)
	for i := range o.Missions {
		c := &o.Missions[i]
		t.note("MissionConfiguration/"+c.ConfigurationID, "", one)
		if c.Completed {
			t.note("MissionConfiguration/"+c.ConfigurationID, "completed", one)
		}
	}
	for i := range o.Transactions {
		if c := &o.Transactions[i]; c.RewardRuleID != "" {
			t.note("RewardRule/"+c.RewardRuleID, "", one)
			if c.CurrencyID != "" && !c.Undone {
				t.note("RewardRule/"+c.RewardRuleID, c.CurrencyID, c.Amount)
			}
		}
	}
	for i := range o.Streaks {
		t.note("StreakRule/"+o.Streaks[i].RuleID, "", one)
	}
	for i := range o.Badges {
		t.note("BadgeConfiguration/"+o.Badges[i].ConfigurationID, "", one)
	}
	for i := range o.Levels {
		if c := &o.Levels[i]; c.Direction != "" {
			t.note("Ladder/"+c.LadderID, "", one)
			t.note("Ladder/"+c.LadderID, strings.ToLower(string(c.Direction)), one)
		}
	}
	for i := range o.Scores {
		t.note("RuntimeLeaderboard/"+o.Scores[i].BoardID, "", one)
	}
	for i := range o.Learning {
		t.note(string(o.Learning[i].ItemType)+"/"+o.Learning[i].ItemID, "", one)
	}
	for i := range o.Tags {
		t.note("Tag/"+o.Tags[i].TagID, "", one)
	}
	for _, problem := range o.Problems {
		t.note(problem.Source, "problem: "+problem.Reason, one)
	}
}

// note adds to what is counted of a document, under a name, "" for its changes.
func (t *tally) note(document, name string, n decimal.Decimal) {
	if *t == nil {
		*t = tally{}
	}
	if (*t)[document] == nil {
		(*t)[document] = map[string]decimal.Decimal{}
	}
	(*t)[document][name] = (*t)[document][name].Add(n)
}

// each yields what is counted of each document, in their order: "MissionConfiguration/weekly  12 changes, completed 3".
func (t tally) each(yield func(string) bool) {
	for _, document := range slices.Sorted(maps.Keys(t)) {
		said := []string{}
		for _, name := range slices.Sorted(maps.Keys(t[document])) {
			n := t[document][name]
			switch {
			case name != "":
				said = append(said, name+" "+n.String())
			case n.Equal(decimal.NewFromInt(1)):
				said = append(said, "1 change")
			default:
				said = append(said, n.String()+" changes")
			}
		}
		if !yield(document + "  " + strings.Join(said, ", ")) {
			return
		}
	}
}

// lines returns a line for each document.
func (t tally) lines() string {
	var b strings.Builder
	for line := range t.each {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// names returns the documents that changed, for a line of the journal.
func (t tally) names() string {
	if len(t) == 0 {
		return ""
	}
	return "  → " + strings.Join(slices.Sorted(maps.Keys(t)), ", ")
}
