package missions

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// heritage moves what was kept before users were folds. Missions come before their contributions.
func heritage() []mechanic.Former {
	return []mechanic.Former{
		{Table: missionTable.Schema().Name, Move: moveMission},
		{Table: logTable.Schema().Name, Move: moveLog},
		{Table: evaluationTable.Schema().Name, Move: moveEvaluation},
	}
}

func moveMission(ctx context.Context, tx *session.Tx, record []byte, _ mechanic.Told) error {
	var f struct {
		Mission

		CompletedBy string   `json:"completedBy"`
		Last        struct{} `json:"last"` // which its contributions say
	}
	if err := json.Unmarshal(record, &f); err != nil {
		return err
	}
	m := f.Mission
	if m.IsCompleted {
		m.Completer = Completer{UserID: f.CompletedBy, Reached: m.CurrentAmount}
	}
	return missionTable.Put(ctx, tx, m)
}

// moveLog keeps a contribution where contributions are kept. It has no place: its step is settled.
func moveLog(ctx context.Context, tx *session.Tx, record []byte, told mechanic.Told) error {
	var f struct {
		Log

		Left json.RawMessage `json:"left"` // of one that counts no more
	}
	if err := json.Unmarshal(record, &f); err != nil || f.Left != nil {
		return err
	}
	l := f.Log
	m, found, err := missionTable.Get(ctx, tx, l.MissionID)
	if err != nil || !found || !m.keeps() {
		return err
	}
	o, err := told(ctx, tx, l.Seq, l.EventID)
	if err != nil {
		return err
	}
	if l.Order = l.EventID; o != nil {
		l.Order = orderOf(o)
	}
	if here := (position{l.At, l.Order}); here.after(m.Last) {
		m.Last = here
		err = missionTable.Put(ctx, tx, m)
	}
	return errors.Join(err, logTable.Put(ctx, tx, l))
}

// unknown is the member because of whom a rule was evaluated for a group, where nobody knows. No user has this id.
const unknown = ":"

// moveEvaluation keeps one of a group as that for the member who was the first in all time: what it assigned stays.
func moveEvaluation(ctx context.Context, tx *session.Tx, record []byte, told mechanic.Told) error {
	var e mechanic.Evaluation
	if err := json.Unmarshal(record, &e); err != nil {
		return err
	}
	if strings.HasPrefix(e.Owner, groupPrefix) {
		o, err := told(ctx, tx, e.Seq, e.EventID)
		if err != nil {
			return err
		}
		if e.Member = unknown; o != nil {
			e.Member = o.Event.UserID
		}
	}
	return evaluationTable.Put(ctx, tx, e)
}
