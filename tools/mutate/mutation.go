package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// A Kind is what a mutation does to the code.
type Kind string

// The kinds of mutations.
const (
	Comparison Kind = "comparison" // moves the bound of a comparison by one, or turns equal to unequal
	Condition  Kind = "condition"  // negates what an if or a case asks
	Guard      Kind = "guard"      // never takes an if that only leaves
	Connective Kind = "connective" // turns and to or, and back
	Operand    Kind = "operand"    // drops one side of an and, or of an or
	Number     Kind = "number"     // moves a whole number by one
	Extreme    Kind = "extreme"    // turns the smaller to the greater, and back
	Statement  Kind = "statement"  // never executes an assignment or a call
)

// A Mutation replaces one piece of a file. What it drops stays in the code and is never executed, so that
// the code still uses what it declares, and builds.
type Mutation struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Kind   Kind   `json:"kind"`
	Old    string `json:"old"`
	New    string `json:"new"`

	from, to int // the bytes of the file that Old is
}

// Apply returns a file's source as the mutation leaves it.
func (m *Mutation) Apply(src []byte) []byte {
	return slices.Concat(src[:m.from], []byte(m.New), src[m.to:])
}

// Mutations returns what can be changed in a Go file, in the order of the source. It leaves generated
// files alone, and the question whether there was an error: what a store refuses is no rule of the program.
func Mutations(name string, src []byte) ([]Mutation, error) {
	f := &finder{name: name, src: src, fset: token.NewFileSet()}
	file, err := parser.ParseFile(f.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || ast.IsGenerated(file) {
		return nil, err
	}
	ast.Inspect(file, f.visit)
	return f.found, nil
}

// A finder collects the mutations of one file.
type finder struct {
	name  string
	src   []byte
	fset  *token.FileSet
	found []Mutation
}

func (f *finder) between(from, to token.Pos) string {
	return string(f.src[f.fset.Position(from).Offset:f.fset.Position(to).Offset])
}

func (f *finder) text(n ast.Node) string { return f.between(n.Pos(), n.End()) }

func (f *finder) add(kind Kind, n ast.Node, text string) {
	at := f.fset.Position(n.Pos())
	old := f.text(n)
	f.found = append(f.found, Mutation{
		File: f.name, Line: at.Line, Column: at.Column, Kind: kind, Old: old, New: text,
		from: at.Offset, to: at.Offset + len(old),
	})
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		return !enumerates(n)
	case *ast.IfStmt:
		f.ask(n)
	case *ast.SwitchStmt:
		f.cases(n)
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.CallExpr:
		return f.call(n)
	case *ast.BasicLit:
		f.number(n)
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	case *ast.CommClause:
		f.statements(n.Body)
	}
	return true
}

// enumerates tells whether a declaration counts its constants: a number in it is a name.
func enumerates(decl *ast.GenDecl) (found bool) {
	ast.Inspect(decl, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && decl.Tok == token.CONST && id.Name == "iota"
		return !found
	})
	return found
}

func (f *finder) ask(n *ast.IfStmt) {
	f.negate(n.Cond)
	if n.Else == nil && leaves(n.Body) && !asksForError(n.Cond) {
		f.add(Guard, n.Cond, "false && ("+f.text(n.Cond)+")")
	}
}

func (f *finder) cases(n *ast.SwitchStmt) {
	if n.Tag != nil {
		return
	}
	for _, clause := range n.Body.List {
		for _, cond := range clause.(*ast.CaseClause).List {
			f.negate(cond)
		}
	}
}

// negate negates a condition, unless another mutation comes to the same.
func (f *finder) negate(cond ast.Expr) {
	switch cond := ast.Unparen(cond).(type) {
	case *ast.BinaryExpr:
		if cond.Op == token.EQL || cond.Op == token.NEQ {
			return
		}
	case *ast.CallExpr:
		if name, selected := named(cond); selected && comparing[name.Name] == "!"+name.Name {
			return
		}
	}
	f.add(Condition, cond, "!("+f.text(cond)+")")
}

// leaves tells whether a block does nothing but leave what it is in.
func leaves(block *ast.BlockStmt) bool {
	if len(block.List) != 1 {
		return false
	}
	switch block.List[0].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	}
	return false
}

// asksForError tells whether an expression compares an error with nil.
func asksForError(x ast.Expr) bool {
	compared, ok := ast.Unparen(x).(*ast.BinaryExpr)
	if !ok {
		return false
	}
	failed, ok := compared.X.(*ast.Ident)
	none, isNil := compared.Y.(*ast.Ident)
	return ok && isNil && none.Name == "nil" && strings.HasSuffix(strings.ToLower(failed.Name), "err")
}

// flipped maps a comparison to the one with the neighbouring bound.
var flipped = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS,
	token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL,
}

func (f *finder) binary(n *ast.BinaryExpr) {
	if op, ok := flipped[n.Op]; ok && !asksForError(n) {
		f.add(Comparison, n, f.text(n.X)+" "+op.String()+" "+f.text(n.Y))
	}
	switch n.Op {
	case token.LAND:
		f.add(Connective, n, "("+f.text(n.X)+" || "+f.text(n.Y)+")")
		f.operands(n, "true || ")
	case token.LOR:
		f.add(Connective, n, f.bound(n.X)+" && "+f.bound(n.Y))
		f.operands(n, "false && ")
	default: // has no neutral element
	}
}

// bound returns the text of an operand that binds at least as tight as an and.
func (f *finder) bound(x ast.Expr) string {
	if or, ok := x.(*ast.BinaryExpr); ok && or.Op == token.LOR {
		return "(" + f.text(x) + ")"
	}
	return f.text(x)
}

// operands drops one side and then the other: what comes before it makes it the neutral element. A side
// that is itself a row of the same kind is not dropped as one.
func (f *finder) operands(n *ast.BinaryExpr, neutral string) {
	op := " " + n.Op.String() + " "
	if x, ok := n.X.(*ast.BinaryExpr); (!ok || x.Op != n.Op) && !asksForError(n.X) {
		f.add(Operand, n, "("+neutral+f.text(n.X)+")"+op+f.text(n.Y))
	}
	if !asksForError(n.Y) {
		f.add(Operand, n, f.text(n.X)+op+"("+neutral+f.text(n.Y)+")")
	}
}

// comparing maps a method that compares to the one with the neighbouring bound, negated if it has a "!".
var comparing = map[string]string{
	"LessThan": "LessThanOrEqual", "LessThanOrEqual": "LessThan",
	"GreaterThan": "GreaterThanOrEqual", "GreaterThanOrEqual": "GreaterThan",
	"Before": "!After", "After": "!Before",
	"IsPositive": "!IsNegative", "IsNegative": "!IsPositive",
	"Equal": "!Equal", "IsZero": "!IsZero",
}

// extremes maps a function that chooses to the one that chooses the opposite.
var extremes = map[string]string{
	"min": "max", "max": "min", "Min": "Max", "Max": "Min", "MinFunc": "MaxFunc", "MaxFunc": "MinFunc",
}

// named returns the name of the function or method that is called, if it has one.
func named(call *ast.CallExpr) (name *ast.Ident, selected bool) {
	switch fun := call.Fun.(type) {
	case *ast.SelectorExpr:
		return fun.Sel, true
	case *ast.Ident:
		return fun, false
	}
	return nil, false
}

// call mutates a call, and tells whether to look into it.
func (f *finder) call(n *ast.CallExpr) bool {
	name, selected := named(n)
	if name == nil {
		return true
	}
	before, after := f.between(n.Pos(), name.Pos()), f.between(name.End(), n.End())
	if other, ok := extremes[name.Name]; ok {
		f.add(Extreme, n, before+other+after)
	}
	if other, ok := comparing[name.Name]; ok && selected {
		if method, negated := strings.CutPrefix(other, "!"); negated {
			other, before = method, "!"+before
		}
		f.add(Comparison, n, before+other+after)
	}
	if name.Name != "make" || selected || len(n.Args) < 3 {
		return true
	}
	for _, arg := range n.Args[:2] { // how much room is kept changes nothing
		ast.Inspect(arg, f.visit)
	}
	return false
}

func (f *finder) number(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	value, err := strconv.ParseInt(n.Value, 0, 64)
	if err != nil {
		return // greater than any that is counted with
	}
	f.add(Number, n, strconv.FormatInt(value+1, 10))
	if value > 0 {
		f.add(Number, n, strconv.FormatInt(value-1, 10))
	}
}

func (f *finder) statements(list []ast.Stmt) {
	for _, stmt := range list {
		switch stmt := stmt.(type) {
		case *ast.AssignStmt:
			if stmt.Tok == token.DEFINE || discards(stmt) {
				continue
			}
		case *ast.IncDecStmt, *ast.ExprStmt:
		default:
			continue
		}
		f.add(Statement, stmt, "if false { "+f.text(stmt)+" }")
	}
}

// discards tells whether an assignment keeps nothing.
func discards(stmt *ast.AssignStmt) bool {
	for _, x := range stmt.Lhs {
		if id, ok := x.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}
