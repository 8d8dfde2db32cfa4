package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A givenMission is a mission that somebody was given by hand. Its target is 0 before it is known.
type givenMission struct {
	TargetAmount decimal.Decimal `json:"targetAmount"`

	missions.Mission
	envelope
}

// A transactionRow is one side of a movement. Transactions are those of one call.
type (
	transactionRow struct {
		economy.Transaction
		envelope
	}
	transactionRows struct {
		Transactions []transactionRow `json:"transactions"`
	}
)

func (c *call) transactionRows(all []economy.Transaction) transactionRows {
	rows := transactionRows{make([]transactionRow, len(all))}
	for i, t := range all {
		rows.Transactions[i] = transactionRow{t, c.envelope()}
	}
	return rows
}

type (
	missionsOf struct {
		paging
		missionQuery

		UserID string `path:"userId"`
	}
	lapsingOf struct {
		paging

		UserID     string `path:"userId"`
		CurrencyID string `path:"virtualCurrencyId"`
	}
	newMission struct {
		Body struct {
			MissionType            missions.Type    `json:"missionType"`
			MissionConfigurationID string           `json:"missionConfigurationId"`
			UserID                 string           `json:"userId,omitempty"`
			GroupTagID             string           `json:"groupTagId,omitempty"`
			TimeframeType          timeframe.Type   `json:"timeframeType"`
			StartsAt               time.Time        `json:"startsAt"`
			EndsAt                 time.Time        `json:"endsAt,omitzero"`
			GraceMinutes           *int             `json:"graceMinutes,omitempty"`
			CurrentAmount          decimal.Decimal  `json:"currentAmount,omitzero"`
			TargetAmount           *decimal.Decimal `json:"targetAmount,omitempty"`
		} `body:"json"`
	}
	granting struct {
		Body struct {
			Transactions []grant `json:"transactions"`
		} `body:"json"`
	}
	reversing struct {
		ID   string           `path:"virtualTransactionId"`
		Body economy.Reversal `body:"json"`
	}
	voiding struct {
		ID   string `path:"virtualTransactionId"`
		Body struct {
			// Reason is for who reads the history: at most 500 characters. It is kept for ever, so it should name nobody.
			Reason string `json:"reason,omitempty"`
		} `body:"json"`
	}
	// A grant is a transfer from the system, or from another user.
	grant struct {
		transfer

		SourceUserID string `json:"sourceUserId,omitempty"`
		// At is when the grant counts, if that is not now: it is from the system, and AUTO.
		At time.Time `json:"at,omitzero"`
		// LapsesAt is when what is left of it lapses, instead of what the currency says, which has to have a life.
		LapsesAt time.Time `json:"lapsesAt,omitzero"`
	}
)

// UnmarshalJSON reads a grant, which may have no other members.
func (g *grant) UnmarshalJSON(b []byte) error {
	type plain grant
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	d.DisallowUnknownFields()
	err := d.Decode((*plain)(g))
	if _, typed := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !typed {
		return fault.Invalid("transactions", "%v", err)
	}
	return err
}

func dashboardMissions(f *forms) []*operation {
	shapeOf[missions.Mission](f, shape{
		hidden: []string{"missionConfigurationVersion", "missionRuleVersion", "initialAmount", "seq", "awaited", "completer", "last", "distinct", "after"},
		always: []string{"state"},
		null:   []string{"matchCondition", "incrementExpression", "targetAmountExpression"},
	})
	shapeOf[economy.Transaction](f, shape{hidden: []string{"counterpartTransactionId", "ruleVersion", "at"}})
	named := map[string]string{"virtualTransaction": "virtualTransactionId"}
	return []*operation{
		declare("GET", "/users/{userId}/missions", tenancy.AnalyticsRead, "List the missions that a user has had, has and will have", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *missionsOf) (out list[givenMission], err error) {
			if _, err := there(ctx, c.ws, in.UserID); err != nil {
				return out, err
			}
			found, next, err := c.ws.Missions.List(ctx, in.UserID, in.query(), in.page())
			out = list[givenMission]{make([]givenMission, len(found)), next}
			for i := range found {
				out.Items[i] = givenMission{target(&found[i]), found[i], c.envelope()}
			}
			return out, err
		}),
		declare("POST", "/missions", tenancy.ContentUpdate, "Give a user, or a group, a mission", codes(201, 400, 401, 404, 409), func(ctx context.Context, c *call, in *newMission) (row givenMission, err error) {
			b := &in.Body
			faults := []error{checkRange(b.TimeframeType, b.EndsAt)}
			switch {
			case b.MissionType != missions.Individual && b.MissionType != missions.Group:
				faults = append(faults, fault.Invalid("missionType", "%q is none of INDIVIDUAL, GROUP", b.MissionType))
			case b.MissionType == missions.Individual && (b.UserID == "" || b.GroupTagID != ""):
				faults = append(faults, fault.Invalid("userId", "is needed, and groupTagId is not, when missionType is INDIVIDUAL"))
			case b.MissionType == missions.Group && (b.GroupTagID == "" || b.UserID != ""):
				faults = append(faults, fault.Invalid("groupTagId", "is needed, and userId is not, when missionType is GROUP"))
			}
			if err := errors.Join(faults...); err != nil {
				return row, err
			}
			err = c.ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
				m, err := ws.Missions.Create(ctx, missions.NewMission{
					ConfigurationID: b.MissionConfigurationID, UserID: b.UserID, GroupTagID: b.GroupTagID, StartsAt: b.StartsAt, EndsAt: b.EndsAt, GraceMinutes: b.GraceMinutes,
					TargetAmount: b.TargetAmount, CurrentAmount: b.CurrentAmount,
				})
				if err == nil && m.MissionType != b.MissionType {
					err = fault.Invalid("missionType", "is %s, that of the configuration is %s", b.MissionType, m.MissionType)
				}
				row = givenMission{target(&m), m, c.envelope()}
				return err
			})
			return row, err
		}),
		declare("GET", "/users/{userId}/virtual-balances/{virtualCurrencyId}/lapsing", tenancy.AnalyticsRead, "List what of a user's balance lapses, and when", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *lapsingOf) (out list[economy.Lapse], err error) {
			if _, err := there(ctx, c.ws, in.UserID); err != nil {
				return out, err
			}
			return c.lapsing(ctx, in.UserID, in.CurrencyID, &in.paging)
		}).naming(map[string]string{"virtualCurrency": "virtualCurrencyId"}),
		declare("POST", "/virtual-transactions", tenancy.ContentUpdate, "Give to users, from the system or from other users", codes(201), func(ctx context.Context, c *call, in *granting) (transactionRows, error) {
			grants := make([]economy.Grant, len(in.Body.Transactions))
			for i := range grants {
				grants[i] = in.Body.Transactions[i].grant()
				of := &in.Body.Transactions[i]
				grants[i].SourceUserID, grants[i].At, grants[i].LapsesAt = of.SourceUserID, of.At, of.LapsesAt
			}
			made, err := c.ws.Economy.Grant(ctx, grants)
			return c.transactionRows(made), err
		}),
		declare("POST", "/virtual-transactions/{virtualTransactionId}/reverse", tenancy.ContentUpdate, "Take back a completed transaction, or a part of it", codes(201, 400, 401, 404, 409), func(ctx context.Context, c *call, in *reversing) (transactionRows, error) {
			made, err := c.ws.Economy.Reverse(ctx, in.ID, in.Body)
			return c.transactionRows(made), err
		}).naming(named),
		declare("POST", "/virtual-transactions/{virtualTransactionId}/void", tenancy.ContentUpdate, "End a pending transaction", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *voiding) (transactionRows, error) {
			done, err := c.ws.Economy.Void(ctx, in.ID, in.Body.Reason)
			return c.transactionRows(done), err
		}).naming(named),
	}
}
