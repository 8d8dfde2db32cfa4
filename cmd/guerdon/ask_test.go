package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
)

const runs = `{"id": "mon", "userId": "ada", "entityId": "run", "completedAt": "2026-03-02T07:00:00Z"}
{"id": "tue", "userId": "bob", "entityId": "run", "completedAt": "2026-03-03T07:00:00Z"}

{"id": "wed", "userId": "ada", "entityId": "run", "completedAt": "2026-03-04T07:00:00Z"}`

// played is a shell with a club in which runs are recorded.
func played(t *testing.T) *shell {
	s := club(t)
	s.ok("import -create", s.write("game.json", things), s.write("rules.json", rules))
	require.Equal(t, "RewardRule/per-run  3 changes, points 3\n3 events recorded, 0 were there before\n",
		s.ok("replay -create", s.write("runs.jsonl", runs)))
	return s
}

func TestReplay(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	events := s.write("runs.jsonl", runs)
	s.write("game.json", things)
	s.write("rules.json", rules)
	require.Equal(t, "RewardRule/per-run  3 changes, points 3\n3 events recorded, 0 were there before\n",
		s.ok("replay -bundle "+s.path("game.json")+" -bundle "+s.path("rules.json"), events), "into memory")
	lines := strings.Split(strings.TrimSpace(s.ok("replay -json -bundle "+s.path("game.json")+" -bundle "+s.path("rules.json"), events)), "\n")
	require.Len(t, lines, 3)
	var o guerdon.Outcome
	require.NoError(t, json.Unmarshal([]byte(lines[2]), &o))
	require.Equal(t, "wed", o.EventID)
	require.Equal(t, "1", o.Transactions[0].Amount.String())

	p := played(t)
	require.Equal(t, "0 events recorded, 3 were there before\n", p.ok("replay", p.path("runs.jsonl")))
	more := p.write("more.jsonl", runs+`
{"id": "thu", "userId": "cem", "entityId": "run"}
{"id": "fri", "userId": "ada",   "entityId": "swim"}`)
	out, notes, code := p.run("replay", more)
	require.EqualValues(t, failed, code)
	require.Equal(t, "more.jsonl:5:15: error: userId: \"cem\" not found\nmore.jsonl:6:34: error: entityId: \"swim\" not found\n", notes)
	require.Equal(t, "0 events recorded, 0 were there before\n", out)
	require.Contains(t, p.failing("replay", p.write("bad.jsonl", "{\"id\": \"x\"}\n{\"id\": x}\n")), "bad.jsonl:2:8: error: invalid character 'x'")
	require.Contains(t, p.failing("replay", p.write("bad.jsonl", `{"id": "x", "userId": 5}`)), "bad.jsonl:1:13: error: userId: cannot be a number\n")
	require.Contains(t, p.fails("replay nowhere.jsonl"), "no such file")
	require.Contains(t, p.failing("replay -bundle "+p.path("runs.jsonl"), more), "runs.jsonl:2:1: error: invalid character '{' after top-level value")
}

func TestExplain(t *testing.T) {
	t.Parallel()
	s := played(t)
	said := s.ok("explain mon RewardRule per-run")
	require.Contains(t, said, "event mon moved RewardRule per-run (version 1)\n  yes  ")
	var x guerdon.Explanation
	require.NoError(t, json.Unmarshal([]byte(s.ok("explain -json mon RewardRule per-run")), &x))
	require.True(t, x.Moved)
	require.Equal(t, `guerdon: event: "sun" not found`+"\n", s.fails("explain sun RewardRule per-run"))
	require.Contains(t, s.fails("explain mon Reward per-run"), `kind: "Reward" is none of [MissionRule `)
	require.Contains(t, s.fails("explain"), "say what about: guerdon explain EVENT [KIND ID]")
	require.Contains(t, s.fails("explain mon RewardRule"), "say which RewardRule: guerdon explain EVENT [KIND ID]")
	require.Contains(t, s.ok("explain mon"), said, "it is one of those that the event met")
	var all []guerdon.Explanation
	require.NoError(t, json.Unmarshal([]byte(s.ok("explain -json mon")), &all))
	require.Contains(t, all, x)
}

func TestJournal(t *testing.T) {
	t.Parallel()
	s := played(t)
	lines := strings.Split(strings.TrimSpace(s.ok("journal")), "\n")
	require.Equal(t, "2026-03-02T07:00:00Z  mon  ada  Activity/run  → RewardRule/per-run", strings.SplitN(lines[len(lines)-3], "  ", 2)[1])
	require.Len(t, strings.Split(strings.TrimSpace(s.ok("journal -user bob -json")), "\n"), 2, "that bob was made, and what he did")
	var e guerdon.Entry
	require.NoError(t, json.Unmarshal([]byte(s.ok("journal -json -since 4")), &e))
	require.Equal(t, "wed", e.Event.ID)
	require.Empty(t, s.ok("journal -since 5"))
	require.Contains(t, s.fails("journal -since -2"), "after: is -2, which no entry has")
}

// What is recorded is printed as it is, until somebody stops it.
func TestJournalFollows(t *testing.T) {
	t.Parallel()
	s := played(t)
	ctx, stop := context.WithCancel(t.Context())
	out := &following{seen: make(chan struct{})}
	over := make(chan error, 1)
	go func() {
		over <- run(ctx, []string{"journal", "-f", "-since", "3", "-user", "ada"}, func(name string) string { return s.env[name] }, out, &bytes.Buffer{})
	}()
	s.ok("replay", s.write("more.jsonl", `{"id": "late", "userId": "bob", "entityId": "run"}`+"\n"+`{"id": "last", "userId": "ada", "entityId": "run"}`))
	select {
	case <-out.seen:
	case <-time.After(time.Minute):
		t.Fatal("nothing is followed")
	}
	stop()
	require.NoError(t, <-over)
	require.NotContains(t, out.text.String(), "late")
}

// following waits for the last entry.
type following struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen chan struct{}
}

func (f *following) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if bytes.Contains(b, []byte("  last  ")) {
		close(f.seen)
	}
	return f.text.Write(b)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	s := played(t)
	require.Equal(t, "3 transactions on 3 accounts, 5 entries of the journal: all is right\n", s.ok("verify"))
	require.JSONEq(t, `{"ok": true, "books": {"transactions": 3, "accounts": 3}, "entries": 5, "damaged": []}`, s.ok("verify -json"))
	db, err := sql.Open("sqlite", s.path("club.db"))
	require.NoError(t, err)
	for _, text := range []string{`update guerdon_journal set record = x'00' where "key" = 'mon'`, `delete from guerdon_transactions where "key" like '%tue%'`} {
		done, err := db.ExecContext(t.Context(), text)
		require.NoError(t, err)
		n, err := done.RowsAffected()
		require.NoError(t, err)
		require.Positive(t, n, text)
	}
	require.NoError(t, db.Close())
	out, notes, code := s.run("verify")
	require.EqualValues(t, failed, code)
	require.Empty(t, notes)
	require.Contains(t, out, "the balance of bob in points is 1 (0 to come, 0 to go), and its transactions make it 0 (0 to come, 0 to go)\n")
	require.Contains(t, out, `the row "mon" of table "journal" cannot be read`)
	require.Contains(t, out, "4 entries of the journal: NOT all is right\n")
}
