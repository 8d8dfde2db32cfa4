package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// lacking is what npm says of a registry that it cannot reach or that has not all packages, and of a Node that is too old for them.
var lacking = regexp.MustCompile(`EBADENGINE|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|E40[1-9]|E50[0-9]`)

// The compiler accepts the clients that are made of the three documents, strictly, and one of them plays a learner's day.
func TestTheTypeScriptClient(t *testing.T) {
	if os.Getenv("CI") == "" {
		t.Skip("it takes a minute, most of it Node's: set CI=true")
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT CHECKED: the TypeScript client of examples/web, because there is no %s here", program)
		}
	}
	root := filepath.Join("..", "..")
	dir := t.TempDir() // nothing is installed, or made, in the source tree
	for _, pattern := range []string{"examples/web/*.json", "examples/web/src/*.ts", "httpapi/testdata/*.openapi.json"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, names, pattern)
		for _, name := range names {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			to := filepath.Join(dir, filepath.Dir(pattern), filepath.Base(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
			require.NoError(t, os.WriteFile(to, text, 0o644))
		}
	}
	do := func(program string, args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), program, args...)
		c.Dir = filepath.Join(dir, "examples", "web")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	said, err := do("npm", "ci", "--engine-strict", "--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")
	if err != nil && lacking.MatchString(said) {
		t.Skipf("NOT CHECKED: the TypeScript client of examples/web, because its packages cannot be installed here: %s", said)
	}
	require.NoError(t, err, said)
	said, err = do("npm", "run", "check")
	require.NoError(t, err, said)

	home := os.Getenv("HOME") // where npm looks for its settings
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("HOME", dir)
	printed := start(t, "-demo", "-db", "memory")
	t.Setenv("HOME", home)
	t.Setenv("GUERDON_URL", regexp.MustCompile(`http://[^/]*`).FindString(printed))
	t.Setenv("GUERDON_TOKEN", regexp.MustCompile(`(?m)^MEMBER=(.*)$`).FindStringSubmatch(printed)[1])
	said, err = do("npm", "run", "day")
	require.NoError(t, err, said)
	require.Contains(t, said, "all was as expected")

	t.Setenv("GUERDON_TOKEN", "nobody's")
	said, err = do("node", "dist/day.js")
	require.Error(t, err, "a day that goes wrong is told")
	require.Contains(t, said, "401 auth/invalid_token")
}
