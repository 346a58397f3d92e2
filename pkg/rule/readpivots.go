package rule

import (
	"regexp"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

var pivotType = regexp.MustCompile(`^(String|Bool|IPv[46]|U?Int(8|16|32|64)|Float(32|64)|DateTime64\([0-9]\)|DateTime|Array\(String\))$`)

func readPivots(m *mapping, r *Rule, names naming) []Key {
	n := m.take("pivots")
	if n == nil {
		return nil
	}
	block, ok := m.mapping(n, "pivots")
	if !ok {
		return nil
	}
	var named []Key
	for _, name := range block.order {
		n := block.take(name)
		sql, ok := block.text(n, "a pivot")
		if !ok {
			continue
		}
		r.Pivots = append(r.Pivots, Pivot{Name: name, SQL: strings.TrimSpace(sql), Line: block.places[name].line})
		places := placeholders(sql, true)
		for _, p := range places {
			if !pivotType.MatchString(p.sql) {
				block.report(block.inside(n, sql, p.offset), "", "{%s} needs a ClickHouse type: {%s:String}", p.name, p.name)
			} else if right, ok := typeFits(p, names); !ok {
				block.report(block.inside(n, sql, p.offset), "", "{%s} is not of type %s: write {%[1]s:%[3]s}", p.name, p.sql, right)
			}
		}
		for _, bad := range sqlMistakes(sql, places) {
			block.report(block.inside(n, sql, bad.offset), bad.hint, "%s", bad.message)
		}
		named = append(named, block.placeholderKeys(n, sql, places, names)...)
	}
	return named
}

// typeFits reports whether a parameter is of its field's type, and else of which it could be.
func typeFits(p placeholder, names naming) (right string, ok bool) {
	if names == nil {
		return "", true
	}
	k, bad := names(p.name)
	if bad != nil || k.Field == nil || len(k.Path) > 0 { // reported elsewhere, or it has no type
		return "", true
	}
	return fits(k.Field, p.sql)
}

// fits reports whether a parameter's type can hold what a field has, and a type that can.
func fits(f *event.Field, typ string) (right string, ok bool) {
	switch f.Type {
	case event.TypeAddr:
		return "IPv6", strings.HasPrefix(typ, "IPv") || typ == "String"
	case event.TypeBool:
		return "Bool", typ == "Bool" || typ == "String"
	case event.TypeTime:
		return "DateTime64(9)", strings.HasPrefix(typ, "DateTime") || typ == "String"
	case event.TypeInt:
		return "UInt64", strings.Contains(typ, "Int") || strings.HasPrefix(typ, "Float") || typ == "String"
	case event.TypeFloat:
		return "Float64", strings.HasPrefix(typ, "Float") || typ == "String"
	case event.TypeList:
		return "Array(String)", strings.HasPrefix(typ, "Array") || typ == "String"
	case event.TypeText:
		return "String", typ == "String" || strings.HasPrefix(typ, "Array")
	}
	return "String", true
}
