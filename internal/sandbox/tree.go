package sandbox

// tree finds the states of rows by their numbers. Copies share their nodes:
// who changes one copies the few nodes on the way, but only once, for a node
// remembers which transaction made it.
type tree struct {
	root   *node
	height int // levels below the root
}

const (
	nodeBits = 5
	nodeSize = 1 << nodeBits
)

type node struct {
	owner    *byte                // mark of the transaction that made it
	children *[nodeSize]*node     // of an inner node
	states   *[nodeSize]*rowState // of a leaf
}

func (t *tree) get(row int) *rowState {
	if t.root == nil || row>>(nodeBits*(t.height+1)) != 0 {
		return nil
	}
	n := t.root
	for shift := nodeBits * t.height; shift > 0; shift -= nodeBits {
		if n = n.children[row>>shift&(nodeSize-1)]; n == nil {
			return nil
		}
	}
	return n.states[row&(nodeSize-1)]
}

func (t *tree) set(mark *byte, row int, s *rowState) {
	if t.root == nil {
		t.root = newNode(mark, 0)
	}
	for row>>(nodeBits*(t.height+1)) != 0 {
		t.height++
		root := newNode(mark, t.height)
		root.children[0] = t.root
		t.root = root
	}
	n := t.root.own(mark)
	t.root = n
	for level := t.height; level > 0; level-- {
		at := &n.children[row>>(nodeBits*level)&(nodeSize-1)]
		if *at == nil {
			*at = newNode(mark, level-1)
		}
		*at = (*at).own(mark)
		n = *at
	}
	n.states[row&(nodeSize-1)] = s
}

func newNode(mark *byte, level int) *node {
	if level > 0 {
		return &node{owner: mark, children: new([nodeSize]*node)}
	}
	return &node{owner: mark, states: new([nodeSize]*rowState)}
}

// own returns the node itself when the transaction made it, else a copy.
func (n *node) own(mark *byte) *node {
	if n.owner == mark {
		return n
	}
	m := &node{owner: mark}
	if n.children != nil {
		c := *n.children
		m.children = &c
	}
	if n.states != nil {
		s := *n.states
		m.states = &s
	}
	return m
}
