import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GroupLoader, type GroupOptions } from '../../src/pipelines/group-loader.js';

/** A request as the tests make it. */
interface Asked {
  readonly id: number;
  readonly kind: string;
  readonly weight: number;
}

const isCommon = (error: unknown): boolean => error instanceof Error && error.message === 'away';
const never = new AbortController().signal;
const HEAVIEST = 7;

/** Lets whatever is ready in the event loop happen. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A loader whose groups are answered when the test says so; it doubles numbers. */
function heldLoader(options: Partial<GroupOptions<number, number>> = {}): {
  readonly loader: GroupLoader<number, number>;
  readonly groups: {
    readonly requests: readonly number[];
    readonly signal: AbortSignal;
    readonly answer: () => void;
    readonly fail: (error: Error) => void;
  }[];
} {
  const groups: ReturnType<typeof heldLoader>['groups'] = [];
  const loader = new GroupLoader<number, number>({
    load: (requests, signal) =>
      new Promise((resolve, reject) => {
        groups.push({
          requests,
          signal,
          answer: () => {
            resolve(requests.map((request) => request * 2));
          },
          fail: reject,
        });
      }),
    mostMembers: 100,
    isCommon,
    ...options,
  });
  return { loader, groups };
}

describe('requests', () => {
  test('of one turn are a group, and those that come while it is under way are the next', async () => {
    const { loader, groups } = heldLoader();
    const first = Promise.all([1, 2].map((request) => loader.load(request, never)));
    await turn();
    const second = Promise.all([3, 4, 5].map((request) => loader.load(request, never)));
    await turn();
    expect(groups.map(({ requests }) => requests)).toEqual([[1, 2]]);
    groups[0]?.answer();
    expect(await first).toEqual([2, 4]);
    await turn();
    groups[1]?.answer();
    expect(await second).toEqual([6, 8, 10]);
    expect(groups.map(({ requests }) => requests)).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
  });

  test('are answered once each with their own answer, in groups of one kind within the limits, each after it was made', async () => {
    const asked = fc.record({
      kind: fc.constantFrom('a', 'b', 'c'),
      weight: fc.nat(HEAVIEST),
      turns: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(asked, { maxLength: 30 }),
        fc.record({
          members: fc.integer({ min: 1, max: 5 }),
          weight: fc.nat(12),
          atATime: fc.integer({ min: 1, max: 3 }),
        }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 8 }),
        async (requests, most, pace) => {
          const made = new Set<number>();
          const underWay: string[] = [];
          let loads = 0;
          const loader = new GroupLoader<Asked, string>({
            load: async (group) => {
              const [first] = group;
              expect(group.every(({ id }) => made.has(id))).toBe(true);
              expect(group.every(({ kind }) => kind === first?.kind)).toBe(true);
              expect(group.length).toBeLessThanOrEqual(most.members);
              const weight = group.reduce((sum, one) => sum + one.weight, 0);
              if (group.length > 1) expect(weight).toBeLessThanOrEqual(most.weight);
              // Of a kind that is under way only what cannot grow: a group that is full, or has no room for the next.
              if (underWay.includes(first?.kind ?? ''))
                expect(group.length === most.members || weight + HEAVIEST >= most.weight).toBe(true);
              underWay.push(first?.kind ?? '');
              expect(underWay.length).toBeLessThanOrEqual(most.atATime);
              loads += 1;
              for (let left = pace[loads % pace.length] ?? 0; left > 0; left -= 1) await turn();
              underWay.splice(underWay.indexOf(first?.kind ?? ''), 1);
              return group.map(({ id }) => `answer ${String(id)}`);
            },
            mostMembers: most.members,
            weightOf: ({ weight }) => weight,
            mostWeight: most.weight,
            kindOf: ({ kind }) => kind,
            atATime: most.atATime,
            isCommon,
          });
          const answers = await Promise.all(
            requests.map(async ({ turns, ...rest }, id) => {
              for (let left = turns; left > 0; left -= 1) await turn();
              made.add(id);
              return loader.load({ id, ...rest }, never);
            }),
          );
          expect(answers).toEqual(requests.map((_, id) => `answer ${String(id)}`));
        },
      ),
    );
  });
});

describe('an error', () => {
  test('that is common reaches all of the group, and nobody else', async () => {
    const { loader, groups } = heldLoader({ mostMembers: 2 });
    const outcomes = Promise.allSettled([1, 2, 3].map((request) => loader.load(request, never)));
    await turn();
    groups[0]?.fail(new Error('away'));
    await turn();
    await turn();
    groups[1]?.answer();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(groups).toHaveLength(2);
  });

  test('of some members is theirs alone: the others are answered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(50), { maxLength: 12 }), fc.nat(50), async (requests, bad) => {
        const loader = new GroupLoader<number, number>({
          load: (group) =>
            group.some((one) => one % 7 === bad % 7)
              ? Promise.reject(new Error('refused'))
              : Promise.resolve(group),
          mostMembers: 5,
          isCommon,
        });
        const outcomes = await Promise.allSettled(requests.map((one) => loader.load(one, never)));
        expect(outcomes.map(({ status }) => status === 'rejected')).toEqual(
          requests.map((one) => one % 7 === bad % 7),
        );
      }),
    );
  });

  test('is what an answer of the wrong length makes: nobody gets the answer of another', async () => {
    const loader = new GroupLoader<number, number>({
      load: (group) => Promise.resolve(group.slice(1)),
      mostMembers: 5,
      isCommon,
    });
    const outcomes = await Promise.allSettled([1, 2].map((one) => loader.load(one, never)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('a request that is given up', () => {
  test('ends at once with the reason, and its group goes on', async () => {
    const { loader, groups } = heldLoader();
    const stop = new AbortController();
    const given = loader.load(1, stop.signal);
    const other = loader.load(2, never);
    await turn();
    stop.abort(new Error('stopped'));
    await expect(given).rejects.toThrow('stopped');
    expect(groups[0]?.signal.aborted).toBe(false);
    groups[0]?.answer();
    expect(await other).toBe(4);
  });

  test('is not asked for when its group has not begun', async () => {
    const { loader, groups } = heldLoader();
    const stop = new AbortController();
    const given = loader.load(1, stop.signal);
    const other = loader.load(2, never);
    stop.abort(new Error('stopped'));
    await expect(given).rejects.toThrow('stopped');
    await turn();
    expect(groups.map(({ requests }) => requests)).toEqual([[2]]);
    groups[0]?.answer();
    await other;
  });

  test('is not made when it was given up before', async () => {
    const { loader, groups } = heldLoader();
    await expect(loader.load(1, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    await turn();
    expect(groups).toEqual([]);
  });

  test('aborts the group when nobody else waits for it, and lets the next one begin', async () => {
    const { loader, groups } = heldLoader();
    const stop = new AbortController();
    const given = [1, 2].map((request) => loader.load(request, stop.signal));
    await turn();
    const next = loader.load(3, never);
    stop.abort(new Error('stopped'));
    for (const one of given) await expect(one).rejects.toThrow('stopped');
    expect(groups[0]?.signal.aborted).toBe(true);
    groups[0]?.fail(new Error('aborted'));
    await turn();
    await turn();
    expect(groups.map(({ requests }) => requests)).toEqual([[1, 2], [3]]);
    groups[1]?.answer();
    expect(await next).toBe(6);
  });
});
