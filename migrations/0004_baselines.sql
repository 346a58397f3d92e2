-- What the groups of rules of kind baseline came to, bucket by bucket: written once, when a bucket is closed. usual and
-- deviation say what a bucket that fired was held against. No rule looks back further than 365 days.
CREATE TABLE IF NOT EXISTS baselines
(
  `rule_hash` LowCardinality(String) CODEC(ZSTD(1)),
  `key` String CODEC(ZSTD(1)),
  `bucket_time` DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  `value` Float64 CODEC(ZSTD(1)),
  `count` UInt64 CODEC(T64, ZSTD(1)),
  `first_time` DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  `last_time` DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  `severity` LowCardinality(String) CODEC(ZSTD(1)),
  `fired` Bool CODEC(ZSTD(1)),
  `usual` Float64 CODEC(ZSTD(1)),
  `deviation` Float64 CODEC(ZSTD(1)),
  `offset` Int64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(bucket_time)
ORDER BY (rule_hash, `key`, bucket_time, `offset`)
TTL toDateTime(bucket_time) + toIntervalDay(400)
SETTINGS ttl_only_drop_parts = 1;
