package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// output gathers what a server prints, and tells when it has said all.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	whole chan struct{}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := strings.Contains(o.text.String(), "Ctrl-C")
	n, err := o.text.Write(b)
	if !before && strings.Contains(o.text.String(), "Ctrl-C") {
		close(o.whole)
	}
	return n, err
}

// start runs a server until the test ends, and returns what it printed.
func start(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	out := &output{whole: make(chan struct{})}
	over := make(chan error, 1)
	go func() {
		over <- run(ctx, append([]string{"serve", "-addr", "127.0.0.1:0"}, args...), func(string) string { return "" }, out, io.Discard)
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-over, "it stops when it is told to")
	})
	select {
	case <-out.whole:
	case err := <-over:
		over <- err
		require.NoError(t, err)
	}
	return out.text.String()
}

var (
	curlHeader = regexp.MustCompile(`-H '([^:']+): ([^']*)'`)
	curlData   = regexp.MustCompile(`-d '([^']*)'`)
	curlURL    = regexp.MustCompile(`'(http://[^']*)'`)
)

// curl does what a line of curl says.
func curl(t *testing.T, line string) (status int, body string) {
	t.Helper()
	method, data := http.MethodGet, ""
	if m := curlData.FindStringSubmatch(line); m != nil {
		method, data = http.MethodPost, m[1]
	}
	r, err := http.NewRequestWithContext(t.Context(), method, curlURL.FindStringSubmatch(line)[1], strings.NewReader(data))
	require.NoError(t, err)
	for _, h := range curlHeader.FindAllStringSubmatch(line, -1) {
		r.Header.Set(h[1], h[2])
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// The lines that the demonstration prints work as they are, and so they do after the server was started again.
func TestTheDemonstration(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	for _, db := range []string{"memory", filepath.Join(dir, "club.db"), filepath.Join(dir, "club.db")} {
		t.Run(filepath.Base(db), func(t *testing.T) {
			printed := start(t, "-demo", "-db", db)
			lines := 0
			for line := range strings.Lines(printed) {
				if !strings.HasPrefix(line, "curl ") {
					continue
				}
				lines++
				status, body := curl(t, line)
				require.Contains(t, []int{http.StatusOK, http.StatusCreated}, status, "%s\n%s", line, body)
			}
			require.Equal(t, 5, lines)
			base := regexp.MustCompile(`http://[^/]*`).FindString(printed)
			for _, path := range []string{"/healthz", "/readyz"} {
				status, _ := curl(t, "'"+base+path+"'")
				require.Equal(t, http.StatusNoContent, status)
			}
			status, _ := curl(t, "'"+base+"/app/v1/missions'")
			require.Equal(t, http.StatusUnauthorized, status)
			status, _ = curl(t, "'"+base+"/dashboard/v1/openapi.json'")
			require.Equal(t, http.StatusOK, status)
		})
	}
}

// What is refused says why, before anything is opened.
func TestRefused(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"say what to do":           nil,
		`"more" is no flag`:        {"serve", "more"},
		"belong together":          {"serve", "-issuer", "https://login.example.org"},
		"can be reached by others": {"serve", "-addr", "0.0.0.0:0", "-db", "memory"},
	} {
		err := run(t.Context(), args, func(string) string { return "" }, io.Discard, io.Discard)
		require.ErrorContains(t, err, want)
	}
	err := run(t.Context(), []string{"serve"}, func(name string) string {
		return map[string]string{"GUERDON_ADDR": "0.0.0.0:0", "GUERDON_DB": "memory"}[name]
	}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "can be reached by others", "the environment counts where no flag does")
}
