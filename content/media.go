package content

import (
	"errors"
	"maps"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
)

// Media is a file that authors use in what they write, and what is said about it.
type Media struct {
	ID string `json:"mediaId"`
	File
	Scope MediaScope `json:"scope"`
	// URL is where the file may be read for [DownloadValid] from when it was asked for. What refers to
	// the file must keep its id instead.
	URL string `json:"url,omitempty"`
	Labels
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// A File is what was uploaded. Replacing a medium gives it another.
type File struct {
	// FileName is what the file is stored as, OriginalFileName what whoever uploaded it called it.
	FileName         string `json:"fileName"`
	OriginalFileName string `json:"originalFileName"`
	// ContentType is a media type, possibly with parameters.
	ContentType string   `json:"contentType"`
	FileType    FileType `json:"fileType"`
	// Key identifies the bytes among the [Blobs].
	Key string `json:"key"`
	// FileSize is the number of bytes.
	FileSize int64 `json:"fileSize"`
}

func (f *File) blob() Blob { return Blob{f.Key, f.ContentType, f.FileSize, f.OriginalFileName} }

// FileType is what a file is for.
type FileType string

// The types of files. Whatever is accepted may be "other"; else the type follows from the content type.
const (
	ImageFile    FileType = "image"
	VideoFile    FileType = "video"
	AudioFile    FileType = "audio"
	DocumentFile FileType = "document"
	OtherFile    FileType = "other"
)

// MediaScope says who sees a medium.
type MediaScope string

// The scopes. What is common is seen by every workspace of the account, and changed only by the one that
// uploaded it.
const (
	WorkspaceScope MediaScope = "workspace"
	CommonScope    MediaScope = "common"
)

// format is what a content type says of a file.
type format struct {
	fileType  FileType
	extension string
}

// formats are the content types that are accepted.
var formats = map[string]format{
	"image/jpeg":         {ImageFile, "jpg"},
	"image/png":          {ImageFile, "png"},
	"image/gif":          {ImageFile, "gif"},
	"image/webp":         {ImageFile, "webp"},
	"image/svg+xml":      {ImageFile, "svg"},
	"image/bmp":          {ImageFile, "bmp"},
	"image/tiff":         {ImageFile, "tiff"},
	"video/mp4":          {VideoFile, "mp4"},
	"video/webm":         {VideoFile, "webm"},
	"video/quicktime":    {VideoFile, "mov"},
	"video/x-msvideo":    {VideoFile, "avi"},
	"video/mpeg":         {VideoFile, "mpeg"},
	"audio/mpeg":         {AudioFile, "mp3"},
	"audio/wav":          {AudioFile, "wav"},
	"audio/ogg":          {AudioFile, "ogg"},
	"audio/aac":          {AudioFile, "aac"},
	"audio/flac":         {AudioFile, "flac"},
	"application/pdf":    {DocumentFile, "pdf"},
	"application/msword": {DocumentFile, "doc"},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": {DocumentFile, "docx"},
	"application/vnd.ms-excel": {DocumentFile, "xls"},
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         {DocumentFile, "xlsx"},
	"application/vnd.ms-powerpoint":                                             {DocumentFile, "ppt"},
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": {DocumentFile, "pptx"},
	"application/json": {DocumentFile, "json"},
	"text/plain":       {DocumentFile, "txt"},
	"text/csv":         {DocumentFile, "csv"},
}

// NewUpload announces a file.
type NewUpload struct {
	// FileName is what the file is called: 1 to 255 characters, without a folder.
	FileName string `json:"fileName"`
	// ContentType is one of the 27 media types that are accepted, possibly with parameters.
	ContentType string `json:"contentType"`
	// FileType, if it is not empty, must fit the content type.
	FileType FileType `json:"fileType"`
	// FileSize is the exact number of bytes, at least 1.
	FileSize int64 `json:"fileSize"`
	// Scope is [WorkspaceScope] if it is empty, or that of the medium that is replaced.
	Scope MediaScope `json:"scope,omitempty"`
	// MediaID names the medium to be replaced; empty means a new one.
	MediaID string `json:"mediaId,omitempty"`
}

// An Upload says how to send a file: with PUT to UploadURL, with the headers.
type Upload struct {
	UploadURL string `json:"uploadUrl"`
	MediaID   string `json:"mediaId"`
	// ExpiresIn is for how many seconds the URL may be used.
	ExpiresIn       int               `json:"expiresIn"`
	MetadataHeaders map[string]string `json:"metadataHeaders"`
}

// file returns the file that is announced, without its place, or every fault.
func (n *NewUpload) file(maxSize int64) (File, error) {
	contentType, known, err := parseContentType(n.ContentType)
	f := File{OriginalFileName: n.FileName, ContentType: contentType, FileType: n.FileType, FileSize: n.FileSize}
	f.FileName = "." + known.extension // an id will stand before it
	faults := []error{checkFileName(n.FileName), err, checkScope(n.Scope), checkFileType(n.FileType)}
	switch {
	case f.FileType == "":
		f.FileType = known.fileType
	case errors.Join(faults...) == nil && f.FileType != known.fileType && f.FileType != OtherFile:
		faults = append(faults, fault.Invalid("fileType", "is %q, but %s is %q or %q", f.FileType, contentType, known.fileType, OtherFile))
	}
	if f.FileSize < 1 || f.FileSize > maxSize {
		faults = append(faults, fault.Invalid("fileSize", "is %d bytes; allowed are 1 to %d", f.FileSize, maxSize))
	}
	if n.MediaID != "" {
		faults = append(faults, ident.Check("mediaId", n.MediaID))
	}
	return f, errors.Join(faults...)
}

// checkFileName refuses a name that could mean a place, or a line of its own in a header.
func checkFileName(name string) error {
	const field = "fileName"
	if strings.ContainsAny(name, `/\`) || name == "." || name == ".." {
		return fault.Invalid(field, "is %.80q; it must be a name without a folder", name)
	}
	return text.Line(field, name, 1, MaxName)
}

// parseContentType returns a content type as it is written canonically, and what it says.
func parseContentType(s string) (string, format, error) {
	const field, most = "contentType", 255
	if len(s) > most {
		return "", format{}, fault.Invalid(field, "is %d bytes long, at most %d are allowed", len(s), most)
	}
	name, parameters, err := mime.ParseMediaType(s)
	if err != nil {
		return "", format{}, fault.Invalid(field, "%q is not a content type", s)
	}
	known, ok := formats[name]
	if !ok {
		return "", format{}, fault.Invalid(field, "%q is not accepted; accepted are %s", name, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	canonical := mime.FormatMediaType(name, parameters)
	if canonical == "" {
		return "", format{}, fault.Invalid(field, "%q has a parameter that cannot be written", s)
	}
	return canonical, known, nil
}

func checkFileType(t FileType) error {
	switch t {
	case "", ImageFile, VideoFile, AudioFile, DocumentFile, OtherFile:
		return nil
	default:
		return fault.Invalid("fileType", "%.40q is none of image, video, audio, document, other", t)
	}
}

func checkScope(s MediaScope) error {
	switch s {
	case "", WorkspaceScope, CommonScope:
		return nil
	default:
		return fault.Invalid("scope", "%.40q is none of workspace, common", s)
	}
}

// medium is what is kept of a medium: the file that is there, if one is, and the one that is on its way.
type medium struct {
	Media
	// WorkspaceID names the workspace that uploaded it and may change it.
	WorkspaceID string `json:"workspaceId"`
	// Writable is until when somebody may have a URL to write the file anew.
	Writable time.Time `json:"writable,omitzero"`
	Pending  *pending  `json:"pending,omitempty"`
}

// pending is a file that has been announced.
type pending struct {
	File
	// Until is when nothing can come any more.
	Until time.Time `json:"until"`
}

// there tells whether the medium has a file.
func (m *medium) there() bool { return m.Key != "" }

var media = store.Define("media", func(m *medium) string { return m.ID },
	[]store.Field[medium]{
		{Name: "workspace_id", Kind: store.KindText, Of: func(m *medium) store.Value { return store.Text(m.WorkspaceID) }},
		{Name: "file_type", Kind: store.KindText, Of: func(m *medium) store.Value {
			if !m.there() {
				return store.Value{}
			}
			return store.Text(string(m.FileType))
		}},
		{Name: "updated_at", Kind: store.KindInt, Of: func(m *medium) store.Value {
			if !m.there() {
				return store.Value{}
			}
			return store.Time(m.UpdatedAt)
		}},
		{Name: "pending_until", Kind: store.KindInt, Of: func(m *medium) store.Value {
			if m.Pending == nil {
				return store.Value{}
			}
			return store.Time(m.Pending.Until)
		}},
	},
	store.Index{Name: "updated", Columns: []string{"updated_at"}},
	store.Index{Name: "type", Columns: []string{"file_type", "updated_at"}},
	store.Index{Name: "owner", Columns: []string{"workspace_id"}},
	store.Index{Name: "pending", Columns: []string{"workspace_id", "pending_until"}},
)

// waste is a blob that nothing refers to any more.
type waste struct {
	Key string `json:"key"`
	// Until is when nobody can write it anew any more.
	Until time.Time `json:"until"`
}

var wastes = store.Define("media_wastes", func(w *waste) string { return w.Key },
	[]store.Field[waste]{
		{Name: "due_at", Kind: store.KindInt, Of: func(w *waste) store.Value { return store.Time(w.Until) }},
	},
	store.Index{Name: "due", Columns: []string{"due_at"}},
)
