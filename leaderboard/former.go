package leaderboard

import (
	"context"
	"encoding/json"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// heritage moves what was kept before users were folds. Openings, which say whose the scores are, come before.
func heritage() []mechanic.Former {
	return []mechanic.Former{
		{Table: scores.Schema().Name, Move: moveScore},
		{Table: parts.Schema().Name, Move: movePart},
	}
}

// moveScore keeps a score, hidden if it is that of a user who takes no part.
func moveScore(ctx context.Context, tx *session.Tx, record []byte, _ mechanic.Told) error {
	var s score
	if err := json.Unmarshal(record, &s); err != nil {
		return err
	}
	o, _, err := openings.Get(ctx, tx, s.BoardID)
	if err != nil {
		return err
	}
	if o.Query.EntityID == (Entity{}) {
		away, err := tenancy.Away(ctx, tx, s.EntityID)
		if err != nil {
			return err
		}
		s.Hidden = away[s.EntityID] != ""
	}
	return scores.Put(ctx, tx, s)
}

// movePart keeps a contribution where contributions are kept: with the score of a tag.
func movePart(ctx context.Context, tx *session.Tx, record []byte, _ mechanic.Told) error {
	var p part
	if err := json.Unmarshal(record, &p); err != nil {
		return err
	}
	s, _, err := scores.Get(ctx, tx, p.Of)
	if err != nil {
		return err
	}
	o, _, err := openings.Get(ctx, tx, s.BoardID)
	if err != nil || o.Query.EntityID == (Entity{}) {
		return err
	}
	return parts.Put(ctx, tx, p)
}
