import { describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startTracing } from '../../src/observability/tracing/start.js';
import { importsOf, packageOf } from '../support/imports.js';

const LIBRARIES = /^(@opentelemetry\/|bullmq-otel$)/;
/** What is loaded only once a collector is named. */
const LOADED_LATE = ['src/observability/tracing/otlp.ts', 'src/observability/tracing/sampler.ts'];

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join('src', file));

describe('without a collector', () => {
  test('there is no tracing', async () => {
    const options = { endpoint: '', headers: '', sampleRatio: 1, serviceName: 'x', version: '1' };
    expect(await startTracing({ ...options, onError: () => undefined })).toBeUndefined();
  });

  test('no library of OpenTelemetry is loaded', () => {
    const users = sources.filter((file) =>
      importsOf(file).some((one) => one.kind !== 'type' && LIBRARIES.test(packageOf(one) ?? '')),
    );
    expect(users.sort()).toEqual(LOADED_LATE);
    const loaders = sources.filter((file) =>
      importsOf(file).some(({ from, kind }) => kind === 'static' && /\/(otlp|sampler)\.js$/.test(from)),
    );
    expect(loaders).toEqual(['src/observability/tracing/otlp.ts']);
  });
});
