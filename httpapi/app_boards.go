package httpapi

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

type appBoard leaderboard.Board

// A boardRow is a board, and what its configuration is called.
type boardRow struct {
	Board appBoard `wire:"inline"`
	// Provisional says that the board has ended and still takes what is late.
	Provisional bool       `json:"provisional,omitempty"`
	Translation *boardText `json:"translation,omitempty"`
}

// A boardText is what the configuration of a board is called.
type boardText struct {
	ConfigurationID string        `json:"runtimeLeaderboardConfigurationId"`
	Text            content.Label `wire:"inline"`
	CreatedAt       time.Time     `json:"createdAt"`
	UpdatedAt       time.Time     `json:"updatedAt"`
}

// A rankRow is the place of a user or a tag on a board.
type rankRow struct {
	Rank       int    `json:"rank"`
	EntityID   string `json:"entityId"`
	EntityType string `json:"entityType"`
	// PrimaryEntityName is a user's nickname or a tag's label, SecondaryEntityName the namespace of a tag.
	PrimaryEntityName   string          `json:"primaryEntityName,omitempty"`
	SecondaryEntityName string          `json:"secondaryEntityName,omitempty"`
	EntityImageURL      string          `json:"entityImageUrl,omitempty"`
	Score               decimal.Decimal `json:"score"`
}

type (
	rankings struct {
		Items      []rankRow `json:"items"`
		TotalCount int       `json:"totalCount"`
		// CurrentEntityRank is the place of the user, or of the first of the user's tags.
		CurrentEntityRank *rankRow  `json:"currentEntityRank,omitempty"`
		Leaderboard       boardHead `json:"leaderboard"`
	}
	boardHead struct {
		ID          string `json:"runtimeLeaderboardId"`
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
		DisplayTopN int    `json:"displayTopN"`
		ShowScore   bool   `json:"showScore"`
		// Provisional says that its period has ended and still takes what is late.
		Provisional bool `json:"provisional,omitempty"`
	}
	myRank struct {
		Rank              *int             `json:"rank"`
		Score             *decimal.Decimal `json:"score"`
		TotalParticipants int              `json:"totalParticipants"`
		// Provisional says that the board's period has ended and still takes what is late.
		Provisional bool `json:"provisional,omitempty"`
	}
	boardsAsked struct {
		translatedPage

		State string `enum:"PENDING,ACTIVE,ENDED" query:"state"`
	}
	rankingsAsked struct {
		ID     string `path:"id"`
		Limit  *int   `query:"limit"`
		Offset int    `query:"offset"`
	}
	aroundAsked struct {
		ID string `path:"id"`
		// Size is how many rows, with the user in their middle; absent is as many as the board shows.
		Size *int `query:"size"`
	}
)

// appBoards declares leaderboards.
func appBoards(f *forms) []*operation {
	f.shapes[reflect.TypeFor[appBoard]()] = shape{
		names: map[string]string{"id": "runtimeLeaderboardId"},
		hidden: []string{
			"origin", "catalogId", "catalogWorkspaceId", "catalogVersion", "syncWithCatalog", "defaultLang", "langs", "stage", "version",
			"warnings", "scheduleCron",
		},
		always: []string{"state", "createdAt", "updatedAt"},
	}
	one := "/runtime-leaderboards/{runtimeLeaderboardId}"
	own := map[string]string{leaderboard.Boards.Name(): "runtimeLeaderboardId", "n": "size"}
	return []*operation{
		declare("GET", "/runtime-leaderboards", tenancy.ContentRead, "List leaderboards", codes(200, 401), listBoards),
		declare("GET", one, tenancy.ContentRead, "Get a leaderboard", codes(200, 401, 404), getBoard),
		declare("GET", one+"/rankings", tenancy.ContentRead, "Get places on a leaderboard", codes(200, 401, 404), getRankings).naming(own),
		declare("GET", one+"/rankings/me", tenancy.ContentRead, "Get one's own place on a leaderboard", codes(200, 401, 404), getMyRank).naming(own),
		declare("GET", one+"/rankings/around", tenancy.ContentRead, "Get the places around one's own", codes(200, 400, 401, 404), getAround).naming(own),
	}
}

func listBoards(ctx context.Context, c *call, in *boardsAsked) (list[boardRow], error) {
	found, next, err := c.ws.Leaderboards.Boards.List(ctx, content.Filter{InForce: true, State: timeframe.State(in.State)}, in.page())
	if err != nil {
		return list[boardRow]{}, err
	}
	rows, err := c.boardRows(ctx, found, in.Fields)
	return list[boardRow]{rows, next}, err
}

func (c *call) boardRows(ctx context.Context, boards []leaderboard.Board, fields []string) ([]boardRow, error) {
	rows := make([]boardRow, len(boards))
	ids := make([]string, len(boards))
	open, err := provisional(ctx, c.ws, boards)
	if err != nil {
		return nil, err
	}
	for i := range boards {
		rows[i] = boardRow{Board: appBoard(boards[i]), Provisional: open[boards[i].ID]}
		ids[i] = boards[i].ConfigurationID
	}
	if !slices.Contains(fields, "translation") {
		return rows, nil
	}
	docs, err := c.ws.Leaderboards.Configurations.Live(ctx, ids...)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		doc, there := docs[id]
		if !there {
			continue
		}
		text, err := picked(c.lang(), doc.Translations, doc.DefaultLang)
		if err != nil {
			return nil, err
		}
		if text != nil {
			rows[i].Translation = &boardText{id, *text, doc.CreatedAt, doc.UpdatedAt}
		}
	}
	return rows, nil
}

// board returns a board that is in force.
func (c *call) board(ctx context.Context, id string) (board leaderboard.Board, err error) {
	found, err := c.ws.Leaderboards.Boards.Live(ctx, id)
	if err != nil {
		return board, err
	}
	board, there := found[id]
	if !there {
		return board, fault.NotFound("runtimeLeaderboardId", id)
	}
	return board, nil
}

func getBoard(ctx context.Context, c *call, in *translatedID) (boardRow, error) {
	board, err := c.board(ctx, in.ID)
	if err != nil {
		return boardRow{}, err
	}
	rows, err := c.boardRows(ctx, []leaderboard.Board{board}, in.Fields)
	if err != nil {
		return boardRow{}, err
	}
	return rows[0], nil
}

// rows returns how many rows are asked for.
func rowsAsked(field string, n *int, usual int) (int, error) {
	switch {
	case n == nil:
		return usual, nil
	case *n < 1:
		return 0, fault.Invalid(field, "is %d; it must be at least 1", *n)
	}
	return min(*n, maxPage), nil
}

func getRankings(ctx context.Context, c *call, in *rankingsAsked) (out rankings, err error) {
	const usual = 10
	limit, err := rowsAsked("limit", in.Limit, usual)
	if err != nil {
		return out, err
	}
	part, err := c.ws.Leaderboards.Page(ctx, in.ID, in.Offset, limit, nil)
	if err != nil {
		return out, err
	}
	config, me, err := c.placed(ctx, in.ID)
	if err != nil {
		return out, err
	}
	return c.rankings(ctx, in.ID, part, &config, &me)
}

func getAround(ctx context.Context, c *call, in *aroundAsked) (out rankings, err error) {
	size, err := rowsAsked("size", in.Size, 0)
	if err != nil {
		return out, err
	}
	config, me, err := c.placed(ctx, in.ID)
	if err != nil {
		return out, err
	}
	part, err := c.ws.Leaderboards.Around(ctx, in.ID, me.EntityID, size, nil)
	if err != nil {
		return out, err
	}
	return c.rankings(ctx, in.ID, part, &config, &me)
}

func getMyRank(ctx context.Context, c *call, in *onlyID) (out myRank, err error) {
	_, me, err := c.placed(ctx, in.ID)
	if err != nil {
		return out, err
	}
	out.TotalParticipants, out.Provisional = me.Total, me.Period.Provisional
	if me.Rank > 0 {
		out.Rank, out.Score = &me.Rank, &me.Score
	}
	return out, nil
}

// configured returns the configuration of a board that is in force; one that is out of use is as it was last.
func (c *call) configured(ctx context.Context, boardID string) (config leaderboard.Configuration, err error) {
	board, err := c.board(ctx, boardID)
	if err != nil {
		return config, err
	}
	found, err := c.ws.Leaderboards.Configurations.Live(ctx, board.ConfigurationID)
	if err != nil {
		return config, err
	}
	if config, there := found[board.ConfigurationID]; there {
		return config, nil
	}
	return c.ws.Leaderboards.Configurations.Get(ctx, board.ConfigurationID)
}

// standing returns the place of the user on a board, or if the board ranks tags of the best of the user's.
func (c *call) standing(ctx context.Context, boardID string, config *leaderboard.Configuration) (best leaderboard.Standing, err error) {
	namespace := config.Query.EntityID.TagNamespace
	if namespace == "" {
		return c.ws.Leaderboards.Rank(ctx, boardID, c.user.ID, nil)
	}
	ids := make([]string, len(c.user.Tags))
	for i, t := range c.user.Tags {
		ids[i] = t.TagID
	}
	tags, err := c.ws.Tags.Live(ctx, ids...)
	if err != nil {
		return best, err
	}
	if best, err = c.ws.Leaderboards.Rank(ctx, boardID, "", nil); err != nil { // of nobody, if the user carries no tag
		return best, err
	}
	for _, id := range ids {
		if tags[id].Namespace != namespace {
			continue
		}
		one, err := c.ws.Leaderboards.Rank(ctx, boardID, id, nil)
		if err != nil {
			return best, err
		}
		if best.Rank == 0 || one.Rank > 0 && one.Rank < best.Rank {
			best = one
		}
	}
	return best, nil
}

// placed returns the configuration of a board, and the place of the user on it.
func (c *call) placed(ctx context.Context, boardID string) (config leaderboard.Configuration, me leaderboard.Standing, err error) {
	if config, err = c.configured(ctx, boardID); err == nil {
		me, err = c.standing(ctx, boardID, &config)
	}
	return config, me, err
}

// rankings returns a part of a board with the names of those on it.
func (c *call) rankings(
	ctx context.Context, boardID string, part leaderboard.Ranking, config *leaderboard.Configuration, me *leaderboard.Standing,
) (out rankings, err error) {
	rows := part.Rows
	if me.Rank > 0 {
		rows = append(slices.Clip(rows), me.Row)
	}
	named, err := c.rankRows(ctx, rows)
	if err != nil {
		return out, err
	}
	out = rankings{Items: named[:len(part.Rows)], TotalCount: part.Total, Leaderboard: boardHead{
		boardID, config.Name, config.Description, config.DisplayTopN, config.ShowScore == nil || *config.ShowScore, part.Period.Provisional,
	}}
	if out.Leaderboard.DisplayTopN == 0 {
		out.Leaderboard.DisplayTopN = leaderboard.DefaultTopN
	}
	if me.Rank > 0 {
		out.CurrentEntityRank = &named[len(part.Rows)]
	}
	return out, nil
}

// rankRows returns places with the names and the images of who has them.
func (c *call) rankRows(ctx context.Context, rows []leaderboard.Row) ([]rankRow, error) {
	out := make([]rankRow, len(rows))
	var users, tags []string
	for i, r := range rows {
		out[i] = rankRow{Rank: r.Rank, EntityID: r.EntityID, EntityType: r.EntityType, Score: r.Score}
		if r.EntityType == leaderboard.UserEntity {
			users = append(users, r.EntityID)
		} else {
			tags = append(tags, r.EntityID)
		}
	}
	known, err := c.ws.Users.GetMany(ctx, users...)
	if err != nil {
		return nil, err
	}
	labels, err := c.ws.Tags.Live(ctx, tags...)
	if err != nil {
		return nil, err
	}
	of := make(map[string]*tenancy.User, len(known))
	for i := range known {
		of[known[i].ID] = &known[i]
	}
	for i := range out {
		if u := of[out[i].EntityID]; u != nil && out[i].EntityType == leaderboard.UserEntity {
			out[i].PrimaryEntityName, out[i].EntityImageURL = u.Nickname, u.ProfileImage
		}
		tag, there := labels[out[i].EntityID]
		if !there || out[i].EntityType != leaderboard.TagEntity {
			continue
		}
		label, err := picked(c.lang(), tag.Translations, tag.DefaultLang)
		if err != nil {
			return nil, err
		}
		if out[i].SecondaryEntityName = tag.Namespace; label != nil {
			out[i].PrimaryEntityName = label.Label
		}
	}
	return out, nil
}
