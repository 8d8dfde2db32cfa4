package tenancy_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

func TestCreateUser(t *testing.T) {
	t.Parallel()
	w := open(t)
	n := tenancy.NewUser{
		ID: "u1", Email: "Ann@Example.org", FirstName: "Ann", LastName: "O'Hara", ExternalID: "crm 17", Nickname: "ann.o",
		ProfileImage: "https://img.example.org/ann.png", Lang: "it", Timezone: "Asia/Calcutta", Role: tenancy.Manager,
	}
	u := w.create(t, acme, n)
	require.Equal(t, tenancy.User{
		ID: "u1", PrincipalID: u.PrincipalID, ExternalID: "crm 17", Nickname: "ann.o", ProfileImage: n.ProfileImage,
		Lang: "it", Timezone: "Asia/Calcutta", Role: tenancy.Manager, Status: tenancy.Active, CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt,
	}, u)
	require.False(t, u.CreatedAt.IsZero())

	got, err := w.users(acme).Get(t.Context(), "u1")
	require.NoError(t, err)
	require.Equal(t, u, got)
	got, err = w.users(acme).ByExternalID(t.Context(), "crm 17")
	require.NoError(t, err)
	require.Equal(t, u, got)
	p, err := w.users(acme).Principal(t.Context(), "u1")
	require.NoError(t, err)
	require.Equal(t, tenancy.Principal{
		ID: u.PrincipalID, Sub: u.PrincipalID, Email: "Ann@Example.org", FirstName: "Ann", LastName: "O'Hara",
		CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt,
	}, p)
}

func TestUserWithoutEmail(t *testing.T) {
	t.Parallel()
	w := open(t)
	u := w.create(t, acme, tenancy.NewUser{})
	require.NotEmpty(t, u.ID)
	require.Empty(t, u.PrincipalID)
	require.Equal(t, tenancy.Member, u.Role)
	_, err := w.users(acme).Principal(t.Context(), u.ID)
	requireFault(t, err, fault.ErrNotFound, "principal")
	_, err = w.users(acme).Principal(t.Context(), "nobody")
	requireFault(t, err, fault.ErrNotFound, "user")
	_, err = w.users(acme).ByExternalID(t.Context(), "")
	requireFault(t, err, fault.ErrNotFound, "user")
}

// What is refused is refused before anything is written: a transaction may go on after it.
func TestRefusedUsers(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.create(t, acme, tenancy.NewUser{ID: "u1", Email: "ann@example.org", ExternalID: "x1"})
	users := tenancy.NewUsers(w.reader(acme), nil)
	for _, tt := range []struct {
		name  string
		in    tenancy.NewUser
		kind  error
		field string
	}{
		{"taken id", tenancy.NewUser{ID: "u1", Email: "bob@example.org"}, fault.ErrExists, "userId"},
		{"taken external id", tenancy.NewUser{ExternalID: "x1", Email: "bob@example.org"}, fault.ErrExists, "externalId"},
		{"taken e-mail", tenancy.NewUser{Email: "ANN@EXAMPLE.ORG"}, fault.ErrExists, "email"},
		{"id", tenancy.NewUser{ID: "a b"}, fault.ErrInvalid, "userId"},
		{"long id", tenancy.NewUser{ID: strings.Repeat("x", 65)}, fault.ErrInvalid, "userId"},
		{"external id", tenancy.NewUser{ExternalID: "a\x00b"}, fault.ErrInvalid, "externalId"},
		{"long external id", tenancy.NewUser{ExternalID: strings.Repeat("x", 256)}, fault.ErrInvalid, "externalId"},
		{"e-mail", tenancy.NewUser{Email: "ann"}, fault.ErrInvalid, "email"},
		{"e-mail with a name", tenancy.NewUser{Email: "Bob <bob@example.org>"}, fault.ErrInvalid, "email"},
		{"e-mail with space", tenancy.NewUser{Email: " bob@example.org"}, fault.ErrInvalid, "email"},
		{"long e-mail", tenancy.NewUser{Email: strings.Repeat("x", 243) + "@example.org"}, fault.ErrInvalid, "email"},
		{"names without e-mail", tenancy.NewUser{FirstName: "Bob"}, fault.ErrInvalid, "email"},
		{"first name", tenancy.NewUser{Email: "bob@example.org", FirstName: "B0b"}, fault.ErrInvalid, "firstName"},
		{"short last name", tenancy.NewUser{Email: "bob@example.org", LastName: "B"}, fault.ErrInvalid, "lastName"},
		{"long last name", tenancy.NewUser{Email: "bob@example.org", LastName: strings.Repeat("x", 51)}, fault.ErrInvalid, "lastName"},
		{"image", tenancy.NewUser{ProfileImage: "/ann.png"}, fault.ErrInvalid, "profileImage"},
		{"image with space", tenancy.NewUser{ProfileImage: "https://example.org/a b"}, fault.ErrInvalid, "profileImage"},
		{"long image", tenancy.NewUser{ProfileImage: "https://example.org/" + strings.Repeat("x", 2048)}, fault.ErrInvalid, "profileImage"},
		{"empty image", tenancy.NewUser{ProfileImage: "https:"}, fault.ErrInvalid, "profileImage"},
		{"language", tenancy.NewUser{Lang: "en-GB"}, fault.ErrInvalid, "lang"},
		{"two languages", tenancy.NewUser{Lang: "en eo"}, fault.ErrInvalid, "lang"},
		{"zone", tenancy.NewUser{Timezone: "Europe/Atlantis"}, fault.ErrInvalid, "timezone"},
		{"local zone", tenancy.NewUser{Timezone: "Local"}, fault.ErrInvalid, "timezone"},
		{"role", tenancy.NewUser{Role: "editor"}, fault.ErrInvalid, "role"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := users.Create(t.Context(), tt.in)
			requireFault(t, err, tt.kind, tt.field)
		})
	}
	_, err := w.users(acme).Create(t.Context(), tenancy.NewUser{Email: "bob", FirstName: "7", Lang: "xx", Role: "king"})
	for _, field := range []string{"email", "firstName", "lang", "role"} {
		requireFault(t, err, fault.ErrInvalid, field)
	}
}

// nicknames are texts and whether they may be nicknames.
var nicknames = map[string]bool{
	"ab": true, "Ann Lee": true, "ann.lee-3_x": true, "ann_": true, ".ann": true, "東京": true, "٣٤": true, "n\u0303o": true, "😀😀": true,
	"a+b": true, "½¾": true, strings.Repeat("é", 40): true,
	"a": false, "é": false, "a  b": false, "a._b": false, "a--": false, "a- b": false, "..": false, "a\tb": false, "a\u00a0b": false,
	"a,b": false, "a@b": false, "a/b": false, "a\nb": false, "a\x00b": false, "ab\xff": false, strings.Repeat("x", 41): false, "'ann'": false,
}

func TestNicknames(t *testing.T) {
	t.Parallel()
	w := open(t)
	for name, valid := range nicknames {
		u, err := w.users(acme).Create(t.Context(), tenancy.NewUser{Nickname: name})
		if !valid {
			requireFault(t, err, fault.ErrInvalid, "nickname")
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, name, u.Nickname)
	}
}

// The rule as two expressions, since those of Go look neither ahead nor behind.
var (
	nickname = regexp.MustCompile(`^[\p{L}\p{M}\p{N}\p{S}_ .-]{2,40}$`)
	doubled  = regexp.MustCompile(`[_.\- ]{2,}`)
)

func FuzzNickname(f *testing.F) {
	for name := range nicknames {
		f.Add(name)
	}
	w := open(f)
	f.Fuzz(func(t *testing.T, name string) {
		valid := name == "" || utf8.ValidString(name) && nickname.MatchString(name) && !doubled.MatchString(name)
		_, err := w.users(acme).Create(t.Context(), tenancy.NewUser{Nickname: name})
		if valid {
			require.NoError(t, err)
		} else {
			requireFault(t, err, fault.ErrInvalid, "nickname")
		}
	})
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"ann@example.org", "ANN@EXAMPLE.ORG", "ann@localhost", "a+b@c.d", "ünï@cödé.org", "ΌΣΟΣ@example.org", "<a@b.c>", "a@b@c", "\"a b\"@c.d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, email string) {
		w := open(t)
		u, err := w.users(acme).Create(t.Context(), tenancy.NewUser{Email: email})
		if err != nil {
			requireFault(t, err, fault.ErrInvalid, "email")
			return
		}
		if email == "" {
			return
		}
		require.Contains(t, email, "@")
		found, err := w.platform.Memberships(t.Context(), "acme", email)
		require.NoError(t, err)
		require.Equal(t, []tenancy.Membership{{AccountID: "acme", WorkspaceID: "default", UserID: u.ID}}, found)
	})
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	a := w.create(t, acme, tenancy.NewUser{ID: "u1", Email: "ann@example.org", FirstName: "Ann"})
	b := w.create(t, north, tenancy.NewUser{ID: "u2", Email: "Ann@Example.ORG", FirstName: "Eve", LastName: "Lee"})
	c := w.create(t, rival, tenancy.NewUser{ID: "u1", Email: "ann@example.org", FirstName: "Anna"})
	require.Equal(t, a.PrincipalID, b.PrincipalID)
	require.NotEqual(t, a.PrincipalID, c.PrincipalID)

	// The account's knowledge wins; what it lacked is filled in.
	p, err := w.users(acme).Principal(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, "ann@example.org Ann Lee", strings.Join([]string{p.Email, p.FirstName, p.LastName}, " "))
	p, err = w.users(rival).Principal(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, "Anna", p.FirstName)

	all, err := w.platform.Memberships(ctx, "acme", "ANN@example.org")
	require.NoError(t, err)
	require.Equal(t, []tenancy.Membership{{"acme", "default", "u1"}, {"acme", "north", "u2"}}, all)
	_, err = w.platform.Memberships(ctx, "acme", "bob@example.org")
	requireFault(t, err, fault.ErrNotFound, "principal")
	_, err = w.platform.Memberships(ctx, "nobody", "ann@example.org")
	requireFault(t, err, fault.ErrNotFound, "account")
	_, err = w.platform.Memberships(ctx, "", "ann")
	requireFault(t, err, fault.ErrInvalid, "accountId")
	requireFault(t, err, fault.ErrInvalid, "email")

	p, all, err = w.platform.Principal(ctx, "acme", a.PrincipalID)
	require.NoError(t, err)
	require.Equal(t, "ann@example.org", p.Email)
	require.Equal(t, []tenancy.Membership{{"acme", "default", "u1"}, {"acme", "north", "u2"}}, all)
	_, _, err = w.platform.Principal(ctx, "rival", a.PrincipalID)
	requireFault(t, err, fault.ErrNotFound, "principal")
	_, _, err = w.platform.Principal(ctx, "acme", "")
	requireFault(t, err, fault.ErrInvalid, "principalId")
	list, next, err := w.platform.Principals(ctx, "acme", store.Page{})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Equal(t, []tenancy.Principal{p}, list)
	_, _, err = w.platform.Principals(ctx, "nobody", store.Page{})
	requireFault(t, err, fault.ErrNotFound, "account")
	some, err := w.platform.WorkspacesByID(ctx, "acme", "north", "nothing", "default")
	require.NoError(t, err)
	require.Equal(t, []string{"north", "default"}, []string{some[0].ID, some[1].ID})
	require.Len(t, some, 2)
	_, err = w.platform.WorkspacesByID(ctx, "acme", "a b")
	requireFault(t, err, fault.ErrInvalid, "workspaceId")

	_, err = w.users(north).Anonymise(ctx, "u2")
	require.NoError(t, err)
	all, err = w.platform.Memberships(ctx, "acme", "ann@example.org")
	require.NoError(t, err)
	require.Equal(t, []tenancy.Membership{{"acme", "default", "u1"}}, all)
	back := w.create(t, north, tenancy.NewUser{Email: "ann@example.org"})
	require.Equal(t, a.PrincipalID, back.PrincipalID)
}

func TestOneEmailAtOnce(t *testing.T) {
	t.Parallel()
	const callers = 16
	w := open(t)
	scopes := []store.Scope{acme, north, rival}
	for i := range 5 {
		s := store.Scope{Account: "acme", Workspace: fmt.Sprintf("w%d", i)}
		_, err := w.platform.CreateWorkspace(t.Context(), tenancy.Workspace{AccountID: s.Account, ID: s.Workspace, Name: "Workspace " + s.Workspace})
		require.NoError(t, err)
		scopes = append(scopes, s)
	}
	users := make([][callers]tenancy.User, len(scopes))
	faults := make([][callers]error, len(scopes))
	var wg sync.WaitGroup
	for i, s := range scopes {
		for j := range callers {
			wg.Go(func() {
				users[i][j], faults[i][j] = w.users(s).Create(t.Context(), tenancy.NewUser{Email: "ann@example.org"})
			})
		}
	}
	wg.Wait()
	principals := map[string]map[string]bool{}
	for i, s := range scopes {
		made := 0
		for j := range callers {
			if faults[i][j] != nil {
				requireFault(t, faults[i][j], fault.ErrExists, "email")
				continue
			}
			made++
			if principals[s.Account] == nil {
				principals[s.Account] = map[string]bool{}
			}
			principals[s.Account][users[i][j].PrincipalID] = true
		}
		require.Equal(t, 1, made, s)
	}
	require.Len(t, principals["acme"], 1)
	require.Len(t, principals["rival"], 1)
	all, err := w.platform.Memberships(t.Context(), "acme", "ann@example.org")
	require.NoError(t, err)
	require.Len(t, all, len(scopes)-1)
}

func TestWorkspacesAreIsolated(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	scopes := []store.Scope{acme, north, rival}
	for i, s := range scopes { // equal ids everywhere
		u := w.create(t, s, tenancy.NewUser{ID: "u1", ExternalID: "x1", Email: "ann@example.org", Nickname: fmt.Sprintf("nick %d", i)})
		_, err := w.users(s).AssignTags(ctx, u.ID, tenancy.Tagging{TagID: "red", Priority: i})
		require.NoError(t, err)
		_, err = w.settings(s).Put(ctx, tenancy.Configuration{Branding: tenancy.Branding{Name: s.String()}})
		require.NoError(t, err)
	}
	_, err := w.users(acme).Anonymise(ctx, "u1")
	require.NoError(t, err)
	for i, s := range scopes {
		u, err := w.users(s).Get(ctx, "u1")
		require.NoError(t, err)
		c, err := w.settings(s).Draft(ctx)
		require.NoError(t, err)
		require.Equal(t, s.String(), c.Branding.Name)
		list, _, err := w.users(s).List(ctx, tenancy.UserFilter{}, store.Page{})
		require.NoError(t, err)
		tagged, _, err := w.users(s).Tagged(ctx, "red", store.Page{})
		require.NoError(t, err)
		if s == acme {
			require.Equal(t, tenancy.Deleted, u.Status)
			require.Empty(t, list)
			require.Empty(t, tagged)
			continue
		}
		require.Equal(t, fmt.Sprintf("nick %d", i), u.Nickname)
		require.Equal(t, i, u.Tags[0].Priority)
		require.Equal(t, []tenancy.User{u}, list)
		require.Equal(t, []tenancy.User{u}, tagged)
	}
}

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	w.create(t, acme, tenancy.NewUser{ID: "u1", ExternalID: "x1", Nickname: "ann", ProfileImage: "https://example.org/a", Lang: "en"})
	w.create(t, acme, tenancy.NewUser{ID: "u2", ExternalID: "x2"})

	u, err := w.users(acme).Update(ctx, "u1", tenancy.UserPatch{Nickname: new("Ann"), Timezone: new("Europe/Rome")})
	require.NoError(t, err)
	require.Equal(t, "Ann Europe/Rome x1 en", strings.Join([]string{u.Nickname, u.Timezone, u.ExternalID, u.Lang}, " "))
	require.True(t, u.UpdatedAt.After(u.CreatedAt))

	u, err = w.users(acme).Update(ctx, "u1", tenancy.UserPatch{ExternalID: new(""), ProfileImage: new("")})
	require.NoError(t, err)
	require.Empty(t, u.ExternalID+u.ProfileImage)
	require.Equal(t, "Ann", u.Nickname)
	_, err = w.users(acme).ByExternalID(ctx, "x1")
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.users(acme).Update(ctx, "u2", tenancy.UserPatch{ExternalID: new("x1")}) // free again
	require.NoError(t, err)

	before := w.records(t, acme)
	_, err = tenancy.NewUsers(w.reader(acme), nil).Update(ctx, "u1", tenancy.UserPatch{ExternalID: new("x1"), Lang: new("it")})
	requireFault(t, err, fault.ErrExists, "externalId")
	_, err = w.users(acme).Update(ctx, "u1", tenancy.UserPatch{Nickname: new("a  b"), Timezone: new("Mars/Base")})
	requireFault(t, err, fault.ErrInvalid, "nickname")
	requireFault(t, err, fault.ErrInvalid, "timezone")
	_, err = w.users(acme).Update(ctx, "nobody", tenancy.UserPatch{})
	requireFault(t, err, fault.ErrNotFound, "user")
	require.Equal(t, before, w.records(t, acme))
}

func TestSuspendAndRoles(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	users := w.users(acme)
	w.create(t, acme, tenancy.NewUser{ID: "u1"})
	for range 2 {
		u, err := users.Suspend(ctx, "u1")
		require.NoError(t, err)
		require.Equal(t, tenancy.Suspended, u.Status)
	}
	for range 2 {
		u, err := users.Resume(ctx, "u1")
		require.NoError(t, err)
		require.Equal(t, tenancy.Active, u.Status)
	}
	u, err := users.SetRole(ctx, "u1", tenancy.Admin)
	require.NoError(t, err)
	require.Equal(t, tenancy.Admin, u.Role)
	_, err = users.SetRole(ctx, "u1", "king")
	requireFault(t, err, fault.ErrInvalid, "role")
	_, err = users.SetRole(ctx, "u1", "")
	requireFault(t, err, fault.ErrInvalid, "role")
}

func TestListUsers(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	users := w.users(acme)
	for i, role := range []tenancy.Role{tenancy.Owner, tenancy.Member, tenancy.Member, tenancy.Viewer, tenancy.Member, tenancy.Member} {
		w.create(t, acme, tenancy.NewUser{ID: fmt.Sprintf("u%d", i), Role: role})
	}
	for _, id := range []string{"u2", "u3"} {
		_, err := users.Suspend(ctx, id)
		require.NoError(t, err)
	}
	_, err := users.Anonymise(ctx, "u5")
	require.NoError(t, err)

	for _, tt := range []struct {
		filter tenancy.UserFilter
		want   string
	}{
		{tenancy.UserFilter{}, "u4 u1 u0"},
		{tenancy.UserFilter{Status: tenancy.Active}, "u4 u1 u0"},
		{tenancy.UserFilter{Status: tenancy.Suspended}, "u3 u2"},
		{tenancy.UserFilter{Role: tenancy.Member}, "u4 u1"},
		{tenancy.UserFilter{Status: tenancy.Active, Role: tenancy.Member}, "u4 u1"},
		{tenancy.UserFilter{Status: tenancy.Suspended, Role: tenancy.Owner}, ""},
	} {
		for _, ascending := range []bool{false, true} {
			want := strings.Fields(tt.want)
			if ascending {
				for i, j := 0, len(want)-1; i < j; i, j = i+1, j-1 {
					want[i], want[j] = want[j], want[i]
				}
			}
			got := []string{}
			for page := (store.Page{Limit: 2, Ascending: ascending}); ; {
				list, next, err := users.List(ctx, tt.filter, page)
				require.NoError(t, err)
				for _, u := range list {
					got = append(got, u.ID)
				}
				if page.Token = next; next == "" {
					break
				}
			}
			require.Equal(t, want, got, tt.filter)
		}
	}
	_, _, err = users.List(ctx, tenancy.UserFilter{Status: tenancy.Deleted}, store.Page{})
	requireFault(t, err, fault.ErrInvalid, "status")
	_, _, err = users.List(ctx, tenancy.UserFilter{Role: "king"}, store.Page{})
	requireFault(t, err, fault.ErrInvalid, "role")
	_, _, err = users.List(ctx, tenancy.UserFilter{}, store.Page{Limit: -1})
	requireFault(t, err, fault.ErrInvalid, "limit")
}

func TestAnonymise(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	n := tenancy.NewUser{
		ID: "u1", Email: "Ann@Example.org", FirstName: "Annabel", LastName: "Oharason", ExternalID: "crm-4711", Nickname: "annabellissima",
		ProfileImage: "https://img.example.org/portrait", Lang: "sc", Timezone: "Europe/Vaduz", Role: tenancy.Manager,
	}
	created := w.create(t, acme, n)
	_, err := w.users(acme).AssignTags(ctx, "u1", tenancy.Tagging{TagID: "left-handed"})
	require.NoError(t, err)
	_, err = w.users(acme).Update(ctx, "u1", tenancy.UserPatch{Nickname: new("annabella")})
	require.NoError(t, err)
	w.create(t, acme, tenancy.NewUser{ID: "u2", Email: "bob@example.org"})

	gone, err := w.users(acme).Anonymise(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, tenancy.User{ID: "u1", Status: tenancy.Deleted, CreatedAt: created.CreatedAt, UpdatedAt: gone.UpdatedAt}, gone)

	identifying := []string{
		n.Email, n.FirstName, n.LastName, n.ExternalID, "annabel", n.ProfileImage, `"sc"`, n.Timezone, "left-handed", created.PrincipalID + `"`,
		string(n.Role),
	}
	all := w.records(t, store.Scope{}, store.Scope{Account: "acme"}, acme)
	for _, e := range w.caused { // the journal keeps these, and the ids of tags
		maps.DeleteFunc(e.Fields, func(name string, _ any) bool { return name == "tagsGained" || name == "tagsLost" })
		all = append(all, fmt.Sprintf("%+v", event.Event{ID: e.ID, EntityID: e.EntityID, UserID: e.UserID, Data: e.Data, Fields: e.Fields}))
	}
	for _, record := range all {
		for _, value := range identifying {
			require.NotContains(t, strings.ToLower(record), strings.ToLower(value))
		}
	}
	require.Contains(t, strings.Join(all, "\n"), "bob@example.org") // the search works

	again, err := w.users(acme).Anonymise(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, gone, again)
	got, err := w.users(acme).Get(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, gone, got)
}

func TestDeletedIsForGood(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	users := w.users(acme)
	w.create(t, acme, tenancy.NewUser{ID: "u1", ExternalID: "x1", Email: "ann@example.org"})
	_, err := users.Anonymise(ctx, "u1")
	require.NoError(t, err)
	for name, call := range map[string]func() error{
		"update":  func() error { _, err := users.Update(ctx, "u1", tenancy.UserPatch{Nickname: new("Ann")}); return err },
		"suspend": func() error { _, err := users.Suspend(ctx, "u1"); return err },
		"resume":  func() error { _, err := users.Resume(ctx, "u1"); return err },
		"role":    func() error { _, err := users.SetRole(ctx, "u1", tenancy.Owner); return err },
		"tag":     func() error { _, err := users.AssignTags(ctx, "u1", tenancy.Tagging{TagID: "red"}); return err },
	} {
		t.Run(name, func(t *testing.T) { requireFault(t, call(), fault.ErrConflict, "user") })
	}
	_, err = users.Create(ctx, tenancy.NewUser{ID: "u1"})
	requireFault(t, err, fault.ErrExists, "userId")
	w.create(t, acme, tenancy.NewUser{ID: "u2", ExternalID: "x1", Email: "ann@example.org"}) // these are free
	_, err = users.Anonymise(ctx, "nobody")
	requireFault(t, err, fault.ErrNotFound, "user")
}

func TestUserEvents(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	users := w.users(acme)
	u := w.create(t, acme, tenancy.NewUser{ID: "u1"})
	_, err := users.AssignTags(ctx, "u1", tenancy.Tagging{TagID: "red"}, tenancy.Tagging{TagID: "blue"})
	require.NoError(t, err)
	require.Len(t, w.caused, 2)
	require.Equal(t, event.User, w.caused[0].Type)
	require.Equal(t, "u1", w.caused[0].EntityID)
	require.Equal(t, "u1", w.caused[0].UserID)
	require.Equal(t, u.CreatedAt, w.caused[0].At)
	require.Empty(t, w.caused[0].EntityTags)
	require.Equal(t, []string{"blue", "red"}, w.caused[1].EntityTags)
	require.NotEqual(t, w.caused[0].ID, w.caused[1].ID)

	// Of who takes no part, an event only says that it is so.
	status := func(i int) any {
		require.Len(t, w.caused, i+1)
		return w.caused[i].Fields["status"]
	}
	require.Nil(t, status(1))
	_, err = users.Suspend(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, "suspended", status(2))
	_, err = users.Suspend(ctx, "u1")
	require.NoError(t, err)
	_, err = users.SetRole(ctx, "u1", tenancy.Admin)
	require.NoError(t, err)
	_, err = users.Resume(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, "active", status(3))
	for range 2 {
		_, err = users.Anonymise(ctx, "u1")
		require.NoError(t, err)
	}
	require.Equal(t, "deleted", status(4))
	require.Empty(t, w.caused[4].EntityTags)
}

func TestUserVars(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.create(t, acme, tenancy.NewUser{ID: "u1", Timezone: "Europe/Rome"})
	_, err := w.users(acme).AssignTags(t.Context(), "u1", tenancy.Tagging{TagID: "red"})
	require.NoError(t, err)
	u, err := w.users(acme).Get(t.Context(), "u1")
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"userId": "u1", "timezone": "Europe/Rome", "role": "member", "status": "active",
		"tags": []any{"red"}, "createdAt": u.CreatedAt.Format("2006-01-02T15:04:05Z"),
	}, u.Vars(), "what the user lacks is absent")
	require.Equal(t, map[string]any{"tags": []any{}}, (&tenancy.User{}).Vars())
	require.True(t, u.HasTag("red"))
	require.False(t, u.HasTag("re"))
}

func TestLocation(t *testing.T) {
	t.Parallel()
	w := open(t)
	for zone, want := range map[string]string{"": "UTC", "Europe/Rome": "Europe/Rome"} {
		u := w.create(t, acme, tenancy.NewUser{Timezone: zone})
		require.NoError(t, w.runner(acme).View(t.Context(), func(tx *session.Tx) error {
			loc, err := u.Location(tx.Zones)
			require.NoError(t, err)
			require.Equal(t, want, loc.String())
			return nil
		}))
	}
}

func TestUsersAfter(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, id := range []string{"b", "a", "c"} {
		w.create(t, acme, tenancy.NewUser{ID: id})
	}
	require.NoError(t, w.runner(acme).View(t.Context(), func(tx *session.Tx) error {
		require.NoError(t, tx.Prefetch(t.Context(), tenancy.ReadingUsers("a")))
		var ids []string
		for after := ""; ; after = ids[len(ids)-1] {
			list, err := tenancy.UsersAfter(t.Context(), tx, after, 2, nil)
			require.NoError(t, err)
			for _, u := range list {
				ids = append(ids, u.ID)
			}
			if len(list) < 2 {
				break
			}
		}
		require.Equal(t, []string{"a", "b", "c"}, ids)
		return nil
	}))
}
