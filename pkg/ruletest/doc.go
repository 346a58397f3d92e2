// Package ruletest runs the tests inside rule files.
//
// A test's raw log lines go the way of all logs: format.Split cuts them, format.Decoder parses them, match and correlate
// evaluate the one rule; then the alerts are compared with those that the test expects. Nothing is mocked and nothing is
// shared between tests. Only event time may differ from what the line says: a test places its logs relative to each
// other (at, every). Start at Run.
package ruletest
