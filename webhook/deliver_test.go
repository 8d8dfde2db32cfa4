package webhook_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/webhook"
)

// What happens arrives at each endpoint that wants it, signed, in the order of the journal for each user, and is in the log.
func TestWhatHappensArrives(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.runs(t, 2, "ada") // before there are endpoints: nobody is told
		all := w.endpoint(t, "all")
		some := w.endpoint(t, "some", webhook.MissionCompleted, webhook.RewardPaid)
		stop := w.running(t)
		w.runs(t, 3, "ada", "bob")
		sent := w.settled(t, "all")
		w.settled(t, "some")
		stop()
		count := map[string]int{}
		last := map[string]int64{}
		for _, g := range w.got() {
			secret := all
			if g.path == "/some" {
				secret = some
			}
			require.NoError(t, webhook.Verify(secret, g.header, g.body, start))
			require.Equal(t, "application/json", g.header.Get("Content-Type"))
			require.Equal(t, home.String(), g.Workspace)
			require.Equal(t, start, g.Timestamp)
			count[g.path+" "+string(g.Type)]++
			require.GreaterOrEqual(t, g.Sequence, last[g.path+g.userID()])
			last[g.path+g.userID()] = g.Sequence
		}
		require.Equal(t, map[string]int{
			"/all mission.assigned": 1, "/all mission.progressed": 1, "/all mission.completed": 2, "/all streak.extended": 1,
			"/all reward.paid": 8, "/all balance.changed": 8, "/all score.changed": 16,
			"/some mission.completed": 2, "/some reward.paid": 8,
		}, count)
		require.Len(t, sent, 37)
		for _, d := range sent {
			require.Equal(t, webhook.Delivered, d.State)
			require.Len(t, d.Attempts, 1)
			require.Equal(t, http.StatusOK, d.Attempts[0].Status)
			require.True(t, slices.ContainsFunc(w.got(), func(g got) bool { return g.id() == d.MessageID && string(g.body) == string(d.Payload) }))
		}
		page := store.Page{Limit: 1}
		list, next, err := w.to.Deliveries(t.Context(), "all", webhook.DeliveryFilter{UserID: "bob", Type: webhook.MissionCompleted, State: webhook.Delivered}, page)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Empty(t, next)
		require.Contains(t, string(list[0].Payload), `"missionConfigurationId":"three"`)
	})
}

// What cannot be delivered is tried ten times over three days, with one id and the same bytes. Those behind it wait, other users
// do not; then it is given up and they are sent.
func TestTenTriesOverThreeDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	w.endpoint(t, "shop", webhook.RewardPaid)
	down := "" // the id of what does not arrive
	w.answers(func(rw http.ResponseWriter, g *got) {
		if g.userID() == "ada" && (down == "" || g.id() == down) {
			down = g.id()
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	w.running(t)
	w.runs(t, 2, "ada", "bob")
	var pauses []time.Duration
	for try := 1; try <= webhook.Tries; try++ {
		var d webhook.Delivery
		for len(d.Attempts) != try {
			rest(t)
			list, _, err := w.to.Deliveries(t.Context(), "shop", webhook.DeliveryFilter{UserID: "ada"}, store.Page{Ascending: true})
			require.NoError(t, err)
			if len(list) > 0 {
				d = list[0]
			}
			if try < webhook.Tries && len(list) > 1 {
				require.Empty(t, list[1].Attempts, "it waits")
				require.Zero(t, list[1].NextTryAt)
			}
		}
		require.Equal(t, http.StatusInternalServerError, d.Attempts[try-1].Status)
		if try < webhook.Tries {
			require.Equal(t, webhook.Pending, d.State)
			pauses = append(pauses, d.NextTryAt.Sub(*w.now.Load()))
			w.set(d.NextTryAt)
			_, err := w.to.Resume(t.Context(), "shop") // so that it is looked at
			require.NoError(t, err)
		} else {
			require.Equal(t, webhook.Dead, d.State)
			require.Equal(t, *w.now.Load(), d.DoneAt)
		}
	}
	total := time.Duration(0)
	for i, full := range []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 20 * time.Hour,
	} {
		require.LessOrEqual(t, pauses[i], full)
		require.GreaterOrEqual(t, pauses[i], full*9/10)
		total += pauses[i]
	}
	require.InDelta(t, 72, total.Hours(), 8)
	w.settled(t, "shop")
	bodies := map[string][]got{}
	for _, g := range w.got() {
		bodies[g.id()] = append(bodies[g.id()], g)
	}
	require.Len(t, bodies, 4)
	for id, all := range bodies {
		want := 1
		if id == down {
			want = webhook.Tries
		}
		require.Len(t, all, want)
		for _, g := range all {
			require.True(t, same(&all[0], &g))
		}
	}
	arrived := w.got()
	require.Equal(t, "ada", arrived[len(arrived)-1].userID(), "the next is sent when the one before it is given up")
	bob := slices.IndexFunc(arrived, func(g got) bool { return g.userID() == "bob" })
	require.Less(t, bob, 4, "others do not wait")

	w.answers(nil)
	n, err := w.to.Replay(t.Context(), "shop", time.Time{})
	require.NoError(t, err)
	require.Equal(t, 4, n)
	for _, d := range w.settled(t, "shop") {
		require.Equal(t, webhook.Delivered, d.State, "what was given up too")
	}
}

// However receivers fail, the messages about one user arrive in the order of the journal, each of them once.
func TestOrderWithinOneUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	stop := w.running(t)
	defer stop()
	checks := 0
	rapid.Check(t, func(rt *rapid.T) {
		if checks++; checks%8 != 1 && os.Getenv("CI") == "" {
			return
		}
		id := "shop-" + strconv.Itoa(checks)
		failures := rapid.SliceOfN(rapid.IntRange(0, 3), 8, 8).Draw(rt, "failures") // of each message, in turn
		order := rapid.SliceOfN(rapid.SampledFrom([]string{"ada", "bob"}), 1, 6).Draw(rt, "order")
		var mu sync.Mutex
		left := map[string]int{}
		found := map[string][]string{}
		w.answers(func(rw http.ResponseWriter, g *got) {
			mu.Lock()
			defer mu.Unlock()
			if _, known := left[g.id()]; !known {
				left[g.id()] = failures[len(left)%len(failures)]
			}
			if left[g.id()]--; left[g.id()] >= 0 {
				rw.WriteHeader(http.StatusBadGateway)
				return
			}
			found[g.userID()] = append(found[g.userID()], g.id())
		})
		w.endpoint(t, id, webhook.RewardPaid, webhook.BalanceChanged, webhook.MissionCompleted)
		for _, user := range order {
			w.runs(t, 1, user)
		}
		sent := w.hurried(t, id)
		want := map[string][]string{}
		for _, d := range sent {
			require.Equal(rt, webhook.Delivered, d.State)
			want[d.UserID] = append(want[d.UserID], d.MessageID)
		}
		require.Equal(rt, want, found)
		require.NoError(t, w.to.Delete(t.Context(), id))
	})
}

// hurried waits until nothing of an endpoint is pending, as settled does, and lets the pauses behind failures pass.
func (w *world) hurried(t *testing.T, id string) []webhook.Delivery {
	t.Helper()
	for {
		states, err := w.Consumers(t.Context())
		require.NoError(t, err)
		all, now := w.deliveries(t, id), *w.now.Load()
		pending, next := len(states) == 0 || states[0].Behind() > 0, time.Time{}
		flying := pending
		for _, d := range all {
			pending = pending || d.State == webhook.Pending
			if at := d.NextTryAt; !at.IsZero() {
				flying = flying || !at.After(now) || at.Sub(now) == lease
				if next.IsZero() || at.Before(next) {
					next = at
				}
			}
		}
		if !pending {
			return all
		}
		if !flying && !next.IsZero() {
			w.set(next)
			_, err := w.to.Resume(t.Context(), id) // so that it is looked at
			require.NoError(t, err)
		}
		rest(t)
	}
}

// lease is how long what is being sent is put off, with the timeout of the tests.
const lease = 15 * time.Second

// A receiver that is gone pauses its endpoint; what waits is sent when it is resumed.
func TestGonePauses(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.endpoint(t, "shop", webhook.RewardPaid)
		w.answers(status(http.StatusGone))
		w.running(t)
		w.runs(t, 1, "ada")
		w.wait(t, 1)
		for {
			e, err := w.to.Get(t.Context(), "shop")
			require.NoError(t, err)
			if e.Paused == webhook.PausedAsGone {
				break
			}
			rest(t)
		}
		w.runs(t, 2, "ada", "bob")
		w.pass(time.Hour)
		for states := []guerdon.ConsumerState(nil); len(states) == 0 || states[0].Behind() > 0; {
			var err error
			states, err = w.Consumers(t.Context())
			require.NoError(t, err)
		}
		require.Len(t, w.got(), 1)
		w.answers(nil)
		e, err := w.to.Resume(t.Context(), "shop")
		require.NoError(t, err)
		require.Empty(t, e.Paused)
		require.Len(t, w.settled(t, "shop"), 6) // ada's third run completes a mission
		require.Len(t, w.got(), 7)
	})
}

// tried waits until an endpoint's first delivery about a user has been tried n times.
func (w *world) tried(t *testing.T, id, userID string, n int) webhook.Delivery {
	t.Helper()
	for {
		list, _, err := w.to.Deliveries(t.Context(), id, webhook.DeliveryFilter{UserID: userID}, store.Page{Ascending: true})
		require.NoError(t, err)
		if len(list) > 0 && len(list[0].Attempts) >= n {
			return list[0]
		}
		rest(t)
	}
}

// again lets the pause before a delivery's next try pass.
func (w *world) again(t *testing.T, id string, d *webhook.Delivery) {
	t.Helper()
	w.set(d.NextTryAt)
	_, err := w.to.Update(t.Context(), id, webhook.EndpointPatch{}) // so that it is looked at
	require.NoError(t, err)
}

// told are the endpoints of which the observer was told that they are paused.
func (w *world) told(t *testing.T) (all []*webhook.PausedError) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.failed {
		require.Equal(t, "webhook", f.During)
		require.Equal(t, home, f.Scope)
		paused, ok := errors.AsType[*webhook.PausedError](f.Err)
		require.True(t, ok, f.Err)
		all = append(all, paused)
	}
	return all
}

// An endpoint at which nothing arrives is paused when a message is given up, which is told; what waits is sent when it is resumed, and what
// was given up when it is replayed.
func TestOnlyFailuresPause(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.endpoint(t, "shop", webhook.RewardPaid)
		w.answers(status(http.StatusInternalServerError))
		w.running(t)
		w.runs(t, 1, "ada")
		for n := 1; n <= webhook.Tries; n++ {
			d := w.tried(t, "shop", "ada", n)
			e, err := w.to.Get(t.Context(), "shop")
			require.NoError(t, err)
			require.Equal(t, start, e.FailingSince)
			if n < webhook.Tries {
				require.Empty(t, e.Paused)
				w.again(t, "shop", &d)
			} else {
				require.Equal(t, webhook.PausedAsFailing, e.Paused)
				require.Equal(t, *w.now.Load(), e.UpdatedAt)
			}
		}
		for len(w.told(t)) == 0 {
			rest(t)
		}
		told := w.told(t)
		require.Len(t, told, 1)
		require.Equal(t, "shop", told[0].EndpointID)
		require.Equal(t, webhook.PausedAsFailing, told[0].Reason)
		require.Equal(t, start, told[0].FailingSince)
		require.Equal(t, http.StatusInternalServerError, told[0].Last.Status)
		require.EqualError(t, told[0],
			`webhook: endpoint "shop" is paused (FAILING): nothing has arrived since 2025-09-29T09:00:00Z; of the last try, the response is Internal Server Error`)

		w.runs(t, 1, "ada", "bob")
		for states := []guerdon.ConsumerState(nil); len(states) == 0 || states[0].Behind() > 0; {
			var err error
			states, err = w.Consumers(t.Context())
			require.NoError(t, err)
		}
		require.Len(t, w.got(), webhook.Tries, "nothing is sent meanwhile")
		w.answers(nil)
		e, err := w.to.Resume(t.Context(), "shop")
		require.NoError(t, err)
		require.Empty(t, e.Paused)
		require.Zero(t, e.FailingSince)
		var states []webhook.State
		for _, d := range w.settled(t, "shop") {
			states = append(states, d.State)
		}
		require.Equal(t, []webhook.State{webhook.Dead, webhook.Delivered, webhook.Delivered}, states)
		_, err = w.to.Replay(t.Context(), "shop", time.Time{})
		require.NoError(t, err)
		for _, d := range w.settled(t, "shop") {
			require.Equal(t, webhook.Delivered, d.State)
		}
	})
}

// How long an endpoint may only fail is an option. Whatever arrives meanwhile begins anew, and so does who resumes the endpoint.
func TestPauseAfter(t *testing.T) {
	t.Parallel()
	const down, up = http.StatusServiceUnavailable, http.StatusOK
	for name, tt := range map[string]struct {
		after time.Duration
		// then is done when ada's message has failed n times: it may let bob's arrive, or resume the endpoint.
		n    int
		then string
		want int // after how many tries of ada's it is paused, 0 for never
	}{
		"six hours":                         {6 * time.Hour, 0, "", 6}, // at 0, 5 s, 5 min, 35 min, 2.6 h, 7.6 h
		"at once":                           {time.Second, 0, "", 2},
		"never":                             {-1, 0, "", 0},
		"something arrives":                 {6 * time.Hour, 5, "bob", 7},
		"resumed":                           {6 * time.Hour, 5, "resume", 7},
		"something arrives before the last": {0, 9, "bob", 0},
		"three days":                        {72 * time.Hour, 0, "", 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, memory.New())
			opts := w.options()
			opts.PauseAfter = tt.after
			var err error
			w.hooks, err = webhook.New(w.engine, opts)
			require.NoError(t, err)
			w.to = w.hooks.Endpoints(w.Workspace)
			w.endpoint(t, "shop", webhook.RewardPaid)
			w.answers(func(rw http.ResponseWriter, g *got) {
				if g.userID() == "bob" {
					rw.WriteHeader(up)
				} else {
					rw.WriteHeader(down)
				}
			})
			w.running(t)
			w.runs(t, 1, "ada")
			paused := 0
			for n := 1; n <= webhook.Tries && paused == 0; n++ {
				d := w.tried(t, "shop", "ada", n)
				if n == tt.n && tt.then == "bob" {
					w.runs(t, 1, "bob")
					require.Equal(t, webhook.Delivered, w.tried(t, "shop", "bob", 1).State)
				} else if n == tt.n && tt.then == "resume" {
					_, err := w.to.Resume(t.Context(), "shop")
					require.NoError(t, err)
				}
				e, err := w.to.Get(t.Context(), "shop")
				require.NoError(t, err)
				if e.Paused == webhook.PausedAsFailing {
					paused = n
				} else if d.State == webhook.Pending {
					w.again(t, "shop", &d)
				}
			}
			require.Equal(t, tt.want, paused)
		})
	}
}

// Who asks to be left alone is, for as long as that; a redirect is not followed; who takes too long is tried again.
func TestAnswersThatAreNoSuccess(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter, *got)
		status int
		least  time.Duration
		most   time.Duration
	}{
		"seconds": {func(rw http.ResponseWriter, _ *got) {
			rw.Header().Set("Retry-After", "600")
			rw.WriteHeader(http.StatusTooManyRequests)
		}, http.StatusTooManyRequests, 10 * time.Minute, 10 * time.Minute},
		"a date": {func(rw http.ResponseWriter, _ *got) {
			rw.Header().Set("Retry-After", start.Add(time.Hour).Format(http.TimeFormat))
			rw.WriteHeader(http.StatusServiceUnavailable)
		}, http.StatusServiceUnavailable, time.Hour, time.Hour},
		"for ever": {func(rw http.ResponseWriter, _ *got) {
			rw.Header().Set("Retry-After", "99999999999")
			rw.WriteHeader(http.StatusServiceUnavailable)
		}, http.StatusServiceUnavailable, 24 * time.Hour, 24 * time.Hour},
		"nonsense": {func(rw http.ResponseWriter, _ *got) {
			rw.Header().Set("Retry-After", "-5")
			rw.WriteHeader(http.StatusBadRequest)
		}, http.StatusBadRequest, 4 * time.Second, 5 * time.Second},
		"a redirect": {func(rw http.ResponseWriter, _ *got) {
			rw.Header().Set("Location", "/elsewhere")
			rw.WriteHeader(http.StatusTemporaryRedirect)
		}, http.StatusTemporaryRedirect, 4 * time.Second, 5 * time.Second},
		"no answer": {func(http.ResponseWriter, *got) { panic(http.ErrAbortHandler) }, 0, 4 * time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, memory.New())
			w.endpoint(t, "shop", webhook.RewardPaid)
			w.answers(tt.answer)
			w.running(t)
			w.runs(t, 1, "ada")
			var d webhook.Delivery
			for len(d.Attempts) == 0 {
				rest(t)
				if all := w.deliveries(t, "shop"); len(all) > 0 {
					d = all[0]
				}
			}
			require.Equal(t, tt.status, d.Attempts[0].Status)
			require.NotEmpty(t, d.Attempts[0].Error)
			require.NotContains(t, d.Attempts[0].Error, "/shop")
			require.GreaterOrEqual(t, d.NextTryAt.Sub(start), tt.least)
			require.LessOrEqual(t, d.NextTryAt.Sub(start), tt.most)
			require.Len(t, w.got(), 1)
		})
	}
}

// Who takes too long, or never ends to answer, holds up nobody: there is a limit of time, and one of size.
func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	opts := w.options()
	opts.Timeout = 200 * time.Millisecond
	var err error
	w.hooks, err = webhook.New(w.engine, opts)
	require.NoError(t, err)
	w.endpoint(t, "shop", webhook.RewardPaid)
	free, ended := make(chan struct{}), make(chan struct{})
	w.answers(func(rw http.ResponseWriter, g *got) {
		if g.userID() == "ada" {
			<-free
			return
		}
		defer close(ended)
		for err := error(nil); err == nil; {
			_, err = rw.Write(make([]byte, 1<<10))
		}
	})
	w.running(t)
	w.runs(t, 1, "ada", "bob")
	<-ended
	w.waitFor(t, func() bool {
		all := w.deliveries(t, "shop")
		return len(all) == 2 && len(all[0].Attempts) == 1 && len(all[1].Attempts) == 1
	})
	close(free)
	all := w.deliveries(t, "shop")
	require.Equal(t, webhook.Pending, all[0].State)
	require.Zero(t, all[0].Attempts[0].Status)
	require.Contains(t, all[0].Attempts[0].Error, "deadline exceeded")
	require.Equal(t, webhook.Delivered, all[1].State)
}

// An endpoint that is slow leaves room for others.
func TestSlowEndpointsHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	opts := w.options()
	opts.AtOnce = 4
	var err error
	w.hooks, err = webhook.New(w.engine, opts)
	require.NoError(t, err)
	w.endpoint(t, "slow")
	w.endpoint(t, "fast")
	free := make(chan struct{})
	w.answers(func(_ http.ResponseWriter, g *got) {
		if g.path == "/slow" {
			<-free
		}
	})
	w.running(t)
	w.runs(t, 3, "ada", "bob")
	w.settled(t, "fast")
	slow := 0
	for _, g := range w.got() {
		if g.path == "/slow" {
			slow++
		}
	}
	close(free)
	require.LessOrEqual(t, slow, 1, "it has a quarter of what is sent at once")
	require.Len(t, w.settled(t, "slow"), len(w.deliveries(t, "fast")))
}

// An address that is not public is refused when it is dialled, whatever name stands for it.
func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	hooks, err := webhook.New(w.engine, &webhook.Options{RootCAs: w.options().RootCAs}) // without the host's permission
	require.NoError(t, err)
	to := hooks.Endpoints(w.Workspace)
	_, port, _ := strings.Cut(strings.TrimPrefix(w.URL, "https://"), ":")
	_, _, err = to.Create(t.Context(), webhook.NewEndpoint{ID: "shop", URL: "https://localhost:" + port, Types: []webhook.Type{webhook.RewardPaid}})
	require.NoError(t, err)
	w.hooks = hooks
	w.running(t)
	w.runs(t, 1, "ada")
	var d webhook.Delivery
	for len(d.Attempts) == 0 {
		rest(t)
		if all := w.deliveries(t, "shop"); len(all) > 0 {
			d = all[0]
		}
	}
	require.Contains(t, d.Attempts[0].Error, "is no public address")
	require.Empty(t, w.got())
}

// What was sent can be sent again from a moment on, as it was: also what was given up. Others are not.
func TestReplay(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.endpoint(t, "shop", webhook.RewardPaid)
		w.endpoint(t, "desk", webhook.RewardPaid)
		w.running(t)
		for range 2 {
			w.pass(time.Hour) // with nothing on its way: who takes so long is sent it again
			w.runs(t, 1, "ada", "bob")
			w.settled(t, "shop")
			w.settled(t, "desk")
		}
		require.Equal(t, 8, len(w.got())) //nolint:testifylint // requests are long to show
		n, err := w.to.Replay(t.Context(), "shop", start.Add(2*time.Hour))
		require.NoError(t, err)
		require.Equal(t, 2, n)
		w.settled(t, "shop")
		n, err = w.to.Replay(t.Context(), "shop", time.Time{})
		require.NoError(t, err)
		require.Equal(t, 4, n)
		for _, d := range w.settled(t, "shop") {
			require.Equal(t, webhook.Delivered, d.State)
		}
		times := map[string]int{}
		for _, g := range w.got() {
			times[g.path+g.id()]++
			require.True(t, slices.ContainsFunc(w.got()[:8], func(before got) bool { return same(&before, &g) }))
		}
		sum := 0
		for _, n := range times {
			sum += n * n
		}
		require.Equal(t, 4*1+2*4+2*9, sum)
	})
}

// Whoever lets the journal be followed once more makes no message twice.
func TestTheJournalOnceMore(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.endpoint(t, "shop")
		w.running(t)
		w.runs(t, 2, "ada", "bob")
		sent := w.settled(t, "shop")
		require.NoError(t, w.MoveConsumer(t.Context(), webhook.Consumer, 0))
		w.runs(t, 1, "bob")
		again := w.settled(t, "shop")
		require.Equal(t, sent, again[:len(sent)])
		require.Len(t, w.got(), len(again))
	})
}

// What is older than it is kept goes, whatever became of it, and so does all of an endpoint that is deleted.
func TestWhatIsOldGoes(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.endpoint(t, "shop", webhook.RewardPaid)
		w.endpoint(t, "idle", webhook.RewardPaid)
		_, err := w.to.Pause(t.Context(), "idle")
		require.NoError(t, err)
		stop := w.running(t)
		w.runs(t, 1, "ada", "bob")
		w.settled(t, "shop")
		require.Len(t, w.deliveries(t, "idle"), 2)
		w.pass(10 * 24 * time.Hour)
		w.runs(t, 1, "ada")
		w.settled(t, "shop")
		w.pass(5 * 24 * time.Hour)
		for len(w.deliveries(t, "idle")) > 1 || len(w.deliveries(t, "shop")) > 1 {
			rest(t)
		}
		_, err = w.to.Resume(t.Context(), "idle")
		require.NoError(t, err)
		require.Len(t, w.settled(t, "idle"), 1, "the one behind what has gone is sent")
		stop()

		require.NoError(t, w.to.Delete(t.Context(), "idle"))
		list, err := w.to.List(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 1)
		_, err = w.engine.Platform.CloseWorkspace(t.Context(), home)
		require.NoError(t, err)
		_, err = w.to.Pause(t.Context(), "shop")
		require.Error(t, err, "nobody writes there")
		require.NoError(t, w.engine.EraseWorkspace(t.Context(), home))
		require.NoError(t, w.engine.Store().View(t.Context(), home, func(tx store.Tx) error {
			for _, table := range webhook.Tables() {
				n, err := tx.Count(t.Context(), table, store.Query{})
				require.NoError(t, err)
				require.Zero(t, n)
			}
			return nil
		}))
	})
}

// A copy of a workspace, made by a dump, sends nothing until somebody wants it.
func TestACopyIsSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	secret := w.endpoint(t, "shop", webhook.RewardPaid)
	w.runs(t, 1, "ada")
	var dump strings.Builder
	require.NoError(t, w.Dump(t.Context(), &dump))
	trial := store.Scope{Account: home.Account, Workspace: "trial"}
	err := w.engine.Restore(t.Context(), trial, strings.NewReader(dump.String()))
	require.NoError(t, err)
	ws, err := w.engine.Workspace(t.Context(), trial)
	require.NoError(t, err)
	to := w.hooks.Endpoints(ws)
	e, err := to.Get(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, webhook.PausedAsCopy, e.Paused)
	w.running(t)
	w.settled(t, "shop")
	_, err = ws.Record(t.Context(), run("", "ada", time.Time{}))
	require.NoError(t, err)
	_, err = to.Resume(t.Context(), "shop")
	require.NoError(t, err)
	all := w.wait(t, 3)
	var of []string
	for _, g := range all {
		require.NoError(t, webhook.Verify(secret, g.header, g.body, start))
		of = append(of, g.Workspace)
	}
	slices.Sort(of)
	require.Equal(t, []string{"acme/default", "acme/trial", "acme/trial"}, of)
}

// Several processes share the work: each message is sent once, though all send at once.
func TestProcessesShareTheWork(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.endpoint(t, "shop")
		other, err := guerdon.New(t.Context(), w.engine.Store(), &guerdon.Options{Now: w.engine.Now, Tables: webhook.Tables()})
		require.NoError(t, err)
		hooks, err := webhook.New(other, w.options())
		require.NoError(t, err)
		for i := range 8 {
			_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: "user-" + strconv.Itoa(i)})
			require.NoError(t, err)
		}
		w.running(t)
		(&world{hooks: hooks}).running(t)
		for i := range 8 {
			w.runs(t, 2, "user-"+strconv.Itoa(i))
		}
		sent := w.settled(t, "shop")
		require.Len(t, w.got(), len(sent))
		for _, d := range sent {
			require.Len(t, d.Attempts, 1)
		}
	})
}

// Who stops while it sends gives back what was not answered, and it is no try that failed.
func TestStoppingIsNoFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	w.endpoint(t, "shop", webhook.RewardPaid)
	free := make(chan struct{})
	w.answers(func(http.ResponseWriter, *got) { <-free })
	stop := w.running(t)
	w.runs(t, 1, "ada")
	w.waitFor(t, func() bool { return len(w.got()) == 1 })
	stop()
	close(free)
	w.answers(nil)
	w.running(t)
	all := w.settled(t, "shop")
	require.Len(t, all, 1)
	require.Len(t, all[0].Attempts, 1)
	require.Len(t, w.got(), 2)
}

func (w *world) waitFor(t *testing.T, there func() bool) {
	t.Helper()
	for !there() {
		rest(t)
	}
}

// Both secrets are valid for a day when one is replaced.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	first := w.endpoint(t, "shop", webhook.RewardPaid)
	w.running(t)
	second, err := w.to.RotateSecret(t.Context(), "shop", "")
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	e, err := w.to.Get(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, start.Add(webhook.SecretOverlap), e.OldSecretUntil)
	shown, err := json.Marshal(e)
	require.NoError(t, err)
	require.NotContains(t, string(shown), "whsec_")
	w.runs(t, 1, "ada")
	g := w.wait(t, 1)[0]
	for _, secret := range []string{first, second} {
		require.NoError(t, webhook.Verify(secret, g.header, g.body, start))
	}
	w.pass(webhook.SecretOverlap)
	w.runs(t, 1, "ada")
	g = w.wait(t, 2)[1]
	require.ErrorIs(t, webhook.Verify(first, g.header, g.body, *w.now.Load()), webhook.ErrSignature)
	require.NoError(t, webhook.Verify(second, g.header, g.body, *w.now.Load()))
}
