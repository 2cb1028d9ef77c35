import { percentDecoded } from '../../config/percent-decoded.js';

/** A ClickHouse, and who we are there. */
export interface ClickHouseAddress {
  /** Address of each host's HTTP interface, with the database as its path; without the password. */
  readonly urls: readonly string[];
  readonly database: string;
  readonly username: string;
  readonly password: string;
  /** What was taken for something else than what stands there, in words; for logs and error messages. */
  readonly notes: readonly string[];
}

/** A text is no address of a ClickHouse. The message says nothing of what stands in it: it may be a password. */
export class InvalidDsnError extends Error {
  override readonly name = 'InvalidDsnError';

  /** @param why what is wrong with it */
  constructor(why: string) {
    super(
      `this is not the address of a ClickHouse: ${why}; it has the form ` +
        'clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, or http:// or https:// in place of clickhouse://',
    );
  }
}

const DSN =
  /^(?<scheme>[a-z]+):\/\/(?:(?<user>[^/?]*)@)?(?<hosts>[^/?@]+)(?:\/(?<database>[^/?]*))?(?:\?(?<query>.*))?$/;
const HOST = /^(?<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?<port>\d{1,5}))?$/i;
/** Ports of the native protocol, and those of the HTTP interface of the same server. */
const HTTP_PORTS: Readonly<Record<string, string>> = { '9000': '8123', '9440': '8443' };

/**
 * Reads the address of a ClickHouse as ClickHouse's own drivers for Go understand it, and http and https URLs. We speak
 * HTTP: for the ports of the native protocol, 9000 and 9440, the ports of the HTTP interface are taken, 8123 and 8443;
 * every other port is taken for one of HTTP. Parameters that concern only that driver are passed over.
 * https://github.com/ClickHouse/clickhouse-go#dsn
 *
 * @throws {InvalidDsnError}
 */
export function parseClickHouseDsn(dsn: string): ClickHouseAddress {
  const parts = DSN.exec(dsn.trim())?.groups;
  if (parts === undefined) throw new InvalidDsnError('it has another form');
  const { scheme = '', user = '', hosts = '', database = '', query = '' } = parts;
  if (!['clickhouse', 'tcp', 'http', 'https'].includes(scheme))
    throw new InvalidDsnError(`it begins with ${scheme}://`);
  const parameters = new URLSearchParams(query);
  const isSecure = scheme === 'https' || isOn(parameters.get('secure'));
  const notes: string[] = [];
  const name = percentDecoded(database) || (parameters.get('database') ?? '') || 'default';
  const urls = hosts.split(',').map((host) => {
    const found = HOST.exec(host)?.groups;
    if (found === undefined) throw new InvalidDsnError('a host in it has another form');
    const port = httpPort(found['port'], isSecure, notes);
    return `${isSecure ? 'https' : 'http'}://${found['host'] ?? ''}:${port}/${encodeURIComponent(name)}`;
  });
  const colon = user.indexOf(':');
  const username = percentDecoded(colon < 0 ? user : user.slice(0, colon));
  const password = percentDecoded(colon < 0 ? '' : user.slice(colon + 1));
  return {
    urls,
    database: name,
    username: username || (parameters.get('username') ?? '') || 'default',
    password: password || (parameters.get('password') ?? ''),
    notes,
  };
}

function httpPort(port: string | undefined, isSecure: boolean, notes: string[]): string {
  if (port === undefined) return isSecure ? '8443' : '8123';
  if (Number(port) < 1 || Number(port) > 65_535) throw new InvalidDsnError(`it has the port ${port}`);
  const http = HTTP_PORTS[port];
  if (http === undefined) return port;
  notes.push(`port ${port} is that of the native protocol; log-courier speaks HTTP, and takes port ${http}`);
  return http;
}

function isOn(value: string | null): boolean {
  return value !== null && !['', '0', 'f', 'false'].includes(value.toLowerCase());
}
