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
	"strings"
	"time"

	"github.com/urfave/cli/v3"

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
	development, err := developers()
	if err != nil {
		return nil, err
	}
	s.tokens = func(user string, of httpapi.Context) (string, error) {
		return development.Token(httpapi.Caller{Account: demo.Account, Workspace: demo.Workspace, UserID: user, Context: of, Platform: httpapi.Web})
	}
	return development.Authenticate, nil
}

// developers returns what makes and takes tokens for development: of all programs of this user, on this machine.
func developers() (*jwtauth.Development, error) {
	dir, err := ownFolder()
	if err != nil {
		return nil, err
	}
	secret, err := secretIn(dir, "development.secret")
	if err != nil {
		return nil, err
	}
	return jwtauth.NewDevelopment(secret, time.Now)
}

func (p *program) token() *cli.Command {
	return &cli.Command{
		Name: "token", ArgsUsage: "USER", Usage: "print a token for development",
		Description: "It is good for an hour, for the servers without -issuer that the same user runs on this machine. For the Portal, USER is a principal.",
		Flags:       append(p.place(), p.text("context", string(httpapi.App), "the `API` it is for: app, dashboard or portal"), p.json()),
		Action: func(_ context.Context, cmd *cli.Command) error {
			args, err := arguments(cmd, 1, 1)
			if err != nil {
				return err
			}
			s, err := scope(cmd)
			if err != nil {
				return err
			}
			of := httpapi.Context(cmd.String("context"))
			if of != httpapi.App && of != httpapi.Dashboard && of != httpapi.Portal {
				return fmt.Errorf("-context %s is none of %s, %s, %s", of, httpapi.App, httpapi.Dashboard, httpapi.Portal)
			}
			development, err := developers()
			if err != nil {
				return err
			}
			caller := httpapi.Caller{Account: s.Account, Workspace: s.Workspace, UserID: args[0], Context: of, Platform: httpapi.Web}
			if of == httpapi.Portal {
				caller.Workspace, caller.UserID, caller.Principal = "", "", args[0]
			}
			token, err := development.Token(caller)
			if err != nil {
				return err
			}
			return p.say(cmd, map[string]string{"token": token}, func(b *strings.Builder) { b.WriteString(token + "\n") })
		},
	}
}

// secretIn returns the secret of a name in a folder, which is made if there is none: what it signs outlives the process.
func secretIn(dir, called string) ([]byte, error) {
	name := filepath.Join(dir, called)
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
