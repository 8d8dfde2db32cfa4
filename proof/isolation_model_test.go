package proof_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Whatever is called in one workspace: another one that has other data under the same ids answers every
// method of [guerdon.Workspace] and its services, and is in the end, as if it were alone in the world.
func TestWorkspacesNeverSeeOneAnother(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		shared := b.world(rt)
		alone := found(rt, memory.New(), shared.Scope().Account)
		neighbour := store.Scope{Account: shared.Scope().Account, Workspace: "other"}
		if rapid.Bool().Draw(rt, "of another account") {
			neighbour = store.Scope{Account: shared.Scope().Account + "-rival", Workspace: "default"}
		}
		ourIDs, theirIDs := shared.newID, counting("id")
		shared.newID = theirIDs
		theirs := shared.neighbour(rt, neighbour)
		shared.newID = ourIDs
		d := &drawer{T: rt, emails: neighbour.Account != shared.Scope().Account}
		for range rapid.IntRange(1, 25).Draw(rt, "calls") {
			call := d.call(shared.Workspace)
			if d.number(0, 3) > 0 {
				shared.newID = theirIDs
				d.learn(call.answer(rt.Context(), theirs, b))
				shared.newID = ourIDs
			}
			if d.number(0, 3) > 0 {
				want := call.answer(rt.Context(), alone.Workspace, alone.store)
				require.Equal(rt, want, call.answer(rt.Context(), shared.Workspace, b), call)
				d.learn(want)
			}
			now := shared.now.Load().Add(pick(author{T: rt}, "pass", 0, time.Second, 20*time.Hour))
			shared.set(now)
			alone.set(now)
		}
		scopes := []store.Scope{shared.Scope()}
		if neighbour.Account != shared.Scope().Account {
			scopes = append(scopes, store.Scope{Account: shared.Scope().Account}) // its principals
		}
		requireSameRows(rt, alone.dump(rt, scopes...), shared.dump(rt, scopes...))
	})
}

// neighbour returns another workspace of the world's engine. Its game pays otherwise, and its people live
// elsewhere.
func (w *world) neighbour(t tester, s store.Scope) *guerdon.Workspace {
	ctx := t.Context()
	var err error
	if s.Workspace == "default" {
		_, err = w.engine.Platform.CreateAccount(ctx, tenancy.Account{ID: s.Account})
	} else {
		_, err = w.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: s.Account, ID: s.Workspace, Name: "Other"})
	}
	require.NoError(t, err)
	ws, err := w.engine.Workspace(ctx, s)
	require.NoError(t, err)
	_, err = ws.Import(ctx, bytes.ReplaceAll(fullGame(t), []byte(`"expression": 1}`), []byte(`"expression": 7}`)))
	require.NoError(t, err)
	for _, id := range []string{"ada", "bob", "eve"} {
		_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: id, Timezone: "Pacific/Auckland", Nickname: "Their " + id, ExternalID: "their-" + id})
		require.NoError(t, err)
	}
	return ws
}

// A call is a method of a workspace, or of what hangs off it, with arguments.
type call struct {
	path string // of the method: "Users.Get"
	args []any
	way  string
}

func (c call) String() string { return fmt.Sprintf("%s %s%+v", c.way, c.path, c.args) }

// ways are the methods of a workspace that give another handle on it. Calls are made through all of them.
var ways = map[string]func(context.Context, *guerdon.Workspace, store.Store, func(*guerdon.Workspace)) error{
	"": func(_ context.Context, ws *guerdon.Workspace, _ store.Store, fn func(*guerdon.Workspace)) error {
		fn(ws)
		return nil
	},
	"On": func(_ context.Context, ws *guerdon.Workspace, st store.Store, fn func(*guerdon.Workspace)) error {
		fn(ws.On(st))
		return nil
	},
	"As": func(_ context.Context, ws *guerdon.Workspace, _ store.Store, fn func(*guerdon.Workspace)) error {
		fn(ws.As(content.Actor{Type: content.ByUser, ID: "ada"}))
		return nil
	},
	"Detached": func(_ context.Context, ws *guerdon.Workspace, _ store.Store, fn func(*guerdon.Workspace)) error {
		fn(ws.Detached())
		return nil
	},
	"Update": func(ctx context.Context, ws *guerdon.Workspace, _ store.Store, fn func(*guerdon.Workspace)) error {
		return ws.Update(ctx, func(_ context.Context, inner *guerdon.Workspace) error { fn(inner); return nil })
	},
	"View": func(ctx context.Context, ws *guerdon.Workspace, _ store.Store, fn func(*guerdon.Workspace)) error {
		return ws.View(ctx, func(_ context.Context, inner *guerdon.Workspace) error { fn(inner); return nil })
	},
}

// answer makes the call and returns what it returned, as texts.
func (c call) answer(ctx context.Context, ws *guerdon.Workspace, st store.Store) []string {
	var answer []string
	err := ways[c.way](ctx, ws, st, func(ws *guerdon.Workspace) { answer = invoke(ctx, surface(ws)[c.path], c.args) })
	return append(answer, text(err))
}

// invoke calls a method that takes a context, if it takes anything.
func invoke(ctx context.Context, method reflect.Value, args []any) []string {
	var in []reflect.Value
	if method.Type().NumIn() > 0 {
		in = append(in, reflect.ValueOf(ctx))
	}
	for _, arg := range args {
		if document, ok := arg.(object); ok {
			in = append(in, decoded(document, method.Type().In(len(in))))
			continue
		}
		in = append(in, reflect.ValueOf(arg))
	}
	run := method.Call
	if method.Type().IsVariadic() {
		run = method.CallSlice
	}
	var answer []string
	for _, out := range run(in) {
		answer = append(answer, text(out.Interface()))
	}
	return answer
}

// decoded returns a document as the type that a method takes.
func decoded(document object, of reflect.Type) reflect.Value {
	into := reflect.New(of)
	body, err := json.Marshal(document)
	if err == nil {
		err = json.Unmarshal(body, into.Interface())
	}
	if err != nil {
		panic(err)
	}
	return into.Elem()
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case error:
		return v.Error()
	case []byte:
		return string(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// surface returns all exported methods of a workspace and of what hangs off it, by their paths.
func surface(ws *guerdon.Workspace) map[string]reflect.Value {
	all := map[string]reflect.Value{}
	var walk func(string, reflect.Value)
	walk = func(path string, v reflect.Value) {
		for m, fn := range v.Addr().Methods() {
			all[path+m.Name] = fn
		}
		for f, field := range v.Fields() {
			if f.IsExported() && f.Type.Kind() == reflect.Struct {
				walk(path+f.Name+".", field)
			}
		}
	}
	walk("", reflect.ValueOf(ws).Elem())
	return all
}

// drawer draws calls whose arguments are known to the workspaces, or not.
type drawer struct {
	*rapid.T

	emails bool     // users may have them: two workspaces of one account would share their people
	seen   []string // ids that calls have returned
	tokens []string // of next pages
}

var generated = regexp.MustCompile(`"(?:virtualTransactionId|transactionId|missionId|mediaId|learningPathAssignmentId)":"([^"]+)"`)

// learn remembers ids and tokens of an answer.
func (d *drawer) learn(answer []string) {
	for _, found := range generated.FindAllStringSubmatch(answer[0], 3) {
		d.seen = append(d.seen, found[1])
	}
	var token string
	if len(answer) == 4 && json.Unmarshal([]byte(answer[1]), &token) == nil && token != "" {
		d.tokens = append(d.tokens, token)
	}
}

// call draws a call of any method. Many record an event, which moves everything.
func (d *drawer) call(ws *guerdon.Workspace) call {
	paths := map[string][]string{} // by the service
	for path := range surface(ws) {
		if service := path[:strings.Index(path, ".")+1]; ways[path] == nil {
			paths[service] = append(paths[service], path)
		}
	}
	path := "Record"
	if rapid.Bool().Draw(d.T, "any") {
		of := paths[d.one(slices.Sorted(maps.Keys(paths))...)]
		slices.SortFunc(of, func(a, b string) int { // documents last
			return cmp.Or(cmp.Compare(strings.Count(a, "."), strings.Count(b, ".")), strings.Compare(a, b))
		})
		path = d.one(of...)
	}
	return call{path, d.arguments(path), d.one(slices.Sorted(maps.Keys(ways))...)}
}

// arguments draws those of a method, but for the context.
func (d *drawer) arguments(path string) []any {
	if draw := arguments[path]; draw != nil {
		return draw(d)
	}
	service, method := path[:strings.LastIndex(path, ".")+1], path[strings.LastIndex(path, ".")+1:]
	of, draw := samples[strings.TrimSuffix(service, ".")], documentArguments[method]
	if of == nil || draw == nil {
		panic("isolation_model_test.go: say in arguments, or in samples, how to call Workspace." + path)
	}
	return draw(d, of)
}

// Every method is known by name, and with its arguments, so that none can be forgotten.
func TestEveryMethodIsKnownToTheProofOfIsolation(t *testing.T) {
	w := newWorld(t, memory.New())
	all := surface(w.Workspace)
	for path, method := range all {
		if ways[path] != nil {
			continue
		}
		drawn := rapid.Custom(func(rt *rapid.T) call {
			d := &drawer{T: rt}
			return call{path, d.arguments(path), d.one("")}
		})
		require.NotPanics(t, func() { invoke(t.Context(), method, drawn.Example(1).args) }, "arguments of %s", path)
	}
	for path := range arguments {
		require.Contains(t, all, path, "there is no such method any more")
	}
}

func (d *drawer) one(of ...string) string { return rapid.SampledFrom(of).Draw(d.T, "one") }

func (d *drawer) user() string     { return d.one("ada", "ada", "bob", "eve", "kim") }
func (d *drawer) tag() string      { return d.one("outdoor", "outdoor", "indoor") }
func (d *drawer) currency() string { return d.one("points", "gems") }
func (d *drawer) board() string    { return d.one("all-time", "monthly") }
func (d *drawer) eventID() string  { return d.one("e1", "e2", "e3", "e4", "e5", "e6") }
func (d *drawer) known() string    { return d.one(append([]string{"nothing"}, d.seen...)...) }

func (d *drawer) number(low, high int) int { return rapid.IntRange(low, high).Draw(d.T, "number") }

func (d *drawer) amount() decimal.Decimal { return decimal.NewFromInt(int64(d.number(1, 4))) }

func (d *drawer) at() time.Time { return start.Add(-time.Duration(d.number(0, 50)) * time.Hour) }

func (d *drawer) page() store.Page {
	return store.Page{
		Limit: d.number(0, 3), Token: d.one(append([]string{""}, d.tokens...)...),
		Ascending: rapid.Bool().Draw(d.T, "ascending"),
	}
}

func (d *drawer) event() event.Event {
	return event.Event{ID: d.eventID(), UserID: d.user(), EntityID: d.one("run", "swim"), At: d.at()}
}

func (d *drawer) correction() guerdon.Correction {
	return guerdon.Correction{Reason: d.one("", "it was not so"), Spent: guerdon.Spent(d.one(string(guerdon.Owe), string(guerdon.Refuse)))}
}

func (d *drawer) grant(from string) economy.Grant {
	g := economy.Grant{
		CurrencyID: d.currency(), Amount: d.amount(), DestinationUserID: d.user(), SourceUserID: from,
		RedemptionMode: economy.RedemptionMode(d.one(string(economy.Auto), string(economy.Manual))),
	}
	if from == "" && rapid.Bool().Draw(d.T, "of the past") {
		g.At = d.at()
	}
	return g
}

func (d *drawer) taggings() []tenancy.Tagging {
	return []tenancy.Tagging{{TagID: d.tag(), Priority: d.number(0, 2)}}
}

func (d *drawer) period() *leaderboard.At {
	if rapid.Bool().Draw(d.T, "now") {
		return nil
	}
	return &leaderboard.At{Time: d.at()}
}

// shelf draws whose a medium is. What is common to two workspaces of one account, both see.
func (d *drawer) shelf() content.MediaScope {
	if d.emails {
		return content.MediaScope(d.one("", string(content.CommonScope)))
	}
	return content.WorkspaceScope
}

func (d *drawer) newUser() tenancy.NewUser {
	n := tenancy.NewUser{ID: d.user(), ExternalID: d.one("", "x1", "their-ada"), Nickname: d.one("", "Kim", "Their ada")}
	if d.emails {
		n.Email = d.one("", "ada@example.org")
	}
	return n
}

// keysIn returns what a transaction sees of a table as an error, which is an answer that says it.
func keysIn(ctx context.Context, tx store.Tx, name string) error {
	i := slices.IndexFunc(guerdon.Tables(), func(s *store.Schema) bool { return s.Name == name })
	rows, err := tx.List(ctx, guerdon.Tables()[i], store.Query{})
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	return errors.Join(err, fmt.Errorf("%s %v of %s", name, keys, tx.Scope().Workspace))
}

// arguments says how to call a method.
var arguments = map[string]func(*drawer) []any{
	"Advance":    func(*drawer) []any { return nil },
	"Dump":       func(*drawer) []any { return []any{io.Discard} },
	"Archive":    func(d *drawer) []any { return []any{d.at(), io.Discard} },
	"DryRun":     func(d *drawer) []any { return []any{d.event()} },
	"ExplainAll": func(d *drawer) []any { return []any{d.eventID()} },
	"Explain":    func(d *drawer) []any { return []any{d.eventID(), "RewardRule", d.one("per-run", "per-week")} },
	"Export":     func(*drawer) []any { return nil },
	"Import": func(d *drawer) []any {
		return []any{bundle(d.T, d.document(samples[d.one("Tags", "Economy.RewardRules")])), d.pruning()}
	},
	"DryImport": func(d *drawer) []any {
		return []any{bundle(d.T, d.document(samples[d.one("Tags", "Economy.RewardRules")])), d.pruning()}
	},
	"Problems": func(d *drawer) []any {
		return []any{guerdon.ProblemFilter{Kind: d.one("", "RewardRule", "MissionConfiguration"), ID: d.one("", "per-run")}, d.page()}
	},
	"Entry":   func(d *drawer) []any { return []any{d.eventID()} },
	"Journal": func(d *drawer) []any { return []any{int64(d.number(0, 9))} },
	"Entries": func(d *drawer) []any {
		return []any{guerdon.EntryFilter{UserID: d.one("", d.user()), Type: event.Type(d.one("", "Activity", "Mission"))}, d.page()}
	},
	"Origin":         func(d *drawer) []any { return []any{d.user(), d.at(), d.one(d.eventID(), d.known())} },
	"Consumers":      func(*drawer) []any { return nil },
	"MoveConsumer":   func(d *drawer) []any { return []any{d.one("mail", "points"), int64(d.number(0, 9))} },
	"RemoveConsumer": func(d *drawer) []any { return []any{d.one("mail", "points")} },
	"Record":         func(d *drawer) []any { return []any{d.event()} },
	"Head":           func(*drawer) []any { return nil },
	"Retract":        func(d *drawer) []any { return []any{d.eventID(), d.correction()} },
	"Amend":          func(d *drawer) []any { return []any{d.event(), d.correction()} },
	"Regrade":        func(d *drawer) []any { return []any{"quiz", d.correction()} },
	"Merge":          func(d *drawer) []any { return []any{d.user(), d.user(), d.correction()} },
	"DryMerge":       func(d *drawer) []any { return []any{d.user(), d.user(), d.correction()} },
	"Corrections":    func(d *drawer) []any { return []any{d.eventID()} },
	"RecordEntry":    func(d *drawer) []any { return []any{d.event()} },
	"RecordBatch": func(d *drawer) []any {
		options := []guerdon.BatchOption{guerdon.SkipRefused}
		return []any{[]event.Event{d.event(), d.event()}, options[:d.number(0, 1)]}
	},
	"Scope": func(*drawer) []any { return nil },
	"UpdateTables": func(d *drawer) []any {
		e := d.event()
		return []any{func(ctx context.Context, tx store.Tx, ws *guerdon.Workspace) error {
			if _, err := ws.Record(ctx, e); err != nil {
				return err
			}
			return keysIn(ctx, tx, "journal")
		}}
	},
	"ViewTables": func(*drawer) []any {
		return []any{func(ctx context.Context, tx store.Tx) error { return keysIn(ctx, tx, "users") }}
	},

	"SyncWithCatalogs": func(*drawer) []any { return nil },

	"Users.Anonymise":    func(d *drawer) []any { return []any{d.user()} },
	"Users.AssignTags":   func(d *drawer) []any { return []any{d.user(), d.taggings()} },
	"Users.ByExternalID": func(d *drawer) []any { return []any{d.one("x1", "their-ada")} },
	"Users.Create":       func(d *drawer) []any { return []any{d.newUser()} },
	"Users.Get":          func(d *drawer) []any { return []any{d.user()} },
	"Users.GetMany":      func(d *drawer) []any { return []any{[]string{d.user(), "bob"}} },
	"Users.List":         func(d *drawer) []any { return []any{tenancy.UserFilter{}, d.page()} },
	"Users.Principal":    func(d *drawer) []any { return []any{d.user()} },
	"Users.Principals":   func(d *drawer) []any { return []any{[]string{d.user(), "bob"}} },
	"Users.RemoveTags":   func(d *drawer) []any { return []any{d.user(), []string{d.tag()}} },
	"Users.Resume":       func(d *drawer) []any { return []any{d.user()} },
	"Users.SetRole":      func(d *drawer) []any { return []any{d.user(), tenancy.Role(d.one("viewer", "admin"))} },
	"Users.Suspend":      func(d *drawer) []any { return []any{d.user()} },
	"Users.Tagged":       func(d *drawer) []any { return []any{d.tag(), d.page()} },
	"Users.Tags":         func(d *drawer) []any { return []any{d.user()} },
	"Users.Update": func(d *drawer) []any {
		return []any{d.user(), tenancy.UserPatch{Nickname: new(d.one("Kim", "Their ada"))}}
	},
	"Users.UpdateTags": func(d *drawer) []any { return []any{d.user(), d.taggings()} },

	"Settings.Delete":  func(*drawer) []any { return nil },
	"Settings.Draft":   func(*drawer) []any { return nil },
	"Settings.Get":     func(*drawer) []any { return nil },
	"Settings.Publish": func(*drawer) []any { return nil },
	"Settings.Put": func(d *drawer) []any {
		return []any{tenancy.Configuration{Branding: tenancy.Branding{Name: d.one("Ours", "Other")}}}
	},

	"Media.Advance":        func(*drawer) []any { return nil },
	"Media.AssignTags":     func(d *drawer) []any { return []any{d.known(), d.taggings()} },
	"Media.AssignedTag":    func(d *drawer) []any { return []any{d.known(), d.tag()} },
	"Media.AssignedTags":   func(d *drawer) []any { return []any{d.known(), d.page()} },
	"Media.AssignedTagsOf": func(d *drawer) []any { return []any{[]string{d.known(), d.known()}} },
	"Media.Confirm":        func(d *drawer) []any { return []any{d.known()} },
	"Media.Delete":         func(d *drawer) []any { return []any{d.known()} },
	"Media.Get":            func(d *drawer) []any { return []any{d.known()} },
	"Media.List":           func(d *drawer) []any { return []any{content.MediaFilter{Scope: d.shelf()}, d.page()} },
	"Media.Localized":      func(d *drawer) []any { return []any{d.known(), "en"} },
	"Media.RemoveTags":     func(d *drawer) []any { return []any{d.known(), []string{d.tag()}} },
	"Media.SetTranslations": func(d *drawer) []any {
		return []any{d.known(), []content.Label{{Lang: "en", Label: d.one("Ours", "Other")}}}
	},
	"Media.UpdateTags": func(d *drawer) []any { return []any{d.known(), d.taggings()} },
	"Media.Upload": func(d *drawer) []any {
		return []any{content.NewUpload{
			FileName: "cat.png", ContentType: "image/png", FileSize: 5, Scope: d.shelf(), MediaID: d.one("", "", d.known()),
		}}
	},

	"Missions.Contributions": func(d *drawer) []any { return []any{d.known(), d.page()} },
	"Missions.Create":        func(d *drawer) []any { return []any{missions.NewMission{ConfigurationID: "three", UserID: d.user()}} },
	"Missions.Evaluate":      func(d *drawer) []any { return []any{d.user()} },
	"Missions.GroupList":     func(d *drawer) []any { return []any{d.tag(), missions.Query{}, d.page()} },
	"Missions.List":          func(d *drawer) []any { return []any{d.user(), missions.Query{}, d.page()} },
	"Missions.Mission":       func(d *drawer) []any { return []any{d.known()} },

	"Missions.Current": func(d *drawer) []any { return []any{d.user()} },

	"Levels.Level": func(d *drawer) []any { return []any{d.user(), d.one("club", "new")} },
	"Levels.List":  func(d *drawer) []any { return []any{d.user()} },

	"Streaks.Current":          func(d *drawer) []any { return []any{d.user(), "daily"} },
	"Streaks.FreezeConsents":   func(d *drawer) []any { return []any{d.user()} },
	"Streaks.SetFreezeConsent": func(d *drawer) []any { return []any{d.user(), d.one("daily", "new"), d.number(0, 1) > 0} },
	"Streaks.Streaks": func(d *drawer) []any {
		return []any{d.user(), streaks.Query{PeriodType: streaks.ByDay}, d.page()}
	},

	"Economy.Balance":       func(d *drawer) []any { return []any{d.user(), d.currency()} },
	"Economy.Balances":      func(d *drawer) []any { return []any{d.user()} },
	"Economy.RunningBoosts": func(d *drawer) []any { return []any{d.user()} },
	"Economy.Grant":         func(d *drawer) []any { return []any{[]economy.Grant{d.grant("")}} },
	"Economy.Budgets":       func(d *drawer) []any { return []any{d.one("per-run", "new")} },
	"Economy.Capture":       func(d *drawer) []any { return []any{d.known(), decimal.NewFromInt(1)} },
	"Economy.HeldForReview": func(d *drawer) []any { return []any{d.page()} },
	"Economy.Hold": func(d *drawer) []any {
		return []any{d.user(), economy.Hold{CurrencyID: d.currency(), Amount: d.amount(), ExpiresAt: start.Add(time.Duration(d.number(1, 900)) * time.Hour)}}
	},
	"Economy.Release": func(d *drawer) []any { return []any{[]string{d.known()}, d.one("", "It was so.")} },
	"Economy.VoidAll": func(d *drawer) []any { return []any{[]string{d.known()}, d.one("", "It was not so.")} },
	"Economy.History": func(d *drawer) []any { return []any{d.user(), d.page()} },
	"Economy.Lapsing": func(d *drawer) []any { return []any{d.user(), d.currency()} },
	"Economy.Redeem":  func(d *drawer) []any { return []any{d.user(), d.known()} },
	"Economy.Reverse": func(d *drawer) []any {
		return []any{d.known(), economy.Reversal{Amount: d.amount(), UpTo: rapid.Bool().Draw(d.T, "up to"), Reason: d.one("", "It was not so.")}}
	},
	"Economy.Spend": func(d *drawer) []any {
		return []any{d.user(), economy.Spending{CurrencyID: d.currency(), Amount: d.amount()}}
	},
	"Economy.System":      func(d *drawer) []any { return []any{d.currency()} },
	"Economy.Transaction": func(d *drawer) []any { return []any{d.known()} },
	"Economy.Transfer":    func(d *drawer) []any { return []any{d.user(), []economy.Grant{d.grant("")}} },
	"Economy.Verify":      func(*drawer) []any { return nil },
	"Economy.Void":        func(d *drawer) []any { return []any{d.known(), d.one("", "It was not so.")} },
	"Economy.Withdraw":    func(d *drawer) []any { return []any{d.user(), d.known(), d.one("", "It was not so.")} },

	"Badges.Award": func(d *drawer) []any {
		return []any{badges.NewAward{ID: d.one("", "award"), UserID: d.user(), ConfigurationID: "badge", Reason: d.one("", "For helping others."), At: d.at()}}
	},
	"Badges.Awards":     func(d *drawer) []any { return []any{d.user(), "badge", d.page()} },
	"Badges.Badge":      func(d *drawer) []any { return []any{d.user(), "badge", "en"} },
	"Badges.Credential": func(d *drawer) []any { return []any{d.user(), "badge", d.one("", "award"), issuer(aKey())} },
	"Badges.List":       func(d *drawer) []any { return []any{d.user(), badges.Query{Had: rapid.Bool().Draw(d.T, "had")}} },

	"Learning.Assign": func(d *drawer) []any {
		return []any{learning.NewAssignment{PathID: "path", UserID: d.user(), Visibility: learning.Visibility(d.one("", "LOCKED"))}}
	},
	"Learning.Assignment":  func(d *drawer) []any { return []any{d.known(), "en"} },
	"Learning.Assignments": func(d *drawer) []any { return []any{d.user(), learning.Query{Items: true}, d.page()} },
	"Learning.CreateGroup": func(d *drawer) []any {
		g := learning.Group{Title: "A group"}
		g.ID, g.DefaultLang, g.Translations = d.one("group", "new"), "en", []learning.Title{{Lang: "en", Title: "A group"}}
		return []any{learning.NewGroup{Group: g}, true}
	},
	"Learning.CreatePath": func(d *drawer) []any {
		p := learning.Path{Title: "A path", EstimatedDuration: new(decimal.NewFromInt(5))}
		p.ID, p.DefaultLang, p.Translations = d.one("path", "new"), "en", []learning.Title{{Lang: "en", Title: "A path"}}
		return []any{learning.NewPath{Path: p}, true}
	},
	"Learning.Evaluate":  func(d *drawer) []any { return []any{d.user()} },
	"Learning.Group":     func(d *drawer) []any { return []any{d.user(), "group", "", "en"} },
	"Learning.GroupLog":  func(d *drawer) []any { return []any{d.user(), "group", ""} },
	"Learning.GroupLogs": func(d *drawer) []any { return []any{d.user(), "", d.page()} },
	"Learning.Learners": func(d *drawer) []any {
		return []any{"path", learning.LearnerFilter{Visibility: learning.Visibility(d.one("", "LOCKED"))}, d.page()}
	},
	"Learning.LearnersOf":   func(*drawer) []any { return []any{[]string{"path", "nothing"}} },
	"Learning.Locks":        func(d *drawer) []any { return []any{d.known(), "en"} },
	"Learning.PathLog":      func(d *drawer) []any { return []any{d.user(), "path", ""} },
	"Learning.Quiz":         func(d *drawer) []any { return []any{d.user(), "quiz", "", "en"} },
	"Learning.QuizLog":      func(d *drawer) []any { return []any{d.user(), "quiz", ""} },
	"Economy.BalanceAt":     func(d *drawer) []any { return []any{d.user(), "points", d.at()} },
	"Missions.MissionAt":    func(d *drawer) []any { return []any{d.known(), d.at()} },
	"Learning.Answers":      func(d *drawer) []any { return []any{"quiz", d.page()} },
	"Learning.Slide":        func(d *drawer) []any { return []any{d.user(), "slide", "", "en"} },
	"Learning.SlideLog":     func(d *drawer) []any { return []any{d.user(), "slide", ""} },
	"Learning.Stats":        func(d *drawer) []any { return []any{d.user()} },
	"Learning.Story":        func(d *drawer) []any { return []any{d.user(), "story", "", "en"} },
	"Learning.StoryLog":     func(d *drawer) []any { return []any{d.user(), "story", ""} },
	"Learning.AssignmentOf": func(d *drawer) []any { return []any{d.user(), "path", "en"} },
	"Learning.Items": func(d *drawer) []any {
		return []any{d.user(), "", "en", []learning.Item{{ItemID: "quiz", ItemType: learning.ItemQuiz}, {ItemID: "group", ItemType: learning.ItemGroup}}}
	},
	"Learning.SubmitQuiz": func(d *drawer) []any {
		return []any{learning.QuizSubmission{Submission: who(d.user()), QuizID: "quiz", Answer: content.Option(d.one("opt1", "opt2"))}}
	},
	"Learning.SubmitSlide": func(d *drawer) []any {
		return []any{learning.SlideSubmission{Submission: who(d.user()), SlideID: "slide", Progress: learning.Progress(d.one("START", "COMPLETE"))}}
	},
	"Learning.SubmitStory": func(d *drawer) []any {
		return []any{learning.StorySubmission{Submission: who(d.user()), StoryID: "story", Action: learning.Action(d.one("SHARE", "COMPLETE_READ"))}}
	},
	"Learning.Unassign": func(d *drawer) []any { return []any{d.known()} },
	"Learning.Versions": func(d *drawer) []any { return []any{d.known()} },

	"Mobility.Activate": func(d *drawer) []any {
		return []any{mobility.Activation{UserID: d.user(), Provider: "p", Status: mobility.Switch(d.one("on", "on", "off"))}}
	},
	"Mobility.Activations": func(d *drawer) []any { return []any{d.user()} },
	"Mobility.Explain":     func(d *drawer) []any { return []any{d.milestone()} },
	"Mobility.Milestone":   func(d *drawer) []any { return []any{d.milestone()} },
	"Mobility.Milestones":  func(d *drawer) []any { return []any{d.user(), mobility.Query{}, d.page()} },
	"Mobility.Receive":     func(d *drawer) []any { return []any{seer{d.trackings()}, []byte(nil)} },
	"Mobility.Redeem":      func(d *drawer) []any { return []any{d.user(), d.milestone()} },
	"Mobility.Review": func(d *drawer) []any {
		return []any{d.user() + ":p:" + d.one("t1", "t2"), mobility.Verdict(d.one("RELEASED", "REJECTED")), "as drawn"}
	},
	"Mobility.Token":     func(d *drawer) []any { return []any{seer{}, d.user()} },
	"Mobility.Track":     func(d *drawer) []any { return []any{d.trackings()} },
	"Mobility.Tracking":  func(d *drawer) []any { return []any{d.user() + ":p:" + d.one("t1", "t2")} },
	"Mobility.Trackings": func(d *drawer) []any { return []any{d.user(), mobility.Query{}, d.page()} },

	"Leaderboards.Around":      func(d *drawer) []any { return []any{d.board(), d.user(), d.number(1, 3), d.period()} },
	"Leaderboards.Page":        func(d *drawer) []any { return []any{d.board(), d.number(0, 2), d.number(1, 3), d.period()} },
	"Leaderboards.Periods":     func(d *drawer) []any { return []any{d.board(), d.number(1, 3), time.Time{}} },
	"Leaderboards.Provisional": func(d *drawer) []any { return []any{[]string{d.board(), d.board()}} },
	"Leaderboards.Rank":        func(d *drawer) []any { return []any{d.board(), d.user(), d.period()} },
	"Leaderboards.Top":         func(d *drawer) []any { return []any{d.board(), d.number(1, 3), d.period()} },
}

// milestone draws the id of a milestone.
func (d *drawer) milestone() string {
	return d.user() + ":" + start.Format(time.DateOnly) + ":km:" + d.one("target0", "target1")
}

// pruning draws how a bundle is imported.
func (d *drawer) pruning() []content.ImportOption {
	return []content.ImportOption{content.Prune}[:d.number(0, 1)]
}

// trackings draws what a provider saw.
func (d *drawer) trackings() (all []mobility.Tracking) {
	for i := range d.number(0, 2) {
		begun := start.Add(-time.Duration(d.number(0, 9)) * 10 * time.Minute)
		all = append(all, mobility.Tracking{
			ProviderID: fmt.Sprint("t", i+1), UserID: d.user(), Provider: "p", Status: mobility.Track, Type: mobility.Mode(d.one("walk", "bus")),
			Length: int64(100 * d.number(0, 20)), StartsAt: begun, EndsAt: begun.Add(10 * time.Minute), Geometry: d.one("", `{"type":"Point","coordinates":[9,45]}`),
		})
	}
	return all
}

// seer is a provider that saw some trackings.
type seer struct{ saw []mobility.Tracking }

func (seer) Name() string { return "p" }

func (seer) Status(context.Context) (mobility.ProviderStatus, error) {
	return mobility.ProviderStatus{Enabled: true}, nil
}

func (seer) Token(_ context.Context, userID string) (string, error) { return "token of " + userID, nil }

func (s seer) Trackings(context.Context, []byte) ([]mobility.Tracking, error) { return s.saw, nil }

// documentArguments says how to call a method of the documents of a kind.
var documentArguments = map[string]func(*drawer, object) []any{
	"Archive":        func(d *drawer, of object) []any { return []any{d.id(of)} },
	"AssignTags":     func(d *drawer, of object) []any { return []any{d.id(of), d.taggings()} },
	"AssignedTag":    func(d *drawer, of object) []any { return []any{d.id(of), d.tag()} },
	"AssignedTags":   func(d *drawer, of object) []any { return []any{d.id(of), d.page()} },
	"AssignedTagsOf": func(d *drawer, of object) []any { return []any{[]string{d.id(of), d.id(of)}} },
	"CatalogGet":     func(d *drawer, of object) []any { return []any{d.one("default", "other"), d.id(of)} },
	"CatalogList":    func(d *drawer, _ object) []any { return []any{d.one("default", "other"), d.page()} },
	"Live":           func(d *drawer, of object) []any { return []any{[]string{d.id(of), "new"}} },
	"Versions": func(d *drawer, of object) []any {
		return []any{[]content.Pin{{ID: d.id(of), Version: d.number(1, 3)}, {ID: d.id(of), Version: 1}}}
	},
	"Clone": func(d *drawer, of object) []any {
		return []any{d.one("default", "other"), d.id(of), []content.CloneOption{content.Sync}}
	},
	"Create":  func(d *drawer, of object) []any { return []any{d.document(of)} },
	"Get":     func(d *drawer, of object) []any { return []any{d.id(of)} },
	"GetMany": func(d *drawer, of object) []any { return []any{[]string{d.id(of), d.id(of)}} },
	"History": func(d *drawer, of object) []any { return []any{d.id(of), d.page()} },
	"List": func(d *drawer, _ object) []any {
		if rapid.Bool().Draw(d.T, "in force") {
			return []any{content.Filter{InForce: true}, d.page()}
		}
		return []any{content.Filter{Stages: []content.Stage{content.Stage(d.one("DRAFT", "PUBLISHED", "ARCHIVED"))}}, d.page()}
	},
	"Localized": func(d *drawer, of object) []any { return []any{d.id(of), "en"} },
	"Publish": func(d *drawer, of object) []any {
		return []any{d.id(of), []content.PublishOption{content.PublishOption(d.one(string(content.Cascade), string(content.Reopen)))}}
	},
	"ReferringTo": func(d *drawer, _ object) []any {
		return []any{d.one("Activity", "VirtualCurrency"), d.one("run", "points"), d.page()}
	},
	"ReferringToAny": func(d *drawer, of object) []any { return []any{"Story", []string{d.id(of), d.id(of)}} },
	"RemoveTags":     func(d *drawer, of object) []any { return []any{d.id(of), []string{d.tag()}} },
	"Translations":   func(d *drawer, of object) []any { return []any{d.id(of), d.page()} },
	"Unarchive":      func(d *drawer, of object) []any { return []any{d.id(of)} },
	"Unchanged": func(d *drawer, of object) []any {
		return []any{merge(d.document(of), object{"updatedAt": "2020-01-01T00:00:00Z"})} // before anything is changed
	},
	"Update":     func(d *drawer, of object) []any { return []any{d.document(of)} },
	"UpdateTags": func(d *drawer, of object) []any { return []any{d.id(of), d.taggings()} },
	"Version":    func(d *drawer, of object) []any { return []any{d.id(of), d.number(1, 3)} },
}

// id draws the id of a document of the kind.
func (d *drawer) id(of object) string { return d.one(of["id"].(string), "new") }

// document draws a document like the sample.
func (d *drawer) document(of object) object {
	doc := maps.Clone(of)
	doc["id"] = d.id(of)
	switch {
	case doc["name"] != nil:
		doc["name"] = d.one("One", "Two")
	case doc["variant"] != nil:
		doc["variant"] = d.one("one", "two")
	}
	return doc
}

// A frame for what begins long ago and never ends.
func always(more object) object {
	return merge(object{
		"timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC",
		"timeframeStartsAt": "2020-01-01T00:00:00Z",
	}, more)
}

// samples has a document for everything that hangs off a workspace and keeps documents.
var samples = map[string]object{
	"Activities": document("Activity", "run", nil),
	"Tags":       document("Tag", "outdoor", object{"namespace": "place", "variant": "outdoor"}),
	"Quizzes": document("Quiz", "quiz", object{
		"correctAnswer": "opt1", "translations": []object{{"lang": "en", "question": "What?", "opt1": "This", "opt2": "That"}},
	}),
	"Slides":  document("Slide", "slide", object{"translations": []object{{"lang": "en", "title": "A slide"}}}),
	"Stories": document("Story", "story", object{"translations": []object{{"lang": "en", "title": "A story"}}}),
	"Learning.Groups": document("LearningGroup", "group", object{
		"title": "A group", "items": []object{{"itemId": "quiz", "itemType": "quiz"}}, "translations": []object{{"lang": "en", "title": "A group"}},
	}),
	"Learning.Paths": document("LearningPath", "path", object{
		"title": "A path", "estimatedDuration": 5, "items": []object{{"itemId": "run", "itemType": "activity"}, {"itemId": "slide", "itemType": "slide"}},
		"translations": []object{{"lang": "en", "title": "A path"}},
	}),
	"Learning.Rules": document("LearningPathRule", "new", always(object{
		"ruleType": "ASSIGN", "assignmentMode": "LAZY", "learningPathsMatchCondition": true, "timeframeTimezoneType": "USER",
	})),
	"Missions.Configurations": document("MissionConfiguration", "three", object{
		"missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity",
	}),
	"Missions.Rules": document("MissionRule", "weekly", always(object{
		"missionType": "INDIVIDUAL", "missionConfigurationsPool": []string{"three"}, "assignmentMode": "LAZY", "timeframeTimezoneType": "USER",
	})),
	"Levels.Ladders": document("Ladder", "club", object{
		"measure": object{"type": "EVENTS", "ruleType": "ENTITY", "matchEntity": "Activity"}, "steps": []object{{"id": "one", "name": "One", "threshold": 1}},
	}),
	"Streaks.Configurations": document("StreakConfiguration", "any", object{"matchType": "ENTITY", "matchEntity": "Activity"}),
	"Streaks.Rules": document("StreakRule", "daily", always(object{
		"streakConfigurationId": "any", "cadence": "DAY", "metric": "DAYS", "freezeEnabled": false,
	})),
	"Mobility.Factors": document("MobilityFactors", "factors", object{
		"source": "a test", "year": 2025, "licence": "CC0-1.0", "baseline": "car",
		"factors": []object{{"type": "car", "gramsPerPersonKm": 170}, {"type": "walk", "gramsPerPersonKm": 0}},
	}),
	"Mobility.Goals": document("MobilityGoals", "goals", object{
		"metrics": []object{{"metric": "km", "transportTypes": []string{"walk"}, "goals": []float64{0.5, 2}}},
	}),
	"Economy.Currencies": document("VirtualCurrency", "points", object{"life": object{"lifeType": "AFTER", "count": 2, "per": "DAY"}}),
	"Badges.Configurations": document("BadgeConfiguration", "badge", object{
		"image": "https://example.org/badge.png", "progressSourceEntityType": "MissionConfiguration", "progressSourceEntityId": "three",
	}),
	"Economy.Boosts": document("Boost", "double", object{"rewardRulesPool": []string{"per-run"}, "factor": 2, "stacking": "ADD"}),
	"Economy.RewardRules": document("RewardRule", "per-run", object{
		"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "Activity",
		"counts": []object{{"name": "lately", "minutes": 600}},
		"rewards": []object{{
			"virtualCurrencyId": "points", "redemptionMode": "MANUAL", "expression": 2, "reviewCondition": operation(">", variable("recent.lately"), 1),
		}},
	}),
	"Leaderboards.Configurations": document("RuntimeLeaderboardConfiguration", "earned", object{
		"query": object{"source": "activity_logs", "entityId": "userId", "score": object{"count": nil}},
	}),
	"Leaderboards.Boards": document("RuntimeLeaderboard", "all-time", always(object{"runtimeLeaderboardConfigurationId": "earned"})),
}
