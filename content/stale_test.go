package content_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

// An author who writes back what was read is refused if somebody else has changed it, and told what differs.
func TestStaleUpdatesAreRefused(t *testing.T) {
	t.Parallel()
	type act func(*testing.T, *shelf)
	get := func(t *testing.T, s *shelf) content.Activity {
		t.Helper()
		a, err := s.activities.Get(s.ctx, "run")
		require.NoError(t, err)
		return a
	}
	publish := func(t *testing.T, s *shelf) {
		t.Helper()
		_, err := s.activities.Publish(s.ctx, "run")
		require.NoError(t, err)
	}
	rename := func(name string) act {
		return func(t *testing.T, s *shelf) {
			t.Helper()
			a := get(t, s)
			a.Name = name
			_, err := s.activities.Update(s.ctx, a)
			require.NoError(t, err)
		}
	}
	live := func(t *testing.T, s *shelf) content.Activity {
		t.Helper()
		all, err := s.activities.Live(s.ctx, "run")
		require.NoError(t, err)
		return all["run"]
	}
	version := func(number int) func(*testing.T, *shelf) content.Activity {
		return func(t *testing.T, s *shelf) content.Activity {
			t.Helper()
			v, err := s.activities.Version(s.ctx, "run", number)
			require.NoError(t, err)
			return v.Document
		}
	}
	rest := func(t *testing.T, s *shelf) {
		t.Helper()
		_, err := s.activities.Archive(s.ctx, "run")
		require.NoError(t, err)
		_, err = s.activities.Unarchive(s.ctx, "run")
		require.NoError(t, err)
	}
	all := func(acts ...act) act {
		return func(t *testing.T, s *shelf) {
			t.Helper()
			for _, do := range acts {
				do(t, s)
			}
		}
	}
	clock := func(step time.Duration) act { return func(_ *testing.T, s *shelf) { s.step = step } }
	nothing := all()
	translate := func(a *content.Activity) {
		a.Translations = append(a.Translations, content.Label{Lang: "it", Label: "Corri"})
	}
	for name, tt := range map[string]struct {
		before    act                                       // after a draft "Run" was made
		read      func(*testing.T, *shelf) content.Activity // nil: get
		meanwhile act
		mine      func(*content.Activity)
		want      []string // the fields, nil if the update is made
	}{
		"nothing happened to a draft":            {nothing, nil, nothing, translate, nil},
		"nothing happened to what is published":  {publish, nil, nothing, translate, nil},
		"another draft of a draft":               {nothing, nil, rename("Jog"), translate, []string{"name", "translations"}},
		"another draft of what is published":     {publish, nil, rename("Jog"), translate, []string{"name"}},
		"another version":                        {publish, nil, all(rename("Jog"), publish), translate, []string{"name"}},
		"several versions":                       {publish, nil, all(rename("Jog"), publish, rename("Trot"), publish), translate, []string{"name"}},
		"a draft that was published":             {nothing, nil, publish, translate, nil},
		"a draft that was published and changed": {nothing, nil, all(publish, rename("Jog")), translate, []string{"name", "translations"}},
		"there and back":                         {publish, nil, all(rename("Jog"), rename("Run")), translate, nil},
		"the same change":                        {nothing, nil, rename("Jog"), func(a *content.Activity) { a.Name = "Jog" }, nil},
		"the same change of what is published":   {publish, nil, rename("Jog"), func(a *content.Activity) { a.Name = "Jog" }, nil},
		"one who does not say what was read":     {publish, nil, rename("Jog"), func(a *content.Activity) { a.UpdatedAt = time.Time{} }, nil},
		"archived and taken back":                {publish, nil, rest, translate, nil},
		"archived, taken back and changed":       {publish, nil, all(rest, rename("Jog")), translate, []string{"name"}},
		"what is in force":                       {publish, live, nothing, translate, nil},
		"what is in force beside a draft":        {all(publish, rename("Jog")), live, nothing, translate, []string{"name"}},
		"what was in force":                      {all(publish, rename("Jog"), publish), version(1), nothing, translate, []string{"name"}},
		"the version in force":                   {all(publish, rename("Jog"), publish), version(2), nothing, translate, nil},
		"a draft at the same moment":             {clock(0), nil, rename("Jog"), translate, []string{"name", "translations"}},
		"nothing, all at the same moment":        {all(clock(0), rename("Jog"), publish), live, nothing, translate, nil},
		"a version at the same moment":           {all(clock(0), publish), nil, all(rename("Jog"), publish), translate, []string{"name"}},
		"a draft after the clock has gone back":  {nothing, nil, all(clock(-time.Minute), rename("Jog")), translate, []string{"name", "translations"}},
		"in force since the clock has gone back": {all(clock(-time.Minute), publish), live, rename("Jog"), translate, []string{"name"}},
		"taken back after the clock went back":   {publish, nil, all(clock(-time.Minute), rename("Jog"), rest), translate, []string{"name"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			_, err := s.activities.Create(s.ctx, activity("run", "Run"))
			require.NoError(t, err)
			tt.before(t, s)
			read := get
			if tt.read != nil {
				read = tt.read
			}
			mine := read(t, s)
			tt.meanwhile(t, s)
			tt.mine(&mine)
			before := get(t, s)
			unchanged := s.activities.Unchanged(s.ctx, mine)
			_, err = s.activities.Update(s.ctx, mine)
			require.Equal(t, err, unchanged, "one can ask without doing it")
			if tt.want == nil {
				require.NoError(t, err)
				after := get(t, s)
				require.Equal(t, mine.Name, after.Name)
				require.Equal(t, mine.Translations, after.Translations)
				require.True(t, after.UpdatedAt.After(before.UpdatedAt), "each draft has a moment of its own")
				return
			}
			require.ErrorIs(t, err, fault.ErrConflict)
			stale, is := errors.AsType[*content.StaleError](err)
			require.True(t, is)
			require.Equal(t, tt.want, stale.Fields)
			require.Equal(t, content.StaleError{
				Kind: "Activity", ID: "run", At: stale.At, By: content.Actor{Type: content.BySystem}, Fields: tt.want,
			}, *stale)
			require.ErrorContains(t, err, `Activity "run" has changed since it was read, by system at 2025-09-03T`)
			require.Equal(t, before, get(t, s), "nothing has changed")
			mine.UpdatedAt = time.Time{}
			_, err = s.activities.Update(s.ctx, mine)
			require.NoError(t, err, "one may insist")
		})
	}
}

// Whoever publishes or archives what was read asks in the same transaction whether it is still that.
func TestUnchangedOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	require.ErrorIs(t, s.activities.Unchanged(s.ctx, activity("run", "Run")), fault.ErrNotFound)
}
