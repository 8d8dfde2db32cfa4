package httpapi

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A mediaRow is a medium in the Dashboard.
type mediaRow struct {
	content.Media
	envelope

	Tags         *[]tenancy.UserTag `json:"tags,omitempty"`
	Translations []mediaText        `json:"translations,omitempty"`
}

// A mediaText is what a medium is called in one language. It is as old as the medium.
type mediaText struct {
	MediaID string `json:"mediaId"`
	content.Label
	stamped
}

// mediaTexts returns what a medium is called, in the languages of some labels.
func (c *call) mediaTexts(m *content.Media, labels []content.Label) []mediaText {
	all := make([]mediaText, len(labels))
	for i, l := range labels {
		all[i] = mediaText{m.ID, l, stamped{c.envelope(), m.CreatedAt, m.UpdatedAt}}
	}
	return all
}

type (
	mediaList struct {
		paging

		Fields   []string `enum:"tags,translations"                    query:"fields"`
		FileType string   `enum:"image,video,audio,document,other"     query:"fileType"`
		Scope    string   `enum:"workspace,common"                     query:"scope"`
	}
	uploading struct {
		FileName    string `query:"fileName"                        required:"true"`
		ContentType string `query:"contentType"                     required:"true"`
		FileType    string `enum:"image,video,audio,document,other" query:"fileType"`
		FileSize    int64  `query:"fileSize"                        required:"true"`
		Scope       string `enum:"workspace,common"                 query:"scope"`
		MediaID     string `query:"mediaId"`
	}
	oneMedium struct {
		ID     string   `path:"id"`
		Fields []string `enum:"tags,translations" query:"fields"`
	}
	mediumPatch struct {
		ID   string `path:"id"`
		Body struct {
			Translations []content.Label `json:"translations"`
		} `body:"json"`
	}
	mediumGone struct {
		MediaID string `json:"mediaId"`
		Deleted bool   `json:"deleted"`
	}
)

// inScope returns a medium, unless the request asks for one of another scope. The rows of the call's answer have its scope.
func (c *call) inScope(ctx context.Context, id string) (content.Media, error) {
	m, err := c.ws.Media.Get(ctx, id)
	if err != nil {
		return m, err
	}
	if scope := c.r.URL.Query().Get("scope"); scope != "" && scope != string(m.Scope) {
		return m, fault.NotFound("media", id)
	}
	c.shelf = m.Scope
	return m, nil
}

// mediaTags assigns tags to the media of the scope that the request asks for.
type mediaTags struct{ *call }

func (t mediaTags) AssignTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]content.TagAssignment, error) {
	if _, err := t.inScope(ctx, id); err != nil {
		return nil, err
	}
	return t.ws.Media.AssignTags(ctx, id, tags...)
}

func (t mediaTags) UpdateTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]content.TagAssignment, error) {
	if _, err := t.inScope(ctx, id); err != nil {
		return nil, err
	}
	return t.ws.Media.UpdateTags(ctx, id, tags...)
}

func (t mediaTags) RemoveTags(ctx context.Context, id string, tagIDs ...string) error {
	if _, err := t.inScope(ctx, id); err != nil {
		return err
	}
	return t.ws.Media.RemoveTags(ctx, id, tagIDs...)
}

func (t mediaTags) AssignedTags(ctx context.Context, id string, page store.Page) ([]content.TagAssignment, string, error) {
	if _, err := t.inScope(ctx, id); err != nil {
		return nil, "", err
	}
	return t.ws.Media.AssignedTags(ctx, id, page)
}

func (t mediaTags) AssignedTag(ctx context.Context, id, tagID string) (content.TagAssignment, error) {
	if _, err := t.inScope(ctx, id); err != nil {
		return content.TagAssignment{}, err
	}
	return t.ws.Media.AssignedTag(ctx, id, tagID)
}

// mediaRows returns media as rows, with the expansions that are asked for.
func (c *call) mediaRows(ctx context.Context, all []content.Media, fields []string) ([]mediaRow, error) {
	tags, err := tagsFor(ctx, c.ws.Media, all, func(m *content.Media) string { return m.ID }, fields)
	if err != nil {
		return nil, err
	}
	rows := make([]mediaRow, len(all))
	for i, m := range all {
		rows[i] = mediaRow{Media: m, envelope: c.envelope(), Tags: tags(m.ID)}
		if slices.Contains(fields, "translations") {
			rows[i].Translations = c.mediaTexts(&m, m.Translations)
		}
	}
	return rows, nil
}

// mediaRow returns a medium as a row.
func (c *call) mediaRow(ctx context.Context, m content.Media, fields []string) (mediaRow, error) {
	rows, err := c.mediaRows(ctx, []content.Media{m}, fields)
	if err != nil {
		return mediaRow{}, err
	}
	return rows[0], nil
}

func dashboardMedia(f *forms) []*operation {
	shapeOf[content.Media](f, shape{always: []string{"url"}})
	const base, one = "/media", "/media/{mediaId}"
	scope := param{
		name: "scope", in: "query", kind: reflect.String, of: reflect.TypeFor[mediaList](), field: "Scope",
		allowed: []string{string(content.WorkspaceScope), string(content.CommonScope)},
	}
	scoped := []*operation{
		declare("GET", one, tenancy.ContentRead, "Get a medium", codes(200, 401, 404), func(ctx context.Context, c *call, in *oneMedium) (row mediaRow, err error) {
			// Nobody says that a file has come but who asks for it.
			if _, err := c.ws.Media.Confirm(ctx, in.ID); err != nil && !errors.Is(err, fault.ErrConflict) && !errors.Is(err, fault.ErrForbidden) && !errors.Is(err, fault.ErrNotFound) {
				return row, err
			}
			m, err := c.inScope(ctx, in.ID)
			if err != nil {
				return row, err
			}
			return c.mediaRow(ctx, m, in.Fields)
		}).writing(),
		declare("PATCH", one, tenancy.ContentUpdate, "Say what a medium is called", codes(200, 401, 404), func(ctx context.Context, c *call, in *mediumPatch) (row mediaRow, err error) {
			if _, err := c.inScope(ctx, in.ID); err != nil {
				return row, err
			}
			m, err := c.ws.Media.SetTranslations(ctx, in.ID, in.Body.Translations)
			if err != nil {
				return row, err
			}
			return c.mediaRow(ctx, m, []string{"translations"})
		}),
		declare("DELETE", one, tenancy.ContentDelete, "Delete a medium and its file", codes(200, 401, 404), func(ctx context.Context, c *call, in *oneMedium) (mediumGone, error) {
			_, err := c.inScope(ctx, in.ID)
			if errors.Is(err, fault.ErrNotFound) && c.r.URL.Query().Get("scope") == "" {
				err = nil // an upload that is under way is called off
			}
			if err == nil {
				err = c.ws.Media.Delete(ctx, in.ID)
			}
			return mediumGone{in.ID, true}, err
		}),
		declare("GET", one+"/translations", tenancy.ContentRead, "List the translations of a medium", codes(200, 401), func(ctx context.Context, c *call, in *tagsOf) (list[mediaText], error) {
			m, err := c.inScope(ctx, in.ID)
			if err != nil {
				return list[mediaText]{}, err
			}
			labels, next, err := inMemory(m.Translations, &in.paging)
			return list[mediaText]{c.mediaTexts(&m, labels), next}, err
		}),
	}
	tagged := func(c *call) tagged { return mediaTags{c} }
	scoped = append(scoped, tagReadsOf(one, tagged)...)
	scoped = append(scoped, tagWritesOf(one, "Media", tenancy.ContentUpdate, tagsAnswered, tagged)...)
	for _, o := range scoped {
		o.params = append(o.params, scope)
	}
	return append([]*operation{
		declare("GET", base, tenancy.ContentRead, "List media", codes(200, 401), func(ctx context.Context, c *call, in *mediaList) (list[mediaRow], error) {
			found, next, err := c.ws.Media.List(ctx, content.MediaFilter{FileType: content.FileType(in.FileType), Scope: content.MediaScope(in.Scope)}, in.page())
			if err != nil {
				return list[mediaRow]{}, err
			}
			rows, err := c.mediaRows(ctx, found, in.Fields)
			return list[mediaRow]{rows, next}, err
		}),
		declare("GET", base+"/upload-url", tenancy.ContentCreate, "Announce a file, and learn where to send it", codes(200, 400, 401), func(ctx context.Context, c *call, in *uploading) (content.Upload, error) {
			return c.ws.Media.Upload(ctx, content.NewUpload{
				FileName: in.FileName, ContentType: in.ContentType, FileType: content.FileType(in.FileType), FileSize: in.FileSize,
				Scope: content.MediaScope(in.Scope), MediaID: in.MediaID,
			})
		}).writing(),
	}, scoped...)
}
