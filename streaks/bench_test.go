package streaks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

func BenchmarkReact(b *testing.B) {
	for _, bb := range []struct {
		name string
		step time.Duration
	}{{"same day", 0}, {"next day", 24 * time.Hour}} {
		b.Run(bb.name, func(b *testing.B) {
			w := newWorld(b)
			rule := daily()
			rule.GoalTargets = []int{7, 30, 365}
			w.publish(rule)
			u := &tenancy.User{ID: "ann", Timezone: "Europe/Rome"}
			e := event.Event{ID: "e", Type: event.Activity, EntityID: "read", UserID: "ann", At: utc("1900-01-01T12:00:00Z")}
			o := mechanic.New(&e, u)
			require.NoError(b, w.run.Update(w.ctx, func(tx *session.Tx) error {
				p, err := w.program(w.ctx, tx)
				if err != nil {
					return err
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.React(w.ctx, tx, o); err != nil {
						return err
					}
					tx.Caused()
					e.At = e.At.Add(bb.step)
				}
				return nil
			}))
		})
	}
}

func BenchmarkCurrent(b *testing.B) {
	w := newWorld(b)
	w.publish(daily())
	w.user("ann", "Europe/Rome")
	for d := date("2015-01-01"); d < date("2025-01-01"); d++ {
		w.act("ann", d.Start(time.UTC))
	}
	b.ReportAllocs()
	for b.Loop() {
		w.current("ann", "daily")
	}
}
