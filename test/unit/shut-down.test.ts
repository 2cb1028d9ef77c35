import { describe, expect, test } from '@jest/globals';
import type { Running } from '../../src/cli/roles.js';
import { ShutdownTimeoutError, shutDown } from '../../src/cli/shut-down.js';
import { EngineAwayError, waitFor } from '../../src/cli/wait-for.js';
import { silentLog } from '../../src/observability/log.js';

const log = silentLog();
const going = new AbortController().signal;

/** Something that ends when it is told to hand back, or when `end` is called, and notes what it was asked for. */
function work(events: string[], name: string): Running & { readonly end: () => void } {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return {
    drain: () => {
      events.push(`${name} drains`);
      return ended;
    },
    handBack: () => {
      events.push(`${name} hands back`);
      end();
    },
    end,
  };
}

describe('an orderly end', () => {
  test('lets what is in flight finish, and hands nothing back', async () => {
    const events: string[] = [];
    const running = work(events, 'delivery');
    const down = shutDown([running], 3600, log);
    running.end();
    await down;
    expect(events).toEqual(['delivery drains']);
  });

  test('hands back what does not finish in time', async () => {
    const events: string[] = [];
    await shutDown([work(events, 'delivery')], 0.05, log);
    expect(events).toEqual(['delivery drains', 'delivery hands back']);
  });

  test('stops everything at once: nothing waits for another one’s end', async () => {
    const events: string[] = [];
    const [first, second] = [work(events, 'metrics'), work(events, 'delivery')];
    const down = shutDown([first, second], 3600, log);
    expect(events).toEqual(['delivery drains', 'metrics drains']);
    first.end();
    second.end();
    await down;
  });

  test('fails when even handing back takes too long, and names the setting', async () => {
    const stuck = { drain: () => new Promise<void>(() => undefined), handBack: () => undefined };
    const down = shutDown([stuck], 0.05, log);
    await expect(down).rejects.toThrow(ShutdownTimeoutError);
    await expect(down).rejects.toThrow('0.05 s (shutdown-timeout-seconds)');
  });

  test('of nothing is no wait', async () => {
    await shutDown([], 3600, log);
  });
});

describe('waiting for engines', () => {
  test('ends when all of them answer, however late', async () => {
    let asked = 0;
    const late = {
      engine: 'redis',
      check: () => {
        asked += 1;
        return asked < 2 ? Promise.reject(new Error('connection refused')) : Promise.resolve();
      },
    };
    await waitFor([late, { engine: 'clickhouse', check: () => Promise.resolve() }], log, going);
    expect(asked).toBe(2);
  });

  test('fails when the patience is over, and says which engine gave which answer', async () => {
    const away = { engine: 'clickhouse', check: () => Promise.reject(new Error('connection refused')) };
    const waiting = waitFor([away], log, going, 0);
    await expect(waiting).rejects.toThrow(EngineAwayError);
    await expect(waiting).rejects.toThrow('clickhouse has not answered for 0 s: connection refused');
  });

  test('ends as soon as the process is told to stop', async () => {
    const stop = new AbortController();
    const reason = new Error('told to stop by SIGTERM');
    const away = {
      engine: 's3',
      check: () => {
        stop.abort(reason);
        return Promise.reject(new Error('connection refused'));
      },
    };
    await expect(waitFor([away], log, stop.signal)).rejects.toBe(reason);
  });
});
