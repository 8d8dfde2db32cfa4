package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

func boardConfigurationKind() *kind[leaderboard.Configuration, content.Label] {
	return &kind[leaderboard.Configuration, content.Label]{
		name: "RuntimeLeaderboardConfiguration", plural: "runtime-leaderboard-configurations", id: "runtimeLeaderboardConfigurationId",
		of: func(ws *guerdon.Workspace) content.Documents[leaderboard.Configuration] {
			return ws.Leaderboards.Configurations
		},
	}
}

// Boards have nothing that clients read or write but their configuration and their timeframe.
func boardKind() *kind[leaderboard.Board, content.Label] {
	return &kind[leaderboard.Board, content.Label]{
		name: "RuntimeLeaderboard", plural: "runtime-leaderboards", id: "runtimeLeaderboardId", stated: true, generated: true,
		hidden: []string{"origin", "defaultLang", "langs", "stage", "scheduleCron", "catalogId", "catalogWorkspaceId", "syncWithCatalog"},
		of:     func(ws *guerdon.Workspace) content.Documents[leaderboard.Board] { return ws.Leaderboards.Boards },
	}
}

// A boardConfigurationRow is a configuration whose query is written as clients write it, and which says what was left to its default.
type boardConfigurationRow struct {
	Query       querySpec `json:"query"`
	DisplayTopN int       `json:"displayTopN"`
	ShowRank    bool      `json:"showRank"`
	ShowScore   bool      `json:"showScore"`

	document[leaderboard.Configuration, content.Label]
}

func boardConfigurationRows(_ context.Context, _ *call, rows []document[leaderboard.Configuration, content.Label], _ []string) ([]boardConfigurationRow, error) {
	all := make([]boardConfigurationRow, len(rows))
	for i, row := range rows {
		shown := func(flag *bool) bool { return flag == nil || *flag }
		all[i] = boardConfigurationRow{specOf(&row.Doc.Query), row.Doc.DisplayTopN, shown(row.Doc.ShowRank), shown(row.Doc.ShowScore), row}
		if all[i].DisplayTopN == 0 {
			all[i].DisplayTopN = leaderboard.DefaultTopN
		}
	}
	return all, nil
}

// A boardDocument is a board, of which is said whether it has ended and still takes what is late.
type boardDocument struct {
	// Provisional says that the board has ended and still takes what is late.
	Provisional bool `json:"provisional,omitempty"`

	document[leaderboard.Board, content.Label]
}

func boardDocuments(ctx context.Context, ws *guerdon.Workspace, rows []document[leaderboard.Board, content.Label]) ([]boardDocument, error) {
	all, docs := make([]boardDocument, len(rows)), make([]leaderboard.Board, len(rows))
	for i, row := range rows {
		all[i].document, docs[i] = row, row.Doc
	}
	is, err := provisional(ctx, ws, docs)
	for i := range all {
		all[i].Provisional = is[docs[i].ID]
	}
	return all, err
}

// provisional returns which boards have ended and still take what is late.
func provisional(ctx context.Context, ws *guerdon.Workspace, boards []leaderboard.Board) (map[string]bool, error) {
	var ended []string
	for i := range boards {
		if boards[i].TimeframeState == timeframe.Ended {
			ended = append(ended, boards[i].ID)
		}
	}
	if len(ended) == 0 {
		return nil, nil
	}
	return ws.Leaderboards.Provisional(ctx, ended...)
}

type (
	// newBoard is a board of which nobody says the id.
	newBoard struct {
		ID   string                     `path:"id"`
		Body map[string]json.RawMessage `body:"json"`
	}
	boardPatch struct {
		ID   string                     `path:"id"`
		Body map[string]json.RawMessage `body:"json"`
	}
)

func dashboardBoards(f *forms) []*operation {
	configurations, boards := boardConfigurationKind(), boardKind()
	configurations.shapes(f)
	boards.shapes(f)
	called[boardConfigurationRow](f, configurations.name)
	called[boardDocument](f, boards.name)
	const base, one = "/runtime-leaderboard-configurations", "/runtime-leaderboard-configurations/{runtimeLeaderboardConfigurationId}"
	const shelf, board = "/runtime-leaderboards", "/runtime-leaderboards/{runtimeLeaderboardId}"
	names := map[string]string{"id": configurations.id}
	maps.Copy(names, queryNames())
	all := append(expandedReads(configurations, base, one, boardConfigurationRows),
		declare("POST", base, tenancy.ContentCreate, "Create a configuration of boards, in force", codes(201, 400, 401), func(ctx context.Context, c *call, in *written) (row boardConfigurationRow, err error) {
			body, err := withQuery(in.Body)
			if err != nil {
				return row, err
			}
			doc, err := configurations.draft(body)
			if err != nil {
				return row, err
			}
			return c.publishConfiguration(ctx, configurations, func(ctx context.Context, docs content.Documents[leaderboard.Configuration]) (leaderboard.Configuration, error) {
				return docs.Create(ctx, doc)
			})
		}),
		declare("PUT", one, tenancy.ContentUpdate, "Replace a configuration of boards, in force", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *rewritten) (row boardConfigurationRow, err error) {
			body, err := withQuery(in.Body)
			if err != nil {
				return row, err
			}
			in.Body = body
			return c.publishConfiguration(ctx, configurations, func(ctx context.Context, docs content.Documents[leaderboard.Configuration]) (leaderboard.Configuration, error) {
				return configurations.replace(ctx, c, docs, in)
			})
		}),
		declare("GET", one+"/translations", tenancy.ContentRead, "List the translations", codes(200, 401, 404), configurations.translations),
		declare("POST", one+"/instances", tenancy.ContentCreate, "Open a board of a configuration", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *newBoard) (row boardDocument, err error) {
			if _, err := c.ws.Leaderboards.Configurations.Get(ctx, in.ID); err != nil {
				return row, err
			}
			body := maps.Clone(in.Body)
			if body == nil {
				body = map[string]json.RawMessage{}
			}
			body[configurations.id] = json.RawMessage(strconv.Quote(in.ID))
			return c.openBoard(ctx, boards, body)
		}),
	)
	all = append(all, expandedReads(boards, shelf, board, func(ctx context.Context, c *call, rows []document[leaderboard.Board, content.Label], _ []string) ([]boardDocument, error) {
		return boardDocuments(ctx, c.ws, rows)
	})...)
	all = append(all,
		declare("POST", shelf, tenancy.ContentCreate, "Open a board", codes(201, 400, 401), func(ctx context.Context, c *call, in *written) (boardDocument, error) {
			return c.openBoard(ctx, boards, in.Body)
		}),
		declare("PATCH", board, tenancy.ContentUpdate, "Change a board", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *boardPatch) (row boardDocument, err error) {
			change, err := boards.inward(in.Body)
			if err != nil {
				return row, err
			}
			err = c.ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
				was, err := ws.Leaderboards.Boards.Get(ctx, in.ID)
				if err != nil {
					return err
				}
				old, err := fieldsOf(was)
				if err != nil {
					return err
				}
				maps.Copy(old, change)
				doc, err := boards.read(old)
				if err == nil {
					row, err = c.publishBoard(ctx, ws, boards, func(ctx context.Context, docs content.Documents[leaderboard.Board]) (leaderboard.Board, error) {
						return docs.Update(ctx, doc)
					})
				}
				return err
			})
			return row, err
		}),
	)
	of := reflect.TypeFor[leaderboard.Board]()
	for _, o := range all {
		o.names = names
		switch o.Method + " " + o.Path {
		case "POST " + base, "PUT " + one:
			o.takes = f.written(reflect.TypeFor[leaderboard.Configuration](), configurations.body(true)).having("query", f.of(reflect.TypeFor[querySpec]()), true)
		case "POST " + one + "/instances":
			o.takes = f.written(of, boards.body(false)).lenient(configurations.id)
		case "POST " + shelf:
			o.takes = f.written(of, boards.body(false))
		case "PATCH " + board:
			o.takes = f.written(of, boards.body(false)).lenient()
		}
		if o.Path == shelf || o.Path == board {
			o.names = map[string]string{"id": boards.id}
			boards.narrow(o)
		} else {
			configurations.narrow(o)
		}
	}
	return all
}

// withQuery returns a body whose query is written as the engine has it.
func withQuery(body map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	source, is := body["query"]
	if !is {
		return nil, fault.Invalid("query", "is missing")
	}
	q, err := parseQuery(source)
	if err != nil {
		return nil, err
	}
	own := maps.Clone(body)
	if own["query"], err = json.Marshal(q); err != nil {
		return nil, fault.Invalid("query.select.expressions[0].expression", "is no JSON")
	}
	return own, nil
}

// publishConfiguration writes a configuration and puts it in force, as there is no other operation that does.
func (c *call) publishConfiguration(
	ctx context.Context, k *kind[leaderboard.Configuration, content.Label],
	write func(context.Context, content.Documents[leaderboard.Configuration]) (leaderboard.Configuration, error),
) (row boardConfigurationRow, err error) {
	if err := c.mayPublish(true); err != nil {
		return row, err
	}
	err = c.ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
		doc, err := write(ctx, ws.Leaderboards.Configurations)
		if err == nil {
			doc, err = ws.Leaderboards.Configurations.Publish(ctx, doc.ID)
		}
		if err != nil {
			return err
		}
		plain, err := k.row(ctx, c, doc, nil)
		if err != nil {
			return err
		}
		rows, err := boardConfigurationRows(ctx, c, []document[leaderboard.Configuration, content.Label]{plain}, nil)
		row = rows[0]
		return err
	})
	return row, err
}

// openBoard makes a board that is in force.
func (c *call) openBoard(ctx context.Context, k *kind[leaderboard.Board, content.Label], body map[string]json.RawMessage) (row boardDocument, err error) {
	doc, err := k.draft(body)
	if err != nil {
		return row, err
	}
	err = c.ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) (err error) {
		row, err = c.publishBoard(ctx, ws, k, func(ctx context.Context, docs content.Documents[leaderboard.Board]) (leaderboard.Board, error) {
			return docs.Create(ctx, doc)
		})
		return err
	})
	return row, err
}

func (c *call) publishBoard(
	ctx context.Context, ws *guerdon.Workspace, k *kind[leaderboard.Board, content.Label],
	write func(context.Context, content.Documents[leaderboard.Board]) (leaderboard.Board, error),
) (row boardDocument, err error) {
	if err := c.mayPublish(true); err != nil {
		return row, err
	}
	doc, err := write(ctx, ws.Leaderboards.Boards)
	if err == nil {
		doc, err = ws.Leaderboards.Boards.Publish(ctx, doc.ID)
	}
	if err != nil {
		return row, err
	}
	plain, err := k.row(ctx, c, doc, nil)
	if err != nil {
		return row, err
	}
	rows, err := boardDocuments(ctx, ws, []document[leaderboard.Board, content.Label]{plain})
	return rows[0], err
}

// A rankingRow is an entity's place on a board, and what it is called.
type rankingRow struct {
	leaderboard.Row

	PrimaryEntityName   string `json:"primaryEntityName,omitempty"`
	SecondaryEntityName string `json:"secondaryEntityName,omitempty"`
	EntityImageURL      string `json:"entityImageUrl,omitempty"`
}

// rankingRows returns rows with the names of their entities, which are read at once.
func (c *call) rankingRows(ctx context.Context, rows []leaderboard.Row) ([]rankingRow, error) {
	var people, tags []string
	for _, r := range rows {
		if r.EntityType == leaderboard.TagEntity {
			tags = append(tags, r.EntityID)
		} else {
			people = append(people, r.EntityID)
		}
	}
	names, images := map[string]string{}, map[string]string{}
	users, err := c.ws.Users.GetMany(ctx, people...)
	if err != nil {
		return nil, err
	}
	for i := range users {
		names[users[i].ID], images[users[i].ID] = users[i].Nickname, users[i].ProfileImage
	}
	docs, err := c.ws.Tags.GetMany(ctx, tags...)
	if err != nil {
		return nil, err
	}
	for i := range docs {
		names[docs[i].ID] = docs[i].Variant
		if lang, err := content.PickLang(c.lang(), docs[i].Languages(), docs[i].DefaultLang); err == nil {
			for _, text := range docs[i].Translations {
				if text.Lang == lang {
					names[docs[i].ID] = text.Label
				}
			}
		}
	}
	all := make([]rankingRow, len(rows))
	for i, r := range rows {
		all[i] = rankingRow{Row: r, PrimaryEntityName: names[r.EntityID], EntityImageURL: images[r.EntityID]}
	}
	return all, nil
}

// A rankingPage is a part of a board, of one of its periods.
type rankingPage struct {
	Items      []rankingRow       `json:"items"`
	TotalCount int                `json:"totalCount"`
	Period     leaderboard.Period `json:"period"`
}

type (
	ofPeriod struct {
		ID string `path:"id"`
		// PeriodID asks for another period than the present one, or that of the moment.
		PeriodID string `query:"periodId"`
		asOf
	}
	rankingsOf struct {
		ofPeriod

		Limit  *int64 `query:"limit"`
		Offset *int64 `query:"offset"`
	}
	around struct {
		ofPeriod

		EntityID string `query:"entityId" required:"true"`
		Limit    *int64 `query:"limit"`
	}
	rankOf struct {
		ofPeriod

		EntityID string `path:"entityId"`
	}
	periodsOf struct {
		ID     string `path:"id"`
		Limit  *int64 `query:"limit"`
		Before string `query:"before"`
	}
	rankInPeriod struct {
		Rank              *int               `json:"rank"`
		Score             *decimal.Decimal   `json:"score"`
		TotalParticipants int                `json:"totalParticipants"`
		Period            leaderboard.Period `json:"period"`
	}
)

// at picks the period that is asked for, as of the moment that is.
func (p *ofPeriod) at() (*leaderboard.At, error) {
	at, err := moment("at", p.At)
	return &leaderboard.At{Period: p.PeriodID, AsOf: at}, err
}

// bounded returns a number of rows: as many as there may be, if more are asked for.
func bounded(field string, n *int64, least int64) (int, error) {
	if n == nil {
		return 0, nil
	}
	return int(min(*n, maxPage)), atLeast(field, *n, least)
}

func dashboardRankings(f *forms) []*operation {
	shapeOf[leaderboard.Row](f, shape{})
	const board = "/runtime-leaderboards/{runtimeLeaderboardId}"
	asked := map[string]string{"asOf": "at"}
	page := func(ctx context.Context, c *call, found leaderboard.Ranking, err error) (rankingPage, error) {
		if err != nil {
			return rankingPage{}, err
		}
		rows, err := c.rankingRows(ctx, found.Rows)
		return rankingPage{rows, found.Total, found.Period}, err
	}
	return []*operation{
		declare("GET", board+"/rankings", tenancy.ContentRead, "List the ranks of a board", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *rankingsOf) (rankingPage, error) {
			limit, err := bounded("limit", in.Limit, 1)
			offset := 0
			if in.Offset != nil {
				err = errors.Join(err, atLeast("offset", *in.Offset, 0))
				offset = int(min(*in.Offset, math.MaxInt32))
			}
			at, wrong := in.at()
			if err = errors.Join(err, wrong); err != nil {
				return rankingPage{}, err
			}
			found, err := c.ws.Leaderboards.Page(ctx, in.ID, offset, limit, at)
			return page(ctx, c, found, err)
		}).naming(asked),
		declare("GET", board+"/rankings/around", tenancy.ContentRead, "List the ranks around an entity", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *around) (rankingPage, error) {
			limit, err := bounded("limit", in.Limit, 1)
			at, wrong := in.at()
			if err = errors.Join(err, wrong); err != nil {
				return rankingPage{}, err
			}
			found, err := c.ws.Leaderboards.Around(ctx, in.ID, in.EntityID, limit, at)
			return page(ctx, c, found, err)
		}).naming(asked),
		declare("GET", board+"/rankings/{entityId}", tenancy.ContentRead, "Get the rank of an entity", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *rankOf) (row rankInPeriod, err error) {
			at, err := in.at()
			if err != nil {
				return row, err
			}
			found, err := c.ws.Leaderboards.Rank(ctx, in.ID, in.EntityID, at)
			row = rankInPeriod{TotalParticipants: found.Total, Period: found.Period}
			if found.Rank > 0 {
				row.Rank, row.Score = &found.Rank, &found.Score
			}
			return row, err
		}).naming(asked),
		declare("GET", board+"/periods", tenancy.ContentRead, "List the periods of a board, the newest first", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *periodsOf) (list[leaderboard.Period], error) {
			limit, err := bounded("limit", in.Limit, 1)
			before, wrong := moment("before", in.Before)
			if err = errors.Join(err, wrong); err != nil {
				return list[leaderboard.Period]{}, err
			}
			found, err := c.ws.Leaderboards.Periods(ctx, in.ID, limit, before)
			return list[leaderboard.Period]{Items: found}, err
		}),
	}
}
