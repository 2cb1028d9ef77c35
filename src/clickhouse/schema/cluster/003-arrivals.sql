-- How many records came in, by minute and source: which sources discovery must look at. A hint, no truth: it may count
-- too many, and what is ordered is always counted in the logs themselves.
CREATE TABLE IF NOT EXISTS {{arrivalsLocal}} ON CLUSTER {{cluster}}
(
    arrived       DateTime COMMENT 'the minute in which ClickHouse took the records in, whatever their insertedAt',
    raftSessionID UInt16,
    bucketName    String,
    records       SimpleAggregateFunction(sum, UInt64) COMMENT 'eligible ones',
    first         SimpleAggregateFunction(min, DateTime) COMMENT 'their smallest insertedAt',
    last          SimpleAggregateFunction(max, Tuple(DateTime, DateTime64(3), String)) COMMENT 'their highest offset',
    loggingOff    SimpleAggregateFunction(sum, UInt64) COMMENT 'records of buckets that are not logged',
    noTarget      SimpleAggregateFunction(sum, UInt64) COMMENT 'records that name no target bucket'
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{{arrivalsLocal}}', '{replica}')
PARTITION BY toDate(arrived)
ORDER BY (arrived, raftSessionID, bucketName)
TTL arrived + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS {{arrivals}} ON CLUSTER {{cluster}} AS {{arrivalsLocal}}
ENGINE = Distributed({{cluster}}, {{database}}, {{arrivalsLocalName}}, raftSessionID);

-- On the local table, so that it sees what shippers insert here and what comes through the distributed table alike.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{arrivalsLocal}}_mv ON CLUSTER {{cluster}} TO {{arrivalsLocal}} AS
SELECT
    toStartOfMinute(now()) AS arrived,
    raftSessionID,
    bucketName,
    countIf(loggingEnabled AND loggingTargetBucket != '') AS records,
    if(records = 0, now(), minIf(insertedAt, loggingEnabled AND loggingTargetBucket != '')) AS first,
    maxIf((insertedAt, startTime, req_id), loggingEnabled AND loggingTargetBucket != '') AS last,
    countIf(NOT loggingEnabled) AS loggingOff,
    countIf(loggingEnabled AND loggingTargetBucket = '') AS noTarget
FROM {{logsLocal}}
GROUP BY raftSessionID, bucketName;

-- What lets the order book be asked for the few orders that are not settled, or changed lately, without reading it all.
ALTER TABLE {{workOrdersLocal}} ON CLUSTER {{cluster}}
    ADD INDEX IF NOT EXISTS state_index state TYPE set(8) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS updated_index updatedAt TYPE minmax GRANULARITY 1;

ALTER TABLE {{workOrdersLocal}} ON CLUSTER {{cluster}}
    MATERIALIZE INDEX IF EXISTS state_index,
    MATERIALIZE INDEX IF EXISTS updated_index;
