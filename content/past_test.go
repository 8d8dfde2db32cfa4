package content_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// A document that is archived is out of use until it is published again, and the past does not forget.
func TestPastKnowsWhenADocumentRested(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	var want []string // what was in force after each step
	var moments []time.Time
	step := func(inForce string, err error) {
		t.Helper()
		require.NoError(t, err)
		want, moments = append(want, inForce), append(moments, s.now)
		s.now = s.now.Add(time.Hour)
	}
	_, err := s.activities.Create(ctx, activity("run", "One"))
	step("", err)
	_, err = s.activities.Publish(ctx, "run")
	step("One", err)
	_, err = s.activities.Update(ctx, activity("run", "Two"))
	step("One", err)
	_, err = s.activities.Archive(ctx, "run")
	step("", err)
	_, err = s.activities.Unarchive(ctx, "run")
	step("", err)
	_, err = s.activities.Publish(ctx, "run")
	step("Two", err)
	_, err = s.activities.Archive(ctx, "run")
	step("", err)
	_, err = s.activities.Unarchive(ctx, "run")
	step("", err)
	_, err = s.activities.Archive(ctx, "run")
	step("", err)

	for i, moment := range moments {
		for _, at := range []time.Time{moment, moment.Add(time.Minute)} {
			require.Equal(t, want[i], s.nameAt(t, at), "step %d", i)
		}
	}
	require.NoError(t, s.run.View(ctx, func(tx *session.Tx) error {
		_, err := library.InForce(ctx, tx, "Activity", "swim", s.now)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = library.InForce(ctx, tx, "Nope", "run", s.now)
		require.ErrorIs(t, err, fault.ErrInvalid)
		return nil
	}))
}

// nameAt returns the name of the activity that was in force at a moment, "" if none was.
func (s *shelf) nameAt(t *testing.T, at time.Time) (name string) {
	t.Helper()
	require.NoError(t, s.run.View(t.Context(), func(tx *session.Tx) error {
		doc, err := library.InForce(t.Context(), tx, "Activity", "run", at)
		require.NoError(t, err)
		program, err := library.LoadAt(t.Context(), tx, at)
		require.NoError(t, err)
		a := content.Find(program, content.Activities, "run")
		require.Equal(t, doc == nil, a == nil)
		if a != nil {
			require.Equal(t, doc, content.Document(a))
			name = a.Name
		}
		return nil
	}))
	return name
}
