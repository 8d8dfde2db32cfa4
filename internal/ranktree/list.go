package ranktree

import "slices"

// A key orders a member. It holds no pointers.
type key struct {
	position, reached int64
	member            uint32
}

// blockSize is how many keys a block holds: few enough to be moved in a moment, so many that blocks
// are few. With two more a block would not fit into 12 kB and take a tenth more. It is even.
const blockSize = 510

type block struct {
	n    int
	keys [blockSize]key
}

func (b *block) used() []key { return b.keys[:b.n] }

func (b *block) insert(i int, k key) {
	copy(b.keys[i+1:b.n+1], b.keys[i:b.n])
	b.keys[i] = k
	b.n++
}

func (b *block) remove(i int) {
	copy(b.keys[i:], b.keys[i+1:b.n])
	b.n--
}

// A list is a sorted sequence of keys, cut into blocks. No block is empty.
type list struct {
	names  *members
	n      int
	blocks []*block
	firsts []key // of each block, side by side for the search
	// sums is a Fenwick tree of the blocks' sizes: sums[i] is that of the lowest set bit of i+1 many
	// blocks up to i.
	sums []int
}

func (l *list) less(a, b *key) bool {
	switch {
	case a.position != b.position:
		return a.position < b.position
	case a.reached != b.reached:
		return a.reached < b.reached
	case a.member == b.member:
		return false
	}
	return l.names.less(a.member, b.member)
}

// search returns how many of the sorted keys are less than k.
func (l *list) search(keys []key, k *key) int {
	low, high := 0, len(keys)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if l.less(&keys[mid], k) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// block returns the block that k belongs into. There must be one.
func (l *list) block(k *key) int {
	b := l.search(l.firsts, k)
	if b < len(l.firsts) && l.firsts[b] == *k {
		return b
	}
	return max(0, b-1)
}

// insert adds a key that is not there.
func (l *list) insert(k key) {
	l.n++
	if len(l.blocks) == 0 {
		l.add(0, &block{}, k)
		return
	}
	b := len(l.blocks) - 1
	in := l.blocks[b]
	i := in.n
	if !l.less(&in.keys[i-1], &k) { // it does not grow at the end, as when it is read in
		b = l.block(&k)
		in = l.blocks[b]
		i = l.search(in.used(), &k)
	}
	if in.n < blockSize {
		in.insert(i, k)
		l.firsts[b] = in.keys[0]
		l.count(b, 1)
		return
	}
	if i == blockSize && b == len(l.blocks)-1 { // growing at the end leaves full blocks behind
		l.add(b+1, &block{}, k)
		return
	}
	half := &block{n: blockSize / 2}
	copy(half.keys[:], in.keys[blockSize/2:])
	in.n = blockSize / 2
	to, at := in, i
	if i > blockSize/2 {
		to, at = half, i-blockSize/2
	}
	to.insert(at, k)
	l.blocks = slices.Insert(l.blocks, b+1, half)
	l.firsts = slices.Insert(l.firsts, b+1, half.keys[0])
	l.firsts[b] = in.keys[0]
	l.recount()
}

// add adds a block that holds nothing but k.
func (l *list) add(b int, with *block, k key) {
	with.insert(0, k)
	l.blocks = slices.Insert(l.blocks, b, with)
	l.firsts = slices.Insert(l.firsts, b, k)
	l.recount()
}

// remove removes a key that is there.
func (l *list) remove(k key) {
	l.n--
	b := l.block(&k)
	in := l.blocks[b]
	in.remove(l.search(in.used(), &k))
	if in.n >= blockSize/4 {
		l.firsts[b] = in.keys[0]
		l.count(b, -1)
		return
	}
	l.shrink(b)
}

// shrink drops a small block if its keys fit into a neighbour with room to spare.
func (l *list) shrink(b int) {
	const most = blockSize * 3 / 4
	in := l.blocks[b]
	drop := -1
	switch {
	case in.n == 0:
		drop = b
	case b > 0 && l.blocks[b-1].n+in.n <= most:
		left := l.blocks[b-1]
		left.n += copy(left.keys[left.n:], in.used())
		drop = b
	case b+1 < len(l.blocks) && l.blocks[b+1].n+in.n <= most:
		in.n += copy(in.keys[in.n:], l.blocks[b+1].used())
		drop = b + 1
	}
	if in.n > 0 {
		l.firsts[b] = in.keys[0]
	}
	if drop < 0 {
		l.count(b, -1)
		return
	}
	l.blocks = slices.Delete(l.blocks, drop, drop+1)
	l.firsts = slices.Delete(l.firsts, drop, drop+1)
	l.recount()
}

// move replaces a key that is there by one that is not.
func (l *list) move(from, to key) {
	b := l.block(&from)
	if b != l.block(&to) {
		l.remove(from)
		l.insert(to)
		return
	}
	// Within a block, only what lies between the two places moves.
	in := l.blocks[b]
	keys := in.used()
	i, j := l.search(keys, &from), l.search(keys, &to)
	if i < j {
		j--
		copy(keys[i:j], keys[i+1:j+1])
	} else {
		copy(keys[j+1:i+1], keys[j:i])
	}
	keys[j] = to
	l.firsts[b] = keys[0]
}

// place returns how many keys are less than k.
func (l *list) place(k key) int {
	if len(l.blocks) == 0 {
		return 0
	}
	b := l.block(&k)
	n := l.search(l.blocks[b].used(), &k)
	for i := b; i > 0; i &= i - 1 {
		n += l.sums[i-1]
	}
	return n
}

// ceiling returns the least key that is not less than k.
func (l *list) ceiling(k key) (key, bool) {
	if len(l.blocks) == 0 {
		return key{}, false
	}
	b := l.block(&k)
	if i := l.search(l.blocks[b].used(), &k); i < l.blocks[b].n {
		return l.blocks[b].keys[i], true
	}
	if b+1 == len(l.blocks) {
		return key{}, false
	}
	return l.firsts[b+1], true
}

// at returns the block of the key at a place, and its place in there.
func (l *list) at(place int) (b, i int) {
	step := 1
	for step*2 <= len(l.sums) {
		step *= 2
	}
	for ; step > 0; step /= 2 {
		if b+step <= len(l.sums) && l.sums[b+step-1] <= place {
			place -= l.sums[b+step-1]
			b += step
		}
	}
	return b, place
}

// count notes that the size of a block has changed.
func (l *list) count(b, by int) {
	for i := b + 1; i <= len(l.sums); i += i & -i {
		l.sums[i-1] += by
	}
}

// recount notes that there are other blocks.
func (l *list) recount() {
	l.sums = slices.Grow(l.sums[:0], len(l.blocks))[:len(l.blocks)]
	for i, b := range l.blocks {
		l.sums[i] = b.n
	}
	for i := 1; i <= len(l.sums); i++ {
		if up := i + i&-i; up <= len(l.sums) {
			l.sums[up-1] += l.sums[i-1]
		}
	}
}
