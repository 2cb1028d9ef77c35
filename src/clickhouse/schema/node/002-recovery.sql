-- What became of orders, in more detail: every delivery of one that was delivered again, who gave one up and why.
ALTER TABLE {{workOrders}}
    ADD COLUMN IF NOT EXISTS objectPrefixes Array(String) COMMENT 'the target prefix of each of the objects',
    ADD COLUMN IF NOT EXISTS deliveries Array(Tuple(at DateTime64(3, 'UTC'), records UInt64, bytes UInt64, by String)) COMMENT 'every delivery, oldest first',
    ADD COLUMN IF NOT EXISTS skippedBy String,
    ADD COLUMN IF NOT EXISTS skipReason String,
    ADD COLUMN IF NOT EXISTS skippedRecords UInt64;

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
    targetBucket   String,
    targetPrefix   String,
    sequence       UInt64,
    objectKey      String,
    sha256         String,
    previousSha256 String,
    content        String CODEC(ZSTD(3)),
    objects        Array(Tuple(key String, sha256 String)),
    createdAt      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(createdAt)
ORDER BY (targetBucket, targetPrefix, sequence)
TTL toDateTime(createdAt) + INTERVAL {{orderBookRetentionDays}} DAY
SETTINGS ttl_only_drop_parts = 1;
