import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareMultisets, RecordMultiset } from '../../src/pipelines/access-logs/record-multiset.js';

function multiset(members: readonly string[]): RecordMultiset {
  const set = new RecordMultiset();
  for (const member of members) set.add(member);
  return set;
}

function counts(members: readonly string[]): Map<string, number> {
  const map = new Map<string, number>();
  for (const member of members) map.set(member, (map.get(member) ?? 0) + 1);
  return map;
}

test('multisets are compared as maps of counts would be', () => {
  const members = fc.array(fc.oneof(fc.constantFrom('', 'a', 'b', 'c', 'bucket REQ1'), fc.string()), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(members, members, (expected, found) => {
      const [want, have] = [counts(expected), counts(found)];
      const model = { common: 0, missing: 0, surplus: 0 };
      for (const [member, wanted] of want) {
        const had = have.get(member) ?? 0;
        model.common += Math.min(wanted, had);
        model.missing += Math.max(0, wanted - had);
        model.surplus += Math.max(0, had - wanted);
      }
      expect(compareMultisets(multiset(expected), multiset(found))).toEqual(model);
      expect(multiset(expected).size).toBe(expected.length);
    }),
  );
});

test('a multiset grows beyond its first room, and tells a hundred thousand request ids apart', () => {
  const ids = Array.from({ length: 100_000 }, (_, n) => `bucket REQ${String(n).padStart(12, '0')}`);
  const set = multiset(ids);
  expect(set.size).toBe(100_000);
  expect(new Set(set.sorted()).size).toBe(100_000);
  expect(compareMultisets(set, multiset(ids.slice(1)))).toEqual({ common: 99_999, missing: 1, surplus: 0 });
});
