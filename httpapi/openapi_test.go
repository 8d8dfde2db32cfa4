package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store/memory"
)

var update = flag.Bool("update", false, "write the files that say what the API is, instead of comparing with them")

// golden compares a file with what it should be, or writes it.
func golden(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(name, want, 0o644))
		return
	}
	is, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), string(is), "%s is stale; if that is meant: go test ./httpapi -update, twice if comments have changed", name)
}

// What the documents say is reviewed when it changes.
func TestDocumentsAreAsReviewed(t *testing.T) {
	w := newWorld(t, memory.New())
	for _, c := range []httpapi.Context{httpapi.App, httpapi.Dashboard, httpapi.Portal} {
		var text bytes.Buffer
		require.NoError(t, json.Indent(&text, w.handler.OpenAPI(c), "", "\t"))
		golden(t, "testdata/"+string(c)+".openapi.json", append(text.Bytes(), '\n'))
		for name := range schemasOf(t, w.handler, c) {
			require.NotRegexp(t, "^(App|Admin|Httpapi|Analytics)[A-Z]|[0-9]$", name, "clients see what a type is called: it says what it is, and not where it is used")
		}
	}
	require.Nil(t, w.handler.OpenAPI("nothing"))
}

// schemasOf returns the schemas of a document by their names.
func schemasOf(t *testing.T, h *httpapi.Handler, c httpapi.Context) map[string]any {
	t.Helper()
	var doc struct {
		Components struct{ Schemas map[string]any }
	}
	require.NoError(t, json.Unmarshal(h.OpenAPI(c), &doc))
	return doc.Components.Schemas
}

// Every row of the Dashboard says where it is and how old it is: users alone have no region. So does what a row says in one language.
func TestRowsOfTheDashboardSayWhereTheyAre(t *testing.T) {
	w := newWorld(t, memory.New())
	schemas := schemasOf(t, w.handler, httpapi.Dashboard)
	where := []any{"accountId", "workspaceId", "createdAt", "updatedAt"}
	seen := map[string]int{}
	var walk func(at string, node any)
	walk = func(at string, node any) {
		switch node := node.(type) {
		case []any:
			for _, v := range node {
				walk(at, v)
			}
		case map[string]any:
			properties, _ := node["properties"].(map[string]any)
			if required, is := node["required"].([]any); is && properties["accountId"] != nil && properties["auditLogId"] == nil {
				require.Subset(t, required, where, at)
				if at != "translations" {
					seen["row"]++
				}
				if properties["principalId"] == nil {
					require.Contains(t, required, "sourceRegion", at)
				}
			}
			for _, name := range []string{"translations", "translation"} {
				if list, is := properties[name].(map[string]any); is && properties["accountId"] != nil {
					if items, is := list["items"].(map[string]any); is {
						list = items
					}
					if ref, is := list["$ref"].(string); is {
						list = schemas[ref[strings.LastIndex(ref, "/")+1:]].(map[string]any)
					}
					require.Subset(t, list["required"], append([]any{"sourceRegion", "lang"}, where...), at)
					require.True(t, slices.ContainsFunc(list["required"].([]any), func(name any) bool {
						id := name.(string)
						return strings.HasSuffix(id, "Id") && id != "accountId" && id != "workspaceId"
					}), at)
					seen[name]++
				}
			}
			for name, v := range node {
				walk(name, v)
			}
		}
	}
	walk("", schemas)
	require.Greater(t, seen["row"], 20)
	require.Greater(t, seen["translations"], 14)
	require.Positive(t, seen["translation"])
}

// The documents are served to whoever asks, and again only when they have changed.
func TestDocumentsAreServedWithoutAToken(t *testing.T) {
	w := newWorld(t, memory.New())
	for _, in := range []httpapi.Context{httpapi.App, httpapi.Dashboard, httpapi.Portal} {
		c := client{w, "", in.Base(), http.Header{}}
		answer := c.send("GET", "/openapi.json", "")
		require.Equal(t, 200, answer.Code)
		require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
		require.Equal(t, string(w.handler.OpenAPI(in)), answer.Body.String())
		c.header.Set("If-None-Match", answer.Header().Get("Etag"))
		again := c.send("GET", "/openapi.json", "")
		require.Equal(t, 304, again.Code)
		require.Empty(t, again.Body.String())
		require.Equal(t, "GET", c.send("POST", "/openapi.json", "{}").Header().Get("Allow"))
	}
	one, err := httpapi.New(w.engine, &httpapi.Options{Contexts: []httpapi.Context{httpapi.App}})
	require.NoError(t, err)
	require.Nil(t, one.OpenAPI(httpapi.Dashboard))
}

// typeWords is what words.json says of a type.
type typeWords struct {
	Doc    string            `json:"doc,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
	Values []string          `json:"values,omitempty"`
}

// words.json holds the comments of the types that are on the wire, and the constants of those that have some.
func TestWordsAreThoseOfTheCode(t *testing.T) {
	w := newWorld(t, memory.New())
	types := w.handler.Types()
	all, texts := map[string]*typeWords{}, map[string]string{}
	parsed := map[string][]*ast.File{}
	for _, dir := range packages(t) {
		parsed[dir] = parse(t, dir)
		textsOf(parsed[dir], filepath.Base(dir), texts)
	}
	for _, dir := range packages(t) {
		files := parsed[dir]
		values := constantsOf(files, texts)
		for _, d := range declarations(files) {
			key := filepath.Base(dir) + "." + d.spec.Name.Name
			if !types[key] {
				continue
			}
			said := typeWords{Fields: map[string]string{}, Values: values[d.spec.Name.Name]}
			names := map[string]string{d.spec.Name.Name: d.spec.Name.Name}
			if s, is := d.spec.Type.(*ast.StructType); is {
				names = wireNames(s)
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						if about := plain(f.Doc, names); about != "" && names[name.Name] != "" {
							said.Fields[name.Name] = about
						}
					}
				}
			}
			if d.spec.Name.IsExported() {
				said.Doc = plain(d.doc, names)
			}
			if said.Doc != "" || len(said.Fields) > 0 || len(said.Values) > 0 {
				require.Nil(t, all[key], "%s is the name of two types", key)
				all[key] = &said
			}
		}
	}
	require.Contains(t, all["content.Stage"].Values, "DRAFT")
	require.Equal(t, []string{"START", "IN_PROGRESS", "COMPLETE"}, all["learning.Progress"].Values, "they are those of another package")
	require.NotEmpty(t, all["content.Activity"].Fields["AdditionalData"])
	text, err := json.MarshalIndent(all, "", "\t")
	require.NoError(t, err)
	golden(t, "words.json", append(text, '\n'))
}

// packages returns the folders of the module's own packages that may have types on the wire.
func packages(t *testing.T) (dirs []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case name != ".." && strings.HasPrefix(entry.Name(), "."), slices.Contains([]string{"testdata", "examples", "proof", "store", "tools", "otel"}, entry.Name()):
			return filepath.SkipDir
		}
		dirs = append(dirs, name)
		return nil
	}))
	return dirs
}

func parse(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
	}
	return files
}

// A declaration is a type with its comment.
type declaration struct {
	spec *ast.TypeSpec
	doc  *ast.CommentGroup
}

func declarations(files []*ast.File) (all []declaration) {
	for _, f := range files {
		for _, d := range f.Decls {
			decl, is := d.(*ast.GenDecl)
			if !is {
				continue
			}
			for _, s := range decl.Specs {
				if spec, is := s.(*ast.TypeSpec); is {
					about := spec.Doc
					if about == nil && !decl.Lparen.IsValid() {
						about = decl.Doc
					}
					all = append(all, declaration{spec, about})
				}
			}
		}
	}
	return all
}

// constants calls do with each specification of constants in files.
func constants(files []*ast.File, do func(*ast.ValueSpec)) {
	for _, f := range files {
		for _, d := range f.Decls {
			if decl, is := d.(*ast.GenDecl); is && decl.Tok == token.CONST {
				for _, s := range decl.Specs {
					do(s.(*ast.ValueSpec))
				}
			}
		}
	}
}

// textsOf notes the texts that a package declares to be constant, under its name and theirs.
func textsOf(files []*ast.File, pkg string, texts map[string]string) {
	constants(files, func(spec *ast.ValueSpec) {
		for i, v := range spec.Values {
			if lit, is := v.(*ast.BasicLit); is && lit.Kind == token.STRING {
				texts[pkg+"."+spec.Names[i].Name], _ = strconv.Unquote(lit.Value)
			}
		}
	})
}

// constantsOf returns the texts that are declared to be of each type, in their order; some are those of another package.
func constantsOf(files []*ast.File, texts map[string]string) map[string][]string {
	all := map[string][]string{}
	constants(files, func(spec *ast.ValueSpec) {
		of, is := spec.Type.(*ast.Ident)
		if !is {
			return
		}
		for _, v := range spec.Values {
			switch v := v.(type) {
			case *ast.BasicLit:
				if v.Kind == token.STRING {
					text, _ := strconv.Unquote(v.Value)
					all[of.Name] = append(all[of.Name], text)
				}
			case *ast.SelectorExpr:
				if pkg, is := v.X.(*ast.Ident); is && texts[pkg.Name+"."+v.Sel.Name] != "" {
					all[of.Name] = append(all[of.Name], texts[pkg.Name+"."+v.Sel.Name])
				}
			}
		}
	})
	return all
}

// wireNames maps the names of a struct's fields to those that they have on the wire.
func wireNames(s *ast.StructType) map[string]string {
	names := map[string]string{}
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		text, _ := strconv.Unquote(f.Tag.Value)
		tag := reflect.StructTag(text)
		for _, key := range []string{"json", "query", "path", "header"} {
			if name, _, _ := strings.Cut(tag.Get(key), ","); name != "" && name != "-" {
				for _, n := range f.Names {
					names[n.Name] = name
				}
			}
		}
	}
	return names
}

var (
	link = regexp.MustCompile(`\[([A-Za-z]+\.)*([A-Za-z]+)\]`)
	word = regexp.MustCompile(`\b[A-Z][A-Za-z]*\b`)
)

// plain returns a comment as one text that a reader of the document understands: without links, and with the names of the wire.
func plain(about *ast.CommentGroup, names map[string]string) string {
	if about == nil {
		return ""
	}
	text := strings.TrimSpace(link.ReplaceAllString(about.Text(), "$2"))
	at := 0
	text = word.ReplaceAllStringFunc(text, func(name string) string {
		first := at == 0 && strings.HasPrefix(text, name)
		at++
		wire, is := names[name]
		if is && (first || strings.IndexFunc(name[1:], unicode.IsUpper) >= 0) {
			return wire
		}
		return name
	})
	return strings.Join(strings.Fields(text), " ")
}
