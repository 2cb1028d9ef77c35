import {
  StoreStateReader,
  type StateReader,
  type StoreState,
} from '../../src/pipelines/access-logs/circumstances.js';
import { discover } from '../../src/pipelines/access-logs/discover.js';
import { OrderBook } from '../../src/pipelines/access-logs/order-book.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { Discovery } from '../../src/pipelines/pipeline.js';
import { silentLog } from '../../src/observability/log.js';
import { discoveryContext, type TestStore } from './access-logs.js';

/** Discovers as the pipeline does; what is believed of the view can be changed. */
export async function discoverWith(
  store: TestStore,
  progress: string | undefined,
  change: Partial<StoreState> = {},
  clickhouse = store.clickhouse,
): Promise<Discovery<AccessLogOrder>> {
  const reader = new StoreStateReader(clickhouse, store.tables, silentLog());
  const state: StateReader = { read: async (signal) => ({ ...(await reader.read(signal)), ...change }) };
  const book = new OrderBook(clickhouse, store.tables);
  const { settings, tables, metrics } = store;
  const parts = { settings, tables, metrics, clickhouse, book, state, suspects: { sources: [] } };
  return discover(parts, discoveryContext({ progress, countedUpTo: new Date().toISOString() }));
}

/** The arrivals count everything, as if the view had been there from the beginning. */
export const TRUSTED = { trustedFrom: 0, upSince: 0 };
/** The view cannot be told to be there. */
export const UNTRUSTED = { trustedFrom: undefined };

/** What progress says that it is about. */
export async function identityOf(store: TestStore): Promise<string> {
  return (await new StoreStateReader(store.clickhouse, store.tables, silentLog()).read()).identity;
}
