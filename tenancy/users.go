package tenancy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Users is the service for the users of one workspace. The zero value refuses every call. It may be
// used concurrently.
//
// Whenever an active user is created or changed, an event of type User follows, so that rules can
// greet a newcomer or react to a tag. When a user is suspended, resumed or deleted, it has the field status: what
// the user's status has become. No document matches that of a user who takes no part any more; boards do not show
// such a user, and show a resumed one again.
//
// Two more events of type User follow if a published document asks for them: a reward rule, or a rule that assigns missions or paths because of events, that
// matches users and whose condition reads the field change, or years, and does not require another change.
//   - [FirstSeen]: the user did something for the first time, which is an activity, a quiz, a slide, a story or a tracking that counts. The event follows
//     from what is first in the order in which it happened, whatever comes late or is taken back: there is one of a user, and its id is the user's with ":+seen".
//     Who did something before the rule was published was seen before, also if that is archived; and if what turns out to be first was recorded while nobody asked, nobody is told of it.
//   - [Anniversary]: it is the day of the year on which the user joined, where the user lives by then, and years says how many have passed. The day of joining is
//     that of where the user lived then; who joined on 29 February has the anniversary on 28 February in years that have no such day. There is one of a
//     user and year, and none of who is suspended on the day or deleted. It follows when the clock is asked (guerdon.Workspace.Advance), or before the user's next event. Those who joined before
//     anybody asked for anniversaries have theirs from the next one on, once Advance has come to them.
type Users struct {
	run    session.Runner
	tagged func(ctx context.Context, tx *session.Tx, tagID string) (bool, error)
}

// NewUsers returns the service of the workspace on whose scope run runs transactions. tagged tells
// whether there is such a tag; nil means that every tag will do.
func NewUsers(run session.Runner, tagged func(ctx context.Context, tx *session.Tx, tagID string) (bool, error)) Users {
	return Users{run, tagged}
}

// A NewUser is what a user is made of. Everything is optional.
type NewUser struct {
	// ID is the user's id, for good: 1 to 64 characters of A-Z a-z 0-9 _ -. Empty means a new one.
	ID string `json:"userId,omitempty"`
	// Email gives the user a principal: the one that the account has for this e-mail, or a new one.
	// Spelling differences between upper and lower case do not count.
	Email string `json:"email,omitempty"`
	// FirstName and LastName go to the principal, unless it has names already. They need an e-mail.
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	// ExternalID is what the host calls the user, 1 to 255 characters.
	ExternalID string `json:"externalId,omitempty"`
	// Nickname is 2 to 40 letters, digits and symbols, with single spaces, "_", "." and "-" among them.
	Nickname string `json:"nickname,omitempty"`
	// ProfileImage is an absolute URI.
	ProfileImage string `json:"profileImage,omitempty"`
	// Lang is a language that [ValidLang] knows; empty means the workspace's.
	Lang string `json:"lang,omitempty"`
	// Timezone is the name of a zone in the time zone database; empty means UTC.
	Timezone string `json:"timezone,omitempty"`
	// Role is, if empty, the one that the workspace's configuration gives to newcomers: unless it was
	// changed, member.
	Role Role `json:"role,omitempty"`
	// Tags are up to 25 tags that the user carries from the beginning. What the user did before it was
	// created, and is recorded afterwards, sees them too.
	Tags []Tagging `json:"tags,omitempty"`
}

// Create adds an active user and returns it. It returns [fault.ErrInvalid] for every field at fault,
// [fault.ErrNotFound] for a tag that is not published, and [fault.ErrExists] if the id or the external id
// is taken, or the e-mail is that of another user of the workspace. The id of a deleted user stays taken.
func (s Users) Create(ctx context.Context, n NewUser) (User, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (User, error) {
		u, err := n.user(ctx, tx)
		if err == nil {
			err = s.checkTags(ctx, tx, n.Tags)
		}
		if err != nil {
			return User{}, err
		}
		var p identity
		if n.Email != "" {
			if p, err = joinedBy(ctx, tx, &n, u.ID); err != nil {
				return User{}, err
			}
			u.PrincipalID = p.ID
		}
		if err := insert(ctx, tx, u); err != nil {
			return User{}, err
		}
		if n.Email != "" {
			if err := principals.Put(ctx, tx.In(accountScope(tx.Scope().Account)), p); err != nil {
				return User{}, err
			}
		}
		tx.Cause(u.saved(tx, &User{Status: u.Status}, Joined))
		return u, nil
	})
}

// user returns the user that n describes, without its principal.
func (n *NewUser) user(ctx context.Context, tx *session.Tx) (User, error) {
	u := User{
		ID: n.ID, ExternalID: n.ExternalID, Nickname: n.Nickname, ProfileImage: n.ProfileImage, Lang: n.Lang,
		Timezone: n.Timezone, Role: n.Role, Status: Active, Tags: userTags(n.Tags, tx.Now), CreatedAt: tx.Now, UpdatedAt: tx.Now,
	}
	if u.ID == "" {
		u.ID = tx.NewID()
	}
	if u.Role == "" {
		c, err := FindConfiguration(ctx, tx)
		if err != nil {
			return User{}, err
		}
		u.Role = c.Security.DefaultUserRole
	}
	return u, errors.Join(u.validate(), n.validatePrincipal(), CheckTaggings("tags", n.Tags, MaxAssignments))
}

// Get returns the user with the given id; [fault.ErrNotFound] if there is none. A deleted user is
// returned with nothing but id, status and times. An id that was given up by a merge gives the user who stays, here and wherever a
// user is named.
func (s Users) Get(ctx context.Context, id string) (User, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (User, error) {
		u, err := FindUser(ctx, tx, id)
		if err != nil {
			return User{}, err
		}
		return *u, nil
	})
}

// MaxUsers is how many users one call may name.
const MaxUsers = 1000

// GetMany returns up to [MaxUsers] users, in the order of their ids here, as [Users.Get] does each. One who is not there is left out, and of ids
// that are one user's there is one.
func (s Users) GetMany(ctx context.Context, ids ...string) ([]User, error) {
	if err := checkMany(ids); err != nil {
		return nil, err
	}
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]User, error) { return findMany(ctx, tx, ids) })
}

// findMany returns the users of ids, each once and in the order of their own ids.
func findMany(ctx context.Context, tx store.Tx, ids []string) ([]User, error) {
	found, err := users.GetMany(ctx, tx, ids...)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(found, func(u User) bool { return u.MergedInto != "" }) {
		return found, allSeen(ctx, tx, found)
	}
	var all []User
	for i := range found {
		u, err := FindUser(ctx, tx, found[i].ID)
		if err != nil {
			return nil, err
		}
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b User) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b User) bool { return a.ID == b.ID }), nil
}

// Principals returns the identities behind up to [MaxUsers] users, by the users' ids. One who is not there, or has no e-mail, has no entry.
func (s Users) Principals(ctx context.Context, ids ...string) (map[string]Principal, error) {
	if err := checkMany(ids); err != nil {
		return nil, err
	}
	return session.Read(ctx, s.run, func(tx *session.Tx) (map[string]Principal, error) {
		found, err := findMany(ctx, tx, ids)
		if err != nil {
			return nil, err
		}
		var keys []string
		for i := range found {
			if id := found[i].PrincipalID; id != "" {
				keys = append(keys, id)
			}
		}
		known, err := principals.GetMany(ctx, tx.In(accountScope(tx.Scope().Account)), keys...)
		all := make(map[string]Principal, len(known))
		for i := range known {
			all[known[i].Users[tx.Scope().Workspace]] = known[i].Principal
		}
		return all, err
	})
}

func checkMany(ids []string) error {
	if len(ids) > MaxUsers {
		return fault.Invalid("userIds", "are %d, at most %d are allowed", len(ids), MaxUsers)
	}
	return nil
}

// ByExternalID returns the user that the host calls so; [fault.ErrNotFound] if there is none.
func (s Users) ByExternalID(ctx context.Context, externalID string) (User, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (User, error) {
		found, err := users.List(ctx, tx, store.By("external", store.Text(externalID)))
		if err == nil && len(found) == 0 {
			err = fault.NotFound("user", externalID)
		}
		if err != nil {
			return User{}, err
		}
		return found[0], allSeen(ctx, tx, found)
	})
}

// Principal returns the identity behind a user. It returns [fault.ErrNotFound] if there is no such
// user, or the user has no e-mail.
func (s Users) Principal(ctx context.Context, userID string) (Principal, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (Principal, error) {
		u, err := FindUser(ctx, tx, userID)
		if err != nil {
			return Principal{}, err
		}
		p, ok, err := principals.Get(ctx, tx.In(accountScope(tx.Scope().Account)), u.PrincipalID)
		if err == nil && !ok {
			err = fault.NotFound("principal", userID)
		}
		return p.Principal, err
	})
}

// A UserFilter says which users a list shows. The zero value is all who take part.
type UserFilter struct {
	// Status is active or suspended; empty means active. No list shows deleted users.
	Status Status
	// Role is one of the roles; empty means any.
	Role Role
}

// CheckListed refuses a status of which no list of people is: it names the field.
func (s Status) CheckListed(field string) error {
	if s != "" && s != Active && s != Suspended {
		return fault.Invalid(field, "%q is none of active, suspended", s)
	}
	return nil
}

// Lists tells whether a list of people that asks for the status shows a user; an empty one asks for those who take part.
func (s Status) Lists(u *User) bool { return u.Status == cmp.Or(s, Active) }

func (f UserFilter) query() (store.Query, error) {
	if err := f.Status.CheckListed("status"); err != nil {
		return store.Query{}, err
	}
	if f.Role != "" {
		if err := f.Role.Check("role"); err != nil {
			return store.Query{}, err
		}
	}
	status := store.Text(string(cmp.Or(f.Status, Active)))
	if f.Role != "" {
		return store.By("status_role", status, store.Text(string(f.Role))), nil
	}
	return store.By("status", status), nil
}

// List returns users in the order of their last update, newest first, and the token of the next page,
// "" if there is none.
func (s Users) List(ctx context.Context, filter UserFilter, page store.Page) (list []User, next string, err error) {
	q, err := filter.query()
	if err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]User, string, error) {
		list, next, err := users.PageOf(ctx, tx, q, page)
		return list, next, errors.Join(err, allSeen(ctx, tx, list))
	})
}

// A UserPatch says what to change of a user: what is nil stays, what is "" is cleared.
type UserPatch struct {
	ExternalID   *string
	Nickname     *string
	ProfileImage *string
	Lang         *string
	Timezone     *string
}

// Update changes a user and returns it. It returns [fault.ErrInvalid] for every field at fault,
// [fault.ErrNotFound], [fault.ErrExists] if the external id is another user's, and
// [fault.ErrConflict] if the user is deleted.
func (s Users) Update(ctx context.Context, id string, p UserPatch) (User, error) {
	return s.edit(ctx, id, func(_ *session.Tx, u *User) error {
		for _, f := range []struct{ to, from *string }{
			{&u.ExternalID, p.ExternalID},
			{&u.Nickname, p.Nickname},
			{&u.ProfileImage, p.ProfileImage},
			{&u.Lang, p.Lang},
			{&u.Timezone, p.Timezone},
		} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		return u.validate()
	})
}

// Suspend keeps the user from taking part until [Users.Resume]: no list of people shows the user unless it is asked for those who are
// suspended, and no board that follows status; totals stay. Suspending twice is no error. It
// returns [fault.ErrNotFound], or [fault.ErrConflict] if the user is deleted.
func (s Users) Suspend(ctx context.Context, id string) (User, error) {
	return s.edit(ctx, id, func(_ *session.Tx, u *User) error { u.Status = Suspended; return nil })
}

// Resume ends a suspension; without one it changes nothing. It returns [fault.ErrNotFound], or
// [fault.ErrConflict] if the user is deleted.
func (s Users) Resume(ctx context.Context, id string) (User, error) {
	return s.edit(ctx, id, func(_ *session.Tx, u *User) error { u.Status = Active; return nil })
}

// SetRole gives the user a role. It returns [fault.ErrInvalid] if there is no such role,
// [fault.ErrNotFound], or [fault.ErrConflict] if the user is deleted.
func (s Users) SetRole(ctx context.Context, id string, r Role) (User, error) {
	return s.edit(ctx, id, func(_ *session.Tx, u *User) error { u.Role = r; return r.Check("role") })
}

// Anonymise deletes a user and returns what remains: the id, to which the journal refers, and times.
// Everything else is wiped, also what the user was before. Its principal is deleted too unless it has a user in
// another workspace. The balances and results of the user stay, so that totals do not change; boards do not show the user.
// Anonymising twice
// is no error; [fault.ErrNotFound] if there is no such user.
//
// What the host itself put into ids, tags or the data of events is not touched: ids should be opaque.
func (s Users) Anonymise(ctx context.Context, id string) (User, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (User, error) {
		old, err := findBare(ctx, tx, id)
		if err != nil {
			return User{}, err
		}
		if old.Status == Deleted {
			return *old, nil
		}
		// A new value, so that a field that is added to users some day is wiped too.
		u := User{ID: old.ID, Status: Deleted, CreatedAt: old.CreatedAt, UpdatedAt: tx.Now}
		if err := errors.Join(users.Put(ctx, tx, u), forget(ctx, tx, old.ID, true)); err != nil {
			return User{}, err
		}
		if old.PrincipalID != "" {
			if err := leave(ctx, tx, old.PrincipalID); err != nil {
				return User{}, err
			}
		}
		tx.Cause(u.saved(tx, &User{Status: old.Status}, ""))
		return u, nil
	})
}

// edit changes a user that is not deleted.
func (s Users) edit(ctx context.Context, id string, change func(*session.Tx, *User) error) (User, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (User, error) {
		old, err := findBare(ctx, tx, id)
		if err != nil {
			return User{}, err
		}
		if old.Status == Deleted {
			return User{}, fault.Conflict("user", "%q is deleted", id)
		}
		u := old.clone()
		u.UpdatedAt = tx.Now
		if err := change(tx, &u); err != nil {
			return User{}, err
		}
		if err := save(ctx, tx, old, &u); err != nil {
			return User{}, err
		}
		now, err := u.seen(ctx, tx)
		if err != nil {
			return User{}, err
		}
		if u.Status == Active || u.Status != old.Status {
			tx.Cause(now.saved(tx, old, ""))
		}
		return *now, nil
	})
}
