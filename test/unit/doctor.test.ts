import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judgeClocks, readingOf, type ClockReading } from '../../src/cli/doctor/clock.js';
import { judgeRedis, type RedisFacts } from '../../src/cli/doctor/judge-redis.js';
import { judgeNode } from '../../src/cli/doctor/node.js';
import { judgeSilence as judgeRedisSilence } from '../../src/cli/doctor/redis.js';
import { judgeS3 } from '../../src/cli/doctor/s3.js';
import { judgeSettings } from '../../src/cli/doctor/settings.js';
import type { BucketTrial } from '../../src/destinations/s3/try-bucket.js';
import { judgeBucket } from '../../src/pipelines/bucket-findings.js';
import { settingsWith, verdicts } from '../support/doctor.js';

describe('Node.js', () => {
  test.each([
    ['18.20.0', 'problem'],
    ['20.20.2', 'warning'],
    ['22.0.0', 'ok'],
    ['26.1.0', 'ok'],
  ])('%s is %s', (version, verdict) => {
    expect(judgeNode(version).verdict).toBe(verdict);
  });
});

/** A dashboard that other machines reach. */
const OPEN = {
  'dashboard.listen-address': '0.0.0.0',
  'dashboard.username': 'operator',
  'dashboard.password': 'password',
};

describe('settings', () => {
  test('fit each other by default', () => {
    expect(verdicts(judgeSettings(settingsWith()))).toEqual([]);
  });

  test.each([
    ['problem', 'consumer.time-threshold-seconds', { 'consumer.time-threshold-seconds': '259200' }],
    [
      'problem',
      'order-book.retention-days',
      { 'order-book.retention-days': '4', 'retention.record-hours': '97' },
    ],
    ['warning', 'retention.warn-before-hours', { 'retention.warn-before-hours': '72' }],
    ['warning', 'retry.redrive-interval-seconds', { 'retry.redrive-interval-seconds': '43200' }],
    ['warning', 'audit.interval-seconds', { 'audit.interval-seconds': '21600' }],
    ['warning', 'clickhouse.timeout-seconds', { 'clickhouse.timeout-seconds': '300' }],
    ['warning', 'redis.tls-skip-verify', { 'redis.tls-skip-verify': 'true' }],
    ['warning', 's3.tls-skip-verify', { 's3.tls-skip-verify': 'true' }],
    [
      'warning',
      'dashboard.listen-address',
      { ...OPEN, 'dashboard.session-secret': 'x'.repeat(32), 'dashboard.trusted-proxies': '' },
    ],
    ['warning', 'dashboard.session-secret', { ...OPEN, 'dashboard.trusted-proxies': '10.0.0.0/8' }],
    ['warning', 'metrics-server.enabled', { 'metrics-server.enabled': 'false' }],
    ['warning', 'clickhouse.url', { 'clickhouse.url': 'http://ch.example:8123', 'clickhouse.password': 'p' }],
  ])('that do not are a %s of %s', (verdict, subject, flags) => {
    expect(verdicts(judgeSettings(settingsWith(flags)))).toEqual([`${verdict} settings ${subject}`]);
  });

  test('may send a password over a connection that is encrypted, or within this machine', () => {
    for (const url of ['https://ch.example:8443', 'http://127.0.0.1:8123'])
      expect(
        verdicts(judgeSettings(settingsWith({ 'clickhouse.url': url, 'clickhouse.password': 'p' }))),
      ).toEqual([]);
  });
});

describe('clocks', () => {
  const reading = (aheadMs: number, uncertaintyMs = 0, engine = 'redis'): ClockReading => ({
    engine,
    subject: '',
    aheadMs,
    uncertaintyMs,
  });

  test.each([
    [0, 0, 'ok'],
    [4999, 0, 'ok'],
    [-4999, 0, 'ok'],
    [5000, 0, 'warning'],
    [-5000, 0, 'warning'],
    [59_999, 0, 'warning'],
    [60_000, 0, 'problem'],
    [-60_000, 0, 'problem'],
    [60_000, 1, 'warning'],
    [6000, 2000, 'ok'],
    [100, 30_000, 'ok'],
  ])('that are %i ms apart, known to %i ms, are %s', (aheadMs, uncertaintyMs, verdict) => {
    expect(judgeClocks([reading(aheadMs, uncertaintyMs)]).map((finding) => finding.verdict)).toEqual([
      verdict,
    ]);
  });

  test('that agree with each other and not with ours show that ours is off', () => {
    const [first] = judgeClocks([reading(70_000), reading(71_000, 0, 's3')]);
    expect(first?.advice).toContain('set the clock of this machine right');
    const [off] = judgeClocks([reading(70_000), reading(0, 0, 's3')]);
    expect(off?.advice).toContain('set the clock of that machine right');
    const [alone] = judgeClocks([reading(70_000)]);
    expect(alone?.advice).toContain('set the clock of that machine right');
  });

  test('that are equal are never found to be off, however long an answer takes and however it is rounded', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.nat(600_000),
        fc.nat(600_000),
        fc.constantFrom(0, 1, 1000),
        (sentMs, there, back, roundedMs) => {
          const gotMs = sentMs + there + back;
          const seen = sentMs + there;
          const theirsMs = roundedMs === 0 ? seen : Math.floor(seen / roundedMs) * roundedMs;
          const clock = readingOf({ engine: 's3', subject: '' }, { sentMs, gotMs, theirsMs, roundedMs });
          expect(judgeClocks([clock])[0]?.verdict).toBe('ok');
        },
      ),
    );
  });

  test('that are an hour apart are found to be, when the answer takes less than that', () => {
    const clock = readingOf(
      { engine: 's3', subject: '' },
      { sentMs: 0, gotMs: 400, theirsMs: 3_600_000, roundedMs: 1000 },
    );
    expect(judgeClocks([clock])[0]).toMatchObject({ check: 's3.clock', verdict: 'problem' });
    expect(judgeClocks([clock])[0]?.found).toContain('1 h ahead of');
  });
});

describe('Redis', () => {
  const fine: RedisFacts = {
    version: '7.0.15',
    policy: 'noeviction',
    maxMemory: 0,
    usedMemory: 1000,
    aof: true,
    snapshots: false,
    lastSaveFailed: false,
    replica: false,
    cluster: false,
    refusal: '',
  };

  test.each<[string, Partial<RedisFacts>, readonly string[]]>([
    ['as it should be is fine', {}, []],
    ['6.2 is fine', { version: '6.2.0' }, []],
    ['10 is fine', { version: '10.0.0' }, []],
    ['6.0 is too old', { version: '6.0.16' }, ['problem redis.reachable']],
    ['5 is too old', { version: '5.9.9' }, ['problem redis.reachable']],
    ['that evicts is a problem', { policy: 'volatile-lru' }, ['problem redis.eviction']],
    ['that does not tell is a warning', { policy: '' }, ['warning redis.eviction']],
    ['with room is fine', { maxMemory: 2000, usedMemory: 1599 }, []],
    ['without room is a warning', { maxMemory: 2000, usedMemory: 1600 }, ['warning redis.memory']],
    ['with snapshots alone is a warning', { aof: false, snapshots: true }, ['warning redis.persistence']],
    ['that keeps nothing is a warning', { aof: false }, ['warning redis.persistence']],
    [
      'that does not tell what it keeps is one',
      { aof: false, snapshots: undefined },
      ['warning redis.persistence'],
    ],
    ['that cannot write to disk is a warning', { lastSaveFailed: true }, ['warning redis.persistence']],
    ['that is a replica is a problem', { replica: true }, ['problem redis.writable']],
    ['that is a cluster is a problem', { cluster: true }, ['problem redis.writable']],
    ['that refuses a key is a problem', { refusal: 'NOPERM' }, ['problem redis.writable']],
  ])('%s', (_name, facts, expected) => {
    expect(verdicts(judgeRedis('', { ...fine, ...facts }))).toEqual(expected);
  });

  test.each([
    ['NOAUTH Authentication required.', /redis\.password/],
    ['WRONGPASS invalid username-password pair or user is disabled.', /redis\.password/],
    ['NOPERM this user has no permissions to run the info command', /let the Redis user/],
    ['connect ECONNREFUSED 127.0.0.1:6379', /check redis\.url/],
  ])('that says %s is told what to do about it', (message, advice) => {
    expect(judgeRedisSilence('', new Error(message))).toMatchObject({
      verdict: 'problem',
      advice: expect.stringMatching(advice),
    });
  });
});

describe('S3', () => {
  test.each([
    ['InvalidAccessKeyId', true, 'problem', /s3\.access-key-id/],
    ['SignatureDoesNotMatch', true, 'problem', /s3\.secret-access-key/],
    ['RequestTimeTooSkewed', true, 'problem', /clock/],
    ['CredentialsProviderError', false, 'problem', /role/],
    ['AccessDenied', true, 'ok', /^$/],
    ['ECONNREFUSED', false, 'problem', /s3\.endpoint/],
    ['InternalError', false, 'problem', /s3\.endpoint/],
  ])('that answers %s', (code, answers, verdict, advice) => {
    const finding = judgeS3('', { code, message: code, permanent: false }, answers);
    expect(finding).toMatchObject({ verdict, advice: expect.stringMatching(advice) });
  });
});

describe('a target bucket', () => {
  const denied = { code: 'AccessDenied', message: 'AccessDenied (HTTP 403): no', permanent: true };
  const trial: BucketTrial = {
    bucket: 'b',
    key: 'k',
    upload: 'done',
    listUploads: 'done',
    abortUpload: 'done',
    put: 'done',
    get: 'done',
    remove: 'done',
    conditionalWrites: 'on',
  };

  test.each<[string, Partial<BucketTrial>, Readonly<Record<string, string>>, readonly string[]]>([
    ['that takes all is fine', {}, {}, []],
    ['where no upload can begin is a problem', { upload: denied }, {}, ['problem s3.bucket.write b']],
    ['where no object can be written is a problem', { put: denied }, {}, ['problem s3.bucket.write b']],
    ['where objects cannot be read is a warning', { get: denied }, {}, ['warning s3.bucket.read b']],
    [
      'where uploads cannot be listed is a warning',
      { listUploads: denied },
      {},
      ['warning s3.bucket.uploads b'],
    ],
    [
      'where uploads cannot be aborted is a warning',
      { abortUpload: denied },
      {},
      ['warning s3.bucket.uploads b'],
    ],
    ['where the test object stays is a warning', { remove: denied }, {}, ['warning s3.bucket.remove b']],
    ['without conditional writes is fine', { conditionalWrites: 'off' }, {}, []],
    [
      'without those that are relied on is a problem',
      { conditionalWrites: 'off' },
      { 's3.conditional-writes': 'on' },
      ['problem s3.conditional-writes b'],
    ],
    [
      'with those that are not used is a warning',
      {},
      { 's3.conditional-writes': 'off' },
      ['warning s3.conditional-writes b'],
    ],
  ])('%s', (_name, facts, flags, expected) => {
    expect(verdicts(judgeBucket({ ...trial, ...facts }, settingsWith(flags)))).toEqual(expected);
  });
});
