package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

// A finding is something that is wrong with a file, or worth a warning, as -json shows it.
type finding struct {
	File string `json:"file"`
	// Line and Column are where it is, from 1, in characters; 0 if that is not known.
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"` // error or warning
	// Field is the path in the file, as "documents[3].rewards[0].amount".
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// String returns the finding as compilers write theirs, which editors understand.
func (f finding) String() string {
	at := f.File
	if f.Line > 0 {
		at += fmt.Sprintf(":%d:%d", f.Line, f.Column)
	}
	if f.Field != "" {
		return fmt.Sprintf("%s: %s: %s: %s", at, f.Severity, f.Field, f.Message)
	}
	return fmt.Sprintf("%s: %s: %s", at, f.Severity, f.Message)
}

// findings are all there are, as an error: a line for each.
type findings []finding

// Error returns them all.
func (all findings) Error() string {
	lines := make([]string, len(all))
	for i, f := range all {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// file is one of several that are a bundle together, which has its documents from a place on.
type file struct {
	name  string
	text  []byte
	first int
}

// files are one bundle.
type files struct {
	list   []file
	bundle []byte
}

// readFiles reads files as one bundle. What is no bundle is an error that is findings.
func readFiles(names ...string) (*files, error) {
	all := &files{}
	var texts [][]byte
	var wrong findings
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all.list, texts = append(all.list, file{name: name, text: text}), append(texts, text)
		if broken := json.Unmarshal(text, new(json.RawMessage)); broken != nil {
			at := len(text)
			if e, is := errors.AsType[*json.SyntaxError](broken); is {
				at = max(int(e.Offset)-1, 0)
			}
			f := finding{File: name, Severity: "error", Message: broken.Error()}
			f.Line, f.Column = position(text, at)
			wrong = append(wrong, f)
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	var err error
	if all.bundle, err = guerdon.JoinBundles(texts...); err != nil {
		return nil, all.wrong(err)
	}
	place := 0
	for i := range all.list {
		var one struct {
			Documents []json.RawMessage `json:"documents"`
		}
		if err := json.Unmarshal(texts[i], &one); err != nil {
			return nil, err
		}
		all.list[i].first, place = place, place+len(one.Documents)
	}
	return all, nil
}

// wrong returns what an error says of the files as findings, where it says something of them; other errors as they are.
func (all *files) wrong(err error) error {
	var list findings
	for _, one := range flat(err) {
		e, is := errors.AsType[*fault.Error](one)
		if !is {
			return err
		}
		list = append(list, all.finding("error", e.Field, e.Reason))
	}
	if len(list) == 0 {
		return err
	}
	return list
}

// warnings returns warnings as findings.
func (all *files) warnings(list []content.Warning) findings {
	made := make(findings, len(list))
	for i, w := range list {
		made[i] = all.finding("warning", w.Field, w.Reason)
	}
	return made
}

// flat returns the errors that are joined in one.
func flat(err error) (all []error) {
	if many, is := err.(interface{ Unwrap() []error }); is {
		for _, e := range many.Unwrap() {
			all = append(all, flat(e)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// numbered is how a field names a document of a bundle, or one of several bundles.
var numbered = regexp.MustCompile(`^(documents|bundles)\[(\d+)\]\.?`)

// finding returns what is said of a field of the bundle as what is said of a file.
func (all *files) finding(severity, field, message string) finding {
	of := &all.list[0]
	if m := numbered.FindStringSubmatch(field); m != nil {
		n, _ := strconv.Atoi(m[2]) // they are digits
		rest := field[len(m[0]):]
		if m[1] == "bundles" {
			of, field = &all.list[n], rest
		} else {
			for i := range all.list {
				if all.list[i].first <= n {
					of = &all.list[i]
				}
			}
			field = strings.TrimSuffix(fmt.Sprintf("documents[%d].%s", n-of.first, rest), ".")
		}
	}
	if field == "bundle" {
		field = ""
	}
	made := finding{File: of.name, Severity: severity, Field: field, Message: message}
	made.Line, made.Column = position(of.text, offset(of.text, field))
	return made
}

// position returns the line and the column of a place in a text.
func position(text []byte, at int) (line, column int) {
	before := text[:min(at, len(text))]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}

// steps are what a path is made of: names, numbers in brackets and, within expressions, both behind a slash.
var steps = regexp.MustCompile(`[^.\[\]/]+`)

// offset returns where in JSON a field is, as far as the path can be followed: where the name of a member stands, or an item.
func offset(text []byte, field string) int {
	d := json.NewDecoder(bytes.NewReader(text))
	at := d.InputOffset()
	for _, step := range steps.FindAllString(field, -1) {
		next, there := enter(d, step)
		if !there {
			break
		}
		at = next
	}
	return skipped(text, at)
}

// enter reads into the object or list that comes next, up to the value of a member or item, and returns where that stands.
func enter(d *json.Decoder, step string) (at int64, there bool) {
	open, err := d.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return 0, false
	}
	for i := 0; d.More(); i++ {
		at, name := d.InputOffset(), strconv.Itoa(i)
		if open == json.Delim('{') {
			key, err := d.Token()
			if err != nil {
				return 0, false
			}
			name, _ = key.(string)
		}
		if strings.EqualFold(name, step) {
			return at, true
		}
		if d.Decode(new(json.RawMessage)) != nil {
			return 0, false
		}
	}
	return 0, false
}

// skipped returns where something stands behind a place: behind blanks and what divides.
func skipped(text []byte, at int64) int {
	rest := text[at:]
	return int(at) + len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,:"))
}
