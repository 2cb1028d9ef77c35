import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { isPassword, readHash } from '../../src/dashboard/access/password-hash.js';
import { hashToken } from '../../src/dashboard/access/token.js';

const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

function hash(input: string, ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'hash-password', ...words], {
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('hash-password prints the hash of what is piped in, and nothing else', async () => {
  const { status, stdout, stderr } = hash('päss word\n');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const read = readHash(stdout.trim());
  if (read === undefined) throw new Error(`no hash: ${stdout}`);
  expect(await isPassword('päss word', read)).toBe(true);
});

test('hash-password refuses an empty password', () => {
  expect(hash('\n')).toEqual({
    status: 2,
    stdout: '',
    stderr: 'log-courier: hash-password: the password is empty; give one on standard input\n',
  });
});

test('hash-password --token prints a token and its hash', () => {
  const { status, stdout } = hash('', '--token');
  const [, token = '', hashed] = /^token {2}(lc_[\w-]+)\nhash {3}(\S+)\n$/.exec(stdout) ?? [];
  expect([status, hashed]).toEqual([0, hashToken(token)]);
});
