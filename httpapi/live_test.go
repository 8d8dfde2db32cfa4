package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store/memory"
)

// A message is a server-sent event.
type message struct{ name, id, data string }

// told returns the messages of a stream.
func told(text string) (all []message) {
	for block := range strings.SplitSeq(text, "\n\n") {
		var m message
		for line := range strings.Lines(block) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "event":
				m.name = value
			case "id":
				m.id = value
			case "data":
				m.data = value
			}
		}
		if m.name != "" {
			all = append(all, m)
		}
	}
	return all
}

// A listener reads a stream over a real connection.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
	stop  func()
}

// listen begins a stream of a client; it is listened to when this returns.
func (g *game) listen(t *testing.T, server *httptest.Server, c client, path, last string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+c.base+path, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := server.Client().Do(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	return &listener{t, bufio.NewScanner(answer.Body), func() {
		cancel()
		_ = answer.Body.Close() // as it was cut off
	}}
}

// next returns the next message; ok is false if the stream is over.
func (l *listener) next() (m message, ok bool) {
	var block strings.Builder
	for l.lines.Scan() {
		if line := l.lines.Text(); line != "" {
			block.WriteString(line + "\n")
			continue
		}
		if all := told(block.String()); len(all) > 0 {
			return all[0], true
		}
		block.Reset()
	}
	return m, false
}

// change returns what the next message says.
func (l *listener) change() (m message, said map[string]any) {
	l.t.Helper()
	m, ok := l.next()
	require.True(l.t, ok, "the stream is over")
	require.NoError(l.t, json.Unmarshal([]byte(m.data), &said), m.data)
	return m, said
}

// living serves the game over a real connection, with streams that go on.
func (g *game) living(t *testing.T) (*httptest.Server, *httpapi.Handler) {
	t.Helper()
	handler, err := httpapi.New(g.engine, &httpapi.Options{Authenticate: authenticate})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server, handler
}

// What happens to a user is told to that user alone, whoever causes it; and who comes again misses nothing and is told nothing twice.
func TestFollowingOneself(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		server, _ := g.living(t)
		g.mission(missions.NewMission{ConfigurationID: "together", GroupTagID: "green"})
		g.me.do("GET", "/missions", "", 200)
		mine, theirs := g.listen(t, server, g.me, "/users/me/changes", ""), g.listen(t, server, g.other, "/users/me/changes", "")
		defer theirs.stop()
		g.me.do("POST", "/activity-logs", `{"activityLogId": "one", "activityId": "run", "value": 4, "outcome": "SUCCESS"}`, 201)
		first, said := mine.change()
		require.Equal(t, "change", first.name)
		require.Equal(t, first.id, strconv.Itoa(int(said["seq"].(float64))))
		require.Len(t, said["missions"], 2, "one's own and the group's")
		require.Len(t, said["transactions"], 1)
		require.Len(t, said["streaks"], 1)
		require.Equal(t, "one", said["events"].([]any)[0].(map[string]any)["id"])
		require.NotEmpty(t, said["scores"])

		g.grant("member", "gift", "AUTO", 5)
		gift, said := mine.change()
		require.Equal(t, "VirtualTransaction", said["events"].([]any)[0].(map[string]any)["type"])
		mine.stop()

		g.other.do("POST", "/activity-logs", `{"activityLogId": "two", "activityId": "run"}`, 201)
		g.me.do("POST", "/activity-logs", `{"activityLogId": "three", "activityId": "run"}`, 201)
		_, said = theirs.change()
		require.Equal(t, "two", said["events"].([]any)[0].(map[string]any)["id"], "nothing of others")
		for _, last := range []string{first.id, gift.id} {
			again := g.listen(t, server, g.me, "/users/me/changes", last)
			if last == first.id {
				m, _ := again.change()
				require.Equal(t, gift, m)
			}
			_, said := again.change()
			require.Equal(t, "three", said["events"].([]any)[0].(map[string]any)["id"])
			again.stop()
		}
		for _, wrong := range []string{"-1", "9999999", "x"} {
			c := g.me
			c.header = http.Header{"Last-Event-Id": {wrong}}
			c.do("GET", "/users/me/changes", "", 400)
		}

		g.now.set(g.now.get().AddDate(0, 2, 0))
		require.NoError(t, g.ws.Advance(t.Context()))
		g.tick()
		_, err := g.ws.Archive(t.Context(), g.now.get(), io.Discard)
		require.NoError(t, err)
		left, err := g.ws.Journal(t.Context(), 0)
		require.NoError(t, err)
		require.Empty(t, left, "all is archived")
		head, err := g.ws.Head(t.Context())
		require.NoError(t, err)
		var back []*listener
		for _, last := range []string{gift.id, strconv.FormatInt(head, 10)} { // also who has missed what is archived
			again := g.listen(t, server, g.me, "/users/me/changes", last)
			defer again.stop()
			back = append(back, again)
		}
		g.me.do("POST", "/activity-logs", `{"activityLogId": "four", "activityId": "run"}`, 201)
		for _, again := range back {
			_, said := again.change()
			require.Equal(t, "four", said["events"].([]any)[0].(map[string]any)["id"], "what is archived has happened")
		}
	})
}

// A board is told of as it is, and again when it has changed; one that there is not is not found.
func TestFollowingABoard(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		server, handler := g.living(t)
		board := "/runtime-leaderboards/all-time/rankings/live"
		l := g.listen(t, server, g.me, board, "")
		defer l.stop()
		m, said := l.change()
		require.Equal(t, "rankings", m.name)
		require.Empty(t, said["items"])
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "value": 4}`, 201)
		g.other.do("POST", "/activity-logs", `{"activityId": "run", "value": 5}`, 201)
		for len(said["items"].([]any)) < 2 {
			_, said = l.change()
		}
		require.Equal(t, "manager", said["items"].([]any)[0].(map[string]any)["entityId"])
		require.EqualValues(t, 2, said["currentEntityRank"].(map[string]any)["rank"])
		g.me.do("GET", "/runtime-leaderboards/none/rankings/live", "", 404)
		g.me.do("GET", board+"?limit=0", "", 400)

		handler.StopStreams()
		_, going := l.next()
		require.False(t, going, "a server that stops ends streams")
		asked := g.me
		asked.world = &world{tester: t, engine: g.engine, handler: handler}
		require.Equal(t, http.StatusServiceUnavailable, asked.send("GET", board, "").Code)
	})
}

// A stream ends when its time is over, so that the caller is looked at again.
func TestAStreamEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	answer := w.as("member", httpapi.App).send("GET", "/users/me/changes", "")
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, ": \n\n", answer.Body.String())
	_, err := httpapi.New(w.engine, &httpapi.Options{StreamFor: -time.Second})
	require.ErrorContains(t, err, "streamFor")
}
