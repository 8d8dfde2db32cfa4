package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// course is all that the author has written, as a bundle of documents.
//
//go:embed course.json
var course []byte

// The documents of the course that the program asks about.
const (
	firstPath  = "first-loaf"
	secondPath = "sourdough"
	story      = "journey"
	streak     = "every-day"
	board      = "bakers"
)

// An academy is the course and its learners, on a clock that moves when told.
type academy struct {
	engine   *guerdon.Engine
	ws       *guerdon.Workspace
	now      time.Time
	told     int64 // the number of the journal's last entry that was told of
	learners []learner
	text     strings.Builder
	out      io.Writer
}

// found opens the academy on a store that has none: it imports the course and enrols the learners.
func found(ctx context.Context, st store.Store, out io.Writer) (*academy, error) {
	a := &academy{learners: learners(), out: out, now: time.Date(year, month, firstDay, 0, 0, 0, 0, time.UTC)}
	var err error
	if a.engine, err = guerdon.New(ctx, st, &guerdon.Options{Now: func() time.Time { return a.now }}); err != nil {
		return nil, err
	}
	account, err := a.engine.Platform.CreateAccount(ctx, tenancy.Account{ID: "academy", Name: "Academy"})
	if errors.Is(err, fault.ErrExists) {
		return nil, fmt.Errorf("the store has an academy already: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if a.ws, err = a.engine.Workspace(ctx, store.Scope{Account: account.ID, Workspace: tenancy.DefaultWorkspace}); err != nil {
		return nil, err
	}
	if _, err := a.ws.Import(ctx, course); err != nil {
		return nil, err
	}
	for _, l := range a.learners {
		_, err := a.ws.Users.Create(ctx, tenancy.NewUser{ID: l.id, Nickname: l.name, Lang: l.lang, Timezone: l.zone})
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

// play lets the days pass, and prints what came of them.
func (a *academy) play(ctx context.Context) error {
	a.introduce()
	for day := 1; day <= days; day++ {
		a.print("\n%s\n", time.Date(year, month, firstDay+day-1, 0, 0, 0, 0, time.UTC).Format("Monday, 2 January"))
		if err := a.pass(ctx, day); err != nil {
			return err
		}
	}
	if err := a.conclude(ctx); err != nil {
		return err
	}
	_, err := io.WriteString(a.out, a.text.String())
	return err
}

// pass lets a day pass.
func (a *academy) pass(ctx context.Context, day int) error {
	if day == revision {
		if err := a.revise(ctx); err != nil {
			return err
		}
	}
	for i := range a.learners {
		if err := a.learn(ctx, &a.learners[i], day); err != nil {
			return err
		}
	}
	return a.tellLeader(ctx)
}

// learn lets it be the learner's hour of the day, and the learner do what the script says.
func (a *academy) learn(ctx context.Context, l *learner, day int) error {
	var err error
	if a.now, err = l.on(day); err != nil {
		return err
	}
	if err := a.engine.Advance(ctx); err != nil { // a streak may have broken meanwhile
		return err
	}
	if err := a.tell(ctx, nil, nil); err != nil || len(l.days[day]) == 0 {
		return err
	}
	if _, err := a.ws.Learning.Evaluate(ctx, l.id); err != nil { // gives a newcomer the paths
		return err
	}
	var did []string
	for _, do := range l.days[day] {
		how, err := do(ctx, a, l)
		if err != nil {
			return fmt.Errorf("%s on day %d: %w", l.name, day, err)
		}
		did = append(did, how)
	}
	return a.tell(ctx, l, did)
}

// revise adds a quiz to the first path. Who is in the middle of the path does not notice.
func (a *academy) revise(ctx context.Context) error {
	path, err := a.ws.Learning.Paths.Get(ctx, firstPath)
	if err != nil {
		return err
	}
	path.Items = append(path.Items, learning.Item{ItemID: "salt", ItemType: learning.ItemQuiz})
	if _, err = a.ws.Learning.Paths.Update(ctx, path); err != nil {
		return err
	}
	if path, err = a.ws.Learning.Paths.Publish(ctx, firstPath); err != nil {
		return err
	}
	a.print("  The author adds a quiz to “%s”. Who begins now is on version %d.\n", path.Title, path.Version)
	return nil
}

// paths returns the learner's paths by id.
func (a *academy) paths(ctx context.Context, l *learner) (map[string]learning.AssignedPath, error) {
	list, _, err := a.ws.Learning.Assignments(ctx, l.id, learning.Query{}, store.Page{})
	byID := map[string]learning.AssignedPath{}
	for _, p := range list {
		byID[p.Assignment.PathID] = p
	}
	return byID, err
}

// lock says why the second path is locked for a learner.
func (a *academy) lock(ctx context.Context, l *learner) (string, error) {
	paths, err := a.paths(ctx, l)
	if err != nil {
		return "", err
	}
	locks, err := a.ws.Learning.Locks(ctx, paths[secondPath].Assignment.ID, "")
	if err != nil {
		return "", err
	}
	reasons := make([]string, len(locks))
	for i := range locks {
		reasons[i] = locks[i].Description
	}
	first := paths[firstPath].Progress
	return fmt.Sprintf("“%s” is locked: %s (%d of %d)",
		paths[secondPath].Path.Title, strings.Join(reasons, ", or "), first.Completed, first.Total), nil
}
