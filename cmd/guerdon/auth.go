package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/guerdonhq/guerdon/cmd/guerdon/demo"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/httpapi/jwtauth"
)

// tokens makes a token for development: of somebody of the club, for a context.
type tokens func(user string, of httpapi.Context) (string, error)

// authentication returns what says who calls: an issuer's tokens, or where there is no issuer, and the server can be reached from this
// machine alone, tokens that it makes itself.
func (s *server) authentication(ctx context.Context, at net.Addr) (func(*http.Request) (httpapi.Caller, error), error) {
	if s.issuer != "" {
		issued, err := jwtauth.New(ctx, jwtauth.Options{Issuer: s.issuer, Audiences: []string{s.audience}, Now: time.Now})
		if err != nil {
			return nil, err
		}
		return issued.Authenticate, nil
	}
	if tcp, is := at.(*net.TCPAddr); !is || !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("%s can be reached by others, who would need tokens of an -issuer; without one, listen on 127.0.0.1", at)
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	development, err := jwtauth.NewDevelopment(secret, time.Now)
	if err != nil {
		return nil, err
	}
	s.tokens = func(user string, of httpapi.Context) (string, error) {
		return development.Token(httpapi.Caller{Account: demo.Account, Workspace: demo.Workspace, UserID: user, Context: of, Platform: httpapi.Web})
	}
	return development.Authenticate, nil
}

// secretIn returns the secret of a folder, which is made if there is none: what signs the addresses of media outlives the process.
func secretIn(dir string) ([]byte, error) {
	name := filepath.Join(dir, "media.secret")
	secret, err := os.ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	secret = make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Write(secret)
	return secret, errors.Join(err, f.Sync(), f.Close())
}
