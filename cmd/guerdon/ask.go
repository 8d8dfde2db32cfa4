package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/store"
)

func (p *program) explain() *cli.Command {
	return &cli.Command{
		Name: "explain", ArgsUsage: "EVENT [KIND ID]", Usage: "say why an event did, or did not, move a document, or each that it met: guerdon explain run-1 RewardRule per-run",
		Flags: append(p.place(), p.database(""), p.json()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			args, err := arguments(cmd, 1, 3)
			if err == nil && len(args) == 2 {
				err = fmt.Errorf("say which %s: guerdon explain %s", args[1], cmd.ArgsUsage)
			}
			if err != nil {
				return err
			}
			return p.inWorkspace(ctx, cmd, func(_ *guerdon.Engine, ws *guerdon.Workspace) error {
				var all []guerdon.Explanation
				if len(args) == 1 {
					all, err = ws.ExplainAll(ctx, args[0])
				} else {
					all = make([]guerdon.Explanation, 1)
					all[0], err = ws.Explain(ctx, args[0], args[1], args[2])
				}
				if err != nil {
					return err
				}
				return p.sayWhy(cmd, all, len(args) == 1)
			})
		},
	}
}

// sayWhy prints explanations: a list, or the one that was asked for.
func (p *program) sayWhy(cmd *cli.Command, all []guerdon.Explanation, list bool) error {
	for i := range all {
		for j := range all[i].Checks {
			all[i].Checks[j].Trace = nil // the reason says what it is
		}
	}
	var value any = all
	if !list {
		value = all[0]
	}
	return p.say(cmd, value, func(b *strings.Builder) {
		for i := range all {
			b.WriteString(all[i].String() + "\n")
		}
	})
}

func (p *program) journal() *cli.Command {
	return &cli.Command{
		Name: "journal", Usage: "print what happened, a line for each entry",
		Flags: append(p.place(), p.database(""),
			p.number("since", "the `number` of the last entry that is known; those behind it are printed"),
			p.text("user", "", "the `id` of a user; what happened to others is left out"),
			&cli.BoolFlag{Name: "f", Aliases: []string{"follow"}, Usage: "go on with what is recorded, until Ctrl-C", Sources: p.also("follow")},
			p.json()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if _, err := arguments(cmd, 0, 0); err != nil {
				return err
			}
			return p.inWorkspace(ctx, cmd, func(engine *guerdon.Engine, ws *guerdon.Workspace) error {
				return p.entries(ctx, cmd, engine, ws)
			})
		},
	}
}

// entries prints those that the flags ask for, in the order in which they were recorded; a user's, if nothing is followed, in that in which
// they happened.
func (p *program) entries(ctx context.Context, cmd *cli.Command, engine *guerdon.Engine, ws *guerdon.Workspace) error {
	since, user := cmd.Int64("since"), cmd.String("user")
	show := func(_ context.Context, list []guerdon.Entry) error {
		for i := range list {
			if e := &list[i]; e.Outcome.Seq > since && (user == "" || e.Event.UserID == user) {
				if err := p.entry(cmd, e); err != nil {
					return err
				}
			}
		}
		return nil
	}
	switch {
	case cmd.Bool("f"):
		return engine.Follow(ctx, ws, since, show)
	case user != "":
		for page := (store.Page{Limit: store.MaxPage, Ascending: true}); ; {
			list, next, err := ws.Entries(ctx, guerdon.EntryFilter{UserID: user}, page)
			if err = errors.Join(show(ctx, list), err); err != nil || next == "" {
				return err
			}
			page.Token = next
		}
	}
	for after := since; ; {
		list, err := ws.Journal(ctx, after)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := show(ctx, list); err != nil {
			return err
		}
		after = list[len(list)-1].Outcome.Seq
	}
}

// entry prints an entry as a line.
func (p *program) entry(cmd *cli.Command, e *guerdon.Entry) error {
	if cmd.Bool("json") {
		return encoder(p.out).Encode(e)
	}
	what := string(e.Event.Type)
	if e.Event.EntityID != "" {
		what += "/" + e.Event.EntityID
	}
	var came tally
	came.add(&e.Outcome)
	_, err := fmt.Fprintf(p.out, "%d  %s  %s  %s  %s%s\n", e.Outcome.Seq, e.Event.At.Format(time.RFC3339), e.ID(), e.Event.UserID, what, came.names())
	return err
}

// A verdict is what verify found, as -json shows it.
type verdict struct {
	OK bool `json:"ok"`
	// Books is what [economy.Service.Verify] reports.
	Books economy.Report `json:"books"`
	// Entries are how many the journal has, and Damaged those that cannot be read.
	Entries int64    `json:"entries"`
	Damaged []string `json:"damaged"`
	// Rows is why not all that the workspace holds can be read, "" if it can.
	Rows string `json:"rows,omitempty"`
}

func (p *program) verify() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "prove the books, and that all of a workspace can be read",
		Flags: append(p.place(), p.database(""), p.json()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if _, err := arguments(cmd, 0, 0); err != nil {
				return err
			}
			var v verdict
			err := p.inWorkspace(ctx, cmd, func(_ *guerdon.Engine, ws *guerdon.Workspace) (err error) {
				v, err = p.prove(ctx, ws)
				return err
			})
			if err == nil {
				err = p.say(cmd, v, v.write)
			}
			if err == nil && !v.OK {
				return failed
			}
			return err
		},
	}
}

// prove verifies what can be verified of a workspace.
func (p *program) prove(ctx context.Context, ws *guerdon.Workspace) (v verdict, err error) {
	v.Damaged = []string{}
	last, err := ws.Head(ctx)
	if err != nil {
		return v, err
	}
	reading := p.begin("reading the journal", last)
	defer reading.end()
	for after := int64(0); ; reading.done.Store(after) {
		list, err := ws.Journal(ctx, after)
		if damaged, is := errors.AsType[*guerdon.DamagedEntryError](err); is {
			v.Damaged, after = append(v.Damaged, damaged.Error()), damaged.Seq
			continue
		}
		if err != nil {
			return v, err
		}
		if len(list) == 0 {
			break
		}
		v.Entries, after = v.Entries+int64(len(list)), list[len(list)-1].Outcome.Seq
	}
	reading.end()
	defer p.busy("proving the books, and reading all rows")()
	if err := ws.Dump(ctx, io.Discard); store.Damaged(err) != nil {
		v.Rows = err.Error()
	} else if err != nil {
		return v, err
	}
	v.Books, err = ws.Economy.Verify(ctx)
	if store.Damaged(err) != nil {
		v.Rows, err = err.Error(), nil
	}
	v.OK = v.Books.OK() && len(v.Damaged) == 0 && v.Rows == ""
	return v, err
}

// write writes the verdict for people.
func (v verdict) write(b *strings.Builder) {
	for _, d := range v.Books.Differences {
		who := d.UserID
		if who == "" {
			who = "SYSTEM"
		}
		fmt.Fprintf(b, "the balance of %s in %s is %s, and its transactions make it %s\n", who, d.CurrencyID, sums(d.Have), sums(d.Want))
	}
	for _, l := range v.Books.Lots {
		fmt.Fprintf(b, "what %s has in %s that lapses is not what transactions make it\n", l.UserID, l.CurrencyID)
	}
	for _, currency := range v.Books.Unbalanced {
		fmt.Fprintf(b, "the transactions in %s do not add up to zero\n", currency)
	}
	for _, d := range v.Damaged {
		b.WriteString(d + "\n")
	}
	if v.Rows != "" {
		b.WriteString(v.Rows + "\n")
	}
	word := "all is right"
	if !v.OK {
		word = "NOT all is right"
	}
	fmt.Fprintf(b, "%d transactions on %d accounts, %d entries of the journal: %s\n", v.Books.Transactions, v.Books.Accounts, v.Entries, word)
}

// sums returns what a balance is of.
func sums(s economy.Sums) string {
	return fmt.Sprintf("%s (%s to come, %s to go)", s.Completed, s.PendingCredits, s.PendingDebits)
}
