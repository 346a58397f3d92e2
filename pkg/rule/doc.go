// Package rule reads rules: YAML and expr in, compiled and indexed conditions out.
//
// Load reads files and folders, reports all problems at once with file, line and column, and returns a Set. A Set knows
// which rules an event can match and whether it does; it is immutable, so a reload swaps sets. Matching allocates
// nothing, cannot fail, and has no clock. Nothing but this package imports expr.
//
// Start reading at Rule, then follow a rule file: load.go finds it, yaml.go and read.go read it, check.go makes its
// condition total (nothing ever meets a missing value), closure.go compiles it to closures and machine.go to expr's
// virtual machine, index.go finds the few rules that an event can match, set.go has Match.
package rule
