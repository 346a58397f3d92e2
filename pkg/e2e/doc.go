// Package e2e holds the tests and benchmarks of the whole way: sample logs in, alerts and rows out, with the real
// engines, and with stages and engine killed in the middle. It has no code of its own. Start reading at e2e_test.go.
package e2e
