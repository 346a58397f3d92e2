// Package pipeline is the stage loops between Kafka's topics: ingest, store, detect, correlate and notify.
//
// Offsets and commits live only here. Each stage reads a topic, does one thing and commits when its output is
// durable; store and detect go through Ranges, which announces a range before it is done so that a crash repeats
// exactly that range. What the stages do with the records is in other packages: format parses, match and correlate
// detect, store and notify deliver. Alerts go round: detect reads correlate's for the rules over alerts. Start reading at
// ranges.go, then detect.go and store.go side by side.
package pipeline
