// Package demo fills a store with a fitness club: forty members, half a year of workouts, and all that followed. It is drawn from one seed, so
// it is the same each time but for the day on which it ends.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

var (
	//go:embed club.json
	club []byte
	//go:embed catalog.json
	catalog []byte
)

// Where the club is. The ids have ten characters, as strict clients want them.
const (
	Account   = "fit-people"
	Workspace = "fit-club-1"
	Catalog   = "fit-school"
)

// Who may be called by name: the club's owner, its admin, and the member who comes on foot and by bicycle.
const (
	Owner  = "olga"
	Admin  = "ari"
	Member = "mia"
)

// days is how long the history is.
const days = 182

// Fill makes the club on a store, with a history that ends at a moment, unless the store has it. Tables are the host's own
// ([guerdon.Options]). It takes some seconds, on a disk.
func Fill(ctx context.Context, st store.Store, blobs content.Blobs, tables []*store.Schema, now time.Time) error {
	f := &filler{draw: rand.New(rand.NewPCG(40, 182)), now: now.AddDate(0, 0, -days), last: now}
	engine, err := guerdon.New(ctx, st, &guerdon.Options{Now: func() time.Time { return f.now }, Blobs: blobs, Tables: tables})
	if err != nil {
		return err
	}
	_, err = engine.Platform.CreateAccount(ctx, tenancy.Account{ID: Account, Name: "Fit people"})
	if errors.Is(err, fault.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.found(ctx, engine); err != nil {
		return err
	}
	for ; f.now.Before(now.AddDate(0, 0, -1)); f.now = f.now.AddDate(0, 0, 1) {
		if err := f.live(ctx); err != nil {
			return fmt.Errorf("demo: %s: %w", f.now.Format(time.DateOnly), err)
		}
	}
	f.now = now
	return f.end(ctx)
}

// A filler lets the days of the club pass.
type filler struct {
	draw     *rand.Rand
	now      time.Time
	last     time.Time // when the history ends
	ws       *guerdon.Workspace
	members  []member
	provider string // of trackings, once there is one
}

// A member is one with habits.
type member struct {
	id     string
	joins  int // on which day
	leaves int
	eager  int // how likely a workout is on a day, in per cent
	sports []string
}

var (
	names  = []string{"mia", "leo", "zoe", "max", "eva", "jon", "ida", "kai", "lea", "ben", "amy", "tom", "uma", "rob", "liv", "sam", "nia", "ole", "pia", "tim", "una", "vic", "wes", "yan", "ana", "bob", "cem", "dan", "eli", "fay", "gus", "hal", "ira", "joy", "ken", "lou", "mac", "ned", "oda", "pam"}
	zones  = []string{"Europe/Rome", "Europe/Rome", "Europe/Berlin", "Europe/London"}
	teams  = []string{"red", "green", "blue"}
	sports = []string{"run", "swim", "ride", "lift", "yoga"}
)

// found makes the workspaces with their documents and people.
func (f *filler) found(ctx context.Context, engine *guerdon.Engine) error {
	for _, w := range []tenancy.Workspace{
		{ID: Catalog, AccountID: Account, Name: "Running school", Type: tenancy.TypeCatalog},
		{ID: Workspace, AccountID: Account, Name: "The club", Catalogs: []string{Catalog}},
	} {
		if _, err := engine.Platform.CreateWorkspace(ctx, w); err != nil {
			return err
		}
		ws, err := engine.Workspace(ctx, store.Scope{Account: Account, Workspace: w.ID})
		if err != nil {
			return err
		}
		f.ws = ws // the club's in the end
		bundle := club
		if w.ID == Catalog {
			bundle = catalog
		}
		if _, err := ws.Import(ctx, bundle); err != nil {
			return err
		}
	}
	for id, role := range map[string]tenancy.Role{Owner: tenancy.Owner, Admin: tenancy.Admin} {
		if err := f.join(ctx, tenancy.NewUser{ID: id, Role: role}); err != nil {
			return err
		}
	}
	for i, name := range names {
		m := member{id: name, joins: f.draw.IntN(120), leaves: days, eager: 15 + f.draw.IntN(50)}
		if i < 12 {
			m.joins = 0
		}
		if i > 12 && f.draw.IntN(4) == 0 {
			m.leaves = m.joins + 20 + f.draw.IntN(60)
		}
		for range 1 + f.draw.IntN(3) {
			m.sports = append(m.sports, sports[f.draw.IntN(len(sports))])
		}
		f.members = append(f.members, m)
	}
	return nil
}

func (f *filler) join(ctx context.Context, u tenancy.NewUser) error {
	u.FirstName, u.LastName, u.Email = string(u.ID[0]-'a'+'A')+u.ID[1:], "Demo", u.ID+"@fit-club.example"
	u.Nickname, u.Timezone, u.Lang = u.FirstName, zones[f.draw.IntN(len(zones))], []string{"en", "it"}[f.draw.IntN(2)]
	_, err := f.ws.Users.Create(ctx, u)
	return err
}

// live lets a day pass.
func (f *filler) live(ctx context.Context) error {
	day := days - int(f.last.Sub(f.now).Hours()/24)
	var events []event.Event
	morning := f.now.Truncate(24 * time.Hour)
	for i := range f.members {
		m := &f.members[i]
		if day == m.joins {
			if err := f.welcome(ctx, i); err != nil {
				return err
			}
		}
		if day < m.joins || day >= m.leaves || f.draw.IntN(100) >= m.eager {
			continue
		}
		events = append(events, event.Event{
			ID: fmt.Sprintf("%s-%03d", m.id, day), UserID: m.id, EntityID: m.sports[f.draw.IntN(len(m.sports))],
			At: morning.Add(-time.Duration(1+f.draw.IntN(12)) * time.Hour), Value: new(decimal.NewFromInt(int64(20 + 5*f.draw.IntN(15)))),
			Data: event.Data{"place": []any{"club", "outdoors"}[f.draw.IntN(2)]},
		})
	}
	if _, err := f.ws.RecordBatch(ctx, events); err != nil {
		return err
	}
	return errors.Join(f.travel(ctx, day), f.ws.Advance(ctx))
}

// welcome lets a member join: each has a team, and most take the course.
func (f *filler) welcome(ctx context.Context, i int) error {
	m := &f.members[i]
	if err := f.join(ctx, tenancy.NewUser{ID: m.id, Tags: []tenancy.Tagging{{TagID: teams[i%len(teams)]}}}); err != nil {
		return err
	}
	if _, err := f.ws.Learning.Evaluate(ctx, m.id); err != nil || f.draw.IntN(4) == 0 {
		return err
	}
	who := learning.Submission{UserID: m.id}
	_, err := f.ws.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who, SlideID: "warm-up", Progress: learning.Complete})
	for _, quiz := range []string{"rest", "water"} {
		if err == nil && f.draw.IntN(5) > 0 {
			answer := []content.Option{content.Option1, content.Option2}[f.draw.IntN(2)]
			_, err = f.ws.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: who, QuizID: quiz, Answer: answer})
		}
	}
	return err
}

// travel lets the member who comes on foot and by bicycle be tracked in the last month.
func (f *filler) travel(ctx context.Context, day int) error {
	if day < days-30 || f.draw.IntN(3) == 0 {
		return nil
	}
	if day == days-30 || f.provider == "" {
		f.provider = "demo"
		if _, err := f.ws.Mobility.Activate(ctx, mobility.Activation{UserID: Member, Provider: f.provider, Status: mobility.On}); err != nil {
			return err
		}
	}
	begin := f.now.Truncate(24 * time.Hour).Add(-16 * time.Hour)
	var list []mobility.Tracking
	for n, by := range []mobility.Mode{mobility.Bicycle, mobility.Walk} {
		minutes := 12 + f.draw.IntN(30)
		metres := map[mobility.Mode]int64{mobility.Bicycle: 250, mobility.Walk: 80}[by] * int64(minutes)
		list = append(list, mobility.Tracking{
			ProviderID: fmt.Sprintf("%03d-%d", day, n), UserID: Member, Provider: f.provider, Status: mobility.Track, Type: by, Length: metres,
			StartsAt: begin.Add(time.Duration(n) * 8 * time.Hour), EndsAt: begin.Add(time.Duration(n)*8*time.Hour + time.Duration(minutes)*time.Minute),
		})
	}
	_, err := f.ws.Mobility.Track(ctx, list)
	return err
}

// end lets the last day be: somebody has redeemed a voucher, others have theirs yet, as the member has a milestone.
func (f *filler) end(ctx context.Context) error {
	if err := f.ws.Advance(ctx); err != nil {
		return err
	}
	for i := range f.members {
		page := store.Page{Limit: store.MaxPage}
		list, _, err := f.ws.Economy.History(ctx, f.members[i].id, page)
		if err != nil {
			return err
		}
		for j := range list {
			if t := &list[j]; t.State == economy.Pending && !t.HeldForReview && t.Direction == economy.Credit && f.draw.IntN(2) == 0 {
				if _, err := f.ws.Economy.Redeem(ctx, t.UserID, t.ID); err != nil {
					return err
				}
			}
		}
	}
	return f.review(ctx)
}

// review lets somebody look at what is held for review, but for the last of it, and holds points of a member who has ordered something.
func (f *filler) review(ctx context.Context) error {
	var held []string
	for page := (store.Page{Limit: store.MaxPage}); ; {
		list, next, err := f.ws.Economy.HeldForReview(ctx, page)
		if err != nil {
			return err
		}
		for i := range list {
			held = append(held, list[i].ID)
		}
		if page.Token = next; next == "" {
			break
		}
	}
	for some := range slices.Chunk(held[:max(0, len(held)-3)], economy.MaxReviewed) {
		if _, err := f.ws.Economy.Release(ctx, some, "The trainer was there."); err != nil {
			return err
		}
	}
	_, err := f.ws.Economy.Hold(ctx, f.members[0].id, economy.Hold{
		ID: "order-towel", CurrencyID: "points", Amount: decimal.NewFromInt(5), ExpiresAt: f.now.AddDate(0, 0, 14),
	})
	if errors.Is(err, fault.ErrConflict) { // who has not earned so much orders nothing
		return nil
	}
	return err
}
