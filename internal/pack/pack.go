// Package pack keeps Go values in few bytes: what encoding/json keeps of them, without saying anything twice. A record
// says what it is, as JSON does, so that it can be shown without its type ([JSON]), and fields may be added, left out and put
// in another order.
//
// # Format
//
// A value is a byte that says what follows:
//
//	0x00 to 0x02  null, false, true
//	0x03          an integer: zigzag varint
//	0x04          an integer beyond 63 bits: varint
//	0x05          a float64: its 8 bytes, the highest first
//	0x06          a float64 that is whole: zigzag varint
//	0x07          a text: varint length, bytes
//	0x08          a text that came before: varint number
//	0x09          a text that begins like one before: varint number, varint length of what is alike, varint length, bytes
//	0x0a          a word of the dictionary: varint number
//	0x0b          an instant in UTC: zigzag varint, the microseconds since the instant before it, the first since 1970
//	0x0c          any other time: text, as JSON has it
//	0x0d          a decimal: zigzag varint coefficient, zigzag varint exponent
//	0x0e          a longer decimal: text
//	0x0f          bytes: varint length, bytes
//	0x10          JSON: varint length, bytes
//	0x11          a [json.Number]: text
//	0x12          a list: varint number of values, values
//	0x13          an object: varint number of fields, each a text and a value
//	0x14          at the beginning of a record: its key is known, and the record follows
//	0x15          instead of a record: varint number of a phrasebook, the record as a block of S2 ([Squeeze])
//	0x20 to 0x3f  the integers 0 to 31
//	0x40 to 0x7f  a text of 0 to 63 bytes: bytes
//	0x80 to 0xbf  one of the texts 0 to 63 that came before
//	0xc0 to 0xff  one of the words 0 to 63
//
// Texts of at least 4 bytes that are none of the dictionary have the numbers 0, 1, … in their order. Where the key is known,
// the first are those of the key: itself, what follows each of its separators (":", "/" and "#"), and what is between them; and
// the first instant is since the last that the key names. Varints are those of encoding/binary.
package pack

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	tagNull byte = iota
	tagFalse
	tagTrue
	tagInt
	tagUint
	tagFloat
	tagWhole
	tagText
	tagAgain
	tagLonger
	tagWord
	tagTime
	tagStamp
	tagDecimal
	tagBig
	tagBytes
	tagJSON
	tagNumber
	tagList
	tagObject
	tagKeyed
	tagSqueezed

	few        byte = 0x20 // + the integer
	shortText  byte = 0x40 // + the length
	recentText byte = 0x80 // + the number
	commonWord byte = 0xc0 // + the number

	fewMost   = 31
	shortMost = 63

	minText  = 4 // bytes of a text that gets a number
	minAlike = 6 // bytes that a text must have in common with one before

	separators = ":/#"
	instant    = "2006-01-02T15:04:05.000000" // in a key
)

// known returns what a record need not say because its key does: texts, and the microseconds of an instant, 0 if the key
// names none.
func known(key string) (texts []string, last int64) {
	know := func(s string) {
		if len(s) >= minText && !slices.Contains(texts, s) {
			texts = append(texts, s)
		}
	}
	know(key)
	for rest := key; ; {
		i := strings.IndexAny(rest, separators)
		if i < 0 {
			break
		}
		know(rest[:i])
		rest = rest[i+1:]
		know(rest)
	}
	for at := 0; at+len(instant) <= len(key); at++ {
		if key[at+4] == '-' && key[at+10] == 'T' {
			if t, err := time.Parse(instant, key[at:at+len(instant)]); err == nil {
				last = t.UnixMicro()
			}
		}
	}
	return texts, last
}

// A Writer appends values.
type Writer struct {
	b     []byte
	texts []string
	last  int64 // microseconds of the last instant
}

// Bytes returns what was written.
func (w *Writer) Bytes() []byte { return w.b }

// keyed lets a record say nothing again that its key says.
func (w *Writer) keyed(key string) {
	if texts, last := known(key); len(texts) > 0 {
		w.texts, w.last = texts, last
		w.tag(tagKeyed)
	}
}

func (w *Writer) tag(t byte) { w.b = append(w.b, t) }

func (w *Writer) uint(t byte, n uint64) { w.b = binary.AppendUvarint(append(w.b, t), n) }

func (w *Writer) int(n int64) {
	if n >= 0 && n <= fewMost {
		w.tag(few + byte(n))
		return
	}
	w.b = binary.AppendVarint(append(w.b, tagInt), n)
}

func (w *Writer) float(f float64) {
	if n := int64(f); float64(n) == f && n > -1<<53 && n < 1<<53 && (n != 0 || !math.Signbit(f)) {
		w.b = binary.AppendVarint(append(w.b, tagWhole), n)
		return
	}
	w.b = binary.BigEndian.AppendUint64(append(w.b, tagFloat), math.Float64bits(f))
}

func (w *Writer) bytes(t byte, b []byte) {
	w.uint(t, uint64(len(b)))
	w.b = append(w.b, b...)
}

func (w *Writer) text(s string) {
	if n, ok := words[s]; ok {
		if n <= shortMost {
			w.tag(commonWord + byte(n))
		} else {
			w.uint(tagWord, uint64(n))
		}
		return
	}
	if len(s) < minText {
		w.literal(s)
		return
	}
	best, alike := 0, 0
	for i, before := range slices.Backward(w.texts) {
		n := common(before, s)
		if n == len(s) && n == len(before) {
			if i <= shortMost {
				w.tag(recentText + byte(i))
			} else {
				w.uint(tagAgain, uint64(i))
			}
			return
		}
		if n > alike {
			best, alike = i, n
		}
	}
	w.texts = append(w.texts, s)
	if alike < minAlike {
		w.literal(s)
		return
	}
	w.uint(tagLonger, uint64(best))
	w.b = binary.AppendUvarint(w.b, uint64(alike))
	w.b = binary.AppendUvarint(w.b, uint64(len(s)-alike))
	w.b = append(w.b, s[alike:]...)
}

func (w *Writer) literal(s string) {
	if len(s) <= shortMost {
		w.tag(shortText + byte(len(s)))
	} else {
		w.uint(tagText, uint64(len(s)))
	}
	w.b = append(w.b, s...)
}

// common returns how many bytes two texts have in common at their beginning.
func common(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (w *Writer) time(t time.Time) error {
	if t.Location() != time.UTC || t.Nanosecond()%1000 != 0 {
		text, err := t.MarshalText()
		w.tag(tagStamp)
		w.text(string(text))
		return err
	}
	at := t.UnixMicro()
	w.b = binary.AppendVarint(append(w.b, tagTime), at-w.last)
	w.last = at
	return nil
}

// A Reader reads values in the order in which they were written.
type Reader struct {
	s     string // what is left
	texts []string
	last  int64
	err   error
}

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err, r.s = err, ""
	}
}

// begin begins to read a record that is kept under a key, and returns the tag of what follows.
func (r *Reader) begin(key string, record []byte) byte {
	record, err := Expand(record)
	if err != nil {
		r.fail(err)
		return tagNull
	}
	r.s = string(record)
	t := r.tag()
	if t == tagKeyed {
		r.texts, r.last = known(key)
		t = r.tag()
	}
	return t
}

// end returns what was wrong with a record that has been read.
func (r *Reader) end() error {
	if r.s != "" {
		r.fail(errMore)
	}
	return r.err
}

func (r *Reader) take(n uint64) string {
	if n > uint64(len(r.s)) {
		r.fail(errShort)
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

// tag returns the next byte, 0 if there is none.
func (r *Reader) tag() byte {
	if s := r.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (r *Reader) uvarint() (n uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := r.tag()
		if shift == 63 && b > 1 {
			break
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.fail(errVarint)
	return 0
}

func (r *Reader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

// count returns how many values or fields follow.
func (r *Reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.s)) { // each has at least a byte
		r.fail(errShort)
		return 0
	}
	return int(n)
}

func (r *Reader) float(t byte) float64 {
	if t == tagWhole {
		return float64(r.varint())
	}
	if s := r.take(8); s != "" {
		return math.Float64frombits(binary.BigEndian.Uint64([]byte(s)))
	}
	return 0
}

// isText tells whether a tag is that of a text.
func isText(t byte) bool { return t >= shortText || t >= tagText && t <= tagWord }

// text returns the text that a tag begins.
func (r *Reader) text(t byte) string {
	switch {
	case t >= commonWord:
		return r.word(uint64(t - commonWord))
	case t >= recentText:
		return r.before(uint64(t - recentText))
	case t >= shortText:
		return r.literal(uint64(t - shortText))
	}
	switch t {
	case tagText:
		return r.literal(r.uvarint())
	case tagAgain:
		return r.before(r.uvarint())
	case tagWord:
		return r.word(r.uvarint())
	case tagLonger:
		like, n := r.before(r.uvarint()), r.uvarint()
		rest := r.take(r.uvarint())
		if n > uint64(len(like)) {
			r.fail(errShort)
			return ""
		}
		return r.know(like[:n] + rest)
	}
	r.unexpected(t, "a text")
	return ""
}

func (r *Reader) literal(n uint64) string { return r.know(r.take(n)) }

func (r *Reader) know(s string) string {
	if len(s) >= minText {
		r.texts = append(r.texts, s)
	}
	return s
}

func (r *Reader) before(n uint64) string {
	if n >= uint64(len(r.texts)) {
		r.fail(errNumber)
		return ""
	}
	return r.texts[n]
}

func (r *Reader) word(n uint64) string {
	if n >= uint64(len(dictionary)) {
		r.fail(errNumber)
		return ""
	}
	return dictionary[n]
}

func (r *Reader) time(t byte) (at time.Time) {
	switch t {
	case tagTime:
		r.last += r.varint()
		return time.UnixMicro(r.last).UTC()
	case tagStamp:
		if err := at.UnmarshalText([]byte(r.text(r.tag()))); err != nil {
			r.fail(err)
		}
	default:
		r.unexpected(t, "a time")
	}
	return at
}

// dictionary is the words that have numbers. Records hold the numbers, so words are only ever added, at the end; the
// first 64 take one byte.
var dictionary = strings.Fields(dictionaryText)

var words = func() map[string]int {
	m := make(map[string]int, len(dictionary))
	for i, w := range dictionary {
		m[w] = i
	}
	return m
}()
