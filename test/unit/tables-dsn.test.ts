import { expect, test } from '@jest/globals';
import { parseDsn } from '../../src/pipelines/tables/mysql/dsn.js';
import { quoted } from '../../src/pipelines/tables/mysql/identifiers.js';
import { decimalBytes, twosComplement } from '../../src/pipelines/tables/shape/decimal.js';

test.each([
  ['ntp:p@ss:w/rd@tcp(mysql:3307)/askntp?parseTime=true', 'ntp', 'p@ss:w/rd', 'mysql', 3307, 'askntp'],
  ['ntp:secret@tcp(mysql)/askntp', 'ntp', 'secret', 'mysql', 3306, 'askntp'],
  ['ntp@tcp([::1]:3306)/askntp', 'ntp', '', '::1', 3306, 'askntp'],
  ['ntp:secret@/askntp', 'ntp', 'secret', '127.0.0.1', 3306, 'askntp'],
  ['mysql://ntp:p%40ss@db.example.com/askntp', 'ntp', 'p@ss', 'db.example.com', 3306, 'askntp'],
  ['mariadb://ntp@db.example.com:3310/askntp', 'ntp', '', 'db.example.com', 3310, 'askntp'],
])('%s is understood', (dsn, user, password, host, port, database) => {
  expect(parseDsn(dsn)).toMatchObject({ user, password, host, port, database });
});

test('a socket is understood', () => {
  expect(parseDsn('ntp:x@unix(/run/mysqld/mysqld.sock)/askntp')).toMatchObject({
    socketPath: '/run/mysqld/mysqld.sock',
    database: 'askntp',
  });
});

test('what is no DSN is refused without being quoted', () => {
  expect(() => parseDsn('ntp:secret@somewhere')).toThrow(expect.not.stringContaining('secret'));
});

test.each(['a`b', "a'b", 'a b', '', 'a.b', 'ä'])('%j is no name of a table or a column', (name) => {
  expect(() => quoted(name)).toThrow('cannot be the name');
});

test.each([
  ['0.00', 2, '00'],
  ['1.27', 2, '7f'],
  ['1.28', 2, '0080'],
  ['-1.28', 2, '80'],
  ['-1.29', 2, 'ff7f'],
  ['12', 2, '04b0'],
  ['18446744073709551615', 0, '00ffffffffffffffff'],
  ['-99999999999999999999999999999999999999', 0, 'b4c4b357a5793b85f675ddc000000001'],
])('the decimal %s with %i digits behind the point is %s in bytes', (text, scale, hex) => {
  expect(decimalBytes(text, scale).toString('hex')).toBe(hex);
});

test('a decimal that would lose digits is refused', () => {
  expect(() => decimalBytes('1.234', 2)).toThrow('no decimal with 2 digits');
  expect(twosComplement(-1n).toString('hex')).toBe('ff');
});
