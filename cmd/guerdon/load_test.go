package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var loaded = flag.Duration("load", 500*time.Millisecond, "for how long the server is asked from all sides before it is killed, and again after; in CI, four times as long")

// TestMain lets the test's program be the server itself, to be killed.
func TestMain(m *testing.M) {
	if os.Getenv("GUERDON_TEST_SERVES") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A process is a server in a process of its own.
type process struct {
	cmd           *exec.Cmd
	base          string
	member, admin string // their tokens
}

// launch starts a server on a database and waits until it has said where it is.
func launch(t *testing.T, dir string) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(t.Context(), os.Args[0], "serve", "-demo", "-addr", "127.0.0.1:0", "-db", filepath.Join(dir, "club.db"))}
	p.cmd.Env = append(os.Environ(), "GUERDON_TEST_SERVES=1", "HOME="+dir, "XDG_CACHE_HOME="+dir)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C") {
		switch name, value, _ := strings.Cut(lines.Text(), "="); {
		case name == "MEMBER":
			p.member = value
		case name == "ADMIN":
			p.admin = value
		case strings.HasPrefix(name, "app "):
			p.base, _, _ = strings.Cut(strings.Fields(name)[1], "/app/")
		}
	}
	require.NotEmpty(t, p.base, "it has said nothing")
	return p
}

// kill ends the server as a power cut would.
func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait() // it was killed
}

// ask makes a request and returns the answer's status, 0 if there was none.
func (p *process) ask(ctx context.Context, client *http.Client, token, method, path, body string) (int, []byte) {
	r, err := http.NewRequestWithContext(ctx, method, p.base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = answer.Body.Close() }() // it is read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil
	}
	return answer.StatusCode, text
}

// Under load from 64 connections the server is killed, and started again: all that it said it had done is there, and once.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	const connections = 64
	dir := t.TempDir()
	var acknowledged sync.Map
	var asked, odd, told atomic.Int64
	reads := []string{"/app/v1/missions", "/app/v1/runtime-leaderboards/all-time/rankings/me", "/app/v1/virtual-balances", "/app/v1/users/me"}
	load := func(p *process, stop <-chan struct{}) *sync.WaitGroup {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: 30 * time.Second}
		all := &sync.WaitGroup{}
		for range connections {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					n := asked.Add(1)
					if n%3 == 0 {
						if status, _ := p.ask(t.Context(), client, p.member, http.MethodGet, reads[n%int64(len(reads))], ""); status != http.StatusOK && status != 0 {
							odd.Add(1)
						}
						continue
					}
					id := fmt.Sprintf("load-%d", n)
					switch status, _ := p.ask(t.Context(), client, p.member, http.MethodPost, "/app/v1/activity-logs", `{"activityLogId": "`+id+`", "activityId": "run", "value": 1}`); status {
					case http.StatusCreated:
						acknowledged.Store(id, true)
						told.Add(1)
					case 0: // it may be there
					default:
						odd.Add(1)
					}
				}
			})
		}
		return all
	}
	long := *loaded
	if os.Getenv("CI") != "" {
		long *= 4
	}
	for range 2 {
		p := launch(t, dir)
		stop := make(chan struct{})
		all := load(p, stop)
		before := told.Load()
		time.Sleep(long)
		require.Eventually(t, func() bool { return told.Load() > before }, time.Minute, 10*time.Millisecond, "nothing is acknowledged")
		p.kill(t)
		close(stop)
		all.Wait()
	}
	p := launch(t, dir)
	defer p.kill(t)
	require.Zero(t, odd.Load(), "answers that were neither what was asked for nor cut off")
	seen := map[string]int{}
	for after := int64(0); ; {
		status, text := p.ask(t.Context(), http.DefaultClient, p.admin, http.MethodGet, fmt.Sprintf("/dashboard/v1/journal?limit=1000&after=%d", after), "")
		require.Equal(t, http.StatusOK, status, "%s", text)
		var page struct {
			Items []struct {
				Event struct {
					ID string `json:"id"`
				} `json:"event"`
			} `json:"items"`
			Next int64 `json:"next"`
		}
		require.NoError(t, json.Unmarshal(text, &page))
		if len(page.Items) == 0 {
			break
		}
		for _, e := range page.Items {
			seen[e.Event.ID]++
		}
		after = page.Next
	}
	kept := 0
	acknowledged.Range(func(id, _ any) bool {
		kept++
		require.Equal(t, 1, seen[id.(string)], id)
		return true
	})
	require.Positive(t, kept)
	t.Logf("%d requests, %d events acknowledged", asked.Load(), kept)
}
