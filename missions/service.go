package missions

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Service is the missions of one workspace. The zero value refuses every call. It may be used
// concurrently.
type Service struct {
	// Configurations and Rules are the documents.
	Configurations content.Documents[Configuration]
	Rules          content.Documents[Rule]

	run     session.Runner
	program room.Current[*program]
}

// newService returns the service of a workspace; program gives what is in force there.
func newService(run session.Runner, lib *content.Library, program room.Current[*program]) Service {
	return Service{
		Configurations: content.NewDocuments(run, lib, Configurations),
		Rules:          content.NewDocuments(run, lib, Rules),
		run:            run, program: program,
	}
}

// Evaluate assigns what the LAZY rules have for the user now, and returns the missions that the user
// and the user's groups have at this moment, completed ones included, by their end, then id. What was
// assigned is in the journal, and so is why something could not be. It returns [fault.ErrNotFound] for an
// unknown user. While there is nothing to assign, it is a read and holds up nobody.
func (s Service) Evaluate(ctx context.Context, userID string) ([]Mission, error) {
	return session.Settle(ctx, s.run, func(tx *session.Tx) ([]Mission, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		if err := p.settle(ctx, tx, u); err != nil {
			return nil, err
		}
		return current(ctx, tx, u)
	})
}

// Current returns what [Service.Evaluate] does, and assigns nothing.
func (s Service) Current(ctx context.Context, userID string) ([]Mission, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]Mission, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		return current(ctx, tx, u)
	})
}

// current returns what a user has at the moment of the transaction, by its end, then id.
func current(ctx context.Context, tx *session.Tx, u *tenancy.User) ([]Mission, error) {
	var all []Mission
	for _, owner := range owners(u) {
		missions, err := missionTable.List(ctx, tx, owned(owner, tx.Now))
		if err != nil {
			return nil, err
		}
		for i := range missions {
			missions[i].State = missions[i].period().State(tx.Now)
		}
		missions = slices.DeleteFunc(missions, func(m Mission) bool { return m.State != timeframe.Active })
		if all = append(all, missions...); len(all) == len(missions) {
			all = missions
		}
	}
	slices.SortFunc(all, func(a, b Mission) int {
		return cmp.Or(store.End(a.EndsAt).Compare(store.End(b.EndsAt)), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// owned returns the missions of an owner that end after a moment.
func owned(owner string, at time.Time) store.Query {
	return store.By("owner", store.Text(owner)).Between(store.After(at), store.Value{})
}

// at returns the mission with its state at a moment, by what is known now.
func (m Mission) at(moment, now time.Time) Mission {
	m.State = m.period().State(moment)
	m.Provisional = m.State == timeframe.Ended && now.Before(m.GraceEndsAt)
	return m
}

// Mission returns one mission; [fault.ErrNotFound] if there is none.
func (s Service) Mission(ctx context.Context, missionID string) (Mission, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Mission, error) { return find(ctx, tx, missionID) })
}

func find(ctx context.Context, tx *session.Tx, missionID string) (Mission, error) {
	m, ok, err := missionTable.Get(ctx, tx, missionID)
	if err == nil && !ok {
		err = fault.NotFound("mission", missionID)
	}
	return m.at(tx.Now, tx.Now), err
}

// A Query says which missions a list shows. The zero value is all of them.
type Query struct {
	State timeframe.State
	// Completed picks those that are completed, or those that are not; nil means both.
	Completed *bool
	// PeriodID picks one period, such as 2025-W40; empty means all.
	PeriodID string
	// Concealed picks those that are not to be shown to whose they are ([Mission.Concealed]), or those that are; nil means both.
	Concealed *bool
}

func (q Query) check() error {
	switch q.State {
	case "", timeframe.Pending, timeframe.Active, timeframe.Ended:
		return nil
	}
	return fault.Invalid("state", "%q is none of PENDING, ACTIVE, ENDED", q.State)
}

// Shows tells whether the list shows a mission as it was read.
func (q Query) Shows(m *Mission) bool {
	return (q.State == "" || q.State == m.State) && (q.Completed == nil || *q.Completed == m.IsCompleted) &&
		(q.PeriodID == "" || q.PeriodID == m.PeriodID) && (q.Concealed == nil || *q.Concealed == m.Concealed())
}

// List returns a user's own missions, past and future ones included, those that end last first, and
// the token of the next page, "" if there is none. It returns [fault.ErrNotFound] for an unknown user, and [fault.ErrInvalid] for a
// state that is none.
func (s Service) List(ctx context.Context, userID string, q Query, page store.Page) (list []Mission, next string, err error) {
	if err := q.check(); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Mission, string, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, "", err
		}
		return pageOf(ctx, tx, u.ID, q, page)
	})
}

// GroupList returns the missions of the users who carry a tag, as [Service.List] does those of a user.
func (s Service) GroupList(ctx context.Context, tagID string, q Query, page store.Page) (list []Mission, next string, err error) {
	if err := errors.Join(ident.Check("groupTagId", tagID), q.check()); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Mission, string, error) {
		return pageOf(ctx, tx, groupOwner(tagID), q, page)
	})
}

// pageOf returns a page of those of an owner's missions that a query shows.
func pageOf(ctx context.Context, tx *session.Tx, owner string, q Query, page store.Page) (list []Mission, next string, err error) {
	of := store.By("owner", store.Text(owner))
	switch q.State { // the index knows when they end
	case timeframe.Ended:
		of = of.Between(store.Value{}, store.After(tx.Now))
	case timeframe.Active, timeframe.Pending:
		of = owned(owner, tx.Now)
	}
	return missionTable.PageAfter(ctx, tx, of, page, func(some []Mission) (shown []Mission, err error) {
		for i := range some {
			if m := some[i].at(tx.Now, tx.Now); q.Shows(&m) {
				shown = append(shown, m)
			}
		}
		return shown, nil
	})
}

// Contributions returns what was added to a mission, by whom and when, the latest first, and the token
// of the next page. Those of a user's mission that a rule has assigned are what the user did in its period, which is read
// for it, as far as it is not archived. Those of a group's mission are of members who are neither suspended nor deleted; the
// mission counts the others' on.
func (s Service) Contributions(ctx context.Context, missionID string, page store.Page) (logs []Log, next string, err error) {
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Log, string, error) {
		m, err := find(ctx, tx, missionID)
		switch {
		case err != nil:
			return nil, "", err
		case m.MissionType == Group:
			return logTable.PageAfter(ctx, tx, store.Prefix(logPrefix(missionID)), page, func(some []Log) ([]Log, error) {
				ids := make([]string, len(some))
				for i := range some {
					ids[i] = some[i].UserID
				}
				away, err := tenancy.Away(ctx, tx, ids...)
				return slices.DeleteFunc(slices.Clone(some), func(l Log) bool { return away[l.UserID] != "" }), err
			})
		case m.keeps():
			return logTable.PageOf(ctx, tx, store.Prefix(logPrefix(missionID)), page)
		}
		all, err := s.contributed(ctx, tx, &m)
		if err != nil {
			return nil, "", err
		}
		return logTable.PageAmong(all, page)
	})
}

// MissionAt returns a mission as it was at a moment, with all that happened at it, by what is known now: what was told later counts when it happened, and what
// was corrected since as it is. It reads what was contributed, so it costs that. A mission counts what happened before it was assigned, so it is also there for a
// moment before that.
//
// It returns [fault.ErrInvalid] for a moment that is still to come, and the errors of [Service.Mission].
func (s Service) MissionAt(ctx context.Context, missionID string, at time.Time) (Mission, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Mission, error) {
		if at.After(tx.Now) {
			return Mission{}, fault.Invalid("at", "is %s, which is still to come", mechanic.Stamp(at))
		}
		m, err := find(ctx, tx, missionID)
		if err != nil {
			return Mission{}, err
		}
		all, err := s.contributed(ctx, tx, &m)
		if err != nil {
			return Mission{}, err
		}
		m.back(all, at)
		if m.CompletedAt.After(at) {
			m.IsCompleted, m.CompletedAt = false, time.Time{}
		}
		return m.at(at, tx.Now), nil
	})
}

// back takes out of a mission what was contributed after a moment. What is archived is left, and happened before.
func (m *Mission) back(all []Log, at time.Time) {
	m.Goals = slices.Clone(m.Goals)
	for i := range all {
		l := &all[i]
		switch of := slices.IndexFunc(m.Goals, func(g GoalProgress) bool { return g.ID == l.GoalID }); {
		case !l.At.After(at):
		case of < 0:
			m.CurrentAmount = m.CurrentAmount.Sub(l.Amount)
		default:
			m.Goals[of].CurrentAmount = m.Goals[of].CurrentAmount.Sub(l.Amount)
		}
	}
	for i := range m.Goals {
		if g := &m.Goals[i]; g.CompletedAt.After(at) {
			g.CompletedAt = time.Time{}
			m.CurrentAmount = m.CurrentAmount.Sub(decimal.NewFromInt(1))
		}
	}
}

// contributed returns all that was added to a mission, as far as it is not archived.
func (s Service) contributed(ctx context.Context, tx *session.Tx, m *Mission) ([]Log, error) {
	if m.MissionType == Group || m.keeps() {
		return logTable.List(ctx, tx, store.Prefix(logPrefix(m.ID)))
	}
	p, err := s.program(ctx, tx)
	if err != nil {
		return nil, err
	}
	return p.contributions(ctx, tx, m)
}

// NewMission is a mission made by hand.
type NewMission struct {
	ConfigurationID string
	// UserID is for INDIVIDUAL configurations, GroupTagID for GROUP ones.
	UserID     string
	GroupTagID string
	// StartsAt is when it begins to count; zero means now. EndsAt, exclusive, is after now, or zero: never.
	StartsAt time.Time
	EndsAt   time.Time
	// GraceMinutes is that of a [Rule].
	GraceMinutes *int
	// TargetAmount takes the place of the configuration's expression. One with several goals has no other than its own.
	TargetAmount *decimal.Decimal
	// CurrentAmount is where it begins; with several goals, each begins at 0.
	CurrentAmount decimal.Decimal
}

// Create makes a mission by hand. It returns [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] for an
// unknown or unpublished configuration, user or tag, and [fault.ErrExists] if the owner has the same that begins at
// the same moment, or of those that never end, the same.
func (s Service) Create(ctx context.Context, n NewMission) (Mission, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Mission, error) {
		p, err := s.program(ctx, tx)
		if err != nil {
			return Mission{}, err
		}
		m, err := p.create(ctx, tx, n)
		if err != nil {
			return Mission{}, err
		}
		err = missionTable.Insert(ctx, tx, *m)
		if errors.Is(err, fault.ErrExists) {
			err = fault.Exists("mission", "%q exists already", m.ID)
		}
		return m.at(tx.Now, tx.Now), err
	})
}

func (p *program) create(ctx context.Context, tx *session.Tx, n NewMission) (*Mission, error) {
	a := p.aims[n.ConfigurationID]
	if a == nil {
		return nil, fault.NotFound("missionConfigurationId", n.ConfigurationID)
	}
	m := ofAim(a)
	m.UserID, m.GroupTagID = n.UserID, n.GroupTagID
	if n.TargetAmount != nil {
		m.TargetAmount = new(*n.TargetAmount)
	}
	m.InitialAmount, m.CurrentAmount = n.CurrentAmount, n.CurrentAmount
	period, err := timeframe.Once(n.StartsAt, n.EndsAt, tx.Now)
	if err := errors.Join(err, timeframe.Timeframe{Type: period.Type()}.CheckGrace(n.GraceMinutes), checkNew(m)); err != nil {
		return nil, err
	}
	m.lasts(period, n.GraceMinutes)
	vars := mechanic.Values{}
	if a.MissionType == Individual {
		u, err := tenancy.FindActive(ctx, tx, "userId", n.UserID)
		if err != nil {
			return nil, err
		}
		m.UserID, vars["user"] = u.ID, u.Vars()
	} else if content.Find(p.docs, content.Tags, n.GroupTagID) == nil {
		return nil, fault.NotFound("groupTagId", n.GroupTagID)
	}
	m.ID = m.derivedID()
	m.CreatedAt, m.UpdatedAt = tx.Now, tx.Now
	p.await(m)
	if m.period().State(tx.Now) == timeframe.Active && !activate(tx, a, m, vars) {
		return nil, fault.Conflict("targetAmount", "%s", tx.Problems()[0].Reason)
	}
	if m.TargetAmount != nil && m.CurrentAmount.GreaterThanOrEqual(*m.TargetAmount) {
		return nil, fault.Invalid("currentAmount", "is %s; it must be less than the target, %s",
			amount.Show(m.CurrentAmount), amount.Show(*m.TargetAmount))
	}
	return m, nil
}

func checkNew(m *Mission) error {
	switch {
	case m.MissionType == Individual && m.UserID == "":
		return fault.Invalid("userId", "is empty")
	case m.MissionType == Group && m.GroupTagID == "":
		return fault.Invalid("groupTagId", "is empty")
	case m.MissionType == Individual && m.GroupTagID != "":
		return fault.Invalid("groupTagId", "is for GROUP missions")
	case m.MissionType == Group && m.UserID != "":
		return fault.Invalid("userId", "is for INDIVIDUAL missions")
	}
	if len(m.Goals) > 0 {
		switch {
		case m.TargetAmount != nil:
			return fault.Invalid("targetAmount", "is for a mission of one goal; of several, each has its own")
		case !m.CurrentAmount.IsZero():
			return fault.Invalid("currentAmount", "is for a mission of one goal; each of several begins at 0")
		}
	}
	err := amount.CheckNotNegative("currentAmount", m.CurrentAmount)
	if err == nil && m.TargetAmount != nil {
		err = amount.CheckPositive("targetAmount", *m.TargetAmount)
	}
	return err
}
