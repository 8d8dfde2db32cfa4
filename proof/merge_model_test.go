package proof_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Whatever two users have done who turn out to be one person, and whenever that turns out: once they are merged, all that users can see is as if
// everything had happened to one from the start, and the id that was given up is as good as the other. What the one may not do alone and
// both together may, or the other way round, is not compared.
func TestMergedIsAsIfItHadBeenOne(t *testing.T) {
	for _, d := range dimensions {
		if !slices.Contains([]string{"groups", "freezes", "rewards", "learning", "all"}, d.name) { // what these have, too
			continue
		}
		f := d.features
		f.later, f.moves, f.twins, f.timeless = false, false, true, true
		t.Run(d.name, func(t *testing.T) {
			checkStores(t, func(rt *rapid.T, b *backend) {
				s := scenarios(f).Filter(unmoved).Draw(rt, "scenario")
				o := s.orders().Draw(rt, "order")
				o.waits = nil
				until := rapid.IntRange(1, len(s.events)).Draw(rt, "merged after")
				one, two := founded(rt, memory.New(), "acme", founding), b.emptyIn(rt, founding, 0)
				one.known = map[string]string{"eve": "bob"}
				want := one.enact(rt, s, s.lived(), one.records(rt))
				got := two.enact(rt, s, o, two.mergesAfter(rt, until))
				if !slices.Equal(want, got) {
					return
				}
				never := func(string) bool { return len(o.advances) == 0 }
				want, got = one.lines(rt, s, never), two.lines(rt, s, never)
				for _, lines := range [][]string{want, got} {
					for i := range lines { // an event keeps its id, and when a balance was first there is no matter of what is true now
						lines[i] = firstThere.ReplaceAllString(strings.ReplaceAll(lines[i], ":eve:", ":bob:"), "")
					}
					slices.Sort(lines)
				}
				if !slices.Equal(want, got) {
					require.Fail(rt, "another end than for one", "merged after %d events\n%s\n%s", until, told{o, s}, strings.Join(differences(want, got), "\n"))
				}
			})
		})
	}
}

// unmoved tells whether no document asks for changes of users, of which a merge is one.
func unmoved(s *scenario) bool {
	return !slices.ContainsFunc(s.docs, func(doc object) bool { return strings.Contains(encoded(doc), `"User"`) })
}

// mergesAfter returns what records deliveries, and gives eve's id up for bob's when so many events are recorded.
func (w *world) mergesAfter(t tester, until int) func(delivery) {
	n, record := 0, w.records(t)
	return func(d delivery) {
		record(d)
		before := n
		if n += len(d.events); before >= until || n < until {
			return
		}
		merged, err := w.Merge(t.Context(), "eve", "bob", same)
		require.NoError(t, err)
		require.Equal(t, "bob", merged.IntoID)
	}
}

// An id that was given up is as good as that of the user who stays, in every argument of every method: what it answers and what it does is the same.
func TestGivenUpIDIsAsGood(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		one, two := merged(rt), merged(rt)
		d := &drawer{T: rt}
		for range rapid.IntRange(1, 25).Draw(rt, "calls") {
			c := d.call(one.Workspace)
			if strings.HasPrefix(c.path, "Users.Create") || strings.Contains(c.path, "Merge") { // an id that is given up is still an id
				continue
			}
			other := c
			other.args = slices.Clone(c.args)
			for i := range other.args {
				c.args[i] = renamed(reflect.ValueOf(c.args[i]), "kim", "ada").Interface()
				other.args[i] = renamed(reflect.ValueOf(other.args[i]), "ada", "kim").Interface()
			}
			want, got := c.answer(rt.Context(), one.Workspace, one.store), other.answer(rt.Context(), two.Workspace, two.store)
			d.learn(want)
			for _, answer := range [][]string{want, got} {
				for i := range answer { // an error may name who was asked for
					answer[i] = strings.ReplaceAll(answer[i], "kim", "ada")
				}
			}
			require.Equal(rt, want, got, c)
			now := one.now.Load().Add(pick(author{T: rt}, "pass", 0, time.Second, 20*time.Hour))
			one.set(now)
			two.set(now)
		}
		requireSameRows(rt, one.dump(rt), two.dump(rt))
	})
}

// merged returns a world in which kim was given up for ada.
func merged(t tester) *world {
	w := found(t, memory.New(), "acme")
	_, err := w.Users.Create(t.Context(), tenancy.NewUser{ID: "kim", Timezone: "America/New_York"})
	require.NoError(t, err)
	_, err = w.Record(t.Context(), event.Event{ID: "first", UserID: "kim", EntityID: "run", At: start})
	require.NoError(t, err)
	_, err = w.Merge(t.Context(), "kim", "ada", same)
	require.NoError(t, err)
	return w
}

// renamed returns a value with another text in place of one, wherever it is.
func renamed(v reflect.Value, from, to string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		if v.String() == from {
			out.SetString(to)
		}
	case reflect.Slice:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(renamed(v.Index(i), from, to))
		}
	case reflect.Struct:
		for f, field := range out.Fields() {
			if f.IsExported() {
				field.Set(renamed(field, from, to))
			}
		}
	default:
	}
	return out
}
