package analytics

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// An Item is something that is learned: a quiz, a slide, a story, an activity, a group or a path.
type Item struct {
	ItemType learning.ItemType `json:"itemType"`
	ItemID   string            `json:"itemId"`
}

// String returns type and id: "quiz/capitals".
func (i Item) String() string { return string(i.ItemType) + "/" + i.ItemID }

// itemLog is how far a user is with something in a context, so that it can be counted elsewhere. There is none of a user who is erased.
type itemLog struct {
	UserID    string            `json:"userId"`
	Context   string            `json:"context"`
	Item      Item              `json:"item"`
	Version   int               `json:"version"`
	Progress  learning.Progress `json:"progress"`
	Outcome   event.Outcome     `json:"outcome,omitempty"`
	StartedOn timeframe.Day     `json:"startedOn"`
	// CompletedOn is of what is COMPLETE.
	CompletedOn *timeframe.Day `json:"completedOn,omitempty"`
	// Parent is what the first submission named: elsewhere, the log does not count. The zero Parent is everywhere.
	Parent     Item     `json:"parent,omitzero"`
	Difficulty string   `json:"difficulty,omitempty"` // of a quiz
	Tags       []string `json:"tags,omitempty"`       // of a path
	// At is the item of a path at which its learner stands since a day, if the path is not COMPLETE: the last that is begun.
	At    *Item         `json:"at,omitempty"`
	Since timeframe.Day `json:"since,omitzero"`
}

func logKey(userID, learnContext string, i Item) string {
	return userID + "/" + learnContext + "/" + i.String()
}

func (l *itemLog) key() string { return logKey(l.UserID, l.Context, l.Item) }

func (l *itemLog) isPath() bool { return l.Item.ItemType == learning.ItemPath }

// learner returns a text for an index of the logs of paths.
func (l *itemLog) learner(there bool, parts string) store.Value {
	if !there || !l.isPath() {
		return store.Value{}
	}
	return store.Text(l.Item.ItemID + parts)
}

var itemLogs = store.Define("analytics_logs", (*itemLog).key,
	[]store.Field[itemLog]{
		{Name: "path", Kind: store.KindText, Of: func(l *itemLog) store.Value { return l.learner(true, "") }},
		{Name: "progress", Kind: store.KindText, Of: func(l *itemLog) store.Value { return l.learner(true, "/"+string(l.Progress)) }},
		{Name: "at", Kind: store.KindText, Of: func(l *itemLog) store.Value {
			if l.At == nil {
				return store.Value{}
			}
			return l.learner(true, "/"+l.At.String())
		}},
		{Name: "started", Kind: store.KindInt, Of: func(l *itemLog) store.Value { return store.Int(int64(l.StartedOn)) }},
	},
	store.Index{Name: "path", Columns: []string{"path", "started"}},
	store.Index{Name: "progress", Columns: []string{"progress", "started"}},
	store.Index{Name: "at", Columns: []string{"at", "started"}},
).Packed()

// pathVersion is what a version of a path holds, which never changes.
type pathVersion struct {
	PathID  string `json:"learningPathId"`
	Version int    `json:"version"`
	Items   []Item `json:"items"`
}

func versionKey(pathID string, version int) string { return pathID + "/" + strconv.Itoa(version) }

func (v *pathVersion) key() string { return versionKey(v.PathID, v.Version) }

var pathVersions = store.Define("analytics_path_versions", (*pathVersion).key, nil)

// pathDay is how many users began a path on a day, and how many of them have completed it since.
type pathDay struct {
	Day       timeframe.Day `json:"day"`
	PathID    string        `json:"learningPathId"`
	Started   int64         `json:"started,omitempty"`
	Completed int64         `json:"completed,omitempty"`
}

func (d *pathDay) none() bool { return d.Started == 0 && d.Completed == 0 }

func (d *pathDay) plus(o *pathDay) {
	d.Started += o.Started
	d.Completed += o.Completed
}

func (d *pathDay) key() string { return d.Day.String() + "/" + d.PathID }

var pathDays = store.Define("analytics_path_days", (*pathDay).key, nil)

// stepDay is how far those who began a path on a day have come with an item of it.
type stepDay struct {
	PathID    string        `json:"learningPathId"`
	Day       timeframe.Day `json:"day"`
	Item      Item          `json:"item"`
	Reached   int64         `json:"reached,omitempty"`
	Completed int64         `json:"completed,omitempty"`
	Stopped   int64         `json:"stopped,omitempty"`
}

func (d *stepDay) none() bool { return d.Reached == 0 && d.Completed == 0 && d.Stopped == 0 }

func (d *stepDay) plus(o *stepDay) {
	d.Reached += o.Reached
	d.Completed += o.Completed
	d.Stopped += o.Stopped
}

func (d *stepDay) key() string { return stepPrefix(d.PathID, d.Day) + d.Item.String() }

func stepPrefix(pathID string, on timeframe.Day) string { return pathID + "/" + on.String() + "/" }

var stepDays = store.Define("analytics_step_days", (*stepDay).key, nil)

// logChange is what an entry says of a log.
type logChange struct {
	itemLog

	undone, gone bool
}

// learn takes in what an entry says of logs.
func (d *delta) learn(e *guerdon.Entry, zone *time.Location) {
	if c := e.Correction; c != nil && c.Was != nil {
		d.submit(c.Was, -1, zone)
	}
	d.submit(&e.Event, 1, zone)
	for i := range e.Outcome.Learning {
		c := &e.Outcome.Learning[i]
		if c.AssignmentID != "" || c.Progress == "" { // of a story that is not begun
			continue
		}
		on := func(at time.Time) timeframe.Day {
			if at.IsZero() { // entries of earlier versions do not say it
				at = e.Event.At
			}
			return timeframe.DayOf(at, zone)
		}
		l := logChange{undone: c.Undone, gone: c.Gone, itemLog: itemLog{
			UserID: c.UserID, Context: c.Context, Item: Item{ItemType: c.ItemType, ItemID: c.ItemID}, Version: c.Version,
			Progress: c.Progress, Outcome: c.Outcome, StartedOn: on(c.StartedAt), Tags: c.Tags,
		}}
		if c.Progress == learning.Complete {
			l.CompletedOn = new(on(c.CompletedAt))
		}
		l.Parent = Item{ItemType: learning.ItemType(c.ParentType), ItemID: c.ParentID}
		l.Difficulty = string(c.Difficulty)
		if ev := &e.Event; string(ev.Type) == kindOf(c.ItemType) && ev.EntityID == c.ItemID { // changes of earlier versions do not say it
			if c.Parent == (content.Parent{}) {
				l.Parent = Item{ItemType: learning.ItemType(textOf(ev, "parentType")), ItemID: textOf(ev, "parentId")}
			}
			l.Difficulty = cmp.Or(l.Difficulty, textOf(ev, "difficulty"))
		}
		d.logs[l.key()] = append(d.logs[l.key()], l)
	}
}

// submit counts what was submitted, n times.
func (d *delta) submit(ev *event.Event, n int64, zone *time.Location) {
	if ev.Type != event.Activity && isActivity(ev.Type) {
		d.tally.mark(studying, ev.UserID, timeframe.DayOf(ev.At, zone), n)
	}
}

// kindOf returns the type of the events that submissions of an item are.
func kindOf(t learning.ItemType) string {
	return map[learning.ItemType]string{
		learning.ItemQuiz: string(event.Quiz), learning.ItemSlide: string(event.Slide), learning.ItemStory: string(event.Story),
	}[t]
}

func textOf(ev *event.Event, field string) string {
	s, _ := ev.Fields[field].(string)
	return s
}

// after returns a log after changes. One that moved because of what came late may have moved on long since: then it stays, unless it is
// said that it does not follow.
func (l *itemLog) after(changes []logChange) *itemLog {
	for i := range changes {
		c := &changes[i]
		switch {
		case c.gone:
			l = nil
			continue
		case l != nil && !c.undone && reached(l.Progress) > reached(c.Progress):
			continue
		}
		l = &c.itemLog
	}
	return l
}

// reached orders progress.
func reached(p learning.Progress) int { return slices.Index(progresses, p) }

var progresses = []learning.Progress{learning.Start, learning.InProgress, learning.Complete}

// outlines returns what the versions of paths hold that entries speak of.
func outlines(ctx context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) ([]pathVersion, error) {
	found := map[string]*pathVersion{}
	for i := range entries {
		for j := range entries[i].Outcome.Learning {
			c := &entries[i].Outcome.Learning[j]
			key := versionKey(c.ItemID, c.Version)
			if c.ItemType != learning.ItemPath || c.AssignmentID != "" || found[key] != nil {
				continue
			}
			v, err := ws.Learning.Paths.Version(ctx, c.ItemID, c.Version)
			if err != nil && !errors.Is(err, fault.ErrNotFound) {
				return nil, err
			}
			found[key] = &pathVersion{PathID: c.ItemID, Version: c.Version}
			for _, i := range v.Document.Items {
				found[key].Items = append(found[key].Items, Item{i.ItemType, i.ItemID})
			}
		}
	}
	return values(found), nil
}

// A classroom is the logs that change, and those of the same paths.
type classroom struct {
	before, now map[string]*itemLog
	versions    map[string][]Item
	paths       map[string]bool // the keys of those whose learners may stand elsewhere
	pathDays    map[string]*pathDay
	stepDays    map[string]*stepDay
}

// applyLogs counts logs where they are since.
func (d *delta) applyLogs(ctx context.Context, tx store.Tx, l *ledger) error {
	if len(d.logs) == 0 {
		return nil
	}
	c := &classroom{
		before: map[string]*itemLog{}, now: map[string]*itemLog{}, versions: map[string][]Item{}, paths: map[string]bool{},
		pathDays: map[string]*pathDay{}, stepDays: map[string]*stepDay{},
	}
	if err := pathVersions.Put(ctx, tx, d.outlines...); err != nil {
		return err
	}
	if err := c.read(ctx, tx, d); err != nil {
		return err
	}
	for key := range d.logs {
		c.now[key] = c.before[key].after(d.logs[key])
	}
	if err := c.meet(ctx, tx, d); err != nil {
		return err
	}
	for key := range d.logs {
		c.before[key].count(d.tally, c.pathDays, -1)
		c.now[key].count(d.tally, c.pathDays, 1)
	}
	for key := range c.paths {
		c.stand(c.before, c.before[key], -1)
		if at := c.now[key]; at != nil {
			now := *at
			now.At, now.Since = c.stand(c.now, at, 1)
			c.now[key] = &now
		}
	}
	l.sums = append(l.sums, newSum(pathDays, maps.Values(c.pathDays)),
		newSum(stepDays, maps.Values(c.stepDays)))
	return c.write(ctx, tx, d)
}

// read reads the logs that change, and the paths of the same users and contexts.
func (c *classroom) read(ctx context.Context, tx store.Tx, d *delta) error {
	beside := map[string]store.Query{}
	for _, changes := range d.logs {
		l := &changes[0]
		prefix := logKey(l.UserID, l.Context, Item{ItemType: learning.ItemPath})
		beside[prefix] = store.Prefix(prefix)
	}
	keys := slices.Sorted(maps.Keys(d.logs))
	reads := []store.Read{itemLogs.Keys(keys...)}
	for _, prefix := range slices.Sorted(maps.Keys(beside)) {
		reads = append(reads, itemLogs.Rows(beside[prefix]))
	}
	if err := tx.Prefetch(ctx, reads...); err != nil {
		return err
	}
	if err := c.take(itemLogs.GetMany(ctx, tx, keys...)); err != nil {
		return err
	}
	for _, prefix := range slices.Sorted(maps.Keys(beside)) {
		if err := c.take(itemLogs.List(ctx, tx, beside[prefix])); err != nil {
			return err
		}
	}
	return nil
}

// take takes in logs as they were.
func (c *classroom) take(found []itemLog, err error) error {
	for i := range found {
		c.before[found[i].key()], c.now[found[i].key()] = &found[i], &found[i]
	}
	return err
}

// meet finds the paths whose learners may stand elsewhere, and reads what they hold.
func (c *classroom) meet(ctx context.Context, tx store.Tx, d *delta) error {
	all := map[string]bool{}
	var versions []string
	for _, logs := range []map[string]*itemLog{c.before, c.now} {
		for key, l := range logs {
			if l != nil && l.isPath() {
				all[key] = true
				versions = append(versions, versionKey(l.Item.ItemID, l.Version))
			}
		}
	}
	slices.Sort(versions)
	found, err := pathVersions.GetMany(ctx, tx, slices.Compact(versions)...)
	if err != nil {
		return err
	}
	for i := range found {
		c.versions[found[i].key()] = found[i].Items
	}
	var keys []string
	for key := range all {
		var items []string
		for _, l := range []*itemLog{c.before[key], c.now[key]} {
			if l == nil {
				continue
			}
			for _, i := range c.versions[versionKey(l.Item.ItemID, l.Version)] {
				items = append(items, logKey(l.UserID, l.Context, i))
			}
		}
		changed := func(key string) bool { return d.logs[key] != nil }
		if c.paths[key] = changed(key) || slices.ContainsFunc(items, changed); c.paths[key] {
			keys = append(keys, items...)
			continue
		}
		delete(c.paths, key)
	}
	slices.Sort(keys)
	keys = slices.DeleteFunc(slices.Compact(keys), func(key string) bool { return d.logs[key] != nil })
	return c.take(itemLogs.GetMany(ctx, tx, keys...))
}

// stand counts where the learner of a path stands, n times, and returns that.
func (c *classroom) stand(logs map[string]*itemLog, path *itemLog, n int64) (at *Item, since timeframe.Day) {
	if path == nil {
		return nil, 0
	}
	since = path.StartedOn
	items := c.versions[versionKey(path.Item.ItemID, path.Version)]
	for i := range items {
		item := Item{ItemType: items[i].ItemType, ItemID: items[i].ItemID}
		l := logs[logKey(path.UserID, path.Context, item)]
		if l == nil || l.Parent != (Item{}) && l.Parent != path.Item {
			continue
		}
		at, since = &items[i], max(since, l.StartedOn)
		step := c.step(path, items[i])
		step.Reached += n
		if l.CompletedOn != nil {
			step.Completed += n
			since = max(since, *l.CompletedOn)
		}
	}
	if at == nil || path.Progress == learning.Complete {
		return nil, 0
	}
	c.step(path, *at).Stopped += n
	return at, since
}

func (c *classroom) step(path *itemLog, item Item) *stepDay {
	d := &stepDay{PathID: path.Item.ItemID, Day: path.StartedOn, Item: item}
	if c.stepDays[d.key()] == nil {
		c.stepDays[d.key()] = d
	}
	return c.stepDays[d.key()]
}

// count counts a log where it is, n times.
func (l *itemLog) count(t *tally, days map[string]*pathDay, n int64) {
	if l == nil {
		return
	}
	switch l.Item.ItemType {
	case learning.ItemPath:
		t.mark(onPath, l.UserID, l.StartedOn, n)
		t.mark(onPath.of(string(l.Progress)), l.UserID, l.StartedOn, n)
		for _, tag := range l.Tags {
			t.mark(tagged.of(tag), l.UserID, l.StartedOn, n)
			t.count(tagged.of(tag, "path", l.Item.ItemID), l.StartedOn, n)
			if l.Progress == learning.Complete {
				t.mark(tagged.of(tag, string(learning.Complete)), l.UserID, l.StartedOn, n)
			}
		}
		d := &pathDay{Day: l.StartedOn, PathID: l.Item.ItemID}
		if days[d.key()] == nil {
			days[d.key()] = d
		}
		if d = days[d.key()]; l.Progress == learning.Complete {
			d.Completed += n
		}
		d.Started += n
	case learning.ItemGroup:
		t.mark(inGroup, l.UserID, l.StartedOn, n)
		t.mark(inGroup.of(string(l.Progress)), l.UserID, l.StartedOn, n)
	case learning.ItemSlide:
		t.mark(onSlide, l.UserID, l.StartedOn, n)
		t.count(onSlide.of(string(l.Progress)), l.StartedOn, n)
	case learning.ItemQuiz:
		t.mark(answered, l.UserID, l.StartedOn, n)
		t.count(answered.of(string(l.Outcome)), l.StartedOn, n)
		t.count(answered.of("difficulty", l.Difficulty), l.StartedOn, n)
		t.count(answered.of("difficulty", l.Difficulty, string(l.Outcome)), l.StartedOn, n)
	case learning.ItemActivity, learning.ItemStory:
	}
}

// write keeps what has changed.
func (c *classroom) write(ctx context.Context, tx store.Tx, d *delta) error {
	touched := maps.Clone(c.paths)
	for key := range d.logs {
		touched[key] = true
	}
	var now []itemLog
	var gone []string
	for _, key := range slices.Sorted(maps.Keys(touched)) {
		if l := c.now[key]; l != nil {
			now = append(now, *l)
		} else {
			gone = append(gone, key)
		}
	}
	if err := itemLogs.Put(ctx, tx, now...); err != nil {
		return err
	}
	return itemLogs.Delete(ctx, tx, gone...)
}
