package rule

import "github.com/expr-lang/expr/ast"

func compileCondition(ast.Node) (predicate, bool) { return nil, false }
