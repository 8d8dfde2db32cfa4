package content

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// How long signed URLs may be used.
const (
	UploadValid   = 15 * time.Minute
	DownloadValid = time.Hour
)

// uploadGrace is how long a transfer may take that began in time.
const uploadGrace = time.Hour

// MaxFileSize is the greatest size of a medium in bytes, unless the engine is told another: 100 MiB.
const MaxFileSize = 100 << 20

// MediaLibrary is the service for the media of one workspace and the common ones of its account. The
// zero value refuses every call. It may be used concurrently. Without [Blobs] every call returns
// [fault.ErrConflict].
//
// A file is sent straight to where the [Blobs] are, so only they know whether it has come. A medium is
// there once its upload is confirmed: by [MediaLibrary.Confirm], which whoever sent the file calls, or
// by [MediaLibrary.Advance], which finds what nobody confirmed. Until then a new medium is not found,
// and one that is to be replaced keeps its file.
type MediaLibrary struct {
	taggable
	blobs     Blobs
	maxSize   int64
	revocable bool
}

// NewMediaLibrary returns the service. blobs may be nil. maxSize is in bytes; 0 means [MaxFileSize].
// revocable says that what a call did can still be rolled back when it has returned.
func NewMediaLibrary(run session.Runner, blobs Blobs, maxSize int64, revocable bool) MediaLibrary {
	there := func(ctx context.Context, tx *session.Tx, id string) error {
		_, err := presentMedium(ctx, tx, id)
		return err
	}
	return MediaLibrary{taggable{run, "Media", there}, blobs, cmp.Or(maxSize, MaxFileSize), revocable}
}

func (l MediaLibrary) ready() error {
	if l.blobs == nil {
		return fault.Conflict("media", "have no place: the engine was given no Blobs")
	}
	return nil
}

// Upload announces a file, for a new medium or for the one that it names, and returns how to send it.
// It returns [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] if the medium to be
// replaced does not exist, and [fault.ErrForbidden] if it is another workspace's.
func (l MediaLibrary) Upload(ctx context.Context, n NewUpload) (Upload, error) {
	if err := l.ready(); err != nil {
		return Upload{}, err
	}
	file, err := n.file(l.maxSize)
	if err != nil {
		return Upload{}, err
	}
	m, err := session.Write(ctx, l.run, func(tx *session.Tx) (*medium, error) { return announce(ctx, tx, n, file) })
	if err != nil {
		return Upload{}, err
	}
	url, header, err := l.blobs.UploadURL(ctx, m.Pending.blob(), UploadValid)
	if err != nil {
		return Upload{}, fmt.Errorf("content: signing an upload: %w", err)
	}
	return Upload{UploadURL: url, MediaID: m.ID, ExpiresIn: int(UploadValid.Seconds()), MetadataHeaders: header}, nil
}

// announce keeps a file as the one that is on its way. It has a key of its own, so that a file that is
// there stays whole whatever becomes of the upload.
func announce(ctx context.Context, tx *session.Tx, n NewUpload, file File) (*medium, error) {
	m, err := replaced(ctx, tx, n)
	if err != nil {
		return nil, err
	}
	file.FileName = tx.NewID() + file.FileName
	file.Key = folder(tx.Scope(), m.Scope) + file.FileName
	if err := m.dropPending(ctx, tx); err != nil {
		return nil, err
	}
	m.Pending = &pending{file, tx.Now.Add(UploadValid + uploadGrace)}
	return m, media.Put(ctx, shelf(tx, m.Scope), *m)
}

// replaced returns the medium that an upload is for.
func replaced(ctx context.Context, tx *session.Tx, n NewUpload) (*medium, error) {
	if n.MediaID == "" {
		return &medium{
			Media: Media{
				ID: tx.NewID(), Scope: cmp.Or(n.Scope, WorkspaceScope), CreatedAt: tx.Now, UpdatedAt: tx.Now,
			},
			WorkspaceID: tx.Scope().Workspace,
		}, nil
	}
	m, err := ownMedium(ctx, tx, n.MediaID)
	if err == nil && n.Scope != "" && n.Scope != m.Scope {
		err = fault.Invalid("scope", "is %q; that of the medium is %q and stays", n.Scope, m.Scope)
	}
	return m, err
}

// folder returns how the keys of a workspace's files begin. Names hold no slash, so no two workspaces
// have the same, nor has a workspace that of what is common.
func folder(s store.Scope, scope MediaScope) string {
	if scope == CommonScope {
		return s.Account + "/common/"
	}
	return s.Account + "/workspaces/" + s.Workspace + "/"
}

// shelf returns where the media of a scope are kept.
func shelf(tx store.Tx, scope MediaScope) store.Tx {
	if scope == CommonScope {
		return tx.In(store.Scope{Account: tx.Scope().Account})
	}
	return tx
}

// shelves are both.
func shelves(tx store.Tx) []store.Tx {
	return []store.Tx{shelf(tx, WorkspaceScope), shelf(tx, CommonScope)}
}

// presentMedium returns a medium whose file is there.
func presentMedium(ctx context.Context, tx *session.Tx, id string) (*medium, error) {
	for _, in := range shelves(tx) {
		m, found, err := media.Get(ctx, in, id)
		if err != nil {
			return nil, err
		}
		if found && m.there() {
			return &m, nil
		}
	}
	return nil, fault.NotFound("media", id)
}

// ownMedium returns a medium that the workspace may change, whether its file is there or not.
func ownMedium(ctx context.Context, tx *session.Tx, id string) (*medium, error) {
	for _, in := range shelves(tx) {
		m, found, err := media.Get(ctx, in, id)
		switch {
		case err != nil:
			return nil, err
		case found && m.WorkspaceID == tx.Scope().Workspace:
			return &m, nil
		case found && m.there():
			return nil, fault.Forbidden("media", "%q was uploaded by another workspace, which alone may change it", id)
		}
	}
	return nil, fault.NotFound("media", id)
}

// Confirm says that the file has been sent, looks whether it is there as it was announced, and makes it
// the medium's. Confirming twice is no error. It returns [fault.ErrConflict] if the file has not come or
// is another than announced; it may then be sent again. Others are [fault.ErrNotFound] and
// [fault.ErrForbidden].
func (l MediaLibrary) Confirm(ctx context.Context, id string) (Media, error) {
	if err := l.ready(); err != nil {
		return Media{}, err
	}
	m, err := session.Read(ctx, l.run, func(tx *session.Tx) (*medium, error) { return ownMedium(ctx, tx, id) })
	if err != nil {
		return Media{}, err
	}
	if m.Pending == nil {
		return l.open(ctx, m)
	}
	if err := l.arrived(ctx, m.Pending); err != nil {
		return Media{}, err
	}
	m, err = session.Write(ctx, l.run, func(tx *session.Tx) (*medium, error) { return settle(ctx, tx, id, m.Pending.Key) })
	if err != nil {
		return Media{}, err
	}
	return l.open(ctx, m)
}

// arrived returns an error unless the blob is there as it was announced.
func (l MediaLibrary) arrived(ctx context.Context, p *pending) error {
	b, err := l.blobs.Stat(ctx, p.Key)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return fault.Conflict("media", "the file has not been uploaded yet")
	case err != nil:
		return fmt.Errorf("content: looking for an upload: %w", err)
	case b.Size != p.FileSize:
		return fault.Conflict("fileSize", "is %d bytes, announced were %d", b.Size, p.FileSize)
	}
	if got, _, err := parseContentType(b.ContentType); b.ContentType != "" && (err != nil || got != p.ContentType) {
		return fault.Conflict("contentType", "is %.80q, announced was %q", b.ContentType, p.ContentType)
	}
	return nil
}

// settle makes the file with the given key, which has arrived, the medium's.
func settle(ctx context.Context, tx *session.Tx, id, key string) (*medium, error) {
	m, err := ownMedium(ctx, tx, id)
	if err != nil || m.Key == key {
		return m, err
	}
	if m.Pending == nil || m.Pending.Key != key {
		return nil, fault.Conflict("media", "%q is being uploaded anew", id)
	}
	if m.there() { // those who have a URL of the file that it had may still use it
		if err := discard(ctx, tx, waste{m.Key, later(m.Writable, tx.Now.Add(DownloadValid))}); err != nil {
			return nil, err
		}
	}
	m.File, m.Writable, m.Pending, m.UpdatedAt = m.Pending.File, m.Pending.Until, nil, tx.Now
	return m, media.Put(ctx, shelf(tx, m.Scope), *m)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// dropPending notes that what is on its way is to be deleted.
func (m *medium) dropPending(ctx context.Context, tx store.Tx) error {
	if m.Pending == nil {
		return nil
	}
	return discard(ctx, tx, waste{m.Pending.Key, m.Pending.Until})
}

// discard notes that a blob is to be deleted. The account remembers it, and so outlives the workspace.
func discard(ctx context.Context, tx store.Tx, w waste) error {
	return wastes.Put(ctx, shelf(tx, CommonScope), w)
}

// Get returns a medium with a URL to read it; [fault.ErrNotFound] if there is none, or its file has not
// been confirmed.
func (l MediaLibrary) Get(ctx context.Context, id string) (Media, error) {
	return l.one(ctx, func(tx *session.Tx) (*medium, error) { return presentMedium(ctx, tx, id) })
}

func (l MediaLibrary) one(ctx context.Context, find func(*session.Tx) (*medium, error)) (Media, error) {
	if err := l.ready(); err != nil {
		return Media{}, err
	}
	m, err := session.Read(ctx, l.run, find)
	if err != nil {
		return Media{}, err
	}
	return l.open(ctx, m)
}

// open returns the medium as callers see it.
func (l MediaLibrary) open(ctx context.Context, m *medium) (Media, error) {
	out := m.Media
	var err error
	if out.URL, err = l.blobs.DownloadURL(ctx, m.blob(), DownloadValid); err != nil {
		return Media{}, fmt.Errorf("content: signing a download: %w", err)
	}
	return out, nil
}

// A MediaFilter says which media to list.
type MediaFilter struct {
	// FileType leaves out the others, unless it is empty.
	FileType FileType
	// Scope is [WorkspaceScope] if it is empty.
	Scope MediaScope
}

// List returns media in the order of their last update, newest first, each with a URL to read it, and
// the token of the next page, "" if there is none.
func (l MediaLibrary) List(ctx context.Context, f MediaFilter, page store.Page) (list []Media, next string, err error) {
	if err := errors.Join(l.ready(), checkFileType(f.FileType), checkScope(f.Scope)); err != nil {
		return nil, "", err
	}
	rows, next, err := session.ReadPage(ctx, l.run, func(tx *session.Tx) ([]medium, string, error) {
		return media.PageOf(ctx, shelf(tx, f.Scope), f.query(), page)
	})
	if err != nil {
		return nil, "", err
	}
	list = make([]Media, len(rows))
	for i := range rows {
		if list[i], err = l.open(ctx, &rows[i]); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

func (f MediaFilter) query() store.Query {
	if f.FileType == "" {
		return store.By("updated")
	}
	return store.By("type", store.Text(string(f.FileType)))
}

// Localized returns a medium with one translation only: that in the language asked for, or in one of
// its parents ("en" for "en-GB"), or else in the workspace's default language, or else its first. It
// returns [fault.ErrNotFound], and [fault.ErrInvalid] if lang is not a language tag.
func (l MediaLibrary) Localized(ctx context.Context, id, lang string) (Media, error) {
	return l.one(ctx, func(tx *session.Tx) (*medium, error) {
		m, err := presentMedium(ctx, tx, id)
		if err != nil || len(m.Translations) == 0 {
			return m, err
		}
		conf, err := tenancy.FindConfiguration(ctx, tx)
		if err != nil {
			return nil, err
		}
		langs := m.Languages()
		def := langs[0]
		if slices.Contains(langs, conf.Languages.DefaultLanguage) {
			def = conf.Languages.DefaultLanguage
		}
		picked, err := PickLang(lang, langs, def)
		m.Localize(picked)
		return m, err
	})
}

// SetTranslations gives a medium up to [MaxTranslations] translations instead of those that it has, and
// returns it. It returns [fault.ErrInvalid] for every fault, [fault.ErrNotFound] if there is no such
// medium, and [fault.ErrForbidden] if it is another workspace's.
func (l MediaLibrary) SetTranslations(ctx context.Context, id string, translations []Label) (Media, error) {
	texts := Labels{slices.Clone(translations)}
	if err := errors.Join(l.ready(), validateLangs(texts.Languages()), texts.ValidateTexts()); err != nil {
		return Media{}, err
	}
	m, err := session.Write(ctx, l.run, func(tx *session.Tx) (*medium, error) {
		m, err := ownMedium(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if !m.there() {
			return nil, fault.NotFound("media", id)
		}
		m.Labels, m.UpdatedAt = texts, tx.Now
		return m, media.Put(ctx, shelf(tx, m.Scope), *m)
	})
	if err != nil {
		return Media{}, err
	}
	return l.open(ctx, m)
}

// Delete removes a medium, or calls off the upload of one, and deletes its file. It returns
// [fault.ErrNotFound], or [fault.ErrForbidden] if it is another workspace's.
//
// The file is deleted when the medium has gone. If that fails, or Delete is part of a transaction of
// the caller's, [MediaLibrary.Advance] deletes it.
func (l MediaLibrary) Delete(ctx context.Context, id string) error {
	if err := l.ready(); err != nil {
		return err
	}
	m, err := session.Write(ctx, l.run, func(tx *session.Tx) (*medium, error) {
		m, err := ownMedium(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if m.there() {
			err = discard(ctx, tx, waste{m.Key, m.Writable})
		}
		return m, errors.Join(err, m.dropPending(ctx, tx), media.Delete(ctx, shelf(tx, m.Scope), id), l.untag(ctx, tx, id))
	})
	if err == nil && !l.revocable && m.there() {
		if err := l.blobs.Delete(ctx, m.Key); err != nil { // Advance does it
			l.run.Failed(ctx, "media", fmt.Errorf("content: deleting blob %q: %w", m.Key, err))
		}
	}
	return err
}

// Advance confirms what has arrived although nobody said so, forgets what did not arrive in time, and
// deletes the files that nothing refers to any more. It goes on after an error and returns all errors
// joined. Without [Blobs], or as part of a transaction of the caller's, it does nothing.
func (l MediaLibrary) Advance(ctx context.Context) error {
	if l.blobs == nil || l.revocable {
		return nil
	}
	return errors.Join(l.settleAll(ctx), l.sweep(ctx))
}

// settleAll decides about the uploads that are pending.
func (l MediaLibrary) settleAll(ctx context.Context) error {
	var now time.Time
	waiting, err := session.Read(ctx, l.run, func(tx *session.Tx) (all []medium, err error) {
		now = tx.Now
		for _, in := range shelves(tx) {
			list, err := media.List(ctx, in, store.By("pending", store.Text(tx.Scope().Workspace)))
			if err != nil {
				return nil, err
			}
			all = append(all, list...)
		}
		return all, nil
	})
	faults := []error{err}
	for _, m := range waiting {
		_, err := l.Confirm(ctx, m.ID)
		if errors.Is(err, fault.ErrConflict) {
			err = nil
			if !now.Before(m.Pending.Until) {
				err = l.giveUp(ctx, m.ID, m.Pending.Key)
			}
		}
		if err != nil && !errors.Is(err, fault.ErrNotFound) { // deleted meanwhile
			faults = append(faults, fmt.Errorf("content: medium %q: %w", m.ID, err))
		}
	}
	return errors.Join(faults...)
}

// giveUp forgets an upload, and the medium if it has no other file.
func (l MediaLibrary) giveUp(ctx context.Context, id, key string) error {
	return l.run.Update(ctx, func(tx *session.Tx) error {
		m, err := ownMedium(ctx, tx, id)
		if err != nil || m.Pending == nil || m.Pending.Key != key {
			return err
		}
		if err := m.dropPending(ctx, tx); err != nil {
			return err
		}
		if !m.there() {
			return media.Delete(ctx, shelf(tx, m.Scope), id)
		}
		m.Pending = nil
		return media.Put(ctx, shelf(tx, m.Scope), *m)
	})
}

// sweep deletes the account's discarded blobs that nobody can write anew. They may have been deleted
// before, and written since.
func (l MediaLibrary) sweep(ctx context.Context) error {
	due, err := session.Read(ctx, l.run, func(tx *session.Tx) ([]waste, error) {
		return wastes.List(ctx, shelf(tx, CommonScope), store.By("due").Between(store.Value{}, store.Time(tx.Now)))
	})
	if err != nil {
		return err
	}
	var gone []string
	var faults []error
	for _, w := range due {
		if err := l.blobs.Delete(ctx, w.Key); err != nil {
			faults = append(faults, fmt.Errorf("content: deleting blob %q: %w", w.Key, err))
			continue
		}
		gone = append(gone, w.Key)
	}
	if len(gone) > 0 {
		faults = append(faults, l.run.Update(ctx, func(tx *session.Tx) error {
			return wastes.Delete(ctx, shelf(tx, CommonScope), gone...)
		}))
	}
	return errors.Join(faults...)
}
