package learning

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Service is the learning of one workspace. The zero value refuses every call. It may be used
// concurrently.
type Service struct {
	// Paths, Groups and Rules are the documents.
	Paths  content.Documents[Path]
	Groups content.Documents[Group]
	Rules  content.Documents[Rule]

	run     session.Runner
	lib     *content.Library
	program room.Current[*program]
}

// newService returns the service of a workspace; program gives what is in force there.
func newService(run session.Runner, lib *content.Library, program room.Current[*program]) Service {
	return Service{
		Paths: content.NewDocuments(run, lib, Paths), Groups: content.NewDocuments(run, lib, Groups), Rules: content.NewDocuments(run, lib, Rules),
		run: run, lib: lib, program: program,
	}
}

// Evaluate assigns what the LAZY rules have for a user now, and returns the assignments of the user that have
// not ended, those that end first first, without their items and in the user's language. What was assigned is in
// the journal, and so is why something could not be. It returns [fault.ErrNotFound] for an unknown user. A user
// who is not active gets nothing new. While there is nothing to assign, it is a read and holds up nobody.
func (s Service) Evaluate(ctx context.Context, userID string) ([]AssignedPath, error) {
	return session.Settle(ctx, s.run, func(tx *session.Tx) ([]AssignedPath, error) {
		p, u, err := s.reading(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		if err := p.settleUser(ctx, tx, u); err != nil {
			return nil, err
		}
		list, err := assignments.List(ctx, tx, endingAfter(u.ID, tx.Now))
		if err != nil {
			return nil, err
		}
		return p.reader(u, "", false).read(ctx, tx, list)
	})
}

// reading returns the program in force and a user.
func (s Service) reading(ctx context.Context, tx *session.Tx, userID string) (*program, *tenancy.User, error) {
	p, err := s.program(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	u, err := tenancy.FindUser(ctx, tx, userID)
	return p, u, err
}

// A Query says which assignments of a user a list shows, and what of them. The zero value is all of them,
// without items, in the user's language.
type Query struct {
	State      timeframe.State
	Visibility Visibility
	Status     Status // of the progress
	// PathID picks one path; empty means all.
	PathID string
	// Items asks for what the paths hold, with its content.
	Items bool
	// Lang is a BCP-47 tag; empty means the user's language. A document that has no text in it shows that of
	// its default language.
	Lang string
}

func (q Query) check() error {
	var faults []error
	switch q.State {
	case "", timeframe.Pending, timeframe.Active, timeframe.Ended:
	default:
		faults = append(faults, fault.Invalid("state", "%q is none of PENDING, ACTIVE, ENDED", q.State))
	}
	switch q.Visibility {
	case "", Locked, Unlocked:
	default:
		faults = append(faults, fault.Invalid("visibility", "%q is none of LOCKED, UNLOCKED", q.Visibility))
	}
	switch q.Status {
	case "", StatusNotStarted, StatusInProgress, StatusCompleted:
	default:
		faults = append(faults, fault.Invalid("progressStatus", "%q is none of NOT_STARTED, IN_PROGRESS, COMPLETED", q.Status))
	}
	if q.PathID != "" {
		faults = append(faults, ident.Check("learningPathId", q.PathID))
	}
	return errors.Join(faults...)
}

// shows tells whether the list shows an assignment.
func (q Query) shows(a *Assignment, now time.Time) bool {
	return (q.State == "" || q.State == a.period().State(now)) && (q.Visibility == "" || q.Visibility == a.Visibility) &&
		(q.Status == "" || q.Status == a.Progress.Status()) && (q.PathID == "" || q.PathID == a.PathID)
}

// Assignments returns the assignments of a user, those that end last first, and the token of the next page,
// "" if there is none. It returns [fault.ErrInvalid] for a filter or a language that is none, and
// [fault.ErrNotFound] for an unknown user.
func (s Service) Assignments(ctx context.Context, userID string, q Query, page store.Page) (list []AssignedPath, next string, err error) {
	if err := q.check(); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]AssignedPath, string, error) {
		p, u, err := s.reading(ctx, tx, userID)
		if err != nil {
			return nil, "", err
		}
		found, next, err := assignments.PageWhere(ctx, tx, store.By("user", store.Text(u.ID)), page, func(a *Assignment) bool { return q.shows(a, tx.Now) })
		if err != nil {
			return nil, "", err
		}
		list, err := p.reader(u, q.Lang, q.Items).read(ctx, tx, found)
		return list, next, err
	})
}

// Assignment returns one assignment with its items, in a language as [Query.Lang] says; [fault.ErrNotFound]
// if there is none.
func (s Service) Assignment(ctx context.Context, assignmentID, lang string) (AssignedPath, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (AssignedPath, error) {
		a, err := find(ctx, tx, assignmentID)
		if err != nil {
			return AssignedPath{}, err
		}
		p, u, err := s.reading(ctx, tx, a.UserID)
		if err != nil {
			return AssignedPath{}, err
		}
		list, err := p.reader(u, lang, true).read(ctx, tx, []Assignment{a})
		if err == nil && len(list) == 0 {
			err = fault.NotFound("learningPathId", a.PathID)
		}
		if err != nil {
			return AssignedPath{}, err
		}
		return list[0], nil
	})
}

// AssignmentOf returns a user's assignment of a path as [Service.Assignment] does: the one that may be worked on, otherwise one that is in its
// time, and of several the one that ends last. It returns [fault.ErrNotFound] for an unknown user, and if the user has none.
func (s Service) AssignmentOf(ctx context.Context, userID, pathID, lang string) (AssignedPath, error) {
	if err := ident.Check("learningPathId", pathID); err != nil {
		return AssignedPath{}, err
	}
	return session.Read(ctx, s.run, func(tx *session.Tx) (AssignedPath, error) {
		p, u, err := s.reading(ctx, tx, userID)
		if err != nil {
			return AssignedPath{}, err
		}
		return p.assignmentOf(ctx, tx, u, pathID, lang, true)
	})
}

// assignmentOf returns what [Service.AssignmentOf] does, with the items if they are asked for.
func (p *program) assignmentOf(ctx context.Context, tx *session.Tx, u *tenancy.User, pathID, lang string, items bool) (AssignedPath, error) {
	list, err := assignments.List(ctx, tx, store.By("user", store.Text(u.ID)).Reverse())
	if err != nil {
		return AssignedPath{}, err
	}
	list = slices.DeleteFunc(list, func(a Assignment) bool { return a.PathID != pathID })
	nearer := func(a Assignment) int {
		switch {
		case a.open(tx.Now):
			return 0
		case a.period().State(tx.Now) == timeframe.Active:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(list, func(a, b Assignment) int { return nearer(a) - nearer(b) })
	if len(list) > 1 {
		list = list[:1]
	}
	paths, err := p.reader(u, lang, items).read(ctx, tx, list)
	if err == nil && len(paths) == 0 {
		err = fault.NotFound("learningPathId", pathID)
	}
	if err != nil {
		return AssignedPath{}, err
	}
	return paths[0], nil
}

func find(ctx context.Context, tx *session.Tx, assignmentID string) (Assignment, error) {
	a, ok, err := assignments.Get(ctx, tx, assignmentID)
	if err == nil && !ok {
		err = fault.NotFound("assignment", assignmentID)
	}
	return a, err
}

// Versions returns which versions the user of an assignment is on: of the path, and of all that is in it. Who
// has not begun is on those in force. It returns [fault.ErrNotFound] if there is no such assignment.
func (s Service) Versions(ctx context.Context, assignmentID string) ([]content.Pin, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]content.Pin, error) {
		a, err := find(ctx, tx, assignmentID)
		if err != nil {
			return nil, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		o, err := p.outlineOf(ctx, tx, itemKey{ItemPath, a.PathID}, a.Beginning)
		if err != nil || o == nil {
			return nil, err
		}
		return p.versions(ctx, tx, o)
	})
}

func comparePins(a, b content.Pin) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
}

// Locks returns the rules that would unlock an assignment, in a language as [Query.Lang] says, and what is
// missing for each; none if it is not locked, or nothing would. It returns [fault.ErrNotFound] if there is no
// such assignment, and [fault.ErrInvalid] for a language that is none.
func (s Service) Locks(ctx context.Context, assignmentID, lang string) ([]Lock, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]Lock, error) {
		a, err := find(ctx, tx, assignmentID)
		if err != nil {
			return nil, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		return p.locks(ctx, tx, &a, lang)
	})
}

// A Learner is an assignment of a path with who has it.
type Learner struct {
	Assignment
	Nickname     string `json:"nickname,omitempty"`
	ProfileImage string `json:"profileImage,omitempty"`
}

// A LearnerFilter says which assignments of a path a list shows. The zero value is all of those who take part.
type LearnerFilter struct {
	State      timeframe.State
	Visibility Visibility
	// UserStatus is active or suspended; empty means active. No list shows deleted users.
	UserStatus tenancy.Status
}

// Learners returns the assignments of a path with their users, in the order of the users' ids, the last first
// unless the page is ascending, and the token of the next page. It returns [fault.ErrInvalid] for a filter that is none.
func (s Service) Learners(ctx context.Context, pathID string, f LearnerFilter, page store.Page) (list []Learner, next string, err error) {
	q := Query{State: f.State, Visibility: f.Visibility}
	if err := errors.Join(ident.Check("learningPathId", pathID), q.check(), f.UserStatus.CheckListed("userStatus")); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Learner, string, error) {
		return learners(ctx, tx, ofPath(pathID), page, f.UserStatus, func(a *Assignment) bool { return q.shows(a, tx.Now) })
	})
}

// LearnersOf returns the first [store.DefaultPage] assignments of each of up to [store.MaxPage] paths, by the paths' ids and as
// [Service.Learners] lists them. A path without assignments has no entry. It is two round trips, however many paths there are, and some
// for each path of which some of the first take no part.
func (s Service) LearnersOf(ctx context.Context, pathIDs ...string) (map[string][]Learner, error) {
	if len(pathIDs) > store.MaxPage {
		return nil, fault.Invalid("learningPathIds", "are %d, at most %d are allowed", len(pathIDs), store.MaxPage)
	}
	return session.Read(ctx, s.run, func(tx *session.Tx) (map[string][]Learner, error) {
		reads, queries := make([]store.Read, len(pathIDs)), make([]store.Query, len(pathIDs))
		for i, id := range pathIDs {
			queries[i] = ofPath(id).Reverse().First(store.DefaultPage)
			reads[i] = assignments.Rows(queries[i])
		}
		if err := tx.Prefetch(ctx, reads...); err != nil {
			return nil, err
		}
		var found []Assignment
		more := map[string]bool{} // of the paths that may have others
		for i, q := range queries {
			some, err := assignments.List(ctx, tx, q)
			if err != nil {
				return nil, err
			}
			found = append(found, some...)
			more[pathIDs[i]] = len(some) == store.DefaultPage
		}
		if err := tx.Prefetch(ctx, usersOf(found)); err != nil {
			return nil, err
		}
		all, short := map[string][]Learner{}, map[string]bool{}
		for _, a := range found {
			u, err := tenancy.FindUser(ctx, tx, a.UserID)
			switch {
			case err != nil:
				return nil, err
			case tenancy.Active.Lists(u):
				all[a.PathID] = append(all[a.PathID], Learner{a.at(tx.Now), u.Nickname, u.ProfileImage})
			default:
				short[a.PathID] = more[a.PathID]
			}
		}
		for id, is := range short {
			if !is {
				continue
			}
			list, _, err := learners(ctx, tx, ofPath(id), store.Page{}, tenancy.Active, func(*Assignment) bool { return true })
			if err != nil {
				return nil, err
			}
			if delete(all, id); len(list) > 0 {
				all[id] = list
			}
		}
		return all, nil
	})
}

// usersOf names what is read of who has assignments.
func usersOf(found []Assignment) store.Read {
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].UserID
	}
	return tenancy.ReadingUsers(ids...)
}

// learners returns a page of assignments with their users, who are of a status, and are read at once.
func learners(
	ctx context.Context, tx *session.Tx, q store.Query, page store.Page, status tenancy.Status, shows func(*Assignment) bool,
) ([]Learner, string, error) {
	users := map[string]*tenancy.User{}
	found, next, err := assignments.PageAfter(ctx, tx, q, page, func(some []Assignment) (kept []Assignment, err error) {
		if err := tx.Prefetch(ctx, usersOf(some)); err != nil {
			return nil, err
		}
		for i := range some {
			a := &some[i]
			if users[a.UserID], err = tenancy.FindUser(ctx, tx, a.UserID); err != nil {
				return nil, err
			}
			if shows(a) && status.Lists(users[a.UserID]) {
				kept = append(kept, *a)
			}
		}
		return kept, nil
	})
	if err != nil {
		return nil, "", err
	}
	list := make([]Learner, len(found))
	for i, a := range found {
		u := users[a.UserID]
		list[i] = Learner{a.at(tx.Now), u.Nickname, u.ProfileImage}
	}
	return list, next, nil
}

// NewAssignment is an assignment made by hand.
type NewAssignment struct {
	PathID string
	UserID string
	// GroupID is for clients to show assignments together.
	GroupID string
	// StartsAt is when it may be worked on; zero means now. EndsAt, exclusive, is after now, or zero: never.
	StartsAt time.Time
	EndsAt   time.Time
	// Visibility is UNLOCKED where it is empty.
	Visibility Visibility
}

// Assign makes an assignment by hand, which counts what the user has done before. It returns
// [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] for an unknown user or a path that is not
// published, [fault.ErrForbidden] if the user is not active, and [fault.ErrExists] if the user has the same
// path by hand that begins at the same moment, or of those that never end, the same.
func (s Service) Assign(ctx context.Context, n NewAssignment) (Assignment, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Assignment, error) {
		a, err := n.assignment(tx.Now)
		if err != nil {
			return Assignment{}, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return Assignment{}, err
		}
		u, err := tenancy.FindActive(ctx, tx, "userId", n.UserID)
		if err != nil {
			return Assignment{}, err
		}
		if n.UserID != u.ID { // the id was given up
			n.UserID = u.ID
			if a, err = n.assignment(tx.Now); err != nil {
				return Assignment{}, err
			}
		}
		if content.Find(p.docs, Paths, n.PathID) == nil {
			return Assignment{}, fault.NotFound("learningPathId", n.PathID)
		}
		_, exists, err := assignments.Get(ctx, tx, a.ID)
		if err == nil && exists {
			err = fault.Exists("assignment", "%q exists already", a.ID)
		}
		if err != nil {
			return Assignment{}, err
		}
		if err := assignments.Put(ctx, tx, *a); err != nil {
			return Assignment{}, err
		}
		if err := mechanic.Tick(ctx, tx, ticked, a.ID, u.ID, tx.Now); err != nil {
			return Assignment{}, err
		}
		kept, err := find(ctx, tx, a.ID)
		return kept.at(tx.Now), err
	})
}

// assignment returns the checked assignment.
func (n *NewAssignment) assignment(now time.Time) (*Assignment, error) {
	period, err := timeframe.Once(n.StartsAt, n.EndsAt, now)
	a := &Assignment{
		ID: assignmentID(n.UserID, "", n.PathID, period.ID), PathID: n.PathID, UserID: n.UserID, GroupID: n.GroupID,
		Context: DefaultContext, Visibility: cmp.Or(n.Visibility, Unlocked),
		TimeframeType: period.Type(), PeriodID: period.ID, StartsAt: period.StartsAt, EndsAt: period.EndsAt, CreatedAt: now, UpdatedAt: now,
	}
	faults := []error{
		ident.Check("learningPathId", n.PathID), ident.Check("userId", n.UserID), text.Line("groupId", n.GroupID, 0, content.MaxName), err,
	}
	if a.Visibility != Locked && a.Visibility != Unlocked {
		faults = append(faults, fault.Invalid("visibility", "%q is none of LOCKED, UNLOCKED", n.Visibility))
	}
	return a, errors.Join(faults...)
}

// Unassign removes an assignment; [fault.ErrNotFound] if there is none. The user's logs stay, and a rule does
// not make it again.
func (s Service) Unassign(ctx context.Context, assignmentID string) error {
	return s.run.Update(ctx, func(tx *session.Tx) error {
		if _, err := find(ctx, tx, assignmentID); err != nil {
			return err
		}
		return assignments.Delete(ctx, tx, assignmentID)
	})
}

// Stats returns what a user has learned so far; [fault.ErrNotFound] for an unknown user.
func (s Service) Stats(ctx context.Context, userID string) (Stats, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Stats, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return Stats{}, err
		}
		t, _, err := statistics.Get(ctx, tx, u.ID)
		t.UserID = u.ID
		return t.stats(), err
	})
}
