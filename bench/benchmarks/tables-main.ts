import { openStore } from '../../src/cli/assembly.js';
import { loadSettings } from '../../src/config/load.js';
import { silentLog } from '../../src/observability/log.js';
import { peakBytes } from '../lab/process-cost.js';

/** A process that copies what is ready of its tables into Avro files, and tells what that took. */
process.on('disconnect', () => process.exit());
const { settings } = loadSettings({ flags: {}, environment: process.env });
const store = openStore(settings, silentLog());
const { signal } = new AbortController();
let [rows, bytes] = [0, 0];
const began = performance.now();
for (const pipeline of store.pipelines) {
  await pipeline.prepare({ apply: true, signal });
  await pipeline.discover({ shard: 0, shards: 1, signal, leaseRemainingMs: () => 60_000 });
  for (const order of await pipeline.outstanding({ shard: 0, shards: 1 })) {
    const receipt = await pipeline.deliver(order, { signal, report: () => undefined });
    await pipeline.commit(order, receipt);
    rows += receipt.records;
    bytes += receipt.bytes;
  }
}
const seconds = (performance.now() - began) / 1000;
await store.close();
process.send?.({ rows, bytes, seconds, peakBytes: peakBytes(process.pid) });
