package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

// A child process is this binary with a job in its environment.
const (
	jobVariable  = "GUERDON_TEST_JOB"
	pathVariable = "GUERDON_TEST_PATH"
)

func TestMain(m *testing.M) {
	job := os.Getenv(jobVariable)
	if job == "" {
		os.Exit(m.Run())
	}
	if err := jobs[job](context.Background(), os.Getenv(pathVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var jobs = map[string]func(context.Context, string) error{"write": write, "count": count}

// child starts a process with a job.
func child(t *testing.T, job, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), self)
	c.Env = append(os.Environ(), jobVariable+"="+job, pathVariable+"="+path)
	c.Stderr = os.Stderr
	return c
}

// openThere opens a store in a child.
func openThere(ctx context.Context, path string) (*sqlite.Store, error) {
	s, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	return s, s.Prepare(ctx, things.Schema())
}

// write writes records until it is killed, from several goroutines, and prints each that has been
// acknowledged.
func write(ctx context.Context, path string) error {
	s, err := openThere(ctx, path)
	if err != nil {
		return err
	}
	errs := make(chan error)
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				err := s.Update(ctx, scope, func(tx store.Tx) error {
					return things.Put(ctx, tx, thing{ID: id, N: int64(i)}, thing{ID: id + "-twin", N: int64(i)})
				})
				if err != nil {
					errs <- err
					return
				}
				if _, err := os.Stdout.WriteString(id + "\n"); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

// Whatever a process is doing when it is killed, what it has acknowledged is there, and nothing is
// there by halves.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 100
	if testing.Short() {
		kills = 10
	}
	path := newFile(t)
	acknowledged := map[string]bool{}
	for kill := range kills {
		c := child(t, "write", path)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
			if n == kill%17 { // some lines may still be on their way
				require.NoError(t, c.Process.Kill())
			}
		}
		require.Error(t, c.Wait())
	}
	require.GreaterOrEqual(t, len(acknowledged), kills)
	s := openFor(t, path)
	found := all(t, s)
	for id := range acknowledged {
		require.Contains(t, found, id)
	}
	for id := range found {
		if !strings.HasSuffix(id, "-twin") {
			require.Contains(t, found, id+"-twin")
		}
	}
	var sound string
	require.NoError(t, host(t, path).QueryRowContext(t.Context(), "pragma integrity_check").Scan(&sound))
	require.Equal(t, "ok", sound)
}

const counts = 100

// count adds to one counter, from several goroutines.
func count(ctx context.Context, path string) error {
	s, err := openThere(ctx, path)
	if err != nil {
		return err
	}
	errs := make(chan error)
	const goroutines = 4
	for range goroutines {
		go func() {
			for range counts / goroutines {
				err := s.Update(ctx, scope, func(tx store.Tx) error {
					x, _, err := things.Get(ctx, tx, "counter")
					if err != nil {
						return err
					}
					return things.Put(ctx, tx, thing{ID: "counter", N: x.N + 1})
				})
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range goroutines {
		if err := <-errs; err != nil {
			return err
		}
	}
	return s.Close()
}

// Processes that use one file at the same time wait for one another, from the first moment.
func TestProcesses(t *testing.T) {
	t.Parallel()
	const processes = 3
	path := newFile(t)
	errs := make([]error, processes)
	var wg sync.WaitGroup
	for i := range processes {
		c := child(t, "count", path)
		wg.Go(func() { errs[i] = c.Run() })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, map[string]int64{"counter": processes * counts}, all(t, openFor(t, path)))
}
