import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { credentialsOf } from '../../src/dashboard/access/authorization.js';
import { cookieOf } from '../../src/dashboard/access/cookies.js';
import { countedAs } from '../../src/dashboard/access/login-limit.js';
import { hashPassword, isPassword, readHash } from '../../src/dashboard/access/password-hash.js';
import { hashToken, isTokenHash, randomToken } from '../../src/dashboard/access/token.js';
import { parseUsers, UsersFile, UsersFileError } from '../../src/dashboard/access/users-file.js';
import { isThisMachine } from '../../src/dashboard/access/open-access.js';
import { silentLog } from '../../src/observability/log.js';

const dir = mkdtempSync(join(tmpdir(), 'users-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';
const HASH = 'BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA';
const PASSWORD_HASH = `scrypt$16384$8$1$${SALT}$${HASH}`;
const TOKEN_HASH = hashToken('secret');

function basic(userPass: string): string {
  return `Basic ${Buffer.from(userPass, 'utf8').toString('base64')}`;
}

describe('a password', () => {
  test('is known again by its hash, and no other is', async () => {
    const text = await hashPassword('päss:word');
    expect(text).toMatch(/^scrypt\$32768\$8\$3\$/);
    expect(await hashPassword('päss:word')).not.toBe(text);
    const hash = readHash(text);
    if (hash === undefined) throw new Error('the hash cannot be read');
    expect(await isPassword('päss:word', hash)).toBe(true);
    expect(await isPassword('päss:wore', hash)).toBe(false);
    expect(await isPassword('', hash)).toBe(false);
  });

  test.each([
    ['no hash', 'hunter2'],
    ['nothing', ''],
    ['a cost that is too low', `scrypt$8192$8$1$${SALT}$${HASH}`],
    ['a cost that is no power of 2', `scrypt$20000$8$1$${SALT}$${HASH}`],
    ['a cost that takes all memory', `scrypt$16777216$8$1$${SALT}$${HASH}`],
    ['blocks that are too small', `scrypt$16384$1$1$${SALT}$${HASH}`],
    ['too many rounds', `scrypt$16384$8$99$${SALT}$${HASH}`],
    ['no salt', `scrypt$16384$8$1$$${HASH}`],
    ['more behind it', `${PASSWORD_HASH}$x`],
    ['another function', PASSWORD_HASH.replace('scrypt', 'md5')],
  ])('has no hash that is %s', (_, text) => {
    expect(readHash(text)).toBeUndefined();
  });
});

describe('a token', () => {
  test('is random, and its hash tells nothing', () => {
    const token = randomToken();
    expect(token).toMatch(/^lc_[\w-]{43}$/);
    expect(randomToken()).not.toBe(token);
    expect(isTokenHash(hashToken(token))).toBe(true);
    expect(isTokenHash(token)).toBe(false);
  });
});

describe('an Authorization header', () => {
  test.each([
    ['', { kind: 'unknown' }],
    ['Basic', { kind: 'unknown' }],
    ['Digest abc', { kind: 'unknown' }],
    [basic('operator'), { kind: 'unknown' }],
    ['Basic operator:päss', { kind: 'unknown' }],
    [basic('operator:päss:word'), { kind: 'basic', name: 'operator', password: 'päss:word' }],
    [basic('a:').replace('Basic', 'bAsIc'), { kind: 'basic', name: 'a', password: '' }],
    ['Bearer lc_abc-1', { kind: 'bearer', token: 'lc_abc-1' }],
    ['bearer  lc_abc', { kind: 'bearer', token: 'lc_abc' }],
    ['Bearer a b', { kind: 'unknown' }],
  ])('%j is read', (header, expected) => {
    expect(credentialsOf(header)).toEqual(expected);
  });

  test('of HTTP Basic brings every name and password through', () => {
    const password = fc.string({ unit: 'binary' });
    const name = password.filter((text) => !text.includes(':'));
    fc.assert(
      fc.property(name, password, (user, pass) => {
        expect(credentialsOf(basic(`${user}:${pass}`))).toEqual({
          kind: 'basic',
          name: user,
          password: pass,
        });
      }),
    );
  });
});

describe('attempts', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('from %s count for %s', (address, expected) => {
    expect(countedAs(address)).toBe(expected);
  });
});

describe('a cookie', () => {
  test.each([
    [undefined, undefined],
    ['', undefined],
    ['b=2', undefined],
    ['xa=2', undefined],
    ['a=1', '1'],
    ['b=2; a=1=; c', '1='],
    ['b=2;a=1; a=3', '1'],
  ])('is found in %j', (header, expected) => {
    expect(cookieOf(header, 'a')).toBe(expected);
  });
});

describe('a dashboard without users', () => {
  test.each(['127.0.0.1:8080', 'localhost:8080', 'LOCALHOST', '[::1]:8080', '[::1]', '127.1.2.3'])(
    'is on this machine as %s',
    (host) => {
      expect(isThisMachine(host)).toBe(true);
    },
  );

  test.each([
    'evil.example.com',
    'localhost.evil.com:8080',
    '127.0.0.1.evil.com',
    '10.0.0.1:8080',
    '',
    ':80',
    undefined,
  ])('has no other name, such as %j, which a web site could point at it', (host) => {
    expect(isThisMachine(host)).toBe(false);
  });
});

describe('a file of users', () => {
  test('says who may come in, how, and as what', () => {
    const text = `
users:
  - name: alice
    role: operator
    password: ${PASSWORD_HASH}
  - { name: 007, role: viewer, token: ${TOKEN_HASH} }
`;
    expect(parseUsers(text)).toEqual([
      { name: 'alice', role: 'operator', password: PASSWORD_HASH, tokenHash: undefined },
      { name: '007', role: 'viewer', password: undefined, tokenHash: TOKEN_HASH },
    ]);
  });

  test('is shown in docs/security.md as it is read', () => {
    const [, example = ''] =
      /```yaml\n(users:\n[^`]+)```/.exec(readFileSync('docs/security.md', 'utf8')) ?? [];
    expect(parseUsers(example).map(({ name, role }) => ({ name, role }))).toEqual([
      { name: 'olga', role: 'operator' },
      { name: 'prometheus', role: 'viewer' },
    ]);
  });

  const user = `name: a, role: viewer, token: ${TOKEN_HASH}`;
  test.each([
    ['nothing', '', /expected a map with users/],
    ['no list', 'users: alice', /users: expected a list of users/],
    ['a misspelt key', `user: [{${user}}]`, /users/],
    [
      'an unknown role',
      'users: [{name: a, role: root, token: x}]',
      /users\.0\.role: expected viewer or operator/,
    ],
    ['no role', `users: [{name: a, token: ${TOKEN_HASH}}]`, /users\.0\.role/],
    [
      'a colon in a name',
      `users: [{name: "a:b", role: viewer, token: ${TOKEN_HASH}}]`,
      /users\.0\.name: expected no colon/,
    ],
    [
      'a password as it is',
      'users: [{name: a, role: viewer, password: hunter2}]',
      /users\.0\.password: expected a hash/,
    ],
    [
      'a token as it is',
      'users: [{name: a, role: viewer, token: hunter2}]',
      /users\.0\.token: expected a hash/,
    ],
    ['neither', 'users: [{name: a, role: viewer}]', /expected a password or a token/],
    ['a name twice', `users: [{${user}}, {${user}}]`, /expected each name once/],
    ['an unknown key', `users: [{${user}, admin: true}]`, /admin/],
    ['no YAML', 'users: [{', /at character/],
  ])('with %s is refused, and nothing of it is told', (_, text, problem) => {
    expect(() => parseUsers(text)).toThrow(UsersFileError);
    expect(() => parseUsers(text)).toThrow(problem);
    expect(() => parseUsers(text)).not.toThrow(/hunter2/);
  });

  test('is read again when another takes its place, and a broken one changes nothing', async () => {
    const path = join(dir, 'users.yaml');
    const namesIn = async (): Promise<readonly string[]> => (await file.users()).map(({ name }) => name);
    const write = (text: string): void => {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    };
    write(`users: [{${user}}]`);
    const file = await UsersFile.open(path, silentLog());
    expect(await namesIn()).toEqual(['a']);
    write(`users: [{${user}}, {name: b, role: operator, password: ${PASSWORD_HASH}}]`);
    expect(await namesIn()).toEqual(['a', 'b']);
    write('users: [{');
    expect(await namesIn()).toEqual(['a', 'b']);
    rmSync(path);
    expect(await namesIn()).toEqual(['a', 'b']);
    write('users: []');
    expect(await namesIn()).toEqual([]);
  });

  test('that is not there is told with the setting to mend', async () => {
    await expect(UsersFile.open(join(dir, 'none.yaml'), silentLog())).rejects.toThrow(
      /^dashboard\.users-file: .*none\.yaml cannot be used/,
    );
  });
});
