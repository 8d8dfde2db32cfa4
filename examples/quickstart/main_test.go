package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store/memory"
)

// play runs the program with in as its standard input and returns what it prints.
func play(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out, notes bytes.Buffer
	err := run(t.Context(), args, strings.NewReader(in), &out, &notes)
	return out.String() + notes.String(), err
}

// jsonLine returns an event as a line of JSON.
func jsonLine(id, user, at string) string {
	return fmt.Sprintf(`{"id":%q,"userId":%q,"activityId":"commit","completedAt":%q}`, id, user, at)
}

// lines is the history of five people. The fifth commit of Ann's first week is on a Sunday in UTC, and on
// the Monday after in Tokyo. Fay's busy day is not in order, so that her mission turns out to have been
// completed earlier than was thought.
func lines() []string {
	return []string{
		jsonLine("a1", "ann", "2024-03-04T09:00:00Z"),
		jsonLine("a2", "ann", "2024-03-05T09:00:00+01:00"),
		jsonLine("b1", "bob", "2024-03-05T11:00:00Z"),
		jsonLine("a3", "ann", "2024-03-06T09:00:00Z"),
		jsonLine("a4", "ann", "2024-03-09T09:00:00Z"),
		jsonLine("a5", "ann", "2024-03-10T16:00:00Z"),
		jsonLine("c1", "cem", "2024-03-12T11:00:00Z"),
		jsonLine("b2", "bob", "2024-03-12T11:00:00Z"),
		jsonLine("b3", "bob", "2024-03-12T11:30:00Z"),
		jsonLine("c2", "cem", "2024-03-13T11:00:00Z"),
		jsonLine("c3", "cem", "2024-03-14T11:00:00Z"),
		jsonLine("f1", "fay", "2024-03-19T10:00:00Z"),
		jsonLine("f3", "fay", "2024-03-19T12:00:00Z"),
		jsonLine("f4", "fay", "2024-03-19T12:00:00Z"),
		jsonLine("f5", "fay", "2024-03-19T13:00:00Z"),
		jsonLine("f6", "fay", "2024-03-19T14:00:00Z"),
		jsonLine("f2", "fay", "2024-03-19T11:00:00Z"),
		`{"id":"d1","userId":"dan","activityId":"commit","completedAt":"1970-01-01T00:30:00+01:00","value":2.5,"tags":["old"],"additionalData":{"files":2}}`,
	}
}

func join(lines []string) string { return strings.Join(lines, "\n") + "\n" }

// requirePrinted compares every byte.
func requirePrinted(t *testing.T, want, got string) {
	t.Helper()
	require.Equal(t, want, got)
}

const inUTC = `{"users":[` +
	`{"userId":"fay","commits":6,"points":16,"missionsCompleted":1,"longestStreak":1,"rank":1},` +
	`{"userId":"ann","commits":5,"points":15,"missionsCompleted":1,"longestStreak":3,"rank":2},` +
	`{"userId":"bob","commits":3,"points":3,"missionsCompleted":0,"longestStreak":1,"rank":3},` +
	`{"userId":"cem","commits":3,"points":3,"missionsCompleted":0,"longestStreak":3,"rank":3},` +
	`{"userId":"dan","commits":1,"points":1,"missionsCompleted":0,"longestStreak":1,"rank":5}]}` + "\n"

const inTokyo = `{"users":[` +
	`{"userId":"fay","commits":6,"points":16,"missionsCompleted":1,"longestStreak":1,"rank":1},` +
	`{"userId":"ann","commits":5,"points":5,"missionsCompleted":0,"longestStreak":3,"rank":2},` +
	`{"userId":"bob","commits":3,"points":3,"missionsCompleted":0,"longestStreak":1,"rank":3},` +
	`{"userId":"cem","commits":3,"points":3,"missionsCompleted":0,"longestStreak":3,"rank":3},` +
	`{"userId":"dan","commits":1,"points":1,"missionsCompleted":0,"longestStreak":1,"rank":5}]}` + "\n"

func TestJSON(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{"UTC": inUTC, "Asia/Tokyo": inTokyo} {
		got, err := play(t, join(lines()), "-events", "-", "-db", "memory", "-json", "-zone", zone)
		require.NoError(t, err)
		requirePrinted(t, want, got)
	}
}

func TestStores(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "game.db") },
		"postgres": pgtest.DSN,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"-events", "-", "-db", db(t), "-json"}
			for range 2 {
				got, err := play(t, join(lines()), args...)
				require.NoError(t, err)
				requirePrinted(t, inUTC, got)
			}
		})
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	got, err := play(t, "\n", "-events", "-", "-db", "memory")
	require.NoError(t, err)
	require.Equal(t, "standard input: nobody has done anything yet.\n", got)
	got, err = play(t, "\n", "-events", "-", "-db", "memory", "-json")
	require.NoError(t, err)
	requirePrinted(t, `{"users":[]}`+"\n", got)
}

// TestOrderDoesNotMatter records events one by one: those of a batch are put in order by the engine.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	commits, err := parse(strings.NewReader(join(lines())))
	require.NoError(t, err)
	commits = append(commits, commits[:4]...) // some twice
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		random.Shuffle(len(commits), func(i, j int) { commits[i], commits[j] = commits[j], commits[i] })
		g, err := openGame(t.Context(), memory.New(), source{}, "UTC")
		require.NoError(t, err)
		for i := range commits {
			require.NoError(t, g.play(t.Context(), commits[i:i+1], nil, io.Discard))
		}
		var out bytes.Buffer
		require.NoError(t, g.writeJSON(t.Context(), &out, io.Discard))
		requirePrinted(t, inUTC, out.String())
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	got, err := play(t, join(lines()), "-events", "-", "-db", "memory", "-user", "cem")
	require.NoError(t, err)
	require.Equal(t, `standard input: 18 commits by 5 people, 31 December 1969 to 19 March 2024 (UTC)
All of it is new.

THE TOP TEN
  rank  name     points    commits   missions  longest streak
     1  fay         16          6          1           1 day
     2  ann         15          5          1          3 days
     3  bob          3          3          0           1 day
     3  cem          3          3          0          3 days
     5  dan          1          1          0           1 day

THE BEST OF MARCH 2024
     1  fay         16 points
     2  ann         15 points
     3  bob          3 points

THE LONGEST STREAKS
    3 days  ann  ████████████████████████████████████████
    3 days  cem  ████████████████████████████████████████
     1 day  fay  █████████████
     1 day  bob  █████████████
     1 day  dan  █████████████

THE BUSIEST YEAR OF CEM
  3 commits in the 53 weeks up to 14 March 2024

         Apr  May Jun Jul  Aug Sep Oct  Nov Dec  Jan Feb Mar
  Mon  ·····················································
  Tue  ····················································█
  Wed  ····················································█
  Thu  ····················································█
  Fri  ····················································
  Sat  ····················································
  Sun  ····················································
`, got)
	_, err = play(t, join(lines()), "-events", "-", "-db", "memory", "-user", "eve")
	require.EqualError(t, err, `-user: nobody with the id "eve" has a commit`)
}

func TestAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, args := filepath.Join(dir, "events.jsonl.gz"), []string{"-events", filepath.Join(dir, "events.jsonl.gz"), "-db", filepath.Join(dir, "game.db")}
	write := func(lines []string) {
		var b bytes.Buffer
		zip := gzip.NewWriter(&b)
		_, err := zip.Write([]byte(join(lines)))
		require.NoError(t, err)
		require.NoError(t, zip.Close())
		require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
	}
	write(lines()[:4])
	got, err := play(t, "", args...)
	require.NoError(t, err)
	require.Contains(t, got, "All of it is new.\n")
	got, err = play(t, "", args...)
	require.NoError(t, err)
	require.Contains(t, got, "Nothing new since last time.\n")
	write(lines())
	got, err = play(t, "", args...)
	require.NoError(t, err)
	require.Contains(t, got, "New since last time: 14 commits by 5 people, 2 missions completed, 34 points.\n")
	got, err = play(t, "", append(args, "-json")...)
	require.NoError(t, err)
	requirePrinted(t, inUTC, got)
	got, err = play(t, "", append(args, "-json", "-zone", "Asia/Tokyo")...)
	require.NoError(t, err)
	requirePrinted(t, inTokyo, got) // another zone is another game
}

func TestBadLines(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ line, want string }{
		"cut off":     {`{"id":"x","userI`, "line 4: unexpected end of JSON input"},
		"no JSON":     {`{"id":"x","value":NaN}`, "line 4: invalid character 'N' looking for beginning of value"},
		"no object":   {`[1]`, "line 4: cannot unmarshal array into Go value of type main.line"},
		"no id":       {jsonLine("", "ann", "2024-03-04T09:00:00Z"), "line 4: id: is missing"},
		"no time":     {`{"id":"x","userId":"ann","activityId":"commit"}`, "line 4: completedAt: is missing"},
		"time":        {jsonLine("x", "ann", "yesterday"), `line 4: completedAt: parsing time`},
		"NaN":         {`{"id":"x","userId":"ann","activityId":"commit","completedAt":"2024-03-04T09:00:00Z","value":"NaN"}`, "line 4: value: "},
		"fine value":  {`{"id":"x","userId":"ann","activityId":"commit","completedAt":"2024-03-04T09:00:00Z","value":0.0000001}`, "line 4: value: "},
		"tags":        {`{"id":"x","userId":"ann","activityId":"commit","completedAt":"2024-03-04T09:00:00Z","tags":"a"}`, "line 4: tags: "},
		"user":        {jsonLine("x", "ann b", "2024-03-04T09:00:00Z"), `line 4: userId: holds ' '`},
		"no user":     {`{"id":"x","activityId":"commit","completedAt":"2024-03-04T09:00:00Z"}`, "line 4: userId: is empty"},
		"activity":    {`{"id":"x","userId":"ann","activityId":"push","completedAt":"2024-03-04T09:00:00Z"}`, `line 4: activityId: "push" not found; it must be "commit"`},
		"no activity": {`{"id":"x","userId":"ann","completedAt":"2024-03-04T09:00:00Z"}`, `line 4: activityId: is empty; it must be "commit"`},
		"conflict":    {jsonLine("a1", "bob", "2024-03-04T09:00:00Z"), `line 4: id: "a1" was recorded with another content`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := filepath.Join(t.TempDir(), "game.db")
			in := []string{lines()[0], lines()[1], "", tt.line, lines()[2]}
			_, err := play(t, join(in), "-events", "-", "-db", db)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "(recorded before it: 2 events)")
			require.NotContains(t, err.Error(), "\n")
			got, err := play(t, join(lines()), "-events", "-", "-db", db)
			require.NoError(t, err)
			require.Contains(t, got, "New since last time: 16 commits")
		})
	}
}

func TestTheEarliestFaultIsReported(t *testing.T) {
	t.Parallel()
	in := []string{lines()[0], jsonLine("x", "nobody!", "2024-03-04T09:00:00Z"), strings.Replace(lines()[1], "commit", "push", 1), lines()[2], "{"}
	_, err := play(t, join(in), "-events", "-", "-db", "memory")
	require.ErrorContains(t, err, "line 2: userId: ")
	in[1] = lines()[3]
	_, err = play(t, join(in), "-events", "-", "-db", "memory")
	require.ErrorContains(t, err, "line 3: activityId: ")
}

func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	got, err := play(t, "\ufeff"+join(lines()), "-events", "-", "-db", "memory", "-json")
	require.NoError(t, err)
	requirePrinted(t, inUTC, got)
}

func TestHelp(t *testing.T) {
	t.Parallel()
	got, err := play(t, "", "-help")
	require.ErrorIs(t, err, flag.ErrHelp)
	for _, word := range []string{"-events", `"activityId": "commit"`, "completedAt", "additionalData"} {
		require.Contains(t, got, word)
	}
	_, sample, _ := strings.Cut(format, "\n  ")
	sample, _, _ = strings.Cut(sample, "\n")
	_, err = play(t, sample, "-events", "-", "-db", "memory")
	require.NoError(t, err)
}

// Two processes play one game at once: each meets users whom the other has made since it looked.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	commits, err := parse(strings.NewReader(join(lines())))
	require.NoError(t, err)
	st := memory.New()
	var games [2]*game
	for i := range games {
		games[i], err = openGame(t.Context(), st, source{}, "UTC")
		require.NoError(t, err)
	}
	for _, g := range games {
		require.NoError(t, g.play(t.Context(), slices.Clone(commits), nil, io.Discard))
	}
	var out bytes.Buffer
	require.NoError(t, games[1].writeJSON(t.Context(), &out, io.Discard))
	requirePrinted(t, inUTC, out.String())
}

func TestWrongClocks(t *testing.T) {
	t.Parallel()
	in := append(lines(), jsonLine("x", "ann", "2999-01-01T00:00:00Z"), jsonLine("y", "eve", "1899-12-31T23:59:59Z"))
	got, err := play(t, join(in), "-events", "-", "-db", "memory", "-json")
	require.NoError(t, err)
	requirePrinted(t, inUTC+"2 commits left out: dated in the future, or before 1900.\n", got)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.git")
	require.NoError(t, exec.CommandContext(t.Context(), "git", "init", "-q", "-b", "main", empty).Run())
	cut := filepath.Join(dir, "cut.gz")
	require.NoError(t, os.WriteFile(cut, []byte{0x1f, 0x8b, 8}, 0o600))
	for want, args := range map[string][]string{
		"git: your current branch 'main' does not have any commits yet": {"-repo", empty},
		"git: not a git repository":                                     {"-repo", dir},
		"git: cannot change to 'nowhere'":                               {"-repo", "nowhere"},
		"open nowhere: no such file or directory":                       {"-events", "nowhere"},
		"unexpected EOF":                                                {"-events", cut},
		`-zone: "Mars/Olympus" is not a time zone`:                      {"-zone", "Mars/Olympus"},
		`-zone: "Local" is not a time zone`:                             {"-zone", "Local"},
		`it must be an IANA name such as "Europe/Berlin"`:               {"-zone", "Berlin"},
		"-repo and -events exclude each other":                          {"-repo", dir, "-events", "-"},
		`"history.jsonl" is no flag; see -help`:                         {"history.jsonl"},
		"path: there is no directory":                                   {"-events", "-", "-db", filepath.Join(dir, "no", "game.db")},
	} {
		_, err := play(t, "", append([]string{"-db", "memory"}, args...)...)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git := func(env []string, args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
		cmd.Env = append(append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_COMMITTER_NAME=x", "GIT_COMMITTER_EMAIL=x@example.org"), env...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	git(nil, "init", "-q", "-b", "main")
	for _, c := range []struct{ name, email, date string }{
		{"Ada  Lovelace!", "Ada.Lovelace@example.org", "2024-03-04T23:30:00+0000"},
		{"Åke", "ake@example.org", "2024-03-05T12:00:00+0200"},
		{"ada", "ada.lovelace@example.org", "2024-03-05T12:00:00+0200"}, // the same person
		{"?", "", "2099-03-05T12:00:00+0200"},
	} {
		git([]string{"GIT_AUTHOR_NAME=" + c.name, "GIT_AUTHOR_EMAIL=" + c.email, "GIT_AUTHOR_DATE=" + c.date}, "commit", "-q", "--allow-empty", "-m", "a\nb")
	}
	sub := filepath.Join(dir, "sub")
	require.NoError(t, os.Mkdir(sub, 0o700))
	got, err := play(t, "", "-repo", sub, "-db", "memory", "-json")
	require.NoError(t, err)
	requirePrinted(t, `{"users":[`+
		`{"userId":"ada-lovelace-7799473f","commits":2,"points":2,"missionsCompleted":0,"longestStreak":2,"rank":1},`+
		`{"userId":"ake-09374409","commits":1,"points":1,"missionsCompleted":0,"longestStreak":1,"rank":2}]}`+"\n"+
		"1 commit left out: dated in the future, or before 1900.\n", got)
	got, err = play(t, "", "-repo", dir, "-db", "memory")
	require.NoError(t, err)
	require.Contains(t, got, filepath.Base(dir)+": 3 commits by 2 people, 4 March 2024 to 5 March 2024 (UTC)\n")
	require.Contains(t, got, "Ada Lovelace  ")
	require.Contains(t, got, "Åke  ")
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	require.Equal(t, identify("Ann", "ann@example.org"), identify("Ann B.", "ANN@example.org"))
	require.NotEqual(t, identify("Ann", "ann@example.org"), identify("Ann", "ann@example.com"))
	for _, email := range []string{"", "@", "Ünï@x", strings.Repeat("long", 30) + "@x", "1+a_b.c@x"} {
		require.Regexp(t, `^[a-z0-9-]{1,64}$`, identify("Ann", email))
	}
}

func TestNickname(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada Lovelace": "Ada Lovelace", "  J. R.  Tolkien ": "J R Tolkien", "a.b-c_d": "a b c d", "X": "", "": "", "東京 太郎": "東京 太郎",
		"dependabot[bot]": "dependabot bot", strings.Repeat("ab ", 30): strings.TrimSpace(strings.Repeat("ab ", 13)) + " a",
	} {
		require.Equal(t, want, nickname(name))
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{"0": "0", "999": "999", "1000": "1,000", "1234567.25": "1,234,567.25"} {
		require.Equal(t, want, grouped(number))
	}
}

// A repository of one person is no game: in its place, unless it is asked for, a team's is played, the same each time.
func TestFewPeople(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "--allow-empty", "-m", "one"}} {
		require.NoError(t, exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).Run())
	}
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	first, err := play(t, "")
	require.NoError(t, err)
	require.Contains(t, first, "fewer than 3 people")
	require.Contains(t, first, "Ada Byron")
	require.Contains(t, first, "To begin anew, remove it: rm ")
	again, err := play(t, "", "-db", "memory", "-json")
	require.NoError(t, err)
	require.Contains(t, again, `"userId":"ada-byron`)
	own, err := play(t, "", "-repo", ".", "-db", "memory", "-json")
	require.NoError(t, err)
	require.Contains(t, own, `"commits":1,"points":1`)
	require.NotContains(t, own, "fewer")
}
