package streaks

import (
	"context"
	"encoding/json"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// heritage moves what was kept before users were folds. Days come before streaks.
func heritage() []mechanic.Former {
	return []mechanic.Former{
		{Table: dayTable.Schema().Name, Move: moveDay},
		{Table: stateTable.Schema().Name, Move: moveState},
	}
}

// moveDay keeps a day, unless nobody acted on it after all.
func moveDay(ctx context.Context, tx *session.Tx, record []byte, _ mechanic.Told) error {
	var d dayRow
	if err := json.Unmarshal(record, &d); err != nil {
		return err
	}
	if d.Kind == Regular {
		if len(d.Moments) == 0 {
			return nil
		}
		d.day = d.firsts()
	}
	return dayTable.Put(ctx, tx, d)
}

// firsts returns an active day with the first moment of those that it has in each zone.
func (d day) firsts() day {
	first := day{Day: d.Day, Told: d.Told}
	for _, m := range d.Moments {
		first, _ = first.with(m)
	}
	return first
}

// moveState keeps a streak with what it was without the frozen periods at its end.
func moveState(ctx context.Context, tx *session.Tx, record []byte, _ mechanic.Told) error {
	var s state
	if err := json.Unmarshal(record, &s); err != nil {
		return err
	}
	if s.Last != nil && s.Last.Kind == Regular {
		last := s.Last.firsts()
		s.Last = &last
	}
	if s.Frozen > 0 {
		days, err := listDays(ctx, tx, s.UserID, s.RuleID)
		if err != nil {
			return err
		}
		f, awake := fold{Terms: s.Terms}, fold{}
		for _, d := range days {
			if f.Frozen == 0 {
				awake = f
			}
			if _, err := f.add(d, tx.Zones); err != nil {
				return err
			}
		}
		s.Awake = &awake
	}
	return stateTable.Put(ctx, tx, s)
}
