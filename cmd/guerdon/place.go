package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// database is the flag that names a store.
func (p *program) database(otherwise string) cli.Flag {
	return p.text("db", otherwise, "where all is kept: the `path` of a SQLite file, postgres://…, or memory")
}

// place are the flags that name a workspace of a store.
func (p *program) place() []cli.Flag {
	return []cli.Flag{
		p.text("account", "", "the `id` of the account"),
		p.text("workspace", "default", "the `id` of the workspace"),
	}
}

// create is the flag of commands that may begin with nothing.
func (p *program) create() cli.Flag {
	return p.yes("create", "make what is missing: the database, its tables, the account, the workspace")
}

// scope returns the workspace that the flags name.
func scope(cmd *cli.Command) (store.Scope, error) {
	s := store.Scope{Account: cmd.String("account"), Workspace: cmd.String("workspace")}
	if s.Account == "" {
		return s, errors.New("say whose workspace: -account, or GUERDON_ACCOUNT")
	}
	return s, nil
}

// A migrator is a store that lasts: it can say what this program would change of its tables.
type migrator interface {
	store.Store
	Migration(ctx context.Context, tables ...*store.Schema) (string, error)
}

// openStore opens what -db names. A file that is not there is only made if that is asked for.
func openStore(ctx context.Context, db string, create bool) (store.Store, error) {
	switch {
	case db == "":
		return nil, errors.New("say which database: -db, or GUERDON_DB: the path of a SQLite file, or postgres://…")
	case db == "memory":
		return memory.New(), nil
	case strings.HasPrefix(db, "postgres://"), strings.HasPrefix(db, "postgresql://"):
		return postgres.Open(ctx, db, nil)
	case create:
		return sqlite.Open(ctx, db, nil)
	}
	if _, err := os.Stat(db); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database %s", db)
	}
	return sqlite.Open(ctx, db, nil)
}

// inWorkspace calls fn with the engine and the workspace that the flags name. With -create they are made if they are missing.
func (p *program) inWorkspace(ctx context.Context, cmd *cli.Command, fn func(*guerdon.Engine, *guerdon.Workspace) error) (err error) {
	s, err := scope(cmd)
	if err != nil {
		return err
	}
	st, err := openStore(ctx, cmd.String("db"), cmd.Bool("create"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if kept, is := st.(migrator); is && !cmd.Bool("create") {
		if err := upToDate(ctx, kept); err != nil {
			return err
		}
	}
	engine, err := guerdon.New(ctx, st, &guerdon.Options{Log: p.log()})
	if err != nil {
		return err
	}
	if cmd.Bool("create") {
		if err := establish(ctx, engine, s); err != nil {
			return err
		}
	}
	ws, err := engine.Workspace(ctx, s)
	if err != nil {
		return fmt.Errorf("%w%s", err, others(ctx, engine, err))
	}
	return fn(engine, ws)
}

// upToDate refuses a database that this program would change to work with it: a server of another version may use it.
func upToDate(ctx context.Context, st migrator) error {
	script, err := st.Migration(ctx, guerdon.Tables()...)
	if _, newer := errors.AsType[*store.NewerError](err); newer || err != nil && !errors.Is(err, fault.ErrConflict) {
		return err
	}
	if script == "" && err == nil {
		return nil
	}
	return errors.New("the database is not as this version keeps it: guerdon migrate shows what is to be done, and does it with -apply")
}

// establish makes an account and a workspace, unless they are there.
func establish(ctx context.Context, engine *guerdon.Engine, s store.Scope) error {
	_, err := engine.Platform.CreateAccount(ctx, tenancy.Account{ID: s.Account, Name: s.Account})
	if err != nil && !errors.Is(err, fault.ErrExists) {
		return err
	}
	_, err = engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: s.Account, ID: s.Workspace, Name: s.Workspace})
	if err != nil && !errors.Is(err, fault.ErrExists) {
		return err
	}
	return nil
}

// others names some workspaces that there are, if the one that was asked for is not there.
func others(ctx context.Context, engine *guerdon.Engine, err error) string {
	if !errors.Is(err, fault.ErrNotFound) {
		return ""
	}
	const most = 5
	var names []string
	accounts, _, _ := engine.Platform.Accounts(ctx, store.Page{Limit: most}) // it only helps
	for _, a := range accounts {
		list, _, _ := engine.Platform.Workspaces(ctx, a.ID, store.Page{Limit: most})
		for _, w := range list {
			names = append(names, a.ID+"/"+w.ID)
		}
	}
	if len(names) == 0 {
		return "; there is none yet: guerdon import -create makes one"
	}
	return "; there are " + strings.Join(names[:min(most, len(names))], ", ")
}

// sandbox returns a workspace in memory that nobody else has.
func (p *program) sandbox(ctx context.Context) (*guerdon.Workspace, error) {
	engine, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Log: p.log()})
	if err != nil {
		return nil, err
	}
	s := store.Scope{Account: "sandbox", Workspace: "default"}
	if err := establish(ctx, engine, s); err != nil {
		return nil, err
	}
	return engine.Workspace(ctx, s)
}

// ownFolder returns the folder in the user's cache for what the program keeps, which is made if there is none.
func ownFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "guerdon")
	return dir, os.MkdirAll(dir, 0o700)
}
