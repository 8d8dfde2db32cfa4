package analytics_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// learns lets a user do something with what there is to learn.
func (w *world) learns(t *rapid.T, id string) {
	ctx := t.Context()
	_, err := w.Learning.Evaluate(ctx, id)
	require.NoError(t, err)
	who := learning.Submission{UserID: id}
	if back := rapid.SampledFrom([]int{0, 0, 0, 1, 2, 30}).Draw(t, "days ago"); back > 0 {
		who.At = w.clock().AddDate(0, 0, -back)
	}
	if rapid.IntRange(0, 3).Draw(t, "parent") == 0 {
		who.Parent = content.Parent{ParentID: rapid.SampledFrom([]string{"course", "more"}).Draw(t, "of"), ParentType: content.ParentType(learning.ItemPath)}
	}
	switch what := rapid.SampledFrom([]string{"q", "hard", "often", "often", "s", "s"}).Draw(t, "item"); what {
	case "s":
		to := rapid.SampledFrom([]learning.Progress{learning.Start, learning.InProgress, learning.Complete}).Draw(t, "progress")
		_, err = w.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who, SlideID: what, Progress: to})
	default:
		answer := rapid.SampledFrom([]content.Option{content.Option1, content.Option1, content.Option2}).Draw(t, "answer")
		_, err = w.Learning.SubmitQuiz(ctx, learning.QuizSubmission{
			Submission: who, QuizID: what, Answer: answer, Attempt: rapid.IntRange(0, 3).Draw(t, "attempt"),
		})
	}
	if err != nil { // it was answered, or is no item of the parent, or that is not assigned
		var wrong *fault.Error
		require.ErrorAs(t, err, &wrong)
	}
}

// triesAgain lets somebody answer once more.
func (w *world) triesAgain(t *rapid.T) {
	var last []event.Event
	for _, e := range w.journal(t) {
		if e.Correction == nil && e.Event.Type == event.Quiz && e.Event.EntityID == "often" {
			last = append(last, e.Event)
		}
	}
	if len(last) == 0 {
		return
	}
	e := rapid.SampledFrom(last).Draw(t, "answer before")
	l, err := w.Learning.QuizLog(t.Context(), e.UserID, "often", learning.DefaultContext)
	if err != nil {
		require.ErrorIs(t, err, fault.ErrNotFound) // it was taken back
		return
	}
	_, err = w.Learning.SubmitQuiz(t.Context(), learning.QuizSubmission{
		Submission: learning.Submission{UserID: e.UserID, At: w.clock().AddDate(0, 0, -rapid.SampledFrom([]int{0, 1, 2, 30}).Draw(t, "days ago"))},
		QuizID:     "often", Attempt: len(l.Attempts) + 1, Answer: rapid.SampledFrom([]content.Option{content.Option1, content.Option2}).Draw(t, "answer"),
	})
	if err != nil { // it was right, or nothing is left, or somebody is gone
		var wrong *fault.Error
		require.ErrorAs(t, err, &wrong)
	}
}

// takesBack takes back something that was submitted, or awarded.
func (w *world) takesBack(t *rapid.T) {
	var ids []string
	for _, e := range w.journal(t) {
		if e.Correction == nil && (e.Event.Type == event.Quiz || e.Event.Type == event.Slide || e.Event.Type == event.Badge) {
			ids = append(ids, e.Event.ID)
		}
	}
	if len(ids) == 0 {
		return
	}
	if _, err := w.Retract(t.Context(), rapid.SampledFrom(ids).Draw(t, "submission"), guerdon.Correction{Reason: "it was not so"}); err != nil {
		require.ErrorIs(t, err, fault.ErrConflict) // of somebody who is gone
	}
}

// regrades publishes another key to a quiz, and perhaps another answer that counts, and judges all answers anew.
func (w *world) regrades(t *rapid.T) {
	ctx := t.Context()
	quiz, err := w.Quizzes.Get(ctx, rapid.SampledFrom([]string{"q", "often", "often"}).Draw(t, "quiz"))
	require.NoError(t, err)
	quiz.CorrectAnswer = rapid.SampledFrom([]content.Option{content.Option1, content.Option2}).Draw(t, "key")
	quiz.Difficulty = rapid.SampledFrom([]content.Difficulty{content.Easy, content.Hard}).Draw(t, "difficulty")
	if quiz.MaxAttempts > 1 {
		quiz.CountedAttempt = rapid.SampledFrom([]content.CountedAttempt{content.BestAttempt, content.LastAttempt}).Draw(t, "counted")
	}
	bundle, err := guerdon.Bundle(&quiz)
	require.NoError(t, err)
	_, err = w.Import(ctx, bundle)
	require.NoError(t, err)
	if rapid.Bool().Draw(t, "regraded") {
		_, err = w.Regrade(ctx, quiz.ID, guerdon.Correction{Reason: "the key was wrong"})
		require.NoError(t, err)
	}
}

// lesson is what a journal says at last of somebody's log.
type lesson struct {
	learning.Change

	started   timeframe.Day
	completed *timeframe.Day
}

func (l *lesson) path(id string) bool {
	return l.ItemType == learning.ItemPath && (id == "" || l.ItemID == id)
}

// lessons returns the logs by user, context, type and id.
func lessons(entries []guerdon.Entry, zone *time.Location) map[string]*lesson {
	all := map[string]*lesson{}
	order := []learning.Progress{learning.Start, learning.InProgress, learning.Complete}
	for _, e := range entries {
		for _, c := range e.Outcome.Learning {
			key := strings.Join([]string{c.UserID, c.Context, string(c.ItemType), c.ItemID}, "/")
			l := all[key]
			switch {
			case c.AssignmentID != "" || c.Progress == "":
				continue
			case c.Gone:
				delete(all, key)
				continue
			case l == nil:
				l = &lesson{}
				all[key] = l
			case !c.Undone && slices.Index(order, c.Progress) < slices.Index(order, l.Progress):
				continue // a late event moved it first, and it has moved on since
			}
			l.Change, l.started, l.completed = c, timeframe.DayOf(c.StartedAt, zone), nil
			if c.Progress == learning.Complete {
				l.completed = new(timeframe.DayOf(c.CompletedAt, zone))
			}
		}
	}
	return all
}

// stood returns how far a learner is with the items of a path, and the last that is begun.
func stood(all map[string]*lesson, path *lesson, items []learning.Item) (done []*lesson, at string) {
	for _, i := range items {
		l := all[strings.Join([]string{path.UserID, path.Context, string(i.ItemType), i.ItemID}, "/")]
		if l != nil && (l.ParentID == "" || l.ParentID == path.ItemID) {
			done, at = append(done, l), i.ItemID
		}
	}
	if path.Progress == learning.Complete {
		at = ""
	}
	return done, at
}

// set counts users once.
type set map[string]bool

func (s set) len() int64 { return int64(len(s)) }

func rate(share, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(float64(share)/float64(whole)*10_000) / 100
}

func (w *world) compareLearning(
	t tester, r analytics.Reader, n *naive, entries []guerdon.Entry, zone *time.Location, in analytics.Range, limit int,
) {
	t.Helper()
	ctx, all, shown := t.Context(), lessons(entries, zone), n.shown()
	within := func(d timeframe.Day) bool { return in.From <= d && d <= in.To }
	items := map[string][]learning.Item{}
	for _, id := range []string{"course", "weekly", "more"} {
		path, err := w.Learning.Paths.Get(ctx, id)
		require.NoError(t, err)
		items[id] = path.Items
	}
	var want analytics.Learning
	began, completed, groups := set{}, set{}, set{}
	progress := map[string]map[learning.Progress]*analytics.ProgressCount{"path": {}, "group": {}}
	seen := map[string]set{}
	paths := map[string]*analytics.PathCompletion{}
	tag := analytics.TopicCount{TagID: "skill", Namespace: "topic", Topic: "skill"}
	tagBegan, tagDone, tagPaths := set{}, set{}, set{}
	var slides analytics.Content
	sliders, answerers := set{}, set{}
	attempts, right := map[string]int64{}, map[string]int64{}
	everBegan, everDone := set{}, set{}
	everAttempts, everRight := int64(0), int64(0)
	for key, l := range all {
		w.compareLog(t, l, shown, all, items)
		if l.path("") {
			everBegan[l.UserID] = true
			for range l.Tags {
				tagPaths[l.ItemID] = true
			}
			if l.Progress == learning.Complete {
				everDone[l.UserID] = true
			}
		}
		if l.ItemType == learning.ItemQuiz {
			everAttempts++
			if l.Outcome == event.Success {
				everRight++
			}
		}
		if !within(l.started) {
			continue
		}
		kind := map[learning.ItemType]string{learning.ItemPath: "path", learning.ItemGroup: "group"}[l.ItemType]
		switch l.ItemType {
		case learning.ItemPath, learning.ItemGroup:
			p := progress[kind][l.Progress]
			if p == nil {
				p = &analytics.ProgressCount{Progress: l.Progress}
				progress[kind][l.Progress] = p
			}
			if seen[kind+string(l.Progress)] == nil {
				seen[kind+string(l.Progress)] = set{}
			}
			seen[kind+string(l.Progress)][l.UserID] = true
			p.Count++
			p.Users = seen[kind+string(l.Progress)].len()
		case learning.ItemSlide:
			slides.SlidesStarted++
			sliders[l.UserID] = true
			if l.Progress == learning.Complete {
				slides.SlidesCompleted++
			}
		case learning.ItemQuiz:
			answerers[l.UserID] = true
			for _, of := range []string{"", string(l.Difficulty)} {
				attempts[of]++
				if l.Outcome == event.Success {
					right[of]++
				}
			}
		default:
			require.Equal(t, learning.ItemActivity, l.ItemType, key)
		}
		if kind == "group" {
			groups[l.UserID] = true
		}
		if !l.path("") {
			continue
		}
		began[l.UserID] = true
		if paths[l.ItemID] == nil {
			paths[l.ItemID] = &analytics.PathCompletion{PathID: l.ItemID}
		}
		paths[l.ItemID].Started++
		if len(l.Tags) > 0 {
			tagBegan[l.UserID] = true
		}
		if l.Progress == learning.Complete {
			completed[l.UserID] = true
			paths[l.ItemID].Completed++
			if len(l.Tags) > 0 {
				tagDone[l.UserID] = true
			}
		}
	}
	got, err := r.Learning(ctx, in)
	require.NoError(t, err)
	want.AsOf, want.TotalLearners, want.CompletedAtLeastOne = got.AsOf, began.len(), completed.len()
	want.CompletionRate = rate(completed.len(), began.len())
	for _, p := range []learning.Progress{learning.Start, learning.InProgress, learning.Complete} {
		or := func(c *analytics.ProgressCount) analytics.ProgressCount {
			if c == nil {
				return analytics.ProgressCount{Progress: p}
			}
			return *c
		}
		want.PathProgress = append(want.PathProgress, or(progress["path"][p]))
		want.GroupProgress = append(want.GroupProgress, or(progress["group"][p]))
	}
	want.PathCompletion = []analytics.PathCompletion{}
	for _, id := range slices.Sorted(maps.Keys(paths)) {
		paths[id].CompletionRate = rate(paths[id].Completed, paths[id].Started)
		want.PathCompletion = append(want.PathCompletion, *paths[id])
	}
	want.Funnel = analytics.Funnel{StartedPath: began.len(), ReachedGroup: groups.len(), CompletedPath: completed.len()}
	want.ByTopic = []analytics.TopicCount{}
	if len(tagBegan) > 0 {
		tag.TotalPaths, tag.TotalUsers, tag.CompletedUsers, tag.CompletionRate = tagPaths.len(), tagBegan.len(), tagDone.len(), rate(tagDone.len(), tagBegan.len())
		want.ByTopic = append(want.ByTopic, tag)
	}
	sessions, by := map[timeframe.Day]int64{}, map[timeframe.Day]set{}
	for _, e := range corrected(entries) {
		if on := timeframe.DayOf(e.Event.At, zone); e.Event.Type == event.Quiz || e.Event.Type == event.Slide {
			if sessions[on]++; by[on] == nil {
				by[on] = set{}
			}
			by[on][e.Event.UserID] = true
		}
	}
	for on := in.From; on <= in.To; on++ {
		want.ActivityOverTime = append(want.ActivityOverTime, analytics.DayOfLearning{Day: on, Sessions: sessions[on], Users: by[on].len()})
	}
	require.Equal(t, want, got)

	content, err := r.Content(ctx, in)
	require.NoError(t, err)
	slides.AsOf, slides.TotalSlides, slides.UniqueUsers, slides.CompletionRate = got.AsOf, 1, sliders.len(), rate(slides.SlidesCompleted, slides.SlidesStarted)
	require.Equal(t, slides, content)
	quiz, err := r.Quiz(ctx, in)
	require.NoError(t, err)
	require.Equal(t, analytics.Quiz{
		AsOf: got.AsOf, TotalAttempts: attempts[""], SuccessRate: rate(right[""], attempts[""]), UniqueUsers: answerers.len(),
		ByDifficulty: []analytics.DifficultyCount{
			{Difficulty: "EASY", Attempts: attempts["EASY"], SuccessRate: rate(right["EASY"], attempts["EASY"])},
			{Difficulty: "MEDIUM"},
			{Difficulty: "HARD", Attempts: attempts["HARD"], SuccessRate: rate(right["HARD"], attempts["HARD"])},
		},
	}, quiz)
	community, err := r.Community(ctx)
	require.NoError(t, err)
	require.Equal(t, analytics.Community{
		AsOf: got.AsOf, TotalUsers: n.users(), TotalLearners: everBegan.len(), PathsCompleted: everDone.len(), QuizSuccessRate: rate(everRight, everAttempts),
	}, community)
	for id := range items {
		w.comparePath(t, r, id, items[id], all, shown, in, limit)
	}
	overview, err := r.Overview(ctx, in)
	require.NoError(t, err)
	engagement, err := r.Engagement(ctx, in)
	require.NoError(t, err)
	streaks, err := r.Gamification(ctx)
	require.NoError(t, err)
	economy, err := r.Economy(ctx, "", in)
	require.NoError(t, err)
	require.Equal(t, analytics.Overview{
		AsOf: got.AsOf, Engagement: engagement.Windows, Learning: analytics.Learned{TotalLearners: got.TotalLearners, CompletionRate: got.CompletionRate},
		Gamification: analytics.Streaks{ActiveStreaks: streaks.Summary.ActiveStreaks, AvgStreakLength: streaks.Summary.AvgStreakLength},
		Economy:      analytics.Awarded{TotalPointsAwarded: economy.Summary.TotalPointsAwarded, Users: economy.Summary.Users},
	}, overview)
}

// compareLog compares what the journal says of the log of somebody in lists with what the engine keeps.
func (w *world) compareLog(t tester, l *lesson, shown []string, all map[string]*lesson, items map[string][]learning.Item) {
	t.Helper()
	if !slices.Contains(shown, l.UserID) {
		return
	}
	var log learning.Log
	switch l.ItemType {
	case learning.ItemQuiz:
		quiz, err := w.Learning.QuizLog(t.Context(), l.UserID, l.ItemID, l.Context)
		require.NoError(t, err)
		require.Equal(t, quiz.Difficulty, l.Difficulty)
		log = quiz.Log
	case learning.ItemSlide:
		slide, err := w.Learning.SlideLog(t.Context(), l.UserID, l.ItemID, l.Context)
		require.NoError(t, err)
		log = slide.Log
	case learning.ItemActivity, learning.ItemStory:
		return
	case learning.ItemGroup:
		group, err := w.Learning.GroupLog(t.Context(), l.UserID, l.ItemID, l.Context)
		require.NoError(t, err)
		log = group.Log
	case learning.ItemPath:
		path, err := w.Learning.PathLog(t.Context(), l.UserID, l.ItemID, l.Context)
		require.NoError(t, err)
		log = path.Log
		begun, told := 0, 0
		for _, i := range path.Items {
			if i.Progress != "" {
				begun++
			}
		}
		done, _ := stood(all, l, items[l.ItemID])
		told = len(done)
		require.LessOrEqual(t, told, begun) // a parent that a later submission names is in no entry
	}
	require.Equal(t, []any{l.Progress, l.Outcome, l.StartedAt, l.CompletedAt, l.Parent},
		[]any{log.Progress, log.Outcome, log.StartedAt, log.CompletedAt, log.Parent}, "%+v", l)
}

func (w *world) comparePath(
	t tester, r analytics.Reader, id string, items []learning.Item, all map[string]*lesson, shown []string, in analytics.Range, limit int,
) {
	t.Helper()
	ctx := t.Context()
	want := analytics.Path{PathCompletion: analytics.PathCompletion{PathID: id}, Steps: []analytics.Step{}}
	steps := map[string]*analytics.Step{}
	began, stopped := map[learning.Progress][]string{}, map[string][]string{}
	for _, l := range all {
		if !l.path(id) || l.started < in.From || l.started > in.To {
			continue
		}
		want.Started++
		if l.Progress == learning.Complete {
			want.Completed++
		}
		done, at := stood(all, l, items)
		for _, d := range done {
			if steps[d.ItemID] == nil {
				steps[d.ItemID] = &analytics.Step{Item: analytics.Item{ItemType: d.ItemType, ItemID: d.ItemID}}
			}
			steps[d.ItemID].Reached++
			if d.Progress == learning.Complete {
				steps[d.ItemID].Completed++
			}
			if d.ItemID == at {
				steps[d.ItemID].Stopped++
			}
		}
		if name := l.UserID + " " + l.Context + " " + l.started.String(); slices.Contains(shown, l.UserID) {
			began[""] = append(began[""], name)
			began[l.Progress] = append(began[l.Progress], name)
			if at != "" {
				stopped[at] = append(stopped[at], name)
			}
		}
	}
	for _, i := range items {
		if s := steps[i.ItemID]; s != nil {
			want.Steps = append(want.Steps, *s)
		}
	}
	want.CompletionRate = rate(want.Completed, want.Started)
	got, err := r.Path(ctx, id, in)
	require.NoError(t, err)
	want.AsOf = got.AsOf
	require.Equal(t, want, got)
	same := func(want []string, list func(store.Page) (analytics.Learners, error)) {
		t.Helper()
		var found []string
		for page := (store.Page{Limit: limit}); ; {
			some, err := list(page)
			require.NoError(t, err)
			for _, l := range some.Learners {
				found = append(found, l.UserID+" "+l.Context+" "+l.StartedOn.String())
			}
			if page.Token = some.NextToken; page.Token == "" {
				break
			}
		}
		require.ElementsMatch(t, want, found)
	}
	for _, p := range []learning.Progress{"", learning.Start, learning.InProgress, learning.Complete} {
		same(began[p], func(page store.Page) (analytics.Learners, error) { return r.Learners(ctx, id, p, in, page) })
	}
	for _, i := range items {
		at := analytics.Item{ItemType: i.ItemType, ItemID: i.ItemID}
		same(stopped[i.ItemID], func(page store.Page) (analytics.Learners, error) { return r.Stopped(ctx, id, at, in, page) })
	}
}

// compareStreaks compares runs of active days.
func (w *world) compareStreaks(t tester, r analytics.Reader, n *naive, today timeframe.Day, limit int) {
	t.Helper()
	want := analytics.Gamification{TopUsers: []analytics.StreakUser{}}
	counts, total := [4]int64{}, 0
	want.Summary.TotalUsers = n.users()
	for _, id := range n.shown() {
		run, longest := 0, 0
		for i, on := range slices.Sorted(maps.Keys(n.active[id])) {
			if run++; i == 0 || !n.active[id][on-1] {
				run = 1
			}
			longest = max(longest, run)
		}
		want.Summary.MaxStreak = max(want.Summary.MaxStreak, longest)
		if run == 0 || n.since(id) < today-1 {
			continue
		}
		want.Summary.ActiveStreaks++
		total += run
		switch {
		case run > 30:
			counts[3]++
		case run >= 15:
			counts[2]++
		case run >= 8:
			counts[1]++
		default:
			counts[0]++
		}
		want.TopUsers = append(want.TopUsers, analytics.StreakUser{UserID: id, CurrentStreak: run, MaxStreak: longest})
	}
	want.Summary.AvgStreakLength = rate(int64(total), want.Summary.ActiveStreaks) / 100
	want.Distribution = []analytics.StreakRange{{Range: "1-7", Users: counts[0]}, {Range: "8-14", Users: counts[1]}, {Range: "15-30", Users: counts[2]}, {Range: "30+", Users: counts[3]}}
	got, err := r.Gamification(t.Context())
	require.NoError(t, err)
	require.Equal(t, want.Distribution, got.Distribution)
	require.InDelta(t, want.Summary.AvgStreakLength, got.Summary.AvgStreakLength, 0.01)
	want.Summary.AvgStreakLength = got.Summary.AvgStreakLength
	require.Equal(t, want.Summary, got.Summary)
	longest := func(a, b analytics.StreakUser) int { return b.CurrentStreak - a.CurrentStreak }
	require.True(t, slices.IsSortedFunc(got.TopUsers, longest))
	var ids []string
	for _, u := range want.TopUsers {
		ids = append(ids, u.UserID)
	}
	require.ElementsMatch(t, ids, listed(t, limit, false, func(p store.Page) (analytics.People, error) { return r.ActiveStreaks(t.Context(), p) }))
	slices.SortFunc(want.TopUsers, longest)
	if len(want.TopUsers) <= 10 {
		require.ElementsMatch(t, want.TopUsers, got.TopUsers)
	}
}

// movement is what somebody got, or paid, with another sign.
type movement struct {
	userID, source string
	on             timeframe.Day
	amount         int64
}

// movements returns what is paid for runs and missions, also of who is erased since, and what calls moved.
func movements(entries []guerdon.Entry, zone *time.Location) (all []movement) {
	for _, e := range corrected(entries) {
		on := timeframe.DayOf(e.Event.At, zone)
		switch {
		case e.Event.EntityID == "run":
			all = append(all, movement{e.Event.UserID, "rewardRuleId#pays", on, 10})
		case e.Event.Type == event.VirtualTransaction:
			source, _ := e.Event.Fields["initiatorType"].(string)
			if by, _ := e.Event.Fields["initiator"].(string); strings.HasPrefix(by, "rewardRuleId#") && e.Event.Fields["reversalOf"] == nil {
				source = by
			}
			n := e.Event.Value.IntPart()
			if e.Event.Fields["direction"] == "DEBIT" {
				n = -n
			}
			all = append(all, movement{e.Event.UserID, source, on, n})
		}
	}
	for _, s := range standings(entries, zone) {
		if s.completed != nil {
			all = append(all, movement{s.userID, "rewardRuleId#bonus", *s.completed, 50})
		}
	}
	return all
}

// comparePeople compares what people got and paid.
func (w *world) comparePeople(
	t tester, r analytics.Reader, n *naive, entries []guerdon.Entry, zone *time.Location, in analytics.Range, limit int,
) {
	t.Helper()
	ctx, shown := t.Context(), n.shown()
	owners := map[string]map[string]*analytics.PointUser{} // by source, "" for all, and user
	got, users, perDay, paid := analytics.EconomySummary{}, set{}, map[timeframe.Day]int64{}, map[timeframe.Day]int64{}
	counts := map[string]int64{}
	for _, m := range movements(entries, zone) {
		for _, of := range []string{"", m.source} {
			if of == "" && m.source == "REVERSAL" {
				continue // is neither earned nor paid
			}
			if owners[of] == nil {
				owners[of] = map[string]*analytics.PointUser{}
			}
			u := owners[of][m.userID]
			if u == nil {
				u = &analytics.PointUser{UserID: m.userID}
				owners[of][m.userID] = u
			}
			if m.amount < 0 {
				u.Spent, u.Payments = u.Spent.Add(decimal.NewFromInt(-m.amount)), u.Payments+1
			} else {
				u.Issued, u.Awards = u.Issued.Add(decimal.NewFromInt(m.amount)), u.Awards+1
			}
		}
		if in.From <= m.on && m.on <= in.To {
			switch counts[m.source]++; {
			case m.source == "REVERSAL":
			case m.amount > 0:
				got.TotalTransactions++
				got.TotalPointsAwarded = got.TotalPointsAwarded.Add(decimal.NewFromInt(m.amount))
				users[m.userID] = true
				perDay[m.on] += m.amount
			default:
				paid[m.on] -= m.amount
			}
		}
	}
	for id, u := range owners[""] { // what the journal says is what is so
		if slices.Contains(shown, id) {
			b, err := w.Economy.Balance(ctx, id, "points")
			require.NoError(t, err)
			sum := u.Issued.Sub(u.Spent)
			if back := owners["REVERSAL"][id]; back != nil {
				sum = sum.Add(back.Issued).Sub(back.Spent)
			}
			require.Equal(t, b.Amount.String(), sum.String(), id)
		}
	}
	series, err := r.PointSeries(ctx, "points", in)
	require.NoError(t, err)
	for _, d := range series.Days {
		require.Equal(t, perDay[d.Day], d.Issued.IntPart())
		require.Equal(t, paid[d.Day], d.Spent.IntPart())
	}
	points, err := r.Points(ctx, in)
	require.NoError(t, err)
	found := map[string]int64{}
	for _, p := range points.Points {
		found[p.Source] = p.Transactions
	}
	require.Equal(t, counts, found)
	for _, currency := range []string{"", "points"} {
		e, err := r.Economy(ctx, currency, in)
		require.NoError(t, err)
		require.Equal(t, []any{got.TotalTransactions, users.len(), got.TotalPointsAwarded.String()},
			[]any{e.Summary.TotalTransactions, e.Summary.Users, e.Summary.TotalPointsAwarded.String()})
		for _, d := range e.PointsOverTime {
			require.Equal(t, perDay[d.Day], d.Points.IntPart())
		}
		top := wanted(owners[""], shown, earned)
		require.Len(t, e.TopEarners, min(10, len(top)))
		for i, u := range e.TopEarners {
			require.Equal(t, top[i].Issued.String(), u.TotalEarned.String())
		}
	}
	for _, source := range []string{"", "rewardRuleId#pays", "rewardRuleId#bonus", "USER", "REVERSAL"} {
		same := func(of func(*analytics.PointUser) int64, list func(store.Page) (analytics.PointUsers, error)) {
			t.Helper()
			want, is := wanted(owners[source], shown, of), []analytics.PointUser(nil)
			for page := (store.Page{Limit: limit}); ; {
				some, err := list(page)
				require.NoError(t, err)
				is = append(is, some.Users...)
				if page.Token = some.NextToken; page.Token == "" {
					break
				}
			}
			require.True(t, slices.IsSortedFunc(is, func(a, b analytics.PointUser) int { return cmp.Compare(of(&b), of(&a)) }))
			slices.SortFunc(want, func(a, b analytics.PointUser) int { return cmp.Compare(a.UserID, b.UserID) })
			slices.SortFunc(is, func(a, b analytics.PointUser) int { return cmp.Compare(a.UserID, b.UserID) })
			require.Len(t, is, len(want))
			for i := range is {
				require.Equal(t, []any{want[i].UserID, want[i].Awards, want[i].Payments}, []any{is[i].UserID, is[i].Awards, is[i].Payments})
				require.Equal(t, want[i].Issued.String()+" "+want[i].Spent.String(), is[i].Issued.String()+" "+is[i].Spent.String())
			}
		}
		same(earned, func(p store.Page) (analytics.PointUsers, error) { return r.Earners(ctx, "points", source, p) })
		same(spent, func(p store.Page) (analytics.PointUsers, error) { return r.Spenders(ctx, "points", source, p) })
	}
	w.compareUsers(t, r, n, entries, zone, in)
}

// wanted returns those in lists who have an amount, the most first.
func wanted(of map[string]*analytics.PointUser, shown []string, amount func(*analytics.PointUser) int64) (all []analytics.PointUser) {
	for _, id := range shown {
		if u := of[id]; u != nil && amount(u) > 0 {
			all = append(all, *u)
		}
	}
	slices.SortStableFunc(all, func(a, b analytics.PointUser) int { return cmp.Compare(amount(&b), amount(&a)) })
	return all
}

func earned(u *analytics.PointUser) int64 { return u.Issued.IntPart() }

func spent(u *analytics.PointUser) int64 { return u.Spent.IntPart() }

// awarding is what a journal says at last of an award.
type awarding struct {
	userID, badgeID, id string
	on                  timeframe.Day
}

// awardings returns the awards that there are, also of who is erased since.
func awardings(entries []guerdon.Entry, zone *time.Location) []awarding {
	all := map[[2]string]awarding{}
	for _, e := range entries {
		for _, c := range e.Outcome.Badges {
			if key := [2]string{c.UserID, c.ID}; c.Undone && !c.Kept {
				delete(all, key)
			} else {
				all[key] = awarding{c.UserID, c.ConfigurationID, c.ID, timeframe.DayOf(c.At, zone)}
			}
		}
	}
	return slices.Collect(maps.Values(all))
}

// compareBadges compares how often badges were awarded, and who has them: whom the engine says has them now.
func (w *world) compareBadges(t tester, r analytics.Reader, n *naive, entries []guerdon.Entry, zone *time.Location, in analytics.Range) {
	t.Helper()
	ctx, all := t.Context(), awardings(entries, zone)
	want := analytics.Badges{TotalUsers: n.users(), Badges: []analytics.BadgeCount{}}
	perDay := map[timeframe.Day]int64{}
	for _, id := range []string{"helper", "kept", "runner"} {
		c, users, had, days, who := analytics.BadgeCount{ConfigurationID: id}, set{}, map[string][]string{}, map[timeframe.Day]int64{}, map[timeframe.Day]set{}
		for _, a := range all {
			if a.badgeID != id {
				continue
			}
			had[a.userID] = append(had[a.userID], a.id)
			if c.TotalAwards++; a.on < in.From || a.on > in.To {
				continue
			}
			c.Awards++
			users[a.userID] = true
			perDay[a.on]++
			if days[a.on]++; who[a.on] == nil {
				who[a.on] = set{}
			}
			who[a.on][a.userID] = true
		}
		for user := range had {
			require.Contains(t, n.joined, user) // who was another all along has none
		}
		for user := range n.joined {
			if n.status[user] == string(tenancy.Deleted) {
				continue
			}
			b, err := w.Badges.Badge(ctx, user, id, "")
			require.NoError(t, err)
			require.Equal(t, b.Count > 0, len(b.Awards) > 0)
			if b.Count > 0 {
				c.Holders++
			}
			var own []string
			for _, a := range b.Awards {
				own = append(own, a.ID)
			}
			require.ElementsMatch(t, own, had[user], "%s %s", user, id) // what the journal says is what is so
		}
		series, err := r.BadgeSeries(ctx, id, in)
		require.NoError(t, err)
		for _, d := range series.Days {
			require.Equal(t, analytics.BadgeDay{Day: d.Day, Awards: days[d.Day], Users: who[d.Day].len()}, d)
		}
		if c.TotalAwards > 0 {
			c.Users, c.Rarity = users.len(), rate(c.Holders, want.TotalUsers)
			want.Badges = append(want.Badges, c)
		}
	}
	for on := in.From; on <= in.To; on++ {
		want.AwardsOverTime = append(want.AwardsOverTime, analytics.DayOfAwards{Day: on, Awards: perDay[on]})
	}
	got, err := r.Badges(ctx, in)
	require.NoError(t, err)
	want.AsOf = got.AsOf
	require.Equal(t, want, got)
}

// compareUsers compares what each user did.
func (w *world) compareUsers(t tester, r analytics.Reader, n *naive, entries []guerdon.Entry, zone *time.Location, in analytics.Range) {
	t.Helper()
	of, all := standings(entries, zone), lessons(entries, zone)
	for id := range n.joined {
		got, err := r.User(t.Context(), id, in)
		if n.status[id] == string(tenancy.Deleted) {
			require.ErrorIs(t, err, fault.ErrNotFound)
			continue
		}
		require.NoError(t, err)
		days, assigned, completed, paths := 0, 0, 0, 0
		for on := range n.active[id] {
			if in.From <= on && on <= in.To {
				days++
			}
		}
		for _, s := range of {
			within := func(d *timeframe.Day) bool { return s.userID == id && d != nil && in.From <= *d && *d <= in.To }
			if within(s.assigned) {
				assigned++
			}
			if within(s.completed) {
				completed++
			}
		}
		for _, l := range all {
			if l.UserID == id && l.path("") && l.Progress == learning.Complete {
				paths++
			}
		}
		require.Equal(t, []any{id, days, assigned, completed, paths}, []any{got.UserID, got.ActiveDays, got.MissionsAssigned, got.MissionsCompleted, got.Learning.CompletedPaths})
		issued := decimal.Decimal{}
		for _, p := range got.Points {
			issued = issued.Add(p.Issued)
		}
		want := decimal.Decimal{}
		for _, m := range movements(entries, zone) {
			if m.userID == id && m.amount > 0 {
				want = want.Add(decimal.NewFromInt(m.amount))
			}
		}
		require.Equal(t, want.String(), issued.String())
	}
}
