package tenancy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A User is somebody in one workspace.
type User struct {
	// ID identifies the user in the workspace. The history refers to it and keeps it when the user is
	// deleted, so it should say nothing about the person: not an e-mail, not a name.
	ID string `json:"userId"`
	// PrincipalID is the identity of a user with an e-mail, otherwise empty.
	PrincipalID string `json:"principalId,omitempty"`
	// ExternalID is what the host calls the user; no two users of a workspace have the same.
	ExternalID   string `json:"externalId,omitempty"`
	Nickname     string `json:"nickname,omitempty"`
	ProfileImage string `json:"profileImage,omitempty"`
	Lang         string `json:"lang,omitempty"`
	// Timezone is the IANA zone that the user lives in; empty means UTC.
	Timezone string `json:"timezone,omitempty"`
	// Role is empty once the user is deleted.
	Role   Role   `json:"role,omitempty"`
	Status Status `json:"status"`
	// MergedInto is the user who stays of two that were one person, where this is the id that was given up ([guerdon.Workspace.Merge]): whoever asks for it
	// gets the user who stays, so that it is shown nowhere but in dumps.
	MergedInto string `json:"mergedInto,omitempty"`
	// Tags are ordered by the ids of the tags: those that somebody has assigned, and what documents make of them.
	Tags []UserTag `json:"tags,omitempty"`
	// TagsEarned says that documents have given the user tags, or taken some.
	TagsEarned bool `json:"tagsEarned,omitempty"`
	// ChangedAt is since when the language, time zone, role, status and tags are these; zero means since
	// the user was created. Before, they were others ([User.At]).
	ChangedAt time.Time `json:"changedAt,omitzero"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`

	// assigned are the tags that somebody has assigned, if Tags are what documents make of them: earns is set.
	assigned []UserTag
	earns    bool
}

// A UserTag says that a user carries a tag.
type UserTag struct {
	TagID     string    `json:"tagId"`
	Priority  int       `json:"priority"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	// By is the document that gives it, such as "Ladder/club"; empty is of a tag that somebody has assigned.
	By string `json:"by,omitempty"`
}

// Location returns the zone that the user lives in.
func (u *User) Location(zones *timeframe.Zones) (*time.Location, error) {
	if u.Timezone == "" {
		return time.UTC, nil
	}
	return zones.Load(u.Timezone)
}

// Can tells whether the user may do something: the role allows it, and the user is active.
func (u *User) Can(p Permission) bool { return u.Status == Active && Can(u.Role, p) }

// HasTag tells whether the user carries the tag.
func (u *User) HasTag(tagID string) bool {
	_, found := u.findTag(tagID)
	return found
}

// findTag returns the place of a tag among the user's, or where it would be.
func (u *User) findTag(tagID string) (int, bool) {
	return slices.BinarySearchFunc(u.Tags, tagID, func(t UserTag, id string) int { return strings.Compare(t.TagID, id) })
}

// TagIDs returns the ids of the tags that the user carries.
func (u *User) TagIDs() []string {
	ids := make([]string, len(u.Tags))
	for i, t := range u.Tags {
		ids[i] = t.TagID
	}
	return ids
}

// Vars returns the user as rules see it: the fields under their JSON names, tags as a list of ids. What the user
// lacks is absent, never an empty text: what is asked for then is the asker's default.
func (u *User) Vars() map[string]any {
	tags := make([]any, len(u.Tags))
	for i, t := range u.Tags {
		tags[i] = t.TagID
	}
	vars := map[string]any{"tags": tags}
	for _, field := range [...]struct{ name, text string }{
		{"userId", u.ID},
		{"externalId", u.ExternalID},
		{"nickname", u.Nickname},
		{"lang", u.Lang},
		{"timezone", u.Timezone},
		{"role", string(u.Role)},
		{"status", string(u.Status)},
	} {
		if field.text != "" {
			vars[field.name] = field.text
		}
	}
	if !u.CreatedAt.IsZero() {
		vars["createdAt"] = u.CreatedAt.Format(time.RFC3339Nano)
	}
	return vars
}

// clone returns a copy to be changed.
func (u *User) clone() User {
	c := *u
	c.Tags = slices.Clone(u.Tags)
	return c
}

// What an event of a user may say of what has changed.
const (
	Joined      = "JOINED" // the user was created
	TagsChanged = "TAGS"   // the user carries other tags
	// FirstSeen is that the user did something for the first time, Anniversary that another year has passed since the user was created. Nobody makes these
	// changes, so they are told only if a document asks for them.
	FirstSeen   = "FIRST_SEEN"
	Anniversary = "ANNIVERSARY"
)

// Seen returns the event that a user did something for the first time: there is one of a user.
func (u *User) Seen(at time.Time) event.Event { return u.told(u.ID+":+seen", at, FirstSeen) }

// Years returns the event that so many years have passed since the user was created: there is one of a user and number.
func (u *User) Years(years int, at time.Time) event.Event {
	e := u.told(u.ID+":+years:"+strconv.Itoa(years), at, Anniversary)
	e.Fields["years"] = float64(years)
	return e
}

// told returns an event of the user that says what nobody has changed. It carries no tags, so that none but who names users is asked about it.
func (u *User) told(id string, at time.Time, what string) event.Event {
	e := u.Changed(id, at, what, nil, nil)
	e.EntityTags = nil
	return e
}

// Changed returns the event that a user has changed, with the id that it is given. what is empty if it is neither of those above. The tags
// are ids, of those that were assigned or taken back, or that the user carries or lacks since because of documents.
func (u *User) Changed(id string, at time.Time, what string, gained, lost []string) event.Event {
	ev := event.Event{
		ID: id, Type: event.User, EntityID: u.ID, UserID: u.ID, At: at, Value: new(decimal.NewFromInt(1)), EntityTags: u.TagIDs(),
	}
	for name, ids := range map[string][]string{"tagsGained": gained, "tagsLost": lost} {
		if len(ids) > 0 {
			what = cmp.Or(what, TagsChanged)
			ev.Fields = setField(ev.Fields, name, text.Values(ids))
		}
	}
	if what != "" {
		ev.Fields = setField(ev.Fields, "change", what)
	}
	return ev
}

func setField(fields map[string]any, name string, value any) map[string]any {
	if fields == nil {
		fields = map[string]any{}
	}
	fields[name] = value
	return fields
}

// saved returns the event that follows from every change of an active user, and of the status. It says who was changed
// but, unless it is the status or the tags that are assigned, not how: the journal keeps it when the user is deleted.
func (u *User) saved(tx *session.Tx, before *User, what string) event.Event {
	was, now := before.bare(), u.bare()
	ev := u.Changed("user:"+u.ID+":"+tx.NewID(), tx.Now, what, was.gains(&now), now.gains(&was))
	if u.Status != before.Status {
		ev.Fields = setField(ev.Fields, "status", string(u.Status))
	}
	return ev
}

func (u *User) validate() error {
	return errors.Join(
		ident.Check("userId", u.ID),
		text.Optional(checkExternalID, "externalId", u.ExternalID),
		text.Optional(checkNickname, "nickname", u.Nickname),
		text.Optional(text.URI, "profileImage", u.ProfileImage),
		text.Optional(checkLang, "lang", u.Lang),
		text.Optional(checkTimezone, "timezone", u.Timezone),
		u.Role.Check("role"))
}

func checkExternalID(field, s string) error { return text.Line(field, s, 1, maxText) }

// users have no place in the indexes by update once they are deleted: no list shows them.
var users = store.Define("users", func(u *User) string { return u.ID },
	[]store.Field[User]{
		{Name: "external_id", Kind: store.KindText, Of: func(u *User) store.Value { return optional(u.ExternalID) }},
		{Name: "status", Kind: store.KindText, Of: func(u *User) store.Value { return store.Text(string(u.Status)) }},
		{Name: "role", Kind: store.KindText, Of: func(u *User) store.Value { return optional(string(u.Role)) }},
		{Name: "updated_at", Kind: store.KindInt, Of: func(u *User) store.Value {
			if u.Status == Deleted {
				return store.Value{}
			}
			return store.Time(u.UpdatedAt)
		}},
	},
	store.Index{Name: "external", Columns: []string{"external_id"}, Unique: true},
	store.Index{Name: "status", Columns: []string{"status", "updated_at"}},
	store.Index{Name: "status_role", Columns: []string{"status", "role", "updated_at"}},
).Version(3) // an id may be given up since 2, documents may give tags since 3

// FindUser returns the user with the given id, also one that is suspended or deleted, or
// [fault.ErrNotFound] naming "user". An id that was given up is that of the user who stays: whoever goes on with a user goes on with the
// user's own id. The tags must not be modified.
func FindUser(ctx context.Context, tx store.Tx, id string) (*User, error) {
	u, err := findBare(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return u.seen(ctx, tx)
}

// findBare is [FindUser], with the tags that are assigned and no others.
func findBare(ctx context.Context, tx store.Tx, id string) (*User, error) {
	u, ok, err := users.Get(ctx, tx, id)
	for err == nil && u.MergedInto != "" {
		u, ok, err = users.Get(ctx, tx, u.MergedInto)
	}
	if err == nil && !ok {
		err = fault.NotFound("user", id)
	}
	if err != nil {
		return nil, err
	}
	return &u, nil
}

// Standing returns the id of the user who stays where one was given up, and any other id as it is.
func Standing(ctx context.Context, tx store.Tx, id string) (string, error) {
	u, err := FindUser(ctx, tx, id)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return id, nil
	case err != nil:
		return "", err
	}
	return u.ID, nil
}

// FindActive returns the user with the given id, whom somebody has named in a field; [fault.ErrNotFound] if there
// is none, and [fault.ErrForbidden] if it is suspended or deleted. The tags must not be modified.
func FindActive(ctx context.Context, tx store.Tx, field, id string) (*User, error) {
	u, err := FindUser(ctx, tx, id)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return nil, fault.NotFound(field, id)
	case err != nil:
		return nil, err
	case u.Status != Active:
		return nil, fault.Forbidden(field, "%q is %s", id, u.Status)
	}
	return u, nil
}

// Away returns which of the users with the given ids take no part, and whether they are suspended or deleted.
func Away(ctx context.Context, tx store.Tx, ids ...string) (map[string]Status, error) {
	found, err := users.GetMany(ctx, tx, ids...)
	away := map[string]Status{}
	for i := range found {
		if found[i].Status != Active {
			away[found[i].ID] = found[i].Status
		}
	}
	return away, err
}

// ReadingUsers names what [FindUser] reads, for a prefetch.
func ReadingUsers(ids ...string) store.Read { return users.Keys(ids...) }

// UsersAfter returns up to limit users whose id is greater than after, in the order of ids, also those
// that are suspended or deleted. The tags must not be modified. It goes past users who cannot be read and adds them to unread, unless that is
// nil.
func UsersAfter(ctx context.Context, tx store.Tx, after string, limit int, unread map[string]error) ([]User, error) {
	q := store.Query{Limit: limit}
	if after != "" {
		q.After = &store.Position{Key: after}
	}
	var list []User
	var err error
	if unread == nil {
		list, err = users.List(ctx, tx, q)
	} else {
		list, err = session.Readable(ctx, tx, users, q, func(damaged *store.DamagedError) { unread[damaged.Key] = damaged })
	}
	if err != nil {
		return nil, err
	}
	return list, allSeen(ctx, tx, list)
}

// insert adds a user. If the id or the external id is taken, it writes nothing.
func insert(ctx context.Context, tx *session.Tx, u User) error {
	_, taken, err := users.Get(ctx, tx, u.ID)
	if err == nil && taken {
		err = fault.Exists("userId", "%q is taken", u.ID)
	}
	if err == nil {
		err = u.requireExternalID(ctx, tx)
	}
	if err != nil {
		return err
	}
	return errors.Join(users.Insert(ctx, tx, u), carry(ctx, tx, &User{}, &u))
}

// requireExternalID refuses an external id that is another user's.
func (u *User) requireExternalID(ctx context.Context, tx *session.Tx) error {
	if u.ExternalID == "" {
		return nil
	}
	taken, err := users.Count(ctx, tx, store.By("external", store.Text(u.ExternalID)))
	if err == nil && taken > 0 {
		err = fault.Exists("externalId", "%q belongs to another user", u.ExternalID)
	}
	return err
}

// save replaces a user, keeps what it was as far as rules may ask for it, and brings the users of tags
// in line. If the external id is taken, it writes nothing.
func save(ctx context.Context, tx *session.Tx, old, u *User) error {
	if u.ExternalID != old.ExternalID {
		if err := u.requireExternalID(ctx, tx); err != nil {
			return err
		}
	}
	if err := u.remember(ctx, tx, old); err != nil {
		return err
	}
	return errors.Join(users.Put(ctx, tx, u.bare()), carry(ctx, tx, old, u))
}
