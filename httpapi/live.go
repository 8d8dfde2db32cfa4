package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/people"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// eventStream is the media type of server-sent events (HTML Living Standard, section 9.2).
const eventStream = "text/event-stream"

const (
	// streamFor is for how long a stream is served unless the host says otherwise.
	streamFor = 5 * time.Minute
	// beatEvery is how often a stream shows that it is there: what lies between closes connections that are silent.
	beatEvery = 15 * time.Second
	// boardEvery is how often a board is told of, at most.
	boardEvery = time.Second
	// writeFor is for how long a client may take what was sent to it before it is given up.
	writeFor = 10 * time.Second
	// maxBehind is how many portions of entries wait for a stream before it ends.
	maxBehind = 64
	// maxMissed is how many entries are looked through for a client that comes again.
	maxMissed = 10_000
)

// errBehind ends a stream that is too slow.
var errBehind = errors.New("httpapi: the stream is too far behind")

// StopStreams ends the streams that are served, and each that begins later: for [http.Server.RegisterOnShutdown], as a server that stops waits
// for its requests.
func (h *Handler) StopStreams() {
	h.feeds.mu.Lock()
	defer h.feeds.mu.Unlock()
	h.feeds.stopped = true
	for s := range h.feeds.streams {
		s.cancel()
	}
}

// feeds follow the journals of workspaces that somebody looks at: each once, however many look.
type feeds struct {
	mu      sync.Mutex
	of      map[store.Scope]*feed
	streams map[*stream]struct{}
	stopped bool
}

// A feed follows the journal of one workspace as long as somebody looks at it.
type feed struct {
	looking map[chan<- []guerdon.Entry]struct{}
	cancel  context.CancelFunc
	ended   chan struct{}
}

// look returns what is recorded in a workspace from now on, and what ends that. The channel is closed if the reader is too slow, or nothing can be
// read any more.
func (h *Handler) look(ctx context.Context, ws *guerdon.Workspace) (news <-chan []guerdon.Entry, leave func(), err error) {
	f, scope, mine := &h.feeds, ws.Scope(), make(chan []guerdon.Entry, maxBehind)
	head, err := ws.Head(ctx)
	if err != nil {
		return nil, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	of := f.of[scope]
	if of == nil {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		of = &feed{looking: map[chan<- []guerdon.Entry]struct{}{}, cancel: cancel, ended: make(chan struct{})}
		f.of[scope] = of
		go h.feed(own, ws, of, head)
	}
	of.looking[mine] = struct{}{}
	return mine, func() {
		f.mu.Lock()
		delete(of.looking, mine)
		last := len(of.looking) == 0 && f.of[scope] == of
		if last {
			delete(f.of, scope)
		}
		f.mu.Unlock()
		if last {
			of.cancel()
			<-of.ended
		}
	}, nil
}

// feed hands on what is recorded until nobody looks any more, or it cannot be read.
func (h *Handler) feed(ctx context.Context, ws *guerdon.Workspace, of *feed, head int64) {
	defer close(of.ended)
	f := &h.feeds
	err := h.engine.Follow(ctx, ws, head, func(_ context.Context, entries []guerdon.Entry) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for to := range of.looking {
			select {
			case to <- entries:
			default:
				delete(of.looking, to)
				close(to)
			}
		}
		return nil
	})
	if err != nil {
		h.engine.Failed(ctx, ws.Scope(), "telling of what happens", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of[ws.Scope()] == of {
		delete(f.of, ws.Scope())
	}
	for to := range of.looking {
		delete(of.looking, to)
		close(to)
	}
	of.cancel()
}

// A stream is an answer that goes on.
type stream struct {
	*call

	to     *http.ResponseController
	cancel context.CancelFunc
	begun  bool
	buffer []byte
}

// write sends a text at once. A client that does not take it is given up.
func (s *stream) write(text []byte) error {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", eventStream)
		s.w.Header().Set("Cache-Control", "no-store")
		s.w.WriteHeader(http.StatusOK)
		_ = s.to.SetWriteDeadline(time.Time{}) // that of the server is for answers that end
	}
	giveUp := time.AfterFunc(writeFor, func() { _ = s.to.SetWriteDeadline(time.Unix(1, 0)) }) // what has no deadlines is a test's
	defer giveUp.Stop()
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.to.Flush()
}

// send tells of something as of an entry of the journal.
func (s *stream) send(name string, seq int64, data any) error {
	b := fmt.Appendf(s.buffer[:0], "event: %s\nid: %d\ndata: ", name, seq)
	b = s.op.form.write(b, reflect.ValueOf(data)) // JSON that we write holds no line break
	b = append(b, '\n', '\n')
	s.buffer = b
	return s.write(b)
}

// live serves an operation that tells of what happens.
func (c *call) live(ctx context.Context, in any) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &stream{call: c, to: http.NewResponseController(c.w), cancel: cancel}
	c.feeds.mu.Lock()
	c.feeds.streams[s] = struct{}{}
	if c.feeds.stopped {
		cancel()
	}
	c.feeds.mu.Unlock()
	defer func() {
		c.feeds.mu.Lock()
		defer c.feeds.mu.Unlock()
		delete(c.feeds.streams, s)
	}()
	err := c.op.follow(ctx, c, in, s)
	switch {
	case s.begun:
		return nil // who has gone is told nothing, and of what cannot be read the host was told
	case ctx.Err() != nil:
		return &Problem{Status: http.StatusServiceUnavailable, Code: CodeExternal, Message: "the server stops", RetryAfter: time.Second}
	}
	return err
}

// watch calls tell with what is recorded from now on, in portions, and rest every now and then, until the stream's time is over.
func (s *stream) watch(ctx context.Context, news <-chan []guerdon.Entry, every time.Duration, tell func([]guerdon.Entry) error, rest func() error) error {
	over := time.NewTimer(s.streamFor)
	defer over.Stop()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	due := time.NewTicker(every)
	defer due.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-over.C:
			return nil
		case entries, going := <-news:
			if !going {
				return errBehind
			}
			err = tell(entries)
		case <-due.C:
			err = rest()
		case <-beat.C:
			err = s.write([]byte(": \n\n"))
		}
		if err != nil {
			return err
		}
	}
}

type (
	// resuming is what somebody says who was here before.
	resuming struct {
		// LastEventID is the id of the last event that was received; absent is from now on.
		LastEventID *int64 `header:"Last-Event-ID"`
	}
	boardWatched struct {
		resuming

		ID    string `path:"id"`
		Limit *int   `query:"limit"`
	}
	// An ownChange is what an entry of the journal has changed for a user.
	ownChange struct {
		Seq        int64     `json:"seq"`
		RecordedAt time.Time `json:"recordedAt"`
		// Events are those of the user: what happened, and what followed.
		Events       []event.Event        `json:"events,omitempty"`
		Missions     []missions.Change    `json:"missions,omitempty"`
		Streaks      []streaks.Change     `json:"streaks,omitempty"`
		Transactions []economy.Change     `json:"transactions,omitempty"`
		Badges       []badges.Change      `json:"badges,omitempty"`
		Scores       []leaderboard.Change `json:"scores,omitempty"`
		Learning     []learning.Change    `json:"learning,omitempty"`
		Mobility     []mobility.Change    `json:"mobility,omitempty"`
		Levels       []levels.Change      `json:"levels,omitempty"`
		Tags         []people.Change      `json:"tags,omitempty"`
	}
)

// appLive declares what is told as it happens.
func appLive() []*operation {
	return []*operation{
		declareLive[resuming, ownChange]("/users/me/changes", Anyone, "Follow what happens to oneself", followMe),
		declareLive[boardWatched, rankings]("/runtime-leaderboards/{runtimeLeaderboardId}/rankings/live", tenancy.ContentRead, "Follow a leaderboard", followBoard).
			naming(map[string]string{leaderboard.Boards.Name(): "runtimeLeaderboardId"}),
	}
}

// followMe tells of what happens to the user, also of what did since the client was here.
func followMe(ctx context.Context, c *call, in *resuming, s *stream) error {
	news, leave, err := c.look(ctx, c.ws)
	if err != nil {
		return err
	}
	defer leave()
	head, err := c.ws.Head(ctx)
	if err != nil {
		return err
	}
	last := head
	tell := func(entries []guerdon.Entry) error {
		for i := range entries {
			e := &entries[i]
			if e.Outcome.Seq <= last {
				continue
			}
			last = e.Outcome.Seq
			if change, is := c.changedOf(e); is {
				if err := s.send("change", last, change); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if in.LastEventID != nil {
		if last = *in.LastEventID; last < 0 || last > head {
			return fault.Invalid("last-event-id", "is %d; the last event there is has %d", last, head)
		}
		if head-last > maxMissed {
			return fault.Invalid("last-event-id", "is %d, and %d has happened since: read what there is instead", last, head-last)
		}
		for last < head {
			entries, err := c.ws.Journal(ctx, last)
			if err != nil {
				return err
			}
			if err := tell(entries); err != nil {
				return err
			}
			if len(entries) == 0 {
				break
			}
			last = entries[len(entries)-1].Outcome.Seq
		}
	}
	if err := s.write([]byte(": \n\n")); err != nil { // so that the client knows that it is listened to
		return err
	}
	return s.watch(ctx, news, beatEvery, tell, func() error { return nil })
}

// changedOf returns what an entry changed for the user, if it did.
func (c *call) changedOf(e *guerdon.Entry) (ownChange, bool) {
	id, o := c.user.ID, &e.Outcome
	change := ownChange{Seq: o.Seq, RecordedAt: e.RecordedAt}
	for _, ev := range append([]event.Event{e.Event}, e.Caused...) {
		if ev.UserID == id {
			change.Events = append(change.Events, ev)
		}
	}
	tags := map[string]bool{}
	for _, t := range c.user.Tags {
		tags[t.TagID] = true
	}
	change.Missions = of(o.Missions, func(m *missions.Change) bool {
		return !m.Concealed && (m.UserID == id || m.UserID == "" && c.user.HasAssigned(m.GroupTagID))
	})
	change.Streaks = of(o.Streaks, func(s *streaks.Change) bool { return s.UserID == id })
	change.Transactions = of(o.Transactions, func(t *economy.Change) bool { return t.UserID == id })
	change.Badges = of(o.Badges, func(b *badges.Change) bool { return b.UserID == id })
	change.Scores = of(o.Scores, func(s *leaderboard.Change) bool { return s.EntityID == id || tags[s.EntityID] })
	change.Learning = of(o.Learning, func(l *learning.Change) bool { return l.UserID == id })
	change.Mobility = of(o.Mobility, func(m *mobility.Change) bool { return m.UserID == id })
	change.Levels = of(o.Levels, func(l *levels.Change) bool { return l.UserID == id })
	change.Tags = of(o.Tags, func(p *people.Change) bool { return p.UserID == id })
	n := len(change.Events) + len(change.Missions) + len(change.Streaks) + len(change.Transactions) + len(change.Badges) + len(change.Scores) + len(change.Learning) + len(change.Mobility) + len(change.Levels) + len(change.Tags)
	return change, n > 0
}

// of returns those of which something is true.
func of[T any](all []T, is func(*T) bool) (some []T) {
	for i := range all {
		if is(&all[i]) {
			some = append(some, all[i])
		}
	}
	return some
}

// followBoard tells how a board is, and again whenever it has changed.
func followBoard(ctx context.Context, c *call, in *boardWatched, s *stream) error {
	news, leave, err := c.look(ctx, c.ws)
	if err != nil {
		return err
	}
	defer leave()
	last := int64(0)
	show := func() error {
		var now rankings
		err := c.ws.View(ctx, func(ctx context.Context, ws *guerdon.Workspace) (err error) {
			inner := *c
			inner.ws = ws
			if last, err = ws.Head(ctx); err == nil {
				now, err = getRankings(ctx, &inner, &rankingsAsked{ID: in.ID, Limit: in.Limit})
			}
			return err
		})
		if err != nil {
			return err
		}
		return s.send("rankings", last, now)
	}
	if err := show(); err != nil {
		return err
	}
	changed := false
	return s.watch(ctx, news, boardEvery, func(entries []guerdon.Entry) error {
		changed = changed || slices.ContainsFunc(entries, func(e guerdon.Entry) bool {
			return e.Outcome.Seq > last && slices.ContainsFunc(e.Outcome.Scores, func(s leaderboard.Change) bool { return s.BoardID == in.ID })
		})
		return nil
	}, func() error {
		if !changed {
			return nil
		}
		changed = false
		return show()
	})
}
