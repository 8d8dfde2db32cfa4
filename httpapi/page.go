package httpapi

import (
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

// maxPage is how many rows a page has at most; who asks for more gets as many.
const maxPage = store.MaxPage

// page returns the page that is asked for.
func (p *paging) page() store.Page {
	page := store.Page{Token: p.NextToken, Ascending: p.Order == "asc"}
	if p.Limit != nil {
		page.Limit = int(min(*p.Limit, maxPage))
	}
	return page
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
