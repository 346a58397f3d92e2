-- What became of each range of each partition. A row is written last, when all that it counts is stored. It stays for
-- ever: a few bytes a range, and the newest one of a partition says where to go on.
CREATE TABLE IF NOT EXISTS coverage
(
  `epoch` UInt64 CODEC(ZSTD(1)),
  `topic` LowCardinality(String) CODEC(ZSTD(1)),
  `partition` UInt32 CODEC(ZSTD(1)),
  `from_offset` UInt64 CODEC(Delta(8), ZSTD(1)),
  `to_offset` UInt64 CODEC(Delta(8), ZSTD(1)),
  `events` UInt32 CODEC(ZSTD(1)),
  `dead_letters` UInt32 CODEC(ZSTD(1)),
  `expired` UInt32 CODEC(ZSTD(1)),
  `alerts` UInt32 CODEC(ZSTD(1)),
  `controls` Array(UInt64) CODEC(ZSTD(1)),
  `holes` Array(Tuple(UInt64, UInt64)) CODEC(ZSTD(1)),
  `first_time` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (topic, `partition`, epoch, from_offset)
SETTINGS non_replicated_deduplication_window = 200000;

-- Records that could not become events, whole, so that they can be replayed.
CREATE TABLE IF NOT EXISTS dead_letter
(
  `received_time` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  `source` LowCardinality(String) CODEC(ZSTD(1)),
  `object` String CODEC(ZSTD(1)),
  `object_offset` Int64 CODEC(ZSTD(1)),
  `line` Int64 CODEC(ZSTD(1)),
  `format` LowCardinality(String) CODEC(ZSTD(1)),
  `layout` String CODEC(ZSTD(1)),
  `reason` LowCardinality(String) CODEC(ZSTD(1)),
  `detail` String CODEC(ZSTD(1)),
  `size` UInt64 CODEC(ZSTD(1)),
  `epoch` UInt64 CODEC(ZSTD(1)),
  `topic` LowCardinality(String) CODEC(ZSTD(1)),
  `partition` UInt32 CODEC(ZSTD(1)),
  `offset` UInt64 CODEC(Delta(8), ZSTD(1)),
  `idx` UInt16 CODEC(ZSTD(1)),
  `raw` String CODEC(ZSTD(1)),
  INDEX ix_offset `offset` TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received_time)
ORDER BY (toStartOfHour(received_time), source, reason, received_time)
SETTINGS non_replicated_deduplication_window = 200000, ttl_only_drop_parts = 1;
