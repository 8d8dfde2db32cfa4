package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/guerdonhq/guerdon/event"
)

// fewest is how many people a repository must have for a game that is worth looking at, unless it is asked for.
const fewest = 3

// committers returns how many people a history is of.
func committers(commits []commit) int {
	known := map[string]bool{}
	for _, c := range commits {
		known[c.UserID] = true
	}
	return len(known)
}

// team are those of the sample, by how likely each is to commit on a working day, in per cent, and on a day of a weekend.
var team = []struct {
	name             string
	working, resting int
}{
	{"Ada Byron", 90, 25},
	{"Bo Lindqvist", 75, 5},
	{"Chidi Okafor", 70, 30},
	{"Dana Weiss", 60, 0},
	{"Emre Aydin", 55, 10},
	{"Flora Conti", 50, 20},
	{"Goran Petrov", 40, 0},
	{"Hana Sato", 35, 5},
	{"Ivo Nowak", 20, 10},
	{"Juno Park", 10, 10},
}

// sample is the history of a made-up team over six months of 2026. It is always the same.
func sample() source {
	return source{name: "a made-up team", key: "sample", read: func(context.Context) ([]commit, error) {
		draw := rand.New(rand.NewPCG(2026, 1))
		var all []commit
		for day := time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC); day.Month() < time.July; day = day.AddDate(0, 0, 1) {
			for _, who := range team {
				chance := who.working
				if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
					chance = who.resting
				}
				for n := 0; n < 6 && draw.IntN(100) < chance; n++ { // the more on a day, the less likely is another
					id := binary.BigEndian.AppendUint64(nil, draw.Uint64())
					at := day.Add(9*time.Hour + time.Duration(n)*90*time.Minute + time.Duration(draw.IntN(90*60))*time.Second)
					all = append(all, commit{
						Event:  event.Event{ID: hex.EncodeToString(id), EntityID: activity, UserID: identify(who.name, ""), At: at},
						author: who.name, place: "the sample",
					})
					chance = chance * 2 / 3
				}
			}
		}
		return all, nil
	}}
}
