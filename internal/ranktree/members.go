package ranktree

import (
	"bytes"
	"hash/maphash"
)

// members numbers names from 0. It is a hash table without pointers; names are never removed.
type members struct {
	seed  maphash.Seed
	slots []uint32 // a power of two; number + 1, or 0
	text  []byte   // the names one after another
	ends  []uint64 // of each name in text
}

// grow makes room for n names in all.
func (m *members) grow(n int) {
	size := 16
	for size*3/4 <= n {
		size *= 2
	}
	if m.slots == nil {
		m.seed = maphash.MakeSeed()
		m.ends = make([]uint64, 0, n)
	}
	m.slots = make([]uint32, size)
	for id := range m.ends {
		at := m.home(maphash.Bytes(m.seed, m.bytes(uint32(id))))
		for m.slots[at] != 0 {
			at = m.next(at)
		}
		m.slots[at] = uint32(id) + 1
	}
}

func (m *members) home(hash uint64) int { return int(hash) & (len(m.slots) - 1) }

func (m *members) next(slot int) int { return (slot + 1) & (len(m.slots) - 1) }

// slot returns where a name stands, or where it would, and whether it does.
func (m *members) slot(name string) (at int, ok bool) {
	for at = m.home(maphash.String(m.seed, name)); ; at = m.next(at) {
		id := m.slots[at]
		if id == 0 || string(m.bytes(id-1)) == name {
			return at, id != 0
		}
	}
}

func (m *members) find(name string) (uint32, bool) {
	at, ok := m.slot(name)
	if !ok {
		return 0, false
	}
	return m.slots[at] - 1, true
}

// add returns the number of a name and whether it had one.
func (m *members) add(name string) (id uint32, known bool) {
	at, ok := m.slot(name)
	if ok {
		return m.slots[at] - 1, true
	}
	id = uint32(len(m.ends))
	m.text = append(m.text, name...)
	m.ends = append(m.ends, uint64(len(m.text)))
	if m.slots[at] = id + 1; len(m.ends) > len(m.slots)*3/4 {
		m.grow(len(m.ends))
	}
	return id, false
}

func (m *members) bytes(id uint32) []byte {
	var start uint64
	if id > 0 {
		start = m.ends[id-1]
	}
	return m.text[start:m.ends[id]]
}

func (m *members) name(id uint32) string { return string(m.bytes(id)) }

func (m *members) less(a, b uint32) bool { return bytes.Compare(m.bytes(a), m.bytes(b)) < 0 }
