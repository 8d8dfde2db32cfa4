package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/tenancy"
)

type (
	// appConfiguration is how the workspace looks.
	appConfiguration tenancy.Configuration

	configurationRow struct {
		Configuration appConfiguration `wire:"inline"`
		WorkspaceID   string           `json:"workspaceId"`
	}
	activityLogged struct {
		Body struct {
			ID         string `json:"activityLogId,omitempty"`
			ActivityID string `json:"activityId"`
			// UserID is who did it; empty is who asks.
			UserID  string           `json:"userId,omitempty"`
			Outcome event.Outcome    `json:"outcome,omitempty"`
			Value   *decimal.Decimal `json:"value,omitempty"`
			Tags    []string         `json:"tags,omitempty"`
			Data    event.Data       `json:"additionalData,omitempty"`
			// CompletedAt is when it was done; absent is now.
			CompletedAt time.Time `json:"completedAt,omitzero"`
		} `body:"json"`
	}
	activityLogRow struct {
		ID          string          `json:"activityLogId"`
		ActivityID  string          `json:"activityId"`
		UserID      string          `json:"userId"`
		Outcome     event.Outcome   `json:"outcome,omitempty"`
		Value       decimal.Decimal `json:"value"`
		Tags        []string        `json:"tags,omitempty"`
		Data        event.Data      `json:"additionalData,omitempty"`
		CompletedAt time.Time       `json:"completedAt"`
		stamped
	}
)

// appOthers declares what belongs to no other part of the App.
func appOthers(f *forms) []*operation {
	called[configurationRow](f, "WorkspaceConfiguration")
	hide[appConfiguration](f, "security", "stage", "version")
	return []*operation{
		declare("POST", "/activity-logs", tenancy.ContentSubmit, "Say that a user has done an activity", codes(201, 400, 401, 409), logActivity).naming(map[string]string{
			"id": "activityLogId", "entityId": "activityId", "user": "userId", "at": "completedAt", "data": "additionalData",
		}),
		declare("GET", "/analytics/community", tenancy.ContentRead, "Get what all users have done together", codes(200, 401), getCommunity),
		declare("GET", "/workspace-configuration", tenancy.ContentRead, "Get how the workspace looks", codes(200, 401), getConfiguration),
	}
}

// logActivity records an activity. Sent again, it is the first that is answered with.
func logActivity(ctx context.Context, c *call, in *activityLogged) (row activityLogRow, err error) {
	b := &in.Body
	if b.UserID == "" {
		b.UserID = c.user.ID
	}
	if b.UserID != c.user.ID && c.caller.Platform != Machine {
		return row, problem(http.StatusForbidden, CodeForbidden, "the token is not for user %q", b.UserID)
	}
	entry, err := c.ws.RecordEntry(ctx, event.Event{
		ID: b.ID, Type: event.Activity, EntityID: b.ActivityID, UserID: b.UserID, At: b.CompletedAt, Value: b.Value, Outcome: b.Outcome, Tags: b.Tags, Data: b.Data,
	})
	if err != nil {
		return row, err
	}
	e := &entry.Event
	row = activityLogRow{
		ID: e.ID, ActivityID: e.EntityID, UserID: e.UserID, Outcome: e.Outcome, Value: decimal.NewFromInt(1), Tags: e.Tags, Data: e.Data,
		CompletedAt: e.At, stamped: stamped{c.envelope(), entry.RecordedAt, entry.RecordedAt},
	}
	if e.Value != nil {
		row.Value = *e.Value
	}
	return row, nil
}

// getConfiguration returns what is in force. The default is as old as the workspace.
func getConfiguration(ctx context.Context, c *call, _ *nothing) (row configurationRow, err error) {
	at := c.ws.Scope()
	config, err := c.ws.Settings.Get(ctx)
	if err != nil {
		return row, err
	}
	if config.CreatedAt.IsZero() {
		w, err := c.engine.Platform.Workspace(ctx, at)
		if err != nil {
			return row, err
		}
		config.CreatedAt, config.UpdatedAt = w.CreatedAt, w.UpdatedAt
	}
	config.ID = at.Workspace
	return configurationRow{appConfiguration(config), at.Workspace}, nil
}
