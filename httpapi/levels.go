package httpapi

import (
	"context"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A levelRow is where a user stands on a ladder, and what that is called.
type levelRow struct {
	levels.Standing

	// Name and Image are the ladder's.
	Name        string       `json:"name"`
	Image       string       `json:"image,omitempty"`
	Translation *levels.Text `json:"translation,omitempty"`
}

type (
	levelsOfUser struct {
		translatedPage

		ID string `path:"id"`
	}
)

// appLevels declares levels, of which the reference knows nothing. With the field translation, the steps have but the translation that serves the user.
func appLevels() []*operation {
	return []*operation{
		declare("GET", "/levels", tenancy.ContentRead, "List where one stands on all ladders", codes(200, 401), func(ctx context.Context, c *call, in *translatedPage) (list[levelRow], error) {
			return listLevels(ctx, c, c.user.ID, in)
		}),
		declare("GET", "/levels/{ladderId}", tenancy.ContentRead, "Get where one stands on a ladder", codes(200, 401, 404), func(ctx context.Context, c *call, in *translatedID) (levelRow, error) {
			s, err := c.ws.Levels.Level(ctx, c.user.ID, in.ID)
			if err != nil {
				return levelRow{}, err
			}
			rows, err := c.levelRows(ctx, []levels.Standing{s}, in.Fields)
			if err != nil {
				return levelRow{}, err
			}
			return rows[0], nil
		}).naming(map[string]string{"ladder": "ladderId"}),
	}
}

// dashboardLevels declares where users stand.
func dashboardLevels() []*operation {
	return []*operation{
		declare("GET", "/users/{userId}/levels", tenancy.ContentRead, "List where a user stands on all ladders", codes(200, 401, 404), func(ctx context.Context, c *call, in *levelsOfUser) (list[levelRow], error) {
			if _, err := there(ctx, c.ws, in.ID); err != nil {
				return list[levelRow]{}, err
			}
			return listLevels(ctx, c, in.ID, &in.translatedPage)
		}),
	}
}

func listLevels(ctx context.Context, c *call, userID string, in *translatedPage) (out list[levelRow], err error) {
	all, err := c.ws.Levels.List(ctx, userID)
	if err != nil {
		return out, err
	}
	page, err := sliced(all, func(s *levels.Standing) string { return s.LadderID }, &in.paging)
	if err != nil {
		return out, err
	}
	out.NextToken = page.NextToken
	out.Items, err = c.levelRows(ctx, page.Items, in.Fields)
	return out, err
}

// levelRows returns standings as rows.
func (c *call) levelRows(ctx context.Context, all []levels.Standing, fields []string) ([]levelRow, error) {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].LadderID
	}
	docs, err := c.ws.Levels.Ladders.Live(ctx, ids...)
	if err != nil {
		return nil, err
	}
	rows := make([]levelRow, len(all))
	for i := range all {
		doc, there := docs[ids[i]]
		if !there {
			return nil, fault.NotFound("ladder", ids[i]) // archived meanwhile
		}
		rows[i] = levelRow{Standing: all[i], Name: doc.Name, Image: doc.Image}
		if !slices.Contains(fields, "translation") {
			continue
		}
		if rows[i].Translation, err = picked(c.lang(), doc.Translations, doc.DefaultLang); err != nil {
			return nil, err
		}
		for _, step := range []*levels.Step{rows[i].Step, rows[i].Next, rows[i].Highest} {
			if step == nil {
				continue
			}
			one, err := picked(c.lang(), step.Translations, doc.DefaultLang)
			if err != nil {
				return nil, err
			}
			if one != nil {
				step.Translations = []levels.Text{*one}
			}
		}
	}
	return rows, nil
}
