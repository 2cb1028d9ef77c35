import { describe, expect, test } from '@jest/globals';
import { Condition, InvalidJsonPathError, JsonPath } from '../../src/pipelines/reports/archive/json-path.js';

const report = {
  os: { name: 'linux', 'kernel.release': '6.1' },
  load: [0.5, 1, 2],
  up: true,
  disk: [
    { name: '/', full: null },
    { name: '/var', full: 0.9 },
  ],
  'a=b': 'c=d',
};

describe('a JSONPath', () => {
  test.each([
    ['$', [report]],
    ['$.os.name', ['linux']],
    ["$['os']['kernel.release']", ['6.1']],
    ['$["load"][0]', [0.5]],
    ['$.load[-1]', [2]],
    ['$.load[3]', []],
    ['$.load[*]', [0.5, 1, 2]],
    ['$.disk[*].name', ['/', '/var']],
    ['$.os.*', ['linux', '6.1']],
    ['$.load.length', []],
    ['$.nothing.at.all', []],
    ['$.constructor', []],
  ])('%s names its values', (path, values) => {
    expect(new JsonPath(path).valuesIn(report)).toEqual(values);
  });

  test.each(['os.name', '$os', '$.', '$..name', '$[?(@.a)]', "$['a", '$.load[1:2]', ''])(
    '%j is refused',
    (path) => {
      expect(() => new JsonPath(path)).toThrow(InvalidJsonPathError);
    },
  );
});

describe('a condition', () => {
  test.each([
    ['$.os.name=linux', true],
    ['$.os.name=Linux', false],
    ['$.load[1]=1', true],
    ['$.load[*]=2.0', true],
    ['$.os["kernel.release"]=6.1', true],
    ['$.up=true', true],
    ['$.disk[*].full=null', true],
    ['$.load=[0.5, 1, 2]', true],
    ["$['a=b']=c=d", true],
    ['$.nothing=null', false],
    ['$.nothing=', false],
  ])('%s holds: %j', (text, holds) => {
    expect(new Condition(text).holds(report)).toBe(holds);
  });

  test.each(['$.a', 'a=b', "$['a=b'"])('%j is refused', (text) => {
    expect(() => new Condition(text)).toThrow(InvalidJsonPathError);
  });
});
