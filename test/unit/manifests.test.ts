import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkChain, type ChainLink, type ChainOptions } from '../../src/pipelines/manifest-chain.js';
import { compareWithEntry, mayBeNewer, type ObjectState } from '../../src/pipelines/manifest-entry.js';
import {
  coveredTo,
  manifestKey,
  parseManifest,
  sequenceOf,
  sha256Of,
  writtenManifest,
  type ManifestObject,
  type WrittenManifest,
} from '../../src/pipelines/manifest.js';

const target = { bucket: 'logs', prefix: 'a/' };
const keyPrefix = 'manifests/';
const options: ChainOptions = { ...target, keyPrefix };

function objectAt(number: number, deliveredAt = '2026-01-02T03:04:05.000Z'): ManifestObject {
  const sha256 = sha256Of(String(number));
  return { key: `a/${number}`, records: number, bytes: 9, sha256, order: 'o', source: 's', deliveredAt };
}

/** A chain of so many manifests with one object each. */
function chainOf(length: number): WrittenManifest[] {
  const chain: WrittenManifest[] = [];
  for (let number = 1; number <= length; number += 1) {
    const previous = chain.at(-1);
    const draft = { ...target, pipeline: 'p', createdAt: '2026-01-02T04:00:00.000Z', previous };
    chain.push(writtenManifest({ ...draft, objects: [objectAt(number)] }, keyPrefix));
  }
  return chain;
}

/** What is found when these are read. */
function linksOf(chain: readonly Pick<WrittenManifest, 'sequence' | 'key' | 'content'>[]): ChainLink[] {
  return chain.map(({ sequence, key, content }) => {
    return { sequence, key, sha256: sha256Of(content), manifest: parseManifest(content) };
  });
}

function alteredAt(chain: readonly WrittenManifest[], position: number, content: string): ChainLink[] {
  return linksOf(chain.map((link, at) => (at === position ? { ...link, content } : link)));
}

describe('the key of a manifest', () => {
  test('is target prefix, key prefix and sequence', () => {
    expect(manifestKey('a/', 'm/', 42)).toBe('a/m/000000000042.json');
  });

  test.each([
    ['a/m/000000000042.json', 'a/', 42],
    ['a/m/000000000000.json', 'a/', undefined],
    ['a/m/00000000042.json', 'a/', undefined],
    ['a/m/0000000000042.json', 'a/', undefined],
    ['a/m/000000000042.json.gz', 'a/', undefined],
    ['a/m/m/000000000042.json', 'a/', undefined],
    ['a/m/000000000042.json', '', undefined],
    ['m/000000000042.json', '', 42],
  ])('%s below prefix %p has the sequence %p', (key, prefix, sequence) => {
    expect(sequenceOf(key, prefix, 'm/')).toBe(sequence);
  });

  test('belongs to one prefix alone', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '/', '0', '1', 'm'), maxLength: 6 });
    const someKeyPrefix = fc.string({
      unit: fc.constantFrom('m', '/', '0', '1'),
      minLength: 1,
      maxLength: 4,
    });
    const sequence = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(text, text, someKeyPrefix, sequence, (prefix, other, between, number) => {
        const key = manifestKey(prefix, between, number);
        expect(sequenceOf(key, prefix, between)).toBe(number);
        if (other !== prefix) expect(sequenceOf(key, other, between)).toBeUndefined();
      }),
    );
  });
});

describe('a manifest', () => {
  test('is read as it was written', () => {
    const [first, second] = chainOf(2);
    expect(parseManifest(second?.content ?? '')).toEqual({
      version: 1,
      pipeline: 'p',
      ...target,
      sequence: 2,
      createdAt: '2026-01-02T04:00:00.000Z',
      previous: { key: first?.key, sha256: first?.sha256 },
      objects: [objectAt(2)],
    });
    expect(parseManifest(Buffer.from(second?.content ?? ''))).toBeDefined();
  });

  test.each(['', 'null', '{}', '[', '{"version":2}'])('is not %p', (content) => {
    expect(parseManifest(content)).toBeUndefined();
  });

  test('is not what is no UTF-8', () => {
    const content = Buffer.from(chainOf(1)[0]?.content ?? '');
    content[20] = 0xff;
    expect(parseManifest(content)).toBeUndefined();
  });

  test('covers what was delivered up to its last object, but not what comes after itself', () => {
    const objects = [objectAt(1, '2026-01-02T03:00:00.000Z'), objectAt(2, '2026-01-02T03:30:00.000Z')];
    expect(coveredTo({ createdAt: '2026-01-02T04:00:00.000Z', objects })).toBe('2026-01-02T03:30:00.000Z');
    expect(coveredTo({ createdAt: '2026-01-02T03:10:00.000Z', objects })).toBe('2026-01-02T03:10:00.000Z');
  });
});

describe('a chain', () => {
  test('that was not changed fits, also from a later manifest on, and has what is expected', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(), (length, any) => {
        const chain = chainOf(length);
        const from = 1 + (any % length);
        const expected = chain.at(-1)?.sha256;
        expect(checkChain(linksOf(chain), { ...options, expected })).toBeUndefined();
        expect(checkChain(linksOf(chain.slice(from - 1)), { ...options, from })).toBeUndefined();
      }),
    );
  });

  test('of which one manifest is gone misses that one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 9 }), fc.nat(), (length, any) => {
        const chain = chainOf(length);
        const gone = 1 + (any % (length - 1));
        const rest = chain.filter(({ sequence }) => sequence !== gone);
        expect(checkChain(linksOf(rest), options)).toMatchObject({
          kind: 'manifest-missing',
          manifest: gone,
        });
      }),
    );
  });

  test('whose last manifest is gone does not have the digest that was noted of it', () => {
    const chain = chainOf(4);
    const links = linksOf(chain.slice(0, 3));
    expect(checkChain(links, options)).toBeUndefined();
    const expected = chain[3]?.sha256;
    expect(checkChain(links, { ...options, expected })).toMatchObject({ kind: 'manifest-unknown' });
  });

  test('of which one byte of a manifest was changed names that one, unless it is the last', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 7 }),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        (length, which, where, what) => {
          const chain = chainOf(length);
          const position = which % (length - 1);
          const content = chain[position]?.content ?? '';
          const at = where % content.length;
          const byte = String.fromCharCode(32 + (what % 95));
          fc.pre(byte !== content[at]);
          const changed = content.slice(0, at) + byte + content.slice(at + 1);
          const problem = checkChain(alteredAt(chain, position, changed), options);
          // The link to the last manifest has two ends, and nothing tells which of them is as it was.
          const named = position === length - 2 ? [position + 1, position] : [position + 1];
          expect(problem?.kind).toBe('manifest-altered');
          expect(named).toContain(problem?.manifest);
        },
      ),
    );
  });

  test('of which one manifest was written anew, with any other objects, names that one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.nat(),
        fc.integer({ min: 100 }),
        (length, any, number) => {
          const chain = chainOf(length);
          const position = any % (length - 1);
          const draft = { ...target, pipeline: 'p', createdAt: '2026-01-02T04:00:00.000Z' };
          const objects = [objectAt(number)];
          const previous = chain[position - 1];
          const { content } = writtenManifest({ ...draft, previous, objects }, keyPrefix);
          expect(checkChain(alteredAt(chain, position, content), options)).toMatchObject({
            kind: 'manifest-altered',
            manifest: position + 1,
            detail: expect.stringContaining(`manifest ${position + 2} names another digest`),
          });
        },
      ),
    );
  });

  test.each([
    ['"bucket":"logs"', '"bucket":"others"', 'it says that it is that of another place'],
    ['"prefix":"a/"', '"prefix":""', 'it says that it is that of another place'],
    ['"sequence":3', '"sequence":4', 'it says that it is that of another place'],
    ['000000000002.json', '000000000001.json', 'names a/manifests/000000000001.json as the one before it'],
    ['"version":1', '"version":9', 'its content is no manifest'],
  ])('whose last manifest has not %s but %s does not fit', (was, is, detail) => {
    const chain = chainOf(3);
    const content = chain[2]?.content.replace(was, is) ?? '';
    expect(checkChain(alteredAt(chain, 2, content), options)).toMatchObject({
      kind: 'manifest-altered',
      manifest: 3,
      detail: expect.stringContaining(detail),
    });
  });

  test('whose last two manifests do not fit each other has one of them altered', () => {
    const chain = chainOf(2);
    const content = chain[1]?.content.replace(chain[0]?.sha256 ?? '', sha256Of('')) ?? '';
    const problem = checkChain(alteredAt(chain, 1, content), options);
    expect(problem?.detail).toContain('or manifest 2 was, which no later one vouches for');
  });

  test.each([
    [[], undefined, 'no-manifests', 'there is no manifest s3://logs/a/manifests/'],
    [[2, 3], undefined, 'manifest-missing', 'manifest 1 is missing; if they were removed on purpose'],
    [[4], undefined, 'manifest-missing', 'manifests 1 to 3 are missing'],
    [[4], undefined, 'manifest-missing', 'begin with --from 4'],
    [[4], 3, 'manifest-missing', 'manifest 3, with which to begin, is missing'],
    [[], 3, 'manifest-missing', 'manifest 3, with which to begin, is missing'],
  ])('with the manifests %p, from %p on: %s, %s', (kept, from, kind, detail) => {
    const links = linksOf(chainOf(4)).filter(({ sequence }) => new Set<number>(kept).has(sequence));
    expect(checkChain(links, { ...options, from })).toMatchObject({
      kind,
      detail: expect.stringContaining(detail),
    });
  });
});

describe('an object', () => {
  const entry = { key: 'a/1', records: 2, bytes: 10, sha256: sha256Of('x') };
  const state: ObjectState = { bytes: 10, sha256: entry.sha256, lines: 2, saysRecords: 2, writtenMs: 1000 };

  test.each<[string, ObjectState | undefined, string | undefined]>([
    ['that is as its entry says fits', state, undefined],
    ['that was not read fits by its size', { bytes: 10, saysRecords: 2, writtenMs: 0 }, undefined],
    ['that is gone is named', undefined, 'object a/1 is gone; manifest 7 names it'],
    [
      'with another content is named',
      { ...state, sha256: sha256Of('y') },
      `object a/1: its content has sha256 ${sha256Of('y')}, manifest 7 says sha256 ${sha256Of('x')}`,
    ],
    [
      'of another size is named',
      { bytes: 11, saysRecords: 2, writtenMs: 0 },
      'object a/1: its content has 11 bytes, manifest 7 says 10 bytes',
    ],
    [
      'with other lines than records is named',
      { ...state, lines: 3 },
      'object a/1: its content has 3 lines, manifest 7 says 2 lines',
    ],
  ])('%s', (_what, now, detail) => {
    expect(compareWithEntry(now, entry, 7)?.detail).toBe(detail);
  });

  test.each([
    [3, 1000, true],
    [3, 999, false],
    [2, 1000, false],
    [Number.NaN, 1000, false],
  ])('that says %p records and was written at %p may be newer: %p', (saysRecords, writtenMs, newer) => {
    expect(mayBeNewer({ ...state, saysRecords, writtenMs }, entry, 1000)).toBe(newer);
    expect(mayBeNewer(undefined, entry, 1000)).toBe(false);
  });
});
