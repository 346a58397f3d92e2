package parquetrows

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What a footer may claim. The library makes room for what lists say that they hold before it reads them, and what it runs out
// of ends the process: 23 bytes are enough. Security Lake's files have some hundred columns and a few groups of rows.
const (
	maxStructs  = 1 << 16 // each takes up to a kilobyte in memory and a byte in the file
	maxElements = 1 << 20 // of lists of anything else
	maxNesting  = 32      // of structs and lists
	maxLevels   = 64      // of groups of columns
)

// Types of Thrift's compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
const (
	typeTrue   = 1
	typeFalse  = 2
	typeI8     = 3
	typeI16    = 4
	typeI32    = 5
	typeI64    = 6
	typeDouble = 7
	typeBinary = 8
	typeList   = 9
	typeSet    = 10
	typeMap    = 11
	typeStruct = 12
	typeUUID   = 13
)

// errFooter is what a footer is that says more than it holds or than anybody writes.
var errFooter = errors.New("parquet footer claims more than it can hold")

// thrift walks a value without keeping any of it.
type thrift struct {
	b        []byte // what is not read yet
	structs  int
	elements int
	bad      bool
}

// checkMetadata refuses a footer that would take much more memory than its bytes.
func checkMetadata(footer []byte) error {
	t := thrift{b: footer}
	t.structure(0, func(id int, kind byte) bool {
		if id != 2 || kind != typeList {
			return false
		}
		t.schema()
		return true
	})
	if t.bad {
		return fmt.Errorf("%w: %d bytes, of which the last %d were not read", errFooter, len(footer), len(t.b))
	}
	return nil
}

// schema walks the columns, which stand in the order of a tree: each says how many of the next are its children.
func (t *thrift) schema() {
	n, kind := t.list()
	var open []uint64
	for range n {
		var children uint64
		if kind != typeStruct {
			t.bad = true
		}
		t.structure(2, func(id int, kind byte) bool {
			if id == 5 && kind == typeI32 {
				children = t.uvarint() >> 1 // zigzag; nobody has fewer than none
				return true
			}
			return false
		})
		if children > 0 {
			open = append(open, children)
		}
		for children == 0 && len(open) > 0 {
			if open[len(open)-1]--; open[len(open)-1] > 0 {
				break
			}
			open = open[:len(open)-1]
		}
		if t.bad = t.bad || len(open) > maxLevels; t.bad {
			return
		}
	}
}

// structure walks the fields of a struct; visit reports whether it has read the field's value.
func (t *thrift) structure(depth int, visit func(id int, kind byte) bool) {
	t.structs++
	if depth > maxNesting || t.structs > maxStructs {
		t.bad = true
	}
	for id := 0; !t.bad; {
		head := t.byte()
		if head == 0 {
			return
		}
		if delta := int(head >> 4); delta > 0 {
			id += delta
		} else {
			n := t.uvarint()
			id = int(int16(n>>1) ^ -int16(n&1))
		}
		if kind := head & 15; visit == nil || !visit(id, kind) {
			t.value(kind, depth, true)
		}
	}
}

// value walks a value. A field's truth is in its type, that of an element is a byte.
func (t *thrift) value(kind byte, depth int, field bool) {
	switch kind {
	case typeTrue, typeFalse:
		if !field {
			t.skip(1)
		}
	case typeI8:
		t.skip(1)
	case typeI16, typeI32, typeI64:
		t.uvarint()
	case typeDouble:
		t.skip(8)
	case typeUUID:
		t.skip(16)
	case typeBinary:
		t.skip(t.uvarint())
	case typeStruct:
		t.structure(depth+1, nil)
	case typeList, typeSet:
		n, kind := t.list()
		t.values(n, depth, kind)
	case typeMap:
		if n := t.size(t.uvarint()); n > 0 {
			kinds := t.byte()
			t.values(n, depth, kinds>>4, kinds&15)
		}
	default:
		t.bad = true
	}
}

func (t *thrift) values(n uint64, depth int, kinds ...byte) {
	if depth++; depth > maxNesting {
		t.bad = true
	}
	for ; n > 0 && !t.bad; n-- {
		for _, kind := range kinds {
			t.value(kind, depth, false)
		}
	}
}

func (t *thrift) list() (n uint64, kind byte) {
	head := t.byte()
	n, kind = uint64(head>>4), head&15
	if n == 15 {
		n = t.uvarint()
	}
	if kind == typeStruct && n > maxStructs {
		t.bad = true
	}
	return t.size(n), kind
}

// size checks how many elements something says that it has; each is a byte at least.
func (t *thrift) size(n uint64) uint64 {
	if n > uint64(len(t.b)) || n > maxElements {
		t.bad = true
		return 0
	}
	if t.elements += int(n); t.elements > maxElements {
		t.bad = true
	}
	return n
}

func (t *thrift) byte() byte {
	if len(t.b) == 0 {
		t.bad = true
		return 0
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c
}

func (t *thrift) skip(n uint64) {
	if n > uint64(len(t.b)) {
		t.bad = true
		return
	}
	t.b = t.b[n:]
}

func (t *thrift) uvarint() uint64 {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		t.bad = true
		return 0
	}
	t.b = t.b[n:]
	return v
}
