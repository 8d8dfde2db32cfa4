package webhook_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/webhook"
)

// A child process is this binary with the number of its life in its environment.
const (
	jobVariable  = "GUERDON_TEST_WEBHOOK"
	pathVariable = "GUERDON_TEST_PATH"
)

// opened is a workspace in a file, where webhooks are sent to who has a certificate.
func opened(ctx context.Context, path string, life int) (*sqlite.Store, *guerdon.Engine, *webhook.Hooks, error) {
	certificate, err := os.ReadFile(path + ".pem")
	if err != nil {
		return nil, nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	st, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	// Each life begins an hour after the one before: what died with a lease is free.
	now := start.Add(time.Duration(life) * time.Hour)
	eng, err := guerdon.New(ctx, st, &guerdon.Options{Now: func() time.Time { return now }, Tables: webhook.Tables()})
	if err != nil {
		return nil, nil, nil, err
	}
	hooks, err := webhook.New(eng, &webhook.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RootCAs: roots, AtOnce: 8})
	return st, eng, hooks, err
}

// sendUntilKilled records what users do, sends what comes of it, and ends only with the process.
func sendUntilKilled(ctx context.Context) error {
	life, err := strconv.Atoi(os.Getenv(jobVariable))
	if err != nil {
		return err
	}
	_, eng, hooks, err := opened(ctx, os.Getenv(pathVariable), life)
	if err != nil {
		return err
	}
	ws, err := eng.Workspace(ctx, home)
	if err != nil {
		return err
	}
	errs := make(chan error, 2)
	go func() { errs <- hooks.Run(ctx) }()
	go func() {
		for i := range 20 {
			for _, user := range []string{"ada", "bob"} {
				if _, err := ws.Record(ctx, run(fmt.Sprint("life-", life, "-", i, "-", user), user, time.Time{})); err != nil {
					errs <- err
					return
				}
			}
		}
	}()
	return <-errs
}

// Whatever a process is doing when it is killed, each change in the journal arrives, under one id and with one body.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 8
	if os.Getenv("CI") != "" {
		kills = 50
	}
	r := receive(t)
	path := filepath.Join(t.TempDir(), "guerdon.db")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
	require.NoError(t, os.WriteFile(path+".pem", certificate, 0o600))
	st, eng, hooks, err := opened(t.Context(), path, 0)
	require.NoError(t, err)
	ws, err := populate(t.Context(), eng)
	require.NoError(t, err)
	_, secret, err := hooks.Endpoints(ws).Create(t.Context(), webhook.NewEndpoint{ID: "shop", URL: r.URL})
	require.NoError(t, err)
	first, err := ws.Journal(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, st.Close())

	for kill := range kills {
		self, err := os.Executable()
		require.NoError(t, err)
		c := exec.CommandContext(t.Context(), self)
		c.Env = append(os.Environ(), jobVariable+"="+strconv.Itoa(kill+1), pathVariable+"="+path)
		c.Stderr = os.Stderr
		enough, now, killed := len(r.got())+1+kill*5%17, make(chan struct{}), make(chan struct{})
		reached := sync.OnceFunc(func() { close(now) })
		r.answers(func(_ http.ResponseWriter, _ *got) {
			if len(r.got()) >= enough { // while they wait for the answer, others are on their way
				reached()
				<-killed
			}
		})
		require.NoError(t, c.Start())
		select {
		case <-now:
		case <-time.After(time.Minute):
			close(killed)
			t.Fatal("the process sends nothing")
		}
		require.NoError(t, c.Process.Kill())
		require.Error(t, c.Wait())
		close(killed)
	}

	r.answers(nil)
	st, eng, hooks, err = opened(t.Context(), path, kills+1)
	require.NoError(t, err)
	w := &world{engine: eng, hooks: hooks, receiver: r}
	w.Workspace, err = eng.Workspace(t.Context(), home)
	require.NoError(t, err)
	w.to = hooks.Endpoints(w.Workspace)
	stop := w.running(t)
	w.settled(t, "shop")
	stop()
	var want []string
	for after := int64(len(first)); ; {
		entries, err := w.Journal(t.Context(), after)
		require.NoError(t, err)
		if len(entries) == 0 {
			break
		}
		for i := range entries {
			ids, _, err := webhook.Told(w.Workspace, &entries[i])
			require.NoError(t, err)
			want = append(want, ids...)
			after = entries[i].Outcome.Seq
		}
	}
	require.NoError(t, st.Close())
	arrived := map[string]*got{}
	last := map[string]int64{} // of each user
	for _, g := range r.got() {
		require.NoError(t, webhook.Verify(secret, g.header, g.body, signedAt(t, &g)))
		if before := arrived[g.id()]; before != nil {
			require.True(t, same(before, &g), "the same id with another body")
			continue
		}
		arrived[g.id()] = &g
		require.GreaterOrEqual(t, g.Sequence, last[g.userID()], "out of order")
		last[g.userID()] = g.Sequence
	}
	require.Len(t, arrived, len(want))
	for _, id := range want {
		require.Contains(t, arrived, id)
	}
}

// signedAt is when a request was sent, as it says itself.
func signedAt(t *testing.T, g *got) time.Time {
	t.Helper()
	seconds, err := strconv.ParseInt(g.header.Get(webhook.HeaderTimestamp), 10, 64)
	require.NoError(t, err)
	return time.Unix(seconds, 0)
}
