package content

import (
	"errors"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
)

// ActorType says what kind of actor somebody is.
type ActorType string

// The types of actor: a user of the workspace, a principal, a machine, what acts by itself.
const (
	ByUser       ActorType = "user"
	ByPrincipal  ActorType = "principal"
	ByMachine    ActorType = "m2m"
	ByStreakRule ActorType = "streakRule"
	ByRewardRule ActorType = "rewardRule"
	ByScheduler  ActorType = "scheduler"
	BySystem     ActorType = "system"
)

// An Actor is who publishes or archives, or decides something else.
type Actor struct {
	Type ActorType `json:"actorType"`
	// ID identifies the actor among those of the type; the system has none.
	ID string `json:"actorId,omitempty"`
}

// String returns the type and the id, for a person to read.
func (a Actor) String() string { return strings.TrimSpace(string(a.Type) + " " + a.ID) }

// Validate refuses an actor of an unknown type or, unless it is the system or the scheduler, without an id.
func (a Actor) Validate() error {
	least := 1
	var unknown error
	switch a.Type {
	case ByUser, ByPrincipal, ByMachine, ByStreakRule, ByRewardRule:
	case ByScheduler, BySystem:
		least = 0
	default:
		unknown = fault.Invalid("actorType", "%q is none of user, principal, m2m, streakRule, rewardRule, scheduler, system", a.Type)
	}
	return errors.Join(unknown, text.Line("actorId", a.ID, least, MaxName))
}

// ActorOf returns who acts in the transaction.
func ActorOf(tx *session.Tx) Actor {
	if tx.ActorType == "" {
		return Actor{Type: BySystem}
	}
	return Actor{Type: ActorType(tx.ActorType), ID: tx.ActorID}
}
