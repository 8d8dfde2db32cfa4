package ranktree

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// members keeps names, each with what ranks it, and finds them by their hash. Names are never removed.
// There are no pointers but to the chunks.
type members struct {
	seed   maphash.Seed
	slots  []slot
	n      int
	chunks [][]byte // records one after another
}

// A record has a position, a time, the length of the name and whether the member is present, and the name:
// side by side, so that all of it costs one look into memory. Its number is its place, counted in steps.
const (
	reachedAt = 8
	sizeAt    = 16 // twice the length, one more if the member is present
	nameAt    = 20

	step       = 8
	chunkSteps = 8192
)

var order = binary.NativeEndian

// A slot holds a record's number. Comparing hashes first saves nearly all looks at other names.
type slot struct {
	hash uint32
	next uint32 // the number + 1, 0 if the slot is empty
}

// grow makes room for n names in all.
func (m *members) grow(n int) {
	if m.slots == nil {
		m.seed = maphash.MakeSeed()
	}
	old := m.slots
	m.slots = make([]slot, n+n/3+16)
	for _, s := range old {
		if s.next == 0 {
			continue
		}
		at := m.home(s.hash)
		for m.slots[at].next != 0 {
			at = m.after(at)
		}
		m.slots[at] = s
	}
}

func (m *members) hash(name string) uint32 { return uint32(maphash.String(m.seed, name)) }

// home returns where the search for a hash begins.
func (m *members) home(hash uint32) int { return int(uint64(hash) * uint64(len(m.slots)) >> 32) }

func (m *members) after(slot int) int {
	if slot++; slot < len(m.slots) {
		return slot
	}
	return 0
}

// slot returns where a name with a hash stands, or where it would, and whether it does.
func (m *members) slot(name string, hash uint32) (at int, ok bool) {
	for at = m.home(hash); ; at = m.after(at) {
		s := m.slots[at]
		switch {
		case s.next == 0:
			return at, false
		case s.hash == hash && string(m.bytes(s.next-1)) == name:
			return at, true
		}
	}
}

// find returns the number of a name and whether it has one.
func (m *members) find(name string) (uint32, bool) {
	at, ok := m.slot(name, m.hash(name))
	if !ok {
		return 0, false
	}
	return m.slots[at].next - 1, true
}

// add returns the number of a name with a hash, which may be new.
func (m *members) add(name string, hash uint32) uint32 {
	at, ok := m.slot(name, hash)
	if ok {
		return m.slots[at].next - 1
	}
	id := m.write(name)
	m.slots[at] = slot{hash, id + 1}
	m.n++
	if m.n > len(m.slots)/4*3 {
		m.grow(2 * m.n)
	}
	return id
}

// write adds the record of a name, which is not present.
func (m *members) write(name string) uint32 {
	size := (nameAt + len(name) + step - 1) / step * step
	last := len(m.chunks) - 1
	switch {
	case last < 0:
		m.chunks = append(m.chunks, nil) // may stay small
		last++
	case len(m.chunks[last])+size > chunkSteps*step:
		m.chunks = append(m.chunks, make([]byte, 0, max(chunkSteps*step, size)))
		last++
	}
	start := len(m.chunks[last])
	m.chunks[last] = append(m.chunks[last], make([]byte, size)...)
	id := uint32(last*chunkSteps + start/step)
	order.PutUint32(m.record(id)[sizeAt:], uint32(len(name))<<1)
	copy(m.record(id)[nameAt:], name)
	return id
}

// record returns a record and what follows it.
func (m *members) record(id uint32) []byte { return m.chunks[id/chunkSteps][id%chunkSteps*step:] }

func (m *members) size(id uint32) int { return int(order.Uint32(m.record(id)[sizeAt:]) >> 1) }

func (m *members) present(id uint32) bool { return order.Uint32(m.record(id)[sizeAt:])&1 != 0 }

// key returns the key of a member that is present.
func (m *members) key(id uint32) key {
	r := m.record(id)
	return key{int64(order.Uint64(r)), int64(order.Uint64(r[reachedAt:])), id}
}

// set makes a member present with a key.
func (m *members) set(k key) {
	r := m.record(k.member)
	order.PutUint64(r, uint64(k.position))
	order.PutUint64(r[reachedAt:], uint64(k.reached))
	order.PutUint32(r[sizeAt:], uint32(m.size(k.member))<<1|1)
}

// remove makes a member absent.
func (m *members) remove(id uint32) {
	order.PutUint32(m.record(id)[sizeAt:], uint32(m.size(id))<<1)
}

// bytes returns a name, which must not be modified.
func (m *members) bytes(id uint32) []byte { return m.record(id)[nameAt:][:m.size(id)] }

func (m *members) less(a, b uint32) bool { return bytes.Compare(m.bytes(a), m.bytes(b)) < 0 }
