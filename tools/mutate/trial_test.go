package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// game is a module whose own tests see the bound and whose proof sees the pay. Nothing sees the sound.
var game = map[string]string{
	"go.mod": "module example.org/game\n\ngo 1.26\n",
	"game/game.go": `package game

var first = [...]string{"gold"}[0]

func First() string { return first }

func Wins(points int) bool { return points >= 10 }

func Pay(account *int, sound func()) {
	*account++
	sound()
}
`,
	"game/game_test.go": `package game

import "testing"

func TestWins(t *testing.T) {
	if Wins(9) || !Wins(10) {
		t.Error("the bound")
	}
}
`,
	"proof/proof_test.go": `package proof

import (
	"testing"

	"example.org/game/game"
)

func TestPay(t *testing.T) {
	for account := 0; account == 0; {
		game.Pay(&account, func() {})
	}
}
`,
}

// written writes files to a folder of their own.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

// kept returns the files of a folder.
func kept(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		short, _ := filepath.Rel(dir, name) // it is below
		files[filepath.ToSlash(short)] = string(text)
		return err
	}))
	return files
}

// mutate runs the program on a module and returns its report.
func mutate(t *testing.T, dir string, args ...string) (Report, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	failed := run(t.Context(), append([]string{"-C", dir, "-json"}, args...), &stdout, &stderr)
	var r Report
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &r), "%v\n%s", failed, stderr.String())
	return r, failed
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	dir := written(t, game)
	r, err := mutate(t, dir, "-n", "0", "-timeout", "5s", "./game")
	require.EqualError(t, err, "1 survived")
	require.Equal(t, game, kept(t, dir))
	verdicts := map[string]string{}
	for _, m := range r.Results {
		verdicts[m.Old+" -> "+m.New] = strings.TrimSpace(string(m.Verdict) + " " + m.By)
	}
	require.Equal(t, map[string]string{
		"0 -> 1":                                "did not build",
		"points >= 10 -> points > 10":           "killed ./game TestWins",
		"10 -> 11":                              "killed ./game TestWins",
		"10 -> 9":                               "killed ./game TestWins",
		"*account++ -> if false { *account++ }": "timed out ./proof",
		"sound() -> if false { sound() }":       "survived",
	}, verdicts)
	require.Equal(t, map[Verdict]int{Unbuilt: 1, Killed: 3, TimedOut: 1, Survived: 1}, r.Count)
	require.Equal(t, 6, r.Found)
	require.Len(t, r.Survivors, 1)
	require.Equal(t, "game/game.go:11:2: statement: sound() -> if false { sound() }", r.Survivors[0].describe())
}

// Without the proof, which is where a mutation has no end.
func TestWhatDoesNotBuildGivesItsPlaceToTheNext(t *testing.T) {
	t.Parallel()
	dir := written(t, game)
	singly, err := mutate(t, dir, "-n", "5", "-with", "", "./game")
	require.EqualError(t, err, "2 survived")
	require.Equal(t, map[Verdict]int{Unbuilt: 1, Killed: 3, Survived: 2}, singly.Count)
	together, err := mutate(t, dir, "-n", "5", "-with", "", "-p", "3", "./game")
	require.EqualError(t, err, "2 survived")
	require.Equal(t, singly, together)
}

// A notice is called for all that is written to it.
type notice func()

func (n notice) Write(p []byte) (int, error) {
	n()
	return len(p), nil
}

func TestWhoInterruptsGetsWhatWasFound(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	err := run(ctx, []string{"-C", written(t, game), "-with", "", "-n", "0", "./game"}, &stdout, notice(cancel))
	require.ErrorIs(t, err, context.Canceled)
	require.Contains(t, stdout.String(), "1 of 6 mutations, seed 1: ")
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestTextOfAReport(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{"-C", written(t, game), "-with", "", "-n", "0", "./game"}, &stdout, &stderr)
	require.EqualError(t, err, "2 survived")
	require.Contains(t, stdout.String(), "5 of 6 mutations, seed 1: 3 killed, 0 timed out, 2 survived; 1 more did not build\n")
	require.Contains(t, stdout.String(), "\ngame/game.go:11:2: statement\n- sound()\n+ if false { sound() }\n")
	require.Contains(t, stderr.String(), "killed        game/game.go:7:37: comparison: points >= 10 -> points > 10  (./game TestWins)\n")
}

func TestListRunsNothing(t *testing.T) {
	t.Parallel()
	files := maps.Clone(game)
	files["game/game_test.go"] = "package game\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) { t.Fatal(1) }\n"
	dir := written(t, files)
	list := func(args ...string) []string {
		var stdout bytes.Buffer
		require.NoError(t, run(t.Context(), append([]string{"-C", dir, "-list"}, args...), &stdout, t.Output()))
		return strings.Split(strings.TrimSpace(stdout.String()), "\n")
	}
	all := list("./game")
	require.Len(t, all, 6)
	require.Contains(t, all, "game/game.go:11:2: statement: sound() -> if false { sound() }")
	require.Equal(t, all[:2], list("-n", "2", "./..."))
	require.Equal(t, all[4:5], list("-n", "1", "-from", "4", "./game"))
	require.Equal(t, all[4:], list("-from", "4", "./game"))
	require.Equal(t, []string{""}, list("-from", "7", "./game"))
}

func TestARunThatIsSplitFindsTheSame(t *testing.T) {
	t.Parallel()
	dir := written(t, game)
	whole, err := mutate(t, dir, "-n", "0", "-with", "", "./game")
	require.EqualError(t, err, "2 survived")
	first, _ := mutate(t, dir, "-n", "2", "-with", "", "./game")
	rest, _ := mutate(t, dir, "-n", "0", "-from", strconv.Itoa(len(first.Results)), "-with", "", "./game")
	require.Equal(t, whole.Results, append(first.Results, rest.Results...))
	require.Equal(t, whole.Found, rest.Found)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	failing := maps.Clone(game)
	failing["game/game_test.go"] = "package game\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) { t.Fatal(1) }\n"
	broken := maps.Clone(game)
	broken["proof/proof_test.go"] = "package proof\n\nvar a int = true\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		args  []string
		want  string
	}{
		{"tests that fail anyway", failing, []string{"./game"}, "the tests of ./game do not pass on the code as it is: killed\n--- FAIL: TestIt"},
		{"tests that do not build", broken, []string{"./game"}, "./proof does not build"},
		{"a package that is not there", game, []string{"./other"}, "other"},
		{"a flag that is not there", game, []string{"-other"}, "-other"},
		{"none at a time", game, []string{"-p", "0"}, "-p"},
		{"less than none", game, []string{"-n", "-1"}, "-n"},
		{"less than none passed over", game, []string{"-from", "-1"}, "-from"},
		{"no seed", game, []string{"-seed", "0"}, "-seed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), append([]string{"-C", written(t, tt.files)}, tt.args...), io.Discard, io.Discard)
			require.ErrorContains(t, err, tt.want)
		})
	}
}
