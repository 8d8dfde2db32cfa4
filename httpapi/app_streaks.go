package httpapi

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

type (
	appStreak              streaks.Streak
	appStreakConfiguration streaks.Configuration
)

// A streakRow is what the user did in a period under a rule.
type streakRow struct {
	Streak        appStreak               `wire:"inline"`
	Configuration *appStreakConfiguration `json:"streakConfiguration,omitempty"`
	Translation   *content.Label          `json:"translation,omitempty"`
}

type streaksAsked struct {
	translatedPage

	PeriodType string `enum:"DAY,WEEK,MONTH,YEAR,ITERATION,GOAL" query:"periodType" required:"true"`
	// From and To are moments, RFC 3339, of which the days in the user's zone count, or dates.
	From        string `query:"from"`
	To          string `query:"to"`
	IterationID int    `query:"iterationId"`
	GoalID      int    `query:"goalId"`
	Target      int    `query:"target"`
	RuleID      string `query:"streakRuleId"`
}

// A freezeConsentRow is what the user has said about freezes of a streak.
type freezeConsentRow struct {
	streaks.FreezeConsent
	envelope
}

type consenting struct {
	RuleID string `path:"streakRuleId"`
	Body   struct {
		Agreed *bool `json:"agreed"`
	} `body:"json"`
}

// appStreaks declares streaks. What says whether they are frozen is not of the reference.
func appStreaks(f *forms) []*operation {
	called[appStreakConfiguration](f, "StreakConfiguration")
	hide[appStreak](f, "streakConfiguration")
	shapeFor[appStreakConfiguration](f, "streakConfigurationId", "streakConfigurationCatalogId")
	s := f.shapes[reflect.TypeFor[appStreakConfiguration]()]
	s.null = []string{"matchCondition"} // which is never empty here
	f.shapes[reflect.TypeFor[appStreakConfiguration]()] = s
	return []*operation{
		declare("GET", "/streaks", tenancy.ContentRead, "List one's streaks", codes(200, 401), listStreaks),
		declare("GET", "/streaks/freeze-consents", tenancy.ContentRead, "List what one has said about freezes of one's streaks", codes(200, 401), listFreezeConsents),
		declare("PUT", "/streaks/{streakRuleId}/freeze-consent", tenancy.SelfUpdate, "Say whether missed periods of one's streak are frozen, and paid for",
			codes(200, 400, 401, 404), setFreezeConsent),
	}
}

func listFreezeConsents(ctx context.Context, c *call, in *onlyPaging) (out list[freezeConsentRow], err error) {
	all, err := c.ws.Streaks.FreezeConsents(ctx, c.user.ID)
	if err != nil {
		return out, err
	}
	some, next, err := inMemory(all, &in.paging)
	out = list[freezeConsentRow]{make([]freezeConsentRow, len(some)), next}
	for i := range some {
		out.Items[i] = freezeConsentRow{some[i], c.envelope()}
	}
	return out, err
}

func setFreezeConsent(ctx context.Context, c *call, in *consenting) (freezeConsentRow, error) {
	if in.Body.Agreed == nil {
		return freezeConsentRow{}, fault.Invalid("agreed", "is missing")
	}
	said, err := c.ws.Streaks.SetFreezeConsent(ctx, c.user.ID, in.RuleID, *in.Body.Agreed)
	return freezeConsentRow{said, c.envelope()}, err
}

func listStreaks(ctx context.Context, c *call, in *streaksAsked) (out list[streakRow], err error) {
	q := streaks.Query{
		PeriodType: streaks.PeriodType(in.PeriodType), IterationID: in.IterationID, GoalID: in.GoalID, Target: in.Target, RuleID: in.RuleID,
	}
	var wrong [2]error
	q.From, wrong[0] = c.day("from", in.From)
	q.To, wrong[1] = c.day("to", in.To)
	if err := errors.Join(wrong[:]...); err != nil {
		return out, err
	}
	found, next, err := c.ws.Streaks.Streaks(ctx, c.user.ID, q, in.page())
	if err != nil {
		return out, err
	}
	out = list[streakRow]{make([]streakRow, len(found)), next}
	for i := range found {
		row := streakRow{Streak: appStreak(found[i])}
		if doc := found[i].Configuration; doc != nil {
			shown := appStreakConfiguration(*doc)
			if len(shown.MatchCondition) == 0 || string(shown.MatchCondition) == "null" {
				shown.MatchCondition = []byte("true")
			}
			row.Configuration = &shown
			if slices.Contains(in.Fields, "translation") {
				if row.Translation, err = picked(c.lang(), doc.Translations, doc.DefaultLang); err != nil {
					return out, err
				}
			}
		}
		out.Items[i] = row
	}
	return out, nil
}

// day returns the day that a parameter is about: that of a moment in the user's zone.
func (c *call) day(name, value string) (timeframe.Day, error) {
	if value == "" {
		return 0, nil
	}
	if day, err := timeframe.ParseDay(value); err == nil {
		return day, nil
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return 0, fault.Invalid(name, "%q is neither a moment like 2026-03-02T09:00:00Z nor a date", value)
	}
	zone, err := c.zone()
	if err != nil {
		return 0, err
	}
	return timeframe.DayOf(at, zone), nil
}

// zone returns the zone in which the caller wants days.
func (c *call) zone() (*time.Location, error) {
	name := c.caller.Zone
	if name == "" {
		name = c.user.Timezone
	}
	zone, err := (&tenancy.User{Timezone: name}).Location(&c.zones)
	return zone, fault.In("timezone", err)
}
