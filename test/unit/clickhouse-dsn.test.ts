import { describe, expect, test } from '@jest/globals';
import { InvalidDsnError, parseClickHouseDsn } from '../../src/destinations/clickhouse/dsn.js';

describe('the address of a ClickHouse', () => {
  test.each([
    ['clickhouse://ch/logs', ['http://ch:8123/logs'], 'default', ''],
    ['clickhouse://ch:8123', ['http://ch:8123/default'], 'default', ''],
    ['clickhouse://me:secret@ch:9000/logs', ['http://ch:8123/logs'], 'me', 'secret'],
    ['clickhouse://me:a%40b%3A%2Fc@ch/logs', ['http://ch:8123/logs'], 'me', 'a@b:/c'],
    ['clickhouse://me:a:b@c@ch/logs', ['http://ch:8123/logs'], 'me', 'a:b@c'],
    ['clickhouse://ch:9440/logs?secure=true', ['https://ch:8443/logs'], 'default', ''],
    [
      'clickhouse://ch/logs?secure=false&dial_timeout=10s&compress=lz4',
      ['http://ch:8123/logs'],
      'default',
      '',
    ],
    ['tcp://ch:9000?username=me&password=secret&database=logs', ['http://ch:8123/logs'], 'me', 'secret'],
    ['clickhouse://a:9000,b:8124/logs', ['http://a:8123/logs', 'http://b:8124/logs'], 'default', ''],
    ['http://me@ch:80/logs', ['http://ch:80/logs'], 'me', ''],
    ['https://ch/logs', ['https://ch:8443/logs'], 'default', ''],
    ['clickhouse://[::1]:9000/logs', ['http://[::1]:8123/logs'], 'default', ''],
  ])('%s is understood', (dsn, urls, username, password) => {
    expect(parseClickHouseDsn(dsn)).toMatchObject({ urls, username, password });
  });

  test('says when a port of the native protocol was taken for one of HTTP', () => {
    const { notes } = parseClickHouseDsn('clickhouse://ch:9000/logs');
    expect(notes).toEqual([
      'port 9000 is that of the native protocol; log-courier speaks HTTP, and takes port 8123',
    ]);
    expect(parseClickHouseDsn('clickhouse://ch:8123/logs').notes).toEqual([]);
  });

  test.each([
    '',
    'ch:9000',
    'mysql://secret@ch/logs',
    'clickhouse://',
    'clickhouse://me:secret@/logs',
    'clickhouse://secret:99999/x',
    'clickhouse://c h/secret',
    'http://ch/a/secret',
  ])('%j is refused, without a word of what stands in it', (dsn) => {
    const refused = (): unknown => parseClickHouseDsn(dsn);
    expect(refused).toThrow(InvalidDsnError);
    expect(refused).not.toThrow(/secret/);
  });
});
