package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A shell runs commands, each as a process of its own would.
type shell struct {
	*testing.T

	dir string
	env map[string]string
}

func newShell(t *testing.T) *shell { return &shell{t, t.TempDir(), map[string]string{}} }

// club is a shell whose environment names a workspace in a SQLite file.
func club(t *testing.T) *shell {
	s := newShell(t)
	s.env = map[string]string{"GUERDON_DB": s.path("club.db"), "GUERDON_ACCOUNT": "acme"}
	return s
}

// path returns that of a file in the folder of the shell.
func (s *shell) path(name string) string { return filepath.Join(s.dir, name) }

// write writes a file and returns its path.
func (s *shell) write(name, text string) string {
	require.NoError(s, os.WriteFile(s.path(name), []byte(text), 0o600))
	return s.path(name)
}

// run runs a command line, whose words have no blanks, and returns what it printed and its exit code. What main says of an error is the
// last of the notes.
func (s *shell) run(line string, more ...string) (out, notes string, code int) {
	s.Helper()
	var stdout, stderr bytes.Buffer
	err := run(s.Context(), append(strings.Fields(line), more...), func(name string) string { return s.env[name] }, &stdout, &stderr)
	code = conclude(err, &stderr)
	clean := func(text string) string { return strings.ReplaceAll(text, s.dir+string(filepath.Separator), "") }
	return clean(stdout.String()), clean(stderr.String()), code
}

// ok runs what succeeds and returns what it printed.
func (s *shell) ok(line string, more ...string) string {
	s.Helper()
	out, notes, code := s.run(line, more...)
	require.Zero(s, code, "%s\n%s", out, notes)
	require.Empty(s, notes)
	return out
}

// failing runs what ends with an error after it has said something.
func (s *shell) failing(line string, more ...string) string {
	s.Helper()
	_, notes, code := s.run(line, more...)
	require.EqualValues(s, failed, code)
	return notes
}

// fails runs what ends with an error and returns what is said of it.
func (s *shell) fails(line string, more ...string) string {
	s.Helper()
	out, notes, code := s.run(line, more...)
	require.EqualValues(s, failed, code, out)
	require.Empty(s, out)
	return notes
}

const (
	things = `{"documents": [
  {"kind": "Activity", "id": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]},
  {"kind": "VirtualCurrency", "id": "points", "name": "Points", "defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}]}
]}
`
	rules = `{
  "documents": [
    {
      "kind": "RewardRule", "id": "per-run", "name": "Each run", "defaultLang": "en",
      "translations": [{"lang": "en", "description": "A point"}],
      "applicationMode": "ALWAYS", "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
      "rewards": [
        {"virtualCurrencyId": "points", "expression": 1, "redemptionMode": "AUTO"}
      ]
    }
  ]
}
`
)

func TestLint(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	game, reward := s.write("game.json", things), s.write("rules.json", rules)
	require.Empty(t, s.ok("lint", reward, game), "in any order")
	require.JSONEq(t, `{"findings": []}`, s.ok("lint -json", reward, game))

	for name, tt := range map[string]struct{ text, want string }{
		"no JSON":       {"{\n  \"documents\": [\n    {\"kind\": }\n  ]\n}", "bad.json:3:14: error: invalid character '}' looking for beginning of value\n"},
		"cut off":       {`{"documents": [`, "bad.json:1:15: error: unexpected end of JSON input\n"},
		"no bundle":     {"[]", "bad.json:1:1: error: must be an object, not a list\n"},
		"no documents":  {"{}", "bad.json:1:1: error: documents: are missing; a bundle is {\"documents\": [ … ]}\n"},
		"a wrong kind":  {"{\"documents\": [\n  {\"kind\": \"Aktivity\"}\n]}", "bad.json:2:4: error: documents[0].kind: \"Aktivity\" is none of"},
		"a wrong field": {strings.Replace(things, `"name": "Points"`, `"nam": "Points"`, 1), "bad.json:3:47: error: documents[1].nam: is unknown (VirtualCurrency \"points\"); did you mean \"name\"?\n"},
		"in a rule": {
			strings.Replace(rules, `"expression": 1`, `"expression": {"if": [true, {"nothing": 1}]}`, 1),
			"bad.json:8:69: error: documents[0].rewards[0].expression/if/1:",
		},
		"a lost reference": {rules, "bad.json:6:87: error: documents[0].matchEntityId: names Activity \"run\", which does not exist\n"},
	} {
		out, notes, code := s.run("lint", s.write("bad.json", tt.text))
		require.EqualValues(t, failed, code, name)
		require.Empty(t, notes, name)
		require.Contains(t, out, tt.want, name)
	}
	out, _, code := s.run("lint -json", game, s.write("bad.json", strings.Replace(rules, "points\",", "points\", \"x\": 1,", 1)))
	require.EqualValues(t, failed, code)
	var said struct{ Findings []finding }
	require.NoError(t, json.Unmarshal([]byte(out), &said))
	require.Equal(t, []finding{{
		File: "bad.json", Line: 8, Column: 41, Severity: "error", Field: "documents[0].rewards[0].x", Message: `is unknown (RewardRule "per-run")`,
	}}, said.Findings, "of the file that has it")

	odd := s.write("odd.json", strings.Replace(rules, `"expression": 1`, `"expression": {"if": [{"==": [{"var": "entityId"}, "swim"]}, 1, 0]}`, 1))
	warned := s.ok("lint", game, odd)
	require.Contains(t, warned, "odd.json:8:", "a warning is no error")
	require.Contains(t, warned, ": warning: documents[0].rewards[0].expression")

	require.Contains(t, s.fails("lint", "nowhere.json"), "nowhere.json: no such file or directory")
	require.Contains(t, s.fails("lint"), "say what about: guerdon lint FILE…")
}

func TestImportDiffExport(t *testing.T) {
	t.Parallel()
	s := club(t)
	game, reward := s.write("game.json", things), s.write("rules.json", rules)
	require.Equal(t, "guerdon: there is no database club.db\n", s.fails("import", game))
	require.Equal(t, "created   Activity/run\ncreated   VirtualCurrency/points\n2 created, 0 changed, 0 archived, 0 as they were\n", s.ok("import -create", game))
	require.Contains(t, s.fails("import", s.write("bad.json", strings.Replace(rules, `"run"`, `"swim"`, 1))),
		"bad.json:6:87: error: documents[0].matchEntityId: names Activity \"swim\", which does not exist")

	out, notes, code := s.run("diff", game, reward)
	require.EqualValues(t, found, code)
	require.Equal(t, "+ RewardRule/per-run\n1 to add, 0 to change, 0 to archive, 2 the same\n", out)
	require.Empty(t, notes)
	require.Equal(t, "created   RewardRule/per-run\n1 created, 0 changed, 0 archived, 0 as they were\n", s.ok("import -dry", reward))
	s.ok("import", reward)
	require.Contains(t, s.fails("import -dry -create", reward), "-dry keeps nothing")
	require.JSONEq(t, `{"unchanged": ["Activity/run", "VirtualCurrency/points", "RewardRule/per-run"]}`, s.ok("import -json", game, reward))

	dearer := s.write("dearer.json", strings.Replace(strings.Replace(rules, `"expression": 1`, `"expression": {"*": [2, {"var": "value"}]}`, 1), "A point", "Two points", 1))
	out, _, code = s.run("diff -prune", dearer, game)
	require.EqualValues(t, found, code)
	require.Equal(t, `~ RewardRule/per-run
    translations[0].description: "A point" → "Two points"
    rewards[0].expression: 1 → {"*":[2,{"var":"value"}]}
0 to add, 1 to change, 0 to archive, 2 the same
`, out)
	out, _, code = s.run("diff -json -prune", s.write("less.json", `{"documents": []}`))
	require.EqualValues(t, found, code)
	require.JSONEq(t, `{"added": [], "changed": [], "archived": ["Activity/run", "VirtualCurrency/points", "RewardRule/per-run"], "same": []}`, out)

	all := s.write("all.json", s.ok("export"))
	require.Equal(t, "0 to add, 0 to change, 0 to archive, 3 the same\n", s.ok("diff -prune", all))
	require.Empty(t, s.ok("lint", all))
	require.Contains(t, s.ok("import -prune", game), "archived  RewardRule/per-run\n")

	require.Equal(t, "guerdon: workspace: \"acme/nowhere\" not found; there are acme/default\n", s.fails("export -workspace nowhere"))
	s.env["GUERDON_ACCOUNT"] = ""
	require.Equal(t, "guerdon: say whose workspace: -account, or GUERDON_ACCOUNT\n", s.fails("export"))
	s.env["GUERDON_DB"] = ""
	require.Contains(t, s.fails("export -account acme"), "say which database: -db, or GUERDON_DB")
}

// What is wrong with the command line itself.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	s := club(t)
	require.Contains(t, s.fails(""), "say what to do: guerdon serve, ")
	require.Contains(t, s.fails("explode"), `"explode" is no command; there are serve, `)
	require.Contains(t, s.fails("export -nothing"), "flag provided but not defined: -nothing; see guerdon export -help")
	require.Contains(t, s.fails("export more"), `"more" is no flag`)
	s.env["GUERDON_INTERVAL"] = "soon"
	require.Contains(t, s.fails("serve"), "GUERDON_INTERVAL")
	for _, line := range []string{"help", "-help", "export -help", "export --help", "help export"} {
		require.Contains(t, s.ok(line), "USAGE")
	}
	require.Contains(t, s.ok("help export"), "$GUERDON_DB")
}

// The schema of the repository is what the program prints, and the bundles that name it find it.
func TestSchema(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	kept, err := os.ReadFile(filepath.Join("..", "..", "schema", "bundle.json"))
	require.NoError(t, err)
	require.Equal(t, string(kept), s.ok("schema"))
	for _, name := range []string{"demo/club.json", "demo/catalog.json", "../../examples/hosttx/game.json"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var b struct {
			Schema string `json:"$schema"`
		}
		require.NoError(t, json.Unmarshal(text, &b))
		require.FileExists(t, filepath.Join(filepath.Dir(name), b.Schema))
		out, _, code := s.run("lint", name)
		require.Zero(t, code, out)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	for _, sh := range []string{"bash", "zsh", "fish"} {
		require.Contains(t, s.ok("completion "+sh), "guerdon", sh)
	}
	asking := exec.CommandContext(t.Context(), os.Args[0], "--generate-shell-completion") // what the scripts ask
	asking.Env = append(os.Environ(), "GUERDON_TEST_SERVES=1")
	offered, err := asking.Output()
	require.NoError(t, err)
	for _, name := range []string{"serve", "lint", "replay", "completion"} {
		require.Contains(t, string(offered), name+":")
	}
	require.Contains(t, s.ok("export --w --generate-shell-completion"), "--workspace")
}

func TestToken(t *testing.T) {
	s := newShell(t)
	t.Setenv("HOME", s.dir)
	t.Setenv("XDG_CACHE_HOME", s.dir)
	base := regexp.MustCompile(`http://[^/]*`).FindString(start(t, "-demo", "-db", "memory"))
	member := strings.TrimSpace(s.ok("token -account fit-people -workspace fit-club-1 mia"))
	status, body := curl(t, "curl -H 'Authorization: Bearer "+member+"' '"+base+"/app/v1/users/me'")
	require.Equal(t, http.StatusOK, status, body)
	var said struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(s.ok("token -json -context dashboard -account fit-people -workspace fit-club-1 ari")), &said))
	status, body = curl(t, "curl -H 'Authorization: Bearer "+said.Token+"' '"+base+"/dashboard/v1/mission-rules'")
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, s.fails("token -account acme -context home ada"), "-context home is none of app, dashboard, portal")
	require.Contains(t, s.fails("token ada"), "say whose workspace")
}

// The commands of the README work as they are written there.
func TestTheReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(readme), "\n## The command\n")
	_, block, _ := strings.Cut(section, "```\n")
	block, _, _ = strings.Cut(block, "```")
	_, lines, there := strings.Cut(block, "go install ./cmd/guerdon\n")
	require.True(t, there)
	s := newShell(t)
	game, err := os.ReadFile(filepath.Join("..", "..", "examples", "hosttx", "game.json"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(s.path("examples/hosttx"), 0o700))
	s.write("examples/hosttx/game.json", string(game))
	sh := exec.CommandContext(t.Context(), "sh", "-ec", `guerdon() { "$PROGRAM" "$@"; }`+"\n"+lines)
	sh.Dir, sh.Env = s.dir, append(os.Environ(), "GUERDON_TEST_SERVES=1", "PROGRAM="+os.Args[0])
	said, err := sh.CombinedOutput()
	require.NoError(t, err, "%s", said)
	for _, want := range []string{"1 events recorded", "3 the same", "o-1  ada  Activity/order", "event o-1 moved RewardRule point-per-euro", "all is right", "-- done"} {
		require.Contains(t, string(said), want)
	}
}
