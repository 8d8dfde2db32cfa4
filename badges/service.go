package badges

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Service is the badges of one workspace. The zero value refuses every call. It may be used concurrently.
type Service struct {
	// Configurations are the documents.
	Configurations content.Documents[Configuration]

	run     session.Runner
	program room.Current[*program]
}

// newService returns the service of a workspace; program gives what is in force there.
func newService(run session.Runner, lib *content.Library, program room.Current[*program]) Service {
	return Service{Configurations: content.NewDocuments(run, lib, Configurations), run: run, program: program}
}

// A View is a badge as a user sees it, had or not.
type View struct {
	Badge
	// Name, Image and IsSecret are those of the configuration, and Label and Description its text in the language of the user; all are empty if that is not
	// published any more.
	Name        string `json:"name,omitempty"`
	Image       string `json:"image,omitempty"`
	Lang        string `json:"lang,omitempty"`
	Label       string `json:"label,omitempty"`
	Description string `json:"description,omitempty"`
	IsSecret    bool   `json:"isSecret,omitempty"`
	// IsActive tells whether the configuration is published.
	IsActive bool `json:"isActive"`
	// Progress is how far the user is from the badge, as its configuration says what shows that; nil if nothing does.
	Progress *Progress `json:"progress,omitempty"`
	// Awards are the times that the user was awarded it, the newest first, at most [MaxAwards] of them; [Service.Awards] has all. A list
	// of badges leaves them out.
	Awards []Award `json:"badgeLogs,omitempty"`
}

// MaxAwards is how many awards are shown with a badge.
const MaxAwards = 100

// Progress is how far a user is from something.
type Progress struct {
	// Done of Needed is done.
	Done   decimal.Decimal `json:"done"`
	Needed decimal.Decimal `json:"needed"`
	// Share is Done of Needed, from 0 to 1, cut to two places: 1 is all of it.
	Share decimal.Decimal `json:"share"`
}

// A Query says which badges a list shows. The zero value is all, but for secret ones that the user does not have.
type Query struct {
	// Had picks those that the user has.
	Had bool
	// Secret shows secret ones too that the user does not have.
	Secret bool
	// Lang is a BCP-47 tag; empty means the user's language. A badge that has no text in it shows that of its default language.
	Lang string
}

// List returns the badges that there are, in the order of their creation, with how far a user is, and behind them those that the user has
// though they are not published any more. It returns [fault.ErrInvalid] for a language that is none, and [fault.ErrNotFound] for an unknown user.
func (s Service) List(ctx context.Context, userID string, q Query) ([]View, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]View, error) {
		p, u, err := s.reading(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		had, err := p.had(ctx, tx, u.ID, "")
		if err != nil {
			return nil, err
		}
		list := []View{}
		for _, c := range content.Live(p.docs, Configurations) {
			b := had[c.ID]
			delete(had, c.ID)
			if b == nil && (q.Had || c.IsSecret && !q.Secret) {
				continue
			}
			if b == nil {
				b = &Badge{UserID: u.ID, ConfigurationID: c.ID}
			}
			v, err := p.view(ctx, tx, u, c, *b, q.Lang)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		first := len(list)
		for _, b := range had {
			list = append(list, View{Badge: *b})
		}
		slices.SortFunc(list[first:], func(a, b View) int { return a.FirstAt.Compare(b.FirstAt) })
		return list, nil
	})
}

// Badge returns a badge as a user has it, or does not, in a language as [Query.Lang] says. It returns [fault.ErrNotFound] for an unknown user, and for a
// badge that is not published, or is secret, and that the user does not have.
func (s Service) Badge(ctx context.Context, userID, badgeID, lang string) (View, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) (View, error) {
		p, u, err := s.reading(ctx, tx, userID)
		if err != nil {
			return View{}, err
		}
		if err := ident.Check("badgeConfigurationId", badgeID); err != nil {
			return View{}, err
		}
		had, err := p.had(ctx, tx, u.ID, badgeID)
		if err != nil {
			return View{}, err
		}
		c, b := content.Find(p.docs, Configurations, badgeID), had[badgeID]
		switch {
		case b == nil && (c == nil || c.IsSecret):
			return View{}, fault.NotFound("badge", badgeID)
		case b == nil:
			b = &Badge{UserID: u.ID, ConfigurationID: badgeID}
		}
		v := View{Badge: *b}
		if c != nil {
			if v, err = p.view(ctx, tx, u, c, *b, lang); err != nil {
				return View{}, err
			}
		}
		v.Awards, err = lastAwards(ctx, tx, u.ID, badgeID)
		return v, err
	})
}

// Awards returns the times that a user was awarded a badge, but for those that were kept ([Award].Kept), the newest first, and the token of the next page,
// "" if there is none. It returns [fault.ErrNotFound] for an unknown user.
func (s Service) Awards(ctx context.Context, userID, badgeID string, page store.Page) (list []Award, next string, err error) {
	if err := ident.Check("badgeConfigurationId", badgeID); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]Award, string, error) {
		u, err := tenancy.FindUser(ctx, tx, userID)
		if err != nil {
			return nil, "", err
		}
		return awards.PageOf(ctx, tx, store.Prefix(awardsOf(u.ID, badgeID)), page)
	})
}

// A NewAward asks for a badge to be awarded by hand.
type NewAward struct {
	// ID becomes the id of the award; empty means a new one. Who gives an id can repeat the call after a failure: the second does nothing.
	ID              string `json:"badgeAwardId,omitempty"`
	UserID          string `json:"userId"`
	ConfigurationID string `json:"badgeConfigurationId"`
	// Reason is why, for people to read. It must be given.
	Reason string `json:"reason"`
	// At is when what it is for happened, zero for now.
	At time.Time `json:"assignedAt,omitzero"`
}

// maxReason is how many bytes a reason may have.
const maxReason = 1000

// Award awards a badge by hand, and returns the award. It is an event of type Badge, and what follows is in the journal's entry of the award's ID.
// [guerdon.Workspace.Retract] takes it back, by that ID. It returns [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] for an unknown user or a badge that is
// not published, [fault.ErrForbidden] if the user is not active, and [fault.ErrConflict] for an ID that something else has, or for what happened before the
// workspace's horizon.
func (s Service) Award(ctx context.Context, n NewAward) (Award, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Award, error) {
		if err := n.check(tx.Now); err != nil {
			return Award{}, err
		}
		p, err := s.program(ctx, tx)
		if err != nil {
			return Award{}, err
		}
		u, err := tenancy.FindActive(ctx, tx, "userId", n.UserID)
		if err != nil {
			return Award{}, err
		}
		n.UserID = u.ID
		if content.Find(p.docs, Configurations, n.ConfigurationID) == nil {
			return Award{}, fault.NotFound("badgeConfigurationId", n.ConfigurationID)
		}
		e := event.Event{
			ID: n.ID, Type: event.Badge, EntityID: n.ConfigurationID, UserID: u.ID, At: n.At.UTC().Truncate(time.Microsecond),
			Value: new(decimal.NewFromInt(1)), Fields: map[string]any{fieldReason: n.Reason},
		}
		if e.ID == "" {
			e.ID = tx.NewID()
		}
		told, err := tx.Submit(ctx, e)
		if err == nil {
			told.UserID, err = tenancy.Standing(ctx, tx, told.UserID)
		}
		if err == nil {
			err = n.same(&told)
		}
		if err != nil {
			return Award{}, err
		}
		return awardOf(&told), nil
	})
}

func (n *NewAward) check(now time.Time) error {
	faults := []error{ident.Check("userId", n.UserID), ident.Check("badgeConfigurationId", n.ConfigurationID), text.Prose("reason", n.Reason, 1, maxReason)}
	if n.ID != "" {
		faults = append(faults, ident.Check("badgeAwardId", n.ID))
	}
	if !n.At.IsZero() {
		faults = append(faults, event.CheckTime("assignedAt", n.At, now))
	}
	return errors.Join(faults...)
}

// same refuses an event that was recorded under the id as something else.
func (n *NewAward) same(told *event.Event) error {
	a := awardOf(told)
	differs := func(field string, same bool) error {
		if same {
			return nil
		}
		return fault.Conflict(field, "is another than that of %q", a.ID)
	}
	if told.Type != event.Badge || a.RuleID != "" {
		return fault.Conflict("badgeAwardId", "%q is something else", a.ID)
	}
	return errors.Join(
		differs("userId", a.UserID == n.UserID), differs("badgeConfigurationId", a.ConfigurationID == n.ConfigurationID),
		differs("reason", a.Reason == n.Reason), differs("assignedAt", n.At.IsZero() || a.At.Equal(n.At.Truncate(time.Microsecond))),
	)
}

// reading returns the program in force and a user.
func (s Service) reading(ctx context.Context, tx *session.Tx, userID string) (*program, *tenancy.User, error) {
	p, err := s.program(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	u, err := tenancy.FindUser(ctx, tx, userID)
	return p, u, err
}

// had returns the badges that a user has, or one of them, by configuration.
func (p *program) had(ctx context.Context, tx *session.Tx, userID, badgeID string) (map[string]*Badge, error) {
	of := store.Prefix(badgeKey(userID, badgeID))
	stay := of
	if badgeID != "" {
		stay = store.Prefix(awardsOf(userID, badgeID))
	}
	if err := tx.Prefetch(ctx, badges.Rows(of), kept.Rows(stay)); err != nil {
		return nil, err
	}
	rows, err := badges.List(ctx, tx, of)
	if err != nil {
		return nil, err
	}
	had := map[string]*Badge{}
	for i := range rows {
		had[rows[i].ConfigurationID] = &rows[i]
	}
	also, err := kept.List(ctx, tx, stay)
	for i := range also {
		a := &also[i]
		if had[a.ConfigurationID] == nil {
			had[a.ConfigurationID] = &Badge{UserID: userID, ConfigurationID: a.ConfigurationID}
		}
		had[a.ConfigurationID].count(a)
	}
	return had, err
}

// view returns a badge as a user sees it whose configuration is published.
func (p *program) view(ctx context.Context, tx *session.Tx, u *tenancy.User, c *Configuration, b Badge, lang string) (View, error) {
	v, err := labelled(u, c, b, lang)
	if err != nil || c.ProgressID == "" {
		return v, err
	}
	done, needed, known, err := p.gauge.Gauge(ctx, tx, u, c.ProgressType, c.ProgressID)
	if known && err == nil {
		v.Progress = progress(done, needed)
	}
	return v, err
}

// labelled returns a badge with what its configuration says of it, but for how far a user is.
func labelled(u *tenancy.User, c *Configuration, b Badge, lang string) (View, error) {
	picked, err := content.PickLang(cmp.Or(lang, u.Lang), c.Languages(), c.DefaultLang)
	if err != nil {
		return View{}, err
	}
	v := View{Badge: b, Name: c.Name, Image: c.Image, IsSecret: c.IsSecret, IsActive: true, Lang: picked}
	if i := slices.IndexFunc(c.Translations, func(l content.Label) bool { return l.Lang == picked }); i >= 0 {
		v.Label, v.Description = c.Translations[i].Label, c.Translations[i].Description
	}
	return v, nil
}

func progress(done, needed decimal.Decimal) *Progress {
	one := decimal.NewFromInt(1)
	share := one
	if needed.IsPositive() {
		share = decimal.Min(one, done.Div(needed).Truncate(2))
	}
	return &Progress{Done: done, Needed: needed, Share: share}
}

// lastAwards returns the last times that a user was awarded a badge, the newest first.
func lastAwards(ctx context.Context, tx *session.Tx, userID, badgeID string) ([]Award, error) {
	all, err := held(ctx, tx, store.Prefix(awardsOf(userID, badgeID)).Reverse().First(MaxAwards))
	return all[:min(len(all), MaxAwards)], err
}

// held returns the awards that a query describes and those that were kept, the newest first.
func held(ctx context.Context, tx *session.Tx, of store.Query) ([]Award, error) {
	if err := tx.Prefetch(ctx, awards.Rows(of), kept.Rows(of)); err != nil {
		return nil, err
	}
	list, err := awards.List(ctx, tx, of)
	if err != nil {
		return nil, err
	}
	also, err := kept.List(ctx, tx, of)
	return slices.SortedFunc(slices.Values(slices.Concat(list, also)), newestFirst), err
}
