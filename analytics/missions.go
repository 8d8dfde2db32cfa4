package analytics

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// mission is where a mission is counted, so that it can be counted elsewhere when that turns out otherwise. There is none of a user who is erased.
type mission struct {
	ID              string `json:"missionId"`
	ConfigurationID string `json:"missionConfigurationId"`
	// UserID is whose it is, "" if it is a group's.
	UserID      string         `json:"userId,omitempty"`
	AssignedOn  *timeframe.Day `json:"assignedOn,omitempty"`
	CompletedOn *timeframe.Day `json:"completedOn,omitempty"`
}

// missionKey begins with the user, so that all of who is erased can be found.
func missionKey(userID, id string) string { return userID + "/" + id }

func (m *mission) key() string { return missionKey(m.UserID, m.ID) }

// ofUser returns a day for an index of the missions of users.
func (m *mission) ofUser(on *timeframe.Day) store.Value {
	if m.UserID == "" || on == nil {
		return store.Value{}
	}
	return store.Int(int64(*on))
}

var missionRows = store.Define("analytics_missions", (*mission).key,
	[]store.Field[mission]{
		{Name: "configuration", Kind: store.KindText, Of: func(m *mission) store.Value { return store.Text(m.ConfigurationID) }},
		{Name: "assigned", Kind: store.KindInt, Of: func(m *mission) store.Value { return m.ofUser(m.AssignedOn) }},
		{Name: "completed", Kind: store.KindInt, Of: func(m *mission) store.Value { return m.ofUser(m.CompletedOn) }},
		{Name: "user", Kind: store.KindText, Of: func(m *mission) store.Value { return store.Text(m.UserID) }},
	},
	store.Index{Name: "assigned", Columns: []string{"configuration", "assigned"}},
	store.Index{Name: "completed", Columns: []string{"configuration", "completed"}},
	store.Index{Name: "assignedTo", Columns: []string{"user", "assigned"}},
	store.Index{Name: "completedBy", Columns: []string{"user", "completed"}},
)

// missionDay is how many missions of a configuration were assigned and completed on a day.
type missionDay struct {
	Day             timeframe.Day `json:"day"`
	ConfigurationID string        `json:"missionConfigurationId"`
	Assigned        int64         `json:"assigned,omitempty"`
	Completed       int64         `json:"completed,omitempty"`
}

func (d *missionDay) key() string { return d.Day.String() + "/" + d.ConfigurationID }

func (d *missionDay) none() bool { return d.Assigned == 0 && d.Completed == 0 }

func (d *missionDay) plus(o *missionDay) {
	d.Assigned += o.Assigned
	d.Completed += o.Completed
}

var missionDays = store.Define("analytics_mission_days", (*missionDay).key, nil)

// A told is what entries say of a mission.
type told struct {
	mission

	gone                bool // there is none any more, whatever was before
	anew                bool // what was before does not count
	assigned, completed bool // what is told of it is another than before, perhaps that it is not
}

// tell takes in what an entry says of missions. That one is assigned counts on the day on which that happened because of which it is.
func (d *delta) tell(e *guerdon.Entry, zone *time.Location) {
	for i := range e.Outcome.Missions {
		c := &e.Outcome.Missions[i]
		if !c.Assigned && !c.Completed && !c.Undone && c.CompletedAt.IsZero() { // it advanced
			continue
		}
		key := missionKey(c.UserID, c.MissionID)
		t := d.missions[key]
		if t == nil {
			t = &told{}
			d.missions[key] = t
		}
		t.gone = c.Gone
		t.ID, t.ConfigurationID, t.UserID = c.MissionID, c.ConfigurationID, c.UserID
		if c.Gone {
			t.anew, t.AssignedOn, t.CompletedOn = true, nil, nil
			continue
		}
		if c.Assigned {
			t.assigned, t.AssignedOn = true, new(timeframe.DayOf(e.Event.At, zone))
		}
		switch {
		case !c.CompletedAt.IsZero():
			t.completed, t.CompletedOn = true, new(timeframe.DayOf(c.CompletedAt, zone))
		case c.Undone:
			t.completed, t.CompletedOn = true, nil
		}
	}
}

// standing returns where a mission is counted since, from where it was; nil is nowhere.
func (t *told) standing(was *mission) *mission {
	if t.gone {
		return nil
	}
	now := t.mission
	if was != nil && !t.anew {
		if !t.assigned {
			now.AssignedOn = was.AssignedOn
		}
		if !t.completed {
			now.CompletedOn = was.CompletedOn
		}
	}
	return &now
}

// applyMissions counts missions where they are since.
func (d *delta) applyMissions(ctx context.Context, tx store.Tx, l *ledger) error {
	keys := slices.Sorted(maps.Keys(d.missions))
	known, err := missionRows.GetMany(ctx, tx, keys...)
	if err != nil {
		return err
	}
	before, sums := map[string]*mission{}, map[string]*missionDay{}
	for i := range known {
		before[known[i].key()] = &known[i]
	}
	var now []mission
	var gone []string
	for _, key := range keys {
		was, is := before[key], d.missions[key].standing(before[key])
		countMission(sums, was, -1)
		countMission(sums, is, 1)
		if is != nil {
			now = append(now, *is)
		} else {
			gone = append(gone, key)
		}
	}
	if err := missionRows.Put(ctx, tx, now...); err != nil {
		return err
	}
	l.sums = append(l.sums, newSum(missionDays, maps.Values(sums)))
	return missionRows.Delete(ctx, tx, gone...)
}

// countMission adds to the days on which a mission is counted.
func countMission(sums map[string]*missionDay, m *mission, n int64) {
	if m == nil {
		return
	}
	at := func(on timeframe.Day) *missionDay {
		d := missionDay{Day: on, ConfigurationID: m.ConfigurationID}
		if sums[d.key()] == nil {
			sums[d.key()] = &d
		}
		return sums[d.key()]
	}
	if m.AssignedOn != nil {
		at(*m.AssignedOn).Assigned += n
	}
	if m.CompletedOn != nil {
		at(*m.CompletedOn).Completed += n
	}
}

// Missions is how many missions were assigned and completed in a range.
type Missions struct {
	AsOf

	Missions []MissionCount `json:"missions"`
}

// A MissionCount is how many missions of a configuration, of users and groups, were assigned and completed. A mission that was begun by
// hand is not assigned.
type MissionCount struct {
	ConfigurationID string `json:"missionConfigurationId"`
	Assigned        int64  `json:"assigned"`
	Completed       int64  `json:"completed"`
}

// Missions returns, for each configuration in the order of their ids, how many of its missions were assigned, and how many completed, on a day of a
// range. Those that were completed may have been assigned before.
func (r Reader) Missions(ctx context.Context, in Range) (out Missions, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		all, err := missionDays.List(ctx, tx, in.prefixed())
		sums := map[string]*MissionCount{}
		for _, d := range all {
			if sums[d.ConfigurationID] == nil {
				sums[d.ConfigurationID] = &MissionCount{ConfigurationID: d.ConfigurationID}
			}
			sums[d.ConfigurationID].Assigned += d.Assigned
			sums[d.ConfigurationID].Completed += d.Completed
		}
		out = Missions{AsOf: at.asOf(), Missions: slices.DeleteFunc(values(sums), func(m MissionCount) bool { return m.Assigned+m.Completed == 0 })}
		return err
	})
	return out, err
}

// prefixed returns the rows of a range whose keys begin with a day.
func (r Range) prefixed() store.Query {
	return store.Query{From: store.Text(r.From.String()), Until: store.Text(r.To.Add(1).String())}
}

// MissionUsers are a page of a list of missions. Who is suspended or erased is in none.
type MissionUsers struct {
	AsOf

	Users []MissionUser `json:"users"`
	// NextToken is that of the next page, "" if there is none.
	NextToken string `json:"nextToken,omitempty"`
}

// A MissionUser is whose mission was assigned or completed on a day.
type MissionUser struct {
	UserID    string        `json:"userId"`
	MissionID string        `json:"missionId"`
	Day       timeframe.Day `json:"date"`
}

// AssignedUsers returns to whom a mission of a configuration was assigned on a day of a range, the newest first unless the page says otherwise. Who has it
// in several periods is there several times. It returns [fault.ErrInvalid] for a range, a limit or a token that is none.
func (r Reader) AssignedUsers(ctx context.Context, configurationID string, in Range, page store.Page) (MissionUsers, error) {
	return r.missionUsers(ctx, "assigned", configurationID, in, page, func(m *mission) timeframe.Day { return *m.AssignedOn })
}

// CompletedUsers is [Reader.AssignedUsers] of those who completed it.
func (r Reader) CompletedUsers(ctx context.Context, configurationID string, in Range, page store.Page) (MissionUsers, error) {
	return r.missionUsers(ctx, "completed", configurationID, in, page, func(m *mission) timeframe.Day { return *m.CompletedOn })
}

func (r Reader) missionUsers(
	ctx context.Context, index, configurationID string, in Range, page store.Page, on func(*mission) timeframe.Day,
) (out MissionUsers, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	if configurationID == "" || strings.ContainsRune(configurationID, 0) {
		return out, fault.Invalid("missionConfigurationId", "is no id")
	}
	q := store.By(index, store.Text(configurationID)).Between(store.Int(int64(in.From)), store.Int(int64(in.To)+1))
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		found, next, err := shown(ctx, tx, missionRows, q, page, func(m *mission) string { return m.UserID })
		out = MissionUsers{AsOf: at.asOf(), Users: make([]MissionUser, len(found)), NextToken: next}
		for i := range found {
			out.Users[i] = MissionUser{found[i].UserID, found[i].ID, on(&found[i])}
		}
		return err
	})
	return out, err
}

// shown returns a page of rows of users who are in lists.
func shown[T any](
	ctx context.Context, tx store.Tx, rows *store.Table[T], q store.Query, page store.Page, userID func(*T) string,
) ([]T, string, error) {
	var wrong error
	found, next, err := rows.PageWhere(ctx, tx, q, page, func(row *T) bool {
		p, there, err := people.Get(ctx, tx, userID(row))
		wrong = cmp.Or(wrong, err)
		return !there || !p.Suspended
	})
	return found, next, cmp.Or(err, wrong)
}
