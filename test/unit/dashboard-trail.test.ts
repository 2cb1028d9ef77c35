import { describe, expect, test } from '@jest/globals';
import { boardRoutes } from '../../src/dashboard/board.js';
import { boardChangeOf } from '../../src/dashboard/trail/board-change.js';

describe('a change on the board', () => {
  test.each([
    ['/api/queues/pause', 'board: pause', 'all queues'],
    ['/api/queues/q/add', 'board: add', 'queue q'],
    ['/api/queues/q/pause', 'board: pause', 'queue q'],
    ['/api/queues/q/retry/failed', 'board: retry all', 'failed jobs of queue q'],
    ['/api/queues/q/clean/completed', 'board: clean all', 'completed jobs of queue q'],
    ['/api/queues/q/rate-limit/release', 'board: release rate limit', 'queue q'],
    ['/api/queues/q/order-1/retry', 'board: retry', 'job order-1 of queue q'],
    ['/api/queues/q/order-1/update-data', 'board: update-data', 'job order-1 of queue q'],
    ['/api/queues/q/job-schedulers/every%20hour', 'board: reschedule', 'schedule every hour of queue q'],
    ['/api/queues/q/job-schedulers/s/run', 'board: run schedule', 'schedule s of queue q'],
    ['/api/queues/q/%E0%A4%A/retry', 'board: retry', 'job %E0%A4%A of queue q'],
    ['/elsewhere', 'board: PUT', 'elsewhere'],
  ])('at %s is noted as %s, about %s', (path, action, about) => {
    expect(boardChangeOf('PUT', path)).toEqual({ action, about });
  });

  test('has words for every address that changes something', () => {
    const changing = boardRoutes().filter(({ method }) => method !== 'get');
    expect(changing.length).toBeGreaterThan(20);
    for (const { method, path } of changing) {
      const { action } = boardChangeOf(method, path.slice('/queues'.length));
      expect(action).not.toBe(`board: ${method}`);
    }
  });

  test('needs an operator, all else of the board a viewer', () => {
    for (const { method, role } of boardRoutes()) expect(role).toBe(method === 'get' ? 'viewer' : 'operator');
  });
});
