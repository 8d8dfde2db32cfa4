package tenancy

import (
	"context"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Settings is the service for the configuration of one workspace. The zero value refuses every call.
// It may be used concurrently.
type Settings struct{ run session.Runner }

// NewSettings returns the service of the workspace on whose scope run runs transactions.
func NewSettings(run session.Runner) Settings { return Settings{run} }

// Get returns the configuration in force: the one that was published last, or the default.
func (s Settings) Get(ctx context.Context) (Configuration, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Configuration, error) { return FindConfiguration(ctx, tx) })
}

// Draft returns the configuration that [Settings.Publish] would put in force; [fault.ErrNotFound] if
// there is none.
func (s Settings) Draft(ctx context.Context) (Configuration, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Configuration, error) {
		c, _, err := configurations.Get(ctx, tx, configurationKey)
		if err == nil && c.Draft == nil {
			err = noDraft()
		}
		if err != nil {
			return Configuration{}, err
		}
		return *c.Draft, nil
	})
}

// Put makes a draft of all sections, in place of a draft that is there, and returns it. What is in
// force stays so until [Settings.Publish]. It returns [fault.ErrInvalid] for every field at fault.
func (s Settings) Put(ctx context.Context, c Configuration) (Configuration, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Configuration, error) {
		draft := c.withDefaults()
		if err := draft.validate(); err != nil {
			return Configuration{}, err
		}
		kept, exists, err := configurations.Get(ctx, tx, configurationKey)
		if err != nil {
			return Configuration{}, err
		}
		if !exists {
			kept.CreatedAt = tx.Now
		}
		draft.ID, draft.Stage, draft.Version = tx.Scope().Workspace, StageDraft, kept.Version
		draft.CreatedAt, draft.UpdatedAt = kept.CreatedAt, tx.Now
		kept.Draft = &draft
		return draft, configurations.Put(ctx, tx, kept)
	})
}

// Publish puts the draft in force as the next version and returns it; [fault.ErrNotFound] if there is
// no draft.
func (s Settings) Publish(ctx context.Context) (Configuration, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Configuration, error) {
		kept, _, err := configurations.Get(ctx, tx, configurationKey)
		if err == nil && kept.Draft == nil {
			err = noDraft()
		}
		if err != nil {
			return Configuration{}, err
		}
		live := *kept.Draft
		kept.Version++
		live.Stage, live.Version, live.UpdatedAt = StagePublished, kept.Version, tx.Now
		kept.Live, kept.Draft = &live, nil
		return live, configurations.Put(ctx, tx, kept)
	})
}

// Delete removes the draft and what is in force, so that the default holds again; [fault.ErrNotFound]
// if there is neither.
func (s Settings) Delete(ctx context.Context) error {
	return s.run.Update(ctx, func(tx *session.Tx) error {
		_, exists, err := configurations.Get(ctx, tx, configurationKey)
		if err == nil && !exists {
			err = fault.NotFound("configuration", tx.Scope().Workspace)
		}
		if err != nil {
			return err
		}
		return configurations.Delete(ctx, tx, configurationKey)
	})
}

func noDraft() error {
	return &fault.Error{Kind: fault.ErrNotFound, Field: "configuration", Reason: "has no draft"}
}
