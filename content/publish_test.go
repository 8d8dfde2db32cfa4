package content_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// fill creates boxes as drafts.
func (s *shelf) fill(t *testing.T, all ...box) {
	t.Helper()
	for _, b := range all {
		_, err := s.boxes.Create(t.Context(), b)
		require.NoError(t, err)
	}
}

// versions returns the newest published version of each box, 0 if it has none.
func (s *shelf) versions(t *testing.T, ids ...string) []int {
	t.Helper()
	var all []int
	for _, id := range ids {
		b, err := s.boxes.Get(t.Context(), id)
		require.NoError(t, err)
		all = append(all, b.Version)
	}
	return all
}

func TestCascadePublishesWhatADraftRefersTo(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	s.fill(t, newBox("all", "left", "right"), newBox("left", "common"), newBox("right", "common", "all"), newBox("common"), newBox("other"))
	_, err := s.boxes.Publish(ctx, "all")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, `holds[0]: names Box "left", which is not published`)
	require.ErrorContains(t, err, `holds[1]: names Box "right", which is not published`)
	require.Equal(t, []int{0, 0, 0, 0}, s.versions(t, "all", "left", "right", "common"))

	all, err := s.boxes.Publish(ctx, "all", content.Cascade)
	require.NoError(t, err)
	require.Equal(t, content.Published, all.Stage)
	require.Equal(t, []int{1, 1, 1, 1, 0}, s.versions(t, "all", "left", "right", "common", "other"))

	// What has nothing new stays as it is, and a draft that was published before is found again.
	for _, b := range []box{newBox("all", "left"), newBox("common", "other")} {
		_, err = s.boxes.Update(ctx, b)
		require.NoError(t, err)
	}
	_, err = s.boxes.Publish(ctx, "all", content.Cascade)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1, 1, 1, 0}, s.versions(t, "all", "left", "right", "common", "other"), "left has no draft")
	_, err = s.boxes.Publish(ctx, "common", content.Cascade)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1, 1, 2, 1}, s.versions(t, "all", "left", "right", "common", "other"))
}

func TestCascadePublishesAllOrNothing(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	s.fill(t, newBox("all", "left", "right"), newBox("left", "lost"), newBox("right", "old"), newBox("old"))
	_, err := s.boxes.Archive(ctx, "old")
	require.NoError(t, err)
	_, err = s.boxes.Publish(ctx, "all", content.Cascade)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, `Box/left.holds[0]: names Box "lost", which does not exist`)
	require.ErrorContains(t, err, `Box/right.holds[0]: names Box "old", which is not published`)
	require.Equal(t, []int{0, 0, 0, 0}, s.versions(t, "all", "left", "right", "old"))
	_, err = s.boxes.Publish(ctx, "all", "sideways")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "options: ")
}

// on returns the number of the version of an activity that somebody is on who began at a moment, and
// checks that there is one.
func (s *shelf) on(t require.TestingT, began time.Time) (number int) {
	require.NoError(t, s.run.View(s.ctx, func(tx *session.Tx) error {
		p, err := library.Load(s.ctx, tx)
		require.NoError(t, err)
		require.NoError(t, p.Recall(s.ctx, tx, content.Reference{Kind: "Activity", ID: "nope"}, content.Reference{Kind: "Activity", ID: "run"}))
		require.Zero(t, p.Since("Activity", "nope", began))
		number = p.Since("Activity", "run", began)
		if number == 0 {
			return nil
		}
		docs, err := library.Versions(s.ctx, tx, content.Pin{Kind: "Activity", ID: "run", Version: number})
		require.NoError(t, err)
		require.Equal(t, number, docs[0].Head().Version)
		require.Equal(t, fmt.Sprint("name ", number), docs[0].(*content.Activity).Name)
		return nil
	}))
	return number
}

// Who is in the middle of something stays on its version, until one is published to reopen it.
func TestWhoBeganStaysOnTheirVersion(t *testing.T) {
	for name, tt := range map[string]struct {
		reopens []bool // of the versions, of which one is published every hour
		want    []int  // for those who began before the first, between each two, after the last
	}{
		"never published": {nil, []int{0}},
		"published once":  {[]bool{false}, []int{1, 1}},
		"no reopening":    {[]bool{false, false, false}, []int{1, 1, 2, 3}},
		"one reopening":   {[]bool{false, false, true, false}, []int{3, 3, 3, 3, 4}},
		"reopened first":  {[]bool{true, false}, []int{1, 1, 2}},
		"reopened always": {[]bool{true, true, true}, []int{3, 3, 3, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			moments := []time.Time{s.now}
			for i, reopen := range tt.reopens {
				s.now = s.now.Add(time.Hour)
				s.publishRun(t, i+1, reopen)
				s.now = s.now.Add(time.Minute)
				moments = append(moments, s.now)
			}
			var got []int
			for _, began := range moments {
				got = append(got, s.on(t, began))
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// publishRun publishes the next version of an activity.
func (s *shelf) publishRun(t require.TestingT, number int, reopen bool) {
	a := activity("run", fmt.Sprint("name ", number))
	write := s.activities.Update
	if number == 1 {
		write = s.activities.Create
	}
	_, err := write(s.ctx, a)
	require.NoError(t, err)
	var options []content.PublishOption
	if reopen {
		options = append(options, content.Reopen)
	}
	published, err := s.activities.Publish(s.ctx, "run", options...)
	require.NoError(t, err)
	require.Equal(t, number, published.Version)
	v, err := s.activities.Version(s.ctx, "run", number)
	require.NoError(t, err)
	require.Equal(t, reopen, v.Reopen)
}

// Without reopening nobody's version ever changes; with it, it only ever becomes a newer one; who begins
// now is on what is in force.
func TestVersionsOfThoseWhoBegan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newShelf(t)
		began := map[time.Time]int{}
		for i, reopen := range rapid.SliceOfN(rapid.Bool(), 1, 8).Draw(rt, "reopens") {
			s.publishRun(rt, i+1, reopen)
			for moment, before := range began {
				now := s.on(rt, moment)
				if reopen {
					require.Equal(rt, i+1, now)
				} else {
					require.Equal(rt, before, now)
				}
				began[moment] = now
			}
			began[s.now] = i + 1
			require.Equal(rt, i+1, s.on(rt, s.now))
		}
	})
}

func TestArchivingDoesNotMoveThoseWhoBegan(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	first := s.now
	s.publishRun(t, 1, false)
	began := s.now
	s.publishRun(t, 2, false)
	_, err := s.activities.Archive(ctx, "run")
	require.NoError(t, err)
	require.Equal(t, 1, s.on(t, began))
	require.NoError(t, s.run.View(ctx, func(tx *session.Tx) error {
		run := content.Reference{Kind: "Activity", ID: "run"}
		for _, tt := range []struct {
			at   time.Time
			want int // who begins now is on it
		}{{first.Add(-time.Second), 0}, {began, 1}, {s.now, 2}} {
			p, err := library.LoadAt(ctx, tx, tt.at)
			require.NoError(t, err)
			require.NoError(t, p.Recall(ctx, tx, run))
			require.Equal(t, tt.want, p.Since("Activity", "run", s.now), "what is published later is not known yet")
		}
		p, err := library.Load(ctx, tx)
		require.NoError(t, err)
		require.Zero(t, p.Since("Activity", "run", began), "nobody has asked yet")
		for _, p := range []content.Pin{{Kind: "Activity", ID: "run", Version: 3}, {Kind: "Activity", ID: "swim", Version: 1}} {
			_, err = library.Versions(ctx, tx, p)
			require.ErrorIs(t, err, fault.ErrNotFound)
		}
		_, err = library.Versions(ctx, tx, content.Pin{Kind: "Nope", ID: "run", Version: 1})
		require.ErrorIs(t, err, fault.ErrInvalid)
		return nil
	}))
}
