package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/streaks"
)

func (a *academy) print(format string, args ...any) { fmt.Fprintf(&a.text, format, args...) }

// printLines prints lines about a learner, whose name stands before the first.
func (a *academy) printLines(l *learner, lines ...string) {
	name := l.name
	for _, line := range lines {
		a.print("  %-7s %s\n", name, line)
		name = ""
	}
}

func (a *academy) introduce() {
	a.print("Three people learn to bake, each in the evening:\n")
	for i := range a.learners {
		l := &a.learners[i]
		a.printLines(l, fmt.Sprintf("%s, in %s", l.zone, map[string]string{"en": "English", "it": "Italian"}[l.lang]))
	}
}

// tell tells what a learner did, and what the journal holds since the last time: of the learner, or of others
// because of the clock.
func (a *academy) tell(ctx context.Context, who *learner, did []string) error {
	entries, err := a.ws.Journal(ctx, a.told) // a learner's evening is never more than it returns at once
	if err != nil {
		return err
	}
	for i := range a.learners {
		l := &a.learners[i]
		lines, err := a.news(ctx, l, entries)
		if err != nil {
			return err
		}
		if l == who {
			lines = append(did, lines...)
		}
		a.printLines(l, lines...)
	}
	if len(entries) > 0 {
		a.told = entries[len(entries)-1].Outcome.Seq
	}
	return nil
}

// news returns what entries of the journal hold about a learner: a line, or none.
func (a *academy) news(ctx context.Context, l *learner, entries []guerdon.Entry) ([]string, error) {
	paths, err := a.paths(ctx, l)
	if err != nil {
		return nil, err
	}
	var crumbs decimal.Decimal
	var news []string
	run := ""
	for i := range entries {
		if entries[i].Event.UserID != l.id {
			continue
		}
		out := &entries[i].Outcome
		for _, c := range out.Learning {
			news = append(news, aboutPath(&c, paths)...)
		}
		for _, c := range out.Missions {
			if c.Completed {
				mission, err := a.ws.Missions.Configurations.Localized(ctx, c.ConfigurationID, l.lang)
				if err != nil {
					return nil, err
				}
				news = append(news, fmt.Sprintf("completed “%s”", mission.Translations[0].Label))
			}
		}
		for _, c := range out.Streaks {
			run = aboutStreak(&c)
		}
		for _, c := range out.Transactions {
			crumbs = crumbs.Add(c.Amount)
		}
	}
	if run != "" {
		news = append(news, run)
	}
	if !crumbs.IsZero() {
		news = append(news, fmt.Sprintf("+%s crumbs", crumbs))
	}
	if len(news) == 0 {
		return nil, nil
	}
	return []string{"→ " + strings.Join(news, ", ")}, nil
}

// aboutPath tells that a path was completed, or opened.
func aboutPath(c *learning.Change, paths map[string]learning.AssignedPath) []string {
	if c.ItemType != learning.ItemPath {
		return nil
	}
	title := paths[c.ItemID].Path.Title
	switch {
	case c.Unlocked:
		return []string{fmt.Sprintf("“%s” opens", title)}
	case c.Progress == learning.Complete:
		how := fmt.Sprintf("completed “%s” (%d parts in version %d)", title, paths[c.ItemID].Progress.Total, c.Version)
		if c.Outcome == event.Fail {
			how += " with a wrong answer"
		}
		return []string{how}
	}
	return nil
}

// aboutStreak tells how a streak stands.
func aboutStreak(c *streaks.Change) string {
	switch {
	case c.Status == streaks.Broken:
		return fmt.Sprintf("nothing new on %s ends a streak of %d days", c.Day.Start(time.UTC).Weekday(), c.Count)
	case c.Count == 1:
		return "a streak begins"
	case len(c.Goals) > 0:
		return fmt.Sprintf("%d days in a row, the goal", c.Count)
	}
	return fmt.Sprintf("%d days in a row", c.Count)
}

// name returns what a learner is called.
func (a *academy) name(id string) string {
	for _, l := range a.learners {
		if l.id == id {
			return l.name
		}
	}
	return id
}

// tellLeader tells who leads at the end of a day.
func (a *academy) tellLeader(ctx context.Context) error {
	top, err := a.ws.Leaderboards.Top(ctx, board, 1, nil)
	if err != nil {
		return err
	}
	for _, row := range top.Rows {
		a.print("  %s leads with %s crumbs.\n", a.name(row.EntityID), row.Score)
	}
	return nil
}

// conclude tells how all stand in the end.
func (a *academy) conclude(ctx context.Context) error {
	top, err := a.ws.Leaderboards.Top(ctx, board, len(a.learners), nil)
	if err != nil {
		return err
	}
	a.print("\nAfter %d days\n", days)
	for _, row := range top.Rows {
		standing, err := a.ws.Streaks.Current(ctx, row.EntityID, streak)
		if err != nil {
			return err
		}
		stats, err := a.ws.Learning.Stats(ctx, row.EntityID)
		if err != nil {
			return err
		}
		percent := stats.QuizSuccessRate.Mul(decimal.NewFromInt(100)).Round(0)
		a.print("  %d. %-7s %3s crumbs, %2d days in a row at best, %d paths, %s minutes, %s %% of the answers right\n",
			row.Rank, a.name(row.EntityID), row.Score, standing.Longest, stats.CompletedPaths, stats.LearningMinutes, percent)
	}
	return nil
}
