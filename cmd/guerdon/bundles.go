package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
)

// prune is the flag of commands for which a bundle may be all there is.
func (p *program) prune() cli.Flag {
	return p.yes("prune", "take the files for all there is: what is in force and not in them is archived")
}

// pruning returns what -prune asks for.
func pruning(cmd *cli.Command) (options []content.ImportOption) {
	if cmd.Bool("prune") {
		options = append(options, content.Prune)
	}
	return options
}

func (p *program) lint() *cli.Command {
	return &cli.Command{
		Name: "lint", ArgsUsage: "FILE…", Usage: "check bundles, which may refer to one another, without a store",
		Flags: []cli.Flag{p.json()},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			names, err := arguments(cmd, 1, -1)
			if err != nil {
				return err
			}
			list, err := p.look(ctx, names)
			if err != nil {
				return err
			}
			err = p.say(cmd, map[string]findings{"findings": list}, func(b *strings.Builder) {
				for _, f := range list {
					b.WriteString(f.String() + "\n")
				}
			})
			if err == nil && slices.ContainsFunc(list, func(f finding) bool { return f.Severity == "error" }) {
				return failed
			}
			return err
		},
	}
}

// look returns what there is to say of files.
func (p *program) look(ctx context.Context, names []string) (findings, error) {
	all, err := readFiles(names...)
	if wrong, is := errors.AsType[findings](err); is || err != nil {
		return wrong, noFindings(err)
	}
	ws, err := p.sandbox(ctx)
	if err != nil {
		return nil, err
	}
	would, err := ws.DryImport(ctx, all.bundle)
	if err != nil {
		err = all.wrong(err)
		wrong, _ := errors.AsType[findings](err)
		return wrong, noFindings(err)
	}
	return all.warnings(would.Warnings), nil
}

// noFindings returns an error that is none of findings.
func noFindings(err error) error {
	if _, are := errors.AsType[findings](err); are {
		return nil
	}
	return err
}

func (p *program) imports() *cli.Command {
	return &cli.Command{
		Name: "import", ArgsUsage: "FILE…", Usage: "put the documents of bundles in force, all or none",
		Flags: append(p.place(), p.database(""), p.create(), p.prune(), p.yes("dry", "say what would come of it, and keep nothing"), p.json()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			names, err := arguments(cmd, 1, -1)
			if err != nil {
				return err
			}
			if cmd.Bool("dry") && cmd.Bool("create") {
				return errors.New("-dry keeps nothing, and -create would: guerdon lint needs no workspace")
			}
			all, err := readFiles(names...)
			if err != nil {
				return err
			}
			return p.inWorkspace(ctx, cmd, func(_ *guerdon.Engine, ws *guerdon.Workspace) error {
				do := ws.Import
				if cmd.Bool("dry") {
					do = ws.DryImport
				}
				defer p.busy("importing")()
				done, err := do(ctx, all.bundle, pruning(cmd)...)
				if err != nil {
					return all.wrong(err)
				}
				return p.say(cmd, imported{done, all.warnings(done.Warnings)}, func(b *strings.Builder) {
					for _, f := range all.warnings(done.Warnings) {
						b.WriteString(f.String() + "\n")
					}
					each(b, "created", done.Created)
					each(b, "changed", done.Changed)
					each(b, "archived", done.Archived)
					fmt.Fprintf(b, "%d created, %d changed, %d archived, %d as they were\n",
						len(done.Created), len(done.Changed), len(done.Archived), len(done.Unchanged))
				})
			})
		},
	}
}

// imported is what import says as JSON: what [content.Imported] says, with the places of warnings in the files.
type imported struct {
	content.Imported

	Warnings findings `json:"warnings,omitempty"`
}

// each writes a line for each of some documents.
func each(b *strings.Builder, what string, documents []string) {
	for _, d := range documents {
		fmt.Fprintf(b, "%-8s  %s\n", what, d)
	}
}

func (p *program) export() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "print what is in force, as a bundle",
		Flags: append(p.place(), p.database("")),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if _, err := arguments(cmd, 0, 0); err != nil {
				return err
			}
			return p.inWorkspace(ctx, cmd, func(_ *guerdon.Engine, ws *guerdon.Workspace) error {
				bundle, err := ws.Export(ctx)
				if err != nil {
					return err
				}
				_, err = p.out.Write(bundle)
				return err
			})
		},
	}
}

func (p *program) diff() *cli.Command {
	return &cli.Command{
		Name: "diff", ArgsUsage: "FILE…", Usage: "compare bundles with what is in force: what an import would do, field by field",
		Flags: append(p.place(), p.database(""), p.prune(), p.json()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			names, err := arguments(cmd, 1, -1)
			if err != nil {
				return err
			}
			all, err := readFiles(names...)
			if err != nil {
				return err
			}
			var d difference
			err = p.inWorkspace(ctx, cmd, func(_ *guerdon.Engine, ws *guerdon.Workspace) (err error) {
				d, err = compare(ctx, ws, all, pruning(cmd))
				return err
			})
			if err == nil {
				err = p.say(cmd, d, d.write)
			}
			if err == nil && len(d.Added)+len(d.Changed)+len(d.Archived) > 0 {
				return found
			}
			return err
		},
	}
}

// A difference is what a workspace lacks of a bundle, as -json shows it: documents by kind and id.
type difference struct {
	Added    []string  `json:"added"`
	Changed  []changed `json:"changed"`
	Archived []string  `json:"archived"` // with -prune
	Same     []string  `json:"same"`
}

// changed is a document that the bundle has otherwise, with the fields that differ.
type changed struct {
	Document string                    `json:"document"`
	Fields   []content.FieldDifference `json:"fields"`
}

// compare returns what an import would do to a workspace, and to which fields.
func compare(ctx context.Context, ws *guerdon.Workspace, all *files, options []content.ImportOption) (difference, error) {
	would, err := ws.DryImport(ctx, all.bundle, options...)
	if err != nil {
		return difference{}, all.wrong(err)
	}
	now, err := ws.Export(ctx)
	if err != nil {
		return difference{}, err
	}
	fields, err := guerdon.Diff(now, all.bundle)
	if err != nil {
		return difference{}, err
	}
	d := difference{Added: listed(would.Created), Changed: []changed{}, Archived: listed(would.Archived), Same: listed(would.Unchanged)}
	said, err := tagged(all.bundle)
	if err != nil {
		return difference{}, err
	}
	for _, doc := range would.Changed {
		c := changed{doc, []content.FieldDifference{}}
		for _, f := range fields.Fields {
			silent := len(options) == 0 && !said[doc] && strings.HasPrefix(f.Field, "tags[") // those that it carries stay
			if f.Document == doc && !silent {
				c.Fields = append(c.Fields, f)
			}
		}
		d.Changed = append(d.Changed, c)
	}
	return d, nil
}

// tagged tells of which documents a bundle says the tags.
func tagged(bundle []byte) (map[string]bool, error) {
	var b struct {
		Documents []struct {
			Kind, ID string
			Tags     json.RawMessage
		}
	}
	err := json.Unmarshal(bundle, &b)
	said := map[string]bool{}
	for _, d := range b.Documents {
		said[d.Kind+"/"+d.ID] = d.Tags != nil
	}
	return said, err
}

// write writes the difference for people.
func (d difference) write(b *strings.Builder) {
	for _, doc := range d.Added {
		b.WriteString("+ " + doc + "\n")
	}
	for _, c := range d.Changed {
		b.WriteString("~ " + c.Document + "\n")
		for _, f := range c.Fields {
			fmt.Fprintf(b, "    %s: %s → %s\n", f.Field, shown(f.From), shown(f.To))
		}
	}
	for _, doc := range d.Archived {
		b.WriteString("- " + doc + "\n")
	}
	fmt.Fprintf(b, "%d to add, %d to change, %d to archive, %d the same\n", len(d.Added), len(d.Changed), len(d.Archived), len(d.Same))
}

// shown returns a value of a field, "nothing" for none.
func shown(value json.RawMessage) string {
	if value == nil {
		return "nothing"
	}
	return string(value)
}

// listed returns a list that is one in JSON too if it is empty.
func listed[T any](list []T) []T { return append([]T{}, list...) }
