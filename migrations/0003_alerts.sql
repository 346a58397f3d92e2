-- Alerts: the row of the highest revision is the alert (SELECT … FROM alerts FINAL). The period is part of what makes
-- an alert's id, so all revisions of one lie in one partition.
CREATE TABLE IF NOT EXISTS alerts
(
  `id` String CODEC(ZSTD(1)),
  `revision` Int64 CODEC(ZSTD(1)),
  `status` LowCardinality(String) CODEC(ZSTD(1)),
  `rule_id` LowCardinality(String) CODEC(ZSTD(1)),
  `rule_version` LowCardinality(String) CODEC(ZSTD(1)),
  `title` String CODEC(ZSTD(1)),
  `severity` LowCardinality(String) CODEC(ZSTD(1)),
  `attack` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `tags` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `classes` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `entity_kind` LowCardinality(String) CODEC(ZSTD(1)),
  `entity_id` String CODEC(ZSTD(1)),
  `group` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  `period_start` DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  `period_end` DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  `first_event_time` DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  `last_event_time` DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  `count` UInt64 CODEC(ZSTD(1)),
  `late` Bool CODEC(ZSTD(1)),
  `epoch` UInt64 CODEC(ZSTD(1)),
  `topic` LowCardinality(String) CODEC(ZSTD(1)),
  `partition` UInt32 CODEC(ZSTD(1)),
  `offset` UInt64 CODEC(ZSTD(1)),
  `body` String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(period_start)
ORDER BY id
SETTINGS non_replicated_deduplication_window = 200000;

-- What rules have seen: the smallest offset of the topic signals that brought a value, and between which event times.
-- Merging keeps that whatever the order of writes, and however often they are repeated.
CREATE TABLE IF NOT EXISTS first_seen
(
  `rule_hash` LowCardinality(String) CODEC(ZSTD(1)),
  `key` String CODEC(ZSTD(1)),
  `value` String CODEC(ZSTD(1)),
  `offset` SimpleAggregateFunction(min, Int64) CODEC(ZSTD(1)),
  `first_time` SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
  `last_time` SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
  `moved_offset` SimpleAggregateFunction(max, Int64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (rule_hash, `key`, `value`);
