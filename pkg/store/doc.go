// Package store is ClickHouse: events, dead letters, alerts and the memory of rules in, rows and alerts out.
//
// The pipeline fills a Batch with what became of one range of one Kafka partition and calls Insert, which returns when
// each row is stored exactly once (see insert.go for how). Tables come from ../../migrations (Migrate), their event
// columns from the field table; a test compares them (schema_test.go). People read through a Hunter, who can only read.
//
// It must not know where records come from or what rules want. It is the only importer of clickhouse-go. Times are UTC,
// offsets are Kafka's. Metrics: shrike_insert_*; see metrics.go.
//
// Start reading at batch.go, then insert.go and mend.go; audit.go counts that nothing is missing.
package store
