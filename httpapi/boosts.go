package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A runningBoostRow is a boost that is on for the user, and what that is called.
type runningBoostRow struct {
	economy.RunningBoost

	// Name is the boost's.
	Name        string         `json:"name"`
	Translation *content.Label `json:"translation,omitempty"`
}

// appBoosts declares the boosts that are on, of which the reference knows nothing.
func appBoosts() []*operation {
	return []*operation{declare("GET", "/boosts", tenancy.ContentRead, "List the boosts that are on for one now", codes(200, 401), listBoosts)}
}

func listBoosts(ctx context.Context, c *call, in *translatedPage) (out list[runningBoostRow], err error) {
	on, err := c.ws.Economy.RunningBoosts(ctx, c.user.ID)
	if err != nil {
		return out, err
	}
	slices.SortFunc(on, func(a, b economy.RunningBoost) int { return strings.Compare(a.BoostID, b.BoostID) })
	page, err := sliced(on, func(b *economy.RunningBoost) string { return b.BoostID }, &in.paging)
	if err != nil {
		return out, err
	}
	out.NextToken = page.NextToken
	ids := make([]string, len(page.Items))
	for i := range page.Items {
		ids[i] = page.Items[i].BoostID
	}
	docs, err := c.ws.Economy.Boosts.Live(ctx, ids...)
	if err != nil {
		return out, err
	}
	for i := range page.Items {
		doc, there := docs[ids[i]]
		if !there {
			continue // archived meanwhile
		}
		row := runningBoostRow{RunningBoost: page.Items[i], Name: doc.Name}
		if slices.Contains(in.Fields, "translation") {
			if row.Translation, err = picked(c.lang(), doc.Translations, doc.DefaultLang); err != nil {
				return out, err
			}
		}
		out.Items = append(out.Items, row)
	}
	return out, nil
}
