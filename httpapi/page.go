package httpapi

import (
	"strconv"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// paging is what lists are asked with.
type paging struct {
	Limit     *int64 `query:"limit"`
	NextToken string `query:"nextToken"`
	Order     string `enum:"asc,desc"      query:"order"`
	// Sort is accepted, and nothing else than the order that a list has.
	Sort string `enum:"updatedAt" query:"sort"`
}

// How many rows a page has at most, which is what who asks for more gets, and how many unless it is said.
const (
	maxPage     = store.MaxPage
	defaultPage = store.DefaultPage
)

// page returns the page that is asked for.
func (p *paging) page() store.Page {
	page := store.Page{Token: p.NextToken, Ascending: p.Order == "asc"}
	if p.Limit != nil {
		page.Limit = int(min(*p.Limit, maxPage))
	}
	return page
}

// inMemory returns the page of a list that is there as a whole, in its own order, and the token of the next one.
func inMemory[T any](all []T, p *paging) ([]T, string, error) {
	from, limit := 0, store.DefaultPage
	if p.NextToken != "" {
		n, err := strconv.ParseUint(p.NextToken, 36, 31)
		if err != nil {
			return nil, "", fault.Invalid("nextToken", "is none of this list")
		}
		from = min(int(n), len(all))
	}
	if p.Limit != nil {
		limit = int(min(*p.Limit, maxPage))
	}
	if to := from + limit; to < len(all) {
		return all[from:to], strconv.FormatInt(int64(to), 36), nil
	}
	return all[from:], "", nil
}

// check refuses a limit that is none.
func (p *paging) check() error {
	if p.Limit != nil && *p.Limit < 1 {
		return fault.Invalid("limit", "is %d; it must be at least 1", *p.Limit)
	}
	return nil
}

// A list is a page of rows. The token of the next page is absent at the end.
type list[T any] struct {
	Items     []T    `json:"items"`
	NextToken string `json:"nextToken,omitempty"`
}

// An asOf is a part of what asks for something that may have been otherwise.
type asOf struct {
	// At asks for what was there at a moment (RFC 3339), by what is known now: what was told later counts when it happened. It is not to come.
	At string `query:"at"`
}

// then returns what something is, or what it was at the moment that is asked for.
func then[T any](in *asOf, now func() (T, error), was func(at time.Time) (T, error)) (out T, err error) {
	at, err := moment("at", in.At)
	switch {
	case err != nil:
		return out, err
	case at.IsZero():
		return now()
	}
	return was(at)
}
