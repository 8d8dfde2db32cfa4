package proof_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

// said is what a document of the authors holds: two fields that they change.
type said struct{ name, label string }

func saidBy(a content.Activity) said { return said{a.Name, a.Translations[0].Label} }

// differing returns the fields in which two documents differ.
func (s said) differing(o said) []string {
	var fields []string
	if s.name != o.name {
		fields = append(fields, "name")
	}
	if s.label != o.label {
		fields = append(fields, "translations")
	}
	return fields
}

// reader is one who has read the document.
type reader struct {
	content.Actor
	held content.Activity
	was  said
	seen int // how many updates had been made
}

func sharedActivity() content.Activity {
	a := content.Activity{Header: content.Header{ID: "shared", DefaultLang: "en"}, Name: "0"}
	a.Translations = []content.Label{{Lang: "en", Label: "0"}}
	return a
}

// However authors take turns, an update is applied on what its author has read, or refused, and then changes nothing and says what differs.
func TestUpdatesAreOfWhatWasRead(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w, ctx := b.world(rt), t.Context()
		made, err := w.Activities.Create(ctx, sharedActivity())
		require.NoError(rt, err)
		now, by, at, updates := saidBy(made), content.Actor{Type: content.BySystem}, made.UpdatedAt, 0
		authors := make([]reader, 3)
		read := func(rt *rapid.T, a *reader) {
			switch doc, err := w.Activities.Live(ctx, "shared"); {
			case err == nil && len(doc) > 0 && rapid.Bool().Draw(rt, "in force"):
				a.held = doc["shared"]
				if a.was = saidBy(a.held); a.was != now {
					a.seen = -1 // a newer draft is not what was read
					return
				}
			default:
				require.NoError(rt, err)
				a.held, err = w.Activities.Get(ctx, "shared")
				require.NoError(rt, err)
				a.was = saidBy(a.held)
				require.Equal(rt, now, a.was)
			}
			a.seen = updates
		}
		for i := range authors {
			authors[i].Actor = content.Actor{Type: content.ByPrincipal, ID: fmt.Sprint("author-", i)}
			read(rt, &authors[i])
		}
		one := func(rt *rapid.T) *reader { return &authors[rapid.IntRange(0, 2).Draw(rt, "author")] }
		rt.Repeat(map[string]func(*rapid.T){
			"read": func(rt *rapid.T) { read(rt, one(rt)) },
			"wait": func(*rapid.T) { w.set(w.now.Load().Add(time.Minute)) },
			"publish": func(rt *rapid.T) {
				if _, err := w.Activities.Publish(ctx, "shared"); err != nil {
					require.ErrorIs(rt, err, fault.ErrConflict)
				}
			},
			"rest": func(rt *rapid.T) {
				_, err := w.Activities.Archive(ctx, "shared")
				require.NoError(rt, err)
				_, err = w.Activities.Unarchive(ctx, "shared")
				require.NoError(rt, err)
			},
			"write": func(rt *rapid.T) {
				a := one(rt)
				value := rapid.SampledFrom([]string{"0", "1", "2"}).Draw(rt, "value")
				if a.held.Translations = slices.Clone(a.held.Translations); rapid.Bool().Draw(rt, "name") {
					a.held.Name = value
				} else {
					a.held.Translations[0].Label = value
				}
				mine := saidBy(a.held)
				unchanged := w.Activities.Unchanged(ctx, a.held)
				done, err := w.As(a.Actor).Activities.Update(ctx, a.held)
				require.Equal(rt, err, unchanged)
				if err == nil {
					require.True(rt, now == a.was || now == mine, "%v was written over %v by one who had read %v", mine, now, a.was)
					now, by, at, updates = mine, a.Actor, done.UpdatedAt, updates+1
					a.held, a.was, a.seen = done, now, updates
					return
				}
				require.Less(rt, a.seen, updates, "nobody has changed it")
				want := a.was.differing(now)
				if a.held.Stage != content.Published {
					want = mine.differing(now)
				}
				stale, is := errors.AsType[*content.StaleError](err)
				require.True(rt, is)
				require.Equal(rt, content.StaleError{Kind: "Activity", ID: "shared", At: at, By: by, Fields: want}, *stale)
			},
			"": func(rt *rapid.T) {
				there, err := w.Activities.Get(ctx, "shared")
				require.NoError(rt, err)
				require.Equal(rt, now, saidBy(there))
			},
		})
	})
}

// Of authors who read, add and write back at once, each addition is there in the end, once.
func TestNoUpdateOfConcurrentAuthorsIsLost(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		const authors, each = 4, 5
		_, err := w.Activities.Create(t.Context(), sharedActivity())
		require.NoError(t, err)
		add := func(ctx context.Context, word string) error {
			for {
				doc, err := w.Activities.Get(ctx, "shared")
				if err != nil {
					return err
				}
				doc.Name += " " + word
				_, err = w.Activities.Update(ctx, doc)
				if _, stale := errors.AsType[*content.StaleError](err); !stale {
					return err
				}
			}
		}
		var all sync.WaitGroup
		failed := make([]error, authors)
		want := []string{"0"}
		for i := range authors {
			for n := range each {
				want = append(want, fmt.Sprint(i, ".", n))
			}
			all.Go(func() {
				for n := range each {
					failed[i] = errors.Join(failed[i], add(t.Context(), fmt.Sprint(i, ".", n)))
					if i == 0 {
						_, err := w.Activities.Publish(t.Context(), "shared")
						failed[i] = errors.Join(failed[i], err)
					}
				}
			})
		}
		all.Wait()
		require.NoError(t, errors.Join(failed...))
		there, err := w.Activities.Get(t.Context(), "shared")
		require.NoError(t, err)
		require.ElementsMatch(t, want, strings.Fields(there.Name))
	})
}
