package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
)

// A source is where a history comes from.
type source struct {
	name string // for people
	key  string // tells it from every other on this machine
	// read returns the history. An error that ends it early comes with what is before it.
	read func(context.Context) ([]commit, error)
}

// A commit is an event of the game, and what is known of it beside.
type commit struct {
	event.Event

	author string // the person's name, "" if unknown
	place  string // in the source, for errors
}

// activity is the id of what is recorded.
const activity = "commit"

// repository returns the history of the git repository that dir is in.
func repository(ctx context.Context, dir string) (source, error) {
	out, err := git(ctx, dir, "rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		return source{}, err
	}
	path := strings.TrimSpace(string(out))
	name := filepath.Base(strings.TrimSuffix(path, string(filepath.Separator)+".git"))
	return source{name: name, key: "git " + path, read: func(ctx context.Context) ([]commit, error) { return history(ctx, dir) }}, nil
}

// history reads the commits of a repository, the oldest first.
func history(ctx context.Context, dir string) ([]commit, error) {
	// One line for each commit. No field can hold a NUL or end a line.
	out, err := git(ctx, dir, "log", "--reverse", "--no-show-signature", "--format=%H%x00%at%x00%ae%x00%aN")
	if err != nil {
		return nil, err
	}
	var all []commit
	for line := range strings.Lines(strings.ToValidUTF8(string(out), "\uFFFD")) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(fields) != 4 {
			return all, fmt.Errorf("git log gave an unexpected line: %q", line)
		}
		hash, seconds, email, name := fields[0], fields[1], fields[2], fields[3]
		place := "commit " + hash[:min(12, len(hash))]
		at, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return all, fmt.Errorf("%s: the author's date %q is not a number of seconds", place, seconds)
		}
		all = append(all, commit{
			Event:  event.Event{ID: hash, EntityID: activity, UserID: identify(name, email), At: time.Unix(at, 0)},
			author: name, place: place,
		})
	}
	return all, nil
}

// git returns what a command prints, or the first line of its complaint as an error.
func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || len(exit.Stderr) == 0 {
		return out, err
	}
	complaint, _, _ := strings.Cut(string(exit.Stderr), "\n")
	return nil, fmt.Errorf("git: %s", strings.TrimPrefix(complaint, "fatal: "))
}

// identify returns the id of the person with an e-mail. It depends on nothing else, unless there is
// none, so that it never changes: what is recorded once is recorded with the same id ever after.
func identify(name, email string) string {
	address := strings.ToLower(cmp.Or(email, name))
	local, _, _ := strings.Cut(address, "@")
	words := strings.FieldsFunc(local, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	slug := strings.Join(words, "-")
	return cmp.Or(slug[:min(40, len(slug))], "dev") + "-" + digest(address)
}

// digest returns eight letters and digits that stand for a text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// stdin is the name of the standard input among files.
const stdin = "-"

// jsonLines returns the history in a file of JSON Lines, which gzip may have compressed, or in in if
// name is "-".
func jsonLines(name string, in io.Reader) (source, error) {
	if name == stdin {
		return source{name: "standard input", key: stdin, read: func(context.Context) ([]commit, error) { return parse(in) }}, nil
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return source{}, err
	}
	return source{name: filepath.Base(path), key: "file " + path, read: func(context.Context) ([]commit, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		return parse(f)
	}}, nil
}

// maxLine is more than the engine accepts of any event.
const maxLine = 1 << 20

// mark is the byte order mark, with which some editors begin a file.
var mark = []byte("\ufeff")

// parse reads JSON Lines, each an event. Empty lines do not count, nor does a byte order mark.
func parse(r io.Reader) ([]commit, error) {
	plain, err := unzip(r)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, maxLine)
	var all []commit
	n := 0
	for lines.Scan() {
		n++
		text := lines.Bytes()
		if n == 1 {
			text = bytes.TrimPrefix(text, mark)
		}
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		place := fmt.Sprintf("line %d", n)
		ev, err := parseLine(text)
		if err != nil {
			return all, fmt.Errorf("%s: %w", place, cmp.Or(lines.Err(), err)) // a line cut off by a fault of the file is not to blame
		}
		all = append(all, commit{Event: ev, place: place})
	}
	if err := lines.Err(); err != nil {
		return all, fmt.Errorf("line %d: %w", n+1, err)
	}
	return all, nil
}

// unzip returns what gzip compressed, or r itself.
func unzip(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	magic, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	return gzip.NewReader(b)
}

// A line is an event with the names that logs of activities use, and its data to the digit.
type line struct {
	fields

	ActivityID string     `json:"activityId"`
	Data       event.Data `json:"additionalData"`
}

// fields are those of an event, which reads itself and would leave out the names beside them.
type fields event.Event

// parseLine reads one event. It refuses one without an id or a time: neither could be recorded twice
// and still be the same.
func parseLine(text []byte) (event.Event, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return event.Event{}, fault.In(misfit(text), fault.Invalid("", "%s", strings.TrimPrefix(err.Error(), "json: ")))
	}
	switch {
	case l.ID == "":
		return event.Event{}, fault.Invalid("id", "is missing")
	case l.At.IsZero():
		return event.Event{}, fault.Invalid("completedAt", "is missing")
	}
	e := event.Event(l.fields)
	e.EntityID, e.Data = l.ActivityID, l.Data
	return e, nil
}

// misfit returns the name of the first field whose value is not what the field takes, "" if the text is
// no JSON object at all.
func misfit(text []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		alone, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err != nil || json.Unmarshal(alone, new(line)) != nil {
			return name
		}
	}
	return ""
}
