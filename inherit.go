package guerdon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// formerTables are those that were kept before users were folds, in the order in which their rows are moved: behind those that
// they speak of.
var formerTables = []string{
	"accounts", "principals", "workspaces", "workspace_configurations", "users", "user_history", "user_tags",
	"tag_assignments", "media", "media_wastes", "documents", "document_links", "document_versions", "programs",
	"journal", "heads", "problems",
	"missions", "mission_logs", "mission_evaluations", "mission_pushes", "streak_days", "streaks",
	"transactions", "balances", "reward_tallies",
	"leaderboards", "leaderboards_before", "leaderboard_scores", "leaderboard_values", "leaderboard_parts",
	"learning_logs", "learning_path_assignments", "learning_path_evaluations", "learning_path_pushes", "learning_stats",
}

// prepare prepares the store, and takes over what was kept before users were folds.
func (e *Engine) prepare(ctx context.Context) error {
	all := append(tables(e.wings), e.hosts...)
	err := e.store.Prepare(ctx, all...)
	heir, able := e.store.(store.Heir)
	if _, older := errors.AsType[*store.OlderError](err); !older || !able {
		return err
	}
	into := map[string]*store.Schema{}
	for _, t := range all {
		into[t.Name] = t
	}
	former := append(content.Heritage(), mechanic.Former{Table: journal.Schema().Name, Move: moveEntry})
	for _, w := range e.wings {
		former = append(former, w.former...)
	}
	moves := map[string]mechanic.Move{}
	for _, f := range former {
		moves[f.Table] = f.Move
	}
	return heir.Inherit(ctx, all, formerTables, func(ctx context.Context, tx store.Tx, table string, rows []store.Former) error {
		own := e.session(tx)
		own.Tx = tx // no step of a fold
		if tx.Scope().Workspace != "" {
			if _, err := content.Settle(ctx, tx, own.Now); err != nil {
				return err
			}
		}
		for i := range rows {
			var err error
			if move := moves[table]; move != nil {
				err = move(ctx, own, rows[i].Record, told)
			} else {
				err = copyRow(ctx, tx, into[table], rows[i].Record)
			}
			if err != nil {
				return fmt.Errorf("row %q of table %q of %s: %w", rows[i].Key, table, tx.Scope(), err)
			}
		}
		e.logger().LogAttrs(ctx, slog.LevelInfo, "guerdon: taking over what an earlier version kept",
			slog.String("table", table), slog.String("scope", tx.Scope().String()), slog.Int("rows", len(rows)))
		return nil
	})
}

// copyRow writes a record that is kept as it was.
func copyRow(ctx context.Context, tx store.Tx, into *store.Schema, record []byte) error {
	row, err := into.ParseJSON(record)
	if err != nil {
		return err
	}
	return tx.Put(ctx, into, row)
}

// moveEntry keeps an entry of the journal, and its step, which has nothing with which to go back. Of an event that moved
// in time, which there was before, what was told first counts.
func moveEntry(ctx context.Context, tx *session.Tx, record []byte, _ mechanic.Told) error {
	var entry Entry
	var also struct {
		Caused []struct {
			MovedFrom time.Time `json:"movedFrom"`
		} `json:"caused"`
	}
	if err := errors.Join(json.Unmarshal(record, &entry), json.Unmarshal(record, &also)); err != nil {
		return err
	}
	if err := journal.Put(ctx, tx, entry); err != nil || entry.Event.UserID == "" {
		return err
	}
	s, err := settledStep(ctx, tx, &entry)
	if err != nil {
		return err
	}
	events := []event.Event{entry.Event}
	for i := range also.Caused {
		if also.Caused[i].MovedFrom.IsZero() {
			events = append(events, entry.Caused[i])
		}
	}
	if len(events) < 1+len(entry.Caused) {
		s.Events = events
	}
	return steps.Put(ctx, tx, s)
}

// settledStep returns the step of an entry that was kept before users were folds. Whatever its time, it is behind nothing that
// is not settled.
func settledStep(ctx context.Context, tx *session.Tx, entry *Entry) (step, error) {
	settled, err := content.Settle(ctx, tx, tx.Now)
	if err != nil {
		return step{}, err
	}
	s := step{UserID: entry.Event.UserID, RecordedAt: entry.RecordedAt, Seq: entry.Outcome.Seq, EventID: entry.Event.ID}
	s.At, s.Rank = entry.Event.At, inside(s.Seq)
	if !s.At.Before(settled) {
		s.At = settled.Add(-time.Microsecond)
	}
	if entry.Event.Type == event.Activity && !entry.Event.At.Equal(entry.RecordedAt) {
		s.Rank = outside(entry.Event.ID)
	}
	return s, nil
}

// told implements [mechanic.Told].
func told(ctx context.Context, tx *session.Tx, seq int64, eventID string) (*mechanic.Occasion, error) {
	found, err := journal.List(ctx, tx, store.By("seq", store.Int(seq)))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	events := found[0].events()
	i := slices.IndexFunc(events, func(ev event.Event) bool { return ev.ID == eventID })
	if i < 0 {
		return nil, nil
	}
	s, err := settledStep(ctx, tx, &found[0])
	return &mechanic.Occasion{Event: &events[i], Place: s.key(), Nth: i}, err
}
