package proof_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/internal/pack"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
)

var phrasebook = flag.String("phrasebook", "", "the `file` to which BenchmarkPhrasebook writes the phrasebook that it makes")

// BenchmarkPhrasebook makes a phrasebook of the records of a club that has an exam, and of the quickstart's game with other
// names for everything, and reports how many of a hundred bytes of the game's own records stay with it, and with the one
// that is used.
func BenchmarkPhrasebook(b *testing.B) {
	const size = 16 << 10
	for b.Loop() {
		samples, others := packedOf(b, sampleClub(b)), packedOf(b, sampleGame(b, strings.NewReplacer()))
		samples = append(samples, packedOf(b, sampleGame(b, strings.NewReplacer(
			"five-a-week", "moonshot", "every-week", "each-moon", "point-for-a-commit", "gem-of-one", "ten-for-a-week", "large-gift", "commit-streak",
			"in-a-row", "every-day", "no-pause", `"points"`, `"gems"`, "points-earned", "gems-found", "all-time", "for-ever", "monthly", "of-moons",
			"area:root", "on:top", "added", "more", "deleted", "gone", "files", "where",
		)))...)
		draw := rand.New(rand.NewPCG(1, 2))
		draw.Shuffle(len(samples), func(i, j int) { samples[i], samples[j] = samples[j], samples[i] })
		book := pack.Phrasebook(samples, size)
		if *phrasebook != "" {
			require.NoError(b, os.WriteFile(*phrasebook, book, 0o600))
		}
		whole, now := 0, 0
		for _, record := range others {
			whole += len(record)
			now += len(pack.Squeeze(record))
		}
		b.ReportMetric(100*float64(pack.Squeezed(others, book))/float64(whole), "%-new")
		b.ReportMetric(100*float64(now)/float64(whole), "%-used")
	}
}

// sampleClub returns a club with an exam to whose members much has happened, some of it late.
func sampleClub(b *testing.B) *guerdontest.World {
	b.Helper()
	const members = 60
	w := guerdontest.New(b, append(clubDocs(1), examDocs(20)...)...)
	for i := range members {
		w.Join(b, clubEvent(i).UserID)
	}
	start := w.Now()
	for n := range 40 * members {
		e := clubEvent(n)
		e.UserID, e.At = clubEvent(n%members).UserID, start.Add(time.Duration(n)*20*time.Minute)
		if n%50 == 0 {
			e.At = e.At.Add(-5 * time.Hour)
		}
		w.Set(b, start.Add(time.Duration(n)*20*time.Minute))
		w.Happens(b, e)
	}
	for i := range members * 8 {
		s := learning.QuizSubmission{
			Submission: learning.Submission{UserID: clubEvent(i % members).UserID}, QuizID: fmt.Sprint("question-", i/members), Answer: content.Option1,
		}
		_, err := w.Learning.SubmitQuiz(b.Context(), s)
		require.NoError(b, err)
	}
	w.Pass(b, 40*24*time.Hour)
	return w
}

// sampleGame returns the quickstart's game after some commits, with other names.
func sampleGame(b *testing.B, names *strings.Replacer) *guerdontest.World {
	b.Helper()
	rules, err := os.ReadFile(filepath.Join("..", "examples", "quickstart", "game.json"))
	require.NoError(b, err)
	w := guerdontest.New(b)
	_, err = w.Import(b.Context(), []byte(names.Replace(strings.ReplaceAll(string(rules), "$ZONE", "UTC"))))
	require.NoError(b, err)
	for i := range committers {
		w.Join(b, committer(i))
	}
	all, next := make([]event.Event, 1000), commits()
	for i := range all {
		all[i] = next()
	}
	shift := w.Now().Sub(all[len(all)-1].At)
	for i, e := range all {
		w.Happens(b, event.Event{
			ID: e.ID, UserID: e.UserID, EntityID: e.EntityID, At: e.At.Add(shift), Tags: []string{names.Replace("area:root")},
			Data: map[string]any{names.Replace("added"): i % 90, names.Replace("deleted"): i % 7, names.Replace("files"): 1 + i%3},
		})
	}
	w.Pass(b, 40*24*time.Hour)
	return w
}

// packedOf returns records of a workspace that a database keeps packed, without their phrases: of each table as many at most.
func packedOf(b *testing.B, w *guerdontest.World) (records [][]byte) {
	b.Helper()
	const most = 400
	byTable := map[string][][]byte{}
	var dump bytes.Buffer
	require.NoError(b, w.Dump(b.Context(), &dump))
	tables := map[string]*store.Schema{}
	for _, t := range guerdon.Tables() {
		tables[t.Name] = t
	}
	for lines := bufio.NewReader(&dump); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			for _, name := range slices.Sorted(maps.Keys(byTable)) {
				all := byTable[name]
				for i := range min(most, len(all)) {
					records = append(records, all[i*len(all)/min(most, len(all))])
				}
			}
			return records
		}
		require.NoError(b, err)
		var row struct {
			Table  string          `json:"table"`
			Record json.RawMessage `json:"record"`
		}
		require.NoError(b, json.Unmarshal(line, &row))
		t := tables[row.Table]
		if t == nil || !t.Packed {
			continue
		}
		kept, err := t.ParseJSON(row.Record)
		require.NoError(b, err)
		record, err := t.Pack(kept)
		require.NoError(b, err)
		byTable[row.Table] = append(byTable[row.Table], record)
	}
}
