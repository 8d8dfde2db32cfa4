package guerdon_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const module = "github.com/guerdonhq/guerdon"

// The floors of the project, from the bottom. A package is on one and sees up to one.
const (
	nothing = iota
	faults
	helpers
	leaves
	stores
	dialects
	sessions
	tenants
	contracts
	documents
	doors
	mechanics
	facade
	backends
	edges
	surfaces
	guards
	programs
)

// rooms places every package: on a floor, which says who may import it, and with a view, which is the
// highest floor that it may import itself. Packages of one floor never import one another. A path that
// ends in "/..." is all that lies below it, and the first path that fits counts. A test may import what
// it likes.
var rooms = []struct {
	path      string
	at, sees  int
	otherwise string // what would happen without the rule
}{
	{"fault", faults, nothing, "an error could not be returned everywhere"},
	{"internal/session", sessions, stores, "a transaction would know what is done in it"},
	{"internal/holding", sessions, stores, "what a workspace holds would know what it is"},
	{"internal/mechanic", contracts, tenants, "what mechanics share would know one of them"},
	{"internal/room", doors, documents, "what the engine holds of every room would know one of them"},
	{"internal/everystore", edges, backends, "each room on top of the engine would open the backends in its own way"},
	{"internal/...", helpers, faults, "a helper would know what it helps with"},
	{"event", leaves, helpers, "what happened would depend on what reacts to it"},
	{"rule", leaves, helpers, "an expression could read more than its data"},
	{"timeframe", leaves, helpers, "a calendar would depend on what is counted in it"},
	{"store", stores, leaves, "a backend would have to know missions and money"},
	{"store/internal/...", dialects, stores, "a backend would have to know missions and money"},
	{"tenancy", tenants, sessions, "a workspace would depend on what is kept in it"},
	{"content", documents, contracts, "a document would depend on its kinds"},
	{"badges", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{"economy", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{"leaderboard", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{"learning", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{"mobility", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{"mobility/motiontag", edges, mechanics, "a provider would know who uses it"},
	{"levels", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{"people", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{"missions", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{"streaks", mechanics, doors, "mechanics would meet elsewhere than in the engine"},
	{".", facade, mechanics, "every host would pay for every backend"},
	{"store/memory", backends, dialects, "a new mechanic would touch the backends"},
	{"store/sqlite", backends, dialects, "a new mechanic would touch the backends"},
	{"store/postgres", backends, dialects, "a new mechanic would touch the backends"},
	{"store/storetest", backends, dialects, "a backend could not be tested alone"},
	{"content/fileblob", edges, documents, "a place for files would know who uses them"},
	{"webhook", edges, facade, "a webhook would depend on where its queue is kept"},
	{"analytics", edges, facade, "an event would pay for what is counted of it"},
	{"proof", edges, backends, "what the engine promises would be proved of its inside"},
	{"guerdontest", edges, backends, "a host's tests would depend on where it keeps files"},
	{"httpapi/jwtauth", guards, surfaces, "a host that brings its own authentication would pay for ours"},
	{"httpapi", surfaces, edges, "a handler would depend on where things are kept"},
	{"cmd/guerdon/demo", edges, facade, "what shows the engine would depend on where it is kept"},
	{"cmd/...", programs, guards, "the server would be more than a program"},
	{"examples/...", programs, guards, "an example would be more than a program"},
}

// dependencies says which rooms may import what lies outside the module. A dependency that only tests
// need has no rooms. The standard library is free where it is not named.
var dependencies = []struct {
	path  string
	rooms []string
}{
	{"github.com/adhocore/gronx", []string{"timeframe"}},
	{"github.com/diegoholiveira/jsonlogic", nil},
	{"github.com/coreos/go-oidc", []string{"httpapi/jwtauth"}},
	{"github.com/getkin/kin-openapi", nil},
	{"github.com/go-jose/go-jose", []string{"httpapi/jwtauth"}},
	{"github.com/google/uuid", []string{"."}},
	{"github.com/jackc/pgx", []string{"store/postgres", "internal/pgtest", "examples/..."}},
	{"github.com/klauspost/compress/s2", []string{"internal/pack"}},
	{"github.com/mattn/go-isatty", []string{"cmd/..."}},
	{"github.com/santhosh-tekuri/jsonschema", nil},
	{"github.com/segmentio/encoding/json", []string{"content", "store"}},
	{"github.com/shopspring/decimal", []string{"..."}},
	{"github.com/stretchr/testify/require", []string{"store/storetest", "internal/everystore", "internal/pgtest", "guerdontest"}},
	{"github.com/tidwall/btree", []string{"store/memory", "store/internal/unit"}},
	{"github.com/urfave/cli", []string{"cmd/..."}},
	{"golang.org/x/text", []string{"..."}},
	{"golang.org/x/time/rate", []string{"httpapi", "httpapi/jwtauth"}},
	{"modernc.org/sqlite", []string{"store/sqlite", "examples/..."}},
	{"pgregory.net/rapid", []string{"store/storetest", "guerdontest"}},
	{"testing", []string{"store/storetest", "internal/everystore", "internal/pgtest", "internal/ratio", "guerdontest"}},
	{"time/tzdata", []string{"cmd/...", "examples/..."}},
}

// conventions maps the name of each to the function that lists its breaches.
var conventions = map[string]func(*project) []string{
	"imports":  (*project).importBreaches,
	"docs":     (*project).docBreaches,
	"surface":  (*project).surfaceBreaches,
	"programs": (*project).programBreaches,
	"chance":   (*project).chanceBreaches,
	"state":    (*project).stateBreaches,
	"readme":   (*project).readmeBreaches,
	"paths":    (*project).pathBreaches,
}

func TestConventions(t *testing.T) {
	t.Parallel()
	p, err := read(os.DirFS("."))
	require.NoError(t, err)
	for name, breaches := range conventions {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, strings.Join(breaches(p), "\n"))
		})
	}
}

func TestWhatTheConventionsNameIsThere(t *testing.T) {
	t.Parallel()
	p, err := read(os.DirFS("."))
	require.NoError(t, err)
	for _, r := range rooms {
		require.True(t, slices.ContainsFunc(p.units, func(u unit) bool { return within(u.dir, r.path) }), r.path)
	}
	var imports []string
	for _, u := range p.units {
		for _, f := range u.files {
			for _, spec := range f.Imports {
				imports = append(imports, strings.Trim(spec.Path.Value, `"`))
			}
		}
	}
	shown := p.shown()
	for name := range plumbing {
		require.Contains(t, shown, name)
	}
	for _, d := range dependencies {
		require.True(t, slices.ContainsFunc(imports, func(name string) bool { return name == d.path || strings.HasPrefix(name, d.path+"/") }), d.path)
	}
}

func TestConventionsCanBeBroken(t *testing.T) {
	t.Parallel()
	const doc = "// Package p does.\npackage p\n"
	const plumbed = `package event; import "` + module + `/internal/session"; `
	for _, tt := range []struct{ name, path, text, want string }{
		{"imports", "sagas/a.go", "package sagas", "sagas has no place in rooms"},
		{"imports", "fault/a.go", `package fault; import _ "` + module + `/event"`, "fault may not import event: an error"},
		{"imports", "missions/a.go", `package missions; import _ "` + module + `/economy"`, "missions may not import economy: mech"},
		{"imports", "a.go", `package guerdon; import _ "` + module + `/store/sqlite"`, ". may not import store/sqlite: every host"},
		{"imports", "store/memory/a.go", `package memory; import _ "` + module + `/tenancy"`, "store/memory may not import tenancy"},
		{"imports", "event/a.go", `package event; import _ "github.com/jackc/pgx/v5/pgxpool"`, "event may not import github.com/jackc/pgx/v5/pgxpool"},
		{"imports", "event/a.go", `package event; import _ "testing"`, "event may not import testing"},
		{"imports", "event/a.go", `package event; import _ "example.org/new"`, "example.org/new has no place in dependencies"},
		{"imports", "event/a_test.go", `package event; import _ "github.com/stretchr/testify/assert"`, "no package of testify but require"},
		{"docs", "p/a.go", "package p", "0 package comments"},
		{"docs", "p/a.go", "// Stuff.\npackage p", `does not begin with "Package p "`},
		{"docs", "p/a.go", doc + "func F() {}", "F is not documented"},
		{"docs", "p/a.go", doc + "// T is.\ntype T int\n\nfunc (*T) M() {}", "T.M is not documented"},
		{"docs", "p/a.go", doc + "// G is.\ntype G[K any] []K\n\nfunc (G[K]) M() {}", "G.M is not documented"},
		{"docs", "p/a.go", doc + "type (\n// A is.\nA int\nB int\n)", "B is not documented"},
		{"docs", "p/a.go", doc + "// I is.\ntype I interface{ M() }", "I.M is not documented"},
		{"docs", "p/a.go", doc + "const C = 1", "C is not documented"},
		{"docs", "p/a.go", doc + "//go:embed f\nvar V string", "V is not documented"},
		{"surface", "event/a.go", plumbed + "func F(a int, tx ...*session.Tx) {}", "event.F shows internal/session"},
		{"surface", "event/a.go", plumbed + "type T int; func (T) M() (s []session.Tx, err error)", "event.T.M shows internal/session"},
		{"surface", "event/a.go", plumbed + "type I interface { M(func(session.Tx)) }", "event.I.M shows internal/session"},
		{"surface", "a.go", `package guerdon; import s "` + module + `/store/internal/unit"; func F[T s.Unit]() {}`, "guerdon.F shows store/internal/unit"},
		{"programs", "p/a.go", "package main", "p is a program outside cmd and examples"},
		{"programs", "examples/p/a.go", "package p", "examples/p is not a program"},
		{"chance", "p/a_test.go", `package p; import "time"; var _ = time.Now()`, "time.Now"},
		{"chance", "p/a.go", `package p; import clock "time"; var _ = clock.Since`, "time.Since"},
		{"chance", "p/a.go", `package p; import "github.com/google/uuid"; var _ = uuid.NewString()`, "uuid.NewString"},
		{"chance", "p/a.go", `package p; import "math/rand/v2"; var _ = rand.New`, "math/rand/v2.New"},
		{"chance", "p/a_test.go", `package p; import "math/rand/v2"; var _ = rand.IntN(2)`, "math/rand/v2.IntN"},
		{"chance", "p/a_test.go", `package p; import "crypto/rand"; var _ = rand.Text()`, "crypto/rand.Text"},
		{"state", "p/a.go", "package p; func init() {}", "init runs unasked"},
		{"state", "p/a.go", "package p; var v int", "v has no value"},
		{"state", "p/a.go", `package p; import "sync"; var v = sync.OnceValue(f)`, "v is made to change"},
		{"state", "p/a.go", `package p; import "sync/atomic"; var v = &atomic.Int64{}`, "v is made to change"},
		{"state", "p/a.go", "package p; var v = make(map[string]int)", "v is made to change"},
		{"state", "p/a.go", "package p; var v chan int = f()", "v is made to change"},
		{"state", "p/a.go", "package p; var v = map[int]int{}; func f() { v[1] = 2 }", "v is changed"},
		{"state", "p/a.go", "package p; var v = struct{ n int }{}; func f() { v.n++ }", "v is changed"},
		{"state", "p/a.go", "package p; var v = 1; func f() *int { return &v }", "v is changed"},
		{"state", "p/a.go", "package p; var v = 1; func f() { for v = range 3 {} }", "v is changed"},
		{"state", "p/a.go", "package p; var v = map[int]int{}; func f() { delete(v, 1) }", "v is changed"},
		{"state", "p/a.go", `package p; import "github.com/shopspring/decimal"; func f() { decimal.DivisionPrecision = 2 }`, "decimal is changed"},
		{"readme", "README.md", "go test ./...", "go run ./examples/quickstart"},
		{"paths", "docs/a.md", "see `/" + "work/main`", "docs/a.md:1 names a path of one machine"},
	} {
		t.Run(tt.name+"/"+tt.want, func(t *testing.T) {
			t.Parallel()
			p, err := read(fstest.MapFS{tt.path: {Data: []byte(tt.text)}})
			require.NoError(t, err)
			require.Contains(t, strings.Join(conventions[tt.name](p), "\n"), tt.want)
		})
	}
}

func TestConventionsLeaveRoom(t *testing.T) {
	t.Parallel()
	p, err := read(fstest.MapFS{
		"README.md": {Data: []byte("go run ./examples/quickstart\ngo test ./...\n")},
		"engine.go": {Data: []byte(`// Package guerdon is the engine.
package guerdon

import (
	"time"

	"github.com/google/uuid"
)

func now() (time.Time, uuid.UUID) { return time.Now(), uuid.New() }
`)},
		"event/event.go": {Data: []byte(`// Package event holds what happened.
package event

import (
	_ "embed"
	"errors"
	"regexp"

	"` + module + `/fault"
	"` + module + `/internal/text"
)

// What can go wrong.
var (
	ErrOne = errors.New("one")
	ErrTwo = fault.Invalid("two", "wrong")
)

//go:embed schema.json
var schema []byte

var (
	kinds         = map[string]int{"a": 1}
	word          = regexp.MustCompile("[a-z]+")
	_       error = (*fault.Error)(nil)
)

type hidden struct{}

func (hidden) String() string { return "" }

func (hidden) Write(t text.Text) { read(t) }

func read(text.Text) {}

func count() int {
	kinds, n := map[string]int{}, 0
	kinds["a"] = 2
	for n = range kinds {
		n++
	}
	return n
}
`)},
		"event/event_test.go": {Data: []byte(`package event_test

import (
	"math/rand/v2"
	"testing"

	"` + module + `/store/memory"
)

var seeded = rand.New(rand.NewPCG(1, 2))

func TestIt(t *testing.T) { memory.New() }
`)},
		"examples/quickstart/main.go": {Data: []byte(`// The quickstart shows how to begin.
package main

import (
	"fmt"
	"time"
)

func main() { fmt.Println(time.Now()) }
`)},
	})
	require.NoError(t, err)
	for name, breaches := range conventions {
		require.Empty(t, breaches(p), name)
	}
}

// A project is the parsed Go code of one module and the files around it.
type project struct {
	fsys  fs.FS
	fset  *token.FileSet
	units []unit
}

// A unit is the files of one folder that are compiled as one package.
type unit struct {
	dir, name string
	files     []file
	scope     *types.Scope
	uses      map[*ast.Ident]types.Object
}

type file struct {
	*ast.File
	path string
	test bool
}

// read parses the module in fsys. It needs none of the code to compile, nor what it imports.
func read(fsys fs.FS) (*project, error) {
	p := &project{fsys: fsys, fset: token.NewFileSet()}
	units := map[[2]string]*unit{}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skip(fsys, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(p.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		key := [2]string{path.Dir(name), syntax.Name.Name}
		if units[key] == nil {
			units[key] = &unit{dir: key[0], name: key[1]}
		}
		units[key].files = append(units[key].files, file{syntax, name, strings.HasSuffix(name, "_test.go")})
		return nil
	})
	for _, key := range slices.SortedFunc(maps.Keys(units), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		units[key].resolve(p.fset)
		p.units = append(p.units, *units[key])
	}
	return p, err
}

// skip tells a walk to leave out the folders that hold no code of this module.
func skip(fsys fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	base := path.Base(dir)
	if err == nil || base == "testdata" || base == "bin" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	return nil
}

// resolve finds what each name in the unit stands for, as far as the unit alone can tell.
func (u *unit) resolve(fset *token.FileSet) {
	u.uses = map[*ast.Ident]types.Object{}
	conf := types.Config{
		Importer: strangers{},
		Error:    func(error) {}, // every name of a stranger is unknown
	}
	var all []*ast.File
	for _, f := range u.files {
		all = append(all, f.File)
	}
	pkg, _ := conf.Check(path.Join(module, u.dir), fset, all, &types.Info{Uses: u.uses})
	u.scope = pkg.Scope()
}

// strangers imports every package as an empty one.
type strangers struct{}

var version = regexp.MustCompile(`/v[0-9]+$`)

func (strangers) Import(name string) (*types.Package, error) {
	pkg := types.NewPackage(name, path.Base(version.ReplaceAllString(name, "")))
	pkg.MarkComplete()
	return pkg, nil
}

// imported returns the path of the package that x names, or "".
func (u *unit) imported(x ast.Expr) string {
	id, ok := x.(*ast.Ident)
	if !ok {
		return ""
	}
	name, ok := u.uses[id].(*types.PkgName)
	if !ok {
		return ""
	}
	return name.Imported().Path()
}

// code yields the files that are no tests.
func (u *unit) code() []file {
	return slices.DeleteFunc(slices.Clone(u.files), func(f file) bool { return f.test })
}

func (p *project) at(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s: %s", p.fset.Position(n.Pos()), fmt.Sprintf(format, args...))
}

// within tells whether a folder or an import path is the one of pattern, or below it.
func within(name, pattern string) bool {
	base, below := strings.CutSuffix(pattern, "...")
	if !below {
		return name == pattern
	}
	return strings.HasPrefix(name, base)
}

func (p *project) importBreaches() (breaches []string) {
	for _, u := range p.units {
		for _, f := range u.files {
			for _, spec := range f.Imports {
				name, _ := strconv.Unquote(spec.Path.Value) // it has been parsed
				if reason := refuse(u.dir, name, f.test); reason != "" {
					breaches = append(breaches, p.at(spec, "%s", reason))
				}
			}
		}
		if len(u.code()) > 0 && room(u.dir) < 0 {
			breaches = append(breaches, u.dir+" has no place in rooms")
		}
	}
	return breaches
}

// room returns the index in rooms of a folder, or -1.
func room(dir string) int {
	for i, r := range rooms {
		if within(dir, r.path) {
			return i
		}
	}
	return -1
}

// refuse returns why the package in dir may not import what is named, or "".
func refuse(dir, name string, test bool) string {
	if test {
		if strings.HasPrefix(name, "github.com/stretchr/testify/") && path.Base(name) != "require" {
			return "tests use no package of testify but require"
		}
		return ""
	}
	if name != module && !strings.HasPrefix(name, module+"/") {
		return refuseDependency(dir, name)
	}
	target := cmp.Or(strings.TrimPrefix(strings.TrimPrefix(name, module), "/"), ".")
	from, to := room(dir), room(target)
	if from < 0 || to < 0 || rooms[to].at <= rooms[from].sees {
		return "" // a folder without a place is reported by itself
	}
	return fmt.Sprintf("%s may not import %s: %s", dir, target, rooms[from].otherwise)
}

func refuseDependency(dir, name string) string {
	for _, d := range dependencies {
		if name != d.path && !strings.HasPrefix(name, d.path+"/") {
			continue
		}
		if slices.ContainsFunc(d.rooms, func(r string) bool { return within(dir, r) }) {
			return ""
		}
		return fmt.Sprintf("%s may not import %s: dependencies gives it to %q", dir, name, d.rooms)
	}
	if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") {
		return name + " has no place in dependencies"
	}
	return ""
}

func (p *project) docBreaches() (breaches []string) {
	for _, u := range p.units {
		code := u.code()
		if len(code) == 0 {
			continue
		}
		comments := 0
		for _, f := range code {
			if f.Doc.Text() == "" {
				continue
			}
			comments++
			if start := "Package " + u.name + " "; u.name != "main" && !strings.HasPrefix(f.Doc.Text(), start) {
				breaches = append(breaches, p.at(f.File, "the package comment does not begin with %q", start))
			}
		}
		if comments != 1 {
			breaches = append(breaches, fmt.Sprintf("%s has %d package comments, not one", u.dir, comments))
		}
		if u.name == "main" {
			continue
		}
		for _, f := range code {
			for name, node := range undocumented(f) {
				breaches = append(breaches, p.at(node, "%s is not documented", name))
			}
		}
	}
	return breaches
}

// undocumented returns the exported names of a file that have no comment.
func undocumented(f file) map[string]ast.Node {
	bare := map[string]ast.Node{}
	note := func(name string, node ast.Node, comments ...*ast.CommentGroup) {
		for part := range strings.SplitSeq(name, ".") {
			if !ast.IsExported(part) {
				return
			}
		}
		if !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c.Text() != "" }) {
			bare[name] = node
		}
	}
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			note(funcName(fn), fn, fn.Doc)
			continue
		}
		gen := decl.(*ast.GenDecl)
		for _, spec := range gen.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				group := gen.Doc
				if gen.Lparen.IsValid() {
					group = nil // each type of a group has a contract of its own
				}
				note(spec.Name.Name, spec, group, spec.Doc, spec.Comment)
				for _, m := range methods(spec) {
					note(spec.Name.Name+"."+m.Names[0].Name, m, m.Doc, m.Comment)
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					note(name.Name, name, gen.Doc, spec.Doc, spec.Comment)
				}
			}
		}
	}
	return bare
}

// funcName returns "F" of a function and "T.M" of a method.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	name := ""
	ast.Inspect(fn.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name + "." + fn.Name.Name
}

// methods returns the methods that an interface declares itself.
func methods(spec *ast.TypeSpec) []*ast.Field {
	face, ok := spec.Type.(*ast.InterfaceType)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(face.Methods.List), func(m *ast.Field) bool { return len(m.Names) == 0 })
}

// plumbing is what a package that is not internal shows of one that is: what a host cannot call, because the engine
// does. Each has a reason.
var plumbing = map[string]string{
	"badges.Room":      "the engine's way in",
	"economy.Room":     "the engine's way in",
	"leaderboard.Room": "the engine's way in",
	"learning.Room":    "the engine's way in",
	"levels.Room":      "the engine's way in",
	"missions.Room":    "the engine's way in",
	"mobility.Room":    "the engine's way in",
	"people.Room":      "the engine's way in",
	"streaks.Room":     "the engine's way in",

	"content.NewDocuments":    "hosts have a workspace's documents",
	"content.Library.Knowing": "the engine says what is in force",
	"content.NewMediaLibrary": "hosts have a workspace's media",
	"content.ActorOf":         "hosts call Workspace.As",
	"content.Library.Import":  "hosts call Workspace.Import",
	"content.Library.Sync":    "hosts call Workspace.SyncWithCatalogs",
	"content.Gate":            "tenancy, which makes and deletes workspaces, does not know what is in them",
	"content.Heritage":        "hosts call New",
	"content.Holdings":        "hosts call Workspace.Dump, Engine.Restore and Engine.EraseWorkspace",
	"content.TagPublished":    "tenancy, where users carry tags, does not know documents",
	"tenancy.Holdings":        "hosts call Workspace.Dump, Engine.Restore and Engine.EraseWorkspace",
	"tenancy.NewPlatform":     "hosts have an engine's Platform",
	"tenancy.NewSettings":     "hosts have a workspace's settings",
	"tenancy.NewUsers":        "hosts have a workspace's users",

	"economy.RewardRule.Binds": "content asks, when a version is published",

	"tenancy.Merge":       "hosts call Workspace.Merge",
	"tenancy.User.Merged": "hosts call Workspace.Merge",
	"tenancy.Earn":        "documents give tags, and their mechanic keeps them",

	"tenancy.BeginRestore":         "hosts call Engine.Restore",
	"tenancy.Move.CompleteRestore": "hosts call Engine.Restore",
	"tenancy.Move.CallOff":         "hosts call Engine.Restore",
	"tenancy.BeginErasure":         "hosts call Engine.EraseWorkspace",
	"tenancy.Move.CompleteErasure": "hosts call Engine.EraseWorkspace",
}

// surfaceBreaches finds what hosts see and cannot use: exported functions and methods with a type of an internal package.
func (p *project) surfaceBreaches() (breaches []string) {
	for name, s := range p.shown() {
		if plumbing[name] == "" {
			breaches = append(breaches, p.at(s.signature, "%s shows %s", name, s.of))
		}
	}
	slices.Sort(breaches)
	return breaches
}

// A showing is a signature that names something of an internal package.
type showing struct {
	signature *ast.FuncType
	of        string
}

// shown returns the exported functions and methods of packages that hosts can import, by their names, that show an
// internal one.
func (p *project) shown() map[string]showing {
	all := map[string]showing{}
	for _, u := range p.units {
		if internal(u.dir) || u.name == "main" {
			continue
		}
		for _, f := range u.code() {
			for name, signature := range signatures(f) {
				if of := u.shows(signature); of != "" {
					all[u.name+"."+name] = showing{signature, of}
				}
			}
		}
	}
	return all
}

// internal tells whether only this module can import a folder.
func internal(dir string) bool { return slices.Contains(strings.Split(dir, "/"), "internal") }

// signatures returns those of the exported functions and methods of a file, by their names.
func signatures(f file) map[string]*ast.FuncType {
	found := map[string]*ast.FuncType{}
	note := func(name string, signature *ast.FuncType) {
		if !slices.ContainsFunc(strings.Split(name, "."), func(part string) bool { return !ast.IsExported(part) }) {
			found[name] = signature
		}
	}
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			note(funcName(fn), fn.Type)
			continue
		}
		for _, spec := range decl.(*ast.GenDecl).Specs {
			if spec, ok := spec.(*ast.TypeSpec); ok {
				for _, m := range methods(spec) {
					note(spec.Name.Name+"."+m.Names[0].Name, m.Type.(*ast.FuncType))
				}
			}
		}
	}
	return found
}

// shows returns the internal package of which a signature names something, or "".
func (u *unit) shows(signature *ast.FuncType) (shown string) {
	ast.Inspect(signature, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			target, ours := strings.CutPrefix(u.imported(sel.X), module+"/")
			if ours && internal(target) {
				shown = target
			}
		}
		return shown == ""
	})
	return shown
}

func (p *project) programBreaches() (breaches []string) {
	for _, u := range p.units {
		switch example := within(u.dir, "examples/..."); {
		case u.name == "main" && !example && !within(u.dir, "cmd/..."):
			breaches = append(breaches, u.dir+" is a program outside cmd and examples")
		case len(u.code()) > 0 && u.name != "main" && example:
			breaches = append(breaches, u.dir+" is not a program")
		}
	}
	return breaches
}

// chance lists what differs from run to run, by package. The caller passes in instants and ids, so only
// the engine's defaults and programs may ask for them. A test may draw from a generator that it seeds.
var chance = map[string]struct{ all, seeded *regexp.Regexp }{
	"time":                   {all: regexp.MustCompile(`^(Now|Since|Until)$`)},
	"crypto/rand":            {all: regexp.MustCompile(``)},
	"github.com/google/uuid": {all: regexp.MustCompile(`^New`)},
	"math/rand":              {all: regexp.MustCompile(``), seeded: regexp.MustCompile(`^(New|NewSource|NewZipf|Rand|Source|Zipf)$`)},
	"math/rand/v2":           {all: regexp.MustCompile(``), seeded: regexp.MustCompile(`^(New|NewPCG|NewChaCha8|NewZipf|Rand|Source|PCG|ChaCha8|Zipf)$`)},
}

func (p *project) chanceBreaches() (breaches []string) {
	for _, u := range p.units {
		for _, f := range u.files {
			if f.path == "engine.go" || within(f.path, "examples/...") || within(f.path, "cmd/...") {
				continue
			}
			ast.Inspect(f.File, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				pkg := u.imported(sel.X)
				c, ok := chance[pkg]
				if !ok || !c.all.MatchString(sel.Sel.Name) || f.test && c.seeded != nil && c.seeded.MatchString(sel.Sel.Name) {
					return true
				}
				breaches = append(breaches, p.at(sel, "%s.%s is for the caller to pass in", pkg, sel.Sel.Name))
				return true
			})
		}
	}
	return breaches
}

// stateBreaches finds the package-level variables that are not constant in all but name.
func (p *project) stateBreaches() (breaches []string) {
	for _, u := range p.units {
		for _, f := range u.files {
			for _, decl := range f.Decls {
				switch decl := decl.(type) {
				case *ast.FuncDecl:
					if decl.Recv == nil && decl.Name.Name == "init" {
						breaches = append(breaches, p.at(decl, "init runs unasked"))
					}
				case *ast.GenDecl:
					if decl.Tok == token.VAR && !f.test {
						breaches = append(breaches, p.varBreaches(&u, decl)...)
					}
				}
			}
			if !f.test {
				breaches = append(breaches, p.changes(&u, f)...)
			}
		}
	}
	return breaches
}

// varBreaches finds the variables of a declaration that only make sense if they change.
func (p *project) varBreaches(u *unit, decl *ast.GenDecl) (breaches []string) {
	for _, s := range decl.Specs {
		spec := s.(*ast.ValueSpec)
		if len(spec.Values) == 0 && !embeds(decl.Doc) && !embeds(spec.Doc) {
			breaches = append(breaches, p.at(spec, "%s has no value", spec.Names[0].Name))
		}
		if changeable(u, spec) {
			breaches = append(breaches, p.at(spec, "%s is made to change", spec.Names[0].Name))
		}
	}
	return breaches
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

// changeable tells whether a variable's type or value holds a channel, a lock, an atomic or an empty
// map or slice to fill.
func changeable(u *unit, spec *ast.ValueSpec) (found bool) {
	ast.Inspect(spec, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ChanType:
			found = true
		case *ast.SelectorExpr:
			pkg := u.imported(n.X)
			found = found || pkg == "sync" || pkg == "sync/atomic"
		case *ast.CallExpr:
			found = found || calls(u, n, "make", "new")
		}
		return !found
	})
	return found
}

// calls tells whether a call is one of the language's own functions named.
func calls(u *unit, call *ast.CallExpr, names ...string) bool {
	id, ok := call.Fun.(*ast.Ident)
	if !ok || !slices.Contains(names, id.Name) {
		return false
	}
	_, ok = u.uses[id].(*types.Builtin)
	return ok
}

// changes finds where a file changes a package-level variable, or may let others do so.
func (p *project) changes(u *unit, f file) (breaches []string) {
	check := func(exprs ...ast.Expr) {
		for _, x := range exprs {
			if name := u.global(x); name != "" {
				breaches = append(breaches, p.at(x, "%s is changed", name))
			}
		}
	}
	ast.Inspect(f.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				check(n.Lhs...)
			}
		case *ast.IncDecStmt:
			check(n.X)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				check(n.Key, n.Value)
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				check(n.X)
			}
		case *ast.CallExpr:
			if calls(u, n, "delete", "clear", "copy") && len(n.Args) > 0 {
				check(n.Args[0])
			}
		}
		return true
	})
	return breaches
}

// global returns the name of the package-level variable that x is a part of, the name of a package if
// it is another's, or "".
func (u *unit) global(x ast.Expr) string {
	for {
		switch e := x.(type) {
		case *ast.Ident:
			switch obj := u.uses[e].(type) {
			case *types.PkgName:
				return obj.Name()
			case *types.Var:
				if obj.Parent() == u.scope {
					return obj.Name()
				}
			}
			return ""
		case *ast.ParenExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.SliceExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		default:
			return ""
		}
	}
}

func (p *project) readmeBreaches() (breaches []string) {
	readme, err := fs.ReadFile(p.fsys, "README.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, command := range []string{"go run ./examples/quickstart", "go test ./..."} {
		if !bytes.Contains(readme, []byte(command)) {
			breaches = append(breaches, fmt.Sprintf("README.md does not say %q", command))
		}
	}
	return breaches
}

var machinePath = regexp.MustCompile(`(?m)(^|[^\w./-])/(work|root|tmp/bash)/`)

func (p *project) pathBreaches() (breaches []string) {
	err := fs.WalkDir(p.fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "bin" || entry.Name() == "node_modules" || strings.HasSuffix(name, "testdata/rapid")): // not kept by git
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(p.fsys, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		for _, found := range machinePath.FindAllIndex(text, -1) {
			line := 1 + bytes.Count(text[:found[1]], []byte("\n"))
			breaches = append(breaches, fmt.Sprintf("%s:%d names a path of one machine", name, line))
		}
		return nil
	})
	if err != nil {
		breaches = append(breaches, err.Error())
	}
	return breaches
}
