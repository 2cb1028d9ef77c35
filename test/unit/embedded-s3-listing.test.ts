import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { S3Error } from '../../src/embedded/s3/http/errors.js';
import { rangeOf } from '../../src/embedded/s3/http/range.js';
import { escapeXml, xmlDocument, xmlElements, xmlText } from '../../src/embedded/s3/http/xml.js';
import { contentName } from '../../src/embedded/s3/store/layout.js';
import { listPage, type Position } from '../../src/embedded/s3/store/listing.js';
import { SortedKeys } from '../../src/embedded/s3/store/sorted-keys.js';

/** Few characters, so that prefixes meet; the last two are ordered differently in UTF-8 and in UTF-16. */
const key = fc
  .array(fc.constantFrom('a', 'b', '/', '~', '\uffee', '𝒳'), { minLength: 1, maxLength: 6 })
  .map((characters) => characters.join(''));
const keys = fc.uniqueArray(key, { maxLength: 40 });

const bytewise = (list: readonly string[]): readonly string[] =>
  [...list].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

function allPages(sorted: SortedKeys, prefix: string, delimiter: string, maxKeys: number): readonly string[] {
  const found: string[] = [];
  let after: Position | undefined;
  do {
    const page = listPage(sorted, { prefix, delimiter, after, maxKeys });
    const entries = [...page.keys, ...page.groups];
    expect(entries.length).toBeLessThanOrEqual(maxKeys);
    expect(page.next === undefined || entries.length === maxKeys).toBe(true);
    found.push(...bytewise(entries));
    after = page.next;
  } while (after !== undefined);
  return found;
}

test('pages of any size hold every key or its group once, in the order of UTF-8', () => {
  const short = fc.constantFrom('', 'a', 'a/', '/');
  fc.assert(
    fc.property(keys, short, fc.constantFrom('', '/', 'b'), fc.integer({ min: 1, max: 9 }), (...given) => {
      const [list, prefix, delimiter, maxKeys] = given;
      const entries = list
        .filter((one) => one.startsWith(prefix))
        .map((one) => {
          const index = delimiter === '' ? -1 : one.indexOf(delimiter, prefix.length);
          return index < 0 ? one : one.slice(0, index + delimiter.length);
        });
      expect(allPages(new SortedKeys(list), prefix, delimiter, maxKeys)).toEqual(
        bytewise([...new Set(entries)]),
      );
    }),
  );
});

test('keys stay sorted when some are added and others removed', () => {
  fc.assert(
    fc.property(keys, keys, keys, (first, added, removed) => {
      const sorted = new SortedKeys(first);
      for (const one of added) sorted.add(one);
      for (const one of removed) sorted.delete(one);
      const left = [...new Set([...first, ...added])].filter((one) => !removed.includes(one));
      expect(Array.from({ length: sorted.length }, (_, index) => sorted.at(index))).toEqual(bytewise(left));
    }),
  );
});

test('a page of no keys is the last one', () => {
  const page = listPage(new SortedKeys(['a']), { prefix: '', delimiter: '', after: undefined, maxKeys: 0 });
  expect(page).toEqual({ keys: [], groups: [], next: undefined });
});

test('the content file of any key is a name of its own within its folder', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (given) => {
      const name = contentName(given);
      expect(name).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*~[0-9a-f]{16}$/);
      expect(name.length).toBeLessThan(256);
      expect(contentName(given)).not.toBe(name);
    }),
  );
});

describe('a range', () => {
  test.each([
    [undefined, 10, undefined],
    ['bytes=0-', 10, { first: 0, last: 9 }],
    ['bytes=-3', 10, { first: 7, last: 9 }],
    ['bytes=9-9', 10, { first: 9, last: 9 }],
    ['bytes=0-1,4-5', 10, undefined],
    ['bytes=-', 10, undefined],
  ])('%s of %s bytes', (header, size, range) => {
    expect(rangeOf(header, size)).toEqual(range);
  });

  test.each([
    ['bytes=0-', 0],
    ['bytes=-5', 0],
    ['bytes=10-11', 10],
  ])('%s of %s bytes is an error', (header, size) => {
    expect(() => rangeOf(header, size)).toThrow(S3Error);
  });
});

describe('XML', () => {
  test('gives back any text that was put into it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const document = xmlDocument('Delete', { Object: [{ Key: text }, { Key: 'b' }], Quiet: undefined });
        const [first = '', second = '', ...others] = xmlElements(document, 'Object');
        expect([xmlText(first, 'Key'), xmlText(second, 'Key'), others]).toEqual([text, 'b', []]);
        expect(xmlText(document, 'Quiet')).toBeUndefined();
        expect(escapeXml(text)).not.toMatch(/[<>"]/);
      }),
    );
  });

  test.each(['<a><![CDATA[x]]></a>', '<!DOCTYPE a><a>x</a>', '<a>&nbsp;</a>', '<a>&#xD800;</a>'])(
    '%s is refused',
    (document) => {
      expect(() => xmlText(document, 'a')).toThrow(S3Error);
    },
  );
});
