package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A standing is what one user has come to.
type standing struct {
	UserID            string      `json:"userId"`
	Commits           int         `json:"commits"`
	Points            json.Number `json:"points"`
	MissionsCompleted int         `json:"missionsCompleted"`
	LongestStreak     int         `json:"longestStreak"`
	Rank              int         `json:"rank"`
}

// standings returns everybody, by rank, then id.
func (g *game) standings(ctx context.Context) ([]standing, error) {
	var all []standing
	for {
		page, err := g.ws.Leaderboards.Page(ctx, allTime, len(all), leaderboard.MaxRows, nil)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			s, err := g.standing(ctx, row)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		if len(page.Rows) < leaderboard.MaxRows {
			break
		}
	}
	slices.SortFunc(all, func(a, b standing) int { return cmp.Or(a.Rank-b.Rank, strings.Compare(a.UserID, b.UserID)) })
	return all, nil
}

// standing adds to a row of the board what it does not say.
func (g *game) standing(ctx context.Context, row leaderboard.Row) (standing, error) {
	s := standing{UserID: row.EntityID, Points: json.Number(row.Score.String()), Rank: row.Rank}
	if p := g.tally.people[s.UserID]; p != nil {
		s.Commits = p.commits
	}
	var err error
	if s.MissionsCompleted, err = g.missionsCompleted(ctx, s.UserID); err != nil {
		return s, err
	}
	current, err := g.ws.Streaks.Current(ctx, s.UserID, streak)
	s.LongestStreak = current.Longest
	return s, err
}

func (g *game) missionsCompleted(ctx context.Context, userID string) (completed int, err error) {
	for page := (store.Page{Limit: store.MaxPage}); ; {
		missions, next, err := g.ws.Missions.List(ctx, userID, missions.Query{}, page)
		if err != nil {
			return 0, err
		}
		for i := range missions {
			if missions[i].IsCompleted {
				completed++
			}
		}
		if next == "" {
			return completed, nil
		}
		page.Token = next
	}
}

// writeJSON prints the standings for a program to read.
func (g *game) writeJSON(ctx context.Context, out, notes io.Writer) error {
	all, err := g.standings(ctx)
	if err != nil {
		return err
	}
	if g.skipped > 0 {
		if _, err := fmt.Fprintln(notes, g.leftOut()); err != nil {
			return err
		}
	}
	if all == nil {
		all = []standing{} // [], not null
	}
	return json.NewEncoder(out).Encode(struct {
		Users []standing `json:"users"`
	}{all})
}

// How many lines the lists of the report have.
const (
	topRows    = 10
	monthRows  = 3
	streakRows = 5
)

// writeReport prints the report, with the calendar of the user who is given, or of the leader.
func (g *game) writeReport(ctx context.Context, out io.Writer, userID string) error {
	all, err := g.standings(ctx)
	if err != nil {
		return err
	}
	if userID != "" && g.tally.people[userID] == nil {
		return fmt.Errorf("-user: nobody with the id %q has a commit", userID)
	}
	r := &report{game: g, names: map[string]string{}}
	if len(all) == 0 {
		r.print("%s: nobody has done anything yet.\n", g.source)
	} else if err := r.write(ctx, all, cmp.Or(userID, all[0].UserID)); err != nil {
		return err
	}
	if g.skipped > 0 {
		r.print("\n%s\n", g.leftOut())
	}
	_, err = io.WriteString(out, r.text.String())
	return err
}

// leftOut says what was skipped.
func (g *game) leftOut() string {
	return plural(g.skipped, "commit") + fmt.Sprintf(" left out: dated in the future, or before %d.", beginning)
}

// A report is the text that is printed in the end.
type report struct {
	*game

	text  strings.Builder
	names map[string]string // by user's id
}

func (r *report) print(format string, args ...any) { fmt.Fprintf(&r.text, format, args...) }

func (r *report) write(ctx context.Context, all []standing, userID string) error {
	first, last := r.tally.first.In(r.zone), r.tally.last.In(r.zone)
	r.print("%s: %s by %s, %s to %s (%s)\n", r.source, plural(r.commits(), "commit"), people(len(r.tally.people)),
		first.Format(date), last.Format(date), r.zone)
	r.news()
	longest := slices.Clone(all)
	slices.SortStableFunc(longest, func(a, b standing) int { return b.LongestStreak - a.LongestStreak })
	longest = head(longest, streakRows)
	all = head(all, topRows)
	month, err := r.ws.Leaderboards.Top(ctx, monthly, monthRows, &leaderboard.At{Time: last})
	if err != nil {
		return err
	}
	if err := r.learnNames(ctx, all, longest, month.Rows, userID); err != nil {
		return err
	}
	r.top(all)
	r.month(last, month.Rows)
	r.streaks(longest)
	r.calendar(userID)
	return nil
}

const date = "2 January 2006"

// head returns the first n of a list, or all.
func head[T any](list []T, n int) []T { return list[:min(n, len(list))] }

// learnNames learns the names of all whom the report speaks of.
func (r *report) learnNames(ctx context.Context, top, longest []standing, month []leaderboard.Row, more ...string) error {
	ids := more
	for _, s := range slices.Concat(top, longest) {
		ids = append(ids, s.UserID)
	}
	for _, row := range month {
		ids = append(ids, row.EntityID)
	}
	for _, id := range ids {
		if r.names[id] != "" {
			continue
		}
		u, err := r.ws.Users.Get(ctx, id)
		if err != nil {
			return err
		}
		r.names[id] = cmp.Or(u.Nickname, id)
	}
	return nil
}

// news says what this run added.
func (r *report) news() {
	n := &r.fresh
	switch {
	case n.commits == 0:
		r.print("Nothing new since last time.\n")
	case n.commits == r.commits():
		r.print("All of it is new.\n")
	default:
		r.print("New since last time: %s by %s, %s completed, %s.\n", plural(n.commits, "commit"), people(len(n.people)),
			plural(n.missions, "mission"), points(n.points.String()))
	}
}

// commits returns how many the game has in all.
func (g *game) commits() (n int) {
	for _, p := range g.tally.people {
		n += p.commits
	}
	return n
}

func (r *report) title(text string) { r.print("\n%s\n", strings.ToUpper(text)) }

func (r *report) top(rows []standing) {
	r.title("The top ten")
	width := r.width()
	r.print("  %4s  %-*s  %9s  %9s  %9s  %s\n", "rank", width, "name", "points", "commits", "missions", "longest streak")
	for _, s := range rows {
		r.print("  %4d  %-*s  %9s  %9s  %9s  %14s\n", s.Rank, width, r.names[s.UserID], grouped(s.Points.String()),
			count(s.Commits), count(s.MissionsCompleted), plural(s.LongestStreak, "day"))
	}
}

// width returns how wide a column of names must be.
func (r *report) width() int {
	width := 0
	for _, name := range r.names {
		width = max(width, utf8.RuneCountInString(name))
	}
	return width
}

func (r *report) month(month time.Time, rows []leaderboard.Row) {
	r.title(month.Format("The best of January 2006"))
	for _, row := range rows {
		number, noun, _ := strings.Cut(points(row.Score.String()), " ")
		r.print("  %4d  %-*s  %9s %s\n", row.Rank, r.width(), r.names[row.EntityID], number, noun)
	}
}

func (r *report) streaks(rows []standing) {
	r.title("The longest streaks")
	const full = 40
	for _, s := range rows {
		bar := strings.Repeat("█", full*s.LongestStreak/max(1, rows[0].LongestStreak))
		r.print("  %8s  %-*s  %s\n", plural(s.LongestStreak, "day"), r.width(), r.names[s.UserID], bar)
	}
}

// shades are the marks of days in a calendar, from few commits to many.
var shades = []string{"░", "▒", "▓", "█"}

// calendar shows a user's busiest year: a column for each week, a line for each weekday.
func (r *report) calendar(userID string) {
	days := r.tally.people[userID].days
	first, last, total := busiestYear(days)
	busiest := 0
	for d := first; d <= last; d++ {
		busiest = max(busiest, days[d])
	}
	r.title("The busiest year of " + r.names[userID])
	r.print("  %s in the 53 weeks up to %s\n\n", plural(total, "commit"), last.Start(time.UTC).Format(date))
	r.print("       %s\n", months(first, last))
	for weekday := range 7 {
		var cells strings.Builder
		for d := first.Add(weekday); d <= last; d = d.Add(7) {
			cells.WriteString(shade(days[d], busiest))
		}
		r.print("  %s  %s\n", first.Add(weekday).Weekday().String()[:3], cells.String())
	}
}

// busiestYear returns those 53 weeks, the last of which may be cut short, in which the most was done; of
// equals the latest.
func busiestYear(days map[timeframe.Day]int) (first, last timeframe.Day, total int) {
	active := slices.Sorted(maps.Keys(days))
	begin, done := 0, 0
	for _, end := range active {
		start := end.Week().Add(-52 * 7)
		done += days[end]
		for ; active[begin] < start; begin++ {
			done -= days[active[begin]]
		}
		if done >= total {
			first, last, total = start, end, done
		}
	}
	return first, last, total
}

// shade returns the mark of a day with n commits, if no day has more than most.
func shade(n, most int) string {
	if n == 0 {
		return "·"
	}
	return shades[(n*len(shades)-1)/most]
}

// months returns a line with the name of each month over the week in which it begins.
func months(first, last timeframe.Day) string {
	var names strings.Builder
	column := 0
	for week := first; week <= last; week = week.Add(7) {
		_, month, day := week.Add(6).Date() // the Sunday
		if day <= 7 && names.Len() <= column {
			names.WriteString(strings.Repeat(" ", column-names.Len()) + month.String()[:3] + " ")
		}
		column++
	}
	return strings.TrimRight(names.String(), " ")
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return count(n) + " people"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// points returns an amount of them with the noun.
func points(number string) string {
	if number == "1" {
		return "1 point"
	}
	return grouped(number) + " points"
}

func count(n int) string { return grouped(strconv.Itoa(n)) }

// grouped puts commas between the thousands of a number that is not negative.
func grouped(number string) string {
	whole, fraction, found := strings.Cut(number, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		whole += "." + fraction
	}
	return whole
}
