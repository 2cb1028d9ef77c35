import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { StoreError, storeAwayOf } from '../../src/destinations/errors.js';
import {
  checkFileName,
  InvalidFileNameError,
  NoSuchFileError,
  type FileStore,
} from '../../src/destinations/file-store.js';
import { openFiles } from '../../src/destinations/files/open-files.js';
import { chunks } from '../support/uploads.js';

const signal = new AbortController().signal;
const type = { contentType: 'text/plain', signal };
let directory: string;
let files: FileStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-courier-files-'));
  files = openFiles({ directory });
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const text = (value: string): AsyncIterable<Uint8Array> => chunks(Buffer.from(value));

async function listed(prefix = ''): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of files.list(prefix, signal)) names.push(name);
  return names;
}

/** All that is in the directory, what is being written too. */
async function everything(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

describe('a file', () => {
  test('has its content, size, digest and modes, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      const content = Buffer.alloc(300_000, 'log-courier');
      const receipt = await files.put(
        '2026/11/a.avro',
        chunks(content.subarray(0, 7), Buffer.alloc(0), content.subarray(7)),
        type,
      );
      expect(receipt).toEqual({ bytes: 300_000, sha256: createHash('sha256').update(content).digest('hex') });
      expect(await buffer(files.read('2026/11/a.avro', signal))).toEqual(content);
      expect(await files.head('2026/11/a.avro', signal)).toEqual({ bytes: 300_000, metadata: {} });
      expect((await stat(join(directory, '2026/11/a.avro'))).mode & 0o777).toBe(0o640);
      expect((await stat(join(directory, '2026'))).mode & 0o777).toBe(0o750);
      expect((await stat(join(directory, '2026/11'))).mode & 0o777).toBe(0o750);
    } finally {
      process.umask(before);
    }
  });

  test('is replaced by the new whole, also when the old one was longer', async () => {
    await files.put('a', text('a long text that was here before'), type);
    await files.put('a', text('short'), type);
    expect(await buffer(files.read('a', signal))).toEqual(Buffer.from('short'));
    expect(await everything()).toEqual(['a']);
  });

  test('stays as it was when the new content fails, or is stopped', async () => {
    await files.put('a', text('old'), type);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('half'));
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });
    }
    // Nothing to do with the file system, whatever it looks like.
    await expect(files.put('a', failing(), type)).rejects.toMatchObject({
      name: 'Error',
      code: 'ECONNREFUSED',
    });
    const stop = new AbortController();
    async function* stopping(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('half'));
      stop.abort(new Error('stopped'));
      yield Buffer.from('other half');
    }
    await expect(files.put('a', stopping(), { ...type, signal: stop.signal })).rejects.toThrow('stopped');
    expect(await buffer(files.read('a', signal))).toEqual(Buffer.from('old'));
    expect(await everything()).toEqual(['a']);
  });

  test('that is not there is told apart', async () => {
    expect(await files.head('a', signal)).toBeUndefined();
    expect(await files.head('folder/a', signal)).toBeUndefined();
    await expect(buffer(files.read('a', signal))).rejects.toThrow(NoSuchFileError);
    await files.remove('a', signal);
    await files.put('a', text('there'), type);
    await files.remove('a', signal);
    expect(await files.head('a', signal)).toBeUndefined();
  });

  test.each([
    ['../a', '..'],
    ['a/../../b', '..'],
    ['/etc/passwd', 'without a name'],
    ['a//b', 'without a name'],
    ['', 'without a name'],
    ['a/', 'without a name'],
    ['./a', '. is in it'],
    ['a\u0000b', 'control characters'],
    ['a\nb', 'control characters'],
    ['a\ud800', 'not valid Unicode'],
    ['x'.repeat(256), 'more than 255 bytes'],
    ['ab/'.repeat(400) + 'a', 'more than 1024 bytes'],
    ['.log-courier-a', 'for what is being written'],
  ])('with a name that some store cannot hold is refused (%#)', async (name, why) => {
    expect(() => {
      checkFileName(name);
    }).toThrow(InvalidFileNameError);
    await expect(files.put(name, text('a'), type)).rejects.toThrow(why);
    await expect(buffer(files.read(name, signal))).rejects.toThrow(InvalidFileNameError);
    await expect(files.head(name, signal)).rejects.toThrow(InvalidFileNameError);
    await expect(files.remove(name, signal)).rejects.toThrow(InvalidFileNameError);
    expect(await everything()).toEqual([]);
  });
});

describe('a directory', () => {
  test('lists its files in the order of their names, with sizes', async () => {
    const names = ['b', 'a/b', 'a.txt', 'a/a', 'a-b', 'ä', 'a/c/d', 'B'];
    for (const name of names) await files.put(name, text(name), type);
    await symlink('/etc/passwd', join(directory, 'link'));
    const inOrder = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await listed()).toEqual(inOrder);
    expect(await listed('a/')).toEqual(['a/a', 'a/b', 'a/c/d']);
    expect(await listed('a')).toEqual(['a-b', 'a.txt', 'a/a', 'a/b', 'a/c/d']);
    expect(await listed('nothing')).toEqual([]);
    for await (const file of files.list('ä', signal)) expect(file).toEqual({ name: 'ä', bytes: 2 });
  });

  test('that is missing is away, and nothing is made in its place', async () => {
    await rm(directory, { recursive: true });
    for (const tried of [
      files.put('2026/a', text('a'), type),
      files.check(signal),
      listed(),
      buffer(files.read('a', signal)),
      files.head('a', signal),
      files.remove('a', signal),
    ]) {
      const error: unknown = await tried.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: 'NoSuchDirectory', permanent: false });
      expect(storeAwayOf(error)).toBe('files');
    }
    await expect(stat(directory)).rejects.toThrow('ENOENT');
  });

  test('that is a file is refused by the check', async () => {
    await writeFile(join(directory, 'file'), '');
    await files.check(signal);
    await expect(openFiles({ directory: join(directory, 'file') }).check(signal)).rejects.toThrow(StoreError);
  });

  test('says what is in the way', async () => {
    await files.put('a', text('a'), type);
    await expect(files.put('a/b', text('b'), type)).rejects.toMatchObject({
      code: 'ENOTDIR',
      permanent: true,
      away: false,
    });
    await mkdir(join(directory, 'folder/inside'), { recursive: true });
    await expect(files.put('folder', text('b'), type)).rejects.toThrow(
      'a folder stands where the file is needed',
    );
    expect(await everything()).toEqual(['a']);
  });

  const isRoot = process.getuid?.() === 0;
  (isRoot ? test.skip : test)('that may not be written to says so', async () => {
    await chmod(directory, 0o500);
    await expect(files.check(signal)).rejects.toMatchObject({ code: 'EACCES', permanent: true });
    await chmod(directory, 0o700);
  });
});

/** Writes files without end, each of a letter, as a process of its own, and says the names as they are there. */
const WRITER = `
  const { openFiles } = await import(process.argv[1]);
  const files = openFiles({ directory: process.argv[2] });
  const signal = new AbortController().signal;
  async function* content(letter) {
    for (let chunk = 0; chunk < 64; chunk += 1) {
      yield Buffer.alloc(16 * 1024, letter);
      if (chunk === 32) process.stdout.write('half\\n');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  for (let turn = 0; ; turn += 1) {
    const letter = String.fromCharCode(97 + turn % 26);
    await files.put('year/file', content(letter), { contentType: 'text/plain', signal });
    process.stdout.write('whole\\n');
  }
`;

describe('a process that is killed while it writes', () => {
  test('leaves the old file or the new one, and what it had begun is removed by whoever comes next', async () => {
    const module = new URL('../../dist/destinations/files/open-files.js', import.meta.url).href;
    let strays = 0;
    for (let round = 0; round < 12; round += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, module, directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      // At moments that differ: in the middle of a file, and at its end.
      let seen = 0;
      for await (const said of child.stdout) {
        seen += String(said).split('\n').length - 1;
        if (seen > 2 + round) break;
      }
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      const content = await readFile(join(directory, 'year/file'));
      expect(content.length).toBe(64 * 16 * 1024);
      expect(new Set(content).size).toBe(1);
      strays += (await everything()).length - 1;
      expect(await listed()).toEqual(['year/file']);
      expect(await everything()).toEqual(['file']);
    }
    expect(strays).toBeGreaterThan(0);
  });

  test('is told from one that is at it, and from one elsewhere', async () => {
    const begun: string[] = [];
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('half'));
      await openFiles({ directory }).put('b', text('b'), type);
      begun.push(...(await everything()));
      yield Buffer.from('other half');
    }
    await files.put('a', slow(), type);
    expect(begun).toHaveLength(2);
    expect(await everything()).toEqual(expect.arrayContaining(['a', 'b']));

    const elsewhere = `.log-courier-${'0'.repeat(12)}-1-77-${'f'.repeat(16)}.part`;
    await writeFile(join(directory, elsewhere), 'half');
    expect(await listed()).toEqual(['a', 'b']);
    expect(await everything()).toContain(elsewhere);
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    await utimes(join(directory, elsewhere), longAgo, longAgo);
    await openFiles({ directory }).put('c', text('c'), type);
    expect((await everything()).sort()).toEqual(['a', 'b', 'c']);
  });
});
