package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/cmd/guerdon/demo"
	"github.com/guerdonhq/guerdon/content/fileblob"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store"
)

// A choice is what the flags say.
type choice struct {
	db, addr, media, url string
	issuer, audience     string
	demo                 bool
	interval, grace      time.Duration
}

func (p *program) serve() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "serve the App, the Dashboard and the Portal API",
		Flags: []cli.Flag{
			p.text("db", "", "where all is kept: the `path` of a SQLite file, postgres://…, or memory (default: a file in the user's cache)"),
			p.text("addr", "127.0.0.1:8080", "the `address` to listen on"),
			p.text("media", "", "the `folder` of media (default: one beside the database)"),
			p.text("url", "", "the `address` under which clients reach the server, without a path (default: http:// and where it listens)"),
			p.text("issuer", "", "the `address` of the OpenID issuer whose tokens are accepted; without one, and on loopback only, the server takes tokens for development"),
			p.text("audience", "", "for `whom` the issuer's tokens are to be"),
			p.yes("demo", "fill the database with a fitness club, unless it has one"),
			p.time("interval", time.Minute, "how `often` what the clock alone causes is done"),
			p.time("grace", 10*time.Second, "how `long` requests may go on once the server is told to stop"),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if _, err := arguments(cmd, 0, 0); err != nil {
				return err
			}
			c := choice{
				db: cmd.String("db"), addr: cmd.String("addr"), media: cmd.String("media"), url: cmd.String("url"),
				issuer: cmd.String("issuer"), audience: cmd.String("audience"),
				demo: cmd.Bool("demo"), interval: cmd.Duration("interval"), grace: cmd.Duration("grace"),
			}
			if (c.issuer == "") != (c.audience == "") {
				return errors.New("-issuer and -audience belong together")
			}
			return p.listen(ctx, c)
		},
	}
}

// listen serves until ctx ends.
func (p *program) listen(ctx context.Context, c choice) (err error) {
	log := p.log()
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // it is closed already where all went well
	s, err := open(ctx, c, listener.Addr(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.tell(p.out); err != nil {
		return err
	}
	return s.serve(ctx, listener)
}

// A server is all that is served.
type server struct {
	choice

	base    string // its address
	log     *slog.Logger
	store   store.Store
	bucket  *fileblob.Bucket
	engine  *guerdon.Engine
	counts  *analytics.Analytics
	handler http.Handler
	stop    func() // streams
	tokens  tokens
}

// open opens what a choice names, and fills it if that is asked for.
func open(ctx context.Context, c choice, at net.Addr, log *slog.Logger) (s *server, err error) {
	s = &server{choice: c, log: log, base: c.url}
	if s.base == "" {
		s.base = "http://" + at.String()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	authenticate, err := s.authentication(ctx, at)
	if err != nil {
		return s, err
	}
	dir, err := s.place()
	if err != nil {
		return s, err
	}
	if s.store, err = openStore(ctx, s.db, true); err != nil {
		return s, err
	}
	secret, err := secretIn(dir, "media.secret")
	if err != nil {
		return s, err
	}
	if s.bucket, err = fileblob.Open(s.media, fileblob.Options{URL: s.base + "/media", Secrets: [][]byte{secret}, Now: time.Now, Log: log}); err != nil {
		return s, err
	}
	tables := served()
	if s.demo {
		log.InfoContext(ctx, "filling the database with half a year of a fitness club", "database", s.db)
		if err := demo.Fill(ctx, s.store, s.bucket, tables, time.Now()); err != nil {
			return s, err
		}
	}
	if s.engine, err = guerdon.New(ctx, s.store, &guerdon.Options{Blobs: s.bucket, Tables: tables, Log: log}); err != nil {
		return s, err
	}
	if s.counts, err = analytics.New(s.engine, nil); err != nil {
		return s, err
	}
	api, err := httpapi.New(s.engine, &httpapi.Options{Authenticate: httpapi.APIKeys(s.engine, authenticate), Analytics: s.counts})
	if err != nil {
		return s, err
	}
	s.stop = api.StopStreams
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.Handle("/media/", s.bucket)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", s.ready)
	s.handler = mux
	return s, nil
}

// served are the tables that the server keeps beside the engine's.
func served() []*store.Schema { return slices.Concat(httpapi.Tables(), analytics.Tables()) }

// ready answers whether the store can be reached.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithTimeout(r.Context(), 2*time.Second)
	defer stop()
	if err := s.store.View(ctx, store.Scope{}, func(store.Tx) error { return nil }); err != nil {
		s.log.ErrorContext(ctx, "the store cannot be reached", "error", err)
		http.Error(w, "the store cannot be reached", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) close() error {
	var err error
	if s.bucket != nil {
		err = s.bucket.Close()
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	return err
}

// place finds out where the database and the media are, and returns the folder for what the server keeps beside them.
func (s *server) place() (string, error) {
	dir, err := ownFolder()
	if err != nil {
		return "", err
	}
	if s.db == "" {
		name := "guerdon"
		if s.demo {
			name = "demo"
		}
		s.db = filepath.Join(dir, name+".db")
	}
	if s.media == "" {
		s.media = filepath.Join(dir, "media")
	}
	return dir, os.MkdirAll(s.media, 0o700)
}

// serve serves until ctx ends, and then lets requests that are under way end.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	beside, stop := context.WithCancel(ctx)
	ticking, counting := make(chan error, 1), make(chan error, 1)
	go func() { ticking <- s.engine.Run(beside, s.interval) }()
	go func() { counting <- s.counts.Run(beside) }()
	web := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	web.RegisterOnShutdown(s.stop)
	serving := make(chan error, 1)
	go func() { serving <- web.Serve(listener) }()
	var err error
	select {
	case err = <-serving:
	case <-ctx.Done():
		grace, over := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
		err = web.Shutdown(grace)
		over()
		if ended := <-serving; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
	}
	stop()
	return errors.Join(err, <-ticking, <-counting)
}
