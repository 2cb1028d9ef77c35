-- What became of orders, in more detail: every delivery of one that was delivered again, who gave one up and why.
ALTER TABLE {{workOrders}}
    ADD COLUMN IF NOT EXISTS objectPrefixes Array(String) COMMENT 'the target prefix of each of the objects',
    ADD COLUMN IF NOT EXISTS deliveries Array(Tuple(at DateTime64(3, 'UTC'), records UInt64, bytes UInt64, by String)) COMMENT 'every delivery, oldest first',
    ADD COLUMN IF NOT EXISTS skippedBy String,
    ADD COLUMN IF NOT EXISTS skipReason String,
    ADD COLUMN IF NOT EXISTS skippedRecords UInt64,
    ADD COLUMN IF NOT EXISTS promoteBefore DateTime64(3, 'UTC') COMMENT 'until when a proposal may become an order';

-- How many records somebody has set out to deliver, for orders that late records have joined: whoever has fewer gives up.
CREATE TABLE IF NOT EXISTS {{orderClaims}}
(
    raftSessionID UInt16,
    orderId       String,
    records       UInt64,
    claimedAt     DateTime DEFAULT now(),
    claimedBy     LowCardinality(String)
)
ENGINE = ReplacingMergeTree(records)
ORDER BY (raftSessionID, orderId)
TTL claimedAt + INTERVAL {{orderBookRetentionDays}} DAY;

-- The manifests of each target prefix; each names the one before it.
CREATE TABLE IF NOT EXISTS {{manifests}}
(
    targetBucket String,
    targetPrefix String,
    keyPrefix    String COMMENT 'stands between the target prefix and the sequence in keys; with another one another chain begins',
    sequence     UInt64,
    proposal     String COMMENT 'empty for a manifest, else what somebody wanted to write, which counts for nothing',
    objectKey    String,
    sha256       String COMMENT 'of content',
    content      String COMMENT 'the bytes of the manifest in S3' CODEC(ZSTD(3)),
    objects      Array(Tuple(key String, sha256 String)),
    coveredTo    DateTime64(3, 'UTC') COMMENT 'up to when deliveries are known to be in manifests',
    createdAt    DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY (toDate(createdAt), proposal = '')
ORDER BY (targetBucket, targetPrefix, keyPrefix, sequence, proposal)
TTL if(proposal = '', toDateTime(createdAt) + INTERVAL {{orderBookRetentionDays}} DAY, toDateTime(createdAt) + INTERVAL 1 DAY)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;
