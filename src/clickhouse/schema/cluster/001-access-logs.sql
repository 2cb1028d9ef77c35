CREATE DATABASE IF NOT EXISTS {{database}} ON CLUSTER {{cluster}};

-- The access-log records of one shard, three days of them.
CREATE TABLE IF NOT EXISTS {{logsLocal}} ON CLUSTER {{cluster}}
(
    insertedAt          DateTime DEFAULT now(),
    hostname            LowCardinality(Nullable(String)),
    startTime           DateTime64(3),
    requester           Nullable(String),
    operation           Nullable(String),
    requestURI          Nullable(String),
    errorCode           Nullable(String),
    objectSize          Nullable(UInt64),
    totalTime           Nullable(Float32),
    turnAroundTime      Nullable(Float32),
    referer             Nullable(String),
    userAgent           Nullable(String),
    versionId           Nullable(String),
    signatureVersion    LowCardinality(Nullable(String)),
    cipherSuite         LowCardinality(Nullable(String)),
    authenticationType  LowCardinality(Nullable(String)),
    hostHeader          Nullable(String),
    tlsVersion          LowCardinality(Nullable(String)),
    aclRequired         LowCardinality(Nullable(String)),
    bucketOwner         Nullable(String),
    bucketName          String DEFAULT '',
    req_id              String DEFAULT '',
    bytesSent           Nullable(UInt64),
    clientIP            Nullable(String),
    httpCode            Nullable(UInt16),
    objectKey           Nullable(String),
    logFormatVersion    LowCardinality(Nullable(String)),
    loggingEnabled      Bool DEFAULT false,
    loggingTargetBucket String DEFAULT '',
    loggingTargetPrefix String DEFAULT '',
    awsAccessKeyID      Nullable(String),
    raftSessionID       UInt16 DEFAULT 0
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{{logsLocal}}', '{replica}')
PARTITION BY toStartOfHour(insertedAt)
ORDER BY (raftSessionID, bucketName, insertedAt, startTime, req_id)
TTL insertedAt + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS {{logs}} ON CLUSTER {{cluster}} AS {{logsLocal}}
ENGINE = Distributed({{cluster}}, {{database}}, {{logsLocalName}}, raftSessionID);

-- What log shippers insert into: it keeps nothing and feeds the local table of its shard.
CREATE TABLE IF NOT EXISTS {{ingest}} ON CLUSTER {{cluster}} AS {{logsLocal}} ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{ingest}}_mv ON CLUSTER {{cluster}} TO {{logsLocal}} AS SELECT * FROM {{ingest}};

-- How far each source has been delivered without a gap; readers take the highest offset of a source.
CREATE TABLE IF NOT EXISTS {{offsetsLocal}} ON CLUSTER {{cluster}}
(
    bucketName              String,
    raftSessionID           UInt16,
    lastProcessedInsertedAt DateTime,
    lastProcessedStartTime  DateTime64(3),
    lastProcessedReqId      String
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{{offsetsLocal}}', '{replica}', lastProcessedInsertedAt)
ORDER BY (bucketName, raftSessionID);

CREATE TABLE IF NOT EXISTS {{offsets}} ON CLUSTER {{cluster}} AS {{offsetsLocal}}
ENGINE = Distributed({{cluster}}, {{database}}, {{offsetsLocalName}}, raftSessionID);

-- The order book of one shard: work orders and what became of them.
CREATE TABLE IF NOT EXISTS {{workOrdersLocal}} ON CLUSTER {{cluster}}
(
    orderId          String,
    bucketName       String,
    raftSessionID    UInt16,
    afterInsertedAt  DateTime('UTC'),
    afterStartTime   DateTime64(3, 'UTC'),
    afterReqId       String,
    upToInsertedAt   DateTime('UTC'),
    upToStartTime    DateTime64(3, 'UTC'),
    upToReqId        String,
    batchAfter       Tuple(DateTime('UTC'), DateTime64(3, 'UTC'), String) COMMENT 'where the first order begins of those that were cut together',
    firstStartTime   DateTime64(3, 'UTC') COMMENT 'startTime of the first record in offset order: the time in the keys',
    oldestInsertedAt DateTime('UTC') COMMENT 'insertedAt of the first record',
    orderedAt        DateTime64(3, 'UTC') COMMENT 'when discovery made the order',
    orderedRecords   UInt64,
    state            Enum8('proposed' = 0, 'open' = 1, 'failed' = 2, 'skipped' = 3, 'delivered' = 4),
    deliveredRecords UInt64,
    objects          Array(Tuple(bucket String, key String, records UInt64, bytes UInt64, sha256 String)),
    failureCode      LowCardinality(String),
    failureReason    String,
    updatedAt        DateTime64(3, 'UTC'),
    updatedBy        LowCardinality(String),
    revision         UInt64 COMMENT 'the row with the highest one counts: see docs/architecture.md'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{{workOrdersLocal}}', '{replica}', revision)
PARTITION BY toDate(orderedAt)
ORDER BY (raftSessionID, bucketName, upToInsertedAt, upToStartTime, upToReqId, orderId)
TTL toDateTime(orderedAt) + INTERVAL {{orderBookRetentionDays}} DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS {{workOrders}} ON CLUSTER {{cluster}} AS {{workOrdersLocal}}
ENGINE = Distributed({{cluster}}, {{database}}, {{workOrdersLocalName}}, raftSessionID);
