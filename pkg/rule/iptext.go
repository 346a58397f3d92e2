package rule

import (
	"net/netip"
	"unsafe"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// ipText checks ipText(address): what cannot be said of networks can be said of the text, a search for what stands in it.
func (c *checker) ipText(n *ast.CallNode) operand {
	if len(n.Arguments) != 1 {
		c.report(n, "", "ipText takes one address")
		return operand{}
	}
	o := c.value(n.Arguments[0])
	if o.shape == bad {
		return o
	}
	if o.shape != address || o.field == nil {
		c.report(n.Arguments[0], "", "ipText needs an address, not %s", o.shape)
		return operand{}
	}
	return operand{shape: text, node: call(fnIPText, o.node)}
}

// ipField returns the field whose text ipText gives, ok is false when n is no such call.
func ipField(n ast.Node) (h event.AddrField, ok bool) {
	name, args := called(n)
	if name != fnIPText {
		return h, false
	}
	return fieldOf(args[0]).AddrField(), true
}

// withIP reports whether holds is true of the shortest text of an address (RFC 5952), "" when it is missing; holds must not
// keep it.
func (l *leafTexts) withIP(a netip.Addr, holds func(string) bool) bool {
	b := l.buffers.Get().(*[]byte)
	*b = a.AppendTo((*b)[:0])
	ok := holds(unsafe.String(unsafe.SliceData(*b), len(*b)))
	l.buffers.Put(b)
	return ok
}

// ipTextFunction is ipText for expr's machine.
func ipTextFunction() expr.Option {
	return expr.Function(fnIPText, func(p ...any) (any, error) {
		a, _ := p[0].(netip.Addr)
		return string(a.AppendTo(nil)), nil
	}, new(func(any) string))
}
