import type { ListedRoute } from '../../src/dashboard/route.js';
import type { Random } from '../chaos/random.js';
import {
  CONTENT_TYPES,
  HEADER_NAMES,
  HEADER_VALUES,
  METHODS,
  NAMES,
  VALUES,
  type Texts,
} from './hostile-texts.js';

/** A request that follows the rules of HTTP, whatever it says. */
export interface HostileRequest {
  readonly method: string;
  /** As it stands in the first line of the request. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

/** Makes one hostile request at a dashboard with these routes. */
export function hostileRequest(
  random: Random,
  routes: readonly ListedRoute[],
  credentials: Texts,
): HostileRequest {
  const [first, ...others] = routes;
  if (first === undefined) throw new Error('there is no route');
  const route = random.pick([first, ...others]);
  const method = random.chance(0.7) ? route.method.toUpperCase() : random.pick(METHODS);
  // Node.js gets out of step when it sends a body by another method; brokenHttp has such requests.
  const hasBody = ['POST', 'PUT', 'PATCH', 'PROPFIND'].includes(method);
  const body = hasBody ? bodyOf(random) : undefined;
  const headers: Record<string, string> = {};
  // Most come in, or there would be little to be wrong about.
  if (random.chance(0.85)) headers['authorization'] = random.pick(credentials);
  if (body !== undefined)
    headers['content-type'] = random.chance(0.6) ? CONTENT_TYPES[0] : random.pick(CONTENT_TYPES);
  for (let more = random.integer(0, 3); more > 0 && random.chance(0.5); more -= 1)
    headers[random.pick(HEADER_NAMES)] = asHeader(
      random.chance(0.5) ? random.pick(HEADER_VALUES) : random.pick(VALUES),
    );
  // Waiting for a word that never comes is not what is tested here.
  delete headers['expect'];
  return { method, path: pathOf(random, route), headers, body };
}

function pathOf(random: Random, { path }: ListedRoute): string {
  if (random.chance(0.1))
    return asPath(`/${random.pick(VALUES)}${random.chance(0.5) ? `/${random.pick(VALUES)}` : ''}`);
  const filled = path.replaceAll(/:\w+/g, () => {
    const value = random.pick(VALUES);
    return random.chance(0.8) ? encoded(value) : value;
  });
  const twisted = random.chance(0.1) ? twist(random, filled) : filled;
  const pairs = Array.from({ length: random.chance(0.7) ? random.integer(1, 4) : 0 }, () => {
    const [name, value] = [random.pick(NAMES), random.pick(VALUES)];
    return random.chance(0.85) ? `${encoded(name)}=${encoded(value)}` : `${name}=${value}`;
  });
  return asPath(pairs.length === 0 ? twisted : `${twisted}?${pairs.join('&')}`);
}

function twist(random: Random, path: string): string {
  const ways: readonly [() => string, ...(() => string)[]] = [
    () => path.replaceAll('/', '//'),
    () => path.replaceAll('/', '%2f'),
    () => `/..${path}`,
    () => `${path}/..`,
    () => `${path}/.`,
    () => `${path}/`,
    () => `${path};x=1`,
    () => path.toUpperCase(),
    () => `${path}%00`,
    () => `${path}%20`,
    () => path.replaceAll('/', '\\'),
    () => `/.${path}`,
  ];
  return random.pick(ways)();
}

function bodyOf(random: Random): Buffer {
  const json = (value: unknown): string => JSON.stringify(value);
  const ways: readonly [() => string | Buffer, ...(() => string | Buffer)[]] = [
    () =>
      json(
        Object.fromEntries(
          Array.from({ length: random.integer(1, 6) }, () => [random.pick(NAMES), valueOf(random)]),
        ),
      ),
    () => json({ pipeline: random.pick(VALUES), group: random.pick(VALUES), reason: random.pick(VALUES) }),
    () =>
      json({
        name: random.pick(VALUES),
        data: { [random.pick(NAMES)]: valueOf(random) },
        options: { jobId: random.pick(VALUES) },
      }),
    () => '{"__proto__": {"role": "operator"}, "constructor": {"prototype": {"x": 1}}}',
    () =>
      random.pick([
        '',
        '{',
        '{"a":',
        'nul',
        '"',
        '[1,',
        '{"a":1}}',
        "{'a':1}",
        '\ufeff{}',
        'undefined',
        '{"a":1,"a":2}',
      ]),
    () => '['.repeat(random.integer(100, 20_000)),
    () => `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    () => json(valueOf(random)),
    () =>
      `name=${encoded(random.pick(VALUES))}&password=${encoded(random.pick(VALUES))}&next=${encoded(random.pick(VALUES))}`,
    () => 'a=1&'.repeat(2000),
    () => json('x'.repeat(random.integer(60_000, 300_000))),
    () => Buffer.from(Array.from({ length: random.integer(1, 300) }, () => random.integer(0, 255))),
  ];
  return Buffer.from(random.pick(ways)());
}

function valueOf(random: Random): unknown {
  const scalars = [null, true, 0, -1, 1e308, 1.5, '', [], {}, [[[]]], { a: { b: {} } }] as const;
  return random.chance(0.5) ? random.pick(VALUES) : scalars[random.integer(0, scalars.length - 1)];
}

function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

/** What Node.js lets stand in the first line of a request. */
function asPath(text: string): string {
  return text.replaceAll(/[^\x21-\xff]/g, (character) => encoded(character)).slice(0, 8000);
}

/** What Node.js lets stand in a header. */
function asHeader(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?');
}
