package analytics

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// succeeded is that an answer to a quiz was correct.
var succeeded = answered.of(string(event.Success))

// A Learning is how far those have come since who began a path in a range.
type Learning struct {
	AsOf

	// TotalLearners is how many users began a path in the range, CompletedAtLeastOne how many of them have completed one of those paths, and
	// CompletionRate that in percent with two places.
	TotalLearners       int64   `json:"totalLearners"`
	CompletedAtLeastOne int64   `json:"completedAtLeastOne"`
	CompletionRate      float64 `json:"completionRate"`
	// PathProgress and GroupProgress are how far the paths and the groups are since that were begun in the range.
	PathProgress   []ProgressCount  `json:"pathProgress"`
	GroupProgress  []ProgressCount  `json:"groupProgress"`
	PathCompletion []PathCompletion `json:"pathCompletion"`
	// ActivityOverTime has each day of the range.
	ActivityOverTime []DayOfLearning `json:"activityOverTime"`
	Funnel           Funnel          `json:"funnel"`
	// ByTopic has a topic for each tag of the paths that were begun.
	ByTopic []TopicCount `json:"byTopic"`
}

// A ProgressCount is how many paths or groups are that far, each context of each user counting, and of how many users.
type ProgressCount struct {
	Progress learning.Progress `json:"progress"`
	Count    int64             `json:"count"`
	Users    int64             `json:"users"`
}

// A PathCompletion is how often a path was begun in a range, how often it has been completed of that, and that in percent with two places.
type PathCompletion struct {
	PathID         string  `json:"learningPathId"`
	Started        int64   `json:"started"`
	Completed      int64   `json:"completed"`
	CompletionRate float64 `json:"completionRate"`
}

// A DayOfLearning is how often quizzes, slides and stories were submitted on a day, and by how many users.
type DayOfLearning struct {
	Day      timeframe.Day `json:"date"`
	Sessions int64         `json:"sessions"`
	Users    int64         `json:"users"`
}

// A Funnel is how many users began a path in a range, how many a group, and how many have completed a path that they began then.
type Funnel struct {
	StartedPath   int64 `json:"startedPath"`
	ReachedGroup  int64 `json:"reachedGroup"`
	CompletedPath int64 `json:"completedPath"`
}

// A TopicCount is how many users began a path in a range that carried a tag then, and how many of them have completed one of those.
type TopicCount struct {
	TagID string `json:"tagId"`
	// Namespace and Topic are those of the tag as it is now, the namespace and the variant; "" if there is none any more.
	Namespace string `json:"namespace"`
	Topic     string `json:"topic"`
	// TotalPaths is how many paths somebody has begun so far that carried the tag then.
	TotalPaths     int64   `json:"totalPaths"`
	TotalUsers     int64   `json:"totalUsers"`
	CompletedUsers int64   `json:"completedUsers"`
	CompletionRate float64 `json:"completionRate"`
}

// Learning returns how far those have come since who began a path in a range: what is completed of a path counts where it was begun, so no rate is more
// than 100. Who is suspended or erased since stays counted.
func (r Reader) Learning(ctx context.Context, in Range) (out Learning, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		learners, completed, err := learners(ctx, tx, in)
		if err != nil {
			return err
		}
		out = Learning{
			AsOf: at.asOf(), TotalLearners: learners.users, CompletedAtLeastOne: completed.users, CompletionRate: percent(completed.users, learners.users),
		}
		if out.PathProgress, err = progress(ctx, tx, onPath, in); err != nil {
			return err
		}
		if out.GroupProgress, err = progress(ctx, tx, inGroup, in); err != nil {
			return err
		}
		if out.PathCompletion, err = completion(ctx, tx, in); err != nil {
			return err
		}
		submitted, err := during(ctx, tx, studying, in)
		if err != nil {
			return err
		}
		for _, d := range submitted.days {
			out.ActivityOverTime = append(out.ActivityOverTime, DayOfLearning{d.Day, d.Count, d.users(d.Day)})
		}
		groups, err := during(ctx, tx, inGroup, in)
		if err != nil {
			return err
		}
		out.Funnel = Funnel{learners.users, groups.users, completed.users}
		out.ByTopic, err = byTag(ctx, tx, in)
		return err
	})
	if err != nil {
		return out, err
	}
	return out, r.name(ctx, out.ByTopic)
}

// learners returns those who began a path in a range, and of them who have completed one of those.
func learners(ctx context.Context, tx store.Tx, in Range) (all, completed happening, err error) {
	if all, err = during(ctx, tx, onPath, in); err != nil {
		return all, completed, err
	}
	completed, err = during(ctx, tx, onPath.of(string(learning.Complete)), in)
	return all, completed, err
}

// progress returns how far is since what was begun in a range.
func progress(ctx context.Context, tx store.Tx, of topic, in Range) (out []ProgressCount, err error) {
	for _, p := range progresses {
		found, err := during(ctx, tx, of.of(string(p)), in)
		if err != nil {
			return nil, err
		}
		out = append(out, ProgressCount{p, found.count, found.users})
	}
	return out, nil
}

// completion returns how often each path was begun in a range, and completed, in the order of their ids.
func completion(ctx context.Context, tx store.Tx, in Range) ([]PathCompletion, error) {
	rows, err := pathDays.List(ctx, tx, in.prefixed())
	sums := map[string]*PathCompletion{}
	for _, d := range rows {
		if sums[d.PathID] == nil {
			sums[d.PathID] = &PathCompletion{PathID: d.PathID}
		}
		sums[d.PathID].Started += d.Started
		sums[d.PathID].Completed += d.Completed
	}
	out := slices.DeleteFunc(values(sums), func(c PathCompletion) bool { return c.Started == 0 })
	for i := range out {
		out[i].CompletionRate = percent(out[i].Completed, out[i].Started)
	}
	return out, err
}

// byTag returns the tags of the paths that were begun in a range, in the order of their ids.
func byTag(ctx context.Context, tx store.Tx, in Range) ([]TopicCount, error) {
	rows, err := topicTotals.List(ctx, tx, store.Prefix(string(tagged)+":"))
	if err != nil {
		return nil, err
	}
	tags := map[string]*TopicCount{}
	for _, row := range rows {
		parts := strings.Split(string(row.Topic), ":")
		t := tags[parts[1]]
		if t == nil {
			t = &TopicCount{TagID: parts[1]}
			tags[parts[1]] = t
		}
		if len(parts) == 4 && row.Count > 0 { // a path
			t.TotalPaths++
		}
	}
	for id, t := range tags {
		began, err := during(ctx, tx, tagged.of(id), in)
		if err != nil {
			return nil, err
		}
		completed, err := during(ctx, tx, tagged.of(id, string(learning.Complete)), in)
		if err != nil {
			return nil, err
		}
		t.TotalUsers, t.CompletedUsers, t.CompletionRate = began.users, completed.users, percent(completed.users, began.users)
	}
	return slices.DeleteFunc(values(tags), func(t TopicCount) bool { return t.TotalUsers == 0 }), nil
}

// name says what tags are called now.
func (r Reader) name(ctx context.Context, topics []TopicCount) error {
	for i := range topics {
		tag, err := r.workspace.Tags.Get(ctx, topics[i].TagID)
		if errors.Is(err, fault.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		topics[i].Namespace, topics[i].Topic = tag.Namespace, tag.Variant
	}
	return nil
}

// A Content is how many slides were begun in a range, and how many of those are completed since.
type Content struct {
	AsOf

	// TotalSlides is how many are in force now.
	TotalSlides int64 `json:"totalSlides"`
	// SlidesStarted counts each slide once for each user and context. CompletionRate is in percent with two places.
	SlidesStarted   int64   `json:"slidesStarted"`
	SlidesCompleted int64   `json:"slidesCompleted"`
	CompletionRate  float64 `json:"completionRate"`
	// UniqueUsers is how many users began one.
	UniqueUsers int64 `json:"uniqueUsers"`
}

// Content returns how many slides were begun in a range, and how many of those are completed since. Who is suspended or erased since stays counted.
func (r Reader) Content(ctx context.Context, in Range) (out Content, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		began, err := during(ctx, tx, onSlide, in)
		if err != nil {
			return err
		}
		done, err := during(ctx, tx, onSlide.of(string(learning.Complete)), in)
		out = Content{
			AsOf: at.asOf(), SlidesStarted: began.count, SlidesCompleted: done.count, CompletionRate: percent(done.count, began.count), UniqueUsers: began.users,
		}
		return err
	})
	for page := (store.Page{Limit: store.MaxPage}); err == nil; {
		var some []content.Slide
		some, page.Token, err = r.workspace.Slides.List(ctx, content.Filter{InForce: true}, page)
		if out.TotalSlides += int64(len(some)); page.Token == "" {
			break
		}
	}
	return out, err
}

// A Quiz is how quizzes were answered in a range.
type Quiz struct {
	AsOf

	// TotalAttempts is how many answers there were, SuccessRate how many of them were correct, in percent with two places, and UniqueUsers
	// of how many users they were. A quiz that may be answered more than once counts once for each user and context, with the
	// answer that counts, where the first was given.
	TotalAttempts int64   `json:"totalAttempts"`
	SuccessRate   float64 `json:"successRate"`
	UniqueUsers   int64   `json:"uniqueUsers"`
	// ByDifficulty has EASY, MEDIUM and HARD: what a quiz was when it was answered.
	ByDifficulty []DifficultyCount `json:"byDifficulty"`
}

// A DifficultyCount is how quizzes of a difficulty were answered.
type DifficultyCount struct {
	Difficulty  content.Difficulty `json:"difficulty"`
	Attempts    int64              `json:"attempts"`
	SuccessRate float64            `json:"successRate"`
}

// Quiz returns how quizzes were answered in a range. Who is suspended or erased since stays counted. Who answered is no list: it would cost a row for
// each answer.
func (r Reader) Quiz(ctx context.Context, in Range) (out Quiz, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		rate := func(of topic) (happening, float64, error) {
			attempts, err := during(ctx, tx, of, in)
			if err != nil {
				return attempts, 0, err
			}
			right, err := during(ctx, tx, of.of(string(event.Success)), in)
			return attempts, percent(right.count, attempts.count), err
		}
		all, success, err := rate(answered)
		if err != nil {
			return err
		}
		out = Quiz{AsOf: at.asOf(), TotalAttempts: all.count, SuccessRate: success, UniqueUsers: all.users}
		for _, d := range []content.Difficulty{content.Easy, content.Medium, content.Hard} {
			some, success, err := rate(answered.of("difficulty", string(d)))
			if err != nil {
				return err
			}
			out.ByDifficulty = append(out.ByDifficulty, DifficultyCount{d, some.count, success})
		}
		return nil
	})
	return out, err
}

// A Path is how far those have come with a path who began it in a range.
type Path struct {
	AsOf
	PathCompletion

	// Steps are the items that somebody of them has begun, in the order of the newest version that they are on; what only earlier ones hold comes
	// behind.
	Steps []Step `json:"steps"`
}

// A Step is how many have begun an item of a path, how many have completed it, and how many stopped there: they have not completed the path,
// and begun no item behind this one. Each context of each user counts.
type Step struct {
	Item

	Reached   int64 `json:"reached"`
	Completed int64 `json:"completed"`
	Stopped   int64 `json:"stopped"`
}

// Path returns how far those have come since with a path who began it in a range. An item counts that is in the context of the path, unless it was submitted for
// another parent at first. Who is suspended or erased since stays counted. It returns [fault.ErrInvalid] for an id or a range that is none.
func (r Reader) Path(ctx context.Context, pathID string, in Range) (out Path, err error) {
	if err := errors.Join(in.Validate(), isID("learningPathId", pathID)); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		out = Path{AsOf: at.asOf(), PathCompletion: PathCompletion{PathID: pathID}}
		all, err := completion(ctx, tx, in)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(c PathCompletion) bool { return c.PathID == pathID }); i >= 0 {
			out.PathCompletion = all[i]
		}
		rows, err := stepDays.List(ctx, tx, store.Query{From: store.Text(stepPrefix(pathID, in.From)), Until: store.Text(stepPrefix(pathID, in.To.Add(1)))})
		if err != nil {
			return err
		}
		versions, err := pathVersions.List(ctx, tx, store.Prefix(pathID+"/"))
		out.Steps = ordered(rows, versions)
		return err
	})
	return out, err
}

// ordered returns the sums of rows in the order of versions of their path, the newest first.
func ordered(rows []stepDay, versions []pathVersion) []Step {
	sums := map[Item]*Step{}
	for i := range rows {
		d := &rows[i]
		if sums[d.Item] == nil {
			sums[d.Item] = &Step{Item: d.Item}
		}
		sums[d.Item].Reached += d.Reached
		sums[d.Item].Completed += d.Completed
		sums[d.Item].Stopped += d.Stopped
	}
	slices.SortFunc(versions, func(a, b pathVersion) int { return b.Version - a.Version })
	out := []Step{}
	for _, v := range versions {
		for _, item := range v.Items {
			if s := sums[item]; s != nil && s.Reached > 0 {
				out = append(out, *s)
			}
			delete(sums, item)
		}
	}
	return out
}

// isID refuses what no id can be.
func isID(field, id string) error {
	if id == "" || strings.ContainsAny(id, "\x00/") {
		return fault.Invalid(field, "is no id")
	}
	return nil
}

// Learners are a page of a list of who is on a path. Who is suspended or erased is in none.
type Learners struct {
	AsOf

	Learners []Learner `json:"learners"`
	// NextToken is that of the next page, "" if there is none.
	NextToken string `json:"nextToken,omitempty"`
}

// A Learner is a user on a path, in a context.
type Learner struct {
	UserID      string            `json:"userId"`
	Context     string            `json:"context"`
	Progress    learning.Progress `json:"progress"`
	StartedOn   timeframe.Day     `json:"startedOn"`
	CompletedOn *timeframe.Day    `json:"completedOn,omitempty"`
	// At is the last of the path's items that the user has begun, unless the path is COMPLETE, and Since the last day on which the user began or completed one.
	At    *Item          `json:"at,omitempty"`
	Since *timeframe.Day `json:"since,omitempty"`
}

// Learners returns who began a path in a range and is as far with it as a progress, or however far with "", who began last first unless the page says otherwise.
// Who is on it in several contexts is there several times. It returns [fault.ErrInvalid] for an id, a progress, a range, a limit or a token that is none.
func (r Reader) Learners(ctx context.Context, pathID string, as learning.Progress, in Range, page store.Page) (out Learners, err error) {
	switch {
	case as == "":
		return r.learners(ctx, "path", pathID, "", in, page)
	case !slices.Contains(progresses, as):
		return out, fault.Invalid("progress", "%q is none of %v", as, progresses)
	}
	return r.learners(ctx, "progress", pathID, "/"+string(as), in, page)
}

// Stopped returns who began a path in a range and stands at an item of it, as [Path] counts it, who began last first unless the page says otherwise. It returns
// [fault.ErrInvalid] for an id, a range, a limit or a token that is none.
func (r Reader) Stopped(ctx context.Context, pathID string, at Item, in Range, page store.Page) (out Learners, err error) {
	if err := isID("itemId", at.ItemID); err != nil {
		return out, err
	}
	return r.learners(ctx, "at", pathID, "/"+at.String(), in, page)
}

func (r Reader) learners(ctx context.Context, index, pathID, parts string, in Range, page store.Page) (out Learners, err error) {
	if err := errors.Join(in.Validate(), isID("learningPathId", pathID)); err != nil {
		return out, err
	}
	q := store.By(index, store.Text(pathID+parts)).Between(store.Int(int64(in.From)), store.Int(int64(in.To)+1))
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		found, next, err := shown(ctx, tx, itemLogs, q, page, func(l *itemLog) string { return l.UserID })
		out = Learners{AsOf: at.asOf(), Learners: make([]Learner, len(found)), NextToken: next}
		for i := range found {
			l := &found[i]
			out.Learners[i] = Learner{l.UserID, l.Context, l.Progress, l.StartedOn, l.CompletedOn, l.At, nil}
			if l.At != nil {
				out.Learners[i].Since = new(l.Since)
			}
		}
		return err
	})
	return out, err
}
