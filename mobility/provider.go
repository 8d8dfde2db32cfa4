package mobility

import (
	"context"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Provider is who sees how users get about. Package motiontag has one. It may be used concurrently. Its methods are not called
// while a transaction runs, unless by a call within one of the host's.
type Provider interface {
	// Name identifies the provider: that of its trackings and of activations.
	Name() string
	// Status says whether users can be tracked.
	Status(ctx context.Context) (ProviderStatus, error)
	// Token returns what a client shows the provider to be tracked as a user, "" if there is no such thing.
	Token(ctx context.Context, userID string) (string, error)
	// Trackings reads what the provider sends a host: the body of a webhook. It returns [fault.ErrInvalid] for what is none. Whether
	// the provider has sent it the host has to know, before it calls.
	Trackings(ctx context.Context, webhook []byte) ([]Tracking, error)
}

// A ProviderStatus says whether users can be tracked.
type ProviderStatus struct {
	Enabled bool `json:"enabled"`
}

// Token returns a provider's token for a user. It returns [fault.ErrNotFound] for an unknown user, and [fault.ErrForbidden] if
// the user is not active or has not turned tracking on.
func (s Service) Token(ctx context.Context, by Provider, userID string) (string, error) {
	if by == nil {
		return "", fault.Invalid("provider", "is nil")
	}
	provider := by.Name()
	if err := ident.Check("provider", provider); err != nil {
		return "", err
	}
	err := s.run.View(ctx, func(tx *session.Tx) error {
		u, err := tenancy.FindActive(ctx, tx, "userId", userID)
		if err != nil {
			return err
		}
		userID = u.ID
		a, _, err := activations.Get(ctx, tx, activationKey(userID, provider))
		if err == nil && a.Status != On {
			err = fault.Forbidden("provider", "%q does not track user %q, who has not turned it on", provider, userID)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return by.Token(ctx, userID)
}

// Receive takes what a provider sends a host, as [Service.Track] does. All trackings are the provider's, whatever they say. Those of
// users who are unknown or not active are left out, as if tracking were off: a provider may know people whom the host has let
// go. More than [MaxTrackings] are taken in portions, each a transaction: what came of those before an error is returned beside it,
// and it names the place among all.
func (s Service) Receive(ctx context.Context, from Provider, webhook []byte) ([]Tracked, error) {
	if from == nil {
		return nil, fault.Invalid("provider", "is nil")
	}
	list, err := from.Trackings(ctx, webhook)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Provider = from.Name()
	}
	all := make([]Tracked, 0, len(list))
	for first := 0; first < len(list) || first == 0; first += MaxTrackings {
		some, err := s.take(ctx, list[first:min(first+MaxTrackings, len(list))], first, true)
		if err != nil {
			return all, err
		}
		all = append(all, some...)
	}
	return all, nil
}
