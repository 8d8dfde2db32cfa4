package badges

import (
	"cmp"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
)

// An Award is one time that a user was awarded a badge.
type Award struct {
	// ID is the id of the event that says so.
	ID              string `json:"badgeAwardId"`
	UserID          string `json:"userId"`
	ConfigurationID string `json:"badgeConfigurationId"`
	// At is when what it is for happened.
	At time.Time `json:"assignedAt"`
	// SourceType and SourceID are what it is for, the type of an event and what that was about: "Mission" and the mission's configuration.
	// Empty of what was awarded by hand.
	SourceType string `json:"sourceEntityType,omitempty"`
	SourceID   string `json:"sourceEntityId,omitempty"`
	// RuleID and RuleVersion are the reward rule that awarded it.
	RuleID      string `json:"rewardRuleId,omitempty"`
	RuleVersion int    `json:"ruleVersion,omitempty"`
	// Reason is why it was awarded by hand.
	Reason string `json:"reason,omitempty"`
	// Kept says that what it was for did not happen after all, and that the badge is not revocable.
	Kept bool `json:"kept,omitempty"`
}

var awards = store.Define("badge_awards", (*Award).key, nil).Packed()

// kept are awards that no longer follow of badges that are not revocable. They are rows of no fold.
var kept = store.Define("badges_kept", (*Award).key, nil)

// key is of the time first: what an event awards is at the end.
func (a *Award) key() string {
	return awardsOf(a.UserID, a.ConfigurationID) + store.KeyTime(a.At) + "/" + a.ID
}

// awardsOf is what the keys of a user's awards of a badge begin with.
func awardsOf(userID, badgeID string) string { return userID + "/" + badgeID + "/" }

// awardOf returns the award that an event of type Badge tells of.
func awardOf(e *event.Event) Award {
	says := func(field string) string {
		s, _ := e.Fields[field].(string)
		return s
	}
	version, _ := e.Fields["ruleVersion"].(float64)
	return Award{
		ID: e.ID, UserID: e.UserID, ConfigurationID: e.EntityID, At: e.At, SourceType: says("sourceEntityType"), SourceID: says("sourceEntityId"),
		RuleID: says("rewardRuleId"), RuleVersion: int(version), Reason: says(fieldReason),
	}
}

// fieldReason is the field of an award's event that says why it was made by hand.
const fieldReason = "reason"

// A Badge is how often a user was awarded a badge.
type Badge struct {
	UserID          string `json:"userId"`
	ConfigurationID string `json:"badgeConfigurationId"`
	// Count is how often, those that were kept included.
	Count int `json:"count"`
	// FirstAt and LastAt are when the first and the last time was.
	FirstAt time.Time `json:"firstAssignedAt,omitzero"`
	LastAt  time.Time `json:"lastAssignedAt,omitzero"`
}

var badges = store.Define("badges", func(b *Badge) string { return badgeKey(b.UserID, b.ConfigurationID) }, nil).Packed()

func badgeKey(userID, badgeID string) string { return badgesOf(userID) + badgeID }

// badgesOf is what the keys of a user's badges begin with.
func badgesOf(userID string) string { return userID + "/" }

// count counts an award.
func (b *Badge) count(a *Award) {
	b.Count++
	if b.FirstAt.IsZero() || a.At.Before(b.FirstAt) {
		b.FirstAt = a.At
	}
	if b.LastAt.Before(a.At) {
		b.LastAt = a.At
	}
}

// newestFirst orders awards, of which those that were kept may be anywhere.
func newestFirst(a, b Award) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) }

// A Change is an award that an event made, or one that is gone or kept because what had happened before was otherwise.
type Change struct {
	Award
	// Count is how many the user has since then, those that were kept not included.
	Count int `json:"count"`
	// Undone says that the award no longer follows: what it was for did not happen after all. It is Kept if the badge is not revocable. One that is Kept and
	// not Undone was kept of another user, who turned out to be this one.
	Undone bool `json:"undone,omitempty"`
}
