import { Gauge, type Registry } from 'prom-client';
import { FadingGauge } from './fading-gauge.js';

/**
 * Gauges of how a whole pipeline stands, whichever process is asked: one process looks, and each shows what it saw.
 * They are absent when nobody has looked for a while.
 */
export function createStateMetrics(registry: Registry) {
  const registers = [registry];
  const fading = <Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): FadingGauge<Label> => new FadingGauge({ name: `log_courier_${name}`, help, labelNames, registers });
  return {
    orders: fading('orders', 'Work orders in the order book that are not settled, by state.', ['state']),
    undeliveredRecords: fading(
      'undelivered_records',
      'Records in the work orders that are not settled, as counted when they were ordered, by state.',
      ['state'],
    ),
    oldestUndeliveredAge: fading(
      'oldest_undelivered_age_seconds',
      'Time since the oldest undelivered record came in, by where it stands; 0 when there is none.',
      ['state'],
    ),
    stuckSources: fading('stuck_sources', 'Sources of which a work order has failed for good.'),
    discoveryAge: fading(
      'discovery_age_seconds',
      'Time since a discovery ended well, of the shard for which that is the longest ago.',
    ),
    paused: fading('paused', 'Whether an operator has paused something: 1 or 0.', ['what']),
    processInfo: new Gauge({
      name: 'log_courier_process_info',
      help: 'Always 1: the labels say what this process is.',
      labelNames: ['version', 'roles'],
      registers,
    }),
  };
}
