package pack

import (
	_ "embed"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// Of records of a game, much is alike: which fields follow one another, and what they most often say. A phrasebook is a
// sample of records, in the form that they have before they are squeezed; what a record has in common with it is said by
// reference ([S2]). Records hold the number of theirs, so phrasebooks are never changed: a better one is added at the end.
//
// [Phrasebook] makes one.
//
// [S2]: https://pkg.go.dev/github.com/klauspost/compress/s2#hdr-Dictionaries
var phrasebooks = []*s2.Dict{s2.MakeDict(phrases0, nil)}

//go:embed phrases0
var phrases0 []byte

const (
	minSqueezed = 32       // bytes of a record that is worth it
	maxExpanded = 64 << 20 // bytes of a record
)

// Squeeze returns a record in fewer bytes, or as it is. What reads records reads it.
func Squeeze(record []byte) []byte {
	if len(record) < minSqueezed {
		return record
	}
	n := len(phrasebooks) - 1
	head := binary.AppendUvarint([]byte{tagSqueezed}, uint64(n))
	room := make([]byte, len(head)+s2.MaxEncodedLen(len(record)))
	block := phrasebooks[n].Encode(room[len(head):], record)
	if len(head)+len(block) >= len(record) {
		return record
	}
	copy(room, head)
	return room[:len(head)+len(block)]
}

// Expand returns the record that Squeeze was given, or that is none that was squeezed.
func Expand(record []byte) ([]byte, error) {
	if len(record) == 0 || record[0] != tagSqueezed {
		return record, nil
	}
	n, size := binary.Uvarint(record[1:])
	if size <= 0 {
		return nil, errShort
	}
	if n >= uint64(len(phrasebooks)) {
		return nil, fmt.Errorf("pack: phrasebook %d is not known", n)
	}
	block := record[1+size:]
	if length, err := s2.DecodedLen(block); err != nil || length > maxExpanded {
		return nil, fmt.Errorf("pack: a record is damaged or longer than %d bytes", maxExpanded)
	}
	wide, err := phrasebooks[n].Decode(nil, block)
	if err != nil {
		return nil, fmt.Errorf("pack: a record is damaged: %w", err)
	}
	return wide, nil
}

// wellKnown is what share of its bytes a record takes at most that a phrasebook knows.
const wellKnown = 0.42

// Phrasebook returns a phrasebook of at most size bytes: those of the records, which are not squeezed, that the ones before
// them do not say.
func Phrasebook(samples [][]byte, size int) []byte {
	var book []byte
	for _, record := range samples {
		if len(book)+len(record) > size {
			continue
		}
		if float64(Squeezed([][]byte{record}, book)) > wellKnown*float64(len(record)) {
			book = append(book, record...)
		}
	}
	return book
}

// Squeezed returns how many bytes records take with a phrasebook.
func Squeezed(records [][]byte, book []byte) (n int) {
	dict := s2.MakeDict(book, nil) // nil if the book is too short
	for _, record := range records {
		size := len(record)
		if dict != nil {
			size = min(size, len(dict.Encode(make([]byte, s2.MaxEncodedLen(len(record))), record)))
		}
		n += size
	}
	return n
}
