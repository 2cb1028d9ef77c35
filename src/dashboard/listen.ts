import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { SettingName } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import { readTlsFiles, renewWhenChanged, type TlsFiles } from './tls.js';

/** A server that listens. */
export interface HttpServer {
  /** Where it listens, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Stops listening and ends all connections; answers on their way have a second to get there. */
  close(): Promise<void>;
}

/** Where a server is to listen, and which settings say so. */
export interface ListenOn {
  readonly address: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly addressSetting: SettingName;
  readonly portSetting: SettingName;
  /** Certificate and key, to speak TLS. */
  readonly tls?: TlsFiles | undefined;
  /** Says when the certificate was read again, or could not be. */
  readonly log?: Log;
}

/** A server cannot listen where its settings say. */
export class ListenError extends Error {
  override readonly name = 'ListenError';

  constructor(where: ListenOn, options: ErrorOptions) {
    super(`cannot listen on ${urlOf(where, where.port)}: ${adviceFor(where, options.cause)}`, options);
  }
}

/**
 * Starts a server.
 *
 * @throws {ListenError} when the port is taken or may not be used, or the address is not of this machine
 * @throws {TlsError} when certificate and key cannot be read, or do not belong together
 */
export async function listen(app: RequestListener, where: ListenOn): Promise<HttpServer> {
  const { server, stop } = await serverFor(app, where);
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      stop();
      reject(new ListenError(where, { cause }));
    });
    server.listen(where.port, where.address, () => {
      let closed: Promise<void> | undefined;
      resolve({
        url: urlOf(where, portOf(server)),
        close: () => {
          stop();
          return (closed ??= close(server));
        },
      });
    });
  });
}

interface Serving {
  readonly server: Server;
  /** Ends the watch over the certificate. */
  readonly stop: () => void;
}

async function serverFor(app: RequestListener, { tls, log }: ListenOn): Promise<Serving> {
  if (tls === undefined) return { server: createServer(app), stop: () => undefined };
  const server = createTlsServer(await readTlsFiles(tls), app);
  return { server, stop: renewWhenChanged(server, tls, log) };
}

const GRACE_MS = 1000;

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const impatience = setTimeout(() => {
      server.closeAllConnections();
    }, GRACE_MS);
    server.close(() => {
      clearTimeout(impatience);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

function urlOf({ address, tls }: ListenOn, port: number): string {
  return `${tls === undefined ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function adviceFor({ address, addressSetting, port, portSetting }: ListenOn, cause: unknown): string {
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return `another program has port ${port}; give another one, or 0 for any free one, as ${portSetting}`;
    case 'EACCES':
      return `this user may not use port ${port}; give one from 1024 on as ${portSetting}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return `${address} is not an address of this machine; give one that is as ${addressSetting}`;
    default:
      return `${String(cause)}; check ${addressSetting} and ${portSetting}`;
  }
}

function codeOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
}
