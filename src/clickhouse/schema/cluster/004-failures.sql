-- What the dashboard tells of failed orders: what they could not be delivered to, and since when.
ALTER TABLE {{workOrdersLocal}} ON CLUSTER {{cluster}}
    ADD COLUMN IF NOT EXISTS failureTargets Array(String) COMMENT 'which targets could not be delivered to',
    ADD COLUMN IF NOT EXISTS failingSince DateTime64(3, 'UTC') COMMENT 'when the order failed first, whatever was tried since';

ALTER TABLE {{workOrders}} ON CLUSTER {{cluster}}
    ADD COLUMN IF NOT EXISTS failureTargets Array(String),
    ADD COLUMN IF NOT EXISTS failingSince DateTime64(3, 'UTC');
