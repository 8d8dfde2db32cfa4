package ranktree

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// inline is the longest name that is kept in the member itself. A UUID fits.
const inline = 43

// A member is what is kept of one besides the place in the order. It fills a cache line, so that the
// name and the key cost one look into memory.
type member struct {
	position, reached int64
	size              uint32 // of the name
	present           bool
	name              [inline]byte // or, of a longer one, where it begins in the text
}

// members numbers names from 0. It is a hash table without pointers; names are never removed.
type members struct {
	seed  maphash.Seed
	slots []slot // a power of two
	all   []member
	text  []byte // the longer names one after another
}

// A slot holds a name's number. Comparing hashes first saves most looks at names.
type slot struct {
	hash uint32
	next uint32 // the number + 1, 0 if the slot is empty
}

// grow makes room for n names in all.
func (m *members) grow(n int) {
	size := 16
	for size*3/4 <= n {
		size *= 2
	}
	if m.slots == nil {
		m.seed = maphash.MakeSeed()
		m.all = make([]member, 0, n)
	}
	m.slots = make([]slot, size)
	for id := range m.all {
		hash := maphash.Bytes(m.seed, m.bytes(uint32(id)))
		at := m.home(hash)
		for m.slots[at].next != 0 {
			at = m.after(at)
		}
		m.slots[at] = slot{uint32(hash >> 32), uint32(id) + 1}
	}
}

func (m *members) home(hash uint64) int { return int(hash) & (len(m.slots) - 1) }

func (m *members) after(slot int) int { return (slot + 1) & (len(m.slots) - 1) }

// slot returns where a name with a hash stands, or where it would, and whether it does.
func (m *members) slot(name string, hash uint64) (at int, ok bool) {
	for at = m.home(hash); ; at = m.after(at) {
		s := m.slots[at]
		switch {
		case s.next == 0:
			return at, false
		case s.hash == uint32(hash>>32) && string(m.bytes(s.next-1)) == name:
			return at, true
		}
	}
}

// find returns the number of a name and whether it has one.
func (m *members) find(name string) (uint32, bool) {
	at, ok := m.slot(name, maphash.String(m.seed, name))
	if !ok {
		return 0, false
	}
	return m.slots[at].next - 1, true
}

// add returns the number of a name, which may be new.
func (m *members) add(name string) uint32 {
	hash := maphash.String(m.seed, name)
	at, ok := m.slot(name, hash)
	if ok {
		return m.slots[at].next - 1
	}
	id := uint32(len(m.all))
	one := member{size: uint32(len(name))}
	if copy(one.name[:], name) < len(name) {
		binary.NativeEndian.PutUint64(one.name[:], uint64(len(m.text)))
		m.text = append(m.text, name...)
	}
	m.all = append(m.all, one)
	m.slots[at] = slot{uint32(hash >> 32), id + 1}
	if len(m.all) > len(m.slots)*3/4 {
		m.grow(len(m.all))
	}
	return id
}

// bytes returns a name, which must not be modified.
func (m *members) bytes(id uint32) []byte {
	one := &m.all[id]
	if one.size <= inline {
		return one.name[:one.size]
	}
	start := binary.NativeEndian.Uint64(one.name[:])
	return m.text[start : start+uint64(one.size)]
}

func (m *members) less(a, b uint32) bool { return bytes.Compare(m.bytes(a), m.bytes(b)) < 0 }

// key returns the key of a member that is present.
func (m *members) key(id uint32) key {
	return key{m.all[id].position, m.all[id].reached, id}
}
