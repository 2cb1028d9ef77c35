import { decimal, setting, text, textLike, url, type Setting } from './setting.js';

/** Headers as OTEL_EXPORTER_OTLP_HEADERS has them: names and values, percent-encoded where need be. */
const HEADERS = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+=[^,=\s][^,\s]*(,(?=.))?)*$/;

/** The rows of the settings table on what log-courier tells of itself. */
export const telemetrySettings = {
  'telemetry.measure-interval-seconds': setting(
    decimal(1, 3600),
    30,
    'Time between two looks at the order book for the metrics of what waits and what is stuck.',
    { unit: 's' },
  ),
  'telemetry.otlp-endpoint': setting(
    url(['http', 'https'], true),
    '',
    'OpenTelemetry collector that gets traces by OTLP over HTTP, e.g. http://127.0.0.1:4318; nothing for no traces.',
  ),
  'telemetry.otlp-headers': setting(
    textLike(HEADERS, 'name=value, several of them comma-separated, values percent-encoded, or nothing'),
    '',
    'Headers of each request to the collector, such as its credentials.',
    { secret: true },
  ),
  'telemetry.sample-ratio': setting(
    decimal(0, 1),
    1,
    'Part of the discoveries that are traced, each with all of its work orders.',
  ),
  'telemetry.service-name': setting(
    text(),
    'log-courier',
    'What traces call this deployment (service.name).',
  ),
} as const satisfies Readonly<Record<string, Setting>>;
