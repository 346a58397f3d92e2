package rule

import (
	"net/netip"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// shape is what a part of a condition is.
type shape uint8

const (
	bad     shape = iota // reported already; accepted everywhere so that one mistake is one problem
	truth                // a condition: true or false, never missing
	flag                 // a boolean that may be missing
	text                 // text; "" is missing
	whole                // an integer
	real                 // a float
	address              // an address
	instant              // a time
	texts                // a list of texts
	nested               // a place inside an object: a leaf is text, an array is its elements
	element              // an array's element: like path
)

var shapeNames = [...]string{
	"", "a condition", "a boolean that may be missing", "text", "a number", "a number", "an address", "a time",
	"a list", "text inside an object", "text inside an object",
}

func (s shape) String() string { return shapeNames[s] }

func (s shape) number() bool { return s == whole || s == real }

func shapeOf(f *event.Field) shape {
	switch f.Type {
	case event.TypeInt:
		return whole
	case event.TypeFloat:
		return real
	case event.TypeBool:
		return flag
	case event.TypeAddr:
		return address
	case event.TypeTime:
		return instant
	case event.TypeList:
		return texts
	case event.TypeObject:
		return nested
	}
	return text
}

// operand is a checked part of a condition.
type operand struct {
	shape shape
	node  ast.Node     // in total form; for path and element: the object or #, to be wrapped by leaf or each
	keys  []string     // path below the object
	field *event.Field // when the operand is a field as it is
	may   []ast.Node   // what in it may be missing
	fixed bool         // a literal
}

// The functions of conditions in total form, beside expr's own operators. leaf, each and list take an object or an
// element and the keys below it.
const (
	fnHas       = "has"          // whether a value is there
	fnLeaf      = "leaf"         // the text at a path, "" when missing
	fnEach      = "each"         // the elements at a path
	fnList      = "list"         // the texts of the elements at a path
	fnInt       = "int"          // text as an integer, or missing
	fnFloat     = "float"        // text as a number, or missing
	fnUnmapped  = "unmappedText" // what no field holds, by its name
	fnIsPrivate = "isPrivate"    // whether an address is of a network of one's own
	fnInCIDR    = "inCIDR"       // whether an address is in one of the networks
	fnInList    = "inList"       // whether a value is in the list

	fnPart          = "part"                    // the value at a path: an object stays one
	fnGlob          = "glob"                    // whether text is as a pattern with * and ? says
	fnPortsOverlap  = "portsOverlap"            // whether a range of ports has one of some
	fnPolicyPublic  = "policyAllowsPublic"      // whether a policy document lets everybody in
	fnPolicyAccount = "policyAllowsAccount"     // whether it lets an account in
	fnPolicyAction  = "policyHasWildcardAction" // whether it allows every action
	fnEqualFold     = "equalFold"               // whether text is one of some, whatever their case
	fnContainsFold  = "containsFold"            // whether it contains one of them
	fnStartsFold    = "startsWithFold"          // whether it starts with one of them
	fnEndsFold      = "endsWithFold"            // whether it ends with one of them
	fnGlobFold      = "globFold"                // whether it is as one of some patterns says
	fnJSONText      = "jsonText"                // text of an object as JSON; in total form it is leaf
	fnIPText        = "ipText"                  // text of an address, "" when missing
	fnGeoDistance   = "geoDistance"             // kilometres between two places
	fnMinute        = "minute"                  // minute of a time's hour, 0 to 59; of this and all below, in UTC or a zone
	fnHour          = "hour"                    // hour of its day, 0 to 23
	fnDay           = "day"                     // day of its month, 1 to 31
	fnWeekday       = "weekday"                 // day of its week, 1 Monday to 7 Sunday
	fnWeek          = "week"                    // week of its year as ISO 8601 counts them, 1 to 53
	fnMonth         = "month"                   // 1 to 12
	fnYear          = "year"                    // its year
)

func call(name string, args ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

func and(a, b ast.Node) ast.Node { return &ast.BinaryNode{Operator: "and", Left: a, Right: b} }

func not(a ast.Node) ast.Node { return &ast.UnaryNode{Operator: "not", Node: a} }

func stringNodes(keys []string) []ast.Node {
	nodes := make([]ast.Node, len(keys))
	for i, k := range keys {
		nodes[i] = &ast.StringNode{Value: k}
	}
	return nodes
}

// isPrivate reports whether an address is of no network of the internet: private, shared (100.64.0.0/10), loopback,
// link-local or unspecified.
func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || shared.Contains(a)
}

var shared = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
