package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

type appMission missions.Mission

// A missionRow is a mission, and what its configuration is called.
type missionRow struct {
	Mission appMission `wire:"inline"`
	// TargetAmount is what it will be while the mission has not begun, 0 where that is not known.
	TargetAmount decimal.Decimal `json:"targetAmount"`
	Translation  *content.Label  `json:"translation,omitempty"`
	// Goals are how far each of several goals is; TargetAmount is how many of them are needed then.
	Goals []goalRow `json:"goals,omitempty"`
}

// A goalRow is how far a goal is, and what it is called.
type goalRow struct {
	missions.GoalProgress
	Translation *content.Label `json:"translation,omitempty"`
}

type (
	translatedPage struct {
		paging

		Fields []string `enum:"translation" query:"fields"`
	}
	translatedID struct {
		ID     string   `path:"id"`
		Fields []string `enum:"translation" query:"fields"`
	}
	missionsAsked struct {
		translatedPage
		missionQuery
	}
	// missionQuery picks missions.
	missionQuery struct {
		State string `enum:"PENDING,ACTIVE,ENDED" query:"state"`
		// Completed picks those that are completed, or those that are not.
		Completed *bool `query:"isCompleted"`
		// PeriodID picks one period, such as 2026-W10.
		PeriodID string `query:"periodId"`
	}
	missionAsked struct {
		translatedID
		asOf

		// GroupTagID is the tag of the mission's group.
		GroupTagID string `query:"groupTagId"`
	}
)

func (q missionQuery) query() missions.Query {
	return missions.Query{State: timeframe.State(q.State), Completed: q.Completed, PeriodID: q.PeriodID}
}

// appMissions declares missions.
func appMissions(f *forms) []*operation {
	s := shape{
		hidden: []string{
			"missionConfigurationVersion", "missionRuleVersion", "initialAmount", "targetAmount", "seq", "awaited", "completer", "last", "distinct", "after",
			"hidden", "goals",
		},
		always: []string{"state"},
		null:   []string{"matchCondition", "incrementExpression", "targetAmountExpression"},
	}
	f.shapes[reflect.TypeFor[appMission]()] = s
	shapeOf[missions.GoalProgress](f, shape{hidden: []string{"distinct"}})
	return []*operation{
		declare("GET", "/missions", tenancy.ContentRead, "List one's missions and those of one's groups that are running, or by their state one's own that are to come or have ended", codes(200, 400, 401), listMissions),
		declare("GET", "/missions/{missionId}", tenancy.ContentRead, "Get one of one's missions or of one's groups", codes(200, 400, 401, 404), getMission).naming(map[string]string{"mission": "missionId"}),
	}
}

func listMissions(ctx context.Context, c *call, in *missionsAsked) (out list[missionRow], err error) {
	q := in.query()
	q.Concealed = new(false)
	if q.State == timeframe.Pending || q.State == timeframe.Ended {
		found, next, err := c.ws.Missions.List(ctx, c.user.ID, q, in.page())
		if err != nil {
			return out, err
		}
		rows, err := c.missionRows(ctx, found, in.Fields)
		return list[missionRow]{rows, next}, err
	}
	all, err := evaluated(ctx, c, func(ws *guerdon.Workspace) ofUser[missions.Mission] { return ws.Missions.Evaluate }, c.ws.Missions.Current)
	if err != nil {
		return out, err
	}
	all = slices.DeleteFunc(all, func(m missions.Mission) bool { return !q.Shows(&m) })
	page, err := sliced(all, func(m *missions.Mission) string {
		if m.EndsAt.IsZero() {
			return "~" + m.ID // behind all that end
		}
		return store.KeyTime(m.EndsAt) + m.ID
	}, &in.paging)
	if err != nil {
		return out, err
	}
	out.NextToken = page.NextToken
	out.Items, err = c.missionRows(ctx, page.Items, in.Fields)
	return out, err
}

// missionRows returns missions as rows.
func (c *call) missionRows(ctx context.Context, all []missions.Mission, fields []string) ([]missionRow, error) {
	rows := make([]missionRow, len(all))
	pins := make([]content.Pin, len(all))
	for i := range all {
		rows[i] = missionRow{Mission: appMission(all[i]), TargetAmount: target(&all[i])}
		for _, g := range all[i].Goals {
			rows[i].Goals = append(rows[i].Goals, goalRow{GoalProgress: g})
		}
		pins[i] = content.Pin{ID: all[i].ConfigurationID, Version: all[i].ConfigurationVersion}
	}
	if !slices.Contains(fields, "translation") {
		return rows, nil
	}
	docs, err := c.ws.Missions.Configurations.Versions(ctx, pins...)
	for i := 0; err == nil && i < len(docs); i++ {
		rows[i].Translation, err = picked(c.lang(), docs[i].Translations, docs[i].DefaultLang)
		for k := 0; err == nil && k < min(len(rows[i].Goals), len(docs[i].Goals)); k++ {
			rows[i].Goals[k].Translation, err = picked(c.lang(), docs[i].Goals[k].Translations, docs[i].DefaultLang)
		}
	}
	return rows, err
}

// target returns the target of a mission or, before that is fixed, what its expression says if it is a constant.
func target(m *missions.Mission) decimal.Decimal {
	if m.TargetAmount != nil {
		return *m.TargetAmount
	}
	if n := len(m.Goals); n > 0 {
		return decimal.NewFromInt(int64(cmp.Or(m.GoalsNeeded, n)))
	}
	source := bytes.TrimSpace(m.TargetAmountExpression)
	if len(source) == 0 || bytes.Equal(source, []byte("null")) {
		return decimal.NewFromInt(1)
	}
	constant, err := decimal.NewFromString(string(source))
	if err != nil {
		return decimal.Zero
	}
	return constant
}

func getMission(ctx context.Context, c *call, in *missionAsked) (missionRow, error) {
	m, err := then(&in.asOf, func() (missions.Mission, error) { return c.ws.Missions.Mission(ctx, in.ID) },
		func(at time.Time) (missions.Mission, error) { return c.ws.Missions.MissionAt(ctx, in.ID, at) })
	if err != nil {
		return missionRow{}, err
	}
	own := m.UserID == c.user.ID || m.GroupTagID != "" && c.user.HasAssigned(m.GroupTagID)
	if !own || m.Concealed() || in.GroupTagID != "" && in.GroupTagID != m.GroupTagID {
		return missionRow{}, fault.NotFound("missionId", in.ID)
	}
	rows, err := c.missionRows(ctx, []missions.Mission{m}, in.Fields)
	if err != nil {
		return missionRow{}, err
	}
	return rows[0], nil
}
