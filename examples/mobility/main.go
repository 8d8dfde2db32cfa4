// Mobility makes a game of how somebody gets about: it reads tracks from GPX files, as phones and watches write them, and
// says what each day has come to, which milestones were reached, and why others were not.
//
//	go run ./examples/mobility                         # a made-up day
//	go run ./examples/mobility -zone Europe/Rome FILE.gpx …
//	go run ./examples/mobility -mode bicycle FILE.gpx  # for tracks that do not say how
//
// The game is in game.json, after one that Trento and Rovereto have played for years: leaves for each whole kilometre, walking twice as many as
// cycling; rides by steps of their distance; a smallest length and a most of each day for every mode; half as much again without a motor; a
// board of each week. How much CO2 a kilometre emits is in factors.json: some of the factors of the UK Government of the
// year 2022, under the Open Government Licence v3.0, rounded to whole grams. They are an example, and hold where and when they
// say: take those of your own country and year.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
	_ "time/tzdata" // the zones, for machines that have none

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

var (
	//go:embed factors.json
	factors []byte
	//go:embed game.json
	game []byte
	//go:embed day.gpx
	day []byte
)

// The user and the provider of the tracks.
const (
	user     = "you"
	provider = "gpx"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mobility:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	flags := flag.NewFlagSet("mobility", flag.ContinueOnError)
	flags.SetOutput(notes)
	zone := flags.String("zone", "UTC", "the IANA time `zone` in which the tracks began")
	mode := flags.String("mode", "other", "how the user moved where a track does not say: `walk`, bicycle, bus, …")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := timeframe.CheckZone(*zone); err != nil {
		return fault.In("-zone", err)
	}
	var list []mobility.Tracking
	read := func(text []byte) error {
		some, err := readGPX(text, mobility.Mode(*mode), *zone)
		list = append(list, some...)
		return err
	}
	for _, name := range flags.Args() {
		text, err := os.ReadFile(name)
		if err == nil {
			err = read(text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if flags.NArg() == 0 {
		if err := read(day); err != nil {
			return err
		}
	}
	now := time.Now()
	if len(list) > 0 { // the game is played in the week of the last track
		now = slices.MaxFunc(list, func(a, b mobility.Tracking) int { return a.EndsAt.Compare(b.EndsAt) }).EndsAt
	}
	ws, err := found(ctx, now)
	if err != nil {
		return err
	}
	for len(list) > 0 {
		n := min(len(list), mobility.MaxTrackings)
		if _, err := ws.Mobility.Track(ctx, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return report(ctx, ws, out)
}

// found returns a workspace with the game, in which it is always the same moment and the user is tracked.
func found(ctx context.Context, now time.Time) (*guerdon.Workspace, error) {
	eng, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Now: func() time.Time { return now }})
	if err != nil {
		return nil, err
	}
	if _, err := eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "example"}); err != nil {
		return nil, err
	}
	ws, err := eng.Workspace(ctx, store.Scope{Account: "example", Workspace: tenancy.DefaultWorkspace})
	if err != nil {
		return nil, err
	}
	for _, bundle := range [][]byte{factors, game} {
		if _, err := ws.Import(ctx, bundle); err != nil {
			return nil, err
		}
	}
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: user})
	if err == nil {
		_, err = ws.Mobility.Activate(ctx, mobility.Activation{UserID: user, Provider: provider, Status: mobility.On})
	}
	return ws, err
}

// report redeems what was reached, and says of every day what it has come to.
func report(ctx context.Context, ws *guerdon.Workspace, out io.Writer) error {
	for page := (store.Page{Limit: store.MaxPage, Ascending: true}); ; {
		list, next, err := ws.Mobility.Milestones(ctx, user, mobility.Query{}, page)
		if err != nil {
			return err
		}
		for i := range list {
			if i == 0 || list[i].Date != list[i-1].Date {
				if err := reportDay(ctx, ws, out, list[i].Date); err != nil {
					return err
				}
			}
			if err := reportMilestone(ctx, ws, out, &list[i]); err != nil {
				return err
			}
		}
		if page.Token = next; next == "" {
			break
		}
	}
	balance, err := ws.Economy.Balance(ctx, user, "leaves")
	if err != nil {
		return err
	}
	week, err := ws.Leaderboards.Rank(ctx, "week", user, nil)
	if err != nil {
		return err
	}
	doc, err := ws.Mobility.Factors.Get(ctx, "uk-2022")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s leaves, %s of them in the last week: number %d\n\nEmissions: %s\n%s\n%s\n", balance.Amount, week.Score, week.Rank, doc.Name, doc.Source, doc.Licence)
	return err
}

// reportDay lists the tracks of a day.
func reportDay(ctx context.Context, ws *guerdon.Workspace, out io.Writer, date timeframe.Day) error {
	if _, err := fmt.Fprintln(out, "\n"+date.String()); err != nil {
		return err
	}
	q, page := mobility.Query{From: date, To: date}, store.Page{Limit: store.MaxPage, Ascending: true}
	for {
		list, next, err := ws.Mobility.Trackings(ctx, user, q, page)
		if err != nil {
			return err
		}
		for _, t := range list {
			note := ""
			if t.Suspicious {
				note = ", suspicious"
			}
			if _, err := fmt.Fprintf(out, "  %s %-8s %6d m %9s  %s kg CO2 emitted, %s avoided%s\n", t.StartsAt.Format("15:04"), cmp.Or(string(t.Type), string(t.Status)),
				t.Length, t.EndsAt.Sub(t.StartsAt), t.CO2Emitted.StringFixed(3), t.CO2Avoided.StringFixed(3), note); err != nil {
				return err
			}
		}
		if page.Token = next; next == "" {
			return nil
		}
	}
}

// reportMilestone redeems a milestone that was reached, and says what another lacks.
func reportMilestone(ctx context.Context, ws *guerdon.Workspace, out io.Writer, m *mobility.Milestone) error {
	if m.Reached {
		if _, err := ws.Mobility.Redeem(ctx, user, m.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "  ✓ %s %s\n", m.Goal, m.Metric)
		return err
	}
	why, err := ws.Mobility.Explain(ctx, m.ID)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "  – %s %s: %s missing\n", m.Goal, m.Metric, why.Missing)
	return err
}
