package rule

import (
	"fmt"
	"net/netip"
	"sync"

	"github.com/expr-lang/expr"
	exprcheck "github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// machine runs a condition in total form on expr's virtual machine. It is what closures do not cover, and what they
// are compared with.
type machine struct {
	program *vm.Program
	fields  []*event.Field
	pool    sync.Pool // *run
}

// run is the working memory of one evaluation.
type run struct {
	vm  vm.VM
	env map[string]any
}

func newMachine(tree *parser.Tree, fields []*event.Field) (*machine, error) {
	config := conf.CreateNew()
	env := types.Map{}
	for _, f := range fields {
		env[f.Name] = exprType(f)
	}
	expr.Env(env)(config)
	expr.AsBool()(config)
	config.Optimize = false
	for _, option := range functions() {
		option(config)
	}
	if _, err := exprcheck.Check(tree, config); err != nil {
		return nil, fmt.Errorf("check condition: %w", err)
	}
	program, err := compiler.Compile(tree, config)
	if err != nil {
		return nil, fmt.Errorf("compile condition: %w", err)
	}
	m := &machine{program: program, fields: fields}
	m.pool.New = func() any { return &run{env: make(map[string]any, len(fields))} }
	return m, nil
}

// holds evaluates the condition. An error of the machine is no match: a total tree gives none.
func (m *machine) holds(e *event.Event) bool {
	ok, err := m.eval(e)
	return err == nil && ok
}

func (m *machine) eval(e *event.Event) (bool, error) {
	r := m.pool.Get().(*run)
	defer m.pool.Put(r)
	for _, f := range m.fields {
		r.env[f.Name] = exprValue(e, f)
	}
	v, err := r.vm.Run(m.program, r.env)
	if err != nil {
		return false, fmt.Errorf("run condition: %w", err)
	}
	return v.(bool), nil
}

func exprType(f *event.Field) types.Type {
	switch f.Type {
	case event.TypeInt, event.TypeTime:
		return types.Int
	case event.TypeFloat:
		return types.Float64
	case event.TypeBool:
		return types.Bool
	case event.TypeAddr:
		return types.TypeOf(netip.Addr{})
	case event.TypeList:
		return types.Array(types.String)
	case event.TypeObject:
		return types.Any
	}
	return types.String
}

// exprValue is the field's value as expr sees it: nil when a number, boolean, address, time or object is missing.
func exprValue(e *event.Event, f *event.Field) any {
	switch f.Name {
	case rawField:
		return rawText(e)
	case unmappedField:
		return e.Unmapped
	}
	switch f.Type {
	case event.TypeText:
		return e.Text(f.TextField())
	case event.TypeList:
		return e.List(f.ListField())
	}
	if !e.Has(f) {
		return nil
	}
	switch f.Type {
	case event.TypeInt:
		v, _ := e.Int(f.IntField())
		return int(v)
	case event.TypeFloat:
		v, _ := e.Float(f.FloatField())
		return v
	case event.TypeBool:
		v, _ := e.Bool(f.BoolField())
		return v
	case event.TypeAddr:
		return e.Addr(f.AddrField())
	case event.TypeTime:
		return int(e.UnixNano(f.TimeField()))
	}
	return e.Object(f.ObjectField()).Value
}

// functions are those of total form.
func functions() []expr.Option {
	return append(moreFunctions(),
		expr.Function(fnHas, func(p ...any) (any, error) { return present(p[0]), nil }, new(func(any) bool)),
		expr.Function(fnLeaf, func(p ...any) (any, error) { return leafOf(p), nil }, new(func(any, ...string) string)),
		expr.Function(fnEach, func(p ...any) (any, error) { return eachOf(p), nil }, new(func(any, ...string) []any)),
		expr.Function(fnList, func(p ...any) (any, error) { return listOf(p), nil }, new(func(any, ...string) []string)),
		expr.Function(fnInt, func(p ...any) (any, error) {
			if n, ok := parseInt(p[0].(string)); ok {
				return int(n), nil
			}
			return nil, nil
		}, new(func(string) int)),
		expr.Function(fnFloat, func(p ...any) (any, error) {
			if v, ok := parseFloat(p[0].(string)); ok {
				return v, nil
			}
			return nil, nil
		}, new(func(string) float64)),
		expr.Function(fnUnmapped, func(p ...any) (any, error) {
			return unmappedText(p[0].([]event.Pair), p[1].(string)), nil
		}, new(func(any, string) string)),
		expr.Function(fnIsPrivate, func(p ...any) (any, error) {
			a, ok := addrOf(p[0])
			return ok && isPrivate(a), nil
		}, new(func(any) bool)),
		expr.Function(fnInCIDR, func(p ...any) (any, error) {
			a, ok := addrOf(p[0])
			for _, n := range p[1:] {
				if ok && n.(netip.Prefix).Contains(a) {
					return true, nil
				}
			}
			return false, nil
		}, new(func(any, ...any) bool)),
		expr.Function(fnInList, func(p ...any) (any, error) { return p[1].(*list).has(p[0]), nil }, new(func(any, any) bool)),
	)
}

func (l *list) has(v any) bool {
	switch v := v.(type) {
	case string:
		return l.hasText(v)
	case int:
		return l.hasNumber(int64(v))
	case netip.Addr:
		return l.hasAddr(v)
	}
	return false
}

func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []string:
		return len(v) > 0
	}
	return true
}

func addrOf(v any) (netip.Addr, bool) {
	switch v := v.(type) {
	case netip.Addr:
		return v, v.IsValid()
	case string:
		return parseAddr(v)
	}
	return netip.Addr{}, false
}

func pathOf(p []any) (*fastjson.Value, []string) {
	v, _ := p[0].(*fastjson.Value)
	keys := make([]string, len(p)-1)
	for i, k := range p[1:] {
		keys[i] = k.(string)
	}
	return v, keys
}

func leafOf(p []any) string {
	v, keys := pathOf(p)
	return leafText(v, keys)
}

func eachOf(p []any) []any {
	v, keys := pathOf(p)
	found := []any{}
	walk(v, keys, func(v *fastjson.Value) { found = append(found, v) })
	return found
}

func listOf(p []any) []string {
	v, keys := pathOf(p)
	found := []string{}
	walk(v, keys, func(v *fastjson.Value) { found = append(found, leafText(v, nil)) })
	return found
}
