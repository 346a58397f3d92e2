// Package conformance holds the formats against what others publish: it reads raw log files that lie beside the checkout,
// parses them as `shrike parse` would, and compares the events with the results that the files' publishers expect.
//
// It has tests only; `make conformance` prints the field accuracy of each format and each difference with its file and
// line. Where the data is absent the tests skip. Differences and dead letters that are right are listed with their reasons
// in exceptions_test.go; nothing of the data itself may be quoted there. Start reading at TestExpectations.
package conformance
