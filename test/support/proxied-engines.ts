import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { startHttpProxy, type HttpProxy } from './http-proxy.js';

/** Proxies before engines. */
export interface Proxies {
  readonly s3: HttpProxy;
  readonly clickhouse: HttpProxy;
}

/** Engines with proxies before them, for those who are told to go through them. */
export interface ProxiedEngines extends Proxies {
  readonly engines: Engines;
  readonly stop: () => Promise<void>;
}

/** Starts the engines in a directory, and proxies that let everything pass. */
export async function startProxiedEngines(where: { readonly dir: string }): Promise<ProxiedEngines> {
  const engines = await startEngines(where);
  const s3 = await startHttpProxy(engines.s3.url);
  const clickhouse = await startHttpProxy(engines.clickhouse.url);
  return {
    engines,
    s3,
    clickhouse,
    stop: async () => {
      await s3.close();
      await clickhouse.close();
      await engines.stop();
    },
  };
}
