// Package ranktree keeps the members of a ranking in order and counts how many are ahead of whom. A
// million members with names of 16 bytes take less than 80 MB, none of it for the garbage collector to walk.
package ranktree

import (
	"math"
	"strings"
)

// An Entry is a member with what ranks it: the smaller position comes first, of equal ones that which
// was reached earlier, of these the member whose name is less.
type Entry struct {
	Member            string
	Position, Reached int64
}

// A Tree is a ranking. The cost of every method grows with the logarithm of its size, and of one that
// returns entries with their number. It must not be used while [Tree.Set] or [Tree.Remove] runs.
type Tree struct {
	members members
	order   list
	levels  list // the distinct positions, if they are counted
	dense   bool
}

// New returns an empty ranking with room for n members. Only with dense does [Tree.Levels] count.
func New(n int, dense bool) *Tree {
	t := &Tree{dense: dense}
	t.members.grow(n)
	t.order.names, t.levels.names = &t.members, &t.members
	return t
}

// Len returns the number of members.
func (t *Tree) Len() int { return t.order.n }

// atOnce is how many names are hashed before the first of their entries is set: a processor waits for
// many names at once no longer than for one.
const atOnce = 64

// Set puts members where entries say, from wherever they were, in their order.
func (t *Tree) Set(entries ...Entry) {
	var hashes [atOnce]uint32
	for len(entries) > 0 {
		some := entries[:min(len(entries), atOnce)]
		for i := range some {
			hashes[i] = t.members.hash(some[i].Member)
		}
		for i := range some {
			t.set(&some[i], hashes[i])
		}
		entries = entries[len(some):]
	}
}

func (t *Tree) set(e *Entry, hash uint32) {
	id := t.members.add(e.Member, hash)
	from, to := t.members.key(id), key{e.Position, e.Reached, id}
	before := t.members.present(id)
	if before && from == to {
		return
	}
	leaps := !before || from.position != to.position
	if leaps {
		t.raise(to.position)
	}
	t.members.set(to)
	if !before {
		t.order.insert(to)
		return
	}
	t.order.move(from, to)
	if leaps {
		t.lower(from.position)
	}
}

// Remove takes a member out, if it is there. Its name stays known, and takes its memory.
func (t *Tree) Remove(member string) {
	id, ok := t.find(member)
	if !ok {
		return
	}
	t.members.remove(id)
	from := t.members.key(id)
	t.order.remove(from)
	t.lower(from.position)
}

func (t *Tree) find(member string) (id uint32, ok bool) {
	id, ok = t.members.find(member)
	return id, ok && t.members.present(id)
}

// raise counts the level of a position that a member is about to take.
func (t *Tree) raise(position int64) {
	if t.dense && !t.taken(position) {
		t.levels.insert(key{position: position})
	}
}

// lower counts the level of a position that a member has left.
func (t *Tree) lower(position int64) {
	if t.dense && !t.taken(position) {
		t.levels.remove(key{position: position})
	}
}

// front is ahead of every key with the same position.
func front(position int64) key { return key{position: position, reached: math.MinInt64} }

func (t *Tree) taken(position int64) bool {
	k, ok := t.order.ceiling(front(position))
	return ok && k.position == position
}

// Find returns a member's entry and whether there is one.
func (t *Tree) Find(member string) (Entry, bool) {
	id, ok := t.find(member)
	if !ok {
		return Entry{}, false
	}
	k := t.members.key(id)
	return Entry{member, k.position, k.reached}, true
}

// Place returns how many members are ahead of a member, which must be there.
func (t *Tree) Place(member string) int {
	id, _ := t.find(member)
	return t.order.place(t.members.key(id))
}

// Ahead returns how many members have a smaller position.
func (t *Tree) Ahead(position int64) int { return t.order.place(front(position)) }

// Levels returns how many smaller positions are taken.
func (t *Tree) Levels(position int64) int { return t.levels.place(key{position: position}) }

// Slice returns up to n entries from the given place on.
func (t *Tree) Slice(place, n int) []Entry {
	n = max(0, min(n, t.Len()-place))
	entries := make([]Entry, 0, n)
	var space [16]uint32 // saves an allocation where it suffices
	ids := space[:0]
	size := 0
	for b, i := t.order.at(place); len(entries) < n; b, i = b+1, 0 {
		keys := t.order.blocks[b].used()[i:]
		for _, k := range keys[:min(len(keys), n-len(entries))] {
			entries = append(entries, Entry{Position: k.position, Reached: k.reached})
			ids = append(ids, k.member)
			size += t.members.size(k.member)
		}
	}
	// One text for all names, of which each is a part.
	var text strings.Builder
	text.Grow(size)
	for _, id := range ids {
		text.Write(t.members.bytes(id))
	}
	names := text.String()
	for i, id := range ids {
		end := t.members.size(id)
		entries[i].Member, names = names[:end], names[end:]
	}
	return entries
}
