package leaderboard_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/tenancy"
)

const members = 10_000

func crowd(b *testing.B) *world {
	w := newWorld(b)
	w.publish(b, configuration("points", points), board("a", "points", forever), board("b", "points", daily), board("c", "points", monthly))
	for i := range members {
		w.did(b, fmt.Sprintf("user-%d", i), start, strconv.Itoa(i%1000))
	}
	return w
}

// BenchmarkReact is an event that three boards count.
func BenchmarkReact(b *testing.B) {
	w := crowd(b)
	u := &tenancy.User{ID: "user-77"}
	b.ReportAllocs()
	require.NoError(b, w.run.Update(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			return err
		}
		o := mechanic.New(&event.Event{ID: "e", Type: event.Activity, UserID: u.ID, At: start, Value: new(decimal.NewFromInt(1))}, u)
		for b.Loop() {
			o.Event.At = o.Event.At.Add(time.Microsecond)
			if _, err := p.React(w.ctx, tx, o); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkRank asks for somebody's rank in the middle of a board.
func BenchmarkRank(b *testing.B) {
	w := crowd(b)
	for name, s := range map[string]leaderboard.Service{"index": w.Service, "store": w.Stored} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := s.Rank(w.ctx, "a", "user-4711", nil)
				require.NoError(b, err)
			}
		})
	}
}
