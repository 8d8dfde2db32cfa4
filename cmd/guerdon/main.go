// Guerdon serves the App, the Dashboard and the Portal API of an engine.
//
//	go run ./cmd/guerdon serve -demo                 # a fitness club to play with, in a SQLite file in the user's cache
//	go run ./cmd/guerdon serve -db guerdon.db -issuer https://login.example.org -audience guerdon
//	go run ./cmd/guerdon serve -db postgres://… -addr :8080 -issuer …
//
// Each flag may be given as a variable of the environment too: GUERDON_DB for -db.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // the zones, for machines that have none

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/cmd/guerdon/demo"
	"github.com/guerdonhq/guerdon/content/fileblob"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "guerdon:", err)
		os.Exit(1)
	}
}

// A choice is what the flags say.
type choice struct {
	db, addr, media, url string
	issuer, audience     string
	demo                 bool
	interval, grace      time.Duration
}

func parseFlags(args []string, env func(string) string, usage io.Writer) (choice, error) {
	var c choice
	flags := flag.NewFlagSet("guerdon serve", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&c.db, "db", "", "where all is kept: the `path` of a SQLite file, postgres://…, or memory (default: a file in the user's cache)")
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "the `address` to listen on")
	flags.StringVar(&c.media, "media", "", "the `folder` of media (default: one beside the database)")
	flags.StringVar(&c.url, "url", "", "the `address` under which clients reach the server, without a path (default: http:// and where it listens)")
	flags.StringVar(&c.issuer, "issuer", "", "the `address` of the OpenID issuer whose tokens are accepted; without one, and on loopback only, the server prints tokens for development")
	flags.StringVar(&c.audience, "audience", "", "for whom the issuer's tokens are to be")
	flags.BoolVar(&c.demo, "demo", false, "fill the database with a fitness club, unless it has one")
	flags.DurationVar(&c.interval, "interval", time.Minute, "how often what the clock alone causes is done")
	flags.DurationVar(&c.grace, "grace", 10*time.Second, "how long requests may go on once the server is told to stop")
	if len(args) == 0 || args[0] != "serve" {
		flags.Usage()
		return c, errors.New("say what to do: guerdon serve")
	}
	var given []string // the environment first: flags win
	flags.VisitAll(func(f *flag.Flag) {
		if value := env("GUERDON_" + strings.ToUpper(f.Name)); value != "" {
			given = append(given, "-"+f.Name+"="+value)
		}
	})
	if err := flags.Parse(append(given, args[1:]...)); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("%q is no flag; see -help", flags.Arg(0))
	}
	if (c.issuer == "") != (c.audience == "") {
		return c, errors.New("-issuer and -audience belong together")
	}
	return c, nil
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, env func(string) string, out, notes io.Writer) (err error) {
	c, err := parseFlags(args, env, notes)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(notes, nil))
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
	if err := s.tell(out); err != nil {
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
	if s.store, err = openStore(ctx, s.db); err != nil {
		return s, err
	}
	secret, err := secretIn(dir)
	if err != nil {
		return s, err
	}
	if s.bucket, err = fileblob.Open(s.media, fileblob.Options{URL: s.base + "/media", Secrets: [][]byte{secret}, Now: time.Now, Log: log}); err != nil {
		return s, err
	}
	tables := slices.Concat(httpapi.Tables(), analytics.Tables())
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
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "guerdon")
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
	return dir, errors.Join(os.MkdirAll(dir, 0o700), os.MkdirAll(s.media, 0o700))
}

// openStore opens what a place names.
func openStore(ctx context.Context, db string) (store.Store, error) {
	switch {
	case db == "memory":
		return memory.New(), nil
	case strings.HasPrefix(db, "postgres://"), strings.HasPrefix(db, "postgresql://"):
		return postgres.Open(ctx, db, nil)
	}
	return sqlite.Open(ctx, db, nil)
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
