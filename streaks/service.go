package streaks

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Service is the streaks of one workspace. The zero value refuses every call. It may be used
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

// A Standing is how a user's streak of one rule stands now.
type Standing struct {
	RuleID string `json:"streakRuleId"`
	// Status is that of the present run: ACTIVE, BROKEN or ENDED.
	Status Status `json:"status"`
	// Count is the length of the present run; 0 if it is BROKEN or none was begun.
	Count int `json:"count"`
	// Longest is the length of the longest run.
	Longest int `json:"longest"`
	// IterationID numbers the present run, or the one that is BROKEN; 0 if none was begun.
	IterationID int `json:"iterationId,omitempty"`
	// Frozen is how many periods before now, without an active one between, are frozen.
	Frozen int `json:"frozen,omitempty"`
	// Savable is set on a BROKEN run whose missed periods were not judged yet and may all be frozen, if the user can
	// pay: the workspace's next Advance or the user's next event settles it.
	Savable bool `json:"savable,omitempty"`
	// LastContributingDay is the last day that was counted; nil if none was.
	LastContributingDay *timeframe.Day `json:"lastContributingDay,omitempty"`
}

// Current returns how a user's streak stands, by the clock: a run whose period was missed is BROKEN
// even if nobody judged it yet. Reading pays for nothing. It returns [fault.ErrNotFound] for an unknown
// user, and for a rule that is not in force and was never followed by the user.
func (s Service) Current(ctx context.Context, userID, ruleID string) (Standing, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Standing, error) {
		r, err := s.reader(ctx, tx, userID)
		if err != nil {
			return Standing{}, err
		}
		st, begun, err := stateTable.Get(ctx, tx, streakKey(r.user.ID, ruleID))
		if err != nil {
			return Standing{}, err
		}
		if !begun && r.program.byID[ruleID] == nil {
			return Standing{}, fault.NotFound("streakRule", ruleID)
		}
		st.UserID, st.RuleID = r.user.ID, ruleID
		return r.standing(ctx, st)
	})
}

func (r *reader) standing(ctx context.Context, st state) (Standing, error) {
	out := Standing{RuleID: st.RuleID, Status: Active, Longest: st.Longest, IterationID: st.Iteration}
	if st.Last == nil {
		return out, nil
	}
	h, err := r.history(st)
	if err != nil {
		return Standing{}, err
	}
	p, err := h.present()
	if err != nil {
		return Standing{}, err
	}
	out.Status = p.status
	if out.Savable, err = h.savable(ctx, p); err != nil {
		return Standing{}, err
	}
	if out.LastContributingDay = new(st.Contributed); p.status != Broken {
		out.Count, out.Frozen = st.Count, st.Frozen
	}
	return out, nil
}

// A Query says which rows of a user's streaks to return. Only PeriodType is needed.
type Query struct {
	PeriodType PeriodType
	// From and To bound periods of the calendar: those that From and To are in, and those between. The
	// zero Day is no bound.
	From, To timeframe.Day
	// IterationID picks one ITERATION.
	IterationID int
	// GoalID picks one cycle of goals, Target one of its targets.
	GoalID int
	Target int
	// RuleID picks one rule.
	RuleID string
}

func (q *Query) check() error {
	calendar := q.PeriodType.calendar().Valid()
	switch {
	case !calendar && q.PeriodType != ByIteration && q.PeriodType != ByGoal:
		return fault.Invalid("periodType", "%q is none of DAY, WEEK, MONTH, YEAR, ITERATION, GOAL", q.PeriodType)
	case !calendar && q.From != 0:
		return fault.Invalid("from", "is for DAY, WEEK, MONTH and YEAR")
	case !calendar && q.To != 0:
		return fault.Invalid("to", "is for DAY, WEEK, MONTH and YEAR")
	case q.IterationID != 0 && q.PeriodType != ByIteration:
		return fault.Invalid("iterationId", "is for ITERATION")
	case q.GoalID != 0 && q.PeriodType != ByGoal:
		return fault.Invalid("goalId", "is for GOAL")
	case q.Target != 0 && q.GoalID == 0:
		return fault.Invalid("target", "needs a goalId")
	}
	return nil
}

// wants tells whether a row is one of those asked for.
func (q *Query) wants(s *Streak) bool {
	if q.PeriodType.calendar().Valid() {
		first := s.order[:len("2006-01-02")]
		cal := q.PeriodType.calendar()
		return (q.From == 0 || first >= cal.First(q.From).String()) && (q.To == 0 || first <= q.To.String())
	}
	return (q.IterationID == 0 || s.IterationID == q.IterationID) && (q.GoalID == 0 || s.GoalID == q.GoalID) &&
		(q.Target == 0 || s.Target == q.Target)
}

// Streaks returns a user's streaks by a type of period, the newest period first, and the token of the
// next page, "" if there is none. The last page ends with a row of count 0 for every rule in force that
// picks the user and that the user has not begun; it may be longer for that. They are judged as by
// [Service.Current]. It returns [fault.ErrInvalid] for a query that makes no sense, and
// [fault.ErrNotFound] for an unknown user.
func (s Service) Streaks(ctx context.Context, userID string, q Query, page store.Page) (rows []Streak, next string, err error) {
	if err := q.check(); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Streak, string, error) {
		r, err := s.reader(ctx, tx, userID)
		if err != nil {
			return nil, "", err
		}
		return r.page(ctx, q, page)
	})
}

// reader reads one user's streaks in a transaction.
type reader struct {
	tx      *session.Tx
	user    *tenancy.User
	program *program
}

func (s Service) reader(ctx context.Context, tx *session.Tx, userID string) (*reader, error) {
	u, err := tenancy.FindUser(ctx, tx, userID)
	if err != nil {
		return nil, err
	}
	p, err := s.program(ctx, tx)
	return &reader{tx, u, p}, err
}

// history returns what the user did under a rule, without the days.
func (r *reader) history(st state) (*history, error) {
	h := &history{state: st, plan: r.program.byID[st.RuleID], now: r.tx.Now, zones: r.tx.Zones}
	var err error
	if h.plan != nil {
		h.policy = policy{tx: r.tx, rule: h.plan.Rule, userID: r.user.ID}
		_, h.clock, err = h.plan.zone(r.tx, r.user)
	}
	return h, err
}

func (r *reader) page(ctx context.Context, q Query, page store.Page) ([]Streak, string, error) {
	bounds, err := page.Query(store.Query{})
	if err != nil {
		return nil, "", err
	}
	after, err := parseToken(q.PeriodType, page.Token)
	if err != nil {
		return nil, "", err
	}
	states, err := r.states(ctx, q.RuleID)
	if err != nil {
		return nil, "", err
	}
	var rows []Streak
	for _, st := range states {
		more, err := r.rows(ctx, st, q.PeriodType)
		if err != nil {
			return nil, "", err
		}
		rows = append(rows, more...)
	}
	rows = slices.DeleteFunc(rows, func(s Streak) bool { return !q.wants(&s) || after != "" && !behind(s.order, after, page.Ascending) })
	byOrder(rows, page.Ascending)
	if len(rows) > bounds.Limit {
		rows = rows[:bounds.Limit]
		return rows, token(q.PeriodType, rows[bounds.Limit-1].order), nil
	}
	zeros, err := r.zeros(states, q)
	return append(rows, zeros...), "", err
}

func (r *reader) states(ctx context.Context, ruleID string) ([]state, error) {
	if ruleID != "" {
		return stateTable.GetMany(ctx, r.tx, streakKey(r.user.ID, ruleID))
	}
	return stateTable.List(ctx, r.tx, store.Prefix(streakKey(r.user.ID, "")))
}

func (r *reader) rows(ctx context.Context, st state, t PeriodType) ([]Streak, error) {
	h, err := r.history(st)
	if err != nil {
		return nil, err
	}
	if h.base, err = st.begin(ctx, r.tx); err != nil {
		return nil, err
	}
	if h.days, err = listDays(ctx, r.tx, st.UserID, st.RuleID); err != nil {
		return nil, err
	}
	return h.rows(t)
}

// zeros returns the rows of the rules that the user could begin.
func (r *reader) zeros(begun []state, q Query) ([]Streak, error) {
	var rows []Streak
	vars := mechanic.Values{"user": r.user.Vars()}
	for _, pl := range r.program.plans {
		if q.RuleID != "" && q.RuleID != pl.ID || pl.State(r.tx.Now) != timeframe.Active || !pl.users.Holds(r.tx, vars) ||
			slices.ContainsFunc(begun, func(s state) bool { return s.RuleID == pl.ID && s.Last != nil }) {
			continue
		}
		h, err := r.history(state{UserID: r.user.ID, RuleID: pl.ID})
		if err != nil {
			return nil, err
		}
		for _, row := range h.zero(q.PeriodType) {
			if q.wants(&row) {
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// behind tells whether a row comes after a position in a list.
func behind(order, after string, ascending bool) bool {
	if ascending {
		return order > after
	}
	return order < after
}

// token returns the position of a row in a list as an opaque text.
func token(t PeriodType, order string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(t) + "|" + order))
}

// parseToken is the inverse of token; "" is the beginning.
func parseToken(t PeriodType, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	order, found := strings.CutPrefix(string(b), string(t)+"|")
	if err != nil || !found {
		return "", fault.Invalid("nextToken", "is not a token that this list gave")
	}
	return order, nil
}
