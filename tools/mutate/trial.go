package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Verdict is what the tests say of a mutation.
type Verdict string

// The verdicts.
const (
	Killed   Verdict = "killed"        // a test failed
	Survived Verdict = "survived"      // every test passed
	TimedOut Verdict = "timed out"     // the tests had no end
	Unbuilt  Verdict = "did not build" // it is no program
)

// A Result is a mutation that was tried.
type Result struct {
	Mutation
	Verdict Verdict `json:"verdict"`
	// By is the package of the tests that decided, with the first test that failed.
	By string `json:"by,omitempty"`
}

// A lab builds and runs tests. It writes to a folder of its own, and the tree under test stays as it is:
// a mutated file is laid over it for the compiler alone.
type lab struct {
	options
	temp string
}

// calibrate runs the tests that will judge on the code as it is: they have to pass, or they prove nothing.
func (l *lab) calibrate(ctx context.Context, all []Mutation) error {
	passed := map[string]bool{}
	for _, m := range all {
		for _, pkg := range l.judges(m) {
			if passed[pkg] {
				continue
			}
			if err := l.pass(ctx, pkg); err != nil {
				return err
			}
			passed[pkg] = true
		}
	}
	return nil
}

// pass checks that a package's tests pass.
func (l *lab) pass(ctx context.Context, pkg string) error {
	program := filepath.Join(l.temp, "calibrate.test")
	if out, err := l.build(ctx, pkg, "", program); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("%s does not build: %w\n%s", pkg, err, out))
	}
	verdict, out, err := l.run(ctx, pkg, program)
	if err != nil {
		return err
	}
	if verdict != Survived {
		return fmt.Errorf("the tests of %s do not pass on the code as it is: %s\n%s", pkg, verdict, out)
	}
	return os.RemoveAll(program)
}

// try finds the verdict on a mutation: of the tests of its own package, and then of the others.
func (l *lab) try(ctx context.Context, m Mutation) (result Result, err error) {
	result.Mutation = m
	temp, err := os.MkdirTemp(l.temp, "")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	overlay, err := l.overlay(m, temp)
	if err != nil {
		return result, err
	}
	for _, pkg := range l.judges(m) {
		program := filepath.Join(temp, "mutated.test")
		if _, err := l.build(ctx, pkg, overlay, program); err != nil {
			result.Verdict = Unbuilt
			return result, ctx.Err()
		}
		verdict, out, err := l.run(ctx, pkg, program)
		if err != nil {
			return result, err
		}
		result.Verdict = verdict
		if verdict != Survived {
			result.By = strings.TrimSpace(pkg + " " + firstFailure(out))
			return result, nil
		}
		if err := os.RemoveAll(program); err != nil {
			return result, err
		}
	}
	return result, nil
}

// judges returns the packages whose tests are run on a mutation.
func (l *lab) judges(m Mutation) []string {
	own := "./" + filepath.ToSlash(filepath.Dir(m.File))
	if own == l.with || l.with == "" {
		return []string{own}
	}
	return []string{own, l.with}
}

// overlay writes the mutated file, and what tells the compiler to read it instead, into a folder.
func (l *lab) overlay(m Mutation, temp string) (string, error) {
	name := filepath.Join(l.dir, m.File)
	src, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	mutated, overlay := filepath.Join(temp, filepath.Base(m.File)), filepath.Join(temp, "overlay.json")
	table, err := json.Marshal(map[string]map[string]string{"Replace": {name: mutated}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(mutated, m.Apply(src), 0o600), os.WriteFile(overlay, table, 0o600))
}

func (l *lab) build(ctx context.Context, pkg, overlay, program string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay="+overlay, "-o", program, pkg)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends what it started
	l.prepare(cmd, l.dir)
	return cmd.CombinedOutput()
}

// run runs a test program in its package's folder, as go test does. A package without tests has none.
func (l *lab) run(ctx context.Context, pkg, program string) (Verdict, []byte, error) {
	if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
		return Survived, nil, nil
	}
	limited, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	args := append(l.limit(), program, "-test.failfast", "-test.run="+l.only, "-test.skip="+l.skip)
	cmd := exec.CommandContext(limited, args[0], args[1:]...)
	l.prepare(cmd, filepath.Join(l.dir, pkg))
	var out beginning
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	_, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return "", nil, ctx.Err()
	case limited.Err() != nil:
		return TimedOut, out, nil
	case failed:
		return Killed, out, nil
	}
	return Survived, out, err
}

// prepare sets where a command runs, and that what it forgets to remove is in the lab's own folder. The
// checks of rapid are those of the seed; nobody needs the simplest that fails, and none is kept for the next.
func (l *lab) prepare(cmd *exec.Cmd, dir string) {
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "TMPDIR="+l.temp,
		"RAPID_SEED="+strconv.FormatUint(l.seed, 10), "RAPID_SHRINKTIME=0s", "RAPID_NOFAILFILE=true",
		"RAPID_CHECKS="+cmp.Or(os.Getenv("RAPID_CHECKS"), "100"))
	cmd.WaitDelay = 10 * time.Second
}

// limit returns the command that keeps a program from taking all the memory, where there is one: a loop
// without an end often takes what it can.
func (l *lab) limit() []string {
	prlimit, err := exec.LookPath("prlimit")
	if err != nil || l.memory == 0 {
		return nil
	}
	return []string{prlimit, "--as=" + strconv.Itoa(l.memory<<20)}
}

// A beginning keeps the first of what is written to it.
type beginning []byte

func (b *beginning) Write(p []byte) (int, error) {
	const most = 1 << 16
	*b = append(*b, p[:min(len(p), most-len(*b))]...)
	return len(p), nil
}

var failure = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// firstFailure returns the name of the first test that failed, if the output says so.
func firstFailure(out []byte) string {
	if found := failure.FindSubmatch(out); found != nil {
		return string(found[1])
	}
	return ""
}
