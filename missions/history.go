package missions

import (
	"context"
	"errors"
	"fmt"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A history is what rows of groups were before something turned out to have happened otherwise, for who explains what was
// known then. Rows that are only added need none: they have the numbers of their entries.
type history[T any] struct {
	rows   *store.Table[T]
	before *store.Table[former[T]]
}

// A former is what a row was until an entry of the journal.
type former[T any] struct {
	Key   string `json:"key"`
	Until int64  `json:"until"`
	Row   *T     `json:"row,omitempty"` // nil for none
}

// The histories of what groups have.
var (
	evaluationHistory = newHistory("mission_evaluations_before", evaluationTable)
	logHistory        = newHistory("mission_logs_before", logTable)
	missionHistory    = newHistory("missions_before", missionTable)
)

func newHistory[T any](name string, rows *store.Table[T]) history[T] {
	key := func(f *former[T]) string { return fmt.Sprintf("%s/%020d", f.Key, f.Until) }
	return history[T]{rows, store.Define(name, key, nil).Packed().Version(rows.Schema().Version)}
}

// keep keeps what a row was, nil for none, before the present entry has changed it.
func (h history[T]) keep(ctx context.Context, tx *session.Tx, key string, was *T) error {
	f := former[T]{key, tx.Seq, was}
	_, kept, err := h.before.Get(ctx, tx, h.before.Row(f).Key)
	if err != nil || kept { // what it was before the entry counts
		return err
	}
	return h.before.Put(ctx, tx, f)
}

// put changes a row, nil for none, and keeps what it was.
func (h history[T]) put(ctx context.Context, tx *session.Tx, key string, now *T) error {
	was, known, err := h.rows.Get(ctx, tx, key)
	if err != nil {
		return err
	}
	if err := h.keep(ctx, tx, key, there(was, known)); err != nil {
		return err
	}
	return h.set(ctx, tx, key, now)
}

func (h history[T]) set(ctx context.Context, tx *session.Tx, key string, now *T) error {
	if now == nil {
		return h.rows.Delete(ctx, tx, key)
	}
	return h.rows.Put(ctx, tx, *now)
}

// rewind brings the rows whose keys have a prefix, but for a user's own (nil for nobody's), to what they were before the entry that
// is being made once more, and tells whether there are any.
func (h history[T]) rewind(ctx context.Context, tx *session.Tx, prefix string, own func(key string) bool) (found bool, err error) {
	all, err := h.before.List(ctx, tx, store.Prefix(prefix))
	if err != nil {
		return false, err
	}
	done := ""
	for i := range all {
		f := &all[i]
		if f.Key == done || f.Until < tx.Seq || own != nil && own(f.Key) {
			continue
		}
		done, found = f.Key, true
		err = errors.Join(err, h.set(ctx, tx, f.Key, f.Row))
	}
	return found, err
}

// there returns a row, nil if there is none.
func there[T any](row T, known bool) *T {
	if !known {
		return nil
	}
	return &row
}

// keepEvaluations keeps what the evaluations of rules for members of groups were.
func keepEvaluations(ctx context.Context, tx *session.Tx, rows []mechanic.Difference) error {
	for _, d := range rows {
		was, known := d.Was.(mechanic.Evaluation)
		now, _ := d.Now.(mechanic.Evaluation)
		if was.Member == "" && now.Member == "" {
			continue
		}
		if err := evaluationHistory.keep(ctx, tx, d.Key, there(was, known)); err != nil {
			return err
		}
	}
	return nil
}
